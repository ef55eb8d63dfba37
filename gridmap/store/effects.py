"""Which buildings stand where, and who lives in them: counted over the buildings of some grids, whatever their number.

The one rule of which grid holds a building is ``domain.effects.placed``; here is the point it looks at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely import Polygon
from sqlalchemy import Connection, text

from gridmap.domain.boundaries import polygon
from gridmap.domain.coverage import LOAD_CENTIMIN, MONTH_DAYS
from gridmap.domain.crs import STORE_SRID, TILE_SRID
from gridmap.domain.effects import UNITS, Spots, Tally
from gridmap.domain.groups import SHARED_BITS
from gridmap.domain.partition import whole
from gridmap.store.boundaries import Box

__all__ = [
    "Spots",
    "buildings",
    "counted",
    "entrances",
    "facilities",
    "footprints",
    "households",
    "outline",
    "workers_of",
]

Ints = npt.NDArray[np.int64]


_BUILDINGS = """
SELECT b.id, ST_X(p.at), ST_Y(p.at), b.grid_id
FROM building AS b CROSS JOIN LATERAL (SELECT ST_PointOnSurface(b.shape) AS at OFFSET 0) AS p
WHERE b.community_id = CAST(:c AS int) {where}
"""
_IN_BOX = f"AND b.shape_3857 && ST_Transform(ST_MakeEnvelope(:w, :s, :e, :n, {STORE_SRID}), {TILE_SRID})"


def _spots(rows: Sequence[Any]) -> Spots:
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    x, y = (np.round(np.asarray(column, float) * UNITS).astype(np.int64) for column in columns[1:3])
    return Spots(np.asarray(columns[0], np.int64), x, y, np.asarray(columns[3], np.int64))


def buildings(con: Connection, community_id: int, *, box: Box | None = None) -> Spots:
    """Return the point of each building by which its grid is decided: of all, or of those that may lie in a box."""
    values: dict[str, Any] = {"c": community_id}
    if box is not None:
        values |= dict(zip("wsen", (value / UNITS for value in box), strict=True))
    query = _BUILDINGS.format(where="" if box is None else _IN_BOX)
    return _spots(con.execute(text(query), values).all())


def facilities(con: Connection, community_id: int, *, on: date | None = None) -> Spots:
    """Return where each facility stands that is open on a day; without one, that is not closed for good."""
    query = text(
        "SELECT id, ST_X(at), ST_Y(at), 0 FROM facility WHERE community_id = :c"
        " AND (closed_on IS NULL OR closed_on > CAST(:on AS date))"
    )
    return _spots(con.execute(query, {"c": community_id, "on": on}).all())


def footprints(con: Connection, community_id: int, ids: Ints) -> npt.NDArray[np.object_]:
    """Return the ground of some buildings, in their order, in whole units."""
    query = text(
        "SELECT b.id, ST_AsBinary(b.shape) FROM building AS b"
        " WHERE b.community_id = :c AND b.id IN (SELECT unnest(CAST(:ids AS bigint[])))"
    )
    found = {row[0]: bytes(row[1]) for row in con.execute(query, {"c": community_id, "ids": ids.tolist()})}
    shapes = shapely.from_wkb(np.array([found[i] for i in ids.tolist()], dtype=object))
    return np.asarray(shapely.transform(shapes, lambda xy: np.round(xy * UNITS)), dtype=object)


def households(con: Connection, community_id: int) -> tuple[dict[int, int], dict[int, int]]:
    """Return how many households each building has, and how many of them are kept in another grid than it is."""
    query = text(
        "SELECT b.id, count(*), count(*) FILTER (WHERE h.grid_id <> b.grid_id) FROM building AS b"
        " JOIN household AS h ON h.community_id = b.community_id AND h.building_id = b.id"
        " WHERE b.community_id = :c GROUP BY b.id"
    )
    rows = con.execute(query, {"c": community_id}).all()
    return {row[0]: row[1] for row in rows}, {row[0]: row[2] for row in rows if row[2]}


def outline(con: Connection, community_id: int, *, on: date) -> Polygon | None:
    """Return the community's outline on a day in whole units; None where none is kept."""
    query = text(
        "SELECT ST_AsBinary(boundary) FROM outline WHERE community_id = :c AND valid_from <= :on"
        " AND (valid_to IS NULL OR valid_to > :on)"
    )
    found = con.execute(query, {"c": community_id, "on": on}).scalar()
    return None if found is None else whole(polygon(bytes(found)))


