"""Proof that a tour is the shortest: linear programmes with lazy cuts, and branching where they leave a gap.

The bounds are safe: prices of a programme are rounded to fractions of 2**-20 and the bound they give is computed in
whole numbers over every link there is, so nothing of a solver's tolerance is in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from gridmap.domain.routes.cutting import EPS, Cut, Floats
from gridmap.domain.routes.ordering import Tour, shortened
from gridmap.domain.routes.problem import Ints
from gridmap.domain.routes.programme import UNIT, Programme

CANDIDATES = 6  # links tried before branching
PATIENCE = 12  # rounds of blossoms and combs that may bring nothing
ROOM = 30  # links for each place that may all be known after the root
GUIDED = 3  # searches among priced links at the root
FINE = 1 << 10  # units a priced link is counted in


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
class _Node:
    """A part of the tree: links barred or taken on the way down, and the bound known for it."""

    bound: int
    fixed: dict[int, int] = field(default_factory=dict)


class _Branching:
    """The tree: depth first, the better known half first."""

    def __init__(self, tour: Tour, first: Ints, effort: int, stop: Callable[[], bool] | None) -> None:
        self.tour, self.best, self.effort = tour, first.copy(), effort
        self.stop = stop or (lambda: False)
        self.upper = self._length(first)
        self.programme = Programme(tour, first)
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
            self.programme.limit(e, None)
        for e, value in wanted.items():
            if self.now.get(e) != value:
                self.programme.limit(e, value)
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
            objective = programme.objective
            stalled = stalled + 1 if objective < before + 1e-4 * max(1.0, self.upper - before) else 0
            before = objective
            programme.forget_idle()
            cuts = self._broken_cuts(values, searching=stalled <= PATIENCE)
            programme.add_cuts(cuts)
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
        if self.programme.infeasible() and node.fixed:
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
            self._guided(places)
            self._settle(left, (self.upper - 1) * UNIT - bound)
        return bool(fresh)

    def _guided(self, places: Ints) -> None:
        """Look for a shorter tour near to the programme's: prices of places change all tours alike.

        Not where every place is an arrival and a departure: turning pieces round leads nowhere there.
        """
        tour = self.tour
        if len(tour.forced) > 1:
            return
        priced = (tour.cost * UNIT - places[:, None] - places[None, :]) // FINE
        for seed in range(1, GUIDED + 1):
            found = shortened(Tour(priced, tour.forced, tour.barred * (UNIT // FINE)), self.best, seed)
            if self._length(found) < self.upper:
                self.upper, self.best = self._length(found), found

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

    def _broken_cuts(self, values: Floats, *, searching: bool) -> list[Cut]:
        """Return cuts the values break: loose pieces, else weak cuts, else blossoms and combs if wanted."""
        now = self.programme.used(values)
        found = now.loose() or now.weak()
        if found or not searching or now.whole():
            return found
        return now.blossoming() or now.combs()

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
        gains = self.programme.trial(close.tolist()) if len(close) > 1 else [(0.0, 0.0)]
        scores = [(low * high, low, high) for low, high in gains]
        at = scores.index(max(scores))
        best = int(close[at])
        order = (0, 1) if gains[at][0] > gains[at][1] else (1, 0)  # the last one is examined first
        return [_Node(node.bound, node.fixed | {best: value}) for value in order]
