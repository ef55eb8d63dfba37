"""Reports that are handed out: kept as they were, held against history, closed to whom they do not concern."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from small_world import DAY, World, job, populate
from sqlalchemy import Connection, text

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.errors import BadInput, Forbidden, NotFound
from gridmap.services import coverage, reports
from gridmap.store.database import become

YESTERDAY = DAY - timedelta(days=1)
FILE = b"PK a file"


@pytest.fixture
def world(con: Connection, community_id: int) -> World:
    made = World(con, community_id)
    populate(made)
    coverage.recompute(con, job(made), on=DAY)
    become(con, Actor(Machine.OPERATOR))
    con.execute(
        text(
            "INSERT INTO account (community_id, username, name, role) VALUES (:c, 'reporter', '试验书记', 'secretary')"
        ),
        {"c": community_id},
    )
    return made


def secretary(world: World) -> Actor:
    become(world.con, Actor(Machine.OPERATOR))
    found = world.con.execute(text("SELECT id FROM account WHERE username = 'reporter'")).scalar_one()
    made = Actor(Role.SECRETARY, world.community_id, account_id=found, name="试验书记")
    become(world.con, made)
    return made


def issue(world: World) -> int:
    who = secretary(world)
    overview = reports.to_issue(world.con, who, on=YESTERDAY, today=DAY)
    return reports.keep(world.con, who, overview=overview, title="走访覆盖", file=FILE)


def test_a_report_is_kept_byte_for_byte_with_its_hash(world: World) -> None:
    report_id = issue(world)
    found, data = reports.taken(world.con, secretary(world), report_id=report_id)
    assert data == FILE
    assert found.hash == hashlib.sha256(FILE).digest()
    assert (found.on, found.size) == (YESTERDAY, len(FILE))
    assert [r.report_id for r in reports.listing(world.con, secretary(world))] == [report_id]


def test_history_that_was_not_touched_gives_the_same_figures(world: World) -> None:
    _, unequal = reports.one(world.con, secretary(world), report_id=issue(world))
    assert unequal == ()


def test_what_is_another_now_is_told_one_by_one(world: World) -> None:
    report_id = issue(world)
    become(world.con, Actor(Machine.JOB, world.community_id))
    world.con.execute(
        text("UPDATE grid SET kind = 'commercial' WHERE community_id = :c AND id = :g"),
        {"c": world.community_id, "g": world.grids[0]},
    )
    _, unequal = reports.one(world.con, secretary(world), report_id=report_id)
    assert [(d.figure, d.then, d.now) for d in unequal] == [("kind", "general", "commercial")]


def test_bytes_that_are_not_those_that_were_kept_are_not_handed_out(world: World) -> None:
    report_id = issue(world)
    become(world.con, Actor(Machine.JOB, world.community_id))
    world.con.execute(text("UPDATE issued_report SET file = 'another' WHERE id = :id"), {"id": report_id})
    with pytest.raises(NotFound):
        reports.taken(world.con, secretary(world), report_id=report_id)


def test_a_day_that_is_not_over_has_no_report_yet(world: World) -> None:
    with pytest.raises(BadInput):
        reports.to_issue(world.con, secretary(world), on=DAY, today=DAY)


@pytest.mark.parametrize("role", [Role.WORKER, Role.PLANNER, Role.DRIVER, Role.ADMIN])
def test_reports_are_the_offices(world: World, role: Role) -> None:
    who = Actor(role, world.community_id)
    become(world.con, who)
    with pytest.raises(Forbidden):
        reports.listing(world.con, who)
