"""Puts a retrained head into the base's int8 file: weights, biases and their scales, byte for byte in place.

Nothing is calibrated again. The scales of activations stay the base's, the encoder stays untouched, and the file keeps
its length and metadata: a region's file differs from the base's only in the bytes of its head.

Refuses a file whose head is not this network's: a base of another making needs its own regional releases.

Source: LiteRT 8-bit quantisation specification (symmetric per-channel weights in [-127, 127], int32 biases with
scale input * weight).
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from pestwatch.errors import Problem

GREATEST = 127
FloatArray = npt.NDArray[np.float32]
KernelAndBias = tuple[FloatArray, FloatArray]


class _Place(NamedTuple):
    """Where one layer lies in the file; arrays are views, writing to them writes to the file."""

    depthwise: bool
    input_scale: float
    kernel: npt.NDArray[np.int8]
    kernel_scales: FloatArray
    bias: npt.NDArray[np.int32]
    bias_scales: FloatArray


def head_weights(model: Any) -> dict[str, KernelAndBias]:
    """What a trained keras.Model has in its head: layer name -> kernel in Keras' order of axes, and bias."""
    from pestwatch.vision.model import head_layers

    return {layer.name: tuple(layer.get_weights()) for layer in head_layers(model)}


def transplant(base: bytes, head: Mapping[str, KernelAndBias]) -> bytes:
    """Writes head layers into a copy of the base's file.

    Args:
      base: full-int8 .tflite as of quantize, metadata and all.
      head: as of head_weights, every value finite.

    Returns:
      A file of the same length.

    Raises:
      Problem 422.25: the file's head is not this one, or a weight is not a finite number.
    """
    content = bytearray(base)
    places = _head_places(content)
    if places.keys() != head.keys():
        differing = ", ".join(sorted(places.keys() ^ head.keys()))
        raise Problem("422.25", detail=f"layers on one side only: {differing}")
    for name, (kernel, bias) in head.items():
        _write(name, places[name], np.asarray(kernel, np.float32), np.asarray(bias, np.float32))
    return bytes(content)


def _write(name: str, place: _Place, kernel: FloatArray, bias: FloatArray) -> None:
    if not (np.isfinite(kernel).all() and np.isfinite(bias).all()):
        raise Problem("422.25", detail=f"{name} has a weight that is not a number")
    # Keras: (h, w, in, out), depthwise (h, w, c, 1). The file: (out, h, w, in), depthwise (1, h, w, c).
    stored = kernel.transpose(3, 0, 1, 2)
    if stored.shape != place.kernel.shape or bias.shape != place.bias.shape:
        raise Problem("422.25", detail=f"{name} has shape {stored.shape}, the file {place.kernel.shape}")
    channel_axis = 3 if place.depthwise else 0
    other_axes = tuple(axis for axis in range(4) if axis != channel_axis)
    greatest = np.abs(stored).max(axis=other_axes)
    # A channel of zeros keeps its scale: any will do.
    scales = np.where(greatest > 0, greatest / np.float32(GREATEST), place.kernel_scales).astype(np.float32)
    # Here and for the bias: times the reciprocal in float32, halves away from zero, as the converter does. Anything else
    # rounds one number of some thousand the other way.
    per_level = (np.float32(1) / scales).reshape([-1 if axis == channel_axis else 1 for axis in range(4)])
    place.kernel[:] = np.clip(_rounded(stored * per_level), -GREATEST, GREATEST).astype(np.int8)
    place.kernel_scales[:] = scales
    place.bias_scales[:] = np.float32(place.input_scale) * scales
    limits = np.iinfo(np.int32)
    levels = _rounded(bias * (np.float32(1) / place.bias_scales))
    place.bias[:] = np.clip(levels, limits.min, limits.max).astype(np.int32)


def _rounded(values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
    """To whole numbers, halves away from zero; numpy's own rounding takes them to the even one."""
    whole: npt.NDArray[np.floating[Any]] = np.trunc(values + np.copysign(0.5, values))
    return whole


def _head_places(content: bytearray) -> dict[str, _Place]:
    """Finds the convolutions of the head by the layer names that the converter keeps in its tensors' names."""
    model = schema.Model.GetRootAs(content, 0)
    if model.SubgraphsLength() != 1:
        raise Problem("422.25", detail="the file has more than one graph")
    graph = model.Subgraphs(0)
    uses = np.bincount([graph.Tensors(i).Buffer() for i in range(graph.TensorsLength())])
    places: dict[str, _Place] = {}
    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        kind = model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode()
        if kind not in {schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.DEPTHWISE_CONV_2D}:
            continue
        name = layer_name(graph.Tensors(operator.Outputs(0)).Name().decode())
        if name is None:
            continue
        source, kernel, bias = (graph.Tensors(operator.Inputs(place)) for place in range(3))
        if name in places or any(uses[tensor.Buffer()] != 1 for tensor in (kernel, bias)):
            raise Problem("422.25", detail=f"{name} shares its weights")
        if kernel.Type() != schema.TensorType.INT8 or bias.Type() != schema.TensorType.INT32:
            raise Problem("422.25", detail=f"{name} is not full int8")
        places[name] = _Place(
            depthwise=kind == schema.BuiltinOperator.DEPTHWISE_CONV_2D,
            input_scale=float(source.Quantization().Scale(0)),
            kernel=_values(model, kernel, np.int8),
            kernel_scales=kernel.Quantization().ScaleAsNumpy(),
            bias=_values(model, bias, np.int32),
            bias_scales=bias.Quantization().ScaleAsNumpy(),
        )
    return places


def layer_name(tensor_name: str) -> str | None:
    """The head layer in a name such as small_1/head_lateral_8_1/BiasAdd;...; Keras appends a number to each."""
    found = re.search(r"/(head_\w+?)(?:_1)?/(?:BiasAdd|convolution|depthwise)", tensor_name)
    return found.group(1) if found else None


def _values(model: Any, tensor: Any, dtype: type[np.generic]) -> Any:
    raw = model.Buffers(tensor.Buffer()).DataAsNumpy()
    return raw.view(dtype).reshape(tensor.ShapeAsNumpy())
