"""A made-up quarter with a hidden truth of when doors open, walked for weeks by workers who see only their knocks.

The set-up, in plain words. Some grids of about ``DOORS`` doors, one worker each, three hours of work a day, seven days
a week, from and to the office. Whether a door opens depends on the kind of its building, the kind of day and the hour
(drawn at random around ``answering.COLD``, hidden from everybody), on its building and on the household. An answered
door takes as long as the worklist says, one in vain the time of a knock. The list of each morning is the product's own
(``worklist.tasks``); nobody knocks again within ``REST_DAYS`` at a door that stayed shut; an answered door counts once,
because it leaves the list. At the beginning so much is overdue that no list runs dry. What a door would do in an hour
of a day is drawn beforehand, so all ways of working meet the same luck.

Hours. ``given``: everybody walks the two walks of ``WALKS`` every day. ``offered``: everybody walks three hours a day.
``learned`` is told to begin at ``USUAL`` and takes whatever other hours ``domain.hours`` offers him that morning, as a
worker may on his phone; all others walk the three spans of ``TURNS`` in turn, or, where their name says so, the usual
span (``…_usual``) or always the last (``…_evening``).

Ways of working: ``nearest`` takes the most overdue doors, as many as a walk holds, and goes to the nearest each time;
``close`` asks not how overdue a door is, only how near: of all that are due the nearest, each time; ``even`` plans with
the solver, but takes every door to open equally; ``learned`` plans with what was learned from the knocks of all workers
up to the evening before, from nothing known at the beginning; ``knowing`` plans with the hidden truth itself: nobody
can, it shows how much there is to learn. Problems are composed, solved and offered by the product's own functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from gridmap.domain import answering, composing
from gridmap.domain import hours as thinking
from gridmap.domain.answering import BANDS, COLD, Rates, Sums
from gridmap.domain.composing import Composed, Walk
from gridmap.domain.coverage import State
from gridmap.domain.rules import NEVER_YET, Rule, day_number
from gridmap.domain.working import WorkSetting
from gridmap.domain.worklist import Doors, Occasions, Task, When, tasks

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

KINDS = ("tower", "walkup", "lane", "shop")
FLOORS = {"tower": 12, "walkup": 7, "lane": 2, "shop": 2}
DOORS_ON_FLOOR = {"tower": 4, "walkup": 4, "lane": 2, "shop": 3}
DOORS = 1000
CANDIDATES = 150  # doors a plan chooses from: those worth most
SPACING_M, DETOUR, WALK_M_S = 60.0, 1.3, 1.2
STAIR_S, LIFT_S, LIFT_WAIT_S, DOOR_S = 14, 3, 25, 8
Span = tuple[int, int]
Bins = tuple[tuple[float, float, int], ...]
TURNS: tuple[Span, ...] = ((34_200, 45_000), (50_400, 61_200), (63_000, 73_800))  # 9:30, 14:00, 17:30; three hours
USUAL: Span = (32_400, 43_200)  # as a community that set nothing has them
TYPICAL = 15  # doors of a walk
SHORTEST_S = 600
WALKS: tuple[Span, ...] = ((34_200, 39_600), (64_800, 70_200))  # 9:30 and 18:00; one and a half hours
REST_DAYS = 3
# How the truth scatters, in logits: by kind of building, day and band; by building; by household.
SCATTER = (0.9, 0.4, 0.6)
PERIODS, SHARES = (90, 30, 7), (0.88, 0.10, 0.02)
SOON = {90: 14, 30: 7, 7: 2}
BACKLOG = 2.5  # at the beginning the last visit lies up to so many periods back
FIRST_DAY = date(2026, 3, 2)
ZONE = ZoneInfo("Asia/Shanghai")
ITERATIONS = 400
WAYS = ("nearest", "even", "learned")
KNOWS = {"learned", "knowing"}
SETTING = WorkSetting()


def logit(p: Floats) -> Floats:
    """Return log odds."""
    found: Floats = np.log(p / (1 - p))
    return found


def chance_of(logits: Floats) -> Floats:
    """Return the share that belongs to log odds."""
    found: Floats = 1 / (1 + np.exp(-logits))
    return found


@dataclass(frozen=True)
class Quarter:
    """One grid: its buildings, its doors and, hidden from all but the doors, the truth."""

    kind: tuple[str, ...]  # of each building
    xy: Floats  # of each building, metres; the office is at the origin
    building: Ints  # of each door
    floor: Ints
    period: Ints
    last_met: Ints  # day numbers at the beginning
    truth: Floats  # (doors, kinds of day, bands)


def draw_truth(rng: np.random.Generator) -> dict[str, Floats]:
    """Return the hidden share of doors that open, by building kind: (kinds of day, bands)."""
    cold = logit(np.array(COLD) / 100)
    return {kind: cold + rng.normal(0, SCATTER[0], cold.shape) for kind in KINDS}


def draw_quarter(rng: np.random.Generator, hidden: dict[str, Floats]) -> Quarter:
    """Return one grid of about ``DOORS`` doors."""
    kind: list[str] = []
    size: list[int] = []
    while sum(size) < DOORS:
        kind.append(str(rng.choice(KINDS, p=[0.2, 0.45, 0.25, 0.1])))
        size.append(FLOORS[kind[-1]] * DOORS_ON_FLOOR[kind[-1]])
    side = int(np.ceil(np.sqrt(len(kind))))
    spots = rng.permutation(side * side)[: len(kind)]
    xy = SPACING_M * (np.column_stack([spots % side, spots // side]) + rng.uniform(-0.3, 0.3, (len(kind), 2)))
    building = np.repeat(np.arange(len(kind)), size)
    nth = np.arange(len(building)) - np.repeat(np.cumsum(size) - size, size)
    floor = nth // np.array([DOORS_ON_FLOOR[k] for k in kind])[building] + 1
    n = len(building)
    period = rng.choice(PERIODS, n, p=SHARES)
    last = day_number(FIRST_DAY) - 1 - (rng.uniform(0, BACKLOG, n) * period).astype(np.int64)
    noise = rng.normal(0, SCATTER[1], len(kind))[building] + rng.normal(0, SCATTER[2], n)
    truth = chance_of(np.stack([hidden[kind[b]] for b in building]) + noise[:, None, None])
    return Quarter(tuple(kind), xy, building, floor, period, last, truth)


@dataclass
class Ledger:
    """What one way of working led to, and what its workers know.

    Attributes
    ----------
    counts : (buildings of all grids, weekday, band, knocks and answers)
    foretold : (day, chance foretold, answered, true chance) of each knock
    """

    counts: Ints
    seconds: int = 0
    answered: int = 0
    worth: int = 0
    knocks: int = 0
    foretold: list[tuple[int, float, bool, float]] = field(default_factory=list)
    by_week: list[tuple[int, int]] = field(default_factory=list)


def sums_of(counts: Ints, kind: tuple[str, ...]) -> list[Sums]:
    """Return the sums the store makes in SQL, from counts (buildings, weekday, band, 2)."""
    made = []
    halves = [counts[:, : answering.SATURDAY].sum(axis=1), counts[:, answering.SATURDAY :].sum(axis=1)]
    for name in sorted(set(kind)):
        mine = np.array([k == name for k in kind])
        for weekend, half in enumerate(halves):
            for band in range(len(BANDS)):
                knocks, opened = half[mine, band, 0].astype(float), half[mine, band, 1].astype(float)
                seen = knocks > 0
                if seen.any():
                    squared, share = float((knocks**2).sum()), float((opened[seen] ** 2 / knocks[seen]).sum())
                    total = (int(seen.sum()), int(knocks.sum()), int(opened.sum()))
                    made.append(Sums(name, bool(weekend), band, *total, squared, share))
    return made


def climb_s(floors: Ints, lift: npt.NDArray[np.bool_]) -> Ints:
    """Return seconds for so many floors, by stairs or by lift where that is quicker."""
    stairs = STAIR_S * floors
    found: Ints = np.where(lift & (floors > 0), np.minimum(stairs, LIFT_WAIT_S + LIFT_S * floors), stairs)
    return found


@dataclass(frozen=True)
class Places:
    """Where some doors are; building -1: the office."""

    building: Ints
    floor: Ints
    xy: Floats
    lift: npt.NDArray[np.bool_]


class Walker:
    """One worker in one grid who works in one of the ``WAYS``."""

    def __init__(self, quarter: Quarter, way: str, first_building: int, choice: str) -> None:
        self.q, self.way, self.first, self.choice = quarter, way, first_building, choice
        self.plans = way in {*KNOWS, "even"}
        self.days = self.moved = 0
        self.last_met, self.last_try = quarter.last_met.copy(), np.full(len(quarter.building), NEVER_YET)
        self.tries = np.zeros(len(quarter.building), np.int64)
        self.rules = tuple(Rule("general" if p == 90 else f"g{p}", p, SOON[p], ("door",)) for p in PERIODS)

    def ways(self, doors: list[int], to: list[int] | None = None) -> Ints:
        """Return seconds from doors to doors (to each other when there is no ``to``); -1 is the office."""
        here, there = self._places(doors), self._places(doors if to is None else to)
        level = DETOUR * np.hypot(*(here.xy[:, None] - there.xy[None, :]).transpose(2, 0, 1)) / WALK_M_S
        found = np.rint(level) + climb_s(here.floor - 1, here.lift)[:, None] + climb_s(there.floor - 1, there.lift)
        within = DOOR_S + climb_s(np.abs(here.floor[:, None] - there.floor[None, :]), here.lift[:, None])
        same = (here.building[:, None] == there.building[None, :]) & (here.building >= 0)[:, None]
        found = np.where(same, within, found).astype(np.int64)
        return np.where(np.array(doors)[:, None] == np.array(doors if to is None else to)[None, :], 0, found)

    def _places(self, doors: list[int]) -> Places:
        q, ids = self.q, np.array(doors)
        building = np.where(ids < 0, -1, q.building[ids])
        xy = np.where((ids < 0)[:, None], 0.0, q.xy[building])
        lift = np.array([b >= 0 and q.kind[b] == "tower" for b in building.tolist()])
        return Places(building, np.where(ids < 0, 1, q.floor[ids]), xy, lift)

    def seconds(self, a: int, b: int) -> int:
        """Return the seconds from door to door."""
        return int(self.ways([a], [b])[0, 0])

    def list_of(self, on: date, rates: Rates | None, counts: Ints) -> tuple[Task, ...]:
        """Return the morning's list, without doors that rest."""
        q, day = self.q, day_number(on)
        due, over = self.last_met + q.period - [SOON[p] for p in q.period.tolist()], self.last_met + q.period + 1
        open_now = day - self.last_try > REST_DAYS
        state = np.where(day >= over, State.OVERDUE, np.where(day >= due, State.DUE_SOON, State.COVERED))
        state = np.where((self.tries > 0) & (day >= over), State.NO_ANSWER, state)
        asked = open_now & (state != State.COVERED)
        chance = self.chances(on, rates, counts)[asked]
        ids, n = np.flatnonzero(asked), int(asked.sum())
        doors = Doors(
            ids, np.zeros(n, np.int64), q.building[asked], q.building[asked], q.floor[asked], ("",) * n, state[asked],
            np.zeros(n, np.int64), q.period[asked], np.ones(n, np.int64), over[asked], self.last_met[asked],
            self.last_try[asked], self.tries[asked], chance,
        )  # fmt: skip
        at = datetime(on.year, on.month, on.day, 9, tzinfo=ZONE)
        return tasks(doors, Occasions(), When(on, at, ZONE, WorkSetting(), self.rules))

    def chances(self, on: date, rates: Rates | None, counts: Ints) -> Floats:
        """Return the chance by band of each door as this worker takes it to be, his tries not yet counted."""
        n = len(self.q.building)
        if self.way == "knowing":
            return self.q.truth[:, int(answering.is_weekend(on.weekday()))]
        if rates is None:
            return np.full((n, len(BANDS)), 0.5)
        weekend = answering.is_weekend(on.weekday())
        days = slice(answering.SATURDAY, None) if weekend else slice(0, answering.SATURDAY)
        mine = counts[self.first : self.first + len(self.q.kind), days].sum(axis=1)
        each = [
            answering.chances(rates, kind, weekend=weekend, knocks=mine[b, :, 0], answers=mine[b, :, 1])
            for b, kind in enumerate(self.q.kind)
        ]
        return np.stack(each)[self.q.building]

    def composed(self, todo: dict[int, Task], walks: tuple[Span, ...], here: int) -> tuple[Composed, list[Task]]:
        """Return the problem of some walks, as the product composes it, and its doors in their order."""
        chosen = sorted(todo, key=lambda d: (-todo[d].weight * self.best(todo[d]), d))[:CANDIDATES]
        doors = [self.seen(todo[d]) for d in chosen]
        buildings = sorted(
            {int(self.q.building[d]) for d in chosen} | ({int(self.q.building[here])} if here >= 0 else set())
        )
        spot = {-1: 0} | {b: i for i, b in enumerate(buildings, start=1)}
        begin = spot[int(self.q.building[here])] if here >= 0 else 0
        grid = frozenset({0})
        made = [Walk(1, grid, 0, begin if k == 0 else 0, 0, *span) for k, span in enumerate(walks)]
        candidates = [
            composing.door(
                t, made, spot=spot[t.building_id], has_lift=self.q.kind[t.building_id] == "tower", windows=t.windows
            )
            for t in doors
        ]
        xy = np.vstack([np.zeros((1, 2)), self.q.xy[buildings].reshape(-1, 2)])
        self.level = DETOUR * np.hypot(*(xy[:, None] - xy[None, :]).transpose(2, 0, 1)) / WALK_M_S
        return composing.compose(candidates, made, self.level, setting=SETTING), doors

    def seen(self, task: Task) -> Task:
        """Return a task as this way of working sees it: who learns nothing takes every door to open equally."""
        return task if self.way in KNOWS else replace(task, chance=(50,) * len(BANDS))

    def planned(self, todo: dict[int, Task], walks: tuple[Span, ...], here: int) -> list[list[int]]:
        """Return the doors of each walk in order, as the solver plans them; ``here``: where the first one begins."""
        from gridmap.domain.routes import solve

        made, doors = self.composed(todo, walks, here)
        found = solve(made.problem, seed=1, iterations=ITERATIONS, prove=False)
        return [[doors[i - made.first].household_id for i in route] for route in found.routes]

    def best(self, task: Task) -> int:
        """Return the best chance of a door on the day's walks, percent; the same for all where nothing is learned."""
        spans = WALKS if self.choice == "given" else TURNS
        return max(task.chance[answering.band_of(opens)] for opens, _ in spans) if self.way in KNOWS else 50

    def nearest(self, todo: dict[int, Task], here: int) -> list[int]:
        """Return the most overdue doors, as many as a walk holds, each time the nearest."""
        if self.way.startswith("close"):
            far = self.ways([here], [*todo])[0].tolist()
            return [min(zip(far, todo, strict=True))[1]]
        chosen = sorted(todo, key=lambda d: (-todo[d].weight, d))[:TYPICAL]
        far = self.ways([here, *chosen])
        route, at, left = [], 0, set(range(1, len(chosen) + 1))
        while left:
            at = min(left, key=lambda k: (far[at, k], chosen[k - 1]))
            route.append(chosen[at - 1])
            left.remove(at)
        return route

    def hours(self, on: date, todo: dict[int, Task]) -> tuple[Span, ...]:
        """Return the walks of a day."""
        if self.choice == "given":
            return WALKS
        if self.way.endswith("_usual"):
            return (USUAL,)
        if self.way.endswith("_evening"):
            return TURNS[-1:]
        return (self.offered(todo),) if self.way in KNOWS else (TURNS[on.toordinal() % len(TURNS)],)

    def offered(self, todo: dict[int, Task]) -> Span:
        """Return the hours the product offers in place of the usual ones, or these."""
        if not todo:
            return USUAL
        made, doors = self.composed(todo, (USUAL,), -1)
        by_id = {t.household_id: t for t in doors}
        found = thinking.choose(made, by_id, lambda _: self.level, setting=SETTING, known_s=USUAL[0])
        self.days += 1
        self.moved += found.best is not None
        return (found.best.opens_s, found.best.closes_s) if found.best else USUAL

    def work(self, on: date, luck: Floats, ledger: Ledger, rates: Rates | None) -> None:
        """Walk the walks of one day."""
        todo = {t.household_id: t for t in self.list_of(on, rates, ledger.counts)}
        walks = self.hours(on, todo)
        plans: list[list[int]] = [[] for _ in walks]
        if self.plans and todo:
            plans = self.planned(todo, walks, -1)
        for walk, (opens, closes) in enumerate(walks):
            ledger.seconds += closes - opens
            later = {d for plan in plans[walk + 1 :] for d in plan}
            self.walk(on, (opens, closes), plans[walk], (todo, later), luck, ledger)

    def walk(
        self,
        on: date,
        span: Span,
        route: list[int],
        doors: tuple[dict[int, Task], set[int]],
        luck: Floats,
        ledger: Ledger,
    ) -> None:
        """Walk one walk; what the plan did not foresee is planned anew, the doors of later walks left alone."""
        (now, closes), here, (todo, later) = span, -1, doors
        while closes - now >= SHORTEST_S:
            if not route:
                free = {d: t for d, t in todo.items() if d not in later}
                if not free:
                    return
                route = self.planned(free, ((now, closes),), here)[0] if self.plans else self.nearest(free, here)
            if not route:
                return
            door = route.pop(0)
            if now + self.seconds(here, door) + todo[door].knock_s + self.seconds(door, -1) > closes:
                return
            now += self.seconds(here, door)
            now += self.knock(todo.pop(door), now, on, luck[answering.band_of(now)], ledger)
            here = door

    def knock(self, task: Task, now: int, on: date, luck: Floats, ledger: Ledger) -> int:
        """Knock at a door; return the seconds it takes."""
        door, band, weekday = task.household_id, answering.band_of(now), on.weekday()
        truth = float(self.q.truth[door, int(answering.is_weekend(weekday)), band])
        opened = bool(luck[door] < truth)
        ledger.counts[self.first + self.q.building[door], weekday, band] += (1, opened)
        ledger.knocks += 1
        ledger.answered += opened
        ledger.worth += task.weight * opened
        ledger.foretold.append((day_number(on), task.chance[band] / 100, opened, truth))
        self.last_try[door] = day_number(on)
        self.tries[door] = 0 if opened else self.tries[door] + 1
        if opened:
            self.last_met[door] = day_number(on)
        return task.service_s if opened else task.knock_s


