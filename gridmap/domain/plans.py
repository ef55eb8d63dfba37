"""A plan: one worker's walk on one day, in words a phone, a sheet and a map are drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from gridmap.domain.coverage import State
from gridmap.domain.households import Member, NeedLine
from gridmap.domain.worklist import Reason, Urgency


class StopState(StrEnum):
    """What became of a planned door."""

    PLANNED = "planned"
    DONE = "done"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Path:
    """The way to a stop, as it is drawn.

    Attributes
    ----------
    lonlat : vertices in degrees, from place to place
    parts : (kind, first vertex, last vertex) runs of equal kind: street, compound, gate, steps, lift, access
    metres, seconds : level way
    """

    lonlat: tuple[tuple[float, float], ...]
    parts: tuple[tuple[str, int, int], ...]
    metres: int
    seconds: int


@dataclass(frozen=True)
class LastVisit:
    """The last time somebody rang, in one line: ``on``, ``result``, and who was met."""

    on: date
    result: str
    tries_since_met: int


@dataclass(frozen=True)
class PlannedDoor:
    """One door of a plan with all that is due behind it.

    Attributes
    ----------
    number : its place in the whole plan; label : the room as people say it
    start_s, service_s : when one rings and how long it takes, seconds of the local day
    groups : codes of shared special groups of the household
    members : everybody who lives there; ``due`` tells what is due of all of them together
    pinned_s : (from, until) of a promise that is kept, seconds of the local day; None without
    chance : percent, that the door opens then
    """

    number: int
    household_id: int
    grid_id: int
    entrance_id: int
    building_id: int
    address: str
    label: str
    floor: int
    urgency: Urgency
    state: StopState
    reasons: tuple[Reason, ...]
    due: tuple[Reason, ...]
    start_s: int
    service_s: int
    vertical_s: int
    pinned_s: tuple[int, int] | None
    chance: int
    groups: tuple[str, ...]
    members: tuple[Member, ...]
    needs: tuple[NeedLine, ...]
    materials: tuple[int, ...]
    purposes: tuple[str, ...]
    last: LastVisit | None


@dataclass(frozen=True)
class PlannedStop:
    """One entrance with its doors in walking order, or one errand; ``number`` counts from 1.

    Attributes
    ----------
    title : "云景苑7栋2单元", or the errand's; never a resident's name
    path : the way here from the stop before; None when no street leads here
    errand_id, errand_kind : of an errand, else None and ""
    """

    number: int
    kind: str
    title: str
    lon: float
    lat: float
    arrive_s: int
    leave_s: int
    path: Path | None
    entrance_id: int | None
    building_id: int | None
    errand_id: int | None
    errand_kind: str
    doors: tuple[PlannedDoor, ...]
    done: bool = False


@dataclass(frozen=True)
class LeftOut:
    """A door that was asked for and is not in the plan, and what would bring it in.

    ``condition`` and ``values``: see ``routes.Condition``; {"minutes": 12}, or {"household_id": .., "address": ..,
    "at_s": ..} of the door that stands in the way.
    """

    household_id: int
    grid_id: int
    address: str
    urgency: Urgency
    reasons: tuple[Reason, ...]
    condition: str
    values: dict[str, int | str]


@dataclass(frozen=True)
class Room:
    """One door of a tower's floor matrix on the day."""

    household_id: int
    grid_id: int
    room: str
    state: State
    planned: bool


@dataclass(frozen=True)
class Unit:
    """One entrance of a tower: floors from the top, each with its rooms in natural order."""

    entrance_id: int
    unit: str
    floors: tuple[tuple[int, tuple[Room, ...]], ...]


@dataclass(frozen=True)
class Tower:
    """A building on the walk with every door it has."""

    building_id: int
    title: str
    has_lift: bool
    units: tuple[Unit, ...]


@dataclass(frozen=True)
class MaterialToCarry:
    """Policy material of the catalogue, and how many of it this walk needs."""

    material_id: int
    code: str
    name: str
    count: int


@dataclass(frozen=True)
class End:
    """Where the walk begins or ends."""

    title: str
    lon: float
    lat: float
    at_s: int


@dataclass(frozen=True)
class Day:
    """One worker's day: everything the phone needs to work through it without a network.

    Attributes
    ----------
    plan_id : 0 when there is nothing to plan
    doors_done, doors_all, left_s : progress, and seconds the rest takes
    matrix_s : level seconds between ``matrix_places`` ("start", "end", and the numbers of ``stops`` as text)
    choice, order : 'optimal' or 'best_found'
    """

    on: date
    timezone: str
    worker_id: int
    worker_name: str
    grids: tuple[tuple[int, str, str], ...]  # id, code, name
    plan_id: int
    made_at: datetime | None
    shift_s: tuple[int, int]
    start: End
    end: End
    stops: tuple[PlannedStop, ...]
    left_out: tuple[LeftOut, ...]
    towers: tuple[Tower, ...]
    materials: tuple[MaterialToCarry, ...]
    doors_done: int
    doors_all: int
    left_s: int
    choice: str
    order: str
    objective: int
    bound: int
    seed: int
    iterations: int
    matrix_places: tuple[str, ...]
    matrix_s: tuple[tuple[int, ...], ...]
