"""Log-mel spectrogram with the framing of VITS, so that every feature has exactly ceil(T / hop) frames.

Magnitude (not power) spectrum of a periodic Hann window, Slaney mel filters with area normalisation, natural logarithm
of max(mel, 1e-5). Frame i is centred on sample i * hop + hop / 2.
Source: HiFi-GAN and VITS reference code; Slaney, Auditory Toolbox (1998).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from clock_train.errors import ConfigError

LOG_FLOOR = 1e-5
FRAMES_PER_CHUNK = 4096
"""65 s at hop 256: bounds the memory of the spectrogram of a long recording to 17 MB."""
SLANEY_LINEAR_HZ = 200.0 / 3.0
SLANEY_BREAK_HZ = 1000.0
SLANEY_LOG_STEP = np.log(6.4) / 27.0


@dataclass(frozen=True, kw_only=True)
class MelConfig:
    """The framing that every feature and the vocoder share."""

    sample_rate_hz: int = 16_000
    n_fft: int = 1024
    hop_samples: int = 256
    """One mel frame. The vocoder's upsampling factors must multiply to this."""
    win_samples: int = 1024
    n_mels: int = 80
    min_hz: float = 0.0
    max_hz: float = 8000.0

    def __post_init__(self) -> None:
        for name in ("sample_rate_hz", "n_fft", "hop_samples", "win_samples", "n_mels"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"audio.mel.{name} is {getattr(self, name)}; give a positive count")
        if self.win_samples > self.n_fft:
            raise ConfigError(f"audio.mel.win_samples is {self.win_samples}, above n_fft {self.n_fft}; make it smaller")
        if self.hop_samples > self.n_fft or (self.n_fft - self.hop_samples) % 2:
            raise ConfigError(
                f"audio.mel.hop_samples is {self.hop_samples}; n_fft {self.n_fft} less it must be even, not negative"
            )
        if not 0 <= self.min_hz < self.max_hz <= self.sample_rate_hz / 2:
            raise ConfigError(
                f"audio.mel.min_hz {self.min_hz} and max_hz {self.max_hz} must satisfy "
                f"0 <= min < max <= {self.sample_rate_hz / 2}, half the sample rate"
            )


DEFAULT_MEL = MelConfig()


def num_frames(num_samples: int, hop_samples: int) -> int:
    """How many frames every feature of a waveform of ``num_samples`` has."""
    return -(-num_samples // hop_samples)


@lru_cache(maxsize=8)
def mel_filterbank(config: MelConfig) -> np.ndarray:
    """Triangles on the Slaney mel scale, each of unit area in Hz.

    Returns:
        (n_mels, n_fft // 2 + 1) float32, read-only, for a magnitude spectrum.
    """
    edges_hz = _mel_to_hz(np.linspace(_hz_to_mel(config.min_hz), _hz_to_mel(config.max_hz), config.n_mels + 2))
    bins_hz = np.fft.rfftfreq(config.n_fft, 1.0 / config.sample_rate_hz)
    rising = (bins_hz[None] - edges_hz[:-2, None]) / np.diff(edges_hz)[:-1, None]
    falling = (edges_hz[2:, None] - bins_hz[None]) / np.diff(edges_hz)[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    filterbank = (triangles * (2.0 / (edges_hz[2:] - edges_hz[:-2]))[:, None]).astype(np.float32)
    filterbank.setflags(write=False)
    return filterbank


def log_mel(waveform: np.ndarray, config: MelConfig = DEFAULT_MEL) -> np.ndarray:
    """The log-mel spectrogram.

    Args:
        waveform: (T,) float, [-1, 1], at ``config.sample_rate_hz``.
        config: framing and filters.
    Returns:
        (n_mels, ceil(T / hop)) float32, natural log, at least log(1e-5).
    """
    filterbank = mel_filterbank(config)
    window = hann_window(config)
    frames = framed(waveform, config.n_fft, config.hop_samples)
    mel = np.empty((config.n_mels, len(frames)), dtype=np.float32)
    from scipy.fft import rfft

    for start in range(0, len(frames), FRAMES_PER_CHUNK):
        spectrum = np.abs(np.asarray(rfft(frames[start : start + FRAMES_PER_CHUNK] * window, axis=1)))
        mel[:, start : start + FRAMES_PER_CHUNK] = filterbank @ spectrum.T
    return np.log(np.maximum(mel, LOG_FLOOR, out=mel), out=mel)


@lru_cache(maxsize=8)
def hann_window(config: MelConfig) -> np.ndarray:
    """(n_fft,) float32: a periodic Hann window of ``win_samples`` in the middle of zeros, as torch.stft places it."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(config.win_samples) / config.win_samples)
    left = (config.n_fft - config.win_samples) // 2
    window = np.pad(hann, (left, config.n_fft - config.win_samples - left)).astype(np.float32)
    window.setflags(write=False)
    return window


def framed(waveform: np.ndarray, frame_samples: int, hop_samples: int) -> np.ndarray:
    """(ceil(T / hop), frame_samples) float32, a view: frame i is centred on sample i * hop + hop / 2.

    The waveform is filled with zeros to a multiple of the hop, then reflected (frame - hop) / 2 at both ends.
    """
    waveform = np.asarray(waveform, dtype=np.float32)
    if not len(waveform):
        return np.zeros((0, frame_samples), dtype=np.float32)
    filled = np.pad(waveform, (0, -len(waveform) % hop_samples))
    before = (frame_samples - hop_samples) // 2
    padded = np.pad(filled, (before, frame_samples - hop_samples - before), mode="reflect")
    return np.lib.stride_tricks.sliding_window_view(padded, frame_samples)[::hop_samples]


def _hz_to_mel(hz: float) -> float:
    """Slaney: linear below 1 kHz, logarithmic above."""
    if hz < SLANEY_BREAK_HZ:
        return hz / SLANEY_LINEAR_HZ
    return SLANEY_BREAK_HZ / SLANEY_LINEAR_HZ + np.log(hz / SLANEY_BREAK_HZ) / SLANEY_LOG_STEP


def _mel_to_hz(mel: np.ndarray) -> np.ndarray:
    break_mel = SLANEY_BREAK_HZ / SLANEY_LINEAR_HZ
    return np.where(
        mel < break_mel, mel * SLANEY_LINEAR_HZ, SLANEY_BREAK_HZ * np.exp(SLANEY_LOG_STEP * (mel - break_mel))
    )
