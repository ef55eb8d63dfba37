"""The invented town, from the plan to frames: blocks between streets, quarters in blocks, grids of blocks."""

from __future__ import annotations

import datetime as dt

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import nearest_points, substring

from gridmap.domain.crs import STORE_SRID, projected_epsg
from gridmap.domain.invention import landmarks, plan, quarters
from gridmap.domain.invention.plan import HALF_WIDTH_M, PLOTS, Plot
from gridmap.domain.invention.shapes import SNAP_M, curve, largest, lines, polygons, union_polygon
from gridmap.domain.invention.sheet import House, Sheet, Street
from gridmap.domain.towns import Town

NAME, CODE = "南山社区", "520502009005"
BOX_MARGIN_DEG = 0.02
DIGITS = 7  # of a degree: about one centimetre
MEET_M = 30.0  # a planned street ends at another one this near
ROW_M = 170.0  # grids whose middles differ less in northing are numbered as one row
NUMERALS = "零一二三四五六七八九十"

FILL = {
    "tower": quarters.towers,
    "walkup": quarters.walkups,
    "lane": quarters.lanes,
    "mall": quarters.malls,
    "school": landmarks.school,
    "government": landmarks.government,
    "centre": landmarks.centre,
    "park": landmarks.park,
    "green": landmarks.green,
}


def invent_town(seed: int) -> Town:
    """Draw the synthetic Nanshan Community: nothing on it exists, except names of offices published in the news.

    Parameters
    ----------
    seed : int
        The same seed draws the same town to the last digit.

    Returns
    -------
    Town
        EPSG:4490, rounded to 1e-7 degree; ``invented`` is 'all'.
    """
    rng = np.random.default_rng(seed)
    outline = Polygon(curve(plan.OUTLINE, closed=True))
    middle = curve(plan.RIVER)
    sheet = Sheet(rng, outline, middle.buffer(plan.RIVER_HALF_WIDTH_M))
    sheet.areas.append(("南溪", "water", largest(sheet.river.intersection(outline))))
    roads = _roads()
    blocks = _blocks(roads, middle, outline)
    for plot in PLOTS:
        _fill(sheet, plot, blocks[plot], roads, middle)
    for name, kind, line in roads:
        sheet.pave(name, kind, line.intersection(outline))
    _banks(sheet, middle, blocks)
    return _frames(sheet, blocks)


def _roads() -> list[tuple[str, str, LineString]]:
    """Return the planned streets; an end near another street is led exactly to it."""
    drawn = [curve(road.points) for road in plan.ROADS]
    met = []
    for i, (road, line) in enumerate(zip(plan.ROADS, drawn, strict=True)):
        others = shapely.union_all([other for k, other in enumerate(drawn) if k != i])
        met.append((road.name, road.kind, _meet(_meet(line, others).reverse(), others).reverse()))
    return met


def _meet(line: LineString, others: BaseGeometry) -> LineString:
    """Lengthen or trim the end of a line so that it stops at the first street within reach."""
    (ax, ay), (bx, by) = line.coords[-2], line.coords[-1]
    stretch = MEET_M / float(np.hypot(bx - ax, by - ay))
    longer = LineString([*line.coords, (bx + (bx - ax) * stretch, by + (by - ay) * stretch)])
    hits = [longer.project(Point(p)) for p in shapely.get_coordinates(longer.intersection(others))]
    near = [hit for hit in hits if hit > line.length - MEET_M]
    if not near:
        return line
    stop = substring(longer, 0, min(near))
    assert isinstance(stop, LineString)
    return stop


def _blocks(roads: list[tuple[str, str, LineString]], middle: LineString, outline: Polygon) -> dict[Plot, Polygon]:
    """Return the block of each plot: what streets, river and outline enclose around its point."""
    edges = [line.intersection(outline) for _, _, line in roads] + [middle.intersection(outline), outline.exterior]
    faces = polygons(shapely.polygonize([shapely.union_all(edges, grid_size=SNAP_M)]))
    found: dict[Plot, Polygon] = {}
    for face in faces:
        inside = [plot for plot in PLOTS if face.contains(Point(plot.at))]
        if len(inside) != 1:
            at = shapely.maximum_inscribed_circle(face).coords[0]
            raise ValueError(f"{len(inside)} plots in the block around {at[0]:.0f}, {at[1]:.0f}: {face.area:.0f} m2")
        found[inside[0]] = face
    return found


