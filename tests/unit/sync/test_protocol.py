"""Whatever arrives is read without failing, and nothing of it is lost."""

import hashlib
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pestwatch.errors import Problem
from pestwatch.sync import protocol
from pestwatch.sync.cursor import NEVER_RESTORED, UNREADABLE, read_cursor, write_cursor
from pestwatch.sync.protocol import (
    KINDS,
    CorrectionFact,
    ObservationFact,
    TypedFact,
    canonical,
    read_fact,
    read_facts,
    read_request,
)
from tests.factories import correction_fact, inspection_fact, observation_fact, push, service_fact, trap_fact

ROOT = Path(__file__).parents[3]
# Surrogates cannot be written as UTF-8; how they arrive is tested by name in tests/server/test_sync.py.
letters = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
json_documents = st.recursive(
    numbers | letters,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(letters, inner, max_size=4),
    max_leaves=12,
)


def as_bytes(document: Any) -> bytes:
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("intervals", "problem"),
    [
        ({"HELIAR": [5, 19], "GNORAB": [0, 0]}, None),
        ({}, None),
        (None, None),
        ({"HELIAR": [5]}, "422.5"),
        ({"HELIAR": [-1, 4]}, "422.5"),
        ({"HELIAR": [1.5, 4]}, "422.5"),
        ([5, 19], "422.5"),
    ],
)
def test_intervals_are_pairs_of_whole_numbers_by_species(intervals: Any, problem: str | None) -> None:
    read = read_fact(as_bytes(observation_fact(intervals=intervals)))
    assert (read.problem and read.problem.number) == problem


@pytest.mark.parametrize(
    "fact", [trap_fact(1), service_fact(2), observation_fact(3), correction_fact(4), inspection_fact(5)]
)
def test_every_kind_of_fact_is_read_and_its_content_kept(fact: dict) -> None:
    read = read_fact(as_bytes(fact))
    assert read.problem is None
    assert (read.seq, read.kind) == (fact["seq"], fact["kind"])
    assert json.loads(read.content) == fact
    assert read.content_hash == hashlib.sha256(read.content.encode()).hexdigest()


def test_marks_and_gate_arrive_typed() -> None:
    observed = read_fact(as_bytes(observation_fact(gate={"verdict": "doubtful", "reason": "too_dark"}))).typed
    assert isinstance(observed, ObservationFact)
    assert observed.body.gate.reason == "too_dark"
    assert observed.body.intervals is None
    recounted = read_fact(as_bytes(correction_fact(marks=[{"x": 0.5, "y": 1, "species": "HELIAR"}]))).typed
    assert isinstance(recounted, CorrectionFact)
    assert recounted.body.marks[0].y == 1


@given(document=json_documents)
def test_anything_that_is_json_is_read_without_failing_and_kept(document: Any) -> None:
    read = read_fact(as_bytes(document))
    assert read.problem is not None
    assert json.loads(read.content) == document
    str(read.problem)


@given(data=st.data())
def test_a_fact_with_anything_at_all_in_one_field_is_usable_or_a_problem(data: st.DataObject) -> None:
    fact = data.draw(
        st.sampled_from([trap_fact(1), service_fact(2), observation_fact(3), correction_fact(4), inspection_fact(5)])
    )
    field = data.draw(st.sampled_from(sorted(fact["body"])))
    fact["body"][field] = data.draw(json_documents)
    read = read_fact(as_bytes(fact))
    assert (read.typed is None) == (read.problem is not None)
    assert read.seq == fact["seq"]
    assert json.loads(read.content) == fact


@given(message=st.binary(max_size=60))
def test_bytes_that_are_no_message_are_a_problem_and_nothing_else(message: bytes) -> None:
    with pytest.raises(Problem, match=r"400\.1"):
        read_request(message)
    read_fact(message or b"x")


@given(facts=st.lists(json_documents, max_size=5))
def test_a_message_is_read_whatever_its_facts_are(facts: list) -> None:
    request = read_request(as_bytes(push(*facts)))
    assert [json.loads(read_fact(raw).content) for raw in request.facts] == facts


