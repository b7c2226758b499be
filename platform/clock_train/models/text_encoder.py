"""The content encoder: a Transformer over phones.

Each phone is the sum of its phone, tone (or stress) and language embeddings. Positions enter by rotation of queries and
keys, so that length is not bounded by a table; the feed-forward is a convolution, which sees the neighbouring phones.
Source: Kim et al., VITS (2021), with Su et al., RoFormer (2021) in place of relative-position tables.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from clock_train.errors import ConfigError
from clock_train.models.channel_norm import ChannelNorm


@dataclass(frozen=True, kw_only=True)
class TextEncoderConfig:
    """Widths of the content encoder."""

    channels: int = 128
    layers: int = 4
    heads: int = 2
    feed_forward: int = 512
    kernel: int = 3
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.channels % (2 * self.heads) != 0:
            raise ConfigError(
                f"models.text_encoder.channels is {self.channels}; give a multiple of 2 x heads ({2 * self.heads})"
            )


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Sizes of the tables that ``text.inventory`` fills, and the id of that inventory."""

    phones: int
    tones: int
    languages: int
    inventory_id: str


class TextEncoder(nn.Module):
    """Phone, tone and language ids to a contextual vector for each phone."""

    def __init__(self, config: TextEncoderConfig, vocabulary: Vocabulary, *, condition_channels: int) -> None:
        super().__init__()
        width = config.channels
        self.phone = nn.Embedding(vocabulary.phones, width)
        self.tone = nn.Embedding(vocabulary.tones, width)
        self.language = nn.Embedding(vocabulary.languages, width)
        for table in (self.phone, self.tone, self.language):
            nn.init.normal_(table.weight, std=width**-0.5)
        self.condition = nn.Linear(condition_channels, width, bias=False)
        self.blocks = nn.ModuleList(TransformerBlock(config) for _ in range(config.layers))
        self.norm = ChannelNorm(width)
        self.scale = width**0.5

    def forward(self, ids_B3L: Tensor, mask_B1L: Tensor | None, condition_BG: Tensor) -> Tensor:
        """(B, 3, L) int64 ids to (B, C, L), zero in the padding; without a mask there is none."""
        x = _masked(self.embed(ids_B3L) + self.condition(condition_BG).unsqueeze(-1), mask_B1L)
        for block in self.blocks:
            x = block(x, mask_B1L)
        return _masked(self.norm(x), mask_B1L)

    def embed(self, ids_B3L: Tensor) -> Tensor:
        """Each phone by itself, without its neighbours: (B, C, L)."""
        phone, tone, language = ids_B3L.unbind(1)
        return ((self.phone(phone) + self.tone(tone) + self.language(language)) * self.scale).transpose(1, 2)


class TransformerBlock(nn.Module):
    """Self-attention with rotary positions, then a convolutional feed-forward; both pre-normalised."""

    def __init__(self, config: TextEncoderConfig) -> None:
        super().__init__()
        width = config.channels
        self.heads, self.head_width = config.heads, width // config.heads
        self.attention_norm = ChannelNorm(width)
        self.projections = nn.Conv1d(width, 3 * width, 1)
        self.attention_exit = nn.Conv1d(width, width, 1)
        self.feed_norm = ChannelNorm(width)
        self.feed_in = nn.Conv1d(width, config.feed_forward, config.kernel, padding=config.kernel // 2)
        self.feed_out = nn.Conv1d(config.feed_forward, width, config.kernel, padding=config.kernel // 2)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x_BCL: Tensor, mask_B1L: Tensor | None) -> Tensor:
        """(B, C, L) to (B, C, L)."""
        x_BCL = x_BCL + self.dropout(self._attend(self.attention_norm(x_BCL), mask_B1L))
        hidden = self.feed_in(_masked(self.feed_norm(x_BCL), mask_B1L)).relu()
        return _masked(x_BCL + self.dropout(self.feed_out(_masked(self.dropout(hidden), mask_B1L))), mask_B1L)

    def _attend(self, x_BCL: Tensor, mask_B1L: Tensor | None) -> Tensor:
        batch, width, length = x_BCL.shape
        heads = self.projections(x_BCL).reshape(batch, 3, self.heads, self.head_width, length).transpose(-1, -2)
        query, key, value = heads.unbind(1)
        query, key = rotate(query), rotate(key)
        allowed = None if mask_B1L is None else mask_B1L.unsqueeze(1) > 0
        out = F.scaled_dot_product_attention(query, key, value, attn_mask=allowed)
        return self.attention_exit(out.transpose(-1, -2).reshape(batch, width, length))


def _masked(x_BCL: Tensor, mask_B1L: Tensor | None) -> Tensor:
    return x_BCL if mask_B1L is None else x_BCL * mask_B1L


def rotate(x_BHLD: Tensor) -> Tensor:
    """Rotate pairs of channels by an angle that grows with the position; (B, heads, L, D), D even."""
    length, width = x_BHLD.shape[-2], x_BHLD.shape[-1]
    half = width // 2
    position = torch.arange(length, device=x_BHLD.device, dtype=torch.float32)
    rate = 10_000.0 ** (-torch.arange(half, device=x_BHLD.device, dtype=torch.float32) / half)
    angle = position[:, None] * rate[None]
    cos, sin = angle.cos().to(x_BHLD.dtype), angle.sin().to(x_BHLD.dtype)
    first, second = x_BHLD.split([half, half], dim=-1)
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)
