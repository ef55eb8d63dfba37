"""What a worker could do on a day: each door with its urgency, weight, time windows and the reasons why.

The one definition of due stays ``domain.rules``: this module adds events, promises, follow-ups, availability and
the chance that the door opens, and turns all into what a plan chooses from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


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
