"""What must hold before an edit is accepted, computed exactly.

Each grid is one valid polygon, and the directed sides of the touched grids leave the same outline as before. That
proves the rest: how often a point is covered is the sum of the windings of all grids around it, each 0 or 1 for a
valid polygon, and equal sides wind equally often. So no gap and no overlap can arise, and areas must add up to the
same whole number; both are computed again all the same, in other ways.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import shapely
from shapely import Polygon

from gridmap.domain.partition.patch import Patch, Ring, Side, lone, rings_of, sided
from gridmap.domain.partition.units import twice_area
from gridmap.errors import N_, BadInput

NARROW_M = 2.0  # no edit makes a neck or a strip narrower than that
SHARP_DEG = 3.0  # no edit makes a corner sharper than that

CROSSED = N_("这样边界会自己交叉或碰到一起，请换个位置")
TORN = N_("这样会把一个网格分成几块，网格必须连成一片")
EMPTIED = N_("这样会使一个网格空掉；要合并网格请用“合并”")
NARROW = N_("这样会夹出窄于 %(narrow)g 米的细条，请离边界远一点")
SHARP = N_("这样会夹出太尖的角，请换个位置")
LOCKED = N_("这里有锁定的网格，先解锁再改")
CLOSE = N_("这里的线靠得太近，分不清先后，请离开一点再画")
SAME = N_("这样什么也没有改变")


@dataclass(frozen=True)
class Edit:
    """An accepted change.

    Attributes
    ----------
    before, after : only the grids that differ, by key; None where there was or is no grid.
    """

    before: Mapping[int, Polygon | None]
    after: Mapping[int, Polygon | None]

    @property
    def undone(self) -> Edit:
        """Return the edit that takes this one back: to the same bytes."""
        return Edit(self.after, self.before)


def accepted(patch: Patch, after: Mapping[int, Polygon | None], locked: frozenset[int]) -> Edit:
    """Return an edit that leaves the community's outline, or refuse it.

    Parameters
    ----------
    patch : the grids before.
    after : grids that may have changed, by key; None for one that is given up.
    locked : keys of grids that must stay as they are.

    Raises
    ------
    BadInput
        With a sentence that says what would be wrong, and ``keys`` of the grids concerned.
    """
    edit = changes(patch, after, locked)
    was = [shape for shape in edit.before.values() if shape is not None]
    now = [shape for shape in edit.after.values() if shape is not None]
    one_valid_polygon_each(edit.after)
    if not _same_outline(lone(sided(was)), lone(sided(now))) or sum(map(twice_area, was)) != sum(map(twice_area, now)):
        raise BadInput(CLOSE, keys=sorted(edit.after))
    fits_its_ring(patch, edit)
    no_strips(patch, edit)
    no_spikes(patch, edit)
    return edit


def changes(patch: Patch, after: Mapping[int, Polygon | None], locked: frozenset[int]) -> Edit:
    """Return what differs, or refuse when nothing does or a locked grid would."""
    changed = {
        key: shape
        for key, shape in after.items()
        if shape is None or key not in patch.grids or not _identical(shape, patch.grids[key])
    }
    if not changed:
        raise BadInput(SAME)
    if held := locked & changed.keys():
        raise BadInput(LOCKED, keys=sorted(held))
    return Edit({key: patch.grids.get(key) for key in changed}, changed)


def _identical(one: Polygon, other: Polygon) -> bool:
    """Tell whether two polygons have the same corners in the same order, wherever their rings begin."""
    if shapely.get_num_coordinates(one) != shapely.get_num_coordinates(other):
        return False
    return bool(shapely.equals_identical(shapely.normalize(one), shapely.normalize(other)))


def one_valid_polygon_each(after: Mapping[int, Polygon | None]) -> None:
    """Refuse grids that are several pieces, empty, or cross themselves."""
    for key, shape in after.items():
        if shape is None:
            continue
        if shape.is_empty:
            raise BadInput(EMPTIED, keys=[key])
        if shape.geom_type != "Polygon":
            raise BadInput(TORN, keys=[key])
        if not shape.is_valid:
            raise BadInput(CROSSED, keys=[key])


def _same_outline(was: set[Side] | None, now: set[Side] | None) -> bool:
    """Tell whether two sets of sides run the same; one may have more corners on the way, exactly on the line."""
    if was is None or now is None:
        return False
    gone, new = was - now, now - was
    return subdivided(gone, new) == subdivided(new, gone)


def subdivided(sides: set[Side], others: set[Side]) -> set[Side]:
    """Return sides cut at every end of others that lies exactly on them."""
    corners = {side[:2] for side in others} | {side[2:] for side in others}
    found = set()
    for side in sides:
        on = [(_along(side, corner), corner) for corner in corners if _strictly_on(side, corner)]
        chain = [side[:2], *[corner for _, corner in sorted(on)], side[2:]]
        found |= {(*a, *b) for a, b in itertools.pairwise(chain)}
    return found


def _along(side: Side, corner: tuple[int, int]) -> int:
    return (corner[0] - side[0]) * (side[2] - side[0]) + (corner[1] - side[1]) * (side[3] - side[1])


def _strictly_on(side: Side, corner: tuple[int, int]) -> bool:
    x0, y0, x1, y1 = side
    if (x1 - x0) * (corner[1] - y0) != (y1 - y0) * (corner[0] - x0):
        return False
    return 0 < _along(side, corner) < (x1 - x0) ** 2 + (y1 - y0) ** 2


def fits_its_ring(patch: Patch, edit: Edit) -> None:
    """Refuse what does not meet the grids around it corner by corner, wherever a side has changed."""
    was, now = ([shape for shape in each.values() if shape is not None] for each in (edit.before, edit.after))
    differing = np.array(sorted(set(sided(was)) ^ set(sided(now)))).reshape(-1, 2)
    if not len(differing):
        return
    low, high = differing.min(axis=0) - 1, differing.max(axis=0) + 1
    ring = [shape for key, shape in patch.cropped(low, high).grids.items() if key not in edit.after]
    if not shapely.coverage_is_valid(np.array([*now, *ring], dtype=object)):
        raise BadInput(CROSSED, keys=sorted(edit.after))


def no_strips(patch: Patch, edit: Edit) -> None:
    """Refuse necks and strips that are narrower than a person on the ground could tell."""
    for key, shape in _moved_grids(edit).items():
        bodies = _bodies(patch, shape)
        if bodies == 0 or (bodies > 1 and bodies > _bodies_before(patch, edit, key)):
            raise BadInput(NARROW, narrow=NARROW_M, keys=[key])


def no_spikes(patch: Patch, edit: Edit) -> None:
    """Refuse corners that are sharper than a person on the ground could follow."""
    sharp = {key: found for key, shape in _moved_grids(edit).items() if (found := _sharp(patch, shape))}
    if sharp:
        known = {turn for shape in edit.before.values() if shape is not None for turn in _sharp(patch, shape)}
        for key, found in sharp.items():
            if found - known:
                raise BadInput(SHARP, keys=[key])


def _moved_grids(edit: Edit) -> dict[int, Polygon]:
    return {key: now for key, now in edit.after.items() if now is not None and _moved(edit.before[key], now)}


def _bodies_before(patch: Patch, edit: Edit, key: int) -> int:
    """Return of how many bodies a grid, and what was joined to it, may consist."""
    was = edit.before[key]
    own = 1 if was is None else max(1, _bodies(patch, was))
    gone = [shape for k, shape in edit.before.items() if shape is not None and edit.after[k] is None]
    return own + sum(max(0, _bodies(patch, shape) - 1) for shape in gone)


def _moved(was: Polygon | None, now: Polygon) -> bool:
    """Tell whether a grid's ground has changed by more than new corners within a unit of its old sides."""
    if was is None or len(was.interiors) != len(now.interiors):
        return True
    return any(not _same_way(old, new) for old, new in zip(rings_of(was), rings_of(now), strict=True))


