"""A voice teaches another: what is kept and reused, what is refused, and the comparison with a student without it."""

from __future__ import annotations

import errno
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_distillation import distill_request, small_distillation, smaller_model, trained_teacher
from small_voice import TINY_JUDGES, Notes

from clock_train.audit.accesses import accesses_of
from clock_train.audit.log import chains_in
from clock_train.bundle.card import file_digest
from clock_train.data.packing import PackedCorpus, load_packed, save_packed
from clock_train.data.splits import TRAIN
from clock_train.errors import (
    ClockTrainError,
    ConfigError,
    TeacherIncompatible,
    TeacherSpeakerUnknown,
    TeacherUnsuitable,
    TeachingCacheFull,
    TeachingTextMissing,
    TextUnreadable,
)
from clock_train.issuing.installation import Installation
from clock_train.models.counting import count_parameters
from clock_train.models.text_encoder import TextEncoderConfig
from clock_train.models.voice_files import load_voice
from clock_train.orchestration.bundle_export import packed_beside
from clock_train.orchestration.distillation import distill
from clock_train.orchestration.distillation_comparison import compare_distillation
from clock_train.orchestration.run_fitting import Effort
from clock_train.orchestration.teaching_text import teaching_texts
from clock_train.training.schedule import ScheduleConfig


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A teacher that has been through a contest."""
    schedule = ScheduleConfig(hearing_steps=2, contest_from_step=4)
    return trained_teacher(
        tmp_path_factory.mktemp("teacher"), max_steps=8, schedule=schedule, discriminators=TINY_JUDGES
    )


def packed_of(teacher: Path) -> PackedCorpus:
    path = packed_beside(teacher.parent)
    assert path is not None
    return load_packed(path)


def test_a_student_is_a_voice_and_says_whose(teacher: Path, tmp_path: Path) -> None:
    notes = Notes()
    outcome = distill(distill_request(teacher, tmp_path / "out"), notes)
    # what follows a run of another test may still speak for it
    *_, read = [each for each in accesses_of(chains_in(Installation().log_folder)) if each.access == "teach"]
    assert read.voice == "anna@1"
    student = load_voice(outcome.voice_path)
    facts = student.card.training
    assert facts["teacher"] == "anna" and facts["teacherDigest"] == file_digest(teacher / "voice.json")
    assert (facts["steps"], facts["teacherSentences"]) == (6, outcome.spoken)
    assert student.card.speakers == ["anna"] and student.model.config.latent_channels == 4
    assert outcome.parameters == count_parameters(student.model).synthesis < outcome.teacher_parameters
    assert notes.stages == ["teacher", "distill"] and notes.fractions[-1] == 1.0
    assert any("keeps" in note and "of the variance" in note for note in notes.notes)
    # whole texts of the corpus and nothing that the judges hear
    held_out = {packed_of(teacher).texts[i] for i in range(len(packed_of(teacher))) if packed_of(teacher).split_of[i]}
    (lessons,) = (tmp_path / "out").glob("lessons-*.npz")
    said = load_packed(lessons)
    spoken = [text for clip, text in zip(said.clip_ids, said.texts, strict=True) if clip.startswith("teacher-")]
    assert len(spoken) == outcome.spoken and not held_out & set(spoken)


def test_a_second_start_reuses_what_was_said_and_trained(teacher: Path, tmp_path: Path) -> None:
    request = distill_request(teacher, tmp_path / "out")
    first = distill(request, Notes())
    before = (first.voice_path / "weights.safetensors").read_bytes()
    notes = Notes()
    distill(request, notes)
    assert notes.notes[0].startswith("reusing what the teacher said")
    assert notes.notes[1] == "going on from step 6, its newest checkpoint"
    assert "teacher" not in notes.stages
    assert (first.voice_path / "weights.safetensors").read_bytes() == before


def test_the_same_seed_makes_the_same_student_and_another_seed_another(teacher: Path, tmp_path: Path) -> None:
    made = {}
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        outcome = distill(distill_request(teacher, tmp_path / name, seed=seed), Notes())
        made[name] = (outcome.voice_path / "weights.safetensors").read_bytes()
    assert made["one"] == made["again"] != made["other"]


def test_the_students_contest_begins_with_the_teachers_judges(teacher: Path, tmp_path: Path) -> None:
    contest = ScheduleConfig(hearing_steps=1, contest_from_step=2)
    settings = {"schedule": contest, "discriminators": TINY_JUDGES}
    kept = load_voice(teacher).discriminators
    assert kept is not None
    found = {}
    for is_taught in (True, False):
        config = small_distillation(max_steps=3, **settings)
        outcome = distill(
            distill_request(teacher, tmp_path / str(is_taught), config=config, is_taught=is_taught, seed=9), Notes()
        )
        judges = outcome.fitted.run.discriminators
        assert judges is not None
        found[is_taught] = {name: value.detach().numpy() for name, value in judges.state_dict().items()}

    def apart(judges: dict[str, np.ndarray]) -> float:
        return max(float(np.abs(judges[name] - value.numpy()).max()) for name, value in kept.items())

    # one step at the rate of the warm-up moves no weight by more than a thousandth
    assert apart(found[True]) < 1e-3
    assert apart(found[False]) > 1e-2
    wrong = small_distillation(schedule=contest)
    with pytest.raises(TeacherIncompatible, match=r"distillation.training.discriminators; give those"):
        distill(distill_request(teacher, tmp_path / "wrong", config=wrong), Notes())


def test_spoken_sentences_are_kept_and_a_damaged_chunk_is_spoken_again(teacher: Path, tmp_path: Path) -> None:
    request = distill_request(teacher, tmp_path / "out", config=small_distillation(sentences=40, max_steps=1))
    distill(request, Notes())
    (chunk, last) = sorted((tmp_path / "out" / "teaching").glob("*/chunk-*.safetensors"))
    whole, kept = chunk.read_bytes(), last.stat().st_mtime_ns
    chunk.write_bytes(whole[: len(whole) // 2])
    for path in (tmp_path / "out").glob("lessons-*"):
        path.unlink()
    distill(request, Notes())
    assert chunk.read_bytes() == whole, "the same teacher says the same"
    assert last.stat().st_mtime_ns == kept, "what was whole is read"
    distill(replace(request, config=small_distillation(sentences=12, max_steps=1)), Notes())
    assert len(list((tmp_path / "out" / "teaching").glob("*/chunk-*"))) == 1, "only the newest texts are kept"
    assert len(list((tmp_path / "out").glob("lessons-*"))) == 2


def test_the_cache_is_bounded_and_says_so(teacher: Path, tmp_path: Path) -> None:
    config = small_distillation(sentences=400, max_steps=1)
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join(f"This is the sentence of number {n}." for n in range(400)))
    request = distill_request(teacher, tmp_path / "out", config=replace(config, cache_mib=1), texts=texts)
    notes = Notes()
    outcome = distill(request, notes)
    size = sum(path.stat().st_size for path in (tmp_path / "out" / "teaching").rglob("*") if path.is_file())
    assert size <= 1 << 20 and 12 <= outcome.spoken < 400
    assert any(f"has room for {outcome.spoken} of 400 sentences" in warning for warning in notes.warnings)


def test_a_full_disk_keeps_what_was_spoken_before_and_the_next_start_goes_on(
    teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = distill_request(teacher, tmp_path / "out", config=small_distillation(sentences=40, max_steps=1))
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name == "chunk-00001.partial":
            write(path, content[:100])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(
        TeachingCacheFull, match=r"no room left .* lower distillation.sentences .* it goes on"
    ) as caught:
        distill(request, Notes())
    assert caught.value.exit_code == 3
    assert [path.name for path in (tmp_path / "out" / "teaching").rglob("*") if path.is_file()] == [
        "chunk-00000.safetensors"
    ]
    monkeypatch.undo()
    assert distill(request, Notes()).spoken == 40


def test_a_text_file_is_spoken_after_the_corpus(teacher: Path, tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("The train leaves at nine. Bring a coat!\n\n你好。\n", encoding="utf-8")
    packed = packed_of(teacher)
    texts = teaching_texts(packed, count=100, seed=1, text_file=path)
    own = {packed.texts[i] for i in packed.of_split(TRAIN)}
    assert [text.text for text in texts if text.text not in own] == [
        "The train leaves at nine.", "Bring a coat!", "你好。",
    ]  # fmt: skip
    assert [text.style for text in texts[-3:]] == ["statement", "exclamation", "statement"]


def test_new_sentences_are_put_together_from_halves_of_two() -> None:
    def corpus(texts: list[str], language: str) -> PackedCorpus:
        none = np.zeros(len(texts), dtype=np.int64)
        return PackedCorpus(
            16_000, "", ["a", "b"], texts, texts, [language] * len(texts), [""] * len(texts), [""] * len(texts),
            none, none, none[None], none, none, none, none.astype(np.float32),
        )  # fmt: skip

    english = corpus(["Please hold the line.", "All lines, I fear, are busy."], "en")
    found = [text.text for text in teaching_texts(english, count=20, seed=1)]
    assert {"Please hold I fear, are busy.", "All lines, the line."} <= set(found)
    assert len(found) == len(set(found)) < 20, "parts are used up"
    mandarin = corpus(["今天很冷，多穿衣服。", "明天下雨，记得带伞。"], "zh")
    assert "今天很冷，记得带伞。" in [text.text for text in teaching_texts(mandarin, count=9, seed=1)]
    assert {text.speaker for text in teaching_texts(mandarin, count=9, seed=1)} == {0, 1}, "speakers in turn"
    again = [text.text for text in teaching_texts(english, count=20, seed=1)]
    assert again == found != [text.text for text in teaching_texts(english, count=20, seed=3)]


def _voice_with(teacher: Path, folder: Path, **changes: object) -> Path:
    """The teacher with other facts in its card; its packed corpus beside it."""
    shutil.copytree(teacher.parent, folder)
    values = json.loads((folder / "voice" / "voice.json").read_text())
    (folder / "voice" / "voice.json").write_text(json.dumps({**values, **changes}))
    return folder / "voice"


def _packed_with(teacher: Path, folder: Path, **changes: object) -> Path:
    shutil.copytree(teacher.parent, folder)
    path = packed_beside(folder)
    assert path is not None
    save_packed(replace(load_packed(path), **changes), path)  # type: ignore[arg-type]
    return folder / "voice"


def test_a_student_teaches_nobody(teacher: Path, tmp_path: Path) -> None:
    student = distill(distill_request(teacher, tmp_path / "out"), Notes()).voice_path
    request = replace(distill_request(teacher, tmp_path / "second"), teacher=student)
    with pytest.raises(TeacherUnsuitable, match=r'is a student itself, distilled from "anna"; name that voice'):
        distill(request, Notes())


def test_a_teacher_must_be_larger_than_its_student(teacher: Path, tmp_path: Path) -> None:
    config = small_distillation()
    wide = replace(config.student, text_encoder=TextEncoderConfig(channels=64, layers=2, heads=2, feed_forward=64))
    request = distill_request(teacher, tmp_path / "out", config=replace(config, student=wide))
    with pytest.raises(
        TeacherUnsuitable, match=r"has [\d,]+ parameters at synthesis and its student would have [\d,]+"
    ):
        distill(request, Notes())
    assert not (tmp_path / "out" / "voice").exists()


def test_a_student_has_at_most_five_and_a_half_million_parameters(teacher: Path, tmp_path: Path) -> None:
    config = small_distillation()
    large = TextEncoderConfig(channels=256, layers=8, heads=4, feed_forward=1_024)
    request = distill_request(
        teacher, tmp_path / "out", config=replace(config, student=replace(smaller_model(), text_encoder=large))
    )
    with pytest.raises(ConfigError, match=r"a student has at most 5,500,000: give it smaller layers"):
        distill(request, Notes())


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"inventory_id": "old"}, TeacherIncompatible, r"the corpus old, this version has .*; train the teacher with"),
        ({"sample_rate_hz": 24_000}, TeacherIncompatible, r"speaks at 16000 Hz but the corpus is packed at 24000 Hz"),
        ({"speakers": ["carla"]}, TeacherSpeakerUnknown, r"recordings of carla, whom the teacher .* it knows anna"),
    ],
    ids=["inventory", "rate", "speaker"],
)
def test_a_corpus_that_is_not_the_teachers_is_refused(
    teacher: Path, tmp_path: Path, changes: dict[str, object], error: type[ClockTrainError], says: str
) -> None:
    with pytest.raises(error, match=says):
        distill(distill_request(_packed_with(teacher, tmp_path / "copy", **changes), tmp_path / "out"), Notes())


def test_no_texts_and_texts_that_cannot_be_read_are_refused(teacher: Path, tmp_path: Path) -> None:
    def request(content: bytes | None) -> object:
        path = tmp_path / "texts.txt"
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
        return distill(distill_request(teacher, tmp_path / "out", texts=path), Notes())

    with pytest.raises(TextUnreadable, match="name a text file with --texts"):
        request(None)
    with pytest.raises(TextUnreadable, match="is not UTF-8"):
        request("你好".encode("gb18030"))
    for empty in (b"", "\n 🙂 \n".encode()):
        with pytest.raises(TeachingTextMissing, match=r'no sentence of ".*texts.txt" can be spoken'):
            request(empty)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_ray_worker_makes_the_student_that_this_process_makes(teacher: Path, tmp_path: Path) -> None:
    here = distill(distill_request(teacher, tmp_path / "here"), Notes())
    effort = Effort(workers=1, fork=True)
    away = distill(distill_request(teacher, tmp_path / "away", effort=effort, store=str(tmp_path / "store")), Notes())
    (shared,) = (tmp_path / "store").glob("local/runs/*/attempt-1/shared")
    assert {path.name for path in shared.iterdir()} == {"packed", "teacher"}
    weights = [(outcome.voice_path / "weights.safetensors").read_bytes() for outcome in (here, away)]
    assert weights[0] == weights[1]


@pytest.mark.ring2
@pytest.mark.timeout(300)
def test_the_comparison_judges_all_three_and_says_what_it_found(teacher: Path, tmp_path: Path) -> None:
    request = distill_request(teacher, tmp_path / "out", config=small_distillation(max_steps=4))
    outcome = compare_distillation(request, Notes(), rounds=1, phone_cpu_seconds=0)
    found = json.loads(outcome.json.read_text())
    assert list(found["voices"]) == ["teacher", "distilled", "plain"]
    taught, plain, master = (found["voices"][name] for name in ("distilled", "plain", "teacher"))
    assert taught["parameters"] == plain["parameters"] < master["parameters"]
    assert master["parameters"] > master["parameters_without_speaker"], "its speaker encoder is counted apart"
    assert (taught["steps"], plain["steps"]) == (4, 4)
    for voice in found["voices"].values():
        assert min(voice["onnx_rtf"], voice["torch_rtf"], voice["batched_audio_s_per_cpu_s"]) > 0
        assert "mcd_warped/speech" in voice["figures"] and "speaker_similarity/speech" in voice["figures"]
        assert voice["bundle_bytes"] > voice["weights_bytes"] / 4
    speed_up = master["onnx_rtf"] / taught["onnx_rtf"]
    (size, speed) = found["targets"]
    assert size["met"] and speed["measured"] == pytest.approx(speed_up) and speed["met"] == (speed_up >= 4)
    markdown, page = outcome.markdown.read_text(), outcome.page.read_text()
    for title in ("Teacher", "Distilled student", "Student without a teacher"):
        assert title in markdown and title in page
    assert "NOT intelligible" in markdown, "eight steps teach nobody to speak, and the report must say so"
    assert page.count("<audio") == 4, "the one held-out sentence: recorded, and by each of the three"
