"""Drafts of other borders: begin, hold, read, talk about, bring up to date, throw away; what is done to one: editing.

Who edits a draft holds it: one account at a time, for ``LEASE_MIN`` minutes after its last edit. Everybody else of the
office reads it and sees who holds it since when. A draft stores only the grids that differ from the version it was
begun over; when another version comes into force meanwhile, ``rebase`` brings it up to date.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from gridmap.domain import partition
from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.boundaries import (
    LEASE_MIN,
    Comment,
    Done,
    DraftGrid,
    Origin,
    Plan,
    PlanState,
    Version,
    absent,
    differing,
    fingerprint,
    is_whole,
)
from gridmap.errors import BadInput, Conflict, NotFound
from gridmap.services import access
from gridmap.services.coverage import as_job, days
from gridmap.services.editing import Preview, edit, preview, redo, undo
from gridmap.services.grid_words import assign, rename, renumber, set_kind, set_lock
from gridmap.services.holding import EDITORS, READERS, ensure_held, held_by_another, standing_of
from gridmap.store import audit
from gridmap.store import boundaries as store
from gridmap.store import draft_edits as steps

__all__ = [
    "Preview",
    "assign",
    "begin",
    "changes",
    "comment",
    "comments",
    "discard",
    "edit",
    "edits",
    "grids",
    "hold",
    "plan",
    "plans",
    "present",
    "preview",
    "rebase",
    "redo",
    "release",
    "rename",
    "renumber",
    "set_kind",
    "set_lock",
    "some",
    "source",
    "undo",
    "versions",
]

OPEN = (PlanState.DRAFT, PlanState.SUBMITTED, PlanState.APPROVED)
EDITS_SHOWN = 200
MOST_WORDS = 2000
MOST_TITLE = 120


def versions(con: Connection, actor: Actor) -> list[Version]:
    """Return every state the borders have had, the oldest first; the first is what the community was loaded with."""
    access.require(actor, *READERS)
    with as_job(con, actor):
        _first_version(con, actor)
        return store.versions(con, actor.community_id)


def _first_version(con: Connection, actor: Actor) -> store.Base:
    """Return the version in force; make the first where there is none yet. Needs the program's own rights."""
    found = store.newest(con, actor.community_id)
    if found is not None:
        return found
    store.lock(con, actor.community_id)
    found = store.newest(con, actor.community_id)  # another may have made it while we waited
    if found is not None:
        return found
    begun = store.begun_on(con, actor.community_id) or days(con, Actor(Machine.JOB, actor.community_id)).today
    now = store.of_day(con, actor.community_id, on=begun)
    made = store.add_version(con, actor.community_id, effect_on=begun, digest=fingerprint(now))
    return store.Base(made, begun)


def plans(con: Connection, actor: Actor, *, states: Sequence[PlanState] | None = None) -> list[Plan]:
    """Return drafts, the newest first: all, or those in some states."""
    access.require(actor, *READERS)
    with as_job(con, actor):
        return store.plans(con, actor.community_id, states=states)


def plan(con: Connection, actor: Actor, *, plan_id: int) -> Plan:
    """Return one draft without its shapes.

    Raises
    ------
    NotFound
        When there is no such draft.
    """
    access.require(actor, *READERS)
    with as_job(con, actor):
        found = store.plan(con, actor.community_id, plan_id)
    if found is None:
        raise NotFound("没有这个边界方案")
    return found


def source(con: Connection, actor: Actor, *, plan_id: int) -> Mapping[str, Any]:
    """Return how a draft came about: what a file was taken for, how a proposal was made."""
    access.require(actor, *READERS)
    standing_of(con, actor, plan_id)
    return store.source(con, actor.community_id, plan_id)


def begin(
    con: Connection,
    actor: Actor,
    *,
    title: str,
    at: datetime,
    on: date,
    origin: Origin = Origin.DRAWN,
    grids: Sequence[DraftGrid] | None = None,
    source: Mapping[str, Any] | None = None,
) -> int:
    """Begin a draft over the version in force and hold it; return its number.

    Parameters
    ----------
    on : today; the borders of that day are what it is drawn over
    grids : a whole partition to begin with, instead of the present one; keys of present grids keep their identity,
        and on the way back to an earlier version those of grids that ended since
    source : how it came about, kept with the draft

    Raises
    ------
    BadInput
        When the title is empty, or the partition is none: shapes must be polygons of whole units without faults.
    """
    access.require(actor, *EDITORS)
    title = _words(title, MOST_TITLE, "方案的名称要填 1 到 %(most)s 个字")
    with as_job(con, actor):
        base = _first_version(con, actor)
    if base.effect_on > on:
        raise BadInput("%(on)s 还没有边界：最早的边界从 %(first)s 起", on=on, first=base.effect_on)
    known = None if origin is not Origin.RETURN else store.grid_ids(con, actor.community_id)
    different = _different(con, actor, grids, base, known) if grids is not None else []
    plan_id = store.add_plan(
        con,
        actor.community_id,
        title=title,
        origin=origin,
        source=source or {},
        base_id=base.version_id,
        account_id=actor.account_id or None,
        at=at,
        lease_until=at + timedelta(minutes=LEASE_MIN),
    )
    store.keep_changes(con, actor.community_id, plan_id, different=different)
    audit.write(con, actor, "boundary.begin", subject=str(plan_id), origin=str(origin), grids=len(different))
    return plan_id


