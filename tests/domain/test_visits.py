"""What phones write: read strictly, put right by the clock, and what follows from it."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outbox import visit_body
from pictures import PLAIN

from gridmap.domain.documents import Unreadable, clean
from gridmap.domain.envelopes import Envelope, read_envelope
from gridmap.domain.visits import (
    Consent,
    Held,
    Kind,
    Photo,
    Promise,
    Result,
    Told,
    Visit,
    Why,
    Withdrawal,
    is_quiet,
    put_right,
    read,
    skew_s,
    standing_after,
    timed,
)
from gridmap.domain.working import AtHome, WorkSetting

SHANGHAI = ZoneInfo("Asia/Shanghai")
AT = datetime(2026, 11, 23, 9, 15, tzinfo=SHANGHAI)
FULL = visit_body(
    7,
    3,
    AT,
    resident_id=11,
    materials=[4, 5, 4],
    needs=[{"kind": "repair", "summary": "楼道灯不亮"}],
    hazards=[{"kind": "gas", "note": None}],
    dispute={"summary": "楼上漏水"},
    follow_up_on="2026-12-01",
    consent="given",
    availability=[{"weekdays": [0, 2, 2], "from_min": 1080, "until_min": 1230}],
    appointment={"starts_at": "2026-11-26T15:00:00+08:00", "ends_at": "2026-11-26T15:30:00+08:00"},
    event={"kind": "fall", "happened_at": "2026-11-23T07:00:00+08:00"},
    note="  老人在家\n精神好  ",
    plan_id=9,
)


def told(body: Any, kind: str = "visit", version: int = 1) -> Any:
    return read(kind, version, body if isinstance(body, str) else json.dumps(body))


def test_a_full_visit_is_read_with_its_types() -> None:
    found = told(FULL)
    assert isinstance(found, Visit)
    assert (found.household_id, found.in_grid_id, found.result, found.minutes) == (7, 3, Result.MET, 8)
    assert found.visited_at == AT
    assert found.materials == (4, 5)
    assert found.needs == (Told("repair", "楼道灯不亮"),)
    assert found.hazards == (Told("gas", None),)
    assert found.at_home == (AtHome(0b101, 1080, 1230),)
    assert found.promise == Promise(datetime(2026, 11, 26, 7, tzinfo=UTC), datetime(2026, 11, 26, 7, 30, tzinfo=UTC))
    assert found.follow_up_on == date(2026, 12, 1)
    assert found.consent is Consent.GIVEN
    assert found.note == "老人在家\n精神好"
    assert (found.dispute, found.plan_id, found.resident_id) == ("楼上漏水", 9, 11)


WRONG: list[dict[str, Any]] = [
    {"household_id": value} for value in (None, 0, -1, 2**63, 1.0, "7", True, [7], {"id": 7})
] + [
    {"result": "MET"}, {"result": None}, {"mode": "window"}, {"purpose": 5}, {"visited_at": "yesterday"},
    {"visited_at": "2026-11-23T09:15:00"}, {"visited_at": "2026-02-30T09:15:00Z"}, {"visited_at": 1_700_000_000},
    {"visited_at": "9999-12-31T23:59:59+08:00"}, {"minutes": -1}, {"minutes": 601}, {"minutes": 8.5},
    {"note": "长" * 501}, {"note": 5}, {"needs": {}}, {"needs": [5]}, {"needs": [{"kind": "repair"}]},
    {"needs": [{"kind": "repair", "summary": ""}]}, {"needs": [{"kind": "repair", "summary": "字" * 201}]},
    {"needs": [{"kind": "DROP TABLE", "summary": "x"}]}, {"needs": [{"kind": "repair", "summary": "x"}] * 21},
    {"materials": ["4"]}, {"materials": [0]}, {"materials": list(range(1, 22))}, {"dispute": "x"}, {"dispute": {}},
    {"follow_up_on": "2026-13-01"}, {"follow_up_on": "2030-01-01"}, {"consent": "maybe"},
    {"availability": [{"weekdays": [], "from_min": 0, "until_min": 10}]},
    {"availability": [{"weekdays": [7], "from_min": 0, "until_min": 10}]},
    {"availability": [{"weekdays": [1], "from_min": 10, "until_min": 10}]},
    {"availability": [{"weekdays": [1], "from_min": 0, "until_min": 1441}]},
    {"appointment": {"starts_at": "2026-11-26T15:00:00+08:00", "ends_at": "2026-11-26T15:00:00+08:00"}},
    {"appointment": {"starts_at": "2026-11-26T15:00:00+08:00", "ends_at": "2026-11-27T15:00:00+08:00"}},
    {"appointment": {"starts_at": "2036-11-26T15:00:00+08:00", "ends_at": "2036-11-26T15:10:00+08:00"}},
    {"event": {"kind": "party", "happened_at": "2026-11-23T07:00:00+08:00"}}, {"event": {"kind": "fall"}},
    {"plan_id": "9"}, {"resident_id": 0},
]  # fmt: skip


@pytest.mark.parametrize("change", WRONG, ids=lambda change: json.dumps(change)[:40])
def test_a_wrong_value_is_held_and_never_an_error(change: dict[str, Any]) -> None:
    found = told(FULL | change)
    assert isinstance(found, Held)
    assert found.reason is Why.UNREADABLE
    assert found.household_id == (None if "household_id" in change else 7)


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "5", "{", "NaN", '{"household_id": NaN}', "[" * 100_000, "1" * 5_000,
     '{"household_id": ' + "9" * 5_000 + "}", '{"a": 1e999}', '"\\ud800"', '{"\\u0000": 1}', "\ufeff{}"],
)  # fmt: skip
def test_what_is_no_document_is_held(text: str) -> None:
    assert told(text) == Held(Why.UNREADABLE)


def test_what_newer_phones_send_is_held() -> None:
    assert told({}, kind="census") == Held(Why.UNKNOWN_KIND)
    assert told(FULL, version=2) == Held(Why.UNKNOWN_VERSION)


def test_half_a_smiley_costs_no_visit() -> None:
    found = told(json.dumps(FULL | {"note": "好" + "\U0001f600"[:1]}).replace("\\ude00", ""))
    assert isinstance(found, Visit)
    assert found.note == "好\ufffd"
    assert clean("a\x00b\u2028c\td") == "a b c d"


def test_a_photo_comes_without_metadata() -> None:
    body = {
        "visit_id": str(uuid.uuid4()),
        "household_id": 7,
        "in_grid_id": 3,
        "taken_at": AT.isoformat(),
        "jpeg": base64.b64encode(PLAIN).decode(),
    }
    found = told(body, Kind.PHOTO)
    assert isinstance(found, Photo)
    assert found.image == PLAIN
    for bad in ("", "%%%", "é", base64.b64encode(b"GIF89a").decode(), "A" * 700_000, None, 5):
        assert told(body | {"jpeg": bad}, Kind.PHOTO) == Held(Why.UNREADABLE, 7)


# --- clocks --------------------------------------------------------------------------------------------------------


def visit(**changes: Any) -> Visit:
    found = told(visit_body(7, 3, AT) | changes)
    assert isinstance(found, Visit)
    return found


@pytest.mark.parametrize("ahead", [timedelta(days=3), timedelta(days=-3), timedelta(minutes=6), timedelta(hours=-20)])
def test_a_wrong_clock_is_put_right(ahead: timedelta) -> None:
    at = AT + timedelta(minutes=30)
    skew = skew_s(at + ahead, at)
    found = timed(visit(visited_at=(AT + ahead).isoformat()), skew=skew, at=at)
    assert isinstance(found, Visit)
    assert found.visited_at == AT


def test_a_few_minutes_stand_but_never_in_the_future() -> None:
    early = timed(visit(visited_at=(AT - timedelta(minutes=4)).isoformat()), skew=-240, at=AT)
    late = timed(visit(visited_at=(AT + timedelta(minutes=4)).isoformat()), skew=240, at=AT)
    assert isinstance(early, Visit)
    assert isinstance(late, Visit)
    assert (early.visited_at, late.visited_at) == (AT - timedelta(minutes=4), AT)


def test_the_future_and_long_ago_are_held() -> None:
    def after(**ago: int) -> object:
        return timed(visit(visited_at=(AT - timedelta(**ago)).isoformat()), skew=0, at=AT)

    assert after(minutes=-11) == Held(Why.FUTURE, 7)
    assert after(days=401) == Held(Why.OLD, 7)
    assert isinstance(after(days=399), Visit)
    assert isinstance(after(minutes=-10), Visit)
    event = {"kind": "fall", "happened_at": (AT + timedelta(hours=1)).isoformat()}
    assert timed(visit(event=event), skew=0, at=AT) == Held(Why.FUTURE, 7)


def test_clocks_that_are_wrong_by_decades_break_nothing() -> None:
    for made_at, sent_at in [
        ("2900-12-31T23:59:59Z", "1971-01-01T00:00:00Z"),
        ("1971-01-01T00:00:00Z", "2900-01-01T00:00:00Z"),
    ]:
        skew = skew_s(datetime.fromisoformat(sent_at), AT)
        assert timed(visit(visited_at=made_at), skew=skew, at=AT) in (Held(Why.FUTURE, 7), Held(Why.OLD, 7))
    assert told(FULL | {"visited_at": "2901-01-01T00:00:00Z"}) == Held(Why.UNREADABLE, 7)


def test_a_leader_who_keeps_the_future_keeps_it_for_the_moment_it_arrived() -> None:
    found = put_right(visit(visited_at=(AT + timedelta(days=3)).isoformat()), skew=0, at=AT)
    assert isinstance(found, Visit)
    assert found.visited_at == AT


@pytest.mark.parametrize(
    ("begin", "minutes", "quiet"),
    [((9, 0), 30, False), ((8, 59), 30, True), ((20, 0), 30, False), ((20, 0), 31, True), ((23, 30), 60, True)],
)
def test_a_promise_in_quiet_hours_is_told(begin: tuple[int, int], minutes: int, quiet: bool) -> None:
    starts = datetime.combine(AT.date(), time(*begin), SHANGHAI).astimezone(UTC)
    assert is_quiet(Promise(starts, starts + timedelta(minutes=minutes)), WorkSetting(), "Asia/Shanghai") is quiet


# --- what a household is afterwards --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "consent", "before", "after"),
    [
        ("met", None, "occupied", None), ("nobody", None, "occupied", None), ("moved", None, "occupied", "moved"),
        ("vacant", None, "moved", "vacant"), ("moved", None, "moved", None), ("met", None, "vacant", "occupied"),
        ("nobody", None, "vacant", None), ("refused", None, "occupied", None),
        ("refused", "withheld", "occupied", "refused"), ("met", None, "refused", None),
        ("met", "given", "refused", "occupied"), ("moved", None, "refused", "moved"),
        ("moved", None, "excluded", None), ("met", "given", "excluded", None),
    ],
)  # fmt: skip
def test_what_was_found_decides_what_a_household_is(
    result: str, consent: str | None, before: str, after: str | None
) -> None:
    assert standing_after(visit(result=result, consent=consent), before) == after


# --- anything ------------------------------------------------------------------------------------------------------

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["met", AT.isoformat(), 7]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(sorted(FULL)) | st.text(), inner),
    max_leaves=12,
)
ANY = settings(max_examples=400, deadline=None, database=None)


@ANY
@given(st.sampled_from([*Kind, "census"]), st.dictionaries(st.sampled_from(sorted(FULL)), values), st.booleans())
def test_no_document_breaks_the_reader(kind: str, changes: dict[str, Any], whole: bool) -> None:
    text = json.dumps((FULL | changes) if whole else changes)
    found = read(kind, 1, text)
    if isinstance(found, Held | Withdrawal):
        return
    for skew in (0, 10**6, -(10**9)):
        assert isinstance(timed(found, skew=skew, at=AT), Held | type(found))


@ANY
@given(values | st.binary() | st.text())
def test_no_body_breaks_the_envelope(body: Any) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode("utf-8", "surrogatepass")
    try:
        found = read_envelope(raw)
    except Unreadable:
        return
    assert isinstance(found, Envelope)
