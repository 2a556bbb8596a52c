"""An SMS says what its phone meant, and nothing else is believed."""

import hmac
import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pestwatch.errors import Problem
from pestwatch.sync.protocol import CorrectionFact, Fact, ObservationFact, TypedFact
from pestwatch.sync.sms import (
    BASE45,
    BINARY_BYTES,
    PESTS,
    PREFIX,
    TAG_BYTES,
    TEXT_BYTES,
    Told,
    from_text,
    is_same_in_sms,
    read_sms,
    sender_of,
    to_text,
    write_sms,
)
from tests.factories import NOW, correction_fact, observation_fact, trap_fact
from tests.golden.sms_cases import GOLDEN, KEY, as_text, by_hand, drawn, told, twice_a_week

GSM_7 = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
CASES = json.loads(GOLDEN.read_text())["cases"]


def typed(fact: dict[str, Any]) -> Any:
    return msgspec.convert(fact, TypedFact)


def read(text: str, key: bytes = KEY) -> list[Fact]:
    return read_sms(from_text(text), key)


def by_seq(facts: list[dict[str, Any]]) -> dict[int, TypedFact]:
    return {fact["seq"]: typed(fact) for fact in facts}


def test_the_golden_cases_are_what_the_code_says() -> None:
    assert GOLDEN.read_text() == as_text(), "python -m tests.golden.sms_cases"


def test_the_example_of_the_document_is_a_golden_case() -> None:
    document = (GOLDEN.parents[2] / "docs" / "sms.md").read_text()
    (example,) = (case for case in CASES if case["name"] == "one observation and its correction")
    assert f"\n{example['text']}\n" in document


def test_pests_keep_their_places() -> None:
    known = "PECTGO HELIAR GNORAB LAPHFR SCIRIN PRODLI EARIVI PLUTMA LEUIOR DACUDO BEMITA EMPOBI NILALU NOCTUID_LARGE"
    assert " ".join(PESTS).startswith(known), "an SMS names a pest by its place: append new ones"


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_what_is_read_is_what_the_phone_meant(case: dict[str, Any]) -> None:
    message = from_text(case["text"])
    assert sender_of(message) == case["device"]
    whole = by_seq(case["facts"])
    facts = read_sms(message, KEY)
    assert sum(isinstance(fact.typed, ObservationFact) for fact in facts) == case["fitted"]
    for fact in facts:
        assert fact.problem is None
        assert fact.typed is not None
        assert is_same_in_sms(fact.typed, whole[fact.typed.seq])
        assert is_same_in_sms(whole[fact.typed.seq], fact.typed)


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32), device=st.integers(1, 2**53 - 1), limit=st.sampled_from([TEXT_BYTES, BINARY_BYTES]))
def test_every_waiting_observation_gets_through_in_some_number_of_messages(seed: int, device: int, limit: int) -> None:
    facts = drawn(seed)
    waiting, sent = told(facts), []
    while waiting:
        message, fitted = write_sms(device, KEY, waiting, limit)
        assert len(message) <= limit
        assert limit == BINARY_BYTES or len(to_text(message)) <= 160
        sent += read(to_text(message))
        waiting = waiting[fitted:]
    whole = by_seq(facts)
    wanted = [fact.seq for fact in whole.values() if isinstance(fact, ObservationFact | CorrectionFact)]
    assert [fact.seq for fact in sent] == wanted
    assert all(is_same_in_sms(whole[fact.seq], fact.typed) for fact in sent if fact.seq is not None)


@given(st.binary(min_size=1, max_size=140))
def test_text_and_hexadecimal_digits_give_the_bytes_back(message: bytes) -> None:
    assert from_text(to_text(message)) == message
    assert from_text(f" {to_text(message).lower()}\r\n") == message, "some gateways fold case"
    assert from_text(message.hex()) == message


@given(st.binary(min_size=2, max_size=140).filter(lambda message: len(message) % 2 == 0))
def test_no_text_ends_in_a_space_that_a_gateway_would_cut_off(message: bytes) -> None:
    assert not to_text(message).endswith(" ")


def test_every_letter_is_one_of_the_160_of_an_sms() -> None:
    assert set(PREFIX + BASE45) <= set(GSM_7)


@given(place=st.integers(0, 10**6), letter=st.sampled_from(BASE45))
def test_a_text_with_one_other_letter_is_refused(place: int, letter: str) -> None:
    text = CASES[0]["text"]
    place %= len(text)
    changed = text[:place] + letter + text[place + 1 :]
    if changed == text:
        return
    with pytest.raises(Problem) as refused:
        read(changed)
    assert refused.value.number in {"401.4", "422.50"}


@pytest.mark.parametrize("case", CASES[:6], ids=[case["name"] for case in CASES[:6]])
def test_a_text_that_was_cut_anywhere_is_refused(case: dict[str, Any]) -> None:
    for length in range(len(case["text"])):
        with pytest.raises(Problem):
            read(case["text"][:length])


