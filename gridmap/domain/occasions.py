"""Invented occasions of a town's next days: hours at home, promises, events, errands, material, follow-ups.

Nothing in it happened and nobody in it exists. Every rate is an assumption, chosen so that each grid has a day worth
walking: some doors that can wait, a promise, somewhere a crisis, machines to look after.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gridmap.domain.towns import History, People, Town
from gridmap.domain.worklist import AUDIENCES, visit_by

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

AT_HOME_SHARE = 0.10  # of households told when they are at home
# (weekday bits, from, until) in minutes, and how often: after work, at weekends, evenings at all, mornings
AT_HOME = ((0b0011111, 1080, 1230), (0b1100000, 540, 1230), (0b1111111, 1080, 1230), (0b1111111, 540, 720))
AT_HOME_ODDS = (0.45, 0.2, 0.1, 0.25)
PROMISE_DAYS = 7  # promises for today and the days after
PROMISES_A_DAY = 0.45  # of grids have a promise on a day; the first grid and the commercial ones have one today
PROMISE_BEGINS = (570, 585, 600, 615, 630, 645, 660)  # minutes of the local day: within the usual shift
PROMISE_MIN = 30
EVENTS = ("fall", "hospital", "crisis", "dispute")  # one each, yesterday afternoon
ELDERS_EVENTS = {"fall", "hospital"}
CHECK_DAYS = 30  # each machine is looked at once in so many days
CHECK_MIN, LOOK_MIN, JOINT_MIN, PUBLICITY_MIN = 8, 5, 20, 20
COMMERCIAL_M = 200.0  # the worker of a commercial grid looks after machines so near to it
JOINT_SPAN = (570, 690)
LOOK_EVERY = 5  # a stairwell of each grid is looked at every so many days
FOLLOW_UP_SHARE = 0.10  # of the visits of the last ten days at which somebody was met
FOLLOW_UP_SEEN_DAYS = 10
CONSENT_SHARE, WITHHELD_SHARE, CONSENT_DAYS = 0.06, 0.05, 60
MATERIAL_DAYS, HANDED_OVER = 200, 0.65  # how long material is handed out, and at what share of visits
HAZARDS = ("electricity", "gas", "clutter", "fire", "structure")
HAZARD_SHARE, DISPUTE_SHARE, SETTLED_SHARE = 0.010, 0.003, 0.7
EVENING_WORKERS = 3  # walk in the evening as well, on one of the next days
MATERIALS: tuple[tuple[str, str, str | None], ...] = (
    ("family-education", "《家庭教育促进法》解读手册", "adolescent"),
    ("anti-fraud", "防范电信诈骗宣传单", "elder"),
    ("medical-insurance", "城乡居民医保参保须知", None),
)
DISPUTES = ("楼上漏水，两家对赔偿说法不一", "公共过道堆放杂物引起争执", "停车位使用起争执")


@dataclass(frozen=True)
class Prospects:
    """What is told, promised and planned in a town; household, building and worker ids are the town's local ones.

    Attributes
    ----------
    at_home : household_id, weekday_bits, from_min, until_min, valid_from, recorded_at
    promises : household_id, starts_at, ends_at, made_at
    events : household_id, kind, happened_at, visit_by, recorded_at
    errands : grid_number, kind, facility_number, household_id, title, on, minutes, from_min, until_min, done_at,
        geometry (Point)
    materials : id, code, name, group_code, valid_from
    deliveries : household_id, material_id, visit_id, delivered_at
    hazards : household_id, kind, found_at, resolved_at; disputes : household_id, summary, raised_at, closed_at
    visits : those of the history, with follow_up_on and consent
    shifts : worker_id, on, start_min, end_min
    """

    at_home: pd.DataFrame
    promises: pd.DataFrame
    events: pd.DataFrame
    errands: pd.DataFrame
    materials: pd.DataFrame
    deliveries: pd.DataFrame
    hazards: pd.DataFrame
    disputes: pd.DataFrame
    visits: pd.DataFrame
    shifts: pd.DataFrame


@dataclass(frozen=True)
class _Homes:
    """The households of a town as arrays by local id."""

    grid: Ints  # grid number
    lived_in: Bools  # occupied on the day, and not refusing
    elders: Bools  # with a member of 60 or more
    visited_on: npt.NDArray[np.datetime64]  # day of the last visit of any result


def invent_occasions(town: Town, people: People, history: History, on: dt.date, seed: int) -> Prospects:
    """Invent what is promised, planned and still open in a town on the morning of a day.

    Parameters
    ----------
    town, people, history : as they were made for the same day
    on : date
        Local date; the evening before it is the last moment anything was recorded.
    seed : int
        The same arguments give the same frames.
    """
    rng = np.random.default_rng([seed, 5])
    zone = ZoneInfo(town.timezone)
    homes = _homes(people, history, on)
    materials = _materials(on)
    return Prospects(
        _at_home(rng, homes, on, zone),
        _promises(rng, town, homes, on, zone),
        _events(rng, homes, on, zone),
        _errands(rng, town, people, homes, on, zone),
        materials,
        _deliveries(rng, people, history, on, zone),
        _hazards(rng, homes, on, zone),
        _disputes(rng, homes, on, zone),
        _told_at_visits(rng, history, homes, on, zone),
        _shifts(rng, history, on),
    )


def _homes(people: People, history: History, on: dt.date) -> _Homes:
    n = len(people.households)
    now = people.spells[pd.isna(people.spells["valid_to"])]
    lived_in = np.zeros(n, bool)
    lived_in[now["household_id"][now["standing"] == "occupied"].to_numpy(np.int64)] = True
    refused = history.visits["household_id"][history.visits["result"] == "refused"]
    lived_in[refused.to_numpy(np.int64)] = False
    elders = np.zeros(n, bool)
    old = on.year - people.residents["born_year"] >= AUDIENCES["elder"][0]
    elders[people.residents["household_id"][old].to_numpy(np.int64)] = True
    visited_on = np.full(n, np.datetime64("1970-01-01"), "datetime64[D]")
    days = history.visits["visited_at"].dt.tz_localize(None).to_numpy().astype("datetime64[D]")
    np.maximum.at(visited_on, history.visits["household_id"].to_numpy(np.int64), days)
    return _Homes(people.households["grid_number"].to_numpy(np.int64), lived_in, elders, visited_on)


def _moment(day: dt.date, minute: int, zone: ZoneInfo) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(minute // 60, minute % 60), zone).astimezone(dt.UTC)


def _stamps(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return the frame with columns of moments as such, also where all are missing."""
    return frame.assign(**{c: pd.to_datetime(frame[c], utc=True) for c in columns})


