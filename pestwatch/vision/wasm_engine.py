"""Runs a released .tflite file on the phone's own kernels: field/engine/kernels-*.wasm through wasmtime.

For checking that the phone counts what the server counts. Simpler than the phone's loader (field/engine/network.ts):
it believes that the file is one of ours, and no two tensors share memory.
"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from pestwatch.errors import Problem
from pestwatch.vision.wasm_layers import (
    SPARE_BYTES,
    Layer,
    Quantization,
    Refusal,
    activation_limits,
    addition,
    axis,
    logistic_table,
    positions_between,
)

Variant = Literal["plain", "simd", "relaxed"]
KERNELS = Path(__file__).resolve().parents[2] / "field" / "engine"
_PAGE_BYTES = 65_536
_NAMES = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
_TYPES = {schema.TensorType.INT8: np.int8, schema.TensorType.UINT8: np.uint8, schema.TensorType.INT32: np.int32}
_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")


class WasmNetwork:
    """A network with one output, loaded into the kernels' memory.

    Args:
      file: the .tflite file.
      variant: which build of the kernels; "relaxed" with the meaning that it has on ARM, so exact.

    Raises:
      Problem 404.1: the kernels are not there, which lie in a checkout and not in a wheel.
      Problem 422.20: the kernels would not compute this network exactly.
      ImportError: wasmtime is not installed.
    """

    def __init__(self, file: bytes, variant: Variant = "simd") -> None:
        self._kernels = _Kernels(variant)
        self._graph = _Graph(file)
        try:
            self._steps = list(self._prepare())
        except Refusal as refusal:
            raise Problem("422.20", name="the .tflite file", detail=str(refusal)) from refusal

    def run(self, *inputs: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Bytes of the inputs -> bytes of the output, in the shapes of the file without its batch of one."""
        for source, content in zip(self._graph.inputs, inputs, strict=True):
            self._kernels.write(content.tobytes(), self._address(source))
        (result,) = self._graph.outputs
        for step in self._steps:
            step()
        shape = self._graph.shape(result)
        answer = self._kernels.read(self._address(result), int(np.prod(shape)))
        return np.frombuffer(answer, np.uint8).reshape(shape[1:])

    def _address(self, tensor: int) -> int:
        return self._kernels.place_of(tensor, int(np.prod(self._graph.shape(tensor))))

    def _prepare(self) -> Any:
        """One closure for each step, in order."""
        graph, done = self._graph, set[int]()
        waiting: dict[int, tuple[Layer, int]] = {}
        paddings: dict[int, tuple[int, list[int]]] = {}
        for index, (name, operator) in enumerate(graph.operators):
            output = operator.outputs[0]
            reader = graph.only_reader(output)
            if index in done:
                continue
            if graph.padded(index) is not None:
                paddings[output] = (operator.inputs[0], graph.constant(operator.inputs[1]).reshape(-1).tolist())
            elif name not in _CONVOLUTIONS:
                yield self._other(name, operator)
            else:
                source, amounts = paddings.get(operator.inputs[0], (operator.inputs[0], [0] * 8))
                layer = self._layer(name, operator, source, amounts)
                behind = graph.behind_padding(output)
                if name == "DEPTHWISE_CONV_2D":
                    before, first = waiting.get(source, (None, source))
                    after = self._pointwise(reader)
                    if after and reader is not None:
                        done.add(reader)
                        output = graph.operators[reader][1].outputs[0]
                    yield self._depthwise(before, layer, after, first, output)
                elif behind == "DEPTHWISE_CONV_2D":
                    waiting[output] = (layer, source)
                else:
                    yield self._convolution(layer, source, output)

    def _layer(self, name: str, operator: Any, source: int, amounts: list[int]) -> Layer:
        graph, options = self._graph, operator.builtinOptions
        _, height, width, channels = graph.shape(source)
        _, *out, filters = graph.shape(operator.outputs[0])
        weights = graph.constant(operator.inputs[1])
        is_depthwise = name == "DEPTHWISE_CONV_2D"
        if (
            options.dilationHFactor != 1
            or options.dilationWFactor != 1
            or (is_depthwise and (channels != filters or filters % 8))
        ):
            raise Refusal(f"{name}: a dilated window, or more outputs than inputs")
        kernel = (int(weights.shape[1]), int(weights.shape[2]))
        stride = (int(options.strideH), int(options.strideW))
        is_same = options.padding == schema.Padding.SAME
        sides = ((height, amounts[2:4]), (width, amounts[4:6]))
        axes = [
            axis(size, window, step, is_same=is_same, padding=(around[0], around[1]))
            for (size, around), window, step in zip(sides, kernel, stride, strict=True)
        ]
        if [axis[1] for axis in axes] != out:
            raise Refusal(f"{name}: an output of another size")
        x, y = graph.quantization(source), graph.quantization(operator.outputs[0])
        biases = graph.constant(operator.inputs[2])
        raw = (weights.tobytes(), biases.tobytes(), *graph.by_filter(operator.inputs[1]))
        if (weights == -128).any():
            raise Refusal(f"{name}: a weight of -128")
        return Layer(
            operator=name,
            size=(height, width),
            out=(out[0], out[1]),
            kernel=kernel,
            stride=stride,
            before=(axes[0][0], axes[1][0]),
            channels=channels,
            filters=filters,
            zeros=(x.zero, y.zero),
            limits=activation_limits(options.fusedActivationFunction, y),
            raw=raw,
            scales=(float(x.scale), float(y.scale)),
        )

    def _pointwise(self, reader: int | None) -> Layer | None:
        """The pointwise convolution that alone reads a depthwise one."""
        if reader is None or self._graph.operators[reader][0] != "CONV_2D":
            return None
        _, operator = self._graph.operators[reader]
        layer = self._layer("CONV_2D", operator, operator.inputs[0], [0] * 8)
        return layer if layer.is_pointwise else None

    def _convolution(self, layer: Layer, source: int, output: int) -> Callable[[], None]:
        place = self._kernels.place
        packed = self._kernels.pack(layer, as_one_row=layer.is_pointwise)
        arguments = (packed, self._address(source), self._address(output))
        gathered = place(bytes(layer.gathered_bytes))
        return lambda: self._kernels.call("convolve", *arguments, gathered)

    def _depthwise(
        self, before: Layer | None, layer: Layer, after: Layer | None, source: int, output: int
    ) -> Callable[[], None]:
        place = self._kernels.place
        layers = [self._kernels.pack(each) if each else 0 for each in (before, layer, after)]
        ring = place(bytes((layer.kernel[0] + 1) * layer.padded_width * layer.channels))
        line = place(bytes(layer.out[1] * layer.channels))
        gathered = place(bytes(max(each.gathered_bytes for each in (before, layer, after) if each)))
        arguments = (*layers, self._address(source), self._address(output), ring, line, gathered)
        return lambda: self._kernels.call("convolve_depthwise", *arguments)

    def _other(self, name: str, operator: Any) -> Callable[[], None]:
        """ADD, LOGISTIC, PAD, QUANTIZE, RESIZE_BILINEAR."""
        graph, call, place = self._graph, self._kernels.call, self._kernels.place
        output = operator.outputs[0]
        if name not in {"ADD", "LOGISTIC", "PAD", "QUANTIZE", "RESIZE_BILINEAR"}:
            raise Refusal(f"{name} is not among the operators of this engine")
        a, y = self._address(operator.inputs[0]), self._address(output)
        x, to, count = (
            graph.quantization(operator.inputs[0]),
            graph.quantization(output),
            int(np.prod(graph.shape(output))),
        )
        if name == "ADD":
            numbers = addition(x, graph.quantization(operator.inputs[1]), to)
            limits = activation_limits(operator.builtinOptions.fusedActivationFunction, to)
            b = self._address(operator.inputs[1])
            return lambda: call("add", a, b, y, count, *numbers, to.zero, *limits)
        if name == "LOGISTIC":
            if to != Quantization(np.float32(1 / 256), -128):
                raise Refusal("LOGISTIC: an output that is not in 256ths")
            table = place(logistic_table(x).tobytes())
            return lambda: call("look_up", a, y, count, table)
        if x.scale != to.scale:
            raise Refusal(f"{name}: a change of scale")
        if name == "QUANTIZE":
            if abs(x.zero - to.zero) != 128:
                raise Refusal("QUANTIZE: a change of scale")
            return lambda: call("flip", a, y, count)
        if name == "PAD":
            return functools.partial(self._pad, operator.inputs[0], operator.inputs[1], output, x.zero)
        _, height, width, channels = graph.shape(operator.inputs[0])
        _, out_height, out_width, _ = graph.shape(output)
        if operator.builtinOptions.alignCorners or not operator.builtinOptions.halfPixelCenters:
            raise Refusal("RESIZE_BILINEAR: pixels that are not taken at their centres")
        rows, columns = (
            place(positions_between(size, out)) for size, out in ((height, out_height), (width, out_width))
        )
        return lambda: call("resize", a, y, width, channels, out_height, out_width, rows, columns)

    def _pad(self, source: int, amounts: int, output: int, zero: int) -> None:
        shape = self._graph.shape(source)
        content = np.frombuffer(self._kernels.read(self._address(source), int(np.prod(shape))), np.int8)
        padded = np.pad(content.reshape(shape), self._graph.constant(amounts), constant_values=zero)
        self._kernels.write(padded.tobytes(), self._address(output))


