"""Why a place is out: the smallest change found under which the plan could hold it, each with a plan that proves it.

Order of conditions: no street leads there; a little more time; a promise that would have to move; its own hours;
another stop instead; more time, however much; its own hours and more time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gridmap.domain.routes.problem import UNREACHABLE, Condition, Ints, Omission, Problem, Shift, Solved
from gridmap.domain.routes.solving import columns, shift_table, wanted

NEVER = 1 << 60  # as in ``search``, which must not be imported before something is to be explained
PATIENCE_MIN = 60  # up to here more time is the plainest thing to say
TRIES = 4_000  # changes of order looked at for one place

Routes = tuple[tuple[int, ...], ...]


def explain(
    problem: Problem, solved: Solved, *, places: Iterable[int] | None = None, pinned: Iterable[int] | None = None
) -> tuple[Omission, ...]:
    """Say of every place left out what would bring it in.

    Parameters
    ----------
    places : which places; without it, all that are worth something or required and are out
    pinned : planned places whose windows are promises; without it, the required ones that have windows

    Returns
    -------
    tuple of Omission
        In the order of ``places``. A witness holds every stop of the plan (but the one it does without) and the
        place. {"minutes": 0} means: it fits, but brings less than it makes others lose.
    """
    inside = {place for route in solved.routes for place in route}
    asked = wanted(problem).tolist() if places is None else [int(p) for p in places]
    out = [place for place in asked if place not in inside]
    if not out:
        return ()
    return _Explainer(problem, solved.routes, pinned).of(out)


def costs_s(problem: Problem, solved: Solved) -> dict[int, int]:
    """Return for every planned stop how many seconds sooner its shift would end without it."""
    from gridmap.domain.routes.retiming import saved_without

    travel, service, _, _, windows_at, windows = columns(problem)
    found: dict[int, int] = {}
    for route, shift in zip(solved.routes, shift_table(problem), strict=True):
        saved = np.zeros(len(route), dtype=np.int64)
        order = np.array(route, dtype=np.int64)
        saved_without(order, len(route), shift, travel, service, windows_at, windows, saved)
        found |= dict(zip(route, saved.tolist(), strict=True))
    return found


@dataclass(frozen=True)
class _Longer:
    """A walk with the place in: in which shift, in which order, and by how many seconds it ends too late."""

    shift: int
    order: tuple[int, ...]
    over_s: int

    @property
    def minutes(self) -> int:
        return max(0, -(-self.over_s // 60))


class _Explainer:
    """What all omissions of one plan share."""

    def __init__(self, problem: Problem, routes: Routes, pinned: Iterable[int] | None) -> None:
        self.problem, self.routes = problem, routes
        self.travel, self.service, _, _, self.windows_at, self.windows = columns(problem)
        self.shifts = shift_table(problem)
        self.rows = [np.array(route, dtype=np.int64) for route in routes]
        self.timed = np.diff(self.windows_at) > 0
        promised = np.flatnonzero(problem.required).tolist() if pinned is None else [int(p) for p in pinned]
        self.pinned = np.array([p for p in promised if self.timed[p]], dtype=np.int64)
        stops = [place for route in routes for place in route if not problem.required[place]]
        top = problem.weight.max(axis=1, initial=0)
        self.spare = np.array(sorted(stops, key=lambda p: (int(top[p]), p)), dtype=np.int64)
        self._nearest: Ints | None = None

    def of(self, out: list[int]) -> tuple[Omission, ...]:
        """Explain every place of a list."""
        places = np.array(out, dtype=np.int64)
        longer = self._longer(places, lift_own=False)
        return tuple(self._one(place, longer.get(place)) for place in out)

    def _one(self, place: int, longer: _Longer | None) -> Omission:
        """Try the conditions one after another."""
        if not self._reachable(place):
            return Omission(place, Condition.NO_WAY)
        if longer is not None and longer.minutes <= PATIENCE_MIN:
            return self._minutes(place, longer)
        if not self._possible(place):
            return Omission(place, Condition.NO_TIME)
        lifted = self._longer(np.array([place]), lift_own=True).get(place) if self.timed[place] else None
        return (
            self._moved(place)
            or (self._window(place, lifted) if lifted is not None and lifted.minutes == 0 else None)
            or self._without(place)
            or (self._minutes(place, longer) if longer is not None else None)
            or (self._window(place, lifted) if lifted is not None else None)
            or self._alone(place)
        )

    def _longer(self, places: Ints, *, lift_own: bool) -> dict[int, _Longer]:
        """Return for each place the walk that ends least too late with it in."""
        from gridmap.domain.routes.retiming import first_ends

        best: dict[int, _Longer] = {}
        for r, row in enumerate(self.rows):
            end = np.empty(len(places), dtype=np.int64)
            order = np.zeros((len(places), len(row) + 1), dtype=np.int64)
            first_ends(
                places, row, len(row), self.shifts[r], np.ascontiguousarray(self.problem.allowed[:, r]), self.travel,
                self.service, self.windows_at, self.windows, lift_own, TRIES, end, order,
            )  # fmt: skip
            for i, place in enumerate(places.tolist()):
                over = int(end[i]) - self.problem.shifts[r].closes_s
                sound = end[i] < NEVER and int(end[i]) < UNREACHABLE
                if sound and (place not in best or over < best[place].over_s):
                    best[place] = _Longer(r, tuple(order[i].tolist()), over)
        return best

    def _reachable(self, place: int) -> bool:
        """Tell whether any allowed shift's start and end have a way to and from a place."""
        return any(
            self._between(s.start, place) < UNREACHABLE and (s.end < 0 or self._between(place, s.end) < UNREACHABLE)
            for s in self._shifts_of(place)
        ) or not self._shifts_of(place)

    def _possible(self, place: int) -> bool:
        """Tell whether a shift could hold the place if it held nothing else."""
        return any(self._fits_alone(place, shift) for shift in self._shifts_of(place))

    def _fits_alone(self, place: int, shift: Shift) -> bool:
        reached = shift.opens_s + self._between(shift.start, place)
        windows = self.windows[self.windows_at[place] : self.windows_at[place + 1]].tolist()
        begin = min((max(reached, a) for a, b in windows if reached <= b), default=NEVER) if windows else reached
        home = self._between(place, shift.end) if shift.end >= 0 else 0
        return bool(begin + int(self.service[place]) + home <= shift.closes_s)

    def _shifts_of(self, place: int) -> list[Shift]:
        return [s for r, s in enumerate(self.problem.shifts) if self.problem.allowed[place, r]]

    def _between(self, a: int, b: int) -> int:
        """Return the least travel between two places, by way of others if that is shorter."""
        if self._nearest is None:
            from scipy.sparse.csgraph import floyd_warshall

            level = np.maximum(self.travel, 1e-6)  # zero would mean "no edge"
            self._nearest = np.minimum(floyd_warshall(level), UNREACHABLE).astype(np.int64)
        return int(self._nearest[a, b])

    def _with(self, r: int, order: Sequence[int]) -> Routes:
        """Return the plan with one shift walked in another order."""
        return tuple(tuple(int(p) for p in order) if i == r else route for i, route in enumerate(self.routes))

    def _extended(self, problem: Problem, r: int, minutes: int) -> Problem:
        """Return the problem with one shift longer."""
        shifts = list(problem.shifts)
        shifts[r] = replace(shifts[r], closes_s=shifts[r].closes_s + 60 * minutes)
        return replace(problem, shifts=tuple(shifts))

    def _lifted(self, place: int) -> Problem:
        """Return the problem with a place open always."""
        first, last = self.windows_at[place], self.windows_at[place + 1]
        at = self.windows_at.copy()
        at[place + 1 :] -= last - first
        return replace(self.problem, windows_at=at, windows_s=np.delete(self.windows, np.s_[first:last], axis=0))

    def _minutes(self, place: int, longer: _Longer) -> Omission:
        relaxed = self._extended(self.problem, longer.shift, longer.minutes)
        values = {"minutes": longer.minutes, "shift": longer.shift}
        return Omission(place, Condition.MINUTES, values, relaxed, self._with(longer.shift, longer.order))

    def _window(self, place: int, longer: _Longer) -> Omission:
        relaxed = self._extended(self._lifted(place), longer.shift, longer.minutes)
        values = {"minutes": longer.minutes, "shift": longer.shift} if longer.minutes else {}
        return Omission(place, Condition.WINDOW, values, relaxed, self._with(longer.shift, longer.order))

    def _moved(self, place: int) -> Omission | None:
        from gridmap.domain.routes.retiming import first_moved

        for r, row in enumerate(self.rows):
            if not self.problem.allowed[place, r] or len(self.pinned) == 0:
                continue
            order = np.zeros(len(row) + 2, dtype=np.int64)
            pin = first_moved(
                place, row, len(row), self.shifts[r], self.pinned, self.travel, self.service, self.windows_at,
                self.windows, order,
            )  # fmt: skip
            if pin >= 0:
                witness = self._with(r, order[: len(row) + 1].tolist())
                return Omission(place, Condition.MOVED, {"place": pin}, self._lifted(pin), witness)
        return None

    def _without(self, place: int) -> Omission | None:
        from gridmap.domain.routes.retiming import first_without

        for r, row in enumerate(self.rows):
            if not self.problem.allowed[place, r]:
                continue
            order = np.zeros(len(row) + 1, dtype=np.int64)
            spare = first_without(
                place, row, len(row), self.shifts[r], self.spare, self.travel, self.service, self.windows_at,
                self.windows, order,
            )  # fmt: skip
            if spare >= 0:
                witness = self._with(r, order[: len(row)].tolist())
                return Omission(place, Condition.WITHOUT, {"place": spare}, self._barring([spare]), witness)
        return None

    def _alone(self, place: int) -> Omission:
        """Fall back to a shift that holds nothing but the place."""
        r = next(
            i
            for i, s in enumerate(self.problem.shifts)
            if self.problem.allowed[place, i] and self._fits_alone(place, s)
        )
        relaxed = self._barring(self.routes[r])
        return Omission(place, Condition.WITHOUT, {"place": -1}, relaxed, self._with(r, (place,)))

    def _barring(self, places: Sequence[int]) -> Problem:
        """Return the problem with some places allowed nowhere."""
        allowed = self.problem.allowed.copy()
        allowed[list(places)] = False
        return replace(self.problem, allowed=allowed)
