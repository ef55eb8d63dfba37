"""A walk taken along: his own for a worker, anybody's for leaders, each file written into the trail."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, text

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.errors import Forbidden, NotFound
from gridmap.files.walk_picture import FRAME
from gridmap.services import plans, walks, working
from gridmap.store.database import Database, become

ON = date(2026, 11, 22)
AT = datetime(2026, 11, 22, 8, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
FEW = 200  # turns of the search: these tests are about what becomes of a plan


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


def planned(con: Connection, job: Actor, nth: int) -> tuple[Actor, int]:
    """Return the nth worker of the demo and the number of his plan; he signs in with the demo's account."""
    worker_id, grids = sorted(working.duties(con, job, on=ON).items())[nth]
    plan_id = plans.make(con, job, worker_id=worker_id, on=ON, at=AT, iterations=FEW)
    become(con, Actor(Role.ADMIN, job.community_id))
    account_id = con.execute(text("SELECT id FROM account WHERE role = 'worker' ORDER BY id LIMIT 1")).scalar_one()
    become(con, job)
    return Actor(Role.WORKER, job.community_id, frozenset(grids), account_id, worker_id=worker_id), plan_id


def trail(con: Connection, job: Actor, action: str) -> list[str]:
    """Return the subjects of what was written into the trail."""
    become(con, Actor(Role.ADMIN, job.community_id))
    rows = con.execute(text("SELECT subject FROM audit_event WHERE action = :a ORDER BY id"), {"a": action})
    return [row.subject for row in rows]


def test_a_worker_takes_his_own_walk_and_another_s_does_not_exist(con: Connection, job: Actor) -> None:
    mine, plan_id = planned(con, job, 1)
    _, other_id = planned(con, job, 2)
    become(con, mine)
    assert walks.walk(con, mine, on=ON, at=AT).day.plan_id == plan_id
    assert walks.walk(con, mine, on=ON, at=AT, plan_id=plan_id).day.plan_id == plan_id
    for take in (walks.walk, walks.track, walks.sheet):
        with pytest.raises(NotFound):
            take(con, mine, on=ON, at=AT, plan_id=other_id)
        with pytest.raises(NotFound):
            take(con, mine, on=ON, at=AT, plan_id=2**62)


def test_leaders_take_anybody_s_walk_and_nobody_else_does(con: Connection, job: Actor) -> None:
    _, plan_id = planned(con, job, 1)
    for role in (Role.SECRETARY, Role.CLERK):
        leader = Actor(role, job.community_id)
        become(con, leader)
        assert walks.walk(con, leader, on=ON, at=AT, plan_id=plan_id).day.plan_id == plan_id
    for role in (Role.PLANNER, Role.DRIVER, Role.ADMIN):
        with pytest.raises(Forbidden):
            walks.walk(con, Actor(role, job.community_id), on=ON, at=AT, plan_id=plan_id)


def test_a_track_and_a_sheet_are_written_into_the_trail(con: Connection, job: Actor) -> None:
    mine, plan_id = planned(con, job, 1)
    become(con, mine)
    walks.walk(con, mine, on=ON, at=AT)
    walks.track(con, mine, on=ON, at=AT)
    walks.sheet(con, mine, on=ON, at=AT, frame=FRAME)
    assert trail(con, job, "walk.gpx") == [str(plan_id)]
    assert trail(con, job, "walk.sheet") == [str(plan_id)]


def test_a_sheet_has_the_ground_under_every_stop(con: Connection, job: Actor) -> None:
    mine, _ = planned(con, job, 1)
    become(con, mine)
    walk = walks.sheet(con, mine, on=ON, at=AT, frame=FRAME)
    assert walk.ground.streets
    buildings = {piece.id for piece in walk.ground.buildings}
    assert {stop.building_id for stop in walk.day.stops if stop.building_id} <= buildings
    assert all(len(piece.line) > 1 for piece in (*walk.ground.streets, *walk.ground.areas))


def test_gates_by_the_way_are_told_with_their_hours(con: Connection, job: Actor) -> None:
    become(con, job)
    secretary = Actor(Role.SECRETARY, job.community_id)
    found = []
    for nth in range(3):
        become(con, job)
        _, plan_id = planned(con, job, nth)
        become(con, secretary)
        found += walks.walk(con, secretary, on=ON, at=AT, plan_id=plan_id).gates
    assert found
    assert all((gate.opens_min is None) == (gate.closes_min is None) for gate in found)


def test_links_to_map_apps_are_off_until_the_community_switches_them_on(con: Connection, job: Actor) -> None:
    mine, _ = planned(con, job, 1)
    become(con, mine)
    assert walks.walk(con, mine, on=ON, at=AT).navigation is False
    secretary = Actor(Role.SECRETARY, job.community_id)
    become(con, secretary)
    working.change_setting(con, secretary, changes={"navigation": True})
    become(con, mine)
    assert walks.walk(con, mine, on=ON, at=AT).navigation is True
