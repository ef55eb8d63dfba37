"""The limited child process in which a bureau's file of borders is read: ``python -m gridmap.files.borders_child JOB``.

GDAL reads GeoPackage, Shapefile and DXF, one driver at a time with every other skipped; GeoJSON and KML are read by
Python. Whatever the file makes them do, they do it here: without network, with little time, memory and disk. The
answer is ``shapes.npz`` (well-known binary and rows as JSON, nothing pickled) and ``answer.json``, or a code in
``fault.json``.
"""

from __future__ import annotations

import json
import os
import re
import struct
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import shapely

from gridmap.files.osm_child import SKIPPED_DRIVERS, limit, pack, set_environment

DRIVERS = {"gpkg": "GPKG", "shp": "ESRI Shapefile", "dxf": "DXF"}
REPAIR_CAP = 1_000  # vertices; a scribble of 400 takes structure repair 0.6 s, one of 20,000 minutes
SAME_AREA = 0.01  # of its area may change in a repair; a bow-tie loses or wins it all
CORNERS = 200_000
UNPACKED = 200 << 20  # bytes of one member of a zip
PARTS = {".shp", ".shx", ".dbf", ".prj", ".cpg"}
TEXT = 200  # characters of one attribute that are kept

Read = tuple[list[Any], list[dict[str, str]]]


class Refused(Exception):
    """The file cannot be used; the code is told in a sentence by the parent."""

    def __init__(self, code: str, **values: Any) -> None:
        super().__init__(code)
        self.values = {"code": code, **values}


def clean(value: Any) -> str:
    """Return an attribute as short text without control characters; drawings escape letters by number."""
    whole = isinstance(value, float) and value.is_integer()
    told = str(int(value)) if whole else "" if value is None else str(value)
    told = re.sub(r"\\U\+([0-9A-Fa-f]{4})", lambda found: chr(int(found[1], 16)), told)
    return "".join(c for c in told if c.isprintable())[:TEXT].strip()


def decoded(data: bytes) -> tuple[str, str]:
    """Return text and its encoding; Chinese offices write UTF-8 or GB18030."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise Refused("encoding")


# --- GeoJSON -------------------------------------------------------------------------------------------------------


def read_geojson(source: Path, answer: dict[str, Any]) -> Read:
    """Read GeoJSON without GDAL, which could be told by its content to open another file."""
    text, answer["encoding"] = decoded(source.read_bytes())
    found = json.loads(text)
    if not isinstance(found, dict):
        raise Refused("damaged")
    crs = found.get("crs")
    named = crs.get("properties", {}).get("name") if isinstance(crs, dict) else None
    answer["crs"] = clean(named) if named else ""
    features = found.get("features") if found.get("type") == "FeatureCollection" else [found]
    if not isinstance(features, list):
        raise Refused("damaged")
    shapes, rows = [], []
    for one in features:
        inner = one.get("geometry") if one.get("type") == "Feature" else one
        if inner is None:
            continue
        shapes.append(geometry(inner))
        rows.append({clean(k): clean(v) for k, v in (one.get("properties") or {}).items()})
    return shapes, rows


def geometry(one: dict[str, Any]) -> Any:
    """Return a GeoJSON geometry as a shape; points are of no use here."""
    kind, at = one.get("type"), one.get("coordinates")
    if kind == "Polygon":
        return polygon(at)
    if kind == "MultiPolygon" and isinstance(at, list):
        return shapely.multipolygons([polygon(part) for part in at])
    if kind == "LineString":
        return shapely.linestrings(pairs(at, 2))
    if kind == "MultiLineString" and isinstance(at, list):
        return shapely.MultiLineString([pairs(part, 2) for part in at])
    return None


def pairs(at: Any, least: int) -> np.ndarray:
    """Return positions as (n, 2), finite."""
    found = np.array([(float(p[0]), float(p[1])) for p in at], dtype=float)
    if len(found) < least:
        raise Refused("few_corners")
    if not np.isfinite(found).all():
        raise Refused("not_numbers")
    return found


def polygon(rings: Any) -> Any:
    """Return a polygon of rings; an open ring is closed."""
    if not rings:
        raise Refused("few_corners")
    closed = [np.vstack([r, r[:1]]) if (r[0] != r[-1]).any() else r for r in (pairs(ring, 3) for ring in rings)]
    if min(map(len, closed)) < 4:
        raise Refused("few_corners")
    return shapely.Polygon(closed[0], closed[1:])


# --- KML -----------------------------------------------------------------------------------------------------------


def read_kml(source: Path, answer: dict[str, Any]) -> Read:
    """Read the Placemarks of KML; a file that declares entities is refused."""
    text, answer["encoding"] = decoded(source.read_bytes())
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise Refused("entities")
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text)
    root = ET.fromstring(text)  # noqa: S314 - no entities, and in a limited process
    answer["crs"] = "WGS 84"
    shapes, rows = [], []
    for mark in root.iter():
        if local(mark) != "Placemark":
            continue
        for shape in kml_shapes(mark):
            shapes.append(shape)
            rows.append(kml_row(mark))
    return shapes, rows


def local(node: ET.Element) -> str:
    """Return a tag without its namespace, whose address differs from writer to writer."""
    return node.tag.rpartition("}")[2]


def kml_shapes(mark: ET.Element) -> Iterator[Any]:
    """Yield the polygons of a Placemark as one shape, and its lines."""
    polygons, lines = [], []
    for node in mark.iter():
        if local(node) == "Polygon":
            by = {local(side): [kml_corners(c) for c in side.iter() if local(c) == "coordinates"] for side in node}
            inner = [
                kml_corners(c)
                for side in node
                if local(side) == "innerBoundaryIs"
                for c in side.iter()
                if local(c) == "coordinates"
            ]
            polygons.append(polygon([*by.get("outerBoundaryIs", []), *inner]))
        elif local(node) == "LineString":
            lines += [shapely.linestrings(pairs(kml_corners(c), 2)) for c in node if local(c) == "coordinates"]
    if polygons:
        yield polygons[0] if len(polygons) == 1 else shapely.multipolygons(polygons)
    yield from lines


def kml_corners(node: ET.Element) -> list[list[str]]:
    """Return the positions of a coordinates element."""
    return [one.split(",")[:2] for one in (node.text or "").split()]


def kml_row(mark: ET.Element) -> dict[str, str]:
    """Return a Placemark's name and extended data."""
    row = {}
    for node in mark.iter():
        kind, key = local(node), node.get("name")
        if kind == "SimpleData" and key:
            row[clean(key)] = clean(node.text)
        elif kind == "Data" and key:
            row[clean(key)] = clean("".join(v.text or "" for v in node if local(v) == "value"))
    name = next((clean(n.text) for n in mark if local(n) == "name"), "")
    return ({"name": name} if name else {}) | row


