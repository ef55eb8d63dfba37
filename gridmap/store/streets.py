"""Streets people walk: nodes, dated edges, where entrances meet them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from sqlalchemy import Connection, text

from gridmap.domain.crs import STORE_SRID
from gridmap.domain.streets import STEPS_PER_FLOOR
from gridmap.domain.walking import Network
from gridmap.domain.working import WorkSetting
from gridmap.store import communities

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# what an edge is made of, besides its ends and dates
FACTS = (
    *("kind", "name", "length_m", "walk_s", "walk_back_s", "ride_s", "ride_back_s"),
    *("steps", "opens_min", "closes_min", "source_id"),
)
_VALID = "community_id = :c AND valid_from <= :on AND (valid_to IS NULL OR valid_to > :on)"


@dataclass(frozen=True)
class Place:
    """What the network of a community hangs on.

    Attributes
    ----------
    epsg : its projected CRS; mark : its network's mark, 0 before the first build; invented : 'all', 'people', 'none'
    box : (lon_min, lat_min, lon_max, lat_max), outside of which nothing may be drawn
    """

    epsg: int
    mark: int
    invented: str
    box: tuple[float, float, float, float]


def place(con: Connection, community_id: int, *, lock: bool = False) -> Place | None:
    """Return the community's facts; with ``lock`` nobody else edits its streets until the transaction ends."""
    query = "SELECT epsg, network_mark, invented, lon_min, lat_min, lon_max, lat_max FROM community WHERE id = :c"
    row = con.execute(text(query + (" FOR UPDATE" if lock else "")), {"c": community_id}).one_or_none()
    return Place(row[0], row[1], row[2], tuple(row[3:7])) if row else None


def new_mark(con: Connection, community_id: int) -> int:
    """Give the network a new random mark and let browsers fetch new tiles; return the mark."""
    mark = secrets.randbelow(2**62 - 1) + 1
    con.execute(
        text("UPDATE community SET network_mark = :m, map_version = map_version + 1 WHERE id = :c"),
        {"m": mark, "c": community_id},
    )
    return mark


def frame(con: Connection, table: str, shape: str, columns: Sequence[str], community_id: int) -> gpd.GeoDataFrame:
    """Return a table of the community as a frame in degrees, in the order it was kept."""
    names = "".join(f"{c}, " for c in columns)
    rows = con.execute(
        text(f"SELECT {names}ST_AsBinary({shape}) AS wkb FROM {table} WHERE community_id = :c ORDER BY id"),
        {"c": community_id},
    ).all()
    data = pd.DataFrame([tuple(row)[:-1] for row in rows], columns=list(columns))
    return gpd.GeoDataFrame(data, geometry=shapely.from_wkb([bytes(row.wkb) for row in rows]), crs=STORE_SRID)


def keep(con: Connection, community_id: int, nodes: gpd.GeoSeries, edges: gpd.GeoDataFrame, *, since: date) -> None:
    """Keep a whole network, in degrees; ``edges`` refer to nodes by position."""
    node_ids = communities.reserve(con, "street_node", len(nodes))
    communities.copy(con, "street_node", community_id, {"id": node_ids, "at": nodes})
    communities.copy(
        con,
        "street_edge",
        community_id,
        {
            "id": communities.reserve(con, "street_edge", len(edges)),
            "tail_id": node_ids[edges["tail"].to_numpy(np.int64)],
            "head_id": node_ids[edges["head"].to_numpy(np.int64)],
            **{name: edges[name] for name in FACTS},
            "valid_from": [since] * len(edges),
            "path": edges.geometry,
        },
    )


def epoch(con: Connection, community_id: int, on: date) -> tuple[int, int]:
    """Return the day of the last change up to ``on`` and of the last change at all, as ordinals; 0 without any."""
    query = (
        "SELECT max(d) FILTER (WHERE d <= :on) AS seen, max(d) AS newest FROM (SELECT valid_from AS d FROM street_edge"
        " WHERE community_id = :c UNION SELECT valid_to FROM street_edge WHERE community_id = :c) AS days"
    )
    row = con.execute(text(query), {"c": community_id, "on": on}).one()
    return (row.seen.toordinal() if row.seen else 0, row.newest.toordinal() if row.newest else 0)


