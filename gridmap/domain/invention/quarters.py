"""How each kind of quarter fills its plot: towers, walk-ups in rows, self-built lanes, shops along the pavement."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely
from shapely import LineString, Point, Polygon
from shapely.affinity import rotate, translate
from shapely.geometry.base import BaseGeometry
from shapely.ops import nearest_points
from shapely.prepared import prep

from gridmap.domain.invention.plan import HALF_WIDTH_M, Plot
from gridmap.domain.invention.shapes import (
    box_at,
    compactness,
    cut,
    frontage,
    largest,
    lines,
    long_axis,
    polygons,
    soften,
    turned,
)
from gridmap.domain.invention.sheet import House, Sheet

UNIT_M, SLAB_DEPTH_M, ROW_M = 14.0, 12.0, 36.0  # a walk-up: one stairwell's width, depth, row to row
TOWER_ROW_M, TOWER_COLUMN_M = 58.0, 54.0
SHOP_DEPTH_M = 12.0
LOT_M2 = 215.0  # a self-built house and its yard

# One tower seen from above: two wings and a stair core; the door is in the middle of the south side.
TOWER = shapely.union_all(
    [shapely.box(-14, -7, 14, 6), shapely.box(-11, -10, -4, 9), shapely.box(4, -10, 11, 9), shapely.box(-3, 4, 3, 10)]
)
TOWER_DOOR = Point(0, 10)


def enclose(sheet: Sheet, plot: Plot, site: Polygon, kind: str, gates: list[LineString]) -> int:
    """Draw a compound and its wall; the wall opens where a way passes. Return the compound's number."""
    sheet.compounds.append(
        {
            "name": plot.name,
            "kind": kind,
            "built_year": plot.year,
            "committee_since": plot.committee,
            "shape": site,
        }
    )
    openings = shapely.union_all([g.buffer(4.5) for g in gates]) if gates else Polygon()
    sheet.wall(site.exterior.difference(openings))
    for gate in gates:
        crossing = gate.intersection(site.exterior)
        if not crossing.is_empty:
            at = crossing if isinstance(crossing, Point) else next(iter(crossing.geoms))
            sheet.places.append((f"{plot.name}大门", "gate", Point(at.coords[0])))
    return len(sheet.compounds) - 1


def way_out(inside: Point, site: Polygon, streets: list[LineString], avoid: BaseGeometry) -> LineString | None:
    """Return the shortest straight way from a point to a street that passes ``avoid`` by."""
    ways = []
    for line in streets:
        near = nearest_points(line, inside)[0]
        way = LineString([inside, near])
        beyond = LineString([inside, translate(near, (near.x - inside.x) * 0.02, (near.y - inside.y) * 0.02)])
        if not beyond.buffer(2.5).intersects(avoid) and way.crosses(site.exterior):
            ways.append(way)
    return min(ways, key=lambda way: way.length) if ways else None


def shop_row(sheet: Sheet, plot: Plot, site: Polygon, bounds: list[tuple[str, str, LineString]]) -> None:
    """Line the pavement of the plot's shopping streets with narrow houses, shops below and homes above."""
    for name, kind, line in bounds:
        if name not in plot.shops:
            continue
        for side in (1.0, -1.0):
            widths = _shop_widths(sheet.rng)
            ground = sheet.free(site.buffer(0.05), 1.0)
            for shape in frontage(line, side * (HALF_WIDTH_M[kind] + 0.3), widths, SHOP_DEPTH_M):
                floors = int(sheet.rng.integers(3, 6))
                if sheet.rng.random() > 0.07:
                    sheet.build(House(shape, "shop", plot.grid, name, floors, 1), ground)


def _shop_widths(rng: np.random.Generator) -> Iterator[float]:
    while True:
        yield float(rng.uniform(13, 22))


def slab(x: float, y: float, units: int) -> tuple[Polygon, list[Point]]:
    """Return a walk-up of ``units`` stairwells that stand out to the north, and their doors."""
    body = box_at(x, y, units * UNIT_M, SLAB_DEPTH_M)
    middles = [x + (i + 0.5) * UNIT_M for i in range(units)]
    wells = [box_at(m - 1.6, y + SLAB_DEPTH_M - 0.5, 3.2, 2.0) for m in middles]
    return largest(shapely.union_all([body, *wells])), [Point(m, y + SLAB_DEPTH_M + 1.5) for m in middles]


