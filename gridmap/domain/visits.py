"""What phones send: a visit and all that was told at the door, a photo, a withdrawal, an errand that is done.

A phone writes a JSON text once, perhaps without a network, and sends it until it is answered. So nothing here
refuses: what cannot be used becomes a ``Held`` with a reason, which a leader decides. The rules
------------------------------------------------------------------------------------------------
*Clock.* ``sent_at`` minus the moment of arrival is how far the phone's clock is ahead, its skew. Over
``SKEW_TOLD`` the moments of the document are put right by it; below, they stand as they are. What then still lies
more than ``AHEAD`` in the future is held as ``future``, what is older than ``OLDEST`` as ``old``. A moment a little
ahead is taken as the moment of arrival.

*Place.* The grid a visit was made in must be one of the worker's today, else ``not_assigned``; the household must
still be in it, else ``elsewhere``. Whether such a household exists somewhere else is not told to him. What he did there
before other borders took the household, or the grid, from him is kept all the same: it counts as made in that grid,
and follows the household.

*Promise.* An appointment outside the quiet hours is held as ``quiet``, for a leader to decide; **the visit itself and
everything else it told is kept at once**: who was met was met, whatever was promised.

References
----------
Quiet hours, no prompting after a refusal: ``domain.working``, ``domain.rules``.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from gridmap.domain.documents import Fields, Unreadable, load
from gridmap.domain.pictures import LARGEST, without_metadata
from gridmap.domain.working import AtHome, WorkSetting
from gridmap.domain.worklist import EVENT_KINDS

VERSION = 1
SKEW_TOLD = timedelta(minutes=5)
AHEAD = timedelta(minutes=10)
OLDEST = timedelta(days=400)
FARTHEST = timedelta(days=400)  # of what is arranged: a follow-up, an appointment
LONGEST_PROMISE = timedelta(hours=12)
WITHDRAW_WITHIN = timedelta(days=7)
NOTE, SUMMARY = 500, 200  # characters
MANY, FEW = 20, 7
LONGEST_VISIT_MIN = 600
DAY_MIN = 24 * 60


class Kind(StrEnum):
    """What a phone can send."""

    VISIT = "visit"
    PHOTO = "photo"
    WITHDRAWAL = "withdrawal"
    ERRAND = "errand"


SEALED = "sealed"  # the kind under which an envelope is held that could not be opened


class Why(StrEnum):
    """Why something is held; web turns each into a sentence."""

    ELSEWHERE = "elsewhere"  # the household is not in that grid any more: moved to another, deleted, or never there
    NOT_ASSIGNED = "not_assigned"  # the grid is not the worker's today
    FUTURE = "future"
    OLD = "old"
    QUIET = "quiet"  # kept but for its promise
    UNREADABLE = "unreadable"
    UNKNOWN_KIND = "unknown_kind"
    UNKNOWN_VERSION = "unknown_version"
    UNKNOWN_KEY = "unknown_key"
    UNKNOWN_MATERIAL = "unknown_material"
    NO_VISIT = "no_visit"  # of a withdrawal: the visit has not arrived, or is held itself
    TOO_LATE = "too_late"
    NO_ERRAND = "no_errand"


class State(StrEnum):
    """What became of a submission."""

    KEPT = "kept"
    HELD = "held"
    DROPPED = "dropped"


class Result(StrEnum):
    """What a visit led to."""

    MET = "met"
    NOBODY = "nobody"
    REFUSED = "refused"
    MOVED = "moved"
    VACANT = "vacant"


class Mode(StrEnum):
    """How it was made."""

    DOOR = "door"
    PHONE = "phone"
    REMOTE = "remote"


class Purpose(StrEnum):
    """What for."""

    ROUTINE = "routine"
    POLICY = "policy"
    SAFETY = "safety"
    MEDIATION = "mediation"
    EVENT = "event"
    FOLLOW_UP = "follow_up"


class Consent(StrEnum):
    """What was said to the notice; nothing when it was not asked."""

    GIVEN = "given"
    WITHHELD = "withheld"


@dataclass(frozen=True)
class Told:
    """A kind and a few words: a need, a hazard."""

    kind: str
    words: str | None


@dataclass(frozen=True)
class Promise:
    """An appointment: the latest moment to ring is ``ends_at``."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Event:
    """Something that asks for a visit soon."""

    kind: str
    happened_at: datetime


