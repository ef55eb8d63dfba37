"""What the editor of borders sends while somebody draws: previews, changes, holding, talk, handing in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from gridmap.domain import partition
from gridmap.domain.actors import Actor
from gridmap.domain.boundaries import DraftGrid, Plan
from gridmap.domain.documents import Fields, Unreadable
from gridmap.errors import BadInput
from gridmap.maps import boundaries as drawing
from gridmap.services import boundaries, drawing_aids, effects, publishing, working
from gridmap.store.database import Con
from gridmap.web import border_forms, border_pages, edge, forms
from gridmap.web import border_words as say
from gridmap.web.access import allow
from gridmap.web.border_forms import Gift
from gridmap.web.border_pages import EDITORS, READERS

blueprint = Blueprint("border_edits", __name__)

MOST_KEYS = 40  # walked at once
Change = Callable[[Con, Actor, int, Fields], Plan]


def _read(look: Callable[[Fields], Any]) -> Any:
    try:
        return look(border_forms.read(request.get_data()))
    except Unreadable as error:
        raise BadInput(border_forms.UNREADABLE, part=str(error)) from error


def _told(con: Con, who: Actor, plan: Plan, changed: Sequence[DraftGrid], **more: Any) -> ResponseReturnValue:
    """Answer a change: how the draft stands, the grids that are others now, and what the whole draft does."""
    return jsonify(
        plan=border_pages.standing(con, who, plan),
        changed=border_pages.drawn(con, who, plan, changed),
        total=border_pages.total(con, who, plan),
        **more,
    )


def _operation(con: Con, who: Actor, fields: Fields) -> Any:
    wish = border_forms.operation(fields)
    if isinstance(wish, Gift):
        return drawing_aids.give(con, who, unit=wish.unit, ids=wish.ids, to=wish.to)
    if fields.get("snap") is True and isinstance(wish, partition.Cut | partition.Reshape):
        return replace(wish, line=drawing_aids.snapped(con, who, line=wish.line))
    return wish


def _tried(con: Con, who: Actor, draft_id: int, operation: Any) -> tuple[boundaries.Preview, dict[str, Any]]:
    """Return what an operation would do, and how that reads."""
    tried = boundaries.preview(con, who, plan_id=draft_id, operation=operation)
    return tried, say.told(tried.effects, [*tried.before, *tried.after], working.setting(con, who))


@blueprint.post("/boundaries/<int:draft_id>/preview")
@allow(*EDITORS, api=True)
def preview(draft_id: int) -> ResponseReturnValue:
    """Tell what an operation would do; nothing is kept."""
    who = edge.actor()

    def look(fields: Fields) -> ResponseReturnValue:
        try:
            with edge.transaction() as con:
                tried, words = _tried(con, who, draft_id, _operation(con, who, fields))
        except BadInput as refused:  # asked and answered: what cannot be drawn is no failure of the question
            return jsonify(revision=None, step=None, sentence=gettext(refused.sentence, **refused.values))
        return jsonify(revision=tried.revision, step=words, sentence=None)

    answer: ResponseReturnValue = _read(look)
    return answer


@blueprint.post("/boundaries/<int:draft_id>/edit")
@allow(*EDITORS, api=True)
def edit(draft_id: int) -> ResponseReturnValue:
    """Change the draft."""
    who = edge.actor()

    def look(fields: Fields) -> ResponseReturnValue:
        revision = border_forms.revision(fields)
        with edge.transaction() as con:
            operation = _operation(con, who, fields)
            wish = {"plan_id": draft_id, "revision": revision, "operation": operation, "at": edge.now()}
            try:
                tried, words = _tried(con, who, draft_id, operation)
            except BadInput:
                boundaries.edit(con, who, **wish)  # who saw an older state is told so first
                raise
            return _told(con, who, boundaries.edit(con, who, **wish), tried.after, step=words)

    answer: ResponseReturnValue = _read(look)
    return answer


def _stepped(draft_id: int, step: Callable[..., Plan], *, undone: bool) -> ResponseReturnValue:
    """Undo or redo one step; answer with the grids it concerned."""
    who = edge.actor()

    def look(fields: Fields) -> ResponseReturnValue:
        revision = border_forms.revision(fields)
        with edge.transaction() as con:
            steps = [one for one in boundaries.edits(con, who, plan_id=draft_id) if one.undone is undone]
            plan = step(con, who, plan_id=draft_id, revision=revision, at=edge.now())
            keys = (steps[-1] if undone else steps[0]).keys if steps else ()
            return _told(con, who, plan, boundaries.some(con, who, plan_id=draft_id, keys=keys))

    answer: ResponseReturnValue = _read(look)
    return answer


@blueprint.post("/boundaries/<int:draft_id>/undo")
@allow(*EDITORS, api=True)
def undo(draft_id: int) -> ResponseReturnValue:
    """Take the last change back."""
    return _stepped(draft_id, boundaries.undo, undone=False)


@blueprint.post("/boundaries/<int:draft_id>/redo")
@allow(*EDITORS, api=True)
def redo(draft_id: int) -> ResponseReturnValue:
    """Do again what was taken back."""
    return _stepped(draft_id, boundaries.redo, undone=True)


def _changed(draft_id: int, change: Change) -> ResponseReturnValue:
    """Change what concerns one grid, or all: answer with as many."""
    who = edge.actor()

    def look(fields: Fields) -> ResponseReturnValue:
        with edge.transaction() as con:
            plan = change(con, who, draft_id, fields)
            one = fields.get("key")
            if one is not None:
                return _told(
                    con, who, plan, boundaries.some(con, who, plan_id=draft_id, keys=[border_forms.key(fields)])
                )
            return _told(con, who, plan, boundaries.grids(con, who, plan_id=draft_id))

    answer: ResponseReturnValue = _read(look)
    return answer


@blueprint.post("/boundaries/<int:draft_id>/rename")
@allow(*EDITORS, api=True)
def rename(draft_id: int) -> ResponseReturnValue:
    """Give a grid another name."""

    def change(con: Con, who: Actor, draft_id: int, f: Fields) -> Plan:
        name = f.text("name", border_forms.MOST_WORDS)
        return boundaries.rename(con, who, plan_id=draft_id, key=border_forms.key(f), name=name, **_seen(f))

    return _changed(draft_id, change)


@blueprint.post("/boundaries/<int:draft_id>/kind")
@allow(*EDITORS, api=True)
def kind(draft_id: int) -> ResponseReturnValue:
    """Make a grid a general or a commercial one."""

    def change(con: Con, who: Actor, draft_id: int, f: Fields) -> Plan:
        return boundaries.set_kind(
            con, who, plan_id=draft_id, key=border_forms.key(f), kind=f.word("grid_kind"), **_seen(f)
        )

    return _changed(draft_id, change)


@blueprint.post("/boundaries/<int:draft_id>/assign")
@allow(*EDITORS, api=True)
def assign(draft_id: int) -> ResponseReturnValue:
    """Say who will work in a new grid."""

    def change(con: Con, who: Actor, draft_id: int, f: Fields) -> Plan:
        worker = f.whole("worker_id", 0, edge.LARGEST_ID)
        return boundaries.assign(con, who, plan_id=draft_id, key=border_forms.key(f), worker_id=worker, **_seen(f))

    return _changed(draft_id, change)


@blueprint.post("/boundaries/<int:draft_id>/lock")
@allow(*EDITORS, api=True)
def lock(draft_id: int) -> ResponseReturnValue:
    """Keep a grid's border as it is, or let it be changed again."""

    def change(con: Con, who: Actor, draft_id: int, f: Fields) -> Plan:
        wanted = f.get("locked")
        if not isinstance(wanted, bool):
            raise Unreadable("locked")
        return boundaries.set_lock(con, who, plan_id=draft_id, key=border_forms.key(f), locked=wanted, **_seen(f))

    return _changed(draft_id, change)


