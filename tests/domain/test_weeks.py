"""A week worked by hand: what the rows of a day come to."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from gridmap.domain.plans import PlanRow, StopKind, StopState
from gridmap.domain.weeks import Standing, WeekDay, days_of, weekday
from gridmap.domain.worklist import Urgency

ON = date(2026, 11, 25)
HOUR_S = 3600
START = PlanRow(StopKind.START, 1, None, None, None, 9 * HOUR_S, 9 * HOUR_S, 9 * HOUR_S)
DOOR = PlanRow(StopKind.DOOR, 1, 7, None, 71, 33_000, 33_060, 33_600, walk_m=120, urgency=Urgency.MUST)
ERRAND = PlanRow(StopKind.ERRAND, 1, None, 31, None, 34_000, 34_000, 34_300, walk_m=40)
LAST = replace(DOOR, household_id=8, arrive_s=35_000, start_s=35_030, leave_s=35_400, urgency=Urgency.MAY, walk_m=0)
END = PlanRow(StopKind.END, 1, None, None, None, 36_000, 36_000, 36_000, walk_m=300)


@pytest.mark.parametrize("on", [date(2026, 11, 23), ON, date(2026, 11, 29)])
def test_a_week_begins_on_monday_and_has_seven_days(on: date) -> None:
    days = days_of(on)
    assert (days[0], days[-1], len(days)) == (date(2026, 11, 23), date(2026, 11, 29), 7)


def test_a_day_is_what_its_rows_come_to() -> None:
    done = replace(DOOR, state=StopState.DONE)
    day = weekday(ON, Standing.PLANNED, [START, done, ERRAND, LAST, END], plan_id=5, left_must=2)
    assert day == WeekDay(
        ON, Standing.PLANNED, 5, 2, 1, 1, 1, 9 * HOUR_S, 36_000, (7, 33_060), (8, 35_030), 460, 3600, 2
    )
    assert day.minutes == 60


def test_a_day_without_a_stop_is_off_and_one_with_errands_alone_is_not() -> None:
    assert weekday(ON, Standing.OUTLOOK, [START, END]) == WeekDay(ON, Standing.OFF)
    day = weekday(ON, Standing.OUTLOOK, [START, ERRAND, END])
    assert (day.standing, day.doors, day.errands, day.first) == (Standing.OUTLOOK, 0, 1, None)


def test_the_pause_between_two_walks_of_a_day_is_not_counted() -> None:
    evening = [replace(row, arrive_s=row.arrive_s + 36_000, start_s=row.start_s + 36_000, leave_s=row.leave_s + 36_000)
               for row in (START, LAST, END)]  # fmt: skip
    day = weekday(ON, Standing.OUTLOOK, [START, DOOR, END, *evening])
    assert (day.minutes, day.begin_s, day.end_s) == (120, 9 * HOUR_S, 72_000)
