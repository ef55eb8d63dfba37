"""Versions of the borders and drafts of others, as they are kept: whose they are, how they stand, who holds them.

The grids themselves are in ``partitions``, the steps of a draft in ``draft_edits``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, text

from gridmap.domain.boundaries import Origin, Plan, PlanState, Version
from gridmap.store.partitions import UNITS, Box, changes, grid_ids, keep_changes, of_day, of_plan, states

__all__ = [
    "UNITS",
    "Base",
    "Box",
    "Standing",
    "add_plan",
    "add_version",
    "begun_on",
    "changes",
    "grid_ids",
    "has_worker",
    "hold",
    "keep_changes",
    "later_versions",
    "lock",
    "newest",
    "of_day",
    "of_plan",
    "plan",
    "plans",
    "release",
    "set_state",
    "source",
    "standing",
    "states",
    "touch",
    "versions",
]

LOCK = "gridmap.boundaries"


def lock(con: Connection, community_id: int) -> None:
    """Let one transaction at a time begin a version of a community's borders."""
    con.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name), :c)"), {"name": LOCK, "c": community_id})


# --- versions ----------------------------------------------------------------------------------------------------

_VERSIONS = """
SELECT v.id, v.effect_on, lead(v.effect_on) OVER (ORDER BY v.effect_on, v.id) AS until, coalesce(v.plan_id, 0),
       v.recorded_at, v.reason, {name} AS account_name, v.changed, v.counts, v.hash
FROM boundary_version AS v WHERE v.community_id = :c ORDER BY v.effect_on, v.id
"""
NAME_OF = "coalesce((SELECT a.name FROM account AS a WHERE a.community_id = {0}.community_id AND a.id = {0}.{1}), '')"


def versions(con: Connection, community_id: int) -> list[Version]:
    """Return every version, the oldest first. Needs the right to read accounts."""
    query = text(_VERSIONS.format(name=NAME_OF.format("v", "account_id")))
    return [
        Version(r[0], r[1], r[2], r[3], r[4], r[5], r[6], tuple(r[7]), r[8], bytes(r[9]))
        for r in con.execute(query, {"c": community_id})
    ]


@dataclass(frozen=True)
class Base:
    """A version a draft is drawn over."""

    version_id: int
    effect_on: date


def newest(con: Connection, community_id: int) -> Base | None:
    """Return the version in force; None before the first."""
    row = con.execute(
        text(
            "SELECT id, effect_on FROM boundary_version WHERE community_id = :c"
            " ORDER BY effect_on DESC, id DESC LIMIT 1"
        ),
        {"c": community_id},
    ).one_or_none()
    return Base(*row) if row else None


def begun_on(con: Connection, community_id: int) -> date | None:
    """Return the day since which every border is as it is; None without a grid."""
    query = "SELECT max(valid_from) FROM grid_version WHERE community_id = :c AND valid_to IS NULL"
    found: date | None = con.execute(text(query), {"c": community_id}).scalar()
    return found


def add_version(
    con: Connection,
    community_id: int,
    *,
    effect_on: date,
    digest: bytes,
    changed: Sequence[int] = (),
    counts: Mapping[str, int] | None = None,
    plan_id: int | None = None,
    account_id: int | None = None,
    reason: str = "",
    at: datetime | None = None,
) -> int:
    """Keep a version of the whole partition; return its id."""
    query = text(
        "INSERT INTO boundary_version"
        " (community_id, effect_on, plan_id, reason, account_id, changed, counts, hash, recorded_at)"
        " VALUES (:c, :effect_on, :plan, :reason, :account, :changed, CAST(:counts AS jsonb), :hash,"
        " coalesce(:at, now())) RETURNING id"
    )
    values = {
        "c": community_id,
        "effect_on": effect_on,
        "plan": plan_id,
        "reason": reason,
        "account": account_id,
        "changed": list(changed),
        "counts": json.dumps(dict(counts or {})),
        "hash": digest,
        "at": at,
    }
    return int(con.execute(query, values).scalar_one())


