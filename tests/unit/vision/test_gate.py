import numpy as np
import pytest

from pestwatch.vision.gate import Gate, Light, Limits, judge, luma, measure_light


def test_luma_weighs_green_most():
    image = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    assert luma(image).tolist() == [[76, 149, 28, 255]]


def test_a_flat_picture_has_no_sharpness():
    light = measure_light(np.full((20, 30, 3), 120, np.uint8))
    assert light == Light(mean_luma=120, clipped=0, pixels=600, blur_variance=0)


def test_one_bright_pixel_is_measured_by_hand():
    image = np.zeros((5, 5, 3), np.uint8)
    image[2, 2] = 100
    assert measure_light(image).blur_variance == (400**2 + 4 * 100**2) // 9


@pytest.mark.parametrize(
    ("light", "verdict"),
    [
        (Light(120, 0, 1000, 300), Gate("good", None)),
        (Light(49, 0, 1000, 300), Gate("doubtful", "too_dark")),
        (Light(24, 0, 1000, 300), Gate("rejected", "too_dark")),
        (Light(241, 0, 1000, 300), Gate("doubtful", "too_bright")),
        (Light(200, 501, 1000, 300), Gate("doubtful", "too_bright")),
        (Light(249, 0, 1000, 300), Gate("rejected", "too_bright")),
        (Light(120, 0, 1000, 7), Gate("doubtful", "too_blurred")),
        (Light(120, 0, 1000, 1), Gate("rejected", "too_blurred")),
        (Light(49, 0, 1000, 1), Gate("rejected", "too_blurred")),
    ],
)
def test_the_gate_names_the_worst_reason(light, verdict):
    assert judge(light, Limits()) == verdict


def test_a_photo_that_is_all_white_is_rejected():
    light = measure_light(np.full((50, 50, 3), 255, np.uint8))
    assert judge(light, Limits()) == Gate("rejected", "too_bright")
