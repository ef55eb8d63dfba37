"""Sums, shares and what a planner may see."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmap.domain.coverage import (
    COUNT_FIELDS,
    SMALL_CELL,
    Counts,
    GridCoverage,
    Overview,
    previous_day,
    protected,
    total,
)
from gridmap.domain.figures import figures, of_overview

ON = date(2026, 6, 1)


def overview(*sizes: int, group: str | None = "alone", previous: tuple[int, ...] | None = None) -> Overview:
    counts = [Counts(households=n, base=n, special_base=n) for n in sizes]
    before = [Counts(households=n, base=n, special_base=n) for n in previous] if previous else [None] * len(sizes)
    grids = tuple(
        GridCoverage(i, f"{i:03}", i, f"第{i}网格", "general", "员", now, then)
        for i, (now, then) in enumerate(zip(counts, before, strict=True), 1)
    )
    summed = total(p for p in before if p) if previous else None
    return Overview(ON, None, group, total(counts), summed, grids)


def test_shares_of_nothing_are_none() -> None:
    none = Counts()
    assert (none.coverage_share, none.special_share, none.contact_rate) == (None, None, None)
    some = Counts(base=4, state_covered=2, state_due_soon=1, special_base=2, special_covered=1, attempts=5, met=2)
    assert (some.coverage_share, some.special_share, some.contact_rate) == (0.75, 0.5, 0.4)


def test_minutes_are_added_to_the_last_digit() -> None:
    assert total([Counts(load_min=0.1)] * 3).load_min == 0.3
    assert total([]) == Counts()


def test_counts_made_quickly_are_like_others() -> None:
    assert Counts.of(range(len(COUNT_FIELDS))) == Counts(*range(len(COUNT_FIELDS)))


@pytest.mark.parametrize(("on", "expected"), [(date(2026, 6, 1), date(2026, 5, 2)), (date(2026, 5, 30), None)])
def test_the_previous_period_begins_with_the_data(on: date, expected: date | None) -> None:
    assert previous_day(on, date(2026, 5, 1)) == expected


@pytest.mark.parametrize(
    ("sizes", "hidden"),
    [
        ((10, 4, 30), [1, 2]),  # hiding the 4 alone, 44 - 10 - 30 would tell it: the next smallest is hidden too
        ((3, 4, 30), [1, 2]),  # 37 - 30 = 7 tells neither
        ((2, 2, 9, 30), [1, 2, 3]),
        ((0, 20, 30), []),
        ((10, 20, 30), []),
    ],
)
def test_small_cells_are_hidden_from_a_planner(sizes: tuple[int, ...], hidden: list[int]) -> None:
    found = protected(overview(*sizes))
    assert [g.grid_id for g in found.grids if g.masked] == hidden
    assert all(g.counts == Counts() for g in found.grids if g.masked)


def test_a_cell_that_was_small_one_period_earlier_is_hidden_too() -> None:
    found = protected(overview(10, 20, 30, previous=(4, 20, 30)))
    assert [g.grid_id for g in found.grids if g.masked] == [1, 2]


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=8))
def test_nobody_finds_a_small_cell_by_subtraction(sizes: list[tuple[int, int]]) -> None:
    found = protected(overview(*(n for n, _ in sizes), previous=tuple(n for _, n in sizes)))
    assert found.previous is not None
    shown = [g for g in found.grids if not g.masked]
    for whole, parts in [
        (found.total, [g.counts.households for g in shown]),
        (found.previous, [g.previous.households for g in shown if g.previous]),
    ]:
        rest = whole.households - sum(parts)
        assert all(n == 0 or n >= SMALL_CELL for n in (*parts, rest))


def test_hidden_figures_are_told_as_none_never_as_zero() -> None:
    told = of_overview(protected(overview(10, 4, 30)))
    assert [grid["figures"]["households"] for grid in told["grids"]] == [None, None, 30]
    assert told["total"]["households"] == 44
    assert figures(Counts(households=9, special_base=2), special_masked=True)["special_base"] is None


def test_a_small_sum_hides_everything() -> None:
    told = of_overview(protected(overview(2, 2)))
    assert (told["masked"], told["total"]["households"]) == (True, None)


def test_an_overview_of_every_household_keeps_its_figures_and_hides_small_groups() -> None:
    made = overview(10, 20, 30, group=None)
    few = replace(made.grids[0], counts=replace(made.grids[0].counts, special_base=2, special_covered=1))
    found = protected(replace(made, grids=(few, *made.grids[1:])))
    assert [g.masked for g in found.grids] == [False] * 3
    assert [g.special_masked for g in found.grids] == [True, True, False]
    assert found.grids[0].counts.households == 10
