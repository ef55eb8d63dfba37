"""The buildings of a town from an OpenStreetMap extract: which count, what they are, how many homes, where the door is.

Estimates where nobody mapped it, all of them told in the report:

* floors: the median of the mapped ones in the same compound; else 6 for blocks of flats and for plain buildings
  above 120 m2, 2 for smaller ones and for houses, shops and public buildings;
* homes: none where tags, name, size or the ground say that nobody lives there; a house has one on each floor;
  otherwise one for each 110 m2 of floor (flat, walls and stairs) within 9 m of an outer wall: flats need daylight.
"""

from __future__ import annotations

import re
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridmap.domain.crs import STORE_SRID
from gridmap.domain.towns import Report
from gridmap.files import osm_words as words
from gridmap.files.osm_ground import GRAIN, frame, pieces

MIN_M2 = 8.0  # smaller is a mapping crumb
SHED_M2, HALL_M2 = 25.0, 6_000.0  # of plain buildings, those between are homes
FLAT_M2 = 110.0  # floor for one home, with walls and stairs
DAYLIGHT_M = 9.0  # how far inside a building flats reach
DOOR_REACH_M = 5.0  # a mapped entrance belongs to a building edge at most so far away
LIFT_FLOORS = 7  # from so many floors on a lift is required, GB 50096-2011 6.4.1
NOT_HOMES = re.compile(
    "大厦|广场|中心|商场|超市|市场|酒店|宾馆|饭店|医院|学校|小学|中学|幼儿园|学院|图书馆|教学|实验|食堂|体育|银行|写字楼|"
    "办公|政府|派出所|车站|车库|泵房|变电|厂|仓库|礼堂|博物馆|影院|教堂|寺|hotel|bank|school|church|station|museum|hospital",
    re.IGNORECASE,
)
NOT_HOME_GROUND = {
    "landuse": {"retail", "commercial", "industrial", "railway", "military", "construction"},
    "amenity": {"school", "kindergarten", "university", "college", "hospital", "parking", "fuel"},
    "leisure": {"park", "stadium", "sports_centre", "marina"},
}
_NUMBER_ONLY = re.compile(r"^[#＃]?\d+[A-Za-z]?(号楼|栋|幢|座|#|号)?$")


def candidates(polygons: gpd.GeoDataFrame, report: Report) -> gpd.GeoDataFrame:
    """Return every building of the file as single polygons: source_id, tags, geometry."""
    tags = polygons["tags"]
    whole = words.which(tags, lambda t: "building" in t and t["building"] not in words.NO_BUILDING)
    part = words.which(tags, lambda t: "building" not in t and t.get("building:part", "no") not in words.NO_BUILDING)
    unbuilt = words.which(tags, lambda t: t.get("building") in words.NO_BUILDING - {"no"})
    report.note("在建、棚顶或已拆的建筑，未读入：%(n)s 栋", int(unbuilt.sum()))
    found = polygons[whole | part].assign(part=part[whole | part])
    found = found.assign(geometry=shapely.set_precision(found.geometry.to_numpy(), GRAIN)).explode(index_parts=False)
    found = found[(found.geom_type == "Polygon") & ~found.is_empty]
    return found.reset_index(drop=True)


def without_doubles(buildings: gpd.GeoDataFrame, shapes_m: gpd.GeoSeries, report: Report) -> np.ndarray:
    """Return which buildings stay: crumbs, doubles, parts of another and what lies inside another go.

    Of two that cover each other the one with more tags stays; a building of which another covers 60 % goes.
    """
    shapes = shapes_m.to_numpy()
    area = shapely.area(shapes)
    stays = area >= MIN_M2
    report.note("小于 8 平方米的建筑碎块，未读入：%(n)s 个", int((~stays).sum()))
    rank = np.array([(not part, len(tags)) for part, tags in zip(buildings["part"], buildings["tags"], strict=True)])
    tree = shapely.STRtree(shapes)
    left, right = tree.query(shapes, predicate="intersects")
    pairs = np.flatnonzero((left < right) & stays[left] & stays[right])
    shared = shapely.area(shapely.intersection(shapes[left[pairs]], shapes[right[pairs]]))
    for a, b, common in zip(left[pairs], right[pairs], shared, strict=True):
        if not (stays[a] and stays[b]) or common < 0.6 * min(area[a], area[b]):
            continue
        twins = common > 0.6 * max(area[a], area[b])
        goes = b if (tuple(rank[a]) >= tuple(rank[b]) if twins else area[a] >= area[b]) else a
        stays[goes] = False
        report.note("与另一建筑重复或在其内部，未读入：%(n)s 栋")
    return np.asarray(stays)


