"""Whole numbers: a partition is thought in units of 1e-7 degree (about 1 cm), kept in degrees, judged in metres."""

from __future__ import annotations

import math

import numpy as np
import shapely
from shapely import Polygon

from gridmap.domain.drafting.arrangement import UNITS
from gridmap.domain.drafting.ground import Scale
from gridmap.errors import BadInput

GLOBE = np.array([180 * UNITS, 90 * UNITS])


def whole(shape: Polygon) -> Polygon:
    """Return a polygon of degrees in whole units; of what is stored in multiples of 1e-7 nothing is lost.

    Parameters
    ----------
    shape : Polygon, or a MultiPolygon of one; degrees, EPSG:4490.

    Returns
    -------
    Polygon
        Coordinates are whole numbers.

    Raises
    ------
    BadInput
        When a coordinate is not a number or not on the globe, or the shape is no polygon.
    """
    parts = shapely.get_parts(shape)
    if len(parts) != 1 or shapely.get_type_id(parts[0]) != 3 or shapely.is_empty(parts[0]):
        raise BadInput("网格的形状应是一个多边形")
    found = shapely.get_coordinates(parts[0]) * UNITS
    if not (np.abs(found) <= GLOBE).all():  # NaN fails as well
        raise BadInput("坐标不对：应是经纬度")
    return Polygon(shapely.transform(parts[0], lambda c: np.rint(c * UNITS)))


def degrees(shape: Polygon) -> Polygon:
    """Return a polygon of whole units in degrees, EPSG:4490; ``whole`` gives exactly the same units back."""
    return Polygon(shapely.transform(shape, lambda c: c / UNITS))


def scale_at(y: float) -> Scale:
    """Return the metres in a unit at a latitude given in units; true within a town."""
    return Scale(east=111_320.0 * math.cos(math.radians(y / UNITS)) / UNITS, north=110_574.0 / UNITS)


def twice_area(shape: Polygon) -> int:
    """Return twice the area of a polygon in square units, exactly.

    Corners are taken from the polygon's first, so that products fit 64 bits for shapes of up to 100 degrees; sums
    may overflow on the way, the result is right all the same.
    """
    total = 0
    for sign, ring in [(1, shape.exterior), *[(-1, hole) for hole in shape.interiors]]:
        at = shapely.get_coordinates(ring).astype(np.int64)
        at -= at[0]
        total += sign * abs(int((at[:-1, 0] * at[1:, 1] - at[1:, 0] * at[:-1, 1]).sum()))
    return total