def _some(rng: np.random.Generator, among: Bools, share: float) -> list[int]:
    """Return some of the households, each with the same chance."""
    chosen: list[int] = np.flatnonzero(among & (rng.random(len(among)) < share)).tolist()
    return chosen


def _one(rng: np.random.Generator, among: Bools) -> int | None:
    found = np.flatnonzero(among)
    return int(rng.choice(found)) if len(found) else None


# --- at the doors ----------------------------------------------------------------------------------------------------


def _at_home(rng: np.random.Generator, homes: _Homes, on: dt.date, zone: ZoneInfo) -> pd.DataFrame:
    rows = []
    for household_id in _some(rng, homes.lived_in, AT_HOME_SHARE):
        bits, begin, until = AT_HOME[int(rng.choice(len(AT_HOME), p=AT_HOME_ODDS))]
        told = on - dt.timedelta(days=int(rng.integers(3, 300)))
        rows.append((household_id, bits, begin, until, told, _moment(told, 1020, zone)))
    columns = ["household_id", "weekday_bits", "from_min", "until_min", "valid_from", "recorded_at"]
    return pd.DataFrame(rows, columns=columns)


def _promises(rng: np.random.Generator, town: Town, homes: _Homes, on: dt.date, zone: ZoneInfo) -> pd.DataFrame:
    """Return promises of the next days; the first grid and the commercial ones have one today."""
    grids = town.grids.sort_values("number")
    numbers = grids["number"].tolist()
    sure = {numbers[0], *grids["number"][grids["kind"] == "commercial"]} if numbers else set()
    rows = []
    for ahead in range(PROMISE_DAYS):
        day = on + dt.timedelta(days=ahead)
        for number in numbers:
            wanted = rng.random() < PROMISES_A_DAY or (ahead == 0 and number in sure)
            household_id = _one(rng, homes.lived_in & (homes.grid == number))
            begin = int(rng.choice(PROMISE_BEGINS))
            made = on - dt.timedelta(days=int(rng.integers(1, 6)))
            if wanted and household_id is not None:
                span = (_moment(day, begin, zone), _moment(day, begin + PROMISE_MIN, zone))
                rows.append((household_id, *span, _moment(made, 1000, zone)))
    return _stamps(
        pd.DataFrame(rows, columns=["household_id", "starts_at", "ends_at", "made_at"]),
        "starts_at",
        "ends_at",
        "made_at",
    )