def described(
    buildings: gpd.GeoDataFrame, shapes_m: gpd.GeoSeries, grounds: gpd.GeoDataFrame, compound: pd.Series, report: Report
) -> pd.DataFrame:
    """Return kind, floors, has_lift and homes_per_floor of each building.

    Parameters
    ----------
    grounds : areas with tags, EPSG:4326; those in ``NOT_HOME_GROUND`` say that a plain building is no home.
    compound : for each building its compound's id or NA.
    """
    uses = [words.use_of(tags) for tags in buildings["tags"]]
    area = shapes_m.area.to_numpy()
    lit = area - shapely.area(shapely.buffer(shapes_m.to_numpy(), -DAYLIGHT_M, quad_segs=1))
    mapped = pd.Series([words.floors(tags) for tags in buildings["tags"]], dtype="Float64", index=buildings.index)
    report.note("建筑没有层数，已估计：%(n)s 栋", int(mapped.isna().sum()))
    around = mapped.groupby(compound).transform("median") if compound.notna().any() else mapped
    elsewhere = _on_ground_without_homes(buildings, grounds)
    rows = []
    for i, (use, tags) in enumerate(zip(uses, buildings["tags"], strict=True)):
        lived_in = use["homes"]
        if lived_in is None:
            named_otherwise = bool(NOT_HOMES.search(words.label(tags)))
            lived_in = not (named_otherwise or elsewhere[i]) and SHED_M2 <= area[i] <= HALL_M2
        levels = _floors(mapped.iloc[i], around.iloc[i], use, lived_in=lived_in, area_m2=area[i])
        kind = use["kind"] or _kind(levels, area[i], lived_in=lived_in)
        per_floor = (1 if kind == "lane" else max(round(lit[i] / FLAT_M2), 1)) if lived_in else 0
        rows.append((kind, levels, lived_in and levels >= LIFT_FLOORS, per_floor))
    return pd.DataFrame(rows, columns=["kind", "floors", "has_lift", "homes_per_floor"], index=buildings.index)


def _on_ground_without_homes(buildings: gpd.GeoDataFrame, grounds: gpd.GeoDataFrame) -> np.ndarray:
    """Tell which buildings stand on ground used otherwise; residential ground inside wins."""

    def standing_on(wanted: np.ndarray) -> np.ndarray:
        chosen = grounds.geometry.to_numpy()[wanted]
        at = shapely.point_on_surface(buildings.geometry.to_numpy())
        hit = shapely.STRtree(chosen).query(at, predicate="within")[0]
        return np.isin(np.arange(len(at)), hit)

    plain = ~words.which(grounds["tags"], lambda t: "building" in t or "building:part" in t)
    other = words.which(grounds["tags"], lambda t: any(t.get(key) in values for key, values in NOT_HOME_GROUND.items()))
    homes = words.which(grounds["tags"], lambda t: t.get("landuse") == "residential")
    return np.asarray(standing_on(plain & other) & ~standing_on(plain & homes))


def _floors(mapped: Any, around: Any, use: dict[str, Any], *, lived_in: bool, area_m2: float) -> int:
    if not pd.isna(mapped):
        return int(mapped)
    if not lived_in or use["kind"] == "lane":
        return 2
    if not pd.isna(around):
        return max(int(around), 1)
    return 6 if use["homes"] or area_m2 > 120 else 2


def _kind(levels: int, area_m2: float, *, lived_in: bool) -> str:
    if not lived_in:
        return "public"
    if levels > 6:
        return "tower"
    return "walkup" if levels > 2 or area_m2 > 250 else "lane"


