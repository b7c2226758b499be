"""What a listener is played of a voice is marked: making a test levels its sounds and takes nothing else away."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from marking import DAY, PAYLOAD, RATE_HZ, marked, speech, tenant

from clock_train.audio.reading import read_waveform
from clock_train.audio.writing import write_wav
from clock_train.listening.making import MakingRequest, make_test
from clock_train.watermark.detect import NARROW_SEARCH, detect

KEY = tenant().embedding_key(DAY)


@pytest.fixture
def evaluation(tmp_path: Path) -> Path:
    """As ``clocktrain evaluate`` leaves it: recordings, and what the voice said."""
    for n in range(3):
        folder = tmp_path / "evaluation" / "held-out" / f"sentence-{n}"
        folder.mkdir(parents=True)
        write_wav(folder / "natural.wav", speech(5.0, seed=n), RATE_HZ)
        write_wav(folder / "generated.wav", 0.3 * marked(speech(5.0, seed=9 + n), KEY, request_id=f"{n}"), RATE_HZ)
    return tmp_path / "evaluation"


def test_the_sounds_of_a_voice_in_a_listening_test_are_marked_and_the_recordings_are_not(
    evaluation: Path, tmp_path: Path
) -> None:
    made = make_test(MakingRequest(evaluations={"anna": evaluation}, output=tmp_path / "test"))
    files = {path.stem: path for path in made.folder.rglob("*.wav")}
    found = {
        stimulus.id: detect(read_waveform(files[stimulus.id]), [KEY], speeds=NARROW_SEARCH)
        for stimulus in made.test.stimuli
    }
    of_voice = [found[each.id] for each in made.test.stimuli if each.system == "anna"]
    assert len(of_voice) == 3 and all(each.payload == PAYLOAD for each in of_voice)
    others = [found[each.id] for each in made.test.stimuli if each.system != "anna"]
    assert len(others) > 3 and not any(each.is_detected for each in others)
    assert np.isfinite(made.test.loudness_lufs)
