"""Checks a plan: walks every shift stop by stop and recomputes times, worth and travel from the problem alone.

Nothing here is shared with the search: what it finds wrong is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from gridmap.domain.routes.problem import DAY_S, UNREACHABLE, Ints, Problem, Timetable


class Broken(Exception):
    """A plan that does not hold; ``faults`` names everything that is wrong with it, for programs."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


def check(problem: Problem, routes: Sequence[Sequence[int]], *, all_required: bool = False) -> Timetable:
    """Recompute a plan, or say everything that is wrong with it.

    Rule: a walk leaves its start when the shift opens, every stop is begun as soon as it is reached and one of its
    windows is open, and the end (or the last stop's leaving) is not later than the shift closes. A shift without
    stops is not walked and has empty arrays.

    Parameters
    ----------
    routes : positions of places for each shift, without start and end
    all_required : also a required place left out is a fault

    Raises
    ------
    Broken
        With every fault found.
    """
    if len(routes) != len(problem.shifts):
        raise Broken([f"shifts: {len(routes)} routes for {len(problem.shifts)} shifts"])
    faults = _unsound_stops(problem, routes)
    if any(fault.startswith("unknown") for fault in faults):
        raise Broken(faults)
    walks = []
    for r, route in enumerate(routes):
        walk, wrong = _walk(problem, r, [int(place) for place in route])
        walks.append(walk)
        faults += wrong
    if all_required:
        inside = {int(place) for route in routes for place in route}
        faults += [f"required {i}: left out" for i in np.flatnonzero(problem.required).tolist() if i not in inside]
    if faults:
        raise Broken(faults)
    return Timetable(
        stops=tuple(np.array(w[0], dtype=np.int64) for w in walks),
        arrive_s=tuple(np.array(w[1], dtype=np.int64) for w in walks),
        start_s=tuple(np.array(w[2], dtype=np.int64) for w in walks),
        leave_s=tuple(np.array(w[3], dtype=np.int64) for w in walks),
        objective=sum(
            _worth(problem, int(place), int(walks[r][2][k + 1]))
            for r, route in enumerate(routes)
            for k, place in enumerate(route)
        ),
        travel_s=sum(_travel(problem, w[0]) for w in walks),
    )


def _unsound_stops(problem: Problem, routes: Sequence[Sequence[int]]) -> list[str]:
    """Say which stops do not exist, come twice or may not be in their shift."""
    n = len(problem.service_s)
    faults: list[str] = []
    seen: set[int] = set()
    for r, route in enumerate(routes):
        for place in (int(p) for p in route):
            if not 0 <= place < n:
                faults.append(f"unknown {place}: no such place")
                continue
            if place in seen:
                faults.append(f"twice {place}: served more than once")
            seen.add(place)
            if not problem.allowed[place, r]:
                faults.append(f"allowed {place}: not in shift {r}")
    return faults


Walk = tuple[list[int], list[int], list[int], list[int]]


def _walk(problem: Problem, r: int, route: list[int]) -> tuple[Walk, list[str]]:
    """Walk one shift; return stops, arrivals, starts and leavings, and what is wrong on the way."""
    walk: Walk = ([], [], [], [])
    if not route:
        return walk, []
    shift = problem.shifts[r]
    faults: list[str] = []
    at, now = shift.start, shift.opens_s
    _note(walk, at, now, now, now)
    for place in route:
        leg = int(problem.travel_s[at, place])
        if leg >= UNREACHABLE:
            faults.append(f"way {place}: none from {at}")
        reached = now + leg
        begin = _first_open(problem, place, reached)
        if begin is None:
            faults.append(f"window {place}: reached at {reached}, after its last window")
            begin = reached
        now = begin + int(problem.service_s[place])
        _note(walk, place, reached, begin, now)
        at = place
    if shift.end >= 0:
        leg = int(problem.travel_s[at, shift.end])
        if leg >= UNREACHABLE:
            faults.append(f"way {shift.end}: none from {at}")
        now += leg
        _note(walk, shift.end, now, now, now)
    if now > shift.closes_s:
        faults.append(f"hours {r}: ends at {now}, {now - shift.closes_s} s after the shift")
    return walk, faults


def _note(walk: Walk, place: int, arrive: int, begin: int, leave: int) -> None:
    """Write one line of the timetable."""
    for column, value in zip(walk, (place, arrive, begin, leave), strict=True):
        column.append(value)


def _first_open(problem: Problem, place: int, moment: int) -> int | None:
    """Return when service may begin for somebody who waits from a moment on; None when no window is left."""
    windows: Ints = problem.windows_s[problem.windows_at[place] : problem.windows_at[place + 1]]
    if len(windows) == 0:
        return moment
    return min((max(moment, int(a)) for a, b in windows if moment <= b), default=None)


def _worth(problem: Problem, place: int, moment: int) -> int:
    """Return the weight of the band a moment lies in."""
    band = int(np.searchsorted(problem.band_until_s, moment % DAY_S, side="right"))
    return int(problem.weight[place, band])


def _travel(problem: Problem, stops: list[int]) -> int:
    """Return the seconds walked along stops."""
    return sum(int(problem.travel_s[a, b]) for a, b in pairwise(stops))
