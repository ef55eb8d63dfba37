"""Turns what is due, who walks and how long the ways are into a route problem, and knows its places again.

Every door is a place of its own, so that each has its own worth, hours and counterfactual. What keeps a stairwell
together is the way between its doors: the stairs or the lift, while any other door is down, along the street and up
again. The ways are metric, so no shortest walk enters a stairwell twice.

*Worth.* weight x chance of the band in percent, so in hundredths. Where the chance differs by less than
``CHANCE_MATTERS`` points between the bands of the shifts, its mean over their time holds for all: the estimate is not
to be trusted to such a difference, and nobody should cross the street twice for it.

*Service.* The time a knock takes on average over the shifts: ``service_s`` as often as the door opens, ``knock_s``
else. A promise is kept with the full time.

*Windows.* A window that is open during all shifts and ``ROOM_S`` longer is no restriction and is left away: then the
order can be proven.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridmap.domain.answering import BANDS
from gridmap.domain.routes.problem import DAY_S, UNREACHABLE, Ints, Problem, Shift
from gridmap.domain.vertical import climb_s
from gridmap.domain.working import WorkSetting
from gridmap.domain.worklist import Errand, Task, Urgency

Floats = npt.NDArray[np.float64]
Span = tuple[int, int]

CHANCE_MATTERS = 10  # percentage points; see above
ROOM_S = 3 * 3600  # a counterfactual may lengthen a shift by so much without running into a window that was left away
ERRAND_WEIGHT = 600  # of an errand: as much as a household that is three of its periods late
GROUND = 1


@dataclass(frozen=True)
class Walk:
    """One worker's time on one day.

    Attributes
    ----------
    day : 0 for the first day of the problem
    start, end : rows of the matrix of spots; end -1: the walk ends at its last stop
    opens_s, closes_s : seconds of that local day
    """

    worker_id: int
    grid_ids: frozenset[int]
    day: int
    start: int
    end: int
    opens_s: int
    closes_s: int

    @property
    def span(self) -> Span:
        """Return the walk's hours in seconds since midnight of the first day."""
        return self.day * DAY_S + self.opens_s, self.day * DAY_S + self.closes_s


@dataclass(frozen=True)
class Candidate:
    """One place that may be visited: a door, or an errand.

    Attributes
    ----------
    spot : row of the matrix of spots; floor : 1 = ground; inside : a door of a building, reached by its stairs
    chance, weight : percent and worth by band of ``answering.BANDS``
    windows : since midnight of the first day; () = at no time, None = always
    days : on which days it may be visited; None = on all
    """

    household_id: int | None
    errand_id: int | None
    grid_id: int
    spot: int
    floor: int
    inside: bool
    has_lift: bool
    service_s: int
    chance: tuple[int, ...]
    weight: tuple[int, ...]
    windows: tuple[Span, ...] | None
    required: bool
    days: frozenset[int] | None = None


@dataclass(frozen=True)
class Composed:
    """A problem and what its places are: two for each walk (start and end), then the candidates."""

    problem: Problem
    walks: tuple[Walk, ...]
    candidates: tuple[Candidate, ...]
    spot: Ints
    up_s: Ints
    down_s: Ints

    @property
    def first(self) -> int:
        """Return the place of the first candidate."""
        return 2 * len(self.walks)

    def candidate(self, place: int) -> Candidate:
        """Return what a place is."""
        return self.candidates[place - self.first]

    def vertical_s(self, before: int, place: int) -> int:
        """Return how much of the way from one place to the next is stairs and lifts."""
        if before == place:
            return 0
        if self._one_stairwell(before, place):
            return int(self.problem.travel_s[before, place])
        return int(self.down_s[before] + self.up_s[place])

    def _one_stairwell(self, a: int, b: int) -> bool:
        if a < self.first or b < self.first or self.spot[a] != self.spot[b]:
            return False
        return self.candidate(a).inside and self.candidate(b).inside


