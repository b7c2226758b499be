"""How large the two assemblies are, and which sizes are refused before any weight is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from tiny_voice import VOCABULARY, some_condition, some_ids, tiny_voice

from clock_train.audio.mel import MelConfig
from clock_train.errors import ConfigError
from clock_train.models.counting import TRAINING_ONLY, count_parameters
from clock_train.models.speaker_encoder import SpeakerEncoderConfig
from clock_train.models.student import student_config
from clock_train.models.teacher import teacher_config
from clock_train.models.text_encoder import TextEncoderConfig, Vocabulary
from clock_train.models.vocoder import VocoderConfig, VocoderRate
from clock_train.models.voice import VoiceConfig, VoiceModel
from clock_train.text.inventory import INVENTORY_ID, LANGUAGES, NUM_TONES, PHONES

REAL_VOCABULARY = Vocabulary(phones=len(PHONES), tones=NUM_TONES, languages=len(LANGUAGES), inventory_id=INVENTORY_ID)


@pytest.mark.parametrize(
    ("config", "fewest", "most"),
    [(teacher_config, 45_000_000, 55_000_000), (student_config, 4_500_000, 5_500_000)],
    ids=["teacher", "student"],
)
def test_size_at_synthesis_lies_within_the_promised_range(
    config: Callable[[], VoiceConfig], fewest: int, most: int
) -> None:
    # the meta device makes shapes only: 50 million numbers would cost a second
    with torch.device("meta"):
        voice = VoiceModel(config(), REAL_VOCABULARY, num_speakers=1)
    assert fewest <= count_parameters(voice).synthesis <= most


def test_count_leaves_out_what_only_training_uses() -> None:
    voice = tiny_voice()
    count = count_parameters(voice)
    stored = sum(p.numel() for p in voice.parameters())
    dropped = sum(p.numel() for name in TRAINING_ONLY for p in getattr(voice, name).parameters())
    assert count.training == stored
    assert count.synthesis == stored - dropped


def test_synthesis_needs_none_of_the_parts_that_are_not_counted() -> None:
    voice = tiny_voice()
    ids, condition = some_ids(1, 4), some_condition(voice, 1)
    for name in TRAINING_ONLY:
        for parameter in getattr(voice, name).parameters():
            parameter.data.fill_(float("nan"))
    waveform, _, _ = voice.synthesize(ids, torch.tensor([4]), condition)
    assert torch.isfinite(waveform).all()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: VoiceConfig(mel=MelConfig(hop_samples=128)), ["models.vocoder.hop_samples is 256", "128", "set both"]),
        (lambda: VoiceConfig(latent_channels=97), ["models.latent_channels is 97", "even number"]),
        (lambda: TextEncoderConfig(channels=130, heads=4), ["models.text_encoder.channels is 130", "multiple of", "8"]),
        (
            lambda: SpeakerEncoderConfig(channels=130, heads=4),
            ["models.speaker_encoder.channels is 130", "multiple of", "8"],
        ),
        (lambda: VocoderConfig(hop_samples=250), ["models.vocoder.hop_samples is 250", "multiple of 16"]),
        (lambda: VocoderConfig(layers=0), ["models.vocoder", "at least one layer"]),
        (lambda: VocoderConfig(channels=0), ["models.vocoder", "at least one"]),
        (lambda: VocoderConfig(kernel=4), ["models.vocoder.kernel is 4", "odd"]),
        (lambda: VocoderConfig(dilation_cycle=0), ["models.vocoder.dilation_cycle is 0", "at least 1"]),
        (
            lambda: VocoderConfig(rate=VocoderRate.SAMPLE, hop_samples=320),
            ["models.vocoder.hop_samples is 320", "256"],
        ),
    ],
)
def test_sizes_that_cannot_work_are_refused_with_their_name_and_a_remedy(
    make: Callable[[], Any], words: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert str(caught.value).startswith("ConfigError: ")
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_vocabulary_sets_the_sizes_of_the_tables() -> None:
    encoder = tiny_voice().text_encoder
    sizes = [table.num_embeddings for table in (encoder.phone, encoder.tone, encoder.language)]
    assert sizes == [VOCABULARY.phones, VOCABULARY.tones, VOCABULARY.languages]
