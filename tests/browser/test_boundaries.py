"""The planner draws borders with a mouse, a finger and the keyboard; one border is one object, the server keeps it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, ViewportSize, expect
from signing import OPERATOR
from sqlalchemy import text
from watched import DESK, PHONE, Live, Opener, Watched, findings

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.boundaries import DraftGrid
from gridmap.ops.cluster import Cluster
from gridmap.services import accounts, boundaries
from gridmap.settings import Settings
from gridmap.store.database import Database
from tests.conftest import PROCESS, make_demo

TABLET: ViewportSize = {"width": 1024, "height": 768}
Spot = tuple[float, float]
MIDDLE = (105.2816, 27.3055)


@pytest.fixture(scope="module")
def town(
    cluster: Cluster,
    demo_id: int,
    demo_clock: Callable[[], datetime],
    serve: Callable[[Flask], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Live]:
    """Serve a copy of the demo community whose borders may be changed."""
    from gridmap.web.app import create_app

    made = Database(make_demo(cluster, f"bordered{PROCESS}"), options={"statement_timeout": "10min"})
    with made.transaction(OPERATOR) as con:
        accounts.ensure_demo_accounts(con, OPERATOR, demo_id, at=demo_clock())
    home: Path = tmp_path_factory.mktemp("home")
    app = create_app(made, Settings(home=home, demo=True), clock=demo_clock)
    yield Live(serve(app), made, demo_id, demo_clock())
    made.close()


class Ground:
    """Where places are on the screen: the editor shows its zoom and middle in no other way than by its address."""

    def __init__(self, page: Page, zoom: float, middle: Spot) -> None:
        self.page, self.zoom, self.middle = page, zoom, middle
        box = page.locator("#map").bounding_box()
        assert box
        self.centre = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    def _world(self, spot: Spot) -> Spot:
        lon, lat = spot
        size = 256 * 2**self.zoom
        return (lon + 180) / 360 * size, (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * size

    def at(self, spot: Spot) -> Spot:
        """Return where a place is on the screen."""
        (x, y), (x0, y0) = self._world(spot), self._world(self.middle)
        return round(self.centre[0] + x - x0), round(self.centre[1] + y - y0)


def looking(page: Page, spot: Spot, zoom: float = 17) -> Ground:
    """Look at a place from near."""
    page.evaluate(f"location.hash = '{zoom}/{spot[1]:.6f}/{spot[0]:.6f}'")
    page.wait_for_function("performance.now() > 0")  # one turn of the page: it has looked there
    return Ground(page, zoom, spot)


def grids_of(town: Live, page: Page) -> list[DraftGrid]:
    """Return the grids of the draft that is open."""
    plan_id = int(page.url.split("/boundaries/")[1].partition("#")[0])
    who = Actor(Role.PLANNER, town.community_id)
    with town.database.transaction(who) as con:
        return boundaries.grids(con, who, plan_id=plan_id)


def sharing(town: Live, page: Page, spot: Spot) -> tuple[int, int]:
    """Return the two grids that have a corner."""
    corner = (round(spot[0] * 1e7), round(spot[1] * 1e7))
    one, other = (g.key for g in grids_of(town, page) if g.boundary and corner in set(g.boundary.exterior.coords))
    return one, other


def shared(town: Live, page: Page) -> tuple[Spot, Spot]:
    """Return two neighbouring corners in the middle of a border that two grids share, well inside the community."""
    found = grids_of(town, page)
    from gridmap.domain import partition

    drawn = partition.borders({grid.key: grid.boundary for grid in found if grid.boundary is not None})
    lines = [list(arc.line.coords) for arc in drawn.arcs if arc.left and arc.right]
    arcs = [line for line in lines if len(line) > 9]
    x0, y0 = (part * 1e7 for part in MIDDLE)
    line = min(arcs, key=lambda points: math.hypot(points[len(points) // 2][0] - x0, points[len(points) // 2][1] - y0))
    middle = len(line) // 2
    (ax, ay), (bx, by) = line[middle], line[middle + 1]
    return (ax / 1e7, ay / 1e7), (bx / 1e7, by / 1e7)


def revision(page: Page) -> int:
    """Return how often the draft was changed, as the server says."""
    found = page.evaluate("fetch(location.pathname + '/state.json').then((answer) => answer.json())")
    return int(found["plan"]["revision"])


def new_draft(watched: Watched) -> Page:
    """Begin a draft as a planner does."""
    page = watched.page
    page.goto(watched.base + "/boundaries")
    page.click("form.begin button")
    page.wait_for_selector("html[data-ready]")
    return page


def drag(page: Page, start: Spot, by: Spot) -> None:
    """Take hold of something and put it elsewhere; wait until the server has answered."""
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0] + by[0] / 2, start[1] + by[1] / 2)
    page.mouse.move(start[0] + by[0], start[1] + by[1])
    with page.expect_response(lambda answer: answer.url.endswith("/edit")):
        page.mouse.up()


def kept(page: Page) -> None:
    """Wait until the editor shows what the server answered."""
    expect(page.locator(".stage.sending")).to_have_count(0)


def without_refusals(watched: Watched) -> None:
    """Forget that the browser notes an answer of 4xx: here the server was meant to refuse."""
    watched.trouble[:] = [line for line in watched.trouble if "status of 4" not in line]


def test_a_shared_border_moves_both_grids_and_is_handed_in_with_four_clicks(visit: Opener, town: Live) -> None:
    watched = visit(Role.PLANNER, DESK, town)
    page = watched.open("/")
    page.click("a[href='/boundaries']")
    page.click("form.begin button")
    page.wait_for_selector("html[data-ready]")
    spot, _ = shared(town, page)
    ground = looking(page, spot)
    before = revision(page)
    drag(page, ground.at(spot), (46, 30))
    kept(page)
    assert revision(page) == before + 1
    expect(page.locator("#effects article")).to_have_count(2)
    changes = [int(word.replace("−", "-").replace(",", "") or 0) for word in page.locator(".delta").all_inner_texts()]
    assert sum(changes) == 0
    expect(page.locator("tr.walking td").nth(1)).to_have_text(re.compile(r"^[0-9]+\.[0-9]$"))  # it comes a little later
    assert findings(page) == []
    page.click("#submit-open")
    page.fill("#submit textarea", "两个网格的户数要接近")
    page.click("#submit button[type=submit]")
    page.wait_for_url("**/approve")
    expect(page.locator("main")).to_contain_text("待审批")


def test_a_node_can_be_held_twenty_pixels_away_and_looks_twenty_two_wide(visit: Opener, town: Live) -> None:
    page = new_draft(visit(Role.PLANNER, DESK, town))
    spot, _ = shared(town, page)
    x, y = looking(page, spot, 19).at(spot)
    page.mouse.click(x, y)
    boxes = [node.bounding_box() for node in page.locator(".border-node:not(.ghost):not(.junction)").all()]
    (ax, ay), (bx, by) = [(box["x"] + 11, box["y"] + 11) for box in boxes[:2] if box]
    assert {(box["width"], box["height"]) for box in boxes if box} == {(22, 22)}
    length = math.hypot(bx - ax, by - ay)
    across = (20 * (ay - by) / length, 20 * (bx - ax) / length)  # where no line is near
    drag(page, (ax + across[0], ay + across[1]), (across[0], across[1]))
    kept(page)
    assert revision(page) == 1


def test_a_forbidden_move_bounces_back_with_a_sentence(visit: Opener, town: Live) -> None:
    watched = visit(Role.PLANNER, DESK, town)
    page = new_draft(watched)
    spot, _ = shared(town, page)
    ground = looking(page, spot, 16)
    drag(page, ground.at(spot), (430, -330))
    expect(page.locator("#toast .bad")).not_to_be_empty()
    assert revision(page) == 0
    drag(page, ground.at(spot), (24, 18))  # it is where it was, and moves by a little
    kept(page)
    assert revision(page) == 1
    without_refusals(watched)


def test_a_grid_is_cut_with_four_clicks_and_two_are_joined_with_four(visit: Opener, town: Live) -> None:
    page = new_draft(visit(Role.PLANNER, DESK, town))  # two clicks: the rail and the button
    spot, beside = shared(town, page)
    ground = looking(page, spot, 16)
    x, y = ground.at(spot)
    bx, by = ground.at(beside)
    page.click("[data-mode=join]")
    with page.expect_response(lambda answer: answer.url.endswith("/edit")):
        page.mouse.click((x + bx) / 2, (y + by) / 2)
    kept(page)
    expect(page.locator("#told")).to_contain_text("撤销第")
    page.keyboard.press("Control+z")
    kept(page)
    expect(page.locator("#told")).to_contain_text("还没有改动")
    key = page.evaluate("JSON.parse(document.getElementById('data').textContent).shapes[0]")
    ground = looking(page, (key["at"][0], key["at"][1]), 16)
    page.click("[data-mode=cut]")
    x, y = ground.at((key["at"][0], key["at"][1]))
    page.mouse.click(x - 330, y)
    page.mouse.click(x + 330, y)
    with page.expect_response(lambda answer: answer.url.endswith("/edit")):
        page.click("#done")
    kept(page)
    expect(page.locator("#told")).to_contain_text("新增第二十网格")


def test_keys_select_move_undo_and_do_again(visit: Opener, town: Live) -> None:
    page = new_draft(visit(Role.PLANNER, DESK, town))
    page.click("[data-tab=grids]")
    page.click("#grid-list [data-grid] >> nth=6")
    node = page.locator("#grid-list .node:not(.junction)").first
    node.focus()
    before = revision(page)
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    with page.expect_response(lambda answer: answer.url.endswith("/edit")):
        page.keyboard.press("Enter")
    kept(page)
    assert revision(page) == before + 1
    page.keyboard.press("Control+z")
    kept(page)
    expect(page.locator("#told")).to_contain_text("还没有改动")
    page.keyboard.press("Control+Shift+z")
    kept(page)
    expect(page.locator("#undo")).to_be_enabled()
    assert revision(page) == before + 3


def test_a_locked_grid_cannot_be_dragged(visit: Opener, town: Live) -> None:
    page = new_draft(visit(Role.PLANNER, DESK, town))
    spot, _ = shared(town, page)
    ground = looking(page, spot)
    page.click("[data-tab=grids]")
    key, _ = sharing(town, page, spot)
    with page.expect_response(lambda answer: answer.url.endswith("/lock")):
        page.click(f"[data-lock='{key}']")
    kept(page)
    expect(page.locator(f"[data-lock='{key}']")).to_have_attribute("aria-pressed", "true")
    x, y = ground.at(spot)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y + 30)
    page.mouse.move(x + 40, y + 40)
    page.mouse.up()
    expect(page.locator("#toast .bad")).to_contain_text("已锁定")


def test_a_finger_moves_a_border_on_a_tablet(visit: Opener, town: Live) -> None:
    page = new_draft(visit(Role.PLANNER, TABLET, town, has_touch=True))
    spot, _ = shared(town, page)
    ground = looking(page, spot)
    x, y = ground.at(spot)
    page.touchscreen.tap(x, y)
    expect(page.locator(".border-node").first).to_be_visible()
    finger = page.context.new_cdp_session(page)

    def touch(kind: str, *points: Spot) -> None:
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": a, "y": b} for a, b in points]})

    touch("touchStart", (x, y))
    touch("touchMove", (x + 15, y + 12))
    touch("touchMove", (x + 34, y + 30))
    with page.expect_response(lambda answer: answer.url.endswith("/edit")):
        touch("touchEnd")
    kept(page)
    assert revision(page) == 1
    tools = page.locator(".mode").evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().height)")
    assert min(tools) >= 44


def test_a_phone_shows_the_state_and_says_that_drawing_needs_more_room(visit: Opener, town: Live) -> None:
    page = new_draft(visit(Role.PLANNER, PHONE, town))
    expect(page.locator(".border-tools")).to_be_hidden()
    expect(page.locator(".phone-note")).to_contain_text("更宽的屏幕")
    expect(page.locator("#told")).to_contain_text("还没有改动")


def test_a_secretary_sees_who_draws_and_takes_over_with_a_reason(visit: Opener, town: Live) -> None:
    planner = visit(Role.PLANNER, DESK, town)
    page = new_draft(planner)
    spot, _ = shared(town, page)
    ground = looking(page, spot)
    other = visit(Role.SECRETARY, DESK, town).open(page.url.split("#")[0].removeprefix(planner.base))
    expect(other.locator("[data-needs=held]")).to_contain_text("正在编辑")
    expect(other.locator("[data-mode=cut]")).to_be_disabled()
    other.click("[data-act=force-open]")
    other.fill("#force textarea", "规划员出差")
    other.click("#force button[type=submit]")
    expect(other.locator("[data-mode=cut]")).to_be_enabled()
    drag(page, ground.at(spot), (40, 30))
    expect(page.locator("#toast .bad")).to_contain_text("正在编辑")
    expect(page.locator("[data-mode=cut]")).to_be_disabled()
    without_refusals(planner)


def test_words_from_people_are_shown_and_never_run(visit: Opener, town: Live) -> None:
    page = visit(Role.PLANNER, DESK, town).open("/boundaries".replace("/boundaries", "/coverage"))
    page.goto(town.base + "/boundaries")
    nasty = "<img src=x onerror=alert(1)>{{7*7}}"
    page.fill("form.begin input[name=title]", nasty)
    page.click("form.begin button")
    page.wait_for_selector("html[data-ready]")
    expect(page.locator("h1")).to_have_text(nasty)
    page.click("[data-tab=talk]")
    page.fill("#talk textarea", nasty)
    page.click("#talk button")
    expect(page.locator("#comments")).to_contain_text(nasty)
    page.click("[data-tab=grids]")
    page.click("#grid-list [data-grid] >> nth=0")
    page.fill(".grid-form input[name=name]", nasty)
    page.click(".grid-form button")
    expect(page.locator("#grid-list .name").first).to_have_text(nasty)
    assert page.locator("#panel img").count() == 0


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_axe_finds_nothing(visit: Opener, town: Live, size: ViewportSize) -> None:
    watched = visit(Role.PLANNER, size, town)
    page = watched.page
    page.goto(town.base + "/boundaries")
    assert findings(page) == []
    page = new_draft(watched)
    assert findings(page) == []
    for tab in ("grids", "faults", "talk"):
        page.click(f"[data-tab={tab}]")
        if tab == "grids" and size != PHONE:
            page.click("#grid-list [data-grid] >> nth=2")
        page.wait_for_load_state("networkidle")
        assert findings(page) == []


def test_a_version_is_put_back_with_three_clicks(visit: Opener, town: Live) -> None:
    """Publish another border first, as planner and secretary do."""
    planner = visit(Role.PLANNER, DESK, town)
    page = new_draft(planner)
    spot, _ = shared(town, page)
    drag(page, looking(page, spot).at(spot), (40, 34))
    kept(page)
    page.click("#submit-open")
    page.fill("#submit textarea", "试一试")
    page.click("#submit button[type=submit]")
    page.wait_for_url("**/approve")
    secretary = visit(Role.SECRETARY, DESK, town).page
    secretary.goto(page.url)
    assert findings(secretary) == []
    secretary.click(".decide form button.main >> nth=0")
    secretary.wait_for_url("**/boundaries")
    page.click("a[href='/boundaries']")
    page.click(".versions form button >> nth=-1")
    planner.ready()
    page.click("#submit button[type=submit]")
    page.wait_for_url("**/approve")
    expect(page.locator("main")).to_contain_text("恢复以前的边界")


def test_faults_are_walked_through_one_after_the_other(visit: Opener, town: Live) -> None:
    page = new_draft(visit(Role.PLANNER, DESK, town))
    key = page.evaluate("JSON.parse(document.getElementById('data').textContent).shapes[1]")
    ground = looking(page, (key["at"][0], key["at"][1]), 16)
    page.click("[data-mode=cut]")  # straight through the houses
    x, y = ground.at((key["at"][0], key["at"][1]))
    page.mouse.click(x - 330, y - 40)
    page.mouse.click(x + 330, y - 40)
    page.click("#done")
    expect(page.locator("#told")).to_contain_text("新增")
    page.click(".border-bar [data-act=faults]")
    expect(page.locator("#fault-list li")).not_to_have_count(0)
    page.click("[data-walk='1']")
    first = page.locator("#fault-list [aria-current=true]").inner_text()
    expect(page.locator("path[stroke='#b3261e']").last).to_be_visible()
    page.click("[data-walk='-1']")
    expect(page.locator("#fault-list [aria-current=true]")).to_have_count(1)
    assert first


def test_buildings_are_given_to_the_grid_beside_them(visit: Opener, town: Live) -> None:
    page = new_draft(visit(Role.PLANNER, DESK, town))
    spot, _ = shared(town, page)
    to, from_ = sharing(town, page, spot)
    shapes = {grid.key: grid for grid in grids_of(town, page)}
    with town.database.transaction(Actor(Machine.JOB, town.community_id)) as con:
        house = con.execute(
            text(
                "SELECT ST_X(ST_PointOnSurface(shape)), ST_Y(ST_PointOnSurface(shape)) FROM building"
                " WHERE grid_id = :g ORDER BY shape <-> ST_SetSRID(ST_MakePoint(:x, :y), ST_SRID(shape)) LIMIT 1"
            ),
            {"g": from_, "x": spot[0], "y": spot[1]},
        ).one()
    told = page.evaluate("JSON.parse(document.getElementById('data').textContent).shapes")
    receiver = next(grid["at"] for grid in told if grid["key"] == to)
    ground = looking(page, spot, 16.5)
    page.click("[data-mode=give]")
    page.mouse.click(*ground.at((receiver[0], receiver[1])))
    expect(page.locator("#hint")).to_contain_text(f"划给{shapes[to].name}")
    with page.expect_response(lambda answer: answer.url.endswith("/ground")):
        page.mouse.click(*ground.at((house[0], house[1])))
    expect(page.locator("#hint")).to_contain_text("1 处划给")
    with page.expect_response(lambda answer: answer.url.endswith("/edit")) as answered:
        page.click("#done")
    assert {grid["key"] for grid in answered.value.json()["changed"]} >= {to, from_}
