"""What is done to a draft of borders: preview, edit, undo, redo, and the words of its grids.

Each edit loads the grids it touches and their neighbours, lets ``domain.partition`` do it in whole numbers, and keeps
the grids that differ from the base and the step itself, so that it can be undone without end. ``revision`` is what the
editor saw last: an edit made over anything else is refused with the newer number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from gridmap.domain import partition
from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.border_faults import in_rows, out_of_order
from gridmap.domain.boundaries import (
    LEASE_MIN,
    DraftGrid,
    Plan,
    PlanState,
    absent,
    detail_of,
    packed,
    renamed,
    settled,
    usual_name,
)
from gridmap.errors import BadInput, Conflict, NotFound
from gridmap.services import access
from gridmap.services.coverage import as_job
from gridmap.store import boundaries as store
from gridmap.store.boundaries import Standing

EDITORS = (Role.PLANNER, Role.SECRETARY, Machine.JOB)
READERS = (Role.SECRETARY, Role.CLERK, Role.PLANNER, Machine.JOB)
MOST_NAME = 40


@dataclass(frozen=True)
class Preview:
    """What an operation would do.

    Attributes
    ----------
    revision : of the draft it was tried on
    before, after : the grids it changes; one that is not there yet, or no more, has no border
    around : the grids beside them, which it leaves as they are
    effects : ``domain.effects.Effect`` of each grid that changes
    """

    revision: int
    before: tuple[DraftGrid, ...]
    after: tuple[DraftGrid, ...]
    around: tuple[DraftGrid, ...]
    effects: tuple[Any, ...]


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


def _fresh(found: Standing) -> None:
    """Refuse to draw over borders that are in force no more."""
    if found.state is not PlanState.DRAFT:
        raise Conflict("这个方案已经提交、生效或作废，不能再改", state=str(found.state), revision=found.revision)
    if found.stale:
        raise Conflict("另一个方案已经生效，请先把这个方案合并到最新的边界", revision=found.revision)


def _opened(con: Connection, actor: Actor, plan_id: int, revision: int, at: datetime) -> Standing:
    """Lock a draft for an edit by who holds it, or takes it because nobody does."""
    found = standing_of(con, actor, plan_id, lock=True)
    _fresh(found)
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


@dataclass(frozen=True)
class _Work:
    """What an operation made of some grids."""

    before: tuple[DraftGrid, ...]
    after: tuple[DraftGrid, ...]
    around: tuple[DraftGrid, ...]


def _worked(con: Connection, actor: Actor, plan_id: int, found: Standing, operation: Any) -> _Work:
    """Let the partition do an operation over the grids it touches and their neighbours."""
    reach, named = partition.reach(operation), partition.named(operation)
    near = _near(con, actor, plan_id, found, reach, sorted(named))
    shapes = {key: grid.boundary for key, grid in near.items() if grid.boundary is not None}
    made = partition.apply(partition.Patch(shapes), operation, locked=found.locked)
    after = [
        replace(near[key], boundary=shape)
        if key in near
        else _added(con, actor, plan_id, found, near, operation, shape)
        for key, shape in made.after.items()
    ]
    before = [near.get(key, absent(key)) for key in made.after]
    around = [grid for key, grid in near.items() if key not in made.after]
    return _Work(_by_key(before), _by_key(after), _by_key(around))


def _by_key(grids: Iterable[DraftGrid]) -> tuple[DraftGrid, ...]:
    return tuple(sorted(grids, key=lambda g: g.key))


def _near(
    con: Connection, actor: Actor, plan_id: int, found: Standing, reach: store.Box | None, named: Sequence[int]
) -> dict[int, DraftGrid]:
    """Return the grids an operation reaches or names, and all that touch them."""
    on = found.base.effect_on
    touched = store.of_plan(con, actor.community_id, plan_id, on=on, box=reach or NOWHERE, keys=named)
    wide = _around(g.boundary.bounds for g in touched if g.boundary is not None)
    if wide is None:
        raise BadInput("这里没有网格")
    return {g.key: g for g in store.of_plan(con, actor.community_id, plan_id, on=on, box=wide)}


NOWHERE = (0.0, 0.0, 0.0, 0.0)  # a box that meets no grid, of an operation that only names grids


def _around(boxes: Iterable[Sequence[float]]) -> store.Box | None:
    columns = list(zip(*boxes, strict=True))
    if not columns:
        return None
    return min(columns[0]), min(columns[1]), max(columns[2]), max(columns[3])


def _added(
    con: Connection,
    actor: Actor,
    plan_id: int,
    found: Standing,
    near: Mapping[int, DraftGrid],
    operation: Any,
    shape: Any,
) -> DraftGrid:
    """Return a new grid with the next number; a part that is cut off keeps its grid's kind."""
    number = store.last_number(con, actor.community_id, plan_id, on=found.base.effect_on) + 1
    parent = near.get(getattr(operation, "key", 0))
    return DraftGrid(operation.new_key, number, usual_name(number), parent.kind if parent else "general", shape)


