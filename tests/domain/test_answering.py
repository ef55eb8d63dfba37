"""Chances that doors open: by hand, towards their limits, and on quarters whose truth is hidden."""

from __future__ import annotations

import numpy as np
import pytest
from door_clock import calibrated, simulate, sums_of
from hypothesis import given
from hypothesis import strategies as st

from gridmap.domain.answering import (
    BANDS,
    COLD,
    COLD_KNOCKS,
    STRENGTH,
    STRENGTH_UNKNOWN,
    Sums,
    after_tries,
    band_of,
    building_strength,
    chances,
    kind_strength,
    learn,
    percent,
)

NONE = np.zeros(len(BANDS), np.int64)
TEN = band_of(10 * 3600)


def sums(kind: str, *buildings: tuple[int, int], band: int = TEN, weekend: bool = False) -> Sums:
    """Return the sums over buildings given as (knocks, answers)."""
    knocks, answers = [k for k, _ in buildings], [a for _, a in buildings]
    squared, share = sum(k * k for k in knocks), sum(a * a / k for k, a in buildings)
    return Sums(kind, weekend, band, len(buildings), sum(knocks), sum(answers), squared, share)


@pytest.mark.parametrize(
    ("clock", "band"), [(0, 0), (7.999, 0), (8, 1), (11.99, 2), (12, 3), (17, 5), (18.5, 6), (20.5, 7), (23.99, 7)]
)
def test_a_band_holds_its_begin_and_not_its_end(clock: float, band: int) -> None:
    assert band_of(int(clock * 3600)) == band


def test_before_anything_is_known_the_chance_is_the_documented_one() -> None:
    rates = learn([])
    for weekend in (False, True):
        found = chances(rates, "tower", weekend=weekend, knocks=NONE, answers=NONE)
        assert percent(found).tolist() == list(COLD[int(weekend)])
    assert rates.strength == STRENGTH_UNKNOWN


def test_the_rate_of_a_community_by_hand() -> None:
    # 48 % of 20 imagined knocks and 90 of 100 real ones: (0.48 * 20 + 90) / 120
    rates = learn([sums("tower", (100, 90))])
    assert rates.everywhere[0, TEN] == pytest.approx((0.48 * COLD_KNOCKS + 90) / (100 + COLD_KNOCKS))
    assert rates.everywhere[1, TEN] == pytest.approx(COLD[1][TEN] / 100)  # weekends tell nothing of working days
    assert rates.everywhere[0, TEN + 1] == pytest.approx(COLD[0][TEN + 1] / 100)


def test_strength_by_hand() -> None:
    # Two buildings of 10 knocks with 8 and 2 answers: p = 1/2, S = 10 * 0.09 * 2 = 1.8; 1.8 / 0.25 - 1 = 6.2 more than
    # chance explains, out of N - m - sum n^2 / N + 1 = 20 - 2 - 10 + 1 = 9: rho = 6.2 / 9, strength = 9 / 6.2 - 1 < 2.
    assert building_strength([sums("tower", (10, 8), (10, 2))]) == STRENGTH[0]
    # 7 and 3: S = 10 * 0.04 * 2 = 0.8; 0.8 / 0.25 - 1 = 2.2: strength = 9 / 2.2 - 1
    assert building_strength([sums("tower", (10, 7), (10, 3))]) == pytest.approx(9 / 2.2 - 1)
    # no more scatter than chance alone: as strong as may be
    assert building_strength([sums("tower", (10, 5), (10, 5))]) == STRENGTH[1]
    # one building alone tells nothing about how buildings differ
    assert building_strength([sums("tower", (10, 7))]) == STRENGTH_UNKNOWN
    assert building_strength([sums("tower", (10, 10), (5, 5))]) == STRENGTH_UNKNOWN
    # kinds among each other: the same figures, with kinds in place of buildings
    assert kind_strength([sums("tower", (10, 7)), sums("lane", (10, 3))]) == pytest.approx(9 / 2.2 - 1)


def test_the_three_steps_by_hand() -> None:
    known = [sums("tower", (10, 7), (10, 3)), sums("lane", (10, 9))]
    rates = learn(known)
    everywhere = (0.48 * 20 + 19) / 50
    of_towers = (10 + kind_strength(known) * everywhere) / (20 + kind_strength(known))
    mine, opened = NONE.copy(), NONE.copy()
    mine[TEN], opened[TEN] = 10, 7
    found = chances(rates, "tower", weekend=False, knocks=mine, answers=opened)
    assert found[TEN] == pytest.approx((7 + rates.strength * of_towers) / (10 + rates.strength))
    # a kind nobody knocked at is taken as all doors are
    assert chances(rates, "shop", weekend=False, knocks=NONE, answers=NONE)[TEN] == pytest.approx(everywhere)


