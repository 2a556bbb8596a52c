import json
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from pestwatch.cli import current_base, main
from pestwatch.vision.evaluate import calibrate
from pestwatch.vision.infer import Counter
from pestwatch.vision.interval import coverage, interval, quantile, score
from pestwatch.vision.light import Limits
from pestwatch.vision.shape import FAMILY
from pestwatch.vision.sidecar import make_sidecar

from .pictures import liner

PHOTO = Path(__file__).parents[2] / "golden" / "photos" / "liner-many.png"


@given(st.integers(0, 500), st.integers(0, 500), st.floats(0, 10))
def test_the_interval_holds_exactly_the_counts_with_a_lower_score(true, counted, q):
    low, high = interval(counted, q)
    if score(true, counted) < q - 1e-9:
        assert low <= true <= high
    if score(true, counted) > q + 1e-9:
        assert not low <= true <= high


def test_too_few_photos_say_nothing():
    assert quantile([0.1] * 8) is None
    assert quantile([0.1] * 8 + [0.7]) == 0.7
    assert quantile([]) is None


def test_nine_of_ten_new_photos_are_covered():
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(200):
        true = rng.integers(0, 80, 80)
        counted = np.maximum(0, true + rng.normal(0, 1 + np.sqrt(true) / 2)).astype(int)
        q = quantile([score(int(t), int(c)) for t, c in zip(true[:40], counted[:40], strict=True)])
        shares.append(coverage(true[40:].tolist(), counted[40:].tolist(), q).share)
    assert 0.89 < np.mean(shares) < 0.94


def test_photos_of_one_shot_do_not_pass_for_so_many_witnesses():
    rng = np.random.default_rng(0)
    held: dict[str, list[float]] = {"photos": [], "shots": []}
    for _ in range(200):
        off = np.repeat(rng.normal(0, 1, 110), 4) + rng.normal(
            0, 0.2, 440
        )  # ten shots to set on, 100 to test, of four each
        scores, shots = np.abs(off), [str(place // 4) for place in range(40)]
        for how, q in (("photos", quantile(scores[:40].tolist())), ("shots", quantile(scores[:40].tolist(), shots))):
            held[how].append(float((scores[40:] <= q).mean()))
    assert np.mean(held["shots"]) > 0.89
    assert np.mean(held["shots"]) > np.mean(held["photos"]) + 0.015


def test_too_few_shots_say_nothing_however_many_photos():
    assert quantile([0.1] * 40, [str(place % 8) for place in range(40)]) is None
    assert quantile([0.1] * 40, [str(place % 9) for place in range(40)]) == 0.1


def test_a_sidecar_carries_the_field_only_when_it_was_measured():
    described = partial(make_sidecar, "base", b"", FAMILY["small"], [(90, 0)] * 3, (128, 175, 155), Limits())
    assert "interval_q90" not in described()
    assert described((0.5, None, None))["interval_q90"] == [0.5, None, None]


def test_a_species_without_photos_gets_no_interval():
    folder = current_base()
    sidecar = json.loads((folder / "small.json").read_text())
    photos = [liner(seed, 0, side_px=128) for seed in range(9)]
    found = calibrate(folder / "small.tflite", sidecar, (photos, [], []))
    assert found[0] is not None
    assert found[1:] == [None, None]


def test_an_unmeasured_model_and_a_rejected_photo_have_no_interval_and_none_travels():
    folder = current_base()
    sidecar = json.loads((folder / "small.json").read_text()) | {"interval_q90": [0.5, None, None]}
    known = Counter(folder / "small.tflite", sidecar)
    del sidecar["interval_q90"]
    unmeasured = Counter(folder / "small.tflite", sidecar)
    photo, dark = liner(0, 3).image, np.zeros((128, 128, 3), np.uint8)
    assert known.count_image(photo).intervals.keys() == {"GNORAB"}
    assert unmeasured.count_image(photo).intervals == known.count_image(dark).intervals == {}
    assert unmeasured.count_image(photo).to_json().keys() == known.count_image(photo).to_json().keys()


@pytest.mark.parametrize("as_json", [False, True])
def test_counting_shows_between_what_the_truth_lies(tmp_path, as_json):
    folder = tmp_path / "other"
    shutil.copytree(current_base(), folder)
    sidecar = json.loads((folder / "small.json").read_text()) | {"interval_q90": [0.5, None, None]}
    (folder / "small.json").write_text(json.dumps(sidecar))
    said = CliRunner().invoke(main, ["count", "--model", str(folder), str(PHOTO), *(["--json"] if as_json else [])])
    if as_json:
        row = json.loads(said.stdout)
        low, high = row["intervals"]["GNORAB"]
        assert low < row["counts"]["GNORAB"] < high
    else:
        head, row, _ = said.stdout.splitlines()
        count, span = row.split()[1:3]
        assert span.startswith("(")
        assert head.index("GNORAB") + len("GNORAB") == row.index(span) + len(span)
        assert int(span.strip("()").split("-")[0]) < int(count)
