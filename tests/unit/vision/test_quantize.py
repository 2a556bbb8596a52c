import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from click.testing import CliRunner

from pestwatch.cli import current_base, main, models_dir
from pestwatch.release.registry import read_release
from pestwatch.release.signing import Trust
from pestwatch.vision.gate import GATE_SIDE_PX, NEVER_Q, REASONS
from pestwatch.vision.gate_network import build_gate
from pestwatch.vision.gate_shots import Pool
from pestwatch.vision.gate_train import CALIBRATION_SHOTS, export, make_gate_sidecar
from pestwatch.vision.infer import Counter, count_photo
from pestwatch.vision.light import Limits
from pestwatch.vision.metadata import read_metadata, write_metadata
from pestwatch.vision.model import build_counter, load_float, save_float
from pestwatch.vision.peaks import find_peaks
from pestwatch.vision.quantize import LEAST_TIE_DISTANCE, calibration_tiles, refuse_ties, tie_distance
from pestwatch.vision.shape import FAMILY
from pestwatch.vision.sidecar import make_sidecar, sidecar_bytes
from pestwatch.vision.train import heat_of

from .photo_sets import write_photo_sets, write_recount
from .pictures import liner

SMALL = FAMILY["small"]
CODES = (128, 175, 155)
MEASURED_ON = {"val", "val_boxes", "test_trap", "test_trap_boxes", "test_noctuid", "funnel_val", "by_catch"}
LABELS = ("GNORAB", "HELIAR", "NOCTUID_LARGE")
PHOTOS = [liner(seed, 12, side_px=512) for seed in range(4)]


