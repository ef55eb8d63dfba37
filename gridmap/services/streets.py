"""Streets people really walk: walk them, tie places to them, edit them, see who lives within reach."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from sqlalchemy import Connection

from gridmap.domain import street_edits
from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.reaching import Homes, Reached, masked, reached
from gridmap.domain.street_edits import (
    AddGate,
    AddLift,
    AddPath,
    Change,
    CloseGate,
    Edge,
    OpenGate,
    RemoveEdge,
    Replacement,
    SetHours,
)
from gridmap.domain.unreached import Unreached, reasons
from gridmap.errors import BadInput, NotFound
from gridmap.services import access
from gridmap.services.networks import (
    as_job,
    build,
    degrees_of,
    entrance_spots,
    lonlat,
    metres_of,
    place_of,
    setting_of,
    spots,
    tie,
    walker,
)
from gridmap.store import audit, streets
from gridmap.store import street_edits as kept

__all__ = [
    "AddGate",
    "AddLift",
    "AddPath",
    "Change",
    "CloseGate",
    "Edge",
    "OpenGate",
    "RemoveEdge",
    "SetHours",
    "Summary",
    "Unreached",
    "build",
    "centre",
    "edges",
    "edit",
    "edits",
    "entrance_spots",
    "lonlat",
    "reach",
    "spots",
    "summary",
    "undo",
    "unreached",
    "walker",
]

EDITORS = (Role.PLANNER,)
READERS = (Role.SECRETARY, Role.CLERK, Role.PLANNER, Machine.JOB)
SEEKERS = (Role.SECRETARY, Role.CLERK, Role.WORKER, Role.PLANNER, Machine.JOB)
MOST_EDGES = 8_000  # drawn at once
MOST_MINUTES = 120
EDITS_SHOWN = 50


@dataclass(frozen=True)
class DrawnEdge:
    """One street as it is drawn: ``lonlat`` in degrees, ``main`` whether it hangs together with the town."""

    edge: Edge
    lonlat: tuple[tuple[float, float], ...]
    main: bool


@dataclass(frozen=True)
class Edited:
    """What an edit did: the network's new mark, the edges that began, and how many entrances were tied anew."""

    mark: int
    edge_ids: tuple[int, ...]
    entrances: int


@dataclass(frozen=True)
class Within:
    """Who lives within so many minutes of a place; lines and area in degrees."""

    minutes: int
    lines: tuple[tuple[tuple[float, float], ...], ...]
    area: tuple[tuple[tuple[tuple[float, float], ...], ...], ...]
    homes: Homes


@dataclass(frozen=True)
class Summary:
    """The network in figures: kind -> (stretches, kilometres), pieces, how many entrances are tied how well.

    Attributes
    ----------
    pieces : how many pieces the streets fall into; main_share : the longest one's share of all kilometres
    access_m : median, 90th percentile and greatest straight distance between entrances and their streets
    """

    nodes: int
    kinds: dict[str, tuple[int, float]]
    pieces: int
    main_share: float
    entrances: dict[str, int]
    access_m: tuple[float, float, float]


def summary(con: Connection, actor: Actor, *, on: dt.date) -> Summary:
    """Return the network of a day in figures."""
    access.require(actor, *READERS)
    net = walker(con, actor, on=on).network
    far_m = setting_of(con, actor.community_id).far_m
    ids, _ = streets.entrances(con, actor.community_id)
    tied = entrance_spots(con, actor, on=on, entrance_ids=ids.tolist())
    metres = tied.access_m[tied.edge >= 0]
    lost = int((tied.edge < 0).sum())
    length = float(net.length_m.sum())
    return Summary(
        nodes=len(net.xy),
        kinds={
            str(kind): (int((net.kind == kind).sum()), round(float(net.length_m[net.kind == kind].sum()) / 1000, 3))
            for kind in sorted(set(net.kind.tolist()))
        },
        pieces=len(set(net.piece[net.piece >= 0].tolist())),
        main_share=round(float(net.length_m[net.piece == 0].sum()) / length, 4) if length else 0.0,
        entrances={
            "ok": int((metres <= far_m).sum()),
            "far": int((metres > far_m).sum()),
            "unreachable": lost,
        },
        access_m=tuple(np.percentile(metres, [50, 90, 100]).round(1).tolist()) if len(metres) else (0.0, 0.0, 0.0),
    )


def centre(con: Connection, actor: Actor) -> tuple[float, float]:
    """Return the service centre in degrees; the middle of the community's box where none is known."""
    access.require(actor, *SEEKERS)
    west, south, east, north = place_of(con, actor.community_id).box
    return streets.service_centre(con, actor.community_id) or ((west + east) / 2, (south + north) / 2)


