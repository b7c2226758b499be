"""How long the text front-end takes to load, and how many sentences a core reads in a minute."""

from __future__ import annotations

from clock_train.cli.measurements.isolation import CpuClock, answer

SHORTEST_SECONDS, LONGEST_SECONDS = 2.0, 4.0
"""The budget speaks of sentences of three seconds."""


def measure_front_end() -> dict[str, float]:
    """Read the recording prompts of two to four seconds, each once: no cache has seen them."""
    clock = CpuClock()
    from clock_train.text.frontend import phonemize

    phonemize("你好", "zh")
    phonemize("Hello", "en")
    load_s = clock.seconds()
    from clock_train.data.prompts import prompts

    found = {"load_seconds": load_s}
    for language in ("zh", "en"):
        lines = [p.text for p in prompts(language) if SHORTEST_SECONDS <= p.expected_seconds <= LONGEST_SECONDS]
        clock = CpuClock()
        for line in lines:
            phonemize(line, language)
        found[f"{language}_sentences_per_minute"] = 60.0 * len(lines) / clock.seconds()
        found[f"{language}_sentences"] = len(lines)
    return found


if __name__ == "__main__":
    answer(measure_front_end)
