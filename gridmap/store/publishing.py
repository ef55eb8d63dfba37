"""Publishing borders: dated grids, what moves with them, and what is told of it. Written with the program's rights."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import shapely
from sqlalchemy import Connection, text

from gridmap.domain.boundaries import DraftGrid, packed, unpacked
from gridmap.domain.crs import STORE_SRID
from gridmap.domain.publishing import Moved
from gridmap.store.boundaries import UNITS
from gridmap.store.effects import Spots

Label = tuple[float, float, float]  # lon, lat, metres: where a label stands and how much room it has


def degrees(shapes: Iterable[Any]) -> list[bytes]:
    """Return shapes of whole units as WKB in degrees."""
    found = np.array(list(shapes), dtype=object)
    return [shapely.to_wkb(shape) for shape in shapely.transform(found, lambda xy: xy / UNITS)]


def take_time(con: Connection) -> None:
    """Let statements of this transaction take longer than a page's: a new partition may move everybody."""
    con.execute(text("SELECT set_config('statement_timeout', '10min', true)"))


# --- drafts that wait ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Waiting:
    """An approved draft whose day has not come."""

    plan_id: int
    effect_on: date
    account_id: int | None
    reason: str


def waiting(con: Connection, community_id: int, *, until: date | None = None, lock: bool = True) -> list[Waiting]:
    """Return approved drafts in the order they take effect; those due until a day unless that is None."""
    rows = con.execute(
        text(
            "SELECT id, effect_on, decided_by, reason FROM boundary_plan WHERE community_id = :c AND state = 'approved'"
            " AND (CAST(:until AS date) IS NULL OR effect_on <= :until) ORDER BY effect_on, decided_at, id"
            + (" FOR UPDATE" if lock else "")
        ),
        {"c": community_id, "until": until},
    )
    return [Waiting(*row) for row in rows]


def submitted_by(con: Connection, community_id: int, plan_id: int) -> tuple[int | None, str, date | None]:
    """Return who submitted a draft, why, and for which day."""
    query = "SELECT submitted_by, reason, effect_on FROM boundary_plan WHERE community_id = :c AND id = :p"
    row = con.execute(text(query), {"c": community_id, "p": plan_id}).one()
    return (row[0], row[1], row[2])


def decide(con: Connection, community_id: int, plan_id: int, **values: Any) -> None:
    """Set columns of a draft that is locked, and count one more change of it; nobody holds it any more."""
    sets = "".join(f', "{name}" = :{name}' for name in values)
    con.execute(
        text(
            "UPDATE boundary_plan SET revision = revision + 1, holder_id = NULL, held_since = NULL, lease_until = NULL"
            f"{sets} WHERE community_id = :c AND id = :p"
        ),
        values | {"c": community_id, "p": plan_id},
    )


# --- what stands where --------------------------------------------------------------------------------------------


def spots(rows: Sequence[Any]) -> Spots:
    """Return things of (id, lon, lat, grid) with their places in whole units."""
    found = np.array([tuple(row) for row in rows], dtype=float).reshape(-1, 4)
    whole = np.round(found[:, 1:3] * UNITS).astype(np.int64)
    ids, grid_ids = (np.array([row[i] for row in rows], dtype=np.int64) for i in (0, 3))
    return Spots(ids, whole[:, 0], whole[:, 1], grid_ids)


def customers(con: Connection, community_id: int) -> Spots:
    """Return where each open water order is to be brought; in no grid, because it follows its point."""
    query = (
        "SELECT o.id, ST_X(k.at), ST_Y(k.at), 0 FROM delivery_order AS o JOIN delivery_customer AS k"
        " ON k.community_id = o.community_id AND k.id = o.customer_id"
        " WHERE o.community_id = :c AND o.delivered_at IS NULL ORDER BY o.id"
    )
    return spots(con.execute(text(query), {"c": community_id}).all())


