"""The dashboard's words: sentences, numbers and dates in the reader's language. Whole sentences only, never glued pieces.

A sentence without a usable translation stays English, and the page says at its foot that this happened.
"""

import functools
from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from flask import g, request
from flask import session as cookie

from pestwatch import i18n
from pestwatch.advisory import render
from pestwatch.domain.species import SPECIES
from pestwatch.domain.tally import plant_rule
from pestwatch.errors import SENTENCES
from pestwatch.i18n import N_
from pestwatch.surveillance.rollup import INDIA
from server.db.tables import Inspection

DOMAIN = "dashboard"


CROPS: Mapping[str, str] = {
    "cotton": N_("cotton"),
    "tomato": N_("tomato"),
    "maize": N_("maize"),
    "rice": N_("rice"),
    "pigeonpea": N_("pigeonpea"),
    "chickpea": N_("chickpea"),
    "okra": N_("okra"),
    "brinjal": N_("brinjal"),
    "cabbage": N_("cabbage"),
    "other": N_("another crop"),
}


def locale() -> str:
    """The language of this request: chosen on the page, else what the browser asks for."""
    if "locale" not in g:
        g.locale = i18n.negotiate(cookie.get("locale") or request.headers.get("Accept-Language"))
    return str(g.locale)


def _(sentence: str, /, **params: Any) -> str:
    """Translates one sentence and fills its %(name)s placeholders."""
    return _noted(i18n.translate(locale(), DOMAIN, sentence, **params))


def ngettext(one: str, other: str, n: int, /, **params: Any) -> str:
    """Translates a sentence about n things; %(n)s is the number."""
    return _noted(i18n.translate_count(locale(), DOMAIN, one, other, n, **params))


def problem_words(sentence: str, params: Mapping[str, Any]) -> str:
    """A Problem's sentence; the phone says the same ones."""
    return _noted(i18n.translate(locale(), "field", sentence, **params))


def problem_text(stored: Mapping[str, Any]) -> str:
    """A Problem as it was stored with a fact: number and params."""
    sentence = SENTENCES.get(stored["number"])
    return problem_words(sentence, stored["params"]) if sentence else str(stored["number"])


def reason_words(reason: Mapping[str, Any] | None) -> str:
    """A stored message with its params, such as a run's verdict; empty when there is none."""
    if not reason:
        return ""
    say = problem_words if reason["message"] in SENTENCES.values() else lambda text, params: _(text, **params)
    return say(reason["message"], reason["params"])


def advice_words(advice: Mapping[str, Any]) -> list[str]:
    """The sentences of an Advice, as the farmer reads them."""
    return [_noted(text) for text in render.sentences(advice, locale())]


def level_words(advice: Mapping[str, Any]) -> str:
    """The name of an Advice's level, as on the phone."""
    return _noted(render.headline(advice, locale()))


def pest_name(key: str) -> str:
    """A pest's name; a key that is not known here stays as it is."""
    found = next((species for species in SPECIES.values() if species.key == key), None)
    return _noted(i18n.translate(locale(), "field", found.name)) if found else key


def crop_name(key: str) -> str:
    """A crop's name."""
    return _(CROPS[key]) if key in CROPS else key


PARTS: Mapping[str, str] = {
    "flower": N_("flowers"),
    "boll": N_("bolls"),
    "plant": N_("plants"),
    "fruiting_part": N_("buds, flowers and bolls"),
    "fruit": N_("fruits"),
    "leaf": N_("leaves"),
    "hill": N_("hills"),
    "tiller": N_("tillers"),
    "square_metre": N_("square metres"),
}
"""What is looked at, by the name that phones use."""


def found_on_plants(inspection: Inspection) -> str:
    """What a person found on the plants: damaged ones of so many, or insects on so many."""
    part = _(PARTS[inspection.part]) if inspection.part in PARTS else inspection.part
    what = {"found": number(inspection.found), "looked": number(inspection.looked), "part": part}
    rule = plant_rule(inspection.rule)
    if rule and rule.each:
        return _("Insects and eggs: %(found)s on %(looked)s (%(part)s)", **what)
    return _("Damaged: %(found)s of %(looked)s (%(part)s)", **what)


def number(value: float | None, digits: int = 1) -> str:
    """A number as 12,34,567.5 in every language, as on the phone; a dash when there is none."""
    return "–" if value is None else format_decimal(round(value, digits), locale="en_IN")


def day(value: date | datetime | None) -> str:
    """A date in India, short: 25 Nov."""
    return "–" if value is None else format_date(_in_india(value), format="d MMM", locale=_cldr())


def full_day(value: date | datetime) -> str:
    """A date in India with its year: 25 Nov 2026."""
    return format_date(_in_india(value), format="d MMM y", locale=_cldr())


def moment(value: datetime | None) -> str:
    """A date and time in India: 25 Nov, 09:30."""
    return "–" if value is None else format_datetime(value.astimezone(INDIA), format="d MMM, HH:mm", locale=_cldr())


def days_ago(days: int | None) -> str:
    """How long ago, in days."""
    if days is None:
        return _("never")
    return _("today") if days == 0 else ngettext("%(n)s day ago", "%(n)s days ago", days)


def is_partly_english() -> bool:
    """Whether something on this page had no translation."""
    return bool(g.get("fell_back", False))


@functools.cache
def awaits_review(wanted: str) -> bool:
    """Whether a native speaker has still to sign some of what a page says in this language."""
    return wanted != i18n.SOURCE_LOCALE and any(
        i18n.review_status(wanted, domain) != "reviewed" for domain in i18n.DOMAINS
    )


def unchecked_languages(spoken: Collection[str]) -> str:
    """Those of the phones' languages, by their own names, that no native speaker has checked yet; empty when none is left."""
    return ", ".join(name for code, name in i18n.LOCALES.items() if code in spoken and awaits_review(code))


def _noted(text: i18n.Text) -> i18n.Text:
    if text.locale != locale():
        g.fell_back = True
    return text


def _in_india(value: date | datetime) -> date:
    return value.astimezone(INDIA).date() if isinstance(value, datetime) else value


def _cldr() -> str:
    return f"{locale()}_IN"
