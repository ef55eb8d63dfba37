"""How drawn areas become a partition: gaps and overlaps of a bureau's file are repaired by stated rules.

The ground stays what it is today; its outline changes by an operation of its own. Corners within ``SNAP`` of today's
are today's. All borders cut the ground into faces; a face that lies in one area belongs to it. The rest:

- slivers, that is faces smaller than ``SLIVER_M2`` or narrower than ``SLIVER_M``: to the neighbour with the longest
  shared border, without asking;
- a wider overlap: to the area that stands for the grid it is in today, else to the smaller area; and it is asked;
- a wider gap: to the neighbour with the longest shared border; and it is asked;
- a part of an area that does not hang together with the rest: as a gap; what lies outside of the ground is left out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from scipy.spatial import cKDTree
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from gridmap.domain import partition
from gridmap.domain.partition.patch import Pair
from gridmap.domain.partition.units import scale_at
from gridmap.errors import BadInput

SNAP = 20  # units, about 20 cm: rounding of plane coordinates and careless clicks
LED_M = 1.0  # the end of a drawn line that stops so close to another is led to it
SLIVER_M2 = 20.0
SLIVER_M = 1.5
MOST_PAIRS = 3_000_000  # sides whose boxes meet; a usual file has a few for each
SPAN = 2.0  # times its width a gap is cut across
CUTS = 8  # from each corner at most
WIDEST_M = 40.0  # a wider gap is no street
NOBODY = -1
Sides = list[tuple[Pair, Pair]]


class Doubt(StrEnum):
    """What a person has to look at."""

    OVERLAP = "overlap"
    GAP = "gap"
    APART = "apart"
    BEYOND = "beyond"
    LOST = "lost"  # nothing of an area is left
    LOOSE = "loose"  # a line that ends nowhere


@dataclass(frozen=True)
class Question:
    """Something that was decided by a rule and may be meant otherwise.

    Attributes
    ----------
    kind : what it is about; areas : places of the areas it concerns in the file; given_to : which of them has it now.
    area_m2 : its size, or for a loose line its length in metres; at : a point, whole units.
    """

    kind: Doubt
    areas: tuple[int, ...]
    given_to: int
    area_m2: float
    at: Pair


@dataclass(frozen=True)
class Fitted:
    """A partition made of drawn areas.

    Attributes
    ----------
    shapes : by the area's place in the file; areas of which nothing is left are not there.
    questions : what a person should look at, the largest first.
    slivers : how many gaps, overlaps and strips too small to ask about were closed.
    """

    shapes: Mapping[int, Polygon]
    questions: tuple[Question, ...]
    slivers: int


def enclosed(lines: np.ndarray, grids: np.ndarray) -> tuple[list[Polygon], list[Question]]:
    """Return the areas that drawn lines enclose, with today's outline as one of them, and the ends that stay loose.

    Parameters
    ----------
    lines : whole units; grids : today's.
    """
    ground: Any = shapely.union_all(grids)
    lines = _snapped(lines, grids)
    scale = scale_at(ground.bounds[1])
    _refuse_tangle(np.array([*lines.tolist(), ground.boundary], dtype=object))
    led = _led(lines, ground.boundary, LED_M / scale.north)
    noded = shapely.union_all([*led, ground.boundary], grid_size=1)
    faces, cuts, dangles, _ = shapely.polygonize_full([noded])
    loose = [
        Question(Doubt.LOOSE, (), NOBODY, round(length_m, 1), _seen(line))
        for line in shapely.get_parts(shapely.line_merge(shapely.union_all([cuts, dangles]))).tolist()
        if (length_m := shapely.transform(line, lambda at: at * (scale.east, scale.north)).length) > LED_M
    ]
    found = [f for f in shapely.get_parts(faces).tolist() if ground.covers(f.representative_point())]
    return [f for f in found if not _is_sliver(f, scale.east * scale.north)], loose


def _led(lines: np.ndarray, outline: BaseGeometry, within: float) -> list[BaseGeometry]:
    """Return lines whose ends are led to what is near: another end, a line, the outline."""
    parts = shapely.get_parts(lines)
    tree = shapely.STRtree([*parts.tolist(), outline])
    made: list[BaseGeometry] = []
    for i, line in enumerate(parts.tolist()):
        at = shapely.get_coordinates(line)
        for end in () if line.is_closed else (0, -1):
            point = shapely.Point(at[end])
            near = [j for j in tree.query(point, predicate="dwithin", distance=within).tolist() if j != i]
            if near:
                other = min((tree.geometries[j] for j in near), key=point.distance)
                corners = shapely.get_coordinates(other)
                closest = corners[np.argmin(np.hypot(*(corners - at[end]).T))]
                onto = shapely.get_coordinates(other.interpolate(other.project(point)))[0]
                at[end] = closest if np.hypot(*(closest - at[end])) <= within else np.rint(onto)
        made.append(shapely.LineString(at))
    return made


def fitted(areas: Sequence[BaseGeometry], today: Mapping[int, Polygon], stands_for: Mapping[int, int]) -> Fitted:
    """Return the partition that areas of a file mean.

    Parameters
    ----------
    areas : valid polygons or multipolygons, whole units.
    today : grids in force by key, whole units: their ground is divided.
    stands_for : which of today's grids an area is, by its place.

    Raises
    ------
    BadInput
        When the borders cross each other too often to be borders, or the areas do not meet the ground.
    """
    grids = np.array(list(today.values()), dtype=object)
    ground = shapely.union_all(grids)
    snapped = _snapped(np.asarray(areas, dtype=object), grids)
    lines = np.array([*shapely.boundary(snapped).tolist(), ground.boundary], dtype=object)
    _refuse_tangle(lines)
    faces = _faces(lines)
    cuts = _cuts(faces, snapped)
    if cuts:
        _refuse_tangle(np.array([*lines, *cuts], dtype=object))
        faces = _faces(np.array([*lines, *cuts], dtype=object))
    division = _Division(faces, np.asarray(areas, dtype=object), ground, today, stands_for)
    found = division.settled()
    drawn = np.vstack([shapely.get_coordinates(snapped), shapely.get_coordinates(grids)])
    tidied = _without_crossings(found.shapes, {tuple(at) for at in drawn.tolist()})
    # a corner that is left by a hair's breadth may keep two borders apart: then all stay
    return found if partition.faults(tidied) else replace(found, shapes=tidied)


def _without_crossings(shapes: Mapping[int, Polygon], drawn: set[tuple[float, ...]]) -> dict[int, Polygon]:
    """Return areas without the corners that lines left which bound nothing any more: a border stays as it was drawn."""
    sides: set[tuple[tuple[float, ...], tuple[float, ...]]] = set()
    for shape in shapes.values():
        for ring in shapely.get_rings(shape).tolist():
            corners = [tuple(at) for at in shapely.get_coordinates(ring).tolist()]
            sides |= {(a, b) if a < b else (b, a) for a, b in pairwise(corners)}
    meeting = Counter(corner for side in sides for corner in side)
    left = {corner for corner, n in meeting.items() if n == 2 and corner not in drawn}
    made = {}
    for area, shape in shapes.items():
        rings = [
            [at for at in shapely.get_coordinates(ring).tolist()[:-1] if tuple(at) not in left]
            for ring in shapely.get_rings(shape).tolist()
        ]
        made[area] = Polygon(rings[0], rings[1:]) if min(map(len, rings)) >= 3 else shape
    return made


def _faces(lines: np.ndarray) -> np.ndarray:
    found: np.ndarray = shapely.get_parts(shapely.polygonize([shapely.union_all(lines, grid_size=1)]))
    return found


def _cuts(faces: np.ndarray, areas: np.ndarray) -> list[BaseGeometry]:
    """Return lines across gaps that run between three areas or more, as streets that were left out do.

    A net of gaps would go to one area as a whole; cut at its crossings, each stretch goes to one of its two sides.
    """
    tree = shapely.STRtree(areas)
    made: list[BaseGeometry] = []
    empty = np.setdiff1d(np.arange(len(faces)), tree.query(shapely.point_on_surface(faces), predicate="covered_by")[0])
    for face in faces[empty].tolist():
        at = np.unique(shapely.get_coordinates(face), axis=0)
        touched, area = tree.query(shapely.points(at), predicate="dwithin", distance=1)
        if len(np.unique(area)) < 3:
            continue
        owner = np.full(len(at), NOBODY)
        owner[touched] = area
        width = 2 * face.area / face.length
        if width > WIDEST_M / scale_at(face.bounds[1]).north:
            continue
        tree_of_corners: Any = cKDTree(at)
        far, other = tree_of_corners.query(at, k=min(CUTS, len(at)), distance_upper_bound=SPAN * width)
        one, place = np.nonzero(np.isfinite(far))
        pairs = np.column_stack([one, other[one, place]])
        pairs = pairs[owner[pairs[:, 0]] != owner[pairs[:, 1]]]
        lines: Any = shapely.linestrings(np.stack([at[pairs[:, 0]], at[pairs[:, 1]]], axis=1))
        shapely.prepare(face)
        made += lines[shapely.covers(face, lines)].tolist()
    return made


def _snapped(areas: np.ndarray, grids: np.ndarray) -> np.ndarray:
    """Return areas whose corners are today's where those are near."""
    corners: Any = np.unique(shapely.get_coordinates(grids), axis=0)
    tree: Any = cKDTree(corners)

    def move(at: np.ndarray) -> np.ndarray:
        far, which = tree.query(at, distance_upper_bound=SNAP)
        near = np.isfinite(far)
        at = np.array(at)
        at[near] = corners[which[near]]
        return at

    found: np.ndarray = shapely.transform(areas, move)
    return found


