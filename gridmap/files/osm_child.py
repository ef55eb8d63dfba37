"""The limited child process in which GDAL reads an OpenStreetMap file somebody gave us.

``python -m gridmap.files.osm_child JOB.json``: the job names the file, the folder for the answer and the limits.
GDAL chooses a driver by content, so a text of 200 bytes named ``.osm.pbf`` could make it read any local file; here
every driver but OSM is skipped before GDAL is loaded, the network is cut off where the system allows it, and time,
memory and disk are limited. The answer is one ``.npz`` per layer without pickled objects, and ``answer.json``.

Nothing of gridmap is imported here: what GDAL could corrupt has nothing to reach.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import resource
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

LAYERS = ("points", "lines", "multipolygons")
REPAIR_CAP = 1_000  # vertices; structure repair takes 0.6 s for a scribble of 400 and minutes for one of 20,000

# Every vector driver of GDAL 3.12 but OSM; ``other_drivers`` finds those of another version.
SKIPPED_DRIVERS = (
    "ADBC,AIVector,AVCBin,AVCE00,AmigoCloud,Arrow,CAD,CSV,CSW,Carto,DGN,DXF,EDIGEO,EEDA,ESRIJSON,"
    "ESRI Shapefile,Elasticsearch,FlatGeobuf,GDALG,GML,GMLAS,GPKG,GPSBabel,GPX,GTFS,GeoJSON,GeoJSONSeq,GeoRSS,"
    "HTTP,Idrisi,JML,JSONFG,KML,LIBKML,LVBAG,MBTiles,MEM,MVT,MapInfo File,MapML,Memory,MiraMonVector,NAS,NGW,"
    "OAPIF,ODBC,ODS,OGCAPI,OGR_GMT,OGR_PDS,OGR_SDTS,OGR_VRT,OpenFileGDB,PCIDSK,PDF,PDS4,PGDUMP,PGeo,PLSCENES,"
    "PMTiles,Parquet,S57,SQLite,SVG,SXF,Selafin,TIGER,TopoJSON,VDV,VFK,VICAR,WAsP,WFS,XLS,XLSX,XODR,netCDF"
)


def limit(cpu_s: int, memory_mb: int, disk_mb: int) -> None:
    """Take away time, memory, disk, open files, core dumps and, where the system allows it, the network."""
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 5))
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))
    resource.setrlimit(resource.RLIMIT_FSIZE, (disk_mb << 20, disk_mb << 20))
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    new_user, new_net = 0x10000000, 0x40000000
    if libc.unshare(new_net) != 0:  # not root: a user namespace of one's own may still be allowed
        libc.unshare(new_user | new_net)


def set_environment(config: Path, folder: Path, skipped: str) -> None:
    """Tell GDAL its limits; this must come before it is loaded."""
    os.environ.update(
        GDAL_SKIP=skipped,
        GDAL_DRIVER_PATH="disable",
        GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR",
        GDAL_HTTP_MAX_RETRY="0",
        CPL_VSIL_CURL_ALLOWED_FILENAME="/nothing",
        OSM_CONFIG_FILE=str(config),
        OSM_USE_CUSTOM_INDEXING="YES",
        OSM_MAX_TMPFILE_SIZE="400",
        CPL_TMPDIR=str(folder),
    )


def other_drivers() -> list[str]:
    """Load GDAL and return the drivers it has besides OSM."""
    import pyogrio

    return sorted(set(pyogrio.list_drivers()) - {"OSM"})


def pack(texts: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Return byte strings as one array of bytes and the offsets of their ends."""
    ends = np.cumsum([len(one) for one in texts], dtype=np.int64) if texts else np.zeros(0, dtype=np.int64)
    return np.frombuffer(b"".join(texts), dtype=np.uint8), ends


