"""The figures of an overview as plain values: what page, API, command line and export all show."""

from __future__ import annotations

from typing import Any

from gridmap.domain.coverage import COUNT_FIELDS, Counts, GridCoverage, Overview

SPECIAL_FIELDS = ("special_base", "special_covered", "special_share")
SHARE_DIGITS = 4

Figure = int | float | None


def share(value: float | None) -> float | None:
    """Return a share as it is told: 0.0001 steps; None where there is nothing to share."""
    return None if value is None else round(value, SHARE_DIGITS)


def figures(counts: Counts, *, masked: bool = False, special_masked: bool = False) -> dict[str, Figure]:
    """Return every figure of some counts by name; None for what is hidden because it is about too few households."""
    made: dict[str, Figure] = {name: getattr(counts, name) for name in COUNT_FIELDS}
    made |= {
        "covered": counts.covered,
        "coverage_share": share(counts.coverage_share),
        "special_share": share(counts.special_share),
        "contact_rate": share(counts.contact_rate),
    }
    hidden = made if masked else SPECIAL_FIELDS if special_masked else ()
    return made | dict.fromkeys(hidden)


def of_grid(grid: GridCoverage) -> dict[str, Any]:
    """Return one grid with its figures, now and one period earlier."""
    hidden = {"masked": grid.masked, "special_masked": grid.special_masked}
    return {
        "grid_id": grid.grid_id,
        "code": grid.code,
        "number": grid.number,
        "name": grid.name,
        "kind": grid.kind,
        "worker": grid.worker_name,
        **hidden,
        "figures": figures(grid.counts, **hidden),
        "previous": None if grid.previous is None else figures(grid.previous, **hidden),
    }


def of_overview(overview: Overview) -> dict[str, Any]:
    """Return the whole overview."""
    hidden = {"masked": overview.masked, "special_masked": overview.special_masked}
    return {
        "on": overview.on.isoformat(),
        "previous_on": overview.previous_on.isoformat() if overview.previous_on else None,
        "group": overview.group,
        **hidden,
        "workers": overview.workers,
        "load_per_worker_min": None if overview.masked else overview.load_per_worker_min,
        "total": figures(overview.total, **hidden),
        "previous": None if overview.previous is None else figures(overview.previous, **hidden),
        "grids": [of_grid(grid) for grid in overview.grids],
    }
