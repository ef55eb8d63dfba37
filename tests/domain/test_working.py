"""Settings and hours, checked."""

from __future__ import annotations

import pytest

from gridmap.domain.working import AtHome, WorkSetting, at_home, differences, may_ring, setting_of
from gridmap.errors import BadInput


def test_hours_at_home_are_kept_as_bits_of_the_week() -> None:
    assert at_home([0, 6, 6], 1080, 1440) == AtHome(0b1000001, 1080, 1440)


@pytest.mark.parametrize(
    ("weekdays", "begin", "until"),
    [([], 540, 600), ([7], 540, 600), ([0], 1320, 60), ([0], 600, 600), ([0], -1, 60), ([0], 1200, 1441)],
)
def test_hours_over_midnight_or_of_no_day_are_refused(weekdays: list[int], begin: int, until: int) -> None:
    with pytest.raises(BadInput):
        at_home(weekdays, begin, until)


@pytest.mark.parametrize(
    ("begin", "until", "fine"), [(540, 1230, True), (539, 600, False), (1200, 1231, False), (600, 600, True)]
)
def test_one_may_ring_from_nine_to_half_past_eight(begin: int, until: int, fine: bool) -> None:
    assert may_ring(WorkSetting(), begin, until) == fine


def test_only_what_differs_is_kept() -> None:
    assert differences(WorkSetting()) == {}
    made = setting_of({"stair_up_s": 20, "service_min": {"event": 30}})
    assert differences(made) == {"stair_up_s": 20, "service_min": WorkSetting().service_min | {"event": 30}}
    assert setting_of(differences(made)) == made
