"""Keeping what phones send: one door, one transaction, nothing lost, nothing twice.

The order of locks is the same for everybody: the community's coverage, then the household (which keeps its grid until
we are done), then the submission's id. What is told at a door is written with the sender's own rights, so that row
security has its say; what follows from it (spells, earlier promises, plans, figures) with the program's, and so is
what a worker did in his own grid before other borders gave its household to another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.visits import (
    WITHDRAW_WITHIN,
    Document,
    ErrandDone,
    Held,
    Kind,
    Photo,
    Receipt,
    Result,
    State,
    Visit,
    Why,
    Withdrawal,
    is_quiet,
    read,
    skew_s,
    standing_after,
    timed,
)
from gridmap.errors import Conflict, NotFound
from gridmap.services import access, coverage, plans
from gridmap.services import worklist as lists
from gridmap.store import coverage as facts
from gridmap.store import submissions, visits
from gridmap.store.submissions import Submission
from gridmap.store.visits import Door, Writing

SENDERS = (Role.WORKER, Role.SECRETARY, Role.CLERK)
LEADERS = (Role.SECRETARY, Role.CLERK)


@dataclass(frozen=True)
class Entry:
    """What is known of a submission while it is being kept.

    Attributes
    ----------
    recorded_at : the moment from which it is known; on : the community's day of that moment
    """

    submission_id: UUID
    worker_id: int | None
    skew_s: int
    recorded_at: datetime
    on: date
    timezone: str


def submit(
    con: Connection,
    actor: Actor,
    *,
    submission_id: UUID,
    kind: str,
    version: int,
    captured_at: datetime,
    sent_at: datetime,
    text: str,
    at: datetime,
    reason: Why | None = None,
) -> Receipt:
    """Keep what a phone sent, or hold it for a leader; the same text under the same id gets the same answer.

    ``reason`` holds it whatever it says: it could not be opened.

    Raises
    ------
    Conflict
        When something else was sent under this id.
    NotFound
        When the id is somebody else's.
    """
    access.require(actor, *SENDERS)
    digest = hashlib.sha256(text.encode()).digest()
    known = submissions.find(con, actor.community_id, submission_id, account_id=actor.account_id)
    if known:
        return _again(known, kind, digest)
    skew = skew_s(sent_at, at)
    document: Document | Held = Held(reason) if reason else read(kind, version, text)
    if not isinstance(document, Held):
        document = timed(document, skew=skew, at=at)
    entry, home, document = _judge(con, actor, submission_id, document, skew, at)
    kept = not isinstance(document, Held)
    row = Submission(
        actor.community_id,
        submission_id,
        actor.account_id,
        actor.worker_id or None,
        kind,
        version,
        "" if isinstance(document, Photo) else text,
        digest,
        getattr(document, "household_id", None),
        captured_at,
        at,
        skew,
        State.KEPT if kept else State.HELD,
        document.reason if isinstance(document, Held) else None,
    )
    quiet = isinstance(document, Visit) and _quiet(con, actor, document, entry)
    if quiet:
        row = replace(row, state=State.HELD, reason=Why.QUIET)
    if not submissions.add(con, row):
        return _again(
            submissions.find(con, actor.community_id, submission_id, account_id=actor.account_id), kind, digest
        )
    if not isinstance(document, Held):
        keep(con, actor, entry=entry, document=document, home=home, with_promise=not quiet)
    return _receipt(row)


def receipts(con: Connection, actor: Actor, *, submission_ids: Sequence[UUID]) -> list[Receipt]:
    """Tell again what became of what the actor sent himself: a leader may have decided since."""
    access.require(actor, *SENDERS)
    found = submissions.sent(con, actor.community_id, submission_ids, account_id=actor.account_id)
    return [_receipt(row, note) for row, note in found]


def _receipt(row: Submission, note: str | None = None) -> Receipt:
    return Receipt(row.id, State(row.state), row.body_hash.hex(), row.received_at, row.reason, note)


def _again(known: Submission | None, kind: str, digest: bytes) -> Receipt:
    """Answer what was sent before."""
    if known is None:
        raise NotFound("没有这条记录")
    if known.body_hash != digest or known.kind != kind:
        raise Conflict("这个编号已经记过另外的内容，请重新记录")
    return _receipt(known)


def _own(actor: Actor) -> list[int] | None:
    return sorted(actor.grid_ids) if actor.role is Role.WORKER else None


def program(actor: Actor) -> Actor:
    """Return the program itself in the actor's community."""
    return Actor(Machine.JOB, actor.community_id)


