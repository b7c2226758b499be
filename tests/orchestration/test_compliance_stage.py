"""Before a training, however it is started: a blocking finding stops it with its code, and a page says why."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from small_distillation import distill_request
from small_voice import Notes, with_tiny_preset, write_corpus

from clock_train.audio.writing import write_flac
from clock_train.cli.main import run
from clock_train.compliance.accepted import ACCEPTED_NAME, accept
from clock_train.compliance.findings import Severity, read_report
from clock_train.data.manifest import MANIFEST_NAME, Clip, Origin, read_corpus, write_manifest
from clock_train.errors import ComplianceBlocked, ConsentMissing
from clock_train.issuing.installation import Installation
from clock_train.orchestration.compliance_stage import Checks, refuse_findings
from clock_train.orchestration.distillation import distill
from clock_train.orchestration.listener import Silence
from clock_train.orchestration.presets import PRESETS
from clock_train.orchestration.training_preparation import TrainRequest
from clock_train.orchestration.training_session import train
from clock_train.trainer import ClockTrainer

PERSONAL = "My card is 4111 1111 1111 1111."


class Warnings(Silence):
    def __init__(self) -> None:
        self.heard: list[str] = []
        self.notes: list[str] = []
        self.stages: list[str] = []

    def stage(self, name: str) -> None:
        self.stages.append(name)

    def note(self, message: str) -> None:
        self.notes.append(message)

    def warn(self, message: str) -> None:
        self.heard.append(message)


def corpus_of(folder: Path, text: str) -> Path:
    (folder / "audio").mkdir(parents=True)
    write_flac(folder / "audio" / "c.flac", np.full(16_000, 0.25, dtype=np.float32), 16_000)
    clip = Clip(
        id="c", speaker="anna", text=text, language="en", path="audio/c.flac", seconds=1.0, verdict="accepted",
        origin=Origin(file="c.wav", start_s=0.0, end_s=1.0),
    )  # fmt: skip
    write_manifest(folder / MANIFEST_NAME, [clip])
    return folder


def look(
    corpora: Sequence[Path], out: Path, listener: Warnings, *, revision: str = "r", checks: Checks = Checks.ALL
) -> None:
    found = [read_corpus(folder) for folder in corpora]
    refuse_findings(found, out, listener, revision=revision, checks=checks, installation=Installation(out / "issuing"))


def test_a_blocking_finding_stops_the_run_and_a_warning_does_not(tmp_path: Path) -> None:
    listener = Warnings()
    harmless = corpus_of(tmp_path / "anna", "The weather is fine.")
    look([harmless], tmp_path, listener)
    assert ["VoicesNotCompared" in line for line in listener.heard] == [True]
    assert (tmp_path / "compliance-anna.html").is_file()
    personal = corpus_of(tmp_path / "ben", "My card is 4111 1111 1111 1111.")
    with pytest.raises(ComplianceBlocked, match=r"PersonalDataInTranscript.* clocktrain compliance check"):
        look([harmless, personal], tmp_path, listener)
    for kind in ("html", "json"):
        page = (tmp_path / f"compliance-ben.{kind}").read_text(encoding="utf-8")
        assert "[BANK-CARD]" in page
        assert "4111" not in page


def test_texts_alone_are_looked_at_where_that_is_asked_for_and_it_says_so(tmp_path: Path) -> None:
    listener = Warnings()
    look([corpus_of(tmp_path / "anna", "The weather is fine.")], tmp_path, listener, checks=Checks.TEXTS)
    assert listener.heard == []
    assert "compliance: texts of anna were checked, 1 findings, none of them blocking" in listener.notes[0]
    note = read_report(tmp_path / "compliance-anna.json").findings[0]
    assert (note.code, note.severity) == ("VoicesNotCompared", Severity.NOTE)
    assert "clocktrain compliance check" in note.next_step
    with pytest.raises(ComplianceBlocked, match="PersonalDataInTranscript"):
        look([corpus_of(tmp_path / "ben", PERSONAL)], tmp_path, listener, checks=Checks.TEXTS)


def test_a_second_start_looks_again_only_where_something_changed(tmp_path: Path) -> None:
    corpus, listener = corpus_of(tmp_path / "ben", PERSONAL), Warnings()
    for _ in range(2):
        with pytest.raises(ComplianceBlocked):
            look([corpus], tmp_path, listener)
    assert listener.stages == ["compliance"]
    accept(read_corpus(corpus), ["c"], reason="a test number", by="officer", now=datetime.now(UTC))
    look([corpus], tmp_path, listener)
    look([corpus], tmp_path, listener)
    assert listener.stages == ["compliance"] * 2
    look([corpus], tmp_path, listener, revision="another")
    assert listener.stages == ["compliance"] * 3
    (tmp_path / "compliance-ben.json").write_text("{")
    look([corpus], tmp_path, listener, revision="another")
    assert listener.stages == ["compliance"] * 4


def test_corpora_of_one_name_have_a_page_each(tmp_path: Path) -> None:
    both = [corpus_of(tmp_path / place / "corpus", "The weather is fine.") for place in ("a", "b")]
    look(both, tmp_path, Warnings())
    assert {path.name for path in tmp_path.glob("*.html")} == {"compliance-corpus-1.html", "compliance-corpus-2.html"}


def personal(folder: Path) -> Path:
    """Twelve clips with a consent, one of which says a card's number."""
    corpus = write_corpus(folder)
    lines = [json.loads(line) for line in (corpus / MANIFEST_NAME).read_text(encoding="utf-8").splitlines()]
    lines[3]["text"] = PERSONAL
    (corpus / MANIFEST_NAME).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return corpus


