"""Invented people: plausible, nobody twice, the same for the same seed."""

import dataclasses
from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pandas.testing import assert_frame_equal

from gridmap.domain import people as rates
from gridmap.domain.groups import BY_CODE, GENERAL, RULE_DEFAULTS
from gridmap.domain.people import homes, invent_people
from gridmap.domain.towns import People, Town
from gridmap.files.towns import read_town
from gridmap.settings import GEODATA

ON = date(2026, 11, 22)


@pytest.fixture(scope="module")
def town() -> Town:
    return read_town(GEODATA / "nanshan")


@pytest.fixture(scope="module")
def people(town: Town) -> People:
    return invent_people(town, ON, 7)


def test_the_same_arguments_give_the_same_people(town: Town, people: People) -> None:
    again = invent_people(town, ON, 7)
    for name in ("households", "residents", "tags", "spells"):
        assert_frame_equal(pd.DataFrame(getattr(again, name)), pd.DataFrame(getattr(people, name)))
    assert not invent_people(town, ON, 8).residents["name"].equals(people.residents["name"])


def test_rooms_are_numbered_by_floor_and_shops_have_nobody_on_the_ground_floor(town: Town) -> None:
    rows = homes(town).merge(town.buildings[["id", "kind", "floors"]], left_on="building_id", right_on="id")
    assert not rows.duplicated(["entrance_id", "floor", "room"]).any()
    assert (rows["floor"] <= rows["floors"]).all()
    assert rows.loc[rows["kind"] == "shop", "floor"].min() == 2
    assert rows.loc[rows["kind"] != "shop", "floor"].min() == 1
    assert rows["room"].str[:-2].astype(int).equals(rows["floor"].astype(int))


def test_doors_of_one_stairwell_can_be_told_apart(town: Town, people: People) -> None:
    points = people.households.geometry
    assert not points.duplicated().any()
    doors = town.entrances.set_index("id").to_crs(town.epsg).geometry
    near = points.to_crs(town.epsg).distance(doors.loc[people.households["entrance_id"]].reset_index(drop=True))
    assert near.max() < 16


def test_ages_and_sizes_come_near_the_census(people: People) -> None:
    age = ON.year - people.residents["born_year"]
    size = people.residents.groupby("household_id").size()
    assert (age < 15).mean() == pytest.approx(rates.CENSUS_SHARE_0_14, abs=0.04)
    assert (age >= 60).mean() == pytest.approx(rates.CENSUS_SHARE_60, abs=0.03)
    assert size.mean() == pytest.approx(rates.CENSUS_HOUSEHOLD_SIZE, abs=0.3)
    assert age.between(0, 110).all()
    assert (people.residents["sex"] == "m").mean() == pytest.approx(0.51, abs=0.03)


def test_families_hang_together(people: People) -> None:
    rows = people.residents.assign(age=ON.year - people.residents["born_year"])
    heads = rows[rows["relation"] == "head"].set_index("household_id")
    assert heads.index.is_unique
    assert set(rows["household_id"]) == set(heads.index)
    both = rows.join(heads["age"].rename("head_age"), on="household_id")
    parents, children = (both[both["relation"] == word] for word in ("parent", "child"))
    assert (parents["age"] >= parents["head_age"] + 18).all()
    assert (children["age"] < children["head_age"]).all()
    spouses = rows[rows["relation"] == "spouse"].set_index("household_id")
    assert (spouses["sex"] != heads.loc[spouses.index, "sex"]).all()
    assert (rows.loc[rows["relation"] == "head", "age"] >= 18).all()


def test_spells_follow_each_other_without_gap_up_to_today(people: People) -> None:
    spells = people.spells.sort_values(["household_id", "valid_from"])
    last = ~spells.duplicated("household_id", keep="last")
    assert spells.loc[last, "valid_to"].isna().all()
    following = spells.groupby("household_id")["valid_from"].shift(-1)[~last]
    assert (spells.loc[~last, "valid_to"] == following).all()
    assert set(spells["household_id"]) == set(people.households["id"])
    assert (spells["valid_from"] < ON).all()
    assert (spells["recorded_at"] < pd.Timestamp(ON, tz="Asia/Shanghai")).all()


def test_nobody_lives_in_an_empty_home(people: People) -> None:
    today = people.spells[people.spells["valid_to"].isna()].set_index("household_id")["standing"]
    assert set(today.unique()) == {"occupied", "vacant", "moved", "refused", "excluded"}
    assert not set(today.index[today == "vacant"]) & set(people.residents["household_id"])


def test_group_tags_are_known_shared_and_at_plausible_rates(people: People) -> None:
    tags, n = people.tags, len(people.households)
    assert set(tags["group_code"]) <= {code for code, group in BY_CODE.items() if not group.restricted}
    period = {rule.group_code: rule.period_days for rule in RULE_DEFAULTS if rule.group_code != GENERAL}
    strictest = tags["group_code"].map(period).groupby(tags["household_id"]).min()
    assert 0.010 <= (strictest == 7).sum() / n <= 0.030
    assert 0.06 <= (strictest == 30).sum() / n <= 0.13
    whose = people.residents.set_index("id").loc[tags["resident_id"].astype(int)]
    assert (whose["household_id"].to_numpy() == tags["household_id"].to_numpy()).all()
    old = whose[(tags["group_code"] == "aged_80").to_numpy()]
    assert (ON.year - old["born_year"] >= 80).all()
    assert (tags["recorded_at"] < pd.Timestamp(ON, tz="Asia/Shanghai")).all()


def tower_town(town: Town, n: int) -> Town:
    """Return the town with ``n`` homes in one endless building, as a foreign map might hold it."""
    one = town.buildings.iloc[[0]].assign(id=5, floors=n // 4, doors_per_floor=4, kind="yes", compound_id=pd.NA)
    return dataclasses.replace(
        town, buildings=one, entrances=town.entrances.iloc[[0]].assign(id=9, building_id=5, assumed=True)
    )


def test_a_large_town_is_peopled_without_a_loop_over_households(town: Town, nightly: bool) -> None:
    n = 100_000 if nightly else 10_000
    made = invent_people(tower_town(town, n), ON, 1)
    assert len(made.households) == n
    assert made.households["room"].iloc[-1] == f"{n // 4}04"
    assert isinstance(made.households, gpd.GeoDataFrame)
    assert np.isfinite(shapely.get_coordinates(made.households.geometry.to_numpy())).all()


def test_a_town_where_nobody_lives_has_no_people(town: Town) -> None:
    empty = dataclasses.replace(town, buildings=town.buildings.assign(doors_per_floor=0))
    made = invent_people(empty, ON, 1)
    assert len(made.households) == len(made.residents) == len(made.tags) == len(made.spells) == 0
