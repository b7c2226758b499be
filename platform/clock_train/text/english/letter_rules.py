"""Learns letter-to-sound rules from a pronouncing dictionary, for ``compile_data.py`` only.

Each letter is aligned with no, one or two phones (expectation maximisation with hard counts); then each letter's
sound is remembered for ever wider windows of neighbouring letters, and a window is kept only where it changes what the
narrower one says. Source: the decision-tree letter-to-sound rules of Black, Lenzo & Pagel (1998), with a fixed order
of questions.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict

from clock_train.text.english.letters import window

_ROUNDS = 5
_MIN_WORDS = 2
"""A window seen in fewer words is somebody's name."""
_UNSEEN = {0: -14.0, 1: -14.0, 2: -18.0}
"""Log-probability of a letter's phones that no alignment has used yet, by how many phones they are."""

_Pieces = list[tuple[str, ...]]


def learn_rules(entries: dict[str, list[str]]) -> dict[str, str]:
    """Window of letters to the phones of its first letter, phones joined by spaces."""
    usable = {word: phones for word, phones in entries.items() if word.isalpha() and len(phones) <= 2 * len(word)}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for word, pieces in _align_all(usable).items():
        for place, phones in enumerate(pieces):
            letters = window(word, place)
            for width in range(1, len(letters) + 1):
                counts[letters[:width]][" ".join(phones)] += 1
    rules: dict[str, str] = {}
    for key in sorted(counts, key=lambda letters: (len(letters), letters)):
        phones, _ = max(counts[key].items(), key=lambda item: (item[1], item[0]))
        if len(key) > 1 and counts[key].total() < _MIN_WORDS:
            continue
        narrower = next((rules[key[:width]] for width in range(len(key) - 1, 0, -1) if key[:width] in rules), None)
        if phones != narrower:
            rules[key] = phones
    return rules


def _align_all(entries: dict[str, list[str]]) -> dict[str, _Pieces]:
    chances = _chances(_first_counts(entries))
    sample = list(entries)[::4]
    for _ in range(_ROUNDS):
        counts: Counter[tuple[str, tuple[str, ...]]] = Counter()
        for word in sample:
            for letter, phones in zip(word, _align(word, entries[word], chances), strict=False):
                counts[letter, _bare(phones)] += 1
        chances = _chances(counts)
    return {word: _align(word, phones, chances) for word, phones in entries.items()}


def _first_counts(entries: dict[str, list[str]]) -> Counter[tuple[str, tuple[str, ...]]]:
    """Letters with the phones at about the same place in the word."""
    counts: Counter[tuple[str, tuple[str, ...]]] = Counter()
    for word, phones in entries.items():
        for place, letter in enumerate(word):
            middle = int(place * len(phones) / len(word))
            for near in range(max(0, middle - 1), min(len(phones), middle + 2)):
                counts[letter, _bare(phones[near : near + 1])] += 1
            counts[letter, ()] += 1
    return counts


def _chances(counts: Counter[tuple[str, tuple[str, ...]]]) -> dict[tuple[str, tuple[str, ...]], float]:
    totals: Counter[str] = Counter()
    for (letter, _), count in counts.items():
        totals[letter] += count
    return {key: math.log(count / totals[key[0]]) for key, count in counts.items()}


def _align(word: str, phones: list[str], chances: dict[tuple[str, tuple[str, ...]], float]) -> _Pieces:
    """The likeliest cut of the phones over the letters (Viterbi); empty where none exists."""
    bare = _bare(phones)
    best: list[dict[int, float]] = [{0: 0.0}]
    taken: list[dict[int, int]] = [{}]
    for letter in word:
        scores: dict[int, float] = {}
        counts: dict[int, int] = {}
        for done, score in best[-1].items():
            for num in range(min(2, len(bare) - done) + 1):
                total = score + chances.get((letter, bare[done : done + num]), _UNSEEN[num])
                if total > scores.get(done + num, -math.inf):
                    scores[done + num], counts[done + num] = total, num
        best.append(scores)
        taken.append(counts)
    if len(phones) not in best[-1]:
        return []
    pieces, end = [], len(phones)
    for place in range(len(word), 0, -1):
        num = taken[place][end]
        pieces.append(tuple(phones[end - num : end]))
        end -= num
    return pieces[::-1]


def _bare(phones: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(phone.rstrip("012") for phone in phones)
