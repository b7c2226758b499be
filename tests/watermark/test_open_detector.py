"""The detector for everyone: what it tells, what it keeps to itself, and what it does not take."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from marking import DAY, RATE_HZ, marked, speech, tenant

from clock_train.audio.writing import write_wav
from clock_train.cli.detector_server import serve
from clock_train.errors import AudioEmpty, AudioNotAudio, DetectorRefused
from clock_train.watermark.open_detector import Limits, OpenDetector

ACME, OTHER = tenant("acme"), tenant("other")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """3 s unmarked, then 5 s with the mark of acme."""
    path = tmp_path_factory.mktemp("sound") / "a.wav"
    waveform = speech(8.0)
    waveform[3 * RATE_HZ :] = marked(waveform[3 * RATE_HZ :].copy(), ACME.embedding_key(DAY))
    write_wav(path, waveform, RATE_HZ)
    return path.read_bytes()


def detector(**limits: float) -> OpenDetector:
    return OpenDetector([ACME, OTHER], today=lambda: DAY, limits=Limits(**limits))  # type: ignore[arg-type]


def test_the_answer_says_where_and_whose_in_round_numbers_and_nothing_else(sound: bytes) -> None:
    answer = detector().answer(sound, client="me")
    assert answer["marked"] is True and answer["chance"] == "less than one in a trillion"
    assert {each["family"] for each in answer["segments"]} == {"acme"}
    assert min(each["start"] for each in answer["segments"]) == pytest.approx(3.0, abs=0.5)
    assert max(each["end"] for each in answer["segments"]) == pytest.approx(8.0, abs=0.5)
    for each in answer["segments"]:
        assert set(each) == {"start", "end", "family"} and each["start"] % 0.5 == 0
    assert set(answer) == {"marked", "chance", "seconds", "enoughSound", "segments"}


def test_an_unmarked_sound_gets_no_p_value_at_all(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", speech(4.0), RATE_HZ)
    answer = detector().answer((tmp_path / "a.wav").read_bytes(), client="me")
    assert answer == {"marked": False, "chance": None, "seconds": 4.0, "enoughSound": True, "segments": []}


def test_requests_are_counted_by_client_and_come_back_after_a_minute(sound: bytes) -> None:
    now = [0.0]
    limited = OpenDetector([ACME], today=lambda: DAY, limits=Limits(requests_a_minute=2), clock=lambda: now[0])
    for _ in range(2):
        with pytest.raises(AudioNotAudio):
            limited.answer(b"no sound, but a request all the same", client="me")
    now[0] = 20.0
    with pytest.raises(DetectorRefused, match="2 requests came within a minute; wait 40 s"):
        limited.answer(sound, client="me")
    assert limited.answer(sound, client="somebody else")["marked"]
    now[0] = 61.0
    assert limited.answer(sound, client="me")["marked"]


def test_what_is_too_large_too_long_or_no_sound_is_refused_with_the_reason(sound: bytes) -> None:
    with pytest.raises(DetectorRefused, match='or run "clocktrain watermark detect", which has no limit'):
        detector(max_bytes=1000).answer(sound, client="me")
    with pytest.raises(DetectorRefused, match="longer than 5 s; send a shorter piece"):
        detector(max_seconds=5.0).answer(sound, client="me")
    with pytest.raises(AudioEmpty, match="The file has no bytes"):
        detector().answer(b"", client="me")
    with pytest.raises(AudioNotAudio, match="The file is no sound file"):
        detector().answer(b"hello", client="me", name="../../etc/passwd.html")


@pytest.fixture
def address() -> Iterator[str]:
    server = serve(detector(), 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join(timeout=10)


def asked(request: urllib.request.Request) -> tuple[int, dict[str, object]]:
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_the_page_takes_a_file_and_answers(address: str, sound: bytes) -> None:
    with urllib.request.urlopen(address, timeout=10) as reply:
        page = reply.read().decode()
        assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
    assert "Drop a sound file here" in page and "20 MB and 5 minutes" in page
    assert "http://" not in page and "https://" not in page  # nothing from outside
    status, answer = asked(urllib.request.Request(f"{address}/detect", data=sound, method="POST"))
    assert status == 200 and answer["marked"] is True


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}])
def test_another_page_in_the_browser_may_not_ask(headers: dict[str, str], address: str, sound: bytes) -> None:
    request = urllib.request.Request(f"{address}/detect", data=sound, method="POST", headers=headers)
    assert asked(request)[0] == 404


def test_errors_come_with_code_and_message(address: str) -> None:
    status, answer = asked(urllib.request.Request(f"{address}/detect", data=b"hello", method="POST"))
    assert (status, answer["code"]) == (422, "audio_not_audio")
    for _ in range(6):
        status, answer = asked(urllib.request.Request(f"{address}/detect", data=b"hello", method="POST"))
    assert (status, answer["code"]) == (429, "detector_refused")
    assert asked(urllib.request.Request(f"{address}/other"))[0] == 404
