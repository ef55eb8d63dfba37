"""A day's walk taken along: on the map, as a track, on paper; his own for a worker, any plan's for leaders."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, render_template
from flask_babel import gettext

from gridmap.domain.actors import Role
from gridmap.domain.plans import Day, End, Path, PlannedDoor, PlannedStop, StopState
from gridmap.domain.walks import Gate, Walk, stairs_on
from gridmap.files.gpx import to_gpx
from gridmap.files.walk_picture import FRAME
from gridmap.files.walk_sheet import Printed, to_pdf
from gridmap.maps import routes
from gridmap.services import walks
from gridmap.web import doorstep, edge, figures, navigation, reasons, stage
from gridmap.web.access import allow
from gridmap.web.towers import tower_json
from gridmap.web.words import language

blueprint = Blueprint("walks", __name__)

LEADERS = (Role.SECRETARY, Role.CLERK)
GPX, PDF = "application/gpx+xml", "application/pdf"
MINUTE_S = 60
MOST_LEFT_OUT = 40  # doors that were left out, beside the map; the list of the day has all of them


# --- what the map is told --------------------------------------------------------------------------------------------


def _leg(number: int, path: Path | None) -> list[routes.Leg]:
    return [routes.Leg(number, path.lonlat, path.parts)] if path and len(path.lonlat) > 1 else []


def drawn(walk: Walk) -> routes.Drawn:
    """Return the walk as the map draws it: ids and numbers."""
    day = walk.day
    legs = [leg for stop in day.stops for leg in _leg(stop.number, stop.path)]
    return routes.Drawn(
        start=(day.start.lon, day.start.lat),
        end=(day.end.lon, day.end.lat),
        legs=[*legs, *_leg(0, day.way_back)],
        stops=[routes.Stop(s.number, (s.lon, s.lat), errand=s.kind == "errand", done=s.done) for s in day.stops],
        gates=[((gate.lon, gate.lat), gate.barred) for gate in walk.gates],
    )


def _hours(gate: Gate) -> str:
    """Return when a gate is open, in words."""
    if gate.barred:
        return str(gettext("不通行"))
    if gate.opens_min is None or gate.closes_min is None:
        return str(gettext("一直开着"))
    hours = {"begin": reasons.clock(gate.opens_min * MINUTE_S), "end": reasons.clock(gate.closes_min * MINUTE_S)}
    return str(gettext("开门时间 %(begin)s–%(end)s", **hours))


def _ending(title: str, end: End) -> dict[str, Any]:
    return {"title": title, "lines": [end.title, gettext("约 %(at)s", at=reasons.clock(end.at_s))]}


def _data(walk: Walk, *, own: bool) -> dict[str, Any]:
    """Return what the page's module is told: all of it comes with the page, so that it works without a network."""
    day = walk.day
    return {
        "towers": [tower_json(tower) for tower in day.towers],
        "done": [door.household_id for stop in day.stops for door in stop.doors if door.state is StopState.DONE],
        "gates": [{"title": gettext("大门"), "lines": [_hours(gate)]} for gate in walk.gates],
        "ends": [_ending(gettext("出发"), day.start), _ending(gettext("结束"), day.end)],
        "door": "/visits/{id}" if own else "/households/{id}",
        "mine": [grid_id for grid_id, _, _ in day.grids] if own else None,
        "words": {name: str(stage.WORDS[name]) for name in ("tiles", "nowhere", "outside")},
    }


# --- what the list tells ---------------------------------------------------------------------------------------------


def _door(door: PlannedDoor) -> dict[str, Any]:
    pinned = None if any(reason.code == "promise" for reason in door.reasons) else door.pinned_s
    return {
        "door": door,
        "at": reasons.clock(door.start_s),
        "urgency": reasons.urgency_words(door.urgency),
        "why": [(reason.code, reasons.words(reason)) for reason in door.reasons],
        "tags": [stage.group_name(code) for code in door.groups],
        "pinned": f"{reasons.clock(pinned[0])}–{reasons.clock(pinned[1])}" if pinned else "",
    }


def _stop(stop: PlannedStop, walk: Walk, towers: frozenset[int]) -> dict[str, Any]:
    place = stop.path
    return {
        "stop": stop,
        "at": reasons.clock(stop.arrive_s),
        "walk": gettext("步行 %(n)s 米", n=place.metres) if place else gettext("没有查到路"),
        "doors": [_door(door) for door in stop.doors],
        "what": doorstep.ERRANDS.get(stop.errand_kind, "") if stop.kind == "errand" else "",
        "tower": stop.building_id if stop.building_id in towers else None,
        "links": navigation.links(stop.lon, stop.lat) if walk.navigation else [],
    }


