"""Which grids need help first."""

from __future__ import annotations

from gridmap.domain.attention import Story, by_need, by_overdue, measure, neediest
from gridmap.domain.coverage import Counts, GridCoverage


def grid(number: int, counts: Counts, **more: bool) -> GridCoverage:
    """Return a grid with some counts."""
    return GridCoverage(number, f"g{number}", number, f"第{number}网格", "general", None, counts, None, **more)


LOW = grid(1, Counts(households=10, base=10, state_covered=3, overdue=2))
HIGH = grid(2, Counts(households=10, base=10, state_covered=9, open_needs=5, load_min=600))
EMPTY = grid(3, Counts())


def test_lowest_coverage_first_and_nothing_to_count_last() -> None:
    assert by_need([EMPTY, HIGH, LOW], Story.COVERAGE) == [LOW, HIGH, EMPTY]


def test_most_needs_and_most_work_first() -> None:
    assert by_need([LOW, EMPTY, HIGH], Story.NEEDS) == [HIGH, LOW, EMPTY]
    assert by_need([LOW, HIGH], Story.LOAD) == [HIGH, LOW]


def test_a_hidden_figure_decides_nothing() -> None:
    hidden = grid(4, Counts(), masked=True, special_masked=True)
    assert by_need([hidden, LOW], Story.COVERAGE) == [LOW, hidden]
    assert neediest([hidden, EMPTY]) is None


def test_equal_coverage_goes_by_overdue_then_by_number() -> None:
    worse = grid(9, Counts(households=10, base=10, state_covered=3, overdue=7))
    same = grid(5, Counts(households=10, base=10, state_covered=3, overdue=2))
    assert by_need([same, LOW, worse], Story.COVERAGE) == [worse, LOW, same]
    assert by_overdue([HIGH, LOW, worse]) == [worse, LOW, HIGH]


def test_the_measures_have_their_units() -> None:
    assert measure(Story.COVERAGE, LOW.counts) == 0.3
    assert measure(Story.NEEDS, HIGH.counts) == 5
    assert measure(Story.LOAD, HIGH.counts) == 10
    assert measure(Story.GROUPS, HIGH.counts) is None
    assert measure(Story.COVERAGE, EMPTY.counts) is None


def test_the_neediest_grid_is_named() -> None:
    assert neediest([HIGH, LOW, EMPTY]) == LOW
    assert neediest([]) is None
