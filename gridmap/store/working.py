"""How a community works: its settings, its shifts, and how often doors of its buildings open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import JSONB, insert

from gridmap.domain.answering import BANDS, SATURDAY, Sums
from gridmap.domain.crs import STORE_SRID
from gridmap.domain.rules import Ints
from gridmap.store.tables import work_setting

Place = tuple[float, float] | None


def setting(con: Connection, community_id: int) -> dict[str, Any]:
    """Return the settings that differ from the defaults."""
    query = text("SELECT settings FROM work_setting WHERE community_id = :c").columns(settings=JSONB)
    return con.execute(query, {"c": community_id}).scalar() or {}


def keep_setting(con: Connection, community_id: int, differences: dict[str, Any]) -> None:
    """Keep the settings that differ from the defaults."""
    row = insert(work_setting).values(community_id=community_id, settings=differences)
    con.execute(row.on_conflict_do_update(index_elements=["community_id"], set_={"settings": row.excluded.settings}))


def shifts(
    con: Connection, community_id: int, worker_ids: Sequence[int], *, on: date
) -> list[tuple[int, int, int, Place, Place]]:
    """Return (worker, start minute, end minute, start, end) of each shift that was set for a day."""
    rows = con.execute(
        text(
            "SELECT worker_id, start_min, end_min, ST_X(start_at), ST_Y(start_at), ST_X(end_at), ST_Y(end_at)"
            ' FROM shift WHERE community_id = :c AND worker_id = ANY(:workers) AND "on" = :on'
            " ORDER BY worker_id, start_min, id"
        ),
        {"c": community_id, "workers": list(worker_ids), "on": on},
    )
    return [
        (r[0], r[1], r[2], None if r[3] is None else (r[3], r[4]), None if r[5] is None else (r[5], r[6])) for r in rows
    ]


def is_set(con: Connection, community_id: int, worker_id: int, *, on: date) -> bool:
    """Tell whether the office set a worker's hours of a day; those he chose himself are not set."""
    query = 'SELECT EXISTS (SELECT FROM shift WHERE community_id = :c AND worker_id = :w AND "on" = :on AND NOT chosen)'
    return bool(con.execute(text(query), {"c": community_id, "w": worker_id, "on": on}).scalar_one())


def put_shifts(
    con: Connection,
    community_id: int,
    worker_id: int,
    *,
    on: date,
    spans: Sequence[tuple[int, int, Place, Place]],
    chosen: bool = False,
) -> None:
    """Let a worker walk in these spans of a day and no others; none = as usual; ``chosen``: by himself."""
    con.execute(
        text('DELETE FROM shift WHERE community_id = :c AND worker_id = :w AND "on" = :on'),
        {"c": community_id, "w": worker_id, "on": on},
    )
    point = "ST_SetSRID(ST_MakePoint(CAST(:{0}_lon AS float8), CAST(:{0}_lat AS float8)), :srid)"
    for begin, end, start_at, end_at in spans:
        con.execute(
            text(
                'INSERT INTO shift (community_id, worker_id, "on", start_min, end_min, start_at, end_at, chosen)'
                f" VALUES (:c, :w, :on, :begin, :end, {point.format('start')}, {point.format('end')}, :chosen)"
            ),
            {"c": community_id, "w": worker_id, "on": on, "begin": begin, "end": end, "srid": STORE_SRID}
            | {"chosen": chosen}
            | {"start_lon": start_at and start_at[0], "start_lat": start_at and start_at[1]}
            | {"end_lon": end_at and end_at[0], "end_lat": end_at and end_at[1]},
        )


def on_duty(con: Connection, community_id: int, *, on: date) -> list[tuple[int, int, str]]:
    """Return (worker, grid, duty) of every assignment that is valid on a day, main workers first."""
    rows = con.execute(
        text(
            "SELECT worker_id, grid_id, duty FROM worker_assignment WHERE community_id = :c AND valid_from <= :on"
            " AND (valid_to IS NULL OR valid_to > :on) ORDER BY duty = 'substitute', worker_id, grid_id"
        ),
        {"c": community_id, "on": on},
    )
    return [(row[0], row[1], row[2]) for row in rows]


def workers(con: Connection, community_id: int) -> set[int]:
    """Return every worker."""
    return set(con.execute(text("SELECT id FROM worker WHERE community_id = :c"), {"c": community_id}).scalars())


# --- doors that open -------------------------------------------------------------------------------------------------

