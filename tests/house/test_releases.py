"""Every release that the project ships is complete, signed and described, and no private key is in the repository."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from pestwatch.release.manifest import SIZES, model_name
from pestwatch.release.registry import Release, current_version, find_current, releases
from pestwatch.release.signing import Trust, admit
from pestwatch.vision.infer import Counter, count_photo
from pestwatch.vision.metadata import read_metadata
from pestwatch.vision.shape import FAMILY

ROOT = Path(__file__).parents[2]
SHELF = ROOT / "mobile_models" / "releases"
KEYS = ROOT / "mobile_models" / "keys"
RELEASES = list(releases(SHELF))

every_release = pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.manifest.version)


def test_a_base_release_is_in_use() -> None:
    assert current_version(SHELF, "base") in {release.manifest.version for release in RELEASES}


@every_release
def test_a_release_is_signed_and_its_files_are_those_that_were_signed(release: Release) -> None:
    verified = release.verified(Trust.shipped(KEYS))
    assert release.folder == SHELF / verified.manifest.region / verified.manifest.version
    assert admit(verified, {}) == {verified.chain: verified.manifest.seq}


@every_release
def test_a_release_has_a_card_that_speaks_of_its_files(release: Release) -> None:
    card = (release.folder / "MODEL_CARD.md").read_text()
    assert release.manifest.version in card
    assert all(entry.sha256 in card for entry in release.manifest.files)
    assert "## What it cannot do" in card


@every_release
def test_a_release_holds_nothing_that_its_manifest_does_not_name(release: Release) -> None:
    named = {entry.name for entry in release.manifest.files}
    assert {path.name for path in release.folder.iterdir()} == named | {
        "manifest.json",
        "manifest.sig",
        "MODEL_CARD.md",
    }


@every_release
def test_a_release_counts_its_golden_picture_as_it_says(release: Release) -> None:
    golden = release.manifest.golden
    for size in release.manifest.sizes:
        counter = Counter.from_release(release.folder, size=size)
        assert counter.version == release.manifest.version
        assert count_photo(release.folder / golden.name, counter).counts == golden.counts[size]
        assert sum(golden.counts[size].values()) > 0


@every_release
def test_every_model_file_says_of_which_release_it_is(release: Release) -> None:
    for size in release.manifest.sizes:
        assert release.manifest.version in read_metadata((release.folder / model_name(size)).read_bytes())


@every_release
def test_every_sidecar_belongs_to_its_file(release: Release) -> None:
    gate = ["gate"] if (release.folder / "gate.json").exists() else []
    for name in (*release.manifest.sizes, *gate):
        sidecar = json.loads((release.folder / f"{name}.json").read_bytes())
        assert (sidecar["name"], sidecar["version"]) == (name, release.manifest.version)
        assert sidecar["model_sha256"] == release.manifest.file(f"{name}.tflite").sha256


def test_the_sizes_of_releases_are_the_networks_that_are_trained() -> None:
    assert set(SIZES) == set(FAMILY)


def test_seq_rises_from_release_to_release() -> None:
    in_order = sorted(RELEASES, key=lambda release: release.manifest.created_at)
    numbers = [release.manifest.seq for release in in_order]
    assert numbers == sorted(set(numbers))


def test_every_key_belongs_to_a_release() -> None:
    signed_by = {release.signature.key_id for release in RELEASES}
    assert {path.stem for path in KEYS.glob("*.json")} == signed_by


def test_regions_without_a_release_of_their_own_get_the_base() -> None:
    assert find_current("IN-MH-500", SHELF).manifest.region == "base"


def test_no_private_key_is_in_the_repository() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    files = listed.stdout.decode().split("\0") if listed.returncode == 0 else []
    looks_private = re.compile(rb'BEGIN [A-Z ]*PRIVATE KEY|"private_key"\s*:\s*"')
    for name in filter(None, files):
        path = ROOT / name
        if path.is_file() and not name.startswith("tests/"):
            assert not looks_private.search(path.read_bytes()), name
