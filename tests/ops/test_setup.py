"""From nothing to a migrated database, twice, and on a PostGIS that was here before."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from gridmap.errors import Unavailable
from gridmap.ops.cluster import Cluster
from gridmap.ops.setup import create_database, ready_database, secret
from gridmap.settings import Settings
from gridmap.store import rights, schema
from gridmap.store.database import Database


@pytest.fixture
def elsewhere(cluster: Cluster) -> str:
    create_database(cluster, "elsewhere")
    return cluster.url("postgres", "elsewhere")


def test_an_existing_postgis_is_used_through_an_unprivileged_role(elsewhere: str, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database_url=elsewhere.replace("+psycopg", ""))
    ready = ready_database(settings)
    again = ready_database(settings)
    assert again == ready
    database = Database(ready.app_url, pool_size=1)
    with database.engine.connect() as con:
        row = con.execute(
            text("SELECT current_user, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        )
        assert row.one() == (rights.APP_ROLE, False, False)
    database.close()


def test_an_address_that_does_not_answer_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="GRIDMAP_DATABASE_URL"):
        ready_database(Settings(home=tmp_path, database_url="postgresql://nobody:wrong@127.0.0.1:1/none"))


def test_secrets_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    first = secret(tmp_path, "one")
    assert first == secret(tmp_path, "one")
    assert first != secret(tmp_path, "two")
    assert (tmp_path / "keys" / "one").stat().st_mode & 0o077 == 0


def test_a_current_database_is_left_alone(elsewhere: str) -> None:
    engine = create_engine(elsewhere)
    with engine.begin() as con:
        schema.prepare(con)
        schema.migrate(con)
        before = con.execute(text("SELECT max(oid) FROM pg_policy")).scalar()
        schema.migrate(con)
        assert con.execute(text("SELECT max(oid) FROM pg_policy")).scalar() == before
        assert schema.is_current(con)
    engine.dispose()
