"""Sentences are found in the code, and what ships of a translation is only what may."""

from pathlib import Path

import pytest

from pestwatch import catalogs, i18n

SCREEN = """
/** Says t("Not in a comment"). */
// t("Nor here")
input.accept = "image/*";
const title = t("Take a photo");
const many = tn(
  "%(n)s trap",
  "%(n)s traps",
  traps.length,
);
const rice = tc("crop", "Rice");
const all = "*/*";
"""


@pytest.fixture
def screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "field" / "src" / "screen.ts"
    source.parent.mkdir(parents=True)
    source.write_text(SCREEN, encoding="utf-8")
    monkeypatch.setattr(catalogs, "ROOT", tmp_path)
    monkeypatch.setattr(catalogs, "FIELD", tmp_path / "field")


@pytest.mark.usefixtures("screen")
def test_sentences_of_screens_are_found_and_those_of_comments_are_not() -> None:
    found = {
        (m.id, m.context) for m in catalogs.collect("field") if m.id and "field/src/screen.ts" in dict(m.locations)
    }
    assert found == {("Take a photo", None), (("%(n)s trap", "%(n)s traps"), None), ("Rice", "crop")}


def test_the_reasons_of_a_training_are_collected_for_officers() -> None:
    assert any("There is too little to learn from" in str(m.id) for m in catalogs.collect("dashboard"))


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(i18n, "CATALOGUES", tmp_path)
    catalogs.extract()
    catalogs.update()
    return tmp_path


def translated(shelf: Path, msgid: str, msgstr: str, note: str = "") -> None:
    path = shelf / "hi" / "LC_MESSAGES" / "advisory.po"
    entry = f'msgid "{msgid}"\nmsgstr ""'
    text = path.read_text(encoding="utf-8")
    assert entry in text
    path.write_text(text.replace(entry, f'{note}msgid "{msgid}"\nmsgstr "{msgstr}"'), encoding="utf-8")


def test_a_new_catalogue_is_empty_unreviewed_and_has_the_languages_plural_rule(shelf: Path) -> None:
    header = (shelf / "hi" / "LC_MESSAGES" / "field.po").read_text(encoding="utf-8").split("\n\n")[0]
    assert "plural=(n > 1)" in header
    assert "X-Review: unreviewed" in header
    assert catalogs.phone_catalogue("hi")["messages"] == {}


def test_a_translation_survives_an_update_and_reaches_the_phone(shelf: Path) -> None:
    translated(shelf, "Count again tomorrow.", "कल फिर गिनिए।")
    catalogs.update()
    phone = catalogs.phone_catalogue("hi")
    assert phone["messages"] == {"Count again tomorrow.": "कल फिर गिनिए।"}
    assert phone["status"] == "unreviewed"
    assert phone["plural"] == {"nplurals": 2, "rule": "n > 1"}


def test_a_sentence_has_the_key_under_which_the_phone_looks_it_up() -> None:
    """The same numbers stand in field/test/i18n.test.ts."""
    keys = [catalogs.phone_key(sentence) for sentence in ("", "Save", "crop\u0004Other – ’")]
    assert keys == ["1c9d44", "2d5d25", "75321c"]


def test_two_sentences_of_one_key_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogs, "phone_key", lambda _: "0")
    monkeypatch.setattr(catalogs, "phone_catalogue", lambda _: {"messages": {"Save": "a", "Stop": "b"}})
    with pytest.raises(ValueError, match="same key"):
        catalogs.compile_all()


@pytest.mark.parametrize("note", ["#, fuzzy\n", "#. chemical\n"])
def test_a_fuzzy_or_chemical_sentence_stays_english_on_the_phone(shelf: Path, note: str) -> None:
    translated(shelf, "Count again tomorrow.", "कल फिर गिनिए।", note)
    assert catalogs.phone_catalogue("hi")["messages"] == {}


def test_a_language_is_reviewed_only_when_all_of_it_is(shelf: Path) -> None:
    for domain, status in (("field", "unreviewed"), ("advisory", "reviewed")):
        for locale in ("hi", "mr"):
            path = shelf / locale / "LC_MESSAGES" / f"{domain}.po"
            wanted = "reviewed" if locale == "mr" else status
            path.write_text(path.read_text(encoding="utf-8").replace("X-Review: unreviewed", f"X-Review: {wanted}"))
    catalogs.update()
    assert catalogs.phone_catalogue("hi")["status"] == "unreviewed"
    assert catalogs.phone_catalogue("mr")["status"] == "reviewed"
    assert catalogs.phone_catalogue("en")["status"] == "source"


def test_the_phone_gets_no_threshold_that_may_not_be_used() -> None:
    sent = catalogs.phone_rules()
    assert {"PECTGO-6", "EARIVI-1", "HELIAR-3", "OTHER-1"}.isdisjoint(row["id"] for row in sent["thresholds"])
    assert all(row["source"] for row in sent["thresholds"])


def test_the_phone_lists_every_district_once() -> None:
    listed = [district["id"] for state in catalogs.phone_places() for district in state["districts"]]
    assert len(listed) == len(set(listed)) == 776
