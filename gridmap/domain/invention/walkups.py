"""Compounds of walk-ups: parallel rows that face south, ways along the doors, a spine to the gates."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely
from shapely import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.prepared import PreparedGeometry, prep

from gridmap.domain.invention.fences import enclose, way_out
from gridmap.domain.invention.shapes import box_at, join, largest, lines, turned
from gridmap.domain.invention.sheet import Ground, House, Sheet
from gridmap.domain.invention.trade import shop_row

UNIT_M, SLAB_DEPTH_M, ROW_M, GAP_M = 14.0, 12.0, 33.0, 13.0  # one stairwell's width, depth, row to row, end to end
SPINE_HALF_WIDTH_M = 6.0
LOWER_SHARE = 0.12  # of the houses are one floor lower
HOMES_PER_FLOOR = 2  # behind each door


class Slab(NamedTuple):
    """One walk-up before it is turned: its shape and its doors, one for each stairwell."""

    shape: Polygon
    doors: list[Point]
    level: float


def slab(x: float, y: float, units: int) -> Slab:
    """Return a walk-up whose stairwells stand out to the north."""
    body = box_at(x, y, units * UNIT_M, SLAB_DEPTH_M)
    middles = [x + (i + 0.5) * UNIT_M for i in range(units)]
    wells = [box_at(m - 1.6, y + SLAB_DEPTH_M - 0.5, 3.2, 2.0) for m in middles]
    return Slab(largest(join([body, *wells])), [Point(m, y + SLAB_DEPTH_M + 1.5) for m in middles], y)


def walkups(sheet: Sheet, ground: Ground) -> None:
    """Fill a plot with a compound of walk-ups."""
    shop_row(sheet, ground)
    plot = ground.plot
    yard = largest(sheet.free(ground.shape, 3.0).buffer(-1.5).buffer(1.0))
    about = yard.centroid
    flat = turned(yard, -plot.turn, about)
    west, south, east, north = flat.bounds
    middle = west + (east - west) * float(sheet.rng.uniform(0.42, 0.58))
    spine = LineString([(middle, south - 60), (middle, north + 60)])
    slabs = _rows(flat, spine)
    shapes = [turned(s.shape, plot.turn, about) for s in slabs]
    ways = _spine_ways(sheet, turned(spine, plot.turn, about), yard, ground, join(shapes))
    number = enclose(sheet, ground, yard, "walkup", ways)
    for path in _row_paths(slabs, flat, middle):
        sheet.pave("", "footway", turned(path, plot.turn, about))
    for one, shape in zip(slabs, shapes, strict=True):
        floors = plot.size - int(sheet.rng.random() < LOWER_SHARE)
        house = House(shape, "walkup", plot.grid, plot.name, floors, HOMES_PER_FLOOR, compound=number)
        doors = [turned(door, plot.turn, about) for door in one.doors]
        house.doors = [(f"{i + 1}单元" if len(doors) > 1 else "无", door) for i, door in enumerate(doors)]
        sheet.houses.append(house)
    sheet.plant(yard, at_least_m2=260)


def _rows(flat: Polygon, spine: LineString) -> list[Slab]:
    """Return the rows that hold most houses among a few ways to begin them."""
    room = prep(flat.buffer(-1.5).difference(spine.buffer(SPINE_HALF_WIDTH_M)))
    tries = [_pack(room, flat.bounds, float(shift)) for shift in np.linspace(0, ROW_M, 8, endpoint=False)]
    return max(tries, key=len)


def _pack(room: PreparedGeometry[BaseGeometry], bounds: tuple[float, float, float, float], shift: float) -> list[Slab]:
    """Pack slabs row by row into a ground; long ones first."""
    west, south, east, north = bounds
    found = []
    y = south + shift
    while y + SLAB_DEPTH_M < north:
        x = west
        while x < east:
            units = next((u for u in (3, 2) if room.contains(_space(x, y, u))), 0)
            if units:
                found.append(slab(x, y, units))
            x += units * UNIT_M + GAP_M if units else 2.5
        y += ROW_M
    return found


def _space(x: float, y: float, units: int) -> Polygon:
    """Return the ground a slab needs, a step wider than itself."""
    return box_at(x - 1, y - 1, units * UNIT_M + 2, SLAB_DEPTH_M + 3.5)


def _spine_ways(
    sheet: Sheet, spine: LineString, yard: Polygon, ground: Ground, taken: BaseGeometry
) -> list[LineString]:
    """Return the spine inside the yard, led out to the streets at its ends where nothing is in the way."""
    inside = max(lines(spine.intersection(yard.buffer(-3))), key=lambda part: part.length)
    blocked = join([taken, sheet.river.buffer(6), sheet.built()])
    ways = [inside]
    for end in shapely.get_coordinates(inside)[[0, -1]]:
        ways += way_out(Point(end), yard, ground, blocked)
    return ways


def _row_paths(slabs: list[Slab], flat: Polygon, middle: float) -> list[BaseGeometry]:
    """Return a way along the doors of each row, from the spine to the row's ends."""
    paths = []
    for level in sorted({s.level for s in slabs}):
        row = [s.shape.bounds for s in slabs if s.level == level]
        y = level + SLAB_DEPTH_M + 4.5
        ends = [min(b[0] for b in row) + 3, max(b[2] for b in row) - 3, middle]
        paths.append(LineString([(min(ends), y), (max(ends), y)]).intersection(flat.buffer(-1)))
    return paths
