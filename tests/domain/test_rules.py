"""Dates and states worked by hand, at each boundary day; many doors at once against one door in plain Python."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmap.domain.coverage import Counts, State, total
from gridmap.domain.groups import BIT, GENERAL, GROUPS, RULE_DEFAULTS
from gridmap.domain.rules import (
    MODE_BIT,
    NO_DAY,
    Decisions,
    Facts,
    Result,
    Rule,
    Spells,
    Standing,
    Tags,
    Visits,
    day_number,
    day_of,
    decide,
    states,
    strictest,
)
from gridmap.domain.tallies import merged, tally

D0 = date(2026, 1, 1)
RULES = tuple(Rule(r.group_code, r.period_days, r.soon_days, r.modes, r.source) for r in RULE_DEFAULTS)


@dataclass(frozen=True)
class Visit:
    """A visit, ``day`` days after D0 at an hour."""

    day: int
    result: Result = Result.MET
    mode: str = "door"
    hour: int = 10


@dataclass(frozen=True)
class Home:
    """A household: spells (standing, from day, to day), groups, visits, grid."""

    spells: tuple[tuple[Standing, int, int], ...] = ((Standing.OCCUPIED, 0, NO_DAY),)
    groups: tuple[str, ...] = ()
    visits: tuple[Visit, ...] = field(default_factory=tuple)
    grid: int = 1


def ints(values: list[int]) -> np.ndarray:
    return np.array(values, np.int64)


def facts(homes: list[Home], on: int, rules: tuple[Rule, ...] = RULES) -> Facts:
    """Return what is known of homes 0, 1, 2 ... at the end of day ``on``."""
    begin = day_number(D0)
    spells = [
        (i, home.grid, standing, begin + start, end if end == NO_DAY else begin + end)
        for i, home in enumerate(homes)
        for standing, start, end in home.spells
        if start <= on
    ]
    tags = [(i, BIT[group]) for i, home in enumerate(homes) for group in home.groups]
    visits = [
        (i, ((begin + v.day) * 24 + v.hour) * 3_600_000_000, begin + v.day, MODE_BIT[v.mode], v.result)
        for i, home in enumerate(homes)
        for v in home.visits
        if v.day <= on
    ]

    def columns(rows: list[tuple[int, ...]], n: int) -> list[np.ndarray]:
        return [ints([row[k] for row in rows]) for k in range(n)]

    return Facts(Spells(*columns(spells, 5)), Tags(*columns(tags, 2)), Visits(*columns(visits, 5)), rules)


def day(number: int) -> date:
    return D0 + timedelta(days=number)


def decided(home: Home, on: int, rules: tuple[Rule, ...] = RULES) -> Decisions:
    return decide(facts([home], on, rules), day(on))


def state(home: Home, on: int) -> State:
    return State(int(states(decided(home, on), day(on))[0]))


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (10, State.COVERED),  # the day of the visit
        (85, State.COVERED),
        (86, State.DUE_SOON),  # 10 + 90 - 14
        (100, State.DUE_SOON),  # the last covered day
        (101, State.OVERDUE),
        (400, State.OVERDUE),
    ],
)
def test_a_visited_door_by_day(on: int, expected: State) -> None:
    home = Home(visits=(Visit(10),))
    assert state(home, on) == expected


def test_the_dates_are_those_of_the_definition() -> None:
    made = decided(Home(visits=(Visit(10),)), 50)
    assert (day_of(int(made.due_on[0])), day_of(int(made.overdue_on[0]))) == (day(86), day(101))
    assert (int(made.period_days[0]), day_of(int(made.last_effective_on[0]))) == (90, day(10))


@pytest.mark.parametrize(("on", "late"), [(90, False), (91, True)])
def test_a_door_never_visited_is_owed_a_visit_within_the_period_of_moving_in(on: int, late: bool) -> None:
    made = decided(Home(), on)
    assert state(Home(), on) == State.NEVER
    assert bool(made.overdue_on[0] <= day_number(day(on))) == late


@pytest.mark.parametrize(
    ("on", "expected"),
    [(20, State.COVERED), (90, State.DUE_SOON), (100, State.DUE_SOON), (101, State.NO_ANSWER), (300, State.NO_ANSWER)],
)
def test_knocks_in_vain_show_once_the_period_is_over(on: int, expected: State) -> None:
    home = Home(visits=(Visit(10), Visit(15, Result.NOBODY), Visit(16, Result.NOBODY)))
    assert state(home, on) == expected
    assert int(decided(home, on).tries[0]) == 2


def test_a_door_knocked_at_in_vain_and_never_met_shows_no_answer_at_once() -> None:
    home = Home(visits=(Visit(10, Result.NOBODY),))
    assert [state(home, on) for on in (9, 10, 90, 91)] == [State.NEVER, *[State.NO_ANSWER] * 3]
    assert day_of(int(decided(home, 20).overdue_on[0])) == day(91)


def test_an_effective_visit_ends_the_count_of_knocks_in_vain() -> None:
    home = Home(visits=(Visit(10, Result.NOBODY), Visit(11), Visit(11, Result.NOBODY, hour=9)))
    assert int(decided(home, 20).tries[0]) == 0


@pytest.mark.parametrize(
    ("mode", "groups", "effective"),
    [
        ("remote", (), True),
        ("remote", ("alone",), False),
        ("phone", ("alone",), True),
        ("door", ("high_risk",), True),
        ("remote", ("high_risk",), False),
    ],
)
def test_only_modes_of_the_winning_rule_count(mode: str, groups: tuple[str, ...], *, effective: bool) -> None:
    home = Home(groups=groups, visits=(Visit(10, mode=mode),))
    assert (state(home, 11) == State.COVERED) == effective


def test_the_strictest_rule_wins() -> None:
    everything = tuple(r.group_code for r in RULES if r.group_code != GENERAL)
    for groups, period in [((), 90), (("veteran",), 90), (("alone", "veteran"), 30), (everything, 7)]:
        assert int(decided(Home(groups=groups), 5).period_days[0]) == period
        rule = strictest(sum(BIT[g] for g in groups), RULES)
        assert rule is not None
        assert rule.period_days == period


def test_of_equal_periods_the_one_with_fewer_modes_wins() -> None:
    rule = strictest(BIT["veteran"], RULES)
    assert rule is not None
    assert rule.group_code == "veteran"  # 90 days as the general rule, but no remote contact
    assert state(Home(groups=("veteran",), visits=(Visit(10, mode="remote"),)), 11) == State.NEVER


def test_groups_of_other_authorities_set_no_rule() -> None:
    rules = (*RULES, Rule("petition", 1, 0, ("door",)))
    assert int(decided(Home(groups=("petition",)), 5, rules).period_days[0]) == 90


def test_without_any_rule_nothing_is_owed() -> None:
    made = decided(Home(), 500, ())
    assert (int(made.due_on[0]), int(made.overdue_on[0]), State(int(made.state_fresh[0]))) == (NO_DAY, NO_DAY, 0)


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        (Standing.REFUSED, State.REFUSED),
        (Standing.MOVED, State.MOVED),
        (Standing.VACANT, State.MOVED),
        (Standing.EXCLUDED, State.EXCLUDED),
    ],
)
def test_a_spell_outside_the_base_says_the_state(standing: Standing, expected: State) -> None:
    home = Home(spells=((Standing.OCCUPIED, 0, 30), (standing, 30, NO_DAY)), visits=(Visit(10),))
    assert [state(home, on) for on in (29, 30, 500)] == [State.COVERED, expected, expected]
    assert int(decided(home, 40).overdue_on[0]) == NO_DAY


def test_a_clear_refusal_stops_the_prompting_until_an_effective_visit() -> None:
    refused = Home(visits=(Visit(10), Visit(20, Result.REFUSED)))
    assert [state(refused, on) for on in (19, 20, 500)] == [State.COVERED, State.REFUSED, State.REFUSED]
    again = Home(visits=(*refused.visits, Visit(30)))
    assert [state(again, on) for on in (29, 30)] == [State.REFUSED, State.COVERED]


def test_a_family_that_is_willing_again_is_owed_visits_again() -> None:
    home = Home(
        spells=((Standing.OCCUPIED, 0, 20), (Standing.REFUSED, 20, 60), (Standing.OCCUPIED, 60, NO_DAY)),
        visits=(Visit(10), Visit(20, Result.REFUSED)),
    )
    assert [state(home, on) for on in (50, 60, 101)] == [State.REFUSED, State.COVERED, State.OVERDUE]


def test_visits_to_those_who_lived_here_before_do_not_count() -> None:
    home = Home(
        spells=((Standing.OCCUPIED, 0, 20), (Standing.MOVED, 20, 60), (Standing.OCCUPIED, 60, NO_DAY)),
        visits=(Visit(10), Visit(15, Result.NOBODY), Visit(16, Result.REFUSED)),
    )
    assert state(home, 70) == State.NEVER
    assert day_of(int(decided(home, 70).overdue_on[0])) == day(60 + 91)


def test_a_change_of_grid_does_not_set_the_clock_back() -> None:
    home = Home(spells=((Standing.OCCUPIED, 0, 50), (Standing.OCCUPIED, 50, NO_DAY)))
    assert day_of(int(decided(home, 60).overdue_on[0])) == day(91)


def test_a_household_without_a_spell_on_the_day_is_not_there() -> None:
    assert len(decided(Home(spells=((Standing.OCCUPIED, 0, 20),)), 20)) == 0
    assert len(decided(Home(spells=((Standing.OCCUPIED, 30, NO_DAY),)), 20)) == 0


# --- the same, written once more for a single door, in plain Python ----------------------------------------------


def plainly(home: Home, on: int) -> tuple[State, int | None, int]:
    """Return state, day overdue from, and tries of one home; an independent reading of the definition."""
    now = next((s for s in home.spells if s[0] is not None and s[1] <= on < s[2]), None)
    assert now is not None
    ended = [s for s in home.spells if s[2] <= on]
    residents = max([s[2] for s in ended if s[0] in (Standing.MOVED, Standing.VACANT)], default=-1)
    willing = max([s[2] for s in ended if s[0] in (Standing.MOVED, Standing.VACANT, Standing.REFUSED)], default=-1)
    since = max([s[2] for s in ended if s[0] is not Standing.OCCUPIED], default=home.spells[0][1])
    applying = [r for r in RULES if r.group_code == GENERAL or r.group_code in home.groups]
    rule = sorted(applying, key=lambda r: (r.period_days, len(r.modes), -r.soon_days))[0]
    visits = sorted((v for v in home.visits if residents <= v.day <= on), key=lambda v: (v.day, v.hour))
    met = [v for v in visits if v.result is Result.MET and v.mode in rule.modes]
    last = (met[-1].day, met[-1].hour) if met else (-9, 0)
    after = [v for v in visits if (v.day, v.hour) > last]
    tries = sum(v.result is Result.NOBODY for v in after)
    standing = now[0]
    if standing is Standing.OCCUPIED and any(v.result is Result.REFUSED and v.day >= willing for v in after):
        standing = Standing.REFUSED
    if standing is Standing.EXCLUDED:
        return State.EXCLUDED, None, tries
    if standing in (Standing.MOVED, Standing.VACANT):
        return State.MOVED, None, tries
    if standing is Standing.REFUSED:
        return State.REFUSED, None, tries
    overdue = (met[-1].day if met else since) + rule.period_days + 1
    if not met:
        return (State.NO_ANSWER if tries else State.NEVER), overdue, tries
    if on < overdue - 1 - rule.soon_days:
        return State.COVERED, overdue, tries
    if on < overdue:
        return State.DUE_SOON, overdue, tries
    return (State.NO_ANSWER if tries else State.OVERDUE), overdue, tries


@st.composite
def homes(draw: st.DrawFn) -> Home:
    cuts = sorted(draw(st.sets(st.integers(1, 250), max_size=3)))
    ends = [*cuts, NO_DAY]
    starts = [0, *cuts]
    spells = tuple((draw(st.sampled_from(Standing)), a, b) for a, b in zip(starts, ends, strict=True))
    visits = draw(
        st.lists(
            st.builds(
                Visit, st.integers(0, 300), st.sampled_from(Result), st.sampled_from(list(MODE_BIT)), st.integers(0, 15)
            ),
            max_size=6,
            unique_by=lambda v: (v.day, v.hour),
        )
    )
    groups = draw(st.sets(st.sampled_from([g.code for g in GROUPS if not g.restricted]), max_size=3))
    return Home(spells, tuple(groups), tuple(visits), draw(st.integers(1, 3)))


@given(st.lists(homes(), min_size=1, max_size=12), st.integers(0, 320))
def test_many_doors_at_once_are_as_each_door_alone(many: list[Home], on: int) -> None:
    made = decide(facts(many, on), day(on))
    found = states(made, day(on))
    for i, home in enumerate(many):
        expected, overdue, tries = plainly(home, on)
        assert State(int(found[i])) == expected
        assert day_of(int(made.overdue_on[i])) == (None if overdue is None else day(overdue))
        assert int(made.tries[i]) == tries


@given(st.lists(homes(), min_size=1, max_size=12), st.integers(0, 320))
def test_grids_and_states_add_up(many: list[Home], on: int) -> None:
    known = facts(many, on)
    made = decide(known, day(on))
    needs = ints([0, 0, len(many) - 1])
    counted = tally(made, known.visits, needs, day(on))
    whole = total(counts for (_, group), counts in counted.items() if group == "")
    one_grid = replace(made, grid_id=made.grid_id * 0)
    assert whole == tally(one_grid, known.visits, needs, day(on))[0, ""]
    assert (whole.households, whole.open_needs) == (len(many), 3)
    assert whole.households == sum(getattr(whole, f.name) for f in fields(Counts) if f.name.startswith("state_"))
    assert whole.base == whole.households - whole.state_refused - whole.state_moved - whole.state_excluded
    halves = [made.only(made.household_id % 2 == k) for k in (0, 1)]
    assert merged([tally(half, known.visits, needs, day(on)) for half in halves]) == counted


def unchanged_after(home: Home, on: int) -> Home:
    """Return the home as it would be if nothing happened after a day."""
    spells = tuple((s, a, b if b <= on else NO_DAY) for s, a, b in home.spells if a <= on)
    return replace(home, spells=spells, visits=tuple(v for v in home.visits if v.day <= on))


@given(st.lists(homes(), min_size=1, max_size=6), st.integers(0, 200), st.integers(0, 120))
def test_a_decision_holds_until_a_fact_changes(many: list[Home], on: int, later: int) -> None:
    still = [unchanged_after(home, on) for home in many]
    today = decide(facts(still, on), day(on))
    then = decide(facts(still, on + later), day(on + later))
    assert states(today, day(on + later)).tolist() == states(then, day(on + later)).tolist()
