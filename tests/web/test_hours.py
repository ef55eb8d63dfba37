"""Better hours over HTTP: one line in words, one number that comes back, and a switch for the community."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from signing import post
from two_communities import Clock, Small

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.services import hours, plans, working
from gridmap.services.hours import Offer
from gridmap.web.hours import offer_json

Client = Callable[[Role | None], FlaskClient]
HEADERS = {"X-Gridmap": "1"}
NINE, LATE = 9 * 3600, 16 * 3600 + 1800


def test_an_offer_is_one_line_and_what_a_tap_sends(app: Flask) -> None:
    with app.test_request_context("/today"):
        told = offer_json(Offer(7, NINE, LATE, LATE + 3 * 3600, 6))
        assert offer_json(None) is None
    assert told == {
        "plan_id": 7,
        "start_s": LATE,
        "before_s": NINE,
        "words": "改到 16:30 出发，预计多见到 6 户",
        "take": "改到 16:30",
        "taken": "已改到 16:30 出发",
    }


@pytest.mark.parametrize("raw", [b"", b"null", b"[]", b"{", b"\xff", b"{}", b'{"start_s": -1}', b'{"start_s": 86400}',
                                 b'{"start_s": 1.5}', b'{"start_s": true}', b'{"start_s": "9"}'])  # fmt: skip
def test_a_body_that_names_no_start_is_refused(client: Client, raw: bytes) -> None:
    headers = HEADERS | {"Content-Type": "application/json"}
    assert client(Role.WORKER).post("/plans/1/hours", data=raw, headers=headers).status_code == 400


def test_another_plan_looks_like_none(client: Client) -> None:
    for role in (Role.WORKER, Role.SECRETARY):
        assert client(role).get(f"/plans/{2**60}/hours").status_code == 404
        answer = client(role).post(f"/plans/{2**60}/hours", json={"start_s": LATE}, headers=HEADERS)
        assert answer.status_code == 404
        assert answer.get_json()["error"]


def test_a_page_on_another_site_cannot_take_hours(client: Client) -> None:
    assert client(Role.WORKER).post("/plans/1/hours", data={"start_s": LATE}).status_code == 415


@pytest.fixture
def planned(small: Small, clock: Clock) -> int:
    """Return the plan of the first worker of the small world for tomorrow."""
    job, at = Actor(Machine.JOB, small.community_id), clock()
    on = at.date() + timedelta(days=1)
    with small.database.transaction(job) as con:
        worker_id = next(iter(working.duties(con, job, on=on)))
        working.set_shift(con, job, worker_id=worker_id, on=on, spans=[])
        return plans.make(con, job, worker_id=worker_id, on=on, at=at, iterations=10)


def test_taking_hours_tells_the_day_anew_to_a_worker_and_an_address_to_a_leader(
    client: Client, planned: int, small: Small, clock: Clock
) -> None:
    assert planned
    found: dict[str, Any] = client(Role.CLERK).get(f"/plans/{planned}/hours").get_json()
    assert found == {"offer": None, "may_take": False}  # two doors are too few to change a day for
    answer = client(Role.WORKER).post(f"/plans/{planned}/hours", json={"start_s": LATE}, headers=HEADERS)
    assert answer.status_code == 200
    day = answer.get_json()
    assert day["shift"] == {"start_s": LATE, "end_s": LATE + 3 * 3600}
    assert day["plan_id"] != planned
    stale = client(Role.WORKER).post(f"/plans/{planned}/hours", json={"start_s": LATE}, headers=HEADERS)
    assert stale.status_code == 409
    back = client(Role.SECRETARY).post(f"/plans/{day['plan_id']}/hours", json={"start_s": NINE}, headers=HEADERS)
    assert client(Role.SECRETARY).get(back.get_json()["url"]).status_code == 200
    with small.database.transaction(Actor(Machine.JOB, small.community_id)) as con:
        job, made = Actor(Machine.JOB, small.community_id), back.get_json()["plan_id"]
        assert hours.offer(con, job, plan_id=made, at=datetime.max.replace(tzinfo=clock().tzinfo, year=9000)) is None


def test_the_secretary_switches_offers_off_and_on(client: Client) -> None:
    secretary = client(Role.SECRETARY)
    assert post(client(Role.CLERK), "/settings/hours", offer_hours="off").status_code == 403
    assert post(secretary, "/settings/hours", offer_hours="perhaps").status_code == 400
    assert post(secretary, "/settings/hours", offer_hours="off").status_code == 303
    assert "建议出发时间" in secretary.get("/settings").get_data(as_text=True)
    assert post(secretary, "/settings/hours", offer_hours="on").status_code == 303