def _judge(
    con: Connection, actor: Actor, submission_id: UUID, document: Document | Held, skew: int, at: datetime
) -> tuple[Entry, Door | None, Document | Held]:
    """Say when this is known from, where the household is, and whether it can be kept."""
    household_id = None if isinstance(document, Held | ErrandDone) else document.household_id
    with coverage.as_job(con, actor):
        entry, home = begin(
            con, actor, submission_id, household_id, worker_id=actor.worker_id or None, skew=skew, at=at
        )
        if isinstance(document, ErrandDone):
            return entry, None, finish_errand(con, actor, document, entry)
        if isinstance(document, Held):
            return entry, None, document
        if isinstance(document, Withdrawal):
            return entry, home, _judge_withdrawal(con, actor, document, at)
        before = home is not None and _before_it_moved(con, actor, document, entry)
        if actor.role is Role.WORKER and document.in_grid_id not in actor.grid_ids and not before:
            return entry, home, Held(Why.NOT_ASSIGNED, document.household_id)
        if home is None or (home.grid_id != document.in_grid_id and not before):
            return entry, home, Held(Why.ELSEWHERE, document.household_id)
        if isinstance(document, Visit):
            return entry, home, _with_known(con, actor, document)
        return entry, home, document


def _before_it_moved(con: Connection, actor: Actor, document: Visit | Photo, entry: Entry) -> bool:
    """Tell whether a visit was made by who worked there, in the grid its household was in then, before it moved."""
    moment = document.taken_at if isinstance(document, Photo) else document.visited_at
    day = moment.astimezone(ZoneInfo(entry.timezone)).date()
    c, grid_id = actor.community_id, document.in_grid_id
    if visits.moved_out_of(con, c, document.household_id, after=moment) != grid_id:
        return False
    return actor.role is not Role.WORKER or visits.worked_in(con, c, actor.worker_id, grid_id, on=day)


def begin(
    con: Connection,
    actor: Actor,
    submission_id: UUID,
    household_id: int | None,
    *,
    worker_id: int | None,
    skew: int,
    at: datetime,
) -> tuple[Entry, Door | None]:
    """Lock the community's figures and the household, and say from when on this is known. With the program's rights."""
    access.require(actor, *SENDERS)
    job, c = program(actor), actor.community_id
    facts.lock(con, c)
    calendar = coverage.days(con, job)
    on = at.astimezone(ZoneInfo(calendar.timezone)).date()
    recorded_at = at
    if calendar.decided_on is not None and calendar.decided_on > on:  # that day was closed while we waited
        on = calendar.decided_on
        recorded_at = coverage.end_of(on - timedelta(days=1), calendar.timezone)
    if calendar.decided_on != on:  # the first of the day counts every grid
        coverage.ensure(con, job, calendar, on)  # ... and lets borders take effect: where is the household now?
    home = None if household_id is None else visits.door(con, c, household_id, on=on)
    return Entry(submission_id, worker_id, skew, recorded_at, on, calendar.timezone), home


