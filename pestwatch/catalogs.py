"""The catalogues' life: collect strings from the code, merge them into each language, compile for phone and server.

Three domains, because their reviewers differ: `field` (the phone and every Problem), `dashboard` (officers),
`advisory` (what an entomologist signs). Compiled files are build output and are not committed.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.dates import get_month_names
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from pestwatch import i18n
from pestwatch.advisory import rules
from pestwatch.advisory.messages import LEVEL_NAMES, MESSAGES
from pestwatch.domain import catch, tally
from pestwatch.domain.places import districts, states, subdistricts
from pestwatch.domain.species import SPECIES
from pestwatch.domain.threshold import thresholds
from pestwatch.errors import OF_THE_OFFICE, SENTENCES

ROOT = Path(__file__).parents[1]
FIELD = ROOT / "field"
# t("..."), tc("context", "..."), tn("one", "other", n): double quotes, as the formatter writes them.
TS_CALL = re.compile(r"\b(tc?|tn)\(\s*\"((?:[^\"\\]|\\.)+)\"(?:\s*,\s*\"((?:[^\"\\]|\\.)+)\")?")
# Only comments that start a line: "image/*" is no comment.
TS_COMMENT = re.compile(r"^\s*/\*.*?\*/|^\s*//[^\n]*", re.DOTALL | re.MULTILINE)
HEADER = "# Words of pestwatch, Apache-2.0. i18n/REVIEWERS.md says who may approve them."
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""Date in every header: a catalogue changes when its strings do, not when it is written."""


def collect(domain: str) -> Catalog:
    """Every English string of a domain, from the code as it stands."""
    catalogue = _empty(domain)
    for msgid, context, comments, place in sorted(_strings(domain), key=lambda found: (found[3], str(found[0]))):
        catalogue.add(msgid, context=context, auto_comments=comments, locations=[(place, None)])  # type: ignore[list-item]
    return catalogue


def _empty(domain: str, locale: str | None = None) -> Catalog:
    return Catalog(
        locale=locale,
        domain=domain,
        project="pestwatch",
        version="0.1.0",
        header_comment=HEADER,
        creation_date=EPOCH,
        revision_date=EPOCH,
        fuzzy=False,
    )


def _strings(domain: str) -> Iterator[tuple[str | tuple[str, str], str | None, list[str], str]]:
    if domain == "field":
        for number, sentence in SENTENCES.items():
            yield sentence, None, [f"problem {number}"], "pestwatch/errors.py"
        for species in SPECIES.values():
            yield species.name, None, [species.scientific], "pestwatch/domain/species.py"
        yield i18n.INVITATION, None, ["spoken after the language's own name, on the first screen"], "pestwatch/i18n.py"
        yield from _typescript()
    elif domain == "advisory":
        for place in sorted((ROOT / "pestwatch" / "advisory").glob("*.py")):
            yield from _python(place.parent, place.name)
    else:
        yield from _python(ROOT / "server", "dashboard/**")
        yield from _python(ROOT / "pestwatch" / "retraining", "messages.py")


def _typescript() -> Iterator[tuple[str | tuple[str, str], str | None, list[str], str]]:
    for source in sorted((FIELD / "src").rglob("*.ts")):
        place = source.relative_to(ROOT).as_posix()
        code = TS_COMMENT.sub("", source.read_text(encoding="utf-8"))
        for call, first, second in TS_CALL.findall(code):
            one, other = json.loads(f'"{first}"'), json.loads(f'"{second}"')
            if call == "tn":
                yield (one, other), None, [], place
            elif call == "tc":
                yield other, one, [], place
            else:
                yield one, None, [], place


def _python(folder: Path, pattern: str) -> Iterator[tuple[str | tuple[str, str], str | None, list[str], str]]:
    methods = (
        [(pattern, "python")]
        if pattern.endswith(".py")
        else [(f"{pattern}.py", "python"), (f"{pattern}.html", "jinja2")]
    )
    keywords = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
    for name, _, msgid, comments, context in extract_from_dir(
        folder, method_map=methods, keywords=keywords, comment_tags=("i18n:",), strip_comment_tags=True
    ):
        place = (folder / name).relative_to(ROOT).as_posix()
        yield msgid if isinstance(msgid, str) else (msgid[0], msgid[1]), context, list(comments), place


