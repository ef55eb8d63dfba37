"""Reasons of stops left out: each is true, and its witness proves it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
from route_days import invented, invented_day

from gridmap.domain.routes import DAY_S, UNREACHABLE, Broken, Condition, Problem, Shift, check, costs_s, explain, solve
from gridmap.domain.routes.problem import Omission, Solved


def line(closes_s: int, windows: dict[int, list[list[int]]] | None = None) -> Problem:
    """Return five places along a street, 100 s apart, 50 s at each, worth 10 i; the walk ends where it likes."""
    at = np.arange(5)
    spans = [(windows or {}).get(i, []) for i in range(5)]
    return Problem(
        travel_s=np.abs(at[:, None] - at[None]) * 100,
        service_s=np.array([0, 50, 50, 50, 50]),
        weight=10 * at[:, None],
        band_until_s=np.array([DAY_S]),
        windows_at=np.concatenate([[0], np.cumsum([len(s) for s in spans])]),
        windows_s=np.array([w for s in spans for w in s], dtype=np.int64).reshape(-1, 2),
        required=np.zeros(5, dtype=np.bool_),
        allowed=np.ones((5, 1), dtype=np.bool_),
        shifts=(Shift(0, -1, 0, closes_s),),
    )


def plan_of(problem: Problem, *routes: tuple[int, ...]) -> Solved:
    """Return a given plan as if it had been solved."""
    told = check(problem, routes)
    return Solved(
        routes=routes, objective=told.objective, travel_s=told.travel_s, bound=told.objective, choice_optimal=False,
        order_optimal=(False,) * len(routes), missed_required=(), seed=1, iterations=0,
    )  # fmt: skip


def only(problem: Problem, plan: Solved, place: int) -> Omission:
    (omission,) = explain(problem, plan, places=[place])
    return omission


def holds_under_its_condition(problem: Problem, plan: Solved, told: Omission) -> None:
    """Assert that the checker accepts the witness, that it is the plan with the place in, and that it is needed."""
    if told.condition in {Condition.NO_WAY, Condition.NO_TIME}:
        assert told.relaxed is None
        assert told.witness is None
        return
    assert told.relaxed is not None
    assert told.witness is not None
    check(told.relaxed, told.witness)
    planned = {p for route in plan.routes for p in route}
    there = {p for route in told.witness for p in route}
    if told.condition is Condition.WITHOUT:
        assert told.place in there
        if told.values["place"] >= 0:
            assert there == planned - {told.values["place"]} | {told.place}
        assert not told.relaxed.allowed[list(planned - there)].any()
        return
    assert there == planned | {told.place}
    if told.values.get("minutes", 0) or told.condition is not Condition.MINUTES:
        try:
            check(problem, told.witness)
        except Broken:
            pass
        else:
            raise AssertionError("the witness holds without the condition")
    if minutes := told.values.get("minutes", 0):
        r = told.values["shift"]
        shifts = list(told.relaxed.shifts)
        shifts[r] = replace(shifts[r], closes_s=shifts[r].closes_s - 60)
        assert shifts[r].closes_s == problem.shifts[r].closes_s + 60 * (minutes - 1)
        try:
            check(replace(told.relaxed, shifts=tuple(shifts)), told.witness)
        except Broken:
            pass
        else:
            raise AssertionError("a minute less would do")


def test_a_little_more_time_is_told_in_whole_minutes() -> None:
    day = line(450)
    told = only(day, plan_of(day, (1, 2, 3)), 4)  # ends at 450; the fourth would end at 600
    assert (told.condition, told.values) == (Condition.MINUTES, {"minutes": 3, "shift": 0})
    holds_under_its_condition(day, plan_of(day, (1, 2, 3)), told)


def test_changing_the_order_can_save_minutes() -> None:
    day = line(450)
    told = only(day, plan_of(day, (2, 1)), 3)  # put in anywhere: 500 or more; in a better order 450
    assert (told.condition, told.values, told.witness) == (Condition.MINUTES, {"minutes": 0, "shift": 0}, ((1, 2, 3),))


def test_a_promise_in_the_way_is_named() -> None:
    day = replace(line(6_000, {1: [[100, 100]], 2: [[200, 200]]}), required=np.arange(5) == 1)
    told = only(day, plan_of(day, (1,)), 2)  # both want to be first
    assert (told.condition, told.values) == (Condition.MOVED, {"place": 1})
    holds_under_its_condition(day, plan_of(day, (1,)), told)


def test_own_hours_in_the_way_are_named() -> None:
    day = line(600, {4: [[0, 400]], 1: [[100, 100]], 2: [[250, 250]], 3: [[400, 400]]})
    told = only(day, plan_of(day, (1, 2, 3)), 4)
    assert (told.condition, told.values) == (Condition.WINDOW, {})
    holds_under_its_condition(day, plan_of(day, (1, 2, 3)), told)


def test_another_stop_in_the_way_is_named() -> None:
    day = replace(line(10_000), service_s=np.array([0, 9_000, 100, 9_000, 9_000]))
    day = replace(day, shifts=(Shift(0, -1, 0, 9_500),))
    told = only(day, plan_of(day, (2, 1)), 3)
    assert (told.condition, told.values) == (Condition.WITHOUT, {"place": 1})
    holds_under_its_condition(day, plan_of(day, (2, 1)), told)


def test_no_way_and_no_time_are_told_plainly() -> None:
    day = line(450, {4: [[80_000, 81_000]]})
    travel = day.travel_s.copy()
    travel[:3, 3] = travel[4, 3] = UNREACHABLE
    day = replace(day, travel_s=travel)
    plan = plan_of(day, (1, 2))
    assert [o.condition for o in explain(day, plan)] == [Condition.NO_WAY, Condition.NO_TIME]


def test_every_reason_of_every_day_is_true(nightly: bool) -> None:
    seen: Counter[str] = Counter()
    for seed in range(1_000 if nightly else 50):
        day = invented_day(seed, 120 if seed % 5 == 0 else 60)
        plan = solve(day, seed=1, iterations=300)
        told = explain(day, plan)
        planned = {p for route in plan.routes for p in route}
        assert [o.place for o in told] == [p for p in range(1, len(day.service_s)) if p not in planned]
        for omission in told:
            holds_under_its_condition(day, plan, omission)
            seen[omission.condition] += 1
    assert seen[Condition.MINUTES] > 100
    assert {Condition.MOVED, Condition.WINDOW, Condition.WITHOUT} <= seen.keys()


def test_what_is_said_to_be_impossible_is_in_no_plan() -> None:
    said = 0
    for seed in range(60):
        day = invented(seed, 5, uneven=seed % 2 == 0)
        for omission in explain(day, solve(day, seed=1, iterations=100)):
            holds_under_its_condition(day, solve(day, seed=1, iterations=100), omission)
            if omission.condition is Condition.NO_TIME:
                said += 1
                alone = replace(day, required=np.arange(7) == omission.place)
                assert solve(alone, seed=1, iterations=300).missed_required == (omission.place,)
    assert said > 0


def test_what_a_stop_costs_is_what_leaving_it_out_saves() -> None:
    day = line(10_000)
    plan = plan_of(day, (1, 3, 2))
    assert costs_s(day, plan) == {1: 50, 3: 250, 2: 150}
