"""What every command shares: the settings, a ready database, the operator's transactions, JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import cache
from typing import Any

import click
from sqlalchemy import Connection

from gridmap.domain.actors import Actor, Machine
from gridmap.errors import BadInput
from gridmap.ops.setup import ready_database
from gridmap.services import accounts, coverage
from gridmap.settings import Settings
from gridmap.store.database import Database

OPERATOR = Actor(Machine.OPERATOR)
HOST = "127.0.0.1"  # the only address we serve on; a reverse proxy brings others


@cache
def settings() -> Settings:
    """Return this process's settings."""
    return Settings()


@cache
def database() -> Database:
    """Wake the database and return it; commands may load or think for minutes, so they get more time than a page."""
    patient = {"statement_timeout": "10min", "idle_in_transaction_session_timeout": "30min"}
    return Database(ready_database(settings()).app_url, pool_size=2, options=patient)


@contextmanager
def transaction(actor: Actor) -> Iterator[Connection]:
    """Yield a connection with the actor's rights."""
    with database().transaction(actor) as con:
        yield con


def print_json(value: Any) -> None:
    """Print what a program reads: one JSON document."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=1, default=str))


@contextmanager
def asking(code: str, day: str) -> Iterator[tuple[Connection, Actor, date]]:
    """Yield a connection with the program's rights in the community that is meant, and the day."""
    with transaction(OPERATOR) as con:
        community_id, _ = accounts.find_community(con, OPERATOR, code)
    actor = Actor(Machine.JOB, community_id)
    with transaction(actor) as con:
        try:
            on = date.fromisoformat(day) if day else coverage.days(con, actor).today
        except ValueError as error:
            raise BadInput("日期 %(raw)s 写得不对：要写成 2026-03-01", raw=day) from error
        yield con, actor, on