def _same_way(old: Ring, new: Ring) -> bool:
    known, at, begin = set(old), 0, old[0]
    if [p for p in new if p in known] != old:
        return False
    for p in new:
        if p in known:
            begin, at = p, at + 1
            continue
        x, y = old[at]
        dx, dy = x - begin[0], y - begin[1]
        if abs(dx * (p[1] - begin[1]) - dy * (p[0] - begin[0])) > abs(dx) + abs(dy):
            return False
    return True


def _bodies(patch: Patch, shape: Polygon) -> int:
    """Return in how many bodies a grid falls when half the least width is taken off all around."""
    ground = patch.scale.stretched(np.array([shape], dtype=object))[0]
    return len(shapely.get_parts(shapely.buffer(ground, -NARROW_M / 2, quad_segs=1, join_style="mitre")))


def _sharp(patch: Patch, shape: Polygon) -> set[tuple[int, ...]]:
    """Return the corners of a grid that point outwards and are too sharp, with the corners before and after."""
    found = set()
    for ring in shapely.get_rings(shapely.orient_polygons(shape)):
        at = shapely.get_coordinates(ring)[:-1]
        u, v = (patch.scale.metres(np.roll(at, step, axis=0) - at) for step in (1, -1))
        outward = v[:, 0] * u[:, 1] - v[:, 1] * u[:, 0] > 0
        acute = (u * v).sum(axis=1) > np.cos(np.radians(SHARP_DEG)) * np.hypot(*u.T) * np.hypot(*v.T)
        for i in np.flatnonzero(outward & acute).tolist():
            found.add(tuple(np.concatenate([at[i - 1], at[i], at[(i + 1) % len(at)]]).astype(np.int64).tolist()))
    return found
