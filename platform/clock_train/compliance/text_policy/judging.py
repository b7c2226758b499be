"""What every judge of texts is: asked for a reason to refuse, and None where there is none."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

_UNSEEN = re.compile(r"[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
_NO_WORD = re.compile(r"[^\w]+|_")


@dataclass(frozen=True)
class TextRequest:
    """A text that somebody wants spoken."""

    text: str
    tenant: str
    voices: tuple[str, ...] = ()
    is_more: bool = False
    """Whether an earlier part of it was judged already, and is in front of this text again."""

    @cached_property
    def words(self) -> str:
        """Lower case, one space between words, nothing unseen and no signs: how English is compared."""
        plain = _UNSEEN.sub("", unicodedata.normalize("NFKC", self.text)).casefold()
        return _NO_WORD.sub(" ", plain.replace("'", "").replace("’", "")).strip()

    @cached_property
    def run(self) -> str:
        """The same without spaces: how Chinese is compared."""
        return self.words.replace(" ", "")


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a text may not be spoken; it never repeats the text."""

    rule: str
    """``deny-list``, ``impersonation``, ``look-alikes`` or ``plug-in``."""
    why: str


Judge = Callable[[TextRequest], Refusal | None]
