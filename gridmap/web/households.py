"""One household: its page, its card on the map, and finding one."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext

from gridmap.domain.actors import Role
from gridmap.domain.coverage import State
from gridmap.domain.groups import GENERAL
from gridmap.domain.households import Card, Hit
from gridmap.services import coverage, households
from gridmap.web import edge, figures, forms, stage
from gridmap.web.access import allow
from gridmap.web.coverage import asked, shell

blueprint = Blueprint("households", __name__)

VIEWERS = (Role.SECRETARY, Role.CLERK, Role.WORKER)
SEARCHERS = (*VIEWERS, Role.PLANNER)

RESULTS = {
    "met": lazy_gettext("见到了"),
    "nobody": lazy_gettext("没人应门"),
    "refused": lazy_gettext("不愿受访"),
    "moved": lazy_gettext("已搬走"),
    "vacant": lazy_gettext("空置"),
}
MODES = {"door": lazy_gettext("上门"), "phone": lazy_gettext("电话"), "remote": lazy_gettext("线上")}
RELATIONS = {
    "head": lazy_gettext("户主"),
    "spouse": lazy_gettext("配偶"),
    "child": lazy_gettext("子女"),
    "parent": lazy_gettext("父母"),
    "grandchild": lazy_gettext("孙辈"),
    "other": lazy_gettext("其他"),
}
REGISTRATIONS = {
    "local": lazy_gettext("户籍在本地"),
    "migrant": lazy_gettext("流动人口"),
    "foreign": lazy_gettext("境外人员"),
}


def overdue_days(card: Card) -> int:
    """Return how many days a household has been overdue, its first overdue day being 1; 0 when it is not."""
    if card.overdue_on is None or card.state in {State.REFUSED, State.MOVED, State.EXCLUDED}:
        return 0
    return max((card.on - card.overdue_on).days + 1, 0)


def state_word(card: Card) -> str:
    """Return a household's state in words."""
    if card.state is State.NO_ANSWER and card.tries > 1:
        return str(gettext("没人应门 %(n)s 次", n=card.tries))
    return str(figures.STATES[card.state].word)


def rule_group(card: Card) -> str:
    """Return the name of the group whose rule won."""
    code = card.rule.group_code if card.rule else GENERAL
    return str(gettext("一般住户")) if code == GENERAL else stage.group_name(code)


def _when(card: Card) -> list[str]:
    """Return the card's lines about dates, the most pressing first."""
    lines = []
    if late := overdue_days(card):
        lines.append(gettext("逾期 %(n)s 天", n=late))
    elif card.due_on is not None:
        lines.append(gettext("下次应在 %(day)s 前走访", day=figures.day_words(card.overdue_on)))
    if card.last_effective_on is not None:
        lines.append(gettext("上次见到 %(day)s", day=figures.day_words(card.last_effective_on)))
    else:
        lines.append(gettext("还没有见到过"))
    return lines


@blueprint.get("/households")
@allow(*SEARCHERS)
def finder() -> str:
    """Find a household by building, door or name."""
    who, words = edge.actor(), forms.words(request.args)
    with edge.transaction() as con:
        found = households.search(con, who, words) if words else []
    return render_template("households/finder.html", words=words, rows=[_hit(hit, who.role) for hit in found])


def _hit(hit: Hit, role: object) -> dict[str, str]:
    """Return something found, as a line with a link."""
    notes = {"building": gettext("楼栋"), "door": gettext("门牌"), "name": hit.label}
    if hit.household_id is not None and role in VIEWERS:
        url = f"/households/{hit.household_id}"
    else:
        url = f"/coverage#19/{hit.lat:.5f}/{hit.lon:.5f}"
    return {"title": hit.name or hit.label, "note": notes.get(hit.kind, ""), "url": url}


@blueprint.get("/households/search.json")
@allow(*SEARCHERS, api=True)
def search() -> ResponseReturnValue:
    """Answer what the search box of the map found."""
    who = edge.actor()
    with edge.transaction() as con:
        found = households.search(con, who, forms.words(request.args))
    return jsonify(found=[_hit(hit, who.role) for hit in found])


def _card(household_id: int, on: date) -> Card:
    with edge.transaction() as con:
        return households.household(con, edge.actor(), household_id, on)


@blueprint.get("/households/<int:household_id>.json")
@allow(*VIEWERS, api=True)
def details(household_id: int) -> ResponseReturnValue:
    """Answer what the map's card tells of one household; each look is written down."""
    card = _card(household_id, forms.on(request.args, today=edge.today()))
    face = figures.STATES[card.state]
    return jsonify(
        id=household_id,
        address=card.home.address,
        state=state_word(card),
        slug=face.slug,
        icon=face.icon,
        tags=[stage.group_name(group.code) for group in card.groups],
        lines=_when(card),
        url=f"/households/{household_id}{asked().query(sort=None)}",
    )


@blueprint.get("/households/<int:household_id>")
@allow(*VIEWERS)
def one(household_id: int) -> str:
    """Show one household: who lives there, when it was visited, and which rule makes it due."""
    view, who = asked(), edge.actor()
    with edge.transaction() as con:
        card = households.household(con, who, household_id, view.on)
        found = coverage.overview(con, who, on=view.on, group=view.group)
        home = card.home
        page = shell(
            con,
            who,
            view,
            found,
            selected=home.grid_id,
            home={"id": household_id, "lon": home.lon, "lat": home.lat},
        )
    here = next((grid for grid in found.grids if grid.grid_id == home.grid_id), None)
    face = figures.STATES[card.state]
    return render_template(
        "households/one.html",
        **page,
        card=card,
        grid=here,
        mark={"slug": face.slug, "icon": face.icon, "word": state_word(card)},
        late=overdue_days(card),
        rule_group=rule_group(card),
        tags=[(stage.group_name(group.code), group.since) for group in card.groups],
        results=RESULTS,
        modes=MODES,
        relations=RELATIONS,
        registrations=REGISTRATIONS,
    )
