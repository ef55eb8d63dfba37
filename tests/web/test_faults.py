"""Errors told: the right status, one sentence, to a person or a program, and nothing more than that."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from signing import SESSION_COOKIE, browser, new_token
from two_communities import Clock, Small

from gridmap import errors
from gridmap.domain.actors import Role
from gridmap.settings import Settings
from gridmap.store.database import Database
from gridmap.web import faults
from gridmap.web.access import ANYONE, allow
from gridmap.web.app import create_app

Client = Callable[[Role | None], FlaskClient]
CASES = [
    (errors.BadInput("日期要写成 2026-03-01 这样"), 400),
    (errors.SignInNeeded("请先登录"), 401),
    (errors.Forbidden("您的角色不能使用这个功能"), 403),
    (errors.NotFound("没有这个网格"), 404),
    (errors.Conflict("别人刚改过"), 409),
    (errors.TooManyTries("请 %(retry_s)s 秒后再试", 17), 429),
    (errors.Unavailable("数据库暂时没有回应，请稍后再试"), 503),
    (errors.SetupFault("缺少前端文件"), 503),
]


def fails(small: Small, settings: Settings, clock: Clock, error: Exception, *, api: bool) -> FlaskClient:
    app = create_app(small.database, settings, clock=clock)

    def view() -> str:
        raise error

    app.add_url_rule("/fails", view_func=allow(ANYONE, api=api)(view), endpoint="fails", methods=["GET", "POST"])
    return app.test_client()


@pytest.mark.parametrize(("error", "status"), CASES)
def test_a_person_gets_a_page_with_the_sentence(
    small: Small, settings: Settings, clock: Clock, error: errors.GridmapError, status: int
) -> None:
    answer = fails(small, settings, clock, error, api=False).get("/fails", headers={"Accept": "text/html"})
    assert answer.status_code == status
    assert answer.mimetype == "text/html"
    assert str(error) in answer.get_data(as_text=True)


@pytest.mark.parametrize(("error", "status"), CASES)
def test_a_program_gets_json(
    small: Small, settings: Settings, clock: Clock, error: errors.GridmapError, status: int
) -> None:
    answer = fails(small, settings, clock, error, api=True).get("/fails")
    assert answer.status_code == status
    assert answer.get_json() == {"error": str(error)}


def test_every_kind_of_error_has_a_status() -> None:
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, errors.GridmapError)]
    assert {k for k in kinds if k is not errors.GridmapError} == set(faults.STATUS)


def test_waiting_times_are_told_to_programs_too(small: Small, settings: Settings, clock: Clock) -> None:
    answer = fails(small, settings, clock, errors.TooManyTries("请 %(retry_s)s 秒后再试", 17), api=False).get("/fails")
    assert answer.headers["Retry-After"] == "17"


def test_what_nobody_foresaw_is_one_sentence_and_the_log_holds_no_value(
    small: Small, settings: Settings, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    error = RuntimeError("张三 13812345678")
    with caplog.at_level(logging.ERROR):
        answer = fails(small, settings, clock, error, api=False).get("/fails?q=13812345678")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 500
    assert "出了意外" in page
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for secret in ("张三", "Traceback", "RuntimeError"):
        assert secret not in page
    assert "RuntimeError at fails" in caplog.text
    assert "test_faults.py" in caplog.text
    assert "13812345678" not in caplog.text
    assert "张三" not in caplog.text


def test_an_unknown_page_is_told_alike_to_everybody(client: Client) -> None:
    for role in (None, Role.WORKER, Role.ADMIN):
        answer = client(role).get("/no-such-page")
        assert answer.status_code == 404
        assert "没有找到这个页面" in answer.get_data(as_text=True)


def test_a_wrong_method_tells_the_right_ones(client: Client) -> None:
    answer = client(None).put("/sign-in")
    assert answer.status_code == 405
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


def test_an_error_page_keeps_the_menu_of_who_is_signed_in(client: Client) -> None:
    assert 'href="/coverage"' in client(Role.SECRETARY).get("/no-such-page").get_data(as_text=True)


@pytest.mark.parametrize(("language", "mark"), [("zh-CN", "zh-CN"), ("en-GB", "en"), ("fr", "zh-CN"), ("", "zh-CN")])
def test_error_pages_come_in_the_language_of_the_reader(client: Client, language: str, mark: str) -> None:
    page = client(None).get("/no-such-page", headers={"Accept-Language": language}).get_data(as_text=True)
    assert f'<html lang="{mark}"' in page


# --- the database is away ----------------------------------------------------------------------------------------


@pytest.fixture
def dark(small: Small, settings: Settings, clock: Clock) -> Flask:
    """Return a server whose database does not answer."""
    return create_app(Database(small.database.url.set(query={"host": "/nowhere"})), settings, clock=clock)


@pytest.mark.parametrize("url", ["/healthz", "/account", "/coverage", "/admin", "/sign-in/" + "A" * 43])
def test_without_a_database_the_answer_is_503_and_quick(dark: Flask, url: str) -> None:
    began = time.monotonic()
    answer = browser(dark, "A" * 43).get(url)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "数据库暂时没有回应" in answer.get_data(as_text=True) or answer.get_json()["error"]
    assert time.monotonic() - began < 5


def test_without_a_database_pictures_and_the_sign_in_page_still_come(dark: Flask) -> None:
    one = browser(dark, "A" * 43)
    assert one.get("/sign-in").status_code == 200
    assert one.get(dark.jinja_env.globals["asset"]("leaflet/dist/leaflet.js")).status_code == 200  # type: ignore[operator]
    assert one.get("/no-such-page").status_code == 404


def test_it_goes_on_when_the_database_comes_back(small: Small, settings: Settings, clock: Clock) -> None:
    database = Database(small.database.url, pool_size=2)
    app = create_app(database, settings, clock=clock)
    one = browser(app, new_token(small.database, small.community_id, Role.CLERK, clock()))
    assert one.get("/account").status_code == 200
    for connection in list(database.engine.pool._pool.queue):  # type: ignore[attr-defined]
        connection.dbapi_connection.close()  # as a server that was killed leaves them
    statuses = [one.get("/account").status_code for _ in range(4)]
    assert statuses[-1] == 200
    assert set(statuses) <= {200, 503}
    assert one.get_cookie(SESSION_COOKIE) is not None
    database.close()
