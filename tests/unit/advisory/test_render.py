"""Advice becomes whole sentences in the farmer's language."""

import pytest

from pestwatch import i18n
from pestwatch.advisory.messages import LEVEL_NAMES, MESSAGES
from pestwatch.advisory.render import headline, level_name, sentences
from tests.golden import advice_cases

CASES = advice_cases.cases()
TRANSLATED = [code for code in i18n.LOCALES if code != i18n.SOURCE_LOCALE]


@pytest.mark.parametrize("locale", TRANSLATED)
def test_every_sentence_of_advice_is_in_the_farmers_language(locale: str) -> None:
    for sentence in MESSAGES.values():
        assert i18n.translate(locale, "advisory", sentence, days=4, looked=20, found=3, sample=20).locale == locale
    for level in LEVEL_NAMES:
        assert level_name(level, locale).locale == locale


@pytest.mark.parametrize("locale", i18n.LOCALES)
def test_sentences_are_filled_and_their_digits_are_latin(locale: str) -> None:
    for case in CASES:
        for sentence in sentences(case["advice"], locale):
            assert "%(" not in sentence
            assert all(not character.isdigit() or character.isascii() for character in sentence)


def test_a_zero_is_said_as_a_zero() -> None:
    zero = next(case["advice"] for case in CASES if case["name"] == "zero with a fresh lure is low")
    assert sentences(zero, "en") == ["No insect was caught. Count again in 4 days."]
    assert sentences(zero, "mr") == ["एकही कीटक सापडला नाही. 4 दिवसांनी पुन्हा मोजा."]


def test_a_sentence_of_a_newer_version_is_left_out() -> None:
    assert sentences({"messages": [{"id": "from_the_future", "params": {}}]}, "hi") == []


def test_orange_is_called_otherwise_once_the_plants_were_looked_at() -> None:
    advice = {case["name"]: case["advice"] for case in CASES}
    assert headline(advice["pink bollworm one night over"], "en") == "Inspect today"
    assert headline(advice["two of twenty bolls"], "en") == "Call your officer today"
    assert headline(advice["pink bollworm three nights over, plants confirmed"], "en") == "Act with your officer"
