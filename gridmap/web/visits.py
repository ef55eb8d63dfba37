"""Recording a visit at any household, from its card."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template

from gridmap.domain.households import Card
from gridmap.domain.working import WorkSetting
from gridmap.domain.worklist import Material
from gridmap.services import households, materials, working
from gridmap.services.households import VIEWERS
from gridmap.web import doorstep, edge, figures, stage, submissions
from gridmap.web.access import allow
from gridmap.web.households import overdue_days, state_word

blueprint = Blueprint("visits", __name__)


def _door(card: Card) -> dict[str, Any]:
    """Return a household as the recorder is told of a door."""
    home = card.home
    return {
        "household_id": home.household_id,
        "grid_id": home.grid_id,
        "address": home.address,
        "label": home.address,
        "members": [{"id": m.resident_id, "name": m.name, "relation": m.relation} for m in card.members],
        "materials": [],
        "purposes": ["routine"],
    }


def visit_json(card: Card, hours: WorkSetting, handed_out: tuple[Material, ...]) -> dict[str, Any]:
    """Return what the recorder needs to keep a visit of one household, also without a network."""
    return {
        "account_id": edge.actor().account_id,
        "name": edge.actor().name,
        "on": card.on.isoformat(),
        "timezone": edge.community().timezone,
        "hours": {"quiet_until_min": hours.quiet_until_min, "quiet_from_min": hours.quiet_from_min},
        "materials": [{"id": m.material_id, "code": m.code, "name": m.name} for m in handed_out],
        "key": submissions.key_json(),
        "door": _door(card),
    }


@blueprint.get("/visits/<int:household_id>")
@allow(*VIEWERS)
def one(household_id: int) -> str:
    """Show the recorder for one household; the look at it is written down."""
    who, today = edge.actor(), edge.today()
    with edge.transaction() as con:
        card = households.household(con, who, household_id, today)
        told = visit_json(card, working.setting(con, who), materials.catalogue(con, who, on=today))
    face = figures.STATES[card.state]
    return render_template(
        "visits/one.html",
        card=card,
        visit=told,
        words=doorstep.words(),
        mark={"slug": face.slug, "icon": face.icon, "word": state_word(card)},
        late=overdue_days(card),
        tags=[stage.group_name(group.code) for group in card.groups],
    )
