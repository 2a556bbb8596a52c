"""PostgreSQL itself keeps regions apart: even a query that forgets its WHERE gives no row of another one."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, func, insert, make_url, select, text, update
from sqlalchemy.exc import DBAPIError

from server import auth, create_app
from server.config import Settings
from server.db import audit, devices, openings, sms, store, tables, transfers, work
from server.db.logins import SERVER
from server.db.migrate import upgrade_to_head
from server.db.scope import EVERYWHERE, NOBODY, ROLE, Scope
from server.db.session import Table, open_engine, session_scope
from tests import factories
from tests.factories import (
    NOW,
    REGION,
    correction_fact,
    inspection_fact,
    observation_fact,
    png,
    service_fact,
    trap_fact,
)
from tests.server.conftest import Phone
from tests.server.officer import Officer, hire

ELSEWHERE = "IN-TG-501"
OF_NO_REGION = {
    "alembic_version": "the schema's own",
    "approvals": "agronomists' word on numbers and sentences, the same everywhere",
    "counters": "one number",
    "fingerprints": "of the installation's keys; scoped transactions do not see them at all",
    "login_tries": "of names and addresses, before anybody is known",
    "process_beats": "of processes",
    "regions": "names of districts",
    "staff": "read at the login, before anybody is known; only administrators have a page of them",
    "staff_regions": "the same",
}
REGION_OF: dict[str, Callable[[Any], Any]] = {
    "corrections": lambda row: row.observation_device,
    "devices": lambda row: row.id,
}


@pytest.fixture
def database_url(postgres_url: str) -> str:
    """This is about PostgreSQL alone."""
    return postgres_url


@dataclass
class Side:
    """One region with a row in every table that belongs to regions."""

    region: str
    device: int
    staff: int


@pytest.fixture
def sides(app: Flask, engine: Engine) -> tuple[Side, Side]:
    return make_side(app, engine, REGION), make_side(app, engine, ELSEWHERE)


def make_side(app: Flask, engine: Engine, region: str) -> Side:
    photo = png(320, 240, len(region) + ord(region[-1]))
    sha256 = hashlib.sha256(photo).hexdigest()
    with session_scope(engine) as session:
        factories.region(session, region, region)
        staff = factories.staff(session, region, regions=(region,)).id
        device = factories.device(session, token=region, region=region)
    phone = Phone(device, region, app.test_client())
    counted = observation_fact(3, photo=sha256, photo_consent=True)
    phone.sync(trap_fact(1), service_fact(2), counted, correction_fact(4), inspection_fact(5))
    assert phone.send_photo(sha256, photo).status_code == 201
    with app.app_context(), session_scope(engine) as session:
        auth.make_code(session, region, NOW)
        devices.record_consent(session, device, device.consent, agreed=True, now=NOW)
        openings.open_enrolment(session, region, staff, NOW)
        sms.settle(session, sms.keep_text(session, f"text of {region}", NOW), device, None)
        advice = {"pest": "HELIAR", "messages": []}
        work.record_advisory(session, region, pest="HELIAR", advice=advice, now=NOW, trap=(device.id, "t1"))
        work.record_advisory(session, region, pest="HELIAR", advice=advice, now=NOW)
        work.request_run(session, region, NOW)
        release = tables.Release(version=region, region_id=region, seq=1, manifest_sha256="0" * 64, published_at=NOW)
        work.record_release(session, release)
        sent = {"staff": staff, "now": NOW, "name": "csv", "content_sha256": "0" * 64, "told": {}}
        transfers.record_transfer(session, region, "out", **sent)
        audit.note(session, "retrain", "run 1", staff=staff, now=NOW, region=region)
    return Side(region, device.id, staff)


def rows_of_regions() -> Iterator[type[Table]]:
    for mapper in Table.registry.mappers:
        if mapper.class_.__tablename__ not in OF_NO_REGION:
            yield mapper.class_


def owners(engine: Engine, table: type[Table]) -> set[Any]:
    """Whose rows `SELECT * FROM table` gives: regions, or devices where the table knows only those."""
    with session_scope(engine, read_only=True) as session:
        rows = session.scalars(select(table)).all()
    name = table.__tablename__
    if name in REGION_OF:
        return {REGION_OF[name](row) for row in rows}
    return {getattr(row, "region_id", None) or getattr(row, "device_id", None) for row in rows}


def held_to(engine: Engine, scope: Scope) -> Engine:
    return engine.execution_options(pestwatch_scope=scope)


def test_every_table_is_held_to_regions_or_is_listed_as_of_none(engine: Engine) -> None:
    with engine.connect() as connection:
        held = set(connection.scalars(text("SELECT tablename FROM pg_policies WHERE policyname = 'scope'")))
        every = set(connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")))
        seen_by_the_server = set(
            connection.scalars(text("SELECT tablename FROM pg_policies WHERE policyname = 'server'"))
        )
    assert held == seen_by_the_server
    assert held | OF_NO_REGION.keys() == every
    assert not held & OF_NO_REGION.keys()


def test_without_a_where_an_officer_gets_rows_of_own_regions_only(engine: Engine, sides: tuple[Side, Side]) -> None:
    here, there = sides
    for table in rows_of_regions():
        assert owners(engine, table) >= {here.device, there.device} or owners(engine, table) >= {
            here.region,
            there.region,
        }, f"{table.__tablename__}: both sides have a row, seen without a scope"
        seen = owners(held_to(engine, Scope(regions=(here.region,))), table)
        assert seen in ({here.region}, {here.device}), table.__tablename__
        both = owners(held_to(engine, Scope(regions=(EVERYWHERE,))), table)
        assert both == owners(engine, table), table.__tablename__


def test_without_a_where_a_phone_gets_what_it_sent_and_what_it_may_pull(
    engine: Engine, sides: tuple[Side, Side]
) -> None:
    here, _ = sides
    with session_scope(engine) as session:
        neighbour = factories.device(session, token="neighbour").id
    scope = Scope(device=neighbour, home=here.region)
    seen = {table.__tablename__: owners(held_to(engine, scope), table) for table in rows_of_regions()}
    assert {name: rows for name, rows in seen.items() if rows} == {"devices": {neighbour}, "advisories": {here.region}}
    with session_scope(held_to(engine, scope), read_only=True) as session:
        assert session.scalars(select(tables.Advisory.device_id)).all() == [None], "advice for everybody, not for traps"
    own = Scope(device=here.device, home=here.region)
    seen = {table.__tablename__: owners(held_to(engine, own), table) for table in rows_of_regions()}
    sent = {
        "devices",
        "consents",
        "inspections",
        "facts",
        "traps",
        "services",
        "observations",
        "corrections",
        "photos",
        "sms",
        "advisories",
    }
    assert {name for name, rows in seen.items() if rows} == sent


def test_nobody_gets_nothing_but_the_phone_whose_token_was_shown(engine: Engine, sides: tuple[Side, Side]) -> None:
    here, _ = sides
    assert {table.__tablename__ for table in rows_of_regions() if owners(held_to(engine, NOBODY), table)} == set()
    shown = held_to(engine, Scope(token_hash=auth.hash_secret(here.region)))
    assert owners(shown, tables.Device) == {here.device}


def test_a_phone_that_is_found_by_its_token_is_held_to_its_own_scope_at_once(
    engine: Engine, sides: tuple[Side, Side]
) -> None:
    here, _ = sides
    names = ("role", "app.regions", "app.device", "app.home", "app.token_hash")
    settings = select(*(func.current_setting(name, True) for name in names))
    token_hash = auth.hash_secret(here.region)
    with session_scope(held_to(engine, Scope(device=here.device, home=here.region)), read_only=True) as session:
        own = session.execute(settings).one()
    for before in (engine, held_to(engine, Scope(token_hash=token_hash))):
        with session_scope(before, read_only=True) as session:
            assert devices.enter_as_device(session, "nobody's") is None
            found = devices.enter_as_device(session, token_hash)
            assert found is not None
            assert found.id == here.device
            assert session.execute(settings).one() == own


def test_nothing_is_written_into_another_region(engine: Engine, sides: tuple[Side, Side]) -> None:
    here, there = sides
    officer = held_to(engine, Scope(regions=(here.region,)))
    with pytest.raises(DBAPIError, match="row-level security"), session_scope(officer) as session:
        work.request_run(session, there.region, NOW)
    with session_scope(officer) as session:
        session.execute(update(tables.Device).values(locale="te"))
    with session_scope(engine, read_only=True) as session:
        assert session.get_one(tables.Device, there.device).locale != "te"
    phone = held_to(engine, Scope(device=here.device, home=here.region))
    row = {
        "device_id": there.device,
        "seq": 99,
        "trap": "t1",
        "serviced_at": NOW,
        "emptied": True,
        "lure_changed": True,
    }
    with pytest.raises(DBAPIError, match="row-level security"), session_scope(phone) as session:
        session.execute(insert(tables.Service), [row])


def test_a_phone_is_moved_by_an_officer_of_both_regions_alone(engine: Engine, sides: tuple[Side, Side]) -> None:
    """Whatever the queries say: who is of one region can neither give nor take, and no phone goes by itself."""
    here, there = sides

    def move(scope: Scope) -> list[int]:
        with session_scope(held_to(engine, scope)) as session:
            moved = update(tables.Device).where(tables.Device.id == here.device).values(region_id=there.region)
            return list(session.scalars(moved.returning(tables.Device.id)))

    token = auth.hash_secret(here.region)
    assert move(Scope(regions=(there.region,))) == [], "nobody takes"
    assert move(Scope(device=there.device, home=there.region)) == []
    for scope in (
        Scope(regions=(here.region,)),
        Scope(device=here.device, home=here.region),
        Scope(token_hash=token),
    ):
        with pytest.raises(DBAPIError, match="row-level security"):
            move(scope)
    assert move(Scope(regions=(here.region, there.region))) == [here.device]
    theirs = held_to(engine, Scope(regions=(there.region,)))
    assert here.device in owners(theirs, tables.Fact)
    with session_scope(theirs, read_only=True) as session:
        advice = session.execute(select(tables.Advisory.region_id, tables.Advisory.device_id)).all()
    assert {(there.region, None), (there.region, there.device), (here.region, here.device)} == set(map(tuple, advice))
    former = Scope(device=here.device, home=there.region)
    with session_scope(held_to(engine, former)) as session:
        session.execute(update(tables.Device).values(locale="te"))


def test_a_phone_that_is_moved_while_it_syncs_is_answered_as_one_of_its_new_region(
    app: Flask, engine: Engine, sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = sides
    record, was_here = store.record_sync, []

    def moved_meanwhile(session: Any, device: tables.Device, *args: Any, **said: Any) -> None:
        if not was_here:
            with session_scope(engine) as other:
                devices.move_device(other, devices.device_by_id(other, device.id), there.region)
        was_here.append(device.region_id)
        record(session, device, *args, **said)

    monkeypatch.setattr("server.db.store.record_sync", moved_meanwhile)
    with session_scope(engine, read_only=True) as session:
        phone = Phone(session.get_one(tables.Device, here.device), here.region, app.test_client())
    answer = phone.sync(observation_fact(9), region=here.region)
    assert was_here == [here.region, there.region]
    assert answer["changes"][0] == {"kind": "drop", "keep": there.region}
    assert [item["status"] for item in answer["items"]] == ["stored"]


def test_a_scope_ends_with_its_transaction(engine: Engine, sides: tuple[Side, Side]) -> None:
    with engine.connect() as connection:
        held = connection.execution_options(pestwatch_scope=NOBODY)
        with held.begin():
            assert held.scalar(select(func.count()).select_from(tables.Device)) == 0
    with session_scope(engine, read_only=True) as session:
        assert session.scalar(text("SELECT current_user")) != "pestwatch_scoped"
        assert session.scalar(text("SELECT current_setting('app.regions', true)")) in {None, ""}


def test_a_request_is_held_from_its_first_query_on(
    app: Flask, engine: Engine, sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A query of the server that forgets its WHERE: the pages show nothing of elsewhere all the same."""

    def every_trap(session: Any, _region: str) -> list[tables.Trap]:
        return list(session.scalars(select(tables.Trap)))

    seen: list[int] = []
    monkeypatch.setattr(
        "server.db.catches.traps_of", lambda *a: [seen.append(t.device_id) or t for t in every_trap(*a)]
    )
    Officer(app).enter(hire(engine)).read(f"/regions/{REGION}/phones")
    assert set(seen) == {sides[0].device}


