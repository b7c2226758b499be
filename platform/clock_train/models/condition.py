"""One condition vector from voice, style and recording circumstances.

Everything that is not text enters the model here, so that each can be changed alone: the speaker vector, the sentence's
style and emotion, and what augmentation did to the clip. At synthesis the circumstances are zero, which is a clean
recording at its natural speed; the model thus learns noise and speed as circumstances and not as the voice.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from clock_train.models.style_labels import EMOTIONS, STYLES

CIRCUMSTANCES = 2
"""Added noise as 0 … 1 (30 dB … 10 dB SNR), and speed change as -1 … 1 (-20 % … +20 %)."""


class Condition(nn.Module):
    """Speaker vectors (B, E), style ids, emotion ids and circumstances to the condition (B, G)."""

    def __init__(self, *, embedding_channels: int, condition_channels: int) -> None:
        super().__init__()
        self.speaker = nn.Linear(embedding_channels, condition_channels)
        self.style = nn.Embedding(len(STYLES), condition_channels)
        self.emotion = nn.Embedding(len(EMOTIONS), condition_channels)
        self.circumstances = nn.Linear(CIRCUMSTANCES, condition_channels, bias=False)
        for table in (self.style, self.emotion):
            nn.init.zeros_(table.weight)
        # unit vectors come in; scaled so that a channel of the condition starts near unit size
        nn.init.normal_(self.speaker.weight, std=1.0)
        nn.init.zeros_(self.circumstances.weight)

    def forward(self, speaker_BE: Tensor, labels_B2: Tensor, circumstances_B2: Tensor) -> Tensor:
        """The condition (B, G); ``labels_B2`` holds style and emotion ids."""
        labelled = self.style(labels_B2[:, 0]) + self.emotion(labels_B2[:, 1])
        return self.speaker(speaker_BE) + labelled + self.circumstances(circumstances_B2)


def clean_circumstances(batch: int, device: torch.device | str = "cpu") -> Tensor:
    """Zeros (B, 2): an untouched recording."""
    return torch.zeros((batch, CIRCUMSTANCES), device=device)
