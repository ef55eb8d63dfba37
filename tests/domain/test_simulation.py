"""The invented year: it keeps the rules of the work, and has its rough edges."""

import dataclasses
from datetime import date

import numpy as np
import pandas as pd
import pytest
import shapely
from pandas.testing import assert_frame_equal

from gridmap.domain.people import invent_people
from gridmap.domain.simulation import invent_history
from gridmap.domain.towns import History, People, Town
from gridmap.domain.water import BARRELS_PER_MONTH, BRANDS, YUAN_PER_BARREL
from gridmap.files.towns import read_town
from gridmap.settings import GEODATA

ON = date(2026, 11, 22)
ZONE = "Asia/Shanghai"
MIDNIGHT = pd.Timestamp(ON, tz=ZONE)


@pytest.fixture(scope="module")
def town() -> Town:
    return read_town(GEODATA / "nanshan")


@pytest.fixture(scope="module")
def people(town: Town) -> People:
    return invent_people(town, ON, 7)


@pytest.fixture(scope="module")
def history(town: Town, people: People) -> History:
    return invent_history(town, people, ON, 7)


def test_the_same_arguments_give_the_same_history(town: Town, people: People, history: History) -> None:
    again = invent_history(town, people, ON, 7)
    for field in dataclasses.fields(History):
        assert_frame_equal(pd.DataFrame(getattr(again, field.name)), pd.DataFrame(getattr(history, field.name)))


def test_everything_happened_before_today_and_was_written_down_afterwards(history: History) -> None:
    visits = history.visits
    assert (visits["visited_at"] >= MIDNIGHT - pd.Timedelta(days=366)).all()
    assert (visits["visited_at"] < visits["recorded_at"]).all()
    assert (visits["recorded_at"] < MIDNIGHT).all()
    assert (history.needs["raised_at"] < MIDNIGHT).all()
    closed = history.needs.dropna(subset="closed_at")
    assert (closed["closed_at"] > closed["raised_at"]).all()
    assert (closed["closed_at"] < MIDNIGHT).all()


def test_nobody_knocks_in_the_quiet_hours(history: History) -> None:
    local = history.visits["visited_at"].dt.tz_convert(ZONE)
    minute = local.dt.hour * 60 + local.dt.minute
    assert minute.min() >= 9 * 60
    assert minute.max() <= 20 * 60 + 30


def test_about_half_of_the_doors_open_by_day_and_weekends_are_quiet(history: History) -> None:
    visits = history.visits
    local = visits["visited_at"].dt.tz_convert(ZONE)
    by_day = visits[(visits["mode"] == "door") & (local.dt.hour < 17) & visits["result"].isin(["met", "nobody"])]
    assert (by_day["result"] == "met").mean() == pytest.approx(0.5, abs=0.06)
    per_day = local.dt.day_of_week.value_counts()
    assert per_day[[5, 6]].mean() < 0.35 * per_day[[0, 1, 2, 3, 4]].mean()


def test_some_visits_are_written_down_days_later(history: History) -> None:
    delay = history.visits["recorded_at"] - history.visits["visited_at"]
    assert 0.03 < (delay > pd.Timedelta(days=1)).mean() < 0.12


def test_only_registered_households_are_visited_and_nobody_after_they_left(people: People, history: History) -> None:
    spells = people.spells
    known = pd.to_datetime(spells.groupby("household_id")["valid_from"].min()).dt.tz_localize(ZONE)
    visits = history.visits
    assert (visits["visited_at"] >= visits["household_id"].map(known)).all()
    gone = spells[spells["standing"] != "occupied"].drop_duplicates("household_id").set_index("household_id")
    left = pd.to_datetime(gone["valid_from"]).dt.tz_localize(ZONE) + pd.Timedelta(days=1)
    after = visits["visited_at"] >= visits["household_id"].map(left)
    assert not after.any()
    results = visits["result"].value_counts()
    assert min(results["moved"], results["vacant"], results["refused"]) > 20


def test_nineteen_grids_have_one_main_worker_each(history: History) -> None:
    duty = history.assignments
    today = duty[duty["valid_to"].isna() & (duty["duty"] == "main")]
    assert sorted(today["grid_number"]) == list(range(1, 20))
    assert today["worker_id"].is_unique
    assert history.workers["name"].is_unique
    handed = duty[(duty["duty"] == "main") & duty["valid_to"].notna()].iloc[0]
    taken = today[today["grid_number"] == handed["grid_number"]].iloc[0]
    assert handed["valid_to"] == taken["valid_from"]
    assert (duty["duty"] == "substitute").sum() == 1