def template_path(domain: str) -> Path:
    """Where a domain's template lies."""
    return i18n.CATALOGUES / f"{domain}.pot"


def extract() -> None:
    """Writes the template of each domain."""
    for domain in i18n.DOMAINS:
        template_path(domain).write_bytes(_written(collect(domain)))


def update() -> None:
    """Merges the templates into every language; a changed sentence keeps no old translation."""
    for locale in i18n.LOCALES:
        if locale == i18n.SOURCE_LOCALE:
            continue
        for domain in i18n.DOMAINS:
            old = i18n.read_catalogue(locale, domain)
            merged = _empty(domain, locale)
            for message in read_po(BytesIO(template_path(domain).read_bytes())):
                if not message.id:
                    continue
                known = old.get(message.id, message.context) if old else None
                merged.add(
                    message.id,
                    known.string if known else ("", "") if message.pluralizable else "",
                    context=message.context,
                    flags=known.flags if known else (),
                    auto_comments=message.auto_comments,
                    user_comments=known.user_comments if known else (),
                    locations=message.locations,
                )
            path = i18n.CATALOGUES / locale / "LC_MESSAGES" / f"{domain}.po"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_with_header(_written(merged), locale, i18n.review_status(locale, domain)))


def _written(catalogue: Catalog) -> bytes:
    out = BytesIO()
    write_po(out, catalogue, width=120, omit_header=False, include_lineno=False)
    # Babel fills in invented people where there are none.
    return re.sub(rb'"(Report-Msgid-Bugs-To|Last-Translator|Language-Team):[^\n]*\n', b"", out.getvalue())


def _with_header(text: bytes, locale: str, status: str) -> bytes:
    """Sets the plural rule from our table, and who has reviewed the language."""
    rule = f'"Plural-Forms: nplurals=2; plural=({i18n.PLURAL_RULES[locale]});\\\\n"\n"X-Review: {status}\\\\n"'
    return re.sub(r'"Plural-Forms:[^\n]*"', rule, text.decode(), count=1).encode()


def compile_all() -> None:
    """Writes what the phone reads: one JSON per language, the rules, the districts."""
    for locale in i18n.LOCALES:
        _write_json(FIELD / "public" / "i18n" / f"{locale}.json", _by_key(phone_catalogue(locale)))
    _write_json(FIELD / "generated" / "rules.json", phone_rules())
    _write_json(FIELD / "public" / "places.json", phone_places())
    for name, content in phone_talukas().items():
        _write_json(FIELD / "public" / "places" / f"{name}.json", content)


def phone_catalogue(locale: str) -> dict[str, Any]:
    """What a phone needs of a language; a sentence that may not ship is simply missing, so English shows."""
    messages: dict[str, str | list[str]] = {}
    of_the_office = {SENTENCES[number] for number in OF_THE_OFFICE}
    statuses = []
    for domain in ("field", "advisory"):
        catalogue = i18n.read_catalogue(locale, domain)
        if catalogue is None:
            continue
        statuses.append(i18n.review_status(locale, domain))
        for message in i18n.usable(catalogue):
            if not message.id or message.id in of_the_office:
                continue
            msgid = message.id[0] if isinstance(message.id, (list, tuple)) else message.id
            key = f"{message.context}\u0004{msgid}" if message.context else msgid
            messages[key] = message.string if isinstance(message.string, str) else list(message.string)
    status = "source" if locale == i18n.SOURCE_LOCALE else min(statuses, default="unreviewed", key=_doubt)
    plural = {"nplurals": 2, "rule": i18n.PLURAL_RULES[locale]}
    months = list(get_month_names("wide", locale=f"{locale}_IN").values())
    return {"locale": locale, "plural": plural, "status": status, "months": months, "messages": messages}


