"""A district with hundreds of traps still fits a slow line: no page reaches 60 kB."""

import pytest
from flask import Flask
from sqlalchemy import Engine

from pestwatch.domain.species import SPECIES, TRAPPED
from server.db.session import session_scope
from server.db.tables import Device
from server.tasks.advise import issue_advisories
from tests import factories
from tests.factories import NOW, REGION, observation_fact, trap_fact
from tests.server.conftest import Phone
from tests.server.officer import Officer, hire

LIMIT_BYTES = 60_000
PESTS = TRAPPED[:7]


@pytest.fixture
def officer(app: Flask, engine: Engine) -> Officer:
    return Officer(app).enter(hire(engine))


@pytest.fixture
def district(phone: Phone, engine: Engine, app: Flask) -> None:
    """A lead farmer's phone with 90 traps of seven pests, forty more phones, and seventy things that could not be used."""
    with session_scope(engine) as session:
        session.get_one(Device, phone.row.id).lead_since = NOW
    for start in range(0, 90, 45):
        facts = []
        for n in range(start, start + 45):
            pest = PESTS[n % len(PESTS)]
            place = {"name": f"Trap {n} behind the old school", "village": "Uruli Kanchan"}
            trap = trap_fact(2 * n + 1, trap=f"t{n}", pest=pest, crop=SPECIES[pest].crops[0], **place)
            facts += [trap, observation_fact(2 * n + 2, trap=f"t{n}", counts={pest: n})]
        phone.sync(*facts)
    phone.sync(*({"seq": 1000 + n, "kind": "observation", "at": "yesterday", "body": {}} for n in range(70)))
    with session_scope(engine) as session:
        for _ in range(40):
            factories.device(session)
    issue_advisories(app.extensions["pestwatch.settings"], NOW)


def test_every_page_of_a_large_district_stays_small(officer: Officer, district: None) -> None:
    for room in ("", "?by=day", "/advice", "/phones"):
        for locale in ("en", "te"):
            officer.client.get(f"/?lang={locale}")
            answer = officer.client.get(f"/regions/{REGION}{room}")
            assert len(answer.data) < LIMIT_BYTES, room
    assert len(officer.client.get("/").data) < LIMIT_BYTES


def test_every_trap_is_on_one_of_the_pages_and_every_pest_a_link_away(officer: Officer, district: None) -> None:
    pages = [officer.read(f"/regions/{REGION}?page={number}") for number in range(1, 6)]
    seen = {n for page in pages for n in range(90) if f"<strong>Trap {n} " in page}
    assert seen == set(range(90))
    assert "Page 1 of 5" in pages[0]
    assert officer.read(f"/regions/{REGION}?page=99").count("Page 5 of 5") == 1
    for pest in PESTS:
        page = officer.read(f"/regions/{REGION}?pest={pest}")
        assert page.count('class="chart"') == 1
    assert officer.read(f"/regions/{REGION}?pest=NOBODY").count('class="chart"') == 4


def test_a_lead_farmers_traps_are_counted_and_the_silent_ones_come_first(
    officer: Officer, phone: Phone, engine: Engine
) -> None:
    with session_scope(engine) as session:
        session.get_one(Device, phone.row.id).lead_since = NOW
    names = [f"Neighbour {n:02}" for n in range(40)]
    facts = [trap_fact(n + 1, trap=f"t{n}", name=name) for n, name in enumerate(names)]
    counted = [n for n in range(40) if n not in {17, 33}]
    phone.sync(*facts, *(observation_fact(100 + n, trap=f"t{n}") for n in counted))
    page = officer.read(f"/regions/{REGION}/phones")
    card = page[page.index("40 traps") :].partition("</details>")[0]
    assert "Silent: 2" in card
    seen, _, folded = card.partition("<details>")
    assert [name for name in names if name in seen] == ["Neighbour 00", "Neighbour 01", "Neighbour 17", "Neighbour 33"]
    assert seen.index("Neighbour 17") < seen.index("Neighbour 33") < seen.index("Neighbour 00")
    assert folded.startswith("<summary>36 more traps</summary>")
    assert sum(name in folded for name in names) == 36
