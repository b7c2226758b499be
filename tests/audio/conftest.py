"""Small signals with known properties, and files of every kind made from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import lfilter

RATE_HZ = 16_000


def make_tone(hz: float, seconds: float = 2.0, *, rate_hz: int = RATE_HZ, amplitude: float = 0.3) -> np.ndarray:
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    return (amplitude * np.sin(2 * np.pi * hz * t)).astype(np.float32)


def make_sawtooth(hz: float, seconds: float = 2.0, *, amplitude: float = 0.3) -> np.ndarray:
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    num_harmonics = int(min(40, 7000 // hz))
    wave = np.sum([np.sin(2 * np.pi * hz * k * t) / k for k in range(1, num_harmonics + 1)], axis=0)
    return (amplitude * wave / np.abs(wave).max()).astype(np.float32)


def make_vowel(formants_hz: tuple[float, ...], *, f0_hz: float = 120.0, seconds: float = 1.0) -> np.ndarray:
    """Pulses through one resonance a formant: what formant analysis assumes, with the answer known."""
    pulses = np.zeros(round(seconds * RATE_HZ))
    pulses[:: round(RATE_HZ / f0_hz)] = 1.0
    voice = np.asarray(lfilter([1.0], [1.0, -0.97], pulses))
    for hz, bandwidth_hz in zip(formants_hz, (60, 80, 120, 150, 200), strict=True):
        radius = np.exp(-np.pi * bandwidth_hz / RATE_HZ)
        angle = 2 * np.pi * hz / RATE_HZ
        voice = np.asarray(lfilter([1.0], [1.0, -2 * radius * np.cos(angle), radius**2], voice))
    return (0.5 * voice / np.abs(voice).max()).astype(np.float32)


def make_bursts(
    snr_db: float, *, seconds: float = 12.0, level: float = 0.1, seed: int = 0
) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Speech-like bursts (harmonics, syllables at 4 Hz) in white noise, and where they are."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    bursts = [(float(start), float(start) + 1.3) for start in np.arange(1.0, seconds - 1.5, 2.2)]
    is_speech = np.zeros(len(t), dtype=bool)
    for start, end in bursts:
        is_speech[round(start * RATE_HZ) : round(end * RATE_HZ)] = True
    voice = np.sum([np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 10)], axis=0)
    voice = voice * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * t)) * is_speech
    voice *= level / np.sqrt(np.mean(voice[is_speech] ** 2))
    noise = rng.standard_normal(len(t)) * level / 10 ** (snr_db / 20)
    return (voice + noise).astype(np.float32), bursts


def encode(path: Path, waveform: np.ndarray, *, codec: str, container: str, rate_hz: int = RATE_HZ) -> Path:
    """A file that libsndfile cannot write, through FFmpeg; the extension of ``path`` is not looked at."""
    import av

    with av.open(str(path), "w", format=container) as output:
        track = output.add_stream(codec, rate=rate_hz)
        assert isinstance(track, av.AudioStream)
        track.layout = "mono"
        samples = np.rint(waveform * 32767).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = rate_hz
        frame.pts = 0
        for source in (frame, None):
            for packet in track.encode(source):
                output.mux(packet)
    return path


def write_kind(path: Path, kind: str, waveform: np.ndarray) -> Path:
    import soundfile

    match kind:
        case "m4a":
            return encode(path, waveform, codec="aac", container="ipod")
        case "g722":
            return encode(path, waveform, codec="g722", container="g722")
        case "webm":
            return encode(path, waveform, codec="libopus", container="webm")
        case "ogg":
            soundfile.write(path, waveform, RATE_HZ, format="OGG", subtype="VORBIS")
        case "opus":
            soundfile.write(path, waveform, RATE_HZ, format="OGG", subtype="OPUS")
        case _:
            soundfile.write(path, waveform, RATE_HZ, format=kind.upper())
    return path


@pytest.fixture
def write_sound(tmp_path: Path) -> Callable[..., Path]:
    """``write_sound(kind, waveform, name=...)`` writes one file of that kind."""

    def write(kind: str, waveform: np.ndarray, *, name: str | None = None) -> Path:
        return write_kind(tmp_path / (name or f"sound.{kind}"), kind, waveform)

    return write


@pytest.fixture
def tone() -> Callable[..., np.ndarray]:
    return make_tone


@pytest.fixture
def sawtooth() -> Callable[..., np.ndarray]:
    return make_sawtooth


@pytest.fixture
def vowel() -> Callable[..., np.ndarray]:
    return make_vowel


@pytest.fixture
def bursts() -> Callable[..., tuple[np.ndarray, list[tuple[float, float]]]]:
    return make_bursts
