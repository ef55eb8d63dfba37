"""What workers are told of other borders, and the visits that went along with households."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, text

from gridmap.domain.publishing import Notice


def leave(con: Connection, community_id: int, version_id: int, rows: Sequence[tuple[int, int, int, int]]) -> None:
    """Leave notices of (worker, grid, households gained, lost)."""
    if rows:
        con.execute(
            text(
                "INSERT INTO boundary_notice (community_id, version_id, worker_id, grid_id, gained, lost)"
                " VALUES (:c, :v, :w, :g, :gained, :lost)"
            ),
            [{"c": community_id, "v": version_id, "w": w, "g": g, "gained": a, "lost": b} for w, g, a, b in rows],
        )


# A visit was made before its household moved when it was made in the grid the household left, before that moment.
_CARRIED = (
    "(SELECT count(*) FROM boundary_move AS m JOIN visit AS v ON v.community_id = m.community_id"
    " AND v.household_id = m.household_id AND v.made_in_grid_id = m.from_grid_id AND v.visited_at < b.recorded_at"
    " AND v.withdrawn_at IS NULL"
    " WHERE m.community_id = b.community_id AND m.version_id = b.id AND m.{0} = n.grid_id)"
)
_NOTICES = f"""
SELECT b.id, b.effect_on, b.recorded_at, b.reason, n.grid_id, g.name, n.gained, n.lost,
       {_CARRIED.format("to_grid_id")} AS visits_gained, {_CARRIED.format("from_grid_id")} AS visits_lost
FROM boundary_notice AS n
JOIN boundary_version AS b ON b.community_id = n.community_id AND b.id = n.version_id
JOIN grid AS g ON g.community_id = n.community_id AND g.id = n.grid_id
WHERE n.community_id = :c AND b.effect_on <= :on AND {{which}}
ORDER BY b.effect_on DESC, b.id DESC, g.number
"""
_PARTNERS = text("""
SELECT m.version_id, g.id, g.name, count(*) FILTER (WHERE m.to_grid_id = :g) AS came,
       count(*) FILTER (WHERE m.from_grid_id = :g) AS went
FROM boundary_move AS m JOIN grid AS g ON g.community_id = m.community_id
  AND g.id = CASE WHEN m.to_grid_id = :g THEN m.from_grid_id ELSE m.to_grid_id END
WHERE m.community_id = :c AND m.version_id = ANY(:versions) AND (m.to_grid_id = :g OR m.from_grid_id = :g)
GROUP BY m.version_id, g.id, g.name, g.number ORDER BY g.number
""")


def notices(con: Connection, community_id: int, worker_id: int, *, on: date) -> list[Notice]:
    """Return what a worker was told and has not put away, the newest first."""
    query = text(_NOTICES.format(which="n.worker_id = :w AND n.seen_at IS NULL"))
    return _with_partners(con, community_id, con.execute(query, {"c": community_id, "w": worker_id, "on": on}))


def changes_of_grid(con: Connection, community_id: int, grid_id: int, *, on: date, limit: int) -> list[Notice]:
    """Return what was told of one grid until a day, the newest first."""
    query = _NOTICES.format(which="n.grid_id = :g").replace(
        "SELECT b.id", "SELECT DISTINCT ON (b.effect_on, b.id) b.id"
    )
    query = query.replace("b.id DESC, g.number", "b.id DESC LIMIT :limit")
    values = {"c": community_id, "g": grid_id, "on": on, "limit": limit}
    return _with_partners(con, community_id, con.execute(text(query), values))


def _with_partners(con: Connection, community_id: int, rows: Iterable[Any]) -> list[Notice]:
    found = [Notice(*row) for row in rows]
    told: list[Notice] = []
    for notice in found:
        values = {"c": community_id, "g": notice.grid_id, "versions": [notice.version_id]}
        partners = tuple((row.id, row.name, row.came - row.went) for row in con.execute(_PARTNERS, values))
        told.append(replace(notice, partners=partners))
    return told


def put_away(con: Connection, community_id: int, worker_id: int, version_id: int, *, at: datetime) -> int:
    """Mark a version's notices to a worker as seen; return how many were not."""
    done = con.execute(
        text(
            "UPDATE boundary_notice SET seen_at = :at WHERE community_id = :c AND worker_id = :w AND version_id = :v"
            " AND seen_at IS NULL"
        ),
        {"c": community_id, "w": worker_id, "v": version_id, "at": at},
    )
    return int(done.rowcount)
