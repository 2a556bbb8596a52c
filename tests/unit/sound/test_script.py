"""Which sentences get a voice, and that phone and build find a clip by the same name."""

import json
from pathlib import Path

import pytest

from pestwatch import catalogs, i18n
from pestwatch.advisory.messages import LEVEL_NAMES, MESSAGES
from pestwatch.sound import script

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "spoken.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", GOLDEN["keys"], ids=lambda case: case["text"])
def test_a_text_has_the_key_that_the_phone_computes(case: dict[str, str]) -> None:
    assert script.key_of(case["text"]) == case["key"]


@pytest.mark.parametrize("case", GOLDEN["pieces"], ids=lambda case: case["template"])
def test_a_sentence_is_cut_where_the_phone_cuts_it(case: dict[str, list[str]]) -> None:
    assert [text for text, _ in script.pieces(case["template"])] == case["pieces"]


@pytest.mark.parametrize("case", GOLDEN["numbers"], ids=lambda case: str(case["n"]))
def test_every_part_of_a_number_has_a_clip(case: dict) -> None:
    if case["parts"]:
        assert sum(case["parts"]) == case["n"]
        assert set(case["parts"]) <= set(script.numbers())


@pytest.mark.parametrize("locale", i18n.LOCALES)
def test_no_two_texts_of_a_language_share_a_key(locale: str) -> None:
    lines = script.lines(locale)
    assert len({line.key for line in lines}) == len({line.text for line in lines}) == len(lines)


def test_all_advice_and_all_of_consent_is_heard_in_english() -> None:
    spoken = {line.text for line in script.lines("en")}
    for sentence in [*MESSAGES.values(), *LEVEL_NAMES.values()]:
        assert {text for text, _ in script.pieces(sentence)} <= spoken
    consent = {line.text for line in script.lines("en") if line.group == "consent"}
    assert "I am 18 or older, and I agree" in consent
    assert "You can stop at any time in Settings." in consent


def test_consent_stands_together_so_that_it_comes_in_one_request() -> None:
    groups = [line.group for line in script.lines("hi")]
    assert groups == sorted(groups, key=lambda group: group != "consent")
    assert groups[0] == "consent"


def test_a_sentence_without_a_translation_has_no_clip_in_that_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "phone_catalogue", lambda _: {"messages": {"Low": "कम"}})
    said = script.lines("hi")
    assert [line.text for line in said if not line.text.isdecimal()] == ["कम"]
    monkeypatch.setattr(script, "phone_catalogue", lambda _: {"messages": {}})
    assert script.lines("hi") == []


def test_the_voice_stays_up_before_a_number_and_falls_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    again = "Count again in %(days)s days."
    monkeypatch.setattr(script, "phone_catalogue", lambda _: {"messages": {again: "फिर %(days)s दिन बाद गिनिए।"}})
    first, last = (line for line in script.lines("hi") if not line.text.isdecimal())
    assert (first.text, first.goes_on) == ("फिर", True)
    assert (last.text, last.goes_on) == ("दिन बाद गिनिए।", False)


def test_a_marked_sentence_gets_a_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "src" / "screens" / "tally.ts"
    source.parent.mkdir(parents=True)
    source.write_text('aloud(\n  t("Look at 20 bolls."),\n); aloud(tn("%(n)s egg", "%(n)s eggs", n)); t("Not heard");')
    monkeypatch.setattr(script, "FIELD", tmp_path)
    texts = {line.text for line in script.lines("en")}
    assert {"Look at 20 bolls.", "egg", "eggs"} <= texts
    assert "Not heard" not in texts


def test_each_language_invites_in_its_own_words_where_it_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert catalogs.collect("field").get(i18n.INVITATION) is not None
    monkeypatch.setattr(
        i18n,
        "translate",
        lambda locale, _, msgid: i18n.Text("यहाँ छुइए।", "hi") if locale == "hi" else i18n.Text(msgid, "en"),
    )
    spoken = dict(script.names())
    assert spoken["hi"].text == "हिन्दी. यहाँ छुइए।"
    assert spoken["te"].text == "తెలుగు."
    assert spoken["en"].text == f"English. {i18n.INVITATION}"
    assert spoken["te"].key == script.key_of("తెలుగు")
