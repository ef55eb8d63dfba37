"""The phone's own order of a day, in a real browser, beside the server's proven one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from gridmap.domain.routes import order
from gridmap.settings import STATIC

BEGIN_S = 9 * 3600
WALK_M_S = 1.2


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    made = chromium.new_page()
    source = (STATIC / "modules" / "reorder.js").read_text("utf-8")
    made.set_content(f"<script type=module>{source}\nwindow.reorder = reorder;</script>")
    made.wait_for_function("() => window.reorder")
    yield made
    made.close()


def day(seed: int, stops: int, *, end_s: int = 20 * 3600) -> dict[str, Any]:
    """Make a day of entrances in a square of 800 m; uneven where a street climbs."""
    dice = np.random.default_rng(seed)
    places = dice.uniform(0, 800, (stops + 2, 2))
    flat = np.linalg.norm(places[:, None] - places[None], axis=2) * 1.3 / WALK_M_S
    seconds = (flat * dice.uniform(1, 1.1, flat.shape)).round().astype(int)
    np.fill_diagonal(seconds, 0)
    doors = [
        [
            {
                "household_id": 100 * n + k,
                "state": "planned",
                "urgency": ["must", "should", "may"][int(dice.integers(3))],
                "service_s": int(dice.integers(60, 400)),
                "vertical_s": int(dice.integers(0, 60)),
                "pinned": None,
            }
            for k in range(int(dice.integers(1, 5)))
        ]
        for n in range(1, stops + 1)
    ]
    return {
        "shift": {"start_s": BEGIN_S, "end_s": end_s},
        "stops": [
            {"number": n, "kind": "entrance", "done": False, "arrive_s": 0, "leave_s": 0, "doors": doors[n - 1]}
            for n in range(1, stops + 1)
        ],
        "matrix": {"places": ["start", "end", *map(str, range(1, stops + 1))], "seconds": seconds.tolist()},
    }


def work_s(made: dict[str, Any], numbers: list[int]) -> int:
    """Return how long the doors of some stops take."""
    chosen = [s for s in made["stops"] if s["number"] in numbers]
    return sum(d["service_s"] + d["vertical_s"] for s in chosen for d in s["doors"])


def ask(page: Page, made: dict[str, Any], **now: Any) -> dict[str, Any]:
    told: dict[str, Any] = page.evaluate("([day, now]) => reorder(day, now)", [made, {"atS": BEGIN_S, **now}])
    return told


def test_the_phones_order_is_near_the_proven_one(page: Page, nightly: bool, tell: Callable[[str], None]) -> None:
    gaps = []
    for seed in range(200 if nightly else 25):
        made = day(seed, 6 + seed % 19)
        found = ask(page, made)
        assert found == ask(page, made)
        assert (found["dropped"], found["proven"]) == ([], False)
        assert sorted(found["order"]) == [s["number"] for s in made["stops"]]
        travel = found["endS"] - BEGIN_S - work_s(made, found["order"])
        best = order(np.array(made["matrix"]["seconds"]), 0, 1)
        assert best.proven
        assert travel >= best.length_s
        gaps.append(travel / best.length_s - 1)
    tell(f"gap to the proven order: mean {np.mean(gaps):.2%}, worst {max(gaps):.2%}, {len(gaps)} days")
    assert np.mean(gaps) < 0.02
    assert max(gaps) < 0.12


def test_a_promise_is_kept_whatever_the_order(page: Page) -> None:
    for seed in range(20):
        made = day(seed, 12)
        pinned = made["stops"][seed % 12]["doors"][-1]
        from_s = BEGIN_S + 600 * (1 + seed % 6)
        pinned["pinned"] = {"from_s": from_s, "until_s": from_s + 1200}
        found = ask(page, made)
        assert found["dropped"] == []
        at, place = BEGIN_S, 0
        for number in found["order"]:
            at += made["matrix"]["seconds"][place][number + 1]
            place = number + 1
            for door in made["stops"][number - 1]["doors"]:
                rings = at + door["vertical_s"]
                if door["pinned"]:
                    rings = max(rings, from_s)
                    assert rings <= from_s + 1200
                at = rings + door["service_s"]


def test_with_little_time_left_the_least_urgent_are_left_out(page: Page) -> None:
    made = day(3, 14)
    for stop in made["stops"]:
        for door in stop["doors"]:
            door["urgency"] = "must" if stop["number"] <= 3 else "may"
    found = ask(page, made, minutesLeft=75)
    assert found["endS"] <= BEGIN_S + 75 * 60
    assert {1, 2, 3} <= set(found["order"])
    assert len(found["dropped"]) > 0
    assert sorted(found["order"] + found["dropped"]) == list(range(1, 15))


def test_what_is_done_skipped_or_postponed_is_not_walked_to(page: Page) -> None:
    made = day(5, 8)
    home = [{"household_id": d["household_id"], "again": "another_day"} for d in made["stops"][3]["doors"]]
    later = [{"household_id": d["household_id"], "again": "today"} for d in made["stops"][4]["doors"]]
    found = ask(page, made, doneStops=[1, 2], skippedStops=[3], notHome=[*home, *later])
    assert sorted(found["order"]) == [5, 6, 7, 8]
    assert found["endS"] - work_s(made, [5]) >= BEGIN_S + 45 * 60  # not rung at again within three quarters of an hour


def test_a_stop_no_street_leads_to_is_left_out(page: Page) -> None:
    made = day(6, 6)
    for row in made["matrix"]["seconds"]:
        row[4] = None
    found = ask(page, made)
    assert (found["dropped"], sorted(found["order"])) == ([3], [1, 2, 4, 5, 6])


def test_an_empty_day_ends_at_once(page: Page) -> None:
    made = day(7, 0)
    found = ask(page, made)
    assert (found["order"], found["dropped"]) == ([], [])


def test_a_long_day_is_ordered_within_a_blink(page: Page) -> None:
    made = day(8, 60)
    took = page.evaluate(
        "([day, now]) => { const t = performance.now(); reorder(day, now); return performance.now() - t; }",
        [made, {"atS": BEGIN_S}],
    )
    assert took < 2_000
