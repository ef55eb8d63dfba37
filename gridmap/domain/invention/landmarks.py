"""What a town has once: the park, the school, the government service centre, the square of the party-mass centre."""

from __future__ import annotations

import numpy as np
import shapely
from shapely import LineString, Point, Polygon
from shapely.affinity import rotate, translate

from gridmap.domain.invention.plan import Plot
from gridmap.domain.invention.quarters import walkups
from gridmap.domain.invention.shapes import curve, largest, lines, soften
from gridmap.domain.invention.sheet import House, Sheet

Bounds = list[tuple[str, str, LineString]]


def stadium(x: float, y: float, turn: float, *, straight_m: float = 84.4, radius_m: float = 36.5) -> Polygon:
    """Return the outer edge of a running track of 400 m (straight and radius of the World Athletics standard)."""
    shape = LineString([(x - straight_m / 2, y), (x + straight_m / 2, y)]).buffer(radius_m + 9.8, quad_segs=12)
    return rotate(shape, turn, origin=(x, y))


def school(sheet: Sheet, plot: Plot, site: Polygon, bounds: Bounds) -> None:
    """Draw the primary school: a track, teaching blocks, a gate."""
    sheet.areas.append((plot.name, "school", site))
    sheet.wall(site.exterior.difference(site.centroid.buffer(1)), "fence")
    at = site.centroid
    track = stadium(at.x - 8, at.y + 22, 3, straight_m=60, radius_m=26)
    sheet.areas.append(("", "pitch", track.intersection(site.buffer(-4))))
    for dx, dy, width, depth in ((-66, -62, 62, 12), (12, -62, 52, 12), (-66, -40, 12, 16), (58, -40, 12, 34)):
        shape = rotate(shapely.box(at.x + dx, at.y + dy, at.x + dx + width, at.y + dy + depth), 3, origin=at)
        _public(sheet, plot.grid, f"{plot.name}教学楼", shape, 4, site)
    _place(sheet, plot.name, "school", Point(at.x, at.y - 50))


def government(sheet: Sheet, plot: Plot, site: Polygon, bounds: Bounds) -> None:
    """Draw the city's government service centre on a square, and flats behind it."""
    west, south, east, _ = site.bounds
    at = Point(west + 62, south + 55)
    square = largest(site.intersection(shapely.box(west, south, west + 125, south + 105)))
    sheet.areas.append(("政务广场", "plaza", square))
    shape = shapely.union_all(
        [shapely.box(at.x - 40, at.y + 8, at.x + 40, at.y + 30), shapely.box(at.x - 18, at.y - 6, at.x + 18, at.y + 34)]
    )
    _public(sheet, plot.grid, "市政务服务中心", largest(shape), 8, square)
    _place(sheet, "市政务服务中心", "government", Point(at.x, at.y - 6))
    rest = largest(site.difference(square.buffer(6)))
    walkups(sheet, plot, rest, bounds)


def centre(sheet: Sheet, plot: Plot, site: Polygon, bounds: Bounds) -> None:
    """Draw the party-mass service centre, the market and the clinic along the street, flats behind them."""
    west, south, east, north = site.bounds
    corner = largest(site.intersection(shapely.box(west, south, west + 110, south + 74)))
    sheet.areas.append(("红马甲广场", "plaza", corner))
    x, y = west + 24, south + 20
    hall = shapely.union_all([shapely.box(x, y + 14, x + 46, y + 30), shapely.box(x, y, x + 14, y + 30)])
    _public(sheet, plot.grid, "南山社区党群服务中心", largest(hall), 4, corner)
    _place(sheet, "南山社区党群服务中心", "service_centre", Point(x + 16, y + 12))
    market = shapely.box(x + 54, y, x + 80, y + 36)
    _public(sheet, plot.grid, "南山农贸市场", market, 2, corner)
    _place(sheet, "南山农贸市场", "market", Point(market.centroid.x, y))
    walkups(sheet, plot, largest(site.difference(corner.buffer(5))), bounds)


def park(sheet: Sheet, plot: Plot, site: Polygon, bounds: Bounds) -> None:
    """Draw the sports park: stadium, courts, a pond, loops of paths, stairs up the hill, 14 facilities."""
    sheet.areas.append((plot.name, "park", site))
    at = site.centroid
    loop = soften(largest(site.buffer(-20)), 30)
    sheet.pave("环湖步道", "path", loop.exterior.simplify(0.5))
    track = stadium(at.x - 70, at.y + 78, -4)
    sheet.areas.append(("", "pitch", track))
    pond = Polygon(
        curve(
            tuple(
                (at.x + 120 + (58 + 12 * np.sin(3 * a)) * np.cos(a), at.y - 40 + (38 + 8 * np.cos(2 * a)) * np.sin(a))
                for a in np.linspace(0, 2 * np.pi, 14, endpoint=False)
            ),
            closed=True,
            step_m=6,
        )
    )
    sheet.areas.append(("镜湖", "water", pond))
    sheet.pave("湖滨小径", "path", pond.buffer(9).exterior.simplify(0.5))
    for i in range(6):
        court = rotate(translate(shapely.box(-14, -8, 14, 8), at.x - 140 + i % 3 * 34, at.y - 20 - i // 3 * 22), -4)
        sheet.areas.append(("", "pitch", court))
    axis = curve(((at.x - 8, at.y + 400), (at.x - 2, at.y + 60), (at.x + 30, at.y - 60), (at.x + 10, at.y - 400)))
    ways = [axis, curve(((at.x - 400, at.y + 10), (at.x - 120, at.y + 8), (at.x - 2, at.y + 20))),
            curve(((at.x + 20, at.y + 44), (at.x + 120, at.y + 36), (at.x + 420, at.y + 60)))]  # fmt: skip
    reach = site.buffer(14)
    for way in ways:
        sheet.pave("", "path", way.intersection(reach).difference(pond.buffer(8.9)))
    hall = rotate(shapely.box(at.x + 90, at.y + 80, at.x + 150, at.y + 118), -4)
    _public(sheet, plot.grid, "南山体育馆", hall, 2, site)
    _facilities(sheet, loop)


def _facilities(sheet: Sheet, loop: Polygon) -> None:
    """Set 8 vending machines, 3 lockers and 3 charging points beside the park's loop."""
    kinds = ["vending", "locker", "vending", "charging", "vending"] * 2 + ["vending", "locker", "vending", "charging"]
    word = {"vending": "自动售货机", "locker": "储物柜", "charging": "手机充电点"}
    seen: dict[str, int] = {}
    edge = loop.buffer(4).exterior
    for i, kind in enumerate(kinds):
        seen[kind] = seen.get(kind, 0) + 1
        spot = edge.interpolate((i + 0.5) / len(kinds), normalized=True)
        sheet.facilities.append((kind, f"{seen[kind]}号{word[kind]}", spot))


def green(sheet: Sheet, plot: Plot, site: Polygon, bounds: Bounds) -> None:
    """Leave a plot to trees and grass."""
    sheet.areas.append((plot.name, "green", site))


def _public(sheet: Sheet, grid: str, name: str, shape: Polygon, floors: int, ground: Polygon) -> None:
    if not sheet.build(House(shape, "public", grid, name, floors, 0, name=name), ground):
        raise ValueError(f"no room for {name}")


def _place(sheet: Sheet, name: str, kind: str, at: Point) -> None:
    sheet.places.append((name, kind, at))


def bank(sheet: Sheet, strip: Polygon) -> None:
    """Plant the river's bank."""
    for part in lines(strip.exterior)[:1]:
        sheet.areas.append(("", "green", Polygon(part)))
