"""The demo on the real sample voice, with seconds of training instead of minutes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from small_voice import Notes, random_voice

from clock_train.consent.record import read_record
from clock_train.errors import CorpusNotFound
from clock_train.issuing.installation import FOLDER_VARIABLE
from clock_train.models.counting import count_parameters
from clock_train.models.voice_files import VoiceCard, load_voice, save_voice
from clock_train.orchestration.bundle_export import export_bundle
from clock_train.orchestration.demo import SENTENCES, DemoOutcome, run_demo, speak
from clock_train.orchestration.shipped_base import shipped_base
from clock_train.serving import triton_install
from clock_train.serving.bundle_voice import BundleVoice


def test_recordings_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusNotFound, match=r"RECORDINGS names a folder of recordings and their texts"):
        run_demo(listener=Notes(), output=tmp_path / "demo", recordings=tmp_path / "nowhere")


@pytest.mark.ring2
@pytest.mark.timeout(1_500)
def test_the_sample_becomes_speech_figures_and_a_report_and_a_second_run_reuses_them(tmp_path: Path) -> None:
    first = run_demo(listener=Notes(), output=tmp_path / "demo", base=shipped_base(), max_cpu_seconds=8)

    consent = read_record(tmp_path / "demo" / "corpus")
    assert consent.kind == "licence" and "not the speaker's own consent" in consent.statement
    assert set(first.speech) == set(SENTENCES)
    assert (first.spoken_by, first.warnings) == ("triton", [])
    for path in first.speech.values():
        sound, rate_hz = soundfile.read(path)
        assert rate_hz == 16_000 and len(sound) > 4_000
    card = first.card.read_text(encoding="utf-8")
    assert "demonstration: a licence, and nobody asked the speaker" in card
    assert "| Speaker similarity | speech |" in card
    titles = {figure.title for figure in first.figures}
    assert {"Speaker similarity: speech", "Speaker similarity: resynthesis", "Phones of one frame: alignment"} <= titles
    for language, path in first.speech.items():
        # the bundle itself, with another mark
        assert similar(soundfile.read(path)[0], BundleVoice.open(first.bundle).say(SENTENCES[language])) > 0.98
    assert 'fine-tuned from the base "base"' in first.statement and "The base heard this speaker too" in first.statement
    page = first.report.read_text(encoding="utf-8")
    assert "<audio" in page and "The base heard this speaker too" in page

    taught = load_voice(first.student)
    assert taught.card.training["teacher"] == taught.card.name and taught.card.training["steps"] >= 1
    assert 2 * count_parameters(taught.model).synthesis < 1.5 * taught.card.training["teacherParameters"]

    notes = Notes()
    second = run_demo(listener=notes, output=tmp_path / "demo", base=shipped_base(), max_cpu_seconds=8)

    assert second.reused[0] == "corpus" and second.reused[1].startswith("training up to step")
    assert json.dumps(second.as_json())
    assert [figure.measured for figure in second.figures] == [figure.measured for figure in first.figures]


def similar(one: np.ndarray, other: np.ndarray) -> float:
    """Cosine of two sounds of one length."""
    assert len(one) == len(other)
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


def test_where_no_triton_runs_the_bundle_speaks_in_this_process_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "issuing"))
    monkeypatch.setattr(triton_install, "PACKAGE", "nvidia-pytriton-of-another-machine")
    torch.manual_seed(1)
    model = random_voice()
    save_voice(tmp_path / "voice", VoiceCard(name="anna", speakers=["anna"]), model, np.zeros((1, 256), np.float32))
    notes, outcome = Notes(), DemoOutcome()

    speak(export_bundle(tmp_path / "voice", tmp_path / "voices" / "anna"), tmp_path / "speech", outcome, notes)

    assert outcome.spoken_by == "onnxruntime" and outcome.warnings == notes.warnings
    said = "Triton did not speak, ONNX Runtime in this process does: ServerStartFailed: the bundled Triton is not"
    assert said in notes.warnings[0]
    assert all(path.stat().st_size > 1_000 for path in outcome.speech.values())
    assert set(outcome.speech) == set(SENTENCES)
