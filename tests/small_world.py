"""A community of a few doors, put into the database fact by fact, for figures that are worked by hand."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from gridmap.domain.actors import Actor, Machine
from gridmap.domain.groups import RULE_DEFAULTS

SHANGHAI = ZoneInfo("Asia/Shanghai")
BEGIN = date(2026, 1, 1)
DAY = date(2026, 6, 1)


def at(day: date, hour: int = 10) -> datetime:
    """Return an hour of a local day."""
    return datetime.combine(day, time(hour), SHANGHAI)


@dataclass
class World:
    """Two grids, one building each, with the default visit rules; households as the test wants them."""

    con: Connection
    community_id: int
    grids: list[int] = field(default_factory=list)
    buildings: list[int] = field(default_factory=list)
    entrances: list[int] = field(default_factory=list)
    workers: list[int] = field(default_factory=list)
    doors: int = 0

    def __post_init__(self) -> None:
        """Draw the grids and give the community its rules."""
        for number in (1, 2):
            west = 105.28 + number * 0.001
            self._grid(number, west)
        for rule in RULE_DEFAULTS:
            self.put(
                "visit_rule",
                group_code=rule.group_code,
                period_days=rule.period_days,
                soon_days=rule.soon_days,
                modes=list(rule.modes),
                source=rule.source,
                valid_from=BEGIN,
            )

    def put(self, table: str, returning: str | None = "id", **values: Any) -> Any:
        """Insert one row of this community."""
        values = {"community_id": self.community_id, **values}
        names = ", ".join(f'"{n}"' for n in values)
        places = ", ".join(
            f"ST_GeomFromText(:{n}, 4490)" if n in {"boundary", "label_at", "shape", "door"} else f":{n}"
            for n in values
        )
        tail = f" RETURNING {returning}" if returning else ""
        made = self.con.execute(text(f'INSERT INTO "{table}" ({names}) VALUES ({places}){tail}'), values)
        return made.scalar_one() if returning else None

    def _grid(self, number: int, west: float) -> None:
        box = f"{west} 27.3,{west + 0.001} 27.3,{west + 0.001} 27.301,{west} 27.301,{west} 27.3"
        grid = self.put("grid", code=f"520502009999{number:03}", number=number, name=f"第{number}网格", kind="general")
        self.grids.append(grid)
        self.put(
            "grid_version",
            grid_id=grid,
            valid_from=BEGIN,
            boundary=f"POLYGON(({box}))",
            label_at=f"POINT({west + 0.0005} 27.3005)",
            label_radius_m=40,
        )
        self.buildings.append(
            self.put(
                "building",
                grid_id=grid,
                name=f"云景苑{number + 6}栋",
                kind="walkup",
                floors=9,
                shape=f"POLYGON(({box}))",
            )
        )
        self.entrances.append(
            self.put("entrance", building_id=self.buildings[-1], unit="2", door=f"POINT({west + 0.0005} 27.3005)")
        )
        self.workers.append(self.put("worker", name=f"员{number}"))
        self.put("worker_assignment", worker_id=self.workers[-1], grid_id=grid, valid_from=BEGIN, recorded_at=at(BEGIN))

    def household(
        self, grid: int = 0, *groups: str, since: date = BEGIN, standing: str = "occupied", room: str | None = None
    ) -> int:
        """Add a household to the first or second grid, with a spell since a day and some group tags."""
        self.doors += 1
        made = self.put(
            "household",
            grid_id=self.grids[grid],
            building_id=self.buildings[grid],
            entrance_id=self.entrances[grid],
            floor=self.doors // 100 + 1,
            room=room or f"{self.doors // 100 + 1}{self.doors % 100:02}",
            door=f"POINT({105.2815 + grid * 0.001} 27.3005)",
        )
        self.spell(made, grid, standing, since)
        for group in groups:
            self.tag(made, group, since)
        return int(made)

    def grid_of(self, household_id: int) -> int:
        """Return today's grid of a household."""
        query = "SELECT grid_id FROM household WHERE community_id = :c AND id = :h"
        return int(self.con.execute(text(query), {"c": self.community_id, "h": household_id}).scalar_one())

    def spell(
        self,
        household_id: int,
        grid: int,
        standing: str,
        since: date,
        until: date | None = None,
        reason: str | None = None,
    ) -> None:
        """Say what a household was."""
        self.put(
            "household_spell",
            household_id=household_id,
            grid_id=self.grid_of(household_id),
            in_grid_id=self.grids[grid],
            standing=standing,
            reason=reason,
            valid_from=since,
            valid_to=until,
            recorded_at=at(since, 0),
        )

    def end_spell(self, household_id: int, until: date) -> None:
        """End the open spell."""
        self.con.execute(
            text(
                "UPDATE household_spell SET valid_to = :until WHERE community_id = :c AND household_id = :h"
                " AND valid_to IS NULL"
            ),
            {"until": until, "c": self.community_id, "h": household_id},
        )

    def tag(self, household_id: int, group: str, since: date, until: date | None = None) -> None:
        """Put a household into a special group."""
        self.put(
            "group_tag",
            household_id=household_id,
            grid_id=self.grid_of(household_id),
            group_code=group,
            valid_from=since,
            valid_to=until,
            recorded_at=at(since, 0),
            basis="duty",
        )

    def resident(self, household_id: int, name: str, born_year: int = 1950, relation: str = "head") -> int:
        """Add a person."""
        return int(
            self.put(
                "resident",
                household_id=household_id,
                grid_id=self.grid_of(household_id),
                name=name,
                sex="f",
                born_year=born_year,
                relation=relation,
            )
        )

    def visit(
        self,
        household_id: int,
        day: date,
        result: str = "met",
        mode: str = "door",
        *,
        hour: int = 10,
        recorded: datetime | None = None,
        withdrawn: datetime | None = None,
    ) -> None:
        """Record a visit, at once unless told when; it may have been taken back since."""
        grid = self.grid_of(household_id)
        self.put(
            "visit",
            None,
            id=uuid.uuid4(),
            household_id=household_id,
            grid_id=grid,
            made_in_grid_id=grid,
            worker_id=self.workers[0],
            visited_at=at(day, hour),
            recorded_at=recorded or at(day, hour),
            withdrawn_at=withdrawn,
            minutes=10,
            mode=mode,
            result=result,
        )

    def need(self, household_id: int, raised: date, closed: date | None = None) -> None:
        """Raise a need."""
        grid = self.grid_of(household_id)
        self.put(
            "need",
            household_id=household_id,
            grid_id=grid,
            made_in_grid_id=grid,
            kind="repair",
            summary="楼道灯不亮",
            raised_at=at(raised),
            recorded_at=at(raised),
            closed_at=at(closed) if closed else None,
        )


def job(world: World) -> Actor:
    """Return the program itself at work in the world's community."""
    return Actor(Machine.JOB, world.community_id)


def populate(world: World) -> dict[str, int]:
    """Put one household of each kind into the first grid, and two into the second."""
    days = {n: DAY - timedelta(days=n) for n in (1, 5, 10, 20, 25, 40, 85, 100, 120)}
    made = {name: world.household(0) for name in ("never", "covered", "soon", "overdue", "no_answer", "refused")}
    world.visit(made["covered"], days[10])
    world.visit(made["soon"], days[85])
    world.visit(made["overdue"], days[100])
    world.visit(made["no_answer"], days[100])
    world.visit(made["no_answer"], days[20], "nobody")
    world.visit(made["no_answer"], days[5], "nobody")
    world.visit(made["refused"], days[120])
    world.visit(made["refused"], days[40], "refused")
    made["moved"] = world.household(0, standing="moved")
    made["excluded"] = world.household(0, standing="excluded")
    made["alone"] = world.household(1, "alone")
    world.visit(made["alone"], days[25])
    made["both"] = world.household(1, "alone", "high_risk")
    world.visit(made["both"], days[10])
    world.need(made["both"], days[10])
    world.need(made["both"], days[20], days[5])
    return made
