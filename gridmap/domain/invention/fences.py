"""How a compound meets the town: its wall, its gates, the way out."""

from __future__ import annotations

import shapely
from shapely import LineString, Point, Polygon
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

from gridmap.domain.invention.shapes import join, nearest
from gridmap.domain.invention.sheet import Compound, Ground, Sheet

GATE_HALF_WIDTH_M = 4.5
LONGEST_WAY_OUT_M = 70.0


def enclose(sheet: Sheet, ground: Ground, yard: Polygon, kind: str, ways: list[LineString], wall: str = "wall") -> int:
    """Draw a compound, its ways and its wall, which opens where a way passes; return the compound's number."""
    plot = ground.plot
    sheet.compounds.append(Compound(plot.name, kind, plot.year, plot.committee, yard))
    sheet.wall(yard.exterior.difference(join([way.buffer(GATE_HALF_WIDTH_M) for way in ways])), wall)
    for way in ways:
        sheet.pave("", "service", way)
        crossing = shapely.get_coordinates(way.intersection(yard.exterior))
        if len(crossing):
            sheet.places.append((f"{plot.name}大门", "gate", Point(crossing[0])))
    return len(sheet.compounds) - 1


def way_out(inside: Point, yard: Polygon, ground: Ground, avoid: BaseGeometry) -> list[LineString]:
    """Return the shortest straight way from a point to a street that passes ``avoid`` by; none when all are long."""
    ways = []
    for street in ground.streets:
        near = nearest(street.line, inside)
        beyond = translate(near, (near.x - inside.x) * 0.02, (near.y - inside.y) * 0.02)
        way = LineString([inside, near])
        clear = not LineString([inside, beyond]).buffer(2.5).intersects(avoid)
        if clear and way.length < LONGEST_WAY_OUT_M and way.crosses(yard.exterior):
            ways.append(way)
    return sorted(ways, key=lambda way: way.length)[:1]