def network(con: Connection, community_id: int, epsg: int, mark: int, *, on: date) -> Network:
    """Return the streets valid on a day, in metres."""
    rows = con.execute(
        text(
            "SELECT id, tail_id, head_id, kind, length_m, walk_s, walk_back_s, steps, opens_min, closes_min,"
            f" ST_AsBinary(path) AS wkb FROM street_edge WHERE {_VALID} ORDER BY id"
        ),
        {"c": community_id, "on": on},
    ).all()
    columns = list(zip(*rows, strict=True)) or [()] * 11
    paths = gpd.GeoSeries(shapely.from_wkb([bytes(w) for w in columns[10]]), crs=STORE_SRID).to_crs(epsg).to_numpy()
    path_xy, owner = shapely.get_coordinates(np.asarray(paths, dtype=object), return_index=True)
    path_at = np.searchsorted(owner, np.arange(len(rows) + 1))
    ends = np.array([columns[1], columns[2]], np.int64).reshape(2, -1)
    nodes, at = np.unique(ends, return_inverse=True)
    tail, head = at.reshape(2, -1)
    xy = np.zeros((len(nodes), 2))
    if len(rows):
        xy[tail], xy[head] = path_xy[path_at[:-1]], path_xy[path_at[1:] - 1]
    return Network(
        mark=mark,
        xy=xy,
        edge_id=np.array(columns[0], np.int64),
        tail=tail.astype(np.int64),
        head=head.astype(np.int64),
        forward_s=_numbers(columns[5], np.inf),
        backward_s=_numbers(columns[6], np.inf),
        opens_s=_numbers(columns[8], 0).astype(np.int64) * 60,
        closes_s=_numbers(columns[9], 1440).astype(np.int64) * 60,
        kind=np.array(columns[3], np.str_),
        steps=_numbers(columns[7], 0).astype(np.int64),
        length_m=_numbers(columns[4], 0),
        path_xy=path_xy,
        path_at=path_at.astype(np.int64),
    )


def _numbers(values: Sequence[Any], missing: float) -> Floats:
    return np.array([missing if v is None else v for v in values], float)


def entrances(
    con: Connection, community_id: int, ids: Sequence[int] | None = None, box: Sequence[float] | None = None
) -> tuple[Ints, Floats]:
    """Return ids of entrances and (k, 2) their doors in degrees: all, those named, or those in a box."""
    narrowed = " AND id = ANY(:ids)" if ids is not None else ""
    narrowed += " AND door && ST_MakeEnvelope(:w, :s, :e, :n, " + f"{STORE_SRID})" if box is not None else ""
    values: dict[str, Any] = {"c": community_id}
    values |= {"ids": list(ids)} if ids is not None else {}
    values |= dict(zip("wsen", box, strict=True)) if box is not None else {}
    rows = con.execute(
        text(f"SELECT id, ST_X(door), ST_Y(door) FROM entrance WHERE community_id = :c{narrowed} ORDER BY id"), values
    ).all()
    found = np.array([tuple(row) for row in rows], float).reshape(-1, 3)
    return found[:, 0].astype(np.int64), found[:, 1:]


def keep_access(con: Connection, community_id: int, columns: Mapping[str, Any]) -> None:
    """Keep where entrances meet the network, all of them at once; what was kept of them before goes."""
    ids = [int(i) for i in columns["entrance_id"]]
    con.execute(
        text("DELETE FROM entrance_access WHERE community_id = :c AND entrance_id = ANY(:ids)"),
        {"c": community_id, "ids": ids},
    )
    communities.copy(con, "entrance_access", community_id, columns)


