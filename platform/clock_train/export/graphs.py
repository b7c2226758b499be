"""The graphs of a voice: text to latents, latents to samples, and both in one.

``model.onnx`` is the whole voice in one file, for any runtime and for browsers. A server runs its two halves instead:
a stream decodes windows of one sentence's latents, and a graph cannot be entered in the middle. The halves hold
the same weights again, 20 MB on disk for a student; in memory a server has the halves only.

One sentence at a time: batches gain nothing on a CPU, and without padding every mask falls away. The decoder alone
takes several windows of one length, for a GPU. Noise comes in frame after frame and already scaled; it bounds the
length, so that there is no random operator inside. The legacy exporter writes a student in a second, the newer one in
fifty.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from clock_train.bundle.opening import DECODER_GRAPH, TEXT_GRAPH, WHOLE_GRAPH
from clock_train.errors import ExportError
from clock_train.export.operators import OPSET, check_portable
from clock_train.models.condition import clean_circumstances
from clock_train.models.vocoder import Vocoder, VocoderRate
from clock_train.models.voice import VoiceModel

EXAMPLE_PHONES, EXAMPLE_FRAMES = 9, 9 * 60
TEXT_INPUTS = ("ids", "speaker_embedding", "labels", "speed", "noise")
DYNAMIC = {
    "ids": {2: "phones"},
    "noise": {1: "noise_frames"},
    "durations": {1: "phones"},
    "latent": {2: "frames"},
    "waveform": {1: "samples"},
}
DECODER_DYNAMIC = {
    "latent": {0: "windows", 2: "frames"},
    "condition": {0: "windows"},
    "waveform": {0: "windows", 1: "samples"},
}


class TextGraph(nn.Module):
    """Phones, a speaker vector, labels, a speed and noise to latents, the condition and durations."""

    def __init__(self, model: VoiceModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, ids_13L: Tensor, speaker_1E: Tensor, labels_12: Tensor, speed_1: Tensor, noise_1TC: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Latents (1, C, frames), condition (1, G), durations (1, L); frames beyond the noise are cut."""
        model = self.model
        condition = model.condition(speaker_1E, labels_12, clean_circumstances(1))
        encoded = model.text_encoder(ids_13L, None, condition)
        # one sentence has no padding: a mask of a single one is folded away
        unmasked = torch.ones((1, 1, 1))
        durations = model.durations(encoded, unmasked, condition, speed_1)
        noise = noise_1TC[:, : durations.sum()].transpose(1, 2)
        latent = model.latents(encoded, durations, torch.ones_like(noise[:, :1]), condition, noise)
        return latent, condition, durations


class DecoderGraph(nn.Module):
    """Windows of latents and their conditions to waveforms (B, N)."""

    def __init__(self, vocoder: Vocoder) -> None:
        super().__init__()
        self.vocoder = vocoder

    def forward(self, latent_BCT: Tensor, condition_BG: Tensor) -> Tensor:
        """``hop_samples`` for each frame."""
        return self.vocoder(latent_BCT, condition_BG)


class WholeGraph(nn.Module):
    """As ``TextGraph``, to the waveform (1, N), how many samples were wanted (1,), and durations (1, L)."""

    def __init__(self, model: VoiceModel) -> None:
        super().__init__()
        self.text, self.vocoder = TextGraph(model), model.vocoder
        self.hop_samples = model.config.mel.hop_samples

    def forward(
        self, ids_13L: Tensor, speaker_1E: Tensor, labels_12: Tensor, speed_1: Tensor, noise_1TC: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """More samples wanted than the waveform has: the noise was too short."""
        latent, condition, durations = self.text(ids_13L, speaker_1E, labels_12, speed_1, noise_1TC)
        return self.vocoder(latent, condition), durations.sum(1) * self.hop_samples, durations


@dataclass(frozen=True)
class GraphFacts:
    """What a caller must know to run the graphs; ``graphs`` of ``voice.json``."""

    hop_samples: int
    noise_channels: int
    context_frames: int
    """Frames that a decoder's frame hears on each side."""

    def values(self) -> dict[str, int | str]:
        """As ``voice.json`` spells them."""
        return {
            "opset": OPSET,
            "hopSamples": self.hop_samples,
            "noiseChannels": self.noise_channels,
            "contextFrames": self.context_frames,
            "decoder": DECODER_GRAPH,
        }


def write_graphs(model: VoiceModel, folder: Path) -> GraphFacts:
    """Write ``model.onnx``, ``text.onnx`` and ``decoder.onnx``.

    Args:
        model: on the CPU; it is set to evaluation.
        folder: exists.

    Raises:
        ExportError: a decoder at the sample rate, which has no graph.
        BundleOperatorForeign: a layer that no browser could run.
    """
    if model.config.vocoder.rate is VocoderRate.SAMPLE:
        raise ExportError(
            "a decoder at the sample rate (models.vocoder.rate SAMPLE) draws noise for every sample and has no graph; "
            "train with FRAME or FOUR_TIMES"
        )
    model = model.eval()
    inputs = example_inputs(model)
    text = TextGraph(model).eval()
    with torch.no_grad():
        latent, condition, _ = text(*inputs)
    spoken = ("latent", "condition", "durations")
    _write(text, inputs, folder / TEXT_GRAPH, TEXT_INPUTS, spoken)
    decoder = DecoderGraph(model.vocoder).eval()
    window = (latent, condition)
    _write(decoder, window, folder / DECODER_GRAPH, ("latent", "condition"), ("waveform",), DECODER_DYNAMIC)
    whole = ("waveform", "samples", "durations")
    _write(WholeGraph(model).eval(), inputs, folder / WHOLE_GRAPH, TEXT_INPUTS, whole)
    return GraphFacts(model.config.mel.hop_samples, model.config.latent_channels, context_frames(model.vocoder))


def context_frames(vocoder: Vocoder) -> int:
    """Frames on each side that a sample of the decoder depends on: convolutions, then the overlap of the transform."""
    entry, stack = 3, vocoder.stack.receptive_frames
    if vocoder.config.rate is VocoderRate.FOUR_TIMES:
        # the transposed convolution reaches one frame, the transform two quarters of one
        return entry + 1 + math.ceil((stack + 2) / 4)
    return entry + stack + 2


def example_inputs(model: VoiceModel) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Inputs of the text graph, to trace with: their sizes are those of no constant in a model."""
    sizes = model.vocabulary
    rows = [torch.arange(EXAMPLE_PHONES) % size for size in (sizes.phones, sizes.tones, sizes.languages)]
    return (
        torch.stack(rows)[None],
        torch.zeros((1, model.config.embedding_channels)),
        torch.zeros((1, 2), dtype=torch.int64),
        torch.ones(1),
        torch.zeros((1, EXAMPLE_FRAMES, model.config.latent_channels)),
    )


def _write(
    graph: nn.Module,
    inputs: tuple[Tensor, ...],
    path: Path,
    names: Sequence[str],
    outputs: Sequence[str],
    dynamic: Mapping[str, Mapping[int, str]] = DYNAMIC,
) -> None:
    axes = {name: dynamic[name] for name in (*names, *outputs) if name in dynamic}
    with warnings.catch_warnings():
        # it warns that it is the older exporter, and of every size that is constant on purpose
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph,
            inputs,
            str(path),
            opset_version=OPSET,
            dynamo=False,
            input_names=list(names),
            output_names=list(outputs),
            dynamic_axes=axes,
        )
    check_portable(path)
