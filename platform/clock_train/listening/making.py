"""Makes a listening test from what evaluations left: a folder of sounds under random names, a key and invitations.

``clocktrain evaluate`` writes ``held-out/SENTENCE/natural.wav``, ``generated.wav`` and ``resynthesis.wav``. Every
system of a test says the same sentences, so that a listener compares voices and not texts.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from clock_train.audio.reading import probe, read_waveform
from clock_train.audio.writing import write_wav
from clock_train.bundle.card import CARD
from clock_train.errors import ListeningTestInvalid
from clock_train.listening.equal_sounds import equal_loudness, ruined
from clock_train.listening.invitations import Invitation, signed
from clock_train.listening.listening_test import (
    GOLD_BEST,
    GOLD_WORST,
    NATURAL,
    ListeningKind,
    ListeningTest,
    Stimulus,
)
from clock_train.listening.rooms import KEY_NAME, SOUNDS_FOLDER, TEST_NAME

HELD_OUT, GENERATED, RESYNTHESIS = "held-out", "generated", "resynthesis"
"""As an evaluation names them."""
GOLDS = 2
"""Sentences that gold and training trials are made of."""
MOST_SECONDS = 30.0
SYSTEM = re.compile(r"[^\W_][\w.-]{0,39}")
RUN_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, kw_only=True)
class MakingRequest:
    """What a test is made of."""

    evaluations: Mapping[str, Path]
    """Output folders of ``clocktrain evaluate``, by what their voice is called in the results."""
    output: Path
    kind: ListeningKind = ListeningKind.MOS
    systems: Sequence[str] = ()
    """What is compared: ``natural``, a voice, or ``VOICE-resynthesis``; by default all, or the two of an A/B test."""
    listeners: int = 8
    trials: int = 24
    days: int = 30
    runs: Sequence[str] = ()
    """MLflow's ids of the voices' runs, or folders that know them: a bundle, or a training's output."""


@dataclass(frozen=True, kw_only=True)
class MadeTest:
    """What was made."""

    folder: Path
    test: ListeningTest
    tokens: tuple[str, ...]
    """One a listener."""
    sentences: int


def make_test(request: MakingRequest) -> MadeTest:
    """Write a test's folder.

    Raises:
        ListeningTestInvalid: too few systems or sentences, or sounds that nobody can judge.
        AudioError: a sound cannot be read.
    """
    if (request.output / TEST_NAME).exists():
        raise ListeningTestInvalid(f'"{request.output}" holds a test already, whose votes would be lost; name another')
    places = _places(request.evaluations)
    systems = _systems(request, places)
    sentences = sorted(set.intersection(*(set(places[system]) for system in (*systems, NATURAL))))
    if not sentences:
        raise ListeningTestInvalid(
            f"no sentence has a sound of each of {', '.join((*systems, NATURAL))}; evaluate all voices on one corpus"
        )
    rate_hz = max(probe(places[system][sentences[0]]).sample_rate_hz for system in (*systems, NATURAL))
    seed = secrets.token_hex(16)
    sounds = {
        (system, sentence): read_waveform(places[system][sentence], sample_rate_hz=rate_hz, max_seconds=MOST_SECONDS)
        for system in systems
        for sentence in sentences
    }
    for sentence in sentences[:GOLDS]:
        best = read_waveform(places[NATURAL][sentence], sample_rate_hz=rate_hz, max_seconds=MOST_SECONDS)
        sounds[GOLD_BEST, sentence], sounds[GOLD_WORST, sentence] = best, ruined(best, f"{seed}/{sentence}")
    equal, loudness = equal_loudness({f"{name} of {text}": sound for (name, text), sound in sounds.items()}, rate_hz)
    # file names, their times and their order in the folder tell nothing
    named = {secrets.token_hex(8): place for place in sounds}
    test = ListeningTest(
        id=_letters(8),
        kind=request.kind,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=seed,
        systems=tuple(systems),
        stimuli=tuple(
            Stimulus(id=name, system=place[0], utterance=place[1], seconds=len(sounds[place]) / rate_hz)
            for name, place in sorted(named.items())
        ),
        trials=request.trials,
        listeners=request.listeners,
        sample_rate_hz=rate_hz,
        loudness_lufs=round(loudness, 2),
        run_ids=tuple(dict.fromkeys(_runs(request))),
    )
    _write(request.output, test, {name: equal[" of ".join(named[name])] for name in sorted(named)})
    key = bytes.fromhex((request.output / KEY_NAME).read_text())
    expires = int(time.time()) + request.days * 86_400
    tokens = tuple(
        signed(Invitation(test_id=test.id, listener=number, expires_s=expires), key)
        for number in range(1, request.listeners + 1)
    )
    return MadeTest(folder=request.output, test=test, tokens=tokens, sentences=len(sentences))


