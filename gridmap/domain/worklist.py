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

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

import numpy as np

from gridmap.domain.answering import MOST_TRIES, after_tries, percent
from gridmap.domain.coverage import State
from gridmap.domain.groups import BIT, GENERAL, SHARED_BITS
from gridmap.domain.known import (
    AUDIENCES,
    EVENT_KINDS,
    Contact,
    Doors,
    Event,
    Floats,
    Material,
    Occasions,
    Promise,
    When,
    Windows,
    minutes_of,
    open_events,
    open_promises,
    united,
    visit_by,
    windows,
)
from gridmap.domain.rules import NEVER_YET, NO_DAY, Rule, day_number, strictest
from gridmap.domain.working import MINUTE_S

__all__ = [
    "AUDIENCES",
    "EVENT_KINDS",
    "Contact",
    "Doors",
    "Errand",
    "Event",
    "Floats",
    "Material",
    "Occasions",
    "Promise",
    "Reason",
    "Task",
    "Urgency",
    "When",
    "Worklist",
    "minutes_of",
    "open_events",
    "open_promises",
    "tasks",
    "united",
    "visit_by",
    "weight_of",
    "windows",
]

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


# --- weight --------------------------------------------------------------------------------------------------------


def periods_gone(doors: Doors, day: int) -> Floats:
    """Return for each household how many of its periods have gone by; 0 where no visit is owed."""
    owed = (doors.overdue_on != NO_DAY) & (doors.period_days > 0)
    gone = day - (doors.overdue_on - 1 - doors.period_days)
    share: Floats = np.where(owed, gone / np.maximum(doors.period_days, 1), 0.0)
    return np.clip(share, 0.0, None)


def usual_tries(doors: Doors) -> float:
    """Return how many knocks in vain the doors that ask for a visit have behind them, on average."""
    asking = np.isin(doors.state, (State.NEVER, State.DUE_SOON, State.OVERDUE, State.NO_ANSWER))
    return float(np.minimum(doors.tries[asking], MOST_TRIES).mean()) if asking.any() else 0.0


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
        self.chance = percent(after_tries(doors.chance, doors.tries[:, None], usual_tries(doors)))
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
