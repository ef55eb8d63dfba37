"""What a door asks for on a day: rules by hand, windows, and what must grow."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmap.domain.answering import BANDS
from gridmap.domain.coverage import State
from gridmap.domain.groups import BIT, RULE_DEFAULTS
from gridmap.domain.rules import NEVER_YET, NO_DAY, Rule, day_number
from gridmap.domain.working import AtHome, WorkSetting
from gridmap.domain.worklist import (
    CAP,
    Contact,
    Doors,
    Event,
    Material,
    Occasions,
    Promise,
    Reason,
    Task,
    Urgency,
    When,
    minutes_of,
    tasks,
    united,
    visit_by,
    weight_of,
    windows,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
ON = date(2026, 6, 4)  # a Thursday
DAY = day_number(ON)
RULES = tuple(Rule(r.group_code, r.period_days, r.soon_days, r.modes) for r in RULE_DEFAULTS)
QUIET = ((9 * 3600, 20 * 3600 + 1800),)


def moment(hour: int, minute: int = 0, day: date = ON) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=SHANGHAI)


WHEN = When(ON, moment(9), SHANGHAI, WorkSetting(), RULES)


def door(**values: Any) -> Doors:
    """Return one household: by default in a quarter's rule, met ten days ago."""
    period = values.pop("period", 90)
    met = values.pop("met_ago", 10)
    soon = {90: 14, 30: 7, 7: 2}[period]
    last = DAY - met
    overdue_on = values.pop("overdue_on", last + period + 1)
    state = State.OVERDUE if overdue_on <= DAY else State.DUE_SOON if last + period - soon <= DAY else State.COVERED
    columns = {
        "household_id": 1,
        "grid_id": 5,
        "building_id": 6,
        "entrance_id": 7,
        "floor": 3,
        "state": state,
        "group_bits": 0,
        "period_days": period,
        "mode_bits": 3,
        "overdue_on": overdue_on,
        "last_effective_on": last,
        "last_try_on": NEVER_YET,
        "tries": 0,
    } | values
    arrays = {name: np.array([value], np.int64) for name, value in columns.items()}
    return Doors(room=("301",), chance=np.full((1, len(BANDS)), 0.5), **arrays)


def one(doors: Doors, known: Occasions | None = None, when: When = WHEN) -> Task | None:
    found = tasks(doors, known or Occasions(), when)
    assert len(found) <= 1
    return found[0] if found else None


def codes(task: Task | None) -> list[str]:
    assert task is not None
    return [reason.code for reason in task.reasons]


# --- urgency and reasons, one by one ---------------------------------------------------------------------------------


def test_a_household_met_lately_with_nothing_to_do_is_no_task() -> None:
    assert one(door(met_ago=44)) is None


def test_in_the_second_half_of_its_period_it_may_be_visited_on_the_way() -> None:
    found = one(door(met_ago=45))
    assert found is not None
    assert (found.urgency, found.reasons) == (Urgency.MAY, (Reason("nearby"),))
    assert found.weight == round(200 * 0.5 * 0.1)


def test_due_soon_should_be_visited_and_says_in_how_many_days_it_falls_due() -> None:
    found = one(door(met_ago=85))
    assert found is not None
    assert found.urgency is Urgency.SHOULD
    assert found.reasons == (Reason("due_soon", {"days": 6}),)  # covered up to day 90, overdue from day 91 on
    assert found.weight == CAP["may"] + 1 + round(200 * 85 / 90)


def test_overdue_should_be_visited_and_says_for_how_long() -> None:
    found = one(door(met_ago=100))
    assert found is not None
    assert (found.urgency, found.reasons) == (Urgency.SHOULD, (Reason("overdue", {"days": 10}),))
    assert found.purposes == ("routine",)
    assert (found.service_s, found.knock_s) == (480, 120)


def test_high_risk_overdue_must_be_visited() -> None:
    bits = BIT["high_risk"] | BIT["alone"]
    found = one(door(period=7, met_ago=9, group_bits=bits))
    assert found is not None
    assert found.urgency is Urgency.MUST
    assert found.reasons == (Reason("overdue", {"days": 2}), Reason("group", {"group": "high_risk"}))
    assert one(door(period=7, met_ago=6, group_bits=bits)).urgency is Urgency.SHOULD  # type: ignore[union-attr]


