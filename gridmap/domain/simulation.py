"""An invented year of work in a town: visits that find nobody, a worker on leave, a neglected grid, water, needs.

A simulation with a seed, day by day; every rate in it is an assumption, chosen so that the year has the rough edges
a real one has. Nothing in it happened.
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from gridmap.domain.groups import GENERAL, RULE_DEFAULTS
from gridmap.domain.names import given_names, surnames
from gridmap.domain.people import LATE_DAYS
from gridmap.domain.towns import History, People, Town
from gridmap.domain.water import invent_water

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

DAYS = 364  # the invented year
EFFORT = (0.98, 1.25)  # what workers can do against what their grid needs, lowest and highest
OPENS_BY_DAY, OPENS_IN_THE_EVENING = 0.50, 0.72  # share of doors that open
PHONE_SHARE, PHONE_ANSWERS = 0.16, 0.75
WEEKEND = 0.18  # share of a weekday's work
EVENING_SHARE = 0.30  # of knocks on a weekday: after 17:30
LATE_SHARE, WRITTEN_LATE_DAYS = 0.07, 9  # recorded days after the visit
FIRST_KNOCK_MIN, LAST_KNOCK_MIN = 9 * 60 + 5, 20 * 60 + 15  # quiet hours are 20:30 to 09:00
NEVER = -(10**6)  # day number of a visit that has not been
SOON = 0.72  # of its period must have gone before a household is visited again
KNOCK_SUCCESS = 0.55  # what workers count on
NEGLECT, SUBSTITUTE = 0.22, 0.25  # strength of work in the neglected grid, and during leave
NEGLECT_DAYS = 80  # the neglected grid has hardly been walked for so long
LEAVE_DAYS = (58, 30)  # a worker was on leave from so many to so many days ago
FIRST_VISIT_DAYS = (25, 62)  # how long a grid lets newly registered households wait, lowest and highest
HANDOVER_DAYS = 171  # another worker handed his grid over so many days ago
NEEDS_PER_VISIT = 0.030
NEED_DAYS = 26.0  # mean until a need is closed
FACILITY_YUAN = {"vending": 415.0, "locker": 150.0, "charging": 240.0}  # a month

NEEDS: dict[str, tuple[str, ...]] = {
    "repair": ("楼道灯不亮", "单元门锁坏了", "屋顶漏水", "下水道返水"),
    "environment": ("楼道堆放杂物", "垃圾桶满了没人清", "楼下绿化带有积水"),
    "parking": ("消防通道被车占用", "希望增加电动车充电位"),
    "noise": ("夜间施工噪声", "楼下烧烤摊吵闹"),
    "policy": ("咨询医保参保", "咨询老年优待证办理", "咨询居住证办理"),
    "care": ("希望有人帮忙买药", "申请适老化扶手", "希望志愿者陪同就医"),
    "safety": ("燃气软管老化", "私拉电线充电", "外墙瓷砖松动"),
    "dispute": ("邻里漏水纠纷", "公共区域占用纠纷"),
}


@dataclass
class _Households:
    """What the simulation knows of each household, as arrays."""

    grid: Ints  # position of its grid
    period: Ints  # days between visits
    known_from: Ints  # day number of registration
    closed_from: Ints  # day number from which nobody is visited any more
    opens: Floats  # how readily this door opens, 1 on average
    last: Ints  # day of the last effective visit, or of registration
    tried: Ints  # day of the last knock


def invent_history(town: Town, people: People, on: dt.date, seed: int) -> History:
    """Simulate one year of a town's work up to the evening before ``on``.

    Parameters
    ----------
    town, people : Town, People
        People as ``people.invent_people`` made them for the same day.
    on : date
        Local date; nothing happens on it or later but the water runs planned for it.
    seed : int
        The same arguments give the same frames.

    Returns
    -------
    History
        Frames as ``towns.History`` describes them; ``visits`` are sorted by time.
    """
    rng = np.random.default_rng([seed, 2])
    zone = ZoneInfo(town.timezone)
    numbers = np.sort(town.grids["number"].to_numpy())
    workers, assignments = _workers(rng, numbers, on)
    homes = _households(rng, people, numbers, on)
    general = (town.grids.sort_values("number")["kind"] == "general").to_numpy(bool)
    days = _walk(rng, homes, general, on)
    visits = _visits(rng, days, people, assignments, numbers, on, zone)
    needs = _needs(rng, visits, on, zone)
    customers, runs, orders = invent_water(np.random.default_rng([seed, 3]), town, on)
    return History(workers, assignments, visits, needs, customers, runs, orders, _incomes(rng, town, on))


def _workers(rng: np.random.Generator, numbers: Ints, on: dt.date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return one worker for each grid, one who handed over, and who stood in for the one on leave."""
    n = len(numbers)
    man = rng.random(n + 1) < 0.4
    names = surnames(rng, n + 1) + given_names(rng, man, rng.integers(26, 50, n + 1))
    workers = pd.DataFrame({"id": np.arange(n + 1), "name": names})
    start, handover = on - dt.timedelta(days=DAYS + 60), on - dt.timedelta(days=HANDOVER_DAYS)
    rows: list[tuple[int, int, str, dt.date, dt.date | None]] = [
        (i, int(number), "main", start, None) for i, number in enumerate(numbers)
    ]
    moved = _handed_over(n)
    rows[moved] = (moved, int(numbers[moved]), "main", handover, None)
    rows.append((n, int(numbers[moved]), "main", start, handover))
    away = _on_leave(n)
    first, last = (on - dt.timedelta(days=d) for d in LEAVE_DAYS)
    rows.append(((away + 1) % n, int(numbers[away]), "substitute", first, last))
    columns = ["worker_id", "grid_number", "duty", "valid_from", "valid_to"]
    return workers, pd.DataFrame(rows, columns=columns)