def walkups(sheet: Sheet, plot: Plot, site: Polygon, bounds: list[tuple[str, str, LineString]]) -> None:
    """Fill a plot with parallel rows that face south, ways between them, a spine to the gates, a wall."""
    shop_row(sheet, plot, site, bounds)
    yard = largest(sheet.free(site, 3.0).buffer(-1.5).buffer(1.0))
    about = yard.centroid
    flat = turned(yard, -plot.turn, about)
    west, south, east, north = flat.bounds
    spine_x = west + (east - west) * float(sheet.rng.uniform(0.42, 0.58))
    spine = LineString([(spine_x, south - 60), (spine_x, north + 60)])
    ground = prep(flat.buffer(-1.5).difference(spine.buffer(6.0)))
    shift = max(np.linspace(0, ROW_M, 8, endpoint=False), key=lambda s: len(_rows(ground, flat.bounds, float(s))))
    placed = _rows(ground, flat.bounds, float(shift))
    taken = [turned(shape, plot.turn, about) for shape, _, _ in placed]
    gates = _spine_ways(sheet, turned(spine, plot.turn, about), yard, bounds, shapely.union_all(taken))
    number = enclose(sheet, plot, yard, "walkup", gates)
    for gate in gates:
        sheet.pave("", "service", gate)
    _row_paths(sheet, plot, flat, spine, placed, about)
    for (_, doors, units), shape in zip(placed, taken, strict=True):
        floors = plot.size - int(sheet.rng.random() < 0.12)
        house = House(largest(shape), "walkup", plot.grid, plot.name, floors, 2, compound=number)
        house.doors = [
            (f"{i + 1}单元" if units > 1 else "无", turned(door, plot.turn, about)) for i, door in enumerate(doors)
        ]
        sheet.houses.append(house)
    _green(sheet, yard)


def _rows(ground: object, bounds: tuple[float, ...], shift: float) -> list[tuple[Polygon, list[Point], int]]:
    """Pack slabs row by row into a prepared ground; long ones first."""
    west, south, east, north = bounds
    found = []
    y = south + shift
    while y + SLAB_DEPTH_M < north:
        x = west
        while x < east:
            for units in (3, 2):
                shape, doors = slab(x, y, units)
                if ground.contains(shape.buffer(1.0)):  # type: ignore[attr-defined]
                    found.append((shape, doors, units))
                    x += units * UNIT_M + 16.0
                    break
            else:
                x += 2.5
        y += ROW_M
    return found


def _spine_ways(
    sheet: Sheet,
    spine: BaseGeometry,
    yard: Polygon,
    bounds: list[tuple[str, str, LineString]],
    taken: BaseGeometry,
) -> list[LineString]:
    """Return the spine inside the yard, led out to the streets at its ends where nothing is in the way."""
    inside = max(lines(spine.intersection(yard.buffer(-3))), key=lambda part: part.length)
    blocked = shapely.union_all([taken, sheet.river.buffer(6), *[h.shape for h in sheet.houses]])
    streets = [line for _, kind, line in bounds if kind != "river"]
    ways = [inside]
    for end in (inside.coords[0], inside.coords[-1]):
        out = way_out(Point(end), yard, streets, blocked)
        if out is not None and out.length < 70:
            ways.append(out)
    return ways


def _row_paths(
    sheet: Sheet,
    plot: Plot,
    flat: BaseGeometry,
    spine: LineString,
    placed: list[tuple[Polygon, list[Point], int]],
    about: Point,
) -> None:
    """Draw a way along the doors of each row, from the spine to the row's ends."""
    x = spine.coords[0][0]
    for level in sorted({round(shape.bounds[1], 3) for shape, _, _ in placed}):
        row = [shape for shape, _, _ in placed if round(shape.bounds[1], 3) == level]
        y = level + SLAB_DEPTH_M + 4.5
        ends = [min(s.bounds[0] for s in row) + 3, max(s.bounds[2] for s in row) - 3, x]
        path = LineString([(min(ends), y), (max(ends), y)]).intersection(flat.buffer(-1))
        sheet.pave("", "footway", turned(path, plot.turn, about))


def _green(sheet: Sheet, yard: Polygon) -> None:
    """Plant a garden where a compound has room for one."""
    taken = [h.shape.buffer(5) for h in sheet.houses if h.shape.intersects(yard)]
    ways = [s.line.buffer(3.5) for s in sheet.streets if s.line.intersects(yard)]
    for patch in polygons(yard.buffer(-4).difference(shapely.union_all([*taken, *ways])).buffer(-5).buffer(4.5))[:3]:
        if patch.area > 260:
            sheet.areas.append(("", "green", patch.simplify(0.5)))


