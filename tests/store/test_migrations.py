"""The migrations, run one after the other, give exactly the tables that ``tables.py`` declares."""

from __future__ import annotations

from sqlalchemy import Connection, create_engine, text

from gridmap.ops.cluster import Cluster
from gridmap.ops.setup import create_database
from gridmap.store import rights, schema
from gridmap.store.tables import metadata
from tests.conftest import make_database

CATALOGUE = {
    "columns": "SELECT table_name, column_name, ordinal_position, data_type, udt_name, is_nullable, column_default,"
    " is_identity, generation_expression, character_maximum_length FROM information_schema.columns"
    " WHERE table_schema = 'public'",
    "shapes": "SELECT f_table_name, f_geometry_column, coord_dimension, srid, type FROM geometry_columns",
    "constraints": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace",
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
}
NOT_OURS = {"alembic_version", "spatial_ref_sys", "geometry_columns", "geography_columns"}


def catalogue(con: Connection, part: str) -> set[tuple[object, ...]]:
    return {tuple(row) for row in con.execute(text(CATALOGUE[part])) if row[0] not in NOT_OURS}


def test_migrated_and_declared_databases_are_equal(cluster: Cluster) -> None:
    make_database(cluster, "migrated")
    create_database(cluster, "declared")
    migrated = create_engine(cluster.url("postgres", "migrated"))
    declared = create_engine(cluster.url("postgres", "declared"))
    with migrated.connect() as old, declared.begin() as new:
        schema.prepare(new)
        metadata.create_all(new)
        for part in CATALOGUE:
            assert catalogue(old, part) == catalogue(new, part), part
    migrated.dispose()
    declared.dispose()


def test_a_table_out_of_the_rights_would_be_found(cluster: Cluster) -> None:
    granted = {table for grant in rights.GRANTS for table in grant.tables}
    assert granted == set(metadata.tables)
    assert cluster.answers()
