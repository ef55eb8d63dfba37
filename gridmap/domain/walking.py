"""Walking: the network people really walk, seconds between doors, the path of a leg, what is within reach.

The network is not cut at doors: a place is tied to the nearest street (``Spots``), the engine gives the seconds between
the ends of these streets, and the four combinations of ends are put together here, besides the way along a street that
both share. Seconds are counted in whole ``TICK_S``, so that a way of a thousand edges is right to a hundredth.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gridmap.domain.shortest import BARRED, QUICK, Engine, Hierarchy, Plain
from gridmap.domain.working import WorkSetting

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Shapes = npt.NDArray[np.object_]

TICK_S = 1e-4
DAY_S = 86_400
NO_DOORS = ("gate", "lift")  # nobody lives on a gate or a lift: places are tied to streets around it
DETOUR_M = 120.0  # so much farther a street may be that is reached without climbing over a wall
NEIGHBOURS = 12  # streets looked at for a place behind a wall


@dataclass(frozen=True)
class Network:
    """The streets valid on a day, in metres of the community's projected CRS.

    Attributes
    ----------
    mark : changes with every edit; equal marks mean equal networks
    xy : (n, 2) nodes
    edge_id : (m,) ids of ``street_edge``; tail, head : (m,) positions of nodes
    forward_s, backward_s : (m,) seconds on foot, inf where barred
    opens_s, closes_s : (m,) a gate's hours in seconds of the local day; 0 and 86400 when always open
    kind : (m,) str; steps : (m,) number of steps, 0 where level
    length_m : (m,)
    path_xy : all vertices of the edges, (v, 2); path_at : (m + 1,) where each edge's vertices begin
    """

    mark: int
    xy: Floats
    edge_id: Ints
    tail: Ints
    head: Ints
    forward_s: Floats
    backward_s: Floats
    opens_s: Ints
    closes_s: Ints
    kind: npt.NDArray[np.str_]
    steps: Ints
    length_m: Floats
    path_xy: Floats
    path_at: Ints

    @cached_property
    def paths(self) -> Shapes:
        """Return the edges as lines."""
        owner = np.repeat(np.arange(len(self.edge_id)), np.diff(self.path_at))
        return np.asarray(shapely.linestrings(self.path_xy, indices=owner), dtype=object)

    @cached_property
    def open_to_walkers(self) -> Bools:
        """Tell which edges can be walked in some direction, at some hour."""
        return np.asarray(np.isfinite(self.forward_s) | np.isfinite(self.backward_s))

    @cached_property
    def piece(self) -> Ints:
        """Return which piece of the network each edge belongs to; a gate joins pieces also while it is closed."""
        return self.pieces(self.kind == "gate")

    def pieces(self, also: Bools) -> Ints:
        """Return which piece of the network each edge belongs to, 0 the longest; -1 where nobody walks.

        Two streets are of one piece when there is a way from each to the other.

        Parameters
        ----------
        also : (m,) edges that count as open both ways though they may be barred
        """
        on, back = np.isfinite(self.forward_s) | also, np.isfinite(self.backward_s) | also
        at = np.concatenate([self.tail[on], self.head[back]])
        to = np.concatenate([self.head[on], self.tail[back]])
        n = len(self.xy)
        graph = coo_array((np.ones(len(at), np.int8), (at, to)), shape=(n, n))
        label = connected_components(graph, directed=True, connection="strong")[1] if n else np.zeros(0, np.int64)
        inside = (on | back) & (label[self.tail] == label[self.head])
        length = np.bincount(label[self.tail[inside]], self.length_m[inside], minlength=n + 1)
        rank = np.empty(len(length), np.int64)
        rank[np.argsort(-length, kind="stable")] = np.arange(len(length))
        return np.where(inside, rank[label[self.tail]], -1)

    @cached_property
    def for_doors(self) -> Bools:
        """Tell which edges a place may be tied to: streets of the longest piece that are open to walkers."""
        return np.asarray((self.piece == 0) & self.open_to_walkers & ~np.isin(self.kind, NO_DOORS))


@dataclass(frozen=True)
class Spots:
    """Places tied to the network, k of them: the edge's position, the share along it, and the way to it.

    Attributes
    ----------
    edge : (k,) position in the network's edges, -1 where no street can be reached
    share : (k,) 0 at the tail, 1 at the head
    access_m : (k,) straight metres between the place and the street; access_s : (k,) seconds for them
    xy : (k, 2) the place itself
    """

    edge: Ints
    share: Floats
    access_m: Floats
    access_s: Floats
    xy: Floats


@dataclass(frozen=True)
class Leg:
    """The way from one place to the next.

    Attributes
    ----------
    xy : (v, 2) metres, from place to place; metres, seconds : level way with access at both ends
    parts : (kind, first vertex, last vertex) runs of equal kind, such as street, steps, gate, access
    """

    xy: Floats
    metres: float
    seconds: float
    parts: tuple[tuple[str, int, int], ...]


def access_s(metres: Floats, setting: WorkSetting) -> Floats:
    """Return the seconds between a place and its street: the straight line is walked ``access_factor`` times."""
    return metres * setting.access_factor / setting.walk_m_s


def snap(network: Network, xy: Floats, *, setting: WorkSetting, walls: Shapes | None = None) -> Spots:
    """Tie places to the nearest street of the longest piece.

    Parameters
    ----------
    xy : (k, 2) metres
    walls : lines nobody climbs over; a street up to ``DETOUR_M`` farther is taken when the straight way to the
        nearest one crosses a wall and the way to the other does not.
    """
    edges = np.flatnonzero(network.for_doors)
    places = np.asarray(shapely.points(xy), dtype=object).reshape(-1)
    if not len(edges) or not len(places):
        nothing = np.full(len(places), -1, np.int64)
        zero = np.zeros(len(places))
        return Spots(nothing, zero, zero.copy(), zero.copy(), xy.reshape(-1, 2))
    tree = shapely.STRtree(network.paths[edges])
    chosen = edges[np.asarray(tree.nearest(places), np.int64)]
    if walls is not None and len(walls):
        _around_walls(network, places, chosen, edges, tree, shapely.STRtree(walls))
    lines = network.paths[chosen]
    share = np.clip(shapely.line_locate_point(lines, places, normalized=True), 0.0, 1.0)
    metres = shapely.distance(lines, places)
    return Spots(chosen, share, metres, access_s(metres, setting), xy.reshape(-1, 2))


def _around_walls(
    network: Network, places: Shapes, chosen: Ints, edges: Ints, tree: shapely.STRtree, walls: shapely.STRtree
) -> None:
    """Change ``chosen`` for places that would climb over a wall, where another street is near enough."""

    def climbs(place: Shapes, edge: Ints) -> Bools:
        ways = shapely.shortest_line(place, network.paths[edge])
        hit = np.zeros(len(edge), np.bool_)
        hit[walls.query(ways, predicate="crosses")[0]] = True
        return hit

    for i in np.flatnonzero(climbs(places, chosen)):
        limit = float(shapely.distance(places[i], network.paths[chosen[i]])) + DETOUR_M
        near = edges[tree.query(places[i], predicate="dwithin", distance=limit)]
        near = near[np.argsort(shapely.distance(network.paths[near], places[i]), kind="stable")][:NEIGHBOURS]
        free = near[~climbs(np.repeat(places[i], len(near)), near)]
        if len(free):
            chosen[i] = free[0]


class Walker:
    """Seconds and ways over one network; safe to share between threads.

    Parameters
    ----------
    network : the streets of a day
    plain : take the plain engine also where the quick one is there
    like : a walker over the same nodes and edges, whose preparation is taken over: only seconds or hours differ
    """

    def __init__(self, network: Network, *, plain: bool = False, like: Walker | None = None) -> None:
        self.network = network
        self._lock = threading.Lock()
        self._closed = np.zeros(0, np.int64)
        tail, head = network.tail, network.head
        arcs = np.concatenate([tail, head]), np.concatenate([head, tail])
        self._weights = _ticks(np.concatenate([network.forward_s, network.backward_s]))
        self._engine = _engine(*arcs, network.xy, self._weights, plain, like)

    def spots(self, xy: Floats, *, setting: WorkSetting, walls: Shapes | None = None) -> Spots:
        """Tie any places to the network; see ``snap``."""
        return snap(self.network, np.asarray(xy, float), setting=setting, walls=walls)

    def matrix(self, a: Spots, b: Spots | None = None, *, during: tuple[int, int] | None = None) -> Floats:
        """Return the seconds from each place of ``a`` to each of ``b`` (of ``a`` itself when there is no ``b``).

        Parameters
        ----------
        during : (from, until) seconds of the local day; a gate counts as open only when it is open all the while.
            Without it every gate counts as open.

        Returns
        -------
        (k, l) array
            Seconds with access at both ends; inf without a way; 0 from a place to itself.
        """
        b = a if b is None else b
        same = _same_places(a.xy, b.xy)
        if not len(self.network.edge_id):
            return np.where(same, 0.0, np.inf)
        ends_a, ends_b = self._ends(a), self._ends(b)
        from_nodes, row = np.unique(ends_a, return_inverse=True)
        to_nodes, column = np.unique(ends_b, return_inverse=True)
        with self._lock:
            self._close(during)
            between = self._engine.distances(from_nodes, to_nodes)
        seconds = np.where(between < BARRED, between * TICK_S, np.inf)
        row, column = row.reshape(ends_a.shape), column.reshape(ends_b.shape)
        leave, arrive = self._off(a), self._onto(b)
        out = np.minimum(leave[0][:, None] + seconds[row[0]], leave[1][:, None] + seconds[row[1]])
        best = np.minimum(out[:, column[0]] + arrive[0], out[:, column[1]] + arrive[1])
        best = np.minimum(best, self._along(a, b)) + a.access_s[:, None] + b.access_s[None, :]
        best[a.edge < 0, :] = np.inf
        best[:, b.edge < 0] = np.inf
        best[same] = 0.0
        return np.asarray(best)

    def leg(self, a: Spots, i: int, b: Spots, j: int, *, during: tuple[int, int] | None = None) -> Leg | None:
        """Return the way from place ``i`` of ``a`` to place ``j`` of ``b``; None without one."""
        if a.edge[i] < 0 or b.edge[j] < 0:
            return None
        start, end = _one(a, i), _one(b, j)
        ends_a, ends_b = self._ends(start), self._ends(end)
        leave, arrive = self._off(start), self._onto(end)
        with self._lock:
            self._close(during)
            between = self._engine.distances(ends_a[:, 0], ends_b[:, 0])
            seconds = np.where(between < BARRED, between * TICK_S, np.inf)
            by = leave + seconds + arrive.T
            p, q = np.unravel_index(int(by.argmin()), by.shape)
            along = float(self._along(start, end)[0, 0])
            arcs = [] if along <= by[p, q] else list(self._engine.arcs(int(ends_a[p, 0]), int(ends_b[q, 0])))
        total = min(along, float(by[p, q]))
        if not np.isfinite(total):
            return None
        pieces = self._pieces(start, end, arcs, None if along <= by[p, q] else (int(p), int(q)))
        return _leg(start, end, pieces, total + float(start.access_s[0] + end.access_s[0]))

    def reach(self, spots: Spots, within_s: float) -> Floats:
        """Return the seconds from the nearest of the places to each node, inf beyond ``within_s``."""
        best = np.full(len(self.network.xy), np.inf)
        known = spots.edge >= 0
        if not known.any():
            return best
        ends = self._ends(spots)[:, known]
        with self._lock:
            self._close(None)
            between = self._engine.distances(ends.reshape(-1), np.arange(len(best)))
        seconds = np.where(between < BARRED, between * TICK_S, np.inf)
        leave = (self._off(spots)[:, known] + spots.access_s[known]).reshape(-1)
        best = (seconds + leave[:, None]).min(axis=0)
        return np.asarray(np.where(best <= within_s, best, np.inf))

    def _close(self, during: tuple[int, int] | None) -> None:
        """Bar the gates that are not open all the while, and open those that were barred for another question."""
        net = self.network
        closed = np.zeros(0, np.int64)
        if during is not None:
            closed = np.flatnonzero((net.opens_s > during[0]) | (net.closes_s < during[1]))
        if np.array_equal(closed, self._closed):
            return
        m = len(net.edge_id)
        again, shut = np.setdiff1d(self._closed, closed), np.setdiff1d(closed, self._closed)
        arcs = np.concatenate([again, again + m, shut, shut + m])
        weights = np.concatenate([self._weights[arcs[: 2 * len(again)]], np.full(2 * len(shut), BARRED)])
        self._engine.change(arcs, weights)
        self._closed = closed

    def _ends(self, spots: Spots) -> Ints:
        """Return (2, k) nodes: tail and head of each place's street."""
        return np.stack([self.network.tail[spots.edge], self.network.head[spots.edge]])

    def _off(self, spots: Spots) -> Floats:
        """Return (2, k) seconds from the street's point to its tail and its head."""
        forward, backward = self.network.forward_s[spots.edge], self.network.backward_s[spots.edge]
        return np.stack([_part(spots.share, backward), _part(1 - spots.share, forward)])

    def _onto(self, spots: Spots) -> Floats:
        """Return (2, k) seconds from the tail and the head of the street to the point."""
        forward, backward = self.network.forward_s[spots.edge], self.network.backward_s[spots.edge]
        return np.stack([_part(spots.share, forward), _part(1 - spots.share, backward)])

    def _along(self, a: Spots, b: Spots) -> Floats:
        """Return the seconds between places of one street without leaving it, inf for places of two streets."""
        found = np.full((len(a.edge), len(b.edge)), np.inf)
        i, j = np.nonzero((a.edge[:, None] == b.edge[None, :]) & (a.edge[:, None] >= 0))
        gap = b.share[j] - a.share[i]
        edge = a.edge[i]
        pace = np.where(gap >= 0, self.network.forward_s[edge], self.network.backward_s[edge])
        found[i, j] = _part(np.abs(gap), pace)
        return found

    def _pieces(
        self, start: Spots, end: Spots, arcs: list[int], ends: tuple[int, int] | None
    ) -> list[tuple[str, Floats]]:
        """Return the way between the two streets' points as (kind, vertices)."""
        net, m = self.network, len(self.network.edge_id)
        first, last = int(start.edge[0]), int(end.edge[0])
        if ends is None:
            return [(str(net.kind[first]), cut_line(net.paths[first], float(start.share[0]), float(end.share[0])))]
        pieces = [(str(net.kind[first]), cut_line(net.paths[first], float(start.share[0]), float(ends[0])))]
        for arc in arcs:
            xy = shapely.get_coordinates(net.paths[arc % m])
            pieces.append((str(net.kind[arc % m]), xy if arc < m else xy[::-1]))
        pieces.append((str(net.kind[last]), cut_line(net.paths[last], float(ends[1]), float(end.share[0]))))
        return pieces