@blueprint.post("/boundaries/<int:draft_id>/renumber")
@allow(*EDITORS, api=True)
def renumber(draft_id: int) -> ResponseReturnValue:
    """Give the grids numbers from west to east, north to south."""
    return _changed(draft_id, lambda con, who, plan, f: boundaries.renumber(con, who, plan_id=plan, **_seen(f)))


@blueprint.post("/boundaries/<int:draft_id>/rebase")
@allow(*EDITORS, api=True)
def rebase(draft_id: int) -> ResponseReturnValue:
    """Put the draft over the borders that are in force now."""
    return _changed(draft_id, lambda con, who, plan, _f: boundaries.rebase(con, who, plan_id=plan, at=edge.now()))


@blueprint.post("/boundaries/<int:draft_id>/hold")
@allow(*EDITORS, api=True)
def hold(draft_id: int) -> ResponseReturnValue:
    """Take the draft; a secretary also from who holds it, with a reason."""

    def change(con: Con, who: Actor, draft_id: int, f: Fields) -> Plan:
        reason = f.text("reason", border_forms.MOST_WORDS) if f.get("reason") is not None else None
        return boundaries.hold(con, who, plan_id=draft_id, at=edge.now(), force_reason=reason)

    return _changed(draft_id, change)


@blueprint.post("/boundaries/<int:draft_id>/release")
@allow(*EDITORS, api=True)
def release(draft_id: int) -> ResponseReturnValue:
    """Let go of the draft."""
    return _changed(draft_id, lambda con, who, plan, _f: boundaries.release(con, who, plan_id=plan))


def _seen(fields: Fields) -> dict[str, Any]:
    """Return which state the sender saw, and when he asks."""
    return {"revision": border_forms.revision(fields), "at": edge.now()}


