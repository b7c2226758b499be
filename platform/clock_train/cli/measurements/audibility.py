"""How much of a mark can be heard, by three measures: signal to noise, PESQ where it is installed, noise to mask."""

from __future__ import annotations

from functools import cache

import numpy as np

RATE_HZ = 16_000
FRAME = 1024
"""64 ms with half overlap, the frame of ITU-R BS.1387's basic version at its rate."""
DISTURBED_DB = 1.5
"""BS.1387 counts a frame as disturbed where a band's noise is so far above the mask."""


def snr_db(host: np.ndarray, marked: np.ndarray) -> float:
    """Power of the host over that of what was added."""
    return float(10 * np.log10(np.sum(host.astype(np.float64) ** 2) / np.sum((marked - host).astype(np.float64) ** 2)))


def pesq_wideband(host: np.ndarray, marked: np.ndarray) -> float | None:
    """P.862.2, or None where the package ``pesq`` is not installed (it has no wheel: its build needs a C compiler)."""
    try:
        from pesq import pesq  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError:
        return None
    return float(pesq(RATE_HZ, host, marked, "wb"))


def noise_to_mask(host: np.ndarray, marked: np.ndarray) -> tuple[float, float]:
    """Mean noise-to-mask ratio in dB, and the share of disturbed frames.

    The mask of a Bark band is the host's power spread to its neighbours (27 dB a band below, 10 dB above), less 3 dB
    below 12 Bark and a quarter dB a Bark above, as in ITU-R BS.1387; frames 40 dB under the loudest are left out.
    """
    host_bands, noise_bands = _band_power(host), _band_power(marked - host)
    is_heard = host_bands.sum(axis=1) > host_bands.sum(axis=1).max() * 1e-4
    mask = host_bands[is_heard] @ _spreading()
    ratio = noise_bands[is_heard] / np.maximum(mask, 1e-12)
    mean_db = float(10 * np.log10(np.mean(ratio)))
    return mean_db, float(np.mean(ratio.max(axis=1) > 10 ** (DISTURBED_DB / 10)))


def _band_power(waveform: np.ndarray) -> np.ndarray:
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(waveform, (0, FRAME)), FRAME)[:: FRAME // 2]
    power = np.abs(np.fft.rfft(frames * np.hanning(FRAME), axis=1)) ** 2
    return power @ _bands()


@cache
def _bands() -> np.ndarray:
    """(bins, Bark bands) of zeros and ones."""
    hertz = np.arange(FRAME // 2 + 1) * RATE_HZ / FRAME
    bark = 7 * np.arcsinh(hertz / 650)
    return (bark[:, None].astype(int) == np.arange(int(bark[-1]) + 1)).astype(np.float64)


@cache
def _spreading() -> np.ndarray:
    num_bands = _bands().shape[1]
    distance = np.arange(num_bands)[None] - np.arange(num_bands)[:, None]  # from a band to another
    decibels = np.where(distance < 0, 27.0 * distance, -10.0 * distance)
    below = np.where(np.arange(num_bands) < 12, 3.0, 0.25 * np.arange(num_bands))
    return 10 ** ((decibels - below) / 10)
