"""The track: valid GPX that GDAL reads, numbered points in order, and nothing about anybody."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

from walk_days import a_day, empty_day

from gridmap.files.gpx import NAMESPACE, to_gpx

NS = {"g": NAMESPACE}
ASK_GDAL = """
import json, sys
import pyogrio
points = pyogrio.read_dataframe(sys.argv[1], layer="waypoints")
tracks = pyogrio.read_dataframe(sys.argv[1], layer="tracks")
print(json.dumps({"names": list(points["name"]), "crs": points.crs.to_epsg(), "parts": len(tracks.geometry[0].geoms)}))
"""


def test_points_are_numbered_in_order_and_the_track_has_every_leg() -> None:
    root = ET.fromstring(to_gpx(a_day()))  # noqa: S314 - our own bytes
    assert root.tag == f"{{{NAMESPACE}}}gpx"
    assert root.get("version") == "1.1"
    assert [w.findtext("g:name", namespaces=NS) for w in root.findall("g:wpt", NS)] == ["S", "1", "2", "3", "4", "E"]
    legs = root.findall("g:trk/g:trkseg", NS)
    assert [len(leg) for leg in legs] == [5, 6, 4]
    assert [child.tag.partition("}")[2] for child in root] == ["metadata", *["wpt"] * 6, "trk"]


def test_a_point_is_where_the_entrance_is() -> None:
    stop = a_day().stops[0]
    first = ET.fromstring(to_gpx(a_day())).findall("g:wpt", NS)[1]  # noqa: S314 - our own bytes
    assert (first.get("lon"), first.get("lat")) == (f"{stop.lon:.6f}", f"{stop.lat:.6f}")


def test_gdal_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "walk.gpx"
    path.write_bytes(to_gpx(a_day()))
    told = subprocess.run([sys.executable, "-c", ASK_GDAL, path], capture_output=True, text=True, check=True).stdout
    assert told.strip() == '{"names": ["S", "1", "2", "3", "4", "E"], "crs": 4326, "parts": 3}'


def test_nothing_about_anybody_is_in_it() -> None:
    day = a_day()
    told = to_gpx(day).decode()
    secrets = {d.address for s in day.stops for d in s.doors} | {s.title for s in day.stops} | {day.worker_name}
    secrets |= {m.name for s in day.stops for d in s.doors for m in d.members}
    assert [words for words in secrets if words in told] == []


def test_a_day_without_work_is_a_valid_file_without_a_track() -> None:
    root = ET.fromstring(to_gpx(empty_day()))  # noqa: S314 - our own bytes
    assert len(root.findall("g:wpt", NS)) == 2
    assert root.findall("g:trk", NS) == []


def test_a_control_character_in_a_kind_stays_out_of_the_file() -> None:
    day = a_day()
    odd = replace(day, stops=(replace(day.stops[0], title="\x00<script>"), *day.stops[1:]))
    assert to_gpx(odd) == to_gpx(day)
