"""A Triton of another machine or pod, which loads its voices itself: asked, and not steered."""

from __future__ import annotations

import contextlib
import threading
import time

import grpc
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

from clock_train.errors import ServerUnavailable, VoiceLoadFailed
from clock_train.serving.ports import RECONNECTING

ANSWER_S = 2.0
PATIENCE_S = 30.0
"""For a voice that is being loaded there, or a server that is being started again."""
LOOK_S = 0.25


class RemoteTriton:
    """What is known of one; see ``VoiceServer``.

    Args:
        address: host and port of its gRPC.
        patience_s: how long ``load`` waits for a voice.
    """

    failure = None

    def __init__(self, address: str, *, patience_s: float = PATIENCE_S) -> None:
        self.address, self._patience_s = address, patience_s
        self._client = triton.InferenceServerClient(address, channel_args=RECONNECTING)
        self._is_closed = threading.Event()
        self._lock = threading.Lock()
        self._asked: set[str] = set()
        self._ready: set[str] = set()

    @property
    def is_ready(self) -> bool:
        """Whether it answers, and has a voice that was asked for; what it has is looked at anew."""
        is_up = self._answers()
        with self._lock:
            asked = set(self._asked)
        ready = {model for model in asked if is_up and self._has(model)}
        with self._lock:
            self._ready = ready
        return bool(ready)

    def holds(self, model: str) -> bool:
        """Whether a model was there at the last look."""
        with self._lock:
            return model in self._ready

    def load(self, model: str) -> None:
        """Wait until a model is there.

        Raises:
            ServerUnavailable: no server answers.
            VoiceLoadFailed: one does, and has no such voice.
        """
        until = time.monotonic() + self._patience_s
        while not self._has(model):
            if time.monotonic() > until or self._is_closed.wait(LOOK_S):
                raise self._missing(model)
        with self._lock:
            self._asked.add(model)
            self._ready.add(model)

    def unload(self, model: str) -> None:
        """Nothing: what is in memory there is not decided here."""

    def close(self) -> None:
        """Let the connection go; who waits for a voice waits no longer."""
        self._is_closed.set()
        self._client.close()

    def _answers(self) -> bool:
        with contextlib.suppress(InferenceServerException, grpc.RpcError, ValueError):  # the last of a closed one
            return bool(self._client.is_server_ready(client_timeout=ANSWER_S))
        return False

    def _has(self, model: str) -> bool:
        with contextlib.suppress(InferenceServerException, grpc.RpcError, ValueError):
            return bool(self._client.is_model_ready(model, client_timeout=ANSWER_S))
        return False

    def _missing(self, model: str) -> ServerUnavailable | VoiceLoadFailed:
        if self._answers():
            return VoiceLoadFailed(
                f'the speech server at {self.address} does not have "{model}"; give it the same --voices, and look '
                "into its log why one is not loaded"
            )
        return ServerUnavailable(
            f"no speech server answers at {self.address}; start one there with clocktrain triton, or mend the address"
        )
