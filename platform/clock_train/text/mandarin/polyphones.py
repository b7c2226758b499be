"""Readings that pypinyin's tables leave open or give wrongly: own phrases, and characters judged by their neighbours.

A rule looks at no more than the word on each side, as jieba cut them; that settles the characters below in most running
text. ``tests/text/mandarin_cases.tsv`` counts right and wrong, ``docs/text.md`` reports the count.
"""

from __future__ import annotations

import re

from clock_train.text.data_files import listed

_ENTRIES = [entry.partition("=") for entry in listed("polyphones.txt")]
PHRASES: dict[str, list[str]] = {phrase: reading.split("_") for phrase, _, reading in _ENTRIES}
"""Come before pypinyin's; a single character's entry is its reading where no phrase covers it."""

_PEOPLE = "我你您他她它咱谁俺"
_PEOPLE_END = re.compile(f"[{_PEOPLE}]们?$|(?:大家|自己|人)$")
_DEGREE = re.compile(
    "^(?:很|真|太|不|更|最|极|非常|特别|比较|那么|这么|好|快|慢|多|多么|像|越来越|有点|十分|挺|相当|如此)"
)
_NUMERAL_END = re.compile("[一二三四五六七八九十百千万两几半多每这那哪某数零\\d]$")
_OWED = re.compile(f"^(?:[{_PEOPLE}]|钱|债|书|款|清|给|了|贷|账|车|房贷)")
_COUNTABLE_LINES = re.compile("^(?:字|代码|文字|数据|诗|泪|眼泪|小字|程序|是|的|很|里|都)")


def polyphone_reading(char: str, before: str, after: str) -> str | None:
    """Reading of a character that is a word of its own, or None where the tables know better.

    Args:
        before: the word before it, empty at the start.
        after: the word after it, empty at the end.
    """
    rule = _RULES.get(char)
    return rule(before, after) if rule is not None else None


def _de_adverb(before: str, after: str) -> str | None:
    # 慢慢地走: after a doubled or adverbial word and before something done; otherwise 地 is the ground
    if before and after and (len(before) >= 2 or before in ("猛", "快", "慢", "轻", "静", "渐", "忽", "暗")):
        return "de"
    return "dì"


def _de_or_must(before: str, after: str) -> str | None:
    # 跑得快 but 你得去: after a person, what follows decides
    if after.startswith(("了", "过")) and not before.endswith(("觉", "显", "记")):
        return "dé"
    if not before or (_PEOPLE_END.search(before) and after and not _DEGREE.match(after)):
        return "děi"
    return "de"


def _still_or_return(before: str, after: str) -> str | None:
    if before.endswith(("没", "要", "不想")) and after.startswith(("钱", "书", "给")):
        return "huán"
    return "huán" if _OWED.match(after) and not after.startswith(("我们", "你们", "他们", "了解")) else "hái"


def _line_or_go(before: str, after: str) -> str | None:
    return "háng" if _NUMERAL_END.search(before) and (not after or _COUNTABLE_LINES.match(after)) else "xíng"


def _long_or_grow(before: str, after: str) -> str | None:
    if after.startswith(("得", "出", "大", "高", "在", "成", "胖", "满", "着", "了", "个")) and not after.startswith(
        "大衣"
    ):
        return "zhǎng"
    return "zhǎng" if before.endswith(("市", "县", "科", "班", "处", "厂", "村", "镇", "组", "生")) else "cháng"


def _kind_or_plant(before: str, after: str) -> str | None:
    if _NUMERAL_END.search(before):
        return "zhǒng"
    return (
        "zhòng"
        if after.startswith(("了", "着", "树", "花", "菜", "田", "地", "下", "上", "在", "满", "些", "点"))
        else "zhǒng"
    )


def _only_or_piece(before: str, after: str) -> str | None:
    return "zhī" if _NUMERAL_END.search(before) else "zhǐ"


def _for_or_be(before: str, after: str) -> str | None:
    return (
        "wéi"
        if before.endswith(("称", "视", "作", "定", "改", "设", "分", "评", "选", "变", "化", "即", "命名", "翻译"))
        else "wèi"
    )


def _with_marks(before: str, after: str) -> str | None:
    return "zhe" if before else "zháo"


def _surname_zeng(before: str, after: str) -> str | None:
    return (
        "zēng"
        if before.endswith(("姓", "老", "小")) or after.startswith(("先生", "小姐", "女士", "老师", "经理"))
        else "céng"
    )


def _finish_or_particle(before: str, after: str) -> str | None:
    return "liǎo" if before.endswith(("不", "得")) and len(before) > 1 else "le"


def _times_or_heavy(before: str, after: str) -> str | None:
    return "chóng" if before.endswith(("两", "双", "三", "多", "几")) or before == "一" else "zhòng"


def _teach(before: str, after: str) -> str | None:
    return "jiāo"  # 教 is a verb where it stands alone; 教 of religion is always part of a word


def _hit_or_middle(before: str, after: str) -> str | None:
    return "zhòng" if after.startswith(("了", "奖", "枪", "毒", "弹", "标", "计", "招", "彩")) else "zhōng"


def _spin_or_turn(before: str, after: str) -> str | None:
    is_spinning = after.startswith(("圈", "动", "个", "来转去", "得", "着")) or (before != "" and after == "")
    return "zhuàn" if is_spinning and not before.endswith(("向", "左", "右", "往")) else "zhuǎn"


_RULES = {
    **{"地": _de_adverb, "得": _de_or_must, "还": _still_or_return, "還": _still_or_return, "行": _line_or_go},
    **{"长": _long_or_grow, "長": _long_or_grow, "种": _kind_or_plant, "種": _kind_or_plant, "只": _only_or_piece},
    **{"隻": _only_or_piece, "为": _for_or_be, "為": _for_or_be, "着": _with_marks, "曾": _surname_zeng},
    **{"了": _finish_or_particle, "重": _times_or_heavy, "教": _teach, "中": _hit_or_middle, "转": _spin_or_turn},
}
