"""Where households are, who lives there, what happened; and finding them by words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, text

from gridmap.domain.addresses import Asked, address
from gridmap.domain.groups import BY_CODE
from gridmap.domain.households import GroupSince, Hit, Home, Member, NeedLine, VisitLine

_HOMES = text("""
SELECT h.id, h.grid_id, h.building_id, b.name, e.unit, h.floor, h.room, ST_X(h.door) AS lon, ST_Y(h.door) AS lat
FROM household AS h
JOIN building AS b ON b.community_id = h.community_id AND b.id = h.building_id
JOIN entrance AS e ON e.community_id = h.community_id AND e.id = h.entrance_id
WHERE h.community_id = :c AND h.id IN (SELECT unnest(CAST(:ids AS bigint[])))
  AND (CAST(:all AS boolean) OR h.grid_id = ANY(:grids))
""")
_REASONS = text("""
SELECT household_id, reason FROM household_spell
WHERE community_id = :c AND household_id IN (SELECT unnest(CAST(:ids AS bigint[]))) AND reason IS NOT NULL
  AND valid_from <= :on AND (valid_to IS NULL OR valid_to > :on)
""")


def homes(
    con: Connection, community_id: int, ids: Sequence[int], *, grid_ids: Sequence[int] | None = None
) -> dict[int, Home]:
    """Return where households are, by id; only those in ``grid_ids`` today unless that is None."""
    values = {"c": community_id, "ids": list(ids), "all": grid_ids is None, "grids": list(grid_ids or ())}
    return {row[0]: Home(*row) for row in con.execute(_HOMES, values)}


def reasons(con: Connection, community_id: int, ids: Sequence[int], *, on: date) -> dict[int, str]:
    """Return why households are what they are on a day, where a reason was given."""
    rows = con.execute(_REASONS, {"c": community_id, "ids": list(ids), "on": on})
    return {row.household_id: row.reason for row in rows}


def grid_then(con: Connection, community_id: int, household_id: int, *, on: date) -> tuple[int, str] | None:
    """Return id and name of the grid a household was in on a day."""
    row = con.execute(
        text(
            "SELECT g.id, g.name FROM household_spell AS s JOIN grid AS g"
            " ON g.community_id = s.community_id AND g.id = s.in_grid_id"
            " WHERE s.community_id = :c AND s.household_id = :h AND s.valid_from <= :on"
            " AND (s.valid_to IS NULL OR s.valid_to > :on)"
        ),
        {"c": community_id, "h": household_id, "on": on},
    ).one_or_none()
    return (row.id, row.name) if row else None


def groups(con: Connection, community_id: int, household_id: int, *, on: date, end: datetime) -> list[GroupSince]:
    """Return the shared special groups of a household on a day, in the order of ``groups.GROUPS``."""
    rows = con.execute(
        text(
            "SELECT group_code, min(valid_from) AS since FROM group_tag WHERE community_id = :c AND household_id = :h"
            " AND valid_from <= :on AND (valid_to IS NULL OR valid_to > :on) AND recorded_at < :end GROUP BY group_code"
        ),
        {"c": community_id, "h": household_id, "on": on, "end": end},
    )
    since = {row.group_code: row.since for row in rows}
    return [GroupSince(code, since[code]) for code, group in BY_CODE.items() if code in since and not group.restricted]


def members(con: Connection, community_id: int, household_id: int, *, on: date) -> list[Member]:
    """Return who lives there, the head first; ages are years reached in the year of ``on``."""
    rows = con.execute(
        text(
            "SELECT id, name, sex, born_year, relation, registration FROM resident"
            " WHERE community_id = :c AND household_id = :h ORDER BY relation <> 'head', born_year, id"
        ),
        {"c": community_id, "h": household_id},
    )
    return [Member(r.id, r.name, r.sex, on.year - r.born_year, r.relation, r.registration) for r in rows]


def visits(con: Connection, community_id: int, household_id: int, *, end: datetime, limit: int = 10) -> list[VisitLine]:
    """Return the last visits known at a moment, the newest first."""
    rows = con.execute(
        text(
            "SELECT v.visited_at, v.mode, v.result, v.minutes, v.purpose, w.name, v.note FROM visit AS v"
            " LEFT JOIN worker AS w ON w.community_id = v.community_id AND w.id = v.worker_id"
            " WHERE v.community_id = :c AND v.household_id = :h AND v.visited_at < :end AND v.recorded_at < :end"
            "   AND (v.withdrawn_at IS NULL OR v.withdrawn_at >= :end)"
            " ORDER BY v.visited_at DESC, v.id LIMIT :limit"
        ),
        {"c": community_id, "h": household_id, "end": end, "limit": limit},
    )
    return [VisitLine(*row) for row in rows]


def needs(con: Connection, community_id: int, household_id: int, *, end: datetime) -> list[NeedLine]:
    """Return the needs open at a moment, the oldest first."""
    rows = con.execute(
        text(
            "SELECT kind, summary, raised_at FROM need WHERE community_id = :c AND household_id = :h"
            " AND raised_at < :end AND recorded_at < :end AND (closed_at IS NULL OR closed_at >= :end)"
            " ORDER BY raised_at, id"
        ),
        {"c": community_id, "h": household_id, "end": end},
    )
    return [NeedLine(*row) for row in rows]


def _like(words: str) -> str:
    """Return a LIKE pattern for text that holds ``words`` as they stand."""
    escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


_OWN = "(CAST(:all AS boolean) OR {}.grid_id = ANY(:grids))"
# The number in a building's name must be the whole number: 7 finds 7栋, not 17栋. Only digits come here.
_NAMED = "b.name LIKE :name AND (:building = '' OR b.name ~ ('(^|[^0-9])0*' || :building || '([^0-9]|$)'))"
_BUILDINGS = text(f"""
SELECT b.id, b.name, b.grid_id, ST_X(ST_PointOnSurface(b.shape)) AS lon, ST_Y(ST_PointOnSurface(b.shape)) AS lat
FROM building AS b WHERE b.community_id = :c AND {_OWN.format("b")} AND (b.name LIKE :words OR ({_NAMED}))
ORDER BY length(b.name), b.name COLLATE "C", b.id LIMIT :limit
""")
_DOORS = text(f"""
SELECT h.id, b.name, e.unit, h.room, h.grid_id, b.id AS building_id, ST_X(h.door) AS lon, ST_Y(h.door) AS lat
FROM household AS h
JOIN building AS b ON b.community_id = h.community_id AND b.id = h.building_id
JOIN entrance AS e ON e.community_id = h.community_id AND e.id = h.entrance_id
WHERE h.community_id = :c AND {_OWN.format("h")} AND {_NAMED} AND h.room = :room
  AND (:unit = '' OR regexp_replace(e.unit, '[^0-9]', '', 'g') = :unit)
