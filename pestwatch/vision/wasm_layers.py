"""The numbers that the phone's kernels (field/engine/kernels.c) read, made in Python.

Twin: field/engine/convolution.ts and arithmetic.ts, where each rule is explained with its source; held by
tests/unit/vision/test_wasm_engine.py against the interpreter. All scales are float32 and rounded at each step.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
SPARE_BYTES = 32
_LANES = 8
_PIXELS = 4


class Refusal(Exception):
    """A network that the kernels would not compute exactly, and why."""


@dataclass(frozen=True)
class Quantization:
    """Scale and zero point of a tensor: value = scale * (q - zero)."""

    scale: np.float32
    zero: int


@dataclass(frozen=True)
class Layer:
    """A convolution as a `Layer` of kernels.c; `before` is the padding above and to the left."""

    operator: str
    size: tuple[int, int]
    out: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    before: tuple[int, int]
    channels: int
    filters: int
    zeros: tuple[int, int]
    limits: tuple[int, int]
    raw: tuple[bytes, bytes, bytes, bytes]
    """Weights, biases, scales and zero points as they lie in the file."""
    scales: tuple[float, float]
    """Of the input and of the output."""

    @property
    def is_pointwise(self) -> bool:
        """Does each output pixel come from the one at the same place?"""
        return self.operator == "CONV_2D" and self.kernel == self.stride == (1, 1) and self.size == self.out

    @property
    def padded_width(self) -> int:
        """Pixels of an input row as wide as the windows reach; a depthwise convolution computes two at once."""
        reach = (2 * -(-self.out[1] // 2) - 1) * self.stride[1] + self.kernel[1]
        return max(self.before[1] + self.size[1], reach)

    @property
    def depth_bytes(self) -> int:
        """Of the weights of one filter, or the inputs of one pixel, in the widest of the builds."""
        inputs = 1 if self.operator == "DEPTHWISE_CONV_2D" else self.channels
        return 2 * -(-self.kernel[0] * self.kernel[1] * inputs // _LANES) * _LANES

    @property
    def gathered_bytes(self) -> int:
        """Room for the inputs of four output pixels."""
        return _PIXELS * self.depth_bytes

    @property
    def blocks_bytes(self) -> int:
        """Room for the packed weights behind the window."""
        return -(-self.filters // _LANES) * _LANES * (8 + self.depth_bytes)

    def window(self, *, as_one_row: bool = False) -> bytes:
        """The window's numbers."""
        size, out = self.size, self.out
        if as_one_row:
            size = out = (1, size[0] * size[1])
        numbers = [*size, self.channels, *self.kernel, *self.stride, *self.before, *out, self.filters, *self.zeros]
        limits = np.array(self.limits, np.float32) - np.float32(self.zeros[1])
        return np.array([*numbers, self.padded_width], np.int32).tobytes() + limits.tobytes() + bytes(12)


def axis(size: int, kernel: int, stride: int, *, is_same: bool, padding: tuple[int, int]) -> tuple[int, int]:
    """One axis of a moving window -> (padding before, length of the output)."""
    if is_same:
        out = -(-size // stride)
        return max(0, (out - 1) * stride + kernel - size) // 2, out
    return padding[0], (size + sum(padding) - kernel) // stride + 1


def activation_limits(activation: int, y: Quantization) -> tuple[int, int]:
    """The int8 values between which NONE, RELU, RELU_N1_TO_1 or RELU6 keeps the output."""
    lows, highs = {0: (-np.inf, np.inf), 1: (0, np.inf), 2: (-1, 1), 3: (0, 6)}[activation]
    low, high = (
        int(np.rint(np.clip(np.float32(value) / y.scale + np.float32(y.zero), -128, 127))) for value in (lows, highs)
    )
    if low >= high:
        raise Refusal("an activation that leaves one value")
    return low, high


def addition(a: Quantization, b: Quantization, y: Quantization) -> tuple[int, int, int, int]:
    """Multipliers of a and b, bias and shift of an ADD."""
    scales = [a.scale / y.scale, b.scale / y.scale]
    if not all(2**-10 <= scale < 2**8 for scale in scales):
        raise Refusal("an ADD of too different scales")
    shift = 20 - int(np.frexp(max(scales))[1] - 1)
    of_a, of_b = (int(np.rint(float(scale) * 2**shift)) for scale in scales)
    return of_a, of_b, 2 ** (shift - 1) - of_a * a.zero - of_b * b.zero, shift


def logistic_table(x: Quantization) -> Bytes:
    """LOGISTIC of each int8, by its byte, in 256ths less 128."""
    q = np.arange(256, dtype=np.uint8).view(np.int8).astype(np.float64)
    value = 256 / (1 + np.exp(np.minimum(-float(x.scale) * (q - x.zero), 700)))  # more would overflow
    if (np.abs(value[value < 255.4] % 1 - 0.5) < 2e-5).any():
        raise Refusal("a LOGISTIC too near to a tie")
    table: Bytes = (np.minimum(np.floor(value + 0.5), 255) - 128).astype(np.int8).view(np.uint8)
    return table


def positions_between(size: int, out: int) -> bytes:
    """Where each of `out` lines lies between two of `size`: (before, after, share of 2048) each."""
    scale = np.float32(size) / np.float32(out)
    offset = np.float32(0.5) * scale - np.float32(0.5)
    at = np.clip(np.arange(out, dtype=np.float32) * scale + offset, np.float32(0), np.float32(size - 1))
    before = np.floor(at).astype(np.int32)
    share = np.rint((at - before.astype(np.float32)) * np.float32(2048)).astype(np.int32)
    positions = np.stack([before, np.minimum(before + 1, size - 1), share], axis=1).astype(np.int32)
    return bytes(positions)
