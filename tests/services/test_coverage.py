"""Coverage through the database: figures worked by hand, past days, roles."""

from __future__ import annotations

from dataclasses import astuple
from datetime import date, timedelta

import pytest
from small_world import BEGIN, DAY, World, at, job, populate
from sqlalchemy import Connection, event, text

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.coverage import COUNT_FIELDS, Counts, total
from gridmap.errors import BadInput, Forbidden, NotFound, SignInNeeded
from gridmap.services import coverage
from gridmap.store.database import become


@pytest.fixture
def world(con: Connection, community_id: int) -> World:
    return World(con, community_id)


def secretary(world: World) -> Actor:
    return Actor(Role.SECRETARY, world.community_id)


def ask(world: World, actor: Actor, on: date = DAY, group: str | None = None):  # type: ignore[no-untyped-def]
    become(world.con, actor)
    return coverage.overview(world.con, actor, on=on, group=group)


def test_the_figures_are_those_worked_by_hand(world: World) -> None:
    populate(world)
    coverage.recompute(world.con, job(world), on=DAY)
    found = ask(world, secretary(world))
    first, second = (g.counts for g in found.grids)
    # general rule: 90 days, 15 minutes a visit and knock: 30/90 * 15 = 5 minutes a month for each of 5 of the base
    assert first == Counts(
        households=8,
        base=5,
        overdue=3,
        state_never=1,
        state_covered=1,
        state_due_soon=1,
        state_overdue=1,
        state_no_answer=1,
        state_refused=1,
        state_moved=1,
        state_excluded=1,
        attempts=3,
        met=1,
        load_min=25.0,
    )
    # alone: 30 days, visited 25 days ago, soon from day 23 on; both: 7 days, visited 10 days ago
    # 30/30*15 = 15.00 and 30/7*15 = 64.28 minutes
    assert second == Counts(
        households=2,
        base=2,
        overdue=1,
        state_due_soon=1,
        state_overdue=1,
        special_base=2,
        special_covered=1,
        attempts=2,
        met=2,
        open_needs=1,
        load_min=79.28,
    )
    assert found.total == total([first, second])
    assert found.total.load_min == 104.28


def test_by_group_only_its_households_count(world: World) -> None:
    populate(world)
    coverage.recompute(world.con, job(world), on=DAY)
    assert [g.counts.households for g in ask(world, secretary(world), group="high_risk").grids] == [0, 1]
    assert [g.counts.households for g in ask(world, secretary(world), group="alone").grids] == [0, 2]


@pytest.mark.parametrize("group", [None, "alone", "high_risk", "veteran"])
def test_a_past_day_is_counted_as_it_was_counted_on_that_day(world: World, group: str | None) -> None:
    populate(world)
    live = {}
    for on in (DAY, DAY + timedelta(days=1), DAY + timedelta(days=7), DAY + timedelta(days=30)):
        coverage.recompute(world.con, job(world), on=on)
        live[on] = ask(world, secretary(world), on, group)
    for on, then in list(live.items())[:-1]:
        become(world.con, job(world))
        world.con.execute(text('UPDATE grid_stat SET final = false WHERE "on" = :on'), {"on": on})
        again = ask(world, secretary(world), on, group)
        assert [astuple(g) for g in again.grids] == [astuple(g) for g in then.grids]
        assert again.total == then.total


def test_a_visit_recorded_late_is_not_known_before(world: World) -> None:
    home = world.household(0)
    world.visit(home, DAY - timedelta(days=3), recorded=at(DAY + timedelta(days=2)))
    coverage.recompute(world.con, job(world), on=DAY + timedelta(days=4))
    covered = {n: ask(world, secretary(world), DAY + timedelta(days=n)).total.covered for n in (-3, 0, 1, 2, 3, 4)}
    assert covered == {-3: 0, 0: 0, 1: 0, 2: 1, 3: 1, 4: 1}


def test_a_change_of_grid_keeps_past_days_where_they_were(world: World) -> None:
    home = world.household(0)
    world.visit(home, DAY - timedelta(days=30))
    world.end_spell(home, DAY)
    world.con.execute(text("UPDATE household SET grid_id = :g WHERE id = :h"), {"g": world.grids[1], "h": home})
    world.spell(home, 1, "occupied", DAY)
    coverage.recompute(world.con, job(world), on=DAY)
    counted = [
        [g.counts.state_covered for g in ask(world, secretary(world), on).grids]
        for on in (DAY - timedelta(days=1), DAY)
    ]
    assert counted == [[1, 0], [0, 1]]


def test_a_new_day_is_counted_at_its_first_question(world: World) -> None:
    home = world.household(0)
    world.visit(home, DAY)
    world.tag(home, "high_risk", DAY + timedelta(days=3))
    coverage.recompute(world.con, job(world), on=DAY)
    assert ask(world, secretary(world)).total.state_covered == 1
    later = ask(world, secretary(world), DAY + timedelta(days=8))
    assert (later.total.overdue, later.total.special_base) == (1, 1)


def test_one_visit_changes_its_own_grid_at_once(world: World) -> None:
    made = populate(world)
    coverage.recompute(world.con, job(world), on=DAY)
    before = ask(world, secretary(world))
    become(world.con, job(world))
    world.visit(made["never"], DAY, hour=0)
    changed = coverage.recompute(world.con, job(world), on=DAY, household_ids=[made["never"]])
    after = ask(world, secretary(world))
    assert changed == 1
    assert (before.total.state_covered, after.total.state_covered) == (1, 2)
    assert after.grids[1] == before.grids[1]
    coverage.recompute(world.con, job(world), on=DAY)
    assert ask(world, secretary(world)) == after


