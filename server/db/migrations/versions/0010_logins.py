"""What every machine must have the same; and a login for web and workers that may not change the schema.

On PostgreSQL the ledger's words are held as well, and rights are given by what the code does.

Revision: 0010, after 0009.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SCOPED = "pestwatch_scoped"
SERVER = "pestwatch_server"
BOTH = f"{SCOPED}, {SERVER}"
STAY = ("audit_entries", "consents")
"""Rows are added, and never changed."""
DELETED_IN_REQUESTS = ("login_tries", "staff_regions")
DELETED_BY_ERASURE = ("facts", "photos")
CHANGES_OF_A_FACT = (
    "kind, content, content_hash, status, problem, at_phone, at_corrected, clock_offset_ms, received_at, sms_id"
)
"""Of whom it is and its place in the order never change."""
ERASED = '{"erased"\\:true}'
"""The backslash is SQLAlchemy's: what follows a colon is no parameter."""


def upgrade() -> None:
    op.create_table(
        "fingerprints",
        sa.Column("name", sa.String(length=32), nullable=False, comment="of a setting or a key"),
        sa.Column("value", sa.String(length=64), nullable=False, comment="a slow hash of it, hex"),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_fingerprints")),
    )
    if op.get_bind().dialect.name == "postgresql":
        _hold_the_server()
        _keep_facts()


def _hold_the_server() -> None:
    """Neither role owns anything: the server's sees every row, the request's those of its scope (migration 0007)."""
    op.execute(
        f"DO $$ BEGIN CREATE ROLE {SERVER} NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    )
    op.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")  # as PostgreSQL itself does since 15
    op.execute(f"GRANT USAGE ON SCHEMA public TO {SERVER}")
    for what, rights in (("TABLES", "SELECT, INSERT, UPDATE"), ("SEQUENCES", "USAGE, SELECT")):
        op.execute(f"GRANT {rights} ON ALL {what} IN SCHEMA public TO {SERVER}")
        op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {rights} ON {what} TO {SERVER}")
    op.execute(f"REVOKE DELETE ON ALL TABLES IN SCHEMA public FROM {SCOPED}")
    op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE DELETE ON TABLES FROM {SCOPED}")
    op.execute(f"REVOKE UPDATE ON {', '.join(STAY)} FROM {BOTH}")
    op.execute(f"REVOKE INSERT, UPDATE ON alembic_version FROM {SERVER}")
    op.execute(f"REVOKE UPDATE ON fingerprints FROM {SERVER}")
    op.execute(f"REVOKE ALL ON fingerprints FROM {SCOPED}")
    op.execute(f"GRANT DELETE ON {', '.join(DELETED_IN_REQUESTS)} TO {BOTH}")
    op.execute(f"GRANT DELETE ON {', '.join(DELETED_BY_ERASURE)} TO {SERVER}")
    op.execute(f"REVOKE UPDATE ON facts FROM {BOTH}")
    op.execute(f"GRANT UPDATE ({CHANGES_OF_A_FACT}) ON facts TO {BOTH}")
    for table in _held():
        op.execute(f"CREATE POLICY server ON {table} TO {SERVER} USING (true)")
    op.execute(
        f"CREATE POLICY stored_facts_stay ON facts AS RESTRICTIVE FOR DELETE TO {SERVER} USING (status <> 'stored')"
    )


def _keep_facts() -> None:
    """What a phone said is replaced by the whole of what an SMS said in part, or emptied by an erasure; nothing else."""
    op.execute(
        "CREATE FUNCTION refuse_other_words() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'a fact never changes'; END $$"
    )
    op.execute(
        "CREATE TRIGGER facts_keep_their_words BEFORE UPDATE OF content ON facts FOR EACH ROW "
        f"WHEN (NEW.content <> OLD.content AND NEW.content <> '{ERASED}' AND OLD.sms_id IS NULL) "
        "EXECUTE FUNCTION refuse_other_words()"
    )


def _held() -> list[str]:
    wanted = sa.text("SELECT DISTINCT tablename FROM pg_policies WHERE policyname = 'scope' ORDER BY tablename")
    return list(op.get_bind().scalars(wanted))


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _let_go()
    op.drop_table("fingerprints")


def _let_go() -> None:
    """The role itself stays: other databases of the same server may use it."""
    op.execute("DROP TRIGGER facts_keep_their_words ON facts")
    op.execute("DROP FUNCTION refuse_other_words")
    op.execute("DROP POLICY stored_facts_stay ON facts")
    for table in _held():
        op.execute(f"DROP POLICY server ON {table}")
    for what in ("TABLES", "SEQUENCES"):
        op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON {what} FROM {SERVER}")
        op.execute(f"REVOKE ALL ON ALL {what} IN SCHEMA public FROM {SERVER}")
    op.execute(f"REVOKE USAGE ON SCHEMA public FROM {SERVER}")
    op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT DELETE ON TABLES TO {SCOPED}")
    op.execute(f"GRANT UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {SCOPED}")
    op.execute(f"REVOKE UPDATE, DELETE ON audit_entries, alembic_version FROM {SCOPED}")
