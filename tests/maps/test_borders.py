"""Grids as arcs: every border once, nothing lost."""

from __future__ import annotations

import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import Polygon, box

from gridmap.maps.borders import UNIT, Arcs, arcs_of

EAST, NORTH = 105.28, 27.30


def place(x: float, y: float, wide: float = 1, tall: float = 1) -> Polygon:
    """Return a rectangle in thousandths of a degree."""
    return box(EAST + x / 1000, NORTH + y / 1000, EAST + (x + wide) / 1000, NORTH + (y + tall) / 1000)


def drawn(arcs: Arcs, face: int) -> Polygon:
    """Draw a face again, as the browser does."""

    def points(number: int) -> list[tuple[float, float]]:
        flat = arcs.arcs[number if number >= 0 else ~number]
        x = y = 0
        found = []
        for dx, dy in zip(flat[::2], flat[1::2], strict=True):
            x, y = x + dx, y + dy
            found.append((x * UNIT, y * UNIT))
        return found if number >= 0 else found[::-1]

    rings = []
    for numbers in arcs.rings[face]:
        ring = points(numbers[0])
        for number in numbers[1:]:
            assert ring[-1] == points(number)[0]
            ring += points(number)[1:]
        rings.append(ring)
    return Polygon(rings[0], rings[1:])


def test_two_neighbours_share_one_arc() -> None:
    arcs = arcs_of({1: place(0, 0), 2: place(1, 0)})
    assert len(arcs.arcs) == 3
    assert len(arcs.outer) == 2
    shared = {abs(n) if n >= 0 else ~n for n in arcs.rings[1][0]} & {n if n >= 0 else ~n for n in arcs.rings[2][0]}
    assert len(shared) == 1
    assert not shared & set(arcs.outer)


def test_an_enclave_is_a_hole_of_the_grid_around_it() -> None:
    inner = place(1, 1)
    arcs = arcs_of({1: Polygon(place(0, 0, 3, 3).exterior, [inner.exterior.coords]), 2: inner})
    assert [len(rings) for rings in arcs.rings.values()] == [2, 1]
    assert len(arcs.arcs) == 2
    assert drawn(arcs, 1).symmetric_difference(drawn(arcs, 2)).equals(place(0, 0, 3, 3)) is False
    assert abs(drawn(arcs, 1).area + drawn(arcs, 2).area - 9e-6) < 1e-12


def test_a_corner_of_four_is_a_node() -> None:
    arcs = arcs_of({1: place(0, 0), 2: place(1, 0), 3: place(0, 1), 4: place(1, 1)})
    assert len(arcs.arcs) == 8
    assert len(arcs.outer) == 4


@given(st.lists(st.integers(1, 6), min_size=1, max_size=6), st.lists(st.integers(1, 6), min_size=1, max_size=6))
def test_every_partition_is_drawn_as_it_was(widths: list[int], heights: list[int]) -> None:
    faces, x = {}, 0
    for wide in widths:
        y = 0
        for tall in heights:
            faces[len(faces)] = place(x, y, wide, tall)
            y += tall
        x += wide
    arcs = arcs_of(faces)
    again = [drawn(arcs, number) for number in faces]
    for number, face in faces.items():
        assert again[number].is_valid
        assert again[number].symmetric_difference(face).area < 1e-12
    assert shapely.coverage_is_valid(again)
    uses = [n if n >= 0 else ~n for rings in arcs.rings.values() for ring in rings for n in ring]
    assert sorted(uses) == sorted([*arcs.outer, *[n for n in range(len(arcs.arcs)) if n not in arcs.outer] * 2])
