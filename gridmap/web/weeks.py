"""A worker's week: his own on the phone, anybody's for leaders."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask import Blueprint, render_template, request
from flask_babel import gettext, lazy_gettext

from gridmap.domain.actors import Role
from gridmap.domain.weeks import Standing, Week, WeekDay
from gridmap.services import weeks
from gridmap.web import doorstep, edge, forms
from gridmap.web.access import allow
from gridmap.web.reasons import clock, condition_words

blueprint = Blueprint("weeks", __name__)

LEADERS = (Role.SECRETARY, Role.CLERK)
AHEAD_DAYS = 13  # this week and the next
STANDINGS = {
    Standing.OVER: lazy_gettext("已过去"),
    Standing.PLANNED: lazy_gettext("已安排"),
    Standing.OUTLOOK: lazy_gettext("预计"),
    Standing.OFF: lazy_gettext("没有走访"),
}


def _end(at: tuple[int, int] | None, addresses: dict[int, str]) -> str:
    """Return when and where the first or the last door is."""
    return f"{clock(at[1])} {addresses.get(at[0], '')}".strip() if at else ""


def _day(day: WeekDay, week: Week, longest_min: int, *, own: bool) -> dict[str, Any]:
    today = edge.today()
    url = f"/plans/{day.plan_id}" if day.plan_id and not own else ""
    return {
        "day": day,
        "today": day.on == today,
        "name": doorstep.weekday(day.on),
        "dated": doorstep.day_of(day.on),
        "standing": str(STANDINGS[day.standing]),
        "walks": day.standing is not Standing.OFF,
        "hours": f"{clock(day.begin_s)}–{clock(day.end_s)}",
        "share": round(100 * day.minutes / longest_min) if longest_min else 0,
        "first": _end(day.first, week.addresses),
        "last": _end(day.last, week.addresses),
        "url": "/today" if own and day.on == today and day.plan_id else url,
    }


def _page(worker_id: int | None) -> str:
    """Draw the week of somebody."""
    today, who, own = edge.today(), edge.actor(), worker_id is None
    on = forms.day_ahead(request.args, today=today, ahead=AHEAD_DAYS)
    with edge.transaction() as con:
        week = weeks.week(con, who, on=on, today=today, at=edge.now(), worker_id=worker_id)
    monday = week.days[0].on
    longest_min = max(day.minutes for day in week.days)
    return render_template(
        "plans/week.html",
        week=week,
        own=own,
        grids="、".join(name for _, _, name in week.grids),
        span=f"{doorstep.day_of(monday)}–{doorstep.day_of(week.days[-1].on)}",
        rows=[_day(day, week, longest_min, own=own) for day in week.days],
        doors=sum(day.doors for day in week.days),
        hours=round(sum(day.minutes for day in week.days) / 60),
        left=[(one, condition_words(one)) for one in week.left],
        outlook=any(day.standing is Standing.OUTLOOK for day in week.days),
        later=monday > today,
        other=_other(monday, today),
    )


def _other(monday: date, today: date) -> tuple[str, str]:
    """Return the date of the other week one may look at, and what to call it."""
    if monday > today:
        return today.isoformat(), gettext("这一周")
    return (monday + timedelta(days=7)).isoformat(), gettext("下一周")


@blueprint.get("/today/week")
@allow(Role.WORKER)
def own() -> str:
    """Show a worker his week."""
    return _page(None)


@blueprint.get("/plans/week/<int:worker_id>")
@allow(*LEADERS)
def one(worker_id: int) -> str:
    """Show a leader a worker's week."""
    return _page(worker_id)
