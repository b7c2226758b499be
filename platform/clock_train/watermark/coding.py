"""The error-correcting code: rate 1/3, constraint length 7, tail-biting, so that short words pay no tail.

Generators 133, 171 and 165 (octal), the usual ones; the decoder takes soft values and walks the word around three
times, which settles the unknown first state.
"""

from __future__ import annotations

import numpy as np

RATE = 3
MEMORY = 6
NUM_STATES = 1 << MEMORY
GENERATORS = (0o133, 0o171, 0o165)
TURNS = 3


def _outputs() -> np.ndarray:
    """(64 states, 2 inputs, 3) of ±1."""
    table = np.empty((NUM_STATES, 2, RATE), dtype=np.float32)
    for state in range(NUM_STATES):
        for bit in (0, 1):
            register = bit << MEMORY | state
            for n, generator in enumerate(GENERATORS):
                table[state, bit, n] = 1.0 - 2.0 * ((register & generator).bit_count() & 1)
    return table


OUTPUTS = _outputs()
# the next state is the input above the older bits, so state s comes from these two, with the input s >> 5
_FROM = np.array(
    [[(state << 1) & (NUM_STATES - 1), (state << 1) & (NUM_STATES - 1) | 1] for state in range(NUM_STATES)]
)
_IN = np.arange(NUM_STATES) >> (MEMORY - 1)
_BRANCH = np.stack([OUTPUTS[_FROM[:, k], _IN] for k in (0, 1)], axis=1)


def encode(bits: np.ndarray) -> np.ndarray:
    """(n,) of 0 and 1 to (3 n,) of ±1."""
    state = 0
    for bit in bits[-MEMORY:]:
        state = int(bit) << (MEMORY - 1) | state >> 1
    coded = []
    for bit in bits:
        coded.append(OUTPUTS[state, int(bit)])
        state = int(bit) << (MEMORY - 1) | state >> 1
    return np.concatenate(coded)


def decode(soft: np.ndarray) -> np.ndarray:
    """The likeliest word: (3 n,) soft values, positive for +1, to (n,) uint8."""
    steps = soft.reshape(-1, RATE).astype(np.float32)
    n = len(steps)
    branch = np.einsum("nr,skr->nsk", steps, _BRANCH)
    metric = np.zeros(NUM_STATES, dtype=np.float32)
    choices = np.empty((TURNS * n, NUM_STATES), dtype=np.uint8)
    for t in range(TURNS * n):
        both = metric[_FROM] + branch[t % n]
        choices[t] = both[:, 1] > both[:, 0]
        metric = np.maximum(both[:, 0], both[:, 1])
    state = int(metric.argmax())
    bits = np.empty(TURNS * n, dtype=np.uint8)
    for t in range(TURNS * n - 1, -1, -1):
        bits[t] = _IN[state]
        state = int(_FROM[state, choices[t, state]])
    return bits[n : 2 * n]


def bits_of(value: int, count: int) -> np.ndarray:
    """A number as (count,) bits, the highest first."""
    return np.array([value >> k & 1 for k in range(count - 1, -1, -1)], dtype=np.uint8)


def number_of(bits: np.ndarray) -> int:
    """The inverse of ``bits_of``."""
    return int("".join("1" if bit else "0" for bit in bits), 2)
