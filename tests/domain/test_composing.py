"""A day's work becomes a route problem: ways with stairs, worth by band, windows that restrict."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from gridmap.domain import composing, planning
from gridmap.domain.answering import BANDS
from gridmap.domain.composing import Candidate, Walk
from gridmap.domain.routes import UNREACHABLE, check, solve
from gridmap.domain.working import WorkSetting
from gridmap.domain.worklist import Errand, Reason, Task, Urgency

NINE, NOON, QUIET = 9 * 3600, 12 * 3600, (9 * 3600, 20 * 3600 + 1800)
SETTING = WorkSetting()
WALK = Walk(1, frozenset({1}), 0, 0, 0, NINE, NOON)
LEVEL = np.array([[0.0, 60, 90, np.inf], [60, 0, 40, np.inf], [90, 40, 0, np.inf], [np.inf, np.inf, np.inf, 0]])


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
        chance=(50,) * len(BANDS),
        windows=(QUIET,),
        service_s=480,
        knock_s=120,
        pinned=None,
        purposes=("routine",),
        materials=(),
        reasons=(Reason("overdue", {"days": 3}),),
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def door(household_id: int, spot: int = 1, *, lift: bool = False, walk: Walk = WALK, **changes: object) -> Candidate:
    return composing.door(task(household_id, **changes), [walk], spot=spot, has_lift=lift)


def test_the_way_between_two_doors_goes_down_along_and_up() -> None:
    made = composing.compose(
        [door(1, 1, floor=3), door(2, 1, floor=5), door(3, 2, floor=20, lift=True)], [WALK], LEVEL, setting=SETTING
    )
    travel, first = made.problem.travel_s, made.first
    assert travel[0, first] == 60 + 2 * 16
    assert travel[first, first + 1] == 2 * 16
    assert travel[first + 1, first] == 2 * 12
    assert travel[first, first + 2] == 2 * 12 + 40 + round(25 + 19 * 2.5)
    assert made.vertical_s(first, first + 1) == 32
    assert made.vertical_s(first, first + 2) == 2 * 12 + round(25 + 19 * 2.5)
    assert made.vertical_s(0, first) == 32


def test_a_stairwell_is_entered_once() -> None:
    doors = [door(i, spot=1 + i % 2, floor=1 + i // 2) for i in range(10)]
    made = composing.compose(doors, [WALK], LEVEL, setting=SETTING)
    (route,) = solve(made.problem, seed=1, iterations=2_000).routes
    spots = [int(made.spot[place]) for place in route]
    changes = sum(a != b for a, b in pairwise(spots))
    assert (len(route), changes) == (10, 1)


def test_worth_is_weight_times_chance_and_small_differences_of_chance_do_not_count() -> None:
    used = composing.shares_of([WALK])
    assert used.tolist() == pytest.approx([0, 1 / 3, 2 / 3, 0, 0, 0, 0, 0])  # from nine to ten, from ten to twelve
    chance, worth = composing.worth(100, (30, 44, 48, 54, 44, 60, 70, 40), used)
    assert set(chance) == {47}  # (44 + 2 * 48) / 3
    assert set(worth) == {4700}
    chance, worth = composing.worth(100, (30, 40, 60, 54, 44, 60, 70, 40), used)
    assert chance[1:3] == (40, 60)
    assert worth[1:3] == (4000, 6000)


def test_time_at_a_door_is_what_a_knock_takes_on_average_and_in_full_for_a_promise() -> None:
    assert door(1).service_s == 300
    assert door(1, chance=(100,) * len(BANDS)).service_s == 480
    assert door(1, chance=(0, 20, 80, 0, 0, 0, 0, 0)).service_s == 336  # 60 % over the walk: 0.6 * 480 + 0.4 * 120
    assert composing.shares_of([replace(WALK, closes_s=NINE)]).tolist() == [1 / len(BANDS)] * len(BANDS)
    promised = (Reason("promise", {"from_min": 600, "until_min": 630}),)
    kept = door(1, pinned=7, urgency=Urgency.MUST, reasons=promised, windows=((36_000, 37_800),))
    assert (kept.service_s, kept.required) == (480, True)


@pytest.mark.parametrize(
    ("windows", "kept", "may"),
    [
        ((QUIET,), (), True),  # open all the while and long after: no restriction
        (((NINE, NOON),), ((NINE, NOON),), True),  # a longer shift would run into its end
        (((10 * 3600, 11 * 3600), (11 * 3600, 12 * 3600)), ((10 * 3600, 12 * 3600),), True),
        (((15 * 3600, 16 * 3600),), ((15 * 3600, 16 * 3600),), False),
        ((), (), False),
    ],
)
def test_windows_restrict_only_where_they_end(
    windows: tuple[tuple[int, int], ...], kept: tuple[tuple[int, int], ...], *, may: bool
) -> None:
    made = composing.compose([door(1, windows=windows)], [WALK], LEVEL, setting=SETTING)
    assert made.problem.windows_s.tolist() == [list(span) for span in kept]
    assert bool(made.problem.allowed[made.first, 0]) is may


def test_an_entrance_no_street_leads_to_is_told_and_never_lost() -> None:
    made = composing.compose([door(1, 1), door(2, 3)], [WALK], LEVEL, setting=SETTING)
    assert made.problem.travel_s[0, made.first + 1] == UNREACHABLE
    told = planning.answer(made.problem, 1, 500)
    assert told.solved.routes == ((made.first,),)
    assert [(o.place, str(o.condition)) for o in told.omissions] == [(made.first + 1, "no_way")]


def test_two_workers_on_one_grid_never_have_the_same_door() -> None:
    walks = [WALK, replace(WALK, worker_id=2)]
    doors = [door(i, 1 + i % 2, floor=1 + i % 6) for i in range(60)]
    made = composing.compose(doors, walks, LEVEL, setting=SETTING)
    routes = solve(made.problem, seed=3, iterations=2_000).routes
    places = [place for route in routes for place in route]
    assert len(places) == len(set(places)) == 60
    assert all(routes)


def test_a_substitute_walks_two_grids_and_nobody_walks_a_third() -> None:
    substitute = replace(WALK, grid_ids=frozenset({1, 2}))
    doors = [door(1, 1), door(2, 2, grid_id=2, walk=substitute), door(3, 2, grid_id=3)]
    made = composing.compose(doors, [substitute], LEVEL, setting=SETTING)
    assert made.problem.allowed[made.first :, 0].tolist() == [True, True, False]


def test_a_week_puts_what_must_be_on_its_first_days() -> None:
    walks = [replace(WALK, day=d, closes_s=NINE + 1200) for d in range(5)]
    doors = [replace(door(i, 1), windows=None) for i in range(10)]
    doors[9] = replace(doors[9], days=frozenset({0, 1}))
    made = composing.compose(doors, walks, LEVEL, setting=SETTING)
    solved = solve(made.problem, seed=1, iterations=2_000)
    assert check(made.problem, solved.routes).objective == solved.objective
    day_of = {place: day for day, route in enumerate(solved.routes) for place in route}
    assert day_of[made.first + 9] in {0, 1}
    assert len(day_of) == 10


def test_an_agreed_joint_visit_is_required_and_a_machine_to_check_is_not() -> None:
    joint = Errand(1, 1, "joint", "联合入户", None, None, 0.0, 0.0, 1200, ((NINE, NINE + 3600),))
    machine = replace(joint, errand_id=2, kind="facility", windows=())
    assert composing.errand(joint, spot=1).required is True
    made = composing.compose(
        [composing.errand(joint, spot=1), composing.errand(machine, spot=2)], [WALK], LEVEL, setting=SETTING
    )
    assert made.problem.required.tolist() == [False, False, True, False]
    assert made.vertical_s(made.first, made.first + 1) == 0


def test_the_same_input_has_the_same_hash_and_another_seed_another() -> None:
    made = composing.compose([door(1)], [WALK], LEVEL, setting=SETTING)
    again = composing.compose([door(1)], [WALK], LEVEL, setting=SETTING)
    ids = [(1, 0)]
    assert planning.input_hash(made.problem, ids, 1, 10) == planning.input_hash(again.problem, ids, 1, 10)
    assert planning.input_hash(made.problem, ids, 1, 10) != planning.input_hash(made.problem, ids, 2, 10)


def test_six_hundred_doors_are_planned_within_their_hours() -> None:
    rng = np.random.default_rng(5)
    xy = rng.uniform(0, 600, (61, 2))
    level = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1)) / 1.2
    doors = [
        door(i, 1 + i % 60, floor=1 + i // 60, lift=i % 60 > 40, weight=int(rng.integers(1, 1900))) for i in range(600)
    ]
    made = composing.compose(doors, [WALK], level, setting=SETTING)
    told = planning.answer(made.problem, 1, 1_000)
    assert len(told.solved.routes[0]) > 20
    assert len(told.solved.routes[0]) + len(told.omissions) == 600
    assert told.timetable.leave_s[0][-1] <= NOON
