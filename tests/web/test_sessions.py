"""How long a session lasts, and that one which was ended opens nothing any more."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from flask import Flask
from signing import OPERATOR, browser, new_token, post
from sqlalchemy import text
from two_communities import Clock, Small, values_for

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.sessions import LONGEST, OFFICE_IDLE, PHONE_IDLE, SEEN_EVERY
from gridmap.services import accounts
from gridmap.web.access import rule_of

MOMENT = timedelta(seconds=1)


def seen_at(small: Small, token: str) -> datetime:
    with small.database.transaction(Actor(Machine.VISITOR, proof=accounts.fingerprint(token))) as con:
        found: datetime = con.execute(text("SELECT seen_at FROM session")).scalar_one()
    return found


@pytest.mark.parametrize(
    ("role", "idle"),
    [(role, PHONE_IDLE if role in {Role.WORKER, Role.DRIVER} else OFFICE_IDLE) for role in Role],
)
def test_a_session_left_alone_ends(app: Flask, small: Small, clock: Clock, role: Role, idle: timedelta) -> None:
    one = browser(app, new_token(small.database, small.community_id, role, clock()))
    clock.moment += idle - MOMENT
    assert one.get("/account").status_code == 200
    clock.moment += idle - MOMENT
    assert one.get("/account").status_code == 200  # being used it goes on
    clock.moment += idle
    assert one.get("/account").status_code == 401


def test_no_session_outlives_thirty_days_however_busy(app: Flask, small: Small, clock: Clock) -> None:
    one = browser(app, new_token(small.database, small.community_id, Role.WORKER, clock()))
    begun = clock.moment
    while clock.moment + timedelta(days=7) < begun + LONGEST:
        clock.moment += timedelta(days=7)
        assert one.get("/account").status_code == 200
    clock.moment = begun + LONGEST - MOMENT
    assert one.get("/account").status_code == 200
    clock.moment = begun + LONGEST
    assert one.get("/account").status_code == 401


def test_the_last_use_is_written_once_a_minute_at_most(app: Flask, small: Small, clock: Clock) -> None:
    token = new_token(small.database, small.community_id, Role.CLERK, clock())
    one, begun = browser(app, token), clock.moment
    for _ in range(5):
        clock.moment += SEEN_EVERY / 6
        one.get("/account")
    assert seen_at(small, token) == begun
    clock.moment = begun + SEEN_EVERY
    one.get("/account")
    assert seen_at(small, token) == begun + SEEN_EVERY


def test_a_clock_that_goes_back_does_not_age_a_session(app: Flask, small: Small, clock: Clock) -> None:
    token = new_token(small.database, small.community_id, Role.CLERK, clock())
    clock.moment -= timedelta(hours=3)
    assert browser(app, token).get("/account").status_code == 200


def revoke(how: str, app: Flask, small: Small, clock: Clock, token: str) -> None:
    """End a session of the secretary in one of the ways there are."""
    if how == "signs out":
        post(browser(app, token), "/sign-out")
    elif how == "operator closes the account":
        with small.database.transaction(OPERATOR) as con:
            accounts.set_disabled(con, OPERATOR, username="demo-secretary", disabled=True, at=clock())
    else:
        admin = browser(app, new_token(small.database, small.community_id, Role.ADMIN, clock()))
        tail = {
            "admin ends it": f"sessions/{accounts.fingerprint(token)[:16]}/end",
            "admin ends all": "end-sessions",
            "admin closes the account": "disable",
        }[how]
        assert post(admin, f"/admin/accounts/{accounts_of(small)['demo-secretary']}/{tail}").status_code == 303


def accounts_of(small: Small) -> dict[str, int]:
    with small.database.transaction(OPERATOR) as con:
        return {row.username: row.id for row in con.execute(text("SELECT username, id FROM account"))}


ONE = ("signs out", "admin ends it")
ALL = ("admin ends all", "admin closes the account", "operator closes the account")


@pytest.mark.parametrize("how", [*ONE, *ALL])
def test_revoked_now_is_out_now_on_every_route(app: Flask, small: Small, clock: Clock, how: str) -> None:
    tokens = [new_token(small.database, small.community_id, Role.SECRETARY, clock()) for _ in range(2)]
    urls = closed_urls(app, small)
    first = browser(app, tokens[0])
    before = {url: first.get(url).status_code for url in urls}
    assert 401 not in before.values()
    assert list(before.values()).count(200) > 8
    try:
        revoke(how, app, small, clock, tokens[0])
        ended = tokens if how in ALL else tokens[:1]
        for token in ended:
            for url in urls:
                for method in ("GET", "HEAD"):
                    assert browser(app, token).open(url, method=method).status_code == 401, (url, method)
        if len(ended) == 1:
            assert browser(app, tokens[1]).get("/account").status_code == 200
    finally:
        with small.database.transaction(OPERATOR) as con:
            accounts.set_disabled(con, OPERATOR, username="demo-secretary", disabled=False, at=clock())
    for token in ended:
        assert browser(app, token).get("/account").status_code == 401  # an account opened again starts anew


def closed_urls(app: Flask, small: Small) -> list[str]:
    """Return the address of every route that needs a session and can be asked for."""
    adapter = app.url_map.bind("localhost")
    return [
        adapter.build(rule.endpoint, {n: v for n, v in values_for(small).items() if n in rule.arguments})
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not (rule_of(app, rule.endpoint) or pytest.fail(rule.endpoint)).anyone
    ]


def test_a_kept_tile_is_not_given_to_an_ended_session(app: Flask, small: Small, clock: Clock) -> None:
    token = new_token(small.database, small.community_id, Role.SECRETARY, clock())
    url = next(u for u in closed_urls(app, small) if u.startswith("/tiles/"))
    one = browser(app, token)
    mark = one.get(url).headers.get("ETag", "")
    assert one.get(url, headers={"If-None-Match": mark}).status_code in {200, 204, 304}
    post(browser(app, token), "/sign-out")
    assert one.get(url, headers={"If-None-Match": mark}).status_code == 401


@pytest.mark.parametrize(
    "token", ["", "x", "A" * 43, "A" * 44, "é" * 43, "A" * 42 + "=", "'; DROP TABLE session; --", "A" * 4000]
)
def test_a_made_up_token_is_nobody(app: Flask, token: str) -> None:
    assert browser(app, token).get("/account").status_code == 401


def test_only_the_hash_of_a_token_is_kept(small: Small, clock: Clock) -> None:
    token = new_token(small.database, small.community_id, Role.CLERK, clock())
    with small.database.transaction(OPERATOR) as con:
        kept = [bytes(row) for row in con.execute(text("SELECT token_hash FROM session")).scalars()]
    assert bytes.fromhex(accounts.fingerprint(token)) in kept
    assert token.encode() not in kept
