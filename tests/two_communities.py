"""Two communities of two grids each, with an account for each role: enough to see who may not see whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from signing import OPERATOR
from small_world import World, at
from sqlalchemy import Connection, text

from gridmap.domain.actors import Actor, Machine
from gridmap.services import accounts
from gridmap.store.database import Database, become

DAY = date(2026, 6, 1)
MORNING = at(DAY, 8)


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.moment = MORNING

    def __call__(self) -> datetime:
        """Return the moment."""
        return self.moment


@dataclass
class Small:
    """What a test needs to know of the small world: ids of the own and of the other community."""

    database: Database
    communities: list[int] = field(default_factory=list)
    grids: list[list[int]] = field(default_factory=list)
    codes: list[list[str]] = field(default_factory=list)
    households: list[list[int]] = field(default_factory=list)

    @property
    def community_id(self) -> int:
        """Return the community whose people sign in."""
        return self.communities[0]


def values_for(small: Small) -> dict[str, object]:
    """Return values for every argument a route may have: all of one's own."""
    return {
        "tree": "vendor",
        "mark": "0" * 16,
        "name": "leaflet/dist/leaflet.js",
        "token": "A" * 43,
        "account_id": 2**62,
        "code": small.codes[0][0],
        "plan_id": 2**62,
        "draft_id": 2**62,
        "version_id": 2**62,
        "report_id": 2**62,
        "worker_id": 2**62,
        "household_id": small.households[0][0],
        "submission_id": UUID(int=1),
        "photo_id": UUID(int=1),
        "kind": "csv",
        "suffix": "geojson",
        "layer": "base",
        "scope": "secretary",
        "version": "1-20260601",
        "z": 16,
        "x": 51933,
        "y": 27602,
    }


def populate(con: Connection, small: Small, number: int) -> None:
    become(con, OPERATOR)
    made = con.execute(
        text(
            "INSERT INTO community (code, name, epsg, lon_min, lat_min, lon_max, lat_max, invented, loaded_at)"
            " VALUES (:k, :n, 4544, 105.2, 27.2, 105.4, 27.4, 'all', now()) RETURNING id"
        ),
        {"k": f"52050200990{number}", "n": f"试验社区{number}"},
    ).scalar_one()
    become(con, Actor(Machine.JOB, made))
    world = World(con, made)
    doors = [world.household(0, "alone"), world.household(1)]
    for door in doors:
        world.resident(door, f"住户{number}{door}")
        world.visit(door, DAY - timedelta(days=40))
        world.need(door, DAY - timedelta(days=3))
    small.communities.append(made)
    small.grids.append(world.grids)
    small.codes.append([f"520502009999{n:03}" for n in (1, 2)])
    small.households.append(doors)
    become(con, OPERATOR)
    accounts.ensure_demo_accounts(con, OPERATOR, made, at=MORNING)
