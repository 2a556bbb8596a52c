"""Makes small networks and what XNNPACK computes from them: the golden answers of the phone's own engine.

    python -m tests.golden.engine_golden                    writes engine.json
    python -m tests.golden.engine_golden --check            says whether it is fresh
    python -m tests.golden.engine_golden --networks 5000 --out /tmp/many.json
        for  ENGINE_GOLDEN=/tmp/many.json npx vitest run test/engine  (in field/)

ADD is asked for all 65,536 pairs, LOGISTIC for all 256 values, RESIZE_BILINEAR for random pictures; the other networks
are random in shape, stride, padding, activation and scale. Inputs are drawn by a formula that both languages know.
"""

import argparse
import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

FILE = Path(__file__).resolve().parent / "engine.json"
INT8, UINT8, INT32 = schema.TensorType.INT8, schema.TensorType.UINT8, schema.TensorType.INT32
Op = schema.BuiltinOperator
# A network with a pointwise, a depthwise and a pointwise convolution behind one another.
IN_ONE_GO = 28
NONE, RELU, RELU_N1_TO_1, RELU6 = 0, 1, 2, 3


class Net:
    """A network under construction: one subgraph, int8."""

    def __init__(self) -> None:
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators, self.graph.inputs, self.graph.outputs = [], [], [], []
        self.codes: list[int] = []
        self.contents: list[bytes] = [b""]

    def tensor(
        self, shape: list[int], scale: Any, zero: Any, kind: int = INT8, content: Any = None, axis: int = 0
    ) -> int:
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.buffer = shape, kind, 0
        if content is not None:
            tensor.buffer = len(self.contents)
            self.contents.append(content.tobytes())
        if scale is not None:
            tensor.quantization = quantization = schema.QuantizationParametersT()
            quantization.scale = np.atleast_1d(np.float32(scale))
            quantization.zeroPoint = np.atleast_1d(np.int64(zero))
            quantization.quantizedDimension = axis
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def add(self, code: int, inputs: list[int], output: int, kind: int = 0, options: Any = None) -> int:
        operator = schema.OperatorT()
        if code not in self.codes:
            self.codes.append(code)
        operator.opcodeIndex = self.codes.index(code)
        operator.inputs, operator.outputs = inputs, [output]
        operator.builtinOptionsType, operator.builtinOptions = kind, options
        self.graph.operators.append(operator)
        return output

    def bytes(self) -> bytes:
        model = schema.ModelT()
        model.version, model.subgraphs, model.operatorCodes, model.buffers = 3, [self.graph], [], []
        for code in self.codes:
            entry = schema.OperatorCodeT()
            entry.builtinCode, entry.deprecatedBuiltinCode, entry.version = code, min(code, 127), 1
            model.operatorCodes.append(entry)
        for content in self.contents:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(content, np.uint8) if content else None
            model.buffers.append(buffer)
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def drawn(seed: int, length: int) -> np.ndarray:
    """Bytes that TypeScript draws as well; some seeds give extremes."""
    if seed % 7 == 5:
        return np.full(length, [0, 127, 128, 255][seed // 7 % 4], np.uint8)
    state = (
        (np.arange(length, dtype=np.uint64) + np.uint64(seed * 1_000_003)) * np.uint64(2_654_435_761) % np.uint64(2**32)
    )
    return (state >> np.uint64(16)).astype(np.uint8) if seed % 7 else ((state >> np.uint64(31)) * 255).astype(np.uint8)


def pairs() -> list[np.ndarray]:
    every = np.arange(65_536)
    return [(every >> 8).astype(np.uint8), (every & 255).astype(np.uint8)]


def answers(file: bytes, inputs: list[np.ndarray]) -> list[str]:
    """SHA-256 of each output; the default interpreter, so XNNPACK, one thread."""
    interpreter = Interpreter(model_content=file, num_threads=1)
    interpreter.allocate_tensors()
    for detail, content in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], content.view(detail["dtype"]).reshape(detail["shape"]))
    interpreter.invoke()
    if not any(entry["op_name"] == "DELEGATE" for entry in interpreter._get_ops_details()):
        return []
    outputs = [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]
    return [hashlib.sha256(output.tobytes()).hexdigest() for output in outputs]


