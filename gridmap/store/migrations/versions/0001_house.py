"""Build the house: every table of the first release."""

from alembic import op

from gridmap.store.tables import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    metadata.create_all(op.get_bind())


def downgrade() -> None:
    """There is nothing before the first version."""
    raise RuntimeError("the first version cannot be undone; restore a backup instead")
