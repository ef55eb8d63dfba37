"""A phone learns what a leader decided about what it sent, and says so once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from phones import Phone, Town, served
from playwright.sync_api import Browser, expect
from signing import browser, new_token, post
from two_communities import MORNING, Small

from gridmap.domain.actors import Role
from gridmap.settings import Settings

NOWHERE = 10**9  # a household nobody knows: what is recorded there waits for a leader


@pytest.fixture(scope="module")
def town(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    settings = Settings(home=tmp_path_factory.mktemp("home"), demo=True)
    with served(small.database, small.community_id, MORNING, (NOWHERE, small.grids[0][0]), settings) as made:
        yield made


@pytest.fixture
def phone(town: Town, chromium: Browser) -> Iterator[Phone]:
    context = chromium.new_context(locale="zh-CN", service_workers="block")
    yield Phone.of(town, context)
    context.close()


def test_what_was_decided_is_learned_at_the_next_contact_and_told_once(phone: Phone, small: Small) -> None:
    town, page = phone.town, phone.page
    kept, dropped, waits = (phone.keep(f"held {n}") for n in range(3))
    phone.emptied()
    assert phone.told()["held"] == 3
    office = browser(town.weather.app, new_token(town.database, town.community_id, Role.SECRETARY, town.at))
    post(office, f"/held/{kept}", decision="keep", household_id=str(small.households[0][0]))
    post(office, f"/held/{dropped}", decision="drop", note="记错了门")
    town.weather.now = "dark"
    phone.flush()
    assert phone.told()["decided"] == {"kept": 0, "dropped": 0}
    town.weather.now = "fine"
    phone.flush()
    told = phone.told()
    assert (told["held"], told["decided"]) == (1, {"kept": 1, "dropped": 1})
    line = page.locator("[data-strip=decided]")
    expect(line).to_contain_text("社区看过了，1 条记录已计入，1 条没有采用")
    phone.open()  # until somebody has read it, it is told on every page
    phone.begin()
    line.get_by_role("button", name="知道了").click()
    expect(line).to_have_count(0)
    assert phone.told()["decided"] == {"kept": 0, "dropped": 0}
    post(office, f"/held/{waits}", decision="drop", note="试验结束")


def test_a_door_whose_record_was_not_taken_is_open_again(phone: Phone) -> None:
    made = phone.keep("not taken")
    phone.emptied()
    office = browser(
        phone.town.weather.app, new_token(phone.town.database, phone.town.community_id, Role.CLERK, MORNING)
    )
    post(office, f"/held/{made}", decision="drop", note="记错了门")
    phone.flush()
    marks = phone.page.evaluate("() => gm.loadMarks(kit.account, new Date().toLocaleDateString('sv'))")
    assert marks[str(NOWHERE)]["state"] == "dropped"
    assert marks[str(NOWHERE)]["words"] == "负责人看过，没有采用：记错了门"
