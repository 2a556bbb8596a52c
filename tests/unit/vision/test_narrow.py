import numpy as np
import pytest
import tensorflow as tf

from pestwatch.vision.model import build_counter
from pestwatch.vision.narrow import narrow_encoder
from pestwatch.vision.shape import Compound, scaled

BY = Compound(stream=0.5, fine=0.5, middle=0.5, coarse=0.5, head=0.5, blocks=1)
WIDE, NARROW = scaled("wide", -1, BY), scaled("narrow", -2, BY)


def encoder_layers(model):
    return [layer for layer in model.layers if layer.name.startswith("encoder_") and layer.weights]


@pytest.fixture(scope="module")
def wide():
    """A network whose channels all differ in strength."""
    tf.keras.utils.set_random_seed(5)
    model, rng = build_counter(WIDE), np.random.default_rng(5)
    for layer in encoder_layers(model):
        if layer.name.endswith("_norm"):
            scale, *others = layer.get_weights()
            layer.set_weights([rng.permutation(len(scale)).astype(np.float32) + 1, *others])
    return model


def narrowed(wide, shape):
    model = build_counter(shape)
    narrow_encoder(wide, WIDE, model, shape)
    return model


def scale_of(model, name):
    return model.get_layer(f"{name}_norm").get_weights()[0].tolist()


def test_a_network_narrowed_to_its_own_shape_sees_the_same(wide):
    same = narrowed(wide, WIDE)
    for one, other in zip(encoder_layers(wide), encoder_layers(same), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True)), one.name
    picture = np.random.default_rng(1).uniform(-1, 1, (1, 64, 64, 3)).astype(np.float32)
    fine = [tf.keras.Model(model.input, model.get_layer("encoder_3_add").output) for model in (wide, same)]
    assert np.array_equal(fine[0](picture), fine[1](picture))


def test_the_strongest_channels_are_kept_in_their_order(wide):
    whole = scale_of(wide, "encoder_0")
    least = sorted(whole)[-NARROW.stem]
    assert scale_of(narrowed(wide, NARROW), "encoder_0") == [value for value in whole if value >= least]


def test_blocks_that_are_added_to_one_another_keep_the_same_channels(wide):
    narrow = narrowed(wide, NARROW)
    kept = [
        [scale_of(wide, name).index(value) for value in scale_of(narrow, name)]
        for name in ("encoder_2_project", "encoder_3_project")
    ]
    assert kept[0] == kept[1]
    strength = np.array(scale_of(wide, "encoder_2_project")) + scale_of(wide, "encoder_3_project")
    left_out = np.delete(strength, kept[0])
    assert strength[kept[0]].min() >= left_out.max()


def test_kernels_are_cut_where_their_norms_are(wide):
    narrow = narrowed(wide, NARROW)
    inner = [scale_of(wide, "encoder_2_filter").index(value) for value in scale_of(narrow, "encoder_2_filter")]
    outer = [scale_of(wide, "encoder_2_project").index(value) for value in scale_of(narrow, "encoder_2_project")]
    (whole,), (cut,) = (model.get_layer("encoder_2_project").get_weights() for model in (wide, narrow))
    assert np.array_equal(cut, whole[:, :, inner][:, :, :, outer])


def test_the_head_is_left_as_it_is_and_so_is_the_wide_network(wide):
    model = build_counter(NARROW)
    before = [np.array(weight) for network in (model.get_layer("head_heat"), wide) for weight in network.get_weights()]
    narrow_encoder(wide, WIDE, model, NARROW)
    after = [weight for network in (model.get_layer("head_heat"), wide) for weight in network.get_weights()]
    assert all(np.array_equal(old, new) for old, new in zip(before, after, strict=True))