def test_visits_are_made_by_who_was_on_duty(people: People, history: History) -> None:
    visits = history.visits
    assert visits["worker_id"].isin(history.workers["id"]).all()
    grid = people.households.set_index("id")["grid_number"].loc[visits["household_id"]].to_numpy()
    stand_in = history.assignments[history.assignments["duty"] == "substitute"].iloc[0]
    local = visits["visited_at"].dt.tz_convert(ZONE).dt.date
    during = (grid == stand_in["grid_number"]) & (local >= stand_in["valid_from"]) & (local < stand_in["valid_to"])
    assert during.sum() > 0
    assert (visits.loc[during, "worker_id"] == stand_in["worker_id"]).all()


def test_water_makes_the_published_figures(history: History) -> None:
    orders = history.orders
    assert orders["barrels"].sum() / 12 == pytest.approx(BARRELS_PER_MONTH, rel=0.05)
    assert orders["barrels"].sum() * YUAN_PER_BARREL > 200_000
    assert set(orders["brand"]) == set(BRANDS)
    assert {"二十二小", "市政务服务中心"} <= set(history.customers["name"])
    assert set(history.customers["kind"]) == {"institution", "shop", "household"}


def test_facilities_earn_more_than_50000_yuan_a_year(history: History) -> None:
    assert 50_000 < history.incomes["amount_yuan"].sum() < 65_000
    assert history.incomes.groupby("facility_number")["month"].nunique().eq(12).all()


def test_a_facility_earns_nothing_before_it_opened(town: Town, people: People) -> None:
    new = dataclasses.replace(town, facilities=town.facilities.assign(opened_on=date(2026, 9, 1)))
    assert set(invent_history(new, people, ON, 7).incomes["month"]) == {date(2026, 9, 1), date(2026, 10, 1)}


def test_three_runs_of_today_go_along_the_streets(town: Town, history: History) -> None:
    runs = history.runs[history.runs["on"] == ON]
    assert sorted(runs["number"]) == [1, 2, 3]
    streets = town.streets.to_crs(town.epsg).union_all().buffer(1.0)
    ways = runs.to_crs(town.epsg)
    assert ways.within(streets).all()
    assert ways.length.to_numpy() == pytest.approx(runs["length_m"].to_numpy(), rel=0.01)
    stops = history.orders[history.orders["run_id"].isin(runs["id"])]
    assert stops["delivered_at"].isna().all()
    order = stops.drop_duplicates(["run_id", "customer_id"]).groupby("run_id")["stop_number"]
    assert all(sorted(numbers) == list(range(1, len(numbers) + 1)) for _, numbers in order)


def test_a_run_visits_the_customers_it_serves(town: Town, history: History) -> None:
    run = history.runs[history.runs["on"] == ON].to_crs(town.epsg).iloc[0]
    served = history.orders.loc[history.orders["run_id"] == run["id"], "customer_id"].unique()
    doors = history.customers.set_index("id").to_crs(town.epsg).geometry.loc[served]
    assert doors.distance(run.geometry).max() < 40


def test_a_town_without_streets_or_facilities_has_a_history_too(town: Town, people: People) -> None:
    bare = dataclasses.replace(
        town, streets=town.streets.iloc[:0], facilities=town.facilities.iloc[:0], places=town.places.iloc[:0]
    )
    made = invent_history(bare, people, ON, 7)
    assert len(made.runs) == len(made.incomes) == 0
    assert len(made.visits) > 10_000
    assert len(made.orders) > 0


def test_nobody_means_no_visits(town: Town) -> None:
    empty = dataclasses.replace(town, buildings=town.buildings.assign(doors_per_floor=0))
    made = invent_history(empty, invent_people(empty, ON, 1), ON, 1)
    assert len(made.visits) == len(made.needs) == 0
    assert len(made.assignments) == 21


def test_several_pieces_of_street_network_are_no_obstacle(town: Town, people: People, history: History) -> None:
    island = town.streets.iloc[[0]].assign(geometry=[shapely.LineString([(105.27, 27.31), (105.2701, 27.31)])])
    apart = dataclasses.replace(town, streets=pd.concat([town.streets, island], ignore_index=True))
    made = invent_history(apart, people, ON, 7)
    assert np.isfinite(made.runs["length_m"]).all()
    assert made.runs["length_m"].tolist() == history.runs["length_m"].tolist()
