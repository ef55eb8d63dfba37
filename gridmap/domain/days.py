"""Puts a plan's rows together as stops, towers and figures that a phone, a sheet and a map are drawn from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from gridmap.domain.addresses import natural_key
from gridmap.domain.households import Home
from gridmap.domain.plans import (
    LeftOut,
    Omitted,
    Path,
    PlannedDoor,
    PlannedStop,
    PlanRow,
    Room,
    StopKind,
    StopState,
    Tower,
    Unit,
)
from gridmap.domain.worklist import Reason

# What is due of all members of a household together; the other reasons say why just now.
DUE = ("event", "promise", "follow_up", "overdue", "due_soon", "never_met", "joint", "hazard", "dispute")


def groups_of(rows: Sequence[PlanRow]) -> list[list[PlanRow]]:
    """Return the rows of each stop: neighbouring doors of one entrance that are alike done or not, or one errand."""
    found: list[list[PlanRow]] = []
    before: PlanRow | None = None
    for row in rows:
        if row.kind in {StopKind.START, StopKind.END}:
            before = None
            continue
        together = (
            before is not None
            and row.kind is before.kind is StopKind.DOOR
            and row.entrance_id == before.entrance_id
            and (row.state is StopState.DONE) == (before.state is StopState.DONE)
        )
        if together:
            found[-1].append(row)
        else:
            found.append([row])
        before = row
    return found


def path_of(row: PlanRow) -> Path | None:
    """Return the way that leads to a row; None where none is on a street."""
    return Path(row.path, row.parts, row.walk_m, row.walk_s) if row.path else None


def stop(
    number: int,
    rows: Sequence[PlanRow],
    doors: Sequence[PlannedDoor],
    *,
    title: str,
    at: tuple[float, float],
    **of: int,
) -> PlannedStop:
    """Return the stop of some rows; ``of`` names the building of doors."""
    first = rows[0]
    errand = first.kind is StopKind.ERRAND
    return PlannedStop(
        number,
        "errand" if errand else "entrance",
        title,
        at[0],
        at[1],
        first.arrive_s,
        rows[-1].leave_s,
        path_of(first),
        None if errand else first.entrance_id,
        None if errand else of.get("building_id"),
        first.errand_id if errand else None,
        "",
        tuple(doors),
        all(row.state is StopState.DONE for row in rows),
        first.grid_id if errand else 0,
    )


def due(reasons: Iterable[Reason], needs: Iterable[str], materials: Iterable[int]) -> tuple[Reason, ...]:
    """Return all that is due in a household: of the rules, what was promised, open needs, material to hand over."""
    found = [reason for reason in reasons if reason.code in DUE]
    found += [Reason("need", {"kind": kind}) for kind in dict.fromkeys(needs)]
    found += [Reason("material", {"material": material}) for material in materials]
    return tuple(found)


def left_s(rows: Sequence[PlanRow]) -> int:
    """Return the seconds the rest of a walk takes: from setting out for the next stop to the end."""
    open_rows = [row for row in rows if row.kind in {StopKind.DOOR, StopKind.ERRAND} and row.state is StopState.PLANNED]
    if not open_rows:
        return 0
    first = open_rows[0]
    end = max(row.leave_s for row in rows)
    return max(end - (first.arrive_s - first.walk_s - first.vertical_s), 0)


def promised(reasons: Iterable[Reason]) -> tuple[int, int] | None:
    """Return (from, until) of a promise in seconds of the local day; None without one."""
    for reason in reasons:
        if reason.code == "promise":
            return 60 * int(reason.values["from_min"]), 60 * int(reason.values["until_min"])
    return None


def tower(
    building_id: int, title: str, rooms: Mapping[tuple[int, str], Iterable[tuple[int, Room]]], *, has_lift: bool
) -> Tower:
    """Return a building with every door it has: ``rooms`` holds (floor, room) by entrance and its unit."""
    units = []
    for (entrance_id, unit), doors in sorted(rooms.items(), key=lambda item: (natural_key(item[0][1]), item[0][0])):
        floors: dict[int, list[Room]] = {}
        for floor, room in doors:
            floors.setdefault(floor, []).append(room)
        units.append(
            Unit(
                entrance_id,
                unit,
                tuple(
                    (floor, tuple(sorted(floors[floor], key=lambda r: (natural_key(r.room), r.household_id))))
                    for floor in sorted(floors, reverse=True)
                ),
            )
        )
    return Tower(building_id, title, has_lift, tuple(units))


def numbered(stops: Sequence[PlannedStop]) -> tuple[PlannedStop, ...]:
    """Return stops and their doors counted from 1 in their order."""
    made, door = [], 0
    for number, one in enumerate(stops, start=1):
        doors = tuple(replace(d, number=door + i) for i, d in enumerate(one.doors, start=1))
        door += len(doors)
        made.append(replace(one, number=number, doors=doors))
    return tuple(made)


def left_out(omitted: Omitted, homes: Mapping[int, Home]) -> LeftOut:
    """Return a door that was left out, with the address of the one that stands in its way."""
    values = dict(omitted.values)
    other = homes.get(int(values["household_id"])) if "household_id" in values else None
    if other is not None:
        values["address"] = other.address
    return LeftOut(
        omitted.household_id,
        omitted.grid_id,
        homes[omitted.household_id].address,
        omitted.urgency,
        omitted.reasons,
        omitted.condition,
        values,
    )
