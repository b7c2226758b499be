"""Small speech-like signals and folders for the corpus tests: a buzz through three resonances, cut into syllables."""

from __future__ import annotations

import os
import shutil
import tempfile
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from scipy.signal import lfilter

RATE_HZ = 16_000
SYLLABLE_S = 0.16
"""Two phones each, so that about 12 phones take a second."""


def speech(
    num_syllables: int,
    *,
    seed: int = 0,
    f0_hz: float = 180.0,
    formants_hz: tuple[float, ...] = (600.0, 1400.0, 2600.0),
    noise_db: float = -65.0,
    around_s: float = 0.3,
) -> np.ndarray:
    """(T,) float32: vowels of changing colour at a gliding pitch, silence with a little noise around."""
    rng = np.random.default_rng(seed)
    parts = [np.zeros(int(around_s * RATE_HZ))]
    phase = 0.0
    for _ in range(num_syllables):
        length = int(SYLLABLE_S * RATE_HZ * rng.uniform(0.9, 1.1))
        pitch = f0_hz * 2 ** rng.uniform(-0.25, 0.25) * np.linspace(1.03, 0.97, length)
        track = phase + np.cumsum(pitch / RATE_HZ)
        phase = float(track[-1])
        buzz = np.diff(np.floor(track), prepend=np.floor(phase)) - pitch / RATE_HZ
        for hz in formants_hz:
            moved = hz * rng.uniform(0.8, 1.25)
            radius = np.exp(-np.pi * 90.0 / RATE_HZ)
            buzz = lfilter([1 - radius], [1, -2 * radius * np.cos(2 * np.pi * moved / RATE_HZ), radius**2], buzz)
        envelope = np.minimum(1.0, np.minimum(np.arange(length), np.arange(length)[::-1]) / (0.02 * RATE_HZ))
        parts.append(np.asarray(buzz) * envelope)
    parts.append(np.zeros(int(around_s * RATE_HZ)))
    signal = np.concatenate(parts)
    signal *= 0.4 / np.abs(signal).max()
    return (signal + rng.normal(0, 10 ** (noise_db / 20), len(signal))).astype(np.float32)


def silence(seconds: float, *, seed: int = 0, noise_db: float = -65.0) -> np.ndarray:
    """(T,) float32 of faint noise."""
    return np.random.default_rng(seed).normal(0, 10 ** (noise_db / 20), int(seconds * RATE_HZ)).astype(np.float32)


def write_wav(path: Path, *channels: np.ndarray, rate_hz: int = RATE_HZ, bytes_per_sample: int = 2) -> Path:
    """A WAV of one channel or several, 16 bit or 8 bit."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.clip(np.stack(channels, axis=1), -1, 1)
    data = np.round(samples * 32767).astype("<i2") if bytes_per_sample == 2 else (samples * 127 + 128).astype("u1")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(bytes_per_sample)
        file.setframerate(rate_hz)
        file.writeframes(data.tobytes())
    return path


NOBODY = 65534


@contextmanager
def public_folder() -> Iterator[Path]:
    """A folder that every account can reach; pytest's own are the account's alone."""
    folder = Path(tempfile.mkdtemp(prefix="clocktrain-test-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def message_as_ordinary_user(action: Callable[[], object]) -> str:
    """What an action says when it fails; root ignores permissions, so root does it as nobody in a child process."""
    if os.geteuid() != 0:
        return _message_of(action)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.seteuid(NOBODY)
        message = _message_of(action)
        os.seteuid(0)
        os.write(writing, message.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        message = file.read().decode()
    os.waitpid(child, 0)
    return message


def _message_of(action: Callable[[], object]) -> str:
    try:
        action()
    except Exception as error:
        return str(error)
    return "no error"


SENTENCES = (
    "The kettle is on the table.",
    "Where did you put the yellow map?",
    "Please close the window before you go!",
    "Seven boats came back in the evening.",
    "My brother sings while he cooks.",
    "Nobody has seen the little grey cat.",
)
"""Short lines, all different."""


def syllables_of(text: str) -> int:
    """How many syllables of `speech` take about as long as the text."""
    return max(2, round(sum(sign.isalpha() for sign in text) * 0.85 / 2))


def clips_with_texts(folder: Path, sentences: tuple[str, ...] = SENTENCES, **sound: float) -> Path:
    """One text per clip: ``clip-1.wav`` and ``clip-1.txt`` and so on."""
    for number, sentence in enumerate(sentences, 1):
        write_wav(folder / f"clip-{number}.wav", speech(syllables_of(sentence), seed=number, **sound))  # pyright: ignore[reportArgumentType]
        (folder / f"clip-{number}.txt").write_text(sentence + "\n", encoding="utf-8")
    return folder
