"""Other borders in a few sentences: to a worker on his day's page until he has seen it, and under a grid's figures."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, redirect
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from gridmap.domain.actors import Role
from gridmap.domain.publishing import Notice
from gridmap.services import publishing
from gridmap.web import edge, figures
from gridmap.web.access import allow

blueprint = Blueprint("notices", __name__)


@dataclass(frozen=True)
class Shown:
    """A notice as a page tells it: what happened, and where households and visits went."""

    version_id: int
    grid_id: int
    head: str
    lines: tuple[str, ...]
    reason: str


def shown(notice: Notice) -> Shown:
    """Return a notice in words."""
    day = figures.day_words(notice.effect_on)
    head = gettext("%(day)s起，%(grid)s的边界有调整", day=day, grid=notice.grid_name)
    return Shown(notice.version_id, notice.grid_id, head, (*_households(notice), *_visits(notice)), notice.reason)


def _households(notice: Notice) -> list[str]:
    """Return where households went, by grid."""
    if not notice.gained and not notice.lost:
        return [str(gettext("住户没有变。"))]
    lines = []
    for _, grid, moved in notice.partners:
        if moved < 0:
            lines.append(str(gettext("%(n)s 户转到%(grid)s。", n=-moved, grid=grid)))
        elif moved > 0:
            lines.append(str(gettext("%(n)s 户从%(grid)s转来。", n=moved, grid=grid)))
    return lines


def _visits(notice: Notice) -> list[str]:
    """Return why a count of visits is another than the one a phone shows."""
    lines = []
    if notice.visits_lost:
        lines.append(str(gettext("之前做的 %(n)s 次走访跟着住户一起转走，一次也没有少。", n=notice.visits_lost)))
    if notice.visits_gained:
        lines.append(str(gettext("转来的住户带来 %(n)s 次之前的走访。", n=notice.visits_gained)))
    return lines


def of_worker() -> list[Shown]:
    """Return what the worker who is signed in was told and has not put away."""
    with edge.transaction() as con:
        return [shown(one) for one in publishing.notices(con, edge.actor(), on=edge.today())]


@blueprint.post("/today/notices/<int:version_id>")
@allow(Role.WORKER)
def seen(version_id: int) -> ResponseReturnValue:
    """Put a notice away."""
    with edge.transaction() as con:
        publishing.seen(con, edge.actor(), version_id=version_id, at=edge.now())
    return redirect("/today", 303)
