"""Drafts of other borders as they are kept: what differs from the base, who holds a draft, what was done to it.

A draft keeps only the grids in which it differs from its base, so that reading some of its grids costs the same
whatever the number of all: one index of the dated borders and one of the changes, both beginning with the community.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import shapely
from sqlalchemy import Connection, text

from gridmap.domain.boundaries import Comment, Done, DraftGrid, Origin, Plan, PlanState, Version, unpacked
from gridmap.domain.crs import STORE_SRID

LOCK = "gridmap.boundaries"
UNITS = 1e7  # whole units in a degree
Box = tuple[float, float, float, float]  # west, south, east, north in whole units


def lock(con: Connection, community_id: int) -> None:
    """Let one transaction at a time begin a version of a community's borders."""
    con.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name), :c)"), {"name": LOCK, "c": community_id})


# --- versions ----------------------------------------------------------------------------------------------------

_VERSIONS = """
SELECT v.id, v.effect_on, lead(v.effect_on) OVER (ORDER BY v.effect_on, v.id) AS until, coalesce(v.plan_id, 0),
       v.recorded_at, v.reason, {name} AS account_name, v.changed, v.counts, v.hash
FROM boundary_version AS v WHERE v.community_id = :c ORDER BY v.effect_on, v.id
"""
_NAME_OF = "coalesce((SELECT a.name FROM account AS a WHERE a.community_id = {0}.community_id AND a.id = {0}.{1}), '')"


def versions(con: Connection, community_id: int) -> list[Version]:
    """Return every version, the oldest first. Needs the right to read accounts."""
    query = text(_VERSIONS.format(name=_NAME_OF.format("v", "account_id")))
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


# --- the partition -----------------------------------------------------------------------------------------------

_BASE = """
SELECT v.grid_id AS key, coalesce(v.number, g.number), coalesce(v.name, g.name), coalesce(v.kind, g.kind),
       0 AS worker_id, ST_AsBinary(v.boundary) AS boundary
FROM grid_version AS v JOIN grid AS g ON g.community_id = v.community_id AND g.id = v.grid_id
WHERE v.community_id = :c AND v.valid_from <= :on AND (v.valid_to IS NULL OR v.valid_to > :on) {where}
"""
_CHANGED = """
SELECT grid_key, number, name, kind, coalesce(worker_id, 0), ST_AsBinary(boundary) AS boundary
FROM boundary_change AS v WHERE v.community_id = :c AND v.plan_id = :plan AND v.boundary IS NOT NULL {where}
"""
_UNTOUCHED = (
    " AND NOT EXISTS (SELECT FROM boundary_change AS d"
    " WHERE d.community_id = v.community_id AND d.plan_id = :plan AND d.grid_key = v.grid_id)"
)
_MEETS = f" AND v.boundary && ST_MakeEnvelope(:w, :s, :e, :n, {STORE_SRID})"


def _degrees(box: Box) -> dict[str, float]:
    return dict(zip("wsen", (value / UNITS for value in box), strict=True))


def _grids(rows: Iterable[Any]) -> list[DraftGrid]:
    found = [tuple(row) for row in rows]
    shapes = shapely.from_wkb([bytes(row[5]) if row[5] is not None else None for row in found])
    whole = shapely.transform(np.asarray(shapes, dtype=object), lambda xy: np.round(xy * UNITS))
    return [DraftGrid(r[0], r[1], r[2], r[3], shape, r[4]) for r, shape in zip(found, whole, strict=True)]


def grid_ids(con: Connection, community_id: int) -> set[int]:
    """Return the ids of all grids there are or were."""
    return set(con.execute(text("SELECT id FROM grid WHERE community_id = :c"), {"c": community_id}).scalars())


