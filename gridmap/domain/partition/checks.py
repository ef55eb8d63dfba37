"""What must hold before an edit is accepted, computed exactly.

Each grid is one valid polygon, and the directed sides of the touched grids leave the same outline as before. That
proves the rest: how often a point is covered is the sum of the windings of all grids around it, each 0 or 1 for a
valid polygon, and equal sides wind equally often. So no gap and no overlap can arise, and areas must add up to the
same whole number; both are computed again all the same, in other ways.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import shapely
from shapely import Polygon

from gridmap.domain.partition.patch import Patch, Side, lone
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
    if not _same_outline(lone(was), lone(now)) or sum(map(twice_area, was)) != sum(map(twice_area, now)):
        raise BadInput(CLOSE, keys=sorted(edit.after))
    fits_its_ring(patch, edit)
    no_slivers(patch, edit)
    return edit


def changes(patch: Patch, after: Mapping[int, Polygon | None], locked: frozenset[int]) -> Edit:
    """Return what differs, or refuse when nothing does or a locked grid would."""
    changed = {
        key: shape
        for key, shape in after.items()
        if shape is None or key not in patch.grids or not shapely.equals_identical(shape, patch.grids[key])
    }
    if not changed:
        raise BadInput(SAME)
    if held := locked & changed.keys():
        raise BadInput(LOCKED, keys=sorted(held))
    return Edit({key: patch.grids.get(key) for key in changed}, changed)


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
    """Refuse what does not meet the grids around it corner by corner."""
    now = np.array([shape for shape in edit.after.values() if shape is not None], dtype=object)
    around = [shape for key, shape in patch.grids.items() if key not in edit.after]
    if around:
        ring = np.array(around, dtype=object)
        near = np.unique(shapely.STRtree(ring).query(now)[1])
        now = np.concatenate([now, ring[near]])
    if not shapely.coverage_is_valid(now):
        raise BadInput(CROSSED, keys=sorted(edit.after))


def no_slivers(patch: Patch, edit: Edit) -> None:
    """Refuse necks, strips and corners that are narrower than a person on the ground could tell."""
    was = {key: shape for key, shape in edit.before.items() if shape is not None}
    moved = {key: shape for key, shape in edit.after.items() if shape is not None and _moved(was.get(key), shape)}
    allowed = {key: _bodies(patch, shape) for key, shape in was.items() if key in moved}
    joined = sum(_bodies(patch, shape) - 1 for key, shape in was.items() if edit.after[key] is None)
    for key, shape in moved.items():
        bodies = _bodies(patch, shape)
        if bodies < 1 or bodies > max(allowed.get(key, 1), 1) + joined:
            raise BadInput(NARROW, narrow=NARROW_M, keys=[key])
    known = _turns(was.values())
    for key, shape in moved.items():
        if _too_sharp(patch, shape, known):
            raise BadInput(SHARP, keys=[key])


def _moved(was: Polygon | None, now: Polygon) -> bool:
    """Tell whether a grid's ground has changed by more than a new corner on an old side."""
    return was is None or not (was.buffer(1.0).covers(now) and now.buffer(1.0).covers(was))


def _bodies(patch: Patch, shape: Polygon) -> int:
    """Return in how many bodies a grid falls when half the least width is taken off all around."""
    ground = patch.scale.stretched(np.array([shape], dtype=object))[0]
    return len(shapely.get_parts(shapely.buffer(ground, -NARROW_M / 2, join_style="mitre")))


def _rings(shape: Polygon) -> list[list[tuple[float, ...]]]:
    return [list(ring.coords)[:-1] for ring in (shape.exterior, *shape.interiors)]


Turn = tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]


def _turns(shapes: Iterable[Polygon]) -> set[Turn]:
    found: set[Turn] = set()
    for shape in shapes:
        for ring in _rings(shape):
            triples = list(zip(ring[-1:] + ring[:-1], ring, ring[1:] + ring[:1], strict=True))
            found |= {*triples, *[(c, b, a) for a, b, c in triples]}
    return found


def _too_sharp(patch: Patch, shape: Polygon, known: set[Turn]) -> bool:
    """Tell whether a grid has a new corner that points outwards and is too sharp."""
    limit = np.cos(np.radians(SHARP_DEG))
    for ring in _rings(Polygon(shapely.orient_polygons(shape))):
        for turn in zip(ring[-1:] + ring[:-1], ring, ring[1:] + ring[:1], strict=True):
            if turn in known:
                continue
            a, b, c = patch.scale.metres(np.array(turn))
            u, v = a - b, c - b
            outward = (b - a)[0] * (c - b)[1] - (b - a)[1] * (c - b)[0] > 0
            if outward and u @ v > limit * np.hypot(*u) * np.hypot(*v):
                return True
    return False
