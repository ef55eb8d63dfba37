"""Borders drawn once: the arcs between nodes, each with the grids on its two sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shapely import LineString, Polygon

from gridmap.domain.partition.patch import Pair, Patch, Side, turned

OUTSIDE = 0


@dataclass(frozen=True)
class Arc:
    """A border between two grids, or between a grid and the outside, from one node to the next.

    Attributes
    ----------
    left, right : keys of the grids on either side; 0 is what is not among the grids.
    line : whole units; closed when no other border meets it.
    """

    left: int
    right: int
    line: LineString


@dataclass(frozen=True)
class Borders:
    """All borders of some grids, each once.

    Attributes
    ----------
    nodes : corners where three or more borders meet.
    arcs : the borders between them.
    """

    nodes: tuple[Pair, ...]
    arcs: tuple[Arc, ...]


def borders(grids: Mapping[int, Polygon]) -> Borders:
    """Return the borders of grids that share their corners; what lies beside the grids counts as outside.

    Parameters
    ----------
    grids : by key; whole units.
    """
    sides = Patch(grids).of(grids) if grids else {}
    between: dict[Side, tuple[int, int]] = {}
    for side, left in sides.items():
        right = sides.get(turned(side), OUTSIDE)
        if right == OUTSIDE or left < right:
            between[side] = (left, right)
    leaving: dict[Pair, list[Side]] = {}
    for side in between:
        leaving.setdefault(side[:2], []).append(side)
        leaving.setdefault(side[2:], []).append(side)
    nodes = {at for at, around in leaving.items() if len(around) != 2}
    arcs = _chains(between, leaving, nodes)
    return Borders(tuple(sorted(nodes)), arcs)


def _chains(
    between: Mapping[Side, tuple[int, int]], around: Mapping[Pair, list[Side]], nodes: set[Pair]
) -> tuple[Arc, ...]:
    left_over = set(between)
    found = []
    starts = sorted(side for side in between if side[:2] in nodes) + sorted(between)
    for first in starts:
        if first not in left_over:
            continue
        chain = [first[:2], first[2:]]
        left_over.discard(first)
        while chain[-1] not in nodes and chain[-1] != chain[0]:
            following = [side for side in around[chain[-1]] if side in left_over]
            if not following:
                break
            side = following[0]
            left_over.discard(side)
            chain.append(side[2:] if side[:2] == chain[-1] else side[:2])
        found.append(Arc(*between[first], LineString(chain)))
    return tuple(found)
