"""Killed in the middle of publishing, PostgreSQL or the server: what is left is the old state or the new one, whole."""

from __future__ import annotations

import contextlib
import http.client
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import cycle, islice
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from border_town import Town, new_community, orphans_of
from signing import SESSION_COOKIE, TOKEN, new_token
from sqlalchemy import text

from gridmap.domain.actors import Actor, Role
from gridmap.services import coverage, publishing
from gridmap.store.database import become
from tests.drills.ground import HOST, Busy, Ground

SHANGHAI = ZoneInfo("Asia/Shanghai")
CALM = 2  # publishes that nothing disturbs, to know how long one takes once everything is loaded
BACK_WITHIN_S = 180.0  # 3 on an idle machine


def form(field: Ground, token: str, path: str, **fields: str | int) -> int:
    """Send a form as a browser does: with the token of a page of ours; return the status."""
    connection = http.client.HTTPConnection(HOST, field.port, timeout=10)
    try:
        cookie = f"{SESSION_COOKIE}={token}"
        connection.request("GET", "/sign-in", headers={"Cookie": cookie})
        page = connection.getresponse()
        shown = TOKEN.search(page.read().decode())
        cookies = [cookie, *[value.split(";")[0] for name, value in page.getheaders() if name.lower() == "set-cookie"]]
        body = urlencode({"csrf_token": shown.group(1) if shown else "", **fields})
        headers = {
            "Cookie": "; ".join(cookies),
            "Content-Type": "application/x-www-form-urlencoded",
            "Sec-Fetch-Site": "same-origin",
        }
        connection.request("POST", path, body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def town_of(field: Ground) -> Town:
    """Build a town beside the drills' own community, on the same server."""
    with field.database.engine.begin() as con:
        return Town(con, new_community(con, "520502008888"), columns=3, houses=10, homes=10)


def on_connection(town: Town, con: object) -> Town:
    """Return the same town on another connection."""
    made = Town.__new__(Town)
    made.__dict__ = town.__dict__ | {"con": con}
    return made


TABLES = (
    "grid", "grid_version", "outline", "building", "household", "household_spell", "visit", "worker_assignment",
    "errand", "boundary_version", "boundary_move", "boundary_notice", "grid_stat",
)  # fmt: skip


def photograph(field: Ground, town: Town) -> dict[str, str]:
    """Return a hash of all that publishing changes, table by table."""
    query = " UNION ALL ".join(
        f"SELECT '{table}', md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM \"{table}\" AS t"
        " WHERE community_id = :c"
        for table in TABLES
    )
    with field.database.transaction(town.job) as con:
        return {row[0]: row[1] for row in con.execute(text(query), {"c": town.community_id})}


def kill_in_between(way: Callable[[], None], wait_s: float) -> threading.Thread:
    """Kill something of the server in a moment."""

    def strike() -> None:
        time.sleep(wait_s)
        way()

    made = threading.Thread(target=strike)
    made.start()
    return made


def patient(do: Callable[[], object]) -> object:
    """Do something once the database answers again."""
    for _ in range(600):
        with contextlib.suppress(Exception):
            return do()
        time.sleep(0.1)
    raise AssertionError("the database did not come back within a minute")


def test_killed_in_the_middle_of_publishing_the_old_or_the_new_state_is_whole(
    field: Ground, nightly: bool, tell: Callable[[str], None]
) -> None:
    kills, chance, town = 100 if nightly else 10, random.Random(3), town_of(field)  # noqa: S311
    secretary = new_token(field.database, town.community_id, Role.SECRETARY, datetime.now(UTC))
    ways = [field.kill_database, field.kill_backend, field.kill_web_worker]
    seen: Counter[str] = Counter()
    takes_s = 0.0
    for number, way in enumerate(islice(cycle(ways), kills + CALM)):
        today = datetime.now(SHANGHAI).date()
        plan_id = patient(lambda: draft(field, town, 0.5 if number % 2 == 0 else 0.0))  # noqa: B023
        assert isinstance(plan_id, int)
        field.wait_until_steady()  # so that a kill strikes at its moment
        before, began = photograph(field, town), time.monotonic()
        strike = kill_in_between(way, chance.uniform(0.2, 1.1) * takes_s) if number >= CALM else None
        try:
            status: int | str = form(field, secretary, f"/boundaries/{plan_id}/approve", revision=1)
        except (OSError, Busy):
            status = "cut"
        if strike is None:
            takes_s = time.monotonic() - began
            assert status == 303
        else:
            strike.join()
        field.wait_until_up(BACK_WITHIN_S)
        state = patient(lambda: published(field, town, plan_id))  # noqa: B023
        assert state in {"submitted", "in_effect"}
        assert not (status == 303 and state == "submitted")  # what was acknowledged is there
        if strike:
            seen[f"{'new' if state == 'in_effect' else 'old'} after {status}"] += 1
        if state == "submitted":
            assert photograph(field, town) == before  # not a row of it
            patient(lambda: approve(field, town, plan_id))  # noqa: B023
        with field.database.transaction(town.job) as con:
            assert orphans_of(con, town.community_id) == []
            assert coverage.recompute(con, town.job, on=today) == 0
            [told] = con.execute(text("SELECT count(*) FROM boundary_notice WHERE version_id = (SELECT version_id FROM"
                                      " boundary_plan WHERE id = :p)"), {"p": plan_id}).scalars()  # fmt: skip
            assert told == 2
    tell(f"{kills} kills while publishing ({1000 * takes_s:.0f} ms): {dict(seen)}")
    assert any(word.startswith("old") for word in seen)


def draft(field: Ground, town: Town, by: float) -> int:
    """Submit a draft that moves the border between the first two grids."""
    today = datetime.now(SHANGHAI).date()
    with field.database.engine.begin() as con:
        here = on_connection(town, con)
        become(con, town.job)
        plan_id = here.draft(today, here.shifted(by))
        publishing.submit(
            con, here.planner, plan_id=plan_id, revision=0, reason="演练", effect_on=today,
            at=datetime.now(UTC), on=today,
        )  # fmt: skip
    return plan_id


def published(field: Ground, town: Town, plan_id: int) -> str:
    """Return where a draft stands."""
    with field.database.transaction(town.job) as con:
        query = text("SELECT state FROM boundary_plan WHERE community_id = :c AND id = :p")
        return str(con.execute(query, {"c": town.community_id, "p": plan_id}).scalar_one())


def approve(field: Ground, town: Town, plan_id: int) -> None:
    """Approve a draft, as its secretary does again after the failure."""
    leader = Actor(Role.SECRETARY, town.community_id, account_id=town.accounts[Role.SECRETARY])
    now = datetime.now(UTC)
    with field.database.transaction(leader) as con:
        publishing.approve(con, leader, plan_id=plan_id, revision=1, at=now, on=now.astimezone(SHANGHAI).date())
