"""What runs a .tflite network: LiteRT, or the phone's own kernels through wasmtime. Their bytes are the same."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

Engine = Literal["litert", "wasm"]
UInt8s = npt.NDArray[np.uint8]
Run = Callable[[UInt8s], UInt8s]
"""Bytes of the input -> bytes of the output, in the shapes of the file without its batch of one."""


def open_network(model: bytes, engine: Engine, threads: int = 1) -> Run:
    """Opens a network with one input and one output; not for use by two threads at once.

    Raises:
      Problem 404.1, 422.20, ImportError: as WasmNetwork.
    """
    if engine == "wasm":
        from pestwatch.vision.wasm_engine import WasmNetwork

        return WasmNetwork(model).run
    interpreter = Interpreter(model_content=model, num_threads=threads)
    interpreter.allocate_tensors()
    source: int = interpreter.get_input_details()[0]["index"]
    result: int = interpreter.get_output_details()[0]["index"]

    def run(pixels: UInt8s) -> UInt8s:
        interpreter.set_tensor(source, pixels[None])
        interpreter.invoke()
        answer: UInt8s = interpreter.get_tensor(result)[0]
        return answer

    return run
