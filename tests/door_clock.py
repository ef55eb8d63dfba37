"""A made-up quarter with a hidden truth of when doors open, walked for weeks by workers who see only their knocks.

The set-up, in plain words. Some grids of about ``DOORS`` doors, one worker each, three hours of work a day, seven days
a week, from and to the office. Whether a door opens depends on the kind of its building, the kind of day and the hour
(drawn at random around ``answering.COLD``, hidden from everybody), on its building and on the household. An answered
door takes as long as the worklist says, one in vain the time of a knock. The list of each morning is the product's own
(``worklist.tasks``); nobody knocks again within ``REST_DAYS`` at a door that stayed shut; an answered door counts once,
because it leaves the list. At the beginning so much is overdue that no list runs dry. What a door would do in an hour
of a day is drawn beforehand, so all ways of working meet the same luck.

Hours. ``given``: everybody walks the two walks of ``WALKS`` every day. ``chosen``: a worker walks one of the three
spans of ``CHOICES`` a day; who has learned nothing takes them in turn, who has takes the one in which the doors on his
list open best.

Ways of working: ``nearest`` takes the most overdue doors, as many as a walk holds, and goes to the nearest each time;
``even`` plans with the solver, but takes every door to open equally; ``learned`` plans with what was learned from the
knocks of all workers up to the evening before, from nothing known at the beginning.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from gridmap.domain import answering
from gridmap.domain.answering import BANDS, COLD, Rates, Sums
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
CHOICES: tuple[Span, ...] = ((34_200, 45_000), (50_400, 61_200), (63_000, 73_800))  # 9:30, 14:00, 17:30; three hours
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
    foretold : (chance, answered) of each knock, with the day
    """

    counts: Ints
    seconds: int = 0
    answered: int = 0
    knocks: int = 0
    foretold: list[tuple[int, float, bool]] = field(default_factory=list)
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


