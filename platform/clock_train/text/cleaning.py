"""Unicode as it is written, made plain: full-width forms, punctuation of every tradition, controls and emoji."""

from __future__ import annotations

import re
import unicodedata

_PUNCTUATION = {
    **dict.fromkeys("，、､﹐﹑،", ","),
    **dict.fromkeys("；;；︔", ";"),
    **dict.fromkeys("：︰﹕", ":"),
    **dict.fromkeys("。｡．﹒।۔", "."),
    **dict.fromkeys("？﹖؟", "?"),
    **dict.fromkeys("！﹗", "!"),
    **dict.fromkeys("“”„‟«»「」『』《》〈〉﹁﹂﹃﹄〝〞＂", '"'),
    **dict.fromkeys("‘’‚‛ʼ′＇`´", "'"),
    **dict.fromkeys("（【〔〖［｛﹙[{", "("),
    **dict.fromkeys("）】〕〗］｝﹚]}", ")"),
    **dict.fromkeys("‐‑‒−﹣－", "-"),
    **dict.fromkeys("–", "–"),
    **dict.fromkeys("—―⸺", "—"),
    **dict.fromkeys("～〜∼", "~"),
    "…": "…",
    "⋯": "…",
    "·": "·",
    "‧": "·",
    "・": "·",
    # they open what ? and ! close, and have no sound of their own
    **dict.fromkeys("¿¡", " "),
    "\u3000": " ",
}
_KEPT_FROM_NFKC = frozenset("²³℃℉…½⅓⅔¼¾⅛⅜⅝⅞㎡μµΩ")
_VULGAR = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8"}
_SPACES = re.compile(r"\s+")


def clean(text: str) -> str:
    """Half-width letters and digits, one form of each mark, single spaces, no controls and no pictures.

    Letters of any script stay, so that the front-end can refuse what it cannot read instead of losing it.
    """
    plain = "".join(_clean_character(char) for char in unicodedata.normalize("NFC", text))
    plain = re.sub(r"\.{3,}|。{2,}", "…", plain)
    return _SPACES.sub(" ", plain).strip()


def _clean_character(char: str) -> str:
    if char.isascii() and char.isprintable():
        return _PUNCTUATION.get(char, char)
    if char in _PUNCTUATION:
        return _PUNCTUATION[char]
    if char in _VULGAR:
        return f" {_VULGAR[char]}"
    if char in _KEPT_FROM_NFKC:
        return "μ" if char == "µ" else char
    category = unicodedata.category(char)
    if category in ("Cf", "Mn", "Me") or category == "Cs":
        return char if category == "Mn" else ""
    if "\ue000" <= char <= "\uf8ff":
        return char  # the place of an override (overrides.py)
    if category[0] in "CZ":
        return " "
    plain = unicodedata.normalize("NFKC", char)
    return plain if plain == char or len(plain) > 1 else _PUNCTUATION.get(plain, plain)
