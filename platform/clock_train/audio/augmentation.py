"""The article's two augmentations: background noise at a chosen SNR, and speaking rate without a change of pitch."""

from __future__ import annotations

from enum import Enum

import numpy as np

from clock_train.audio.activity import activity
from clock_train.errors import ConfigError

MAX_SPEED_PERCENT = 50.0
"""FFmpeg's atempo works from half to a hundred times the speed; beyond 1.5 speech is no longer a voice to learn."""


MIN_SPEED_S = 0.1
"""A shorter clip is less than a few of atempo's windows and would come back empty; it is left as it is."""


class NoiseColour(Enum):
    """White: equal power per Hz, a hiss. Pink: equal power per octave, a room."""

    WHITE = "white"
    PINK = "pink"


def add_noise(
    waveform: np.ndarray,
    snr_db: float,
    rng: np.random.Generator,
    *,
    sample_rate_hz: int = 16_000,
    colour: NoiseColour = NoiseColour.PINK,
) -> np.ndarray:
    """The waveform in noise.

    Args:
        waveform: (T,) float32, [-1, 1].
        snr_db: power of the active speech over that of the noise; pauses do not count, so that a clip with long
            pauses gets no less noise. Without any speech the whole clip counts.
        rng: the only source of randomness.
        sample_rate_hz: needed to find the speech.
        colour: of the noise.
    Returns:
        (T,) float32, [-1, 1]: turned down as a whole where the sum would clip, which leaves the SNR as it is.
    """
    if not len(waveform):
        return np.asarray(waveform, dtype=np.float32)
    noise = rng.standard_normal(len(waveform)).astype(np.float32)
    if colour is NoiseColour.PINK:
        noise = _pink(noise)
    noise_rms = float(np.sqrt(np.mean(noise**2, dtype=np.float64)))
    gain = _speech_rms(waveform, sample_rate_hz) / max(noise_rms, 1e-12) * 10 ** (-snr_db / 20)
    noisy = waveform + np.float32(gain) * noise
    return (noisy / max(1.0, float(np.abs(noisy).max()))).astype(np.float32)


def change_speed(waveform: np.ndarray, sample_rate_hz: int, percent: float) -> np.ndarray:
    """Faster or slower speech of the same pitch (FFmpeg's atempo: waveform-similarity overlap-add).

    Args:
        waveform: (T,) float32, [-1, 1].
        sample_rate_hz: its rate.
        percent: 20 speaks a fifth faster, -20 a fifth slower.
    Returns:
        (about T / (1 + percent / 100),) float32, [-1, 1].
    Raises:
        ConfigError: more than 50 % either way.
    """
    if abs(percent) > MAX_SPEED_PERCENT:
        raise ConfigError(f"speed change is {percent} %; give -{MAX_SPEED_PERCENT:.0f} to {MAX_SPEED_PERCENT:.0f}")
    waveform = np.ascontiguousarray(waveform, dtype=np.float32)
    if percent == 0 or len(waveform) < MIN_SPEED_S * sample_rate_hz:
        return waveform
    import av
    from av.filter import Graph

    graph = Graph()
    source = graph.add_abuffer(sample_rate=sample_rate_hz, format="fltp", layout="mono")
    tempo = graph.add("atempo", f"{1 + percent / 100:.6f}")
    sink = graph.add("abuffersink")
    source.link_to(tempo)
    tempo.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(waveform[None], format="fltp", layout="mono")
    frame.sample_rate = sample_rate_hz
    frame.pts = 0
    source.push(frame)
    source.push(None)
    parts = []
    while True:
        try:
            output = sink.pull()
        except (av.EOFError, av.BlockingIOError):
            break
        assert isinstance(output, av.AudioFrame)
        parts.append(output.to_ndarray()[0])
    return np.clip(np.concatenate(parts), -1.0, 1.0)


def _pink(white: np.ndarray) -> np.ndarray:
    """The same noise with its power falling by 3 dB an octave; constant below the 20th bin, so that no rumble rules."""
    from scipy.fft import irfft, next_fast_len, rfft

    n_fft = int(next_fast_len(len(white), real=True) or len(white))
    spectrum = np.asarray(rfft(white, n_fft))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 20.0)).astype(np.float32)
    return np.asarray(irfft(spectrum, n_fft))[: len(white)]


def _speech_rms(waveform: np.ndarray, sample_rate_hz: int) -> float:
    found = activity(waveform, sample_rate_hz)
    if found.segments:
        return 10 ** (found.speech_level_db / 20)
    return float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64))))