# Few combinations of groups occur, so households are summed by the whole bit set and taken apart afterwards.
_COUNT = text(f"""
WITH needing AS (
  SELECT household_id, count(*) AS needs FROM need
  WHERE community_id = :c AND grid_id = ANY(:grids) AND closed_at IS NULL GROUP BY household_id
)
SELECT t.pair, h.group_bits & {SHARED_BITS} AS bits, count(*), sum(h.people_count),
       coalesce(sum({LOAD_CENTIMIN} / h.period_days) FILTER (WHERE h.standing = 'occupied' AND h.period_days > 0), 0),
       coalesce(sum(needing.needs), 0)
FROM unnest(CAST(:buildings AS bigint[]), CAST(:pairs AS int[])) AS t (building_id, pair)
JOIN household AS h ON h.community_id = :c AND h.building_id = t.building_id
LEFT JOIN needing ON needing.household_id = h.id
GROUP BY t.pair, bits
""")


def counted(
    con: Connection, community_id: int, *, building_ids: Ints, pairs: Ints, grid_ids: Sequence[int]
) -> dict[int, Tally]:
    """Return what some buildings hold, summed by the number each of them is given. Needs the right to read groups.

    Parameters
    ----------
    building_ids, pairs : equally long
    grid_ids : where their households are kept today
    """
    values = {"c": community_id, "buildings": building_ids.tolist(), "pairs": pairs.tolist(), "grids": list(grid_ids)}
    found: dict[int, Tally] = {}
    for pair, bits, households, people, load, needs in con.execute(_COUNT, values):
        row = Tally(households, int(people), int(load), int(needs), 0, 0, Counter({bits: households}))
        found[pair] = found[pair].plus(row) if pair in found else row
    return found


@dataclass(frozen=True)
class Entrances:
    """Entrances at which visits fall due: where they belong, what a month asks for, the floor people live on."""

    entrance_ids: Ints
    building_ids: Ints
    visits: npt.NDArray[np.float64]
    often: npt.NDArray[np.float64]
    floor: npt.NDArray[np.float64]  # the mean one
    has_lift: npt.NDArray[np.bool_]


_ENTRANCES = text("""
SELECT h.entrance_id, h.building_id, sum(CAST(:month AS float) / h.period_days),
       max(CAST(:month AS float) / h.period_days), avg(h.floor), bool_or(b.has_lift)
FROM unnest(CAST(:buildings AS bigint[])) AS t (building_id)
JOIN household AS h ON h.community_id = :c AND h.building_id = t.building_id
JOIN building AS b ON b.community_id = :c AND b.id = t.building_id
WHERE h.standing = 'occupied' AND h.period_days > 0
GROUP BY h.entrance_id, h.building_id ORDER BY h.entrance_id
""")


def entrances(con: Connection, community_id: int, building_ids: Ints) -> Entrances:
    """Return the entrances of some buildings at which visits fall due, by id."""
    values = {"c": community_id, "buildings": building_ids.tolist(), "month": MONTH_DAYS}
    columns = list(zip(*con.execute(_ENTRANCES, values), strict=True)) or [()] * 6
    floats = [np.asarray(column, np.float64) for column in columns[2:5]]
    ids = [np.asarray(column, np.int64) for column in columns[:2]]
    return Entrances(ids[0], ids[1], floats[0], floats[1], floats[2], np.asarray(columns[5], np.bool_))


def workers_of(con: Connection, community_id: int, *, on: date) -> Mapping[int, int]:
    """Return the main worker of each grid that has one on a day."""
    query = text(
        "SELECT grid_id, worker_id FROM worker_assignment WHERE community_id = :c AND duty = 'main'"
        " AND valid_from <= :on AND (valid_to IS NULL OR valid_to > :on)"
    )
    return {row[0]: row[1] for row in con.execute(query, {"c": community_id, "on": on})}
