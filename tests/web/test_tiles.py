"""Tiles over HTTP: the gate, the names under which they are kept, and the shortcut against the long way."""

from __future__ import annotations

import gzip
import math
from collections.abc import Callable
from typing import Any

import mapbox_vector_tile
import pytest
from flask import Flask
from flask.testing import FlaskClient
from signing import OPERATOR, browser, new_token
from sqlalchemy import text
from two_communities import DAY, Clock, Small
from werkzeug.test import TestResponse

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.tiles import version
from gridmap.services import accounts
from gridmap.settings import Settings
from gridmap.web import edge
from gridmap.web.app import create_app
from gridmap.web.tiles import KEEP, Shelf, Shortcut

Browsers = Callable[[Role | None], FlaskClient]
GZIP = {"Accept-Encoding": "gzip"}
VOLATILE = {"Date"}


def place(z: int, lon: float = 105.2815, lat: float = 27.3005) -> str:
    n = 2**z
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * n
    return f"{z}/{int((lon + 180) / 360 * n)}/{int(y)}"


@pytest.fixture
def shown(small: Small) -> str:
    """Return the version the map shows on the day, at the start of the test."""
    with small.database.transaction(OPERATOR) as con:
        held = con.execute(
            text("SELECT map_version FROM community WHERE id = :c"), {"c": small.community_id}
        ).scalar_one()
    return version(held, DAY)


@pytest.fixture
def long_way(small: Small, settings: Settings, clock: Clock) -> Flask:
    """Return the same server without its shortcut."""
    app = create_app(small.database, settings, clock=clock)
    door: Any = app.wsgi_app
    while not isinstance(door.app, Shortcut):
        door = door.app
    door.app = door.app.app
    return app


def worker_scope(app: Flask, token: str) -> str:
    session = edge.look_up(app.extensions["gridmap"], token)
    assert session is not None
    return session.actor.scope


def ids(answer: TestResponse, layer: str) -> set[int]:
    raw = gzip.decompress(answer.data) if answer.headers.get("Content-Encoding") == "gzip" else answer.data
    return {f["id"] for f in mapbox_vector_tile.decode(raw)[layer]["features"]}


def test_the_secretary_gets_homes_that_her_browser_keeps(client: Browsers, small: Small, shown: str) -> None:
    answer = client(Role.SECRETARY).get(f"/tiles/homes/secretary/{shown}/{place(16)}.mvt", headers=GZIP)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/vnd.mapbox-vector-tile"
    assert answer.headers["Cache-Control"] == KEEP
    assert ids(answer, "home") == {small.households[0][0]}
    there = client(Role.SECRETARY).get(f"/tiles/homes/secretary/{shown}/{place(16, lon=105.2825)}.mvt")
    assert ids(there, "home") == {small.households[0][1]}


def test_a_worker_gets_his_grid_and_a_reader_without_gzip_plain_bytes(
    app: Flask, small: Small, clock: Clock, shown: str
) -> None:
    token = new_token(small.database, small.community_id, Role.WORKER, clock())
    scope = worker_scope(app, token)
    answer = browser(app, token).get(f"/tiles/homes/{scope}/{shown}/{place(16)}.mvt")
    assert "Content-Encoding" not in answer.headers
    assert scope == f"g{small.grids[0][0]}"
    assert ids(answer, "home") == {small.households[0][0]}
    there = browser(app, token).get(f"/tiles/homes/{scope}/{shown}/{place(16, lon=105.2825)}.mvt")
    assert there.status_code == 204  # his neighbour's household
    assert browser(app, token).get(f"/tiles/homes/secretary/{shown}/{place(16)}.mvt").status_code == 404


def test_groups_are_for_those_who_may_see_them(client: Browsers, small: Small, shown: str) -> None:
    expected = {Role.SECRETARY: 200, Role.CLERK: 200, Role.PLANNER: 403, Role.DRIVER: 403, Role.ADMIN: 403}
    with small.database.engine.begin() as con:
        con.execute(
            text("SELECT set_config('role', 'gridmap_job', true), set_config('app.community', :c, true)"),
            {"c": str(small.community_id)},
        )
        con.execute(text("UPDATE household SET group_bits = 1 WHERE id = :h"), {"h": small.households[0][0]})
    found = {r: client(r).get(f"/tiles/groups/{r}/{shown}/{place(16)}.mvt") for r in expected}
    assert {role: answer.status_code for role, answer in found.items()} == expected
    assert ids(found[Role.CLERK], "group") == {small.households[0][0]}


