"""Observations keep the intervals that the phone showed.

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

COMMENT = "species key to least and greatest true count, as the phone told them"


def upgrade() -> None:
    op.add_column("observations", sa.Column("intervals", sa.Text(), nullable=True, comment=COMMENT))


def downgrade() -> None:
    op.drop_column("observations", "intervals")
