"""Isochrones: which streets one can reach on foot within so many minutes, and how many homes stand there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely import Polygon

from gridmap.domain.coverage import SMALL_CELL
from gridmap.domain.walking import Network, Spots, cut_line

Floats = npt.NDArray[np.float64]

BESIDE_M = 25.0  # what lies so near a street that is reached counts as reached, for drawing
SMOOTH_M = 3.0


@dataclass(frozen=True)
class Reached:
    """What is within reach of a place.

    Attributes
    ----------
    lines : streets and parts of streets, in metres
    area : the ground beside them, in metres, for drawing
    """

    lines: tuple[Floats, ...]
    area: tuple[Polygon, ...]


@dataclass(frozen=True)
class Homes:
    """How many homes are within reach; None where a figure would be about fewer than ``SMALL_CELL``.

    Attributes
    ----------
    by_grid : grid id -> homes, grids without any left out
    household_ids : for those who may know them, in ascending order; empty for others
    """

    total: int | None
    by_grid: Mapping[int, int | None]
    household_ids: tuple[int, ...]


def reached(network: Network, spot: Spots, node_s: Floats, within_s: float) -> Reached:
    """Return the streets within reach of one place.

    Parameters
    ----------
    spot : the place, tied to the network
    node_s : (n,) seconds to each node, inf beyond reach
    """
    from_tail = _shares(within_s - node_s[network.tail], network.forward_s)
    from_head = _shares(within_s - node_s[network.head], network.backward_s)
    lines = []
    for i in np.flatnonzero((from_tail > 0) | (from_head > 0)):
        path = network.paths[i]
        if from_tail[i] + from_head[i] >= 1:
            lines.append(shapely.get_coordinates(path))
            continue
        lines += [cut_line(path, 0.0, float(from_tail[i]))] if from_tail[i] > 0 else []
        lines += [cut_line(path, 1.0 - float(from_head[i]), 1.0)] if from_head[i] > 0 else []
    lines += _own_street(network, spot, within_s)
    shape = shapely.union_all([shapely.LineString(line).buffer(BESIDE_M, quad_segs=4) for line in lines])
    parts = shapely.get_parts(shapely.simplify(shape, SMOOTH_M))
    return Reached(tuple(lines), tuple(part for part in parts if part.geom_type == "Polygon" and not part.is_empty))


def _shares(left_s: Floats, edge_s: Floats) -> Floats:
    """Return the share of each edge that can be walked in the seconds left, 0..1."""
    walkable = np.isfinite(left_s) & np.isfinite(edge_s) & (left_s > 0)
    return np.where(walkable, np.clip(left_s / np.maximum(np.where(walkable, edge_s, 1.0), 1e-9), 0, 1), 0.0)


def _own_street(network: Network, spot: Spots, within_s: float) -> list[Floats]:
    """Return what of its own street a place reaches before any node."""
    edge, share = int(spot.edge[0]), float(spot.share[0])
    left = within_s - float(spot.access_s[0])
    if edge < 0 or left <= 0:
        return []
    ahead, back = (
        min(left / s, most) if np.isfinite(s) and s > 0 else 0.0
        for s, most in ((network.forward_s[edge], 1 - share), (network.backward_s[edge], share))
    )
    return [cut_line(network.paths[edge], share - back, share + ahead)] if ahead + back > 0 else []


def masked(by_grid: Mapping[int, int]) -> tuple[int | None, dict[int, int | None]]:
    """Return the sum and each grid's figure for a reader who may see none about fewer than ``SMALL_CELL`` homes.

    Where a hidden figure could be found by subtraction from the sum, the next smallest grids are hidden too.
    """
    total = sum(by_grid.values())
    if 0 < total < SMALL_CELL:
        return None, dict.fromkeys(by_grid)
    hidden = {grid for grid, n in by_grid.items() if 0 < n < SMALL_CELL}
    for grid in sorted(by_grid, key=lambda g: (by_grid[g], g)):
        if hidden and sum(by_grid[g] for g in hidden) < SMALL_CELL:
            hidden.add(grid)
    return total, {grid: None if grid in hidden else n for grid, n in by_grid.items()}
