"""Signing in and out, who is signed in, and who may be: passwords, one-time links, sessions, the trail."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row

from gridmap.domain import passwords as rules
from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.sessions import (
    LINK_LASTS,
    SEEN_EVERY,
    AccountNote,
    Here,
    Session,
    SessionNote,
)
from gridmap.errors import N_, BadInput, Conflict, Forbidden, NotFound, TooManyTries
from gridmap.services import passwords
from gridmap.services.access import require
from gridmap.store import accounts as store
from gridmap.store.database import Database

TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")  # 256 bits
USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,38}[a-z0-9]")
LONGEST_NAME = 40
DAY_S = 86_400.0
# How many passwords may be tried: strict for one account (10 + 40 a day at most), wide for one address, because
# nineteen workers share one.
ACCOUNT_TRIES, ACCOUNT_PER_S = 10.0, 40 / DAY_S
ADDRESS_TRIES, ADDRESS_PER_S = 120.0, 240 / 3600
IPV4 = 4
DEMO_NAMES = {
    Role.SECRETARY: "演示书记",
    Role.WORKER: "演示网格员",
    Role.PLANNER: "演示规划员",
    Role.CLERK: "演示内勤",
    Role.DRIVER: "演示送水员",
    Role.ADMIN: "演示管理员",
}


def fingerprint(token: str) -> str:
    """Return a token's SHA-256 in hex, or '' for what cannot be a token; only this is ever stored or looked up."""
    return hashlib.sha256(token.encode()).hexdigest() if TOKEN.fullmatch(token) else ""


def clean_username(typed: str) -> str:
    """Return a username as it is kept, or '' for what cannot be one."""
    name = typed.strip().lower()
    return name if USERNAME.fullmatch(name) else ""


def note(con: Connection, actor: Actor, action: str, *, subject: str = "", at: datetime | None = None) -> None:
    """Write one line of the trail: ids and names of routes only, never a resident."""
    require(actor, *Role, *Machine)
    store.note(
        con,
        community_id=actor.community_id,
        account_id=actor.account_id or None,
        action=action,
        subject=subject,
        at=at,
    )


def answer(con: Connection, actor: Actor) -> None:
    """Ask the database anything, to see whether it answers."""
    require(actor, *Role, *Machine)
    store.answer(con)


# --- before sign-in: a visitor and what he shows -------------------------------------------------------------------


def resume(con: Connection, visitor: Actor, *, at: datetime) -> Session | None:
    """Return the living session of the token the visitor shows, or None; its last use is kept to the minute."""
    require(visitor, Machine.VISITOR)
    token_hash = bytes.fromhex(visitor.proof)
    row = store.session(con, token_hash, at)
    if row is None:
        return None
    if at - row.seen_at >= SEEN_EVERY:
        store.touch_session(con, token_hash, at)
    return _session(row)


def glance(database: Database, visitor: Actor, *, at: datetime) -> Session | None:
    """Return what ``resume`` would, in one round trip and without a write; None also when its last use must be kept.

    Tiles ask this, dozens at a time; who gets None asks ``resume``.
    """
    require(visitor, Machine.VISITOR)
    row = store.glance(database, visitor, at)
    return None if row is None or at - row.seen_at >= SEEN_EVERY else _session(row)


def _session(row: Row[Any] | store.Holder) -> Session:
    """Return a session from its row."""
    return Session(
        Actor(
            Role(row.role),
            row.community_id,
            frozenset(row.grid_ids),
            row.account_id,
            row.person,
            worker_id=row.worker_id,
        ),
        Here(row.community_id, row.code, row.name, row.timezone, row.invented, row.attribution, row.map_version),
        row.today,
        row.seen_at,
    )


def _bucket(kind: str, value: str) -> str:
    return hashlib.sha256(f"{kind}:{value}".encode()).hexdigest()


