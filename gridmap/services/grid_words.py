"""The words of a draft's grids: name, kind, number, who will work there, and whether its border may be edited."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from gridmap.domain.actors import Actor
from gridmap.domain.border_faults import in_rows, out_of_order
from gridmap.domain.boundaries import DraftGrid, Plan, renamed
from gridmap.errors import BadInput, NotFound
from gridmap.services import access
from gridmap.services.editing import by_key, kept, touched
from gridmap.services.holding import EDITORS, opened
from gridmap.store import boundaries as plans
from gridmap.store import draft_edits as steps
from gridmap.store import partitions as store

MOST_NAME = 40


def _reworded(
    con: Connection,
    actor: Actor,
    plan_id: int,
    revision: int,
    at: datetime,
    key: int,
    kind: str,
    change: Callable[[DraftGrid], DraftGrid],
) -> Plan:
    found = opened(con, actor, plan_id, revision, at)
    _, now = store.states(con, actor.community_id, plan_id, on=found.base.effect_on, keys=[key])
    if key not in now or now[key].boundary is None:
        raise NotFound("方案里没有这个网格")
    return kept(con, actor, plan_id, found, kind, {"key": key}, [now[key]], [change(now[key])], at)


def rename(con: Connection, actor: Actor, *, plan_id: int, revision: int, key: int, name: str, at: datetime) -> Plan:
    """Give a grid of a draft another name."""
    access.require(actor, *EDITORS)
    name = name.strip()
    if not 1 <= len(name) <= MOST_NAME:
        raise BadInput("网格的名称要填 1 到 %(most)s 个字", most=MOST_NAME)
    return _reworded(con, actor, plan_id, revision, at, key, "rename", lambda grid: replace(grid, name=name))


def set_kind(con: Connection, actor: Actor, *, plan_id: int, revision: int, key: int, kind: str, at: datetime) -> Plan:
    """Make a grid of a draft a general or a commercial one."""
    access.require(actor, *EDITORS)
    if kind not in ("general", "commercial"):
        raise BadInput("网格只有综合网格和商圈专属网格两种")
    return _reworded(con, actor, plan_id, revision, at, key, "kind", lambda grid: replace(grid, kind=kind))


def assign(
    con: Connection, actor: Actor, *, plan_id: int, revision: int, key: int, worker_id: int, at: datetime
) -> Plan:
    """Say who will work in a grid that a draft adds; 0 = nobody yet."""
    access.require(actor, *EDITORS)
    if key > 0:
        raise BadInput("这里只安排新网格的网格员；现有网格的网格员不随边界改变")
    if worker_id and not plans.has_worker(con, actor.community_id, worker_id):
        raise NotFound("没有这位网格员")
    return _reworded(con, actor, plan_id, revision, at, key, "assign", lambda grid: replace(grid, worker_id=worker_id))


def set_lock(
    con: Connection, actor: Actor, *, plan_id: int, revision: int, key: int, locked: bool, at: datetime
) -> Plan:
    """Keep the border of a grid as it is in a draft, or let it be edited again."""
    access.require(actor, *EDITORS)
    found = opened(con, actor, plan_id, revision, at)
    _, now = store.states(con, actor.community_id, plan_id, on=found.base.effect_on, keys=[key])
    if key not in now or now[key].boundary is None:
        raise NotFound("方案里没有这个网格")
    wanted = sorted(found.locked | {key} if locked else found.locked - {key})
    was = sorted(found.locked)
    if wanted == was:
        raise BadInput("这一步没有改变任何网格")
    steps.add_edit(
        con,
        actor.community_id,
        plan_id,
        kind="lock",
        detail={"key": key, "keys": [key], "locked": wanted, "was_locked": was},
        before=b"",
        after=b"",
        account_id=actor.account_id or None,
        at=at,
    )
    return touched(con, actor, plan_id, at, locked=wanted)


def renumber(con: Connection, actor: Actor, *, plan_id: int, revision: int, at: datetime) -> Plan:
    """Give the grids of a draft numbers from west to east, north to south; names that are numbers follow."""
    access.require(actor, *EDITORS)
    found = opened(con, actor, plan_id, revision, at)
    whole = {g.key: g for g in store.of_plan(con, actor.community_id, plan_id, on=found.base.effect_on)}
    if not out_of_order(whole.values()):
        raise BadInput("网格的编号已经是由西向东、由北向南的")
    numbers = in_rows(whole.values())
    moved = [key for key, number in numbers.items() if whole[key].number != number]
    before = by_key(whole[key] for key in moved)
    after = [renamed(grid, numbers[grid.key]) for grid in before]
    return kept(con, actor, plan_id, found, "renumber", {}, before, after, at)
