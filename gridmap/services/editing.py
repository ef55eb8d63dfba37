"""What is done to a draft of borders: preview, edit, undo, redo.

Each edit loads the grids it touches and their neighbours, lets ``domain.partition`` do it in whole numbers, and keeps
the grids that differ from the base and the step itself, so that it can be undone without end. ``revision`` is what the
editor saw last: an edit made over anything else is refused with the newer number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from gridmap.domain import partition
from gridmap.domain.actors import Actor
from gridmap.domain.boundaries import (
    LEASE_MIN,
    DraftGrid,
    Plan,
    absent,
    detail_of,
    packed,
    settled,
    usual_name,
)
from gridmap.errors import BadInput, Conflict, NotFound
from gridmap.services import access
from gridmap.services.coverage import as_job
from gridmap.services.effects import between
from gridmap.services.holding import EDITORS, READERS, drawable, ensure_held, held_by_another, opened, standing_of
from gridmap.store import boundaries as plans
from gridmap.store import draft_edits as steps
from gridmap.store import partitions as store
from gridmap.store.boundaries import Standing

__all__ = [
    "EDITORS",
    "READERS",
    "Preview",
    "by_key",
    "edit",
    "ensure_held",
    "held_by_another",
    "kept",
    "preview",
    "redo",
    "standing_of",
    "touched",
    "undo",
]


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
    return _Work(by_key(before), by_key(after), by_key(around))


def by_key(grids: Iterable[DraftGrid]) -> tuple[DraftGrid, ...]:
    """Return grids in the order of their keys."""
    return tuple(sorted(grids, key=lambda g: g.key))


def _near(
    con: Connection, actor: Actor, plan_id: int, found: Standing, reach: store.Box | None, named: Sequence[int]
) -> dict[int, DraftGrid]:
    """Return the grids an operation reaches or names, and all that touch them."""
    some = store.near(con, actor.community_id, plan_id, on=found.base.effect_on, box=reach, keys=named)
    if not some:
        raise BadInput("这里没有网格")
    return {g.key: g for g in some}


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
    access.require(actor, *EDITORS)
    found = standing_of(con, actor, plan_id)
    drawable(found)
    made = _worked(con, actor, plan_id, found, _keyed(con, actor, plan_id, operation))
    told = between(con, actor, before=made.before, after=made.after)
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
    found = opened(con, actor, plan_id, revision, at)
    operation = _keyed(con, actor, plan_id, operation)
    made = _worked(con, actor, plan_id, found, operation)
    kind, detail = type(operation).__name__.lower(), detail_of(operation)
    return kept(con, actor, plan_id, found, kind, detail, made.before, made.after, at)


def kept(
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
    """Keep new states of grids of a draft that was ``opened``, and remember the step.

    Raises
    ------
    BadInput
        When nothing is another than before.
    """
    access.require(actor, *EDITORS)
    after = _written(con, actor, plan_id, found, after)
    keys = [g.key for g in after]
    if packed(before) == packed(after):
        raise BadInput("这一步没有改变任何网格")
    steps.add_edit(
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
    return touched(con, actor, plan_id, at)


def _written(
    con: Connection, actor: Actor, plan_id: int, found: Standing, after: Sequence[DraftGrid]
) -> tuple[DraftGrid, ...]:
    """Write new states of grids; return them as they will be read: what is as the base again is the base's own."""
    ids = [g.key for g in after if g.key > 0]
    base = {g.key: g for g in store.of_day(con, actor.community_id, on=found.base.effect_on, keys=ids)}
    different, again = settled(after, base)
    store.keep_changes(con, actor.community_id, plan_id, different=different, again=[g.key for g in again])
    return by_key([*different, *again])


def touched(con: Connection, actor: Actor, plan_id: int, at: datetime, **values: Any) -> Plan:
    """Count one more change of a draft that was ``opened``; ``values`` are columns of its row set besides."""
    access.require(actor, *EDITORS)
    plans.touch(con, actor.community_id, plan_id, until=at + timedelta(minutes=LEASE_MIN), **values)
    with as_job(con, actor):
        found = plans.plan(con, actor.community_id, plan_id)
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
    found = opened(con, actor, plan_id, revision, at)
    step = steps.step(con, actor.community_id, plan_id, undone=again)
    if step is None:
        if again:
            raise NotFound("没有可以重做的修改")
        raise NotFound("没有可以撤销的修改")
    is_now, wanted = (step.before, step.after) if again else (step.after, step.before)
    keys = [g.key for g in wanted]
    _, now = store.states(con, actor.community_id, plan_id, on=found.base.effect_on, keys=keys)
    if packed(now.get(key, absent(key)) for key in keys) != packed(is_now):
        raise Conflict("这一步的网格已经随生效的方案变了，不能再撤销或重做", revision=found.revision)
    _written(con, actor, plan_id, found, wanted)
    steps.mark(con, actor.community_id, plan_id, step.number, undone=not again)
    locked = step.detail.get("locked" if again else "was_locked")
    return touched(con, actor, plan_id, at, **({} if locked is None else {"locked": locked}))