def _neighbourhood(address: str) -> str:
    """Return what one guesser commands: an IPv4 address, or the half of IPv6 that a line is given."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address  # a socket, or a proxy that tells no address: all of them are one
    return str(parsed) if parsed.version == IPV4 else parsed.packed[:8].hex()


def admit_try(con: Connection, visitor: Actor, *, username: str, address: str, at: datetime) -> None:
    """Count one try to sign in, before any password is looked at; its own transaction, so that it stays counted.

    Raises
    ------
    TooManyTries
        When this address or this account has been tried too often.
    """
    require(visitor, Machine.VISITOR)
    sentence = N_("试得太多了，请 %(retry_s)s 秒后再试，或请管理员给您登录链接")
    limits = [("address", _neighbourhood(address), ADDRESS_TRIES, ADDRESS_PER_S)]
    if username:
        limits.append(("account", username, ACCOUNT_TRIES, ACCOUNT_PER_S))
    for kind, value, capacity, per_s in limits:
        wait_s = store.take_token(con, _bucket(kind, value), capacity=capacity, per_s=per_s, at=at)
        if wait_s:
            raise TooManyTries(sentence, retry_s=int(wait_s) + 1)


def sign_in(con: Connection, visitor: Actor, *, password: str, device: str, at: datetime) -> str:
    """Return a new session's token for the username the visitor shows, or '' when name and password do not match.

    Returns instead of raising, so that the failed try stays in the trail.
    """
    require(visitor, Machine.VISITOR)
    found = store.by_username(con, visitor.proof)
    matched = passwords.matches(found.password_hash if found else None, password[: rules.LONGEST + 1])
    if found is None:
        return ""
    who = (found.community_id, found.id)
    if not matched or found.disabled_at:
        _trail(con, *who, "sign-in failed", at)
        return ""
    if passwords.is_outdated(found.password_hash):
        store.set_password(con, *who, passwords.make(password))
    store.refill(con, _bucket("account", visitor.proof), capacity=ACCOUNT_TRIES)
    store.forget_tries(con, at - timedelta(days=2))
    return _open(con, *who, device, at)


def see_link(con: Connection, visitor: Actor, *, at: datetime) -> tuple[str, Role]:
    """Return the name and role a sign-in link is for, without using it up.

    Raises
    ------
    NotFound
        When it was used, has ended, or never was.
    """
    require(visitor, Machine.VISITOR)
    found = store.link(con, bytes.fromhex(visitor.proof), at) if visitor.proof else None
    if found is None:
        raise NotFound("这个登录链接已经用过或过期了，请重新取一个")
    return found.name, Role(found.role)


def use_link(con: Connection, visitor: Actor, *, device: str, at: datetime) -> str:
    """Use a sign-in link up and return the new session's token.

    Raises
    ------
    NotFound
        When it was used, has ended, or never was.
    """
    require(visitor, Machine.VISITOR)
    found = store.use_link(con, bytes.fromhex(visitor.proof), at) if visitor.proof else None
    if found is None:
        raise NotFound("这个登录链接已经用过或过期了，请重新取一个")
    return _open(con, found.community_id, found.id, device, at)


def sign_out(con: Connection, visitor: Actor, *, at: datetime) -> None:
    """End the session whose token the visitor shows."""
    require(visitor, Machine.VISITOR)
    if not visitor.proof:
        return
    found = store.session(con, bytes.fromhex(visitor.proof), at)
    if found and store.end_session(con, bytes.fromhex(visitor.proof), at):
        _trail(con, found.community_id, found.account_id, "sign-out", at)


def _open(con: Connection, community_id: int, account_id: int, device: str, at: datetime) -> str:
    """Open a session under a new token."""
    token = secrets.token_urlsafe(32)
    store.open_session(
        con,
        token_hash=bytes.fromhex(fingerprint(token)),
        community_id=community_id,
        account_id=account_id,
        device=device,
        at=at,
    )
    _trail(con, community_id, account_id, "sign-in", at)
    return token


def _trail(con: Connection, community_id: int, account_id: int, action: str, at: datetime, subject: str = "") -> None:
    store.note(con, community_id=community_id, account_id=account_id, action=action, subject=subject, at=at)


# --- signed in: one's own sessions, and the administrator's ---------------------------------------------------------


def _notes(rows: list[Row[Any]]) -> list[SessionNote]:
    return [SessionNote(r.mark, r.account_id, r.device, r.created_at, r.seen_at) for r in rows]


def own_sessions(con: Connection, actor: Actor, *, at: datetime) -> list[SessionNote]:
    """Return the sessions of who asks."""
    require(actor, *Role)
    return _notes(store.living_sessions(con, actor.community_id, at, actor.account_id))


def end_own_session(con: Connection, actor: Actor, mark: str, *, at: datetime) -> None:
    """End one of one's own sessions.

    Raises
    ------
    NotFound
        When it has ended already, or is somebody else's.
    """
    require(actor, *Role)
    if not mark or not store.end_sessions(con, actor.community_id, actor.account_id, at, mark):
        raise NotFound("没有这个登录，或它已经结束")
    _trail(con, actor.community_id, actor.account_id, "session ended", at, mark)


def people(con: Connection, actor: Actor, *, at: datetime) -> list[AccountNote]:
    """Return the accounts of the community; the operator sees those of all communities."""
    require(actor, Role.ADMIN, Machine.OPERATOR)
    return [
        AccountNote(r.id, r.username, r.name, Role(r.role), r.worker_name, r.disabled_at, r.sessions)
        for r in store.all_of(con, actor.community_id, at)
    ]


def all_sessions(con: Connection, actor: Actor, *, at: datetime) -> list[SessionNote]:
    """Return everybody's living sessions."""
    require(actor, Role.ADMIN)
    return _notes(store.living_sessions(con, actor.community_id, at))