@dataclass(frozen=True)
class Visit:
    """A visit and what was told at it; moments are aware."""

    household_id: int
    in_grid_id: int
    result: Result
    mode: Mode
    visited_at: datetime
    minutes: int
    purpose: Purpose
    resident_id: int | None = None
    materials: tuple[int, ...] = ()
    needs: tuple[Told, ...] = ()
    hazards: tuple[Told, ...] = ()
    dispute: str | None = None
    follow_up_on: date | None = None
    consent: Consent | None = None
    at_home: tuple[AtHome, ...] = ()
    promise: Promise | None = None
    event: Event | None = None
    note: str | None = None
    plan_id: int | None = None


@dataclass(frozen=True)
class Photo:
    """A picture of a visit: JPEG without place or device."""

    visit_id: UUID
    household_id: int
    in_grid_id: int
    taken_at: datetime
    image: bytes


@dataclass(frozen=True)
class Withdrawal:
    """A visit that was recorded by mistake is taken back."""

    visit_id: UUID
    household_id: int
    in_grid_id: int


@dataclass(frozen=True)
class ErrandDone:
    """An errand on the way that is done."""

    errand_id: int
    in_grid_id: int
    done_at: datetime


Document = Visit | Photo | Withdrawal | ErrandDone


@dataclass(frozen=True)
class Held:
    """It waits for a leader; ``household_id`` where that could be read."""

    reason: Why
    household_id: int | None = None


@dataclass(frozen=True)
class Receipt:
    """What a phone is told of what it sent: the same each time it sends it again.

    Attributes
    ----------
    text_hash : SHA-256 of the UTF-8 of the text, in hex
    reason : of ``Why``, as text; None for what is kept whole
    note : what a leader wrote who did not take it
    """

    submission_id: UUID
    state: State
    text_hash: str
    received_at: datetime
    reason: str | None = None
    note: str | None = None


@dataclass(frozen=True)
class HeldItem:
    """One submission that waits for a decision.

    Attributes
    ----------
    in_grid : name of the grid it was made in, "" when unknown
    address, home_grid : where the household is today; None when there is none, or the reader may not know
    visit : what could be read of a visit; None for everything else
    counted : the visit itself is kept already, only its promise waits
    """

    submission_id: UUID
    kind: str
    reason: str
    worker_name: str | None
    captured_at: datetime
    received_at: datetime
    skew_s: int
    household_id: int | None
    address: str | None
    home_grid: str | None
    in_grid: str
    visit: Visit | None
    counted: bool


# --- reading -------------------------------------------------------------------------------------------------------


def read(kind: str, version: int, text: str) -> Document | Held:
    """Return what a JSON text of a phone says, or why nobody can use it."""
    reader = _READERS.get(kind)
    if reader is None:
        return Held(Why.UNKNOWN_KIND)
    if version != VERSION:
        return Held(Why.UNKNOWN_VERSION)
    household_id = None
    try:
        fields = Fields(load(text))
        household_id = _household(fields)
        return reader(fields)
    except Unreadable:
        return Held(Why.UNREADABLE, household_id)


def _household(fields: Fields) -> int | None:
    try:
        return fields.maybe(fields.identity, "household_id")
    except Unreadable:
        return None


def _told(fields: Fields, name: str, words: str, *, needed: bool) -> tuple[Told, ...]:
    return tuple(
        Told(one.word("kind"), one.text(words, SUMMARY) if needed else one.maybe(one.text, words, SUMMARY))
        for one in fields.objects(name, MANY)
    )


