"""Publishing borders: dated grids, what moves with them, and what is told of it. Written with the program's rights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, text

from gridmap.domain.boundaries import DraftGrid, packed, unpacked
from gridmap.domain.publishing import Moved
from gridmap.store.boundaries import UNITS
from gridmap.store.effects import Spots


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
