"""The walls of the house: import contracts hold, and names say what things are."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FORBIDDEN_NAMES = {
    "utils",
    "helpers",
    "common",
    "misc",
    "core",
    "base",
    "manager",
    "handler",
    "service",
    "data",
    "models",
}


def test_import_contracts_hold() -> None:
    lint = Path(sys.executable).parent / "lint-imports"
    answer = subprocess.run([str(lint), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout


def test_no_file_has_a_name_without_a_reason() -> None:
    sources = [*ROOT.glob("pestwatch/**/*.py"), *ROOT.glob("server/**/*.py"), *ROOT.glob("field/src/**/*.ts")]
    assert sources
    assert not [str(s.relative_to(ROOT)) for s in sources if s.stem in FORBIDDEN_NAMES]


def test_no_file_grows_past_the_ceiling() -> None:
    sources = [*ROOT.glob("pestwatch/**/*.py"), *ROOT.glob("server/**/*.py"), *ROOT.glob("field/src/**/*.ts")]
    assert not {str(s.relative_to(ROOT)): n for s in sources if (n := len(s.read_text().splitlines())) > 400}