def _words(words: str, most: int, sentence: str) -> str:
    found = words.strip()
    if not 1 <= len(found) <= most:
        raise BadInput(sentence, most=most)
    return found


def _different(
    con: Connection, actor: Actor, grids: Sequence[DraftGrid], base: store.Base, known: set[int] | None
) -> list[DraftGrid]:
    """Return in which grids a partition differs from the base; refuse what is no partition.

    ``known`` are the grids that may come back although they ended; None = only those in force.
    """
    shapes = {g.key: g.boundary for g in grids if g.boundary is not None}
    if len(shapes) != len(grids) or 0 in shapes or not all(map(is_whole, shapes.values())):
        raise BadInput("方案里的网格要各有一个编号和一个边界")
    if found := partition.faults(shapes):
        raise BadInput("方案的网格之间有 %(n)s 处缝隙、重叠或破损，请先修好", n=len(found))
    now = store.of_day(con, actor.community_id, on=base.effect_on)
    if unknown := {key for key in shapes if key > 0} - (known or {g.key for g in now}):
        raise BadInput("方案里有 %(n)s 个网格现在并不存在", n=len(unknown))
    return differing(now, grids)


def present(con: Connection, actor: Actor, *, on: date) -> list[DraftGrid]:
    """Return the grids in force on a day, by id, in whole units."""
    access.require(actor, *READERS)
    return store.of_day(con, actor.community_id, on=on)


def grids(
    con: Connection, actor: Actor, *, plan_id: int, box: tuple[float, float, float, float] | None = None
) -> list[DraftGrid]:
    """Return the grids as a draft has them, by key: all, or those that meet a box (whole units: w, s, e, n)."""
    access.require(actor, *READERS)
    found = standing_of(con, actor, plan_id)
    return store.of_plan(con, actor.community_id, plan_id, on=found.base.effect_on, box=box)


def some(con: Connection, actor: Actor, *, plan_id: int, keys: Sequence[int]) -> list[DraftGrid]:
    """Return some grids as a draft has them, by key; one that is not there, or no more, has no border."""
    access.require(actor, *READERS)
    found = standing_of(con, actor, plan_id)
    _, now = store.states(con, actor.community_id, plan_id, on=found.base.effect_on, keys=keys)
    return [now.get(key, absent(key)) for key in sorted(set(keys))]


def changes(con: Connection, actor: Actor, *, plan_id: int) -> tuple[list[DraftGrid], list[DraftGrid]]:
    """Return the grids in which a draft differs: as they are in its base, and as the draft has them.

    An added grid is in the second list alone; a grid that is given up stands there without a border.
    """
    access.require(actor, *READERS)
    found = standing_of(con, actor, plan_id)
    after = store.changes(con, actor.community_id, plan_id)
    keys = [g.key for g in after if g.key > 0]
    return store.of_day(con, actor.community_id, on=found.base.effect_on, keys=keys), after


def hold(con: Connection, actor: Actor, *, plan_id: int, at: datetime, force_reason: str | None = None) -> Plan:
    """Hold a draft, so that nobody else edits it: free ones, one's own, and those whose holder's lease has ended.

    Parameters
    ----------
    force_reason : a secretary may take it from its holder at once, and says why; written into the trail

    Raises
    ------
    Conflict
        When another holds it, or it is no draft any more.
    NotFound
        When there is no such draft.
    """
    access.require(actor, Role.PLANNER, Role.SECRETARY)
    if force_reason is not None:
        access.require(actor, Role.SECRETARY)
        force_reason = _words(force_reason, MOST_WORDS, "接手别人正在编辑的方案，请写明原因（不超过 %(most)s 个字）")
    held = store.hold(
        con,
        actor.community_id,
        plan_id,
        account_id=actor.account_id,
        at=at,
        until=at + timedelta(minutes=LEASE_MIN),
        force=force_reason is not None,
    )
    found = plan(con, actor, plan_id=plan_id)
    if not held:
        raise held_by_another(found)
    if force_reason is not None:
        audit.write(con, actor, "boundary.take_over", subject=str(plan_id), reason=force_reason)
    return found


def release(con: Connection, actor: Actor, *, plan_id: int) -> Plan:
    """Let go of a draft, so that another may edit it; nothing happens to one that is not held by the actor."""
    access.require(actor, Role.PLANNER, Role.SECRETARY)
    store.release(con, actor.community_id, plan_id, account_id=actor.account_id)
    return plan(con, actor, plan_id=plan_id)


