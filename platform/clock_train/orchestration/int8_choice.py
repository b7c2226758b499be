"""Whether a bundle's decoder is int8: only where the judges do not notice, and both scores are written down.

Held-out sentences of the voice are spoken by both decoders from the same noise and scored against the recordings. A
figure may be worse by no more than its limit, which is below what the judges tell apart on a dozen sentences. Where
no judge answers nothing is kept: a saving that nobody checked is not one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from clock_train.bundle.card import file_digest
from clock_train.bundle.opening import Bundle
from clock_train.data.packing import PackedCorpus, load_packed
from clock_train.data.splits import TRAIN
from clock_train.errors import EvaluationError
from clock_train.evaluation.dnsmos import dnsmos
from clock_train.evaluation.mel_distance import mel_distance
from clock_train.evaluation.recogniser import word_error_rate
from clock_train.evaluation.speaker_similarity import similarity
from clock_train.export.int8 import INT8_DECODER, write_int8_decoder
from clock_train.models.style_labels import label_ids
from clock_train.orchestration.held_out import held_out_clips
from clock_train.serving.onnx_voice import OnnxVoice

CALIBRATION_SENTENCES, JUDGED_SENTENCES = 24, 8
MAY_WORSEN = {"speakerSimilarity": -0.01, "dnsmosOverall": -0.05, "melDistance": 0.02, "wordErrorRate": 0.02}
"""Figure → by how much, and in which direction worse is; mel distance in the judge's own log units."""


def int8_choice(packed_path: Path) -> Callable[[Bundle], dict[str, Any]]:
    """What ``write_bundle`` asks once the float32 graphs are there: writes ``decoder.int8.onnx`` and judges it.

    Args:
        packed_path: the corpus that the voice was trained from.

    Returns:
        A function to the record for ``voice.json``: ``kept``, ``why``, ``convolutions``, and both decoders' ``scores``.
    """

    def choose(bundle: Bundle) -> dict[str, Any]:
        packed, voice = load_packed(packed_path), OnnxVoice(bundle)
        speakers = [name for name in bundle.card.speakers if name in packed.speakers]
        if not speakers:
            return {"kept": False, "why": "the packed corpus holds none of its speakers, so there is nothing to judge"}
        number = packed.speakers.index(speakers[0])
        own = [i for i in packed.of_split(TRAIN) if packed.speaker_of[i] == number][:CALIBRATION_SENTENCES]
        vector = voice.vectors_SE[bundle.card.speakers.index(speakers[0])]
        windows = [voice.read(packed.ids(i), vector, labels=_labels(packed, i), seed=i) for i in own]
        held_out = held_out_clips(packed, speaker=speakers[0])[:JUDGED_SENTENCES]
        if not windows or not held_out:
            return {"kept": False, "why": "the corpus has too few sentences to calibrate on and to judge"}
        path = bundle.folder / INT8_DECODER
        count = write_int8_decoder(bundle.folder / "decoder.onnx", path, windows)
        twin = OnnxVoice(_with_decoder(bundle, path))
        scores = {
            "float32": _scores(voice, packed, held_out, vector),
            "int8": _scores(twin, packed, held_out, vector),
        }
        kept, why = verdict(scores["float32"], scores["int8"])
        return {"kept": kept, "why": why, "convolutions": count, "sentences": len(held_out), "scores": scores}

    return choose


def verdict(float32: Mapping[str, float], int8: Mapping[str, float]) -> tuple[bool, str]:
    """Whether int8 may be kept, and why."""
    common = [name for name in MAY_WORSEN if name in float32 and name in int8]
    if "speakerSimilarity" not in common or len(common) < 2:
        return False, f"only {', '.join(common) or 'no'} judge answered; install the part judge"
    for name in common:
        limit = MAY_WORSEN[name]
        worse = (int8[name] - float32[name]) * np.sign(limit)
        if not worse <= abs(limit):  # a figure that is no number is worse
            return False, f"{name} went from {float32[name]:.4f} to {int8[name]:.4f}, beyond its limit {abs(limit)}"
    return True, f"{', '.join(common)} within their limits"


def _labels(packed: PackedCorpus, i: int) -> tuple[int, int]:
    return label_ids(packed.styles[i], packed.emotions[i])


def _with_decoder(bundle: Bundle, decoder: Path) -> Bundle:
    files = {**bundle.values["files"], decoder.name: file_digest(decoder)}
    graphs = {**bundle.values["graphs"], "decoder": decoder.name}
    return replace(bundle, values={**bundle.values, "files": files, "graphs": graphs})


def _scores(voice: OnnxVoice, packed: PackedCorpus, clips: list[int], vector_E: np.ndarray) -> dict[str, float]:
    """Means over the sentences; a judge that is missing or cannot hear them has no figure."""
    spoken = [voice.speak(packed.ids(i), vector_E, labels=_labels(packed, i), seed=i) for i in clips]
    natural = [packed.waveform(i) for i in clips]
    judges: dict[str, Callable[[int], float]] = {
        "speakerSimilarity": lambda n: similarity(spoken[n], natural),
        "dnsmosOverall": lambda n: dnsmos(spoken[n]).overall,
        "melDistance": lambda n: mel_distance(natural[n], spoken[n]),
        "wordErrorRate": lambda n: word_error_rate(
            packed.texts[clips[n]], spoken[n], language=packed.languages[clips[n]]
        ),
    }
    found: dict[str, float] = {}
    for name, judge in judges.items():
        try:
            found[name] = round(float(np.mean([judge(n) for n in range(len(clips))])), 4)
        except EvaluationError:
            continue
    return found
