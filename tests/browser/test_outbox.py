"""The outbox of a phone against a real server: kept before it is said, sent once, lost never."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from phones import Phone, Town, kill_browser, served
from playwright.sync_api import Browser, BrowserContext, Error
from two_communities import MORNING, Small
from watched import CHROMIUM, FLAGS

from gridmap.domain.actors import Role
from gridmap.domain.sealing import Sealed, decode, jwk_of, key_of, new_pem, unseal
from gridmap.settings import Settings


@pytest.fixture(scope="module")
def town(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    place = small.households[0][0], small.grids[0][0]
    settings = Settings(home=tmp_path_factory.mktemp("home"), demo=True)
    with served(small.database, small.community_id, MORNING, place, settings) as made:
        yield made


@pytest.fixture(autouse=True)
def fine(town: Town) -> None:
    town.weather.now = "fine"
    town.weather.sent.clear()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    made = chromium.new_context(locale="zh-CN", service_workers="block")
    yield made
    made.close()


@pytest.fixture
def phone(town: Town, context: BrowserContext) -> Phone:
    return Phone.of(town, context)


def test_what_is_kept_arrives_and_leaves_the_phone(phone: Phone) -> None:
    made = phone.keep("arrives")
    phone.emptied()
    assert phone.town.arrived()[made] == "arrives"
    assert phone.pending() == []
    marks = phone.page.evaluate("() => gm.loadMarks(kit.account, new Date().toLocaleDateString('sv'))")
    assert marks[str(phone.town.place[0])]["id"] == made


@pytest.mark.parametrize("weather", ["tired", "broken", "portal", "cut", "lost", "dark"])
def test_bad_weather_delays_and_loses_nothing(phone: Phone, weather: str) -> None:
    phone.town.weather.now = weather
    made = [phone.keep(f"{weather} {n}") for n in range(2)]
    assert phone.flush()["left"] == 2
    assert [one["id"] for one in phone.pending()] == made
    phone.town.weather.now = "fine"
    phone.emptied()
    arrived = phone.town.arrived()
    assert [arrived[one] for one in made] == [f"{weather} 0", f"{weather} 1"]


def test_a_reload_forgets_nothing(phone: Phone) -> None:
    phone.town.weather.now = "dark"
    made = [phone.keep(f"reload {n}") for n in range(3)]
    phone.town.weather.now = "tired"
    phone.open()
    phone.begin()
    assert [one["id"] for one in phone.pending()] == made
    phone.town.weather.now = "fine"
    phone.emptied()
    assert set(made) <= set(phone.town.arrived())


def test_what_is_undone_in_time_never_leaves_the_phone(phone: Phone) -> None:
    made = phone.keep("undone", hold_ms=8_000)
    phone.flush()
    assert [one["state"] for one in phone.pending()] == ["draft"]
    assert phone.page.evaluate("(id) => box.cancel(id)", made) is True
    assert (phone.pending(), made in phone.town.weather.sent) == ([], False)


def test_what_was_sent_cannot_be_undone_as_if_it_had_not(phone: Phone) -> None:
    phone.town.weather.now = "lost"
    made = phone.keep("lost answer")
    phone.flush()
    assert phone.page.evaluate("(id) => box.cancel(id)", made) is False
    assert made in phone.town.arrived()


def test_a_refused_record_stays_and_blocks_nothing_behind_it(phone: Phone) -> None:
    taken = phone.keep("first words")
    phone.emptied()
    household, grid = phone.town.place
    phone.page.evaluate(
        """async ([id, h, g]) => {
          const text = JSON.stringify(visitOf(h, g, "other words"));
          const content = { kind: "visit", captured_at: new Date().toISOString(), text };
          const file = { of: "gridmap", account_id: kit.account, submissions: [{ id, v: 1, content }] };
          await box.importFile(new Blob([JSON.stringify(file)]));
        }""",
        [taken, household, grid],
    )
    behind = phone.keep("behind it")
    phone.flush()
    assert [(one["id"], one["state"]) for one in phone.pending()] == [(taken, "refused")]
    arrived = phone.town.arrived()
    assert (arrived[taken], arrived[behind]) == ("first words", "behind it")
    assert phone.told()["refused"] == 1
    told = json.loads(phone.page.evaluate("async () => (await box.exportFile()).text()"))
    assert "other words" in told["submissions"][0]["content"]["text"]
    phone.flush(again=True)
    assert [one["state"] for one in phone.pending()] == ["refused"]


def test_a_session_that_ended_keeps_the_record_and_says_so(phone: Phone) -> None:
    phone.context.clear_cookies()
    made = phone.keep("signed out")
    assert phone.flush()["left"] == 1
    assert phone.told()["signIn"] is True
    phone.page.wait_for_selector("text=请重新登录，记录还在手机里")
    phone.context.add_cookies([phone.town.cookie(Role.WORKER)])
    phone.emptied()
    assert made in phone.town.arrived()
    assert phone.told()["signIn"] is False


def test_a_saved_file_brings_the_records_back_once(phone: Phone) -> None:
    phone.town.weather.now = "tired"
    made = phone.keep("in a file")
    saved = phone.page.evaluate("async () => (await box.exportFile()).text()")
    assert "in a file" not in saved
    assert phone.page.evaluate("() => box.unsaved()") == 0
    phone.town.weather.now = "fine"
    phone.emptied()
    assert phone.page.evaluate("(t) => box.importFile(new Blob([t]))", saved) == 1
    phone.emptied()
    assert phone.town.weather.sent.count(made) >= 2
    assert phone.town.arrived()[made] == "in a file"


def test_two_tabs_never_send_the_same_record_at_once(phone: Phone) -> None:
    other = Phone(phone.town, phone.context, phone.context.new_page())
    other.open()
    other.begin()
    phone.town.weather.now = "tired"
    made = [tab.keep(f"tab {n}") for n in range(6) for tab in (phone, other)]
    phone.town.weather.sent.clear()
    phone.town.weather.most_at_once = 0
    phone.town.weather.now = "fine"
    for tab in (phone, other):
        tab.page.evaluate("() => { for (let n = 0; n < 5; n += 1) box.flush({ now: true }); }")
    phone.emptied()
    assert sorted(phone.town.weather.sent) == sorted(made)
    assert phone.town.weather.most_at_once == 1
    assert set(made) <= set(phone.town.arrived())


def test_without_web_locks_a_lease_keeps_tabs_apart(chromium: Browser, town: Town) -> None:
    context = chromium.new_context(service_workers="block")
    context.add_init_script("Object.defineProperty(navigator, 'locks', { value: undefined })")
    one = Phone.of(town, context)
    two = Phone(town, context, context.new_page())
    two.open()
    two.begin()
    town.weather.now = "tired"
    made = [tab.keep(f"lease {n}") for n in range(3) for tab in (one, two)]
    town.weather.sent.clear()
    town.weather.most_at_once = 0
    town.weather.now = "fine"
    for tab in (one, two):
        tab.page.evaluate("() => { box.flush({ now: true }); }")
    one.emptied()
    assert sorted(town.weather.sent) == sorted(made)
    assert town.weather.most_at_once == 1
    context.close()


# --- whose it is ----------------------------------------------------------------------------------------------------


def test_another_account_neither_sends_nor_loses_what_is_not_its_own(phone: Phone) -> None:
    phone.town.weather.now = "tired"
    made = phone.keep("of the worker")
    phone.context.add_cookies([phone.town.cookie(Role.SECRETARY)])
    phone.town.weather.now = "fine"
    assert phone.flush()["left"] == 1  # the page of the worker, the session of the secretary
    assert made not in phone.town.arrived()
    phone.open()
    phone.page.wait_for_selector("text=这部手机里还有另一个账号的 1 条记录没有送出")
    phone.page.click("#leave")
    phone.page.wait_for_url("**/sign-in")
    phone.page.wait_for_selector("text=这部手机里还有另一个账号的 1 条记录没有送出")
    phone.context.add_cookies([phone.town.cookie(Role.WORKER)])
    phone.open()
    phone.begin()
    phone.emptied()
    assert made in phone.town.arrived()


def test_nobody_signs_out_on_unsent_records(phone: Phone) -> None:
    phone.page.evaluate("() => gm.saveDay(kit.account, { secret: 1 })")
    phone.town.weather.now = "tired"
    made = phone.keep("do not leave me")
    phone.page.click("#leave")
    phone.page.wait_for_selector("text=还有 1 条记录没有送出，先不能退出")
    assert phone.page.url.endswith("/bench")
    with phone.page.expect_download() as saved:
        phone.page.get_by_role("button", name="下载文件").click()
    assert made in Path(saved.value.path()).read_text("utf-8")
    phone.page.click("#leave")
    phone.page.wait_for_url("**/sign-in")
    phone.context.add_cookies([phone.town.cookie(Role.WORKER)])
    phone.open()
    phone.begin()
    assert phone.page.evaluate("() => gm.loadDay(kit.account)") is None
    assert [one["id"] for one in phone.pending()] == [made]
    phone.town.weather.now = "fine"
    phone.emptied()
    phone.page.click("#leave")
    phone.page.wait_for_url("**/sign-in")
    assert phone.page.evaluate("async () => (await indexedDB.databases()).length") == 0


# --- at rest --------------------------------------------------------------------------------------------------------


def test_nothing_on_the_phone_can_be_read(phone: Phone) -> None:
    phone.town.weather.now = "tired"
    phone.keep("Geheimnis-7301")
    phone.page.evaluate("() => gm.saveDay(kit.account, { stops: ['Geheimnis-7301'] })")
    phone.page.evaluate("() => gm.saveMarks(kit.account, '2026-06-01', { 7301: { result: 'Geheimnis-7301' } })")
    dump = phone.page.evaluate(
        """async () => {
          const seen = [];
          const look = (value) => {
            if (value instanceof CryptoKey) seen.push(`key ${value.extractable}`);
            else if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
              seen.push(new TextDecoder("latin1").decode(value));
            } else if (value && typeof value === "object") Object.values(value).forEach(look);
            else seen.push(String(value));
          };
          const asked = (r) => new Promise((done) => { r.onsuccess = () => done(r.result); });
          const db = await asked(indexedDB.open(`gridmap-${kit.account}`));
          for (const name of db.objectStoreNames) {
            const rows = await asked(db.transaction(name).objectStore(name).getAll());
            seen.push(`${name}: ${rows.length}`);
            rows.forEach(look);
          }
          return seen;
        }"""
    )
    assert "outbox: 1" in dump
    assert "snapshot: 2" in dump
    assert "key false" in dump
    readable = "\n".join(dump)
    assert "Geheimnis" not in readable
    assert "household" not in readable
    assert "nobody" not in readable


def test_a_day_is_gone_after_three_days(phone: Phone) -> None:
    phone.page.evaluate("() => gm.saveDay(kit.account, { stops: [1] })")
    assert phone.page.evaluate("async () => (await gm.loadDay(kit.account)).day.stops") == [1]
    phone.page.evaluate("() => { const real = Date.now; Date.now = () => real() + 72.1 * 3600e3; }")
    assert phone.page.evaluate("() => gm.loadDay(kit.account)") is None


# --- a browser that keeps nothing -----------------------------------------------------------------------------------

FULL = "IDBObjectStore.prototype.put = () => { throw new DOMException('full', 'QuotaExceededError'); };"
CLOSED = """const open = () => { throw new DOMException('no', 'SecurityError'); };
Object.defineProperty(window, 'indexedDB', { value: { open } });"""
LOST = """const real = IDBDatabase.prototype.transaction; IDBDatabase.prototype.transaction = function () {
  throw new DOMException('Connection to Indexed Database server lost. Refresh the page', 'UnknownError'); };"""


@pytest.mark.parametrize(("broken", "code"), [(FULL, "full"), (CLOSED, "closed"), (LOST, "lost")])
def test_a_browser_that_keeps_nothing_is_told_and_gives_a_file(
    chromium: Browser, town: Town, broken: str, code: str
) -> None:
    context = chromium.new_context(locale="zh-CN", service_workers="block")
    context.add_init_script(broken)
    phone = Phone.of(town, context)
    town.weather.now = "tired"
    told = phone.page.evaluate(
        """async ([h, g]) => {
          try { await box.keep("visit", visitOf(h, g, "not kept")); return null; }
          catch (fault) { return [fault.name, fault.code, await (await fault.file()).text()]; }
        }""",
        list(town.place),
    )
    assert told[:2] == ["StorageFault", code]
    made = json.loads(told[2])["submissions"]
    assert len(made) == 1
    assert phone.told()["pending"] == 1
    phone.page.wait_for_selector(".told.bad >> text=手机存不下记录")
    town.weather.now = "fine"
    phone.flush()
    assert town.arrived()[made[0]["id"]] == "not kept"
    context.close()


def test_a_connection_that_was_lost_once_is_opened_again(chromium: Browser, town: Town) -> None:
    context = chromium.new_context(service_workers="block")
    context.add_init_script(
        """const real = IDBDatabase.prototype.transaction; window.lose = 0;
        IDBDatabase.prototype.transaction = function (...args) {
          if (window.lose) {
            window.lose -= 1;
            throw new DOMException('Connection to Indexed Database server lost.', 'UnknownError');
          }
          return real.apply(this, args); };"""
    )
    phone = Phone.of(town, context)
    phone.page.evaluate("() => { window.lose = 1; }")
    made = phone.keep("lost once")
    phone.emptied()
    assert made in town.arrived()
    context.close()


def test_a_plain_http_address_says_that_it_cannot_work_offline(chromium: Browser, town: Town, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, demo=True, insecure_http=True, hosts=("gridmap.lan",))
    flags = [*FLAGS, "--host-resolver-rules=MAP gridmap.lan 127.0.0.1"]
    with served(town.database, town.community_id, town.at, town.place, settings) as plain:
        browser = chromium.browser_type.launch(executable_path=CHROMIUM, args=flags)
        context = browser.new_context(locale="zh-CN")
        address = plain.base.replace("127.0.0.1", "gridmap.lan")
        context.add_cookies([{**plain.cookie(Role.WORKER), "name": "gm", "url": address, "secure": False}])
        phone = Phone(replace(plain, base=address), context, context.new_page())
        phone.open()
        phone.page.wait_for_selector("text=这个地址不能离线使用，请用 https（见 gridmap cert）")
        phone.begin()
        assert phone.page.evaluate("() => gm.saveDay(kit.account, { stops: [] })") is False
        plain.weather.now = "tired"
        made = phone.keep("plain")
        phone.open()
        phone.begin()
        assert [one["id"] for one in phone.pending()] == [made]
        plain.weather.now = "fine"
        phone.emptied()
        assert town.arrived()[made] == "plain"
        browser.close()


# --- killed ---------------------------------------------------------------------------------------------------------


def test_what_the_page_called_stored_survives_every_kill(
    chromium: Browser, town: Town, nightly: bool, tell: Callable[[str], None]
) -> None:
    dice = random.Random(11)  # noqa: S311 - a drill, not a secret
    kills = ["browser", "renderer", "closed"] * (34 if nightly else 4)
    stored: list[str] = []
    with tempfile.TemporaryDirectory(prefix="gridmap-phone-") as folder:
        profile = Path(folder)
        context = _started(chromium, profile)
        for number, kill in enumerate(kills):
            town.weather.now = dice.choice(["tired", "fine", "lost"])
            phone = Phone.of(town, context)
            phone.page.on("console", lambda line: stored.append(line.text[7:]) if line.text[:7] == "stored " else None)
            phone.page.evaluate(
                """([h, g, name]) => { (async () => { for (let n = 0; n < 2000; n += 1) {
                  const { id } = await box.keep("visit", visitOf(h, g, `${name} ${n}`));
                  console.log(`stored ${id}`);
                } })(); }""",
                [*town.place, f"kill {number}"],
            )
            before = len(stored)
            while len(stored) <= before:
                phone.page.wait_for_timeout(10)
            context = _killed(chromium, context, phone, profile, kill, dice.uniform(1, 60))  # within a few records
        town.weather.now = "fine"
        phone = Phone.of(town, context)
        phone.emptied(120_000)
        context.close()
    arrived = town.arrived()
    tell(f"{len(kills)} kills, {len(stored)} records called stored, {len(set(stored) & set(arrived))} arrived")
    assert len(stored) >= len(kills)
    assert [one for one in stored if one not in arrived] == []


def _started(chromium: Browser, profile: Path) -> BrowserContext:
    return chromium.browser_type.launch_persistent_context(
        str(profile), executable_path=CHROMIUM, args=FLAGS, service_workers="block"
    )


def _killed(
    chromium: Browser, context: BrowserContext, phone: Phone, profile: Path, kill: str, after_ms: float
) -> BrowserContext:
    """Kill a tab or the whole browser while it records; return the browser that goes on."""
    if kill == "closed":
        phone.page.wait_for_timeout(after_ms)
        phone.page.close()
        return context
    timer = threading.Timer(after_ms / 1000, kill_browser, (profile, "renderer" if kill == "renderer" else ""))
    timer.start()
    try:
        phone.page.wait_for_timeout(after_ms + 300)
    except Error:
        assert kill in {"browser", "renderer"}  # it went away while we waited, as it should
    timer.join()
    if kill == "renderer":
        phone.page.close()
        return context
    with contextlib.suppress(Error):  # the browser is gone; its page may still be half known
        context.close()
    return _started(chromium, profile)


# --- schedules ------------------------------------------------------------------------------------------------------


def test_whatever_the_order_of_events_what_was_kept_arrives(
    phone: Phone, nightly: bool, tell: Callable[[str], None]
) -> None:
    kept: dict[str, str] = {}
    undone: set[str] = set()
    schedules = 300 if nightly else 30
    for seed in range(schedules):
        dice = random.Random(seed)  # noqa: S311 - a drill, not a secret
        for step in range(dice.randint(3, 9)):
            deed = dice.choice(["keep", "keep", "keep", "weather", "flush", "undo", "again", "reload"])
            if deed == "keep":
                note = f"schedule {seed}.{step}"
                kept[phone.keep(note, dice.choice([0, 0, 40, 5_000]))] = note
            elif deed == "weather":
                phone.town.weather.now = dice.choice(["fine", "tired", "broken", "cut", "lost", "portal"])
            elif deed == "flush":
                phone.page.evaluate("() => { box.flush({ now: true }); }")
            elif deed == "undo" and kept:
                last = list(kept)[-1]
                if phone.page.evaluate("(id) => box.cancel(id)", last):
                    undone.add(last)
            elif deed == "again":  # a saved file read in again: everything in it is sent twice
                phone.page.evaluate("async () => box.importFile(await box.exportFile())")
            elif deed == "reload" and dice.random() < 0.4:
                phone.open()
                phone.begin()
    phone.town.weather.now = "fine"
    phone.page.evaluate("() => { const real = Date.now; Date.now = () => real() + 6_000; }")  # all holds are over
    phone.emptied()
    arrived = phone.town.arrived()
    expected = {one: note for one, note in kept.items() if one not in undone}
    assert {one: note for one, note in arrived.items() if note.startswith("schedule ")} == expected
    tell(f"{schedules} schedules, {len(kept)} records kept, {len(undone)} undone in time, {len(expected)} arrived")
    assert len(expected) > 30


# --- the pieces -----------------------------------------------------------------------------------------------------


def test_an_envelope_opens_for_its_server_and_its_id_only(phone: Phone) -> None:
    key, other = key_of(new_pem()), key_of(new_pem())
    name = "01a205ee-5e4e-722d-9cc6-0d2d199b1830"
    words = '{"text":"你好，𠮷"}'
    told = phone.page.evaluate(
        "([t, id, key]) => gm.seal(t, id, key)", [words, name.upper(), {"kid": key.kid, "jwk": jwk_of(key)}]
    )
    sealed = Sealed(told["kid"], decode(told["epk"]) or b"", decode(told["iv"]) or b"", decode(told["ct"]) or b"")
    assert unseal(sealed, UUID(name), key) == words
    assert unseal(sealed, UUID(name), other) is None
    assert unseal(sealed, UUID(int=UUID(name).int + 1), key) is None


def test_ids_are_of_version_7_and_in_order_even_when_the_clock_goes_back(phone: Phone) -> None:
    made = phone.page.evaluate(
        """() => { const found = []; for (let n = 0; n < 5000; n += 1) found.push(gm.uuid7());
        const back = Date.now() - 3600e3; for (let n = 0; n < 100; n += 1) found.push(gm.uuid7(back));
        return found; }"""
    )
    ids = [UUID(one) for one in made]
    assert {(one.version, one.variant) for one in ids} == {(7, "specified in RFC 4122")}
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert abs((ids[0].int >> 80) - phone.page.evaluate("() => Date.now()")) < 60_000


def test_our_own_sha256_is_the_standard_one(phone: Phone) -> None:
    for words in ["", "abc", "你好" * 60, *("x" * n for n in (54, 55, 56, 63, 64, 65, 119, 120))]:
        found = phone.page.evaluate(
            "(t) => [...new Uint8Array(gm.plainSha256(new TextEncoder().encode(t)))]",
            words,
        )
        assert bytes(found) == hashlib.sha256(words.encode()).digest()