def _at_home(fields: Fields) -> AtHome:
    days = {Fields({"d": day}).whole("d", 0, 6) for day in fields.items("weekdays", 7)}
    from_min, until_min = fields.whole("from_min", 0, DAY_MIN - 1), fields.whole("until_min", 1, DAY_MIN)
    if not days or from_min >= until_min:
        raise Unreadable("availability")
    return AtHome(sum(1 << day for day in days), from_min, until_min)


def _promise(fields: Fields) -> Promise:
    made = Promise(fields.moment("starts_at"), fields.moment("ends_at"))
    if not timedelta() < made.ends_at - made.starts_at <= LONGEST_PROMISE:
        raise Unreadable("appointment")
    return made


def _inner(fields: Fields, name: str) -> Fields:
    return Fields(fields.get(name))


def _visit(fields: Fields) -> Visit:
    def dispute(name: str) -> str:
        return _inner(fields, name).text("summary", SUMMARY)

    def promise(name: str) -> Promise:
        return _promise(_inner(fields, name))

    def event(name: str) -> Event:
        one = _inner(fields, name)
        kind = one.word("kind")
        if kind not in EVENT_KINDS:
            raise Unreadable("event")
        return Event(kind, one.moment("happened_at"))

    made = Visit(
        fields.identity("household_id"),
        fields.identity("in_grid_id"),
        fields.one_of("result", Result),
        fields.one_of("mode", Mode),
        fields.moment("visited_at"),
        fields.maybe(fields.whole, "minutes", 0, LONGEST_VISIT_MIN) or 0,
        fields.one_of("purpose", Purpose),
        fields.maybe(fields.identity, "resident_id"),
        fields.identities("materials", MANY),
        _told(fields, "needs", "summary", needed=True),
        _told(fields, "hazards", "note", needed=False),
        fields.maybe(dispute, "dispute"),
        fields.maybe(fields.day, "follow_up_on"),
        Consent(fields.one_of("consent", Consent)) if fields.get("consent") is not None else None,
        tuple(_at_home(one) for one in fields.objects("availability", FEW)),
        fields.maybe(promise, "appointment"),
        fields.maybe(event, "event"),
        _note(fields),
        fields.maybe(fields.identity, "plan_id"),
    )
    if made.promise and abs(made.promise.starts_at - made.visited_at) > FARTHEST:
        raise Unreadable("appointment")
    if made.follow_up_on and abs(made.follow_up_on - made.visited_at.date()) > FARTHEST:
        raise Unreadable("follow_up_on")
    return made


def _note(fields: Fields) -> str | None:
    """Return the note; an empty one is none."""
    value = fields.get("note")
    return None if value is None or (isinstance(value, str) and not value.strip()) else fields.text("note", NOTE)


def _photo(fields: Fields) -> Photo:
    raw = fields.get("jpeg")
    if not isinstance(raw, str) or len(raw) > LARGEST * 4 // 3 + 4:
        raise Unreadable("jpeg")
    try:
        image = without_metadata(base64.b64decode(raw, validate=True))
    except (binascii.Error, ValueError) as error:
        raise Unreadable("jpeg") from error
    if image is None:
        raise Unreadable("jpeg")
    return Photo(
        fields.uuid("visit_id"),
        fields.identity("household_id"),
        fields.identity("in_grid_id"),
        fields.moment("taken_at"),
        image,
    )


def _withdrawal(fields: Fields) -> Withdrawal:
    return Withdrawal(fields.uuid("visit_id"), fields.identity("household_id"), fields.identity("in_grid_id"))


def _errand(fields: Fields) -> ErrandDone:
    return ErrandDone(fields.identity("errand_id"), fields.identity("in_grid_id"), fields.moment("done_at"))


_READERS: dict[str, Callable[[Fields], Document]] = {
    Kind.VISIT: _visit,
    Kind.PHOTO: _photo,
    Kind.WITHDRAWAL: _withdrawal,
    Kind.ERRAND: _errand,
}