def names(buildings: gpd.GeoDataFrame, compound_name: pd.Series, report: Report) -> list[str]:
    """Return what people call each building; a bare number gets its compound's name in front."""
    found, unnamed = [], 0
    for tags, compound in zip(buildings["tags"], compound_name, strict=True):
        name = words.label(tags) or words.address(tags) or tags.get("ref", "")
        if _NUMBER_ONLY.match(name) and not pd.isna(compound):
            name = f"{compound}{name}" + ("号楼" if name.isdigit() else "")
        if not name:
            unnamed += 1
            name = f"未命名楼栋{unnamed}"
        found.append(name[:60])
    report.note("建筑没有名称和门牌，已编临时名：%(n)s 栋", unnamed)
    return found


def mapped_doors(points: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the nodes that are entrances of buildings; garages, emergency exits and the like are not."""
    no_door = {"no", "garage", "emergency", "exit", "service"}
    is_door = words.which(
        points["tags"], lambda t: ("entrance" in t and t["entrance"] not in no_door) or t.get("building") == "entrance"
    )
    return points[is_door]


def entrances(
    buildings_m: gpd.GeoSeries, doors_m: gpd.GeoDataFrame, streets_m: gpd.GeoSeries, epsg: int, report: Report
) -> gpd.GeoDataFrame:
    """Return one entrance or more for each building: mapped ones on its edge, else the point nearest to a street.

    Parameters
    ----------
    buildings_m, doors_m, streets_m : in metres (``epsg``); the index of ``buildings_m`` is the building's id.
    """
    edges = shapely.boundary(buildings_m.to_numpy())
    units: dict[int, list[tuple[str, Any]]] = {}
    if len(doors_m) and len(edges):
        tree = shapely.STRtree(edges)
        hit, distance = tree.query_nearest(doors_m.geometry.to_numpy(), return_distance=True, all_matches=False)
        for (d, b), far in zip(hit.T, distance, strict=True):
            if far <= DOOR_REACH_M:
                units.setdefault(int(b), []).append(_door(doors_m["tags"].iloc[d], edges[b], doors_m.geometry.iloc[d]))
            else:
                report.note("入口离任何建筑都超过 5 米，未读入：%(n)s 个")
    assumed = [b for b in range(len(edges)) if b not in units]
    report.note("建筑没有标出入口，已设在离道路最近处：%(n)s 栋", len(assumed))
    rows = [
        {"building_id": b, "unit": unit, "assumed": False, "geometry": at}
        for b, doors in sorted(units.items())
        for unit, at in _numbered(doors)
    ]
    facing = _facing_street(edges[assumed], streets_m.to_numpy())
    rows += [
        {"building_id": b, "unit": "无", "assumed": True, "geometry": at} for b, at in zip(assumed, facing, strict=True)
    ]
    found = frame(rows, ["building_id", "unit", "assumed"]).set_crs(epsg, allow_override=True).to_crs(STORE_SRID)
    found["id"] = np.arange(len(found))
    return found


def _door(tags: words.Tags, edge: Any, at: Any) -> tuple[str, Any]:
    said = tags.get("addr:unit") or tags.get("ref") or ""
    return said[:12], shapely.line_interpolate_point(edge, shapely.line_locate_point(edge, at))


def _numbered(doors: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Give each door of a building a unit of its own, west to east; one alone needs none."""
    if len(doors) == 1:
        return [(doors[0][0] or "无", doors[0][1])]
    said = [name for name, _ in doors]
    if all(said) and len(set(said)) == len(said):
        return doors
    ordered = sorted(doors, key=lambda door: (door[1].x, door[1].y))
    return [(f"{i}单元", at) for i, (_, at) in enumerate(ordered, 1)]


def _facing_street(edges: np.ndarray, streets: np.ndarray) -> list[Any]:
    """Return for each edge the point nearest to a street; without streets its southernmost point."""
    if not len(streets):
        return [min((shapely.Point(c) for c in edge_coordinates(edge)), key=lambda p: (p.y, p.x)) for edge in edges]
    straight, _ = pieces(streets)
    nearest = shapely.STRtree(straight).query_nearest(edges, all_matches=False)[1]
    links = shapely.shortest_line(edges, straight[nearest])
    return list(shapely.get_point(links, 0))


def edge_coordinates(edge: Any) -> np.ndarray:
    """Return the corners of a building's edge."""
    return np.asarray(shapely.get_coordinates(edge))
