"""What a plan is made from, gathered: who walks when and from where, what is due there, how long the ways are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Connection

from gridmap.domain import composing, planning
from gridmap.domain.actors import Actor
from gridmap.domain.composing import Candidate, Composed, Walk
from gridmap.domain.hours import Found, choose
from gridmap.domain.plans import PlanDraft
from gridmap.domain.routes.problem import DAY_S
from gridmap.domain.walking import Floats, Spots
from gridmap.domain.working import WorkSetting
from gridmap.domain.worklist import Errand, Task, Urgency
from gridmap.services import access, streets, worklist
from gridmap.store import plans as store

Point = tuple[float, float]
AGAIN_S = 90 * 60  # nobody rings again at a door that did not open before so much time has passed


@dataclass(frozen=True)
class Turn:
    """One worker's hours on one day, from where to where; ``end`` None: the walk ends at its last stop."""

    worker_id: int
    grid_ids: tuple[int, ...]
    on: date
    opens_s: int
    closes_s: int
    start: Point
    end: Point | None


@dataclass(frozen=True)
class Wanted:
    """What differs from an ordinary day.

    Attributes
    ----------
    without, without_errands : are not asked for
    since : when at the earliest one may ring at a household, seconds of the first day
    required : households that are to be visited whenever a plan can hold them, whatever the list says
    extra : tasks the list need not hold
    first : a household that comes before all others
    early_days : a door that must be visited is visited within so many days after it must; None: on any day
    """

    without: frozenset[int] = frozenset()
    without_errands: frozenset[int] = frozenset()
    since: Mapping[int, int] = field(default_factory=dict)
    required: frozenset[int] = frozenset()
    extra: tuple[Task, ...] = ()
    first: Task | None = None
    early_days: int | None = None


@dataclass(frozen=True)
class Ready:
    """A problem that can be solved, with all that is needed to tell its answer."""

    on: date
    turns: tuple[Turn, ...]
    composed: Composed
    ground: planning.Ground
    mark: int

    def ids(self) -> list[tuple[int, int]]:
        """Return (household or 0, errand or 0) of the candidates."""
        return [(c.household_id or 0, c.errand_id or 0) for c in self.composed.candidates]

    def hours(self, *, setting: WorkSetting, known_s: int, since_s: int = 0, start: Sequence[int] = ()) -> Found:
        """Try other hours for the one walk of this problem; see ``domain.hours.choose``."""
        ground = self.ground
        return choose(
            self.composed,
            ground.tasks,
            lambda span: ground.walker.matrix(ground.spots, during=span),
            setting=setting,
            known_s=known_s,
            since_s=since_s,
            start=start,
        )


def local_second(at: datetime, timezone: str, on: date) -> int:
    """Return a moment as seconds since the midnight at which a local day begins."""
    midnight = datetime.combine(on, time(), ZoneInfo(timezone))
    return int((at - midnight).total_seconds())


