"""Compounds of high-rise towers: far apart, a ring road inside the wall, gardens between."""

from __future__ import annotations

import numpy as np
import shapely
from shapely import LineString, Point, Polygon
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry
from shapely.prepared import prep

from gridmap.domain.invention.fences import enclose, way_out
from gridmap.domain.invention.shapes import join, largest, soften, turned
from gridmap.domain.invention.sheet import Ground, House, Sheet
from gridmap.domain.invention.trade import shop_row

ROW_M, COLUMN_M = 52.0, 48.0
HOMES_PER_FLOOR = 4
LAYOUTS = 60  # tried before the best is taken
GATES = 2

# One tower seen from above: two wings and a stair core; a door may be north or south of the core.
TOWER = largest(
    shapely.union_all(
        [
            shapely.box(-14, -7, 14, 6),
            shapely.box(-11, -10, -4, 9),
            shapely.box(4, -10, 11, 9),
            shapely.box(-3, 4, 3, 10),
        ]
    )
)
DOORS = (Point(0, 10), Point(0, -7))


def towers(sheet: Sheet, ground: Ground) -> None:
    """Fill a plot with a compound of towers."""
    shop_row(sheet, ground)
    plot = ground.plot
    yard = soften(largest(sheet.free(ground.shape, 3.0)), 5.0)
    ring = LineString(soften(largest(yard.buffer(-7)), 9.0).exterior.simplify(0.3).coords)
    about = yard.centroid
    spots = _spots(sheet.rng, turned(largest(Polygon(ring).buffer(-4.0)), -plot.turn, about))
    number = enclose(sheet, ground, yard, "tower", [ring, *_ways_out(sheet, ring, yard, ground)])
    shapes = [turned(translate(TOWER, at.x, at.y), plot.turn, about) for at in spots]
    for at, shape in zip(spots, shapes, strict=True):
        others = join([other for other in shapes if other is not shape])
        ways = [_front_way(turned(_front(at, door), plot.turn, about), ring) for door in DOORS]
        way = min(ways, key=lambda w: (w.intersects(others), w.length))
        floors = plot.size - 3 * int(sheet.rng.integers(0, 3))
        house = House(shape, "tower", plot.grid, plot.name, floors, HOMES_PER_FLOOR, has_lift=True, compound=number)
        house.doors = [("无", Point(way.coords[0]))]
        sheet.houses.append(house)
        if not way.intersects(others):
            sheet.pave("", "footway", way)
    sheet.plant(yard, at_least_m2=260)


def _spots(rng: np.random.Generator, flat: Polygon) -> list[Point]:
    """Return the middles of towers: the layout that holds most of them."""
    best: list[Point] = []
    for _ in range(LAYOUTS):
        shift_x, shift_y = rng.uniform(0, 1, 2)
        found = _lattice(flat, float(shift_x), float(shift_y))
        best = found if len(found) > len(best) else best
    return best


def _lattice(flat: Polygon, shift_x: float, shift_y: float) -> list[Point]:
    """Return the middles of towers set in staggered rows that fit."""
    west, south, east, north = flat.bounds
    room = prep(flat)
    rows = enumerate(np.arange(south + shift_y * ROW_M, north, ROW_M))
    spots = [
        Point(x, y) for row, y in rows for x in np.arange(west + (shift_x + row % 2 / 2 - 1) * COLUMN_M, east, COLUMN_M)
    ]
    return [at for at in spots if room.contains(translate(TOWER, at.x, at.y).buffer(2))]


def _ways_out(sheet: Sheet, ring: LineString, yard: Polygon, ground: Ground) -> list[LineString]:
    """Return a few ways from the ring road to the streets around."""
    blocked: BaseGeometry = join([sheet.river.buffer(6), sheet.built()])
    ways = [
        way
        for share in (0.02, 0.3, 0.55, 0.8)
        for way in way_out(ring.interpolate(share, normalized=True), yard, ground, blocked)
    ]
    return ways[:GATES]


def _front(at: Point, door: Point) -> LineString:
    """Return the line on which one looks straight out of a tower's door."""
    x, y = at.x + door.x, at.y + door.y
    return LineString([(x, y), (x, y + np.sign(door.y) * 400)])


def _front_way(front: LineString, ring: LineString) -> LineString:
    """Return the way from a door straight to the ring road."""
    start = Point(front.coords[0])
    hits = [Point(p) for p in shapely.get_coordinates(front.intersection(ring))]
    return LineString([start, min(hits, key=start.distance)])
