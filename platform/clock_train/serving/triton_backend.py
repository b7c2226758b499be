"""A voice inside Triton's Python backend: requests in, marked chunks out.

The model's ``model.py`` is two lines that come here. One process serves a voice; each request has a thread of a small
pool, since ONNX Runtime frees the interpreter while it computes: one copy of the weights for all cores. As many as
there are cores make a chunk at once, in the order of ``Turns``. On a GPU their windows are decoded together. A request
whose client has gone, or said that it has (``leave``), ends at the next chunk.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from traceback import format_tb
from typing import Any

import numpy as np
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument

from clock_train.errors import BUG, ClockTrainError, ServerBusy, SpeechInputInvalid
from clock_train.issuing.installation import Installation
from clock_train.models.sentences import Sentence
from clock_train.serving.freed_memory import GivenBack
from clock_train.serving.left_requests import LeftRequests
from clock_train.serving.onnx_voice import CPU, GPU, OnnxVoice
from clock_train.serving.speech_request import Mark, SpeechRequest, answer
from clock_train.serving.turns import Turns
from clock_train.serving.voice_model import AUDIO, DURATIONS, LEAVE, Timings

AT_ONCE = 16
"""Requests that are being spoken; on a GPU that is also the most windows that meet in a batch."""
WARM_UP_PHONES = 24
_log = logging.getLogger(__name__)


class VoiceBackend:
    """What Triton calls; each model's ``TritonPythonModel`` is this class.

    Peculiar: ``triton_python_backend_utils`` exists only inside Triton's stub, so it is imported here and not above.
    """

    def initialize(self, args: dict[str, str]) -> None:
        """Open the bundle beside ``model.py``, and speak once, so that the first request finds everything warm.

        Raises:
            ClockTrainError: the bundle may not be loaded; Triton then says so to whoever asked for it.
        """
        import triton_python_backend_utils as pb_utils  # type: ignore[import-not-found]

        self._pb = pb_utils
        logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
        config = json.loads(args["model_config"])
        parameters = {name: value["string_value"] for name, value in config.get("parameters", {}).items()}
        on_gpu = args["model_instance_kind"] == "GPU"
        turns = int(parameters.get("threads") or 0) or (AT_ONCE if on_gpu else len(os.sched_getaffinity(0)))
        self._most_waiting = int(parameters.get("max_waiting") or 160)
        folder = Path(args["model_repository"]) / args["model_version"] / "bundle"
        self._installation = Installation()
        self._engine = OnnxVoice.open(folder, providers=GPU if on_gpu else CPU, is_batched=on_gpu)
        self._pool = ThreadPoolExecutor(max(AT_ONCE, turns), thread_name_prefix="speech")
        self._turns = Turns(turns)
        self._waiting, self._lock = 0, threading.Lock()
        self._left, self._given_back = LeftRequests(), GivenBack()
        ids = np.zeros((3, WARM_UP_PHONES), dtype=np.int64)
        ids[0, 1:-1] = np.arange(20, 20 + WARM_UP_PHONES - 2)
        try:
            for _ in self._engine.stream(ids, self._engine.vectors_SE[0]):
                pass
        except (ValueError, InvalidArgument) as error:  # graphs of other inputs; what else fails may be the machine
            raise self._engine.bundle.unusable(f"its graphs cannot be run ({error})") from error

    def execute(self, requests: list[Any]) -> None:
        """Each request to a thread; Triton goes on at once."""
        for request in requests:
            sender = request.get_response_sender()
            left = self._array(request, LEAVE)
            if left is not None:
                self._left.add(left.tobytes().decode("utf-8", errors="replace"))
                self._end(request, sender)
                continue
            with self._lock:
                is_busy = self._waiting >= self._most_waiting
                self._waiting += not is_busy
            if is_busy:
                self._end(request, sender, ServerBusy(
                    f"{self._most_waiting} requests of this voice are waiting already; ask again in a second"
                ))  # fmt: skip
            else:
                self._pool.submit(self._serve, request, sender, time.monotonic())

    def finalize(self) -> None:
        """Waits for what is being spoken, then frees everything."""
        self._pool.shutdown(wait=True, cancel_futures=False)
        self._given_back.stop()

    def _serve(self, request: Any, sender: Any, came_s: float) -> None:
        try:
            if self._is_left(request, sender):
                return self._end(request, sender)

            def tell(durations: np.ndarray) -> None:
                sender.send(self._pb.InferenceResponse([self._tensor(DURATIONS, durations, np.int64)]))

            asked = self._read(request)
            with contextlib.closing(answer(self._engine, asked, self._installation, tell=tell)) as chunks:
                self._speak(chunks, request, sender, came_s)
            self._end(request, sender)
        except ClockTrainError as error:
            self._end(request, sender, error)
        except Exception as error:
            # where it happened, and not what it says: that may hold the text
            _log.error("a request failed with %s:\n%s", type(error).__name__, "".join(format_tb(error.__traceback__)))
            self._end(request, sender, f"InternalError: {type(error).__name__} ({BUG}); see the server's log")
        finally:
            with self._lock:
                self._waiting -= 1

    def _is_left(self, request: Any, sender: Any) -> bool:
        return request.request_id() in self._left or sender.is_cancelled()

    def _speak(self, chunks: Iterator[np.ndarray], request: Any, sender: Any, came_s: float) -> None:
        sound_until_s = 0.0
        with self._turns.turn(came_s):
            while not self._is_left(request, sender):
                chunk = next(chunks, None)
                if chunk is None:
                    return
                sender.send(self._pb.InferenceResponse([self._tensor(AUDIO, chunk, np.float32)]))
                # played from its first chunk on
                sound_until_s = (sound_until_s or time.monotonic()) + len(chunk) / self._engine.sample_rate_hz
                self._turns.let_others(sound_until_s)

    def _end(self, request: Any, sender: Any, error: object = None) -> None:
        self._left.discard(request.request_id())
        final = self._pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL
        if error is None:
            sender.send(flags=final)
        else:
            sender.send(self._pb.InferenceResponse(error=self._pb.TritonError(str(error))), flags=final)

    def _read(self, request: Any) -> SpeechRequest:
        text, phones = self._words(request, "text"), self._array(request, "phones")
        if (text is None) == (phones is None):
            raise SpeechInputInvalid("give either text or phones")
        payload, key_id = self._words(request, "payload"), self._words(request, "key_id")
        if (payload is None) != (key_id is None):
            raise SpeechInputInvalid("a payload needs its key id, and a key id its payload; give both or neither")
        mark = None
        if payload is not None and key_id is not None:
            mark = Mark(payload=payload, key_id=key_id)
        return SpeechRequest(
            text=text,
            language=self._words(request, "language") or "auto",
            sentences=[] if phones is None else self._sentences(request, phones),
            speaker=self._words(request, "speaker"),
            speed=float(self._number(request, "speed", 1.0)),
            noise_scale=float(self._number(request, "noise_scale", 0.5)),
            seed=int(self._number(request, "seed", 0)),
            request_id=self._words(request, "request_id") or None,
            mark=mark,
            timings=self._timings(request),
        )

    def _timings(self, request: Any) -> Timings:
        asked = int(self._number(request, "timings", 0))
        try:
            return Timings(asked)
        except ValueError as error:
            raise SpeechInputInvalid(
                f"timings is {asked}; give 0, 1 (each sentence's) or 2 (all before the sound)"
            ) from error

    def _sentences(self, request: Any, phones: np.ndarray) -> list[Sentence]:
        lengths = self._array(request, "sentence_lengths")
        lengths = np.array([phones.shape[1]]) if lengths is None else lengths
        labels = self._array(request, "labels")
        labels = np.zeros((len(lengths), 2), dtype=np.int64) if labels is None else labels
        pauses, speeds = self._array(request, "pauses"), self._array(request, "speeds")
        pauses = np.full(len(lengths), np.nan) if pauses is None else pauses
        speeds = np.ones(len(lengths)) if speeds is None else speeds
        if (lengths < 1).any() or lengths.sum() != phones.shape[1]:
            raise SpeechInputInvalid(
                f"{len(lengths)} sentences cover {lengths.sum()} of {phones.shape[1]} phones; give each sentence's "
                "length, 1 or more"
            )
        for name, values in {"labels": labels, "pauses": pauses, "speeds": speeds}.items():
            if len(values) != len(lengths):
                raise SpeechInputInvalid(f"{name} has {len(values)} entries for {len(lengths)} sentences; give each's")
        pieces = np.split(phones, np.cumsum(lengths)[:-1], axis=1)
        return [
            Sentence(
                piece,
                (int(style), int(emotion)),
                pause_s=None if np.isnan(pause) else float(pause),
                speed=float(speed),
            )
            for piece, (style, emotion), pause, speed in zip(pieces, labels, pauses, speeds, strict=True)
        ]

    def _array(self, request: Any, name: str) -> np.ndarray | None:
        tensor = self._pb.get_input_tensor_by_name(request, name)
        # a copy: the memory is Triton's, and goes back with the request
        return None if tensor is None else np.array(np.from_dlpack(tensor))

    def _words(self, request: Any, name: str) -> str | None:
        array = self._array(request, name)
        if array is None:
            return None
        try:
            return array.tobytes().decode("utf-8")
        except UnicodeDecodeError as error:
            raise SpeechInputInvalid(f"{name} is not UTF-8 at byte {error.start}; send its UTF-8 bytes") from error

    def _number(self, request: Any, name: str, default: float) -> float:
        array = self._array(request, name)
        return default if array is None else array.item()

    def _tensor(self, name: str, values: np.ndarray, kind: type[np.float32 | np.int64]) -> Any:
        capsule = np.ascontiguousarray(values, dtype=kind).__dlpack__()
        tensor = self._pb.Tensor.from_dlpack(name, capsule)
        # Triton gives a capsule that it has taken another name than DLPack says, and numpy then complains of each
        _set_capsule_name(ctypes.py_object(capsule), _USED)
        return tensor


_USED = b"used_dltensor"
_set_capsule_name = ctypes.pythonapi.PyCapsule_SetName
_set_capsule_name.argtypes = [ctypes.py_object, ctypes.c_char_p]
_set_capsule_name.restype = ctypes.c_int