def _keyed(con: Connection, actor: Actor, plan_id: int, operation: Any) -> Any:
    """Give a grid that an operation adds a key no other has, whatever key came with it."""
    if not any(f.name == "new_key" for f in fields(operation)):
        return operation
    return replace(operation, new_key=store.lowest_key(con, actor.community_id, plan_id) - 1)


def preview(con: Connection, actor: Actor, *, plan_id: int, operation: Any) -> Preview:
    """Return what an operation of ``domain.partition`` would do to a draft, with its effects; nothing is written.

    Raises
    ------
    BadInput
        When it cannot be done; the sentence says why.
    Conflict
        When the draft is no draft any more, or its base is in force no more.
    """
    from gridmap.services.effects import effects

    access.require(actor, *EDITORS)
    found = standing_of(con, actor, plan_id)
    _fresh(found)
    made = _worked(con, actor, plan_id, found, _keyed(con, actor, plan_id, operation))
    told = effects(con, actor, plan_id=plan_id, before=made.before, after=made.after)
    return Preview(found.revision, made.before, made.after, made.around, told)


def edit(con: Connection, actor: Actor, *, plan_id: int, revision: int, operation: Any, at: datetime) -> Plan:
    """Do an operation of ``domain.partition`` to a draft.

    Raises
    ------
    BadInput
        When it cannot be done; the sentence says why.
    Conflict
        When the draft is at another revision, held by another, or over borders in force no more.
    """
    access.require(actor, *EDITORS)
    found = _opened(con, actor, plan_id, revision, at)
    operation = _keyed(con, actor, plan_id, operation)
    made = _worked(con, actor, plan_id, found, operation)
    kind, detail = type(operation).__name__.lower(), detail_of(operation)
    return _kept(con, actor, plan_id, found, kind, detail, made.before, made.after, at)


def _kept(
    con: Connection,
    actor: Actor,
    plan_id: int,
    found: Standing,
    kind: str,
    detail: Mapping[str, Any],
    before: Sequence[DraftGrid],
    after: Sequence[DraftGrid],
    at: datetime,
) -> Plan:
    """Keep new states of grids and remember the step."""
    after = _written(con, actor, plan_id, found, after)
    keys = [g.key for g in after]
    if packed(before) == packed(after):
        raise BadInput("这一步没有改变任何网格")
    store.add_edit(
        con,
        actor.community_id,
        plan_id,
        kind=kind,
        detail=dict(detail) | {"keys": keys, "lowest_key": min([0, *keys])},
        before=packed(before),
        after=packed(after),
        account_id=actor.account_id or None,
        at=at,
    )
    return _touched(con, actor, plan_id, at)


def _written(
    con: Connection, actor: Actor, plan_id: int, found: Standing, after: Sequence[DraftGrid]
) -> tuple[DraftGrid, ...]:
    """Write new states of grids; return them as they will be read: what is as the base again is the base's own."""
    ids = [g.key for g in after if g.key > 0]
    base = {g.key: g for g in store.of_day(con, actor.community_id, on=found.base.effect_on, keys=ids)}
    different, again = settled(after, base)
    store.keep_changes(con, actor.community_id, plan_id, different=different, again=[g.key for g in again])
    return _by_key([*different, *again])


def _touched(con: Connection, actor: Actor, plan_id: int, at: datetime, **values: Any) -> Plan:
    store.touch(con, actor.community_id, plan_id, until=at + timedelta(minutes=LEASE_MIN), **values)
    with as_job(con, actor):
        found = store.plan(con, actor.community_id, plan_id)
    if found is None:
        raise NotFound("没有这个边界方案")
    return found


