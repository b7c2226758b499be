"""A bundle that speaks through a Triton of its own, started here for these sentences and ended after them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clock_train.issuing.issuer import Issue, Issuer
from clock_train.models.sentences import read_sentences
from clock_train.serving.model_repository import write_model
from clock_train.serving.speech_request import Mark, SpeechRequest
from clock_train.serving.triton_server import TritonServer
from clock_train.serving.voice_client import VoiceClient
from clock_train.serving.voice_model import model_name


@dataclass(frozen=True, eq=False)
class ServedSound:
    """What Triton answered, and its line in the log."""

    waveform: np.ndarray
    """(N,) float32 in [-1, 1], marked."""
    sample_rate_hz: int
    issue: Issue


def speak_through_triton(
    bundle_folder: Path, texts: Sequence[str], *, issuer: Issuer | None = None
) -> Iterator[ServedSound]:
    """Serve a bundle and ask it for these texts, one after the other.

    Args:
        bundle_folder: of the voice, signed by a key that the installation trusts.
        texts: what to say, each in the language that it is written in.
        issuer: who logs; by default the user's own installation.

    Raises:
        ServingError: no server, or no voice in it.
        ClockTrainError: what bundle, text, keys or log can cause.
    """
    issuer = issuer or Issuer()
    with TritonServer(installation=issuer.installation) as server:
        bundle = write_model(server.repository, bundle_folder, trusted_keys=issuer.installation.trusted_keys())
        model = model_name(bundle.card)
        server.load(model)
        for text in texts:
            facts = {"language": "auto", "served": True}
            issue = issuer.begin_for(bundle.card, None, text=text, sample_rate_hz=bundle.sample_rate_hz, request=facts)
            request = SpeechRequest(
                sentences=read_sentences(text, "auto"),
                request_id=issue.origin.request_id,
                mark=Mark.of(issue),
            )
            waveform = asyncio.run(_asked(server, model, request))
            yield ServedSound(waveform, bundle.sample_rate_hz, issue)


async def _asked(server: TritonServer, model: str, request: SpeechRequest) -> np.ndarray:
    client = VoiceClient(server.address)
    try:
        chunks = client.speak(model, request, is_alive=lambda: server.holds(model))
        async with contextlib.aclosing(chunks) as spoken:
            return np.concatenate([chunk async for chunk in spoken])
    finally:
        await client.close()