def later_versions(con: Connection, community_id: int, base_id: int) -> list[Version]:
    """Return the versions that came after one, the oldest first. Needs the right to read accounts."""
    found = versions(con, community_id)
    place = next(i for i, version in enumerate(found) if version.version_id == base_id)
    return found[place + 1 :]


# --- drafts ------------------------------------------------------------------------------------------------------

# Edits are numbered without gaps and the undone ones are the last: two looks at an index count them all.
_LAST = (
    "LEFT JOIN LATERAL (SELECT number FROM boundary_edit WHERE community_id = p.community_id AND plan_id = p.id {}"
    " ORDER BY number DESC LIMIT 1) AS {} ON true"
)
_PLAN = f"""
SELECT p.id, p.title, p.origin, p.state, p.base_id, p.revision, p.locked, coalesce(p.holder_id, 0),
       {NAME_OF.format("p", "holder_id")}, p.held_since, p.lease_until, coalesce(p.created_by, 0),
       {NAME_OF.format("p", "created_by")}, p.created_at, coalesce(p.submitted_by, 0),
       {NAME_OF.format("p", "submitted_by")}, p.submitted_at, p.reason, p.effect_on,
       {NAME_OF.format("p", "decided_by")}, p.decided_at, p.decision_note, coalesce(p.version_id, 0),
       coalesce(done.number, 0), coalesce(last.number, 0) - coalesce(done.number, 0),
       (SELECT count(*) FROM boundary_change AS d WHERE d.community_id = p.community_id AND d.plan_id = p.id)
FROM boundary_plan AS p
{_LAST.format("AND NOT undone", "done")} {_LAST.format("", "last")}
WHERE p.community_id = :c
"""


def _plan(row: Any) -> Plan:
    values = list(row)
    values[2], values[3], values[6] = Origin(values[2]), PlanState(values[3]), frozenset(values[6])
    return Plan(*values)


def plans(con: Connection, community_id: int, *, states: Sequence[PlanState] | None) -> list[Plan]:
    """Return drafts, the newest first. Needs the right to read accounts."""
    some = " AND p.state = ANY(:states)" if states is not None else ""
    values = {"c": community_id, "states": [str(s) for s in states or ()]}
    return [_plan(row) for row in con.execute(text(f"{_PLAN}{some} ORDER BY p.id DESC"), values)]


def plan(con: Connection, community_id: int, plan_id: int) -> Plan | None:
    """Return one draft. Needs the right to read accounts."""
    row = con.execute(text(f"{_PLAN} AND p.id = :p"), {"c": community_id, "p": plan_id}).one_or_none()
    return _plan(row) if row else None


def source(con: Connection, community_id: int, plan_id: int) -> Mapping[str, Any]:
    """Return how a draft came about: what a file was taken for, how a proposal was made."""
    query = "SELECT source FROM boundary_plan WHERE community_id = :c AND id = :p"
    found: Mapping[str, Any] = con.execute(text(query), {"c": community_id, "p": plan_id}).scalar_one()
    return found


@dataclass(frozen=True)
class Standing:
    """What decides whether a draft may be changed, and by whom."""

    state: PlanState
    revision: int
    base: Base
    stale: bool  # another version has come into force since it was begun
    locked: frozenset[int]
    holder_id: int
    lease_until: datetime | None
    created_by: int


_STANDING = """
SELECT p.state, p.revision, b.id, b.effect_on, EXISTS (
         SELECT FROM boundary_version AS v WHERE v.community_id = b.community_id
           AND (v.effect_on, v.id) > (b.effect_on, b.id)) AS stale,
       p.locked, coalesce(p.holder_id, 0), p.lease_until, coalesce(p.created_by, 0)
FROM boundary_plan AS p JOIN boundary_version AS b ON b.community_id = p.community_id AND b.id = p.base_id
WHERE p.community_id = :c AND p.id = :p
"""


