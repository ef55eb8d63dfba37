"""What is invented of the next days: the same for the same seed, within the hours one may ring, and never answered."""

from __future__ import annotations

from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from gridmap.domain.occasions import PROMISE_DAYS, Prospects, invent_occasions
from gridmap.domain.people import invent_people
from gridmap.domain.simulation import invent_history
from gridmap.domain.towns import History, People, Town
from gridmap.domain.working import WorkSetting, may_ring
from gridmap.services.communities import DEMO_SEED, demo_town
from tests.conftest import DEMO_DAY

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture(scope="module")
def town() -> Town:
    return demo_town()


@pytest.fixture(scope="module")
def lived(town: Town) -> tuple[People, History]:
    people = invent_people(town, DEMO_DAY, DEMO_SEED)
    return people, invent_history(town, people, DEMO_DAY, DEMO_SEED)


@pytest.fixture(scope="module")
def found(town: Town, lived: tuple[People, History]) -> Prospects:
    return invent_occasions(town, *lived, DEMO_DAY, DEMO_SEED)


def test_the_same_seed_gives_the_same_days(town: Town, lived: tuple[People, History], found: Prospects) -> None:
    again = invent_occasions(town, *lived, DEMO_DAY, DEMO_SEED)
    for name in Prospects.__dataclass_fields__:
        pd.testing.assert_frame_equal(getattr(found, name), getattr(again, name))


def test_nothing_is_recorded_after_the_evening_before(found: Prospects) -> None:
    midnight = pd.Timestamp(DEMO_DAY, tz=SHANGHAI)
    recorded = [
        *(found.at_home["recorded_at"], found.promises["made_at"], found.events["recorded_at"]),
        *(found.deliveries["delivered_at"], found.hazards["found_at"], found.hazards["resolved_at"]),
        *(found.disputes["raised_at"], found.disputes["closed_at"], found.errands["done_at"]),
    ]
    assert all((column.dropna() < midnight).all() for column in recorded)


def test_promises_lie_where_one_may_ring_and_the_first_grid_has_one_today(
    found: Prospects, lived: tuple[People, History]
) -> None:
    local = found.promises["starts_at"].dt.tz_convert(SHANGHAI)
    begins = (local.dt.hour * 60 + local.dt.minute).tolist()
    assert all(may_ring(WorkSetting(), begin, begin + 30) for begin in begins)
    days = set(local.dt.date)
    assert min(days) == DEMO_DAY
    assert max(days) < DEMO_DAY + timedelta(days=PROMISE_DAYS)
    grids = lived[0].households["grid_number"].to_numpy()[found.promises["household_id"]]
    assert 1 in set(grids[(local.dt.date == DEMO_DAY).to_numpy()])


def test_events_happened_yesterday_and_nobody_has_been_there_since(
    found: Prospects, lived: tuple[People, History]
) -> None:
    assert 2 <= len(found.events) <= 4
    visits = lived[1].visits
    for event in found.events.itertuples():
        assert event.visit_by - event.happened_at == timedelta(hours=24)
        assert event.happened_at.astimezone(SHANGHAI).date() == DEMO_DAY - timedelta(days=1)
        later = visits[(visits["household_id"] == event.household_id) & (visits["visited_at"] >= event.happened_at)]
        assert later.empty
        assert event.happened_at.tzinfo in {UTC, event.happened_at.tzinfo}


def test_only_households_that_live_there_and_did_not_refuse_are_told_of(
    found: Prospects, lived: tuple[People, History]
) -> None:
    people, history = lived
    now = people.spells[pd.isna(people.spells["valid_to"])].set_index("household_id")["standing"]
    refused = set(history.visits["household_id"][history.visits["result"] == "refused"])
    for frame in (found.at_home, found.promises, found.events, found.hazards, found.disputes):
        ids = set(frame["household_id"])
        assert ids
        assert set(now.loc[sorted(ids)]) == {"occupied"}
        assert not ids & refused


def test_every_machine_is_checked_once_a_month_by_a_worker_near_by(found: Prospects, town: Town) -> None:
    checks = found.errands[found.errands["kind"] == "facility"]
    coming = checks[checks["on"] >= DEMO_DAY]
    assert sorted(coming["facility_number"]) == sorted(town.facilities["number"])
    commercial = set(town.grids["number"][town.grids["kind"] == "commercial"])
    assert commercial & set(coming["grid_number"][coming["on"] == DEMO_DAY])


def test_follow_ups_lie_ahead_of_their_visit_and_material_is_handed_over_once(found: Prospects) -> None:
    told = found.visits[found.visits["follow_up_on"].notna()]
    assert len(told) > 10
    assert all(row.follow_up_on > row.visited_at.astimezone(SHANGHAI).date() for row in told.itertuples())
    assert not found.deliveries.duplicated(["household_id", "material_id"]).any()
    assert set(found.visits["consent"].dropna()) == {"given", "withheld"}


def test_a_town_without_machines_has_errands_all_the_same(town: Town, lived: tuple[People, History]) -> None:
    from dataclasses import replace

    bare = replace(town, facilities=town.facilities.iloc[:0])
    made = invent_occasions(bare, *lived, DEMO_DAY, 3)
    assert "facility" not in set(made.errands["kind"])
    assert len(made.errands)