def gather(
    con: Connection, actor: Actor, turns: Sequence[Turn], *, at: datetime | None = None, wanted: Wanted | None = None
) -> Ready:
    """Fetch everything some turns need and compose their problem.

    Parameters
    ----------
    turns : at least one; the days of all are counted from the first one's
    at : what is known; None: as known in the morning of each day
    """
    access.require(actor, *worklist.READERS)
    wanted = wanted or Wanted()
    on = min(turn.on for turn in turns)
    setting = worklist.setting(con, actor)
    tasks, hours, must_from, errands = _asked(con, actor, turns, on, at, wanted)
    walker = streets.walker(con, actor, on=on)
    entrances = sorted({task.entrance_id for task in tasks.values()})
    points = [*_points(turns), *((e.lon, e.lat) for e in errands.values())]
    spots = joined(
        streets.entrance_spots(con, actor, on=on, entrance_ids=entrances),
        streets.spots(con, actor, on=on, lonlat=points),
    )
    gates = store.gates(con, actor.community_id, entrances)
    rows = {point: len(entrances) + i for i, point in reversed(list(enumerate(points)))}
    walks = [
        Walk(
            turn.worker_id,
            frozenset(turn.grid_ids),
            (turn.on - on).days,
            rows[turn.start],
            -1 if turn.end is None else rows[turn.end],
            turn.opens_s,
            turn.closes_s,
        )
        for turn in turns
    ]
    row_of = {entrance: i for i, entrance in enumerate(entrances)}
    joint = {e.household_id: e for e in errands.values() if e.household_id is not None and e.household_id in tasks}
    candidates = [
        _door(task, walks, row_of[task.entrance_id], gates, hours[task.household_id], joint, must_from, wanted)
        for task in tasks.values()
    ]
    candidates += [
        composing.errand(e, spot=rows[(e.lon, e.lat)]) for e in errands.values() if e.household_id not in joint
    ]
    level_s = walker.matrix(spots, during=(min(t.opens_s for t in turns), max(t.closes_s for t in turns)))
    composed = composing.compose(candidates, walks, level_s, setting=setting)
    if wanted.first is not None:
        composed = _first(composed, wanted.first.household_id, level_s, setting)
    ground = planning.Ground(
        walker,
        spots,
        lambda xy: streets.lonlat(con, actor, xy=xy),
        {task.household_id: task.entrance_id for task in tasks.values()},
        tasks,
        errands,
    )
    return Ready(on, tuple(turns), composed, ground, walker.network.mark)


def _points(turns: Sequence[Turn]) -> list[Point]:
    return [point for turn in turns for point in (turn.start, turn.end) if point is not None]


def joined(a: Spots, b: Spots) -> Spots:
    """Return the places of both, those of ``a`` first."""
    return Spots(
        np.concatenate([a.edge, b.edge]),
        np.concatenate([a.share, b.share]),
        np.concatenate([a.access_m, b.access_m]),
        np.concatenate([a.access_s, b.access_s]),
        np.concatenate([a.xy.reshape(-1, 2), b.xy.reshape(-1, 2)]),
    )


def _asked(
    con: Connection, actor: Actor, turns: Sequence[Turn], first_on: date, at: datetime | None, wanted: Wanted
) -> tuple[dict[int, Task], dict[int, tuple[tuple[int, int], ...]], dict[int, int], dict[int, Errand]]:
    """Return tasks by household, their windows since the first midnight, from which day each must be, and errands."""
    tasks: dict[int, Task] = {}
    hours: dict[int, tuple[tuple[int, int], ...]] = {}
    must_from: dict[int, int] = {}
    errands: dict[int, Errand] = {}
    for on in sorted({turn.on for turn in turns}):
        grid_ids = sorted({g for turn in turns if turn.on == on for g in turn.grid_ids})
        found = worklist.worklist(con, actor, grid_ids=grid_ids, on=on, at=at if on == first_on else None)
        zero = (on - first_on).days * DAY_S
        for task in found.tasks:
            known = tasks.get(task.household_id)
            heavier = known is None or task.weight > known.weight
            tasks[task.household_id] = task if known is None else replace(known, weight=max(known.weight, task.weight))
            if known is not None and heavier and task.urgency is Urgency.MUST:
                tasks[task.household_id] = task
            if task.urgency is Urgency.MUST:
                must_from.setdefault(task.household_id, (on - first_on).days)
            spans = tuple((zero + a, zero + b) for a, b in task.windows)
            hours[task.household_id] = hours.get(task.household_id, ()) + spans
        for errand in found.errands:
            errands.setdefault(errand.errand_id, errand)
    tasks = {h: task for h, task in sorted(tasks.items()) if h not in wanted.without}
    for task in (*wanted.extra, *([wanted.first] if wanted.first else [])):
        if task.household_id not in tasks or task is wanted.first:
            tasks[task.household_id], hours[task.household_id] = task, task.windows
    kept = {e: errand for e, errand in sorted(errands.items()) if e not in wanted.without_errands}
    return tasks, {h: hours[h] for h in tasks}, must_from, kept


