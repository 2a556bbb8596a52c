"""Observations may come in as a file and go out as one.

Revision: 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    comment = "set: no phone, but what was imported by this name"
    op.add_column("devices", sa.Column("source", sa.String(80), nullable=True, comment=comment))
    op.create_index("uq_devices_region_id_source", "devices", ["region_id", "source"], unique=True)
    op.create_table(
        "transfers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("region_id", sa.String(32), nullable=False),
        sa.Column("direction", sa.String(3), nullable=False),
        sa.Column(
            "staff_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="null: on the command line",
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.String(80), nullable=False, comment="in: the source; out: the format"),
        sa.Column("content_sha256", sa.String(64), nullable=False, comment="of the file, hex"),
        sa.Column("told", sa.Text(), nullable=False, comment="in: how many rows became what; out: span, rows"),
        sa.CheckConstraint("direction IN ('in', 'out')", name=op.f("ck_transfers_direction")),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk_transfers_region_id_regions")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_transfers_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfers")),
    )
    op.create_index(op.f("ix_transfers_region_id"), "transfers", ["region_id"])


def downgrade() -> None:
    op.drop_table("transfers")
    op.drop_index("uq_devices_region_id_source", "devices")
    op.drop_column("devices", "source")
