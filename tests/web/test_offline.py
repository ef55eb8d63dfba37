"""The service worker's list, the manifest, and the header that tells whose page it is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from flask.testing import FlaskClient

from gridmap.domain.actors import Role


def listed(client: FlaskClient) -> dict[str, object]:
    script = client.get("/sw.js").get_data(as_text=True)
    told: dict[str, object] = json.loads(script.splitlines()[0].removeprefix("const LIST = ").removesuffix(";"))
    return told


def test_the_worker_is_asked_for_again_each_time(client: Callable[[Role | None], FlaskClient]) -> None:
    answer = client(None).get("/sw.js")
    assert answer.mimetype == "text/javascript"
    assert "no-cache" in answer.headers["Cache-Control"]
    assert client(None).get("/sw.js", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_every_file_on_its_list_can_be_had_and_kept(client: Callable[[Role | None], FlaskClient]) -> None:
    visitor = client(None)
    told = listed(visitor)
    assert isinstance(told["assets"], list)
    for address in told["assets"]:
        answer = visitor.get(address)
        assert answer.status_code == 200, address
        assert "immutable" in answer.headers["Cache-Control"], address
    names = {address.rpartition("/")[2] for address in told["assets"]}
    assert {"outbox.js", "offline.js", "today.js", "house.css", "leaflet.js", "icons.svg"} <= names


def test_the_list_is_the_same_for_everybody_and_its_version_is_that_of_its_content(
    client: Callable[[Role | None], FlaskClient],
) -> None:
    first, second = listed(client(None)), listed(client(Role.WORKER))
    assert first == second
    assert re.fullmatch(r"[0-9a-f]{16}", str(first["version"]))


def test_the_page_for_no_network_is_there_in_both_languages(client: Callable[[Role | None], FlaskClient]) -> None:
    pages = listed(client(None))["cutOff"]
    assert isinstance(pages, dict)
    assert 'lang="zh-CN"' in pages["zh"]
    assert "没有网络" in pages["zh"]
    assert 'lang="en"' in pages["en"]
    for page in (pages["zh"], pages["en"]):
        assert 'href="/today"' in page
        assert "<script" not in page


def test_the_manifest_names_files_that_exist(client: Callable[[Role | None], FlaskClient]) -> None:
    visitor = client(None)
    answer = visitor.get("/manifest.webmanifest")
    assert answer.mimetype == "application/manifest+json"
    told = json.loads(answer.get_data())
    assert {icon["purpose"] for icon in told["icons"]} == {"any", "maskable"}
    for icon in told["icons"]:
        assert visitor.get(icon["src"]).mimetype == "image/png"


def test_a_page_says_whose_it_is_and_nothing_else_does(client: Callable[[Role | None], FlaskClient]) -> None:
    worker = client(Role.WORKER)
    page = worker.get("/account?lang=en")
    assert re.fullmatch(r"[0-9]+", page.headers["X-Gridmap-Account"])
    assert page.headers["Content-Language"] == "en"
    assert "X-Gridmap-Account" not in client(None).get("/sign-in").headers
    assert "X-Gridmap-Account" not in worker.get("/submissions/key", headers={"X-Gridmap": "1"}).headers
    assert "X-Gridmap-Account" not in worker.get("/households/999999999").headers


def test_only_who_walks_gets_the_scripts_for_it(client: Callable[[Role | None], FlaskClient]) -> None:
    for role, walks in ((Role.WORKER, True), (Role.SECRETARY, False)):
        page = client(role).get("/account").get_data(as_text=True)
        block = re.search(r'<script type="application/json" id="offline">(.*?)</script>', page)
        assert block
        assert json.loads(block[1])["walks"] is walks
        assert ("读入存下的记录文件" in page) is walks
