"""From a draft to borders in force: submit, approve or send back, let take effect, return, tell those concerned.

Who submits a draft does not approve it. Nothing takes effect in the past: a draft for today takes effect when it is
approved, one for a later day in the first transaction of that day. Locks are taken in one order: the community's plans,
its figures, the draft, its households.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from gridmap.domain import publishing as thinking
from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.boundaries import DraftGrid, Origin, Plan, PlanState, fingerprint
from gridmap.domain.publishing import Notice
from gridmap.errors import BadInput, Conflict, Forbidden, NotFound
from gridmap.services import access, boundaries, coverage, taking_effect
from gridmap.services.consequences import consequences
from gridmap.services.coverage import as_job
from gridmap.services.editing import held_by_another
from gridmap.store import audit
from gridmap.store import boundaries as drafts
from gridmap.store import coverage as facts
from gridmap.store import notices as store_of_notices
from gridmap.store import plans as plan_store
from gridmap.store import publishing as store
from gridmap.store.boundaries import Standing

__all__ = [
    "approve",
    "changes_of_grid",
    "consequences",
    "notices",
    "return_to",
    "seen",
    "send_back",
    "submit",
    "take_effect",
]

PREPARERS = (Role.PLANNER, Role.SECRETARY)
LEADERS = (Role.SECRETARY, Role.CLERK)
FARTHEST = timedelta(days=366)
MOST_WORDS = 2000
SHOWN = 10  # changes of one grid that are told


def _job(actor: Actor) -> Actor:
    """Return the program itself in the actor's community."""
    return Actor(Machine.JOB, actor.community_id)


def _standing(con: Connection, actor: Actor, plan_id: int, revision: int, *states: PlanState) -> Standing:
    """Lock a draft and return how it stands; refuse another revision or state than the actor has before him."""
    found = drafts.standing(con, actor.community_id, plan_id, lock=True)
    if found is None:
        raise NotFound("没有这个边界方案")
    if found.state not in states or found.revision != revision:
        raise Conflict("这个方案已经被改过或办理过，请刷新页面再看", state=str(found.state), revision=found.revision)
    return found


def _words(words: str, sentence: str) -> str:
    found = words.strip()
    if not 1 <= len(found) <= MOST_WORDS:
        raise BadInput(sentence, most=MOST_WORDS)
    return found


def _check_day(effect_on: date, on: date) -> None:
    if effect_on < on:
        raise BadInput("生效日期 %(day)s 已经过去：请选今天或以后", day=effect_on)
    if effect_on > on + FARTHEST:
        raise BadInput("生效日期 %(day)s 太远：请选一年以内", day=effect_on)


# --- from hand to hand --------------------------------------------------------------------------------------------


def submit(
    con: Connection,
    actor: Actor,
    *,
    plan_id: int,
    revision: int,
    reason: str,
    effect_on: date,
    at: datetime,
    on: date,
) -> Plan:
    """Hand a draft to a secretary, with a reason and the day it shall take effect.

    Raises
    ------
    BadInput
        When the reason is empty, the day is over, or the borders are no partition or leave a building out.
    Conflict
        When it is no draft any more, was changed meanwhile, is held by another, or its grids changed in force.
    """
    access.require(actor, *PREPARERS)
    reason = _words(reason, "请写明为什么要调整边界（不超过 %(most)s 个字）")
    _check_day(effect_on, on)
    standing = _standing(con, actor, plan_id, revision, PlanState.DRAFT)
    held = standing.holder_id and standing.lease_until is not None and standing.lease_until > at
    if held and standing.holder_id != actor.account_id:
        raise held_by_another(boundaries.plan(con, actor, plan_id=plan_id))
    with as_job(con, actor):
        _check(con, actor, plan_id, on=on)
    store.decide(
        con, actor.community_id, plan_id, state=str(PlanState.SUBMITTED), reason=reason, effect_on=effect_on,
        submitted_by=actor.account_id, submitted_at=at, decided_by=None, decided_at=None, decision_note="",
    )  # fmt: skip
    audit.write(con, actor, "boundary.submit", subject=str(plan_id), effect_on=effect_on)
    return boundaries.plan(con, actor, plan_id=plan_id)


