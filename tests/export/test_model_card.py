"""A bundle's model card says what is known, "not recorded" for the rest, and shows foreign words as words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from exported_voice import exported, saved_voice, signer_of
from spoiled_bundle import flip
from tiny_voice import tiny_config  # pyright: ignore[reportMissingImports]

from clock_train.bundle.card import CARD
from clock_train.bundle.opening import verify_bundle
from clock_train.cli.main import run
from clock_train.errors import BundleDamaged, BundleFileMissing
from clock_train.export.bundle_writing import write_bundle
from clock_train.export.model_card import MODEL_CARD, UNKNOWN, card_of, model_card, plain
from clock_train.issuing.installation import FOLDER_VARIABLE

CONSENT = {
    "id": "anna-2026", "kind": "statement", "purposes": ["customer-service", "private"], "territories": ["CN", "DE"],
    "expirationTime": "2027-12-31T00:00:00+00:00",
}  # fmt: skip
LICENCE = {
    "id": "licence-x", "kind": "licence", "purposes": ["demonstration"], "territories": ["worldwide"],
    "expirationTime": None,
}  # fmt: skip
KNOWN: dict[str, Any] = {
    "name": "anna", "kind": "voice", "version": 3, "languages": ["en", "zh"], "speakers": ["anna"],
    "consentIds": ["anna-2026"], "consents": [CONSENT], "corpusRevision": "ab12", "sampleRate": 16_000,
    "parameterCounts": {"synthesis": 5_340_000, "training": 12_000_000}, "watermarkKeyId": "2026Q4",
    "trackingRun": "f00d", "metrics": {"speaker_similarity/speech": 0.8123, "speaker_similarity/natural": 0.9},
    "training": {
        "preset": "Basic", "steps": 900, "trainedOn": "2026-11-29", "spokenStep": 800,
        "trainedSeconds": 1_500.0, "trainedClips": 212,
        "testClips": ["a", "b"], "base": "/somewhere/base", "baseName": "base-zh-en", "baseDigest": "c0ffee",
        "code": "0.1.0", "hardware": "CUDA GPU, 2 workers", "cpuSeconds": 60.5,
    },
}  # fmt: skip


def test_everything_that_is_known_stands_in_it() -> None:
    text = model_card(KNOWN)
    for said in (
        "# Model card: anna", "**Version:** 3", "**Trained on:** 2026-11-29",
        "5,340,000 to speak, 12,000,000 in training",
        "**Sample rate:** 16000 Hz", "**Base:** base-zh-en", "c0ffee", "25.0 minutes", "**Clips trained on:** 212",
        "en, zh", "anna-2026: the speaker's own statement; for customer-service, private; in CN, DE; until 2027-12-31",
        "**Steps:** 900", "**Hardware:** CUDA GPU, 2 workers", "clock-train 0.1.0",
        "| Speaker similarity | speech | 0.812",
        "Not judged on its speech: Word error rate", "Speech for customer-service, private, as its speakers agreed to.",
        "Use after 2027-12-31", "**Watermark key:** 2026Q4", "clocktrain erase speaker",
    ):  # fmt: skip
        assert said in text, said
    assert "/somewhere" not in text, "no path of a machine"


def test_what_is_not_known_is_said_to_be_so() -> None:
    text = model_card({"name": "old", "consentIds": ["c1"]})
    for line in ("Trained on", "Base", "Clips trained on", "Speech trained on", "Steps", "Hardware", "Watermark key"):
        assert f"- **{line}:** {UNKNOWN}" in text, line
    assert f"- c1: what it covers is {UNKNOWN}" in text
    assert "Demonstrations of the software only." in text, "nothing that is known allows more"
    assert "Speaker similarity" in text.partition("Not judged on its speech: ")[2]
    assert f"Consent: {UNKNOWN}." in model_card({})


def test_a_licence_is_marked_as_a_demonstration_with_its_credit() -> None:
    credit = {"licence": "CC-BY-4.0", "uri": "https://licences.example/by", "attribution": "Some <b>Reader</b>"}
    text = model_card({**KNOWN, "consents": [LICENCE], "training": {**KNOWN["training"], "licences": [credit]}})
    assert "licence-x: demonstration: a licence, and nobody asked the speaker" in text
    assert "**Licence:** CC-BY-4.0" in text
    assert "credit: Some &lt;b&gt;Reader&lt;/b&gt;" in text
    assert "Demonstrations of the software only." in text


def test_purposes_of_several_speakers_are_those_that_all_of_them_named() -> None:
    other = {**CONSENT, "id": "ben-2026", "purposes": ["private"]}
    assert "Speech for private, as" in model_card({**KNOWN, "consents": [CONSENT, other]})


def test_a_base_is_for_fine_tuning() -> None:
    many = [f"s{number}" for number in range(30)]
    text = model_card({**KNOWN, "kind": "base", "speakers": many})
    assert "A base to fine-tune other voices from" in text
    assert "s19 and 10 more" in text
    assert "s20" not in text


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("anna\n## Evaluation\n- all good", "anna \\#\\# Evaluation - all good"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert\\(1\\)&lt;/script&gt;"),
        ("[here](https://bad.example)", "\\[here\\]\\(https&#58;//bad.example\\)"),
        ("www.bad.example", "www&#46;bad.example"),
        ("a|b", "a\\|b"),
        ("`x` **y** _z_", "\\`x\\` \\*\\*y\\*\\* \\_z\\_"),
        ("![x](y)", "\\!\\[x\\]\\(y\\)"),
        ("&lt;b&gt;", "&amp;lt;b&amp;gt;"),
        ("abc\u202edef\u2028ghi\x1b[31m\x00", "abc def ghi \\[31m"),
        ("\\[x", "\\\\\\[x"),
        ("  ", UNKNOWN),
        (None, UNKNOWN),
        ("欢迎", "欢迎"),
    ],
)
def test_foreign_words_stay_words(said: object, shown: str) -> None:
    assert plain(said) == shown


def test_a_long_text_is_cut() -> None:
    assert plain("é" * 10_000) == "é" * 500 + "…"


def test_a_name_cannot_write_another_section_anywhere() -> None:
    evil = "x\n\n## Consents\n- forged <img src=x onerror=y>"
    values = {
        **KNOWN, "name": evil, "speakers": [evil], "languages": [evil], "consentIds": [evil], "trackingRun": evil,
        "consents": [{**CONSENT, "id": evil, "purposes": [evil], "territories": [evil], "expirationTime": evil}],
        "metrics": {evil: 1.0}, "watermarkKeyId": evil,
        "training": {name: evil for name in KNOWN["training"]}
        | {"licences": [{"licence": evil, "uri": evil, "attribution": evil}]},
    }  # fmt: skip
    honest, forged = model_card(KNOWN), model_card(values)
    headings = [line for line in honest.splitlines() if line.startswith("## ")]
    assert [line for line in forged.splitlines() if line.startswith("## ")] == headings
    assert "<img" not in forged


@pytest.mark.parametrize("odd", [{"consents": "x"}, {"consents": [3]}, {"training": []}, {"metrics": {"m": "NaN"}},
                                 {"speakers": "anna"}, {"parameterCounts": 5}, {"int8": None}])  # fmt: skip
def test_a_card_of_strange_values_is_still_written(odd: dict[str, Any]) -> None:
    assert model_card({**KNOWN, **odd}).startswith("# Model card: anna")


def test_the_bundle_holds_it_under_its_hashes(tmp_path: Path) -> None:
    bundle, key = exported(tmp_path, tiny_config())
    assert "# Model card: duo" in (bundle / MODEL_CARD).read_text(encoding="utf-8")
    assert MODEL_CARD in json.loads((bundle / CARD).read_text(encoding="utf-8"))["files"]
    found = card_of(bundle, trusted_keys=[key])
    assert (found.text, found.doubt) == ((bundle / MODEL_CARD).read_text(encoding="utf-8"), "")
    assert "which is not trusted here" in card_of(bundle, trusted_keys=[]).doubt
    flip(bundle / MODEL_CARD)
    with pytest.raises(BundleDamaged, match=r"MODEL_CARD\.md of the voice .* sha256 differs"):
        verify_bundle(bundle, trusted_keys=[key])
    with pytest.raises(BundleDamaged, match=r"MODEL_CARD\.md"):
        card_of(bundle, trusted_keys=[key])
    (bundle / MODEL_CARD).unlink()
    with pytest.raises(BundleFileMissing, match=r"lacks MODEL_CARD\.md"):
        card_of(bundle, trusted_keys=[key])


def test_the_same_voice_gives_the_same_card_again(tmp_path: Path) -> None:
    voice, signer = saved_voice(tmp_path, tiny_config()), signer_of(tmp_path)
    texts = []
    for _ in range(2):
        write_bundle(voice, tmp_path / "bundle", signer=signer)
        texts.append((tmp_path / "bundle" / MODEL_CARD).read_text(encoding="utf-8"))
    assert texts[0] == texts[1]


def test_the_command_prints_it_of_a_bundle_and_of_a_voice_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    bundle, _ = exported(tmp_path, tiny_config())
    assert run(["bundle", "card", str(bundle)]) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ((bundle / MODEL_CARD).read_text(encoding="utf-8"), "")
    assert run(["bundle", "card", str(tmp_path / "voice")]) == 0
    said = capsys.readouterr()
    assert "# Model card: duo" in said.out
    assert "is not signed" in said.err
    assert run(["bundle", "card", str(tmp_path / "nowhere")]) == 2
    assert "holds no voice.json" in capsys.readouterr().err