def worth(weight: int, chance: Sequence[int], share: Floats) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return (chance, worth) by band; ``share`` tells how much of the walks lies in each."""
    found = np.asarray(chance, np.int64)
    used = found[share > 0]
    if int(used.max()) - int(used.min()) < CHANCE_MATTERS:
        found = np.full(len(found), round(float(found @ share)), np.int64)
    found = np.clip(found, 1, 100)
    return tuple(found.tolist()), tuple((found * weight).tolist())


def shares_of(walks: Sequence[Walk]) -> Floats:
    """Return how much of the walks' time lies in each band of the day, in all 1; all alike where there is no time."""
    until = np.asarray(BANDS, np.int64)
    since = np.concatenate([[0], until[:-1]])
    spent = sum(
        (np.clip(np.minimum(until, walk.closes_s) - np.maximum(since, walk.opens_s), 0, None) for walk in walks),
        np.zeros(len(until), np.int64),
    )
    if not spent.any():
        return np.full(len(until), 1 / len(until))
    found: Floats = spent / spent.sum()
    return found


def door(
    task: Task,
    walks: Sequence[Walk],
    *,
    spot: int,
    has_lift: bool,
    windows: tuple[Span, ...] | None = None,
    required: bool | None = None,
) -> Candidate:
    """Return a task as a candidate; ``windows`` and ``required`` take the place of the task's own."""
    share = shares_of(walks)
    chance, value = worth(task.weight, task.chance, share)
    if required is None:
        required = is_required(task)
    if task.pinned is not None or required:
        service_s = task.service_s
    else:
        usual = float(np.asarray(chance) @ share) / 100
        service_s = round(usual * task.service_s + (1 - usual) * task.knock_s)
    return Candidate(
        task.household_id,
        None,
        task.grid_id,
        spot,
        task.floor,
        inside=True,
        has_lift=has_lift,
        service_s=service_s,
        chance=chance,
        weight=value,
        windows=task.windows if windows is None else windows,
        required=required,
    )


def is_required(task: Task) -> bool:
    """Tell whether a door must be in the plan whenever a plan can hold it: a promise, or a recent event."""
    kept = task.pinned is not None or any(reason.code in {"event", "promise"} for reason in task.reasons)
    return kept and task.urgency is Urgency.MUST


def errand(asked: Errand, *, spot: int) -> Candidate:
    """Return an errand as a candidate; an agreed joint visit is kept like a promise."""
    value = (100 * ERRAND_WEIGHT,) * len(BANDS)
    windows = asked.windows or None
    required = asked.kind == "joint" and windows is not None
    return Candidate(
        asked.household_id,
        asked.errand_id,
        asked.grid_id,
        spot,
        GROUND,
        inside=False,
        has_lift=False,
        service_s=asked.service_s,
        chance=(100,) * len(BANDS),
        weight=value,
        windows=windows,
        required=required,
    )


