"""Accounts, sessions, sign-in links, tries and the trail: named reads and writes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, text

from gridmap.domain.actors import Actor
from gridmap.domain.sessions import LONGEST, OFFICE_IDLE, PHONE_IDLE, PHONE_ROLES
from gridmap.store.database import Database

_PHONES = ", ".join(f"'{role}'" for role in PHONE_ROLES)

# Who holds a token: one statement, found by the token's index, asked before every page and every tile. Parameters:
# token_hash (bytes) and at (timestamptz). No row: the session is unknown, revoked, idle too long or past its end,
# or the account is disabled.
SESSION = f"""
SELECT s.account_id, s.seen_at, a.name AS person, a.role, c.id AS community_id, c.code, c.name, c.timezone,
       c.invented, c.attribution, c.map_version, coalesce(a.worker_id, 0) AS worker_id, today."on" AS today,
       ARRAY(SELECT w.grid_id FROM worker_assignment w
              WHERE w.community_id = a.community_id AND w.worker_id = a.worker_id
                AND w.valid_from <= today."on" AND (w.valid_to IS NULL OR w.valid_to > today."on")) AS grid_ids
  FROM (SELECT CAST(:at AS timestamptz) AS at) moment, session s
  JOIN account a ON a.community_id = s.community_id AND a.id = s.account_id
  JOIN community c ON c.id = s.community_id
  CROSS JOIN LATERAL (SELECT (CAST(:at AS timestamptz) AT TIME ZONE c.timezone)::date AS "on") today
 WHERE s.token_hash = :token_hash AND s.revoked_at IS NULL AND a.disabled_at IS NULL AND s.expires_at > moment.at
   AND s.seen_at > moment.at - CASE WHEN a.role IN ({_PHONES}) THEN interval '{PHONE_IDLE.total_seconds():.0f} s'
                                    ELSE interval '{OFFICE_IDLE.total_seconds():.0f} s' END
