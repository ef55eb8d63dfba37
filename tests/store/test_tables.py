"""Rules that hold for every table, read from the catalogue of a migrated database."""

from __future__ import annotations

import pytest
from signing import OPERATOR
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from gridmap.domain.actors import Actor, Machine
from gridmap.store.database import become
from gridmap.store.schema import stored_shapes
from gridmap.store.tables import metadata

WITHOUT_TENANT = {"community", "throttle"}
KEYS = """
SELECT c.conrelid::regclass::text AS own, c.confrelid::regclass::text AS other, c.contype,
       (SELECT attname FROM pg_attribute WHERE attrelid = c.conrelid AND attnum = c.conkey[1]) AS first,
       (SELECT attname FROM pg_attribute WHERE attrelid = c.confrelid AND attnum = c.confkey[1]) AS other_first
  FROM pg_constraint c WHERE c.connamespace = 'public'::regnamespace AND c.contype IN ('p', 'f')
"""


def test_every_key_begins_with_the_community(con: Connection) -> None:
    keys = [row for row in con.execute(text(KEYS)) if row.own.strip('"') in metadata.tables]
    assert {row.own.strip('"') for row in keys if row.contype == "p"} == set(metadata.tables)
    for row in keys:
        table = row.own.strip('"')
        if table in WITHOUT_TENANT:
            continue
        assert row.first == "community_id", (table, row)
        if row.contype == "f":
            assert row.other_first == ("id" if row.other == "community" else "community_id"), (table, row)


def test_every_shape_has_its_check_and_its_box(con: Connection) -> None:
    checks = {
        tuple(row)
        for row in con.execute(
            text("SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE conname LIKE '%_sound_check'")
        )
    }
    boxes = {
        tuple(row)
        for row in con.execute(
            text("SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgname LIKE '%_inside_box'")
        )
    }
    assert len(stored_shapes()) > 12
    for table, column in stored_shapes():
        assert (table, f"{table}_{column}_sound_check") in checks
        assert (table, f"{column}_inside_box") in boxes


@pytest.mark.parametrize(
    "point",
    [
        "POINT(NaN 27.3)",
        "POINT(105.3 Infinity)",
        "POINT(200 27.3)",
        "POINT(105.3 91)",
        "POINT(1e308 1e308)",
        "POINT EMPTY",
        "POINT(27.3 105.3)",  # axes swapped
        "POINT(105.5 27.3)",  # outside the community's own box
    ],
)
def test_a_point_that_is_nowhere_is_not_kept(con: Connection, community_id: int, point: str) -> None:
    with pytest.raises((IntegrityError, DBAPIError)), con.begin_nested():
        con.execute(
            text(
                "INSERT INTO place (community_id, name, kind, at) VALUES (:c, '门', 'gate', ST_GeomFromText(:p, 4490))"
            ),
            {"c": community_id, "p": point},
        )
    kept = con.execute(text("SELECT count(*) FROM place WHERE community_id = :c"), {"c": community_id})
    assert kept.scalar_one() == 0


def test_a_row_cannot_refer_to_another_community(con: Connection, community_id: int) -> None:
    grid = con.execute(
        text(
            "INSERT INTO grid (community_id, code, number, name, kind)"
            " VALUES (:c, 'a', 1, '一', 'general') RETURNING id"
        ),
        {"c": community_id},
    ).scalar_one()
    become(con, OPERATOR)
    other = con.execute(
        text(
            "INSERT INTO community (code, name, epsg, lon_min, lat_min, lon_max, lat_max)"
            " VALUES ('other', '别处', 4544, 105.2, 27.2, 105.4, 27.4) RETURNING id"
        )
    ).scalar_one()
    become(con, Actor(Machine.JOB, other))
    worker = con.execute(
        text("INSERT INTO worker (community_id, name) VALUES (:c, '甲') RETURNING id"), {"c": other}
    ).scalar_one()
    with pytest.raises(IntegrityError, match="foreign key"), con.begin_nested():
        con.execute(
            text(
                "INSERT INTO worker_assignment (community_id, worker_id, grid_id, valid_from)"
                " VALUES (:c, :w, :g, '2026-01-01')"
            ),
            {"c": other, "w": worker, "g": grid},
        )
