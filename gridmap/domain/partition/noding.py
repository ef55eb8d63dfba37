"""A drawn line led into a patch: where it meets borders both get a corner, in whole numbers.

Exact snap rounding: every corner of the line and every crossing, rounded, is a square of one unit; a border or a line
that runs through a square is led through its middle. Then nothing crosses between corners. The outline and locked
grids cannot give way by even half a unit, so a line meets the outline at a corner of it, or at a whole-number point
exactly on it.

References
----------
Hobby, J. D.: Practical segment intersection with finite precision output. Computational Geometry 13 (1999).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import gcd

import numpy as np
import shapely
from shapely import Polygon

from gridmap.domain.drafting.ground import Scale
from gridmap.domain.partition.checks import CLOSE
from gridmap.domain.partition.corners import with_corners
from gridmap.domain.partition.operations import Line
from gridmap.domain.partition.patch import Pair, Patch, Side, pieces, strings, turned
from gridmap.errors import N_, BadInput

MAX_CROSSINGS = 200  # of a drawn line with borders; what a hand draws has some few
LEADINGS = 4  # a line that was led elsewhere may pass other corners there
NEAR_M = 0.6  # a line that passes a corner or ends at a border so closely is led through it

TANGLED = N_("画的线与边界相交太多次，请画得简单些")


@dataclass(frozen=True)
class Noded:
    """A patch and lines that meet only at corners.

    Attributes
    ----------
    base : the patch as it was.
    corners : for sides of it the corners that the lines put into them, in order.
    sides : pieces of the lines that are not pieces of border, each once, in one of both directions.
    """

    base: Patch
    corners: Mapping[Side, list[Pair]]
    sides: list[Side]

    @cached_property
    def made(self) -> dict[int, Polygon | None]:
        """Return the grids that got corners."""
        return with_corners(self.base, self.corners)

    @cached_property
    def patch(self) -> Patch:
        """Return the patch with the corners in it."""
        return self.base.changed({key: shape for key, shape in self.made.items() if shape is not None})

    def only(self, used: set[Side]) -> Noded:
        """Return the same with nothing but some pieces of the lines, and the corners at their ends."""
        ends = {side[:2] for side in used} | {side[2:] for side in used}
        kept = {side: [p for p in corners if p in ends] for side, corners in self.corners.items()}
        return Noded(self.base, {side: corners for side, corners in kept.items() if corners}, sorted(used))


def noded(
    patch: Patch,
    lines: list[Line],
    *,
    rigid: frozenset[int] = frozenset(),
    ends_m: float = NEAR_M,
    outline_moves: bool = False,
) -> Noded:
    """Lead lines into a patch.

    Parameters
    ----------
    patch : grids.
    lines : whole units; closed where first and last are the same.
    rigid : keys of grids whose borders get no new corner.
    ends_m : so far the ends of a line that is not closed are led to the nearest border.
    outline_moves : whether the outline may get new corners like any border; the lines are then taken as they are drawn.
    """
    sides = _near(patch, lines, max(ends_m, NEAR_M))
    near, rim = pieces(sides)
    rim = rim & (not outline_moves)
    stiff = _stiff(sides, near, rigid)
    if len(_crossing_pairs(_pieces_of(lines), near)[0]) > MAX_CROSSINGS * (10 if outline_moves else 1):
        raise BadInput(TANGLED)
    border = _Border(near, rim, stiff, patch.scale) if len(near) and not outline_moves else None
    led = [_led(line, border, ends_m) if border else list(line) for line in lines]
    drawn = _pieces_of(led)
    hot = np.unique(np.vstack([drawn[:, :2], drawn[:, 2:], _crossings(drawn, near)]), axis=0)
    more = _through(near, hot)
    for i, corners in more.items():
        if stiff[i] or (rim[i] and not all(_exactly_on(near[i], corner) for corner in corners)):
            raise BadInput(CLOSE)
    put = {_side(near[i]): corners for i, corners in more.items()}
    pieces_of_border = {piece for side in map(_side, near) for piece in _chain(side, put.get(side, []))}
    routed = _through(drawn, np.unique(np.vstack([hot, near[:, :2], near[:, 2:]]), axis=0))
    found: set[Side] = set()
    for i, side in enumerate(map(_side, drawn)):
        for piece in _chain(side, routed.get(i, [])):
            if not {piece, turned(piece)} & pieces_of_border and turned(piece) not in found:
                found.add(piece)
    return Noded(patch, put, sorted(found))


def onto_outline(patch: Patch, at: Pair, within_m: float) -> Pair | None:
    """Return the corner of the outline, or the whole-number point exactly on it, nearest to a point; None if far."""
    sides = _near(patch, [(at,)], within_m)
    near, rim = pieces(sides)
    if not rim.any():
        return None
    outline = _Border(near[rim], rim[rim], np.zeros(rim.sum(), dtype=bool), patch.scale)
    found = outline.touched(at, within_m)
    return found if found != at or outline.holds(at) else None


def _chain(side: Side, corners: list[Pair]) -> list[Side]:
    """Return the pieces of a side that runs through corners."""
    return [(*a, *b) for a, b in itertools.pairwise([side[:2], *corners, side[2:]])]


def _side(ends: np.ndarray) -> Side:
    a, b, c, d = ends.tolist()
    return a, b, c, d


def _near(patch: Patch, lines: list[Line], within_m: float) -> dict[Side, int]:
    """Return the sides in the neighbourhood of lines, with the grids on their left."""
    corners = np.vstack([np.array(line, dtype=np.int64) for line in lines])
    margin = np.ceil(within_m / np.array([patch.scale.east, patch.scale.north])).astype(np.int64) + 2
    low, high = (corners.min(axis=0) - margin).tolist(), (corners.max(axis=0) + margin).tolist()
    return patch.around((low[0], low[1]), (high[0], high[1]))


def _stiff(sides: Mapping[Side, int], near: np.ndarray, rigid: frozenset[int]) -> np.ndarray:
    """Return which sides belong to grids that get no new corner."""
    owners = [{sides.get(side), sides.get(turned(side))} for side in map(_side, near)] if rigid else []
    return np.array([bool(rigid & keys) for keys in owners] or np.zeros(len(near)), dtype=bool)


def _led(line: Line, border: _Border, ends_m: float) -> list[Pair]:
    """Return a line led through the corners it passes closely, and its corners led onto the borders they touch."""
    closed = line[0] == line[-1]
    last = len(line) - 1
    found = [border.touched(p, NEAR_M if closed or 0 < i < last else ends_m) for i, p in enumerate(line)]
    for _ in range(LEADINGS):
        led = found[:1]
        for a, b in itertools.pairwise(found):
            led += [*border.passed(a, b), b]
        led = [p for i, p in enumerate(led) if i == 0 or p != led[i - 1]]
        if led == found:
            break
        found = led
    return found


class _Border:
    """Sides near a line, measured in metres."""

    def __init__(self, ends: np.ndarray, rim: np.ndarray, stiff: np.ndarray, scale: Scale) -> None:
        self.ends, self.fixed, self.stiff = ends, rim | stiff, stiff
        self.known = set(map(_side, ends))
        self.stretch = np.array([scale.east, scale.north])
        self.corners = np.unique(np.vstack([ends[:, :2], ends[:, 2:]]), axis=0)
        self.tree = shapely.STRtree(strings(ends * np.tile(self.stretch, 2)))
        self.corner_tree = shapely.STRtree(np.asarray(shapely.points(self.corners * self.stretch)))

    def touched(self, p: Pair, within_m: float) -> Pair:
        """Return the corner, or else the point on a side, that a corner of a line touches; itself if none."""
        here = shapely.Point(np.array(p) * self.stretch)
        near = self.corner_tree.query(here, predicate="dwithin", distance=within_m)
        if len(near):
            far = (((self.corners[near] - p) * self.stretch) ** 2).sum(axis=1)
            x, y = self.corners[near[far.argmin()]].tolist()
            return x, y
        sides = self.tree.query_nearest(here, max_distance=within_m, all_matches=False)
        return self._onto(int(sides[0]), p) if len(sides) else p

    def holds(self, p: Pair) -> bool:
        """Tell whether a point is a corner or lies exactly on a side."""
        return any(_exactly_on(side, p) for side in self.ends)

    def passed(self, a: Pair, b: Pair) -> list[Pair]:
        """Return what a line from one corner to the next passes closely, in order."""
        if a == b or (*a, *b) in self.known or (*b, *a) in self.known:
            return []
        line = shapely.LineString(np.array([a, b]) * self.stretch)
        near = self.corner_tree.query(line, predicate="dwithin", distance=NEAR_M)
        found = {(int(x), int(y)) for x, y in self.corners[near]}
        for i in self.tree.query(line, predicate="intersects").tolist():
            if self.fixed[i] and not found & {_side(self.ends[i])[:2], _side(self.ends[i])[2:]}:
                found.add(self._onto(i, _crossing(_side(self.ends[i]), (*a, *b))))
        along = np.array(b) - np.array(a)
        return sorted(found - {a, b}, key=lambda p: float((np.array(p) - a) @ along))

    def _onto(self, i: int, p: Pair) -> Pair:
        """Return the point of a side nearest to a point; of a fixed side a corner, or a whole-number point on it."""
        x0, y0, x1, y1 = self.ends[i].tolist()
        along, to = (self.ends[i][2:] - self.ends[i][:2]) * self.stretch, (np.array(p) - [x0, y0]) * self.stretch
        share = float(np.clip(along @ to / (along @ along), 0, 1))
        steps = 1 if self.stiff[i] else gcd(x1 - x0, y1 - y0)
        if self.fixed[i]:
            share = round(share * steps) / steps
        return round(x0 + share * (x1 - x0)), round(y0 + share * (y1 - y0))


def _crossing(side: Side, other: Side) -> Pair:
    """Return where two sides cross, rounded; of parallel ones the first one's begin."""
    x0, y0, x1, y1 = side
    u0, v0, u1, v1 = other
    dx, dy, du, dv = x1 - x0, y1 - y0, u1 - u0, v1 - v0
    below = dx * dv - dy * du
    if not below:
        return x0, y0
    above = (u0 - x0) * dv - (v0 - y0) * du
    if below < 0:
        above, below = -above, -below
    return x0 + (2 * above * dx + below) // (2 * below), y0 + (2 * above * dy + below) // (2 * below)