def _check(con: Connection, actor: Actor, plan_id: int, *, on: date) -> None:
    """Refuse what could not take effect: against what is in force, and against what waits for its day."""
    job = _job(actor)
    taking_effect.check_base(con, job, plan_id=plan_id)
    taking_effect.check_waiting(con, job, plan_id=plan_id)
    made = taking_effect.patch(con, job, plan_id=plan_id, on=on)
    taking_effect.check(con, job, made, on=on)
    taking_effect.refuse_unassigned(taking_effect.buildings(con, job, made))


def send_back(con: Connection, actor: Actor, *, plan_id: int, revision: int, note: str, at: datetime) -> Plan:
    """Give a draft back to its planner with a note: what was submitted, or was approved and waits for its day.

    Who submitted it may take it back himself while nobody has decided.

    Raises
    ------
    BadInput
        When there is no note.
    Conflict
        When it was decided or changed meanwhile, or is in force.
    """
    access.require(actor, *PREPARERS)
    note = _words(note, "请写明为什么退回（不超过 %(most)s 个字）")
    found = _standing(con, actor, plan_id, revision, PlanState.SUBMITTED, PlanState.APPROVED)
    by, _, _ = store.submitted_by(con, actor.community_id, plan_id)
    own = by == actor.account_id
    if actor.role is Role.PLANNER and (not own or found.state is not PlanState.SUBMITTED):
        raise Forbidden("您的角色不能使用这个功能")
    store.decide(
        con, actor.community_id, plan_id, state=str(PlanState.DRAFT), decided_by=None if own else actor.account_id,
        decided_at=at, decision_note=note,
    )  # fmt: skip
    audit.write(con, actor, "boundary.send_back", subject=str(plan_id))
    return boundaries.plan(con, actor, plan_id=plan_id)


def approve(
    con: Connection,
    actor: Actor,
    *,
    plan_id: int,
    revision: int,
    at: datetime,
    on: date,
    effect_on: date | None = None,
) -> Plan:
    """Approve what another has submitted; for today it takes effect at once, all of it or nothing.

    Parameters
    ----------
    effect_on : another day than the one asked for

    Raises
    ------
    BadInput
        When its day is over.
    Conflict
        When it was decided or changed meanwhile, or its grids were changed by another version.
    Forbidden
        When the actor submitted it himself.
    """
    access.require(actor, Role.SECRETARY)
    job = _job(actor)
    with as_job(con, actor):
        today = begin_day(con, actor, on=on)
        _standing(con, actor, plan_id, revision, PlanState.SUBMITTED)
        by, reason, asked = store.submitted_by(con, actor.community_id, plan_id)
        day = effect_on or asked or today
        if by == actor.account_id:
            raise Forbidden("提交人不能批准自己的方案，请另一位书记批准")
        _check_day(day, today)
        _check(con, actor, plan_id, on=today)
        store.decide(
            con, actor.community_id, plan_id, state=str(PlanState.APPROVED), effect_on=day,
            decided_by=actor.account_id, decided_at=at, decision_note="",
        )  # fmt: skip
        published = None
        if day == today:
            published = taking_effect.take(
                con, job, plan_id=plan_id, on=day, at=at, account_id=actor.account_id, reason=reason
            )
            coverage.recount(
                con, job, on=day, household_ids=[m.household_id for m in published.moves], grid_ids=published.grid_ids
            )
    audit.write(con, actor, "boundary.approve", subject=str(plan_id), effect_on=day)
    if published:
        audit.write(
            con, actor, "boundary.effect", subject=str(plan_id), version=published.version_id,
            households=len(published.moves),
        )  # fmt: skip
    return boundaries.plan(con, actor, plan_id=plan_id)


