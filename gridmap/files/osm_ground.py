"""The ground of a town from an OpenStreetMap extract: its outline, streets, barriers, areas and points.

Shapes come in as EPSG:4326 and stay in degrees, rounded to 1e-7 as OpenStreetMap itself does, so that what touches
there touches here; lengths and areas are taken from a copy in metres.
"""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely import Point, Polygon
from shapely.geometry.base import BaseGeometry

from gridmap.domain.crs import STORE_SRID, WGS84_SRID, projected_epsg
from gridmap.domain.towns import Report
from gridmap.errors import BadInput
from gridmap.files import osm_words as words
from gridmap.files.osm import Extract

GRAIN = 1e-7  # degrees, about 1 cm: the resolution of OpenStreetMap and of our borders
MAX_SIDE_M = 100_000.0  # beyond that no projected zone is true any more
CLOSING_M = (60.0, 120.0, 240.0, 480.0)  # gaps twice as wide still belong to one town
MIN_PART_M2 = 4.0

Box = tuple[float, float, float, float]


def frame(rows: list[dict[str, Any]], columns: list[str]) -> gpd.GeoDataFrame:
    """Return a frame in the store's CRS with these columns and geometry, also when there are no rows."""
    data = pd.DataFrame(rows, columns=[*columns, "geometry"])
    return gpd.GeoDataFrame(data, geometry="geometry", crs=STORE_SRID)


def parts(shape: BaseGeometry, kind: str) -> list[Any]:
    """Return the simple parts of one kind ("Polygon", "LineString") of a shape, rounded and still valid."""
    found = shapely.get_parts(shapely.set_precision(shape, GRAIN))
    if kind == "Polygon":
        found = shapely.get_parts(found)
    return [one for one in found if one.geom_type == kind and not one.is_empty]


def data_box(streets: gpd.GeoSeries, buildings: gpd.GeoSeries, header: Box | None) -> tuple[Box, bool]:
    """Return where to look for the town, in degrees, and whether the file itself says so.

    The file's own box where it has one that holds data. Otherwise the box from the 1st to the 99th percentile of
    the buildings' centres (fewer than 30: of the street nodes), a fifth wider and at least 150 m: complete ways that
    leave an extract and stray objects far away do not count.
    """
    centres = shapely.get_coordinates(shapely.centroid(buildings.to_numpy()))
    nodes = shapely.get_coordinates(streets.to_numpy())
    things = centres if len(centres) >= 30 else nodes
    if not len(things):
        raise BadInput("文件里没有任何道路或建筑")
    if header and _inside(things, header).mean() > 0.2:
        return header, True
    low, high = np.percentile(things, [1, 99], axis=0)
    metre = np.array([1 / (111_320.0 * max(np.cos(np.radians(low[1])), 0.01)), 1 / 110_574.0])
    margin = np.maximum((high - low) * 0.1, 150 * metre)
    low, high = np.maximum(low - margin, [-180, -89.9]), np.minimum(high + margin, [180, 89.9])
    return (float(low[0]), float(low[1]), float(high[0]), float(high[1])), False


def _inside(points: np.ndarray, box: Box) -> np.ndarray:
    return np.asarray((points >= box[:2]).all(axis=1) & (points <= box[2:]).all(axis=1))