def finish_errand(con: Connection, actor: Actor, document: ErrandDone, entry: Entry) -> Document | Held:
    """Mark an errand done, or hold that it is. With the program's rights."""
    access.require(actor, *SENDERS)
    if actor.role is Role.WORKER and document.in_grid_id not in actor.grid_ids:
        return Held(Why.NOT_ASSIGNED)
    own = _own(actor)
    done = visits.finish_errand(con, actor.community_id, document.errand_id, done_at=document.done_at, grid_ids=own)
    if not done:
        return Held(Why.NO_ERRAND)
    plans.mark_done(con, program(actor), errand_ids=[document.errand_id], on=entry.on)
    return document


def _judge_withdrawal(con: Connection, actor: Actor, document: Withdrawal, at: datetime) -> Document | Held:
    c = actor.community_id
    sent = submissions.find(con, c, document.visit_id, account_id=actor.account_id)
    made = visits.recorded(con, c, document.visit_id) if sent and sent.kind == Kind.VISIT else None
    if made is None:
        return Held(Why.NO_VISIT, document.household_id)
    if made.visited_at < at - WITHDRAW_WITHIN:
        return Held(Why.TOO_LATE, document.household_id)
    return document


def _with_known(con: Connection, actor: Actor, visit: Visit) -> Visit | Held:
    """Return the visit if its material is known; who was met is left out when he lives there no more."""
    c = actor.community_id
    if not visits.know_materials(con, c, visit.materials):
        return Held(Why.UNKNOWN_MATERIAL, visit.household_id)
    if visit.resident_id is not None and not visits.lives_here(con, c, visit.household_id, visit.resident_id):
        return replace(visit, resident_id=None)
    return visit


def _quiet(con: Connection, actor: Actor, visit: Visit, entry: Entry) -> bool:
    return visit.promise is not None and is_quiet(visit.promise, lists.setting(con, actor), entry.timezone)


# --- keeping -------------------------------------------------------------------------------------------------------


def keep(
    con: Connection, actor: Actor, *, entry: Entry, document: Document, home: Door | None, with_promise: bool = True
) -> None:
    """Write a document down for a household, and all that follows from it.

    Raises
    ------
    NotFound
        When something else is kept under its id already.
    """
    access.require(actor, *SENDERS)
    if isinstance(document, Withdrawal):
        with coverage.as_job(con, actor):
            _take_back(con, actor, document.visit_id, entry)
        return
    if home is None:
        return
    if isinstance(document, Photo):
        with _rights(con, actor, home):
            _keep_photo(con, actor, entry, document, home)
    elif isinstance(document, Visit):
        with _rights(con, actor, home):
            _write_down(con, actor, entry, document, home)
        _follow(con, actor, entry, document, home, with_promise=with_promise)


def _rights(con: Connection, actor: Actor, home: Door) -> AbstractContextManager[None]:
    """Return whose rights a record is written with: the sender's own, unless the household is his no more."""
    own = actor.role is not Role.WORKER or home.grid_id in actor.grid_ids
    return nullcontext() if own else coverage.as_job(con, actor)


def _writing(actor: Actor, entry: Entry, home: Door) -> Writing:
    return Writing(actor.community_id, entry.submission_id, home.household_id, home.grid_id, entry.recorded_at)


def _keep_photo(con: Connection, actor: Actor, entry: Entry, photo: Photo, home: Door) -> None:
    to = _writing(actor, entry, home)
    if not visits.add_photo(con, replace(to, visit_id=photo.visit_id), entry.submission_id, photo):
        raise NotFound("没有这条记录")


def _write_down(con: Connection, actor: Actor, entry: Entry, visit: Visit, home: Door) -> None:
    to = _writing(actor, entry, home)
    made_in = visit.in_grid_id
    if not visits.add(con, to, visit, made_in_grid_id=made_in, worker_id=entry.worker_id, skew_s=entry.skew_s):
        raise NotFound("没有这条记录")
    visits.add_told(con, to, visit, made_in_grid_id=made_in)