def test_one_never_met_should_be_visited_from_its_first_day_on() -> None:
    found = one(door(state=State.NEVER, last_effective_on=NEVER_YET, overdue_on=DAY + 71))  # registered 20 days ago
    assert found is not None
    assert (found.urgency, found.reasons) == (Urgency.SHOULD, (Reason("never_met", {"days": 20}),))


def test_knocks_in_vain_are_told_and_lower_the_chance() -> None:
    fresh, tried = door(met_ago=100), door(met_ago=100, household_id=2, state=State.NO_ANSWER, tries=3)
    columns = [f.name for f in fields(Doors) if f.name != "room"]
    both = Doors(room=("301", "302"), **{n: np.concatenate([getattr(fresh, n), getattr(tried, n)]) for n in columns})
    first, second = tasks(both, Occasions(), WHEN)
    assert first.reasons == (Reason("overdue", {"days": 10}),)
    assert second.reasons == (Reason("overdue", {"days": 10}), Reason("no_answer", {"tries": 3}))
    # half of all knocks are answered; the doors of the list were tried 1.5 times on average
    assert {*first.chance} == {round(100 / (1 + np.exp(-0.18 * 1.5)))}
    assert {*second.chance} == {round(100 / (1 + np.exp(0.18 * 1.5)))}
    assert second.weight == first.weight


def test_a_door_that_stayed_shut_today_may_wait() -> None:
    found = one(door(met_ago=100, state=State.NO_ANSWER, tries=1, last_try_on=DAY))
    assert found is not None
    assert found.urgency is Urgency.MAY
    bits = BIT["high_risk"]
    must = one(door(period=7, met_ago=9, group_bits=bits, state=State.NO_ANSWER, tries=1, last_try_on=DAY))
    assert must is not None
    assert must.urgency is Urgency.MUST


@pytest.mark.parametrize("state", [State.REFUSED, State.MOVED, State.EXCLUDED])
def test_who_refused_or_moved_is_never_asked_whatever_else_is_known(state: State) -> None:
    known = Occasions(
        events=(Event(1, "crisis", moment(7), visit_by(moment(7))),),
        promises=(Promise(9, 1, 5, moment(15), moment(16)),),
        follow_ups={1: DAY},
        needs={1: ("repair",)},
        hazards={1: ("gas",)},
        disputes=frozenset({1}),
        materials=(Material(1, "m", "m", "alone"),),
    )
    assert one(door(met_ago=200, state=state, group_bits=BIT["alone"]), known) is None


def test_groups_of_other_authorities_are_not_named_and_weigh_nothing() -> None:
    plain, tagged = one(door(met_ago=100)), one(door(met_ago=100, group_bits=BIT["drug"]))
    assert plain == tagged


def test_a_special_group_weighs_half_as_much_again() -> None:
    plain, special = one(door(met_ago=99)), one(door(met_ago=99, group_bits=BIT["veteran"]))
    assert plain is not None
    assert special is not None
    assert plain.weight == CAP["may"] + 1 + 220
    assert special.weight == CAP["may"] + 1 + 330
    assert codes(special) == ["overdue", "group"]


# --- events, promises, follow-ups ------------------------------------------------------------------------------------


def event(hour: int, day: date = ON) -> Occasions:
    return Occasions(events=(Event(1, "fall", moment(hour, day=day), visit_by(moment(hour, day=day))),))


def test_an_event_must_be_answered_within_a_day_and_waits_for_nobodys_hours() -> None:
    yesterday = ON - timedelta(days=1)
    known = replace(event(15, yesterday), at_home={1: (AtHome(127, 1080, 1200),)})
    found = one(door(met_ago=5), known)
    assert found is not None
    assert found.urgency is Urgency.MUST
    assert found.reasons == (Reason("event", {"kind": "fall", "hours_left": 6}),)
    assert found.windows == QUIET
    assert (found.purposes, found.service_s) == (("event",), 900)
    late = one(door(met_ago=5), event(15, ON - timedelta(days=3)))
    assert late is not None
    assert late.reasons[0].values["hours_left"] == -42


@pytest.mark.parametrize(
    ("contact", "answered"),
    [
        (Contact(1, moment(8), "door", "met"), True),
        (Contact(1, moment(8), "phone", "met"), True),  # the rule accepts a call
        (Contact(1, moment(8), "remote", "met"), False),  # but nothing remote
        (Contact(1, moment(8), "door", "nobody"), False),
        (Contact(1, moment(6), "door", "met"), False),  # before it happened
        (Contact(2, moment(8), "door", "met"), False),  # somebody else
    ],
)
def test_the_first_effective_visit_after_it_answers_an_event(contact: Contact, answered: bool) -> None:
    found = one(door(met_ago=5), replace(event(7), contacts=(contact,)))
    assert (found is None) == answered


