"""An OpenStreetMap extract becomes a town: cleaned, clipped to an outline, drafted into grids, with a report."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import available_timezones

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from shapely import Polygon

from gridmap.domain.crs import CHINA_BOX, STORE_SRID
from gridmap.domain.drafting import MAX_GRIDS, draft
from gridmap.domain.towns import Report, Town
from gridmap.errors import BadInput
from gridmap.files import osm, osm_buildings, osm_ground, osm_words

BOX_MARGIN = 0.002  # degrees, about 200 m around the outline: what is moved later may still be stored
REACH_M = 300.0  # a home farther than this from any street on foot counts as unreachable
_CODE = re.compile(r"[0-9A-Za-z-]{1,20}")


@dataclass(frozen=True)
class Wish:
    """What somebody wants built of an extract.

    Attributes
    ----------
    name : of the community.
    grids : how many to draft.
    on : the day of the import.
    code : official or own; without one a local code is made that holds a letter and so is never an official one.
    timezone : IANA name; without one a guess, see ``timezone_of``.
    seed : of the draft.
    """

    name: str
    grids: int
    on: date
    code: str = ""
    timezone: str = ""
    seed: int = 7


def read_town(path: Path, wish: Wish, limits: osm.Limits = osm.DEFAULT_LIMITS) -> tuple[Town, Report]:
    """Read an OpenStreetMap file and build the town that is wished; 0 households.

    Raises
    ------
    BadInput
        When the file or the wish cannot be used.
    """
    if not wish.name.strip() or len(wish.name) > 60:
        raise BadInput("社区名称应有 1 到 60 个字")
    if wish.code and not _CODE.fullmatch(wish.code):
        raise BadInput("社区编码只能用数字、字母和连字符，最多 20 位")
    if wish.timezone and wish.timezone not in available_timezones():
        raise BadInput("没有这个时区：%(zone)s（例如 Asia/Shanghai）", zone=wish.timezone)
    if not 1 <= wish.grids <= MAX_GRIDS:
        raise BadInput("网格数应在 1 到 %(most)d 之间", most=MAX_GRIDS)
    return build(osm.read(path, limits), wish)


def local_code(name: str, digest: str) -> str:
    """Return a code from the name and the file: "L-" and 8 hex digits; official codes hold digits only."""
    return "L-" + hashlib.sha256(f"{name}\n{digest}".encode()).hexdigest()[:8].upper()


def build(extract: osm.Extract, wish: Wish) -> tuple[Town, Report]:
    """Build a town of an extract."""
    report = _begun(extract)
    found = osm_buildings.candidates(extract.polygons, report)
    ways = extract.lines[osm_words.which(extract.lines["tags"], lambda t: osm_words.street_kind(t) is not None)]
    box, given = osm_ground.data_box(ways.geometry, found.geometry, extract.box)
    epsg = osm_ground.local_epsg(box)
    found = found[_near(found, box)].reset_index(drop=True)
    edge = _outline(ways, found, box, epsg, given=given)
    buildings, shapes_m = _cleaned(found, edge, epsg, report)
    streets = osm_ground.streets(extract.lines, edge, report)
    barriers = osm_ground.barriers(extract, edge)
    compounds = osm_ground.compounds(extract.polygons, edge, report)
    buildings["compound_id"] = _compound_of(buildings, compounds)
    facts = osm_buildings.described(buildings, shapes_m, extract.polygons, buildings["compound_id"], report)
    buildings = buildings.join(facts)
    called = (
        buildings["compound_id"].map(compounds.set_index("id")["name"])
        if len(compounds)
        else pd.Series(pd.NA, index=buildings.index)
    )
    buildings["name"] = osm_buildings.names(buildings, called, report)
    homes = (buildings["floors"] * buildings["homes_per_floor"]).to_numpy(dtype=float)
    plan = draft(edge, streets, barriers.geometry, buildings.geometry, homes, count=wish.grids, seed=wish.seed)
    on_foot = streets[streets["on_foot"].astype(bool)].to_crs(epsg)
    doors_m = osm_buildings.mapped_doors(extract.points).to_crs(epsg)
    entrances = osm_buildings.entrances(shapes_m, doors_m, on_foot.geometry, epsg, report)
    per_building = entrances["building_id"].value_counts().reindex(buildings.index).fillna(1)
    buildings["doors_per_floor"] = np.ceil(buildings["homes_per_floor"] / per_building).astype(int)
    code = wish.code or local_code(wish.name, extract.digest)
    town = Town(
        name=wish.name.strip(),
        code=code,
        epsg=epsg,
        box=_box_around(plan.outline),
        invented="none",
        attribution=osm.ATTRIBUTION,
        outline=plan.outline,
        streets=streets.drop(columns="underground"),
        barriers=barriers,
        areas=osm_ground.areas(extract.polygons, edge),
        compounds=_compound_kinds(compounds, buildings),
        grids=_grids(plan.grids, code),
        buildings=_building_frame(buildings, plan.building_grid),
        entrances=entrances[["id", "building_id", "unit", "assumed", "geometry"]],
        places=osm_ground.places(extract, edge),
        facilities=osm_ground.facilities(extract.points, edge, wish.on, report),
        timezone=wish.timezone or timezone_of(*shapely.get_coordinates(plan.outline.centroid)[0]),
        gates=osm_ground.gates(extract.points, edge),
    )
    _count(report, town, homes)
    report.measures |= {"blocks": plan.blocks, "load_max_over_mean": round(plan.balance, 3)}
    report.measures |= reachability(on_foot, shapes_m, homes)
    if not homes.sum():
        report.note("没有住宅楼数据，网格按道路长度划分：%(n)s 个", wish.grids)
    return town, report


def _begun(extract: osm.Extract) -> Report:
    report = Report()
    notes = extract.notes
    report.note("多边形有缺口，已按断点闭合：%(n)s 处", notes.get("unclosed", 0))
    report.note("图形自相交，已修复：%(n)s 个", notes.get("repaired", 0))
    report.note("图形损坏无法修复，未读入：%(n)s 个", notes.get("broken", 0))
    unusable = sum(n for key, n in notes.items() if key.endswith("_unusable"))
    report.note("没有坐标的对象，未读入：%(n)s 个", unusable)
    return report


def _near(found: gpd.GeoDataFrame, box: osm_ground.Box) -> np.ndarray:
    at = shapely.get_coordinates(shapely.centroid(found.geometry.to_numpy()))
    pad = 0.05
    return np.asarray((at > np.array(box[:2]) - pad).all(axis=1) & (at < np.array(box[2:]) + pad).all(axis=1))


def _outline(
    ways: gpd.GeoDataFrame, found: gpd.GeoDataFrame, box: osm_ground.Box, epsg: int, *, given: bool
) -> Polygon:
    window = shapely.box(box[0] - 0.05, box[1] - 0.05, box[2] + 0.05, box[3] + 0.05)
    ways_near = ways.geometry[ways.intersects(window)].clip(window)
    box_m = gpd.GeoSeries([shapely.box(*box)], crs=ways.crs).to_crs(epsg).iloc[0]
    outline_m = osm_ground.outline(ways_near.to_crs(epsg), found.geometry.to_crs(epsg), box_m, given=given)
    edge = gpd.GeoSeries([outline_m], crs=epsg).to_crs(STORE_SRID).iloc[0]
    return Polygon(shapely.set_precision(edge, osm_ground.GRAIN).exterior)


def _cleaned(
    found: gpd.GeoDataFrame, edge: Polygon, epsg: int, report: Report
) -> tuple[gpd.GeoDataFrame, gpd.GeoSeries]:
    """Return the buildings that stay, and their shapes in metres under the same index."""
    inside = found.within(edge)
    report.note("建筑在社区范围之外，未读入：%(n)s 栋", int((~inside).sum()))
    found = found[inside].reset_index(drop=True)
    shapes_m = found.geometry.to_crs(epsg)
    stays = osm_buildings.without_doubles(found, shapes_m, report)
    kept = found[stays].reset_index(drop=True).set_crs(STORE_SRID, allow_override=True)
    return kept, shapes_m[stays].reset_index(drop=True)


def _compound_of(buildings: gpd.GeoDataFrame, compounds: gpd.GeoDataFrame) -> pd.Series:
    """Return for each building the id of the smallest compound it stands in, or NA."""
    found = pd.Series(pd.NA, index=buildings.index, dtype="Int64")
    if len(compounds) and len(buildings):
        at = shapely.point_on_surface(buildings.geometry.to_numpy())
        by_size = compounds.iloc[np.argsort(-shapely.area(compounds.geometry.to_numpy()), kind="stable")]
        which, compound = shapely.STRtree(by_size.geometry.to_numpy()).query(at, predicate="within")
        order = np.argsort(compound, kind="stable")  # the smallest is written last
        found.iloc[which[order]] = by_size["id"].to_numpy()[compound[order]]
    return found


def _compound_kinds(compounds: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Name a compound after the kind most of its homes have; mixed when no kind has two thirds."""
    lived_in = buildings[buildings["homes_per_floor"] > 0]
    share = (
        pd.crosstab(lived_in["compound_id"], lived_in["kind"], normalize="index") if len(lived_in) else pd.DataFrame()
    )
    kinds = []
    for i in compounds["id"]:
        row = share.loc[i] if i in share.index else pd.Series(dtype=float)
        kinds.append(row.idxmax() if len(row) and row.max() > 2 / 3 else "mixed")
    return compounds.assign(kind=kinds, built_year=None, committee_since=None)


