"""Invented water orders and the runs that bring them: along the streets, by the shortest way."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import KDTree
from shapely import LineString, Point

from gridmap.domain.names import given_names, surnames
from gridmap.domain.towns import Town

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

BRANDS = ("彝山一水", "一滴港湾", "飞龙雨")
BRAND_SHARE = (0.46, 0.33, 0.21)  # assumption
BARRELS_PER_MONTH = 2500  # published figure of the community
YUAN_PER_BARREL = 7.0  # what a barrel leaves to the community; assumption: 30,000 barrels make more than 200,000 yuan
RUNS_PER_DAY = 3
RUN_DAYS = 45  # runs are kept with their way for so many days back
DOORS = 260  # households that order; assumption
INSTITUTIONS = {"school": 9.0, "government": 8.0, "service_centre": 2.0, "clinic": 1.5, "market": 1.0}  # weight
SHOP_WEIGHT, DOOR_WEIGHT = 0.5, 0.12


@dataclass(frozen=True)
class _Streets:
    """The largest connected piece of the streets: nodes in metres, edges between neighbouring vertices."""

    xy: Floats
    graph: csr_array


def _streets(town: Town) -> _Streets:
    """Return the street network; lines meet where they have a vertex of equal coordinates."""
    lines = town.streets.geometry.to_numpy()
    xy, line = shapely.get_coordinates(lines, return_index=True)
    keys, node = np.unique(np.round(xy, 7), axis=0, return_inverse=True)
    node = node.reshape(-1)
    same = line[1:] == line[:-1]
    a, b = node[:-1][same], node[1:][same]
    metres = shapely.get_coordinates(
        gpd.GeoSeries(gpd.points_from_xy(*keys.T), crs=town.streets.crs).to_crs(town.epsg).to_numpy()
    )
    length = np.maximum(np.hypot(*(metres[a] - metres[b]).T), 0.01)
    order = np.lexsort((length, b, a))
    a, b, length = a[order], b[order], length[order]
    first = np.concatenate([[True], (np.diff(a) != 0) | (np.diff(b) != 0)]) if len(a) else np.zeros(0, dtype=bool)
    graph = csr_array((length[first], (a[first], b[first])), shape=(len(keys), len(keys)))
    graph = graph.maximum(graph.T)
    _, piece = connected_components(graph, directed=False)
    keep = np.flatnonzero(piece == np.bincount(piece).argmax())
    return _Streets(metres[keep], csr_array(graph[keep][:, keep]))


def invent_water(
    rng: np.random.Generator, town: Town, on: dt.date
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, pd.DataFrame]:
    """Invent who orders water, a year of orders, and the runs of the last weeks and of ``on``.

    Returns
    -------
    customers, runs, orders
        As ``towns.History`` describes them. A run's path begins and ends at the party-mass service centre.
    """
    customers = _customers(rng, town)
    orders = _orders(rng, customers, on, ZoneInfo(town.timezone))
    runs, orders = _runs(rng, town, customers, orders, on, ZoneInfo(town.timezone))
    return customers.drop(columns="weight"), runs, orders


def _customers(rng: np.random.Generator, town: Town) -> gpd.GeoDataFrame:
    """Return institutions, shops and doors with the weight of their thirst."""
    rows: list[tuple[str, str, Point, float]] = []
    for name, kind, at in zip(town.places["name"], town.places["kind"], town.places.geometry, strict=True):
        if kind in INSTITUTIONS:
            rows.append((name, "institution", at, INSTITUTIONS[kind]))
    doors = town.entrances.drop_duplicates("building_id").set_index("building_id").geometry
    buildings = town.buildings[town.buildings["id"].isin(doors.index)]
    shops = buildings[buildings["kind"] == "shop"]
    homes = buildings[buildings["doors_per_floor"] > 0]
    for chosen, kind, weight in (
        (shops.iloc[rng.permutation(len(shops))[:40]], "shop", SHOP_WEIGHT),
        (
            homes.iloc[np.sort(rng.integers(0, max(len(homes), 1), DOORS if len(homes) else 0))],
            "household",
            DOOR_WEIGHT,
        ),
    ):
        seen: dict[int, int] = {}
        for building, name, floors in zip(chosen["id"], chosen["name"], chosen["floors"], strict=True):
            seen[building] = seen.get(building, 0) + 1
            floor = (seen[building] * 2 - 1) % int(floors) + 1
            label = name if kind == "shop" else f"{name}{floor}01"
            rows.append((label, kind, doors.loc[building], weight * rng.uniform(0.5, 1.6)))
    frame = pd.DataFrame(rows, columns=["name", "kind", "geometry", "weight"])
    frame.insert(0, "id", np.arange(len(frame)))
    return gpd.GeoDataFrame(frame, geometry="geometry", crs=town.places.crs)


def _orders(rng: np.random.Generator, customers: gpd.GeoDataFrame, on: dt.date, zone: ZoneInfo) -> pd.DataFrame:
    """Return a year of orders, about ``BARRELS_PER_MONTH`` of them a month, delivered on the next working day."""
    if customers.empty:
        return pd.DataFrame(columns=["customer_id", "brand", "barrels", "ordered_at", "delivered_at", "day"])
    days = [on - dt.timedelta(days=back) for back in range(365, 0, -1)]
    working = [day for day in days if day.weekday() < 6]
    usual = {"institution": 9.0, "shop": 4.0, "household": 1.7}
    size = customers["kind"].map(usual).to_numpy()
    weight = customers["weight"].to_numpy() / size
    weight = weight / weight.sum()
    daily = BARRELS_PER_MONTH * 12 / len(working) / float((weight * (size + 0.5)).sum())
    parts = []
    for day in working:
        warm = 1 + 0.18 * np.sin((day.timetuple().tm_yday - 105) / 365 * 2 * np.pi)
        n = int(rng.poisson(daily * warm))
        who = rng.choice(len(customers), n, p=weight)
        barrels = np.maximum(1, np.rint(rng.gamma(4, (size[who] + 0.5) / 4)).astype(np.int64))
        parts.append(pd.DataFrame({"customer_id": who, "barrels": barrels, "day": day}))
    orders = pd.concat(parts, ignore_index=True)
    orders["brand"] = rng.choice(BRANDS, len(orders), p=BRAND_SHARE)
    orders["ordered_at"] = _at(orders["day"], rng.integers(8 * 60, 18 * 60, len(orders)), zone)
    return orders


def _at(days: pd.Series, minutes: Ints, zone: ZoneInfo) -> pd.Series:
    local = pd.to_datetime(days).astype("datetime64[us]") + pd.to_timedelta(minutes, unit="m")
    return local.dt.tz_localize(zone, ambiguous=True, nonexistent="shift_forward").dt.tz_convert("UTC")


def _runs(
    rng: np.random.Generator,
    town: Town,
    customers: gpd.GeoDataFrame,
    orders: pd.DataFrame,
    on: dt.date,
    zone: ZoneInfo,
) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Share each day's deliveries among runs by direction, order the stops, lay the way along the streets."""
    columns = ["customer_id", "brand", "barrels", "ordered_at", "delivered_at", "run_id", "stop_number"]
    rows: list[tuple[int, dt.date, int, str, float, LineString]] = []
    orders["run_id"] = pd.array([pd.NA] * len(orders), dtype="Int64")
    orders["stop_number"] = pd.array([pd.NA] * len(orders), dtype="Int64")
    bring = _next_working_day(orders["day"]) if len(orders) else orders["day"]
    if len(orders):
        orders["delivered_at"] = _at(bring, rng.integers(9 * 60, 17 * 60, len(orders)), zone)
        orders.loc[pd.to_datetime(bring) >= pd.Timestamp(on), "delivered_at"] = pd.NaT
    if len(orders) and len(town.streets):
        bring = bring.where(pd.to_datetime(bring) < pd.Timestamp(on), on)
        ways = _Ways(town, customers)
        drivers = surnames(rng, 2) + given_names(rng, np.array([True, True]), np.array([38, 45]))
        recent = sorted({day for day in bring if day >= on - dt.timedelta(days=RUN_DAYS)})
        for day in recent:
            mine = orders.index[(bring == day).to_numpy()]
            stops = np.unique(orders.loc[mine, "customer_id"].to_numpy())
            for number, part in enumerate(ways.share(stops, RUNS_PER_DAY), start=1):
                order, length, path = ways.round(part)
                rows.append((len(rows), day, number, str(drivers[number % 2]), round(length, 1), path))
                place = {int(customer): k + 1 for k, customer in enumerate(order)}
                chosen = mine[orders.loc[mine, "customer_id"].isin(place.keys()).to_numpy()]
                orders.loc[chosen, "run_id"] = rows[-1][0]
                orders.loc[chosen, "stop_number"] = orders.loc[chosen, "customer_id"].map(place).astype("Int64")
    frame = pd.DataFrame(rows, columns=["id", "on", "number", "driver", "length_m", "geometry"])
    runs = gpd.GeoDataFrame(frame, geometry="geometry", crs=town.streets.crs)
    return runs, orders[columns] if len(orders) else pd.DataFrame(columns=columns)


