"""An officer of one region who writes the number of something of another one into an address: as if it were not there.

Whatever an address can name is tried at every endpoint, once as the other region's and once as nobody's: both get the same answer,
and neither changes anything. An endpoint whose address takes a new kind of name fails until it is listed here.
"""

import hashlib
import re
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import Engine, select

from server import auth
from server.config import Settings
from server.db import devices, openings
from server.db.session import Table, session_scope
from tests.factories import NOW, correction_fact, observation_fact, png, trap_fact
from tests.server.officer import hire
from tests.server.test_every_endpoint import ELSEWHERE, World, table

NOBODYS = "987654"
THEIR_PHOTO = png(320, 240, 7)
THEIRS = hashlib.sha256(THEIR_PHOTO).hexdigest()
OF_REGIONS = ("<int:device>", "<int:opening>", "<observation>")
OF_ALL = {"<region>", "<int:staff>", "<sha256>", "<version>", "<name>", "<path:name>", "<path:filename>"}
"""Regions and staff are tried in test_every_endpoint.py, photos below; the rest is given to everybody."""
Names = dict[str, str]


@pytest.fixture
def world(app: Flask, engine: Engine, settings: Settings) -> World:
    """The other region has its phone, with a photo that counts, and an officer who holds an opening."""
    world = World(app, engine, settings)
    phone = world.phones["foreign phone"]
    phone.sync(trap_fact(1), observation_fact(2, photo=THEIRS, photo_consent=True))
    assert phone.send_photo(THEIRS, THEIR_PHOTO).status_code == 201
    return world


@pytest.fixture
def theirs(world: World, engine: Engine) -> Names:
    with session_scope(engine) as session:
        device = devices.device_by_token(session, auth.hash_secret("far"))
        assert device is not None
    staff = hire(engine, "asha of warangal", regions=(ELSEWHERE,))
    with session_scope(engine) as session:
        opening = openings.open_enrolment(session, ELSEWHERE, staff, NOW)
        session.flush()
        return {"<int:device>": str(device.id), "<observation>": f"{device.id}-2", "<int:opening>": str(opening.id)}


def nobodys(names: Names) -> Names:
    return {name: f"{NOBODYS}-2" if "-" in value else NOBODYS for name, value in names.items()}


def everything(engine: Engine) -> dict[str, list[str]]:
    with engine.connect() as connection:
        return {
            table.name: sorted(str(row) for row in connection.execute(select(table)))
            for table in Table.metadata.sorted_tables
        }


def answered(world: World, role: str, endpoint: str, names: Names) -> tuple[int, str]:
    """Status and page, without what was named and what is another each time."""
    before = dict(world.named)
    world.named |= names
    status, page = world.answer(role, endpoint)
    world.named = before
    return status, re.sub(r"[0-9]+", "N", page)


def test_every_kind_of_name_is_tried() -> None:
    names = {name for endpoint in table() for name in re.findall(r"<[^>]+>", endpoint)}
    assert names == OF_ALL | set(OF_REGIONS)


def tried() -> Iterator[str]:
    return (endpoint for endpoint in table() if any(name in endpoint for name in OF_REGIONS))


def test_what_is_another_regions_and_what_is_nobodys_get_one_answer_and_change_nothing(
    world: World, theirs: Names, engine: Engine
) -> None:
    before = everything(engine)
    endpoints = list(tried())
    assert len([endpoint for endpoint in endpoints if endpoint.startswith("POST")]) >= 7
    for endpoint in endpoints:
        found = answered(world, "officer", endpoint, theirs)
        assert found == answered(world, "officer", endpoint, nobodys(theirs)), endpoint
        assert found[0] == 404, endpoint
    assert everything(engine) == before


def test_nor_does_it_help_to_name_their_region_beside_it(world: World, theirs: Names, engine: Engine) -> None:
    before = everything(engine)
    for endpoint in tried():
        if "<region>" in endpoint:
            found = answered(world, "officer", endpoint, theirs | {"<region>": ELSEWHERE})
            assert found == answered(world, "officer", endpoint, theirs | {"<region>": "IN-XX-999"})
            assert found[0] == 403, endpoint
    assert everything(engine) == before


def test_a_phone_learns_nothing_of_another_regions_photo(world: World, engine: Engine) -> None:
    before = everything(engine)
    for endpoint in (endpoint for endpoint in table() if "<sha256>" in endpoint):
        found = answered(world, "phone", endpoint, {"<sha256>": THEIRS})
        assert found == answered(world, "phone", endpoint, {"<sha256>": "0" * 64}), endpoint
        assert found[0] == 403
    assert everything(engine) == before


def test_a_phone_recounts_no_observation_but_its_own(world: World, theirs: Names, engine: Engine) -> None:
    """A correction names an observation by number alone, and means the sender's."""
    world.phones["phone"].sync(correction_fact(3, 2))
    with engine.connect() as connection:
        corrections = Table.metadata.tables["corrections"]
        owners = set(connection.scalars(select(corrections.c.observation_device)))
    assert owners == {int(world.named["<int:device>"])}
    assert theirs["<int:device>"] not in {str(owner) for owner in owners}
