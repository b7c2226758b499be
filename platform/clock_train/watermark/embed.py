"""Embedding: each cell of the spectrum a little louder or softer, as the key says, while the sound streams through.

What is added is a fraction of the sound's own spectrum, so silence stays silence. More where the ear does not look:
cells far under the frame's peak take more than the peak itself, and the range under 1 kHz, where most of the power is,
takes less than half. A sample leaves once every window over it is known, 12 to 16 ms after it came; the size of chunks
changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clock_train.errors import AudioSamplesInvalid, ConfigError
from clock_train.watermark.framing import (
    BIN_HZ,
    CELL_BINS,
    CELL_HOPS,
    CYCLE_HOPS,
    FIRST_BIN,
    HOP_SECONDS,
    LAST_BIN,
    NUM_COLUMNS,
    OVERLAP,
    WINDOW_SUM,
    hop_samples,
    spectrum_of,
    window,
)
from clock_train.watermark.pattern import QuarterKey, derive, marked_signs
from clock_train.watermark.payload import Payload

DEPTH = 0.155
"""Of a cell's amplitude, at the reference level: 1.3 dB up or down."""
AT_PEAK, MOST = 0.4, 3.0
"""Times ``DEPTH``: at the frame's peak, and from 35 dB below it; between, the fourth root of the ratio of powers."""
LOW_ROWS, LOW_SHARE = 6, 0.4
"""Under 1,062 Hz, where most of a voice's power is."""
PEAK_HOPS, PEAK_DECAY = 25, 0.95
"""A peak masks what follows it: for 100 ms, 0.56 dB of power less every 10 ms."""
NOISE_TO_HOST = 10 ** (-26.6 / 10)
"""What the mark may cost in all: strength follows the sound so far, or dark voices would pay more than bright ones. As
windows add up, this is a signal-to-noise ratio of 28.5 to 29 dB."""
LEAST_SCALE, MOST_SCALE = 0.7, 1.8
SETTLE_HOPS = 64
"""A quarter of a second of sound is heard before strength follows it."""
GATE_POWER = 10 ** (-75 / 10)
"""Mean square of a window under which nothing is added; room noise of a quiet recording lies above it."""
MIN_RATE_HZ = 8000
BLOCK_FRAMES = 512
"""Two seconds at once: what the caches of a core hold."""
TINY = np.float32(1e-12)
PRESENCE_SECONDS, PAYLOAD_SECONDS = 1.0, 2.5
"""Of sounding speech: shorter sounds are marked, but nobody should count on finding it. From the bench's crops."""


@dataclass(frozen=True, kw_only=True)
class EmbedReport:
    """What was embedded, and whether it can be found."""

    payload: str
    key_id: str
    seconds: float
    sounding_seconds: float
    """Above the gate."""

    @property
    def fits(self) -> bool:
        """Whether the sound is long enough for its mark to be found."""
        return self.sounding_seconds >= PRESENCE_SECONDS

    @property
    def payload_fits(self) -> bool:
        """Whether it is long enough for the payload to be read."""
        return self.sounding_seconds >= PAYLOAD_SECONDS

    @property
    def warning(self) -> str:
        """What to say of a sound that is too short; empty for others."""
        if self.payload_fits:
            return ""
        lost = "its payload may not be readable" if self.fits else "its mark may not be found"
        return f"only {self.sounding_seconds:.1f} s of sound; {lost}"


def start_of(quarter: QuarterKey, request_id: str, cycle: int = 0) -> int:
    """Where in the pattern a sound begins, in hops: by the request alone, so known before the first chunk."""
    return int.from_bytes(derive(quarter.secret, f"start {cycle} {request_id}")[:8], "big") % CYCLE_HOPS


