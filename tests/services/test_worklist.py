"""Worklists through the database: facts one by one, roles, other days, what doors taught, the demo's day."""

from __future__ import annotations

import time
from collections import Counter
from datetime import date, timedelta

import pytest
from small_world import DAY, World, at, job
from sqlalchemy import Connection, text

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.answering import BANDS, band_of, percent
from gridmap.domain.worklist import Task, Urgency
from gridmap.errors import BadInput, Forbidden, NotFound
from gridmap.services import coverage, worklist
from gridmap.store.database import Database, become
from tests.conftest import DEMO_DAY


@pytest.fixture
def world(con: Connection, community_id: int) -> World:
    return World(con, community_id)


def decided(world: World, on: date = DAY) -> None:
    coverage.recompute(world.con, job(world), on=on)


def tasks(world: World, on: date = DAY, grid: int = 0, hour: int | None = None) -> dict[int, Task]:
    """Return the tasks of a grid by household."""
    moment = at(on, hour) if hour is not None else None
    found = worklist.worklist(world.con, job(world), grid_ids=[world.grids[grid]], on=on, at=moment)
    return {task.household_id: task for task in found.tasks}


def codes(task: Task) -> list[str]:
    return [reason.code for reason in task.reasons]


def ago(days: int) -> date:
    return DAY - timedelta(days=days)


def test_an_empty_grid_gives_an_empty_list(world: World) -> None:
    covered = world.household()
    world.visit(covered, ago(5))
    decided(world)
    found = worklist.worklist(world.con, job(world), grid_ids=[world.grids[0]], on=DAY)
    assert (found.tasks, found.errands) == ((), ())
    assert worklist.worklist(world.con, job(world), grid_ids=[], on=DAY).tasks == ()


def test_the_list_says_of_each_door_what_the_one_definition_decided(world: World) -> None:
    overdue, soon, risky, never, refused = (
        world.household(),
        world.household(),
        world.household(0, "high_risk"),
        world.household(since=ago(3)),
        world.household(),
    )
    other = world.household(1)
    world.visit(overdue, ago(100))
    world.visit(overdue, ago(5), "nobody")
    world.visit(soon, ago(85))
    world.visit(risky, ago(9))
    world.visit(refused, ago(120))
    world.visit(refused, ago(40), "refused")
    world.visit(other, ago(100))
    decided(world)
    found = tasks(world)
    assert set(found) == {overdue, soon, risky, never}
    assert {h: t.urgency for h, t in found.items()} == {
        overdue: Urgency.SHOULD,
        soon: Urgency.SHOULD,
        risky: Urgency.MUST,
        never: Urgency.SHOULD,
    }
    assert codes(found[overdue]) == ["overdue", "no_answer"]
    assert codes(found[risky]) == ["overdue", "group"]
    assert codes(found[never]) == ["never_met"]
    assert found[overdue].room == "101"
    assert found[overdue].entrance_id == world.entrances[0]


def test_everything_told_at_a_door_is_on_its_task(world: World) -> None:
    door, actor = world.household(), job(world)
    grid = world.grids[0]
    world.visit(door, ago(20))
    world.need(door, ago(10))
    world.resident(door, "王某")  # of age: no adolescent
    told = {"household_id": door, "grid_id": grid}
    world.put("hazard", **told, kind="gas", found_at=at(ago(4)))
    world.put("hazard", **told, kind="fire", found_at=at(ago(4)), resolved_at=at(ago(2)))
    world.put("dispute", **told, summary="x", raised_at=at(ago(4)))
    world.put("availability", **told, weekday_bits=127, from_min=1080, until_min=1440, valid_from=ago(4))
    world.put("availability", **told, weekday_bits=127, from_min=0, until_min=600, valid_from=ago(40), valid_to=ago(4))
    leaflet = world.put("material", code="all", name="x", valid_from=ago(50))
    guide = world.put("material", code="young", name="y", group_code="adolescent", valid_from=ago(50))
    decided(world)
    found = tasks(world)[door]
    assert found.urgency is Urgency.MAY
    assert found.reasons[0].values == {"kind": "gas"}
    assert codes(found) == ["hazard", "dispute", "need"]
    assert found.windows == ((18 * 3600, 20 * 3600 + 1800),)
    assert found.materials == (leaflet,)
    world.put("resident", **told, name="小某", sex="f", born_year=DAY.year - 14, relation="child")
    assert set(tasks(world)[door].materials) == {leaflet, guide}
    world.put("material_delivery", **told, material_id=guide, delivered_at=at(ago(1)))
    assert tasks(world)[door].materials == (leaflet,)
    assert worklist.addresses(world.con, actor, household_ids=[door])[door].endswith("101")


