"""A real browser on a live server over the demo community; every page is watched while a test uses it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from flask import Flask
from playwright.sync_api import Browser, ViewportSize, sync_playwright
from signing import OPERATOR, SESSION_COOKIE, new_token
from watched import CHROMIUM, DESK, FLAGS, Live, Opener, Watched
from werkzeug.serving import make_server

from gridmap.domain.actors import Role
from gridmap.ops.cluster import Cluster
from gridmap.services import accounts
from gridmap.store.database import Database
from tests.conftest import PROCESS, make_demo

BLOCKED = "Service Worker registration blocked by Playwright"  # where a test asked for that
WATCH = """
window.trouble = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.trouble.push(`${event.violatedDirective} ${event.blockedURI}`);
});
window.alert = (words) => window.trouble.push(`alert ${words}`);
"""


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[Flask], str]]:
    """Return what serves an application on a free port until the run ends."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    servers = []

    def start(app: Flask) -> str:
        server = make_server("127.0.0.1", 0, app, threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def live(
    app: Flask, demo: Database, demo_id: int, demo_clock: Callable[[], datetime], serve: Callable[[Flask], str]
) -> Live:
    """Serve the demo community."""
    return Live(serve(app), demo, demo_id, demo_clock())


@pytest.fixture(scope="session")
def walked(cluster: Cluster, demo_id: int, demo_clock: Callable[[], datetime]) -> Iterator[Database]:
    """Yield a copy of the demo community, with an account for each role, into which browser tests may write."""
    made = Database(make_demo(cluster, f"walked{PROCESS}"), options={"statement_timeout": "10min"})
    with made.transaction(OPERATOR) as con:
        accounts.ensure_demo_accounts(con, OPERATOR, demo_id, at=demo_clock())
    yield made
    made.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Start one browser for the whole run."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser, live: Live) -> Iterator[Opener]:
    """Return what opens a page as a role; at the end no page may have met any trouble."""
    opened: list[Watched] = []
    contexts = []

    def make(role: Role | None, size: ViewportSize = DESK, at: Live | None = None, **options: object) -> Watched:
        place = at or live
        small = size["width"] < 800
        usual = {"has_touch": small, "is_mobile": small, "locale": "zh-CN", "reduced_motion": "reduce"}
        context = chromium.new_context(viewport=size, **(usual | options))
        contexts.append(context)
        if role is not None:
            token = new_token(place.database, place.community_id, role, place.at)
            secure = place.base.replace("http:", "https:")
            context.add_cookies([{"name": SESSION_COOKIE, "value": token, "url": secure, "secure": True}])
        context.add_init_script(WATCH)
        page = context.new_page()
        watched = Watched(page, place.base)
        page.on("pageerror", lambda error: watched.trouble.append(f"error {error}"))
        page.on("dialog", lambda dialog: watched.trouble.append(f"dialog {dialog.message}"))
        page.on(
            "console",
            lambda line: (
                watched.trouble.append(f"console {line.text}")
                if line.type in {"error", "warning"} and line.text != BLOCKED
                else None
            ),
        )
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((place.base + "/", "data:"))
                else watched.trouble.append(f"off {request.url}")
            ),
        )
        opened.append(watched)
        return watched

    yield make
    for watched in opened:
        if not watched.page.is_closed() and watched.page.url.startswith("http"):
            watched.trouble += watched.page.evaluate("window.trouble || []")
    for context in contexts:
        context.close()
    assert [line for watched in opened for line in watched.trouble] == []
