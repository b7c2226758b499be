"""The text front-end: one written text in, the phones that a voice speaks out.

Mandarin and English, alone or mixed, are read here; other languages go through espeak-ng as a separate process
(``espeak.py``). Nothing in a text is ever evaluated: overrides name sounds, not markup.
"""

from __future__ import annotations

from collections.abc import Sequence

from clock_train.errors import TextEmpty, TextLanguageUnsupported, TextTooLong
from clock_train.text.cleaning import clean
from clock_train.text.english.normalize import normalize as normalize_english
from clock_train.text.english.arpabet import arpabet_tokens
from clock_train.text.english.words import pronounce
from clock_train.text.inventory import SILENCE
from clock_train.text.mandarin.normalize import normalize as normalize_mandarin
from clock_train.text.mandarin.phones import syllable_phones
from clock_train.text.mandarin.readings import read_words
from clock_train.text.mandarin.sandhi import Syllable, apply_sandhi
from clock_train.text.overrides import Override, take_overrides
from clock_train.text.scripts import Run, is_cyrillic, is_han, script_name, split_runs
from clock_train.text.utterance import Token, Utterance, Word

MAX_TEXT_CHARACTERS = 5_000
"""Longest text of one call: about fifteen minutes of speech. ``sentences.split_sentences`` cuts longer ones."""

_PAUSE_OF = {**dict.fromkeys(",;:…—–()-", ","), ".": ".", "?": "?", "!": "!"}
_STRENGTH = {",": 0, ".": 1, "!": 2, "?": 3}


def phonemize(text: str, language: str = "auto") -> Utterance:
    """Phones of one text.

    Args:
        text: up to ``MAX_TEXT_CHARACTERS``; overrides such as ``银<行|hang2>`` may stand in it.
        language: ``zh``, ``en``, ``auto`` (Mandarin where a Han character stands, Russian for Cyrillic, else English), or a
            language of espeak-ng. ``zh`` and ``en`` both read the other's letters; they differ in numbers and signs.
    Returns:
        tokens begin and end with silence; every phone is in the inventory.
    Raises:
        TextEmpty: nothing that can be spoken.
        TextTooLong: longer than the limit.
        TextLanguageUnsupported: a language or a script that nothing here reads.
        TextOverrideInvalid: an override that names no sound.
    """
    if len(text) > MAX_TEXT_CHARACTERS:
        raise TextTooLong(
            f"the text has {len(text)} characters, the limit of one call is {MAX_TEXT_CHARACTERS}; "
            "cut it with clock_train.text.sentences.split_sentences and speak the parts"
        )
    chosen = resolve_language(text, language)
    marked, overrides = take_overrides(text)
    cleaned = clean(marked)
    normalized = normalize_mandarin(cleaned) if chosen == "zh" else normalize_english(cleaned)
    tokens, words = _speak(split_runs(normalized), overrides)
    if not words:
        raise TextEmpty(f"nothing in {_shown(text)} can be spoken; write words or numbers")
    for place, override in overrides.items():
        normalized = normalized.replace(place, override.text)
    return Utterance(text=text, normalized=normalized, tokens=tokens, words=words)


def resolve_language(text: str, language: str) -> str:
    """The language to read this text in: a short code such as ``zh``."""
    code = language.strip().lower().replace("_", "-")
    if code == "auto":
        return "zh" if is_han(text) else "ru" if is_cyrillic(text) else "en"
    if code in ("zh", "cmn", "mandarin") or code.startswith("zh-"):
        return "zh"
    return "en" if code == "en" or code.startswith("en-") else code


def _speak(runs: Sequence[Run], overrides: dict[str, Override]) -> tuple[list[Token], list[Word]]:
    tokens, words = [Token(SILENCE)], []
    group: list[tuple[str, list[Syllable]]] = []

    def _flush() -> None:
        apply_sandhi([syllables for _, syllables in group])
        for written, syllables in group:
            _add(written, [token for syllable in syllables for token in _syllable_tokens(syllable)])
        group.clear()

    def _add(written: str, spoken: Sequence[Token]) -> None:
        if spoken:
            words.append(Word(written, len(tokens), len(tokens) + len(spoken)))
            tokens.extend(spoken)

    for run in runs:
        if run.kind == "han":
            group.extend(read_words(run.text))
        elif run.kind == "override" and run.text in overrides:
            override = overrides[run.text]
            if override.language == "zh":
                group.append((override.text, _fixed(override)))
            else:
                _flush()
                _add(override.text, arpabet_tokens(override.sounds))
        elif run.kind == "latin":
            _flush()
            _add(run.text, arpabet_tokens(pronounce(run.text)))
        elif run.kind == "pause":
            _flush()
            _pause(tokens, _PAUSE_OF[run.text])
        elif run.kind == "unread":
            raise TextLanguageUnsupported(
                f'"{run.text}" is {script_name(run.text)} script, which Mandarin and English texts cannot hold; '
                "name the text's language, or write the word in Latin letters"
            )
    _flush()
    if tokens[-1].phone == ",":
        tokens.pop()
    tokens.append(Token(SILENCE))
    return tokens, words


def _pause(tokens: list[Token], phone: str) -> None:
    """Add a pause; of several in a row the strongest stays, and none comes before the first word."""
    last = tokens[-1].phone
    if last == SILENCE:
        return
    if last not in _STRENGTH:
        tokens.append(Token(phone))
    elif _STRENGTH[phone] > _STRENGTH[last]:
        tokens[-1] = Token(phone)


def _fixed(override: Override) -> list[Syllable]:
    chars = override.text if len(override.text) == len(override.sounds) else [override.text] * len(override.sounds)
    return [
        Syllable(char, sound[:-1], int(sound[-1]), is_fixed=True)
        for char, sound in zip(chars, override.sounds, strict=True)
    ]


def _syllable_tokens(syllable: Syllable) -> list[Token]:
    phones = syllable_phones(syllable.pinyin) or ()
    return [Token(phone, syllable.tone, "zh") for phone in phones]


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")
