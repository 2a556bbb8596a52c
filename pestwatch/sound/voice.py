"""The synthesizer: a text and a language to sound, by eSpeak NG's library from its wheel.

eSpeak NG is under the GPL. It runs on the machine that builds the app, in a process of its own, and nothing of it is
in the app: phones get the sound that it made. Source: ADR 0016.
"""

import ctypes
import functools
from importlib.metadata import version

import espeakng_loader
import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

WORDS_A_MINUTE = 168
"""Slower than eSpeak's usual 175: heard outdoors, once, by people who did not expect it. A guess, to be tried in fields."""
RESPELT = str.maketrans({"ୱ": "ଵ", "ॲ": "ऍ"})
"""Letters that eSpeak NG 1.52 reads out by name or number, and what it reads as they sound: Odia wa, Marathi's short a."""
_SYNCHRONOUS, _UTF8, _RATE, _BY_CHARACTER = 2, 1, 1, 1
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def engine() -> str:
    """Names what speaks: clips are made anew when it changes."""
    return f"espeakng-loader {version('espeakng-loader')}, {WORDS_A_MINUTE} words"


@functools.cache
def _espeak() -> tuple[ctypes.CDLL, int]:
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    sample_rate = library.espeak_Initialize(_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0)
    if sample_rate <= 0:
        raise OSError("eSpeak NG found none of its data")
    return library, sample_rate


def speech(text: str, locale: str) -> tuple[Samples, int]:
    """Speaks a text.

    Returns:
      (n,) int16 samples, and how many of them are a second.

    Raises:
      OSError: the library has no such voice, or cannot be loaded.
    """
    library, sample_rate = _espeak()
    if library.espeak_SetVoiceByName(locale.encode()) != 0:
        raise OSError(f"eSpeak NG has no voice for {locale}")
    library.espeak_SetParameter(_RATE, WORDS_A_MINUTE, 0)
    spoken = bytearray()

    def take(samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: int) -> int:
        if samples and count > 0:
            spoken.extend(ctypes.string_at(samples, count * 2))
        return 0

    callback = _Callback(take)
    library.espeak_SetSynthCallback(callback)
    encoded = text.translate(RESPELT).encode()
    library.espeak_Synth(encoded, ctypes.c_size_t(len(encoded) + 1), 0, _BY_CHARACTER, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    return np.frombuffer(bytes(spoken), np.int16), sample_rate
