"""Plans of the demo's workers: made, kept, told, thought over on the way, and argued for."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, text

from gridmap.domain import planning as thinking
from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.coverage import shared_groups
from gridmap.domain.plans import Day, StopState
from gridmap.domain.routes import Broken, check, explain
from gridmap.domain.worklist import Urgency
from gridmap.errors import BadInput, Conflict, Forbidden, NotFound
from gridmap.services import planning, plans, proposals, working, worklist
from gridmap.store import plans as store
from gridmap.store.database import Database, become

ON = date(2026, 11, 22)
ZONE = ZoneInfo("Asia/Shanghai")
AT = datetime(2026, 11, 22, 8, 30, tzinfo=ZONE)
FEW = 400  # turns of the search: these tests are about what becomes of a plan, not how good it is


@pytest.fixture
def con(demo: Database) -> Iterator[Connection]:
    """Yield a connection to the demo community whose work is undone."""
    with demo.engine.connect() as connection:
        transaction = connection.begin()
        yield connection
        transaction.rollback()


@pytest.fixture
def job(con: Connection, demo_id: int) -> Actor:
    """Return the program itself, with its rights taken."""
    actor = Actor(Machine.JOB, demo_id)
    become(con, actor)
    return actor


def own_day(con: Connection, job: Actor, grid: int = 2) -> tuple[Actor, Day]:
    """Return a worker of the demo and his day, planned just now."""
    worker_id, grids = next(
        (w, g) for w, g in working.duties(con, job, on=ON).items() if grid_number(con, g[0]) == grid
    )
    worker = Actor(Role.WORKER, job.community_id, frozenset(grids), worker_id=worker_id)
    plans.make(con, job, worker_id=worker_id, on=ON, at=AT, iterations=FEW)
    become(con, worker)
    return worker, plans.day(con, worker, on=ON, at=AT)


def grid_number(con: Connection, grid_id: int) -> int:
    return int(con.execute(text("SELECT number FROM grid WHERE id = :g"), {"g": grid_id}).scalar_one())


def doors_of(day: Day) -> list[int]:
    return [door.household_id for stop in day.stops for door in stop.doors]


def contents(con: Connection, plan_id: int) -> str:
    """Return all that is kept of a plan but its number and the moment it was made."""
    told: list[Any] = []
    for table in ("plan", "plan_stop", "plan_omission"):
        where = "id" if table == "plan" else "plan_id"
        order = {"plan": "id", "plan_stop": "number", "plan_omission": "household_id"}[table]
        rows = con.execute(text(f"SELECT * FROM {table} WHERE {where} = :id ORDER BY {order}"), {"id": plan_id})
        hidden = {"id", "plan_id", "made_at", "replaces_id", "current"}
        told += [{k: str(v) for k, v in row.items() if k not in hidden} for row in rows.mappings()]
    return json.dumps(told, ensure_ascii=False)


def test_a_day_tells_every_door_in_walking_order_with_all_that_is_due(con: Connection, job: Actor) -> None:
    _, day = own_day(con, job)
    doors = [door for stop in day.stops for door in stop.doors]
    assert [stop.number for stop in day.stops] == list(range(1, len(day.stops) + 1))
    assert [door.number for door in doors] == list(range(1, len(doors) + 1))
    assert day.doors_all == len(doors) > 5
    assert (day.doors_done, day.shift_s) == (0, (9 * 3600, 12 * 3600))
    times = [moment for door in doors for moment in (door.start_s, door.start_s + door.service_s)]
    assert times == sorted(times)
    assert 9 * 3600 <= times[0] <= times[-1] <= day.end.at_s <= 12 * 3600
    assert all(door.reasons and door.members for door in doors)
    shared = {code for code, _ in shared_groups()}
    assert all(set(door.groups) <= shared for door in doors)
    assert all(m.name.endswith("＊") and not m.sex for d in doors for m in d.members if m.age < 14)
    assert sum(m.count for m in day.materials) == sum(len(door.materials) for door in doors)
    assert all(stop.path is not None and stop.path.lonlat for stop in day.stops)
    assert day.way_back is not None


def test_a_stairwell_comes_once_and_no_door_twice(con: Connection, job: Actor) -> None:
    _, day = own_day(con, job)
    entrances = [stop.entrance_id for stop in day.stops if stop.entrance_id is not None]
    pinned = {d.entrance_id for stop in day.stops for d in stop.doors if d.pinned_s}
    again = {e for e in entrances if entrances.count(e) > 1}
    assert again <= pinned
    assert len(set(doors_of(day))) == len(doors_of(day))


def test_towers_hold_every_door_of_the_buildings_on_the_walk(con: Connection, job: Actor) -> None:
    worker, day = own_day(con, job)
    for tower in day.towers:
        query = "SELECT id FROM household WHERE building_id = :b AND grid_id = ANY(:g)"
        there = set(con.execute(text(query), {"b": tower.building_id, "g": list(worker.grid_ids)}).scalars())
        told = [room for unit in tower.units for _, rooms in unit.floors for room in rooms]
        assert {room.household_id for room in told} == there
        assert all(
            [f for f, _ in unit.floors] == sorted((f for f, _ in unit.floors), reverse=True) for unit in tower.units
        )
    planned = {r.household_id for t in day.towers for u in t.units for _, rooms in u.floors for r in rooms if r.planned}
    assert planned == set(doors_of(day))


def test_every_door_asked_for_is_in_the_plan_or_told_why_not(con: Connection, job: Actor) -> None:
    turns = plans.turns_of(con, job, on=ON)
    _, day = own_day(con, job)
    become(con, job)
    ready = planning.gather(con, job, turns[day.worker_id], at=AT)
    asked = {c.household_id for c in ready.composed.candidates if c.inside}
    left = {one.household_id for one in day.left_out}
    assert asked == set(doors_of(day)) | left
    assert not set(doors_of(day)) & left
    assert all(one.condition and one.reasons for one in day.left_out)
    order = [["must", "should", "may"].index(one.urgency) for one in day.left_out]
    assert order == sorted(order)


def test_the_same_input_and_seed_give_the_same_plan_byte_for_byte(con: Connection, job: Actor) -> None:
    worker_id = next(iter(plans.turns_of(con, job, on=ON)))
    made = [plans.make(con, job, worker_id=worker_id, on=ON, at=AT, seed=5, iterations=FEW) for _ in range(2)]
    assert made[0] != made[1]
    assert contents(con, made[0]) == contents(con, made[1])
    other = plans.make(con, job, worker_id=worker_id, on=ON, at=AT, seed=6, iterations=FEW)
    assert contents(con, made[0]) != contents(con, other)
    current = (
        con.execute(text("SELECT id FROM plan WHERE current AND worker_id = :w"), {"w": worker_id}).scalars().all()
    )
    assert current == [other]


def test_what_is_kept_is_what_the_checker_computed(con: Connection, job: Actor) -> None:
    _, day = own_day(con, job)
    become(con, job)
    rows = store.rows(con, job.community_id, day.plan_id)
    for before, row in pairwise(rows):
        assert row.arrive_s == before.leave_s + row.walk_s + row.vertical_s
        assert row.arrive_s <= row.start_s <= row.leave_s
    kept = store.by_id(con, job.community_id, day.plan_id)
    assert kept is not None
    assert (kept.seed, kept.iterations, len(kept.input_hash)) == (1, FEW, 32)
    mark = con.execute(text("SELECT network_mark FROM community WHERE id = :c"), {"c": job.community_id}).scalar_one()
    assert kept.network_mark == mark
    assert 0 < kept.objective <= kept.bound


def test_a_broken_plan_is_never_kept(con: Connection, job: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    from gridmap.domain import routes

    honest = routes.solve

    def broken(*args: Any, **kwargs: Any) -> Any:
        found = honest(*args, **kwargs)
        return replace(found, routes=((*found.routes[0], found.routes[0][0]), *found.routes[1:]))

    monkeypatch.setattr(routes, "solve", broken)
    before = con.execute(text("SELECT count(*) FROM plan")).scalar_one()
    with pytest.raises(Broken, match="twice"):
        plans.make(con, job, worker_id=next(iter(plans.turns_of(con, job, on=ON))), on=ON, at=AT, iterations=FEW)
    assert con.execute(text("SELECT count(*) FROM plan")).scalar_one() == before


def test_counterfactuals_of_whole_days_hold_before_the_checker(con: Connection, job: Actor, *, nightly: bool) -> None:
    told = 0
    turns = plans.turns_of(con, job, on=ON)
    days = [(w, minutes) for w in turns for minutes in ((60, 120, 180, 240) if nightly else (150,))]
    for worker_id, minutes in days[: 76 if nightly else 8]:
        turn = replace(turns[worker_id][0], closes_s=turns[worker_id][0].opens_s + 60 * minutes)
        ready = planning.gather(con, job, [turn])
        problem = ready.composed.problem
        answer = thinking.answer(problem, 1, FEW)
        for omission in explain(problem, answer.solved):
            if omission.relaxed is None or omission.witness is None:
                assert omission.condition in {"no_way", "no_time"}
                continue
            check(omission.relaxed, omission.witness)
            assert any(omission.place in route for route in omission.witness)
            told += 1
    assert told > 500


def test_a_longer_shift_by_the_minutes_told_holds_the_door(con: Connection, job: Actor) -> None:
    """The sentence people read, put to the test from outside: with the minutes, the door is in a plan that holds."""
    _, day = own_day(con, job)
    become(con, job)
    one = next(o for o in day.left_out if o.condition == "minutes" and int(o.values["minutes"]) > 0)
    (turn,) = plans.turns_of(con, job, on=ON)[day.worker_id]
    longer = replace(turn, closes_s=turn.closes_s + 60 * int(one.values["minutes"]))
    wanted = planning.Wanted(required=frozenset({one.household_id}))
    ready = planning.gather(con, job, [longer], at=AT, wanted=wanted)
    answer = thinking.answer(ready.composed.problem, 1, 3_000)
    assert one.household_id in {ready.composed.candidate(p).household_id for p in answer.solved.routes[0]}


# --- who may ---------------------------------------------------------------------------------------------------------


def test_a_worker_gets_his_own_day_and_nobody_elses(con: Connection, job: Actor) -> None:
    worker, day = own_day(con, job)
    stranger = Actor(Role.WORKER, job.community_id, frozenset({99}), worker_id=worker.worker_id + 1)
    become(con, stranger)
    with pytest.raises(NotFound):
        plans.by_id(con, stranger, plan_id=day.plan_id, at=AT)
    with pytest.raises(NotFound):
        plans.day(con, stranger, on=ON, at=AT, worker_id=worker.worker_id)
    with pytest.raises(NotFound):
        plans.replan(con, stranger, plan_id=day.plan_id, at=AT)
    planner = Actor(Role.PLANNER, job.community_id)
    for call in (plans.listing, plans.day):
        with pytest.raises(Forbidden):
            call(con, planner, on=ON, **({} if call is plans.listing else {"at": AT}))  # type: ignore[operator]
    secretary = Actor(Role.SECRETARY, job.community_id)
    become(con, secretary)
    assert doors_of(plans.by_id(con, secretary, plan_id=day.plan_id, at=AT)) == doors_of(day)
    lines = {line.worker_id: line for line in plans.listing(con, secretary, on=ON)}
    assert len(lines) == 19
    assert (lines[worker.worker_id].doors, lines[worker.worker_id].left_out) == (day.doors_all, len(day.left_out))


# --- days without much to do -----------------------------------------------------------------------------------------


def test_a_day_off_and_a_day_without_tasks_are_empty_and_a_day_that_is_over_stays_so(
    con: Connection, job: Actor
) -> None:
    off, idle, *_ = plans.turns_of(con, job, on=ON)
    working.set_shift(con, job, worker_id=off, on=ON, spans=[(540, 540, None, None)])
    day = plans.day(con, job, on=ON, at=AT, worker_id=off)
    assert (day.plan_id, day.stops, day.left_out) == (0, (), ())
    with pytest.raises(Conflict):
        plans.make(con, job, worker_id=off, on=ON, at=AT)
    grids = list(working.duties(con, job, on=ON)[idle])
    con.execute(text("UPDATE household SET standing = 'refused', state_fresh = 5, state_due = 5, state_late = 5"
                     " WHERE grid_id = ANY(:g)"), {"g": grids})  # fmt: skip
    con.execute(text("DELETE FROM errand WHERE grid_id = ANY(:g)"), {"g": grids})
    day = plans.day(con, job, on=ON, at=AT, worker_id=idle)
    assert (day.plan_id, day.stops, day.left_out, day.doors_all) == (0, (), (), 0)
    late = plans.day(con, job, on=ON, at=AT + timedelta(days=2), worker_id=off + 2)
    assert late.plan_id == 0
    with pytest.raises(BadInput):
        plans.make(con, job, worker_id=off + 2, on=ON, at=AT + timedelta(days=2))


def test_a_door_behind_no_street_is_left_out_by_name(con: Connection, job: Actor) -> None:
    _, day = own_day(con, job)
    become(con, job)
    gone = day.stops[0]
    con.execute(
        text("UPDATE entrance_access SET edge_id = NULL, state = 'unreachable' WHERE entrance_id = :e"),
        {"e": gone.entrance_id},
    )
    plans.make(con, job, worker_id=day.worker_id, on=ON, at=AT, iterations=FEW)
    again = plans.day(con, job, on=ON, at=AT, worker_id=day.worker_id)
    told = {one.household_id: one.condition for one in again.left_out}
    assert {told[door.household_id] for door in gone.doors} == {"no_way"}
    assert gone.entrance_id not in {stop.entrance_id for stop in again.stops}


# --- on the way ------------------------------------------------------------------------------------------------------


def test_replanning_freezes_what_is_done_and_leaves_out_what_is_skipped(con: Connection, job: Actor) -> None:
    worker, day = own_day(con, job)
    doors = doors_of(day)
    done, skipped = doors[:2], doors[2:3]
    at = AT + timedelta(minutes=75)
    new = plans.replan(con, worker, plan_id=day.plan_id, at=at, done=done, skipped=skipped)
    assert doors_of(new)[:2] == done
    states = {d.household_id: d.state for stop in new.stops for d in stop.doors}
    assert [states[h] for h in done] == [StopState.DONE] * 2
    assert new.doors_done == 2
    assert skipped[0] not in states
    assert {o.household_id: o.condition for o in new.left_out}[skipped[0]] == "skipped"
    ahead = [d.start_s for stop in new.stops for d in stop.doors if d.state is StopState.PLANNED]
    assert min(ahead) >= 9 * 3600 + 45 * 60
    third = plans.replan(con, worker, plan_id=new.plan_id, at=at + timedelta(minutes=10))
    assert doors_of(third)[:2] == done
    assert {o.household_id: o.condition for o in third.left_out}[skipped[0]] == "skipped"
    with pytest.raises(Conflict):
        plans.replan(con, worker, plan_id=day.plan_id, at=at)


def add_errand(con: Connection, job: Actor, household_id: int, kind: str, *, joint: bool = False) -> int:
    """Ask for something to be done at a household's door today; return its id."""
    become(con, job)
    row = con.execute(
        text(
            'INSERT INTO errand (community_id, grid_id, kind, title, household_id, at, "on", minutes)'
            " SELECT :c, h.grid_id, :kind, '试验事项', CASE WHEN :joint THEN h.id END, e.door, :on, 5"
            " FROM household AS h JOIN entrance AS e ON e.community_id = h.community_id AND e.id = h.entrance_id"
            " WHERE h.community_id = :c AND h.id = :h RETURNING id"
        ),
        {"c": job.community_id, "h": household_id, "kind": kind, "joint": joint, "on": ON},
    )
    return int(row.scalar_one())


