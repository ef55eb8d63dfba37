"""Who may call what: every route x role x own, other, missing, another community's x method.

What is expected is written here by hand and compared with what the server does, not with what it declares.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

import pytest
from flask import Flask
from flask.testing import FlaskClient
from signing import browser, browsers, new_token
from sqlalchemy import text
from two_communities import DAY, Clock, Small, values_for

from gridmap.domain.actors import Actor, Role
from gridmap.settings import Settings
from gridmap.web.access import Rule, allow, rule_of
from gridmap.web.app import create_app

ANYBODY: frozenset[Role | None] = frozenset([None, *Role])
EVERYBODY = frozenset(Role)
OFFICE = frozenset([Role.SECRETARY, Role.CLERK])
VISITING = OFFICE | {Role.WORKER}
MAP = VISITING | {Role.PLANNER}
ADMIN = frozenset([Role.ADMIN])
OVERRIDE = {"X-HTTP-Method-Override": "POST", "X-Method-Override": "DELETE"}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

DRAWING = frozenset([Role.PLANNER, Role.SECRETARY])
BORDER_EDITS = (
    *("preview", "edit", "undo", "redo", "rename", "kind", "assign", "lock", "renumber", "rebase", "hold", "release"),
    *("comment", "submit", "ground"),
)
BORDER_READS = ("state", "walking", "faults", "lines")

# endpoint -> who may call it. A route that is not here turns this file red.
MAY: dict[str, frozenset[Role | None]] = {
    "assets.file": ANYBODY,
    "assets.favicon": ANYBODY,
    "health.healthz": ANYBODY,
    "accounts.sign_in_page": ANYBODY,
    "accounts.sign_in": ANYBODY,
    "accounts.link_page": ANYBODY,
    "accounts.use_link": ANYBODY,
    "accounts.sign_out": ANYBODY,
    "accounts.own": EVERYBODY,
    "accounts.end_own": EVERYBODY,
    "accounts.people": ADMIN,
    "accounts.disable": ADMIN,
    "accounts.enable": ADMIN,
    "accounts.end_all": ADMIN,
    "accounts.end_one": ADMIN,
    "api.overview": MAP,
    "api.states": MAP,
    "api.household": VISITING,
    "api.search": MAP,
    **dict.fromkeys(["boundaries.overview", "boundaries.editor", "boundaries.decision"], OFFICE | {Role.PLANNER}),
    **dict.fromkeys(
        ["boundaries.begin", "boundaries.return_to", "boundaries.send_back", "boundaries.discard"], DRAWING
    ),
    "boundaries.approve": frozenset([Role.SECRETARY]),
    **dict.fromkeys(["border_files.page", "border_files.take"], DRAWING),
    **dict.fromkeys(["border_files.result", "border_files.export"], OFFICE | {Role.PLANNER}),
    **{f"border_edits.{name}": DRAWING for name in BORDER_EDITS},
    **{f"border_edits.{name}": OFFICE | {Role.PLANNER} for name in BORDER_READS},
    "coverage.overview": MAP,
    "coverage.grid": MAP,
    "coverage.states": MAP,
    "deliveries.overview": OFFICE | {Role.DRIVER},
    "deliveries.layer": OFFICE | {Role.DRIVER},
    "exports.doors": OFFICE,
    "exports.overview": OFFICE | {Role.PLANNER},
    "facilities.overview": MAP | {Role.DRIVER},
    "facilities.layer": MAP | {Role.DRIVER},
    "held.listing": VISITING,
    "held.decide": OFFICE,
    "held.photo": VISITING,
    "hours.offered": VISITING,
    "hours.take": frozenset([Role.SECRETARY, Role.WORKER]),
    "households.finder": MAP,
    "households.search": MAP,
    "households.details": VISITING,
    "households.one": VISITING,
    "offline.manifest": ANYBODY,
    "offline.worker": ANYBODY,
    "pages.about": ANYBODY,
    "pages.home": ANYBODY,
    "plans.overview": OFFICE,
    "plans.make": frozenset([Role.SECRETARY]),
    "plans.one": OFFICE,
    **dict.fromkeys(["reports.listing", "reports.issue", "reports.one", "reports.file"], OFFICE),
    "street_edits.page": OFFICE | {Role.PLANNER},
    "street_edits.change": frozenset([Role.PLANNER]),
    "street_edits.undo": frozenset([Role.PLANNER]),
    "streets.drawn": OFFICE | {Role.PLANNER},
    "streets.unreached": OFFICE | {Role.PLANNER},
    "streets.reach": MAP,
    "submissions.key": VISITING,
    "submissions.states": VISITING,
    "submissions.submit": VISITING,
    "needs.overview": VISITING,
    "tiles.tile": EVERYBODY,
    "notices.seen": frozenset([Role.WORKER]),
    "today.as_json": frozenset([Role.WORKER]),
    "today.replan": frozenset([Role.WORKER]),
    "today.today": frozenset([Role.WORKER]),
    "visits.one": VISITING,
    "walks.today": frozenset([Role.WORKER]),
    "walks.today_sheet": frozenset([Role.WORKER]),
    "walks.today_track": frozenset([Role.WORKER]),
    "weeks.one": OFFICE,
    "weeks.own": frozenset([Role.WORKER]),
    "walks.of_plan": OFFICE,
    "walks.sheet_of_plan": OFFICE,
    "walks.track_of_plan": OFFICE,
    "working.settings": frozenset([Role.SECRETARY]),
    "working.navigation": frozenset([Role.SECRETARY]),
    "working.offer_hours": frozenset([Role.SECRETARY]),
}
# What a call with values of one's own answers, where that is not 200.
UNUSUAL = {
    "held.photo": 404,
    "assets.favicon": 204,
    "accounts.link_page": 404,
    "pages.home": 302,
    **dict.fromkeys(["boundaries.editor", "boundaries.decision", "border_files.result"], 404),  # no such draft
    **dict.fromkeys(["reports.one", "reports.file"], 404),  # no such report
    **{f"border_edits.{name}": 404 for name in BORDER_READS},
    **dict.fromkeys(
        ["plans.one", "hours.offered", "walks.of_plan", "walks.sheet_of_plan", "walks.track_of_plan", "weeks.one"], 404
    ),  # no such plan
}
PROGRAMS = {
    *(f"border_edits.{name}" for name in BORDER_EDITS),
    "today.replan",
    "hours.take",
    "street_edits.change",
    "street_edits.undo",
}  # they take JSON
# Routes about one grid or one household, and what names it.
SCOPED = {
    "api.states": "code",
    "api.household": "household_id",
    "coverage.grid": "code",
    "coverage.states": "code",
    "exports.doors": "code",
    "households.one": "household_id",
    "households.details": "household_id",
    "visits.one": "household_id",
}


@pytest.fixture(scope="module")
def server(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return create_app(small.database, Settings(home=tmp_path_factory.mktemp("home")), clock=Clock())


@pytest.fixture(scope="module")
def people(server: Flask, small: Small) -> dict[Role | None, FlaskClient]:
    """Return a browser for each role and one for a visitor."""
    make = browsers(server, small.database, small.community_id, Clock()())
    return {role: make(role) for role in (None, *Role)}


def addresses(server: Flask, small: Small) -> dict[str, tuple[str, str, set[str]]]:
    """Return endpoint -> (its address, its methods joined, every method that address knows)."""
    found = {}
    known: dict[str, set[str]] = {}
    with server.test_request_context():
        adapter = server.url_map.bind("localhost")
        for rule in server.url_map.iter_rules():
            needed = {name: value for name, value in values_for(small).items() if name in rule.arguments}
            url = adapter.build(rule.endpoint, needed)
            known.setdefault(url, set()).update(rule.methods or ())
            found[rule.endpoint] = (url, " ".join(sorted(rule.methods or ())))
    return {endpoint: (url, methods, known[url]) for endpoint, (url, methods) in found.items()}


def test_every_route_declares_who_may_call_it(server: Flask) -> None:
    undeclared = {r.endpoint for r in server.url_map.iter_rules() if rule_of(server, r.endpoint) is None}
    assert undeclared == set()


def test_every_route_is_expected_here(server: Flask) -> None:
    assert {r.endpoint for r in server.url_map.iter_rules()} == set(MAY)


def test_a_forgotten_declaration_closes_the_route(small: Small, settings: Settings, clock: Clock) -> None:
    app = create_app(small.database, settings, clock=clock)
    app.add_url_rule("/forgotten", view_func=lambda: "secret", endpoint="forgotten", methods=["GET", "POST"])
    app.add_url_rule("/open", view_func=allow(Role.ADMIN)(lambda: "secret"), endpoint="declared")
    make = browsers(app, small.database, small.community_id, clock())
    for role, method in product((None, *Role), METHODS):
        answer = make(role).open("/forgotten", method=method)
        assert answer.status_code in ({405} if method in {"PUT", "PATCH", "DELETE"} else {403}), (role, method)
        assert b"secret" not in answer.data
    assert make(Role.ADMIN).get("/open").data == b"secret"
    assert make(Role.CLERK).get("/open").status_code == 403


def test_declaring_nobody_is_not_declaring_everybody() -> None:
    view = allow()(lambda: "")
    assert view.allowed == Rule(frozenset())


def expected(endpoint: str, methods: str, known: set[str], role: Role | None, method: str) -> set[int]:
    """Return the statuses a call may have, before what it is about is looked at."""
    if method not in known:
        return {405}
    if method not in methods.split():
        return {
            200,
            204,
            302,
            303,
            400,
            401,
            403,
            404,
            415,
        }  # another route at the same address: tested under its own name
    if method == "OPTIONS" and endpoint in {"plans.make", "hours.take", "boundaries.begin", "boundaries.approve"}:
        return {200, 401, 403}  # the page at the same address answers, which more may read
    if role not in MAY[endpoint]:
        return {401} if role is None else {403}
    if method == "POST":
        return {415} if endpoint in PROGRAMS else {400}  # without JSON, or a form token, nobody changes anything
    if method == "PUT":
        return {415}  # without JSON and its header a program changes nothing
    if method == "OPTIONS":
        return {200}
    if endpoint == "tiles.tile":
        return {200, 204} if role is Role.SECRETARY else {404}  # the address names the secretary's scope
    return {UNUSUAL.get(endpoint, 200)}


def cases(server: Flask, small: Small) -> Iterator[tuple[str, str, str, set[str], Role | None, str]]:
    for (endpoint, (url, methods, known)), role, method in product(
        addresses(server, small).items(), (None, *Role), METHODS
    ):
        yield endpoint, url, methods, known, role, method


def test_route_by_role_by_method(server: Flask, small: Small, people: dict[Role | None, FlaskClient]) -> None:
    wrong, n = [], 0
    for endpoint, url, methods, known, role, method in cases(server, small):
        for headers in ({}, OVERRIDE) if method in {"GET", "POST"} else ({},):
            n += 1
            status = people[role].open(url, method=method, headers=headers).status_code
            if status not in expected(endpoint, methods, known, role, method):
                wrong.append((endpoint, role, method, headers, status))
    assert wrong == []
    assert n == 7 * (len(METHODS) + 2) * len(MAY)  # 2,205 with 35 routes


@pytest.mark.parametrize("twist", ["{}/", "/{}", "{}%2f", "{}%00", "{}/..%2f", "{};x", "{}?lang=en&lang=zh", "{}%20"])
def test_a_twisted_address_opens_nothing(
    server: Flask, small: Small, people: dict[Role | None, FlaskClient], twist: str
) -> None:
    for endpoint, (url, methods, _) in addresses(server, small).items():
        if "GET" not in methods or endpoint.startswith("assets"):
            continue
        for role in (None, *Role):
            if role in MAY[endpoint]:
                continue
            status = people[role].get(twist.format(url)).status_code
            assert status in {400, 401, 403, 404}, (endpoint, role, twist, status)


def plain(body: bytes, *addresses: str) -> str:
    """Return an answer without what is different in every answer."""
    found = body.decode()
    for address in addresses:
        found = found.replace(address, "ADDRESS")
    return re.sub(r'(nonce|value)="[^"]*"', "", found)


@pytest.mark.parametrize("endpoint", sorted(SCOPED))
def test_another_workers_grid_looks_like_one_that_does_not_exist(
    server: Flask, small: Small, people: dict[Role | None, FlaskClient], endpoint: str
) -> None:
    if endpoint not in server.view_functions:
        pytest.fail(f"{endpoint} is gone: this table must follow the routes")
    name = SCOPED[endpoint]
    own, other, missing, foreign = {
        "code": (*small.codes[0], "999", "520502009998001"),
        "household_id": (*small.households[0], 2**62, small.households[1][0]),
    }[name]
    extra = {"kind": "xlsx"} if endpoint == "exports.doors" else {}
    adapter = server.url_map.bind("localhost")
    for role in (None, *Role):
        urls = {
            kind: adapter.build(endpoint, {name: value, **extra})
            for kind, value in {"own": own, "other": other, "missing": missing, "foreign": foreign}.items()
        }
        for method, suffix in product(("GET", "HEAD"), ("", f"?on={DAY}", "?lang=en")):
            answers = {kind: people[role].open(url + suffix, method=method) for kind, url in urls.items()}
            found = {kind: answer.status_code for kind, answer in answers.items()}
            if role not in MAY[endpoint]:
                assert set(found.values()) == {401 if role is None else 403}, (role, found)
                continue
            seen = 404 if role is Role.WORKER else 200
            assert found == {"own": 200, "other": seen, "missing": 404, "foreign": 404}, (role, found)
            if role is Role.WORKER:
                bodies = {
                    plain(answers[kind].data, urls[kind], str(urls[kind])) for kind in ("other", "missing", "foreign")
                }
                assert len(bodies) == 1


def test_another_scopes_tile_is_no_tile(small: Small, people: dict[Role | None, FlaskClient]) -> None:
    scopes = [Actor(role, 1, frozenset([g])).scope for role in Role for g in small.grids[0]]
    for role, scope in product(Role, dict.fromkeys(scopes)):
        mine = Actor(role, small.community_id, frozenset(small.grids[0][:1])).scope
        answer = people[role].get(f"/tiles/base/{scope}/1-20260601/16/51933/27602.mvt")
        assert answer.status_code in ({200, 204} if scope == mine else {404}), (role, scope)


def test_a_worker_moved_this_morning_has_his_new_grid_at_once(server: Flask, small: Small, clock: Clock) -> None:
    token = new_token(small.database, small.communities[1], Role.WORKER, clock())
    worker, (first, second) = browser(server, token), small.grids[1]
    url = "/tiles/base/g{}/1-20260601/16/51933/27602.mvt"
    assert worker.get(url.format(first)).status_code in {200, 204}
    job = Actor("job", small.communities[1])  # type: ignore[arg-type]
    sql = (
        "UPDATE worker_assignment SET grid_id = :to, duty = 'substitute'"
        " WHERE community_id = :c AND grid_id = :g AND duty = :d"
    )
    move = {"c": small.communities[1], "g": first, "to": second, "d": "main"}
    with small.database.transaction(job) as con:
        assert con.execute(text(sql), move).rowcount == 1
    assert worker.get(url.format(first)).status_code == 404
    assert worker.get(url.format(second)).status_code in {200, 204}
    back = sql.replace("'substitute'", "'main'")
    with small.database.transaction(job) as con:
        con.execute(text(back), {"c": small.communities[1], "g": second, "to": first, "d": "substitute"})
