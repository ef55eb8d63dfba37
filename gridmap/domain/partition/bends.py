"""Many corners of borders moved or taken away at once: what a hand does that drags a stretch seen from afar."""

from __future__ import annotations

import numpy as np
from shapely import Polygon

from gridmap.domain.partition.corners import NO_CORNER, NODE, OUTLINE, is_rim, replaced, with_corners
from gridmap.domain.partition.operations import Bend, Pair, Straighten
from gridmap.domain.partition.patch import Patch, Side, turned
from gridmap.errors import BadInput


def wished(patch: Patch, wish: Bend | Straighten) -> dict[int, Polygon | None]:
    """Return the grids with some corners at other places, or without them."""
    return _bend(patch, wish) if isinstance(wish, Bend) else _straighten(patch, wish)


def _bend(patch: Patch, wish: Bend) -> dict[int, Polygon | None]:
    to = dict(wish.moves)
    changed = _corners(patch, to)
    return _met(patch, changed, set(to.values()))


def _straighten(patch: Patch, wish: Straighten) -> dict[int, Polygon | None]:
    if any(len(patch.at(corner)) > 2 for corner in wish.corners):
        raise BadInput(NODE)
    return _corners(patch, dict.fromkeys(wish.corners))


def _corners(patch: Patch, to: dict[Pair, Pair | None]) -> dict[int, Polygon | None]:
    """Return the grids that have some corners, with others in their place or none."""
    keys: set[int] = set()
    for corner in to:
        sides = patch.at(corner)
        if not sides:
            raise BadInput(NO_CORNER)
        if any(is_rim(patch, side) for side in sides):
            raise BadInput(OUTLINE)
        keys |= {patch.sides[s] for side in sides for s in (side, turned(side)) if s in patch.sides}
    return replaced(patch, keys, to)


def _met(patch: Patch, changed: dict[int, Polygon | None], moved: set[Pair]) -> dict[int, Polygon | None]:
    """Where a moved corner now lies exactly on another side, put it into that side too."""
    now = patch.changed({key: shape for key, shape in changed.items() if shape is not None})
    ends, rim = now.pieces
    a, b = ends[:, None, :2], ends[:, None, 2:]
    p = np.array(sorted(moved), dtype=np.int64)[None, :, :]
    cross = (b[..., 0] - a[..., 0]) * (p[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (p[..., 0] - a[..., 0])
    within = ((p - a) * (p - b)).sum(axis=2) < 0
    more: dict[Side, list[Pair]] = {}
    for side, corner in zip(*np.nonzero((cross == 0) & within & ~rim[:, None]), strict=True):
        x0, y0, x1, y1 = ends[side].tolist()
        more.setdefault((x0, y0, x1, y1), []).append((int(p[0, corner, 0]), int(p[0, corner, 1])))
    if not more:
        return changed
    in_order = {
        side: sorted(corners, key=lambda c, side=side: (c[0] - side[0]) ** 2 + (c[1] - side[1]) ** 2)  # type: ignore[misc]
        for side, corners in more.items()
    }
    return {**changed, **with_corners(now, in_order)}