_COUNT = text("""
INSERT INTO answer_count (community_id, building_id, weekday, band, knocks, answers)
SELECT :c, building_id, weekday, band, sum(knocks), sum(answers) FROM (
  SELECT h.building_id, CAST(extract(isodow FROM t.local) AS int) - 1 AS weekday,
    width_bucket(extract(epoch FROM t.local::time)::int, CAST(:bands AS int[])) AS band,
    1 AS knocks, CAST(v.result <> 'nobody' AS int) AS answers
  FROM household AS h
  JOIN visit AS v ON v.community_id = h.community_id AND v.household_id = h.id
  CROSS JOIN LATERAL (SELECT v.visited_at AT TIME ZONE CAST(:tz AS text) AS local) AS t
  WHERE h.community_id = :c AND (CAST(:all AS boolean) OR h.building_id = ANY(:buildings))
    AND v.mode = 'door' AND v.withdrawn_at IS NULL
  UNION ALL
  SELECT building_id, weekday, band, 0, 0 FROM answer_count
  WHERE community_id = :c AND (CAST(:all AS boolean) OR building_id = ANY(:buildings))
) AS counted GROUP BY building_id, weekday, band
ON CONFLICT (community_id, building_id, weekday, band) DO UPDATE
  SET knocks = excluded.knocks, answers = excluded.answers
  WHERE (answer_count.knocks, answer_count.answers) IS DISTINCT FROM (excluded.knocks, excluded.answers)
""")


def count_answers(con: Connection, community_id: int, *, timezone: str, building_ids: Sequence[int] | None) -> int:
    """Count anew how often doors of some buildings (None = all) opened; return how many counts changed."""
    values = {"c": community_id, "tz": timezone, "bands": list(BANDS), "buildings": list(building_ids or ())}
    return con.execute(_COUNT, values | {"all": building_ids is None}).rowcount


def answers(
    con: Connection, community_id: int, building_ids: Sequence[int], *, weekend: bool
) -> dict[int, tuple[Ints, Ints]]:
    """Return knocks and answers by band of some buildings, on working days or at weekends; those knocked at only."""
    rows = con.execute(
        text(
            "SELECT building_id, band, sum(knocks), sum(answers) FROM answer_count WHERE community_id = :c"
            " AND building_id IN (SELECT unnest(CAST(:buildings AS bigint[]))) AND (weekday >= :saturday) = :weekend"
            " GROUP BY building_id, band"
        ),
        {"c": community_id, "buildings": list(building_ids), "saturday": SATURDAY, "weekend": weekend},
    )
    found: dict[int, tuple[Ints, Ints]] = {}
    for building_id, band, knocks, opened in rows:
        mine = found.setdefault(building_id, (np.zeros(len(BANDS), np.int64), np.zeros(len(BANDS), np.int64)))
        mine[0][band], mine[1][band] = knocks, opened
    return found


_SUM = text("""
INSERT INTO answer_sum (community_id, kind, weekend, band, "on", buildings, knocks, answers, knocks_squared,
  answers_share)
SELECT :c, kind, weekend, band, :on, count(*), sum(knocks), sum(answers), sum(CAST(knocks AS float8) ^ 2),
  sum(CAST(answers AS float8) ^ 2 / knocks)
FROM (
  SELECT b.kind, a.building_id, a.weekday >= :saturday AS weekend, a.band, sum(a.knocks) AS knocks,
    sum(a.answers) AS answers
  FROM answer_count AS a JOIN building AS b ON b.community_id = a.community_id AND b.id = a.building_id
  WHERE a.community_id = :c AND a.knocks > 0 GROUP BY b.kind, a.building_id, a.weekday >= :saturday, a.band
) AS each GROUP BY kind, weekend, band
UNION ALL SELECT :c, '', false, 0, :on, 0, 0, 0, 0, 0
""")


def sum_answers(con: Connection, community_id: int, *, on: date) -> None:
    """Sum the counts of all buildings anew, as of a day."""
    con.execute(text("DELETE FROM answer_sum WHERE community_id = :c"), {"c": community_id})
    con.execute(_SUM, {"c": community_id, "on": on, "saturday": SATURDAY})


def answer_sums(con: Connection, community_id: int) -> tuple[date | None, list[Sums]]:
    """Return the sums over all buildings, and the day they are of; None when they were never made."""
    rows = con.execute(
        text(
            'SELECT kind, weekend, band, buildings, knocks, answers, knocks_squared, answers_share, "on"'
            " FROM answer_sum WHERE community_id = :c ORDER BY kind, weekend, band"
        ),
        {"c": community_id},
    ).all()
    return max((row.on for row in rows), default=None), [Sums(*row[:8]) for row in rows if row.kind]
