"""Plans as they are kept: written once, read by worker, day or number; a stop's state is all that changes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import shapely
from sqlalchemy import Connection, text

from gridmap.domain.crs import STORE_SRID
from gridmap.domain.plans import Omitted, PlanDraft, PlanLine, PlanRow, StopKind, StopState
from gridmap.domain.worklist import Reason, Urgency

LOCK = "gridmap.plans"


@dataclass(frozen=True)
class StoredPlan:
    """A plan without its rows."""

    plan_id: int
    worker_id: int
    grid_id: int
    on: date
    replaces_id: int | None
    current: bool
    made_at: datetime
    start_s: int
    end_s: int
    seed: int
    iterations: int
    solver: str
    network_mark: int
    input_hash: bytes
    choice_status: str
    order_status: str
    objective: int
    bound: int


_PLAN = (
    'SELECT id, worker_id, grid_id, "on", replaces_id, current, made_at, start_s, end_s, seed, iterations, solver,'
    " network_mark, input_hash, choice_status, order_status, objective, bound FROM plan WHERE community_id = :c"
)


def lock(con: Connection, community_id: int) -> None:
    """Let one transaction at a time keep plans of a community, so that no door comes into two of them."""
    con.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name), :c)"), {"name": LOCK, "c": community_id})


def _stored(row: Any) -> StoredPlan:
    made = StoredPlan(*row)
    return replace(made, input_hash=bytes(made.input_hash))


def current(con: Connection, community_id: int, worker_id: int, *, on: date) -> StoredPlan | None:
    """Return the plan a worker walks by on a day."""
    row = con.execute(
        text(_PLAN + ' AND worker_id = :w AND "on" = :on AND current'), {"c": community_id, "w": worker_id, "on": on}
    ).one_or_none()
    return _stored(row) if row else None


def by_id(con: Connection, community_id: int, plan_id: int, *, for_update: bool = False) -> StoredPlan | None:
    """Return one plan."""
    query = _PLAN + " AND id = :id" + (" FOR UPDATE" if for_update else "")
    row = con.execute(text(query), {"c": community_id, "id": plan_id}).one_or_none()
    return _stored(row) if row else None


def taken(con: Connection, community_id: int, *, on: date, but: Iterable[int]) -> set[int]:
    """Return which households stand in the current plan of another worker than ``but`` on a day."""
    rows = con.execute(
        text(
            "SELECT s.household_id FROM plan_stop AS s JOIN plan AS p"
            " ON p.community_id = s.community_id AND p.id = s.plan_id"
            ' WHERE s.community_id = :c AND p."on" = :on AND p.current AND NOT p.worker_id = ANY(:but)'
            " AND s.household_id IS NOT NULL"
        ),
        {"c": community_id, "on": on, "but": list(but)},
    )
    return set(rows.scalars())


def errands_taken(con: Connection, community_id: int, *, on: date, but: Iterable[int]) -> set[int]:
    """Return which errands stand in the current plan of another worker than ``but`` on a day."""
    rows = con.execute(
        text(
            "SELECT s.errand_id FROM plan_stop AS s JOIN plan AS p"
            " ON p.community_id = s.community_id AND p.id = s.plan_id"
            ' WHERE s.community_id = :c AND p."on" = :on AND p.current AND NOT p.worker_id = ANY(:but)'
            " AND s.errand_id IS NOT NULL"
        ),
        {"c": community_id, "on": on, "but": list(but)},
    )
    return set(rows.scalars())


def _reasons(reasons: Sequence[Reason]) -> str:
    return json.dumps([[r.code, r.values] for r in reasons], ensure_ascii=False)


def _read_reasons(raw: Any) -> tuple[Reason, ...]:
    return tuple(Reason(code, values) for code, values in raw)


_INSERT_PLAN = text(
    'INSERT INTO plan (community_id, worker_id, grid_id, "on", replaces_id, current, made_at, start_s, end_s, seed,'
    " iterations, solver, network_mark, input_hash, choice_status, order_status, objective, bound)"
    " VALUES (:c, :worker_id, :grid_id, :on, :replaces_id, true, coalesce(:made_at, now()), :start_s, :end_s, :seed,"
    " :iterations, :solver, :network_mark, :input_hash, :choice_status, :order_status, :objective, :bound) RETURNING id"
)
_INSERT_STOP = text(
    "INSERT INTO plan_stop (community_id, plan_id, number, grid_id, kind, household_id, errand_id, entrance_id,"
    " arrive_s, start_s, leave_s, walk_s, vertical_s, walk_m, state, urgency, reasons, pinned, chance, purposes,"
    " materials, parts, path)"
    " VALUES (:c, :plan_id, :number, :grid_id, :kind, :household_id, :errand_id, :entrance_id, :arrive_s, :start_s,"
    " :leave_s, :walk_s, :vertical_s, :walk_m, :state, :urgency, CAST(:reasons AS jsonb), :pinned, :chance,"
    " CAST(:purposes AS jsonb), CAST(:materials AS jsonb), CAST(:parts AS jsonb),"
    f" ST_GeomFromWKB(CAST(:path AS bytea), {STORE_SRID}))"
)
_INSERT_OMISSION = text(
    "INSERT INTO plan_omission (community_id, plan_id, household_id, grid_id, urgency, reasons, condition,"
    " condition_values) VALUES (:c, :plan_id, :household_id, :grid_id, :urgency, CAST(:reasons AS jsonb), :condition,"
    " CAST(:values AS jsonb))"
)


def keep(
    con: Connection, community_id: int, draft: PlanDraft, *, made_at: datetime | None, replaces_id: int | None = None
) -> int:
    """Keep a plan as the worker's current one of its day; return its id."""
    con.execute(
        text('UPDATE plan SET current = false WHERE community_id = :c AND worker_id = :w AND "on" = :on AND current'),
        {"c": community_id, "w": draft.worker_id, "on": draft.on},
    )
    names = ("worker_id", "grid_id", "on", "start_s", "end_s", "seed", "iterations", "solver", "network_mark",
             "input_hash", "choice_status", "order_status", "objective", "bound")  # fmt: skip
    values = {name: getattr(draft, name) for name in names}
    values |= {"c": community_id, "replaces_id": replaces_id, "made_at": made_at}
    plan_id = int(con.execute(_INSERT_PLAN, values).scalar_one())
    rows = [_stop_values(community_id, plan_id, i, row) for i, row in enumerate(draft.rows)]
    if rows:
        con.execute(_INSERT_STOP, rows)
    left = [
        {
            "c": community_id,
            "plan_id": plan_id,
            "household_id": o.household_id,
            "grid_id": o.grid_id,
            "urgency": str(o.urgency),
            "reasons": _reasons(o.reasons),
            "condition": o.condition,
            "values": json.dumps(o.values, ensure_ascii=False),
        }
        for o in draft.omitted
    ]
    if left:
        con.execute(_INSERT_OMISSION, left)
    return plan_id