@given(st.text(max_size=200) | st.binary(max_size=140).map(to_text))
def test_a_text_from_elsewhere_is_refused(text: str) -> None:
    with pytest.raises(Problem) as refused:
        read(text)
    assert refused.value.number in {"401.4", "422.50"}


def test_a_text_of_another_phone_is_refused() -> None:
    with pytest.raises(Problem, match=r"401\.4"):
        read(CASES[0]["text"], key=bytes(32))


@pytest.mark.parametrize("message", [b"", b"\x1f", b"\x2f\xff"])
def test_no_message_names_no_phone(message: bytes) -> None:
    with pytest.raises(Problem, match=r"422\.50"):
        sender_of(message)


@given(st.binary(max_size=131))
def test_a_phone_that_signs_nonsense_gets_a_clear_answer(nonsense: bytes) -> None:
    """A phone of ours with a fault, or a farmer who took its key out: nothing breaks."""
    content = b"\x10" + nonsense  # so that it passes for this version
    message = content + hmac.digest(KEY, content, "sha256")[:TAG_BYTES]
    try:
        numbers = {fact.problem.number for fact in read_sms(message, KEY) if fact.problem}
    except Problem as problem:
        numbers = {problem.number}
    assert numbers <= {"422.5", "422.50"}


def test_what_does_not_fit_into_an_sms_is_no_difference() -> None:
    (short,) = read(to_text(write_sms(7, KEY, [Told(typed(observation_fact(9)), "HELIAR")])[0]))
    fuller = {"photo": "ab" * 32, "marks": [], "model": "base-20261125-1.nano", "decoded_scale": 0.5, "nights": 2}
    assert is_same_in_sms(short.typed, typed(observation_fact(9, NOW + timedelta(seconds=59), **fuller)))


@pytest.mark.parametrize(
    "other",
    [
        observation_fact(9, counts={"HELIAR": 13}),
        observation_fact(9, counts={"GNORAB": 12}),
        observation_fact(9, counts={}),
        observation_fact(9, NOW + timedelta(seconds=60)),
        observation_fact(9, trap="t2"),
        observation_fact(9, nights=3),
        observation_fact(9, emptied=False),
        observation_fact(9, lure_age_days=None),
        observation_fact(9, gate={"verdict": "doubtful"}),
        observation_fact(9, intervals={"HELIAR": [12, 13]}),
        by_hand(9),
        correction_fact(9, 8, counts={"HELIAR": 12}),
        trap_fact(9),
    ],
)
def test_what_an_sms_says_is_a_difference(other: dict[str, Any]) -> None:
    (short,) = read(to_text(write_sms(7, KEY, [Told(typed(observation_fact(9)), "HELIAR")])[0]))
    assert not is_same_in_sms(short.typed, typed(other))


def test_a_rejected_photo_that_has_no_count_is_the_same_as_its_sms() -> None:
    rejected = {"counts": {}, "gate": {"verdict": "rejected", "reason": "too_dark"}, "intervals": None}
    whole = typed(observation_fact(9, **rejected))
    (short,) = read(to_text(write_sms(7, KEY, [Told(whole, "HELIAR")])[0]))
    assert is_same_in_sms(short.typed, whole)
    assert is_same_in_sms(whole, short.typed)
    assert not is_same_in_sms(short.typed, typed(observation_fact(9, **rejected | {"gate": None})))
    assert not is_same_in_sms(short.typed, typed(observation_fact(9, **rejected | {"counts": {"HELIAR": 3}})))


def test_a_correction_is_the_same_when_its_number_is() -> None:
    short = typed(correction_fact(10, 9))
    assert is_same_in_sms(short, typed(correction_fact(10, 9, counts={"HELIAR": 14, "GNORAB": 2}, marks=[])))
    assert not is_same_in_sms(short, typed(correction_fact(10, 9, counts={"HELIAR": 15})))
    assert not is_same_in_sms(short, typed(correction_fact(10, 8)))


def test_part_of_a_night_is_told_as_unknown_rather_than_rounded() -> None:
    (short,) = read(to_text(write_sms(7, KEY, [Told(typed(observation_fact(9, nights=0.25)), "HELIAR")])[0]))
    assert isinstance(short.typed, ObservationFact)
    assert short.typed.body.nights is None


@pytest.mark.parametrize(
    ("source", "traps", "in_text", "in_binary"),
    [("hand", 1, 18, 26), ("photo", 1, 13, 19), ("hand", 3, 16, 25), ("photo", 3, 12, 18)],
)
def test_so_many_observations_fit_as_the_document_says(source: str, traps: int, in_text: int, in_binary: int) -> None:
    waiting = told(twice_a_week(40, source, tuple(f"k7m2x9q{letter}" for letter in "dev"[:traps])))
    assert write_sms(1234, KEY, waiting, TEXT_BYTES)[1] == in_text
    assert write_sms(1234, KEY, waiting, BINARY_BYTES)[1] == in_binary
