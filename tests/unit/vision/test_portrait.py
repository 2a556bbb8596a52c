import json

import pytest

from pestwatch.shelf import current_base
from pestwatch.vision.drawn import Scene, draw
from pestwatch.vision.infer import Counter
from pestwatch.vision.portrait import portrait


@pytest.mark.parametrize("size", ["small", "nano"])
def test_the_pictures_of_a_model_in_the_making_name_its_size(size):
    folder = current_base()
    sidecar = json.loads((folder / f"{size}.json").read_text(encoding="utf-8")) | {"version": "base"}
    counter = Counter(folder / f"{size}.tflite", sidecar)
    photos = [draw(Scene(200, 150, insects={"GNORAB": 3}), seed) for seed in range(2)]
    assert portrait(counter, {"test_trap": photos, "val": photos}).model == size
