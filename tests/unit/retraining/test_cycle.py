import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pestwatch.release.candidate import Candidate
from pestwatch.retraining.cycle import run
from pestwatch.retraining.messages import TOO_FEW_TRAINING
from pestwatch.vision.dataset import Example
from pestwatch.vision.drawn import Scene, draw
from pestwatch.vision.infer import Counter
from pestwatch.vision.labels.opened import open_photos

from .conftest import ROOT, WriteJob

STRICT_RECIPE = ROOT / "mobile_models" / "recipes" / "region.toml"


def region_photos(count: int, traps: int) -> list[Example]:
    """Dim liners with by-catch: what the base does not count well."""
    scene = Scene(insects={"GNORAB": 5, "NOCTUID_LARGE": 3, "fly": 3}, light=0.8)
    return [replace(draw(scene, 500 + n), trap=f"1/trap{n % traps}") for n in range(count)]


def result_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "result.json").read_bytes())


def test_a_region_learns_and_is_judged_on_traps_it_never_saw(write_job: WriteJob, base: Path, tmp_path: Path) -> None:
    measured = _with_intervals(base, tmp_path / "measured")
    folder, told = write_job(region_photos(16, 5), base=str(measured)), []
    result = run(folder, lambda share, stage: told.append((share, stage)))
    assert result.verdict in {"promoted", "refused"}
    assert [row.name for row in result.gates] == [
        "training photos",
        "training traps",
        "held-out photos",
        "held-out traps",
        "training insects",
        "held-out insects",
        "region",
        "guard",
        "golden picture",
        "size",
    ]
    assert {name: figures["n"] for name, figures in result.metrics.items()}.keys() == {"current", "candidate"}
    assert told[0] == (0.02, "selecting")
    assert told[-1] == (1.0, result.verdict)
    assert [share for share, _ in told] == sorted(share for share, _ in told)
    assert result_of(folder)["verdict"] == result.verdict
    assert result.verdict == "promoted", result.reason.text
    candidate = Candidate.read(folder / "candidate")
    assert set(candidate.files) == set(result.files) == {"small.tflite", "small.json", "golden.png"}
    assert candidate.golden_counts.keys() == candidate.metrics.keys() == {"small"}
    assert candidate.base_version == Counter.from_release(base).version
    assert len(candidate.files["small.tflite"]) == (base / "small.tflite").stat().st_size
    learnt = Counter.from_release(folder / "candidate")
    assert (learnt.version, learnt.interval_q90) == ("IN-MH-500-20261125-1", (1.5, 0.7, None))


def _with_intervals(base: Path, copy: Path) -> Path:
    """The base as a release that carries intervals."""
    shutil.copytree(base, copy)
    sidecar = json.loads((copy / "small.json").read_bytes())
    (copy / "small.json").write_text(json.dumps(sidecar | {"interval_q90": [1.5, 0.7, None]}))
    return copy


def test_the_data_room_reads_what_a_job_holds(write_job: WriteJob) -> None:
    drawn = region_photos(3, 2)
    opened = open_photos(write_job(drawn))
    assert (opened.format, len(opened.skipped)) == ("corrections", 0)
    for example, original in zip(opened.examples(skip=pytest.fail), drawn, strict=True):
        assert (example.true_counts, example.trap) == (original.true_counts, original.trap)
        assert len(example.points) == len(original.points)


def test_too_few_photos_are_a_refusal_that_says_how_many_are_missing(write_job: WriteJob) -> None:
    folder = write_job(region_photos(6, 3), STRICT_RECIPE)
    result = run(folder, lambda *_: None)
    assert result.verdict == "refused"
    assert result.reason.message == TOO_FEW_TRAINING
    assert result.reason.params["missing"] > 0
    assert not (folder / "candidate").exists()


def test_no_photos_at_all_are_a_refusal_too(write_job: WriteJob) -> None:
    assert run(write_job([]), lambda *_: None).verdict == "refused"


def test_photos_that_are_gone_or_damaged_are_left_out(write_job: WriteJob) -> None:
    folder = write_job(region_photos(12, 4))
    for number, photo in enumerate((folder / "photos").iterdir()):
        photo.write_bytes(b"not a picture") if number % 2 else photo.unlink()
    result = run(folder, lambda *_: None)
    assert result.verdict == "refused"
    assert result.reason.params["found"] == 0


@pytest.mark.parametrize("changes", [{"v": 2}, {"recipe": "/nowhere.toml"}, {"photos": [{}]}, {"now": "yesterday"}])
def test_a_job_that_is_not_understood_fails_with_the_reason(write_job: WriteJob, changes: dict[str, Any]) -> None:
    result = run(write_job([], **changes), lambda *_: None)
    assert (result.verdict, result.reason.message[:16]) == ("failed", "The training job")


def test_a_photo_outside_the_jobs_folder_is_refused(write_job: WriteJob) -> None:
    folder = write_job(region_photos(1, 1))
    job = json.loads((folder / "job.json").read_bytes())
    job["photos"][0]["file"] = "../../secret.jpg"
    (folder / "job.json").write_text(json.dumps(job))
    assert "not in the job's folder" in run(folder, lambda *_: None).reason.text


def test_a_breakdown_leaves_a_result_that_says_so(
    write_job: WriteJob, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    without_weights = shutil.copytree(base, tmp_path / "base", ignore=shutil.ignore_patterns("*.npz"))
    folder = write_job(region_photos(12, 4), base=str(without_weights))
    result = run(folder, lambda *_: None)
    assert (result.verdict, result.reason.params["detail"][:17]) == ("failed", "FileNotFoundError")
    assert "Traceback" in capsys.readouterr().err
    assert result_of(folder)["verdict"] == "failed"
