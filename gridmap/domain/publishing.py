"""Publishing borders: what a draft moves, who must know it, and how one walks back from version to version.

A draft holds only the grids in which it differs from its base. Everything here works on those grids and their
neighbours, the *patch*, so that publishing costs the same whatever the number of grids.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Protocol

import numpy as np
import numpy.typing as npt
import shapely
from shapely import Geometry, Polygon

from gridmap.domain.boundaries import DraftGrid
from gridmap.domain.effects import NOWHERE, Effect, Ints, placed
from gridmap.domain.partition import twice_area
from gridmap.errors import BadInput

Box = tuple[float, float, float, float]  # west, south, east, north in whole units of 1e-7 degree
SEQUENCE_DIGITS = 3  # of a grid's code, after the community's


class Things(Protocol):
    """Things with a place in whole units, and the grid each is kept in."""

    @property
    def ids(self) -> Ints:
        """Return their ids."""

    @property
    def x(self) -> Ints:
        """Return how far east they are."""

    @property
    def y(self) -> Ints:
        """Return how far north they are."""

    @property
    def grid_id(self) -> Ints:
        """Return the grids they are kept in."""


@dataclass(frozen=True)
class Moved:
    """A household whose building another grid holds after publishing."""

    household_id: int
    from_grid_id: int
    to_grid_id: int


@dataclass(frozen=True)
class MovedHome:
    """A household that changes grid, as the secretary is told of it; the planner gets neither name nor groups."""

    household_id: int
    address: str
    head: str
    groups: tuple[str, ...]
    from_key: int
    to_key: int
    from_worker: str
    to_worker: str
    changes_worker: bool  # somebody else will come to this door


@dataclass(frozen=True)
class GridChange:
    """One grid that is another afterwards: what it is called, who will work there ("" = nobody), its figures."""

    key: int
    number: int
    name: str
    kind: str
    worker_name: str
    added: bool
    gone: bool
    effect: Effect | None


@dataclass(frozen=True)
class Work:
    """What is in hand at the households and places that change grid, each in a number."""

    needs: int = 0
    promises: int = 0
    events: int = 0
    disputes: int = 0
    hazards: int = 0
    follow_ups: int = 0
    visits_planned: int = 0  # doors in plans of the day it takes effect
    plans: int = 0  # of that day and later, which are made anew
    errands: int = 0
    water_orders: int = 0  # open ones of customers whose grid changes
    held_records: int = 0  # sent by phones, waiting for a leader
    facilities: int = 0


@dataclass(frozen=True)
class Told:
    """A worker who is told, by grid: how many households come to him and leave him."""

    worker_id: int
    worker_name: str
    key: int
    gained: int
    lost: int


@dataclass(frozen=True)
class Board:
    """A public notice (name, extent, worker of a grid) that is not true any more."""

    key: int
    number: int
    name: str
    why: tuple[str, ...]  # added gone border name worker


@dataclass(frozen=True)
class Consequences:
    """What would happen if a draft took effect.

    Attributes
    ----------
    homes : every household that changes grid; () for the planner, who gets ``households`` and ``changing_worker``
    unassigned : buildings that would stand in no grid: must be 0
    without_worker : keys of grids nobody would work in
    stale : it cannot take effect: a version in force, or one that waits for its day, changes the same grids
    """

    plan_id: int
    effect_on: date
    households: int
    people: int
    buildings: int
    changing_worker: int
    homes: tuple[MovedHome, ...]
    grids: tuple[GridChange, ...]
    work: Work
    told: tuple[Told, ...]
    boards: tuple[Board, ...]
    unassigned: int
    without_worker: tuple[int, ...]
    stale: bool
    new_outline: bool = False


@dataclass(frozen=True)
class Notice:
    """What a worker is told on his page: since when his grid is another, and where the work he did there went.

    Attributes
    ----------
    visits_lost, visits_gained : visits made before that moment at the households that left or came; their figures
        count where the households are now, so both workers' figures add up
    """

    version_id: int
    effect_on: date
    at: datetime
    reason: str
    grid_id: int
    grid_name: str
    gained: int
    lost: int
    visits_gained: int
    visits_lost: int
    partners: tuple[tuple[int, str, int], ...] = ()  # (grid id, its name, households: + came from there, - went)


@dataclass(frozen=True)
class Patch:
    """The changed grids before and after, with their neighbours; keys are ids, negative for grids that are added."""

    before: Mapping[int, DraftGrid]
    after: Mapping[int, DraftGrid]
    neighbours: Mapping[int, DraftGrid] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[int, ...]:
        """Return every changed key."""
        return tuple(sorted({*self.before, *self.after}))

    @property
    def added(self) -> tuple[int, ...]:
        """Return the keys of grids that come into being."""
        return tuple(sorted(set(self.after) - set(self.before)))

    @property
    def gone(self) -> tuple[int, ...]:
        """Return the keys of grids that end."""
        return tuple(sorted(set(self.before) - set(self.after)))

    @property
    def new_outline(self) -> bool:
        """Tell whether the changed grids together cover other ground than before."""
        return not shapely.equals(ground(self.before.values()), ground(self.after.values()))

    def renamed(self, ids: Mapping[int, int]) -> Patch:
        """Return the patch with keys of added grids replaced by their ids."""
        after = {ids.get(key, key): replace(grid, key=ids.get(key, key)) for key, grid in self.after.items()}
        return Patch(self.before, after, self.neighbours)


def shapes_of(grids: Iterable[DraftGrid]) -> list[Polygon]:
    """Return the borders of grids that have one."""
    return [grid.boundary for grid in grids if grid.boundary is not None]


def ground(grids: Iterable[DraftGrid]) -> Geometry:
    """Return the ground some grids cover together, exactly: their corners are whole numbers."""
    return shapely.union_all(np.array(shapes_of(grids), dtype=object), grid_size=1)


def boxes_of(grids: Sequence[DraftGrid]) -> list[Box]:
    """Return boxes in whole units that hold some grids: one for all, or one for each where they lie far apart."""
    bounds = np.array([shape.bounds for shape in shapes_of(grids)])
    around = np.array([*bounds[:, :2].min(axis=0), *bounds[:, 2:].max(axis=0)])
    chosen = bounds if _areas(bounds).sum() < _areas(around[None]).sum() else around[None]
    return [(west, south, east, north) for west, south, east, north in np.unique(chosen, axis=0).tolist()]


def _areas(bounds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    areas: npt.NDArray[np.float64] = (bounds[:, 2] - bounds[:, 0]) * (bounds[:, 3] - bounds[:, 1])
    return areas


def patch_of(changes: Sequence[DraftGrid], present: Mapping[int, DraftGrid]) -> Patch:
    """Return what a draft changes of the present partition, of which ``present`` holds at least the patch."""
    keys = {grid.key for grid in changes}
    return Patch(
        {key: present[key] for key in keys if key in present},
        {grid.key: grid for grid in changes if grid.boundary is not None},
        {key: grid for key, grid in present.items() if key not in keys},
    )


def check(patch: Patch) -> None:
    """Refuse a patch that is no partition any more.

    The changed grids must be whole polygons that, with their neighbours, neither overlap nor leave a gap: their areas
    sum, in whole numbers, to the area of the ground they cover together.

    Raises
    ------
    BadInput
        With the sentence that says what is wrong.
    """
    grids = [*patch.after.values(), *patch.neighbours.values()]
    shapes = shapes_of(grids)
    if not patch.keys:
        raise BadInput("草稿里没有任何改动")
    if not all(type(shape) is Polygon and shape.is_valid and not shape.is_empty for shape in shapes):
        raise BadInput("有网格的边界不是一整块，请先在编辑器里找出问题")
    whole, before = _parts(ground(grids)), _parts(ground([*patch.before.values(), *patch.neighbours.values()]))
    if len(whole) > len(before):
        raise BadInput("网格不再连成一片，请先在编辑器里找出问题")
    if sum(map(twice_area, shapes)) != sum(map(twice_area, whole)):
        raise BadInput("网格之间有重叠，请先在编辑器里找出问题")
    if sum(len(part.interiors) for part in whole) > sum(len(part.interiors) for part in before):
        raise BadInput("网格之间有空隙，请先在编辑器里找出问题")
    _check_words(grids)


def _parts(shape: Geometry) -> list[Polygon]:
    return [part for part in shapely.get_parts(shape).tolist() if isinstance(part, Polygon)]


def _check_words(grids: Sequence[DraftGrid]) -> None:
    numbers = [grid.number for grid in grids]
    twice = sorted({n for n in numbers if numbers.count(n) > 1})
    if twice:
        raise BadInput("网格编号 %(number)s 用了两次，请改成不同的编号", number=twice[0])
    if any(not grid.name.strip() for grid in grids):
        raise BadInput("有网格没有名称，请先起名")


def code_for(community_code: str, number: int, used: set[str]) -> str:
    """Return the code of a new grid: the community's and its number, or the next that was never used."""
    wanted = number
    while (code := f"{community_code}{wanted:0{SEQUENCE_DIGITS}}") in used:
        wanted = max(wanted, *(_sequence(known, community_code) for known in used)) + 1
    return code


