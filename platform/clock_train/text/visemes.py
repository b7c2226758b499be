"""What the mouth does for each phone: the fifteen visemes that talking heads know, by their usual short names.

``sil PP FF TH DD kk CH SS nn RR aa E I O U``. A diphthong is two, one after the other.
"""

from __future__ import annotations

from clock_train.text.inventory import MODIFIERS, PAUSES, SILENCE

SILENT = "sil"
VISEMES = (SILENT, "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "I", "O", "U")
_SHAPES: tuple[tuple[tuple[str, ...], str], ...] = (
    ((SILENT,), " ".join((SILENCE, *PAUSES))),
    (("PP",), "p pʰ b m"),
    (("FF",), "f v β"),
    (("TH",), "θ ð"),
    (("DD",), "t tʰ d ɾ"),
    (("kk",), "k kʰ ɡ ʔ ŋ x ɣ h ç ʁ"),
    (("CH",), "ʃ ʒ ʂ ʐ ɕ ʑ tʃ dʒ tɕ tɕʰ ʈʂ ʈʂʰ"),
    (("SS",), "s z ts tsʰ dz"),
    (("nn",), "n ɲ l ɫ ʎ"),
    (("RR",), "ɹ r ɚ ɝ ɹ̩ ɻ̩"),
    (("aa",), "a æ ʌ ɐ ɑ"),
    (("E",), "e ɛ ə ɤ œ ø"),
    (("I",), "i ɪ ɨ j"),
    (("O",), "o ɔ"),
    (("U",), "u ʊ y ʉ w ɥ"),
    (("aa", "I"), "aɪ"),
    (("E", "I"), "eɪ"),
    (("O", "I"), "ɔɪ"),
    (("aa", "U"), "aʊ"),
    (("O", "U"), "oʊ"),
)
_OF = {phone: shape for shape, phones in _SHAPES for phone in phones.split()}


def visemes_of(phone: str) -> tuple[str, ...]:
    """The shapes of one phone, in order and of one length each; none of a modifier, which keeps the shape before it."""
    return () if phone in MODIFIERS else _OF[phone]
