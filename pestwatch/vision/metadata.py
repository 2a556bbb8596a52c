"""Writes labels and normalisation into the .tflite. The one door to tflite-support.

`import tflite_support` dies beside TensorFlow (both register `StatusCode`); the package below it does not.
The door also brings libusb, which tflite-support's library wants and its wheel lacks.

The field app reads none of this: it has the signed sidecar. Metadata are for everyone else's tools.
"""

import ctypes
import io
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import libusb_package

from pestwatch.vision.slim import slim

LABELS_NAME = "labels.txt"
# TFLite's own name of the buffer that holds metadata.
METADATA_NAME = b"TFLITE_METADATA"
# A file without the hour of its making: the same weights give the same bytes.
ZIP_DATE = (2020, 1, 1, 0, 0, 0)


def write_metadata(model: bytes, *, version: str, labels: Sequence[str], author: str, licence: str) -> bytes:
    """Adds metadata to a model file.

    Args:
      model: .tflite of quantize.
      version: the release's.
      labels: species keys in channel order.
      author: who made it.
      licence: of the file.

    Returns:
      The file with metadata and its labels; deterministic.
    """
    writers, info, schema = _tflite_support()
    with tempfile.TemporaryDirectory() as folder:
        label_file = Path(folder) / LABELS_NAME
        label_file.write_text("\n".join(labels) + "\n", encoding="utf-8")
        general = info.GeneralMd(
            name="pestwatch counter",
            version=version,
            description="Maps the centres of pest insects on a trap photo, one channel per species.",
            author=author,
            licenses=licence,
        )
        image = info.InputImageTensorMd(
            name="image",
            description="A square tile of a trap photo, at the size where its moths are as long as their species is counted at.",
            norm_mean=[127.0],
            norm_std=[127.5],
            color_space_type=schema.ColorSpaceType.RGB,
        )
        heat = info.TensorMd(
            name="heat",
            description="Per cell of 4 x 4 px: 256 x the probability that a centre of each species lies there; last, "
            "how long that insect is.",
            min_values=[0.0],
            max_values=[1.0],
            content_type=schema.ContentProperties.ImageProperties,
            associated_files=[info.LabelFileMd(str(label_file))],
        )
        writer = writers.MetadataWriter.create_from_metadata_info(
            bytearray(model), general, [image], [heat], [str(label_file)]
        )
        return _repacked(bytes(writer.populate()))


def read_metadata(model: bytes) -> str:
    """The metadata of a model file as JSON text, as tflite-support shows it."""
    _tflite_support()
    from tensorflow_lite_support.metadata.python import metadata

    return str(metadata.MetadataDisplayer.with_model_buffer(bytearray(model)).get_metadata_json())


def _tflite_support() -> tuple[Any, Any, Any]:
    """The modules metadata_writer, metadata_info and the metadata schema."""
    ctypes.CDLL(str(libusb_package.get_library_path()))  # found by its soname from here on
    from tensorflow_lite_support.metadata import metadata_schema_py_generated
    from tensorflow_lite_support.metadata.python.metadata_writers import metadata_info, metadata_writer

    return metadata_writer, metadata_info, metadata_schema_py_generated


def _repacked(described: bytes) -> bytes:
    """Takes out again what tflite-support's writer puts into the network, and gives the zip at its end a fixed date."""
    with zipfile.ZipFile(io.BytesIO(described)) as packed:
        files = [(entry, packed.read(entry)) for entry in packed.infolist()]
    stream = io.BytesIO(slim(described[: files[0][0].header_offset], METADATA_NAME))
    stream.seek(0, io.SEEK_END)
    with zipfile.ZipFile(stream, "a") as repacked:
        for entry, content in files:
            repacked.writestr(zipfile.ZipInfo(entry.filename, ZIP_DATE), content)
    return stream.getvalue()
