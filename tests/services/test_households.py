"""One household, the list behind a number, and finding a door."""

from __future__ import annotations

from datetime import timedelta

import pytest
from small_world import DAY, World, job, populate
from sqlalchemy import Connection, text

from gridmap.domain.actors import Actor, Role
from gridmap.domain.coverage import State
from gridmap.errors import BadInput, Forbidden, NotFound
from gridmap.services import coverage, grids, households
from gridmap.store.database import become


@pytest.fixture
def world(con: Connection, community_id: int) -> World:
    return World(con, community_id)


@pytest.fixture
def homes(world: World) -> dict[str, int]:
    made = populate(world)
    coverage.recompute(world.con, job(world), on=DAY)
    return made


def take(world: World, role: Role, *own: int) -> Actor:
    actor = Actor(role, world.community_id, frozenset(world.grids[i] for i in own), account_id=1)
    become(world.con, actor)
    return actor


def names_of(doors: coverage.Doors, homes: dict[str, int]) -> list[str]:
    by_id = {number: name for name, number in homes.items()}
    return [by_id[row.household_id] for row in doors.rows]


def test_the_most_urgent_door_comes_first(world: World, homes: dict[str, int]) -> None:
    found = coverage.doors(world.con, take(world, Role.SECRETARY), grid_id=world.grids[0], on=DAY)
    # never: since 1 January, 151 days, 61 past the period; the two overdue ones 100 days, 10 past, tie by state
    assert names_of(found, homes) == [
        "never",
        "overdue",
        "no_answer",
        "soon",
        "covered",
        "refused",
        "moved",
        "excluded",
    ]
    assert [row.overdue_days for row in found.rows] == [61, 10, 10, 0, 0, 0, 0, 0]
    assert [row.tries for row in found.rows][:3] == [0, 0, 2]
    assert found.rows[0].address == "云景苑7栋2单元101"


def test_a_list_has_as_many_doors_as_its_number_says(world: World, homes: dict[str, int]) -> None:
    actor = take(world, Role.SECRETARY)
    first = coverage.overview(world.con, actor, on=DAY).grids[0].counts
    shown = coverage.doors(world.con, actor, grid_id=world.grids[0], on=DAY, overdue=True)
    assert shown.count == first.overdue == 3
    assert names_of(coverage.doors(world.con, actor, grid_id=world.grids[0], on=DAY, state=State.REFUSED), homes) == [
        "refused"
    ]
    paged = coverage.doors(world.con, actor, grid_id=world.grids[0], on=DAY, offset=2, limit=3)
    assert (names_of(paged, homes), paged.count) == (["no_answer", "soon", "covered"], 8)
    by_group = coverage.doors(world.con, actor, grid_id=world.grids[1], on=DAY, group="high_risk")
    assert names_of(by_group, homes) == ["both"]
    assert by_group.rows[0].groups == ("alone", "high_risk")


def test_a_past_list_is_that_of_the_day(world: World, homes: dict[str, int]) -> None:
    actor = take(world, Role.SECRETARY)
    then = coverage.doors(world.con, actor, grid_id=world.grids[0], on=DAY - timedelta(days=60))
    states = dict(zip(names_of(then, homes), [row.state for row in then.rows], strict=True))
    assert (states["covered"], states["overdue"], states["refused"]) == (State.NEVER, State.COVERED, State.COVERED)


def test_a_worker_has_no_list_but_his_own(world: World, homes: dict[str, int]) -> None:
    worker = take(world, Role.WORKER, 1)
    assert coverage.doors(world.con, worker, grid_id=world.grids[1], on=DAY).count == 2
    for grid_id in (world.grids[0], 10**9):
        with pytest.raises(NotFound, match="没有这个网格"):
            coverage.doors(world.con, worker, grid_id=grid_id, on=DAY)
    for household_id in (homes["covered"], 10**9):
        with pytest.raises(NotFound, match="没有这一户"):
            households.household(world.con, worker, household_id, DAY)


def test_a_household_that_left_his_grid_is_not_the_workers_any_more(world: World, homes: dict[str, int]) -> None:
    become(world.con, job(world))
    world.end_spell(homes["both"], DAY)
    query = text("UPDATE household SET grid_id = :g WHERE id = :h")
    world.con.execute(query, {"g": world.grids[0], "h": homes["both"]})
    world.spell(homes["both"], 0, "occupied", DAY)
    worker = take(world, Role.WORKER, 1)
    yesterday = DAY - timedelta(days=1)
    assert coverage.doors(world.con, worker, grid_id=world.grids[1], on=yesterday).count == 1
    assert homes["both"] not in coverage.states(world.con, worker, on=yesterday, grid_id=world.grids[1])