def status_words(day: Day) -> str:
    """Return how good the plan is known to be."""
    if day.choice == "optimal" and day.order == "optimal":
        return str(gettext("挑选和顺序都已证明最优"))
    told = {"value": day.objective, "bound": day.bound}
    if day.order == "optimal":
        return str(gettext("顺序已证明最短；挑选是找到的最好：%(value)s，上界 %(bound)s", **told))
    return str(gettext("找到的最好：%(value)s，上界 %(bound)s", **told))


def _page(plan_id: int | None) -> str:
    """Draw the page of a walk."""
    who = edge.actor()
    with edge.transaction() as con:
        walk = walks.walk(con, who, on=edge.today(), at=edge.now(), plan_id=plan_id)
        paper = stage.tile_addresses(who)["paper"]
    day, own = walk.day, plan_id is None
    towers = frozenset(tower.building_id for tower in day.towers)
    rows = [_stop(stop, walk, towers) for stop in day.stops]
    return render_template(
        "walks/map.html",
        day=day,
        own=own,
        rows=rows,
        next=next((stop.number for stop in day.stops if not stop.done), 0),
        base="/today" if own else f"/plans/{day.plan_id}",
        ends=(reasons.clock(day.start.at_s), reasons.clock(day.end.at_s)),
        metres=sum(stop.path.metres for stop in day.stops if stop.path) + (day.way_back.metres if day.way_back else 0),
        stairs=stairs_on(day),
        gates=bool(walk.gates),
        left_all=len(day.left_out),
        left_out=[(left, reasons.condition_words(left)) for left in day.left_out[:MOST_LEFT_OUT]],
        status=status_words(day),
        navigation=walk.navigation,
        states=figures.STATES,
        day_words=figures.day_words,
        drawn={"parts": routes.draw(drawn(walk), paper), "chips": []},
        data=_data(walk, own=own),
        viewer=False,
    )


# --- routes ----------------------------------------------------------------------------------------------------------


@blueprint.get("/today/map")
@allow(Role.WORKER)
def today() -> str:
    """Show a worker his walk of today on the map."""
    return _page(None)


@blueprint.get("/plans/<int:plan_id>/map")
@allow(*LEADERS)
def of_plan(plan_id: int) -> str:
    """Show a leader the walk of a plan on the map."""
    return _page(plan_id)


def _file(body: bytes, name: str, kind: str) -> Response:
    answer = Response(body, content_type=kind)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _track(plan_id: int | None) -> Response:
    with edge.transaction() as con:
        day = walks.track(con, edge.actor(), on=edge.today(), at=edge.now(), plan_id=plan_id)
    return _file(to_gpx(day), f"walk-{day.on}-{day.plan_id}.gpx", GPX)


@blueprint.get("/today/walk.gpx")
@allow(Role.WORKER)
def today_track() -> Response:
    """Hand a worker his walk of today as a track."""
    return _track(None)


@blueprint.get("/plans/<int:plan_id>/walk.gpx")
@allow(*LEADERS)
def track_of_plan(plan_id: int) -> Response:
    """Hand a leader the walk of a plan as a track."""
    return _track(plan_id)


def _sheet(plan_id: int | None) -> Response:
    who, here, at = edge.actor(), edge.community(), edge.now()
    with edge.transaction() as con:
        walk = walks.sheet(con, who, on=edge.today(), at=at, frame=FRAME, plan_id=plan_id)
    local = at.astimezone(ZoneInfo(here.timezone))
    printed = Printed(here.name, here.invented, who.name or str(who.role), local, language())
    return _file(to_pdf(walk, printed), f"walk-{walk.day.on}-{walk.day.plan_id}.pdf", PDF)


@blueprint.get("/today/sheet.pdf")
@allow(Role.WORKER)
def today_sheet() -> Response:
    """Hand a worker his walk of today on paper."""
    return _sheet(None)


@blueprint.get("/plans/<int:plan_id>/sheet.pdf")
@allow(*LEADERS)
def sheet_of_plan(plan_id: int) -> Response:
    """Hand a leader the walk of a plan on paper."""
    return _sheet(plan_id)
