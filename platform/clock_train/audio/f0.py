"""Fundamental frequency and voicing: normalised autocorrelation and the best path through its peaks.

Boersma's method as Praat has it, vectorised over frames: the autocorrelation of a Hann-windowed frame divided by that
of the window shows a period as a peak near 1; a Viterbi search takes the path of candidates that is strong and smooth.
Peculiar here: frames are cut at about 8 kHz and the spectrum is faded out up to 2 kHz before the autocorrelation,
which makes the peaks broad enough for a parabola (Praat needs a sinc there) and halves the time.
Source: Boersma, Accurate short-term analysis of the fundamental frequency (1993).
"""

from __future__ import annotations

import numpy as np

from clock_train.audio.mel import num_frames
from clock_train.audio.resampling import resample

ANALYSIS_HZ = 8000
WINDOW_PERIODS = 3.84
"""Of the lowest F0; 64 ms at 60 Hz. Fewer than 3 lets the window hide the second period."""
FADE_FROM_HZ, FADE_TO_HZ = 1200.0, 2000.0
NUM_CANDIDATES = 5
OCTAVE_COST = 0.02
"""In correlation per octave: prefers the shortest of equally good periods. Praat's 0.01 took half the pitch in 2 % of
the frames of a 480 Hz sawtooth at 5 dB SNR; twice that took it in none."""
OCTAVE_JUMP_COST = 0.35
VOICING_COST = 0.14
VOICING_THRESHOLD = 0.45
SILENCE_THRESHOLD = 0.03
"""Against the loud frames' peak: quieter frames need a stronger period. These four values are Praat's."""
COST_STEP_S = 0.01
"""The frame step for which the costs above are meant."""
LOUD_PERCENTILE = 99.0
"""Praat compares with the loudest sample; one slammed door would then silence the whole recording."""
QUIETEST_PEAK = 1e-4
"""Three steps of a 16-bit file: below it there is no voice, whatever the correlation says."""
MISSING = -10.0
"""The strength of a candidate that is none: no path takes it."""
FRAMES_PER_CHUNK = 4096


def f0(
    waveform: np.ndarray,
    sample_rate_hz: int = 16_000,
    hop_samples: int = 256,
    min_hz: float = 60.0,
    max_hz: float = 500.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Fundamental frequency of each frame.

    Args:
        waveform: (T,) float, [-1, 1].
        sample_rate_hz: at least 8000.
        hop_samples: one frame; frame i is centred on sample i * hop + hop / 2, as in ``log_mel``.
        min_hz: lowest F0 looked for; the window lengthens with it.
        max_hz: highest F0 looked for, at most 1000.
    Returns:
        F0 (frames,) float32 in Hz, 0 where unvoiced; voicing (frames,) bool. frames = ceil(T / hop).
    """
    frames = num_frames(len(waveform), hop_samples)
    if not frames:
        return np.zeros(0, dtype=np.float32), np.zeros(0, dtype=bool)
    factor = max(1, sample_rate_hz // ANALYSIS_HZ)
    rate_hz = sample_rate_hz / factor
    slow = resample(waveform, sample_rate_hz, rate_hz) if factor > 1 else np.asarray(waveform, dtype=np.float32)
    lags_hz, strengths, peaks = _candidates(slow, rate_hz, hop_samples / factor, frames, min_hz=min_hz, max_hz=max_hz)

    loud = np.percentile(peaks, LOUD_PERCENTILE)
    relative = peaks / max(loud, QUIETEST_PEAK)
    unvoiced = VOICING_THRESHOLD + np.maximum(0.0, 2.0 - relative * (1.0 + VOICING_THRESHOLD) / SILENCE_THRESHOLD)
    unvoiced[peaks < QUIETEST_PEAK] = 10.0
    # State 0 is "unvoiced", with frequency 0.
    hz = np.concatenate([np.zeros((frames, 1), dtype=np.float32), lags_hz], axis=1)
    scores = np.concatenate([unvoiced[:, None], strengths], axis=1)
    path = _best_path(hz, scores, COST_STEP_S * sample_rate_hz / hop_samples)
    chosen_hz = hz[np.arange(frames), path].astype(np.float32)
    return chosen_hz, path > 0


def _candidates(
    waveform: np.ndarray, rate_hz: float, hop: float, frames: int, *, min_hz: float, max_hz: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frequencies and strengths (frames, NUM_CANDIDATES), and each frame's largest absolute sample (frames,)."""
    from scipy.fft import irfft, next_fast_len, rfft

    window_samples = round(WINDOW_PERIODS * rate_hz / min_hz)
    longest = int(np.ceil(rate_hz / min_hz)) + 1
    shortest = max(2, int(rate_hz / max_hz) - 1)
    n_fft = int(next_fast_len(window_samples + longest + 1, real=True) or 0)
    window = (0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(window_samples) + 0.5) / window_samples)).astype(np.float32)
    bins_hz = np.fft.rfftfreq(n_fft, 1.0 / rate_hz)
    fade = np.clip((FADE_TO_HZ - bins_hz) / (FADE_TO_HZ - FADE_FROM_HZ), 0.0, 1.0).astype(np.float32)
    window_correlation = np.asarray(irfft(np.abs(np.asarray(rfft(window, n_fft))) ** 2, n_fft))[: longest + 1]
    window_correlation = window_correlation / window_correlation[0]

    before = window_samples // 2
    padded = np.pad(waveform, (before, window_samples + int(hop) + 1))
    views = np.lib.stride_tricks.sliding_window_view(padded, window_samples)
    starts = np.minimum(np.rint((np.arange(frames) + 0.5) * hop).astype(np.int64), len(views) - 1)
    hz = np.empty((frames, NUM_CANDIDATES), dtype=np.float32)
    strengths = np.empty((frames, NUM_CANDIDATES), dtype=np.float32)
    peaks = np.empty(frames, dtype=np.float32)
    for start in range(0, frames, FRAMES_PER_CHUNK):
        part = slice(start, start + FRAMES_PER_CHUNK)
        cut = views[starts[part]]
        cut = cut - cut.mean(axis=1, keepdims=True)
        peaks[part] = np.abs(cut).max(axis=1)
        spectrum = np.asarray(rfft(cut * window, n_fft, axis=1))
        power = np.abs(spectrum) ** 2 * fade
        correlation = np.asarray(irfft(power, n_fft, axis=1))[:, : longest + 1]
        correlation = correlation / (np.maximum(correlation[:, :1], 1e-12) * window_correlation)
        hz[part], strengths[part] = _peaks(correlation[:, shortest - 1 :], shortest, rate_hz, min_hz, max_hz)
    return hz, strengths, peaks


