"""Models on their way to phones: the exact signed bytes, cheap to ask for again, resumable."""

import base64
import json

import pytest
from flask import Flask
from flask.testing import FlaskClient

from pestwatch.release.candidate import Candidate
from pestwatch.release.card import CardFacts
from pestwatch.release.installation import open_installation
from pestwatch.release.registry import Release, publish, publish_base
from pestwatch.release.signing import Trust, parse_signature, verify
from server.config import Settings
from tests.factories import NOW, REGION
from tests.server.conftest import Phone

MODEL = bytes(range(256)) * 8


OF_A_BASE = {
    "nano.tflite": b"tiny",
    "nano.json": b"{}",
    "gate.tflite": b"gate",
    "gate.json": b"{}",
    "card-good.png": b"picture",
}


def candidate(*, is_base: bool = False) -> Candidate:
    files = {"small.tflite": MODEL, "small.json": b'{"v":2,"version":"?"}', "golden.png": b"a picture"}
    counts = {"small": {"HELIAR": 3}}
    if is_base:
        files, counts = files | OF_A_BASE, counts | {"nano": {"HELIAR": 2}}
    return Candidate(files=files, golden_counts=counts, metrics={}, facts=CardFacts("Counts."))


@pytest.fixture
def base(settings: Settings) -> Release:
    shelf, keys = settings.models_dir / "releases", settings.models_dir / "keys"
    return publish_base(shelf, keys, "base-20261125-1", candidate(is_base=True), now=NOW)


@pytest.fixture
def regional(settings: Settings, base: Release) -> Release:
    keys = open_installation(settings.keys_dir, NOW)
    return publish(settings.releases_dir, REGION, f"{REGION}-20261125-1", candidate(), keys.online, now=NOW)


def test_a_region_without_a_model_of_its_own_gets_the_base(client: FlaskClient, base: Release) -> None:
    answer = client.get(f"/api/v1/releases/{REGION}/current").json
    assert base64.b64decode(answer["manifest"]) == base.content
    assert json.loads(base.content)["version"] == "base-20261125-1"
    assert "base" not in answer


def test_a_regions_own_release_comes_with_the_base_for_what_it_lacks(
    client: FlaskClient, base: Release, regional: Release
) -> None:
    answer = client.get(f"/api/v1/releases/{REGION}/current").json
    assert base64.b64decode(answer["manifest"]) == regional.content
    assert base64.b64decode(answer["base"]["manifest"]) == base.content
    nano = base.manifest.file("nano.tflite")
    nano.check(client.get(f"/api/v1/releases/base/{base.manifest.version}/{nano.name}").data)


def test_a_region_is_served_although_the_base_is_damaged(client: FlaskClient, base: Release, regional: Release) -> None:
    (base.folder / "manifest.json").write_bytes(b"{")
    answer = client.get(f"/api/v1/releases/{REGION}/current").json
    assert base64.b64decode(answer["manifest"]) == regional.content
    assert "base" not in answer


def test_a_phone_can_verify_what_it_gets_with_the_root_it_learnt(
    client: FlaskClient, regional: Release, settings: Settings
) -> None:
    answer = client.get(f"/api/v1/releases/{REGION}/current").json
    root = open_installation(settings.keys_dir, NOW).root
    signature = parse_signature(json.dumps(answer["signature"]).encode())
    trust = Trust.shipped(settings.models_dir / "keys", root)
    manifest = verify(base64.b64decode(answer["manifest"]), signature, trust).manifest
    for entry in manifest.files:
        served = client.get(f"/api/v1/releases/{REGION}/{manifest.version}/{entry.name}")
        entry.check(served.data)
        assert "immutable" in served.headers["Cache-Control"]


def test_asking_again_for_what_has_not_changed_costs_no_body(client: FlaskClient, regional: Release) -> None:
    for path in (f"{REGION}/current", f"{REGION}/{regional.manifest.version}/small.tflite"):
        first = client.get(f"/api/v1/releases/{path}")
        again = client.get(f"/api/v1/releases/{path}", headers={"If-None-Match": first.headers["ETag"]})
        assert (first.status_code, again.status_code, again.data) == (200, 304, b"")


def test_a_broken_download_goes_on_where_it_stopped(client: FlaskClient, base: Release) -> None:
    path = "/api/v1/releases/base/base-20261125-1/small.tflite"
    rest = client.get(path, headers={"Range": "bytes=1000-"})
    assert (rest.status_code, rest.data) == (206, MODEL[1000:])
    assert rest.headers["Content-Range"] == f"bytes 1000-{len(MODEL) - 1}/{len(MODEL)}"


@pytest.mark.parametrize(
    "path",
    ["base/current.json", "base/base-20261125-1/manifest.sig", "base/base-20261125-9/small.tflite",
     "../keys/current", "base/../small.tflite", "base/%2e%2e/current.json", "nowhere/base-20261125-1/small.tflite"],
)  # fmt: skip
def test_a_name_outside_the_manifest_names_nothing(client: FlaskClient, base: Release, path: str) -> None:
    response = client.get(f"/api/v1/releases/{path}")
    assert response.status_code in {404, 405}
    assert response.json["problem"]["number"] in {"404.1", "405.1"}


def test_an_empty_shelf_is_a_clear_answer_and_no_reason_not_to_sync(client: FlaskClient, phone: Phone) -> None:
    assert client.get(f"/api/v1/releases/{REGION}/current").status_code == 404
    assert phone.sync()["release"] is None


def test_a_sync_names_the_model_to_count_with(phone: Phone, regional: Release) -> None:
    assert phone.sync()["release"] == {"region": REGION, "version": regional.manifest.version, "seq": 1}


def test_a_damaged_shelf_keeps_no_phone_from_syncing(phone: Phone, regional: Release) -> None:
    (regional.folder / "manifest.json").write_bytes(b"{")
    answer = phone.sync()
    assert (answer["device"], answer["release"]) == ("active", None)


def test_an_operator_rolls_a_region_back_to_the_base(
    app: Flask, client: FlaskClient, base: Release, regional: Release
) -> None:
    told = app.test_cli_runner().invoke(args=["roll-back", "base-20261125-1"]).output
    answer = client.get(f"/api/v1/releases/{REGION}/current").json
    manifest = json.loads(base64.b64decode(answer["manifest"]))
    assert told == f"{REGION} counts with the model of base-20261125-1 again, as {manifest['version']}.\n"
    assert manifest["version"] not in {base.manifest.version, regional.manifest.version}
    assert manifest["seq"] > regional.manifest.seq
    unknown = app.test_cli_runner().invoke(args=["roll-back", "base-20990101-1"])
    assert (unknown.exit_code, "404.1" in unknown.output) == (1, True)
