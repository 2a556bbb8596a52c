"""Web and workers log in to PostgreSQL with a login that may not change the schema, the log or the ledger.

The other tests of the server run with this login as well (tests/server/conftest.py), so what the code needs it has.
"""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from alembic import command
from flask import Flask
from sqlalchemy import Engine, delete, func, make_url, select, text, update
from sqlalchemy.exc import DBAPIError

from pestwatch.errors import Problem
from server import create_app
from server.config import Settings
from server.db import audit, devices, tables
from server.db.access_tables import AuditEntry, Consent, Fingerprint
from server.db.logins import is_owner, let_in
from server.db.migrate import alembic_config, is_at_head
from server.db.scope import Scope
from server.db.session import open_engine, session_scope
from server.first_start import prepare
from tests.factories import NOW, REGION, observation_fact, trap_fact
from tests.server.conftest import Phone, login_of

REFUSED = (
    "CREATE TABLE mine (id int)",
    "CREATE ROLE mine",
    "ALTER TABLE facts DISABLE ROW LEVEL SECURITY",
    "DROP POLICY scope ON facts",
    "DROP TRIGGER audit_entries_stay ON audit_entries",
    "DROP TABLE facts CASCADE",
    "TRUNCATE facts CASCADE",
    "TRUNCATE audit_entries",
    "UPDATE audit_entries SET subject = 'nobody'",
    "DELETE FROM audit_entries",
    "UPDATE consents SET agreed = false",
    "DELETE FROM consents",
    "DELETE FROM devices",
    "DELETE FROM observations",
    "UPDATE facts SET device_id = 2",
    "UPDATE facts SET server_seq = 0",
    "UPDATE alembic_version SET version_num = '0001'",
    "UPDATE fingerprints SET value = ''",
    "DELETE FROM fingerprints",
    "SET ROLE postgres",
    "SET LOCAL row_security = off; SELECT * FROM facts",
)


@pytest.fixture
def database_url(postgres_url: str) -> str:
    """This is about PostgreSQL alone."""
    return postgres_url


@pytest.fixture
def login(settings: Settings, engine: Engine) -> Iterator[Engine]:
    """The database as web and workers have it."""
    login = open_engine(settings.database_url)
    yield login
    login.dispose()


@pytest.fixture
def ledger(phone: Phone, engine: Engine) -> Phone:
    """A phone with two facts, one that could not be used, a consent and an entry of the log."""
    phone.sync(trap_fact(1), observation_fact(2), {"seq": 3, "kind": "observation", "at": "yesterday", "body": {}})
    with session_scope(engine) as session:
        devices.record_consent(session, phone.row, phone.row.consent, agreed=True, now=NOW)
        audit.note(session, "retrain", "run 1", staff=None, now=NOW, region=REGION)
        session.add(Fingerprint(name="SECRET_KEY", value="0" * 64, noted_at=NOW))
    return phone


def test_the_login_owns_nothing_and_is_above_no_policy(login: Engine) -> None:
    with login.connect() as connection:
        rights = "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
        assert connection.execute(text(rights)).one() == (False, False, False, False)
        owned = "SELECT count(*) FROM pg_class WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)"
        assert connection.execute(text(owned)).scalar_one() == 0
        assert connection.execute(text("SELECT row_security_active('facts')")).scalar_one()
    assert not is_owner(login)


def test_what_the_servers_code_never_does_is_refused(login: Engine, ledger: Phone) -> None:
    for scope in (None, Scope(regions=(REGION,))):
        held = login.execution_options(pestwatch_scope=scope) if scope else login
        for statement in REFUSED:
            with pytest.raises(DBAPIError, match=r"permission denied|must be owner|would be affected"):
                run(held, statement)


def run(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)
    pytest.fail(f"{statement} was let through")


