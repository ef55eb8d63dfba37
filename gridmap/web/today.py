"""The worker's day on the phone: the list he walks through, a new order for it, and a record at any door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from flask import Blueprint, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext

from gridmap.domain.actors import Actor, Role
from gridmap.domain.plans import Day, End, LastVisit, LeftOut, Path, PlannedDoor, PlannedStop
from gridmap.domain.working import WorkSetting
from gridmap.domain.worklist import Reason
from gridmap.services import plans, working
from gridmap.store.database import Con
from gridmap.web import doorstep, edge, figures, forms, navigation, notices, reasons, stage, submissions
from gridmap.web.access import allow
from gridmap.web.towers import tower_json

blueprint = Blueprint("today", __name__)

VERSION = 1
# How a reason looks as a chip: what colour, which icon; the words are in ``reasons``.
FACES = {
    "overdue": ("bad", "exclamation-triangle"),
    "event": ("bad", "lightning-charge"),
    "due_soon": ("soon", "clock"),
    "never_met": ("soon", "question-circle"),
    "no_answer": ("away", "door-closed"),
    "promise": ("pin", "calendar-check"),
    "follow_up": ("pin", "arrow-repeat"),
    "group": ("group", "people"),
    "need": ("plain", "chat-dots"),
    "material": ("plain", "file-text"),
}
PLAIN_FACE = ("plain", "geo-alt")
LINKS = [
    ("/today/week", "calendar3", lazy_gettext("我的一周")),
    ("/coverage", "map", lazy_gettext("总览")),
    ("/households", "search", lazy_gettext("找住户")),
    ("/facilities", "lightning-charge", lazy_gettext("便民")),
]


def _reason(reason: Reason) -> dict[str, str]:
    tone, icon = FACES.get(reason.code, PLAIN_FACE)
    return {"code": reason.code, "words": reasons.words(reason), "tone": tone, "icon": icon}


def _last(last: LastVisit | None) -> str | None:
    """Return the last visit in one line."""
    if last is None:
        return None
    line = f"{doorstep.day_of(last.on)} {doorstep.RESULTS.get(last.result, last.result)}"
    return f"{line} ×{last.tries_since_met}" if last.result == "nobody" and last.tries_since_met > 1 else line


def _door(door: PlannedDoor) -> dict[str, Any]:
    return {
        "number": door.number,
        "household_id": door.household_id,
        "grid_id": door.grid_id,
        "address": door.address,
        "label": door.label,
        "floor": door.floor,
        "urgency": str(door.urgency),
        "state": str(door.state),
        "reasons": [_reason(reason) for reason in door.reasons],
        "due": [_reason(reason) for reason in door.due],
        "start_s": door.start_s,
        "service_s": door.service_s,
        "vertical_s": door.vertical_s,
        "pinned": {"from_s": door.pinned_s[0], "until_s": door.pinned_s[1]} if door.pinned_s else None,
        "chance": door.chance,
        "groups": [stage.group_name(code) for code in door.groups],
        "last": _last(door.last),
        "tries": door.last.tries_since_met if door.last else 0,
        "members": [{"id": m.resident_id, "name": m.name, "relation": m.relation} for m in door.members],
        "needs": [{"kind": need.kind, "summary": need.summary} for need in door.needs],
        "materials": list(door.materials),
        "purposes": list(door.purposes),
    }


def _path(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    return {"m": path.metres, "s": path.seconds, "path": path.lonlat, "parts": path.parts}


def _links(stop: PlannedStop) -> list[dict[str, str]]:
    """Return links to map apps; they tell a third party which entrance is looked for."""
    return [{"name": str(link.word), "url": link.href} for link in navigation.links(stop.lon, stop.lat)]


def _errand(stop: PlannedStop) -> dict[str, Any] | None:
    if stop.errand_id is None:
        return None
    return {"id": stop.errand_id, "kind": stop.errand_kind, "grid_id": stop.grid_id}


def _stop(stop: PlannedStop, *, linked: bool) -> dict[str, Any]:
    return {
        "number": stop.number,
        "kind": stop.kind,
        "title": stop.title,
        "lon": stop.lon,
        "lat": stop.lat,
        "arrive_s": stop.arrive_s,
        "leave_s": stop.leave_s,
        "done": stop.done,
        "entrance_id": stop.entrance_id,
        "building_id": stop.building_id,
        "errand": _errand(stop),
        "walk": _path(stop.path),
        "doors": [_door(door) for door in stop.doors],
        "links": _links(stop) if linked else [],
    }


def _left_out(left: LeftOut) -> dict[str, Any]:
    return {
        "household_id": left.household_id,
        "grid_id": left.grid_id,
        "address": left.address,
        "urgency": str(left.urgency),
        "reasons": [_reason(reason) for reason in left.reasons],
        "words": reasons.condition_words(left),
    }


def _end(end: End) -> dict[str, Any]:
    return asdict(end)


def day_json(day: Day, setting: WorkSetting | None = None, key: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a worker's day as the phone, the map and the sheet are told of it, every code in words."""
    hours = setting or WorkSetting()
    return {
        "v": VERSION,
        "on": day.on.isoformat(),
        "timezone": day.timezone,
        "made_at": day.made_at.isoformat() if day.made_at else None,
        "plan_id": day.plan_id,
        "worker": {"id": day.worker_id, "name": day.worker_name},
        "account_id": edge.actor().account_id,
        "title": _title(day),
        "dated": f"{doorstep.day_of(day.on)} {doorstep.weekday(day.on)}",
        "grids": [{"id": i, "code": code, "name": name} for i, code, name in day.grids],
        "status": {
            "choice": day.choice,
            "order": day.order,
            "objective": day.objective,
            "bound": day.bound,
            "seed": day.seed,
            "iterations": day.iterations,
        },
        "shift": {"start_s": day.shift_s[0], "end_s": day.shift_s[1]},
        "hours": {"quiet_until_min": hours.quiet_until_min, "quiet_from_min": hours.quiet_from_min},
        "way_back": _path(day.way_back),
        "start": _end(day.start),
        "end": _end(day.end),
        "progress": {"done": day.doors_done, "all": day.doors_all, "left_s": day.left_s},
        "stops": [_stop(stop, linked=hours.navigation) for stop in day.stops],
        "left_out": [_left_out(left) for left in day.left_out],
        "towers": [tower_json(tower) for tower in day.towers],
        "materials": [{"id": m.material_id, "code": m.code, "name": m.name, "count": m.count} for m in day.materials],
        "matrix": {"places": list(day.matrix_places), "seconds": [list(row) for row in day.matrix_s]},
        "key": key,
    }


