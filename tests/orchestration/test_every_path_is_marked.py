"""No sound that a model made leaves unmarked: by reading the code, and by detecting what each path gives."""

from __future__ import annotations

import ast
import math
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import torch
from small_voice import Notes, random_voice, write_corpus

from clock_train.audio.reading import read_waveform
from clock_train.audit.log import read_lines
from clock_train.cli.main import run
from clock_train.data.manifest import read_corpus
from clock_train.data.packing import pack
from clock_train.issuing.installation import FOLDER_VARIABLE, Installation
from clock_train.issuing.switch import switch_off, switch_on
from clock_train.models.speech import Voice
from clock_train.models.voice_files import VoiceCard, save_voice
from clock_train.orchestration.bundle_export import export_bundle
from clock_train.orchestration.voice_evaluation import EvaluationRequest, evaluate_voice
from clock_train.serving.bundle_voice import BundleVoice
from clock_train.trainer import ClockTrainer
from clock_train.watermark.detect import NARROW_SEARCH, detect

PACKAGE = Path(__file__).parents[2] / "platform" / "clock_train"
MAKERS = {"synthesize", "vocoder", "speak", "stream", "stream_read"}
"""Methods by which a model or a bundle's sessions make samples."""
MAKE = {
    "models/voice.py": "the model itself",
    "models/speech.py": "marks what it makes",
    "models/conversion.py": "given to models/speech.py and cli/convert.py, which mark it",
    "orchestration/served_speech.py": "hands on what Triton's voices stream, marked in speech_request",
    "orchestration/demo.py": "writes what served_speech gave, or bundle_voice",
    "cli/measurements/asked_voices.py": "times Triton's voices; nobody hears it",
    "cli/measurements/bare_speaking.py": "times bundles of random weights",
    "api/desk.py": "hands on what Triton's voices stream, marked in speech_request",
    "api/request_content.py": "streams bytes of a request",
    "api/detector_routes.py": "streams bytes of a request",
    "client/blocking.py": "asks a server, which marks",
    "cli/measurements/door_speaking.py": "times a server, which marks; nobody hears it",
    "serving/onnx_voice.py": "the sessions themselves",
    "export/graphs.py": "writes the model as a graph; what the graph says is marked by who runs it",
    "orchestration/int8_choice.py": "scores only",
    "cli/measurements/onnx_speaking.py": "times bundles of random weights",
    "serving/speech_request.py": "marks what it streams",
    "serving/triton_backend.py": "warms a voice up; nobody hears it",
    "storage/s3.py": "streams bytes of storage",
    "text/frontend.py": "a language is read, not spoken",
    "serving/bundle_voice.py": "marks what it makes",
    "orchestration/held_out.py": "the resynthesis, marked before it is written or shown",
    "training/generator_step.py": "inside a training step; nobody hears it",
    "training/validation.py": "scores only",
    "training/teacher_speech.py": "for a student to learn from, as arrays among its lessons; nobody hears it",
    "orchestration/teaching_cache.py": "keeps those arrays",
    "orchestration/distillation.py": "asks for them",
    "orchestration/speaking_speed.py": "times voices; nobody hears it",
    "cli/measurements/speaking.py": "times a model of random weights",
}
WRITERS = {
    "write_wav",
    "write_flac",
    "write_blocks",
    "wav_bytes",
    "write_atomically",
    "writeframes",
    "writeframesraw",
    "SoundFile",
}
WRITE = {
    "audio/writing.py": "the writers themselves",
    "audio/block_writing.py": "a writer itself",
    "audio/decoding.py": "reads",
    "labels/files.py": "the writer of labelled files; its callers give issued sounds",
    "evaluation/report_html.py": "players of what orchestration gives: recordings, and items that are marked",
    "evaluation/comparison_html.py": "players of files that were written marked",
    "orchestration/held_out.py": "recordings, and sounds that were brought as files",
    "orchestration/checkpoint_samples.py": "the recording beside the sample",
    "data/clip_cutting.py": "recordings",
    "erasure/removing.py": "manifests and logs without who is erased, no sound",
    "compliance/masked_corpus.py": "recordings, covered where they are personal",
    "cli/measurements/synthetic.py": "tones in the place of recordings",
    "data/recorded_lines.py": "recordings",
    "data/small_corpus.py": "recordings, to be trained on elsewhere",
    "cli/watermark.py": "a sound that was brought, just marked",
    "cli/consent.py": "the statement that a person speaks",
    "client/sounds.py": "what a server marked",
    "listening/making.py": "recordings, and items of an evaluation that are marked",
    "client/blocking.py": "what a server marked",
    "serving/serving_table.py": "a table",
}


