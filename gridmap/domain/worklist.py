"""What a worker could do on a day: each door with its urgency, weight, time windows and the reasons why.

The one definition of due stays ``domain.rules``: this module adds events, promises, follow-ups, needs, material,
hours at home and the chance that the door opens, and turns all into what a plan chooses from.

The definition, in words
------------------------
*Never.* Refused, moved, vacant and excluded households are no tasks, whatever else is known of them.

*Must.* An event that no effective visit has answered since it happened; a promise on this day that was not kept yet;
a household at high risk whose period has ended. *Should.* Any other household whose period has ended or is due soon;
one nobody of which was ever met; a follow-up that was announced for this day or an earlier one and not made. *May.*
A household in the second half of its period (nearby); an open need, hazard or dispute; material for its own group
that was not handed over. Whatever is due or answered by none of these is not on the list. A knock in vain on this
very day makes a should a may: nobody rings twice at the same door without a reason.

*Weight.* ``GROWTH`` times the share of its period that has gone by since it was last met (or registered), at most
``MOST_PERIODS`` periods: so a week over is much in a week's period and little in a quarter's. Half as much again for
a household with a special group. On top come ``EXTRA`` for what else there is to do, and the urgency's ``BASE``,
which keeps every must above every should and every should above every may.

*Windows.* From the end of the morning's quiet to the begin of the evening's; within that when somebody is at home,
where the household said so (any of several spans; none on this weekday = no time today). A promise is held to its own
span; an event waits for nobody's hours. Quiet hours are never broken.

*Answers.* A follow-up is answered by an effective visit from its day on; an event by the first one after it happened;
a promise by meeting somebody on that day, or by ringing in vain from its begin on. Effective as in ``domain.rules``.

*Another day.* A future day takes today's decisions and compares them with that day: what will be visited until then
is not guessed.

Codes of reasons, strongest first: ``event{kind, hours_left}``, ``promise{from_min, until_min}``, ``follow_up{on}``,
``overdue{days}``, ``never_met{days}``, ``no_answer{tries}``, ``due_soon{days}``, ``group{group}``, ``joint{}``,
``hazard{kind}``, ``dispute{}``, ``need{kind}``, ``material{material}``, ``nearby{}``; of doors that are not asked:
``refused``, ``quiet``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from gridmap.domain.answering import after_tries, percent
from gridmap.domain.coverage import State
from gridmap.domain.groups import BIT, GENERAL, SHARED_BITS
from gridmap.domain.rules import MODE_BIT, NEVER_YET, NO_DAY, Rule, day_number, strictest
from gridmap.domain.working import DAY_MIN, MINUTE_S, AtHome, WorkSetting

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Windows = tuple[tuple[int, int], ...]

EVENT_HOURS = 24  # a household is visited within 24 h of a crisis (visit norms of Inner Mongolia, 2022)
EVENT_KINDS = (
    *("crisis", "hospital", "fall", "death", "fire", "violence", "dispute", "job_loss", "moved_in", "emergency"),
)
HIGH_RISK = BIT["high_risk"]
ASKED = (State.NEVER, State.COVERED, State.DUE_SOON, State.OVERDUE, State.NO_ANSWER)

# Weights are a choice, not an observation; only their order and growth matter.
GROWTH = 200  # for each whole period since somebody was last met
MOST_PERIODS = 3.0
NEARBY_FROM = 0.5  # of the period
SPECIAL = 1.5  # a household with a special group weighs so many times as much
EXTRA = {"event": 2000, "promise": 1000, "follow_up": 300, "joint": 50, "hazard": 40, "dispute": 40, "need": 30}
EXTRA_MATERIAL = 10
MAY_SHARE = 0.1  # of what the same lateness and extras weigh in a should
CAP = {"must": 20_000, "should": 1_900, "may": 90}


class Urgency(StrEnum):
    """How much a door is owed a visit today."""

    MUST = "must"  # an event, a promise, a high-risk group overdue: the plan keeps it whenever it can be kept
    SHOULD = "should"  # overdue, or due soon
    MAY = "may"  # worth it when one is there anyway


@dataclass(frozen=True)
class Reason:
    """Why a door is on the list, or left out: a code that words are kept for, and its values (never a name)."""

    code: str
    values: dict[str, int | float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """One door that could be visited on ``on``.

    Attributes
    ----------
    weight : what a visit is worth if somebody opens, > 0; grows with every day overdue
    chance : chance in percent that the door opens, by band of ``answering.BANDS`` on this weekday
    windows : seconds of the local day in which one may ring, within the quiet hours; () = no time on this day
    service_s : seconds at the door if it opens; knock_s if not
    pinned : the appointment's id, if a promise was made: its window is hard
    purposes, materials : what to do and what to bring (ids of ``material``)
    reasons : the strongest first
    """

    household_id: int
    grid_id: int
    building_id: int
    entrance_id: int
    floor: int
    room: str
    urgency: Urgency
    weight: int
    chance: tuple[int, ...]
    windows: tuple[tuple[int, int], ...]
    service_s: int
    knock_s: int
    pinned: int | None
    purposes: tuple[str, ...]
    materials: tuple[int, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Errand:
    """Something to do on the way that is not a door of its own: a machine to check, a joint visit, a stairwell."""

    errand_id: int
    grid_id: int
    kind: str
    title: str
    household_id: int | None
    facility_id: int | None
    lon: float
    lat: float
    service_s: int
    windows: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Worklist:
    """All that some grids ask for on a day; ``tasks`` by household id."""

    on: date
    grid_ids: tuple[int, ...]
    tasks: tuple[Task, ...]
    errands: tuple[Errand, ...]


# --- what is known -------------------------------------------------------------------------------------------------


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


# --- weight --------------------------------------------------------------------------------------------------------


def periods_gone(doors: Doors, day: int) -> Floats:
    """Return for each household how many of its periods have gone by; 0 where no visit is owed."""
    owed = (doors.overdue_on != NO_DAY) & (doors.period_days > 0)
    gone = day - (doors.overdue_on - 1 - doors.period_days)
    share: Floats = np.where(owed, gone / np.maximum(doors.period_days, 1), 0.0)
    return np.clip(share, 0.0, None)


def weight_of(urgency: Urgency, periods: float, *, special: bool, extra: int = 0) -> int:
    """Return what a visit is worth; see the head of this module.

    Parameters
    ----------
    periods : periods gone by since somebody was met; extra : what else there is to do (``EXTRA``)
    """
    late = GROWTH * min(periods, MOST_PERIODS) * (SPECIAL if special else 1.0)
    if urgency is Urgency.MUST:
        return min(CAP["should"] + 1 + round(late) + extra, CAP["must"])
    if urgency is Urgency.SHOULD:
        return min(CAP["may"] + 1 + round(late) + extra, CAP["should"])
    return max(1, min(round((late + extra) * MAY_SHARE), CAP["may"]))


# --- the list --------------------------------------------------------------------------------------------------------


class _List:
    """One worklist in the making: what is known, looked up by household."""

    def __init__(self, doors: Doors, known: Occasions, when: When) -> None:
        self.doors, self.known, self.when = doors, known, when
        self.day, self.weekday = day_number(when.on), when.on.weekday()
        self.periods = periods_gone(doors, self.day)
        self.chance = percent(after_tries(doors.chance, doors.tries[:, None]))
        modes = dict(zip(doors.household_id.tolist(), doors.mode_bits.tolist(), strict=True))
        self.events = open_events(known.events, known.contacts, modes)
        self.promises = open_promises(known.promises, known.contacts, when.on, when.zone)
        self.rule_of: dict[int, Rule | None] = {}

    def candidates(self) -> list[int]:
        """Return the positions of households that there may be something to do for."""
        d, known = self.doors, self.known
        asked = np.isin(d.state, ASKED)
        occasion = {*self.events, *self.promises, *known.follow_ups, *known.hazards, *known.needs}
        occasion |= known.disputes | known.joint
        told = np.isin(d.household_id, np.fromiter(occasion, np.int64, len(occasion)))
        due = (self.periods >= NEARBY_FROM) | (d.state != State.COVERED)
        meant = np.zeros(len(d), bool)
        if any(m.audience for m in known.materials):
            meant = (d.group_bits & SHARED_BITS != 0) | np.isin(
                d.household_id, np.fromiter(known.audiences, np.int64, len(known.audiences))
            )
        found: list[int] = np.flatnonzero(asked & (told | due | meant)).tolist()
        return found

    def group(self, i: int) -> str | None:
        """Return the special group whose rule wins for a household."""
        bits = int(self.doors.group_bits[i]) & SHARED_BITS
        if not bits:
            return None
        if bits not in self.rule_of:
            self.rule_of[bits] = strictest(bits, self.when.rules)
        rule = self.rule_of[bits]
        return rule.group_code if rule and rule.group_code != GENERAL else None

    def materials(self, i: int, household_id: int) -> tuple[list[int], list[int]]:
        """Return material to bring: what is meant for just such households, and what is for everybody."""
        bits = int(self.doors.group_bits[i]) & SHARED_BITS
        audiences = self.known.audiences.get(household_id, frozenset())
        own, everybody = [], []
        for material in self.known.materials:
            if (household_id, material.material_id) in self.known.delivered:
                continue
            if material.audience is None:
                everybody.append(material.material_id)
            elif BIT.get(material.audience, 0) & bits or material.audience in audiences:
                own.append(material.material_id)
        return own, everybody

    def lateness(self, i: int) -> tuple[Urgency | None, list[Reason]]:
        """Return how much the rule of visits asks for this household on the day, and why."""
        d, state = self.doors, int(self.doors.state[i])
        owed, late = int(d.overdue_on[i]) != NO_DAY, self.day - int(d.overdue_on[i]) + 1
        reasons = [Reason("overdue", {"days": late})] if owed and late > 0 else []
        if int(d.last_effective_on[i]) == NEVER_YET and owed:
            since = self.day - (int(d.overdue_on[i]) - 1 - int(d.period_days[i]))
            reasons.append(Reason("never_met", {"days": max(since, 0)}))
        if d.tries[i] > 0:
            reasons.append(Reason("no_answer", {"tries": int(d.tries[i])}))
        if owed and late > 0:
            return (Urgency.MUST if int(d.group_bits[i]) & HIGH_RISK else Urgency.SHOULD), reasons
        if owed and state == State.DUE_SOON:
            return Urgency.SHOULD, [*reasons, Reason("due_soon", {"days": 1 - late})]
        if owed and state in {State.NEVER, State.NO_ANSWER}:
            return Urgency.SHOULD, reasons
        return (Urgency.MAY, reasons) if self.periods[i] >= NEARBY_FROM else (None, reasons)

    def occasions(self, household_id: int) -> tuple[list[Reason], list[Reason]]:
        """Return what is asked beside the rule: first what cannot wait, then what may."""
        known, when = self.known, self.when
        first: list[Reason] = []
        if event := self.events.get(household_id):
            left = (event.visit_by - when.at).total_seconds() / 3600
            first.append(Reason("event", {"kind": event.kind, "hours_left": int(np.ceil(left))}))
        if promise := self.promises.get(household_id):
            begin, end = minutes_of(promise, when.zone)
            first.append(Reason("promise", {"from_min": begin, "until_min": end}))
        if household_id in known.follow_ups:
            day = date.fromordinal(date(1970, 1, 1).toordinal() + known.follow_ups[household_id])
            first.append(Reason("follow_up", {"on": day.isoformat()}))
        later = [Reason("joint")] if household_id in known.joint else []
        later += [Reason("hazard", {"kind": kind}) for kind in known.hazards.get(household_id, ())]
        later += [Reason("dispute")] if household_id in known.disputes else []
        later += [Reason("need", {"kind": kind}) for kind in known.needs.get(household_id, ())]
        return first, later

    def task(self, i: int) -> Task | None:
        """Return what there is to do at one door; None when nothing is."""
        d, household_id = self.doors, int(self.doors.household_id[i])
        first, later = self.occasions(household_id)
        own, everybody = self.materials(i, household_id)
        due, why = self.lateness(i)
        urgency = _urgency(first, due, tried_today=int(d.last_try_on[i]) == self.day)
        if urgency is None and not later and not own:
            return None
        urgency = urgency or Urgency.MAY
        group = self.group(i)
        reasons = [*first, *why, *([Reason("group", {"group": group})] if group else []), *later]
        reasons += [Reason("material", {"material": m}) for m in own]
        if due is Urgency.MAY or not reasons:
            reasons.append(Reason("nearby"))
        extra = sum(EXTRA.get(reason.code, 0) for reason in reasons) + EXTRA_MATERIAL * len(own)
        purposes = _purposes(reasons, due=due is not None, materials=bool(own or everybody))
        promise = self.promises.get(household_id)
        return Task(
            household_id,
            int(d.grid_id[i]),
            int(d.building_id[i]),
            int(d.entrance_id[i]),
            int(d.floor[i]),
            d.room[i],
            urgency,
            weight_of(urgency, float(self.periods[i]), special=group is not None, extra=extra),
            tuple(self.chance[i].tolist()),
            self._windows(household_id, promise),
            MINUTE_S * max(self.when.setting.service_min[purpose] for purpose in purposes),
            MINUTE_S * self.when.setting.knock_min,
            promise.appointment_id if promise else None,
            purposes,
            (*own, *everybody),
            tuple(reasons),
        )

    def _windows(self, household_id: int, promise: Promise | None) -> Windows:
        hours = () if household_id in self.events else self.known.at_home.get(household_id, ())
        promised = minutes_of(promise, self.when.zone) if promise else None
        return windows(self.when.setting, self.weekday, hours, promised)


def _urgency(first: list[Reason], due: Urgency | None, *, tried_today: bool) -> Urgency | None:
    codes = {reason.code for reason in first}
    if codes & {"event", "promise"}:
        return Urgency.MUST
    if due is Urgency.MUST:
        return due
    if "follow_up" in codes or due is Urgency.SHOULD:
        return Urgency.MAY if tried_today else Urgency.SHOULD
    return due


def _purposes(reasons: list[Reason], *, due: bool, materials: bool) -> tuple[str, ...]:
    """Return what a visit is for, the most pressing first; never empty."""
    codes = {reason.code for reason in reasons}
    asked = [
        ("event", "event" in codes),
        ("follow_up", bool(codes & {"follow_up", "promise", "need"})),
        ("mediation", "dispute" in codes),
        ("safety", "hazard" in codes),
        ("routine", due),
        ("policy", materials),
    ]
    return tuple(purpose for purpose, wanted in asked if wanted) or ("routine",)


def tasks(doors: Doors, known: Occasions, when: When) -> tuple[Task, ...]:
    """Return all there is to do at the doors of some grids on a day, by household id.

    Parameters
    ----------
    doors : as decided for ``when.on``; known : of the same households, as known at ``when.at``
    """
    made = _List(doors, known, when)
    found = [task for i in made.candidates() if (task := made.task(i)) is not None]
    return tuple(sorted(found, key=lambda task: task.household_id))