def _grids(shapes: list[Polygon], code: str) -> gpd.GeoDataFrame:
    numbers = range(1, len(shapes) + 1)
    return gpd.GeoDataFrame(
        {
            "number": list(numbers),
            "code": [f"{code}{n:03d}" for n in numbers],
            "name": [f"第{n}网格" for n in numbers],
            "kind": "general",
        },
        geometry=shapes,
        crs=STORE_SRID,
    )


def _building_frame(buildings: gpd.GeoDataFrame, grid_number: np.ndarray) -> gpd.GeoDataFrame:
    columns = ["compound_id", "name", "kind", "floors", "has_lift", "source_id", "doors_per_floor", "geometry"]
    found = buildings[columns].assign(id=np.arange(len(buildings)), grid_number=grid_number)
    return found.set_crs(STORE_SRID, allow_override=True)


def _box_around(outline: Polygon) -> tuple[float, float, float, float]:
    west, south, east, north = outline.bounds
    margin = BOX_MARGIN
    return (
        max(round(west - margin, 6), -180.0),
        max(round(south - margin, 6), -90.0),
        min(round(east + margin, 6), 180.0),
        min(round(north + margin, 6), 90.0),
    )


def timezone_of(lon: float, lat: float) -> str:
    """Guess the time zone: Shanghai in China's box, three zones in Europe, elsewhere whole hours by longitude.

    A guess is all it can be without a map of time zones; the command takes another by ``--timezone``.
    """
    west, south, east, north = CHINA_BOX
    if west <= lon <= east and south <= lat <= north:
        return "Asia/Shanghai"
    if -11 <= lon <= 32 and 35 <= lat <= 72:
        if lon < -6 or (lon < 1.5 and lat > 50):
            return "Europe/London"
        return "Europe/Paris" if lon < 22 else "Europe/Athens"
    hours = round(lon / 15)
    return "Etc/GMT" + (f"{-hours:+d}" if hours else "")  # POSIX signs: east is minus


