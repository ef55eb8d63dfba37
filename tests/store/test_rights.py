"""Who may touch which rows: read from the catalogue, and tried."""

from __future__ import annotations

import secrets

import pytest
from signing import OPERATOR, new_token
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from two_communities import MORNING, Small

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.services import accounts
from gridmap.store.database import become
from gridmap.store.rights import DATABASE_ROLE, GROUP_ROLES
from gridmap.store.tables import metadata

TABLES = sorted(metadata.tables)
# The only policies that may stand without a community: nobody is signed in yet, or the server's own operator asks.
WITHOUT_COMMUNITY = {
    "gridmap_operator": set(TABLES),
    "gridmap_visitor": {"throttle"},
}
# A visitor's rows hang on the secret he shows; it leads to one account, and from there to one community.
BY_PROOF = {"session", "sign_in_link", "account", "audit_event", "worker_assignment", "community"}


def rows_of(con: Connection, table: str) -> list[dict[str, object]]:
    """Return every row a role gets without any WHERE; [] where it may not even ask."""
    columns = con.execute(
        text(
            "SELECT string_agg(format('%I', attname), ', ') FROM pg_attribute WHERE attrelid = CAST(:t AS regclass)"
            " AND attnum > 0 AND NOT attisdropped"
            " AND has_column_privilege(current_user, attrelid, attnum, 'SELECT')"
        ),
        {"t": table},
    ).scalar_one()
    if columns is None:
        return []
    return [dict(row) for row in con.execute(text(f'SELECT {columns} FROM "{table}"')).mappings()]


def person(small: Small, role: Role) -> Actor:
    grids = frozenset(small.grids[0][:1]) if role is Role.WORKER else frozenset()
    return Actor(role, small.community_id, grids, account_id=1)


def test_every_table_has_row_security_that_binds_its_owner_too(con: Connection) -> None:
    found = con.execute(
        text(
            "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
            "   AND pg_get_userbyid(relowner) = 'gridmap_owner'"
        )
    ).all()
    bound = {name for name, enabled, forced in found if enabled and forced}
    assert bound == set(TABLES)
    assert {name for name, *_ in found} - bound == {"alembic_version"}


def test_every_policy_names_the_community_or_a_secret(con: Connection) -> None:
    policies = con.execute(
        text(
            "SELECT tablename, roles[1], coalesce(qual, '') || coalesce(with_check, '') FROM pg_policies"
            " WHERE schemaname = 'public'"
        )
    ).all()
    assert len(policies) > 100
    for table, role, condition in policies:
        if table in WITHOUT_COMMUNITY.get(role, set()):
            continue
        if role == "gridmap_visitor":
            assert table in BY_PROOF
            assert "app.proof" in condition or "account a" in condition, (table, condition)
        else:
            assert "app.community" in condition, (table, role, condition)


def test_nothing_is_granted_without_a_policy_and_nothing_to_the_application_itself(con: Connection) -> None:
    granted = con.execute(
        text(
            "SELECT table_name, grantee, privilege_type FROM information_schema.role_column_grants"
            " WHERE table_schema = 'public' AND (grantee LIKE 'gridmap%' OR grantee = 'PUBLIC')"
            "   AND grantee NOT IN ('gridmap_owner', 'gridmap_backup') GROUP BY 1, 2, 3"
        )
    ).all()
    policies = {
        tuple(row)
        for row in con.execute(
            text("SELECT tablename, roles[1]::text, cmd FROM pg_policies WHERE schemaname = 'public'")
        )
    }
    postgis = {"spatial_ref_sys", "geometry_columns", "geography_columns"}
    for table, role, verb in granted:
        assert role in GROUP_ROLES or (role == "PUBLIC" and table in postgis), (table, role)
        assert table in postgis or (table, role, verb) in policies, (table, role, verb)


def test_no_role_of_ours_is_a_superuser_or_bypasses_row_security(con: Connection) -> None:
    odd = con.execute(
        text(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'gridmap%'"
            " AND (rolsuper OR rolcreaterole OR rolcreatedb OR (rolbypassrls AND rolname <> 'gridmap_backup'))"
        )
    ).scalars()
    assert list(odd) == []


