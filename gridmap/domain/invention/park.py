"""The sports park: a track, a hall, courts, a pond, loops of paths, and the 14 facilities along them."""

from __future__ import annotations

import numpy as np
import shapely
from shapely import Polygon
from shapely.affinity import rotate, translate

from gridmap.domain.invention.landmarks import stadium
from gridmap.domain.invention.shapes import SNAP_M, curve, join, largest, lines, soften
from gridmap.domain.invention.sheet import Ground, Sheet

TRACK_STRAIGHT_M, TRACK_RADIUS_M = 84.4, 36.5  # a track of 400 m
TURN = -4.0
KIND_WORDS = {"vending": "自动售货机", "locker": "储物柜", "charging": "手机充电点"}
# 8 vending machines, 3 lockers, 3 charging points: figures the community published
FACILITIES = ("vending", "locker", "vending", "charging", "vending") * 2 + ("vending", "locker", "vending", "charging")


def park(sheet: Sheet, ground: Ground) -> None:
    """Draw the park on its plot."""
    site, at = ground.shape, ground.shape.centroid
    sheet.areas.append((ground.plot.name, "park", site))
    track = stadium(at.x - 64, at.y + 66, TURN, straight_m=TRACK_STRAIGHT_M, radius_m=TRACK_RADIUS_M)
    sheet.areas.append(("", "pitch", track))
    for i in range(6):
        court = translate(shapely.box(-14, -8, 14, 8), at.x - 140 + i % 3 * 34, at.y - 20 - i // 3 * 22)
        sheet.areas.append(("", "pitch", rotate(court, TURN)))
    hall = rotate(shapely.box(at.x + 80, at.y + 62, at.x + 138, at.y + 98), TURN)
    sheet.build_public(ground.plot.grid, "南山体育馆", hall, 2, site)
    pond = _pond(at.x + 106, at.y - 46)
    sheet.areas.append(("镜湖", "water", pond))
    loop = soften(largest(site.buffer(-20)), 30)
    sheet.pave("健身步道", "path", loop.exterior.simplify(0.5))
    sheet.pave("镜湖小径", "path", pond.buffer(9).exterior.simplify(0.5))
    _ways(sheet, ground, pond)
    _facilities(sheet, loop)


def _pond(x: float, y: float) -> Polygon:
    turns = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    shore = [
        (x + (56 + 12 * np.sin(3 * a)) * np.cos(a), y + (36 + 8 * np.cos(2 * a)) * np.sin(a)) for a in turns.tolist()
    ]
    return Polygon(curve(tuple(shore), closed=True, step_m=6))


def _ways(sheet: Sheet, ground: Ground, pond: Polygon) -> None:
    """Lead paths from the streets through the park, around the pond."""
    at = ground.shape.centroid
    streets = join([street.line for street in ground.streets]).buffer(SNAP_M / 10)
    obstacles = join([pond.buffer(8.9), sheet.built().buffer(2)])
    for points in (
        ((at.x - 8, at.y + 400), (at.x - 2, at.y + 60), (at.x + 30, at.y - 60), (at.x + 10, at.y - 400)),
        ((at.x - 400, at.y + 10), (at.x - 120, at.y + 8), (at.x - 2, at.y + 20)),
        ((at.x + 20, at.y + 34), (at.x + 120, at.y + 26), (at.x + 420, at.y + 50)),
    ):
        inside = [part for part in lines(curve(points).difference(streets)) if part.crosses(ground.shape)]
        sheet.pave("", "path", join(inside).difference(obstacles))


def _facilities(sheet: Sheet, loop: Polygon) -> None:
    """Set the facilities beside the park's loop."""
    seen = dict.fromkeys(KIND_WORDS, 0)
    edge = largest(loop.buffer(4)).exterior
    for i, kind in enumerate(FACILITIES):
        seen[kind] += 1
        spot = edge.interpolate((i + 0.5) / len(FACILITIES), normalized=True)
        sheet.facilities.append((kind, f"{seen[kind]}号{KIND_WORDS[kind]}", spot))
