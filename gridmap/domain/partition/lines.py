"""Grids cut and borders reshaped along drawn lines."""

from __future__ import annotations

from shapely import Polygon

from gridmap.domain.partition.checks import CROSSED
from gridmap.domain.partition.faces import dealt, joined, parted, united_parts
from gridmap.domain.partition.noding import noded, onto_outline
from gridmap.domain.partition.operations import Cut, Join, Move, Reshape
from gridmap.domain.partition.patch import Patch, turned, united
from gridmap.errors import N_, BadInput

SLIDE_M = 15.0  # the end of a border is led to the outline from so far
ENDS_M = 3.0  # a line that stops so short of a border is led on to it

UNKNOWN = N_("没有这个网格")
NOT_CUT = N_("线没有切开网格：两端都要画到网格的边界上")
CUT_MORE = N_("这条线把网格切成了 %(parts)d 块，请画一条只切成两块的线")
NO_SHAPE = N_("线没有改变边界：要从一条边界画到另一条边界")
ON_OUTLINE = N_("边界的这一端在社区外界上：只能沿外界移动；要改外界请用“调整社区外界”")
APART = N_("这两个网格不相邻，不能合并")


def grid_of(patch: Patch, key: int) -> Polygon:
    """Return a grid of the patch."""
    if key not in patch.grids:
        raise BadInput(UNKNOWN)
    return patch.grids[key]


def cut(patch: Patch, wish: Cut, locked: frozenset[int]) -> dict[int, Polygon | None]:
    """Return a grid in two parts, the larger one under its own key."""
    grid_of(patch, wish.key)
    if wish.new_key in patch.grids:
        raise BadInput("新网格的编号已被使用")
    drawn, found = parted(noded(patch, [wish.line], rigid=locked, ends_m=ENDS_M), frozenset({wish.key}))
    parts = found.get(wish.key, [])
    if not parts:
        raise BadInput(NOT_CUT)
    if len(parts) > 2:
        raise BadInput(CUT_MORE, parts=len(parts))
    kept, new = parts
    return {**drawn.made, wish.key: kept.shape, wish.new_key: new.shape}


def reshape(patch: Patch, wish: Reshape, locked: frozenset[int]) -> dict[int, Polygon | None]:
    """Return the grids along a line, all but the largest part of each given to the neighbour it lies along."""
    drawn, cut_grids = parted(noded(patch, [wish.line], rigid=locked, ends_m=ENDS_M))
    found = dict(drawn.made)
    if not cut_grids:
        raise BadInput(NO_SHAPE)
    settled = {key: parts[:1] for key, parts in cut_grids.items()}
    waiting = [part for parts in cut_grids.values() for part in parts[1:]]
    for key, parts in dealt(drawn.patch, settled, waiting).items():
        found[key] = joined(parts, key)
    return found


def slide(patch: Patch, wish: Move, locked: frozenset[int]) -> dict[int, Polygon | None]:
    """Return the two grids whose border ends on the outline with its end elsewhere on the outline."""
    sides = patch.around(wish.at, wish.at)
    inner = [side for side in sides if side[2:] == wish.at and turned(side) in sides]
    to = onto_outline(patch, wish.to, SLIDE_M)
    if len(inner) != 1 or to is None:
        raise BadInput(ON_OUTLINE)
    drawn, cut_grids = parted(
        noded(patch, [(inner[0][:2], to)], rigid=locked), frozenset({sides[inner[0]], sides[turned(inner[0])]})
    )
    if len(cut_grids) != 1 or any(len(parts) != 2 for parts in cut_grids.values()):
        raise BadInput(CROSSED)
    [(key, parts)] = cut_grids.items()
    around = drawn.patch.around(inner[0][:2], wish.at)
    ends = {side for side in around if wish.at in (side[:2], side[2:]) and turned(side) in around}
    [gone] = [part for part in parts if ends & set(part.sides)] or [parts[1]]
    other = next(around[side] for side in ends if around[side] != key)
    kept = next(part for part in parts if part is not gone)
    return {**drawn.made, key: kept.shape, other: united_parts([drawn.patch.grids[other], gone.shape], other)}


def join(patch: Patch, wish: Join) -> dict[int, Polygon | None]:
    """Return one grid in place of two."""
    if wish.keep == wish.gone:
        raise BadInput("请选两个不同的网格")
    whole = united([grid_of(patch, wish.keep), grid_of(patch, wish.gone)])
    if whole is None:
        raise BadInput(APART, keys=[wish.keep, wish.gone])
    return {wish.keep: whole, wish.gone: None}
