"""A recording in another voice: heard as its speaker, spoken as another.

The posterior encoder hears, the flow takes the first voice out and, backwards, puts the other in, the decoder speaks:
no text, and no length changed. All of it is convolutions of a bounded reach, so a recording can be converted while it
comes: a stream that awaits the whole reach gives the samples of the whole recording, one that awaits less nearly those.
Source: Kim et al., VITS (2021), section 4.4.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from clock_train.errors import ConfigError
from clock_train.models.condition import clean_circumstances
from clock_train.models.spectral import Spectrogram
from clock_train.models.vocoder import VocoderRate
from clock_train.models.voice import VoiceModel

CHUNK_FRAMES = 16
"""A quarter of a second at 16 kHz."""
ENTRY_FRAMES = 3
"""What the decoder's first convolution sees on each side."""


class Conversion:
    """From one voice of a model to another.

    Args:
        model: with its posterior encoder; a bundle to speak with has none.
        source_E: vector of who is heard.
        target_E: vector of who is to be heard instead.

    Raises:
        ConfigError: a decoder at the sample rate, which draws noise of its own.
    """

    def __init__(self, model: VoiceModel, source_E: Tensor, target_E: Tensor) -> None:
        if model.config.vocoder.rate is VocoderRate.SAMPLE:
            raise ConfigError("a voice whose decoder runs at the sample rate cannot convert; use one at the frame rate")
        self.model, self._spectra = model, Spectrogram(model.config.mel)
        labels = torch.zeros(1, 2, dtype=torch.int64)
        with torch.inference_mode():
            heard, spoken = (
                model.condition(each[None], labels, clean_circumstances(1)) for each in (source_E, target_E)
            )
        self._source, self._target = heard, spoken

    @property
    def hop_samples(self) -> int:
        """Samples of a frame."""
        return self.model.config.mel.hop_samples

    @property
    def reach_frames(self) -> int:
        """Frames on each side that one frame of the result depends on."""
        model, mel = self.model, self.model.config.mel
        # a frame's spectrum reaches over its neighbours, and so does the frame that the inverse transform adds
        overlap = 2 * -(-(mel.n_fft - mel.hop_samples) // (2 * mel.hop_samples))
        flow = sum(coupling.stack.receptive_frames for coupling in model.flow.couplings)  # type: ignore[union-attr]
        decoder = ENTRY_FRAMES + -(-model.vocoder.stack.receptive_frames * self._decoder_hop() // mel.hop_samples)
        return overlap + model.posterior_encoder.stack.receptive_frames + 2 * int(flow) + decoder

    def _decoder_hop(self) -> int:
        return self.hop_samples // (4 if self.model.config.vocoder.rate is VocoderRate.FOUR_TIMES else 1)

    @torch.inference_mode()
    def convert(self, waveform: np.ndarray) -> np.ndarray:
        """A whole recording, (N,) float32 at the model's rate, to as many samples, float32 in [-1, 1].

        Raises:
            ConfigError: it is shorter than one window of the spectrum.
        """
        mel = self.model.config.mel
        if len(waveform) < mel.n_fft:
            raise ConfigError(
                f"the recording has {len(waveform)} samples; at least {mel.n_fft} are needed "
                f"({mel.n_fft / mel.sample_rate_hz:.2f} s)"
            )
        padded = np.pad(waveform, (0, -len(waveform) % mel.hop_samples))
        log_spectrum, _ = self._spectra(torch.from_numpy(padded.astype(np.float32))[None])
        frames = torch.tensor([log_spectrum.shape[-1]])
        hearing = self.model.hear(log_spectrum, frames, self._source, torch.zeros(1))
        common = self.model.flow(hearing.latent, hearing.mask_B1T, self._source)
        latent = self.model.flow(common, hearing.mask_B1T, self._target, inverse=True)
        spoken = self.model.vocoder(latent, self._target)[0, : len(waveform)]
        return np.clip(spoken.numpy(), -1.0, 1.0)


class ConvertingStream:
    """The same for a recording that comes bit by bit.

    Args:
        conversion: what is done.
        ahead_frames: how much after a frame is awaited before it is spoken; None: all that it depends on.
        chunk_frames: how much is spoken at once.
    """

    def __init__(
        self, conversion: Conversion, *, ahead_frames: int | None = None, chunk_frames: int = CHUNK_FRAMES
    ) -> None:
        reach = conversion.reach_frames
        self._ahead = reach if ahead_frames is None else ahead_frames
        if self._ahead < 0 or chunk_frames < 1:
            raise ConfigError(f"ahead_frames is {ahead_frames}, chunk_frames {chunk_frames}; give 0 and 1 or more")
        self._conversion, self._chunk, self._behind = conversion, chunk_frames, reach
        self._samples = np.zeros(0, dtype=np.float32)
        self._first_frame = self._spoken_frames = 0
        """Frame at which the kept samples begin, and how many frames have left."""

    @property
    def delay_s(self) -> float:
        """How long after a sample came in it goes out at the latest, without the time of the arithmetic."""
        hop, rate = self._conversion.hop_samples, self._conversion.model.config.mel.sample_rate_hz
        return (self._chunk + self._ahead) * hop / rate

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Take samples, give those that are ready: none, one chunk or several."""
        self._samples = np.concatenate([self._samples, samples.astype(np.float32)])
        ready = []
        while self._frames() >= self._spoken_frames + self._chunk + self._ahead:
            ready.append(self._speak(self._spoken_frames + self._chunk, self._ahead))
        return np.concatenate(ready) if ready else np.zeros(0, dtype=np.float32)

    def finish(self) -> np.ndarray:
        """The rest; as many samples have left then as came in."""
        hop = self._conversion.hop_samples
        total = self._first_frame * hop + len(self._samples)
        left = total - self._spoken_frames * hop
        if left <= 0:
            return np.zeros(0, dtype=np.float32)
        # silence after the end, as much as one window of the spectrum needs
        shortest = self._conversion.model.config.mel.n_fft
        self._samples = np.pad(self._samples, (0, max(0, shortest - len(self._samples)) + (-len(self._samples)) % hop))
        return self._speak(self._frames(), 0)[:left]

    def _frames(self) -> int:
        return self._first_frame + len(self._samples) // self._conversion.hop_samples

    def _speak(self, end: int, ahead: int) -> np.ndarray:
        hop, begin = self._conversion.hop_samples, self._spoken_frames
        first = max(self._first_frame, begin - self._behind)
        window = self._samples[(first - self._first_frame) * hop : (end + ahead - self._first_frame) * hop]
        shortest = self._conversion.model.config.mel.n_fft
        spoken = self._conversion.convert(np.pad(window, (0, max(0, shortest - len(window)))))
        self._spoken_frames = end
        keep = max(self._first_frame, end - self._behind)
        self._samples, self._first_frame = self._samples[(keep - self._first_frame) * hop :], keep
        return spoken[(begin - first) * hop : (end - first) * hop]