def buildings_left(con: Connection, community_id: int, grid_ids: Sequence[int]) -> int:
    """Count the buildings that are kept in some grids."""
    query = "SELECT count(*) FROM building WHERE community_id = :c AND grid_id = ANY(:grids)"
    return int(con.execute(text(query), {"c": community_id, "grids": list(grid_ids)}).scalar_one())


def households_of(con: Connection, community_id: int, moving: Mapping[int, int], *, lock: bool = False) -> list[Moved]:
    """Return the households of buildings that come into another grid; with ``lock`` nobody else writes of them."""
    query = (
        "SELECT h.id, h.grid_id, m.grid FROM household AS h"
        " JOIN unnest(CAST(:buildings AS bigint[]), CAST(:grids AS bigint[])) AS m (building, grid)"
        " ON h.building_id = m.building WHERE h.community_id = :c ORDER BY h.id"
    )
    values = {"c": community_id, "buildings": list(moving), "grids": list(moving.values())}
    rows = con.execute(text(query + (" FOR UPDATE OF h" if lock else "")), values)
    return [Moved(*row) for row in rows]


# --- grids --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """What a new grid's code and a label's metres are made with."""

    code: str
    epsg: int
    timezone: str


def place(con: Connection, community_id: int) -> Place:
    """Return the community's code, projected CRS and time zone."""
    query = "SELECT code, epsg, timezone FROM community WHERE id = :c"
    return Place(*con.execute(text(query), {"c": community_id}).one())


def codes(con: Connection, community_id: int) -> set[str]:
    """Return every grid code that was ever used."""
    return set(con.execute(text("SELECT code FROM grid WHERE community_id = :c"), {"c": community_id}).scalars())


def numbers_elsewhere(con: Connection, community_id: int, *, on: date, but: Sequence[int]) -> dict[int, str]:
    """Return number and name of the grids of a day except some."""
    rows = con.execute(
        text(
            "SELECT g.number, g.name FROM grid AS g JOIN grid_version AS v ON v.community_id = g.community_id"
            " AND v.grid_id = g.id AND v.valid_from <= :on AND (v.valid_to IS NULL OR v.valid_to > :on)"
            " WHERE g.community_id = :c AND NOT g.id = ANY(:but)"
        ),
        {"c": community_id, "on": on, "but": list(but)},
    )
    return {row[0]: row[1] for row in rows}


def grid_names(con: Connection, community_id: int, ids: Sequence[int]) -> list[str]:
    """Return the names of grids, by number."""
    query = "SELECT name FROM grid WHERE community_id = :c AND id = ANY(:ids) ORDER BY number, id"
    return list(con.execute(text(query), {"c": community_id, "ids": list(ids)}).scalars())


def add_grid(con: Connection, community_id: int, code: str, grid: DraftGrid) -> int:
    """Add a grid without a border; return its id."""
    query = (
        "INSERT INTO grid (community_id, code, number, name, kind) VALUES (:c, :code, :number, :name, :kind)"
        " RETURNING id"
    )
    values = {"c": community_id, "code": code, "number": grid.number, "name": grid.name, "kind": grid.kind}
    return int(con.execute(text(query), values).scalar_one())


def call(con: Connection, community_id: int, grid: DraftGrid) -> None:
    """Call a grid otherwise from now on; its ended versions keep what it was called."""
    values = {"c": community_id, "g": grid.key, "number": grid.number, "name": grid.name, "kind": grid.kind}
    con.execute(
        text(
            "UPDATE grid_version AS v SET number = g.number, name = g.name, kind = g.kind FROM grid AS g"
            " WHERE v.community_id = :c AND v.grid_id = :g AND v.valid_to IS NOT NULL AND v.name IS NULL"
            " AND g.community_id = :c AND g.id = :g"
            " AND (g.number, g.name, g.kind) IS DISTINCT FROM (CAST(:number AS smallint), :name, :kind)"
        ),
        values,
    )
    con.execute(
        text("UPDATE grid SET number = :number, name = :name, kind = :kind WHERE community_id = :c AND id = :g"), values
    )


