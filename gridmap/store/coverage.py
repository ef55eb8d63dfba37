"""What coverage is decided from, and what was decided: reads of facts, writes of decisions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

import numpy as np
import psycopg
from sqlalchemy import Connection, text

from gridmap.domain.groups import BIT
from gridmap.domain.rules import (
    MODE_BIT,
    NO_DAY,
    Decisions,
    Facts,
    Ints,
    Result,
    Rule,
    Spells,
    Standing,
    Tags,
    Visits,
    day_of,
)

CHUNK = 50_000  # households decided at once: about 200 MB for ten visits each
LOCK = "gridmap.coverage"


@dataclass(frozen=True)
class Calendar:
    """One community with its days.

    Attributes
    ----------
    code, name, invented : as in ``tables.community``
    today : its own date now; decided_on : the day the decided columns of ``household`` are of, None before the first
    first_day : before it nothing is known, None without any household
    """

    code: str
    name: str
    invented: str
    timezone: str
    today: date
    decided_on: date | None
    first_day: date | None


def calendar(con: Connection, community_id: int) -> Calendar | None:
    """Return the days of a community, or None where it cannot be seen."""
    row = con.execute(
        text(
            "SELECT code, name, invented, timezone, (now() AT TIME ZONE timezone)::date AS today, decided_on, greatest("
            " (SELECT min(valid_from) FROM household_spell WHERE community_id = :c),"
            " (SELECT (min(recorded_at) AT TIME ZONE timezone)::date FROM household_spell WHERE community_id = :c)"
            ") AS first_day FROM community WHERE id = :c"
        ),
        {"c": community_id},
    ).one_or_none()
    return Calendar(*row) if row else None


def lock(con: Connection, community_id: int) -> None:
    """Let one transaction at a time count a community, so that none counts without the other's visits."""
    con.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name), :c)"), {"name": LOCK, "c": community_id})


@dataclass(frozen=True)
class Scope:
    """Which households are read: some ids, or those in ``low..high``."""

    community_id: int
    low: int = 0
    high: int = 2**62
    ids: tuple[int, ...] | None = None

    @property
    def where(self) -> str:
        """Return the condition on ``household_id``, with psycopg's placeholders."""
        some = (
            "household_id BETWEEN %(low)s AND %(high)s"
            if self.ids is None
            else "household_id IN (SELECT unnest(%(ids)s::bigint[]))"
        )
        return f"community_id = %(c)s AND {some}"

    @property
    def values(self) -> dict[str, Any]:
        """Return the values of the placeholders."""
        return {"c": self.community_id, "low": self.low, "high": self.high, "ids": list(self.ids or ())}


def scopes(con: Connection, community_id: int) -> Iterator[Scope]:
    """Yield the whole community in parts of ``CHUNK`` households."""
    low = 0
    while True:
        high = con.execute(
            text(
                "SELECT max(id) FROM (SELECT id FROM household WHERE community_id = :c AND id >= :low"
                " ORDER BY id LIMIT :n) AS part"
            ),
            {"c": community_id, "low": low, "n": CHUNK},
        ).scalar()
        if high is None:
            return
        yield Scope(community_id, low, high)
        low = high + 1


def _codes(column: str, codes: dict[str, int]) -> str:
    """Return SQL that turns one of our own words into its number."""
    return (
        f"CASE {column} " + " ".join(f"WHEN '{word}' THEN {number}" for word, number in codes.items()) + " END::bigint"
    )


STANDINGS = {standing.name.lower(): int(standing) for standing in Standing}
RESULTS = {result.name.lower(): int(result) for result in Result}


_HEADER = np.dtype([("dimensions", ">i4"), ("has_null", ">i4"), ("type", ">i4"), ("length", ">i4"), ("first", ">i4")])
_ELEMENT = np.dtype([("size", ">i4"), ("value", ">i8")])


def _array(raw: bytes | None) -> Ints:
    """Return the numbers of a one-dimensional array of 8-byte elements in PostgreSQL's binary form."""
    if raw is None:  # no row
        return np.zeros(0, np.int64)
    if np.frombuffer(raw, _HEADER, count=1)["has_null"][0]:
        raise ValueError("a column of facts was NULL")
    return np.frombuffer(raw, _ELEMENT, offset=_HEADER.itemsize)["value"].astype(np.int64)


def _numbers(con: Connection, columns: Sequence[str], rest: str, values: dict[str, Any]) -> list[Ints]:
    """Return columns of 8-byte numbers, none NULL, as arrays.

    One row of arrays in binary form: four times as quick as COPY, which hands Python every row on its own.
    """
    driver = cast("psycopg.Connection[Any]", con.connection.driver_connection)
    with driver.cursor(binary=True) as cursor:
        cursor.execute(f"SELECT {', '.join(f'array_agg({column})' for column in columns)} {rest}", values)
        assert cursor.pgresult is not None  # noqa: S101 - a SELECT has a result
        return [_array(cursor.pgresult.get_value(0, i)) for i in range(len(columns))]


