"""Lines become faces that cut no building.

All coordinates are whole numbers (degrees x 1e7, about 1 cm), so that what is noded here stays noded: neighbours
share their vertices exactly, and a union of faces tiles without gap or overlap.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from shapely import LineString, Polygon

UNITS = 1e7  # whole numbers in a degree
_STRAY_AREA = 5_000.0  # square units (0.5 m2): two outlines that only touch overlap by less


def filled(shape: Polygon) -> Polygon:
    """Return a polygon without its holes."""
    return Polygon(shape.exterior)


def obstacles(buildings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Join buildings that overlap into obstacles without courtyards: what no border may cut.

    Parameters
    ----------
    buildings : array of n polygons, whole-number coordinates.

    Returns
    -------
    shapes : array of m polygons, m <= n.
    member : array of n ints; which obstacle a building belongs to.
    """
    shapes = np.array([filled(one) for one in buildings], dtype=object)
    member: np.ndarray = np.arange(len(shapes))
    for _ in range(5):  # a joined outline may enclose another building
        left, right = shapely.STRtree(shapes).query(shapes, predicate="intersects")
        pair = left < right
        left, right = left[pair], right[pair]
        common = shapely.area(shapely.intersection(shapes[left], shapes[right])) > _STRAY_AREA
        if not common.any():
            break
        size = len(shapes)
        joined = coo_matrix((np.ones(common.sum()), (left[common], right[common])), shape=(size, size))
        count, label = connected_components(joined, directed=False)
        groups = [shapes[np.flatnonzero(label == k)] for k in range(count)] if count < size else []
        shapes = np.array([_one_outline(group) for group in groups], dtype=object)
        member = label[member]
    return shapes, member


def _one_outline(group: np.ndarray) -> Polygon:
    if len(group) == 1:
        return Polygon(group[0])
    joined = shapely.union_all(group, grid_size=1)
    return filled(max(shapely.get_parts(joined).tolist(), key=lambda part: float(part.area)))


def detoured(lines: np.ndarray, solid: np.ndarray) -> np.ndarray:
    """Lead lines around obstacles: inside one a line is left out, the obstacle's outline is added instead."""
    if not len(lines) or not len(solid):
        return lines
    hit_line, hit_solid = shapely.STRtree(solid).query(lines, predicate="crosses")
    inside_line, inside_solid = shapely.STRtree(solid).query(lines, predicate="within")
    hit_line, hit_solid = np.r_[hit_line, inside_line], np.r_[hit_solid, inside_solid]
    if not len(hit_line):
        return lines
    kept = list(np.delete(lines, np.unique(hit_line)))
    for i in np.unique(hit_line):
        blocked = shapely.union_all(solid[hit_solid[hit_line == i]])
        kept += list(shapely.get_parts(shapely.difference(lines[i], blocked, grid_size=1)))
    rings = shapely.boundary(solid[np.unique(hit_solid)])
    found = np.array([*kept, *shapely.get_parts(rings)], dtype=object)
    return np.asarray(found[~shapely.is_empty(found)])


def faces(outline: Polygon, lines: np.ndarray, solid: np.ndarray) -> np.ndarray:
    """Return the faces that lines cut an outline into; every face is one polygon without holes.

    A street network that hangs free inside a face is tied to the face's edge by two short lines; whatever still
    lies enclosed becomes part of the face around it.
    """
    lines = detoured(lines, solid)
    found = _polygonized(outline, lines)
    for _ in range(3):
        ties = [tie for face in found if face.interiors for tie in _ties(face)]
        if not ties:
            break
        lines = np.concatenate([lines, detoured(np.array(ties, dtype=object), solid)])
        found = _polygonized(outline, lines)
    return without_enclosed(found)


def _polygonized(outline: Polygon, lines: np.ndarray) -> np.ndarray:
    noded = shapely.union_all(np.array([outline.exterior, *lines], dtype=object), grid_size=1)
    found = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    return np.asarray(found[shapely.contains_properly(outline.buffer(0.5), shapely.point_on_surface(found))])


def _ties(face: Polygon) -> list[LineString]:
    """Return two lines from each hole outwards: the shortest, and one from the far side of the hole."""
    found: list[Any] = []
    rings = list(face.interiors)
    for i, hole in enumerate(rings):
        others = shapely.union_all([face.exterior, *rings[:i], *rings[i + 1 :]])
        corners = np.asarray(shapely.points(shapely.get_coordinates(hole)))
        distance = np.asarray(shapely.distance(corners, others))
        near = int(distance.argmin())
        apart = np.asarray(shapely.distance(corners, corners[near]))
        far = int((distance - 2 * apart).argmin())
        found += [shapely.shortest_line(corners[k], others) for k in {near, far} if distance[k] > 0]
    return [_through(line) for line in found if line.length > 0]


