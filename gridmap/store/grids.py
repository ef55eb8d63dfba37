"""Grids as they were drawn on a day."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, text


@dataclass(frozen=True)
class GridShape:
    """One grid of the partition of a day.

    Attributes
    ----------
    boundary : GeoJSON geometry, EPSG:4490 degrees, longitude first
    label_at : (lon, lat), centre of the largest circle inside; label_radius_m : its radius
    worker_name : the main worker on the day; None where nobody is assigned or the reader may not know
    """

    grid_id: int
    code: str
    number: int
    name: str
    kind: str
    boundary: dict[str, Any]
    label_at: tuple[float, float]
    label_radius_m: float
    worker_name: str | None


_DRAWN = (
    "SELECT g.id, g.code, coalesce(v.number, g.number) AS number, coalesce(v.name, g.name) AS name,"
    " coalesce(v.kind, g.kind) AS kind, ST_AsGeoJSON(v.boundary, 7) AS boundary,"
    " ST_X(v.label_at) AS lon, ST_Y(v.label_at) AS lat, v.label_radius_m, {worker} AS worker_name"
    " FROM grid AS g JOIN grid_version AS v ON v.community_id = g.community_id AND v.grid_id = g.id"
    " AND v.valid_from <= :on AND (v.valid_to IS NULL OR v.valid_to > :on)"
    " WHERE g.community_id = :c ORDER BY coalesce(v.number, g.number), g.code"
)
_WORKER = (
    "(SELECT w.name FROM worker_assignment AS a"
    " JOIN worker AS w ON w.community_id = a.community_id AND w.id = a.worker_id"
    " WHERE a.community_id = g.community_id AND a.grid_id = g.id AND a.duty = 'main'"
    " AND a.valid_from <= :on AND (a.valid_to IS NULL OR a.valid_to > :on))"
)


def drawn(con: Connection, community_id: int, *, on: date, with_workers: bool) -> list[GridShape]:
    """Return every grid valid on a day, by number; workers' names only for those who may read them."""
    query = text(_DRAWN.format(worker=_WORKER if with_workers else "NULL"))
    return [
        GridShape(
            r.id,
            r.code,
            r.number,
            r.name,
            r.kind,
            json.loads(r.boundary),
            (r.lon, r.lat),
            r.label_radius_m,
            r.worker_name,
        )
        for r in con.execute(query, {"c": community_id, "on": on})
    ]


def exists(con: Connection, community_id: int, grid_id: int) -> bool:
    """Tell whether the community has this grid."""
    query = "SELECT EXISTS (SELECT FROM grid WHERE community_id = :c AND id = :g)"
    return bool(con.execute(text(query), {"c": community_id, "g": grid_id}).scalar_one())


def names(con: Connection, community_id: int) -> dict[int, str]:
    """Return the name of every grid there is or was, by id."""
    rows = con.execute(text("SELECT id, name FROM grid WHERE community_id = :c"), {"c": community_id})
    return {row.id: row.name for row in rows}
