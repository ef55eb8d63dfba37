"""What phones send over HTTP: plain and sealed, twice, changed, of others, broken."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from outbox import Phone, hash_of, visit_body
from signing import browser, new_token
from sqlalchemy import text
from two_communities import MORNING, Clock, Small, populate

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.coverage import State
from gridmap.settings import Settings
from gridmap.store.database import Database
from gridmap.web.app import create_app


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
