"""A spoken statement against real recordings: taken from the person, refused from another, a machine, or the past."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from clock_train.audio.reading import read_waveform
from clock_train.audio.writing import write_flac
from clock_train.compliance.giving_consent import AgreedRecordings, give_consent, recordings_of
from clock_train.compliance.speaker_match import Voiceprints, check_match, voiceprints_of
from clock_train.compliance.statement import missed
from clock_train.consent.challenge import Challenge, new_challenge
from clock_train.consent.record import CONSENT_NAME, read_record
from clock_train.data.build import build_corpus
from clock_train.data.manifest import read_corpus
from clock_train.data.sample import fetch_sample
from clock_train.errors import (
    AudioError,
    AudioTooLong,
    ConsentInvalid,
    StatementMismatch,
    StatementReplayed,
    StatementSynthetic,
    StatementUnheard,
)
from clock_train.issuing.installation import Installation
from clock_train.issuing.issuer import Issuer
from clock_train.orchestration.consents import require_consents

pytestmark = pytest.mark.ring2
RATE_HZ = 16_000
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SAID = ("agent-alreadyon", "vm-options", "conf-getchannel", "demo-congrats")
"""Prompts of the sample that are long, and read as if they were a statement."""


def prompt(name: str, language: str = "en") -> np.ndarray:
    return read_waveform(fetch_sample(language) / f"{name}.g722", sample_rate_hz=RATE_HZ)


def spoken(tmp_path: Path, names: tuple[str, ...], language: str = "en", name: str = "statement") -> Path:
    """One file in which these prompts follow each other."""
    path = tmp_path / f"{name}.flac"
    write_flac(path, np.concatenate([prompt(each, language) for each in names]), RATE_HZ)
    return path


def recordings(language: str, count: int = 20) -> Voiceprints:
    paths = sorted(fetch_sample(language).glob("*.g722"), key=lambda path: -path.stat().st_size)
    others = [path for path in paths if path.stem not in SAID][:count]
    return voiceprints_of([read_waveform(path, sample_rate_hz=RATE_HZ) for path in others])


@pytest.fixture(scope="module")
def voices() -> dict[str, Voiceprints]:
    return {language: recordings(language) for language in ("en", "it")}


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path / "issuing")


def asked(installation: Installation, words: list[str], language: str = "en") -> Challenge:
    """A sentence whose random words are among those of the prompts."""
    challenge = new_challenge(
        speaker_id="allison",
        language=language,
        purposes=["customer-service"],
        territories=["US"],
        until=date(2027, 12, 31),
        now=NOW,
    )
    challenge = replace(challenge, words=words)
    installation.consents().ask(challenge)
    return challenge


HEARD = ["agent", "is", "already", "logged", "on"]
"""Of the first prompt: 'That agent is already logged on.'"""


def agreed(tmp_path: Path, voice: Voiceprints) -> AgreedRecordings:
    (tmp_path / "recordings").mkdir(exist_ok=True)
    return AgreedRecordings(digest="ab" * 32, voice=voice, record_path=tmp_path / "recordings" / CONSENT_NAME)


def test_the_speaker_who_says_the_words_gives_a_signed_consent(
    tmp_path: Path, installation: Installation, voices: dict[str, Voiceprints]
) -> None:
    challenge, said = asked(installation, HEARD), spoken(tmp_path, SAID)
    record = give_consent(agreed(tmp_path, voices["en"]), challenge, said, installation=installation, now=NOW)
    installation.consents().check(record)
    assert read_record(tmp_path / "recordings") == record
    assert record.kind == "statement" and record.speaker_id == "allison"
    assert record.purposes == ["customer-service"] and record.territories == ["US"]
    assert (
        record.statement == challenge.sentence
        and record.statement_sha256 == hashlib.sha256(said.read_bytes()).hexdigest()
    )
    assert record.expiration_time == "2027-12-31T23:59:59+00:00" and record.consent_time == "2026-06-01T12:00:00+00:00"
    assert record.word_error_rate is not None and record.word_error_rate <= 0.4
    assert record.speaker_similarity is not None and record.speaker_similarity > 0.7
    with pytest.raises(StatementReplayed, match="it was answered"):
        give_consent(agreed(tmp_path, voices["en"]), challenge, said, installation=installation, now=NOW)


def test_another_speaker_may_not_agree(
    tmp_path: Path, installation: Installation, voices: dict[str, Voiceprints]
) -> None:
    challenge, said = asked(installation, HEARD), spoken(tmp_path, SAID)
    with pytest.raises(StatementMismatch, match="in another voice than the recordings"):
        give_consent(agreed(tmp_path, voices["it"]), challenge, said, installation=installation, now=NOW)
    assert installation.consents().records() == []
    assert not (tmp_path / "recordings" / CONSENT_NAME).exists()


def test_a_statement_without_the_words_that_were_asked_for_is_refused(
    tmp_path: Path, installation: Installation, voices: dict[str, Voiceprints]
) -> None:
    challenge = asked(installation, ["yellow", "river", "window", "garden", "monday"])
    with pytest.raises(StatementUnheard, match=r"does not say the words that were asked for \(yellow, river"):
        give_consent(
            agreed(tmp_path, voices["en"]), challenge, spoken(tmp_path, SAID), installation=installation, now=NOW
        )
    # a sentence that was refused may be said again
    assert installation.consents().asked(challenge.id, now=NOW) == challenge


def test_words_in_a_language_without_a_recogniser_are_not_checked_and_the_record_says_so(
    tmp_path: Path, installation: Installation, voices: dict[str, Voiceprints]
) -> None:
    challenge = asked(installation, ["黄河", "窗户", "花园", "星期", "七月"], language="zh")
    record = give_consent(
        agreed(tmp_path, voices["en"]), challenge, spoken(tmp_path, SAID), installation=installation, now=NOW
    )
    assert record.word_error_rate is None


def test_a_cloned_voice_may_not_agree_for_its_speaker(
    tmp_path: Path, installation: Installation, voices: dict[str, Voiceprints]
) -> None:
    sound = np.concatenate([prompt(each) for each in SAID])
    issue = Issuer(installation).begin(
        text="I agree.", voice="allison", consent_ids=[], sample_rate_hz=RATE_HZ, now=NOW
    )
    marked = np.concatenate([issue.push(sound), issue.finish()])
    write_flac(tmp_path / "cloned.flac", marked, RATE_HZ)
    with pytest.raises(StatementSynthetic, match="carries the mark of a cloned voice"):
        give_consent(
            agreed(tmp_path, voices["en"]),
            asked(installation, HEARD),
            tmp_path / "cloned.flac",
            installation=installation,
            now=NOW,
        )


def test_a_statement_is_not_used_twice_even_for_a_new_sentence(
    tmp_path: Path, installation: Installation, voices: dict[str, Voiceprints]
) -> None:
    said = spoken(tmp_path, SAID)
    give_consent(agreed(tmp_path, voices["en"]), asked(installation, HEARD), said, installation=installation, now=NOW)
    with pytest.raises(StatementReplayed, match="was given for the consent"):
        give_consent(
            agreed(tmp_path, voices["en"]), asked(installation, HEARD), said, installation=installation, now=NOW
        )


def test_too_little_speech_damage_and_hours_are_refused(
    tmp_path: Path, installation: Installation, voices: dict[str, Voiceprints]
) -> None:
    challenge, place = asked(installation, HEARD, language="zh"), agreed(tmp_path, voices["en"])
    (tmp_path / "broken.flac").write_bytes(b"RIFFnothing")
    write_flac(tmp_path / "long.flac", np.zeros(121 * RATE_HZ, np.float32), RATE_HZ)
    with pytest.raises(StatementMismatch, match="Say the whole sentence"):
        short = spoken(tmp_path, ("activated",), name="short")
        give_consent(place, challenge, short, installation=installation, now=NOW)
    with pytest.raises(AudioError):
        give_consent(place, challenge, tmp_path / "broken.flac", installation=installation, now=NOW)
    with pytest.raises(AudioTooLong):
        give_consent(place, challenge, tmp_path / "long.flac", installation=installation, now=NOW)
    assert installation.consents().records() == []


def test_a_voice_matches_itself_and_no_other_person(voices: dict[str, Voiceprints]) -> None:
    statement = np.concatenate([prompt(each) for each in SAID])
    assert check_match(statement, voices["en"]).is_same
    with pytest.raises(StatementMismatch):
        check_match(statement, voices["it"])


def test_the_random_words_are_found_wherever_they_are_said() -> None:
    words = ["yellow", "river", "window"]
    assert missed(words, ["my", "words", "are", "yellow", "river", "window", "thank", "you"]) == 0
    assert missed(words, ["my", "words", "are", "yellow", "liver", "window", "thank", "you"]) == 1
    assert missed(words, ["something", "else"]) == 3
    assert missed(words, []) == 3
    assert missed(words, ["window", "river", "yellow"]) == 2


def test_a_consent_to_recordings_goes_with_the_corpus_that_is_built_from_them(
    tmp_path: Path, voices: dict[str, Voiceprints]
) -> None:
    installation = Installation()  # the one that training asks
    folder = tmp_path / "recordings"
    folder.mkdir()
    source = fetch_sample("en")
    texts = dict(line.split(": ", 1) for line in (source / "transcripts.txt").read_text().splitlines() if ": " in line)
    chosen = sorted(
        (path for path in source.glob("*.g722") if path.stem in texts and path.stem not in SAID),
        key=lambda path: -path.stat().st_size,
    )[:12]
    lines = []
    for path in chosen:
        write_flac(folder / f"{path.stem}.flac", read_waveform(path, sample_rate_hz=RATE_HZ), RATE_HZ)
        lines.append(f"{path.stem}\t{texts[path.stem]}")
    (folder / "transcripts.tsv").write_text("\n".join(lines) + "\n")
    now = datetime.now(UTC)
    challenge = new_challenge(
        speaker_id="allison",
        language="zh",
        purposes=["customer-service"],
        territories=["US"],
        until=date(now.year + 1, 12, 31),
        now=now,
    )
    installation.consents().ask(challenge)
    record = give_consent(recordings_of(folder, "allison"), challenge, spoken(tmp_path, SAID))
    build_corpus(folder, tmp_path / "corpus", speaker="allison", language="en")
    from clock_train.orchestration.consents import carry_consent

    assert carry_consent(folder, tmp_path / "corpus") == record
    corpus = read_corpus(tmp_path / "corpus")
    assert require_consents([corpus]) == [record]
    write_flac(folder / f"{chosen[0].stem}.flac", read_waveform(chosen[1], sample_rate_hz=RATE_HZ), RATE_HZ)
    build_corpus(folder, tmp_path / "changed", speaker="allison", language="en")
    with pytest.raises(ConsentInvalid, match="is for other recordings"):
        carry_consent(folder, tmp_path / "changed")
