"""A leader decides, on the page, what a phone sent and nobody could count."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from outbox import Phone, visit_body
from playwright.sync_api import ViewportSize, expect
from signing import browser, new_token
from two_communities import MORNING, Clock, Small, populate
from watched import DESK, NARROW, PHONE, Live, Opener, findings

from gridmap.domain.actors import Role
from gridmap.settings import Settings
from gridmap.store.database import Database
from gridmap.web.app import create_app


@pytest.fixture(scope="module")
def office(
    new_database: Callable[[str], str], serve: Callable[[Flask], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Live, list[uuid.UUID]]]:
    """Serve a small community whose worker sent three things that wait."""
    town = Small(Database(new_database("held_pages")))
    with town.database.engine.begin() as con:
        for number in (1, 2):
            populate(con, town, number)
    app = create_app(town.database, Settings(home=tmp_path_factory.mktemp("held")), clock=Clock())
    phone = Phone(browser(app, new_token(town.database, town.community_id, Role.WORKER, MORNING)))
    (own, away), grid = town.households[0], town.grids[0][0]
    night = (MORNING + timedelta(hours=14)).isoformat()
    late = {"starts_at": night, "ends_at": (MORNING + timedelta(hours=15)).isoformat()}
    bodies = [
        visit_body(away, grid, MORNING - timedelta(hours=1), needs=[{"kind": "care", "summary": "买药"}]),
        visit_body(own, grid, MORNING - timedelta(hours=2), appointment=late),
        visit_body(10**9, grid, MORNING - timedelta(hours=3), result="nobody"),
    ]
    ids = [uuid.uuid4() for _ in bodies]
    for made, body in zip(ids, bodies, strict=True):
        assert phone.send(body, MORNING, submission_id=made).status_code == 202
    yield Live(serve(app), town.database, town.community_id, MORNING), ids
    town.database.close()


@pytest.mark.parametrize("size", [DESK, PHONE, NARROW], ids=["desk", "phone", "narrow"])
def test_everybody_can_use_the_list(visit: Opener, office: tuple[Live, list[uuid.UUID]], size: ViewportSize) -> None:
    live, ids = office
    watched = visit(Role.SECRETARY, size, live)
    watched.page.goto(f"{live.base}/held?item={ids[2]}&q=云景苑8栋2单元102")
    expect(watched.page.locator("#held-rows > li")).to_have_count(3)
    assert findings(watched.page) == []
    assert watched.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_leader_keeps_one_for_another_household(visit: Opener, office: tuple[Live, list[uuid.UUID]]) -> None:
    live, ids = office
    page = visit(Role.SECRETARY, PHONE, live).page
    page.goto(f"{live.base}/held")
    row = page.locator(f"#held-{ids[2]}")
    row.get_by_text("记到另一户").click()
    row.get_by_role("searchbox").fill("云景苑8栋2单元102")
    row.get_by_role("button", name="查找").click()
    page.locator(f"#held-{ids[2]}").get_by_role("button", name="记到这一户").click()
    expect(page.locator("#held-rows > li")).to_have_count(2)
    expect(page.locator(f"#held-{ids[2]}")).to_have_count(0)
