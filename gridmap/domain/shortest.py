"""Shortest ways through a graph, by two engines that must agree: one quick, one plain.

Both work on whole numbers, so that their answers are equal to the last digit and the plain one can judge the quick
one. ``Hierarchy`` contracts the graph once and answers in microseconds; ``Plain`` runs Dijkstra each time and serves
where the package is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

try:
    from pyroutingkit import CCHMetric, CCHTopology
except ImportError:  # no wheel for this machine: Plain serves
    CCHMetric = CCHTopology = None

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

BARRED = 2**31 - 1  # the weight of an arc nobody may walk; also what an unreached node is told as


class Engine(Protocol):
    """What both engines can do; arcs and nodes are positions, weights whole numbers of 1 up to ``BARRED``."""

    def distances(self, sources: Ints, targets: Ints) -> Ints:
        """Return the (k, l) lengths of shortest ways, ``BARRED`` without one."""
        ...

    def arcs(self, source: int, target: int) -> Sequence[int]:
        """Return the arcs of a shortest way, empty without one or when both are the same."""
        ...

    def change(self, arcs: Ints, weights: Ints) -> None:
        """Give some arcs other weights."""
        ...


class Hierarchy:
    """Customisable contraction hierarchies (Dibbelt, Strasser and Wagner 2016) through ``pyroutingkit``.

    Parameters
    ----------
    tail, head : (a,) nodes of each arc; xy : (n, 2) places of the nodes, by which they are ordered
    weights : (a,)
    like : an engine over the same nodes and arcs, whose order is taken over
    """

    def __init__(self, tail: Ints, head: Ints, xy: Floats, weights: Ints, like: Hierarchy | None = None) -> None:
        if like is None:
            self._topology = CCHTopology()
            y, x = (np.ascontiguousarray(xy[:, i] - xy[:, i].mean(), np.float32) for i in (1, 0))
            self._topology.build(tail.astype(np.uint32), head.astype(np.uint32), y, x, len(xy))
        else:
            self._topology = like._topology  # noqa: SLF001 - of the same class
        self._metric = CCHMetric(self._topology)
        self._metric.customize(weights.astype(np.uint32))

    def distances(self, sources: Ints, targets: Ints) -> Ints:
        """Return the (k, l) lengths of shortest ways, ``BARRED`` without one."""
        if not len(sources) or not len(targets):
            return np.zeros((len(sources), len(targets)), np.int64)
        found = self._metric.distances_many_to_many(sources.astype(np.uint32), targets.astype(np.uint32))
        return np.asarray(found, np.int64)

    def arcs(self, source: int, target: int) -> Sequence[int]:
        """Return the arcs of a shortest way."""
        found: list[int] = self._metric.query(source, target)[2]
        return found

    def change(self, arcs: Ints, weights: Ints) -> None:
        """Give some arcs other weights; the parts of the hierarchy above them are recomputed."""
        self._metric.update_weights(arcs.astype(np.uint32), weights.astype(np.uint32))


class Plain:
    """Dijkstra on a sparse matrix: the fallback, and the judge of ``Hierarchy``."""

    def __init__(self, tail: Ints, head: Ints, nodes: int, weights: Ints) -> None:
        self._tail, self._head, self._n = tail, head, nodes
        self._weights = weights.astype(np.int64).copy()
        self._graph: csr_array | None = None
        self._arc_of: dict[tuple[int, int], int] = {}

    def _ready(self) -> csr_array:
        """Return the matrix of open arcs; of parallel ones the shortest."""
        if self._graph is None:
            order = np.flatnonzero(self._weights < BARRED)
            order = order[np.lexsort((self._weights[order], self._head[order], self._tail[order]))]
            pair = self._tail[order] * self._n + self._head[order]
            order = order[np.concatenate([[True], pair[1:] != pair[:-1]])] if len(order) else order
            tail, head = self._tail[order], self._head[order]
            self._graph = csr_array((self._weights[order].astype(float), (tail, head)), shape=(self._n, self._n))
            self._arc_of = {(int(a), int(b)): int(arc) for a, b, arc in zip(tail, head, order, strict=True)}
        return self._graph

    def distances(self, sources: Ints, targets: Ints) -> Ints:
        """Return the (k, l) lengths of shortest ways, ``BARRED`` without one."""
        if not len(sources) or not len(targets):
            return np.zeros((len(sources), len(targets)), np.int64)
        unique, back = np.unique(sources, return_inverse=True)
        found = dijkstra(self._ready(), indices=unique)[back.reshape(-1)][:, targets]
        return np.where(np.isfinite(found), found, BARRED).astype(np.int64)

    def arcs(self, source: int, target: int) -> Sequence[int]:
        """Return the arcs of a shortest way."""
        graph = self._ready()
        before = dijkstra(graph, indices=[source], return_predecessors=True)[1][0]
        way: list[int] = []
        while target != source and before[target] >= 0:
            way.append(self._arc_of[int(before[target]), target])
            target = int(before[target])
        return way[::-1]

    def change(self, arcs: Ints, weights: Ints) -> None:
        """Give some arcs other weights."""
        self._weights[arcs] = weights
        self._graph = None


QUICK = CCHTopology is not None
