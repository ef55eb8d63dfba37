"""Colours: classes at their limits, readable labels, a legend that tells the truth."""

from __future__ import annotations

import pytest

from gridmap.domain.attention import Story
from gridmap.maps import colours
from gridmap.maps.coverage import legend


@pytest.mark.parametrize(
    ("share", "expected"),
    [(None, -1), (0, 0), (0.4999, 0), (0.5, 1), (0.6499, 1), (0.65, 2), (0.7999, 2), (0.8, 3), (0.9, 4), (1, 4)],
)
def test_a_share_on_a_limit_is_in_the_class_above(share: float | None, expected: int) -> None:
    assert colours.SCALES[Story.COVERAGE].class_of(share) == expected


@pytest.mark.parametrize(("needs", "expected"), [(0, 4), (1, 3), (3, 3), (4, 2), (8, 1), (11, 1), (12, 0), (99, 0)])
def test_most_open_needs_are_the_class_that_needs_help(needs: int, expected: int) -> None:
    assert colours.SCALES[Story.NEEDS].class_of(needs) == expected


def test_labels_can_be_read_on_every_class() -> None:
    for swatch in colours.SWATCHES:
        assert colours.contrast(colours.text_colour(swatch), swatch) >= 4.5


def test_contrast_is_that_of_the_standard() -> None:
    assert colours.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert colours.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_a_swatch_is_the_colour_seen_over_the_paper() -> None:
    assert colours.blend("#000000", 0.5, "#ffffff") == "#808080"
    assert colours.blend("#19596f", 1) == "#19596f"


def test_the_style_sheet_has_the_swatches() -> None:
    from gridmap.settings import STATIC

    sheet = (STATIC / "styles" / "map.css").read_text("utf-8")
    for number, swatch in enumerate(colours.SWATCHES):
        assert f".class-{number} {{ background-color: {swatch}" in sheet


def test_the_legend_counts_every_grid_once() -> None:
    rows = legend(Story.COVERAGE, [0.1, 0.5, 0.64, 0.95, None])
    assert [row.count for row in rows] == [1, 2, 0, 0, 1]
    assert [(row.low, row.high) for row in rows] == [(None, 0.5), (0.5, 0.65), (0.65, 0.8), (0.8, 0.9), (0.9, None)]


def test_the_legend_of_needs_begins_with_most() -> None:
    rows = legend(Story.NEEDS, [0, 12])
    assert (rows[0].low, rows[0].high, rows[0].count) == (12, None, 1)
    assert (rows[-1].low, rows[-1].high, rows[-1].count) == (None, 1, 1)
