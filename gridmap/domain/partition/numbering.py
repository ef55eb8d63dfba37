"""Numbers for grids, and who holds a point."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import shapely
from shapely import Polygon

from gridmap.domain.drafting import in_rows


def renumbered(
    grids: Mapping[int, Polygon], centres: Mapping[int, tuple[float, float]] | None = None
) -> dict[int, int]:
    """Return a number for each grid by its key: in rows from north to south, west to east in each.

    Parameters
    ----------
    grids : by key; whole units.
    centres : where each grid is taken to lie; without it the centroids.
    """
    keys = sorted(grids)
    if not keys:
        return {}
    shapes = np.array([grids[key] for key in keys], dtype=object)
    at = shapely.get_coordinates(shapely.centroid(shapes)) if centres is None else np.array([centres[k] for k in keys])
    return {keys[i]: number for number, i in enumerate(in_rows(at).tolist(), start=1)}


def holders(grids: Mapping[int, Polygon], points: np.ndarray, numbers: Mapping[int, int]) -> np.ndarray:
    """Return for each point the key of its grid; on a border the touching grid with the smallest number, 0 for none.

    Parameters
    ----------
    grids : by key; whole units.
    points : (n, 2) whole units.
    numbers : the number of each grid.
    """
    keys = sorted(grids, key=lambda key: -numbers[key])
    tree = shapely.STRtree([grids[key] for key in keys])
    which, grid = tree.query(shapely.points(points), predicate="intersects")
    found: np.ndarray = np.zeros(len(points), dtype=np.int64)
    order = np.argsort(grid, kind="stable")  # the smallest number last, so that it stays
    found[which[order]] = np.array(keys, dtype=np.int64)[grid[order]]
    return found
