"""The worker's day: streets people walk, what decides a walk, plans, and what phones send; from the SQL beside."""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create and grow the tables."""
    con = op.get_bind()
    for statement in Path(__file__).with_suffix(".sql").read_text("utf-8").split(";\n"):
        if statement.strip():
            con.execute(text(statement.replace(":", "\\:")))


def downgrade() -> None:
    """Visits of a day cannot be forgotten on purpose."""
    raise RuntimeError("this version cannot be undone; restore a backup instead")
