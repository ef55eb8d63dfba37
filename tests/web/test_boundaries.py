"""Borders over HTTP: drafts are drawn, refused with sentences, held by one, and belong to one community."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from signing import browsers, post
from two_communities import DAY, Clock, Small

from gridmap.domain.actors import Role

Client = Callable[[Role | None], FlaskClient]
MIDDLE, EAST = [105.282, 27.3005], [105.2824, 27.3005]  # on the border the two grids share, and inside the second
INSERT = {"kind": "insert", "at": MIDDLE, "to": EAST}


@pytest.fixture
def planner(client: Client) -> FlaskClient:
    return client(Role.PLANNER)


@pytest.fixture
def draft(planner: FlaskClient) -> str:
    """Begin a draft; return its address."""
    answer = post(planner, "/boundaries", title="把东边还给东边")
    assert answer.status_code == 303
    return str(answer.location)


def send(browser: FlaskClient, url: str, body: Any, status: int = 200) -> Any:
    answer = browser.post(url, json=body, headers={"X-Gridmap": "1"})
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_json()


def state(browser: FlaskClient, draft: str) -> Any:
    return browser.get(f"{draft}/state.json").get_json()


def test_a_draft_begins_as_the_present_borders_and_is_listed(planner: FlaskClient, draft: str) -> None:
    assert "把东边还给东边" in planner.get("/boundaries").get_data(as_text=True)
    assert "把东边还给东边" in planner.get(draft).get_data(as_text=True)
    told = state(planner, draft)
    assert [grid["number"] for grid in told["grids"]] == [1, 2]
    assert told["plan"]["editable"]
    assert told["total"]["cards"] == []


def test_a_draft_without_a_name_is_called_after_its_day(planner: FlaskClient) -> None:
    url = post(planner, "/boundaries", title="  ").location
    assert f"{DAY} 的边界方案" in planner.get(str(url)).get_data(as_text=True)


def test_a_preview_tells_what_would_happen_and_keeps_nothing(planner: FlaskClient, draft: str) -> None:
    before = state(planner, draft)
    told = send(planner, f"{draft}/preview", {"operation": INSERT})
    assert {card["name"] for card in told["step"]["cards"]} == {"第1网格", "第2网格"}
    assert told["sentence"] is None
    assert state(planner, draft) == before


def test_what_cannot_be_drawn_gets_a_sentence(planner: FlaskClient, draft: str) -> None:
    far = {"kind": "insert", "at": MIDDLE, "to": [105.29, 27.32]}
    told = send(planner, f"{draft}/preview", {"operation": far})
    assert told["sentence"]
    assert send(planner, f"{draft}/edit", {"revision": 0, "operation": far}, 400)["error"] == told["sentence"]
    assert state(planner, draft)["plan"]["revision"] == 0


def test_an_edit_is_kept_exactly_undone_and_done_again(planner: FlaskClient, draft: str) -> None:
    before = state(planner, draft)["grids"]
    told = send(planner, f"{draft}/edit", {"revision": 0, "operation": INSERT})
    assert {grid["number"] for grid in told["changed"]} == {1, 2}
    assert told["plan"]["can_undo"]
    after = state(planner, draft)["grids"]
    assert after != before
    gone = send(planner, f"{draft}/undo", {"revision": told["plan"]["revision"]})
    assert state(planner, draft)["grids"] == before
    assert gone["total"]["cards"] == []
    send(planner, f"{draft}/redo", {"revision": gone["plan"]["revision"]})
    assert state(planner, draft)["grids"] == after


def test_an_edit_of_an_older_state_is_refused(planner: FlaskClient, draft: str) -> None:
    send(planner, f"{draft}/edit", {"revision": 0, "operation": INSERT})
    assert send(planner, f"{draft}/edit", {"revision": 0, "operation": INSERT}, 409)["error"]


def test_grids_are_renamed_locked_and_joined(planner: FlaskClient, draft: str) -> None:
    one, other = (grid["key"] for grid in state(planner, draft)["grids"])
    told = send(planner, f"{draft}/rename", {"revision": 0, "key": one, "name": "河东网格"})
    assert [grid["name"] for grid in told["changed"]] == ["河东网格"]
    assert {grid["name"] for grid in state(planner, draft)["grids"]} == {"河东网格", "第2网格"}
    told = send(planner, f"{draft}/lock", {"revision": 1, "key": one, "locked": True})
    assert [grid["locked"] for grid in told["changed"]] == [True]
    assert "锁定" in send(planner, f"{draft}/preview", {"operation": INSERT})["sentence"]
    send(planner, f"{draft}/lock", {"revision": 2, "key": one, "locked": False})
    send(planner, f"{draft}/kind", {"revision": 3, "key": other, "grid_kind": "commercial"})
    told = send(planner, f"{draft}/edit", {"revision": 4, "operation": {"kind": "join", "keep": one, "gone": other}})
    assert {"key": other, "gone": True} in told["changed"]
    assert len(state(planner, draft)["grids"]) == 1


def test_a_planner_sees_no_small_number_of_a_special_group(planner: FlaskClient, draft: str) -> None:
    grids = {grid["number"]: grid["key"] for grid in state(planner, draft)["grids"]}
    told = send(planner, f"{draft}/preview", {"operation": {"kind": "join", "keep": grids[2], "gone": grids[1]}})
    shown = [row for card in told["step"]["cards"] for row in card["groups"]]
    assert all(row[side] in {"<5", "—"} for row in shown for side in ("before", "after"))


def test_people_talk_about_a_draft_and_their_words_are_text(planner: FlaskClient, draft: str) -> None:
    words = "<b>东边</b>的门 & 西边的门"
    told = send(planner, f"{draft}/comments", {"words": words})
    assert [one["words"] for one in told["comments"]] == [words]
    assert "<b>东边" not in planner.get(draft).get_data(as_text=True)


def test_the_ground_of_a_building_is_found_and_given(planner: FlaskClient, draft: str) -> None:
    at = [105.2815, 27.3005]
    found = send(planner, f"{draft}/ground", {"at": at, "unit": "building"})
    assert found["name"] == "云景苑7栋"
    assert send(planner, f"{draft}/ground", {"at": at, "unit": "compound"}, 404)["error"]
    assert send(planner, f"{draft}/ground", {"at": at, "unit": "planet"}, 400)["error"]
    gift = {"kind": "give", "unit": "building", "ids": [2**40], "to": 1}
    assert send(planner, f"{draft}/edit", {"revision": 0, "operation": gift}, 404)["error"]


def test_who_may_only_read_cannot_draw(client: Client, draft: str) -> None:
    clerk = client(Role.CLERK)
    assert clerk.get(draft).status_code == 200
    assert "border-tools" not in clerk.get(draft).get_data(as_text=True)
    assert not state(clerk, draft)["plan"]["editable"]
    send(clerk, f"{draft}/edit", {"revision": 0, "operation": INSERT}, 403)
    assert client(Role.WORKER).get(draft).status_code == 403
    assert client(Role.DRIVER).get("/boundaries").status_code == 403


def test_a_draft_is_held_by_one_until_a_secretary_takes_it(client: Client, planner: FlaskClient, draft: str) -> None:
    secretary = client(Role.SECRETARY)
    assert state(secretary, draft)["plan"]["held"]
    assert "正在编辑" in send(secretary, f"{draft}/edit", {"revision": 0, "operation": INSERT}, 409)["error"]
    send(secretary, f"{draft}/hold", {"reason": ""}, 400)
    send(secretary, f"{draft}/hold", {"reason": "规划员出差"})
    assert state(secretary, draft)["plan"]["editable"]
    assert not state(planner, draft)["plan"]["editable"]
    send(secretary, f"{draft}/release", {})
    assert state(planner, draft)["plan"]["editable"]


def test_handing_in_needs_a_reason_and_a_day_to_come(client: Client, planner: FlaskClient, draft: str) -> None:
    revision = send(planner, f"{draft}/edit", {"revision": 0, "operation": INSERT})["plan"]["revision"]
    wish = {"revision": revision, "reason": "试一试", "effect_on": str(DAY)}
    for odd in ({"reason": "  "}, {"effect_on": "2026-05-31"}, {"effect_on": "soon"}, {"effect_on": None}):
        assert send(planner, f"{draft}/submit", wish | odd, 400)["error"]
    assert send(planner, f"{draft}/submit", wish)["next"] == f"{draft}/approve"
    assert post(planner, f"{draft}/approve", revision=str(revision)).status_code == 403
    assert "1 个边界方案等您审批" in client(Role.SECRETARY).get("/coverage").get_data(as_text=True)
    assert "个边界方案等您审批" not in planner.get("/coverage").get_data(as_text=True)
    page = client(Role.SECRETARY).get(f"{draft}/approve").get_data(as_text=True)
    assert "试一试" in page
    assert "您的决定" in page
    seen = state(planner, draft)["plan"]["revision"]
    sent = post(client(Role.SECRETARY), f"{draft}/send-back", revision=str(seen), note="东边的楼切开了")
    assert sent.status_code == 303
    assert "东边的楼切开了" in planner.get(draft).get_data(as_text=True)


def test_a_draft_can_be_thrown_away_by_who_saw_its_last_state(planner: FlaskClient, draft: str) -> None:
    assert post(planner, f"{draft}/discard", revision="7").status_code == 409
    assert post(planner, f"{draft}/discard", revision="0").status_code == 303
    assert state(planner, draft)["plan"]["state"] == "discarded"


def test_another_communitys_draft_does_not_exist(app: Flask, small: Small, clock: Clock, draft: str) -> None:
    other = browsers(app, small.database, small.communities[1], clock())(Role.PLANNER)
    for path in (
        "",
        "/state.json",
        "/approve",
        "/faults.json",
        "/walking.json?keys=1",
        "/lines.json?box=105,27,106,28",
    ):
        assert other.get(draft + path).status_code == 404, path
    body = {"revision": 0, "operation": INSERT, "key": 1, "locked": True, "words": "x"}
    for what in ("edit", "undo", "lock", "hold", "release", "rebase", "comments"):
        send(other, f"{draft}/{what}", body, 404)
    send(other, f"{draft}/submit", body | {"reason": "x", "effect_on": str(DAY)}, 404)


@pytest.mark.parametrize(
    "body",
    [
        *(None, [], "x", 7, {}, {"operation": None}, {"operation": {"kind": "explode"}}, {"operation": {"kind": []}}),
        *({"operation": {"kind": "move"}}, {"operation": {"kind": "move", "at": [1], "to": [2, 3]}}),
        {"operation": {"kind": "move", "at": [1e300, 5], "to": [2, 3]}},
        {"operation": {"kind": "move", "at": ["105", "27"], "to": [True, None]}},
        {"operation": {"kind": "cut", "key": 0, "line": [[105.28, 27.3], [105.29, 27.3]]}},
        {"operation": {"kind": "cut", "key": 2**63, "line": []}},
        {"operation": {"kind": "reshape", "line": [[105.28, 27.3]] * 9_000}},
        {"operation": {"kind": "reshape", "line": [[105.28, 27.3], [105.29, 27.31], [105.29, 27.3], [105.28, 27.31]]}},
        {"operation": {"kind": "draw", "ring": [[0, 0], [1, 1], [0, 1], [1, 0]]}},
        {"operation": {"kind": "draw", "ring": [[-179, -80], [179, -80], [179, 80], [-179, 80]]}},
        {"operation": {"kind": "bend", "moves": [[[105.28, 27.3]]]}},
        {"operation": {"kind": "bend", "moves": []}},
        {"operation": {"kind": "straighten", "corners": [[105.28, 27.3], [105.28, 27.3]]}},
        {"operation": {"kind": "join", "keep": 1, "gone": 1}},
        {"operation": {"kind": "give", "unit": "building", "ids": [], "to": 1}},
        {"operation": {"kind": "give", "unit": "x" * 400, "ids": [1], "to": -(2**40)}},
    ],
)
def test_nonsense_gets_a_sentence_and_changes_nothing(planner: FlaskClient, draft: str, body: Any) -> None:
    revised = {"revision": 0, **body} if isinstance(body, dict) else body
    answer = planner.post(f"{draft}/edit", json=revised, headers={"X-Gridmap": "1"})
    assert answer.status_code in {400, 404, 415}
    assert answer.get_json()["error"]
    tried = planner.post(f"{draft}/preview", json=body, headers={"X-Gridmap": "1"})
    assert tried.status_code in {200, 400, 404, 415}
    assert state(planner, draft)["plan"]["revision"] == 0
