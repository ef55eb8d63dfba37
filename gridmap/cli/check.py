"""Visit every page as every role, over HTTP, on a running server: what ``gridmap demo --check`` prints."""

from __future__ import annotations

import http.client
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

import click
from flask import Flask
from sqlalchemy import text
from werkzeug.routing import Rule as Route

from gridmap.cli import edge
from gridmap.cli.edge import HOST
from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.tiles import tile_of
from gridmap.errors import SetupFault
from gridmap.files.coverage import overview_sheet
from gridmap.files.sheets import to_xlsx
from gridmap.services import accounts, boundaries, coverage, plans, reports
from gridmap.web.access import rule_of
from gridmap.web.app import create_app

START_TIMEOUT_S = 60.0
VISITOR = "visitor"
FINE = {200, 204, 302, 303}
ZOOM = 16
PARTS_OF_PAGES = {"assets.file"}  # styles and scripts: visited as the pages name them
LAYER_ROLES = {
    "base": set(Role),
    "homes": {Role.SECRETARY, Role.CLERK, Role.WORKER, Role.PLANNER},
    "groups": {Role.SECRETARY, Role.CLERK, Role.WORKER},
}


@dataclass
class Caller:
    """One role's browser: keeps its cookie, follows nothing."""

    port: int
    cookie: str = ""

    def ask(self, method: str, path: str, body: dict[str, str] | None = None) -> tuple[int, bytes]:
        """Return status and body of one request."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=30)
        headers = {"Host": f"{HOST}:{self.port}", "Accept": "text/html,*/*"}
        if self.cookie:
            headers["Cookie"] = self.cookie
        if body is not None:
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://{HOST}:{self.port}"}
        try:
            connection.request(method, path, urlencode(body) if body is not None else None, headers)
            answer = connection.getresponse()
            for line in answer.headers.get_all("Set-Cookie") or []:
                self._keep(line.split(";", 1)[0])
            return answer.status, answer.read()
        finally:
            connection.close()

    def _keep(self, pair: str) -> None:
        kept = dict(part.split("=", 1) for part in self.cookie.split("; ") if part)
        name, value = pair.split("=", 1)
        kept[name] = value
        self.cookie = "; ".join(f"{k}={v}" for k, v in kept.items())

    def sign_in(self, token: str) -> None:
        """Use a one-time link as a person does: open it, press the button."""
        _, page = self.ask("GET", f"/sign-in/{token}")
        form = re.search(rb'name="csrf_token"[^>]*value="([^"]+)"', page)
        status, _ = self.ask("POST", f"/sign-in/{token}", {"csrf_token": form[1].decode()} if form else {})
        if status not in {302, 303}:
            raise SetupFault("登录链接没有成功 (%(status)s)", status=status)


@dataclass(frozen=True)
class Samples:
    """Example values for the arguments in addresses; ``other`` holds those of a grid that is not the worker's."""

    own: dict[str, list[str]]
    other: dict[str, list[str]]


def samples(community_id: int) -> Samples:
    """Take example values from the community itself."""
    with edge.transaction(Actor(Machine.JOB, community_id)) as con:
        one = con.execute(
            text(
                "SELECT c.map_version, to_char(now() AT TIME ZONE c.timezone, 'YYYYMMDD') AS day,"
                " (lon_min + lon_max) / 2 AS lon, (lat_min + lat_max) / 2 AS lat FROM community c WHERE c.id = :c"
            ),
            {"c": community_id},
        ).one()
        homes = con.execute(
            text(
                "SELECT g.code, min(h.id) AS household_id FROM grid g JOIN household h"
                " ON h.community_id = g.community_id AND h.grid_id = g.id"
                " WHERE g.community_id = :c GROUP BY g.number, g.code ORDER BY g.number"
            ),
            {"c": community_id},
        ).all()
        staff = [str(i) for i in con.execute(text("SELECT min(id) FROM worker")).scalars() if i]
    x, y = tile_of(one.lon, one.lat, ZOOM)
    shared = {
        "version": [f"{one.map_version}-{one.day}"],
        "layer": list(LAYER_ROLES),
        "z": [str(ZOOM)],
        "x": [str(x)],
        "y": [str(y)],
        "kind": ["xlsx", "csv"],
        "suffix": ["geojson", "gpkg", "zip", "kml", "dxf"],
        "token": ["no-such-link"],
        "report_id": [_report(community_id)],
        "submission_id": [str(UUID(int=1))],
        "photo_id": [str(UUID(int=1))],
        "worker_id": staff,
        "draft_id": [_draft(community_id)],
    }
    first, last = homes[0], homes[-1]
    planned = _plans(community_id, [first.code, last.code])
    return Samples(
        shared | {"code": [first.code], "household_id": [str(first.household_id)], "plan_id": planned[first.code]},
        {"code": [last.code], "household_id": [str(last.household_id)], "plan_id": planned[last.code]},
    )


def _draft(community_id: int) -> str:
    """Return the newest draft of borders; where there is none, one that is begun and thrown away at once."""
    job, at = Actor(Machine.JOB, community_id), datetime.now(UTC)
    with edge.transaction(job) as con:
        known = boundaries.plans(con, job)
        if known:
            return str(known[0].plan_id)
        made = boundaries.begin(con, job, title="demo --check", at=at, on=coverage.days(con, job).today)
        boundaries.discard(con, job, plan_id=made, at=at)
        return str(made)


