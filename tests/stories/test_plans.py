"""The leaders' pages of plans."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime

import pytest
from flask.testing import FlaskClient
from signing import post
from sqlalchemy import text

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.services import plans
from gridmap.store.database import Database

Browser = Callable[[Role | None], FlaskClient]
ON = date(2026, 11, 22)


@pytest.fixture
def plan_id(demo: Database, demo_id: int, demo_clock: Callable[[], datetime]) -> Iterator[int]:
    """Keep one plan for a while."""
    job = Actor(Machine.JOB, demo_id)
    with demo.transaction(job) as con:
        worker_id = list(plans.turns_of(con, job, on=ON))[1]
        made = plans.make(con, job, worker_id=worker_id, on=ON, at=demo_clock(), iterations=200)
    yield made
    with demo.transaction(job) as con:
        con.execute(text("DELETE FROM plan WHERE id = :id"), {"id": made})


def test_leaders_see_every_worker_and_open_a_plan(client: Browser, plan_id: int) -> None:
    for role in (Role.SECRETARY, Role.CLERK):
        page = client(role).get("/plans").get_data(as_text=True)
        assert page.count("<tr>") == 20
        assert f'href="/plans/{plan_id}"' in page
        assert ("全部重新安排" in page) is (role is Role.SECRETARY)
        assert 'aria-current="page"' in page
        one = client(role).get(f"/plans/{plan_id}").get_data(as_text=True)
        assert "分钟就能走到" in one
        assert "逾期" in one
        assert "其他原因" not in one
        assert "没有排进今天的路线" not in one


def test_nobody_else_sees_plans(client: Browser, plan_id: int) -> None:
    for role, status in ((Role.WORKER, 403), (Role.PLANNER, 403), (Role.DRIVER, 403), (Role.ADMIN, 403), (None, 401)):
        assert client(role).get("/plans").status_code == status
        assert client(role).get(f"/plans/{plan_id}").status_code == status
    assert post(client(Role.CLERK), "/plans", on="2026-11-22").status_code == 403


def test_a_plan_that_is_not_there_and_a_day_that_is_none(client: Browser) -> None:
    asks = client(Role.SECRETARY)
    assert asks.get(f"/plans/{2**62}").status_code == 404
    for day in ("2026-13-01", "2027-01-01", "x"):
        assert asks.get(f"/plans?on={day}").status_code == 400
    assert "还没有安排" in asks.get("/plans?on=2026-11-25").get_data(as_text=True)
    assert post(asks, "/plans", on="2026-11-21").status_code == 400


def test_the_secretary_plans_for_everybody_with_one_button(
    client: Browser, demo: Database, demo_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "ITERATIONS", 50)
    job = Actor(Machine.JOB, demo_id)
    try:
        answer = post(client(Role.SECRETARY), "/plans", on="2026-11-22")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/plans?on=2026-11-22")
        page = client(Role.SECRETARY).get("/plans?on=2026-11-22").get_data(as_text=True)
        assert page.count('href="/plans/') > 10
    finally:
        with demo.transaction(job) as con:
            con.execute(text('DELETE FROM plan WHERE "on" = :on'), {"on": ON})
