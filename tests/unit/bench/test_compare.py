import tomllib

import numpy as np
import pytest

from bench.peers.compare import HERE, NAMES, _Network, opened
from pestwatch.vision.dataset import GNORAB
from pestwatch.vision.drawn import Scene, draw


@pytest.fixture(scope="module")
def stored():
    return opened()


def test_the_stored_peers_and_their_recipe_are_small_and_complete():
    files = [HERE / f"{name}.tflite" for name in NAMES]
    assert sum(path.stat().st_size for path in files) <= 1_000_000
    assert set(NAMES) <= set(tomllib.loads((HERE / "peers.toml").read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", NAMES)
def test_a_peer_takes_and_gives_bytes(name: str):
    network = _Network((HERE / f"{name}.tflite").read_bytes())
    answers = network(np.zeros((network.side_px, network.side_px, 3), np.uint8))
    assert {answer.raw.dtype for answer in answers} == {np.dtype(np.uint8)}


def test_the_detector_counts_more_on_a_fuller_liner(stored):
    counted = [stored["detector"].count(draw(Scene(insects={"GNORAB": moths}), 5))[GNORAB] for moths in (0, 8, 24)]
    assert counted == sorted(set(counted))


def test_a_photo_larger_than_a_tile_is_counted_once_where_tiles_share(stored):
    wide = draw(Scene(900, 320, insects={"GNORAB": 20}), 6)
    detector = stored["detector"]
    looked = detector.looked(wide)
    assert len(looked) == 2
    everywhere = [(scores, squares, (-99.0, 611.0), (-99.0, 611.0)) for scores, squares, *_ in looked]
    assert len(detector.boxes(looked, 50)) < len(detector.boxes(everywhere, 50))
