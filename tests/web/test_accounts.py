"""Signing in and out through HTTP: passwords, one-time links, limits, the administrator's page."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from signing import OPERATOR, SESSION_COOKIE, browser, new_token, post
from sqlalchemy import text
from two_communities import Clock, Small
from werkzeug.test import TestResponse

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.sessions import LINK_LASTS
from gridmap.errors import BadInput, NotFound
from gridmap.services import accounts
from gridmap.settings import Settings
from gridmap.store import accounts as store
from gridmap.web.app import create_app

RIGHT = "correct 鸿雁 lantern 41"
OTHER = "another 鸿雁 lantern"
GUESS = "a guess"
Client = Callable[[Role | None], FlaskClient]


@pytest.fixture
def username(small: Small) -> str:
    """Make a clerk with a password and return the username."""
    name = f"clerk-{secrets.token_hex(4)}"
    with small.database.transaction(OPERATOR) as con:
        accounts.add(
            con,
            OPERATOR,
            community_id=small.community_id,
            username=name,
            name="内勤甲",
            role=Role.CLERK,
            password=RIGHT,
        )
    return name


def trail(small: Small, action: str) -> int:
    with small.database.transaction(Actor(Role.ADMIN, small.community_id, account_id=1)) as con:
        found = con.execute(text("SELECT count(*) FROM audit_event WHERE action = :a"), {"a": action})
        return int(found.scalar_one())


def attempt(app: Flask, username: str, password: str, address: str = "127.0.0.1", **more: str) -> TestResponse:
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = address
    return post(client, "/sign-in", username=username, password=password, **more)


# --- signed in ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", list(Role))
def test_everybody_who_is_signed_in_sees_his_own_sessions(client: Client, role: Role) -> None:
    answer = client(role).get("/account")
    assert answer.status_code == 200
    assert "本机" in answer.get_data(as_text=True)


@pytest.mark.parametrize("role", list(Role))
def test_everybody_has_a_first_page(client: Client, role: Role) -> None:
    assert client(role).get("/", follow_redirects=True).status_code == 200


def test_a_visitor_is_asked_to_sign_in_and_comes_back_afterwards(app: Flask, client: Client, username: str) -> None:
    answer = client(None).get("/account?text=large")
    assert answer.status_code == 401
    assert 'name="back" value="/account?text=large"' in answer.get_data(as_text=True)
    entered = attempt(app, username, RIGHT, back="/account?text=large")
    assert (entered.status_code, entered.location) == (303, "/account?text=large")


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\n/x"]
)
def test_nobody_is_sent_to_another_site(app: Flask, username: str, back: str) -> None:
    assert attempt(app, username, RIGHT, back=back).location == "/"


def test_signing_out_ends_the_session_itself(app: Flask, small: Small, clock: Clock) -> None:
    token = new_token(small.database, small.community_id, Role.SECRETARY, clock())
    before = trail(small, "sign-out")
    answer = post(browser(app, token), "/sign-out")
    assert answer.status_code == 303
    assert answer.headers["Clear-Site-Data"] == '"cache"'
    assert browser(app, token).get("/account").status_code == 401
    assert trail(small, "sign-out") == before + 1


def test_signing_out_clears_storage_only_when_nothing_unsent_lies_in_it(app: Flask, small: Small, clock: Clock) -> None:
    token = new_token(small.database, small.community_id, Role.SECRETARY, clock())
    answer = post(browser(app, token), "/sign-out", clean="1")
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'


def test_a_new_sign_in_has_a_new_token_and_ends_the_old_session(
    app: Flask, small: Small, clock: Clock, username: str
) -> None:
    old = new_token(small.database, small.community_id, Role.CLERK, clock())
    one = browser(app, old)
    assert post(one, "/sign-in", username=username, password=RIGHT).status_code == 303
    cookie = one.get_cookie(SESSION_COOKIE)
    assert cookie is not None
    assert cookie.value != old
    assert one.get("/account").status_code == 200
    assert browser(app, old).get("/account").status_code == 401


def test_people_end_their_own_sessions_and_nobody_elses(app: Flask, small: Small, clock: Clock) -> None:
    tokens = [new_token(small.database, small.community_id, Role.PLANNER, clock()) for _ in range(2)]
    theirs = new_token(small.database, small.community_id, Role.DRIVER, clock())
    one = browser(app, tokens[0])
    assert post(one, f"/account/sessions/{accounts.fingerprint(theirs)[:16]}/end").status_code == 404
    assert browser(app, theirs).get("/account").status_code == 200
    assert post(one, f"/account/sessions/{accounts.fingerprint(tokens[1])[:16]}/end").status_code == 303
    assert browser(app, tokens[1]).get("/account").status_code == 401
    assert one.get("/account").status_code == 200


# --- passwords ---------------------------------------------------------------------------------------------------


def test_name_and_password_open_the_door(app: Flask, small: Small, username: str) -> None:
    before = trail(small, "sign-in")
    assert attempt(app, username.upper() + " ", RIGHT).status_code == 303
    assert trail(small, "sign-in") == before + 1


@pytest.mark.parametrize("password", ["", "wrong", RIGHT + " ", RIGHT[:-1], "a" * 5000])
def test_a_wrong_password_does_not(app: Flask, small: Small, username: str, password: str) -> None:
    before = trail(small, "sign-in failed")
    answer = attempt(app, username, password)
    assert answer.status_code == 401
    assert SESSION_COOKIE not in str(answer.headers.getlist("Set-Cookie"))
    assert trail(small, "sign-in failed") == before + 1


def test_an_unknown_name_is_told_the_same_as_a_wrong_password(app: Flask, username: str) -> None:
    def told(name: str) -> tuple[int, bool]:
        answer = attempt(app, name, "not the password")
        return answer.status_code, "用户名或密码不对" in answer.get_data(as_text=True)

    assert told(username) == told("nobody-here") == told("demo-secretary") == told("") == told("名") == (401, True)


def test_a_closed_account_is_told_the_same_too(app: Flask, small: Small, clock: Clock, username: str) -> None:
    with small.database.transaction(OPERATOR) as con:
        accounts.set_disabled(con, OPERATOR, username=username, disabled=True, at=clock())
    answer = attempt(app, username, RIGHT)
    assert answer.status_code == 401
    assert "用户名或密码不对" in answer.get_data(as_text=True)


def test_no_account_of_the_demo_has_a_password(small: Small) -> None:
    with small.database.transaction(OPERATOR) as con:
        found = con.execute(text("SELECT password_hash FROM account WHERE username LIKE 'demo-%'")).scalars().all()
    assert len(found) == 2 * len(Role)
    assert set(found) == {None}


def test_a_new_password_ends_every_session(app: Flask, small: Small, clock: Clock, username: str) -> None:
    entered = app.test_client()
    post(entered, "/sign-in", username=username, password=RIGHT)
    assert entered.get("/account").status_code == 200
    with small.database.transaction(OPERATOR) as con:
        accounts.set_password(con, OPERATOR, username=username, password=OTHER, at=clock())
    assert entered.get("/account").status_code == 401
    assert attempt(app, username, RIGHT).status_code == 401
    assert attempt(app, username, OTHER).status_code == 303


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"username": "x"}, "用户名"),
        ({"username": "has space"}, "用户名"),
        ({"username": "a" * 64}, "用户名"),
        ({"name": ""}, "姓名"),
        ({"name": "x" * 41}, "姓名"),
        ({"password": "short"}, "密码"),
        ({"password": "new-clerk is me 1"}, "密码"),
        ({"username": "demo-admin"}, "demo-admin"),
        ({"role": Role.WORKER}, "--grid"),
        ({"role": Role.WORKER, "grid_code": "none"}, "none"),
    ],
)
def test_an_account_that_cannot_be_is_refused_with_the_reason(small: Small, changes: dict, part: str) -> None:
    asked = {"username": "new-clerk", "name": "新人", "role": Role.CLERK, "password": RIGHT} | changes
    with pytest.raises(BadInput) as refused, small.database.transaction(OPERATOR) as con:
        accounts.add(con, OPERATOR, community_id=small.community_id, **asked)
    assert part in str(refused.value)


# --- limits ------------------------------------------------------------------------------------------------------


def test_guessing_one_account_is_hopeless(app: Flask, clock: Clock, username: str) -> None:
    checked = 0
    for _ in range(40):
        clock.moment += timedelta(minutes=20)
        for _ in range(4):
            answer = attempt(app, username, GUESS)
            checked += answer.status_code == 401
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert checked <= 10 + 40
    assert attempt(app, username, RIGHT).status_code == 429  # not even the right one, until a try is left
    clock.moment += timedelta(hours=1)
    assert attempt(app, username, RIGHT).status_code == 303


def test_guessing_from_many_addresses_or_with_made_up_headers_is_one_account_still(app: Flask, username: str) -> None:
    statuses = []
    for i in range(30):
        client = app.test_client()
        client.environ_base["REMOTE_ADDR"] = f"10.1.0.{i}"
        client.environ_base["HTTP_X_FORWARDED_FOR"] = f"10.2.0.{i}"
        statuses.append(post(client, "/sign-in", username=username, password=GUESS).status_code)
    assert statuses.count(401) == 10
    assert statuses.count(429) == 20


def test_made_up_forwarding_headers_do_not_widen_an_address(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "ADDRESS_TRIES", 12.0)
    statuses = []
    for i in range(int(accounts.ADDRESS_TRIES) + 5):
        client = app.test_client()
        client.environ_base |= {
            "REMOTE_ADDR": "10.9.9.9",
            "HTTP_X_FORWARDED_FOR": f"10.3.0.{i}",
            "HTTP_X_REAL_IP": "1.1.1.1",
        }
        statuses.append(post(client, "/sign-in", username=f"guess-{i}", password=GUESS).status_code)
    assert statuses.count(429) == 5
    other = attempt(app, "somebody-else", GUESS, address="10.9.9.10")
    assert other.status_code == 401


def test_with_a_trusted_proxy_its_last_entry_counts_and_no_other(
    small: Small, settings: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "ADDRESS_TRIES", 12.0)
    app = create_app(small.database, Settings(home=settings.home, proxies=1), clock=clock)
    statuses = []
    for i in range(int(accounts.ADDRESS_TRIES) + 3):
        client = app.test_client()
        client.environ_base |= {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": f"1.2.3.{i}, 10.9.8.7"}
        statuses.append(post(client, "/sign-in", username=f"proxied-{i}", password=GUESS).status_code)
    assert statuses.count(429) == 3


@pytest.mark.parametrize("address", ["", "unix:", "::ffff:10.0.0.1", "fe80::1%eth0", "a" * 500])
def test_an_address_that_is_none_is_counted_like_any_other(app: Flask, address: str) -> None:
    assert attempt(app, "nobody-here", GUESS, address=address).status_code == 401


def test_nineteen_workers_sign_in_from_one_address_at_half_past_eight(app: Flask, small: Small) -> None:
    names = [f"early-{i:02}" for i in range(19)]
    kept = accounts.passwords.make(RIGHT)
    with small.database.transaction(OPERATOR) as con:
        for name in names:
            store.add(
                con,
                community_id=small.community_id,
                username=name,
                name="早班",
                role=Role.CLERK,
                worker_id=None,
                password_hash=kept,
            )

    def arrive(name: str) -> list[int]:
        return [attempt(app, name, word, address="10.8.8.8").status_code for word in ("typo one", "typo two", RIGHT)]

    with ThreadPoolExecutor(8) as crowd:
        found = list(crowd.map(arrive, names))
    assert found == [[401, 401, 303]] * 19


def test_a_hundred_at_once_cannot_take_the_same_token(small: Small, clock: Clock) -> None:
    bucket = secrets.token_hex(32)

    def take(_: int) -> float:
        with small.database.transaction(Actor(Machine.VISITOR)) as con:
            return store.take_token(con, bucket, capacity=7, per_s=1 / 3600, at=clock())

    with ThreadPoolExecutor(8) as crowd:
        waits = list(crowd.map(take, range(100)))
    assert waits.count(0.0) == 7
    assert all(0 < wait <= 3600 for wait in waits if wait)


# --- links -------------------------------------------------------------------------------------------------------


def make_link(small: Small, clock: Clock, role: Role = Role.SECRETARY) -> str:
    with small.database.transaction(OPERATOR) as con:
        return accounts.make_link(con, OPERATOR, community_id=small.community_id, role=role, at=clock())[1]


def test_looking_at_a_link_does_not_use_it_up(app: Flask, small: Small, clock: Clock) -> None:
    link = make_link(small, clock)
    for _ in range(3):
        for method in ("GET", "HEAD"):
            assert app.test_client().open(f"/sign-in/{link}", method=method).status_code == 200
    one = app.test_client()
    answer = post(one, f"/sign-in/{link}")
    assert (answer.status_code, answer.location) == (303, "/")
    assert one.get("/account").status_code == 200


def test_a_link_opens_once_only_even_when_twenty_press_at_once(app: Flask, small: Small, clock: Clock) -> None:
    link = make_link(small, clock)
    with ThreadPoolExecutor(8) as crowd:
        found = list(crowd.map(lambda _: post(app.test_client(), f"/sign-in/{link}").status_code, range(20)))
    assert sorted(found) == [303] + [404] * 19
    assert app.test_client().get(f"/sign-in/{link}").status_code == 404


def test_a_link_ends_after_its_time(app: Flask, small: Small, clock: Clock) -> None:
    link = make_link(small, clock)
    clock.moment += LINK_LASTS - timedelta(seconds=1)
    assert app.test_client().get(f"/sign-in/{link}").status_code == 200
    clock.moment += timedelta(seconds=1)
    assert app.test_client().get(f"/sign-in/{link}").status_code == 404
    assert post(app.test_client(), f"/sign-in/{link}").status_code == 404


def test_a_link_of_a_closed_account_opens_nothing(app: Flask, small: Small, clock: Clock, username: str) -> None:
    with small.database.transaction(OPERATOR) as con:
        row = store.by_username(con, username)
        assert row is not None
        token = secrets.token_urlsafe(32)
        store.add_link(
            con,
            token_hash=bytes.fromhex(accounts.fingerprint(token)),
            community_id=row.community_id,
            account_id=row.id,
            until=clock() + LINK_LASTS,
        )
        accounts.set_disabled(con, OPERATOR, username=username, disabled=True, at=clock())
    assert post(app.test_client(), f"/sign-in/{token}").status_code == 404


def test_a_link_for_a_grid_is_for_its_worker(small: Small, clock: Clock) -> None:
    with pytest.raises(NotFound, match="user add"), small.database.transaction(OPERATOR) as con:
        accounts.make_link(
            con, OPERATOR, community_id=small.community_id, role=Role.WORKER, grid_code=small.codes[0][1], at=clock()
        )
    with small.database.transaction(OPERATOR) as con:
        name, _ = accounts.make_link(
            con, OPERATOR, community_id=small.community_id, role=Role.WORKER, grid_code=small.codes[0][0], at=clock()
        )
    assert name == "员1"


def test_demo_accounts_are_made_once_and_the_worker_has_a_grid(small: Small, clock: Clock) -> None:
    with small.database.transaction(OPERATOR) as con:
        first = accounts.ensure_demo_accounts(con, OPERATOR, small.community_id, at=clock())
        again = accounts.ensure_demo_accounts(con, OPERATOR, small.community_id, at=clock())
    assert first == again
    assert set(first) == set(Role)
    assert len(set(first.values())) == len(Role)


# --- the administrator -------------------------------------------------------------------------------------------


def test_an_administrator_sees_the_accounts_of_his_community_only(client: Client) -> None:
    page = client(Role.ADMIN).get("/admin").get_data(as_text=True)
    assert "demo-secretary<" in page
    assert "demo-secretary-2" not in page


def test_an_administrator_closes_and_opens_an_account(app: Flask, small: Small, client: Client, username: str) -> None:
    with small.database.transaction(OPERATOR) as con:
        row = store.by_username(con, username)
    assert row is not None
    clerk, admin = app.test_client(), client(Role.ADMIN)
    post(clerk, "/sign-in", username=username, password=RIGHT)
    assert clerk.get("/account").status_code == 200
    assert post(admin, f"/admin/accounts/{row.id}/disable").status_code == 303
    assert clerk.get("/account").status_code == 401
    assert "已停用" in admin.get("/admin").get_data(as_text=True)
    assert post(admin, f"/admin/accounts/{row.id}/enable").status_code == 303
    assert clerk.get("/account").status_code == 401
    assert attempt(app, username, RIGHT).status_code == 303


def test_an_administrator_cannot_lock_himself_out_or_reach_another_community(client: Client, small: Small) -> None:
    with small.database.transaction(OPERATOR) as con:
        own = store.by_username(con, "demo-admin")
        foreign = con.execute(
            text("SELECT id FROM account WHERE community_id = :c LIMIT 1"), {"c": small.communities[1]}
        ).scalar_one()
    assert own is not None
    admin = client(Role.ADMIN)
    assert post(admin, f"/admin/accounts/{own.id}/disable").status_code == 403
    for act in ("disable", "enable"):
        assert post(admin, f"/admin/accounts/{foreign}/{act}").status_code == 404
    assert post(admin, f"/admin/accounts/{foreign}/sessions/{'0' * 16}/end").status_code == 404


def test_a_refusal_is_written_down(client: Client, small: Small) -> None:
    before = trail(small, "denied")
    assert client(Role.DRIVER).get("/admin").status_code == 403
    assert trail(small, "denied") == before + 1