def test_a_skipped_errand_stays_out_as_long_as_the_phone_says_so(con: Connection, job: Actor) -> None:
    worker, day = own_day(con, job)
    errand_id = add_errand(con, job, doors_of(day)[0], "environment")
    become(con, worker)
    asked = plans.replan(con, worker, plan_id=day.plan_id, at=AT)
    stop = next(stop for stop in asked.stops if stop.errand_id == errand_id)
    assert stop.grid_id in worker.grid_ids
    without = plans.replan(con, worker, plan_id=asked.plan_id, at=AT, skipped_errands=[errand_id])
    assert errand_id not in {stop.errand_id for stop in without.stops}
    back = plans.replan(con, worker, plan_id=without.plan_id, at=AT)
    assert errand_id in {stop.errand_id for stop in back.stops}


def test_a_joint_visit_is_a_door_and_no_errand_in_the_day(con: Connection, job: Actor) -> None:
    worker, day = own_day(con, job)
    home = day.stops[0].doors[0].household_id
    add_errand(con, job, home, "joint", joint=True)
    become(con, worker)
    new = plans.replan(con, worker, plan_id=day.plan_id, at=AT)
    stop = next(stop for stop in new.stops if home in {door.household_id for door in stop.doors})
    assert (stop.errand_id, stop.errand_kind, stop.grid_id) == (None, "", 0)