def towers(sheet: Sheet, plot: Plot, site: Polygon, bounds: list[tuple[str, str, LineString]]) -> None:
    """Fill a plot with high-rise towers far apart, a ring road inside the wall, gardens between."""
    shop_row(sheet, plot, site, bounds)
    yard = soften(largest(sheet.free(site, 3.0)), 5.0)
    ring = soften(largest(yard.buffer(-7)), 9.0).exterior.simplify(0.3)
    about = yard.centroid
    flat = turned(largest(Polygon(ring).buffer(-4.0)), -plot.turn, about)
    best: list[Point] = []
    for _ in range(60):
        shift = sheet.rng.uniform(0, 1, 2)
        found = _lattice(flat, float(shift[0]), float(shift[1]))
        best = found if len(found) > len(best) else best
    taken = []
    for spot in best:
        shape = turned(translate(TOWER, spot.x, spot.y), plot.turn, about)
        taken.append(largest(shape))
    gates = [LineString(ring)]
    streets = [line for _, kind, line in bounds if kind != "river"]
    blocked = shapely.union_all([sheet.river.buffer(6), *[h.shape for h in sheet.houses]])
    for share in (0.02, 0.3, 0.55, 0.8):
        out = way_out(ring.interpolate(share, normalized=True), yard, streets, blocked)
        if out is not None and out.length < 60 and len(gates) < 3:
            gates.append(out)
    number = enclose(sheet, plot, yard, "tower", gates)
    for gate in gates:
        sheet.pave("", "service", gate)
    for spot, shape in zip(best, taken, strict=True):
        floors = plot.size - 3 * int(sheet.rng.integers(0, 3))
        house = House(shape, "tower", plot.grid, plot.name, floors, 4, has_lift=True, compound=number)
        house.doors = [("无", turned(translate(TOWER_DOOR, spot.x, spot.y), plot.turn, about))]
        sheet.houses.append(house)
        way = LineString([house.doors[0][1], nearest_points(ring, house.doors[0][1])[0]])
        if way.length < 90 and not way.crosses(shapely.union_all([t for t in taken if t is not shape] or [Polygon()])):
            sheet.pave("", "footway", way)
    _green(sheet, yard)


def _lattice(flat: BaseGeometry, shift_x: float, shift_y: float) -> list[Point]:
    """Return the middles of towers set in staggered rows that fit."""
    west, south, east, north = flat.bounds
    ground, found = prep(flat), []
    for row, y in enumerate(np.arange(south + shift_y * TOWER_ROW_M, north, TOWER_ROW_M)):
        for x in np.arange(west + (shift_x + row % 2 / 2) * TOWER_COLUMN_M - TOWER_COLUMN_M, east, TOWER_COLUMN_M):
            if ground.contains(translate(TOWER, x, y).buffer(2)):
                found.append(Point(x, y))
    return found


def lanes(
    sheet: Sheet, plot: Plot, site: Polygon, bounds: list[tuple[str, str, LineString]], *, steps: bool = False
) -> None:
    """Fill a plot with self-built houses: narrow lanes cut it, then lots, each owner built to his limit."""
    shop_row(sheet, plot, site, bounds)
    ground = polygons(sheet.free(site, 1.5).buffer(-0.8).buffer(0.6))
    strips, ways = [], []
    for piece in ground:
        _strips(sheet.rng, piece, plot.turn, strips, ways)
    number = len(sheet.compounds)
    sheet.compounds.append(
        {"name": plot.name, "kind": "lane", "built_year": plot.year, "committee_since": "", "shape": site}
    )
    streets = shapely.union_all([line for _, kind, line in bounds if kind != "river"])
    heart = Point(plot.at)
    for way in ways:
        first, last = Point(way.coords[0]), Point(way.coords[-1])
        joined = [way]
        for end in (first, last):  # a lane that ends near a street leads into it
            near = nearest_points(streets, end)[0]
            if 0.01 < near.distance(end) < 22:
                joined.append(LineString([end, near]))
        kind = "steps" if steps and abs(way.coords[-1][1] - way.coords[0][1]) > 0.7 * way.length else "footway"
        for part in joined:
            sheet.pave(plot.name, kind, part)
    strips.sort(key=lambda strip: strip.distance(heart))
    built = int(np.ceil(len(strips) * plot.share))
    fields = shapely.union_all([strip.buffer(2.0) for strip in strips[built:]]).buffer(-2.5)
    sheet.areas += [("", "green", field) for field in polygons(fields) if field.area > 150]
    strips = strips[:built]
    lots: list[Polygon] = []
    for strip in strips:
        _lots(sheet.rng, strip, lots)
    for lot in lots:
        shape = lot.buffer(-float(sheet.rng.uniform(0.35, 0.9)), join_style="mitre").simplify(0.2)
        if shape.geom_type != "Polygon" or shape.area < 45 or compactness(shape) < 0.45 or sheet.rng.random() < 0.06:
            continue
        floors = int(sheet.rng.choice([2, 3, 4, 5, 6], p=[0.12, 0.28, 0.32, 0.2, 0.08]))
        sheet.houses.append(House(shape, "lane", plot.grid, plot.name, floors, 1, compound=number))


