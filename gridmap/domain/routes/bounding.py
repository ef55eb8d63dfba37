"""How much worth no plan can exceed: a linear programme that knows time, but not the map between places.

Rule: a walk through k stops enters each of them and leaves each of them. So the time of a shift is at least the
service and the shortest way in of all its stops, and at least the service and the shortest way out. Places may be
taken in parts; what they bring then is at least what any plan brings.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from gridmap.domain.routes.problem import DAY_S, UNREACHABLE, Ints, Problem, Shift

NEVER = 1 << 60
SLACK = 1e-6
Floats = npt.NDArray[np.float64]


def most_worth(problem: Problem) -> int:
    """Return a sum of weights that no plan exceeds."""
    best = np.array([[_best_in(problem, i, s) for s in problem.shifts] for i in range(len(problem.service_s))])
    best = best.reshape(len(problem.service_s), len(problem.shifts))
    best[~problem.allowed] = 0
    usable = np.flatnonzero(best.max(axis=1, initial=0) > 0)
    if len(usable) == 0:
        return 0
    easy = int(best.max(axis=1).sum())
    return min(easy, _relaxed(problem, usable, best))


def _best_in(problem: Problem, place: int, shift: Shift) -> int:
    """Return the most a place can bring in a shift it has to itself; 0 when it cannot be served in it."""
    way_in, way_out = _ways(problem, place, shift)
    first, last = shift.opens_s + way_in, shift.closes_s - way_out - int(problem.service_s[place])
    windows = problem.windows_s[problem.windows_at[place] : problem.windows_at[place + 1]].tolist() or [[0, NEVER]]
    spans = [(max(first, a), min(last, b)) for a, b in windows]
    return max((_best_between(problem, place, a, b) for a, b in spans if a <= b), default=0)


def _ways(problem: Problem, place: int, shift: Shift) -> tuple[int, int]:
    """Return the least any walk needs to reach a place and to get to the end from it."""
    travel = problem.travel_s
    way_in = min(int(travel[shift.start, place]), int(travel[shift.start].min()) + _least(travel[:, place], place))
    if shift.end < 0:
        return way_in, 0
    way_out = min(int(travel[place, shift.end]), _least(travel[place], place) + int(travel[:, shift.end].min()))
    return way_in, way_out


def _least(line: Ints, place: int) -> int:
    """Return the least of a row or column without the place itself."""
    return min(int(line[:place].min(initial=UNREACHABLE)), int(line[place + 1 :].min(initial=UNREACHABLE)))


def _best_between(problem: Problem, place: int, first: int, last: int) -> int:
    """Return the most a place is worth at any moment of a span."""
    weights = problem.weight[place]
    if len(problem.band_until_s) == 1:
        return int(weights[0])
    begins = np.concatenate([[0], problem.band_until_s[:-1]])
    best = 0
    for day in range(first // DAY_S, last // DAY_S + 1):
        meets = (begins + day * DAY_S <= last) & (problem.band_until_s + day * DAY_S > first)
        best = max(best, int(weights[meets].max(initial=0)))
    return best


def _relaxed(problem: Problem, usable: Ints, best: Ints) -> int:
    """Return the optimum of the linear programme, rounded down."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_array

    m, k = len(problem.shifts), len(usable)
    once = np.kron(np.eye(k), np.ones((1, m)))  # part of a place over all shifts: at most the whole of it
    spent, limits = np.zeros((2 * m, k, m)), np.ones(2 * m + k)
    for r, shift in enumerate(problem.shifts):
        spent[2 * r, :, r], spent[2 * r + 1, :, r] = _least_times(problem, usable, shift)
        hours = shift.closes_s - shift.opens_s
        limits[2 * r] = max(0, hours - _last_leg(problem, usable, shift))
        limits[2 * r + 1] = max(0, hours - _first_leg(problem, usable, shift))
    gain = best[usable].astype(np.float64).ravel()
    rows = csr_array(np.vstack([spent.reshape(2 * m, k * m), once]))
    parts = [(0.0, float(g > 0)) for g in gain]
    solved = linprog(-gain, A_ub=rows, b_ub=limits, bounds=parts)  # type: ignore[call-overload] # stubs know no sparse
    return math.floor(-solved.fun + SLACK) if solved.status == 0 else int(best.max(axis=1).sum())


def _least_times(problem: Problem, usable: Ints, shift: Shift) -> tuple[Floats, Floats]:
    """Return service plus the shortest way in, and service plus the shortest way out, of each place in a shift."""
    near = problem.travel_s[np.ix_(usable, usable)].astype(np.float64)
    np.fill_diagonal(near, np.inf)
    service = problem.service_s[usable].astype(np.float64)
    way_in = np.minimum(near.min(axis=0), problem.travel_s[shift.start, usable])
    if shift.end < 0:
        return service + way_in, service
    return service + way_in, service + np.minimum(near.min(axis=1), problem.travel_s[usable, shift.end])


def _last_leg(problem: Problem, usable: Ints, shift: Shift) -> int:
    """Return the least way from any stop to the end."""
    return int(problem.travel_s[usable, shift.end].min()) if shift.end >= 0 else 0


def _first_leg(problem: Problem, usable: Ints, shift: Shift) -> int:
    """Return the least way from the start to any stop."""
    return int(problem.travel_s[shift.start, usable].min())
