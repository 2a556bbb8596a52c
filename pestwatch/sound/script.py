"""Which sentences are heard in a language, cut where a number or a name goes in, and the key of each piece.

Twin: field/src/sound/spoken.ts, held by tests/golden/spoken.json. The phone finds a clip by the very words that it
shows, so a sentence that was translated anew is silent until its clip was made anew: never wrong.
"""

import csv
import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Literal

from pestwatch import i18n
from pestwatch.advisory.messages import LEVEL_NAMES, MESSAGES
from pestwatch.catalogs import FIELD, fnv1a, phone_catalogue
from pestwatch.domain.species import SPECIES

PLACEHOLDER = re.compile(r"%\(\w+\)s")
ALOUD = re.compile(r"\baloud\(\s*tn?\(\s*\"((?:[^\"\\]|\\.)+)\"(?:\s*,\s*\"((?:[^\"\\]|\\.)+)\")?")
"""How the app's source marks a sentence that is to be heard: aloud(t("…"))."""
SENTENCE_ENDS = (".", "?", "!", "।", ":")

Group = Literal["consent", "advice"]


@dataclass(frozen=True)
class Line:
    """One clip to be made.

    Args:
      key: under which the phone finds it.
      text: what is spoken.
      group: consent is fetched as a whole, advice clip by clip.
      goes_on: a number or a name follows in the same sentence, so the voice must not fall.
    """

    key: str
    text: str
    group: Group
    goes_on: bool = False


def key_of(text: str) -> str:
    """Eight hex digits that name a text; a phone computes them too."""
    return f"{fnv1a(text):08x}"


def pieces(template: str) -> list[tuple[str, bool]]:
    """The spoken parts of a sentence, and whether a placeholder follows each; a lone full stop is none."""
    *before, last = PLACEHOLDER.split(template)
    parts = [*((part, True) for part in before), (last, False)]
    return [(part.strip(), is_followed) for part, is_followed in parts if _is_spoken(part)]


def _is_spoken(text: str) -> bool:
    return any(unicodedata.category(letter)[0] in "LN" for letter in text)


def numbers() -> list[int]:
    """What every count up to 5,999 is put together from: 2,345 is 2000, 300, 45."""
    return [*range(100), *range(100, 1000, 100), *range(1000, 6000, 1000)]


def lines(locale: str) -> list[Line]:
    """Every clip of a language, consent first. What falls back to English has none: English has its own."""
    translated = phone_catalogue(locale)["messages"]
    found: dict[str, Line] = {}
    for group, sources in _heard():
        for source in sources:
            said = source if locale == i18n.SOURCE_LOCALE else translated.get(source[0], ())
            for template in (said,) if isinstance(said, str) else said:
                for line in _lines_of(template, group):
                    found.setdefault(line.key, line)
    # A language without a single translated sentence has no voice either: its numbers alone would say nothing.
    for number in numbers() if found else ():
        line = Line(key_of(str(number)), str(number), "advice", goes_on=True)
        found.setdefault(line.key, line)
    return sorted(found.values(), key=lambda line: line.group != "consent")


def _lines_of(template: str, group: Group) -> Iterator[Line]:
    for text, is_followed in pieces(template):
        yield Line(key_of(text), text, group, goes_on=is_followed and not text.endswith(SENTENCE_ENDS))


def _heard() -> Iterator[tuple[Group, list[tuple[str, ...]]]]:
    """Every English sentence that is heard, singular and plural together."""
    consent: list[tuple[str, ...]] = []
    rest: list[tuple[str, ...]] = []
    for source in sorted((FIELD / "src").rglob("*.ts")):
        for forms in ALOUD.findall(source.read_text(encoding="utf-8")):
            marked = tuple(json.loads(f'"{form}"') for form in forms if form)
            (consent if source.name == "consent.ts" else rest).append(marked)
    yield "consent", consent
    advisory = [*LEVEL_NAMES.values(), *MESSAGES.values(), *(species.name for species in SPECIES.values())]
    yield "advice", rest + [(sentence,) for sentence in advisory]


def names() -> list[tuple[str, Line]]:
    """For each language its own name and an invitation, in its own voice; found by the name as it stands on the button."""
    spoken = []
    for locale, endonym in i18n.LOCALES.items():
        invitation = i18n.translate(locale, "field", i18n.INVITATION)
        text = f"{endonym}. {invitation}" if invitation.locale == locale else f"{endonym}."
        spoken.append((locale, Line(key_of(endonym), text, "advice")))
    return spoken


def as_csv(locale: str) -> Iterator[str]:
    """What a person who records a language reads: the key that names the file, and the text."""
    for line in [*(line for code, line in names() if code == locale), *lines(locale)]:
        out = StringIO()
        csv.writer(out, lineterminator="").writerow([line.key, line.text])
        yield out.getvalue()
