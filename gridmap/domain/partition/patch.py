"""A patch of a partition: some grids with all their neighbours, and the pieces of border between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from shapely import Polygon

from gridmap.domain.drafting.ground import Scale
from gridmap.domain.partition.units import scale_at

Pair = tuple[int, int]
Ring = list[Pair]  # closed: the last corner is the first
Side = tuple[int, int, int, int]  # a piece of border from one corner to the next: x, y, x, y


@dataclass(frozen=True)
class Patch:
    """Grids that an operation may touch, with all their neighbours.

    A side that only one grid of the patch has is taken for the outline of the community: no operation but ``Shift``
    puts a corner there that is not exactly on it. So every neighbour of a grid that is touched must be here.

    Attributes
    ----------
    grids : by key; whole units.
    """

    grids: Mapping[int, Polygon]

    @cached_property
    def keys(self) -> np.ndarray:
        """Return the keys in ascending order."""
        return np.array(sorted(self.grids), dtype=np.int64)

    @cached_property
    def shapes(self) -> np.ndarray:
        """Return the grids in the order of ``keys``."""
        return np.array([self.grids[int(key)] for key in self.keys], dtype=object)

    @cached_property
    def scale(self) -> Scale:
        """Return the metres in a unit."""
        _, low, _, high = shapely.total_bounds(self.shapes)
        return scale_at((low + high) / 2)

    @cached_property
    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Return all sides as (n, 4) ends with the grid on their left, and its position in ``keys``."""
        return directed(self.shapes)

    def around(self, low: Pair, high: Pair) -> dict[Side, int]:
        """Return the sides that may meet a box with the grid on their left; a neighbour has the same one turned."""
        ends, owner = self.ends
        here = (np.minimum(ends[:, :2], ends[:, 2:]) <= high) & (np.maximum(ends[:, :2], ends[:, 2:]) >= low)
        chosen = here.all(axis=1)
        return self._named(ends[chosen], owner[chosen])

    def of(self, keys: Iterable[int]) -> dict[Side, int]:
        """Return the sides of some grids."""
        ends, owner = self.ends
        chosen = np.isin(owner, np.flatnonzero(np.isin(self.keys, list(keys))))
        return self._named(ends[chosen], owner[chosen])

    def _named(self, ends: np.ndarray, owner: np.ndarray) -> dict[Side, int]:
        return {(a, b, c, d): key for (a, b, c, d), key in zip(ends.tolist(), self.keys[owner].tolist(), strict=True)}

    def cropped(self, low: Sequence[float], high: Sequence[float]) -> Patch:
        """Return the grids whose boxes meet a box."""
        box = shapely.bounds(self.shapes)
        near = (box[:, :2] <= high).all(axis=1) & (box[:, 2:] >= low).all(axis=1)
        return Patch({key: self.grids[key] for key in self.keys[near].tolist()})

    def changed(self, after: Mapping[int, Polygon]) -> Patch:
        """Return the patch with some grids replaced."""
        return Patch({**self.grids, **after})


def pieces(sides: Mapping[Side, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return every side once as (n, 4) ends, and whether only one grid has it."""
    once = [side for side in sides if side[:2] < side[2:] or turned(side) not in sides]
    rim = [turned(side) not in sides for side in once]
    return np.array(once, dtype=np.int64).reshape(-1, 4), np.array(rim, dtype=bool)


def turned(side: Side) -> Side:
    """Return a side the other way round."""
    return side[2], side[3], side[0], side[1]


def directed(shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return all sides of polygons as (n, 4) ends with the polygon on the left, and the position of the polygon."""
    rings, shape = shapely.get_rings(shapely.orient_polygons(shapes), return_index=True)
    at, ring = shapely.get_coordinates(rings, return_index=True)
    grid = at.astype(np.int64)
    inner = ring[1:] == ring[:-1]
    return np.hstack([grid[:-1][inner], grid[1:][inner]]), shape[ring[1:][inner]]


def rings_of(shape: Polygon) -> list[Ring]:
    """Return the rings of a polygon, the outer one first, as they are written."""
    found = []
    for ring in (shape.exterior, *shape.interiors):
        corners = shapely.get_coordinates(ring).astype(np.int64).tolist()
        found.append([(x, y) for x, y in corners])
    return found


def sided(shapes: Iterable[Polygon]) -> list[Side]:
    """Return all sides of polygons, each with its polygon on the left."""
    ends, _ = directed(np.array(list(shapes), dtype=object))
    return [(a, b, c, d) for a, b, c, d in ends.tolist()]


def lone(sides: Sequence[Side]) -> set[Side] | None:
    """Return the sides that do not cancel in pairs; None when one is there twice."""
    found = set(sides)
    return {side for side in found if turned(side) not in found} if len(found) == len(sides) else None


def united(shapes: Iterable[Polygon]) -> Polygon | None:
    """Return polygons that share sides as one, without a new corner; None when they do not make one polygon."""
    found = shapely.get_parts(shapely.coverage_union_all(np.array(list(shapes), dtype=object)))
    if len(found) != 1 or shapely.get_type_id(found[0]) != 3:
        return None
    return Polygon(shapely.orient_polygons(found[0]))


def strings(ends: np.ndarray) -> np.ndarray:
    """Return (n, 4) ends as lines."""
    return np.asarray(shapely.linestrings(ends.reshape(-1, 2, 2).astype(float)))
