"""What a day tells of the doors of a walk: who lives there, what is open, who rang last, the doors around them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

from gridmap.domain.households import Member, NeedLine

_SOME = "community_id = :c AND household_id IN (SELECT unnest(CAST(:ids AS bigint[])))"


def members(con: Connection, community_id: int, ids: Iterable[int], *, on: date) -> dict[int, list[Member]]:
    """Return who lives in some households, the head first; ages are years reached in the year of ``on``."""
    rows = con.execute(
        text(
            f"SELECT household_id, id, name, sex, born_year, relation, registration FROM resident WHERE {_SOME}"
            " ORDER BY household_id, relation <> 'head', born_year, id"
        ),
        {"c": community_id, "ids": list(ids)},
    )
    found: dict[int, list[Member]] = {}
    for r in rows:
        found.setdefault(r.household_id, []).append(
            Member(r.id, r.name, r.sex, on.year - r.born_year, r.relation, r.registration)
        )
    return found


def needs(con: Connection, community_id: int, ids: Iterable[int], *, at: datetime) -> dict[int, list[NeedLine]]:
    """Return the open needs of some households, the oldest first."""
    rows = con.execute(
        text(
            f"SELECT household_id, kind, summary, raised_at FROM need WHERE {_SOME} AND raised_at <= :at"
            " AND (closed_at IS NULL OR closed_at > :at) ORDER BY household_id, raised_at, id"
        ),
        {"c": community_id, "ids": list(ids), "at": at},
    )
    found: dict[int, list[NeedLine]] = {}
    for r in rows:
        found.setdefault(r.household_id, []).append(NeedLine(r.kind, r.summary, r.raised_at))
    return found


def last_visits(
    con: Connection, community_id: int, ids: Iterable[int], *, at: datetime, timezone: str
) -> dict[int, tuple[date, str]]:
    """Return local day and result of the last visit to each household by a moment."""
    rows = con.execute(
        text(
            "SELECT h.id, v.day, v.result FROM unnest(CAST(:ids AS bigint[])) AS h(id) JOIN LATERAL ("
            " SELECT (visited_at AT TIME ZONE :tz)::date AS day, result FROM visit WHERE community_id = :c"
            " AND household_id = h.id AND visited_at <= :at AND withdrawn_at IS NULL"
            " ORDER BY visited_at DESC, id LIMIT 1) AS v ON true"
        ),
        {"c": community_id, "ids": list(ids), "at": at, "tz": timezone},
    )
    return {r.id: (r.day, r.result) for r in rows}


@dataclass(frozen=True)
class DoorRow:
    """One door of a building with what was decided of it last."""

    household_id: int
    grid_id: int
    building_id: int
    entrance_id: int
    unit: str
    floor: int
    room: str
    group_bits: int
    tries: int
    due_on: date | None
    overdue_on: date | None
    state_fresh: int
    state_due: int
    state_late: int


def doors(
    con: Connection, community_id: int, building_ids: Iterable[int], *, grid_ids: Sequence[int] | None
) -> list[DoorRow]:
    """Return every door of some buildings; only those in ``grid_ids`` today unless that is None."""
    rows = con.execute(
        text(
            "SELECT h.id, h.grid_id, h.building_id, h.entrance_id, e.unit, h.floor, h.room, h.group_bits, h.tries,"
            " h.due_on, h.overdue_on, h.state_fresh, h.state_due, h.state_late FROM household AS h"
            " JOIN entrance AS e ON e.community_id = h.community_id AND e.id = h.entrance_id"
            " WHERE h.community_id = :c AND h.building_id = ANY(:ids)"
            " AND (CAST(:all AS boolean) OR h.grid_id = ANY(:grids)) ORDER BY h.id"
        ),
        {"c": community_id, "ids": list(building_ids), "all": grid_ids is None, "grids": list(grid_ids or ())},
    )
    return [DoorRow(*r) for r in rows]


def materials(con: Connection, community_id: int, ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    """Return code and name of material, by id."""
    rows = con.execute(
        text("SELECT id, code, name FROM material WHERE community_id = :c AND id = ANY(:ids)"),
        {"c": community_id, "ids": list(ids)},
    )
    return {r.id: (r.code, r.name) for r in rows}


def worker_name(con: Connection, community_id: int, worker_id: int) -> str | None:
    """Return a worker's name; None where there is no such worker."""
    query = text("SELECT name FROM worker WHERE community_id = :c AND id = :w")
    found = con.execute(query, {"c": community_id, "w": worker_id}).scalar()
    return str(found) if found is not None else None


def grids(con: Connection, community_id: int, ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Return code and name of grids, by id."""
    rows = con.execute(
        text("SELECT id, code, name FROM grid WHERE community_id = :c AND id = ANY(:ids)"),
        {"c": community_id, "ids": list(ids)},
    )
    return {r.id: (r.code, r.name) for r in rows}
