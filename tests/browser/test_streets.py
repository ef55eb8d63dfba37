"""The planner changes the streets on the map; the next plan walks them so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from watched import DESK, PHONE, Live, Opener

from gridmap.domain.actors import Actor, Role
from gridmap.services import streets
from gridmap.settings import Settings
from gridmap.store.database import Database


@pytest.fixture(scope="module")
def town(
    walked: Database,
    demo_id: int,
    demo_clock: Callable[[], datetime],
    serve: Callable[[Flask], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Live:
    """Serve a copy of the demo community whose streets may be changed."""
    from gridmap.web.app import create_app

    home: Path = tmp_path_factory.mktemp("home")
    app = create_app(walked, Settings(home=home, demo=True), clock=demo_clock)
    return Live(serve(app), walked, demo_id, demo_clock())


def at(page: Page, lon: float, lat: float, zoom: int = 18) -> tuple[float, float]:
    """Look at a place from near; return where it is on the screen."""
    page.evaluate("location.hash = ''")
    page.goto(f"{page.url.split('#')[0]}#{zoom}/{lat}/{lon}")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    page.wait_for_load_state("networkidle")
    box = page.locator("#map").bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_planner_shuts_a_gate_and_takes_it_back(visit: Opener, town: Live) -> None:
    planner = Actor(Role.PLANNER, town.community_id)
    with town.database.transaction(planner) as con:
        found, _ = streets.edges(con, planner, on=town.at.date())
    gate = next(one for one in found if one.edge.kind == "gate" and one.edge.walk_s is not None)
    lon, lat = (sum(point[i] for point in gate.lonlat) / len(gate.lonlat) for i in (0, 1))
    page = visit(Role.PLANNER, DESK, town).open("/streets")
    page.mouse.click(*at(page, lon, lat, 20))
    expect(page.locator("#chosen-name")).to_contain_text("大门")
    page.click("[data-change=CloseGate]")
    expect(page.locator("#toast")).to_contain_text("已保存")
    expect(page.locator("#panel-body")).to_contain_text("关上一道大门")
    with town.database.transaction(planner) as con:
        shut, _ = streets.edges(con, planner, on=town.at.date())
    assert sum(one.edge.walk_s is None for one in shut) == sum(one.edge.walk_s is None for one in found) + 1
    page.click("[data-act=undo]")
    expect(page.locator("#panel-body")).to_contain_text("已撤销")
    with town.database.transaction(planner) as con:
        again, _ = streets.edges(con, planner, on=town.at.date())
    assert sum(one.edge.walk_s is None for one in again) == sum(one.edge.walk_s is None for one in found)


def test_a_path_in_the_air_is_refused_and_one_from_a_street_is_kept(visit: Opener, town: Live) -> None:
    planner = Actor(Role.PLANNER, town.community_id)
    with town.database.transaction(planner) as con:
        found, _ = streets.edges(con, planner, on=town.at.date())
    street = max((one for one in found if one.edge.kind == "residential"), key=lambda one: one.edge.length_m)
    lon, lat = street.lonlat[0]
    page = visit(Role.PLANNER, DESK, town).open("/streets")
    x, y = at(page, lon, lat, 20)
    page.click(".modes [data-mode=path]")
    page.click("#task button[type=submit]")
    expect(page.locator("#toast .bad")).to_contain_text("在地图上依次点出")
    page.mouse.click(x, y)
    page.mouse.click(x + 60, y + 45)
    expect(page.locator("#task-words")).to_contain_text("已点 2 个点")
    page.click("#task button[type=submit]")
    expect(page.locator("#toast")).to_contain_text("已保存")
    with town.database.transaction(planner) as con:
        assert streets.edits(con, planner)[0].kind == "AddPath"


def test_who_lives_within_ten_minutes_is_told_on_a_phone(visit: Opener, town: Live) -> None:
    page = visit(Role.SECRETARY, PHONE, town).open("/streets")
    assert page.locator(".modes").count() == 0
    page.click(".tools [data-mode=reach]")
    page.touchscreen.tap(190, 200)
    expect(page.locator("#task-words")).to_contain_text("分钟内住着")
