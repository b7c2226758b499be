"""How tones change each other in connected Mandarin: 不, 一, the third tone and the neutral tone.

Works on syllables with their characters, so that it can be tested on its own. The order matters: neutral tones first
(a syllable that has lost its tone changes nothing), then 不 and 一, which look at the final tone of what follows, then
the third tone, first inside words and then over the words of one breath group.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from clock_train.text.mandarin.neutral import neutral_positions
from clock_train.text.mandarin.syllable import Syllable
from clock_train.text.mandarin.tables import is_word

_DIGITS = frozenset("零〇一二三四五六七八九十百千万亿两幺点")


def apply_sandhi(words: Sequence[Sequence[Syllable]]) -> None:
    """Change the tones in place.

    Args:
        words: the words of one breath group (no punctuation inside), each with its syllables.
    """
    for word in words:
        for position in neutral_positions("".join(syllable.char for syllable in word)):
            if position < len(word) and not word[position].is_fixed:
                word[position].tone = 5
    _bu_and_yi(words)
    _third_tones(words)


def _bu_and_yi(words: Sequence[Sequence[Syllable]]) -> None:
    line = [syllable for word in words for syllable in word]
    for index, syllable in enumerate(line):
        if syllable.is_fixed or syllable.char not in "不一":
            continue
        before = line[index - 1] if index else None
        after = line[index + 1] if index + 1 < len(line) else None
        if syllable.char == "不":
            _bu(syllable, before, after)
        elif syllable.tone == 1:
            _yi(syllable, before, after, line[index + 2] if index + 2 < len(line) else None)


def _bu(syllable: Syllable, before: Syllable | None, after: Syllable | None) -> None:
    if before is not None and after is not None and before.char == after.char:
        syllable.tone = 5  # 好不好, 是不是
    elif after is not None and after.tone == 4:
        syllable.tone = 2


def _yi(syllable: Syllable, before: Syllable | None, after: Syllable | None, beyond: Syllable | None) -> None:
    if before is not None and before.char in _DIGITS | {"第", "初", "周", "期", "拜"}:
        return  # 第一, 十一, 星期一
    if after is None or after.char in _DIGITS - set("百千万亿点") or after.char in "月号日":
        return  # at the end, digit by digit, and in dates
    if after.char == "点" and beyond is not None and beyond.char in _DIGITS:
        return  # 一点五
    if before is not None and before.char == after.char:
        syllable.tone = 5  # 看一看
    elif after.tone == 4 or (after.tone == 5 and after.char in "个個"):
        syllable.tone = 2
    else:
        syllable.tone = 4


def _third_tones(words: Sequence[Sequence[Syllable]]) -> None:
    """Third before third becomes second: inside each word from its parts, then where words meet.

    A chain of words that are all third tones is spoken in feet of two or three syllables, each keeping its last third:
    我想买两把 is 我想 + 买两把, 2-3-2-2-3.
    """
    for word in words:
        _third_tones_of_word(word)
    spoken = [word for word in words if word]
    meets = [left[-1].tone == 3 and right[0].tone == 3 for left, right in pairwise(spoken)]
    num_in_foot = 0
    for index, is_meeting in enumerate(meets):
        if not is_meeting:
            num_in_foot = 0
            continue
        num_in_foot += 1
        continues = index + 1 < len(meets) and meets[index + 1] and len(spoken[index + 1]) == 1
        if num_in_foot == 2 and continues:
            num_in_foot = 0
        elif not spoken[index][-1].is_fixed:
            spoken[index][-1].tone = 2


def _third_tones_of_word(word: Sequence[Syllable]) -> None:
    if len(word) == 3 and all(syllable.tone == 3 for syllable in word):
        if _is_two_plus_one("".join(syllable.char for syllable in word)):
            word[0].tone = word[1].tone = 2  # 展览馆 2-2-3
        else:
            word[1].tone = 2  # 小老虎 3-2-3
        return
    for left, right in pairwise(word):
        if left.tone == 3 and right.tone == 3 and not left.is_fixed:
            left.tone = 2


def _is_two_plus_one(word: str) -> bool:
    return is_word(word[:2]) or not is_word(word[1:])