def _count(report: Report, town: Town, homes: np.ndarray) -> None:
    for name in ("streets", "barriers", "areas", "compounds", "buildings", "entrances", "places", "facilities"):
        report.read[name] = len(getattr(town, name))
    report.read["entrances_mapped"] = int((~town.entrances["assumed"].astype(bool)).sum())
    report.read["buildings_lived_in"] = int((homes > 0).sum())
    report.read["homes_estimated"] = int(homes.sum())
    report.read["grids"] = len(town.grids)


def reachability(streets_m: gpd.GeoDataFrame, buildings_m: gpd.GeoSeries, homes: np.ndarray) -> dict[str, float]:
    """Return how far the street network hangs together and reaches the homes.

    Ways meet where they share a coordinate. Unreachable are homes whose nearest street belongs to another piece
    than the largest, or is farther than 300 m.

    Parameters
    ----------
    streets_m, buildings_m : in metres.
    homes : (n,) homes in each building.
    """
    lines = streets_m.geometry.to_numpy()
    if not len(lines):
        return {"street_km": 0.0, "network_pieces": 0, "homes_unreachable": float(homes.sum())}
    at, line = shapely.get_coordinates(lines, return_index=True)
    _, node = np.unique(np.round(at, 2), axis=0, return_inverse=True)
    node = node.reshape(-1)
    size = len(lines) + int(node.max()) + 1
    graph = coo_matrix((np.ones(len(line)), (line, len(lines) + node)), shape=(size, size))
    label = connected_components(graph, directed=False)[1][: len(lines)]
    length = shapely.length(lines)
    share = np.bincount(label, length)
    measures = {
        "street_km": round(float(length.sum()) / 1000, 2),
        "network_pieces": len(np.unique(label)),
        "largest_piece_share": round(float(share.max() / max(length.sum(), 1e-9)), 4),
    }
    if len(buildings_m):
        straight, owner = osm_ground.pieces(lines)
        (which, nearest), far = shapely.STRtree(straight).query_nearest(
            buildings_m.to_numpy(), all_matches=False, return_distance=True
        )
        lost = (label[owner[nearest]] != share.argmax()) | (far > REACH_M)
        measures["homes_unreachable"] = float(homes[which][lost].sum())
        for name, q in (("median", 50), ("p95", 95), ("max", 100)):
            measures[f"street_distance_{name}_m"] = round(float(np.percentile(far, q)), 1)
    return measures
