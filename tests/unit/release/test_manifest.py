import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pestwatch.errors import Problem
from pestwatch.release.manifest import (
    SIZES,
    ReleaseFile,
    canonical,
    check_files,
    describe_files,
    parse_manifest,
    role_of,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def entries(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "role": role_of(name), "bytes": 3, "sha256": "0" * 64} for name in names]


REGIONAL = entries("small.tflite", "small.json", "golden.png")
FAMILY = REGIONAL + entries(
    "nano.tflite", "nano.json", "base.tflite", "base.json", "gate.tflite", "gate.json", "small.weights.npz"
)
COUNTS = {size: {"GNORAB": 3} for size in SIZES}


def message(**changes: Any) -> bytes:
    manifest = {
        "v": 2,
        "region": "base",
        "version": "base-20261125-1",
        "seq": 1,
        "created_at": "2026-11-25T03:04:05Z",
        "expires_at": "2028-11-24T03:04:05Z",
        "min_app": 2,
        "base_version": None,
        "files": FAMILY,
        "golden": {"name": "golden.png", "counts": COUNTS},
        "metrics": {},
    }
    return json.dumps(manifest | changes).encode()


def golden(counts: Any, name: str = "golden.png") -> dict[str, Any]:
    return {"golden": {"name": name, "counts": counts}}


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


def test_a_region_releases_small_alone_and_the_base_line_the_family() -> None:
    assert parse_manifest(message()).sizes == ("nano", "small", "base")
    regional = {"region": "IN-MH-500", "version": "IN-MH-500-20261125-1", "files": REGIONAL}
    assert parse_manifest(message(**regional, **golden({"small": {"GNORAB": 3}}))).sizes == ("small",)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"v": 1}, "Invalid enum value 1"),
        ({"seq": 0}, ">= 1"),
        ({"seq": True}, "Expected `int`"),
        ({"region": "../base"}, "regex"),
        ({"version": "IN-MH-500-20261125-1"}, "not one of its region"),
        ({"created_at": "2026-11-25T03:04:05"}, "timezone"),
        (golden(COUNTS, "other.png"), "golden picture"),
        (golden({"small": {"GNORAB": 3}}), "golden counts are not those of its models"),
        (golden(COUNTS | {"huge": {}}), "Invalid enum value"),
        (golden(COUNTS | {"nano": {"GNORAB": -1}}), ">= 0"),
        ({"files": []}, "no small model"),
        ({"files": FAMILY[1:]}, "small.tflite and small.json belong together"),
        ({"files": [entry for entry in FAMILY if entry["name"] != "nano.json"]}, "nano.tflite and nano.json"),
        ({"files": [entry for entry in FAMILY if entry["name"] != "gate.json"]}, "gate.tflite and gate.json"),
        ({"files": FAMILY + entries("card-good.png") * 2}, "listed twice"),
        ({"files": [FAMILY[0] | {"role": "gate"}, *FAMILY[1:]]}, "small.tflite is no gate"),
        ({"files": [FAMILY[0] | {"name": "../x"}]}, "regex"),
        ({"files": [FAMILY[0] | {"bytes": 0}]}, ">= 1"),
        ({"files": [FAMILY[0] | {"sha256": "0" * 63}]}, "regex"),
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
    names = ("nano.tflite", "base.json", "gate.tflite", "gate.json", "small.weights.npz", "card-by-scale.png")
    described = describe_files(dict.fromkeys(names, b"x"))
    assert [entry.role for entry in described] == ["model", "sidecar", "gate", "gate_sidecar", "weights", "card"]
    for name in ("notes.txt", "nano.weights.npz", "card-.png", "card-../x.png", "huge.tflite"):
        with pytest.raises(Problem, match=r"a release has no such file"):
            describe_files({name: b"x"})
