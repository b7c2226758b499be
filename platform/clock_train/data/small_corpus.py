"""A packed corpus small enough to carry: only what training reads, its sound in one compressed stream, nobody's name.

Two hours at 16 kHz are 230 MB of int16, 31 MB as Opus at 32 kbit/s. The stream is written by libsndfile and read by it
through ctypes, so that the machine that trains needs numpy and that one library, and no Python package of it.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from clock_train.data.packed_file import PackedCorpus, load_packed, offsets, save_packed
from clock_train.data.sound_codec import Codec
from clock_train.errors import ConfigError, CorpusDamaged

PARCEL = "parcel"
"""The folder, below a training's output, of a training that is carried to another machine."""
TABLES, SOUND = "corpus.npz", "sound"
SNDFILE = "libsndfile_x86_64.so"
GAP_SAMPLES = 640
"""Silence between two clips, 40 ms at 16 kHz: a codec's frame then never mixes two of them."""
BLOCK_SAMPLES = 16_000
OPUS_RATES_HZ = (8_000, 12_000, 16_000, 24_000, 48_000)
LEAST_BITS, MOST_BITS = 6_000, 256_000
"""A second and channel; libsndfile maps its compression level onto these."""


def bundled_sndfile() -> Path:
    """The libsndfile that comes with the ``soundfile`` of this Python, for a machine that has none."""
    spec = find_spec("_soundfile_data")
    assert spec is not None and spec.submodule_search_locations, "soundfile's wheel brings its library"
    return Path(next(iter(spec.submodule_search_locations))) / SNDFILE


def anonymous(packed: PackedCorpus, splits: Sequence[int]) -> PackedCorpus:
    """The clips of some splits without what only people need: names of speakers and clips, and texts.

    Speakers keep their numbers. What a clip says is still in its phones and its sound.
    """
    kept = [i for i in range(len(packed)) if packed.split_of[i] in splits]
    waves = [packed.pcm(i) for i in kept]
    return replace(
        packed,
        speakers=[f"speaker-{number}" for number in range(len(packed.speakers))],
        clip_ids=[packed.public_id(i) for i in kept],
        texts=["" for _ in kept],
        languages=[packed.languages[i] for i in kept],
        styles=[packed.styles[i] for i in kept],
        emotions=[packed.emotions[i] for i in kept],
        samples=np.concatenate([packed.samples[:0], *waves]),
        sample_offsets=offsets(list(map(len, waves))),
        tokens=np.concatenate([packed.tokens[:, :0], *(packed.ids(i) for i in kept)], axis=1),
        token_offsets=offsets([packed.ids(i).shape[1] for i in kept]),
        speaker_of=packed.speaker_of[kept],
        split_of=packed.split_of[kept],
        speed_percent=packed.speed_percent[kept],
    )


def write_small(packed: PackedCorpus, folder: Path, codec: Codec, *, opus_bits: int = 32_000) -> None:
    """Write ``corpus.npz`` and ``sound.*`` into a folder.

    Args:
        packed: whose samples are written.
        folder: there already.
        codec: of the sound.
        opus_bits: a second, 6,000 to 256,000.

    Raises:
        ConfigError: a bit rate or a sample rate that Opus has not.
    """
    import soundfile  # written here only; the reader has no such package

    if not LEAST_BITS <= opus_bits <= MOST_BITS:
        raise ConfigError(f"Opus at {opus_bits} bit/s; give {LEAST_BITS} to {MOST_BITS}")
    if codec is Codec.OPUS and packed.sample_rate_hz not in OPUS_RATES_HZ:
        raise ConfigError(f"Opus has no {packed.sample_rate_hz} Hz; carry this corpus as flac")
    save_packed(replace(packed, samples=packed.samples[:0]), folder / TABLES)
    path = folder / f"{SOUND}.{codec.value}"
    container, subtype = ("OGG", "OPUS") if codec is Codec.OPUS else ("FLAC", "PCM_16")
    level = 1.0 - (opus_bits - LEAST_BITS) / (MOST_BITS - LEAST_BITS) if codec is Codec.OPUS else 0.8
    gap = np.zeros(GAP_SAMPLES, np.int16)
    with soundfile.SoundFile(
        path, "w", packed.sample_rate_hz, 1, subtype, format=container, compression_level=level
    ) as file:
        for i in range(len(packed)):
            clip = packed.pcm(i)
            for start in range(0, len(clip), BLOCK_SAMPLES):  # libsndfile's encoders fail on very long blocks
                file.write(clip[start : start + BLOCK_SAMPLES])
            file.write(gap)


