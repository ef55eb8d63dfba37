"""Proof that a tour is the shortest: linear programmes with lazy cuts, and branching where they leave a gap.

The bounds are safe: prices of a programme are rounded to fractions of 2**-20 and the bound they give is computed in
whole numbers over every link there is, so nothing of a solver's tolerance is in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import highspy
import numpy as np
import numpy.typing as npt

from gridmap.domain.routes.ordering import Tour
from gridmap.domain.routes.problem import Ints
from gridmap.domain.routes.separation import blossoms, pieces, weak_cuts

UNIT = 1 << 20  # fractions prices are rounded to
CLOSE = 6  # nearest links of each place that the first programme knows
CUTS = 60  # of one kind in one round
EPS = 1e-6
CANDIDATES = 6  # links tried before branching
TRIAL = 60  # simplex steps of one such trial
PATIENCE = 12  # rounds of blossoms that may bring nothing
ROOM = 30  # links for each place that may all be known after the root

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def prove(tour: Tour, first: Ints, effort: int, stop: Callable[[], bool] | None) -> tuple[Ints, int, bool]:
    """Return the best tour found, a lower bound on every tour, and whether they meet.

    Parameters
    ----------
    first : a tour; the shorter, the quicker the proof
    effort : linear programmes that may be solved
    """
    search = _Branching(tour, first, effort, stop)
    bound = search.run()
    return search.best, min(bound, search.upper), bound >= search.upper


@dataclass
class _Cut:
    """x(border of inside) - 2 x(teeth) >= 2 without teeth, 1 - |teeth| with."""

    inside: Bools
    teeth: tuple[int, ...] = ()

    @property
    def right(self) -> int:
        return 1 - len(self.teeth) if self.teeth else 2


@dataclass
class _Node:
    """A part of the tree: links barred or taken on the way down, and the bound known for it."""

    bound: int
    fixed: dict[int, int] = field(default_factory=dict)


class _Programme:
    """The linear programme over the links known so far."""

    def __init__(self, tour: Tour, first: Ints) -> None:
        self.cost, self.barred, self.n = tour.cost, tour.barred, len(tour.cost)
        self.forced = {self._key(int(a), int(b)) for a, b in tour.forced}
        self.known: dict[tuple[int, int], int] = {}
        self.tail: Ints = np.empty(0, dtype=np.int64)
        self.head: Ints = np.empty(0, dtype=np.int64)
        self.cuts: list[_Cut] = []
        self.alive: Bools = self.cost < self.barred  # links a shorter tour may have
        self.solved = 0
        self.highs = highspy.Highs()  # type: ignore[no-untyped-call]
        for option, value in (("output_flag", False), ("threads", 1), ("presolve", "off"), ("random_seed", 0)):
            self.highs.setOptionValue(option, value)
        for _ in range(self.n):
            self.highs.addRow(2.0, 2.0, 0, np.empty(0, dtype=np.int32), np.empty(0))
        near = np.argsort(self.cost, axis=1, kind="stable")[:, :CLOSE]
        links = self.forced | {self._key(int(a), int(b)) for a, b in zip(first, np.roll(first, -1), strict=True)}
        links |= {self._key(i, int(j)) for i in range(self.n) for j in near[i] if self.cost[i, j] < self.barred}
        self.add_links(sorted(links))

    @staticmethod
    def _key(a: int, b: int) -> tuple[int, int]:
        return (a, b) if a < b else (b, a)

    def add_links(self, links: list[tuple[int, int]]) -> None:
        """Make links known, with their part in every cut."""
        fresh = [link for link in links if link not in self.known]
        if not fresh:
            return
        for link in fresh:
            self.known[link] = len(self.known)
        ends = np.array(fresh, dtype=np.int64)
        self.tail = np.concatenate([self.tail, ends[:, 0]])
        self.head = np.concatenate([self.head, ends[:, 1]])
        for a, b in fresh:
            rows = [a, b] + [self.n + c for c, cut in enumerate(self.cuts) if cut.inside[a] != cut.inside[b]]
            low = 1.0 if (a, b) in self.forced else 0.0
            index = np.array(rows, dtype=np.int32)
            self.highs.addCol(float(self.cost[a, b]), low, 1.0, len(rows), index, np.ones(len(rows)))

    def add_cut(self, cut: _Cut) -> None:
        """Add a cut over the links known."""
        columns = np.flatnonzero(cut.inside[self.tail] != cut.inside[self.head])
        values = np.ones(len(columns))
        values[np.isin(columns, cut.teeth)] = -1.0
        self.highs.addRow(float(cut.right), highspy.kHighsInf, len(columns), columns.astype(np.int32), values)
        self.cuts.append(cut)

    def solve(self) -> Floats | None:
        """Solve it; None when no values satisfy it."""
        self.solved += max(1, self.n**2 // 10_000)
        self.highs.run()
        if self.highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        return np.array(self.highs.getSolution().col_value)

    def prices(self) -> tuple[Ints, Ints]:
        """Return the whole-number prices of places and of cuts."""
        dual = np.rint(np.array(self.highs.getSolution().row_dual) * UNIT).astype(np.int64)
        return dual[: self.n], np.maximum(dual[self.n :], 0)

    def reduced(self, places: Ints, cuts: Ints) -> Ints:
        """Return the reduced cost of every link there is, in units."""
        left = self.cost * UNIT - places[:, None] - places[None, :]
        for c in np.flatnonzero(cuts):
            cut = self.cuts[c]
            left -= np.where(cut.inside[:, None] != cut.inside[None, :], cuts[c], 0)
            for e in cut.teeth:
                a, b = self.tail[e], self.head[e]
                left[a, b] += 2 * cuts[c]
                left[b, a] += 2 * cuts[c]
        return left

    def bound(self, places: Ints, cuts: Ints, left: Ints, fixed: dict[int, int]) -> int:
        """Return the safe bound in units: no tour with these links fixed costs less."""
        rights = np.array([cut.right for cut in self.cuts], dtype=np.int64)
        total = 2 * int(places.sum()) + int((rights * cuts).sum())
        gain = np.minimum(left, 0)
        gain[~self.alive] = 0
        for e, value in fixed.items():
            a, b = self.tail[e], self.head[e]
            gain[a, b] = gain[b, a] = left[a, b] if value else 0
        for a, b in self.forced:
            gain[a, b] = gain[b, a] = left[a, b]
        return total + int(np.triu(gain, 1).sum())


class _Branching:
    """The tree: depth first, the better known half first."""

    def __init__(self, tour: Tour, first: Ints, effort: int, stop: Callable[[], bool] | None) -> None:
        self.tour, self.best, self.effort = tour, first.copy(), effort
        self.stop = stop or (lambda: False)
        self.upper = self._length(first)
        self.programme = _Programme(tour, first)
        self.now: dict[int, int] = {}
        self.settled: dict[int, int] = {}  # links fixed for good by their reduced cost
        self.floor = 1 << 62  # least bound of nodes that were closed without proof

    def run(self) -> int:
        """Return the bound the finished (or given up) tree proves."""
        open_nodes = [_Node(-(1 << 62))]
        while open_nodes:
            if self.programme.solved >= self.effort or self.stop():
                return min(self.floor, *(node.bound for node in open_nodes))
            node = open_nodes.pop()
            if node.bound >= self.upper:
                continue
            open_nodes += self._examine(node)
        return min(self.floor, self.upper)

    def _examine(self, node: _Node) -> list[_Node]:
        """Bound a node by cuts; return its halves, or nothing when it is done with."""
        self._fix(node.fixed)
        values = self._tightened(node)
        if values is None:
            return []
        if self.programme.solved >= self.effort or self.stop():
            return [node]
        return self._halves(node, values)

    def _length(self, tour: Ints) -> int:
        return int(self.tour.cost[tour, np.roll(tour, -1)].sum())

    def _fix(self, fixed: dict[int, int]) -> None:
        """Set the bounds of links as a node asks."""
        wanted = self.settled | fixed
        for e in self.now.keys() - wanted.keys():
            forced = (int(self.programme.tail[e]), int(self.programme.head[e])) in self.programme.forced
            self.programme.highs.changeColBounds(e, 1.0 if forced else 0.0, 1.0)
        for e, value in wanted.items():
            if self.now.get(e) != value:
                self.programme.highs.changeColBounds(e, float(value), float(value))
        self.now = wanted

    def _tightened(self, node: _Node) -> Floats | None:
        """Solve, cut and price until nothing more comes; None when the node cannot hold a shorter tour."""
        programme = self.programme
        stalled, before = 0, -1e300
        while True:
            values = programme.solve()
            if values is None:
                if self._all_known():
                    continue
                self._close(node)
                return None
            objective = programme.highs.getInfo().objective_function_value
            stalled = stalled + 1 if objective < before + 1e-4 * max(1.0, self.upper - before) else 0
            before = objective
            cuts = self._broken_cuts(values, blossoming=stalled <= PATIENCE)
            for cut in cuts:
                programme.add_cut(cut)
            spent = programme.solved >= self.effort or self.stop()
            if not cuts or spent or objective > self.upper - 1 + EPS:
                if self._priced(node) and not spent:
                    continue
                if node.bound >= self.upper:
                    return None
                if not cuts and self._fractional(values).size == 0:
                    self._take(values, node)
                    return None
                if not cuts or spent:
                    return values

    def _all_known(self) -> bool:
        """Make all links known that a shorter tour may have; tell whether there were any."""
        unknown = [(int(a), int(b)) for a, b in np.argwhere(np.triu(self.programme.alive, 1))]
        fresh = [link for link in unknown if link not in self.programme.known]
        self.programme.add_links(fresh)
        return bool(fresh)

    def _close(self, node: _Node) -> None:
        """Close a node whose programme cannot be solved: a proof only where nothing satisfies it."""
        if self.programme.highs.getModelStatus() == highspy.HighsModelStatus.kInfeasible and node.fixed:
            node.bound = self.upper
        else:
            self.floor = min(self.floor, node.bound)

    def _priced(self, node: _Node) -> bool:
        """Raise the node's bound; make links known that would lower it. At the root, settle what can be settled."""
        programme = self.programme
        places, cut_prices = programme.prices()
        left = programme.reduced(places, cut_prices)
        bound = programme.bound(places, cut_prices, left, self.now)
        node.bound = max(node.bound, -(-bound // UNIT))
        if node.bound >= self.upper:
            return False
        cheap = [(int(a), int(b)) for a, b in np.argwhere(np.triu((left < 0) & programme.alive, 1))]
        fresh = [link for link in cheap if link not in programme.known]
        if fresh:
            programme.add_links(fresh)
        elif not node.fixed:
            self._settle(left, (self.upper - 1) * UNIT - bound)
        return bool(fresh)

    def _settle(self, left: Ints, limit: int) -> None:
        """Drop links dearer than ``limit``: no shorter tour has them; take those whose absence is dearer."""
        programme = self.programme
        programme.alive &= left <= limit
        rest = np.argwhere(np.triu(programme.alive, 1))
        if len(rest) <= ROOM * programme.n:
            programme.add_links([(int(a), int(b)) for a, b in rest])
        for (a, b), e in programme.known.items():
            if (a, b) in programme.forced or e in self.settled:
                continue
            if left[a, b] > limit:
                self.settled[e] = 0
            elif -left[a, b] > limit:
                self.settled[e] = 1
        self._fix({})

    def _broken_cuts(self, values: Floats, *, blossoming: bool) -> list[_Cut]:
        """Return cuts the values break: loose pieces, else weak cuts, else blossoms if wanted."""
        programme = self.programme
        used = np.flatnonzero(values > EPS)
        tail, head, value = programme.tail[used], programme.head[used], values[used]
        label = np.empty(programme.n, dtype=np.int64)
        count = pieces(programme.n, tail, head, value, EPS, 2.0, label)
        if count > 1:
            return [_Cut(label == c) for c in range(count if count > 2 else 1)]
        sides = np.empty((CUTS, programme.n), dtype=np.bool_)
        weak = [_Cut(side.copy()) for side in sides[: weak_cuts(programme.n, tail, head, value, sides)]]
        if weak or not blossoming or not self._fractional(values).size:
            return weak
        handles, teeth = np.empty((CUTS, programme.n), np.bool_), np.empty((CUTS, len(used)), np.bool_)
        found = blossoms(programme.n, tail, head, value, handles, teeth)
        return [_Cut(handles[i].copy(), tuple(used[teeth[i]].tolist())) for i in range(found)]

    @staticmethod
    def _fractional(values: Floats) -> Ints:
        found: Ints = np.flatnonzero((values > EPS) & (values < 1 - EPS))
        return found

    def _take(self, values: Floats, node: _Node) -> None:
        """Take a whole, connected solution as the new best tour, if it is shorter; it is the best of its node."""
        programme = self.programme
        links: list[list[int]] = [[] for _ in range(programme.n)]
        for e in np.flatnonzero(values > 0.5):
            a, b = int(programme.tail[e]), int(programme.head[e])
            links[a].append(b)
            links[b].append(a)
        tour = [0]
        before, at = -1, 0
        while len(tour) < programme.n:
            following = links[at][0] if links[at][0] != before else links[at][1]
            tour.append(following)
            before, at = at, following
        found = np.array(tour, dtype=np.int64)
        if self._length(found) < self.upper:
            self.upper, self.best = self._length(found), found
        if node.bound < self.upper:
            self.floor = min(self.floor, node.bound)

    def _halves(self, node: _Node, values: Floats) -> list[_Node]:
        """Split a node at the link whose two values raise the bound most."""
        fractional = self._fractional(values)
        close = fractional[np.argsort(np.abs(values[fractional] - 0.5), kind="stable")][:CANDIDATES]
        highs = self.programme.highs
        now = highs.getInfo().objective_function_value
        basis = highs.getBasis()
        highs.setOptionValue("simplex_iteration_limit", TRIAL)
        best, scores = int(close[0]), (-1.0, 0.0, 0.0)
        for e in close.tolist() if len(close) > 1 else []:
            gains = []
            for value in (0.0, 1.0):
                highs.changeColBounds(e, value, value)
                highs.run()
                gains.append(max(highs.getInfo().objective_function_value - now, 1e-6))
                highs.setBasis(basis)
            highs.changeColBounds(e, 0.0, 1.0)
            score = (gains[0] * gains[1], gains[0], gains[1])
            if score > scores:
                best, scores = e, score
        highs.setOptionValue("simplex_iteration_limit", 2_147_483_647)
        order = (0, 1) if scores[1] > scores[2] else (1, 0)  # the last one is examined first
        return [_Node(node.bound, node.fixed | {best: value}) for value in order]