# --- what is packed --------------------------------------------------------------------------------------------------


def unpacked(source: Path, folder: Path) -> tuple[str, Path]:
    """Unpack the one Shapefile or KML of a zip under names of our own, never more than ``UNPACKED`` a part."""
    with zipfile.ZipFile(source) as archive:
        members = [m for m in archive.infolist() if not m.is_dir() and "__MACOSX" not in m.filename]
        if len(members) > 200:
            raise Refused("many_members", n=len(members))
        if any(m.flag_bits & 1 for m in members):
            raise Refused("password")
        shps = [m for m in members if m.filename.lower().endswith(".shp")]
        kmls = [m for m in members if m.filename.lower().endswith(".kml")]
        if len(shps) == 1:
            stem = shps[0].filename[:-4].lower()
            mine = [m for m in members if m.filename.lower().rpartition(".")[0] == stem]
            for member in mine:
                suffix = Path(member.filename).suffix.lower()
                if suffix in PARTS:
                    pour(archive, member, folder / f"borders{suffix}")
            return "shp", folder / "borders.shp"
        if not shps and len(kmls) == 1:
            pour(archive, kmls[0], folder / "borders.kml")
            return "kml", folder / "borders.kml"
        raise Refused("several" if len(shps) + len(kmls) > 1 else "nothing_packed", n=len(shps) + len(kmls))


def pour(archive: zipfile.ZipFile, member: zipfile.ZipInfo, into: Path) -> None:
    """Unpack one member, counting what really comes out: its header may lie."""
    written = 0
    with archive.open(member) as packed, into.open("wb") as file:
        while data := packed.read(1 << 20):
            written += len(data)
            if written > UNPACKED:
                raise Refused("large_member", mb=UNPACKED >> 20)
            file.write(data)


# --- GDAL ------------------------------------------------------------------------------------------------------------


