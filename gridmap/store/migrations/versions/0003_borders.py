"""Borders: drafts, versions, moves, notices; reports as they were issued; from the SQL beside."""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create and grow the tables."""
    con = op.get_bind()
    for statement in Path(__file__).with_suffix(".sql").read_text("utf-8").split(";\n"):
        if statement.strip():
            con.execute(text(statement.replace(":", "\\:")))


def downgrade() -> None:
    """Borders that were published cannot be forgotten on purpose."""
    raise RuntimeError("this version cannot be undone; restore a backup instead")