def sound_polygons(shapes: np.ndarray, notes: dict[str, int]) -> np.ndarray:
    """Repair what does not hold together (structure method, few vertices only); None where that fails."""
    import shapely

    shapes = shapely.force_2d(shapes)
    for i in np.flatnonzero(~shapely.is_valid(shapes)):
        repaired = None
        if shapes[i] is not None and shapely.get_num_coordinates(shapes[i]) <= REPAIR_CAP:
            repaired = shapely.make_valid(shapes[i], method="structure", keep_collapsed=False)
        usable = repaired is not None and repaired.geom_type in {"Polygon", "MultiPolygon"} and not repaired.is_empty
        shapes[i] = repaired if usable else None
        key = "repaired" if usable else "broken"
        notes[key] = notes.get(key, 0) + 1
    return np.asarray(shapes)


def read_layer(source: str, layer: str, notes: dict[str, int], cap: int) -> tuple[np.ndarray, list[bytes], list[bytes]]:
    """Read one layer: shapes, tags as JSON, ids ("n1", "w1", "r1")."""
    import shapely
    from pyogrio import raw

    meta, _, wkb, columns = raw.read(source, layer=layer, max_features=cap + 1)
    field = dict(zip(meta["fields"], columns, strict=True))
    if len(wkb) > cap:
        raise OverflowError(layer)
    shapes = shapely.from_wkb(wkb, on_invalid="ignore")
    if layer == "multipolygons":
        shapes = sound_polygons(shapes, notes)
    usable = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    usable &= np.isfinite(shapely.bounds(shapes)).all(axis=1)
    if unusable := int((~usable).sum()) - notes.get("broken", 0) * (layer == "multipolygons"):
        notes[f"{layer}_unusable"] = unusable
    ways = field.get("osm_way_id", np.full(len(shapes), None))
    kind = {"points": "n", "lines": "w", "multipolygons": "r"}[layer]
    kept = np.flatnonzero(usable)
    tags = [(field["all_tags"][i] or "{}").encode() for i in kept]
    ids = [(f"w{ways[i]}" if ways[i] else f"{kind}{field['osm_id'][i]}").encode() for i in kept]
    return shapes[kept], tags, ids


def read(source: str, folder: Path, cap: int) -> dict[str, Any]:
    """Read every layer into ``folder`` and return what happened."""
    import pyogrio
    import shapely

    notes: dict[str, int] = {}
    said: set[str] = set()
    found: dict[str, Any] = {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        box = pyogrio.read_info(source, layer="points").get("total_bounds")
        for layer in LAYERS:
            shapes, tags, ids = read_layer(source, layer, notes, cap)
            wkb = shapely.to_wkb(shapes)
            arrays = {}
            for name, texts in (("wkb", list(wkb)), ("tags", tags), ("ids", ids)):
                arrays[name], arrays[f"{name}_end"] = pack(texts)
            np.savez(folder / f"{layer}.npz", allow_pickle=False, **arrays)
            found[layer] = len(tags)
    for warning in caught:
        sentence = re.sub(r"\d+", "#", str(warning.message))[:200]
        said.add(sentence)
        if "ring" in sentence:
            notes["unclosed"] = notes.get("unclosed", 0) + 1
    return {"box": list(box) if box else None, "found": found, "notes": notes, "said": sorted(said)[:20]}


def main(job_file: str) -> int:
    """Do one job; the exit code tells a broken file (3) from one too large (4) and from our own fault (1)."""
    job = json.loads(Path(job_file).read_text())
    folder = Path(job["folder"])
    extra: list[str] = job.get("skipped", [])
    limit(job["cpu_s"], job["memory_mb"], job["disk_mb"])
    set_environment(Path(__file__).with_name("osm_child.ini"), folder, ",".join([SKIPPED_DRIVERS, *extra]))
    if found := other_drivers():  # another version of GDAL: skip those as well, by a fresh start
        if set(found) <= set(extra):
            return 1
        Path(job_file).write_text(json.dumps(job | {"skipped": found}))
        os.execv(sys.executable, [sys.executable, "-m", "gridmap.files.osm_child", job_file])  # noqa: S606 - ourselves
    from pyogrio.errors import DataLayerError, DataSourceError

    try:
        answer = read(job["source"], folder, job["cap"])
    except (DataSourceError, DataLayerError, UnicodeDecodeError) as error:
        (folder / "fault.txt").write_text(str(error)[:500])
        return 3
    except (MemoryError, OverflowError):
        return 4
    (folder / "answer.json").write_text(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
