"""Sentences of a program that has no server: a Triton of its own speaks them, marked and logged, and leaves nothing."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from footprint import descendants, regions_of  # pyright: ignore[reportMissingImports]
from served_voices import bundles_of, installation_trusting  # pyright: ignore[reportMissingImports]

from clock_train.audit.log import lines_of
from clock_train.errors import BundleSignerUnknown, TextError
from clock_train.issuing.installation import Installation
from clock_train.issuing.issuer import Issuer
from clock_train.models.sentences import read_sentences
from clock_train.orchestration.served_speech import speak_through_triton
from clock_train.serving.onnx_voice import OnnxVoice
from clock_train.serving.speech_request import Mark, SpeechRequest, answer
from clock_train.watermark.detect import NARROW_SEARCH, detect

TEXTS = [
    3 * "Good morning, and thank you all for calling us so early today. ",
    4 * "欢迎使用钟训练语音复刻系统，请您稍等一下。",
]
"""Random weights hurry, and their noise needs some seconds to carry a mark."""


def held() -> set[int | str]:
    """Processes of this one, which other tests start as well, and shared memory of theirs."""
    return {*descendants(os.getpid()), *regions_of(os.getpid())}


def left(before: set[int | str]) -> set[int | str]:
    return held() - before


@pytest.fixture
def bundle(tmp_path: Path) -> tuple[Path, Issuer]:
    bundles, key = bundles_of(tmp_path)
    return bundles["duo-v1"], Issuer(installation_trusting(tmp_path / "issuing", key))


def test_triton_says_what_the_bundle_says_marked_by_its_line_in_the_log(bundle: tuple[Path, Issuer]) -> None:
    folder, issuer = bundle
    before = held()
    sounds = list(speak_through_triton(folder, TEXTS, issuer=issuer))

    engine = OnnxVoice.open(folder, trusted_keys=issuer.installation.trusted_keys())
    today = datetime.now(UTC).date()
    keys = issuer.installation.keys(today).detection_keys(today)
    for text, sound in zip(TEXTS, sounds, strict=True):
        origin = sound.issue.origin
        mark = Mark(payload=origin.payload, key_id=sound.issue.key_id)
        asked = SpeechRequest(sentences=read_sentences(text, "auto"), request_id=origin.request_id, mark=mark)
        assert np.abs(np.concatenate(list(answer(engine, asked, issuer.installation))) - sound.waveform).max() < 1e-5
        assert detect(sound.waveform, keys, speeds=NARROW_SEARCH).is_detected
        lines = lines_of(issuer.installation.log_folder, origin.payload)
        assert origin.request_id in [line["requestId"] for line in lines]
    assert left(before) == set()


def test_a_bundle_that_nobody_trusts_and_a_text_of_nothing_end_the_server_too(
    bundle: tuple[Path, Issuer], tmp_path: Path
) -> None:
    before = held()
    with pytest.raises(BundleSignerUnknown):
        list(speak_through_triton(bundle[0], TEXTS, issuer=Issuer(Installation(tmp_path / "other"))))
    with pytest.raises(TextError):
        list(speak_through_triton(bundle[0], ["…"], issuer=bundle[1]))
    assert left(before) == set()
