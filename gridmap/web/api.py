"""The figures for other programs, as JSON: the same values as on the pages, for the same people."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from gridmap.domain.coverage import State
from gridmap.domain.figures import of_overview
from gridmap.domain.households import Card
from gridmap.services import coverage, households
from gridmap.web import edge, forms
from gridmap.web.access import allow
from gridmap.web.coverage import READERS, grid_of

blueprint = Blueprint("api", __name__, url_prefix="/api")


@blueprint.get("/coverage.json")
@allow(*READERS, api=True)
def overview() -> ResponseReturnValue:
    """Answer the figures of every grid the actor may see: ``on`` (a date) and ``group`` (a code) are optional."""
    on, group = forms.on(request.args, today=edge.today()), forms.group(request.args)
    with edge.transaction() as con:
        return jsonify(of_overview(coverage.overview(con, edge.actor(), on=on, group=group)))


@blueprint.get("/states/<code>.json")
@allow(*READERS, api=True)
def states(code: str) -> ResponseReturnValue:
    """Answer the state of each household of one grid, by household id, on a date."""
    on = forms.on(request.args, today=edge.today())
    with edge.transaction() as con:
        here = grid_of(coverage.overview(con, edge.actor(), on=on), code)
        found = coverage.states(con, edge.actor(), on=on, grid_id=here.grid_id)
    return jsonify(
        on=on.isoformat(), grid=here.code, states={str(i): State(state).name.lower() for i, state in found.items()}
    )


def _plain(card: Card) -> dict[str, Any]:
    told = asdict(card)
    told["state"] = card.state.name.lower()
    told["home"]["address"] = card.home.address
    told["visits"] = [asdict(visit) | {"at": visit.at.isoformat()} for visit in card.visits]
    told["needs"] = [asdict(need) | {"raised_at": need.raised_at.isoformat()} for need in card.needs]
    told["groups"] = [{"code": group.code, "since": group.since.isoformat()} for group in card.groups]
    days = {name: getattr(card, name) for name in ("on", "last_effective_on", "due_on", "overdue_on")}
    return told | {name: day.isoformat() if day else None for name, day in days.items()}


@blueprint.get("/households/<int:household_id>.json")
@allow(*households.VIEWERS, api=True)
def household(household_id: int) -> ResponseReturnValue:
    """Answer one household on a date, with the rule that makes it due; each look is written down."""
    on = forms.on(request.args, today=edge.today())
    with edge.transaction() as con:
        return jsonify(_plain(households.household(con, edge.actor(), household_id, on)))


@blueprint.get("/search.json")
@allow(*households.SEARCHERS, api=True)
def search() -> ResponseReturnValue:
    """Answer the buildings, doors and people that the words ``q`` find."""
    with edge.transaction() as con:
        return jsonify(found=[asdict(hit) for hit in households.search(con, edge.actor(), forms.words(request.args))])