def _stop_values(community_id: int, plan_id: int, number: int, row: PlanRow) -> dict[str, Any]:
    names = ("grid_id", "household_id", "errand_id", "entrance_id", "arrive_s", "start_s", "leave_s", "walk_s",
             "vertical_s", "walk_m", "pinned", "chance")  # fmt: skip
    return {name: getattr(row, name) for name in names} | {
        "c": community_id,
        "plan_id": plan_id,
        "number": number,
        "kind": str(row.kind),
        "state": str(row.state),
        "urgency": str(row.urgency) if row.urgency else None,
        "reasons": _reasons(row.reasons),
        "purposes": json.dumps(row.purposes),
        "materials": json.dumps(row.materials),
        "parts": json.dumps(row.parts),
        "path": shapely.to_wkb(shapely.LineString(row.path)) if row.path else None,
    }


_ROWS = text(
    "SELECT kind, grid_id, household_id, errand_id, entrance_id, arrive_s, start_s, leave_s, walk_s, vertical_s,"
    " walk_m, state, urgency, reasons, pinned, chance, purposes, materials, ST_AsBinary(path) AS path, parts"
    " FROM plan_stop WHERE community_id = :c AND plan_id = :id"
    " AND (CAST(:all AS boolean) OR grid_id = ANY(:grids)) ORDER BY number"
)


def rows(
    con: Connection, community_id: int, plan_id: int, *, grid_ids: Sequence[int] | None = None
) -> tuple[PlanRow, ...]:
    """Return the rows of a plan in their order; only those in ``grid_ids`` today unless that is None."""
    values = {"c": community_id, "id": plan_id, "all": grid_ids is None, "grids": list(grid_ids or ())}
    return tuple(_row(r) for r in con.execute(_ROWS, values))


