"""LICENCES.md names whatever is installed or shipped, and phones get nothing that is copyleft."""

import json
import re

from tests.conftest import ROOT

LIST = (ROOT / "LICENCES.md").read_text(encoding="utf-8")
PERMISSIVE = {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT"}
LOCK = json.loads((ROOT / "field" / "package-lock.json").read_text(encoding="utf-8"))["packages"]


def is_listed(package: str) -> bool:
    """Whole names only: `redis` must not pass because of `redis-py`."""
    return re.search(rf"(?<![\w@/.-]){re.escape(package)}(?![\w/-]|\.\w)", LIST) is not None


def test_every_python_package_that_is_installed_is_in_the_list() -> None:
    pinned = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(), flags=re.MULTILINE)
    assert len(pinned) > 50
    assert [name for name in pinned if not is_listed(name)] == []


def test_every_npm_package_that_is_asked_for_or_shipped_is_in_the_list() -> None:
    browser = json.loads((ROOT / "tests" / "browser" / "package.json").read_text(encoding="utf-8"))
    asked = LOCK[""]["dependencies"].keys() | LOCK[""]["devDependencies"].keys() | browser["dependencies"].keys()
    assert sorted(name for name in asked | shipped().keys() if not is_listed(name)) == []


def test_nothing_that_phones_download_is_copyleft() -> None:
    assert {name: entry["license"] for name, entry in shipped().items() if entry["license"] not in PERMISSIVE} == {}


def shipped() -> dict[str, dict[str, str]]:
    """What the app's bundle is made of: everything that is not a tool."""
    return {
        path.removeprefix("node_modules/"): entry
        for path, entry in LOCK.items()
        if path and not entry.get("dev") and not entry.get("optional")
    }