def test_nobody_may_truncate_and_the_trail_is_only_ever_added_to(con: Connection) -> None:
    for role in [*GROUP_ROLES, "gridmap_app"]:
        for table in TABLES:
            ask = "SELECT has_table_privilege(:r, CAST(:t AS regclass), 'TRUNCATE')"
            assert not con.execute(text(ask), {"r": role, "t": table}).scalar_one()
        for verb in ("UPDATE", "DELETE"):
            ask = (
                "SELECT has_any_column_privilege(:r, 'audit_event', 'UPDATE')"
                if verb == "UPDATE"
                else ("SELECT has_table_privilege(:r, 'audit_event', 'DELETE')")
            )
            assert not con.execute(text(ask), {"r": role}).scalar_one()


def test_the_application_without_an_actor_reads_no_table(small: Small) -> None:
    for table in TABLES:
        with small.database.engine.connect() as con, pytest.raises(ProgrammingError, match="permission denied"):
            con.execute(text(f'SELECT 1 FROM "{table}"'))


@pytest.mark.parametrize("table", TABLES)
def test_a_visitor_who_shows_nothing_sees_nothing(small: Small, table: str) -> None:
    with small.database.transaction(Actor(Machine.VISITOR)) as con:
        assert rows_of(con, table) == [] or table == "throttle"


@pytest.mark.parametrize("proof", ["0" * 64, "nobody", "' OR true --", "0" * 63, "DEMO-SECRETARY", "é" * 32])
def test_a_visitor_who_shows_something_wrong_sees_nothing(small: Small, proof: str) -> None:
    with small.database.transaction(Actor(Machine.VISITOR, proof=proof)) as con:
        assert [table for table in TABLES if rows_of(con, table)] in ([], ["throttle"])


def test_a_visitor_sees_what_hangs_on_his_token_and_nothing_else(small: Small) -> None:
    token = new_token(small.database, small.community_id, Role.WORKER, MORNING)
    new_token(small.database, small.communities[1], Role.WORKER, MORNING)
    with small.database.transaction(Actor(Machine.VISITOR, proof=accounts.fingerprint(token))) as con:
        seen = {table: rows_of(con, table) for table in TABLES if table != "throttle"}
    assert {t: len(rows) for t, rows in seen.items() if rows} == {
        "session": 1,
        "account": 1,
        "community": 1,
        "worker_assignment": 1,
    }
    assert seen["community"][0]["id"] == small.community_id
    assert seen["worker_assignment"][0]["grid_id"] == small.grids[0][0]


def test_a_visitor_cannot_open_a_session_for_somebody_else(small: Small) -> None:
    with small.database.transaction(OPERATOR) as con:
        other = con.execute(text("SELECT community_id, id FROM account WHERE username = 'demo-admin'")).one()
    with (
        pytest.raises(DBAPIError, match="row-level security"),
        small.database.transaction(Actor(Machine.VISITOR, proof="demo-worker")) as con,
    ):
        con.execute(
            text(
                "INSERT INTO session (community_id, token_hash, account_id, expires_at)"
                " VALUES (:c, :t, :a, now() + interval '1 day')"
            ),
            {"c": other.community_id, "t": secrets.token_bytes(32), "a": other.id},
        )


@pytest.mark.parametrize("role", list(Role))
def test_no_role_sees_a_row_of_another_community(small: Small, role: Role) -> None:
    with small.database.transaction(person(small, role)) as con:
        seen = [(t, row.get("community_id", row.get("id"))) for t in TABLES for row in rows_of(con, t)]
    assert seen
    assert {community for _, community in seen} == {small.community_id}


def test_a_worker_sees_the_people_of_his_own_grids_only(small: Small) -> None:
    with small.database.transaction(person(small, Role.WORKER)) as con:
        for table in ("household", "household_spell", "resident", "group_tag", "visit", "need"):
            found = {row["grid_id"] for row in rows_of(con, table)}
            assert found == {small.grids[0][0]}, table


