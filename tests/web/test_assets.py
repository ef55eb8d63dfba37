"""Styles, scripts and pictures: ours only, versioned, zipped, and never anything outside the two trees."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gridmap.domain.actors import Role
from gridmap.settings import STATIC, VENDOR

Client = Callable[[Role | None], FlaskClient]
LEAFLET = "leaflet/dist/leaflet.js"


def address(app: Flask, name: str) -> str:
    found = app.jinja_env.globals["asset"](name)  # type: ignore[operator]
    assert isinstance(found, str)
    return found


def test_a_file_comes_for_ever_under_its_own_mark(app: Flask) -> None:
    answer = app.test_client().get(address(app, LEAFLET))
    assert answer.status_code == 200
    assert answer.data == (VENDOR / LEAFLET).read_bytes()
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.mimetype == "text/javascript"
    assert "Set-Cookie" not in answer.headers


def test_a_text_is_zipped_for_who_can_unpack_it(app: Flask) -> None:
    answer = app.test_client().get(address(app, LEAFLET), headers={"Accept-Encoding": "gzip, br"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(answer.data) == (VENDOR / LEAFLET).read_bytes()
    assert len(answer.data) < len(gzip.decompress(answer.data)) / 2


def test_it_is_not_sent_again_when_nothing_changed(app: Flask) -> None:
    one, url = app.test_client(), address(app, LEAFLET)
    for headers in ({}, {"Accept-Encoding": "gzip"}):
        mark = one.get(url, headers=headers).headers["ETag"]
        again = one.get(url, headers={**headers, "If-None-Match": mark})
        assert (again.status_code, again.data) == (304, b"")


def test_an_old_mark_gets_the_file_but_nobody_keeps_it(app: Flask) -> None:
    answer = app.test_client().get(f"/static/vendor/000000000000/{LEAFLET}")
    assert answer.status_code == 200
    assert "no-cache" in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    "name",
    [
        "../settings.py",
        "..%2fsettings.py",
        "assets.json",
        "vendor/assets.json",
        "icons.txt",
        "",
        "none.js",
        "/etc/passwd",
    ],
)
@pytest.mark.parametrize("tree", ["own", "vendor", "none", ".."])
def test_nothing_else_is_served(app: Flask, tree: str, name: str) -> None:
    assert app.test_client().get(f"/static/{tree}/x/{name}").status_code == 404


def test_an_unknown_asset_stops_the_page(app: Flask) -> None:
    with pytest.raises(LookupError, match=r"nowhere\.js"):
        address(app, "nowhere.js")


def test_every_file_of_ours_has_an_address(app: Flask) -> None:
    for path in STATIC.rglob("*.js"):
        if VENDOR not in path.parents:
            assert app.test_client().get(address(app, path.relative_to(STATIC).as_posix())).status_code == 200


def test_what_a_style_refers_to_is_there(app: Flask) -> None:
    one = app.test_client()
    url = address(app, "leaflet/dist/leaflet.css")
    names = set(re.findall(r"url\(([^)#]+)\)", one.get(url).get_data(as_text=True)))
    assert len(names) >= 2
    for name in names:
        assert one.get(url.rsplit("/", 1)[0] + "/" + name).status_code == 200, name


# --- pages -------------------------------------------------------------------------------------------------------


def test_pages_are_zipped_and_kept_by_nobody(client: Client) -> None:
    answer = client(Role.SECRETARY).get("/coverage", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert b"<html" in gzip.decompress(answer.data)
    plain = client(Role.SECRETARY).get("/coverage", headers={"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in plain.headers


@pytest.mark.parametrize(
    ("headers", "query", "mark"),
    [
        ({}, "", "zh-CN"),
        ({"Accept-Language": "en-US,en;q=0.9"}, "", "en"),
        ({"Accept-Language": "zh-TW,en;q=0.5"}, "", "zh-CN"),
        ({"Accept-Language": "fr"}, "", "zh-CN"),
        ({"Accept-Language": "zh"}, "?lang=en", "en"),
        ({"Accept-Language": "en"}, "?lang=zh", "zh-CN"),
        ({"Accept-Language": "en"}, "?lang=xx", "en"),
    ],
)
def test_chinese_comes_first_and_english_to_those_who_ask(
    client: Client, headers: dict[str, str], query: str, mark: str
) -> None:
    page = client(None).get("/sign-in" + query, headers=headers).get_data(as_text=True)
    assert f'<html lang="{mark}"' in page


def test_a_chosen_language_and_text_size_are_remembered(client: Client) -> None:
    one = client(Role.CLERK)
    one.get("/account?lang=en&text=large")
    page = one.get("/account").get_data(as_text=True)
    assert '<html lang="en" class="large"' in page
    one.get("/account?lang=zh&text=normal")
    assert '<html lang="zh-CN">' in one.get("/account").get_data(as_text=True)


def test_health_is_told_without_signing_in(client: Client) -> None:
    answer = client(None).get("/healthz")
    assert (answer.status_code, answer.get_json()) == (200, {"ok": True})