def _refuse_tangle(lines: np.ndarray) -> None:
    """Refuse lines whose crossings would take for ever to find."""
    rings, ring = shapely.get_coordinates(shapely.get_parts(lines), return_index=True)
    inner = ring[1:] == ring[:-1]
    a, b = rings[:-1][inner], rings[1:][inner]
    boxes = shapely.box(*np.minimum(a, b).T, *np.maximum(a, b).T)
    tree, pairs = shapely.STRtree(boxes), 0
    for begin in range(0, len(boxes), 200):
        pairs += tree.query(boxes[begin : begin + 200]).shape[1]
        if pairs > MOST_PAIRS:
            raise BadInput("边界线互相交错得太多，不像网格边界。请检查文件")


def _seen(shape: BaseGeometry) -> Pair:
    x, y = shapely.get_coordinates(shapely.point_on_surface(shape))[0]
    return round(float(x)), round(float(y))


def _is_sliver(face: Any, square: float) -> bool:
    """Tell whether a face is too small or too narrow to be meant."""
    width_m = 2 * face.area / face.length * np.sqrt(square) if face.length else 0.0
    return bool(face.area * square < SLIVER_M2 or width_m < SLIVER_M)


class _Division:
    """Faces of the ground, and to which area each belongs."""

    def __init__(
        self,
        faces: np.ndarray,
        areas: np.ndarray,
        ground: Any,
        today: Mapping[int, Polygon],
        stands_for: Mapping[int, int],
    ) -> None:
        scale = scale_at(ground.bounds[1])
        self.square = scale.east * scale.north
        points = shapely.point_on_surface(faces)
        shapely.prepare(ground)
        inside = shapely.covers(ground, points)
        self.areas: Any = areas
        self.today, self.stands_for = today, stands_for
        self.questions: list[Question] = []
        self.slivers = 0
        self.faces: Any = faces[inside]
        self.inner = points[inside]
        self._tell_beyond(ground)
        self.neighbours = self._borders()
        self.owner = self._first_owners()

    def settled(self) -> Fitted:
        """Return the partition: every face has an owner, every area hangs together."""
        self._fill()
        self._bring_together()
        shapes = {}
        for area in range(len(self.areas)):
            mine = self.faces[self.owner == area]
            if len(mine):
                shapes[area] = _one(mine)
            else:
                self._ask(Doubt.LOST, (area,), NOBODY, self.areas[area])
        return Fitted(shapes, tuple(sorted(self.questions, key=lambda q: -q.area_m2)), self.slivers)

    def _ask(self, kind: Doubt, areas: tuple[int, ...], given_to: int, shape: Any) -> None:
        self.questions.append(Question(kind, areas, given_to, round(shape.area * self.square, 1), _seen(shape)))

    def _tell_beyond(self, ground: BaseGeometry) -> None:
        for area, shape in enumerate(self.areas):
            rest = shapely.difference(shape, ground)
            for part in shapely.get_parts(rest).tolist():
                if part.geom_type == "Polygon" and not _is_sliver(part, self.square):
                    self._ask(Doubt.BEYOND, (area,), NOBODY, part)

    def _borders(self) -> list[dict[int, float]]:
        """Return the lengths of the borders that each face shares with others."""
        at, ring = shapely.get_coordinates(shapely.get_rings(self.faces), return_index=True)
        of_face: np.ndarray = shapely.get_rings(self.faces, return_index=True)[1]
        inner = np.flatnonzero(ring[1:] == ring[:-1])
        holders: dict[tuple[Pair, Pair], list[int]] = defaultdict(list)
        for i in inner.tolist():
            a, b = tuple(at[i].tolist()), tuple(at[i + 1].tolist())
            holders[(a, b) if a < b else (b, a)].append(int(of_face[ring[i]]))
        shared: list[dict[int, float]] = [defaultdict(float) for _ in range(len(self.faces))]
        for (a, b), both in holders.items():
            if len(both) == 2:
                length = float(np.hypot(a[0] - b[0], a[1] - b[1]))
                shared[both[0]][both[1]] += length
                shared[both[1]][both[0]] += length
        return shared

    def _first_owners(self) -> np.ndarray:
        """Give each face that lies in one area to it, and wide overlaps by the rule; the rest stays nobody's."""
        owner = np.full(len(self.faces), NOBODY)
        held: dict[int, list[int]] = defaultdict(list)
        face, area = shapely.STRtree(self.areas).query(self.inner, predicate="covered_by")
        for f, a in zip(face.tolist(), area.tolist(), strict=True):
            held[f].append(a)
        for f, holders in held.items():
            if len(holders) == 1:
                owner[f] = holders[0]
            elif not _is_sliver(self.faces[f], self.square):
                owner[f] = self._preferred(f, holders)
                self._ask(Doubt.OVERLAP, tuple(sorted(holders)), int(owner[f]), self.faces[f])
        return owner

    def _preferred(self, face: int, holders: list[int]) -> int:
        """Return which of several areas has a face: the one that has it today, else the smallest."""
        for area in holders:
            grid = self.today.get(self.stands_for.get(area, 0))
            if grid is not None and grid.covers(self.inner[face]):
                return area
        return min(holders, key=lambda a: (self.areas[a].area, a))

    def _fill(self) -> None:
        """Give what is nobody's to the neighbour with the longest shared border."""
        if not (self.owner != NOBODY).any():
            raise BadInput("文件里的面都不在本社区内")
        open_ = set(np.flatnonzero(self.owner == NOBODY).tolist())
        while open_:
            self._fill_between(open_)
            ready = {f: to for f in open_ if (to := self._longest(f)) is not None}
            if not ready:
                raise BadInput("文件只盖住本社区的一部分，其余部分与它不相连，请补全后再导入")
            for f, to in sorted(ready.items()):
                self.owner[f] = to
                self._told(Doubt.GAP, f, to)
            open_ -= ready.keys()

    def _fill_between(self, open_: set[int]) -> None:
        """Give all faces between the same two areas to the same one, so that no border is jagged."""
        between: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for f in open_:
            between[tuple(sorted({int(self.owner[n]) for n in self.neighbours[f]} - {NOBODY}))].append(f)
        for both, several in between.items():
            if len(both) == 2 and len(several) > 1:
                shared = {a: sum(self._shared(f).get(a, 0.0) for f in several) for a in both}
                to = max(both, key=lambda a: (shared[a], -a))
                self.owner[several] = to
                self._told_together(several, to)
                open_ -= set(several)

    def _told_together(self, faces: list[int], given_to: int) -> None:
        shape = shapely.union_all(self.faces[faces])
        for part in shapely.get_parts(shape).tolist():
            if _is_sliver(part, self.square):
                self.slivers += 1
            else:
                self._ask(Doubt.GAP, (given_to,), given_to, part)

    def _shared(self, face: int) -> dict[int, float]:
        shared: dict[int, float] = defaultdict(float)
        for other, length in self.neighbours[face].items():
            if self.owner[other] != NOBODY:
                shared[int(self.owner[other])] += length
        return shared

    def _longest(self, face: int, besides: int = NOBODY) -> int | None:
        shared = {a: length for a, length in self._shared(face).items() if a != besides}
        return max(shared, key=lambda a: (shared[a], -a)) if shared else None

    def _told(self, kind: Doubt, face: int, given_to: int) -> None:
        if _is_sliver(self.faces[face], self.square):
            self.slivers += 1
        else:
            self._ask(kind, (given_to,), given_to, self.faces[face])

    def _bring_together(self) -> None:
        """Give the parts of an area that do not hang together with its largest to their neighbours."""
        for _ in range(8):
            loose = [part for area in range(len(self.areas)) for part in self._parts(area)[1:]]
            if not loose:
                return
            for part in loose:
                before = int(self.owner[part[0]])
                self.owner[part] = NOBODY
                for f in part:
                    to = self._longest(f, besides=before)
                    self.owner[f] = before if to is None else to
                self._tell_apart(part, before)
        raise BadInput("文件里有网格由许多互不相连的小块组成，请先合并")

    def _tell_apart(self, part: list[int], area: int) -> None:
        shape = shapely.union_all(self.faces[part])
        if _is_sliver(shape, self.square):
            self.slivers += 1
        else:
            self._ask(Doubt.APART, (area,), int(self.owner[part[0]]), shape)

    def _parts(self, area: int) -> list[list[int]]:
        """Return the faces of an area, divided into what hangs together; the largest first."""
        rest, parts = set(np.flatnonzero(self.owner == area).tolist()), []
        while rest:
            reached, edge = set(), {min(rest)}
            while edge:
                reached |= edge
                edge = {n for f in edge for n in self.neighbours[f] if n in rest} - reached
            rest -= reached
            parts.append(sorted(reached))
        return sorted(parts, key=lambda p: -sum(float(shapely.area(self.faces[f])) for f in p))


def _one(faces: np.ndarray) -> Polygon:
    found = shapely.union_all(faces)
    if not isinstance(found, Polygon):
        raise BadInput("文件里有网格由许多互不相连的小块组成，请先合并")
    return found
