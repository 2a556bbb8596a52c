"""What a .tflite costs by the rule of the MicroNet Challenge 2019: stored parameters and arithmetic, by their bits.

Only an analogue: the Challenge has no reference for counting moths, so we divide by its reference for ImageNet, and one
"example" is one tile. A photo takes as many tiles as it takes.

Assumptions, all read from the file's own tensor types:
- A parameter of b bits counts b/32. Weights are 8 bits, biases 32; scales and zero points of quantisation are counted as
  parameters too, 32 and 8 bits per entry, for inference needs them.
- A multiplication of two 8-bit numbers counts 8/32. Its sum goes into a 32-bit accumulator and so each addition counts
  whole: the stricter of the two readings. `score(..., adder_bits=8)` gives the other one.
- Bringing a sum back to 8 bits is a change of format, which the rule leaves free for int8; so are padding and copies.
- ReLU6 is part of that change. A bilinear doubling is 4 multiplications and 3 additions of 8-bit numbers per value, a
  sigmoid counts 2 multiplications and 1 addition, as in the Challenge's own counting script.

Source: micronet-challenge.github.io/scoring_and_submission; google-research/micronet_challenge/counting.py.
"""

from typing import Any, NamedTuple

import numpy as np
from ai_edge_litert import schema_py_generated as schema

# MobileNetV2-1.4, the Challenge's reference for ImageNet: 32-bit parameters and operations.
REFERENCE_PARAMETERS = 6_900_000
REFERENCE_OPERATIONS = 1_170_000_000
WHOLE_BITS = 32
BITS = {
    schema.TensorType.FLOAT32: 32,
    schema.TensorType.INT32: 32,
    schema.TensorType.INT16: 16,
    schema.TensorType.INT8: 8,
    schema.TensorType.UINT8: 8,
}
FREE = {
    "PAD",
    "RESHAPE",
    "QUANTIZE",
    "CONCATENATION",
    "RESIZE_NEAREST_NEIGHBOR",
    "MAX_POOL_2D",
    "SHAPE",
    "PACK",
    "RELU",
}
"""Copies, comparisons and changes of format."""


class Operations(NamedTuple):
    """What one tile takes.

    Args:
      parameter_bits: everything stored for inference.
      macs: multiply-accumulates of convolutions, as networks are usually compared.
      multiplications: of `operand_bits` each.
      additions: of two such products, or of two values.
      operand_bits: of the widest operand: 8 for our files.
    """

    parameter_bits: int
    macs: int
    multiplications: int
    additions: int
    operand_bits: int


class Score(NamedTuple):
    """The two halves of the score and their sum; lower is better."""

    storage: float
    arithmetic: float

    @property
    def total(self) -> float:
        """What the Challenge ranked by."""
        return self.storage + self.arithmetic


def score(cost: Operations, adder_bits: int = WHOLE_BITS) -> Score:
    """The MicroNet score of one run.

    Args:
      cost: as of operations.
      adder_bits: width of the adder that sums products up.
    """
    work = cost.multiplications * cost.operand_bits + cost.additions * adder_bits
    storage = cost.parameter_bits / WHOLE_BITS / REFERENCE_PARAMETERS
    return Score(storage, work / WHOLE_BITS / REFERENCE_OPERATIONS)


def operations(content: bytes) -> Operations:
    """Counts a file's parameters and arithmetic, operator by operator.

    Args:
      content: a .tflite with one graph.

    Raises:
      ValueError: it holds an operator whose cost is not known here.
    """
    model = schema.ModelT.InitFromPackedBuf(content)
    (graph,) = model.subgraphs
    macs = multiplications = additions = 0
    operand_bits = 0
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        name = NAMES[max(code.deprecatedBuiltinCode, code.builtinCode)]
        tensors = [graph.tensors[place] for place in operator.inputs if place >= 0]
        answer = graph.tensors[operator.outputs[0]]
        counted = _arithmetic(name, [tensor.shape for tensor in tensors], answer.shape)
        macs += counted.macs
        multiplications += counted.multiplications
        additions += counted.additions
        if counted.multiplications:
            operand_bits = max(operand_bits, BITS[tensors[0].type])
    return Operations(_stored_bits(model, graph), macs, multiplications, additions, operand_bits)


class _Arithmetic(NamedTuple):
    macs: int = 0
    multiplications: int = 0
    additions: int = 0


NAMES = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}


def _arithmetic(name: str, inputs: list[Any], answer: Any) -> _Arithmetic:
    """One operator, by the shapes of its inputs and of its answer."""
    values = int(np.prod(answer))
    if name in FREE:
        return _Arithmetic()
    if name == "ADD":
        return _Arithmetic(additions=values)
    if name == "MUL":
        return _Arithmetic(multiplications=values)
    if name == "LOGISTIC":
        return _Arithmetic(multiplications=2 * values, additions=values)
    if name == "RESIZE_BILINEAR":
        return _Arithmetic(multiplications=4 * values, additions=3 * values)
    if name == "MEAN":
        taken = int(np.prod(inputs[0]))
        return _Arithmetic(multiplications=values, additions=taken - values)
    if name in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
        kernel = inputs[1]
        # Kernels are (out, h, w, in), (1, h, w, out) when depthwise, (out, in) when fully connected.
        products = int(np.prod(kernel[1:3] if name == "DEPTHWISE_CONV_2D" else kernel[1:])) * values
        # n products need n - 1 additions, and the bias is one more.
        return _Arithmetic(products, products, products)
    raise ValueError(f"no cost is known for {name}")


def _stored_bits(model: Any, graph: Any) -> int:
    """Weights, biases, and the scales and zero points of everything."""
    bits = 0
    for tensor in graph.tensors:
        stored = model.buffers[tensor.buffer].data
        if stored is not None:
            bits += 8 * len(stored)
        if tensor.quantization is not None and tensor.quantization.scale is not None:
            bits += (WHOLE_BITS + 8) * len(tensor.quantization.scale)
    return bits
