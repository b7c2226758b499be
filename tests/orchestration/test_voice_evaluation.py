"""Evaluating a folder of sounds and a voice: what is written, and what happens to files that cannot be judged."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_voice import Notes, tiny_model, write_corpus

from clock_train.audio.writing import write_wav
from clock_train.data.manifest import read_corpus
from clock_train.data.packing import PackedCorpus, pack
from clock_train.data.splits import TEST
from clock_train.errors import AudioNotFound, CorpusNotFound, SentencesMissing, VoiceNotFound
from clock_train.evaluation.figures import EvaluationReport, Subject
from clock_train.evaluation.phone_recogniser import RecogniserConfig
from clock_train.evaluation.phone_recogniser_training import RecogniserTraining
from clock_train.models.text_encoder import Vocabulary
from clock_train.models.voice import VoiceModel
from clock_train.models.voice_files import VoiceCard, save_voice
from clock_train.orchestration import phone_judge as phone_judging
from clock_train.orchestration.held_out import held_out_clips
from clock_train.orchestration.leaderboard import set_against
from clock_train.orchestration.phone_judge import (
    ESPEAK_NAMES,
    clauses,
    espeak_speech,
    heard_phones,
    phone_judge,
    pinyin,
    synthetic_row,
)
from clock_train.orchestration.voice_evaluation import EvaluationRequest, evaluate_voice
from clock_train.text.inventory import INVENTORY_ID, LANGUAGES, PHONES, TONES

QUICK = RecogniserTraining(cpu_seconds=0.3, max_epochs=1, network=RecogniserConfig(channels=8, recurrent=8))


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("corpora")
    return [write_corpus(folder / "anna"), write_corpus(folder / "carlo", speaker="carlo", pitch_hz=90.0)]


def held_out_ids(corpora: list[Path]) -> list[str]:
    packed, _ = pack([read_corpus(path) for path in corpora])
    return [packed.clip_ids[i] for i in held_out_clips(packed, speaker="anna")]


def public_ids(corpora: list[Path]) -> list[str]:
    packed, _ = pack([read_corpus(path) for path in corpora])
    return [packed.public_id(i) for i in held_out_clips(packed, speaker="anna")]


def sounds(folder: Path, corpora: list[Path]) -> Path:
    """The recordings themselves, as if a voice had made them."""
    packed, _ = pack([read_corpus(path) for path in corpora])
    folder.mkdir()
    for i in packed.of_split(TEST):
        write_wav(folder / f"{packed.clip_ids[i]}.wav", packed.waveform(i), 16_000)
    return folder


def test_a_folder_of_sounds_is_judged_against_the_recordings_and_other_speakers(
    corpora: list[Path], tmp_path: Path
) -> None:
    wavs = sounds(tmp_path / "wavs", corpora)
    request = EvaluationRequest(output=tmp_path / "out", corpora=corpora, wavs=wavs, speaker="anna")
    outcome = evaluate_voice(request, Notes())
    row = outcome.report.row("speaker_similarity", Subject.SPEECH)
    assert row is not None
    assert row.value == pytest.approx(1.0, abs=0.01)
    assert row.floor is not None  # from the corpus' other speaker
    assert not outcome.failures
    assert EvaluationReport.from_json(outcome.json_path.read_text(encoding="utf-8")) == outcome.report
    assert "<audio" in outcome.page_path.read_text(encoding="utf-8")
    assert (tmp_path / "out" / "held-out" / held_out_ids(corpora)[0] / "natural.wav").exists()


DAMAGES = {
    "missing": r'AudioNotFound: there is no ".*\.wav"; name each sound by the id of its sentence',
    "broken": r"AudioNotAudio: ",
    "silent": r"WaveformUnjudgeable: the waveform is silent, every sample is zero\. Check what made it",
    "short": r"WaveformUnjudgeable: a waveform of 100 samples is shorter than 800 .*Give more speech",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_sound_that_cannot_be_judged_is_a_row_with_its_reason(
    damage: str, corpora: list[Path], tmp_path: Path
) -> None:
    wavs, clip = sounds(tmp_path / "wavs", corpora), held_out_ids(corpora)[0]
    path = wavs / f"{clip}.wav"
    if damage == "missing":
        path.unlink()
    elif damage == "broken":
        path.write_bytes(b"no sound at all, only words" * 9)
    else:
        sound = np.zeros(16_000) if damage == "silent" else np.full(100, 0.1)
        write_wav(path, sound.astype(np.float32), 16_000)
    outcome = evaluate_voice(
        EvaluationRequest(output=tmp_path / "out", corpora=corpora, wavs=wavs, speaker="anna"), Notes()
    )
    assert [failure.item for failure in outcome.failures] == [clip]
    assert re.match(DAMAGES[damage], outcome.failures[0].reason)
    assert outcome.failures[0].reason.split(":")[0] in outcome.page_path.read_text(encoding="utf-8")
    assert len(outcome.report.items) == len(held_out_ids(corpora))


def test_a_folder_that_is_not_there_is_one_error_and_nothing_is_written(corpora: list[Path], tmp_path: Path) -> None:
    request = EvaluationRequest(output=tmp_path / "out", corpora=corpora, wavs=tmp_path / "nowhere", speaker="anna")
    with pytest.raises(AudioNotFound, match=r'there is no folder ".*nowhere"; name the one with a sound'):
        evaluate_voice(request, Notes())
    assert not (tmp_path / "out").exists()


def test_a_broken_impostor_is_warned_of_and_an_empty_folder_refused(corpora: list[Path], tmp_path: Path) -> None:
    wavs, others = sounds(tmp_path / "wavs", corpora[:1]), tmp_path / "others"
    others.mkdir()
    (others / "x.wav").write_bytes(b"nothing")
    notes = Notes()
    request = EvaluationRequest(output=tmp_path / "out", corpora=corpora[:1], wavs=wavs, impostors=[others])
    evaluate_voice(request, notes)
    assert "x.wav" in notes.warnings[0]
    (others / "x.wav").unlink()
    with pytest.raises(CorpusNotFound, match="no recordings of other speakers"):
        evaluate_voice(request, notes)


@pytest.fixture(scope="module")
def voice(corpora: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = VoiceModel(
        tiny_model(),
        Vocabulary(phones=len(PHONES), tones=len(TONES), languages=len(LANGUAGES), inventory_id=INVENTORY_ID),
        num_speakers=1,
    )
    path = tmp_path_factory.mktemp("run") / "voice"
    card = VoiceCard(name="anna", languages=["en"], speakers=["anna"], training={"testClips": public_ids(corpora)})
    save_voice(path, card, model, np.zeros((1, 256), dtype=np.float32))
    return path


def test_a_voice_speaks_its_held_out_sentences_and_is_timed(voice: Path, corpora: list[Path], tmp_path: Path) -> None:
    outcome = evaluate_voice(EvaluationRequest(output=tmp_path, voice=voice, corpora=corpora), Notes())
    assert [item.id for item in outcome.report.items] == public_ids(corpora)
    assert outcome.report.values()["real_time_factor/speech"] > 0
    assert outcome.report.row("mel_distance", Subject.RESYNTHESIS) is not None
    assert set(outcome.as_json()["judgeSpeeds"]) >= {"DNSMOS", "recogniser", "distances"}


def test_what_does_not_fit_a_voice_is_said(voice: Path, corpora: list[Path], tmp_path: Path) -> None:
    request = EvaluationRequest(output=tmp_path / "out", voice=voice, corpora=corpora)
    with pytest.raises(CorpusNotFound, match=r"no corpus beside .*--corpus FOLDER"):
        evaluate_voice(replace(request, corpora=()), Notes())
    with pytest.raises(SentencesMissing, match='no recordings of "anna", only of carlo'):
        evaluate_voice(replace(request, corpora=corpora[1:]), Notes())
    with pytest.raises(SentencesMissing, match=r"none of the \d+ sentences"):
        evaluate_voice(replace(request, speaker="carlo"), Notes())
    with pytest.raises(VoiceNotFound):
        evaluate_voice(replace(request, voice=tmp_path / "nowhere"), Notes())


def spanish(corpora: list[Path]) -> PackedCorpus:
    packed, _ = pack([read_corpus(corpora[0])])
    return replace(packed, languages=["es"] * len(packed))


def test_phones_are_those_that_can_be_heard(corpora: list[Path]) -> None:
    phones = heard_phones(spanish(corpora).ids(0))
    assert phones
    assert not {PHONES[phone] for phone in phones} & {"_", ".", ",", "?", "!"}


def test_a_recogniser_is_trained_once_and_then_taken_from_the_cache(corpora: list[Path], tmp_path: Path) -> None:
    packed = spanish(corpora)
    first = phone_judge(packed, "es", training=QUICK, cache=tmp_path)
    assert not isinstance(first, str)
    (kept,) = tmp_path.glob("es-*.safetensors")
    seen: list[float] = []
    again = phone_judge(packed, "es", training=QUICK, cache=tmp_path, progress=seen.append)
    assert not isinstance(again, str)
    assert again.facts == first.facts
    assert not seen
    kept.write_bytes(kept.read_bytes()[:100])  # cut off: trained again
    assert not isinstance(phone_judge(packed, "es", training=QUICK, cache=tmp_path, progress=seen.append), str)
    assert seen


def test_a_language_without_recordings_or_with_a_word_recogniser_has_a_reason(
    corpora: list[Path], tmp_path: Path
) -> None:
    packed = spanish(corpora)
    assert "TrainingDataTooSmall" in str(phone_judge(packed, "it", cache=tmp_path))
    assert "the word recogniser knows en" in str(phone_judge(packed, "en", cache=tmp_path))


def test_mandarin_is_written_as_pinyin_clause_by_clause() -> None:
    assert clauses(["你好，世界。", "！", "再见"]) == ["你好，", "世界。", "再见"]
    assert pinyin("你好，世界 OK。").split() == ["ni3", "hao3", "，", "shi4", "jie4", "OK。"]


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_espeak_ng_reads_mandarin_as_mandarin() -> None:
    def phonemes(text: str) -> str:
        command = ["espeak-ng", "-v", ESPEAK_NAMES["zh"], "-q", "-x", text]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout

    # "(en)" marks where it changes to English: its other Mandarin voice reads 你 as "ni three"
    assert "(en)" not in phonemes(pinyin("你好，欢迎使用语音系统。"))
    ((waveform, phones),) = espeak_speech(["你好。"], "zh")
    assert [PHONES[phone] for phone in phones] == ["n", "i", "x", "aʊ"]
    assert 0.3 < len(waveform) / 16_000 < 2.0


def test_mandarin_without_espeak_ng_is_a_row_that_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    row = synthetic_row(lambda text: np.zeros(16_000, dtype=np.float32), training=QUICK, cache=tmp_path)
    assert row.value is None
    assert "espeak-ng, which is not installed" in (row.unavailable or "")


def test_a_synthetic_judge_that_has_learnt_nothing_is_no_judge(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(phone_judging, "MOST_CEILING", -1.0)
    rng = np.random.default_rng(1)
    monkeypatch.setattr(
        phone_judging,
        "espeak_speech",
        lambda texts, language, manners=(): [(rng.normal(0, 0.1, 16_000).astype(np.float32), (5, 6, 7)) for _ in texts],
    )
    row = synthetic_row(lambda text: np.zeros(16_000, dtype=np.float32), training=QUICK, cache=tmp_path)
    assert row.metric == "synthetic_phone_error_rate"
    assert row.value is None
    assert "has not learnt Mandarin" in (row.unavailable or "")


def test_other_systems_are_judged_on_the_same_sentences_and_set_in_one_table(
    corpora: list[Path], tmp_path: Path
) -> None:
    best = sounds(tmp_path / "best", corpora)
    noisy = tmp_path / "noisy"
    noisy.mkdir()
    for path in best.iterdir():
        write_wav(noisy / path.name, np.random.default_rng(1).normal(0, 0.1, 16_000).astype(np.float32), 16_000)
    request = EvaluationRequest(
        output=tmp_path / "out", corpora=corpora, wavs=best, speaker="anna", phone_cpu_seconds=0
    )

    outcome = set_against(request, [noisy, best], Notes())

    assert [each.name for each in outcome.board.entrants] == ["best", "noisy", "best (2)"]
    similarity = next(metric for metric in outcome.board.columns if metric.name == "speaker_similarity")
    winner = outcome.board.best(similarity)
    assert winner is not None and winner.name == "best"
    assert json.loads(outcome.json_path.read_text(encoding="utf-8")) == outcome.board.as_json()
    page = outcome.page_path.read_text(encoding="utf-8")
    assert "noisy" in page and page.count("<audio") >= 4


@pytest.mark.parametrize(
    ("folder", "message"), [("nowhere", 'there is no folder "'), ("empty", "has none of the . sentences, such as")]
)
def test_a_system_without_sounds_is_refused(folder: str, message: str, corpora: list[Path], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    request = EvaluationRequest(
        output=tmp_path / "out", corpora=corpora, wavs=sounds(tmp_path / "own", corpora), speaker="anna",
        phone_cpu_seconds=0,
    )  # fmt: skip
    with pytest.raises(AudioNotFound, match=message):
        set_against(request, [tmp_path / folder], Notes())


def test_what_an_evaluation_left_can_be_set_against_another(corpora: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "held-out"
    for name, recording in zip(public_ids(corpora), held_out_ids(corpora), strict=True):
        (folder / name).mkdir(parents=True)
        shutil.copy(sounds(tmp_path / name, corpora) / f"{recording}.wav", folder / name / "generated.wav")
    request = EvaluationRequest(
        output=tmp_path / "out", corpora=corpora, wavs=folder, speaker="anna", phone_cpu_seconds=0
    )
    assert not evaluate_voice(request, Notes()).failures
