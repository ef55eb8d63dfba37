"""What the drawing of an invented town leaves open: loose paths, gates and hours, a lift beside the long stair."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gridmap.domain.junctions import cut_where_shared, meet
from gridmap.domain.streets import GATE_COLUMNS, Drawn, draw, seconds
from gridmap.domain.working import WorkSetting

Shapes = npt.NDArray[np.object_]

LINK_M = 60.0  # a loose path is led no farther to the rest
SIDE_GATE_MIN = (7 * 60, 19 * 60)  # a compound's second gate opens by day only: invented
LIFT_BESIDE_M = 4.0
TOUCH_M = 0.3  # a way may touch a house, at its door


def invented(
    ways: gpd.GeoDataFrame, places: gpd.GeoDataFrame, walls: Shapes, houses: Shapes, water: Shapes, setting: WorkSetting
) -> Drawn:
    """Return the network of an invented town: mended, with gates in its walls and a lift beside its longest stair.

    Parameters
    ----------
    places : kind, name, geometry, of which the gates count; everything in metres
    """
    obstacles = np.concatenate([np.asarray(shapely.buffer(houses, -TOUCH_M), dtype=object), water])
    whole = mended(ways, obstacles, walls)
    found = draw(whole, gates(places[places["kind"] == "gate"], whole, walls), setting=setting, crossing=True)
    return replace(found, edges=lift_beside_longest_stair(found.edges, setting))


def mended(ways: gpd.GeoDataFrame, obstacles: Shapes, walls: Shapes) -> gpd.GeoDataFrame:
    """Return the streets with a short way more for each loose piece that can be led to the rest.

    The nearest way that crosses no obstacle (houses, water) is taken; one through a wall only where there is no
    other within ``LINK_M``.

    Parameters
    ----------
    ways : kind, name, source_id, geometry in metres
    """
    label, stretches = _pieces(np.asarray(ways.geometry.to_numpy(), dtype=object))
    length = np.bincount(label, shapely.length(stretches))
    main, *loose = np.argsort(-length)
    new: list[shapely.LineString] = []
    while True:
        rest = stretches[label == main]
        found = {piece: _link(stretches[label == piece], rest, obstacles, walls) for piece in loose}
        led = {piece: way for piece, way in found.items() if way is not None}
        if not led:
            break
        new += led.values()
        label[np.isin(label, list(led))] = main
        loose = [piece for piece in loose if piece not in led]  # the rest has grown: what is left may reach it now
    more = gpd.GeoDataFrame(
        {"kind": ["compound"] * len(new), "name": None, "source_id": None}, geometry=new, crs=ways.crs
    )
    return gpd.GeoDataFrame(pd.concat([ways, more], ignore_index=True), geometry="geometry", crs=ways.crs)


def _pieces(lines: Shapes) -> tuple[npt.NDArray[np.int64], Shapes]:
    """Return which piece each stretch of the network belongs to, and the stretches."""
    found = cut_where_shared(meet(lines))
    n = len(found.xy)
    graph = coo_array((np.ones(len(found.tail), np.int8), (found.tail, found.head)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1][found.tail], np.int64), found.paths


def _link(loose: Shapes, rest: Shapes, obstacles: Shapes, walls: Shapes) -> shapely.LineString | None:
    """Return the best straight way from a loose piece to the rest."""
    corners = np.unique(shapely.get_coordinates(shapely.segmentize(loose, 10.0)), axis=0)
    starts = np.asarray(shapely.points(corners), dtype=object)
    tree = shapely.STRtree(rest)
    at, to = tree.query(starts, predicate="dwithin", distance=LINK_M)
    ways = np.asarray(shapely.shortest_line(starts[at], rest[to]), dtype=object)
    ways = ways[np.argsort(shapely.length(ways), kind="stable")]
    ways = ways[shapely.length(ways) > 0]
    for blocked in (np.concatenate([obstacles, walls]), obstacles):
        hit = np.zeros(len(ways), np.bool_)
        if len(blocked) and len(ways):
            hit[shapely.STRtree(blocked).query(ways, predicate="crosses")[0]] = True
        if (~hit).any():
            return shapely.LineString(ways[~hit][0])
    return None


def gates(places: gpd.GeoDataFrame, ways: gpd.GeoDataFrame, walls: Shapes) -> gpd.GeoDataFrame:
    """Return every gate of the town: those drawn, and one wherever a street passes a wall.

    Of the gates with one name the first is open day and night, the others by day only.

    Parameters
    ----------
    places : name, geometry (points in metres) of drawn gates, in a stable order
    """
    rows = [{"name": name, "geometry": at} for name, at in zip(places["name"], places.geometry, strict=True)]
    lines = np.asarray(ways.geometry.to_numpy(), dtype=object)
    if len(walls) and len(lines):
        way, wall = shapely.STRtree(walls).query(lines, predicate="crosses")
        for point in shapely.get_coordinates(shapely.intersection(lines[way], walls[wall])):
            at = shapely.Point(point)
            if all(at.distance(row["geometry"]) > 5.0 for row in rows):
                rows.append({"name": "侧门", "geometry": at})
    seen: dict[str, int] = {}
    for row in rows:
        seen[row["name"]] = seen.get(row["name"], 0) + 1
        side = seen[row["name"]] > 1
        row["opens_min"], row["closes_min"] = SIDE_GATE_MIN if side else (None, None)
        row["barred"] = False
    return gpd.GeoDataFrame(pd.DataFrame(rows, columns=GATE_COLUMNS), geometry="geometry", crs=ways.crs)


def lift_beside_longest_stair(edges: gpd.GeoDataFrame, setting: WorkSetting) -> gpd.GeoDataFrame:
    """Return the edges with a public lift beside the longest stair, as hillside towns have them."""
    stairs = edges[edges["kind"] == "steps"]
    if not len(stairs):
        return edges
    stair = stairs.loc[[stairs["length_m"].idxmax()]]
    path = stair.geometry.iloc[0]
    (ax, ay), (bx, by) = path.coords[0], path.coords[-1]
    far = float(np.hypot(bx - ax, by - ay)) or 1.0
    side = np.array([-(by - ay), bx - ax]) / far * LIFT_BESIDE_M
    bend = shapely.LineString([(ax, ay), ((ax + bx) / 2 + side[0], (ay + by) / 2 + side[1]), (bx, by)])
    up, down, *_ = seconds("lift", bend.length, int(stair["steps"].iloc[0]), setting)
    facts = {"kind": "lift", "name": "便民电梯", "length_m": bend.length, "walk_s": up, "walk_back_s": down}
    lift = stair.assign(**facts, geometry=[bend])
    return gpd.GeoDataFrame(pd.concat([edges, lift], ignore_index=True), geometry="geometry", crs=edges.crs)