def _by_key(catalogue: dict[str, Any]) -> dict[str, Any]:
    """The same with short keys instead of sentences: the app has these already, and they are a third of the bytes."""
    messages = {phone_key(sentence): translated for sentence, translated in catalogue["messages"].items()}
    if len(messages) < len(catalogue["messages"]):
        msg = "two sentences have the same key: reword one of them"
        raise ValueError(msg)
    return catalogue | {"messages": messages}


def phone_key(sentence: str) -> str:
    """What stands for an English sentence in a phone's catalogue: its hash, folded to 24 bits, hex.

    Twin: `catalogueKey` in field/src/i18n.ts.
    """
    key = fnv1a(sentence)
    return f"{key >> 24 ^ key & 0xFFFFFF:x}"


def fnv1a(text: str) -> int:
    """FNV-1a over a text's UTF-16 units, 32 bits: a name, not a proof. Twin: field/src/fnv1a.ts."""
    units = text.encode("utf-16-le")
    value = 0x811C9DC5
    for unit in zip(units[::2], units[1::2], strict=True):
        value = (value ^ int.from_bytes(unit, "little")) * 0x01000193 & 0xFFFFFFFF
    return value


def _doubt(status: str) -> bool:
    """Sorts an unreviewed part before a reviewed one: the language is as doubtful as its worst part."""
    return status == "reviewed"


def phone_rules() -> dict[str, Any]:
    """Species, usable thresholds and constants of the advice rules."""
    return {
        "species": [
            {
                "key": s.key,
                "name": s.name,
                "scientific": s.scientific,
                "crops": s.crops,
                "trap_types": s.trap_types,
                "lure_life_days": s.lure_life_days,
                **({"lure_source": s.lure_source, "lure_guess": s.lure_life_is_guess} if s.lure_source else {}),
                "photo_counted": s.photo_counted,
            }
            for s in SPECIES.values()
        ],
        "thresholds": [
            {
                "id": t.id,
                "species": t.species,
                "crops": t.crops,
                "kind": t.kind,
                "value_min": t.value_min,
                "nights": t.nights,
                "consecutive": t.consecutive,
                "states": t.states,
                "role": t.role,
                "source": t.source,
                **({"part": t.part, "sample": t.sample, "serious": t.serious, "each": t.each} if t.part else {}),
            }
            for t in thresholds()
            if t.is_usable
        ],
        "look": {f"{pest} {crop}": said for (pest, crop), said in rules.LOOK.items()},
        "messages": MESSAGES,
        "levels": LEVEL_NAMES,
        "constants": {
            "stale_days": rules.STALE_DAYS,
            "again_days_low": rules.AGAIN_DAYS_LOW,
            "again_days_near": rules.AGAIN_DAYS_NEAR,
            "rising_readings": rules.RISING_READINGS,
            "same_share": rules.SAME_SHARE,
            "least_nights": catch.LEAST_NIGHTS,
            "night_slack_days": rules.NIGHT_SLACK_DAYS,
            "heard_days": rules.HEARD_DAYS,
            "sound_days": rules.SOUND_DAYS,
            "usual_sample": tally.USUAL_SAMPLE,
        },
    }


def phone_places() -> list[dict[str, Any]]:
    """Districts by state, for the list from which a farmer picks."""
    return [
        {
            "state": state.name,
            "districts": [
                {"id": d.key, "name": d.name}
                for d in sorted(districts().values(), key=lambda d: d.name)
                if d.state == state.key
            ],
        }
        for state in sorted(states().values(), key=lambda s: s.name)
    ]


def phone_talukas() -> dict[str, Any]:
    """Files that a phone fetches when they are wanted: the talukas of each state, and a point inside each district.

    Points are tenths of degrees, as coarse as the position that they are compared with.
    """
    by_state: dict[str, dict[str, list[tuple[int, str]]]] = {}
    for district, found in subdistricts().items():
        state = district.split("-")[1]
        by_state.setdefault(state, {})[district] = [(one.lgd_code, one.name) for one in found]
    points = {d.key: (round(d.longitude * 10), round(d.latitude * 10)) for d in districts().values()}
    return {**by_state, "points": points}


def _write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