def test_who_was_not_at_home_comes_back_after_ninety_minutes_or_another_day(con: Connection, job: Actor) -> None:
    worker, day = own_day(con, job)
    today, later = doors_of(day)[:2]
    at = AT + timedelta(minutes=45)
    new = plans.replan(con, worker, plan_id=day.plan_id, at=at, not_home={today: "today", later: "another_day"})
    back = [d for stop in new.stops for d in stop.doors if d.household_id == today]
    assert [d.start_s >= 9 * 3600 + 15 * 60 + 90 * 60 for d in back] == [True]
    assert {o.household_id: o.condition for o in new.left_out}[later] == "another_day"


def test_an_emergency_is_the_very_next_stop(con: Connection, job: Actor) -> None:
    worker, day = own_day(con, job)
    asked = day.left_out[-1].household_id
    at = AT + timedelta(minutes=60)
    new = plans.replan(con, worker, plan_id=day.plan_id, at=at, done=doors_of(day)[:1], emergency=asked)
    ahead = [d for stop in new.stops for d in stop.doors if d.state is StopState.PLANNED]
    assert (ahead[0].household_id, ahead[0].urgency) == (asked, Urgency.MUST)
    with pytest.raises(BadInput):
        plans.replan(con, worker, plan_id=new.plan_id, at=at, emergency=2**40)


