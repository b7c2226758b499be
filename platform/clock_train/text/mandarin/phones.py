"""A pinyin syllable such as ``hang2`` to phones of the shared inventory."""

from __future__ import annotations

import re
from functools import lru_cache

INITIALS: dict[str, str] = {
    **{"b": "p", "p": "pʰ", "m": "m", "f": "f", "d": "t", "t": "tʰ", "n": "n", "l": "l"},
    **{"g": "k", "k": "kʰ", "h": "x", "j": "tɕ", "q": "tɕʰ", "x": "ɕ"},
    **{"zh": "ʈʂ", "ch": "ʈʂʰ", "sh": "ʂ", "r": "ʐ", "z": "ts", "c": "tsʰ", "s": "s"},
}

FINALS: dict[str, tuple[str, ...]] = {
    **{"a": ("a",), "o": ("w", "ɔ"), "e": ("ɤ",), "ê": ("ɛ",), "i": ("i",), "u": ("u",), "v": ("y",)},
    **{"ai": ("aɪ",), "ei": ("eɪ",), "ao": ("aʊ",), "ou": ("oʊ",), "er": ("ɚ",)},
    **{"an": ("a", "n"), "en": ("ə", "n"), "ang": ("ɑ", "ŋ"), "eng": ("ə", "ŋ"), "ong": ("ʊ", "ŋ")},
    **{"ia": ("j", "a"), "ie": ("j", "ɛ"), "iao": ("j", "aʊ"), "iou": ("j", "oʊ"), "io": ("j", "ɔ")},
    **{"ian": ("j", "ɛ", "n"), "in": ("i", "n"), "iang": ("j", "ɑ", "ŋ"), "ing": ("i", "ŋ"), "iong": ("j", "ʊ", "ŋ")},
    **{"ua": ("w", "a"), "uo": ("w", "ɔ"), "uai": ("w", "aɪ"), "uei": ("w", "eɪ")},
    **{"uan": ("w", "a", "n"), "uen": ("w", "ə", "n"), "uang": ("w", "ɑ", "ŋ"), "ueng": ("w", "ə", "ŋ")},
    **{"ve": ("ɥ", "ɛ"), "van": ("ɥ", "ɛ", "n"), "vn": ("y", "n")},
    **{"zi": ("ɹ̩",), "zhi": ("ɻ̩",)},
    **{"m": ("m",), "n": ("n",), "ng": ("ŋ",)},
}

ERHUA = "ɹ"
"""The curl of 儿 at the end of a syllable; a coda, as in English ``car``."""

# Spellings without an initial, to the final that they stand for; what is missing here is spelled like its final.
_WITHOUT_INITIAL = {
    **{"yi": "i", "ya": "ia", "yo": "io", "ye": "ie", "yao": "iao", "you": "iou", "yan": "ian", "yin": "in"},
    **{"yang": "iang", "ying": "ing", "yong": "iong", "yu": "v", "yue": "ve", "yuan": "van", "yun": "vn", "yai": "ai"},
    **{"wu": "u", "wa": "ua", "wo": "uo", "wai": "uai", "wei": "uei", "wan": "uan", "wen": "uen", "wang": "uang"},
    **{"weng": "ueng"},
}
_SHORT = {"iu": "iou", "ui": "uei", "un": "uen", "ue": "ve"}
_SYLLABLE = re.compile(r"(?P<spelling>[a-zêü:]+?)(?P<erhua>(?<!^e)r)?(?P<tone>[1-5])", re.IGNORECASE)
_INITIAL = re.compile(r"(zh|ch|sh|[bpmfdtnlgkhjqxrzcs])(.+)")


@lru_cache(maxsize=8192)
def syllable_phones(syllable: str) -> tuple[str, ...] | None:
    """Phones of one syllable, or None where it is no Mandarin syllable.

    Args:
        syllable: pinyin with a tone digit 1-5; ``v``, ``ü`` or ``u:``; a final ``r`` is erhua (``huar1``).
    """
    match = _SYLLABLE.fullmatch(syllable)
    if match is None:
        return None
    spelling = match["spelling"].lower().replace("u:", "v").replace("ü", "v")
    phones = _plain_phones(spelling)
    if phones is None or match["erhua"] is None:
        return phones
    return _curled(phones)


def _plain_phones(spelling: str) -> tuple[str, ...] | None:
    if spelling in _WITHOUT_INITIAL:
        return FINALS[_WITHOUT_INITIAL[spelling]]
    if spelling == "o":
        return ("ɔ",)
    match = _INITIAL.fullmatch(spelling)
    if match is None or spelling in ("ng", "hm", "hng"):
        final = "ng" if spelling in ("ng", "hng") else "m" if spelling == "hm" else spelling
        return FINALS[final] if final in FINALS and final[0] not in "iuvz" else None
    initial, final = match.groups()
    if initial in ("j", "q", "x") and final.startswith("u"):
        final = "v" + final[1:]
    final = _SHORT.get(final, final)
    if final == "i" and initial in ("z", "c", "s", "zh", "ch", "sh", "r"):
        final = "zi" if initial in ("z", "c", "s") else "zhi"
    elif final in ("zi", "zhi", "er", "m", "n", "ng", "ê", "io"):
        return None
    if final not in FINALS or (final[0] == "v" and initial not in ("n", "l", "j", "q", "x")):
        return None
    return (INITIALS[initial], *FINALS[final])


def _curled(phones: tuple[str, ...]) -> tuple[str, ...]:
    """The curl swallows a final ``n`` or ``i``: 玩儿 is w-a-ɹ, 孩儿 x-a-ɹ; after ``ŋ`` the vowel stays and ŋ goes
    nasal."""
    *body, last = phones
    if last == "n":
        return (*body, ERHUA)
    if last in ("aɪ", "eɪ"):
        return (*body, "a" if last == "aɪ" else "ə", ERHUA)
    if last in ("ɹ̩", "ɻ̩"):
        return (*body, "ə", ERHUA)
    if last in ("i", "y"):
        return (*phones, "ə", ERHUA)
    return (*phones, ERHUA)
