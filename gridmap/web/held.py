"""What phones sent and nobody could count yet: a leader decides, the worker sees what became of his."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext

from gridmap.domain.households import Hit
from gridmap.domain.visits import SEALED, SKEW_TOLD, HeldItem, Kind, Why
from gridmap.errors import BadInput
from gridmap.services import held, households
from gridmap.services.visits import LEADERS, SENDERS
from gridmap.web import edge, forms
from gridmap.web.access import allow
from gridmap.web.households import MODES, RESULTS
from gridmap.web.submissions import REASONS

blueprint = Blueprint("held", __name__)

LONGEST_NOTE = 200
KINDS = {
    Kind.VISIT: lazy_gettext("走访"),
    Kind.PHOTO: lazy_gettext("照片"),
    Kind.WITHDRAWAL: lazy_gettext("撤回走访"),
    Kind.ERRAND: lazy_gettext("沿途事项"),
    SEALED: lazy_gettext("封存的记录"),
}
UNUSABLE = {Why.UNREADABLE, Why.UNKNOWN_KIND, Why.UNKNOWN_VERSION, Why.UNKNOWN_KEY}


def _what(item: HeldItem) -> str:
    """Return what was recorded, without anybody's name."""
    if item.visit is None:
        return ""
    visit = item.visit
    parts = [str(RESULTS[visit.result]), str(MODES[visit.mode])]
    if visit.needs:
        parts.append(gettext("诉求 %(n)s 件", n=len(visit.needs)))
    if visit.hazards:
        parts.append(gettext("隐患 %(n)s 处", n=len(visit.hazards)))
    if visit.dispute:
        parts.append(gettext("矛盾纠纷"))
    if visit.promise:
        parts.append(gettext("约定再访"))
    return " · ".join(parts)


def _row(item: HeldItem) -> dict[str, Any]:
    return {
        "item": item,
        "id": str(item.submission_id),
        "kind": str(KINDS.get(item.kind, item.kind)),
        "reason": str(REASONS[Why(item.reason)]),
        "what": _what(item),
        "when": item.visit.visited_at if item.visit else item.captured_at,
        "promise": item.visit.promise if item.visit and item.counted else None,
        "skewed": round(item.skew_s / 60) if abs(item.skew_s) > SKEW_TOLD.total_seconds() else 0,
        "usable": item.reason not in UNUSABLE,
        "elsewhere": item.kind in {Kind.VISIT, Kind.PHOTO} and item.reason not in UNUSABLE and not item.counted,
    }


@blueprint.get("/held")
@allow(*SENDERS)
def listing() -> str:
    """Show what waits for a decision; a worker sees what he sent himself."""
    who, words, chosen = edge.actor(), forms.words(request.args), request.args.get("item", "")
    with edge.transaction() as con:
        rows = [_row(item) for item in held.listing(con, who)]
        count = held.count(con, who)
        hits: list[Hit] = []
        if words and who.role in LEADERS and any(row["id"] == chosen for row in rows):
            hits = [hit for hit in households.search(con, who, words) if hit.household_id is not None]
    return render_template(
        "held/list.html", rows=rows, count=count, decides=who.role in LEADERS, words=words, chosen=chosen, hits=hits
    )


@blueprint.post("/held/<uuid:submission_id>")
@allow(*LEADERS)
def decide(submission_id: UUID) -> ResponseReturnValue:
    """Keep something for its household or for another, or drop it with a reason."""
    who, decision = edge.actor(), request.form.get("decision", "")
    with edge.transaction() as con:
        if decision == "drop":
            note = forms.text(request.form, "note", LONGEST_NOTE).strip()
            held.drop(con, who, submission_id=submission_id, note=note, at=edge.now())
        elif decision == "keep":
            chosen = request.form.get("household_id", "")
            household_id = forms.identity(chosen) if chosen else None
            held.approve(con, who, submission_id=submission_id, household_id=household_id, at=edge.now())
        else:
            raise BadInput("请选择计入或不采用")
    return redirect("/held", 303)


@blueprint.get("/visits/photos/<uuid:photo_id>")
@allow(*SENDERS)
def photo(photo_id: UUID) -> Response:
    """Show a picture of a visit; no cache keeps it."""
    with edge.transaction() as con:
        image = held.photo(con, edge.actor(), photo_id=photo_id)
    response = make_response(image)
    response.headers["Content-Type"] = "image/jpeg"
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Content-Disposition"] = "inline"
    return response
