"""What a phone downloads at its first visit, part by part, compressed as it travels, against the two aims of the field app.

    python bench/first_load.py [--quick]

Reads the list of files that the build has put into the service worker (field/plugins/service-worker.ts) and parts it as
field/src/sw/to-cache.ts does. The shell, with the longest language, is all that choosing a language, keeping traps and
counting by hand need; engine and model follow, and behind them what no first count needs: rare screens, and what updates
the model. Lengths are those of the brotli form where one
lies beside a file. Headers and TLS are not in it. `--quick` changes nothing.
"""

import argparse
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

DIST = Path(__file__).resolve().parents[1] / "field" / "dist"
LINKS_KBIT_S = (100, 400)
FIRST_COUNT = ("shell", "engine", "model")
AIMS = {"shell": 60_000, "total": 250_000}
COUNTS = re.compile(r"^assets/(count\.worker|counter)-")
OLD = re.compile(r"^assets/ed25519-")
"""What a browser that cannot check signatures by itself (Chrome before 137) needs for the first count as well."""
SHELL = {"index.html", "manifest.webmanifest"}
LISTED = re.compile(r"path:`([^`]+)`,hash:`\w+`,bytes:(\d+),sent:(\d+)(,first:!0)?")


@dataclass(frozen=True)
class File:
    """A file of the app, with its length as stored and as sent."""

    path: str
    raw: int
    sent: int
    is_first: bool = False


def listed_files(dist: Path) -> list[File]:
    """The files of the app as the service worker lists them, and the worker itself."""
    name = "service-worker.js"
    script = (dist / name).read_text(encoding="utf-8")
    found = [File(path, int(raw), int(sent), bool(first)) for path, raw, sent, first in LISTED.findall(script)]
    return [*found, File(name, len(script.encode()), (dist / f"{name}.br").stat().st_size, is_first=True)]


def part_of(file: File) -> str | None:
    """The part that a file belongs to; None when the first visit does not fetch it.

    What updates the model, shows rare screens and names districts is `behind`: it comes by itself, but the first count does not wait for it.
    """
    if file.is_first or file.path in SHELL:
        return "shell"
    if file.path.startswith("models/"):
        return None if file.path.endswith("/golden.png") else "model"
    if file.path.endswith(".wasm"):
        return "engine" if "/kernels-simd-" in file.path else None  # a phone takes one of three builds
    if not file.path.startswith("assets/"):
        return "behind" if file.path == "places.json" else None
    return "engine" if COUNTS.search(file.path) else "behind"


def measure(files: list[File]) -> dict[str, list[File]]:
    """The files of each part; to the shell belongs one language, here the longest."""
    parts: dict[str, list[File]] = {part: [] for part in (*FIRST_COUNT, "behind")}
    for file in files:
        if part := part_of(file):
            parts[part].append(file)
    parts["shell"].append(max((file for file in files if file.path.startswith("i18n/")), key=lambda file: file.sent))
    return parts


def sound(dist: Path) -> dict[str, int]:
    """Bytes of each pack of clips; optional, and fetched after the first screen, clip by clip."""
    indexes = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((dist / "sound").glob("*.json"))]
    return {index["pack"].rpartition("-")[0]: index["bytes"] for index in indexes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.parse_args()
    if not (DIST / "service-worker.js").exists():
        print("skipped: the app is not built (make app)")
        sys.exit(0)
    parts = measure(listed_files(DIST))
    for part, files in parts.items():
        for file in files:
            print(f"  {part:6} {file.raw:>9,} B  {file.sent:>8,} B brotli  {file.path}")
    sent = {part: sum(file.sent for file in files) for part, files in parts.items()}
    sent["total"] = sum(sent[part] for part in FIRST_COUNT)
    for part, size in sent.items():
        aim = f"  aim {AIMS[part]:,} B: {'held' if size <= AIMS[part] else 'MISSED'}" if part in AIMS else ""
        print(f"{part:8} {size:>8,} B brotli{aim}")
    sent["total_on_old_browsers"] = sent["total"] + sum(file.sent for file in parts["behind"] if OLD.search(file.path))
    print(
        f"{'':8} {sent['total_on_old_browsers']:>8,} B brotli where the browser cannot check signatures (Chrome before 137)"
    )
    print("sound, not counted:", ", ".join(f"{name} {size:,} B" for name, size in sound(DIST).items()) or "none")
    seconds = {
        f"{part}_seconds_at_{link}_kbit_s": round(sent[part] * 8 / link / 1000, 1)
        for part in AIMS
        for link in LINKS_KBIT_S
    }
    print(json.dumps(sent | seconds))


if __name__ == "__main__":
    main()
