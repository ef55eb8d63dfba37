"""Phones for tests: a browser page with the outbox, a real server, and weather between the two."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask, render_template_string
from playwright.sync_api import BrowserContext, Page
from signing import SESSION_COOKIE, new_token
from sqlalchemy import text
from werkzeug.serving import make_server

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.settings import Settings
from gridmap.store.database import Database
from gridmap.web.access import allow
from gridmap.web.app import create_app

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PATIENCE_MS = 90_000  # of a test on a machine that does much else besides
BENCH = """{% extends "base.html" %}
{% block main %}<h1>bench</h1><form method="post" action="/sign-out"><input type="hidden" name="csrf_token"
value="{{ csrf_token() }}"><button type="submit" id="leave">leave</button></form>{% endblock %}
{% block scripts %}<script type="module" nonce="{{ csp_nonce() }}">
import * as outbox from "gridmap/outbox";
import * as seal from "gridmap/seal";
import * as snapshot from "gridmap/snapshot";
import * as storage from "gridmap/storage";
import * as reorder from "gridmap/reorder";
window.gm = { ...outbox, ...seal, ...snapshot, ...storage, ...reorder };
window.kit = JSON.parse(document.getElementById("offline").textContent);
window.begin = async (withKey = true) => {
  const key = withKey ? await (await fetch("/submissions/key", { headers: { "X-Gridmap": "1" } })).json() : null;
  window.told = [];
  window.box = await gm.openOutbox({ accountId: kit.account, key, name: kit.name });
  box.addEventListener("change", ({ detail }) => told.push({ ...detail, fault: detail.fault && detail.fault.code }));
};
window.visitOf = (household, grid, note) => ({
  household_id: household, in_grid_id: grid, result: "nobody", mode: "door", visited_at: new Date().toISOString(),
  minutes: null, purpose: "routine", resident_id: null, materials: [], needs: [], hazards: [], dispute: null,
  follow_up_on: null, consent: null, availability: [], appointment: null, event: null, note, plan_id: null,
});
document.documentElement.dataset.ready = "";
</script>{% endblock %}"""


@dataclass
class Weather:
    """What happens to submissions on their way.

    fine; tired: 503; broken: 500; portal: somebody else's page; cut: before the server has read it; lost: the server
    has done it, its answer never arrives; dark: nothing comes through at all.
    """

    app: Flask
    now: str = "fine"
    sent: list[str] = field(default_factory=list)
    under_way: dict[str, int] = field(default_factory=dict)
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass a request on, or not."""
        path = environ["PATH_INFO"]
        if self.now == "dark":
            return self._cut(environ)
        if self.now == "slow":
            time.sleep(6)
        if environ["REQUEST_METHOD"] != "PUT":
            return self.app(environ, start_response)
        with self.lock:
            self.sent.append(path.rsplit("/", 1)[-1])
            self.under_way[path] = self.under_way.get(path, 0) + 1
            self.most_at_once = max(self.most_at_once, *self.under_way.values())
        try:
            return self._through(environ, start_response)
        finally:
            with self.lock:
                self.under_way[path] -= 1

    def _through(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answers = {"tired": "503 Service Unavailable", "broken": "500 Internal Server Error", "portal": "200 OK"}
        if self.now in answers:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start_response(answers[self.now], [("Content-Type", "text/html"), ("Retry-After", "1")])
            return [b"<h1>welcome to the hotel</h1>"]
        if self.now == "cut":
            return self._cut(environ)
        body = list(self.app(environ, start_response if self.now == "fine" else _unheard))
        return self._cut(environ) if self.now == "lost" else body

    @staticmethod
    def _cut(environ: WSGIEnvironment) -> Iterable[bytes]:
        with contextlib.suppress(OSError):
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        raise ConnectionResetError


def _unheard(*_: object) -> Callable[[bytes], object]:
    return lambda _data: None


@dataclass
class Town:
    """A server over a community in some weather, and what its database holds."""

    database: Database
    community_id: int
    at: datetime
    place: tuple[int, int]  # the worker's household and its grid
    weather: Weather
    base: str

    def cookie(self, role: Role, grid_code: str | None = None) -> Any:
        """Return the cookie of a fresh session."""
        token = new_token(self.database, self.community_id, role, self.at, grid_code)
        url = self.base.replace("http:", "https:")
        return {"name": SESSION_COOKIE, "value": token, "url": url, "secure": True}

    def arrived(self) -> dict[str, str]:
        """Return id -> note of every visit in the database."""
        job = Actor(Machine.JOB, self.community_id)
        with self.database.transaction(job) as con:
            rows = con.execute(
                text("SELECT id, note FROM visit WHERE community_id = :c AND note IS NOT NULL"),
                {"c": self.community_id},
            )
            return {str(row.id): row.note for row in rows}


def town_app(database: Database, settings: Settings, at: datetime) -> Flask:
    """Return the application, with one page more: the modules, and a form to sign out."""
    app = create_app(database, settings, clock=lambda: at)
    app.add_url_rule("/bench", view_func=allow(*Role)(lambda: render_template_string(BENCH)), endpoint="bench")
    return app


@contextlib.contextmanager
def served(
    database: Database, community_id: int, at: datetime, place: tuple[int, int], settings: Settings
) -> Generator[Town, None, None]:
    """Serve a community on a free port."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    weather = Weather(town_app(database, settings, at))
    server = make_server("127.0.0.1", 0, weather, threaded=True)  # type: ignore[arg-type]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Town(database, community_id, at, place, weather, f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()


@dataclass
class Phone:
    """One page of a signed-in person."""

    town: Town
    context: BrowserContext
    page: Page

    @classmethod
    def of(cls, town: Town, context: BrowserContext, role: Role = Role.WORKER, *, begin: bool = True) -> Phone:
        """Sign somebody in and open the page."""
        context.set_default_timeout(PATIENCE_MS)
        context.add_cookies([town.cookie(role)])
        made = cls(town, context, context.new_page())
        made.open()
        if begin:
            made.begin()
        return made

    def open(self, path: str = "/bench") -> None:
        """Go to a page."""
        self.page.goto(self.town.base + path)
        self.page.wait_for_selector("html[data-ready]")

    def begin(self, *, with_key: bool = True) -> None:
        """Open the outbox."""
        self.page.evaluate("(k) => begin(k)", with_key)

    def keep(self, note: str, hold_ms: int = 0) -> str:
        """Record a visit; return its id."""
        told: dict[str, str] = self.page.evaluate(
            "([h, g, note, holdMs]) => box.keep('visit', visitOf(h, g, note), { holdMs })",
            [*self.town.place, note, hold_ms],
        )
        return told["id"]

    def flush(self, *, again: bool = False) -> dict[str, int]:
        """Send what waits, now."""
        told: dict[str, int] = self.page.evaluate("(again) => box.flush({ now: true, again })", again)
        return told

    def pending(self) -> list[dict[str, Any]]:
        """Return what waits."""
        told: list[dict[str, Any]] = self.page.evaluate("() => box.pending()")
        return told

    def told(self) -> dict[str, Any]:
        """Return what the outbox says of itself."""
        told: dict[str, Any] = self.page.evaluate(
            "async () => { const t = await box.told(); return { ...t, fault: t.fault && t.fault.code }; }"
        )
        return told

    def emptied(self, patience_ms: int = PATIENCE_MS) -> None:
        """Wait until nothing is left to send."""
        emptied(self.page, patience_ms)


def emptied(page: Page, patience_ms: int = PATIENCE_MS) -> None:
    """Send what waits in the outbox of a page (its ``window.box``), again and again until nothing is left."""
    comes_true(page, "async () => (await box.flush({ now: true })).left === 0", patience_ms=patience_ms)


def comes_true(page: Page, asked: str, arg: object = None, *, patience_ms: int = PATIENCE_MS) -> None:
    """Ask a page until it says yes.

    Asked anew from here: Playwright's own ``wait_for_function`` takes the promise of an answer for a yes.
    """
    deadline = time.monotonic() + patience_ms / 1000
    while not page.evaluate(asked, arg):
        assert time.monotonic() < deadline, f"not within {patience_ms} ms: {asked}"
        page.wait_for_timeout(50)


def kill_browser(profile: Path, kind: str = "") -> int:
    """Kill the browser of a profile (or its renderers) at once, as a phone that runs out of memory does."""
    killed = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            line = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
            if f"--user-data-dir={profile}" not in line:
                continue
            if (f"--type={kind}" in line) if kind else ("--type=" not in line):
                os.kill(int(entry.name), signal.SIGKILL)
                killed += 1
    return killed
