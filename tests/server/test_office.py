"""Administrators give logins and take them away; agronomists say what they stand by; lead farmers hold more traps."""

import re

import pytest
from flask import Flask
from sqlalchemy import Engine, delete, text, update
from sqlalchemy.exc import DBAPIError

from pestwatch.advisory.messages import MESSAGES
from pestwatch.domain.places import state_of
from pestwatch.domain.threshold import threshold_for
from server.db import catches, people, read_models
from server.db.access_tables import AuditEntry
from server.db.session import session_scope
from tests import factories
from tests.factories import REGION, observation_fact, trap_fact
from tests.server.conftest import Phone
from tests.server.officer import Officer, hire

ELSEWHERE = "IN-TG-501"


@pytest.fixture
def admin(app: Flask, engine: Engine) -> Officer:
    with session_scope(engine) as session:
        factories.region(session, ELSEWHERE, "Warangal")
    return Officer(app).enter(hire(engine, "meera", "admin", ()))


def number_of(engine: Engine, name: str) -> int:
    with session_scope(engine, read_only=True) as session:
        return next(row.id for row, _ in people.all_staff(session) if row.name == name)


def log_of(admin: Officer) -> list[str]:
    rows = re.findall(r"<tr><td>.*?</tr>", admin.read("/office/log"))
    return [re.sub(r"<[^>]*>", " ", row) for row in rows]


def test_an_administrator_gives_a_login_that_works_in_its_regions_alone(admin: Officer, app: Flask) -> None:
    page = admin.post("/office/staff", name=" Ravi ", role="officer", regions=[REGION]).text
    (password,) = re.findall(r'class="code">([^<]+)<', page)
    ravi = Officer(app)
    assert ravi.log_in("ravi", password).status_code == 302
    ravi.read(f"/regions/{REGION}/phones")
    ravi.read(f"/regions/{ELSEWHERE}", status=403)
    assert "gave a login" in log_of(admin)[0]
    assert password not in admin.read("/office"), "shown once"


def test_another_role_and_other_regions_hold_at_once(admin: Officer, app: Flask, engine: Engine) -> None:
    asha = hire(engine)
    officer = Officer(app).enter(asha)
    admin.post(f"/office/staff/{asha}", role="officer", regions=[ELSEWHERE])
    officer.read(f"/regions/{ELSEWHERE}")
    officer.read(f"/regions/{REGION}", status=403)
    admin.post(f"/office/staff/{asha}", role="agronomist")
    officer.read(f"/regions/{REGION}")
    officer.read(f"/regions/{REGION}/phones", status=403)


def test_a_login_that_is_taken_away_ends_its_session_and_can_be_given_back(
    admin: Officer, app: Flask, engine: Engine
) -> None:
    asha = hire(engine)
    officer = Officer(app).enter(asha)
    admin.post(f"/office/staff/{asha}/leave")
    assert officer.client.get("/").status_code == 302
    assert Officer(app).log_in().status_code == 401
    admin.post(f"/office/staff/{asha}/leave")
    assert Officer(app).log_in().status_code == 302


def test_a_new_password_ends_the_sessions_of_the_former_one(admin: Officer, app: Flask, engine: Engine) -> None:
    asha = hire(engine)
    officer = Officer(app)
    officer.log_in()
    officer.read("/")
    (password,) = re.findall(r'class="code">([^<]+)<', admin.post(f"/office/staff/{asha}/password").text)
    assert officer.client.get("/").status_code == 302
    assert officer.log_in().status_code == 401
    assert officer.log_in(password=password).status_code == 302


@pytest.mark.parametrize(
    "form",
    [
        {"name": "", "role": "officer", "regions": [REGION]},
        {"name": "meera", "role": "agronomist"},
        {"name": "x", "role": "farmer", "regions": [REGION]},
        {"name": "x", "role": "officer", "regions": ["nowhere"]},
    ],
)
def test_a_login_that_makes_no_sense_is_not_given(admin: Officer, form: dict[str, object]) -> None:
    assert admin.post("/office/staff", **form).status_code == 422


def test_nobody_changes_their_own_login(admin: Officer, engine: Engine) -> None:
    own = number_of(engine, "meera")
    for where in ("", "/password", "/leave"):
        assert admin.post(f"/office/staff/{own}{where}", role="officer", regions=[REGION]).status_code == 403
    admin.read("/office")


