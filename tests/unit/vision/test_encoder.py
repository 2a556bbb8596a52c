import hashlib
import io
import pickle
import struct
import sys
import types
from collections import OrderedDict

import pytest

from pestwatch.vision.encoder import read_state


class FloatStorage:
    """A storage as torch's legacy stream names it."""


STORED = object()


def _rebuild_tensor_v2(*parts: object) -> tuple[object, ...]:
    return parts


class Tensor:
    def __init__(self, shape: tuple[int, ...], stride: tuple[int, ...], offset: int = 0) -> None:
        self.parts = (STORED, offset, shape, stride, False, OrderedDict())

    def __reduce__(self):
        return _rebuild_tensor_v2, self.parts


class LegacyPickler(pickle.Pickler):
    def persistent_id(self, obj):
        return ("storage", FloatStorage, "0", "cpu", 6) if obj is STORED else None


@pytest.fixture
def torch_names(monkeypatch):
    """Gives the classes above torch's names while a stream is written."""
    torch, inner = types.ModuleType("torch"), types.ModuleType("torch._utils")
    torch.FloatStorage, inner._rebuild_tensor_v2 = FloatStorage, _rebuild_tensor_v2
    monkeypatch.setattr(FloatStorage, "__module__", "torch")
    monkeypatch.setattr(_rebuild_tensor_v2, "__module__", "torch._utils")
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", inner)


def legacy_stream(state: object) -> bytes:
    stream = io.BytesIO()
    for part in (0x1950A86A20F9469CFC6C, 1001, {}):
        pickle.dump(part, stream, protocol=2)
    LegacyPickler(stream, protocol=2).dump(state)
    pickle.dump(["0"], stream, protocol=2)
    stream.write(struct.pack("<q6f", 6, *range(6)))
    return stream.getvalue()


def test_tensors_are_read_with_their_strides(torch_names):
    state = OrderedDict(plain=Tensor((2, 3), (3, 1)), turned=Tensor((3, 2), (1, 3)), part=Tensor((2,), (1,), 4))
    read = read_state(legacy_stream(state))
    assert read["plain"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert read["turned"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert read["part"].tolist() == [4, 5]


def test_a_weight_file_that_names_anything_else_is_refused():
    with pytest.raises(pickle.UnpicklingError, match="may not name"):
        read_state(legacy_stream({"weights": hashlib.sha256}))