def _title(day: Day) -> str:
    """Return which grid is walked today; of several the first is named and the others counted."""
    if not day.grids:
        return str(gettext("今日走访"))
    name = day.grids[0][2]
    if len(day.grids) > 1:
        return str(gettext("%(grid)s等 %(n)s 个网格", grid=name, n=len(day.grids)))
    return name


def told(con: Con, who: Actor, day: Day) -> dict[str, Any]:
    """Return a day with the community's hours and the key that closes what the phone keeps."""
    return day_json(day, working.setting(con, who), submissions.key_json())


def page(day: dict[str, Any] | None, told_of: Sequence[notices.Shown] = ()) -> str:
    """Return the page of a day; without one it is the shell that fills itself with what the phone has kept."""
    shown = {"day": day, "notices": told_of, "words": doorstep.words(), "states": figures.STATES, "links": LINKS}
    return render_template("today/day.html", **shown)


@blueprint.get("/today")
@allow(Role.WORKER)
def today() -> str:
    """Show a worker his day: the next building, its doors, and everything after."""
    return page(_day(), notices.of_worker())


@blueprint.get("/today.json")
@allow(Role.WORKER, api=True)
def as_json() -> ResponseReturnValue:
    """Answer a worker's day as the phone keeps it."""
    return jsonify(_day())


def _day() -> dict[str, Any]:
    who = edge.actor()
    with edge.transaction() as con:
        return told(con, who, plans.day(con, who, on=edge.today(), at=edge.now()))


@blueprint.post("/today/replan")
@allow(Role.WORKER, api=True)
def replan() -> ResponseReturnValue:
    """Answer the rest of the day in another order; the worker's place is used and forgotten."""
    wish, who = forms.replan(request.get_data()), edge.actor()
    with edge.transaction() as con:
        day = plans.replan(con, who, at=edge.now(), **wish)
        return jsonify(told(con, who, day))
