"""Borders: drafts, versions, moves, notices, issued reports."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

from gridmap.store.tables import metadata

revision = "0003"
down_revision = "0002"

GROWN = ""


def upgrade() -> None:
    """Create and grow the tables."""
    con = op.get_bind()
    for statement in GROWN.split(";\n"):
        if statement.strip():
            con.execute(text(statement))
    metadata.create_all(con)


def downgrade() -> None:
    """Borders that were published cannot be forgotten on purpose."""
    raise RuntimeError("this version cannot be undone; restore a backup instead")
