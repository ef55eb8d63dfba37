"""Better hours on the phone: one calm line before he sets out, one tap to take it, one to take it back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from signing import SESSION_COOKIE, new_token
from sqlalchemy import text
from watched import DESK, NARROW, PHONE, Live, Opener, findings

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.services import accounts, hours, plans
from gridmap.services.hours import Offer
from gridmap.settings import Settings
from gridmap.store.database import Database
from gridmap.web.app import create_app
from gridmap.web.reasons import clock

MOMENT = datetime.fromisoformat("2026-11-24T08:30:00+08:00")  # a Tuesday, before the usual hours
WAIT_MS = 30_000


@dataclass(frozen=True)
class Ground:
    """A server, and a worker's plan for which better hours are offered."""

    town: Live
    token: str
    plan_id: int
    offer: Offer


@pytest.fixture(scope="module")
def ground(
    walked: Database, demo_id: int, serve: Callable[[Flask], str], tmp_path_factory: pytest.TempPathFactory
) -> Ground:
    app = create_app(walked, Settings(home=tmp_path_factory.mktemp("home"), demo=True), clock=lambda: MOMENT)
    town = Live(serve(app), walked, demo_id, MOMENT)
    operator, job, on = Actor(Machine.OPERATOR), Actor(Machine.JOB, demo_id), MOMENT.date()
    with walked.transaction(job) as con:
        turns = plans.turns_of(con, job, on=on)
        rows = con.execute(text("SELECT id, number FROM grid WHERE community_id = :c"), {"c": demo_id})
        grids = {row.id: row.number for row in rows}
        for worker_id, mine in turns.items():
            plan_id = plans.make(con, job, worker_id=worker_id, on=on, at=MOMENT, iterations=400)
            if found := hours.offer(con, job, plan_id=plan_id, at=MOMENT):
                number = grids[mine[0].grid_ids[0]]
                break
        else:
            raise AssertionError("nobody is offered any hours")
    code = f"520502009005{number:03}"
    with walked.transaction(operator) as con:
        accounts.add(
            con,
            operator,
            community_id=demo_id,
            username=f"hours-{number}",
            name="网格员",
            role=Role.WORKER,
            grid_code=code,
        )
    return Ground(town, new_token(walked, demo_id, Role.WORKER, MOMENT, code), plan_id, found)


def phone(visit: Opener, ground: Ground, size: dict[str, int]) -> Page:
    """Open the worker's day."""
    page = visit(Role.WORKER, size, ground.town).page
    secure = ground.town.base.replace("http:", "https:")
    page.context.add_cookies([{"name": SESSION_COOKIE, "value": ground.token, "url": secure, "secure": True}])
    page.clock.install(time=MOMENT)
    page.add_init_script("delete Navigator.prototype.serviceWorker")
    page.goto(ground.town.base + "/today")
    page.wait_for_selector("html[data-ready]")
    return page


def starts_at(page: Page) -> int:
    """Return when the first door of the list is rung at."""
    page.wait_for_load_state("networkidle")
    return int(
        page.evaluate(
            "fetch('/today.json', { headers: { 'X-Gridmap': '1' } }).then((a) => a.json()).then((d) => d.shift.start_s)"
        )
    )


def test_one_tap_takes_better_hours_and_one_takes_them_back(visit: Opener, ground: Ground) -> None:
    page = phone(visit, ground, PHONE)
    line = page.locator("#hours")
    expect(line).to_be_visible(timeout=WAIT_MS)
    expect(line.locator("p")).to_have_text(
        f"改到 {clock(ground.offer.opens_s)} 出发，预计多见到 {ground.offer.more} 户"
    )
    box, first = line.bounding_box(), page.locator("#next h2").bounding_box()
    assert box
    assert first
    assert 0 <= box["y"] <= box["y"] + box["height"] <= first["y"]
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert findings(page) == []
    assert starts_at(page) == ground.offer.before_s  # told, not done
    line.locator("button").click()
    expect(page.locator("#undo")).to_contain_text(f"已改到 {clock(ground.offer.opens_s)} 出发", timeout=WAIT_MS)
    expect(line).to_be_hidden()
    assert starts_at(page) == ground.offer.opens_s
    page.locator("#undo .way-back").click()
    expect(page.locator("#toast")).to_contain_text("已撤销", timeout=WAIT_MS)
    assert starts_at(page) == ground.offer.before_s


def test_nothing_moves_under_the_thumb_when_the_line_appears(visit: Opener, ground: Ground) -> None:
    page = visit(Role.WORKER, PHONE, ground.town).page
    secure = ground.town.base.replace("http:", "https:")
    page.context.add_cookies([{"name": SESSION_COOKIE, "value": ground.token, "url": secure, "secure": True}])
    page.add_init_script("delete Navigator.prototype.serviceWorker")
    held: list[Callable[[], None]] = []
    page.route("**/plans/*/hours", lambda route: held.append(route.continue_))
    page.goto(ground.town.base + "/today")
    page.wait_for_selector("html[data-ready]")
    page.wait_for_function("true")
    before = page.locator("#next h2").bounding_box()
    assert held
    held[0]()
    expect(page.locator("#hours")).to_be_visible(timeout=WAIT_MS)
    after = page.locator("#next h2").bounding_box()
    assert before
    assert after
    assert abs(before["y"] - after["y"]) < 1


def test_once_a_door_is_recorded_nothing_is_offered(visit: Opener, ground: Ground) -> None:
    page = phone(visit, ground, NARROW)
    expect(page.locator("#hours")).to_be_visible(timeout=WAIT_MS)
    page.locator(".acts .nobody, .errand .met").first.click()
    expect(page.locator("#hours")).to_be_hidden()
    page.locator("#undo .way-back").last.click()


def test_a_leader_sees_the_line_on_the_plan_and_takes_it(visit: Opener, ground: Ground) -> None:
    page = visit(Role.SECRETARY, DESK, ground.town).page
    with ground.town.database.transaction(Actor(Machine.JOB, ground.town.community_id)) as con:
        plan_id = con.execute(
            text(
                'SELECT p.id FROM plan AS p JOIN plan AS q ON q.worker_id = p.worker_id AND q."on" = p."on"'
                " WHERE q.id = :id AND p.current"
            ),
            {"id": ground.plan_id},
        ).scalar_one()
    page.goto(f"{ground.town.base}/plans/{plan_id}")
    line = page.locator(".offer")
    expect(line).to_contain_text(f"改到 {clock(ground.offer.opens_s)} 出发", timeout=WAIT_MS)
    assert findings(page) == []
    line.locator("button").click()
    page.wait_for_url(lambda url: not url.endswith(f"/{plan_id}"), timeout=WAIT_MS)
    expect(page.locator("main")).to_contain_text(clock(ground.offer.opens_s))
