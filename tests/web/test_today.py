"""The worker's day over HTTP: what its JSON tells, what a wish for another order may hold, whose needs are listed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from two_communities import Small
from walk_days import GRID, a_day

from gridmap.domain.actors import Role
from gridmap.domain.working import WorkSetting
from gridmap.errors import BadInput
from gridmap.web import forms
from gridmap.web.today import day_json

Client = Callable[[Role | None], FlaskClient]
HEADERS = {"X-Gridmap": "1"}
WISH: dict[str, Any] = {
    "plan_id": 7,
    "done": [1, 2],
    "skipped": [],
    "skipped_errands": [4],
    "not_home": [{"household_id": 3, "again": "today"}],
    "minutes_left": 40,
    "emergency": None,
    "here": [105.28, 27.3],
}


def test_a_day_is_told_in_words(app: Flask) -> None:
    with app.test_request_context("/today"):
        told = day_json(a_day())
    door = told["stops"][0]["doors"][0]
    assert told["title"] == "第十二网格"
    assert told["dated"] == "11月23日 星期一"
    assert door["groups"] == ["独居", "高龄"]
    assert door["last"] == "8月17日 见到了"
    assert [one["words"] for one in door["due"]] == ["逾期 6 天"]
    assert door["due"][0]["tone"] == "bad"
    assert told["stops"][1]["doors"][0]["reasons"][0]["words"] == "突发危机，5 小时内要走访"
    assert json.loads(json.dumps(told)) == json.loads(json.dumps(told, sort_keys=True))


def test_an_errand_tells_in_which_grid_it_is(app: Flask) -> None:
    with app.test_request_context("/today"):
        told = day_json(a_day())
    errands = [stop for stop in told["stops"] if stop["kind"] == "errand"]
    assert [stop["errand"]["grid_id"] for stop in errands] == [GRID]
    assert [stop["errand"] for stop in told["stops"] if stop["doors"]] == [None] * (len(told["stops"]) - 1)


def test_a_phone_with_an_older_page_need_not_tell_of_errands() -> None:
    told = {key: value for key, value in WISH.items() if key != "skipped_errands"}
    assert forms.replan(json.dumps(told).encode())["skipped_errands"] == ()


def test_links_to_map_apps_are_told_only_when_switched_on(app: Flask) -> None:
    with app.test_request_context("/today"):
        off, on = day_json(a_day(), WorkSetting()), day_json(a_day(), replace(WorkSetting(), navigation=True))
    assert [stop["links"] for stop in off["stops"]] == [[]] * len(off["stops"])
    assert all(link["url"] for stop in on["stops"] for link in stop["links"])
    assert all("云景苑" not in link["url"] for stop in on["stops"] for link in stop["links"])


def test_a_wish_is_read_as_it_was_meant() -> None:
    assert forms.replan(json.dumps(WISH).encode()) == {
        "plan_id": 7,
        "done": (1, 2),
        "skipped": (),
        "skipped_errands": (4,),
        "not_home": {3: "today"},
        "minutes_left": 40,
        "emergency": None,
        "here": (105.28, 27.3),
    }


@pytest.mark.parametrize(
    "change",
    [
        {"plan_id": 0},
        {"plan_id": True},
        {"plan_id": 2**63},
        {"done": "1"},
        {"done": [1.5]},
        {"done": list(range(1, 2002))},
        {"not_home": [{"household_id": 3, "again": "never"}]},
        {"not_home": [3]},
        {"skipped_errands": ["4"]},
        {"minutes_left": -1},
        {"minutes_left": 1441},
        {"here": [105.28]},
        {"here": [105.28, 97]},
        {"here": ["105.28", "27.3"]},
        {"here": {"lon": 105}},
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(client: Client, change: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        forms.replan(json.dumps(WISH | change).encode())
    answer = client(Role.WORKER).post("/today/replan", json=WISH | change, headers=HEADERS)
    assert answer.status_code == 400
    assert answer.get_json()["error"]


@pytest.mark.parametrize("raw", [b"", b"null", b"[]", b"{", b"\xff", b'{"plan_id": 1e999}', b"[" * 60_000])
def test_a_body_that_is_no_wish_is_refused(client: Client, raw: bytes) -> None:
    headers = HEADERS | {"Content-Type": "application/json"}
    assert client(Role.WORKER).post("/today/replan", data=raw, headers=headers).status_code == 400


def test_another_plan_looks_like_none(client: Client) -> None:
    answer = client(Role.WORKER).post("/today/replan", json=WISH | {"plan_id": 2**60}, headers=HEADERS)
    assert answer.status_code == 404


def test_needs_are_listed_for_ones_own_grids_the_oldest_first(client: Client, small: Small) -> None:
    own, other = (f"/households/{door}" for door in small.households[0])
    leader = client(Role.SECRETARY).get("/needs").get_data(as_text=True)
    worker = client(Role.WORKER).get("/needs").get_data(as_text=True)
    assert own in leader
    assert own in worker
    assert "3 天前" in worker
    elsewhere = client(Role.WORKER).get(f"/needs?grid={small.codes[0][1]}").get_data(as_text=True)
    assert other in leader
    assert "没有在办的诉求" in elsewhere


def test_the_recorder_of_a_household_knows_who_lives_there(client: Client, small: Small) -> None:
    door = small.households[0][0]
    page = client(Role.CLERK).get(f"/visits/{door}").get_data(as_text=True)
    told = json.loads(page.partition('id="visit">')[2].partition("</script>")[0])
    assert told["door"]["household_id"] == door
    assert len(told["door"]["members"]) == 1
    assert told["key"]["jwk"]["crv"] == "P-256"