class _Graph:
    """The parts of a .tflite file."""

    def __init__(self, file: bytes) -> None:
        model = schema.ModelT.InitFromPackedBuf(file, 0)
        (graph,) = model.subgraphs
        self._tensors, self._buffers = graph.tensors, model.buffers
        self.inputs: list[int] = [int(tensor) for tensor in graph.inputs]
        self.outputs: list[int] = [int(tensor) for tensor in graph.outputs]
        codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
        self.operators: list[tuple[str, Any]] = [
            (_NAMES[codes[operator.opcodeIndex]], operator) for operator in graph.operators
        ]

    def shape(self, tensor: int) -> list[int]:
        return [int(size) for size in self._tensors[tensor].shape]

    def quantization(self, tensor: int) -> Quantization:
        given = self._tensors[tensor].quantization
        return Quantization(np.float32(given.scale[0]), int(given.zeroPoint[0]))

    def by_filter(self, tensor: int) -> tuple[bytes, bytes]:
        """Scales and zero points of weights."""
        given = self._tensors[tensor].quantization
        if len(given.scale) != self._tensors[tensor].shape[given.quantizedDimension]:
            raise Refusal("weights that are not quantised by filter")
        return np.asarray(given.scale, np.float32).tobytes(), np.asarray(given.zeroPoint, np.int64).tobytes()

    def constant(self, tensor: int) -> npt.NDArray[Any]:
        given = self._tensors[tensor]
        content = np.asarray(self._buffers[given.buffer].data, np.uint8)
        return np.frombuffer(content.tobytes(), _TYPES[given.type]).reshape(given.shape)

    def only_reader(self, tensor: int) -> int | None:
        """The number of the one operator that reads a tensor."""
        readers = [index for index, (_, operator) in enumerate(self.operators) if tensor in operator.inputs]
        return readers[0] if len(readers) == 1 and tensor not in self.outputs else None

    def behind_padding(self, tensor: int) -> str | None:
        """The name of the one operator that reads a tensor, a PAD that is left to it left out."""
        reader = self.only_reader(tensor)
        if reader is None:
            return None
        padded = self.padded(reader)
        return self.operators[reader if padded is None else padded][0]

    def padded(self, index: int) -> int | None:
        """The number of the convolution that a PAD can be left to."""
        name, operator = self.operators[index]
        reader = self.only_reader(operator.outputs[0]) if name == "PAD" else None
        if reader is None or self.operators[reader][0] not in _CONVOLUTIONS:
            return None
        return reader if self.operators[reader][1].builtinOptions.padding == schema.Padding.VALID else None


