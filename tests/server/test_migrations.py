"""The migrations and the row classes describe one schema, on both engines."""

import threading

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, inspect

from server.config import Settings
from server.db.migrate import alembic_config, is_at_head, upgrade_to_head
from server.db.session import Table, open_engine
from tests.factories import REGION


def test_the_migrations_make_exactly_what_the_row_classes_say(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Table.metadata) == []


def test_every_migration_can_be_taken_back(engine: Engine) -> None:
    with engine.begin() as connection:
        command.downgrade(alembic_config(connection), "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    assert not is_at_head(engine)
    upgrade_to_head(engine)
    assert is_at_head(engine)


def test_processes_that_start_at_once_migrate_once(database_url: str) -> None:
    done, start = [], threading.Barrier(4)

    def migrate() -> None:
        engine = open_engine(database_url)
        start.wait()
        upgrade_to_head(engine)
        done.append(is_at_head(engine))
        engine.dispose()

    threads = [threading.Thread(target=migrate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [True] * 4


def test_a_server_without_its_schema_is_alive_but_not_ready(
    settings: Settings, client: FlaskClient, engine: Engine
) -> None:
    assert client.get("/api/v1/ready").json == {"status": "ready", "broker": "none"}
    with engine.begin() as connection:
        command.downgrade(alembic_config(connection), "base")
    assert client.get("/api/v1/health").status_code == 200
    response = client.get("/api/v1/ready")
    assert (response.status_code, response.json["problem"]["number"]) == (503, "503.1")


def test_an_operator_sets_an_installation_up_from_the_command_line(app: Flask, engine: Engine) -> None:
    run = app.test_cli_runner().invoke
    assert run(args=["db-upgrade"]).output == "The database is up to date.\n"
    assert run(args=["seed-region", "--region", REGION, "--name", "Pune"]).output == f"{REGION} is Pune.\n"
    made = run(args=["first-officer", "--name", "asha"])
    assert made.output.startswith("asha may log in with the password ")
    assert run(args=["first-officer", "--name", "asha"]).exit_code == 1
    code, address = run(args=["enrolment-code", "--no-qr"]).output.split()
    assert address == f"http://localhost:8000/app/#enrol={code}"
    client = app.test_client()
    consent = {"version": 1, "at": "2026-11-25T06:00:00Z", "locale": "en"}
    device = client.post("/api/v1/enrol", json={"code": code, "locale": "en", "consent": consent}).json["device"]
    assert "is kept, and not counted" in run(args=["revoke-device", str(device)]).output
    assert run(args=["retrain-now"]).output == f"Run 1 for {REGION} is queued.\n"
    missing = run(args=["retrain-now", "--region", "IN-XX-1"])
    assert (missing.exit_code, "404.1" in missing.output) == (1, True)
