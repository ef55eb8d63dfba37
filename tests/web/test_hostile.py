"""Whatever an address, a form or a header holds, the server answers below 500."""

from __future__ import annotations

import os
from io import BytesIO
from urllib.parse import quote_from_bytes

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from signing import browsers, form_token
from two_communities import Clock, Small
from werkzeug.test import EnvironBuilder, run_wsgi_app

from gridmap.domain.actors import Role
from gridmap.settings import Settings
from gridmap.web.app import create_app

MANY = 4_000 if os.environ.get("GRIDMAP_NIGHTLY") else 250
FUZZ = settings(
    max_examples=MANY,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
ODD = [
    "", "0", "-1", "1.5", "1e999", "9" * 19, "9" * 400, str(2**63), str(2**63 - 1), "NaN", "null", "true", "[]", "{}",
    "'", "\"", "' OR 1=1 --", "%", "%_", "\\", "../../etc/passwd", "..%2f..%2f", "<script>alert(1)</script>", "{{7*7}}",
    "${alert(1)}", "=cmd|' /C calc'!A0", "\u2028", "\u202e", "\u200b", "㐀𠮷", "\ufffd", "\ud7ff", "é" * 300, "\t",
    "2026-02-30", "0000-00-00", "9999-12-31", "10000-01-01", "2026-06-01", "alone", "general", "drug", "overdue",
    "xlsx", "secretary", "g1",
]  # fmt: skip
RAW = [
    b"%00",
    b"%ff",
    b"%c0%af",
    b"%ed%a0%80",
    b"%",
    b"%2",
    b"%zz",
    b"%25%30%30",
    b"\xff",
    b"%0d%0aX-Evil:1",
    b"%e2%80%a8",
]
NAMES = ["on", "group", "page", "q", "state", "sort", "tab", "lang", "text", "back", "grid", "from", "view", "z"]
values = st.one_of(st.sampled_from(ODD), st.text(max_size=40), st.integers().map(str), st.dates().map(str))


@pytest.fixture(scope="module")
def server(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return create_app(small.database, Settings(home=tmp_path_factory.mktemp("home")), clock=Clock())


@pytest.fixture(scope="module")
def people(server: Flask, small: Small) -> list[FlaskClient]:
    make = browsers(server, small.database, small.community_id, Clock()())
    return [make(role) for role in (None, Role.SECRETARY, Role.WORKER, Role.PLANNER, Role.ADMIN, Role.DRIVER)]


def rules(server: Flask) -> list[str]:
    """Return every route's pattern, arguments as ``{}``."""
    found = set()
    for rule in server.url_map.iter_rules():
        parts = [
            f"{{{part.split(':')[-1].rstrip('>')}}}" if part.startswith("<") else part for part in _parts(rule.rule)
        ]
        found.add("".join("{}" if part.startswith("{") else part for part in parts))
    return sorted(found)


def _parts(rule: str) -> list[str]:
    out, rest = [], rule
    while "<" in rest:
        before, _, rest = rest.partition("<")
        inside, _, rest = rest.partition(">")
        out += [before, f"<{inside}>"]
    return [*out, rest]


@FUZZ
@given(data=st.data())
def test_no_address_breaks_a_page(server: Flask, people: list[FlaskClient], data: st.DataObject) -> None:
    pattern = data.draw(st.sampled_from(rules(server)))
    path = pattern.format(
        *[quote_from_bytes(data.draw(values).encode("utf-8", "replace")) for _ in range(pattern.count("{}"))]
    )
    asked = data.draw(st.dictionaries(st.sampled_from(NAMES), values, max_size=4))
    client = data.draw(st.sampled_from(people))
    method = data.draw(st.sampled_from(["GET", "GET", "HEAD", "POST", "OPTIONS"]))
    answer = client.open(path, method=method, query_string=asked)
    assert answer.status_code < 500, (path, asked)


@FUZZ
@given(data=st.data())
def test_no_bytes_in_an_address_break_a_page(server: Flask, data: st.DataObject) -> None:
    """Send bytes as they come over the wire: a WSGI server hands them on undecoded."""
    pattern = data.draw(st.sampled_from(rules(server)))
    odd = st.one_of(st.sampled_from(RAW), st.binary(max_size=12))
    environ = EnvironBuilder(path="/").get_environ()
    path = pattern.encode()
    while b"{}" in path:
        path = path.replace(b"{}", data.draw(odd), 1)
    environ["PATH_INFO"] = (path if data.draw(st.booleans()) else path + data.draw(odd)).decode("latin-1")
    environ["QUERY_STRING"] = (b"on=" + data.draw(odd) + b"&q=" + data.draw(odd)).decode("latin-1")
    environ["HTTP_COOKIE"] = (b"__Host-gm=" + data.draw(odd) + b"; gm-lang=" + data.draw(odd)).decode("latin-1")
    body, status, _ = run_wsgi_app(server.wsgi_app, environ)
    b"".join(body)
    assert int(status.split()[0]) < 500, (environ["PATH_INFO"], environ["QUERY_STRING"])


@FUZZ
@given(data=st.data())
def test_no_form_breaks_the_door(server: Flask, data: st.DataObject) -> None:
    client = server.test_client()
    client.environ_base["REMOTE_ADDR"] = data.draw(st.sampled_from(["10.0.0.1", "10.0.0.2", "::1", "odd"]))
    fields: dict[str, object] = {
        "username": data.draw(values),
        "password": data.draw(values),
        "back": data.draw(values),
        "csrf_token": form_token(client) if data.draw(st.booleans()) else data.draw(values),
    }
    if data.draw(st.booleans()):
        fields["username"] = (BytesIO(data.draw(st.binary(max_size=50))), "x.xlsx")
    assert client.post("/sign-in", data=fields).status_code < 500


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b'{"a": 1e999}', b'"\\ud800"', b"1" * 6000]
)
@pytest.mark.parametrize(
    "kind", ["application/json", "application/x-www-form-urlencoded", "multipart/form-data", "x/y", ""]
)
def test_no_body_breaks_a_route(people: list[FlaskClient], body: bytes, kind: str) -> None:
    for client in people[:2]:
        for url in ("/sign-in", "/sign-out", "/healthz", "/coverage", "/households/search.json"):
            answer = client.post(url, data=body, headers={"Content-Type": kind, "X-Gridmap": "1"})
            assert answer.status_code < 500, url


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Accept-Language", "x" * 3000), ("Accept-Language", "en;q=nan,zh;q=-1"), ("Accept", "application/json;q=x"),
        ("Accept-Encoding", "gzip;q=\xff"), ("If-None-Match", '"' * 500), ("If-None-Match", "W/"),
        ("Range", "bytes=9-1,x"),
        ("If-Modified-Since", "yesterday"), ("Cookie", "=;=;__Host-gm="), ("Cookie", "__Host-gm-form=.eJx"),
        ("Content-Length", "-1"), ("Content-Length", "x"), ("X-Forwarded-For", "'"), ("User-Agent", "\xff" * 600),
        ("Sec-Fetch-Site", "\xff"), ("Origin", "null"),
        ("Transfer-Encoding", "chunked"), ("X-HTTP-Method-Override", "\xff"),
    ],
)  # fmt: skip
def test_no_header_breaks_a_page(people: list[FlaskClient], server: Flask, name: str, value: str) -> None:
    asset = server.jinja_env.globals["asset"]("leaflet/dist/leaflet.css")  # type: ignore[operator]
    for client in people[:3]:
        for url in ("/sign-in", "/coverage", "/healthz", asset, "/no-such-page"):
            for method in ("GET", "POST"):
                assert client.open(url, method=method, headers={name: value}).status_code < 500, url


@pytest.mark.parametrize("raw", RAW)
def test_bytes_that_are_no_text_are_refused_with_a_sentence(server: Flask, raw: bytes) -> None:
    environ = EnvironBuilder(path="/sign-in").get_environ()
    environ["QUERY_STRING"] = "q=" + raw.decode("latin-1")
    body, status, headers = run_wsgi_app(server.wsgi_app, environ)
    if raw in {b"%00", b"%ff", b"%c0%af", b"%ed%a0%80", b"\xff"}:
        assert status.startswith("400")
        assert "无法识别" in b"".join(body).decode()
    else:
        assert status.startswith("200")
    assert "X-Evil" not in headers
