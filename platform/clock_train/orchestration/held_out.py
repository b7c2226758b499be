"""What the judges hear: held-out sentences, spoken from their text, and heard and spoken again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from clock_train.audio.writing import write_wav
from clock_train.data.packing import PackedCorpus
from clock_train.data.splits import TEST, TRAIN
from clock_train.evaluation.forced_alignment import WordTiming
from clock_train.evaluation.scores import EvaluationItem
from clock_train.issuing.issuer import Issue
from clock_train.issuing.sound_files import write_issued
from clock_train.models.condition import clean_circumstances
from clock_train.models.spectral import Spectrogram
from clock_train.models.speech import Voice
from clock_train.models.style_labels import label_ids
from clock_train.orchestration.phone_judge import heard_phones
from clock_train.text.frontend import phonemize
from clock_train.text.utterance import Utterance
from clock_train.training.generator_step import MEL_CENTRE, MEL_SCALE

GENERATED, RESYNTHESIS = "generated", "resynthesis"
MOST = 16
"""Held-out sentences of a speaker that are judged; recognisers are slower than speech."""


@dataclass(frozen=True)
class HeldOut:
    """What is judged, and how the model aligned it."""

    items: list[EvaluationItem]
    """``generated`` is marked, as people hear it; ``resynthesis`` shows the decoder and is judged as made."""
    one_frame_share: float
    """Phones of these sentences that own a single frame; NaN where no model aligned them."""
    issues: Mapping[tuple[str, str], Issue] = field(default_factory=dict)
    """What was issued, by sentence and ``generated`` or ``resynthesis``."""


def hold_out(
    voice: Voice,
    packed: PackedCorpus,
    *,
    speaker: str,
    clips: Collection[str] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> HeldOut:
    """Sentences of the test split, natural, resynthesised and spoken from text, with the model's own word starts.

    Args:
        voice: what is judged.
        packed: the corpus it was trained from; its test split was in no training decision.
        speaker: whose sentences.
        clips: ids of those to take; by default the whole test split.
        progress: called with (done, total).
    """
    chosen = held_out_clips(packed, speaker=speaker, clips=clips)
    items, durations, issues = [], [], dict[tuple[str, str], Issue]()
    for done, i in enumerate(chosen):
        progress(done, len(chosen))
        item, found = _item(voice, packed, i, speaker)
        assert voice.last_issue is not None
        issues[item.id, GENERATED] = voice.last_issue
        items.append(item)
        durations.append(found)
    progress(len(chosen), len(chosen))
    return HeldOut(items, float((torch.cat(durations) == 1).float().mean()), issues)


def held_out_clips(packed: PackedCorpus, *, speaker: str, clips: Collection[str] | None = None) -> list[int]:
    """Which clips of the test split are judged, at most ``MOST``; ``clips`` narrows them to these public ids."""
    number = packed.speakers.index(speaker)
    own = [i for i in packed.of_split(TEST) if packed.speaker_of[i] == number]
    return [i for i in own if clips is None or packed.public_id(i) in clips][:MOST]


def impostors(packed: PackedCorpus, *, speaker: str, count: int = 8) -> list[np.ndarray]:
    """Recordings of the corpus' other speakers, for the floor of the similarity; empty with one speaker."""
    number = packed.speakers.index(speaker)
    others = [i for i in packed.of_split(TRAIN) if packed.speaker_of[i] != number]
    return [packed.waveform(i) for i in others[:: max(1, len(others) // count)][:count]]


@torch.inference_mode()
def _item(voice: Voice, packed: PackedCorpus, i: int, speaker: str) -> tuple[EvaluationItem, Tensor]:
    natural, text, language = packed.waveform(i), packed.texts[i], packed.languages[i]
    hop = voice.model.config.mel.hop_samples
    natural = natural[: len(natural) // hop * hop]
    ids = torch.from_numpy(packed.ids(i))[None]
    at = voice.card.speakers.index(speaker)
    labels = torch.tensor([label_ids(packed.styles[i], packed.emotions[i])])
    condition = voice.model.condition(voice.vectors_SE[at : at + 1], labels, clean_circumstances(1))
    spectra = Spectrogram(voice.model.config.mel)
    log_spectrum, log_mel = spectra(torch.from_numpy(natural)[None])
    frames = torch.tensor([log_mel.shape[-1]])
    hearing = voice.model.hear(log_spectrum, frames, condition, torch.zeros(1))
    resynthesis = voice.model.vocoder(hearing.latent, condition)[0]
    reading = voice.model.read(ids, torch.tensor([ids.shape[2]]), condition)
    durations = voice.model.search_alignment(
        reading, (log_mel - MEL_CENTRE) / MEL_SCALE, torch.tensor([ids.shape[2]]), frames
    )
    utterance = phonemize(text, language)
    generated = voice.say(text, language=language, speaker=speaker, style=packed.styles[i], emotion=packed.emotions[i])
    item = EvaluationItem(
        id=packed.public_id(i),
        text=utterance.normalized,
        language=language,
        style=packed.styles[i] or None,
        natural=natural,
        generated=generated,
        resynthesis=np.clip(resynthesis.numpy(), -1.0, 1.0),
        words=_word_timings(utterance, durations[0], hop / voice.sample_rate_hz),
        phones=heard_phones(packed.ids(i)),
    )
    return item, durations[0]


def _word_timings(utterance: Utterance, durations_L: Tensor, frame_seconds: float) -> tuple[WordTiming, ...]:
    ends = (torch.cumsum(durations_L, 0) * frame_seconds).tolist()
    starts = [0.0, *ends[:-1]]
    return tuple(
        WordTiming(index=n, word=word.text, start_s=starts[word.start], end_s=ends[word.end - 1])
        for n, word in enumerate(utterance.words)
    )


def marked_items(held_out: HeldOut, voice: Voice, speaker: str | None) -> HeldOut:
    """The same as people get it: what the decoder made of a recording is marked too.

    Args:
        held_out: as judged.
        voice: whose model made the resynthesis.
        speaker: whose recordings.
    """
    items, issues = [], dict(held_out.issues)
    for item in held_out.items:
        resynthesis = item.resynthesis
        if resynthesis is not None:
            resynthesis = voice.mark(resynthesis, text=item.text, speaker=speaker, what=f"resynthesis of {item.id}")
            assert voice.last_issue is not None
            issues[item.id, RESYNTHESIS] = voice.last_issue
        items.append(replace(item, resynthesis=resynthesis))
    return replace(held_out, items=items, issues=issues)


def write_sounds(held_out: HeldOut, folder: Path, *, sample_rate_hz: int) -> None:
    """``natural``, ``resynthesis`` and ``generated`` wav files of each sentence, to listen to; give marked items."""
    for item in held_out.items:
        own = folder / item.id.replace("/", "_")
        own.mkdir(parents=True, exist_ok=True)
        write_wav(own / "natural.wav", item.natural, sample_rate_hz)
        for name, waveform in ((GENERATED, item.generated), (RESYNTHESIS, item.resynthesis)):
            if waveform is None or (name == GENERATED and item.no_speech is not None):
                continue
            issue = held_out.issues.get((item.id, name))
            if issue is None:  # sounds that were brought as files
                write_wav(own / f"{name}.wav", waveform, sample_rate_hz)
            else:
                write_issued(own / f"{name}.wav", waveform, sample_rate_hz, issue, is_audible=False)
