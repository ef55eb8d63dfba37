"""What a secretary may switch for the whole community."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from gridmap.domain.actors import Role
from gridmap.services import working
from gridmap.web import edge, forms
from gridmap.web.access import allow

blueprint = Blueprint("working", __name__)


@blueprint.get("/settings")
@allow(Role.SECRETARY)
def settings() -> str:
    """Show what can be switched."""
    with edge.transaction() as con:
        found = working.setting(con, edge.actor())
    return render_template("working/settings.html", setting=found)


@blueprint.post("/settings/navigation")
@allow(Role.SECRETARY)
def navigation() -> ResponseReturnValue:
    """Show links to map apps in this community, or no longer."""
    wanted = forms.switch(request.form, "navigation")
    with edge.transaction() as con:
        working.change_setting(con, edge.actor(), changes={"navigation": wanted})
    return redirect("/settings", 303)


@blueprint.post("/settings/hours")
@allow(Role.SECRETARY)
def offer_hours() -> ResponseReturnValue:
    """Tell workers of better hours than the usual ones, or no longer."""
    wanted = forms.switch(request.form, "offer_hours")
    with edge.transaction() as con:
        working.change_setting(con, edge.actor(), changes={"offer_hours": wanted})
    return redirect("/settings", 303)
