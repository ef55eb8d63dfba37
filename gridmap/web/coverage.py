"""The coverage map: the community at a glance, one grid, and the doors behind every number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from gridmap.domain.actors import Actor, Role
from gridmap.domain.attention import Story, by_need, by_overdue, neediest
from gridmap.domain.boundaries import PlanState
from gridmap.domain.coverage import EVERYWHERE_CODE, Counts, GridCoverage, Overview, State, everywhere
from gridmap.domain.groups import BIT, BY_CODE, GROUPS
from gridmap.domain.households import Door
from gridmap.errors import BadInput, NotFound
from gridmap.maps.coverage import legend
from gridmap.services import boundaries, coverage, held, publishing
from gridmap.services.households import VIEWERS
from gridmap.services.visits import LEADERS
from gridmap.store.database import Con
from gridmap.web import edge, figures, forms, notices, stage
from gridmap.web.access import allow

blueprint = Blueprint("coverage", __name__)

READERS = (Role.SECRETARY, Role.CLERK, Role.WORKER, Role.PLANNER)
PAGE_SIZE = 40
OVERDUE = "overdue"  # every household whose period has ended, whatever its state is called


@dataclass(frozen=True)
class View:
    """What the address asks for."""

    on: date
    today: date
    group: str | None
    story: Story
    sort: str

    def query(self, **changes: object) -> str:
        """Return the address's values, with some changed, as ``?...``; usual values are left out."""
        values: dict[str, object] = {
            "on": self.on if self.on != self.today else None,
            "group": self.group,
            "tab": str(self.story) if self.story is not Story.COVERAGE else None,
            "sort": self.sort or None,
        }
        values |= changes
        text = urlencode({key: str(value) for key, value in values.items() if value is not None})
        return f"?{text}" if text else ""


def asked() -> View:
    """Read the address.

    Raises
    ------
    BadInput
        When a value cannot be used.
    """
    tab = request.args.get("tab", Story.COVERAGE)
    sort = request.args.get("sort", "")
    if tab not in set(Story) or sort not in {"", OVERDUE}:
        raise BadInput("没有这个页签，请从页面上选择")
    today = edge.today()
    return View(forms.on(request.args, today=today), today, forms.group(request.args), Story(tab), sort)


def _row(view: View, grid: GridCoverage) -> dict[str, Any]:
    """Return one line of the list of grids."""
    value, klass = figures.value_of(grid, view.story), figures.class_of(grid, view.story)
    return {
        "grid": grid,
        "klass": klass if klass >= 0 else "none",
        "value": figures.shown(view.story, value),
        "part": gettext("不足 5 户，不显示") if grid.masked else figures.part(view.story, grid.counts),
        "url": f"/coverage/{grid.code}{view.query(sort=None)}",
    }


def _shown(view: View, grids: tuple[GridCoverage, ...], drawn: stage.Stage) -> list[dict[str, Any]]:
    """Return the grids as the map's module is told of them; those of other workers carry no figure."""
    known = {grid.grid_id: grid for grid in grids}
    told = []
    for shape in drawn.shapes:
        plain = stage.plain_grid(shape)
        if grid := known.get(shape.grid_id):
            value = figures.value_of(grid, view.story)
            plain |= {
                "v": figures.shown(view.story, value) if value is not None else "",
                "k": figures.class_of(grid, view.story),
                "url": f"/coverage/{grid.code}{view.query(sort=None)}",
            }
        told.append(plain)
    return told


def shell(con: Con, who: Actor, view: View, found: Overview, **more: Any) -> dict[str, Any]:
    """Return what every page of this story gives its template: map, legend, chips, data."""
    drawn = stage.build(con, who, on=view.on, special=None if found.special_masked else found.total.special_base)
    rows = legend(view.story, [figures.value_of(grid, view.story) for grid in found.grids])
    told = stage.data(
        drawn,
        who,
        on=view.on,
        grids=_shown(view, found.grids, drawn),
        bit=BIT.get(view.group or "", 0),
        mine=[grid.grid_id for grid in found.grids] if who.role is Role.WORKER else [],
        **more,
    )
    return {
        "view": view,
        "found": found,
        "drawn": drawn,
        "data": told,
        "legend": figures.legend_words(view.story, rows),
        "legend_title": figures.LEGEND_TITLES[view.story],
        "states": figures.STATES,
        "commercial": any(grid.kind == stage.COMMERCIAL for grid in found.grids),
        "group_name": stage.group_name,
        "percent": figures.percent,
        "day_words": figures.day_words,
        "viewer": who.role in VIEWERS,
    }


def _to_decide(con: Con, who: Actor) -> int:
    """Count the drafts of borders that wait for this secretary."""
    waiting = boundaries.plans(con, who, states=[PlanState.SUBMITTED])
    return sum(plan.submitted_by != who.account_id for plan in waiting)


@blueprint.get("/coverage")
@allow(*READERS)
def overview() -> str:
    """Show the community at a glance."""
    view, who = asked(), edge.actor()
    with edge.transaction() as con:
        found = coverage.overview(con, who, on=view.on, group=view.group)
        page = shell(con, who, view, found)
        undecided = held.count(con, who) if who.role in LEADERS else 0
        to_decide = _to_decide(con, who) if who.role is Role.SECRETARY else 0
    ranked = by_overdue(found.grids) if view.sort else by_need(found.grids, view.story)
    previous = found.previous or Counts()
    return render_template(
        "coverage/overview.html",
        **page,
        rows=[_row(view, grid) for grid in ranked],
        worst=neediest(found.grids),
        undecided=undecided,
        to_decide=to_decide,
        change=figures.change(found.total.coverage_share, previous.coverage_share),
        stories=[(story, figures.STORY_WORDS[story]) for story in Story],
        order=gettext("按逾期户数从多到少") if view.sort else figures.ORDER_WORDS[view.story],
        groups=[] if who.role is Role.PLANNER else [group.code for group in GROUPS if not group.restricted],
        general=sum(1 for grid in found.grids if grid.kind != stage.COMMERCIAL),
    )


