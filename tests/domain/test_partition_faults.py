"""The independent checker finds each kind of fault, where it is, however small."""

from __future__ import annotations

import shapely
from shapely import MultiPolygon, Polygon, box

from gridmap.domain.partition import Kind, faults

A, B = box(0, 0, 1_000, 1_000), box(1_000, 0, 2_000, 1_000)
OUTLINE = box(0, 0, 2_000, 1_000)


def kinds(
    grids: dict[int, Polygon | MultiPolygon], outline: Polygon | None = OUTLINE
) -> list[tuple[Kind, tuple[int, ...]]]:
    return [(fault.kind, fault.keys) for fault in faults(grids, outline)]


def test_a_partition_has_no_faults() -> None:
    assert faults({1: A, 2: B}, OUTLINE) == ()
    assert faults({1: A, 2: B}) == ()
    assert faults({1: A}) == ()
    assert faults({}) == ()


def test_a_gap_of_one_unit_is_found_where_it_is() -> None:
    dented = Polygon([(1_000, 0), (2_000, 0), (2_000, 1_000), (1_000, 1_000), (1_001, 500)])
    straight = Polygon([(0, 0), (1_000, 0), (1_000, 500), (1_000, 1_000), (0, 1_000)])
    [gap] = [fault for fault in faults({1: straight, 2: dented}, OUTLINE) if fault.kind == Kind.GAP]
    assert gap.twice_area == 1_000
    assert 1_000 <= gap.at[0] <= 1_001
    assert gap.keys == (1, 2)


def test_an_overlap_of_one_unit_is_found() -> None:
    swollen = Polygon([(1_000, 0), (2_000, 0), (2_000, 1_000), (1_000, 1_000), (999, 500)])
    found = faults({1: A, 2: swollen}, OUTLINE)
    assert [(fault.kind, fault.keys, fault.twice_area) for fault in found if fault.kind == Kind.OVERLAP] == [
        (Kind.OVERLAP, (1, 2), 1_000)
    ]


def test_a_grid_inside_another_is_an_overlap() -> None:
    assert (Kind.OVERLAP, (1, 2)) in kinds({1: OUTLINE, 2: box(100, 100, 200, 200)})


def test_a_hole_that_nobody_fills_is_a_gap_also_without_an_outline() -> None:
    holed = Polygon(A.exterior, [box(400, 400, 600, 600).exterior])
    assert kinds({1: holed, 2: B}, None) == [(Kind.GAP, (1,))]
    assert kinds({1: holed, 2: B, 3: box(400, 400, 600, 600)}, None) == []


def test_a_missing_grid_and_one_too_many_are_told() -> None:
    assert kinds({1: A}) == [(Kind.GAP, (1,))]
    assert kinds({1: A, 2: B, 3: box(2_000, 0, 3_000, 1_000)}) == [(Kind.BEYOND, (3,))] or kinds(
        {1: A, 2: B, 3: box(2_000, 0, 3_000, 1_000)}
    ) == [(Kind.BEYOND, (2, 3))]


def test_two_places_apart_are_no_gap() -> None:
    assert faults({1: A, 2: box(5_000, 0, 6_000, 1_000)}) == ()


def test_a_corner_on_a_neighbours_side_is_told() -> None:
    cornered = Polygon([(1_000, 0), (2_000, 0), (2_000, 1_000), (1_000, 1_000), (1_000, 500)])
    [fault] = faults({1: A, 2: cornered}, OUTLINE)
    assert (fault.kind, fault.keys, fault.at) == (Kind.CORNER, (1,), (1_000, 500))


def test_shapes_that_are_no_grids_are_told() -> None:
    bow_tie = Polygon([(0, 0), (1_000, 1_000), (1_000, 0), (0, 1_000)])
    assert (Kind.INVALID, (1,)) in kinds({1: bow_tie, 2: B})
    assert (Kind.PIECES, (1,)) in kinds({1: MultiPolygon([box(0, 0, 400, 1_000), box(600, 0, 1_000, 1_000)]), 2: B})
    assert (Kind.UNREADABLE, (1,)) in kinds({1: shapely.box(0, 0, 1_000.5, 1_000), 2: B})
    assert (Kind.UNREADABLE, (1,)) in kinds({1: Polygon(), 2: B})
