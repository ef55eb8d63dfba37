"""Fixtures for all tests: one throw-away PostGIS per run, one migrated database, savepoints per test."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from signing import browsers
from sqlalchemy import Connection, create_engine, text
from two_communities import Small, populate

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.ops.cluster import Cluster
from gridmap.ops.setup import create_database
from gridmap.services import accounts, communities
from gridmap.settings import Settings
from gridmap.store import rights, schema
from gridmap.store.database import Database, become

# Tests never touch a database somebody uses.
os.environ.pop("GRIDMAP_DATABASE_URL", None)

DEMO_DAY = date(2026, 11, 22)
NIGHTLY = bool(os.environ.get("GRIDMAP_NIGHTLY"))
SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="session")
def nightly() -> bool:
    """Tell whether the large counts are wanted."""
    return NIGHTLY


@pytest.fixture(scope="session")
def osm_extracts() -> list[Path]:
    """Return the real OpenStreetMap extracts; they are not the project's, so a clone may lack them."""
    found = sorted((SHARED / "osm").glob("*.osm.pbf"))
    if not found:
        pytest.skip("no OpenStreetMap extracts beside this checkout (../shared/data/osm)")
    return found


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Run one throw-away PostgreSQL for the whole run, in memory where there is memory to mount."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a private folder is made below it
    home = Path(tempfile.mkdtemp(prefix="gridmap-test-", dir=base))
    home.chmod(0o755)
    made = Cluster(home, throw_away=True)
    try:
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(home, ignore_errors=True)


def make_database(cluster: Cluster, name: str) -> str:
    """Create, prepare and migrate a database; return the application's URL."""
    create_database(cluster, name)
    superuser = create_engine(cluster.url("postgres", name))
    with superuser.begin() as con:
        schema.prepare(con)
    superuser.dispose()
    owner = create_engine(cluster.url(rights.OWNER_ROLE, name))
    with owner.begin() as con:
        schema.migrate(con)
    owner.dispose()
    return cluster.url(database=name)


@pytest.fixture(scope="session")
def new_database(cluster: Cluster) -> Callable[[str], str]:
    """Return what makes a migrated database of a name and returns the application's URL."""
    return lambda name: make_database(cluster, name)


@pytest.fixture(scope="session")
def empty_database(cluster: Cluster) -> Iterator[Database]:
    """Yield a migrated database without any community; what a test writes into it is rolled back by ``con``."""
    made = Database(make_database(cluster, "empty"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def small(new_database: Callable[[str], str]) -> Iterator[Small]:
    """Yield a committed database of two communities; what tests add to it stays."""
    made = Small(Database(new_database("small")))
    with made.database.engine.begin() as connection:
        for number in (1, 2):
            populate(connection, made, number)
    yield made
    made.database.close()


@pytest.fixture
def con(empty_database: Database) -> Iterator[Connection]:
    """Yield a connection whose work is undone after the test; call ``become(con, actor)`` to change rights."""
    with empty_database.engine.connect() as connection:
        transaction = connection.begin()
        yield connection
        transaction.rollback()


@pytest.fixture
def community_id(con: Connection) -> int:
    """Make one small community and take the rights of its jobs."""
    become(con, Actor(Machine.OPERATOR))
    made = con.execute(
        text(
            "INSERT INTO community (code, name, epsg, lon_min, lat_min, lon_max, lat_max, invented, loaded_at)"
            " VALUES ('520502009999', '试验社区', 4544, 105.2, 27.2, 105.4, 27.4, 'all', now()) RETURNING id"
        )
    ).scalar_one()
    become(con, Actor(Machine.JOB, made))
    return int(made)


@pytest.fixture(scope="session")
def demo(cluster: Cluster) -> Iterator[Database]:
    """Yield a database with the demo community loaded for ``DEMO_DAY``; tests that write into it roll back."""
    made = Database(make_database(cluster, "demo"), options={"statement_timeout": "10min"})
    try:
        communities.ready_demo(made.transaction, on=DEMO_DAY)
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def demo_clock() -> Callable[[], datetime]:
    """Return a clock that stands still on the morning of the demo's day."""
    return lambda: datetime(2026, 11, 22, 9, tzinfo=ZoneInfo("Asia/Shanghai"))


@pytest.fixture(scope="session")
def demo_id(demo: Database, demo_clock: Callable[[], datetime]) -> int:
    """Return the demo community's id, with an account for each role."""
    operator = Actor(Machine.OPERATOR)
    with demo.transaction(operator) as con:
        made = int(con.execute(text("SELECT min(id) FROM community")).scalar_one())
        accounts.ensure_demo_accounts(con, operator, made, at=demo_clock())
    return made


@pytest.fixture(scope="session")
def app(
    demo: Database, demo_id: int, demo_clock: Callable[[], datetime], tmp_path_factory: pytest.TempPathFactory
) -> Flask:
    """Return the whole server over the demo community."""
    from gridmap.web.app import create_app  # loads the drawing libraries, which few tests need

    assert demo_id
    return create_app(demo, Settings(home=tmp_path_factory.mktemp("home"), demo=True), clock=demo_clock)


@pytest.fixture(scope="session")
def client(
    app: Flask, demo: Database, demo_id: int, demo_clock: Callable[[], datetime]
) -> Callable[[Role | None], FlaskClient]:
    """Return what makes a browser for a role: ``client(Role.SECRETARY)``, or ``client(None)`` for a visitor."""
    return browsers(app, demo, demo_id, demo_clock())
