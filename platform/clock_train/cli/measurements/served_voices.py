"""Voices of ``bench_voice`` on a real tritonserver, and the sentences that they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from itertools import chain
from pathlib import Path

from clock_train.cli.measurements.process_tree import descendants, parent_of
from clock_train.data.prompts import LANGUAGES, prompts
from clock_train.issuing.installation import Installation
from clock_train.models.sentences import Sentence, read_sentences
from clock_train.serving.model_repository import write_model
from clock_train.serving.speech_request import Mark, SpeechRequest
from clock_train.serving.triton_server import TritonServer
from clock_train.watermark.payload import Payload, day_number

SHORTEST_PHONES, LONGEST_PHONES = 38, 62
"""3 to 5 s at the voices' pace."""
SENTENCES_A_LANGUAGE = 24
TENANT, VOICE, CONSENT = 1, 2, 3


@cache
def sentences() -> list[Sentence]:
    """Recording prompts of one sentence, Mandarin and English in turn."""
    kept = [[each for prompt in prompts(name) for each in _fitting(prompt.text, name)] for name in LANGUAGES]
    return list(chain.from_iterable(zip(*(each[:SENTENCES_A_LANGUAGE] for each in kept), strict=True)))


def _fitting(text: str, language: str) -> list[Sentence]:
    read = read_sentences(text, language)
    return read if len(read) == 1 and SHORTEST_PHONES <= read[0].ids_3L.shape[1] <= LONGEST_PHONES else []


def requests(installation: Installation) -> list[SpeechRequest]:
    """One a sentence, as ``clocktrain serve`` asks: read, logged and given its payload before."""
    today = datetime.now(UTC).date()
    key = installation.keys(today).embedding_key(today)
    payload = Payload(tenant=TENANT, voice=VOICE, consent=CONSENT, day=day_number(today))
    mark = Mark(payload=payload.hex, key_id=key.key_id)
    return [SpeechRequest(sentences=[each], seed=n, mark=mark) for n, each in enumerate(sentences())]


def models(num_voices: int) -> list[str]:
    """Names of the models of ``voice-0`` and on."""
    return [f"voice-{number}-v1" for number in range(num_voices)]


@contextmanager
def serving(folder: Path, num_voices: int, *, num_processes: Mapping[str, int] | None = None) -> Iterator[TritonServer]:
    """A running server over the first voices of a folder of ``write_voices``, all loaded.

    Args:
        folder: of the voices.
        num_voices: that are loaded.
        num_processes: of a model, where it is more than the one that it has otherwise.
    """
    installation = Installation(folder / "issuing")
    with TritonServer(installation=installation) as server:
        for number, model in enumerate(models(num_voices)):
            write_model(server.repository, folder / f"voice-{number}", trusted_keys=installation.trusted_keys())
            config = server.repository / model / "config.pbtxt"
            count = (num_processes or {}).get(model, 1)
            config.write_text(config.read_text(encoding="utf-8").replace("count: 1", f"count: {count}"), "utf-8")
            server.load(model)
        yield server


def processes(server: TritonServer) -> list[int]:
    """Its guard, tritonserver and the voices' processes."""
    return descendants(parent_of(server.pid))
