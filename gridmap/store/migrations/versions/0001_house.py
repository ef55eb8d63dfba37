"""Build the house: every table of the first release, from the SQL beside this file."""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    con = op.get_bind()
    for statement in Path(__file__).with_suffix(".sql").read_text("utf-8").split(";\n"):
        if statement.strip():
            con.execute(text(statement.replace(":", "\\:")))


def downgrade() -> None:
    """There is nothing before the first version."""
    raise RuntimeError("the first version cannot be undone; restore a backup instead")