def edges(
    con: Connection, actor: Actor, *, box: tuple[float, float, float, float] | None = None, on: dt.date
) -> tuple[list[DrawnEdge], bool]:
    """Return the streets of a day in a box of degrees, and whether there are more than can be drawn at once.

    Parameters
    ----------
    box : west, south, east, north; the whole community without one
    """
    access.require(actor, *READERS)
    here = place_of(con, actor.community_id)
    box = here.box if box is None else box
    if not all(map(math.isfinite, box)) or box[0] > box[2] or box[1] > box[3]:
        raise BadInput("地图范围写得不对：要写成 西,南,东,北")
    net = walker(con, actor, on=on).network
    found = kept.in_box(con, actor.community_id, here.epsg, box, on=on, most=MOST_EDGES + 1)
    main = {int(i) for i in net.edge_id[net.piece == 0]}
    lines = _in_degrees(con, actor, [edge.xy for edge in found[:MOST_EDGES]])
    drawn = [DrawnEdge(edge, line, edge.edge_id in main) for edge, line in zip(found, lines, strict=False)]
    return drawn, len(found) > MOST_EDGES


def edit(con: Connection, actor: Actor, *, change: Change, on: dt.date) -> Edited:
    """Change the streets from a day on: the next plan walks them so.

    Raises
    ------
    BadInput
        When the change cannot be made, or the streets were changed after that day already.
    NotFound
        When the community has no such street on that day.
    """
    access.require(actor, *EDITORS)
    street_edits.check(change)
    here = _begun(con, actor, on)
    made = _replacement(con, actor.community_id, here, change, on)
    began = kept.replace(
        con,
        actor.community_id,
        made,
        here.epsg,
        on=on,
        kind=type(change).__name__,
        account_id=actor.account_id or None,
    )
    return _told(con, actor, here, began, on, type(change).__name__)


def undo(con: Connection, actor: Actor, *, on: dt.date) -> Edited:
    """Take back the last edit that was not taken back yet, from a day on.

    Raises
    ------
    NotFound
        When there is none.
    """
    access.require(actor, *EDITORS)
    here = _begun(con, actor, on)
    last = next((e for e in kept.edits(con, actor.community_id, most=EDITS_SHOWN) if e.undone_at is None), None)
    if last is None:
        raise NotFound("没有可以撤销的修改")
    began = kept.undo(con, actor.community_id, last.edit_id, on=on)
    return _told(con, actor, here, began, on, "Undo")


def edits(con: Connection, actor: Actor) -> list[kept.Edit]:
    """Return the newest edits, the last first."""
    access.require(actor, *EDITORS, Machine.JOB)
    return kept.edits(con, actor.community_id, most=EDITS_SHOWN)


def unreached(con: Connection, actor: Actor, *, on: dt.date) -> list[Unreached]:
    """Return the entrances that no street leads to as it should, with the reason; most homes first."""
    access.require(actor, *READERS)
    net = walker(con, actor, on=on).network
    here, setting = place_of(con, actor.community_id), setting_of(con, actor.community_id)
    ids, degrees = streets.entrances(con, actor.community_id)
    tied = entrance_spots(con, actor, on=on, entrance_ids=ids.tolist())
    why = reasons(net, metres_of(degrees, here.epsg), tied.edge, tied.access_m, setting)
    listed = {int(ids[i]): i for i, (code, _) in enumerate(why) if code}
    found = []
    for door in streets.doors(con, actor.community_id, list(listed)):
        i = listed[door.entrance_id]
        unit = "" if door.unit == "无" else door.unit
        found.append(
            Unreached(
                entrance_id=door.entrance_id,
                building_id=door.building_id,
                title=f"{door.building}{unit}",
                lon=door.lon,
                lat=door.lat,
                reason=why[i][0],
                distance_m=round(float(tied.access_m[i]), 1) if tied.edge[i] >= 0 else None,
                nearer_m=None if why[i][1] is None else round(float(why[i][1] or 0.0), 1),
                households=door.households,
            )
        )
    return sorted(found, key=lambda one: (-one.households, one.entrance_id))


def reach(con: Connection, actor: Actor, *, lon: float, lat: float, minutes: int, on: dt.date) -> Within:
    """Return what can be reached on foot from a place, and who lives there; the way up inside a house not counted.

    A worker is told of his own grids; a planner gets counts, none about fewer than five homes, and no ids.

    Raises
    ------
    BadInput
        When the place is outside the community, or the minutes are none anybody walks.
    """
    access.require(actor, *SEEKERS)
    if not 1 <= minutes <= MOST_MINUTES:
        raise BadInput("分钟数应在 1 到 %(n)s 之间", n=MOST_MINUTES)
    here = place_of(con, actor.community_id)
    _inside(here.box, [(lon, lat)])
    way = walker(con, actor, on=on)
    spot = spots(con, actor, on=on, lonlat=[(lon, lat)])
    within_s = minutes * 60.0
    found = reached(way.network, spot, way.reach(spot, within_s), within_s)
    ids, _ = streets.entrances(con, actor.community_id)
    seconds = way.matrix(spot, entrance_spots(con, actor, on=on, entrance_ids=ids.tolist()))[0]
    lines = _in_degrees(con, actor, list(found.lines))
    return Within(
        minutes=minutes,
        lines=tuple(lines),
        area=_area(con, actor, found),
        homes=_homes(con, actor, ids[seconds <= within_s].tolist()),
    )


