"""Locales, catalogue lookup and fallback; the only reader of i18n/.

Sentences are English in the code and are translated whole. What is missing, fuzzy or chemical and
not reviewed falls back to English; the result says so by its `locale`, and screens show it.
"""

import functools
import gettext
from io import BytesIO
from pathlib import Path
from typing import Any, Self

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

CATALOGUES = Path(__file__).parents[1] / "i18n"
SOURCE_LOCALE = "en"
DOMAINS = ("field", "dashboard", "advisory")

LOCALES: dict[str, str] = {
    "en": "English",
    "hi": "हिन्दी",
    "mr": "मराठी",
    "gu": "ગુજરાતી",
    "te": "తెలుగు",
    "kn": "ಕನ್ನಡ",
    "ta": "தமிழ்",
    "pa": "ਪੰਜਾਬੀ",
    "or": "ଓଡ଼ିଆ",
    "bn": "বাংলা",
}
"""Code -> the language's own name."""

INVITATION = "Touch here to go on in this language."
"""What a language's loudspeaker says after its name."""

# The plural rule of each language, the same on server and phone. Babel 2.18 writes "n != 1" for all.
# Source: CLDR 48 cardinal rules, https://www.unicode.org/cldr/charts/48/supplemental/language_plural_rules.html
PLURAL_RULES: dict[str, str] = {
    **dict.fromkeys(("hi", "gu", "kn", "bn", "pa", "as"), "n > 1"),
    **dict.fromkeys(("en", "mr", "te", "ta", "ml", "or"), "n != 1"),
}

CHEMICAL = "chemical"
"""Translator's note on sentences about products and doses; they ship only when reviewed."""


def N_(sentence: str) -> str:  # noqa: N802 - gettext's own name for "translate later"
    """Marks a sentence for the catalogue; it is translated when it is shown."""
    return sentence


class Text(str):
    """A sentence for a person, and the locale that it is really in.

    Args:
      value: the sentence.
      locale: where it was found; "en" when the wanted language had no usable translation.
    """

    __slots__ = ("locale",)
    locale: str

    def __new__(cls, value: str, locale: str) -> Self:
        """Makes the string and remembers its locale."""
        text = super().__new__(cls, value)
        text.locale = locale
        return text


def negotiate(wanted: str | None) -> str:
    """Picks a locale from an Accept-Language header or a plain code; unknown ones become English.

    Args:
      wanted: such as "mr-IN,hi;q=0.8" or "te"; None when nothing was said.
    """
    offers: list[tuple[float, str]] = []
    for part in (wanted or "").split(","):
        tag, _, quality = part.replace(" ", "").partition(";q=")
        try:
            weight = float(quality or 1)
        except ValueError:
            continue
        if weight > 0:
            offers.append((-weight, tag.replace("_", "-").split("-")[0].lower()))
    return next((code for _, code in sorted(offers, key=lambda offer: offer[0]) if code in LOCALES), SOURCE_LOCALE)


def read_catalogue(locale: str, domain: str) -> Catalog | None:
    """The .po file of a locale and domain, or None when there is none."""
    path = CATALOGUES / locale / "LC_MESSAGES" / f"{domain}.po"
    if not path.exists():
        return None
    with path.open("rb") as source:
        return read_po(source, locale=locale, domain=domain)


def usable(catalogue: Catalog) -> Catalog:
    """What may ship of a catalogue: no fuzzy strings, and chemical ones only when reviewed."""
    shipped: Catalog = Catalog(locale=catalogue.locale, domain=catalogue.domain)
    for message in catalogue:
        translated = all(message.string) if isinstance(message.string, (list, tuple)) else bool(message.string)
        is_unreviewed_chemical = CHEMICAL in message.auto_comments and "reviewed" not in message.flags
        if message.id and translated and not message.fuzzy and not is_unreviewed_chemical:
            shipped.add(message.id, message.string, context=message.context)
    return shipped


def review_status(locale: str, domain: str) -> str:
    """`reviewed` when the catalogue's header says so, else `unreviewed`."""
    path = CATALOGUES / locale / "LC_MESSAGES" / f"{domain}.po"
    # Babel forgets headers that it does not know.
    header = path.read_text(encoding="utf-8").partition("\n\n")[0] if path.exists() else ""
    return "reviewed" if '"X-Review: reviewed\\n"' in header else "unreviewed"


@functools.cache
def _translations(locale: str, domain: str) -> gettext.GNUTranslations | None:
    catalogue = read_catalogue(locale, domain)
    if catalogue is None:
        return None
    compiled = BytesIO()
    shipped = usable(catalogue)
    write_mo(compiled, shipped)
    compiled.seek(0)
    found = gettext.GNUTranslations(compiled)
    # gettext reads the plural rule from the header; ours comes from the table, whatever a tool wrote there.
    found.plural = gettext.c2py(PLURAL_RULES[locale])  # type: ignore[attr-defined]
    return found


def translate(locale: str, domain: str, msgid: str, /, **params: Any) -> Text:
    """Translates one sentence and fills its %(name)s placeholders.

    Args:
      locale: wanted; an unknown one gets English.
      domain: field, dashboard or advisory.
      msgid: the English sentence.
      params: placeholder values, already formatted for people.
    """
    found = _translations(locale, domain) if locale in LOCALES and locale != SOURCE_LOCALE else None
    template = found.gettext(msgid) if found else msgid
    used = locale if found and template is not msgid else SOURCE_LOCALE
    return Text(template % params if params else template, used)


def translate_count(locale: str, domain: str, one: str, other: str, n: int, /, **params: Any) -> Text:
    """Translates a sentence about n things; zero has a message of its own and never comes here.

    Args:
      locale: wanted; an unknown one gets English.
      domain: field, dashboard or advisory.
      one: English singular.
      other: English plural.
      n: how many; also the placeholder %(n)s.
      params: further placeholder values.
    """
    found = _translations(locale, domain) if locale in LOCALES and locale != SOURCE_LOCALE else None
    source = one if n == 1 else other
    template = found.ngettext(one, other, n) if found else source
    used = locale if found and template not in {one, other} else SOURCE_LOCALE
    return Text(template % {"n": n, **params}, used)
