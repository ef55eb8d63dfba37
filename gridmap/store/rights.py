"""Who may touch which rows: database roles, grants and row policies, as one table.

The application connects as ``gridmap_app``, which owns nothing and sees no row. Each transaction takes the database
role of its actor (``database.transaction``). ``apply`` makes the database equal to this file; it runs after every
migration and is safe to repeat.

The community is part of every policy. ``&&`` of PostGIS is not leakproof by default, which would keep a policy's
table from its spatial index; ``apply_as_superuser`` marks it so where it may (it raises no error that could tell
a hidden row), and the index begins with the community.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from gridmap.domain.actors import Machine, Role
from gridmap.store.tables import metadata

DATABASE_ROLE: dict[Role | Machine, str] = {
    Role.SECRETARY: "gridmap_manager",
    Role.CLERK: "gridmap_manager",
    Role.WORKER: "gridmap_worker",
    Role.PLANNER: "gridmap_planner",
    Role.DRIVER: "gridmap_driver",
    Role.ADMIN: "gridmap_admin",
    Machine.VISITOR: "gridmap_visitor",
    Machine.JOB: "gridmap_job",
    Machine.OPERATOR: "gridmap_operator",
}
GROUP_ROLES = sorted(set(DATABASE_ROLE.values()))
APP_ROLE, OWNER_ROLE, BACKUP_ROLE = "gridmap_app", "gridmap_owner", "gridmap_backup"

COMMUNITY = "community_id = (SELECT nullif(current_setting('app.community', true), '')::int)"
GRIDS = "ANY (string_to_array(nullif(current_setting('app.grids', true), ''), ',')::bigint[])"
OWN_GRIDS = f"{COMMUNITY} AND grid_id = {GRIDS}"
PROOF = "current_setting('app.proof', true)"
# A username is never 64 hex digits, so decode() meets nothing else.
TOKEN_SHOWN = f"CASE WHEN {PROOF} ~ '^[0-9a-f]{{64}}$' THEN decode({PROOF}, 'hex') END"
ACCOUNT_SHOWN = f"username = nullif({PROOF}, '')" + "".join(
    f" OR EXISTS (SELECT FROM {table} s WHERE s.token_hash = {TOKEN_SHOWN}"
    " AND s.community_id = account.community_id AND s.account_id = account.id)"
    for table in ("session", "sign_in_link")
)
ACCOUNT = "nullif(current_setting('app.account', true), '')::bigint"

NETWORK = ["street_node", "street_edge", "entrance_access"]
MAP = [
    *["outline", "street", "barrier", "area", "compound", "grid", "grid_version", "building", "entrance", "place"],
    *NETWORK,
]
# What is told at a door; a worker adds to it, nobody rewrites it.
TOLD = [
    *["visit", "need", "hazard", "dispute", "material_delivery", "availability", "appointment", "household_event"],
    "photo",
]
PEOPLE = ["household", "household_spell", "resident", "group_tag", *TOLD]
STAFF = ["worker", "worker_assignment", "visit_rule"]
DUTY = ["work_setting", "shift", "material", "answer_count", "answer_sum"]
PLANS = ["plan", "plan_stop", "plan_omission"]
WATER = ["delivery_customer", "delivery_run", "delivery_order"]
FACILITIES = ["facility", "facility_income"]
DRAFTS = ["boundary_plan", "boundary_change", "boundary_edit", "boundary_comment"]
SIGN_IN = ["account", "session", "sign_in_link"]


@dataclass(frozen=True)
class Grant:
    """One database role may do ``verbs`` to the rows of ``tables`` that satisfy ``rows`` (an SQL condition)."""

    role: str
    tables: tuple[str, ...]
    verbs: str = "SELECT"
    rows: str = COMMUNITY
    hidden: tuple[str, ...] = ()  # columns this role may not read
    only: tuple[str, ...] = ()  # columns this role may change; all when none is named


def _all(
    role: str,
    *tables: str,
    verbs: str = "SELECT",
    rows: str = COMMUNITY,
    hidden: tuple[str, ...] = (),
    only: tuple[str, ...] = (),
) -> Grant:
    return Grant(role, tables, verbs, rows, hidden, only)


def _of_shown(table: str, column: str, own_column: str) -> str:
    """Return the condition that a row belongs to the account whose secret is shown."""
    return (
        f"EXISTS (SELECT FROM account a WHERE a.community_id = {table}.community_id"
        f" AND a.{column} = {table}.{own_column})"
    )


_OWN_ROW = f"{COMMUNITY} AND account_id = {ACCOUNT}"

GRANTS: list[Grant] = [
    *[
        _all(role, "community", rows=COMMUNITY.replace("community_id", "id"))
        for role in GROUP_ROLES
        if role not in {"gridmap_operator", "gridmap_visitor"}
    ],
    # everybody signed in reads the map of his community, writes to the trail, and ends his own sessions
    *[
        _all(role, *MAP)
        for role in ("gridmap_manager", "gridmap_worker", "gridmap_planner", "gridmap_driver", "gridmap_admin")
    ],
    *[
        _all(role, "audit_event", verbs="INSERT", rows=f"{COMMUNITY} AND account_id = {ACCOUNT}")
        for role in ("gridmap_manager", "gridmap_worker", "gridmap_planner", "gridmap_driver", "gridmap_admin")
    ],
    _all("gridmap_job", "audit_event", verbs="INSERT"),
    *[
        _all(role, "session", verbs=verb, rows=_OWN_ROW, only=("revoked_at",))
        for verb in ("SELECT", "UPDATE")
        for role in ("gridmap_manager", "gridmap_worker", "gridmap_planner", "gridmap_driver")
    ],
    # secretary and clerk: everything that happens in the community
    _all("gridmap_manager", *STAFF, *PEOPLE, *WATER, *FACILITIES, *DUTY, "errand", *PLANS, "submission"),
    _all("gridmap_manager", "grid_stat"),
    _all("gridmap_manager", *TOLD, verbs="INSERT"),
    _all("gridmap_manager", "work_setting", "shift", "material", "errand", verbs="INSERT, UPDATE, DELETE"),
    _all(
        "gridmap_manager",
        "submission",
        verbs="UPDATE",
        only=("state", "reason", "decided_at", "decided_by", "decision_note"),
    ),
    _all("gridmap_manager", "submission", verbs="INSERT", rows=f"{COMMUNITY} AND account_id = {ACCOUNT}"),
    _all("gridmap_manager", "visit", "household_event", verbs="UPDATE", only=("withdrawn_at",)),
    _all("gridmap_manager", "appointment", verbs="UPDATE", only=("cancelled_at",)),
    # worker: the people of his own grids; where a machine stands, not what it earns
    _all("gridmap_worker", *STAFF, *DUTY, "facility"),
    _all("gridmap_worker", *PEOPLE, "errand", "plan", "plan_stop", rows=OWN_GRIDS),
    _all("gridmap_worker", "plan_omission", rows=OWN_GRIDS),
    _all("gridmap_worker", "grid_stat", rows=OWN_GRIDS),
    _all("gridmap_worker", *TOLD, verbs="INSERT", rows=OWN_GRIDS),
    _all("gridmap_worker", "visit", "household_event", verbs="UPDATE", rows=OWN_GRIDS, only=("withdrawn_at",)),
    _all("gridmap_worker", "appointment", verbs="UPDATE", rows=OWN_GRIDS, only=("cancelled_at",)),
    _all("gridmap_worker", "errand", verbs="UPDATE", rows=OWN_GRIDS, only=("done_at",)),
    _all("gridmap_worker", "plan_stop", verbs="UPDATE", rows=OWN_GRIDS, only=("state",)),
    _all("gridmap_worker", "submission", verbs="SELECT, INSERT", rows=f"{COMMUNITY} AND account_id = {ACCOUNT}"),
    # planner: doors and dates, no names, no groups
    _all("gridmap_planner", *STAFF, *FACILITIES),
    _all("gridmap_planner", "household", hidden=("group_bits", "standing_reason")),
    _all("gridmap_planner", "household_spell", "need", "visit", hidden=("summary", "note", "reason", "resident_id")),
    _all("gridmap_planner", "grid_stat", "work_setting"),
    # ... who edits the streets people walk
    _all("gridmap_planner", "street_node", "street_edge", "entrance_access", verbs="INSERT, UPDATE, DELETE"),
    _all("gridmap_planner", "street_edit", verbs="SELECT, INSERT"),
    _all("gridmap_planner", "street_edit", verbs="UPDATE", only=("undone_at", "began")),
    _all(
        "gridmap_planner",
        "community",
        verbs="UPDATE",
        rows=COMMUNITY.replace("community_id", "id"),
        only=("network_mark", "map_version"),
    ),
    # ... and drafts of borders, with the secretary; what takes effect is written by the program
    _all("gridmap_planner", *DRAFTS, verbs="SELECT, INSERT, UPDATE, DELETE"),
    _all("gridmap_manager", *DRAFTS, verbs="SELECT, INSERT, UPDATE, DELETE"),
    *[_all(role, "boundary_version") for role in ("gridmap_manager", "gridmap_worker", "gridmap_planner")],
    _all("gridmap_manager", "boundary_move", "boundary_notice"),
    _all("gridmap_worker", "boundary_move", rows=OWN_GRIDS),
    _all("gridmap_worker", "boundary_notice", rows=OWN_GRIDS),
    _all("gridmap_worker", "boundary_notice", verbs="UPDATE", rows=OWN_GRIDS, only=("seen_at",)),
    _all("gridmap_manager", "issued_report", verbs="SELECT, INSERT"),
    # driver: water only
    _all("gridmap_driver", *WATER, "facility"),
    # admin: accounts and the trail, no household
    _all("gridmap_admin", *STAFF),
    _all("gridmap_admin", "account", hidden=("password_hash",)),
    _all("gridmap_admin", "account", verbs="UPDATE", only=("disabled_at",)),
    _all("gridmap_admin", "session"),
    _all("gridmap_admin", "session", verbs="UPDATE", only=("revoked_at",)),
    _all("gridmap_admin", "audit_event"),
    # before sign-in: what hangs on the one secret that is shown, a token's hash or a username
    _all("gridmap_visitor", "session", "sign_in_link", rows=f"token_hash = {TOKEN_SHOWN}"),
    _all(
        "gridmap_visitor", "session", verbs="UPDATE", rows=f"token_hash = {TOKEN_SHOWN}", only=("seen_at", "revoked_at")
    ),
    _all("gridmap_visitor", "sign_in_link", verbs="UPDATE", rows=f"token_hash = {TOKEN_SHOWN}", only=("used_at",)),
    _all("gridmap_visitor", "account", rows=ACCOUNT_SHOWN),
    _all("gridmap_visitor", "account", verbs="UPDATE", rows=ACCOUNT_SHOWN, only=("password_hash",)),
    _all("gridmap_visitor", "session", verbs="INSERT", rows=_of_shown("session", "id", "account_id")),
    _all("gridmap_visitor", "audit_event", verbs="INSERT", rows=_of_shown("audit_event", "id", "account_id")),
    _all("gridmap_visitor", "worker_assignment", rows=_of_shown("worker_assignment", "worker_id", "worker_id")),
    _all(
        "gridmap_visitor",
        "community",
        rows="EXISTS (SELECT FROM account a WHERE a.community_id = community.id)",
    ),
    _all("gridmap_visitor", "throttle", verbs="SELECT, INSERT, UPDATE", rows="true"),
    _all("gridmap_visitor", "throttle", verbs="DELETE", rows="filled_at < now() - interval '1 day'"),
    # the program itself
    _all(
        "gridmap_job",
        *[*MAP, *STAFF, *PEOPLE, *WATER, *FACILITIES, *DUTY, "errand", *PLANS, "submission", "grid_stat"],
        "street_edit",
        *["boundary_version", "boundary_move", "boundary_notice", "issued_report", *DRAFTS],
        verbs="SELECT, INSERT, UPDATE, DELETE",
    ),
    _all("gridmap_job", "account", hidden=("password_hash",)),  # whose draft it is
    _all("gridmap_job", "community", verbs="UPDATE", rows=COMMUNITY.replace("community_id", "id")),
    _all("gridmap_operator", "community", verbs="SELECT, INSERT, UPDATE, DELETE", rows="true"),
    _all("gridmap_operator", *SIGN_IN, verbs="SELECT, INSERT, UPDATE", rows="true"),
    _all("gridmap_operator", "worker", "worker_assignment", "grid", rows="true"),
    _all("gridmap_operator", "audit_event", verbs="INSERT", rows="true"),
]


def _columns(table: str, hidden: tuple[str, ...]) -> str:
    """Return the column list of a grant, or nothing when every column may be read."""
    names = [c.name for c in metadata.tables[table].columns]
    if not set(hidden) & set(names):
        return ""
    return "(" + ", ".join(f'"{n}"' for n in names if n not in hidden) + ")"


def _grant_statements(grant: Grant, table: str, number: int) -> list[str]:
    statements = []
    for verb in (v.strip() for v in grant.verbs.split(",")):
        columns = _columns(table, grant.hidden) if verb == "SELECT" else ""
        if verb == "UPDATE" and grant.only:
            columns = "(" + ", ".join(grant.only) + ")"
        name = f"{grant.role}_{verb.lower()}_{number}"
        using = "" if verb == "INSERT" else f" USING ({grant.rows})"
        check = f" WITH CHECK ({grant.rows})" if verb in {"INSERT", "UPDATE"} else ""
        statements += [
            f'GRANT {verb} {columns} ON "{table}" TO {grant.role}',
            f'CREATE POLICY "{name}" ON "{table}" FOR {verb} TO {grant.role}{using}{check}',
        ]
    return statements


def create_roles(con: Connection) -> None:
    """Create the roles that are missing; roles belong to the server, not to one database."""
    wanted = {
        **dict.fromkeys(GROUP_ROLES, "NOLOGIN"),
        APP_ROLE: "LOGIN NOINHERIT NOBYPASSRLS",
        OWNER_ROLE: "LOGIN",
        BACKUP_ROLE: "LOGIN BYPASSRLS",
    }
    present = set(con.execute(text("SELECT rolname FROM pg_roles")).scalars())
    for role, options in wanted.items():
        if role not in present:
            con.execute(text(f"CREATE ROLE {role} {options}"))
    con.execute(text(f"GRANT {', '.join(GROUP_ROLES)} TO {APP_ROLE}"))


def apply(con: Connection) -> None:
    """Make grants and row policies equal to this file. Runs as the owner of the tables."""
    con.execute(text(f"GRANT USAGE ON SCHEMA public TO {', '.join([APP_ROLE, BACKUP_ROLE, *GROUP_ROLES])}"))
    con.execute(text(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {BACKUP_ROLE}"))
    con.execute(text(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {', '.join(GROUP_ROLES)}"))
    old = con.execute(text("SELECT tablename, policyname FROM pg_policies WHERE schemaname = 'public'")).all()
    for table, policy in old:
        con.execute(text(f'DROP POLICY "{policy}" ON "{table}"'))
    for name in metadata.tables:
        con.execute(text(f'ALTER TABLE "{name}" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY'))
        con.execute(text(f'REVOKE ALL ON "{name}" FROM {", ".join([APP_ROLE, *GROUP_ROLES])}'))
    for number, grant in enumerate(GRANTS):
        for table in grant.tables:
            for statement in _grant_statements(grant, table, number):
                con.execute(text(statement))


def apply_as_superuser(con: Connection) -> None:
    """Let the spatial index serve tables with row policies: ``&&`` tells nothing of a row it does not return."""
    con.execute(text("ALTER FUNCTION geometry_overlaps(geometry, geometry) LEAKPROOF"))
