"""From a solved problem to the rows of a plan: times of the local day, ways on the streets, doors left out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from gridmap.domain.answering import band_of
from gridmap.domain.composing import Candidate, Composed
from gridmap.domain.plans import FULL, Omitted, PlanRow, StopKind
from gridmap.domain.routes import Condition, Omission, Problem, Solved, Timetable
from gridmap.domain.routes.problem import DAY_S
from gridmap.domain.walking import Floats, Leg, Spots, Walker
from gridmap.domain.worklist import Errand, Reason, Task, Urgency

SOLVER = "gridmap.routes"
BEST_FOUND, OPTIMAL = "best_found", "optimal"


@dataclass(frozen=True)
class Answer:
    """What comes back from solving one problem: small enough to send from one machine to another."""

    solved: Solved
    timetable: Timetable
    omissions: tuple[Omission, ...]


def answer(
    problem: Problem,
    seed: int,
    iterations: int,
    start: Sequence[Sequence[int]] | None = None,
    explained: bool = True,
) -> Answer:
    """Solve, check and explain one problem; pure, so that any process on any machine can do it.

    Raises
    ------
    Broken
        When the independent checker does not accept what was found.
    """
    from gridmap.domain.routes import check, explain, solve

    solved = solve(problem, seed=seed, iterations=iterations, start=start)
    timetable = check(problem, solved.routes)
    # Also of doors that no shift may serve, which the solver need not know of.
    asked = np.flatnonzero((problem.weight.max(axis=1, initial=0) > 0) | problem.required)
    told = explain(problem, solved, places=asked.tolist()) if explained else ()
    return Answer(solved, timetable, tuple(replace(o, relaxed=None, witness=None) for o in told))


def input_hash(problem: Problem, ids: Sequence[tuple[int, int]], seed: int, iterations: int) -> bytes:
    """Return the SHA-256 of all that decides a plan; ``ids`` are (household or 0, errand or 0) of the candidates."""
    found = hashlib.sha256(b"gridmap.plan.1")
    for array in (problem.travel_s, problem.service_s, problem.weight, problem.band_until_s, problem.windows_at,
                  problem.windows_s, problem.required, problem.allowed):  # fmt: skip
        found.update(repr((array.shape, array.dtype.kind)).encode())
        found.update(np.ascontiguousarray(array).tobytes())
    shifts = [(s.start, s.end, s.opens_s, s.closes_s) for s in problem.shifts]
    found.update(repr((shifts, list(ids), seed, iterations)).encode())
    return found.digest()


@dataclass(frozen=True)
class Ground:
    """Where a problem lies: the walker, the spots of its matrix, and what the places are in the world.

    Attributes
    ----------
    degrees : turns (v, 2) metres into degrees
    entrance_of : entrance of each household; tasks, errands : by id
    """

    walker: Walker
    spots: Spots
    degrees: Callable[[Floats], Floats]
    entrance_of: Mapping[int, int]
    tasks: Mapping[int, Task]
    errands: Mapping[int, Errand]


def rows_of(composed: Composed, timetable: Timetable, k: int, ground: Ground, *, home_grid: int) -> tuple[PlanRow, ...]:
    """Return the rows of walk ``k``: start, stops, end; nothing but the start and end when nobody is visited.

    Parameters
    ----------
    home_grid : the grid that start and end are written under
    """
    walk, shift = composed.walks[k], composed.problem.shifts[k]
    stops = timetable.stops[k].tolist()
    if not stops:
        bare = PlanRow(StopKind.START, home_grid, None, None, None, *(walk.opens_s,) * 3)
        return (bare, replace(bare, kind=StopKind.END))
    zero = walk.day * DAY_S
    times = [column[k].tolist() for column in (timetable.arrive_s, timetable.start_s, timetable.leave_s)]
    found = []
    for i, place in enumerate(stops):
        arrive, start, leave = (column[i] - zero for column in times)
        if place < composed.first:
            kind = StopKind.START if i == 0 else StopKind.END
            found.append(PlanRow(kind, home_grid, None, None, None, arrive, start, leave))
        else:
            found.append(_row(composed.candidate(place), (arrive, start, leave), ground))
    if shift.end < 0:
        found.append(PlanRow(StopKind.END, home_grid, None, None, None, *(found[-1].leave_s,) * 3))
    return _with_ways(found, composed, stops, (walk.opens_s, walk.closes_s), ground)


def _row(candidate: Candidate, times: tuple[int, int, int], ground: Ground) -> PlanRow:
    household_id = candidate.household_id
    task = ground.tasks.get(household_id) if household_id is not None else None
    is_door = candidate.inside and household_id is not None
    return PlanRow(
        StopKind.DOOR if is_door else StopKind.ERRAND,
        candidate.grid_id,
        household_id if is_door else None,
        candidate.errand_id,
        ground.entrance_of.get(household_id) if is_door and household_id is not None else None,
        *times,
        urgency=task.urgency if task and is_door else None,
        reasons=reasons_of(task) if task and is_door else (),
        pinned=bool(task and is_door and task.pinned is not None),
        chance=candidate.chance[band_of(times[1])],
        purposes=task.purposes if task and is_door else (),
        materials=task.materials if task and is_door else (),
    )


def reasons_of(task: Task) -> tuple[Reason, ...]:
    """Return why a door is on the list; a door that nothing calls for is there because it lies on the way."""
    if task.reasons:
        return task.reasons
    return (Reason("nearby"),) if task.urgency is Urgency.MAY else ()


def _with_ways(
    rows: list[PlanRow], composed: Composed, stops: list[int], hours: tuple[int, int], ground: Ground
) -> tuple[PlanRow, ...]:
    """Return the rows with the ways that lead to them; a way on foot only from one spot to another."""
    legs: list[Leg | None] = [None]
    made = [rows[0]]
    for row, (before, place) in zip(rows[1:], pairwise(stops), strict=False):
        vertical_s = composed.vertical_s(before, place)
        walk_s = int(composed.problem.travel_s[before, place]) - vertical_s
        a, b = int(composed.spot[before]), int(composed.spot[place])
        leg = None if a == b else ground.walker.leg(ground.spots, a, ground.spots, b, during=hours)
        metres = round(leg.metres) if leg else 0
        made.append(replace(row, walk_s=walk_s, vertical_s=vertical_s, walk_m=metres))
        legs.append(leg if leg and metres else None)
    return (*_drawn(made, legs, ground), *rows[len(made) :])


def _drawn(rows: list[PlanRow], legs: list[Leg | None], ground: Ground) -> list[PlanRow]:
    """Return the rows with their legs in degrees, turned all at once."""
    parts = [leg.xy for leg in legs if leg]
    if not parts:
        return rows
    degrees = ground.degrees(np.concatenate(parts)).round(7).tolist()
    found, at = [], 0
    for row, leg in zip(rows, legs, strict=True):
        if leg is None:
            found.append(row)
            continue
        path = tuple((lon, lat) for lon, lat in degrees[at : at + len(leg.xy)])
        at += len(leg.xy)
        found.append(replace(row, path=path, parts=tuple(leg.parts)) if len(set(path)) > 1 else row)
    return found


def omitted_of(
    composed: Composed, omissions: Sequence[Omission], ground: Ground, starts: Mapping[int, int]
) -> tuple[Omitted, ...]:
    """Return the doors left out, in the words of households: the most urgent first.

    Parameters
    ----------
    starts : when each place of the plan is rung at, seconds since midnight of the first day
    """
    order = {Urgency.MUST: 0, Urgency.SHOULD: 1, Urgency.MAY: 2}
    found = []
    for omission in omissions:
        candidate = composed.candidate(omission.place)
        task = ground.tasks.get(candidate.household_id) if candidate.household_id is not None else None
        if task is None or not candidate.inside:
            continue
        condition, values = _condition(composed, omission, candidate, starts)
        found.append(Omitted(task.household_id, task.grid_id, task.urgency, reasons_of(task), condition, values))
    return tuple(sorted(found, key=lambda o: (order[o.urgency], -ground.tasks[o.household_id].weight, o.household_id)))


def _condition(
    composed: Composed, omission: Omission, candidate: Candidate, starts: Mapping[int, int]
) -> tuple[str, dict[str, int | str]]:
    """Return a condition with its places told as households or errands."""
    values: dict[str, int | str] = dict(omission.values)
    if omission.condition is Condition.MINUTES and not _before_quiet(composed, omission, candidate):
        return FULL, {}
    other = omission.values.get("place")
    if other is None:
        return str(omission.condition), values
    blocking = composed.candidate(other)
    told: dict[str, int | str] = {}
    if blocking.inside and blocking.household_id is not None:
        told["household_id"] = blocking.household_id
    elif blocking.errand_id is not None:
        told["errand_id"] = blocking.errand_id
    if other in starts:
        told["at_s"] = starts[other] % DAY_S
    return str(omission.condition), told


def _before_quiet(composed: Composed, omission: Omission, candidate: Candidate) -> bool:
    """Tell whether the longer shift still ends within the hours in which one may ring at this door."""
    if candidate.windows is None:
        return True
    longer = omission.values["minutes"] * 60
    place = omission.place
    latest = max((end for _, end in candidate.windows), default=-1)
    return any(
        walk.span[1] + longer <= latest
        for walk, may in zip(composed.walks, composed.problem.allowed[place], strict=True)
        if may
    )


def starts_of(timetable: Timetable) -> dict[int, int]:
    """Return when each place of a plan is served."""
    return {
        place: start
        for stops, starts in zip(timetable.stops, timetable.start_s, strict=True)
        for place, start in zip(stops.tolist(), starts.tolist(), strict=True)
    }


def statuses(solved: Solved, k: int) -> tuple[str, str]:
    """Return (choice, order) of walk ``k``: 'optimal' where it is proven, 'best_found' else."""
    order = solved.order_optimal[k] or len(solved.routes[k]) < 2
    return OPTIMAL if solved.choice_optimal else BEST_FOUND, OPTIMAL if order else BEST_FOUND
