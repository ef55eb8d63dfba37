"""Invented households and residents: nobody real, at rates a town in Guizhou could have.

Every rate is a constant with its source; "assumption" means that we chose it so that the town looks plausible and
that no document stands behind it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gridmap.domain.names import given_names, surnames
from gridmap.domain.towns import People, Town

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# What the households below are made to resemble; a test compares.
# Targets as remembered of the Seventh National Population Census (2020): Guizhou's row in the bulletin on age
# structure, and persons per family household. Not looked up again, so not to be quoted as fact.
CENSUS_SHARE_0_14, CENSUS_SHARE_60 = 0.2397, 0.1538
CENSUS_HOUSEHOLD_SIZE = 2.62


@dataclass(frozen=True)
class HouseholdType:
    """One way to live together: ``share`` of households, the head's age, who else is there.

    All shares and ages are assumptions; together they come near the census figures above.
    """

    share: float
    head_age: tuple[int, int]
    spouse: float = 0.0  # probability
    children: tuple[float, ...] = (1.0,)  # probability of 0, 1, 2 ... children
    parents: tuple[float, ...] = (1.0,)
    grandchildren: tuple[float, ...] = (1.0,)
    others: tuple[float, ...] = (1.0,)


TYPES: tuple[HouseholdType, ...] = (
    HouseholdType(0.120, (22, 59)),  # one person of working age
    HouseholdType(0.060, (62, 92)),  # one elder
    HouseholdType(0.125, (24, 59), spouse=1.0),
    HouseholdType(0.085, (61, 86), spouse=1.0),
    HouseholdType(0.360, (25, 50), spouse=0.95, children=(0.0, 0.47, 0.43, 0.10)),
    HouseholdType(0.045, (28, 50), children=(0.0, 0.7, 0.3)),
    HouseholdType(0.120, (28, 48), spouse=0.95, children=(0.05, 0.45, 0.40, 0.10), parents=(0.0, 0.55, 0.45)),
    HouseholdType(0.028, (54, 72), spouse=0.7, grandchildren=(0.0, 0.6, 0.4)),
    HouseholdType(0.055, (20, 45), others=(0.0, 0.6, 0.4)),  # people who share a flat
)
MALE_HEAD = 0.72  # assumption
LONE_GRANDFATHER = 0.35  # of the elders who live with their children, the first one is a man; assumption
MIGRANT_SHARE = 0.18  # households registered elsewhere; assumption

# Standing of households today and what changed during the year; assumptions.
VACANT_SHARE, MOVED_SHARE, REFUSED_SHARE, EXCLUDED_SHARE = 0.045, 0.018, 0.012, 0.003
LATE_REGISTERED = (0.05, 0.40)  # share of a grid's households first registered in the last weeks, lowest and highest
LATE_DAYS = 84  # so many days back reaches the last round of registration
REGISTERED_DAYS = 420  # most others have been in the books for at least so long
YEAR_REGISTERED = 0.25  # share of the others who were registered in the months between

# Share of the persons or households named by the rule who carry the tag. Assumptions, except where a source stands.
RATE = {
    "alone": 0.85,  # of elders (60+) who live alone
    "empty_nest": 0.28,  # of households of elders only
    "left_elder": 0.05,  # of households of elders only
    "aged_80": 0.80,  # of persons of 80 and more: the rest is not in the books yet
    "frail_60": 0.012,  # of persons of 60 to 79
    "frail_80": 0.12,  # of persons of 80 and more
    "severe_disability": 0.003,  # of persons
    "disability": 0.012,  # of persons
    "lost_child": 0.004,  # of households whose head is 50 or more
    "hardship": 0.004,  # of households
    "allowance": 0.022,  # of households
    "orphan": 0.0004,  # of persons under 16
    "child_difficulty": 0.006,  # of persons under 16
    "left_child": 0.6,  # of households of grandparents and grandchildren
    "maternity": 0.8,  # of households with a child born this year
    "serious_illness": 0.010,  # of persons of 30 and more
    "veteran": 0.014,  # of men of 20 and more
    "risky_illness": 0.0028,  # of persons of 50 and more: an illness that can kill at any time
}
NEW_TAG_SHARE = 0.12  # of tags began during the year; assumption
BASIS = "duty"
SPIRAL_STEP_M, SPIRAL_RADIUS_M = 1.6, 7.0  # homes behind one door: how far apart they are drawn, and at most


def homes(town: Town) -> pd.DataFrame:
    """Return one row for each home of a town: building_id, entrance_id, grid_number, floor, room.

    A shop of several floors has nobody on its ground floor. Rooms are numbered as people do: floor 3, door 2 = 302.
    """
    columns = ["building_id", "grid_number", "kind", "floors", "doors_per_floor"]
    buildings = pd.DataFrame(town.buildings.drop(columns="geometry")).rename(columns={"id": "building_id"})[columns]
    doors = pd.DataFrame(town.entrances[["id", "building_id"]]).rename(columns={"id": "entrance_id"})
    doors = doors.merge(buildings, on="building_id", how="inner").sort_values("entrance_id", ignore_index=True)
    shop = (doors["kind"] == "shop") & (doors["floors"] > 1)
    lived = (doors["floors"] - shop).clip(lower=0).to_numpy(np.int64)
    each = doors["doors_per_floor"].to_numpy(np.int64)
    count = lived * each
    rows = doors.loc[np.repeat(doors.index.to_numpy(), count), ["building_id", "entrance_id", "grid_number"]]
    rows = rows.reset_index(drop=True)
    k = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    per = np.repeat(each, count)
    floor = k // np.maximum(per, 1) + 1 + np.repeat(shop.to_numpy(np.int64), count)
    rows["floor"] = floor
    rows["room"] = [f"{f}{d:02d}" for f, d in zip(floor, k % np.maximum(per, 1) + 1, strict=True)]
    rows["nth"], rows["of"] = k, np.repeat(count, count)
    return rows


def _spread(town: Town, rows: pd.DataFrame) -> gpd.GeoSeries:
    """Return a point for each home: near its entrance, a little inside, in a spiral so that no two coincide."""
    doors = town.entrances.set_index("id").to_crs(town.epsg).geometry
    middles = town.buildings.set_index("id").to_crs(town.epsg).geometry.representative_point()
    door = shapely.get_coordinates(doors.loc[rows["entrance_id"]].to_numpy())
    middle = shapely.get_coordinates(middles.loc[rows["building_id"]].to_numpy())
    inward = middle - door
    reach = np.hypot(*inward.T)[:, None]
    nth = rows["nth"].to_numpy()
    turn = nth * np.pi * (3 - np.sqrt(5))
    step = np.minimum(SPIRAL_STEP_M, SPIRAL_RADIUS_M / np.sqrt(np.maximum(rows["of"].to_numpy(), 1)))
    spiral = (step * np.sqrt(nth))[:, None] * np.column_stack([np.cos(turn), np.sin(turn)])
    spots = door + inward / np.maximum(reach, 1e-9) * np.minimum(reach * 0.6, 5.0) + spiral
    points = gpd.GeoSeries(gpd.points_from_xy(*spots.T), crs=town.epsg).to_crs(town.entrances.crs)
    return gpd.GeoSeries(gpd.points_from_xy(points.x.round(7), points.y.round(7)), crs=points.crs)


def invent_people(town: Town, on: dt.date, seed: int) -> People:
    """Invent the households and residents of a town as they are known on a day.

    Parameters
    ----------
    town : Town
        EPSG:4490; works for a drawn town and for one read from a map.
    on : date
        The last day of the invented year; ages and dates are relative to it.
    seed : int
        Same town, day and seed give the same frames.

    Returns
    -------
    People
        Frames as ``towns.People`` describes them; nobody in them exists.
    """
    rng = np.random.default_rng(seed)
    rows = homes(town)
    n = len(rows)
    kinds = rng.choice(len(TYPES), n, p=np.array([t.share for t in TYPES]) / sum(t.share for t in TYPES))
    standing = rng.choice(
        ["vacant", "moved", "refused", "excluded", "occupied"],
        n,
        p=[VACANT_SHARE, MOVED_SHARE, REFUSED_SHARE, EXCLUDED_SHARE,
           1 - VACANT_SHARE - MOVED_SHARE - REFUSED_SHARE - EXCLUDED_SHARE],
    ).astype(object)  # fmt: skip
    geometry = _spread(town, rows)
    frame = rows.drop(columns=["nth", "of"])
    frame.insert(0, "id", np.arange(n))
    households = gpd.GeoDataFrame(frame, geometry=geometry.to_numpy(), crs=town.entrances.crs)
    residents = _residents(rng, kinds, on)
    residents = residents[(standing != "vacant")[residents["household_id"].to_numpy()]].reset_index(drop=True)
    residents.insert(0, "id", np.arange(len(residents)))
    spells = _spells(rng, rows, standing, on, ZoneInfo(town.timezone))
    tags = _tags(rng, residents, kinds, on, ZoneInfo(town.timezone), n)
    return People(households, residents, tags, spells)


# --- who lives there ---------------------------------------------------------------------------------------------


def _draw(rng: np.random.Generator, kinds: Ints, field: str) -> Ints:
    """Return for each household how many of one kind of member it has."""
    count = np.zeros(len(kinds), dtype=np.int64)
    for i, household_type in enumerate(TYPES):
        chances = getattr(household_type, field)
        mine = kinds == i
        if len(chances) > 1:
            count[mine] = rng.choice(len(chances), int(mine.sum()), p=chances)
    return count


def _residents(rng: np.random.Generator, kinds: Ints, on: dt.date) -> pd.DataFrame:
    """Return the members of all households, heads first."""
    n = len(kinds)
    low = np.array([t.head_age[0] for t in TYPES])[kinds]
    high = np.array([t.head_age[1] for t in TYPES])[kinds]
    # elders thin out with age
    elder = low > 60
    share = np.where(elder, rng.random(n) ** 1.7, rng.random(n))
    head_age = (low + share * (high - low + 1)).astype(np.int64)
    man = rng.random(n) < MALE_HEAD
    family = surnames(rng, n)
    migrant = rng.random(n) < MIGRANT_SHARE
    spouse = rng.random(n) < np.array([t.spouse for t in TYPES])[kinds]
    parts = [_members(np.arange(n), head_age, man, family, "head")]
    who = np.flatnonzero(spouse)
    other_name = surnames(rng, n)
    gap = np.rint(rng.normal(np.where(man, -2, 2), 2.5)).astype(np.int64)
    parts.append(_members(who, np.maximum(head_age + gap, 20)[who], ~man[who], other_name[who], "spouse"))
    children_name = np.where(man | ~spouse, family, other_name)
    mother_age = np.where(spouse, np.minimum(head_age, head_age + gap), head_age)
    for count, relation, older in (
        (_draw(rng, kinds, "children"), "child", -1),
        (_draw(rng, kinds, "parents"), "parent", +1),
        (_draw(rng, kinds, "grandchildren"), "grandchild", -2),
        (_draw(rng, kinds, "others"), "other", 0),
    ):
        who = np.repeat(np.arange(n), count)
        nth = np.arange(len(who)) - np.repeat(np.cumsum(count) - count, count)
        age = _age_of(rng, older, mother_age[who] if older == -1 else head_age[who], nth)
        male = rng.random(len(who)) < 0.51
        if relation == "parent":
            male = (nth == 0) & (rng.random(len(who)) < LONE_GRANDFATHER)
        name = children_name[who] if older < 0 else np.where(male & (older > 0), family[who], surnames(rng, len(who)))
        parts.append(_members(who, age, male, name, relation))
    whole = pd.concat(parts, ignore_index=True)
    whole["name"] = whole["family"] + given_names(rng, whole["male"].to_numpy(bool), whole["age"].to_numpy())
    whole["born_year"] = on.year - whole["age"]
    whole["sex"] = np.where(whole["male"], "m", "f")
    whole["registration"] = np.where(migrant[whole["household_id"]], "migrant", "local")
    whole = whole.sort_values("household_id", kind="stable", ignore_index=True)
    return whole[["household_id", "name", "sex", "born_year", "relation", "registration"]]


def _members(who: Ints, age: Ints, male: Bools, family: npt.NDArray[np.object_], relation: str) -> pd.DataFrame:
    return pd.DataFrame({"household_id": who, "age": age, "male": male, "family": family, "relation": relation})


def _age_of(rng: np.random.Generator, older: int, age: Ints, nth: Ints) -> Ints:
    """Return ages of children (-1), grandchildren (-2), parents (+1) or flatmates (0) of people of ``age``."""
    n = len(age)
    if older == 0:
        grown: Ints = np.maximum(age + rng.integers(-6, 7, n), 18)
        return grown
    if older == 1:
        return age + rng.integers(23, 32, n) - 2 * nth
    years = rng.integers(21, 31, n) if older == -1 else rng.integers(45, 56, n)
    born = age - years - 3 * nth
    # children grow up and leave: those who would be of age are drawn again among the young
    young: Ints = np.where(born > 22, rng.integers(8, 23, n), np.maximum(born, rng.integers(0, 4, n)))
    return young


# --- standing: registered, vacant, moved, refused ------------------------------------------------------------------


def _spells(
    rng: np.random.Generator, rows: pd.DataFrame, standing: npt.NDArray[np.object_], on: dt.date, zone: ZoneInfo
) -> pd.DataFrame:
    """Return what each household was and since when: registered house by house, some changed during the year."""
    n = len(rows)
    grids, position = np.unique(rows["grid_number"], return_inverse=True)
    share = np.linspace(*LATE_REGISTERED, len(grids))[rng.permutation(len(grids))]
    doors, door = np.unique(rows["entrance_id"], return_inverse=True)
    late_door = rng.random(len(doors))
    door_days = rng.integers(7, LATE_DAYS, len(doors))
    late = late_door[door] < share[position]
    early = np.where(
        rng.random(len(doors)) < YEAR_REGISTERED,
        rng.integers(LATE_DAYS, 360, len(doors)),
        REGISTERED_DAYS + rng.integers(0, 300, len(doors)),
    )
    ago = np.where(late, door_days[door], early[door])
    changed = standing != "occupied"
    change_ago = np.maximum((rng.uniform(0.05, 0.95, n) * np.minimum(ago, 360)).astype(np.int64), 1)
    at_once = changed & (rng.random(n) < np.where(standing == "vacant", 0.6, 0.1))
    change_ago[at_once] = ago[at_once]
    first = np.where(at_once, standing, "occupied")
    today = np.datetime64(on)
    opening = pd.DataFrame(
        {"household_id": np.arange(n), "standing": first, "valid_from": today - ago,
         "valid_to": np.where(changed & ~at_once, today - change_ago, np.datetime64("NaT"))}
    )  # fmt: skip
    later = np.flatnonzero(changed & ~at_once)
    closing = pd.DataFrame(
        {"household_id": later, "standing": standing[later], "valid_from": today - change_ago[later],
         "valid_to": np.full(len(later), np.datetime64("NaT"), dtype="datetime64[D]")}
    )  # fmt: skip
    spells = pd.concat([opening, closing], ignore_index=True)
    reasons = {
        "vacant": "多次走访无人居住",
        "moved": "邻居反映已搬走",
        "refused": "明确表示不需要走访",
        "excluded": "作仓库使用",
    }
    spells["reason"] = spells["standing"].map(reasons).astype(object).where(spells["standing"] != "occupied", None)
    spells["recorded_at"] = _moment(spells["valid_from"], rng.integers(17 * 60, 19 * 60, len(spells)), zone)
    for column in ("valid_from", "valid_to"):
        spells[column] = _dates(spells[column])
    return spells.sort_values(["household_id", "valid_from"], ignore_index=True)[
        ["household_id", "standing", "reason", "valid_from", "valid_to", "recorded_at"]
    ]


def _moment(days: pd.Series, minutes: Ints, zone: ZoneInfo) -> pd.Series:
    """Return local minutes of days as aware moments."""
    local = pd.to_datetime(days).astype("datetime64[us]") + pd.to_timedelta(minutes, unit="m")
    return local.dt.tz_localize(zone, ambiguous=True, nonexistent="shift_forward").dt.tz_convert("UTC")


def _dates(days: pd.Series) -> pd.Series:
    """Return days as dates, None for none."""
    stamps = pd.to_datetime(days)
    return stamps.dt.date.astype(object).where(stamps.notna(), None)


# --- special groups ----------------------------------------------------------------------------------------------


def _tags(
    rng: np.random.Generator, residents: pd.DataFrame, kinds: Ints, on: dt.date, zone: ZoneInfo, n: int
) -> pd.DataFrame:
    """Return the special groups of residents and households."""
    person = residents.assign(age=on.year - residents["born_year"])
    size = np.bincount(person["household_id"], minlength=n)
    oldest = np.zeros(n, dtype=np.int64)
    youngest = np.full(n, 200)
    np.maximum.at(oldest, person["household_id"], person["age"])
    np.minimum.at(youngest, person["household_id"], person["age"])
    elders_only = (youngest >= 60) & (size > 1)
    head = (person["relation"] == "head").to_numpy()
    age, home = person["age"].to_numpy(), person["household_id"].to_numpy()
    single = size[home] == 1
    woman = (person["sex"] == "f").to_numpy()
    newborn = np.zeros(n, dtype=bool)
    newborn[home[age == 0]] = True
    lottery = rng.random((len(RATE), len(person)))
    drawn = dict(zip(RATE, lottery, strict=True))

    def hit(rate: str, among: Bools) -> Bools:
        lucky: Bools = among & (drawn[rate] < RATE[rate])
        return lucky

    risky = hit("risky_illness", age >= 50)
    found: dict[str, Bools] = {
        "alone": hit("alone", single & (age >= 60)),
        "empty_nest": hit("empty_nest", head & elders_only[home]),
        "left_elder": hit("left_elder", head & elders_only[home]),
        "aged_80": hit("aged_80", age >= 80),
        "frail": hit("frail_60", (age >= 60) & (age < 80)) | hit("frail_80", age >= 80),
        "severe_disability": hit("severe_disability", age >= 1),
        "disability": hit("disability", age >= 1),
        "lost_child": hit("lost_child", head & (age >= 50)),
        "hardship": hit("hardship", head),
        "allowance": hit("allowance", head),
        "orphan": hit("orphan", age < 16),
        "child_difficulty": hit("child_difficulty", age < 16),
        "left_child": hit("left_child", (kinds[home] == 7) & (age < 16)),
        "maternity": hit("maternity", woman & newborn[home] & (age >= 20) & (age < 46)),
        "serious_illness": hit("serious_illness", age >= 30) | risky,
        "veteran": hit("veteran", ~woman & (age >= 20)),
        "high_risk": (single & (age >= 80)) | risky,
    }
    parts = [
        pd.DataFrame({"household_id": home[mask], "resident_id": person["id"].to_numpy()[mask], "group_code": code})
        for code, mask in found.items()
    ]
    tags = pd.concat(parts, ignore_index=True)
    fresh = rng.random(len(tags)) < NEW_TAG_SHARE
    ago = np.where(fresh, rng.integers(5, 350, len(tags)), rng.integers(400, 1500, len(tags)))
    since = pd.Series(np.datetime64(on) - ago)
    tags["valid_from"] = _dates(since)
    tags["valid_to"] = None
    late = np.minimum(rng.integers(0, 4, len(tags)), ago - 1)
    tags["recorded_at"] = _moment(since + pd.to_timedelta(late, unit="D"), rng.integers(600, 1020, len(tags)), zone)
    tags["basis"] = BASIS
    return tags
