"""Who may come in: enrolment over the telephone, lead farmers, agronomists, approvals, and the log of who did what.

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
UNTOUCHED = "nobody changes the log"


def upgrade() -> None:
    op.add_column(
        "devices",
        sa.Column("name", sa.String(length=60), nullable=True, comment="what the farmer wants the officer to say"),
    )
    lead = sa.Column("lead_since", INSTANT, nullable=True, comment="set: a lead farmer's, may hold neighbours' traps")
    op.add_column("devices", lead)
    _allow_roles("officer: own regions; the others: every region", "officer", "agronomist", "admin")
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
    op.create_table(
        "approvals",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False, comment="threshold, or advice"),
        sa.Column("key", sa.String(length=80), nullable=False, comment="of the threshold or the sentence"),
        sa.Column("locale", sa.String(length=16), nullable=False, comment="of the sentence; en for a threshold"),
        sa.Column("content_hash", sa.String(length=64), nullable=False, comment="SHA-256 of what was read, hex"),
        sa.Column("staff_id", ROW_NUMBER, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("withdrawn_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_approvals_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
    )
    op.create_table(
        "audit_entries",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("staff_id", ROW_NUMBER, nullable=True, comment="null: on the command line, or by itself"),
        sa.Column("region_id", sa.String(length=32), nullable=True, comment="null: of no one region"),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False, comment="to whom or what: device 7, staff asha"),
        sa.Column("detail", sa.Text(), nullable=False, comment="never a name of a farmer"),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk_audit_entries_region_id_regions")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_audit_entries_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
    )
    _protect_log()


def _allow_roles(comment: str, *roles: str) -> None:
    """SQLite builds the table anew without its old check, which it does not tell."""
    with op.batch_alter_table("staff") as staff:
        if op.get_bind().dialect.name == "postgresql":
            staff.drop_constraint(op.f("ck_staff_role"), type_="check")
        staff.alter_column("role", comment=comment, existing_type=sa.String(length=16), existing_nullable=False)
        staff.create_check_constraint(op.f("ck_staff_role"), f"role IN ({', '.join(repr(role) for role in roles)})")


def _protect_log() -> None:
    """Not even this server's own code changes or deletes an entry; whoever owns the database still can."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{UNTOUCHED}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_entries_stay BEFORE UPDATE OR DELETE ON audit_entries "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_entries_no_{change.lower()} BEFORE {change} ON audit_entries "
            f"BEGIN SELECT RAISE(ABORT, '{UNTOUCHED}'); END"
        )


def downgrade() -> None:
    op.drop_table("audit_entries")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change")
    op.drop_table("approvals")
    op.drop_table("enrolment_openings")
    _allow_roles("officer: own regions; admin: every region", "officer", "admin")
    op.drop_column("devices", "lead_since")
    op.drop_column("devices", "name")