def end_sessions(con: Connection, actor: Actor, account_id: int, *, at: datetime, mark: str = "") -> int:
    """End all sessions of an account, or the one that ``mark`` names; return how many ended."""
    require(actor, Role.ADMIN, Machine.OPERATOR)
    ended = store.end_sessions(con, actor.community_id, account_id, at, mark)
    _trail(con, actor.community_id, actor.account_id or account_id, "sessions ended", at, str(account_id))
    return ended


def disable(con: Connection, actor: Actor, account_id: int, *, at: datetime) -> None:
    """Close an account: whoever uses it is out with the next request.

    Raises
    ------
    Forbidden
        When it is one's own.
    NotFound
        When there is none.
    """
    require(actor, Role.ADMIN, Machine.OPERATOR)
    if account_id == actor.account_id:
        raise Forbidden("不能停用自己的账号，请让另一位管理员来做")
    if not store.set_disabled(con, actor.community_id, account_id, at):
        raise NotFound("没有这个账号")
    store.end_sessions(con, actor.community_id, account_id, at)
    _trail(con, actor.community_id, actor.account_id or account_id, "account disabled", at, str(account_id))


def enable(con: Connection, actor: Actor, account_id: int, *, at: datetime) -> None:
    """Open a closed account again; old sessions stay ended.

    Raises
    ------
    NotFound
        When there is none.
    """
    require(actor, Role.ADMIN, Machine.OPERATOR)
    if not store.set_disabled(con, actor.community_id, account_id, None):
        raise NotFound("没有这个账号")
    _trail(con, actor.community_id, actor.account_id or account_id, "account enabled", at, str(account_id))


# --- the operator at the command line -------------------------------------------------------------------------------


def find_community(con: Connection, operator: Actor, code: str = "") -> tuple[int, ZoneInfo]:
    """Return the id and time zone of the community of that code, or of the only one.

    Raises
    ------
    BadInput
        When it is unclear which one is meant.
    """
    require(operator, Machine.OPERATOR)
    found = store.only_community(con, code)
    if found is None:
        raise BadInput("请用 --community 写明社区编码；gridmap community list 列出全部")
    return found.id, ZoneInfo(found.timezone)


def add(
    con: Connection,
    operator: Actor,
    *,
    community_id: int,
    username: str,
    name: str,
    role: Role,
    password: str | None = None,
    grid_code: str | None = None,
) -> int:
    """Make an account and return its id; without a password only a sign-in link opens it.

    Raises
    ------
    BadInput
        When a part of it cannot be used; the sentence says which.
    """
    require(operator, Machine.OPERATOR)
    clean = clean_username(username)
    if not clean:
        raise BadInput("用户名用 3 到 40 个小写字母、数字、点、横线")
    if not (name.strip() and len(name) <= LONGEST_NAME and name.isprintable()):
        raise BadInput("姓名要有 1 到 40 个字")
    if password is not None:
        rules.require_good(password, known=(clean, name))
    worker_id = _worker_id(con, community_id, grid_code) if role is Role.WORKER else None
    made = store.add(
        con,
        community_id=community_id,
        username=clean,
        name=name.strip(),
        role=role,
        worker_id=worker_id,
        password_hash=None if password is None else passwords.make(password),
    )
    if made is None:
        raise BadInput("用户名 %(username)s 已经有人用了", username=clean)
    store.note(con, community_id=community_id, account_id=made, action="account made", subject=str(made), at=None)
    return made


