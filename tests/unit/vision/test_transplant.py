import json
from pathlib import Path

import numpy as np
import pytest

from pestwatch.errors import Problem
from pestwatch.shelf import current_base
from pestwatch.vision.drawn import Scene, draw
from pestwatch.vision.infer import Counter
from pestwatch.vision.metadata import read_metadata
from pestwatch.vision.model import head_layers, load_float
from pestwatch.vision.shape import FAMILY
from pestwatch.vision.transplant import KernelAndBias, head_weights, transplant

Head = dict[str, KernelAndBias]


@pytest.fixture(scope="module")
def folder() -> Path:
    return current_base()


@pytest.fixture(scope="module")
def file(folder: Path) -> bytes:
    return (folder / "small.tflite").read_bytes()


@pytest.fixture(scope="module")
def head(folder: Path) -> Head:
    return head_weights(load_float(FAMILY["small"], folder / "small.weights.npz"))


def heat_of(file: bytes, folder: Path) -> np.ndarray:
    counter = Counter(file, json.loads((folder / "small.json").read_bytes()))
    return counter.heat(draw(Scene(512, 512, insects={"GNORAB": 20}), 11).image).astype(np.int16)


def test_the_bases_own_weights_give_the_bases_own_bytes(file: bytes, head: Head) -> None:
    assert transplant(file, head) == file


def test_a_changed_head_changes_only_the_bytes_of_the_head(file: bytes, head: Head) -> None:
    rng = np.random.default_rng(1)
    changed = {
        name: (kernel * rng.uniform(0.9, 1.1, kernel.shape), bias + 0.01) for name, (kernel, bias) in head.items()
    }
    new = transplant(file, changed)
    assert len(new) == len(file)
    differing = np.count_nonzero(np.frombuffer(new, np.uint8) != np.frombuffer(file, np.uint8))
    # A byte per weight; four per bias, for its scale and for the scale of its weights.
    assert 0 < differing <= sum(kernel.size + 12 * bias.size for kernel, bias in head.values())
    assert read_metadata(new) == read_metadata(file)


def test_the_new_file_counts_like_the_new_float_network(file: bytes, folder: Path) -> None:
    """The last bias is lowered by 1, so that every probability falls as the logistic curve says."""
    model = load_float(FAMILY["small"], folder / "small.weights.npz")
    last = head_layers(model)[-1]
    kernel, bias = last.get_weights()
    last.set_weights([kernel, bias - 1])
    before, after = heat_of(file, folder), heat_of(transplant(file, head_weights(model)), folder)
    p = before / 256
    expected = 256 / (1 + np.exp(1) * (1 - p) / np.clip(p, 1 / 256, 1))
    seen = (before > 8) & (before < 248)
    # One step of the logits is worth up to five levels in the middle of the curve.
    assert np.abs(after - expected)[seen].max() < 12
    assert np.abs(after - expected)[seen].mean() < 3


def test_a_channel_of_zeros_is_no_problem(file: bytes, head: Head, folder: Path) -> None:
    kernel, bias = head["head_heat"]
    silenced = kernel.copy()
    silenced[..., 1] = 0
    heat = heat_of(
        transplant(file, {**head, "head_heat": (silenced, np.array([bias[0], -8, *bias[2:]], np.float32))}), folder
    )
    assert heat[..., 1].max() <= 1
    assert heat[..., 0].max() > 100


def test_a_head_of_another_making_is_refused(file: bytes, head: Head) -> None:
    kernel, bias = head["head_heat"]
    for other in (
        {name: weights for name, weights in head.items() if name != "head_heat"},
        {**head, "head_more": (kernel, bias)},
        {**head, "head_heat": (kernel[..., :3], bias[:3])},
        {**head, "head_heat": (kernel * np.nan, bias)},
    ):
        with pytest.raises(Problem, match=r"422\.25"):
            transplant(file, other)