def access(con: Connection, community_id: int, ids: Sequence[int]) -> dict[int, tuple[int | None, float, float]]:
    """Return edge, share and distance kept for each of these entrances."""
    rows = con.execute(
        text(
            "SELECT entrance_id, edge_id, share, distance_m FROM entrance_access"
            " WHERE community_id = :c AND entrance_id = ANY(:ids)"
        ),
        {"c": community_id, "ids": list(ids)},
    )
    return {row.entrance_id: (row.edge_id, row.share, row.distance_m) for row in rows}


@dataclass(frozen=True)
class Door:
    """An entrance as people say it: where it is, and how many homes are behind it."""

    entrance_id: int
    building_id: int
    building: str
    unit: str
    lon: float
    lat: float
    households: int


def doors(con: Connection, community_id: int, ids: Sequence[int]) -> list[Door]:
    """Return these entrances, by id."""
    rows = con.execute(
        text(
            "SELECT e.id, e.building_id, b.name, e.unit, ST_X(e.door), ST_Y(e.door), (SELECT count(*) FROM household h"
            " WHERE h.community_id = e.community_id AND h.entrance_id = e.id AND h.standing NOT IN ('vacant', 'moved'))"
            " FROM entrance e JOIN building b ON b.community_id = e.community_id AND b.id = e.building_id"
            " WHERE e.community_id = :c AND e.id = ANY(:ids) ORDER BY e.id"
        ),
        {"c": community_id, "ids": list(ids)},
    )
    return [Door(*row) for row in rows]


def homes(
    con: Connection, community_id: int, entrance_ids: Sequence[int], grid_ids: Sequence[int] | None
) -> list[tuple[int, int]]:
    """Return (grid, household) of the homes behind these entrances, of some grids only when they are named."""
    mine = " AND grid_id = ANY(:grids)" if grid_ids is not None else ""
    values: dict[str, Any] = {"c": community_id, "ids": list(entrance_ids)}
    values |= {"grids": list(grid_ids)} if grid_ids is not None else {}
    rows = con.execute(
        text(
            "SELECT grid_id, id FROM household WHERE community_id = :c AND entrance_id = ANY(:ids)"
            f" AND standing NOT IN ('vacant', 'moved'){mine} ORDER BY id"
        ),
        values,
    )
    return [(row.grid_id, row.id) for row in rows]


def service_centre(con: Connection, community_id: int) -> tuple[float, float] | None:
    """Return where the community's service centre is, in degrees."""
    row = con.execute(
        text(
            "SELECT ST_X(at) AS lon, ST_Y(at) AS lat FROM place"
            " WHERE community_id = :c AND kind = 'service_centre' ORDER BY id LIMIT 1"
        ),
        {"c": community_id},
    ).one_or_none()
    return (row.lon, row.lat) if row else None


def repace(con: Connection, community_id: int, setting: WorkSetting) -> None:
    """Give every edge the seconds on foot of a setting; what is barred stays barred, up a stair stays up."""
    seconds = (
        "CASE kind WHEN 'steps' THEN steps / CAST(:per_floor AS float8) * CASE WHEN {one} > {other} THEN :up"
        " WHEN {one} < {other} THEN :down ELSE (:up + :down) / 2 END"
        " WHEN 'lift' THEN :wait + greatest(1, steps / CAST(:per_floor AS float8)) * :floor"
        " ELSE length_m / :level END * CASE WHEN {one} IS NULL THEN NULL ELSE 1 END"
    )
    forward = seconds.format(one="walk_s", other="walk_back_s")
    backward = seconds.format(one="walk_back_s", other="walk_s")
    con.execute(
        text(f"UPDATE street_edge SET walk_s = {forward}, walk_back_s = {backward} WHERE community_id = :c"),
        {
            "c": community_id,
            "per_floor": STEPS_PER_FLOOR,
            "up": float(setting.stair_up_s),
            "down": float(setting.stair_down_s),
            "wait": float(setting.lift_wait_s),
            "floor": float(setting.lift_floor_s),
            "level": float(setting.walk_m_s),
        },
    )
