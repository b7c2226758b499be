"""How fast recordings become a corpus, and a corpus features: seconds of sound for each second of CPU."""

from __future__ import annotations

import tempfile
from pathlib import Path

from clock_train.cli.measurements.isolation import CpuClock, answer
from clock_train.cli.measurements.synthetic import speechlike, write_recordings


def measure_preparation(*, recordings: str | None, num_clips: int, feature_seconds: float) -> dict[str, float]:
    """Build a corpus, then compute features.

    Args:
        recordings: folder to build from; None makes ``num_clips`` synthetic ones.
        num_clips: of the synthetic recordings.
        feature_seconds: length of the sound whose features are computed, in clips of five seconds.
    """
    from clock_train.audio.features import features
    from clock_train.data.build import build_corpus

    with tempfile.TemporaryDirectory() as temporary:
        source = Path(recordings) if recordings else Path(temporary) / "recordings"
        if recordings is None:
            write_recordings(source, num_clips)
        clock = CpuClock()
        corpus = build_corpus(source, Path(temporary) / "corpus", speaker="bench")
        build_cpu_s = clock.seconds()
    clips = [speechlike(5.0, seed) for seed in range(max(1, int(feature_seconds / 5)))]
    features(clips[0])  # makes the filterbank and windows, once a process
    clock = CpuClock()
    for clip in clips:
        features(clip)
    return {
        "build_times_real_time": sum(clip.seconds for clip in corpus.clips) / build_cpu_s,
        "build_audio_seconds": sum(clip.seconds for clip in corpus.clips),
        "features_times_real_time": 5.0 * len(clips) / clock.seconds(),
    }


if __name__ == "__main__":
    answer(measure_preparation)