def _next_working_day(days: pd.Series) -> pd.Series:
    """Return the day after, Monday for a Saturday's order."""
    later = pd.to_datetime(days) + pd.Timedelta(days=1)
    later = later.where(later.dt.day_of_week != 6, later + pd.Timedelta(days=1))
    return later.dt.date


class _Ways:
    """Shortest ways between the depot and customers on one town's streets."""

    def __init__(self, town: Town, customers: gpd.GeoDataFrame) -> None:
        self.town = town
        self.streets = _streets(town)
        centre = town.places[town.places["kind"] == "service_centre"].geometry
        depot = centre.iloc[0] if len(centre) else town.outline.representative_point()
        points = gpd.GeoSeries([depot, *customers.geometry], crs=town.places.crs).to_crs(town.epsg)
        self.points = shapely.get_coordinates(points.to_numpy())
        self.nodes: Ints = np.asarray(KDTree(self.streets.xy).query(self.points)[1], dtype=np.int64)
        sources, self.row = np.unique(self.nodes, return_inverse=True)
        ways = dijkstra(self.streets.graph, indices=sources, return_predecessors=True)
        self.metres: Floats = np.asarray(ways[0])
        self.before: Ints = np.asarray(ways[1])

    def share(self, stops: Ints, parts: int) -> list[Ints]:
        """Share customers among runs by the direction in which they lie from the depot."""
        away = self.points[stops + 1] - self.points[0]
        turn = np.argsort(np.arctan2(away[:, 1], away[:, 0]), kind="stable")
        return [part for part in np.array_split(stops[turn], parts) if len(part)]

    def round(self, stops: Ints) -> tuple[list[int], float, LineString]:
        """Return stops in the order of a run (always the nearest next), its length and its way."""
        here, left, length = 0, set(stops.tolist()), 0.0
        order: list[int] = []
        nodes = [int(self.nodes[0])]
        while left:
            nearest = min(left, key=lambda c: (self.metres[self.row[here], self.nodes[c + 1]], c))
            length += self._lead(here, nearest + 1, nodes)
            here = nearest + 1
            order.append(nearest)
            left.remove(nearest)
        length += self._lead(here, 0, nodes)
        xy = self.streets.xy[nodes] if len(nodes) > 1 else self.streets.xy[[nodes[0], nodes[0]]] + [[0, 0], [0.5, 0]]
        path = gpd.GeoSeries([LineString(xy).simplify(0.2)], crs=self.town.epsg).to_crs(self.town.streets.crs).iloc[0]
        return order, length, shapely.transform(path, lambda c: np.round(c, 7))

    def _lead(self, start: int, end: int, nodes: list[int]) -> float:
        """Append the way between two points to ``nodes``; return its length."""
        row, node = self.row[start], int(self.nodes[end])
        way = []
        while node != self.nodes[start]:
            way.append(node)
            node = int(self.before[row, node])
        nodes.extend(reversed(way))
        return float(self.metres[row, self.nodes[end]])
