"""Draft the grids of a new community: contiguous, balanced, along streets, cutting no building, tiling the outline."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from shapely import Polygon

from gridmap.domain.drafting import ground
from gridmap.domain.drafting.arrangement import UNITS, obstacles
from gridmap.domain.drafting.parts import partition
from gridmap.errors import BadInput

MAX_GRIDS = 999  # three digits in the code
TRIES_PER_BLOCK, MIN_TRIES, MAX_TRIES = 1_000, 2_000, 600_000


@dataclass(frozen=True)
class Draft:
    """Grids in their numbers' order: west to east in rows from north to south.

    Attributes
    ----------
    grids : n polygons in degrees, multiples of 1e-7; together they are ``outline``, without gap or overlap.
    outline : their union.
    building_grid : for each building the number (1...) of its grid.
    load : (n,) what each grid holds of what was balanced.
    blocks : number of blocks the ground was cut into; more grids than that cannot be drafted.
    """

    grids: list[Polygon]
    outline: Polygon
    building_grid: np.ndarray
    load: np.ndarray
    blocks: int

    @property
    def balance(self) -> float:
        """Return the heaviest grid's load over the mean; 1 is perfect."""
        return float(self.load.max() / max(self.load.mean(), 1e-9))


def draft(
    outline: Polygon,
    streets: gpd.GeoDataFrame,
    barriers: gpd.GeoSeries,
    buildings: gpd.GeoSeries,
    load: np.ndarray,
    *,
    count: int,
    seed: int,
) -> Draft:
    """Draft ``count`` grids.

    Parameters
    ----------
    outline : polygon in degrees (EPSG:4490).
    streets : kind, underground, geometry (LineString), EPSG:4490; tunnels are no borders.
    barriers : LineStrings, EPSG:4490.
    buildings : n polygons, EPSG:4490.
    load : (n,) what is balanced: homes. When all are 0, the length of streets is balanced instead.
    count : number of grids, 1 to 999.
    seed : the same input and seed give the same draft.

    Raises
    ------
    BadInput
        When the ground has fewer blocks than ``count``; the sentence names the largest possible number.
    """
    if not 1 <= count <= MAX_GRIDS:
        raise BadInput("网格数应在 1 到 %(most)d 之间", most=MAX_GRIDS)
    edge = Polygon(_whole(np.array([outline], dtype=object)).item().exterior)
    scale = _scale(edge)
    shapes = _whole(buildings.to_numpy())
    solid, member = obstacles(shapes) if len(shapes) else (shapes, np.zeros(0, dtype=int))
    lines = _lines(streets, barriers)
    weight = np.bincount(member, load, len(solid)) if len(solid) else np.zeros(0)
    pieces = ground.cut(edge, lines, solid, weight, ground.HEAVY * weight.sum() / count, scale)
    if len(pieces.shapes) < count and weight.sum() > 0:  # houses far apart and few: between every two of them
        pieces = ground.cut(edge, lines, solid, weight, 0.0, scale)
    most = len(pieces.shapes)
    if count > most:
        raise BadInput("划不出 %(count)d 个网格：按道路和楼栋最多只能划出 %(most)d 个", count=count, most=most)
    if weight.sum() > 0:
        blocks = ground.priced(pieces, lines, weight, scale)
    else:
        blocks = ground.priced_by_streets(pieces, lines, scale)
    tries = int(np.clip(TRIES_PER_BLOCK * most, MIN_TRIES, MAX_TRIES))
    part = partition(blocks, count, seed, tries=tries)
    if part is None:
        raise BadInput("划不出 %(count)d 个各自相连的网格，请减少网格数", count=count)
    return _numbered(pieces, part, blocks.load, member, count)


def _whole(shapes: np.ndarray) -> np.ndarray:
    """Return shapes in whole-number coordinates."""
    return np.asarray(shapely.transform(shapes, lambda c: np.round(c * UNITS)))


def _scale(edge: Polygon) -> ground.Scale:
    latitude = edge.centroid.y / UNITS
    return ground.Scale(east=111_320.0 * math.cos(math.radians(latitude)) / UNITS, north=110_574.0 / UNITS)


def _lines(streets: gpd.GeoDataFrame, barriers: gpd.GeoSeries) -> ground.Lines:
    prices: Mapping[str, float] = ground.STREET_PRICE | ground.LANE_PRICE
    above = streets[~streets["underground"].astype(bool)]
    shapes = np.concatenate([_whole(above.geometry.to_numpy()), _whole(barriers.to_numpy())])
    price = np.array([*above["kind"].map(prices).fillna(2.0), *[prices["barrier"]] * len(barriers)])
    usable = shapely.length(shapes) > 0
    return ground.Lines(shapes[usable], price[usable])


def _numbered(pieces: ground.Cut, part: np.ndarray, load: np.ndarray, member: np.ndarray, count: int) -> Draft:
    whole = [shapely.coverage_union_all(pieces.shapes[part == k]) for k in range(count)]
    centres = shapely.get_coordinates(shapely.centroid(np.array(whole, dtype=object)))
    order = in_rows(centres)
    number = np.empty(count, dtype=int)
    number[order] = np.arange(1, count + 1)
    shapes = shapely.transform(np.array([whole[k] for k in order], dtype=object), lambda c: c / UNITS)
    return Draft(
        grids=[Polygon(shape) for shape in shapes],
        outline=Polygon(shapely.get_exterior_ring(shapely.coverage_union_all(shapes))),
        building_grid=number[part[pieces.home[member]]] if len(member) else np.zeros(0, dtype=int),
        load=np.bincount(part, load, count)[order],
        blocks=len(pieces.shapes),
    )


def in_rows(centres: np.ndarray) -> np.ndarray:
    """Return the order in which a person numbers places: rows from north to south, west to east in each.

    Parameters
    ----------
    centres : (n, 2) x and y; as many rows as make rows and columns about equally far apart.
    """
    spread = np.ptp(centres, axis=0) + 1e-9
    rows = int(np.clip(round(math.sqrt(len(centres) * spread[1] / spread[0])), 1, len(centres)))
    north_first = np.argsort(-centres[:, 1], kind="stable")
    bands = np.array_split(north_first, rows)
    return np.concatenate([band[np.argsort(centres[band, 0], kind="stable")] for band in bands])