def read_small(folder: Path, *, library: Path | None = None) -> PackedCorpus:
    """The corpus that ``write_small`` wrote, with its samples.

    Args:
        folder: with both files.
        library: of libsndfile; by default the machine's.

    Raises:
        CorpusDamaged: a file is gone or cut off.
        ConfigError: there is no libsndfile, or it cannot be loaded on this machine.
    """
    if not (folder / TABLES).is_file():
        raise CorpusDamaged(f'"{folder}" has no {TABLES}; bring the parcel again')
    packed = load_packed(folder / TABLES)
    sounds = sorted(folder.glob(f"{SOUND}.*"))
    if len(sounds) != 1:
        raise CorpusDamaged(f'"{folder}" holds {len(sounds)} files of sound, and not one; bring the parcel again')
    lengths = np.diff(packed.sample_offsets)
    starts = np.cumsum(lengths + GAP_SAMPLES) - (lengths + GAP_SAMPLES)
    wanted = int(lengths.sum()) + GAP_SAMPLES * len(lengths)
    samples = np.zeros(int(lengths.sum()), np.int16)
    heard, clip = 0, 0
    for block in _blocks(sounds[0], packed.sample_rate_hz, library):
        begin, heard = heard, heard + len(block)
        while clip < len(lengths) and starts[clip] < heard:  # a block may end one clip and hold all of the next
            first, last = max(begin, int(starts[clip])), min(heard, int(starts[clip] + lengths[clip]))
            at = int(packed.sample_offsets[clip]) + first - int(starts[clip])
            samples[at : at + max(0, last - first)] = block[first - begin : max(first, last) - begin]
            if starts[clip] + lengths[clip] > heard:
                break
            clip += 1
    if heard < wanted - GAP_SAMPLES:  # a codec may keep less of the last silence
        raise CorpusDamaged(
            f'"{sounds[0]}" ends after {heard / packed.sample_rate_hz:.1f} s of {wanted / packed.sample_rate_hz:.1f}; '
            "bring the parcel again"
        )
    return replace(packed, samples=samples)


class _Info(ctypes.Structure):
    """``SF_INFO`` of sndfile.h."""

    _fields_ = (
        ("frames", ctypes.c_int64),
        ("samplerate", ctypes.c_int),
        ("channels", ctypes.c_int),
        ("format", ctypes.c_int),
        ("sections", ctypes.c_int),
        ("seekable", ctypes.c_int),
    )


_READ = 0x10
"""``SFM_READ``."""


def _blocks(path: Path, sample_rate_hz: int, library: Path | None) -> Iterator[np.ndarray]:
    """(N,) int16 one after another."""
    with _opened(path, library) as (sndfile, handle, info):
        if info.samplerate != sample_rate_hz or info.channels != 1:
            raise CorpusDamaged(
                f'"{path}" has {info.channels} channels at {info.samplerate} Hz, its corpus one at '
                f"{sample_rate_hz} Hz; bring the parcel again"
            )
        # floats: a decoder may pass full scale, and libsndfile wraps integers there
        buffer = np.empty(BLOCK_SAMPLES, np.float32)
        place = buffer.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        while (count := sndfile.sf_readf_float(handle, place, len(buffer))) > 0:
            scaled = np.round(buffer[:count] * 32768.0)
            yield np.clip(scaled, -32768, 32767).astype(np.int16)


@contextmanager
def _opened(path: Path, library: Path | None) -> Iterator[tuple[ctypes.CDLL, int, _Info]]:
    sndfile, info = _library(library), _Info()
    handle = sndfile.sf_open(str(path).encode(), _READ, ctypes.byref(info))
    if not handle:
        why = sndfile.sf_strerror(None).decode(errors="replace")
        raise CorpusDamaged(f'"{path}" cannot be read ({why}); bring the parcel again')
    try:
        yield sndfile, handle, info
    finally:
        sndfile.sf_close(handle)


def _library(path: Path | None) -> ctypes.CDLL:
    name = str(path) if path is not None else ctypes.util.find_library("sndfile")
    try:
        if name is None:
            raise OSError("there is none")
        sndfile = ctypes.CDLL(name)
    except OSError as error:
        raise ConfigError(
            f"libsndfile, which reads the sound, cannot be loaded on this {sys.platform} machine ({error}); "
            "install it (Debian: libsndfile1), and start again"
        ) from error
    sndfile.sf_open.restype = ctypes.c_void_p
    sndfile.sf_open.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.POINTER(_Info)]
    sndfile.sf_readf_float.restype = ctypes.c_int64
    sndfile.sf_readf_float.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_float), ctypes.c_int64]
    sndfile.sf_strerror.restype = ctypes.c_char_p
    sndfile.sf_strerror.argtypes = [ctypes.c_void_p]
    sndfile.sf_close.argtypes = [ctypes.c_void_p]
    return sndfile
