"""What is known of households beside what coverage decided: events, promises, hours at home, what is still open.

The rules of what answers an event or a promise, and of when one may ring, stand at the head of ``worklist``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from gridmap.domain.rules import MODE_BIT, Rule
from gridmap.domain.working import DAY_MIN, MINUTE_S, AtHome, WorkSetting

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Windows = tuple[tuple[int, int], ...]

EVENT_HOURS = 24  # a household is visited within 24 h of a crisis (visit norms of Inner Mongolia, 2022)
EVENT_KINDS = (
    *("crisis", "hospital", "fall", "death", "fire", "violence", "dispute", "job_loss", "moved_in", "emergency"),
)


@dataclass(frozen=True)
class Doors:
    """Households of some grids as they were decided for a day; arrays of equal length.

    Attributes
    ----------
    state : ``coverage.State`` on the day; period_days, mode_bits : of the winning rule, 0 without one
    overdue_on, last_effective_on, last_try_on : day numbers, ``NO_DAY`` or ``NEVER_YET`` where there is none
    chance : (n, b) 0..1 by band of the day, of the building; the household's own tries not yet counted
    """

    household_id: Ints
    grid_id: Ints
    building_id: Ints
    entrance_id: Ints
    floor: Ints
    room: tuple[str, ...]
    state: Ints
    group_bits: Ints
    period_days: Ints
    mode_bits: Ints
    overdue_on: Ints
    last_effective_on: Ints
    last_try_on: Ints
    tries: Ints
    chance: Floats

    def __len__(self) -> int:
        """Return the number of households."""
        return len(self.household_id)


@dataclass(frozen=True)
class Event:
    """Something that asks for a visit within ``EVENT_HOURS``."""

    household_id: int
    kind: str
    happened_at: datetime
    visit_by: datetime


@dataclass(frozen=True)
class Promise:
    """An appointment: somebody rings between ``starts_at`` and ``ends_at``."""

    appointment_id: int
    household_id: int
    grid_id: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Contact:
    """One visit as it may answer an event or a promise."""

    household_id: int
    at: datetime
    mode: str
    result: str


@dataclass(frozen=True)
class Material:
    """Policy material: for every household (None), a special group, or one of ``AUDIENCES``."""

    material_id: int
    code: str
    name: str
    audience: str | None


AUDIENCES: dict[str, tuple[int, int]] = {"adolescent": (10, 17), "elder": (60, 200)}  # ages of a member, both included


@dataclass(frozen=True)
class Occasions:
    """All that is known of the households beside what coverage decided; by household id where it is a mapping.

    Attributes
    ----------
    contacts : visits since the earliest event or promise, of their households
    follow_ups : the earliest day number announced that no effective visit has answered
    hazards, needs : kinds of the open ones; disputes, joint : households with an open dispute, a joint visit today
    at_home : hours, of every weekday; audiences : codes of ``AUDIENCES`` with a member of that age
    delivered : (household, material) pairs that were handed over
    """

    events: tuple[Event, ...] = ()
    promises: tuple[Promise, ...] = ()
    contacts: tuple[Contact, ...] = ()
    follow_ups: Mapping[int, int] = field(default_factory=dict)
    hazards: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    needs: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    disputes: frozenset[int] = frozenset()
    joint: frozenset[int] = frozenset()
    at_home: Mapping[int, tuple[AtHome, ...]] = field(default_factory=dict)
    materials: tuple[Material, ...] = ()
    audiences: Mapping[int, frozenset[str]] = field(default_factory=dict)
    delivered: frozenset[tuple[int, int]] = frozenset()


@dataclass(frozen=True)
class When:
    """The day that is asked about, the moment it is asked, and what holds there."""

    on: date
    at: datetime
    zone: ZoneInfo
    setting: WorkSetting
    rules: tuple[Rule, ...]


# --- events, promises, hours -----------------------------------------------------------------------------------------


def visit_by(happened_at: datetime) -> datetime:
    """Return until when an event asks for a visit."""
    return happened_at + timedelta(hours=EVENT_HOURS)


def open_events(events: Iterable[Event], contacts: Iterable[Contact], mode_bits: Mapping[int, int]) -> dict[int, Event]:
    """Return the most pressing event of each household that no effective visit has answered since it happened."""
    met: dict[int, datetime] = {}
    for c in contacts:
        effective = c.result == "met" and mode_bits.get(c.household_id, 0) & MODE_BIT[c.mode]
        if effective and (c.household_id not in met or c.at > met[c.household_id]):
            met[c.household_id] = c.at
    found: dict[int, Event] = {}
    for event in sorted(events, key=lambda e: (e.visit_by, e.happened_at, e.kind)):
        if event.household_id not in met or met[event.household_id] < event.happened_at:
            found.setdefault(event.household_id, event)
    return found


def _kept(promise: Promise, contact: Contact, zone: ZoneInfo) -> bool:
    if contact.household_id != promise.household_id:
        return False
    same_day = contact.at.astimezone(zone).date() == promise.starts_at.astimezone(zone).date()
    return same_day and (contact.result == "met" or contact.at >= promise.starts_at)


def open_promises(
    promises: Iterable[Promise], contacts: Iterable[Contact], on: date, zone: ZoneInfo
) -> dict[int, Promise]:
    """Return the earliest promise of each household for a day that was not kept yet."""
    told = tuple(contacts)
    found: dict[int, Promise] = {}
    for promise in sorted(promises, key=lambda p: (p.starts_at, p.appointment_id)):
        today = promise.starts_at.astimezone(zone).date() == on
        if today and not any(_kept(promise, contact, zone) for contact in told):
            found.setdefault(promise.household_id, promise)
    return found


def minutes_of(promise: Promise, zone: ZoneInfo) -> tuple[int, int]:
    """Return begin and end of a promise as minutes of its local day; one that ends later ends at midnight."""
    begin, end = promise.starts_at.astimezone(zone), promise.ends_at.astimezone(zone)
    until = end.hour * 60 + end.minute if end.date() == begin.date() else DAY_MIN
    return begin.hour * 60 + begin.minute, until


def united(spans: Iterable[tuple[int, int]], within: tuple[int, int]) -> Windows:
    """Return spans cut to ``within``, ascending, those that touch or overlap joined."""
    low, high = within
    cut = sorted((max(a, low), min(b, high)) for a, b in spans if max(a, low) < min(b, high))
    made: list[tuple[int, int]] = []
    for begin, end in cut:
        if made and begin <= made[-1][1]:
            made[-1] = (made[-1][0], max(end, made[-1][1]))
        else:
            made.append((begin, end))
    return tuple(made)


def windows(
    setting: WorkSetting, weekday: int, at_home: Iterable[AtHome] = (), promised: tuple[int, int] | None = None
) -> Windows:
    """Return when one may ring, in seconds of the local day.

    Parameters
    ----------
    at_home : hours of every weekday; none at all = somebody may be there at any time
    promised : begin and end of a promise, minutes; it stands before hours at home
    """
    quiet = (setting.quiet_until_min * MINUTE_S, setting.quiet_from_min * MINUTE_S)
    if promised is not None:
        return united([(promised[0] * MINUTE_S, promised[1] * MINUTE_S)], quiet)
    hours = tuple(at_home)
    if not hours:
        return (quiet,)
    today = [h for h in hours if h.weekday_bits >> weekday & 1]
    return united([(h.from_min * MINUTE_S, h.until_min * MINUTE_S) for h in today], quiet)
