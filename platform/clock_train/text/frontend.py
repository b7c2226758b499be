"""The text front-end: one written text in, the phones that a voice speaks out.

Mandarin and English, alone or mixed, are read here (``native.py``); other languages go through espeak-ng as a separate
process (``foreign.py``). Nothing in a text is ever evaluated: overrides name sounds, not markup.
"""

from __future__ import annotations

from collections.abc import Sequence

from clock_train.errors import TextEmpty, TextTooLong
from clock_train.text import foreign, native
from clock_train.text.cleaning import clean
from clock_train.text.overrides import Override, take_overrides
from clock_train.text.scripts import is_cyrillic, is_han
from clock_train.text.token_line import TokenLine
from clock_train.text.utterance import Utterance

MAX_TEXT_CHARACTERS = 5_000
"""Longest text of one call: about fifteen minutes of speech. ``sentences.split_sentences`` cuts longer ones."""


def phonemize(text: str, language: str = "auto") -> Utterance:
    """Phones of one text.

    Args:
        text: up to ``MAX_TEXT_CHARACTERS``; overrides such as ``银<行|hang2>`` may stand in it.
        language: ``zh``, ``en``, ``auto`` (Mandarin where a Han character stands, Russian for Cyrillic, else
        English), or a
            language of espeak-ng. ``zh`` and ``en`` both read the other's letters; they differ in numbers and signs.
    Returns:
        tokens begin and end with silence; every phone is in the inventory.
    Raises:
        TextEmpty: nothing that can be spoken.
        TextTooLong: longer than the limit.
        TextLanguageUnsupported: a language or a script that nothing here reads.
        TextOverrideInvalid: an override that names no sound.
    """
    chosen = resolve_language(text, language)
    cleaned, overrides = _prepare(text)
    if chosen not in ("zh", "en"):
        return _utterance(text, cleaned, overrides, foreign.speak_all([(cleaned, overrides)], chosen)[0])
    normalized = native.normalize(cleaned, chosen)
    return _utterance(text, normalized, overrides, native.speak(normalized, overrides))


def phonemize_all(texts: Sequence[str], language: str = "auto") -> list[Utterance]:
    """As ``phonemize`` for many texts; those that need espeak-ng share one start of it."""
    chosen = [resolve_language(text, language) for text in texts]
    spoken: dict[int, Utterance] = {}
    for name in dict.fromkeys(chosen):
        indices = [index for index, own in enumerate(chosen) if own == name]
        if name in ("zh", "en"):
            spoken.update({index: phonemize(texts[index], name) for index in indices})
            continue
        prepared = [_prepare(texts[index]) for index in indices]
        for index, (cleaned, overrides), line in zip(indices, prepared, foreign.speak_all(prepared, name), strict=True):
            spoken[index] = _utterance(texts[index], cleaned, overrides, line)
    return [spoken[index] for index in range(len(texts))]


def resolve_language(text: str, language: str) -> str:
    """The language to read this text in: a short code such as ``zh``."""
    code = language.strip().lower().replace("_", "-")
    if code == "auto":
        return "zh" if is_han(text) else "ru" if is_cyrillic(text) else "en"
    if code in ("zh", "cmn") or code.startswith(("zh-", "cmn-")):
        return "zh"
    return "en" if code == "en" or code.startswith("en-") else code


def _prepare(text: str) -> tuple[str, dict[str, Override]]:
    if len(text) > MAX_TEXT_CHARACTERS:
        raise TextTooLong(
            f"the text has {len(text)} characters, the limit of one call is {MAX_TEXT_CHARACTERS}; "
            "cut it with clock_train.text.sentences.split_sentences and speak the parts"
        )
    marked, overrides = take_overrides(text)
    return clean(marked), overrides


def _utterance(text: str, normalized: str, overrides: dict[str, Override], line: TokenLine) -> Utterance:
    if not line.words:
        shown = text if len(text) <= 40 else text[:40] + "…"
        raise TextEmpty(f"nothing in {shown!r} can be spoken; write words or numbers")
    for place, override in overrides.items():
        normalized = normalized.replace(place, override.text)
    return Utterance(text=text, normalized=normalized, tokens=line.tokens, words=line.words)