@dataclass(frozen=True)
class Outcome:
    """What one way of working led to in all.

    Attributes
    ----------
    per_hour : answered doors for each hour of work; per_hour_late : in the second half of the weeks
    worth_per_hour : the weights those doors had on the list
    opened : share of knocks that were answered
    overdue_share : of all doors at the end; calibration : (foretold, observed, knocks) in ten bins
    error_points : mean distance of foretold and observed over the knocks, in percent
    true_bins, error_true : the same of foretold and the hidden truth of those knocks: what is left without luck
    moved : share of the days on which other hours were offered
    """

    way: str
    per_hour: float
    worth_per_hour: float
    per_hour_late: float
    opened: float
    knocks: int
    overdue_share: float
    calibration: Bins
    error_points: float
    true_bins: Bins
    error_true: float
    moved: float


def calibrated(foretold: Sequence[tuple[int, float, float]], bins: int = 10) -> Bins:
    """Return (mean chance, share that opened, knocks) in bins of equal width."""
    chance = np.array([f[1] for f in foretold])
    opened = np.array([f[2] for f in foretold])
    which = np.minimum((chance * bins).astype(int), bins - 1)
    return tuple(
        (float(chance[which == b].mean()), float(opened[which == b].mean()), int((which == b).sum()))
        for b in range(bins)
        if (which == b).any()
    )


