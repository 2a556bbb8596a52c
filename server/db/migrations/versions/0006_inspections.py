"""Phones say what was found on the plants, and how long a lure lasts by its packet.

Revision: 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KINDS = "trap, service, observation, correction"


def upgrade() -> None:
    op.create_table(
        "inspections",
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("trap", sa.String(length=16), nullable=False, comment="may be described by a fact still under way"),
        sa.Column("inspected_at", sa.DateTime(timezone=True), nullable=False, comment="corrected"),
        sa.Column(
            "rule",
            sa.String(length=80),
            nullable=True,
            comment="plant threshold by whose method; null: there is none",
        ),
        sa.Column("part", sa.String(length=80), nullable=False, comment="what was looked at: boll, flower, plant, …"),
        sa.Column("looked", sa.Integer(), nullable=False, comment="at how many"),
        sa.Column(
            "found",
            sa.Integer(),
            nullable=False,
            comment="damaged ones; or insects and eggs, if the rule counts them",
        ),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_inspections_device_id_devices")),
        sa.PrimaryKeyConstraint("device_id", "seq", name=op.f("pk_inspections")),
    )
    op.create_index(op.f("ix_inspections_device_id_trap"), "inspections", ["device_id", "trap"], unique=False)
    op.create_index(op.f("ix_inspections_inspected_at"), "inspections", ["inspected_at"], unique=False)
    life = sa.Column("lure_life_days", sa.Integer(), nullable=True, comment="as its packet says")
    op.add_column("traps", life)
    _say_kinds(f"{KINDS}, inspection", KINDS)


def downgrade() -> None:
    _say_kinds(KINDS, f"{KINDS}, inspection")
    op.drop_column("traps", "lure_life_days")
    op.drop_table("inspections")


def _say_kinds(now: str, before: str) -> None:
    """SQLite keeps no comments."""
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("facts", "kind", comment=now, existing_comment=before)
