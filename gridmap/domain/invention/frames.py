"""From the sheet to frames: junctions, grids with numbers, names, doors; metres become degrees."""

from __future__ import annotations

import datetime as dt
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from shapely import Point, Polygon

from gridmap.domain.crs import STORE_SRID, projected_epsg
from gridmap.domain.invention import plan
from gridmap.domain.invention.plan import HALF_WIDTH_M, Plot
from gridmap.domain.invention.shapes import SNAP_M, lines, nearest, polygons, union_polygon
from gridmap.domain.invention.sheet import House, Sheet, Street
from gridmap.domain.towns import Town

NAME, CODE = "南山社区", "520502009005"
ATTRIBUTION = "gridmap 虚构演示数据 (CC0)"
BOX_MARGIN_DEG = 0.02
DIGITS = 7  # of a degree: about one centimetre
ROW_M = 170.0  # grids whose middles differ less in northing are numbered as one row
COMMERCIAL = "z"  # the letter of the commercial grid in the plan
NUMERALS = "零一二三四五六七八九十"

Rows = list[dict[str, Any]]


def frames(sheet: Sheet, blocks: dict[Plot, Polygon]) -> Town:
    """Return the sheet as a town."""
    streets = _network(sheet)
    numbers = _numbers(blocks)
    houses = _name_houses(sheet)
    grids = _degrees(_grids(blocks, numbers))
    outline = union_polygon(list(grids.geometry))
    west, south, east, north = outline.bounds
    margin = BOX_MARGIN_DEG
    box = (round(west - margin, 3), round(south - margin, 3), round(east + margin, 3), round(north + margin, 3))
    compounds, buildings = _degrees(_compounds(sheet)), _degrees(_buildings(houses, numbers))
    compounds["built_year"] = compounds["built_year"].astype("Int64")
    buildings["compound_id"] = buildings["compound_id"].astype("Int64")
    return Town(
        name=NAME,
        code=CODE,
        epsg=_epsg(),
        box=box,
        invented="all",
        attribution=ATTRIBUTION,
        outline=outline,
        streets=_degrees(
            [{"name": s.name or None, "kind": s.kind, "source_id": None, "shape": s.line} for s in streets]
        ),
        barriers=_degrees([{"kind": kind, "shape": line} for kind, line in sheet.barriers]),
        areas=_degrees(
            [{"name": n or None, "kind": k, "shape": s} for n, k, whole in sheet.areas for s in polygons(whole)]
        ),
        compounds=compounds,
        grids=grids,
        buildings=buildings,
        entrances=_degrees(_doors(houses, streets)),
        places=_degrees([{"name": n, "kind": k, "shape": at} for n, k, at in sheet.places]),
        facilities=_degrees(_facilities(sheet)),
    )


def _epsg() -> int:
    return projected_epsg(*plan.CENTRE)


def _degrees(rows: Rows) -> gpd.GeoDataFrame:
    """Return rows with a ``shape`` on the sheet as a frame in degrees, rounded."""
    centre = gpd.GeoSeries([Point(plan.CENTRE)], crs=STORE_SRID).to_crs(_epsg()).iloc[0]

    def onto_the_globe(xy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        moved: npt.NDArray[np.float64] = xy + np.array([centre.x, centre.y])
        return moved

    placed = shapely.transform(np.asarray([row["shape"] for row in rows], dtype=object), onto_the_globe)
    geometry = gpd.GeoSeries(placed, crs=_epsg()).to_crs(STORE_SRID)
    rounded = shapely.transform(geometry.to_numpy(), lambda xy: np.round(xy, DIGITS))
    frame = pd.DataFrame(rows, columns=[key for key in rows[0] if key != "shape"])
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(rounded, crs=STORE_SRID), crs=STORE_SRID)


def _network(sheet: Sheet) -> list[Street]:
    """Cut streets where they meet, so that equal coordinates are a junction."""
    known = [s for s in sheet.streets if s.line.length > 1]
    whole = shapely.union_all([s.line.intersection(sheet.outline) for s in known], grid_size=SNAP_M)
    tree = shapely.STRtree([s.line for s in known])
    rank = list(HALF_WIDTH_M)
    cut = []
    for piece in sorted(lines(whole), key=lambda piece: (piece.centroid.x, piece.centroid.y)):
        middle = piece.interpolate(0.5, normalized=True)
        near = [known[i] for i in tree.query(middle.buffer(0.05), predicate="intersects")]
        source = min(near, key=lambda s: (rank.index(s.kind), s.name == "", s.name))
        cut.append(Street(source.name, source.kind, piece))
    return cut