def _door(
    task: Task,
    walks: Sequence[Walk],
    row: int,
    gates: Mapping[int, store.Gate],
    hours: tuple[tuple[int, int], ...],
    joint: Mapping[int, Errand],
    must_from: Mapping[int, int],
    wanted: Wanted,
) -> Candidate:
    """Return a task as a candidate, with what else is agreed for its household."""
    errand = joint.get(task.household_id)
    required = composing.is_required(task) or task.household_id in wanted.required
    if errand is not None and errand.windows:
        hours, required = errand.windows, True
    if (since := wanted.since.get(task.household_id)) is not None:
        hours = tuple((max(a, since), b) for a, b in hours if b >= since)
    made = composing.door(
        task, walks, spot=row, has_lift=gates[task.entrance_id].has_lift, windows=hours, required=required
    )
    days = None
    if wanted.early_days is not None and task.household_id in must_from and task.pinned is None:
        days = frozenset(range(must_from[task.household_id] + wanted.early_days))
    return replace(made, errand_id=errand.errand_id if errand else None, days=days)


def _first(composed: Composed, household_id: int, level_s: Floats, setting: WorkSetting) -> Composed:
    """Return the problem in which one household can only be the first stop: rung at once, or not at all."""
    at = next(i for i, c in enumerate(composed.candidates) if c.household_id == household_id and c.inside)
    start = composed.problem.shifts[0]
    moment = start.opens_s + int(composed.problem.travel_s[start.start, composed.first + at])
    changed = list(composed.candidates)
    changed[at] = replace(changed[at], windows=((moment, moment),), required=True, days=frozenset({0}))
    return composing.compose(changed, composed.walks, level_s, setting=setting)


def drafts(ready: Ready, answer: planning.Answer, *, seed: int, iterations: int) -> tuple[PlanDraft, ...]:
    """Return the plans that a solved problem means, one for each worker and day that has a turn."""
    composed, solved = ready.composed, answer.solved
    digest = planning.input_hash(composed.problem, ready.ids(), seed, iterations)
    starts = planning.starts_of(answer.timetable)
    omitted = planning.omitted_of(composed, answer.omissions, ready.ground, starts)
    mine: dict[tuple[int, date], list[int]] = {}
    for k, turn in enumerate(ready.turns):
        mine.setdefault((turn.worker_id, turn.on), []).append(k)
    worth = [_worth(composed, answer, k) for k in range(len(ready.turns))]
    made = []
    left = set(range(len(omitted)))
    for (worker_id, on), turns in mine.items():
        home = ready.turns[turns[0]].grid_ids
        here = sorted(i for i in left if omitted[i].grid_id in home)
        left -= set(here)
        own = sum(worth[k] for k in turns)
        status = [planning.statuses(solved, k) for k in turns]
        made.append(
            PlanDraft(
                worker_id,
                home[0],
                on,
                min(ready.turns[k].opens_s for k in turns),
                max(ready.turns[k].closes_s for k in turns),
                seed,
                iterations,
                planning.SOLVER,
                ready.mark,
                digest,
                _least(choice for choice, _ in status),
                _least(order for _, order in status),
                own,
                max(own, solved.bound - (solved.objective - own)),
                tuple(
                    row
                    for k in turns
                    for row in planning.rows_of(composed, answer.timetable, k, ready.ground, home_grid=home[0])
                ),
                tuple(omitted[i] for i in here),
            )
        )
    return tuple(made)


def _least(statuses: Iterable[str]) -> str:
    return planning.BEST_FOUND if planning.BEST_FOUND in set(statuses) else planning.OPTIMAL


def _worth(composed: Composed, answer: planning.Answer, k: int) -> int:
    """Return what the stops of one walk are worth at the times they are served."""
    problem = composed.problem
    stops, starts = answer.timetable.stops[k], answer.timetable.start_s[k]
    band = np.searchsorted(problem.band_until_s, starts % DAY_S, side="right")
    return int(problem.weight[stops, np.minimum(band, problem.weight.shape[1] - 1)].sum())


def on_connection(ready: Ready, con: Connection, actor: Actor) -> Ready:
    """Return the same on another connection: ways are turned into degrees by asking which CRS the community has."""
    access.require(actor, *worklist.READERS)
    return replace(ready, ground=replace(ready.ground, degrees=lambda xy: streets.lonlat(con, actor, xy=xy)))
