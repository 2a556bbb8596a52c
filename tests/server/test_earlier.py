"""A phone that put another one's saved file back asks what had arrived of it: so nothing is told to the server twice."""

import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from flask.testing import FlaskClient
from sqlalchemy import Engine, select

from pestwatch.sync.signature import FILE_PURPOSE, PURPOSE, public_half, sign
from server.db import tables
from server.db.session import session_scope
from tests import factories
from tests.factories import correction_fact, observation_fact, trap_fact
from tests.server.conftest import Phone

KEY = derive_private_key(17, SECP256R1())
OLD = public_half(KEY)
SHA256 = hashlib.sha256(b"pestwatch.json").hexdigest()
PROOF = {"phone": OLD, "sha256": SHA256, "signature": sign(KEY, SHA256.encode(), FILE_PURPOSE)}


@pytest.fixture
def old_phone(engine: Engine, client: FlaskClient) -> Phone:
    """Enrolled elsewhere, before its farmer moved; it has told three facts, of which one cannot be used."""
    with session_scope(engine) as session:
        factories.region(session, "IN-TG-501", "Warangal")
        row = factories.device(session, token="old", region="IN-TG-501")
    phone = Phone(row, "old", client)
    phone.sync(trap_fact(1), observation_fact(2), observation_fact(5, counts={"HELIAR": -1}))
    with session_scope(engine) as session:
        session.get_one(tables.Device, row.id).public_key = OLD
    return phone


def retold(fact: dict[str, Any], seq: int) -> dict[str, Any]:
    """A fact of the old phone, as the new one tells it."""
    return {**fact, "seq": seq, "was": {"phone": OLD, "seq": fact["seq"]}}


def ask(phone: Phone, **changed: str) -> Any:
    answer = phone.client.post("/api/v1/earlier", json=PROOF | changed, headers=phone.headers)
    assert answer.status_code == 200, answer.text
    return answer.json["arrived"]


def test_what_the_old_phone_had_sent_is_named_whatever_became_of_it(phone: Phone, old_phone: Phone) -> None:
    assert ask(phone) == [{"phone": OLD, "seqs": [1, 2, 5]}]


def test_of_a_phone_that_never_sent_anything_nothing_is_here(phone: Phone) -> None:
    assert ask(phone) == []


def test_what_another_phone_had_told_of_the_same_file_is_here_too(
    phone: Phone, old_phone: Phone, engine: Engine, client: FlaskClient
) -> None:
    phone.sync(trap_fact(1), retold(observation_fact(8), 2), retold(correction_fact(9, observation=2), 3))
    with session_scope(engine) as session:
        third = Phone(factories.device(session, token="third"), "third", client)
    assert ask(third) == [{"phone": OLD, "seqs": [1, 2, 5, 8, 9]}]


def test_a_file_of_a_phone_on_which_a_file_was_put_back_tells_of_both(
    phone: Phone, engine: Engine, client: FlaskClient
) -> None:
    first = public_half(derive_private_key(18, SECP256R1()))
    phone.sync(trap_fact(1), {**observation_fact(2), "was": {"phone": first, "seq": 40}})
    with session_scope(engine) as session:
        session.get_one(tables.Device, phone.row.id).public_key = OLD
        third = Phone(factories.device(session, token="third"), "third", client)
    assert ask(third) == sorted(
        [{"phone": OLD, "seqs": [1, 2]}, {"phone": first, "seqs": [40]}], key=lambda one: one["phone"]
    )


def test_a_retold_fact_counts_as_any_other_and_keeps_its_first_name(phone: Phone, engine: Engine) -> None:
    assert phone.sync(retold(observation_fact(8), 2))["items"][0]["status"] == "stored"
    with session_scope(engine, read_only=True) as session:
        assert session.scalars(select(tables.Observation.seq)).all() == [2]
        (content,) = session.scalars(select(tables.Fact.content))
    assert '"seq":8}' in content


@pytest.mark.parametrize("was", [7, "x", {"phone": OLD}, {"phone": OLD, "seq": "x"}])
def test_a_name_that_is_none_spoils_no_answer(phone: Phone, was: Any) -> None:
    phone.sync({**observation_fact(2), "was": was})
    assert ask(phone) == []


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"sha256": "0" * 64}, 401),
        ({"signature": sign(KEY, SHA256.encode(), PURPOSE)}, 401),
        ({"phone": public_half(derive_private_key(18, SECP256R1()))}, 401),
        ({"phone": "%' OR 1=1"}, 400),
        ({"sha256": "x"}, 400),
    ],
    ids=["another file", "a signature of a sync", "another phone", "no key", "no hash"],
)
def test_who_does_not_hold_the_file_learns_nothing(
    phone: Phone, old_phone: Phone, changed: dict[str, str], status: int
) -> None:
    answer = phone.client.post("/api/v1/earlier", json=PROOF | changed, headers=phone.headers)
    assert answer.status_code == status
    assert "arrived" not in answer.text
