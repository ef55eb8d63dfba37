"""The secretary at her desk: the first screen answers, list and map find each other, the address holds the state."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from watched import Opener

from gridmap.domain.actors import Role

ROWS = "#panel .grids a"


def faces(page: Page) -> int:
    return page.locator(".leaflet-faces-pane path.face").count()


def test_the_first_screen_answers_without_a_click(visit: Opener) -> None:
    page = visit(Role.SECRETARY).open("/")
    expect(page).to_have_url(re.compile(r"/coverage$"))
    assert page.locator(ROWS).count() == 19
    assert faces(page) == 19
    assert page.locator(".numbers .number").count() == 3
    assert "最需要帮助的是" in page.locator(".sentence").inner_text()
    assert page.locator(".head .stamp").is_visible()
    assert page.locator("#legend .classes li").count() == 6


def test_an_overdue_list_is_one_click_away(visit: Opener) -> None:
    watched = visit(Role.SECRETARY)
    page = watched.open("/coverage")
    page.click(ROWS)
    watched.settled()
    expect(page).to_have_url(re.compile(r"/coverage/\d{15}$"))
    number = int(page.locator('.states a[aria-current="true"] .number').inner_text())
    assert number > 0
    assert f"{number} 户" in page.locator(".list-head").inner_text()
    assert "逾期" in page.locator(".homes li").first.inner_text()


def test_every_number_of_a_grid_opens_its_own_list(visit: Opener) -> None:
    watched = visit(Role.SECRETARY)
    page = watched.open("/coverage")
    page.click(ROWS)
    watched.settled()
    for place in range(page.locator(".states a").count()):
        link = page.locator(".states a").nth(place)
        number = int(link.locator(".number").inner_text())
        link.click()
        watched.settled()
        assert f"{number} 户" in page.locator(".list-head").inner_text()
        assert page.locator(".homes > li").count() == min(number, 40)


@pytest.mark.parametrize(("label", "begins"), [("导出 Excel", b"PK"), ("导出 CSV", b"\xef\xbb\xbf")])
def test_a_file_is_one_click_away(visit: Opener, label: str, begins: bytes) -> None:
    page = visit(Role.SECRETARY).open("/coverage")
    with page.expect_download() as started:
        page.get_by_role("link", name=label).click()
    assert Path(started.value.path()).read_bytes().startswith(begins)


def test_pointing_at_the_list_marks_the_map_and_back(visit: Opener) -> None:
    page = visit(Role.SECRETARY).open("/coverage")
    lit = ".leaflet-faces-pane path[stroke-width='3']:not([d='M0 0'])"
    assert page.locator(lit).count() == 0
    page.hover(f"{ROWS} >> nth=2")
    assert page.locator(lit).count() == 1
    page.mouse.move(5, 5)
    box = page.locator(".leaflet-faces-pane path.face").nth(4).bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert page.locator("#panel a.hot").count() == 1


def test_a_click_on_the_map_opens_the_grid_under_it(visit: Opener) -> None:
    watched = visit(Role.SECRETARY)
    page = watched.open("/coverage")
    box = page.locator(".grid-label").nth(4).bounding_box()
    assert box
    page.mouse.click(box["x"], box["y"])
    watched.settled()
    expect(page).to_have_url(re.compile(r"/coverage/520502009005005$"))
    expect(page.locator("#panel h1")).to_have_text("第五网格")


def test_the_address_holds_the_state_and_back_goes_back(visit: Opener) -> None:
    watched = visit(Role.SECRETARY)
    page = watched.open("/coverage")
    page.get_by_role("link", name="诉求", exact=True).click()
    watched.settled()
    expect(page).to_have_url(re.compile(r"tab=needs"))
    expect(page.locator("#legend h2")).to_contain_text("在办诉求")
    page.click(ROWS)
    watched.settled()
    expect(page).to_have_url(re.compile(r"/coverage/\d{15}\?tab=needs"))
    page.go_back()
    expect(page.locator("#legend h2")).to_contain_text("在办诉求")
    expect(page.locator(ROWS).first).to_be_visible()
    page.go_back()
    expect(page.locator("#legend h2")).to_contain_text("走访覆盖率")
    expect(page).to_have_url(re.compile(r"/coverage$"))


def test_a_past_day_is_in_the_address_and_is_told(visit: Opener) -> None:
    watched = visit(Role.SECRETARY)
    page = watched.open("/coverage")
    today = page.locator(".numbers .number").first.inner_text()
    page.click(".when summary")
    page.fill("#on", "2026-09-01")
    page.locator("#on").dispatch_event("change")
    watched.settled()
    expect(page).to_have_url(re.compile(r"on=2026-09-01"))
    expect(page.locator(".past")).to_contain_text("2026年9月1日")
    assert page.locator(".numbers .number").first.inner_text() != today
    page.click(".past a")
    watched.settled()
    assert page.locator(".numbers .number").first.inner_text() == today


def test_dots_of_a_past_day_take_their_states_from_that_day(visit: Opener) -> None:
    watched = visit(Role.SECRETARY)
    with watched.page.expect_response(re.compile(r"/coverage/520502009005012/states\.json\?on=2026-09-01")) as answer:
        watched.open("/coverage/520502009005012?on=2026-09-01")
    assert len(answer.value.json()["states"]) > 100


def test_layers_are_in_the_address(visit: Opener) -> None:
    watched = visit(Role.SECRETARY)
    page = watched.open("/coverage")
    page.click("[data-layer=points]")
    page.wait_for_selector(".pin")
    assert page.locator(".pin").count() == 14
    expect(page).to_have_url(re.compile(r"layers=grids%2Chomes%2Cpaper%2Cpoints"))
    page.reload()
    watched.ready()
    page.wait_for_selector(".pin")
    expect(page.locator("[data-layer=points]")).to_have_attribute("aria-pressed", "true")
    page.click("[data-layer=runs]")
    page.wait_for_selector(".pin.stop")


def test_a_view_of_the_map_is_in_the_address(visit: Opener) -> None:
    watched = visit(Role.SECRETARY)
    page = watched.open("/coverage")
    page.wait_for_timeout(600)
    page.click(".tools [data-tool=in]")
    expect(page).to_have_url(re.compile(r"#\d+(\.\d+)?/27\.\d+/105\.\d+$"))
    shown = page.url
    page.reload()
    watched.ready()
    assert page.url == shown


def test_a_dot_opens_its_household(visit: Opener) -> None:
    watched = visit(Role.SECRETARY)
    page = watched.open("/coverage")
    page.click(ROWS)
    watched.settled()
    page.click(".homes a")
    watched.settled()
    address = page.locator("#panel h1").inner_text()
    stage = page.locator(".stage").bounding_box()
    assert stage
    with page.expect_response(re.compile(r"/households/\d+\.json")) as answer:
        page.mouse.click(stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2)
    told = answer.value.json()
    expect(page.locator(".popup h3")).to_have_text(told["address"])
    assert address.split("单元")[0] == told["address"].split("单元")[0]


def test_search_finds_a_building_and_a_grid(visit: Opener) -> None:
    watched = visit(Role.SECRETARY)
    page = watched.open("/coverage")
    page.fill("#finder input", "云景苑")
    page.wait_for_selector("#results a")
    assert "云景苑" in page.locator("#results a").first.inner_text()
    page.fill("#finder input", "第七")
    expect(page.locator("#results a").first).to_contain_text("第七网格")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    watched.settled()
    expect(page.locator("#panel h1")).to_have_text("第七网格")


def test_the_keyboard_reaches_a_household_and_nothing_is_a_trap(visit: Opener) -> None:
    watched = visit(Role.SECRETARY)
    page = watched.open("/coverage")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('#panel .grids a')"):
            break
    expect(page.locator(ROWS).first).to_be_focused()
    page.keyboard.press("Enter")
    watched.settled()
    expect(page.locator("#panel h1")).to_be_focused()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('#panel .homes a')"):
            break
    page.keyboard.press("Enter")
    watched.settled()
    expect(page).to_have_url(re.compile(r"/households/\d+"))


def test_lists_work_without_scripts(visit: Opener) -> None:
    watched = visit(Role.SECRETARY, java_script_enabled=False)
    page = watched.page
    page.goto(watched.base + "/coverage")
    page.click(ROWS)
    expect(page).to_have_url(re.compile(r"/coverage/\d{15}$"))
    page.click(".homes a")
    expect(page).to_have_url(re.compile(r"/households/\d+$"))
    page.click(".back")
    page.click(".back")
    page.click(".when summary")
    page.fill("#on", "2026-09-01")
    page.click(".asof button")
    expect(page).to_have_url(re.compile(r"on=2026-09-01"))
    page.close()


def test_the_page_is_small(visit: Opener) -> None:
    watched = visit(Role.SECRETARY)
    for path in ("/coverage", "/coverage/520502009005012", "/coverage?tab=needs"):
        answer = watched.page.request.get(watched.base + path)
        assert len(answer.body()) <= 60_000


def test_english_has_no_chinese_on_the_buttons(visit: Opener) -> None:
    page = visit(Role.SECRETARY).open("/coverage?lang=en")
    assert page.locator("html").get_attribute("lang") == "en"


def test_a_lost_network_is_told_and_the_list_stays(visit: Opener) -> None:
    watched = visit(Role.SECRETARY)
    page = watched.open("/coverage")
    page.wait_for_timeout(600)
    page.context.set_offline(True)
    page.click(ROWS)
    expect(page.locator("#toast")).to_contain_text("网络断了")
    assert page.locator(ROWS).count() == 19
    page.context.set_offline(False)
    page.click(ROWS)
    watched.settled()
    expect(page.locator(".states")).to_be_visible()
    watched.trouble[:] = [line for line in watched.trouble if "ERR_INTERNET_DISCONNECTED" not in line]


def test_the_planner_sees_no_names_and_no_groups(visit: Opener) -> None:
    watched = visit(Role.PLANNER)
    page = watched.open("/coverage")
    assert page.locator("[data-layer=groups]").count() == 0
    assert page.locator("#group").count() == 0
    page.click(ROWS)
    watched.settled()
    assert page.locator(".homes > li").count() > 0
    assert page.locator(".homes a").count() == 0
    assert page.locator(".homes .tag").count() == 0


def test_a_worker_sees_figures_of_his_own_grid_only(visit: Opener) -> None:
    page = visit(Role.WORKER).open("/coverage")
    assert page.locator(ROWS).count() == 1
    told = page.evaluate("JSON.parse(document.getElementById('data').textContent).grids.filter((g) => g.v).length")
    assert told == 1
