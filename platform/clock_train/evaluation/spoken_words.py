"""The words of a text as an English recogniser writes them: lower case, apostrophes kept, everything else a space."""

from __future__ import annotations

import re
import unicodedata

WORD = re.compile(r"[a-z]+(?:'[a-z]+)*")


def spoken_words(text: str) -> list[str]:
    """``"It's 'done', José."`` to ``["it's", "done", "jose"]``.

    Digits are no words here: give the text as it is spoken (``Utterance.normalized``).
    """
    plain = unicodedata.normalize("NFKD", text.replace("’", "'"))
    letters = "".join(character for character in plain if not unicodedata.combining(character))
    return WORD.findall(letters.lower())