class Walker:
    """One worker in one grid who works in one of the ``WAYS``."""

    def __init__(self, quarter: Quarter, way: str, first_building: int, choice: str) -> None:
        self.q, self.way, self.first, self.choice = quarter, way, first_building, choice
        self.last_met, self.last_try = quarter.last_met.copy(), np.full(len(quarter.building), NEVER_YET)
        self.tries = np.zeros(len(quarter.building), np.int64)
        self.rules = tuple(Rule("general" if p == 90 else f"g{p}", p, SOON[p], ("door",)) for p in PERIODS)

    def ways(self, doors: list[int]) -> Ints:
        """Return seconds from door to door, all to all; -1 is the office."""
        q, ids = self.q, np.array(doors)
        at_office = ids < 0
        building = np.where(at_office, -1, q.building[ids])
        floor = np.where(at_office, 1, q.floor[ids])
        xy = np.where(at_office[:, None], 0.0, q.xy[building])
        lift = np.array([b >= 0 and q.kind[b] == "tower" for b in building.tolist()])
        same = (building[:, None] == building[None, :]) & ~at_office[:, None]
        level = DETOUR * np.hypot(*(xy[:, None] - xy[None, :]).transpose(2, 0, 1)) / WALK_M_S
        ends = climb_s(floor - 1, lift)
        found = np.rint(level) + ends[:, None] + ends[None, :]
        within = DOOR_S + climb_s(np.abs(floor[:, None] - floor[None, :]), lift[:, None])
        found = np.where(same, within, found).astype(np.int64)
        np.fill_diagonal(found, 0)
        return found

    def seconds(self, a: int, b: int) -> int:
        """Return the seconds from door to door."""
        return int(self.ways([a, b])[0, 1])

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

    def planned(self, todo: dict[int, Task], walks: tuple[tuple[int, int], ...], here: int) -> list[list[int]]:
        """Return the doors of each walk in order, as the solver plans them; ``here``: where the first one begins."""
        from gridmap.domain.routes import Problem, Shift, solve

        doors = sorted(todo, key=lambda d: (-todo[d].weight * self.best(todo[d]), d))[:CANDIDATES]
        places = [here, -1, *doors]
        n = len(places)
        travel = self.ways(places)
        bands = sorted({answering.band_of(opens) for opens, _ in walks})
        service, weight = np.zeros(n, np.int64), np.zeros((n, len(BANDS)), np.int64)
        for i, door in enumerate(doors, start=2):
            task = todo[door]
            chance = np.array(task.chance if self.way == "learned" else (50,) * len(BANDS))
            weight[i] = task.weight * chance
            mean = float(chance[bands].mean()) / 100
            service[i] = round(task.knock_s + mean * (task.service_s - task.knock_s))
        shifts = tuple(Shift(0 if k == 0 else 1, 1, opens, closes) for k, (opens, closes) in enumerate(walks))
        allowed = np.ones((n, len(shifts)), bool)
        allowed[:2] = False
        problem = Problem(
            travel, service, weight, np.array(BANDS), np.zeros(n + 1, np.int64), np.zeros((0, 2), np.int64),
            np.zeros(n, bool), allowed, shifts,
        )  # fmt: skip
        found = solve(problem, seed=1, iterations=ITERATIONS, prove=False)
        return [[places[i] for i in route] for route in found.routes]

    def best(self, task: Task) -> int:
        """Return the best chance of a door on the day's walks, percent; the same for all where nothing is learned."""
        spans = WALKS if self.choice == "given" else CHOICES
        return max(task.chance[answering.band_of(opens)] for opens, _ in spans) if self.way == "learned" else 50

    def nearest(self, todo: dict[int, Task], here: int) -> list[int]:
        """Return the most overdue doors, as many as a walk holds, each time the nearest."""
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
        if self.way != "learned":
            return (CHOICES[on.toordinal() % len(CHOICES)],)
        worth = {
            span: sum(sorted(t.weight * t.chance[answering.band_of(sum(span) // 2)] for t in todo.values())[-TYPICAL:])
            for span in CHOICES
        }
        return (max(worth, key=lambda span: (worth[span], span)),)

    def work(self, on: date, luck: Floats, ledger: Ledger, rates: Rates | None) -> None:
        """Walk the walks of one day."""
        todo = {t.household_id: t for t in self.list_of(on, rates, ledger.counts)}
        walks = self.hours(on, todo)
        plans: list[list[int]] = [[] for _ in walks]
        if self.way != "nearest" and todo:
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
                route = (
                    self.nearest(free, here) if self.way == "nearest" else self.planned(free, ((now, closes),), here)[0]
                )
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
        opened = bool(luck[door] < self.q.truth[door, int(answering.is_weekend(weekday)), band])
        ledger.counts[self.first + self.q.building[door], weekday, band] += (1, opened)
        ledger.knocks += 1
        ledger.answered += opened
        ledger.foretold.append((day_number(on), task.chance[band] / 100, opened))
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
    opened : share of knocks that were answered
    overdue_share : of all doors at the end; calibration : (foretold, observed, knocks) in ten bins
    error_points : mean distance of foretold and observed over the knocks, in percent
    """

    way: str
    per_hour: float
    per_hour_late: float
    opened: float
    knocks: int
    overdue_share: float
    calibration: tuple[tuple[float, float, int], ...]
    error_points: float


def calibrated(foretold: list[tuple[int, float, bool]], bins: int = 10) -> tuple[tuple[float, float, int], ...]:
    """Return (mean chance, share that opened, knocks) in bins of equal width."""
    chance = np.array([f[1] for f in foretold])
    opened = np.array([f[2] for f in foretold])
    which = np.minimum((chance * bins).astype(int), bins - 1)
    return tuple(
        (float(chance[which == b].mean()), float(opened[which == b].mean()), int((which == b).sum()))
        for b in range(bins)
        if (which == b).any()
    )


def outcome(walkers: list[Walker], ledger: Ledger, way: str, last: date, warm_days: int) -> Outcome:
    """Sum up; calibration leaves the first ``warm_days`` out."""
    begin = day_number(FIRST_DAY) + warm_days
    bins = calibrated([f for f in ledger.foretold if f[0] >= begin])
    knocks = sum(n for *_, n in bins)
    error = sum(abs(told - seen) * n for told, seen, n in bins) / max(knocks, 1)
    half = len(ledger.by_week) // 2
    late = ledger.by_week[half:]
    over = [float((w.last_met + w.q.period + 1 <= day_number(last)).mean()) for w in walkers]
    return Outcome(
        way,
        ledger.answered / (ledger.seconds / 3600),
        sum(a for a, _ in late) / max(sum(s for _, s in late) / 3600, 1e-9),
        ledger.answered / max(ledger.knocks, 1),
        ledger.knocks,
        float(np.mean(over)),
        bins,
        100 * error,
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
