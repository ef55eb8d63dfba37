"""The invented town: blocks between streets, a quarter in each block, and what is left along the river."""

from __future__ import annotations

import numpy as np
import shapely
from shapely import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import substring

from gridmap.domain.invention import landmarks, lanes, park, plan, towers, trade, walkups
from gridmap.domain.invention.frames import frames
from gridmap.domain.invention.plan import HALF_WIDTH_M, PLOTS, Plot
from gridmap.domain.invention.shapes import SNAP_M, curve, join, largest, lines, polygons
from gridmap.domain.invention.sheet import Ground, Sheet, Street
from gridmap.domain.towns import Town

MEET_M = 30.0  # a planned street ends at another one this near

FILL = {
    "tower": towers.towers,
    "walkup": walkups.walkups,
    "lane": lanes.lanes,
    "slope": lanes.slope,
    "mall": trade.malls,
    "works": trade.works,
    "school": landmarks.school,
    "government": landmarks.government,
    "centre": landmarks.centre,
    "clinic": landmarks.clinic,
    "green": landmarks.green,
    "park": park.park,
}


def invent_town(seed: int) -> Town:
    """Draw the synthetic Nanshan Community: nothing on it exists, except names of offices published in the news.

    Parameters
    ----------
    seed : int
        The same seed draws the same town to the last digit.

    Returns
    -------
    Town
        EPSG:4490, rounded to 1e-7 degree; ``invented`` is 'all'.
    """
    outline = Polygon(curve(plan.OUTLINE, closed=True))
    middle = curve(plan.RIVER)
    sheet = Sheet(np.random.default_rng(seed), outline, largest(middle.buffer(plan.RIVER_HALF_WIDTH_M)))
    sheet.areas.append(("南溪", "water", largest(sheet.river.intersection(outline))))
    streets = _streets()
    blocks = _blocks(streets, middle, outline)
    for plot in PLOTS:
        FILL[plot.kind](sheet, _ground(sheet, plot, blocks[plot], streets, middle))
    for street in streets:
        sheet.pave(street.name, street.kind, street.line.intersection(outline))
    _banks(sheet, middle)
    return frames(sheet, blocks)


def _streets() -> list[Street]:
    """Return the planned streets; an end near another street is led exactly to it."""
    drawn = [curve(road.points) for road in plan.ROADS]
    met = []
    for i, (road, line) in enumerate(zip(plan.ROADS, drawn, strict=True)):
        others = join([other for k, other in enumerate(drawn) if k != i])
        met.append(Street(road.name, road.kind, _meet(_meet(line, others).reverse(), others).reverse()))
    return met


def _meet(line: LineString, others: BaseGeometry) -> LineString:
    """Lengthen or trim the end of a line so that it stops at the first street within reach."""
    (ax, ay), (bx, by) = line.coords[-2], line.coords[-1]
    stretch = MEET_M / float(np.hypot(bx - ax, by - ay))
    longer = LineString([*line.coords, (bx + (bx - ax) * stretch, by + (by - ay) * stretch)])
    hits = [longer.project(Point(p)) for p in shapely.get_coordinates(longer.intersection(others))]
    near = [hit for hit in hits if hit > line.length - MEET_M]
    return lines(substring(longer, 0, min(near)))[0] if near else line


def _blocks(streets: list[Street], middle: LineString, outline: Polygon) -> dict[Plot, Polygon]:
    """Return the block of each plot: what streets, river and outline enclose around its point.

    Raises
    ------
    ValueError
        When a block has no plot, or several: the plan must be changed.
    """
    edges = [street.line.intersection(outline) for street in streets]
    net = shapely.union_all([*edges, middle.intersection(outline), outline.exterior], grid_size=SNAP_M)
    found: dict[Plot, Polygon] = {}
    for face in polygons(shapely.polygonize([net])):
        inside = [plot for plot in PLOTS if face.contains(Point(plot.at))]
        if len(inside) != 1:
            at = shapely.maximum_inscribed_circle(face).coords[0]
            raise ValueError(f"{len(inside)} plots in the block around {at[0]:.0f}, {at[1]:.0f}: {face.area:.0f} m2")
        found[inside[0]] = face
    return found


def _ground(sheet: Sheet, plot: Plot, block: Polygon, streets: list[Street], middle: LineString) -> Ground:
    """Return what streets and river leave of a block; grass may come nearer to the water than houses."""
    around = tuple(
        Street(street.name, street.kind, part)
        for street in streets
        for part in lines(street.line.intersection(block.buffer(0.5)))
        if part.length > 20
    )
    paved = [street.line.buffer(HALF_WIDTH_M[street.kind]) for street in around]
    if plot.kind == "green":
        return Ground(plot, largest(block.difference(join([*paved, sheet.river]))), around)
    dry = block.difference(join([*paved, middle.buffer(plan.RIVER_BANK_M)]))
    return Ground(plot, largest(dry.buffer(-1)), around)


def _banks(sheet: Sheet, middle: LineString) -> None:
    """Plant what lies between the river and the first plots, and lead a path along it."""
    strip = middle.buffer(plan.RIVER_BANK_M - 1).difference(sheet.river).intersection(sheet.outline)
    paved = join([s.line.buffer(HALF_WIDTH_M[s.kind] - 2) for s in sheet.streets if s.name])
    grass = join([shape for _, kind, shape in sheet.areas if kind == "green"])
    for part in polygons(strip.difference(paved)):
        if part.area > 200 and grass.intersection(part).area < part.area / 2:
            sheet.areas.append(("", "green", largest(part.simplify(0.3))))
    walk = middle.parallel_offset(plan.RIVER_HALF_WIDTH_M + 7, "left")
    sheet.pave("滨河步道", "path", walk.intersection(sheet.outline))
