import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pestwatch.cli import main
from pestwatch.shelf import current_base

PHOTOS = Path(__file__).parents[1] / "golden" / "photos"


def run(*arguments: str | Path, **environment: str):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], env=environment)


def test_counting_prints_a_table_of_species():
    result = run("count", PHOTOS / "liner-many.png", PHOTOS / "liner-empty.png")
    assert result.exit_code == 0
    head, many, empty, model = result.stdout.splitlines()
    assert head.split() == ["photo", "GNORAB", "HELIAR", "NOCTUID_LARGE", "gate"]
    assert int(many.split()[1]) > 15
    assert int(empty.split()[1]) == 0
    assert empty.split()[-1] == "good"
    assert model == f"counted by {current_base().name}.base"


def test_json_is_one_object_per_photo():
    result = run("count", "--json", PHOTOS / "liner-few.png", PHOTOS / "dark.png")
    few, dark = (json.loads(line) for line in result.stdout.splitlines())
    assert few["photo"] == str(PHOTOS / "liner-few.png")
    assert {"counts", "gate", "model", "ms"} <= few.keys()
    assert (dark["gate"]["reason"], dark["gate"]["verdict"]) == ("too_dark", "doubtful")


def test_a_bad_photo_is_named_and_the_others_are_counted(tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    result = run("count", broken, tmp_path / "nowhere.jpg", tmp_path, PHOTOS / "liner-few.png")
    assert result.exit_code == 1
    assert "liner-few.png" in result.stdout
    assert f"422.1 {broken}: broken.jpg is not a photo." in result.stderr
    assert f"404.1 {tmp_path / 'nowhere.jpg'}:" in result.stderr
    assert f"422.1 {tmp_path}:" in result.stderr


def test_a_bad_photo_has_its_problem_in_json(tmp_path):
    (tmp_path / "empty.jpg").write_bytes(b"")
    result = run("count", "--json", tmp_path / "empty.jpg")
    assert result.exit_code == 1
    problem = json.loads(result.stdout)["problem"]
    assert (problem["number"], problem["params"]) == ("422.2", {"name": "empty.jpg"})


def test_another_release_can_count(tmp_path):
    folder = tmp_path / "other"
    shutil.copytree(current_base(), folder)
    sidecar = json.loads((folder / "small.json").read_text(encoding="utf-8"))
    sidecar |= {"version": "IN-MH-500-20261125-1", "threshold_q": [255] * 3, "share_q": [0] * 3}
    (folder / "small.json").write_text(json.dumps(sidecar), encoding="utf-8")
    result = run("count", "--json", "--size", "small", "--model", folder, PHOTOS / "liner-many.png")
    found = json.loads(result.stdout)
    assert found["model"] == "IN-MH-500-20261125-1"
    assert sum(found["counts"].values()) == 0


def test_without_a_model_counting_says_so(tmp_path):
    result = run("count", PHOTOS / "liner-few.png", PESTWATCH_MODELS_DIR=str(tmp_path))
    assert result.exit_code == 1
    assert "404.1" in result.stderr


@pytest.mark.parametrize("verb", ["train", "quantize", "evaluate"])
def test_steps_that_need_the_photo_sets_skip_without_them(verb):
    result = run(verb, PESTWATCH_PHOTOS="")
    assert result.exit_code == 0
    assert result.stdout.startswith("Skipped: ")
    assert len(result.stdout.splitlines()) == 1


def test_advice_comes_in_the_language_asked_for():
    asked = ["advise", "--pest", "HELIAR", "--crop", "cotton", "--count", "40", "--nights", "2"]
    advice = json.loads(run(*asked, "--json").stdout)
    assert (advice["level"], advice["catch_rate"]) == ("orange", 20)
    assert run(*asked).stdout.startswith("Inspect today")


def test_an_unknown_pest_is_refused_with_the_known_ones():
    result = run("advise", "--pest", "MOTH", "--crop", "cotton", "--count", "1")
    assert result.exit_code == 2
    assert "HELIAR" in result.stderr


def test_counting_from_the_shell_loads_no_tensorflow():
    program = (
        "import sys; from pestwatch.cli import main\n"
        f"main(['count', {str(PHOTOS / 'liner-few.png')!r}], standalone_mode=False)\n"
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, capture_output=True).returncode == 0
