"""Choice and order of stops: worked by hand, against trying everything, and by the independent checker."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from route_days import HOUR, best_of_all, invented, invented_day

from gridmap.domain.routes import DAY_S, UNREACHABLE, Broken, Problem, Shift, Solved, check, solve

TESTS = Path(__file__).resolve().parent.parent


def line(*, closes_s: int = 10_000, end: int = 0, windows: dict[int, list[list[int]]] | None = None) -> Problem:
    """Five places along a street, 100 s apart, 50 s at each; place i is worth 10 i."""
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
        shifts=(Shift(0, end, 0, closes_s),),
    )


def solved(problem: Problem, iterations: int = 300) -> Solved:
    return solve(problem, seed=1, iterations=iterations)


def test_with_time_enough_everybody_is_visited_and_that_is_proven() -> None:
    plan = solved(line())
    assert (sorted(plan.routes[0]), plan.objective, plan.travel_s) == ([1, 2, 3, 4], 100, 800)
    assert (plan.bound, plan.choice_optimal, plan.order_optimal) == (100, True, (True,))


def test_with_time_for_the_far_end_only_the_worthier_stops_on_the_way_are_made() -> None:
    plan = solved(line(closes_s=900))  # 800 s there and back, and two stops
    assert (sorted(plan.routes[0]), plan.objective) == ([3, 4], 70)
    assert plan.bound >= 70


def test_an_open_end_saves_the_way_home() -> None:
    plan = solved(line(closes_s=600, end=-1))
    assert (plan.routes[0], plan.objective, plan.travel_s) == ((1, 2, 3, 4), 100, 400)


def test_a_required_stop_comes_before_any_worth() -> None:
    day = line(closes_s=250)
    assert solved(day).routes == ((1,),)
    far = replace(
        day, required=np.arange(5) == 1, weight=np.array([[0], [0], [99], [0], [0]]), shifts=(Shift(0, 0, 0, 450),)
    )
    assert solved(far).routes == ((1,),)  # both would take 500 s


def test_a_required_stop_nobody_can_reach_is_told() -> None:
    day = line()
    travel = day.travel_s.copy()
    travel[:, 4] = travel[4, :] = UNREACHABLE
    plan = solved(replace(day, travel_s=travel, required=np.arange(5) == 4))
    assert (sorted(plan.routes[0]), plan.missed_required) == ([1, 2, 3], (4,))


def test_of_several_windows_the_first_that_is_open_is_waited_for() -> None:
    day = line(windows={2: [[0, 100], [500, 600]]}, end=-1)
    told = check(day, [(1, 2)])
    assert told.start_s[0].tolist() == [0, 100, 500]
    assert told.arrive_s[0].tolist() == [0, 100, 250]
    assert told.leave_s[0].tolist() == [0, 150, 550]


def test_worth_is_that_of_the_band_in_which_service_begins() -> None:
    day = replace(
        line(end=-1), weight=np.array([[0, 0], [1, 9], [1, 9], [0, 0], [0, 0]]), band_until_s=np.array([250, DAY_S])
    )
    assert check(day, [(1, 2)]).objective == 1 + 9  # at 100 and at 250
    assert check(day, [(2, 1)]).objective == 1 + 9  # at 200 and at 350
    assert solved(day).objective == 10


def test_nothing_to_do_is_a_plan() -> None:
    nothing = replace(line(), weight=np.zeros((5, 1), dtype=np.int64))
    plan = solved(nothing)
    assert (plan.routes, plan.objective, plan.bound, plan.choice_optimal) == (((),), 0, 0, True)
    assert check(nothing, plan.routes).stops[0].size == 0
    assert (
        solve(replace(nothing, shifts=(), allowed=np.ones((5, 0), dtype=np.bool_)), seed=1, iterations=5).routes == ()
    )


def test_search_equals_trying_everything(nightly: bool) -> None:
    for seed in range(400 if nightly else 40):
        day = invented(seed, 7 - seed % 3 // 2, bands=1 + seed % 3, uneven=seed % 2 == 1, shifts=1 + seed // 2 % 2)
        plan = solve(day, seed=1, iterations=2_000)
        best = best_of_all(day)
        assert (-len(plan.missed_required), plan.objective, -plan.travel_s) == best, seed
        told = check(day, plan.routes)
        assert (told.objective, told.travel_s) == (plan.objective, plan.travel_s)
        assert plan.bound >= plan.objective
        if not day.required.any():
            assert plan.bound >= best[1]


def test_same_seed_and_iterations_give_the_same_plan_in_another_process() -> None:
    program = (
        "from route_days import invented_day; from gridmap.domain.routes import solve;"
        "print(repr(solve(invented_day(5), seed=3, iterations=1500)))"
    )
    there = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=TESTS)
    assert there.stdout.strip() == repr(solve(invented_day(5), seed=3, iterations=1_500))
    assert solve(invented_day(5), seed=4, iterations=1_500) != solve(invented_day(5), seed=3, iterations=1_500)


def test_a_search_from_a_plan_is_never_worse_than_the_plan() -> None:
    day = invented_day(11)
    full = solve(day, seed=1, iterations=6_000)
    again = solve(day, seed=2, iterations=100, start=full.routes)
    assert again.objective >= full.objective
    assert len(again.missed_required) <= len(full.missed_required)


def test_stops_of_a_start_that_no_longer_hold_are_left_out() -> None:
    day = line(closes_s=450)
    plan = solve(day, seed=1, iterations=50, start=[(4, 1, 1)])
    assert check(day, plan.routes).objective == plan.objective == 20


def test_the_checker_finds_every_kind_of_fault() -> None:
    day = line(closes_s=450, windows={3: [[0, 10]]})
    cases = {
        "unknown": [(7,)], "twice": [(1, 1)], "hours": [(4,)], "window": [(3,)], "shifts": [(1,), (2,)],
    }  # fmt: skip
    for word, routes in cases.items():
        with pytest.raises(Broken, match=word):
            check(day, routes)
    with pytest.raises(Broken, match="allowed 1"):
        check(replace(day, allowed=np.zeros((5, 1), dtype=np.bool_)), [(1,)])
    travel = day.travel_s.copy()
    travel[0, 2] = UNREACHABLE
    with pytest.raises(Broken, match="way 2"):
        check(replace(day, travel_s=travel), [(2,)])
    needed = replace(day, required=np.arange(5) == 2)
    assert check(needed, [(1,)]).objective == 10
    with pytest.raises(Broken, match="required 2"):
        check(needed, [(1,)], all_required=True)


def test_the_checker_catches_plans_changed_behind_the_solvers_back() -> None:
    rng = np.random.default_rng(2)
    caught = held = 0
    for seed in range(10):
        day = invented_day(seed, 60)
        plan = solve(day, seed=1, iterations=500)
        for _ in range(20):
            routes = [list(route) for route in plan.routes]
            longest = max(routes, key=len)
            i, j = rng.integers(len(longest), size=2)
            if rng.random() < 0.5:
                longest[i], longest[j] = longest[j], longest[i]
            else:
                longest.insert(int(i), int(rng.integers(1, 61)))
            try:
                told = check(day, routes)
            except Broken:
                caught += 1
            else:
                held += 1
                known = [p for route in routes for p in route]
                assert len(set(known)) == len(known)
                assert all(t.size == 0 or t[-1] <= s.closes_s for t, s in zip(told.leave_s, day.shifts, strict=True))
    assert caught > 50
    assert held > 0


def test_days_hold_and_stay_under_their_bound(nightly: bool) -> None:
    for seed in range(200 if nightly else 12):
        day = invented_day(seed)
        plan = solve(day, seed=1, iterations=1_000)
        told = check(day, plan.routes)
        assert told.objective == plan.objective <= plan.bound
        assert all(s.opens_s >= 9 * HOUR for s in day.shifts)
