"""Foreign text on a terminal: one line, and nothing that moves the cursor, hides or turns text around."""

from __future__ import annotations

import unicodedata


def one_line(text: object) -> str:
    """The text with every control and format sign, and every line end, written out as ``\\x1b``."""
    return "".join(
        sign.encode("unicode_escape").decode("ascii")
        if unicodedata.category(sign)[0] == "C" or unicodedata.category(sign) in ("Zl", "Zp")
        else sign
        for sign in str(text)
    )
