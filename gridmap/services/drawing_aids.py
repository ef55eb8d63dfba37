"""What the editor of borders has at hand: streets and walls near by, the ground of buildings and compounds, workers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

import numpy as np
import shapely
from shapely import LineString
from sqlalchemy import Connection

from gridmap.domain import partition
from gridmap.domain.actors import Actor
from gridmap.domain.partition.operations import MAX_SHAPES
from gridmap.errors import BadInput, NotFound
from gridmap.services import access
from gridmap.services.editing import EDITORS, READERS
from gridmap.store import drawing_aids as store
from gridmap.store.drawing_aids import Box, Ground

UNITS = ("building", "compound")
MOST_LINES = 6_000  # to snap to at once
MOST_OTHERS = 4_000  # footprints around those that are given
SNAP_M = 9.0  # a drawn point goes to a street or a wall no farther away
AROUND = 0.0015  # degrees (about 150 m) around buildings: those between them and the receiving grid


def _checked(unit: str) -> str:
    if unit not in UNITS:
        raise BadInput("请选择按楼栋还是按小区划转")
    return unit


def lines(con: Connection, actor: Actor, *, box: Box) -> list[LineString]:
    """Return the streets and walls in a box of degrees (west, south, east, north)."""
    access.require(actor, *READERS)
    if not all(map(math.isfinite, box)) or box[0] > box[2] or box[1] > box[3]:
        raise BadInput("地图范围写得不对：要写成 西,南,东,北")
    return store.lines(con, actor.community_id, box, most=MOST_LINES)


def at(con: Connection, actor: Actor, *, unit: str, lon: float, lat: float) -> Ground:
    """Return the building or compound at a place.

    Raises
    ------
    NotFound
        When there is none.
    """
    access.require(actor, *READERS)
    found = store.at(con, actor.community_id, _checked(unit), lon, lat)
    if found is None:
        if unit == "compound":
            raise NotFound("这里没有小区，请点在小区里面")
        raise NotFound("这里没有楼栋，请点在楼栋上")
    return found


def give(con: Connection, actor: Actor, *, unit: str, ids: Sequence[int], to: int) -> partition.Give:
    """Return the operation that gives buildings or compounds to a grid.

    Raises
    ------
    BadInput
        When nothing, or too much, is chosen.
    NotFound
        When one of them does not exist.
    """
    access.require(actor, *EDITORS)
    if not 0 < len(ids) <= MAX_SHAPES:
        raise BadInput("一次请选 1 到 %(most)d 处", most=MAX_SHAPES)
    found = store.of(con, actor.community_id, _checked(unit), ids)
    if len(found) != len(set(ids)):
        raise NotFound("所选的楼栋或小区已经不在了，请重新选择")
    shapes = tuple(partition.whole(one.shape) for one in found)
    if unit == "compound":
        return partition.Give(shapes, to)
    west, south, east, north = shapely.total_bounds(np.array([one.shape for one in found], dtype=object)).tolist()
    box = (west - AROUND, south - AROUND, east + AROUND, north + AROUND)
    others = store.buildings_near(con, actor.community_id, box, but=ids, most=MOST_OTHERS)
    return partition.Give(shapes, to, tuple(partition.whole(shape) for shape in others))


def posts(con: Connection, actor: Actor, *, keys: Sequence[int], on: date) -> dict[int, tuple[str, str]]:
    """Return code and main worker ("" = nobody) of some grids on a day, by id."""
    access.require(actor, *READERS)
    return store.posts(con, actor.community_id, [key for key in keys if key > 0], on=on)


def snapped(con: Connection, actor: Actor, *, line: partition.Line) -> partition.Line:
    """Return a drawn line led onto the streets and walls it was drawn along; whole units."""
    access.require(actor, *EDITORS)
    xs, ys = zip(*line, strict=True)
    edge = AROUND * 1e7
    box = (min(xs) - edge, min(ys) - edge, max(xs) + edge, max(ys) + edge)
    west, south, east, north = (part / 1e7 for part in box)
    near = store.lines(con, actor.community_id, (west, south, east, north), most=MOST_LINES)
    targets = [shapely.transform(one, lambda at: np.rint(at * 1e7)) for one in near]
    return partition.snapped(line, targets, SNAP_M)


def workers(con: Connection, actor: Actor) -> list[tuple[int, str]]:
    """Return the workers a new grid can be given to, id and name."""
    access.require(actor, *EDITORS)
    return store.workers(con, actor.community_id)
