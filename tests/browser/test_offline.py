"""A day without a network: a real browser, its service worker, and a server that can be cut off."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from phones import PATIENCE_MS, Phone, Town, comes_true, served
from playwright.sync_api import Browser, BrowserContext, Page
from signing import browser, new_token
from sqlalchemy import text

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.settings import Settings
from gridmap.store.database import Database

MOMENT = datetime.fromisoformat("2026-11-23T09:00:00+08:00")  # a Monday


@pytest.fixture(scope="module")
def town(walked: Database, demo_id: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    settings = Settings(home=tmp_path_factory.mktemp("home"), demo=True)
    with served(walked, demo_id, MOMENT, (0, 0), settings) as made:
        token = new_token(walked, demo_id, Role.WORKER, MOMENT)
        first = browser(made.weather.app, token).get("/today")  # the plan is made once, and may take its time
        assert first.status_code == 200, first.get_data(as_text=True)
        yield made


@pytest.fixture(autouse=True)
def fine(town: Town) -> None:
    town.weather.now = "fine"


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    made = chromium.new_context(viewport={"width": 390, "height": 844}, locale="zh-CN", reduced_motion="reduce")
    yield made
    made.close()


def stocked(town: Town, context: BrowserContext) -> Phone:
    """Open the day online and wait until the phone has all of it."""
    context.set_default_timeout(PATIENCE_MS)
    context.add_cookies([town.cookie(Role.WORKER)])
    phone = Phone(town, context, context.new_page())
    phone.open("/today")
    phone.page.wait_for_selector("html[data-stocked]")
    return phone


def results(town: Town) -> list[tuple[int, str]]:
    """Return (household, result) of every visit recorded today, in the order of their ids."""
    with town.database.transaction(Actor(Machine.JOB, town.community_id)) as con:
        rows = con.execute(
            text("SELECT household_id, result FROM visit WHERE community_id = :c AND recorded_at >= :t ORDER BY id"),
            {"c": town.community_id, "t": town.at},
        )
        return [(row.household_id, row.result) for row in rows]


@pytest.fixture(scope="module")
def full(town: Town, chromium: Browser) -> Iterator[BrowserContext]:
    """Give a browser that has the whole day on it, for tests that leave it as it is."""
    made = chromium.new_context(viewport={"width": 390, "height": 844}, locale="zh-CN", reduced_motion="reduce")
    town.weather.now = "fine"
    stocked(town, made).page.close()
    yield made
    made.close()


@pytest.fixture
def phone(town: Town, full: BrowserContext) -> Iterator[Phone]:
    made = Phone(town, full, full.new_page())
    yield made
    made.page.close()
    full.set_offline(False)


def cut_off(phone: Phone) -> Page:
    """Take the network away and close the page; return a new one, as after a look at something else."""
    phone.page.close()
    phone.context.set_offline(True)
    phone.town.weather.now = "dark"
    phone.page = phone.context.new_page()
    return phone.page


def back_online(phone: Phone) -> None:
    """Give the network back, with the time for second thoughts over, and wait until everything is sent."""
    phone.town.weather.now = "fine"
    phone.context.set_offline(False)
    phone.page.evaluate("() => { const real = Date.now; Date.now = () => real() + 9_000; }")
    phone.page.evaluate(
        """async () => {
          const { openOutbox } = await import("gridmap/outbox");
          const kit = JSON.parse(document.getElementById("offline").textContent);
          window.box = await openOutbox({ accountId: kit.account });
        }"""
    )
    phone.emptied()


def test_a_day_in_airplane_mode(town: Town, context: BrowserContext) -> None:
    phone = stocked(town, context)
    account = phone.page.evaluate("() => JSON.parse(document.getElementById('offline').textContent).account")
    planned = [d["household_id"] for s in day_of(phone.page)["stops"] for d in s["doors"]]
    walked = int(phone.page.locator("#day-bar").get_attribute("aria-valuenow") or 0)
    before = len(results(town))
    page = cut_off(phone)
    phone.open("/today")
    page.wait_for_selector("text=没有网络，看到的是")
    for _ in range(3):
        page.locator(".act.nobody").first.click()
        page.wait_for_selector("text=已存在手机里")
        page.wait_for_timeout(60)
    page.wait_for_selector(f"text=已走 {walked + 3} /")
    page.reload()
    page.wait_for_selector(f"text=已走 {walked + 3} /")
    assert (len(results(town)), page.evaluate(WAITING, account)) == (before, 3)
    back_online(phone)
    arrived = results(town)[before:]
    assert [result for _, result in arrived] == ["nobody"] * 3
    assert {household for household, _ in arrived} <= set(planned)
    assert len({household for household, _ in arrived}) == 3
    assert page.evaluate(WAITING, account) == 0


def day_of(page: Page) -> Any:
    return json.loads(page.locator("#day").text_content() or "")


WAITING = """(account) => new Promise((done) => {
  const opening = indexedDB.open(`gridmap-${account}`);
  opening.onsuccess = () => {
    const counting = opening.result.transaction("outbox").objectStore("outbox").count();
    counting.onsuccess = () => { opening.result.close(); done(counting.result); };
  };
})"""


def test_a_page_that_is_not_on_the_phone_says_so_in_the_persons_language(phone: Phone) -> None:
    for language, sentence in (("en", ""), ("zh", "没有网络，这一页没有存在手机里")):
        phone.town.weather.now = "fine"
        phone.context.set_offline(False)
        phone.open(f"/today?lang={language}")
        page = cut_off(phone)
        page.goto(phone.town.base + "/households")
        assert page.locator("html").get_attribute("lang") == ("zh-CN" if sentence else "en")
        if sentence:
            assert page.locator("h1").inner_text() == sentence
        page.click("a")
        page.wait_for_url("**/today")
        page.wait_for_selector("html[data-ready]")
        page.goto(phone.town.base + "/")
        assert page.locator("#day").count() == 1


def test_the_map_of_the_walk_opens_without_a_network(phone: Phone) -> None:
    phone.open("/today")
    phone.open("/today/map")
    phone.page.wait_for_load_state("networkidle")
    trouble: list[str] = []
    page = cut_off(phone)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("requestfailed", lambda request: trouble.append(request.url))
    phone.open("/today/map")
    page.wait_for_timeout(500)
    assert page.locator(".leaflet-container canvas, .leaflet-tile").count() > 0
    assert [line for line in trouble if "/tiles/base/" in line or "/tiles/" not in line] == []


def test_nothing_of_the_day_lies_readable_in_the_workers_stores(phone: Phone) -> None:
    phone.open("/today")
    address = day_of(phone.page)["stops"][0]["doors"][0]["address"]
    kept = phone.page.evaluate(
        """async () => {
          const asked = (r) => new Promise((done) => { r.onsuccess = () => done(r.result); });
          const db = await asked(indexedDB.open("gridmap-worker"));
          const all = (name) => asked(db.transaction(name).objectStore(name).getAll());
          const pages = await all("pages");
          const urls = [];
          for (const name of await caches.keys()) {
            for (const request of await (await caches.open(name)).keys()) urls.push(new URL(request.url).pathname);
          }
          const text = pages.map((page) => new TextDecoder().decode(page.ct) + JSON.stringify(page.headers)).join();
          return { text, pages: pages.length, keys: (await all("keys")).map((key) => key.extractable), urls };
        }"""
    )
    assert kept["pages"] >= 1
    assert kept["keys"] == [False]
    assert address not in kept["text"]
    assert "<html" not in kept["text"]
    assert {url.split("/")[1] for url in kept["urls"]} == {"static", "tiles"}
    assert all(url.startswith("/tiles/base/") for url in kept["urls"] if url.startswith("/tiles/"))
    assert any("/17/" in url for url in kept["urls"])


def test_somebody_elses_day_does_not_stay_on_the_phone(town: Town, context: BrowserContext) -> None:
    phone = stocked(town, context)
    account = day_of(phone.page)["account_id"]
    assert f"gridmap-tiles-{account}" in phone.page.evaluate("() => caches.keys()")
    context.add_cookies([town.cookie(Role.SECRETARY)])
    phone.page.goto(town.base + "/households")
    comes_true(phone.page, "async (name) => !(await caches.keys()).includes(name)", f"gridmap-tiles-{account}")
    page = cut_off(phone)
    page.goto(town.base + "/today")
    assert page.locator("h1").inner_text() == "没有网络，这一页没有存在手机里"


def test_a_session_ended_elsewhere_takes_the_day_along(town: Town, context: BrowserContext) -> None:
    phone = stocked(town, context)
    context.clear_cookies()
    phone.page.goto(town.base + "/today")
    phone.page.wait_for_selector("#username")
    comes_true(phone.page, "async () => !(await caches.keys()).some((name) => name.startsWith('gridmap-tiles'))")
    page = cut_off(phone)
    page.goto(town.base + "/today")
    assert page.locator("h1").inner_text() == "没有网络，这一页没有存在手机里"


def test_signing_out_takes_the_day_along(town: Town, context: BrowserContext) -> None:
    phone = stocked(town, context)
    phone.page.goto(town.base + "/account")
    phone.page.click("form[action='/sign-out'] button")
    phone.page.wait_for_url("**/sign-in")
    assert phone.page.evaluate("async () => (await caches.keys()).length + (await indexedDB.databases()).length") == 0
    page = cut_off(phone)
    with pytest.raises(Exception, match="ERR_"):
        page.goto(town.base + "/today")


def test_a_signal_that_gives_nothing_does_not_hold_up_the_day(phone: Phone) -> None:
    phone.open("/today")
    phone.town.weather.now = "slow"
    phone.page.goto(phone.town.base + "/today", wait_until="commit")
    phone.page.wait_for_selector("text=没有网络，看到的是")
    phone.town.weather.now = "fine"


def test_a_new_version_waits_for_the_person_and_for_unsent_records(town: Town, context: BrowserContext) -> None:
    phone = stocked(town, context)
    old = town.weather.app.extensions["gridmap.shell"]
    mark = old.version
    try:
        old.script = old.script.replace(mark, "f" * 16)
        town.weather.now = "tired"
        phone.page.locator(".act.nobody").first.click()
        phone.page.wait_for_selector("text=已存在手机里")
        phone.page.reload()
        offer = phone.page.get_by_role("button", name="有新版本，点这里更新")
        offer.click()
        phone.page.wait_for_selector("text=还有 1 条记录没有送出，送完再更新")
        assert f"gridmap-shell-{mark}" in phone.page.evaluate("() => caches.keys()")
        back_online(phone)
        with phone.page.expect_navigation():
            phone.page.get_by_role("button", name="再送一次").click()
        phone.page.wait_for_selector("html[data-stocked]")
        only = "async (only) => (await caches.keys()).filter((n) => n.startsWith('gridmap-shell')).join() === only"
        comes_true(phone.page, only, "gridmap-shell-" + "f" * 16)
    finally:
        old.script = old.script.replace("f" * 16, mark)


def test_the_app_can_be_installed(phone: Phone) -> None:
    phone.open("/today")
    cdp = phone.context.new_cdp_session(phone.page)
    told = cdp.send("Page.getAppManifest")
    assert told["errors"] == []
    manifest = json.loads(told["data"])
    assert (manifest["start_url"], manifest["display"]) == ("/today", "standalone")
    for icon in manifest["icons"]:
        side = int(icon["sizes"].partition("x")[0])
        size = phone.page.evaluate(
            """async (src) => {
              const picture = await createImageBitmap(await (await fetch(src)).blob());
              return [picture.width, picture.height];
            }""",
            icon["src"],
        )
        assert size == [side, side]
    errors = cdp.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert [one["errorId"] for one in errors if one["errorId"] != "in-incognito"] == []
