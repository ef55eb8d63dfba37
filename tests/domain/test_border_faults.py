"""What needs a look in borders, on small figures: numbers, enclaves, buildings cut or grazed."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import Polygon, box

from gridmap.domain.border_faults import in_order, in_rows, of_buildings, of_grids, out_of_order, torn
from gridmap.domain.boundaries import DraftGrid
from gridmap.domain.effects import Fault, Spots, placed
from gridmap.domain.working import WorkSetting

X, Y = 1_052_800_000, 273_000_000  # near the service centre, whole units
STEP = 10_000  # about 100 m


def cell(key: int, number: int, column: int, row: int, kind: str = "general") -> DraftGrid:
    """Return a square of a chessboard; row 0 is the southernmost."""
    west, south = X + column * STEP, Y + row * STEP
    return DraftGrid(key, number, f"第{number}网格", kind, box(west, south, west + STEP, south + STEP))


def board(*numbers: int) -> list[DraftGrid]:
    """Return four squares, numbered north-west, north-east, south-west, south-east."""
    places = [(0, 1), (1, 1), (0, 0), (1, 0)]
    return [cell(i + 1, n, *place) for i, (n, place) in enumerate(zip(numbers, places, strict=True))]


def test_rows_from_north_to_south_are_in_order_and_so_are_columns_from_west_to_east() -> None:
    assert out_of_order(board(1, 2, 3, 4)) == []
    assert out_of_order(board(1, 3, 2, 4)) == []  # nobody can say where a row ends: only north-west decides


def test_what_lies_north_west_comes_first() -> None:
    assert out_of_order(board(4, 2, 3, 1)) == [(2, 4), (3, 4), (1, 4)]
    assert out_of_order(board(2, 1, 3, 4)) == [(1, 2)]  # in one row the western one


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=30, unique=True), st.randoms())
def test_what_was_numbered_in_rows_is_in_order(places: list[tuple[int, int]], chance: Random) -> None:
    numbers = list(range(1, len(places) + 1))
    chance.shuffle(numbers)
    grids = [cell(i + 1, numbers[i], *place) for i, place in enumerate(places)]
    wanted = in_rows(grids)
    again = [DraftGrid(g.key, wanted[g.key], g.name, g.kind, g.boundary) for g in grids]
    assert out_of_order(again) == []


def test_two_grids_with_one_number_are_out_of_order() -> None:
    assert out_of_order(board(1, 2, 2, 4)) == [(3, 2)]


def test_commercial_grids_come_last_and_keep_an_order_of_their_own() -> None:
    grids = [cell(1, 4, 0, 1, "commercial"), *board(1, 2, 3, 4)[1:3], cell(4, 3, 1, 0)]
    assert out_of_order([g if g.key != 3 else cell(3, 1, 0, 0) for g in grids]) == []
    early = [cell(1, 1, 0, 1, "commercial"), cell(2, 2, 1, 1)]
    assert out_of_order(early) == [(2, 1)]
    assert in_rows(early) == {2: 1, 1: 2}


def test_no_grids_have_no_order() -> None:
    assert out_of_order([]) == []
    assert in_rows([]) == {}


def test_new_numbers_are_in_order() -> None:
    grids = [cell(r * 5 + c + 1, 25 - (r * 5 + c), c, r) for r in range(5) for c in range(5)]
    assert out_of_order(grids)
    numbers = in_rows(grids)
    assert sorted(numbers.values()) == list(range(1, 26))
    assert out_of_order([DraftGrid(g.key, numbers[g.key], g.name, g.kind, g.boundary) for g in grids]) == []


def found_in(
    grids: list[DraftGrid], *footprints: Polygon, kept_in: list[int] | None = None
) -> list[tuple[str, tuple[int, ...], int]]:
    """Return what is told of buildings with these footprints, numbered from 101."""
    shapes = np.array(footprints, dtype=object)
    at = shapely.get_coordinates(shapely.point_on_surface(shapes)).round().astype(np.int64)
    houses = Spots(np.arange(101, 101 + len(shapes)), at[:, 0], at[:, 1], np.zeros(len(shapes), np.int64))
    held = placed(houses.x, houses.y, grids)
    told = of_buildings(houses, None if kept_in is None else np.array(kept_in), held, shapes, grids)
    return [(fault.kind, fault.keys, fault.building_id) for fault in told]


def test_a_building_cut_by_a_border_is_told_and_one_grazed_by_it_is_not() -> None:
    grids = board(1, 2, 3, 4)
    border = X + STEP
    inside = box(X + 1000, Y + 1000, X + 3000, Y + 3000)
    cut = box(border - 1500, Y + 1000, border + 500, Y + 3000)
    grazed = box(border - 1500, Y + 1000, border + 2, Y + 3000)  # by 2 cm along 22 m
    assert found_in(grids, inside, cut, grazed) == [("cut", (3,), 102)]


def test_a_building_outside_or_kept_elsewhere_is_told() -> None:
    grids = board(1, 2, 3, 4)
    inside, outside = box(X + 1000, Y + 1000, X + 3000, Y + 3000), box(X - 9000, Y, X - 8000, Y + 500)
    assert found_in(grids, inside, outside, kept_in=[1, 1]) == [("unassigned", (), 102), ("misplaced", (3, 1), 101)]
    assert found_in(grids, inside, kept_in=[3]) == []


def test_a_grid_inside_another_is_an_island() -> None:
    inner = box(X + 3000, Y + 3000, X + 6000, Y + 6000)
    outer = Polygon(box(X, Y, X + STEP, Y + STEP).exterior, [inner.exterior])
    grids = [DraftGrid(1, 1, "外", "general", outer), DraftGrid(2, 2, "内", "general", inner)]
    told = list(of_grids(grids, {1: 300, 2: 300}, {1: 7, 2: 8}, WorkSetting()))
    assert [(fault.kind, fault.keys) for fault in told] == [("island", (2, 1))]
    assert inner.contains(shapely.Point(told[0].at))


@pytest.mark.parametrize(("worker_id", "told"), [(0, ["no_worker"]), (7, [])])
def test_a_grid_that_is_added_needs_a_worker_of_its_own(worker_id: int, told: list[str]) -> None:
    grid = DraftGrid(-1, 1, "新", "general", box(X, Y, X + STEP, Y + STEP), worker_id)
    assert [f.kind for f in of_grids([grid], {-1: 300}, {}, WorkSetting())] == told


def test_gaps_and_overlaps_are_told_and_come_first() -> None:
    grids = [cell(1, 1, 0, 0), DraftGrid(2, 2, "二", "general", box(X + STEP - 9, Y, X + 2 * STEP, Y + STEP))]
    found = list(torn(grids, box(X, Y, X + 3 * STEP, Y + STEP)))
    assert {"overlap", "gap"} <= {fault.kind for fault in found}
    untidy = [Fault("number", (1,), (X, Y)), *found]
    assert in_order(untidy)[-1].kind == "number"
