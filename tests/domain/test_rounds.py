"""The walking of a month, worked by hand on entrances along one street."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gridmap.domain.rounds import Calls, short_walk_s, walking_min
from gridmap.domain.working import WorkSetting

SETTING = WorkSetting()  # three hours a shift, eight minutes at a door that opens, two at one that does not


def street(*at_s: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the ways to, from and between entrances so many seconds along a street from the start."""
    at = np.array(at_s, float)
    return at, at, np.abs(at[:, None] - at[None, :])


def calls(*visits: float, often: float = 1.0, climb_s: float = 0.0) -> Calls:
    n = len(visits)
    return Calls(np.array(visits), np.full(n, often), np.full(n, climb_s))


def test_the_short_walk_leaves_out_the_ways_to_it_and_back() -> None:
    assert short_walk_s(*street(600)) == 0
    assert short_walk_s(*street(600, 900, 700)) == 300
    assert short_walk_s(*street()) == 0


def test_one_entrance_costs_the_way_there_and_back_for_every_shift() -> None:
    # Three visits take 3 x (8 + 2) = 30 minutes at doors; a shift has 180 - 20 left: 0.1875 shifts of 20 minutes.
    assert walking_min(calls(3), *street(600), SETTING) == pytest.approx(3.75)


def test_each_call_costs_its_share_of_the_walk_through_all() -> None:
    # Calls: two at each of two entrances, 10 minutes apart: 20 minutes between doors; 40 at doors, 160 left of a shift
    # after 20 for the mean way there and back, which is walked (40 + 20) / 160 times.
    found = walking_min(calls(2, 2), *street(300, 900), SETTING)
    assert found == pytest.approx((40 + 20) / 160 * 20 + 20)


def test_an_entrance_is_called_at_no_oftener_than_visits_fall_due() -> None:
    assert calls(0.5, often=4).calls.tolist() == [1.0]
    assert calls(9, often=4).calls.tolist() == [8.0]


def test_stairs_fill_shifts_and_so_cost_ways() -> None:
    level, high = (walking_min(calls(3, climb_s=s), *street(600), SETTING) for s in (0, 900))
    assert high == pytest.approx(level * (30 + 30) / 30)  # two calls, fifteen minutes of stairs each


def test_what_no_street_reaches_is_left_out() -> None:
    out, back, between = street(600, 700)
    out[1] = between[0, 1] = between[1, 0] = np.inf
    assert walking_min(calls(3, 3), out, back, between, SETTING) == pytest.approx(3.75)
    assert walking_min(calls(3), np.array([np.inf]), np.array([600.0]), np.zeros((1, 1)), SETTING) == 0


def test_nothing_due_is_nothing_walked() -> None:
    assert walking_min(calls(0, 0), *street(600, 700), SETTING) == 0
    assert walking_min(calls(), *street(), SETTING) == 0


def test_a_grid_farther_than_a_shift_still_has_a_figure() -> None:
    found = walking_min(calls(3), *street(6000), SETTING)
    assert found == pytest.approx(30 / 45 * 200)  # a quarter of the shift is left for doors
    never = replace(SETTING, shift_start_min=540, shift_end_min=540)
    assert np.isfinite(walking_min(calls(3), *street(600), never))


def test_the_same_entrances_give_the_same_minutes() -> None:
    at = np.random.default_rng(7).uniform(0, 900, (40, 2))
    between = np.hypot(*(at[:, None] - at[None, :]).transpose(2, 0, 1))
    out = np.hypot(*at.T)
    asked = Calls(np.full(40, 3.0), np.full(40, 1.0), np.full(40, 60.0))
    found = {walking_min(asked, out, out, between, SETTING) for _ in range(3)}
    assert len(found) == 1
