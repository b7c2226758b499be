"""Languages beyond Mandarin and English, read by espeak-ng as a separate process.

espeak-ng is GPL: it is never linked, shipped or required, only started where a person has installed it. Text goes in
through standard input and cleaned of square brackets, which espeak-ng would read as phoneme codes; nothing of it is
ever an argument. One start serves many sentences.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from functools import lru_cache

from clock_train.errors import TextLanguageUnsupported

_TIMEOUT_S = 60.0
"""For one call of up to ``_MAX_CALL_CHARACTERS``, which took 5 s on a busy core (1,500 words a second): a hang."""

_MAX_CALL_CHARACTERS = 40_000
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]+)*")
_VOICE_OF = {"es": "es-419", "es-es": "es", "fr": "fr-fr", "pt": "pt-br", "no": "nb", "zh-yue": "yue", "en": "en-us"}
"""Voices where the bare code means another accent: Spanish is read as in the Americas, like the sample recordings."""

_INSTALL = (
    'install it with "apt-get install espeak-ng" (Debian, Ubuntu), "dnf install espeak-ng" or "brew install espeak-ng"'
)


def find_voice(language: str) -> str:
    """The installed espeak-ng voice for a language code such as ``es`` or ``fr-CA``.

    Raises:
        TextLanguageUnsupported: no espeak-ng here, or no such voice in it.
    """
    code = language.strip().lower().replace("_", "-")
    if not _LANGUAGE.fullmatch(code):
        raise TextLanguageUnsupported(
            f'"{language[:40]}" is no language code; write one such as zh, en, es, fr, it or ru'
        )
    voices = _voices(_program(code))
    bare = code.partition("-")[0]
    preferred = _VOICE_OF.get(code, code)
    for candidate in (preferred, _VOICE_OF.get(bare, bare), bare):
        if candidate in voices:
            return candidate
    raise TextLanguageUnsupported(
        f'espeak-ng has no voice for "{language}"; "espeak-ng --voices" lists the {len(voices)} that it has. '
        "Mandarin (zh) and English (en) need none of them"
    )


def read_clauses(clauses: Sequence[str], voice: str) -> list[str]:
    """IPA of each clause, words by spaces and segments by ``_``; an empty string where a clause has no sound.

    Args:
        clauses: cleaned text without sentence punctuation.
        voice: from ``find_voice``.
    Raises:
        TextLanguageUnsupported: espeak-ng failed or did not end in time.
    """
    flat = [" ".join(clause.replace("[", " ").replace("]", " ").split()) for clause in clauses]
    spoken = [index for index, clause in enumerate(flat) if any(char.isalnum() for char in clause)]
    answers = [""] * len(flat)
    batch: list[int] = []
    size = 0
    for index in spoken:
        if batch and size + len(flat[index]) > _MAX_CALL_CHARACTERS:
            _answer(flat, batch, voice, answers)
            batch, size = [], 0
        batch.append(index)
        size += len(flat[index])
    if batch:
        _answer(flat, batch, voice, answers)
    return answers


def _answer(clauses: Sequence[str], indices: Sequence[int], voice: str, answers: list[str]) -> None:
    """Fill in the answers; where lines do not match clauses one to one, ask for halves until they do."""
    lines = _ask([clauses[index] for index in indices], voice)
    if len(indices) == 1:
        answers[indices[0]] = " ".join(lines)
    elif len(lines) == len(indices):
        for index, line in zip(indices, lines, strict=True):
            answers[index] = line
    else:
        middle = len(indices) // 2
        _answer(clauses, indices[:middle], voice, answers)
        _answer(clauses, indices[middle:], voice, answers)


def _ask(clauses: Sequence[str], voice: str) -> list[str]:
    command = [_program(voice), "-v", voice, "-q", "-b", "1", "--ipa", "--sep=_", "--stdin"]
    try:
        done = subprocess.run(
            command,
            input="\n\n".join(clauses) + "\n",
            capture_output=True,
            encoding="utf-8",
            timeout=_TIMEOUT_S,
            check=True,
        )
    except subprocess.TimeoutExpired as error:
        raise TextLanguageUnsupported(f"espeak-ng did not read {len(clauses)} clauses in {_TIMEOUT_S:.0f} s") from error
    except (subprocess.CalledProcessError, OSError, UnicodeError) as error:
        raise TextLanguageUnsupported(
            f'espeak-ng failed on the voice "{voice}": {error}; check "espeak-ng -v {voice} test"'
        ) from error
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]


def _program(language: str) -> str:
    program = shutil.which("espeak-ng")
    if program is None:
        raise TextLanguageUnsupported(
            f'"{language}" is read by espeak-ng, which is not installed here; {_INSTALL}. '
            "Mandarin and English need nothing"
        )
    return program


@lru_cache(maxsize=4)
def _voices(program: str) -> frozenset[str]:
    try:
        listing = subprocess.run(
            [program, "--voices"], capture_output=True, encoding="utf-8", timeout=_TIMEOUT_S, check=True
        ).stdout
    except (subprocess.SubprocessError, OSError, UnicodeError) as error:
        raise TextLanguageUnsupported(f"espeak-ng does not start: {error}") from error
    return frozenset(line.split()[1] for line in listing.splitlines()[1:] if len(line.split()) > 1)
