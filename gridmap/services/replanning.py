"""What changes on the way: what is done stays, the rest is thought over from where the worker is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from gridmap.domain import planning as thinking
from gridmap.domain.actors import Actor, Machine
from gridmap.domain.answering import BANDS
from gridmap.domain.households import Home
from gridmap.domain.plans import ANOTHER_DAY, SKIPPED, Omitted, PlanDraft, PlanRow, StopKind, StopState
from gridmap.domain.working import WorkSetting
from gridmap.domain.worklist import Reason, Task, Urgency
from gridmap.errors import BadInput
from gridmap.services import access, worklist
from gridmap.services.coverage import days
from gridmap.services.planning import AGAIN_S, Ready, Turn, Wanted, drafts, gather, local_second
from gridmap.store import households
from gridmap.store import plans as store
from gridmap.store.plans import StoredPlan

ITERATIONS = 3_000  # turns of the search on the way: an answer in less than half a second
EMERGENCY_WEIGHT = 20_000
TODAY = "today"
OPEN = {StopKind.DOOR, StopKind.ERRAND}


@dataclass(frozen=True)
class Changes:
    """What a worker tells on the way; household ids, and ids of errands."""

    done: frozenset[int] = frozenset()
    skipped: frozenset[int] = frozenset()
    not_home: Mapping[int, str] = field(default_factory=dict)
    minutes_left: int | None = None
    emergency: int | None = None
    here: tuple[float, float] | None = None
    skipped_errands: frozenset[int] = frozenset()


def around_others(
    con: Connection, actor: Actor, turns: Sequence[Turn], on: date, timezone: str, *, but: Sequence[int]
) -> Wanted:
    """Return what is not asked for on a day because it is another's, and where nobody rings again just yet."""
    access.require(actor, Machine.JOB)
    c = actor.community_id
    grids = sorted({g for turn in turns for g in turn.grid_ids})
    midnight = datetime.combine(on, time(), ZoneInfo(timezone))
    tried = store.tried(con, c, grids, since=midnight, until=midnight + timedelta(days=1))
    return Wanted(
        without=frozenset(store.taken(con, c, on=on, but=but)),
        without_errands=frozenset(store.errands_taken(con, c, on=on, but=but)),
        since={h: local_second(at, timezone, on) + AGAIN_S for h, at in tried.items()},
    )


def replan(
    con: Connection, actor: Actor, plan: StoredPlan, turns: Sequence[Turn], changes: Changes, *, at: datetime
) -> PlanDraft:
    """Return what takes a plan's place from a moment on.

    Raises
    ------
    BadInput
        When the emergency is not in the worker's grids.
    """
    access.require(actor, Machine.JOB)
    timezone = days(con, actor).timezone
    now_s = min(max(local_second(at, timezone, plan.on), 0), 86_400)
    rows = store.rows(con, actor.community_id, plan.plan_id)
    left = store.omitted(con, actor.community_id, plan.plan_id)
    frozen, gone = _settled(rows, left, changes)
    rest = _rest(con, actor, plan, turns, changes, frozen, now_s)
    wanted = around_others(con, actor, rest, plan.on, timezone, but=[plan.worker_id])
    visited = {r.household_id for r in frozen if r.household_id}
    again = {h: now_s + AGAIN_S for h, when in changes.not_home.items() if when == TODAY}
    wanted = replace(
        wanted,
        without=wanted.without | visited | set(gone),
        without_errands=wanted.without_errands | changes.skipped_errands | {r.errand_id for r in frozen if r.errand_id},
        since={**wanted.since, **again},
        required=frozenset(again),
        extra=tuple(_again(con, actor, r) for r in rows if r.household_id in again),
        first=_emergency(con, actor, plan, turns, changes) if changes.emergency is not None else None,
    )
    if changes.emergency is not None:
        wanted = replace(wanted, without=wanted.without - {changes.emergency})
    ready = gather(con, actor, rest, at=at, wanted=wanted)
    answer = thinking.answer(ready.composed.problem, plan.seed, ITERATIONS, _warm(ready, rows))
    (draft,) = drafts(ready, answer, seed=plan.seed, iterations=ITERATIONS)
    begin = [row for row in rows if row.kind is StopKind.START][:1]
    ahead = _from_here(draft.rows, frozen, changes)
    told = {o.household_id for o in draft.omitted}
    kept_out = tuple(o for h, o in gone.items() if h not in told)
    return replace(draft, start_s=plan.start_s, rows=(*begin, *frozen, *ahead), omitted=(*draft.omitted, *kept_out))


def _settled(
    rows: Sequence[PlanRow], left: Sequence[Omitted], changes: Changes
) -> tuple[list[PlanRow], dict[int, Omitted]]:
    """Return the rows that are done, and the doors that are out because the worker says so, now or before."""
    again = {h for h, when in changes.not_home.items() if when == TODAY} | {changes.emergency}
    frozen, gone = [], {o.household_id: o for o in left if o.condition in {SKIPPED, ANOTHER_DAY}}
    for row in rows:
        if row.kind not in OPEN or row.household_id in again:
            continue
        if row.state is StopState.DONE or row.household_id in changes.done:
            frozen.append(replace(row, state=StopState.DONE))
        elif row.household_id is not None and row.household_id in changes.skipped:
            gone[row.household_id] = _out(row, SKIPPED)
        elif row.household_id is not None and row.household_id in changes.not_home:
            gone[row.household_id] = _out(row, ANOTHER_DAY)
    return frozen, {h: o for h, o in gone.items() if h not in again}


def _out(row: PlanRow, condition: str) -> Omitted:
    return Omitted(row.household_id or 0, row.grid_id, row.urgency or Urgency.MAY, row.reasons, condition, {})