def read_gdal(source: Path, kind: str, layer: str, answer: dict[str, Any]) -> Read:
    """Read one layer through GDAL: the wished one, or the first that holds areas."""
    import pyogrio
    from pyogrio import raw

    layers = [(str(name), str(type_ or "")) for name, type_ in pyogrio.list_layers(source)]
    answer["layers"] = [name for name, _ in layers]
    with_shapes = [name for name, type_ in layers if type_]
    chosen = layer or next((n for n, t in layers if "Polygon" in t), with_shapes[0] if with_shapes else "")
    if chosen not in answer["layers"]:
        raise Refused("no_layer", layers="、".join(answer["layers"])[:TEXT])
    answer["layer"] = chosen
    columns: list[str] | None = [] if kind == "shp" else None
    meta, _, wkb, fields = raw.read(source, layer=chosen, columns=columns, max_features=20_001, force_2d=True)
    if len(wkb) > 20_000:
        raise Refused("many_shapes", n=20_000)
    answer["crs"], answer["epsg"] = system(meta["crs"])
    shapes = list(shapely.from_wkb(wkb, on_invalid="ignore"))
    if kind == "shp":
        return shapes, shapefile_rows(source.with_suffix(".dbf"), len(shapes), answer)
    if kind == "dxf":
        answer["encoding"] = decoded(source.read_bytes())[1]
        fields = [[letters(value, answer["encoding"]) for value in column] for column in fields]
    names = [clean(name) for name in meta["fields"]]
    return shapes, [dict(zip(names, map(clean, row), strict=True)) for row in zip(*fields, strict=True)] or [
        {} for _ in shapes
    ]


def letters(value: Any, encoding: str) -> Any:
    """Return a drawing's text as it was written: ``main`` lets GDAL take each byte for a letter."""
    return value.encode("latin-1", "ignore").decode(encoding, "ignore") if isinstance(value, str) else value


def system(told: str | None) -> tuple[str, int | None]:
    """Return the name and, where it has one, the EPSG number of a coordinate system."""
    if not told:
        return "", None
    import pyproj

    try:
        found = pyproj.CRS.from_user_input(told)
    except pyproj.exceptions.CRSError:
        return clean(told), None
    geodetic = found.geodetic_crs.name if found.geodetic_crs is not None else ""
    return clean(f"{found.name} / {geodetic}"), found.to_epsg(min_confidence=60)


def shapefile_rows(dbf: Path, count: int, answer: dict[str, Any]) -> list[dict[str, str]]:
    """Read the table of a Shapefile by hand: its names and texts may be GBK without saying so, or cut in a letter."""
    if not dbf.exists():
        answer["notes"]["no_table"] = 1
        return [{} for _ in range(count)]
    data = dbf.read_bytes()
    records, head, size = struct.unpack_from("<IHH", data, 4)
    fields = [
        (f[:11].split(b"\0")[0], f[16]) for f in (data[i : i + 32] for i in range(32, head - 1, 32)) if f[0] != 13
    ]
    body = data[head : head + records * size]
    encoding = answer["encoding"] = table_encoding(body, [name for name, _ in fields])
    names = [clean(name.decode(encoding, "ignore")) for name, _ in fields]
    rows, kept = [], []
    for i in range(min(records, count)):
        record, at, row = body[i * size : (i + 1) * size], 1, {}
        for name, (_, width) in zip(names, fields, strict=True):
            row[name] = clean(number(record[at : at + width].decode(encoding, "ignore").strip(" \0")))
            at += width
        rows.append(row)
        kept.append(record[:1] != b"*")
    if len(rows) < count:
        raise Refused("damaged")
    answer["deleted"] = [i for i, keep in enumerate(kept) if not keep]
    return rows


def number(value: str) -> str:
    """Return 3 for 3.00000: what a table of numbers writes for whole ones."""
    return re.sub(r"^(-?\d+)\.0+$", r"\1", value)


def table_encoding(body: bytes, names: Iterable[bytes]) -> str:
    """Return what a table's texts are written in; a name that was cut in the middle of a letter says nothing."""
    for encoding in ("utf-8", "gb18030"):
        try:
            body.decode(encoding)
            if encoding == "utf-8" and body.isascii():
                for name in names:
                    name[: len(name) - len(name) % 3 if len(name) == 10 else None].decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return "latin-1"


# --- what every file must pass ---------------------------------------------------------------------------------------