def test_a_region_is_added_with_the_districts_own_name(admin: Officer) -> None:
    assert admin.post("/office/regions", region="IN-MH-497").status_code == 302
    assert "IN-MH-497" in admin.read("/office")
    assert admin.post("/office/regions", region="'; DROP", name="x").status_code == 422


def test_the_log_can_be_added_to_and_nothing_else(admin: Officer, engine: Engine) -> None:
    admin.post("/office/regions", region="IN-MH-497")
    for change in (update(AuditEntry).values(subject="nobody"), delete(AuditEntry)):
        with pytest.raises(DBAPIError, match="nobody changes the log"), session_scope(engine) as session:
            session.execute(change)
    with session_scope(engine, read_only=True) as session:
        assert session.scalar(text("SELECT subject FROM audit_entries")) == "IN-MH-497"


def test_the_command_line_makes_each_role(app: Flask, engine: Engine) -> None:
    run = app.test_cli_runner().invoke
    for role in ("officer", "agronomist", "admin"):
        assert run(args=["first-officer", "--name", role, "--role", role, "--region", REGION]).exit_code == 0
    with session_scope(engine, read_only=True) as session:
        assert {row.name: row.role for row, _ in people.all_staff(session)} == {
            role: role for role in ("officer", "agronomist", "admin")
        }


# --- agronomists


def approve(agronomist: Officer, kind: str, key: str, answer: str = "yes") -> int:
    page = agronomist.read("/agronomy")
    form = page[page.index(f'name="key" value="{key}"') :]
    content = re.findall(r'name="content" value="(\w+)"', form)[0]
    return int(agronomist.post("/agronomy", kind=kind, key=key, content=content, answer=answer).status_code)


def test_officers_see_who_stands_by_a_number_until_it_is_taken_back(app: Flask, engine: Engine, phone: Phone) -> None:
    agronomist = Officer(app).enter(hire(engine, "leela", "agronomist", ()))
    officer = Officer(app).enter(hire(engine))
    phone.sync(trap_fact(1), observation_fact(2))
    page = officer.read(f"/regions/{REGION}")
    assert "stands by it" not in page
    threshold = threshold_for("trap", "HELIAR", "cotton", state_of(REGION))
    assert threshold is not None
    key = threshold.id
    assert approve(agronomist, "threshold", key) == 302
    assert "leela stands by it since 25 Nov." in officer.read(f"/regions/{REGION}")
    assert approve(agronomist, "threshold", key, "no") == 302
    assert "stands by it" not in officer.read(f"/regions/{REGION}")


def test_a_sentence_that_has_changed_has_to_be_read_anew(
    app: Flask, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    agronomist = Officer(app).enter(hire(engine, "leela", "agronomist", ()))
    assert approve(agronomist, "advice", "zero") == 302
    assert agronomist.read("/agronomy").count("stands by it since") == 1
    monkeypatch.setitem(MESSAGES, "zero", "Nothing was caught.")
    assert agronomist.read("/agronomy").count("stands by it since") == 0
    assert agronomist.post("/agronomy", kind="advice", key="zero", content="00", answer="yes").status_code == 403
    assert agronomist.post("/agronomy", kind="advice", key="unknown", content="00").status_code == 404


# --- lead farmers


def test_traps_beyond_what_a_farmer_may_have_wait_until_the_phone_is_a_lead_farmers(
    app: Flask, engine: Engine, phone: Phone
) -> None:
    officer = Officer(app).enter(hire(engine))
    many = [trap_fact(n, trap=f"t{n}", name=f"Trap {n}") for n in range(1, read_models.MOST_TRAPS + 3)]
    answer = phone.sync(*many, observation_fact(90, trap=f"t{read_models.MOST_TRAPS + 1}"))
    assert {item["status"] for item in answer["items"]} == {"stored"}
    with session_scope(engine, read_only=True) as session:
        assert len(catches.traps_of(session, REGION)) == read_models.MOST_TRAPS
    assert "as many traps as a farmer" in officer.read(f"/regions/{REGION}/phones")
    officer.post(f"/regions/{REGION}/phones/{phone.row.id}/lead", lead="yes")
    page = officer.read(f"/regions/{REGION}/phones")
    assert "lead farmer" in page
    assert "as many traps as a farmer" not in page
    with session_scope(engine, read_only=True) as session:
        assert len(catches.traps_of(session, REGION)) == read_models.MOST_TRAPS + 2
        assert len(catches.catch_rows(session, REGION, factories.NOW)) == 1, "its count had waited too"
