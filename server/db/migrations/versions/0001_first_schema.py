"""First schema.

Revision: 0001, after None.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "counters",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False, comment="last number given out"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counters")),
    )
    op.create_table(
        "login_tries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=False, comment="name:… or address:…"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_tries")),
    )
    op.create_index(op.f("ix_login_tries_subject_at"), "login_tries", ["subject", "at"], unique=False)
    op.create_table(
        "process_beats",
        sa.Column("name", sa.String(length=80), nullable=False, comment="web, worker, scheduler, …"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_process_beats")),
    )
    op.create_table(
        "regions",
        sa.Column("id", sa.String(length=32), nullable=False, comment="district id such as IN-MH-500"),
        sa.Column("name", sa.String(length=120), nullable=False, comment="name for people"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_regions")),
    )
    op.create_table(
        "staff",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False, comment="login name, lower case"),
        sa.Column("password_hash", sa.String(length=200), nullable=False, comment="argon2id"),
        sa.Column("role", sa.String(length=16), nullable=False, comment="officer: own regions; admin: every region"),
        sa.Column("locale", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True, comment="set: may no longer log in"),
        sa.CheckConstraint("role IN ('officer', 'admin')", name=op.f("ck_staff_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
        sa.UniqueConstraint("name", name=op.f("uq_staff_name")),
    )
    op.create_table(
        "devices",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("region_id", sa.String(length=32), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False, comment="SHA-256 of the token, hex"),
        sa.Column("locale", sa.String(length=16), nullable=False, comment="language the farmer reads"),
        sa.Column("consent", sa.Text(), nullable=False, comment="what the farmer agreed to: version, at, locale"),
        sa.Column("app_version", sa.String(length=40), nullable=True),
        sa.Column("model_version", sa.String(length=80), nullable=True, comment="model the phone counted with last"),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("clock_offset_ms", sa.BigInteger(), nullable=True, comment="server minus phone at the last sync"),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True, comment="set: what it sends is quarantined"),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk_devices_region_id_regions")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_devices_token_hash")),
    )
    op.create_index(op.f("ix_devices_region_id"), "devices", ["region_id"], unique=False)
    op.create_table(
        "staff_regions",
        sa.Column("staff_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("region_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk_staff_regions_region_id_regions")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_regions_staff_id_staff")),
        sa.PrimaryKeyConstraint("staff_id", "region_id", name=op.f("pk_staff_regions")),
    )
    op.create_index(op.f("ix_staff_regions_region_id"), "staff_regions", ["region_id"], unique=False)
    op.create_table(
        "training_runs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("region_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("waits_for", sa.Text(), nullable=True, comment="why a queued run does not start yet, in English"),
        sa.Column(
            "requested_by",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="null: the schedule",
        ),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_by", sa.String(length=120), nullable=True, comment="worker that holds the lease"),
        sa.Column(
            "lease_until", sa.DateTime(timezone=True), nullable=True, comment="after this anyone may claim it anew"
        ),
        sa.Column("attempt", sa.Integer(), nullable=False, comment="how often it was claimed"),
        sa.Column("progress", sa.Float(), nullable=False, comment="0..1"),
        sa.Column("stage", sa.String(length=40), nullable=True, comment="what it is doing"),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.String(length=80), nullable=True, comment="model version it makes"),
        sa.Column("reason", sa.Text(), nullable=True, comment="message and params of the verdict"),
        sa.Column("metrics", sa.Text(), nullable=True, comment="current and candidate"),
        sa.Column("gates", sa.Text(), nullable=True, comment="name, passed, detail of each gate"),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'promoted', 'refused', 'failed')", name=op.f("ck_training_runs_state")
        ),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk_training_runs_region_id_regions")),
        sa.ForeignKeyConstraint(["requested_by"], ["staff.id"], name=op.f("fk_training_runs_requested_by_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_runs")),
    )
    op.create_index(op.f("ix_training_runs_region_id"), "training_runs", ["region_id"], unique=False)
    op.create_index(
        "uq_training_runs_one_active",
        "training_runs",
        ["region_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('queued', 'running')"),
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_table(
        "corrections",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("observation_device", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("observation_seq", sa.BigInteger(), nullable=False, comment="the observation may still be under way"),
        sa.Column("by", sa.String(length=8), nullable=False),
        sa.Column(
            "staff_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="the officer who recounted",
        ),
        sa.Column("fact_seq", sa.BigInteger(), nullable=True, comment="the farmer's fact that said so"),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("marks", sa.Text(), nullable=True, comment="x, y as fractions, and species"),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("server_seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("by IN ('farmer', 'officer')", name=op.f("ck_corrections_by")),
        sa.ForeignKeyConstraint(
            ["observation_device"], ["devices.id"], name=op.f("fk_corrections_observation_device_devices")
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_corrections_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrections")),
        sa.UniqueConstraint("observation_device", "fact_seq", name=op.f("uq_corrections_observation_device_fact_seq")),
    )
    op.create_index(
        op.f("ix_corrections_observation_device_observation_seq"),
        "corrections",
        ["observation_device", "observation_seq"],
        unique=False,
    )
    op.create_index(op.f("ix_corrections_server_seq"), "corrections", ["server_seq"], unique=False)
    op.create_table(
        "enrolment_codes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False, comment="SHA-256 of the code, hex"),
        sa.Column("region_id", sa.String(length=32), nullable=False),
        sa.Column(
            "made_by",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="null: made on the command line",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "device_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="set: used, by this phone",
        ),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_enrolment_codes_device_id_devices")),
        sa.ForeignKeyConstraint(["made_by"], ["staff.id"], name=op.f("fk_enrolment_codes_made_by_staff")),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk_enrolment_codes_region_id_regions")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolment_codes")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_enrolment_codes_code_hash")),
    )
    op.create_table(
        "facts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=True, comment="null: kept aside (unreadable number, or conflict)"),
        sa.Column("kind", sa.String(length=32), nullable=True, comment="trap, service, observation, correction"),
        sa.Column("content_hash", sa.String(length=64), nullable=False, comment="SHA-256 of content, hex"),
        sa.Column("content", sa.Text(), nullable=False, comment="canonical JSON of the fact, unknown fields included"),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True, comment="why it was rejected: number, params"),
        sa.Column("at_phone", sa.DateTime(timezone=True), nullable=True, comment="by the phone's clock"),
        sa.Column(
            "at_corrected", sa.DateTime(timezone=True), nullable=False, comment="by ours; received_at when unreadable"
        ),
        sa.Column("clock_offset_ms", sa.BigInteger(), nullable=False, comment="server minus phone when it was sent"),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("server_seq", sa.BigInteger(), nullable=False, comment="order of arrival; one per batch"),
        sa.CheckConstraint("status IN ('stored', 'rejected', 'quarantined', 'conflict')", name=op.f("ck_facts_status")),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_facts_device_id_devices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_facts")),
        sa.UniqueConstraint("device_id", "seq", name=op.f("uq_facts_device_id_seq")),
    )
    op.create_index(op.f("ix_facts_device_id_status"), "facts", ["device_id", "status"], unique=False)
    op.create_index(op.f("ix_facts_server_seq"), "facts", ["server_seq"], unique=False)
    op.create_index(
        "uq_facts_aside",
        "facts",
        ["device_id", "content_hash"],
        unique=True,
        sqlite_where=sa.text("seq IS NULL"),
        postgresql_where=sa.text("seq IS NULL"),
    )
    op.create_table(
        "observations",
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("trap", sa.String(length=16), nullable=False, comment="may be described by a fact still under way"),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False, comment="corrected"),
        sa.Column(
            "taken_at_doubtful", sa.Boolean(), nullable=False, comment="the phone's clock was not to be believed"
        ),
        sa.Column("source", sa.String(length=8), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False, comment="species key to insects"),
        sa.Column("nights", sa.Float(), nullable=True, comment="since the trap was last emptied"),
        sa.Column("emptied", sa.Boolean(), nullable=False),
        sa.Column("lure_age_days", sa.Integer(), nullable=True),
        sa.Column("model", sa.String(length=80), nullable=True, comment="model version that counted"),
        sa.Column("gate_verdict", sa.String(length=16), nullable=True, comment="good, doubtful or rejected"),
        sa.Column("gate_reason", sa.String(length=32), nullable=True),
        sa.Column("photo", sa.String(length=64), nullable=True, comment="SHA-256 of the photo, hex"),
        sa.Column("photo_consent", sa.Boolean(), nullable=False, comment="the farmer agreed to send the photo"),
        sa.Column("decoded_scale", sa.Float(), nullable=True, comment="1 = the phone saw every pixel"),
        sa.CheckConstraint("source IN ('photo', 'hand')", name=op.f("ck_observations_source")),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_observations_device_id_devices")),
        sa.PrimaryKeyConstraint("device_id", "seq", name=op.f("pk_observations")),
    )
    op.create_index(
        op.f("ix_observations_device_id_trap_taken_at"), "observations", ["device_id", "trap", "taken_at"], unique=False
    )
    op.create_index(op.f("ix_observations_photo"), "observations", ["photo"], unique=False)
    op.create_index(op.f("ix_observations_taken_at"), "observations", ["taken_at"], unique=False)
    op.create_table(
        "photos",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column(
            "device_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="who sent it first",
        ),
        sa.Column("media_type", sa.String(length=16), nullable=False),
        sa.Column("width_px", sa.Integer(), nullable=False),
        sa.Column("height_px", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_photos_device_id_devices")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_photos")),
    )
    op.create_table(
        "releases",
        sa.Column("version", sa.String(length=80), nullable=False),
        sa.Column("region_id", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False, comment="rises with every release of the key"),
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("manifest_sha256", sa.String(length=64), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk_releases_region_id_regions")),
        sa.ForeignKeyConstraint(["run_id"], ["training_runs.id"], name=op.f("fk_releases_run_id_training_runs")),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_releases")),
        sa.UniqueConstraint("region_id", "seq", name=op.f("uq_releases_region_id_seq")),
    )
    op.create_table(
        "services",
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("trap", sa.String(length=16), nullable=False, comment="may be described by a fact still under way"),
        sa.Column("serviced_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("emptied", sa.Boolean(), nullable=False),
        sa.Column("lure_changed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_services_device_id_devices")),
        sa.PrimaryKeyConstraint("device_id", "seq", name=op.f("pk_services")),
    )
    op.create_index(op.f("ix_services_device_id_trap"), "services", ["device_id", "trap"], unique=False)
    op.create_table(
        "traps",
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("trap", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("pest", sa.String(length=24), nullable=False, comment="what its lure catches"),
        sa.Column("crop", sa.String(length=24), nullable=False),
        sa.Column("trap_type", sa.String(length=24), nullable=False),
        sa.Column("district", sa.String(length=32), nullable=True),
        sa.Column("subdistrict", sa.Integer(), nullable=True, comment="LGD code"),
        sa.Column("village", sa.String(length=120), nullable=True),
        sa.Column("lure_changed_on", sa.Date(), nullable=True),
        sa.Column("emptied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sown_on", sa.Date(), nullable=True),
        sa.Column(
            "described_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="corrected time of the description that won",
        ),
        sa.Column("described_seq", sa.BigInteger(), nullable=False, comment="its sequence number; breaks ties"),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_traps_device_id_devices")),
        sa.PrimaryKeyConstraint("device_id", "trap", name=op.f("pk_traps")),
    )
    op.create_table(
        "advisories",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("region_id", sa.String(length=32), nullable=False),
        sa.Column("device_id", sa.Integer(), nullable=True, comment="null: for every phone of the region"),
        sa.Column("trap", sa.String(length=16), nullable=True),
        sa.Column("pest", sa.String(length=24), nullable=False),
        sa.Column("advice", sa.Text(), nullable=False, comment="structured; worded on the phone"),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("server_seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id", "trap"], ["traps.device_id", "traps.trap"], name=op.f("fk_advisories_device_id_trap_traps")
        ),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk_advisories_region_id_regions")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_advisories")),
    )
    op.create_index(op.f("ix_advisories_region_id_server_seq"), "advisories", ["region_id", "server_seq"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_advisories_region_id_server_seq"), table_name="advisories")
    op.drop_table("advisories")
    op.drop_table("traps")
    op.drop_index(op.f("ix_services_device_id_trap"), table_name="services")
    op.drop_table("services")
    op.drop_table("releases")
    op.drop_table("photos")
    op.drop_index(op.f("ix_observations_taken_at"), table_name="observations")
    op.drop_index(op.f("ix_observations_photo"), table_name="observations")
    op.drop_index(op.f("ix_observations_device_id_trap_taken_at"), table_name="observations")
    op.drop_table("observations")
    op.drop_index(
        "uq_facts_aside",
        table_name="facts",
        sqlite_where=sa.text("seq IS NULL"),
        postgresql_where=sa.text("seq IS NULL"),
    )
    op.drop_index(op.f("ix_facts_server_seq"), table_name="facts")
    op.drop_index(op.f("ix_facts_device_id_status"), table_name="facts")
    op.drop_table("facts")
    op.drop_table("enrolment_codes")
    op.drop_index(op.f("ix_corrections_server_seq"), table_name="corrections")
    op.drop_index(op.f("ix_corrections_observation_device_observation_seq"), table_name="corrections")
    op.drop_table("corrections")
    op.drop_index(
        "uq_training_runs_one_active",
        table_name="training_runs",
        sqlite_where=sa.text("state IN ('queued', 'running')"),
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.drop_index(op.f("ix_training_runs_region_id"), table_name="training_runs")
    op.drop_table("training_runs")
    op.drop_index(op.f("ix_staff_regions_region_id"), table_name="staff_regions")
    op.drop_table("staff_regions")
    op.drop_index(op.f("ix_devices_region_id"), table_name="devices")
    op.drop_table("devices")
    op.drop_table("staff")
    op.drop_table("regions")
    op.drop_table("process_beats")
    op.drop_index(op.f("ix_login_tries_subject_at"), table_name="login_tries")
    op.drop_table("login_tries")
    op.drop_table("counters")
