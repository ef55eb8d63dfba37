"""The walk's pages and files: who gets them, what they are, and what a link to a map app tells."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from signing import form_token, post
from walk_days import a_day

from gridmap.domain.actors import Role
from gridmap.domain.datum import wgs84_from_gcj02
from gridmap.web import navigation

Client = Callable[[Role | None], FlaskClient]
OWN = ["/today/map", "/today/walk.gpx", "/today/sheet.pdf"]
LEADERS = ["/plans/{}/map", "/plans/{}/walk.gpx", "/plans/{}/sheet.pdf"]
NOBODYS = 2**62
STOP = a_day().stops[0]


@pytest.mark.parametrize("url", OWN)
def test_a_worker_gets_his_own_and_nobody_else_does(client: Client, url: str) -> None:
    assert client(Role.WORKER).get(url).status_code == 200
    for role in set(Role) - {Role.WORKER}:
        assert client(role).get(url).status_code == 403
    assert client(None).get(url).status_code == 401


@pytest.mark.parametrize("url", LEADERS)
def test_a_plan_that_is_not_there_is_missing_for_leaders_and_closed_for_others(client: Client, url: str) -> None:
    for role in (Role.SECRETARY, Role.CLERK):
        assert client(role).get(url.format(NOBODYS)).status_code == 404
    for role in (Role.WORKER, Role.PLANNER, Role.DRIVER, Role.ADMIN):
        assert client(role).get(url.format(NOBODYS)).status_code == 403


def test_files_are_files_and_no_cache_keeps_them(client: Client) -> None:
    worker = client(Role.WORKER)
    for url, begins, kind in (
        ("/today/walk.gpx", b"<?xml", "application/gpx+xml"),
        ("/today/sheet.pdf", b"%PDF", "application/pdf"),
    ):
        answer = worker.get(url)
        assert answer.data.startswith(begins)
        assert answer.mimetype == kind
        assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
        assert answer.headers["Cache-Control"] == "private, no-store"


def test_only_the_secretary_switches_links_on(client: Client) -> None:
    for role in set(Role) - {Role.SECRETARY}:
        browser = client(role)
        assert browser.get("/settings").status_code == 403
        assert post(browser, "/settings/navigation", navigation="on").status_code == 403
    secretary = client(Role.SECRETARY)
    assert "现在关着" in secretary.get("/settings").get_data(as_text=True)
    assert post(secretary, "/settings/navigation", navigation="perhaps").status_code == 400
    assert post(secretary, "/settings/navigation", navigation="on").status_code == 303
    assert "现在开着" in secretary.get("/settings").get_data(as_text=True)
    assert post(secretary, "/settings/navigation", navigation="off").status_code == 303
    assert form_token(secretary)


def test_amap_gets_the_entrance_in_its_own_datum(app: Flask) -> None:
    with app.test_request_context():
        link = next(one for one in navigation.links(STOP.lon, STOP.lat) if one.app == "amap")
    values = parse_qs(urlsplit(link.href).query)
    lon, lat, _ = values["to"][0].split(",")
    assert values["mode"] == ["walk"]
    assert np.abs(wgs84_from_gcj02((float(lon), float(lat))) - (STOP.lon, STOP.lat)).max() < 2e-6
    assert abs(float(lon) - STOP.lon) > 1e-3


def test_baidu_is_told_which_datum_it_gets_and_geo_needs_none(app: Flask) -> None:
    with app.test_request_context():
        links = {one.app: one.href for one in navigation.links(STOP.lon, STOP.lat)}
    values = parse_qs(urlsplit(links["baidu"]).query)
    assert values["coord_type"] == ["wgs84"]
    assert values["location"] == [f"{STOP.lat:.6f},{STOP.lon:.6f}"]
    assert links["geo"] == f"geo:{STOP.lat:.6f},{STOP.lon:.6f}"


def test_a_link_tells_a_point_and_nothing_else(app: Flask) -> None:
    with app.test_request_context():
        told = " ".join(one.href for one in navigation.links(STOP.lon, STOP.lat))
    known = {"to", "mode", "callnative", "location", "title", "content", "coord_type", "output"}
    assert {key for part in told.split() for key in parse_qs(urlsplit(part).query)} == known
    assert STOP.title not in told


def test_outside_china_only_the_link_without_a_datum_is_left(app: Flask) -> None:
    with app.test_request_context():
        assert [one.app for one in navigation.links(7.42, 43.73)] == ["geo"]