def _peaks(
    correlation: np.ndarray, first_lag: int, rate_hz: float, min_hz: float, max_hz: float
) -> tuple[np.ndarray, np.ndarray]:
    """The strongest peaks of (frames, lags), by parabola; column 1 of ``correlation`` is lag ``first_lag``."""
    left, middle, right = correlation[:, :-2], correlation[:, 1:-1], correlation[:, 2:]
    row, column = np.nonzero((middle > left) & (middle >= right) & (middle > 0))
    before, here, after = left[row, column], middle[row, column], right[row, column]
    shift = np.clip(0.5 * (before - after) / np.minimum(before - 2 * here + after, -1e-9), -0.5, 0.5)
    hz = rate_hz / (column + first_lag + shift)
    height = np.minimum(here - 0.25 * (before - after) * shift, 1.0)
    strength = np.where((hz >= min_hz) & (hz <= max_hz), height + OCTAVE_COST * np.log2(hz / min_hz), MISSING)

    # Ranked after the parabola: between two samples a short period looks weaker than its own multiples.
    all_hz = np.ones(middle.shape, dtype=np.float32)
    all_strengths = np.full(middle.shape, MISSING, dtype=np.float32)
    all_hz[row, column], all_strengths[row, column] = hz, strength
    best = np.argpartition(-all_strengths, NUM_CANDIDATES - 1, axis=1)[:, :NUM_CANDIDATES]
    return np.take_along_axis(all_hz, best, axis=1), np.take_along_axis(all_strengths, best, axis=1)


def _best_path(hz: np.ndarray, scores: np.ndarray, cost_scale: float) -> np.ndarray:
    """The state (frames,) of the path with the largest sum of scores less the costs of its steps.

    Args:
        hz: (frames, S), 0 for the unvoiced state.
        scores: (frames, S).
        cost_scale: costs are per 10 ms; longer steps cost less.
    """
    frames, states = scores.shape
    octave = np.where(hz > 0, np.log2(np.maximum(hz, 1.0)), np.nan)
    jump = OCTAVE_JUMP_COST * np.abs(octave[1:, None, :] - octave[:-1, :, None])
    is_voiced = hz > 0
    changes = is_voiced[1:, None, :] != is_voiced[:-1, :, None]
    costs = cost_scale * np.where(changes, VOICING_COST, np.nan_to_num(jump, nan=0.0))
    costs = costs.astype(np.float32)
    came_from = np.empty((frames, states), dtype=np.int8)
    total = scores[0]
    columns = np.arange(states)
    for frame in range(1, frames):
        arriving = total[:, None] - costs[frame - 1]
        best = arriving.argmax(axis=0)
        came_from[frame] = best
        total = arriving[best, columns] + scores[frame]
    path = np.empty(frames, dtype=np.int64)
    path[-1] = int(total.argmax())
    for frame in range(frames - 1, 0, -1):
        path[frame - 1] = came_from[frame, path[frame]]
    return path