def end_borders(con: Connection, community_id: int, grid_ids: Sequence[int], *, on: date) -> None:
    """End the borders of some grids; one that began the same day never was."""
    values = {"c": community_id, "grids": list(grid_ids), "on": on}
    where = "WHERE community_id = :c AND grid_id = ANY(:grids) AND (valid_to IS NULL OR valid_to > :on)"
    con.execute(text(f"DELETE FROM grid_version {where} AND valid_from >= :on"), values)
    con.execute(text(f"UPDATE grid_version SET valid_to = :on {where}"), values)


def begin_borders(
    con: Connection,
    community_id: int,
    grids: Sequence[DraftGrid],
    spots: Sequence[Label],
    *,
    on: date,
    at: datetime,
) -> None:
    """Let grids have the borders they bring from a day on."""
    con.execute(
        text(
            "INSERT INTO grid_version (community_id, grid_id, valid_from, recorded_at, boundary, label_at,"
            f" label_radius_m) SELECT :c, t.key, :on, :at, ST_GeomFromWKB(t.boundary, {STORE_SRID}),"
            f" ST_SetSRID(ST_MakePoint(t.lon, t.lat), {STORE_SRID}), t.room FROM unnest(CAST(:keys AS bigint[]),"
            " CAST(:boundaries AS bytea[]), CAST(:lon AS float[]), CAST(:lat AS float[]), CAST(:room AS float[]))"
            " AS t (key, boundary, lon, lat, room)"
        ),
        {
            "c": community_id,
            "on": on,
            "at": at,
            "keys": [grid.key for grid in grids],
            "boundaries": degrees(grid.boundary for grid in grids),
            "lon": [spot[0] for spot in spots],
            "lat": [spot[1] for spot in spots],
            "room": [spot[2] for spot in spots],
        },
    )


def draw_outline(con: Connection, community_id: int, shape: Any, *, on: date) -> None:
    """Let the community have another outline from a day on."""
    values = {"c": community_id, "on": on, "shape": degrees([shape])[0]}
    where = "WHERE community_id = :c AND (valid_to IS NULL OR valid_to > :on)"
    con.execute(text(f"DELETE FROM outline {where} AND valid_from >= :on"), values)
    con.execute(text(f"UPDATE outline SET valid_to = :on {where}"), values)
    con.execute(
        text(
            "INSERT INTO outline (community_id, valid_from, boundary)"
            f" VALUES (:c, :on, ST_GeomFromWKB(:shape, {STORE_SRID}))"
        ),
        values,
    )


# --- who works where ----------------------------------------------------------------------------------------------


def end_duties(con: Connection, community_id: int, grid_ids: Sequence[int], *, on: date) -> None:
    """End every assignment to some grids; one that began the same day never was."""
    values = {"c": community_id, "grids": list(grid_ids), "on": on}
    where = "WHERE community_id = :c AND grid_id = ANY(:grids) AND (valid_to IS NULL OR valid_to > :on)"
    con.execute(text(f"DELETE FROM worker_assignment {where} AND valid_from >= :on"), values)
    con.execute(text(f"UPDATE worker_assignment SET valid_to = :on {where}"), values)


def begin_duty(con: Connection, community_id: int, worker_id: int, grid_id: int, *, on: date, at: datetime) -> None:
    """Let a worker be the main worker of a grid from a day on."""
    con.execute(
        text(
            "INSERT INTO worker_assignment (community_id, worker_id, grid_id, valid_from, recorded_at)"
            " VALUES (:c, :w, :g, :on, :at)"
        ),
        {"c": community_id, "w": worker_id, "g": grid_id, "on": on, "at": at},
    )


