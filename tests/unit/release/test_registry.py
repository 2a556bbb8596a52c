import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from pestwatch.errors import Problem
from pestwatch.release.candidate import Candidate
from pestwatch.release.installation import InstallationKeys
from pestwatch.release.registry import (
    Release,
    current_version,
    find_current,
    find_release,
    next_version,
    point_current,
    publish,
    publish_base,
    read_release,
    releases,
    restore,
)
from pestwatch.release.signing import Trust

Publish = Callable[..., Release]


@pytest.fixture
def put(shelf: Path, candidate: Candidate, installation: InstallationKeys, now: datetime) -> Publish:
    def put(region: str = "IN-MH-500", number: int = 1) -> Release:
        return publish(shelf, region, f"{region}-20261125-{number}", candidate, installation.online, now=now)

    return put


def test_a_published_release_is_complete_verified_and_in_use(
    put: Publish, shelf: Path, installation: InstallationKeys
) -> None:
    release = put()
    assert release.verified(Trust(root=installation.root)).manifest.seq == 1
    assert find_current("IN-MH-500", shelf).content == release.content
    assert {path.name for path in release.folder.iterdir()} == {
        "small.tflite",
        "small.json",
        "golden.png",
        "manifest.json",
        "manifest.sig",
        "MODEL_CARD.md",
    }


def test_a_changed_file_is_found_out(put: Publish, installation: InstallationKeys) -> None:
    release = put()
    (release.folder / "small.tflite").write_bytes(b"b model")
    with pytest.raises(Problem, match=r"422\.21 .*small\.tflite"):
        release.verified(Trust(root=installation.root))


def test_a_version_is_published_once(put: Publish, shelf: Path) -> None:
    first = put()
    with pytest.raises(Problem, match=r"422\.24"):
        put()
    assert read_release(first.folder).content == first.content
    assert not list(shelf.rglob(".draft*"))


def test_seq_rises_over_all_regions_of_an_installation(put: Publish) -> None:
    assert [put().manifest.seq, put("IN-TS-532").manifest.seq, put(number=2).manifest.seq] == [1, 2, 3]


def test_publishers_at_the_same_time_never_share_a_seq(put: Publish) -> None:
    with ThreadPoolExecutor(4) as pool:
        released = list(pool.map(lambda number: put(number=number), range(1, 9)))
    assert sorted(release.manifest.seq for release in released) == list(range(1, 9))


def test_a_region_without_its_own_release_uses_the_base(
    put: Publish, shelf: Path, tmp_path: Path, family: Candidate, now: datetime
) -> None:
    project = tmp_path / "project"
    publish_base(project, tmp_path / "shipped", "base-20261125-1", family, now=now)
    put()
    assert find_current("IN-MH-500", shelf, project).manifest.region == "IN-MH-500"
    assert find_current("IN-TS-532", shelf, project).manifest.version == "base-20261125-1"
    with pytest.raises(Problem, match=r"404\.1"):
        find_current("IN-TS-532", shelf)


def test_a_base_release_leaves_its_public_key_and_no_private_one(
    shelf: Path, tmp_path: Path, family: Candidate, now: datetime
) -> None:
    release = publish_base(shelf, tmp_path / "shipped", "base-20261125-1", family, now=now)
    (key_file,) = (tmp_path / "shipped").iterdir()
    assert key_file.name == f"{release.signature.key_id}.json"
    assert set(json.loads(key_file.read_bytes())) == {"key_id", "public_key", "not_before", "not_after", "signs"}
    release.verified(Trust.shipped(tmp_path / "shipped"))


def test_a_base_release_holds_and_signs_the_whole_family(
    shelf: Path, tmp_path: Path, family: Candidate, now: datetime
) -> None:
    release = publish_base(shelf, tmp_path / "shipped", "base-20261125-1", family, now=now)
    assert release.manifest.sizes == ("nano", "small", "base")
    assert {entry.name for entry in release.manifest.files} == set(family.files)
    for name in family.files:
        damaged = release.folder / name
        content = damaged.read_bytes()
        damaged.write_bytes(content[:-1])
        with pytest.raises(Problem, match=rf"422\.21 .*{name}"):
            release.verified(Trust.shipped(tmp_path / "shipped"))
        damaged.write_bytes(content)


