"""A voice, or a folder of sounds, set against other systems' sounds of the same held-out sentences."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from clock_train.audio.reading import read_waveform
from clock_train.errors import AudioError, AudioNotFound
from clock_train.evaluation.judged_waveform import JUDGE_RATE_HZ
from clock_train.evaluation.leaderboard import Entrant, Leaderboard, names_of
from clock_train.evaluation.leaderboard_html import SpokenSentence, write_leaderboard_html
from clock_train.orchestration.held_out import GENERATED
from clock_train.orchestration.listener import Listener
from clock_train.orchestration.voice_evaluation import (
    SHOWN_ITEMS,
    SOUNDS_FOLDER,
    EvaluationOutcome,
    EvaluationRequest,
    evaluate_voice,
)

JSON_NAME, PAGE_NAME, OTHERS = "leaderboard.json", "leaderboard.html", "against"


@dataclass(frozen=True, kw_only=True)
class LeaderboardOutcome:
    """What was found, and where it lies."""

    first: EvaluationOutcome
    board: Leaderboard
    json_path: Path
    page_path: Path


def set_against(request: EvaluationRequest, others: Sequence[Path], listener: Listener) -> LeaderboardOutcome:
    """Judge the request, then each folder of sounds as it was judged, and write table and page.

    Args:
        request: the voice, or sounds, that the others are set against.
        others: folders of sounds, named by the ids of the sentences.
        listener: hears stages and progress.

    Raises:
        AudioNotFound: one of the folders is not there, or has none of the sentences.
        EvaluationError, CorpusError: what `voice_evaluation.evaluate_voice` raises.
    """
    for folder in others:
        if not folder.is_dir():
            raise AudioNotFound(f'there is no folder "{folder}"; name the one with a sound for each held-out sentence')
    first = evaluate_voice(request, listener)
    own = request.voice if request.wavs is None else request.wavs
    assert own is not None, "evaluate_voice refuses a request of neither"
    names = names_of([own, *others])
    outcomes = [first]
    for name, folder in zip(names[1:], others, strict=True):
        listener.note(f"against {name}")
        place = request.output / OTHERS / name.replace("/", "_")
        outcome = evaluate_voice(replace(request, wavs=folder, output=place, is_mandarin_judged=False), listener)
        if len(outcome.failures) == len(outcome.report.items):
            raise AudioNotFound(
                f'"{folder}" has none of the {len(outcome.report.items)} sentences, such as '
                f'"{outcome.report.items[0].id}.wav"; name each sound by the id of its sentence'
            )
        outcomes.append(outcome)
    entrants = [Entrant(name=name, report=each.report) for name, each in zip(names, outcomes, strict=True)]
    board = Leaderboard(entrants=entrants)
    json_path, page_path = request.output / JSON_NAME, request.output / PAGE_NAME
    json_path.write_text(json.dumps(board.as_json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    write_leaderboard_html(page_path, board, _sentences(names, outcomes))
    return LeaderboardOutcome(first=first, board=board, json_path=json_path, page_path=page_path)


def _sentences(names: Sequence[str], outcomes: Sequence[EvaluationOutcome]) -> list[SpokenSentence]:
    """Those of which the first kept the sounds; each of ``outcomes`` names its sentences in the same order."""
    folders = [each.json_path.parent / SOUNDS_FOLDER for each in outcomes]
    found = []
    for items in list(zip(*(each.report.items for each in outcomes), strict=True))[:SHOWN_ITEMS]:
        places = [folder / item.id.replace("/", "_") for folder, item in zip(folders, items, strict=True)]
        recording = read_waveform(places[0] / "natural.wav", sample_rate_hz=JUDGE_RATE_HZ)
        spoken = {name: _sound(place / f"{GENERATED}.wav") for name, place in zip(names, places, strict=True)}
        found.append(SpokenSentence(text=items[0].text, recording=recording, spoken=spoken))
    return found


def _sound(path: Path) -> np.ndarray | None:
    try:
        return read_waveform(path, sample_rate_hz=JUDGE_RATE_HZ)
    except AudioError:
        return None
