"""Which voice a name means, and which bundles of a folder become voices. The bundles are signed; nothing runs them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from clock_train.audit.signing import open_signer
from clock_train.bundle.card import CARD, SPEAKERS, VoiceCard, write_card
from clock_train.bundle.opening import DECODER_GRAPH, TEXT_GRAPH, WHOLE_GRAPH, Bundle, sign_bundle, verify_bundle
from clock_train.errors import BundleDamaged, VoiceNameTaken, VoiceNotFound
from clock_train.serving.model_repository import write_model
from clock_train.serving.voice_catalogue import ServedVoice, VoiceCatalogue, bundle_folders, catalogue_of
from clock_train.text.inventory import INVENTORY_ID

FILES = (SPEAKERS, WHOLE_GRAPH, TEXT_GRAPH, DECODER_GRAPH)


def voice(name: str, version: int = 1, speakers: tuple[str, ...] = ("mia", "tom")) -> ServedVoice:
    card = VoiceCard(name=name, version=version, speakers=list(speakers))
    return ServedVoice(card=card, digest="d", sample_rate_hz=16_000, hop_samples=256)


def bundle(folder: Path, name: str, version: int = 1, *, content: bytes = b"weights") -> Path:
    """Beside the key that signs it."""
    made = folder / f"{name}-{version}"
    made.mkdir(parents=True)
    for file in FILES:
        (made / file).write_bytes(content)
    values = VoiceCard(name=name, version=version).values()
    values |= {"phoneInventoryId": INVENTORY_ID, "sampleRate": 16_000, "graphs": {"hopSamples": 256}}
    card = write_card(made, values, FILES)
    sign_bundle(made, card, open_signer(folder / "signing.key"))
    return made


def into(repository: Path, keys: Sequence[str]) -> Callable[[Path], Bundle]:
    return lambda folder: write_model(repository, folder, trusted_keys=keys)


def key_of(folder: Path) -> str:
    return open_signer(folder / "signing.key").public_key


@pytest.mark.parametrize(
    ("asked", "label", "speaker"),
    [
        ("anna", "anna@10", None),
        ("anna@2", "anna@2", None),
        ("anna@10", "anna@10", None),
        ("anna/mia", "anna@10", "mia"),
        ("anna@2/tom", "anna@2", "tom"),
        ("安娜", "安娜@1", None),
        ("安娜/mia", "安娜@1", "mia"),
        ("studio/anna", "studio/anna@1", None),
        ("studio/anna/mia", "studio/anna@1", "mia"),
    ],
)
def test_a_name_means_the_newest_version_one_version_or_one_speaker(
    asked: str, label: str, speaker: str | None
) -> None:
    # ten is newer than nine, though not as words
    catalogue = VoiceCatalogue([voice("anna", 10), voice("安娜"), voice("anna", 2), voice("studio/anna")])
    found, who = catalogue.find(asked)
    assert (found.label, who) == (label, speaker)


def test_a_version_is_not_hidden_by_a_voice_that_is_called_like_it() -> None:
    catalogue = VoiceCatalogue([voice("anna", 3), voice("anna@3")])
    assert catalogue.find("anna@3")[0].card.name == "anna"
    assert catalogue.find("anna@3@1")[0].card.name == "anna@3"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("anan", 'no voice "anan" is served here (did you mean "anna"?); there are: anna@1, anna@3'),
        ("anna@2", 'no voice "anna@2" is served here (did you mean "anna@'),
        ("anna@", 'no voice "anna@" is served here'),
        ("zzz", 'no voice "zzz" is served here; there are: anna@1, anna@3'),
        ("", 'no voice "" is served here; there are: anna@1, anna@3'),
        ("/mia", 'no voice "/mia" is served here'),
        ("Anna", 'no voice "Anna" is served here (did you mean "anna"?)'),
        ("anna/", 'the voice "anna" has no speaker ""; it has mia, tom'),
        ("anna/max", 'the voice "anna" has no speaker "max"; it has mia, tom'),
        ("../anna", 'no voice "../anna" is served here'),
    ],
)
def test_an_unknown_name_is_told_with_what_there_is(asked: str, words: str) -> None:
    with pytest.raises(VoiceNotFound) as caught:
        VoiceCatalogue([voice("anna", 1), voice("anna", 3)]).find(asked)
    assert str(caught.value).startswith(f"VoiceNotFound: {words}")


def test_an_error_among_a_thousand_voices_stays_short() -> None:
    with pytest.raises(VoiceNotFound, match=r"and 980 more$") as caught:
        VoiceCatalogue(voice(f"voice-{number:04}") for number in range(1_000)).find("x" * 100_000)
    assert len(str(caught.value)) < 1_000


def test_bundles_of_a_folder_become_voices_and_a_damaged_one_keeps_no_other_from_it(tmp_path: Path) -> None:
    voices, repository = tmp_path / "voices", tmp_path / "repository"
    for name, version in (("anna", 1), ("anna", 2), ("ben", 1)):
        bundle(voices, name, version)
    (voices / "ben-1" / TEXT_GRAPH).write_bytes(b"other")
    (voices / "notes").mkdir()
    catalogue, refused = catalogue_of(bundle_folders(voices), into(repository, [key_of(voices)]))
    assert [each.label for each in catalogue.voices] == ["anna@1", "anna@2"]
    assert [type(error) for error in refused] == [BundleDamaged]
    assert sorted(path.name for path in repository.iterdir()) == ["anna-v1", "anna-v2"]


def test_two_bundles_of_one_name_and_version_are_told_and_the_first_is_served(tmp_path: Path) -> None:
    first, second = bundle(tmp_path / "a", "anna"), bundle(tmp_path / "b", "anna", content=b"others")
    keys = [key_of(tmp_path / "a"), key_of(tmp_path / "b")]
    catalogue, refused = catalogue_of([first, second], into(tmp_path / "repository", keys))
    assert [type(error) for error in refused] == [VoiceNameTaken]
    served = verify_bundle(tmp_path / "repository" / "anna-v1" / "1" / "bundle", trusted_keys=keys)
    assert catalogue.find("anna")[0].digest == served.digest == verify_bundle(first, trusted_keys=keys).digest


def test_what_happens_to_the_folder_afterwards_changes_no_served_voice(tmp_path: Path) -> None:
    voices, repository = tmp_path / "voices", tmp_path / "repository"
    bundle(voices, "anna")
    keys = [key_of(voices)]
    catalogue, _ = catalogue_of(bundle_folders(voices), into(repository, keys))
    shutil.rmtree(voices / "anna-1")
    bundle(voices, "anna", content=b"trained again")
    bundle(voices, "anna", 2)
    served, _ = catalogue.find("anna")
    assert served.label == "anna@1"
    assert verify_bundle(repository / "anna-v1" / "1" / "bundle", trusted_keys=keys).digest == served.digest


def test_a_folder_may_be_one_bundle(tmp_path: Path) -> None:
    made = bundle(tmp_path / "voices", "anna")
    assert bundle_folders(made) == [made]


def test_a_folder_without_bundles_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(VoiceNotFound, match=r'there is no bundle in .*"clocktrain bundle export" writes one'):
        bundle_folders(tmp_path)
    with pytest.raises(VoiceNotFound, match="there is no bundle in"):
        bundle_folders(tmp_path / "gone")
    (tmp_path / "trained").mkdir()
    (tmp_path / "trained" / CARD).write_text("{}")
    with pytest.raises(VoiceNotFound, match=r'export one first: "clocktrain bundle export .*/trained --out DIR"'):
        bundle_folders(tmp_path)
