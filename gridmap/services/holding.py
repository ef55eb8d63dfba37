"""Who may change a draft of borders: one holder at a time, over borders in force, from the state he saw last."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.boundaries import LEASE_MIN, Plan, PlanState
from gridmap.errors import Conflict, NotFound
from gridmap.services import access
from gridmap.services.coverage import as_job
from gridmap.store import boundaries as store
from gridmap.store.boundaries import Standing

EDITORS = (Role.PLANNER, Role.SECRETARY, Machine.JOB)
READERS = (Role.SECRETARY, Role.CLERK, Role.PLANNER, Machine.JOB)


def standing_of(con: Connection, actor: Actor, plan_id: int, *, lock: bool = False) -> Standing:
    """Return how a draft stands; with ``lock`` nobody else changes it until the transaction ends.

    Raises
    ------
    NotFound
        When there is no such draft.
    """
    access.require(actor, *READERS)
    found = store.standing(con, actor.community_id, plan_id, lock=lock)
    if found is None:
        raise NotFound("没有这个边界方案")
    return found


def held_by_another(found: Plan) -> Conflict:
    """Return the refusal that tells who holds a draft since when, or what became of it."""
    values = {"state": str(found.state), "revision": found.revision}
    if found.state is not PlanState.DRAFT:
        return Conflict("这个方案已经提交、生效或作废，不能再改", **values)
    return Conflict(
        "%(name)s 正在编辑这个方案，请等他放手，或过 %(minutes)s 分钟再试",
        name=found.holder_name,
        minutes=LEASE_MIN,
        since=found.held_since,
        until=found.lease_until,
        **values,
    )


def drawable(found: Standing) -> None:
    """Refuse to draw what is no draft any more, or over borders that are in force no more."""
    if found.state is not PlanState.DRAFT:
        raise Conflict("这个方案已经提交、生效或作废，不能再改", state=str(found.state), revision=found.revision)
    if found.stale:
        raise Conflict("另一个方案已经生效，请先把这个方案合并到最新的边界", revision=found.revision)


def opened(con: Connection, actor: Actor, plan_id: int, revision: int, at: datetime) -> Standing:
    """Lock a draft for an edit by who holds it, or takes it because nobody does.

    Raises
    ------
    Conflict
        When it is at another revision, held by another, no draft any more, or over borders in force no more.
    NotFound
        When there is no such draft.
    """
    access.require(actor, *EDITORS)
    found = standing_of(con, actor, plan_id, lock=True)
    drawable(found)
    if found.revision != revision:
        raise Conflict("这个方案已经改到第 %(revision)s 步，请看过最新的样子再继续", revision=found.revision)
    ensure_held(con, actor, plan_id, found, at)
    return found


def ensure_held(con: Connection, actor: Actor, plan_id: int, found: Standing, at: datetime) -> None:
    """Let nobody change a draft, locked for this, but who holds it: a free one is taken by who changes it.

    The program itself is no account and holds nothing: it changes what nobody holds.
    """
    access.require(actor, *EDITORS)
    if not actor.account_id:
        free = found.lease_until is None or found.lease_until <= at
    elif found.holder_id == actor.account_id:
        free = True
    else:
        until = at + timedelta(minutes=LEASE_MIN)
        free = store.hold(con, actor.community_id, plan_id, account_id=actor.account_id, at=at, until=until)
    if free:
        return
    with as_job(con, actor):
        held = store.plan(con, actor.community_id, plan_id)
    raise held_by_another(held) if held else NotFound("没有这个边界方案")