def _events(rng: np.random.Generator, homes: _Homes, on: dt.date, zone: ZoneInfo) -> pd.DataFrame:
    """Return what happened yesterday in the afternoon, to households nobody has visited since."""
    yesterday = on - dt.timedelta(days=1)
    quiet = homes.lived_in & (homes.visited_on < np.datetime64(yesterday))
    rows = []
    for kind in EVENTS:
        household_id = _one(rng, quiet & homes.elders if kind in ELDERS_EVENTS else quiet)
        if household_id is None:
            continue
        quiet[homes.grid == homes.grid[household_id]] = False  # in different grids
        happened = _moment(yesterday, int(rng.integers(14 * 60, 18 * 60)), zone)
        rows.append((household_id, kind, happened, visit_by(happened), happened + dt.timedelta(minutes=25)))
    frame = pd.DataFrame(rows, columns=["household_id", "kind", "happened_at", "visit_by", "recorded_at"])
    return _stamps(frame, "happened_at", "visit_by", "recorded_at")


def _told_at_visits(
    rng: np.random.Generator, history: History, homes: _Homes, on: dt.date, zone: ZoneInfo
) -> pd.DataFrame:
    """Return the visits with what was agreed at them: to come again, or that data may be kept."""
    visits = history.visits
    met = (visits["result"] == "met").to_numpy()
    days = visits["visited_at"].dt.tz_convert(zone).dt.tz_localize(None).to_numpy().astype("datetime64[D]")
    ago = (np.datetime64(on) - days).astype(np.int64)
    last = days == homes.visited_on[visits["household_id"].to_numpy(np.int64)]
    again = met & last & (ago <= FOLLOW_UP_SEEN_DAYS) & (rng.random(len(visits)) < FOLLOW_UP_SHARE)
    wait = rng.integers(2, 13, len(visits))
    follow_up = [
        None if not hit else day + dt.timedelta(days=int(n))
        for hit, day, n in zip(again, days.astype(object), wait, strict=True)
    ]
    asked = met & (ago <= CONSENT_DAYS) & (rng.random(len(visits)) < CONSENT_SHARE)
    withheld = rng.random(len(visits)) < WITHHELD_SHARE
    consent = [None if not a else "withheld" if w else "given" for a, w in zip(asked, withheld, strict=True)]
    made = visits.copy()
    made["follow_up_on"] = np.array([*follow_up, None], dtype=object)[:-1]
    made["consent"] = np.array([*consent, None], dtype=object)[:-1]
    return made


def _hazards(rng: np.random.Generator, homes: _Homes, on: dt.date, zone: ZoneInfo) -> pd.DataFrame:
    rows = []
    for household_id in _some(rng, homes.lived_in, HAZARD_SHARE):
        found, settled = _then(rng, on, zone)
        rows.append((household_id, str(rng.choice(HAZARDS)), found, settled))
    frame = pd.DataFrame(rows, columns=["household_id", "kind", "found_at", "resolved_at"])
    return _stamps(frame, "found_at", "resolved_at")


