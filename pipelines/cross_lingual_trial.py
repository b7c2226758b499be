"""Each speaker of a voice in each language, scored; prints the two tables of docs/quality.md.

    python pipelines/cross_lingual_trial.py corpus-en corpus-es corpus-it corpus-ru corpus-fr corpus-zh

The sentences are the held-out ones of each corpus. Similarity is to the speaker's own held-out recordings, whatever the
language; errors are those of the language's recogniser (words of English, phones by a judge trained on the training
split of the others), whose error on the recordings is the last row. A corpus of synthetic speech has a judge that only
ever heard that synthesiser: what it says is no quality.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from clock_train.data.manifest import read_corpus
from clock_train.data.packing import PackedCorpus, pack
from clock_train.errors import WaveformUnjudgeable
from clock_train.evaluation.phone_recogniser import PhoneRecogniser
from clock_train.evaluation.recogniser import word_errors
from clock_train.evaluation.speaker_similarity import embedding_similarity, embeddings, heard_parts
from clock_train.models.speech import Voice
from clock_train.orchestration.held_out import held_out_clips
from clock_train.orchestration.phone_judge import heard_phones, phone_judge
from clock_train.orchestration.shipped_base import shipped_base
from clock_train.text.frontend import phonemize


def main() -> None:
    """Speak and judge all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", type=Path, nargs="+", help="one speaker and language each")
    parser.add_argument("--voice", type=Path, help="by default the base that comes along")
    parser.add_argument("--sentences", type=int, default=8, help="of each language")
    asked = parser.parse_args()
    voice = Voice.load(asked.voice or shipped_base())
    packed = {(one := pack([read_corpus(path)])[0]).languages[0]: one for path in asked.corpora}
    judges = {language: phone_judge(one, language) for language, one in packed.items()}
    chosen = {language: _held_out(one, asked.sentences) for language, one in packed.items()}
    own = {
        one.speakers[0]: embeddings([heard_parts(one.waveform(i)) for i in chosen[language]])
        for language, one in packed.items()
    }
    speakers = [name for name in voice.card.speakers if name in own]
    alike: list[list[str]] = []
    wrong: list[list[str]] = []
    for speaker in speakers:
        alike.append([speaker])
        wrong.append([speaker])
        for language, one in packed.items():
            sounds = [voice.say(one.texts[i], language=language, speaker=speaker) for i in chosen[language]]
            alike[-1].append(f"{np.mean([_likeness(sound, own[speaker]) for sound in sounds]):.3f}")
            wrong[-1].append(f"{_errors(one, chosen[language], sounds, judges[language]):.2f}")
    naturals = [[one.waveform(i) for i in chosen[language]] for language, one in packed.items()]
    errors = [
        f"{_errors(one, chosen[language], sounds, judges[language]):.2f}"
        for (language, one), sounds in zip(packed.items(), naturals, strict=True)
    ]
    wrong.append(["the recordings", *errors])
    _print("similarity to the speaker's own recordings", list(packed), alike, _bounds(own, speakers))
    _print("share of words (en) or phones heard wrong", list(packed), wrong, {})


def _held_out(packed: PackedCorpus, most: int) -> list[int]:
    return held_out_clips(packed, speaker=packed.speakers[0])[:most]


def _likeness(sound: np.ndarray, recordings: Sequence[np.ndarray]) -> float:
    try:
        return embedding_similarity(embeddings([heard_parts(sound)])[0], recordings)
    except WaveformUnjudgeable:
        return 0.0


def _errors(
    packed: PackedCorpus, clips: Sequence[int], sounds: Sequence[np.ndarray], judge: PhoneRecogniser | str
) -> float:
    """Errors over what was to be said, pooled."""
    errors = total = 0
    for i, sound in zip(clips, sounds, strict=True):
        try:
            if isinstance(judge, str):
                words = word_errors(phonemize(packed.texts[i], packed.languages[i]).normalized, sound)
                errors, total = errors + words.num_errors, total + words.num_words
            else:
                phones = judge.phone_errors(heard_phones(packed.ids(i)), sound)
                errors, total = errors + phones.num_errors, total + phones.num_phones
        except WaveformUnjudgeable:
            continue
    return errors / max(1, total)


def _bounds(own: Mapping[str, Sequence[np.ndarray]], speakers: Sequence[str]) -> dict[str, str]:
    """For each speaker: the nearest other one, and other sentences of the speaker's own."""
    bounds = {}
    for speaker in speakers:
        others = [
            np.mean([embedding_similarity(each, own[speaker]) for each in vectors])
            for name, vectors in own.items()
            if name != speaker
        ]
        vectors = own[speaker]
        same = [embedding_similarity(each, [*vectors[:n], *vectors[n + 1 :]]) for n, each in enumerate(vectors)]
        bounds[speaker] = f"{max(others):.3f} to {np.mean(same):.3f}"
    return bounds


def _print(title: str, languages: Sequence[str], rows: Sequence[Sequence[str]], bounds: Mapping[str, str]) -> None:
    last = " | nearest other to own ceiling" if bounds else ""
    print(f"\n{title}\n\n| speaker | {' | '.join(languages)}{last} |\n|{'---|' * (len(languages) + 1 + bool(bounds))}")
    for row in rows:
        print(f"| {' | '.join(row)}{f' | {bounds[row[0]]}' if bounds else ''} |")


if __name__ == "__main__":
    main()
