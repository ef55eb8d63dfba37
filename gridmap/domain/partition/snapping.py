"""A drawn line led onto streets and walls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from shapely import LineString
from shapely.ops import substring

from gridmap.domain.partition.operations import Line
from gridmap.domain.partition.patch import Pair
from gridmap.domain.partition.units import scale_at

STRAY = 1.5  # a street is followed while it strays no farther than so many times the reach from what was drawn


def snapped(line: Line, targets: Sequence[LineString], within: float) -> Line:
    """Lead a line onto targets.

    A point of the line goes to the nearest target; between two points on the same target, or on two that meet, the
    line follows the targets as far as they run where the line was drawn.

    Parameters
    ----------
    line : whole units.
    targets : LineStrings, whole units.
    within : how far a point may go, in metres.

    Returns
    -------
    Line
        Whole units; points that no target is near to stay.
    """
    if not len(targets) or len(line) < 2:
        return line
    scale = scale_at(line[0][1])
    stretch = np.array([scale.east, scale.north])
    tracks = scale.stretched(np.array(list(targets), dtype=object))
    tree = shapely.STRtree(tracks)
    at = np.array(line, dtype=float) * stretch
    found: list[np.ndarray] = []
    before: tuple[int, float] | None = None
    for i, point in enumerate(at):
        here = tree.query_nearest(shapely.Point(point), max_distance=within, all_matches=False)
        if not len(here):
            found.append(point)
            before = None
            continue
        track = int(here[0])
        along = float(tracks[track].project(shapely.Point(point)))
        if before is not None:
            found += _followed(tracks, before, (track, along), shapely.LineString(at[i - 1 : i + 1]), within)
        found.append(shapely.get_coordinates(tracks[track].interpolate(along))[0])
        before = (track, along)
    pairs: list[Pair] = [(round(x), round(y)) for x, y in (np.array(found) / stretch).tolist()]
    return tuple(pair for i, pair in enumerate(pairs) if i == 0 or pair != pairs[i - 1])


def _followed(
    tracks: np.ndarray, start: tuple[int, float], end: tuple[int, float], drawn: LineString, within: float
) -> list[np.ndarray]:
    """Return the corners of the targets between two places on them, if they run where the line was drawn."""
    if start[0] == end[0]:
        way = substring(tracks[start[0]], start[1], end[1])
    else:
        meet = shapely.intersection(tracks[start[0]], tracks[end[0]])
        meeting = shapely.get_point(meet, 0) if meet.geom_type != "Point" else meet
        if meeting is None or shapely.is_empty(meet):
            return []
        first = substring(tracks[start[0]], start[1], tracks[start[0]].project(meeting))
        second = substring(tracks[end[0]], tracks[end[0]].project(meeting), end[1])
        way = LineString(np.vstack([shapely.get_coordinates(first), shapely.get_coordinates(second)]))
    if way.geom_type != "LineString" or shapely.hausdorff_distance(way, drawn, densify=0.1) > STRAY * within:
        return []
    return list(shapely.get_coordinates(way))