def _handed_over(n: int) -> int:
    return 4 % n


def _on_leave(n: int) -> int:
    return 7 % n


def _number(days: pd.Series, on: dt.date) -> Ints:
    """Return dates as day numbers: 0 is the first simulated day, DAYS is ``on``; none is far away."""
    ago = (np.datetime64(on) - pd.to_datetime(days).to_numpy().astype("datetime64[D]")).astype("timedelta64[D]")
    numbers: Ints = np.where(np.isnat(ago), 10**6, DAYS - ago.astype(np.int64))
    return numbers


def _households(rng: np.random.Generator, people: People, numbers: Ints, on: dt.date) -> _Households:
    """Return the arrays the simulation walks with."""
    n = len(people.households)
    days = {rule.group_code: rule.period_days for rule in RULE_DEFAULTS}
    period = np.full(n, days[GENERAL])
    tags = people.tags[people.tags["group_code"].isin(days)]
    np.minimum.at(period, tags["household_id"].to_numpy(), tags["group_code"].map(days).to_numpy(np.int64))
    known, closed = np.full(n, 10**6), np.full(n, 10**6)
    begin = _number(people.spells["valid_from"], on)
    who = people.spells["household_id"].to_numpy()
    np.minimum.at(known, who, begin)
    gone = (people.spells["standing"] != "occupied").to_numpy()
    np.minimum.at(closed, who[gone], begin[gone])
    grid = np.searchsorted(numbers, people.households["grid_number"].to_numpy())
    opens = rng.beta(6, 1.8, n) / (6 / 7.8)
    # those in the books long ago have been visited at some day before the year began
    before = -rng.integers(0, np.maximum((period * 0.9).astype(np.int64), 1), n)
    return _Households(grid, period, known, closed, opens, np.where(known < 0, before, NEVER), np.full(n, -99))


def _walk(rng: np.random.Generator, homes: _Households, general: npt.NDArray[np.bool_], on: dt.date) -> pd.DataFrame:
    """Let every worker knock at the most urgent doors of his grid, day by day; return all knocks."""
    force = _force(rng, homes, general)
    found = [pd.DataFrame({"household_id": [], "day": [], "minute": [], "mode": [], "met": []}).astype({"met": bool})]
    for day in range(DAYS):
        weekend = (on - dt.timedelta(days=DAYS - day)).weekday() >= 5
        capacity = _capacity(rng, force, day, weekend=weekend)
        order = _by_urgency(rng, homes, force, day)
        grid = homes.grid[order]
        nth = np.arange(len(order)) - np.searchsorted(grid, np.arange(len(capacity)))[grid]
        knocked = order[nth < capacity[grid]]
        if len(knocked):
            met, mode, minute = _knock(rng, homes.opens[knocked], weekend=weekend)
            homes.tried[knocked] = day
            homes.last[knocked[met]] = day
            found.append(
                pd.DataFrame({"household_id": knocked, "day": day, "minute": minute, "mode": mode, "met": met})
            )
    whole = pd.concat(found[1:] or found, ignore_index=True)
    return whole.astype({"household_id": "int64", "day": "int64", "minute": "int64"})


@dataclass(frozen=True)
class _Force:
    """How each grid is worked: knocks a day at full strength, patience with the newly registered, who fails."""

    knocks: Floats
    patience: Ints
    neglected: int
    on_leave: int


