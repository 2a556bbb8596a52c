"""Who may come in: enrolment over the telephone, lead farmers, agronomists, consents, erasure, and the log.

On PostgreSQL, row-level security as well.

Revision: 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
UNTOUCHED = "nobody changes the log"
SCOPED = "pestwatch_scoped"
REGIONS = "(SELECT current_setting('app.regions', true))"
OWN_DEVICE = "(SELECT nullif(current_setting('app.device', true), '')::bigint)"


def _of_region(column: str) -> str:
    return f"({REGIONS} = '*' OR {column} = ANY (string_to_array({REGIONS}, ',')))"


def _of_device(column: str) -> str:
    """Its own, or that of a phone that the policy of `devices` lets be seen."""
    return f"({column} = {OWN_DEVICE} OR {column} IN (SELECT id FROM devices))"  # noqa: S608 - our own words


POLICIES = {
    "devices": f"{_of_region('region_id')} OR id = {OWN_DEVICE} OR token_hash = current_setting('app.token_hash', true)",
    "enrolment_codes": _of_region("region_id"),
    "enrolment_openings": _of_region("region_id"),
    "facts": _of_device("device_id"),
    "traps": _of_device("device_id"),
    "services": _of_device("device_id"),
    "observations": _of_device("device_id"),
    "inspections": _of_device("device_id"),
    "corrections": _of_device("observation_device"),
    "photos": f"{_of_device('device_id')} OR EXISTS (SELECT FROM observations WHERE photo = sha256)",
    "consents": _of_device("device_id"),
    "sms": f"{_of_device('device_id')} OR (device_id IS NULL AND {REGIONS} = '*')",
    "advisories": f"{_of_region('region_id')} OR device_id = {OWN_DEVICE} "
    "OR (device_id IS NULL AND region_id = current_setting('app.home', true))",
    "training_runs": _of_region("region_id"),
    "releases": _of_region("region_id"),
    "transfers": _of_region("region_id"),
    "audit_entries": _of_region("region_id"),
}
"""Table -> which rows a scoped transaction sees and may write. Source: docs/access.md."""


def upgrade() -> None:
    op.add_column(
        "devices",
        sa.Column("name", sa.String(length=60), nullable=True, comment="what the farmer wants the officer to say"),
    )
    lead = sa.Column("lead_since", INSTANT, nullable=True, comment="set: a lead farmer's, may hold neighbours' traps")
    op.add_column("devices", lead)
    withdrawn = sa.Column("withdrawn_at", INSTANT, nullable=True, comment="set: the farmer no longer agrees")
    op.add_column("devices", withdrawn)
    erased = sa.Column("erased_at", INSTANT, nullable=True, comment="set: nothing here tells who it was")
    op.add_column("devices", erased)
    number = sa.Column(
        "sender_hash", sa.String(length=64), nullable=True, comment="HMAC of the number it came from, hex"
    )
    op.add_column("sms", number)
    op.add_column(
        "sms", sa.Column("sender_tail", sa.String(length=3), nullable=True, comment="that number's last digits")
    )
    op.create_index(op.f("ix_sms_sender_hash"), "sms", ["sender_hash"], unique=False)
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
        "consents",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("device_id", ROW_NUMBER, nullable=False),
        sa.Column("agreed", sa.Boolean(), nullable=False, comment="false: taken back"),
        sa.Column("version", sa.Integer(), nullable=False, comment="of the words that were shown"),
        sa.Column("locale", sa.String(length=40), nullable=False, comment="in which language"),
        sa.Column("at", INSTANT, nullable=False, comment="by the phone's clock"),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_consents_device_id_devices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    op.create_index(op.f("ix_consents_device_id"), "consents", ["device_id"], unique=False)
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
    if op.get_bind().dialect.name == "postgresql":
        _hold_to_scope()


def _hold_to_scope() -> None:
    """Row-level security for a role that owns nothing: a superuser, and the owner, would see past any policy."""
    op.execute(
        f"DO $$ BEGIN CREATE ROLE {SCOPED} NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    )
    is_superuser = op.get_bind().execute(sa.text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")).scalar()
    if not is_superuser:
        op.execute(f"GRANT {SCOPED} TO CURRENT_USER")
    op.execute(f"GRANT USAGE ON SCHEMA public TO {SCOPED}")
    for what, rights in (("TABLES", "SELECT, INSERT, UPDATE, DELETE"), ("SEQUENCES", "USAGE, SELECT")):
        op.execute(f"GRANT {rights} ON ALL {what} IN SCHEMA public TO {SCOPED}")
        op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {rights} ON {what} TO {SCOPED}")
    op.execute(f"REVOKE UPDATE, DELETE ON audit_entries FROM {SCOPED}")
    op.execute(f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {SCOPED}")
    for table, condition in POLICIES.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY scope ON {table} TO {SCOPED} USING ({condition})")


def _let_go() -> None:
    """The role itself stays: other databases of the same server may use it."""
    for table in POLICIES:
        op.execute(f"DROP POLICY scope ON {table}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    for what in ("TABLES", "SEQUENCES"):
        op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON {what} FROM {SCOPED}")
        op.execute(f"REVOKE ALL ON ALL {what} IN SCHEMA public FROM {SCOPED}")
    op.execute(f"REVOKE USAGE ON SCHEMA public FROM {SCOPED}")


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
    if op.get_bind().dialect.name == "postgresql":
        _let_go()
    op.drop_table("audit_entries")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change")
    op.drop_table("approvals")
    op.drop_table("consents")
    op.drop_table("enrolment_openings")
    _allow_roles("officer: own regions; admin: every region", "officer", "admin")
    op.drop_index(op.f("ix_sms_sender_hash"), "sms")
    op.drop_column("sms", "sender_tail")
    op.drop_column("sms", "sender_hash")
    op.drop_column("devices", "erased_at")
    op.drop_column("devices", "withdrawn_at")
    op.drop_column("devices", "lead_since")
    op.drop_column("devices", "name")