def test_forty_minutes_left_end_the_walk_in_forty_minutes(con: Connection, job: Actor) -> None:
    worker, day = own_day(con, job)
    at = AT + timedelta(minutes=60)
    new = plans.replan(con, worker, plan_id=day.plan_id, at=at, minutes_left=40)
    assert new.end.at_s <= 9 * 3600 + 30 * 60 + 40 * 60
    assert 0 < new.doors_all < day.doors_all
    for nonsense in (0, -5, 100_000):
        with pytest.raises(BadInput):
            plans.replan(con, worker, plan_id=new.plan_id, at=at, minutes_left=nonsense)


def test_where_the_worker_is_is_told_and_never_kept(con: Connection, job: Actor) -> None:
    worker, day = own_day(con, job)
    here = (105.2791234, 27.3071234)
    new = plans.replan(con, worker, plan_id=day.plan_id, at=AT + timedelta(minutes=60), here=here)
    assert (new.start.lon, new.start.lat) == here
    first = next(stop for stop in new.stops if not stop.done)
    assert first.path is not None
    assert first.path.lonlat[0] == pytest.approx(here, abs=1e-6)
    become(con, job)
    kept = con.execute(
        text("SELECT ST_AsText(path) FROM plan_stop WHERE plan_id = :p AND path IS NOT NULL"), {"p": new.plan_id}
    ).scalars()
    assert not any("105.27912" in line for line in kept)
    become(con, worker)
    again = plans.day(con, worker, on=ON, at=AT + timedelta(minutes=61))
    assert next(stop for stop in again.stops if not stop.done).path is None