def test_an_event_must_be_answered_and_is_when_somebody_was_met(world: World) -> None:
    door, actor = world.household(), job(world)
    world.visit(door, ago(20))
    decided(world)
    made = worklist.add_event(
        world.con, actor, household_id=door, kind="fall", happened_at=at(ago(1), 20), at=at(ago(1), 21)
    )
    found = tasks(world, hour=9)[door]
    assert (found.urgency, codes(found), found.reasons[0].values["hours_left"]) == (Urgency.MUST, ["event"], 11)
    assert tasks(world, on=ago(1), hour=20) == {}  # it was not known yet
    worklist.cancel_event(world.con, actor, event_id=made, at=at(DAY, 9))
    assert tasks(world, hour=10) == {}
    with pytest.raises(NotFound):
        worklist.cancel_event(world.con, actor, event_id=made, at=at(DAY, 11))
    worklist.add_event(world.con, actor, household_id=door, kind="crisis", happened_at=at(DAY, 8), at=at(DAY, 8))
    world.visit(door, DAY, "nobody", hour=9)
    assert tasks(world)[door].urgency is Urgency.MUST
    world.visit(door, DAY, "met", hour=10)
    assert tasks(world) == {}


def test_an_event_that_is_none_is_refused(world: World) -> None:
    door, actor = world.household(), job(world)
    values = {"household_id": door, "at": at(DAY, 9)}
    with pytest.raises(BadInput):
        worklist.add_event(world.con, actor, kind="gossip", happened_at=at(DAY, 8), **values)  # type: ignore[arg-type]
    with pytest.raises(BadInput):
        worklist.add_event(world.con, actor, kind="fall", happened_at=at(DAY, 10), **values)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        worklist.add_event(world.con, actor, household_id=2**40, kind="fall", happened_at=at(DAY, 8), at=at(DAY, 9))


def test_a_promise_is_pinned_listed_and_can_be_cancelled(world: World) -> None:
    door, actor = world.household(), job(world)
    world.visit(door, ago(20))
    decided(world)
    span = {"starts_at": at(DAY, 15), "ends_at": at(DAY, 16)}
    made = worklist.add_promise(world.con, actor, household_id=door, at=at(ago(2)), **span)
    found = tasks(world)[door]
    assert (found.urgency, found.pinned, found.windows) == (Urgency.MUST, made, ((54000, 57600),))
    assert [p.appointment_id for p in worklist.promises(world.con, actor, on=DAY)] == [made]
    assert worklist.promises(world.con, actor, on=ago(1)) == []
    assert tasks(world, on=ago(1)) == {}
    worklist.cancel_promise(world.con, actor, appointment_id=made, at=at(ago(1)))
    assert tasks(world) == {}
    with pytest.raises(NotFound):
        worklist.cancel_promise(world.con, actor, appointment_id=made, at=at(DAY))


@pytest.mark.parametrize(
    ("begin", "end", "words"),
    [
        ((DAY, 20), (DAY, 21), "不打扰"),  # 20:30 begins the quiet
        ((DAY, 7), (DAY, 10), "不打扰"),
        ((DAY, 16), (DAY, 15), "同一天"),
        ((DAY, 15), (DAY + timedelta(days=1), 10), "同一天"),
        ((ago(3), 15), (ago(3), 16), "过去"),
    ],
)
def test_a_promise_in_quiet_hours_or_in_the_past_is_refused_when_made(
    world: World, begin: tuple[date, int], end: tuple[date, int], words: str
) -> None:
    door = world.household()
    with pytest.raises(BadInput, match=words):
        worklist.add_promise(
            world.con, job(world), household_id=door, starts_at=at(*begin), ends_at=at(*end), at=at(ago(2))
        )


def test_a_follow_up_stays_until_somebody_was_met_from_its_day_on(world: World) -> None:
    door = world.household()
    world.visit(door, ago(10))
    told = text("UPDATE visit SET follow_up_on = :on WHERE household_id = :h AND community_id = :c")
    world.con.execute(told, {"on": ago(2), "h": door, "c": world.community_id})
    decided(world)
    assert tasks(world, on=ago(3)) == {}
    assert codes(tasks(world)[door]) == ["follow_up"]
    world.visit(door, ago(1), "nobody")
    decided(world)
    assert codes(tasks(world)[door])[0] == "follow_up"
    world.visit(door, DAY)
    decided(world)
    assert tasks(world) == {}


