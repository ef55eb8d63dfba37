"""What phones send over HTTP: plain and sealed, twice, changed, of others, broken."""

from __future__ import annotations

import gzip
import json
import os
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from outbox import Phone, hash_of, visit_body
from signing import browser, new_token, post
from sqlalchemy import text
from two_communities import MORNING, Clock, Small, populate

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.coverage import State
from gridmap.settings import Settings
from gridmap.store.database import Database
from gridmap.web.app import create_app

FIELDS = [
    *sorted(visit_body(1, 1, MORNING)),
    *["resident_id", "dispute", "follow_up_on", "consent", "appointment", "event", "note", "plan_id"],
    *["visit_id", "taken_at", "jpeg", "errand_id", "done_at"],
]


@pytest.fixture(scope="module")
def town(new_database: Callable[[str], str]) -> Iterator[Small]:
    """Yield two communities of which no other test knows."""
    made = Small(Database(new_database("submissions")))
    with made.database.engine.begin() as connection:
        for number in (1, 2):
            populate(connection, made, number)
    yield made
    made.database.close()


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def server(town: Small, clock: Clock, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return create_app(town.database, Settings(home=tmp_path_factory.mktemp("home")), clock=clock)


@pytest.fixture(scope="module")
def phone(server: Flask, town: Small) -> Phone:
    """Return the phone of the worker of the first grid."""
    return Phone(browser(server, new_token(town.database, town.community_id, Role.WORKER, MORNING)))


@pytest.fixture
def body(town: Small) -> dict[str, Any]:
    return visit_body(town.households[0][0], town.grids[0][0], MORNING - timedelta(minutes=5))


def rows(town: Small, query: str, **values: Any) -> list[Any]:
    with town.database.transaction(Actor(Machine.JOB, town.community_id)) as con:
        return list(con.execute(text(query), {"c": town.community_id, **values}))


def test_a_visit_is_kept_counted_and_answered_the_same_each_time(
    town: Small, phone: Phone, body: dict[str, Any]
) -> None:
    sent, made = phone.envelope(body | {"needs": [{"kind": "repair", "summary": "楼道灯不亮"}]}, MORNING), uuid.uuid4()
    first = phone.put(made, sent)
    assert first.status_code == 200, first.text
    assert first.json is not None
    assert (first.json["id"], first.json["state"], first.json["hash"]) == (str(made), "kept", hash_of(sent))
    assert first.json["words"] is None
    again = phone.put(made, sent)
    assert (again.status_code, again.json) == (200, first.json)
    assert len(rows(town, "SELECT FROM visit WHERE id = :v", v=made)) == 1
    assert len(rows(town, "SELECT FROM need WHERE visit_id = :v", v=made)) == 1
    ((last, state),) = rows(
        town, "SELECT last_effective_on, state_fresh FROM household WHERE id = :h", h=body["household_id"]
    )
    assert (last, state) == (MORNING.date(), State.COVERED)
    ((worker, grid, skew),) = rows(town, "SELECT worker_id, made_in_grid_id, skew_s FROM visit WHERE id = :v", v=made)
    assert grid == town.grids[0][0]
    assert worker is not None
    assert skew == 0


def test_a_sealed_visit_is_kept_like_a_plain_one(town: Small, phone: Phone, body: dict[str, Any]) -> None:
    key, made = phone.client.get("/submissions/key").json, uuid.uuid4()
    assert key is not None
    plain = phone.envelope(body, MORNING)
    answer = phone.put(made, phone.sealed(made, plain, key))
    assert answer.status_code == 200, answer.text
    assert answer.json is not None
    assert answer.json["hash"] == hash_of(plain)
    again = phone.put(made, phone.sealed(made, plain, key))  # sealed anew: another envelope, the same text
    assert (again.status_code, again.json) == (200, answer.json)
    assert len(rows(town, "SELECT FROM visit WHERE id = :v", v=made)) == 1


def test_something_else_under_a_known_id_is_refused(phone: Phone, body: dict[str, Any]) -> None:
    made = uuid.uuid4()
    assert phone.send(body, MORNING, submission_id=made).status_code == 200
    for other in (body | {"result": "nobody"}, body | {"minutes": 9}):
        answer = phone.send(other, MORNING, submission_id=made)
        assert answer.status_code == 409
        assert answer.json is not None
        assert set(answer.json) == {"error"}
    assert phone.send(body, MORNING, kind="photo", submission_id=made).status_code == 409


def test_somebody_elses_id_looks_like_none(server: Flask, town: Small, phone: Phone, body: dict[str, Any]) -> None:
    office = Phone(browser(server, new_token(town.database, town.community_id, Role.CLERK, MORNING)))
    made, theirs = uuid.uuid4(), uuid.uuid4()
    assert phone.send(body, MORNING, submission_id=made).status_code == 200
    assert office.send(body, MORNING, submission_id=theirs).status_code == 200
    for changed in (body, body | {"minutes": 1}):
        assert office.send(changed, MORNING, submission_id=made).status_code == 404
        assert phone.send(changed, MORNING, submission_id=theirs).status_code == 404
    assert len(rows(town, "SELECT FROM visit WHERE id IN (:a, :b)", a=made, b=theirs)) == 2


# --- what is broken ------------------------------------------------------------------------------------------------

BROKEN: list[Any] = [
    b"", b"null", b"[]", b"5", b"{", b"\xff\xfe", b"[" * 100_000, b"1" * 5_000, b'{"v": 1e999}', b'{"v": NaN}', {},
    {"v": 1}, {"v": 0}, {"v": "1"}, {"v": 2**40}, {"v": True},
]  # fmt: skip


@pytest.mark.parametrize("envelope", BROKEN, ids=lambda envelope: repr(envelope)[:20])
def test_a_broken_envelope_is_refused_in_a_sentence(phone: Phone, envelope: Any) -> None:
    answer = phone.put(uuid.uuid4(), envelope)
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["error"].startswith("提交的内容读不出来")


@pytest.mark.parametrize(
    "change",
    [{"kind": None}, {"kind": "X"}, {"kind": "sealed"}, {"kind": "a" * 13}, {"captured_at": "today"}, {"sent_at": 5},
     {"sent_at": "2026-06-01T08:00:00"}, {"text": None}, {"text": {}}, {"text": "a\x00b"}, {"text": "\ud800"},
     {"sealed": 5}, {"sealed": {}}, {"sealed": {"kid": "a", "epk": "!", "iv": "AAAA", "ct": "AAAA"}}],
)  # fmt: skip
def test_an_envelope_with_a_wrong_part_is_refused(phone: Phone, body: dict[str, Any], change: dict[str, Any]) -> None:
    assert phone.put(uuid.uuid4(), phone.envelope(body, MORNING) | change).status_code == 400


def test_what_cannot_be_opened_or_read_is_held_and_shown(
    town: Small, server: Flask, phone: Phone, body: dict[str, Any]
) -> None:
    key = phone.client.get("/submissions/key").json
    assert key is not None
    plain, ids = phone.envelope(body, MORNING), [uuid.uuid4() for _ in range(5)]
    answers = [
        phone.put(ids[0], phone.sealed(ids[0], plain, {**key, "kid": "0" * 16})),
        phone.put(ids[1], phone.sealed(ids[0], plain, key)),  # sealed under another id
        phone.put(ids[2], phone.sealed(ids[2], phone.envelope("no json", MORNING), key)),
        phone.send({"far": "future"}, MORNING, kind="census", submission_id=ids[3]),
        phone.send(body, MORNING, version=2, submission_id=ids[4]),
    ]  # fmt: skip
    assert [a.status_code for a in answers] == [202] * 5
    reasons = [a.json["reason"] for a in answers if a.json]
    assert reasons == ["unknown_key", "unreadable", "unreadable", "unknown_kind", "unknown_version"]
    office = browser(server, new_token(town.database, town.community_id, Role.CLERK, MORNING))
    page, own = office.get("/held").get_data(as_text=True), phone.client.get("/held").get_data(as_text=True)
    for made in ids:
        assert f"held-{made}" in page
        assert f"held-{made}" in own
    assert 'action="/held/' in page
    assert 'action="/held/' not in own


def test_the_session_that_ended_and_the_wrong_account_are_told_in_json(
    server: Flask, phone: Phone, body: dict[str, Any]
) -> None:
    answer = Phone(browser(server)).send(body, MORNING)
    assert answer.status_code == 401
    assert answer.json is not None
    assert answer.json["error"]
    raw = json.dumps(phone.envelope(body, MORNING))
    headers = {"X-Gridmap": "1", "Content-Type": "application/json", "X-Gridmap-Account": "987654"}
    assert phone.client.put(f"/submissions/{uuid.uuid4()}", data=raw, headers=headers).status_code == 401


def test_a_body_too_large_packed_or_without_our_header_is_refused(phone: Phone, body: dict[str, Any]) -> None:
    url, raw = f"/submissions/{uuid.uuid4()}", json.dumps(phone.envelope(body, MORNING))
    headers = {"X-Gridmap": "1", "Content-Type": "application/json"}
    put = phone.client.put
    assert put(url, data=b"{" + b" " * 1_100_000, headers=headers).status_code == 413
    assert put(url, data=gzip.compress(raw.encode()), headers=headers | {"Content-Encoding": "gzip"}).status_code == 415
    assert put(url, data=raw, headers={"Content-Type": "application/json"}).status_code == 415
    assert put(url, data=raw, headers=headers | {"Origin": "https://elsewhere.example"}).status_code == 403
    assert put(url, data=raw, headers=headers).status_code == 200


def test_two_hundred_records_of_one_phone_pass_at_once(phone: Phone, body: dict[str, Any], nightly: bool) -> None:
    for n in range(200 if nightly else 40):
        assert phone.send(body | {"result": "nobody", "minutes": n}, MORNING).status_code == 200


def test_a_leader_decides_on_the_page(town: Small, server: Flask, phone: Phone, body: dict[str, Any]) -> None:
    made, other = uuid.uuid4(), uuid.uuid4()
    away = body | {"household_id": town.households[0][1]}  # of the other grid
    assert phone.send(away, MORNING, submission_id=made).status_code == 202
    assert phone.send(away, MORNING, submission_id=other).status_code == 202
    office = browser(server, new_token(town.database, town.community_id, Role.SECRETARY, MORNING))
    asked = {"item": str(made), "q": "云景苑8栋2单元102"}
    page = office.get("/held", query_string=asked).get_data(as_text=True)
    assert "已不在这个网格" in page
    assert "记到这一户" in page
    assert f"/households/{town.households[0][1]}" in page
    assert f"/households/{town.households[0][1]}" not in phone.client.get("/held").get_data(as_text=True)
    assert "条手机记录待决定" in office.get("/coverage?on=2026-06-01").get_data(as_text=True)
    assert post(office, f"/held/{made}", decision="keep").status_code == 303
    assert post(office, f"/held/{made}", decision="keep").status_code == 409
    assert post(office, f"/held/{other}", decision="drop").status_code == 400
    assert post(office, f"/held/{other}", decision="drop", note="记错了").status_code == 303
    assert post(office, f"/held/{other}", decision="maybe").status_code == 400
    assert post(office, f"/held/{uuid.uuid4()}", decision="keep", household_id="x").status_code == 400
    assert post(office, f"/held/{uuid.uuid4()}", decision="keep").status_code == 404
    assert len(rows(town, "SELECT FROM visit WHERE id IN (:a, :b)", a=made, b=other)) == 1
    assert phone.send(away, MORNING, submission_id=made).status_code == 200
    dropped = phone.send(away, MORNING, submission_id=other)
    assert (dropped.status_code, dropped.json and dropped.json["state"]) == (200, "dropped")


def asked(phone: Phone, *ids: object) -> dict[str, tuple[str, str | None]]:
    answer = phone.client.get(
        "/submissions", query_string=[("id", str(one)) for one in ids], headers={"X-Gridmap": "1"}
    )
    assert answer.status_code == 200, answer.text
    return {one["id"]: (one["state"], one["words"]) for one in answer.get_json()["submissions"]}


def test_a_phone_learns_what_was_decided_about_its_own_records(town: Small, server: Flask, phone: Phone) -> None:
    office = browser(server, new_token(town.database, town.community_id, Role.SECRETARY, MORNING))
    away = visit_body(town.households[0][1], town.grids[0][0], MORNING - timedelta(hours=3))
    ids = [str(uuid.uuid4()) for _ in range(3)]
    for made in ids:
        assert phone.send(away, MORNING, submission_id=uuid.UUID(made)).status_code == 202
    assert [state for state, _ in asked(phone, *ids).values()] == ["held"] * 3
    post(office, f"/held/{ids[0]}", decision="keep")
    post(office, f"/held/{ids[1]}", decision="drop", note="记错了门")
    told = asked(phone, *ids, uuid.uuid4())
    assert told[ids[0]] == ("kept", None)
    assert told[ids[1]] == ("dropped", "负责人看过，没有采用：记错了门")
    assert told[ids[2]][0] == "held"
    assert len(told) == 3
    assert asked(Phone(office), *ids) == {}
    stranger = browser(server, new_token(town.database, town.communities[1], Role.WORKER, MORNING))
    assert asked(Phone(stranger), *ids) == {}


@pytest.mark.parametrize("ids", [["x"], [""], ["1"], [str(uuid.uuid4())] * 51, ["'; drop table submission; --"]])
def test_a_question_that_makes_no_sense_is_refused(phone: Phone, ids: list[str]) -> None:
    answer = phone.client.get("/submissions", query_string=[("id", one) for one in ids], headers={"X-Gridmap": "1"})
    assert answer.status_code == 400
    assert answer.get_json()["error"]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
MANY = 3_000 if os.environ.get("GRIDMAP_NIGHTLY") else 120


@settings(max_examples=MANY, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["visit", "photo", "withdrawal", "errand", "census"]),
    st.dictionaries(st.sampled_from(FIELDS), anything, max_size=4),
    st.dictionaries(st.sampled_from(["v", "kind", "captured_at", "sent_at", "text", "sealed"]), anything, max_size=1),
    st.booleans(),
)
def test_nothing_a_phone_sends_is_a_fault_of_the_server(
    town: Small,
    phone: Phone,
    kind: str,
    changes: dict[str, Any],
    broken: dict[str, Any],
    sealed: bool,
) -> None:
    made, body = uuid.uuid4(), visit_body(town.households[0][0], town.grids[0][0], MORNING) | changes
    envelope = phone.envelope(json.dumps(body), MORNING, kind) | broken
    key = phone.client.get("/submissions/key").json
    assert key is not None
    if sealed and not broken:
        envelope = phone.sealed(made, envelope, key)
    raw = json.dumps(envelope).encode("utf-8", "surrogatepass")
    answer = phone.put(made, raw)
    assert answer.status_code in {200, 202, 400}, answer.text
    assert phone.put(made, raw).status_code == answer.status_code