def _fill(
    sheet: Sheet, plot: Plot, block: Polygon, roads: list[tuple[str, str, LineString]], middle: LineString
) -> None:
    """Let the plot's kind of quarter fill what streets and river leave of its block."""
    around = [(n, k, line.intersection(block.buffer(0.5))) for n, k, line in roads if line.distance(block) < 0.5]
    bounds = [(n, k, part) for n, k, whole in around for part in lines(whole) if part.length > 20]
    space = [line.buffer(HALF_WIDTH_M[k]) for _, k, line in bounds]
    site = largest(block.difference(shapely.union_all([*space, middle.buffer(plan.RIVER_BANK_M)])).buffer(-1))
    if plot.kind == "green":
        site = largest(block.difference(shapely.union_all([*space, sheet.river])))
    FILL[plot.kind](sheet, plot, site, bounds)


def _banks(sheet: Sheet, middle: LineString, blocks: dict[Plot, Polygon]) -> None:
    """Plant what lies between the river and the first plots."""
    strip = middle.buffer(plan.RIVER_BANK_M - 1).difference(sheet.river).intersection(sheet.outline)
    paved = shapely.union_all([s.line.buffer(HALF_WIDTH_M[s.kind] - 2) for s in sheet.streets if s.name])
    for part in polygons(strip.difference(paved)):
        taken = any(k == "green" and shape.intersection(part).area > part.area / 2 for _, k, shape in sheet.areas)
        if part.area > 200 and not taken:
            sheet.areas.append(("", "green", part.simplify(0.3)))
    walk = middle.parallel_offset(plan.RIVER_HALF_WIDTH_M + 7, "left")
    sheet.pave("滨河步道", "path", walk.intersection(sheet.outline))


# --- from the sheet to frames ------------------------------------------------------------------------------------


def _frames(sheet: Sheet, blocks: dict[Plot, Polygon]) -> Town:
    epsg = projected_epsg(*plan.CENTRE)
    streets = _network(sheet)
    numbers = _number_grids(blocks)
    compounds = [{"id": i, **c} for i, c in enumerate(sheet.compounds)]
    for row in compounds:
        since = str(row["committee_since"])
        row["committee_since"] = dt.date.fromisoformat(f"{since}-01") if since else None
    houses = _name_houses(sheet)
    doors = _doors(houses, streets)
    grids = _grids(blocks, numbers)
    frame = {
        "streets": _degrees([{"name": s.name or None, "kind": s.kind, "source_id": None, "shape": s.line}
                             for s in streets], epsg),
        "barriers": _degrees([{"kind": kind, "shape": line} for kind, line in sheet.barriers], epsg),
        "areas": _degrees([{"name": n or None, "kind": k, "shape": shape} for n, k, whole in sheet.areas
                           for shape in polygons(whole)], epsg),
        "compounds": _degrees(compounds, epsg),
        "grids": _degrees(grids, epsg),
        "buildings": _degrees([
            {"id": i, "compound_id": h.compound, "grid_number": numbers[h.grid], "name": h.name, "kind": h.kind,
             "floors": h.floors, "has_lift": h.has_lift, "source_id": None, "doors_per_floor": h.homes,
             "shape": h.shape} for i, h in enumerate(houses)], epsg),
        "entrances": _degrees(doors, epsg),
        "places": _degrees([{"name": n, "kind": k, "shape": at} for n, k, at in sheet.places], epsg),
        "facilities": _degrees([
            {"number": f"NS{i + 1:02d}", "kind": kind, "name": name, "opened_on": dt.date(2022, 5 + i % 4, 1),
             "shape": at} for i, (kind, name, at) in enumerate(sheet.facilities)], epsg),
    }  # fmt: skip
    outline = union_polygon(list(frame["grids"].geometry))
    west, south, east, north = outline.bounds
    margin = BOX_MARGIN_DEG
    box = (round(west - margin, 3), round(south - margin, 3), round(east + margin, 3), round(north + margin, 3))
    frame["compounds"]["built_year"] = frame["compounds"]["built_year"].astype("Int64")
    frame["buildings"]["compound_id"] = frame["buildings"]["compound_id"].astype("Int64")
    return Town(NAME, CODE, epsg, box, "all", "gridmap（虚构演示数据）", outline, **frame)