def _row(r: Any) -> PlanRow:
    path = shapely.get_coordinates(shapely.from_wkb(bytes(r.path))).tolist() if r.path is not None else None
    return PlanRow(
        StopKind(r.kind),
        r.grid_id,
        r.household_id,
        r.errand_id,
        r.entrance_id,
        r.arrive_s,
        r.start_s,
        r.leave_s,
        r.walk_s,
        r.vertical_s,
        r.walk_m,
        StopState(r.state),
        Urgency(r.urgency) if r.urgency else None,
        _read_reasons(r.reasons),
        r.pinned,
        r.chance,
        tuple(r.purposes),
        tuple(r.materials),
        tuple((lon, lat) for lon, lat in path) if path else None,
        tuple((kind, first, last) for kind, first, last in r.parts),
    )


def omitted(
    con: Connection, community_id: int, plan_id: int, *, grid_ids: Sequence[int] | None = None
) -> tuple[Omitted, ...]:
    """Return the doors a plan leaves out, the most urgent first; only those in ``grid_ids`` unless that is None."""
    found = con.execute(
        text(
            "SELECT household_id, grid_id, urgency, reasons, condition, condition_values FROM plan_omission"
            " WHERE community_id = :c AND plan_id = :id AND (CAST(:all AS boolean) OR grid_id = ANY(:grids))"
            " ORDER BY array_position(ARRAY['must', 'should', 'may'], urgency),"
            " (condition_values ->> 'minutes')::int NULLS LAST, household_id"
        ),
        {"c": community_id, "id": plan_id, "all": grid_ids is None, "grids": list(grid_ids or ())},
    )
    return tuple(
        Omitted(
            r.household_id, r.grid_id, Urgency(r.urgency), _read_reasons(r.reasons), r.condition, r.condition_values
        )
        for r in found
    )


def mark(
    con: Connection,
    community_id: int,
    *,
    household_ids: Sequence[int],
    errand_ids: Sequence[int],
    on: date,
    state: StopState = StopState.DONE,
) -> int:
    """Give stops of the current plans of a day a state; return how many changed."""
    done = con.execute(
        text(
            "UPDATE plan_stop AS s SET state = :state FROM plan AS p WHERE s.community_id = :c"
            ' AND p.community_id = :c AND p.id = s.plan_id AND p.current AND p."on" = :on'
            " AND (s.household_id = ANY(:households) OR s.errand_id = ANY(:errands)) AND s.state <> :state"
        ),
        {
            "c": community_id,
            "on": on,
            "households": list(household_ids),
            "errands": list(errand_ids),
            "state": str(state),
        },
    )
    return done.rowcount


_LISTING = text("""
SELECT w.id, w.name, g.grids, p.id AS plan_id, p.made_at, p.start_s, p.end_s, p.choice_status, p.order_status,
       p.objective, p.bound, s.*,
       (SELECT count(*) FROM plan_omission o WHERE o.community_id = :c AND o.plan_id = p.id) AS left_out
FROM worker AS w
JOIN LATERAL (
  SELECT jsonb_agg(jsonb_build_array(g.code, g.name) ORDER BY a.duty, g.number) AS grids, min(g.number) AS first
  FROM worker_assignment AS a JOIN grid AS g ON g.community_id = a.community_id AND g.id = a.grid_id
  WHERE a.community_id = :c AND a.worker_id = w.id AND a.valid_from <= :on AND (a.valid_to IS NULL OR a.valid_to > :on)
) AS g ON g.grids IS NOT NULL
LEFT JOIN plan AS p ON p.community_id = :c AND p.worker_id = w.id AND p."on" = :on AND p.current
LEFT JOIN LATERAL (
  SELECT count(*) FILTER (WHERE household_id IS NOT NULL) AS doors,
         count(*) FILTER (WHERE household_id IS NOT NULL AND state = 'done') AS done,
         count(*) FILTER (WHERE urgency = 'must') AS must,
         count(*) FILTER (WHERE urgency = 'should') AS should,
         count(*) FILTER (WHERE urgency = 'may') AS may,
         count(*) FILTER (WHERE errand_id IS NOT NULL) AS errands,
         coalesce(sum(walk_m), 0) AS walk_m,
         coalesce(max(leave_s) - min(arrive_s), 0) AS spent_s
  FROM plan_stop AS s WHERE s.community_id = :c AND s.plan_id = p.id
) AS s ON true
WHERE w.community_id = :c ORDER BY g.first, w.id
""")


def listing(con: Connection, community_id: int, *, on: date) -> list[PlanLine]:
    """Return every worker on duty on a day with what his plan comes to, by grid."""
    return [
        PlanLine(
            r.id,
            r.name,
            tuple((code, name) for code, name in r.grids),
            r.plan_id,
            r.made_at,
            r.doors,
            r.done,
            r.must,
            r.should,
            r.may,
            r.errands,
            r.left_out,
            round(r.spent_s / 60),
            int(r.walk_m),
            r.choice_status or "",
            r.order_status or "",
            r.objective or 0,
            r.bound or 0,
        )
        for r in con.execute(_LISTING, {"c": community_id, "on": on})
    ]