def _engine(tail: Ints, head: Ints, xy: Floats, weights: Ints, plain: bool, like: Walker | None) -> Engine:
    if plain or not QUICK or not len(tail):
        return Plain(tail, head, len(xy), weights)
    same = like._engine if like is not None else None  # noqa: SLF001 - of the same class
    return Hierarchy(tail, head, xy, weights, same if isinstance(same, Hierarchy) else None)


def _ticks(seconds: Floats) -> Ints:
    """Return whole ticks, at least one; ``BARRED`` for inf and for what is too long to be walked."""
    ticks = np.maximum(np.rint(np.where(np.isfinite(seconds), seconds, 0.0) / TICK_S), 1.0)
    return np.where(np.isfinite(seconds) & (ticks < BARRED), ticks, BARRED).astype(np.int64)


def _part(share: Floats, seconds: Floats) -> Floats:
    """Return a share of the seconds; no way at all takes no time, also where it is barred."""
    return np.where(share <= 0, 0.0, share * np.where(np.isfinite(seconds), seconds, 0.0)) + np.where(
        (share > 0) & ~np.isfinite(seconds), np.inf, 0.0
    )


def _same_places(one: Floats, other: Floats) -> Bools:
    """Return (k, l) which places are the very same."""
    _, number = np.unique(np.concatenate([one, other]), axis=0, return_inverse=True)
    number = number.reshape(-1)
    return np.asarray(number[: len(one), None] == number[None, len(one) :])


