"""The list of open needs, behind every number that counts them."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask_babel import gettext

from gridmap.domain.actors import Role
from gridmap.services import needs
from gridmap.services.needs import READERS
from gridmap.web import edge, forms, reasons
from gridmap.web.access import allow
from gridmap.web.stage import here_with

blueprint = Blueprint("needs", __name__)

PAGE_SIZE = 40


def age(days: int) -> str:
    """Return how long ago something was told."""
    return str(gettext("今天") if days <= 0 else gettext("%(n)s 天前", n=days))


@blueprint.get("/needs")
@allow(*READERS)
def overview() -> str:
    """List what people need and nobody has settled yet, the oldest first."""
    who, page = edge.actor(), forms.page(request.args)
    grid = request.args.get("grid", "").strip()
    code = forms.grid_code(grid) if grid else ""
    with edge.transaction() as con:
        found = needs.open_needs(
            con, who, on=edge.today(), grid_code=code, limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE
        )
    return render_template(
        "needs/overview.html",
        found=found,
        code=code,
        several=who.role is not Role.WORKER or len(who.grid_ids) > 1,
        kinds=reasons.NEEDS,
        age=age,
        previous=here_with(page=page - 1) if page > 1 else None,
        next=here_with(page=page + 1) if found.offset + len(found.rows) < found.count else None,
    )
