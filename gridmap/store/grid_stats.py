"""Figures kept per grid, day and group: counting today's in SQL, keeping past days, reading a page of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, text

from gridmap.domain.coverage import LOAD_CENTIMIN, Counts, GridCoverage, State, as_values, shared_groups
from gridmap.domain.groups import SHARED_BITS
from gridmap.domain.rules import MODE_BIT
from gridmap.domain.tallies import COVERED, OUTSIDE, Tallies

_NUMBERS = {state: str(int(state)) for state in State}
_BASE = f"state NOT IN ({', '.join(_NUMBERS[s] for s in OUTSIDE)})"
_SPECIAL = f"{_BASE} AND bits <> 0"
# One sum for each field of Counts, in their order.
_SUMS = [
    "count(*)",
    f"count(*) FILTER (WHERE {_BASE})",
    f"count(*) FILTER (WHERE {_BASE} AND overdue_on <= :on)",
    *[f"count(*) FILTER (WHERE state = {number})" for number in _NUMBERS.values()],
    f"count(*) FILTER (WHERE {_SPECIAL})",
    f"count(*) FILTER (WHERE {_SPECIAL} AND state IN ({', '.join(_NUMBERS[s] for s in COVERED)}))",
    "sum(attempts)",
    "sum(met)",
    "sum(needs)",
    f"round(coalesce(sum({LOAD_CENTIMIN} / period_days) FILTER (WHERE {_BASE} AND period_days > 0), 0) / 100.0, 2)",
]
_MODE = "CASE mode " + " ".join(f"WHEN '{mode}' THEN {bit}" for mode, bit in MODE_BIT.items()) + " END"
_SOME = "community_id = :c AND (CAST(:all AS boolean) OR grid_id = ANY(:grids))"

_COUNT = text(f"""
WITH tried AS (
  SELECT h.id AS household_id, count(*) AS attempts,
         count(*) FILTER (WHERE v.result = 'met' AND ({_MODE}) & h.mode_bits <> 0) AS met
  FROM visit AS v JOIN household AS h ON h.community_id = v.community_id AND h.id = v.household_id
    AND h.{_SOME.replace("OR grid_id", "OR h.grid_id")}
  WHERE v.{_SOME.replace("OR grid_id", "OR v.grid_id")} AND v.visited_at >= :since AND v.visited_at < :end
    AND v.recorded_at < :end AND (v.withdrawn_at IS NULL OR v.withdrawn_at >= :end)
  GROUP BY h.id
), needing AS (
  SELECT household_id, count(*) AS needs FROM need
  WHERE {_SOME} AND recorded_at < :end AND raised_at < :end AND (closed_at IS NULL OR closed_at >= :end)
  GROUP BY household_id
), door AS MATERIALIZED (
  SELECT h.grid_id, h.group_bits & {SHARED_BITS} AS bits, h.period_days, h.overdue_on,
         CASE WHEN h.due_on IS NULL OR :on < h.due_on THEN h.state_fresh
              WHEN :on < h.overdue_on THEN h.state_due ELSE h.state_late END AS state,
         coalesce(tried.attempts, 0) AS attempts, coalesce(tried.met, 0) AS met, coalesce(needing.needs, 0) AS needs
  FROM household AS h LEFT JOIN tried ON tried.household_id = h.id LEFT JOIN needing ON needing.household_id = h.id
  WHERE h.{_SOME.replace("OR grid_id", "OR h.grid_id")}
), counted AS (
  SELECT '' AS group_code, door.* FROM door
  UNION ALL
  SELECT g.code, door.* FROM (SELECT * FROM door WHERE bits <> 0) AS door
  JOIN unnest(CAST(:codes AS text[]), CAST(:bits AS bigint[])) AS g (code, bit) ON door.bits & g.bit <> 0
)
INSERT INTO grid_stat (community_id, grid_id, "on", group_code, counts)
SELECT :c, grid_id, :on, group_code, json_build_array({", ".join(_SUMS)})
FROM counted GROUP BY grid_id, group_code
""")
_KEEP = text("""
INSERT INTO grid_stat (community_id, grid_id, "on", group_code, final, counts)
SELECT :c, t.grid_id, :on, t.group_code, :final, CAST(t.counts AS json)
FROM unnest(CAST(:grid_ids AS bigint[]), CAST(:groups AS text[]), CAST(:counts AS text[]))
  AS t (grid_id, group_code, counts)
""")
_EMPTY = text("""
INSERT INTO grid_stat (community_id, grid_id, "on", group_code, final, counts)
SELECT community_id, grid_id, CAST(:on AS date), '', CAST(:final AS boolean), CAST(:zeros AS json)
FROM grid_version WHERE community_id = :c AND (CAST(:all AS boolean) OR grid_id = ANY(:grids))
  AND valid_from <= :on AND (valid_to IS NULL OR valid_to > :on) ON CONFLICT DO NOTHING
