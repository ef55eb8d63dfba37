"""Files of borders as offices send them: every awkwardness by script, made of a community's own grids."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely import Polygon

from gridmap.domain.border_systems import Reading, from_degrees
from gridmap.files import borders_out
from gridmap.files.borders_out import Handed, Piece

Move = Callable[[np.ndarray], np.ndarray]
PRJ_XIAN = (
    'PROJCS["Xian_1980_3_Degree_GK_CM_105E",GEOGCS["GCS_Xian_1980",DATUM["D_Xian_1980",SPHEROID["Xian_1980",6378140.0,'
    '298.257]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Gauss_Kruger"],'
    'PARAMETER["False_Easting",500000.0],PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",105.0],'
    'PARAMETER["Scale_Factor",1.0],PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]'
)


@dataclass(frozen=True)
class Told:
    """One grid as an office knows it; degrees."""

    shape: Polygon
    code: str
    number: int
    name: str


def moved(grids: Sequence[Told], move: Move) -> list[Told]:
    """Return grids with their coordinates changed."""
    return [Told(Polygon(shapely.transform(g.shape, move)), g.code, g.number, g.name) for g in grids]


def in_system(grids: Sequence[Told], system: str, *, swapped: bool = False, decimals: int = 4) -> list[Told]:
    """Return grids in another system, written with so many decimals."""
    reading = Reading(system, swapped)
    return moved(grids, lambda at: np.round(from_degrees(at, reading), decimals))


def geojson(
    grids: Sequence[Told], *, crs: str = "", heads: Sequence[str] = ("网格编码", "网格编号", "网格名称")
) -> bytes:
    """Return GeoJSON."""
    features = [
        {
            "type": "Feature",
            "properties": dict(zip(heads, (g.code, g.number, g.name), strict=False)),
            "geometry": json.loads(shapely.to_geojson(g.shape)),
        }
        for g in grids
    ]
    named = {"crs": {"type": "name", "properties": {"name": crs}}} if crs else {}
    return json.dumps({"type": "FeatureCollection", "features": features, **named}, ensure_ascii=False).encode()


def ours(grids: Sequence[Told], kind: str, system: str = "4490") -> bytes:
    """Return a file as our own export writes it."""
    pieces = tuple(Piece(g.shape, {"code": g.code, "number": g.number, "name": g.name}) for g in grids)
    return borders_out.written(Handed(pieces), kind, Reading(system))


def shapefile(
    grids: Sequence[Told], *, encoding: str = "gbk", prj: str = "", heads: Sequence[str] = ("网格编号", "网格名称")
) -> bytes:
    """Return a zipped Shapefile without .cpg, its table by hand, as old desktop programs write it."""
    shp, shx, dbf = _shp(grids), _shx(grids), _dbf(grids, encoding, heads)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for suffix, data in ((".shp", shp), (".shx", shx), (".dbf", dbf), (".prj", prj.encode())):
            if data:
                archive.writestr(f"网格/网格边界{suffix}", data)
    return packed.getvalue()


def _records(grids: Sequence[Told]) -> list[bytes]:
    made = []
    for g in grids:
        rings = [shapely.get_coordinates(r) for r in [g.shape.exterior, *g.shape.interiors]]
        rings = [
            r if shapely.is_ccw(shapely.linearrings(r)) == bool(place) else r[::-1] for place, r in enumerate(rings)
        ]
        starts = np.cumsum([0, *[len(r) for r in rings[:-1]]]).astype("<i4")
        corners = np.vstack(rings).astype("<f8")
        box = struct.pack("<4d", *corners.min(axis=0), *corners.max(axis=0))
        counts = struct.pack("<2i", len(rings), len(corners))
        made.append(struct.pack("<i", 5) + box + counts + starts.tobytes() + corners.tobytes())
    return made


def _head(words: int, grids: Sequence[Told]) -> bytes:
    box = shapely.total_bounds([g.shape for g in grids])
    return struct.pack(">7i", 9994, 0, 0, 0, 0, 0, words) + struct.pack("<2i4d4d", 1000, 5, *box, 0, 0, 0, 0)


def _shp(grids: Sequence[Told]) -> bytes:
    body = b"".join(struct.pack(">2i", i + 1, len(r) // 2) + r for i, r in enumerate(_records(grids)))
    return _head((100 + len(body)) // 2, grids) + body


def _shx(grids: Sequence[Told]) -> bytes:
    at, body = 50, b""
    for record in _records(grids):
        body += struct.pack(">2i", at, len(record) // 2)
        at += 4 + len(record) // 2
    return _head((100 + len(body)) // 2, grids) + body


def _dbf(grids: Sequence[Told], encoding: str, heads: Sequence[str]) -> bytes:
    widths = (12, 40)
    fields = b"".join(
        head.encode(encoding)[:10].ljust(11, b"\0")
        + kind
        + b"\0\0\0\0"
        + bytes([width, 3 if kind == b"N" else 0])
        + b"\0" * 14
        for head, width, kind in zip(heads, widths, (b"N", b"C"), strict=True)
    )
    rows = b"".join(b" " + f"{g.number:.3f}".rjust(12).encode() + g.name.encode(encoding)[:40].ljust(40) for g in grids)
    head = struct.pack("<4BIHH", 3, 126, 11, 22, len(grids), 32 + len(fields) + 1, 1 + sum(widths)) + b"\0" * 20
    return head + fields + b"\r" + rows + b"\x1a"


def dxf_lines(lines: Sequence[np.ndarray], texts: Sequence[tuple[float, float, str]]) -> bytes:
    """Return a drawing of open lines with the names as texts, in GBK as domestic CAD writes it."""
    out = ["0", "SECTION", "2", "HEADER", "9", "$ACADVER", "1", "AC1009", "9", "$DWGCODEPAGE", "3", "ANSI_936"]
    out += ["0", "ENDSEC", "0", "SECTION", "2", "ENTITIES"]
    for line in lines:
        out += ["0", "POLYLINE", "8", "JMD", "66", "1", "70", "0"]
        for x, y in line.tolist():
            out += ["0", "VERTEX", "8", "JMD", "10", f"{x:.4f}", "20", f"{y:.4f}"]
        out += ["0", "SEQEND"]
    for x, y, words in texts:
        out += ["0", "TEXT", "8", "ZJ", "10", f"{x:.4f}", "20", f"{y:.4f}", "40", "5", "1", words]
    return "\r\n".join([*out, "0", "ENDSEC", "0", "EOF", ""]).encode("gbk")
