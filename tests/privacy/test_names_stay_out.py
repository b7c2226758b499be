"""The person's name is in the recordings' folder and file names; logs, MLflow and metrics have the pseudonym only."""

from __future__ import annotations

import io
import logging
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "orchestration"))
from small_voice import Notes, with_tiny_preset  # pyright: ignore[reportMissingImports]

from clock_train.cli.measurements.synthetic import write_recordings
from clock_train.data.build import build_corpus
from clock_train.issuing.installation import Installation
from clock_train.orchestration.bundle_export import export_bundle
from clock_train.orchestration.consents import keep_licence
from clock_train.orchestration.presets import PRESETS
from clock_train.orchestration.run_tracking import RunTracking
from clock_train.orchestration.training_preparation import TrainRequest
from clock_train.orchestration.training_session import train
from clock_train.serving.bundle_voice import BundleVoice
from clock_train.tracking.target import local_target

NAME = re.compile(rb"weimin|zhang|\xe5\xbc\xa0\xe4\xbc\x9f\xe6\xb0\x91", re.IGNORECASE)
pytestmark = [pytest.mark.ring2, pytest.mark.timeout(300)]


@pytest.fixture(autouse=True)
def tiny_preset() -> object:
    with_tiny_preset(max_steps=4, checkpoint_every=4)
    yield
    del PRESETS["Tiny"]


def test_a_name_reaches_no_log_no_run_and_no_sound(tmp_path: Path) -> None:
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    logging.getLogger().addHandler(handler)
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.DEBUG)
    try:
        recordings = tmp_path / "Zhang Weimin 张伟民"
        write_recordings(recordings, 14)
        for path in list(recordings.iterdir()):
            path.rename(path.with_name(f"Zhang_Weimin_张伟民-{path.name}"))
        build_corpus(recordings, tmp_path / "corpus", speaker="s1")
        keep_licence(tmp_path / "corpus", licence="none", licence_uri="", attribution="generated sounds of nobody")
        notes, output = Notes(), tmp_path / "out"
        tracking = RunTracking(output, local_target(output), warn=notes.warn, grace_s=60.0)
        train(TrainRequest(corpora=[tmp_path / "corpus"], output=output, preset="Tiny", device="cpu"), notes, tracking)
        tracking.evaluated({"speaker_similarity/speech": 0.5}, {})
        tracking.finish()
        export_bundle(output / "voice", tmp_path / "bundle")
        BundleVoice.open(tmp_path / "bundle").say("Good morning.")
    finally:
        logging.getLogger().removeHandler(handler)
        logging.getLogger().setLevel(level)
    told = " ".join([said.getvalue(), *notes.notes, *notes.warnings, *notes.stages]).encode()
    assert not NAME.search(told)
    # a packed corpus is the recordings themselves, beside their texts, and is no log
    found = [
        path
        for folder in (output, tmp_path / "bundle", Installation().folder)
        for path in sorted(folder.rglob("*"))
        if not path.name.startswith("packed-") and "/packed/" not in str(path)
        if NAME.search(str(path.relative_to(folder)).encode()) or (path.is_file() and NAME.search(path.read_bytes()))
    ]
    assert found == []
    assert (output / "tracking").is_dir() or any(output.rglob("mlflow.db"))
