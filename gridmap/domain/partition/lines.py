"""Grids cut and borders reshaped along drawn lines."""

from __future__ import annotations

from shapely import Polygon

from gridmap.domain.partition.faces import dealt, joined, parted
from gridmap.domain.partition.noding import noded
from gridmap.domain.partition.operations import Cut, Join, Reshape
from gridmap.domain.partition.patch import Patch, united
from gridmap.errors import N_, BadInput

ENDS_M = 3.0  # a line that stops so short of a border is led on to it

UNKNOWN = N_("没有这个网格")
NOT_CUT = N_("线没有切开网格：两端都要画到网格的边界上")
CUT_MORE = N_("这条线把网格切成了 %(parts)d 块，请画一条只切成两块的线")
NO_SHAPE = N_("线没有改变边界：要从一条边界画到另一条边界")
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


def join(patch: Patch, wish: Join) -> dict[int, Polygon | None]:
    """Return one grid in place of two."""
    if wish.keep == wish.gone:
        raise BadInput("请选两个不同的网格")
    whole = united([grid_of(patch, wish.keep), grid_of(patch, wish.gone)])
    if whole is None:
        raise BadInput(APART, keys=[wish.keep, wish.gone])
    return {wish.keep: whole, wish.gone: None}
