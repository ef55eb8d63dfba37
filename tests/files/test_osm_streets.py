"""What OpenStreetMap says of walking: gates with hours, counted steps, one-way walks, ground nobody may enter."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
import shapely

from gridmap.domain.streets import draw, network_of
from gridmap.domain.unreached import reasons
from gridmap.domain.walking import snap
from gridmap.domain.working import WorkSetting
from gridmap.files import osm_words
from gridmap.files.osm_town import Wish, read_town
from tests.files.osm_xml import checkerboard

WISH = Wish(name="试验社区", grids=4, on=date(2026, 11, 22))
SETTING = WorkSetting()


def test_gates_stairs_and_one_way_walks_are_read(tmp_path: Path) -> None:
    sheet = checkerboard()
    sheet.node((60, 60), barrier="gate", name="南门", opening_hours="06:30-22:00")
    sheet.node((60, 70), barrier="gate", locked="yes")
    sheet.node((60, 80), barrier="bollard")
    sheet.way([(60, 0), (60, 60), (60, 70), (60, 80), (60, 120)], highway="footway")
    sheet.way([(180, 0), (180, 120)], highway="steps", step_count="48", incline="up", **{"oneway:foot": "yes"})
    sheet.way([(300, 0), (300, 120)], highway="service", access="no")
    sheet.way([(420, 0), (420, 120)], highway="service", access="private")
    town, _ = read_town(sheet.write(tmp_path), WISH)
    assert town.gates is not None
    gates = town.gates.sort_values("barred")
    assert gates[["name", "opens_min", "closes_min"]].iloc[0].tolist() == ["南门", 390, 1320]
    assert gates["barred"].tolist() == [False, True]
    drawn = draw(town.streets.to_crs(town.epsg), gates.to_crs(town.epsg), setting=SETTING)
    assert drawn.loose_gates == 0
    edges = drawn.edges
    barred = edges[edges["walk_s"].isna() & edges["walk_back_s"].isna()]
    assert sorted(barred["kind"]) == ["gate", "service"]
    stair = edges[edges["kind"] == "steps"]
    assert stair["steps"].tolist() == [48]
    assert stair["walk_s"].tolist() == pytest.approx([48 / 18 * 16])
    assert stair["walk_back_s"].isna().all()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("06:00-22:00", (360, 1320)),
        ("Mo-Su 7:30-19:00", (450, 1140)),
        ("24/7", None),
        ("00:00-24:00", None),
        ("22:00-06:00", None),
        ("Mo-Fr 08:00-12:00,14:00-18:00", None),
        ("", None),
        ("99:99-99:99", None),
    ],
)
def test_hours_are_read_where_they_are_the_same_every_day(text: str, wanted: tuple[int, int] | None) -> None:
    assert osm_words.hours({"opening_hours": text}) == wanted


@pytest.mark.parametrize(("text", "wanted"), [("12", 12), ("0", None), ("many", None), ("12;14", None), ("1e9", None)])
def test_steps_are_read_where_they_are_a_number(text: str, wanted: int | None) -> None:
    assert osm_words.steps({"step_count": text}) == wanted


@pytest.mark.parametrize(("part", "pieces", "far_at_most"), [("bupt", 7, 0), ("wangjing", 9, 5)])
def test_doors_of_real_places_are_tied_to_the_street_people_can_reach(
    osm_extracts: list[Path], part: str, pieces: int, far_at_most: int
) -> None:
    file = next(path for path in osm_extracts if part in path.name)
    town, _ = read_town(file, WISH)
    assert town.gates is not None
    net = network_of(draw(town.streets.to_crs(town.epsg), town.gates.to_crs(town.epsg), setting=SETTING))
    xy = shapely.get_coordinates(town.entrances.to_crs(town.epsg).geometry.to_numpy())
    walls = np.asarray(town.barriers.to_crs(town.epsg).geometry.to_numpy(), dtype=object)
    spots = snap(net, xy, setting=SETTING, walls=walls)
    assert net.piece.max() + 1 == pieces
    assert (net.piece[spots.edge] == 0).all()
    listed = [code for code, _ in reasons(net, xy, spots.edge, spots.access_m, SETTING) if code]
    assert len(listed) == (spots.access_m > SETTING.far_m).sum() <= far_at_most
