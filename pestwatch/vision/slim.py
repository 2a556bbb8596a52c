"""Takes out of a .tflite what no runtime reads: long names, and the same row of zeros once per tensor.

The converter gives every tensor with scales per channel its own row of zero points, eight bytes a channel, all of them 0,
and names of a hundred letters: a third of a small network's file. The weights, scales and operators stay as they are.
"""

from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from pestwatch.vision.transplant import layer_name


class _SharedZeros(schema.QuantizationParametersT):  # type: ignore[misc]
    """Quantisation whose zero points are written once per length and file."""

    def __init__(self, written: dict[int, int], source: Any) -> None:
        self.__dict__.update(source.__dict__)
        self._written = written

    def Pack(self, builder: Any) -> Any:  # noqa: N802  # the generated code's name
        count = len(self.zeroPoint)
        if count not in self._written:
            schema.QuantizationParametersStartZeroPointVector(builder, count)
            for _ in range(count):
                builder.PrependInt64(0)
            self._written[count] = builder.EndVector()
        scale = builder.CreateNumpyVector(self.scale)
        schema.QuantizationParametersStart(builder)
        schema.QuantizationParametersAddScale(builder, scale)
        schema.QuantizationParametersAddZeroPoint(builder, self._written[count])
        schema.QuantizationParametersAddQuantizedDimension(builder, self.quantizedDimension)
        return schema.QuantizationParametersEnd(builder)


def slim(content: bytes, kept_metadata: bytes | None = None) -> bytes:
    """Writes the same network in fewer bytes.

    Args:
      content: a .tflite as the converter made it, without the files that may hang at its end.
      kept_metadata: name of the one metadata buffer that stays; the converter's own go.

    Returns:
      A file that computes the same; the outputs of head layers keep a name that tells the layer, the others have none.
    """
    model = schema.ModelT.InitFromPackedBuf(content)
    written: dict[int, int] = {}
    for graph in model.subgraphs:
        for place, tensor in enumerate(graph.tensors):
            is_edge = place in graph.inputs or place in graph.outputs
            name = tensor.name.decode()
            tensor.name = name if is_edge else _short(name)
            quantization = tensor.quantization
            if quantization is not None and quantization.zeroPoint is not None and not any(quantization.zeroPoint):
                tensor.quantization = _SharedZeros(written, quantization)
    model.metadata = [entry for entry in model.metadata or () if entry.name == kept_metadata]
    model.metadataBuffer = None
    model.description = "pestwatch"
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _short(name: str) -> str:
    """What transplant.py finds a layer of the head by; nothing for the rest."""
    layer = layer_name(name)
    return "" if layer is None else f"/{layer}/convolution"
