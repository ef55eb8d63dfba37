"""Files of borders: what offices send is read, what is broken or hostile is refused in a sentence."""

from __future__ import annotations

import io
import json
import sqlite3
import zipfile
from pathlib import Path

import bureau_files as bureau
import numpy as np
import pytest
import shapely
from bureau_files import Told

from gridmap.errors import BadInput
from gridmap.files import borders

GRIDS = [
    Told(shapely.box(105.30, 27.30, 105.31, 27.31), "A01", 1, "第一网格"),
    Told(shapely.box(105.31, 27.30, 105.32, 27.31), "A02", 2, "第二网格"),
]
QUICK = borders.Limits(file_mb=20, features=0, wall_s=60, cpu_s=8, memory_mb=2048, disk_mb=256)


def refused(data: bytes) -> str:
    with pytest.raises(BadInput) as found:
        borders.read(data, "文件", limits=QUICK)
    return str(found.value)


def zipped(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return packed.getvalue()


@pytest.mark.parametrize("kind", ["gpkg", "zip", "geojson", "kml"])
def test_what_we_write_is_read_back_to_the_unit(kind: str) -> None:
    paper = borders.read(bureau.ours(GRIDS, kind), f"网格.{kind}")
    for shape, row, grid in zip(paper.shapes, paper.rows, GRIDS, strict=True):
        assert (np.rint(shapely.get_coordinates(shape) * 1e7) % 100_000 == 0).all()
        assert shape.equals_exact(grid.shape, 1e-9) or shape.normalize().equals_exact(grid.shape.normalize(), 1e-9)
        assert (row["code"], row["number"], row["name"]) == (grid.code, str(grid.number), grid.name)
    assert (paper.epsg == 4490) or kind in ("geojson", "kml")


def test_a_drawing_is_read_as_lines_and_texts() -> None:
    paper = borders.read(bureau.ours(GRIDS, "dxf"), "网格.dxf")
    kinds = sorted(shape.geom_type for shape in paper.shapes)
    assert kinds == ["LineString", "LineString", "Point", "Point"]
    assert {row["Text"] for row in paper.rows if row["Text"]} == {"第一网格", "第二网格"}


@pytest.mark.parametrize(
    ("encoding", "heads", "told"),
    [
        ("gbk", ("网格编号", "网格名称"), ("网格编号", "网格名称")),
        ("utf-8", ("网格编号", "网格名称"), ("网格编", "网格名")),  # cut at ten bytes, in the middle of a letter
    ],
)
def test_a_table_without_a_word_on_its_encoding_is_read(
    encoding: str, heads: tuple[str, str], told: tuple[str, str]
) -> None:
    paper = borders.read(bureau.shapefile(GRIDS, encoding=encoding, heads=heads), "网格.zip")
    assert [dict(row) for row in paper.rows] == [{told[0]: str(g.number), told[1]: g.name} for g in GRIDS]
    assert paper.encoding == {"gbk": "gb18030", "utf-8": "utf-8"}[encoding]
    assert (paper.crs, paper.epsg) == ("", None)


def test_old_datums_are_refused_with_the_reason() -> None:
    assert "西安80" in refused(bureau.shapefile(GRIDS, prj=bureau.PRJ_XIAN))


def test_a_text_that_would_make_gdal_read_another_file_is_refused() -> None:
    vrt = b'<OGRVRTDataSource><OGRVRTLayer name="passwd"><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer>'
    for data in (vrt, b"<kml>" + vrt, b"0\nSECTION\n" + vrt, b'{"type": "x"}' + vrt):
        assert "root:" not in refused(data)


def test_crossing_rings_are_named_with_their_place() -> None:
    bow = shapely.Polygon([(105.3, 27.3), (105.31, 27.31), (105.31, 27.3), (105.3, 27.31)])
    assert "第 1 个图形自己与自己相交（在 105.305 27.305 附近）" in refused(bureau.geojson([Told(bow, "", 1, "")]))


def test_scribbles_do_not_keep_the_reader_busy() -> None:
    at = np.random.default_rng(7).uniform((105.3, 27.3), (105.32, 27.32), (900, 2))
    assert "自己与自己相交" in refused(bureau.geojson([Told(shapely.Polygon(at), "", 1, "")]))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "空的"),
        (b"AC1032 drawing", "DXF"),
        (b"\x00\x00\x27\x0a" + b"\0" * 96, "zip"),
        (b"Rar!\x1a\x07\x00", "zip"),
        (b"hello", "认不出"),
        (b"SQLite format 3\0" + b"\0" * 100, "损坏"),
        (b"PK\x03\x04" + b"\0" * 50, "损坏"),
        (b"{" * 10, "损坏"),
        (b'{"type":"Polygon","coordinates":' + b"[" * 100_000, "损坏"),
        (b'{"type":"Polygon","coordinates":[[[NaN,1],[2,2],[3,1],[NaN,1]]]}', "不是数字"),
        (b'{"type":"Polygon","coordinates":[[[1e999,1],[2,2],[3,1]]]}', "不是数字"),
        (b'{"type":"Polygon","coordinates":[[[1,1],[2,2]]]}', "角点"),
        (b'{"type":"FeatureCollection","features":[]}', "没有面"),
        (b"<!DOCTYPE kml [<!ENTITY a 'b'>]><kml>&a;</kml>", "DOCTYPE"),
        (b"<kml><Placemark>", "损坏"),
    ],
)
def test_what_cannot_be_read_gets_a_sentence(data: bytes, words: str) -> None:
    assert words in refused(data)


def test_a_million_corners_are_refused() -> None:
    ring = [[105.3 + 0.01 * np.cos(a), 27.3 + 0.01 * np.sin(a)] for a in np.linspace(0, 2 * np.pi, 400_000)]
    ring[-1] = ring[0]
    assert "角点超过" in refused(json.dumps({"type": "Polygon", "coordinates": [ring]}).encode())


def test_zips_are_opened_with_care() -> None:
    assert "没有 .shp" in refused(zipped(**{"../../etc/cron.d/x": b"x"}))
    assert "2 个图层" in refused(zipped(**{"a.shp": b"x", "b.shp": b"x"}))
    assert "超过 200 MB" in refused(zipped(**{"a.shp": b"\0" * (201 << 20)}))


def test_a_geopackage_with_views_and_no_layer_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.gpkg"
    with sqlite3.connect(file) as made:
        made.execute("CREATE TABLE gpkg_contents (table_name TEXT, data_type TEXT)")
        made.execute("CREATE VIEW v AS SELECT 1")
    made.close()
    assert refused(file.read_bytes())
