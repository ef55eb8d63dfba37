"""Better hours for a walk: the pages ask for them once they are drawn, and take them on one tap."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from gridmap.domain.actors import Role
from gridmap.services import hours, plans
from gridmap.services.hours import Offer
from gridmap.web import edge, forms, today
from gridmap.web.access import allow
from gridmap.web.reasons import clock

blueprint = Blueprint("hours", __name__)


def offer_json(offer: Offer | None) -> dict[str, Any] | None:
    """Return an offer in words, with what a tap on it sends."""
    if offer is None:
        return None
    return {
        "plan_id": offer.plan_id,
        "start_s": offer.opens_s,
        "before_s": offer.before_s,
        "words": gettext("改到 %(at)s 出发，预计多见到 %(n)s 户", at=clock(offer.opens_s), n=offer.more),
        "take": gettext("改到 %(at)s", at=clock(offer.opens_s)),
        "taken": gettext("已改到 %(at)s 出发", at=clock(offer.opens_s)),
    }


@blueprint.get("/plans/<int:plan_id>/hours")
@allow(Role.SECRETARY, Role.CLERK, Role.WORKER, api=True)
def offered(plan_id: int) -> ResponseReturnValue:
    """Answer better hours for a plan, or none."""
    who = edge.actor()
    with edge.transaction() as con:
        found = hours.offer(con, who, plan_id=plan_id, at=edge.now())
    return jsonify({"offer": offer_json(found), "may_take": who.role is not Role.CLERK})


@blueprint.post("/plans/<int:plan_id>/hours")
@allow(Role.SECRETARY, Role.WORKER, api=True)
def take(plan_id: int) -> ResponseReturnValue:
    """Let a walk begin at another time; a worker gets his day as it is now, a leader the new plan's address."""
    start_s, who = forms.start(request.get_data()), edge.actor()
    with edge.transaction() as con:
        made = hours.take(con, who, plan_id=plan_id, opens_s=start_s, at=edge.now())
        if who.role is not Role.WORKER:
            return jsonify({"plan_id": made, "url": url_for("plans.one", plan_id=made)})
        return jsonify(today.told(con, who, plans.by_id(con, who, plan_id=made, at=edge.now())))