class Marker:
    """Marks one sound as it streams: ``push`` chunks of any size, then ``finish``.

    Args:
        quarter: the tenant's key of today's quarter.
        payload: what the mark says.
        sample_rate_hz: of the sound, 8000 or more.
        request_id: another one for every sound: two sounds with one start give the key away sooner.
        depth: strength; the default is what the bench measures.
    """

    def __init__(
        self, quarter: QuarterKey, payload: Payload, *, sample_rate_hz: int, request_id: str, depth: float = DEPTH
    ) -> None:
        if sample_rate_hz < MIN_RATE_HZ:
            raise ConfigError(f"a sound of {sample_rate_hz} Hz cannot be marked; give {MIN_RATE_HZ} Hz or more")
        grid = marked_signs(quarter, payload)
        self._start_of = lambda cycle: start_of(quarter, request_id, cycle)
        self._rate_hz = sample_rate_hz
        self._hop = hop_samples(sample_rate_hz)
        self._length = OVERLAP * self._hop
        self._is_even = self._hop == sample_rate_hz * HOP_SECONDS
        self._window = window(self._length)
        self._bins, self._rows = _rows_of_bins(sample_rate_hz, self._length)
        self._edges = np.searchsorted(self._rows, np.arange(self._rows[-1] + 1))
        self._is_paired = len(self._rows) == CELL_BINS * len(self._edges)
        self._depths = np.full(len(self._edges), depth, dtype=np.float32)
        self._depths[:LOW_ROWS] *= LOW_SHARE
        self._signs = grid[:, : len(self._edges)]
        self._gate = GATE_POWER * self._length**2 / 100
        lead = self._length - self._hop
        self._input = np.zeros(lead, dtype=np.float32)  # from the next frame's first sample on
        self._added = np.zeros(lead, dtype=np.float32)
        self._skip, self._next, self._num_in, self._num_out = lead, 0, 0, 0
        self._heard = np.zeros(3)  # power of the host, of the mark at scale 1, and sounding hops
        self._peaks = np.zeros(PEAK_HOPS, dtype=np.float32)
        self._names = (payload.hex, quarter.key_id)

    def push(self, chunk: np.ndarray) -> np.ndarray:
        """The next samples in, those that are ready out.

        Args:
            chunk: (n,) float, [-1, 1], of any length.
        Returns:
            (m,) float32, [-1, 1].
        Raises:
            AudioSamplesInvalid: NaN or infinity.
        """
        chunk = np.asarray(chunk, dtype=np.float32)
        if not np.isfinite(chunk).all():
            raise AudioSamplesInvalid("a chunk to be marked holds NaN or infinity; find the step that made it")
        self._num_in += len(chunk)
        self._input = np.concatenate([self._input, chunk])
        return self._ready()

    def finish(self) -> np.ndarray:
        """The last samples; as many came out as went in."""
        self._input = np.concatenate([self._input, np.zeros(2 * self._length, dtype=np.float32)])
        left = self._num_in - self._num_out
        return self._ready()[:left]

    def marked_blocks(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """A whole sound as it comes, and as many samples."""
        for block in blocks:
            yield self.push(block)
        yield self.finish()

    def report(self) -> EmbedReport:
        """What was marked until now."""
        payload, key_id = self._names
        return EmbedReport(
            payload=payload,
            key_id=key_id,
            seconds=self._num_in / self._rate_hz,
            sounding_seconds=float(self._heard[2]) * HOP_SECONDS,
        )

    def _ready(self) -> np.ndarray:
        pieces = []
        while True:
            # the same blocks of frames whatever the chunks: sums in another order would differ in the last bit
            starts = self._starts(self._next, BLOCK_FRAMES)
            count = int(np.searchsorted(starts, len(self._input) - self._length, side="right"))
            if not count:
                break
            pieces.append(self._block(starts[:count]))
        ready = np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.float32)
        skipped = min(self._skip, len(ready))
        self._skip -= skipped
        ready = ready[skipped:]
        self._num_out += len(ready)
        return ready

    def _starts(self, first: int, count: int) -> np.ndarray:
        """First samples of frames, relative to the input that is held."""
        numbers = np.arange(first, first + count + 1)
        exact = self._hop if self._is_even else self._rate_hz * HOP_SECONDS
        at = np.rint(numbers * exact).astype(np.int64)
        self._after = at[1:] - at[0]
        return at[:-1] - at[0]

    def _block(self, starts: np.ndarray) -> np.ndarray:
        """Mark some frames; returns the samples that no later frame touches."""
        if self._is_even:
            frames = np.lib.stride_tricks.sliding_window_view(self._input, self._length)[:: self._hop][: len(starts)]
        else:
            frames = self._input[starts[:, None] + np.arange(self._length)]
        added = self._marks(frames * self._window)
        total = np.zeros(int(starts[-1]) + self._length, dtype=np.float32)
        total[: len(self._added)] = self._added
        if self._is_even:
            quarters = added.reshape(len(starts), OVERLAP, self._hop)
            grid = total.reshape(-1, self._hop)
            for n in range(OVERLAP):
                grid[n : n + len(starts)] += quarters[:, n]
        else:
            for start, each in zip(starts, added, strict=True):
                total[start : start + self._length] += each
        self._next += len(starts)
        done = int(self._after[len(starts) - 1])
        marked = np.clip(self._input[:done] + total[:done], -1.0, 1.0)
        self._input, self._added = self._input[done:], total[done:]
        return marked

    def _marks(self, windowed: np.ndarray) -> np.ndarray:
        """What to add under each window, (frames, samples)."""
        spectrum = spectrum_of(windowed)
        inner = spectrum[:, self._bins]
        power = inner.real**2 + inner.imag**2
        cells = power[:, 0::2] + power[:, 1::2] if self._is_paired else np.add.reduceat(power, self._edges, axis=1)
        peaks = np.concatenate([self._peaks, cells.max(axis=1)])
        masking = peaks[PEAK_HOPS:].copy()
        for back in range(1, PEAK_HOPS + 1):
            np.maximum(masking, peaks[PEAK_HOPS - back : -back] * np.float32(PEAK_DECAY**back), out=masking)
        self._peaks = peaks[-PEAK_HOPS:]
        depths = np.clip(AT_PEAK * np.sqrt(np.sqrt((masking[:, None] + TINY) / (cells + TINY))), AT_PEAK, MOST)
        is_sounding = peaks[PEAK_HOPS:] > self._gate
        depths *= self._depths * is_sounding[:, None]
        depths *= self._scales(spectrum, (depths**2 * cells).sum(axis=1), is_sounding)[:, None]
        depths *= self._signs[self._columns(len(windowed))]
        marks = np.zeros_like(spectrum)
        marks[:, self._bins] = inner * depths[:, self._rows]
        return np.fft.irfft(marks, n=self._length, axis=1) * (self._window / np.float32(WINDOW_SUM))

    def _columns(self, count: int) -> np.ndarray:
        """Of the pattern, for the next frames; after each cycle it goes on elsewhere, so no file repeats in step."""
        numbers = np.arange(self._next, self._next + count)
        cycles, hops = numbers // CYCLE_HOPS, numbers % CYCLE_HOPS
        starts = np.array([self._start_of(int(cycle)) for cycle in range(cycles[0], cycles[-1] + 1)])
        return (starts[cycles - cycles[0]] + hops) // CELL_HOPS % NUM_COLUMNS

    def _scales(
        self, spectrum: npt.NDArray[np.complexfloating], noise: np.ndarray, is_sounding: np.ndarray
    ) -> np.ndarray:
        """(frames,): how much stronger or weaker, by what was heard before each frame."""
        power = (spectrum.real**2 + spectrum.imag**2).sum(axis=1)
        heard = np.stack([power, noise, is_sounding]).astype(np.float64)
        sums = np.cumsum(np.concatenate([self._heard[:, None], heard], axis=1), axis=1)
        self._heard = sums[:, -1]
        hosts, noises, counts = sums[:, :-1]
        scales = np.sqrt(NOISE_TO_HOST * hosts / np.maximum(noises, 1e-20))
        return np.where(counts < SETTLE_HOPS, 1.0, np.clip(scales, LEAST_SCALE, MOST_SCALE)).astype(np.float32)


def embed(
    waveform: np.ndarray, sample_rate_hz: int, quarter: QuarterKey, payload: Payload, *, request_id: str
) -> tuple[np.ndarray, EmbedReport]:
    """A whole sound at once; arguments and errors as for ``Marker``.

    Returns:
        (T,) float32 in [-1, 1], as long as what came in, and what was embedded.
    """
    marker = Marker(quarter, payload, sample_rate_hz=sample_rate_hz, request_id=request_id)
    marked = np.concatenate([marker.push(waveform), marker.finish()])
    return marked, marker.report()


def _rows_of_bins(sample_rate_hz: int, length: int) -> tuple[slice, np.ndarray]:
    """Which bins of a window carry the mark at this rate, and the row of each."""
    places = np.rint(np.arange(length // 2) * (sample_rate_hz / length / BIN_HZ)).astype(np.int64)
    inside = np.flatnonzero((places >= FIRST_BIN) & (places < LAST_BIN))
    return slice(int(inside[0]), int(inside[-1]) + 1), (places[inside] - FIRST_BIN) // CELL_BINS
