"""Drawing for paper: places land where they should, there and back are two lines, no sign covers another."""

from __future__ import annotations

import math
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from walk_days import CENTRE, a_day, place

from gridmap.domain.cartography import Frame, Label, along, apart, arrows, beads, beside, chosen, middle, scale_bar
from gridmap.domain.walks import Gate, around, box_of, by_the_way, framed, places_of, points_of, wide_m

FLAT = st.floats(-50, 50, allow_nan=False)
FRAME = Frame(framed(box_of([place(0, 0), place(300, 200)], margin_m=0), 1.5), 150, 100)


def test_metres_of_the_ground_are_millimetres_of_the_picture() -> None:
    a, b = FRAME.put(place(0, 0)), FRAME.put(place(100, 0))
    assert b[0] - a[0] == pytest.approx(100 * FRAME.mm_per_m, rel=0.01)
    assert b[1] == a[1]
    assert FRAME.put(place(0, 100))[1] == pytest.approx(a[1] - 100 * FRAME.mm_per_m, rel=0.01)


def test_a_framed_box_has_the_wanted_shape_and_keeps_all() -> None:
    box = box_of([place(0, 0), place(400, 20)])
    west, south, east, north = wide = framed(box, 1.5)
    squeeze = math.cos(math.radians(CENTRE[1]))
    assert (east - west) * squeeze / (north - south) == pytest.approx(1.5, rel=1e-3)
    assert around(box, wide) == wide
    assert wide_m(box) == pytest.approx(520, rel=0.02)


def test_there_and_back_are_two_lines() -> None:
    there = [(0.0, 0.0), (10.0, 0.0), (20.0, 0.0)]
    # Heading east the right-hand side is south, which is down on paper.
    assert beside(there, 1.0)[1] == (10.0, 1.0)
    assert beside(there[::-1], 1.0)[1] == (10.0, -1.0)
    assert beside(there, 1.0)[0] == there[0]
    assert beside(there, 1.0)[-1] == there[-1]


def test_a_line_beside_a_corner_keeps_its_distance_from_both_sides() -> None:
    moved = beside([(0.0, 0.0), (10.0, 0.0), (10.0, 10.0)], 1.0)
    assert moved[1] == pytest.approx((9.0, 1.0), abs=0.01)


def test_arrows_point_the_way_and_a_short_line_has_none() -> None:
    heads = arrows([(0.0, 0.0), (30.0, 0.0)], every=10, size=1)
    assert len(heads) == 3
    assert all(tip[0] > left[0] and tip[0] > right[0] for left, tip, right in heads)
    assert arrows([(0.0, 0.0), (2.0, 0.0)], every=10, size=1) == []


@given(st.lists(st.tuples(FLAT, FLAT), min_size=1, max_size=12))
def test_signs_do_not_go_farther_than_they_may(points: list[tuple[float, float]]) -> None:
    placed = apart(points, least=5, farthest=9)
    assert all(math.dist(a, b) <= 9.02 for a, b in zip(points, placed, strict=True))


def test_ten_stairwells_of_one_building_can_all_be_read() -> None:
    points = [(50 + 0.8 * i, 50.0) for i in range(10)]
    placed = apart(points, least=5.7, farthest=13)
    assert min(math.dist(a, b) for a, b in combinations(placed, 2)) > 5.3


def test_a_sign_with_room_stays_where_it_belongs() -> None:
    points = [(10.0, 10.0), (40.0, 40.0)]
    assert apart(points, least=5, farthest=9) == points


def test_no_label_covers_another_or_what_is_taken() -> None:
    labels = [Label("云景苑", 50, 50, 3), Label("7栋", 51, 51, 3), Label("9栋", 100, 50, 3), Label("出界", 1, 1, 3)]
    assert [label.text for label in chosen(labels, FRAME, taken=[(98, 48, 102, 52)])] == ["云景苑"]


def test_a_street_is_named_once_along_its_straightest_stretch_and_never_upside_down() -> None:
    line = [(0.0, 50.0), (5.0, 53.0), (10.0, 50.0), (140.0, 50.0)]
    found = along("滨河路", line[::-1], 2.5, FRAME, "street")
    assert found
    assert all(abs(label.turn_deg) <= 90 for label in found)
    assert len(chosen([*found, *found], FRAME)) == 1
    assert along("滨河路", [(10.0, 10.0), (12.0, 10.0)], 2.5, FRAME, "street") == []


def test_the_scale_is_a_round_number_that_fits() -> None:
    assert scale_bar(0.3, longest_mm=45) == (100, 30.0)
    assert scale_bar(0.05, longest_mm=45) == (500, 25.0)


def test_beads_are_never_farther_apart_than_asked() -> None:
    found = beads([(0.0, 0.0), (7.0, 0.0), (7.0, 1.0)], every=2)
    assert max(math.dist(a, b) for a, b in pairwise(found)) <= 2
    assert found[0] == (0.0, 0.0)
    assert found[-1] == (7.0, 1.0)


def test_the_middle_of_a_square_is_its_middle() -> None:
    assert middle([(0, 0), (4, 0), (4, 4), (0, 4), (0, 0)]) == (2, 2)


def test_the_places_of_a_walk_leave_out_the_way_there() -> None:
    day = a_day()
    assert (day.start.lon, day.start.lat) in points_of(day)
    assert (day.start.lon, day.start.lat) not in places_of(day)
    assert {(stop.lon, stop.lat) for stop in day.stops} <= set(places_of(day))


def test_only_gates_by_the_way_are_told() -> None:
    day = a_day()
    near = Gate(*place(72, 2), 360, 1380, barred=False)
    far = Gate(*place(-400, 300), None, None, barred=False)
    assert by_the_way([near, far], day) == (near,)
