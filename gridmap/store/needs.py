"""Needs people told: those still open, the oldest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from gridmap.domain.addresses import address
from gridmap.domain.needs import OpenNeed

_OPEN = """
FROM need AS n
JOIN household AS h ON h.community_id = n.community_id AND h.id = n.household_id
JOIN grid AS g ON g.community_id = n.community_id AND g.id = n.grid_id
JOIN building AS b ON b.community_id = h.community_id AND b.id = h.building_id
JOIN entrance AS e ON e.community_id = h.community_id AND e.id = h.entrance_id
WHERE n.community_id = :c AND (CAST(:all AS boolean) OR n.grid_id = ANY(:grids)) AND (:code = '' OR g.code = :code)
  AND n.raised_at < :end AND n.recorded_at < :end AND (n.closed_at IS NULL OR n.closed_at >= :end)
"""
_COUNT = text(f"SELECT count(*) {_OPEN}")
_PAGE = text(f"""
SELECT n.id, n.household_id, g.code, g.name AS grid_name, b.name, e.unit, h.room, n.kind, n.summary, n.raised_at
{_OPEN} ORDER BY n.raised_at, n.id LIMIT :limit OFFSET :offset
""")


def open_needs(
    con: Connection,
    community_id: int,
    *,
    on: date,
    end: datetime,
    zone: ZoneInfo,
    grid_ids: Sequence[int] | None,
    grid_code: str,
    limit: int,
    offset: int,
) -> tuple[list[OpenNeed], int]:
    """Return a page of the needs open at ``end``, and the count of all; only of ``grid_ids`` unless that is None."""
    values = {
        "c": community_id,
        "all": grid_ids is None,
        "grids": list(grid_ids or ()),
        "code": grid_code,
        "end": end,
        "limit": limit,
        "offset": offset,
    }
    count = int(con.execute(_COUNT, values).scalar_one())
    rows = [
        OpenNeed(
            r.id,
            r.household_id,
            r.code,
            r.grid_name,
            address(r.name, r.unit, r.room),
            r.kind,
            r.summary,
            r.raised_at,
            (on - r.raised_at.astimezone(zone).date()).days,
        )
        for r in con.execute(_PAGE, values)
    ]
    return rows, count