class _Kernels:
    """An instance of kernels-*.wasm with a memory that grows as things are placed in it."""

    def __init__(self, variant: Variant) -> None:
        import wasmtime

        engine, module = _compiled(variant)
        self._store = wasmtime.Store(engine)
        self._memory = wasmtime.Memory(self._store, wasmtime.MemoryType(wasmtime.Limits(1, None)))
        self._exports = wasmtime.Instance(self._store, module, [self._memory]).exports(self._store)
        self._end = _PAGE_BYTES  # what lies below is the kernels' own
        self._places: dict[int, int] = {}

    def call(self, name: str, *arguments: float) -> Any:
        return self._exports[name](self._store, *arguments)

    def pack(self, layer: Layer, *, as_one_row: bool = False) -> int:
        """Puts a layer into memory and has its weights packed; where it lies."""
        window = layer.window(as_one_row=as_one_row)
        address = self.place(window + bytes(layer.blocks_bytes))
        raw = [self.place(content) for content in layer.raw]
        if not self.call("pack", address, layer.operator == "DEPTHWISE_CONV_2D", *raw, *layer.scales):
            raise Refusal(f"{layer.operator}: scales out of range, or weights with a zero point")
        return address

    def place(self, content: bytes) -> int:
        """Puts bytes behind everything else; where they lie."""
        address = self._end
        self._end += -(-(len(content) + SPARE_BYTES) // 16) * 16
        missing = self._end - self._memory.data_len(self._store)
        if missing > 0:
            self._memory.grow(self._store, -(-missing // _PAGE_BYTES))
        self.write(content, address)
        return address

    def place_of(self, tensor: int, size: int) -> int:
        """Where a tensor lies."""
        if tensor not in self._places:
            self._places[tensor] = self.place(bytes(size))
        return self._places[tensor]

    def write(self, content: bytes, address: int) -> None:
        self._memory.write(self._store, content, address)

    def read(self, address: int, count: int) -> bytes:
        return bytes(self._memory.read(self._store, address, address + count))


@functools.cache
def _compiled(variant: Variant) -> tuple[Any, Any]:
    """The engine of wasmtime and one build of the kernels, compiled for it."""
    import wasmtime

    path = KERNELS / f"kernels-{variant}.wasm"
    if not path.exists():
        raise Problem("404.1", name=str(path))
    config = wasmtime.Config()
    config.wasm_relaxed_simd_deterministic = True
    engine = wasmtime.Engine(config)
    return engine, wasmtime.Module.from_file(engine, str(path))
