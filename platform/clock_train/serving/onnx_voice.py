"""A bundle's voice in ONNX Runtime: phones to samples, whole or as a stream. Unmarked: ``bundle_voice`` marks.

Two graphs run: the text graph makes the latents of a whole sentence, the decoder graph speaks a window of them. What a
decoder's frame hears on each side is bounded, so that windows with that much context, cut, are the whole to the last
rounding; ``speak`` is one window. Each session has one thread and never spins, which gave the most sentences a core
(two threads a session lost 15 to 49 %, batching gained nothing); threads may share it. On a GPU windows of several
threads are decoded together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypedDict, Unpack

import numpy as np
import onnxruntime

from clock_train.bundle.opening import TEXT_GRAPH, Bundle, open_bundle
from clock_train.errors import ConfigError, SpeechInputInvalid
from clock_train.issuing.installation import Installation
from clock_train.models.saying import checked_speed, normal_noise
from clock_train.serving.decode_batches import DecodeBatches
from clock_train.text.inventory import LANGUAGES, NUM_TONES, PHONES

FIRST_WINDOW_FRAMES = 24
"""0.38 s at 16 kHz: heard soon; each window after it is twice as long, so that context is paid for rarely."""
LONGEST_WINDOW_FRAMES = 192
NOISE_FRAMES_A_PHONE = 12
"""Noise drawn at first; speech has about six frames a phone, and slower speech is drawn for again."""
CPU = ("CPUExecutionProvider",)
GPU = ("CUDAExecutionProvider", *CPU)


class Manner(TypedDict, total=False):
    """How a sentence is spoken."""

    labels: tuple[int, int]
    """Ids of style and emotion; zeros, the default, are "not said"."""
    speed: float
    """0.25 to 4, by default 1; above it is faster."""
    noise_scale: float
    """Liveliness, by default 0.5; 0 is the same each time and flatter."""
    seed: int | Sequence[int]
    """Of the noise, by default 0; the same seed gives the same samples on one machine."""
    noise_TC: np.ndarray | None
    """(T, C) float32 instead of a seed, already scaled; T at least the frames spoken."""


class Reading(NamedTuple):
    """A sentence as the text graph reads it, still to be decoded."""

    latent_1CT: np.ndarray
    condition_1G: np.ndarray
    durations_L: np.ndarray
    """Frames of each phone, int64; their sum is T."""


class OnnxVoice:
    """The sessions of one bundle.

    Args:
        bundle: opened, so its signature holds; the graphs' hashes are checked as they are read.
        providers: of ONNX Runtime; on a GPU ``GPU``.
        is_batched: whether windows of several threads are decoded together; a decoder of one window at a time, as
            bundles had before, is never.
    """

    def __init__(self, bundle: Bundle, *, providers: Sequence[str] = CPU, is_batched: bool = False) -> None:
        self.bundle, self.card = bundle, bundle.card
        self.sample_rate_hz = bundle.sample_rate_hz
        try:
            graphs = bundle.values["graphs"]
            self.hop_samples = bundle.hop_samples
            self.noise_channels = int(graphs["noiseChannels"])
            self.context_frames = int(graphs["contextFrames"])
            decoder = str(graphs["decoder"])
        except (KeyError, TypeError, ValueError) as error:
            raise bundle.unusable(f"its card does not say how its graphs run ({error})") from error
        self.vectors_SE = bundle.vectors()
        self._text = _session(bundle, TEXT_GRAPH, providers)
        self._decoder = _session(bundle, decoder, providers)
        takes_several = not isinstance(self._decoder.get_inputs()[0].shape[0], int)
        self.batches = DecodeBatches(self._run_decoder) if is_batched and takes_several else None

    @classmethod
    def open(
        cls,
        folder: str | Path,
        *,
        trusted_keys: Sequence[str] | None = None,
        providers: Sequence[str] = CPU,
        is_batched: bool = False,
    ) -> OnnxVoice:
        """Verify a bundle folder and make its sessions.

        Args:
            folder: of the bundle.
            trusted_keys: public keys, base64; by default those that the installation trusts, its own among them.
            providers: of ONNX Runtime.
            is_batched: see the class.

        Raises:
            VoiceNotFound: no bundle there.
            ExportError: one of its leaves; nothing of such a bundle is loaded.
        """
        keys = Installation().trusted_keys() if trusted_keys is None else trusted_keys
        return cls(open_bundle(Path(folder), trusted_keys=keys), providers=providers, is_batched=is_batched)

    def speak(self, phone_ids_3L: np.ndarray, speaker_embedding_E: np.ndarray, **manner: Unpack[Manner]) -> np.ndarray:
        """Speak one sentence.

        Args:
            phone_ids_3L: (3, L) int64 of ``text.inventory.token_ids``.
            speaker_embedding_E: (E,) float32, a row of ``vectors_SE``.
            manner: see ``Manner``.

        Returns:
            (N,) float32 about [-1, 1] at ``sample_rate_hz``, unmarked.

        Raises:
            SpeechInputInvalid, ConfigError: an argument that the graphs cannot take.
        """
        return self._decode(*self.read(phone_ids_3L, speaker_embedding_E, **manner))

    def stream(
        self,
        phone_ids_3L: np.ndarray,
        speaker_embedding_E: np.ndarray,
        *,
        first_frames: int = FIRST_WINDOW_FRAMES,
        longest_frames: int = LONGEST_WINDOW_FRAMES,
        **manner: Unpack[Manner],
    ) -> Iterator[np.ndarray]:
        """As ``speak``, in chunks that joined are its samples to 1e-4; see ``stream_read``."""
        reading = self.read_durations(phone_ids_3L, speaker_embedding_E, **manner)
        yield from self.stream_read(reading, first_frames=first_frames, longest_frames=longest_frames)

    def stream_read(
        self,
        reading: Reading,
        *,
        first_frames: int = FIRST_WINDOW_FRAMES,
        longest_frames: int = LONGEST_WINDOW_FRAMES,
    ) -> Iterator[np.ndarray]:
        """Speak what was read, in chunks.

        Args:
            reading: of ``read_durations``.
            first_frames: length of the first chunk, 1 or more, in frames of ``hop_samples``.
            longest_frames: chunks double up to here.
        """
        if first_frames < 1 or longest_frames < first_frames:
            raise ConfigError(f"windows of {first_frames} to {longest_frames} frames; give 1 or more, rising")
        latent, condition, _ = reading
        frames, begin, length = latent.shape[2], 0, first_frames
        while begin < frames:
            end = min(begin + length, frames)
            left, right = max(0, begin - self.context_frames), min(frames, end + self.context_frames)
            window = self._decode(np.ascontiguousarray(latent[:, :, left:right]), condition)
            yield window[(begin - left) * self.hop_samples : (end - left) * self.hop_samples]
            begin, length = end, min(2 * length, longest_frames)

    def read(
        self, phone_ids_3L: np.ndarray, speaker_embedding_E: np.ndarray, **manner: Unpack[Manner]
    ) -> tuple[np.ndarray, np.ndarray]:
        """The latents (1, C, frames) of a sentence and its condition (1, G), still to decode; see ``Manner``."""
        return self.read_durations(phone_ids_3L, speaker_embedding_E, **manner)[:2]

    def read_durations(
        self,
        phone_ids_3L: np.ndarray,
        speaker_embedding_E: np.ndarray,
        *,
        labels: tuple[int, int] = (0, 0),
        speed: float = 1.0,
        noise_scale: float = 0.5,
        seed: int | Sequence[int] = 0,
        noise_TC: np.ndarray | None = None,
    ) -> Reading:
        """A sentence with how long each of its phones is; see ``Manner``."""
        ids, vector = _checked_ids(phone_ids_3L), _checked_vector(speaker_embedding_E, self.vectors_SE.shape[1])
        noise = _Noise(noise_scale, seed, noise_TC)
        feeds = {
            "ids": ids[None],
            "speaker_embedding": vector[None],
            "labels": np.array([labels], dtype=np.int64),
            "speed": np.array([checked_speed(speed)], dtype=np.float32),
        }
        drawn = noise.frames(int(np.ceil(ids.shape[1] * NOISE_FRAMES_A_PHONE / min(speed, 1.0))), self.noise_channels)
        reading = self._run_text(feeds, drawn)
        wanted = int(reading.durations_L.sum())
        if wanted > len(drawn):
            drawn = noise.frames(wanted, self.noise_channels)
            if len(drawn) < wanted:
                raise SpeechInputInvalid(f"noise of {len(drawn)} frames was given for speech of {wanted}")
            reading = self._run_text(feeds, drawn)
        return reading

    def _run_text(self, feeds: dict[str, np.ndarray], noise_TC: np.ndarray) -> Reading:
        """Frames beyond the noise are cut from the latents, and not from the durations."""
        names = ["latent", "condition", "durations"]
        latent, condition, durations = map(np.asarray, self._text.run(names, {**feeds, "noise": noise_TC[None]}))
        return Reading(latent, condition, durations[0])

    def _decode(self, latent_1CT: np.ndarray, condition_1G: np.ndarray) -> np.ndarray:
        if self.batches is not None:
            return self.batches.decode(latent_1CT, condition_1G)
        return self._run_decoder(latent_1CT, condition_1G)[0]

    def _run_decoder(self, latent_BCT: np.ndarray, condition_BG: np.ndarray) -> np.ndarray:
        (waveform,) = self._decoder.run(["waveform"], {"latent": latent_BCT, "condition": condition_BG})
        return np.asarray(waveform)


class _Noise:
    """Scaled noise, drawn or given."""

    def __init__(self, scale: float, seed: int | Sequence[int], given_TC: np.ndarray | None) -> None:
        self._scale, self._seed, self._given = np.float32(scale), seed, given_TC

    def frames(self, count: int, channels: int) -> np.ndarray:
        if self._given is None:
            return normal_noise(self._seed, count, channels) * self._scale
        if self._given.ndim != 2 or self._given.shape[1] != channels:
            raise SpeechInputInvalid(f"noise has shape {self._given.shape}; give (frames, {channels}) float32")
        return np.ascontiguousarray(self._given, dtype=np.float32)


def session_options() -> onnxruntime.SessionOptions:
    """One thread, no spinning, and no arena: with lengths that always differ it keeps what it once took."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    return options


