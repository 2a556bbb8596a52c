"""The officer's page of files: own regions only, every upload answered row by row."""

import base64
import io
import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from server.db import catches
from server.db.session import session_scope
from server.exchange.giving_out import FORMATS
from tests import factories
from tests.factories import NOW, REGION, observation_fact, trap_fact
from tests.server.officer import Officer, hire
from tests.server.test_export import tell
from tests.server.test_import import FAR_BACK, SUBMISSION, as_csv, submission

ELSEWHERE = "IN-TS-501"


@pytest.fixture
def officer(app: Flask, engine: Engine) -> Officer:
    with session_scope(engine) as session:
        factories.region(session, ELSEWHERE, "Adilabad")
    return Officer(app).enter(hire(engine))


def upload(officer: Officer, content: bytes, region: str = REGION, **form: Any) -> TestResponse:
    chosen = {"mapping": "odk", "file": (io.BytesIO(content), "visits.csv")}
    return officer.post(f"/regions/{region}/data", **chosen | form)


@pytest.mark.parametrize("kind", FORMATS)
def test_an_officer_downloads_every_format_of_the_own_region(officer: Officer, engine: Engine, kind: str) -> None:
    tell(engine, trap_fact(), observation_fact())
    answer = officer.client.get(
        f"/regions/{REGION}/data/file?as={kind}&first=2026-11-01&last=2026-11-25", buffered=True
    )
    assert (answer.status_code, answer.mimetype) == (200, FORMATS[kind].media_type)
    assert f"pestwatch-{REGION}-{kind}-2026-11-01-2026-11-25." in answer.headers["Content-Disposition"]
    assert len(answer.data) > 0
    assert "asha" in officer.read(f"/regions/{REGION}/data")


@pytest.mark.parametrize("kind", FORMATS)
def test_an_officer_cannot_export_another_district(officer: Officer, engine: Engine, kind: str) -> None:
    tell(engine, trap_fact(), observation_fact(), region=ELSEWHERE)
    refused = officer.client.get(f"/regions/{ELSEWHERE}/data/file?as={kind}&first=2026-11-01&last=2026-11-25")
    assert refused.status_code == 403
    assert "Helicoverpa" not in refused.text


def test_an_officer_cannot_import_into_another_district(officer: Officer, engine: Engine) -> None:
    assert upload(officer, as_csv(SUBMISSION), ELSEWHERE).status_code == 403
    with session_scope(engine, read_only=True) as session:
        assert catches.catch_rows(session, ELSEWHERE, FAR_BACK) == []


def test_a_stranger_gets_no_file(app: Flask, officer: Officer) -> None:
    answer = app.test_client().get(f"/regions/{REGION}/data/file?as=csv&first=2026-11-01&last=2026-11-25")
    assert (answer.status_code, answer.location.split("?")[0]) == (302, "/login")


def test_an_admin_exports_any_district(app: Flask, engine: Engine, officer: Officer) -> None:
    ravi = Officer(app).enter(hire(engine, "ravi", role="admin", regions=()))
    wish = f"/regions/{ELSEWHERE}/data/file?as=csv&first=2026-11-01&last=2026-11-25"
    assert ravi.client.get(wish, buffered=True).status_code == 200


@pytest.mark.parametrize("asked", ["as=word&first=2026-11-01&last=2026-11-25", "as=csv&first=soon&last=2026-11-25", "as=csv&first=2026-11-25&last=2026-11-01"])  # fmt: skip
def test_a_wrong_wish_is_told(officer: Officer, asked: str) -> None:
    assert officer.client.get(f"/regions/{REGION}/data/file?{asked}").status_code in {404, 422}


def test_an_upload_is_answered_row_by_row(officer: Officer, engine: Engine) -> None:
    page = upload(officer, as_csv(SUBMISSION, submission(KEY="uuid:2c3d", crop="<i>kapas"))).text
    assert "<strong>1</strong> new, stored" in page
    assert "Row 3, column crop: it must be one of" in page
    rejects = base64.b64decode(re.findall(r"base64,([\w+/=]+)", page)[0]).decode()
    assert rejects.splitlines()[1].startswith('3,"Row 3, column crop')
    assert "taken in: trap_visit" in page
    with session_scope(engine, read_only=True) as session:
        assert [row.counts for row in catches.catch_rows(session, REGION, FAR_BACK)] == [{"PECTGO": 12}]
    assert "Taken in from trap_visit" in officer.read(f"/regions/{REGION}/phones")


def test_an_own_mapping_is_used(officer: Officer) -> None:
    own = b"source = 'scouts'\n[fields]\ntrap='T'\ntaken_at='D'\npest='P'\ncount='N'\n[constants]\ncrop='cotton'\ntrap_type='delta'\n"
    page = upload(officer, b"T,D,P,N\nA,2026-11-20,PECTGO,3\n", own=(io.BytesIO(own), "own.toml")).text
    assert "<strong>1</strong> new, stored" in page
    assert "taken in: scouts" in page


def test_an_upload_may_be_larger_than_a_form(officer: Officer) -> None:
    with officer.client.session_transaction() as cookie:
        form = {"csrf": cookie["csrf"], "mapping": "odk"}
    many = as_csv(SUBMISSION) + b"\r\n" * 1_000_000
    boundary, body = encode_multipart(form | {"file": FileStorage(io.BytesIO(many), "visits.csv")})
    kind = f'multipart/form-data; boundary="{boundary}"'
    assert officer.client.post(f"/regions/{REGION}/data", data=body, content_type=kind).status_code == 200


@pytest.mark.parametrize("form", [{"file": ""}, {"mapping": "word"}, {"source": "\x00"}])
def test_a_wrong_upload_is_told(officer: Officer, form: dict[str, Any]) -> None:
    assert upload(officer, as_csv(SUBMISSION), **form).status_code in {404, 422}


def test_a_source_that_was_stopped_is_kept_aside(officer: Officer, engine: Engine) -> None:
    upload(officer, as_csv(SUBMISSION))
    with session_scope(engine, read_only=True) as session:
        (row,) = catches.catch_rows(session, REGION, FAR_BACK)
    officer.post(f"/regions/{REGION}/phones/{row.trap.device}/stop")
    page = upload(officer, as_csv(submission(KEY="uuid:2c3d"))).text
    assert "<strong>1</strong> kept aside" in page


def test_the_log_is_of_the_own_region(officer: Officer, app: Flask, engine: Engine) -> None:
    ravi = Officer(app).enter(hire(engine, "ravi", role="admin", regions=()))
    upload(ravi, as_csv(submission(counted_at=NOW.isoformat(), taluka="")), ELSEWHERE, source="another form")
    assert "another form" in ravi.read(f"/regions/{ELSEWHERE}/data")
    assert "another form" not in officer.read(f"/regions/{REGION}/data")