def standing(con: Connection, community_id: int, plan_id: int, *, lock: bool = False) -> Standing | None:
    """Return how a draft stands; with ``lock`` nobody else changes it until the transaction ends."""
    row = con.execute(
        text(_STANDING + (" FOR UPDATE OF p" if lock else "")), {"c": community_id, "p": plan_id}
    ).one_or_none()
    if row is None:
        return None
    return Standing(PlanState(row[0]), row[1], Base(row[2], row[3]), row[4], frozenset(row[5]), row[6], row[7], row[8])


def add_plan(
    con: Connection,
    community_id: int,
    *,
    title: str,
    origin: Origin,
    source: Mapping[str, Any],
    base_id: int,
    account_id: int | None,
    at: datetime,
    lease_until: datetime,
) -> int:
    """Keep a new draft, held by who began it; return its id."""
    query = text(
        "INSERT INTO boundary_plan (community_id, title, origin, source, base_id, created_by, created_at, holder_id,"
        " held_since, lease_until) VALUES (:c, :title, :origin, CAST(:source AS jsonb), :base, :account, :at, :account,"
        " :held_since, :until) RETURNING id"
    )
    values = {
        "c": community_id,
        "title": title,
        "origin": str(origin),
        "source": json.dumps(dict(source), ensure_ascii=False, default=str),
        "base": base_id,
        "account": account_id,
        "at": at,
        "held_since": at if account_id else None,
        "until": lease_until if account_id else None,
    }
    return int(con.execute(query, values).scalar_one())


# One statement decides: a second asker waits for the first one's row and then finds it held.
_HOLD = text("""
UPDATE boundary_plan SET
  held_since = CASE WHEN holder_id = :account THEN held_since ELSE :at END,
  holder_id = :account, lease_until = greatest(:until, CASE WHEN holder_id = :account THEN lease_until END)
WHERE community_id = :c AND id = :p AND state = 'draft'
  AND (holder_id IS NULL OR holder_id = :account OR lease_until <= :at OR CAST(:force AS boolean))
RETURNING id
""")


def hold(
    con: Connection,
    community_id: int,
    plan_id: int,
    *,
    account_id: int,
    at: datetime,
    until: datetime,
    force: bool = False,
) -> bool:
    """Take or keep a draft for one account; False when another holds it, or it is no draft any more."""
    values = {"c": community_id, "p": plan_id, "account": account_id, "at": at, "until": until, "force": force}
    return con.execute(_HOLD, values).first() is not None


def release(con: Connection, community_id: int, plan_id: int, *, account_id: int) -> bool:
    """Let go of a draft; False when the account did not hold it."""
    query = text(
        "UPDATE boundary_plan SET holder_id = NULL, held_since = NULL, lease_until = NULL"
        " WHERE community_id = :c AND id = :p AND holder_id = :account RETURNING id"
    )
    return con.execute(query, {"c": community_id, "p": plan_id, "account": account_id}).first() is not None


def touch(con: Connection, community_id: int, plan_id: int, *, until: datetime, **values: Any) -> None:
    """Count one more change of a draft that is locked, and renew its lease; ``values`` are columns set besides."""
    sets = "".join(f", {name} = :{name}" for name in values)
    query = (
        f"UPDATE boundary_plan SET revision = revision + 1{sets},"
        " lease_until = CASE WHEN holder_id IS NOT NULL THEN greatest(lease_until, CAST(:until AS timestamptz)) END"
        " WHERE community_id = :c AND id = :p"
    )
    con.execute(text(query), {"c": community_id, "p": plan_id, "until": until} | values)


def set_state(con: Connection, community_id: int, plan_id: int, state: PlanState) -> None:
    """Put a draft into another state; nobody holds it any more."""
    query = text(
        "UPDATE boundary_plan SET state = :state, revision = revision + 1, holder_id = NULL, held_since = NULL,"
        " lease_until = NULL WHERE community_id = :c AND id = :p"
    )
    con.execute(query, {"c": community_id, "p": plan_id, "state": str(state)})


def has_worker(con: Connection, community_id: int, worker_id: int) -> bool:
    """Tell whether the community has this worker."""
    query = "SELECT EXISTS (SELECT FROM worker WHERE community_id = :c AND id = :w)"
    return bool(con.execute(text(query), {"c": community_id, "w": worker_id}).scalar_one())