def duties(con: Connection, community_id: int, grid_ids: Sequence[int], *, on: date) -> list[tuple[int, int, str, str]]:
    """Return (grid, worker, his name, duty) of those who work in some grids on a day, main workers first."""
    rows = con.execute(
        text(
            "SELECT a.grid_id, a.worker_id, w.name, a.duty FROM worker_assignment AS a"
            " JOIN worker AS w ON w.community_id = a.community_id AND w.id = a.worker_id"
            " WHERE a.community_id = :c AND a.grid_id = ANY(:grids)"
            " AND a.valid_from <= :on AND (a.valid_to IS NULL OR a.valid_to > :on)"
            " ORDER BY a.grid_id, a.duty <> 'main', a.worker_id"
        ),
        {"c": community_id, "grids": list(grid_ids), "on": on},
    )
    return [tuple(row) for row in rows]


def worker_names(con: Connection, community_id: int, ids: Sequence[int]) -> dict[int, str]:
    """Return the names of workers."""
    query = "SELECT id, name FROM worker WHERE community_id = :c AND id = ANY(:ids)"
    return {row[0]: row[1] for row in con.execute(text(query), {"c": community_id, "ids": list(ids)})}


# --- households ---------------------------------------------------------------------------------------------------

_MOVES = "unnest(CAST(:households AS bigint[]), CAST(:grids AS bigint[])) AS m (household, grid)"


def _moves(moves: Sequence[Moved]) -> dict[str, Any]:
    return {"households": [m.household_id for m in moves], "grids": [m.to_grid_id for m in moves]}


def move_buildings(con: Connection, community_id: int, moving: Mapping[int, int]) -> None:
    """Put buildings into the grids they stand in."""
    con.execute(
        text(
            "UPDATE building AS b SET grid_id = m.grid"
            " FROM unnest(CAST(:buildings AS bigint[]), CAST(:grids AS bigint[])) AS m (building, grid)"
            " WHERE b.community_id = :c AND b.id = m.building"
        ),
        {"c": community_id, "buildings": list(moving), "grids": list(moving.values())},
    )


def move_households(
    con: Connection, community_id: int, moves: Sequence[Moved], *, version_id: int, on: date, at: datetime
) -> None:
    """Put households into other grids from a day on; all that belongs to them follows by its foreign keys.

    What a household was stays known of the grid it was in: its spell ends, and the same begins in the other grid. A
    spell that began the same day is rewritten, because a day is one thing only.
    """
    values: dict[str, Any] = {"c": community_id, "on": on, "at": at, "version": version_id} | _moves(moves)
    con.execute(
        text(
            f"UPDATE household_spell AS s SET in_grid_id = m.grid FROM {_MOVES}"
            " WHERE s.community_id = :c AND s.household_id = m.household AND s.valid_from >= :on"
        ),
        values,
    )
    ended = con.execute(
        text(
            "SELECT s.id, s.household_id, m.grid, s.standing, s.reason, s.valid_to, s.withdrawn_at"
            f" FROM household_spell AS s JOIN {_MOVES} ON m.household = s.household_id"
            " WHERE s.community_id = :c AND s.valid_from < :on AND (s.valid_to IS NULL OR s.valid_to > :on)"
        ),
        values,
    ).all()
    con.execute(
        text("UPDATE household_spell SET valid_to = :on WHERE community_id = :c AND id = ANY(:ids)"),
        {"c": community_id, "on": on, "ids": [row.id for row in ended]},
    )
    con.execute(
        text(
            f"UPDATE household AS h SET grid_id = m.grid FROM {_MOVES} WHERE h.community_id = :c AND h.id = m.household"
        ),
        values,
    )
    begun = [
        {"c": community_id, "h": r.household_id, "g": r.grid, "standing": r.standing, "reason": r.reason, "on": on,
         "until": r.valid_to, "at": at, "withdrawn": r.withdrawn_at}
        for r in ended
    ]  # fmt: skip
    if begun:
        con.execute(
            text(
                "INSERT INTO household_spell (community_id, household_id, grid_id, in_grid_id, standing, reason,"
                " valid_from, valid_to, recorded_at, withdrawn_at)"
                " VALUES (:c, :h, :g, :g, :standing, :reason, :on, :until, :at, :withdrawn)"
            ),
            begun,
        )
    con.execute(
        text(
            "INSERT INTO boundary_move (community_id, household_id, grid_id, version_id, from_grid_id, to_grid_id)"
            " SELECT :c, m.household, m.grid, :version, m.old, m.grid FROM unnest(CAST(:households AS bigint[]),"
            " CAST(:grids AS bigint[]), CAST(:old AS bigint[])) AS m (household, grid, old)"
        ),
        values | {"old": [m.from_grid_id for m in moves]},
    )


