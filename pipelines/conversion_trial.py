"""Recordings of each speaker converted into each other one, scored, and what awaiting less costs; for docs/quality.md.

    python pipelines/conversion_trial.py corpus-en corpus-es corpus-it corpus-ru corpus-fr

Held-out recordings of each corpus. Alike: likeness of the result to the target's recordings, and beside it to those of
whoever was recorded. The second table is of a stream that awaits less: its delay, how far its samples are from those of
the whole recording (mean square of the difference over that of the sound, in dB), and the CPU time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from clock_train.data.manifest import read_corpus
from clock_train.data.packing import pack
from clock_train.evaluation.speaker_similarity import embedding_similarity, embeddings, heard_parts
from clock_train.models.conversion import Conversion, ConvertingStream
from clock_train.models.speech import Voice
from clock_train.orchestration.held_out import held_out_clips
from clock_train.orchestration.shipped_base import shipped_base

AHEADS = (0, 4, 8, 16, 32, 64)


def main() -> None:
    """Convert and judge all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", type=Path, nargs="+", help="one speaker each")
    parser.add_argument("--voice", type=Path, help="by default the base that comes along")
    parser.add_argument("--sentences", type=int, default=6, help="of each speaker")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    voice = Voice.load(asked.voice or shipped_base())
    heard: dict[str, list[np.ndarray]] = {}
    for path in asked.corpora:
        packed, _ = pack([read_corpus(path)])
        speaker = packed.speakers[0]
        heard[speaker] = [packed.waveform(i) for i in held_out_clips(packed, speaker=speaker)[: asked.sentences]]
    vectors = {speaker: _vectors(sounds) for speaker, sounds in heard.items()}
    targets = [name for name in voice.card.speakers if name in heard]
    print(f"| from, to | {' | '.join(targets)} |\n|{'---|' * (len(targets) + 1)}")
    for source, sounds in heard.items():
        known = source if source in voice.card.speakers else None
        cells = []
        for target in targets:
            conversion = voice.conversion(speaker=target, source=known)
            made = _vectors([conversion.convert(sound) for sound in sounds])
            cells.append(f"{_alike(made, vectors[target]):.3f}, {_alike(made, vectors[source]):.3f}")
        print(f"| {source}{'' if known else ' (unknown to the voice)'} | {' | '.join(cells)} |", flush=True)
    first, second = (name for name in targets[:2])
    _delays(voice.conversion(speaker=second, source=first), heard[first][0])


def _vectors(sounds: Sequence[np.ndarray]) -> list[np.ndarray]:
    return embeddings([heard_parts(sound) for sound in sounds])


def _alike(made: Sequence[np.ndarray], recordings: Sequence[np.ndarray]) -> float:
    return float(np.mean([embedding_similarity(each, recordings) for each in made]))


def _delays(conversion: Conversion, sound: np.ndarray) -> None:
    whole, rate = conversion.convert(sound), conversion.model.config.mel.sample_rate_hz
    print("\n| awaited | delay | difference | CPU time for a second |\n|---|---|---|---|")
    for ahead in (*AHEADS, conversion.reach_frames):
        stream, began = ConvertingStream(conversion, ahead_frames=ahead), time.process_time()
        parts = [stream.push(sound[at : at + 1_600]) for at in range(0, len(sound), 1_600)]
        spoken = np.concatenate([*parts, stream.finish()])
        spent = (time.process_time() - began) / (len(sound) / rate)
        off = 10 * np.log10(np.mean((spoken - whole) ** 2) / np.mean(whole**2) + 1e-12)
        milliseconds = ahead * conversion.hop_samples / rate * 1000
        print(f"| {milliseconds:.0f} ms | {stream.delay_s * 1000:.0f} ms | {off:.0f} dB | {spent:.3f} s |")


if __name__ == "__main__":
    main()