def callers(names: set[str]) -> set[str]:
    return using(names, ast.Call)


def using(names: set[str], *kinds: type[ast.AST]) -> set[str]:
    """Modules that call one of these names, or mention it in another way than by importing it."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, kinds):
                named = node.func if isinstance(node, ast.Call) else node
                if (named.attr if isinstance(named, ast.Attribute) else getattr(named, "id", "")) in names:
                    found.add(path.relative_to(PACKAGE).as_posix())
    return found


def writers() -> set[str]:
    return using(WRITERS, ast.Name, ast.Attribute)


def test_only_known_places_make_samples() -> None:
    # a new one: mark what it gives people with Voice.mark, then add it here with the reason
    assert callers(MAKERS) - set(MAKE) - {"trainer.py", "cli/synthesize.py"} == set()


def test_only_known_places_write_sounds() -> None:
    # a new one: write what a model made with issuing.sound_files.write_issued, then add it here with the reason
    assert writers() - set(WRITE) == set()


def test_the_tables_name_nothing_that_is_gone() -> None:
    assert set(MAKE) <= callers(MAKERS) | {"models/voice.py"}
    assert set(WRITE) <= writers()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A corpus and a voice of random weights beside it, in the layout of a run."""
    folder = tmp_path_factory.mktemp("run")
    # a clip is heard again as a resynthesis of its length, and a buzz carries less of a mark than speech: 4 s each
    corpus = write_corpus(folder / "corpus", seconds=4.0)
    packed, _ = pack([read_corpus(corpus)])
    model = random_voice()
    # random weights hurry, and their speech is noise, in which a mark needs some seconds: 60 frames a phone
    torch.nn.init.constant_(model.duration.exit.bias, math.log(60))  # pyright: ignore[reportArgumentType]
    card = VoiceCard(name="anna", languages=["en"], speakers=packed.speakers)
    save_voice(folder / "voice", card, model, np.zeros((1, 256), dtype=np.float32))
    return corpus, folder / "voice"


@pytest.fixture(autouse=True)
def installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Installation:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "issuing"))
    return Installation(tmp_path / "issuing")


TEXT = "Good morning. Press one now, and then please hold the line."


def is_marked(sound: np.ndarray, installation: Installation) -> bool:
    today = datetime.now(UTC).date()
    keys = installation.keys(today).detection_keys(today)
    return detect(sound, keys, speeds=NARROW_SEARCH).is_detected


def test_what_a_voice_says_is_marked(made: tuple[Path, Path], installation: Installation) -> None:
    voice = Voice.load(made[1])
    sound = voice.say(TEXT)
    assert is_marked(sound, installation)
    assert np.array_equal(np.concatenate(list(voice.say_sentences(TEXT))), sound)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.opus", "a.m4a"])
def test_what_the_command_writes_is_marked(
    name: str, made: tuple[Path, Path], installation: Installation, tmp_path: Path
) -> None:
    command = ["synthesize", "--voice", str(made[1]), "--text", TEXT, "--out", str(tmp_path / name)]
    assert run(command) == 0
    assert is_marked(read_waveform(tmp_path / name), installation)