def _area(con: Connection, actor: Actor, found: Reached) -> tuple[tuple[tuple[tuple[float, float], ...], ...], ...]:
    """Return polygons as rings of degrees, the outer one first."""
    return tuple(
        tuple(_in_degrees(con, actor, [np.asarray(ring.coords) for ring in (part.exterior, *part.interiors)]))
        for part in found.area
    )


def _homes(con: Connection, actor: Actor, entrance_ids: list[int]) -> Homes:
    """Return the homes behind some entrances, as much as the actor may know of them."""
    mine = sorted(actor.grid_ids) if actor.role is Role.WORKER else None
    found = streets.homes(con, actor.community_id, entrance_ids, mine)
    by_grid: dict[int, int] = {}
    for grid, _ in found:
        by_grid[grid] = by_grid.get(grid, 0) + 1
    if actor.role is Role.PLANNER:
        total, hidden = masked(by_grid)
        return Homes(total, hidden, ())
    return Homes(len(found), by_grid, tuple(household for _, household in found))


def _in_degrees(
    con: Connection, actor: Actor, lines: Sequence[street_edits.Floats]
) -> list[tuple[tuple[float, float], ...]]:
    """Return lines in degrees, all turned at once."""
    if not lines:
        return []
    degrees = lonlat(con, actor, xy=np.concatenate(lines)).round(7).tolist()
    ends = np.cumsum([0, *map(len, lines)])
    return [tuple((x, y) for x, y in degrees[a:b]) for a, b in pairwise(ends)]


def _begun(con: Connection, actor: Actor, on: dt.date) -> streets.Place:
    """Return the community, locked for this edit, with a network."""
    here = place_of(con, actor.community_id, lock=True)
    if not here.mark:
        with as_job(con, actor) as job:
            build(con, job, on=on)
        here = place_of(con, actor.community_id, lock=True)
    _, newest = streets.epoch(con, actor.community_id, on)
    if newest > on.toordinal():
        raise BadInput("%(day)s 之后的街道已经改过，不能再从更早的日期改起", day=on.isoformat())
    return here


def _told(con: Connection, actor: Actor, here: streets.Place, began: list[int], on: dt.date, kind: str) -> Edited:
    """Tie entrances anew, give the network its new mark and write the trail."""
    tied = tie(con, actor.community_id, here, on=on)
    mark = streets.new_mark(con, actor.community_id)
    audit.write(con, actor, "street.edit", subject=kind, edges=began, on=on)
    return Edited(mark, tuple(began), tied)


def _inside(box: tuple[float, float, float, float], places: Sequence[tuple[float, float]]) -> None:
    for lon, lat in places:
        if not (box[0] <= lon <= box[2] and box[1] <= lat <= box[3]):  # NaN fails as well
            raise BadInput("位置在社区范围之外")


def _replacement(con: Connection, community_id: int, here: streets.Place, change: Change, on: dt.date) -> Replacement:
    setting = setting_of(con, community_id)
    if isinstance(change, AddPath | AddLift | AddGate):
        places = (change.lonlat,) if isinstance(change, AddGate) else change.lonlat
        _inside(here.box, places)
        xy = metres_of(np.asarray(places, float), here.epsg)
        near = _near(con, community_id, here, xy, on)
        if not isinstance(change, AddGate):
            return street_edits.draw(xy, near, change, setting)
        point = shapely.Point(xy[0])
        if not near:
            raise BadInput("大门要设在一段普通道路上")
        return street_edits.put_gate(min(near, key=lambda edge: edge.xy_line.distance(point)), xy[0], change)
    edge = kept.by_id(con, community_id, here.epsg, change.edge_id, on=on)
    if edge is None:
        raise NotFound("没有这段路，可能刚被别人改过，请刷新")
    if isinstance(change, RemoveEdge):
        return Replacement([edge])
    return street_edits.change_gate(edge, change, setting)


def _near(con: Connection, community_id: int, here: streets.Place, xy: street_edits.Floats, on: dt.date) -> list[Edge]:
    """Return the edges within joining distance of a line or a point."""
    shape = shapely.LineString(xy) if len(xy) > 1 else shapely.Point(xy[0])
    west, south, east, north = shape.buffer(street_edits.JOIN_M + 2.0).bounds
    corners = np.array([(west, south), (west, north), (east, south), (east, north)])
    degrees = degrees_of(corners, here.epsg)
    box = [*degrees.min(axis=0), *degrees.max(axis=0)]
    found = kept.in_box(con, community_id, here.epsg, box, on=on, most=MOST_EDGES)
    return [edge for edge in found if edge.xy_line.distance(shape) <= street_edits.JOIN_M]
