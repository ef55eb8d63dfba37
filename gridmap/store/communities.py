"""Communities: make one, remove one, copy a whole town into the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import psycopg
import shapely
from psycopg import sql
from sqlalchemy import Connection, func, insert, select, text, update
from sqlalchemy import delete as delete_rows

from gridmap.store.tables import community, metadata

Column = Sequence[Any] | npt.NDArray[Any]


def create(con: Connection, values: Mapping[str, Any]) -> int:
    """Keep a new community, unfinished until ``finish``; return its id."""
    return int(con.execute(insert(community).values(**values).returning(community.c.id)).scalar_one())


def find(con: Connection, code: str) -> tuple[int, bool] | None:
    """Return (id, whether its load is finished) of the community with a code."""
    row = con.execute(
        select(community.c.id, community.c.loaded_at.is_not(None).label("finished")).where(community.c.code == code)
    ).one_or_none()
    return (int(row.id), bool(row.finished)) if row else None


def remove(con: Connection, community_id: int) -> None:
    """Remove a community and all that belongs to it."""
    con.execute(delete_rows(community).where(community.c.id == community_id))


def listing(con: Connection) -> list[dict[str, Any]]:
    """Return every community, by code."""
    rows = con.execute(
        select(
            community.c.id,
            community.c.code,
            community.c.name,
            community.c.epsg,
            community.c.invented,
            community.c.attribution,
            community.c.loaded_at,
            community.c.timezone,
            community.c.network_mark,
        ).order_by(community.c.code)
    )
    return [dict(row) for row in rows.mappings()]


def finish(con: Connection, community_id: int) -> None:
    """Mark a load as finished and let every browser fetch new tiles."""
    con.execute(
        update(community)
        .where(community.c.id == community_id)
        .values(loaded_at=func.now(), map_version=community.c.map_version + 1)
    )


def reserve(con: Connection, table: str, n: int) -> npt.NDArray[np.int64]:
    """Return ``n`` ids of a table that nobody else will get, ascending."""
    name = con.execute(text("SELECT pg_get_serial_sequence(:t, 'id')"), {"t": f'"{table}"'}).scalar_one()
    ids = con.execute(text("SELECT nextval(CAST(:s AS regclass)) FROM generate_series(1, :n)"), {"s": name, "n": n})
    return np.sort(np.fromiter(ids.scalars(), dtype=np.int64, count=n))


def copy(con: Connection, table: str, community_id: int, columns: Mapping[str, Column]) -> int:
    """Put rows into a table as fast as the server takes them; return how many.

    COPY does not pass row policies, so it fills a table of the transaction's own and one INSERT moves the rows on:
    rights, checks and boxes hold for every one of them.

    Parameters
    ----------
    columns : one sequence of equal length for each column; geometry as shapely shapes in the stored CRS.
    """
    shapes = {c.name for c in metadata.tables[table].columns if c.type.__class__.__name__ == "Geometry"}
    srid = {c.name: c.type.srid for c in metadata.tables[table].columns if c.name in shapes}  # type: ignore[attr-defined]
    plain = [_shapes(values, srid[name]) if name in shapes else _plain(values) for name, values in columns.items()]
    if not plain or not len(plain[0]):
        return 0
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    target = sql.Identifier(table)
    driver = con.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise TypeError("COPY needs psycopg 3")
    with driver.cursor() as cursor:
        cursor.execute(sql.SQL("DROP TABLE IF EXISTS pg_temp.loading"))
        cursor.execute(
            sql.SQL("CREATE TEMPORARY TABLE loading ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
                names, target
            )
        )
        with cursor.copy(sql.SQL("COPY loading ({}) FROM STDIN").format(names)) as stream:
            for row in zip(*plain, strict=True):
                stream.write_row(row)
        cursor.execute(
            sql.SQL("INSERT INTO {} (community_id, {}) SELECT %s, {} FROM loading").format(target, names, names),
            [community_id],
        )
        moved = cursor.rowcount
        cursor.execute(sql.SQL("DROP TABLE pg_temp.loading"))
    return moved


def agreed_at(
    con: Connection,
    community_id: int,
    visit_ids: Column,
    follow_up_on: Column,
    consent: Column,
) -> None:
    """Add to visits what was agreed at them."""
    con.execute(
        text(
            "UPDATE visit AS v SET follow_up_on = a.follow_up_on, consent = a.consent FROM unnest("
            "CAST(:ids AS uuid[]), CAST(:days AS date[]), CAST(:consents AS text[])) AS a (id, follow_up_on, consent)"
            " WHERE v.community_id = :c AND v.id = a.id"
        ),
        {"c": community_id, "ids": _plain(visit_ids), "days": _plain(follow_up_on), "consents": _plain(consent)},
    )


def analyze(con: Connection) -> None:
    """Give the planner figures of what was just put in, in the same transaction."""
    con.execute(text("SELECT gridmap_analyze()"))


def _shapes(values: Column, srid: int) -> list[str]:
    return list(shapely.to_wkb(shapely.set_srid(np.asarray(values, dtype=object), srid), hex=True, include_srid=True))


def _plain(values: Column) -> list[Any]:
    """Return values psycopg understands: Python's own, None for every kind of missing."""
    found = pd.Series(values, dtype=object)
    return found.where(found.notna(), None).tolist()
