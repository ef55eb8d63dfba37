"""A worker reads on his phone what other borders moved, and puts it away with one tap."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import pytest
from border_town import Town, new_community
from flask import Flask
from playwright.sync_api import expect
from small_world import at
from two_communities import Clock
from watched import NARROW, PHONE, Live, Opener, findings

from gridmap.domain.actors import Role
from gridmap.settings import Settings
from gridmap.store.database import Database
from gridmap.web.app import create_app

DAY = date(2026, 6, 1)


@pytest.fixture(scope="module")
def live(
    new_database: Callable[[str], str], serve: Callable[[Flask], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    """Serve a town whose first worker gained two houses this morning."""
    database = Database(new_database("notices"))
    with database.engine.begin() as con:
        town = Town(con, new_community(con), columns=2)
        for home in town.households[1]:
            town.visit(home, at(DAY - timedelta(days=2)), worker=1)
        town.publish(town.draft(DAY, town.shifted(0.4)), DAY, at(DAY, 7))
    app = create_app(database, Settings(home=tmp_path_factory.mktemp("notices")), clock=Clock())
    yield Live(serve(app), database, town.community_id, at(DAY, 8))
    until = time.monotonic() + 10
    while database.engine.pool.checkedout() and time.monotonic() < until:  # type: ignore[attr-defined]
        time.sleep(0.05)  # the page has gone, what it asked for last is still answered
    database.close()


def test_a_notice_is_read_and_put_away_with_one_tap(visit: Opener, live: Live) -> None:
    watched = visit(Role.WORKER, PHONE, live)
    watched.page.goto(f"{live.base}/today")
    notice = watched.page.locator(".strip.borders")
    expect(notice).to_contain_text("2026年6月1日起，网格1的边界有调整")
    expect(notice).to_contain_text("4 户从网格2转来。 转来的住户带来 4 次之前的走访。")
    for size in (NARROW, PHONE):
        watched.page.set_viewport_size(size)
        assert findings(watched.page) == []
        assert watched.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if folder := os.environ.get("GRIDMAP_SHOTS"):
        watched.page.screenshot(path=f"{folder}/notice.png")
    notice.get_by_role("button", name="知道了").click()
    expect(notice).to_have_count(0)
    assert watched.page.url.endswith("/today")
