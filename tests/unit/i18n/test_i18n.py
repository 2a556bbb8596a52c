"""Languages are negotiated, translated and fallen back from, visibly."""

import pytest
from babel.messages.catalog import Catalog

from pestwatch import i18n


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ("mr-IN,hi;q=0.8", "mr"),
        ("te", "te"),
        ("ml,hi;q=0.5,en;q=0.2", "hi"),
        ("HI_in", "hi"),
        (None, "en"),
        ("", "en"),
        ("hi;q=x", "en"),
        ("hi;q=nan", "en"),
        ("hi; q=0.3, te; q=0.9", "te"),
        ("mr;q=0, hi;q=0.1", "hi"),
    ],
)
def test_the_best_offer_wins(wanted: str | None, given: str) -> None:
    assert i18n.negotiate(wanted) == given


@pytest.mark.parametrize("unknown", ["xx", "klingon", "../../etc", "ml"])
def test_an_unknown_locale_gets_english_and_says_so(unknown: str) -> None:
    assert i18n.negotiate(unknown) == "en"
    text = i18n.translate(unknown, "field", "%(name)s is empty. Take the photo again.", name="a.jpg")
    assert (text, text.locale) == ("a.jpg is empty. Take the photo again.", "en")


def test_a_missing_translation_stays_english_and_says_so() -> None:
    text = i18n.translate("hi", "field", "A sentence that no catalogue knows")
    assert text.locale == "en"


@pytest.mark.parametrize("locale", [code for code in i18n.LOCALES if code != "en"])
def test_advice_is_translated(locale: str) -> None:
    text = i18n.translate(locale, "advisory", "The catch is low. Count again in %(days)s days.", days=4)
    assert text.locale == locale
    assert "4" in text


def test_fuzzy_and_chemical_unreviewed_strings_never_ship() -> None:
    catalogue: Catalog = Catalog(locale="hi")
    catalogue.add("good", "अच्छा")
    catalogue.add("guessed", "शायद", flags=["fuzzy"])
    catalogue.add("dose", "खुराक", auto_comments=["chemical"])
    catalogue.add("approved dose", "खुराक", auto_comments=["chemical"], flags=["reviewed"])
    catalogue.add("missing", "")
    assert {m.id for m in i18n.usable(catalogue) if m.id} == {"good", "approved dose"}


def test_counting_sentences_choose_by_the_languages_own_rule() -> None:
    assert i18n.translate_count("en", "dashboard", "%(n)s trap", "%(n)s traps", 1) == "1 trap"
    assert i18n.translate_count("hi", "dashboard", "%(n)s x", "%(n)s y", 0).locale == "en"


@pytest.mark.parametrize(
    ("locale", "forms"),
    [
        *((locale, "001") for locale in ("hi", "gu", "kn", "pa", "bn")),
        *((locale, "101") for locale in ("mr", "te", "ta", "or")),
    ],
)
def test_each_language_chooses_its_own_form_for_none_one_and_many(locale: str, forms: str) -> None:
    catalogue = i18n.read_catalogue(locale, "field")
    assert catalogue is not None
    message = catalogue.get("%(n)s night")
    assert message is not None
    for n, form in zip((0, 1, 2), forms, strict=True):
        expected = message.string[int(form)].replace("%(n)s", str(n))
        assert i18n.translate_count(locale, "field", "%(n)s night", "%(n)s nights", n) == expected