def _strips(
    rng: np.random.Generator, piece: Polygon, turn: float, strips: list[Polygon], ways: list[LineString]
) -> None:
    """Cut a plot by lanes until each strip is two houses deep; record the lanes."""
    angle, length, width = long_axis(piece)
    if piece.area < 260 or compactness(piece) < 0.08:
        return
    if width < 30 and length < 75:
        strips.append(piece)
        return
    middle = piece.centroid
    slant = float(rng.normal(turn * 0.1, 3.0))
    share = float(rng.uniform(-0.12, 0.12))
    if width >= 30 and (length < 1.5 * width or rng.random() < 0.5):
        direction, spread = angle + slant, width
    else:
        direction, spread = angle + 90 + slant, length
    across = np.radians(direction + 90)
    at = translate(middle, share * spread * np.cos(across), share * spread * np.sin(across))
    gap = 3.4 if piece.area > 4000 else 2.8
    parts = cut(piece, at, direction, gap)
    dx, dy = np.cos(np.radians(direction)) * 500, np.sin(np.radians(direction)) * 500
    knife = LineString([(at.x - dx, at.y - dy), (at.x + dx, at.y + dy)])
    ways += lines(knife.intersection(piece.buffer(1.8)))
    for part in parts:
        _strips(rng, part, turn, strips, ways)


def _lots(rng: np.random.Generator, piece: Polygon, lots: list[Polygon]) -> None:
    """Cut a strip into lots of about ``LOT_M2``."""
    angle, length, width = long_axis(piece)
    if piece.area < LOT_M2 * rng.uniform(1.25, 1.75) or length < 12:
        if piece.area > 50:
            lots.append(piece)
        return
    at = piece.centroid
    share = float(rng.uniform(-0.1, 0.1)) * length
    at = translate(at, share * np.cos(np.radians(angle)), share * np.sin(np.radians(angle)))
    for part in cut(piece, at, angle + 90 + float(rng.normal(0, 2.5)), 0.25):
        _lots(rng, part, lots)


def malls(sheet: Sheet, plot: Plot, site: Polygon, bounds: list[tuple[str, str, LineString]]) -> None:
    """Fill a plot of the commercial district: large blocks with shops below and flats above."""
    sheet.areas.append(("", "commercial", site))
    pieces = [site]
    while max(p.area for p in pieces) > 2600:
        pieces.sort(key=lambda p: p.area)
        piece = pieces.pop()
        angle, _, _ = long_axis(piece)
        pieces += [p for p in cut(piece, piece.centroid, angle + 90, 7.0) if p.area > 250]
    number = len(sheet.compounds)
    sheet.compounds.append(
        {"name": plot.name, "kind": "mixed", "built_year": plot.year, "committee_since": "", "shape": site}
    )
    for i, piece in enumerate(sorted(pieces, key=lambda p: p.centroid.x)):
        shape = soften(largest(piece.buffer(-1.5)), 2.0).simplify(0.3)
        floors = int(sheet.rng.integers(6, 10))
        house = House(shape, "shop", plot.grid, plot.name, floors, 5, has_lift=True, compound=number)
        house.name = f"{plot.name}{'ABCDEFGHJK'[i]}座"
        sheet.houses.append(house)


def unturned(shape: BaseGeometry, degrees: float) -> BaseGeometry:
    """Rotate about the middle of the shape itself."""
    return rotate(shape, degrees, origin="centroid")
