"""Three ways to count must agree on any history: SQL today, the domain as of the day, and one change at a time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_world import BEGIN, World, at
from sqlalchemy import Connection, text

from gridmap.domain.actors import Actor, Machine
from gridmap.domain.coverage import GridCoverage
from gridmap.domain.groups import GROUPS
from gridmap.services import coverage
from gridmap.store.database import Database, become

DAY = date(2026, 9, 1)
SHARED = [group.code for group in GROUPS if not group.restricted]
STANDINGS = ["occupied", "vacant", "moved", "refused", "excluded"]


@dataclass(frozen=True)
class Past:
    """What happened at one door: days count back from DAY."""

    grid: int
    standing: str
    since: int
    before: str | None
    groups: tuple[tuple[str, int], ...]
    # day, hour, result, mode, days until it was recorded, days from then until it was withdrawn
    visits: tuple[tuple[int, int, str, str, int, int | None], ...]
    needs: tuple[tuple[int, int | None], ...]


pasts = st.builds(
    Past,
    st.integers(0, 1),
    st.sampled_from(STANDINGS),
    st.integers(-3, 120),
    st.none() | st.sampled_from(STANDINGS),
    st.lists(st.tuples(st.sampled_from(SHARED), st.integers(-3, 120)), max_size=3, unique_by=lambda tag: tag[0]).map(
        tuple
    ),
    st.lists(
        st.tuples(
            st.integers(0, 130),
            st.integers(0, 23),
            st.sampled_from(["met", "nobody", "refused", "moved", "vacant"]),
            st.sampled_from(["door", "phone", "remote"]),
            st.sampled_from([0, 0, 0, 1, 9]),
            st.sampled_from([None, None, None, 0, 1, 9, 30]),
        ),
        max_size=5,
        unique_by=lambda visit: visit[:2],
    ).map(tuple),
    st.lists(st.tuples(st.integers(0, 40), st.none() | st.integers(0, 40)), max_size=2).map(tuple),
)


def ago(days: int) -> date:
    return DAY - timedelta(days=days)


def live(world: World, past: Past) -> int:
    """Put one door's history into the database."""
    first = past.before or past.standing
    home = world.household(past.grid, since=BEGIN, standing=first)
    if past.before:
        world.end_spell(home, ago(past.since))
        world.spell(home, past.grid, past.standing, ago(past.since))
    for group, days in past.groups:
        world.tag(home, group, ago(days))
    for days, hour, result, mode, later, held in past.visits:
        recorded: datetime = at(ago(days), hour) + timedelta(days=later)
        withdrawn = None if held is None else recorded + timedelta(days=held, minutes=1)
        world.visit(home, ago(days), result, mode, hour=hour, recorded=recorded, withdrawn=withdrawn)
    for raised, open_days in past.needs:
        closed = None if open_days is None else min(ago(raised) + timedelta(days=open_days), ago(-20))
        world.need(home, ago(raised), closed)
    return home


def figures(world: World, on: date) -> list[tuple[GridCoverage, ...]]:
    """Return all figures of a day: of every household, then of each group."""
    job = Actor(Machine.JOB, world.community_id)
    become(world.con, job)
    return [coverage.overview(world.con, job, on=on, group=group).grids for group in [None, *SHARED]]


def without_previous(grids: list[tuple[GridCoverage, ...]]) -> list[list[GridCoverage]]:
    return [[replace(grid, previous=None) for grid in row] for row in grids]


@pytest.fixture
def world(con: Connection, community_id: int) -> World:
    return World(con, community_id)


few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@few
@given(st.lists(pasts, min_size=1, max_size=6), st.integers(0, 40))
def test_today_in_sql_is_the_day_as_history_tells_it(world: World, many: list[Past], later: int) -> None:
    with world.con.begin_nested() as savepoint:
        for past in many:
            live(world, past)
        job = Actor(Machine.JOB, world.community_id)
        coverage.recompute(world.con, job, on=DAY)
        sql = figures(world, DAY)
        on = DAY + timedelta(days=later)
        stepped = figures(world, on)  # only what begins or ends in between is decided again
        assert without_previous(figures(world, DAY)) == without_previous(sql)  # kept as it was counted
        coverage.recompute(world.con, job, on=on)
        assert figures(world, on) == stepped
        world.con.execute(text("DELETE FROM grid_stat"))
        world.con.execute(text("UPDATE community SET decided_on = :next"), {"next": on + timedelta(days=1)})
        assert without_previous(figures(world, DAY)) == without_previous(sql)
        assert without_previous(figures(world, on)) == without_previous(stepped)
        savepoint.rollback()


@few
@given(st.lists(pasts, min_size=2, max_size=5))
def test_counting_what_changed_is_counting_all(world: World, many: list[Past]) -> None:
    with world.con.begin_nested() as savepoint:
        job = Actor(Machine.JOB, world.community_id)
        first = live(world, many[0])
        coverage.recompute(world.con, job, on=DAY)
        for past in many[1:]:
            home = live(world, past)
            world.visit(first, DAY, "nobody", hour=23)
            coverage.recompute(world.con, job, on=DAY, household_ids=[home, first])
        one_by_one = figures(world, DAY)
        world.con.execute(text("DELETE FROM grid_stat"))
        coverage.recompute(world.con, job, on=DAY)
        assert figures(world, DAY) == one_by_one
        savepoint.rollback()


def in_transaction(world: World, con: Connection) -> World:
    """Return the same world over another connection, without drawing it again."""
    made = copy(world)
    made.con = con
    return made


def test_two_visits_at_once_are_both_counted(new_database: Callable[[str], str]) -> None:
    database = Database(new_database("busy"), pool_size=3)
    with database.engine.begin() as con:
        become(con, Actor(Machine.OPERATOR))
        community_id = con.execute(
            text(
                "INSERT INTO community (code, name, epsg, lon_min, lat_min, lon_max, lat_max, invented, loaded_at)"
                " VALUES ('1', '忙碌社区', 4544, 105.2, 27.2, 105.4, 27.4, 'all', now()) RETURNING id"
            )
        ).scalar_one()
        job = Actor(Machine.JOB, community_id)
        become(con, job)
        world = World(con, community_id)
        homes = [world.household() for _ in range(6)]
        coverage.recompute(con, job, on=DAY)

    def visit(home: int) -> None:
        with database.transaction(job) as con:
            in_transaction(world, con).visit(home, DAY)
            coverage.recompute(con, job, on=DAY, household_ids=[home])

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(visit, homes))
    with database.transaction(job) as con:
        kept = coverage.overview(con, job, on=DAY)
        coverage.recompute(con, job, on=DAY)
        assert kept.total.state_covered == 6
        assert coverage.overview(con, job, on=DAY) == kept
    database.close()
