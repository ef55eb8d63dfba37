"""Streets over HTTP: the same streets and homes as the service gives, and sentences for nonsense."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from signing import browsers
from two_communities import Clock, Small

from gridmap.domain.actors import Role
from gridmap.settings import Settings
from gridmap.store.database import Database
from gridmap.web.app import create_app

Client = Callable[[Role | None], FlaskClient]


@pytest.fixture(scope="module")
def client(
    demo: Database, demo_id: int, demo_clock: Callable[[], datetime], tmp_path_factory: pytest.TempPathFactory
) -> Client:
    """Return what makes a browser for a role, over the demo community."""
    made = create_app(demo, Settings(home=tmp_path_factory.mktemp("home"), demo=True), clock=demo_clock)
    return browsers(made, demo, demo_id, demo_clock())


def ask(browser: FlaskClient, path: str, status: int = 200) -> Any:
    answer = browser.get(path)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_json()


def test_a_planner_gets_the_streets_of_a_box(client: Client) -> None:
    planner = client(Role.PLANNER)
    whole = ask(planner, "/streets/edges.json")
    part = ask(planner, "/streets/edges.json?box=105.279,27.305,105.281,27.307")
    assert 0 < len(part["edges"]) < len(whole["edges"])
    assert not whole["more"]
    known = {edge["id"]: edge for edge in whole["edges"]}
    assert all(known[edge["id"]] == edge for edge in part["edges"])
    gate = next(edge for edge in whole["edges"] if edge["kind"] == "gate" and edge["opens_min"] is not None)
    assert (gate["opens_min"], gate["closes_min"], gate["main"]) == (420, 1140, True)
    assert all(105 < lon < 106 and 27 < lat < 28 for edge in part["edges"] for lon, lat in edge["path"])


def test_the_list_of_entrances_no_street_reaches_holds_no_name_of_anybody(client: Client) -> None:
    listed = ask(client(Role.PLANNER), "/streets/unreached.json")["entrances"]
    assert listed
    assert set(listed[0]) == {
        *("entrance_id", "building_id", "title", "lon", "lat", "reason", "distance_m", "nearer_m", "households"),
    }


def test_reach_begins_at_the_service_centre_and_grows_with_the_minutes(client: Client) -> None:
    secretary, planner = client(Role.SECRETARY), client(Role.PLANNER)
    five, ten = (ask(secretary, f"/streets/reach?minutes={m}") for m in (5, 10))
    assert 0 < five["homes"] < ten["homes"] == len(ten["household_ids"])
    assert ten["area"]["type"] == "MultiPolygon"
    assert ask(secretary, f"/streets/reach?lon={ten['lon']}&lat={ten['lat']}") == ten
    seen = ask(planner, "/streets/reach")
    assert seen["household_ids"] == []
    assert {g["id"]: g["homes"] for g in seen["grids"] if g["homes"] is not None}.items() <= {
        g["id"]: g["homes"] for g in ten["grids"]
    }.items()


def test_a_worker_hears_of_his_own_grids_only(client: Client) -> None:
    worker, secretary = client(Role.WORKER), client(Role.SECRETARY)
    mine, whole = (ask(who, "/streets/reach?minutes=60") for who in (worker, secretary))
    assert len(mine["grids"]) < len(whole["grids"])
    assert {g["id"] for g in mine["grids"]} < {g["id"] for g in whole["grids"]}
    ask(worker, "/streets/edges.json", 403)


@pytest.mark.parametrize(
    "query",
    [
        *("reach?minutes=0", "reach?minutes=121", "reach?minutes=x", "reach?lon=105.28", "reach?lon=nan&lat=27.3"),
        *(
            "reach?lon=1e400&lat=27.3",
            "reach?lon=0&lat=0",
            "reach?lon=&lat=27",
            "edges.json?box=1,2,3",
            "reach?on=never",
        ),
        *(
            "edges.json?box=106,27,105,28",
            "edges.json?box=a,b,c,d",
            "edges.json?box=105,27,inf,28",
            "edges.json?box=,,,",
        ),
    ],
)
def test_nonsense_gets_a_sentence(client: Client, query: str) -> None:
    assert ask(client(Role.SECRETARY), f"/streets/{query}", 400)["error"]


def test_a_community_without_streets_is_told_so_door_by_door(app: Flask, small: Small, clock: Clock) -> None:
    planner = browsers(app, small.database, small.community_id, clock())(Role.PLANNER)
    assert ask(planner, "/streets/edges.json")["edges"] == []
    listed = ask(planner, "/streets/unreached.json")["entrances"]
    assert [(one["reason"], one["distance_m"]) for one in listed] == [("no_street", None)] * 2
    assert ask(planner, "/streets/reach")["homes"] == 0