def promised(begin: tuple[int, int] = (15, 0), end: tuple[int, int] = (15, 30)) -> Occasions:
    return Occasions(promises=(Promise(9, 1, 5, moment(*begin), moment(*end)),))


def test_a_promise_is_pinned_to_its_own_span_and_stands_before_hours_at_home() -> None:
    known = replace(promised(), at_home={1: (AtHome(127, 540, 600),)})
    found = one(door(met_ago=5), known)
    assert found is not None
    assert (found.urgency, found.pinned) == (Urgency.MUST, 9)
    assert found.windows == ((15 * 3600, 15 * 3600 + 1800),)
    assert found.reasons == (Reason("promise", {"from_min": 900, "until_min": 930}),)


def test_a_promise_outside_quiet_hours_leaves_no_time_at_all() -> None:
    found = one(door(), promised((21, 0), (21, 30)))
    assert found is not None
    assert found.windows == ()


@pytest.mark.parametrize(
    ("contact", "kept"),
    [
        (Contact(1, moment(15, 5), "door", "met"), True),
        (Contact(1, moment(10), "door", "met"), True),  # met earlier on the day
        (Contact(1, moment(15, 5), "door", "nobody"), True),  # was there, they were not
        (Contact(1, moment(10), "door", "nobody"), False),
        (Contact(1, moment(15, 5, ON - timedelta(days=1)), "door", "met"), False),
    ],
)
def test_a_promise_is_kept_by_meeting_on_the_day_or_ringing_when_agreed(contact: Contact, kept: bool) -> None:
    found = one(door(met_ago=5), replace(promised(), contacts=(contact,)))
    assert (found is None) == kept


def test_a_promise_of_another_day_asks_for_nothing_today() -> None:
    tomorrow = ON + timedelta(days=1)
    known = Occasions(promises=(Promise(9, 1, 5, moment(15, day=tomorrow), moment(16, day=tomorrow)),))
    assert one(door(met_ago=5), known) is None


def test_a_promise_late_in_the_evening_of_another_zone_falls_on_its_local_day() -> None:
    utc = datetime(2026, 6, 4, 7, 0, tzinfo=UTC)  # 15:00 in Shanghai
    assert minutes_of(Promise(9, 1, 5, utc, utc + timedelta(minutes=30)), SHANGHAI) == (900, 930)
    assert minutes_of(Promise(9, 1, 5, moment(23), moment(1, day=ON + timedelta(days=1))), SHANGHAI) == (1380, 1440)


def test_a_follow_up_that_was_announced_should_be_made() -> None:
    found = one(door(met_ago=5), Occasions(follow_ups={1: DAY - 2}))
    assert found is not None
    assert (found.urgency, found.purposes) == (Urgency.SHOULD, ("follow_up",))
    assert found.reasons == (Reason("follow_up", {"on": "2026-06-02"}),)


# --- needs, hazards, material ----------------------------------------------------------------------------------------


def test_open_needs_hazards_and_disputes_may_be_looked_after() -> None:
    known = Occasions(needs={1: ("care", "repair")}, hazards={1: ("gas",)}, disputes=frozenset({1}))
    found = one(door(), known)
    assert found is not None
    assert found.urgency is Urgency.MAY
    assert codes(found) == ["hazard", "dispute", "need", "need"]
    assert found.purposes == ("follow_up", "mediation", "safety")
    assert found.service_s == 25 * 60  # the longest purpose


def test_material_for_ones_own_group_is_a_reason_material_for_all_comes_along() -> None:
    catalogue = (Material(1, "law", "law", "adolescent"), Material(2, "for all", "for all", None))
    known = Occasions(materials=catalogue, audiences={1: frozenset({"adolescent"})})
    found = one(door(), known)
    assert found is not None
    assert (found.urgency, found.materials, found.purposes) == (Urgency.MAY, (1, 2), ("policy",))
    assert found.reasons == (Reason("material", {"material": 1}),)
    assert one(door(), replace(known, delivered=frozenset({(1, 1)}))) is None
    due = one(door(met_ago=100), replace(known, delivered=frozenset({(1, 1)})))
    assert due is not None
    assert due.materials == (2,)
    assert codes(due) == ["overdue"]