_DAY = "({} - date '1970-01-01')::bigint"
_LOCAL = "({} AT TIME ZONE %(tz)s::text)::date"


def _spells(con: Connection, scope: Scope, values: dict[str, Any]) -> Spells:
    columns = [
        "household_id",
        "in_grid_id",
        f"CASE WHEN withdrawn_at < %(end)s THEN {int(Standing.OCCUPIED)} ELSE {_codes('standing', STANDINGS)} END",
        _DAY.format("valid_from"),
        f"coalesce({_DAY.format('valid_to')}, {NO_DAY})",
    ]
    known = "AND recorded_at < %(end)s AND valid_from <= %(on)s"
    return Spells(*_numbers(con, columns, f"FROM household_spell WHERE {scope.where} {known}", values))


def _tags(con: Connection, scope: Scope, values: dict[str, Any]) -> Tags:
    known = "AND recorded_at < %(end)s AND valid_from <= %(on)s AND (valid_to IS NULL OR valid_to > %(on)s)"
    listed = "AND group_code = ANY(%(groups)s)"
    columns = ["household_id", _codes("group_code", BIT)]
    return Tags(
        *_numbers(con, columns, f"FROM group_tag WHERE {scope.where} {known} {listed}", values | {"groups": list(BIT)})
    )


def _visits(con: Connection, scope: Scope, values: dict[str, Any]) -> Visits:
    columns = [
        "household_id",
        "visited_at",
        _DAY.format(_LOCAL.format("visited_at")),
        _codes("mode", MODE_BIT),
        _codes("result", RESULTS),
    ]
    known = "AND recorded_at < %(end)s AND visited_at < %(end)s AND (withdrawn_at IS NULL OR withdrawn_at >= %(end)s)"
    return Visits(*_numbers(con, columns, f"FROM visit WHERE {scope.where} {known}", values))


def rules(con: Connection, community_id: int, on: date) -> tuple[Rule, ...]:
    """Return the visit rules that are valid on a day."""
    rows = con.execute(
        text(
            "SELECT group_code, period_days, soon_days, modes, source FROM visit_rule WHERE community_id = :c"
            " AND valid_from <= :on AND (valid_to IS NULL OR valid_to > :on) ORDER BY group_code"
        ),
        {"c": community_id, "on": on},
    )
    return tuple(Rule(r.group_code, r.period_days, r.soon_days, tuple(r.modes), r.source) for r in rows)


def facts(con: Connection, scope: Scope, *, on: date, end: datetime, timezone: str) -> Facts:
    """Return what was known of some households at ``end``, the end of the local day ``on``."""
    values = scope.values | {"on": on, "end": end, "tz": timezone}
    return Facts(
        _spells(con, scope, values),
        _tags(con, scope, values),
        _visits(con, scope, values),
        rules(con, scope.community_id, on),
    )


def open_needs(con: Connection, scope: Scope, *, end: datetime) -> Ints:
    """Return the household of each need that was open, and known, at a moment."""
    known = "AND recorded_at < %(end)s AND raised_at < %(end)s AND (closed_at IS NULL OR closed_at >= %(end)s)"
    return _numbers(con, ["household_id"], f"FROM need WHERE {scope.where} {known}", scope.values | {"end": end})[0]


_STANDING_NAMES = np.array([standing.name.lower() for standing in Standing])

_KEEP = text("""
UPDATE household AS h SET
  standing = d.standing, standing_reason = d.reason, group_bits = d.group_bits, period_days = d.period_days,
  mode_bits = d.mode_bits, last_effective_on = d.last_effective_on, last_try_on = d.last_try_on, tries = d.tries,
  due_on = d.due_on, overdue_on = d.overdue_on,
  state_fresh = d.state_fresh, state_due = d.state_due, state_late = d.state_late
FROM (
  SELECT d.*, s.reason FROM unnest(
    CAST(:household_id AS bigint[]), CAST(:standing AS text[]), CAST(:group_bits AS bigint[]),
    CAST(:period_days AS smallint[]), CAST(:mode_bits AS smallint[]), CAST(:last_effective_on AS date[]),
    CAST(:last_try_on AS date[]), CAST(:tries AS smallint[]), CAST(:due_on AS date[]), CAST(:overdue_on AS date[]),
    CAST(:state_fresh AS smallint[]), CAST(:state_due AS smallint[]), CAST(:state_late AS smallint[])
  ) AS d (household_id, standing, group_bits, period_days, mode_bits, last_effective_on, last_try_on, tries,
          due_on, overdue_on, state_fresh, state_due, state_late)
  LEFT JOIN household_spell AS s ON s.community_id = :c AND s.household_id = d.household_id
    AND s.standing = d.standing AND s.valid_from <= :on AND (s.valid_to IS NULL OR s.valid_to > :on)
) AS d
WHERE h.community_id = :c AND h.id = d.household_id
  AND (h.standing, h.standing_reason, h.group_bits, h.period_days, h.mode_bits, h.last_effective_on, h.last_try_on,
       h.tries, h.due_on, h.overdue_on, h.state_fresh, h.state_due, h.state_late)
    IS DISTINCT FROM
      (d.standing, d.reason, d.group_bits, d.period_days, d.mode_bits, d.last_effective_on, d.last_try_on,
       d.tries, d.due_on, d.overdue_on, d.state_fresh, d.state_due, d.state_late)
""")
_DATES = ("last_effective_on", "last_try_on", "due_on", "overdue_on")


