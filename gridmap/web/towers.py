"""A tower as ``modules/tower.js`` draws it."""

from __future__ import annotations

from typing import Any

from gridmap.domain.plans import Room, Tower
from gridmap.web import figures


def _room(room: Room) -> dict[str, Any]:
    return {
        "household_id": room.household_id,
        "grid_id": room.grid_id,
        "room": room.room,
        "state": figures.STATES[room.state].slug,
        "planned": room.planned,
    }


def tower_json(tower: Tower) -> dict[str, Any]:
    """Return a tower with every door it has, by stairwell and floor."""
    return {
        "building_id": tower.building_id,
        "title": tower.title,
        "lift": tower.has_lift,
        "units": [
            {
                "entrance_id": unit.entrance_id,
                "unit": unit.unit,
                "floors": [{"floor": floor, "rooms": [_room(room) for room in rooms]} for floor, rooms in unit.floors],
            }
            for unit in tower.units
        ],
    }
