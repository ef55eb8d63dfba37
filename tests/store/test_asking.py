"""One statement in one round trip: what happens when the server does not play along."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest
from sqlalchemy import create_engine, text

from gridmap.domain.actors import Actor, Machine
from gridmap.errors import Unavailable
from gridmap.ops.cluster import Cluster
from gridmap.store.database import Database

JOB = Actor(Machine.JOB, 1)


@pytest.fixture(scope="module")
def url(new_database: Callable[[str], str]) -> str:
    """Return the URL of a database of our own: its connections are killed here."""
    return new_database("asking")


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """Yield it through a single connection that gives up after a quarter of a second."""
    made = Database(url, pool_size=1, options={"statement_timeout": "250ms"})
    yield made
    made.close()


def kill_connections(cluster: Cluster) -> None:
    engine = create_engine(cluster.url("postgres", "asking"))
    with engine.begin() as con:
        con.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = 'asking' AND pid <> pg_backend_pid()"
            )
        )
    engine.dispose()


def test_a_killed_connection_is_replaced_without_anybody_noticing(database: Database, cluster: Cluster) -> None:
    first = database.ask(JOB, "SELECT pg_backend_pid(), current_user::text", {})
    kill_connections(cluster)
    second = database.ask(JOB, "SELECT pg_backend_pid(), current_user::text", {})
    assert first
    assert second
    assert first[0] != second[0]
    assert first[1] == second[1] == "gridmap_job"


def test_a_server_that_is_away_is_told(cluster: Cluster) -> None:
    nowhere = Database(f"postgresql+psycopg://gridmap_app@/asking?host={cluster.home}", pool_size=1)
    with pytest.raises(Unavailable):
        nowhere.ask(JOB, "SELECT 1", {})


def test_a_statement_that_takes_too_long_is_told_and_harms_nobody_after_it(database: Database) -> None:
    with pytest.raises(Unavailable):
        database.ask(JOB, "SELECT pg_sleep(5)", {})
    assert database.ask(JOB, "SELECT 7", {}) == (7,)


def test_a_wrong_statement_leaves_no_rights_behind(database: Database) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable):
        database.ask(JOB, "SELECT 1 FROM nothing", {})
    with database.engine.connect() as con:
        left = con.execute(text("SELECT current_user::text, coalesce(current_setting('app.community', true), '')"))
        assert left.one() == ("gridmap_app", "")
    with database.transaction(JOB) as con:
        assert con.execute(text("SELECT current_user::text")).scalar_one() == "gridmap_job"


def test_without_its_rights_the_second_statement_reads_nothing(database: Database) -> None:
    """The promise of the docstring: torn apart, it fails closed."""
    raw = database.engine.raw_connection()
    driver = raw.driver_connection
    assert isinstance(driver, psycopg.Connection)
    driver.autocommit = True
    driver.execute("SELECT set_config('role', 'gridmap_job', true)")  # a transaction of its own: gone
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        driver.execute("SELECT count(*) FROM household")
    raw.invalidate()
    raw.close()
