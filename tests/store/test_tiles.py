"""Tiles out of PostGIS: what is in them, for whom, and by which index."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date
from typing import Any

import mapbox_vector_tile
import psycopg
import pytest
from sqlalchemy import create_engine, text

from gridmap.domain.actors import Actor, Role
from gridmap.domain.groups import BIT, SHARED_BITS
from gridmap.domain.tiles import Layer, Tile
from gridmap.ops.cluster import Cluster
from gridmap.store import tiles
from gridmap.store.database import Database
from tests.conftest import make_database

ON = date(2026, 11, 22)
LON, LAT = 105.2816, 27.3055

SOW = """
SET LOCAL session_replication_role = replica;
INSERT INTO community (id, code, name, epsg, lon_min, lat_min, lon_max, lat_max, invented, loaded_at)
OVERRIDING SYSTEM VALUE SELECT c, 'c' || c, 'c', 4544, 105, 27, 106, 28, 'all', now() FROM generate_series(1, 10) c;
INSERT INTO household (community_id, id, grid_id, building_id, entrance_id, floor, room, group_bits,
                       due_on, overdue_on, state_fresh, state_due, state_late, door)
OVERRIDING SYSTEM VALUE
SELECT c, i, 1 + i % 20, i / 50, i / 50, 1, i::text,
       CASE i % 10 WHEN 0 THEN 1 WHEN 1 THEN {restricted} ELSE 0 END,
       CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN DATE '2026-11-23' ELSE DATE '2026-11-22' END,
       CASE i % 4 WHEN 2 THEN DATE '2026-11-23' WHEN 3 THEN DATE '2026-11-22' END, 0, 2, 3,
       ST_SetSRID(ST_MakePoint({lon} - 0.04 + 0.08 * (i * 0.6180339887 % 1),
                               {lat} - 0.04 + 0.08 * (i * 0.7548776662 % 1)), 4490)
FROM generate_series(1, 10) c, generate_series(1, {each}) i;
INSERT INTO street (community_id, kind, name, path) SELECT c, 'primary', '大街' || c,
       ST_SetSRID(ST_MakeLine(ST_MakePoint({lon} - 0.05, {lat}), ST_MakePoint({lon} + 0.05, {lat})), 4490)
FROM generate_series(1, 10) c;
INSERT INTO building (community_id, id, grid_id, name, kind, shape) OVERRIDING SYSTEM VALUE
SELECT c, 1, 1, '一栋', 'tower', ST_MakeEnvelope({lon}, {lat}, {lon} + 0.0005, {lat} + 0.0003, 4490)
FROM generate_series(1, 10) c;
INSERT INTO place (community_id, kind, name, at) SELECT c, 'school', '学校',
       ST_SetSRID(ST_MakePoint({lon}, {lat}), 4490)
FROM generate_series(1, 10) c;
"""


@pytest.fixture(scope="module")
def town(cluster: Cluster, nightly: bool) -> Iterator[Database]:
    """Ten communities on one spot, households spread over 8 km: 100,000 in each at night."""
    url = make_database(cluster, "tiles")
    engine = create_engine(cluster.url("postgres", "tiles"))
    with engine.begin() as con:
        for statement in SOW.format(lon=LON, lat=LAT, restricted=BIT["drug"], each=100_000 if nightly else 3_000).split(
            ";\n"
        ):
            if statement.strip():
                con.execute(text(statement.replace(":", "\\:")))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as con:
        con.execute(text("ANALYZE"))
    engine.dispose()
    made = Database(url, pool_size=1)
    yield made
    made.close()


def at(z: int, lon: float = LON, lat: float = LAT) -> tuple[int, int]:
    n = 2**z
    return int((lon + 180) / 360 * n), int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * n)


def features(town: Database, actor: Actor, layer: Layer, z: int) -> dict[str, list[dict[str, Any]]]:
    drawn = mapbox_vector_tile.decode(tiles.read(town, actor, Tile(layer, z, *at(z)), ON))
    return {
        name: [f["properties"] | {"id": f.get("id")} for f in content["features"]] for name, content in drawn.items()
    }


SECRETARY = Actor(Role.SECRETARY, 3, account_id=1)
WORKER = Actor(Role.WORKER, 3, frozenset({4, 7}), account_id=2)


def expected(town: Database, z: int, where: str) -> set[int]:
    """Ask the table itself, on the sphere's side of the projection, which households lie in the tile."""
    x, y = at(z)
    row = town.ask(
        SECRETARY,
        "SELECT array_agg(id) FROM household WHERE ST_Within(ST_Transform(door, 3857),"
        f" ST_TileEnvelope(%(z)s, %(x)s, %(y)s)) AND community_id = 3 AND {where}",
        {"z": z, "x": x, "y": y},
    )
    assert row is not None
    return set(row[0] or [])


def test_a_tile_holds_the_households_in_it_and_a_rim_of_others(town: Database) -> None:
    ids = {f["id"] for f in features(town, SECRETARY, Layer.HOMES, 16)["home"]}
    inside = expected(town, 16, "true")
    assert len(inside) > 5
    assert inside <= ids
    assert len(ids - inside) <= len(inside)


