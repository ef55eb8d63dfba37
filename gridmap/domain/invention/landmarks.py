"""What a town has once: the school, the government service centre, the square of the party-mass centre, the clinic."""

from __future__ import annotations

import shapely
from shapely import LineString, Point, Polygon
from shapely.affinity import rotate

from gridmap.domain.invention.fences import GATE_HALF_WIDTH_M, way_out
from gridmap.domain.invention.shapes import curve, join, largest, nearest, soften, turned
from gridmap.domain.invention.sheet import Ground, Sheet
from gridmap.domain.invention.walkups import walkups


def stadium(x: float, y: float, turn: float, *, straight_m: float, radius_m: float) -> Polygon:
    """Return the outer edge of a running track with ``straight_m`` and ``radius_m`` of its inner line."""
    shape = LineString([(x - straight_m / 2, y), (x + straight_m / 2, y)]).buffer(radius_m + 9.8, quad_segs=12)
    return rotate(largest(shape), turn, origin=(x, y))


def school(sheet: Sheet, ground: Ground) -> None:
    """Draw a school: a track, teaching blocks around a yard, a fence with a gate."""
    plot, site = ground.plot, ground.shape
    at = site.centroid
    sheet.areas.append((plot.name, "school", site))
    track = stadium(at.x - 2, at.y + 22, plot.turn, straight_m=46, radius_m=20)
    sheet.areas.append(("", "pitch", largest(track.intersection(site.buffer(-4)))))
    for i, (x, y, width, depth) in enumerate(
        ((-52, -60, 46, 11), (2, -60, 44, 11), (-52, -42, 11, 17), (35, -42, 11, 17))
    ):
        block = shapely.box(at.x + x, at.y + y, at.x + x + width, at.y + y + depth)
        name = f"{plot.name}{'一二三四'[i]}号教学楼"
        sheet.build_public(plot.grid, name, turned(block, plot.turn, at), 4, site)
    front = turned(LineString([(at.x - 2, at.y - 66), (at.x - 2, at.y - 32)]), plot.turn, at)
    sheet.pave("", "footway", front)
    ways = way_out(Point(front.coords[0]), site, ground, join([track.buffer(4), sheet.built()]))
    sheet.wall(site.exterior.difference(join([way.buffer(GATE_HALF_WIDTH_M) for way in ways])), "fence")
    for way in ways:
        sheet.pave("", "service", way)
    sheet.places.append((plot.name, "school", Point(front.coords[-1])))


def government(sheet: Sheet, ground: Ground) -> None:
    """Draw the city's government service centre on a square, and flats behind it."""
    west, south, _, _ = ground.shape.bounds
    at = Point(west + 62, south + 55)
    square = largest(ground.shape.intersection(shapely.box(west, south, west + 125, south + 105)))
    sheet.areas.append(("政务广场", "plaza", square))
    hall = join(
        [shapely.box(at.x - 40, at.y + 8, at.x + 40, at.y + 30), shapely.box(at.x - 18, at.y - 6, at.x + 18, at.y + 34)]
    )
    sheet.build_public(ground.plot.grid, "市政务服务中心", largest(hall), 8, square)
    sheet.places.append(("市政务服务中心", "government", Point(at.x, at.y - 6)))
    walkups(sheet, _rest(ground, square))


def centre(sheet: Sheet, ground: Ground) -> None:
    """Draw the party-mass service centre and the market on a square, flats behind them."""
    west, south, _, _ = ground.shape.bounds
    square = largest(ground.shape.intersection(shapely.box(west, south, west + 110, south + 74)))
    sheet.areas.append(("红马甲广场", "plaza", square))
    x, y = west + 24, south + 20
    hall = join([shapely.box(x, y + 14, x + 46, y + 30), shapely.box(x, y, x + 14, y + 30)])
    sheet.build_public(ground.plot.grid, "南山社区党群服务中心", largest(hall), 4, square)
    sheet.places.append(("南山社区党群服务中心", "service_centre", Point(x + 16, y + 12)))
    sheet.build_public(ground.plot.grid, "南山农贸市场", shapely.box(x + 54, y, x + 80, y + 36), 2, square)
    sheet.places.append(("南山农贸市场", "market", Point(x + 67, y)))
    walkups(sheet, _rest(ground, square))


def _rest(ground: Ground, square: Polygon) -> Ground:
    """Return the ground a square leaves."""
    return Ground(ground.plot, largest(ground.shape.difference(square.buffer(5))), ground.streets)


def clinic(sheet: Sheet, ground: Ground) -> None:
    """Draw the clinic and a kindergarten in a garden."""
    plot, site = ground.plot, ground.shape
    sheet.areas.append(("", "green", site))
    at = site.centroid
    for name, kind, x in ((plot.name, "clinic", -62.0), ("柿花幼儿园", "school", 10.0)):
        west = at.x + x
        house = join(
            [shapely.box(west, at.y - 8, west + 44, at.y + 6), shapely.box(west + 32, at.y - 24, west + 44, at.y + 6)]
        )
        sheet.build_public(plot.grid, name, turned(largest(house), plot.turn, at), 3, site)
        sheet.places.append((name, kind, turned(Point(west + 20, at.y - 12), plot.turn, at)))


def green(sheet: Sheet, ground: Ground) -> None:
    """Leave a plot to trees and grass; a hill or garden with a name gets a way around it and ways to its middle."""
    plot, site = ground.plot, ground.shape
    sheet.areas.append((plot.name, "green", site))
    if not plot.name:
        return
    loop = soften(largest(site.buffer(-24)), 12)
    sheet.pave("", "path", loop.exterior.simplify(0.4))
    top = site.representative_point()
    for street in ground.streets[:3]:
        foot = nearest(street.line, top)
        on_loop = nearest(loop.exterior, foot)
        sheet.pave("", "path", LineString([foot, on_loop]))
        aside = (on_loop.y - top.y) * 0.18, (top.x - on_loop.x) * 0.18
        bend = ((on_loop.x + top.x) / 2 + aside[0], (on_loop.y + top.y) / 2 + aside[1])
        up = curve(((on_loop.x, on_loop.y), bend, (top.x, top.y)), step_m=4)
        sheet.pave("", "steps" if plot.name.endswith("山") else "path", up)