def _force(rng: np.random.Generator, homes: _Households, general: npt.NDArray[np.bool_]) -> _Force:
    """Return how the grids are worked; the neglected one is the general grid whose registration is furthest behind."""
    n = len(general)
    owed = np.bincount(homes.grid, weights=1 / homes.period, minlength=n)
    late = np.bincount(homes.grid, weights=homes.known_from > DAYS - LATE_DAYS - 1, minlength=n)
    behind = late / np.maximum(np.bincount(homes.grid, minlength=n), 1)
    worst = int(np.argmax(np.where(general | ~general.any(), behind, -1.0)))
    knocks = owed * rng.uniform(*EFFORT, n) * 7 / 5 / KNOCK_SUCCESS
    return _Force(knocks, rng.integers(*FIRST_VISIT_DAYS, n), worst, _on_leave(n))


def _capacity(rng: np.random.Generator, force: _Force, day: int, *, weekend: bool) -> Ints:
    """Return how many doors each grid's worker gets to on a day."""
    n = len(force.knocks)
    share = (WEEKEND if weekend else 1.0) * rng.uniform(0.8, 1.2, n)
    if DAYS - LEAVE_DAYS[0] <= day < DAYS - LEAVE_DAYS[1]:
        share[force.on_leave] *= SUBSTITUTE
    if day >= DAYS - NEGLECT_DAYS:
        share[force.neglected] *= NEGLECT
    return rng.poisson(force.knocks * share)


def _by_urgency(rng: np.random.Generator, homes: _Households, force: _Force, day: int) -> Ints:
    """Return the households worth a knock on a day, grid by grid, the longest overdue in relation first."""
    first = homes.last == NEVER
    wait = np.where(first, force.patience[homes.grid], homes.period * SOON)
    since = day - np.where(first, homes.known_from, homes.last)
    open_now = (homes.known_from < day) & (day < homes.closed_from) & (homes.tried < day - 1)
    due = np.flatnonzero(open_now & (since > wait))
    urgency = since[due] / homes.period[due] + rng.normal(0, 0.08, len(due)) - first[due] * 0.15
    return due[np.lexsort((-urgency, homes.grid[due]))]


def _knock(
    rng: np.random.Generator, opens: Floats, *, weekend: bool
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.object_], Ints]:
    """Return who opened, how he was asked, and the minute of the day."""
    n = len(opens)
    evening = rng.random(n) < (0.1 if weekend else EVENING_SHARE)
    minute = np.where(evening, rng.integers(17 * 60 + 30, LAST_KNOCK_MIN, n), rng.integers(FIRST_KNOCK_MIN, 17 * 60, n))
    phone = rng.random(n) < PHONE_SHARE
    chance = np.where(phone, PHONE_ANSWERS, np.where(evening, OPENS_IN_THE_EVENING, OPENS_BY_DAY)) * opens
    return rng.random(n) < chance, np.where(phone, "phone", "door").astype(object), minute


def _visits(
    rng: np.random.Generator,
    knocks: pd.DataFrame,
    people: People,
    assignments: pd.DataFrame,
    numbers: Ints,
    on: dt.date,
    zone: ZoneInfo,
) -> pd.DataFrame:
    """Return visits as they were recorded; what would be recorded later than the evening before ``on`` is not known."""
    met = knocks["met"].to_numpy()
    changes = _changes(rng, people, on)
    visits = pd.concat(
        [knocks.assign(result=np.where(met, "met", "nobody")).drop(columns="met"), changes], ignore_index=True
    )
    n = len(visits)
    grid = people.households["grid_number"].to_numpy()[visits["household_id"]]
    visits["worker_id"] = _who(assignments, np.searchsorted(numbers, grid), numbers, visits["day"].to_numpy(), on)
    effective = (visits["result"] == "met").to_numpy()
    visits["minutes"] = np.where(effective, np.clip(rng.gamma(3.0, 3.6, n), 2, 55), 1 + rng.integers(0, 3, n)).astype(
        int
    )
    visits["visited_at"] = _moment(on, visits["day"].to_numpy(), visits["minute"].to_numpy(), zone)
    delay = np.where(rng.random(n) < LATE_SHARE, rng.integers(1, WRITTEN_LATE_DAYS + 1, n) * 1440, 0)
    written = visits["minute"].to_numpy() + visits["minutes"].to_numpy() + rng.integers(0, 90, n)
    written = np.minimum(written, 23 * 60 + 50) + delay
    visits["recorded_at"] = _moment(on, visits["day"].to_numpy(), written, zone)
    purposes = ["routine", "policy", "safety", "mediation"]
    visits["purpose"] = rng.choice(purposes, n, p=[0.78, 0.12, 0.08, 0.02])
    visits["note"] = None
    visits = visits[(visits["recorded_at"] < _moment(on, np.array([DAYS]), np.array([0]), zone)[0]).to_numpy()]
    visits = visits.sort_values(["visited_at", "household_id"], kind="stable", ignore_index=True)
    words = rng.integers(0, 2**63, (len(visits), 2), dtype=np.uint64)
    visits["id"] = [uuid.UUID(int=(int(a) << 64) | int(b), version=4) for a, b in words]
    order = ["id", "household_id", "worker_id", "visited_at", "recorded_at", "minutes", "mode", "result", "purpose"]
    frame: pd.DataFrame = visits.reindex(columns=[*order, "note"])
    return frame