def test_material_for_a_special_group_finds_it() -> None:
    known = Occasions(materials=(Material(1, "for veterans", "for veterans", "veteran"),))
    assert codes(one(door(group_bits=BIT["veteran"]), known)) == ["group", "material"]
    assert one(door(group_bits=BIT["alone"]), known) is None


# --- hours -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ((), QUIET),
        ((AtHome(127, 1080, 1440),), ((18 * 3600, 20 * 3600 + 1800),)),  # "after 18:00": until the quiet begins
        ((AtHome(0b1000, 540, 600), AtHome(127, 570, 660)), ((9 * 3600, 11 * 3600),)),  # overlapping: joined
        ((AtHome(127, 540, 600), AtHome(127, 720, 780)), ((32400, 36000), (43200, 46800))),  # several: any of them
        ((AtHome(0b1100000, 540, 1200),), ()),  # weekends only: no time on a Thursday
        ((AtHome(127, 0, 480),), ()),  # only when nobody may ring
    ],
)
def test_windows_by_hand(hours: tuple[AtHome, ...], expected: tuple[tuple[int, int], ...]) -> None:
    assert windows(WorkSetting(), ON.weekday(), hours) == expected


spans = st.lists(st.tuples(st.integers(0, 86_400), st.integers(0, 86_400)), max_size=6)


@given(spans, st.tuples(st.integers(0, 43_000), st.integers(43_200, 86_400)))
def test_windows_are_what_every_second_says(given_spans: list[tuple[int, int]], within: tuple[int, int]) -> None:
    made = united(given_spans, within)
    assert list(made) == sorted(made)
    assert all(a < b for a, b in made)
    assert all(before[1] < after[0] for before, after in pairwise(made))
    for second in {s for span in given_spans for s in (*span, span[0] - 1, span[1] - 1)} | {*within, within[0] - 1}:
        inside = any(a <= second < b for a, b in given_spans) and within[0] <= second < within[1]
        assert any(a <= second < b for a, b in made) == inside


# --- what must grow --------------------------------------------------------------------------------------------------


@given(st.sampled_from([7, 30, 90]), st.integers(0, 400), st.integers(0, 60), st.booleans())
def test_waiting_longer_never_makes_a_door_less_worth(period: int, ago: int, more: int, special: bool) -> None:
    bits = BIT["veteran"] if special else 0
    now, later = (one(door(period=period, met_ago=n, group_bits=bits)) for n in (ago, ago + more))
    assert (now.weight if now else 0) <= (later.weight if later else 0)


@given(st.floats(0, 10), st.floats(0, 10), st.integers(0, 4000), st.booleans(), st.booleans())
def test_every_must_weighs_more_than_every_should_and_every_should_more_than_every_may(
    a: float, b: float, extra: int, special: bool, other: bool
) -> None:
    order = [Urgency.MAY, Urgency.SHOULD, Urgency.MUST]
    for low, high in pairwise(order):
        assert 0 < weight_of(low, a, special=special, extra=extra) < weight_of(high, b, special=other)


@given(st.integers(0, 300), st.sampled_from(["needs", "hazards", "follow_ups", "events", "promises"]))
def test_something_more_to_do_never_lowers_urgency_or_weight(ago: int, what: str) -> None:
    order = {None: 0, Urgency.MAY: 1, Urgency.SHOULD: 2, Urgency.MUST: 3}
    added: dict[str, Occasions] = {
        "needs": Occasions(needs={1: ("care",)}),
        "hazards": Occasions(hazards={1: ("gas",)}),
        "follow_ups": Occasions(follow_ups={1: DAY}),
        "events": event(8),
        "promises": promised(),
    }
    bare, more = one(door(met_ago=ago)), one(door(met_ago=ago), added[what])
    assert more is not None
    assert order[more.urgency] >= order[bare.urgency if bare else None]
    assert more.weight >= (bare.weight if bare else 0)


def test_a_household_no_rule_applies_to_is_asked_only_when_there_is_something_to_do() -> None:
    nothing = {"period_days": 0, "overdue_on": NO_DAY, "state": State.NEVER, "last_effective_on": NEVER_YET}
    assert one(door(**nothing)) is None
    assert codes(one(door(**nothing), Occasions(needs={1: ("care",)}))) == ["need"]
