"""Is a text in the language that was named? By script first, by everyday words for languages that share one.

This guards against the wrong file, not against a wrong word: a whole transcript is judged, single lines only by script.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from clock_train.errors import TranscriptLanguageMismatch

EVERYDAY_WORDS = {
    "en": "the of and to a in is that for you your please this with are on not be or it number from will have press",
    "es": "el la los las de que y en un una por para con su no es se del al favor usted número numero ha esta",
    "fr": "le la les des de et en un une pour vous votre est que ne pas sur avec dans du au veuillez ce cette",
    "it": "il la i gli le di e che in un una per con non è del della al sono il suo prego numero questo si ha",
    "de": "der die das und ist nicht ein eine zu den mit von für auf sie ich bitte im dem des es werden wird",
}
"""Frequent words that tell five languages of Latin script apart."""

SCRIPT_OF = {
    "zh": "HAN",
    "ja": "HAN",
    "ru": "CYRILLIC",
    "uk": "CYRILLIC",
    "ko": "HANGUL",
    "el": "GREEK",
    "ar": "ARABIC",
}
MIN_WORDS = 40
"""Fewer words say too little to contradict a person."""
_WORD = re.compile(r"[^\W\d_]+")


def scripts_of(text: str) -> Counter[str]:
    """Letters by script: HAN, LATIN, CYRILLIC and so on; digits and signs belong to none."""
    counts: Counter[str] = Counter()
    for letter in text:
        if unicodedata.category(letter)[0] == "L":
            name = unicodedata.name(letter, "")
            counts["HAN" if name.startswith("CJK") else name.split(" ")[0]] += 1
    return counts


def is_readable_as(text: str, language: str) -> bool:
    """Whether one text can be in the language, by its script; a few foreign words do no harm."""
    counts = scripts_of(text)
    if not counts or language == "auto":
        return True
    wanted = SCRIPT_OF.get(language, "LATIN")
    # Mandarin speech is full of Latin abbreviations, and one Han character carries as much as several letters.
    weight = 3 if wanted == "HAN" else 1
    if language == "zh":
        return counts["HAN"] > 0 or sum(counts.values()) == counts["LATIN"] <= 12
    return weight * counts[wanted] >= sum(counts.values()) / 2


def choose_language(texts: Sequence[str], named: str | None) -> str:
    """The language of a transcript.

    Args:
        texts: all texts of the corpus.
        named: what the person said, or None.
    Raises:
        TranscriptLanguageMismatch: the texts are clearly in another language than the named one.
    """
    together = " ".join(texts)
    found, share = _most_likely(together)
    if named is None or named == "auto":
        return found
    wrong = [text for text in texts if not is_readable_as(text, named)]
    if texts and len(wrong) > len(texts) / 2:
        raise TranscriptLanguageMismatch(
            f'{len(wrong)} of {len(texts)} texts are not in "{named}" (the first: "{wrong[0][:60]}"); they look '
            f'like "{found}". Give the right transcripts, or --language {found}'
        )
    latin = named in EVERYDAY_WORDS and found in EVERYDAY_WORDS
    if latin and found != named and share >= 2 * _share(together, named) and len(_WORD.findall(together)) >= MIN_WORDS:
        raise TranscriptLanguageMismatch(
            f'the texts look like "{found}", not like "{named}" (the first: "{texts[0][:60]}"). '
            f"Give the right transcripts, or --language {found}"
        )
    return named


def _most_likely(text: str) -> tuple[str, float]:
    counts = scripts_of(text)
    if not counts:
        return "auto", 0.0
    # A Mandarin text may hold more Latin letters than characters and is still Mandarin.
    if 4 * counts["HAN"] >= counts["LATIN"] and counts["HAN"]:
        return "zh", 1.0
    script = counts.most_common(1)[0][0]
    if script != "LATIN":
        return next((language for language, own in SCRIPT_OF.items() if own == script), "auto"), 1.0
    shares = {language: _share(text, language) for language in EVERYDAY_WORDS}
    best = max(shares, key=lambda language: shares[language])
    return (best, shares[best]) if shares[best] > 0 else ("en", 0.0)


def _share(text: str, language: str) -> float:
    words = [word.lower() for word in _WORD.findall(text)]
    everyday = set(EVERYDAY_WORDS[language].split())
    return sum(word in everyday for word in words) / max(len(words), 1)
