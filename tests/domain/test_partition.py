"""Operations on a partition: worked by hand on small figures, exact, and refused with a sentence when they must be."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import shapely
from border_edits import World, invented, total
from shapely import LineString, MultiPolygon, Polygon

from gridmap.domain.partition import (
    Cut,
    Draw,
    Edit,
    Give,
    Insert,
    Join,
    Line,
    Move,
    Operation,
    Pair,
    Patch,
    Remove,
    Reshape,
    Shift,
    apply,
    borders,
    degrees,
    faults,
    holders,
    named,
    reach,
    renumbered,
    snapped,
    twice_area,
    whole,
)
from gridmap.errors import BadInput

X, Y = 1_050_000_000, 270_000_000
STEP = 1_000  # units, about 10 m
GEODATA = Path(__file__).resolve().parents[2] / "geodata" / "nanshan"


def at(x: float, y: float) -> Pair:
    return X + round(x * STEP), Y + round(y * STEP)


def line(*points: tuple[float, float]) -> Line:
    return tuple(at(x, y) for x, y in points)


def ring(*points: tuple[float, float]) -> Polygon:
    return Polygon(line(*points))


def square(x: float, y: float, side: float) -> Polygon:
    return ring((x, y), (x + side, y), (x + side, y + side), (x, y + side))


def board() -> dict[int, Polygon]:
    """Four squares of 10 by 10 steps: 1 south-west, 2 south-east, 3 north-west, 4 north-east."""
    return {1: square(0, 0, 10), 2: square(10, 0, 10), 3: square(0, 10, 10), 4: square(10, 10, 10)}


def slanted() -> dict[int, Polygon]:
    """Two grids in a quadrilateral whose outline has no whole-number point but its corners."""
    return {
        1: Polygon([(X, Y), (X + 10_000, Y + 7), (X + 10_500, Y + 10_013), (X + 17, Y + 10_000)]),
        2: Polygon([(X + 10_000, Y + 7), (X + 20_003, Y), (X + 20_000, Y + 10_001), (X + 10_500, Y + 10_013)]),
    }


def enclave() -> dict[int, Polygon]:
    """Grid 1 around grid 2, grid 3 beside them."""
    yard = square(3, 3, 4)
    return {1: Polygon(square(0, 0, 10).exterior, [yard.exterior]), 2: yard, 3: square(10, 0, 10)}


def done(grids: Mapping[int, Polygon], operation: Operation, *, locked: frozenset[int] = frozenset()) -> Edit:
    """Do an operation over all grids and let the independent checker look at what came out."""
    edit = apply(Patch(grids), operation, locked=locked)
    after = put(grids, edit)
    outline = Polygon(shapely.get_exterior_ring(shapely.coverage_union_all(list(grids.values()))))
    assert faults(after, outline) == ()
    assert total(after) == total(grids)
    assert set(edit.before) == set(edit.after)
    back = put(after, edit.undone)
    assert {key: shape.wkb for key, shape in back.items()} == {key: shape.wkb for key, shape in grids.items()}
    return edit


def put(grids: Mapping[int, Polygon], edit: Edit) -> dict[int, Polygon]:
    merged = {**grids, **edit.after}
    return {key: shape for key, shape in merged.items() if shape is not None}


def refusal(grids: Mapping[int, Polygon], operation: Operation, *, locked: frozenset[int] = frozenset()) -> str:
    with pytest.raises(BadInput) as refused:
        apply(Patch(grids), operation, locked=locked)
    return str(refused.value)


def area(shape: Polygon | None) -> float:
    """Return an area in square steps."""
    assert shape is not None
    return shape.area / STEP**2


# ---- units ---------------------------------------------------------------------------------------------------------


def test_degrees_and_whole_units_lead_to_each_other_without_loss() -> None:
    shapes = [shapely.geometry.shape(f["geometry"]) for f in json.loads(_read("grids"))["features"]]
    for shape in shapes:
        units = whole(shape)
        assert whole(degrees(units)).wkb == units.wkb
        assert (shapely.get_coordinates(units) == np.rint(shapely.get_coordinates(units))).all()
        assert degrees(units).equals_exact(shape, 0)


def _read(name: str) -> str:
    return (GEODATA / f"{name}.geojson").read_text("utf-8")


def test_a_single_part_is_taken_for_a_polygon_and_junk_is_refused() -> None:
    assert whole(MultiPolygon([shapely.box(105, 27, 106, 28)])).area == 1e14
    for junk in (
        MultiPolygon([shapely.box(105, 27, 106, 28), shapely.box(107, 27, 108, 28)]),
        shapely.Point(105, 27),
        Polygon(),
        shapely.box(170, 80, 190, 85),
        shapely.box(105, 27, 106, float("inf")),
    ):
        with pytest.raises(BadInput):
            whole(junk)


def test_areas_are_exact_where_floats_are_not() -> None:
    shape = Polygon([(1_800_000_000, 0), (1_800_000_001, 900_000_000), (1_799_999_999, 900_000_000)])
    assert twice_area(shape) == 2 * 900_000_000
    assert twice_area(enclave()[1]) == 2 * (100 - 16) * STEP**2


# ---- corners -------------------------------------------------------------------------------------------------------


def test_a_moved_node_takes_all_its_grids_along() -> None:
    edit = done(board(), Move(at(10, 10), at(12, 13)))
    assert set(edit.after) == {1, 2, 3, 4}
    assert area(edit.after[1]) == 0.5 * (12 * 10 + 10 * 13)  # two triangles from its south-west corner


def test_a_new_corner_bends_the_border_of_two_grids_only() -> None:
    edit = done(board(), Insert(at(10, 5), at(12, 5)))
    assert set(edit.after) == {1, 2}
    assert area(edit.after[1]) == 110


def test_a_new_corner_without_a_place_lies_on_the_border() -> None:
    edit = done(board(), Insert((at(10, 5)[0] + 40, at(10, 5)[1])))
    assert at(10, 5) in [tuple(p) for p in edit.after[1].exterior.coords]  # type: ignore[union-attr]
    assert area(edit.after[1]) == 100


def test_a_removed_corner_straightens_the_border() -> None:
    bent = put(board(), done(board(), Insert(at(10, 5), at(12, 5))))
    edit = done(bent, Remove(at(12, 5)))
    assert area(edit.after[1]) == 100
    assert "相交" in refusal(bent, Remove(at(10, 10)))
    assert "没有边界的折点" in refusal(bent, Remove(at(11, 10)))


def test_a_corner_dropped_exactly_on_another_border_becomes_its_corner_too() -> None:
    bent = put(board(), done(board(), Insert(at(10, 5), at(12, 5))))
    # the corner of 1|2 comes to lie on nothing but the end of the border: it meets the node
    assert "交叉" in refusal(bent, Move(at(12, 5), at(15, 10)))


def test_a_border_end_slides_along_the_outline_but_does_not_leave_it() -> None:
    edit = done(board(), Move(at(10, 0), at(13, 0)))
    assert set(edit.after) == {1, 2}
    assert area(edit.after[1]) == 100 + 0.5 * 3 * 10
    assert "外界" in refusal(board(), Move(at(10, 0), at(10, 4)))
    assert "外界" in refusal(board(), Move(at(0, 0), at(1, 1)))
    assert "外界" in refusal(board(), Insert(at(0, 5)))
    assert "外界" in refusal(board(), Remove(at(0, 0)))


def test_what_would_cross_itself_is_refused() -> None:
    bent = put(board(), done(board(), Insert(at(10, 5), at(12, 5))))
    assert "交叉" in refusal(bent, Move(at(12, 5), at(5, 15)))
    assert "交叉" in refusal(board(), Move(at(10, 10), at(-3, 10)))


def test_what_would_leave_a_strip_nobody_could_find_is_refused() -> None:
    assert "太尖" in refusal(board(), Move(at(10, 10), at(0.05, 0.05)))
    bent = put(board(), done(board(), Insert(at(10, 5), at(12, 5))))
    assert "2 米" in refusal(bent, Move(at(12, 5), at(19.9, 5)))


def test_locked_grids_stay_as_they_are() -> None:
    assert "锁定" in refusal(board(), Move(at(10, 10), at(11, 11)), locked=frozenset({4}))
    assert "锁定" in refusal(board(), Join(1, 2), locked=frozenset({2}))
    assert "锁定" in refusal(board(), Give((square(11, 1, 2),), 1), locked=frozenset({2}))
    done(board(), Insert(at(10, 5), at(12, 5)), locked=frozenset({3, 4}))


def test_a_cut_meets_a_locked_border_only_at_its_corners() -> None:
    grids = board()
    edit = done(grids, Cut(1, line((5, -1), (5, 11)), -1), locked=frozenset({3}))
    assert 3 not in edit.after
    ends = {tuple(p) for p in edit.after[-1].exterior.coords}  # type: ignore[union-attr]
    assert ends <= {tuple(p) for p in [*line((5, 0), (0, 0), (10, 0), (0, 10), (10, 10))]}


# ---- lines ---------------------------------------------------------------------------------------------------------


def test_a_cut_makes_two_grids_and_its_ends_become_corners_of_the_neighbours() -> None:
    edit = done(board(), Cut(1, line((6, -2), (6, 12)), -1))
    assert set(edit.after) == {1, -1, 3}  # 3 gets a corner, the outline is not changed
    assert area(edit.after[1]) == 60
    assert area(edit.after[-1]) == 40
    assert area(edit.after[3]) == 100
    assert edit.before[-1] is None


def test_a_cut_may_begin_and_end_at_nodes() -> None:
    edit = done(board(), Cut(1, line((0, 0), (10, 10)), -1))
    assert set(edit.after) == {1, -1}
    assert area(edit.after[1]) == area(edit.after[-1]) == 50


def test_a_cut_that_stops_a_little_short_is_led_to_the_border() -> None:
    edit = done(board(), Cut(1, line((5, 0.2), (5, 9.8)), -1))
    assert area(edit.after[1]) == 50
    assert "没有切开" in refusal(board(), Cut(1, line((5, 2), (5, 8)), -1))


def test_a_cut_across_the_outline_ends_at_one_of_its_corners() -> None:
    grids = slanted()
    outline = shapely.coverage_union_all(list(grids.values()))
    edit = done(grids, Cut(1, ((X + 3_000, Y - 500), (X + 3_000, Y + 5_000), (X + 11_000, Y + 5_000)), -1))
    after = put(grids, edit)
    assert shapely.coverage_union_all(list(after.values())).normalize().wkb == outline.normalize().wkb


def test_a_cut_along_the_outline_cuts_nothing() -> None:
    assert "没有切开" in refusal(board(), Cut(1, line((0, 0), (10, 0)), -1))


def test_a_cut_into_three_is_refused() -> None:
    assert "3 块" in refusal(board(), Cut(1, line((-1, 3), (11, 3), (11, 7), (-1, 7)), -1))


def test_a_reshaped_border_runs_along_the_line() -> None:
    edit = done(board(), Reshape(line((10, 1), (13, 1), (13, 9), (10, 9))))
    assert set(edit.after) == {1, 2}
    assert area(edit.after[1]) == 100 + 3 * 8
    edit = done(board(), Reshape(line((10, 1), (13, 4), (7, 6), (10, 9))))  # over the border and back
    assert area(edit.after[1]) == pytest.approx(100, abs=3)


def test_a_line_over_several_grids_reshapes_all_of_them() -> None:
    edit = done(board(), Reshape(line((-1, 10), (0, 10), (3, 12), (17, 12), (20, 10), (21, 10))))
    assert set(edit.after) == {1, 2, 3, 4}
    assert area(edit.after[1]) == 100 + 2 * 7 + 3
    assert area(edit.after[4]) == 100 - 2 * 7 - 3


def test_a_line_that_changes_nothing_is_told() -> None:
    assert "没有改变" in refusal(board(), Reshape(line((2, 2), (8, 8))))
    assert "没有改变" in refusal(board(), Reshape(line((10, 2), (10, 8))))
    assert "不与别的网格相邻" in refusal(board(), Reshape(line((-1, 3), (3, 3), (3, -1))))


def test_two_neighbours_become_one_and_strangers_do_not() -> None:
    edit = done(board(), Join(1, 2))
    assert edit.after[2] is None
    assert area(edit.after[1]) == 200
    assert "不相邻" in refusal(board(), Join(1, 4))  # a point is no border
    assert "不同" in refusal(board(), Join(1, 1))
    assert "没有这个网格" in refusal(board(), Join(1, 9))


# ---- grounds -------------------------------------------------------------------------------------------------------


def test_given_ground_goes_over_whole() -> None:
    edit = done(board(), Give((square(10, 2, 5),), 1))
    assert set(edit.after) == {1, 2}
    assert area(edit.after[1]) == 125


def test_a_block_takes_the_street_between_along() -> None:
    edit = done(board(), Give((square(11, 2, 6),), 1))  # 10 m from the border
    assert area(edit.after[1]) == pytest.approx(100 + 7 * 6, abs=2)


def test_a_block_far_away_is_not_joined() -> None:
    assert "不相连" in refusal(board(), Give((square(16, 4, 2),), 1))
    assert "已经属于" in refusal(board(), Give((square(1, 1, 3),), 1))
    assert "不在社区" in refusal(board(), Give((square(20.5, 1, 2),), 1))


def test_a_whole_grid_is_not_given_away() -> None:
    assert "空" in refusal(board(), Give((square(10, 0, 10),), 1))


def test_ground_that_would_cut_its_grid_in_two_is_refused() -> None:
    assert "几块" in refusal(board(), Give((ring((10, 4), (20, 4), (20, 6), (10, 6)),), 1))


def test_a_building_takes_along_what_is_nearest_to_it() -> None:
    house, behind = square(12, 4, 1.5), square(16, 4, 1.5)
    edit = done(board(), Give((house,), 1, (behind,)))
    after = edit.after[1]
    assert after is not None
    assert after.contains(house)
    assert after.intersection(behind).area == 0


def test_a_building_behind_another_is_refused_rather_than_cutting_that() -> None:
    wall = ring((13, -5), (14, -5), (14, 25), (13, 25))
    assert "隔着别的楼" in refusal(board(), Give((square(16, 4, 1.5),), 1, (wall,)))


def test_a_building_on_the_border_is_given_whole() -> None:
    house = square(9, 4, 2)
    edit = done(board(), Give((house,), 1, ()))
    assert edit.after[1].buffer(1).covers(house)  # type: ignore[union-attr]
    edit = done(board(), Give((house,), 2, ()))
    assert edit.after[2].buffer(1).covers(house)  # type: ignore[union-attr]


def test_a_new_grid_is_drawn_over_several() -> None:
    edit = done(board(), Draw(square(7, 7, 6), -1))
    assert area(edit.after[-1]) == 36
    assert {key: area(edit.after[key]) for key in (1, 2, 3, 4)} == {1: 91, 2: 91, 3: 91, 4: 91}


def test_a_ring_over_the_outline_takes_only_what_is_inside() -> None:
    edit = done(board(), Draw(ring((-3, 3), (4, 3), (4, 7), (-3, 7)), -1))
    assert area(edit.after[-1]) == 16
    assert "空" in refusal(board(), Draw(square(-1, -1, 12), -1))


# ---- enclaves ------------------------------------------------------------------------------------------------------


def test_an_enclave_is_drawn_moved_and_joined_again() -> None:
    grids = board()
    grids = put(grids, done(grids, Draw(square(3, 3, 4), -1)))
    assert len(grids[1].interiors) == 1
    grids = put(grids, done(grids, Move(at(3, 3), at(2, 2))))
    assert area(grids[-1]) == 16 + 4  # the corner goes out by a kite
    grids = put(grids, done(grids, Insert(at(7, 5), at(8, 5))))
    edit = done(grids, Join(1, -1))
    assert area(edit.after[1]) == 100
    assert not edit.after[1].interiors  # type: ignore[union-attr]


def test_a_grid_with_an_enclave_is_cut_through_it_and_from_it() -> None:
    edit = done(enclave(), Cut(1, line((-1, 5), (11, 5)), -1))
    assert set(edit.after) == {1, -1, 2, 3}  # the enclave and the neighbour get corners
    assert area(edit.after[1]) == area(edit.after[-1]) == 42
    assert area(edit.after[2]) == 16
    assert "没有切开" in refusal(enclave(), Cut(1, line((-1, 5), (3, 5)), -1))  # only to the enclave


def test_an_enclave_is_cut_and_reshaped() -> None:
    edit = done(enclave(), Cut(2, line((2, 5), (8, 5)), -1))
    assert set(edit.after) == {1, 2, -1}
    assert area(edit.after[2]) == 8
    edit = done(enclave(), Reshape(line((3, 4), (2, 4), (2, 6), (3, 6))))
    assert area(edit.after[2]) == 16 + 2


def test_an_enclave_may_reach_the_border_or_touch_it() -> None:
    edit = done(enclave(), Give((ring((7, 4), (10, 4), (10, 6), (7, 6)),), 2))
    assert area(edit.after[2]) == 16 + 6
    assert not edit.after[1].interiors  # type: ignore[union-attr]
    edit = done(enclave(), Move(at(7, 7), at(10, 7)))  # a corner that only touches the border
    assert set(edit.after) == {1, 2, 3}
    assert len(edit.after[1].interiors) == 1  # type: ignore[union-attr]


def test_a_drawn_ring_swallows_no_enclave() -> None:
    assert "空" in refusal(enclave(), Draw(square(2, 2, 6), -1))
    edit = done(enclave(), Draw(square(4, 4, 2), -1))
    assert area(edit.after[2]) == 12


# ---- the outline ---------------------------------------------------------------------------------------------------


def test_the_outline_changes_only_when_it_is_asked_for() -> None:
    grids = board()
    wished = ring((0, 0), (20, 0), (22, 10), (20, 20), (0, 20))
    edit = apply(Patch(grids), Shift(wished))
    after = put(grids, edit)
    assert set(edit.after) == {2}  # one piece of ground, to one grid
    assert faults(after, wished) == ()
    assert total(after) - total(grids) == 2 * 20 * STEP**2
    back = apply(Patch(after), Shift(square(0, 0, 20)))
    assert total(put(after, back)) == total(grids)
    assert put(after, edit.undone)[2].wkb == grids[2].wkb


def test_a_new_outline_is_taken_to_the_unit() -> None:
    world = World(invented(30, 2))
    old = Polygon(shapely.coverage_union_all(list(world.grids.values())))
    corners = shapely.get_coordinates(old.exterior)[:-1]
    for seed in range(12):
        rng = np.random.default_rng(seed)
        i, far = int(rng.integers(len(corners) - 6)), int(rng.choice([20, 90, 700]))
        moved = corners.copy()
        moved[i : i + 6] += rng.integers(-far, far + 1, (6, 2))
        wished = Polygon(moved)
        if not wished.is_valid:
            continue
        after = put(world.grids, apply(Patch(world.grids), Shift(wished)))
        assert faults(after) == ()
        assert shapely.coverage_union_all(list(after.values())).symmetric_difference(wished).area < 10 * STEP


def test_an_outline_that_loses_a_grid_is_refused() -> None:
    assert "空" in refusal(board(), Shift(ring((0, 0), (10, 0), (10, 20), (0, 20))))
    assert "没有改变" in refusal(board(), Shift(square(0, 0, 20)))
    assert "锁定" in refusal(board(), Shift(ring((0, 0), (20, 0), (22, 10), (20, 20), (0, 20))), locked=frozenset({2}))


# ---- junk ----------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
@pytest.mark.parametrize("junk", [float("nan"), float("inf"), -float("inf"), 1e300, 2e9])
def test_coordinates_that_are_none_are_refused_at_once(junk: float) -> None:
    bad = (junk, float(Y))
    for make in (
        lambda: Move(bad, at(1, 1)),  # type: ignore[arg-type]
        lambda: Move(at(1, 1), bad),  # type: ignore[arg-type]
        lambda: Insert(bad),  # type: ignore[arg-type]
        lambda: Remove(bad),  # type: ignore[arg-type]
        lambda: Reshape((at(0, 0), bad)),  # type: ignore[arg-type]
        lambda: Cut(1, (at(0, 0), bad), -1),  # type: ignore[arg-type]
        lambda: Draw([at(0, 0), at(1, 0), bad], -1),  # type: ignore[arg-type,list-item]
        lambda: Shift([at(0, 0), at(1, 0), bad]),  # type: ignore[arg-type,list-item]
        lambda: Give((Polygon([at(0, 0), at(1, 0), bad]),), 1),
    ):
        with pytest.raises(BadInput):
            make()


def test_a_million_points_and_scribbles_are_refused_at_once() -> None:
    every = np.arange(1_000_000)
    many = np.column_stack([X + every % 1_000, Y + every // 1_000])
    rng = np.random.default_rng(1)
    scribble = tuple((X + int(x), Y + int(y)) for x, y in rng.integers(0, 9_000, (4_000, 2)))
    dense, tangled = Polygon(many), Polygon(scribble)
    begin = time.perf_counter()
    for make in (
        lambda: Reshape(many),  # type: ignore[arg-type]
        lambda: Cut(1, many, -1),  # type: ignore[arg-type]
        lambda: Draw(dense, -1),
        lambda: Reshape(scribble),
        lambda: Draw(tangled, -1),
        lambda: Give((dense,), 1),
        lambda: Reshape(((X, Y),)),
        lambda: Draw(Polygon(line((0, 0), (5, 5), (5, 0), (0, 5))), -1),
        lambda: Give((), 1),
    ):
        with pytest.raises(BadInput):
            make()
    assert time.perf_counter() - begin < 2.0


def test_another_continent_is_refused() -> None:
    far = ((-740_000_000, 400_000_000), (-739_990_000, 400_000_000))
    assert "不在这个社区" in refusal(board(), Reshape(far))
    assert "不在这个社区" in refusal(board(), Draw(Polygon([*far, (-739_990_000, 400_009_000)]), -1))
    with pytest.raises(BadInput, match="太大"):
        Reshape((at(0, 0), far[0]))
    with pytest.raises(BadInput, match="太大"):
        Move(at(0, 0), far[0])


# ---- what goes with it ---------------------------------------------------------------------------------------------


def test_reach_and_names_tell_what_to_fetch() -> None:
    low, high = at(1, 2), at(5, 9)
    box = reach(Reshape((low, high)))
    assert box is not None
    assert box[0] < low[0] < high[0] < box[2]
    assert box[1] < low[1] < high[1] < box[3]
    assert reach(Join(1, 2)) is None
    assert named(Join(1, 2)) == {1, 2}
    assert named(Cut(3, (low, high), -1)) == {3}
    assert named(Give((square(0, 0, 1),), 4)) == {4}


def test_a_patch_is_enough_the_rest_of_the_community_is_not_looked_at() -> None:
    world = World(invented(400, 3))
    some = next(iter(sorted(world.grids)))
    corner = tuple(int(c) for c in world.grids[some].exterior.coords[3])
    wish = Insert((corner[0] + 3, corner[1] + 3), (corner[0] + 300, corner[1] + 300))
    assert len(world.patch(wish).grids) < 30
    small = _outcome(world.patch(wish), wish)
    assert small == _outcome(Patch(world.grids), wish)


def _outcome(patch: Patch, wish: Operation) -> str | dict[int, bytes]:
    try:
        return {key: shape.wkb if shape else b"" for key, shape in apply(patch, wish).after.items()}
    except BadInput as refused:
        return str(refused)


def test_borders_are_drawn_once_each_with_both_sides() -> None:
    found = borders(board())
    assert found.nodes == tuple(sorted(line((10, 0), (0, 10), (10, 10), (20, 10), (10, 20))))
    sides = sorted((arc.left, arc.right) for arc in found.arcs)
    assert sides == [(1, 0), (1, 2), (1, 3), (2, 0), (2, 4), (3, 0), (3, 4), (4, 0)]
    length = sum(arc.line.length for arc in found.arcs) / STEP
    assert length == 80 + 40


def test_the_border_of_an_enclave_is_one_closed_arc() -> None:
    [ring_] = [arc for arc in borders(enclave()).arcs if {arc.left, arc.right} == {1, 2}]
    assert ring_.line.is_closed
    assert ring_.line.length == 16 * STEP


def test_numbers_run_from_west_to_east_and_north_to_south() -> None:
    assert renumbered(board()) == {3: 1, 4: 2, 1: 3, 2: 4}
    assert renumbered({}) == {}
    assert renumbered({5: square(0, 0, 1), 6: square(1, 0, 1)}, {5: (9, 0), 6: (0, 0)}) == {6: 1, 5: 2}


def test_a_point_on_a_border_belongs_to_the_smallest_number_that_touches_it() -> None:
    points = np.array([at(5, 5), at(10, 5), at(10, 10), at(0, 10), at(30, 30)])
    numbers = {1: 7, 2: 3, 3: 9, 4: 5}
    assert holders(board(), points, numbers).tolist() == [1, 2, 2, 1, 0]


def test_a_drawn_line_follows_the_street_it_was_drawn_along() -> None:
    street = LineString([at(0, 5), at(4, 5.3), at(8, 5)])
    other = LineString([at(8, 5), at(12, 7)])
    found = snapped(line((0.1, 5.1), (5, 5.1), (8, 5.2), (12, 7.1)), [street, other], within=5.0)
    assert found[0] == pytest.approx(at(0.1, 5), abs=20)
    assert at(4, 5.3) in found
    assert at(8, 5) in found
    assert found[-1] == at(12, 7)
    assert snapped(line((0, 20), (5, 20)), [street], within=5.0) == line((0, 20), (5, 20))
    assert snapped(line((0, 0), (5, 0)), [], within=5.0) == line((0, 0), (5, 0))


def test_a_line_does_not_follow_a_street_that_leads_elsewhere() -> None:
    detour = LineString([at(0, 0), at(0, 30), at(10, 30), at(10, 0)])
    found = snapped(line((0, 0.1), (10, 0.1)), [detour], within=5.0)
    assert found == (at(0, 0.1), at(10, 0.1))