@pytest.mark.parametrize("role", list(Role))
def test_the_base_map_is_for_everybody_signed_in(
    app: Flask, small: Small, clock: Clock, shown: str, role: Role
) -> None:
    token = new_token(small.database, small.community_id, role, clock())
    scope = worker_scope(app, token)
    assert browser(app, token).get(f"/tiles/base/{scope}/{shown}/{place(16)}.mvt").status_code == 200
    assert app.test_client().get(f"/tiles/base/{scope}/{shown}/{place(16)}.mvt").status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "homes/secretary/{v}/15/25979/13814.mvt",  # too far out for households
        "homes/secretary/{v}/21/0/0.mvt",
        "homes/secretary/{v}/99/0/0.mvt",
        "homes/secretary/{v}/16/65536/0.mvt",
        "homes/secretary/{v}/16/0/65536.mvt",
        "homes/secretary/{v}/16/-1/0.mvt",
        "homes/secretary/{v}/16/1e3/0.mvt",
        "homes/secretary/{v}/16/99999999999999999999999/0.mvt",
        "homes/secretary/{v}/16/1/2.png",
        "homes/clerk/{v}/16/1/2.mvt",
        "homes/g1/{v}/16/1/2.mvt",
        "people/secretary/{v}/16/1/2.mvt",
        "homes/secretary/now/16/1/2.mvt",
        "homes/secretary/1-2026/16/1/2.mvt",
        "homes/secretary/%D9%A1-20260601/16/1/2.mvt",
        "homes/secretary/{v}%0A/16/1/2.mvt",
    ],
)
def test_what_is_no_tile_is_not_found(client: Browsers, shown: str, path: str) -> None:
    answer = client(Role.SECRETARY).get("/tiles/" + path.format(v=shown))
    assert answer.status_code in {400, 404}
    assert "max-age" not in answer.headers["Cache-Control"]


def test_nothing_there_is_an_empty_answer_that_is_kept(client: Browsers, shown: str) -> None:
    answer = client(Role.SECRETARY).get(f"/tiles/homes/secretary/{shown}/16/1/2.mvt")
    assert (answer.status_code, answer.data, answer.headers["Cache-Control"]) == (204, b"", KEEP)


def test_an_old_version_gets_the_present_tile_and_nobody_keeps_it(client: Browsers, small: Small) -> None:
    for old in ("1-20200101", "999999-20991231"):
        answer = client(Role.SECRETARY).get(f"/tiles/homes/secretary/{old}/{place(16)}.mvt", headers=GZIP)
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert "ETag" not in answer.headers
        assert ids(answer, "home") == {small.households[0][0]}


def test_a_change_makes_a_new_version_with_new_bytes(client: Browsers, small: Small, shown: str) -> None:
    secretary = client(Role.SECRETARY)
    first = secretary.get(f"/tiles/homes/secretary/{shown}/{place(17)}.mvt")
    with small.database.transaction(Actor(Machine.JOB, small.community_id)) as con:
        con.execute(
            text("UPDATE household SET state_fresh = 7, due_on = NULL WHERE id = :h"), {"h": small.households[0][0]}
        )
        held = con.execute(
            text("UPDATE community SET map_version = map_version + 1 RETURNING map_version")
        ).scalar_one()
    kept = secretary.get(f"/tiles/homes/secretary/{shown}/{place(17)}.mvt")
    fresh = secretary.get(f"/tiles/homes/secretary/{version(held, DAY)}/{place(17)}.mvt")
    assert kept.headers["Cache-Control"] == "private, no-store"
    assert fresh.headers["Cache-Control"] == KEEP
    assert first.data != fresh.data == kept.data


def test_a_kept_tile_is_not_sent_again(client: Browsers, shown: str) -> None:
    secretary, url = client(Role.SECRETARY), f"/tiles/homes/secretary/{shown}/{place(16)}.mvt"
    mark = secretary.get(url).headers["ETag"]
    again = secretary.get(url, headers={"If-None-Match": mark})
    assert (again.status_code, again.data) == (304, b"")


