"""Borders to take away: GeoPackage, Shapefile (zipped), GeoJSON, KML, DXF; in the system that is asked for.

What is written is our own, so GDAL writes GeoPackage and Shapefile here and not in a limited process. A second layer,
``difference``, holds the ground that a draft gives to another grid.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import shapely
from shapely import Polygon

from gridmap.domain.border_systems import GCJ02, Reading, from_degrees
from gridmap.domain.crs import STORE_SRID, WGS84_SRID
from gridmap.errors import BadInput

DECIMALS = 7  # of degrees: exactly what is kept


@dataclass(frozen=True)
class Piece:
    """A polygon in degrees, CGCS2000, and what is told of it."""

    shape: Polygon
    row: Mapping[str, Any]


@dataclass(frozen=True)
class Handed:
    """What a file of borders holds; ``difference`` is None where it is not about a draft."""

    grids: tuple[Piece, ...]
    difference: tuple[Piece, ...] | None = None

    def layers(self) -> list[tuple[str, tuple[Piece, ...]]]:
        """Return the layers that have something in them."""
        return [("grids", self.grids), *([("difference", self.difference)] if self.difference else [])]


def written(found: Handed, kind: str, reading: Reading) -> bytes:
    """Return a file: ``kind`` is gpkg, zip (Shapefile), geojson, kml or dxf.

    Raises
    ------
    BadInput
        When there is no such kind, or the format has a system of its own and another is asked for.
    """
    if kind not in WRITERS:
        raise BadInput("可以导出 .gpkg .zip（Shapefile）.geojson .kml .dxf，不能导出 .%(kind)s", kind=kind)
    if kind == "kml" and reading.system not in (str(STORE_SRID), str(WGS84_SRID), GCJ02):
        raise BadInput("KML 只能用经纬度，请选 4490、4326 或 gcj02")
    flat = [(name, [_moved(piece, reading) for piece in pieces]) for name, pieces in found.layers()]
    return WRITERS[kind](flat, reading)


Layers = Sequence[tuple[str, Sequence[Piece]]]


def _moved(piece: Piece, reading: Reading) -> Piece:
    return Piece(Polygon(shapely.transform(piece.shape, lambda at: from_degrees(at, reading))), piece.row)


def _crs(reading: Reading) -> str | None:
    """Return what the file says its system is; a shifted datum has no name."""
    return f"EPSG:{reading.system}" if reading.system.isdecimal() else None


def _geojson(layers: Layers, reading: Reading) -> bytes:
    features = [
        {
            "type": "Feature",
            "properties": ({"layer": name} if len(layers) > 1 else {}) | {k: _plain(v) for k, v in piece.row.items()},
            "geometry": json.loads(shapely.to_geojson(piece.shape)),
        }
        for name, pieces in layers
        for piece in pieces
    ]
    whole: dict[str, Any] = {"type": "FeatureCollection", "features": features}
    if reading.system not in (str(STORE_SRID), str(WGS84_SRID), GCJ02):
        whole["crs"] = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{reading.system}"}}
    return json.dumps(whole, ensure_ascii=False).encode()


def _plain(value: Any) -> str | int:
    return value if isinstance(value, int) else str(value)


def _kml(layers: Layers, reading: Reading) -> bytes:  # noqa: ARG001 - one of the writers
    folders = "".join(
        f"<Folder><name>{name}</name>{''.join(map(_placemark, pieces))}</Folder>" for name, pieces in layers
    )
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
    return f"{head}{folders}</Document></kml>\n".encode()


def _placemark(piece: Piece) -> str:
    data = "".join(f'<Data name="{k}"><value>{escape(str(v))}</value></Data>' for k, v in piece.row.items())
    rings = [("outerBoundaryIs", piece.shape.exterior), *[("innerBoundaryIs", r) for r in piece.shape.interiors]]
    sides = "".join(
        f"<{tag}><LinearRing><coordinates>{_kml_ring(r)}</coordinates></LinearRing></{tag}>" for tag, r in rings
    )
    name = escape(str(piece.row.get("name", piece.row.get("to_name", ""))))
    return f"<Placemark><name>{name}</name><ExtendedData>{data}</ExtendedData><Polygon>{sides}</Polygon></Placemark>"


def _kml_ring(ring: shapely.Geometry) -> str:
    return " ".join(f"{x:.{DECIMALS}f},{y:.{DECIMALS}f}" for x, y in shapely.get_coordinates(ring).tolist())


def _dxf(layers: Layers, reading: Reading) -> bytes:
    """Return closed polylines and the names as texts, in GBK as domestic CAD reads them."""
    digits = DECIMALS + 2 if reading.system in (str(STORE_SRID), str(WGS84_SRID), GCJ02) else 4
    out = [
        "0",
        "SECTION",
        "2",
        "HEADER",
        "9",
        "$ACADVER",
        "1",
        "AC1009",
        "0",
        "ENDSEC",
        "0",
        "SECTION",
        "2",
        "ENTITIES",
    ]
    for name, pieces in layers:
        for piece in pieces:
            for ring in [piece.shape.exterior, *piece.shape.interiors]:
                out += ["0", "POLYLINE", "8", name, "66", "1", "70", "1"]
                for x, y in shapely.get_coordinates(ring)[:-1].tolist():
                    out += ["0", "VERTEX", "8", name, "10", f"{x:.{digits}f}", "20", f"{y:.{digits}f}"]
                out += ["0", "SEQEND"]
            at = shapely.get_coordinates(piece.shape.representative_point())[0]
            words = str(piece.row.get("name", piece.row.get("to_name", "")))
            size = float(np.sqrt(piece.shape.area)) / 12
            out += ["0", "TEXT", "8", name, "10", f"{at[0]:.{digits}f}", "20", f"{at[1]:.{digits}f}"]
            out += ["40", f"{size:.{digits}f}", "1", _escaped(words)]
    return ("\n".join([*out, "0", "ENDSEC", "0", "EOF"]) + "\n").encode("gbk")


def _escaped(words: str) -> str:
    """Return a text in letters of GBK, the others as drawings escape them."""
    return "".join(c if c.encode("gbk", "ignore") else f"\\U+{ord(c) & 0xFFFF:04X}" for c in words if c.isprintable())


def _gdal(folder: Path, file: str, driver: str, layers: Layers, reading: Reading) -> None:
    import pyogrio.raw

    for place, (name, pieces) in enumerate(layers):
        fields = list(pieces[0].row)
        columns = [np.array([_plain(p.row[f]) for p in pieces], dtype=None) for f in fields]
        columns = [c if c.dtype.kind == "i" else c.astype(object) for c in columns]
        pyogrio.raw.write(
            folder / (file or f"{name}.shp"),
            shapely.to_wkb([p.shape for p in pieces]),
            columns,
            fields,
            layer=name,
            driver=driver,
            geometry_type="Polygon",
            crs=_crs(reading),
            append=bool(place) and bool(file),
            encoding="UTF-8",
        )


def _gpkg(layers: Layers, reading: Reading) -> bytes:
    with tempfile.TemporaryDirectory(prefix="gridmap-out-") as made:
        _gdal(Path(made), "out.gpkg", "GPKG", layers, reading)
        return (Path(made) / "out.gpkg").read_bytes()


def _shapefile(layers: Layers, reading: Reading) -> bytes:
    packed = io.BytesIO()
    with tempfile.TemporaryDirectory(prefix="gridmap-out-") as made, zipfile.ZipFile(packed, "w", 8) as archive:
        _gdal(Path(made), "", "ESRI Shapefile", layers, reading)
        for part in sorted(Path(made).iterdir()):
            archive.write(part, part.name)
    return packed.getvalue()


WRITERS: dict[str, Callable[[Layers, Reading], bytes]] = {
    "gpkg": _gpkg,
    "zip": _shapefile,
    "geojson": _geojson,
    "kml": _kml,
    "dxf": _dxf,
}