def keep(con: Connection, community_id: int, decisions: Decisions, *, on: date) -> int:
    """Write decisions of ``on`` to their households; return how many differed from what was there."""
    values: dict[str, Any] = {
        name: getattr(decisions, name).tolist() for name in _KEEP.compile().params if hasattr(decisions, name)
    }
    values |= {name: [day_of(number) for number in values[name]] for name in _DATES}
    values["standing"] = _STANDING_NAMES[decisions.standing].tolist()
    return int(con.execute(_KEEP, values | {"c": community_id, "on": on}).rowcount)


def mark_decided(con: Connection, community_id: int, *, on: date, changed: int) -> None:
    """Say of which day the decisions are; a changed state makes older tiles stale."""
    con.execute(
        text(
            "UPDATE community SET decided_on = greatest(decided_on, CAST(:on AS date)),"
            " map_version = map_version + CAST(:stale AS int) WHERE id = :c"
        ),
        {"c": community_id, "on": on, "stale": int(changed > 0)},
    )


def households_changed_between(
    con: Connection, community_id: int, *, after: date, until: date, known_at: datetime
) -> list[int] | None:
    """Return the households about whom something else holds, or is known, on ``until`` than on ``after``.

    Their spell or tag begins or ends in ``(after, until]``, or a fact was recorded since ``known_at``, the end of
    ``after``. None = all: a rule begins or ends.
    """
    values = {"c": community_id, "after": after, "until": until, "known_at": known_at}
    begins_or_ends = "(valid_from > :after AND valid_from <= :until) OR (valid_to > :after AND valid_to <= :until)"
    if con.execute(
        text(f"SELECT EXISTS (SELECT FROM visit_rule WHERE community_id = :c AND ({begins_or_ends}))"), values
    ).scalar_one():
        return None
    changed = [
        f"SELECT household_id FROM {table} WHERE community_id = :c AND ({condition})"
        for table, condition in [
            ("household_spell", f"recorded_at >= :known_at OR {begins_or_ends}"),
            ("group_tag", f"recorded_at >= :known_at OR {begins_or_ends}"),
            ("visit", "recorded_at >= :known_at"),
            ("visit", "withdrawn_at >= :known_at"),
        ]
    ]
    found = con.execute(text(" UNION ".join(changed)), values)
    return list(found.scalars())


def grids_of(con: Connection, community_id: int, household_ids: Sequence[int]) -> list[int]:
    """Return the grids in which some households are today."""
    found = con.execute(
        text(
            "SELECT DISTINCT grid_id FROM household"
            " WHERE community_id = :c AND id IN (SELECT unnest(CAST(:ids AS bigint[])))"
        ),
        {"c": community_id, "ids": list(household_ids)},
    )
    return list(found.scalars())


def households_in(con: Connection, community_id: int, grid_ids: Sequence[int] | None, *, on: date) -> list[int]:
    """Return the households that were in some grids (None = all) on a day."""
    found = con.execute(
        text(
            "SELECT household_id FROM household_spell WHERE community_id = :c"
            " AND (CAST(:all AS boolean) OR in_grid_id = ANY(:grids))"
            " AND valid_from <= :on AND (valid_to IS NULL OR valid_to > :on)"
        ),
        {"c": community_id, "all": grid_ids is None, "grids": list(grid_ids or ()), "on": on},
    )
    return list(found.scalars())


def without_spell(con: Connection, community_id: int, *, on: date) -> int:
    """Count the households that no spell describes on a day: there must be none."""
    return int(
        con.execute(
            text(
                "SELECT count(*) FROM household AS h WHERE h.community_id = :c AND NOT EXISTS (SELECT FROM"
                " household_spell AS s WHERE s.community_id = :c AND s.household_id = h.id AND s.valid_from <= :on"
                " AND (s.valid_to IS NULL OR s.valid_to > :on))"
            ),
            {"c": community_id, "on": on},
        ).scalar_one()
    )
