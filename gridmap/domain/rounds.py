"""How long a worker walks in a month to call where visits are due: an estimate that needs no plan of any day.

A month's plans cannot be made for every border somebody tries. What decides its walking can be had quickly: how far the
grid lies from where shifts begin, how far its entrances lie from one another on the streets people walk, how often one
must call at each. The estimate is that of iterated tour partitioning: one short walk through all entrances is cut into
the stretches of single shifts, and each shift adds the way out and back. For vehicles of one depot that is at most the
optimum plus a known share of it, and days planned over a whole week come near to such stretches.

* An entrance is called at as often as its most urgent household asks for, and again for each unanswered knock.
* A call costs its share of the short walk through all entrances (``domain.routes``), once for each entrance of it.
* A shift costs the mean way out and back over all calls. There are as many shifts as are filled by the minutes at the
  doors, the stairs, and the walking itself.

On the demo this gives, grid by grid, 0.79 to 1.10 of what plans of a whole week say for the same number of doors
(0.88 in the mean, correlation 0.99): a little less, because shifts are seldom filled to the last minute.

References
----------
Haimovich and Rinnooy Kan, "Bounds and heuristics for capacitated routing problems", Mathematics of Operations
Research 10 (1985).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridmap.domain.coverage import KNOCKS_PER_VISIT
from gridmap.domain.routes import order
from gridmap.domain.working import MINUTE_S, WorkSetting

Floats = npt.NDArray[np.float64]

SEED = 1  # of the search for a short walk: the same entrances give the same minutes
LEAST_SHARE = 0.25  # of a shift is left for doors, however far away the grid lies


@dataclass(frozen=True)
class Calls:
    """What n entrances ask for in a month.

    Attributes
    ----------
    visits : (n,) that fall due, all households together; often : (n,) of the household most often due
    climb_s : (n,) seconds up to its middle household and down again
    """

    visits: Floats
    often: Floats
    climb_s: Floats

    @property
    def calls(self) -> Floats:
        """Return how often somebody comes to each entrance, unanswered knocks included."""
        return (1 + KNOCKS_PER_VISIT) * np.minimum(self.often, self.visits)

    def only(self, those: npt.NDArray[np.bool_]) -> Calls:
        """Return some of the entrances."""
        return Calls(self.visits[those], self.often[those], self.climb_s[those])


def short_walk_s(out_s: Floats, back_s: Floats, between_s: Floats) -> float:
    """Return the seconds of a short walk through all entrances, without the ways from and to the start.

    Parameters
    ----------
    out_s, back_s : (n,) from the start to each entrance, and back
    between_s : (n, n) finite
    """
    n = len(out_s)
    if n < 2:
        return 0.0
    travel = np.zeros((n + 1, n + 1))
    travel[0, 1:], travel[1:, 0], travel[1:, 1:] = out_s, back_s, between_s
    found = order(np.rint(travel).astype(np.int64), 0, 0, effort=0, seed=SEED)
    first, last = found.order[1] - 1, found.order[-1] - 1
    return float(max(found.length_s - round(float(out_s[first])) - round(float(back_s[last])), 0))


def walking_min(calls: Calls, out_s: Floats, back_s: Floats, between_s: Floats, setting: WorkSetting) -> float:
    """Return the minutes on the streets in a month.

    Parameters
    ----------
    calls : n entrances; those that no street reaches (inf) are left out
    out_s, back_s, between_s : see ``short_walk_s``; inf where there is no way
    """
    there = np.isfinite(out_s) & np.isfinite(back_s)
    there &= np.isfinite(between_s[:, there]).all(axis=1)
    calls, out_s, back_s, between_s = calls.only(there), out_s[there], back_s[there], between_s[np.ix_(there, there)]
    many = calls.calls
    if not many.sum():
        return 0.0
    round_s = float((many * (out_s + back_s)).sum() / many.sum())
    inner_s = short_walk_s(out_s, back_s, between_s) * float(many.mean())
    at_doors_s = MINUTE_S * float(calls.visits.sum()) * _visit_min(setting) + float((many * calls.climb_s).sum())
    shift_s = MINUTE_S * (setting.shift_end_min - setting.shift_start_min)
    shifts = (at_doors_s + inner_s) / max(shift_s - round_s, LEAST_SHARE * shift_s, MINUTE_S)
    return (shifts * round_s + inner_s) / MINUTE_S


def _visit_min(setting: WorkSetting) -> float:
    """Return the minutes at doors for one completed visit."""
    return setting.service_min["routine"] + KNOCKS_PER_VISIT * setting.knock_min
