"""Reading OpenStreetMap files: what can be used becomes a town, what cannot becomes one sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import shapely

from gridmap.domain.towns import Report, Town
from gridmap.errors import BadInput
from gridmap.files import osm, osm_child, osm_town
from gridmap.files.osm_town import Wish, read_town
from tests.files.osm_xml import Sheet, checkerboard

DAY = date(2026, 11, 22)
WISH = Wish(name="试验社区", grids=4, on=DAY)
SMALL = osm.Limits(wall_s=60, cpu_s=60, memory_mb=4096)


def town_of(sheet: Sheet, folder: Path, **wish: object) -> tuple[Town, Report]:
    return read_town(sheet.write(folder), replace(WISH, **wish), SMALL)  # type: ignore[arg-type]


def assert_sound(town: Town) -> None:
    """Assert what every town must be: grids tile the outline exactly and cut no building; references hold."""
    grids = town.grids.geometry.to_numpy()
    assert shapely.is_valid(grids).all()
    assert set(shapely.get_type_id(grids)) == {3}
    assert all(not grid.interiors for grid in grids)
    assert shapely.coverage_is_valid(grids)
    assert shapely.equals(shapely.coverage_union_all(grids), town.outline)
    coordinates = shapely.get_coordinates(grids) * 1e7
    assert np.abs(coordinates - np.round(coordinates)).max() < 1e-5
    grid = town.grids.set_index("number").geometry.loc[town.buildings["grid_number"]].to_numpy()
    outside_m2 = shapely.area(shapely.difference(town.buildings.geometry.to_numpy(), grid)) * 1.2e10
    assert (outside_m2 < 0.1).all()
    assert set(town.buildings["id"]) == set(town.entrances["building_id"])
    assert not town.entrances.duplicated(["building_id", "unit"]).any()
    west, south, east, north = town.box
    for frame in (town.streets, town.barriers, town.areas, town.compounds, town.buildings, town.places):
        assert shapely.is_valid(frame.geometry.to_numpy()).all()
        if len(frame):
            low_x, low_y, high_x, high_y = frame.total_bounds
            assert west <= low_x <= high_x <= east
            assert south <= low_y <= high_y <= north


# --- the file ----------------------------------------------------------------------------------------------------


def refusal(path: Path, limits: osm.Limits = SMALL, **wish: object) -> str:
    with pytest.raises(BadInput) as caught:
        read_town(path, replace(WISH, **wish), limits)  # type: ignore[arg-type]
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "<OGRVRTDataSource><OGRVRTLayer><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>",
        '{"type": "FeatureCollection", "features": []}',
        "hello",
        "\x00\x00\x00\x0d\x0a\x09OSMWrong",
        "<?xml version='1.0'?><kml/>",
    ],
)
def test_what_is_no_openstreetmap_file_is_refused_by_its_first_bytes(tmp_path: Path, text: str) -> None:
    path = tmp_path / "evil.osm.pbf"
    path.write_text(text)
    assert "不是 OpenStreetMap 文件" in refusal(path)


@pytest.mark.parametrize("name", ["in.osm.pbf", "in.vrt", "in.osm"])
def test_the_reader_itself_opens_nothing_but_openstreetmap(tmp_path: Path, name: str) -> None:
    """A text that GDAL would follow to another local file must find no driver, even past the first look."""
    secret = tmp_path / "secret.csv"
    secret.write_text("id,word\n1,geheim\n")
    source = tmp_path / name
    source.write_text(
        f"<OGRVRTDataSource><OGRVRTLayer name='points'><SrcDataSource>{secret}</SrcDataSource>"
        "<SrcLayer>secret</SrcLayer></OGRVRTLayer></OGRVRTDataSource>"
    )
    follows = f"import pyogrio; print(pyogrio.raw.read({str(source)!r})[3])"
    assert b"geheim" in subprocess.run([sys.executable, "-c", follows], capture_output=True, check=True).stdout
    job = {"source": str(source), "folder": str(tmp_path), "cap": 10, "cpu_s": 60, "memory_mb": 4096, "disk_mb": 10}
    (tmp_path / "job.json").write_text(json.dumps(job))
    done = subprocess.run(
        [sys.executable, "-m", "gridmap.files.osm_child", str(tmp_path / "job.json")], capture_output=True, check=False
    )
    assert done.returncode == 3
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path not in (secret, source))
    assert b"geheim" not in left + done.stdout + done.stderr


def test_the_reader_has_no_driver_but_openstreetmap_and_no_network(tmp_path: Path) -> None:
    code = (
        "import json, socket\nfrom pathlib import Path\nfrom gridmap.files import osm_child\n"
        "osm_child.limit(60, 4096, 10)\n"
        f"osm_child.set_environment(Path({str(tmp_path)!r}), Path({str(tmp_path)!r}), osm_child.SKIPPED_DRIVERS)\n"
        "print(json.dumps([osm_child.other_drivers(), [name for _, name in socket.if_nameindex()]]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    drivers, interfaces = json.loads(done.stdout)
    assert drivers == []
    if os.geteuid() == 0:  # others may not be allowed a network namespace of their own
        assert interfaces == ["lo"]


def test_a_driver_nobody_knew_is_skipped_by_a_fresh_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = checkerboard().write(tmp_path)
    package = tmp_path / "gridmap" / "files"
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").write_text("")
    text = Path(osm_child.__file__).read_text().replace("GPX,", "")
    (package / "osm_child.py").write_text(text)
    (package / "osm_child.ini").write_bytes(Path(osm_child.__file__).with_suffix(".ini").read_bytes())
    monkeypatch.setattr(osm, "PACKAGE", tmp_path / "gridmap")
    assert len(osm.read(path, SMALL).polygons) == 48


def test_an_empty_a_missing_and_a_large_file_are_told_apart(tmp_path: Path) -> None:
    empty = tmp_path / "empty.osm.pbf"
    empty.write_bytes(b"")
    assert "空的" in refusal(empty)
    assert "找不到文件" in refusal(tmp_path / "missing.osm.pbf")
    assert "找不到文件" in refusal(tmp_path)
    assert "文件太大" in refusal(checkerboard().write(tmp_path), replace(SMALL, file_mb=0))


@pytest.mark.parametrize("cut", [60, 400, 5000, -10])
def test_a_truncated_xml_file_is_refused(tmp_path: Path, cut: int) -> None:
    path = checkerboard().write(tmp_path)
    path.write_bytes(path.read_bytes()[:cut])
    assert "损坏或不完整" in refusal(path)


def test_truncated_extracts_are_refused(osm_extracts: list[Path], tmp_path: Path) -> None:
    whole = osm_extracts[0].read_bytes()
    for share in (0.02, 0.5, 0.99):
        path = tmp_path / "cut.osm.pbf"
        path.write_bytes(whole[: int(len(whole) * share)])
        assert "损坏或不完整" in refusal(path)


def test_noise_inside_an_extract_is_refused(osm_extracts: list[Path], tmp_path: Path) -> None:
    whole = np.frombuffer(osm_extracts[1].read_bytes(), dtype=np.uint8)
    for seed in range(2):
        rng = np.random.default_rng(seed)
        noisy = whole.copy()
        noisy[rng.integers(200, len(noisy), 20)] = rng.integers(0, 256, 20)
        path = tmp_path / "noise.osm.pbf"
        path.write_bytes(noisy.tobytes())
        assert refusal(path)


def test_a_file_without_anything_of_a_town_is_refused(tmp_path: Path) -> None:
    sheet = Sheet()
    assert "没有任何道路或建筑" in refusal(sheet.write(tmp_path))
    sheet.node((0, 0), amenity="bench")
    assert "没有任何道路或建筑" in refusal(sheet.write(tmp_path))


def test_limits_of_time_memory_and_number_end_the_reading(tmp_path: Path) -> None:
    path = checkerboard().write(tmp_path)
    assert "太多" in refusal(path, replace(SMALL, features=3))
    assert "超过" in refusal(path, replace(SMALL, wall_s=0))
    assert "超出限制" in refusal(path, replace(SMALL, memory_mb=60))


def test_a_town_across_the_antimeridian_or_of_a_whole_country_is_refused(tmp_path: Path) -> None:
    sheet = Sheet(lon=179.99, lat=-17)
    sheet.way([(0, 0), (300, 0)], highway="residential")
    other = Sheet(lon=-179.99, lat=-17)
    other.way([(0, 0), (300, 0)], highway="residential")
    both = sheet.text().replace("</osm>", "") + "".join(
        line.replace('id="', 'id="9').replace('ref="', 'ref="9') for line in [*other.nodes, *other.ways]
    )
    path = tmp_path / "fiji.osm"
    path.write_text(both + "</osm>")
    assert "180°" in refusal(path)
    country = Sheet()
    for i in range(40):
        country.way([(i * 20_000, 0), (i * 20_000, 500_000)], highway="primary")
    assert "范围太大" in refusal(country.write(tmp_path))


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ({"name": " "}, "社区名称"),
        ({"name": "长" * 61}, "社区名称"),
        ({"code": "a b"}, "社区编码"),
        ({"code": "1" * 21}, "社区编码"),
        ({"timezone": "Mars/Olympus"}, "没有这个时区"),
        ({"grids": 0}, "网格数"),
        ({"grids": 1000}, "网格数"),
        ({"grids": 900}, "最多只能划出 "),
    ],
)
def test_a_wish_that_cannot_be_fulfilled_is_refused(tmp_path: Path, wish: dict[str, object], sentence: str) -> None:
    assert sentence in refusal(checkerboard().write(tmp_path), **wish)


# --- the town ----------------------------------------------------------------------------------------------------


def test_a_checkerboard_becomes_a_town_of_whole_blocks(tmp_path: Path) -> None:
    town, report = town_of(checkerboard(), tmp_path)
    assert_sound(town)
    assert len(town.buildings) == 48
    assert report.measures["load_max_over_mean"] == 1.0
    assert report.measures["network_pieces"] == 1
    assert report.measures["homes_unreachable"] == 0
    assert set(town.streets["name"]) == {f"纵{i}路" for i in range(1, 6)} | {f"横{j}路" for j in range(1, 5)}
    assert (town.epsg, town.timezone, town.invented) == (4548, "Asia/Shanghai", "none")
    assert town.attribution == "© OpenStreetMap contributors, ODbL 1.0"
    assert town.code.startswith("L-")
    assert list(town.grids["code"]) == [f"{town.code}00{n}" for n in (1, 2, 3, 4)]


def test_the_same_file_and_seed_give_the_same_town(tmp_path: Path) -> None:
    first, _ = town_of(checkerboard(), tmp_path)
    second, _ = town_of(checkerboard(), tmp_path)
    assert first.code == second.code
    assert first.grids.geometry.to_wkb().equals(second.grids.geometry.to_wkb())


def test_doubles_parts_and_crumbs_of_buildings_go_and_are_told(tmp_path: Path) -> None:
    sheet = checkerboard()
    sheet.block(15, 15, 40, 15, building="yes")  # the same again
    sheet.block(20, 18, 10, 8, **{"building:part": "yes"})
    sheet.block(50, 50, 2, 2, building="yes")
    sheet.block(100, 40, 10, 10, building="construction")
    town, report = town_of(sheet, tmp_path)
    assert_sound(town)
    assert len(town.buildings) == 48
    assert report.notes["与另一建筑重复或在其内部，未读入：%(n)s 栋"] == 2
    assert report.notes["小于 8 平方米的建筑碎块，未读入：%(n)s 个"] == 1
    assert report.notes["在建、棚顶或已拆的建筑，未读入：%(n)s 栋"] == 1


def test_overlapping_buildings_and_those_above_a_street_stay_whole(tmp_path: Path) -> None:
    sheet = checkerboard()
    sheet.block(100, 40, 40, 12, building="yes")  # above the second street
    sheet.block(120, 46, 25, 40, building="yes")  # overlaps it
    sheet.block(230, 230, 20, 20, building="yes")  # above a crossing
    town, _ = town_of(sheet, tmp_path, grids=6)
    assert_sound(town)
    assert len(town.buildings) == 51


def test_broken_shapes_are_repaired_or_left_out_and_told(tmp_path: Path) -> None:
    sheet = checkerboard()
    sheet.way([(30, 40), (60, 60), (60, 40), (30, 60), (30, 40)], building="yes")  # a bow tie
    outer = sheet.way([(150, 40), (170, 40), (170, 60)])
    sheet.multipolygon([(outer, "outer")], building="yes")  # not closed
    sheet.multipolygon([(999, "outer")], building="yes")  # its way is missing
    rng = np.random.default_rng(3)
    scribble = [(float(x), float(y)) for x, y in rng.uniform([260, 40], [350, 60], (1200, 2)).round(1)]
    sheet.way([*scribble, scribble[0]], building="yes")
    town, report = town_of(sheet, tmp_path)
    assert_sound(town)
    assert report.notes["图形自相交，已修复：%(n)s 个"] >= 1
    assert report.notes["图形损坏无法修复，未读入：%(n)s 个"] == 1


def test_ways_that_leave_are_cut_and_stray_objects_do_not_stretch_the_town(tmp_path: Path) -> None:
    plain, _ = town_of(checkerboard(), tmp_path)
    sheet = checkerboard()
    sheet.way([(480, 120), (30_000, 120)], highway="primary")
    sheet.way([(-40_000, -40_000), (-40_100, -40_000)], highway="residential")
    town, report = town_of(sheet, tmp_path)
    assert_sound(town)
    assert report.notes["道路伸出社区范围，已在边界处截断：%(n)s 条"] == 1
    assert report.notes["道路在社区范围之外，未读入：%(n)s 条"] == 1
    assert town.outline.area < 2 * plain.outline.area


def test_pieces_of_the_network_and_homes_they_leave_out_are_counted(tmp_path: Path) -> None:
    sheet = checkerboard()
    sheet.way([(20, 62), (50, 62)], highway="footway")  # meets nothing
    town, report = town_of(sheet, tmp_path)
    assert report.measures["network_pieces"] == 2
    assert 0.99 < report.measures["largest_piece_share"] < 1
    homes = town.buildings["floors"] * town.buildings["doors_per_floor"]
    assert report.measures["homes_unreachable"] == homes.iloc[0]  # only the building at its end is nearer to it


def test_entrances_are_taken_where_they_are_and_assumed_where_not(tmp_path: Path) -> None:
    sheet = checkerboard()
    sheet.node((20, 15.5), entrance="staircase")
    sheet.node((40, 15.5), entrance="staircase")
    sheet.node((70, 80), entrance="yes", ref="B")
    sheet.node((60, 60), entrance="yes")  # at no building
    sheet.node((25, 30), entrance="garage")
    town, report = town_of(sheet, tmp_path)
    mapped = town.entrances[~town.entrances["assumed"]]
    assert sorted(mapped["unit"]) == ["1单元", "2单元", "B"]
    assert report.read["entrances_mapped"] == 3
    assert report.notes["入口离任何建筑都超过 5 米，未读入：%(n)s 个"] == 1
    building = town.buildings.set_index("id").geometry.loc[town.entrances["building_id"]]
    edges = building.to_crs(town.epsg).boundary.reset_index(drop=True)
    assert town.entrances.to_crs(town.epsg).distance(edges).max() < 0.02


def test_a_village_without_buildings_is_drafted_by_its_streets(tmp_path: Path) -> None:
    sheet = Sheet(lon=105.3, lat=27.3)
    for i in range(4):
        sheet.way([(i * 200, j * 200) for j in range(4)], highway="residential")
        sheet.way([(j * 200, i * 200) for j in range(4)], highway="track")
    sheet.way([(300, 600), (300, 900), (350, 950)], highway="track")
    town, report = town_of(sheet, tmp_path, grids=2)
    assert_sound(town)
    assert len(town.buildings) == 0
    assert report.read["homes_estimated"] == 0
    assert "没有住宅楼数据，网格按道路长度划分：%(n)s 个" in report.notes


def test_buildings_without_streets_can_be_drafted_as_well(tmp_path: Path) -> None:
    sheet = Sheet(lon=2.3, lat=48.8)
    for i in range(6):
        for j in range(5):
            sheet.block(i * 60, j * 50, 40, 15)
    town, report = town_of(sheet, tmp_path, grids=5)
    assert_sound(town)
    assert report.read["streets"] == 0
    assert report.measures["homes_unreachable"] == report.read["homes_estimated"]
    assert town.timezone == "Europe/Paris"


def test_a_network_that_hangs_free_makes_no_grid_with_a_hole(tmp_path: Path) -> None:
    """A ring road inside the town, tied to nothing, encloses half of the homes."""
    sheet = checkerboard(2, 1, side=400)
    ring = [(100, 120), (300, 120), (300, 300), (100, 300), (100, 120)]
    sheet.way(ring, highway="residential")
    for i in range(4):
        sheet.block(120 + i * 40, 140, 25, 12)
        sheet.block(120 + i * 40, 240, 25, 12)
    town, _ = town_of(sheet, tmp_path, grids=5)
    assert_sound(town)


def test_compounds_areas_places_and_facilities_are_read(tmp_path: Path) -> None:
    sheet = checkerboard()
    sheet.block(5, 5, 110, 110, landuse="residential", name="幸福里")
    sheet.block(125, 5, 110, 110, landuse="residential")
    sheet.block(250, 130, 60, 60, leisure="park", name="小公园")
    sheet.node((60, 3), barrier="gate")
    sheet.node((64, 3), amenity="vending_machine", vending="drinks")
    sheet.node((66, 3), amenity="vending_machine", vending="parcel_pickup")
    sheet.node((68, 3), amenity="parcel_locker", name="丰巢")
    sheet.node((70, 3), amenity="device_charging_station")
    sheet.node((72, 3), amenity="charging_station")  # of cars
    sheet.node((74, 3), amenity="townhall", name="办事大厅")
    sheet.node((76, 3), office="government", name="幸福里社区居委会")
    town, report = town_of(sheet, tmp_path)
    assert_sound(town)
    assert list(town.compounds["name"]) == ["幸福里"]
    assert list(town.compounds["kind"]) == ["walkup"]
    assert (town.buildings["compound_id"] == 0).sum() == 4
    assert report.notes["住宅用地没有名称，不作为小区：%(n)s 处"] == 1
    assert list(town.areas["kind"]) == ["park"]
    assert sorted(town.facilities["kind"]) == ["charging", "locker", "locker", "vending"]
    assert sorted(town.facilities["number"]) == ["C001", "L001", "L002", "V001"]
    assert dict(zip(town.places["name"], town.places["kind"], strict=True)) == {
        "大门": "gate",
        "办事大厅": "government",
        "幸福里社区居委会": "committee",
    }


def test_names_are_kept_without_control_characters(tmp_path: Path) -> None:
    names = ["<script>alert(1)</script>", "`${alert(1)}`", "=cmd|' /C calc'!A0", "\u202egnp", "𠮷野家", "a\u2028b"]
    sheet = checkerboard(1, 1)
    for i, name in enumerate(names):
        sheet.way([(0, i), (10, i + 50)], highway="footway", name=name)
    town, _ = town_of(sheet, tmp_path, grids=1)
    assert set(town.streets["name"]) >= {"".join(c for c in name if c.isprintable()) for name in names}
    assert all(name.isprintable() for name in town.streets["name"])


@pytest.mark.parametrize(
    ("lon", "lat", "zone"),
    [
        (116.4, 40.0, "Asia/Shanghai"),
        (87.6, 43.8, "Asia/Shanghai"),
        (7.4, 43.7, "Europe/Paris"),
        (-0.1, 51.5, "Europe/London"),
        (23.7, 38.0, "Europe/Athens"),
        (-74.0, 40.7, "Etc/GMT+5"),
        (144.9, -37.8, "Etc/GMT-10"),
        (0.0, 6.0, "Etc/GMT"),
    ],
)
def test_the_time_zone_is_guessed_by_a_rule(lon: float, lat: float, zone: str) -> None:
    assert osm_town.timezone_of(lon, lat) == zone


# --- real extracts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "grids", "balance"), [("wangjing", 19, 1.25), ("monaco", 19, 1.25), ("bupt", 8, 1.25)]
)
def test_real_extracts_become_balanced_towns(osm_extracts: list[Path], part: str, grids: int, balance: float) -> None:
    path = next((path for path in osm_extracts if part in path.name), None)
    if path is None:
        pytest.skip(f"no extract of {part}")
    town, report = read_town(path, Wish(name=part, grids=grids, on=DAY))
    assert_sound(town)
    assert len(town.grids) == grids
    assert report.measures["load_max_over_mean"] <= balance
    assert report.measures["largest_piece_share"] > 0.9