def test_a_worker_without_a_grid_sees_nobody(small: Small) -> None:
    with small.database.transaction(Actor(Role.WORKER, small.community_id, account_id=1)) as con:
        assert rows_of(con, "household") == []


# What each role may read at all, written here by hand: a change of rights must change this table too.
MAP = {"outline", "street", "barrier", "area", "compound", "grid", "grid_version", "building", "entrance", "place"}
NETWORK = {"street_node", "street_edge", "entrance_access"}
TOLD = {"visit", "need", "hazard", "dispute", "material_delivery", "availability", "appointment", "household_event"}
PEOPLE = {"household", "household_spell", "resident", "group_tag", "photo"} | TOLD
STAFF = {"worker", "worker_assignment", "visit_rule"}
WATER = {"delivery_customer", "delivery_run", "delivery_order"}
FACILITIES = {"facility", "facility_income"}
EVERYBODY = MAP | NETWORK | {"community", "session"}
DAY = {
    "work_setting",
    "shift",
    "material",
    "answer_count",
    "answer_sum",
    "errand",
    "plan",
    "plan_stop",
    "plan_omission",
    "submission",
}
PLANNED_FROM = {"household", "household_spell", "need", "visit", "grid_stat", "work_setting"}
DRAFTS = {"boundary_plan", "boundary_change", "boundary_edit", "boundary_comment", "boundary_version"}
TOLD_OF = {"boundary_version", "boundary_move", "boundary_notice"}
LEADERS = EVERYBODY | PEOPLE | STAFF | WATER | FACILITIES | DAY | DRAFTS | TOLD_OF | {"grid_stat", "issued_report"}
READABLE = {
    Role.SECRETARY: LEADERS,
    Role.CLERK: LEADERS,
    Role.WORKER: EVERYBODY | PEOPLE | STAFF | DAY | TOLD_OF | {"facility", "grid_stat"},
    Role.PLANNER: EVERYBODY | PLANNED_FROM | STAFF | FACILITIES | DRAFTS | {"street_edit"},
    Role.DRIVER: EVERYBODY | WATER | {"facility"},
    Role.ADMIN: EVERYBODY | STAFF | {"account", "audit_event"},
}
HIDDEN = {
    Role.PLANNER: {"household": {"group_bits", "standing_reason"}, "household_spell": {"reason"}, "visit": {"note"}},
    Role.ADMIN: {"account": {"password_hash"}},
}


@pytest.mark.parametrize("role", list(Role))
def test_a_role_reads_these_tables_and_no_other(con: Connection, role: Role) -> None:
    ask = text("SELECT has_any_column_privilege(:r, CAST(:t AS regclass), 'SELECT')")
    found = {t for t in TABLES if con.execute(ask, {"r": DATABASE_ROLE[role], "t": t}).scalar_one()}
    assert found == READABLE[role]
    for table, columns in HIDDEN.get(role, {}).items():
        for column in columns:
            ask_column = text("SELECT has_column_privilege(:r, CAST(:t AS regclass), :c, 'SELECT')")
            values = {"r": DATABASE_ROLE[role], "t": table, "c": column}
            assert not con.execute(ask_column, values).scalar_one(), (table, column)


def test_people_end_their_own_sessions_only(small: Small) -> None:
    for role in (Role.SECRETARY, Role.WORKER, Role.PLANNER, Role.DRIVER):
        new_token(small.database, small.community_id, role, MORNING)
    with small.database.transaction(Actor(Role.SECRETARY, small.community_id, account_id=0)) as con:
        assert con.execute(text("UPDATE session SET revoked_at = now()")).rowcount == 0


def test_the_actor_changes_with_become_and_never_by_itself(con: Connection, community_id: int) -> None:
    become(con, Actor(Role.SECRETARY, community_id))
    assert con.execute(text("SELECT current_user")).scalar_one() == "gridmap_manager"
    become(con, Actor(Machine.VISITOR))
    assert con.execute(text("SELECT current_user, current_setting('app.community')")).one() == ("gridmap_visitor", "")