def add_net(seed: int) -> bytes:
    random = np.random.default_rng(seed)
    scale = lambda: float(np.exp(random.uniform(-4, 0)))  # noqa: E731
    zero = lambda: int(random.integers(-128, 128))  # noqa: E731
    net = Net()
    net.graph.inputs = [net.tensor([1, 256, 256, 1], scale(), zero()) for _ in "ab"]
    options = schema.AddOptionsT()
    options.fusedActivationFunction = [NONE, RELU, RELU6][seed % 3]
    output = net.tensor([1, 256, 256, 1], scale(), int(random.integers(-100, 60)))
    net.graph.outputs = [net.add(Op.ADD, net.graph.inputs, output, schema.BuiltinOptions.AddOptions, options)]
    return net.bytes()


def logistic_net(seed: int) -> bytes:
    random = np.random.default_rng(seed)
    net = Net()
    net.graph.inputs = [
        net.tensor([1, 1, 1, 256], float(np.exp(random.uniform(-6, 0))), int(random.integers(-128, 128)))
    ]
    net.graph.outputs = [net.add(Op.LOGISTIC, net.graph.inputs, net.tensor([1, 1, 1, 256], 1 / 256, -128))]
    return net.bytes()


def resize(net: Net, x: int, shape: list[int], quantization: tuple[float, int]) -> int:
    options = schema.ResizeBilinearOptionsT()
    options.halfPixelCenters = True
    size = net.tensor([2], None, None, INT32, np.array(shape[1:3], np.int32))
    kind = schema.BuiltinOptions.ResizeBilinearOptions
    return net.add(Op.RESIZE_BILINEAR, [x, size], net.tensor(shape, *quantization), kind, options)


def resize_net(seed: int) -> bytes:
    random = np.random.default_rng(seed)
    height, width, channels = int(random.integers(1, 20)), int(random.integers(1, 20)), int(random.integers(1, 40))
    factor = [(2, 2), (2, 2), (3, 1), (1.5, 2.3), (0.5, 0.7), (4, 3)][seed % 6]
    shape = [1, max(1, int(height * factor[0])), max(1, int(width * factor[1])), channels]
    net = Net()
    net.graph.inputs = [net.tensor([1, height, width, channels], 0.1, 3)]
    net.graph.outputs = [resize(net, net.graph.inputs[0], shape, (0.1, 3))]
    return net.bytes()


