"""One household as a list or a card tells of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

from gridmap.domain.addresses import address, natural_key
from gridmap.domain.coverage import State
from gridmap.domain.rules import Rule

ADULT_FROM = 14  # data of children under 14 are sensitive as a whole
URGENCY = (
    State.OVERDUE,
    State.NO_ANSWER,
    State.NEVER,
    State.DUE_SOON,
    State.COVERED,
    State.REFUSED,
    State.MOVED,
    State.EXCLUDED,
)


@dataclass(frozen=True)
class Home:
    """Where a household is, and the reason of its standing on a day."""

    household_id: int
    grid_id: int
    building_id: int
    building: str
    unit: str
    floor: int
    room: str
    lon: float
    lat: float
    reason: str | None = None

    @property
    def address(self) -> str:
        """Return the address as people say it."""
        return address(self.building, self.unit, self.room)


@dataclass(frozen=True)
class Door:
    """One line of the list behind a number.

    Attributes
    ----------
    overdue_days : days since the last covered day; 0 when not overdue
    due_on, overdue_on, overdue_days, groups, reason : None or () for those who may not know the groups, because the
        length of the period tells the rule
    """

    household_id: int
    address: str
    state: State
    tries: int
    last_effective_on: date | None
    due_on: date | None
    overdue_on: date | None
    overdue_days: int | None
    groups: tuple[str, ...]
    reason: str | None
    lon: float
    lat: float


@dataclass(frozen=True)
class Doors:
    """One page of a list of doors, and how many there are in all."""

    on: date
    grid_id: int
    state: State | None
    group: str | None
    rows: tuple[Door, ...]
    count: int
    offset: int
    limit: int


def by_urgency(doors: Iterable[Door]) -> list[Door]:
    """Sort: overdue first, the longest overdue before the others, then by state and by address."""
    return sorted(
        doors, key=lambda d: (-(d.overdue_days or 0), URGENCY.index(d.state), natural_key(d.address), d.household_id)
    )


def without_groups(door: Door) -> Door:
    """Return the door as one may see it who may not know the groups."""
    return replace(door, due_on=None, overdue_on=None, overdue_days=None, groups=(), reason=None)


@dataclass(frozen=True)
class Member:
    """One resident of a household; of a child under 14 only that it is one."""

    resident_id: int
    name: str
    sex: str
    age: int
    relation: str
    registration: str
    minor: bool = False


def shown(member: Member) -> Member:
    """Return the member with a child's name reduced to the surname."""
    if member.age >= ADULT_FROM:
        return member
    return Member(member.resident_id, member.name[:1] + "＊", "", member.age, member.relation, "", minor=True)


@dataclass(frozen=True)
class VisitLine:
    """One visit as the card tells it."""

    at: datetime
    mode: str
    result: str
    minutes: int
    purpose: str
    worker_name: str | None
    note: str | None


@dataclass(frozen=True)
class GroupSince:
    """A special group and the day since which the household belongs to it."""

    code: str
    since: date


@dataclass(frozen=True)
class NeedLine:
    """One open need."""

    kind: str
    summary: str
    raised_at: datetime


@dataclass(frozen=True)
class Card:
    """All one may know of one household on a day, and why it is due.

    Attributes
    ----------
    rule : the rule that won; None when no visit is owed by any rule
    """

    on: date
    home: Home
    grid_name: str
    state: State
    standing: str
    tries: int
    last_effective_on: date | None
    due_on: date | None
    overdue_on: date | None
    rule: Rule | None
    groups: tuple[GroupSince, ...]
    members: tuple[Member, ...]
    visits: tuple[VisitLine, ...]
    needs: tuple[NeedLine, ...]


@dataclass(frozen=True)
class Hit:
    """Something found by search: ``kind`` is building, door or name.

    Attributes
    ----------
    household_id : None for a building; name : the resident found, "" otherwise
    """

    kind: str
    label: str
    grid_id: int
    building_id: int
    household_id: int | None
    lon: float
    lat: float
    name: str = ""