def test_marking_done_changes_the_current_plan_alone(con: Connection, job: Actor) -> None:
    worker, day = own_day(con, job)
    first = doors_of(day)[0]
    assert plans.mark_done(con, worker, household_ids=[first], on=ON) == 1
    assert plans.mark_done(con, worker, household_ids=[first], on=ON) == 0
    again = plans.day(con, worker, on=ON, at=AT + timedelta(minutes=40))
    assert (again.plan_id, again.doors_done) == (day.plan_id, 1)
    assert again.left_s < day.left_s
    with pytest.raises(Conflict):
        plans.make(con, worker, worker_id=worker.worker_id, on=ON, at=AT)


# --- everybody's ------------------------------------------------------------------------------------------------------


def test_a_batch_plans_for_everybody_and_leaves_who_is_on_his_way(con: Connection, job: Actor) -> None:
    worker, day = own_day(con, job, grid=3)
    become(con, job)
    plans.mark_done(con, job, household_ids=doors_of(day)[:1], on=ON)

    @contextmanager
    def transaction(actor: Actor) -> Iterator[Connection]:
        become(con, actor)
        yield con

    with ThreadPoolExecutor(1) as pool:
        made = plans.batch(transaction, job, on=ON, executor=pool, at=AT, iterations=100)
    assert made.begun == (worker.worker_id,)
    assert len(made.made) + len(made.idle) == 18
    query = (
        'SELECT s.household_id FROM plan_stop s JOIN plan p ON p.id = s.plan_id WHERE p.current AND p."on" = :on'
        " AND s.household_id IS NOT NULL"
    )
    planned = con.execute(text(query), {"on": ON}).scalars().all()
    assert len(planned) == len(set(planned)) > 100