def test_errands_of_the_day_and_those_left_over_are_listed_until_done(world: World) -> None:
    at_door = "ST_SetSRID(ST_MakePoint(105.2815, 27.3005), 4490)"
    for title, on, done in (("today", DAY, None), ("left", ago(2), None), ("old", ago(9), None), ("done", DAY, DAY)):
        world.con.execute(
            text(
                'INSERT INTO errand (community_id, grid_id, kind, title, "on", minutes, from_min, done_at, at)'
                f" VALUES (:c, :g, 'environment', :t, :on, 5, 600, :done, {at_door})"
            ),
            {"c": world.community_id, "g": world.grids[0], "t": title, "on": on, "done": done and at(done, 9)},
        )
    decided(world)
    found = worklist.worklist(world.con, job(world), grid_ids=world.grids, on=DAY, at=at(DAY, 10))
    assert [e.title for e in found.errands] == ["left", "today"]
    assert (found.errands[1].service_s, found.errands[1].windows) == (300, ((36_000, 86_400),))
    early = worklist.worklist(world.con, job(world), grid_ids=world.grids, on=DAY, at=at(DAY, 8))
    assert [e.title for e in early.errands] == ["left", "today", "done"]


def test_a_worker_sees_his_own_grids_only(world: World) -> None:
    mine, others = world.household(), world.household(1)
    decided(world)
    worker = Actor(Role.WORKER, world.community_id, frozenset(world.grids[:1]), worker_id=world.workers[0])
    become(world.con, worker)
    found = worklist.worklist(world.con, worker, grid_ids=world.grids[:1], on=DAY)
    assert {task.household_id for task in found.tasks} == {mine}
    with pytest.raises(NotFound):
        worklist.worklist(world.con, worker, grid_ids=world.grids, on=DAY)
    with pytest.raises(NotFound):
        worklist.add_event(world.con, worker, household_id=others, kind="fall", happened_at=at(DAY, 8), at=at(DAY, 9))
    made = worklist.add_promise(
        world.con, worker, household_id=mine, starts_at=at(DAY, 15), ends_at=at(DAY, 16), at=at(DAY, 9)
    )
    assert [p.appointment_id for p in worklist.promises(world.con, worker, on=DAY)] == [made]
    other = Actor(Role.WORKER, world.community_id, frozenset(world.grids[1:]), worker_id=world.workers[1])
    become(world.con, other)
    assert worklist.promises(world.con, other, on=DAY) == []
    with pytest.raises(NotFound):
        worklist.cancel_promise(world.con, other, appointment_id=made, at=at(DAY, 10))
    planner = Actor(Role.PLANNER, world.community_id)
    become(world.con, planner)
    with pytest.raises(Forbidden):
        worklist.worklist(world.con, planner, grid_ids=world.grids, on=DAY)


def test_of_other_days_the_list_is_what_was_known_or_what_today_foresees(world: World) -> None:
    door = world.household()
    world.visit(door, ago(100))
    world.visit(door, ago(3))
    decided(world)
    assert tasks(world) == {}
    past = tasks(world, on=ago(5))[door]
    assert past.reasons[0].values == {"days": 5}  # 95 days after the visit before
    with pytest.raises(BadInput):
        tasks(world, on=date(2020, 1, 1))
    calendar = coverage.days(world.con, job(world))
    with pytest.raises(BadInput):
        tasks(world, on=calendar.today + timedelta(days=90))


def test_a_day_to_come_stands_on_what_was_decided_last(demo: Database, demo_id: int) -> None:
    actor = Actor(Machine.JOB, demo_id)
    with demo.transaction(actor) as con:
        grids = list(con.execute(text("SELECT id FROM grid ORDER BY number")).scalars())
        today = worklist.worklist(con, actor, grid_ids=grids, on=DEMO_DAY)
        later = worklist.worklist(con, actor, grid_ids=grids, on=DEMO_DAY + timedelta(days=7))
        con.rollback()
    should = [{t.household_id for t in w.tasks if {r.code for r in t.reasons} & {"overdue"}} for w in (today, later)]
    assert should[0] < should[1]


# --- what doors taught -----------------------------------------------------------------------------------------------


def counted(world: World) -> dict[tuple[int, int, int], tuple[int, int]]:
    rows = world.con.execute(text("SELECT building_id, weekday, band, knocks, answers FROM answer_count"))
    return {(row[0], row[1], row[2]): (row[3], row[4]) for row in rows}


