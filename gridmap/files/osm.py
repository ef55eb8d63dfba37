"""OpenStreetMap extracts: a file becomes frames of shapes with their tags, read in a limited child process.

``.osm.pbf`` and ``.osm`` (XML). What the tags mean to us is in ``osm_words``; how a town is made of them in
``osm_town``.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from gridmap.domain.crs import WGS84_SRID
from gridmap.errors import BadInput
from gridmap.settings import PACKAGE

ATTRIBUTION = "© OpenStreetMap contributors, ODbL 1.0"
FAR_LON = 150.0  # degrees; data on both sides of so much lies across the antimeridian


@dataclass(frozen=True)
class Limits:
    """What the reading of one file may cost.

    Attributes
    ----------
    file_mb : size of the file.
    features : features of one layer (points, lines or areas).
    wall_s, cpu_s : seconds until the reader is ended.
    memory_mb, disk_mb : address space of the reader, and size of each temporary file.
    """

    file_mb: int = 200
    features: int = 3_000_000
    wall_s: int = 600
    cpu_s: int = 600
    memory_mb: int = 8192
    disk_mb: int = 4096


@dataclass(frozen=True)
class Extract:
    """What an OpenStreetMap file holds.

    Attributes
    ----------
    points, lines, polygons : source_id ("n1", "w1", "r1"), tags (dict of text), geometry in EPSG:4326
    box : (lon_min, lat_min, lon_max, lat_max) of the file's header, or None.
    notes : how many things were repaired, broken, unclosed or unusable.
    digest : SHA-256 of the file in hex.
    """

    points: gpd.GeoDataFrame
    lines: gpd.GeoDataFrame
    polygons: gpd.GeoDataFrame
    box: tuple[float, float, float, float] | None
    notes: dict[str, int]
    digest: str


DEFAULT_LIMITS = Limits()


def read(path: Path, limits: Limits = DEFAULT_LIMITS) -> Extract:
    """Read an OpenStreetMap file.

    Raises
    ------
    BadInput
        When it is not one, is damaged, is too large, or lies across the antimeridian.
    """
    suffix = _look_at(path, limits)
    with tempfile.TemporaryDirectory(prefix="gridmap-osm-") as name:
        folder = Path(name)
        source = folder / f"in{suffix}"
        source.symlink_to(path.resolve())
        _run_child(source, folder, limits)
        extract = _fetch(folder, path)
    _refuse_antimeridian(extract)
    return extract


def _look_at(path: Path, limits: Limits) -> str:
    """Tell PBF from XML by the first bytes; whatever else is refused before any library sees it."""
    if not path.is_file():
        raise BadInput("找不到文件：%(file)s", file=path)
    size = path.stat().st_size
    if size == 0:
        raise BadInput("文件是空的：%(file)s", file=path.name)
    if size > limits.file_mb << 20:
        raise BadInput(
            "文件太大（%(mb)d MB，上限 %(limit)d MB）。请先按社区范围裁剪，例如 osmium extract -b 西,南,东,北",
            mb=size >> 20,
            limit=limits.file_mb,
        )
    try:
        with path.open("rb") as file:
            head = file.read(1024)
    except OSError as error:
        raise BadInput("没有权限读取文件：%(file)s", file=path.name) from error
    if head[4:].startswith(b"\x0a\x09OSMHeader"):
        return ".osm.pbf"
    if head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith((b"<?xml", b"<osm")) and b"<osm" in head:
        return ".osm"
    raise BadInput("%(file)s 不是 OpenStreetMap 文件（应为 .osm.pbf 或 .osm）", file=path.name)


def _run_child(source: Path, folder: Path, limits: Limits) -> None:
    """Let the child read ``source`` into ``folder``; turn how it ended into a sentence."""
    job = folder / "job.json"
    job.write_text(
        json.dumps(
            {
                "source": str(source),
                "folder": str(folder),
                "cap": limits.features,
                "cpu_s": limits.cpu_s,
                "memory_mb": limits.memory_mb,
                "disk_mb": limits.disk_mb,
            }
        )
    )
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "LANG": "C.UTF-8",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(PACKAGE.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    try:
        done = subprocess.run(  # noqa: S603 - our own module, arguments from no input
            [sys.executable, "-m", "gridmap.files.osm_child", str(job)],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=limits.wall_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BadInput("读取文件超过 %(s)d 秒，已停止。请先裁剪出社区范围再导入", s=limits.wall_s) from error
    if done.returncode == 3:
        raise BadInput("OpenStreetMap 文件已损坏或不完整，读到一半就中断了。请重新下载")
    if done.returncode == 4:
        raise BadInput("文件里的对象太多（上限每类 %(n)d 个）。请先裁剪出社区范围再导入", n=limits.features)
    if done.returncode != 0:
        raise BadInput("读取程序超出限制而停止（内存 %(mb)d MB）。请先裁剪出社区范围再导入", mb=limits.memory_mb)


def _fetch(folder: Path, path: Path) -> Extract:
    """Read the child's answer; its arrays hold bytes only."""
    answer = json.loads((folder / "answer.json").read_text())
    frames = {layer: _frame(folder / f"{layer}.npz") for layer in ("points", "lines", "multipolygons")}
    box = answer["box"]
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Extract(
        points=frames["points"],
        lines=frames["lines"],
        polygons=frames["multipolygons"],
        box=tuple(box) if box and box[0] < box[2] and box[1] < box[3] else None,
        notes=answer["notes"],
        digest=digest,
    )


def _frame(file: Path) -> gpd.GeoDataFrame:
    with np.load(file, allow_pickle=False) as arrays:
        wkb, tags, ids = (_unpack(arrays[name], arrays[f"{name}_end"]) for name in ("wkb", "tags", "ids"))
    return gpd.GeoDataFrame(
        {"source_id": [one.decode() for one in ids], "tags": [_tags(one) for one in tags]},
        geometry=shapely.from_wkb(np.array(wkb, dtype=object)),
        crs=WGS84_SRID,
    )


def _unpack(data: np.ndarray, ends: np.ndarray) -> list[bytes]:
    whole, edges = data.tobytes(), [0, *ends.tolist()]
    return [whole[a:b] for a, b in pairwise(edges)]


def _tags(text: bytes) -> dict[str, str]:
    """Return tags as text without control characters: a name ends up on pages and in spreadsheets."""
    found: dict[str, Any] = json.loads(text)
    return {key: "".join(c for c in str(value) if c.isprintable())[:200].strip() for key, value in found.items()}


def _refuse_antimeridian(extract: Extract) -> None:
    bounds = np.concatenate([frame.bounds.to_numpy() for frame in (extract.points, extract.lines, extract.polygons)])
    if not len(bounds):
        raise BadInput("文件里没有任何道路或建筑")
    far_east, far_west = (bounds[:, 2] > FAR_LON).mean(), (bounds[:, 0] < -FAR_LON).mean()
    if min(far_east, far_west) > 0.01:  # a few stray nodes are no reason
        raise BadInput("范围跨越 180° 经线，暂不支持。请把两侧分别裁剪后导入")
