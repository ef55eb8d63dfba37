"""The quickest order of a fixed set of places: exact where it can be proven, bounded where not.

Every case becomes one closed, undirected tour with some links that must be in it:

* an open path gets a link from its end (or from a place that is nowhere, for a free end) back to its start;
* travel that is uneven only by heights (climbing takes longer than going down) is evened out: the unevenness adds up
  to the same along every order;
* where lifts and stairs leave some links uneven, the easier direction of each is a bound, and mostly reached;
* truly one-way travel doubles every place into an arrival and a departure (Jonker and Volgenant 1983).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from gridmap.domain.routes.problem import UNREACHABLE, Ints

EFFORT = 2_000  # linear programmes (of a hundred places) solved before the proof is given up
KICKS = 60  # of the quick search, for each place
NEAR = 10
ODD = 0.25  # of all links may be uneven in spite of heights
ROUNDS = 6  # in which places agree on their heights


@dataclass(frozen=True)
class Ordered:
    """An order of places, and how good it is.

    Attributes
    ----------
    order : every position once, beginning with the start; a fixed end stands last, the way back to the start of a
        closed tour is not written
    length_s : travel along it (with the way back, for a closed tour)
    bound_s : no order is shorter; proven : ``length_s == bound_s``
    """

    order: tuple[int, ...]
    length_s: int
    bound_s: int
    proven: bool


@dataclass(frozen=True)
class Tour:
    """A closed undirected tour to be found: ``cost`` (n, n) symmetric, ``forced`` pairs (f, 2) that must be linked.

    Pairs that may not be linked cost ``barred``, more than any tour without them.
    """

    cost: Ints
    forced: Ints
    barred: int


def order(
    travel_s: Ints, start: int, end: int, *, effort: int = EFFORT, seed: int = 1, stop: Callable[[], bool] | None = None
) -> Ordered:
    """Put all places of a matrix into the order with the least travel.

    Parameters
    ----------
    travel_s : (n, n) whole seconds, may be uneven
    start, end : positions; end == start: a closed tour; end == -1: the walk ends at its last place, whichever it is
    effort : linear programmes of up to a hundred places that may be solved, fewer larger ones; the same effort gives
        the same answer everywhere
    stop : asked now and then; True ends the proof
    """
    travel = np.ascontiguousarray(travel_s, dtype=np.int64)
    walk = _Walk(travel, start, end)
    if len(walk.inner) <= 1:
        route = (start, *walk.inner.tolist(), *walk.tail)
        return Ordered(route, walk.length(route), walk.length(route), proven=True)
    return walk.solved(effort, seed, stop)


class _Walk:
    """A walk through ``inner`` places from ``start`` to ``end`` as a closed tour.

    The tour's places: 0 the start, 1 the end (or its copy, or nowhere), then the inner ones.
    """

    def __init__(self, travel: Ints, start: int, end: int) -> None:
        self.travel, self.start, self.end = travel, start, end
        self.inner = np.array([i for i in range(len(travel)) if i not in {start, end}], dtype=np.int64)
        self.tail = (end,) if end not in {-1, start} else ()
        self.out = travel[start, self.inner]
        self.home = travel[self.inner, end] if end >= 0 else np.zeros(len(self.inner), dtype=np.int64)
        self.between = travel[np.ix_(self.inner, self.inner)]

    def length(self, route: tuple[int, ...]) -> int:
        """Return the travel along a route."""
        total = sum(int(self.travel[a, b]) for a, b in pairwise(route))
        return total + (int(self.travel[route[-1], self.end]) if self.end == self.start and len(route) > 1 else 0)

    def solved(self, effort: int, seed: int, stop: Callable[[], bool] | None) -> Ordered:
        """Find the order, and prove it as far as the effort goes."""
        from gridmap.domain.routes.proving import prove

        heights, uneven = self._heights()
        found = self._level(heights, uneven, effort if not uneven.any() else effort // 4, seed, stop)
        if found is not None and (found.proven or not uneven.any()):
            return found
        tour = self._doubled()
        first = _quick_directed(self._directed(), seed)
        if found is not None and found.length_s < self.length(self._route(first)):
            first = self._as_tour(found.order)
        best, bound_s, _ = prove(tour, _as_doubled(first), effort, stop)
        best = best[::2] // 2 if best[1] // 2 == best[0] // 2 else np.roll(best, 1)[::2] // 2
        return self._told(self._route(best), max(bound_s, found.bound_s if found is not None else 0))

    def _level(
        self, heights: Ints, uneven: npt.NDArray[np.bool_], effort: int, seed: int, stop: Callable[[], bool] | None
    ) -> Ordered | None:
        """Find the order where heights explain most of the travel; None where they explain little.

        What stays uneven (a lift and stairs between the floors of one house) counts as its easier direction: a bound
        for every order, and met by one that walks each of those stretches the easier way.
        """
        from gridmap.domain.routes.proving import prove

        if uneven.mean() > ODD:
            return None
        tour = self._evened(heights)
        best, bound, _ = prove(tour, _quick(tour, seed), effort, stop)
        route = self._route(best)
        return self._told(self._turned(route, uneven) if uneven.any() else route, -(-bound // 2))

    def _told(self, route: tuple[int, ...], bound_s: int) -> Ordered:
        """Return a route with its length and what is known about every other."""
        length_s = self.length(route)
        bound_s = max(0, min(bound_s, length_s))
        return Ordered(route, length_s, bound_s, proven=bound_s == length_s)

    def _turned(self, route: tuple[int, ...], uneven: npt.NDArray[np.bool_]) -> tuple[int, ...]:
        """Return a route with each stretch of uneven links walked in its better direction."""
        ahead, count = [route[0]], len(self.inner)
        stops, place = list(route[1 : 1 + count]), {int(p): i for i, p in enumerate(self.inner)}
        odd = [bool(uneven[place[a], place[b]]) for a, b in pairwise(stops)]
        i = 0
        while i < count:
            j = i
            while j < count - 1 and odd[j]:
                j += 1
            turned = stops[:i] + stops[i : j + 1][::-1] + stops[j + 1 :]
            stops = min(stops, turned, key=lambda s: self.length((*ahead, *s, *self.tail)))
            i = j + 1
        ways = [stops, stops[::-1]] if self.end == self.start else [stops]
        return min(((*ahead, *way, *self.tail) for way in ways), key=self.length)

    def _heights(self) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """Return heights p, and between which places travel(i, j) - travel(j, i) is not p(i) - p(j)."""
        skew = self.between - self.between.T
        heights: Ints = skew[:, 0]
        for _ in range(ROUNDS):
            if np.array_equal(skew, heights[:, None] - heights[None, :]):
                break
            heights = np.sort(skew + heights[None, :], axis=1)[:, len(skew) // 2]
        return heights, skew != heights[:, None] - heights[None, :]

    def _evened(self, heights: Ints) -> Tour:
        """Return the tour in doubled costs, freed of its heights."""
        n = len(self.inner) + 2
        cost = np.zeros((n, n), dtype=np.int64)
        evened = 2 * self.between - heights[:, None] + heights[None, :]
        cost[2:, 2:] = np.minimum(evened, evened.T)
        cost[0, 2:] = cost[2:, 0] = 2 * self.out + heights
        cost[1, 2:] = cost[2:, 1] = 2 * self.home - heights
        return _barring(cost, [(0, 1)], [])

    def _directed(self) -> Ints:
        """Return the directed costs of the closed tour; the link from the end to the start is worth more than all."""
        n = len(self.inner) + 2
        far = int(self.travel.max()) + 1
        cost = np.full((n, n), far * n, dtype=np.int64)
        cost[2:, 2:] = self.between
        cost[0, 2:] = self.out
        cost[2:, 1] = self.home
        cost[1, 0] = -far * n
        return cost

    def _doubled(self) -> Tour:
        """Return the tour with arrivals 2i and departures 2i + 1."""
        directed = self._directed()
        n = len(directed)
        cost = np.full((2 * n, 2 * n), -1, dtype=np.int64)
        sound = np.zeros((n, n), dtype=np.bool_)
        sound[2:, 2:] = ~np.eye(n - 2, dtype=np.bool_)
        sound[0, 2:] = sound[2:, 1] = sound[1, 0] = True
        directed[1, 0] = 0
        arcs = np.where(sound, directed, -1)
        cost[1::2, ::2] = arcs
        cost[::2, 1::2] = arcs.T
        forced = [(2 * i, 2 * i + 1) for i in range(n)] + [(3, 0)]
        for a, b in forced:
            cost[a, b] = cost[b, a] = 0
        return _barring(cost, forced, np.argwhere(np.triu(cost < 0, 1)).tolist())

    def _as_tour(self, route: tuple[int, ...]) -> Ints:
        """Return the tour a walk stands for."""
        place = {int(p): i + 2 for i, p in enumerate(self.inner)}
        return np.array([1, 0, *(place[p] for p in route[1 : 1 + len(self.inner)])], dtype=np.int64)

    def _route(self, tour: Ints) -> tuple[int, ...]:
        """Return the walk a tour over 0 (start), 1 (end), 2... (inner) stands for."""
        turned = np.roll(tour, -int(np.flatnonzero(tour == 0)[0]))
        if turned[1] == 1:
            turned = np.roll(turned[::-1], 1)
        return (self.start, *self.inner[turned[1:-1] - 2].tolist(), *self.tail)


def _barring(cost: Ints, forced: list[tuple[int, int]], barred: list[list[int]]) -> Tour:
    """Return a tour whose barred pairs (and a place with itself) cost more than any sound tour."""
    even = cost.copy()
    np.fill_diagonal(even, 0)
    most = 1 + int(np.abs(even).max()) * len(cost)
    for a, b in barred:
        even[a, b] = even[b, a] = most
    np.fill_diagonal(even, most)
    return Tour(np.ascontiguousarray(even), np.array(forced, dtype=np.int64).reshape(-1, 2), most)


def _quick(tour: Tour, seed: int) -> Ints:
    """Return a short tour."""
    from gridmap.domain.routes.tours import nearest_first

    first = np.empty(len(tour.cost), dtype=np.int64)
    nearest_first(_buying(tour), first)
    return shortened(tour, first, seed)


def shortened(tour: Tour, first: Ints, seed: int) -> Ints:
    """Return a tour made shorter from a first one."""
    from gridmap.domain.routes.tours import short_tour

    n, cost, found = len(tour.cost), _buying(tour), first.copy()
    near = np.argsort(cost, axis=1, kind="stable")[:, : min(NEAR, n - 1)]
    short_tour(cost, np.ascontiguousarray(near), found, KICKS * n, seed)
    return found


def _buying(tour: Tour) -> Ints:
    """Return costs in which forced links are bought with a price no order can beat."""
    cost = tour.cost.copy()
    for a, b in tour.forced:
        cost[a, b] = cost[b, a] = -tour.barred
    return cost


def _quick_directed(cost: Ints, seed: int) -> Ints:
    """Return a short directed tour."""
    from gridmap.domain.routes.tours import nearest_first, short_directed

    n = len(cost)
    near = np.argsort(cost + np.eye(n, dtype=np.int64) * cost.max(), axis=1, kind="stable")[:, : min(NEAR, n - 1)]
    found = np.empty(n, dtype=np.int64)
    nearest_first(cost, found)
    short_directed(cost, np.ascontiguousarray(near), found, KICKS * n, seed)
    return found


def _as_doubled(tour: Ints) -> Ints:
    """Return a directed tour as arrivals and departures."""
    return np.stack([2 * tour, 2 * tour + 1], axis=1).ravel()


def reachable(travel_s: Ints) -> bool:
    """Tell whether every place has a way to every other."""
    return bool((travel_s < UNREACHABLE).all())
