"""Whatever reaches the server, it says no or yes: never that it broke, and never at the price of a hundred honest messages."""

import gzip
import hashlib
import io
import json
import os
import time
import tracemalloc
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from flask import Flask
from sqlalchemy import Engine, select
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from pestwatch.sync.signature import HEADER, public_half, sign
from pestwatch.sync.sms import BINARY_BYTES, to_text, write_sms
from pestwatch.sync.sms import _tag as tag_of
from pestwatch.sync.table import FACTS, to_table
from server import auth
from server.db import tables
from server.db.session import session_scope
from tests import factories
from tests.factories import correction_fact, inspection_fact, observation_fact, png, push, service_fact, trap_fact
from tests.golden.sms_cases import told
from tests.server.conftest import Phone
from tests.server.officer import Officer, hire
from tests.server.test_import import SUBMISSION, as_csv, submission
from tests.server.test_pictures import jpeg
from tests.soak.mutants import changed_bytes, changed_values

SHORT, LONG = 16, 5000
"""Of each kind, on each database."""
MOST_TIMES = 30
"""How many times the processor time of an honest message another one may take, beside SLACK_S: for a thread that was
interrupted, and for what is as large as a message may be (half a megabyte, 200 facts)."""
SLACK_S = 1.0
MOST_MB = 40
KEY = derive_private_key(17, SECP256R1())
FACTS_OF_ALL_KINDS = [
    trap_fact(1),
    service_fact(2),
    observation_fact(3, intervals={"HELIAR": [5, 19]}),
    correction_fact(4),
    inspection_fact(5),
]
MESSAGE = push(*FACTS_OF_ALL_KINDS, cursor="1.2a")
AS_TABLE = MESSAGE | {"facts": to_table(FACTS_OF_ALL_KINDS, FACTS)}
OWN_MAPPING = b"source='s'\n[fields]\ntrap='T'\ntaken_at='D'\npest='P'\ncount='N'\n[constants]\ncrop='cotton'\ntrap_type='delta'\n"


@dataclass
class Door:
    """Measures what each request costs: processor time of this thread, memory beyond what was held before."""

    honest_s: float = 0.0
    told: Counter[int] = field(default_factory=Counter)

    def ask(self, send: Callable[[], TestResponse], what: Any) -> TestResponse:
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        begun = time.thread_time()
        response = send()
        took_s = time.thread_time() - begun
        peak_mb = (tracemalloc.get_traced_memory()[1] - held) / 1e6
        self.told[response.status_code] += 1
        assert response.status_code < 500, (response.text, what)
        if not self.honest_s:
            self.honest_s = took_s
        assert took_s < MOST_TIMES * self.honest_s + SLACK_S, (took_s, self.honest_s, what)
        assert peak_mb < MOST_MB, (peak_mb, what)
        return response


both_in_the_long_form = pytest.mark.parametrize(
    "database_url",
    # PostgreSQL takes less than SQLite: no U+0000, no number of twenty digits.
    ["postgresql", "sqlite"] if os.environ.get("PESTWATCH_SOAK") else ["postgresql"],
    indirect=True,
)


@pytest.fixture
def door() -> Iterator[Door]:
    tracemalloc.start()
    yield Door()
    tracemalloc.stop()


def written(document: Any, spelling: str) -> bytes:
    """In one of the spellings; what only the other can say is left to `changed_bytes`."""
    with suppress(Exception):
        return cbor2.dumps(document) if spelling == "cbor" else json.dumps(document).encode()
    return b""


@pytest.mark.timeout(3600)
@both_in_the_long_form
@pytest.mark.parametrize("spelling", ["json", "cbor"])
def test_no_sync_breaks_the_server(phone: Phone, engine: Engine, door: Door, is_long: bool, spelling: str) -> None:
    random = Random(spelling)
    with session_scope(engine) as session:
        factories.device(session, token="signs", public_key=public_half(KEY))
    media_type = f"application/{spelling}"

    def send(body: bytes, encoding: str, *, is_signed: bool) -> TestResponse:
        headers = {"Content-Type": media_type, "Content-Encoding": encoding, **phone.headers}
        if is_signed:
            headers |= {"Authorization": "Bearer signs", HEADER: sign(KEY, body)}
        return phone.client.post("/api/v1/sync", data=body, headers=headers)

    packers = {"identity": bytes, "deflate": zlib.compress, "gzip": gzip.compress}
    for number in range(LONG if is_long else SHORT * 2):
        golden = (MESSAGE, AS_TABLE)[number % 2]
        body = written(golden, spelling)
        if number > 1:  # the first two are honest
            if random.random() < 0.7:
                body = written(changed_values(random, golden), spelling) or body
            if random.random() < 0.5:
                body = changed_bytes(random, body)
        encoding = random.choice(list(packers))
        body = packers[encoding](body)
        if number > 1 and random.random() < 0.1:
            body = changed_bytes(random, body)
        door.ask(lambda body=body, encoding=encoding: send(body, encoding, is_signed=random.random() < 0.3), body)
    assert door.told[200] > 10
    assert door.told[400] > 3, "some were understood, some were none"
    with session_scope(engine, read_only=True) as session:
        broke = [row.problem for row in session.scalars(select(tables.Fact)) if row.problem]
    assert not [problem for problem in broke if str(problem["number"]).startswith("5")], (
        "what was stored can be counted"
    )


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("spelling", ["json", "cbor"])
def test_what_unpacks_to_much_is_refused_for_little(phone: Phone, door: Door, spelling: str) -> None:
    honest = written(MESSAGE, spelling)
    bombs = [honest, b"[" * 400_000, b"\x81" * 400_000, b"\xa1" * 400_000, b"\x9b" + b"\xff" * 8, b"\xbb" + b"\x7f" * 8]
    bombs += [written(AS_TABLE | {"facts": {"rows": rows, "usual": [[1]]}}, spelling) for rows in (10**9, -1, 200, 201)]
    same = {"rows": 200, "usual": [{"+": [1]}, None, {"t": [0]}], "columns": {"body.x": ["y" * 400_000]}}
    bombs += [written(AS_TABLE | {"facts": same}, spelling), bytes(50_000_000)]
    names = {".".join(f"n{n}" for n in range(9)) + str(n): [n] for n in range(250)}
    bombs += [written(AS_TABLE | {"facts": {"rows": 200, "usual": [{"+": [1, 1]}], "columns": names}}, spelling)]
    for number, bomb in enumerate(bombs):
        for encoding, pack in (("deflate", zlib.compress), ("gzip", gzip.compress)):
            body = pack(bomb)
            headers = {"Content_Type": f"application/{spelling}", "Content_Encoding": encoding}
            response = door.ask(lambda body=body, headers=headers: phone.send(body, **headers), number)
            if number == 0:
                assert response.status_code == 200
    assert door.told[413] >= 4, door.told


