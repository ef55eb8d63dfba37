"""The trail: who looked at a household, who took figures away."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, text

from gridmap.domain.actors import Actor

_WRITE = text(
    "INSERT INTO audit_event (community_id, account_id, action, subject, detail)"
    " VALUES (:c, :account, :action, :subject, CAST(:detail AS jsonb))"
)


def write(con: Connection, actor: Actor, action: str, *, subject: str = "", **detail: Any) -> None:
    """Write one line: ids and figures only, never a resident's name."""
    values = {"c": actor.community_id, "account": actor.account_id or None, "action": action, "subject": subject}
    con.execute(_WRITE, values | {"detail": json.dumps(detail, ensure_ascii=False, default=str)})
