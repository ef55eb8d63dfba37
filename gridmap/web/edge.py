"""The edge of every request: who asks, in which community, on which day, with which rights.

Order: the session is looked up once, it gives the actor, and the gate lets him pass or not. Routes that are open to
anyone look it up only when they ask for the actor, so that a picture or ``/healthz`` costs no database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime

from flask import Flask, current_app, g, request
from werkzeug.routing import BaseConverter, ValidationError

from gridmap.domain.actors import Actor, Machine
from gridmap.domain.sessions import Here, Session
from gridmap.errors import Forbidden, SignInNeeded
from gridmap.services import accounts
from gridmap.settings import Settings
from gridmap.store.database import Con, Database
from gridmap.web.access import Rule, rule_of

LARGEST_ID = 2**63 - 1
VISITOR = Actor(Machine.VISITOR)


@dataclass(frozen=True)
class World:
    """What one server process holds: the database, the settings, the clock."""

    database: Database
    settings: Settings
    clock: Callable[[], datetime]


class Whole(BaseConverter):
    """Whole numbers in an address: plain digits that fit the database; all else is no such page."""

    regex = r"[0-9]{1,19}"
    part_isolating = True

    def to_python(self, value: str) -> int:
        """Return the number."""
        number = int(value)
        if number > LARGEST_ID:
            raise ValidationError
        return number

    def to_url(self, value: int) -> str:
        """Return the digits."""
        return str(int(value))


def world() -> World:
    """Return this process's database, settings and clock."""
    found: World = current_app.extensions["gridmap"]
    return found


def now() -> datetime:
    """Return the moment of this request; the same however often it is asked."""
    if "now" not in g:
        g.now = world().clock()
    moment: datetime = g.now
    return moment


def cookie_name(settings: Settings) -> str:
    """Return the session cookie's name: ``__Host-`` binds it to this very host, and needs ``Secure``."""
    return "gm" if settings.insecure_http else "__Host-gm"


def token() -> str:
    """Return the session token the browser sent, or ''."""
    return request.cookies.get(cookie_name(world().settings), "")


def session() -> Session | None:
    """Return who is signed in, asked once per request; None for a visitor."""
    if "session" not in g:
        g.session = look_up(world(), token(), now())
    found: Session | None = g.session
    return found


def forget_session() -> None:
    """Go on as a visitor for the rest of this request: who asks cannot be found out."""
    g.session = None


def look_up(there: World, shown: str, at: datetime | None = None) -> Session | None:
    """Return whose session a token is, without Flask; None when it is nobody's any more.

    One round trip, unless its use must be written down.
    """
    proof = accounts.fingerprint(shown)
    if not proof:
        return None
    visitor, moment = Actor(Machine.VISITOR, proof=proof), at or there.clock()
    glanced = accounts.glance(there.database, visitor, at=moment)
    if glanced:
        return glanced
    with there.database.transaction(visitor) as con:
        return accounts.resume(con, visitor, at=moment)


def actor() -> Actor:
    """Return who asks."""
    found = session()
    return found.actor if found else VISITOR


def _signed_in() -> Session:
    found = session()
    if found is None:
        raise SignInNeeded("请先登录")
    return found


def community() -> Here:
    """Return the community of who asks."""
    return _signed_in().here


def today() -> date:
    """Return the date in the community of who asks."""
    return _signed_in().today


@contextmanager
def transaction(who: Actor | None = None) -> Iterator[Con]:
    """Yield a connection with the rights of who asks."""
    with world().database.transaction(who or actor()) as con:
        yield con


def rule() -> Rule | None:
    """Return what the requested view declares."""
    return rule_of(current_app, request.endpoint)


def gate() -> None:
    """Let who asks pass, or not.

    Raises
    ------
    Forbidden
        When the view declares nobody, or not his role.
    SignInNeeded
        When nobody is signed in.
    """
    if request.routing_exception is not None:
        return  # no such page, or not this method: told to everybody alike
    declared = rule()
    if declared is None:
        raise Forbidden("这个页面没有开放")
    if declared.anyone:
        return
    if _signed_in().actor.role not in declared.roles:
        raise Forbidden("您的角色不能使用这个功能")
    if declared.largest:
        request.max_content_length = declared.largest  # only for those who may hand files in


def register(app: Flask) -> None:
    """Put the gate before every view."""
    app.url_map.converters["int"] = Whole
    app.before_request(gate)
