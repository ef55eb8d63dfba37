"""What goes along when ground is given: what joins it to the receiving grid, and what would be left over.

Of buildings it is what lies nearer to them than to any other building, as far as the receiving grid; of a block or a
compound the street between. All in metres; what comes out is rounded to whole units and led into the patch like any
drawn line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from gridmap.domain.drafting.ground import Scale
from gridmap.domain.partition.checks import NARROW_M
from gridmap.errors import N_, BadInput

SAMPLE_M = 3.0  # of outlines, when the nearest building is asked for
SMOOTH_M = 1.0  # lines half-way between buildings are drawn so much simpler
MARGIN_M = 10.0  # of ground around given buildings, where it is nearest to them
CLEAR_M = 0.8  # of ground that other buildings keep around them
CONTACT_M = 3.0  # of border that given ground must have with the receiving grid
PASSAGE_M = 4.0  # width of a way between other buildings
STREET_M = 40.0  # the widest street or green that goes along with a block
FRINGE_M = 12.0  # strips of a giving grid that would be narrower go along
ALONG = 0.35  # share of a strip's edge that lies along the given ground or the receiving grid
LOOSE = 0.1  # of the given ground: smaller parts that would come loose from the giving grid go along
PASSAGES, PASSAGE_LENGTH_M = 24, 40.0  # ways that are tried, and how long one may be
CRUMB_M2 = 1.0
MAX_STRIPS, MAX_SAMPLES = 12, 3_000
GRAIN_M = 0.001

BLOCKED = N_("所选的楼与接收的网格之间隔着别的楼，请把中间的楼一起划过去")
FAR = N_("所选的地方与接收的网格不相连，请把中间的一起划过去")


def grounds(
    shapes: Sequence[Polygon], others: Sequence[Polygon] | None, donor: BaseGeometry, to: Polygon, scale: Scale
) -> list[Polygon]:
    """Return the ground that changes hands.

    Parameters
    ----------
    shapes : footprints of buildings, or blocks and compounds; whole units.
    others : footprints of the other buildings near by; None when shapes are ground themselves.
    donor : what may be given: the grids under the shapes, without the receiving one.
    to : the receiving grid.
    scale : metres in a unit.

    Returns
    -------
    list
        Polygons without holes, whole units.

    Raises
    ------
    BadInput
        When nothing can join the ground to the receiving grid without cutting another building.
    """
    west, south, _, _ = to.bounds
    origin = scale.metres(np.array([west, south]))  # near by, so that metres have digits to spare
    given, [giver], [receiver], rest = (
        shapely.transform(scale.stretched(_array(each)), lambda c: c - origin)
        for each in (shapes, [donor], [to], [] if others is None else others)
    )
    near = None if others is None else _near(given, rest, receiver)
    ground = _with_street(_all(given), giver, receiver) if near is None else _with_cells(given, near, giver, receiver)
    ground = _with_fringes(ground, giver, receiver, _array([]) if near is None else near)
    parts = [Polygon(part.exterior) for part in _parts(ground)]
    back = shapely.transform(_array(parts), lambda c: c + origin)
    return [rounded for part in scale.shrunk(back) if (rounded := _rounded(part)).area > 0]


def _rounded(part: Polygon) -> Polygon:
    """Return a polygon on whole numbers; where rounding made it cross itself, its largest body."""
    found = part
    for _ in range(3):
        found = Polygon(shapely.transform(found, np.rint))
        if found.is_valid:
            return found
        bodies = shapely.get_parts(found.buffer(0)).tolist()
        found = Polygon(max(bodies, key=lambda body: body.area).exterior) if bodies else Polygon()
    return Polygon()


def _near(given: np.ndarray, others: np.ndarray, to: Polygon) -> np.ndarray:
    """Return the other buildings that count: around the given ones and towards the receiving grid."""
    wanted = _all(given)
    within = wanted.buffer(wanted.distance(to) + 4 * MARGIN_M)
    others = np.where(shapely.is_valid(others), others, shapely.convex_hull(others)) if len(others) else others
    near = others[shapely.intersects(others, within)] if len(others) else others
    return np.asarray(near[~shapely.contains(wanted.buffer(0.01), near)] if len(near) else near)


def _common(one: BaseGeometry, other: BaseGeometry) -> BaseGeometry:
    return _surely(lambda grain: shapely.intersection(one, other, grid_size=grain))


def _without(one: BaseGeometry, other: BaseGeometry) -> BaseGeometry:
    return _surely(lambda grain: shapely.difference(one, other, grid_size=grain))


def _all(shapes: Sequence[BaseGeometry] | np.ndarray) -> BaseGeometry:
    listed = np.asarray(shapes, dtype=object)
    return _surely(lambda grain: shapely.union_all(listed, grid_size=grain))


def _surely(overlay: Callable[[float | None], BaseGeometry]) -> BaseGeometry:
    """Overlay in floats, which is quick and may fail; then in millimetres, which takes longer and cannot."""
    try:
        return overlay(None)
    except shapely.errors.GEOSException:
        return overlay(GRAIN_M)


def _array(shapes: Sequence[BaseGeometry]) -> np.ndarray:
    return np.array(shapes, dtype=object)


def _touches(ground: BaseGeometry, to: Polygon) -> bool:
    """Tell whether some ground has a border with a grid that is worth the name."""
    return all(
        part.distance(to) < 0.3 and shapely.length(_common(shapely.boundary(part), to.buffer(0.3))) >= CONTACT_M
        for part in shapely.get_parts(ground).tolist()
    )


def _closed(ground: BaseGeometry, to: Polygon, width: float) -> BaseGeometry:
    """Return what lies between some ground and a grid where they are not farther apart than a width."""
    both = _all([ground, _common(to, shapely.box(*ground.buffer(4 * width + 20).bounds))])
    return both.buffer(width / 2, join_style="mitre").buffer(-width / 2, join_style="mitre")


def _with_street(wanted: BaseGeometry, donor: Polygon, to: Polygon) -> BaseGeometry:
    """Return blocks with the street between them and the receiving grid."""
    ground = _common(wanted, donor)
    if ground.is_empty or _touches(ground, to):
        return ground
    gap = max(part.distance(to) for part in shapely.get_parts(ground).tolist())
    for width in (1.2 * gap + 1.0, 1.6 * gap + 3.0, 2.2 * gap + 6.0):
        if width > STREET_M:
            break
        between = _common(_closed(ground, to, width), donor)
        joined = _all([ground, between])
        reached = [part for part in shapely.get_parts(joined).tolist() if _common(part, ground).area > 1.0]
        if reached and _touches(_all(reached), to):
            return _all(reached)
    raise BadInput(FAR)


def _with_cells(given: np.ndarray, near: np.ndarray, donor: Polygon, to: Polygon) -> BaseGeometry:
    """Return buildings with the ground that is nearest to them, as far as the receiving grid."""
    wanted = _all(given)
    blocked = _padded(near, CLEAR_M)
    reach = _all([_toward(part, to) for part in given.tolist()])
    free = _without(_common(_cell(given, near), reach).simplify(SMOOTH_M), blocked)
    own = _without(_padded(given, CLEAR_M), _padded(near, 0.0))
    ground = _without(_even(_all([free, own])), _padded(near, 0.0))
    ground = _holding(_common(_all([ground, own]), donor), wanted)
    for part in shapely.get_parts(ground).tolist():
        if not _touches(part, to):
            ground = _all([ground, _passage(part, blocked, donor, to)])
    return ground


def _padded(shapes: np.ndarray, by_m: float) -> BaseGeometry:
    return _all(shapely.buffer(shapes, by_m, join_style="mitre") if len(shapes) else shapes)


def _even(ground: BaseGeometry) -> BaseGeometry:
    """Return ground without necks and slits too narrow for a border."""
    by = 0.6 * NARROW_M
    for way in (by, -2 * by, by):
        ground = ground.buffer(way, join_style="mitre")
    return ground


def _toward(footprint: Polygon, to: Polygon) -> BaseGeometry:
    """Return the surroundings of a building as far as the receiving grid: a box along its own walls."""
    nearest = shapely.shortest_line(footprint, to)
    box = _all([footprint, nearest]).minimum_rotated_rectangle
    return box.buffer(MARGIN_M, join_style="mitre")


def _holding(ground: BaseGeometry, wanted: BaseGeometry) -> BaseGeometry:
    """Return the parts of some ground in which there is something that was wanted."""
    return _all([part for part in shapely.get_parts(ground).tolist() if _common(part, wanted).area > 1.0])


def _cell(given: np.ndarray, near: np.ndarray) -> BaseGeometry:
    """Return where some buildings are the nearest."""
    everything = np.concatenate([given, near])
    rings = shapely.get_exterior_ring(everything)
    outlines = shapely.segmentize(rings, max(SAMPLE_M, float(shapely.length(rings).sum()) / MAX_SAMPLES))
    at, owner = shapely.get_coordinates(outlines, return_index=True)
    at, first = np.unique(np.round(at, 2), axis=0, return_index=True)
    all_around = shapely.box(*shapely.total_bounds(everything)).buffer(10 * MARGIN_M)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(at), extend_to=all_around, ordered=True))
    return _all(np.asarray(cells)[owner[first] < len(given)])


def _passage(part: Polygon, blocked: BaseGeometry, donor: Polygon, to: Polygon) -> BaseGeometry:
    """Return the shortest straight way from some ground to the receiving grid that meets no other building."""
    at = shapely.get_coordinates(shapely.segmentize(part.exterior, SAMPLE_M))
    lines = np.asarray(shapely.shortest_line(np.asarray(shapely.points(at)), to))
    length = shapely.length(lines)
    order = np.argsort(length, kind="stable")[:PASSAGES]
    allowed = _all([donor, to]).buffer(0.3)
    for line in lines[order[length[order] <= PASSAGE_LENGTH_M]].tolist():
        way = line.buffer(PASSAGE_M / 2, cap_style="square")
        if not way.intersects(blocked) and allowed.contains(line):
            found: BaseGeometry = _common(way, donor)
            return found
    raise BadInput(BLOCKED)


def _with_fringes(ground: BaseGeometry, donor: Polygon, to: Polygon, near: np.ndarray) -> BaseGeometry:
    """Return ground with what the giving grid could do nothing with: strips beside it, crumbs that come loose."""
    rest = _without(donor, ground)
    core = rest.buffer(-FRINGE_M / 2, join_style="mitre").buffer(FRINGE_M / 2 + 0.01, join_style="mitre")
    beside = _all([ground, to]).buffer(0.3)
    strips = [strip for strip in _parts(_without(rest, core)) if _lies_along(strip, ground, beside)]
    for strip in sorted(strips, key=lambda part: -part.area)[:MAX_STRIPS]:
        without = _without(rest, strip)
        if len(_parts(without)) <= len(_parts(rest)) and not shapely.intersects(strip, near).any():
            ground, rest = _all([ground, strip]), without
    loose = sorted(_parts(rest), key=lambda part: -part.area)[1:]
    crumbs = [p for p in loose if p.area < LOOSE * ground.area and not shapely.intersects(p, near).any()]
    return _all([ground, *crumbs]) if crumbs else ground


def _parts(ground: BaseGeometry) -> list[Polygon]:
    return [part for part in shapely.get_parts(ground).tolist() if part.area >= CRUMB_M2]


def _lies_along(strip: Polygon, ground: BaseGeometry, beside: BaseGeometry) -> bool:
    shared = shapely.length(_common(strip.exterior, beside))
    return bool(strip.distance(ground) < 0.3 and shared > ALONG * strip.length)
