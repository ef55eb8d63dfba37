"""The worker's day in his hand: every wish within its taps, and each record where it belongs."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from phones import emptied
from pictures import segment
from playwright.sync_api import Locator, Page, ViewportSize, expect
from signing import SESSION_COOKIE, browser, new_token
from sqlalchemy import text
from walk_days import TALL
from watched import NARROW, PHONE, Live, Opener, Watched, findings

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.services import accounts
from gridmap.settings import Settings
from gridmap.store.database import Database
from gridmap.web.app import create_app
from gridmap.web.towers import tower_json

MOMENT = datetime.fromisoformat("2026-11-23T09:00:00+08:00")  # a Monday
REACH = 0.4  # what is pressed at a door lies below this share of the screen
SIGNAL_S = 8  # a record may be undone so long
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def town(
    walked: Database, demo_id: int, serve: Callable[[Flask], str], tmp_path_factory: pytest.TempPathFactory
) -> Live:
    app = create_app(walked, Settings(home=tmp_path_factory.mktemp("home"), demo=True), clock=lambda: MOMENT)
    token = new_token(walked, demo_id, Role.WORKER, MOMENT)
    assert browser(app, token).get("/today").status_code == 200  # the first plan of a process compiles the solver
    return Live(serve(app), walked, demo_id, MOMENT)


@dataclass
class Hand:
    """One worker's phone and his thumb: every tap is counted."""

    watched: Watched
    town: Live
    taps: int = 0

    @property
    def page(self) -> Page:
        """Return what he sees."""
        return self.watched.page

    def tap(self, wanted: str | Locator) -> None:
        """Press something once."""
        self.taps += 1
        (self.page.locator(wanted).first if isinstance(wanted, str) else wanted).click()

    def wait(self, seconds: float) -> None:
        """Let time pass on the phone."""
        self.page.clock.fast_forward(int(seconds * 1000))

    def count(self) -> int:
        """Return how many doors the header calls done."""
        return int(self.page.locator("#day-bar").get_attribute("aria-valuenow") or -1)

    def first(self) -> int:
        """Return the household of the door whose buttons are open."""
        return int(self.page.locator("#next .door:has(.acts)").get_attribute("data-household") or 0)

    def sent(self) -> None:
        """Let the time for second thoughts pass and wait until nothing is left to send."""
        self.wait(SIGNAL_S + 1)
        self.page.evaluate(
            """async () => {
              const { openOutbox } = await import("gridmap/outbox");
              const kit = JSON.parse(document.getElementById("offline").textContent);
              window.box ??= await openOutbox({ accountId: kit.account });
            }"""
        )
        emptied(self.page)

    def to_the_door(self) -> None:
        """Do what is on the way before the first door: which errands come first is the plan's to say."""
        while self.page.locator("#next .errand").count():
            self.page.click("#next .errand .met")
            expect(self.page.locator("#undo")).to_be_visible()
            self.wait(SIGNAL_S + 1)
            expect(self.page.locator("#undo")).to_be_hidden()

    def rows(self, table: str, household_id: int) -> Rows:
        """Return what the database holds of a household since this morning."""
        at = {"visit": "recorded_at", "need": "recorded_at", "photo": "taken_at"}[table]
        with self.town.database.transaction(Actor(Machine.JOB, self.town.community_id)) as con:
            found = con.execute(
                text(f"SELECT * FROM {table} WHERE community_id = :c AND household_id = :h AND {at} >= :t"),
                {"c": self.town.community_id, "h": household_id, "t": self.town.at},
            )
            return [dict(row._mapping) for row in found]

    def errands(self, title: str) -> list[bool]:
        """Return of each errand of a title on this day whether the database holds it as done."""
        with self.town.database.transaction(Actor(Machine.JOB, self.town.community_id)) as con:
            found = con.execute(
                text('SELECT done_at FROM errand WHERE community_id = :c AND title = :t AND "on" = :on ORDER BY id'),
                {"c": self.town.community_id, "t": title, "on": self.town.at.date()},
            )
            return [row.done_at is not None for row in found]


