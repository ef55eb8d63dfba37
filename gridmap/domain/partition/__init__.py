"""The partition as one thing: grids in whole numbers, between which a gap or an overlap has no representation.

``whole`` and ``degrees`` lead in and out. ``apply(patch, operation)`` returns what changes, or refuses with a sentence.
Its cost does not depend on how many grids a community has: a patch holds what an operation touches, and its ring.

    box, keys = reach(operation), named(operation)
    patch = Patch({every grid that meets the box or is named, and every neighbour of those})
    edit = apply(patch, operation, locked=...)
"""

from __future__ import annotations

from gridmap.domain.partition.applying import apply
from gridmap.domain.partition.bordering import Arc, Borders, borders
from gridmap.domain.partition.checks import Edit
from gridmap.domain.partition.faults import Fault, Kind, faults
from gridmap.domain.partition.numbering import holders, renumbered
from gridmap.domain.partition.operations import (
    Bend,
    Cut,
    Draw,
    Give,
    Insert,
    Join,
    Line,
    Move,
    Operation,
    Remove,
    Reshape,
    Shift,
    Straighten,
    named,
    reach,
)
from gridmap.domain.partition.patch import Pair, Patch
from gridmap.domain.partition.snapping import snapped
from gridmap.domain.partition.units import degrees, twice_area, whole

__all__ = [
    "Arc",
    "Bend",
    "Borders",
    "Cut",
    "Draw",
    "Edit",
    "Fault",
    "Give",
    "Insert",
    "Join",
    "Kind",
    "Line",
    "Move",
    "Operation",
    "Pair",
    "Patch",
    "Remove",
    "Reshape",
    "Shift",
    "Straighten",
    "apply",
    "borders",
    "degrees",
    "faults",
    "holders",
    "named",
    "reach",
    "renumbered",
    "snapped",
    "twice_area",
    "whole",
]
