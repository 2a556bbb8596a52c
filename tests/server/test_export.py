"""What leaves: whole, in the standards' shapes, only to those who may have it, and without anybody's name."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from flask import Flask
from sqlalchemy import Engine, select

from pestwatch.errors import Problem
from pestwatch.sync.clock import PhoneClock
from pestwatch.sync.protocol import canonical, read_fact
from server.config import Settings
from server.db import catches, photos, store
from server.db.people import record_region, region_by_id
from server.db.session import session_scope
from server.db.tables import Device, Transfer
from server.exchange import sharing
from server.exchange.figures import LEAST, REST, Cell, printable
from server.exchange.giving_out import FORMATS, give_out
from server.pictures import PhotoHeader
from tests import factories
from tests.factories import NOW, REGION, inspection_fact, observation_fact, trap_fact

SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
FIRST, LAST = date(2026, 11, 1), date(2026, 11, 25)
SECRET_WORDS = ("By the well", "Sukhdev", "Wadgaon")
ARNI, BABULGAON = 4088, 4084


def tell(engine: Engine, *facts: dict[str, Any], region: str = REGION) -> Device:
    """A phone of its own says something."""
    with session_scope(engine) as session:
        device = factories.device(session, region=region)
        read = [read_fact(canonical(fact)) for fact in facts]
        receipts = store.record_facts(session, device, read, PhoneClock(timedelta(), NOW))
        assert {receipt.status for receipt in receipts} == {"stored"}
    return device


@pytest.fixture
def counted(engine: Engine) -> Engine:
    """A trap with a photo whose count an officer corrected, an empty one by hand, and a photo that the gate rejected."""
    named = {"name": "By the well of Sukhdev", "village": "Wadgaon", "subdistrict": ARNI, "district": REGION}
    device = tell(
        engine,
        trap_fact(1, **named),
        observation_fact(2, photo=SHA, photo_consent=True, intervals={"HELIAR": [5, 19]}),
        observation_fact(3, NOW - timedelta(days=2), source="hand", counts={"HELIAR": 0}, model=None, gate=None),
        observation_fact(4, NOW - timedelta(days=4), gate={"verdict": "rejected", "reason": "too_dark"}),
        inspection_fact(5),
    )
    with session_scope(engine) as session:
        photos.record_photo(session, device, SHA, PhotoHeader("image/jpeg", 640, 480, 1000), NOW)
    return engine


def export(engine: Engine, settings: Settings, kind: str, first: date = FIRST, last: date = LAST) -> bytes:
    with session_scope(engine, read_only=True) as session:
        region = region_by_id(session, REGION)
    out = io.BytesIO()
    give_out(engine, settings, region, kind, out, first=first, last=last, staff=None, now=NOW)
    return out.getvalue()


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def parts(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


# --- every format


@pytest.mark.parametrize("kind", FORMATS)
def test_no_export_names_anybody_or_any_phone(counted: Engine, settings: Settings, kind: str) -> None:
    content = export(counted, settings, kind)
    read = b"".join(parts(content).values()) if FORMATS[kind].suffix == "zip" else content
    assert not [word for word in SECRET_WORDS if word.encode() in read]
    with session_scope(counted, read_only=True) as session:
        tokens = [device.token_hash for device in session.scalars(select(Device))]
    assert not [token for token in tokens if token.encode() in read]


@pytest.mark.parametrize("kind", FORMATS)
def test_an_export_holds_its_region_and_its_days_only(engine: Engine, settings: Settings, kind: str) -> None:
    with session_scope(engine) as session:
        record_region(session, "IN-TS-501", "Adilabad", NOW)
    tell(engine, trap_fact(), observation_fact(), inspection_fact(), region="IN-TS-501")
    tell(engine, trap_fact(), observation_fact(3, NOW - timedelta(days=40)))
    content = export(engine, settings, kind)
    read = b"".join(parts(content).values()) if FORMATS[kind].suffix == "zip" else content
    assert b"HELIAR" not in read
    assert b"Helicoverpa" not in read


def test_a_long_export_is_read_in_pieces(engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "PIECE", 2)
    same_moment = [observation_fact(seq, counts={"HELIAR": seq}) for seq in (2, 3, 4, 5, 6)]
    tell(engine, trap_fact(), *same_moment, observation_fact(7, NOW - timedelta(days=1), counts={"HELIAR": 7}))
    assert [row["insects"] for row in table(export(engine, settings, "csv"))] == ["7", "2", "3", "4", "5", "6"]


def test_every_export_is_noted(counted: Engine, settings: Settings) -> None:
    export(counted, settings, "csv")
    with session_scope(counted, read_only=True) as session:
        (done,) = session.scalars(select(Transfer))
    assert (done.direction, done.name, done.told) == (
        "out", "csv", {"first": "2026-11-01", "last": "2026-11-25", "rows": 3},
    )  # fmt: skip


# --- CSV and GeoJSON


def test_csv_has_a_row_for_each_species_with_who_counted(counted: Engine, settings: Settings) -> None:
    rows = [row for row in table(export(counted, settings, "csv")) if row["species"] == "HELIAR"]
    assert [(row["insects"], row["counted_by"], row["usable"]) for row in rows] == [
        ("12", "phone", "no"), ("0", "farmer", "yes"), ("12", "phone", "yes"),
    ]  # fmt: skip
    assert (rows[2]["least"], rows[2]["greatest"], rows[2]["taluka"]) == ("5", "19", "Arni")


def test_geojson_gives_each_trap_its_catch_at_a_coarse_place(counted: Engine, settings: Settings) -> None:
    (feature,) = json.loads(export(counted, settings, "geojson-traps"))["features"]
    assert feature["geometry"] == {"type": "Point", "coordinates": [78.3494, 20.062]}
    told = feature["properties"]
    assert (told["insects"], told["trap_nights"], told["catch_per_trap_night"], told["taluka"]) == (12, 4, 3, "Arni")
    (taluka,) = json.loads(export(counted, settings, "geojson-talukas"))["features"]
    assert "trap" not in taluka["properties"]


# --- Darwin Core


def test_a_darwin_core_archive_describes_its_own_tables(counted: Engine, settings: Settings) -> None:
    found = parts(export(counted, settings, "darwin-core"))
    space = {"t": "http://rs.tdwg.org/dwc/text/"}
    meta = ET.fromstring(found["meta.xml"])
    assert meta.get("metadata") in found
    for described in meta:
        columns = found[described.findtext("t:files/t:location", "", space)].decode().splitlines()[0].split(",")
        for field in described.findall("t:field", space):
            assert field.get("term", "").rpartition("/")[2] == columns[int(field.get("index", -1))]
    eml = ET.fromstring(found["eml.xml"])
    assert [child.tag for child in eml[0]] == [
        "title", "creator", "metadataProvider", "pubDate", "language", "abstract", "coverage", "contact",
    ]  # fmt: skip


def test_darwin_core_tells_effort_and_absence_and_leaves_rejected_photos_out(
    counted: Engine, settings: Settings
) -> None:
    found = parts(export(counted, settings, "darwin-core"))
    events, occurrences = table(found["event.csv"]), table(found["occurrence.csv"])
    assert [(event["sampleSizeValue"], event["eventDate"]) for event in events] == [
        ("2.0", "2026-11-21T06:00:00Z/2026-11-23T06:00:00Z"),
        ("2.0", "2026-11-23T06:00:00Z/2026-11-25T06:00:00Z"),
    ]
    assert {one["eventID"] for one in occurrences} == {event["eventID"] for event in events}
    assert len({one["occurrenceID"] for one in occurrences}) == len(occurrences) == 4
    by_hand, *by_machine = [
        (one["basisOfRecord"], one["individualCount"], one["occurrenceStatus"]) for one in occurrences
    ]
    assert by_hand == ("HumanObservation", "0", "absent")
    assert by_machine[1] == ("MachineObservation", "12", "present")


# --- Camtrap DP


def test_a_camtrap_package_holds_photos_that_were_agreed_to_be_sent(counted: Engine, settings: Settings) -> None:
    found = parts(export(counted, settings, "camtrap-dp"))
    package = json.loads(found["datapackage.json"])
    (deployment,), (medium,) = table(found["deployments.csv"]), table(found["media.csv"])
    observations = table(found["observations.csv"])
    assert medium["deploymentID"] == deployment["deploymentID"]
    assert {one["mediaID"] for one in observations} == {medium["mediaID"]}
    assert [(one["scientificName"], one["count"]) for one in observations] == [
        ("Helicoverpa armigera", "12"), ("Noctuidae", "1"),
    ]  # fmt: skip
    assert {one["scientificName"] for one in package["taxonomic"]} == {one["scientificName"] for one in observations}
    assert [resource["path"] for resource in package["resources"]] == [
        "deployments.csv",
        "media.csv",
        "observations.csv",
    ]


@pytest.mark.parametrize("counts", [{"HELIAR": 0}, {"HELIAR": 3, "GNORAB": 0}])
def test_camtrap_tables_say_what_the_standard_asks_for(
    engine: Engine, settings: Settings, counts: dict[str, int]
) -> None:
    device = tell(engine, trap_fact(), observation_fact(photo=SHA, photo_consent=True, counts=counts))
    with session_scope(engine) as session:
        photos.record_photo(session, device, SHA, PhotoHeader("image/png", 640, 480, 1000), NOW)
    found = parts(export(engine, settings, "camtrap-dp"))
    for name, required in CAMTRAP_REQUIRED.items():
        for row in table(found[f"{name}.csv"]):
            for column, allowed in required.items():
                assert row[column], (name, column)
                assert not allowed or row[column] in allowed, (name, column, row[column])
    (row,) = table(found["observations.csv"])
    assert (row["observationType"], row["count"]) == (("animal", "3") if counts["HELIAR"] else ("blank", ""))


CAMTRAP_REQUIRED: dict[str, dict[str, set[str]]] = {
    "deployments": {
        "deploymentID": set(),
        "latitude": set(),
        "longitude": set(),
        "deploymentStart": set(),
        "deploymentEnd": set(),
    },
    "media": {
        "mediaID": set(),
        "deploymentID": set(),
        "captureMethod": {"activityDetection", "timeLapse"},
        "timestamp": set(),
        "filePath": set(),
        "filePublic": {"true", "false"},
        "fileMediatype": {"image/jpeg", "image/png"},
    },
    "observations": {
        "observationID": set(),
        "deploymentID": set(),
        "eventStart": set(),
        "eventEnd": set(),
        "observationLevel": {"media", "event"},
        "observationType": {"animal", "human", "vehicle", "blank", "unknown", "unclassified"},
        "classificationMethod": {"human", "machine"},
    },
}
"""What Camtrap DP 1.0.2 requires, and the words that it allows: https://camtrap-dp.tdwg.org/data/"""


