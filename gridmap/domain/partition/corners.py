"""Corners of borders: moved, put in, taken away, in every grid that has them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping

import numpy as np
from shapely import Polygon

from gridmap.domain.partition.operations import Insert, Move, Pair, Remove
from gridmap.domain.partition.patch import Patch, Side, turned
from gridmap.errors import N_, BadInput

GRAB_M = 5.0  # a corner is put into a border no farther from where one points

NO_CORNER = N_("这里没有边界的折点")
NO_BORDER = N_("这里没有网格之间的边界")
OUTLINE = N_("这是社区的外界，只能用“调整社区外界”来改")
NODE = N_("这里有几个网格相交，不能删去")
TOO_FEW = N_("这块网格只剩三个角，不能再删")

Ring = list[tuple[float, float]]


def move(patch: Patch, wish: Move) -> dict[int, Polygon | None]:
    """Return the grids with a corner at another place."""
    at_corner = patch.at(wish.at)
    if not at_corner:
        raise BadInput(NO_CORNER)
    if any(is_rim(patch, side) for side in at_corner):
        raise BadInput(OUTLINE)
    moved = _replaced(patch, _with(patch, wish.at), lambda ring: _put(ring, wish.at, [wish.to]))
    return _met(patch, moved, wish.to)


def insert(patch: Patch, wish: Insert) -> dict[int, Polygon | None]:
    """Return the grids along the nearest border with one more corner."""
    side, on = nearest_side(patch, wish.at)
    if is_rim(patch, side):
        raise BadInput(OUTLINE)
    to = wish.to or on
    if to in (side[:2], side[2:]):
        raise BadInput("这里已经有折点")
    changed = with_corners(patch, {side: [to]})
    return _met(patch, changed, to)


def remove(patch: Patch, wish: Remove) -> dict[int, Polygon | None]:
    """Return the grids without a corner."""
    sides = patch.at(wish.at)
    if not sides:
        raise BadInput(NO_CORNER)
    if any(is_rim(patch, side) for side in sides):
        raise BadInput(OUTLINE)
    if len(sides) != 2:
        raise BadInput(NODE)
    return _replaced(patch, _with(patch, wish.at), lambda ring: _put(ring, wish.at, []))


def is_rim(patch: Patch, side: Side) -> bool:
    """Tell whether only one grid of the patch has a side."""
    return side not in patch.sides or turned(side) not in patch.sides


def nearest_side(patch: Patch, at: Pair) -> tuple[Side, Pair]:
    """Return the side nearest to a point, and the point on it, rounded."""
    ends, _ = patch.pieces
    stretch = np.array([patch.scale.east, patch.scale.north])
    a, b, p = ends[:, :2] * stretch, ends[:, 2:] * stretch, np.array(at) * stretch
    along = b - a
    share = np.clip(((p - a) * along).sum(axis=1) / (along**2).sum(axis=1), 0, 1)
    far = np.hypot(*(a + share[:, None] * along - p).T)
    best = int(far.argmin())
    if far[best] > GRAB_M:
        raise BadInput(NO_BORDER)
    x0, y0, x1, y1 = ends[best].tolist()
    on = round(x0 + float(share[best]) * (x1 - x0)), round(y0 + float(share[best]) * (y1 - y0))
    return (x0, y0, x1, y1), on


def with_corners(patch: Patch, more: Mapping[Side, list[Pair]]) -> dict[int, Polygon | None]:
    """Return the grids along some sides with more corners on them, in the order from a side's begin to its end."""
    both = {**more, **{turned(side): corners[::-1] for side, corners in more.items()}}
    owners = {patch.sides[side] for side in both if side in patch.sides}

    def filled(ring: Ring) -> Ring:
        found: Ring = []
        for a, b in itertools.pairwise(ring):
            found += [a, *both.get((int(a[0]), int(a[1]), int(b[0]), int(b[1])), ())]
        return [*found, ring[-1]]

    return _replaced(patch, owners, filled)


def _with(patch: Patch, corner: Pair) -> set[int]:
    """Return the grids that have a corner."""
    sides = patch.at(corner)
    return {patch.sides[s] for side in sides for s in (side, turned(side)) if s in patch.sides}


def _replaced(patch: Patch, keys: Iterable[int], change: Callable[[Ring], Ring]) -> dict[int, Polygon | None]:
    found: dict[int, Polygon | None] = {}
    for key in keys:
        shape = patch.grids[key]
        rings = [change([(x, y) for x, y in ring.coords]) for ring in (shape.exterior, *shape.interiors)]
        if any(len(set(ring)) < 3 for ring in rings):
            raise BadInput(TOO_FEW, keys=[key])
        found[key] = Polygon(rings[0], rings[1:])
    return found


def replaced(patch: Patch, keys: Iterable[int], to: Mapping[Pair, Pair | None]) -> dict[int, Polygon | None]:
    """Return some grids with corners at other places, or without them where there is none."""

    def changed(ring: Ring) -> Ring:
        found: Ring = []
        for x, y in ring[:-1]:
            there = to.get((int(x), int(y)), (x, y))
            found += [] if there is None else [(float(there[0]), float(there[1]))]
        kept = [corner for i, corner in enumerate(found) if corner != found[i - 1]]
        return [*kept, kept[0]] if kept else []

    return _replaced(patch, keys, changed)


def _put(ring: Ring, at: Pair, instead: list[Pair]) -> Ring:
    """Return a ring with a corner replaced; what comes twice in a row is written once."""
    found: Ring = []
    for corner in ring[:-1]:
        found += [(float(x), float(y)) for x, y in instead] if corner == at else [corner]
    kept = [corner for i, corner in enumerate(found) if corner != found[i - 1]]
    return [*kept, kept[0]] if kept else []


def _met(patch: Patch, changed: dict[int, Polygon | None], to: Pair) -> dict[int, Polygon | None]:
    """Where a corner now lies exactly on another side, put it into that side too."""
    now = patch.changed({key: shape for key, shape in changed.items() if shape is not None})
    ends, rim = now.pieces
    a, b, p = ends[:, :2], ends[:, 2:], np.array(to, dtype=np.int64)
    cross = (b[:, 0] - a[:, 0]) * (p[1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (p[0] - a[:, 0])
    within = ((p - a) * (p - b)).sum(axis=1) < 0
    hit = np.flatnonzero((cross == 0) & within & ~rim)
    if not len(hit):
        return changed
    more: dict[Side, list[Pair]] = {(int(s[0]), int(s[1]), int(s[2]), int(s[3])): [to] for s in ends[hit]}
    return {**changed, **with_corners(now, more)}
