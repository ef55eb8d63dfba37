"""Invented communities of any number of grids, and chance edits of their borders as hands make them."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from random import Random

import numpy as np
import shapely
from shapely import Polygon

from gridmap.domain.boundaries import DraftGrid, packed
from gridmap.domain.partition import (
    Bend,
    Cut,
    Draw,
    Edit,
    Give,
    Insert,
    Join,
    Move,
    Operation,
    Pair,
    Patch,
    Remove,
    Reshape,
    apply,
    named,
    reach,
)
from gridmap.errors import BadInput

CORNER = (1_164_000_000, 400_000_000)
SIDE = 20_000  # units: blocks of about 200 m
BENDS = 6  # corners between two crossings, as streets have them
CELL = 25_000  # of the index

KINDS = {
    "move": 30, "insert": 12, "remove": 10, "bend": 6, "reshape": 14, "cut": 8, "join": 8, "give": 8, "draw": 4,
}  # fmt: skip


def invented(count: int, seed: int) -> dict[int, Polygon]:
    """Return ``count`` grids along crooked streets; about every twentieth holds another that it encloses."""
    rng = np.random.default_rng(seed)
    enclosed = count // 20
    columns = math.ceil(math.sqrt(count - enclosed))
    rows = math.ceil((count - enclosed) / columns)
    place = np.stack(np.meshgrid(np.arange(columns + 1), np.arange(rows + 1)), axis=-1) * SIDE + np.array(CORNER)
    place = place + rng.integers(-SIDE // 6, SIDE // 6, place.shape)
    across = [[_crooked(place[y, x], place[y, x + 1], rng) for x in range(columns)] for y in range(rows + 1)]
    upward = [[_crooked(place[y, x], place[y + 1, x], rng) for x in range(columns + 1)] for y in range(rows)]
    shapes = []
    for y in range(rows):
        for x in range(columns):
            ring = [*across[y][x][:-1], *upward[y][x + 1][:-1], *across[y + 1][x][:0:-1], *upward[y][x][:0:-1]]
            shapes.append(Polygon(ring))
    while len(shapes) > count - enclosed:
        shapes[-2:] = [Polygon(shapely.coverage_union(shapes[-2], shapes[-1]))]
    for i in rng.choice(len(shapes), enclosed, replace=False).tolist():
        yard = _yard(shapes[i])
        shapes[i] = Polygon(shapes[i].exterior, [yard.exterior])
        shapes.append(yard)
    return dict(enumerate(shapes, start=1))


def _crooked(a: np.ndarray, b: np.ndarray, rng: np.random.Generator) -> list[Pair]:
    share = np.linspace(0, 1, BENDS + 2)[:, None]
    line = a + share * (b - a)
    line[1:-1] += rng.normal(0, SIDE / 60, (BENDS, 2))
    return [(int(x), int(y)) for x, y in np.rint(line).tolist()]


def _yard(shape: Polygon) -> Polygon:
    x, y = (round(c) for c in shape.centroid.coords[0])
    half = SIDE // 8
    return Polygon([(x - half, y - half), (x + half + 77, y - half + 131), (x + half, y + half), (x - half, y + half)])


@dataclass
class World:
    """A whole community as a store keeps it: edits fetch what they touch, and its ring, by an index.

    Attributes
    ----------
    grids : by key.
    done : accepted edits in order.
    """

    grids: dict[int, Polygon]
    done: list[Edit] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cells: dict[tuple[int, int], set[int]] = {}
        self.next_key = -1
        for key, shape in self.grids.items():
            self._index(key, shape)

    def _index(self, key: int, shape: Polygon) -> None:
        for cell in _cells(shape.bounds):
            self.cells.setdefault(cell, set()).add(key)

    def _put(self, key: int, shape: Polygon | None) -> None:
        old = self.grids.pop(key, None)
        if old is not None:
            for cell in _cells(old.bounds):
                self.cells[cell].discard(key)
        if shape is not None:
            self.grids[key] = shape
            self._index(key, shape)

    def near(self, box: tuple[float, float, float, float]) -> set[int]:
        """Return the grids whose boxes meet a box."""
        found = {key for cell in _cells(box) for key in self.cells.get(cell, ())}
        return {key for key in found if _meet(self.grids[key].bounds, box)}

    def patch(self, operation: Operation) -> Patch:
        """Return what an operation may touch, with its ring."""
        box = reach(operation)
        touched = {key for key in named(operation) if key in self.grids} | (self.near(box) if box else set())
        ring = {other for key in touched for other in self.near(self.grids[key].bounds)}
        return Patch({key: self.grids[key] for key in touched | ring})

    def take(self, edit: Edit) -> None:
        """Put an edit into effect."""
        for key, shape in edit.after.items():
            self._put(key, shape)

    def do(self, operation: Operation) -> Edit:
        """Do an operation, or raise what refuses it."""
        edit = apply(self.patch(operation), operation)
        self.take(edit)
        self.done.append(edit)
        self.next_key = min([self.next_key, *[key - 1 for key in edit.after]])
        return edit

    def undo_all(self) -> None:
        """Take everything back."""
        while self.done:
            self.take(self.done.pop().undone)

    def bytes(self) -> bytes:
        """Return the whole community as bytes."""
        return packed(DraftGrid(key, key, str(key), "general", shape) for key, shape in self.grids.items())


def _cells(box: tuple[float, float, float, float]) -> Iterable[tuple[int, int]]:
    x0, y0, x1, y1 = (int(c) // CELL for c in box)
    return [(x, y) for x in range(x0, x1 + 1) for y in range(y0, y1 + 1)]


def _meet(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]


def wish(world: World, rng: Random, *, about: int) -> Operation:
    """Return a chance operation somewhere; cuts and joins keep the number of grids about the same."""
    weights = dict(KINDS)
    if len(world.grids) > about:
        weights["join"] *= 3
    elif len(world.grids) < about:
        weights["cut"] *= 3
    kind = rng.choices(list(weights), list(weights.values()))[0]
    keys = list(world.grids) if len(world.grids) < 64 else None
    key = rng.choice(keys) if keys else _any_key(world, rng)
    return _MAKE[kind](world, key, rng)


def _any_key(world: World, rng: Random) -> int:
    cells = getattr(world, "_listed", None) or list(world.cells)
    world._listed = cells  # type: ignore[attr-defined]
    while True:
        here = world.cells[rng.choice(cells)]
        if here:
            return rng.choice(sorted(here))


def _corners(shape: Polygon) -> list[Pair]:
    rings = [shape.exterior, *shape.interiors]
    return [(int(x), int(y)) for ring in rings for x, y in shapely.get_coordinates(ring)[:-1].tolist()]


def _beside(at: Pair, rng: Random, far: int) -> Pair:
    return at[0] + rng.randint(-far, far), at[1] + rng.randint(-far, far)


def _move(world: World, key: int, rng: Random) -> Operation:
    at = rng.choice(_corners(world.grids[key]))
    return Move(at, _beside(at, rng, 1_200))


def _insert(world: World, key: int, rng: Random) -> Operation:
    corners = _corners(world.grids[key])
    i = rng.randrange(len(corners) - 1)
    (x0, y0), (x1, y1) = corners[i : i + 2]
    middle = (x0 + x1) // 2, (y0 + y1) // 2
    return Insert(middle, _beside(middle, rng, 400) if rng.random() < 0.5 else None)


def _remove(world: World, key: int, rng: Random) -> Operation:
    return Remove(rng.choice(_corners(world.grids[key])))


def _bend(world: World, key: int, rng: Random) -> Operation:
    corners = _corners(world.grids[key])
    i = rng.randrange(len(corners))
    by = rng.randint(-600, 600), rng.randint(-600, 600)
    return Bend(tuple(((x, y), (x + by[0], y + by[1])) for x, y in corners[i : i + rng.randint(2, 3)]))


def _cut(world: World, key: int, rng: Random) -> Operation:
    x0, y0, x1, y1 = (int(c) for c in world.grids[key].bounds)
    if rng.random() < 0.5:
        ends = (x0 - 300, rng.randint(y0, y1)), (x1 + 300, rng.randint(y0, y1))
    else:
        ends = (rng.randint(x0, x1), y0 - 300), (rng.randint(x0, x1), y1 + 300)
    if rng.random() < 0.3:  # from corner to corner
        corners = _corners(world.grids[key])
        ends = rng.choice(corners), rng.choice(corners)
    if ends[0] == ends[1]:
        ends = ends[0], (x1 + 300, y1 + 300)
    return Cut(key, (ends[0], _beside(((x0 + x1) // 2, (y0 + y1) // 2), rng, 2_000), ends[1]), world.next_key)


def _join(world: World, key: int, rng: Random) -> Operation:
    return Join(key, rng.choice(sorted(world.near(world.grids[key].bounds))))


def _reshape(world: World, key: int, rng: Random) -> Operation:
    corners = _corners(world.grids[key])
    i, step = rng.randrange(len(corners)), rng.randint(2, 9)
    a, b = corners[i], corners[(i + step) % len(corners)]
    x, y = (a[0] + b[0]) // 2, (a[1] + b[1]) // 2
    start, end = (_beside(p, rng, 200) if rng.random() < 0.6 else p for p in (a, b))
    return Reshape((start, _beside((x, y), rng, 2_500), end) if start != end else (start, _beside(start, rng, 5_000)))


def _house(at: Pair, rng: Random) -> Polygon:
    w, d = rng.randint(900, 3_000), rng.randint(700, 1_600)
    turned = shapely.affinity.rotate(shapely.box(at[0], at[1], at[0] + w, at[1] + d), rng.uniform(0, 90))
    return Polygon(shapely.transform(turned, np.rint))


def _give(world: World, key: int, rng: Random) -> Operation:
    at = _beside(rng.choice(_corners(world.grids[key])), rng, 2_500)
    house = _house(at, rng)
    if rng.random() < 0.5:
        return Give((house,), key)
    others = [_house(_beside(at, rng, 9_000), rng) for _ in range(6)]
    return Give((house,), key, tuple(one for one in others if not one.intersects(house)))


def _draw(world: World, key: int, rng: Random) -> Operation:
    x0, y0, x1, y1 = (int(c) for c in world.grids[key].bounds)
    x, y = rng.randint(x0, x1), rng.randint(y0, y1)
    size = rng.randint(1_500, 7_000)
    ring = ((x, y), (x + size, y + rng.randint(0, 900)), (x + size, y + size), (x - rng.randint(0, 900), y + size))
    return Draw(Polygon(ring), world.next_key)


_MAKE = {
    "move": _move,
    "insert": _insert,
    "remove": _remove,
    "bend": _bend,
    "reshape": _reshape,
    "cut": _cut,
    "join": _join,
    "give": _give,
    "draw": _draw,
}


def chance(seed: int) -> Random:
    """Return chance that comes out the same for the same seed."""
    return Random(seed)  # noqa: S311 - no secret depends on it


def tried(world: World, rng: Random, *, about: int, tally: Counter[str]) -> tuple[Operation, Edit] | None:
    """Try one chance operation; return it with what it changed, None when it was refused."""
    try:
        operation = wish(world, rng, about=about)
        edit = world.do(operation)
    except BadInput as refusal:
        tally[refusal.sentence] += 1
        return None
    tally["done"] += 1
    return operation, edit


def total(grids: Mapping[int, Polygon]) -> int:
    """Return twice the area of all grids in square units, in Python's own whole numbers."""
    found = 0
    for shape in grids.values():
        for sign, ring in [(1, shape.exterior), *[(-1, hole) for hole in shape.interiors]]:
            at = [(int(x), int(y)) for x, y in shapely.get_coordinates(ring).tolist()]
            found += sign * abs(sum(a * d - b * c for (a, b), (c, d) in itertools.pairwise(at)))
    return found
