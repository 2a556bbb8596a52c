"""Enrolment over the telephone.

Revision: 0007, after 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None

ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column(
        "devices",
        sa.Column("name", sa.String(length=60), nullable=True, comment="what the farmer wants the officer to say"),
    )
    op.create_table(
        "enrolment_openings",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("region_id", sa.String(length=32), nullable=False),
        sa.Column("staff_id", ROW_NUMBER, nullable=False, comment="who opened it, and alone decides"),
        sa.Column("code", sa.String(length=6), nullable=True, comment="null: used, tried too often, or too old"),
        sa.Column("wrong_tries", sa.Integer(), nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False, comment="of the code; once asked, of the officer's answer"),
        sa.Column("token_hash", sa.String(length=64), nullable=True, comment="SHA-256 of the asking phone's token"),
        sa.Column("name", sa.String(length=60), nullable=True, comment="what the farmer wants to be called"),
        sa.Column("phone", sa.Text(), nullable=True, comment="columns of the device that it would become"),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.Column("device_id", ROW_NUMBER, nullable=True, comment="set: the officer said yes"),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_enrolment_openings_device_id_devices")),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk_enrolment_openings_region_id_regions")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_enrolment_openings_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolment_openings")),
        sa.UniqueConstraint("code", name=op.f("uq_enrolment_openings_code")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_enrolment_openings_token_hash")),
    )
    op.create_index(op.f("ix_enrolment_openings_region_id"), "enrolment_openings", ["region_id"], unique=False)


def downgrade() -> None:
    op.drop_table("enrolment_openings")
    op.drop_column("devices", "name")
