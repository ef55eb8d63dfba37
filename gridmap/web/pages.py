"""Pages that belong to no story: the way in, and what this program is made of."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, redirect, render_template
from flask.typing import ResponseReturnValue

from gridmap.domain.actors import Role
from gridmap.settings import VENDOR
from gridmap.web import edge
from gridmap.web.access import ANYONE, allow
from gridmap.web.stage import here_with

blueprint = Blueprint("pages", __name__)

HOME = {
    Role.SECRETARY: "/coverage",
    Role.CLERK: "/coverage",
    Role.WORKER: "/today",
    Role.PLANNER: "/coverage",
    Role.DRIVER: "/deliveries",
    Role.ADMIN: "/admin",
}


@blueprint.app_context_processor
def surroundings() -> dict[str, Any]:
    """Give every template the function that keeps the page and changes one value of its address."""
    return {"here_with": here_with}


@blueprint.get("/")
@allow(ANYONE)
def home() -> ResponseReturnValue:
    """Send everybody to the page he works with."""
    found = edge.session()
    return redirect(HOME[Role(found.actor.role)] if found else "/sign-in")


def _packages() -> dict[str, dict[str, str]]:
    """Return name -> version and licence of the vendored packages, as ``scripts/assets.py`` wrote them down."""
    packages: dict[str, dict[str, str]] = json.loads((VENDOR / "assets.json").read_text("utf-8"))["packages"]
    return packages


@blueprint.get("/about")
@allow(ANYONE)
def about() -> str:
    """Tell version, licences, sources, and what is invented."""
    edge.session()  # so that the page knows the community of who is signed in
    return render_template("about.html", packages=_packages())
