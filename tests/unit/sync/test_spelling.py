"""JSON and CBOR spell the same message, both ways, whatever it says; what CBOR can say beyond JSON is refused."""

import json
from typing import Any

import cbor2
import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given

from pestwatch.errors import Problem
from pestwatch.sync.protocol import read_facts, read_request
from pestwatch.sync.spelling import CBOR, JSON, to_json, write
from pestwatch.sync.table import FACTS, to_table
from tests.factories import correction_fact, observation_fact, push, service_fact, trap_fact

scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
documents = st.recursive(
    scalars | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)
FACTS_OF_EACH_KIND = [trap_fact(1), service_fact(2), observation_fact(3, humidity=0.8), correction_fact(4)]


def hashes(message: dict[str, Any], media_type: str) -> list[str]:
    body = cbor2.dumps(message) if media_type == CBOR else json.dumps(message).encode()
    return [fact.content_hash for fact in read_facts(read_request(to_json(body, media_type)))]


@given(document=documents)
def test_any_document_is_the_same_in_both_spellings(document: Any) -> None:
    for media_type in (CBOR, JSON):
        assert msgspec.json.decode(to_json(write(document, media_type), media_type)) == document


@given(facts=st.lists(st.dictionaries(st.text("abc.", max_size=3), documents, max_size=4), max_size=5))
def test_facts_have_one_hash_however_they_are_spelled(facts: list) -> None:
    plain = hashes(push(*facts), JSON)
    assert hashes(push(*facts), CBOR) == plain
    if table := to_table(facts, FACTS):
        assert hashes(push() | {"facts": table}, CBOR) == hashes(push() | {"facts": table}, JSON) == plain


def test_every_kind_of_fact_is_read_alike_from_all_four_forms() -> None:
    read = []
    for facts in (FACTS_OF_EACH_KIND, to_table(FACTS_OF_EACH_KIND, FACTS)):
        for media_type in (CBOR, JSON):
            body = write(push() | {"facts": facts}, media_type)
            read.append(read_facts(read_request(to_json(body, media_type))))
    assert read == [read[0]] * 4
    assert [fact.problem for fact in read[0]] == [None] * 4
    assert json.loads(read[0][2].content)["body"]["humidity"] == 0.8


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"\x81" * 500,
        b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff",  # an array of 2^63 entries
        b"\xd8\x1c\x81\xd8\x1d\x00",  # a list that holds itself
        b"\xd9\x01\x00\x82\x61a\xd8\x19\x00",  # a repeated string
        b"\xc2\x49\x01\x00\x00\x00\x00\x00\x00\x00\x00",  # a number beyond 64 bits
        b"\xc0\x61a",
        b"\x5f\x41a\xff",
        b"\xbf\xff",
        b"\xa2\x61a\x01\x61a\x02",  # a name twice
        b"\xf7",
        b"\xe0",
        b"\x61\xff",  # no UTF-8
    ],
)
def test_what_json_cannot_say_is_refused(body: bytes) -> None:
    with pytest.raises(Problem, match=r"^400\.1 "):
        to_json(body, CBOR)


def test_a_table_that_unfolds_into_more_than_a_message_may_hold_is_refused() -> None:
    table = {"rows": 200, "usual": [{"+": [1, 1]}], "columns": {"body.note": ["x" * 400_000]}}
    with pytest.raises(Problem, match=r"^413\.1 "):
        hashes(push() | {"facts": table}, JSON)
