"""The inverse short-time Fourier transform as one matrix product and an overlap-add.

``torch.istft`` does not export to ONNX. A real inverse transform is a product with cosines and sines; their frames are
even and odd around the middle, so half of the product suffices (symmetric form: 0.0036 against 0.0046 of real time for
a transposed convolution, measured in ONNX Runtime on the student).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class InverseSTFT(nn.Module):
    """Magnitude-and-phase frames to a waveform of exactly T * hop samples.

    Args:
        n_fft: transform and Hann window length; 4, 6, 8 … hops: at two, squared windows do not add up to a constant.
        hop_samples: samples from frame to frame.
    """

    def __init__(self, n_fft: int, hop_samples: int) -> None:
        super().__init__()
        if n_fft % (2 * hop_samples) != 0 or n_fft < 4 * hop_samples:
            raise ValueError(f"n_fft {n_fft} is not 4, 6, 8 or more times the hop {hop_samples}")
        self.n_fft, self.hop_samples = n_fft, hop_samples
        bins = n_fft // 2 + 1
        half = torch.arange(n_fft // 2 + 1, dtype=torch.float64)
        angle = 2 * torch.pi * torch.arange(bins, dtype=torch.float64)[:, None] * half[None] / n_fft
        weight = torch.full((bins, 1), 2.0, dtype=torch.float64)
        weight[0] = weight[-1] = 1.0
        window = torch.hann_window(n_fft, dtype=torch.float64)
        # Hann squared, overlapped at n_fft / hop: the sum is constant (1.5 at four-fold overlap)
        overlap = window.square().sum() / hop_samples
        self.register_buffer("cosines", (weight * angle.cos() / n_fft).float(), persistent=False)
        self.register_buffer("sines", (-weight * angle.sin() / n_fft).float(), persistent=False)
        self.register_buffer("window", (window / overlap).float(), persistent=False)
        self.cosines: Tensor
        self.sines: Tensor
        self.window: Tensor

    def forward(self, real_BFT: Tensor, imaginary_BFT: Tensor) -> Tensor:
        """(B, n_fft // 2 + 1, T) twice to (B, T * hop).

        The head and tail of (n_fft - hop) / 2 samples, where fewer frames overlap, are cut, as analysis padded them.
        """
        if torch.is_autocast_enabled(real_BFT.device.type):
            # bfloat16 products would leave 8 bits of a 16-bit sample; asked first: an exported graph holds no region
            with torch.autocast(real_BFT.device.type, enabled=False):
                return self._inverse(real_BFT.float(), imaginary_BFT.float())
        return self._inverse(real_BFT, imaginary_BFT)

    def _inverse(self, real_BFT: Tensor, imaginary_BFT: Tensor) -> Tensor:
        even = real_BFT.transpose(1, 2) @ self.cosines
        odd = imaginary_BFT.transpose(1, 2) @ self.sines
        middle = self.n_fft // 2
        # x[n] = even[n] + odd[n] for n <= N/2 and x[N - n] = even[n] - odd[n]
        right = torch.flip((even - odd)[..., 1:middle], dims=(-1,))
        frames = torch.cat([even + odd, right], dim=-1) * self.window
        return self._overlap_add(frames)

    def _overlap_add(self, frames_BTN: Tensor) -> Tensor:
        ratio = self.n_fft // self.hop_samples
        pieces = frames_BTN.split([self.hop_samples] * ratio, dim=-1)
        padded = [F.pad(piece, (0, 0, i, ratio - 1 - i)) for i, piece in enumerate(pieces)]
        total = torch.stack(padded).sum(0).flatten(1)
        cut = (self.n_fft - self.hop_samples) // 2
        return total[:, cut : total.shape[1] - cut]