def _degrees(rows: list[dict[str, object]], epsg: int) -> gpd.GeoDataFrame:
    """Return rows with a ``shape`` on the sheet as a frame in degrees, rounded."""
    centre = gpd.GeoSeries([Point(plan.CENTRE)], crs=STORE_SRID).to_crs(epsg).iloc[0]
    columns = [key for key in rows[0] if key != "shape"]
    placed = shapely.transform(
        np.asarray([row["shape"] for row in rows], dtype=object), lambda xy: xy + [centre.x, centre.y]
    )
    geometry = gpd.GeoSeries(placed, crs=epsg).to_crs(STORE_SRID)
    rounded = shapely.transform(geometry.to_numpy(), lambda xy: np.round(xy, DIGITS))
    return gpd.GeoDataFrame(
        pd.DataFrame(rows, columns=columns), geometry=gpd.GeoSeries(rounded, crs=STORE_SRID), crs=STORE_SRID
    )


def _network(sheet: Sheet) -> list[Street]:
    """Cut streets where they meet, so that equal coordinates are a junction."""
    known = [s for s in sheet.streets if s.line.length > 1]
    whole = shapely.union_all([s.line.intersection(sheet.outline) for s in known], grid_size=SNAP_M)
    pieces = sorted(lines(whole), key=lambda piece: (piece.centroid.x, piece.centroid.y))
    tree = shapely.STRtree([s.line for s in known])
    rank = list(HALF_WIDTH_M)
    cut = []
    for piece in pieces:
        middle = piece.interpolate(0.5, normalized=True)
        near = tree.query(middle.buffer(0.05), predicate="intersects")
        source = min((known[i] for i in near), key=lambda s: (rank.index(s.kind), s.name == "", s.name))
        cut.append(Street(source.name, source.kind, piece))
    return cut


def _number_grids(blocks: dict[Plot, Polygon]) -> dict[str, int]:
    """Number the grids in rows from the north, each row from west to east; the commercial one last."""
    middles = {}
    for letter in sorted({plot.grid for plot in blocks} - {"z"}):
        whole = shapely.union_all([face for plot, face in blocks.items() if plot.grid == letter])
        middles[letter] = shapely.maximum_inscribed_circle(whole).coords[0]
    rows: list[list[str]] = []
    for letter in sorted(middles, key=lambda key: -middles[key][1]):
        if not rows or middles[rows[-1][0]][1] - middles[letter][1] > ROW_M:
            rows.append([])
        rows[-1].append(letter)
    ordered = [letter for row in rows for letter in sorted(row, key=lambda key: middles[key][0])]
    return {letter: i + 1 for i, letter in enumerate([*ordered, "z"])}


def numeral(number: int) -> str:
    """Return 1..99 in Chinese characters."""
    tens, ones = divmod(number, 10)
    if not tens:
        return NUMERALS[ones]
    return ("" if tens == 1 else NUMERALS[tens]) + "十" + (NUMERALS[ones] if ones else "")


def _grids(blocks: dict[Plot, Polygon], numbers: dict[str, int]) -> list[dict[str, object]]:
    rows = []
    for letter, number in sorted(numbers.items(), key=lambda item: item[1]):
        shape = union_polygon([face for plot, face in blocks.items() if plot.grid == letter])
        general = letter != "z"
        rows.append(
            {
                "number": number,
                "code": f"{CODE}{number:03d}",
                "name": f"第{numeral(number)}网格" if general else "商圈专属网格",
                "kind": "general" if general else "commercial",
                "shape": shape,
            }
        )
    return rows


def _name_houses(sheet: Sheet) -> list[House]:
    """Name every house as its people would: block numbers from the north-west, house numbers along a street."""
    order = sorted(sheet.houses, key=lambda h: (h.quarter, -round(h.shape.centroid.y / 14), h.shape.centroid.x))
    count: dict[tuple[str, str], int] = {}
    for house in order:
        if house.name:
            continue
        key = (house.quarter, "栋" if house.kind in {"tower", "walkup"} else "号")
        count[key] = count.get(key, 0) + 1
        house.name = f"{house.quarter}{count[key]}{key[1]}"
    return sorted(order, key=lambda h: (h.grid, h.quarter, h.name, h.shape.centroid.x))


def _doors(houses: list[House], streets: list[Street]) -> list[dict[str, object]]:
    """Return the entrances; a house without drawn doors opens to the nearest street."""
    net = shapely.STRtree([s.line for s in streets])
    rows: list[dict[str, object]] = []
    for i, house in enumerate(houses):
        doors = house.doors
        if not doors:
            line = streets[int(net.nearest(house.shape))].line
            doors = [("无", nearest_points(house.shape.exterior, line)[0])]
        for unit, at in doors:
            rows.append({"id": len(rows), "building_id": i, "unit": unit, "assumed": False, "shape": at})
    return rows
