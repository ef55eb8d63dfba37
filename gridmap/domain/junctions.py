"""Where streets meet: lines become nodes and stretches between them.

All coordinates in metres. Points that are equal to a millimetre are one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Shapes = npt.NDArray[np.object_]

GRAIN_M = 0.001
NEAR_M = 0.5  # drawn streets that miss each other by less were meant to meet


@dataclass(frozen=True)
class Stretches:
    """Lines cut where they meet.

    Attributes
    ----------
    xy : (n, 2) nodes
    tail, head : (m,) positions of nodes, never equal; source : (m,) which line a stretch was cut from
    paths : (m,) lines from tail to head
    """

    xy: Floats
    tail: Ints
    head: Ints
    source: Ints
    paths: Shapes


def cut_where_shared(lines: Shapes) -> Stretches:
    """Cut lines at their ends and wherever a vertex is used twice: lines that only cross do not meet.

    It is the rule of OpenStreetMap, where a bridge and the street below it share no vertex.

    Parameters
    ----------
    lines : (k,) LineStrings in metres
    """
    xy, line = shapely.get_coordinates(lines, return_index=True)
    _, first, vertex, uses = np.unique(
        np.round(xy / GRAIN_M).astype(np.int64), axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    vertex = vertex.reshape(-1)
    begins = np.concatenate([[True], line[1:] != line[:-1]]) if len(line) else np.zeros(0, np.bool_)
    ends = np.concatenate([begins[1:], [True]]) if len(line) else begins
    is_node = uses > 1
    is_node[vertex[begins | ends]] = True
    at = np.flatnonzero(is_node[vertex])
    pairs = np.flatnonzero(line[at[1:]] == line[at[:-1]]) if len(at) else np.zeros(0, np.int64)
    cuts = [(int(at[i]), int(at[i + 1])) for i in pairs]
    return _stretches(xy, vertex, line, first, cuts)


def _stretches(xy: Floats, vertex: Ints, line: Ints, first: Ints, cuts: list[tuple[int, int]]) -> Stretches:
    """Build stretches from runs of vertices; a loop is cut in the middle, so that it has two ends."""
    runs: list[Floats] = []
    ends: list[tuple[int, int]] = []
    source: list[int] = []
    place = [xy[i] for i in first]
    for a, b in cuts:
        run, tail, head = xy[a : b + 1], int(vertex[a]), int(vertex[b])
        if tail != head:
            parts = [(run, tail, head)]
        elif np.hypot(*np.diff(run, axis=0).T).sum() < 2 * GRAIN_M:
            continue
        else:
            one, two = _halves(run)
            place.append(one[-1])
            parts = [(one, tail, len(place) - 1), (two, len(place) - 1, head)]
        for piece, t, h in parts:
            runs.append(piece)
            ends.append((t, h))
            source.append(int(line[a]))
    used, ends_of = np.unique(np.asarray(ends, np.int64).reshape(-1, 2), return_inverse=True)
    ends_of = ends_of.reshape(-1, 2)
    return Stretches(
        np.asarray(place, float).reshape(-1, 2)[used],
        ends_of[:, 0].astype(np.int64),
        ends_of[:, 1].astype(np.int64),
        np.asarray(source, np.int64),
        np.array([shapely.LineString(run) for run in runs], dtype=object),
    )


def _halves(run: Floats) -> tuple[Floats, Floats]:
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(run, axis=0).T))])
    half = along[-1] / 2
    middle = np.array([[np.interp(half, along, run[:, i]) for i in (0, 1)]])
    return np.concatenate([run[along < half], middle]), np.concatenate([middle, run[along > half]])


def meet(lines: Shapes, *, near_m: float = NEAR_M) -> Shapes:
    """Return drawn lines with a shared vertex wherever they cross, touch, or miss each other by less than ``near_m``.

    A drawn town has no bridges over streets: what crosses meets. Places nearer than ``near_m`` to each other become
    one, an end of a line before any other point.

    Parameters
    ----------
    lines : (k,) LineStrings in metres
    """
    if not len(lines):
        return lines
    a, b = shapely.STRtree(lines).query(lines, predicate="dwithin", distance=near_m)
    events: dict[int, list[tuple[float, Floats]]] = {i: [] for i in range(len(lines))}
    for i, j in zip(a[a < b], b[a < b], strict=True):
        for point in _meetings(lines[i], lines[j], near_m):
            for k in (i, j):
                events[int(k)].append((float(shapely.line_locate_point(lines[k], shapely.Point(point))), point))
    ends = np.concatenate([shapely.get_coordinates(line)[[0, -1]] for line in lines])
    points = np.concatenate([ends, *[np.stack([p for _, p in found]) for found in events.values() if found]])
    spot = _merged(points, near_m)
    tree = cKDTree(points)
    return np.array([_redrawn(lines[i], found, tree, spot, near_m) for i, found in events.items()], dtype=object)


def _meetings(one: shapely.LineString, other: shapely.LineString, near_m: float) -> list[Floats]:
    """Return where two lines meet: crossings, and ends of one that lie at the other."""
    crossing = shapely.get_coordinates(shapely.intersection(one, other))
    found = list(crossing) if len(crossing) <= 8 else [crossing[0], crossing[-1]]  # along each other: only the ends
    for line, target in ((one, other), (other, one)):
        for end in shapely.get_coordinates(line)[[0, -1]]:
            point = shapely.Point(end)
            if shapely.distance(point, target) < near_m:
                found.append(end)
    return found


def _merged(points: Floats, near_m: float) -> Floats:
    """Return for each point where it goes: to the first of those it hangs together with."""
    pairs = cKDTree(points).query_pairs(near_m, output_type="ndarray")
    n = len(points)
    graph = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    label = connected_components(graph, directed=False)[1]
    first = np.full(label.max() + 1, n)
    np.minimum.at(first, label, np.arange(n))
    return np.asarray(points[first[label]])


def _redrawn(
    line: shapely.LineString, found: list[tuple[float, Floats]], tree: cKDTree, spot: Floats, near_m: float
) -> shapely.LineString:
    """Return a line through its own vertices and its meetings, each where it was merged to."""

    def moved(point: Floats) -> Floats:
        return np.asarray(spot[tree.query(point)[1]])

    xy = shapely.get_coordinates(line)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
    stops = {0.0: moved(xy[0]), float(along[-1]): moved(xy[-1])}
    for at, point in found:
        if near_m < at < along[-1] - near_m:
            stops[at] = moved(point)
    fixed = np.array(sorted(stops))
    keep = [float(s) for s in along[1:-1] if np.abs(fixed - s).min() > near_m]
    whole = [(s, stops[s]) for s in stops] + [(s, xy[int(np.searchsorted(along, s))]) for s in keep]
    path = np.stack([point for _, point in sorted(whole, key=lambda pair: pair[0])])
    moves = np.concatenate([[True], np.hypot(*np.diff(path, axis=0).T) > GRAIN_M])
    return shapely.LineString(path[moves]) if moves.sum() > 1 else line
