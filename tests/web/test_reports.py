"""The pages of reports: issue, look, take."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import timedelta

from flask.testing import FlaskClient
from two_communities import DAY

from gridmap.domain.actors import Role

Browser = Callable[[Role | None], FlaskClient]


def token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    return found.group(1)


def test_a_report_is_issued_shown_as_unchanged_and_taken_again(client: Browser) -> None:
    browser = client(Role.SECRETARY)
    page = browser.get("/reports").get_data(as_text=True)
    form = {"csrf_token": token(page), "on": str(DAY - timedelta(days=1))}
    made = browser.post("/reports", data=form)
    assert made.status_code == 303
    shown = browser.get(made.location).get_data(as_text=True)
    assert "每个数字都与出具时相同" in shown
    first, second = (browser.get(f"{made.location}.xlsx").data for _ in range(2))
    assert first == second
    assert first.startswith(b"PK")
    assert hashlib.sha256(first).hexdigest() in shown


def test_the_report_of_a_day_that_is_not_over_is_refused_in_a_sentence(client: Browser) -> None:
    browser = client(Role.CLERK)
    form = {"csrf_token": token(browser.get("/reports").get_data(as_text=True)), "on": str(DAY)}
    answer = browser.post("/reports", data=form)
    assert answer.status_code == 400
    assert "还没有过完" in answer.get_data(as_text=True)
