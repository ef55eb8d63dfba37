"""What other borders do to people and work: which grid a building belongs to, the figures of a grid before and after.

A building belongs to the grid that holds a point on its surface, rounded to whole units of 1e-7 degree; exactly on a
border, to the touching grid with the smallest number. A household follows its building, a facility its own point.
The comparison is made in whole numbers, so that no point of the community is in two grids or in none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import shapely
from shapely import Polygon

from gridmap.domain.boundaries import DraftGrid
from gridmap.domain.coverage import KNOCK_MIN, KNOCKS_PER_VISIT, SERVICE_MIN, SMALL_CELL, shared_groups
from gridmap.domain.partition import holders
from gridmap.domain.working import WorkSetting

Ints = npt.NDArray[np.int64]

UNITS = 1e7  # whole units in a degree
NOWHERE = 0  # key of no grid
VISIT_MIN = SERVICE_MIN + KNOCKS_PER_VISIT * KNOCK_MIN  # minutes of load that one due visit stands for
# What a planner sees of load goes in these steps, so that a single household does not show which rule it falls under.
LOAD_STEP_MIN = 2 * VISIT_MIN


class Band(StrEnum):
    """How the households of a grid compare with what one worker can know."""

    SMALL = "small"
    FIT = "fit"
    LARGE = "large"
    FREE = "free"  # a commercial grid is not measured by households


@dataclass(frozen=True)
class Figures:
    """What one grid holds.

    Attributes
    ----------
    households, people : all that live there, whatever their standing
    groups : households of each special group by code; None: too few to be told to the reader
    visits_month : visits that fall due in 30 days by the rules
    load_min : minutes they take, the same as ``domain.coverage.Counts.load_min``
    needs : open ones; need_min : minutes a follow-up of each takes
    area_m2 : of the ground; compactness : Polsby-Popper, 4 pi area / perimeter^2: 1 is a circle
    band : households against the tolerance of the community
    """

    households: int
    people: int
    groups: Mapping[str, int | None]
    visits_month: float
    load_min: float
    needs: int
    need_min: int
    area_m2: float
    compactness: float
    buildings: int
    facilities: int
    band: Band


@dataclass(frozen=True)
class Effect:
    """One grid before and after; None where it is not there."""

    key: int
    before: Figures | None
    after: Figures | None


@dataclass(frozen=True)
class Fault:
    """Something that needs a look.

    Attributes
    ----------
    kind : unreadable invalid pieces overlap gap beyond node (the partition's own), unassigned misplaced cut (of a
        building), orphan (households whose grid is not their building's), island number small large no_worker
        (of a grid); see ``domain.border_faults``
    keys : of the grids it concerns
    at : (x, y) in whole units
    building_id : 0 where it is not about one
    """

    kind: str
    keys: tuple[int, ...]
    at: tuple[int, int]
    building_id: int = 0


# --- which grid holds a point ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spots:
    """Things with a place: ``x``, ``y`` in whole units; ``grid_id`` where they are kept today, 0 where nowhere."""

    ids: Ints
    x: Ints
    y: Ints
    grid_id: Ints


def placed(x: Ints, y: Ints, grids: Iterable[DraftGrid]) -> Ints:
    """Return the key of the grid that holds each point; ``NOWHERE`` where none does.

    Parameters
    ----------
    x, y : (n,) whole units
    grids : of one partition, or some of them; those without a border are passed over
    """
    # two grids may share a number while numbers are being changed: then the smaller key holds the border
    listed = sorted((g for g in grids if g.boundary is not None), key=lambda g: -g.key)
    if not listed or not len(x):
        return np.full(len(x), NOWHERE, np.int64)
    shapes = {g.key: g.boundary for g in listed if g.boundary is not None}
    return np.asarray(holders(shapes, np.column_stack([x, y]), {g.key: g.number for g in listed}), np.int64)


# --- ground ------------------------------------------------------------------------------------------------------


def metres_per_unit(y: float) -> tuple[float, float]:
    """Return the metres of a whole unit east and north, at a latitude in whole units.

    References
    ----------
    Series of the length of a degree on the GRS 80 ellipsoid (CGCS2000 equals it here to the millimetre).
    """
    phi = np.radians(y / UNITS)
    north = 111_132.95 - 559.85 * np.cos(2 * phi) + 1.17 * np.cos(4 * phi)
    east = 111_412.88 * np.cos(phi) - 93.50 * np.cos(3 * phi) + 0.12 * np.cos(5 * phi)
    return float(east / UNITS), float(north / UNITS)


def ground(shape: Polygon) -> tuple[float, float]:
    """Return the area in square metres and the compactness (Polsby-Popper) of a polygon of whole units."""
    x, y = shape.exterior.coords[0][:2]
    scale = metres_per_unit(y)
    metric = shapely.transform(shape, lambda at: (at - (x, y)) * scale)
    area, edge = float(metric.area), float(metric.length)
    return area, 4 * np.pi * area / edge**2 if edge else 0.0


def band(households: int, kind: str, setting: WorkSetting) -> Band:
    """Compare the households of a grid with the community's tolerance."""
    if kind != "general":
        return Band.FREE
    if households < setting.grid_least:
        return Band.SMALL
    return Band.LARGE if households > setting.grid_most else Band.FIT


# --- figures -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tally:
    """What some buildings hold together; sums of tallies are tallies."""

    households: int = 0
    people: int = 0
    load_centimin: int = 0
    needs: int = 0
    buildings: int = 0
    facilities: int = 0
    bits: Counter[int] | None = None  # households by their group bits

    def plus(self, other: Tally) -> Tally:
        """Return the sum."""
        return Tally(
            self.households + other.households,
            self.people + other.people,
            self.load_centimin + other.load_centimin,
            self.needs + other.needs,
            self.buildings + other.buildings,
            self.facilities + other.facilities,
            (self.bits or Counter()) + (other.bits or Counter()),
        )


def figures(grid: DraftGrid, tally: Tally, setting: WorkSetting) -> Figures | None:
    """Return the figures of a grid that holds what was counted; None of a grid that is not there."""
    if grid.boundary is None:
        return None
    area, compactness = ground(grid.boundary)
    bits = tally.bits or Counter()
    return Figures(
        tally.households,
        tally.people,
        {code: sum(n for has, n in bits.items() if has & bit) for code, bit in shared_groups()},
        round(tally.load_centimin / 100 / VISIT_MIN, 1),
        round(tally.load_centimin / 100, 2),
        tally.needs,
        tally.needs * setting.service_min["follow_up"],
        round(area, 1),
        round(compactness, 4),
        tally.buildings,
        tally.facilities,
        band(tally.households, grid.kind, setting),
    )


def compared(
    before: Sequence[DraftGrid],
    after: Sequence[DraftGrid],
    tallies: Mapping[tuple[int, int], Tally],
    setting: WorkSetting,
) -> tuple[Effect, ...]:
    """Return each grid before and after.

    Parameters
    ----------
    tallies : what lies in a grid before and in another (or the same) after, by both keys
    """
    made = []
    was, will = {g.key: g for g in before}, {g.key: g for g in after}
    for key in sorted(was.keys() | will.keys()):
        sums = [Tally(), Tally()]
        for pair, tally in tallies.items():
            for side in (0, 1):
                if pair[side] == key:
                    sums[side] = sums[side].plus(tally)
        one, other = was.get(key), will.get(key)
        made.append(
            Effect(
                key,
                figures(one, sums[0], setting) if one else None,
                figures(other, sums[1], setting) if other else None,
            )
        )
    return tuple(made)


def moved_households(tallies: Mapping[tuple[int, int], Tally]) -> int:
    """Return how many households change grid."""
    return sum(tally.households for (one, other), tally in tallies.items() if one != other)


# --- what a planner may know -------------------------------------------------------------------------------------


def _stepped(before: int | None, now: int) -> int | None:
    """Return a count in steps of ``SMALL_CELL``, rounded down; None below the first step.

    A count that is less than a step away from ``before`` is told as ``before`` is.
    """
    if before is not None and abs(now - before) < SMALL_CELL:
        now = before
    return now // SMALL_CELL * SMALL_CELL or None


def _coarse(told: Figures, before: Figures | None, *, few: bool) -> Figures:
    like = before.groups if before else {}
    load = before.load_min if few and before else told.load_min
    steps = round(load / LOAD_STEP_MIN)
    return replace(
        told,
        groups={code: _stepped(like.get(code), n) for code, n in told.groups.items() if n is not None},
        load_min=float(steps * LOAD_STEP_MIN),
        visits_month=float(steps * LOAD_STEP_MIN // VISIT_MIN),
    )


def protected(effects: Iterable[Effect], *, moved: int) -> tuple[Effect, ...]:
    """Return effects as a planner may see them: doors and people exactly, special groups and load in steps.

    A planner can try one border after the other, so what must be kept is not one count but the difference of two:

    * households of a group are told in steps of ``SMALL_CELL``, rounded down, and not at all below the first step,
      none included: a new grid around one building would else tell whether such a household lives in it;
    * a change by fewer than ``SMALL_CELL`` is told as no change;
    * load is told in steps of ``LOAD_STEP_MIN``, and a move of fewer than ``SMALL_CELL`` households as no change of
      load: the rule a household falls under tells its group.

    What is left is what steps cannot hide: who tries many borders can find *that* a building tips a count over a step,
    never how many or who.

    Parameters
    ----------
    moved : households that change grid
    """
    few = moved < SMALL_CELL
    return tuple(
        Effect(
            effect.key,
            None if effect.before is None else _coarse(effect.before, None, few=False),
            None if effect.after is None else _coarse(effect.after, effect.before, few=few),
        )
        for effect in effects
    )