"""
_SESSION = text(SESSION)


def session(con: Connection, token_hash: bytes, at: datetime) -> Row[Any] | None:
    """Return who holds a token, or None."""
    return con.execute(_SESSION, {"token_hash": token_hash, "at": at}).one_or_none()


class Holder(NamedTuple):
    """The columns of ``SESSION``, in its order."""

    account_id: int
    seen_at: datetime
    person: str
    role: str
    community_id: int
    code: str
    name: str
    timezone: str
    invented: str
    attribution: str
    map_version: int
    worker_id: int
    today: date
    grid_ids: list[int]


_GLANCE = SESSION.replace(":at", "%(at)s::timestamptz").replace(":token_hash", "%(token_hash)s")


def glance(database: Database, visitor: Actor, at: datetime) -> Holder | None:
    """Return who holds the token the visitor shows, or None, in one round trip."""
    row = database.ask(visitor, _GLANCE, {"token_hash": bytes.fromhex(visitor.proof), "at": at})
    return Holder(*row) if row else None


def touch_session(con: Connection, token_hash: bytes, at: datetime) -> None:
    """Write when a session was last used; a clock that went back changes nothing."""
    con.execute(
        text("UPDATE session SET seen_at = greatest(seen_at, :at) WHERE token_hash = :t"), {"t": token_hash, "at": at}
    )


def open_session(
    con: Connection, *, token_hash: bytes, community_id: int, account_id: int, device: str, at: datetime
) -> None:
    """Keep a new session."""
    con.execute(
        text(
            "INSERT INTO session (community_id, token_hash, account_id, device, created_at, seen_at, expires_at)"
            " VALUES (:c, :t, :a, :d, :at, :at, :end)"
        ),
        {"c": community_id, "t": token_hash, "a": account_id, "d": device, "at": at, "end": at + LONGEST},
    )


def end_session(con: Connection, token_hash: bytes, at: datetime) -> bool:
    """End one session by its token; tell whether there was one."""
    sql = "UPDATE session SET revoked_at = :at WHERE token_hash = :t AND revoked_at IS NULL"
    return con.execute(text(sql), {"t": token_hash, "at": at}).rowcount == 1


def end_sessions(con: Connection, community_id: int, account_id: int, at: datetime, mark: str = "") -> int:
    """End the sessions of one account, or the one of them that ``mark`` names; return how many."""
    return con.execute(
        text(
            "UPDATE session SET revoked_at = :at WHERE community_id = :c AND account_id = :a AND revoked_at IS NULL"
            " AND (:m = '' OR left(encode(token_hash, 'hex'), 16) = :m)"
        ),
        {"c": community_id, "a": account_id, "at": at, "m": mark},
    ).rowcount


def living_sessions(con: Connection, community_id: int, at: datetime, account_id: int = 0) -> list[Row[Any]]:
    """Return sessions that have not ended, newest use first: of one account, or of all."""
    return list(
        con.execute(
            text(
                "SELECT left(encode(token_hash, 'hex'), 16) AS mark, account_id, device, created_at, seen_at"
                "  FROM session WHERE community_id = :c AND (:a = 0 OR account_id = :a) AND revoked_at IS NULL"
                "   AND expires_at > :at ORDER BY seen_at DESC, mark LIMIT 500"
            ),
            {"c": community_id, "a": account_id, "at": at},
        )
    )


# --- accounts ----------------------------------------------------------------------------------------------------


def by_username(con: Connection, username: str) -> Row[Any] | None:
    """Return the account of that name, or None."""
    sql = "SELECT id, community_id, role, password_hash, disabled_at FROM account WHERE username = :u"
    return con.execute(text(sql), {"u": username}).one_or_none()


def all_of(con: Connection, community_id: int, at: datetime) -> list[Row[Any]]:
    """Return the accounts of a community with how many sessions each has; 0 for every community."""
    return list(
        con.execute(
            text(
                "SELECT a.id, a.community_id, a.username, a.name, a.role, w.name AS worker_name, a.disabled_at,"
                "       (SELECT count(*) FROM session s WHERE s.community_id = a.community_id"
                "           AND s.account_id = a.id AND s.revoked_at IS NULL AND s.expires_at > :at) AS sessions"
                "  FROM account a"
                "  LEFT JOIN worker w ON w.community_id = a.community_id AND w.id = a.worker_id"
                " WHERE :c = 0 OR a.community_id = :c ORDER BY a.community_id, a.role, a.username"
            ),
            {"c": community_id, "at": at},
        )
    )


def by_role(con: Connection, community_id: int, role: str, worker_id: int | None) -> Row[Any] | None:
    """Return the first living account of a role, of that worker when one is named."""
    return con.execute(
        text(
            "SELECT id, name, username FROM account WHERE community_id = :c AND role = :r AND disabled_at IS NULL"
            " AND (CAST(:w AS bigint) IS NULL OR worker_id = :w) ORDER BY id LIMIT 1"
        ),
        {"c": community_id, "r": role, "w": worker_id},
    ).one_or_none()


def add(
    con: Connection,
    *,
    community_id: int,
    username: str,
    name: str,
    role: str,
    worker_id: int | None,
    password_hash: str | None,
) -> int | None:
    """Keep a new account and return its id, or None when the username is taken."""
    return con.execute(
        text(
            "INSERT INTO account (community_id, username, name, role, worker_id, password_hash)"
            " VALUES (:c, :u, :n, :r, :w, :p) ON CONFLICT (username) DO NOTHING RETURNING id"
        ),
        {"c": community_id, "u": username, "n": name, "r": role, "w": worker_id, "p": password_hash},
    ).scalar_one_or_none()


def set_password(con: Connection, community_id: int, account_id: int, password_hash: str) -> None:
    """Replace a password."""
    sql = "UPDATE account SET password_hash = :p WHERE community_id = :c AND id = :a"
    con.execute(text(sql), {"p": password_hash, "c": community_id, "a": account_id})


def set_disabled(con: Connection, community_id: int, account_id: int, at: datetime | None) -> bool:
    """Disable or enable an account; tell whether there is one."""
    sql = "UPDATE account SET disabled_at = :at WHERE community_id = :c AND id = :a"
    return con.execute(text(sql), {"at": at, "c": community_id, "a": account_id}).rowcount == 1


# --- sign-in links -----------------------------------------------------------------------------------------------


def add_link(con: Connection, *, token_hash: bytes, community_id: int, account_id: int, until: datetime) -> None:
    """Keep a new one-time link."""
    con.execute(
        text("INSERT INTO sign_in_link (community_id, token_hash, account_id, expires_at) VALUES (:c, :t, :a, :u)"),
        {"c": community_id, "t": token_hash, "a": account_id, "u": until},
    )


def link(con: Connection, token_hash: bytes, at: datetime) -> Row[Any] | None:
    """Return whose link it is while it can still be used."""
    return con.execute(
        text(
            "SELECT a.name, a.role FROM sign_in_link l"
            "  JOIN account a ON a.community_id = l.community_id AND a.id = l.account_id"
            " WHERE l.token_hash = :t AND l.used_at IS NULL AND l.expires_at > :at AND a.disabled_at IS NULL"
        ),
        {"t": token_hash, "at": at},
    ).one_or_none()


def use_link(con: Connection, token_hash: bytes, at: datetime) -> Row[Any] | None:
    """Use a link up and return its account: of two at once, one gets it."""
    return con.execute(
        text(
            "UPDATE sign_in_link l SET used_at = :at FROM account a"
            " WHERE l.token_hash = :t AND l.used_at IS NULL AND l.expires_at > :at"
            "   AND a.community_id = l.community_id AND a.id = l.account_id AND a.disabled_at IS NULL"
            " RETURNING a.community_id, a.id, a.role"
        ),
        {"t": token_hash, "at": at},
    ).one_or_none()


# --- workers behind accounts -------------------------------------------------------------------------------------


def main_worker(con: Connection, community_id: int, grid_code: str, on: date) -> Row[Any] | None:
    """Return the worker who has a grid on a day."""
    return con.execute(
        text(
            "SELECT w.id, w.name FROM worker_assignment s JOIN grid g ON g.community_id = s.community_id"
            "   AND g.id = s.grid_id JOIN worker w ON w.community_id = s.community_id AND w.id = s.worker_id"
            " WHERE s.community_id = :c AND g.code = :g AND s.valid_from <= :on"
            "   AND (s.valid_to IS NULL OR s.valid_to > :on) ORDER BY s.duty, s.id LIMIT 1"
        ),
        {"c": community_id, "g": grid_code, "on": on},
    ).one_or_none()


def first_worker(con: Connection, community_id: int, on: date) -> Row[Any] | None:
    """Return the main worker of the first grid that has one on a day."""
    return con.execute(
        text(
            "SELECT w.id, w.name FROM worker_assignment s JOIN grid g ON g.community_id = s.community_id"
            "   AND g.id = s.grid_id JOIN worker w ON w.community_id = s.community_id AND w.id = s.worker_id"
            " WHERE s.community_id = :c AND s.duty = 'main' AND s.valid_from <= :on"
            "   AND (s.valid_to IS NULL OR s.valid_to > :on) ORDER BY g.number LIMIT 1"
        ),
        {"c": community_id, "on": on},
    ).one_or_none()


def only_community(con: Connection, code: str) -> Row[Any] | None:
    """Return the community of that code, or the only loaded one when no code is given; None when unclear."""
    found = con.execute(
        text("SELECT id, code, name, timezone FROM community WHERE :k = '' OR code = :k LIMIT 2"), {"k": code}
    ).all()
    return found[0] if len(found) == 1 else None


# --- tries and the trail -----------------------------------------------------------------------------------------


def take_token(con: Connection, bucket: str, *, capacity: float, per_s: float, at: datetime) -> float:
    """Take one token from a bucket that fills by itself; return 0, or the seconds until there is one again.

    One statement under the row's lock, so that a hundred at once cannot take the same token.
    """
    filled = "least(:cap, t.tokens + :rate * greatest(0, extract(epoch FROM :at - t.filled_at)))"
    values = {"b": bucket, "cap": capacity, "rate": per_s, "at": at}
    taken = con.execute(
        text(
            "INSERT INTO throttle AS t (bucket, tokens, filled_at) VALUES (:b, :cap - 1, CAST(:at AS timestamptz))"
            f" ON CONFLICT (bucket) DO UPDATE SET tokens = {filled} - 1, filled_at = greatest(t.filled_at, :at)"
            f" WHERE {filled} >= 1 RETURNING tokens".replace(":at", "CAST(:at AS timestamptz)")
        ),
        values,
    ).one_or_none()
    if taken:
        return 0.0
    left = f"SELECT {filled} FROM throttle t WHERE bucket = :b".replace(":at", "CAST(:at AS timestamptz)")
    return max(1.0, (1.0 - float(con.execute(text(left), values).scalar() or 0.0)) / per_s)


def refill(con: Connection, bucket: str, *, capacity: float) -> None:
    """Fill a bucket: whoever proved who he is starts anew."""
    con.execute(text("UPDATE throttle SET tokens = :cap WHERE bucket = :b"), {"b": bucket, "cap": capacity})


def forget_tries(con: Connection, before: datetime) -> None:
    """Drop buckets that are long full again."""
    con.execute(text("DELETE FROM throttle WHERE filled_at < :before"), {"before": before})


def note(
    con: Connection, *, community_id: int, account_id: int | None, action: str, subject: str, at: datetime | None
) -> None:
    """Write one line of the trail."""
    con.execute(
        text(
            "INSERT INTO audit_event (community_id, at, account_id, action, subject)"
            " VALUES (:c, coalesce(CAST(:at AS timestamptz), now()), :a, :w, :s)"
        ),
        {"c": community_id, "a": account_id, "w": action, "s": subject, "at": at},
    )


def answer(con: Connection) -> int:
    """Return 1 when the database answers."""
    return int(con.execute(text("SELECT 1")).scalar_one())
