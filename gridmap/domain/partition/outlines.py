"""The outline of the whole community changed: the one operation after which the grids cover other ground."""

from __future__ import annotations

import shapely
from shapely import Polygon

from gridmap.domain.partition.checks import EMPTIED, Edit, changes, fits_its_ring, no_strips, one_valid_polygon_each
from gridmap.domain.partition.faces import Face, all_faces, dealt, joined, polygonized
from gridmap.domain.partition.noding import noded
from gridmap.domain.partition.operations import Shift
from gridmap.domain.partition.patch import Patch, lone, sided
from gridmap.domain.partition.units import twice_area
from gridmap.errors import N_, BadInput

LOST = N_("新的外界与现在的社区不相连")
RAGGED = N_("新的外界画不成一圈，请重画")


def shift(patch: Patch, wish: Shift, locked: frozenset[int]) -> Edit:
    """Return the grids under another outline.

    Raises
    ------
    BadInput
        When a grid would lie outside or fall into pieces, or ground comes in that no grid borders on.
    """
    ring = tuple((int(x), int(y)) for x, y in wish.outline.exterior.coords)
    drawn = noded(patch, [ring], rigid=locked, outline_moves=True)
    shapely.prepare(wish.outline)
    stays: dict[int, list[Face]] = {}
    waiting: list[Face] = []
    for face in all_faces(drawn):
        if wish.outline.contains(shapely.point_on_surface(face.shape)):
            (stays.setdefault(face.owner, []) if face.owner else waiting).append(face)
    if gone := patch.grids.keys() - stays.keys():
        raise BadInput(EMPTIED, keys=sorted(gone))
    found = dealt(drawn.patch, {key: parts for key, parts in stays.items() if key}, waiting)
    after: dict[int, Polygon | None] = {
        key: drawn.patch.grids[key] if len(parts) == 1 and _whole(drawn.patch, parts[0]) else joined(parts, key)
        for key, parts in found.items()
    }
    edit = changes(patch, after, locked)
    one_valid_polygon_each(edit.after)
    fits_its_ring(patch, edit)
    no_strips(patch, edit)
    _one_ring({key: shape for key, shape in after.items() if shape is not None})
    return edit


def _whole(patch: Patch, part: Face) -> bool:
    """Tell whether a part is all of its grid, which then keeps its ring as it is written."""
    return twice_area(part.shape) == twice_area(patch.grids[part.owner])


def _one_ring(after: dict[int, Polygon]) -> None:
    """Refuse an outline that is not one ring: a hole, or ground that hangs on a point."""
    sides = lone(sided(after.values()))
    if sides is None:
        raise BadInput(RAGGED)
    rings = polygonized(sorted(sides))
    if len(rings) != 1 or rings[0].interiors:
        raise BadInput(RAGGED)
