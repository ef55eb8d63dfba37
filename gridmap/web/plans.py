"""Plans for leaders: who walks where today, why, and what is left out; one button plans for everybody anew."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext

from gridmap.domain.actors import Role
from gridmap.domain.plans import Day, LeftOut, PlanLine, PlannedDoor, PlannedStop, StopState
from gridmap.domain.worklist import Urgency
from gridmap.services import plans
from gridmap.web import edge, figures, forms, stage
from gridmap.web.access import allow
from gridmap.web.reasons import clock, condition_words, urgency_words, words

blueprint = Blueprint("plans", __name__)

READERS = (Role.SECRETARY, Role.CLERK)
AHEAD_DAYS = 14
SHOWN_LEFT_OUT = 200
STATUS = {
    ("optimal", "optimal"): lazy_gettext("已证明最优"),
    ("best_found", "optimal"): lazy_gettext("顺序已证明最短"),
    ("optimal", "best_found"): lazy_gettext("户数已证明最多"),
    ("best_found", "best_found"): lazy_gettext("找到的最好"),
}


def gap(objective: int, bound: int) -> str:
    """Return how far from a plan that nobody could better this one may be, in percent."""
    return f"{100 * (bound - objective) / bound:.1f}" if bound > 0 else "0.0"


def _status(choice: str, order: str) -> str:
    return str(STATUS[choice, order])


def _line(line: PlanLine) -> dict[str, object]:
    planned = line.plan_id is not None
    return {
        "line": line,
        "grids": "、".join(name for _, name in line.grids),
        "url": url_for("plans.one", plan_id=line.plan_id) if planned else "",
        "km": f"{line.walk_m / 1000:.1f}",
        "status": _status(line.choice, line.order) if planned else "",
        "gap": gap(line.objective, line.bound) if planned else "",
    }


@blueprint.get("/plans")
@allow(*READERS)
def overview() -> str:
    """Show every worker's plan of a day."""
    on, who = forms.day_ahead(request.args, today=edge.today(), ahead=AHEAD_DAYS), edge.actor()
    with edge.transaction() as con:
        lines = plans.listing(con, who, on=on)
    made = [line for line in lines if line.plan_id is not None]
    return render_template(
        "plans/overview.html",
        on=on,
        on_words=figures.day_words(on),
        today=edge.today(),
        rows=[_line(line) for line in lines],
        made=len(made),
        doors=sum(line.doors for line in made),
        must=sum(line.must for line in made),
        left_out=sum(line.left_out for line in made),
        may_make=who.role is Role.SECRETARY and on >= edge.today(),
    )


@blueprint.post("/plans")
@allow(Role.SECRETARY)
def make() -> ResponseReturnValue:
    """Plan the day anew for everybody who is not on his way yet."""
    on = forms.day_ahead(request.form, today=edge.today(), ahead=AHEAD_DAYS)
    with ThreadPoolExecutor(max_workers=1) as here:
        plans.batch(edge.transaction, edge.actor(), on=on, executor=here, at=edge.now())
    return redirect(url_for("plans.overview", on=on.isoformat()), 303)


@blueprint.get("/plans/<int:plan_id>")
@allow(*READERS)
def one(plan_id: int) -> str:
    """Show one plan: times, reasons, and what would bring in the doors left out."""
    with edge.transaction() as con:
        day = plans.by_id(con, edge.actor(), plan_id=plan_id, at=edge.now())
    urgent = [one for one in day.left_out if one.urgency is not Urgency.MAY]
    return render_template(
        "plans/one.html",
        day=day,
        on_words=figures.day_words(day.on),
        hours=f"{clock(day.shift_s[0])}–{clock(day.shift_s[1])}",
        status=_status(day.choice, day.order),
        gap=gap(day.objective, day.bound),
        metres=_metres(day),
        stops=[_stop(stop) for stop in day.stops],
        back=clock(day.end.at_s),
        left_out=[_left_out(one) for one in day.left_out[:SHOWN_LEFT_OUT]],
        left_urgent=len(urgent),
        left_all=len(day.left_out),
    )


def _metres(day: Day) -> str:
    ways = [*(stop.path for stop in day.stops), day.way_back]
    return f"{sum(path.metres for path in ways if path) / 1000:.1f}"


def _stop(stop: PlannedStop) -> dict[str, object]:
    return {
        "stop": stop,
        "time": clock(stop.arrive_s),
        "walk": gettext("步行 %(n)s 米", n=stop.path.metres) if stop.path else "",
        "doors": [_door(door) for door in stop.doors],
    }


def _door(door: PlannedDoor) -> dict[str, object]:
    return {
        "door": door,
        "time": clock(door.start_s),
        "url": f"/households/{door.household_id}",
        "urgency": urgency_words(door.urgency),
        "done": door.state is StopState.DONE,
        "reasons": [words(reason) for reason in door.reasons if reason.code != "group"],
        "groups": [stage.group_name(code) for code in door.groups],
    }


def _left_out(one: LeftOut) -> dict[str, object]:
    return {
        "address": one.address,
        "url": f"/households/{one.household_id}",
        "urgency": urgency_words(one.urgency),
        "reasons": [words(reason) for reason in one.reasons],
        "condition": condition_words(one),
    }
