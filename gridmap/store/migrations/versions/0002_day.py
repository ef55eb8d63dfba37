"""The worker's day: streets people walk, what decides a walk, plans, and what phones send."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

from gridmap.store.tables import metadata

revision = "0002"
down_revision = "0001"

GROWN = """
ALTER TABLE community ADD COLUMN network_mark bigint NOT NULL DEFAULT '0';
ALTER TABLE visit ADD COLUMN resident_id bigint;
ALTER TABLE visit ADD COLUMN follow_up_on date;
ALTER TABLE visit ADD COLUMN consent varchar(8);
ALTER TABLE visit ADD COLUMN withdrawn_at timestamptz;
ALTER TABLE visit ADD COLUMN skew_s integer;
ALTER TABLE visit ADD CONSTRAINT visit_consent_check CHECK (consent IN ('given', 'withheld'));
ALTER TABLE visit ADD CONSTRAINT visit_community_id_resident_id_fkey FOREIGN KEY (community_id, resident_id)
  REFERENCES resident (community_id, id) ON DELETE SET NULL (resident_id);
ALTER TABLE need ADD COLUMN visit_id uuid;
ALTER TABLE household_spell ADD COLUMN withdrawn_at timestamptz;
CREATE INDEX visit_withdrawn_ix ON visit (community_id, withdrawn_at) WHERE withdrawn_at IS NOT NULL;
CREATE INDEX visit_follow_up_ix ON visit (community_id, grid_id, follow_up_on)
  WHERE follow_up_on IS NOT NULL AND withdrawn_at IS NULL;
"""


def upgrade() -> None:
    """Create and grow the tables."""
    con = op.get_bind()
    for statement in GROWN.split(";\n"):
        if statement.strip():
            con.execute(text(statement))
    metadata.create_all(con)


def downgrade() -> None:
    """Visits of a day cannot be forgotten on purpose."""
    raise RuntimeError("this version cannot be undone; restore a backup instead")