@dataclass(frozen=True)
class Gate:
    """An entrance and the building behind it."""

    entrance_id: int
    unit: str
    lon: float
    lat: float
    building_id: int
    building: str
    has_lift: bool


def gates(con: Connection, community_id: int, entrance_ids: Iterable[int]) -> dict[int, Gate]:
    """Return entrances with their buildings, by id."""
    found = con.execute(
        text(
            "SELECT e.id, e.unit, ST_X(e.door) AS lon, ST_Y(e.door) AS lat, b.id AS building_id, b.name, b.has_lift"
            " FROM entrance AS e JOIN building AS b ON b.community_id = e.community_id AND b.id = e.building_id"
            " WHERE e.community_id = :c AND e.id = ANY(:ids)"
        ),
        {"c": community_id, "ids": list(entrance_ids)},
    )
    return {r[0]: Gate(*r) for r in found}


def errand_points(
    con: Connection, community_id: int, errand_ids: Iterable[int]
) -> Mapping[int, tuple[str, str, float, float]]:
    """Return kind, title, longitude and latitude of errands, by id."""
    found = con.execute(
        text("SELECT id, kind, title, ST_X(at), ST_Y(at) FROM errand WHERE community_id = :c AND id = ANY(:ids)"),
        {"c": community_id, "ids": list(errand_ids)},
    )
    return {r[0]: (r[1], r[2], r[3], r[4]) for r in found}


def base(con: Connection, community_id: int, grid_id: int, *, on: date) -> tuple[str, float, float] | None:
    """Return title and point of the service centre nearest to a grid; of the grid itself where there is none."""
    row = con.execute(
        text(
            "SELECT p.name, ST_X(p.at) AS lon, ST_Y(p.at) AS lat FROM place AS p, grid_version AS v"
            " WHERE p.community_id = :c AND p.kind = 'service_centre' AND v.community_id = :c AND v.grid_id = :g"
            " AND v.valid_from <= :on AND (v.valid_to IS NULL OR v.valid_to > :on)"
            " ORDER BY p.at <-> v.label_at, p.id LIMIT 1"
        ),
        {"c": community_id, "g": grid_id, "on": on},
    ).one_or_none()
    if row is None:
        row = con.execute(
            text(
                "SELECT '' AS name, ST_X(label_at) AS lon, ST_Y(label_at) AS lat FROM grid_version"
                " WHERE community_id = :c AND grid_id = :g AND valid_from <= :on"
                " AND (valid_to IS NULL OR valid_to > :on)"
            ),
            {"c": community_id, "g": grid_id, "on": on},
        ).one_or_none()
    return (row.name, row.lon, row.lat) if row else None


def tried(
    con: Connection, community_id: int, grid_ids: Sequence[int], *, since: datetime, until: datetime
) -> dict[int, datetime]:
    """Return when somebody last rang in vain at the households of some grids within a span, by household."""
    found = con.execute(
        text(
            "SELECT household_id, max(visited_at) FROM visit WHERE community_id = :c AND grid_id = ANY(:grids)"
            " AND visited_at >= :since AND visited_at < :until AND result = 'nobody' AND withdrawn_at IS NULL"
            " GROUP BY household_id"
        ),
        {"c": community_id, "grids": list(grid_ids), "since": since, "until": until},
    )
    return {r[0]: r[1] for r in found}


def begun(con: Connection, community_id: int, plan_id: int) -> bool:
    """Tell whether anything of a plan was done."""
    query = "SELECT EXISTS (SELECT FROM plan_stop WHERE community_id = :c AND plan_id = :id AND state = 'done')"
    return bool(con.execute(text(query), {"c": community_id, "id": plan_id}).scalar_one())


def entrance_of(con: Connection, community_id: int, household_id: int) -> int | None:
    """Return the entrance a household lives behind; None where there is no such household."""
    query = text("SELECT entrance_id FROM household WHERE community_id = :c AND id = :h")
    found = con.execute(query, {"c": community_id, "h": household_id}).scalar()
    return int(found) if found is not None else None


def grid_id(con: Connection, community_id: int, code: str) -> int | None:
    """Return the id of a grid's code; None where there is no such grid."""
    query = text("SELECT id FROM grid WHERE community_id = :c AND code = :code")
    found = con.execute(query, {"c": community_id, "code": code}).scalar()
    return int(found) if found is not None else None