def error_points(bins: Bins) -> float:
    """Return the mean distance of foretold and observed over the knocks, in percentage points."""
    return 100 * sum(abs(told - seen) * n for told, seen, n in bins) / max(sum(n for *_, n in bins), 1)


def outcome(walkers: list[Walker], ledger: Ledger, way: str, last: date, warm_days: int) -> Outcome:
    """Sum up; calibration leaves the first ``warm_days`` out."""
    begin = day_number(FIRST_DAY) + warm_days
    late_knocks = [f for f in ledger.foretold if f[0] >= begin]
    bins = calibrated([(day, told, opened) for day, told, opened, _ in late_knocks])
    true = calibrated([(day, told, truth) for day, told, _, truth in late_knocks])
    half = len(ledger.by_week) // 2
    late = ledger.by_week[half:]
    over = [float((w.last_met + w.q.period + 1 <= day_number(last)).mean()) for w in walkers]
    return Outcome(
        way,
        ledger.answered / (ledger.seconds / 3600),
        ledger.worth / (ledger.seconds / 3600),
        sum(a for a, _ in late) / max(sum(s for _, s in late) / 3600, 1e-9),
        ledger.answered / max(ledger.knocks, 1),
        ledger.knocks,
        float(np.mean(over)),
        bins,
        error_points(bins),
        true,
        error_points(true),
        sum(w.moved for w in walkers) / max(sum(w.days for w in walkers), 1),
    )


