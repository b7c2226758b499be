"""``SpeechClient``: speech in three lines, for programs without an event loop.

with SpeechClient("127.0.0.1:8881") as client:
    client.synthesize("Good morning.", voice="anna", format="mp3").save("morning.mp3")
    for piece in client.stream("A long text ...", voice="anna", format="pcm"): ...
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import grpc

from clock_train.api.speech_v1 import speech_pb2, speech_pb2_grpc
from clock_train.client.playing import Player
from clock_train.client.sounds import Spoken, SpokenPiece, Timed, VoiceFacts, format_of
from clock_train.client.wire import (
    OPTIONS,
    Asked,
    credentials,
    error_of,
    live_requests,
    metadata,
    piece_of,
    spoken_of,
    voices_of,
)
from clock_train.errors import SpeechCut

TIMEOUT_S = 60.0
LIVE_S = 3_600.0
"""For a text that is being written."""


class SpeechClient:
    """A connection to a gateway, for any number of threads.

    Args:
        address: host and port of its gRPC.
        key: an API key; None where the server asks for none.
        tls: whether it speaks TLS.
        ca: file with the certificate that signed the server's, where the machine does not trust it.
        timeout_s: of each call; a stream may take ten times that.
    """

    def __init__(
        self,
        address: str = "127.0.0.1:8881",
        *,
        key: str | None = None,
        tls: bool = False,
        ca: str | Path | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._key, self._timeout_s = key, timeout_s
        if tls or ca is not None:
            secure = credentials(None if ca is None else Path(ca))
            self._channel = grpc.secure_channel(address, secure, options=OPTIONS)
        else:
            self._channel = grpc.insecure_channel(address, options=OPTIONS)
        self._stub = speech_pb2_grpc.SpeechServiceStub(self._channel)

    def __enter__(self) -> SpeechClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the connection go."""
        self._channel.close()

    def voices(self) -> list[VoiceFacts]:
        """Those that this key may hear.

        Raises:
            ClockTrainError: what the server says.
        """
        try:
            asked = speech_pb2.ListVoicesRequest()
            return voices_of(self._stub.ListVoices(asked, timeout=self._timeout_s, metadata=metadata(self._key, None)))
        except grpc.RpcError as error:
            raise error_of(error) from error

    def synthesize(self, text: str = "", *, voice: str = "", request_id: str | None = None, **how: Any) -> Spoken:
        """A whole sound.

        Args:
            text: what to say; or give ``script`` or ``ssml``.
            voice: name, alias or version.
            request_id: a word of yours that stands in the server's log.
            how: see ``client.wire.Asked``.

        Raises:
            ClockTrainError: what the server says.
        """
        asked = Asked(text=text, voice=voice, **how)
        request = speech_pb2.SynthesizeRequest(**asked.fields())
        try:
            answer = self._stub.Synthesize(request, timeout=self._timeout_s, metadata=metadata(self._key, request_id))
        except grpc.RpcError as error:
            raise error_of(error) from error
        return spoken_of(answer, asked)

    def stream(
        self, text: str = "", *, voice: str = "", request_id: str | None = None, **how: Any
    ) -> Iterator[SpokenPiece]:
        """Pieces of the file as they are spoken; leaving the loop stops the server too. See ``synthesize``.

        Raises:
            ClockTrainError: what the server says.
            SpeechCut: the stream ended before the sound did.
        """
        asked = Asked(text=text, voice=voice, **how)
        request = speech_pb2.SynthesizeStreamRequest(**asked.fields())
        call = self._stub.SynthesizeStream(
            request, timeout=10 * self._timeout_s, metadata=metadata(self._key, request_id)
        )
        yield from _pieces(call)

    def live(
        self, texts: Iterable[str], *, voice: str, request_id: str | None = None, **how: Any
    ) -> Iterator[SpokenPiece]:
        """Pieces of the sound while the text is still being written: each sentence is spoken once it is whole.

        Args:
            texts: as they are written, in pieces of any size, read in a thread of its own; an empty one says what there
                is, though no sentence ends there.
            voice: name, alias or version.
            request_id: a word of yours that stands in the server's log.
            how: see ``client.wire.Asked``, but for ``script`` and ``ssml``. With ``pcm`` a sentence is whole when it is
                spoken; other formats keep its last moment back until the next one.

        Raises:
            ClockTrainError: what the server says.
            SpeechCut: the stream ended before the sound did.
        """
        call = self._stub.SynthesizeLive(
            live_requests(Asked(voice=voice, **how), texts),
            timeout=LIVE_S,
            metadata=metadata(self._key, request_id),
        )
        yield from _pieces(call)

    def save(self, text: str, path: str | Path, *, voice: str = "", **how: Any) -> Path:
        """Speak into a file of any length; its name says the format unless ``format`` does.

        Raises:
            ClockTrainError: what the server says; no half a file is left.
            AudioUnwritable: no room, no permission, or no such folder.
        """
        from clock_train.audio.writing import write_atomically

        how.setdefault("format", format_of(path) or "wav")

        def write(stream: Any) -> None:
            for piece in self.stream(text, voice=voice, **how):
                stream.write(piece.content)

        write_atomically(Path(path), write)
        return Path(path)

    def play(self, text: str = "", *, voice: str = "", player: Player | None = None, **how: Any) -> list[Timed]:
        """Speak to a loudspeaker; returns when it was heard.

        Args:
            text: see ``synthesize``.
            voice: see ``synthesize``.
            player: by default the machine's loudspeaker.
            how: see ``client.wire.Asked``; the format is pcm at 24 kHz.

        Raises:
            PlayerMissing: no loudspeaker, or the part "record" is not installed.
            ClockTrainError: what the server says.
        """
        how |= {"format": "pcm", "sample_rate_hz": 24_000}
        timed: list[Timed] = []
        with player or Player(24_000) as sink:
            for piece in self.stream(text, voice=voice, **how):
                sink.write(piece.content)
                timed += piece.timed
        return timed


def _pieces(call: Any) -> Iterator[SpokenPiece]:
    """Of a stream, which is cancelled where its reader leaves."""
    is_whole = False
    try:
        for part in call:
            is_whole = part.WhichOneof("part") == "summary"
            if part.audio or part.timepoints:
                yield piece_of(part)
    except grpc.RpcError as error:
        raise error_of(error) from error
    finally:
        call.cancel()
    if not is_whole:
        raise SpeechCut("the stream ended before the sound did; ask again")
