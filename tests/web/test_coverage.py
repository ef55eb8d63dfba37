"""The pages of the coverage story: what an address may ask for, and what a page tells."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from flask.testing import FlaskClient
from two_communities import Small

from gridmap.domain.actors import Role

Browser = Callable[[Role | None], FlaskClient]


class Links(HTMLParser):
    """Collects the addresses of a page's links."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the address of a link."""
        values = dict(attrs)
        if tag == "a" and values.get("href"):
            self.found.append(str(values["href"]))


def links(page: str) -> list[str]:
    """Return the addresses of a page's links."""
    reader = Links()
    reader.feed(page)
    return reader.found


def data(page: str) -> dict[str, object]:
    """Return what the page tells its module."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    told: dict[str, object] = json.loads(found.group(1))
    return told


@pytest.mark.parametrize(
    "query",
    ["tab=money", "sort=name", "on=2026-13-01", "on=2999-01-01", "on=1999-01-01", "group=released", "group=nobody"],
)
def test_an_address_that_asks_for_nonsense_is_told_so_in_a_sentence(client: Browser, query: str) -> None:
    answer = client(Role.SECRETARY).get(f"/coverage?{query}")
    assert answer.status_code == 400
    assert "<h1" in answer.get_data(as_text=True)


def test_every_link_of_the_pages_leads_somewhere(client: Browser, small: Small) -> None:
    browser = client(Role.SECRETARY)
    seen: set[str] = set()
    for start in ("/coverage", f"/coverage/{small.codes[0][0]}?state=all", "/facilities", "/deliveries", "/about"):
        for link in links(browser.get(start).get_data(as_text=True)):
            if link.startswith("/") and link not in seen:
                seen.add(link)
                answer = browser.get(link.partition("#")[0])
                assert answer.status_code in {200, 302}, f"{start} -> {link}: {answer.status_code}"
    assert len(seen) > 20


def test_each_role_is_sent_to_the_page_it_works_with(client: Browser) -> None:
    targets = {role: client(role).get("/").location for role in Role}
    assert targets[Role.SECRETARY] == "/coverage"
    assert targets[Role.WORKER] == "/today"
    assert targets[Role.DRIVER] == "/deliveries"
    assert client(None).get("/").location == "/sign-in"
    for role, target in targets.items():
        assert client(role).get(str(target)).status_code == 200


def test_another_worker_s_grid_looks_like_one_that_does_not_exist(client: Browser, small: Small) -> None:
    browser = client(Role.WORKER)
    own, other = small.codes[0]
    assert browser.get(f"/coverage/{own}").status_code == 200
    for suffix in ("", "/states.json"):
        missing = browser.get(f"/coverage/520502009999099{suffix}")
        foreign = browser.get(f"/coverage/{other}{suffix}")
        assert (missing.status_code, foreign.status_code) == (404, 404)


def test_a_worker_s_page_tells_figures_of_his_own_grid_only(client: Browser) -> None:
    told = data(client(Role.WORKER).get("/coverage").get_data(as_text=True))
    grids = told["grids"]
    assert isinstance(grids, list)
    assert [bool(grid["url"]) for grid in grids] == [True, False]
    assert told["mine"] == [grids[0]["id"]]


def test_a_planner_gets_no_address_of_names_or_groups(client: Browser) -> None:
    page = client(Role.PLANNER).get("/coverage").get_data(as_text=True)
    told = data(page)
    assert told["details"] == ""
    assert set(told["tiles"]) == {"paper", "homes"}  # type: ignore[call-overload]
    assert "stage.groups(" not in page


def test_a_household_is_told_to_those_who_may_know_it(client: Browser, small: Small) -> None:
    here = small.households[0][0]
    answer = client(Role.SECRETARY).get(f"/households/{here}.json").get_json()
    assert answer["id"] == here
    assert answer["tags"] == ["独居"]
    assert client(Role.PLANNER).get(f"/households/{here}.json").status_code == 403
    assert client(Role.SECRETARY).get(f"/households/{small.households[1][0]}.json").status_code == 404


def test_a_page_of_invented_people_says_so(client: Browser) -> None:
    for path in ("/coverage", "/facilities", "/deliveries", "/households", "/about"):
        assert "演示数据" in client(Role.SECRETARY).get(path).get_data(as_text=True)


def test_about_credits_every_vendored_package(client: Browser) -> None:
    page = client(None).get("/about").get_data(as_text=True)
    for name in ("leaflet", "protomaps-leaflet", "bootstrap-icons", "noto-sans-sc", "OFL-1.1", "ODbL"):
        assert name in page


def test_english_pages_say_that_they_are_english(client: Browser) -> None:
    page = client(Role.SECRETARY).get("/coverage?lang=en").get_data(as_text=True)
    assert '<html lang="en"' in page


def test_the_list_of_all_grids_holds_a_worker_s_own_homes_only(client: Browser, small: Small) -> None:
    whole = client(Role.SECRETARY).get("/coverage/all/states.json").get_json()["states"]
    own = client(Role.WORKER).get("/coverage/all/states.json").get_json()["states"]
    grid = client(Role.SECRETARY).get(f"/coverage/{small.codes[0][0]}/states.json").get_json()["states"]
    assert set(own) == set(grid)
    assert set(own) < set(whole)
