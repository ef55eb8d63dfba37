"""Blocks become a given number of parts of balanced load, each one piece without holes.

The parts grow from spread seeds and then trade blocks along their borders (simulated annealing). What is minimised:
the squares of the loads' deviation, the borders' price times length (a main street is cheap, a cut between houses
dear), and the parts' spread. A block changes sides only when both parts stay discs, which its own ring tells: what
it touches of the new part must be one run, and so must what it touches of others than the old part.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely

from gridmap.domain.drafting.arrangement import Mesh

BALANCE, BORDER, SPREAD = 30.0, 1.0, 0.7  # prices, chosen by looking at drafts of real towns
WARM, COLD = 1.0, 0.0005
NONE = -2  # of a block that has no part yet; -1 is outside


@dataclass(frozen=True)
class Blocks:
    """What is partitioned.

    Attributes
    ----------
    centre : (n, 2) metres
    load : (n,) homes, or whatever is balanced
    area_m2 : (n,)
    rings : for each block, in order around it, groups of blocks it touches: one along an edge, several at a corner
    border : for each block, its neighbours along edges with price x length in metres
    """

    centre: np.ndarray
    load: np.ndarray
    area_m2: np.ndarray
    rings: list[list[tuple[int, ...]]]
    border: list[dict[int, float]]


def rings(shapes: np.ndarray) -> list[list[tuple[int, ...]]]:
    """Return what each block touches around its edge: neighbours along edges, and all blocks at corners."""
    mesh = Mesh(shapes)
    across: dict[tuple[int, int, int, int], tuple[int, int]] = {}
    for ends, a, b in zip(mesh.ends.tolist(), mesh.left.tolist(), mesh.right.tolist(), strict=True):
        across[tuple(ends)] = (a, b)
    at: dict[tuple[int, int], set[int]] = {}
    for (x0, y0, x1, y1), pair in across.items():
        at.setdefault((x0, y0), set()).update(pair)
        at.setdefault((x1, y1), set()).update(pair)
    found = []
    for i, shape in enumerate(shapes):
        corners = [(round(x), round(y)) for x, y in shapely.get_coordinates(shape.exterior)]
        ring: list[tuple[int, ...]] = []
        for a, b in pairwise(corners):
            here = at[a] - {i}
            if len(here) > 1:
                ring.append(tuple(sorted(here)))
            pair = across[(*a, *b) if a < b else (*b, *a)]
            other = (pair[0] if pair[1] == i else pair[1],)
            if not ring or ring[-1] != other:
                ring.append(other)
        found.append(ring)
    return found


def _runs(marks: Sequence[bool]) -> int:
    """Count the runs of True around a ring; a full ring is one."""
    starts = sum(1 for before, now in zip((marks[-1], *marks[:-1]), marks, strict=True) if now and not before)
    return starts or int(all(marks))


class Parts:
    """A partition in the making; ``part[i]`` is the part of block ``i``, ``NONE`` while it has none."""

    def __init__(self, blocks: Blocks, count: int) -> None:
        self.blocks = blocks
        self.count = count
        self.part = [NONE] * len(blocks.load)
        self.mean = max(float(blocks.load.sum()) / count, 1e-9)
        self.loads = [0.0] * count
        self.sizes = [0] * count
        total_area = float(blocks.area_m2.sum())
        self.radius2 = total_area / count / math.pi
        self.side = math.sqrt(total_area / count)
        weight = blocks.area_m2 / total_area + blocks.load / max(float(blocks.load.sum()), 1e-9)
        self.weight = (weight * count / 2).tolist()
        self.moment = [[0.0, 0.0, 0.0] for _ in range(count)]  # weight, weight * x, weight * y
        self.load = blocks.load.tolist()
        self.centre = blocks.centre.tolist()

    def put(self, i: int, to: int) -> None:
        """Move block ``i`` to a part."""
        for part, sign in ((self.part[i], -1), (to, 1)):
            if part >= 0:
                self.loads[part] += sign * self.load[i]
                self.sizes[part] += sign
                w, (x, y) = sign * self.weight[i], self.centre[i]
                m = self.moment[part]
                self.moment[part] = [m[0] + w, m[1] + w * x, m[2] + w * y]
        self.part[i] = to

    def may_join(self, i: int, to: int) -> bool:
        """Tell whether the part stays a disc with block ``i``."""
        part = self.part
        marks = [any(k >= 0 and part[k] == to for k in group) for group in self.blocks.rings[i]]
        return _runs(marks) == 1

    def may_leave(self, i: int) -> bool:
        """Tell whether its part stays a disc without block ``i``."""
        part, own = self.part, self.part[i]
        if self.sizes[own] == 1:
            return False
        return _runs([any(k < 0 or part[k] != own for k in group) for group in self.blocks.rings[i]]) == 1

    def change(self, i: int, to: int) -> float:
        """Return by how much the price changes when block ``i`` goes to another part."""
        own, load, mean = self.part[i], self.load[i], self.mean
        a, b = self.loads[own], self.loads[to]
        balance = ((a - load - mean) ** 2 + (b + load - mean) ** 2 - (a - mean) ** 2 - (b - mean) ** 2) / mean**2
        border = 0.0
        for k, price in self.blocks.border[i].items():
            border += price * ((self.part[k] == own) - (self.part[k] == to))
        return float(BALANCE * balance + BORDER * border / self.side + SPREAD * self._spread_change(i, own, to))

    def _spread_change(self, i: int, own: int, to: int) -> float:
        w, (x, y) = self.weight[i], self.centre[i]
        change = 0.0
        for part, sign in ((own, -1), (to, 1)):
            m, mx, my = self.moment[part]
            rest = m + sign * w
            if m > 0 and rest > 0:
                d2 = (mx / m - x) ** 2 + (my / m - y) ** 2
                change += sign * w * m / rest * d2
        return float(change / self.radius2)


def spread_seeds(blocks: Blocks, count: int, rng: np.random.Generator) -> list[int]:
    """Return distinct blocks near the centres of weighted k-means clusters."""
    weight = blocks.load / max(float(blocks.load.sum()), 1e-9) + 0.5 * blocks.area_m2 / float(blocks.area_m2.sum())
    centres = blocks.centre[rng.choice(len(weight), count, replace=False, p=weight / weight.sum())]
    for _ in range(25):
        nearest = _distance2(blocks.centre, centres).argmin(axis=1)
        mass = np.bincount(nearest, weight, count)
        full = mass > 0
        for axis in (0, 1):
            sums = np.bincount(nearest, weight * blocks.centre[:, axis], count)
            centres[full, axis] = sums[full] / mass[full]
    taken: list[int] = []
    distance = _distance2(blocks.centre, centres)
    for k in range(count):
        distance[taken, k] = np.inf
        taken.append(int(distance[:, k].argmin()))
    return taken


def _distance2(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    return np.asarray(((points[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2))


class _Front:
    """The blocks a growing part may take next, nearest to its seed first."""

    def __init__(self, parts: Parts, part: int, seed: int) -> None:
        self.parts, self.part = parts, part
        self.x, self.y = parts.centre[seed]
        self.waiting: list[tuple[float, int]] = []
        self.take(seed)

    def take(self, i: int) -> None:
        """Add block ``i`` to the part; its neighbours may follow."""
        self.parts.put(i, self.part)
        for j in self.parts.blocks.border[i]:
            if self.parts.part[j] == NONE:
                x, y = self.parts.centre[j]
                heapq.heappush(self.waiting, ((x - self.x) ** 2 + (y - self.y) ** 2, j))

    def step(self) -> bool:
        """Take the nearest block that leaves the part a disc; False when there is none."""
        refused = []
        while self.waiting:
            item = heapq.heappop(self.waiting)
            if self.parts.part[item[1]] != NONE:
                continue
            if self.parts.may_join(item[1], self.part):
                self.take(item[1])
                break
            refused.append(item)
        else:
            self.waiting = refused
            return False
        for item in refused:
            heapq.heappush(self.waiting, item)
        return True


def grow(blocks: Blocks, seeds: list[int]) -> Parts | None:
    """Grow parts from seeds, the lightest first, nearest blocks first; None when blocks stay over."""
    parts = Parts(blocks, len(seeds))
    fronts = [_Front(parts, k, i) for k, i in enumerate(seeds)]
    little = parts.mean * 0.02  # ground without homes counts a little, so that it is shared as well
    queue = [(0.0, k) for k in range(len(seeds))]
    while queue:
        _, k = heapq.heappop(queue)
        if fronts[k].step():
            heapq.heappush(queue, (parts.loads[k] + little * parts.moment[k][0], k))
    return parts if NONE not in parts.part else _finish(parts)


def _finish(parts: Parts) -> Parts | None:
    """Try what stayed over once more, wherever it fits."""
    moved = True
    while moved and NONE in parts.part:
        moved = False
        for i in [i for i, part in enumerate(parts.part) if part == NONE]:
            for k in sorted({parts.part[j] for j in parts.blocks.border[i]} - {NONE}, key=lambda p: parts.loads[p]):
                if parts.may_join(i, k):
                    parts.put(i, k)
                    moved = True
                    break
    return parts if NONE not in parts.part else None


def trade(parts: Parts, rng: np.random.Generator, tries: int) -> None:
    """Let parts trade blocks along their borders, first freely, then only for the better."""
    near = [sorted(border) for border in parts.blocks.border]
    step = (COLD / WARM) ** (1 / max(tries, 1))
    heat = WARM
    picks = rng.integers(len(near), size=tries).tolist()
    sides = rng.random(tries).tolist()
    luck = rng.random(tries).tolist()
    for i, side, chance in zip(picks, sides, luck, strict=True):
        heat *= step
        if not near[i]:
            continue
        to = parts.part[near[i][int(side * len(near[i]))]]
        if to == parts.part[i]:
            continue
        change = parts.change(i, to)
        welcome = change < 0 or chance < math.exp(-change / heat)
        if welcome and parts.may_join(i, to) and parts.may_leave(i):
            parts.put(i, to)


def settle(parts: Parts) -> None:
    """Make every single trade that still lowers the price."""
    for _ in range(50):
        moved = False
        for i in range(len(parts.part)):
            options = {parts.part[k] for k in parts.blocks.border[i]} - {parts.part[i]}
            for to in sorted(options, key=lambda p: parts.change(i, p)):
                if parts.change(i, to) < -1e-9 and parts.may_join(i, to) and parts.may_leave(i):
                    parts.put(i, to)
                    moved = True
                    break
        if not moved:
            return


def price(parts: Parts) -> float:
    """Return what is minimised, but for the spread."""
    balance = sum((load / parts.mean - 1) ** 2 for load in parts.loads)
    cut = sum(
        w for i, border in enumerate(parts.blocks.border) for k, w in border.items() if parts.part[i] != parts.part[k]
    )
    return BALANCE * balance + BORDER * cut / 2 / parts.side


def partition(blocks: Blocks, count: int, seed: int, *, tries: int, starts: int = 4) -> np.ndarray | None:
    """Return the part of each block, the best of some starts; None when no start could place every block."""
    best: Parts | None = None
    placed = 0
    for attempt in range(4 * starts):
        rng = np.random.default_rng([seed, attempt])
        parts = grow(blocks, spread_seeds(blocks, count, rng))
        if parts is None:
            continue
        trade(parts, rng, tries)
        settle(parts)
        placed += 1
        if best is None or price(parts) < price(best):
            best = parts
        if placed == starts:
            break
    return None if best is None else np.array(best.part)