def _sequence(code: str, community_code: str) -> int:
    tail = code.removeprefix(community_code)
    return int(tail) if tail.isdigit() else 0


def words_of(grid: DraftGrid) -> tuple[int, str, str]:
    """Return what a grid is called."""
    return (grid.number, grid.name, grid.kind)


def board_of(key: int, patch: Patch) -> Board:
    """Return what is not true any more on the notice of a changed grid."""
    old, new = patch.before.get(key), patch.after.get(key)
    if old is None and new is not None:
        return Board(key, new.number, new.name, ("added",))
    if new is None and old is not None:
        return Board(key, old.number, old.name, ("gone",))
    if old is None or new is None:
        raise ValueError(f"grid {key} is in no patch")
    why = ["border"] if old.boundary is not None and not shapely.equals(old.boundary, new.boundary) else []
    why += ["name"] if words_of(old) != words_of(new) else []
    return Board(key, new.number, new.name, tuple(why))


def walked_back(
    present: Iterable[DraftGrid], befores: Iterable[tuple[Sequence[int], Sequence[DraftGrid]]]
) -> list[DraftGrid]:
    """Return the partition as it was before some versions, the newest of them first.

    Parameters
    ----------
    present : the partition as it is now
    befores : of each version the ids it changed, and those grids as they were before it
    """
    found = {grid.key: grid for grid in present}
    for changed, before in befores:
        for key in changed:
            found.pop(key, None)
        found |= {grid.key: grid for grid in before}
    return [found[key] for key in sorted(found)]