def _disputes(rng: np.random.Generator, homes: _Homes, on: dt.date, zone: ZoneInfo) -> pd.DataFrame:
    rows = []
    for household_id in _some(rng, homes.lived_in, DISPUTE_SHARE):
        raised, settled = _then(rng, on, zone)
        rows.append((household_id, str(rng.choice(DISPUTES)), raised, settled))
    frame = pd.DataFrame(rows, columns=["household_id", "summary", "raised_at", "closed_at"])
    return _stamps(frame, "raised_at", "closed_at")


def _then(rng: np.random.Generator, on: dt.date, zone: ZoneInfo) -> tuple[dt.datetime, dt.datetime | None]:
    """Return when something began within the last half year, and when it was settled, if it was."""
    ago = int(rng.integers(2, 180))
    begin = _moment(on - dt.timedelta(days=ago), int(rng.integers(560, 1140)), zone)
    settled = rng.random() < SETTLED_SHARE
    return begin, begin + dt.timedelta(days=float(rng.uniform(0.3, 0.9)) * ago) if settled else None


# --- material --------------------------------------------------------------------------------------------------------


def _materials(on: dt.date) -> pd.DataFrame:
    since = on - dt.timedelta(days=MATERIAL_DAYS)
    rows = [(i, *material, since) for i, material in enumerate(MATERIALS)]
    return pd.DataFrame(rows, columns=["id", "code", "name", "group_code", "valid_from"])


def _meant(people: People, audience: str | None, on: dt.date) -> Bools:
    """Return which households some material is meant for."""
    n = len(people.households)
    if audience is None:
        return np.ones(n, bool)
    low, high = AUDIENCES[audience]
    age = on.year - people.residents["born_year"]
    found = np.zeros(n, bool)
    found[people.residents["household_id"][(age >= low) & (age <= high)].to_numpy(np.int64)] = True
    return found


def _deliveries(
    rng: np.random.Generator, people: People, history: History, on: dt.date, zone: ZoneInfo
) -> pd.DataFrame:
    """Return what was handed over at doors, each material once to a household."""
    visits = history.visits
    since = pd.Timestamp(_moment(on - dt.timedelta(days=MATERIAL_DAYS), 0, zone))
    at_door = (visits["result"] == "met") & (visits["mode"] == "door") & (visits["visited_at"] >= since)
    seen = visits[at_door][["id", "household_id", "visited_at"]]
    parts = []
    for number, (_, _, audience) in enumerate(MATERIALS):
        meant = _meant(people, audience, on)[seen["household_id"].to_numpy(np.int64)]
        handed = seen[meant & (rng.random(len(seen)) < HANDED_OVER)]
        parts.append(handed.drop_duplicates("household_id").assign(material_id=number))
    found = pd.concat(parts, ignore_index=True)
    renamed: pd.DataFrame = found.rename(columns={"id": "visit_id", "visited_at": "delivered_at"})
    return renamed[["household_id", "material_id", "visit_id", "delivered_at"]]


# --- errands and shifts ----------------------------------------------------------------------------------------------


def _errands(
    rng: np.random.Generator, town: Town, people: People, homes: _Homes, on: dt.date, zone: ZoneInfo
) -> pd.DataFrame:
    rows = [
        *_checks(town, on, zone),
        *_looks(rng, town, on),
        *_joint(rng, town, people, homes, on),
        *_publicity(town, on),
    ]
    columns = ["grid_number", "kind", "facility_number", "household_id", "title", "on", "minutes"]
    columns += ["from_min", "until_min", "done_at", "geometry"]
    whole = dict.fromkeys(("household_id", "from_min", "until_min"), "Int64")
    return _stamps(pd.DataFrame(rows, columns=columns).astype(whole), "done_at")


_Row = tuple[int, str, str | None, int | None, str, dt.date, int, int | None, int | None, dt.datetime | None, object]


def _whose(town: Town) -> list[int]:
    """Return the grid whose worker looks after each machine: a commercial one near by, else the one it stands in."""
    grids, points = town.grids.to_crs(town.epsg), town.facilities.sort_values("number").to_crs(town.epsg).geometry
    away = np.array([shapely.distance(grids.geometry.to_numpy(), point) for point in points]).reshape(-1, len(grids))
    shops = (grids["kind"] == "commercial").to_numpy()
    away[:, shops] -= COMMERCIAL_M
    numbers: list[int] = grids["number"].to_numpy()[np.argmin(away, axis=1)].tolist()
    return numbers


