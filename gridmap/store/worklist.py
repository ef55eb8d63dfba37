"""What a worklist is made from: the doors of some grids, what was promised, announced and left open at them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, text

from gridmap.domain.rules import NEVER_YET, NO_DAY
from gridmap.domain.working import DAY_MIN, MINUTE_S, AtHome
from gridmap.domain.worklist import AUDIENCES, Contact, Errand, Event, Material, Promise

_HOUSEHOLDS = "household_id IN (SELECT unnest(CAST(:ids AS bigint[])))"


def _day(column: str, empty: int) -> str:
    return f"coalesce({column} - date '1970-01-01', {empty})"


_DOORS = text(f"""
SELECT h.id, h.grid_id, h.building_id, h.entrance_id, h.floor, h.room, b.kind, h.group_bits, h.period_days, h.mode_bits,
  {_day("h.last_effective_on", NEVER_YET)}, {_day("h.last_try_on", NEVER_YET)}, h.tries,
  {_day("h.due_on", NO_DAY)}, {_day("h.overdue_on", NO_DAY)}, h.state_fresh, h.state_due, h.state_late
FROM household AS h JOIN building AS b ON b.community_id = h.community_id AND b.id = h.building_id
WHERE h.community_id = :c AND h.grid_id = ANY(:grids) AND (CAST(:all AS boolean) OR h.standing = 'occupied')
ORDER BY h.id
""")


class DoorRows:
    """Households of some grids as they stand in the table, in columns; by id."""

    def __init__(self, rows: Sequence[Any]) -> None:
        columns = list(zip(*rows, strict=True)) if rows else [()] * 18
        self.room: tuple[str, ...] = tuple(columns[5])
        self.kind: tuple[str, ...] = tuple(columns[6])
        numbers = [np.array(columns[i], np.int64) for i in (0, 1, 2, 3, 4, *range(7, 18))]
        self.household_id, self.grid_id, self.building_id, self.entrance_id, self.floor = numbers[:5]
        self.group_bits, self.period_days, self.mode_bits = numbers[5:8]
        self.last_effective_on, self.last_try_on, self.tries = numbers[8:11]
        self.due_on, self.overdue_on = numbers[11:13]
        self.state_fresh, self.state_due, self.state_late = numbers[13:]


def doors(con: Connection, community_id: int, grid_ids: Sequence[int], *, everybody: bool) -> DoorRows:
    """Return the households of some grids with what was decided of them; those that live there unless ``everybody``."""
    return DoorRows(con.execute(_DOORS, {"c": community_id, "grids": list(grid_ids), "all": everybody}).all())


def events(con: Connection, community_id: int, grid_ids: Sequence[int], *, at: datetime) -> tuple[Event, ...]:
    """Return events that happened and were known by a moment, of some grids, answered or not."""
    rows = con.execute(
        text(
            "SELECT household_id, kind, happened_at, visit_by FROM household_event WHERE community_id = :c"
            " AND grid_id = ANY(:grids) AND happened_at <= :at AND recorded_at <= :at"
            " AND (withdrawn_at IS NULL OR withdrawn_at > :at) ORDER BY id"
        ),
        {"c": community_id, "grids": list(grid_ids), "at": at},
    )
    return tuple(Event(*row) for row in rows)


_PROMISES = """
SELECT id, household_id, grid_id, starts_at, ends_at FROM appointment
WHERE community_id = :c AND grid_id = ANY(:grids) AND starts_at >= :begin AND starts_at < :end
  AND cancelled_at IS NULL ORDER BY starts_at, id