def set_password(con: Connection, operator: Actor, *, username: str, password: str, at: datetime) -> None:
    """Replace a password and end every session of the account.

    Raises
    ------
    BadInput
        When the password is not good enough.
    NotFound
        When there is no such account.
    """
    require(operator, Machine.OPERATOR)
    clean = clean_username(username)
    found = store.by_username(con, clean)
    if found is None:
        raise NotFound("没有账号 %(username)s", username=username)
    rules.require_good(password, known=(clean,))
    store.set_password(con, found.community_id, found.id, passwords.make(password))
    store.end_sessions(con, found.community_id, found.id, at)
    _trail(con, found.community_id, found.id, "password set", at)


def set_disabled(con: Connection, operator: Actor, *, username: str, disabled: bool, at: datetime) -> None:
    """Close or open an account by its name.

    Raises
    ------
    NotFound
        When there is none.
    """
    require(operator, Machine.OPERATOR)
    found = store.by_username(con, clean_username(username))
    if found is None:
        raise NotFound("没有账号 %(username)s", username=username)
    there = Actor(Machine.OPERATOR, found.community_id)
    (disable if disabled else enable)(con, there, found.id, at=at)


def make_link(
    con: Connection,
    operator: Actor,
    *,
    community_id: int,
    role: Role,
    grid_code: str | None = None,
    at: datetime | None = None,
) -> tuple[str, str]:
    """Return the name of an account of that role, and a one-time token that signs in as it.

    Raises
    ------
    NotFound
        When the community has no such account.
    """
    require(operator, Machine.OPERATOR)
    moment = at or datetime.now(UTC)
    worker_id = _worker_id(con, community_id, grid_code) if grid_code else None
    found = store.by_role(con, community_id, role, worker_id)
    if found is None:
        raise NotFound("还没有这个角色的账号，请先运行 gridmap user add")
    token = secrets.token_urlsafe(32)
    store.add_link(
        con,
        token_hash=bytes.fromhex(fingerprint(token)),
        community_id=community_id,
        account_id=found.id,
        until=moment + LINK_LASTS,
    )
    _trail(con, community_id, found.id, "link made", moment)
    return found.name, token


def ensure_demo_accounts(
    con: Connection, operator: Actor, community_id: int, *, at: datetime | None = None
) -> dict[Role, int]:
    """Make what is missing of one account per role, none with a password; called in demo mode only."""
    require(operator, Machine.OPERATOR)
    worker = store.first_worker(con, community_id, (at or datetime.now(UTC)).date())
    made: dict[Role, int] = {}
    for role in Role:
        behind = worker if role is Role.WORKER else None
        made[role] = _ensure_demo_account(con, community_id, role, behind)
    return made


def _ensure_demo_account(con: Connection, community_id: int, role: Role, worker: Row[Any] | None) -> int:
    """Return the demo account of a role, made when missing; a second demo community gets a number behind."""
    username = f"demo-{role}"
    found = store.by_username(con, username)
    if found and found.community_id != community_id:
        username = f"demo-{role}-{community_id}"
        found = store.by_username(con, username)
    if found:
        return int(found.id)
    made = store.add(
        con,
        community_id=community_id,
        username=username,
        name=worker.name if worker else DEMO_NAMES[role],
        role=role,
        worker_id=worker.id if worker else None,
        password_hash=None,
    )
    if made is None:
        raise Conflict("演示账号正由另一个程序建立，请再试一次")
    return made


def _worker_id(con: Connection, community_id: int, grid_code: str | None) -> int:
    if not grid_code:
        raise BadInput("网格员的账号要用 --grid 写明网格编码")
    found = store.main_worker(con, community_id, grid_code, datetime.now(UTC).date())
    if found is None:
        raise BadInput("网格 %(code)s 今天没有网格员", code=grid_code)
    return int(found.id)