def told_of(moves: Iterable[Moved], keys: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Return how many households each of some grids gains and loses."""
    found = {key: [0, 0] for key in keys}
    for move in moves:
        found.setdefault(move.to_grid_id, [0, 0])[0] += 1
        found.setdefault(move.from_grid_id, [0, 0])[1] += 1
    return {key: (gained, lost) for key, (gained, lost) in found.items()}


def placed_anew(things: Things, patch: Patch) -> dict[int, tuple[int, int]]:
    """Return the things that come into another grid: (the grid they are kept in, the key they come to).

    A thing of no grid of the patch is left out; one that lies in no grid of the patch afterwards comes to ``NOWHERE``,
    if it is kept in a grid that changes.

    Parameters
    ----------
    things : with their places in whole units, and the grids they are kept in
    """
    grids = [*patch.after.values(), *patch.neighbours.values()]
    known = {*patch.before, *patch.neighbours}
    found = {}
    for thing, old, new in zip(
        things.ids.tolist(), things.grid_id.tolist(), placed(things.x, things.y, grids).tolist(), strict=True
    ):
        if new == old or old not in known or (new == NOWHERE and old not in patch.before):
            continue
        found[thing] = (old, new)
    return found


def count_moving(things: Things, patch: Patch) -> int:
    """Count things that follow their point and stand on ground that another grid holds afterwards."""
    near = list(patch.neighbours.values())
    before, after = ([*side.values(), *near] for side in (patch.before, patch.after))
    return int((placed(things.x, things.y, before) != placed(things.x, things.y, after)).sum())