def random_net(seed: int) -> bytes:
    """Three to seven layers over a small picture."""
    random = np.random.default_rng(10_000 + seed)
    whole = lambda low, high: int(random.integers(low, high + 1))  # noqa: E731
    net = Net()
    shape = [1, whole(3, 17), whole(3, 17), whole(1, 9)]
    scale, zero = float(np.exp(random.uniform(-5, -2))), whole(-128, 127)
    x = net.tensor(shape, scale, zero + 128, UINT8)
    net.graph.inputs = [x]
    x = net.add(Op.QUANTIZE, [x], net.tensor(shape, scale, zero), schema.BuiltinOptions.QuantizeOptions)
    before = None
    is_depthwise = False
    for _ in range(whole(3, 7)):
        # Often a depthwise convolution between two pointwise ones, which the engine does in one go.
        is_behind_depthwise, is_depthwise = is_depthwise, shape[3] % 8 == 0 and random.random() < 0.5
        kernel = [(1, 1), (3, 3), (1, 1), (3, 3), (5, 5), (2, 3), (whole(1, 7), whole(1, 7))][whole(0, 6)]
        stride = (whole(1, 3), whole(1, 2)) if random.random() < 0.5 else (1, 1)
        if random.random() < 0.05:
            stride = (whole(1, 16), whole(1, 16))
        if is_behind_depthwise and not is_depthwise and random.random() < 0.6:
            kernel = stride = (1, 1)
        is_same = random.random() < 0.5
        if not is_same and random.random() < 0.7:
            around = [[0, 0], [whole(0, 3), whole(0, 3)], [whole(0, 3), whole(0, 3)], [0, 0]]
            shape = [size + sum(amount) for size, amount in zip(shape, around, strict=True)]
            amounts = net.tensor([4, 2], None, None, INT32, np.array(around, np.int32))
            x = net.add(Op.PAD, [x, amounts], net.tensor(shape, scale, zero), schema.BuiltinOptions.PadOptions)
        if not is_same and (shape[1] < kernel[0] or shape[2] < kernel[1]):
            is_same = True
        channels = shape[3] if is_depthwise else (whole(1, 9) * 8 if random.random() < 0.7 else whole(1, 40))
        size = [
            -(-length // step) if is_same else (length - side) // step + 1
            for length, step, side in zip(shape[1:3], stride, kernel, strict=True)
        ]
        depth = kernel[0] * kernel[1] * (1 if is_depthwise else shape[3])
        weight_scales = np.exp(random.uniform(-7, -3, channels))
        weight_shape = [1, *kernel, channels] if is_depthwise else [channels, *kernel, shape[3]]
        values = random.integers(-127, 128, weight_shape).astype(np.int8)
        if random.random() < 0.2:
            values = np.where(values > 0, 127, -127).astype(np.int8)
        weights = net.tensor(weight_shape, weight_scales, [0] * channels, INT8, values, 3 if is_depthwise else 0)
        bias_values = random.integers(-3000, 3000, channels).astype(np.int32)
        bias = net.tensor([channels], np.float32(scale) * np.float32(weight_scales), [0] * channels, INT32, bias_values)
        # About a third of the range, so that both ends are met at times.
        spread = np.sqrt(depth) * 74 * 74 * scale * float(np.median(weight_scales))
        scale, zero = float(spread / random.uniform(20, 120)), whole(-128, 127)
        options = schema.DepthwiseConv2DOptionsT() if is_depthwise else schema.Conv2DOptionsT()
        options.padding, options.strideH, options.strideW = 0 if is_same else 1, *stride
        options.dilationHFactor = options.dilationWFactor = 1
        activation = [NONE, NONE, RELU, RELU6, RELU_N1_TO_1][whole(0, 4)] if zero < 60 else NONE
        # XNNPACK refuses limits that leave one value.
        least = {RELU6: 3, RELU_N1_TO_1: 0.5}.get(activation, np.inf)
        options.fusedActivationFunction = NONE if scale > least else activation
        if is_depthwise:
            options.depthMultiplier = 1
        kinds = schema.BuiltinOptions
        kind = kinds.DepthwiseConv2DOptions if is_depthwise else kinds.Conv2DOptions
        code = Op.DEPTHWISE_CONV_2D if is_depthwise else Op.CONV_2D
        new_shape = [1, *size, channels]
        made = net.add(code, [x, weights, bias], net.tensor(new_shape, scale, zero), kind, options)
        if before is not None and before[1] == new_shape and 2**-9 < before[2] / scale < 2**7:
            y = net.tensor(new_shape, scale, zero)
            plain = schema.AddOptionsT()
            made = net.add(Op.ADD, [made, before[0]], y, kinds.AddOptions, plain)
        x, shape = made, new_shape
        before = (x, shape, scale)
        if random.random() < 0.15 and max(shape[1:3]) < 12:
            shape = [1, shape[1] * 2, shape[2] * 2, shape[3]]
            x = resize(net, x, shape, (scale, zero))
    x = net.add(Op.LOGISTIC, [x], net.tensor(shape, 1 / 256, -128)) if random.random() < 0.5 else x
    net.graph.outputs = [x]
    return net.bytes()


def cases(networks: int) -> list[dict[str, Any]]:
    made = [_case(f"ADD, scales {seed}", add_net(seed), None) for seed in range(24)]
    made += [_case(f"LOGISTIC, scale {seed}", logistic_net(seed), -1) for seed in range(40)]
    made += [_case(f"RESIZE_BILINEAR {seed}", resize_net(seed), 7 * seed + 1) for seed in range(24)]
    seeds = sorted({*range(networks), IN_ONE_GO})
    made += [_case(f"network {seed}", random_net(seed), seed) for seed in seeds]
    return [case for case in made if case["sha256"]]


def _case(name: str, file: bytes, seed: int | None) -> dict[str, Any]:
    """A seed of None stands for all pairs of int8, -1 for all int8."""
    if seed is None:
        inputs = pairs()
    else:
        interpreter = Interpreter(model_content=file)
        length = int(np.prod(interpreter.get_input_details()[0]["shape"]))
        inputs = [np.arange(256).astype(np.uint8) if seed == -1 else drawn(seed, length)]
    return {"name": name, "seed": seed, "sha256": answers(file, inputs), "file": base64.b64encode(file).decode()}


def text_of(networks: int) -> str:
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases(networks))
    return f"[\n{lines}\n]\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=8)
    parser.add_argument("--out", type=Path, default=FILE)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    text = text_of(given.networks)
    if not given.check:
        given.out.write_text(text, encoding="utf-8")
    elif given.out.read_text(encoding="utf-8") != text:
        sys.exit(f"{given.out.name} is not fresh: run python -m tests.golden.engine_golden")
