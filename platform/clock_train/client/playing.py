"""A loudspeaker, through PortAudio, which is optional."""

from __future__ import annotations

from typing import Any

from clock_train.errors import PlayerMissing


class Player:
    """Plays 16-bit samples as they come.

    Args:
        sample_rate_hz: of them.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._rate_hz = sample_rate_hz
        self._stream: Any = None

    def __enter__(self) -> Player:
        try:
            import sounddevice

            self._stream = sounddevice.RawOutputStream(samplerate=self._rate_hz, channels=1, dtype="int16")
            self._stream.start()
        except (ImportError, OSError) as error:
            raise PlayerMissing(
                'playing needs the part "record" and PortAudio (Debian: apt install libportaudio2); or save a file'
            ) from error
        except Exception as error:  # PortAudio's own, which only exists where it is installed
            raise PlayerMissing(f"no loudspeaker was found ({error}); plug one in, or save a file") from error
        return self

    def write(self, samples: bytes) -> None:
        """Samples of 16 bits, little-endian; waits while much is still to be heard."""
        self._stream.write(samples)

    def __exit__(self, *_: object) -> None:
        if self._stream is not None:
            self._stream.stop()  # when it was heard
            self._stream.close()
