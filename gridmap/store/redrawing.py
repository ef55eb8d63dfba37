"""Dated grids, their names, the outline and who works where, as publishing ends and begins them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import shapely
from sqlalchemy import Connection, text

from gridmap.domain.boundaries import DraftGrid
from gridmap.domain.crs import STORE_SRID
from gridmap.store.boundaries import UNITS

Label = tuple[float, float, float]  # lon, lat, metres: where a label stands and how much room it has


def degrees(shapes: Iterable[Any]) -> list[bytes]:
    """Return shapes of whole units as WKB in degrees."""
    found = np.array(list(shapes), dtype=object)
    return [shapely.to_wkb(shape) for shape in shapely.transform(found, lambda xy: xy / UNITS)]


@dataclass(frozen=True)
class Place:
    """What a new grid's code and a label's metres are made with."""

    code: str
    epsg: int
    timezone: str


def place(con: Connection, community_id: int) -> Place:
    """Return the community's code, projected CRS and time zone."""
    query = "SELECT code, epsg, timezone FROM community WHERE id = :c"
    return Place(*con.execute(text(query), {"c": community_id}).one())


def codes(con: Connection, community_id: int) -> set[str]:
    """Return every grid code that was ever used."""
    return set(con.execute(text("SELECT code FROM grid WHERE community_id = :c"), {"c": community_id}).scalars())


def numbers_elsewhere(
    con: Connection, community_id: int, numbers: Sequence[int], *, on: date, but: Sequence[int]
) -> list[int]:
    """Return which of some numbers grids of a day have that are not among ``but``, ascending."""
    found = con.execute(
        text(
            "SELECT DISTINCT g.number FROM grid AS g JOIN grid_version AS v ON v.community_id = g.community_id"
            " AND v.grid_id = g.id AND v.valid_from <= :on AND (v.valid_to IS NULL OR v.valid_to > :on)"
            " WHERE g.community_id = :c AND g.number = ANY(:numbers) AND NOT g.id = ANY(:but) ORDER BY g.number"
        ),
        {"c": community_id, "numbers": list(numbers), "on": on, "but": list(but)},
    )
    return list(found.scalars())


def grid_names(con: Connection, community_id: int, ids: Sequence[int]) -> list[str]:
    """Return the names of grids, by number."""
    query = "SELECT name FROM grid WHERE community_id = :c AND id = ANY(:ids) ORDER BY number, id"
    return list(con.execute(text(query), {"c": community_id, "ids": list(ids)}).scalars())


def add_grid(con: Connection, community_id: int, code: str, grid: DraftGrid) -> int:
    """Add a grid without a border; return its id."""
    query = (
        "INSERT INTO grid (community_id, code, number, name, kind) VALUES (:c, :code, :number, :name, :kind)"
        " RETURNING id"
    )
    values = {"c": community_id, "code": code, "number": grid.number, "name": grid.name, "kind": grid.kind}
    return int(con.execute(text(query), values).scalar_one())


def call(con: Connection, community_id: int, grid: DraftGrid) -> None:
    """Call a grid otherwise from now on; its ended versions keep what it was called."""
    values = {"c": community_id, "g": grid.key, "number": grid.number, "name": grid.name, "kind": grid.kind}
    con.execute(
        text(
            "UPDATE grid_version AS v SET number = g.number, name = g.name, kind = g.kind FROM grid AS g"
            " WHERE v.community_id = :c AND v.grid_id = :g AND v.valid_to IS NOT NULL AND v.name IS NULL"
            " AND g.community_id = :c AND g.id = :g"
            " AND (g.number, g.name, g.kind) IS DISTINCT FROM (CAST(:number AS smallint), :name, :kind)"
        ),
        values,
    )
    con.execute(
        text("UPDATE grid SET number = :number, name = :name, kind = :kind WHERE community_id = :c AND id = :g"), values
    )


def end_borders(con: Connection, community_id: int, grid_ids: Sequence[int], *, on: date) -> None:
    """End the borders of some grids; one that began the same day never was."""
    values = {"c": community_id, "grids": list(grid_ids), "on": on}
    where = "WHERE community_id = :c AND grid_id = ANY(:grids) AND (valid_to IS NULL OR valid_to > :on)"
    con.execute(text(f"DELETE FROM grid_version {where} AND valid_from >= :on"), values)
    con.execute(text(f"UPDATE grid_version SET valid_to = :on {where}"), values)