def _one(spots: Spots, i: int) -> Spots:
    at = slice(i, i + 1 or None)
    return Spots(spots.edge[at], spots.share[at], spots.access_m[at], spots.access_s[at], spots.xy[at])


def cut_line(line: shapely.LineString, share_from: float, share_to: float) -> Floats:
    """Return the vertices of a line between two shares of its length, in walking direction."""
    low, high = sorted((share_from, share_to))
    xy = shapely.get_coordinates(line)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
    total = along[-1] or 1.0
    inside = (along > low * total + 1e-9) & (along < high * total - 1e-9)
    ends = np.array([[np.interp(s * total, along, xy[:, i]) for i in (0, 1)] for s in (low, high)])
    found = np.concatenate([ends[:1], xy[inside], ends[1:]])
    return found if share_from <= share_to else found[::-1]


def _leg(start: Spots, end: Spots, pieces: list[tuple[str, Floats]], seconds: float) -> Leg:
    """Put the pieces together: equal neighbours become one part, access at both ends."""
    whole = [
        ("access", np.stack([start.xy[0], pieces[0][1][0]])),
        *pieces,
        ("access", np.stack([pieces[-1][1][-1], end.xy[0]])),
    ]
    xy: list[Floats] = [whole[0][1][:1]]
    parts: list[tuple[str, int, int]] = []
    count = 1
    for kind, vertices in whole:
        if np.hypot(*np.diff(vertices, axis=0).T).sum() < 1e-6:
            continue
        xy.append(vertices[1:])
        first = parts.pop()[1] if parts and parts[-1][0] == kind else count - 1
        count += len(vertices) - 1
        parts.append((kind, first, count - 1))
    line = np.concatenate(xy)
    return Leg(line, float(np.hypot(*np.diff(line, axis=0).T).sum()), seconds, tuple(parts))