"""


def promises(
    con: Connection, community_id: int, grid_ids: Sequence[int], *, begin: datetime, end: datetime
) -> tuple[Promise, ...]:
    """Return the appointments of some grids that begin in a span and were not cancelled."""
    values = {"c": community_id, "grids": list(grid_ids), "begin": begin, "end": end}
    return tuple(Promise(*row) for row in con.execute(text(_PROMISES), values))


def contacts(
    con: Connection, community_id: int, household_ids: Iterable[int], *, since: datetime, until: datetime
) -> tuple[Contact, ...]:
    """Return the visits of some households from a moment until before another."""
    rows = con.execute(
        text(
            f"SELECT household_id, visited_at, mode, result FROM visit WHERE community_id = :c AND {_HOUSEHOLDS}"
            " AND visited_at >= :since AND visited_at < :until AND withdrawn_at IS NULL ORDER BY visited_at, id"
        ),
        {"c": community_id, "ids": list(household_ids), "since": since, "until": until},
    )
    return tuple(Contact(*row) for row in rows)


def follow_ups(
    con: Connection, community_id: int, grid_ids: Sequence[int], *, on: date, end: datetime
) -> list[tuple[int, int]]:
    """Return (household, day number) of each follow-up announced for a day up to ``on`` by visits before ``end``."""
    rows = con.execute(
        text(
            "SELECT household_id, follow_up_on - date '1970-01-01' FROM visit WHERE community_id = :c"
            " AND grid_id = ANY(:grids) AND follow_up_on <= :on AND withdrawn_at IS NULL AND visited_at < :end"
            " ORDER BY follow_up_on, household_id"
        ),
        {"c": community_id, "grids": list(grid_ids), "on": on, "end": end},
    )
    return [(row[0], row[1]) for row in rows]


_OPEN = {
    "need": ("kind", "raised_at", "closed_at"),
    "hazard": ("kind", "found_at", "resolved_at"),
    "dispute": ("CAST('dispute' AS text)", "raised_at", "closed_at"),
}


def still_open(
    con: Connection, community_id: int, table: str, household_ids: Sequence[int], *, at: datetime
) -> dict[int, tuple[str, ...]]:
    """Return the kinds of the needs, hazards or disputes (``table``) of some households open at a moment."""
    kind, begin, end = _OPEN[table]
    rows = con.execute(
        text(
            f"SELECT household_id, array_agg(DISTINCT {kind}) FROM {table} WHERE community_id = :c AND {_HOUSEHOLDS}"
            f" AND {begin} <= :at AND ({end} IS NULL OR {end} > :at) GROUP BY household_id"
        ),
        {"c": community_id, "ids": list(household_ids), "at": at},
    )
    return {row[0]: tuple(sorted(row[1])) for row in rows}


def at_home(
    con: Connection, community_id: int, household_ids: Sequence[int], *, on: date
) -> dict[int, tuple[AtHome, ...]]:
    """Return the hours at home of those of some households that told any, as valid on a day."""
    rows = con.execute(
        text(
            f"SELECT household_id, weekday_bits, from_min, until_min FROM availability WHERE community_id = :c"
            f" AND {_HOUSEHOLDS} AND valid_from <= :on AND (valid_to IS NULL OR valid_to > :on) ORDER BY id"
        ),
        {"c": community_id, "ids": list(household_ids), "on": on},
    )
    found: dict[int, list[AtHome]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(AtHome(*row[1:]))
    return {household_id: tuple(hours) for household_id, hours in found.items()}


def materials(con: Connection, community_id: int, *, on: date) -> tuple[Material, ...]:
    """Return the catalogue of material that is handed out on a day."""
    rows = con.execute(
        text(
            "SELECT id, code, name, group_code FROM material WHERE community_id = :c AND valid_from <= :on"
            " AND (valid_to IS NULL OR valid_to > :on) ORDER BY code, id"
        ),
        {"c": community_id, "on": on},
    )
    return tuple(Material(*row) for row in rows)


def delivered(
    con: Connection, community_id: int, household_ids: Sequence[int], *, at: datetime
) -> set[tuple[int, int]]:
    """Return (household, material) for all that was handed over by a moment."""
    rows = con.execute(
        text(
            f"SELECT household_id, material_id FROM material_delivery WHERE community_id = :c AND {_HOUSEHOLDS}"
            " AND delivered_at <= :at"
        ),
        {"c": community_id, "ids": list(household_ids), "at": at},
    )
    return {(row[0], row[1]) for row in rows}


def audiences(
    con: Connection, community_id: int, household_ids: Sequence[int], *, year: int, codes: Sequence[str]
) -> dict[int, frozenset[str]]:
    """Return for some households which of the audiences, given by code, live there in a year."""
    if not codes:
        return {}
    among = {f"{code}_{i}": year - AUDIENCES[code][1 - i] for code in codes for i in (0, 1)}
    asked = ", ".join(f"bool_or(born_year BETWEEN :{code}_0 AND :{code}_1)" for code in codes)
    any_of = " OR ".join(f"born_year BETWEEN :{code}_0 AND :{code}_1" for code in codes)
    rows = con.execute(
        text(
            f"SELECT household_id, {asked} FROM resident WHERE community_id = :c AND {_HOUSEHOLDS} AND ({any_of})"
            " GROUP BY household_id"
        ),
        {"c": community_id, "ids": list(household_ids)} | among,
    )
    return {row[0]: frozenset(code for code, there in zip(codes, row[1:], strict=True) if there) for row in rows}


def errands(
    con: Connection, community_id: int, grid_ids: Sequence[int], *, since: date, on: date, at: datetime
) -> list[Errand]:
    """Return the errands of some grids for a day, and those of the days since ``since`` that were not done."""
    rows = con.execute(
        text(
            "SELECT id, grid_id, kind, title, household_id, facility_id, ST_X(at) AS lon, ST_Y(at) AS lat, minutes,"
            " from_min, until_min FROM errand WHERE community_id = :c AND grid_id = ANY(:grids)"
            ' AND "on" BETWEEN :since AND :on AND (done_at IS NULL OR done_at > :at) ORDER BY "on", id'
        ),
        {"c": community_id, "grids": list(grid_ids), "since": since, "on": on, "at": at},
    )
    return [
        Errand(
            errand_id=row.id,
            grid_id=row.grid_id,
            kind=row.kind,
            title=row.title,
            household_id=row.household_id,
            facility_id=row.facility_id,
            lon=row.lon,
            lat=row.lat,
            service_s=MINUTE_S * row.minutes,
            windows=((MINUTE_S * (row.from_min or 0), MINUTE_S * min(row.until_min or DAY_MIN, DAY_MIN)),),
        )
        for row in rows
    ]


def grids(con: Connection, community_id: int) -> list[int]:
    """Return every grid."""
    return list(
        con.execute(text("SELECT id FROM grid WHERE community_id = :c ORDER BY id"), {"c": community_id}).scalars()
    )


def grid_of_code(con: Connection, community_id: int, code: str) -> int | None:
    """Return the grid with a code."""
    query = "SELECT id FROM grid WHERE community_id = :c AND code = :code"
    return con.execute(text(query), {"c": community_id, "code": code}).scalar()


def grid_of(con: Connection, community_id: int, household_id: int) -> int | None:
    """Return today's grid of a household, None where there is none to be seen."""
    query = "SELECT grid_id FROM household WHERE community_id = :c AND id = :h"
    return con.execute(text(query), {"c": community_id, "h": household_id}).scalar()


