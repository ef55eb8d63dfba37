"""An independent checker: what is wrong with a set of grids, and where.

It shares nothing with what makes edits: polygons are compared pair by pair with exact predicates, and areas added up
in whole numbers.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import shapely
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from gridmap.domain.partition.patch import Pair


class Kind(StrEnum):
    """What can be wrong."""

    UNREADABLE = "unreadable"  # no polygon at all, or coordinates that are no whole numbers
    INVALID = "invalid"  # crosses itself
    PIECES = "pieces"  # several polygons
    OVERLAP = "overlap"
    GAP = "gap"
    BEYOND = "beyond"  # outside of the community's outline
    CORNER = "corner"  # of one grid on the side of another that has none there


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong.

    Attributes
    ----------
    kind : what.
    keys : grids concerned.
    at : a point in whole units where it can be seen.
    twice_area : of a gap or an overlap, in square units, rounded.
    """

    kind: Kind
    keys: tuple[int, ...]
    at: Pair
    twice_area: int = 0


def faults(grids: Mapping[int, Polygon | MultiPolygon], outline: Polygon | None = None) -> tuple[Fault, ...]:
    """Return everything that keeps grids from being a partition.

    Parameters
    ----------
    grids : by key; whole units.
    outline : what they must cover exactly; without it their own outer ring, in which there may be no hole.
    """
    keys = np.array(sorted(grids), dtype=np.int64)
    shapes = np.array([grids[int(key)] for key in keys], dtype=object)
    found = [fault for key, shape in zip(keys.tolist(), shapes, strict=True) for fault in _alone(key, shape)]
    sound = [i for i, key in enumerate(keys.tolist()) if not any(key in fault.keys for fault in found)]
    keys, shapes = keys[sound], shapes[sound]
    if not len(keys):
        return tuple(found)
    left, right = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    pair = left < right
    found += _overlaps(keys, shapes, left[pair], right[pair])
    found += _corners(keys, shapes)
    found += _uncovered(keys, shapes, outline, complete=not found)
    return tuple(sorted(found, key=lambda fault: (fault.kind, fault.keys, fault.at)))


def _seen(shape: shapely.Geometry) -> Pair:
    at = shapely.get_coordinates(shapely.point_on_surface(shape))
    return (round(float(at[0, 0])), round(float(at[0, 1]))) if len(at) and np.isfinite(at).all() else (0, 0)


def _alone(key: int, shape: Polygon | MultiPolygon) -> list[Fault]:
    """Return what is wrong with one grid by itself."""
    corners = shapely.get_coordinates(shape)
    if shape.geom_type not in {"Polygon", "MultiPolygon"} or shape.is_empty or not (corners == np.rint(corners)).all():
        return [Fault(Kind.UNREADABLE, (key,), _seen(shape))]
    if not shape.is_valid:
        return [Fault(Kind.INVALID, (key,), _seen(shapely.Point(corners[0])))]
    if len(shapely.get_parts(shape)) > 1:
        return [Fault(Kind.PIECES, (key,), _seen(shape))]
    return []


def _overlaps(keys: np.ndarray, shapes: np.ndarray, left: np.ndarray, right: np.ndarray) -> list[Fault]:
    shapely.prepare(shapes)
    both = np.flatnonzero(~shapely.touches(shapes[left], shapes[right]))  # they meet, and not only in borders
    common = shapely.intersection(shapes[left[both]], shapes[right[both]])
    return [
        Fault(Kind.OVERLAP, (int(keys[left[i]]), int(keys[right[i]])), _seen(part), round(2 * part.area))
        for i, part in zip(both, common, strict=True)
    ]


def _corners(keys: np.ndarray, shapes: np.ndarray) -> list[Fault]:
    """Return corners that lie on a neighbour's side without being a corner of it."""
    rings, owner = shapely.get_rings(shapes, return_index=True)
    at, ring = shapely.get_coordinates(rings, return_index=True)
    at = at.astype(np.int64)
    inner = ring[1:] == ring[:-1]
    a, b, grid = at[:-1][inner], at[1:][inner], owner[ring[1:][inner]]
    corners = np.unique(at, axis=0)
    boxes = shapely.box(*np.minimum(a, b).T, *np.maximum(a, b).T)
    side, corner = shapely.STRtree(np.asarray(shapely.points(corners.astype(float)))).query(boxes)
    p, a, b = corners[corner], a[side], b[side]
    cross = (b - a)[:, 0] * (p - a)[:, 1] - (b - a)[:, 1] * (p - a)[:, 0]
    between = (cross == 0) & ((p != a).any(axis=1) & (p != b).any(axis=1))
    wrong = {(int(keys[grid[side[i]]]), int(p[i, 0]), int(p[i, 1])) for i in np.flatnonzero(between)}
    return [Fault(Kind.CORNER, (key,), (x, y)) for key, x, y in sorted(wrong)]


def _uncovered(keys: np.ndarray, shapes: np.ndarray, outline: Polygon | None, *, complete: bool) -> list[Fault]:
    """Return what no grid covers, and what lies outside."""
    ground = shapely.union_all(shapes)
    wished = _filled(ground) if outline is None else outline
    found = []
    for kind, rest in [
        (Kind.GAP, shapely.difference(wished, ground)),
        (Kind.BEYOND, shapely.difference(ground, wished)),
    ]:
        parts = [part for part in shapely.get_parts(rest).tolist() if part.geom_type == "Polygon" and part.area > 0]
        found += [Fault(kind, _beside(keys, shapes, part), _seen(part), round(2 * part.area)) for part in parts]
    if complete and not found and sum(map(_twice, shapes)) != _twice(wished):
        found.append(Fault(Kind.GAP, (), _seen(wished), _twice(wished) - sum(map(_twice, shapes))))
    return found


def _filled(ground: BaseGeometry) -> BaseGeometry:
    """Return some ground without its holes."""
    found: BaseGeometry = shapely.union_all([Polygon(part.exterior) for part in shapely.get_parts(ground).tolist()])
    return found


def _beside(keys: np.ndarray, shapes: np.ndarray, part: Polygon) -> tuple[int, ...]:
    return tuple(sorted(keys[shapely.intersects(shapes, part)].tolist()))


def _twice(shape: BaseGeometry) -> int:
    """Return twice an area, in Python's own whole numbers."""
    total = 0
    for part in shapely.get_parts(shape).tolist():
        for sign, ring in [(1, part.exterior), *[(-1, hole) for hole in part.interiors]]:
            corners = [(int(x), int(y)) for x, y in shapely.get_coordinates(ring).tolist()]
            total += sign * abs(sum(a * d - b * c for (a, b), (c, d) in itertools.pairwise(corners)))
    return total