def _follow(con: Connection, actor: Actor, entry: Entry, visit: Visit, home: Door, *, with_promise: bool) -> None:
    """Draw from a visit what follows for its household."""
    to = _writing(actor, entry, home)
    with coverage.as_job(con, actor):
        if visit.result not in {Result.MET, Result.NOBODY}:  # nobody is to come again
            visits.close_promises(con, to, told_at=visit.visited_at)
        _keep_hours(con, to, visit, entry)
        if visit.promise and with_promise:
            keep_promise(con, actor, entry=entry, visit=visit, home=home)
        standing = standing_after(visit, home.standing)
        if standing and home.spell_id and visits.is_last_word(con, to, visit.visited_at):
            visits.begin_spell(con, to, home, standing, on=entry.on)
        day = visit.visited_at.astimezone(ZoneInfo(entry.timezone)).date()
        plans.mark_done(con, program(actor), household_ids=[home.household_id], on=day)
        if visit.result is Result.MET:  # the people who were to come along have been there
            visits.finish_joint(con, actor.community_id, home.household_id, done_at=visit.visited_at, on=day)
        _settle_withdrawals(con, actor, entry, home)
        recount(con, actor, entry=entry, home=home)


def recount(con: Connection, actor: Actor, *, entry: Entry, home: Door) -> None:
    """Decide a household anew and learn from its building's doors. With the program's rights."""
    access.require(actor, *SENDERS)
    job = program(actor)
    lists.learn(con, job, building_ids=[home.building_id])
    coverage.recompute(con, job, on=entry.on, household_ids=[home.household_id])


def keep_promise(con: Connection, actor: Actor, *, entry: Entry, visit: Visit, home: Door) -> None:
    """Write a visit's appointment down in place of earlier ones. With the program's rights."""
    access.require(actor, *SENDERS)
    if visit.promise is None:
        return
    to = _writing(actor, entry, home)
    superseded = visits.knows_later_promise(con, to, visit.visited_at)
    visits.close_promises(con, to, told_at=visit.visited_at)
    visits.add_promise(con, to, visit.promise, cancelled=superseded)


def _keep_hours(con: Connection, to: Writing, visit: Visit, entry: Entry) -> None:
    """Let what was told of somebody's hours take the place of what was known, unless a later visit told more."""
    if visit.at_home and not visits.knows_later_hours(con, to, visit.visited_at):
        visits.end_availability(con, to, on=entry.on)
        visits.add_at_home(con, to, visit.at_home, on=entry.on)


# --- taking back ---------------------------------------------------------------------------------------------------


def _take_back(con: Connection, actor: Actor, visit_id: UUID, entry: Entry) -> None:
    """Let a visit count no more. With the program's rights."""
    c = actor.community_id
    made = visits.recorded(con, c, visit_id)
    if made is None or made.withdrawn_at is not None:
        return
    home = visits.door(con, c, made.household_id, on=entry.on)
    if home is None:
        return
    to = replace(_writing(actor, entry, home), visit_id=visit_id)
    before = visits.standing_before(con, to, recorded_at=made.recorded_at, on=entry.on)
    if before and home.spell_id:
        visits.begin_spell(con, to, home, before, on=entry.on, mistaken=before == "occupied")
    visits.take_back(con, to, recorded_at=made.recorded_at, on=entry.on)
    recount(con, actor, entry=entry, home=home)


def _settle_withdrawals(con: Connection, actor: Actor, entry: Entry, home: Door) -> None:
    """Take a visit back whose withdrawal came first."""
    c = actor.community_id
    sent = submissions.find(con, c, entry.submission_id)
    for row in submissions.waiting_withdrawals(con, c, sent.account_id if sent else 0, home.household_id):
        document = read(Kind.WITHDRAWAL, 1, row.body)
        if isinstance(document, Withdrawal) and document.visit_id == entry.submission_id:
            _take_back(con, actor, document.visit_id, entry)
            submissions.settle(con, c, row.id)
