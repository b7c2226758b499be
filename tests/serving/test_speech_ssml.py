"""SSML and lexicons at both doors of the real server: pauses, voices, phones, marks, and places in the SSML."""

from __future__ import annotations

import base64
import io
import json
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
import soundfile
from front_process import Front, front  # pyright: ignore[reportMissingImports]
from served_voices import found_in, voices_in  # pyright: ignore[reportMissingImports]

from clock_train.api.speech_v1 import speech_pb2, speech_pb2_grpc
from clock_train.issuing.installation import Installation

pytestmark = pytest.mark.ring2
FRAME_S = 0.016
LONG = "The north wind and the sun were disputing which was the stronger. " * 6
"""A tiny voice's noise carries a payload less well than speech."""
LEXICON = {
    "schemaVersion": 1,
    "language": "en",
    "entries": [
        {"grapheme": "ClockTrain", "phones": "T AH0 M AA1 T OW2"},
        {"grapheme": "W3C", "alias": "World Wide Web"},
    ],
}
PLS = """<lexicon version="1.0" xmlns="http://www.w3.org/2005/01/pronunciation-lexicon" alphabet="ipa">
<lexeme><grapheme>ClockTrain</grapheme><phoneme>kæt</phoneme></lexeme></lexicon>"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ssml")
    voices_in(folder, "anna", "ben")
    lexicons = folder / "lexicons" / "default"
    lexicons.mkdir(parents=True)
    (lexicons / "product.json").write_text(json.dumps(LEXICON))
    (lexicons / "names.pls").write_text(PLS)
    (lexicons / "broken.json").write_text("{")
    (folder / "lexicons" / "other").mkdir()
    (folder / "lexicons" / "other" / "theirs.json").write_text(json.dumps(LEXICON))
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Front]:
    with front(folder / "voices", folder / "issuing", "--lexicons", str(folder / "lexicons")) as running:
        yield running


@pytest.fixture(scope="module")
def stub(served: Front) -> Iterator[speech_pb2_grpc.SpeechServiceStub]:
    with grpc.insecure_channel(served.grpc) as channel:
        yield speech_pb2_grpc.SpeechServiceStub(channel)


def asked(served: Front, input: str, path: str = "/captioned", /, **body: object) -> httpx.Response:
    given = {"input": input, "voice": "anna", "input_type": "ssml", "response_format": "wav", "language": "en"}
    return httpx.post(f"{served.http}/v1/audio/speech{path}", json=given | body, timeout=120)


def told(served: Front, input: str, **body: object) -> dict[str, Any]:
    response = asked(served, input, **body)
    assert response.status_code == 200, response.text
    return response.json()


def speak(body: str) -> str:
    return f"<speak>{body}</speak>"


def phones(served: Front, input: str, **body: object) -> list[str]:
    return [each["phone"] for each in told(served, input, timestamps=["phone"], **body)["phones"]]


def refused(served: Front, input: str, **body: object) -> tuple[int, dict[str, Any]]:
    response = asked(served, input, "", **body)
    return response.status_code, response.json()["error"]


def whole(stub: speech_pb2_grpc.SpeechServiceStub, kinds: list[int], **said: Any) -> speech_pb2.SynthesizeResponse:
    utterance = speech_pb2.Utterance(**{"voice": "anna", "language": "en", **said})
    options = speech_pb2.AudioOptions(timepoints=kinds)  # pyright: ignore[reportArgumentType]
    return stub.Synthesize(speech_pb2.SynthesizeRequest(utterance=utterance, options=options), timeout=60)


def phones_of(answer: speech_pb2.SynthesizeResponse) -> list[str]:
    return [point.value for point in answer.timepoints if point.kind == speech_pb2.TIMEPOINT_KIND_PHONE]


PHONE, WORD, MARK = speech_pb2.TIMEPOINT_KIND_PHONE, speech_pb2.TIMEPOINT_KIND_WORD, speech_pb2.TIMEPOINT_KIND_MARK


@pytest.mark.parametrize("seconds", [0.3, 1.5])
def test_a_break_is_as_long_as_it_says(served: Front, seconds: float) -> None:
    found = told(served, speak(f"Good morning. <break time='{seconds}s'/> How are you?"))
    before, after = found["sentences"]
    assert after["start"] - before["end"] == pytest.approx(seconds, abs=FRAME_S)
    morning, how = found["words"][1:3]
    assert how["start"] - morning["end"] >= seconds - FRAME_S
    waveform, rate_hz = soundfile.read(io.BytesIO(base64.b64decode(found["audio"])))
    assert found["duration"] == pytest.approx(len(waveform) / rate_hz, abs=1e-3)


def test_a_break_in_a_sentence_is_there_and_adds_no_word(served: Front) -> None:
    found = told(served, speak("Good <break time='1s'/> morning."))
    assert [word["word"] for word in found["words"]] == ["Good", "morning"]
    assert found["words"][1]["start"] - found["words"][0]["end"] >= 1.0 - FRAME_S


def test_two_voices_are_two_lines_of_the_log_and_two_marks(served: Front, folder: Path) -> None:
    ssml = speak(f"{LONG}<break time='1s'/><voice name='ben'>{LONG}</voice>")
    response = asked(served, ssml)
    found = response.json()
    request_id = response.headers["x-request-id"]
    waveform, rate_hz = soundfile.read(io.BytesIO(base64.b64decode(found["audio"])), dtype="float32")
    turn_s = found["sentences"][6]["start"]
    assert turn_s - found["sentences"][5]["end"] == pytest.approx(1.0, abs=0.02)
    installation = Installation(folder / "issuing")
    marks = [found_in(installation, part) for part in np.split(waveform, [int(turn_s * rate_hz)])]
    assert len({mark.payload.hex for mark in marks if mark.payload is not None}) == 2
    logged = subprocess.run(
        ["grep", "-rhoaE", f"{request_id}(\\.1)?", str(folder / "issuing")], capture_output=True, text=True, check=False
    ).stdout.split()
    assert {request_id, f"{request_id}.1"} <= set(logged)


def test_a_full_stop_behind_a_voice_or_a_break_takes_no_sentence_with_it(served: Front) -> None:
    found = told(served, speak("<voice name='ben'>Hi</voice>. Next one <break/>. And a last one."))
    assert " ".join(word["word"] for word in found["words"]) == "Hi Next one And a last one"


def test_a_voice_that_there_is_not_is_refused(served: Front) -> None:
    status, error = refused(served, speak("One <voice name='nobody'>two</voice>"))
    assert (status, error["code"]) == (404, "voice_not_found")


def test_text_that_says_voice_switches_none_unless_it_is_asked_for_as_ssml(served: Front) -> None:
    text = "<speak>Hello <voice name='nobody'>you</voice></speak>"
    assert asked(served, text, input_type="text").status_code == 200
    found = told(served, speak("Hello &lt;voice name='nobody'&gt;you"))
    assert found["voice"] == "anna@1"


def test_marks_come_back_where_they_stand(served: Front) -> None:
    ssml = speak(
        "<mark name='a'/>One two <mark name='b'/>three. <break time='1s'/><mark name='c'/>Four<mark name='d'/>"
    )
    found = told(served, ssml, timestamps=["mark"])
    words = {word["word"]: word for word in found["words"]}
    assert [(mark["mark"], mark["start"]) for mark in found["marks"]] == [
        ("a", words["One"]["start"]), ("b", words["three"]["start"]), ("c", words["Four"]["start"]),
        ("d", words["Four"]["end"]),
    ]  # fmt: skip
    starts = [mark["char_start"] for mark in found["marks"]]
    assert starts == sorted(starts) and ssml[starts[1] :].startswith("three")


def test_phonemes_change_the_phones(served: Front) -> None:
    plain = phones(served, speak("A tomato here."))
    british = phones(served, speak("A <phoneme ph='təˈmɑːtoʊ'>tomato</phoneme> here."))
    own = phones(served, speak("A <phoneme alphabet='x-clocktrain' ph='T AH0 M AA1 T OW0'>tomato</phoneme> here."))
    assert plain != british == own


def test_a_rate_changes_the_time_of_its_words_only(served: Front) -> None:
    line = "{}<break time='1s'/>{}"
    words = "One two three four five six seven."
    slow = told(served, speak(line.format(words, f"<prosody rate='50%'>{words}</prosody>")), seed=3)["words"]
    first, second = (part[-1]["end"] - part[0]["start"] for part in (slow[:7], slow[7:]))
    assert second == pytest.approx(2 * first, rel=0.25)


def test_words_point_into_the_ssml(served: Front) -> None:
    ssml = speak(
        "Now &amp; <emphasis>then</emphasis>, a <phoneme ph='kæt'>cat</phoneme> of "
        "<sub alias='Acme'>IBM</sub> <voice name='ben'>sat.</voice> <s>It <break/> purred</s>"
    )
    found = told(served, ssml)
    pointed = [ssml[word["char_start"] : word["char_end"]] for word in found["words"]]
    assert pointed == ["Now", "&amp;", "then", "a", "cat", "of", "IBM", "sat", "It", "purred"]
    assert all(one["char_start"] <= other["char_start"] for one, other in pairwise(found["words"]))


def test_captions_show_no_tag(served: Front) -> None:
    ssml = speak("Tom &amp; <emphasis>Ann</emphasis>. <voice name='ben'>And <sub alias='Acme'>IBM</sub>.</voice>")
    srt = asked(served, ssml, caption_format="srt").text
    assert [line for line in srt.splitlines() if line and not line[0].isdigit()] == ["Tom & Ann.", "And IBM."]


def test_what_has_no_effect_is_named_or_refused_where_that_is_wished(served: Front) -> None:
    ssml = speak("<emphasis>One</emphasis> <prosody pitch='high'>two</prosody>.<break/>")
    assert asked(served, ssml, "").headers["x-clocktrain-ignored"] == "break@end,emphasis,prosody@pitch"
    body = {"input": ssml, "voice": "anna", "input_type": "ssml"}
    strict = httpx.post(f"{served.http}/v1/audio/speech", json=body, headers={"x-clocktrain-strict": "1"})
    assert (strict.status_code, strict.json()["error"]["param"]) == (400, "break@end")


@pytest.mark.parametrize(
    ("ssml", "message"),
    [
        ("Hello", "line 1, column 1"),
        ("<speak>\n  <blink/></speak>", "line 2, column 3"),
        ('<!DOCTYPE speak [<!ENTITY a "b">]><speak>&a;</speak>', "a DOCTYPE is not taken"),
        (speak("<break time='11s'/>x"), "at most 10"),
        (speak("<phoneme ph='q#'>x</phoneme>"), "no IPA symbol"),
        ("<speak>" + "<p>" * 10_000, "16 deep"),
    ],
)
def test_wrong_ssml_is_refused_with_its_place(
    served: Front, stub: speech_pb2_grpc.SpeechServiceStub, ssml: str, message: str
) -> None:
    status, error = refused(served, ssml)
    assert (status, error["code"]) == (400, "ssml_invalid") and message in error["message"]
    with pytest.raises(grpc.RpcError) as raised:
        whole(stub, [], ssml=ssml)
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT  # pyright: ignore[reportAttributeAccessIssue]
    assert message in str(raised.value.details())  # pyright: ignore[reportAttributeAccessIssue]


def test_ssml_without_a_word_is_empty(served: Front) -> None:
    assert refused(served, speak("<break/>"))[1]["code"] == "text_empty"
    assert refused(served, speak("<p>!</p>"))[1]["code"] == "text_empty"


def test_lexicons_change_phones_by_name_and_in_the_request(served: Front) -> None:
    text = "The ClockTrain is here."
    plain = phones(served, text, input_type="text")
    tomato = phones(served, "The <ClockTrain|T AH0 M AA1 T OW2> is here.", input_type="text")
    cat = phones(served, "The <ClockTrain|/kæt/> is here.", input_type="text")
    assert len({tuple(each) for each in (plain, tomato, cat)}) == 3
    assert phones(served, text, input_type="text", lexicon="product") == tomato
    assert phones(served, text, input_type="text", lexicon="names") == cat
    own = [{"phrase": "clocktrain", "phones": "/kæt/"}]
    assert phones(served, text, input_type="text", pronunciations=own) == cat
    assert phones(served, text, input_type="text", lexicon="product", pronunciations=own) == cat
    assert phones(served, speak(text), lexicon="product") == tomato
    given = "The <phoneme ph='kæt'>ClockTrain</phoneme> is here."
    assert phones(served, speak(given), lexicon="product") == cat
    script = [{"text": text, "voice": "anna", "language": "en"}]
    body = {"script": script, "lexicon": "product", "timestamps": ["phone"], "response_format": "wav"}
    spoken = httpx.post(f"{served.http}/v1/audio/speech/captioned", json=body, timeout=60).json()
    assert [each["phone"] for each in spoken["phones"]] == tomato


def test_words_of_a_lexicon_point_to_what_was_written(served: Front) -> None:
    text = "Ask the W3C or ClockTrain."
    words = told(served, text, input_type="text", lexicon="product")["words"]
    assert [word["word"] for word in words] == ["Ask", "the", "World", "Wide", "Web", "or", "ClockTrain"]
    pointed = [text[word["char_start"] : word["char_end"]] for word in words]
    assert "".join(pointed[2:5]) == "W3C" and (pointed[1], pointed[6]) == ("the", "ClockTrain")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"lexicon": "none"}, 404, "lexicon_not_found"),
        ({"lexicon": "theirs"}, 404, "lexicon_not_found"),
        ({"lexicon": "../other/theirs"}, 404, "lexicon_not_found"),
        ({"lexicon": "broken"}, 400, "lexicon_invalid"),
        ({"pronunciations": [{"phrase": "x"}]}, 400, "request_invalid"),
        ({"pronunciations": [{"phrase": "x", "phones": "QQ"}]}, 400, "request_invalid"),
        ({"pronunciations": [{"phrase": "x", "alias": "y"}] * 1_001}, 400, "request_invalid"),
        ({"pronunciations": [{"phrase": "x", "sound": "y"}]}, 400, "request_invalid"),
        ({"input_type": "xml"}, 400, "request_invalid"),
    ],
)
def test_a_pronunciation_that_cannot_be_had_is_refused(
    served: Front, body: dict[str, object], status: int, code: str
) -> None:
    found, error = refused(served, "Hello x.", **({"input_type": "text"} | body))
    assert (found, error["code"]) == (status, code)


def test_a_lexicon_is_read_again_when_it_changed(served: Front, folder: Path) -> None:
    path = folder / "lexicons" / "default" / "new.json"
    assert refused(served, "Hello.", input_type="text", lexicon="new")[0] == 404
    for alias in ("one", "two"):
        entries = [{"grapheme": "Hello", "alias": alias}]
        path.write_text(json.dumps(LEXICON | {"entries": entries}) + " " * len(alias))
        (word,) = told(served, "Hello.", input_type="text", lexicon="new")["words"]
        assert word["word"] == alias


def test_a_script_takes_no_ssml(served: Front) -> None:
    body = {"script": [{"text": "<speak>x</speak>", "voice": "anna"}], "input_type": "ssml"}
    response = httpx.post(f"{served.http}/v1/audio/speech", json=body)
    assert (response.status_code, response.json()["error"]["param"]) == (400, "input_type")


def test_the_grpc_door_does_the_same(served: Front, stub: speech_pb2_grpc.SpeechServiceStub) -> None:
    ssml = speak(
        "A <phoneme ph='kæt'>ClockTrain</phoneme>, ClockTrain <break time='1s'/><mark name='m'/>"
        "<voice name='ben'>and a W3C</voice> <emphasis>here</emphasis>"
    )
    own = [speech_pb2.Pronunciation(phrase="ClockTrain", phones="T AH0 M AA1 T OW2")]
    answer = whole(stub, [WORD, PHONE, MARK], ssml=ssml, lexicon="product", pronunciations=own)
    http = told(
        served, ssml, timestamps=["mark", "phone"], lexicon="product",
        pronunciations=[{"phrase": "ClockTrain", "phones": "T AH0 M AA1 T OW2"}],
    )  # fmt: skip
    assert phones_of(answer) == [each["phone"] for each in http["phones"]]
    assert list(answer.format.ignored) == ["emphasis"]
    words = [point for point in answer.timepoints if point.kind == WORD]
    assert [ssml[word.char_start : word.char_end] for word in words[:3]] == ["A", "ClockTrain", "ClockTrain"]
    (mark,) = [point for point in answer.timepoints if point.kind == MARK]
    assert mark.value == "m" and mark.start_seconds == pytest.approx(http["marks"][0]["start"])
    stream = stub.SynthesizeStream(
        speech_pb2.SynthesizeStreamRequest(utterance=speech_pb2.Utterance(voice="anna", language="en", ssml=ssml))
    )
    assert sum(len(part.audio) for part in stream) > 16_000


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"text": "a", "ssml": "<speak>a</speak>"}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"text": "a", "lexicon": "none"}, grpc.StatusCode.NOT_FOUND),
        ({"text": "a", "pronunciations": [speech_pb2.Pronunciation(phrase="a")]}, grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
def test_the_grpc_door_refuses_the_same(
    stub: speech_pb2_grpc.SpeechServiceStub, said: dict[str, Any], code: grpc.StatusCode
) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        whole(stub, [], **said)
    assert raised.value.code() is code  # pyright: ignore[reportAttributeAccessIssue]


def test_the_server_lists_what_it_does(served: Front) -> None:
    listed = httpx.get(f"{served.http}/v1/audio/ssml").json()
    assert listed["elements"]["break"] == ["time", "strength"] and "ipa" in listed["phoneme_alphabets"]
    assert listed["max"] == {"characters": 100_000, "elements": 2_000, "depth": 16}
