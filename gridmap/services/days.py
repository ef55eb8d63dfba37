"""A plan told in full: everything a phone, a sheet and a map need of one worker's day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from sqlalchemy import Connection

from gridmap.domain import days
from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.addresses import address
from gridmap.domain.coverage import State, shared_groups
from gridmap.domain.households import Home, shown
from gridmap.domain.plans import (
    Day,
    End,
    LastVisit,
    MaterialToCarry,
    Omitted,
    PlannedDoor,
    PlannedStop,
    PlanRow,
    Room,
    StopKind,
    StopState,
    Tower,
)
from gridmap.domain.routes.problem import UNREACHABLE
from gridmap.domain.rules import NO_DAY, day_number, state_on
from gridmap.domain.worklist import Urgency
from gridmap.services import access, planning, streets
from gridmap.store import days as store
from gridmap.store import households
from gridmap.store import plans as plan_store
from gridmap.store.plans import Gate, StoredPlan

READERS = (Role.SECRETARY, Role.CLERK, Role.WORKER)


@dataclass(frozen=True)
class Frame:
    """What a day is besides its plan: whose, when, from where to where."""

    timezone: str
    worker_id: int
    worker_name: str
    grid_ids: tuple[int, ...]
    shift_s: tuple[int, int]
    start: tuple[str, float, float]
    end: tuple[str, float, float]


def _own(actor: Actor) -> list[int] | None:
    return sorted(actor.grid_ids) if actor.role is Role.WORKER else None


def tell(
    con: Connection,
    actor: Actor,
    plan: StoredPlan,
    rows: Sequence[PlanRow],
    omitted: Sequence[Omitted],
    frame: Frame,
    *,
    at: datetime,
    here: tuple[float, float] | None = None,
) -> Day:
    """Return a plan in full.

    Parameters
    ----------
    here : where the rest of the walk begins, if that is known; told, never kept
    """
    access.require(actor, *READERS, Machine.JOB)
    c = actor.community_id
    own = _own(actor)
    ids = sorted({r.household_id for r in rows if r.household_id} | {o.household_id for o in omitted})
    blocking = {int(o.values["household_id"]) for o in omitted if "household_id" in o.values}
    homes = households.homes(con, c, sorted({*ids, *blocking}), grid_ids=own)
    rows = [r for r in rows if r.household_id is None or r.household_id in homes]
    gates = plan_store.gates(con, c, sorted({r.entrance_id for r in rows if r.entrance_id}))
    doors = store.doors(con, c, sorted({g.building_id for g in gates.values()}), grid_ids=own)
    told = _doors(con, actor, plan, rows, homes, doors, frame, at=at)
    stops = _stops(con, actor, rows, told, gates)
    begin = _begin(rows, stops, gates, frame, here)
    places, matrix = _matrix(con, actor, plan, stops, begin, frame)
    grids = store.grids(con, c, frame.grid_ids)
    ends = [row for row in rows if row.kind is StopKind.END]
    return Day(
        plan.on,
        frame.timezone,
        frame.worker_id,
        frame.worker_name,
        tuple((i, *grids[i]) for i in frame.grid_ids if i in grids),
        plan.plan_id,
        plan.made_at,
        (plan.start_s, plan.end_s),
        begin,
        End(*frame.end, ends[-1].leave_s if ends else plan.end_s),
        stops,
        tuple(days.left_out(o, homes) for o in omitted if o.household_id in homes),
        _towers(doors, gates, rows, plan),
        _materials(con, actor, rows),
        sum(1 for d in told.values() if d.state is StopState.DONE),
        len(told),
        days.left_s(rows),
        plan.choice_status,
        plan.order_status,
        plan.objective,
        plan.bound,
        plan.seed,
        plan.iterations,
        places,
        matrix,
        way_back=days.path_of(ends[-1]) if ends else None,
    )


def _doors(
    con: Connection,
    actor: Actor,
    plan: StoredPlan,
    rows: Sequence[PlanRow],
    homes: dict[int, Home],
    known: Sequence[store.DoorRow],
    frame: Frame,
    *,
    at: datetime,
) -> dict[int, PlannedDoor]:
    """Return the planned doors by household, with all that is due behind them."""
    c = actor.community_id
    ids = [r.household_id for r in rows if r.household_id is not None]
    members = store.members(con, c, ids, on=plan.on)
    needs = store.needs(con, c, ids, at=at)
    last = store.last_visits(con, c, ids, at=at, timezone=frame.timezone)
    of = {d.household_id: d for d in known}
    shared = shared_groups()
    found = {}
    for row in rows:
        if row.household_id is None or row.entrance_id is None or row.household_id not in of:
            continue
        home, door = homes[row.household_id], of[row.household_id]
        visit = last.get(row.household_id)
        open_needs = tuple(needs.get(row.household_id, ()))
        found[row.household_id] = PlannedDoor(
            0,
            row.household_id,
            row.grid_id,
            row.entrance_id,
            home.building_id,
            home.address,
            home.room,
            home.floor,
            row.urgency or Urgency.MAY,
            row.state,
            row.reasons,
            days.due(row.reasons, (n.kind for n in open_needs), row.materials),
            row.start_s,
            row.leave_s - row.start_s,
            row.vertical_s,
            days.promised(row.reasons) if row.pinned else None,
            row.chance,
            tuple(code for code, bit in shared if door.group_bits & bit),
            tuple(shown(m) for m in members.get(row.household_id, ())),
            open_needs,
            row.materials,
            row.purposes,
            LastVisit(visit[0], visit[1], door.tries) if visit else None,
        )
    return found


def _stops(
    con: Connection, actor: Actor, rows: Sequence[PlanRow], doors: dict[int, PlannedDoor], gates: dict[int, Gate]
) -> tuple[PlannedStop, ...]:
    points = plan_store.errand_points(con, actor.community_id, [r.errand_id for r in rows if r.errand_id])
    made = []
    for group in days.groups_of(rows):
        first = group[0]
        errand = points.get(first.errand_id) if first.errand_id else None
        gate = gates.get(first.entrance_id) if first.entrance_id else None
        if first.kind is StopKind.DOOR and gate is not None:
            told = [doors[r.household_id] for r in group if r.household_id in doors]
            title = address(gate.building, gate.unit, "")
            stop = days.stop(0, group, told, title=title, at=(gate.lon, gate.lat), building_id=gate.building_id)
        elif errand is not None:
            stop = days.stop(0, group, (), title=errand[1], at=(errand[2], errand[3]))
        else:
            continue
        made.append(replace(stop, errand_kind=errand[0] if errand and stop.errand_id else ""))
    return days.numbered(made)


def _begin(
    rows: Sequence[PlanRow],
    stops: Sequence[PlannedStop],
    gates: dict[int, Gate],
    frame: Frame,
    here: tuple[float, float] | None,
) -> End:
    """Return where the walk, or what is left of it, begins."""
    starts = [row for row in rows if row.kind is StopKind.START]
    last = starts[-1] if starts else None
    at_s = last.arrive_s if last else frame.shift_s[0]
    if here is not None:
        return End("", *here, at_s)
    if last is None or last is starts[0] or any(row.kind is StopKind.END for row in rows[: rows.index(last)]):
        return End(*frame.start, at_s)
    if last.entrance_id in gates:
        gate = gates[last.entrance_id]
        return End(address(gate.building, gate.unit, ""), gate.lon, gate.lat, at_s)
    ahead = next((stop for stop in stops if not stop.done), None)
    return End("", ahead.lon, ahead.lat, at_s) if ahead else End(*frame.end, at_s)


def _matrix(
    con: Connection, actor: Actor, plan: StoredPlan, stops: Sequence[PlannedStop], begin: End, frame: Frame
) -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...]]:
    """Return the level seconds between start, end and stops: for a phone that must find its own way for a while."""
    points = [(begin.lon, begin.lat), frame.end[1:], *((s.lon, s.lat) for s in stops if s.entrance_id is None)]
    entrances = [s.entrance_id for s in stops if s.entrance_id is not None]
    walker = streets.walker(con, actor, on=plan.on)
    loose = streets.spots(con, actor, on=plan.on, lonlat=[(float(lon), float(lat)) for lon, lat in points])
    spots = planning.joined(loose, streets.entrance_spots(con, actor, on=plan.on, entrance_ids=entrances))
    doors, errands = iter(range(len(points), len(points) + len(entrances))), iter(range(2, len(points)))
    order = [0, 1, *(next(doors if s.entrance_id is not None else errands) for s in stops)]
    seconds = walker.matrix(spots, during=(plan.start_s, plan.end_s))[np.ix_(order, order)]
    whole = np.where(np.isfinite(seconds), np.rint(seconds), UNREACHABLE).astype(np.int64)
    places = ("start", "end", *(str(s.number) for s in stops))
    return places, tuple(tuple(row) for row in whole.tolist())


def _towers(
    doors: Sequence[store.DoorRow], gates: dict[int, Gate], rows: Sequence[PlanRow], plan: StoredPlan
) -> tuple[Tower, ...]:
    """Return every building on the walk with all its doors, in the order they are come to."""
    planned = {r.household_id for r in rows}
    state = _states(doors, plan)
    buildings = {gates[r.entrance_id].building_id: gates[r.entrance_id] for r in rows if r.entrance_id in gates}
    made = []
    for building_id, gate in buildings.items():
        rooms: dict[tuple[int, str], list[tuple[int, Room]]] = {}
        for i, d in enumerate(doors):
            if d.building_id == building_id:
                room = Room(d.household_id, d.grid_id, d.room, State(state[i]), d.household_id in planned)
                rooms.setdefault((d.entrance_id, d.unit), []).append((d.floor, room))
        made.append(days.tower(building_id, gate.building, rooms, has_lift=gate.has_lift))
    return tuple(made)


def _states(doors: Sequence[store.DoorRow], plan: StoredPlan) -> list[int]:
    columns = [
        np.array([day_number(day) if day else NO_DAY for day in (getattr(d, name) for d in doors)], np.int64)
        for name in ("due_on", "overdue_on")
    ]
    states = [np.array([getattr(d, f"state_{name}") for d in doors], np.int64) for name in ("fresh", "due", "late")]
    found: list[int] = state_on(day_number(plan.on), *columns, *states).tolist()
    return found


def _materials(con: Connection, actor: Actor, rows: Sequence[PlanRow]) -> tuple[MaterialToCarry, ...]:
    """Return what to put into the bag, by name."""
    count: dict[int, int] = {}
    for row in rows:
        for material in row.materials:
            count[material] = count.get(material, 0) + 1
    known = store.materials(con, actor.community_id, sorted(count))
    return tuple(
        sorted((MaterialToCarry(i, *known[i], n) for i, n in count.items() if i in known), key=lambda m: m.code)
    )
