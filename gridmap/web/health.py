"""Tell whether the server answers, and the database behind it."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from gridmap.services import accounts
from gridmap.web import edge
from gridmap.web.access import ANYONE, allow

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@allow(ANYONE, api=True)
def healthz() -> ResponseReturnValue:
    """Answer 200 when a request could be served, 503 when the database does not answer."""
    with edge.transaction(edge.VISITOR) as con:
        accounts.answer(con, edge.VISITOR)
    return jsonify(ok=True)