def discard(con: Connection, actor: Actor, *, plan_id: int, at: datetime) -> Plan:
    """Throw a draft away: its holder, or whoever finds it free; a secretary also what was submitted or approved.

    Raises
    ------
    Conflict
        When another holds it, or it has taken effect or was thrown away already.
    """
    access.require(actor, *EDITORS)
    found = standing_of(con, actor, plan_id, lock=True)
    may = OPEN if actor.role in (Role.SECRETARY, Machine.JOB) else (PlanState.DRAFT,)
    if found.state not in may:
        raise Conflict("这个方案已经提交、生效或作废，不能再作废", state=str(found.state), revision=found.revision)
    if actor.role is Role.PLANNER:
        ensure_held(con, actor, plan_id, found, at)
    store.set_state(con, actor.community_id, plan_id, PlanState.DISCARDED)
    audit.write(con, actor, "boundary.discard", subject=str(plan_id))
    return plan(con, actor, plan_id=plan_id)


def comment(con: Connection, actor: Actor, *, plan_id: int, words: str, at: datetime) -> int:
    """Say something about a draft; return the comment's number."""
    access.require(actor, Role.PLANNER, Role.SECRETARY)
    words = _words(words, MOST_WORDS, "请写 1 到 %(most)s 个字")
    standing_of(con, actor, plan_id)
    return steps.add_comment(con, actor.community_id, plan_id, account_id=actor.account_id, at=at, words=words)


def comments(con: Connection, actor: Actor, *, plan_id: int) -> list[Comment]:
    """Return what was said about a draft, the oldest first."""
    access.require(actor, *READERS)
    standing_of(con, actor, plan_id)
    with as_job(con, actor):
        return steps.comments(con, actor.community_id, plan_id)


def edits(con: Connection, actor: Actor, *, plan_id: int, most: int = EDITS_SHOWN) -> list[Done]:
    """Return the newest edits of a draft, the last first; undone ones among them."""
    access.require(actor, *READERS)
    standing_of(con, actor, plan_id)
    with as_job(con, actor):
        return steps.edits(con, actor.community_id, plan_id, most=most)


def rebase(con: Connection, actor: Actor, *, plan_id: int, at: datetime) -> Plan:
    """Put a draft over the version in force: its own changes stay, the others' come in.

    Two sets of changes that touch no grid in common cannot disagree: each keeps the ground of its own grids as it is
    towards everybody else. Nonetheless the merged borders are examined before they are kept.

    Raises
    ------
    Conflict
        When both changed the same grids; the values name them (``keys``, ``numbers``), who did it and when. Also
        when another holds the draft.
    """
    access.require(actor, *EDITORS)
    found = standing_of(con, actor, plan_id, lock=True)
    if found.state is not PlanState.DRAFT:
        raise Conflict("这个方案已经提交、生效或作废，不能再改", state=str(found.state), revision=found.revision)
    if not found.stale:
        return plan(con, actor, plan_id=plan_id)
    ensure_held(con, actor, plan_id, found, at)
    with as_job(con, actor):
        later = store.later_versions(con, actor.community_id, found.base.version_id)
    own = store.changes(con, actor.community_id, plan_id)
    _refuse_same(own, later)
    newest = store.Base(later[-1].version_id, later[-1].effect_on)
    store.touch(con, actor.community_id, plan_id, until=at + timedelta(minutes=LEASE_MIN), base_id=newest.version_id)
    _refuse_faults(con, actor, plan_id, own, newest)
    return plan(con, actor, plan_id=plan_id)


def _refuse_same(own: Sequence[DraftGrid], later: Sequence[Version]) -> None:
    """Refuse to merge changes of the same grids; tell which, whose and when."""
    mine = {g.key: g for g in own}
    for version in later:
        same = sorted(mine.keys() & set(version.changed))
        if same:
            raise Conflict(
                "“%(name)s”于 %(on)s 生效的方案也改了 %(numbers)s 号网格，请对照后重画这些网格",
                name=version.account_name,
                on=version.effect_on,
                numbers="、".join(str(mine[key].number) for key in same),
                keys=tuple(same),
                version_id=version.version_id,
                at=version.recorded_at,
            )


def _refuse_faults(con: Connection, actor: Actor, plan_id: int, own: Sequence[DraftGrid], base: store.Base) -> None:
    """Refuse a merged draft whose borders do not fit around the grids it changes."""
    boxes = [g.boundary.bounds for g in own if g.boundary is not None]
    if not boxes:
        return
    west, south, east, north = (
        reach(column) for reach, column in zip((min, min, max, max), zip(*boxes, strict=True), strict=True)
    )
    near = store.of_plan(con, actor.community_id, plan_id, on=base.effect_on, box=(west, south, east, north))
    found = partition.faults({g.key: g.boundary for g in near if g.boundary is not None})
    # what encloses a hole farther away may not be among these grids: a gap counts where they all are
    if any(f.kind != "gap" or (west <= f.at[0] <= east and south <= f.at[1] <= north) for f in found):
        raise Conflict("合并后的边界对不上，请对照已生效的方案重画这些网格", keys=tuple(g.key for g in own))
