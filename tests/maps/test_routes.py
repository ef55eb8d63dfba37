"""The walk's map: ids and numbers only, our own files only, the same bytes for the same walk."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from walk_days import a_day

from gridmap.domain.walks import Walk
from gridmap.maps.canvas import ASSETS, Parts
from gridmap.maps.routes import ACCESS, GATE, STEPS, STREET, Drawn, Leg, draw
from gridmap.web.walks import drawn

PAPER = "/tiles/base/s/1-20261122/{z}/{x}/{y}.mvt"


def options(parts: Parts) -> dict[str, object]:
    found = re.search(r'gridmap/way"\)\)\.draw\(\s*map, (\{.*?\})\);', parts.script, re.S)
    assert found
    told: dict[str, object] = json.loads(found[1])
    return told


def test_the_same_walk_has_the_same_bytes() -> None:
    walk = Walk(a_day())
    assert draw(drawn(walk), PAPER) == draw(drawn(walk), PAPER)


def test_only_files_of_the_asset_table_are_loaded() -> None:
    parts = draw(drawn(Walk(a_day())), PAPER)
    assert {*parts.css, *parts.js} == ASSETS
    assert "://" not in parts.script + parts.html


def test_no_word_of_the_day_is_in_the_script() -> None:
    day = a_day()
    script = draw(drawn(Walk(day)), PAPER).script
    words = {stop.title for stop in day.stops} | {day.worker_name, day.start.title}
    words |= {door.address for stop in day.stops for door in stop.doors}
    assert [word for word in words if word in script] == []
    assert script.isascii()


def test_a_kind_of_street_from_data_becomes_a_number() -> None:
    leg = Leg(1, [(105.0, 27.0), (105.1, 27.0), (105.1, 27.1)], [("</script>", 0, 1), ("steps", 1, 2)])
    parts = draw(Drawn((105.0, 27.0), (105.0, 27.0), [leg], [], []), PAPER)
    assert "</script>" not in parts.script
    assert options(parts)["legs"] == [
        {"n": 1, "p": [105.0, 27.0, 105.1, 27.0, 105.1, 27.1], "k": [[STREET, 0, 1], [STEPS, 1, 2]]}
    ]


def test_gates_stairs_and_the_last_steps_are_told_apart() -> None:
    legs = options(draw(drawn(Walk(a_day())), PAPER))["legs"]
    assert isinstance(legs, list)
    assert [kind for kind, _, _ in legs[0]["k"]] == [STREET, GATE, STREET, ACCESS]
    assert [kind for kind, _, _ in legs[1]["k"]] == [ACCESS, STREET, STEPS, STREET, ACCESS]


def test_an_entrance_without_a_way_has_a_number_and_no_line() -> None:
    told = options(draw(drawn(Walk(a_day())), PAPER))
    stops, legs = told["stops"], told["legs"]
    assert isinstance(stops, list)
    assert isinstance(legs, list)
    assert [stop["n"] for stop in stops] == [1, 2, 3, 4]
    assert [leg["n"] for leg in legs] == [1, 2, 3]


def test_done_stops_and_errands_are_marked() -> None:
    day = a_day()
    first = replace(day.stops[0], done=True)
    stops = options(draw(drawn(Walk(replace(day, stops=(first, *day.stops[1:])))), PAPER))["stops"]
    assert isinstance(stops, list)
    assert [stop["done"] for stop in stops] == [True, False, False, False]
    assert [stop["errand"] for stop in stops] == [False, False, True, False]
