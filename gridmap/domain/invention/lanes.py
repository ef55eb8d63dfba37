"""Self-built quarters: narrow lanes cut the ground, then lots, and each owner built to his limit."""

from __future__ import annotations

import numpy as np
from shapely import LineString, Point, Polygon
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

from gridmap.domain.invention.shapes import compactness, cut, join, largest, lines, long_axis, nearest, polygons
from gridmap.domain.invention.sheet import Compound, Ground, House, Sheet

LOT_M2 = 215.0  # a self-built house and its yard
STRIP_WIDTH_M, STRIP_LENGTH_M = 30.0, 75.0  # between lanes: two houses deep
LANE_M, ALLEY_M = 3.4, 2.8
LINK_M = 24.0  # a lane that ends this near a street leads into it
FLOORS, FLOOR_SHARE = (2, 3, 4, 5, 6), (0.12, 0.28, 0.32, 0.2, 0.08)  # assumption
EMPTY_SHARE = 0.06  # of the lots


def lanes(sheet: Sheet, ground: Ground) -> None:
    """Fill the part of a plot next to a street with lanes and houses; the rest is gardens."""
    _quarter(sheet, ground, steps=False)


def slope(sheet: Sheet, ground: Ground) -> None:
    """Fill a plot at the foot of a hill: the lanes that climb it are stairs."""
    _quarter(sheet, ground, steps=True)


def _quarter(sheet: Sheet, ground: Ground, *, steps: bool) -> None:
    plot, site = ground.plot, ground.shape
    streets = join([street.line for street in ground.streets])
    heart = nearest(streets, Point(plot.at))
    strips: list[Polygon] = []
    ways: list[LineString] = []
    for piece in polygons(sheet.free(site, 1.5).buffer(-0.8).buffer(0.6)):
        _strips(sheet.rng, piece, plot.turn, strips, ways)
    strips.sort(key=lambda strip: strip.distance(heart))
    strips = strips[: int(np.ceil(len(strips) * plot.share))]
    built = largest(join([strip.buffer(6.0) for strip in strips]).intersection(site))
    sheet.compounds.append(Compound(plot.name, "lane", plot.year, plot.committee, built))
    fields = sheet.free(site, 4.0).difference(built.buffer(3.0)).buffer(-3.0).buffer(3.0)
    sheet.areas += [("", "green", field) for field in polygons(fields) if field.area > 300]
    _houses(sheet, ground, strips, len(sheet.compounds) - 1)
    _ways(sheet, plot.name, [p for way in ways for p in lines(way.intersection(built))], streets, steps=steps)


def _houses(sheet: Sheet, ground: Ground, strips: list[Polygon], compound: int) -> None:
    plot = ground.plot
    lots: list[Polygon] = []
    for strip in strips:
        _lots(sheet.rng, strip, lots)
    for lot in lots:
        shape = lot.buffer(-float(sheet.rng.uniform(0.35, 0.9)), join_style="mitre").simplify(0.2)
        floors = int(sheet.rng.choice(FLOORS, p=FLOOR_SHARE))
        usable = isinstance(shape, Polygon) and shape.area > 45 and compactness(shape) > 0.45
        if sheet.rng.random() > EMPTY_SHARE and usable:
            sheet.houses.append(House(largest(shape), "lane", plot.grid, plot.name, floors, 1, compound=compound))


def _ways(sheet: Sheet, name: str, ways: list[LineString], streets: BaseGeometry, *, steps: bool) -> None:
    """Draw the lanes of a quarter; one that ends near a street leads into it where no house is in the way."""
    houses = sheet.built().buffer(0.4)
    for way in ways:
        rise = abs(way.coords[-1][1] - way.coords[0][1])
        kind = "steps" if steps and rise > 0.7 * way.length else "footway"
        sheet.pave(name, kind, way)
        for end in (Point(way.coords[0]), Point(way.coords[-1])):
            link = LineString([end, nearest(streets, end)])
            if 0.01 < link.length < LINK_M and not link.intersects(houses):
                sheet.pave(name, kind, link)


def _strips(
    rng: np.random.Generator, piece: Polygon, turn: float, strips: list[Polygon], ways: list[LineString]
) -> None:
    """Cut a plot by lanes until each strip is two houses deep; record the lanes."""
    angle, length, width = long_axis(piece)
    if piece.area < 260 or compactness(piece) < 0.08:
        return
    if width < STRIP_WIDTH_M and length < STRIP_LENGTH_M:
        strips.append(piece)
        return
    slant = float(rng.normal(turn * 0.1, 3.0))
    along = width >= STRIP_WIDTH_M and (length < 1.5 * width or rng.random() < 0.5)
    direction, spread = (angle + slant, width) if along else (angle + 90 + slant, length)
    across = np.radians(direction + 90)
    share = float(rng.uniform(-0.12, 0.12))
    at = translate(piece.centroid, share * spread * np.cos(across), share * spread * np.sin(across))
    dx, dy = np.cos(np.radians(direction)) * 500, np.sin(np.radians(direction)) * 500
    knife = LineString([(at.x - dx, at.y - dy), (at.x + dx, at.y + dy)])
    ways += lines(knife.intersection(piece.buffer(1.8)))
    for part in cut(piece, at, direction, LANE_M if piece.area > 4000 else ALLEY_M):
        _strips(rng, part, turn, strips, ways)


def _lots(rng: np.random.Generator, piece: Polygon, lots: list[Polygon]) -> None:
    """Cut a strip into lots of about ``LOT_M2``."""
    angle, length, _ = long_axis(piece)
    if piece.area < LOT_M2 * rng.uniform(1.25, 1.75) or length < 12:
        lots += [piece] if piece.area > 50 else []
        return
    share = float(rng.uniform(-0.1, 0.1)) * length
    at = translate(piece.centroid, share * np.cos(np.radians(angle)), share * np.sin(np.radians(angle)))
    for part in cut(piece, at, angle + 90 + float(rng.normal(0, 2.5)), 0.25):
        _lots(rng, part, lots)
