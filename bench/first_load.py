"""What a phone downloads before it can work without a network, part by part, compressed as it travels.

    python bench/first_load.py [--quick]

Counts the files that the service worker of the built app fetches at the first visit (field/src/sw/to-cache.ts), in the
brotli form that the server sends where one lies beside them. Headers and TLS are not in it. `--quick` changes nothing.
"""

import argparse
import json
import sys
from pathlib import Path

DIST = Path(__file__).resolve().parents[1] / "field" / "dist"
LINKS_KBIT_S = (100, 400)
PARTS = ("app", "engine", "model")


def part_of(path: str) -> str | None:
    """The part that a file belongs to; None when the first visit does not fetch it."""
    if path.startswith("models/"):
        return "model"
    if path.endswith(".wasm"):
        return "engine" if path.startswith("assets/kernels-simd-") else None  # a phone takes one of three builds
    if path.startswith("assets/count.worker-"):
        return "engine"
    is_left_for_later = path.startswith(("icons/", "sound/")) or (path.startswith("i18n/") and path != "i18n/en.json")
    return None if is_left_for_later else "app"


def measure(dist: Path) -> dict[str, dict[str, int]]:
    """Bytes as stored and as sent, per part."""
    sizes = {part: {"raw": 0, "brotli": 0} for part in PARTS}
    for path in sorted(dist.rglob("*")):
        name = path.relative_to(dist).as_posix()
        part = part_of(name)
        if not path.is_file() or path.suffix in {".br", ".gz"} or part is None:
            continue
        packed = path.with_name(f"{path.name}.br")
        sizes[part]["raw"] += path.stat().st_size
        sizes[part]["brotli"] += (packed if packed.exists() else path).stat().st_size
    return sizes


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
    sizes = measure(DIST)
    sizes["total"] = {kind: sum(sizes[part][kind] for part in PARTS) for kind in ("raw", "brotli")}
    for part, size in sizes.items():
        print(f"{part:8} {size['raw']:>12,} B  {size['brotli']:>11,} B brotli")
    print("sound, not counted:", ", ".join(f"{name} {size:,} B" for name, size in sound(DIST).items()) or "none")
    seconds = {
        f"seconds_at_{link}_kbit_s": round(sizes["total"]["brotli"] * 8 / link / 1000, 1) for link in LINKS_KBIT_S
    }
    print(json.dumps({part: size["brotli"] for part, size in sizes.items()} | seconds))


if __name__ == "__main__":
    main()