def test_a_region_without_a_place_on_the_map_is_told_so(engine: Engine, settings: Settings) -> None:
    with session_scope(engine) as session:
        region = record_region(session, "IN-XX-1", "Nowhere", NOW)
    with pytest.raises(Problem, match=r"422\.43"):
        give_out(engine, settings, region, "camtrap-dp", io.BytesIO(), first=FIRST, last=LAST, staff=None, now=NOW)


# --- figures for the public


def cell(taluka: int, farmers: int) -> Cell:
    made = Cell((taluka,), insects=farmers, nights=1.0)
    made.farmers |= {taluka * 1000 + number for number in range(farmers)}
    made.traps |= {catches.TrapId(farmer, "t1") for farmer in made.farmers}
    return made


@pytest.mark.parametrize(
    ("farmers", "told"),
    [
        ([9, 7], [9, 7]),
        ([9, 4], [13]),
        ([9, 7, 4], [9, 11]),
        ([9, 3, 3], [9, 6]),
        ([4], []),
        ([2, 2], []),
        ([5, 1], [6]),
        ([], []),
    ],
)
def test_small_talukas_are_told_together_or_not_at_all(farmers: list[int], told: list[int]) -> None:
    printed = printable([cell(number, size) for number, size in enumerate(farmers)])
    assert sorted(one.insects for one in printed) == sorted(told)


