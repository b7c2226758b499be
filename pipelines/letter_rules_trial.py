"""Measures the English letter rules on words that they were not learned from: the figures of docs/text.md.

    python pipelines/letter_rules_trial.py

Holds a seeded sample of the dictionary's words out, learns rules from the rest, and prints how many of the sample come
out whole, with and without stress, and the phone error rate. Takes about a minute.
"""

from __future__ import annotations

import random

from clock_train.evaluation.recogniser import edit_distance
from clock_train.text.english.dictionary import entries
from clock_train.text.english.letter_rules import learn_rules
from clock_train.text.english.letters import guess

HELD_OUT, SEED = 3_000, 1


def main() -> None:
    """Learn, guess and count."""
    words = entries()
    held_out = random.Random(SEED).sample(sorted(word for word in words if word.isalpha()), HELD_OUT)
    rules = learn_rules({word: phones for word, phones in words.items() if word not in set(held_out)})
    guesses = {word: list(guess(word, rules)) for word in held_out}
    whole = sum(guesses[word] == words[word] for word in held_out)
    bare = {word: (_bare(guesses[word]), _bare(words[word])) for word in held_out}
    without_stress = sum(made == right for made, right in bare.values())
    wrong = sum(edit_distance(right, made) for made, right in bare.values())
    print(f"{HELD_OUT} dictionary words held out (seed {SEED}), rules learned from the others")
    print(f"whole with stress     {whole / HELD_OUT:.1%}")
    print(f"whole without stress  {without_stress / HELD_OUT:.1%}")
    print(f"phones wrong          {wrong / sum(len(right) for _, right in bare.values()):.1%}")


def _bare(phones: list[str]) -> list[str]:
    return [phone.rstrip("012") for phone in phones]


if __name__ == "__main__":
    main()
