"""Makes every clip and lays them where the app is built from: one pack and one index a language, one of the names.

A pack is the clips one after another, so that a phone fetches a single one by a range of bytes. Its index says which
clip is how long, and names each by what is in it: a phone keeps what did not change. What was made before is taken from
the cache. Source: ADR 0016.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pestwatch import i18n
from pestwatch.catalogs import FIELD
from pestwatch.sound.opus import encoder, packets, recorded, trimmed
from pestwatch.sound.recordings import recordings, voice_folder
from pestwatch.sound.script import Line, lines, names
from pestwatch.sound.voice import engine, speech

OUT = FIELD / "public" / "sound"
CACHE = FIELD / "generated" / "sound"
BITS_A_SECOND = (6_000, 5_500, 5_000, 4_500)
"""Tried in this order where clips have a budget; below 4,500 Opus garbles words."""
BUDGET_BYTES = {"names": 30_000, "consent": 25_000}
"""All names together, and the consent of one language. Source: issue of the field app, aim "sound"."""


@dataclass(frozen=True)
class Clip:
    """A spoken line: its packets, each after its length, and whether a person said them."""

    key: str
    content: bytes
    is_recorded: bool


def build(out: Path = OUT, cache: Path = CACHE, locales: Iterable[str] = tuple(i18n.LOCALES)) -> list[str]:
    """Builds the sound of the app.

    Returns:
      What there is to say about it, a sentence a line.
    """
    cache.mkdir(parents=True, exist_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    for old in [*out.glob("*.pack"), *out.glob("*.json")]:
        old.unlink()
    wanted = list(locales)
    said = [_built_names(out, cache)]
    with ProcessPoolExecutor(max_workers=min(len(wanted), os.cpu_count() or 1)) as pool:
        for about in pool.map(_built_language, wanted, [out] * len(wanted), [cache] * len(wanted)):
            said += about
    return said


def _built_language(locale: str, out: Path, cache: Path) -> list[str]:
    script = lines(locale)
    if not script:
        return [f"{locale}: no translated sentence yet, so no sound"]
    spoken, left_out = recordings(voice_folder(locale))
    consent = _within(BUDGET_BYTES["consent"], [(locale, line) for line in script if line.group == "consent"], cache)
    advice = [_clip(locale, line, BITS_A_SECOND[0], cache) for line in script if line.group == "advice"]
    stale = sorted(spoken.keys() - {line.key for line in script} - {line.key for _, line in names()})
    written = _write(locale, [*consent, *advice], out)
    return [
        f"{locale}: {len(script)} clips, {written:,} B; consent {_bytes(consent):,} B",
        *(f"{locale}: recording {sentence}" for sentence in left_out),
        *(f"{locale}: recording {key} says a sentence that is shown no more" for key in stale),
    ]


def _built_names(out: Path, cache: Path) -> str:
    clips = _within(BUDGET_BYTES["names"], names(), cache)
    return f"names: {len(clips)} clips, {_write('names', clips, out):,} B"


def _within(budget_bytes: int, script: Sequence[tuple[str, Line]], cache: Path) -> list[Clip]:
    """The clips at the highest rate that fits the budget; at the lowest when none does."""
    for bits_a_second in BITS_A_SECOND:
        clips = [_clip(locale, line, bits_a_second, cache) for locale, line in script]
        if _bytes(clips) <= budget_bytes:
            break
    return clips


def _clip(locale: str, line: Line, bits_a_second: int, cache: Path) -> Clip:
    recording = recordings(voice_folder(locale))[0].get(line.key)
    made_of = [locale, line.text, line.goes_on, bits_a_second, encoder()]
    made_of += [hashlib.sha256(recording.read_bytes()).hexdigest()] if recording else [engine()]
    kept = cache / hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:32]
    if not kept.exists():
        # A comma keeps the voice up where a number follows.
        samples, rate_hz = recorded(recording) if recording else speech(line.text + "," * line.goes_on, locale)
        content = b"".join(map(_with_length, packets(trimmed(samples, rate_hz), rate_hz, bits_a_second)))
        half = kept.with_suffix(f".{os.getpid()}")
        half.write_bytes(content)
        half.replace(kept)
    return Clip(line.key, kept.read_bytes(), recording is not None)


def _with_length(packet: bytes) -> bytes:
    """As Opus itself writes lengths (RFC 6716, 3.2.1): one byte, or two from 252 on."""
    size = len(packet)
    return bytes([size] if size < 252 else [252 + size % 4, (size - 252) // 4]) + packet


def _bytes(clips: Iterable[Clip]) -> int:
    return sum(len(clip.content) for clip in clips)


def _write(name: str, clips: Sequence[Clip], out: Path) -> int:
    """Writes the pack under the hash of its content, so that an index and its pack always belong together."""
    pack = b"".join(clip.content for clip in clips)
    file = f"{name}-{_hash(pack)}.pack"
    index: dict[str, Any] = {
        "pack": file,
        "bytes": len(pack),
        "recorded": [clip.key for clip in clips if clip.is_recorded],
        # In the order of the pack: key of the text, name of the content, bytes.
        "clips": [f"{clip.key} {_hash(clip.content)} {len(clip.content)}" for clip in clips],
    }
    (out / file).write_bytes(pack)
    (out / f"{name}.json").write_text(json.dumps(index, separators=(",", ":")), encoding="utf-8")
    return len(pack)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:8]
