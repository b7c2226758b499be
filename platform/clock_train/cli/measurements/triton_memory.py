"""Memory of a tritonserver with many voices, each of which has spoken."""

from __future__ import annotations

import asyncio
from pathlib import Path

from clock_train.cli.measurements.asked_voices import ask
from clock_train.cli.measurements.isolation import answer
from clock_train.cli.measurements.process_tree import memory_mb
from clock_train.cli.measurements.served_voices import models, processes, requests, serving
from clock_train.serving.speech_request import SpeechRequest
from clock_train.serving.voice_client import VoiceClient

REQUESTS_A_VOICE = 4
"""At once: more than there are threads, so that all of them have worked."""


def measure_triton_memory(*, folder: str, num_voices: int) -> dict[str, float]:
    """All of its processes: guard, server and voices.

    Args:
        folder: of ``bench_voice.write_voices``.
        num_voices: that are loaded.
    """
    with serving(Path(folder), num_voices) as server:
        asyncio.run(_ask_all(server.address, models(num_voices), requests(server.installation)))
        pids = processes(server)
        whole_mb = memory_mb(pids)
        own_mb = memory_mb(pids[:2])  # guard and server; below them are the voices
    return {"whole_gb": whole_mb / 1e3, "own_mb": own_mb, "voice_mb": (whole_mb - own_mb) / num_voices}


async def _ask_all(address: str, names: list[str], asked: list[SpeechRequest]) -> None:
    client = VoiceClient(address)
    try:
        for name in names:
            answers = await asyncio.gather(*(ask(client, name, each, 0.0) for each in asked[:REQUESTS_A_VOICE]))
            if codes := {each.error for each in answers if each.error}:
                raise RuntimeError(f"{name} answered with {', '.join(sorted(codes))}")
    finally:
        await client.close()


if __name__ == "__main__":
    answer(measure_triton_memory)
