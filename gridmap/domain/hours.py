"""Which hours of a day a walk had best take: the same walk tried at other starts, and the one that is offered.

The rule, in words
------------------
*Tried.* The walk keeps its length, its first and its last place. Tried are the starts at every second ``STEP_S`` of the
day from which the whole walk lies outside the quiet hours, none before now, and then those beside the best. Each is
planned as any walk is, by the same search with few turns: on the demo's days 100 turns come within 1 % of 8,000.

*Nothing owed is lost.* What a plan must hold (promises, events, joint visits), whoever must be visited, and every
errand stand in the walk at other hours when they stand in the walk as it is. An event is not put off beyond the hours
it has left, a promise keeps its own time, and what the doors of a walk are worth together is not less than before.

*Offered* is the walk at which the most doors are expected to open, the earliest of several, when it is at least
``LEAST_MORE`` hundredths of a door and ``LEAST_SHARE`` more than now: nobody changes his day for less. Expected is the
sum of the chances of its doors; the present hours are counted the same way, from the plan there is and what is known
now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gridmap.domain.answering import HOUR_S, band_of
from gridmap.domain.composing import Candidate, Composed, Span, Walk, compose, door
from gridmap.domain.walking import Floats
from gridmap.domain.working import MINUTE_S, WorkSetting
from gridmap.domain.worklist import Task, Urgency

STEP_S = 30 * MINUTE_S
TURNS = 100  # of the search for each start
LEAST_MORE = 150  # hundredths of a door: two, rounded
LEAST_SHARE = 0.1  # of the doors expected now

Ways = Callable[[Span], Floats]


@dataclass(frozen=True)
class Walked:
    """What a walk at some hours comes to.

    Attributes
    ----------
    opens_s, closes_s : seconds of the local day
    met : doors expected to open, in hundredths of a door
    worth : of all its stops, as ``composing`` counts it
    owed : candidates (their positions) that must not be lost and stand in it
    """

    opens_s: int
    closes_s: int
    met: int
    worth: int
    owed: frozenset[int]


@dataclass(frozen=True)
class Found:
    """The walk at its present hours, what was tried beside it, and what is offered; None: it had best stay."""

    now: Walked
    tried: tuple[Walked, ...]
    best: Walked | None

    @property
    def more(self) -> int:
        """Return how many more doors are expected to open, rounded to whole ones."""
        return (self.best.met - self.now.met + 50) // 100 if self.best else 0


def starts(length_s: int, *, setting: WorkSetting, since_s: int = 0) -> tuple[int, ...]:
    """Return the starts that may be tried, seconds of the local day; ``since_s``: none before."""
    first = max(MINUTE_S * setting.quiet_until_min, since_s)
    last = MINUTE_S * setting.quiet_from_min - length_s
    return tuple(range(-(-first // STEP_S) * STEP_S, last + 1, STEP_S))


def choose(
    composed: Composed,
    tasks: Mapping[int, Task],
    ways: Ways,
    *,
    setting: WorkSetting,
    known_s: int,
    since_s: int = 0,
    start: Sequence[int] = (),
    seed: int = 1,
    turns: int = TURNS,
) -> Found:
    """Try other hours for a walk and say which to offer.

    Parameters
    ----------
    composed : of one walk on one day, at its present hours
    tasks : by household, as the worklist told them at ``known_s``
    ways : (k, k) seconds on foot between the spots while a walk at these hours lasts, inf without a way
    known_s, since_s : when the hours an event has left were counted; the earliest start; seconds of the local day
    start : places of the plan there is, for the present hours to be counted no worse than they are
    """
    (walk,) = composed.walks
    until = deadlines(composed.candidates, tasks, known_s)

    def tried(begin: int) -> Walked:
        span = (begin, begin + walk.closes_s - walk.opens_s)
        return _walked(moved(composed, tasks, span, ways, setting=setting), tasks, until, seed, turns)

    now = _walked(composed, tasks, until, seed, turns, [list(start)] if start else None)
    may = [
        begin
        for begin in starts(walk.closes_s - walk.opens_s, setting=setting, since_s=since_s)
        if begin != walk.opens_s
    ]
    found = {begin: tried(begin) for begin in may[::2]}
    best = better(now, found.values())
    if best is not None:
        found |= {begin: tried(begin) for begin in may[1::2] if abs(begin - best.opens_s) == STEP_S}
    return Found(now, tuple(found[begin] for begin in sorted(found)), better(now, found.values()))


def better(now: Walked, tried: Iterable[Walked]) -> Walked | None:
    """Return the hours to offer instead of the present ones; None: there are none worth it."""
    least = now.met + max(LEAST_MORE, LEAST_SHARE * now.met)
    fit = [one for one in tried if one.owed >= now.owed and one.worth >= now.worth and one.met >= least]
    return max(fit, key=lambda one: (one.met, one.worth, -one.opens_s), default=None)


def moved(composed: Composed, tasks: Mapping[int, Task], span: Span, ways: Ways, *, setting: WorkSetting) -> Composed:
    """Return the problem of the same walk at other hours."""
    walks = [replace(walk, opens_s=span[0], closes_s=span[1]) for walk in composed.walks]
    candidates = [_at_hours(c, tasks, walks) for c in composed.candidates]
    return compose(candidates, walks, ways(span), setting=setting)


def _at_hours(candidate: Candidate, tasks: Mapping[int, Task], walks: Sequence[Walk]) -> Candidate:
    """Return a door with its chances over other hours; an errand is the same at any."""
    task = tasks.get(candidate.household_id or 0)
    if task is None or not candidate.inside:
        return candidate
    made = door(
        task,
        walks,
        spot=candidate.spot,
        has_lift=candidate.has_lift,
        windows=candidate.windows,
        required=candidate.required,
    )
    return replace(made, errand_id=candidate.errand_id, days=candidate.days)


def deadlines(candidates: Sequence[Candidate], tasks: Mapping[int, Task], known_s: int) -> dict[int, int]:
    """Return until when at the latest candidates with an event are rung at; hours left are told rounded up."""
    found = {}
    for i, candidate in enumerate(candidates):
        task = tasks.get(candidate.household_id or 0)
        left = [int(r.values["hours_left"]) for r in task.reasons if r.code == "event"] if task else []
        if left:
            found[i] = known_s + HOUR_S * (min(left) - 1)
    return found


def _walked(
    composed: Composed,
    tasks: Mapping[int, Task],
    until: Mapping[int, int],
    seed: int,
    turns: int,
    start: Sequence[Sequence[int]] | None = None,
) -> Walked:
    """Plan one walk and count what it comes to."""
    from gridmap.domain.routes import check, solve

    solved = solve(composed.problem, seed=seed, iterations=turns, start=start, prove=False)
    timetable = check(composed.problem, solved.routes)
    met, owed = 0, set()
    for place, start_s in zip(timetable.stops[0].tolist(), timetable.start_s[0].tolist(), strict=True):
        if place < composed.first:
            continue
        i, candidate = place - composed.first, composed.candidate(place)
        if candidate.inside:
            met += candidate.chance[band_of(start_s)]
        if is_owed(candidate, tasks) and start_s <= until.get(i, start_s):
            owed.add(i)
    return Walked(composed.walks[0].opens_s, composed.walks[0].closes_s, met, solved.objective, frozenset(owed))


def is_owed(candidate: Candidate, tasks: Mapping[int, Task]) -> bool:
    """Tell whether other hours may not lose a stop that stands in the walk at its present ones."""
    task = tasks.get(candidate.household_id or 0)
    must = task is not None and task.urgency is Urgency.MUST
    return candidate.required or candidate.errand_id is not None or must
