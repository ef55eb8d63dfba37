"""A town as a folder of GeoJSON files: one for each frame, one feature a line, the same town gives the same bytes."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
from shapely.errors import ShapelyError
from shapely.geometry import mapping, shape

from gridmap.domain.crs import STORE_SRID
from gridmap.domain.towns import Town
from gridmap.errors import BadInput

FRAMES = ("streets", "barriers", "areas", "compounds", "grids", "buildings", "entrances", "places", "facilities")
FACTS = ("name", "code", "epsg", "box", "invented", "attribution", "timezone")
DATES = {"committee_since", "opened_on"}
NULLABLE_NUMBERS = {"compound_id", "built_year"}


def write_town(town: Town, folder: Path) -> None:
    """Write a town into a folder; files of an earlier one are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = {key: getattr(town, key) for key in FACTS}
    outline = [_feature(facts | {"box": list(town.box)}, town.outline)]
    (folder / "town.geojson").write_text(_document(outline), encoding="utf-8")
    for name in FRAMES:
        frame: gpd.GeoDataFrame = getattr(town, name)
        columns = [c for c in frame.columns if c != frame.geometry.name]
        rows = zip(*(frame[c].tolist() for c in columns), strict=True)
        features = [
            _feature(dict(zip(columns, map(_plain, row), strict=True)), geometry)
            for row, geometry in zip(rows, frame.geometry, strict=True)
        ]
        (folder / f"{name}.geojson").write_text(_document(features), encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, dt.date):
        return value.isoformat()
    return None if pd.isna(value) else value


def _feature(properties: dict[str, Any], geometry: Any) -> str:
    feature = {"type": "Feature", "properties": properties, "geometry": mapping(geometry)}
    return json.dumps(feature, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _document(features: list[str]) -> str:
    return '{"type":"FeatureCollection","features":[\n' + ",\n".join(features) + "\n]}\n"


def read_town(folder: Path) -> Town:
    """Read a town from a folder that ``write_town`` made.

    Raises
    ------
    BadInput
        When a file is missing or is no such file.
    """
    try:
        (facts, outline), *_ = _features(folder / "town.geojson")
        frames = {name: _frame(folder / f"{name}.geojson") for name in FRAMES}
        return Town(**(facts | {"box": tuple(facts["box"])}), outline=outline, **frames)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ShapelyError) as error:
        raise BadInput("读不出 %(folder)s 里的社区地图：%(why)s", folder=folder, why=error) from error


def _features(path: Path) -> list[tuple[dict[str, Any], Any]]:
    document = json.loads(path.read_text(encoding="utf-8"))
    return [(feature["properties"], shape(feature["geometry"])) for feature in document["features"]]


def _frame(path: Path) -> gpd.GeoDataFrame:
    features = _features(path)
    frame = pd.DataFrame([properties for properties, _ in features])
    for column in frame.columns.intersection(list(DATES)):
        frame[column] = [dt.date.fromisoformat(v) if isinstance(v, str) else None for v in frame[column]]
    for column in frame.columns.intersection(list(NULLABLE_NUMBERS)):
        frame[column] = frame[column].astype("Int64")
    return gpd.GeoDataFrame(frame, geometry=[geometry for _, geometry in features], crs=STORE_SRID)
