"""Better hours for a worker's day: told before he sets out, taken with one tap, never taken for him."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from gridmap.domain import hours as thinking
from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.answering import HOUR_S
from gridmap.domain.hours import Found
from gridmap.domain.plans import PlanRow, StopKind
from gridmap.domain.routes.problem import DAY_S
from gridmap.domain.working import MINUTE_S
from gridmap.domain.worklist import Urgency
from gridmap.errors import Conflict, NotFound
from gridmap.services import access, plans, replanning, working
from gridmap.services.coverage import as_job, days
from gridmap.services.planning import Ready, Turn, gather, local_second
from gridmap.store import audit
from gridmap.store import plans as store
from gridmap.store.plans import StoredPlan

READERS = (Role.SECRETARY, Role.CLERK, Role.WORKER, Machine.JOB)
MAKERS = (Role.SECRETARY, Role.WORKER, Machine.JOB)


@dataclass(frozen=True)
class Offer:
    """Hours that may be taken in place of those from ``before_s`` on, and how many more doors may be met then."""

    plan_id: int
    before_s: int
    opens_s: int
    closes_s: int
    more: int


def offer(con: Connection, actor: Actor, *, plan_id: int, at: datetime) -> Offer | None:
    """Return better hours for a plan; None when there are none, or none may be taken.

    None may be taken when the plan was replaced or its day is over, when anything of it is done, when the office set
    the hours, and when he walks more than once on that day.

    Raises
    ------
    NotFound
        When there is no such plan, or it is another worker's and a worker asks.
    """
    access.require(actor, *READERS)
    plan = _own(con, actor, plan_id)
    with as_job(con, actor):
        job = Actor(Machine.JOB, actor.community_id)
        turn = _movable(con, job, plan, at)
        found = _found(con, job, plan, turn, at) if turn else None
    if found is None or found.best is None:
        return None
    return Offer(plan_id, found.now.opens_s, found.best.opens_s, found.best.closes_s, found.more)


def take(con: Connection, actor: Actor, *, plan_id: int, opens_s: int, at: datetime) -> int:
    """Let a plan's worker set out at another time, with a plan of its own; return the new plan's id.

    The usual hours can always be taken again. Other hours must lie outside the quiet ones, not in the past, and the
    new plan must hold whatever is owed and stands in the old one.

    Raises
    ------
    Conflict
        When the hours cannot be taken, any more or at all; nothing is changed then.
    NotFound
        When there is no such plan, or it is another worker's and a worker asks.
    """
    access.require(actor, *MAKERS)
    plan = _own(con, actor, plan_id)
    with as_job(con, actor):
        job = Actor(Machine.JOB, actor.community_id)
        store.lock(con, job.community_id)
        turn = _movable(con, job, plan, at)
        if turn is None:
            raise Conflict("出发时间改不了：计划已更新、已经出发，或班次由社区定")
        length_s = turn.closes_s - turn.opens_s
        if not _may_begin(con, job, plan, opens_s, length_s, at):
            raise Conflict("不能在这个时间出发：请刷新后再试")
        closes_s = opens_s + length_s
        working.choose_shift(con, job, worker_id=plan.worker_id, on=plan.on, opens_s=opens_s, closes_s=closes_s)
        made = plans.make(con, job, worker_id=plan.worker_id, on=plan.on, at=at, seed=plan.seed)
        if not made or _lost(con, job, plan_id, made, _known_s(con, job, plan, at)):
            raise Conflict("改到这个时间会落下约好的或必须去的，没有改")
    if actor.account_id:
        audit.write(con, actor, "plan.hours", subject=str(made), on=plan.on)
    return made


def _own(con: Connection, actor: Actor, plan_id: int) -> StoredPlan:
    plan = store.by_id(con, actor.community_id, plan_id)
    if plan is None or (actor.role is Role.WORKER and plan.worker_id != actor.worker_id):
        raise NotFound("没有这个计划")
    return plan


def _second(con: Connection, job: Actor, plan: StoredPlan, at: datetime) -> int:
    """Return a moment as a second of the plan's day: below 0 before it, ``DAY_S`` and more after it."""
    return local_second(at, days(con, job).timezone, plan.on)


def _known_s(con: Connection, job: Actor, plan: StoredPlan, at: datetime) -> int:
    """Return from when on the hours an event has left are counted, as the worklist counts them."""
    second = _second(con, job, plan, at)
    return second if second >= 0 else MINUTE_S * working.setting(con, job).quiet_until_min


def _movable(con: Connection, job: Actor, plan: StoredPlan, at: datetime) -> Turn | None:
    """Return the walk of a plan whose hours may still be chosen."""
    if not plan.current or _second(con, job, plan, at) >= DAY_S or store.begun(con, job.community_id, plan.plan_id):
        return None
    turns = plans.turns_of(con, job, on=plan.on, worker_ids=[plan.worker_id]).get(plan.worker_id, ())
    if len(turns) != 1 or not working.may_choose(con, job, worker_id=plan.worker_id, on=plan.on):
        return None
    return turns[0]


def _may_begin(con: Connection, job: Actor, plan: StoredPlan, opens_s: int, length_s: int, at: datetime) -> bool:
    """Tell whether a walk may be begun then: at the usual time always, else outside quiet hours and not in the past."""
    how, since_s = working.setting(con, job), max(_second(con, job, plan, at), 0)
    return opens_s == MINUTE_S * how.shift_start_min or opens_s in thinking.starts(
        length_s, setting=how, since_s=since_s
    )


def _found(con: Connection, job: Actor, plan: StoredPlan, turn: Turn, at: datetime) -> Found:
    """Try other hours for a plan's walk, with what is known now and without what is another worker's."""
    second, known_s = _second(con, job, plan, at), _known_s(con, job, plan, at)
    timezone = days(con, job).timezone
    wanted = replanning.around_others(con, job, [turn], plan.on, timezone, but=[plan.worker_id])
    ready = gather(con, job, [turn], at=at if second >= 0 else None, wanted=wanted)
    return ready.hours(
        setting=working.setting(con, job),
        known_s=known_s,
        since_s=max(second, 0),
        start=_places(ready, store.rows(con, job.community_id, plan.plan_id)),
    )


def _places(ready: Ready, rows: Sequence[PlanRow]) -> list[int]:
    """Return the stops of a plan as places of a problem, those that are still asked for."""
    place = {(c.household_id if c.inside else None, c.errand_id): i for i, c in enumerate(ready.composed.candidates)}
    keys = [(row.household_id, row.errand_id) for row in rows if row.kind in {StopKind.DOOR, StopKind.ERRAND}]
    return [ready.composed.first + place[key] for key in keys if key in place]


def _lost(con: Connection, job: Actor, before: int, after: int, known_s: int) -> set[tuple[int, int]]:
    """Return what is owed and stands in one plan and not, or too late, in the one that takes its place."""
    old, new = (store.rows(con, job.community_id, plan_id) for plan_id in (before, after))
    until = {
        row.household_id or 0: known_s + HOUR_S * (int(reason.values["hours_left"]) - 1)
        for row in new
        for reason in row.reasons
        if reason.code == "event"
    }
    return _owed(old, until) - _owed(new, until)


def _owed(rows: Sequence[PlanRow], until: Mapping[int, int]) -> set[tuple[int, int]]:
    """Return (household or 0, errand or 0) of stops that other hours may not lose."""
    return {
        (row.household_id or 0, row.errand_id or 0)
        for row in rows
        if row.urgency is Urgency.MUST or row.pinned or row.errand_id is not None
        if row.start_s <= until.get(row.household_id or 0, row.start_s)
    }
