"""Who is signed in where, and how long that lasts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from gridmap.domain.actors import Actor, Role

OFFICE_IDLE = timedelta(hours=8)  # a desk somebody walked away from
PHONE_IDLE = timedelta(days=14)  # a phone in somebody's pocket, used at the door
LONGEST = timedelta(days=30)  # no session outlives this, however busy
SEEN_EVERY = timedelta(minutes=1)  # a session's last use is written no more often
LINK_LASTS = timedelta(hours=12)
PHONE_ROLES = (Role.WORKER, Role.DRIVER)


@dataclass(frozen=True)
class Here:
    """The community somebody is signed in to: what every page tells of it."""

    id: int
    code: str
    name: str
    timezone: str
    invented: str
    attribution: str
    map_version: int


@dataclass(frozen=True)
class Session:
    """A living session: who it is, where, and which day it is there.

    Attributes
    ----------
    today : the community's own date, not the server's.
    seen_at : last use, at most ``SEEN_EVERY`` behind.
    """

    actor: Actor
    here: Here
    today: date
    seen_at: datetime


@dataclass(frozen=True)
class SessionNote:
    """One session as its owner or an administrator sees it; ``mark`` names it without giving it away."""

    mark: str
    account_id: int
    device: str
    created_at: datetime
    seen_at: datetime


@dataclass(frozen=True)
class AccountNote:
    """One account as an administrator sees it."""

    id: int
    username: str
    name: str
    role: Role
    worker_name: str | None
    disabled_at: datetime | None
    sessions: int
