import json

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from click.testing import CliRunner

from pestwatch.cli import main
from pestwatch.shelf import models_dir
from pestwatch.vision.gate import NEVER_Q, REASONS, PhotoGate
from pestwatch.vision.gate_recipe import GateRecipe, held_out_traps, teaching_traps, validation_traps
from pestwatch.vision.gate_shots import GOOD, SILENT, pool, shots
from pestwatch.vision.gate_train import LEAST_REJECT_Q, LEAST_THRESHOLD_Q, pick_thresholds
from pestwatch.vision.preprocess import Sizes

from .photo_sets import write_photo_sets
from .pictures import liner
from .test_junk import save

RECIPE = """
[train]
seed = 1
batch = 4
rounds = [{ shots = 12, steps = 4, peak_rate = 1e-3 }, { shots = 6, steps = 2, peak_rate = 1e-3 }]

[thresholds]
validation_shots = 12
pass_share = 0.98

[junk]
taught = ["walls"]
validation = ["doors"]
held_out = []

[limits]
blur_variance = 8
"""
PHONE_OPERATORS = {"CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "PAD", "LOGISTIC", "QUANTIZE"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gate")
    photos = write_photo_sets(folder / "photos")
    for source in ("walls", "doors"):
        save(folder / "junk" / source / "a.png", 300, 250)
    (folder / "gate.toml").write_text(RECIPE)
    options = [
        "--photos",
        photos,
        "--junk",
        folder / "junk",
        "--recipe",
        folder / "gate.toml",
        "--work",
        folder / "work",
    ]
    with pytest.MonkeyPatch.context() as patched:
        # The weights are a package of their own that no test needs: random ones are exported just as well.
        patched.setattr("pestwatch.vision.gate_train.with_imagenet", lambda model: None)
        result = CliRunner().invoke(main, ["gate", *map(str, options)])
    assert result.exit_code == 0, result.output
    return folder


def test_the_exported_gate_judges_photos(made):
    gate = PhotoGate.from_release(made / "work")
    assert gate.judge(Sizes(liner(1, 5).image)).verdict in {"good", "doubtful", "rejected"}
    assert gate.judge(Sizes(np.zeros((300, 300, 3), np.uint8))).reason == "too_dark"


def test_the_file_is_tiny_and_holds_only_what_the_phone_computes(made):
    content = (made / "work" / "gate.tflite").read_bytes()
    assert len(content) <= 45_000
    model = schema.ModelT.InitFromPackedBuf(content)
    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    codes = {names[max(code.deprecatedBuiltinCode, code.builtinCode)] for code in model.operatorCodes}
    assert codes <= PHONE_OPERATORS
    graph = model.subgraphs[0]
    ends = [graph.tensors[place] for place in (*graph.inputs, *graph.outputs)]
    assert [tensor.type for tensor in ends] == [schema.TensorType.UINT8] * 2
    assert [list(tensor.shape) for tensor in ends] == [[1, 160, 160, 3], [1, 1, 1, len(REASONS)]]


def test_the_sidecar_says_what_a_phone_must_know(made):
    sidecar = json.loads((made / "work" / "gate.json").read_text())
    assert sidecar["reasons"] == list(REASONS)
    assert len(sidecar["threshold_q"]) == len(sidecar["reject_q"]) == len(REASONS)
    assert sidecar["limits"]["blur_variance"] == 8


def test_a_folder_without_a_gate_has_none(tmp_path):
    assert PhotoGate.from_release(tmp_path) is None


def test_no_trap_of_one_purpose_serves_another(made):
    traps = [split(made / "photos") for split in (teaching_traps, validation_traps, held_out_traps)]
    names = [{e.source for group in [*split.liners, split.funnels] for e in group} for split in traps]
    assert len(set.union(*names)) == sum(map(len, names))


def test_the_shipped_recipe_measures_with_other_sources_than_it_teaches_with():
    recipe = GateRecipe.read(models_dir() / "recipes" / "gate.toml")
    assert not set(recipe.taught) & set(recipe.held_out)


def test_shots_repeat_with_their_seed_and_say_what_they_teach(made):
    traps = teaching_traps(made / "photos")
    junk = [np.random.default_rng(1).integers(0, 256, (200, 300, 3), np.uint8)]
    once, again = (pool(shots(traps, junk, 16, seed=2)) for _ in range(2))
    assert (once.tiles == again.tiles).all()
    kinds = [shot.kind for shot in shots(traps, junk, 16, seed=2)]
    for kind, truth, says in zip(kinds, once.truth, once.says, strict=True):
        assert truth.sum() == (kind != GOOD)
        assert {REASONS[place] for place in np.flatnonzero(says == 0)} == SILENT[kind]
        assert (truth <= says).all()


NOTHING = np.zeros((50, len(REASONS)), np.int64)


def good_scores() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 200, (1000, len(REASONS)))


def test_thresholds_leave_the_wanted_share_of_good_photos_in_peace():
    good_q = good_scores()
    threshold_q, reject_q = pick_thresholds(good_q, good_q, NOTHING, 0.98)
    assert 0.98 <= (good_q < threshold_q).all(axis=1).mean() < 0.99
    assert all(limit >= LEAST_REJECT_Q for limit in reject_q)
    assert [limit == NEVER_Q for limit in reject_q] == [False] * 4 + [True] * 3


def test_good_photos_are_wronged_only_where_it_finds_bad_ones():
    bad_q = np.zeros((100, len(REASONS)), np.int64)
    bad_q[:, 2] = 190
    threshold_q, _ = pick_thresholds(good_scores(), bad_q, NOTHING, 0.9)
    assert threshold_q[2] <= 190 < min(limit for place, limit in enumerate(threshold_q) if place != 2)


def test_every_whole_liner_passes():
    whole_q = NOTHING.copy()
    whole_q[0, 5] = 250
    assert pick_thresholds(good_scores(), good_scores(), whole_q, 0.5)[0][5] == 251


def test_thresholds_are_never_lower_than_a_quarter():
    threshold_q, _ = pick_thresholds(NOTHING, NOTHING, NOTHING, 0.98)
    assert threshold_q == [LEAST_THRESHOLD_Q] * len(REASONS)
