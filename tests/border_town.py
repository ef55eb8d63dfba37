"""A little town of square grids side by side, for borders that are worked by hand.

Grids are numbered from north-west to south-east, row by row; each holds some buildings in a row from west to east, each
building one entrance and some households. All corners are whole units of 1e-7 degree.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import numpy as np
from shapely import Polygon, box, transform
from signing import OPERATOR
from small_world import BEGIN, at
from sqlalchemy import Connection, text

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.boundaries import DraftGrid, PlanState
from gridmap.domain.effects import NOWHERE, placed
from gridmap.domain.groups import RULE_DEFAULTS
from gridmap.services import accounts, boundaries
from gridmap.store import boundaries as drafts
from gridmap.store import effects as spots
from gridmap.store.database import become

WEST, SOUTH, SIDE = 1_052_800_000, 273_000_000, 10_000  # whole units; 10,000 units are about 100 m
HOUSE = 0.04  # of a side
SHAPES = {"boundary", "label_at", "shape", "door", "at"}


def square(west: float, south: float, wide: float = 1, high: float = 1) -> Polygon:
    """Return a rectangle in whole units, measured in sides of a grid from the town's south-west corner."""
    x, y = WEST + round(west * SIDE), SOUTH + round(south * SIDE)
    return box(x, y, x + round(wide * SIDE), y + round(high * SIDE))


def wkt(shape: Any) -> str:
    """Return a shape of whole units as text in degrees, to the last digit."""
    return str(transform(shape, lambda xy: xy / drafts.UNITS).wkt)


def new_community(con: Connection, code: str = "520502009999") -> int:
    """Make an empty community and take the rights of its jobs."""
    become(con, OPERATOR)
    made = con.execute(
        text(
            "INSERT INTO community (code, name, epsg, lon_min, lat_min, lon_max, lat_max, invented, loaded_at)"
            " VALUES (:code, '试验社区', 4544, 105.2, 27.2, 105.5, 27.5, 'all', now()) RETURNING id"
        ),
        {"code": code},
    ).scalar_one()
    become(con, Actor(Machine.JOB, made))
    return int(made)


