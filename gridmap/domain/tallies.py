"""Counting decided households by grid and group; the store counts today's with the same sums in SQL."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

import numpy as np
import numpy.typing as npt

from gridmap.domain.coverage import CONTACT_DAYS, LOAD_CENTIMIN, Counts, State, shared_groups, total
from gridmap.domain.groups import SHARED_BITS
from gridmap.domain.rules import Decisions, Ints, Result, Visits, day_number, states

Tallies = dict[tuple[int, str], Counts]  # (grid_id, group_code), "" = every household

OUTSIDE = (State.REFUSED, State.MOVED, State.EXCLUDED)  # states outside the base
COVERED = (State.COVERED, State.DUE_SOON)


def _per_household(ids: Ints, household_id: Ints) -> Ints:
    """Count how often each of ``ids`` (sorted) occurs in ``household_id``."""
    found = household_id[np.isin(household_id, ids)]
    return np.bincount(np.searchsorted(ids, found), minlength=len(ids)).astype(np.int64)


def _attempts(decisions: Decisions, visits: Visits, on: date) -> tuple[Ints, Ints]:
    """Return attempts and effective visits of each household in the last ``CONTACT_DAYS`` days."""
    recent = (visits.on > day_number(on) - CONTACT_DAYS) & np.isin(visits.household_id, decisions.household_id)
    household_id, mode, result = visits.household_id[recent], visits.mode[recent], visits.result[recent]
    modes = decisions.mode_bits[np.searchsorted(decisions.household_id, household_id)]
    met = (result == Result.MET) & ((mode & modes) != 0)
    return _per_household(decisions.household_id, household_id), _per_household(
        decisions.household_id, household_id[met]
    )


def _columns(decisions: Decisions, visits: Visits, open_needs: Ints, on: date) -> list[Ints]:
    """Return what each household adds to the fields of ``Counts``, in their order; minutes in hundredths."""
    state = states(decisions, on)
    base = ~np.isin(state, OUTSIDE)
    special = base & ((decisions.group_bits & SHARED_BITS) != 0)
    overdue = base & (decisions.overdue_on <= day_number(on))
    load = np.where(base & (decisions.period_days > 0), LOAD_CENTIMIN // np.maximum(decisions.period_days, 1), 0)
    flags: list[npt.NDArray[np.bool_]] = [
        np.ones(len(state), bool),
        base,
        overdue,
        *[state == s for s in State],
        special,
        special & np.isin(state, COVERED),
    ]
    return [
        *[flag.astype(np.int64) for flag in flags],
        *_attempts(decisions, visits, on),
        _per_household(decisions.household_id, open_needs),
        load,
    ]


def tally(decisions: Decisions, visits: Visits, open_needs: Ints, on: date) -> Tallies:
    """Count by grid and group.

    Parameters
    ----------
    decisions : Decisions
        Of ``on``.
    visits : Visits
        At least those of the last ``CONTACT_DAYS`` days, as known on the day.
    open_needs : array of int
        The household of each need that was open at the end of the day.
    on : date
        The community's own date.

    Returns
    -------
    dict
        ``Counts`` by (grid id, group code); group "" counts every household. Grids and groups without a household
        are left out.
    """
    columns = _columns(decisions, visits, open_needs, on)
    grids, place = np.unique(decisions.grid_id, return_inverse=True)
    made: Tallies = {}
    for code, bit in [("", 0), *shared_groups()]:
        inside = np.flatnonzero((decisions.group_bits & bit) == bit)
        sums = [
            np.bincount(place[inside], weights=column[inside], minlength=len(grids)).astype(np.int64)
            for column in columns
        ]
        for i in np.flatnonzero(sums[0]):
            values = [int(column[i]) for column in sums]
            made[int(grids[i]), code] = Counts.of([*values[:-1], values[-1] / 100])
    return made


def merged(parts: list[Tallies]) -> Tallies:
    """Add tallies of different households."""
    together: defaultdict[tuple[int, str], list[Counts]] = defaultdict(list)
    for part in parts:
        for key, counts in part.items():
            together[key].append(counts)
    return {key: total(several) for key, several in together.items()}