def grid_of(found: Overview, code: str) -> GridCoverage:
    """Return a grid of an overview by its code, or the whole of it for ``EVERYWHERE_CODE``.

    Raises
    ------
    NotFound
        When there is none, or it is not the worker's.
    """
    code = forms.grid_code(code)
    if code == EVERYWHERE_CODE:
        return everywhere(found, edge.community().name)
    for grid in found.grids:
        if grid.code == code:
            return grid
    raise NotFound("没有这个网格")


def _filters(view: View, grid: GridCoverage, chosen: str) -> list[dict[str, Any]]:
    """Return the numbers of a grid by state; each is a link to its list."""
    counts = grid.counts
    faces = [
        (face.slug, face.word, face.colour, getattr(counts, f"state_{face.slug}")) for face in figures.BY_SLUG.values()
    ]
    rest = [face for face in faces if face[0] != OVERDUE and face[3]]
    numbers = [(OVERDUE, gettext("逾期"), figures.STATES[State.OVERDUE].colour, counts.overdue), *rest]
    numbers.append(("all", gettext("全部"), "", counts.households))
    return [
        {
            "slug": slug,
            "word": word,
            "colour": colour,
            "count": count,
            "chosen": slug == chosen,
            "url": f"/coverage/{grid.code}{view.query(state=slug, sort=None)}",
        }
        for slug, word, colour, count in numbers
    ]


def door_row(door: Door, view: View, *, link: bool) -> dict[str, Any]:
    """Return one door as the list tells it."""
    face = figures.STATES[door.state]
    word = gettext("没人应门 %(n)s 次", n=door.tries) if door.state is State.NO_ANSWER and door.tries > 1 else face.word
    return {
        "door": door,
        "mark": {"slug": face.slug, "icon": face.icon, "word": word},
        "tags": [stage.group_name(code) for code in door.groups if code in BY_CODE],
        "url": f"/households/{door.household_id}{view.query(sort=None)}" if link else "",
    }


def which_state() -> str:
    """Return which number of a grid was chosen; the overdue ones unless one is.

    Raises
    ------
    BadInput
        When there is no such state.
    """
    chosen = request.args.get("state", OVERDUE)
    if chosen not in {*figures.BY_SLUG, "all"}:
        raise BadInput("没有这种状态，请从页面上选择")
    return chosen


def narrowed(chosen: str) -> dict[str, Any]:
    """Return how the chosen number narrows the doors behind it."""
    state = None if chosen in {OVERDUE, "all"} else figures.BY_SLUG[chosen].state
    return {"state": state, "overdue": chosen == OVERDUE}


def _borders(con: Con, who: Actor, here: GridCoverage, view: View) -> list[notices.Shown]:
    """Return how a grid's borders changed, for those who may know its figures."""
    if not here.grid_id or who.role not in VIEWERS:
        return []
    return [notices.shown(one) for one in publishing.changes_of_grid(con, who, grid_id=here.grid_id, on=view.on)]


@blueprint.get("/coverage/<code>")
@allow(*READERS)
def grid(code: str) -> str:
    """Show one grid: its numbers, and the doors behind the one that is chosen."""
    view, who, chosen, number = asked(), edge.actor(), which_state(), forms.page(request.args)
    with edge.transaction() as con:
        found = coverage.overview(con, who, on=view.on, group=view.group)
        here = grid_of(found, code)
        doors = coverage.doors(
            con,
            who,
            grid_id=here.grid_id,
            on=view.on,
            **narrowed(chosen),
            group=view.group,
            offset=(number - 1) * PAGE_SIZE,
            limit=PAGE_SIZE,
        )
        page = shell(con, who, view, found, selected=here.grid_id or None)
        borders = _borders(con, who, here, view)
    more = doors.count > doors.offset + len(doors.rows)
    address = f"/coverage/{here.code}"
    return render_template(
        "coverage/grid.html",
        **page,
        grid=here,
        doors=doors,
        rows=[door_row(door, view, link=page["viewer"]) for door in doors.rows],
        filters=_filters(view, here, chosen),
        borders=borders,
        chosen=chosen,
        previous_url=f"{address}{view.query(state=chosen, page=number - 1, sort=None)}" if number > 1 else "",
        next_url=f"{address}{view.query(state=chosen, page=number + 1, sort=None)}" if more else "",
    )


@blueprint.get("/coverage/<code>/states.json")
@allow(*READERS, api=True)
def states(code: str) -> ResponseReturnValue:
    """Answer the state of each household of a grid on a day, for the dots of a past day."""
    on, who = forms.on(request.args, today=edge.today()), edge.actor()
    with edge.transaction() as con:
        here = grid_of(coverage.overview(con, who, on=on), code)
        found = coverage.states(con, who, on=on, grid_id=here.grid_id)
    return jsonify(states={str(household_id): state for household_id, state in found.items()})