def test_a_candidate_comes_back_from_its_folder_without_what_else_lies_there(tmp_path: Path, family: Candidate) -> None:
    family.write(tmp_path)
    (tmp_path / "nano.weights.npz").write_bytes(b"not released")
    again = Candidate.read(tmp_path)
    assert again.files == family.files
    assert (again.golden_counts, again.metrics, again.facts) == (family.golden_counts, family.metrics, family.facts)


def test_a_region_is_rolled_back_under_a_new_name_and_a_higher_seq(
    put: Publish, shelf: Path, installation: InstallationKeys, now: datetime
) -> None:
    first, second = put(number=1), put(number=2)
    again = restore(shelf, "IN-MH-500", first, installation.online, now=now)
    assert again.manifest.seq == 3 > second.manifest.seq
    assert again.manifest.version == "IN-MH-500-20261125-3" == current_version(shelf, "IN-MH-500")
    assert again.manifest.file("small.tflite").sha256 == first.manifest.file("small.tflite").sha256
    assert json.loads((again.folder / "small.json").read_bytes())["version"] == again.manifest.version
    assert "rolled back" in (again.folder / "MODEL_CARD.md").read_text()


def test_a_region_rolled_back_to_the_base_takes_its_small_alone(
    shelf: Path, tmp_path: Path, family: Candidate, installation: InstallationKeys, now: datetime
) -> None:
    base = publish_base(tmp_path / "project", tmp_path / "shipped", "base-20261125-1", family, now=now)
    again = restore(shelf, "IN-MH-500", base, installation.online, now=now)
    assert [entry.name for entry in again.manifest.files] == ["small.tflite", "small.json", "golden.png"]
    assert again.manifest.golden.counts == {"small": base.manifest.golden.counts["small"]}
    assert again.manifest.metrics == family.metrics
    assert again.manifest.base_version == "base-20261125-1"


def test_current_points_only_at_what_lies_on_the_shelf(put: Publish, shelf: Path) -> None:
    put()
    with pytest.raises(Problem, match=r"404\.1"):
        point_current(shelf, "IN-MH-500", "IN-MH-500-20261125-9")
    (shelf / "IN-MH-500" / "current.json").write_text("[]")
    with pytest.raises(Problem, match=r"422\.20"):
        current_version(shelf, "IN-MH-500")


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", ".lock", "../../keys"])
def test_names_from_outside_never_leave_the_shelf(put: Publish, shelf: Path, name: str) -> None:
    release = put()
    for region, version in ((name, release.manifest.version), ("IN-MH-500", name)):
        with pytest.raises(Problem, match=r"404\.1"):
            find_release(region, version, shelf)
    assert current_version(shelf, name) is None


def test_the_next_version_is_one_that_no_shelf_has(put: Publish, shelf: Path, now: datetime) -> None:
    assert next_version("IN-MH-500", now, shelf) == "IN-MH-500-20261125-1"
    put(number=1)
    put(number=3)
    assert next_version("IN-MH-500", now, shelf) == "IN-MH-500-20261125-2"


def test_a_draft_is_not_a_release(put: Publish, shelf: Path) -> None:
    release = put()
    draft = shelf / "IN-MH-500" / ".draftx"
    draft.mkdir()
    (draft / "manifest.json").write_text("{")
    assert [found.manifest.version for found in releases(shelf)] == [release.manifest.version]


def test_what_would_be_refused_on_a_phone_is_not_published(
    shelf: Path, candidate: Candidate, installation: InstallationKeys, now: datetime
) -> None:
    with pytest.raises(Problem, match="not one of its region"):
        publish(shelf, "IN-MH-500", "IN-TS-532-20261125-1", candidate, installation.online, now=now)
    assert current_version(shelf, "IN-MH-500") is None


def test_a_candidate_crosses_a_folder_unchanged(candidate: Candidate, tmp_path: Path) -> None:
    candidate.write(tmp_path / "candidate")
    assert Candidate.read(tmp_path / "candidate") == candidate
    with pytest.raises(Problem, match=r"422\.20"):
        Candidate.read(tmp_path)


def test_a_release_that_cannot_be_described_leaves_nothing_behind(
    shelf: Path, candidate: Candidate, installation: InstallationKeys, now: datetime
) -> None:
    broken = replace(candidate, metrics={"small": {"hold-out": {"per_species": {"GNORAB": {}}}}})
    with pytest.raises(KeyError):
        publish(shelf, "IN-MH-500", "IN-MH-500-20261125-1", broken, installation.online, now=now)
    assert not list((shelf / "IN-MH-500").iterdir())


def test_an_empty_folder_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"404\.1"):
        read_release(tmp_path)
