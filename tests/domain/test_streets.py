"""Streets: where lines meet, gates, stairs, loose pieces; by hand on tiny figures, and on the demo."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from gridmap.domain.invention import passages
from gridmap.domain.junctions import cut_where_shared, meet
from gridmap.domain.streets import GATE_COLUMNS, Drawn, draw, seconds
from gridmap.domain.working import WorkSetting
from gridmap.services.communities import demo_town

SETTING = WorkSetting()
EPSG = 4544
Line = list[tuple[float, float]]


def ways(*lines: Line, **facts: list[Any]) -> gpd.GeoDataFrame:
    columns = {"kind": ["residential"] * len(lines), "name": None, "source_id": None, **facts}
    return gpd.GeoDataFrame(columns, geometry=[shapely.LineString(line) for line in lines], crs=EPSG)


def gates(*rows: dict[str, Any]) -> gpd.GeoDataFrame:
    full = [{"name": "门", "opens_min": None, "closes_min": None, "barred": False, **row} for row in rows]
    return gpd.GeoDataFrame(pd.DataFrame(full, columns=GATE_COLUMNS), geometry="geometry", crs=EPSG)


def shape_of(lines: list[Line], *, drawn: bool) -> tuple[int, int]:
    """Return how many nodes and stretches some lines give."""
    shapes = np.array([shapely.LineString(line) for line in lines], dtype=object)
    found = cut_where_shared(meet(shapes) if drawn else shapes)
    return len(found.xy), len(found.tail)


CASES: dict[str, tuple[list[Line], tuple[int, int], tuple[int, int]]] = {
    # what it is: lines, (nodes, stretches) as mapped, (nodes, stretches) as drawn
    "a crossing without a vertex may be a bridge": ([[(0, 0), (10, 0)], [(5, -5), (5, 5)]], (4, 2), (5, 4)),
    "a shared vertex": ([[(0, 0), (5, 0), (10, 0)], [(5, -5), (5, 0), (5, 5)]], (5, 4), (5, 4)),
    "an end on a line without a vertex": ([[(0, 0), (10, 0)], [(5, 0), (5, 5)]], (4, 2), (4, 3)),
    "a near miss": ([[(0, 0), (10, 0)], [(5, 0.3), (5, 5)]], (4, 2), (4, 3)),
    "a miss": ([[(0, 0), (10, 0)], [(5, 0.8), (5, 5)]], (4, 2), (4, 2)),
    "two ends that nearly meet": ([[(0, 0), (10, 0)], [(10.2, 0.1), (20, 0)]], (4, 2), (3, 2)),
    "a loop gets two ends": ([[(0, 0), (10, 0), (10, 10), (0, 0)]], (2, 2), (2, 2)),
    "a ring with a way to it": ([[(0, 0), (10, 0), (10, 10), (0, 0)], [(-5, 0), (0, 0)]], (3, 3), (3, 3)),
    "the same street twice": ([[(0, 0), (10, 0)], [(0, 0), (10, 0)]], (2, 2), (2, 2)),
    "a line that meets itself": ([[(0, 0), (10, 0), (10, 5), (5, 5), (5, 0), (5, -5)]], (2, 1), (2, 1)),
}


@pytest.mark.parametrize("case", CASES)
def test_where_lines_meet(case: str) -> None:
    lines, mapped, drawn = CASES[case]
    assert (shape_of(lines, drawn=False), shape_of(lines, drawn=True)) == (mapped, drawn)


def test_nothing_meets_nothing() -> None:
    assert len(meet(np.zeros(0, dtype=object))) == 0
    assert len(draw(ways(), gates(), setting=SETTING).edges) == 0


def test_a_stair_is_slower_than_a_street_and_no_tricycle_climbs_it() -> None:
    level = seconds("footway", 9.0, 0, SETTING)
    stair = seconds("steps", 9.0, 36, SETTING)
    assert level == pytest.approx((7.5, 7.5, 9 / 1.7, 9 / 1.7))
    assert stair[:2] == (28.0, 28.0)  # two storeys: (2 x 16 + 2 x 12) / 2
    assert np.isnan(stair[2:]).all()
    assert seconds("steps", 9.0, 36, SETTING, incline="up")[:2] == (32.0, 24.0)
    assert seconds("steps", 9.0, 36, SETTING, incline="down")[:2] == (24.0, 32.0)
    assert seconds("lift", 5.0, 36, SETTING)[:2] == (30.0, 30.0)


def test_counted_steps_are_shared_out_and_others_are_30_cm_deep() -> None:
    lines = ways(
        [(0, 0), (10, 0), (30, 0)], [(10, 0), (10, 9)], kind=["steps", "steps"], steps=[90, None], incline=["up", None]
    )
    found = draw(lines, gates(), setting=SETTING).edges.sort_values("length_m")
    assert found["steps"].tolist() == [30, 30, 60]
    up = found[found["length_m"] == 20]
    assert up["walk_s"].item() == pytest.approx(60 / 18 * 16)
    assert up["walk_back_s"].item() == pytest.approx(60 / 18 * 12)


def test_who_may_not_walk_is_barred_and_an_escalator_goes_one_way() -> None:
    lines = ways([(0, 0), (12, 0)], [(0, 5), (12, 5)], on_foot=[False, True], one_way=[0, -1])
    found = draw(lines, gates(), setting=SETTING).edges
    assert found[["walk_s", "walk_back_s"]].isna().to_numpy().tolist() == [[True, True], [True, False]]


def whole(found: Drawn) -> list[tuple[str, float]]:
    return sorted(
        (kind, round(metres, 3)) for kind, metres in zip(found.edges["kind"], found.edges["length_m"], strict=True)
    )


def test_a_gate_is_a_short_stretch_of_its_street() -> None:
    gate = gates({"geometry": shapely.Point(4, 0.1), "name": "南门", "opens_min": 360, "closes_min": 1320})
    found = draw(ways([(0, 0), (10, 0)]), gate, setting=SETTING)
    assert whole(found) == [("gate", 2), ("residential", 3), ("residential", 5)]
    row = found.edges[found.edges["kind"] == "gate"].iloc[0]
    assert (row["name"], row["opens_min"], row["closes_min"]) == ("南门", 360, 1320)
    assert found.edges[["tail", "head"]].to_numpy().max() == len(found.xy) - 1
    spans = {
        (tuple(found.xy[r.tail]), tuple(found.xy[r.head])) == (r.geometry.coords[0], r.geometry.coords[-1])
        for r in found.edges.itertuples()
    }
    assert spans == {True}


@pytest.mark.parametrize(
    ("points", "wanted", "loose"),
    [
        ([(0, 0)], [("gate", 2), ("residential", 8)], 0),  # where the street ends
        ([(3, 0), (7, 0)], [("gate", 2), ("gate", 2), ("residential", 2), ("residential", 2), ("residential", 2)], 0),
        ([(5, 9)], [("residential", 10)], 1),  # beside the street
        ([(0.2, 0)], [("gate", 2), ("residential", 8)], 0),
    ],
)
def test_gates_at_ends_in_pairs_and_beside_the_street(
    points: list[tuple[float, float]], wanted: list[tuple[str, float]], loose: int
) -> None:
    found = draw(ways([(0, 0), (10, 0)]), gates(*({"geometry": shapely.Point(p)} for p in points)), setting=SETTING)
    assert (whole(found), found.loose_gates) == (wanted, loose)


def test_a_gate_where_three_streets_meet_bars_none_of_them() -> None:
    found = draw(
        ways([(0, 0), (5, 0), (10, 0)], [(5, 0), (5, 5)]), gates({"geometry": shapely.Point(5, 0)}), setting=SETTING
    )
    assert (found.loose_gates, set(found.edges["kind"])) == (1, {"residential"})


def test_a_closed_gate_is_barred_both_ways() -> None:
    found = draw(ways([(0, 0), (10, 0)]), gates({"geometry": shapely.Point(5, 0), "barred": True}), setting=SETTING)
    gate = found.edges[found.edges["kind"] == "gate"]
    assert gate[["walk_s", "walk_back_s"]].isna().all().all()


def test_a_loose_piece_is_led_around_houses_and_through_a_wall_only_when_it_must() -> None:
    streets = ways([(0, 0), (100, 0)], [(0, 20), (100, 20)])
    nothing = np.zeros(0, dtype=object)
    house = np.array([shapely.box(-5, 5, 95, 15)], dtype=object)
    wall = np.array([shapely.LineString([(-10, 10), (110, 10)])], dtype=object)
    free = passages.mended(streets, nothing, nothing)
    assert free.geometry.iloc[-1].length == 20
    around = passages.mended(streets, house, nothing)
    assert around.geometry.iloc[-1].coords[0][0] > 95
    through = passages.mended(streets, house, wall)
    assert len(through) == 3
    none = gpd.GeoDataFrame({"name": []}, geometry=[], crs=EPSG)
    assert passages.gates(none, through, wall)["name"].tolist() == ["侧门"]
    assert len(passages.mended(streets, np.array([shapely.box(-50, 5, 150, 15)], dtype=object), nothing)) == 2


def test_the_demo_hangs_together_and_shows_gates_stairs_and_a_lift() -> None:
    town = demo_town()
    metres = {name: getattr(town, name).to_crs(town.epsg) for name in ("streets", "barriers", "places", "buildings")}
    walls, houses = (np.asarray(metres[name].geometry.to_numpy(), dtype=object) for name in ("barriers", "buildings"))
    none = np.zeros(0, dtype=object)
    drawn = passages.invented(metres["streets"], metres["places"], walls, houses, none, SETTING)
    edges = drawn.edges
    assert drawn.loose_gates == 0
    kinds = edges["kind"].value_counts()
    assert kinds["gate"] >= 36
    assert edges.loc[edges["kind"] == "gate", "opens_min"].notna().sum() >= 10
    assert kinds["steps"] >= 50
    assert kinds["lift"] == 1
    lift, stair = (
        edges[edges["kind"] == "lift"].iloc[0],
        edges.loc[edges[edges["kind"] == "steps"]["length_m"].idxmax()],
    )
    assert lift["walk_s"] < stair["walk_s"]
    reached = {0}
    while (
        more := {
            end
            for tail, head in zip(edges["tail"], edges["head"], strict=True)
            if (tail in reached) != (head in reached)
            for end in (tail, head)
        }
        - reached
    ):
        reached |= more
    assert len(reached) == len(drawn.xy)
