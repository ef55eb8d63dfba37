"""The shifted datums: the published formula forward, its exact inverse back, and nothing outside China."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from conftest import SHARED
from hypothesis import given
from hypothesis import strategies as st

from gridmap.domain import datum

EXACT_DEG = 1e-9
Convert = Callable[[object], np.ndarray]
IN_CHINA = st.tuples(st.floats(74, 135), st.floats(4, 53))
INVERSES = [
    (datum.gcj02_from_wgs84, datum.wgs84_from_gcj02),
    (datum.bd09_from_gcj02, datum.gcj02_from_bd09),
    (datum.bd09_from_wgs84, datum.wgs84_from_bd09),
]


def test_the_shift_at_the_origin_of_the_formula_is_what_pencil_and_paper_give() -> None:
    # At 105 E, 35 N every sine is 0: what is left are the constants, 300 m east and 100 m south.
    lon, lat = datum.gcj02_from_wgs84((105.0, 35.0))
    bend = 1 - datum.ECCENTRICITY_2 * np.sin(np.radians(35.0)) ** 2
    parallel_m = datum.AXIS_M / bend**0.5 * np.cos(np.radians(35.0)) * np.pi / 180
    meridian_m = datum.AXIS_M * (1 - datum.ECCENTRICITY_2) / bend**1.5 * np.pi / 180
    assert (lon - 105.0) * parallel_m == pytest.approx(300.0, abs=1e-3)
    assert (lat - 35.0) * meridian_m == pytest.approx(-100.0, abs=1e-3)


def test_known_points_are_met_in_both_directions() -> None:
    path = SHARED / "vectors" / "coords.json"
    if not path.is_file():
        pytest.skip("no vectors beside this checkout (../shared/data/vectors/coords.json)")
    vectors = json.loads(path.read_text("utf-8"))["vectors"]
    wgs, gcj, baidu = (np.array([v[name] for v in vectors if name in v]) for name in ("wgs84", "gcj02", "bd09"))
    assert len(wgs) >= 3
    assert np.abs(datum.gcj02_from_wgs84(wgs) - gcj).max() < EXACT_DEG
    assert np.abs(datum.bd09_from_wgs84(wgs) - baidu).max() < EXACT_DEG
    assert np.abs(datum.wgs84_from_gcj02(gcj) - wgs).max() < EXACT_DEG
    assert np.abs(datum.wgs84_from_bd09(baidu) - wgs).max() < EXACT_DEG


def test_a_point_of_the_demo_moves_by_half_a_kilometre() -> None:
    lon, lat = datum.gcj02_from_wgs84((105.29, 27.3))
    assert (round(lon, 8), round(lat, 8)) == (105.29323351, 27.2966327)
    assert np.hypot((lon - 105.29) * 98_900, (lat - 27.3) * 110_800) == pytest.approx(491.6, abs=2)


@pytest.mark.parametrize(("there", "back"), INVERSES)
@given(point=IN_CHINA)
def test_the_way_back_is_exact(there: Convert, back: Convert, point: tuple[float, float]) -> None:
    assert np.abs(back(there(point)) - np.array(point)).max() < EXACT_DEG


def test_many_points_are_moved_as_each_alone() -> None:
    points = np.random.default_rng(7).uniform((74, 4), (135, 53), (500, 2))
    together = datum.gcj02_from_wgs84(points)
    assert np.array_equal(together, np.array([datum.gcj02_from_wgs84(p) for p in points]))
    assert datum.gcj02_from_wgs84(np.empty((0, 2))).shape == (0, 2)


@pytest.mark.parametrize("convert", [one for pair in INVERSES for one in pair])
@pytest.mark.parametrize("point", [(7.42, 43.73), (-73.9, 40.7), (float("nan"), 30.0), (105.0, float("inf"))])
def test_a_point_outside_china_is_refused(convert: Convert, point: tuple[float, float]) -> None:
    with pytest.raises(datum.OutsideChina):
        convert(point)


def test_one_bad_point_refuses_all() -> None:
    with pytest.raises(datum.OutsideChina):
        datum.gcj02_from_wgs84([(105.0, 27.0), (7.42, 43.73)])
