"""What phones sent, as it arrived, and what was decided about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text


@dataclass(frozen=True)
class Submission:
    """One row of ``submission`` as it is kept."""

    community_id: int
    id: UUID
    account_id: int
    worker_id: int | None
    kind: str
    version: int
    body: str
    body_hash: bytes
    household_id: int | None
    captured_at: datetime
    received_at: datetime
    skew_s: int
    state: str
    reason: str | None


_COLUMNS = tuple(Submission.__dataclass_fields__)
_ADD = text(
    f"INSERT INTO submission ({', '.join(_COLUMNS)}) VALUES ({', '.join(f':{name}' for name in _COLUMNS)})"
    " ON CONFLICT DO NOTHING"
)
_FIND = text(f"SELECT {', '.join(_COLUMNS)} FROM submission WHERE community_id = :c AND id = :id")


def add(con: Connection, made: Submission) -> bool:
    """Keep what arrived; False when there is one of this id already, also where the reader may not see it."""
    return con.execute(_ADD, asdict(made)).rowcount == 1


def find(
    con: Connection, community_id: int, submission_id: UUID, *, account_id: int | None = None
) -> Submission | None:
    """Return what arrived under an id, from one account unless that is None."""
    row = con.execute(_FIND, {"c": community_id, "id": submission_id}).one_or_none()
    return None if row is None or account_id not in {None, row.account_id} else Submission(*row)


def sent(
    con: Connection, community_id: int, ids: Sequence[UUID], *, account_id: int
) -> list[tuple[Submission, str | None]]:
    """Return what one account sent under some ids with what a leader wrote about it; unknown ids are left out."""
    columns = ", ".join("''" if name == "body" else name for name in _COLUMNS)
    rows = con.execute(
        text(
            f"SELECT {columns}, decision_note FROM submission WHERE community_id = :c AND account_id = :a"
            " AND id = ANY(:ids) ORDER BY received_at, id"
        ),
        {"c": community_id, "a": account_id, "ids": list(ids)},
    )
    return [(Submission(*row[:-1]), row[-1]) for row in rows]


def waiting_withdrawals(con: Connection, community_id: int, account_id: int, household_id: int) -> list[Row[Any]]:
    """Return (id, body) of withdrawals that came before the visit they are about."""
    return list(
        con.execute(
            text(
                "SELECT id, body FROM submission WHERE community_id = :c AND account_id = :a AND household_id = :h"
                " AND state = 'held' AND kind = 'withdrawal' AND reason = 'no_visit' ORDER BY received_at"
            ),
            {"c": community_id, "a": account_id, "h": household_id},
        )
    )


def settle(con: Connection, community_id: int, submission_id: UUID) -> None:
    """Say that what was held is kept now, without anybody's decision: what it waited for has come."""
    con.execute(
        text("UPDATE submission SET state = 'kept', reason = NULL WHERE community_id = :c AND id = :id"),
        {"c": community_id, "id": submission_id},
    )


def empty(con: Connection, community_id: int, submission_id: UUID) -> None:
    """Forget the text of a photo that is kept: its image stands in ``photo``, without metadata."""
    con.execute(
        text("UPDATE submission SET body = '' WHERE community_id = :c AND id = :id"),
        {"c": community_id, "id": submission_id},
    )


def decide(
    con: Connection, community_id: int, submission_id: UUID, *, state: str, by: int, at: datetime, note: str | None
) -> bool:
    """Write a leader's decision; False when it is not held any more."""
    done = con.execute(
        text(
            "UPDATE submission SET state = :state, decided_at = :at, decided_by = :by, decision_note = :note"
            " WHERE community_id = :c AND id = :id AND state = 'held'"
        ),
        {"c": community_id, "id": submission_id, "state": state, "by": by, "at": at, "note": note},
    )
    return done.rowcount == 1


_HELD = (
    "FROM submission AS s WHERE s.community_id = :c AND s.state = 'held'"
    " AND (CAST(:a AS bigint) IS NULL OR s.account_id = :a)"
)


def held(
    con: Connection, community_id: int, *, account_id: int | None, limit: int
) -> list[tuple[Submission, str | None]]:
    """Return what waits for a decision with the name of the worker who sent it, the oldest first."""
    columns = ", ".join(
        # the picture itself is not needed to decide
        "CASE WHEN s.kind = 'photo' THEN '' ELSE s.body END" if name == "body" else f"s.{name}"
        for name in _COLUMNS
    )
    rows = con.execute(
        text(
            f"SELECT {columns}, (SELECT w.name FROM worker AS w WHERE w.community_id = s.community_id"
            f" AND w.id = s.worker_id) AS worker_name {_HELD} ORDER BY s.received_at, s.id LIMIT :limit"
        ),
        {"c": community_id, "a": account_id, "limit": limit},
    )
    return [(Submission(*row[:-1]), row[-1]) for row in rows]


def count_held(con: Connection, community_id: int, *, account_id: int | None) -> int:
    """Count what waits for a decision."""
    return int(con.execute(text(f"SELECT count(*) {_HELD}"), {"c": community_id, "a": account_id}).scalar_one())
