"""Fixtures for all tests: one throw-away PostGIS per run, copies of what was made once, savepoints per test.

A run may be spread over processes (``scripts/test`` does it, file by file): they share the PostgreSQL and the two
databases that take time to make (``MIGRATED``, ``LOADED``): whoever comes first makes them, and all work on copies.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from signing import browsers
from sqlalchemy import Connection, Engine, create_engine, text
from two_communities import Small, populate

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.ops.cluster import Cluster
from gridmap.ops.setup import create_database
from gridmap.services import accounts, communities
from gridmap.settings import Settings
from gridmap.store import rights, schema
from gridmap.store.database import Database, become

# The processes that tests start would each compile all they import.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# Tests never touch a database somebody uses.
os.environ.pop("GRIDMAP_DATABASE_URL", None)

DEMO_DAY = date(2026, 11, 22)
NIGHTLY = bool(os.environ.get("GRIDMAP_NIGHTLY"))
HOME = pytest.StashKey[str]()  # where the run's PostgreSQL lives
PROCESS = os.environ.get("PYTEST_XDIST_WORKER", "")  # which of the run's processes this is, if there are several
MIGRATED, LOADED = "template_migrated", "template_loaded"  # made once in a run, and copied
LONGEST = (
    "files/test_osm.py",
    "browser/test_offline.py",
    "browser/test_today.py",
    "services/test_communities.py",
    "browser/test_outbox.py",
    "drills/test_kills.py",
    "files/test_osm_streets.py",
    "ops/test_executor.py",
)  # begun first, so that no process works alone at the end
SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


def pytest_configure(config: pytest.Config) -> None:
    """Choose a home for the run's PostgreSQL, in memory where there is memory to mount."""
    given = getattr(config, "workerinput", None)
    if given is not None:
        config.stash[HOME] = given["home"]
        return
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a private folder is made below it
    config.stash[HOME] = tempfile.mkdtemp(prefix="gridmap-test-", dir=base)
    Path(config.stash[HOME]).chmod(0o755)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a process of the run where its PostgreSQL lives."""
    node.workerinput["home"] = node.config.stash[HOME]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the run's PostgreSQL, if a test needed one."""
    home = Path(config.stash[HOME])
    if hasattr(config, "workerinput"):
        return
    if (home / "data").exists():
        Cluster(home, throw_away=True).stop()
    shutil.rmtree(home, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files where several processes share the work."""
    if PROCESS:
        begin = {name: place for place, name in enumerate(LONGEST)}
        items.sort(key=lambda item: begin.get("/".join(item.path.parts[-2:]), len(begin)))


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Return what prints a measured figure at the end of the run."""
    return lambda words: request.node.user_properties.append(("figure", words))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that tests have told, also of tests that ran in other processes."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            told = getattr(report, "user_properties", ()) if getattr(report, "when", "") == "teardown" else ()
            for name, words in told:
                if name == "figure":
                    terminalreporter.line(f"{report.nodeid.rpartition('::')[2]}: {words}")


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
def cluster(pytestconfig: pytest.Config) -> Cluster:
    """Run one throw-away PostgreSQL for the whole run; ``pytest_unconfigure`` stops it."""
    made = Cluster(Path(pytestconfig.stash[HOME]), throw_away=True)
    made.start()
    return made


def once(cluster: Cluster, name: str, make: Callable[[str], None]) -> None:
    """Let one of the run's processes make what all of them copy; the others wait until it is there."""
    mark = cluster.home / f"{name}.made"
    with (cluster.home / f"{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not mark.exists():
            make(name)
            mark.touch()


def copy_database(cluster: Cluster, template: str, name: str) -> str:
    """Copy a database that nobody is connected to; return the application's URL of the copy."""
    superuser = create_engine(cluster.url("postgres", "postgres"), isolation_level="AUTOCOMMIT")
    with superuser.connect() as con:
        con.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
    superuser.dispose()
    return cluster.url(database=name)


def make_database(cluster: Cluster, name: str) -> str:
    """Make a prepared and migrated database; return the application's URL."""

    def migrate(template: str) -> None:
        create_database(cluster, template)
        for role, step in [("postgres", schema.prepare), (rights.OWNER_ROLE, schema.migrate)]:
            engine: Engine = create_engine(cluster.url(role, template))
            with engine.begin() as con:
                step(con)
            engine.dispose()

    once(cluster, MIGRATED, migrate)
    return copy_database(cluster, MIGRATED, name)


def make_demo(cluster: Cluster, name: str) -> str:
    """Make a database with the demo community loaded for ``DEMO_DAY``; return the application's URL."""

    def load(template: str) -> None:
        made = Database(make_database(cluster, template), options={"statement_timeout": "10min"})
        communities.ready_demo(made.transaction, on=DEMO_DAY)
        made.close()

    once(cluster, LOADED, load)
    return copy_database(cluster, LOADED, name)


@pytest.fixture(scope="session")
def new_database(cluster: Cluster) -> Callable[[str], str]:
    """Return what makes a migrated database of a name and returns the application's URL."""
    return lambda name: make_database(cluster, name)


@pytest.fixture(scope="session")
def empty_database(cluster: Cluster) -> Iterator[Database]:
    """Yield a migrated database without any community; what a test writes into it is rolled back by ``con``."""
    made = Database(make_database(cluster, f"empty{PROCESS}"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def small(new_database: Callable[[str], str]) -> Iterator[Small]:
    """Yield a committed database of two communities; what tests add to it stays."""
    made = Small(Database(new_database(f"small{PROCESS}")))
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
    made = Database(make_demo(cluster, f"demo{PROCESS}"), options={"statement_timeout": "10min"})
    yield made
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
