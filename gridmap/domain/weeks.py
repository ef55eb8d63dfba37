"""A worker's week: what was walked, what is planned, and what the days still to come look like from here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from gridmap.domain.plans import LeftOut, PlanRow, StopKind, StopState
from gridmap.domain.worklist import Urgency

DAYS = 7


class Standing(StrEnum):
    """What is known of a day of the week."""

    OVER = "over"  # past: what its last plan came to
    PLANNED = "planned"  # the plan that stands
    OUTLOOK = "outlook"  # how it looks from here; planned anew in its morning
    OFF = "off"  # nobody walks, or nothing calls for it


@dataclass(frozen=True)
class WeekDay:
    """One day of a week.

    Attributes
    ----------
    plan_id : 0 where none is kept
    doors, done, must, errands : stops of the day
    begin_s, end_s : seconds of the local day from setting out to being back; equal when nobody walks
    first, last : household and second of the day of the first and of the last door; None without doors
    walk_m : metres on the streets
    out_s : seconds on the way, without the pause between two walks of a day
    left_must : doors that must be visited and are not in the plan that is kept; 0 for an outlook, see ``Week.left``
    """

    on: date
    standing: Standing
    plan_id: int = 0
    doors: int = 0
    done: int = 0
    must: int = 0
    errands: int = 0
    begin_s: int = 0
    end_s: int = 0
    first: tuple[int, int] | None = None
    last: tuple[int, int] | None = None
    walk_m: int = 0
    out_s: int = 0
    left_must: int = 0

    @property
    def minutes(self) -> int:
        """Return how long the walks of the day take."""
        return round(self.out_s / 60)


@dataclass(frozen=True)
class Week:
    """One worker's week from Monday to Sunday.

    Attributes
    ----------
    addresses : of the first and last doors, by household
    left : doors that must be visited in the days to come and find no room in them, with what would bring them in
    """

    worker_id: int
    worker_name: str
    grids: tuple[tuple[int, str, str], ...]  # id, code, name
    days: tuple[WeekDay, ...]
    addresses: dict[int, str]
    left: tuple[LeftOut, ...]


def days_of(on: date) -> tuple[date, ...]:
    """Return the days of the week a date is in, Monday first."""
    monday = on - timedelta(days=on.weekday())
    return tuple(monday + timedelta(days=i) for i in range(DAYS))


def weekday(on: date, standing: Standing, rows: Sequence[PlanRow], *, plan_id: int = 0, left_must: int = 0) -> WeekDay:
    """Return what a day's rows come to; a day without any stop is off."""
    doors = [row for row in rows if row.kind is StopKind.DOOR and row.household_id is not None]
    errands = sum(row.kind is StopKind.ERRAND for row in rows)
    if not doors and not errands:
        return WeekDay(on, Standing.OFF, plan_id, left_must=left_must)
    ends = [(row.household_id or 0, row.start_s) for row in doors]
    return WeekDay(
        on,
        standing,
        plan_id,
        len(doors),
        sum(row.state is StopState.DONE for row in doors),
        sum(row.urgency is Urgency.MUST for row in doors),
        errands,
        min(row.arrive_s for row in rows),
        max(row.leave_s for row in rows),
        ends[0] if ends else None,
        ends[-1] if ends else None,
        sum(row.walk_m for row in rows),
        _out_s(rows),
        left_must,
    )


def _out_s(rows: Sequence[PlanRow]) -> int:
    """Return the seconds of all walks of a day; each begins with a start and lasts until its last row."""
    begins = [i for i, row in enumerate(rows) if row.kind is StopKind.START]
    walks = [rows[a:b] for a, b in zip(begins, [*begins[1:], len(rows)], strict=True)]
    return sum(walk[-1].leave_s - walk[0].arrive_s for walk in walks)