def test_a_cached_tile_is_gated_like_a_new_one(app: Flask, small: Small, clock: Clock, shown: str) -> None:
    """The session ends, and the next request for the same tile, which the server still holds, is refused."""
    token = new_token(small.database, small.community_id, Role.SECRETARY, clock())
    url = f"/tiles/homes/secretary/{shown}/{place(16)}.mvt"
    assert browser(app, token).get(url).status_code == 200
    visitor = Actor(Machine.VISITOR, proof=accounts.fingerprint(token))
    with small.database.transaction(visitor) as con:
        accounts.sign_out(con, visitor, at=clock())
    assert browser(app, token).get(url).status_code == 401
    assert browser(app, token).get(url, headers={"If-None-Match": f'W/"{shown}"'}).status_code == 401


@pytest.mark.parametrize("role", [*Role, None])
@pytest.mark.parametrize(
    "path",
    [
        f"base/{{scope}}/{{v}}/{place(16)}.mvt",
        f"homes/{{scope}}/{{v}}/{place(16)}.mvt",
        f"homes/{{scope}}/1-20200101/{place(16)}.mvt",
        f"groups/{{scope}}/{{v}}/{place(14)}.mvt",
        "homes/{scope}/{v}/16/1/2.mvt",
        "homes/{scope}/{v}/3/1/2.mvt",
        "homes/nobody/{v}/16/1/2.mvt",
    ],
)
@pytest.mark.parametrize("headers", [{}, GZIP, {"If-None-Match": 'W/"{v}"'}], ids=["plain", "gzip", "known"])
def test_the_shortcut_answers_what_the_long_way_does(
    app: Flask,
    long_way: Flask,
    small: Small,
    clock: Clock,
    shown: str,
    role: Role | None,
    path: str,
    headers: dict[str, str],
) -> None:
    token = new_token(small.database, small.community_id, role, clock()) if role else ""
    scope = worker_scope(app, token) if role else "secretary"
    url = "/tiles/" + path.format(scope=scope, v=shown)
    asked = {name: value.format(v=shown) for name, value in headers.items()}
    answers = [browser(server, token).get(url, headers=asked) for server in (app, app, long_way, long_way)]
    assert len({a.status for a in answers}) == 1
    if answers[0].status_code < 400:  # a fault's page has a fresh nonce each time
        told = {(a.data, tuple(sorted(h for h in a.headers if h[0] not in VOLATILE))) for a in answers}
        assert len(told) == 1


def test_an_allowed_tile_never_reaches_flask(app: Flask, small: Small, clock: Clock, shown: str) -> None:
    token = new_token(small.database, small.community_id, Role.SECRETARY, clock())
    door: Any = app.wsgi_app
    while not isinstance(door, Shortcut):
        door = door.app

    def never(*_: Any) -> Any:
        raise AssertionError("took the long way")

    door.app = never
    for path in (f"homes/secretary/{shown}/{place(16)}", f"base/secretary/1-20200101/{place(16)}"):
        assert browser(app, token).get(f"/tiles/{path}.mvt").status_code == 200
    with pytest.raises(AssertionError, match="long way"):
        browser(app, token).get(f"/tiles/homes/clerk/{shown}/{place(16)}.mvt")


def test_another_host_name_is_refused_before_the_shortcut(client: Browsers, shown: str) -> None:
    url = f"/tiles/base/secretary/{shown}/{place(16)}.mvt"
    assert client(Role.SECRETARY).get(url, headers={"Host": "evil.example"}).status_code == 400


def test_other_methods_are_refused(client: Browsers, shown: str) -> None:
    url = f"/tiles/base/secretary/{shown}/{place(16)}.mvt"
    assert client(Role.SECRETARY).post(url).status_code == 405


def test_the_shelf_forgets_what_was_not_asked_for_longest() -> None:
    shelf = Shelf(capacity=10)
    keys: Any = ["a", "b", "c"]
    shelf.put(keys[0], b"1234")
    shelf.put(keys[1], b"1234")
    assert shelf.get(keys[0]) == b"1234"
    shelf.put(keys[2], b"1234")
    assert (shelf.get(keys[0]), shelf.get(keys[1]), shelf.get(keys[2]), shelf.used) == (b"1234", None, b"1234", 8)
    shelf.put(keys[0], b"12345678901")
    assert (shelf.get(keys[0]), shelf.used) == (None, 0)
