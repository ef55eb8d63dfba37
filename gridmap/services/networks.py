"""The network of a community: built from its streets, kept ready for walking, with places tied to it."""

from __future__ import annotations

import datetime as dt
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from sqlalchemy import Connection

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.crs import STORE_SRID
from gridmap.domain.invention import passages
from gridmap.domain.streets import GATE_COLUMNS, Drawn, draw
from gridmap.domain.towns import Town
from gridmap.domain.walking import Network, Spots, Walker, access_s, snap
from gridmap.domain.working import WorkSetting
from gridmap.domain.working import setting_of as of_differences
from gridmap.errors import NotFound
from gridmap.services import access
from gridmap.store import streets, working
from gridmap.store.database import become

WALKERS = (Role.SECRETARY, Role.CLERK, Role.WORKER, Role.PLANNER, Machine.JOB)
SINCE_DAYS = 366 * 5  # a network that was imported holds from so long before the day it is built
# the settings that edges were timed by
PACE = ("walk_m_s", "stair_up_s", "stair_down_s", "lift_wait_s", "lift_floor_s")
KEPT_WALKERS = 8  # networks a process keeps ready

Floats = npt.NDArray[np.float64]
Shapes = npt.NDArray[np.object_]

_kept: OrderedDict[tuple[int, int], Walker] = OrderedDict()
_lock = threading.Lock()


def build(con: Connection, actor: Actor, *, on: dt.date, town: Town | None = None) -> int:
    """Make the network of a community that has none from its streets, and tie its entrances to it; return its mark.

    Parameters
    ----------
    town : what is being loaded: it may know more of its streets and gates than the tables keep
    """
    access.require(actor, Machine.JOB)
    here = place_of(con, actor.community_id, lock=True)
    if here.mark:
        return here.mark
    drawn = _drawn(con, actor.community_id, here, town, setting_of(con, actor.community_id))
    nodes = gpd.GeoSeries(shapely.points(drawn.xy), crs=here.epsg).to_crs(STORE_SRID)
    streets.keep(
        con, actor.community_id, nodes, drawn.edges.to_crs(STORE_SRID), since=on - dt.timedelta(days=SINCE_DAYS)
    )
    tie(con, actor.community_id, here, on=on)
    return streets.new_mark(con, actor.community_id)


def walker(con: Connection, actor: Actor, *, on: dt.date) -> Walker:
    """Return what walks over the streets of a day; kept in this process until somebody edits them.

    Raises
    ------
    NotFound
        When there is no such community.
    """
    access.require(actor, *WALKERS)
    here = place_of(con, actor.community_id)
    if not here.mark:
        with as_job(con, actor) as job:
            build(con, job, on=on)
        here = place_of(con, actor.community_id)
    key = (actor.community_id, _mark(con, actor.community_id, here.mark, on))
    with _lock:
        if found := _kept.get(key):
            _kept.move_to_end(key)
            return found
        near = next((w for (community, _), w in reversed(_kept.items()) if community == actor.community_id), None)
    net = streets.network(con, actor.community_id, here.epsg, key[1], on=on)
    made = Walker(net, like=near if near is not None and _same_ends(near.network, net) else None)
    with _lock:
        _kept[key] = made
        while len(_kept) > KEPT_WALKERS:
            _kept.popitem(last=False)
    return made


def entrance_spots(con: Connection, actor: Actor, *, on: dt.date, entrance_ids: Sequence[int]) -> Spots:
    """Return where these entrances meet the streets of a day, in the order they are named; edge -1 = unreachable.

    What was kept when the streets were last edited is used; an entrance tied to a street of another day is tied anew.

    Raises
    ------
    NotFound
        When an entrance is not this community's.
    """
    access.require(actor, *WALKERS)
    net = walker(con, actor, on=on).network
    here, setting = place_of(con, actor.community_id), setting_of(con, actor.community_id)
    wanted = np.asarray(entrance_ids, np.int64)
    ids, doors = streets.entrances(con, actor.community_id, [int(i) for i in np.unique(wanted)])
    if len(ids) != len(np.unique(wanted)):
        raise NotFound("没有这个单元入口")
    xy = metres_of(doors, here.epsg)
    kept = streets.access(con, actor.community_id, ids.tolist())
    position = {int(edge): i for i, edge in enumerate(net.edge_id)}
    edge = np.full(len(ids), -1, np.int64)
    share, metres = np.zeros(len(ids)), np.zeros(len(ids))
    unknown = []
    for i, entrance in enumerate(ids.tolist()):
        edge_id, share[i], metres[i] = kept.get(entrance, (0, 0.0, 0.0))
        if edge_id is not None:
            edge[i] = position.get(edge_id, -1)
            unknown += [i] if edge[i] < 0 else []
    if unknown:
        again = snap(net, xy[unknown], setting=setting, walls=walls_of(con, actor.community_id, here.epsg))
        edge[unknown], share[unknown], metres[unknown] = again.edge, again.share, again.access_m
    order = np.searchsorted(ids, wanted)
    found = Spots(edge, share, metres, access_s(metres, setting), xy)
    return Spots(found.edge[order], found.share[order], found.access_m[order], found.access_s[order], xy[order])


def spots(con: Connection, actor: Actor, *, on: dt.date, lonlat: Sequence[tuple[float, float]]) -> Spots:
    """Tie any points to the streets of a day.

    Parameters
    ----------
    lonlat : degrees, longitude first
    """
    access.require(actor, *WALKERS)
    found = walker(con, actor, on=on)
    here = place_of(con, actor.community_id)
    xy = metres_of(np.asarray(lonlat, float).reshape(-1, 2), here.epsg)
    return found.spots(
        xy, setting=setting_of(con, actor.community_id), walls=walls_of(con, actor.community_id, here.epsg)
    )