def undo(con: Connection, actor: Actor, *, plan_id: int, revision: int, at: datetime) -> Plan:
    """Take the last edit back.

    Raises
    ------
    Conflict
        When the draft is at another revision, held by another, or its grids were changed by a version since.
    NotFound
        When there is nothing to take back.
    """
    access.require(actor, *EDITORS)
    return _stepped(con, actor, plan_id, revision, at, again=False)


def redo(con: Connection, actor: Actor, *, plan_id: int, revision: int, at: datetime) -> Plan:
    """Do the edit again that was taken back last.

    Raises
    ------
    Conflict
        When the draft is at another revision, held by another, or its grids were changed by a version since.
    NotFound
        When there is nothing to do again.
    """
    access.require(actor, *EDITORS)
    return _stepped(con, actor, plan_id, revision, at, again=True)


def _stepped(con: Connection, actor: Actor, plan_id: int, revision: int, at: datetime, *, again: bool) -> Plan:
    found = _opened(con, actor, plan_id, revision, at)
    step = store.step(con, actor.community_id, plan_id, undone=again)
    if step is None:
        raise NotFound("没有可以重做的修改" if again else "没有可以撤销的修改")
    is_now, wanted = (step.before, step.after) if again else (step.after, step.before)
    keys = [g.key for g in wanted]
    _, now = store.states(con, actor.community_id, plan_id, on=found.base.effect_on, keys=keys)
    if packed(now.get(key, absent(key)) for key in keys) != packed(is_now):
        raise Conflict("这一步的网格已经随生效的方案变了，不能再撤销或重做", revision=found.revision)
    _written(con, actor, plan_id, found, wanted)
    store.mark(con, actor.community_id, plan_id, step.number, undone=not again)
    locked = step.detail.get("locked" if again else "was_locked")
    return _touched(con, actor, plan_id, at, **({} if locked is None else {"locked": locked}))


# --- the words of grids ------------------------------------------------------------------------------------------


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
    found = _opened(con, actor, plan_id, revision, at)
    _, now = store.states(con, actor.community_id, plan_id, on=found.base.effect_on, keys=[key])
    if key not in now or now[key].boundary is None:
        raise NotFound("方案里没有这个网格")
    return _kept(con, actor, plan_id, found, kind, {"key": key}, [now[key]], [change(now[key])], at)


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
    if worker_id and not store.has_worker(con, actor.community_id, worker_id):
        raise NotFound("没有这位网格员")
    return _reworded(con, actor, plan_id, revision, at, key, "assign", lambda grid: replace(grid, worker_id=worker_id))


def set_lock(
    con: Connection, actor: Actor, *, plan_id: int, revision: int, key: int, locked: bool, at: datetime
) -> Plan:
    """Keep the border of a grid as it is in a draft, or let it be edited again."""
    access.require(actor, *EDITORS)
    found = _opened(con, actor, plan_id, revision, at)
    _, now = store.states(con, actor.community_id, plan_id, on=found.base.effect_on, keys=[key])
    if key not in now or now[key].boundary is None:
        raise NotFound("方案里没有这个网格")
    wanted = sorted(found.locked | {key} if locked else found.locked - {key})
    was = sorted(found.locked)
    if wanted == was:
        raise BadInput("这一步没有改变任何网格")
    store.add_edit(
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
    return _touched(con, actor, plan_id, at, locked=wanted)


def renumber(con: Connection, actor: Actor, *, plan_id: int, revision: int, at: datetime) -> Plan:
    """Give the grids of a draft numbers from west to east, north to south; names that are numbers follow."""
    access.require(actor, *EDITORS)
    found = _opened(con, actor, plan_id, revision, at)
    whole = {g.key: g for g in store.of_plan(con, actor.community_id, plan_id, on=found.base.effect_on)}
    if not out_of_order(whole.values()):
        raise BadInput("网格的编号已经是由西向东、由北向南的")
    numbers = in_rows(whole.values())
    moved = [key for key, number in numbers.items() if whole[key].number != number]
    before = _by_key(whole[key] for key in moved)
    after = [renamed(grid, numbers[grid.key]) for grid in before]
    return _kept(con, actor, plan_id, found, "renumber", {}, before, after, at)
