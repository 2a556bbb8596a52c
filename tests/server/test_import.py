"""What other systems recorded becomes observations: once, by the same rules, and never silently not."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, select

from pestwatch.errors import Problem
from server.db import catches
from server.db.session import session_scope
from server.db.tables import Device, Fact, Transfer
from server.exchange.mapping import FieldMapping, read_mapping, shipped_mapping
from server.exchange.rejects import write_rejects
from server.exchange.submissions import read_rows
from server.exchange.taking_in import Intake
from server.exchange.visits import Trouble, read_visit, stable_seq, trap_key
from tests.factories import NOW, REGION

SUBMISSION = {
    "KEY": "uuid:0a1b",
    "counted_at": "2026-11-20T07:30:00.000+05:30",
    "trap_id": "Wakad 7",
    "pest": "pink_bollworm",
    "crop": "cotton",
    "trap_type": "delta",
    "insects": "12",
    "nights": "3",
    "emptied": "yes",
    "lure_age_days": "9",
    "taluka": "Arni",
    "SubmitterName": "Asha Patil",
    "phone": "+91 98765 43210",
}
FAR_BACK = datetime(2020, 1, 1, tzinfo=UTC)


def submission(**changed: str) -> dict[str, str]:
    return SUBMISSION | changed


def as_csv(*rows: dict[str, str], delimiter: str = ",") -> bytes:
    out = io.StringIO(newline="")
    table = csv.DictWriter(out, rows[0].keys(), delimiter=delimiter)
    table.writeheader()
    table.writerows(rows)
    return out.getvalue().encode()


def take(engine: Engine, content: bytes, mapping: FieldMapping | None = None) -> tuple[dict[str, int], list[Trouble]]:
    intake = Intake()
    mapping = mapping or shipped_mapping("odk")
    troubles = list(intake.take(engine, io.BytesIO(content), mapping, REGION, name="visits", staff=None, now=NOW))
    return dict(intake.rows), troubles


def stored(engine: Engine) -> list[catches.Catch]:
    with session_scope(engine, read_only=True) as session:
        return catches.catch_rows(session, REGION, FAR_BACK)


# --- what comes in


def test_a_submission_becomes_an_observation_of_its_trap(engine: Engine) -> None:
    assert take(engine, as_csv(SUBMISSION)) == ({"stored": 1}, [])
    (row,) = stored(engine)
    assert (row.trap_name, row.pest, row.crop, row.counts, row.nights) == (
        "Wakad 7",
        "PECTGO",
        "cotton",
        {"PECTGO": 12},
        3,
    )
    assert row.taken_at == datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
    assert (row.source, row.lure_age_days, row.subdistrict) == ("hand", 9, 4088)


def test_importing_twice_doubles_nothing(engine: Engine) -> None:
    content = as_csv(SUBMISSION, submission(KEY="uuid:2c3d", counted_at="2026-11-23T07:30:00.000+05:30"))
    assert take(engine, content)[0] == {"stored": 2}
    assert take(engine, content)[0] == {"duplicate": 2}
    with session_scope(engine, read_only=True) as session:
        kinds = [fact.kind for fact in session.scalars(select(Fact))]
        assert sorted(kinds) == ["observation", "observation", "trap"]


def test_the_same_submission_from_csv_odata_and_kobo_is_one_observation(engine: Engine) -> None:
    typed: dict[str, Any] = SUBMISSION | {"insects": 12, "nights": 3, "lure_age_days": 9}
    del typed["KEY"]
    system = {"submissionDate": "2026-11-20T03:00:00Z", "reviewState": None}
    odata = {"value": [typed | {"__id": "uuid:0a1b", "__system": system}], "@odata.context": "…"}
    kobo = {
        "count": 1,
        "next": None,
        "results": [typed | {"meta/rootUuid": "uuid:0a1b", "_uuid": "edited", "_geolocation": [1, 2]}],
    }
    assert take(engine, as_csv(SUBMISSION, delimiter=";"))[0] == {"stored": 1}
    assert take(engine, json.dumps(odata).encode())[0] == {"duplicate": 1}
    assert take(engine, json.dumps(kobo).encode())[0] == {"duplicate": 1}


def test_a_submission_that_was_edited_is_told_and_the_first_stands(engine: Engine) -> None:
    take(engine, as_csv(SUBMISSION))
    rows, (trouble,) = take(engine, as_csv(submission(insects="13")))
    assert (rows, trouble.row.number, trouble.problem.number) == ({"conflict": 1}, 2, "409.1")
    assert [row.counts for row in stored(engine)] == [{"PECTGO": 12}]
    with session_scope(engine, read_only=True) as session:
        assert [fact.status for fact in session.scalars(select(Fact).where(Fact.seq.is_(None)))] == ["conflict"]


def test_what_a_reviewer_turned_down_stays_out(engine: Engine) -> None:
    assert take(engine, as_csv(SUBMISSION | {"ReviewState": "rejected"})) == ({"skipped": 1}, [])
    assert stored(engine) == []


def test_a_plain_table_needs_no_id(engine: Engine) -> None:
    row = {"trap": "t1", "taken_at": "2026-11-20 07:30", "pest": "HELIAR", "crop": "tomato", "trap_type": "funnel"}
    row |= {"count": "4", "emptied_at": "2026-11-18 07:30"}
    plain = shipped_mapping("plain")
    assert take(engine, as_csv(row), plain)[0] == {"stored": 1}
    assert take(engine, as_csv(row), plain)[0] == {"duplicate": 1}
    (found,) = stored(engine)
    assert (found.nights, found.taken_at) == (2.0, datetime(2026, 11, 20, 2, 0, tzinfo=UTC))


def test_old_dates_of_a_source_are_believed(engine: Engine) -> None:
    take(engine, as_csv(submission(counted_at="2021-11-20T07:30:00+05:30")))
    assert [row.taken_at_doubtful for row in stored(engine)] == [False]


def test_nothing_but_the_mapped_columns_is_kept(engine: Engine) -> None:
    take(engine, as_csv(SUBMISSION))
    with session_scope(engine, read_only=True) as session:
        kept = " ".join(fact.content for fact in session.scalars(select(Fact)))
    assert "Wakad 7" in kept
    assert not {"Asha", "98765"} & set(kept.replace('"', " ").split())


# --- what does not


@pytest.mark.parametrize(
    ("column", "written", "detail"),
    [
        ("insects", "many", "a whole number"),
        ("insects", "5001", "5000"),
        ("insects", "", "nothing was counted"),
        ("counted_at", "20/11/2026", "2026-11-25T10:30"),
        ("counted_at", "2026-12-20T07:30:00+05:30", "future"),
        ("pest", "unicorn", "EPPO"),
        ("crop", "kapas", "cotton"),
        ("trap_type", "", "empty"),
        ("taluka", "Nowhere", REGION),
        ("nights", "0", "> 0"),
        ("emptied", "perhaps", "yes or no"),
        ("trap_id", "", "empty"),
    ],
)
def test_a_bad_cell_is_told_with_row_column_and_what_to_do(column: str, written: str, detail: str) -> None:
    (row,) = read_rows(io.BytesIO(as_csv(submission(**{column: written}))), "visits.csv")
    troubles = read_visit(row, shipped_mapping("odk"), REGION, NOW)
    assert isinstance(troubles, list)
    (trouble,) = troubles
    assert (trouble.row.number, trouble.problem.params["column"]) == (2, column)
    assert detail in trouble.problem.params["detail"]


def test_a_bad_row_blocks_no_good_one(engine: Engine) -> None:
    rows, troubles = take(engine, as_csv(submission(crop="kapas", insects="x"), submission(KEY="uuid:2c3d")))
    assert rows == {"rejected": 1, "stored": 1}
    assert [trouble.problem.params["column"] for trouble in troubles] == ["crop", "insects"]


def test_the_rejects_file_can_be_corrected_and_imported(engine: Engine) -> None:
    _, troubles = take(engine, as_csv(submission(crop="kapas", insects="twelve", trap_id="=HYPERLINK(1)")))
    out = io.BytesIO()
    list(write_rejects(troubles, shipped_mapping("odk"), out))
    written = out.getvalue().decode()
    assert "'=HYPERLINK" in written
    assert not {"Asha", "98765"} & set(written.replace(",", " ").split())
    corrected = written.replace("kapas", "cotton").replace("twelve", "12")
    assert take(engine, corrected.encode()) == ({"stored": 1}, [])


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00", b'{"value": 3}', b'["a"]', b'a,b\n"c', b"a,a\n1,2\n", b"[" * 100_000]
)
def test_a_damaged_file_is_told(engine: Engine, content: bytes) -> None:
    with pytest.raises(Problem, match=r"422\.40"):
        take(engine, content)


@pytest.mark.parametrize(
    "mapping",
    [
        b"",
        b"source = 1",
        b"source = 'a'\n[fields]\ntrap='t'",
        b"source='a'\nnmae='b'\n[fields]\ntrap='t'\ntaken_at='d'",
    ],
)
def test_a_mapping_that_cannot_work_is_told(mapping: bytes) -> None:
    with pytest.raises(Problem, match=r"422\.41"):
        read_mapping(mapping, "own.toml")


def test_ids_are_the_same_everywhere() -> None:
    assert (stable_seq("observation", "0a1b"), trap_key("T7"), trap_key("Wakad 7")) == (
        5469587094283198,
        "t7",
        "x357c221fa5e20e2",
    )


# --- who did it


def test_every_import_names_its_source(engine: Engine) -> None:
    take(engine, as_csv(SUBMISSION, submission(KEY="uuid:2c3d", crop="kapas")))
    with session_scope(engine, read_only=True) as session:
        (done,) = session.scalars(select(Transfer))
        (device,) = session.scalars(select(Device))
    assert (done.direction, done.name, done.told) == ("in", "trap_visit", {"stored": 1, "rejected": 1})
    assert (device.source, device.region_id) == ("trap_visit", REGION)


def test_an_operator_imports_a_file(app: Flask, engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "visits.csv"
    file.write_bytes(as_csv(SUBMISSION, submission(KEY="uuid:2c3d", crop="kapas")))
    done = app.test_cli_runner().invoke(args=["import-observations", str(file)])
    assert done.exit_code == 0, done.output
    assert "Row 3, column crop: it must be one of cotton" in done.output
    assert "1 rejected, 1 stored" in done.output
    assert (tmp_path / "visits-rejects.csv").read_text().count("\n") == 2
    again = app.test_cli_runner().invoke(args=["import-observations", str(file), "--source", "other form"])
    assert "1 rejected, 1 stored" in again.output
