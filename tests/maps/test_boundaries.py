"""Borders travel in whole units: exact there and back, labels inside their grid."""

from __future__ import annotations

from itertools import accumulate

import pytest
from shapely import LineString, Point, Polygon

from gridmap.maps import boundaries

X, Y = 1_052_800_000, 273_000_000
HORSESHOE = Polygon(
    [(X + 1000 * x, Y + 1000 * y) for x, y in [(0, 0), (9, 0), (9, 9), (6, 9), (6, 3), (3, 3), (3, 9), (0, 9)]]
)


def back(flat: list[int]) -> list[tuple[float, float]]:
    return list(zip(accumulate(flat[::2]), accumulate(flat[1::2]), strict=True))


def test_rings_are_exact_and_without_their_closing_corner() -> None:
    hole = [(X + 1000, Y + 1000), (X + 2000, Y + 1000), (X + 2000, Y + 2000)]
    shape = Polygon(HORSESHOE.exterior.coords, [hole])
    outer, inner = boundaries.rings(shape)
    assert Polygon(back(outer), [back(inner)]) == shape
    assert len(back(outer)) == 8
    assert [back(ring)[-1] for ring in boundaries.outer(shape)] == [back(outer)[0], back(inner)[0]]


def test_a_label_stands_inside_its_grid_with_room_around_it() -> None:
    (lon, lat), radius_m = boundaries.label(HORSESHOE)
    at = Point(lon / boundaries.UNIT, lat / boundaries.UNIT)
    assert HORSESHOE.contains(at)
    # The circle in the elbow of an arm w wide touches both walls and the inner corner: w * sqrt(2) / (1 + sqrt(2)).
    assert radius_m == pytest.approx(31.4 * 2**0.5 / (1 + 2**0.5), rel=0.03)


def test_degrees_become_the_nearest_unit() -> None:
    line = boundaries.in_units(LineString([(105.28000004, 27.3), (105.2800001, 27.30000009)]))
    assert list(line.coords) == [(1_052_800_000, 273_000_000), (1_052_800_001, 273_000_001)]
