"""Borders: drafts, versions, moves, notices, issued reports."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

from gridmap.store.tables import metadata

revision = "0003"
down_revision = "0002"

GROWN = """
ALTER TABLE grid_version ADD COLUMN number smallint;
ALTER TABLE grid_version ADD COLUMN name text;
ALTER TABLE grid_version ADD COLUMN kind varchar(12);
ALTER TABLE grid_version ADD CONSTRAINT grid_version_kind_check CHECK (kind IN ('general', 'commercial'));
CREATE INDEX need_community_id_household_id_ix ON need (community_id, household_id);
CREATE INDEX photo_community_id_household_id_ix ON photo (community_id, household_id);
CREATE INDEX plan_stop_community_id_household_id_ix ON plan_stop (community_id, household_id);
CREATE INDEX plan_omission_community_id_household_id_ix ON plan_omission (community_id, household_id);
CREATE INDEX household_spell_community_id_household_id_ix ON household_spell (community_id, household_id);
ALTER TABLE shift ADD COLUMN chosen boolean DEFAULT false NOT NULL;
"""


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
