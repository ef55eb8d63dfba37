"""The grids of a day and of a draft, in whole units: a draft keeps only those in which it differs from its base.

So reading some of its grids costs the same whatever the number of all: one index of the dated borders and one of the
changes, both beginning with the community.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import numpy as np
import shapely
from sqlalchemy import Connection, text

from gridmap.domain.boundaries import DraftGrid
from gridmap.domain.crs import STORE_SRID

UNITS = 1e7  # whole units in a degree
Box = tuple[float, float, float, float]  # west, south, east, north in whole units

# The community reaches the index beside the box only typed as its column is.
_BASE = """
SELECT v.grid_id AS key, coalesce(v.number, g.number), coalesce(v.name, g.name), coalesce(v.kind, g.kind),
       0 AS worker_id, ST_AsBinary(v.boundary) AS boundary
FROM grid_version AS v JOIN grid AS g ON g.community_id = v.community_id AND g.id = v.grid_id
WHERE v.community_id = CAST(:c AS int) AND v.valid_from <= :on AND (v.valid_to IS NULL OR v.valid_to > :on) {where}
"""
_CHANGED = """
SELECT grid_key, number, name, kind, coalesce(worker_id, 0), ST_AsBinary(boundary) AS boundary
FROM boundary_change AS v
WHERE v.community_id = CAST(:c AS int) AND v.plan_id = :plan AND v.boundary IS NOT NULL {where}
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


def of_plan(con: Connection, community_id: int, plan_id: int, *, on: date, box: Box | None = None) -> list[DraftGrid]:
    """Return the grids a draft has, by key, in whole units: all, or those that meet a box.

    ``on`` is the day from which its base is in force.
    """
    values: dict[str, Any] = {"c": community_id, "plan": plan_id, "on": on}
    values |= _degrees(box) if box is not None else {}
    meets = _MEETS if box is not None else ""
    query = _BASE.format(where=meets + _UNTOUCHED) + " UNION ALL " + _CHANGED.format(where=meets) + " ORDER BY 1"
    return _grids(con.execute(text(query), values))


def _touched(where: str) -> str:
    """Return the borders a draft has under a condition; ``{key}`` in it is the column of the key."""
    base, changed = where.format(key="grid_id"), where.format(key="grid_key")
    return f"""
    SELECT v.boundary FROM grid_version AS v WHERE v.community_id = CAST(:c AS int)
      AND v.valid_from <= :on AND (v.valid_to IS NULL OR v.valid_to > :on) {base} {_UNTOUCHED}
    UNION ALL SELECT v.boundary FROM boundary_change AS v WHERE v.community_id = CAST(:c AS int)
      AND v.plan_id = :plan AND v.boundary IS NOT NULL {changed}
    """


# In one statement: the grids that are touched, the box around them, and the grids that meet it. Each part stays with
# its own index; an OR of box and keys would read every grid.
_IN_REACH = " AND v.boundary && (SELECT reach.box FROM reach)"
_NEAR = text(f"""
WITH reach AS MATERIALIZED (
  SELECT ST_SetSRID(CAST(ST_Extent(touched.boundary) AS geometry), {STORE_SRID}) AS box
  FROM ({_touched(_MEETS)} UNION ALL {_touched(" AND v.{key} = ANY(:keys)")}) AS touched
)
{_BASE.format(where=_IN_REACH + _UNTOUCHED)} UNION ALL {_CHANGED.format(where=_IN_REACH)} ORDER BY 1
""")
NOWHERE: Box = (0.0, 0.0, 0.0, 0.0)  # meets no grid


def near(
    con: Connection, community_id: int, plan_id: int, *, on: date, box: Box | None, keys: Sequence[int]
) -> list[DraftGrid]:
    """Return the grids of a draft that meet a box or have one of some keys, and all that touch these, by key."""
    values = {"c": community_id, "plan": plan_id, "on": on, "keys": list(keys)} | _degrees(box or NOWHERE)
    return _grids(con.execute(_NEAR, values))


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
