"""The faces into which drawn lines cut grids, and who borders on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import shapely
from shapely import Polygon

from gridmap.domain.partition.checks import TORN
from gridmap.domain.partition.noding import TANGLED, Noded
from gridmap.domain.partition.patch import Patch, Side, directed, strings, turned, united
from gridmap.errors import N_, BadInput

MAX_PARTS = 1_000  # that change hands at once
ALONE = N_("这一块不与别的网格相邻，没有网格可归")


@dataclass(frozen=True)
class Face:
    """A part of a grid.

    Attributes
    ----------
    owner : key of the grid.
    shape : polygon, whole units.
    sides : its sides, the face on their left.
    """

    owner: int
    shape: Polygon
    sides: tuple[Side, ...]


def length_m(patch: Patch, side: Side) -> float:
    """Return the length of a side."""
    return float(np.hypot((side[2] - side[0]) * patch.scale.east, (side[3] - side[1]) * patch.scale.north))


def parted(drawn: Noded, only: frozenset[int] | None = None) -> tuple[Noded, dict[int, list[Face]]]:
    """Return the faces of the grids that lines cut, and the lines without what cuts nothing.

    Parameters
    ----------
    drawn : lines led into a patch.
    only : keys of the grids that may be cut; the others stay as if the lines did not cross them.
    """
    found = faces(drawn, only)
    around = {side for several in found.values() for face in several for side in face.sides}
    used = {side for side in drawn.sides if side in around or turned(side) in around}
    ends = {side[:2] for side in used} | {side[2:] for side in used}
    if len(used) == len(drawn.sides) and all(p in ends for corners in drawn.corners.values() for p in corners):
        return drawn, found
    trimmed = drawn.only(used)
    return trimmed, faces(trimmed, only)


def faces(drawn: Noded, only: frozenset[int] | None = None) -> dict[int, list[Face]]:
    """Return the faces of every grid that lines cut, largest first; grids that stay whole are left out."""
    if not drawn.sides:
        return {}
    lines = np.array(drawn.sides, dtype=float)
    xs, ys = lines[:, ::2], lines[:, 1::2]
    low, high = (xs.min(), ys.min()), (xs.max(), ys.max())
    patch = drawn.patch
    box = shapely.bounds(patch.shapes)
    here = (box[:, 0] <= high[0]) & (box[:, 1] <= high[1]) & (box[:, 2] >= low[0]) & (box[:, 3] >= low[1])
    keys = set(patch.keys[here].tolist())
    keys = keys if only is None else keys & only
    grouped: dict[int, list[Face]] = {}
    for face in _faces(drawn, keys):
        if face.owner in keys:
            grouped.setdefault(face.owner, []).append(face)
    return {
        key: sorted(several, key=lambda face: (-face.shape.area, face.shape.bounds))
        for key, several in sorted(grouped.items())
        if len(several) > 1
    }


def all_faces(drawn: Noded) -> list[Face]:
    """Return all faces between the borders of a patch and lines; those of no grid have the owner 0."""
    return _faces(drawn, set(drawn.patch.grids))


def _faces(drawn: Noded, keys: set[int]) -> list[Face]:
    own = drawn.patch.of(keys)
    borders = {side if side[:2] < side[2:] else turned(side) for side in own}
    found = polygonized([*borders, *drawn.sides])
    ends, which = directed(found)
    sides: list[list[Side]] = [[] for _ in found]
    for (a, b, c, d), n in zip(ends.tolist(), which.tolist(), strict=True):
        sides[n].append((a, b, c, d))
    return [
        Face(_owner(drawn.patch, own, shape, around), shape, tuple(around))
        for shape, around in zip(found.tolist(), sides, strict=True)
    ]


def polygonized(sides: list[Side]) -> np.ndarray:
    """Return the faces between sides that meet only at corners."""
    return np.asarray(shapely.get_parts(shapely.polygonize(strings(np.array(sorted(sides))))))


def _owner(patch: Patch, own: Mapping[Side, int], shape: Polygon, sides: list[Side]) -> int:
    """Return the grid a face is part of; 0 for none."""
    for side in sides:
        if side in own:
            return own[side]
    if any(turned(side) in own for side in sides):
        return 0
    inside = shapely.point_on_surface(shape)
    holding = np.flatnonzero(shapely.contains(patch.shapes, inside))
    return int(patch.keys[holding[0]]) if len(holding) else 0


def dealt(patch: Patch, settled: Mapping[int, list[Face]], waiting: list[Face]) -> dict[int, list[Face]]:
    """Return the parts of each grid after every waiting part has gone to the neighbour it lies along.

    Neighbours are what has a place already: grids of the patch that are not settled by parts, settled parts, and parts
    dealt before. The part with the longest border goes first; it never goes to the grid it was part of.

    Raises
    ------
    BadInput
        When a part borders on nothing that has a place, or there are very many.
    """
    corners = np.array([side for part in waiting for side in part.sides]).reshape(-1, 2)
    low, high = (corners.min(axis=0).tolist(), corners.max(axis=0).tolist()) if len(corners) else ([0, 0], [0, 0])
    around = patch.around((low[0], low[1]), (high[0], high[1]))
    holder = {side: key for side, key in around.items() if key not in settled}
    holder |= {side: key for key, parts in settled.items() for part in parts for side in part.sides}
    found = {key: list(parts) for key, parts in settled.items()}
    if len(waiting) > MAX_PARTS:
        raise BadInput(TANGLED)
    left = dict(enumerate(waiting))
    lengths = {i: _beside(patch, part, holder) for i, part in left.items()}
    place = {side: i for i, part in left.items() for side in part.sides}
    while left:
        best = max(left, key=lambda i: (max(lengths[i].values(), default=0.0), -i))
        if not lengths[best]:
            raise BadInput(ALONE, keys=sorted({part.owner for part in left.values() if part.owner}))
        part, to = left.pop(best), max(lengths[best], key=lambda key: (lengths[best][key], -key))
        found.setdefault(to, [Face(to, patch.grids[to], ())]).append(part)
        for side in part.sides:
            beside = place.get(turned(side))
            if beside in left and left[beside].owner != to:
                lengths[beside][to] = lengths[beside].get(to, 0.0) + length_m(patch, side)
    return found


def _beside(patch: Patch, part: Face, holder: Mapping[Side, int]) -> dict[int, float]:
    """Return how long, in metres, a part's border with each other grid is as far as that has a place."""
    found: dict[int, float] = {}
    for side in part.sides:
        other = holder.get(turned(side), part.owner)
        if other != part.owner:
            found[other] = found.get(other, 0.0) + length_m(patch, side)
    return found


def joined(parts: list[Face], key: int) -> Polygon:
    """Return parts that share borders as one polygon, or refuse."""
    return united_parts([part.shape for part in parts], key)


def united_parts(shapes: list[Polygon], key: int) -> Polygon:
    """Return shapes that share borders as one polygon, or refuse."""
    whole = united(shapes) if len(shapes) > 1 else shapes[0]
    if whole is None:
        raise BadInput(TORN, keys=[key])
    return whole