def test_workers_who_share_a_grid_get_their_plans_from_one_problem(con: Connection, job: Actor) -> None:
    first, second, *_ = plans.turns_of(con, job, on=ON)
    grid = working.duties(con, job, on=ON)[first][0]
    con.execute(
        text("INSERT INTO worker_assignment (community_id, worker_id, grid_id, duty, valid_from)"
             " VALUES (:c, :w, :g, 'substitute', :on)"),
        {"c": job.community_id, "w": second, "g": grid, "on": ON},
    )  # fmt: skip
    plans.make(con, job, worker_id=first, on=ON, at=AT, iterations=FEW)
    days = [plans.day(con, job, on=ON, at=AT, worker_id=w, make=False) for w in (first, second)]
    assert all(day.plan_id and day.doors_all for day in days)
    assert not set(doors_of(days[0])) & set(doors_of(days[1]))
    again = plans.make(con, job, worker_id=first, on=ON, at=AT, iterations=FEW)
    assert not set(doors_of(plans.by_id(con, job, plan_id=again, at=AT))) & set(doors_of(days[1]))


def test_a_proposal_keeps_nothing_and_refuses_nonsense(con: Connection, job: Actor) -> None:
    code = con.execute(text("SELECT code FROM grid ORDER BY number LIMIT 1")).scalar_one()
    found = proposals.propose(con, job, grid_code=code, on=ON, minutes=90, iterations=FEW)
    assert found.drafts[0].rows[-1].leave_s <= 10 * 3600 + 1800
    week = proposals.propose(con, job, grid_code=code, on=ON, minutes=45, iterations=FEW, week=True)
    assert len(week.drafts) == 7
    doors = [row.household_id for draft in week.drafts for row in draft.rows if row.household_id]
    assert len(doors) == len(set(doors)) > 10
    must = {row.household_id: i for i, d in enumerate(week.drafts) for row in d.rows if row.urgency is Urgency.MUST}
    listed = worklist.worklist(con, job, grid_ids=week.ready.turns[0].grid_ids, on=ON).tasks
    first = {t.household_id for t in listed if t.urgency is Urgency.MUST and t.pinned is None}
    assert first & set(must)
    assert all(must[h] < 2 for h in first & set(must))
    assert con.execute(text("SELECT count(*) FROM plan WHERE current")).scalar_one() == 0
    for nonsense in ({"minutes": -5}, {"minutes": 100_000}, {"seed": -1}, {"iterations": 0}):
        with pytest.raises(BadInput):
            proposals.propose(con, job, grid_code=code, on=ON, **nonsense)
    for when in (date(1999, 1, 1), date(2099, 1, 1)):
        with pytest.raises(BadInput):
            proposals.propose(con, job, grid_code=code, on=when)
    with pytest.raises(BadInput):
        proposals.propose(con, job, grid_code="nowhere", on=ON)


def test_two_requests_at_once_make_one_current_plan(demo: Database, demo_id: int) -> None:
    """Both wait for the same lock; whoever comes second replaces the first one's plan, and one is current."""
    job = Actor(Machine.JOB, demo_id)
    with demo.transaction(job) as con:
        worker_id = list(plans.turns_of(con, job, on=ON))[5]
    made: list[int] = []

    def ask() -> None:
        with demo.transaction(job) as con:
            made.append(plans.make(con, job, worker_id=worker_id, on=ON, at=AT, iterations=50))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        with demo.transaction(job) as con:
            query = "SELECT id FROM plan WHERE current AND worker_id = :w"
            current = con.execute(text(query), {"w": worker_id}).scalars().all()
        assert len(made) == 2
        assert current == [max(made)]
    finally:
        with demo.transaction(job) as con:
            con.execute(text("DELETE FROM plan WHERE id = ANY(:ids)"), {"ids": made})