@pytest.fixture
def tiny_preset() -> Iterator[None]:
    with_tiny_preset()
    yield
    del PRESETS["Tiny"]


WAYS: dict[str, Callable[[Path, Path], object]] = {
    "training": lambda corpus, out: train(
        TrainRequest(corpora=[corpus], output=out, preset="Tiny", device="cpu"), Notes()
    ),
    "pretrain": lambda corpus, out: train(
        TrainRequest(corpora=[corpus], output=out, preset="Tiny", device="cpu", kind="base"), Notes()
    ),
    "ClockTrainer": lambda corpus, out: ClockTrainer(
        np.ones(256, np.float32), corpus, out, preset="Tiny", listener=Notes()
    ).train(epochs=1, batch_size=4),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_into_training_stops_at_a_text_that_blocks(way: str, tmp_path: Path, tiny_preset: None) -> None:
    corpus, out = personal(tmp_path / "corpus"), tmp_path / "out"
    with pytest.raises(ComplianceBlocked, match=r"PersonalDataInTranscript: 1 texts hold personal data: 1 bank-card"):
        WAYS[way](corpus, out)
    assert (out / "compliance-corpus.html").is_file()
    assert not list(out.glob("packed-*")), "nothing was read for training"


def test_the_commands_stop_there_with_the_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tiny_preset: None
) -> None:
    corpus = str(personal(tmp_path / "corpus"))
    assert run(["pretrain", corpus, "--preset", "Tiny", "--out", str(tmp_path / "base")]) == 2
    assert "ComplianceBlocked" in capsys.readouterr().err
    base = train(TrainRequest(corpora=[write_corpus(tmp_path / "b")], output=tmp_path / "o", preset="Tiny"), Notes())
    asked = ["finetune", corpus, "--base", str(base.voice_path), "--preset", "Tiny", "--out", str(tmp_path / "voice")]
    assert run(asked) == 2
    assert "ComplianceBlocked" in capsys.readouterr().err


def test_a_student_hears_what_was_accepted_and_nothing_else(tmp_path: Path, tiny_preset: None) -> None:
    corpus = personal(tmp_path / "corpus")
    accept(read_corpus(corpus), ["anna-03"], reason="a test number", by="officer", now=datetime.now(UTC))
    voice = train(TrainRequest(corpora=[corpus], output=tmp_path / "out", preset="Tiny"), Notes()).voice_path
    assert distill(distill_request(voice, tmp_path / "student"), Notes()).voice_path.is_dir()

    (tmp_path / "out" / ACCEPTED_NAME).unlink()
    with pytest.raises(ComplianceBlocked, match=r"Train the voice again .* All of them: .*compliance-texts\.html"):
        distill(distill_request(voice, tmp_path / "another"), Notes())
    assert "[BANK-CARD]" in (tmp_path / "another" / "compliance-texts.html").read_text(encoding="utf-8")


def test_texts_of_a_file_are_looked_at_before_a_teacher_speaks_them(tmp_path: Path, tiny_preset: None) -> None:
    request = TrainRequest(corpora=[write_corpus(tmp_path / "corpus")], output=tmp_path / "out", preset="Tiny")
    voice, texts = train(request, Notes()).voice_path, tmp_path / "more.txt"
    texts.write_text(f"All is well.\n{PERSONAL}\n", encoding="utf-8")
    with pytest.raises(ComplianceBlocked, match=r"Take these lines out of .*more\.txt"):
        distill(distill_request(voice, tmp_path / "student", texts=texts), Notes())
    assert "more.txt:2" in (tmp_path / "student" / "compliance-texts.html").read_text(encoding="utf-8")


def test_a_teacher_without_a_consent_teaches_nobody(tmp_path: Path, tiny_preset: None) -> None:
    request = TrainRequest(corpora=[write_corpus(tmp_path / "corpus")], output=tmp_path / "out", preset="Tiny")
    voice = train(request, Notes()).voice_path
    card = json.loads((voice / "voice.json").read_text(encoding="utf-8"))
    (voice / "voice.json").write_text(json.dumps({**card, "consents": []}), encoding="utf-8")
    with pytest.raises(ConsentMissing, match="names no consent, so nothing is made from it"):
        distill(distill_request(voice, tmp_path / "student"), Notes())