def compose(
    candidates: Sequence[Candidate], walks: Sequence[Walk], level_s: Floats, *, setting: WorkSetting
) -> Composed:
    """Return the route problem of some walks.

    Parameters
    ----------
    level_s : (k, k) seconds on foot between spots, inf without a way
    """
    m, n = len(walks), 2 * len(walks) + len(candidates)
    ends = [walk.start if end == 0 else walk.end for walk in walks for end in (0, 1)]
    spot = np.array([*ends, *(c.spot for c in candidates)], np.int64)
    up, down = np.zeros(n), np.zeros(n)
    for i, c in enumerate(candidates, start=2 * m):
        up[i] = climb_s(GROUND, c.floor, has_lift=c.has_lift, setting=setting) if c.inside else 0
        down[i] = climb_s(c.floor, GROUND, has_lift=c.has_lift, setting=setting) if c.inside else 0
    travel_s = _travel(candidates, 2 * m, spot, level_s, np.rint(up), np.rint(down), setting)
    allowed = np.zeros((n, m), np.bool_)
    windows: list[tuple[Span, ...]] = [()] * (2 * m)
    for i, c in enumerate(candidates, start=2 * m):
        mine = [k for k, w in enumerate(walks) if c.grid_id in w.grid_ids and (c.days is None or w.day in c.days)]
        kept, open_in = _windows(c.windows, [walks[k].span for k in mine])
        allowed[i, [k for k, is_open in zip(mine, open_in, strict=True) if is_open]] = True
        windows.append(kept)
    problem = Problem(
        travel_s=travel_s,
        service_s=np.array([0] * (2 * m) + [c.service_s for c in candidates], np.int64),
        weight=np.array([[0] * len(BANDS)] * (2 * m) + [list(c.weight) for c in candidates], np.int64).reshape(
            n, len(BANDS)
        ),
        band_until_s=np.asarray(BANDS, np.int64),
        windows_at=np.cumsum([0, *(len(w) for w in windows)]),
        windows_s=np.array([span for kept in windows for span in kept], np.int64).reshape(-1, 2),
        required=np.array([False] * (2 * m) + [c.required for c in candidates], np.bool_),
        allowed=allowed,
        shifts=tuple(Shift(2 * i, 2 * i + 1 if w.end >= 0 else -1, *w.span) for i, w in enumerate(walks)),
    )
    whole = (np.rint(side).astype(np.int64) for side in (up, down))
    return Composed(problem, tuple(walks), tuple(candidates), spot, *whole)


def _windows(windows: tuple[Span, ...] | None, spans: Sequence[Span]) -> tuple[tuple[Span, ...], list[bool]]:
    """Return the windows that restrict, and in which walks there is any of them."""
    if windows is None:
        return (), [True] * len(spans)
    merged = _merged(windows)
    open_in = [any(a <= closes and opens <= b for a, b in merged) for opens, closes in spans]
    if all(any(a <= opens and b >= closes + ROOM_S for a, b in merged) for opens, closes in spans):
        return (), open_in
    return merged, open_in


def _merged(windows: tuple[Span, ...]) -> tuple[Span, ...]:
    """Return windows in their order, with those that touch made one."""
    found: list[Span] = []
    for begin, end in sorted(w for w in windows if w[0] <= w[1]):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return tuple(found)


def _travel(
    candidates: Sequence[Candidate],
    first: int,
    spot: Ints,
    level_s: Floats,
    up: Floats,
    down: Floats,
    setting: WorkSetting,
) -> Ints:
    """Return the seconds between places: down, along the streets, and up; or up and down one stairwell."""
    at = np.maximum(spot, 0)
    level = np.rint(level_s)[np.ix_(at, at)]
    seconds = level + down[:, None] + up[None, :]
    doors = np.array([first + i for i, c in enumerate(candidates) if c.inside], np.int64)
    floor = np.array([c.floor for c in candidates if c.inside], np.int64)
    lift = np.array([c.has_lift for c in candidates if c.inside], np.bool_)
    for here in np.unique(spot[doors]):
        mine = np.flatnonzero(spot[doors] == here)
        floors, of = np.unique(floor[mine], return_inverse=True)
        between = np.array(
            [[climb_s(int(a), int(b), has_lift=bool(lift[mine[0]]), setting=setting) for b in floors] for a in floors]
        )
        seconds[np.ix_(doors[mine], doors[mine])] = np.rint(between)[np.ix_(of, of)]
    np.fill_diagonal(seconds, 0)
    return np.where(np.isfinite(seconds), np.minimum(seconds, UNREACHABLE), UNREACHABLE).astype(np.int64)


def cut_off(composed: Composed) -> list[int]:
    """Return candidates (their positions) that cannot be reached from the start of any walk that may serve them."""
    problem, first = composed.problem, composed.first
    found = []
    for i in range(len(composed.candidates)):
        starts = [s.start for s, may in zip(problem.shifts, problem.allowed[first + i], strict=True) if may]
        if starts and all(problem.travel_s[start, first + i] >= UNREACHABLE for start in starts):
            found.append(i)
    return found
