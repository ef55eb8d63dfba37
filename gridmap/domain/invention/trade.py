"""Where people trade and work: shops along the pavement, the blocks of the commercial district, factory yards."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from shapely import Polygon
from shapely.prepared import prep

from gridmap.domain.invention.fences import enclose, way_out
from gridmap.domain.invention.plan import HALF_WIDTH_M
from gridmap.domain.invention.shapes import (
    box_at,
    cut,
    frontage,
    join,
    largest,
    long_axis,
    nearest,
    soften,
    turned,
)
from gridmap.domain.invention.sheet import Compound, Ground, House, Sheet

SHOP_DEPTH_M, SHOP_WIDTH_M = 12.0, (16.0, 25.0)
SHOP_GAP_SHARE = 0.07  # of the front is left open: a passage, a tree
MALL_M2, MALL_GAP_M = 2600.0, 7.0
HALLS = 6


def shop_row(sheet: Sheet, ground: Ground) -> None:
    """Line the pavement of the plot's shopping streets with narrow houses, shops below and homes above."""
    for name, kind, line in ground.streets:
        if name not in ground.plot.shops:
            continue
        for side in (1.0, -1.0):
            room = sheet.free(ground.shape.buffer(0.05), 1.0)
            for shape in frontage(line, side * (HALF_WIDTH_M[kind] + 1.3), _widths(sheet.rng), SHOP_DEPTH_M):
                house = House(shape, "shop", ground.plot.grid, name, int(sheet.rng.integers(3, 6)), 1)
                if sheet.rng.random() > SHOP_GAP_SHARE and sheet.build(house, room):
                    room = room.difference(shape.buffer(0.8, join_style="mitre"))


def _widths(rng: np.random.Generator) -> Iterator[float]:
    while True:
        yield float(rng.uniform(*SHOP_WIDTH_M))


def malls(sheet: Sheet, ground: Ground) -> None:
    """Fill a plot of the commercial district: large blocks with shops below and flats above."""
    plot = ground.plot
    sheet.areas.append(("", "commercial", ground.shape))
    sheet.compounds.append(Compound(plot.name, "mixed", plot.year, plot.committee, ground.shape))
    number = len(sheet.compounds) - 1
    for i, piece in enumerate(sorted(_mall_pieces(ground.shape), key=lambda p: p.centroid.x)):
        shape = largest(soften(largest(piece.buffer(-1.5)), 2.0).simplify(0.3))
        floors = int(sheet.rng.integers(6, 10))
        name = f"{plot.name}{'ABCDEFGHJK'[i]}座"
        house = House(shape, "shop", plot.grid, plot.name, floors, 5, name=name, has_lift=True, compound=number)
        sheet.houses.append(house)


def _mall_pieces(site: Polygon) -> list[Polygon]:
    pieces = [site]
    while max(p.area for p in pieces) > MALL_M2:
        pieces.sort(key=lambda p: p.area)
        piece = pieces.pop()
        pieces += [p for p in cut(piece, piece.centroid, long_axis(piece)[0] + 90, MALL_GAP_M) if p.area > 250]
    return pieces


def works(sheet: Sheet, ground: Ground) -> None:
    """Fill a plot with the long halls of a factory, a depot or a bus station; nobody lives there."""
    plot = ground.plot
    yard = largest(ground.shape.buffer(-1.5))
    halls = _halls(sheet.rng, yard, plot.turn)
    blocked = join([*halls, sheet.built(), sheet.river.buffer(6)])
    inside = nearest(yard.buffer(-4), nearest(ground.streets[0].line, yard.centroid))
    enclose(sheet, ground, yard, "mixed", way_out(inside, yard, ground, blocked))
    for i, hall in enumerate(halls):
        sheet.houses.append(House(hall, "public", plot.grid, plot.name, 1 + i % 2, 0, name=f"{plot.name}{i + 1}号房"))
    sheet.plant(yard, at_least_m2=260)


def _halls(rng: np.random.Generator, yard: Polygon, turn: float) -> list[Polygon]:
    """Return long halls in rows, turned as the plan wishes."""
    about = yard.centroid
    flat = turned(yard, -turn, about)
    west, south, east, north = flat.bounds
    room = prep(largest(flat.buffer(-6)))
    halls: list[Polygon] = []
    y = south + 10
    while y < north and len(halls) < HALLS:
        x, depth = west, float(rng.uniform(15, 22))
        while x < east:
            width = float(rng.uniform(32, 58))
            shape = box_at(x, y, width, depth)
            fits = room.contains(shape)
            if fits:
                halls.append(turned(shape, turn, about))
            x += width + 16 if fits else 4
        y += depth + 18
    return halls