def simulate(
    *, grids: int, days: int, seed: int, choice: str = "given", ways: tuple[str, ...] = WAYS, warm_days: int = 14
) -> list[Outcome]:
    """Walk the same quarters in several ways for some days; return what each led to."""
    rng = np.random.default_rng(seed)
    hidden = draw_truth(rng)
    quarters = [draw_quarter(rng, hidden) for _ in range(grids)]
    luck = [[rng.random((len(BANDS), len(q.building))) for q in quarters] for _ in range(days)]
    first = np.cumsum([0, *(len(q.kind) for q in quarters)]).tolist()
    kind = tuple(k for q in quarters for k in q.kind)
    found = []
    for way in ways:
        walkers = [Walker(q, way, start, choice) for q, start in zip(quarters, first[:-1], strict=True)]
        ledger = Ledger(np.zeros((first[-1], 7, len(BANDS), 2), np.int64))
        for day in range(days):
            on = FIRST_DAY + timedelta(days=day)
            rates = answering.learn(sums_of(ledger.counts, kind)) if way == "learned" else None
            before = (ledger.answered, ledger.seconds)
            for walker, lots in zip(walkers, luck[day], strict=True):
                walker.work(on, lots, ledger, rates)
            ledger.by_week.append((ledger.answered - before[0], ledger.seconds - before[1]))
        found.append(outcome(walkers, ledger, way, on, warm_days))
    return found