@blueprint.post("/boundaries/<int:draft_id>/comments")
@allow(*EDITORS, api=True)
def comment(draft_id: int) -> ResponseReturnValue:
    """Say something about the draft."""
    who = edge.actor()
    words = _read(lambda fields: fields.text("words", border_forms.MOST_WORDS))
    with edge.transaction() as con:
        boundaries.comment(con, who, plan_id=draft_id, words=words, at=edge.now())
        found = boundaries.comments(con, who, plan_id=draft_id)
    return jsonify(comments=border_pages.comments(found))


@blueprint.post("/boundaries/<int:draft_id>/submit")
@allow(*EDITORS, api=True)
def submit(draft_id: int) -> ResponseReturnValue:
    """Hand the draft in, with a reason and a day."""
    who, today = edge.actor(), edge.today()

    def look(fields: Fields) -> ResponseReturnValue:
        revision = border_forms.revision(fields)
        reason = fields.get("reason")
        if not isinstance(reason, str) or not reason.strip():
            raise BadInput("请写明为什么这样改")
        day = border_forms.effect_on(str(fields.get("effect_on")), today=today)
        with edge.transaction() as con:
            publishing.submit(
                con,
                who,
                plan_id=draft_id,
                revision=revision,
                reason=fields.text("reason", border_forms.MOST_WORDS),
                effect_on=day,
                at=edge.now(),
                on=today,
            )
        return jsonify(next=f"/boundaries/{draft_id}/approve")

    answer: ResponseReturnValue = _read(look)
    return answer


@blueprint.get("/boundaries/<int:draft_id>/state.json")
@allow(*READERS, api=True)
def state(draft_id: int) -> ResponseReturnValue:
    """Return the draft as it is now."""
    who = edge.actor()
    with edge.transaction() as con:
        plan = boundaries.plan(con, who, plan_id=draft_id)
        found = boundaries.grids(con, who, plan_id=draft_id)
        told = border_pages.drawn(con, who, plan, found)
        return jsonify(plan=border_pages.standing(con, who, plan), grids=told, total=border_pages.total(con, who, plan))


@blueprint.get("/boundaries/<int:draft_id>/walking.json")
@allow(*READERS, api=True)
def walking(draft_id: int) -> ResponseReturnValue:
    """Return the walking of a month in some grids, before and after; it takes longer than the rest."""
    who = edge.actor()
    raw = [part for part in request.args.get("keys", "").split(",") if part][:MOST_KEYS]
    keys = [-forms.identity(part[1:]) if part.startswith("-") else forms.identity(part) for part in raw]
    with edge.transaction() as con:
        found = effects.walking(con, who, plan_id=draft_id, keys=keys, on=edge.today())
    minutes = {
        str(key): {
            "before": say.hours(before),
            "after": say.hours(after),
            "change": say.signed(((after or 0) - (before or 0)) / 60, 1),
        }
        for key, (before, after) in found.items()
    }
    return jsonify(minutes=minutes)


@blueprint.get("/boundaries/<int:draft_id>/faults.json")
@allow(*READERS, api=True)
def faults(draft_id: int) -> ResponseReturnValue:
    """Return what needs a look in the draft."""
    who = edge.actor()
    with edge.transaction() as con:
        found = effects.faults(con, who, plan_id=draft_id, on=edge.today())
        names = {grid.key: grid for grid in boundaries.grids(con, who, plan_id=draft_id)}
    return jsonify(faults=[say.fault(one, names) for one in found])


@blueprint.get("/boundaries/<int:draft_id>/lines.json")
@allow(*READERS, api=True)
def lines(draft_id: int) -> ResponseReturnValue:
    """Return the streets and walls in a part of the map, to draw along."""
    who, box = edge.actor(), forms.box(request.args)
    with edge.transaction() as con:
        boundaries.plan(con, who, plan_id=draft_id)
        found = drawing_aids.lines(con, who, box=box) if box else []
    return jsonify(lines=[drawing.flat(drawing.in_units(line).coords) for line in found])


@blueprint.post("/boundaries/<int:draft_id>/ground")
@allow(*EDITORS, api=True)
def ground(draft_id: int) -> ResponseReturnValue:
    """Return the building or compound at a place, with its ground."""
    who = edge.actor()

    def look(fields: Fields) -> ResponseReturnValue:
        lon, lat = border_forms.place(fields)
        with edge.transaction() as con:
            boundaries.plan(con, who, plan_id=draft_id)
            found = drawing_aids.at(con, who, unit=fields.word("unit"), lon=lon, lat=lat)
        return jsonify(id=found.ground_id, name=found.name, rings=drawing.rings(drawing.in_units(found.shape)))

    answer: ResponseReturnValue = _read(look)
    return answer
