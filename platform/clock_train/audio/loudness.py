"""How loud a recording is, how near to full scale, and how much of it is clipped.

Loudness follows ITU-R BS.1770-4 for one channel: K-weighting, 400 ms blocks overlapping by three quarters, an absolute
gate at -70 LUFS and a relative one 10 LU below. A full-scale 997 Hz sine reads -3.01 LUFS. The standard's filters are
tables for 48 kHz; here they are made for any rate from the analogue values behind those tables.
Source: ITU-R BS.1770-4 (2015); De Man, Evaluation of implementations of the EBU R128 loudness measurement (2018).
"""

from __future__ import annotations

import numpy as np

CALIBRATION_LU = -0.691
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
STEP_S = 0.1
STEPS_PER_BLOCK = 4
CHUNK_STEPS = 300
"""30 s at a time in double precision, so that a long recording is never copied."""

CLIP_LEVEL = 0.9995
"""Full scale less half a dozen 16-bit steps: readers differ by one in what they call full scale."""
FLAT_STEP = 1.0 / 32768.0
FLAT_LEVEL = 0.9
FLAT_MIN_PEAK = 0.2
"""Below -14 dBFS the rounding of a quiet low voice looks as flat as a clipped one."""
CHUNK_SAMPLES = 1 << 20


def loudness_lufs(waveform: np.ndarray, sample_rate_hz: int) -> float:
    """Integrated loudness.

    Args:
        waveform: (T,) float, [-1, 1]; below 0.4 s the whole of it is one block.
        sample_rate_hz: at least 8000.
    Returns:
        LUFS; -inf when every block is below -70 LUFS.
    """
    block_powers = _block_powers(waveform, sample_rate_hz)
    with np.errstate(divide="ignore"):
        levels = CALIBRATION_LU + 10 * np.log10(block_powers)
    is_heard = levels > ABSOLUTE_GATE_LUFS
    if not is_heard.any():
        return -np.inf
    gate = CALIBRATION_LU + 10 * np.log10(block_powers[is_heard].mean()) + RELATIVE_GATE_LU
    return float(CALIBRATION_LU + 10 * np.log10(block_powers[is_heard & (levels > gate)].mean()))


def peak_dbfs(waveform: np.ndarray) -> float:
    """The largest absolute sample in dB of full scale; -inf for silence."""
    if not len(waveform):
        return -np.inf
    peak = max(float(waveform.max()), -float(waveform.min()))
    return float(20 * np.log10(peak)) if peak > 0 else -np.inf


def clipping_percent(waveform: np.ndarray) -> float:
    """How many samples in a hundred are cut off.

    A sample counts at full scale, or as one of three equal ones near the recording's own peak: a clipped recording
    that was turned down afterwards keeps its flat tops.

    Args:
        waveform: (T,) float, [-1, 1].
    Returns:
        0 to 100.
    """
    if not len(waveform):
        return 0.0
    peak = max(float(waveform.max()), -float(waveform.min()))
    num_clipped = 0
    for start in range(0, len(waveform), CHUNK_SAMPLES):
        chunk = waveform[start : start + CHUNK_SAMPLES]
        is_clipped = np.abs(chunk) >= CLIP_LEVEL
        if peak >= FLAT_MIN_PEAK:
            is_near_peak = np.abs(chunk) >= FLAT_LEVEL * peak
            is_flat = (np.abs(np.diff(chunk)) < FLAT_STEP) & is_near_peak[1:] & is_near_peak[:-1]
            is_run = is_flat[1:] & is_flat[:-1]
            for shift in range(3):
                is_clipped[shift : shift + len(is_run)] |= is_run
        num_clipped += int(is_clipped.sum())
    return 100.0 * num_clipped / len(waveform)


def _block_powers(waveform: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """K-weighted mean square of each 400 ms block."""
    from scipy.signal import sosfilt

    if not len(waveform):
        return np.zeros(0)
    sections = _k_weighting(sample_rate_hz)
    state = np.zeros((len(sections), 2))
    step_samples = round(STEP_S * sample_rate_hz)
    num_steps = len(waveform) // step_samples
    if num_steps < STEPS_PER_BLOCK:
        weighted = np.asarray(sosfilt(sections, np.asarray(waveform, dtype=np.float64)))
        return np.array([np.mean(weighted**2)])
    powers = []
    for start in range(0, num_steps, CHUNK_STEPS):
        end = min(start + CHUNK_STEPS, num_steps)
        chunk = np.asarray(waveform[start * step_samples : end * step_samples], dtype=np.float64)
        weighted, state = sosfilt(sections, chunk, zi=state)
        powers.append(np.mean(weighted.reshape(end - start, step_samples) ** 2, axis=1))
    return np.convolve(np.concatenate(powers), np.full(STEPS_PER_BLOCK, 1.0 / STEPS_PER_BLOCK), mode="valid")


def _k_weighting(sample_rate_hz: int) -> np.ndarray:
    """Two second-order sections: the head's treble shelf of 4 dB, then the high-pass."""
    shelf_hz, shelf_q, shelf_db = 1681.974450955533, 0.7071752369554196, 3.999843853973347
    pass_hz, pass_q = 38.13547087602444, 0.5003270373238773
    k = np.tan(np.pi * shelf_hz / sample_rate_hz)
    high = 10 ** (shelf_db / 20)
    middle = high**0.4996667741545416
    norm = 1 + k / shelf_q + k * k
    shelf = [
        (high + middle * k / shelf_q + k * k) / norm,
        2 * (k * k - high) / norm,
        (high - middle * k / shelf_q + k * k) / norm,
        1.0,
        2 * (k * k - 1) / norm,
        (1 - k / shelf_q + k * k) / norm,
    ]
    k = np.tan(np.pi * pass_hz / sample_rate_hz)
    norm = 1 + k / pass_q + k * k
    high_pass = [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / norm, (1 - k / pass_q + k * k) / norm]
    return np.array([shelf, high_pass])
