"""Ground that changes hands as an area: blocks, compounds and buildings given, a new grid drawn."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import shapely
from shapely import Polygon

from gridmap.domain.partition import joining
from gridmap.domain.partition.checks import CLOSE, EMPTIED, LOCKED, TORN
from gridmap.domain.partition.faces import Face, parted, united_parts
from gridmap.domain.partition.lines import grid_of
from gridmap.domain.partition.noding import Noded, noded
from gridmap.domain.partition.operations import Draw, Give, Line
from gridmap.domain.partition.patch import Patch, united
from gridmap.errors import N_, BadInput

LEAST = 100.0  # square units (1 dm2): what overlaps less only touches
CRUMB_M = 1.5  # what is narrower is left over where two drawn lines nearly agree

OUTSIDE = N_("所选的地方不在社区里")
ALREADY = N_("所选的地方已经属于这个网格")


def give(patch: Patch, wish: Give, locked: frozenset[int]) -> dict[int, Polygon | None]:
    """Return the grids after ground has been given to one of them."""
    receiver = grid_of(patch, wish.to)
    footprint = shapely.union_all(np.array(wish.shapes, dtype=object))
    donors = {
        key: shape
        for key, shape in patch.grids.items()
        if key != wish.to and shapely.area(shapely.intersection(shape, footprint)) > LEAST
    }
    if not donors:
        raise BadInput(ALREADY if shapely.intersects(receiver, footprint) else OUTSIDE)
    if held := locked & {*donors, wish.to}:
        raise BadInput(LOCKED, keys=sorted(held))
    donor = shapely.coverage_union_all(np.array(list(donors.values()), dtype=object))
    ground = joining.grounds(wish.shapes, wish.others, donor, receiver, patch.scale)
    return _handed(patch, ground, wish.to, locked, frozenset(donors))


def draw(patch: Patch, wish: Draw, locked: frozenset[int]) -> dict[int, Polygon | None]:
    """Return the grids after a new one has been made of what lies under a ring."""
    if wish.new_key in patch.grids:
        raise BadInput("新网格的编号已被使用")
    return _handed(patch, [wish.shape], wish.new_key, locked, frozenset(patch.grids))


def _handed(
    patch: Patch, ground: list[Polygon], to: int, locked: frozenset[int], donors: frozenset[int]
) -> dict[int, Polygon | None]:
    """Return the grids after some ground of some of them has gone to ``to``."""
    if not ground:
        raise BadInput(CLOSE)
    rings: list[Line] = [tuple((int(x), int(y)) for x, y in part.exterior.coords) for part in ground]
    drawn, cut_grids = parted(noded(patch, rings, rigid=locked), donors)
    taken, kept = _sorted(drawn, cut_grids, ground, donors)
    if not taken:
        raise BadInput(CLOSE)
    found = dict(drawn.made)
    for key in taken:
        if not kept[key]:
            raise BadInput(EMPTIED, keys=[key])
        found[key] = united_parts(kept[key], key)
    own = [drawn.patch.grids[to]] if to in drawn.patch.grids else []
    gained = united([*own, *[shape for shapes in taken.values() for shape in shapes]])
    if gained is None:
        raise BadInput(joining.FAR if own else TORN, keys=[to])
    return {**found, to: gained}


def _sorted(
    drawn: Noded, cut_grids: Mapping[int, list[Face]], ground: list[Polygon], donors: frozenset[int]
) -> tuple[dict[int, list[Polygon]], dict[int, list[Polygon]]]:
    """Return by grid what is taken from it and what it keeps; of whole grids under the ground everything."""
    area = shapely.union_all(np.array(ground, dtype=object))
    shapely.prepare(area)
    taken: dict[int, list[Polygon]] = {}
    kept: dict[int, list[Polygon]] = {}
    for key, several in cut_grids.items():
        inside = [bool(area.contains(shapely.point_on_surface(face.shape))) for face in several]
        thin = [_is_crumb(drawn.patch, face.shape) for face in several]
        given = [face.shape for face, within, crumb in zip(several, inside, thin, strict=True) if within and not crumb]
        if not given:
            continue
        stays = [face.shape for face, within, crumb in zip(several, inside, thin, strict=True) if not within or crumb]
        taken[key], kept[key] = _tidied(drawn.patch, given, stays)
    for key, shape in drawn.patch.grids.items():
        if key in donors and key not in cut_grids and area.contains(shapely.point_on_surface(shape)):
            taken[key], kept[key] = [shape], []
    return taken, kept


def _tidied(patch: Patch, given: list[Polygon], stays: list[Polygon]) -> tuple[list[Polygon], list[Polygon]]:
    """Let crumbs that do not hang together with what stays go with what is given."""
    if len(stays) < 2 or united(stays) is not None:
        return given, stays
    return given + [s for s in stays if _is_crumb(patch, s)], [s for s in stays if not _is_crumb(patch, s)]


def _is_crumb(patch: Patch, shape: Polygon) -> bool:
    ground = patch.scale.stretched(np.array([shape], dtype=object))[0]
    return bool(shapely.buffer(ground, -CRUMB_M / 2, join_style="mitre").is_empty)
