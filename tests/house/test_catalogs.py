"""Catalogues are fresh, complete in form and never say more than they may."""

import csv
import re

import pytest

from pestwatch import catalogs, i18n
from pestwatch.domain.species import SPECIES

TRANSLATED = [(locale, domain) for locale in i18n.LOCALES if locale != "en" for domain in i18n.DOMAINS]
NUMBER = re.compile(r"\d+(?:[.:]\d+)*")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%%|%.")


@pytest.mark.parametrize("domain", i18n.DOMAINS)
def test_the_template_holds_what_the_code_says(domain: str) -> None:
    with catalogs.template_path(domain).open("rb") as source:
        written = {(str(m.id), m.context) for m in i18n.read_po(source) if m.id}
    assert written == {(str(m.id), m.context) for m in catalogs.collect(domain) if m.id}, "run `make catalogs`"


@pytest.mark.parametrize(("locale", "domain"), TRANSLATED)
def test_every_sentence_is_in_every_catalogue(locale: str, domain: str) -> None:
    catalogue = i18n.read_catalogue(locale, domain)
    assert catalogue is not None
    assert {(str(m.id), m.context) for m in catalogue if m.id} == {
        (str(m.id), m.context) for m in catalogs.collect(domain) if m.id
    }, "run `make catalogs`"


@pytest.mark.parametrize(("locale", "domain"), TRANSLATED)
def test_translations_keep_the_placeholders(locale: str, domain: str) -> None:
    catalogue = i18n.read_catalogue(locale, domain)
    assert catalogue is not None
    for message in i18n.usable(catalogue):
        if not message.id:
            continue
        sources = [message.id] if isinstance(message.id, str) else list(message.id)
        wanted = set(PLACEHOLDER.findall(sources[-1]))
        for form in [message.string] if isinstance(message.string, str) else message.string:
            assert set(PLACEHOLDER.findall(form)) == wanted, (message.id, form)


@pytest.mark.parametrize(("locale", "domain"), TRANSLATED)
def test_numbers_in_translations_are_the_sentences_own_in_latin_digits(locale: str, domain: str) -> None:
    catalogue = i18n.read_catalogue(locale, domain)
    assert catalogue is not None
    for message in i18n.usable(catalogue):
        if not message.id:
            continue
        source = message.id if isinstance(message.id, str) else message.id[-1]
        for form in [message.string] if isinstance(message.string, str) else message.string:
            # \d is a digit of any script.
            assert sorted(NUMBER.findall(form)) == sorted(NUMBER.findall(source)), (message.id, form)


@pytest.mark.parametrize(("locale", "domain"), TRANSLATED)
def test_plural_forms_follow_the_languages_rule(locale: str, domain: str) -> None:
    catalogue = i18n.read_catalogue(locale, domain)
    assert catalogue is not None
    assert catalogue.plural_expr.strip("()") == i18n.PLURAL_RULES[locale]
    expected = {"n > 1": [0, 0, 1, 1], "n != 1": [1, 0, 1, 1]}[i18n.PLURAL_RULES[locale]]
    rule = i18n.gettext.c2py(i18n.PLURAL_RULES[locale])
    assert [int(rule(n)) for n in (0, 1, 2, 5)] == expected


@pytest.mark.parametrize("locale", [code for code in i18n.LOCALES if code != "en"])
def test_most_of_what_a_farmer_sees_is_translated(locale: str) -> None:
    for domain, least in (("advisory", 1.0), ("field", 0.95)):
        catalogue = i18n.read_catalogue(locale, domain)
        assert catalogue is not None
        wanted = [m for m in catalogue if m.id]
        missing = [m.id for m in wanted if not i18n.usable(catalogue).get(m.id, m.context)]
        assert len(missing) <= (1 - least) * len(wanted), missing


@pytest.mark.parametrize("locale", [code for code in i18n.LOCALES if code != "en"])
def test_every_pest_has_a_name_in_the_glossary(locale: str) -> None:
    with (i18n.CATALOGUES / "glossary.csv").open(encoding="utf-8", newline="") as table:
        named = {row["key"] for row in csv.DictReader(table) if row["locale"] == locale}
    assert set(SPECIES) <= named


@pytest.mark.parametrize("locale", [code for code in i18n.LOCALES if code != "en"])
def test_screens_call_a_pest_what_the_glossary_calls_it(locale: str) -> None:
    with (i18n.CATALOGUES / "glossary.csv").open(encoding="utf-8", newline="") as table:
        names = {row["key"]: row["name"] for row in csv.DictReader(table) if row["locale"] == locale}
    for key, species in SPECIES.items():
        assert i18n.translate(locale, "field", species.name) == names[key]


def test_every_name_in_the_glossary_says_where_it_comes_from() -> None:
    with (i18n.CATALOGUES / "glossary.csv").open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            assert row["provenance"] in {"sourced", "secondary", "unreviewed"}, row
            assert bool(row["source"]) == (row["provenance"] != "unreviewed"), row


def test_a_language_without_a_reviewer_says_so() -> None:
    for locale, domain in TRANSLATED:
        reviewers = (i18n.CATALOGUES / "REVIEWERS.md").read_text(encoding="utf-8")
        if i18n.review_status(locale, domain) == "reviewed":
            assert re.search(rf"\| {locale} \| .*{domain}", reviewers)
        else:
            assert catalogs.phone_catalogue(locale)["status"] == "unreviewed"
