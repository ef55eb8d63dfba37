"""The phone: map above, a sheet with three heights below, everything in reach of a thumb."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, ViewportSize
from watched import NARROW, PHONE, Opener

from gridmap.domain.actors import Role

REACH = 0.4  # the middle of all that can be pressed lies below this share of the screen
TARGETS = ".tools button, .places a, .grids a, .tabs a, .numbers a, summary"


def sheet_height(page: Page) -> float:
    page.wait_for_timeout(250)
    box = page.locator("#panel").bounding_box()
    assert box
    return box["height"]


def test_the_sheet_has_three_heights_by_button(visit: Opener) -> None:
    page = visit(Role.SECRETARY, PHONE).open("/coverage")
    half = sheet_height(page)
    page.click("[data-sheet-up]")
    full = sheet_height(page)
    assert page.locator("[data-sheet-up]").is_disabled()
    page.click("[data-sheet-down]")
    assert sheet_height(page) == half
    page.focus("[data-sheet-down]")
    page.keyboard.press("Enter")
    low = sheet_height(page)
    assert low < half < full
    assert full > 0.85 * PHONE["height"]


def test_the_sheet_can_be_dragged(visit: Opener) -> None:
    page = visit(Role.SECRETARY, PHONE).open("/coverage")
    half = sheet_height(page)
    box = page.locator(".grip").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 12)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, 90, steps=6)
    page.mouse.up()
    assert sheet_height(page) > half + 100


def test_everything_that_can_be_pressed_is_in_reach(visit: Opener) -> None:
    page = visit(Role.SECRETARY, PHONE).open("/coverage")
    high = page.evaluate(
        """(limit) => [...document.querySelectorAll("a[href], button, input, select, summary")]
        .filter((e) => e.checkVisibility() && !e.closest(".skip, .leaflet-control-attribution, .panel-scroll"))
        .filter((e) => { const r = e.getBoundingClientRect(); return r.width && (r.top + r.bottom) / 2 < limit; })
        .map((e) => e.outerHTML.slice(0, 80))""",
        PHONE["height"] * REACH,
    )
    assert high == []


@pytest.mark.parametrize(
    "path", ["/coverage", "/coverage/520502009005012", "/facilities", "/deliveries", "/households"]
)
@pytest.mark.parametrize("size", [PHONE, NARROW])
def test_nothing_sticks_out_sideways(visit: Opener, path: str, size: ViewportSize) -> None:
    watched = visit(Role.SECRETARY, size)
    for text in ("normal", "large"):
        watched.page.goto(f"{watched.base}{path}?text={text}")
        watched.page.wait_for_load_state("networkidle")
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        inside = "#panel-body" if path != "/households" else "main"
        wide = watched.page.evaluate(
            "(s) => { const e = document.querySelector(s); return e.scrollWidth - e.clientWidth }", inside
        )
        assert wide <= 0


def test_targets_are_large_enough_for_a_thumb(visit: Opener) -> None:
    watched = visit(Role.SECRETARY, PHONE)
    for text, least in (("normal", 44), ("large", 60)):
        page = watched.open(f"/coverage?text={text}")
        small = page.evaluate(
            """([least, targets]) => [...document.querySelectorAll(targets)]
            .filter((e) => e.checkVisibility())
            .filter((e) => { const r = e.getBoundingClientRect(); return Math.min(r.width, r.height) < least - 0.5; })
            .map((e) => e.outerHTML.slice(0, 80))""",
            [least, TARGETS],
        )
        assert small == []


def test_a_grid_is_one_tap_and_the_map_stays_in_view(visit: Opener) -> None:
    watched = visit(Role.SECRETARY, PHONE)
    page = watched.open("/coverage")
    page.click("[data-sheet-up]")
    page.click("#panel .grids a")
    watched.settled()
    assert page.locator("body").get_attribute("data-sheet") == "half"
    assert page.locator(".states").is_visible()


def test_the_legend_covers_no_grid(visit: Opener) -> None:
    for size in ({"width": 1440, "height": 900}, {"width": 1280, "height": 720}, PHONE):
        page = visit(Role.SECRETARY, size).open("/coverage")
        page.wait_for_timeout(700)
        legend = page.locator("#legend").bounding_box()
        assert legend
        covered = page.evaluate(
            """({x, y, width, height}) => {
              const found = [];
              for (let i = 0; i <= 12; i += 1) for (let j = 0; j <= 12; j += 1) {
                const at = [x + (width * i) / 12, y + (height * j) / 12];
                for (const e of document.elementsFromPoint(...at)) if (e.matches("path.face")) found.push(at);
              }
              return found.length;
            }""",
            legend,
        )
        assert covered == 0
