"""Vector tiles, each made by one statement in one round trip.

What makes them quick (each measured): stored Web Mercator copies, so that no row is transformed; an index that begins
with the community, so that the row policy is part of the index condition; bounds in scalar sub-selects, computed once
and not per row; a prepared statement per database role (one for several roles would be planned anew at each change of
role, because its row policies differ); a binary cursor. The bounds reach 64 units beyond the tile, or symbols would
be cut at its edges.
"""

from __future__ import annotations

from datetime import date
from functools import cache

from psycopg.types.numeric import Int4, Int8

from gridmap.domain.actors import Actor, Role
from gridmap.domain.groups import SHARED_BITS
from gridmap.domain.tiles import Layer, Tile
from gridmap.store.database import Database
from gridmap.store.rights import DATABASE_ROLE

EXTENT = 4096  # units along a tile's edge
MARGIN = 64  # units drawn beyond it
PIXEL_M = 40_075_016.68557849 / 256  # Web Mercator metres of one pixel at zoom 0 (2 pi 6378137 / 256)

BOX = "(SELECT ST_TileEnvelope(%(z)s, %(x)s, %(y)s))"
REACH = f"(SELECT ST_TileEnvelope(%(z)s, %(x)s, %(y)s, margin => {MARGIN}.0/{EXTENT}))"

# What the household is on the day: the domain decided three states and two dates, this only compares.
STATE = (
    "CASE WHEN due_on IS NULL OR %(on)s < due_on THEN state_fresh"
    " WHEN overdue_on IS NULL OR %(on)s < overdue_on THEN state_due ELSE state_late END"
)

MAIN_STREETS = "kind IN ('primary', 'secondary')"
DRIVABLE = "kind IN ('primary', 'secondary', 'residential', 'pedestrian')"


def _layer(
    name: str, table: str, columns: str, *, where: str = "true", coarse: bool = False, with_id: bool = False
) -> str:
    """Return SQL for one layer of a tile.

    ``coarse`` drops vertices and shapes too small to be seen. ``with_id`` makes ``id`` the feature's own id: a
    property with a value of its own for each feature costs a quarter of a dense tile's bytes and time.
    """
    shape = "shape_3857"
    if coarse:
        shape = "ST_Simplify(shape_3857, %(pixel)s)"
    own = ", 'id'" if with_id else ""
    return (
        f"SELECT ST_AsMVT(drawn, '{name}', {EXTENT}, 'shape'{own}) AS mvt FROM ("
        f"SELECT ST_AsMVTGeom({shape}, {BOX}, {EXTENT}, {MARGIN}, true) AS shape, {columns}"
        f" FROM {table} WHERE community_id = %(community)s AND shape_3857 && {REACH} AND {where}) drawn"
    )


def _base_layers(z: int) -> list[str]:
    """Return the layers of the base map at a zoom, lowest first."""
    coarse = z <= 13
    large = "greatest(ST_XMax(shape_3857) - ST_XMin(shape_3857), ST_YMax(shape_3857) - ST_YMin(shape_3857))"
    visible = f"{large} > 3 * %(pixel)s"
    streets = MAIN_STREETS if coarse else DRIVABLE if z == 14 else "true"
    layers = [
        _layer("area", "area", "kind, name", where=visible if coarse else "true", coarse=coarse),
        _layer("street", "street", "kind, name", where=streets, coarse=coarse),
    ]
    if z >= 13:
        layers.insert(1, _layer("compound", "compound", "id, kind, name", coarse=coarse))
    if z >= 14:
        layers.append(_layer("building", "building", "id, kind" + (", name, floors" if z >= 17 else "")))
        layers.append(_layer("place", "place", "kind, name"))
    if z >= 16:
        layers.append(_layer("barrier", "barrier", "kind"))
    return layers


def _zoom_class(z: int) -> int:
    """Return the zoom whose statement also serves ``z``: few statements are few plans to keep."""
    return min(max(z, 12), 17)


@cache
def _statement(layer: Layer, zoom_class: int, database_role: str, *, of_grids: bool) -> str:
    """Return the statement for one kind of tile; the comment keeps the prepared statements of roles apart."""
    grids = " AND grid_id = ANY(%(grids)s)" if of_grids else ""
    if layer is Layer.BASE:
        parts = _base_layers(zoom_class)
    elif layer is Layer.HOMES:
        parts = [_layer("home", "household", f"id, building_id AS b, {STATE} AS s", where="true" + grids, with_id=True)]
    else:
        shared = f"group_bits & {SHARED_BITS}"
        parts = [
            _layer(
                "group",
                "household",
                f"id, {shared} AS g",
                where=f"group_bits <> 0 AND {shared} <> 0" + grids,
                with_id=True,
            )
        ]
    whole = " || ".join(f"coalesce(({part}), '')" for part in parts)
    return f"/* {database_role} */ SELECT {whole}"


def values(actor: Actor, tile: Tile, on: date) -> dict[str, object]:
    """Return the statement's values, typed as the columns are.

    A plain small number would be sent as smallint: then the community could not be a condition of the index, and
    each width would be a statement of its own to prepare.
    """
    return {
        "z": Int4(tile.z),
        "x": Int4(tile.x),
        "y": Int4(tile.y),
        "community": Int4(actor.community_id),
        "on": on,
        "grids": [Int8(grid_id) for grid_id in sorted(actor.grid_ids)],
        "pixel": PIXEL_M / 2**tile.z,
    }


def statement(actor: Actor, tile: Tile) -> str:
    """Return the SQL that draws a tile for an actor."""
    of_grids = actor.role is Role.WORKER and tile.layer is not Layer.BASE
    return _statement(tile.layer, _zoom_class(tile.z), DATABASE_ROLE[actor.role], of_grids=of_grids)


def read(database: Database, actor: Actor, tile: Tile, on: date) -> bytes:
    """Return one tile as the actor may see it; empty when nothing of his lies there."""
    made = database.ask(actor, statement(actor, tile), values(actor, tile, on))
    return bytes(made[0]) if made else b""
