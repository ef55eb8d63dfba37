"""What a planner changed: edges end and begin on a day, and the last change can be taken back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from sqlalchemy import Connection, text

from gridmap.domain.crs import STORE_SRID
from gridmap.domain.street_edits import Edge, Replacement
from gridmap.store import communities
from gridmap.store.streets import FACTS

Floats = npt.NDArray[np.float64]

_ROW = f"id, tail_id, head_id, {', '.join(FACTS)}, valid_from, encode(ST_AsEWKB(path), 'hex') AS path"
_NOW = "community_id = :c AND valid_from <= :on AND (valid_to IS NULL OR valid_to > :on)"
_BOX = f"path && ST_MakeEnvelope(:w, :s, :e, :n, {STORE_SRID})"


@dataclass(frozen=True)
class Edit:
    """One change that was kept: its day, who made it and what it was; ``undone_at`` when it was taken back."""

    edit_id: int
    on: date
    recorded_at: datetime
    account_id: int | None
    kind: str
    began: tuple[int, ...]
    undone_at: datetime | None


def by_id(con: Connection, community_id: int, epsg: int, edge_id: int, *, on: date) -> Edge | None:
    """Return one edge valid on a day."""
    found = _edges(con, "id = :id", epsg, {"c": community_id, "on": on, "id": edge_id})
    return found[0] if found else None


def in_box(con: Connection, community_id: int, epsg: int, box: Sequence[float], *, on: date, most: int) -> list[Edge]:
    """Return the edges valid on a day whose box meets ``box`` (degrees: west, south, east, north), at most ``most``."""
    values = {"c": community_id, "on": on, **dict(zip("wsen", box, strict=True))}
    return _edges(con, _BOX, epsg, values, most)


def _edges(con: Connection, which: str, epsg: int, values: Mapping[str, Any], most: int = 1_000_000) -> list[Edge]:
    query = f"SELECT {_ROW} FROM street_edge WHERE {_NOW} AND {which} ORDER BY id LIMIT {most}"
    rows = con.execute(text(query), dict(values)).mappings().all()
    paths = gpd.GeoSeries(shapely.from_wkb([row["path"] for row in rows]), crs=STORE_SRID).to_crs(epsg)
    return [_edge(dict(row), path) for row, path in zip(rows, paths, strict=True)]


def _edge(row: dict[str, Any], path: shapely.LineString) -> Edge:
    facts = {name: row[name] for name in FACTS}
    return Edge(row["id"], row["tail_id"], row["head_id"], **facts, xy=shapely.get_coordinates(path))


def replace(
    con: Connection, community_id: int, made: Replacement, epsg: int, *, on: date, kind: str, account_id: int | None
) -> list[int]:
    """End and begin edges on a day and remember how it was; return the ids of those that began."""
    before = _end(con, community_id, [edge.edge_id for edge in made.ended], on)
    nodes = communities.reserve(con, "street_node", len(made.nodes))
    if len(nodes):
        points = gpd.GeoSeries(shapely.points(np.stack(made.nodes)), crs=epsg).to_crs(STORE_SRID)
        communities.copy(con, "street_node", community_id, {"id": nodes, "at": points})
    paths = gpd.GeoSeries([shapely.LineString(edge.xy) for edge in made.begun], crs=epsg).to_crs(STORE_SRID)
    ends = [[int(nodes[-i - 1]) if i < 0 else i for i in (edge.tail_id, edge.head_id)] for edge in made.begun]
    columns = {name: [getattr(edge, name) for edge in made.begun] for name in FACTS}
    began = _begin(con, community_id, ends, columns, paths, on)
    _remember(con, community_id, on=on, kind=kind, account_id=account_id, began=began, before=before)
    return began


def _end(con: Connection, community_id: int, ids: list[int], on: date) -> list[dict[str, Any]]:
    """End edges on a day and return how they were; those that began on this very day were never there."""
    values = {"c": community_id, "ids": ids, "on": on}
    which = "community_id = :c AND id = ANY(:ids)"
    rows = con.execute(text(f"SELECT {_ROW} FROM street_edge WHERE {which} ORDER BY id"), values).mappings().all()
    fresh = f"{which} AND valid_from = :on"
    con.execute(
        text(
            "DELETE FROM entrance_access WHERE community_id = :c"
            f" AND edge_id IN (SELECT id FROM street_edge WHERE {fresh})"
        ),
        values,
    )
    con.execute(text(f"DELETE FROM street_edge WHERE {fresh}"), values)
    con.execute(text(f"UPDATE street_edge SET valid_to = :on WHERE {which}"), values)
    return [dict(row) | {"valid_from": row["valid_from"].isoformat()} for row in rows]


def _begin(
    con: Connection, community_id: int, ends: list[list[int]], columns: Mapping[str, Any], paths: Any, on: date
) -> list[int]:
    ids = communities.reserve(con, "street_edge", len(ends))
    if len(ends):
        tails, heads = zip(*ends, strict=True)
        communities.copy(
            con,
            "street_edge",
            community_id,
            {"id": ids, "tail_id": tails, "head_id": heads, **columns, "valid_from": [on] * len(ends), "path": paths},
        )
    return [int(i) for i in ids]


def _remember(
    con: Connection,
    community_id: int,
    *,
    on: date,
    kind: str,
    account_id: int | None,
    began: list[int],
    before: list[dict[str, Any]],
) -> None:
    con.execute(
        text(
            'INSERT INTO street_edit (community_id, "on", account_id, kind, began, before)'
            " VALUES (:c, :on, :account, :kind, :began, CAST(:before AS jsonb))"
        ),
        {
            "c": community_id,
            "on": on,
            "account": account_id,
            "kind": kind,
            "began": began,
            "before": json.dumps(before, ensure_ascii=False),
        },
    )


def undo(con: Connection, community_id: int, edit_id: int, *, on: date) -> list[int]:
    """Put back on a day what an edit replaced; return the ids of the edges that began with it.

    Earlier edits that made one of these edges are told its new id, so that they can be taken back after this one.
    """
    values: dict[str, Any] = {"c": community_id, "id": edit_id}
    row = con.execute(text("SELECT began, before FROM street_edit WHERE community_id = :c AND id = :id"), values).one()
    _end(con, community_id, list(row.began), on)
    was = row.before
    columns = {name: [one[name] for one in was] for name in FACTS}
    paths = shapely.from_wkb([one["path"] for one in was])
    again = _begin(con, community_id, [[one["tail_id"], one["head_id"]] for one in was], columns, paths, on)
    for old, new in zip(was, again, strict=True):
        con.execute(
            text(
                "UPDATE street_edit SET began = array_replace(began, :old, :new)"
                " WHERE community_id = :c AND undone_at IS NULL AND began @> ARRAY[CAST(:old AS bigint)]"
            ),
            {"c": community_id, "old": old["id"], "new": new},
        )
    con.execute(text("UPDATE street_edit SET undone_at = now() WHERE community_id = :c AND id = :id"), values)
    return again


def edits(con: Connection, community_id: int, *, most: int) -> list[Edit]:
    """Return the newest edits, the last first."""
    rows = con.execute(
        text(
            'SELECT id, "on", recorded_at, account_id, kind, began, undone_at FROM street_edit'
            " WHERE community_id = :c ORDER BY id DESC LIMIT :most"
        ),
        {"c": community_id, "most": most},
    )
    return [Edit(r[0], r[1], r[2], r[3], r[4], tuple(r[5]), r[6]) for r in rows]