def test_the_order_of_fields_and_spaces_do_not_make_another_content() -> None:
    fact = observation_fact()
    turned = json.dumps({name: fact[name] for name in reversed(fact)}, indent=4).encode()
    assert read_fact(turned).content_hash == read_fact(as_bytes(fact)).content_hash


@given(document=json_documents)
def test_canonical_json_is_one_spelling_for_equal_documents(document: Any) -> None:
    once = canonical(document)
    assert canonical(msgspec.json.decode(once)) == once


@given(last=st.integers(0, 2**53), era=st.integers(0, 2**40))
def test_a_cursor_comes_back_as_it_went(last: int, era: int) -> None:
    assert read_cursor(write_cursor(last, era)) == (last, era)


def test_before_a_first_restore_a_cursor_is_spelled_as_it_always_was() -> None:
    assert (write_cursor(42), read_cursor("1.2a")) == ("1.2a", (42, NEVER_RESTORED))


@given(cursor=st.text(max_size=30) | st.from_regex(r"1\.[0-9a-f_+ -]{0,6}\.?[0-9a-f_+ -]{0,6}", fullmatch=True))
def test_any_other_cursor_is_the_beginning_or_a_number(cursor: str) -> None:
    last, era = read_cursor(cursor)
    assert (last, era) == (0, UNREADABLE) or (0 <= last < 2**60 and era >= 0)


def test_the_schema_in_the_documents_is_the_one_of_the_code() -> None:
    written = json.loads((ROOT / "docs" / "sync.schema.json").read_text())
    assert written == protocol.schema(), "run `python -m pestwatch.sync.protocol > docs/sync.schema.json`"


def test_the_schema_names_every_kind_of_fact() -> None:
    tags = {struct.__struct_config__.tag for struct in TypedFact.__args__}
    assert tags == set(KINDS)
    assert {f"{kind.title()}Fact" for kind in KINDS} <= set(protocol.schema()["$defs"])


def test_the_reference_message_in_the_documents_is_valid() -> None:
    page = (ROOT / "docs" / "sync.md").read_text()
    (message,) = re.findall(r"```json request\n(.*?)```", page, flags=re.DOTALL)
    request = read_request(message.encode())
    assert {read_fact(raw).kind for raw in request.facts} == set(KINDS)
    assert [read_fact(raw).problem for raw in request.facts] == [None] * len(request.facts)


@pytest.mark.parametrize(
    ("change", "number"), [({"v": 2}, "400.1"), ({"facts": [0] * 201}, "413.1"), ({"facts": None}, "400.1")]
)
def test_a_message_of_another_kind_is_refused_whole(change: dict, number: str) -> None:
    with pytest.raises(Problem) as refused:
        read_request(as_bytes(push() | change))
    assert refused.value.number == number


def test_half_a_character_becomes_a_question_mark() -> None:
    (raw,) = read_request(as_bytes(push(trap_fact(name="well \ud83d")))).facts
    assert read_fact(raw).typed.body.name == "well ?"


@pytest.mark.parametrize("cursor", ["", "nonsense", "1.zz", "2.5", "1.-5", "1.", "1.5.", "1.5.6.7", "1." + "f" * 16])
def test_a_cursor_that_cannot_be_read_is_the_beginning_and_of_no_era(cursor: str) -> None:
    assert read_cursor(cursor) == (0, UNREADABLE)


def test_a_phone_without_a_cursor_begins_and_was_told_nothing_yet() -> None:
    assert read_cursor(None) == (0, None)


def test_the_table_in_the_documents_says_what_it_says() -> None:
    page = (ROOT / "docs" / "sync.md").read_text()
    (table,) = re.findall(r"```json table\n(.*?)```", page, flags=re.DOTALL)
    facts = read_facts(read_request(as_bytes(push() | {"facts": json.loads(table)})))
    assert [fact.problem for fact in facts] == [None] * 3
    contents = [json.loads(fact.content) for fact in facts]
    assert [content["at"] for content in contents] == [content["body"]["taken_at"] for content in contents]
    assert [content["body"].get("mood") for content in contents] == ["good", None, None]
    assert [fact.typed.body.intervals["HELIAR"] for fact in facts] == [(1, 6), (0, 1), (1, 6)]
    assert facts[2].typed.at - facts[0].typed.at == timedelta(minutes=11)
