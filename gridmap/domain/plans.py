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


class StopKind(StrEnum):
    """What a row of a stored plan is."""

    START = "start"
    DOOR = "door"
    ERRAND = "errand"
    END = "end"


# What keeps a door out beside ``routes.Condition``: the worker passed it over, nobody was there and it waits for
# another day, or there is no room left until the quiet hours.
SKIPPED, ANOTHER_DAY, FULL = "skipped", "another_day", "full"


@dataclass(frozen=True)
class PlanRow:
    """One row of a stored plan: start, door, errand or end, in order; times are seconds of the local day.

    Attributes
    ----------
    walk_s, walk_m : on the streets from the row before; vertical_s : on stairs and in lifts
    path, parts : the way on the streets that leads here, as in ``Path``; None within a stairwell
    """

    kind: StopKind
    grid_id: int
    household_id: int | None
    errand_id: int | None
    entrance_id: int | None
    arrive_s: int
    start_s: int
    leave_s: int
    walk_s: int = 0
    vertical_s: int = 0
    walk_m: int = 0
    state: StopState = StopState.PLANNED
    urgency: Urgency | None = None
    reasons: tuple[Reason, ...] = ()
    pinned: bool = False
    chance: int = 0
    purposes: tuple[str, ...] = ()
    materials: tuple[int, ...] = ()
    path: tuple[tuple[float, float], ...] | None = None
    parts: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True)
class Omitted:
    """A door that was asked for and is not in the plan; see ``LeftOut``."""

    household_id: int
    grid_id: int
    urgency: Urgency
    reasons: tuple[Reason, ...]
    condition: str
    values: dict[str, int | str]


@dataclass(frozen=True)
class PlanDraft:
    """A plan as it is kept: what was found, from what, and how sure it is."""

    worker_id: int
    grid_id: int
    on: date
    start_s: int
    end_s: int
    seed: int
    iterations: int
    solver: str
    network_mark: int
    input_hash: bytes
    choice_status: str
    order_status: str
    objective: int
    bound: int
    rows: tuple[PlanRow, ...]
    omitted: tuple[Omitted, ...]


@dataclass(frozen=True)
class PlanLine:
    """One worker's plan of a day in a list; ``plan_id`` is None where none is made yet.

    Attributes
    ----------
    grids : codes and names; must, should, may : doors planned; left_out : doors that were asked for and are not in
    minutes : from start to end; walk_m : on the streets
    """

    worker_id: int
    worker_name: str
    grids: tuple[tuple[str, str], ...]
    plan_id: int | None
    made_at: datetime | None
    doors: int
    done: int
    must: int
    should: int
    may: int
    errands: int
    left_out: int
    minutes: int
    walk_m: int
    choice: str
    order: str
    objective: int
    bound: int


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
    errand_id, errand_kind, grid_id : of an errand, else None, "" and 0; a door has its own grid
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
    grid_id: int = 0


@dataclass(frozen=True)
class LeftOut:
    """A door that was asked for and is not in the plan, and what would bring it in.

    ``condition`` and ``values``: see ``routes.Condition`` and ``SKIPPED`` above; {"minutes": 12}, or
    {"household_id": .., "address": .., "at_s": ..} of the door that stands in the way.
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
    way_back : the way from the last stop to ``end``, for the picture of the walk; None when there is none
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
    way_back: Path | None = None