def _session(bundle: Bundle, name: str, providers: Sequence[str]) -> onnxruntime.InferenceSession:
    content = bundle.content(name)
    try:
        return onnxruntime.InferenceSession(content, session_options(), providers=list(providers))
    except Exception as error:  # ONNX Runtime has no base class of its own
        raise bundle.unusable(f"{name} cannot be loaded ({error})") from error


def _checked_ids(ids_3L: np.ndarray) -> np.ndarray:
    if ids_3L.ndim != 2 or ids_3L.shape[0] != 3 or ids_3L.shape[1] < 1 or ids_3L.dtype.kind not in "iu":
        raise SpeechInputInvalid(
            f"phones have shape {ids_3L.shape} of {ids_3L.dtype}; give (3, L) integers: phone, tone, language"
        )
    sizes = np.array([[len(PHONES)], [NUM_TONES], [len(LANGUAGES)]])
    if ((ids_3L < 0) | (ids_3L >= sizes)).any():
        row, at = np.argwhere((ids_3L < 0) | (ids_3L >= sizes))[0]
        raise SpeechInputInvalid(
            f"{('phone', 'tone', 'language')[row]} {ids_3L[row, at]} at position {at} is not in the inventory "
            f"(0 to {sizes[row, 0] - 1}); make phones with clock_train.text.inventory.token_ids"
        )
    return np.ascontiguousarray(ids_3L, dtype=np.int64)


def _checked_vector(vector_E: np.ndarray, width: int) -> np.ndarray:
    vector = np.ascontiguousarray(vector_E, dtype=np.float32)
    if vector.shape != (width,) or not np.isfinite(vector).all():
        raise SpeechInputInvalid(f"the speaker vector has shape {vector.shape}; give ({width},) finite numbers")
    return vector