def errands(con: Connection, community_id: int, grid_ids: Sequence[int], *, on: date) -> Spots:
    """Return where each errand of some grids is that is to be done on a day or later; not those of a household."""
    query = (
        "SELECT id, ST_X(at), ST_Y(at), grid_id FROM errand WHERE community_id = :c AND grid_id = ANY(:grids)"
        ' AND household_id IS NULL AND (done_at IS NULL OR "on" >= :on) ORDER BY id'
    )
    return spots(con.execute(text(query), {"c": community_id, "grids": list(grid_ids), "on": on}).all())


def move_errands(con: Connection, community_id: int, moving: Mapping[int, int]) -> None:
    """Put errands into other grids."""
    con.execute(
        text(
            "UPDATE errand AS e SET grid_id = m.grid"
            " FROM unnest(CAST(:errands AS bigint[]), CAST(:grids AS bigint[])) AS m (errand, grid)"
            " WHERE e.community_id = :c AND e.id = m.errand"
        ),
        {"c": community_id, "errands": list(moving), "grids": list(moving.values())},
    )


def put_plans_aside(con: Connection, community_id: int, grid_ids: Sequence[int], *, on: date) -> int:
    """Let the plans of a day and later of those who work in some grids be made anew; return how many."""
    done = con.execute(
        text(
            'UPDATE plan SET current = false WHERE community_id = :c AND current AND "on" >= :on AND worker_id IN ('
            " SELECT worker_id FROM worker_assignment WHERE community_id = :c AND grid_id = ANY(:grids)"
            " AND (valid_to IS NULL OR valid_to >= :on))"
        ),
        {"c": community_id, "grids": list(grid_ids), "on": on},
    )
    return int(done.rowcount)


def make_tiles_stale(con: Connection, community_id: int) -> None:
    """Let every browser fetch new tiles."""
    con.execute(text("UPDATE community SET map_version = map_version + 1 WHERE id = :c"), {"c": community_id})


# --- versions -----------------------------------------------------------------------------------------------------


def finish_version(
    con: Connection, community_id: int, version_id: int, *, counts: Mapping[str, int], before: Sequence[DraftGrid]
) -> None:
    """Write what moved with a version, and what its grids were before."""
    con.execute(
        text(
            "UPDATE boundary_version SET counts = CAST(:counts AS jsonb), before = :before"
            " WHERE community_id = :c AND id = :v"
        ),
        {"c": community_id, "v": version_id, "counts": json.dumps(dict(counts)), "before": packed(before)},
    )


def befores(con: Connection, community_id: int, version_id: int) -> list[tuple[tuple[int, ...], tuple[DraftGrid, ...]]]:
    """Return of each version after one the ids it changed, and its grids before it; the newest first."""
    rows = con.execute(
        text(
            "SELECT v.changed, v.before FROM boundary_version AS v JOIN boundary_version AS b"
            " ON b.community_id = v.community_id AND b.id = :b WHERE v.community_id = :c"
            " AND (v.effect_on, v.id) > (b.effect_on, b.id) ORDER BY v.effect_on DESC, v.id DESC"
        ),
        {"c": community_id, "b": version_id},
    )
    return [(tuple(row[0]), unpacked(bytes(row[1]))) for row in rows]


def version(con: Connection, community_id: int, version_id: int) -> tuple[date, bytes] | None:
    """Return day and fingerprint of a version."""
    query = "SELECT effect_on, hash FROM boundary_version WHERE community_id = :c AND id = :v"
    row = con.execute(text(query), {"c": community_id, "v": version_id}).one_or_none()
    return (row[0], bytes(row[1])) if row else None