def test_knocks_are_counted_by_building_local_weekday_and_band_and_recounted(world: World) -> None:
    a, b, c = world.household(), world.household(), world.household(1)
    monday = date(2026, 5, 4)
    world.visit(a, monday, hour=10)
    world.visit(b, monday, "nobody", hour=11)
    world.visit(b, monday, "refused", hour=13)
    world.visit(b, monday + timedelta(days=5), "moved", hour=19)
    world.visit(c, monday, hour=10)
    phone = text(
        "INSERT INTO visit (community_id, id, household_id, grid_id, made_in_grid_id, visited_at, mode, result)"
        " VALUES (:c, gen_random_uuid(), :h, :g, :g, :at, 'phone', 'met')"
    )
    world.con.execute(phone, {"c": world.community_id, "h": a, "g": world.grids[0], "at": at(monday, 10)})
    first, second = world.buildings
    assert worklist.learn(world.con, job(world)) == 4
    ten, noon, evening = band_of(10 * 3600), band_of(13 * 3600), band_of(19 * 3600)
    assert counted(world) == {
        (first, 0, ten): (2, 1),
        (first, 0, noon): (1, 1),
        (first, 5, evening): (1, 1),
        (second, 0, ten): (1, 1),
    }
    assert worklist.learn(world.con, job(world)) == 0
    world.con.execute(
        text("UPDATE visit SET withdrawn_at = now() WHERE community_id = :c AND household_id IN (:b, :d)"),
        {"c": world.community_id, "b": b, "d": c},
    )
    assert worklist.learn(world.con, job(world), building_ids=[first]) == 3
    assert counted(world)[first, 0, ten] == (1, 1)
    assert counted(world)[first, 0, noon] == (0, 0)
    assert counted(world)[second, 0, ten] == (1, 1)  # not asked about


def test_a_door_is_likelier_to_open_where_doors_opened(world: World) -> None:
    quiet, open_house = world.household(), world.household(1)
    for days in range(10, 60, 7):  # Saturdays and before, all at ten
        for k in range(4):
            world.visit(quiet, ago(days + k), "nobody")
            world.visit(open_house, ago(days + k))
    decided(world)
    worklist.learn(world.con, job(world))
    shut = tasks(world)[quiet].chance
    become(world.con, job(world))
    known = worklist.rates(world.con, job(world), coverage.days(world.con, job(world)))
    ten = band_of(10 * 3600)
    assert known.everywhere[0, ten] > 0.4
    assert shut[ten] < percent(known.everywhere)[0, ten]
    assert len(shut) == len(BANDS)


# --- the demo --------------------------------------------------------------------------------------------------------


def test_every_grid_of_the_demo_has_a_day_worth_walking(demo: Database, demo_id: int) -> None:
    actor = Actor(Machine.JOB, demo_id)
    with demo.transaction(actor) as con:
        grids = con.execute(text("SELECT id, kind FROM grid ORDER BY number")).all()
        lists = {g.id: (g.kind, worklist.worklist(con, actor, grid_ids=[g.id], on=DEMO_DAY)) for g in grids}
        con.rollback()
    reasons: Counter[str] = Counter()
    for kind, found in lists.values():
        urgent = [task for task in found.tasks if task.urgency is not Urgency.MAY]
        assert 15 <= len(urgent) <= 200
        reasons.update(reason.code for task in found.tasks for reason in task.reasons)
        if kind == "commercial":
            assert {e.kind for e in found.errands} >= {"facility"}
    assert 2 <= reasons["event"] <= 4
    assert reasons["promise"] >= 2
    for code in ("overdue", "due_soon", "never_met", "no_answer", "follow_up", "group", "need", "hazard", "material"):
        assert reasons[code], code
    assert any(found.errands for _, found in lists.values())
    first = next(iter(lists.values()))[1]
    assert any(task.pinned for task in first.tasks)


def test_a_grid_of_hundreds_of_doors_is_listed_at_once(demo: Database, demo_id: int) -> None:
    actor = Actor(Machine.JOB, demo_id)
    with demo.transaction(actor) as con:
        largest = con.execute(
            text("SELECT grid_id, count(*) AS n FROM household GROUP BY grid_id ORDER BY n DESC LIMIT 1")
        ).one()
        assert largest.n > 400
        took = []
        for _ in range(5):
            begin = time.process_time()  # of this process alone: others may be busy beside it
            worklist.worklist(con, actor, grid_ids=[largest.grid_id], on=DEMO_DAY)
            took.append(time.process_time() - begin)
        con.rollback()
    assert min(took) < 0.15  # 15 ms on an idle machine
