"""What is in hand at households that change grid, and what their doors cost a month."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Connection, text

_HOMES = "community_id = :c AND household_id = ANY(:households)"
IN_HAND = {
    "needs": f"need WHERE {_HOMES} AND closed_at IS NULL",
    "promises": f"appointment WHERE {_HOMES} AND cancelled_at IS NULL AND ends_at >= :at",
    "disputes": f"dispute WHERE {_HOMES} AND closed_at IS NULL",
    "hazards": f"hazard WHERE {_HOMES} AND resolved_at IS NULL",
    "follow_ups": (
        f"visit AS v WHERE {_HOMES} AND withdrawn_at IS NULL AND follow_up_on IS NOT NULL AND NOT EXISTS ("
        "SELECT FROM visit AS a WHERE a.community_id = :c AND a.household_id = v.household_id AND a.result = 'met'"
        " AND a.withdrawn_at IS NULL AND (a.visited_at AT TIME ZONE :tz)::date >= v.follow_up_on)"
    ),
    "events": (
        f"household_event AS e WHERE {_HOMES} AND withdrawn_at IS NULL AND NOT EXISTS (SELECT FROM visit AS a"
        " WHERE a.community_id = :c AND a.household_id = e.household_id AND a.result = 'met'"
        " AND a.withdrawn_at IS NULL AND a.visited_at >= e.happened_at)"
    ),
    "visits_planned": (
        "plan_stop AS s JOIN plan AS p ON p.community_id = s.community_id AND p.id = s.plan_id WHERE p.current"
        " AND p.\"on\" = :on AND s.state = 'planned' AND s.community_id = :c AND s.household_id = ANY(:households)"
    ),
    "held_records": f"submission WHERE {_HOMES} AND state = 'held'",
}


def in_hand(
    con: Connection, community_id: int, households: Sequence[int], *, on: date, at: datetime, timezone: str
) -> dict[str, int]:
    """Count what is open at some households at a moment, and which of their doors are planned for a day."""
    parts = ", ".join(f"(SELECT count(*) FROM {rest}) AS {name}" for name, rest in IN_HAND.items())
    values = {"c": community_id, "households": list(households), "on": on, "at": at, "tz": timezone}
    return dict(con.execute(text(f"SELECT {parts}"), values).mappings().one())


def people(con: Connection, community_id: int, households: Sequence[int]) -> int:
    """Count the people of some households, as they told how many they are."""
    query = "SELECT coalesce(sum(people_count), 0) FROM household WHERE community_id = :c AND id = ANY(:ids)"
    return int(con.execute(text(query), {"c": community_id, "ids": list(households)}).scalar_one())


def count_plans(con: Connection, community_id: int, grid_ids: Sequence[int], *, on: date) -> int:
    """Count the plans ``put_plans_aside`` would put aside."""
    query = (
        'SELECT count(*) FROM plan WHERE community_id = :c AND current AND "on" >= :on AND worker_id IN ('
        " SELECT worker_id FROM worker_assignment WHERE community_id = :c AND grid_id = ANY(:grids)"
        " AND (valid_to IS NULL OR valid_to >= :on))"
    )
    return int(con.execute(text(query), {"c": community_id, "grids": list(grid_ids), "on": on}).scalar_one())


def loads(
    con: Connection, community_id: int, grid_ids: Sequence[int], centimin: int, outside: Sequence[str]
) -> dict[tuple[int, int], tuple[int, float]]:
    """Return households, and minutes of visits a month by rules, of each building: by (grid, building)."""
    rows = con.execute(
        text(
            "SELECT grid_id, building_id, count(*), coalesce(sum(CAST(:centimin AS bigint) / period_days)"
            " FILTER (WHERE period_days > 0 AND NOT standing = ANY(:outside)), 0) / 100.0"
            " FROM household WHERE community_id = :c AND grid_id = ANY(:grids) GROUP BY grid_id, building_id"
        ),
        {"c": community_id, "grids": list(grid_ids), "centimin": centimin, "outside": list(outside)},
    )
    return {(row[0], row[1]): (row[2], float(row[3])) for row in rows}


def heads(con: Connection, community_id: int, households: Sequence[int]) -> dict[int, str]:
    """Return the head of each household by name."""
    rows = con.execute(
        text(
            "SELECT DISTINCT ON (household_id) household_id, name FROM resident WHERE community_id = :c"
            " AND household_id = ANY(:ids) ORDER BY household_id, relation <> 'head', born_year, id"
        ),
        {"c": community_id, "ids": list(households)},
    )
    return {row[0]: row[1] for row in rows}


def group_bits(con: Connection, community_id: int, households: Sequence[int]) -> dict[int, int]:
    """Return the special groups of each household as it was decided."""
    query = "SELECT id, group_bits FROM household WHERE community_id = :c AND id = ANY(:ids)"
    return {row[0]: row[1] for row in con.execute(text(query), {"c": community_id, "ids": list(households)})}
