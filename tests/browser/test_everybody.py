"""Everybody can use the pages: axe finds nothing, at a desk, on phones, with large text and with doubled text."""

from __future__ import annotations

import pytest
from playwright.sync_api import ViewportSize
from watched import DESK, NARROW, PHONE, Opener, findings

from gridmap.domain.actors import Role

PAGES = [
    (Role.SECRETARY, "/coverage"),
    (Role.SECRETARY, "/coverage?tab=needs&on=2026-09-01&group=alone"),
    (Role.SECRETARY, "/coverage/520502009005012"),
    (Role.SECRETARY, "/households"),
    (Role.SECRETARY, "/households?q=云景苑"),
    (Role.SECRETARY, "/facilities"),
    (Role.SECRETARY, "/deliveries"),
    (Role.SECRETARY, "/about"),
    (Role.SECRETARY, "/account"),
    (Role.SECRETARY, "/coverage/520502009005999"),
    (Role.WORKER, "/coverage"),
    (Role.DRIVER, "/deliveries"),
    (Role.ADMIN, "/admin/accounts"),
    (None, "/sign-in"),
]


@pytest.mark.parametrize("size", [DESK, PHONE, NARROW], ids=["desk", "phone", "narrow"])
@pytest.mark.parametrize(("role", "path"), PAGES, ids=[f"{role}{path}" for role, path in PAGES])
def test_axe_finds_nothing(visit: Opener, role: Role | None, path: str, size: ViewportSize) -> None:
    watched = visit(role, size)
    watched.page.goto(watched.base + path)
    watched.page.wait_for_load_state("networkidle")
    watched.trouble[:] = [line for line in watched.trouble if "status of 404" not in line]
    assert findings(watched.page) == []


@pytest.mark.parametrize("path", ["/coverage", "/coverage/520502009005012", "/households"])
def test_axe_finds_nothing_in_large_text(visit: Opener, path: str) -> None:
    for size in (DESK, PHONE):
        watched = visit(Role.SECRETARY, size)
        watched.page.goto(f"{watched.base}{path}?text=large")
        watched.page.wait_for_load_state("networkidle")
        assert findings(watched.page) == []


def test_doubled_text_loses_nothing(visit: Opener) -> None:
    watched = visit(Role.SECRETARY, DESK)
    page = watched.open("/coverage")
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    page.wait_for_timeout(400)
    assert page.evaluate("document.documentElement.scrollWidth") <= DESK["width"]
    assert findings(page) == []
    panel = page.locator("#panel-body")
    assert panel.evaluate("(e) => e.scrollWidth - e.clientWidth") <= 0


def test_the_household_page_is_sound_too(visit: Opener) -> None:
    watched = visit(Role.SECRETARY, DESK)
    page = watched.open("/coverage")
    page.click("#panel .grids a")
    watched.settled()
    page.click(".homes a")
    watched.settled()
    assert findings(page) == []
