"""A bureau's file of borders: bytes become shapes and rows, read in a limited child process.

GeoPackage, Shapefile (zipped), GeoJSON, KML and KMZ, DXF. What its coordinates mean and which grid is which is decided
in ``domain.border_systems`` and ``domain.border_fitting``.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import shapely

from gridmap.errors import N_, BadInput
from gridmap.files.osm import Limits
from gridmap.settings import PACKAGE

LIMITS = Limits(file_mb=20, features=20_000, wall_s=60, cpu_s=25, memory_mb=2048, disk_mb=256)
OLD_DATUM = re.compile(r"xi.?an|西安|beijing|北京|krass|new beijing|IAG.?75", re.IGNORECASE)

FAULTS = {
    "damaged": N_("文件已损坏或不完整，读不出来。请重新导出"),
    "drivers": N_("这台机器的 GDAL 版本不合适，请联系管理员"),
    "memory": N_("文件展开后太大，已停止读取"),
    "encoding": N_("文件既不是 UTF-8 也不是 GBK 编码，请另存为 UTF-8"),
    "few_corners": N_("文件里有不足三个角点的图形，请检查后重新导出"),
    "entities": N_("KML 文件带有 DOCTYPE 声明，为安全起见不读取。请重新导出"),
    "many_members": N_("压缩包里有 %(n)s 个文件，太多了。请只放一个图层"),
    "password": N_("压缩包有密码，请去掉密码再导入"),
    "several": N_("压缩包里有 %(n)s 个图层，请只留网格那一个"),
    "nothing_packed": N_("压缩包里没有 .shp 或 .kml 文件"),
    "large_member": N_("压缩包展开后超过 %(mb)s MB，已停止读取"),
    "no_layer": N_("文件里没有这个图层。有的图层：%(layers)s"),
    "many_shapes": N_("文件里的图形超过 %(n)s 个，请只导出网格图层"),
    "many_corners": N_("文件里的角点超过 %(n)s 个，请先化简或只导出网格图层"),
    "not_numbers": N_("有图形的坐标不是数字，请检查后重新导出"),
    "not_finite": N_("第 %(row)s 个图形的坐标不是数字，请检查后重新导出"),
    "crossing": N_("第 %(row)s 个图形自己与自己相交（在 %(at)s 附近），请改正后重新导出"),
    "no_shapes": N_("文件里没有面，也没有线"),
}
# The first bytes of what people hand in by mistake.
OTHERS = (
    (re.compile(rb"AC10\d\d"), N_("这是 DWG 文件。请在 CAD 里另存为 DXF 再导入")),
    (re.compile(rb"AutoCAD Binary DXF"), N_("这是二进制 DXF。请另存为文本 DXF（ASCII）再导入")),
    (re.compile(rb"\x00\x00\x27\x0a"), N_("这是 Shapefile 的一部分。请把 .shp .shx .dbf .prj 一起压成 zip 再导入")),
    (re.compile(rb"Rar!|7z\xbc\xaf"), N_("请改用 zip 压缩（不要 rar 或 7z）")),
)


@dataclass(frozen=True)
class Paper:
    """What a file of borders holds.

    Attributes
    ----------
    kind : gpkg, shp, geojson, kml, dxf.
    shapes : areas, or lines and labelled points where there is no area; the file's own coordinates, finite.
    rows : attributes of each, as text.
    crs, epsg : the coordinate system it names, and its number; "" and None where it names none.
    encoding, layer, layers : what its texts were read as; the layer that was read, and all there are.
    notes : how many shapes were repaired, or left out.
    digest : SHA-256 of the file in hex.
    """

    name: str
    kind: str
    shapes: np.ndarray
    rows: tuple[Mapping[str, str], ...]
    crs: str
    epsg: int | None
    encoding: str
    layer: str
    layers: tuple[str, ...]
    notes: Mapping[str, int]
    digest: str


def read(data: bytes, name: str, *, layer: str = "", limits: Limits = LIMITS) -> Paper:
    """Read a file of borders.

    Parameters
    ----------
    data : the bytes somebody handed in; what it is, is told by them, not by its name.
    name : what the file is called, for people.
    layer : which layer to read; the first that holds areas by default.

    Raises
    ------
    BadInput
        When it is none we read, is damaged, too large or too slow to read, holds what is no geometry, or stands in
        a datum that cannot be turned into CGCS2000 without the bureau's own parameters.
    """
    kind = _look_at(data, limits)
    with tempfile.TemporaryDirectory(prefix="gridmap-borders-") as made:
        folder = Path(made)
        source = folder / f"in.{kind}"
        source.write_bytes(data)
        _run_child({"kind": kind, "source": str(source), "layer": layer}, folder, limits)
        paper = _fetch(folder, name[:120], hashlib.sha256(data).hexdigest())
    if OLD_DATUM.search(paper.crs):
        raise BadInput(
            "文件用的是 %(crs)s。西安80、北京54 与 CGCS2000 相差几十到上百米，没有当地参数换算不了，"
            "请向出图单位要 CGCS2000 坐标的文件",
            crs=paper.crs,
        )
    return paper


def _look_at(data: bytes, limits: Limits) -> str:
    """Tell the format by the first bytes; whatever else is refused before any library sees it."""
    if not data:
        raise BadInput("文件是空的")
    if len(data) > limits.file_mb << 20:
        raise BadInput("文件太大（上限 %(limit)s MB）。请只导出网格图层", limit=limits.file_mb)
    if data.startswith(b"PK\x03\x04"):
        return "zip"
    if data.startswith(b"SQLite format 3\0"):
        return "gpkg"
    for start, sentence in OTHERS:
        if start.match(data):
            raise BadInput(sentence)
    head = data[:4096].lstrip(b"\xef\xbb\xbf \r\n\t")
    if head.startswith(b"{"):
        return "geojson"
    if head.startswith(b"<") and b"<kml" in data[:65536]:
        return "kml"
    if re.match(rb"(999\s*\n[^\n]*\n\s*)*0\s*\n\s*SECTION", head):
        return "dxf"
    raise BadInput("认不出文件格式。可以导入 GeoPackage、Shapefile（zip）、GeoJSON、KML、DXF")


def _run_child(job: dict[str, str], folder: Path, limits: Limits) -> None:
    """Let the child read; turn how it ended into a sentence."""
    costs = {"cpu_s": limits.cpu_s, "memory_mb": limits.memory_mb, "disk_mb": limits.disk_mb}
    file = folder / "job.json"
    file.write_text(json.dumps(job | {"folder": str(folder)} | costs))
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "LANG": "C.UTF-8",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(PACKAGE.parent),
    }
    try:
        done = subprocess.run(  # noqa: S603 - our own module, arguments from no input
            [sys.executable, "-m", "gridmap.files.borders_child", str(file)],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=limits.wall_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BadInput("读取文件超过 %(s)d 秒，已停止。请只导出网格图层", s=limits.wall_s) from error
    if done.returncode == 3:
        fault = json.loads((folder / "fault.json").read_text())
        raise BadInput(FAULTS[fault.pop("code")], **fault)
    if done.returncode != 0:
        raise BadInput("读取程序超出时间或内存限制而停止。请只导出网格图层")


def _fetch(folder: Path, name: str, digest: str) -> Paper:
    """Read the child's answer; its arrays hold bytes only."""
    answer = json.loads((folder / "answer.json").read_text())
    with np.load(folder / "shapes.npz", allow_pickle=False) as arrays:
        wkb, rows = (_unpack(arrays[part], arrays[f"{part}_end"]) for part in ("wkb", "rows"))
    return Paper(
        name=name,
        kind=answer["kind"],
        shapes=shapely.from_wkb(np.array(wkb, dtype=object)),
        rows=tuple(json.loads(row) for row in rows),
        crs=answer["crs"],
        epsg=answer["epsg"],
        encoding=answer["encoding"],
        layer=answer["layer"],
        layers=tuple(answer["layers"]),
        notes=answer["notes"],
        digest=digest,
    )


def _unpack(data: np.ndarray, ends: np.ndarray) -> list[bytes]:
    whole, edges = data.tobytes(), [0, *ends.tolist()]
    return [whole[a:b] for a, b in pairwise(edges)]
