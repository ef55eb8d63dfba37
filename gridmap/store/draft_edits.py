"""What was done to a draft of borders, step by step, and what was said about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from gridmap.domain.boundaries import Comment, Done, DraftGrid, unpacked
from gridmap.store.boundaries import NAME_OF


@dataclass(frozen=True)
class Step:
    """One edit with the states of its grids before and after."""

    number: int
    kind: str
    detail: Mapping[str, Any]
    before: tuple[DraftGrid, ...]
    after: tuple[DraftGrid, ...]


_FORGET_UNDONE = text("""
DELETE FROM boundary_edit WHERE community_id = :c AND plan_id = :p AND number > coalesce((
  SELECT number FROM boundary_edit WHERE community_id = :c AND plan_id = :p AND NOT undone
  ORDER BY number DESC LIMIT 1), 0)
""")


def add_edit(
    con: Connection,
    community_id: int,
    plan_id: int,
    *,
    kind: str,
    detail: Mapping[str, Any],
    before: bytes,
    after: bytes,
    account_id: int | None,
    at: datetime,
) -> None:
    """Remember an edit; what was undone before it can not be done again."""
    values: dict[str, Any] = {"c": community_id, "p": plan_id}
    con.execute(_FORGET_UNDONE, values)
    con.execute(
        text(
            "INSERT INTO boundary_edit"
            " (community_id, plan_id, number, kind, detail, before, after, account_id, recorded_at)"
            " SELECT :c, :p, 1 + coalesce(max(number), 0), :kind, CAST(:detail AS jsonb), :before, :after,"
            " CAST(:account AS bigint), CAST(:at AS timestamptz)"
            " FROM boundary_edit WHERE community_id = :c AND plan_id = :p"
        ),
        values
        | {
            "kind": kind,
            "detail": json.dumps(dict(detail), ensure_ascii=False),
            "before": before,
            "after": after,
            "account": account_id,
            "at": at,
        },
    )


def step(con: Connection, community_id: int, plan_id: int, *, undone: bool) -> Step | None:
    """Return the last edit that is done, or with ``undone`` the first that can be done again."""
    order = "number LIMIT 1" if undone else "number DESC LIMIT 1"
    query = text(
        "SELECT number, kind, detail, before, after FROM boundary_edit"
        f" WHERE community_id = :c AND plan_id = :p AND undone = :undone ORDER BY {order}"
    )
    row = con.execute(query, {"c": community_id, "p": plan_id, "undone": undone}).one_or_none()
    return Step(row[0], row[1], row[2], unpacked(bytes(row[3])), unpacked(bytes(row[4]))) if row else None


def mark(con: Connection, community_id: int, plan_id: int, number: int, *, undone: bool) -> None:
    """Say whether an edit is undone."""
    query = text(
        "UPDATE boundary_edit SET undone = :undone WHERE community_id = :c AND plan_id = :p AND number = :number"
    )
    con.execute(query, {"c": community_id, "p": plan_id, "number": number, "undone": undone})


def edits(con: Connection, community_id: int, plan_id: int, *, most: int) -> list[Done]:
    """Return the newest edits of a draft, the last first. Needs the right to read accounts."""
    query = text(
        f"SELECT e.number, e.kind, e.detail, {NAME_OF.format('e', 'account_id')}, e.recorded_at, e.undone"
        " FROM boundary_edit AS e WHERE e.community_id = :c AND e.plan_id = :p ORDER BY e.number DESC LIMIT :most"
    )
    return [
        Done(r[0], r[1], r[2], tuple(r[2].get("keys", ())), r[3], r[4], r[5])
        for r in con.execute(query, {"c": community_id, "p": plan_id, "most": most})
    ]


# --- comments ----------------------------------------------------------------------------------------------------


def add_comment(con: Connection, community_id: int, plan_id: int, *, account_id: int, at: datetime, words: str) -> int:
    """Keep a comment; return its id."""
    query = text(
        "INSERT INTO boundary_comment (community_id, plan_id, account_id, at, words)"
        " VALUES (:c, :p, :account, :at, :words) RETURNING id"
    )
    values = {"c": community_id, "p": plan_id, "account": account_id, "at": at, "words": words}
    return int(con.execute(query, values).scalar_one())


def comments(con: Connection, community_id: int, plan_id: int) -> list[Comment]:
    """Return the comments on a draft, the oldest first. Needs the right to read accounts."""
    query = text(
        f"SELECT m.id, m.at, m.account_id, {NAME_OF.format('m', 'account_id')}, m.words FROM boundary_comment AS m"
        " WHERE m.community_id = :c AND m.plan_id = :p ORDER BY m.at, m.id"
    )
    return [Comment(*row) for row in con.execute(query, {"c": community_id, "p": plan_id})]
