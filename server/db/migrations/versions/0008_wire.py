"""Phones sign what they send; what could not be counted yet is found again.

Revision: 0008, after 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

UNCOUNTED = sa.text("status = 'stored' AND problem IS NOT NULL")


def upgrade() -> None:
    key = sa.Column(
        "public_key", sa.String(length=88), nullable=True, comment="P-256, base64; null: it has never signed"
    )
    op.add_column("devices", key)
    op.create_index(
        "ix_facts_uncounted", "facts", ["id"], unique=False, sqlite_where=UNCOUNTED, postgresql_where=UNCOUNTED
    )


def downgrade() -> None:
    op.drop_index("ix_facts_uncounted", table_name="facts")
    op.drop_column("devices", "public_key")
