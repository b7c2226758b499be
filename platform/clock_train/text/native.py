"""Mandarin and English, alone or mixed, spoken by the project's own rules and dictionaries."""

from __future__ import annotations

from clock_train.errors import TextLanguageUnsupported
from clock_train.text.english.arpabet import arpabet_tokens
from clock_train.text.english.normalize import normalize as normalize_english
from clock_train.text.english.words import pronounce_words
from clock_train.text.mandarin.normalize import normalize as normalize_mandarin
from clock_train.text.mandarin.phones import syllable_phones
from clock_train.text.mandarin.readings import read_words
from clock_train.text.mandarin.sandhi import apply_sandhi
from clock_train.text.mandarin.syllable import Syllable
from clock_train.text.overrides import Override
from clock_train.text.scripts import Run, script_name, split_runs
from clock_train.text.token_line import TokenLine
from clock_train.text.utterance import Token


def normalize(cleaned: str, language: str) -> str:
    """A cleaned text as it is spoken, with the numbers and signs of ``zh`` or ``en``."""
    return normalize_mandarin(cleaned) if language == "zh" else normalize_english(cleaned)


def speak(normalized: str, overrides: dict[str, Override]) -> TokenLine:
    """Tokens of a normalised text.

    Args:
        normalized: what ``normalize`` returned.
        overrides: what each private-use character in it stands for.
    Raises:
        TextLanguageUnsupported: letters of a script that neither language reads.
    """
    line = TokenLine()
    mandarin: list[tuple[str, list[Syllable]]] = []
    english: list[str] = []
    for run in split_runs(normalized):
        override = overrides.get(run.text) if run.kind == "override" else None
        is_mandarin = run.kind == "han" or (override is not None and override.language == "zh")
        if not is_mandarin:
            _flush_mandarin(line, mandarin)
        if run.kind != "latin":
            _flush_english(line, english)
        if override is not None:
            if is_mandarin:
                mandarin.append((override.text, _fixed(override)))
            else:
                line.add_word(override.text, override.tokens("en"))
        elif run.kind == "han":
            mandarin.extend(_read(run))
        elif run.kind == "latin":
            english.append(run.text)
        elif run.kind == "pause":
            line.add_pause(run.text)
        elif run.kind == "unread":
            raise TextLanguageUnsupported(
                f'"{run.text}" is {script_name(run.text)} script, which Mandarin and English texts cannot hold; '
                "name the text's language, or write the word in Latin letters"
            )
    _flush_mandarin(line, mandarin)
    _flush_english(line, english)
    line.close()
    return line


def _read(run: Run) -> list[tuple[str, list[Syllable]]]:
    words = read_words(run.text)
    for word, syllables in words:
        if sum(len(syllable.char) for syllable in syllables) < len(word):
            raise TextLanguageUnsupported(
                f'a character of "{word}" has no Mandarin reading here; give one such as <{word}|ma1>, '
                "with a syllable a character"
            )
    return words


def _flush_mandarin(line: TokenLine, words: list[tuple[str, list[Syllable]]]) -> None:
    """Speak one breath group; sandhi reaches as far as it does."""
    apply_sandhi([syllables for _, syllables in words])
    for written, syllables in words:
        line.add_word(written, [token for syllable in syllables for token in _syllable_tokens(syllable)])
    words.clear()


def _flush_english(line: TokenLine, words: list[str]) -> None:
    for written, phones in zip(words, pronounce_words(words), strict=True):
        line.add_word(written, arpabet_tokens(phones))
    words.clear()


def _fixed(override: Override) -> list[Syllable]:
    chars = override.text if len(override.text) == len(override.sounds) else [override.text] * len(override.sounds)
    return [
        Syllable(char, sound[:-1], int(sound[-1]), is_fixed=True)
        for char, sound in zip(chars, override.sounds, strict=True)
    ]


def _syllable_tokens(syllable: Syllable) -> list[Token]:
    return [Token(phone, syllable.tone, "zh") for phone in syllable_phones(syllable.pinyin) or ()]