@pytest.fixture
def hand(visit: Opener, town: Live) -> Callable[..., Hand]:
    """Return what opens the day of the worker of a grid, at its first door unless it is about errands.

    Time there stands at the town's moment and goes on.
    """

    def make(
        grid: int,
        size: ViewportSize = PHONE,
        path: str = "/today",
        change: Callable[[Any], None] | None = None,
        *,
        errands: bool = False,
    ) -> Hand:
        watched = visit(Role.WORKER, size, town)
        page = watched.page
        token = new_token(town.database, town.community_id, Role.WORKER, town.at, worker_of(town, grid))
        secure = town.base.replace("http:", "https:")
        page.context.add_cookies([{"name": SESSION_COOKIE, "value": token, "url": secure, "secure": True}])
        plain(page, town)
        if change:
            page.route(re.compile(r"/today(\?.*)?$"), lambda route: _changed(route, change))
        page.goto(town.base + path)
        page.wait_for_selector("html[data-ready]")
        mine = Hand(watched, town)
        if not errands:
            mine.to_the_door()
        return mine

    return make


def worker_of(town: Live, grid: int) -> str:
    """Return the code of a grid whose worker has an account."""
    code = f"520502009005{grid:03}"
    operator = Actor(Machine.OPERATOR)
    with town.database.transaction(operator) as con:
        known = con.execute(text("SELECT 1 FROM account WHERE username = :u"), {"u": f"worker-{grid}"}).scalar()
        if grid > 1 and not known:
            accounts.add(
                con,
                operator,
                community_id=town.community_id,
                username=f"worker-{grid}",
                name=f"网格员{grid}",
                role=Role.WORKER,
                grid_code=code,
            )
    return code


def plain(page: Page, town: Live) -> None:
    """Let the phone's clock begin at the town's moment, and leave the service worker to its own tests."""
    page.clock.install(time=town.at)
    page.add_init_script("delete Navigator.prototype.serviceWorker")


def _changed(route: Any, change: Callable[[Any], None]) -> None:
    """Answer the day's page with a day that a test has changed."""
    answer = route.fetch()
    before, mark, rest = answer.text().partition('<script type="application/json" id="day">')
    block, end, after = rest.partition("</script>")
    day = json.loads(block)
    change(day)
    told = json.dumps(day).replace("<", "\\u003c")
    route.fulfill(response=answer, body=before + mark + told + end + after)


def test_the_next_building_and_its_first_door_are_in_view(hand: Callable[..., Hand]) -> None:
    mine = hand(1)
    bar = mine.page.locator(".rail").bounding_box()
    assert bar
    middle = 0.0
    for part in ("#next .stop-head h3", "#next .door:has(.acts) .label", "#next .acts"):
        box = mine.page.locator(part).bounding_box()
        assert box
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= bar["y"]
        middle = box["y"] + box["height"] / 2
    assert middle > REACH * PHONE["height"]
    assert mine.taps == 0
    words = mine.page.locator(".rail .places li:visible").all_inner_texts()
    assert words == ["今日", "地图", "诉求", "我的"]


def test_in_large_text_the_first_door_s_buttons_are_in_view(hand: Callable[..., Hand]) -> None:
    mine = hand(1, path="/today?text=large")
    bar, act = mine.page.locator(".rail").bounding_box(), mine.page.locator("#next .acts .nobody").bounding_box()
    assert bar
    assert act
    assert act["y"] + act["height"] <= bar["y"]
    assert act["height"] >= 60
    assert mine.page.evaluate("scrollY") == 0


def test_nobody_home_is_one_tap_and_can_be_undone(hand: Callable[..., Hand]) -> None:
    mine = hand(1)
    door, before = mine.first(), mine.count()
    mine.tap(".acts .nobody")
    assert mine.taps == 1
    expect(mine.page.locator("#undo")).to_contain_text("已存在手机里")
    assert mine.count() == before + 1
    mine.wait(SIGNAL_S - 2)
    mine.page.click("#undo .way-back:last-child")
    expect(mine.page.locator("#toast")).to_contain_text("已撤销")
    assert (mine.count(), mine.first()) == (before, door)
    mine.sent()
    assert mine.rows("visit", door) == []


def test_what_was_sent_is_withdrawn_openly(hand: Callable[..., Hand]) -> None:
    mine = hand(2)
    door, before = mine.first(), mine.count()
    mine.tap(".acts .nobody")
    mine.sent()
    expect(mine.page.locator("#undo")).to_be_hidden(timeout=15_000)  # eight seconds after the tap
    assert [row["result"] for row in mine.rows("visit", door)] == ["nobody"]
    mine.page.click("[data-fold=done] summary")
    expect(mine.page.locator("[data-fold=done] li").first).to_contain_text("已送达")
    mine.page.click("[data-fold=done] li button")
    mine.page.click(".sheet .minor button:has-text('撤回')")
    expect(mine.page.locator("#toast")).to_contain_text("不再算数")
    mine.sent()
    assert mine.count() == before
    assert [row["withdrawn_at"] is not None for row in mine.rows("visit", door)] == [True]
    mine.page.reload()
    mine.page.wait_for_selector("html[data-ready]")
    assert mine.count() == before