def of_day(
    con: Connection, community_id: int, *, on: date, keys: Sequence[int] | None = None, box: Box | None = None
) -> list[DraftGrid]:
    """Return the grids of a day by id, in whole units: all, those of some ids, or those that meet a box."""
    where = " AND v.grid_id = ANY(:keys)" if keys is not None else ""
    where += _MEETS if box is not None else ""
    values = {"c": community_id, "on": on, "keys": list(keys or ())} | (_degrees(box) if box is not None else {})
    return _grids(con.execute(text(_BASE.format(where=where) + " ORDER BY 1"), values))


def of_plan(
    con: Connection,
    community_id: int,
    plan_id: int,
    *,
    on: date,
    box: Box | None = None,
    keys: Sequence[int] = (),
) -> list[DraftGrid]:
    """Return the grids a draft has, by key, in whole units: all, or those that meet a box and those of some keys.

    ``on`` is the day from which its base is in force.
    """
    values: dict[str, Any] = {"c": community_id, "plan": plan_id, "on": on, "keys": list(keys)}
    meets, has = "", ("", "")
    if box is not None:
        values |= _degrees(box)
        meets = _MEETS
        if keys:
            inside = meets.removeprefix(" AND ")
            meets = ""
            has = tuple(f" AND ({inside} OR v.{column} = ANY(:keys))" for column in ("grid_id", "grid_key"))  # type: ignore[assignment]
    query = (
        _BASE.format(where=meets + has[0] + _UNTOUCHED)
        + " UNION ALL "
        + _CHANGED.format(where=meets + has[1])
        + " ORDER BY 1"
    )
    return _grids(con.execute(text(query), values))


_DIFFERENT = (
    "SELECT grid_key, number, name, kind, coalesce(worker_id, 0), ST_AsBinary(boundary) FROM boundary_change"
    " WHERE community_id = :c AND plan_id = :plan"
)


def changes(con: Connection, community_id: int, plan_id: int) -> list[DraftGrid]:
    """Return the grids in which a draft differs from its base, by key; ``boundary`` None where it gives one up."""
    query = text(f"{_DIFFERENT} ORDER BY grid_key")
    return _grids(con.execute(query, {"c": community_id, "plan": plan_id}))


def states(
    con: Connection, community_id: int, plan_id: int, *, on: date, keys: Sequence[int]
) -> tuple[dict[int, DraftGrid], dict[int, DraftGrid]]:
    """Return some grids as the base has them and as the draft has them; those it gave up without a border.

    A key that stands for no grid is in neither.
    """
    base = {g.key: g for g in of_day(con, community_id, on=on, keys=[k for k in keys if k > 0])}
    query = text(f"{_DIFFERENT} AND grid_key = ANY(:keys)")
    changed = _grids(con.execute(query, {"c": community_id, "plan": plan_id, "keys": list(keys)}))
    return base, base | {g.key: g for g in changed}


def last_number(con: Connection, community_id: int, plan_id: int, *, on: date) -> int:
    """Return the greatest number of a grid in a draft."""
    query = f"""
    SELECT greatest(
      (SELECT max(g.number) FROM grid AS g JOIN grid_version AS v ON v.community_id = g.community_id
         AND v.grid_id = g.id AND v.valid_from <= :on AND (v.valid_to IS NULL OR v.valid_to > :on)
       WHERE g.community_id = :c {_UNTOUCHED}),
      (SELECT max(number) FROM boundary_change WHERE community_id = :c AND plan_id = :plan AND boundary IS NOT NULL))
    """
    return int(con.execute(text(query), {"c": community_id, "plan": plan_id, "on": on}).scalar() or 0)


_PUT = text(f"""
INSERT INTO boundary_change (community_id, plan_id, grid_key, number, name, kind, worker_id, boundary)
SELECT :c, :plan, t.key, t.number, t.name, t.kind, nullif(t.worker_id, 0), ST_GeomFromWKB(t.boundary, {STORE_SRID})
FROM unnest(CAST(:keys AS bigint[]), CAST(:numbers AS smallint[]), CAST(:names AS text[]), CAST(:kinds AS text[]),
            CAST(:workers AS bigint[]), CAST(:boundaries AS bytea[]))
  AS t (key, number, name, kind, worker_id, boundary)
ON CONFLICT (community_id, plan_id, grid_key) DO UPDATE SET
  number = excluded.number, name = excluded.name, kind = excluded.kind, worker_id = excluded.worker_id,
  boundary = excluded.boundary
""")


