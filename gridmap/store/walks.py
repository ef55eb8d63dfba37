"""Named reads of what lies about a walk: gates on the network, and the ground for paper."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, literal, or_, select

from gridmap.domain.crs import STORE_SRID, TILE_SRID
from gridmap.domain.walks import Box, Gate, Ground, Piece
from gridmap.store.tables import area, barrier, building, compound, street, street_edge

MOST_GATES = 200
DIGITS = 6  # of a degree: a decimetre


def _in(table: Table, box: Box) -> ColumnElement[bool]:
    """Return the condition that a shape may touch the box; the index is on the copy in Web Mercator."""
    frame = func.ST_Transform(func.ST_MakeEnvelope(*box, STORE_SRID), TILE_SRID)
    return table.c.shape_3857.op("&&")(frame)


def gates(con: Connection, community_id: int, *, on: date, box: Box) -> list[Gate]:
    """Return the gates within a box as they stand on a day, by id."""
    e = street_edge.c
    middle = func.ST_LineInterpolatePoint(e.path, 0.5)
    rows = con.execute(
        select(func.ST_X(middle), func.ST_Y(middle), e.opens_min, e.closes_min, e.walk_s, e.walk_back_s)
        .where(
            e.community_id == community_id,
            e.kind == "gate",
            e.valid_from <= on,
            or_(e.valid_to.is_(None), e.valid_to > on),
            _in(street_edge, box),
        )
        .order_by(e.id)
        .limit(MOST_GATES)
    )
    return [
        Gate(lon, lat, opens, closes, there is None and back is None) for lon, lat, opens, closes, there, back in rows
    ]


def _pieces(
    con: Connection, community_id: int, table: Table, shape: str, box: Box, *, named: bool
) -> tuple[Piece, ...]:
    c = table.c
    name = func.coalesce(c.name, "") if named else literal("")
    rows = con.execute(
        select(c.id, c.kind, name, func.ST_AsGeoJSON(c[shape], DIGITS))
        .where(c.community_id == community_id, _in(table, box))
        .order_by(c.id)
    )
    return tuple(Piece(kind, words, _line(json.loads(drawn)), id_) for id_, kind, words, drawn in rows)


def _line(drawn: dict[str, Any]) -> tuple[tuple[float, float], ...]:
    points = drawn["coordinates"][0] if drawn["type"] == "Polygon" else drawn["coordinates"]
    return tuple((lon, lat) for lon, lat in points)


def ground(con: Connection, community_id: int, *, box: Box) -> Ground:
    """Return areas, compounds, streets, barriers and buildings that touch a box."""
    return Ground(
        areas=_pieces(con, community_id, area, "shape", box, named=True),
        compounds=_pieces(con, community_id, compound, "shape", box, named=True),
        streets=_pieces(con, community_id, street, "path", box, named=True),
        barriers=_pieces(con, community_id, barrier, "path", box, named=False),
        buildings=_pieces(con, community_id, building, "shape", box, named=True),
    )
