"""A training that is carried away, trained for moments where there is little but PyTorch, and taken over again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_voice import TINY_JUDGES, Notes, tiny_model, tiny_teacher, with_tiny_preset, write_corpus

from clock_train.data.packed_file import load_packed
from clock_train.data.sound_codec import Codec
from clock_train.errors import (
    CheckpointDamaged,
    CheckpointMismatch,
    CheckpointNotFound,
    ConsentExpired,
    ConsentRevoked,
    ParcelDamaged,
    ParcelTooLarge,
)
from clock_train.issuing.installation import Installation
from clock_train.models.voice_files import load_voice
from clock_train.orchestration.borrowed_time import main
from clock_train.orchestration.carried_voice import adopt_carried
from clock_train.orchestration.history_file import read_history
from clock_train.orchestration.parcel_plan import read_plan
from clock_train.orchestration.parcels import write_parcel
from clock_train.orchestration.shipped_base import shipped_base
from clock_train.orchestration.training_preparation import TrainRequest
from clock_train.orchestration.training_session import train
from clock_train.training.schedule import ScheduleConfig

PYTORCH_ALONE = (
    "torch", "torchgen", "functorch", "numpy", "numpy.libs", "scipy", "scipy.libs", "sympy", "mpmath", "networkx",
    "jinja2", "markupsafe", "filelock", "fsspec", "typing_extensions.py", "setuptools", "packaging",
)  # fmt: skip
"""What "only PyTorch, numpy and scipy are installed" means."""


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """The environment of a Python that finds PyTorch and what comes with it, and no other package; run it with -S."""
    site = tmp_path / "site"
    site.mkdir()
    for name in PYTORCH_ALONE:
        installed = Path(torch.__file__).parents[1] / name
        if installed.exists():
            (site / name).symlink_to(installed)
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(site)}


def request_of(tmp_path: Path, **changes: Any) -> TrainRequest:
    corpus = tmp_path / "corpus"
    if not corpus.exists():
        write_corpus(corpus)
    return replace(
        TrainRequest(corpora=[corpus], output=tmp_path / "out", preset="Tiny", kind="base", device="cpu"), **changes
    )


def carried_away(request: TrainRequest, tmp_path: Path, **options: Any) -> Path:
    """The parcel in another place, as after a copy."""
    parcel = write_parcel(request, Notes(), **{"codec": Codec.FLAC, "carry_mib": 60.0, **options})
    shutil.copytree(parcel.path, tmp_path / "there" / "parcel")
    return tmp_path / "there" / "parcel"


def window(parcel: Path, *options: str, minutes: float = 5.0) -> int:
    there = parcel.parent
    return main(parcel, ["--window-minutes", str(minutes), "--out", str(there / "carried"), *options])


def test_trained_there_it_is_the_voice_that_would_have_been_trained_here(tmp_path: Path) -> None:
    with_tiny_preset(max_steps=8, checkpoint_every=4)
    here = load_voice(train(request_of(tmp_path, output=tmp_path / "here"), Notes()).voice_path)
    request = request_of(tmp_path)
    parcel = carried_away(request, tmp_path)
    assert window(parcel) == 0
    outcome = adopt_carried(request, parcel.parent / "carried", Notes())
    there = load_voice(outcome.voice_path)
    assert (there.card.name, there.card.speakers, there.card.consents) == (
        here.card.name, here.card.speakers, here.card.consents,
    )  # fmt: skip
    same = ("steps", "spokenStep", "ending", "lastPhase", "trainedSeconds", "testClips")
    assert {name: there.card.training[name] for name in same} == {name: here.card.training[name] for name in same}
    assert there.card.training["carried"] == {"precision": "float16"} and "carried" not in here.card.training
    for name, value in here.model.state_dict().items():
        np.testing.assert_allclose(there.model.state_dict()[name], value, rtol=1e-3, atol=1e-6, err_msg=name)
    rows = read_history(outcome.history_path)
    assert rows[-1]["step"] == 8 and rows[-1]["validation"]["score"] > 0


def test_a_machine_that_has_pytorch_alone_trains_it_and_a_killed_window_goes_on(
    tmp_path: Path, bare: dict[str, str]
) -> None:
    with_tiny_preset(max_steps=100_000, checkpoint_every=5)
    parcel = carried_away(request_of(tmp_path), tmp_path)
    out, state = parcel.parent / "carried", parcel.parent / "state"
    command = [sys.executable, "-S", str(parcel / "train.py"), "--device", "cpu", "--out", str(out)]
    seen = subprocess.run(
        [sys.executable, "-S", "-c", "import clock_train"], env=bare, capture_output=True, check=False
    )
    assert b"No module named 'clock_train'" in seen.stderr
    killed = subprocess.Popen([*command, "--window-minutes", "5"], env=bare, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not list(state.rglob("COMMITTED")):
        assert killed.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    killed.kill()
    killed.communicate()
    assert not out.exists()
    # 10 s of a window are for saving: this one trains for what is left after the start
    done = subprocess.run(
        [*command, "--window-minutes", "0.4"], env=bare, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads((out / "carried.json").read_text())
    begun = int(done.stdout.partition("from step ")[2].partition(",")[0])
    assert begun >= 5 and facts["step"] > begun and not facts["isEnded"]
    assert "stopped at the window's end at step" in done.stdout
    assert facts["speed"]["stepsPerSecond"] > 0 and 0 <= facts["speed"]["waitingForDataShare"] < 1
    assert read_history(out / "history.jsonl")[-1]["step"] == facts["step"]


def test_an_interrupt_saves_and_brings_out(tmp_path: Path) -> None:
    with_tiny_preset(max_steps=100_000, checkpoint_every=5)
    parcel = carried_away(request_of(tmp_path), tmp_path)
    out, state = parcel.parent / "carried", parcel.parent / "state"
    command = [sys.executable, str(parcel / "train.py"), "--window-minutes", "5", "--device", "cpu", "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 120
        while not list(state.rglob("COMMITTED")):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert json.loads((out / "carried.json").read_text())["step"] >= 5


def test_a_base_goes_along_and_its_speakers_keep_their_vectors(tmp_path: Path) -> None:
    request = request_of(tmp_path, base=shipped_base(), preset="Demo", max_steps=1, batch_size=2)
    parcel = carried_away(request, tmp_path)
    start, base = load_voice(parcel / "start"), load_voice(shipped_base())
    np.testing.assert_allclose(start.vectors_SE[0], base.vectors_SE.mean(0), atol=1e-3)
    assert start.card.speakers == ["speaker-0"]
    assert window(parcel, "--device", "cpu") == 0
    card = load_voice(adopt_carried(request, parcel.parent / "carried", Notes()).voice_path).card
    assert card.training["baseName"] == base.card.name and card.training["steps"] == 1
    assert card.speakers == ["anna"]


@pytest.mark.parametrize("model", [tiny_model, tiny_teacher])
def test_weights_too_large_for_one_window_come_in_parts(
    tmp_path: Path, model: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with_tiny_preset(
        model=model(), max_steps=4, checkpoint_every=2, discriminators=TINY_JUDGES,
        schedule=ScheduleConfig(hearing_steps=1, contest_from_step=2),
    )  # fmt: skip
    request = request_of(tmp_path)
    parcel = carried_away(request, tmp_path)
    out = parcel.parent / "carried"
    assert window(parcel, "--carry-mib", "0.03") == 0
    facts = json.loads((out / "carried.json").read_text())
    parts = len(facts["weights"]["parts"])
    assert facts["weights"]["precision"] == "int8" and parts > 1
    assert f"part 1 of {parts}" in capsys.readouterr().out
    with pytest.raises(CheckpointDamaged, match=rf"part 2 of {parts} of the weights is missing; bring it as well"):
        adopt_carried(request, out, Notes())
    for number in range(2, parts + 1):
        assert window(parcel, "--part", str(number)) == 0
    assert load_voice(adopt_carried(request, out, Notes()).voice_path).card.training["steps"] == 4
    assert window(parcel, "--part", str(parts + 1)) == 2
    assert f"CheckpointNotFound: there is no part {parts + 1} of {parts}" in capsys.readouterr().err


def test_the_speed_of_a_device_is_a_table_and_trains_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_tiny_preset(batch_size=2, discriminators=TINY_JUDGES)
    parcel = carried_away(request_of(tmp_path), tmp_path)
    assert window(parcel, "--speed", "1", "--device", "cpu") == 0
    out = parcel.parent / "carried"
    rows = json.loads((out / "speed.json").read_text())
    assert [row["batch_size"] for row in rows] == [2, 2, 2, 4, 8]
    assert (out / "speed.md").read_text() in capsys.readouterr().out
    assert not list((parcel.parent / "state").rglob("COMMITTED"))


@pytest.mark.parametrize("options", [["--window-minutes", "0"], ["--carry-mib", "-1"], ["--speed", "0"]])
def test_windows_of_nothing_are_refused(tmp_path: Path, options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(tmp_path, options)
    assert ended.value.code == 2 and f"argument {options[0]}" in capsys.readouterr().err


def test_nobody_is_named_in_it_and_what_is_judged_stays_here(tmp_path: Path) -> None:
    with_tiny_preset()
    request = request_of(tmp_path)
    parcel = carried_away(request, tmp_path)
    content = b"".join(path.read_bytes() for path in parcel.rglob("*") if path.is_file() and path.name != "code.zip")
    assert b"anna" not in content and b"Goodbye" not in content and str(tmp_path).encode() not in content
    packed = load_packed(next(request.output.glob("packed-*.npz")))
    carried = load_packed(parcel / "corpus" / "corpus.npz")
    assert len(carried) == len(packed) - len(packed.of_split(2)) and carried.of_split(2) == []


def test_too_heavy_a_parcel_is_refused_and_says_what_weighs(tmp_path: Path) -> None:
    with_tiny_preset()
    request = request_of(tmp_path)
    words = r"the parcel weighs \d\.\d MiB of at most 0\.2 \(.+: \d.\d\); carry the sound as opus, or raise --carry-mib"
    with pytest.raises(ParcelTooLarge, match=words):
        write_parcel(request, Notes(), codec=Codec.FLAC, carry_mib=0.2)
    assert not list(request.output.glob("parcel*"))


def test_a_damaged_or_foreign_parcel_is_refused(tmp_path: Path) -> None:
    with_tiny_preset()
    parcel = carried_away(request_of(tmp_path), tmp_path)
    plan = json.loads((parcel / "plan.json").read_text())
    (parcel / "plan.json").write_text(json.dumps({**plan, "format": 9}))
    with pytest.raises(ParcelDamaged, match=r"has format 9, its code reads 1; write the parcel anew"):
        read_plan(parcel)
    (parcel / "plan.json").write_text(json.dumps(plan))
    sound = next((parcel / "corpus").glob("sound.*"))
    sound.write_bytes(sound.read_bytes()[:-1])
    with pytest.raises(ParcelDamaged, match=rf"corpus/{sound.name} of the parcel .* is gone or changed; bring"):
        read_plan(parcel)
    (parcel / "plan.json").unlink()
    with pytest.raises(ParcelDamaged, match=r"holds no readable plan\.json"):
        read_plan(parcel)


def test_after_a_consent_ended_nothing_is_trained_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with_tiny_preset()
    parcel = carried_away(request_of(tmp_path), tmp_path)
    plan = json.loads((parcel / "plan.json").read_text())
    (parcel / "plan.json").write_text(json.dumps({**plan, "consentsUntil": "2024-01-01T00:00:00+00:00"}))
    assert window(parcel) == ConsentExpired.exit_code
    assert "ConsentExpired: a consent of these recordings ended on 2024-01-01" in capsys.readouterr().err


def test_a_consent_that_was_taken_back_meanwhile_takes_nothing_over(tmp_path: Path) -> None:
    with_tiny_preset(max_steps=2, checkpoint_every=2)
    write_corpus(tmp_path / "corpus", speaker="bea")
    request = request_of(tmp_path)
    parcel = carried_away(request, tmp_path)
    assert window(parcel) == 0
    record = next(iter(request.corpora[0].glob("consent*.json")))
    Installation().consents().revoke(json.loads(record.read_text())["id"], now=datetime.now(UTC))
    with pytest.raises(ConsentRevoked):
        adopt_carried(request, parcel.parent / "carried", Notes())


def test_weights_of_another_training_or_of_none_are_refused(tmp_path: Path) -> None:
    with_tiny_preset(max_steps=2, checkpoint_every=2)
    request = request_of(tmp_path)
    with pytest.raises(CheckpointNotFound, match=r"holds no readable carried\.json .*wrote with --out"):
        adopt_carried(request, tmp_path / "nowhere", Notes())
    parcel = carried_away(request, tmp_path)
    assert window(parcel) == 0
    other = replace(request, seed=7, output=tmp_path / "other")
    with pytest.raises(CheckpointMismatch, match=r"are of training \w+, these recordings and settings are \w+; give"):
        adopt_carried(other, parcel.parent / "carried", Notes())
    assert not (tmp_path / "other" / "voice").exists()