def test_met_without_news_is_two_taps(hand: Callable[..., Hand]) -> None:
    mine = hand(3)
    door, before = mine.first(), mine.count()
    mine.tap(".acts .met")
    mine.wait(0.5)  # the second tap of a double tap decides nothing
    mine.tap(".acts .met:has-text('没有变化')")
    assert mine.taps == 2
    expect(mine.page.locator("#day-bar")).to_have_attribute("aria-valuenow", str(before + 1))
    mine.sent()
    assert [row["result"] for row in mine.rows("visit", door)] == ["met"]
    mine.page.reload()
    mine.page.wait_for_selector("html[data-ready]")
    assert mine.count() == before + 1
    assert mine.first() != door


def test_met_with_a_need_is_five_taps_and_the_sentence(hand: Callable[..., Hand]) -> None:
    mine = hand(4)
    door = mine.first()
    mine.tap(".acts .met")
    mine.wait(0.5)
    mine.tap(".acts .act:has-text('有诉求')")
    mine.tap(".sheet [data-code=repair]")
    mine.tap(".sheet textarea[name=need]")
    mine.page.keyboard.type("楼道灯又不亮了")
    mine.tap(".sheet-foot .main")
    assert mine.taps == 5
    expect(mine.page.locator("#undo")).to_contain_text("已存在手机里")
    mine.sent()
    assert [(row["kind"], row["summary"]) for row in mine.rows("need", door)] == [("repair", "楼道灯又不亮了")]
    mine.page.click(".rail a[href='/needs']")
    expect(mine.page.locator("main")).to_contain_text("楼道灯又不亮了")


def test_a_whole_floor_is_at_most_four_taps(hand: Callable[..., Hand]) -> None:
    mine = hand(5)
    mine.tap(".tower-open")
    planned = mine.page.locator(".tower-table tr:has(.planned)").first
    homes = planned.locator(".room.planned").evaluate_all("(all) => all.map((e) => Number(e.dataset.household))")
    mine.tap(planned.locator(".floor-open"))
    mine.tap(".sheet:last-of-type .button:has-text('选全层')")
    homes = mine.page.locator(".rooms .pick").evaluate_all("(all) => all.map((e) => Number(e.dataset.household))")
    mine.tap(".sheet:last-of-type .sheet-foot .main")
    assert mine.taps == 4
    expect(mine.page.locator("#undo")).to_contain_text("已存在手机里")
    assert mine.page.locator("dialog").count() == 0
    mine.sent()
    assert homes
    assert [[row["result"] for row in mine.rows("visit", home)] for home in homes] == [["nobody"]] * len(homes)


@pytest.mark.parametrize(("word", "result"), [("不愿受访", "refused"), ("已搬走", "moved")])
def test_a_refusal_and_a_move_are_recorded_without_pressure(hand: Callable[..., Hand], word: str, result: str) -> None:
    mine = hand(6)
    door = mine.first()
    mine.tap(".acts .more")
    mine.tap(f".sheet .pick:has-text('{word}')")
    mine.tap(".sheet-foot .main")
    told = mine.page.locator("#undo")
    expect(told).to_contain_text("已记下，以后不再安排" if result == "refused" else "已存在手机里")
    mine.sent()
    assert [row["result"] for row in mine.rows("visit", door)] == [result]