def _through(line: LineString) -> LineString:
    """Lengthen a line a little on its far end, so that rounding cannot leave it short."""
    (x0, y0), (x1, y1) = line.coords[0], line.coords[-1]
    more = 3.0 / line.length
    return LineString([(x0 - (x1 - x0) * more, y0 - (y1 - y0) * more), (x1 + (x1 - x0) * more, y1 + (y1 - y0) * more)])


def without_enclosed(found: np.ndarray) -> np.ndarray:
    """Let faces with holes swallow what they enclose."""
    holed = [i for i, face in enumerate(found) if face.interiors]
    if not holed:
        return found
    at = shapely.point_on_surface(found)
    tree = shapely.STRtree(at)
    gone: set[int] = set()
    for i in sorted(holed, key=lambda k: -filled(found.item(k)).area):
        if i not in gone:
            whole = filled(found.item(i))
            gone |= {int(k) for k in tree.query(whole, predicate="contains")} - {i}
            found[i] = whole
    return np.asarray(np.delete(found, list(gone))) if gone else found


class Mesh:
    """Faces and the pieces of edge between them.

    Attributes
    ----------
    shapes : array of polygons.
    left, right : face on either side of each edge piece; right is -1 outside of the outline.
    ends : (k, 4) whole-number ends of each edge piece.
    """

    def __init__(self, shapes: np.ndarray) -> None:
        self.shapes = shapes
        coordinates, ring = shapely.get_coordinates(shapely.get_exterior_ring(shapes), return_index=True)
        grid = np.round(coordinates).astype(np.int64)
        inner = ring[1:] == ring[:-1]
        a, b, face = grid[:-1][inner], grid[1:][inner], ring[1:][inner]
        swap = (a[:, 0] > b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] > b[:, 1]))
        keys = np.where(swap[:, None], np.hstack([b, a]), np.hstack([a, b]))
        unique, which, count = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
        which = which.reshape(-1)
        order = np.argsort(which, kind="stable")
        start = np.r_[0, np.cumsum(count)[:-1]]
        self.ends = unique
        self.left = face[order[start]]
        self.right = np.where(count > 1, face[order[np.minimum(start + 1, len(order) - 1)]], -1)

    def neighbours(self, weight: np.ndarray) -> list[dict[int, float]]:
        """Return for each face its neighbours with the summed weight of the edge between."""
        found: list[dict[int, float]] = [{} for _ in self.shapes]
        for a, b, w in zip(self.left.tolist(), self.right.tolist(), weight.tolist(), strict=True):
            if b >= 0:
                found[a][b] = found[a].get(b, 0.0) + w
                found[b][a] = found[b].get(a, 0.0) + w
        return found


def merged(shapes: np.ndarray, small: np.ndarray, length: Any) -> list[list[int]]:
    """Join small faces with the neighbour along the longest edge, as long as the union stays without holes.

    Parameters
    ----------
    shapes : array of polygons.
    small : array of bool; which faces may not stay alone.
    length : function from (k, 4) edge ends to k lengths.

    Returns
    -------
    list
        Groups of faces.
    """
    mesh = Mesh(shapes)
    near = mesh.neighbours(length(mesh.ends))
    groups: dict[int, list[int]] = {i: [i] for i in range(len(shapes))}
    shape = dict(enumerate(shapes))
    queue = sorted(np.flatnonzero(small).tolist(), key=lambda i: (shapes.item(i).area, i))
    for i in queue:
        if i not in groups:
            continue
        for j in sorted(near[i], key=lambda k: (-near[i][k], k)):
            union = shapely.coverage_union(shape[i], shape[j])
            if len(parts := shapely.get_parts(union)) == 1 and not parts[0].interiors:
                _join(groups, near, i, j)
                shape[j] = parts[0]
                break
    return list(groups.values())


def _join(groups: dict[int, list[int]], near: list[dict[int, float]], i: int, j: int) -> None:
    """Make ``i`` a part of ``j``."""
    groups[j] += groups.pop(i)
    for k, w in near[i].items():
        del near[k][i]
        if k != j:
            near[k][j] = near[k].get(j, 0.0) + w
            near[j][k] = near[k][j]
    near[i] = {}
