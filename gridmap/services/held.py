"""What was sent and waits for a decision: nothing is refused into the void, a leader sees every piece of it.

A kept visit counts for the day it was made, but is known only from the moment of the decision: figures of days that
are over stay as they were.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from gridmap.domain.actors import Actor, Role
from gridmap.domain.documents import Unreadable, load
from gridmap.domain.households import Home
from gridmap.domain.visits import (
    Document,
    ErrandDone,
    Held,
    HeldItem,
    Kind,
    Photo,
    State,
    Visit,
    Why,
    Withdrawal,
    put_right,
    read,
)
from gridmap.errors import BadInput, Conflict, NotFound
from gridmap.services import access
from gridmap.services.coverage import as_job
from gridmap.services.visits import LEADERS, SENDERS, Entry, begin, finish_errand, keep, keep_promise
from gridmap.store import audit, grids, households, submissions, visits
from gridmap.store.submissions import Submission
from gridmap.store.visits import Door

MOST = 200  # on one page; decided ones make room


def count(con: Connection, actor: Actor) -> int:
    """Count what waits for a decision; of a worker, what he sent himself."""
    access.require(actor, *SENDERS)
    own = actor.account_id if actor.role is Role.WORKER else None
    return submissions.count_held(con, actor.community_id, account_id=own)


def listing(con: Connection, actor: Actor) -> list[HeldItem]:
    """Return what waits for a decision, the oldest first; to a worker, what he sent himself."""
    access.require(actor, *SENDERS)
    c, worker = actor.community_id, actor.role is Role.WORKER
    found = submissions.held(con, c, account_id=actor.account_id if worker else None, limit=MOST)
    ids = [row.household_id for row, _ in found if row.household_id is not None]
    homes = households.homes(con, c, ids, grid_ids=sorted(actor.grid_ids) if worker else None)
    names = grids.names(con, c)
    return [_item(row, who, homes, names) for row, who in found]


def _item(row: Submission, who: str | None, homes: dict[int, Home], names: dict[int, str]) -> HeldItem:
    home = homes.get(row.household_id) if row.household_id is not None else None
    document = read(row.kind, row.version, row.body) if row.kind != Kind.PHOTO else None
    return HeldItem(
        row.id,
        row.kind,
        row.reason or "",
        who,
        row.captured_at,
        row.received_at,
        row.skew_s,
        row.household_id,
        home.address if home else None,
        names.get(home.grid_id) if home else None,
        names.get(_made_in(row), ""),
        document if isinstance(document, Visit) else None,
        row.reason == Why.QUIET,
    )


def _made_in(row: Submission) -> int:
    """Return the grid a document says it was made in, 0 when it does not."""
    try:
        body = load(row.body)
    except Unreadable:
        return 0
    grid_id = body.get("in_grid_id") if isinstance(body, dict) else None
    return grid_id if type(grid_id) is int else 0


def drop(con: Connection, actor: Actor, *, submission_id: UUID, note: str, at: datetime) -> None:
    """Decide that something held is not kept, with the reason; it stays where it is, and counts nowhere.

    Raises
    ------
    BadInput
        When no reason is given.
    Conflict
        When somebody decided meanwhile.
    NotFound
        When there is none.
    """
    access.require(actor, *LEADERS)
    if not note:
        raise BadInput("请写明为什么不采用")
    _held(con, actor, submission_id)
    _decide(con, actor, submission_id, State.DROPPED, at, note)


def approve(
    con: Connection, actor: Actor, *, submission_id: UUID, at: datetime, household_id: int | None = None
) -> None:
    """Decide that something held is kept: for its household as it stands today, or for another.

    Raises
    ------
    BadInput
        When there is nothing that could be kept, or no household to keep it for.
    Conflict
        When somebody decided meanwhile.
    NotFound
        When there is none.
    """
    access.require(actor, *LEADERS)
    row = _held(con, actor, submission_id)
    document = read(row.kind, row.version, row.body)
    if isinstance(document, Held):
        raise BadInput("这条内容读不出来，不能计入；可以写明原因后不采用")
    document = put_right(document, skew=row.skew_s, at=row.received_at)
    _decide(con, actor, submission_id, State.KEPT, at, None)
    wanted = household_id or getattr(document, "household_id", None)
    with as_job(con, actor):
        made = visits.recorded(con, actor.community_id, submission_id)
        wanted = made.household_id if made else wanted
        entry, home = begin(con, actor, submission_id, wanted, worker_id=row.worker_id, skew=row.skew_s, at=at)
    if row.reason == Why.QUIET:
        _approve_promise(con, actor, entry, document, home)
        return
    _approve(con, actor, entry, document, home)
    if isinstance(document, Photo):
        with as_job(con, actor):
            submissions.empty(con, actor.community_id, submission_id)  # the picture is kept once


def _held(con: Connection, actor: Actor, submission_id: UUID) -> Submission:
    row = submissions.find(con, actor.community_id, submission_id)
    if row is None:
        raise NotFound("没有这条记录")
    if row.state != State.HELD:
        raise Conflict("这条记录已经有人处理过了，请刷新页面")
    return row


def _decide(con: Connection, actor: Actor, submission_id: UUID, state: State, at: datetime, note: str | None) -> None:
    c = actor.community_id
    if not submissions.decide(con, c, submission_id, state=state, by=actor.account_id, at=at, note=note):
        raise Conflict("这条记录已经有人处理过了，请刷新页面")
    audit.write(con, actor, "submission.decide", subject=str(submission_id), state=str(state))


def _approve_promise(con: Connection, actor: Actor, entry: Entry, document: Document, home: Door | None) -> None:
    """Keep the promise of a visit that is kept already, for the household the visit is kept for."""
    if home is None or not isinstance(document, Visit):
        raise BadInput("这一户已不存在，约定不能计入")
    with as_job(con, actor):
        keep_promise(con, actor, entry=entry, visit=document, home=home)


def _approve(con: Connection, actor: Actor, entry: Entry, document: Document, home: Door | None) -> None:
    c = actor.community_id
    if isinstance(document, ErrandDone):
        with as_job(con, actor):
            if isinstance(finish_errand(con, actor, document, entry), Held):
                raise BadInput("没有这件事项，不能计入")
        return
    if home is None:
        raise BadInput("这一户已不存在：请为它选另一户，或写明原因后不采用")
    if isinstance(document, Withdrawal) and visits.recorded(con, c, document.visit_id) is None:
        raise BadInput("要撤回的走访还没有计入，不能撤回")
    keep(con, actor, entry=entry, document=_at_home(con, actor, document, home), home=home)


def _at_home(con: Connection, actor: Actor, document: Document, home: Door) -> Document:
    """Return a document as it can be written for a household: with a grid, a member and material that are known."""
    c = actor.community_id
    if not isinstance(document, Visit):
        return document
    with as_job(con, actor):
        made_in = document.in_grid_id if visits.is_grid(con, c, document.in_grid_id) else home.grid_id
        met = document.resident_id
        if met is not None and not visits.lives_here(con, c, home.household_id, met):
            met = None
        known = tuple(m for m in document.materials if visits.know_materials(con, c, [m]))
    return replace(document, in_grid_id=made_in, resident_id=met, materials=known)


def photo(con: Connection, actor: Actor, *, photo_id: UUID) -> bytes:
    """Return a picture: to a leader, and to the worker whose visit it is of while the household is in his grids.

    Raises
    ------
    NotFound
        When there is none he may see.
    """
    access.require(actor, *SENDERS)
    worker = actor.role is Role.WORKER
    found = visits.image(
        con,
        actor.community_id,
        photo_id,
        worker_id=actor.worker_id if worker else None,
        grid_ids=sorted(actor.grid_ids) if worker else None,
    )
    if found is None:
        raise NotFound("没有这张照片")
    return found
