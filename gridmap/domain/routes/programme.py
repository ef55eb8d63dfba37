"""The linear programme of a tour, over the links and cuts known so far, and bounds that hold without its tolerance."""

from __future__ import annotations

import highspy
import numpy as np

from gridmap.domain.routes.cutting import EPS, Bools, Cut, Floats, Fractional
from gridmap.domain.routes.ordering import Tour
from gridmap.domain.routes.problem import Ints

UNIT = 1 << 20  # fractions prices are rounded to
CLOSE = 6  # nearest links of each place that the first programme knows
IDLE = 8  # rounds a cut may cost nothing before it is forgotten
TRIAL = 60  # simplex steps of one trial
NO_LIMIT = 2_147_483_647
DEVEX = 1  # prices of the dual simplex that new rows do not cost much


class Programme:
    """A linear programme that grows by links and cuts."""

    def __init__(self, tour: Tour, first: Ints) -> None:
        self.cost, self.barred, self.n = tour.cost, tour.barred, len(tour.cost)
        self.forced = {_key(int(a), int(b)) for a, b in tour.forced}
        self.known: dict[tuple[int, int], int] = {}
        self.tail: Ints = np.empty(0, dtype=np.int64)
        self.head: Ints = np.empty(0, dtype=np.int64)
        self.cuts: list[Cut] = []
        self.idle: Ints = np.empty(0, dtype=np.int64)
        self.duals: Floats = np.zeros(self.n)
        self.alive: Bools = self.cost < self.barred  # links a shorter tour may have
        self.solved = 0
        self.highs = highspy.Highs()  # type: ignore[no-untyped-call]
        options: dict[str, bool | int | str] = {
            "output_flag": False,
            "threads": 1,
            "presolve": "off",
            "random_seed": 0,
            "solver": "simplex",
        }
        for option, value in (options | {"simplex_dual_edge_weight_strategy": DEVEX}).items():
            self.highs.setOptionValue(option, value)
        for _ in range(self.n):
            self.highs.addRow(2.0, 2.0, 0, np.empty(0, dtype=np.int32), np.empty(0))
        near = np.argsort(self.cost, axis=1, kind="stable")[:, :CLOSE]
        links = self.forced | {_key(int(a), int(b)) for a, b in zip(first, np.roll(first, -1), strict=True)}
        links |= {_key(i, int(j)) for i in range(self.n) for j in near[i] if self.cost[i, j] < self.barred}
        self.add_links(sorted(links))

    def add_links(self, links: list[tuple[int, int]]) -> None:
        """Make links known, with their part in every cut."""
        fresh = [link for link in links if link not in self.known]
        if not fresh:
            return
        tail, head = np.array(fresh, dtype=np.int64).T
        at = np.arange(len(fresh))
        places = [(tail, at, np.ones(len(fresh))), (head, at, np.ones(len(fresh)))]
        for c, cut in enumerate(self.cuts):
            crossed = cut.crossings(tail, head)
            columns = np.flatnonzero(crossed)
            places.append((np.full(len(columns), self.n + c), columns, crossed[columns].astype(np.float64)))
        row, column, value = (np.concatenate(parts) for parts in zip(*places, strict=True))
        order = np.lexsort((row, column))
        starts = np.searchsorted(column[order], at).astype(np.int32)
        low = np.array([1.0 if link in self.forced else 0.0 for link in fresh])
        self.highs.addCols(
            len(fresh), self.cost[tail, head].astype(np.float64), low, np.ones(len(fresh)), len(row), starts,
            row[order].astype(np.int32), value[order],
        )  # fmt: skip
        for link in fresh:
            self.known[link] = len(self.known)
        self.tail, self.head = np.concatenate([self.tail, tail]), np.concatenate([self.head, head])

    def add_cuts(self, cuts: list[Cut]) -> None:
        """Add cuts over the links known."""
        if not cuts:
            return
        values = np.array([cut.crossings(self.tail, self.head) for cut in cuts], dtype=np.float64)
        for c, cut in enumerate(cuts):
            values[c, list(cut.teeth)] -= 2.0
        rows, columns = np.nonzero(values)
        starts = np.searchsorted(rows, np.arange(len(cuts))).astype(np.int32)
        right = np.array([cut.right for cut in cuts], dtype=np.float64)
        self.highs.addRows(
            len(cuts), right, np.full(len(cuts), highspy.kHighsInf), len(rows), starts, columns.astype(np.int32),
            values[rows, columns],
        )  # fmt: skip
        self.cuts += cuts
        self.idle = np.concatenate([self.idle, np.zeros(len(cuts), dtype=np.int64)])
        self.duals = np.concatenate([self.duals, np.zeros(len(cuts))])

    def solve(self) -> Floats | None:
        """Solve it; None when no values satisfy it."""
        self.solved += max(1, self.n**2 // 10_000)
        self.highs.run()
        if self.highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        solution = self.highs.getSolution()
        self.duals = np.array(solution.row_dual)
        self.idle = np.where(self.duals[self.n :] > EPS, 0, self.idle + 1)
        return np.array(solution.col_value)

    def forget_idle(self) -> None:
        """Drop cuts that have cost nothing for long; they are found again when they are broken again."""
        idle = np.flatnonzero(self.idle > IDLE)
        basic = highspy.HighsBasisStatus.kBasic
        status = self.highs.getBasis().row_status
        gone = np.array([c for c in idle.tolist() if status[self.n + c] == basic], dtype=np.int32)
        if len(gone) < len(self.cuts) // 8 or not len(gone):
            return
        self.highs.deleteRows(len(gone), gone + np.int32(self.n))
        kept = np.ones(len(self.cuts), dtype=np.bool_)
        kept[gone] = False
        self.cuts = [cut for cut, stays in zip(self.cuts, kept, strict=True) if stays]
        self.idle = self.idle[kept]
        self.duals = np.concatenate([self.duals[: self.n], self.duals[self.n :][kept]])

    @property
    def objective(self) -> float:
        """Return the value of the last solution."""
        return float(self.highs.getInfo().objective_function_value)

    def infeasible(self) -> bool:
        """Tell whether the last solve showed that no values satisfy it."""
        return bool(self.highs.getModelStatus() == highspy.HighsModelStatus.kInfeasible)

    def used(self, values: Floats) -> Fractional:
        """Return the links of a solution that are used."""
        column = np.flatnonzero(values > EPS)
        return Fractional(self.n, column, self.tail[column], self.head[column], values[column])

    def limit(self, link: int, value: int | None) -> None:
        """Fix a link to 0 or 1, or set it free."""
        forced = (int(self.tail[link]), int(self.head[link])) in self.forced
        low, high = ((1.0 if forced else 0.0), 1.0) if value is None else (float(value), float(value))
        self.highs.changeColBounds(link, low, high)

    def trial(self, links: list[int]) -> list[tuple[float, float]]:
        """Return by how much a few simplex steps raise the objective with each link at 0 and at 1."""
        now, basis = self.objective, self.highs.getBasis()
        self.highs.setOptionValue("simplex_iteration_limit", TRIAL)
        gains: list[tuple[float, float]] = []
        for link in links:
            raised = []
            for value in (0, 1):
                self.limit(link, value)
                self.highs.run()
                raised.append(max(self.objective - now, 1e-6))
                self.highs.setBasis(basis)
            self.limit(link, None)
            gains.append((raised[0], raised[1]))
        self.highs.setOptionValue("simplex_iteration_limit", NO_LIMIT)
        return gains

    def prices(self) -> tuple[Ints, Ints]:
        """Return the whole-number prices of places and of cuts."""
        dual = np.rint(self.duals * UNIT).astype(np.int64)
        return dual[: self.n], np.maximum(dual[self.n :], 0)

    def reduced(self, places: Ints, cuts: Ints) -> Ints:
        """Return the reduced cost of every link there is, in units."""
        a, b = np.triu_indices(self.n, 1)
        line = self.cost[a, b] * UNIT - places[a] - places[b]
        for c in np.flatnonzero(cuts).tolist():
            line -= cuts[c] * self.cuts[c].crossings(a, b)
        left = np.zeros((self.n, self.n), dtype=np.int64)
        left[a, b] = line
        for c in np.flatnonzero(cuts).tolist():
            teeth = list(self.cuts[c].teeth)
            left[self.tail[teeth], self.head[teeth]] += 2 * cuts[c]
        return left + left.T

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


def _key(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)
