"""Streets: from drawn or mapped lines to the network people walk, with gates, stairs and lifts.

An OpenStreetMap way meets another where they share a vertex, never where they only cross: there may be a bridge.
An invented town has no bridges: what crosses meets, what nearly meets is joined, a piece that hangs loose is led to
the rest where nothing is in the way, and what passes a wall passes a gate.

Geometry in and out in metres of the community's projected CRS.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from shapely.ops import substring

from gridmap.domain.junctions import Stretches, cut_where_shared, meet
from gridmap.domain.walking import Network
from gridmap.domain.working import WorkSetting

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Shapes = npt.NDArray[np.object_]

STEP_M = 0.3  # depth of a step seen from above, where nobody counted them
STEPS_PER_FLOOR = 18  # a storey of about 2.9 m by steps of 16 cm (GB 50096 allows 17.5 cm)
GATE_M = 2.0  # a gate is so long a stretch of its street
GATE_NEAR_M = 2.0  # a gate farther from any street stands beside it
RIDE_M_S = {"primary": 4.2, "secondary": 4.2, "residential": 3.3, "service": 2.8}  # a loaded water tricycle: assumption
RIDE_SLOW_M_S = 1.7  # among people on foot: footway, path, compound, gate
NO_RIDE = ("steps", "lift")
KINDS = (
    *("primary", "secondary", "residential", "service", "pedestrian", "footway", "path"),
    *("compound", "gate", "steps", "lift"),
)
GATE_COLUMNS = ["name", "opens_min", "closes_min", "barred", "geometry"]


@dataclass(frozen=True)
class Drawn:
    """A network before it is kept.

    Attributes
    ----------
    xy : (n, 2) nodes
    edges : tail, head (positions of nodes), kind, name, source_id, steps, opens_min, closes_min, length_m, walk_s,
        walk_back_s, ride_s, ride_back_s (NaN = barred), geometry from tail to head
    loose_gates : gates that stand on no street, or where several streets meet
    """

    xy: Floats
    edges: gpd.GeoDataFrame
    loose_gates: int


def stair_s(steps: float, setting: WorkSetting) -> tuple[float, float]:
    """Return the seconds up and down a stair, as inside a house: so much a floor of ``STEPS_PER_FLOOR`` steps."""
    floors = steps / STEPS_PER_FLOOR
    return floors * setting.stair_up_s, floors * setting.stair_down_s


def steps_of(length_m: float) -> int:
    """Return how many steps a stair of this length has, where nobody counted them."""
    return max(1, round(length_m / STEP_M))


def seconds(
    kind: str, length_m: float, steps: int, setting: WorkSetting, *, incline: str = ""
) -> tuple[float, float, float, float]:
    """Return walk and ride seconds, each forward and backward; NaN where it is barred.

    Parameters
    ----------
    incline : 'up' or 'down' from tail to head; where nobody said it, a stair takes the mean both ways.
    """
    ride = np.nan if kind in NO_RIDE else length_m / RIDE_M_S.get(kind, RIDE_SLOW_M_S)
    if kind == "steps":
        up, down = stair_s(steps, setting)
        if incline not in {"up", "down"}:
            up = down = (up + down) / 2
        return (up, down, ride, ride) if incline != "down" else (down, up, ride, ride)
    if kind == "lift":
        floors = max(1.0, steps / STEPS_PER_FLOOR)
        way = setting.lift_wait_s + floors * setting.lift_floor_s
        return way, way, ride, ride
    return length_m / setting.walk_m_s, length_m / setting.walk_m_s, ride, ride


def draw(ways: gpd.GeoDataFrame, gates: gpd.GeoDataFrame, *, setting: WorkSetting, crossing: bool = False) -> Drawn:
    """Return the network of some streets.

    Parameters
    ----------
    ways : kind, name, source_id, geometry; optional steps, incline ('up', 'down'), on_foot (bool),
        one_way (1 forward only, -1 backward only, 0 both), in metres
    gates : name, opens_min, closes_min, barred, geometry (points), in metres
    crossing : lines that cross or nearly meet do meet (a drawn town); otherwise only shared vertices count
    """
    lines = np.asarray(ways.geometry.to_numpy(), dtype=object)
    stretches = cut_where_shared(meet(lines) if crossing else lines)
    columns = ["kind", "name", "source_id", "steps", "incline", "on_foot", "one_way"]
    facts = ways.reindex(columns=columns).iloc[stretches.source].reset_index(drop=True)
    whole_m = shapely.length(lines)[stretches.source]
    edges = gpd.GeoDataFrame(
        facts.assign(
            tail=stretches.tail,
            head=stretches.head,
            opens_min=None,
            closes_min=None,
            barred=~facts["on_foot"].map(lambda v: True if pd.isna(v) else bool(v)).astype(bool),
        ),
        geometry=list(stretches.paths),
        crs=ways.crs,
    )
    edges["steps"] = [
        _share_of_steps(kind, steps, length, whole)
        for kind, steps, length, whole in zip(
            edges["kind"], edges["steps"], shapely.length(stretches.paths), whole_m, strict=True
        )
    ]
    edges, xy, loose = _with_gates(edges, stretches, gates)
    return Drawn(xy, _timed(edges, setting), loose)


def _share_of_steps(kind: str, steps: object, length_m: float, whole_m: float) -> int:
    """Return the steps of one stretch of a stair: its share of those that were counted."""
    if kind != "steps":
        return 0
    counted = pd.to_numeric(pd.Series([steps]), errors="coerce").iloc[0]
    return steps_of(length_m) if pd.isna(counted) else max(1, round(float(counted) * length_m / max(whole_m, 1e-9)))


def _timed(edges: gpd.GeoDataFrame, setting: WorkSetting) -> gpd.GeoDataFrame:
    """Add lengths and seconds."""
    length = shapely.length(np.asarray(edges.geometry.to_numpy(), dtype=object))
    times = np.array(
        [
            seconds(kind, metres, steps, setting, incline=str(incline))
            for kind, metres, steps, incline in zip(
                edges["kind"], length, edges["steps"], edges["incline"].astype(object), strict=True
            )
        ]
    ).reshape(-1, 4)
    one_way = pd.to_numeric(edges["one_way"], errors="coerce").fillna(0).to_numpy()
    barred = edges["barred"].to_numpy(bool)
    times[barred, :2] = np.nan
    times[one_way > 0, 1] = np.nan
    times[one_way < 0, 0] = np.nan
    names = ["walk_s", "walk_back_s", "ride_s", "ride_back_s"]
    whole = {column: edges[column].astype("Int64") for column in ("steps", "opens_min", "closes_min")}
    return edges.assign(length_m=length, **whole, **{name: times[:, i] for i, name in enumerate(names)})


def _with_gates(
    edges: gpd.GeoDataFrame, stretches: Stretches, gates: gpd.GeoDataFrame
) -> tuple[gpd.GeoDataFrame, Floats, int]:
    """Cut a short stretch out of the street at each gate; also tell how many gates stand on no single street."""
    if not len(gates) or not len(edges):
        return edges, stretches.xy, len(gates)
    degree = np.bincount(np.concatenate([stretches.tail, stretches.head]), minlength=len(stretches.xy))
    points = np.asarray(gates.geometry.to_numpy(), dtype=object)
    at = shapely.STRtree(stretches.paths).nearest(points)
    on: dict[int, list[tuple[float, int]]] = {}
    loose = 0
    for gate, edge in enumerate(np.asarray(at, np.int64)):
        path = stretches.paths[edge]
        position = float(shapely.line_locate_point(path, points[gate]))
        end = stretches.tail[edge] if position < 1e-3 else stretches.head[edge]
        at_end = position < 1e-3 or position > path.length - 1e-3
        stands_apart = shapely.distance(points[gate], path) > GATE_NEAR_M
        if stands_apart or (at_end and degree[end] > 2) or edges["kind"].iloc[edge] in NO_RIDE:
            loose += 1
            continue
        on.setdefault(int(edge), []).append((position, gate))
    whole = [edges.drop(index=edges.index[list(on)])]
    xy = list(stretches.xy)
    for edge, found in on.items():
        whole.append(_opened(edges.iloc[[edge]], sorted(found), gates, xy))
    joined = gpd.GeoDataFrame(pd.concat(whole, ignore_index=True), geometry="geometry", crs=edges.crs)
    return joined, np.asarray(xy, float).reshape(-1, 2), loose


def _opened(
    edge: gpd.GeoDataFrame, found: list[tuple[float, int]], gates: gpd.GeoDataFrame, xy: list[Floats]
) -> gpd.GeoDataFrame:
    """Return the stretches of one street between and at its gates; new nodes are appended to ``xy``."""
    row, path = edge.iloc[0], edge.geometry.iloc[0]
    half = min(GATE_M / 2, path.length / (2 * len(found) + 2))
    cuts: list[tuple[float, int]] = [(0.0, -1)]  # where a stretch begins, and which gate it is
    for position, gate in found:
        begins = min(max(position - half, cuts[-1][0]), path.length - 2 * half)
        if begins - cuts[-1][0] < 1e-3:
            cuts.pop()
        cuts += [(begins, gate), (begins + 2 * half, -1)]
    if path.length - cuts[-1][0] < 1e-3:
        cuts.pop()
    nodes = [int(row["tail"]), *range(len(xy), len(xy) + len(cuts) - 1), int(row["head"])]
    bounds = [*[begin for begin, _ in cuts], path.length]
    xy += [np.asarray(path.interpolate(begin).coords[0]) for begin, _ in cuts[1:]]
    rows = []
    for k, (begin, gate) in enumerate(cuts):
        piece = dict(row) | {"tail": nodes[k], "head": nodes[k + 1]}
        piece["geometry"] = substring(path, begin, bounds[k + 1])
        if gate >= 0:
            facts = gates.iloc[gate]
            hours = (None, None) if pd.isna(facts["opens_min"]) else (int(facts["opens_min"]), int(facts["closes_min"]))
            piece |= {"kind": "gate", "name": facts["name"], "opens_min": hours[0], "closes_min": hours[1]}
            piece |= {"barred": bool(facts["barred"]) or bool(row["barred"])}
        rows.append(piece)
    return gpd.GeoDataFrame(pd.DataFrame(rows), geometry="geometry", crs=edge.crs)


def network_of(drawn: Drawn, *, mark: int = 0) -> Network:
    """Return a network that was never kept, ready for walking; edges are numbered from 1."""
    edges = drawn.edges
    paths = np.asarray(edges.geometry.to_numpy(), dtype=object)
    path_xy, owner = shapely.get_coordinates(paths, return_index=True)

    def numbers(column: str, missing: float) -> Floats:
        return np.asarray(pd.to_numeric(edges[column]).astype("Float64").fillna(missing), np.float64)

    return Network(
        mark=mark,
        xy=drawn.xy,
        edge_id=np.arange(1, len(edges) + 1),
        tail=edges["tail"].to_numpy(np.int64),
        head=edges["head"].to_numpy(np.int64),
        forward_s=numbers("walk_s", np.inf),
        backward_s=numbers("walk_back_s", np.inf),
        opens_s=numbers("opens_min", 0).astype(np.int64) * 60,
        closes_s=numbers("closes_min", 1440).astype(np.int64) * 60,
        kind=edges["kind"].to_numpy(np.str_),
        steps=numbers("steps", 0).astype(np.int64),
        length_m=numbers("length_m", 0),
        path_xy=path_xy,
        path_at=np.searchsorted(owner, np.arange(len(edges) + 1)).astype(np.int64),
    )
