"""The one parser: what it lets through is typed and in range, all else is a sentence."""

from __future__ import annotations

import contextlib
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmap.domain.groups import BY_CODE
from gridmap.errors import BadInput
from gridmap.web import forms

TODAY = date(2026, 6, 1)
FIRST = date(2025, 6, 1)


@pytest.mark.parametrize(
    ("raw", "day"), [("", TODAY), ("2026-06-01", TODAY), (" 2026-01-31 ", date(2026, 1, 31)), ("2025-06-01", FIRST)]
)
def test_a_date_is_read(raw: str, day: date) -> None:
    assert forms.on({"on": raw}, today=TODAY, first=FIRST) == day


@pytest.mark.parametrize(
    ("raw", "part"),
    [
        ("2026-06-02", "2026-06-01"),
        ("2025-05-31", "2025-06-01"),
        ("2026-02-30", "2026-02-30"),
        ("2026-13-01", "2026-13-01"),
        ("0000-01-01", "0000-01-01"),
        ("01/06/2026", "2026-03-01"),
        ("20260601", "2026-03-01"),
        ("２０２６-０６-０１", "2026-03-01"),
        ("2026-06-01T00:00", "2026-03-01"),
        ("<script>", "2026-03-01"),
        ("9" * 3000, "2026-03-01"),
    ],
)
def test_a_date_that_cannot_be_is_refused_with_what_would_be_right(raw: str, part: str) -> None:
    with pytest.raises(BadInput) as refused:
        forms.on({"on": raw}, today=TODAY, first=FIRST)
    assert part in str(refused.value)


def test_groups_are_those_that_may_be_shared() -> None:
    assert forms.group({}) is None
    assert forms.group({"group": "alone"}) == "alone"
    for code, group in BY_CODE.items():
        if group.restricted:
            with pytest.raises(BadInput):
                forms.group({"group": code})
    with pytest.raises(BadInput):
        forms.group({"group": "alone' OR true"})


@pytest.mark.parametrize("raw", ["0", "-1", "1.5", "x", "٣", "1e3", "100001", "9" * 5000, "+1", "²"])
def test_a_page_number_that_is_none_is_refused(raw: str) -> None:
    with pytest.raises(BadInput):
        forms.page({"page": raw})


def test_page_numbers_and_ids_are_whole_numbers_in_range() -> None:
    assert forms.page({}) == 1
    assert forms.page({"page": "7"}) == 7
    assert forms.identity(str(2**63 - 1)) == 2**63 - 1
    with pytest.raises(BadInput):
        forms.identity(str(2**63))


@pytest.mark.parametrize("raw", ["", "a b", "a/b", "网格", "x" * 25, "1;", "%"])
def test_a_grid_code_that_cannot_be_one_is_refused(raw: str) -> None:
    with pytest.raises(BadInput):
        forms.grid_code(raw)


@given(st.text(max_size=200))
def test_whatever_comes_in_leaves_typed_or_as_a_sentence(raw: str) -> None:
    values = dict.fromkeys(["on", "group", "page", "q", "back", "note"], raw)
    for parse in (
        lambda: forms.on(values, today=TODAY, first=FIRST),
        lambda: forms.group(values),
        lambda: forms.page(values),
        lambda: forms.identity(raw),
        lambda: forms.grid_code(raw),
        lambda: forms.words(values),
        lambda: forms.text(values, "note", 50),
    ):
        with contextlib.suppress(BadInput):
            parse()
    assert forms.back(values).startswith("/")
    assert not forms.back(values).startswith("//")


@given(st.dates(min_value=FIRST - timedelta(days=400), max_value=TODAY + timedelta(days=400)))
def test_every_day_of_the_data_is_accepted_and_no_other(day: date) -> None:
    values = {"on": day.isoformat()}
    if FIRST <= day <= TODAY:
        assert forms.on(values, today=TODAY, first=FIRST) == day
    else:
        with pytest.raises(BadInput):
            forms.on(values, today=TODAY, first=FIRST)
