import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pestwatch.errors import Problem
from pestwatch.release.manifest import ReleaseFile, canonical, check_files, describe_files, parse_manifest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def message(**changes: Any) -> bytes:
    entries = [
        {"name": name, "role": role, "bytes": 3, "sha256": "0" * 64}
        for name, role in (("small.tflite", "model"), ("small.json", "sidecar"), ("golden.png", "golden"))
    ]
    manifest = {
        "v": 1,
        "region": "base",
        "version": "base-20261125-1",
        "seq": 1,
        "created_at": "2026-11-25T03:04:05Z",
        "expires_at": "2028-11-24T03:04:05Z",
        "min_app": 1,
        "base_version": None,
        "files": entries,
        "golden": {"name": "golden.png", "counts": {"GNORAB": 3}},
        "metrics": {},
    }
    return json.dumps(manifest | changes).encode()


def refused(content: bytes) -> str:
    with pytest.raises(Problem) as caught:
        parse_manifest(content)
    assert caught.value.number == "422.20"
    return str(caught.value)


@given(JSON)
def test_canonical_json_has_one_spelling_and_loses_nothing(value: Any) -> None:
    spelled = canonical(value)
    assert json.loads(spelled) == value
    assert canonical(json.loads(spelled)) == spelled


def test_canonical_json_sorts_keys_and_has_no_spaces() -> None:
    assert canonical({"b": 1, "a": ["é", None]}) == '{"a":["é",null],"b":1}'.encode()


def test_a_manifest_is_read_and_written_back_the_same() -> None:
    manifest = parse_manifest(message())
    assert parse_manifest(canonical(manifest)) == manifest
    assert b'"created_at":"2026-11-25T03:04:05Z"' in canonical(manifest)
    assert manifest.file("golden.png").size_bytes == 3
    with pytest.raises(Problem, match="404"):
        manifest.file("other.png")


def test_fields_of_a_newer_pestwatch_are_ignored() -> None:
    assert parse_manifest(message(rollout_percent=10)).seq == 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"v": 2}, "Invalid enum value 2"),
        ({"seq": 0}, ">= 1"),
        ({"seq": True}, "Expected `int`"),
        ({"region": "../base"}, "regex"),
        ({"version": "IN-MH-500-20261125-1"}, "not one of its region"),
        ({"created_at": "2026-11-25T03:04:05"}, "timezone"),
        ({"golden": {"name": "other.png", "counts": {}}}, "golden picture"),
        ({"files": []}, "one model and one sidecar"),
        ({"files": [{"name": "../x", "role": "model", "bytes": 1, "sha256": "0" * 64}]}, "regex"),
        ({"files": [{"name": "x", "role": "model", "bytes": 0, "sha256": "0" * 64}]}, ">= 1"),
        ({"files": [{"name": "x", "role": "model", "bytes": 1, "sha256": "0" * 63}]}, "regex"),
        ({"files": [{"name": "x", "role": "model", "bytes": 1, "sha256": "0" * 64}] * 2}, "listed twice"),
    ],
)
def test_a_wrong_manifest_is_refused_with_the_reason(changes: dict[str, Any], why: str) -> None:
    assert why in refused(message(**changes))


def test_what_is_not_json_is_refused() -> None:
    refused(b"\x00")
    refused(b"[]")


def test_files_are_compared_by_length_and_hash(tmp_path: Path) -> None:
    (tmp_path / "golden.png").write_bytes(b"right")
    entry = ReleaseFile.describing("golden.png", "golden", b"right")
    entry.check(b"right")
    for wrong in (b"wrong", b"righ", b""):
        with pytest.raises(Problem, match=r"422\.21"):
            entry.check(wrong)


def test_a_missing_file_is_refused_like_a_wrong_one(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"422\.21"):
        check_files(parse_manifest(message()), tmp_path)


def test_only_files_of_a_release_get_a_role() -> None:
    assert [entry.role for entry in describe_files({"small.tflite": b"x", "small.weights.npz": b"y"})] == [
        "model",
        "weights",
    ]
    with pytest.raises(Problem, match=r"notes\.txt"):
        describe_files({"notes.txt": b"x"})