def _report(community_id: int) -> str:
    """Return the newest report that was handed out; where there is none, yesterday's."""
    job = Actor(Machine.JOB, community_id)
    with edge.transaction(job) as con:
        known = reports.listing(con, job)
        if known:
            return str(known[0].report_id)
        today = coverage.days(con, job).today
        found = reports.to_issue(con, job, on=today - timedelta(days=1), today=today)
        sheet = overview_sheet(found, ("demo --check",))
        return str(reports.keep(con, job, overview=found, title=sheet.title, file=to_xlsx(sheet)))


def _plans(community_id: int, codes: list[str]) -> dict[str, list[str]]:
    """Return today's plan of the worker of each grid, made where there is none; [] where there is nothing to do."""
    job, at = Actor(Machine.JOB, community_id), datetime.now(UTC)
    with edge.transaction(job) as con:
        on = coverage.days(con, job).today
        workers = {code: line.worker_id for line in plans.listing(con, job, on=on) for code, _ in line.grids[:1]}
        days = {code: plans.day(con, job, on=on, at=at, worker_id=workers[code]) for code in codes if code in workers}
    return {code: [str(days[code].plan_id)] if code in days and days[code].plan_id else [] for code in codes}


def addresses(app: Flask, route: Route, values: dict[str, list[str]]) -> list[tuple[str, dict[str, str]]]:
    """Return (address, arguments) to visit for one route; empty when an argument has no example."""
    if not route.arguments <= set(values):
        return []
    choices: list[dict[str, str]] = [{}]
    for name in sorted(route.arguments):
        choices = [c | {name: v} for c in choices for v in values[name]]
    adapter = app.url_map.bind(HOST)
    return [(adapter.build(route.endpoint, choice), choice) for choice in choices]


def expected(app: Flask, route: Route, who: str, arguments: dict[str, str], *, other: bool) -> set[int]:
    """Return the statuses that are right for this role on this address."""
    rule = rule_of(app, route.endpoint)
    if rule is None:
        return {403}
    if rule.anyone:
        return {404} if "token" in arguments else FINE
    if who == VISITOR:
        return {401}
    if Role(who) not in rule.roles or Role(who) not in LAYER_ROLES.get(arguments.get("layer", ""), set(Role)):
        return {403}
    if "photo_id" in arguments:  # no community begins with a picture
        return {404}
    if route.endpoint == "border_files.result":  # the draft may have been drawn, not read from a file
        return FINE | {404}
    return {404} if other and who == Role.WORKER else FINE


def visit(app: Flask, caller: Caller, who: str, values: Samples) -> list[tuple[bool, str]]:
    """Visit every readable page as one role; return (ok, line) for each."""
    _, page = caller.ask("GET", "/coverage")
    found = re.search(rb"/tiles/base/([^/]+)/", page)
    own = values.own | {"scope": [found[1].decode() if found else who]}
    lines: list[tuple[bool, str]] = []
    for route in sorted(app.url_map.iter_rules(), key=lambda r: r.rule):
        if "GET" not in (route.methods or set()) or route.endpoint in PARTS_OF_PAGES:
            continue
        paths = [(*pair, False) for pair in addresses(app, route, own)]
        if route.arguments & set(values.other):
            paths += [(*pair, True) for pair in addresses(app, route, own | values.other)]
        if not paths:
            lines.append((False, f"{who:<10} ---  {route.rule}   没有示例参数 / no example for an argument"))
        for path, arguments, other in paths:
            lines.append(look(caller, who, path, expected(app, route, who, arguments, other=other)))
    return lines


def look(caller: Caller, who: str, path: str, wanted: set[int]) -> tuple[bool, str]:
    """Visit one address; return (ok, line)."""
    began = time.perf_counter()
    status, body = caller.ask("GET", path)
    ms = (time.perf_counter() - began) * 1000
    return status in wanted, f"{who:<10} {status}  {path}   {len(body) / 1024:.1f} kB  {ms:.0f} ms"


def look_at_parts(port: int) -> list[tuple[bool, str]]:
    """Visit every style, script and picture that a page names."""
    caller = Caller(port)
    _, page = caller.ask("GET", "/sign-in")
    named = sorted(set(re.findall(r'(?:href|src)="(/static/[^"#]+)', page.decode())))
    return [look(caller, VISITOR, path, FINE) for path in named]


def start_server(port: int) -> subprocess.Popen[bytes]:
    """Start a server of our own and wait until it answers.

    Raises
    ------
    SetupFault
        When it does not in time.
    """
    server = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "gridmap", "serve", "--port", str(port)]
    )
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if Caller(port).ask("GET", "/healthz")[0] == 200:
                return server
        except OSError:
            time.sleep(0.2)
    server.terminate()
    raise SetupFault("服务没有在 %(s)s 秒内启动", s=int(START_TIMEOUT_S))


def check_every_page(community_id: int, port: int) -> int:
    """Print a line per page and role and a closing count; return 0 when all were as they should be, else 1."""
    operator = Actor(Machine.OPERATOR, community_id)
    with edge.transaction(operator) as con:
        accounts.ensure_demo_accounts(con, operator, community_id)
        tokens = {role: accounts.make_link(con, operator, community_id=community_id, role=role)[1] for role in Role}
    app = create_app(edge.database(), edge.settings())
    values = samples(community_id)
    server = start_server(port)
    try:
        results = look_at_parts(port) + visit(app, Caller(port), VISITOR, values)
        for role in Role:
            caller = Caller(port)
            caller.sign_in(tokens[role])
            results += visit(app, caller, str(role), values)
    finally:
        server.terminate()
        server.wait(30)
    for ok, line in results:
        click.echo(("✓ " if ok else "✗ ") + line)
    failed = sum(not ok for ok, _ in results)
    click.echo(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0