def test_a_planner_gets_doors_without_what_tells_the_group(world: World, homes: dict[str, int]) -> None:
    planner = take(world, Role.PLANNER)
    rows = coverage.doors(world.con, planner, grid_id=world.grids[1], on=DAY).rows
    assert {(row.due_on, row.overdue_on, row.overdue_days, row.groups, row.reason) for row in rows} == {
        (None, None, None, (), None)
    }
    assert [row.state for row in rows] == [State.OVERDUE, State.DUE_SOON]
    with pytest.raises(Forbidden):
        coverage.doors(world.con, planner, grid_id=world.grids[1], on=DAY, group="alone")
    with pytest.raises(Forbidden):
        households.household(world.con, planner, homes["both"], DAY)


def test_a_card_tells_why_the_household_is_due(world: World, homes: dict[str, int]) -> None:
    become(world.con, job(world))
    world.resident(homes["both"], "赵奶奶", 1940)
    world.resident(homes["both"], "赵小宝", 2020, "grandchild")
    card = households.household(world.con, take(world, Role.SECRETARY), homes["both"], DAY)
    assert card.rule is not None
    assert (card.rule.group_code, card.rule.period_days) == ("high_risk", 7)
    assert (card.state, card.overdue_on) == (State.OVERDUE, DAY - timedelta(days=2))
    assert [g.code for g in card.groups] == ["alone", "high_risk"]
    assert [(m.name, m.age, m.minor) for m in card.members] == [("赵奶奶", 86, False), ("赵＊", 6, True)]
    assert [v.result for v in card.visits] == ["met"]
    assert len(card.needs) == 1
    assert card.home.address == "云景苑8栋2单元110"


def test_every_look_at_a_household_is_in_the_trail(world: World, homes: dict[str, int]) -> None:
    households.household(world.con, take(world, Role.WORKER, 1), homes["both"], DAY)
    become(world.con, Actor(Role.ADMIN, world.community_id))
    rows = world.con.execute(text("SELECT action, subject, detail FROM audit_event")).all()
    assert [tuple(row) for row in rows] == [("household.view", str(homes["both"]), {"on": DAY.isoformat()})]


@pytest.mark.usefixtures("homes")
def test_a_day_before_the_household_or_any_data(world: World) -> None:
    become(world.con, job(world))
    new = world.household(0, since=DAY - timedelta(days=1))
    actor = take(world, Role.SECRETARY)
    with pytest.raises(NotFound):
        households.household(world.con, actor, new, DAY - timedelta(days=2))
    with pytest.raises(BadInput):
        households.household(world.con, actor, new, DAY - timedelta(days=900))


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("云景苑7栋2单元101", ["云景苑7栋2单元101"]),
        ("云景苑７栋２单元１０１", ["云景苑7栋2单元101"]),
        ("7栋2-101", ["云景苑7栋2单元101"]),
        ("7-2-101", ["云景苑7栋2单元101"]),
        ("云景苑 7栋 101室", ["云景苑7栋2单元101"]),
        ("云景苑7栋3单元101", []),
        ("7栋", ["云景苑7栋"]),
        ("云景", ["云景苑7栋", "云景苑8栋"]),
        ("景苑8", ["云景苑8栋"]),
        ("赵", ["云景苑7栋2单元101"]),
        ("%", []),
        ("_", []),
        ("\\", []),
        ("' OR 1=1 --", []),
        ("", []),
        ("   ", []),
    ],
)
def test_search_by_what_people_type(world: World, homes: dict[str, int], typed: str, found: list[str]) -> None:
    become(world.con, job(world))
    world.resident(homes["never"], "赵奶奶", 1940)
    hits = households.search(world.con, take(world, Role.SECRETARY), typed)
    assert [hit.label for hit in hits] == found


def test_names_are_found_by_those_who_may_know_them_only(world: World, homes: dict[str, int]) -> None:
    become(world.con, job(world))
    world.resident(homes["never"], "赵奶奶", 1940)
    world.resident(homes["never"], "赵小宝", 2020, "grandchild")
    found = {
        (role, own): [hit.name for hit in households.search(world.con, take(world, role, *own), "赵")]
        for role, own in [(Role.SECRETARY, ()), (Role.WORKER, (0,)), (Role.WORKER, (1,)), (Role.PLANNER, ())]
    }
    assert list(found.values()) == [["赵奶奶"], ["赵奶奶"], [], []]
    for role in (Role.DRIVER, Role.ADMIN):
        with pytest.raises(Forbidden):
            households.search(world.con, take(world, role), "赵")


@pytest.mark.usefixtures("homes")
def test_a_worker_finds_doors_of_his_own_grids_only(world: World) -> None:
    worker = take(world, Role.WORKER, 1)
    assert [hit.label for hit in households.search(world.con, worker, "云景苑")] == ["云景苑8栋"]
    assert households.search(world.con, worker, "云景苑7栋2单元101") == []


@pytest.mark.parametrize("role", list(Role))
def test_everybody_sees_the_borders_of_the_community(world: World, role: Role) -> None:
    shapes = grids.partition(world.con, take(world, role), on=DAY)
    assert [(s.number, s.boundary["type"]) for s in shapes] == [(1, "Polygon"), (2, "Polygon")]
    assert [s.worker_name for s in shapes] == ([None, None] if role is Role.DRIVER else ["员1", "员2"])
