"""Corners of borders: moved, put in, taken away, in every grid that has them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Mapping

import numpy as np
from shapely import Polygon

from gridmap.domain.partition.operations import Bend, Insert, Move, Remove, Straighten
from gridmap.domain.partition.patch import Pair, Patch, Ring, Side, pieces, rings_of, turned
from gridmap.errors import N_, BadInput

GRAB_M = 5.0  # a corner is put into a border no farther from where one points

NO_CORNER = N_("这里没有边界的折点")
NO_BORDER = N_("这里没有网格之间的边界")
OUTLINE = N_("这是社区的外界，只能用“调整社区外界”来改")
NODE = N_("这里有几个网格相交，不能删去")
TOO_FEW = N_("这块网格只剩三个角，不能再删")


def move(patch: Patch, wish: Move | Bend) -> dict[int, Polygon | None]:
    """Return the grids with some corners at other places."""
    to = {wish.at: wish.to} if isinstance(wish, Move) else dict(wish.moves)
    keys = {key for corner in to for key in _meeting(patch, corner).values()}
    moved = _replaced(patch, keys, lambda ring: _put(ring, to))
    return _met(patch, moved, set(to.values()))


def ends_on_outline(patch: Patch, corner: Pair) -> bool:
    """Tell whether a border between grids ends at a corner of the outline."""
    here = {side for side in patch.around(corner, corner) if corner in (side[:2], side[2:])}
    rim = sum(turned(side) not in here for side in here)
    return 0 < rim < len(here)


def insert(patch: Patch, wish: Insert) -> dict[int, Polygon | None]:
    """Return the grids along the nearest border with one more corner."""
    side, on = nearest_side(patch, wish.at)
    to = wish.to or on
    if to in (side[:2], side[2:]):
        raise BadInput("这里已经有折点")
    return _met(patch, with_corners(patch, {side: [to]}), {to})


def remove(patch: Patch, wish: Remove | Straighten) -> dict[int, Polygon | None]:
    """Return the grids without some corners."""
    gone = [wish.at] if isinstance(wish, Remove) else wish.corners
    around = [_meeting(patch, corner) for corner in gone]
    if any(len(here) != 4 for here in around):  # two sides, each in both directions
        raise BadInput(NODE)
    return _replaced(patch, {key for here in around for key in here.values()}, lambda ring: _put(ring, {}, set(gone)))


def _meeting(patch: Patch, corner: Pair) -> dict[Side, int]:
    """Return the sides that begin or end at a corner with the grids on their left; none may be of the outline."""
    sides = patch.around(corner, corner)
    here = {side: key for side, key in sides.items() if corner in (side[:2], side[2:])}
    if not here:
        raise BadInput(NO_CORNER)
    if any(turned(side) not in here for side in here):
        raise BadInput(OUTLINE)
    return here


def nearest_side(patch: Patch, at: Pair) -> tuple[Side, Pair]:
    """Return the side between two grids nearest to a point, and the point on it, rounded."""
    stretch = np.array([patch.scale.east, patch.scale.north])
    low, high = np.array(at) - GRAB_M / stretch, np.array(at) + GRAB_M / stretch
    ends, rim = pieces(patch.around((int(low[0]), int(low[1])), (int(high[0]) + 1, int(high[1]) + 1)))
    if not len(ends):
        raise BadInput(NO_BORDER)
    a, b, p = ends[:, :2] * stretch, ends[:, 2:] * stretch, np.array(at) * stretch
    along = b - a
    share = np.clip(((p - a) * along).sum(axis=1) / (along**2).sum(axis=1), 0, 1)
    far = np.hypot(*(a + share[:, None] * along - p).T)
    best = int(far.argmin())
    if far[best] > GRAB_M:
        raise BadInput(NO_BORDER)
    if rim[best]:
        raise BadInput(OUTLINE)
    x0, y0, x1, y1 = ends[best].tolist()
    on = round(x0 + float(share[best]) * (x1 - x0)), round(y0 + float(share[best]) * (y1 - y0))
    return (x0, y0, x1, y1), on


def with_corners(patch: Patch, more: Mapping[Side, list[Pair]]) -> dict[int, Polygon | None]:
    """Return the grids along some sides with more corners on them, in the order from a side's begin to its end."""
    if not more:
        return {}
    both = {**more, **{turned(side): corners[::-1] for side, corners in more.items()}}
    ends = np.array(list(more)).reshape(-1, 2)
    low, high = ends.min(axis=0).tolist(), ends.max(axis=0).tolist()
    sides = patch.around((low[0], low[1]), (high[0], high[1]))

    def filled(ring: Ring) -> Ring:
        found: Ring = []
        for a, b in itertools.pairwise(ring):
            found += [a, *both.get((*a, *b), ())]
        return [*found, ring[-1]]

    return _replaced(patch, {sides[side] for side in both if side in sides}, filled)


def _replaced(patch: Patch, keys: Iterable[int], change: Callable[[Ring], Ring]) -> dict[int, Polygon | None]:
    found: dict[int, Polygon | None] = {}
    for key in sorted(keys):
        rings = [change(ring) for ring in rings_of(patch.grids[key])]
        if any(len(set(ring)) < 3 for ring in rings):
            raise BadInput(TOO_FEW, keys=[key])
        shell, *holes = (np.array(ring, dtype=float) for ring in rings)
        found[key] = Polygon(shell, holes)
    return found


def _put(ring: Ring, to: Mapping[Pair, Pair], gone: Collection[Pair] = ()) -> Ring:
    """Return a ring with corners replaced or left out; what then comes twice in a row is written once."""
    found = [to.get(corner, corner) for corner in ring[:-1] if corner not in gone]
    kept = [corner for i, corner in enumerate(found) if corner != found[i - 1]]
    return [*kept, kept[0]] if kept else []


def _met(patch: Patch, changed: dict[int, Polygon | None], placed: set[Pair]) -> dict[int, Polygon | None]:
    """Where a corner now lies exactly on another side, put it into that side too."""
    at = np.array(sorted(placed), dtype=np.int64)
    low, high = at.min(axis=0).tolist(), at.max(axis=0).tolist()
    now = patch.cropped(low, high).changed({key: shape for key, shape in changed.items() if shape is not None})
    ends, rim = pieces(now.around((low[0], low[1]), (high[0], high[1])))
    a, b = ends[:, None, :2], ends[:, None, 2:]
    p = at[None, :, :]
    cross = (b[..., 0] - a[..., 0]) * (p[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (p[..., 0] - a[..., 0])
    within = ((p - a) * (p - b)).sum(axis=2) < 0
    more: dict[Side, list[Pair]] = {}
    for i, k in zip(*np.nonzero((cross == 0) & within & ~rim[:, None]), strict=True):
        x0, y0, x1, y1 = ends[i].tolist()
        more.setdefault((x0, y0, x1, y1), []).append((int(at[k, 0]), int(at[k, 1])))
    in_order = {side: sorted(corners, reverse=side[:2] > side[2:]) for side, corners in more.items()}
    return {**changed, **with_corners(now, in_order)}
