"""What every answer carries, and what an unsafe request must show."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from signing import OPERATOR, SESSION_COOKIE, browser, form_token, new_token, post
from two_communities import Clock, Small

from gridmap.domain.actors import Role
from gridmap.services import accounts
from gridmap.settings import Settings
from gridmap.web.access import allow
from gridmap.web.app import create_app

Client = Callable[[Role | None], FlaskClient]
EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
ADDRESSES = [
    "/sign-in",
    "/account",
    "/admin",
    "/coverage",
    "/coverage/none",
    "/no-such-page",
    "/healthz",
    "/favicon.ico",
]


@pytest.mark.parametrize("url", ADDRESSES)
@pytest.mark.parametrize("role", [None, Role.SECRETARY])
def test_every_answer_carries_the_security_headers(client: Client, url: str, role: Role | None) -> None:
    answer = client(role).get(url)
    for name, value in EVERYWHERE.items():
        assert answer.headers[name] == value, (name, answer.status_code)
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert re.fullmatch(r"'self' 'nonce-[\w-]{20,}'", policy["script-src"])
    for closed in ("object-src", "base-uri", "frame-ancestors"):
        assert policy[closed] == "'none'"
    assert "unsafe-inline" not in policy["script-src"] + policy["style-src"]
    assert "unsafe-eval" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "geolocation=(self)" in answer.headers["Permissions-Policy"]


def test_a_nonce_is_used_once_and_every_inline_script_has_it(client: Client) -> None:
    one = client(Role.SECRETARY)
    nonces = set()
    for _ in range(3):
        answer = one.get("/coverage")
        page, policy = answer.get_data(as_text=True), answer.headers["Content-Security-Policy"]
        found = re.search(r"'nonce-([\w-]+)'", policy)
        assert found
        nonces.add(found.group(1))
        inline = [tag for tag in re.findall(r"<(?:script|style)\b[^>]*>", page) if "src=" not in tag]
        assert inline
        for tag in inline:
            assert f'nonce="{found.group(1)}"' in tag or 'type="application/json"' in tag, tag
        assert not re.search(r"\son[a-z]+=", page)
        assert "javascript:" not in page
    assert len(nonces) == 3


def test_a_page_asks_for_nothing_from_elsewhere(client: Client) -> None:
    page = client(Role.SECRETARY).get("/coverage").get_data(as_text=True)
    assert re.findall(r"""(?:src|href|action)=["'](?:https?:)?//(?!127\.0\.0\.1)[^"']*""", page) == []


def test_the_session_cookie_cannot_be_read_or_sent_by_others(app: Flask, small: Small, clock: Clock) -> None:
    cookie = sign_in_cookie(app, small, clock)
    assert cookie.startswith(SESSION_COOKIE + "=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= {part.strip() for part in cookie.split(";")}
    assert "Domain" not in cookie


def test_plain_http_elsewhere_gets_a_cookie_that_works_there(small: Small, settings: Settings, clock: Clock) -> None:
    plain = create_app(small.database, Settings(home=settings.home, insecure_http=True), clock=clock)
    cookie = sign_in_cookie(plain, small, clock)
    assert cookie.startswith("gm=")
    assert "Secure" not in cookie
    assert "HttpOnly" in cookie


def sign_in_cookie(app: Flask, small: Small, clock: Clock) -> str:
    """Sign in through a link and return the cookie that was set."""
    with small.database.transaction(OPERATOR) as con:
        _, link = accounts.make_link(con, OPERATOR, community_id=small.community_id, role=Role.CLERK, at=clock())
    answer = post(app.test_client(), f"/sign-in/{link}")
    assert answer.status_code == 303
    return next(c for c in answer.headers.getlist("Set-Cookie") if c.startswith(("gm=", SESSION_COOKIE)))


# --- forged requests ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Origin": "http://localhost.evil.example"},
    ],
)
def test_another_site_cannot_act_even_with_a_right_token(
    app: Flask, small: Small, clock: Clock, headers: dict[str, str]
) -> None:
    token = new_token(small.database, small.community_id, Role.CLERK, clock())
    one = browser(app, token)
    answer = one.post("/sign-out", data={"csrf_token": form_token(one)}, headers=headers)
    assert answer.status_code == 403
    assert browser(app, token).get("/account").status_code == 200


@pytest.mark.parametrize("fields", [{}, {"csrf_token": ""}, {"csrf_token": "wrong"}])
def test_a_form_without_our_token_changes_nothing(
    app: Flask, small: Small, clock: Clock, fields: dict[str, str]
) -> None:
    token = new_token(small.database, small.community_id, Role.CLERK, clock())
    one = browser(app, token)
    form_token(one)
    assert one.post("/sign-out", data=fields).status_code == 400
    assert one.get("/account").status_code == 200


def test_somebody_elses_form_token_is_no_use(client: Client) -> None:
    mine, theirs = client(Role.CLERK), client(Role.SECRETARY)
    form_token(mine)
    answer = mine.post("/sign-out", data={"csrf_token": form_token(theirs)})
    assert answer.status_code == 400


def test_a_program_shows_json_and_our_header(small: Small, settings: Settings, clock: Clock) -> None:
    app = create_app(small.database, settings, clock=clock)
    app.add_url_rule(
        "/change", view_func=allow(Role.CLERK, api=True)(lambda: {"done": True}), endpoint="change", methods=["POST"]
    )
    one = browser(app, new_token(small.database, small.community_id, Role.CLERK, clock()))
    assert one.post("/change", json={}, headers={"X-Gridmap": "1"}).status_code == 200
    assert one.post("/change", json={}).status_code == 415
    assert one.post("/change", data={"a": 1}, headers={"X-Gridmap": "1"}).status_code == 415
    plain = one.post("/change", data="{}", content_type="text/plain", headers={"X-Gridmap": "1"})
    assert plain.status_code == 415
    elsewhere = one.post("/change", json={}, headers={"X-Gridmap": "1", "Sec-Fetch-Site": "cross-site"})
    assert elsewhere.status_code == 403
    assert "error" in elsewhere.get_json()


# --- our own host, sizes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8019", "localhost:80", "[::1]:8019", "LOCALHOST"])
def test_our_own_names_are_answered(client: Client, host: str) -> None:
    assert client(None).get("/sign-in", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil", "[", "localhost.", "a" * 300]
)
def test_another_name_on_our_address_is_refused(client: Client, host: str) -> None:
    answer = client(None).get("/sign-in", headers={"Host": host})
    assert answer.status_code == 400
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "evil" not in answer.get_data(as_text=True)


def test_a_configured_name_is_answered(small: Small, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDMAP_HOSTS", "map.example, Other.example")
    app = create_app(small.database, Settings(home=settings.home))
    assert app.test_client().get("/healthz", headers={"Host": "other.example"}).status_code == 200


def test_what_is_too_big_is_refused(client: Client) -> None:
    one = client(None)
    assert one.get("/sign-in?" + "a" * 5000).status_code == 414
    assert one.post("/sign-in", data={"username": "a" * 1_200_000}).status_code == 413
    assert one.get("/sign-in").status_code == 200


def test_the_form_key_is_made_once_and_only_its_owner_reads_it(settings: Settings) -> None:
    key = settings.secret("form-key")
    assert len(key) >= 43
    assert settings.secret("form-key") == key
    assert (settings.home / "keys" / "form-key").stat().st_mode & 0o077 == 0