def lonlat(con: Connection, actor: Actor, *, xy: Floats) -> Floats:
    """Return metres of a walker's network as degrees, longitude first: for drawing."""
    access.require(actor, *WALKERS)
    return degrees_of(xy, place_of(con, actor.community_id).epsg)


@contextmanager
def as_job(con: Connection, actor: Actor) -> Iterator[Actor]:
    """Work with the program's own rights inside an actor's transaction, then give him his back."""
    access.require(actor, *WALKERS)
    job = Actor(Machine.JOB, actor.community_id)
    become(con, job)
    yield job
    become(con, actor)


def place_of(con: Connection, community_id: int, *, lock: bool = False) -> streets.Place:
    """Return what the network hangs on; with ``lock`` nobody else edits it meanwhile.

    Raises
    ------
    NotFound
        When there is no such community.
    """
    found = streets.place(con, community_id, lock=lock)
    if found is None:
        raise NotFound("没有这个社区")
    return found


def setting_of(con: Connection, community_id: int) -> WorkSetting:
    """Return how the community works."""
    return of_differences(working.setting(con, community_id))


def _mark(con: Connection, community_id: int, mark: int, on: dt.date) -> int:
    """Return the mark of the streets of a day: the community's own when nothing changed since, else another."""
    seen, newest = streets.epoch(con, community_id, on)
    return mark if seen == newest else mark ^ (seen + 1)


def _same_ends(one: Network, other: Network) -> bool:
    return (
        np.array_equal(one.tail, other.tail) and np.array_equal(one.head, other.head) and one.xy.shape == other.xy.shape
    )


def _turned(xy: Floats, source: int, target: int) -> Floats:
    points = gpd.GeoSeries(shapely.points(np.asarray(xy, float).reshape(-1, 2)), crs=source).to_crs(target)
    return np.asarray(shapely.get_coordinates(points.to_numpy()))


def metres_of(degrees: Floats, epsg: int) -> Floats:
    """Return degrees as metres."""
    return _turned(degrees, STORE_SRID, epsg)


def degrees_of(xy: Floats, epsg: int) -> Floats:
    """Return metres as degrees."""
    return _turned(xy, epsg, STORE_SRID)


def walls_of(con: Connection, community_id: int, epsg: int) -> Shapes:
    """Return walls and fences in metres."""
    found = streets.frame(con, "barrier", "path", [], community_id)
    return np.asarray(found.geometry.to_crs(epsg).to_numpy(), dtype=object)


def _drawn(con: Connection, community_id: int, here: streets.Place, town: Town | None, setting: WorkSetting) -> Drawn:
    """Return the network of what is kept, or of a town that is being loaded and may know more of its streets."""

    def kept(table: str, shape: str, *columns: str) -> gpd.GeoDataFrame:
        return streets.frame(con, table, shape, columns, community_id).to_crs(here.epsg)

    ways = kept("street", "path", "kind", "name", "source_id") if town is None else town.streets.to_crs(here.epsg)
    places = kept("place", "at", "kind", "name")
    if here.invented == "all" and len(ways):
        areas = kept("area", "shape", "kind")
        houses, water = (
            np.asarray(frame.geometry.to_numpy(), dtype=object)
            for frame in (kept("building", "shape"), areas[areas["kind"] == "water"])
        )
        return passages.invented(ways, places, walls_of(con, community_id, here.epsg), houses, water, setting)
    if town is not None and town.gates is not None:
        return draw(ways, town.gates.to_crs(here.epsg), setting=setting)
    gates = places[places["kind"] == "gate"].assign(opens_min=None, closes_min=None, barred=False)
    return draw(ways, gates[GATE_COLUMNS], setting=setting)


def repace(con: Connection, actor: Actor, *, before: WorkSetting, after: WorkSetting) -> None:
    """Let every street take as long as people walk now, after the community's own speeds were changed."""
    access.require(actor, Role.SECRETARY, Machine.JOB)
    if any(getattr(before, name) != getattr(after, name) for name in PACE):
        with as_job(con, actor):
            streets.repace(con, actor.community_id, after)
            streets.new_mark(con, actor.community_id)


def tie(con: Connection, community_id: int, here: streets.Place, *, on: dt.date) -> int:
    """Tie every entrance to its street and keep what changed; return how many did.

    An edit far away can cut a whole quarter off or bring it in, so all are looked at: 700 take 30 ms.
    """
    setting = setting_of(con, community_id)
    entrances, doors = streets.entrances(con, community_id)
    net = streets.network(con, community_id, here.epsg, 0, on=on)
    found = snap(net, metres_of(doors, here.epsg), setting=setting, walls=walls_of(con, community_id, here.epsg))
    far = found.access_m > setting.far_m
    rows = {
        "entrance_id": entrances.tolist(),
        "edge_id": [int(net.edge_id[e]) if e >= 0 else None for e in found.edge],
        "share": found.share.round(9).tolist(),
        "distance_m": found.access_m.round(4).tolist(),
        "state": np.where(found.edge < 0, "unreachable", np.where(far, "far", "ok")).tolist(),
    }
    kept = streets.access(con, community_id, rows["entrance_id"])
    facts = zip(rows["edge_id"], rows["share"], rows["distance_m"], strict=True)
    changed = [i for i, (one, fact) in enumerate(zip(rows["entrance_id"], facts, strict=True)) if kept.get(one) != fact]
    streets.keep_access(con, community_id, {name: [values[i] for i in changed] for name, values in rows.items()})
    return len(changed)
