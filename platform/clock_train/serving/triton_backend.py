"""A voice inside Triton's Python backend: requests in, marked chunks out.

The model's ``model.py`` is two lines that come here. One process serves a voice; each request has a thread of a small
pool, since ONNX Runtime frees the interpreter while it computes: one copy of the weights for all cores. A request whose
client has gone is left at the next chunk.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from clock_train.errors import BUG, ClockTrainError, ServerBusy, SpeechInputInvalid
from clock_train.issuing.installation import Installation
from clock_train.serving.onnx_voice import CPU, OnnxVoice
from clock_train.serving.speech_request import Mark, Sentence, SpeechRequest, answer
from clock_train.serving.voice_model import AUDIO

GPU = ("CUDAExecutionProvider", *CPU)
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
        threads = int(parameters.get("threads") or 0) or len(os.sched_getaffinity(0))
        self._most_waiting = int(parameters.get("max_waiting") or 64)
        folder = Path(args["model_repository"]) / args["model_version"] / "bundle"
        providers = GPU if args["model_instance_kind"] == "GPU" else CPU
        self._installation = Installation()
        self._engine = OnnxVoice.open(folder, providers=providers)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="speech")
        self._waiting, self._lock = 0, threading.Lock()
        ids = np.zeros((3, WARM_UP_PHONES), dtype=np.int64)
        ids[0, 1:-1] = np.arange(20, 20 + WARM_UP_PHONES - 2)
        for _ in self._engine.stream(ids, self._engine.vectors_SE[0]):
            pass

    def execute(self, requests: list[Any]) -> None:
        """Each request to a thread; Triton goes on at once."""
        for request in requests:
            sender = request.get_response_sender()
            with self._lock:
                is_busy = self._waiting >= self._most_waiting
                self._waiting += not is_busy
            if is_busy:
                self._refuse(sender, ServerBusy(
                    f"{self._most_waiting} requests of this voice are waiting already; ask again in a second"
                ))  # fmt: skip
            else:
                self._pool.submit(self._serve, request, sender)

    def finalize(self) -> None:
        """Waits for what is being spoken, then frees everything."""
        self._pool.shutdown(wait=True, cancel_futures=False)

    def _serve(self, request: Any, sender: Any) -> None:
        try:
            if sender.is_cancelled():
                sender.send(flags=self._pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
                return
            with contextlib.closing(answer(self._engine, self._read(request), self._installation)) as chunks:
                for chunk in chunks:
                    if sender.is_cancelled():
                        break
                    sender.send(self._pb.InferenceResponse([self._tensor(chunk)]))
            sender.send(flags=self._pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
        except ClockTrainError as error:
            self._refuse(sender, error)
        except Exception as error:
            _log.exception("a request failed")
            self._refuse(sender, f"InternalError: {type(error).__name__}: {error} ({BUG})")
        finally:
            with self._lock:
                self._waiting -= 1

    def _refuse(self, sender: Any, error: object) -> None:
        response = self._pb.InferenceResponse(error=self._pb.TritonError(str(error)))
        sender.send(response, flags=self._pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL)

    def _read(self, request: Any) -> SpeechRequest:
        text, phones = self._words(request, "text"), self._array(request, "phones")
        if (text is None) == (phones is None):
            raise SpeechInputInvalid("give either text or phones")
        payload, key_id = self._words(request, "payload"), self._words(request, "key_id")
        if (payload is None) != (key_id is None):
            raise SpeechInputInvalid("a payload needs its key id, and a key id its payload; give both or neither")
        mark = None
        if payload is not None and key_id is not None:
            mark = Mark(payload=payload, key_id=key_id, request_id=self._words(request, "request_id") or payload)
        return SpeechRequest(
            text=text,
            language=self._words(request, "language") or "auto",
            sentences=[] if phones is None else self._sentences(request, phones),
            speaker=self._words(request, "speaker"),
            speed=float(self._number(request, "speed", 1.0)),
            noise_scale=float(self._number(request, "noise_scale", 0.5)),
            seed=int(self._number(request, "seed", 0)),
            mark=mark,
        )

    def _sentences(self, request: Any, phones: np.ndarray) -> list[Sentence]:
        lengths = self._array(request, "sentence_lengths")
        lengths = np.array([phones.shape[1]]) if lengths is None else lengths
        labels = self._array(request, "labels")
        labels = np.zeros((len(lengths), 2), dtype=np.int64) if labels is None else labels
        if len(lengths) != len(labels) or (lengths < 1).any() or lengths.sum() != phones.shape[1]:
            raise SpeechInputInvalid(
                f"{len(lengths)} sentences with {len(labels)} labels cover {lengths.sum()} of {phones.shape[1]} "
                "phones; give each sentence's length, 1 or more, and its labels"
            )
        pieces = np.split(phones, np.cumsum(lengths)[:-1], axis=1)
        return [Sentence(piece, (int(s), int(e))) for piece, (s, e) in zip(pieces, labels, strict=True)]

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

    def _tensor(self, samples: np.ndarray) -> Any:
        capsule = np.ascontiguousarray(samples, dtype=np.float32).__dlpack__()
        tensor = self._pb.Tensor.from_dlpack(AUDIO, capsule)
        # Triton gives a capsule that it has taken another name than DLPack says, and numpy then complains of each
        _set_capsule_name(ctypes.py_object(capsule), _USED)
        return tensor


_USED = b"used_dltensor"
_set_capsule_name = ctypes.pythonapi.PyCapsule_SetName
_set_capsule_name.argtypes = [ctypes.py_object, ctypes.c_char_p]
_set_capsule_name.restype = ctypes.c_int
