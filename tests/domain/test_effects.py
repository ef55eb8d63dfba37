"""Which grid holds a building, exactly; figures worked by hand; what a planner is told."""

from __future__ import annotations

from collections import Counter

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import Point, Polygon, box

from gridmap.domain.boundaries import DraftGrid
from gridmap.domain.coverage import LOAD_CENTIMIN, SMALL_CELL
from gridmap.domain.crs import STORE_SRID, projected_epsg
from gridmap.domain.effects import (
    LOAD_STEP_MIN,
    NOWHERE,
    Band,
    Effect,
    Figures,
    Tally,
    compared,
    figures,
    ground,
    moved_households,
    placed,
    protected,
)
from gridmap.domain.groups import BIT, SHARED_BITS
from gridmap.domain.working import WorkSetting

X, Y = 1_052_800_000, 273_000_000  # near the service centre, whole units


def a_grid(key: int, number: int, shape: Polygon | None, kind: str = "general") -> DraftGrid:
    return DraftGrid(key, number, f"第{number}网格", kind, shape)


def at(*points: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return points as columns."""
    return np.array([p[0] for p in points], np.int64), np.array([p[1] for p in points], np.int64)


def test_a_point_on_a_border_belongs_to_the_touching_grid_with_the_smallest_number() -> None:
    west, east = a_grid(7, 2, box(0, 0, 10, 10)), a_grid(5, 3, box(10, 0, 20, 10))
    points = at((5, 5), (10, 5), (15, 5), (10, 10), (0, 0), (20, 10), (21, 5), (5, -1))
    assert placed(*points, [west, east]).tolist() == [7, 7, 5, 7, 7, 5, NOWHERE, NOWHERE]
    renumbered = [a_grid(7, 4, west.boundary), east]
    assert placed(*points, renumbered).tolist() == [7, 5, 5, 5, 7, 5, NOWHERE, NOWHERE]


def test_a_slanting_border_is_met_exactly() -> None:
    # (3, 1) lies on the line from (0, 0) to (9, 3); degrees as floats could not tell.
    above = a_grid(1, 1, Polygon([(X, Y), (X + 9, Y + 3), (X, Y + 3)]))
    below = a_grid(2, 2, Polygon([(X, Y), (X + 9, Y), (X + 9, Y + 3)]))
    points = at((X + 3, Y + 1), (X + 3, Y + 2), (X + 4, Y + 1), (X + 6, Y + 2))
    assert placed(*points, [below, above]).tolist() == [1, 1, 2, 1]


def test_what_lies_in_an_enclave_is_not_around_it() -> None:
    inner = box(4, 4, 6, 6)
    outer = Polygon(box(0, 0, 10, 10).exterior, [inner.exterior])
    points = at((5, 5), (4, 5), (2, 2), (6, 6))
    assert placed(*points, [a_grid(1, 1, outer), a_grid(2, 2, inner)]).tolist() == [2, 1, 1, 1]


def test_a_grid_that_is_given_up_holds_nothing() -> None:
    assert placed(*at((5, 5)), [a_grid(1, 1, None)]).tolist() == [NOWHERE]


@given(st.data())
def test_every_point_is_in_exactly_one_grid_and_where_geometry_says(data: st.DataObject) -> None:
    middle = (data.draw(st.integers(1, 39)), data.draw(st.integers(1, 39)))
    corners = [(0, 0), (40, 0), (40, 40), (0, 40)]
    sides = zip(corners, [*corners[1:], corners[0]], strict=True)
    grids = [a_grid(i + 1, 4 - i, Polygon([one, other, middle])) for i, (one, other) in enumerate(sides)]
    x, y = (axis.ravel().astype(np.int64) for axis in np.meshgrid(np.arange(41), np.arange(41)))
    found = placed(x, y, grids)
    assert (found != NOWHERE).all()
    for grid in grids:
        assert grid.boundary is not None
        mine = found == grid.key
        assert shapely.covers(grid.boundary, shapely.points(x[mine], y[mine])).all()
        within = shapely.contains_properly(grid.boundary, shapely.points(x, y))
        assert (found[within] == grid.key).all()


def test_ground_is_measured_as_in_the_projected_coordinates() -> None:
    shape = Polygon([(X, Y), (X + 52_000, Y + 3_000), (X + 47_000, Y + 61_000), (X - 4_000, Y + 40_000)])
    degrees = gpd.GeoSeries([shapely.transform(shape, lambda c: c / 1e7)], crs=STORE_SRID)
    metric = degrees.to_crs(projected_epsg(X / 1e7, Y / 1e7)).iloc[0]
    area, compactness = ground(shape)
    assert area == pytest.approx(metric.area, rel=1e-4)
    assert compactness == pytest.approx(4 * np.pi * metric.area / metric.length**2, rel=1e-4)


def test_a_circle_is_compact_and_a_strip_is_not() -> None:
    scale = np.array([1 / np.cos(np.radians(27.3)), 1.0])
    circle = shapely.transform(Point(0, 0).buffer(50_000, 64), lambda c: np.round(c * scale) + np.array([X, Y]))
    assert ground(circle)[1] == pytest.approx(1, abs=0.01)
    assert ground(box(X, Y, X + 100_000, Y + 1_000))[1] < 0.05


def a_tally(*, households: int = 10, period: int = 90, **bits: int) -> Tally:
    """Return a tally of households with one period, some of them in a group."""
    tagged = Counter({BIT[code]: n for code, n in bits.items()})
    tagged[0] = households - sum(bits.values())
    return Tally(households, 3 * households, households * (LOAD_CENTIMIN // period), 2, 4, 1, tagged)


def test_figures_are_those_worked_by_hand() -> None:
    found = figures(a_grid(1, 1, box(X, Y, X + 10_000, Y + 10_000)), a_tally(alone=3, frail=1), WorkSetting())
    assert found is not None
    assert (found.households, found.people, found.buildings, found.facilities) == (10, 30, 4, 1)
    assert (found.groups["alone"], found.groups["frail"], found.groups["orphan"]) == (3, 1, 0)
    assert found.load_min == 50.0  # ten doors, each every 90 days: a third of a visit of 15 minutes a month
    assert found.visits_month == 3.3
    assert (found.needs, found.need_min) == (2, 20)
    assert set(found.groups) & {"released", "petition"} == set()
    assert found.area_m2 == pytest.approx(98.96 * 110.82, rel=0.001)


@pytest.mark.parametrize(
    ("households", "kind", "said"),
    [
        *[(149, "general", Band.SMALL), (150, "general", Band.FIT), (500, "general", Band.FIT)],
        *[(501, "general", Band.LARGE), (3, "commercial", Band.FREE)],
    ],
)
def test_a_grid_outside_the_tolerance_is_told(households: int, kind: str, said: Band) -> None:
    found = figures(a_grid(1, 1, box(X, Y, X + 9, Y + 9), kind), Tally(households=households), WorkSetting())
    assert found is not None
    assert found.band is said


def test_what_one_grid_loses_another_gains() -> None:
    before = [a_grid(1, 1, box(X, Y, X + 9, Y + 9)), a_grid(2, 2, box(X + 9, Y, X + 18, Y + 9))]
    tallies = {
        (1, 1): a_tally(alone=6),
        (1, 2): a_tally(households=7, frail=2),
        (2, 2): a_tally(),
        (2, NOWHERE): a_tally(),
    }
    one, other = compared(before, [*before[:1], before[1]], tallies, WorkSetting())
    assert one.before is not None
    assert one.after is not None
    assert other.after is not None
    assert (one.before.households, one.after.households, other.after.households) == (17, 10, 17)
    assert one.before.groups["frail"] == 2
    assert one.after.groups["frail"] == 0
    assert moved_households(tallies) == 17


def test_a_grid_that_is_added_or_given_up_has_one_side_only() -> None:
    shape = box(X, Y, X + 9, Y + 9)
    found = compared(
        [a_grid(1, 1, shape)], [a_grid(1, 1, None), a_grid(-1, 2, shape)], {(1, -1): a_tally()}, WorkSetting()
    )
    assert [(e.key, e.before is None, e.after is None) for e in found] == [(-1, True, False), (1, False, True)]
    assert found[0].after is not None
    assert found[0].after.households == 10


def told(before: Figures | None, after: Figures | None, moved: int) -> Effect:
    return protected([Effect(1, before, after)], moved=moved)[0]


def an_effect(before: int, after: int, *, load: tuple[float, float] = (1000, 1000)) -> tuple[Figures, Figures]:
    """Return a grid with so many who live alone, before and after."""
    base = Figures(300, 900, {"alone": before}, 60, load[0], 0, 0, 1.0, 1.0, 9, 0, Band.FIT)
    return base, Figures(300, 900, {"alone": after}, 60, load[1], 0, 0, 1.0, 1.0, 9, 0, Band.FIT)


@pytest.mark.parametrize("n", range(SMALL_CELL))
def test_a_planner_is_not_told_of_few_nor_of_none(n: int) -> None:
    found = told(*an_effect(n, n), moved=50)
    assert found.before is not None
    assert found.before.groups == {"alone": None}


@given(st.integers(0, 60), st.integers(-4, 4))
def test_a_change_of_fewer_than_five_cannot_be_seen(n: int, change: int) -> None:
    found = told(*an_effect(n, max(0, n + change)), moved=50)
    assert found.before is not None
    assert found.after is not None
    assert found.before.groups == found.after.groups


@given(st.integers(0, 200), st.integers(0, 200))
def test_counts_of_groups_are_told_in_steps_of_five(n: int, m: int) -> None:
    found = told(*an_effect(n, m), moved=50)
    for side in (found.before, found.after):
        assert side is not None
        count = side.groups["alone"]
        assert count is None or (count >= SMALL_CELL and count % SMALL_CELL == 0)


def test_the_load_of_a_single_household_does_not_tell_its_rule() -> None:
    # A household visited every week adds 64 minutes, one visited every quarter 5.
    for added in (64.28, 5.0):
        found = told(*an_effect(9, 9, load=(1003.5, 1003.5 + added)), moved=1)
        assert found.before is not None
        assert found.after is not None
        assert found.before.load_min == found.after.load_min == 990
        assert found.before.visits_month == 66
    found = told(*an_effect(9, 9, load=(1003.5, 1300)), moved=20)
    assert found.after is not None
    assert found.after.load_min == 1290
    assert found.after.load_min % LOAD_STEP_MIN == 0


def test_no_group_of_another_authority_is_ever_counted() -> None:
    restricted = BIT["petition"] | BIT["drug"]
    found = figures(a_grid(1, 1, box(X, Y, X + 9, Y + 9)), Tally(9, bits=Counter({restricted: 9})), WorkSetting())
    assert found is not None
    assert not any(found.groups.values())
    assert restricted & SHARED_BITS == 0
