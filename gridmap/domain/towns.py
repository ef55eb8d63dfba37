"""The shape of a community before it is kept: what a drawing, an OpenStreetMap extract or a file turns into.

Frames refer to each other by small local ids (0, 1, 2 ...); ``services.communities.load`` gives them their own.
All geometry is EPSG:4490, longitude first; ``on`` and ``at`` columns hold dates and aware datetimes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import geopandas as gpd
import pandas as pd
from shapely import Polygon


@dataclass(frozen=True)
class Town:
    """The geography of one community.

    Attributes
    ----------
    box : (lon_min, lat_min, lon_max, lat_max); nothing may be stored outside.
    invented : 'all', 'people' or 'none'; shown on every page.
    streets : name, kind, source_id, geometry (LineString); where it is known also on_foot, steps (counted on a
        stair), incline ('up' or 'down' along the line), one_way (of walkers: 1 forward only, -1 backward only)
    gates : name, opens_min, closes_min (none when always open), barred, geometry (Point on a street); without the
        frame the places of kind 'gate'
    barriers : kind, geometry (LineString)
    areas : name, kind, geometry (Polygon)
    compounds : id, name, kind, built_year, committee_since, geometry (Polygon)
    grids : number, code, name, kind, geometry (Polygon); a partition of ``outline``
    buildings : id, compound_id (nullable), grid_number, name, kind, floors, has_lift, source_id,
        doors_per_floor (homes on each floor of each entrance; 0 = nobody lives there), geometry (Polygon)
    entrances : id, building_id, unit, assumed, geometry (Point)
    places : name, kind, geometry (Point)
    facilities : number, kind, name, opened_on, geometry (Point)
    """

    name: str
    code: str
    epsg: int
    box: tuple[float, float, float, float]
    invented: str
    attribution: str
    outline: Polygon
    streets: gpd.GeoDataFrame
    barriers: gpd.GeoDataFrame
    areas: gpd.GeoDataFrame
    compounds: gpd.GeoDataFrame
    grids: gpd.GeoDataFrame
    buildings: gpd.GeoDataFrame
    entrances: gpd.GeoDataFrame
    places: gpd.GeoDataFrame
    facilities: gpd.GeoDataFrame
    timezone: str = "Asia/Shanghai"
    gates: gpd.GeoDataFrame | None = None


@dataclass(frozen=True)
class People:
    """Households and residents of a town; always invented in this release.

    Attributes
    ----------
    households : id, building_id, entrance_id, grid_number, floor, room, geometry (Point)
    residents : id, household_id, name, sex, born_year, relation, registration
    tags : household_id, resident_id (nullable), group_code, valid_from, valid_to, recorded_at, basis
    spells : household_id, standing, reason, valid_from, valid_to, recorded_at
    """

    households: gpd.GeoDataFrame
    residents: pd.DataFrame
    tags: pd.DataFrame
    spells: pd.DataFrame


@dataclass(frozen=True)
class History:
    """What has happened in a town up to a date; always invented in this release.

    Attributes
    ----------
    workers : id, name
    assignments : worker_id, grid_number, duty, valid_from, valid_to
    visits : id (UUID), household_id, worker_id, visited_at, recorded_at, minutes, mode, result, purpose, note
    needs : household_id, kind, summary, raised_at, recorded_at, closed_at
    customers : id, name, kind, geometry (Point)
    runs : id, on, number, driver, length_m, geometry (LineString)
    orders : customer_id, brand, barrels, ordered_at, delivered_at, run_id (nullable), stop_number
    incomes : facility_number, month, amount_yuan
    """

    workers: pd.DataFrame
    assignments: pd.DataFrame
    visits: pd.DataFrame
    needs: pd.DataFrame
    customers: gpd.GeoDataFrame
    runs: gpd.GeoDataFrame
    orders: pd.DataFrame
    incomes: pd.DataFrame


@dataclass
class Report:
    """What was read, what was left out and why; shown after every import.

    ``notes`` maps a sentence (Chinese, with ``%(n)s``) to a count, in the order in which they were met;
    ``measures`` holds figures with their unit in the name, such as ``street_distance_median_m``.
    """

    read: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    measures: dict[str, float] = field(default_factory=dict)

    def note(self, sentence: str, n: int = 1) -> None:
        """Count ``n`` more things of which ``sentence`` tells; nothing is noted for 0."""
        if n:
            self.notes[sentence] = self.notes.get(sentence, 0) + n
