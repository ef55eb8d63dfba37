"""Lines and outlines: smooth curves through points, blocks between streets, rows that fit into a plot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TypeVar

import numpy as np
import shapely
from scipy.interpolate import CubicSpline
from shapely import LineString, MultiPolygon, Point, Polygon
from shapely.affinity import rotate
from shapely.geometry.base import BaseGeometry
from shapely.ops import nearest_points

from gridmap.domain.invention.plan import Points

Shape = TypeVar("Shape", bound=BaseGeometry)

SNAP_M = 0.01  # nodes of the street network: nearer points are one


def curve(points: Points, *, step_m: float = 12.0, closed: bool = False) -> LineString:
    """Return a smooth line through ``points``, drawn with one vertex every ``step_m`` or so."""
    xy = np.asarray([*points, points[0]] if closed else points, dtype=float)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
    spline = CubicSpline(along, xy, bc_type="periodic" if closed else "natural")
    # the given points stay vertices: streets that were planned to meet there do meet
    at = np.concatenate(
        [np.linspace(a, b, max(int((b - a) / step_m), 1) + 1)[:-1] for a, b in pairwise(along)] + [along[-1:]]
    )
    return LineString(spline(at))


def polygons(shape: BaseGeometry) -> list[Polygon]:
    """Return the polygons of any geometry, largest first."""
    if isinstance(shape, Polygon):
        return [] if shape.is_empty else [shape]
    parts = [p for p in getattr(shape, "geoms", ()) for p in polygons(p)]
    return sorted(parts, key=lambda p: -p.area)


def lines(shape: BaseGeometry) -> list[LineString]:
    """Return the lines of any geometry."""
    if isinstance(shape, LineString):
        return [] if shape.is_empty else [shape]
    return [p for part in getattr(shape, "geoms", ()) for p in lines(part)]


def largest(shape: BaseGeometry) -> Polygon:
    """Return the largest polygon of a geometry, empty when there is none."""
    found = polygons(shape)
    return found[0] if found else Polygon()


def soften(shape: Polygon, radius_m: float) -> Polygon:
    """Round the corners of a polygon, outward and inward."""
    return largest(shape.buffer(-radius_m).buffer(2 * radius_m).buffer(-radius_m))


def compactness(shape: Polygon) -> float:
    """Return the Polsby-Popper share: 1 for a disc, towards 0 for a thread."""
    return float(4 * np.pi * shape.area / shape.length**2) if shape.length else 0.0


def turned(shape: Shape, degrees: float, about: Point) -> Shape:
    """Rotate counter-clockwise about a point."""
    return rotate(shape, degrees, origin=about)


def join(shapes: Sequence[BaseGeometry]) -> BaseGeometry:
    """Return the union of any number of shapes, empty for none."""
    return shapely.union_all(list(shapes)) if shapes else Polygon()


def nearest(shape: BaseGeometry, to: Point) -> Point:
    """Return the point of a shape that is nearest to a point."""
    return nearest_points(shape, to)[0]


def box_at(x: float, y: float, width: float, depth: float) -> Polygon:
    """Return an upright rectangle by its lower left corner."""
    return shapely.box(x, y, x + width, y + depth)


def cut(shape: Polygon, at: Point, degrees: float, gap_m: float) -> list[Polygon]:
    """Cut a polygon along a straight line, leaving a gap."""
    reach = 4 * (shape.length + 1)
    dx, dy = np.cos(np.radians(degrees)) * reach, np.sin(np.radians(degrees)) * reach
    knife = LineString([(at.x - dx, at.y - dy), (at.x + dx, at.y + dy)])
    return polygons(shape.difference(knife.buffer(gap_m / 2, cap_style="flat")))


def long_axis(shape: Polygon) -> tuple[float, float, float]:
    """Return direction (degrees), length and width (metres) of the smallest rectangle around a polygon."""
    corners = shapely.get_coordinates(shape.minimum_rotated_rectangle)
    first, second = corners[1] - corners[0], corners[2] - corners[1]
    a, b = float(np.hypot(*first)), float(np.hypot(*second))
    along = first if a >= b else second
    return float(np.degrees(np.arctan2(along[1], along[0]))), max(a, b), min(a, b)


def frontage(line: LineString, offset_m: float, widths: Iterator[float], depth_m: float) -> Iterator[Polygon]:
    """Walk along one side of a street and set rectangles that face it, ``offset_m`` from its middle.

    A positive offset is the left-hand side.
    """
    at, side = 6.0, float(np.sign(offset_m))
    while True:
        width = next(widths)
        if at + width > line.length - 6:
            return
        a, b = line.interpolate(at), line.interpolate(at + width)
        ux, uy = (b.x - a.x) / width, (b.y - a.y) / width
        scale = float(np.hypot(ux, uy)) or 1.0
        ux, uy = ux / scale, uy / scale
        nx, ny = -uy * side, ux * side
        near, far = abs(offset_m), abs(offset_m) + depth_m
        yield Polygon(
            [
                (a.x + nx * near, a.y + ny * near),
                (b.x + nx * near, b.y + ny * near),
                (b.x + nx * far, b.y + ny * far),
                (a.x + nx * far, a.y + ny * far),
            ]
        )
        at += width + 1.2


def union_polygon(shapes: list[Polygon]) -> Polygon:
    """Join polygons that share borders into one polygon without a hole."""
    joined = shapely.coverage_union_all(shapes)
    if not isinstance(joined, Polygon):
        parts = len(joined.geoms) if isinstance(joined, MultiPolygon) else 0
        raise ValueError(f"the parts do not form one polygon: {parts}")
    return joined
