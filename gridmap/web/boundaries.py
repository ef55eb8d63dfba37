"""Pages of borders: versions and drafts, the editor, what a secretary decides on."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext

from gridmap.domain.actors import Actor, Role
from gridmap.domain.boundaries import Plan, PlanState
from gridmap.errors import Conflict
from gridmap.maps import boundaries as drawing
from gridmap.services import boundaries, consequences, drawing_aids, publishing, streets
from gridmap.store.database import Con
from gridmap.web import border_forms, border_pages, edge, forms, stage
from gridmap.web import border_words as say
from gridmap.web.access import allow
from gridmap.web.border_pages import EDITORS, READERS
from gridmap.web.stage import Stage

blueprint = Blueprint("boundaries", __name__)

LONGEST_TITLE = 120
SHOWN = 30  # versions and finished drafts of the list
TOOLS = [
    ("move", "arrows-move", lazy_gettext("移动边界")),
    ("cut", "scissors", lazy_gettext("切分")),
    ("join", "union", lazy_gettext("合并")),
    ("give", "building", lazy_gettext("划给楼栋")),
    ("draw", "pentagon", lazy_gettext("画新网格")),
]
WORK = {
    "needs": lazy_gettext("在办诉求"),
    "promises": lazy_gettext("约好的走访"),
    "events": lazy_gettext("急事"),
    "disputes": lazy_gettext("矛盾纠纷"),
    "hazards": lazy_gettext("安全隐患"),
    "follow_ups": lazy_gettext("待回访"),
    "visits_planned": lazy_gettext("当天已排的走访"),
    "plans": lazy_gettext("要重排的走访计划"),
    "errands": lazy_gettext("沿途事项"),
    "water_orders": lazy_gettext("未送的送水订单"),
    "held_records": lazy_gettext("待定的手机记录"),
    "facilities": lazy_gettext("便民点"),
}
BOARD_REASONS = {
    "added": lazy_gettext("新网格"),
    "gone": lazy_gettext("网格撤销"),
    "border": lazy_gettext("范围变了"),
    "name": lazy_gettext("名称变了"),
    "worker": lazy_gettext("网格员变了"),
}


def _next_step(plan: Plan, actor: Actor) -> str:
    """Return what this person can do with a draft."""
    if plan.state is PlanState.SUBMITTED and actor.role is Role.SECRETARY and plan.submitted_by != actor.account_id:
        return str(gettext("审批"))
    return str(gettext("继续画") if border_pages.editable(plan, actor) else gettext("查看"))


def _row(plan: Plan, actor: Actor) -> dict[str, Any]:
    decides = plan.state is PlanState.SUBMITTED and actor.role in EDITORS
    return {
        "plan": plan,
        "state": str(say.STATES[plan.state]),
        "origin": str(say.ORIGINS[plan.origin]),
        "holder": say.holder(plan) if border_pages.held_by_other(plan, actor) else "",
        "step": _next_step(plan, actor),
        "url": f"/boundaries/{plan.plan_id}/approve" if decides else f"/boundaries/{plan.plan_id}",
        "mine": plan.state is PlanState.SUBMITTED and decides and plan.submitted_by != actor.account_id,
    }


@blueprint.get("/boundaries")
@allow(*READERS)
def overview() -> str:
    """Show the drafts, what waits, and every version the borders have had."""
    who = edge.actor()
    with edge.transaction() as con:
        plans = boundaries.plans(con, who)
        versions = boundaries.versions(con, who)[::-1]
    rows = [_row(plan, who) for plan in plans]
    done = {PlanState.IN_EFFECT, PlanState.DISCARDED}
    return render_template(
        "boundaries/overview.html",
        waiting=[row for row in rows if row["mine"]],
        open=[row for row in rows if row["plan"].state not in done and not row["mine"]],
        finished=[row for row in rows if row["plan"].state in done][:SHOWN],
        versions=versions[:SHOWN],
        titles={plan.plan_id: plan.title for plan in plans},
        editor=who.role in EDITORS,
    )


@blueprint.post("/boundaries")
@allow(*EDITORS)
def begin() -> ResponseReturnValue:
    """Begin a draft and open it."""
    who, today = edge.actor(), edge.today()
    title = forms.text(request.form, "title", LONGEST_TITLE).strip() or gettext(
        "%(on)s 的边界方案", on=today.isoformat()
    )
    with edge.transaction() as con:
        draft_id = boundaries.begin(con, who, title=title, at=edge.now(), on=today)
    return redirect(f"/boundaries/{draft_id}", 303)


@blueprint.post("/boundaries/versions/<int:version_id>/return")
@allow(*EDITORS)
def return_to(version_id: int) -> ResponseReturnValue:
    """Begin a draft that equals an earlier version, ready to be handed in."""
    with edge.transaction() as con:
        draft_id = publishing.return_to(con, edge.actor(), version_id=version_id, at=edge.now(), on=edge.today())
    return redirect(f"/boundaries/{draft_id}?open=submit", 303)


def _data(con: Con, actor: Actor, plan: Plan) -> dict[str, Any]:
    found = boundaries.grids(con, actor, plan_id=plan.plan_id)
    opened = request.args.get("open", "")
    return {
        "url": f"/boundaries/{plan.plan_id}",
        "plan": border_pages.standing(con, actor, plan),
        "shapes": border_pages.drawn(con, actor, plan, found),
        "total": border_pages.total(con, actor, plan),
        "comments": border_pages.comments(boundaries.comments(con, actor, plan_id=plan.plan_id)),
        "words": {name: str(words) for name, words in border_pages.WORDS.items()},
        "open": opened if opened == "submit" else "",
        "tab": "",
    }


@blueprint.get("/boundaries/<int:draft_id>")
@allow(*READERS)
def editor(draft_id: int) -> str:
    """Show a draft on the map, and let its holder draw."""
    who, today = edge.actor(), edge.today()
    with edge.transaction() as con:
        plan = boundaries.plan(con, who, plan_id=draft_id)
        workers = drawing_aids.workers(con, who) if who.role in EDITORS else []
        data = _data(con, who, plan)
        centre = streets.centre(con, who)
        history = boundaries.edits(con, who, plan_id=draft_id, most=SHOWN)
    parts = drawing.draw(centre, stage.tile_addresses(who)["paper"])
    return render_template(
        "boundaries/editor.html",
        drawn=Stage(parts, [], [], {}),
        data=data,
        plan=plan,
        state=say.STATES[plan.state],
        origin=say.ORIGINS[plan.origin],
        tools=TOOLS,
        editor=who.role in EDITORS,
        secretary=who.role is Role.SECRETARY,
        decides=plan.state is PlanState.SUBMITTED and who.role in EDITORS,
        workers=workers,
        today=today,
        history=[(done, say.EDITS.get(done.kind, say.OTHER_EDIT)) for done in history],
        viewer=False,
    )


@blueprint.get("/boundaries/<int:draft_id>/approve")
@allow(*READERS)
def decision(draft_id: int) -> str:
    """Show what would happen if a draft took effect; a secretary decides here."""
    who = edge.actor()
    with edge.transaction() as con:
        plan = boundaries.plan(con, who, plan_id=draft_id)
        found = consequences.consequences(con, who, plan_id=draft_id, on=edge.today()) if plan.changed else None
    if found is None:
        return render_template("boundaries/unchanged.html", plan=plan, state=say.STATES[plan.state])
    waits = plan.state is PlanState.SUBMITTED
    names = {grid.key: grid.name for grid in found.grids}
    return render_template(
        "boundaries/decision.html",
        plan=plan,
        state=say.STATES[plan.state],
        found=found,
        names=names,
        work=[(word, getattr(found.work, name)) for name, word in WORK.items() if getattr(found.work, name)],
        board_reasons=BOARD_REASONS,
        may_decide=waits and who.role is Role.SECRETARY and plan.submitted_by != who.account_id,
        own=waits and plan.submitted_by == who.account_id,
        hours=say.hours,
        signed=say.signed,
        today=edge.today(),
    )


def _seen() -> int:
    """Return which state of the draft the form was made for."""
    return forms.identity(request.form.get("revision", "")) if request.form.get("revision") != "0" else 0


@blueprint.post("/boundaries/<int:draft_id>/approve")
@allow(Role.SECRETARY)
def approve(draft_id: int) -> ResponseReturnValue:
    """Let a draft take effect, today or on its day."""
    with edge.transaction() as con:
        publishing.approve(con, edge.actor(), plan_id=draft_id, revision=_seen(), at=edge.now(), on=edge.today())
    return redirect("/boundaries", 303)


@blueprint.post("/boundaries/<int:draft_id>/send-back")
@allow(*EDITORS)
def send_back(draft_id: int) -> ResponseReturnValue:
    """Give a draft back to its planner, with a note."""
    note = forms.text(request.form, "note", border_forms.MOST_WORDS)
    with edge.transaction() as con:
        publishing.send_back(con, edge.actor(), plan_id=draft_id, revision=_seen(), note=note, at=edge.now())
    return redirect(f"/boundaries/{draft_id}", 303)


@blueprint.post("/boundaries/<int:draft_id>/discard")
@allow(*EDITORS)
def discard(draft_id: int) -> ResponseReturnValue:
    """Throw a draft away."""
    who = edge.actor()
    with edge.transaction() as con:
        if boundaries.plan(con, who, plan_id=draft_id).revision != _seen():
            raise Conflict("这个方案刚被改过，请看过最新的样子再决定")
        boundaries.discard(con, who, plan_id=draft_id, at=edge.now())
    return redirect("/boundaries", 303)
