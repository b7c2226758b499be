"""Who speaks in a corpus: voices beside the speakers', and speakers whose print is another person's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from clock_train.audio.reading import read_waveform
from clock_train.compliance.accepted import accepted_clips
from clock_train.compliance.findings import ComplianceFinding, Severity, shortened
from clock_train.compliance.other_voices import LEAST_CLIP_S, MOST_CLIPS, other_voices
from clock_train.compliance.voice_registry import RegisteredVoice, alike, print_of
from clock_train.data.manifest import Clip, Corpus
from clock_train.errors import ClockTrainError, JudgeMissing, WaveformUnjudgeable
from clock_train.evaluation.judged_waveform import JUDGE_RATE_HZ
from clock_train.evaluation.speaker_similarity import embeddings, heard_parts

ANOTHER_VOICE, VOICE_OF_ANOTHER, NOT_COMPARED = "VoiceWithoutConsent", "VoiceOfAnother", "VoicesNotCompared"
MOST_HEARD, LEAST_HEARD = 2_000, 24
"""Clips of a corpus of many speakers, shared among them, and of each at least: three minutes of one core."""
FEWEST_FOR_PRINT = 8
"""Clips below which a mean says too little of a voice."""


def heard_clips(
    corpus: Corpus,
    speaker: str,
    *,
    most: int = MOST_CLIPS,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[list[Clip], np.ndarray]:
    """A speaker's clips that are long enough, evenly over the corpus, and (N, 256) their d-vectors.

    Raises:
        JudgeMissing: Resemblyzer is not installed.
        AudioError: a clip cannot be read.
    """
    long = [clip for clip in corpus.accepted() if clip.speaker == speaker and clip.seconds >= LEAST_CLIP_S]
    chosen = [long[round(place)] for place in np.linspace(0, len(long) - 1, min(len(long), most))]
    heard: list[Clip] = []
    vectors: list[np.ndarray] = []
    for number, clip in enumerate(chosen):
        try:
            parts = heard_parts(read_waveform(corpus.audio_path(clip), sample_rate_hz=JUDGE_RATE_HZ))
        except WaveformUnjudgeable:
            continue  # silence is nobody's voice
        vectors += embeddings([parts])
        heard.append(clip)
        report(number + 1, len(chosen))
    return heard, np.stack(vectors) if vectors else np.zeros((0, 256), dtype=np.float32)


def voice_findings(
    corpus: Corpus,
    registry: Sequence[RegisteredVoice],
    *,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> list[ComplianceFinding]:
    """Listen to every speaker's clips.

    Args:
        corpus: with its sound.
        registry: prints of people's voices.
        report: hears how many clips of a speaker's were heard.
    """
    accepted = accepted_clips(corpus)
    findings: list[ComplianceFinding] = []
    unheard: list[str] = []
    speakers = corpus.speakers()
    most = min(MOST_CLIPS, max(LEAST_HEARD, MOST_HEARD // max(1, len(speakers))))
    for speaker in speakers:
        try:
            clips, vectors = heard_clips(corpus, speaker, most=most, report=report)
        except JudgeMissing as error:
            return [_not_compared(str(error), speakers)]
        except ClockTrainError as error:
            unheard.append(f"{speaker}: {error}")
            continue
        if len(clips) < FEWEST_FOR_PRINT:
            unheard.append(f"{speaker}: {len(clips)} clips")
            continue
        findings += _beside(speaker, clips, vectors, accepted)
        findings += _of_another(speaker, print_of(vectors), registry)
    if unheard:
        why = (
            f"{len(unheard)} speakers have fewer than {FEWEST_FOR_PRINT} clips of {LEAST_CLIP_S:g} s that can be heard"
        )
        findings.append(_not_compared(why, unheard))
    return findings


def _beside(
    speaker: str, clips: Sequence[Clip], vectors: np.ndarray, accepted: Mapping[str, str]
) -> list[ComplianceFinding]:
    found = []
    for group in other_voices(vectors, [clip.seconds for clip in clips]):
        own = [clips[place] for place in group.clips]
        is_accepted = all(clip.id in accepted for clip in own)
        found.append(
            ComplianceFinding(
                code=ANOTHER_VOICE,
                severity=Severity.NOTE if is_accepted else Severity.BLOCKING,
                what=f'{len(own)} of {len(clips)} clips of "{speaker}" ({group.seconds:.0f} s) sound like '
                f"another person (similarity {group.similarity:.2f})"
                + (f"; accepted: {accepted[own[0].id]}" if is_accepted else ""),
                evidence=shortened([f"{clip.id} ({clip.seconds:.1f} s)" for clip in own]),
                next_step=""
                if is_accepted
                else "Listen to them. Take out what is another person's, or record that person's consent under another "
                f'speaker name; where it is "{speaker}" in another mood or room: clocktrain compliance accept '
                "CORPUS CLIP … --reason WHY.",
            )
        )
    return found


def _of_another(speaker: str, vector: np.ndarray, registry: Sequence[RegisteredVoice]) -> list[ComplianceFinding]:
    return [
        ComplianceFinding(
            code=VOICE_OF_ANOTHER,
            severity=Severity.BLOCKING,
            what=f'"{speaker}" sounds like the registered voice "{voice.speaker}" (similarity {similarity:.2f})',
            evidence=[f"the print of {voice.speaker}"],
            next_step=f'Use the consent and the name of "{voice.speaker}" if it is that person; else ask a compliance '
            "officer to listen to both.",
        )
        for voice, similarity in alike(vector, registry, but=speaker)[:1]
    ]


def not_compared(corpus: Corpus) -> ComplianceFinding:
    """The note of a check that did not listen."""
    return ComplianceFinding(
        code=NOT_COMPARED,
        severity=Severity.NOTE,
        what="this check reads texts only: nobody listened to who speaks",
        next_step=f'To compare the voices: clocktrain compliance check "{corpus.path}".',
    )


def _not_compared(why: str, evidence: Sequence[str]) -> ComplianceFinding:
    return ComplianceFinding(
        code=NOT_COMPARED,
        severity=Severity.WARNING,
        what=f"not every voice was compared: {why}",
        evidence=shortened(evidence),
        next_step="Let a person listen to who speaks in the recordings.",
    )