@pytest.mark.timeout(3600)
@both_in_the_long_form
def test_no_sms_breaks_the_server(app: Flask, phone: Phone, engine: Engine, door: Door, is_long: bool) -> None:
    random, key = Random("sms"), auth.make_sms_key
    with app.app_context(), session_scope(engine) as session:
        device = factories.device(session, token="texts", sms_key=key())
        number, secret = device.id, auth.sms_key_of(device)
    facts = [
        trap_fact(1),
        *(observation_fact(seq, intervals={"HELIAR": [5, 19]}) for seq in (2, 3)),
        correction_fact(4),
    ]
    messages = [write_sms(number, secret, told(facts), *limit)[0] for limit in ((), (BINARY_BYTES,))]
    for n in range(LONG if is_long else SHORT * 2):
        message = messages[n % 2]
        if n > 1:
            content = changed_bytes(random, message[:-8])
            # By a phone that writes nonsense, or by somebody else.
            message = content + tag_of(secret, content) if random.random() < 0.8 else changed_bytes(random, message)
        text = to_text(message) if n % 2 else message.hex()
        if n > 1 and random.random() < 0.2:
            text = changed_bytes(random, text.encode()).decode("utf-8", "replace")
        form = {"text": text, "from": f"+91{random.randrange(10**9, 10**10)}"}
        json_body = {"json": form} if random.random() < 0.5 else {"data": form}
        headers = {"Authorization": "Bearer the gateway's word"}
        door.ask(lambda how=json_body, headers=headers: phone.client.post("/api/v1/sms", headers=headers, **how), text)
    assert door.told[200] > SHORT


@pytest.mark.timeout(3600)
@both_in_the_long_form
def test_no_photo_breaks_the_server(phone: Phone, door: Door, is_long: bool) -> None:
    random = Random("photo")
    golden = [jpeg(), png(), jpeg(6, progressive=True)]
    for start in range(0, LONG if is_long else SHORT, SHORT):
        photos = [changed_bytes(random, golden[n % 3]) if start + n > 2 else golden[n] for n in range(SHORT)]
        named = {hashlib.sha256(photo).hexdigest(): photo for photo in photos if photo}
        facts = [observation_fact(start + n, photo=sha256, photo_consent=True) for n, sha256 in enumerate(named, 1)]
        phone.sync(*facts)
        for sha256, photo in named.items():
            door.ask(lambda sha256=sha256, photo=photo: phone.send_part(sha256, photo, 0, len(photo)), photo)
    assert door.told[201] >= 3
    assert door.told[422] > 0


# Werkzeug lets go of a file whose form broke off without closing it; that it is gone with its last reference must do.
@pytest.mark.filterwarnings("ignore:Unclosed file <tempfile.SpooledTemporaryFile:ResourceWarning")
@pytest.mark.timeout(3600)
@both_in_the_long_form
def test_no_file_of_an_officer_breaks_the_server(app: Flask, engine: Engine, door: Door, is_long: bool) -> None:
    random, officer = Random("csv"), Officer(app).enter(hire(engine))
    path = f"/regions/{factories.REGION}/data"
    with officer.client.session_transaction() as cookie:
        form = {"csrf": cookie["csrf"], "mapping": "odk"}
    golden = as_csv(*(submission(KEY=f"uuid:{n}", insects=str(n)) for n in range(4)))
    for n in range(LONG // 5 if is_long else SHORT // 2):
        content = golden if n < 1 else changed_bytes(random, golden)
        own = changed_bytes(random, OWN_MAPPING)
        if n > 0 and random.random() < 0.3:
            content = json.dumps({"value": [changed_values(random, dict(SUBMISSION))]}).encode()
        files = {"file": FileStorage(io.BytesIO(content), random.choice(["visits.csv", "visits.json", "visits.zip"]))}
        if n > 0 and random.random() < 0.3:
            files["own"] = FileStorage(io.BytesIO(own), "own.toml")
        boundary, body = encode_multipart(form | files, boundary="of-the-tests")
        if n > 0 and random.random() < 0.3:
            body = changed_bytes(random, body)
        kind = f'multipart/form-data; boundary="{boundary}"'
        door.ask(lambda body=body, kind=kind: officer.client.post(path, data=body, content_type=kind), body)
    assert door.told[200] > 0
    assert door.told[422] > 0
