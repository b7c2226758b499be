"""Converting a recording: lengths, both voices matter, and a stream gives what the whole gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_voice import shaken, tiny_config

from clock_train.errors import ConfigError
from clock_train.models.conversion import Conversion, ConvertingStream
from clock_train.models.text_encoder import Vocabulary
from clock_train.models.vocoder import VocoderRate
from clock_train.models.voice import VoiceConfig, VoiceModel
from clock_train.text.inventory import INVENTORY_ID, LANGUAGES, NUM_TONES, PHONES

VOCABULARY = Vocabulary(
    phones=len(PHONES), tones=NUM_TONES, languages=len(LANGUAGES), inventory_id=INVENTORY_ID
)  # fmt: skip


def model_of(config: VoiceConfig) -> VoiceModel:
    torch.manual_seed(0)
    return shaken(VoiceModel(config, VOCABULARY, num_speakers=2)).eval()


def conversion(config: VoiceConfig | None = None, *, same: bool = False) -> Conversion:
    model = model_of(config or tiny_config())
    vectors = model.stored_speakers.weight.detach()
    return Conversion(model, vectors[0], vectors[0 if same else 1])


def speech(seconds: float = 3.0) -> np.ndarray:
    rng = np.random.default_rng(3)
    time_s = np.arange(int(16_000 * seconds)) / 16_000
    tone = np.sin(2 * np.pi * 180 * time_s) * (0.5 + 0.5 * np.sin(2 * np.pi * 3 * time_s))
    return (0.3 * tone + rng.normal(0, 0.01, len(time_s))).astype(np.float32)


@pytest.mark.parametrize("samples", [1_024, 5_000, 16_001])
def test_as_many_samples_leave_as_came(samples: int) -> None:
    converted = conversion().convert(speech()[:samples])
    assert converted.shape == (samples,) and converted.dtype == np.float32
    assert np.abs(converted).max() <= 1.0


def test_another_target_gives_another_sound_and_the_same_target_the_resynthesis() -> None:
    heard = speech()[: 180 * 256]
    assert np.abs(conversion().convert(heard) - conversion(same=True).convert(heard)).max() > 1e-3
    own = conversion(same=True)
    spectrum, _ = own._spectra(torch.from_numpy(heard)[None])
    with torch.inference_mode():
        latent = own.model.hear(spectrum, torch.tensor([spectrum.shape[-1]]), own._source, torch.zeros(1)).latent
        copy = own.model.vocoder(latent, own._source)[0].numpy()
    np.testing.assert_allclose(own.convert(heard), copy, atol=1e-5)


@pytest.mark.parametrize("rate", [VocoderRate.FRAME, VocoderRate.FOUR_TIMES])
@pytest.mark.parametrize("pushed", [160, 4_096, 100_000])
def test_a_stream_that_waits_for_all_gives_the_samples_of_the_whole(rate: VocoderRate, pushed: int) -> None:
    config = tiny_config()
    made = conversion(replace(config, vocoder=replace(config.vocoder, rate=rate)))
    heard, stream = speech(), ConvertingStream(made)
    parts = [stream.push(heard[at : at + pushed]) for at in range(0, len(heard), pushed)]
    assert pushed > 50_000 or sum(map(len, parts)) > 0, "some of it leaves before the end"
    spoken = np.concatenate([*parts, stream.finish()])
    assert len(spoken) == len(heard)
    np.testing.assert_allclose(spoken, made.convert(heard), atol=1e-4)


def test_less_awaited_is_sooner_and_nearly_the_same() -> None:
    made, heard = conversion(), speech()
    whole = made.convert(heard)
    errors = {}
    for ahead in (0, 8, made.reach_frames):
        stream = ConvertingStream(made, ahead_frames=ahead)
        assert stream.delay_s == pytest.approx((16 + ahead) * 0.016)
        spoken = np.concatenate([stream.push(heard), stream.finish()])
        assert len(spoken) == len(heard)
        errors[ahead] = float(np.abs(spoken - whole).mean())
    assert errors[made.reach_frames] < 1e-5 < errors[0]
    assert errors[8] <= errors[0]


def test_a_stream_of_nothing_and_of_a_moment() -> None:
    assert len(ConvertingStream(conversion()).finish()) == 0
    stream = ConvertingStream(conversion())
    assert len(np.concatenate([stream.push(speech()[:100]), stream.finish()])) == 100


def test_what_is_too_short_or_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"has 100 samples; at least 1024 are needed \(0.06 s\)"):
        conversion().convert(speech()[:100])
    config = tiny_config()
    with pytest.raises(ConfigError, match="decoder runs at the sample rate cannot convert"):
        conversion(replace(config, vocoder=replace(config.vocoder, rate=VocoderRate.SAMPLE)))
    with pytest.raises(ConfigError, match="ahead_frames is -1"):
        ConvertingStream(conversion(), ahead_frames=-1)
