"""An officer of two regions may move a phone from one to the other; nobody else, and no phone by itself.

On PostgreSQL only: SQLite has no policies.

Revision: 0011, after 0009.
"""

from alembic import op

revision = "0011"
down_revision = "0009"
branch_labels = None
depends_on = None

REGIONS = "(SELECT current_setting('app.regions', true))"
OWN_DEVICE = "(SELECT nullif(current_setting('app.device', true), '')::bigint)"
HOME = "current_setting('app.home', true)"
OF_REGION = f"({REGIONS} = '*' OR region_id = ANY (string_to_array({REGIONS}, ',')))"
ADVICE = f"{OF_REGION} OR device_id = {OWN_DEVICE} OR (device_id IS NULL AND region_id = {HOME})"
OF_THEIR_PHONES = f"({REGIONS} <> '' AND device_id IN (SELECT id FROM devices))"  # noqa: S608 - our own words
"""What an officer's phones brought along from their former region. Phones do not get so far: it would look at all of them."""

READ = {"advisories": f"{ADVICE} OR {OF_THEIR_PHONES}", "enrolment_openings": f"{OF_REGION} OR {OF_THEIR_PHONES}"}
"""Table -> which rows are seen, so that a farmer's copy is whole. Source: docs/access.md."""
WRITE = {
    "devices": f"{OF_REGION} OR (id = {OWN_DEVICE} AND region_id = {HOME})",
    "advisories": ADVICE,
    "enrolment_openings": OF_REGION,
}
"""Table -> how a row must be once it is written; which rows can be written at all, the other condition says."""
FORMER = {"advisories": ADVICE, "enrolment_openings": OF_REGION}


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, condition in READ.items():
        op.execute(f"ALTER POLICY scope ON {table} USING ({condition})")
    for table, condition in WRITE.items():
        op.execute(f"ALTER POLICY scope ON {table} WITH CHECK ({condition})")


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    seen = f"{OF_REGION} OR id = {OWN_DEVICE} OR token_hash = current_setting('app.token_hash', true)"
    for table, condition in (FORMER | {"devices": seen}).items():
        # A policy's check cannot be taken away again, only made what it would be without one.
        op.execute(f"ALTER POLICY scope ON {table} USING ({condition}) WITH CHECK ({condition})")