""")
_CLEAR = text(f'DELETE FROM grid_stat WHERE {_SOME} AND "on" = :on')
_ZEROS = json.dumps(as_values(Counts()))


def is_kept(con: Connection, community_id: int, *, on: date, final: bool) -> bool:
    """Tell whether the figures of a day are there; ``final`` asks for those that never change again."""
    query = (
        "SELECT EXISTS (SELECT FROM grid_stat WHERE community_id = :c"
        " AND \"on\" = :on AND group_code = '' AND final >= :final)"
    )
    return bool(con.execute(text(query), {"c": community_id, "on": on, "final": final}).scalar_one())


def count_today(
    con: Connection,
    community_id: int,
    *,
    on: date,
    since: datetime,
    end: datetime,
    grid_ids: Sequence[int] | None = None,
) -> None:
    """Count some grids (None = all) from the decided columns of their households, and keep the figures of ``on``.

    Parameters
    ----------
    since, end : datetime
        Begin of the first of the local days over which attempts are counted, and end of ``on``.
    """
    values = {"c": community_id, "on": on, "all": grid_ids is None, "grids": list(grid_ids or ())}
    con.execute(_CLEAR, values)
    codes, bits = zip(*shared_groups(), strict=True)
    # Whatever the planner believes of tables that were just filled, each side is read once: a nested loop over a
    # figure of "one row" took minutes.
    con.execute(text("SELECT set_config('enable_nestloop', 'off', true)"))
    con.execute(_COUNT, values | {"since": since, "end": end, "codes": list(codes), "bits": list(bits)})
    con.execute(text("SELECT set_config('enable_nestloop', 'on', true)"))
    con.execute(_EMPTY, values | {"final": False, "zeros": _ZEROS})


def close(con: Connection, community_id: int, *, on: date) -> None:
    """Keep the figures of a day that is over as they were counted at its last change: they never change again."""
    con.execute(
        text('UPDATE grid_stat SET final = true WHERE community_id = :c AND "on" = :on AND NOT final'),
        {"c": community_id, "on": on},
    )


def keep_past(con: Connection, community_id: int, tallies: Tallies, *, on: date) -> None:
    """Keep the figures of a day that is over; they never change again."""
    values = {"c": community_id, "on": on, "all": True, "grids": [], "final": True}
    con.execute(_CLEAR, values)
    rows = [(grid_id, code, json.dumps(as_values(counts))) for (grid_id, code), counts in tallies.items()]
    grid_ids, groups, counts = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    con.execute(_KEEP, values | {"grid_ids": grid_ids, "groups": groups, "counts": counts})
    con.execute(_EMPTY, values | {"zeros": _ZEROS})


# Every grid is one JSON array, put together as text: two and a half times as quick as json_agg over ten thousand
# grids, since the kept counts are text already and nothing is parsed on the way.
_ROW = ", ',', ".join(
    [
        "g.id",
        "to_json(g.code)",
        "coalesce(v.number, g.number)",
        "to_json(coalesce(v.name, g.name))",
        "to_json(coalesce(v.kind, g.kind))",
        "coalesce(to_json(w.name)::text, 'null')",
        "coalesce(now.counts::text, 'null')",
        "coalesce(previous.counts::text, 'null')",
    ]
)
_OF_DAY = 'community_id = g.community_id AND {0}.grid_id = g.id AND {0}.group_code = :group AND {0}."on" ='
_READ = text(f"""
SELECT string_agg(concat('[', {_ROW}, ']'), ',' ORDER BY coalesce(v.number, g.number), g.code)
FROM grid AS g
LEFT JOIN grid_version AS v ON v.community_id = g.community_id AND v.grid_id = g.id
  AND v.valid_from <= :on AND (v.valid_to IS NULL OR v.valid_to > :on)
LEFT JOIN grid_stat AS now ON now.{_OF_DAY.format("now")} :on
LEFT JOIN grid_stat AS previous ON previous.{_OF_DAY.format("previous")} CAST(:previous_on AS date)
LEFT JOIN worker_assignment AS a ON a.community_id = g.community_id AND a.grid_id = g.id AND a.duty = 'main'
  AND a.valid_from <= :on AND (a.valid_to IS NULL OR a.valid_to > :on)
LEFT JOIN worker AS w ON w.community_id = a.community_id AND w.id = a.worker_id
WHERE g.community_id = :c AND (CAST(:all AS boolean) OR g.id = ANY(:grids))
  AND (now.grid_id IS NOT NULL OR v.grid_id IS NOT NULL)
""")


def read(
    con: Connection,
    community_id: int,
    *,
    on: date,
    previous_on: date | None,
    group: str,
    grid_ids: Sequence[int] | None,
) -> list[GridCoverage]:
    """Return every grid of a day (or of some ids) by number, in one statement and one value."""
    values: dict[str, Any] = {"c": community_id, "on": on, "previous_on": previous_on, "group": group}
    values |= {"all": grid_ids is None, "grids": list(grid_ids or ())}
    found = json.loads(f"[{con.execute(_READ, values).scalar() or ''}]")
    return [
        GridCoverage(
            grid_id,
            code,
            number,
            name,
            kind,
            worker_name,
            Counts.of(now) if now else Counts(),
            None if previous_on is None else Counts.of(before) if before else Counts(),
        )
        for grid_id, code, number, name, kind, worker_name, now, before in found
    ]