def test_much_evidence_outweighs_what_it_is_shrunk_towards() -> None:
    mine, opened = NONE.copy(), NONE.copy()
    mine[TEN], opened[TEN] = 100_000, 90_000
    found = chances(learn([]), "tower", weekend=False, knocks=mine, answers=opened)
    assert found[TEN] == pytest.approx(0.9, abs=0.001)


def test_knocks_in_vain_by_hand() -> None:
    # r = 1/2, s = 0.6: each try more than usual takes 0.36 * 1/2 away in logits, each try less adds as much
    half = np.array([0.5])
    assert after_tries(half, 0, 1.0)[0] == pytest.approx(1 / (1 + np.exp(-0.18)))
    assert after_tries(half, 1, 1.0)[0] == pytest.approx(0.5)
    assert after_tries(half, 2, 1.0)[0] == pytest.approx(1 / (1 + np.exp(0.18)))


@given(st.floats(0.02, 0.98), st.integers(0, 40), st.floats(0, 10))
def test_each_knock_in_vain_lowers_the_chance_and_none_makes_it_impossible(
    rate: float, tries: int, usual: float
) -> None:
    before, after = (float(after_tries(np.array([rate]), t, usual)[0]) for t in (tries, tries + 1))
    assert 0.01 <= after <= before <= 0.99


counts = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 60)), min_size=1, max_size=8)


@given(counts, st.integers(0, 50), st.integers(0, 50))
def test_more_answers_never_lower_the_chance(buildings: list[tuple[int, int]], knocks: int, answers: int) -> None:
    rates = learn([sums("tower", *[(k, min(a, k)) for k, a in buildings])])
    assert STRENGTH[0] <= rates.strength <= STRENGTH[1]
    mine, opened = NONE + knocks + 1, NONE + min(answers, knocks)
    fewer, more = (chances(rates, "tower", weekend=False, knocks=mine, answers=o) for o in (opened, opened + 1))
    assert (fewer < more).all()
    assert ((fewer >= 0) & (more <= 1)).all()


def test_strength_is_found_again_where_it_is_known() -> None:
    found = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        knocks = rng.integers(1, 30, 4000)
        answers = rng.binomial(knocks, rng.beta(6, 9, 4000))  # strength 15
        found.append(1 / (1 + building_strength([sums("tower", *zip(knocks.tolist(), answers.tolist(), strict=True))])))
    assert float(np.mean(found)) == pytest.approx(1 / 16, rel=0.05)


def test_sums_count_working_days_and_weekends_apart() -> None:
    table = np.zeros((2, 7, len(BANDS), 2), np.int64)
    table[0, 0, TEN] = table[0, 4, TEN] = (5, 2)
    table[1, 5, TEN] = (3, 3)
    found = sums_of(table, ("tower", "lane"))
    assert found == [sums("lane", (3, 3), weekend=True), sums("tower", (10, 4))]


def test_bins_of_calibration_by_hand() -> None:
    told = [(0, 0.11, True), (0, 0.19, False), (0, 0.95, True), (0, 1.0, True)]
    assert calibrated(told) == ((0.15, 0.5, 2), (0.975, 1.0, 2))


def test_what_is_learned_brings_more_answered_doors_at_the_hours_that_are_offered(nightly: bool) -> None:
    """The set-up stands at the head of ``door_clock``; one takes the hours offered him, the other all in turn."""
    grids, days, warm_days = (6, 42, 14) if nightly else (2, 14, 4)
    nearest, learned = simulate(
        grids=grids, days=days, seed=1, choice="offered", ways=("nearest", "learned"), warm_days=warm_days
    )
    assert learned.per_hour >= 1.25 * nearest.per_hour
    assert learned.overdue_share <= nearest.overdue_share
    told, seen, knocks = (np.array(column) for column in zip(*learned.calibration, strict=True))
    assert abs(float(np.average(told - seen, weights=knocks))) < 0.05
    if nightly:  # a bin of the small run holds so few knocks that chance alone moves it by many points
        assert learned.error_points < 3
