"""A server over the two small communities, with a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from signing import browsers
from two_communities import Clock, Small

from gridmap.domain.actors import Role
from gridmap.settings import Settings
from gridmap.web.app import create_app


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Return the settings of a server in demo mode."""
    return Settings(home=Path(tmp_path_factory.mktemp("home")), demo=True)


@pytest.fixture
def clock() -> Clock:
    """Return the clock of this test's server."""
    return Clock()


@pytest.fixture
def app(small: Small, settings: Settings, clock: Clock) -> Flask:
    """Return a server over the small world."""
    return create_app(small.database, settings, clock=clock)


@pytest.fixture
def client(app: Flask, small: Small, clock: Clock) -> Callable[[Role | None], FlaskClient]:
    """Return what makes a browser for a role: ``client(Role.SECRETARY)``, or ``client(None)`` for a visitor."""
    return browsers(app, small.database, small.community_id, clock())
