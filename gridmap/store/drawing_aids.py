"""What the editor of borders has at hand: streets and walls near by, the ground of buildings and compounds, workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import shapely
from shapely import LineString, Polygon
from sqlalchemy import Connection, text

from gridmap.domain.crs import STORE_SRID

Box = tuple[float, float, float, float]  # west, south, east, north in degrees

_BOX = f"ST_MakeEnvelope(:w, :s, :e, :n, {STORE_SRID})"
# Only the tables' names differ; both are ours.
_SHAPES = {
    "building": "SELECT id, name, ST_AsBinary(shape) FROM building",
    "compound": "SELECT id, name, ST_AsBinary(shape) FROM compound",
}


@dataclass(frozen=True)
class Ground:
    """The ground of one building or compound, degrees."""

    ground_id: int
    name: str
    shape: Polygon


def _polygon(wkb: bytes) -> Polygon:
    found = shapely.from_wkb(bytes(wkb))
    if not isinstance(found, Polygon):
        raise TypeError(f"no polygon: {found.geom_type}")
    return found


def lines(con: Connection, community_id: int, box: Box, *, most: int) -> list[LineString]:
    """Return the streets and walls that meet a box of degrees."""
    query = text(
        f"SELECT ST_AsBinary(path) FROM street WHERE community_id = :c AND path && {_BOX}"
        f" UNION ALL SELECT ST_AsBinary(path) FROM barrier WHERE community_id = :c AND path && {_BOX} LIMIT :most"
    )
    values = {"c": community_id, "most": most, **dict(zip("wsen", box, strict=True))}
    found = (shapely.from_wkb(bytes(row[0])) for row in con.execute(query, values))
    return [line for line in found if isinstance(line, LineString)]


def at(con: Connection, community_id: int, unit: str, lon: float, lat: float) -> Ground | None:
    """Return the building or compound at a place; None where there is none."""
    query = text(
        f"{_SHAPES[unit]} WHERE community_id = :c AND ST_Covers(shape, ST_SetSRID(ST_MakePoint(:x, :y), {STORE_SRID}))"
        " ORDER BY ST_Area(shape), id LIMIT 1"
    )
    row = con.execute(query, {"c": community_id, "x": lon, "y": lat}).one_or_none()
    return Ground(row[0], row[1], _polygon(row[2])) if row else None


def of(con: Connection, community_id: int, unit: str, ids: Sequence[int]) -> list[Ground]:
    """Return the ground of some buildings or compounds, by id."""
    query = text(f"{_SHAPES[unit]} WHERE community_id = :c AND id = ANY(:ids) ORDER BY id")
    rows = con.execute(query, {"c": community_id, "ids": list(ids)})
    return [Ground(row[0], row[1], _polygon(row[2])) for row in rows]


def buildings_near(con: Connection, community_id: int, box: Box, *, but: Sequence[int], most: int) -> list[Polygon]:
    """Return the footprints of other buildings that meet a box of degrees."""
    query = text(
        f"SELECT ST_AsBinary(shape) FROM building WHERE community_id = :c AND shape && {_BOX} AND id <> ALL(:but)"
        " ORDER BY id LIMIT :most"
    )
    values = {"c": community_id, "but": list(but), "most": most, **dict(zip("wsen", box, strict=True))}
    return [_polygon(row[0]) for row in con.execute(query, values)]


def workers(con: Connection, community_id: int) -> list[tuple[int, str]]:
    """Return the workers, id and name."""
    query = text("SELECT id, name FROM worker WHERE community_id = :c ORDER BY name, id")
    return [(row[0], row[1]) for row in con.execute(query, {"c": community_id})]


def posts(con: Connection, community_id: int, keys: Sequence[int], *, on: date) -> dict[int, tuple[str, str]]:
    """Return code and main worker ("" = nobody) of some grids on a day, by id."""
    query = text(
        "SELECT g.id, g.code, coalesce((SELECT min(w.name) FROM worker_assignment AS a"
        " JOIN worker AS w ON w.community_id = a.community_id AND w.id = a.worker_id"
        " WHERE a.community_id = g.community_id AND a.grid_id = g.id AND a.duty = 'main'"
        " AND a.valid_from <= :on AND (a.valid_to IS NULL OR a.valid_to > :on)), '')"
        " FROM grid AS g WHERE g.community_id = :c AND g.id = ANY(:keys)"
    )
    rows = con.execute(query, {"c": community_id, "keys": list(keys), "on": on})
    return {row[0]: (row[1], row[2]) for row in rows}