def _changes(rng: np.random.Generator, people: People, on: dt.date) -> pd.DataFrame:
    """Return the knocks at which a worker learned that a household moved, stands empty or refuses."""
    spells = people.spells
    day = _number(spells["valid_from"], on)
    mine = spells["standing"].isin(["moved", "vacant", "refused"]).to_numpy() & (day >= 0) & (day < DAYS)
    return pd.DataFrame(
        {
            "household_id": spells["household_id"].to_numpy()[mine],
            "day": day[mine],
            "minute": rng.integers(9 * 60 + 30, 16 * 60 + 45, int(mine.sum())),
            "mode": "door",
            "result": spells["standing"].to_numpy()[mine],
        }
    )


def _who(assignments: pd.DataFrame, grid: Ints, numbers: Ints, day: Ints, on: dt.date) -> Ints:
    """Return the worker on duty in a grid on a day: a substitute stands before the one he stands in for."""
    worker = np.full(len(grid), -1)
    begin, end = _number(assignments["valid_from"], on), _number(assignments["valid_to"], on)
    position = np.searchsorted(numbers, assignments["grid_number"].to_numpy())
    for i in np.argsort((assignments["duty"] == "substitute").to_numpy(), kind="stable"):
        mine = (grid == position[i]) & (day >= begin[i]) & (day < end[i])
        worker[mine] = assignments["worker_id"].iloc[i]
    return worker


def _moment(on: dt.date, day: Ints, minute: Ints, zone: ZoneInfo) -> pd.Series:
    """Return local minutes of simulated days as aware moments."""
    local = np.datetime64(on, "us") + (day - DAYS).astype("timedelta64[D]") + minute.astype("timedelta64[m]")
    stamps = pd.Series(pd.to_datetime(local))
    return stamps.dt.tz_localize(zone, ambiguous=True, nonexistent="shift_forward").dt.tz_convert("UTC")


def _needs(rng: np.random.Generator, visits: pd.DataFrame, on: dt.date, zone: ZoneInfo) -> pd.DataFrame:
    """Return needs people told at the door; most are closed after weeks, some are open."""
    met = visits[visits["result"] == "met"]
    told = met[rng.random(len(met)) < NEEDS_PER_VISIT]
    n = len(told)
    kinds = rng.choice(list(NEEDS), n, p=[0.24, 0.18, 0.12, 0.08, 0.14, 0.1, 0.1, 0.04])
    pick = rng.random(n)
    summaries = [NEEDS[kind][int(p * len(NEEDS[kind]))] for kind, p in zip(kinds, pick, strict=True)]
    took = pd.to_timedelta((rng.gamma(1.2, NEED_DAYS / 1.2, n) * 1440).astype(np.int64) + 30, unit="m")
    closed = told["visited_at"] + took
    midnight = pd.Timestamp(dt.datetime.combine(on, dt.time(), zone))
    return pd.DataFrame(
        {
            "household_id": told["household_id"].to_numpy(),
            "kind": kinds,
            "summary": summaries,
            "raised_at": told["visited_at"].to_numpy(),
            "recorded_at": told["recorded_at"].to_numpy(),
            "closed_at": closed.where(closed < midnight).to_numpy(),
        }
    ).assign(**{c: lambda f, c=c: pd.to_datetime(f[c], utc=True) for c in ("raised_at", "recorded_at", "closed_at")})


def _incomes(rng: np.random.Generator, town: Town, on: dt.date) -> pd.DataFrame:
    """Return what each facility earned in each of the twelve whole months before ``on``."""
    first = pd.Timestamp(on).to_period("M")
    rows = []
    facilities = town.facilities[["number", "kind", "opened_on"]]
    for number, kind, opened in facilities.itertuples(index=False):
        usual = FACILITY_YUAN[kind] * rng.uniform(0.85, 1.25)
        for back in range(12, 0, -1):
            month = (first - back).to_timestamp()
            if month.date() < opened:
                continue
            season = 1 + 0.25 * np.sin((month.month - 3.5) / 12 * 2 * np.pi)
            rows.append((number, month.date(), round(usual * season * rng.uniform(0.9, 1.1), 2)))
    return pd.DataFrame(rows, columns=["facility_number", "month", "amount_yuan"])
