"""Characters to pinyin: segmentation, phrase readings, and rules for the polyphones that phrases do not settle.

Segmentation is jieba's (rjieba), readings are pypinyin's phrase and character tables; both load in 0.3 s together. A
word that is no phrase itself is covered by the longest phrases inside it, since jieba's words and pypinyin's phrases
differ.
"""

from __future__ import annotations

from functools import lru_cache

from clock_train.text.data_files import listed
from clock_train.text.mandarin.polyphones import PHRASES, polyphone_reading
from clock_train.text.mandarin.syllable import Syllable
from clock_train.text.mandarin.tables import character_table, numbered, phrase_table

_MAX_PHRASE = 8


def read_words(text: str) -> list[tuple[str, list[Syllable]]]:
    """Words of a run of Han characters with the syllables of each, before sandhi.

    Characters without any reading (rare extension blocks) have no syllable.
    """
    words = _segment(text)
    return [(word, _word_syllables(word, words, index)) for index, word in enumerate(words)]


def _segment(text: str) -> list[str]:
    import rjieba

    # without jieba's guesser for unknown words, which glues 我用 and 他长 together
    cut = _join_phrases(rjieba.cut(text, False))
    words: list[str] = []
    for word in cut:
        if word == "儿" and words and len(words[-1]) > 1:
            words[-1] += word  # jieba cuts the curl off some words
        else:
            words.append(word)
    return words


def _join_phrases(words: list[str]) -> list[str]:
    """Single characters in a row that the phrase tables know as one, such as traditional 銀行, joined again."""
    joined: list[str] = []
    position = 0
    while position < len(words):
        end = position + 1
        while end < len(words) and len(words[end]) == 1 and len(words[position]) == 1 and end - position < _MAX_PHRASE:
            end += 1
        while end > position + 1 and not _is_phrase("".join(words[position:end])):
            end -= 1
        joined.append("".join(words[position:end]))
        position = end
    return joined


def _is_phrase(text: str) -> bool:
    return text in PHRASES or text in phrase_table()


def _word_syllables(word: str, words: list[str], index: int) -> list[Syllable]:
    if len(word) == 1:
        before = words[index - 1] if index else ""
        after = words[index + 1] if index + 1 < len(words) else ""
        marked = polyphone_reading(word, before, after)
        if marked is not None:
            return [Syllable(word, *numbered(marked))]
    return [Syllable(char, spelling, tone) for char, spelling, tone in _readings(word)]


@lru_cache(maxsize=32768)
def _readings(word: str) -> tuple[tuple[str, str, int], ...]:
    readings: list[tuple[str, str, int]] = []
    position = 0
    while position < len(word):
        for end in range(min(len(word), position + _MAX_PHRASE), position, -1):
            part = word[position:end]
            marked = _part_readings(part)
            if marked is not None:
                readings.extend((char, *_plain(char, sound)) for char, sound in zip(part, marked, strict=True))
                break
        else:
            end = position + 1
        position = end
    return tuple(_with_erhua(word, readings))


def _plain(char: str, sound: str) -> tuple[str, int]:
    """Some phrases of the table have sandhi done already; 一 and 不 start from their own tones."""
    spelling, tone = numbered(sound)
    if char in "一不" and tone != 5:
        return spelling, 1 if char == "一" else 4
    return spelling, tone


def _part_readings(part: str) -> list[str] | None:
    if len(part) == 1:
        sounds = character_table().get(ord(part))
        return [PHRASES.get(part, [sounds.split(",")[0]])[0]] if sounds else None
    if part in PHRASES:
        return PHRASES[part]
    phrase = phrase_table().get(part)
    # a few phrases of the table hold punctuation or more syllables than characters
    return [sounds[0] for sounds in phrase] if phrase is not None and len(phrase) == len(part) else None


def _with_erhua(word: str, readings: list[tuple[str, str, int]]) -> list[tuple[str, str, int]]:
    """Fold a suffix 儿 into the syllable before it; 儿 that is a word part of its own (婴儿, 儿子) stays."""
    curled: list[tuple[str, str, int]] = []
    for index, (char, spelling, tone) in enumerate(readings):
        is_suffix = char == "儿" and 0 < index == len(readings) - 1 and not _has_full_er(word)
        if is_suffix and not curled[-1][1].endswith("r"):
            before, before_spelling, before_tone = curled[-1]
            curled[-1] = (before + char, before_spelling + "r", before_tone)
        else:
            curled.append((char, spelling, tone))
    return curled


def _has_full_er(word: str) -> bool:
    return word in _FULL_ER or (word[-2:] in _FULL_ER and word[-2:] not in _FULL_ONLY_ALONE)


_FULL_ER = frozenset(listed("full_er.txt"))
_FULL_ONLY_ALONE = frozenset(("孩儿", "小儿"))  # 小孩儿 and 一小儿 curl