def keep_changes(
    con: Connection, community_id: int, plan_id: int, *, different: Sequence[DraftGrid], again: Sequence[int] = ()
) -> None:
    """Write what differs from the base, and forget what is as the base again."""
    values: dict[str, Any] = {"c": community_id, "plan": plan_id}
    if again:
        query = "DELETE FROM boundary_change WHERE community_id = :c AND plan_id = :plan AND grid_key = ANY(:keys)"
        con.execute(text(query), values | {"keys": list(again)})
    if different:
        shapes = np.array([g.boundary for g in different], dtype=object)
        degrees = shapely.transform(shapes, lambda xy: xy / UNITS)
        rows = {
            "keys": [g.key for g in different],
            "numbers": [g.number for g in different],
            "names": [g.name for g in different],
            "kinds": [g.kind for g in different],
            "workers": [g.worker_id for g in different],
            "boundaries": [None if shape is None else shapely.to_wkb(shape) for shape in degrees],
        }
        con.execute(_PUT, values | rows)


def lowest_key(con: Connection, community_id: int, plan_id: int) -> int:
    """Return the least key a draft has ever used for a grid it adds; 0 when it added none."""
    query = text(
        "SELECT least("
        "coalesce((SELECT min(grid_key) FROM boundary_change WHERE community_id = :c AND plan_id = :p), 0),"
        " coalesce((SELECT min(CAST(detail ->> 'lowest_key' AS bigint)) FROM boundary_edit"
        " WHERE community_id = :c AND plan_id = :p), 0))"
    )
    return min(0, int(con.execute(query, {"c": community_id, "p": plan_id}).scalar_one()))


# --- drafts ------------------------------------------------------------------------------------------------------

# Edits are numbered without gaps and the undone ones are the last: two looks at an index count them all.
_LAST = (
    "LEFT JOIN LATERAL (SELECT number FROM boundary_edit WHERE community_id = p.community_id AND plan_id = p.id {}"
    " ORDER BY number DESC LIMIT 1) AS {} ON true"
)
_PLAN = f"""
SELECT p.id, p.title, p.origin, p.state, p.base_id, p.revision, p.locked, coalesce(p.holder_id, 0),
       {_NAME_OF.format("p", "holder_id")}, p.held_since, p.lease_until, coalesce(p.created_by, 0),
       {_NAME_OF.format("p", "created_by")}, p.created_at, coalesce(p.submitted_by, 0),
       {_NAME_OF.format("p", "submitted_by")}, p.submitted_at, p.reason, p.effect_on,
       {_NAME_OF.format("p", "decided_by")}, p.decided_at, p.decision_note, coalesce(p.version_id, 0),
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


# --- edits -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One edit with the states of its grids before and after."""

    number: int
    kind: str
    detail: Mapping[str, Any]
    before: tuple[DraftGrid, ...]
    after: tuple[DraftGrid, ...]


_FORGET_UNDONE = text("""
DELETE FROM boundary_edit WHERE community_id = :c AND plan_id = :p AND number > coalesce((
  SELECT number FROM boundary_edit WHERE community_id = :c AND plan_id = :p AND NOT undone
  ORDER BY number DESC LIMIT 1), 0)
""")