def test_what_a_bundle_says_is_marked_and_is_what_its_voice_says(
    made: tuple[Path, Path], installation: Installation, tmp_path: Path
) -> None:
    export_bundle(made[1], tmp_path / "bundle", installation=installation)
    voice = BundleVoice.open(tmp_path / "bundle")
    sound = voice.say(TEXT, seed=3)
    assert is_marked(sound, installation)
    assert np.array_equal(np.concatenate(list(voice.say_sentences(TEXT, seed=3))), sound)
    # float32 sums in another order, and a mark that follows the sound: far below one step of 16 bits
    assert np.abs(sound - Voice.load(made[1]).say(TEXT, seed=3)).max() < 1e-5


def test_tests_of_parity_unmark_by_the_administrators_setting_alone(
    made: tuple[Path, Path], installation: Installation, tmp_path: Path
) -> None:
    export_bundle(made[1], tmp_path / "bundle", installation=installation)
    marked = Voice.load(made[1]).say(TEXT, seed=3)
    switch_off(installation, reason="a voice and its bundle say the same", by="tests")
    voice, bundle = Voice.load(made[1]).say(TEXT, seed=3), BundleVoice.open(tmp_path / "bundle").say(TEXT, seed=3)
    assert np.abs(voice - bundle).max() < 1e-5
    assert not is_marked(voice, installation) and not is_marked(bundle, installation)
    assert np.abs(voice - marked).max() > 1e-3
    switch_on(installation, by="tests")
    assert is_marked(Voice.load(made[1]).say(TEXT, seed=3), installation)
    lines = [values for _, _, _, values in read_lines(installation.log_folder)]
    unmarked = [line for line in lines if line.get("marked") is False]
    assert len(unmarked) == 2 and all(line["reason"] == "a voice and its bundle say the same" for line in unmarked)
    assert {"marking-off", "marking-on"} <= {line["kind"] for line in lines}


def test_what_the_command_and_the_articles_interface_say_with_a_bundle_is_marked(
    made: tuple[Path, Path], installation: Installation, tmp_path: Path
) -> None:
    export_bundle(made[1], tmp_path / "bundle", installation=installation)
    command = ["synthesize", "--voice", str(tmp_path / "bundle"), "--text", TEXT, "--out", str(tmp_path / "a.wav")]
    assert run(command) == 0
    trainer = ClockTrainer(np.ones(256, dtype=np.float32), made[0], tmp_path / "bundle")
    for path in (tmp_path / "a.wav", trainer.synthesize(TEXT, tmp_path / "b.wav")):
        assert is_marked(read_waveform(path), installation)


def test_a_bundle_speaks_where_torch_is_not_installed(
    made: tuple[Path, Path], installation: Installation, tmp_path: Path
) -> None:
    export_bundle(made[1], tmp_path / "bundle", installation=installation)
    words = ["synthesize", "--voice", str(tmp_path / "bundle"), "--text", TEXT, "--out", str(tmp_path / "a.wav")]
    absent = ["torch", "onnx", "safetensors", "hydra", "ray", "mlflow"]
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({absent!r})); from clock_train.cli.main import run; "
        f"sys.exit(run({words!r}))"
    )
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert is_marked(read_waveform(tmp_path / "a.wav"), installation)


def test_what_the_articles_interface_writes_is_marked(
    made: tuple[Path, Path], installation: Installation, tmp_path: Path
) -> None:
    trainer = ClockTrainer(np.ones(256, dtype=np.float32), made[0], made[1].parent)
    path = trainer.synthesize(TEXT, tmp_path / "output.wav")
    assert is_marked(read_waveform(path), installation)


def test_what_an_evaluation_keeps_for_people_is_marked_and_recordings_are_not(
    made: tuple[Path, Path], installation: Installation, tmp_path: Path
) -> None:
    request = EvaluationRequest(output=tmp_path / "out", voice=made[1], phone_cpu_seconds=0.0)
    evaluate_voice(request, Notes())
    sounds = sorted((tmp_path / "out").rglob("*.wav"))
    together = {
        name: np.concatenate([read_waveform(path) for path in sounds if path.stem == name])
        for name in ("natural", "generated", "resynthesis")
    }
    assert is_marked(together["generated"], installation)
    assert is_marked(together["resynthesis"], installation)
    assert not is_marked(together["natural"], installation)
    assert {path.stem for path in sounds} == set(together)
