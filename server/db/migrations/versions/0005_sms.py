"""Phones without data send their observations as SMS.

Revision: 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sms",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("text_hash", sa.String(length=64), nullable=False, comment="SHA-256 of text, hex"),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column(
            "device_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="whom it names, if true",
        ),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False, comment="the first time"),
        sa.Column("problem", sa.Text(), nullable=True, comment="why it was rejected; null: its facts are stored"),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_sms_device_id_devices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sms")),
        sa.UniqueConstraint("text_hash", name=op.f("uq_sms_text_hash")),
    )
    op.create_index(op.f("ix_sms_device_id"), "sms", ["device_id"], unique=False)
    key = sa.Column(
        "sms_key", sa.String(length=200), nullable=True, comment="of its SMS, encrypted; null: it has no SMS path"
    )
    op.add_column("devices", key)
    short = "set: only what this SMS said; the whole is to come"
    op.add_column("facts", sa.Column("sms_id", sa.BigInteger(), nullable=True, comment=short))


def downgrade() -> None:
    op.drop_column("facts", "sms_id")
    op.drop_column("devices", "sms_key")
    op.drop_table("sms")
