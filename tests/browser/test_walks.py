"""The walk on the map: the path by data, list and map find each other, a whole tower on a tap, no network needed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from phones import Town, served
from playwright.sync_api import Page, ViewportSize, expect
from walk_days import DAY, a_day, empty_day, place
from watched import DESK, NARROW, PHONE, Live, Opener, Watched, findings

from gridmap.domain.actors import Role
from gridmap.domain.plans import Day
from gridmap.domain.walks import Gate, Walk, by_the_way
from gridmap.services import walks
from gridmap.settings import Settings
from gridmap.store.database import Database

MOMENT = datetime.fromisoformat("2026-11-23T09:00:00+08:00")  # a Monday
QUICK_MS = 150  # 264 doors are drawn and laid out within this; the best of seven, as others may use the cores
PINS = ".walk-pin"
Show = Callable[..., Watched]


@pytest.fixture(scope="module")
def town(walked: Database, demo_id: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with served(walked, demo_id, MOMENT, (0, 0), Settings(home=tmp_path_factory.mktemp("home"), demo=True)) as made:
        yield made


@pytest.fixture
def show(visit: Opener, town: Town, monkeypatch: pytest.MonkeyPatch) -> Show:
    """Return what opens the map of a day made by hand: one that has everything in it; no service worker is between."""
    place_ = Live(town.base, town.database, town.community_id, town.at)

    def make(
        day: Day | None = None, size: ViewportSize = DESK, *, navigation: bool = False, query: str = "", **more: object
    ) -> Watched:
        shown = day or a_day()
        gates = by_the_way([Gate(*place(72, 2), 360, 1380, barred=False)], shown)
        monkeypatch.setattr(walks, "walk", lambda *_, **__: Walk(shown, gates, navigation))
        watched = visit(Role.WORKER, size, place_, service_workers="block", **more)
        watched.open(f"/today/map{query}")
        return watched

    return make


def open_tower(page: Page) -> None:
    page.click("details[data-stop='2'] summary")
    page.click("details[data-stop='2'] [data-tower]")
    page.wait_for_selector("#tower[open] .room")


def test_every_stop_has_its_number_on_the_map_and_its_line_in_the_list(show: Show) -> None:
    page = show().page
    assert page.locator(PINS).all_inner_texts() == ["1", "2", "3", "4"]
    assert page.locator("details[data-stop]").count() == 4
    assert page.locator(f"{PINS}.next").inner_text() == "1"
    assert page.locator(f"{PINS}.errand").inner_text() == "3"
    assert "没有查到路" in page.locator("details[data-stop='4'] summary").inner_text()
    assert page.locator("path.stair").count() == 1
    assert page.locator("path.arrows").count() == 1
    assert page.locator("#main").inner_text().count("412") == 1


def test_numbers_do_not_cover_each_other(show: Show) -> None:
    day = a_day()
    crowd = tuple(replace(day.stops[0], number=n, lon=day.stops[0].lon + 0.00002 * n, path=None) for n in range(1, 9))
    page = show(replace(day, stops=(*crowd, replace(day.stops[3], number=9)))).page
    boxes = [pin.bounding_box() for pin in page.locator(PINS).all()]
    middles = [(b["x"] + b["width"] / 2, b["y"] + b["height"] / 2) for b in boxes if b]
    gaps = [((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5 for i, a in enumerate(middles) for b in middles[i + 1 :]]
    assert min(gaps) > 24


def test_a_tap_on_a_number_opens_its_doors_with_times_and_reasons(show: Show) -> None:
    page = show().page
    page.locator(PINS).nth(1).click()
    inside = page.locator("details[data-stop='2'][open]")
    expect(inside).to_be_visible()
    assert page.locator("details[data-stop][open]").count() == 1
    told = inside.inner_text()
    for words in ("103", "604", "3207", "09:50", "5 小时内要走访", "40 天来还没有见到过"):
        assert words in told
    expect(page.locator(f"{PINS}.chosen")).to_have_text("2")


def test_a_line_of_the_list_moves_the_map_there(show: Show) -> None:
    page = show().page
    page.click("details[data-stop='4'] summary")
    page.wait_for_timeout(400)
    box, stage = page.locator(f"{PINS}.chosen").bounding_box(), page.locator(".stage").bounding_box()
    assert box
    assert stage
    assert abs(box["x"] - stage["x"] - stage["width"] / 2) < stage["width"] * 0.2
    assert abs(box["y"] - stage["y"] - stage["height"] / 2) < stage["height"] * 0.2


def test_a_gate_tells_its_hours(show: Show) -> None:
    page = show().page
    page.locator(".leaflet-marker-pane .gate-sign").click()
    expect(page.locator(".popup")).to_contain_text("06:00–23:00")


def test_a_tower_of_33_storeys_opens_quickly_and_whole(show: Show) -> None:
    page = show().page
    assert page.locator(".room").count() == 0
    open_tower(page)
    assert page.locator("#tower .room").count() == 33 * 8
    assert page.locator("#tower .room.planned").count() == 3
    assert page.locator("#tower tbody tr").first.locator("th").inner_text() == "33"
    first = page.locator("#tower tbody tr").first.locator(".label").all_inner_texts()
    assert first == [f"33{n:02}" for n in range(1, 9)]
    units = page.locator(".tower-unit").all_inner_texts()
    assert [re.sub(r"\s+", " ", unit) for unit in units] == ["1 单元 今天 3 户", "2 单元", "3 单元"]
    took = page.evaluate(
        """async () => {
          const tower = JSON.parse(document.getElementById("data").textContent).towers.find((t) => t.building_id === 9);
          const { drawTower } = await import(JSON.parse(document.querySelector("script[type=importmap]").textContent)
            .imports["gridmap/walk"].replace("walk.js", "tower.js"));
          const times = [];
          for (let i = 0; i < 7; i += 1) {
            const began = performance.now();
            document.getElementById("tower-body").replaceChildren(drawTower(tower));
            document.getElementById("tower-body").getBoundingClientRect();
            times.push(performance.now() - began);
          }
          return Math.min(...times);
        }"""
    )
    assert took < QUICK_MS
    page.keyboard.press("Escape")
    expect(page.locator("#tower")).to_be_hidden()
    assert page.locator(".room").count() == 0


def test_a_door_of_a_tower_opens_its_page_and_arrows_walk_between_doors(show: Show) -> None:
    watched = show(replace(a_day(), grids=((12, "520502009005012", "第十二网格"),)))
    page = watched.page
    open_tower(page)
    page.locator("#tower .room.planned").first.focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.querySelector('.label').textContent") == "3107"
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.querySelector('.label').textContent") == "3108"
    with page.expect_navigation(url=re.compile(r"/visits/90256$")):
        page.locator("[data-household='90256']").click()
    watched.trouble[:] = [line for line in watched.trouble if "404" not in line]


def test_names_that_would_run_are_only_words(show: Show) -> None:
    day = a_day()
    evil = "<img src=x onerror=alert(1)>${alert(2)}</script><script>alert(3)</script>"
    stops = tuple(replace(stop, title=evil) for stop in day.stops)
    towers = tuple(replace(t, title=evil, units=(replace(t.units[0], unit=evil), *t.units[1:])) for t in day.towers)
    page = show(replace(day, stops=stops, towers=towers, worker_name=evil)).page
    assert evil in page.locator("details[data-stop='1'] .name").inner_text()
    open_tower(page)
    expect(page.locator("#tower-title")).to_have_text(evil)


def test_the_page_goes_on_without_a_network(show: Show) -> None:
    watched = show(size=PHONE)
    page = watched.page
    page.context.set_offline(True)
    open_tower(page)
    assert page.locator("#tower .room").count() == 33 * 8
    page.click("#tower [data-close]")
    page.click("details[data-stop='3'] summary")
    page.click("[data-tool=all]")
    expect(page.locator(f"{PINS} >> nth=0")).to_be_visible()
    page.context.set_offline(False)
    watched.trouble[:] = [line for line in watched.trouble if "ERR_INTERNET_DISCONNECTED" not in line]


def test_links_to_map_apps_are_not_there_unless_switched_on(show: Show) -> None:
    assert show().page.locator("[data-navigate]").count() == 0


def test_the_first_link_to_a_map_app_is_explained_once(show: Show) -> None:
    watched = show(navigation=True)
    page = watched.page
    page.click("details[data-stop='1'] summary")
    links = page.locator("details[data-stop='1'] [data-navigate]")
    assert links.count() == 3
    assert {link.get_attribute("rel") for link in links.all()} == {"noreferrer noopener"}
    links.first.click()
    expect(page.locator("#navigation-note")).to_contain_text("哪个单元门口")
    go = page.locator("#navigation-note [data-go]")
    assert go.get_attribute("href") == links.first.get_attribute("href")
    assert findings(page) == []
    page.click("#navigation-note [data-close]")
    assert page.evaluate("localStorage.getItem('gm-navigation-told')") is None
    page.evaluate("document.querySelector('#navigation-note [data-go]').removeAttribute('href')")
    page.evaluate("document.querySelector('#navigation-note [data-go]').click()")
    assert page.evaluate("localStorage.getItem('gm-navigation-told')") == "yes"


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_axe_finds_nothing(show: Show, size: ViewportSize) -> None:
    page = show(size=size).page
    assert findings(page) == []
    open_tower(page)
    assert findings(page) == []


@pytest.mark.parametrize("size", [PHONE, NARROW], ids=["phone", "narrow"])
def test_large_text_loses_nothing(show: Show, size: ViewportSize) -> None:
    page = show(size=size, query="?text=large").page
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert page.locator("#panel-body").evaluate("(e) => e.scrollWidth - e.clientWidth") <= 0
    assert findings(page) == []


def test_the_list_works_without_scripts(show: Show, town: Town, visit: Opener) -> None:
    show()
    place_ = Live(town.base, town.database, town.community_id, town.at)
    page = visit(Role.WORKER, DESK, place_, java_script_enabled=False).page
    page.goto(f"{town.base}/today/map")
    page.click("details[data-stop='1'] summary")
    expect(page.locator("details[data-stop='1'] .walk-doors li").first).to_be_visible()
    assert page.locator("[data-tower]:visible").count() == 0
    page.close()


def test_a_day_without_work_says_so(show: Show) -> None:
    page = show(empty_day()).page
    expect(page.locator(".empty")).to_contain_text("今天没有要走的路线")
    assert findings(page) == []


def test_a_planned_day_of_the_demo_is_drawn_and_printed(visit: Opener, town: Town) -> None:
    here = Live(town.base, town.database, town.community_id, town.at)
    watched = visit(Role.WORKER, PHONE, here, service_workers="block")
    page = watched.open("/today/map")
    assert page.locator(PINS).count() == page.locator("details[data-stop]").count() > 3
    with page.expect_download() as started:
        page.get_by_role("link", name="打印走访单").click()
    assert Path(started.value.path()).read_bytes().startswith(b"%PDF")
    assert started.value.suggested_filename.startswith(f"walk-{DAY}-")