def _pairs(sides: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs whose boxes meet."""
    tree = shapely.STRtree(strings(others))
    i, j = tree.query(_boxes(sides))
    return i, j


def _turn(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Return 1, 0 or -1: whether c lies left of, on or right of the line from a to b."""
    return np.asarray(np.sign((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])))


def _pieces_of(lines: Sequence[Sequence[Pair]]) -> np.ndarray:
    """Return the pieces of lines as (n, 4) ends."""
    return np.array([(*a, *b) for line in lines for a, b in itertools.pairwise(line)], dtype=np.int64).reshape(-1, 4)


def _crossing_pairs(drawn: np.ndarray, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which drawn pieces cross which borders."""
    if not len(drawn) or not len(near):
        return np.zeros(0, dtype=int), np.zeros(0, dtype=int)
    i, j = _pairs(drawn, near)
    p, q, a, b = drawn[i][:, :2], drawn[i][:, 2:], near[j][:, :2], near[j][:, 2:]
    cross = (_turn(p, q, a) * _turn(p, q, b) < 0) & (_turn(a, b, p) * _turn(a, b, q) < 0)
    return i[cross], j[cross]


def _crossings(drawn: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Return where drawn pieces cross borders, rounded."""
    found = [_crossing(_side(near[n]), _side(drawn[m])) for m, n in zip(*_crossing_pairs(drawn, near), strict=True)]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def _through(sides: np.ndarray, hot: np.ndarray) -> dict[int, list[Pair]]:
    """Return for sides the points through whose square of one unit they run, in order, without their ends."""
    if not len(sides) or not len(hot):
        return {}
    j, i = shapely.STRtree(np.asarray(shapely.points(hot.astype(float)))).query(_boxes(sides))[::-1]
    a, b, h = 2 * sides[i][:, :2], 2 * sides[i][:, 2:], 2 * hot[j]
    along = b - a
    off = np.abs(along[:, 0] * (h - a)[:, 1] - along[:, 1] * (h - a)[:, 0])
    inside = (np.minimum(a, b) - 1 <= h).all(axis=1) & (h <= np.maximum(a, b) + 1).all(axis=1)
    met = inside & (off <= np.abs(along).sum(axis=1)) & (h != a).any(axis=1) & (h != b).any(axis=1)
    found: dict[int, list[tuple[int, Pair]]] = {}
    for n, m in zip(i[met].tolist(), j[met].tolist(), strict=True):
        x, y = hot[m].tolist()
        dx, dy = (sides[n][2:] - sides[n][:2]).tolist()
        found.setdefault(n, []).append(((x - int(sides[n][0])) * dx + (y - int(sides[n][1])) * dy, (x, y)))
    return {n: [p for _, p in sorted(points)] for n, points in found.items()}


def _boxes(sides: np.ndarray) -> np.ndarray:
    low, high = np.minimum(sides[:, :2], sides[:, 2:]) - 1, np.maximum(sides[:, :2], sides[:, 2:]) + 1
    return np.asarray(shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1]))


def _exactly_on(side: np.ndarray, corner: Pair) -> bool:
    x0, y0, x1, y1 = side.tolist()
    (dx, dy), (px, py) = (x1 - x0, y1 - y0), (corner[0] - x0, corner[1] - y0)
    return bool(dx * py == dy * px and 0 <= dx * px + dy * py <= dx * dx + dy * dy)
