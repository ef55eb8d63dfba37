"""Browsers for tests: each signed in the way people are, through a one-time link."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.services import accounts
from gridmap.store.database import Database

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
SESSION_COOKIE = "__Host-gm"
OPERATOR = Actor(Machine.OPERATOR)


def new_token(database: Database, community_id: int, role: Role, at: datetime, grid_code: str | None = None) -> str:
    """Open a session for the account of a role and return its token."""
    with database.transaction(OPERATOR) as con:
        _, link = accounts.make_link(con, OPERATOR, community_id=community_id, role=role, grid_code=grid_code, at=at)
    visitor = Actor(Machine.VISITOR, proof=accounts.fingerprint(link))
    with database.transaction(visitor) as con:
        return accounts.use_link(con, visitor, device="test", at=at)


def browser(app: Flask, token: str = "") -> FlaskClient:
    """Return a browser that holds a session token."""
    made = app.test_client()
    if token:
        made.set_cookie(SESSION_COOKIE, token, domain="localhost")
    return made


def form_token(client: FlaskClient) -> str:
    """Return a form token as the sign-in page carries it."""
    found = TOKEN.search(client.get("/sign-in").get_data(as_text=True))
    assert found
    return found.group(1)


def post(client: FlaskClient, url: str, **fields: Any) -> TestResponse:
    """Send a form as a browser would: with its token, from our own page."""
    return client.post(
        url, data={"csrf_token": form_token(client), **fields}, headers={"Sec-Fetch-Site": "same-origin"}
    )


def browsers(app: Flask, database: Database, community_id: int, at: datetime) -> Callable[[Role | None], FlaskClient]:
    """Return what makes a browser for a role, or for a visitor."""

    def make(role: Role | None = None) -> FlaskClient:
        return browser(app, new_token(database, community_id, role, at) if role else "")

    return make
