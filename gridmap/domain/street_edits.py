"""What a planner changes in the streets: new paths, stairs and lifts, gates and their hours, streets that are gone.

An edit replaces edges: some end, others begin. Nothing is kept here; ``Replacement`` says what is to be kept.
Geometry in metres of the community's projected CRS.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import shapely

from gridmap.domain.streets import GATE_M, NO_RIDE, STEP_M, STEPS_PER_FLOOR, seconds
from gridmap.domain.walking import cut_line
from gridmap.domain.working import WorkSetting
from gridmap.errors import BadInput

Floats = npt.NDArray[np.float64]
LonLat = tuple[float, float]

DRAWABLE = ("compound", "footway", "path", "steps", "pedestrian", "service", "residential", "secondary")
JOIN_M = 3.0  # an end drawn this near to a street joins it
MEET_M = 1.0  # cuts nearer than this to each other, or to the end of a street, are one
MOST_VERTICES = 500
SHORTEST_M = 0.5
LONGEST_NAME = 60
MOST_STEPS = 5_000
MOST_FLOORS = 100
DAY_MIN = 24 * 60


@dataclass(frozen=True)
class AddPath:
    """Draw a path, a street or a stair; its ends and crossings join the streets that are there.

    Attributes
    ----------
    lonlat : vertices in degrees; steps : of a stair, counted; without it 0.3 m each
    """

    lonlat: tuple[LonLat, ...]
    kind: str = "compound"
    name: str = ""
    steps: int | None = None


@dataclass(frozen=True)
class AddLift:
    """Put a public lift between two places, ``floors`` storeys apart."""

    lonlat: tuple[LonLat, LonLat]
    floors: int
    name: str = ""


@dataclass(frozen=True)
class AddGate:
    """Put a gate on the nearest street; always open without hours."""

    lonlat: LonLat
    name: str = ""
    opens_min: int | None = None
    closes_min: int | None = None


@dataclass(frozen=True)
class CloseGate:
    """Nobody passes this gate any more."""

    edge_id: int


@dataclass(frozen=True)
class OpenGate:
    """This gate is open day and night."""

    edge_id: int


@dataclass(frozen=True)
class SetHours:
    """This gate is open so long each day, in minutes of the local day."""

    edge_id: int
    opens_min: int
    closes_min: int


@dataclass(frozen=True)
class RemoveEdge:
    """This street is gone."""

    edge_id: int


Change: TypeAlias = AddPath | AddLift | AddGate | CloseGate | OpenGate | SetHours | RemoveEdge


@dataclass(frozen=True)
class Edge:
    """One kept edge; ids of new edges are 0, of new nodes negative.

    Attributes
    ----------
    xy : (v, 2) metres from tail to head; None among the seconds = barred, among the others = not known
    """

    edge_id: int
    tail_id: int
    head_id: int
    kind: str
    name: str | None
    length_m: float
    walk_s: float | None
    walk_back_s: float | None
    ride_s: float | None
    ride_back_s: float | None
    steps: int | None
    opens_min: int | None
    closes_min: int | None
    source_id: str | None
    xy: Floats

    @cached_property
    def xy_line(self) -> shapely.LineString:
        """Return the edge as a line."""
        return shapely.LineString(self.xy)


@dataclass
class Replacement:
    """What an edit does: edges that end, edges that begin, and new nodes (-1, -2, ...) at these places."""

    ended: list[Edge] = field(default_factory=list)
    begun: list[Edge] = field(default_factory=list)
    nodes: list[Floats] = field(default_factory=list)

    def node(self, xy: Floats) -> int:
        """Make a new node; return the negative number that stands for its id."""
        self.nodes.append(np.asarray(xy, float))
        return -len(self.nodes)


def check(change: Change) -> None:
    """Refuse what cannot be drawn or kept.

    Raises
    ------
    BadInput
        The sentence says which part and why.
    """
    if isinstance(change, AddPath | AddLift | AddGate) and len(change.name) > LONGEST_NAME:
        raise BadInput("名称不超过 %(n)s 个字", n=LONGEST_NAME)
    if isinstance(change, AddPath):
        if change.kind not in DRAWABLE:
            raise BadInput("没有这种道路类型")
        if not 2 <= len(change.lonlat) <= MOST_VERTICES:
            raise BadInput("一条路要有 2 到 %(n)s 个点", n=MOST_VERTICES)
        if change.steps is not None and not 1 <= change.steps <= MOST_STEPS:
            raise BadInput("台阶数应在 1 到 %(n)s 之间", n=MOST_STEPS)
    if isinstance(change, AddLift) and not 1 <= change.floors <= MOST_FLOORS:
        raise BadInput("电梯层数应在 1 到 %(n)s 之间", n=MOST_FLOORS)
    if isinstance(change, AddGate) and (change.opens_min is None) != (change.closes_min is None):
        raise BadInput("开门和关门时间要一起填")


def new_edge(
    kind: str,
    xy: Floats,
    tail_id: int,
    head_id: int,
    setting: WorkSetting,
    *,
    name: str = "",
    steps: int = 0,
) -> Edge:
    """Return a new edge with its seconds."""
    length = float(np.hypot(*np.diff(xy, axis=0).T).sum())
    walk, back, ride, ride_back = (None if np.isnan(t) else float(t) for t in seconds(kind, length, steps, setting))
    return Edge(
        edge_id=0,
        tail_id=tail_id,
        head_id=head_id,
        kind=kind,
        name=name or None,
        length_m=length,
        walk_s=walk,
        walk_back_s=back,
        ride_s=ride,
        ride_back_s=ride_back,
        steps=steps or None,
        opens_min=None,
        closes_min=None,
        source_id=None,
        xy=xy,
    )


def part(edge: Edge, begin_m: float, end_m: float, tail_id: int, head_id: int) -> Edge:
    """Return a stretch of an edge: its share of length, seconds and steps."""
    share = (end_m - begin_m) / edge.length_m
    line = cut_line(edge.xy_line, begin_m / edge.length_m, end_m / edge.length_m)

    def of(value: float | None) -> float | None:
        return None if value is None else value * share

    return replace(
        edge,
        edge_id=0,
        tail_id=tail_id,
        head_id=head_id,
        length_m=edge.length_m * share,
        walk_s=of(edge.walk_s),
        walk_back_s=of(edge.walk_back_s),
        ride_s=of(edge.ride_s),
        ride_back_s=of(edge.ride_back_s),
        steps=None if edge.steps is None else max(1, round(edge.steps * share)),
        xy=line,
    )


def change_gate(edge: Edge, change: CloseGate | OpenGate | SetHours, setting: WorkSetting) -> Replacement:
    """Close a gate, open it, or give it hours.

    Raises
    ------
    BadInput
        When the edge is no gate, or the hours are none.
    """
    if edge.kind != "gate":
        raise BadInput("这不是大门，只有大门可以开、关或设时间")
    walk, _, ride, _ = seconds("gate", edge.length_m, 0, setting)
    hours = check_hours(change.opens_min, change.closes_min) if isinstance(change, SetHours) else (None, None)
    shut = isinstance(change, CloseGate)
    made = replace(
        edge,
        edge_id=0,
        walk_s=None if shut else walk,
        walk_back_s=None if shut else walk,
        ride_s=None if shut else ride,
        ride_back_s=None if shut else ride,
        opens_min=hours[0],
        closes_min=hours[1],
    )
    return Replacement([edge], [made])


def check_hours(opens_min: int, closes_min: int) -> tuple[int | None, int | None]:
    """Return a gate's hours; none when it is open all day.

    Raises
    ------
    BadInput
        When they are no hours of one day.
    """
    if not 0 <= opens_min < closes_min <= DAY_MIN:
        raise BadInput("开门时间要早于关门时间，且都在同一天之内")
    return (None, None) if (opens_min, closes_min) == (0, DAY_MIN) else (opens_min, closes_min)


def put_gate(edge: Edge, at: Floats, change: AddGate) -> Replacement:
    """Cut a gate out of a street.

    Raises
    ------
    BadInput
        When the street is a gate, a stair or a lift, or too short for one.
    """
    if edge.kind == "gate" or edge.kind in NO_RIDE or edge.length_m < 3 * SHORTEST_M:
        raise BadInput("大门要设在一段普通道路上")
    hours: tuple[int | None, int | None] = (None, None)
    if change.opens_min is not None and change.closes_min is not None:
        hours = check_hours(change.opens_min, change.closes_min)
    made = Replacement([edge])
    half = min(GATE_M, edge.length_m / 3) / 2
    middle = float(shapely.line_locate_point(edge.xy_line, shapely.Point(at)))
    middle = min(max(middle, half + SHORTEST_M / 2), edge.length_m - half - SHORTEST_M / 2)
    bounds = [0.0, middle - half, middle + half, edge.length_m]
    inner = [made.node(np.asarray(edge.xy_line.interpolate(b).coords[0])) for b in bounds[1:3]]
    nodes = [edge.tail_id, *inner, edge.head_id]
    pieces = [part(edge, a, b, nodes[i], nodes[i + 1]) for i, (a, b) in enumerate(pairwise(bounds))]
    gate = replace(pieces[1], kind="gate", name=change.name or None, opens_min=hours[0], closes_min=hours[1])
    made.begun += [pieces[0], gate, pieces[2]]
    return made


def draw(xy: Floats, near: list[Edge], change: AddPath | AddLift, setting: WorkSetting) -> Replacement:
    """Draw a path or a lift and join it to the streets it starts, ends or crosses at; a lift joins at its ends only.

    Parameters
    ----------
    xy : (v, 2) vertices in metres
    near : every edge within ``JOIN_M`` of the line

    Raises
    ------
    BadInput
        When it is no line, or touches no street; a lift when an end touches none.
    """
    lift = isinstance(change, AddLift)
    line = shapely.LineString(xy)
    if line.length < SHORTEST_M:
        raise BadInput("路太短了，请至少画出半米")
    made = Replacement()
    cuts: list[tuple[float, int]] = []  # where on the path, and which node is there
    splits: dict[int, list[tuple[float, int]]] = {}
    ends = shapely.get_coordinates(line)[[0, -1]]
    for at, edge_at, number in sorted(_touches(line, near, ends_only=lift), key=lambda touch: (touch[0], touch[2])):
        if not any(abs(at - known) < MEET_M for known, _ in cuts):
            cuts.append((at, _node_on(near[number], edge_at, splits.setdefault(number, []), made)))
    if not cuts:
        raise BadInput("新画的路没有接上任何街道，请从一条路上开始画")
    if lift and len(cuts) < 2:
        raise BadInput("电梯两端都要接上道路")
    joined = dict(cuts)
    stops = sorted({0.0, *joined, line.length})
    nodes = [joined.get(s) or made.node(ends[0] if s == 0 else ends[1]) for s in stops]
    spots = {**{e.tail_id: e.xy[0] for e in near}, **{e.head_id: e.xy[-1] for e in near}}
    spots |= {-i - 1: place for i, place in enumerate(made.nodes)}
    for (a, b), (tail, head) in zip(pairwise(stops), pairwise(nodes), strict=True):
        piece = cut_line(line, a / line.length, b / line.length).copy()
        piece[0], piece[-1] = spots[tail], spots[head]
        steps = _steps(change, b - a, line.length)
        if tail != head:
            kind = "lift" if isinstance(change, AddLift) else change.kind
            made.begun.append(new_edge(kind, piece, tail, head, setting, name=change.name, steps=steps))
    for number, found in splits.items():
        _split(near[number], found, made)
    return made


def _touches(line: shapely.LineString, near: list[Edge], *, ends_only: bool) -> list[tuple[float, float, int]]:
    """Return (metres along the path, metres along the edge, which edge) of every joint.

    Each end joins the nearest street within ``JOIN_M``; between the ends every street that is crossed is joined, but
    for a lift, which one passes by.
    """
    found = []
    for at, end in ((0.0, line.coords[0]), (line.length, line.coords[-1])):
        point = shapely.Point(end)
        by = sorted((edge.xy_line.distance(point), number) for number, edge in enumerate(near) if edge.kind != "lift")
        if by and by[0][0] <= JOIN_M:
            found.append((at, float(near[by[0][1]].xy_line.project(point)), by[0][1]))
    if ends_only:
        return found
    for number, edge in enumerate(near):
        for crossing in shapely.get_coordinates(shapely.intersection(line, edge.xy_line)):
            point = shapely.Point(crossing)
            at = float(line.project(point))
            if edge.kind != "lift" and JOIN_M < at < line.length - JOIN_M:
                found.append((at, float(edge.xy_line.project(point)), number))
    return found


def _node_on(edge: Edge, at: float, splits: list[tuple[float, int]], made: Replacement) -> int:
    """Return the node at a place of an edge: its end, one that was cut here already, or a new cut."""
    if at < MEET_M or (edge.kind == "gate" and at < edge.length_m / 2):
        return edge.tail_id
    if at > edge.length_m - MEET_M or edge.kind == "gate":
        return edge.head_id
    for known, node in splits:
        if abs(known - at) < MEET_M:
            return node
    node = made.node(np.asarray(edge.xy_line.interpolate(at).coords[0]))
    splits.append((at, node))
    return node


def _split(edge: Edge, found: list[tuple[float, int]], made: Replacement) -> None:
    """Replace an edge by its stretches between the cuts."""
    if not found:
        return
    cuts = [(0.0, edge.tail_id), *sorted(found), (edge.length_m, edge.head_id)]
    made.ended.append(edge)
    made.begun += [part(edge, a, b, tail, head) for (a, tail), (b, head) in pairwise(cuts)]


def _steps(change: AddPath | AddLift, metres: float, whole_m: float) -> int:
    """Return the steps of one stretch; a lift counts those it saves."""
    if isinstance(change, AddLift):
        return change.floors * STEPS_PER_FLOOR
    if change.kind != "steps":
        return 0
    counted = change.steps if change.steps is not None else whole_m / STEP_M
    return max(1, round(counted * metres / whole_m))
