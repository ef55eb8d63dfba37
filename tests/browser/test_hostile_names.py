"""Names that try to run: whatever people enter is shown as text, on every page, card, label and search result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import expect
from sqlalchemy import text
from watched import Live, Opener

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.ops.cluster import Cluster
from gridmap.services import accounts
from gridmap.settings import Settings
from gridmap.store.database import Database
from gridmap.web.app import create_app
from tests.conftest import make_demo

EVIL = [
    "<img src=x onerror=alert(1)>",
    "${alert(1)}",
    "`${alert(1)}`",
    "</script><script>alert(1)</script>",
    "'-alert(1)-'",
    '"><svg onload=alert(1)>',
    "{{7*7}}{% print 1 %}",
    "\u2028alert(1)//",
    "<a href=javascript:alert(1)>x</a>",
]
NAMED = {
    "building": "name",
    "compound": "name",
    "street": "name",
    "area": "name",
    "place": "name",
    "grid": "name",
    "worker": "name",
    "facility": "name",
    "delivery_customer": "name",
    "delivery_run": "driver",
    "need": "summary",
    "visit": "note",
    "household_spell": "reason",
    "resident": "name",
}


@pytest.fixture(scope="session")
def hostile(
    cluster: Cluster,
    demo_id: int,
    demo_clock: Callable[[], datetime],
    serve: Callable[[Flask], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Live]:
    """Serve the demo community with an evil name wherever a name can stand."""
    made = Database(make_demo(cluster, "hostile"), options={"statement_timeout": "10min"})
    with made.transaction(Actor(Machine.JOB, demo_id)) as con:
        for table, column in NAMED.items():
            for i, words in enumerate(EVIL):
                con.execute(
                    text(f"UPDATE {table} SET {column} = :words WHERE hashtext(ctid::text) % :n IN (:i, -:i)"),
                    {"words": words + ("" if table != "grid" else str(i)), "n": len(EVIL), "i": i},
                )
        con.execute(
            text("UPDATE community SET name = :words, attribution = :words WHERE id = :id"),
            {"words": EVIL[0] + EVIL[3], "id": demo_id},
        )
    operator = Actor(Machine.OPERATOR)
    with made.transaction(operator) as con:
        accounts.ensure_demo_accounts(con, operator, demo_id, at=demo_clock())
    app = create_app(made, Settings(home=Path(tmp_path_factory.mktemp("home")), demo=True), clock=demo_clock)
    yield Live(serve(app), made, demo_id, demo_clock())
    made.close()


def test_no_name_ever_runs(visit: Opener, hostile: Live) -> None:
    watched = visit(Role.SECRETARY, at=hostile)
    page = watched.open("/coverage?layers=grids,homes,groups,paper,points,runs")
    page.wait_for_selector(".pin")
    expect(page.locator("#panel h1")).to_contain_text("<img src=x onerror=alert(1)>")
    for place in range(0, 19, 3):
        page.hover(f"#panel .grids a >> nth={place}")
    page.click("#panel .grids a")
    watched.settled()
    page.wait_for_timeout(800)
    page.click(".states a >> nth=-1")
    watched.settled()
    page.click(".homes a")
    watched.settled()
    page.wait_for_timeout(800)
    stage = page.locator(".stage").bounding_box()
    assert stage
    page.mouse.click(stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2)
    page.wait_for_selector(".popup h3")
    for words in ("alert", "<img", "script"):
        page.fill("#finder input", words)
        page.wait_for_timeout(700)
    assert page.evaluate("document.querySelectorAll('img[src=x], svg[onload], a[href^=javascript]').length") == 0


@pytest.mark.parametrize("path", ["/facilities", "/deliveries", "/households?q=alert", "/about", "/account"])
def test_no_name_runs_on_the_other_pages(visit: Opener, hostile: Live, path: str) -> None:
    watched = visit(Role.SECRETARY, at=hostile)
    watched.page.goto(watched.base + path)
    watched.page.wait_for_load_state("networkidle")
    if watched.page.locator(".pin:not(.small)").count():
        watched.page.locator(".pin:not(.small)").first.click(force=True)
        watched.page.wait_for_selector(".popup h3")
    assert watched.page.evaluate("document.querySelectorAll('img[src=x], svg[onload]').length") == 0