def test_the_previous_period_is_thirty_days_earlier_or_nothing(world: World) -> None:
    populate(world)
    coverage.recompute(world.con, job(world), on=DAY)
    found = ask(world, secretary(world))
    assert found.previous_on == DAY - timedelta(days=30)
    assert found.previous == ask(world, secretary(world), DAY - timedelta(days=30)).total
    early = ask(world, secretary(world), BEGIN + timedelta(days=29))
    assert (early.previous_on, early.previous, early.grids[0].previous) == (None, None, None)


def test_days_of_which_nothing_is_known_are_refused(world: World) -> None:
    populate(world)
    coverage.recompute(world.con, job(world), on=DAY)
    with pytest.raises(BadInput, match="还没有到"):
        ask(world, secretary(world), date(2999, 1, 1))
    with pytest.raises(BadInput, match="还没有数据"):
        ask(world, secretary(world), BEGIN - timedelta(days=1))


@pytest.mark.parametrize("group", ["petition", "nonsense", "general"])
def test_groups_of_other_authorities_look_like_none(world: World, group: str) -> None:
    populate(world)
    with pytest.raises(BadInput, match="没有"):
        ask(world, secretary(world), group=group)


def test_a_household_without_a_spell_stops_the_count(world: World) -> None:
    home = world.household(0)
    world.end_spell(home, DAY)
    with pytest.raises(BadInput, match="1 户"):
        coverage.recompute(world.con, job(world), on=DAY)


@pytest.mark.parametrize("role", [Role.DRIVER, Role.ADMIN])
def test_those_without_a_right_get_nothing(world: World, role: Role) -> None:
    with pytest.raises(Forbidden):
        ask(world, Actor(role, world.community_id))


def test_a_visitor_must_sign_in(world: World) -> None:
    with pytest.raises(SignInNeeded):
        coverage.overview(world.con, Actor(Machine.VISITOR), on=DAY)


def test_a_worker_sees_the_sum_of_his_own_grids_only(world: World) -> None:
    populate(world)
    coverage.recompute(world.con, job(world), on=DAY)
    worker = Actor(Role.WORKER, world.community_id, frozenset({world.grids[1]}))
    found = ask(world, worker)
    assert [g.grid_id for g in found.grids] == [world.grids[1]]
    assert found.total.households == 2
    with pytest.raises(NotFound):
        coverage.states(world.con, worker, on=DAY, grid_id=world.grids[0])


def test_a_worker_may_be_the_first_to_ask(world: World) -> None:
    populate(world)
    coverage.recompute(world.con, job(world), on=DAY)
    ask(world, Actor(Role.WORKER, world.community_id, frozenset({world.grids[1]})), DAY - timedelta(days=2))
    assert ask(world, secretary(world), DAY - timedelta(days=2)).total.households == 10


def test_a_planner_sees_no_group_of_fewer_than_five(world: World) -> None:
    populate(world)
    coverage.recompute(world.con, job(world), on=DAY)
    planner = Actor(Role.PLANNER, world.community_id)
    whole = ask(world, planner)
    assert whole.total.households == 10
    assert (whole.special_masked, whole.total.special_base, whole.grids[1].counts.special_base) == (True, 0, 0)
    alone = ask(world, planner, group="alone")
    assert (alone.masked, alone.total, alone.grids[1].masked) == (True, Counts(), True)


def test_the_states_of_a_grid_add_up_to_its_figures(world: World) -> None:
    populate(world)
    coverage.recompute(world.con, job(world), on=DAY)
    for on in (DAY, DAY - timedelta(days=50)):
        found = ask(world, secretary(world), on)
        for grid in found.grids:
            listed = list(coverage.states(world.con, secretary(world), on=on, grid_id=grid.grid_id).values())
            counts = dict(zip(COUNT_FIELDS, astuple(grid.counts), strict=True))
            assert [listed.count(i) for i in range(8)] == [n for name, n in counts.items() if name.startswith("state_")]


def test_a_community_without_households_has_figures_of_nothing(world: World) -> None:
    coverage.recompute(world.con, job(world), on=DAY)
    found = ask(world, secretary(world))
    assert (found.total, found.previous_on, [g.counts for g in found.grids]) == (Counts(), None, [Counts()] * 2)


def test_what_is_decided_never_goes_back_a_day(world: World) -> None:
    populate(world)
    coverage.recompute(world.con, job(world), on=DAY)
    before = ask(world, secretary(world))
    become(world.con, job(world))
    assert coverage.recompute(world.con, job(world), on=DAY - timedelta(days=40)) == 0
    assert ask(world, secretary(world)) == before


def test_rights_are_given_back_to_a_person_and_the_program_has_none_to_give_back(world: World) -> None:
    asked: list[str] = []
    event.listen(world.con, "before_cursor_execute", lambda *told: asked.append(told[2]))
    become(world.con, secretary(world))
    for actor, times in ((secretary(world), 2), (job(world), 1)):
        asked.clear()
        with coverage.as_job(world.con, actor):
            role = world.con.execute(text("SELECT current_user")).scalar_one()
        assert (role, len(asked)) == ("gridmap_job", times + 1)
