"""Windows of several requests decoded in one run: what a GPU gains from, and a CPU does not.

Nobody waits for company. While one batch runs, others come; the next batch is all of one length that have come by then.
A stream's windows have few lengths, so that no padding is needed, and a window sounds as it does alone.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

MOST_WINDOWS = 32
"""Of a batch: 192 frames each take some hundred megabytes of activations in all."""


@dataclass(eq=False)
class _Window:
    latent_1CT: np.ndarray
    condition_1G: np.ndarray
    waveform_N: np.ndarray | None = None
    error: BaseException | None = None


class DecodeBatches:
    """Shared by the threads that speak with one voice.

    Args:
        run: (B, C, T) latents and (B, G) conditions to (B, N) samples.
        most: windows of a batch.
    """

    def __init__(self, run: Callable[[np.ndarray, np.ndarray], np.ndarray], *, most: int = MOST_WINDOWS) -> None:
        self._run, self._most = run, most
        self._waiting: defaultdict[int, list[_Window]] = defaultdict(list)
        """By number of frames, the oldest first."""
        self._lock = threading.Lock()  # of what waits
        self._device = threading.Lock()  # one batch at a time: this is what the others wait for
        self.num_runs = self.num_windows = 0

    def decode(self, latent_1CT: np.ndarray, condition_1G: np.ndarray) -> np.ndarray:
        """One window's samples, (N,), as soon as a batch with it has run.

        Raises:
            Exception: what ``run`` raised for its batch.
        """
        window = _Window(latent_1CT, condition_1G)
        frames = latent_1CT.shape[2]
        with self._lock:
            self._waiting[frames].append(window)
        with self._device:
            while window.waveform_N is None and window.error is None:
                self._decode(self._taken(frames))
        if window.error is not None:
            raise window.error
        assert window.waveform_N is not None
        return window.waveform_N

    def _taken(self, frames: int) -> list[_Window]:
        with self._lock:
            queue = self._waiting[frames]
            taken, queue[:] = queue[: self._most], queue[self._most :]
            if not queue:
                del self._waiting[frames]
            return taken

    def _decode(self, windows: list[_Window]) -> None:
        try:
            latents = np.concatenate([window.latent_1CT for window in windows])
            waveforms = self._run(latents, np.concatenate([window.condition_1G for window in windows]))
        except BaseException as error:
            for window in windows:
                window.error = error
            return
        self.num_runs += 1
        self.num_windows += len(windows)
        for window, waveform in zip(windows, waveforms, strict=True):
            window.waveform_N = waveform