def photo_with_place(page: Page) -> bytes:
    """Return a photo as phones take it: with a block that may tell where and with what."""
    drawn = "document.createElement('canvas')"
    url = page.evaluate(f"Object.assign({drawn}, {{ width: 2000, height: 1500 }}).toDataURL('image/jpeg')")
    plain = base64.b64decode(url.split(",")[1])
    return plain[:2] + segment(0xE1, b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00") + plain[2:]


def test_a_photo_carries_no_place(hand: Callable[..., Hand]) -> None:
    mine = hand(7)
    door = mine.first()
    taken = photo_with_place(mine.page)
    mine.tap(".acts .more")
    mine.page.locator("#photo-file").set_input_files({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": taken})
    expect(mine.page.locator(".seen canvas")).to_have_count(1)
    mine.tap(".sheet-foot .main")
    expect(mine.page.locator("#undo")).to_be_visible()
    mine.sent()
    (row,) = mine.rows("photo", door)
    assert bytes(row["image"]).startswith(b"\xff\xd8")
    assert b"Exif" not in bytes(row["image"])


def test_forty_minutes_left_is_another_plan(hand: Callable[..., Hand], tell: Callable[[str], None]) -> None:
    mine = hand(8)
    before = mine.page.evaluate("JSON.parse(document.getElementById('day').textContent)")
    mine.tap("#next .link")
    with mine.page.expect_response("**/today/replan") as answer:
        mine.tap(".sheet .pick:has-text('40')")
    after = answer.value.json()
    expect(mine.page.locator("#toast")).to_contain_text("已重新排好")
    assert after["plan_id"] > before["plan_id"]
    assert after["progress"]["all"] < before["progress"]["all"]
    tell(f"replanned in {answer.value.request.timing['responseStart']:.0f} ms")


def test_without_a_network_the_phone_finds_an_order_and_says_so(hand: Callable[..., Hand]) -> None:
    mine = hand(9)
    stop = mine.page.locator("#next .stop-head h3").inner_text()
    mine.page.context.set_offline(True)
    mine.tap(".acts .nobody")
    expect(mine.page.locator("#strip")).to_contain_text("没有网络，1 条记录已存在手机里")
    mine.tap("#next .link")
    mine.tap(".sheet .row-button:has-text('这一栋先不去')")
    expect(mine.page.locator("#toast")).to_contain_text("手机自己排的顺序，未证明最优")
    assert mine.page.locator("#next .stop-head h3").inner_text() != stop
    mine.page.context.set_offline(False)
    mine.watched.trouble[:] = [line for line in mine.watched.trouble if "ERR_INTERNET_DISCONNECTED" not in line]
    mine.sent()
    expect(mine.page.locator("#strip")).to_be_hidden()


def test_a_phone_that_keeps_nothing_says_so_and_sends_at_once(hand: Callable[..., Hand]) -> None:
    mine = hand(1)
    mine.page.context.add_init_script(
        "IDBFactory.prototype.open = () => { throw new DOMException('', 'SecurityError'); };"
    )
    mine.page.reload()
    mine.page.wait_for_selector("html[data-ready]")
    door = mine.first()
    mine.tap(".acts .nobody")
    expect(mine.page.locator("#toast .bad")).to_contain_text("下载文件")
    expect(mine.page.locator("#strip.bad")).to_contain_text("存不住")
    mine.wait(SIGNAL_S + 1)
    for _ in range(50):
        if rows := mine.rows("visit", door):
            break
        mine.page.wait_for_timeout(100)
    assert [row["result"] for row in rows] == ["nobody"]


def tall(day: Any) -> None:
    """Put the tower of 33 storeys and eight doors in the place of the next stop's building."""
    stop = next(stop for stop in day["stops"] if stop["doors"])
    day["towers"] = [tower_json(TALL)]
    stop["building_id"], stop["entrance_id"] = TALL.building_id, TALL.units[0].entrance_id


def an_errand_first(day: Any) -> None:
    """Put something to be done on the way before the first door."""
    errand = {"errand": {"id": 0, "kind": "environment"}, "kind": "errand", "title": "查看楼道", "doors": []}
    day["stops"].insert(0, {**day["stops"][0], "number": 0, **errand})


def own_errand_first(day: Any) -> None:
    """Let the day begin with the errands it has."""
    day["stops"].sort(key=lambda stop: stop["kind"] != "errand")


def small_targets(page: Page, least: int) -> list[str]:
    """Return what can be pressed and is smaller than a thumb."""
    found: list[str] = page.evaluate(
        """(least) => [...(document.querySelector("dialog") ?? document.querySelector("main"))
        .querySelectorAll("button, summary, .button")]
        .filter((e) => e.checkVisibility() && !e.closest(".tower-table, .foot"))
        .filter((e) => { const r = e.getBoundingClientRect(); return Math.min(r.width, r.height) < least - 0.5; })
        .map((e) => e.outerHTML.slice(0, 100))""",
        least,
    )
    return found


def is_sound(mine: Hand, least: int) -> None:
    """Hold a screen to what everybody needs: axe, thumbs, no sideways scrolling."""
    assert findings(mine.page) == []
    assert small_targets(mine.page, least) == []
    assert mine.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    wide = "(all) => all.map((e) => e.scrollWidth - e.clientWidth)"
    assert max(mine.page.locator(".sheet-body").evaluate_all(wide) or [0]) <= 0


@pytest.mark.parametrize(
    ("size", "query", "least"), [(PHONE, "normal", 44), (NARROW, "large", 60)], ids=["phone", "large"]
)
def test_everybody_can_use_every_screen(hand: Callable[..., Hand], size: ViewportSize, query: str, least: int) -> None:
    is_sound(hand(10, size, f"/today?text={query}", an_errand_first, errands=True), least)
    mine = hand(10, size, f"/today?text={query}")
    is_sound(mine, least)
    for way in ("#next .door-open", ".acts .more", "#next .link"):
        mine.tap(way)
        is_sound(mine, least)
        mine.page.keyboard.press("Escape")
    mine.tap(".acts .met")
    is_sound(mine, least)
    mine.page.locator("details.stop summary, .fold summary").evaluate_all("(all) => all.forEach((e) => e.click())")
    is_sound(mine, least)
    for path in ("/needs", "/today/week", f"/visits/{mine.first()}"):
        mine.page.goto(mine.town.base + path)
        is_sound(mine, least)


def test_an_errand_is_one_tap_and_can_be_undone(hand: Callable[..., Hand]) -> None:
    mine = hand(11, change=own_errand_first, errands=True)
    title = mine.page.locator("#next h3").inner_text()
    mine.tap("#next .errand .met")
    assert mine.taps == 1
    expect(mine.page.locator("#undo")).to_contain_text("已存在手机里")
    expect(mine.page.locator("#next h3")).not_to_have_text(title)
    mine.wait(SIGNAL_S - 2)
    mine.page.click("#undo .way-back")
    expect(mine.page.locator("#toast")).to_contain_text("已撤销")
    expect(mine.page.locator("#next h3")).to_have_text(title)
    mine.sent()
    assert mine.errands(title) == [False]
    mine.tap("#next .errand .met")
    mine.sent()
    assert mine.errands(title) == [True]
    mine.page.reload()
    mine.page.wait_for_selector("html[data-ready]")
    expect(mine.page.locator("#next h3")).not_to_have_text(title)


def test_an_errand_can_wait_and_be_brought_back(hand: Callable[..., Hand]) -> None:
    mine = hand(16, change=own_errand_first, errands=True)
    page, heads = mine.page, mine.page.locator("#next h2")
    title = page.locator("#next h3").inner_text()
    expect(heads).to_have_text("下一站")
    page.context.set_offline(True)
    mine.tap("#next .errand .act:has-text('今天先不去')")
    assert mine.taps == 1
    expect(page.locator("#toast")).to_contain_text("未证明最优")
    expect(heads).to_have_text("下一栋")
    page.context.set_offline(False)
    mine.watched.trouble[:] = [line for line in mine.watched.trouble if "ERR_INTERNET_DISCONNECTED" not in line]
    page.locator("#next .link").click()
    with page.expect_response("**/today/replan") as without:
        page.locator(".sheet .pick").last.click()
    assert title not in [stop["title"] for stop in without.value.json()["stops"]]
    page.click("[data-fold=postponed] summary")
    row = page.locator("[data-fold=postponed] li", has_text=title)
    with page.expect_response("**/today/replan") as back:
        row.locator("button").click()
    assert title in [stop["title"] for stop in back.value.json()["stops"]]
    expect(row).to_have_count(0)


def test_a_tower_of_33_storeys_is_one_tap(hand: Callable[..., Hand]) -> None:
    mine = hand(12, change=tall)
    mine.tap(".tower-open")
    assert mine.page.locator(".tower-table tr").count() == 33
    assert mine.page.locator(".tower-table .room").count() == 33 * 8
    assert findings(mine.page) == []
    mine.page.keyboard.press("Tab")
    mine.tap(".tower-table .room:not(.planned)")
    expect(mine.page.locator(".sheet h2")).to_contain_text("记录走访")


def test_any_household_is_recorded_from_its_card(hand: Callable[..., Hand], visit: Opener, town: Live) -> None:
    door = hand(13).first()
    watched = visit(Role.SECRETARY, PHONE, town)
    mine = Hand(watched, town)
    plain(mine.page, town)
    watched.open(f"/households/{door}")
    mine.page.click("a:has-text('记录走访')")
    mine.page.wait_for_selector(".record-page .main")
    mine.page.click(".pick:has-text('电话')")
    mine.page.click(".part[data-part=note] summary")
    mine.page.fill(".part[data-part=note] textarea", "电话里说都好")
    mine.page.click(".save .main")
    expect(mine.page.locator("#undo")).to_contain_text("已存在手机里")
    mine.sent()
    assert [(row["mode"], row["note"]) for row in mine.rows("visit", door)] == [("phone", "电话里说都好")]
