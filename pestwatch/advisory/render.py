"""Advice + locale -> sentences."""

from collections.abc import Mapping
from typing import Any

from pestwatch.advisory.messages import LEVEL_NAMES, MESSAGES
from pestwatch.i18n import Text, translate


def sentences(advice: Mapping[str, Any], locale: str) -> list[Text]:
    """The sentences of an Advice in its JSON form; each says by `.locale` which language it is really in.

    Args:
      advice: as of Advice.to_json; a sentence of a newer version that is not known here is left out.
      locale: wanted language.
    """
    return [
        translate(locale, "advisory", MESSAGES[said["id"]], **said["params"])
        for said in advice["messages"]
        if said["id"] in MESSAGES
    ]


def headline(advice: Mapping[str, Any], locale: str) -> Text:
    """The name of an Advice's level; orange is called otherwise once damage was counted on the plants."""
    is_confirmed = advice["level"] == "orange" and any(said["id"] == "sample_confirmed" for said in advice["messages"])
    return level_name("confirmed" if is_confirmed else advice["level"], locale)


def level_name(level: str, locale: str) -> Text:
    """The level's name for people."""
    return translate(locale, "advisory", LEVEL_NAMES[level])
