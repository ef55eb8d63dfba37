"""How a community works: settings and shifts, who may change them, what is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from small_world import DAY, World, job
from sqlalchemy import Connection

from gridmap.domain.actors import Actor, Role
from gridmap.domain.working import WorkSetting
from gridmap.errors import BadInput, Forbidden, NotFound
from gridmap.services import working
from gridmap.store.database import become


@pytest.fixture
def world(con: Connection, community_id: int) -> World:
    return World(con, community_id)


def secretary(world: World) -> Actor:
    made = Actor(Role.SECRETARY, world.community_id)
    become(world.con, made)
    return made


def test_a_community_begins_with_the_defaults_and_keeps_what_it_changes(world: World) -> None:
    actor = secretary(world)
    assert working.setting(world.con, actor) == WorkSetting()
    made = working.change_setting(world.con, actor, changes={"quiet_from_min": 1200, "service_min": {"policy": 9}})
    assert made.quiet_from_min == 1200
    assert made.service_min == WorkSetting().service_min | {"policy": 9}
    made = working.change_setting(world.con, actor, changes={"navigation": True})
    assert working.setting(world.con, actor) == made
    assert (made.quiet_from_min, made.navigation) == (1200, True)
    back = working.change_setting(world.con, actor, changes={"quiet_from_min": 1230, "service_min": {"policy": 6}})
    assert back == WorkSetting(navigation=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"quiet_from_min": 1441},
        {"quiet_until_min": -1},
        {"quiet_until_min": 1300, "quiet_from_min": 1200},
        {"shift_start_min": 800, "shift_end_min": 700},
        {"working_weekday_bits": 128},
        {"walk_m_s": float("nan")},
        {"walk_m_s": 0},
        {"walk_m_s": "fast"},
        {"knock_min": 1.5},
        {"quiet_from_min": True},
        {"service_min": {"policy": 0}},
        {"service_min": {"gossip": 5}},
        {"service_min": 5},
        {"navigation": 1},
        {"colour": "red"},
    ],
)
def test_a_setting_that_cannot_be_is_refused(world: World, changes: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        working.change_setting(world.con, secretary(world), changes=changes)
    assert working.setting(world.con, job(world)) == WorkSetting()


def test_only_the_secretary_changes_settings_and_shifts(world: World) -> None:
    for role in (Role.WORKER, Role.CLERK, Role.PLANNER):
        actor = Actor(role, world.community_id, frozenset(world.grids[:1]), worker_id=world.workers[0])
        become(world.con, actor)
        assert working.setting(world.con, actor) == WorkSetting()
        with pytest.raises(Forbidden):
            working.change_setting(world.con, actor, changes={})
        with pytest.raises(Forbidden):
            working.set_shift(world.con, actor, worker_id=world.workers[0], on=DAY, spans=[])


def test_without_a_shift_the_usual_hours_hold_on_working_days(world: World) -> None:
    actor, (first, second) = secretary(world), world.workers
    usual = [(first, 32_400, 43_200, None, None), (second, 32_400, 43_200, None, None)]
    assert working.shifts_of(world.con, actor, worker_ids=[second, first, first], on=DAY) == usual
    working.change_setting(world.con, actor, changes={"working_weekday_bits": 0b1111110})  # DAY is a Monday
    assert working.shifts_of(world.con, actor, worker_ids=[first], on=DAY) == []
    assert len(working.shifts_of(world.con, actor, worker_ids=[first], on=DAY + timedelta(days=1))) == 1


def test_a_shift_that_was_set_stands_and_an_empty_one_says_off(world: World) -> None:
    actor, (first, second) = secretary(world), world.workers
    evening = (1080, 1200, (105.281, 27.3005), None)
    working.set_shift(world.con, actor, worker_id=first, on=DAY, spans=[evening, (540, 600, None, None)])
    working.set_shift(world.con, actor, worker_id=second, on=DAY, spans=[(540, 540, None, None)])
    assert working.shifts_of(world.con, actor, worker_ids=world.workers, on=DAY) == [
        (first, 32_400, 36_000, None, None),
        (first, 64_800, 72_000, (105.281, 27.3005), None),
    ]
    own = Actor(Role.WORKER, world.community_id, frozenset(world.grids[1:]), worker_id=second)
    become(world.con, own)
    assert working.shifts_of(world.con, own, worker_ids=world.workers, on=DAY) == []  # his own: he is off
    working.set_shift(world.con, secretary(world), worker_id=first, on=DAY, spans=[])
    assert working.shifts_of(world.con, actor, worker_ids=[first], on=DAY) == [(first, 32_400, 43_200, None, None)]


@pytest.mark.parametrize("spans", [[(700, 600)], [(0, 1441)], [(600, 700), (690, 800)], [(0, 1)] * 5])
def test_a_shift_that_cannot_be_is_refused(world: World, spans: list[tuple[int, int]]) -> None:
    with pytest.raises(BadInput):
        working.set_shift(
            world.con,
            secretary(world),
            worker_id=world.workers[0],
            on=DAY,
            spans=[(a, b, None, None) for a, b in spans],
        )
    with pytest.raises(NotFound):
        working.set_shift(world.con, secretary(world), worker_id=2**40, on=DAY, spans=[])


def test_a_substitute_has_his_own_grid_first_and_then_the_one_he_stands_in_for(world: World) -> None:
    first, second = world.workers
    world.put(
        "worker_assignment",
        worker_id=second,
        grid_id=world.grids[0],
        duty="substitute",
        valid_from=DAY,
        valid_to=DAY + timedelta(days=1),
    )
    actor = secretary(world)
    both = {first: (world.grids[0],), second: (world.grids[1], world.grids[0])}
    assert working.duties(world.con, actor, on=DAY) == both
    assert working.duties(world.con, actor, on=DAY + timedelta(days=1)) == {
        first: both[first],
        second: both[second][:1],
    }
