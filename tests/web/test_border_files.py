"""The page that takes a bureau's file: three clicks to a draft, a sentence for what cannot be read."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from gridmap.domain.actors import Role
from gridmap.web.border_files import LARGEST_FILE

Browser = Callable[[Role | None], FlaskClient]


def token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    return found.group(1)


@pytest.fixture
def planner(client: Browser) -> FlaskClient:
    return client(Role.PLANNER)


def hand_in(browser: FlaskClient, data: bytes, name: str = "网格.geojson", crs: str = "") -> tuple[int, str]:
    form = {"csrf_token": token(browser.get("/boundaries/import").get_data(as_text=True)), "crs": crs}
    parts = [f'--x\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in form.items()]
    head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    body = b"".join([*parts, head, data, b"\r\n--x--\r\n"])
    answer = browser.post("/boundaries/import", data=body, content_type="multipart/form-data; boundary=x")
    return answer.status_code, answer.location or answer.get_data(as_text=True)


def test_a_file_is_read_shown_and_opened_as_a_draft(planner: FlaskClient) -> None:
    overview = planner.get("/boundaries").get_data(as_text=True)
    assert 'href="/boundaries/import"' in overview
    taken = planner.get("/boundaries/grids.geojson")
    assert taken.status_code == 200
    status, address = hand_in(planner, taken.data)
    assert status == 303
    page = planner.get(address).get_data(as_text=True)
    assert "CGCS2000 经纬度" in page
    assert "0 个网格与现在不同" in page
    opened = re.search(r'href="(/boundaries/\d+)">对，打开方案', page)
    assert opened
    assert planner.get(opened[1]).status_code == 200
    draft = planner.get(f"/boundaries/grids.kml?plan={opened[1].rpartition('/')[2]}")
    assert draft.data.startswith(b"<?xml")
    discard = {"csrf_token": token(page), "revision": "0"}
    assert planner.post(f"{opened[1]}/discard", data=discard).status_code == 303


def test_what_cannot_be_read_gets_a_sentence(planner: FlaskClient) -> None:
    for data, crs, words in [
        (b"hello", "", "认不出文件格式"),
        (b"AC1027", "", "另存为 DXF"),
        (b'{"type":"FeatureCollection","features":[]}', "", "没有面"),
        (b"{}", "2381", "不认识坐标系"),
    ]:
        status, page = hand_in(planner, data, crs=crs)
        assert (status, words in page) == (400, True), page[:500]
    form = {"csrf_token": token(planner.get("/boundaries/import").get_data(as_text=True))}
    assert planner.post("/boundaries/import", data=form).status_code == 400


def test_only_this_door_takes_large_bodies_and_not_every_size(planner: FlaskClient) -> None:
    assert hand_in(planner, b"x" * 2_000_000)[0] == 400
    assert hand_in(planner, b"x" * (LARGEST_FILE + 1))[0] == 413
