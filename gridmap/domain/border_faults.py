"""What needs a look in the borders of a day or of a draft; gaps and overlaps are found by ``partition.faults``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import shapely
from shapely import Polygon

from gridmap.domain import partition
from gridmap.domain.boundaries import DraftGrid
from gridmap.domain.effects import NOWHERE, Band, Fault, Ints, Spots, band, metres_per_unit
from gridmap.domain.working import WorkSetting

Shapes = npt.NDArray[np.object_]

CUT_M2 = 1.0  # a border that runs along a wall may graze it by centimetres
CLEARLY, EVEN = 0.25, 0.02  # of the side of a square as large as the median grid
# The order of the list: what makes figures wrong first, what is only untidy last.
KINDS = (
    *("unreadable", "invalid", "pieces", "overlap", "gap", "beyond", "node"),
    *("unassigned", "orphan", "misplaced", "cut", "island", "no_worker", "large", "small", "number"),
)


def torn(grids: Iterable[DraftGrid], outline: Polygon | None) -> Iterator[Fault]:
    """Yield what keeps grids from being a partition of the outline."""
    shapes = {g.key: g.boundary for g in grids if g.boundary is not None}
    for found in partition.faults(shapes, outline):
        kind = "node" if found.kind == "corner" else str(found.kind)
        yield Fault(kind, found.keys, found.at)


def of_buildings(
    houses: Spots, kept_in: Ints | None, held_by: Ints, footprints: Shapes, grids: Iterable[DraftGrid]
) -> Iterator[Fault]:
    """Yield buildings in no grid, in another than they are kept in, or cut by a border.

    Parameters
    ----------
    houses : n buildings with the points by which their grid is decided
    kept_in : (n,) the grid each is kept in today; None in a draft, which keeps nothing yet
    held_by : (n,) the grid that holds each
    footprints : (n,) polygons in whole units
    """
    for i in np.flatnonzero(held_by == NOWHERE).tolist():
        yield _of_building("unassigned", (), houses, i)
    if kept_in is not None:
        for i in np.flatnonzero((held_by != NOWHERE) & (held_by != kept_in)).tolist():
            yield _of_building("misplaced", (int(held_by[i]), int(kept_in[i])), houses, i)
    for grid in grids:
        for i in _cut(grid, np.flatnonzero(held_by == grid.key), footprints):
            yield _of_building("cut", (grid.key,), houses, i)


def of_households(houses: Spots, elsewhere: Mapping[int, int]) -> Iterator[Fault]:
    """Yield buildings of which some households are kept in another grid."""
    for i, building_id in enumerate(houses.ids.tolist()):
        if elsewhere.get(building_id):
            yield _of_building("orphan", (int(houses.grid_id[i]),), houses, i)


def _of_building(kind: str, keys: tuple[int, ...], houses: Spots, i: int) -> Fault:
    return Fault(kind, keys, (int(houses.x[i]), int(houses.y[i])), int(houses.ids[i]))


def _cut(grid: DraftGrid, mine: Ints, footprints: Shapes) -> list[int]:
    """Return which of its buildings lie outside a grid by more than ``CUT_M2``."""
    if grid.boundary is None or not len(mine):
        return []
    east, north = metres_per_unit(grid.boundary.bounds[1])
    shapely.prepare(grid.boundary)
    across = mine[~shapely.covers(grid.boundary, footprints[mine])]
    outside = shapely.area(shapely.difference(footprints[across], grid.boundary)) * east * north
    return [int(i) for i in across[outside > CUT_M2]]


def of_grids(
    grids: Sequence[DraftGrid],
    households: Mapping[int, int],
    workers: Mapping[int, int],
    setting: WorkSetting,
) -> Iterator[Fault]:
    """Yield grids without a worker, outside the tolerance, around or inside another, or out of number.

    Parameters
    ----------
    households : by grid; workers : the main worker of each present grid
    """
    there = [g for g in grids if g.boundary is not None]
    for grid in there:
        at = _middle(grid.boundary)
        if not (workers.get(grid.key) if grid.key > 0 else grid.worker_id):
            yield Fault("no_worker", (grid.key,), at)
        size = band(households.get(grid.key, 0), grid.kind, setting)
        if size in (Band.SMALL, Band.LARGE):
            yield Fault(str(size), (grid.key,), at)
    yield from _islands(there)
    shape = {g.key: g.boundary for g in there}
    for late, early in out_of_order(there):
        yield Fault("number", (late, early), _middle(shape[late]))


def out_of_order(grids: Iterable[DraftGrid]) -> list[tuple[int, int]]:
    """Return pairs of grids whose numbers are the wrong way round, or equal: the one to come first, then the other.

    Where one row of grids ends and the next begins is a matter of taste. But a grid that lies north or west of another,
    and not south or east of it, comes before it in whatever rows, and only that is called wrong: by centres, by more
    than ``CLEARLY`` of a usual grid's width the one way, even to ``EVEN`` of it the other, and only where ``in_rows``
    would put it right. Commercial grids have the last numbers, in an order of their own.
    """
    listed = sorted((g for g in grids if g.boundary is not None), key=lambda g: (g.number, g.key))
    shapes = np.array([g.boundary for g in listed], dtype=object)
    if not len(listed):
        return []
    x, y = shapely.get_coordinates(shapely.centroid(shapes)).T
    least = CLEARLY * float(np.sqrt(np.median(shapely.area(shapes))))
    last = np.array([g.kind != "general" for g in listed])
    number = np.array([g.number for g in listed])
    numbers = in_rows(listed)
    wanted = np.array([numbers[g.key] for g in listed])
    found = []
    for j in range(1, len(listed)):
        before = slice(0, j)
        north, west = y[j] - y[before], x[before] - x[j]
        # clearly one way, and not clearly against it the other way
        north_west = (np.maximum(north, west) > least) & (np.minimum(north, west) > -EVEN / CLEARLY * least)
        north_west &= last[before] == last[j]
        wrong = ((north_west | (last[before] & ~last[j])) & (wanted[j] < wanted[before])) | (
            number[before] == number[j]
        )
        if wrong.any():
            found.append((listed[j].key, listed[int(np.flatnonzero(wrong)[0])].key))
    return found


def in_rows(grids: Iterable[DraftGrid]) -> dict[int, int]:
    """Return new numbers by key: from west to east in rows from north to south, commercial grids after the others."""
    numbers: dict[int, int] = {}
    listed = [g for g in grids if g.boundary is not None]
    for general in (True, False):
        some = {g.key: g.boundary for g in listed if (g.kind == "general") is general and g.boundary is not None}
        numbers |= {key: number + len(numbers) for key, number in partition.renumbered(some).items()}
    return numbers


def _middle(shape: Polygon | None) -> tuple[int, int]:
    x, y = shapely.get_coordinates(shapely.point_on_surface(shape))[0]
    return round(x), round(y)


def _islands(grids: Sequence[DraftGrid]) -> Iterator[Fault]:
    """Yield grids that lie wholly inside another: the keys within, then the one around."""
    for outer in grids:
        for hole in outer.boundary.interiors if outer.boundary is not None else ():
            ground = Polygon(hole)
            inside = [g.key for g in grids if g.boundary is not None and g is not outer and ground.covers(g.boundary)]
            yield Fault("island", (*inside, outer.key), _middle(ground))


def in_order(found: Iterable[Fault]) -> tuple[Fault, ...]:
    """Return faults with the gravest first, so that one can walk through them."""
    rank = {kind: i for i, kind in enumerate(KINDS)}
    return tuple(sorted(found, key=lambda f: (rank.get(f.kind, 0), f.keys, f.building_id, f.at)))
