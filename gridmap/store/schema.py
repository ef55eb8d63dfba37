"""Make and migrate the tables: extensions, Alembic, the box trigger, then the rights."""

from __future__ import annotations

import hashlib
from pathlib import Path

from alembic import command
from alembic.config import Config
from geoalchemy2 import Geometry
from sqlalchemy import Connection, text

from gridmap.store import rights
from gridmap.store.tables import metadata

EXTENSIONS = ("postgis", "btree_gist")
HERE = Path(__file__).resolve().parent

# The operator's own box, one for each community: a wrong datum or swapped axes cannot be stored.
BOX_FUNCTION = """
CREATE OR REPLACE FUNCTION gridmap_inside_box() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE shape geometry; box record;
BEGIN
  EXECUTE format('SELECT ($1).%I', TG_ARGV[0]) INTO shape USING NEW;
  SELECT lon_min, lat_min, lon_max, lat_max INTO box FROM community WHERE id = NEW.community_id;
  IF shape IS NOT NULL AND NOT (ST_XMin(shape) >= box.lon_min AND ST_XMax(shape) <= box.lon_max
                            AND ST_YMin(shape) >= box.lat_min AND ST_YMax(shape) <= box.lat_max) THEN
    RAISE EXCEPTION 'outside the box of the community' USING ERRCODE = 'check_violation',
      CONSTRAINT = TG_TABLE_NAME || '_inside_box', TABLE = TG_TABLE_NAME, COLUMN = TG_ARGV[0];
  END IF;
  RETURN NEW;
END $$
"""


# Only an owner may ANALYZE, and a load must: planned with the figures of an empty table, what follows takes minutes.
ANALYZE_FUNCTION = """
CREATE OR REPLACE FUNCTION gridmap_analyze() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public AS $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['household', 'household_spell', 'resident', 'group_tag', 'visit', 'need', 'building'] LOOP
    EXECUTE format('ANALYZE %I', name);
  END LOOP;
END $$
"""


def stored_shapes() -> list[tuple[str, str]]:
    """Return (table, column) of every geometry that people or files put in; computed copies are left out."""
    return [
        (table.name, column.name)
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, Geometry) and column.computed is None
    ]


def install_boxes(con: Connection) -> None:
    """Put the box trigger on every geometry column."""
    con.execute(text(BOX_FUNCTION))
    for table, column in stored_shapes():
        con.execute(
            text(
                f'CREATE OR REPLACE TRIGGER {column}_inside_box BEFORE INSERT OR UPDATE OF "{column}" ON "{table}"'
                f" FOR EACH ROW EXECUTE FUNCTION gridmap_inside_box('{column}')"
            )
        )


def install_analyze(con: Connection) -> None:
    """Let the program's own loads, and nobody else, bring the planner's figures up to date."""
    con.execute(text(ANALYZE_FUNCTION))
    con.execute(text("REVOKE ALL ON FUNCTION gridmap_analyze() FROM PUBLIC"))
    con.execute(text("GRANT EXECUTE ON FUNCTION gridmap_analyze() TO gridmap_job"))


def prepare(con: Connection) -> None:
    """Do once, as a superuser: roles, extensions, ownership."""
    rights.create_roles(con)
    for extension in EXTENSIONS:
        con.execute(text(f"CREATE EXTENSION IF NOT EXISTS {extension}"))
    con.execute(text(f"ALTER SCHEMA public OWNER TO {rights.OWNER_ROLE}"))
    rights.apply_as_superuser(con)


def fingerprint() -> str:
    """Return a mark of everything that shapes the database: tables, migrations, rights."""
    declared = [HERE / "tables.py", HERE / "rights.py", HERE / "schema.py"]
    sources = [*declared, *sorted(HERE.glob("migrations/versions/0*"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def is_current(con: Connection) -> bool:
    """Tell whether ``migrate`` has nothing to do: the mark it leaves is this release's."""
    return con.execute(text("SELECT obj_description('public'::regnamespace)")).scalar() == fingerprint()


def migrate(con: Connection) -> None:
    """Bring the tables to the newest version, then make the rights equal to ``rights.GRANTS``.

    Runs as the owner. Two starts at once wait for each other; the second finds nothing to do.
    """
    con.execute(text("SELECT pg_advisory_xact_lock(hashtext('gridmap.migrate'))"))
    if is_current(con):
        return
    config = Config()
    config.set_main_option("script_location", str(HERE / "migrations"))
    config.attributes["connection"] = con
    command.upgrade(config, "head")
    install_boxes(con)
    install_analyze(con)
    rights.apply(con)
    con.execute(text(f"COMMENT ON SCHEMA public IS '{fingerprint()}'"))