ORDER BY length(b.name), b.name COLLATE "C", e.unit COLLATE "C", h.id LIMIT :limit
""")
_NAMES = text(f"""
SELECT h.id, b.name, e.unit, h.room, h.grid_id, b.id AS building_id, ST_X(h.door) AS lon, ST_Y(h.door) AS lat,
       r.name AS resident
FROM resident AS r
JOIN household AS h ON h.community_id = r.community_id AND h.id = r.household_id
JOIN building AS b ON b.community_id = h.community_id AND b.id = h.building_id
JOIN entrance AS e ON e.community_id = h.community_id AND e.id = h.entrance_id
WHERE r.community_id = :c AND {_OWN.format("r")} AND r.name LIKE :words AND r.born_year <= :adult_born
ORDER BY length(r.name), r.name COLLATE "C", r.id LIMIT :limit
""")


def _values(community_id: int, wanted: Asked, grid_ids: Sequence[int] | None, limit: int) -> dict[str, Any]:
    return {
        "c": community_id,
        "all": grid_ids is None,
        "grids": list(grid_ids or ()),
        "limit": limit,
        "words": _like(wanted.words),
        "name": _like(wanted.name),
        "building": wanted.building,
        "unit": wanted.unit,
        "room": wanted.room,
    }


def find_buildings(
    con: Connection, community_id: int, wanted: Asked, *, grid_ids: Sequence[int] | None, limit: int
) -> list[Hit]:
    """Return buildings whose name holds the words, or whose name and number were asked for."""
    rows = con.execute(_BUILDINGS, _values(community_id, wanted, grid_ids, limit))
    return [Hit("building", r.name, r.grid_id, r.id, None, r.lon, r.lat) for r in rows]


def find_doors(
    con: Connection, community_id: int, wanted: Asked, *, grid_ids: Sequence[int] | None, limit: int
) -> list[Hit]:
    """Return households with the room that was asked for."""
    rows = con.execute(_DOORS, _values(community_id, wanted, grid_ids, limit))
    return [Hit("door", address(r.name, r.unit, r.room), r.grid_id, r.building_id, r.id, r.lon, r.lat) for r in rows]


def find_names(
    con: Connection,
    community_id: int,
    wanted: Asked,
    *,
    grid_ids: Sequence[int] | None,
    adult_born: int,
    limit: int,
) -> list[Hit]:
    """Return residents, born by a year, whose name holds the words."""
    rows = con.execute(_NAMES, _values(community_id, wanted, grid_ids, limit) | {"adult_born": adult_born})
    return [
        Hit("name", address(r.name, r.unit, r.room), r.grid_id, r.building_id, r.id, r.lon, r.lat, r.resident)
        for r in rows
    ]