def _rest(
    con: Connection,
    actor: Actor,
    plan: StoredPlan,
    turns: Sequence[Turn],
    changes: Changes,
    frozen: Sequence[PlanRow],
    now_s: int,
) -> list[Turn]:
    """Return what is left of the worker's hours, from where he is."""
    if not turns:
        centre = store.base(con, actor.community_id, plan.grid_id, on=plan.on)
        point = centre[1:] if centre else (0.0, 0.0)
        turns = [Turn(plan.worker_id, (plan.grid_id,), plan.on, plan.start_s, plan.end_s, point, point)]
    ends_s = plan.end_s if changes.minutes_left is None else now_s + 60 * changes.minutes_left
    spans = [t for t in turns if t.closes_s > now_s and t.opens_s < ends_s] or [turns[-1]]
    if len(turns) == 1 or changes.minutes_left is not None:
        spans = spans[:1]
    made = [replace(t, opens_s=max(t.opens_s, now_s), closes_s=min(t.closes_s, ends_s)) for t in spans]
    made[-1] = replace(made[-1], closes_s=ends_s)
    begin = changes.here or _last_point(con, actor, frozen) or made[0].start
    made[0] = replace(made[0], start=begin, closes_s=max(made[0].closes_s, made[0].opens_s))
    return made


def _last_point(con: Connection, actor: Actor, frozen: Sequence[PlanRow]) -> tuple[float, float] | None:
    """Return where the last stop that is done is."""
    if not frozen:
        return None
    last = frozen[-1]
    if last.entrance_id is not None:
        gate = store.gates(con, actor.community_id, [last.entrance_id]).get(last.entrance_id)
        return (gate.lon, gate.lat) if gate else None
    points = store.errand_points(con, actor.community_id, [last.errand_id or 0])
    found = points.get(last.errand_id or 0)
    return found[2:] if found else None


def _again(con: Connection, actor: Actor, row: PlanRow) -> Task:
    """Return a planned door as a task, should the list not hold it any more."""
    home = households.homes(con, actor.community_id, [row.household_id or 0])[row.household_id or 0]
    how = worklist.setting(con, actor)
    hours = ((60 * how.quiet_until_min, 60 * how.quiet_from_min),)
    return _task(home, row.entrance_id or 0, row.urgency or Urgency.MAY, row.reasons, 1, hours, how)


def _task(
    home: Home,
    entrance_id: int,
    urgency: Urgency,
    reasons: tuple[Reason, ...],
    weight: int,
    hours: tuple[tuple[int, int], ...],
    how: WorkSetting,
) -> Task:
    return Task(
        home.household_id,
        home.grid_id,
        home.building_id,
        entrance_id,
        home.floor,
        home.room,
        urgency,
        weight,
        (50,) * len(BANDS),
        hours,
        60 * how.service_min["routine"],
        60 * how.knock_min,
        None,
        ("routine",),
        (),
        reasons,
    )


def _emergency(con: Connection, actor: Actor, plan: StoredPlan, turns: Sequence[Turn], changes: Changes) -> Task:
    """Return the household of an emergency as a task; quiet hours and hours at home do not bind it."""
    asked = changes.emergency or 0
    home = households.homes(con, actor.community_id, [asked]).get(asked)
    grids = {g for turn in turns for g in turn.grid_ids} or {plan.grid_id}
    entrance_id = store.entrance_of(con, actor.community_id, asked)
    if home is None or entrance_id is None or home.grid_id not in grids:
        raise BadInput("紧急的这一户不在您的网格里")
    how = worklist.setting(con, actor)
    reasons = (Reason("emergency"),)
    task = _task(home, entrance_id, Urgency.MUST, reasons, EMERGENCY_WEIGHT, ((0, 86_400),), how)
    return replace(task, service_s=60 * how.service_min["event"], purposes=("event",), chance=(100,) * len(BANDS))


def _warm(ready: Ready, rows: Sequence[PlanRow]) -> list[list[int]]:
    """Return the order there was, as far as it still stands, for the search to begin from."""
    first = ready.composed.first
    place = {(c.household_id, c.errand_id if not c.inside else None): first + i
             for i, c in enumerate(ready.composed.candidates)}  # fmt: skip
    keys = [(r.household_id, r.errand_id if r.kind is StopKind.ERRAND else None) for r in rows if r.kind in OPEN]
    stops = [place[key] for key in keys if key in place]
    head = [i + first for i, c in enumerate(ready.composed.candidates) if c.days == frozenset({0}) and c.required]
    ordered = [*head, *(p for p in stops if p not in head)]
    return [ordered, *([] for _ in ready.turns[1:])]


def _from_here(rows: Sequence[PlanRow], frozen: Sequence[PlanRow], changes: Changes) -> tuple[PlanRow, ...]:
    """Return the rows ahead; their start says at which entrance the worker is, unless he told where himself."""
    if changes.here is not None or not frozen or rows[0].kind is not StopKind.START:
        return tuple(rows)
    return (replace(rows[0], entrance_id=frozen[-1].entrance_id), *rows[1:])


def unlocated(draft: PlanDraft, here: tuple[float, float] | None) -> PlanDraft:
    """Return the plan without the way that leads from where the worker is: that is told, not kept."""
    if here is None:
        return draft
    last = max(i for i, row in enumerate(draft.rows) if row.kind is StopKind.START)
    rows = list(draft.rows)
    if last + 1 < len(rows):
        rows[last + 1] = replace(rows[last + 1], path=None, parts=(), walk_m=0)
    return replace(draft, rows=tuple(rows))
