"""What one may ask of the map's tiles.

The one wish that takes the database instead of a connection: a tile is one statement, and its transaction, rights and
all, is one round trip.
"""

from __future__ import annotations

from datetime import date

from gridmap.domain.actors import Actor, Role
from gridmap.domain.tiles import Layer, Tile
from gridmap.errors import NotFound
from gridmap.services import access
from gridmap.store import tiles as store
from gridmap.store.database import Database

MAY_SEE = {
    Layer.BASE: tuple(Role),
    Layer.HOMES: (Role.SECRETARY, Role.CLERK, Role.WORKER, Role.PLANNER),
    Layer.GROUPS: (Role.SECRETARY, Role.CLERK, Role.WORKER),
}


def tile(database: Database, actor: Actor, *, wanted: Tile, on: date) -> bytes:
    """Return one tile as the actor may see it on a day, as Mapbox vector tile bytes; empty when nothing lies there."""
    access.require(actor, *MAY_SEE[wanted.layer])
    if not wanted.exists:
        raise NotFound("没有这张地图切片")
    return store.read(database, actor, wanted, on)
