"""Entrances that no street leads to as it should, and why: a list a planner can work through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from gridmap.domain.walking import NO_DOORS, Network
from gridmap.domain.working import WorkSetting

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# why an entrance is listed, the gravest first
NO_STREET = "no_street"  # there is no street at all
CLOSED_GATE = "closed_gate"  # its street is cut off by gates that are closed for good
STRAY = "stray"  # a nearer street hangs together with no other
WALL = "wall"  # a nearer street lies behind a wall
FAR = "far"  # no street is near


@dataclass(frozen=True)
class Unreached:
    """One entrance of the list.

    Attributes
    ----------
    title : building and unit as people say it; never a resident's name
    reason : one of this module's codes; distance_m : straight to the street it is tied to, None without one
    nearer_m : straight to the nearer street that does not count, None without one
    households : homes behind it
    """

    entrance_id: int
    building_id: int
    title: str
    lon: float
    lat: float
    reason: str
    distance_m: float | None
    nearer_m: float | None
    households: int


def reasons(
    network: Network, xy: Floats, edge: Ints, distance_m: Floats, setting: WorkSetting
) -> list[tuple[str, float | None]]:
    """Return (reason, metres to the nearer street that does not count) of each entrance, ("", None) for a good one.

    Parameters
    ----------
    xy : (k, 2) entrances in metres
    edge : (k,) positions of the edges they are tied to, -1 without one; distance_m : (k,) straight to them
    """
    cut_off = network.pieces(np.zeros(len(network.edge_id), np.bool_)) != 0
    walkable = np.flatnonzero(network.open_to_walkers & ~np.isin(network.kind, NO_DOORS))
    nearest = np.full(len(xy), -1, np.int64)
    nearest_m = np.full(len(xy), np.inf)
    if len(walkable) and len(xy):
        tree = shapely.STRtree(network.paths[walkable])
        places = np.asarray(shapely.points(xy), dtype=object)
        nearest = walkable[np.asarray(tree.nearest(places), np.int64)]
        nearest_m = np.asarray(shapely.distance(network.paths[nearest], places))
    found: list[tuple[str, float | None]] = []
    for i in range(len(xy)):
        nearer = float(nearest_m[i]) if nearest_m[i] < distance_m[i] - 1.0 else None
        if edge[i] < 0:
            found.append((NO_STREET, None))
        elif cut_off[edge[i]]:
            found.append((CLOSED_GATE, nearer))
        elif distance_m[i] <= setting.far_m:
            found.append(("", None))
        elif nearer is not None and not network.for_doors[nearest[i]]:
            found.append((STRAY, nearer))
        else:
            found.append((FAR, None) if nearer is None else (WALL, nearer))
    return found
