"""One door for all operations: what is wished becomes an accepted edit or a refusal with a sentence."""

from __future__ import annotations

import numpy as np
import shapely
from shapely import Polygon

from gridmap.domain.partition import corners, grounds, lines, outlines
from gridmap.domain.partition.checks import CLOSE, Edit, accepted
from gridmap.domain.partition.operations import (
    Bend,
    Cut,
    Draw,
    Give,
    Insert,
    Join,
    Move,
    Operation,
    Remove,
    Reshape,
    Shift,
    Straighten,
    reach,
)
from gridmap.domain.partition.patch import Patch
from gridmap.errors import N_, BadInput

ELSEWHERE = N_("所画的位置不在这个社区里")


def apply(patch: Patch, operation: Operation, *, locked: frozenset[int] = frozenset()) -> Edit:
    """Do an operation.

    Parameters
    ----------
    patch : the grids that meet ``reach(operation)`` or are ``named`` by it, with all their neighbours.
    operation : what is wished.
    locked : keys of grids that may not change.

    Returns
    -------
    Edit
        The grids that differ, before and after.

    Raises
    ------
    BadInput
        When it cannot be done; the sentence says why, ``values["keys"]`` names the grids concerned where known.
    """
    box = reach(operation)
    if not patch.grids or (box is not None and not _meets(patch, box)):
        raise BadInput(ELSEWHERE)
    try:
        if isinstance(operation, Shift):
            return outlines.shift(patch, operation, locked)
        return accepted(patch, _wished(patch, operation, locked), locked)
    except shapely.errors.GEOSException as error:  # a figure too tangled to be computed is one to be drawn anew
        raise BadInput(CLOSE) from error


def _meets(patch: Patch, box: tuple[int, int, int, int]) -> bool:
    xmin, ymin, xmax, ymax = shapely.total_bounds(np.asarray(patch.shapes))
    return bool(box[0] <= xmax and box[2] >= xmin and box[1] <= ymax and box[3] >= ymin)


def _wished(
    patch: Patch,
    operation: Move | Bend | Insert | Remove | Straighten | Reshape | Cut | Join | Give | Draw,
    locked: frozenset[int],
) -> dict[int, Polygon | None]:
    match operation:
        case Move() if corners.ends_on_outline(patch, operation.at):
            return lines.slide(patch, operation, locked)
        case Move() | Bend():
            return corners.move(patch, operation)
        case Insert():
            return corners.insert(patch, operation)
        case Remove() | Straighten():
            return corners.remove(patch, operation)
        case Join():
            return lines.join(patch, operation)
        case Cut():
            return lines.cut(patch, operation, locked)
        case Reshape():
            return lines.reshape(patch, operation, locked)
        case Give():
            return grounds.give(patch, operation, locked)
        case Draw():
            return grounds.draw(patch, operation, locked)
