"""Sound to the small packets that phones decode by themselves: Opus, one channel, 60 ms a packet."""

from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import av
import numpy as np

from pestwatch.sound.voice import Samples

PACKET_MS = 60
RATE_HZ = 16_000
LOUDNESS = 0.14
"""Root mean square that every clip is brought to, of 1: about -17 dB, loud for a phone's small loudspeaker."""
_PEAK = 0.97
_SILENCE = 0.006
_EDGE_MS = 30


def encoder() -> str:
    """Names what packs: clips are made anew when it changes."""
    return f"av {version('av')}"


def trimmed(samples: Samples, rate_hz: int) -> Samples:
    """Cuts the silence at both ends, and brings the rest to the common loudness."""
    level = samples.astype(np.float32) / 32768
    loud = np.flatnonzero(np.abs(level) > _SILENCE)
    if loud.size == 0:
        return samples[:0]
    edge = rate_hz * _EDGE_MS // 1000
    level = level[max(0, loud[0] - edge) : loud[-1] + edge]
    gain = min(LOUDNESS / float(np.sqrt(np.mean(level**2))), _PEAK / float(np.max(np.abs(level))))
    return (level * gain * 32767).astype(np.int16)


def packets(samples: Samples, rate_hz: int, bits_a_second: int) -> list[bytes]:
    """Encodes as Opus does for voices; the last packet is filled up with silence."""
    context = av.CodecContext.create("libopus", "w")
    context.sample_rate = RATE_HZ
    context.layout = "mono"
    context.format = "s16"
    context.bit_rate = bits_a_second
    context.options = {"application": "voip", "frame_duration": str(PACKET_MS), "compression_level": "10"}
    context.open()
    queue = av.AudioFifo()
    for frame in _resampled([_frame(samples, rate_hz)]):
        queue.write(frame)
    done: list[bytes] = []
    while part := queue.read(RATE_HZ * PACKET_MS // 1000, partial=True):
        done += map(bytes, context.encode(part))
    return done + list(map(bytes, context.encode(None)))


def recorded(path: Path) -> tuple[Samples, int]:
    """Any recording that FFmpeg reads (.wav, .opus, .m4a, …) as mono samples."""
    with av.open(str(path)) as recording:
        frames = [frame.to_ndarray()[0] for frame in _resampled(recording.decode(audio=0))]
    return (np.concatenate(frames) if frames else np.zeros(0, np.int16)), RATE_HZ


def _frame(samples: Samples, rate_hz: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="s16", layout="mono")
    frame.sample_rate = rate_hz
    return frame


def _resampled(frames: Iterable[av.AudioFrame]) -> Iterable[av.AudioFrame]:
    resampler = av.AudioResampler("s16", "mono", RATE_HZ)
    for frame in [*frames, None]:
        for ready in resampler.resample(frame):
            ready.pts = None  # the queue wants none, or all of them
            yield ready