def _checks(town: Town, on: dt.date, zone: ZoneInfo) -> Iterable[_Row]:
    """Yield the monthly look at every machine: those of the last weeks done, a few today."""
    if not len(town.facilities):
        return
    every = max(CHECK_DAYS // len(town.facilities), 1)
    machines = town.facilities.sort_values("number").itertuples()
    for i, (facility, grid) in enumerate(zip(machines, _whose(town), strict=True)):
        for day in (on + dt.timedelta(days=(i // 2) * 2 * every - CHECK_DAYS * back) for back in (0, 1)):
            done = _moment(day, 600 + i, zone) if day < on else None
            title = f"检查{facility.name}"
            yield (grid, "facility", facility.number, None, title, day, CHECK_MIN, None, None, done, facility.geometry)


def _looks(rng: np.random.Generator, town: Town, on: dt.date) -> Iterable[_Row]:
    """Yield stairwells to look at, one in each grid every few days."""
    lived_in = town.buildings[town.buildings["doors_per_floor"] > 0]
    for number in sorted(town.grids["number"]):
        mine = lived_in[lived_in["grid_number"] == number]
        for ahead in range(int(number) % LOOK_EVERY, CHECK_DAYS, LOOK_EVERY):
            if not len(mine):
                continue
            building = mine.iloc[int(rng.integers(len(mine)))]
            door = town.entrances[town.entrances["building_id"] == building["id"]].iloc[0]
            title, day = f"查看{building['name']}楼道", on + dt.timedelta(days=ahead)
            yield (int(number), "environment", None, None, title, day, LOOK_MIN, None, None, None, door.geometry)


def _joint(rng: np.random.Generator, town: Town, people: People, homes: _Homes, on: dt.date) -> Iterable[_Row]:
    """Yield joint visits of party members and grid workers: one a day, in another grid each."""
    tagged = np.zeros(len(people.households), bool)
    tagged[people.tags["household_id"].to_numpy(np.int64)] = True
    numbers = rng.permutation(np.sort(town.grids["number"].to_numpy()))
    for ahead in range(PROMISE_DAYS):
        number = int(numbers[ahead % len(numbers)])
        household_id = _one(rng, homes.lived_in & tagged & (homes.grid == number))
        if household_id is None:
            continue
        home = people.households.iloc[household_id]
        building = town.buildings.set_index("id").loc[home["building_id"], "name"]
        door = town.entrances.set_index("id").loc[home["entrance_id"]].geometry
        day = on + dt.timedelta(days=ahead)
        yield (
            number,
            "joint",
            None,
            household_id,
            f"党员联合走访：{building}",
            day,
            JOINT_MIN,
            *JOINT_SPAN,
            None,
            door,
        )


def _publicity(town: Town, on: dt.date) -> Iterable[_Row]:
    """Yield publicity in the commercial grids, this week."""
    for grid in town.grids[town.grids["kind"] == "commercial"].sort_values("number").itertuples():
        mine = town.entrances[town.entrances.within(grid.geometry)]
        if len(mine):
            day, at = on + dt.timedelta(days=1), mine.iloc[0].geometry
            yield (
                grid.number,
                "publicity",
                None,
                None,
                f"{grid.name}政策宣传",
                day,
                PUBLICITY_MIN,
                None,
                None,
                None,
                at,
            )


def _shifts(rng: np.random.Generator, history: History, on: dt.date) -> pd.DataFrame:
    """Return evening walks beside the usual morning, for a few workers on one of the next days."""
    on_duty = history.assignments[history.assignments["valid_to"].isna()]["worker_id"].drop_duplicates().to_numpy()
    chosen = np.sort(rng.permutation(on_duty)[:EVENING_WORKERS])
    rows = []
    for worker_id in chosen.tolist():
        day = on + dt.timedelta(days=int(rng.integers(1, PROMISE_DAYS)))
        rows += [(worker_id, day, 540, 690), (worker_id, day, 1080, 1200)]
    return pd.DataFrame(rows, columns=["worker_id", "on", "start_min", "end_min"])
