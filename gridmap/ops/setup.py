"""From nothing to a migrated database: wake the cluster, roles, extensions, tables, rights."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from gridmap.errors import SetupFault, Unavailable
from gridmap.ops.cluster import DATABASE, Cluster
from gridmap.settings import Settings
from gridmap.store import rights, schema


@dataclass(frozen=True)
class Ready:
    """A database that can be used: the application's URL, and whether we woke the cluster for it."""

    app_url: str
    woken: bool = False


def _driver(url: str) -> str:
    return make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def _is_current(url: str) -> bool:
    """Tell whether the database is already what this release wants."""
    engine = create_engine(url)
    try:
        with engine.connect() as con:
            return schema.is_current(con)
    finally:
        engine.dispose()


def _prepare(url: str) -> None:
    """Create roles and extensions, as a superuser."""
    engine = create_engine(url)
    try:
        with engine.begin() as con:
            con.execute(text("SELECT pg_advisory_xact_lock(hashtext('gridmap.prepare'))"))
            schema.prepare(con)
    finally:
        engine.dispose()


def _migrate(url: str, *, as_role: str | None = None) -> None:
    engine = create_engine(url)
    try:
        with engine.begin() as con:
            if as_role:
                con.execute(text(f"SET LOCAL ROLE {as_role}"))
            schema.migrate(con)
    finally:
        engine.dispose()


def create_database(cluster: Cluster, name: str = DATABASE) -> None:
    """Create the database in a private cluster, unless it is there."""
    engine = create_engine(cluster.url("postgres", "postgres"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as con:
            if not con.execute(text("SELECT 1 FROM pg_database WHERE datname = :n"), {"n": name}).scalar():
                con.execute(text(f'CREATE DATABASE "{name}"'))
    finally:
        engine.dispose()


def _own_cluster(settings: Settings) -> Ready:
    cluster = Cluster(settings.home)
    woken = cluster.start()
    create_database(cluster)
    if not _is_current(cluster.url("postgres")):
        _prepare(cluster.url("postgres"))
        _migrate(cluster.url(rights.OWNER_ROLE))
    return Ready(cluster.url(), woken)


def secret(home: Path, name: str) -> str:
    """Return a random secret kept in the data folder, readable by its owner only; made at the first call."""
    path = home / "keys" / name
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32))
    return path.read_text()


def _give_password(url: str, settings: Settings) -> str:
    """Let the application's role in, with a password kept in the data folder; return it."""
    password = secret(settings.home, "app-role-password")
    engine = create_engine(url)
    try:
        with engine.begin() as con:
            con.execute(text(f"ALTER ROLE {rights.APP_ROLE} PASSWORD '{password}'"))
            con.execute(text(f"GRANT {rights.OWNER_ROLE} TO CURRENT_USER"))
    finally:
        engine.dispose()
    return password


def _given_database(settings: Settings) -> Ready:
    """Use an existing PostGIS: its user makes the roles; the application gets one of its own with a password."""
    url = _driver(settings.database_url)
    try:
        _prepare(url)
        password = _give_password(url, settings)
        _migrate(url, as_role=rights.OWNER_ROLE)
    except OperationalError as error:
        raise Unavailable("连不上 GRIDMAP_DATABASE_URL 所指的数据库，请检查地址和密码") from error
    except ProgrammingError as error:
        raise SetupFault(
            "GRIDMAP_DATABASE_URL 的用户权限不够：要能建立角色和扩展 (%(why)s)", why=str(error.orig)
        ) from error
    app = make_url(url).set(username=rights.APP_ROLE, password=password)
    return Ready(app.render_as_string(hide_password=False))


def ready_database(settings: Settings) -> Ready:
    """Wake or reach the database and bring it to the newest version; quick when nothing is to be done."""
    return _given_database(settings) if settings.database_url else _own_cluster(settings)
