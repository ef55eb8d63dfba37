"""A worker's week in the demo: kept days as they stand, the others as they look from here, nothing written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, text

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.weeks import Standing
from gridmap.errors import BadInput, Forbidden, NotFound
from gridmap.services import plans, weeks, working
from gridmap.store.database import Database, become

TODAY = date(2026, 11, 25)  # a Wednesday
AT = datetime(2026, 11, 25, 8, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
FEW = 200


@pytest.fixture
def con(demo: Database) -> Iterator[Connection]:
    """Yield a connection to the demo community whose work is undone."""
    with demo.engine.connect() as connection:
        transaction = connection.begin()
        yield connection
        transaction.rollback()


@pytest.fixture
def worker(con: Connection, demo_id: int) -> Actor:
    """Return the worker of one grid, his plan of today made."""
    job = Actor(Machine.JOB, demo_id)
    become(con, job)
    worker_id, grids = next(iter(working.duties(con, job, on=TODAY).items()))
    plans.make(con, job, worker_id=worker_id, on=TODAY, at=AT, iterations=FEW)
    actor = Actor(Role.WORKER, demo_id, frozenset(grids), worker_id=worker_id)
    become(con, actor)
    return actor


def test_today_is_the_plan_that_stands_and_the_rest_is_an_outlook(con: Connection, worker: Actor) -> None:
    before = con.execute(text("SELECT count(*) FROM plan")).scalar_one()
    week = weeks.week(con, worker, on=TODAY, today=TODAY, at=AT)
    assert [day.standing for day in week.days[:2]] == [Standing.OFF] * 2  # past, never planned
    assert [day.standing for day in week.days[2:]] == [Standing.PLANNED] + [Standing.OUTLOOK] * 4
    own = plans.day(con, worker, on=TODAY, at=AT)
    assert (week.days[2].plan_id, week.days[2].doors) == (own.plan_id, own.doors_all)
    doors = [door.household_id for stop in own.stops for door in stop.doors]
    for day in week.days[3:]:
        assert day.first
        assert day.last
        assert day.first[0] not in doors  # who is visited today is not asked for again
        assert 9 * 3600 <= day.begin_s <= day.first[1] <= day.last[1] <= day.end_s <= 12 * 3600
        assert week.addresses[day.first[0]]
    assert con.execute(text("SELECT count(*) FROM plan")).scalar_one() == before
    leader = Actor(Role.CLERK, worker.community_id)
    become(con, leader)
    assert weeks.week(con, leader, on=TODAY, today=TODAY, at=AT, worker_id=worker.worker_id) == week


def test_an_evening_leaves_nothing_of_the_day(con: Connection, worker: Actor, demo_id: int) -> None:
    become(con, Actor(Machine.JOB, demo_id))
    con.execute(text("UPDATE plan SET current = false WHERE worker_id = :w"), {"w": worker.worker_id})
    become(con, worker)
    week = weeks.week(con, worker, on=TODAY, today=TODAY, at=AT + timedelta(hours=10))
    assert [day.standing for day in week.days[2:4]] == [Standing.OFF, Standing.OUTLOOK]


def test_a_week_is_his_own_and_his_leaders(con: Connection, worker: Actor) -> None:
    with pytest.raises(NotFound):
        weeks.week(con, worker, on=TODAY, today=TODAY, at=AT, worker_id=worker.worker_id + 1)
    leader = Actor(Role.SECRETARY, worker.community_id)
    become(con, leader)
    with pytest.raises(BadInput):
        weeks.week(con, leader, on=TODAY, today=TODAY, at=AT)
    with pytest.raises(NotFound):
        weeks.week(con, leader, on=TODAY, today=TODAY, at=AT, worker_id=2**40)
    with pytest.raises(Forbidden):
        weeks.week(con, Actor(Role.PLANNER, worker.community_id), on=TODAY, today=TODAY, at=AT, worker_id=1)