# --- clocks --------------------------------------------------------------------------------------------------------


def skew_s(sent_at: datetime, at: datetime) -> int:
    """Return how many seconds the phone's clock was ahead of ours when it sent."""
    return max(min(int((sent_at - at).total_seconds()), 2**31 - 1), -(2**31))


_MOMENT = {Visit: "visited_at", Photo: "taken_at", ErrandDone: "done_at"}


def _shifted(document: Document, skew: int) -> Document:
    """Return a document with its moments put right by the phone's skew, where that is worth it."""
    wrong = timedelta(seconds=skew if abs(skew) > SKEW_TOLD.total_seconds() else 0)
    if isinstance(document, Withdrawal):
        return document
    if isinstance(document, Visit) and document.event:
        event = replace(document.event, happened_at=document.event.happened_at - wrong)
        document = replace(document, event=event)
    name = _MOMENT[type(document)]
    return replace(document, **{name: getattr(document, name) - wrong})


def put_right(document: Document, *, skew: int, at: datetime) -> Document:
    """Return a document with its moments put right, none after its arrival: as a leader lets it be kept.

    Parameters
    ----------
    skew : seconds the phone's clock was ahead; at : the moment of arrival
    """
    right = _shifted(document, skew)
    if isinstance(right, Withdrawal):
        return right
    if isinstance(right, Visit) and right.event:
        right = replace(right, event=replace(right.event, happened_at=min(right.event.happened_at, at)))
    name = _MOMENT[type(right)]
    return replace(right, **{name: min(getattr(right, name), at)})


def timed(document: Document, *, skew: int, at: datetime) -> Document | Held:
    """Return a document with its moments put right, or why they cannot be believed.

    Parameters
    ----------
    skew : seconds the phone's clock was ahead; at : the moment of arrival
    """
    right = _shifted(document, skew)
    if isinstance(right, Withdrawal):
        return right
    household_id = None if isinstance(right, ErrandDone) else right.household_id
    moments: list[datetime] = [getattr(right, _MOMENT[type(right)])]
    if isinstance(right, Visit) and right.event:
        moments.append(right.event.happened_at)
    if max(moments) > at + AHEAD:
        return Held(Why.FUTURE, household_id)
    if min(moments) < at - OLDEST:
        return Held(Why.OLD, household_id)
    return put_right(document, skew=skew, at=at)


def is_quiet(promise: Promise, setting: WorkSetting, timezone: str) -> bool:
    """Tell whether a promise lies, in part, outside the hours in which one may knock."""
    zone = ZoneInfo(timezone)
    starts, ends = promise.starts_at.astimezone(zone), promise.ends_at.astimezone(zone)
    midnight = datetime.combine(starts.date(), time.min, zone)
    first = midnight + timedelta(minutes=setting.quiet_until_min)
    last = midnight + timedelta(minutes=setting.quiet_from_min)
    return starts < first or ends > last


# --- what follows for the household --------------------------------------------------------------------------------


def standing_after(visit: Visit, standing: str) -> str | None:
    """Return what a household is after a visit, by the name of its spell; None when that stays as it was.

    Moved and vacant are what was found. Somebody met behind a door that was thought empty lives there. A refusal
    together with a withheld consent stands until consent is given again; a refusal alone is a visit's result, which
    ``domain.rules`` counts. What a leader excluded stays excluded.
    """
    if standing == "excluded":
        return None
    after = standing
    if visit.result in {Result.MOVED, Result.VACANT}:
        after = str(visit.result)
    elif visit.result is Result.REFUSED and visit.consent is Consent.WITHHELD:
        after = "refused"
    elif visit.result is Result.MET and (
        standing in {"moved", "vacant"} or (standing == "refused" and visit.consent is Consent.GIVEN)
    ):
        after = "occupied"
    return after if after != standing else None
