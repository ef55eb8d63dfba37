"""Reports as they were handed out."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from gridmap.domain.reports import Report

_REPORT = (
    "SELECT r.id, r.kind, r.\"on\", r.title, r.issued_at, coalesce(a.name, '') AS account_name, r.hash,"
    " length(r.file) AS size FROM issued_report AS r"
    " LEFT JOIN account AS a ON a.community_id = r.community_id AND a.id = r.account_id WHERE r.community_id = :c"
)


def keep(
    con: Connection,
    community_id: int,
    *,
    kind: str,
    on: date,
    title: str,
    account_id: int,
    figures: dict[str, Any],
    file: bytes,
) -> int:
    """Keep a report for good; its hash is computed here, from the bytes that are kept."""
    return int(
        con.execute(
            text(
                'INSERT INTO issued_report (community_id, kind, "on", title, account_id, figures, file, hash)'
                " VALUES (:c, :kind, :on, :title, :account, CAST(:figures AS json), :file, sha256(:file)) RETURNING id"
            ),
            {
                "c": community_id,
                "kind": kind,
                "on": on,
                "title": title,
                "account": account_id or None,
                "figures": json.dumps(figures, ensure_ascii=False),
                "file": file,
            },
        ).scalar_one()
    )


def listing(con: Connection, community_id: int, *, limit: int) -> list[Report]:
    """Return the latest reports, newest first."""
    rows = con.execute(
        text(f"{_REPORT} ORDER BY r.issued_at DESC, r.id DESC LIMIT :n"), {"c": community_id, "n": limit}
    )
    return [Report(*row) for row in rows]


def one(con: Connection, community_id: int, report_id: int) -> Report | None:
    """Return a report without its file."""
    row = con.execute(text(f"{_REPORT} AND r.id = :id"), {"c": community_id, "id": report_id}).one_or_none()
    return Report(*row) if row else None


def file(con: Connection, community_id: int, report_id: int) -> tuple[bytes, bool]:
    """Return a report's bytes and whether their hash is still the one that was kept."""
    row = con.execute(
        text("SELECT file, hash = sha256(file) AS sound FROM issued_report WHERE community_id = :c AND id = :id"),
        {"c": community_id, "id": report_id},
    ).one()
    return bytes(row.file), bool(row.sound)


def figures(con: Connection, community_id: int, report_id: int) -> dict[str, Any]:
    """Return the figures a report was written from."""
    found: dict[str, Any] = con.execute(
        text("SELECT figures FROM issued_report WHERE community_id = :c AND id = :id"),
        {"c": community_id, "id": report_id},
    ).scalar_one()
    return found
