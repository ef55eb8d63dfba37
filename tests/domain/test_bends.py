"""Many corners moved at once: exact, together or not at all."""

from __future__ import annotations

import pytest
from shapely import Polygon

from gridmap.domain.partition import Bend, Patch, Straighten, apply, twice_area
from gridmap.errors import BadInput

LEFT, RIGHT, BELOW = 1, 2, 3
STEP = 4_000  # units, about 40 m


def at(*points: tuple[int, int]) -> list[tuple[int, int]]:
    return [(x * STEP + 1_050_000_000, y * STEP + 270_000_000) for x, y in points]


@pytest.fixture
def patch() -> Patch:
    """Two grids beside each other over a third: they meet in one node on top of the third."""
    wall = at((3, 2), (3, 3), (3, 4), (3, 5))
    return Patch(
        {
            LEFT: Polygon([*at((0, 2)), *wall, *at((3, 6), (0, 6))]),
            RIGHT: Polygon([*wall[:1], *at((6, 2), (6, 6), (3, 6)), *wall[:0:-1]]),
            BELOW: Polygon(at((0, 0), (6, 0), (6, 2), (3, 2), (0, 2))),
        }
    )


def test_a_bent_border_moves_every_corner_and_loses_no_ground(patch: Patch) -> None:
    moves = tuple(zip(at((3, 3), (3, 4)), at((2, 3), (2, 4)), strict=True))
    made = apply(patch, Bend(moves))
    assert set(made.after) == {LEFT, RIGHT}
    total = sum(twice_area(shape) for shape in made.after.values() if shape)
    assert total == sum(twice_area(patch.grids[key]) for key in (LEFT, RIGHT))
    left, right = made.after[LEFT], made.after[RIGHT]
    assert left
    assert right
    assert left.area < patch.grids[LEFT].area < right.area
    assert set(at((2, 3), (2, 4))) <= {(int(x), int(y)) for x, y in left.exterior.coords}


def test_a_node_takes_all_three_grids_along(patch: Patch) -> None:
    made = apply(patch, Bend(((at((3, 2))[0], at((4, 3))[0]), (at((3, 3))[0], at((4, 4))[0]))))
    assert set(made.after) == {LEFT, RIGHT, BELOW}


def test_a_straightened_border_runs_straight_between_what_stays(patch: Patch) -> None:
    bent = apply(patch, Bend(((at((3, 3))[0], at((2, 3))[0]), (at((3, 4))[0], at((2, 4))[0]))))
    after = patch.changed({key: shape for key, shape in bent.after.items() if shape})
    made = apply(after, Straighten(tuple(at((2, 3), (2, 4)))))
    left = made.after[LEFT]
    assert left
    assert left.equals(patch.grids[LEFT])


@pytest.mark.parametrize(
    "moves",
    [
        ((at((3, 3))[0], at((9, 9))[0]),),  # out of the community, over other borders
        ((at((1, 1))[0], at((1, 3))[0]),),  # no corner there
        ((at((0, 2))[0], at((1, 2))[0]),),  # on the outline
    ],
)
def test_what_would_break_the_partition_is_refused(
    patch: Patch, moves: tuple[tuple[tuple[int, int], ...], ...]
) -> None:
    with pytest.raises(BadInput):
        apply(patch, Bend(moves))  # type: ignore[arg-type]


def test_a_locked_grid_stays(patch: Patch) -> None:
    with pytest.raises(BadInput, match="锁定"):
        apply(patch, Bend(((at((3, 3))[0], at((2, 3))[0]),)), locked=frozenset({RIGHT}))


def test_a_node_cannot_be_straightened_away(patch: Patch) -> None:
    with pytest.raises(BadInput, match="相交"):
        apply(patch, Straighten((at((3, 2))[0],)))