def local_epsg(box: Box) -> int:
    """Return the projected CRS of a box in degrees.

    Raises
    ------
    BadInput
        When it is wider or higher than 100 km.
    """
    epsg = projected_epsg((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    corners = gpd.GeoSeries([Point(box[0], box[1]), Point(box[2], box[3])], crs=WGS84_SRID)
    side_m = max((box[2] - box[0]) * 111_320 * np.cos(np.radians((box[1] + box[3]) / 2)), (box[3] - box[1]) * 110_574)
    if side_m > MAX_SIDE_M or not np.isfinite(corners.to_crs(epsg).bounds.to_numpy()).all():
        raise BadInput("范围太大（约 %(km)d 公里，上限 100 公里）。请先裁剪出一个社区再导入", km=int(side_m / 1000))
    return epsg


def outline(streets_m: gpd.GeoSeries, buildings_m: gpd.GeoSeries, box_m: Polygon, *, given: bool) -> Polygon:
    """Return the outline of the built-up ground inside a box, in metres.

    A ``given`` box (the file's own) that is built-up on 60 % of its area is the outline itself. Otherwise streets and
    buildings are joined where they are at most 120 m apart; the largest piece counts when it holds 98 % of what there
    is, otherwise the gap is doubled up to 960 m, and at last the convex hull is taken. Holes belong to the town. No
    building whose centre lies in the box is cut.
    """
    lines = shapely.intersection(streets_m.to_numpy(), box_m)
    whole = buildings_m.to_numpy()[shapely.contains_properly(box_m, shapely.centroid(buildings_m.to_numpy()))]
    things = np.concatenate([lines[~shapely.is_empty(lines)], whole])
    if not len(things):
        raise BadInput("文件里没有任何道路或建筑")
    found = _hull(things)
    if given and found.intersection(box_m).area > 0.6 * box_m.area:
        found = box_m
    found = _filled_largest(found.intersection(box_m))
    sticks_out = whole[~shapely.contains_properly(found, whole) & shapely.intersects(found, whole)]
    return _filled_largest(shapely.union_all([found, *shapely.buffer(sticks_out, 1.0, quad_segs=1)]))


def _hull(things: np.ndarray) -> Polygon:
    weights = np.maximum(shapely.length(things), 1.0)
    centres = shapely.point_on_surface(things)
    for radius_m in CLOSING_M:
        blot = shapely.union_all(shapely.buffer(shapely.simplify(things, 5.0), radius_m, quad_segs=2))
        shrunk = _filled_largest(blot).buffer(15.0 - radius_m, quad_segs=2)
        if shrunk.is_empty:
            continue
        town = _filled_largest(_filled_largest(shrunk).simplify(8.0))
        if weights[shapely.intersects(town, centres)].sum() >= 0.98 * weights.sum():
            return town
    return _filled_largest(shapely.convex_hull(shapely.GeometryCollection(list(things))).buffer(15.0))


def _filled_largest(shape: BaseGeometry) -> Polygon:
    pieces = [piece for piece in shapely.get_parts(shape).tolist() if piece.geom_type == "Polygon"]
    return Polygon(max(pieces, key=lambda piece: float(piece.area)).exterior)


def streets(lines: gpd.GeoDataFrame, edge: Polygon, report: Report) -> gpd.GeoDataFrame:
    """Return streets inside the outline.

    Columns: name, kind, source_id, on_foot, underground, steps and incline (of stairs), one_way (of walkers), geometry.
    """
    rows: list[dict[str, Any]] = []
    lies_in = shapely.intersects(edge, lines.geometry.to_numpy())
    goes_out = ~shapely.covers(edge, lines.geometry.to_numpy())
    for i, (source_id, tags, shape) in enumerate(zip(lines["source_id"], lines["tags"], lines.geometry, strict=True)):
        if "highway" not in tags:
            continue
        kind = words.street_kind(tags)
        if kind is None:
            report.note("道路在建、规划中或类型不明，未读入：%(n)s 条")
            continue
        if not lies_in[i]:
            report.note("道路在社区范围之外，未读入：%(n)s 条")
            continue
        if goes_out[i]:
            report.note("道路伸出社区范围，已在边界处截断：%(n)s 条")
        row = {
            "name": words.label(tags) or None,
            "kind": kind,
            "source_id": source_id,
            "on_foot": tags["highway"] not in words.NOT_ON_FOOT and not words.closed_to_walkers(tags),
            "underground": tags.get("tunnel", "no") not in {"no", "building_passage"} or tags.get("indoor") == "yes",
            "steps": words.steps(tags) if kind == "steps" and not goes_out[i] else None,
            "incline": tags.get("incline") if tags.get("incline") in {"up", "down"} else None,
            "one_way": words.one_way(tags),
        }
        inside = shape.intersection(edge) if goes_out[i] else shape
        rows += [row | {"geometry": part} for part in parts(inside, "LineString")]
    return frame(rows, ["name", "kind", "source_id", "on_foot", "underground", "steps", "incline", "one_way"])


def gates(points: gpd.GeoDataFrame, edge: Polygon) -> gpd.GeoDataFrame:
    """Return gates inside the outline: name, opens_min, closes_min (none when always open), barred, geometry."""
    rows = []
    for tags, shape in zip(points["tags"], points.geometry, strict=True):
        if tags.get("barrier") in words.DOORS_OF_STREETS and edge.contains(shape):
            opens, closes = words.hours(tags) or (None, None)
            row = {"name": words.label(tags) or None, "opens_min": opens, "closes_min": closes}
            rows.append(row | {"barred": words.closed_to_walkers(tags), "geometry": shape})
    return frame(rows, ["name", "opens_min", "closes_min", "barred"])


def barriers(extract: Extract, edge: Polygon) -> gpd.GeoDataFrame:
    """Return walls, fences and hedges inside the outline, also those mapped on the edge of an area."""
    rows = []
    edges = extract.polygons.assign(geometry=extract.polygons.boundary)
    for source in (extract.lines, edges):
        for tags, shape in zip(source["tags"], source.geometry, strict=True):
            kind = words.BARRIER.get(tags.get("barrier", "")) or ("wall" if tags.get("wall") == "yes" else None)
            if kind and "building" not in tags:
                rows += [{"kind": kind, "geometry": part} for part in parts(shape.intersection(edge), "LineString")]
    return frame(rows, ["kind"])


def pieces(lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the straight pieces of lines, and which line each belongs to: the nearest piece is found quickly."""
    at, line = shapely.get_coordinates(lines, return_index=True)
    joined = np.flatnonzero(line[1:] == line[:-1])
    return np.asarray(shapely.linestrings(np.stack([at[joined], at[joined + 1]], axis=1))), line[joined]


def clipped(shape: BaseGeometry, edge: Polygon) -> list[Polygon]:
    """Return the parts of an area inside the outline, without crumbs."""
    inside = shape.intersection(edge)
    return [Polygon(part) for part in parts(inside, "Polygon") if part.area > MIN_PART_M2 * 1e-10]


def areas(polygons: gpd.GeoDataFrame, edge: Polygon) -> gpd.GeoDataFrame:
    """Return parks, water, green, pitches, schools, plazas and commercial ground inside the outline, large first."""
    rows: list[dict[str, Any]] = []
    for tags, shape in zip(polygons["tags"], polygons.geometry, strict=True):
        kind = None if "building" in tags or "building:part" in tags else words.area_kind(tags)
        if kind:
            named = {"name": words.label(tags) or None, "kind": kind}
            rows += [named | {"geometry": part} for part in clipped(shape, edge)]
    rows.sort(key=lambda row: -row["geometry"].area)
    return frame(rows, ["name", "kind"])


def compounds(polygons: gpd.GeoDataFrame, edge: Polygon, report: Report) -> gpd.GeoDataFrame:
    """Return named residential ground inside the outline: id, name, geometry; of several parts the largest."""
    rows: list[dict[str, Any]] = []
    for tags, shape in zip(polygons["tags"], polygons.geometry, strict=True):
        lived_in = tags.get("landuse") == "residential"
        if not (lived_in or tags.get("place") in {"neighbourhood", "quarter", "city_block", "plot"}):
            continue
        if "building" in tags or not (pieces := clipped(shape, edge)):
            continue
        if not (name := words.label(tags)):
            report.note("住宅用地没有名称，不作为小区：%(n)s 处")
            continue
        rows.append({"name": name, "geometry": max(pieces, key=lambda piece: piece.area)})
    for i, row in enumerate(rows):
        row["id"] = i
    return frame(rows, ["id", "name"])


def places(extract: Extract, edge: Polygon) -> gpd.GeoDataFrame:
    """Return what people look for by name, and gates: from points, and from areas and buildings."""
    rows = []
    for source in (extract.points, extract.polygons):
        for tags, shape in zip(source["tags"], source.geometry, strict=True):
            kind = words.place_kind(tags)
            name = words.label(tags) or ("大门" if kind == "gate" else "")
            if kind == "other" and "building" not in tags and words.area_kind(tags):
                continue  # its name stands on the area already
            if kind and name and not words.facility_kind(tags):
                at = shape if shape.geom_type == "Point" else shape.point_on_surface()
                rows.append({"name": name, "kind": kind, "geometry": shapely.set_precision(at, GRAIN)})
    found = frame(rows, ["name", "kind"])
    found = found[found.within(edge)].drop_duplicates(["name", "kind", "geometry"])
    return found.reset_index(drop=True)


def facilities(points: gpd.GeoDataFrame, edge: Polygon, on: Any, report: Report) -> gpd.GeoDataFrame:
    """Return vending machines, parcel lockers and phone chargers; the day of opening is the day of reading."""
    titles = {"vending": "自动售货机", "locker": "储物柜", "charging": "手机充电点"}
    rows: list[dict[str, Any]] = []
    counted = dict.fromkeys(titles, 0)
    for tags, shape in zip(points["tags"], points.geometry, strict=True):
        if (kind := words.facility_kind(tags)) and edge.contains(shape):
            counted[kind] += 1
            number = f"{kind[0].upper()}{counted[kind]:03d}"
            name = words.label(tags) or f"{titles[kind]}{counted[kind]}"
            rows.append({"number": number, "kind": kind, "name": name, "opened_on": on, "geometry": shape})
    report.note("便民设施没有启用日期，按导入当天计：%(n)s 处", len(rows))
    return frame(rows, ["number", "kind", "name", "opened_on"])