def _numbers(blocks: dict[Plot, Polygon]) -> dict[str, int]:
    """Return numbers: rows from the north, each from west to east; the commercial grid comes last."""
    middles = {}
    for letter in sorted({plot.grid for plot in blocks} - {COMMERCIAL}):
        whole = union_polygon([face for plot, face in blocks.items() if plot.grid == letter])
        middles[letter] = shapely.maximum_inscribed_circle(whole).coords[0]
    rows: list[list[str]] = []
    for letter in sorted(middles, key=lambda key: -middles[key][1]):
        if not rows or middles[rows[-1][0]][1] - middles[letter][1] > ROW_M:
            rows.append([])
        rows[-1].append(letter)
    ordered = [letter for row in rows for letter in sorted(row, key=lambda key: middles[key][0])]
    return {letter: i + 1 for i, letter in enumerate([*ordered, COMMERCIAL])}


def numeral(number: int) -> str:
    """Return 1..99 in Chinese characters."""
    tens, ones = divmod(number, 10)
    if not tens:
        return NUMERALS[ones]
    return ("" if tens == 1 else NUMERALS[tens]) + "十" + (NUMERALS[ones] if ones else "")


def _grids(blocks: dict[Plot, Polygon], numbers: dict[str, int]) -> Rows:
    return [
        {
            "number": number,
            "code": f"{CODE}{number:03d}",
            "name": "商圈专属网格" if letter == COMMERCIAL else f"第{numeral(number)}网格",
            "kind": "commercial" if letter == COMMERCIAL else "general",
            "shape": union_polygon([face for plot, face in blocks.items() if plot.grid == letter]),
        }
        for letter, number in sorted(numbers.items(), key=lambda item: item[1])
    ]


def _compounds(sheet: Sheet) -> Rows:
    return [
        {
            "id": i,
            "name": c.name,
            "kind": c.kind,
            "built_year": c.built_year,
            "committee_since": dt.date.fromisoformat(f"{c.committee}-01") if c.committee else None,
            "shape": c.shape,
        }
        for i, c in enumerate(sheet.compounds)
    ]


def _buildings(houses: list[House], numbers: dict[str, int]) -> Rows:
    return [
        {
            "id": i,
            "compound_id": house.compound,
            "grid_number": numbers[house.grid],
            "name": house.name,
            "kind": house.kind,
            "floors": house.floors,
            "has_lift": house.has_lift,
            "source_id": None,
            "doors_per_floor": house.homes,
            "shape": house.shape,
        }
        for i, house in enumerate(houses)
    ]


def _facilities(sheet: Sheet) -> Rows:
    return [
        {
            "number": f"NS{i + 1:02d}",
            "kind": kind,
            "name": name,
            "opened_on": dt.date(2022, 5 + i % 4, 1),
            "shape": at,
        }
        for i, (kind, name, at) in enumerate(sheet.facilities)
    ]


def _name_houses(sheet: Sheet) -> list[House]:
    """Name every house as its people would, counting from the north-west; return them in a stable order."""
    order = sorted(sheet.houses, key=lambda h: (h.quarter, -round(h.shape.centroid.y / 14), h.shape.centroid.x))
    count: dict[tuple[str, str], int] = {}
    for house in order:
        if not house.name:
            key = (house.quarter, "栋" if house.kind in {"tower", "walkup"} else "号")
            count[key] = count.get(key, 0) + 1
            house.name = f"{house.quarter}{count[key]}{key[1]}"
    return sorted(order, key=lambda h: (h.grid, h.quarter, h.name))


def _doors(houses: list[House], streets: list[Street]) -> Rows:
    """Return the entrances; a house without drawn doors opens to the nearest street."""
    net = shapely.STRtree([s.line for s in streets])
    rows: Rows = []
    for i, house in enumerate(houses):
        line = streets[int(net.nearest(house.shape))].line
        doors = house.doors or [("无", nearest(house.shape.exterior, _nearest_on(line, house.shape)))]
        rows += [
            {"id": len(rows) + k, "building_id": i, "unit": unit, "assumed": False, "shape": at}
            for k, (unit, at) in enumerate(doors)
        ]
    return rows


def _nearest_on(line: shapely.LineString, shape: Polygon) -> Point:
    """Return the point of a street that is nearest to a house."""
    return Point(shapely.shortest_line(line, shape).coords[0])