def put_event(
    con: Connection,
    community_id: int,
    *,
    household_id: int,
    grid_id: int,
    kind: str,
    happened_at: datetime,
    visit_by: datetime,
    at: datetime,
) -> int:
    """Keep an event; return its id."""
    return int(
        con.execute(
            text(
                "INSERT INTO household_event (community_id, household_id, grid_id, kind, happened_at, visit_by,"
                " recorded_at) VALUES (:c, :h, :g, :kind, :happened_at, :visit_by, :at) RETURNING id"
            ),
            {"c": community_id, "h": household_id, "g": grid_id, "kind": kind, "happened_at": happened_at}
            | {"visit_by": visit_by, "at": at},
        ).scalar_one()
    )


def put_promise(
    con: Connection,
    community_id: int,
    *,
    household_id: int,
    grid_id: int,
    starts_at: datetime,
    ends_at: datetime,
    at: datetime,
) -> int:
    """Keep an appointment; return its id."""
    return int(
        con.execute(
            text(
                "INSERT INTO appointment (community_id, household_id, grid_id, starts_at, ends_at, made_at)"
                " VALUES (:c, :h, :g, :starts_at, :ends_at, :at) RETURNING id"
            ),
            {"c": community_id, "h": household_id, "g": grid_id, "starts_at": starts_at, "ends_at": ends_at, "at": at},
        ).scalar_one()
    )


_CANCELS = {"household_event": "withdrawn_at", "appointment": "cancelled_at"}


def cancel(con: Connection, community_id: int, table: str, row_id: int, *, at: datetime) -> bool:
    """Take an event or an appointment (``table``) back; tell whether there was one that stood."""
    column = _CANCELS[table]
    done = con.execute(
        text(
            f"UPDATE {table} SET {column} = :at WHERE community_id = :c AND id = :id"
            f" AND ({column} IS NULL OR {column} > :at)"
        ),
        {"c": community_id, "id": row_id, "at": at},
    )
    return done.rowcount > 0
