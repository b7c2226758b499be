"""How fast the judges are on one core: seconds of sound judged for each second of CPU, all of them on the same sounds.

Recordings with faint and with loud noise stand in for a resynthesis and for speech: what a judge costs depends on the
length of the sound and, for the recognisers, on how hard it is to understand.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clock_train.cli.measurements.isolation import answer
from clock_train.cli.measurements.synthetic import speechlike

if TYPE_CHECKING:
    from clock_train.evaluation.scores import EvaluationItem

SHORTEST_S, LONGEST_S = 1.5, 7.0
"""Of a sentence; prompts of one word and long menus say little about the others."""
SYNTHETIC_S = 2.5
RESYNTHESIS_SNR_DB, SPEECH_SNR_DB = 30.0, 10.0
ALL, WITHOUT_RECOGNISERS = "all together", "all but the recognisers"


def measure_judges(*, recordings: str | None, num_sentences: int) -> dict[str, float]:
    """Times real time by judge, and of all together with and without the recognisers.

    Args:
        recordings: folder to take sentences from; None makes synthetic ones, which nobody understands.
        num_sentences: judged, each with a resynthesis.
    """
    from clock_train.evaluation.judge_speed import together, without_recognisers
    from clock_train.evaluation.report import evaluate

    sentences = list(_sentences(recordings, num_sentences))
    report = evaluate([_item(n, text, sound) for n, (text, sound) in enumerate(sentences)])
    found = {speed.judge: speed.times_real_time for speed in report.speeds}
    for name, speeds in ((ALL, report.speeds), (WITHOUT_RECOGNISERS, without_recognisers(report.speeds))):
        value = together(speeds)
        if value is not None:
            found[name] = value
    return {**found, "sentences": len(sentences), "seconds": sum(len(sound) for _, sound in sentences) / 16_000}


def _sentences(recordings: str | None, count: int) -> Iterator[tuple[str, np.ndarray]]:
    if recordings is None:
        yield from ((f"sentence number {n}", speechlike(SYNTHETIC_S, n)) for n in range(count))
        return
    from clock_train.audio.reading import read_waveform
    from clock_train.data.layouts import recognise

    spoken = [each for each in recognise(Path(recordings)).recordings if each.text and not each.reasons]
    for each in spoken[:: max(1, len(spoken) // (4 * count))]:
        sound = read_waveform(each.path, sample_rate_hz=16_000)
        if SHORTEST_S <= len(sound) / 16_000 <= LONGEST_S:
            yield each.text, sound
            count -= 1
        if not count:
            return


def _item(number: int, text: str, sound: np.ndarray) -> EvaluationItem:
    from clock_train.evaluation.forced_alignment import WordTiming
    from clock_train.evaluation.scores import EvaluationItem
    from clock_train.evaluation.spoken_words import spoken_words

    words = spoken_words(text)
    each_s = len(sound) / 16_000 / max(1, len(words))
    return EvaluationItem(
        id=f"sentence-{number}",
        text=text,
        natural=sound,
        generated=_noisy(sound, SPEECH_SNR_DB, number),
        resynthesis=_noisy(sound, RESYNTHESIS_SNR_DB, number),
        words=tuple(
            WordTiming(index=n, word=word, start_s=n * each_s, end_s=(n + 1) * each_s) for n, word in enumerate(words)
        ),
    )


def _noisy(sound: np.ndarray, snr_db: float, seed: int) -> np.ndarray:
    level = float(np.sqrt(np.mean(sound**2))) * 10 ** (-snr_db / 20)
    return (sound + np.random.default_rng(seed).normal(0.0, level, len(sound))).astype(np.float32)


if __name__ == "__main__":
    answer(measure_judges)