def test_whatever_is_printed_and_subtracted_is_about_enough_farmers() -> None:
    for sizes in _every_district():
        printed = printable([cell(number, size) for number, size in enumerate(sizes)])
        assert all(len(one.farmers) >= LEAST and len(one.traps) >= LEAST for one in printed)
        assert sum(len(one.talukas) for one in printed) in {0, len(sizes)}, "a total would tell what is missing"


def _every_district() -> Iterator[tuple[int, ...]]:
    sizes = (1, 4, 5, 6)
    yield from ((a, b, c) for a in sizes for b in sizes for c in sizes)


def test_one_farmer_with_many_traps_is_still_one_farmer(engine: Engine, settings: Settings) -> None:
    traps = [trap_fact(seq, trap=f"t{seq}") for seq in range(1, 9)]
    at = NOW - timedelta(days=10)
    tell(engine, *traps, *(observation_fact(seq + 10, at, trap=f"t{seq}") for seq in range(1, 9)))
    assert table(export(engine, settings, "figures")) == []


def test_figures_tell_whole_weeks_of_enough_farmers(engine: Engine, settings: Settings) -> None:
    for taluka, farmers in ((ARNI, 6), (BABULGAON, 5), (None, 1)):
        for _ in range(farmers):
            described = trap_fact(1, subdistrict=taluka, district=REGION)
            this_week = observation_fact(3, NOW)
            tell(engine, described, observation_fact(2, NOW - timedelta(days=10)), this_week)
    rows = table(export(engine, settings, "figures"))
    assert [(row["taluka"], row["traps"], row["insects"]) for row in rows] == [("Arni", "6", "72"), (REST, "6", "72")]
    assert {(row["week"], row["from"], row["to"]) for row in rows} == {("46", "2026-11-12", "2026-11-18")}
    assert table(export(engine, settings, "figures", first=date(2026, 11, 13))) == []


# --- the command


def test_an_administrator_exports_a_file(app: Flask, counted: Engine, tmp_path: Any) -> None:
    done = app.test_cli_runner().invoke(
        args=["export-observations", "--as", "darwin-core", "--first", "2026-11-01", "--out", str(tmp_path)]
    )
    assert done.exit_code == 0, done.output
    assert done.output.endswith(f"pestwatch-{REGION}-darwin-core-2026-11-01-2026-11-25.zip: 2 observations\n")


def test_the_publisher_stands_in_the_archive(counted: Engine, settings: Settings) -> None:
    office = replace(settings, publisher="Department of Agriculture, Yavatmal")
    assert (
        b"<organizationName>Department of Agriculture, Yavatmal<"
        in parts(export(counted, office, "darwin-core"))["eml.xml"]
    )
