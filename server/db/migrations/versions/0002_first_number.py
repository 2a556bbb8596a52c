"""Data: server_seq starts at 0.

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

counters = sa.table("counters", sa.column("name", sa.String), sa.column("value", sa.BigInteger))


def upgrade() -> None:
    op.bulk_insert(counters, [{"name": "server_seq", "value": 0}])


def downgrade() -> None:
    op.execute(counters.delete().where(counters.c.name == "server_seq"))
