import numpy as np

from pestwatch.vision.light import Light, luma, measure_light


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
