"""Better hours for a walk: which are tried, which are offered, and what may never be lost for them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmap.domain import composing, hours
from gridmap.domain.answering import BANDS
from gridmap.domain.composing import Candidate, Composed, Span, Walk
from gridmap.domain.hours import Found, Walked
from gridmap.domain.walking import Floats
from gridmap.domain.working import WorkSetting
from gridmap.domain.worklist import Errand, Reason, Task, Urgency

HOUR = 3600
NINE, NOON, EVENING = 9 * HOUR, 12 * HOUR, 17 * HOUR
QUIET = (9 * HOUR, 20 * HOUR + 1800)
SETTING = WorkSetting()
WALK = Walk(1, frozenset({1}), 0, 0, 0, NINE, NOON)
LEVEL = np.array([[0.0, 60], [60, 0]])
# Nobody opens by day, nearly everybody from 17:00 on.
LATE = tuple(90 if until > EVENING else 20 for until in BANDS)


def task(household_id: int, **changes: object) -> Task:
    usual = Task(
        household_id,
        grid_id=1,
        building_id=1,
        entrance_id=1,
        floor=1,
        room=str(household_id),
        urgency=Urgency.SHOULD,
        weight=100,
        chance=LATE,
        windows=(QUIET,),
        service_s=480,
        knock_s=120,
        pinned=None,
        purposes=("routine",),
        materials=(),
        reasons=(Reason("overdue", {"days": 3}),),
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def level(_: Span) -> Floats:
    return LEVEL


def problem(*tasks: Task, errands: tuple[Errand, ...] = (), walk: Walk = WALK) -> tuple[Composed, dict[int, Task]]:
    doors: list[Candidate] = [composing.door(t, [walk], spot=1, has_lift=False) for t in tasks]
    doors += [composing.errand(one, spot=1) for one in errands]
    return composing.compose(doors, [walk], LEVEL, setting=SETTING), {t.household_id: t for t in tasks}


def chosen(*tasks: Task, errands: tuple[Errand, ...] = (), known_s: int = NINE, since_s: int = 0) -> Found:
    made, by_id = problem(*tasks, errands=errands)
    return hours.choose(made, by_id, level, setting=SETTING, known_s=known_s, since_s=since_s)


MANY = tuple(task(i) for i in range(1, 41))


def test_starts_leave_the_quiet_hours_alone_and_the_past() -> None:
    found = hours.starts(3 * HOUR, setting=SETTING)
    assert found[0] == NINE
    assert found[-1] + 3 * HOUR == 20 * HOUR + 1800
    assert {b - a for a, b in pairwise(found)} == {1800}
    assert hours.starts(3 * HOUR, setting=SETTING, since_s=16 * HOUR + 1)[0] == 16 * HOUR + 1800
    assert hours.starts(12 * HOUR, setting=SETTING) == ()


@given(st.integers(0, 1438), st.integers(1, 1440), st.integers(60, 12 * HOUR), st.integers(0, 24 * HOUR))
def test_no_start_is_ever_tried_in_quiet_hours_or_the_past(until: int, length: int, length_s: int, since: int) -> None:
    setting = replace(SETTING, quiet_until_min=until, quiet_from_min=min(until + length, 1440))
    for begin in hours.starts(length_s, setting=setting, since_s=since):
        assert max(60 * until, since) <= begin
        assert begin + length_s <= 60 * setting.quiet_from_min


def test_the_evening_is_offered_where_doors_open_in_the_evening() -> None:
    found = chosen(*MANY)
    assert found.best is not None
    assert found.best.opens_s >= EVENING
    assert found.best.met > found.now.met
    assert found.more == round((found.best.met - found.now.met) / 100) >= 2
    assert found.now.met == max(found.now.met, 0)
    assert all(one.closes_s - one.opens_s == 3 * HOUR for one in found.tried)


def test_what_is_expected_is_the_sum_of_the_chances_of_the_doors_that_fit() -> None:
    found = chosen(*MANY)
    # 60 s of way at both ends; at 90 % a knock takes 0.9 * 480 + 0.1 * 120 = 444 s: (10800 - 120) / 444 = 24 doors
    assert found.best is not None
    assert found.best.met == 24 * 90
    # at 20 % a knock takes 192 s: all 40 doors
    assert found.now.met == 40 * 20


def test_nothing_is_offered_where_every_hour_is_alike() -> None:
    assert chosen(*(task(i, chance=(50,) * len(BANDS)) for i in range(1, 41))).best is None


def test_nothing_is_offered_for_less_than_two_doors() -> None:
    assert chosen(task(1), task(2)).best is None  # 0.4 doors now, 1.8 in the evening
    assert chosen(task(1), task(2), task(3)).more == 2  # 0.6 and 2.7


def test_a_promise_is_never_lost() -> None:
    morning = task(99, urgency=Urgency.MUST, pinned=7, windows=((10 * HOUR, 10 * HOUR + 1800),))
    found = chosen(*MANY, morning)
    assert found.best is None
    assert any(one.met > found.now.met for one in found.tried)
    evening = replace(morning, windows=((18 * HOUR, 19 * HOUR),))
    assert chosen(*MANY, evening).best is not None


def test_who_must_be_visited_in_the_morning_keeps_the_walk_there() -> None:
    at_home = task(99, urgency=Urgency.MUST, weight=2_000, windows=((NINE, NOON),))
    assert chosen(*MANY, at_home).best is None
    assert chosen(*MANY, replace(at_home, urgency=Urgency.SHOULD, weight=100)).best is not None


def test_an_event_is_not_put_off_beyond_the_hours_it_has_left() -> None:
    event = task(
        99, urgency=Urgency.MUST, weight=4_000, reasons=(Reason("event", {"kind": "crisis", "hours_left": 5}),)
    )
    assert chosen(*MANY, event).best is None
    later = replace(event, reasons=(Reason("event", {"kind": "crisis", "hours_left": 20}),))
    assert chosen(*MANY, later).best is not None


def test_an_errand_of_the_morning_is_not_lost() -> None:
    errand = Errand(5, 1, "facility", "售水机", None, 3, 0.0, 0.0, 600, ((NINE, 11 * HOUR),))
    assert chosen(*MANY, errands=(errand,)).best is None
    assert chosen(*MANY, errands=(replace(errand, windows=()),)).best is not None


def test_none_is_tried_before_now() -> None:
    found = chosen(*MANY, since_s=17 * HOUR + 60)
    assert {one.opens_s for one in found.tried} == {17 * HOUR + 1800}


def test_the_present_hours_are_counted_no_worse_than_the_plan_there_is() -> None:
    made, by_id = problem(*(task(i, chance=tuple(range(30, 30 + len(BANDS)))) for i in range(1, 61)))
    start = list(range(made.first, made.first + 20))
    bare = hours.choose(made, by_id, level, setting=SETTING, known_s=NINE, turns=0)
    warm = hours.choose(made, by_id, level, setting=SETTING, known_s=NINE, turns=0, start=start)
    assert warm.now.worth >= sum(made.problem.weight[start, 2])
    assert warm.now.worth >= bare.now.worth or warm.now.met > 0


def test_the_same_question_has_the_same_answer() -> None:
    assert chosen(*MANY) == chosen(*MANY)


@pytest.mark.parametrize(
    ("changes", "offered"),
    [
        ({}, True),
        ({"met": 1_149}, False),
        ({"worth": 99}, False),
        ({"owed": frozenset()}, False),
        ({"owed": frozenset({1, 2})}, True),
    ],
)
def test_what_is_offered_by_hand(changes: dict[str, object], offered: bool) -> None:
    now = Walked(NINE, NOON, 1_000, 100, frozenset({1}))
    other = replace(Walked(EVENING, EVENING + 3 * HOUR, 1_150, 100, frozenset({1})), **changes)  # type: ignore[arg-type]
    assert hours.better(now, [other]) == (other if offered else None)


def test_of_equals_the_earliest_is_offered_and_ten_per_cent_are_asked_of_long_walks() -> None:
    now = Walked(NINE, NOON, 5_000, 100, frozenset())
    late, later = (Walked(at, at + 3 * HOUR, 5_600, 100, frozenset()) for at in (EVENING, EVENING + 1800))
    assert hours.better(now, [later, late]) == late
    assert hours.better(now, [replace(late, met=5_499)]) is None