def begin_borders(
    con: Connection,
    community_id: int,
    grids: Sequence[DraftGrid],
    spots: Sequence[Label],
    *,
    on: date,
    at: datetime,
) -> None:
    """Let grids have the borders they bring from a day on."""
    con.execute(
        text(
            "INSERT INTO grid_version (community_id, grid_id, valid_from, recorded_at, boundary, label_at,"
            f" label_radius_m) SELECT :c, t.key, :on, :at, ST_GeomFromWKB(t.boundary, {STORE_SRID}),"
            f" ST_SetSRID(ST_MakePoint(t.lon, t.lat), {STORE_SRID}), t.room FROM unnest(CAST(:keys AS bigint[]),"
            " CAST(:boundaries AS bytea[]), CAST(:lon AS float[]), CAST(:lat AS float[]), CAST(:room AS float[]))"
            " AS t (key, boundary, lon, lat, room)"
        ),
        {
            "c": community_id,
            "on": on,
            "at": at,
            "keys": [grid.key for grid in grids],
            "boundaries": degrees(grid.boundary for grid in grids),
            "lon": [spot[0] for spot in spots],
            "lat": [spot[1] for spot in spots],
            "room": [spot[2] for spot in spots],
        },
    )


def draw_outline(con: Connection, community_id: int, shape: Any, *, on: date) -> None:
    """Let the community have another outline from a day on."""
    values = {"c": community_id, "on": on, "shape": degrees([shape])[0]}
    where = "WHERE community_id = :c AND (valid_to IS NULL OR valid_to > :on)"
    con.execute(text(f"DELETE FROM outline {where} AND valid_from >= :on"), values)
    con.execute(text(f"UPDATE outline SET valid_to = :on {where}"), values)
    con.execute(
        text(
            "INSERT INTO outline (community_id, valid_from, boundary)"
            f" VALUES (:c, :on, ST_GeomFromWKB(:shape, {STORE_SRID}))"
        ),
        values,
    )


# --- who works where ----------------------------------------------------------------------------------------------


def end_duties(con: Connection, community_id: int, grid_ids: Sequence[int], *, on: date) -> None:
    """End every assignment to some grids; one that began the same day never was."""
    values = {"c": community_id, "grids": list(grid_ids), "on": on}
    where = "WHERE community_id = :c AND grid_id = ANY(:grids) AND (valid_to IS NULL OR valid_to > :on)"
    con.execute(text(f"DELETE FROM worker_assignment {where} AND valid_from >= :on"), values)
    con.execute(text(f"UPDATE worker_assignment SET valid_to = :on {where}"), values)


def begin_duty(con: Connection, community_id: int, worker_id: int, grid_id: int, *, on: date, at: datetime) -> None:
    """Let a worker be the main worker of a grid from a day on."""
    con.execute(
        text(
            "INSERT INTO worker_assignment (community_id, worker_id, grid_id, valid_from, recorded_at)"
            " VALUES (:c, :w, :g, :on, :at)"
        ),
        {"c": community_id, "w": worker_id, "g": grid_id, "on": on, "at": at},
    )


def duties(con: Connection, community_id: int, grid_ids: Sequence[int], *, on: date) -> list[tuple[int, int, str, str]]:
    """Return (grid, worker, his name, duty) of those who work in some grids on a day, main workers first."""
    rows = con.execute(
        text(
            "SELECT a.grid_id, a.worker_id, w.name, a.duty FROM worker_assignment AS a"
            " JOIN worker AS w ON w.community_id = a.community_id AND w.id = a.worker_id"
            " WHERE a.community_id = :c AND a.grid_id = ANY(:grids)"
            " AND a.valid_from <= :on AND (a.valid_to IS NULL OR a.valid_to > :on)"
            " ORDER BY a.grid_id, a.duty <> 'main', a.worker_id"
        ),
        {"c": community_id, "grids": list(grid_ids), "on": on},
    )
    return [tuple(row) for row in rows]


def worker_names(con: Connection, community_id: int, ids: Sequence[int]) -> dict[int, str]:
    """Return the names of workers."""
    query = "SELECT id, name FROM worker WHERE community_id = :c AND id = ANY(:ids)"
    return {row[0]: row[1] for row in con.execute(text(query), {"c": community_id, "ids": list(ids)})}
