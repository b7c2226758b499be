"""What happens to a sound on its way: codecs, telephones, noise, cutting, other speeds.

An attack takes and gives (T,) float32 at 16 kHz.
Codecs are FFmpeg's through PyAV (LAME, the native AAC, libopus), so frames are never aligned with those of the mark.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable

import numpy as np

from clock_train.audio.resampling import resample

RATE_HZ = 16_000
Attack = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def through_codec(
    waveform: np.ndarray, codec: str, container: str, *, bit_rate: int | None = None, rate_hz: int = RATE_HZ
) -> np.ndarray:
    """Encode, decode, and back to 16 kHz. The decoder's delay stays."""
    import av

    sent = resample(waveform, RATE_HZ, rate_hz)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        track = output.add_stream(codec, rate=rate_hz)
        assert isinstance(track, av.AudioStream)
        track.layout = "mono"
        if bit_rate is not None:
            track.bit_rate = bit_rate
        samples = np.clip(np.rint(sent * 32768.0), -32768, 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = rate_hz, 0
        for source in (frame, None):
            output.mux(track.encode(source))
    buffer.seek(0)
    with av.open(buffer, "r", format=container) as heard:
        blocks = [each.to_ndarray() for each in heard.decode(audio=0)]
        decoded_hz = heard.streams.audio[0].rate
    joined = np.concatenate([block.reshape(-1) for block in blocks])
    if joined.dtype == np.int16:
        joined = joined.astype(np.float32) / 32768.0
    return np.clip(resample(joined.astype(np.float32), decoded_hz, RATE_HZ), -1.0, 1.0)


def mp3(kilobits: int) -> Attack:
    """LAME at a constant rate."""
    return lambda x, rng: through_codec(x, "libmp3lame", "mp3", bit_rate=kilobits * 1000)


def aac(kilobits: int) -> Attack:
    """AAC-LC in ADTS."""
    return lambda x, rng: through_codec(x, "aac", "adts", bit_rate=kilobits * 1000)


def opus(kilobits: int) -> Attack:
    """libopus in Ogg; decodes at 48 kHz."""
    return lambda x, rng: through_codec(x, "libopus", "ogg", bit_rate=kilobits * 1000)


def g711(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """8 kHz, mu-law."""
    return through_codec(x, "pcm_mulaw", "wav", rate_hz=8000)


def resampled(rate_hz: int) -> Attack:
    """Down and up again."""
    return lambda x, rng: resample(resample(x, RATE_HZ, rate_hz), rate_hz, RATE_HZ)


def low_pass(hz: float) -> Attack:
    """Eighth-order Butterworth."""

    def attack(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        from scipy.signal import butter, sosfilt

        return np.asarray(sosfilt(butter(8, hz, fs=RATE_HZ, output="sos"), x)).astype(np.float32)

    return attack


def gain(decibels: float) -> Attack:
    """Louder or softer; what leaves the range is clipped."""
    return lambda x, rng: np.clip(x * np.float32(10 ** (decibels / 20)), -1.0, 1.0)


def noise(snr_db: float) -> Attack:
    """White, at a ratio to the power of the whole clip."""

    def attack(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        level = np.sqrt(np.mean(x**2)) * 10 ** (-snr_db / 20)
        return np.clip(x + level * rng.standard_normal(len(x)).astype(np.float32), -1.0, 1.0)

    return attack


def crop(seconds: float) -> Attack:
    """A piece from anywhere with speech in it: at most a third of it is pause."""

    def attack(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        size = round(seconds * RATE_HZ)
        power = np.convolve(x**2, np.ones(320) / 320, mode="same")
        loud = np.cumsum(np.concatenate([[0], power > np.mean(x**2) * 0.01]))
        starts = np.arange(len(x) - size + 1)
        sounding = loud[starts + size] - loud[starts]
        good = starts[sounding >= min(2 / 3 * size, sounding.max())]
        first = int(rng.choice(good))
        return x[first : first + size]

    return attack


def speed(ratio: float | None = None) -> Attack:
    """As a tape that runs faster; None draws a ratio within ±5 %."""

    def attack(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        chosen = ratio or float(rng.uniform(0.95, 1.05))
        return resample(x, RATE_HZ * chosen, RATE_HZ)

    return attack


def stretch(ratio: float) -> Attack:
    """Faster or slower at the same pitch (FFmpeg's atempo, waveform overlap)."""
    return lambda x, rng: _filtered(x, "atempo", f"{ratio}")


def _filtered(x: np.ndarray, name: str, arguments: str) -> np.ndarray:
    import av
    from av.filter import Graph

    graph = Graph()
    source = graph.add_abuffer(format="flt", sample_rate=RATE_HZ, layout="mono", time_base=None)
    effect, sink = graph.add(name, arguments), graph.add("abuffersink")
    source.link_to(effect)
    effect.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(x[None]), format="flt", layout="mono")
    frame.sample_rate, frame.pts = RATE_HZ, 0
    graph.push(frame)
    graph.push(None)
    blocks = []
    while True:
        try:
            blocks.append(graph.pull().to_ndarray().reshape(-1))
        except (BlockingIOError, EOFError):
            return np.concatenate(blocks).astype(np.float32)


def reverberation(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A room of 0.3 s: the direct sound and exponentially decaying noise of the same power."""
    from scipy.signal import fftconvolve

    t = np.arange(round(0.4 * RATE_HZ)) / RATE_HZ
    tail = rng.standard_normal(len(t)) * 10 ** (-3 * t / 0.3)
    tail[: round(0.003 * RATE_HZ)] = 0
    tail /= np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    wet = np.asarray(fftconvolve(x, tail))[: len(x)]
    return (wet / max(1.0, float(np.abs(wet).max()))).astype(np.float32)


def telephone(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """300 to 3,400 Hz, noise 25 dB down, 8 kHz, mu-law."""
    from scipy.signal import butter, sosfilt

    band = np.asarray(sosfilt(butter(4, [300, 3400], "bandpass", fs=RATE_HZ, output="sos"), x)).astype(np.float32)
    return g711(noise(25)(band, rng), rng)


def reordered(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cut into pieces of 2 to 3 s, put together in another order."""
    edges = [0]
    while edges[-1] < len(x):
        edges.append(edges[-1] + round(float(rng.uniform(2, 3)) * RATE_HZ))
    pieces = [x[first:last] for first, last in itertools.pairwise(edges)]
    order = rng.permutation(len(pieces))
    if len(pieces) > 1 and (order == np.arange(len(pieces))).all():
        order = order[::-1]
    return np.concatenate([pieces[n] for n in order])


def mixed_with(other: np.ndarray) -> Attack:
    """3 s of the sound in the middle of another speaker's unmarked one."""

    def attack(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        piece = crop(min(3.0, len(x) / RATE_HZ))(x, rng)
        at = int(rng.integers(0, len(other)))
        return np.concatenate([other[:at], piece, other[at:]])

    return attack
