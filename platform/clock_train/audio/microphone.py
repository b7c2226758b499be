"""The microphone, through PortAudio, which is optional: a machine that trains needs none.

Sound arrives in PortAudio's own thread and waits in a queue, so drawing the meter never loses a sample.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Any

import numpy as np

from clock_train.audio.resampling import resample
from clock_train.audio.take_sources import BLOCK_S, MAX_TAKE_S, SAMPLE_RATE_HZ, Take
from clock_train.errors import RecordingDeviceMissing

FIRST_SOUND_S = 5.0
"""Bluetooth microphones need seconds to wake; longer means that no sound comes at all."""
KEY_CLICK_S = 0.1
"""Cut off at both ends: the keys that start and stop a take are loud beside a microphone."""
OTHER_WAY = 'Or record with any program and give the file: "--from-wav FILE".'


class Microphone:
    """Takes from an input device."""

    def __init__(self, device: str | None = None) -> None:
        self._sounddevice = _portaudio()
        name: str | int | None = int(device) if device is not None and device.isdigit() else device
        try:
            found: Any = self._sounddevice.query_devices(name, kind="input")
        except (self._sounddevice.PortAudioError, ValueError) as error:
            raise RecordingDeviceMissing(
                f"{'no microphone' if device is None else f'no input device {device!r}'} was found ({error}). "
                f'Plug one in; "python -m sounddevice" lists what is there. {OTHER_WAY}'
            ) from error
        self._device = name
        self.name: str = found["name"]
        self._rate_hz = self._choose_rate(round(found["default_samplerate"]))

    def record(self, is_over: Callable[[], bool], on_block: Callable[[np.ndarray], None]) -> Take | None:
        """See ``TakeSource``.

        Raises:
            RecordingDeviceMissing: the device was unplugged, is taken by another program, or gives no sound.
        """
        blocks: queue.Queue[np.ndarray] = queue.Queue()
        has_gaps = False

        def arrive(samples: np.ndarray, num_frames: int, time: Any, status: Any) -> None:
            del num_frames, time
            nonlocal has_gaps
            has_gaps |= bool(status.input_overflow)
            blocks.put(samples[:, 0].copy())

        parts: list[np.ndarray] = []
        num_blocks = round(MAX_TAKE_S / BLOCK_S)
        try:
            with self._sounddevice.InputStream(
                samplerate=self._rate_hz,
                blocksize=round(BLOCK_S * self._rate_hz),
                device=self._device,
                channels=1,
                dtype="float32",
                callback=arrive,
            ):
                while len(parts) < num_blocks and not is_over():
                    parts.append(blocks.get(timeout=FIRST_SOUND_S))
                    on_block(parts[-1])
        except queue.Empty as error:
            raise RecordingDeviceMissing(
                f"the microphone {self.name!r} gives no sound. Unplug it and plug it in again. {OTHER_WAY}"
            ) from error
        except self._sounddevice.PortAudioError as error:
            raise RecordingDeviceMissing(
                f"the microphone {self.name!r} cannot be opened ({error}). Close programs that use it. {OTHER_WAY}"
            ) from error
        click = round(KEY_CLICK_S * self._rate_hz)
        waveform = np.concatenate(parts)[click:-click] if parts else np.zeros(0, dtype=np.float32)
        return Take(waveform=resample(waveform, self._rate_hz, SAMPLE_RATE_HZ), has_gaps=has_gaps)

    def play(self, waveform: np.ndarray) -> bool:
        """See ``TakeSource``."""
        try:
            self._sounddevice.play(waveform, SAMPLE_RATE_HZ, blocking=True)
        except (self._sounddevice.PortAudioError, ValueError):
            return False
        return True

    def _choose_rate(self, default_hz: int) -> int:
        """16 kHz where the device has it; else its own rate, and soxr brings it down."""
        try:
            self._sounddevice.check_input_settings(
                device=self._device, channels=1, dtype="float32", samplerate=SAMPLE_RATE_HZ
            )
        except (self._sounddevice.PortAudioError, ValueError):
            return default_hz
        return SAMPLE_RATE_HZ


def _portaudio() -> Any:
    try:
        import sounddevice
    except ImportError as error:
        raise RecordingDeviceMissing(
            'the Python package "sounddevice" is not installed. Install ClockTrain with its extra "record": '
            f'pip install "clock-train[record]". {OTHER_WAY}'
        ) from error
    except OSError as error:
        raise RecordingDeviceMissing(
            f"PortAudio is not installed on this machine. Debian and Ubuntu: apt install libportaudio2. {OTHER_WAY}"
        ) from error
    return sounddevice