def begin_day(con: Connection, actor: Actor, *, on: date) -> date:
    """Take the locks of publishing and see to it that the community's day has begun; return that day."""
    access.require(actor, Role.SECRETARY, Machine.JOB)
    job = _job(actor)
    plan_store.lock(con, job.community_id)
    facts.lock(con, job.community_id)
    calendar = coverage.days(con, job)
    today = max(on, calendar.decided_on or on)
    coverage.ensure(con, job, calendar, today)
    return today


def take_effect(con: Connection, actor: Actor, *, on: date) -> list[int]:
    """Let approved drafts take effect whose day has come; return their numbers. The day's first reader does it too."""
    access.require(actor, Role.SECRETARY, Machine.JOB)
    with as_job(con, actor):
        before = {plan.plan_id for plan in store.waiting(con, actor.community_id, until=on)}
        begin_day(con, actor, on=on)
        after = {plan.plan_id for plan in store.waiting(con, actor.community_id, until=on)}
    return sorted(before - after)


# --- back to an earlier version -----------------------------------------------------------------------------------


def return_to(con: Connection, actor: Actor, *, version_id: int, at: datetime, on: date) -> int:
    """Begin a draft that equals an earlier version; return its number. It takes the same way as every draft.

    Raises
    ------
    NotFound
        When there is no such version.
    BadInput
        When the borders are that already.
    """
    access.require(actor, *PREPARERS)
    with as_job(con, actor):
        wanted = as_of_version(con, actor, version_id=version_id, on=on)
        day, _ = _version(con, actor, version_id)
    now = {grid.key: grid for grid in drafts.of_day(con, actor.community_id, on=on)}
    if fingerprint(wanted) == fingerprint(now.values()):
        raise BadInput("现在的边界就是这个版本，不用恢复")
    title = f"恢复 {day:%Y-%m-%d} 的边界"
    return boundaries.begin(
        con, actor, title=title, at=at, on=on, origin=Origin.RETURN, grids=wanted, source={"version_id": version_id}
    )


def _version(con: Connection, actor: Actor, version_id: int) -> tuple[date, bytes]:
    found = store.version(con, actor.community_id, version_id)
    if found is None:
        raise NotFound("没有这个边界版本")
    return found


def as_of_version(con: Connection, actor: Actor, *, version_id: int, on: date) -> list[DraftGrid]:
    """Return the partition as a version made it, its fingerprint compared; ``on`` is today.

    Raises
    ------
    NotFound
        When there is no such version.
    """
    access.require(actor, Role.PLANNER, Role.SECRETARY, Role.CLERK, Machine.JOB)
    _, digest = _version(con, actor, version_id)
    present = drafts.of_day(con, actor.community_id, on=on)
    found = thinking.walked_back(present, store.befores(con, actor.community_id, version_id))
    if fingerprint(found) != digest:
        raise Conflict("这个版本的边界与留下的指纹不符，不能恢复")
    return found


# --- what is told -------------------------------------------------------------------------------------------------


def notices(con: Connection, actor: Actor, *, on: date) -> list[Notice]:
    """Return what a worker is told of other borders of his grids and has not put away, the newest first."""
    access.require(actor, Role.WORKER)
    with as_job(con, actor):  # of a grid that ended he is told although it is his no more
        return store_of_notices.notices(con, actor.community_id, actor.worker_id, on=on)


def seen(con: Connection, actor: Actor, *, version_id: int, at: datetime) -> None:
    """Put a notice away."""
    access.require(actor, Role.WORKER)
    with as_job(con, actor):
        store_of_notices.put_away(con, actor.community_id, actor.worker_id, version_id, at=at)


def changes_of_grid(con: Connection, actor: Actor, *, grid_id: int, on: date) -> list[Notice]:
    """Return how a grid's borders changed until a day, and what went along: the newest first.

    Raises
    ------
    NotFound
        When the grid is not the worker's.
    """
    access.require(actor, *LEADERS, Role.WORKER)
    access.require_grid(actor, grid_id)
    with as_job(con, actor):
        return store_of_notices.changes_of_grid(con, actor.community_id, grid_id, on=on, limit=SHOWN)
