"""What is due and what is covered: the one definition behind map, table, export, command line and API."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from enum import IntEnum
from operator import attrgetter
from typing import Any

from gridmap.domain.groups import GROUPS

PREVIOUS_DAYS = 30  # the previous period ends so many days before the day that is shown
CONTACT_DAYS = 30  # contact rate: attempts on the day itself and the 29 days before
MONTH_DAYS = 30
# An assumption, not an observation: a completed visit takes 12 minutes with the way to the next door; half the doors
# open, so each completed visit costs one unanswered knock of 3 minutes on average.
SERVICE_MIN = 12
KNOCKS_PER_VISIT = 1
KNOCK_MIN = 3
# Minutes of work a month of a household with a period of one day, in hundredths: whole numbers, so that sums in SQL
# and here are equal to the last digit.
LOAD_CENTIMIN = 100 * MONTH_DAYS * (SERVICE_MIN + KNOCKS_PER_VISIT * KNOCK_MIN)

SMALL_CELL = 5  # a planner sees no figure about fewer households of a special group than this


class State(IntEnum):
    """The state of one household on one day; each household is in exactly one.

    The numbers are a storage format (tiles, ``household.state_*``). Append only.
    """

    NEVER = 0  # in the base, no effective visit yet, nobody has tried
    COVERED = 1  # effective visit within its period
    DUE_SOON = 2  # still covered, the period ends within ``soon_days``
    OVERDUE = 3  # the period has ended without an effective visit; nobody has tried since the last one
    NO_ANSWER = 4  # not covered, and tried N times since the last effective visit
    REFUSED = 5  # a clear refusal: no further prompting; outside the base
    MOVED = 6  # moved away or vacant; outside the base
    EXCLUDED = 7  # excluded with a reason; outside the base


@dataclass(frozen=True)
class Counts:
    """Figures of one grid, or of the whole community, on one day; sums of grids are the community's.

    ``base`` is every household that visits are owed to: all but refused, moved and excluded.
    ``overdue`` counts every household of the base whose period has ended, whatever its state is called, so it
    overlaps ``never`` and ``no_answer``; ``state_*`` sum to ``households``.
    """

    households: int = 0
    base: int = 0
    overdue: int = 0
    state_never: int = 0
    state_covered: int = 0
    state_due_soon: int = 0
    state_overdue: int = 0
    state_no_answer: int = 0
    state_refused: int = 0
    state_moved: int = 0
    state_excluded: int = 0
    special_base: int = 0  # households of the base with any (shared) special group
    special_covered: int = 0
    attempts: int = 0  # visits of any result in the last 30 days
    met: int = 0  # effective ones among them
    open_needs: int = 0
    load_min: float = 0.0  # minutes of due work per month

    @property
    def covered(self) -> int:
        """Return how many households of the base have an effective visit within their period."""
        return self.state_covered + self.state_due_soon

    @property
    def coverage_share(self) -> float | None:
        """Return covered / base, 0..1; None without a base."""
        return self.covered / self.base if self.base else None

    @property
    def special_share(self) -> float | None:
        """Return the coverage of households with a special group, 0..1; None when there is none."""
        return self.special_covered / self.special_base if self.special_base else None

    @property
    def contact_rate(self) -> float | None:
        """Return effective visits / attempts of the last 30 days, 0..1; None when nobody tried."""
        return self.met / self.attempts if self.attempts else None

    @classmethod
    def of(cls, values: Sequence[float]) -> Counts:
        """Return the counts whose fields, in their order, are ``values``; quicker than the constructor.

        A community of a million households has thousands of grids, each read twice for one page.
        """
        made = object.__new__(cls)
        made.__dict__.update(zip(COUNT_FIELDS, values, strict=False))
        return made


COUNT_FIELDS = tuple(field.name for field in fields(Counts))
_VALUES = attrgetter(*COUNT_FIELDS)
_values_of: Callable[[Counts], tuple[Any, ...]] = attrgetter(*COUNT_FIELDS)


def total(counts: Iterable[Counts]) -> Counts:
    """Return the sum of several grids; minutes are added exactly (hundredths), then rounded to hundredths."""
    columns = list(zip(*map(_VALUES, counts), strict=True))
    if not columns:
        return Counts()
    return Counts.of([*(sum(column) for column in columns[:-1]), round(math.fsum(columns[-1]), 2)])


def as_values(counts: Counts) -> tuple[Any, ...]:
    """Return the fields of ``counts`` in their order."""
    values: tuple[Any, ...] = _VALUES(counts)
    return values


@dataclass(frozen=True)
class GridCoverage:
    """One grid of an overview.

    Attributes
    ----------
    counts : on the day; previous : one period earlier, None before the first data.
    worker_name : of the grid's main worker on the day; None when nobody was assigned.
    masked : the figures are hidden (all 0) because they are about fewer than ``SMALL_CELL`` households.
    special_masked : the same for ``special_base`` and ``special_covered`` alone.
    """

    grid_id: int
    code: str
    number: int
    name: str
    kind: str
    worker_name: str | None
    counts: Counts
    previous: Counts | None
    masked: bool = False
    special_masked: bool = False


@dataclass(frozen=True)
class Overview:
    """Coverage of the community (or of the grids the reader may see) on one day.

    Attributes
    ----------
    previous_on : the day it is compared with; None before the first data.
    group : code of the special group that is counted; None = every household.
    total, previous : sums over ``grids``.
    masked : even the sum is about fewer than ``SMALL_CELL`` households, and hidden.
    """

    on: date
    previous_on: date | None
    group: str | None
    total: Counts
    previous: Counts | None
    grids: tuple[GridCoverage, ...]
    masked: bool = False
    special_masked: bool = False

    @property
    def workers(self) -> int:
        """Return how many grids have a worker."""
        return sum(1 for grid in self.grids if grid.worker_name)

    @property
    def load_per_worker_min(self) -> float | None:
        """Return minutes of due work a month for each worker; None when nobody is assigned."""
        return round(self.total.load_min / self.workers, 1) if self.workers else None


EVERYWHERE = 0  # stands for all grids an actor may see, where one grid's id is asked for
EVERYWHERE_CODE = "all"


def everywhere(overview: Overview, name: str) -> GridCoverage:
    """Return the whole of an overview as if it were one grid, so that its numbers open the same lists."""
    return GridCoverage(
        EVERYWHERE, EVERYWHERE_CODE, 0, name, "general", None, overview.total, overview.previous, overview.masked
    )


def previous_day(on: date, first_day: date) -> date | None:
    """Return the day ``on`` is compared with, or None when it lies before the first data."""
    previous = on - timedelta(days=PREVIOUS_DAYS)
    return previous if previous >= first_day else None


def _is_small(*counts: Counts | None) -> bool:
    return any(c is not None and 0 < c.households < SMALL_CELL for c in counts)


def _is_small_special(*counts: Counts | None) -> bool:
    return any(c is not None and 0 < c.special_base < SMALL_CELL for c in counts)


def _no_special(counts: Counts | None) -> Counts | None:
    return replace(counts, special_base=0, special_covered=0) if counts is not None else None


def _also_next(small: set[int], sizes: list[dict[int, int]]) -> set[int]:
    """Add the smallest other cells while a sum minus the cells that are shown would give a small figure away.

    ``sizes`` holds the households of each grid, on the day and one period earlier.
    """
    hidden = set(small)
    while hidden and any(0 < sum(size[i] for i in hidden) < SMALL_CELL for size in sizes):
        others = [i for i in sizes[0] if i not in hidden and any(size[i] for size in sizes)]
        if not others:
            return hidden
        hidden.add(min(others, key=lambda i: (max(size[i] for size in sizes), i)))
    return hidden


def _sizes(overview: Overview, field: str) -> list[dict[int, int]]:
    now = {g.grid_id: getattr(g.counts, field) for g in overview.grids}
    before = {g.grid_id: getattr(g.previous, field) if g.previous else 0 for g in overview.grids}
    return [now, before]


def protected(overview: Overview) -> Overview:
    """Return an overview in which no figure is about fewer than ``SMALL_CELL`` households of a special group.

    A grid with 1 to 4 such households, on the day or one period earlier, is hidden; when that alone would let the
    reader find it by subtraction from the sum, the next smallest grids are hidden too. A sum of 1 to 4 is hidden
    with all its grids. The total stays the sum of the true figures.

    References
    ----------
    Small cells of aggregate maps: no cell with fewer than 5 households.
    """
    if _is_small(overview.total, overview.previous):
        empty = tuple(_hidden(g) for g in overview.grids)
        previous = None if overview.previous is None else Counts()
        return replace(overview, total=Counts(), previous=previous, grids=empty, masked=True, special_masked=True)
    small = {g.grid_id for g in overview.grids if _is_small(g.counts, g.previous)}
    small = _also_next(small, _sizes(overview, "households"))
    special = {g.grid_id for g in overview.grids if _is_small_special(g.counts, g.previous)}
    special = _also_next(special, _sizes(overview, "special_base"))
    grids = tuple(
        _hidden(g) if g.grid_id in small else _without_special(g) if g.grid_id in special else g for g in overview.grids
    )
    if not _is_small_special(overview.total, overview.previous):
        return replace(overview, grids=grids)
    return replace(
        overview,
        total=_no_special(overview.total) or Counts(),
        previous=_no_special(overview.previous),
        grids=tuple(_without_special(g) for g in grids),
        special_masked=True,
    )


def _hidden(grid: GridCoverage) -> GridCoverage:
    previous = None if grid.previous is None else Counts()
    return replace(grid, counts=Counts(), previous=previous, masked=True, special_masked=True)


def _without_special(grid: GridCoverage) -> GridCoverage:
    counts = _no_special(grid.counts) or Counts()
    return replace(grid, counts=counts, previous=_no_special(grid.previous), special_masked=True)


def shared_groups() -> list[tuple[str, int]]:
    """Return (code, bit) of every group that may be counted and shown."""
    return [(group.code, 1 << i) for i, group in enumerate(GROUPS) if not group.restricted]
