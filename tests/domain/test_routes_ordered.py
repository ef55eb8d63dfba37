"""The exact order: equal to trying everything, proven, for every kind of travel."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from route_days import shortest_walk

from gridmap.domain.routes import order
from gridmap.domain.routes.ordering import Ordered

Matrix = npt.NDArray[np.int64]


def level(rng: np.random.Generator, n: int, size: int = 1_000) -> Matrix:
    xy = rng.integers(0, size, (n, 2))
    return np.rint(np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1))).astype(np.int64)


def climbing(rng: np.random.Generator, n: int) -> Matrix:
    """Return travel that is uneven by heights alone."""
    heights = rng.integers(0, 300, n)
    travel: Matrix = level(rng, n) + 4 * heights[:, None] + 3 * heights[None, :]
    np.fill_diagonal(travel, 0)
    return travel


def towers(rng: np.random.Generator, n: int) -> Matrix:
    """Return travel between floors of towers with lifts: inside a tower down is easier than up."""
    floor, house = rng.integers(1, 18, n), rng.integers(0, max(2, n // 3), n)
    up = np.minimum(16 * (floor - 1), 25 + 3 * (floor - 1))
    down = np.minimum(12 * (floor - 1), 25 + 3 * (floor - 1))
    rise = floor[None, :] - floor[:, None]
    inside = np.minimum(np.where(rise > 0, 16 * rise, -12 * rise), 25 + 3 * np.abs(rise))
    travel: Matrix = level(rng, n)[np.ix_(house, house)] + down[:, None] + up[None, :]
    travel = np.where(house[:, None] == house[None, :], inside, travel)
    np.fill_diagonal(travel, 0)
    return travel


def one_way(rng: np.random.Generator, n: int) -> Matrix:
    """Return travel that is uneven in every way."""
    travel = level(rng, n) + rng.integers(0, 400, (n, n))
    np.fill_diagonal(travel, 0)
    return travel


def along(travel: Matrix, found: Ordered, end: int) -> int:
    walk = [*found.order, found.order[0]] if end == found.order[0] and len(travel) > 1 else list(found.order)
    return sum(int(travel[a, b]) for a, b in pairwise(walk))


def test_order_equals_trying_everything(nightly: bool) -> None:
    rng = np.random.default_rng(3)
    for trial in range(800 if nightly else 120):
        n = int(rng.integers(1, 9))
        travel = (level, climbing, one_way, towers)[trial % 4](rng, n)
        start, other = int(rng.integers(n)), int(rng.integers(n))
        end = (-1, start, other)[trial // 4 % 3]
        found = order(travel, start, end)
        assert sorted(found.order) == list(range(n))
        assert found.order[0] == start
        assert end in {-1, start, found.order[-1]}
        assert (
            found.length_s == found.bound_s == shortest_walk(travel.tolist(), start, end) == along(travel, found, end)
        )
        assert found.proven


def test_order_equals_dynamic_programming_on_more_places() -> None:
    rng = np.random.default_rng(4)
    for make in (level, climbing, one_way, towers):
        for _ in range(3):
            travel = make(rng, 12)
            found = order(travel, 0, -1)
            assert (found.length_s, found.proven) == (held_karp(travel), True)


def held_karp(travel: Matrix) -> int:
    """Return the shortest walk from place 0 through all others, ending anywhere."""
    n = len(travel) - 1
    best = np.full((1 << n, n), 1 << 40)
    for j in range(n):
        best[1 << j, j] = travel[0, j + 1]
    for held in range(1, 1 << n):
        for j in range(n):
            if held >> j & 1 and held != 1 << j:
                rest = best[held ^ (1 << j)]
                best[held, j] = int((rest + travel[1:, j + 1]).min())
    return int(best[-1].min())


def test_a_day_of_sixty_doors_is_proven() -> None:
    rng = np.random.default_rng(6)
    for make in (level, climbing, towers):
        travel = make(rng, 60)
        found = order(travel, 0, -1)
        assert found.proven
        assert along(travel, found, -1) == found.length_s


def test_doors_of_one_stairwell_without_way_between_them_are_ordered_too() -> None:
    rng = np.random.default_rng(7)
    spots = np.sort(rng.integers(0, 8, 30))
    travel = level(rng, 8)[np.ix_(spots, spots)]
    found = order(travel, 0, 0)
    assert found.proven
    assert (
        found.length_s == order(travel[np.ix_(first := np.unique(spots, return_index=True)[1], first)], 0, 0).length_s
    )


def test_without_effort_the_bound_is_still_a_bound() -> None:
    travel = level(np.random.default_rng(8), 100)
    exact, given_up = order(travel, 0, 0), order(travel, 0, 0, effort=1)
    assert exact.proven
    assert given_up.bound_s <= exact.length_s <= given_up.length_s
    assert given_up.proven == (given_up.bound_s == given_up.length_s)
    stopped = order(travel, 0, 0, stop=lambda: True)
    assert 0 <= stopped.bound_s <= exact.length_s <= stopped.length_s
    assert not stopped.proven


def test_the_same_order_comes_every_time() -> None:
    travel = one_way(np.random.default_rng(9), 25)
    assert order(travel, 0, 3) == order(travel, 0, 3)