def test_the_state_is_compared_with_the_day(town: Database) -> None:
    found = features(town, SECRETARY, Layer.HOMES, 16)["home"]
    assert {f["id"] % 4: f["s"] for f in found} == {0: 0, 1: 0, 2: 2, 3: 3}
    assert all(f["b"] == f["id"] // 50 for f in found)


def test_a_worker_gets_his_own_grids_only(town: Database) -> None:
    ids = {f["id"] for f in features(town, WORKER, Layer.HOMES, 16).get("home", [])}
    assert ids >= expected(town, 16, "grid_id IN (4, 7)")
    assert {1 + i % 20 for i in ids} <= {4, 7}
    assert features(town, Actor(Role.WORKER, 3, frozenset()), Layer.HOMES, 16) == {}


def test_row_security_alone_keeps_a_worker_in_his_grids(town: Database) -> None:
    """The second wall, without the first: the statement made for a secretary, asked by a worker."""
    tile = Tile(Layer.HOMES, 12, *at(12))
    statement = tiles.statement(SECRETARY, tile)
    row = town.ask(WORKER, statement, tiles.values(SECRETARY, tile, ON))
    assert row is not None
    ids = {f["id"] for f in mapbox_vector_tile.decode(row[0])["home"]["features"]}
    assert len(ids) > 20
    assert {1 + i % 20 for i in ids} == {4, 7}
    assert town.ask(WORKER, statement, tiles.values(Actor(Role.SECRETARY, 4), tile, ON)) == (b"",)


def test_groups_of_other_authorities_are_on_no_map(town: Database) -> None:
    found = features(town, SECRETARY, Layer.GROUPS, 14)["group"]
    assert found
    assert {f["id"] % 10 for f in found} == {0}
    assert all(f["g"] & ~SHARED_BITS == 0 and f["g"] for f in found)


@pytest.mark.parametrize("role", [Role.PLANNER, Role.DRIVER, Role.ADMIN])
def test_the_database_itself_refuses_groups_to_who_may_not(town: Database, role: Role) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        tiles.read(town, Actor(role, 3), Tile(Layer.GROUPS, 16, *at(16)), ON)
    assert features(town, Actor(role, 3), Layer.BASE, 16).keys() == {"street", "building", "place"}


@pytest.mark.parametrize("z", range(6, 21))
def test_the_base_map_is_drawn_at_every_zoom(town: Database, z: int) -> None:
    drawn = features(town, SECRETARY, Layer.BASE, z)
    assert [(f["kind"], f["name"]) for f in drawn["street"]] == [("primary", "大街3")]
    assert ("building" in drawn) == (z >= 14)
    assert ("place" in drawn) == (z >= 14)


def test_nothing_there_is_an_empty_tile(town: Database) -> None:
    assert tiles.read(town, SECRETARY, Tile(Layer.BASE, 16, 0, 0), ON) == b""
    assert features(town, Actor(Role.SECRETARY, 99), Layer.HOMES, 16) == {}


def test_a_connection_that_changes_hands_keeps_nobodys_rights(town: Database) -> None:
    """One pooled connection, actors in turn: each gets his own tile, and nothing stays set."""
    tile = Tile(Layer.HOMES, 16, *at(16))
    alone = {actor: tiles.read(town, actor, tile, ON) for actor in (SECRETARY, WORKER)}
    for _ in range(6):
        for actor, bytes_alone in alone.items():
            assert tiles.read(town, actor, tile, ON) == bytes_alone
    with town.engine.connect() as con:
        left = con.execute(text("SELECT current_user, current_setting('app.community'), current_setting('app.grids')"))
        assert left.one() == ("gridmap_app", "", "")


@pytest.mark.parametrize("actor", [SECRETARY, WORKER], ids=["manager", "worker"])
@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("z", [16, 18])
def test_the_index_serves_the_policy_and_the_tile_together(town: Database, actor: Actor, mode: str, z: int) -> None:
    """Community and bounds are both conditions of one index scan: no row of another community is ever looked at."""
    plan = explain(town, actor, mode, Tile(Layer.HOMES, z, *at(z)))
    assert "Seq Scan" not in plan
    conditions = [line for line in plan.splitlines() if "Index Cond" in line]
    assert conditions
    assert all("community_id" in line for line in conditions)
    assert any("&&" in line or "grid_id" in line for line in conditions)
    if actor is SECRETARY:
        assert "household_shape_3857_gist" in plan
        assert "Rows Removed by Filter" not in plan


def test_groups_of_a_low_zoom_read_only_doors_that_have_one(town: Database) -> None:
    plan = explain(town, SECRETARY, "force_generic_plan", Tile(Layer.GROUPS, 14, *at(14)))
    assert "household_groups_gist" in plan


def explain(town: Database, actor: Actor, mode: str, tile: Tile) -> str:
    with town.transaction(actor) as con:
        con.execute(text("SELECT set_config('plan_cache_mode', :m, true)"), {"m": mode})
        values = tiles.values(actor, tile, ON)
        raw = con.connection.driver_connection
        assert isinstance(raw, psycopg.Connection)
        return "\n".join(
            r[0] for r in raw.execute(f"EXPLAIN (ANALYZE) {tiles.statement(actor, tile)}", values, prepare=True)
        )
