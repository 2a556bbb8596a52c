"""The documents tell the truth: stations, commands, links, benchmarks."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STORY = (ROOT / "docs" / "one-observation.md").read_text()


def _stations() -> list[tuple[int, list[str]]]:
    rows = re.findall(r"^\| (\d) \|.*?\|(.*?)\|", STORY, flags=re.MULTILINE)
    return [(int(number), re.findall(r"`([^`]+)`", files)) for number, files in rows]


def test_the_story_has_nine_stations() -> None:
    assert [number for number, _ in _stations()] == list(range(1, 10))


@pytest.mark.parametrize(("number", "files"), _stations())
def test_each_station_names_itself_in_its_first_lines(number: int, files: list[str]) -> None:
    for file in files:
        head = "\n".join((ROOT / file).read_text().splitlines()[:25])
        assert f"Station {number} of 9" in head, file


def test_the_journey_walks_every_station() -> None:
    journey = (ROOT / "tests" / "journey" / "test_one_observation.py").read_text()
    walked = {int(n) for n in re.findall(r"Station (\d)", journey)}
    assert walked == set(range(1, 10))


@pytest.mark.parametrize(
    "page", sorted(p.relative_to(ROOT).as_posix() for p in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if not target.startswith(("http:", "https:", "mailto:")):
            assert ((ROOT / page).parent / target).exists(), f"{page} links to {target}"


def test_the_readme_names_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text()
    assert readme.index("make run") < readme.index("make test")


def test_every_benchmark_is_explained() -> None:
    readme = (ROOT / "bench" / "README.md").read_text()
    for script in ROOT.glob("bench/*.py"):
        assert script.name in readme, script.name


def test_every_decision_is_written_in_four_parts() -> None:
    for page in (ROOT / "docs" / "adr").glob("*.md"):
        text = page.read_text()
        for part in ("**Context.**", "**Decision.**", "**Status.**", "**Consequences.**"):
            assert part in text, f"{page.name} lacks {part}"


def test_the_repository_speaks_of_the_project_alone() -> None:
    """No private key and no path of somebody's machine in what is committed."""
    for source in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*"), *ROOT.glob("mobile_models/**/*.json")]:
        if source.is_file() and source.suffix in {".md", ".json"}:
            text = source.read_text()
            assert "PRIVATE KEY" not in text, source
            assert "/root/" not in text, source
