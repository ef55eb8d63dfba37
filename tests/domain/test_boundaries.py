"""Drafts of borders: packed to the byte, the same ground known again, what differs from the base, names of numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import Polygon, box

from gridmap.domain.boundaries import (
    DraftGrid,
    absent,
    detail_of,
    differing,
    fingerprint,
    is_whole,
    numeral,
    packed,
    renamed,
    same_grid,
    settled,
    unpacked,
    usual_name,
)
from gridmap.domain.partition import Cut, Give, Move


def a_grid(key: int = 1, number: int = 1, shape: Polygon | None = None, name: str = "第一网格") -> DraftGrid:
    """Return a square grid of 10 units."""
    return DraftGrid(key, number, name, "general", shape or box(0, 0, 10, 10))


def turned(shape: Polygon, by: int, *, back: bool = False) -> Polygon:
    """Return a polygon whose ring begins elsewhere, and runs the other way."""
    ring = np.roll(shapely.get_coordinates(shape)[:-1], by, axis=0)
    return Polygon(ring[::-1] if back else ring)


words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
keys = st.integers(-(2**62), 2**62).filter(bool)


@given(
    st.lists(
        st.builds(
            DraftGrid,
            keys,
            st.integers(0, 999),
            words,
            st.sampled_from(["general", "commercial"]),
            st.one_of(st.none(), st.builds(lambda x, y: box(x, y, x + 7, y + 3), *[st.integers(-(10**9), 10**9)] * 2)),
            st.integers(0, 2**40),
        ),
        max_size=6,
        unique_by=lambda grid: grid.key,
    )
)
def test_what_is_packed_comes_back(grids: list[DraftGrid]) -> None:
    found = unpacked(packed(grids))
    assert list(found) == sorted(grids, key=lambda g: g.key)
    assert packed(found) == packed(grids)


def test_a_fingerprint_knows_the_ground_and_not_where_its_ring_begins() -> None:
    one, other = a_grid(1), a_grid(2, 2, box(10, 0, 20, 10))
    again = [replace(g, boundary=turned(g.boundary, 3, back=True)) for g in (other, one) if g.boundary]
    assert fingerprint([one, other]) == fingerprint(again)
    assert packed([one, other]) != packed(again)
    moved = replace(one, boundary=Polygon([(0, 0), (0, 10), (10, 11), (10, 0)]))
    assert fingerprint([moved, other]) != fingerprint([one, other])
    assert fingerprint([replace(one, name="别名"), other]) != fingerprint([one, other])


def test_a_grid_that_is_as_the_base_again_is_the_base_ring_by_ring() -> None:
    base = {1: a_grid(1), 2: a_grid(2, 2, box(10, 0, 20, 10))}
    back = replace(base[1], boundary=turned(box(0, 0, 10, 10), 2))
    other = replace(base[2], name="别名")
    different, again = settled([back, other, absent(-1)], base)
    assert different == [other]
    assert packed(again) == packed([base[1], absent(-1)])


def test_a_grid_given_up_differs_and_one_that_was_never_there_does_not() -> None:
    base = {1: a_grid(1)}
    gone = replace(base[1], boundary=None)
    assert settled([gone, absent(-3)], base) == ([gone], [absent(-3)])
    assert not same_grid(gone, base[1])
    assert same_grid(gone, gone)


def test_a_whole_partition_differs_in_what_it_adds_changes_and_leaves_out() -> None:
    present = [a_grid(1), a_grid(2, 2, box(10, 0, 20, 10)), a_grid(3, 3, box(20, 0, 30, 10))]
    wanted = [present[0], a_grid(2, 2, box(10, 0, 25, 10)), a_grid(-1, 4, box(25, 0, 30, 10))]
    found = {g.key: g for g in differing(present, wanted)}
    assert set(found) == {2, 3, -1}
    assert found[3].boundary is None
    assert found[2] == wanted[1]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        *[(1, "一"), (10, "十"), (11, "十一"), (20, "二十"), (45, "四十五"), (100, "一百"), (101, "一百零一")],
        *[(110, "一百一十"), (219, "二百一十九"), (999, "九百九十九"), (1000, "1000"), (0, "0")],
    ],
)
def test_numbers_are_read_as_people_say_them(number: int, said: str) -> None:
    assert numeral(number) == said


def test_a_name_that_is_a_number_follows_the_number_and_a_given_one_stays() -> None:
    assert renamed(a_grid(1, 1, name=usual_name(1)), 19).name == "第十九网格"
    assert renamed(a_grid(1, 1, name="商圈专属网格"), 19) == a_grid(1, 19, name="商圈专属网格")


def test_what_was_done_is_told_in_whole_numbers() -> None:
    assert detail_of(Move((1, 2), (3, 4))) == {"at": [1, 2], "to": [3, 4]}
    assert detail_of(Cut(5, ((0, 0), (9, 9)), -1)) == {"key": 5, "line": [[0, 0], [9, 9]], "new_key": -1}
    told = detail_of(Give((box(0, 0, 2, 2),), 7))
    assert told["to"] == 7
    assert sorted(told["shapes"][0][:-1]) == [[0, 0], [0, 2], [2, 0], [2, 2]]


def test_only_whole_units_are_whole() -> None:
    assert is_whole(box(0, 0, 10, 10))
    assert not is_whole(box(0, 0, 10, 10.5))
