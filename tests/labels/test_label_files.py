"""Labels in every kind of file, read back by ourselves and by stock tools."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from clock_train.audio.reading import probe, read_waveform
from clock_train.audit.signing import Signer, open_signer
from clock_train.errors import AudioNotFound, ConfigValueInvalid, LabelInvalid, LabelMissing, LabelUnwritable
from clock_train.labels.audible import RHYTHM, rhythm, with_rhythm
from clock_train.labels.claim import Origin
from clock_train.labels.files import KINDS, check_file, read_labels, write_labelled
from clock_train.labels.profile import LabelConfig, Profile

ORIGIN = Origin(payload="00400100c2b5", request_id="request-1", created="2026-06-01T12:00:00+00:00")
CN = LabelConfig(profile=Profile.CN, content_producer="91110000MA00000000")
TONE = (0.3 * np.sin(np.arange(32_000) * 0.1)).astype(np.float32)
GB_FIELDS = [
    "ContentProducer", "ContentPropagator", "Label", "ProduceID", "PropagateID", "ReservedCode1", "ReservedCode2",
]  # fmt: skip


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return open_signer(tmp_path / "signing.key")


def written(path: Path, signer: Signer, *, config: LabelConfig = CN, sound: np.ndarray = TONE) -> Path:
    write_labelled(path, sound, 16_000, origin=ORIGIN, config=config, signer=signer)
    return path


@pytest.mark.parametrize("suffix", KINDS)
def test_labels_are_read_back_and_belong_to_the_sound(suffix: str, tmp_path: Path, signer: Signer) -> None:
    path = written(tmp_path / f"a{suffix}", signer)
    labels = check_file(path, public_key=signer.public_key)
    assert labels.claim is not None and labels.claim["payload"] == ORIGIN.payload
    assert labels.claim["digitalSourceType"].endswith("trainedAlgorithmicMedia")
    assert labels.aigc is not None and sorted(labels.aigc) == GB_FIELDS
    assert (labels.aigc["Label"], labels.aigc["ContentProducer"]) == ("1", "91110000MA00000000")
    assert labels.aigc["ProduceID"] == "request-1"
    assert probe(path).seconds == pytest.approx(2.0, abs=0.2)  # frames of 64 ms before and after
    assert float(np.abs(read_waveform(path)).max()) == pytest.approx(0.3, abs=0.05)


# mutagen is GPL: it never runs in our process
MUTAGEN = """
import json, sys, mutagen
from mutagen.id3 import ID3
path = sys.argv[1]
tags = ID3(path) if path.endswith(".aac") else mutagen.File(path).tags
print(json.dumps({str(key): str(value[0] if isinstance(value, list) else value) for key, value in tags.items()}))
"""


@pytest.mark.parametrize("suffix", KINDS)
def test_mutagen_shows_the_fields(suffix: str, tmp_path: Path, signer: Signer) -> None:
    path = written(tmp_path / f"a{suffix}", signer)
    command = [sys.executable, "-c", MUTAGEN, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    tags = json.loads(done.stdout)
    texts = [text for name, text in tags.items() if "AIGC" in name.upper() or "CMT" in name.upper()]
    assert texts, tags
    shown = json.loads(texts[0])
    assert shown.get("AIGC", shown)["ProduceID"] == "request-1"


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is not installed")
@pytest.mark.parametrize("suffix", KINDS)
def test_ffprobe_shows_the_fields(suffix: str, tmp_path: Path, signer: Signer) -> None:
    path = written(tmp_path / f"a{suffix}", signer)
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_streams", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert "request-1" in done.stdout and "ContentProducer" in done.stdout


def test_the_profiles_say_what_is_written(tmp_path: Path, signer: Signer) -> None:
    eu = written(tmp_path / "eu.flac", signer, config=LabelConfig())
    assert read_labels(eu).aigc is None and check_file(eu).claim is not None
    with pytest.raises(LabelMissing, match=r"has no label\. It may still carry a mark"):
        read_labels(written(tmp_path / "none.flac", signer, config=LabelConfig(profile=Profile.NONE)))
    with pytest.raises(ConfigValueInvalid, match="contentProducer is empty"):
        LabelConfig(content_producer=" ")


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".opus"])
def test_a_label_moved_to_another_sound_is_refused(suffix: str, tmp_path: Path, signer: Signer) -> None:
    import av

    from clock_train.labels import files

    path = written(tmp_path / f"a{suffix}", signer)
    labels = read_labels(path)
    other = written(tmp_path / f"b{suffix}", signer, config=LabelConfig(profile=Profile.NONE), sound=-0.5 * TONE)
    kind = files.kind_of(other)
    other.write_bytes(files._with_tags(other.read_bytes(), kind, {files.CLAIM: labels.claim}))
    with pytest.raises(LabelInvalid, match="belongs to another sound"):
        check_file(other)
    assert av.open(str(other)).streams.audio  # still a sound file


def test_a_changed_label_and_another_signer_are_refused(tmp_path: Path, signer: Signer) -> None:
    path = written(tmp_path / "a.wav", signer)
    with pytest.raises(LabelInvalid, match="signature does not match"):
        check_file(path, public_key=open_signer(tmp_path / "other.key").public_key)
    path.write_bytes(path.read_bytes().replace(b"request-1", b"request-2"))
    with pytest.raises(LabelInvalid, match="signature does not match"):
        check_file(path)


def test_what_has_no_label_says_so(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(LabelMissing, match="is no sound file"):
        read_labels(tmp_path / "text.wav")
    with pytest.raises(AudioNotFound, match="there is no file"):
        read_labels(tmp_path / "none.wav")


def test_another_kind_of_file_is_refused_before_anything_is_written(tmp_path: Path, signer: Signer) -> None:
    with pytest.raises(LabelUnwritable, match="give one of wav, flac, mp3, opus, aac, m4a"):
        written(tmp_path / "a.wma", signer)
    assert not (tmp_path / "a.wma").exists()


def test_the_audible_label_is_short_long_short_short() -> None:
    tones = rhythm(16_000)
    # 5 ms without a sound end a tone; zero crossings of 1 kHz are shorter
    loud = np.convolve(np.abs(tones) > 1e-3, np.ones(80), mode="same") > 0
    edges = np.flatnonzero(np.diff(np.concatenate([[False], loud, [False]]).astype(int)))
    lengths = np.diff(edges)[::2] / 16_000
    assert lengths == pytest.approx(RHYTHM, abs=0.01)
    assert lengths[1] > 2 * lengths[0]
    both = with_rhythm(TONE, 16_000)
    assert np.array_equal(both[len(tones) :], TONE)


def test_a_long_file_is_read_in_little_memory_whatever_its_name(tmp_path: Path, signer: Signer) -> None:
    path = written(tmp_path / "file:of an hour.wav", signer, sound=np.tile(TONE, 1800))
    code = (
        "import sys; from pathlib import Path; from clock_train.labels.files import check_file; import av; "
        "from clock_train.cli.measurements.isolation import peak_memory_gb; "
        "before = peak_memory_gb(); check_file(Path(sys.argv[1])); "
        "print(round(1e6 * (peak_memory_gb() - before)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert path.stat().st_size > 110e6 and int(done.stdout) < 40_000  # kB