def test_a_stored_fact_cannot_be_deleted_or_rewritten_but_emptied(login: Engine, ledger: Phone) -> None:
    with session_scope(login) as session:
        session.execute(delete(tables.Fact))
    with session_scope(login) as session:
        assert session.scalars(select(tables.Fact.seq).order_by(tables.Fact.seq)).all() == [1, 2], (
            "the third was unusable"
        )
        with pytest.raises(DBAPIError, match="a fact never changes"), session.begin_nested():
            session.execute(update(tables.Fact).values(content="{}"))
        session.execute(update(tables.Fact).values(content='{"erased":true}'))
        entry = select(func.count()).select_from(AuditEntry)
        assert session.scalars(entry).one() == session.scalars(select(func.count()).select_from(Consent)).one() == 1


def test_a_request_may_delete_no_fact_at_all(login: Engine, ledger: Phone) -> None:
    scope = Scope(device=ledger.row.id, home=REGION)
    held = login.execution_options(pestwatch_scope=scope)
    with pytest.raises(DBAPIError, match="permission denied"), session_scope(held) as session:
        session.execute(delete(tables.Fact))


def test_the_first_start_makes_the_login_and_hides_its_password(postgres_url: str, settings: Settings) -> None:
    name = f"{make_url(postgres_url).database}_web"
    url = make_url(postgres_url).set(username=name, password='it\'s "quoted" %s').render_as_string(hide_password=False)
    here, owner = replace(settings, database_url=url), open_engine(postgres_url)
    web = open_engine(url)
    try:
        for _ in range(2):
            assert prepare(web, here).lacking is None
        with owner.begin() as connection:
            kept = text("SELECT rolpassword FROM pg_authid WHERE rolname = :name")
            assert connection.execute(kept, {"name": name}).scalar_one().startswith("SCRAM-SHA-256$")
            # A login that is there and cannot get in is given the password of the settings.
            connection.exec_driver_sql(f'ALTER ROLE "{name}" NOLOGIN PASSWORD NULL')
        web.dispose()
        assert prepare(web, here).password is None
        app = create_app(here)
        assert app.test_client().get("/api/v1/ready").status_code == 200
        app.extensions["pestwatch.engine"].dispose()
    finally:
        web.dispose()
        with owner.begin() as connection:
            connection.exec_driver_sql(f'DROP OWNED BY "{name}"')
            connection.exec_driver_sql(f'DROP ROLE "{name}"')
        owner.dispose()


def test_a_login_that_may_do_everything_is_no_login_for_the_web(engine: Engine, postgres_url: str) -> None:
    with pytest.raises(Problem, match="PESTWATCH_DATABASE_URL"):
        let_in(engine, postgres_url)
    with pytest.raises(Problem, match="only PostgreSQL"):
        let_in(engine, "sqlite://")


def test_without_the_owner_an_old_schema_stays_and_is_told(engine: Engine, settings: Settings, login: Engine) -> None:
    alone = replace(settings, owner_database_url=None)
    prepare(login, alone)
    with engine.begin() as connection:
        command.downgrade(alembic_config(connection), "-1")
    with pytest.raises(Problem, match="PESTWATCH_OWNER_DATABASE_URL"):
        prepare(login, alone)
    prepare(login, settings)
    assert is_at_head(engine)


def test_a_backup_needs_the_owner_and_says_so(engine: Engine, settings: Settings, app: Flask) -> None:
    refused = create_app(replace(settings, owner_database_url=None))
    for words in (["backup", str(settings.data)], ["db-upgrade"], ["new-keys"]):
        said = refused.test_cli_runner().invoke(args=words)
        assert (said.exit_code, "PESTWATCH_OWNER_DATABASE_URL" in said.output) == (1, True), said.output
    refused.extensions["pestwatch.engine"].dispose()
    done = app.test_cli_runner().invoke(args=["backup", str(settings.data)])
    assert done.exit_code == 0, done.output


def test_the_tests_of_the_server_use_this_login(app: Flask, postgres_url: str) -> None:
    assert app.extensions["pestwatch.engine"].url.username == make_url(login_of(postgres_url)).username