@pytest.fixture(scope="module")
def trained():
    return load_float(SMALL, current_base() / "small.weights.npz")


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    """Runs steps of the command line on drawn photo sets; the work folder holds the base's weights, an untrained nano, a gate."""
    folder = tmp_path_factory.mktemp("base")
    photos = write_photo_sets(folder / "photos")
    write_recount(folder / "shelf")
    (folder / "work").mkdir()
    shutil.copy(current_base() / "small.weights.npz", folder / "work")
    # Seeded: now and then a network has a heat value on a rounding tie, and is refused.
    tf.keras.utils.set_random_seed(1)
    save_float(build_counter(FAMILY["nano"]), folder / "work" / "nano.weights.npz")
    write_gate(folder / "work")
    (folder / "work" / "card-good-cases.png").write_bytes(b"a picture")
    recipe = folder / "quick.toml"
    text = (models_dir() / "recipes" / "base.toml").read_text(encoding="utf-8")
    recipe.write_text(text.replace("calibration_tiles = 60", "calibration_tiles = 6"), encoding="utf-8")

    def run(verb: str, *arguments: str) -> Path:
        options = ["--work", str(folder / "work"), "--recipe", str(recipe), *arguments]
        if verb != "release":
            options += ["--photos", str(photos)]
        environment = {"PESTWATCH_MODELS_DIR": str(folder / "shelf")}
        result = CliRunner().invoke(main, [verb, *options], env=environment, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return folder

    return run


def write_gate(work: Path) -> None:
    """An untrained one, that says nothing against any photo."""
    tiles = np.random.default_rng(2).integers(0, 256, (CALIBRATION_SHOTS, GATE_SIDE_PX, GATE_SIDE_PX, 3), np.uint8)
    nothing = np.zeros((CALIBRATION_SHOTS, len(REASONS)), np.float32)
    content = export(build_gate(), Pool(tiles, nothing, nothing))
    never = [NEVER_Q] * len(REASONS)
    (work / "gate.tflite").write_bytes(content)
    (work / "gate.json").write_bytes(sidecar_bytes(make_gate_sidecar("base", content, never, never, Limits())))


@pytest.fixture(scope="module")
def exported(steps):
    return (steps("quantize") / "work" / "small.tflite").read_bytes()


def test_the_same_photos_give_the_same_calibration():
    for tile_px in (160, 512):
        for one, other in zip(*(calibration_tiles(PHOTOS, 6, tile_px) for _ in range(2)), strict=True):
            assert one.shape == (tile_px, tile_px, 3)
            assert np.array_equal(one, other)


def test_bytes_go_in_and_come_out(exported):
    interpreter = Interpreter(model_content=exported)
    entry, exit_ = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    assert (entry["dtype"], tuple(entry["shape"])) == (np.uint8, (1, 512, 512, 3))
    assert entry["quantization"] == (pytest.approx(1 / 127.5), 127)
    assert (exit_["dtype"], tuple(exit_["shape"])) == (np.uint8, (1, 128, 128, 4))
    assert exit_["quantization"] == (1 / 256, 0)
    assert len(exported) < 250_000


def test_nothing_in_the_file_is_left_in_float(exported):
    interpreter = Interpreter(model_content=exported)
    dtypes = {tensor["dtype"] for tensor in interpreter.get_tensor_details()}
    assert dtypes <= {np.uint8, np.int8, np.int32}


def test_int8_counts_like_float(trained, exported):
    counter = Counter(exported, make_sidecar("base-20261125-1", exported, SMALL, [(90, 0)] * 3, CODES, Limits()))
    for photo in PHOTOS:
        by_float, by_int8 = heat_of(trained, photo.image), counter.heat(photo.image)
        assert np.abs(by_float.astype(int) - by_int8).max() < 64
        counts = [len(find_peaks(heat[:, :, :1], [90])) for heat in (by_float, by_int8)]
        assert abs(counts[0] - counts[1]) <= 2


def test_metadata_name_the_species_and_change_nothing_else(exported):
    described = write_metadata(exported, version="base-20261125-1", labels=LABELS, author="pestwatch", licence="MIT")
    shown = json.loads(read_metadata(described))
    assert shown["version"] == "base-20261125-1"
    heat = shown["subgraph_metadata"][0]["output_tensor_metadata"][0]
    assert heat["associated_files"][0]["name"] == "labels.txt"
    assert b"GNORAB\nHELIAR\nNOCTUID_LARGE\n" in described
    sidecar = make_sidecar("base-20261125-1", described, SMALL, [(90, 0)] * 3, CODES, Limits())
    tile = PHOTOS[0].image
    assert np.array_equal(Counter(described, sidecar).heat(tile), Counter(exported, sidecar).heat(tile))
    again = write_metadata(exported, version="base-20261125-1", labels=LABELS, author="pestwatch", licence="MIT")
    assert again == described
    assert len(described) < len(exported) + 3000, "tflite-support's writer would make it a quarter longer"


def test_the_sidecar_names_its_file(exported):
    sidecar = json.loads(
        sidecar_bytes(make_sidecar("base-20261125-1", exported, SMALL, [(90, 150), (91, 0), (92, 0)], CODES, Limits()))
    )
    assert (sidecar["threshold_q"], sidecar["share_q"]) == ([90, 91, 92], [150, 0, 0])
    assert len(sidecar["model_sha256"]) == 64
    assert sidecar["gate"]["min_side_px"] == 96


def test_measured_models_become_a_release_that_counts(exported, steps):
    steps("evaluate", "--size", "small")
    steps("evaluate", "--size", "nano")
    shelf = steps("release", "--base", "--version", "base-20260101-1") / "shelf"
    folder = shelf / "releases" / "base" / "base-20260101-1"
    release = read_release(folder)
    assert release.verified(Trust.shipped(shelf / "keys")).manifest.version == "base-20260101-1"
    assert release.manifest.sizes == ("nano", "small")
    for size in release.manifest.sizes:
        assert set(release.manifest.metrics[size]) == MEASURED_ON
        counter = Counter.from_release(folder, size=size)
        assert counter.version == "base-20260101-1"
        assert count_photo(folder / "golden.png", counter).counts == release.manifest.golden.counts[size]
    assert counter.name == "base-20260101-1"
    assert Counter.from_release(folder, size="nano").name == "base-20260101-1.nano"
    gate = json.loads((folder / "gate.json").read_bytes())
    assert (gate["version"], gate["side_px"]) == ("base-20260101-1", GATE_SIDE_PX)
    assert "![" in (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert (folder / "small.tflite").stat().st_size > len(exported)


def test_a_work_folder_that_was_not_measured_is_not_released(steps, tmp_path):
    (tmp_path / "small.json").write_text("{}")
    result = CliRunner().invoke(main, ["release", "--base", "--version", "base-20260101-2", "--work", str(tmp_path)])
    assert result.exit_code == 1
    assert "lacks small.weights.npz, metrics.json" in result.output


def test_the_released_base_is_far_from_every_rounding_tie() -> None:
    refuse_ties((current_base() / "small.tflite").read_bytes())


def test_a_scale_that_puts_a_heat_value_on_a_tie_is_found() -> None:
    # The logit one step above zero whose sigmoid is 130.5 / 256: a half, so two runtimes may round it either way.
    on_a_tie = float(np.log(130.5 / (256 - 130.5)))
    assert tie_distance(on_a_tie, 0) < LEAST_TIE_DISTANCE
    assert tie_distance(on_a_tie * 1.001, 0) > LEAST_TIE_DISTANCE