def add_edit(
    con: Connection,
    community_id: int,
    plan_id: int,
    *,
    kind: str,
    detail: Mapping[str, Any],
    before: bytes,
    after: bytes,
    account_id: int | None,
    at: datetime,
) -> None:
    """Remember an edit; what was undone before it can not be done again."""
    values: dict[str, Any] = {"c": community_id, "p": plan_id}
    con.execute(_FORGET_UNDONE, values)
    con.execute(
        text(
            "INSERT INTO boundary_edit"
            " (community_id, plan_id, number, kind, detail, before, after, account_id, recorded_at)"
            " SELECT :c, :p, 1 + coalesce(max(number), 0), :kind, CAST(:detail AS jsonb), :before, :after,"
            " CAST(:account AS bigint), CAST(:at AS timestamptz)"
            " FROM boundary_edit WHERE community_id = :c AND plan_id = :p"
        ),
        values
        | {
            "kind": kind,
            "detail": json.dumps(dict(detail), ensure_ascii=False),
            "before": before,
            "after": after,
            "account": account_id,
            "at": at,
        },
    )


def step(con: Connection, community_id: int, plan_id: int, *, undone: bool) -> Step | None:
    """Return the last edit that is done, or with ``undone`` the first that can be done again."""
    order = "number LIMIT 1" if undone else "number DESC LIMIT 1"
    query = text(
        "SELECT number, kind, detail, before, after FROM boundary_edit"
        f" WHERE community_id = :c AND plan_id = :p AND undone = :undone ORDER BY {order}"
    )
    row = con.execute(query, {"c": community_id, "p": plan_id, "undone": undone}).one_or_none()
    return Step(row[0], row[1], row[2], unpacked(bytes(row[3])), unpacked(bytes(row[4]))) if row else None


def mark(con: Connection, community_id: int, plan_id: int, number: int, *, undone: bool) -> None:
    """Say whether an edit is undone."""
    query = text(
        "UPDATE boundary_edit SET undone = :undone WHERE community_id = :c AND plan_id = :p AND number = :number"
    )
    con.execute(query, {"c": community_id, "p": plan_id, "number": number, "undone": undone})


def edits(con: Connection, community_id: int, plan_id: int, *, most: int) -> list[Done]:
    """Return the newest edits of a draft, the last first. Needs the right to read accounts."""
    query = text(
        f"SELECT e.number, e.kind, e.detail, {_NAME_OF.format('e', 'account_id')}, e.recorded_at, e.undone"
        " FROM boundary_edit AS e WHERE e.community_id = :c AND e.plan_id = :p ORDER BY e.number DESC LIMIT :most"
    )
    return [
        Done(r[0], r[1], r[2], tuple(r[2].get("keys", ())), r[3], r[4], r[5])
        for r in con.execute(query, {"c": community_id, "p": plan_id, "most": most})
    ]


# --- comments ----------------------------------------------------------------------------------------------------


def add_comment(con: Connection, community_id: int, plan_id: int, *, account_id: int, at: datetime, words: str) -> int:
    """Keep a comment; return its id."""
    query = text(
        "INSERT INTO boundary_comment (community_id, plan_id, account_id, at, words)"
        " VALUES (:c, :p, :account, :at, :words) RETURNING id"
    )
    values = {"c": community_id, "p": plan_id, "account": account_id, "at": at, "words": words}
    return int(con.execute(query, values).scalar_one())


def comments(con: Connection, community_id: int, plan_id: int) -> list[Comment]:
    """Return the comments on a draft, the oldest first. Needs the right to read accounts."""
    query = text(
        f"SELECT m.id, m.at, m.account_id, {_NAME_OF.format('m', 'account_id')}, m.words FROM boundary_comment AS m"
        " WHERE m.community_id = :c AND m.plan_id = :p ORDER BY m.at, m.id"
    )
    return [Comment(*row) for row in con.execute(query, {"c": community_id, "p": plan_id})]


def has_worker(con: Connection, community_id: int, worker_id: int) -> bool:
    """Tell whether the community has this worker."""
    query = "SELECT EXISTS (SELECT FROM worker WHERE community_id = :c AND id = :w)"
    return bool(con.execute(text(query), {"c": community_id, "w": worker_id}).scalar_one())
