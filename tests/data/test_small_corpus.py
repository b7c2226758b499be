"""A corpus that is carried: as small as it says, the same clips at the same samples, and nobody's name in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clock_train.data.packed_file import PackedCorpus
from clock_train.data.small_corpus import anonymous, bundled_sndfile, read_small, write_small
from clock_train.data.sound_codec import Codec
from clock_train.data.splits import TEST, TRAIN, VALIDATION
from clock_train.errors import ConfigError, CorpusDamaged

LIBRARY = bundled_sndfile()
RATE_HZ = 16_000


def corpus(*seconds: float) -> PackedCorpus:
    """Clips of speech-like sound: tones that swell, each of its own pitch."""
    waves = []
    for number, length in enumerate(seconds):
        at = np.arange(int(length * RATE_HZ)) / RATE_HZ
        voiced = sum(np.sin(2 * np.pi * (110 + 17 * number) * k * at) / k for k in range(1, 20))
        waves.append((6_000 * voiced * np.sin(np.pi * at / length) ** 2).astype(np.int16))
    count = len(seconds)
    offsets = np.concatenate([[0], np.cumsum([len(wave) for wave in waves])]).astype(np.int64)
    return PackedCorpus(
        sample_rate_hz=RATE_HZ,
        inventory_id="i",
        speakers=["anna", "bert"],
        clip_ids=[f"anna-{i}" for i in range(count)],
        texts=[f"secret {i}" for i in range(count)],
        languages=["en"] * count,
        styles=[""] * count,
        emotions=[""] * count,
        samples=np.concatenate(waves),
        sample_offsets=offsets,
        tokens=np.arange(3 * 2 * count).reshape(3, -1),
        token_offsets=np.arange(count + 1) * 2,
        speaker_of=np.arange(count) % 2,
        split_of=np.array([TRAIN, TEST, VALIDATION, TRAIN, TRAIN][:count]),
        speed_percent=np.arange(count, dtype=np.float32),
    )


def folder_of(packed: PackedCorpus, path: Path, codec: Codec) -> Path:
    path.mkdir()
    write_small(packed, path, codec)
    return path


def test_flac_gives_every_sample_back(tmp_path: Path) -> None:
    packed = corpus(0.31, 2.0, 0.05, 1.7)
    again = read_small(folder_of(packed, tmp_path / "carried", Codec.FLAC), library=LIBRARY)
    np.testing.assert_array_equal(again.samples, packed.samples)
    np.testing.assert_array_equal(again.tokens, packed.tokens)
    assert again.clip_ids == packed.clip_ids


def test_opus_is_an_eighth_and_stays_in_its_place_to_the_last_clip(tmp_path: Path) -> None:
    packed = corpus(*[1.3] * 40)
    packed = replace(packed, split_of=np.zeros(40, np.int64))
    path = folder_of(packed, tmp_path / "carried", Codec.OPUS)
    again = read_small(path, library=LIBRARY)
    for i in (0, 20, 39):
        own, heard = packed.waveform(i), again.waveform(i)
        assert float(np.corrcoef(own, heard)[0, 1]) > 0.98, f"clip {i}"
        lags = [float(np.dot(own[8:-8], np.roll(heard, lag)[8:-8])) for lag in range(-8, 9)]
        assert int(np.argmax(lags)) == 8, "not a sample early or late"
    assert (path / "sound.opus").stat().st_size < packed.samples.nbytes / 6


def test_what_is_carried_is_what_training_reads_and_names_nobody(tmp_path: Path) -> None:
    packed = corpus(0.5, 0.6, 0.7, 0.8)
    carried = anonymous(packed, (TRAIN, VALIDATION))
    assert len(carried) == 3 and TEST not in carried.split_of
    np.testing.assert_array_equal(carried.waveform(1), packed.waveform(2))
    np.testing.assert_array_equal(carried.ids(2), packed.ids(3))
    assert list(carried.speaker_of) == [0, 0, 1] and list(carried.speed_percent) == [0, 2, 3]
    path = folder_of(carried, tmp_path / "carried", Codec.FLAC)
    content = b"".join(each.read_bytes() for each in path.iterdir())
    assert not any(word in content for word in (b"anna", b"bert", b"secret"))


@pytest.mark.parametrize("left", [0.3, 0.95])
def test_sound_that_was_cut_off_is_refused(tmp_path: Path, left: float) -> None:
    path = folder_of(corpus(2.0, 2.0, 2.0), tmp_path / "carried", Codec.FLAC)
    sound = path / "sound.flac"
    sound.write_bytes(sound.read_bytes()[: int(sound.stat().st_size * left)])
    with pytest.raises(CorpusDamaged, match=r"bring the parcel again"):
        read_small(path, library=LIBRARY)


def test_what_is_not_there_or_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(CorpusDamaged, match=r"has no corpus.npz; bring the parcel again"):
        read_small(tmp_path, library=LIBRARY)
    path = folder_of(corpus(0.5), tmp_path / "carried", Codec.FLAC)
    (path / "sound.opus").write_bytes(b"")
    with pytest.raises(CorpusDamaged, match=r"holds 2 files of sound, and not one"):
        read_small(path, library=LIBRARY)
    (path / "sound.opus").unlink()
    (path / "sound.flac").write_bytes(b"no sound")
    with pytest.raises(CorpusDamaged, match=r"cannot be read .*bring the parcel again"):
        read_small(path, library=LIBRARY)
    no_library = tmp_path / "libsndfile.so"
    no_library.write_bytes(b"no library")
    with pytest.raises(ConfigError, match=r"libsndfile, which reads the sound, cannot be loaded .*Debian: libsndfile1"):
        read_small(path, library=no_library)


def test_rates_that_opus_has_not_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Opus has no 22050 Hz; carry this corpus as flac"):
        write_small(replace(corpus(0.5), sample_rate_hz=22_050), tmp_path, Codec.OPUS)
    with pytest.raises(ConfigError, match=r"Opus at 1000 bit/s; give 6000 to 256000"):
        write_small(corpus(0.5), tmp_path, Codec.OPUS, opus_bits=1_000)