@dataclass
class Town:
    """A town of ``columns`` x ``rows`` grids with ``houses`` buildings in each and ``homes`` households in each."""

    con: Connection
    community_id: int
    columns: int = 3
    rows: int = 1
    houses: int = 5
    homes: int = 2
    grids: list[int] = field(default_factory=list)
    workers: list[int] = field(default_factory=list)
    buildings: list[list[int]] = field(default_factory=list)  # of each grid, the westernmost first
    households: list[list[int]] = field(default_factory=list)
    accounts: dict[Role, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Build it, and give it accounts."""
        for rule in RULE_DEFAULTS:
            self.put(
                "visit_rule", group_code=rule.group_code, period_days=rule.period_days, soon_days=rule.soon_days,
                modes=list(rule.modes), source=rule.source, valid_from=BEGIN,
            )  # fmt: skip
        for row in reversed(range(self.rows)):
            for column in range(self.columns):
                self._grid(column, row)
        self.put("outline", valid_from=BEGIN, boundary=wkt(square(0, 0, self.columns, self.rows)))
        become(self.con, OPERATOR)
        self.accounts = accounts.ensure_demo_accounts(self.con, OPERATOR, self.community_id, at=at(BEGIN))
        become(self.con, self.job)

    # --- building it -----------------------------------------------------------------------------------------------

    def put(self, table: str, returning: str | None = "id", **values: Any) -> Any:
        """Insert one row of this community."""
        values = {"community_id": self.community_id, **values}
        names = ", ".join(f'"{n}"' for n in values)
        places = ", ".join(f"ST_GeomFromText(:{n}, 4490)" if n in SHAPES else f":{n}" for n in values)
        tail = f" RETURNING {returning}" if returning else ""
        made = self.con.execute(text(f'INSERT INTO "{table}" ({names}) VALUES ({places}){tail}'), values)
        return made.scalar_one() if returning else None

    def rows_of(self, query: str, **values: Any) -> list[Any]:
        """Return rows of a query with the program's rights."""
        become(self.con, self.job)
        return list(self.con.execute(text(query), {"c": self.community_id, **values}))

    def value(self, query: str, **values: Any) -> Any:
        """Return the one value of a query."""
        return self.rows_of(query, **values)[0][0]

    def _grid(self, column: int, row: int) -> None:
        number = len(self.grids) + 1
        grid = self.put("grid", code=f"520502009999{number:03}", number=number, name=f"网格{number}", kind="general")
        self.grids.append(grid)
        self.put(
            "grid_version", grid_id=grid, valid_from=BEGIN, recorded_at=at(BEGIN, 0),
            boundary=wkt(square(column, row)), label_at=wkt(square(column, row).centroid), label_radius_m=40,
        )  # fmt: skip
        self.workers.append(self.put("worker", name=f"员{number}"))
        self.put(
            "worker_assignment", worker_id=self.workers[-1], grid_id=grid, valid_from=BEGIN, recorded_at=at(BEGIN, 0)
        )
        self.buildings.append([])
        self.households.append([])
        for house in range(self.houses):
            self._house(grid, number, house, column + (house + 0.5) / self.houses, row + 0.5)

    def _house(self, grid: int, number: int, house: int, x: float, y: float) -> None:
        shape = square(x - HOUSE / 2, y - HOUSE / 2, HOUSE, HOUSE)
        building = self.put(
            "building", grid_id=grid, name=f"{number}区{house + 1}栋", kind="walkup", floors=6, shape=wkt(shape)
        )
        entrance = self.put("entrance", building_id=building, unit="1", door=wkt(shape.centroid))
        self.buildings[-1].append(building)
        for home in range(self.homes):
            made = self.put(
                "household", grid_id=grid, building_id=building, entrance_id=entrance, floor=1, people_count=3,
                room=f"{home + 101}", door=wkt(shape.centroid),
            )  # fmt: skip
            self.households[-1].append(made)
            self.put(
                "household_spell", household_id=made, grid_id=grid, in_grid_id=grid, standing="occupied",
                valid_from=BEGIN, recorded_at=at(BEGIN, 0),
            )  # fmt: skip

    # --- who acts --------------------------------------------------------------------------------------------------

    @property
    def job(self) -> Actor:
        """Return the program itself."""
        return Actor(Machine.JOB, self.community_id)

    @property
    def planner(self) -> Actor:
        """Return who draws and submits."""
        return self.act(Actor(Role.PLANNER, self.community_id, account_id=self.accounts[Role.PLANNER]))

    @property
    def secretary(self) -> Actor:
        """Return who approves."""
        return self.act(Actor(Role.SECRETARY, self.community_id, account_id=self.accounts[Role.SECRETARY]))

    def worker(self, index: int) -> Actor:
        """Return one of the workers, with the grids he has from now on."""
        found = self.rows_of(
            "SELECT grid_id FROM worker_assignment WHERE community_id = :c AND worker_id = :w AND valid_to IS NULL",
            w=self.workers[index],
        )
        return self.act(
            Actor(
                Role.WORKER,
                self.community_id,
                frozenset(row[0] for row in found),
                account_id=self.accounts[Role.WORKER],
                worker_id=self.workers[index],
            )
        )

    def act(self, actor: Actor) -> Actor:
        """Take an actor's rights and return him."""
        become(self.con, actor)
        return actor

    # --- what happens ----------------------------------------------------------------------------------------------

    def visit(self, household_id: int, moment: datetime, result: str = "met", *, worker: int = 0) -> UUID:
        """Record a visit in the grid the household is in."""
        grid = self.value("SELECT grid_id FROM household WHERE community_id = :c AND id = :h", h=household_id)
        made = uuid.uuid4()
        self.put(
            "visit", None, id=made, household_id=household_id, grid_id=grid, made_in_grid_id=grid,
            worker_id=self.workers[worker], visited_at=moment, recorded_at=moment, minutes=8, mode="door",
            result=result,
        )  # fmt: skip
        return made

    def of_home(self, table: str, household_id: int, **values: Any) -> int:
        """Add what belongs to a household."""
        grid = self.value("SELECT grid_id FROM household WHERE community_id = :c AND id = :h", h=household_id)
        return int(self.put(table, household_id=household_id, grid_id=grid, **values))

    # --- drafts ----------------------------------------------------------------------------------------------------

    def present(self, on: date) -> dict[int, DraftGrid]:
        """Return the partition of a day by id."""
        become(self.con, self.job)
        return {grid.key: grid for grid in drafts.of_day(self.con, self.community_id, on=on)}

    def draft(self, on: date, shapes: Mapping[int, Polygon | None], words: Sequence[DraftGrid] = ()) -> int:
        """Write a draft over the version in force: other borders by grid id (None = given up), and added grids."""
        base = boundaries.versions(self.con, self.act(self.job))[-1].version_id
        plan_id = int(
            self.put(
                "boundary_plan", title="调整", origin="drawn", base_id=base, created_by=self.accounts[Role.PLANNER]
            )
        )
        present = self.present(on)
        changes = [replace(present[key], boundary=shape) for key, shape in shapes.items()] + list(words)
        drafts.keep_changes(self.con, self.community_id, plan_id, different=changes)
        return plan_id

    def revision(self, plan_id: int) -> int:
        """Return how often a draft was changed."""
        return int(self.value("SELECT revision FROM boundary_plan WHERE community_id = :c AND id = :p", p=plan_id))

    def state(self, plan_id: int) -> PlanState:
        """Return where a draft stands."""
        return PlanState(self.value("SELECT state FROM boundary_plan WHERE community_id = :c AND id = :p", p=plan_id))

    def publish(self, plan_id: int, on: date, moment: datetime | None = None, effect_on: date | None = None) -> None:
        """Submit a draft and approve it."""
        from gridmap.services import publishing

        moment = moment or at(on, 12)
        publishing.submit(
            self.con, self.planner, plan_id=plan_id, revision=self.revision(plan_id), reason="户数不均",
            effect_on=effect_on or on, at=moment, on=on,
        )  # fmt: skip
        publishing.approve(self.con, self.secretary, plan_id=plan_id, revision=self.revision(plan_id), at=moment, on=on)

    def shifted(self, by: float, *, first: int = 0) -> dict[int, Polygon]:
        """Return grid ``first`` grown to the east by a part of its side, and its neighbour shrunk by as much."""
        return {
            self.grids[first]: square(first, 0, 1 + by),
            self.grids[first + 1]: square(first + 1 + by, 0, 1 - by),
        }


def orphans_of(con: Connection, community_id: int) -> list[str]:
    """Return what is in no grid, in two, or in another than the ground says, on the newest day."""
    checks = {
        "household and building": "household AS h JOIN building AS b ON b.community_id = h.community_id"
        " AND b.id = h.building_id WHERE h.grid_id <> b.grid_id",
        "building in a grid that ended": "building AS b WHERE NOT EXISTS (SELECT FROM grid_version AS v"
        " WHERE v.community_id = b.community_id AND v.grid_id = b.grid_id AND v.valid_to IS NULL)",
        "spell and household": "household AS h WHERE (SELECT count(*) FROM household_spell AS s WHERE s.community_id ="
        " h.community_id AND s.household_id = h.id AND s.valid_to IS NULL AND s.in_grid_id = h.grid_id) <> 1",
        "days without a spell": "household_spell AS s WHERE valid_to IS NOT NULL AND NOT EXISTS (SELECT FROM"
        " household_spell AS n WHERE n.community_id = s.community_id AND n.household_id = s.household_id"
        " AND n.valid_from = s.valid_to)",
        "visit": "visit AS v JOIN household AS h ON h.community_id = v.community_id AND h.id = v.household_id"
        " WHERE v.grid_id <> h.grid_id",
        "duty in a grid that ended": "worker_assignment AS a WHERE valid_to IS NULL AND NOT EXISTS (SELECT FROM"
        " grid_version AS v WHERE v.community_id = a.community_id AND v.grid_id = a.grid_id AND v.valid_to IS NULL)",
    }
    found = []
    for what, query in checks.items():
        if n := con.execute(text(f"SELECT count(*) FROM {query}")).scalar_one():
            found.append(f"{what}: {n}")
    on = con.execute(text("SELECT max(valid_from) FROM grid_version")).scalar_one()
    grids = drafts.of_day(con, community_id, on=on)
    houses = spots.buildings(con, community_id)
    wrong = int((placed(houses.x, houses.y, grids) != houses.grid_id).sum())
    machines = spots.facilities(con, community_id)
    lost = int((placed(machines.x, machines.y, grids) == NOWHERE).sum())
    rows = con.execute(
        text("SELECT id, ST_X(at), ST_Y(at), grid_id FROM errand WHERE community_id = :c AND done_at IS NULL"),
        {"c": community_id},
    ).all()
    x, y = (np.round(np.array([row[i] for row in rows], float) * 1e7).astype(np.int64) for i in (1, 2))
    strays = int((placed(x, y, grids) != np.array([row[3] for row in rows], np.int64)).sum())
    return found + [f"{what}: {n}" for what, n in (("building", wrong), ("facility", lost), ("errand", strays)) if n]