def sound(shapes: list[Any], rows: list[dict[str, str]], answer: dict[str, Any]) -> Read:
    """Return the areas, lines and labelled points that hold together; refuse what is no geometry at all."""
    notes = answer["notes"]
    gone = set(answer.pop("deleted", []))
    usable = [i for i, s in enumerate(shapes) if s is not None and not s.is_empty and i not in gone]
    if sum(shapely.get_num_coordinates(shapes[i]) for i in usable) > CORNERS:
        raise Refused("many_corners", n=CORNERS)
    for i in usable:
        corners = shapely.get_coordinates(shapes[i])
        if not (np.isfinite(corners).all() and (np.abs(corners) < 1e9).all()):
            raise Refused("not_finite", row=i + 1)
    areas = [i for i in usable if "Polygon" in shapes[i].geom_type]
    if not areas:
        return [shapes[i] for i in usable], [rows[i] for i in usable]
    if len(usable) > len(areas):
        notes["not_areas"] = len(usable) - len(areas)
    return [repaired(shapes[i], i + 1, notes) for i in areas], [rows[i] for i in areas]


def repaired(shape: Any, row: int, notes: dict[str, int]) -> Any:
    """Return an area that does not cross itself; where that would change its size, a person must look."""
    if shapely.is_valid(shape):
        return shape
    where = re.search(r"\[(.*)\]", shapely.is_valid_reason(shape))
    refusal = Refused("crossing", row=row, at=where[1] if where else "")
    if shapely.get_num_coordinates(shape) > REPAIR_CAP:
        raise refusal
    made = shapely.make_valid(shape, method="structure", keep_collapsed=False)
    before = shapely.area(shape)
    if made.geom_type not in {"Polygon", "MultiPolygon"} or abs(made.area - before) > SAME_AREA * made.area:
        raise refusal
    notes["repaired"] = notes.get("repaired", 0) + 1
    return made


def read(job: dict[str, Any], folder: Path) -> None:
    """Read the file of a job and leave the answer in its folder."""
    answer: dict[str, Any] = {"crs": "", "epsg": None, "encoding": "", "layer": "", "layers": [], "notes": {}}
    kind, source = job["kind"], Path(job["source"])
    if kind == "geojson":
        shapes, rows = read_geojson(source, answer)
    elif kind == "kml":
        shapes, rows = read_kml(source, answer)
    else:
        shapes, rows = read_gdal(source, kind, job["layer"], answer)
    if kind in ("geojson", "kml") and len(shapes) > 20_000:
        raise Refused("many_shapes", n=20_000)
    shapes, rows = sound(shapes, rows, answer)
    if not shapes:
        raise Refused("no_shapes")
    arrays = {}
    for name, texts in (("wkb", list(shapely.to_wkb(shapes))), ("rows", [json.dumps(r).encode() for r in rows])):
        arrays[name], arrays[f"{name}_end"] = pack(texts)
    np.savez(folder / "shapes.npz", allow_pickle=False, **arrays)
    (folder / "answer.json").write_text(json.dumps(answer | {"kind": kind}))


def main(job_file: str) -> int:
    """Do one job; codes: 0 done, 3 a fault is told in ``fault.json``, all else is our own fault or a limit."""
    job = json.loads(Path(job_file).read_text())
    folder = Path(job["folder"])
    limit(job["cpu_s"], job["memory_mb"], job["disk_mb"])
    try:
        if job["kind"] == "zip":
            job["kind"], path = unpacked(Path(job["source"]), folder)
            job["source"] = str(path)
        allowed = DRIVERS.get(job["kind"], "")
        skipped = ",".join(name for name in [*SKIPPED_DRIVERS.split(","), "OSM"] if name != allowed)
        set_environment(Path(__file__).with_name("osm_child.ini"), folder, skipped)
        os.environ |= {"SHAPE_RESTORE_SHX": "YES", "DXF_ENCODING": "ISO-8859-1"}
        if allowed and (others := drivers() - {allowed}):
            raise Refused("drivers", names=",".join(sorted(others)))
        read(job, folder)
    except Refused as refused:
        fault = refused.values
    except MemoryError:
        fault = {"code": "memory"}
    except Exception as error:  # noqa: BLE001 - whatever a damaged file makes a reader raise
        fault = {"code": "damaged", "why": f"{type(error).__name__}: {error}"[:500]}
    else:
        return 0
    (folder / "fault.json").write_text(json.dumps(fault))
    return 3


def drivers() -> set[str]:
    """Load GDAL and return the drivers it has left."""
    import pyogrio

    return set(pyogrio.list_drivers())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
