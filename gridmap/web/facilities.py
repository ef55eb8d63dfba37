"""Vending machines, lockers and charging points: a list and the map."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import Blueprint, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext

from gridmap.domain.actors import Role
from gridmap.domain.facilities import Facility
from gridmap.services import facilities
from gridmap.web import edge, figures, forms, stage
from gridmap.web.access import allow

blueprint = Blueprint("facilities", __name__)

READERS = (Role.SECRETARY, Role.CLERK, Role.PLANNER, Role.WORKER, Role.DRIVER)
KINDS = {
    "vending": (lazy_gettext("自动售货机"), "cup-straw"),
    "locker": (lazy_gettext("储物柜"), "lock"),
    "charging": (lazy_gettext("手机充电点"), "lightning-charge"),
}


def yuan(amount: Decimal) -> str:
    """Return an amount as people write it."""
    return str(gettext("%(n)s 元", n=f"{amount:,.0f}"))


def _lines(facility: Facility) -> list[str]:
    lines = [str(KINDS[facility.kind][0]), gettext("编号 %(n)s", n=facility.number)]
    if facility.income_yuan is not None:
        lines.append(gettext("近 12 个月收入 %(n)s", n=yuan(facility.income_yuan)))
    return lines


@blueprint.get("/facilities")
@allow(*READERS)
def overview() -> str:
    """Show every facility, on the map and as a list."""
    on, who = forms.on(request.args, today=edge.today()), edge.actor()
    with edge.transaction() as con:
        found = facilities.facilities(con, who, on=on)
        drawn = stage.build(con, who, on=on)
    told = stage.data(drawn, who, on=on, layers=["grids", "paper", "points"])
    counts = {kind: sum(1 for one in found if one.kind == kind) for kind in KINDS}
    incomes = [one.income_yuan for one in found if one.income_yuan is not None]
    return render_template(
        "facilities/overview.html",
        drawn=drawn,
        data=told,
        rows=found,
        kinds=KINDS,
        counts=counts,
        income=yuan(sum(incomes, Decimal(0))) if incomes else None,
        yuan=yuan,
        on=on,
        day_words=figures.day_words,
        viewer=False,
    )


@blueprint.get("/facilities.json")
@allow(*READERS, api=True)
def layer() -> ResponseReturnValue:
    """Answer the facilities for the map's layer."""
    on = forms.on(request.args, today=edge.today())
    with edge.transaction() as con:
        found = facilities.facilities(con, edge.actor(), on=on)
    told: list[dict[str, Any]] = [
        {"id": one.id, "kind": one.kind, "name": one.name, "lon": one.lon, "lat": one.lat, "lines": _lines(one)}
        for one in found
    ]
    return jsonify(facilities=told)
