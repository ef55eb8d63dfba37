"""Grids as arcs: each border exists once, so that it is drawn once and looks crisp.

The encoding is small enough to travel inside the page: an arc is a list of integers, the first point absolute, the
others differences, in units of ``UNIT`` degrees.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import shapely
from shapely import Polygon

UNIT = 1e-6  # degrees, about 10 cm
TOLERANCE = 8e-6  # degrees, under a metre: a screen cannot show less at the closest zoom

Point = tuple[int, int]


@dataclass(frozen=True)
class Arcs:
    """The borders of a partition.

    Attributes
    ----------
    arcs : each a flat list of integers: x0, y0, then dx, dy ...
    rings : face -> its rings; a ring is a list of arc numbers, ``~n`` when arc n runs backwards.
    outer : the arcs that belong to one face only.
    """

    arcs: list[list[int]]
    rings: dict[int, list[list[int]]]
    outer: list[int]


def _rounded(ring: shapely.LinearRing) -> list[Point]:
    """Return the corners of a ring in integer units, without its closing point and without repeats."""
    points = [(round(x / UNIT), round(y / UNIT)) for x, y in ring.coords]
    kept = [b for a, b in pairwise(points) if a != b]
    return kept or points[:1]


def _rings(face: Polygon) -> list[list[Point]]:
    return [_rounded(ring) for ring in (face.exterior, *face.interiors)]


def _nodes(faces: dict[int, list[list[Point]]]) -> set[Point]:
    """Return the points where an arc must end: more or fewer than two neighbours, or other owners on each side."""
    owners: dict[tuple[Point, Point], set[int]] = defaultdict(set)
    at: dict[Point, set[tuple[Point, Point]]] = defaultdict(set)
    for face, rings in faces.items():
        for ring in rings:
            for a, b in zip(ring, ring[1:] + ring[:1], strict=True):
                segment = (min(a, b), max(a, b))
                owners[segment].add(face)
                at[a].add(segment)
                at[b].add(segment)
    return {
        point
        for point, segments in at.items()
        if len(segments) != 2 or len({frozenset(owners[segment]) for segment in segments}) != 1
    }


def _pieces(ring: list[Point], nodes: set[Point]) -> Iterator[list[Point]]:
    """Yield a ring cut at its nodes; a ring without any is one closed piece that starts at its smallest point."""
    cuts = [i for i, point in enumerate(ring) if point in nodes] or [ring.index(min(ring))]
    turned = ring[cuts[0] :] + ring[: cuts[0]]
    ends = [i - cuts[0] for i in cuts] + [len(ring)]
    closed = [*turned, turned[0]]
    for start, end in pairwise(ends):
        yield closed[start : end + 1]


def _differences(piece: list[Point]) -> list[int]:
    flat = list(piece[0])
    for (ax, ay), (bx, by) in pairwise(piece):
        flat += [bx - ax, by - ay]
    return flat


def arcs_of(boundaries: Mapping[int, Polygon]) -> Arcs:
    """Return the arcs of faces that tile an area.

    Parameters
    ----------
    boundaries : face -> polygon, degrees, longitude first. Common borders are simplified together, so that no gap
        and no overlap can appear.
    """
    keys = list(boundaries)
    slim = shapely.coverage_simplify([boundaries[key] for key in keys], TOLERANCE)
    faces = {key: _rings(face) for key, face in zip(keys, slim, strict=True)}
    nodes = _nodes(faces)
    numbers: dict[tuple[Point, ...], int] = {}
    arcs: list[list[int]] = []
    used: dict[int, int] = defaultdict(int)
    rings: dict[int, list[list[int]]] = {}
    for key, outlines in faces.items():
        rings[key] = []
        for ring in outlines:
            numbered = []
            for piece in _pieces(ring, nodes):
                backwards = piece[::-1]
                if tuple(backwards) in numbers:
                    number = ~numbers[tuple(backwards)]
                else:
                    if tuple(piece) not in numbers:
                        numbers[tuple(piece)] = len(arcs)
                        arcs.append(_differences(piece))
                    number = numbers[tuple(piece)]
                used[number if number >= 0 else ~number] += 1
                numbered.append(number)
            rings[key].append(numbered)
    return Arcs(arcs, rings, outer=[i for i in range(len(arcs)) if used[i] == 1])
