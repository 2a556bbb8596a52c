"""Photos are stored without what the camera wrote beside them, and remember what is stored.

Revision: 0009, after 0008.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    stored = "of what is stored: without the camera's notes"
    with op.batch_alter_table("photos") as photos:
        photos.add_column(sa.Column("stored_sha256", sa.String(64), nullable=True, comment=stored))
        photos.alter_column("sha256", comment="of what the phone sent: its name")
    op.execute("UPDATE photos SET stored_sha256 = sha256")  # until now it was kept as it came
    with op.batch_alter_table("photos") as photos:
        photos.alter_column("stored_sha256", nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("photos") as photos:
        photos.drop_column("stored_sha256")
        photos.alter_column("sha256", comment=None)
