"""The demo on the real sample voice, with seconds of training instead of minutes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile
from small_voice import Notes

from clock_train.consent.record import read_record
from clock_train.errors import CorpusNotFound
from clock_train.orchestration.demo import SENTENCES, run_demo


def test_recordings_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusNotFound, match=r"RECORDINGS names a folder of recordings and their texts"):
        run_demo(listener=Notes(), output=tmp_path / "demo", recordings=tmp_path / "nowhere")


@pytest.mark.ring2
@pytest.mark.timeout(1_500)
def test_the_sample_becomes_speech_figures_and_a_report_and_a_second_run_reuses_them(tmp_path: Path) -> None:
    first = run_demo(listener=Notes(), output=tmp_path / "demo", max_cpu_seconds=8)

    consent = read_record(tmp_path / "demo" / "corpus")
    assert consent.kind == "licence" and "not the speaker's own consent" in consent.statement
    assert set(first.speech) == set(SENTENCES)
    for path in first.speech.values():
        sound, rate_hz = soundfile.read(path)
        assert rate_hz == 16_000 and len(sound) > 4_000
    titles = {figure.title for figure in first.figures}
    assert {"Speaker similarity: speech", "Speaker similarity: resynthesis", "Phones of one frame: alignment"} <= titles
    # eight seconds teach nothing, and the demo must say so
    assert "NOT intelligible" in first.statement
    page = first.report.read_text(encoding="utf-8")
    assert "<audio" in page and "NOT intelligible" in page

    notes = Notes()
    second = run_demo(listener=notes, output=tmp_path / "demo", max_cpu_seconds=8)

    assert second.reused[0] == "corpus" and second.reused[1].startswith("training up to step")
    assert json.dumps(second.as_json())
    assert [figure.measured for figure in second.figures] == [figure.measured for figure in first.figures]