def _places(evaluations: Mapping[str, Path]) -> dict[str, dict[str, Path]]:
    """Sounds by system and sentence; recordings are those of the first evaluation that has them."""
    places: dict[str, dict[str, Path]] = {NATURAL: {}}
    for name, folder in evaluations.items():
        if not SYSTEM.fullmatch(name) or name == NATURAL:
            raise ListeningTestInvalid(f'"{name}" can name no voice of a test; give --evaluation NAME=DIR, in letters')
        own = folder / HELD_OUT
        if not own.is_dir():
            raise ListeningTestInvalid(
                f'"{folder}" has no "{HELD_OUT}"; name a folder that "clocktrain evaluate" wrote'
            )
        for sentence in sorted(path for path in own.iterdir() if path.is_dir()):
            kinds = ((NATURAL, NATURAL), (name, GENERATED), (f"{name}-{RESYNTHESIS}", RESYNTHESIS))
            for system, file in kinds:
                path = sentence / f"{file}.wav"
                if path.exists():
                    places.setdefault(system, {}).setdefault(sentence.name, path)
    return places


def _systems(request: MakingRequest, places: Mapping[str, object]) -> list[str]:
    systems = list(dict.fromkeys(request.systems))
    if not systems and request.kind is ListeningKind.AB:
        systems = [*request.evaluations, NATURAL][:2]
    elif not systems:
        systems = list(places)
    unknown = [system for system in systems if system not in places]
    if unknown:
        raise ListeningTestInvalid(f'there are no sounds of "{unknown[0]}"; there are {", ".join(places)}')
    if request.kind is ListeningKind.AB and len(systems) != 2:
        raise ListeningTestInvalid(f"an A/B test compares two, not {len(systems)}; name them: --system X --system Y")
    if request.kind is ListeningKind.MOS and request.trials < len(systems):
        raise ListeningTestInvalid(f"--trials {request.trials} is less than one sentence of {len(systems)} systems")
    return systems


def _runs(request: MakingRequest) -> list[str]:
    found = []
    for run in request.runs:
        if RUN_ID.fullmatch(run):
            found.append(run)
            continue
        known = _runs_of(Path(run))
        if not known:
            raise ListeningTestInvalid(
                f'"{run}" is no id of an MLflow run, and no bundle or output of a training that was tracked'
            )
        found += known
    if request.runs:
        return found
    # an evaluation beside the voice that it judged, as `clocktrain evaluate demo/voice` leaves it
    return [run for folder in request.evaluations.values() for run in _runs_of(folder) or _runs_of(folder.parent)]


def _runs_of(folder: Path) -> list[str]:
    """Of a bundle's card, or the newest of the runs that a training's output remembers."""
    places = [folder / CARD]
    places += sorted(folder.glob("tracking/*/run.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in places:
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            run = values.get("trackingRun") or values.get("run_id")
        except (OSError, ValueError, AttributeError):
            continue
        if isinstance(run, str) and RUN_ID.fullmatch(run):
            return [run]
    return []


def _write(folder: Path, test: ListeningTest, sounds: Mapping[str, np.ndarray]) -> None:
    try:
        (folder / SOUNDS_FOLDER).mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        _write_private(folder / KEY_NAME, secrets.token_hex(32))
        for name, sound in sounds.items():
            write_wav(folder / SOUNDS_FOLDER / f"{name}.wav", sound, test.sample_rate_hz)
        _write_private(folder / TEST_NAME, test.as_json())  # last: a folder with one is whole
    except OSError as error:
        raise ListeningTestInvalid(
            f'"{folder}" cannot be written ({error.strerror}); name another with --out'
        ) from error


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _letters(count: int) -> str:
    return "".join(secrets.choice("abcdefghijkmnpqrstuvwxyz23456789") for _ in range(count))