def test_it_holds_for_an_owner_who_is_no_superuser_as_well(
    postgres_url: str, settings: Settings, engine: Engine
) -> None:
    """As at a hosted PostgreSQL: one login that may make roles, and nothing more."""
    admin = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    name = make_url(postgres_url).database
    with admin.connect() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text(f"CREATE ROLE {name}_owner LOGIN CREATEROLE PASSWORD 'x'"))
        for role in (ROLE, SERVER):
            connection.execute(text(f"GRANT {role} TO {name}_owner WITH ADMIN OPTION"))
        connection.execute(text(f"CREATE SCHEMA public AUTHORIZATION {name}_owner"))
    url = make_url(postgres_url).set(username=f"{name}_owner", password="x").render_as_string(hide_password=False)
    plain = open_engine(url)
    upgrade_to_head(plain)
    app = create_app(replace(settings, database_url=url, owner_database_url=None), lambda: NOW)
    here, there = make_side(app, plain, REGION), make_side(app, plain, ELSEWHERE)
    assert owners(plain, tables.Fact) == {here.device, there.device}
    assert owners(held_to(plain, Scope(regions=(REGION,))), tables.Fact) == {here.device}
    assert owners(held_to(plain, NOBODY), tables.Fact) == set()
    app.extensions["pestwatch.engine"].dispose()
    plain.dispose()
    with admin.connect() as connection:
        connection.execute(text(f"DROP OWNED BY {name}_owner CASCADE"))
        connection.execute(text(f"DROP ROLE {name}_owner"))
    admin.dispose()
