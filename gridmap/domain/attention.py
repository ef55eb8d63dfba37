"""What a map or list of grids tells, and which grids need help first. Grids are sorted, never people."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from gridmap.domain.coverage import Counts, GridCoverage


class Story(StrEnum):
    """What a map of grids tells."""

    COVERAGE = "coverage"
    GROUPS = "groups"
    NEEDS = "needs"
    LOAD = "load"


MORE_IS_WORSE = frozenset({Story.NEEDS, Story.LOAD})


def measure(story: Story, counts: Counts) -> float | None:
    """Return what a story measures of one grid.

    Returns
    -------
    float or None
        Coverage and groups: a share, 0 to 1. Needs: open needs. Load: hours of due work a month. None when there
        is nobody to visit (or no household with a special group).
    """
    if story is Story.GROUPS:
        return counts.special_share
    if not counts.base and not counts.open_needs:
        return None
    if story is Story.COVERAGE:
        return counts.coverage_share
    return float(counts.open_needs) if story is Story.NEEDS else counts.load_min / 60


def by_need(grids: Iterable[GridCoverage], story: Story) -> list[GridCoverage]:
    """Return the grids, those that need help first; grids without a figure come last.

    Equal figures are sorted by overdue households, then by number.
    """

    def key(grid: GridCoverage) -> tuple[bool, float, int, int]:
        value = None if is_hidden(grid, story) else measure(story, grid.counts)
        worth = 0.0 if value is None else -value if story in MORE_IS_WORSE else value
        return value is None, worth, -grid.counts.overdue, grid.number

    return sorted(grids, key=key)


def by_overdue(grids: Iterable[GridCoverage]) -> list[GridCoverage]:
    """Return the grids, those with most overdue households first."""
    return sorted(grids, key=lambda grid: (-grid.counts.overdue, grid.number))


def is_hidden(grid: GridCoverage, story: Story) -> bool:
    """Tell whether the figure of a grid may not be shown because it is about too few households."""
    return grid.masked or (story is Story.GROUPS and grid.special_masked)


def neediest(grids: Iterable[GridCoverage]) -> GridCoverage | None:
    """Return the grid whose coverage is lowest; None when no grid has anybody to visit."""
    ranked = [g for g in by_need(grids, Story.COVERAGE) if g.counts.base and not g.masked]
    return ranked[0] if ranked else None
