"""docs/api.yaml says what the code does, and nothing that it allows, nor anything that it does not, breaks the server."""

import gzip
import hashlib
import http.client
import os
import time
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from sqlalchemy import Engine

from server.api.openapi import as_yaml, openapi
from server.config import REPOSITORY
from server.db.session import session_scope
from tests import factories
from tests.conftest import ROOT
from tests.factories import observation_fact, png
from tests.server.conftest import Phone
from tests.server.test_pictures import jpeg
from tests.soak.installation import Web

EXAMPLES = 25
"""Requests of each kind for each route; the whole takes about twenty seconds where nothing else runs."""
GROWTH_MB = 60
"""What a web process may have grown by after all bombs: bodies are at most half a megabyte, parts of photos a quarter."""
CHECKS = [
    schemathesis.checks.not_a_server_error,
    schemathesis.checks.status_code_conformance,
    schemathesis.checks.content_type_conformance,
    schemathesis.checks.response_schema_conformance,
]


def test_the_document_is_what_the_code_says(app: Flask) -> None:
    assert (ROOT / "docs" / "api.yaml").read_text(encoding="utf-8") == as_yaml(app), (
        "flask --app server describe-api > docs/api.yaml"
    )


def test_every_route_of_the_interface_is_described(app: Flask) -> None:
    described = {(path, method) for path, methods in openapi(app)["paths"].items() for method in methods}
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/"):
            path = rule.rule.replace("<", "{").replace(">", "}")
            assert {(path, method.lower()) for method in rule.methods - {"HEAD", "OPTIONS"}} <= described


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nothing_that_the_document_allows_or_forbids_breaks_the_server(
    app: Flask, engine: Engine, address: str
) -> None:
    (app.extensions["pestwatch.settings"].models_dir).symlink_to(REPOSITORY / "mobile_models")
    document = openapi(app)
    asked: dict[str, set[int]] = {}
    for number, found in enumerate(schemathesis.openapi.from_dict(document).get_all_operations()):
        operation = found.ok()
        definition = operation.definition.raw
        # A phone for each route: one of them erases the phone that asks.
        with session_scope(engine) as session:
            factories.device(session, token=f"phone-{number}")
        tokens = {"phone": f"phone-{number}", "gateway": "the gateway's word"}
        asks = next((name for name in tokens if {name: []} in definition.get("security", [])), None)
        authorised = {"Authorization": f"Bearer {tokens[asks]}"} if asks else {}
        modes = [schemathesis.GenerationMode.POSITIVE]
        if "parameters" in definition or "requestBody" in definition:
            modes.append(schemathesis.GenerationMode.NEGATIVE)
        for mode in modes:
            asked.setdefault(operation.label, set()).update(answers(operation, mode, address, authorised))
    assert len(asked) == sum(len(methods) for methods in document["paths"].values())
    assert 200 in asked["POST /api/v1/sync"]
    assert 200 in asked["POST /api/v1/sms"]


def answers(operation: Any, mode: Any, address: str, headers: dict[str, str]) -> set[int]:
    """Asks one route many times, as the document allows or as it does not; every answer has to be as it says."""
    told = set()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        if isinstance(case.body, dict) and isinstance(case.body.get("v"), int):
            case.body["v"] = 1  # any other version is refused before its facts are read
        response = case.call(base_url=address, headers=headers)
        told.add(response.status_code)
        case.validate_response(response, checks=CHECKS)

    with suppress(Unsatisfiable):  # any text may be a name: there is nothing to do wrong
        ask()
    return told


def gzipped_zeros(megabytes: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join([*(packer.compress(b"0" * 1_000_000) for _ in range(megabytes)), packer.flush()])


BOMBS = {
    "gzip that unpacks to 400 MB": (gzipped_zeros(400), {"Content-Encoding": "gzip"}),
    "gzip in gzip": (gzip.compress(gzipped_zeros(400)), {"Content-Encoding": "gzip"}),
    "gzip cut short": (gzip.compress(os.urandom(100_000))[:-9], {"Content-Encoding": "gzip"}),
    "lists in lists": (b"[" * 500_000, {}),
    "objects in objects": (b'{"a":' * 80_000 + b"1" + b"}" * 80_000, {}),
    "a number of 400,000 digits": (b'{"v": ' + b"9" * 400_000 + b"}", {}),
    "a fact of 400,000 backslashes": (
        b'{"v":1,"sent_at":"2026-11-25T06:00:00Z","facts":["' + b"\\\\" * 200_000 + b'"]}',
        {},
    ),
    "facts in facts": (
        b'{"v":1,"sent_at":"2026-11-25T06:00:00Z","facts":[' + b'{"body":' * 50_000 + b"1" + b"}" * 50_000 + b"]}",
        {},
    ),
    "half a megabyte of nothing": (os.urandom(500_000), {}),
}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_bombs_cost_neither_memory_nor_time(
    engine: Engine, phone: Phone, database_url: str, tmp_path: Path, free_port: int
) -> None:
    camera = jpeg()
    noted = camera[:2] + (b"\xff\xe1\xff\xff" + bytes(65_533)) * 3 + camera[2:]
    photos = {
        "a JPEG with more notes than picture": noted,
        "a JPEG of nothing but padding": b"\xff\xd8\xff" + b"\xff" * 200_000,
        "a PNG of a billion pixels": png(1, 1)[:16] + b"\0\0\x7f\xff\0\0\x7f\xff" + png(1, 1)[24:],
    }
    for seq, content in enumerate(photos.values(), start=1):
        phone.sync(observation_fact(seq, photo=hashlib.sha256(content).hexdigest(), photo_consent=True))
    env = os.environ | {"PESTWATCH_DATA": str(tmp_path / "installation"), "PESTWATCH_DATABASE_URL": database_url}
    web = Web(free_port, env)
    try:
        master = psutil.Process(web.process.pid)
        before_mb = memory_mb(master)
        told: dict[str, tuple[int, float]] = {}

        def send(name: str, method: str, path: str, body: bytes, **headers: str) -> None:
            begun = time.monotonic()
            link = http.client.HTTPConnection("127.0.0.1", free_port, timeout=30)
            link.request(method, path, body, phone.headers | headers)
            told[name] = link.getresponse().status, time.monotonic() - begun
            link.close()

        for name, (body, headers) in BOMBS.items():
            send(name, "POST", "/api/v1/sync", body, **headers)
        for name, content in photos.items():
            place = {"Upload-Offset": "0", "Upload-Length": str(len(content))}
            send(name, "PATCH", f"/api/v1/photos/{hashlib.sha256(content).hexdigest()}", content, **place)
        grown_mb = memory_mb(master) - before_mb
    finally:
        web.kill()
    assert {name: status for name, (status, _) in told.items() if status >= 500} == {}
    assert told["a JPEG with more notes than picture"][0] == 201
    assert max(seconds for _, seconds in told.values()) < 10, told
    assert grown_mb < GROWTH_MB


def memory_mb(master: psutil.Process) -> float:
    return sum(child.memory_info().rss for child in master.children()) / 1e6
