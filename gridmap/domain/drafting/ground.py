"""A town's ground cut into blocks: along streets first, then along lanes and walls, at last between the houses."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from shapely import Polygon

from gridmap.domain.drafting.arrangement import Mesh, faces, merged
from gridmap.domain.drafting.parts import Blocks, rings

# What a metre of border costs along each kind of line; what is not named here is no border of first choice.
STREET_PRICE = {"primary": 0.5, "secondary": 0.6, "residential": 0.8, "pedestrian": 1.1}
LANE_PRICE = {"service": 1.5, "barrier": 1.5, "footway": 2.0, "path": 2.0, "steps": 2.0}
CUT_PRICE = 4.0  # no line on the ground
HEAVY = 0.2  # a block with more than this share of a part's load is cut further
SMALL_M2, THIN_M = 600.0, 14.0  # without homes: crossings and the strips between carriageways
SAMPLE_M, SMOOTH_M = 4.0, 5.0  # of the lines half-way between houses


@dataclass(frozen=True)
class Lines:
    """Lines that may become borders, cheapest kinds first; whole-number coordinates.

    Attributes
    ----------
    shapes : array of LineStrings.
    price : price of a metre of each.
    """

    shapes: np.ndarray
    price: np.ndarray

    def some(self, chosen: np.ndarray) -> Lines:
        """Return the chosen lines."""
        return Lines(self.shapes[chosen], self.price[chosen])


@dataclass(frozen=True)
class Scale:
    """Metres in a whole-number unit, east and north; true within a town."""

    east: float
    north: float

    def metres(self, coordinates: np.ndarray) -> np.ndarray:
        """Return coordinates in metres."""
        return np.asarray(coordinates * np.array([self.east, self.north]))

    def lengths(self, ends: np.ndarray) -> np.ndarray:
        """Return the lengths in metres of (k, 4) pieces."""
        return np.asarray(np.hypot((ends[:, 2] - ends[:, 0]) * self.east, (ends[:, 3] - ends[:, 1]) * self.north))

    def area(self, shapes: np.ndarray) -> np.ndarray:
        """Return areas in m2."""
        return np.asarray(shapely.area(shapes) * self.east * self.north)

    def perimeter(self, shapes: np.ndarray) -> np.ndarray:
        """Return perimeters in metres."""
        return np.asarray(shapely.length(self.stretched(shapes)))

    def stretched(self, shapes: np.ndarray) -> np.ndarray:
        """Return shapes in metres."""
        return np.asarray(shapely.transform(shapes, self.metres))

    def shrunk(self, shapes: np.ndarray) -> np.ndarray:
        """Return shapes in metres as whole-number shapes."""
        return np.asarray(shapely.transform(shapes, lambda c: c / np.array([self.east, self.north])))


@dataclass(frozen=True)
class Cut:
    """Blocks as shapes.

    Attributes
    ----------
    shapes : array of polygons that tile the outline.
    home : for each obstacle the block it stands in.
    """

    shapes: np.ndarray
    home: np.ndarray


def cut(outline: Polygon, lines: Lines, solid: np.ndarray, load: np.ndarray, share: float, scale: Scale) -> Cut:
    """Cut an outline into blocks of at most about ``share`` of load each, where houses allow it.

    Parameters
    ----------
    outline : polygon in whole-number coordinates.
    lines : possible borders.
    solid : array of m obstacles.
    load : (m,) load of each obstacle.
    share : load above which a block is cut further; without any load every line cuts.
    """
    first = lines.price <= (max(STREET_PRICE.values()) if load.sum() else CUT_PRICE)
    used = lines.shapes[first]
    found = faces(outline, used, solid)
    heavy = _heavy(found, solid, load, share)
    if heavy.any():
        used = np.concatenate([used, _within(lines.shapes[~first], found[heavy])])
        found = faces(outline, used, solid)
        heavy = _heavy(found, solid, load, share)
    if heavy.any():
        used = np.concatenate([used, *[half_way(face, solid, scale) for face in found[heavy]]])
        found = faces(outline, used, solid)
    found = _without_crumbs(found, solid, scale)
    return Cut(found, standing_in(found, solid))


def standing_in(shapes: np.ndarray, solid: np.ndarray) -> np.ndarray:
    """Return for each obstacle the face that holds most of it."""
    if not len(solid):
        return np.zeros(0, dtype=int)
    tree = shapely.STRtree(shapes)
    which, face = tree.query(solid, predicate="intersects")
    share = np.zeros(len(which))
    once = np.bincount(which, minlength=len(solid))[which] == 1
    share[once] = 1.0
    share[~once] = shapely.area(shapely.intersection(solid[which[~once]], shapes[face[~once]]))
    order = np.lexsort((share, which))
    home = np.full(len(solid), -1)
    home[which[order]] = face[order]
    lost = np.flatnonzero(home < 0)
    if len(lost):
        home[lost] = tree.query_nearest(solid[lost], all_matches=False)[1]
    return home


def _heavy(found: np.ndarray, solid: np.ndarray, load: np.ndarray, share: float) -> np.ndarray:
    home = standing_in(found, solid)
    weight = np.bincount(home, load, len(found)) if len(home) else np.zeros(len(found))
    several = np.bincount(home, minlength=len(found)) > 1 if len(home) else np.zeros(len(found), dtype=bool)
    return np.asarray((weight > share) & several)


def _within(lines: np.ndarray, grounds: np.ndarray) -> np.ndarray:
    """Return the parts of lines inside any of some faces."""
    if not len(lines):
        return lines
    which, ground = shapely.STRtree(grounds).query(lines, predicate="intersects")
    inside = shapely.get_parts(shapely.intersection(lines[which], grounds[ground], grid_size=1))
    return np.asarray(inside[shapely.get_type_id(inside) == 1])


def half_way(face: Polygon, solid: np.ndarray, scale: Scale) -> np.ndarray:
    """Return the lines half-way between the obstacles of a face, smoothed."""
    here = solid[shapely.STRtree(solid).query(face, predicate="intersects")]
    here = here[shapely.area(shapely.intersection(here, face)) > 0.5 * shapely.area(here)]
    if len(here) < 2:
        return np.zeros(0, dtype=object)
    dense = shapely.segmentize(scale.stretched(shapely.boundary(here)), SAMPLE_M)
    at, owner = shapely.get_coordinates(dense, return_index=True)
    at, kept = np.unique(np.round(at, 2), axis=0, return_index=True)
    owner = owner[kept]
    ground = scale.stretched(np.array([face], dtype=object))[0]
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(at), extend_to=ground, ordered=True))
    bodies = [shapely.coverage_union_all(cells[owner == k]) for k in np.unique(owner)]
    edges = shapely.line_merge(shapely.union_all(shapely.boundary(np.array(bodies, dtype=object))))
    lines = shapely.simplify(shapely.get_parts(edges), SMOOTH_M)
    inside = shapely.intersection(scale.shrunk(lines), face.buffer(2.0), grid_size=1)
    pieces = shapely.get_parts(inside)
    return np.asarray(pieces[(shapely.get_type_id(pieces) == 1) & (shapely.length(pieces) > 0)])


def _without_crumbs(found: np.ndarray, solid: np.ndarray, scale: Scale) -> np.ndarray:
    """Join obstacles that lines were led around, then what is too small or too thin to be ground of its own."""
    bare = np.zeros(len(found), dtype=bool)
    if len(solid):
        face, body = shapely.STRtree(solid).query(shapely.point_on_surface(found), predicate="within")
        bare[face[shapely.area(found[face]) < 1.01 * shapely.area(solid[body])]] = True
    found = _joined(found, bare, scale)
    crumb = (scale.area(found) < SMALL_M2) | (2 * scale.area(found) / scale.perimeter(found) < THIN_M)
    crumb[standing_in(found, solid)] = False
    return _joined(found, crumb, scale)


def _joined(found: np.ndarray, small: np.ndarray, scale: Scale) -> np.ndarray:
    groups = merged(found, small, scale.lengths)
    return np.array([shapely.coverage_union_all(found[group]) for group in groups], dtype=object)


def priced(cut_: Cut, lines: Lines, load: np.ndarray, scale: Scale) -> Blocks:
    """Return blocks with loads, neighbours and the price of each border between them."""
    shapes = cut_.shapes
    mesh = Mesh(shapes)
    price = _edge_prices(mesh, lines)
    border = mesh.neighbours(price * scale.lengths(mesh.ends))
    weight: np.ndarray = np.bincount(cut_.home, load, len(shapes)) if len(load) else np.zeros(len(shapes))
    centre = scale.metres(shapely.get_coordinates(shapely.centroid(shapes)))
    return Blocks(centre, weight, scale.area(shapes), rings(shapes), border)


def _edge_prices(mesh: Mesh, lines: Lines) -> np.ndarray:
    """Return the price of a metre of each edge piece: of the cheapest line it runs along."""
    price = np.full(len(mesh.ends), CUT_PRICE)
    middle = shapely.points((mesh.ends[:, :2] + mesh.ends[:, 2:]) / 2.0)
    if len(lines.shapes):
        which, line = shapely.STRtree(lines.shapes).query(middle, predicate="dwithin", distance=60.0)
        np.minimum.at(price, which, lines.price[line])
    return price


def priced_by_streets(cut_: Cut, lines: Lines, scale: Scale) -> Blocks:
    """Return blocks whose load is the length of streets in and around them: for places without mapped buildings."""
    blocks = priced(cut_, lines, np.zeros(0), scale)
    inside: np.ndarray = scale.perimeter(cut_.shapes) / 2
    if len(lines.shapes):
        which, line = shapely.STRtree(cut_.shapes).query(lines.shapes, predicate="intersects")
        common = shapely.intersection(lines.shapes[which], cut_.shapes[line])
        inside = np.bincount(line, scale.perimeter(common), len(cut_.shapes))
    return replace(blocks, load=inside)
