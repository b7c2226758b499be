"""A long take cut at its pauses, and each piece given its line of text.

Takes are streamed twice, once to find the stretches of speech and once to cut the pieces, so that two hours of
recording never sit in memory. Which piece holds which line is decided by `line_matching`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from clock_train.audio.activity import activity
from clock_train.audio.reading import read_blocks
from clock_train.data.line_matching import Matching, match_lines
from clock_train.data.spoken_length import SpokenLength
from clock_train.errors import TranscriptTooLong

BLOCK_S = 60.0
SETTLE_S = 3.0
"""Speech this near to the end of what was read may still change: the room's level is taken from 2 s around."""
MAX_BUFFER_S = 300.0
"""Without a pause for this long (music, hum) the stretch is cut here and fits no line."""
CONTEXT_S = 0.3
"""Kept around a piece so that its background can be measured."""
MAX_PHONES_PER_S = 25.0
"""Faster than any reader: Mandarin and English news reach 16-18."""
MAX_LINE_PHONES = 110
"""About 9 s; longer sentences are broken at commas so that clips stay trainable."""

_SENTENCE_END = re.compile(r"(?<=[.!?…:;])[\"'”’)]*\s+|(?<=[。！？；：…])[”’」』]*")
_COMMA = re.compile(r"(?<=[,，、])\s*|\s+(?=[-–—]\s)")


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Speech between two pauses."""

    file: int
    """Index of the take's files."""
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A stretch of a take and the text read there."""

    number: int
    """Of the first line, from 1."""
    text: str
    file: int
    start_s: float
    """With its surrounding silence."""
    end_s: float
    probability: float


@dataclass(frozen=True, kw_only=True)
class Cutting:
    """What became of one take."""

    pieces: list[Piece] = field(default_factory=list)
    doubtful: list[int] = field(default_factory=list)
    """Line numbers from 0."""
    missing: list[int] = field(default_factory=list)
    unused: list[Stretch] = field(default_factory=list)
    seconds: float = 0.0
    """Of the whole take."""


def find_stretches(path: Path, *, sample_rate_hz: int = 16_000, file: int = 0) -> tuple[list[Stretch], float]:
    """Stretches of speech of one file, streamed, and the file's length in seconds."""
    stretches: list[Stretch] = []
    buffer = np.zeros(0, dtype=np.float32)
    offset_s = 0.0
    blocks = read_blocks(path, sample_rate_hz=sample_rate_hz, block_seconds=BLOCK_S)
    block = next(blocks, None)
    while block is not None:
        buffer = np.concatenate([buffer, block])
        block = next(blocks, None)
        seconds = len(buffer) / sample_rate_hz
        segments = activity(buffer, sample_rate_hz).segments
        is_cut_here = block is None or seconds > MAX_BUFFER_S
        settled = [each for each in segments if is_cut_here or each[1] < seconds - SETTLE_S]
        stretches += [Stretch(file=file, start_s=offset_s + start, end_s=offset_s + end) for start, end in settled]
        # Only whole stretches are taken from the buffer, and the next one keeps its beginning.
        done_s = seconds if is_cut_here else settled[-1][1] if settled else 0.0
        passed = min(round(done_s * sample_rate_hz), len(buffer))
        offset_s += passed / sample_rate_hz
        buffer = buffer[passed:]
    return stretches, offset_s


def cut_take(
    paths: Sequence[Path],
    lines: Sequence[str],
    lengths: Sequence[SpokenLength],
    *,
    sample_rate_hz: int = 16_000,
    is_complete: bool = False,
    seconds_per_phone: float | None = None,
) -> Cutting:
    """Decide which part of a take holds which line; nothing is cut yet.

    Args:
        paths: files of one sitting, in order.
        lines: what was read, in order.
        lengths: of each line.
        sample_rate_hz: at which pauses are looked for.
        is_complete: one text that was read whole, as in a long clip with its own transcript.
        seconds_per_phone: the reader's pace, where it is known.
    Raises:
        TranscriptTooLong: nobody could read the text in the time of the take.
    """
    stretches: list[Stretch] = []
    total_s = 0.0
    table = []
    for file, path in enumerate(paths):
        found, seconds = find_stretches(path, sample_rate_hz=sample_rate_hz, file=file)
        table += [(total_s + each.start_s, total_s + each.end_s) for each in found]
        stretches += found
        total_s += seconds + 10.0  # No line goes on in the next file.
    total_s -= 10.0 * len(paths)
    _require_room(paths[0], sum(length.num_phones for length in lengths), total_s)
    matching = match_lines(
        np.array(table).reshape(-1, 2),
        [length.num_phones for length in lengths],
        [length.num_pauses for length in lengths],
        is_complete=is_complete,
        seconds_per_phone=seconds_per_phone,
    )
    return Cutting(
        pieces=_pieces(stretches, lines, matching),
        doubtful=matching.doubtful_lines,
        missing=matching.missing_lines,
        unused=[stretches[i] for i in matching.unused_stretches],
        seconds=total_s,
    )


def cut_waveforms(path: Path, pieces: Sequence[Piece], *, sample_rate_hz: int = 16_000) -> Iterator[np.ndarray]:
    """The sound of each piece of one file, in order, streamed; pieces ascend and do not overlap."""
    blocks = read_blocks(path, sample_rate_hz=sample_rate_hz, block_seconds=BLOCK_S)
    buffer = np.zeros(0, dtype=np.float32)
    offset = 0
    for piece in pieces:
        start, end = round(piece.start_s * sample_rate_hz), round(piece.end_s * sample_rate_hz)
        while offset + len(buffer) < end and (block := next(blocks, None)) is not None:
            passed = min(max(start - offset, 0), len(buffer))
            buffer = np.concatenate([buffer[passed:], block])
            offset += passed
        yield buffer[max(start - offset, 0) : end - offset].copy()


def reading_lines(text: str) -> list[str]:
    """Break one long text into lines of a few seconds: at sentence ends, long sentences at commas too."""
    lines: list[str] = []
    for sentence in _split(_SENTENCE_END, text):
        parts = _split(_COMMA, sentence)
        line = ""
        for part in parts:
            if line and _rough_phones(line) + _rough_phones(part) > MAX_LINE_PHONES:
                lines.append(line)
                line = part
            else:
                line = f"{line} {part}".strip() if not line.endswith(("，", "、")) else line + part
        lines.append(line)
    return lines


def _split(pattern: re.Pattern[str], text: str) -> list[str]:
    parts, start = [], 0
    for match in pattern.finditer(text):
        parts.append(text[start : match.end()].strip())
        start = match.end()
    return [part for part in (*parts, text[start:].strip()) if part]


def _rough_phones(text: str) -> float:
    from clock_train.data.spoken_length import estimated_length

    return estimated_length(text).num_phones


def _require_room(path: Path, num_phones: float, seconds: float) -> None:
    if num_phones > MAX_PHONES_PER_S * seconds:
        raise TranscriptTooLong(
            f'the text for "{path}" has about {num_phones:.0f} phones, {seconds:.0f} s of sound hold at most '
            f"{MAX_PHONES_PER_S * seconds:.0f}. Give the text of this recording alone, or the whole recording"
        )


def _pieces(stretches: list[Stretch], lines: Sequence[str], matching: Matching) -> list[Piece]:
    pieces = []
    for match in matching.matches:
        first, last = stretches[match.stretches[0]], stretches[match.stretches[-1]]
        if first.file != last.file:
            continue
        before = stretches[match.stretches[0] - 1] if match.stretches[0] else None
        after = stretches[match.stretches[-1] + 1] if match.stretches[-1] + 1 < len(stretches) else None
        start_s = first.start_s - CONTEXT_S
        if before and before.file == first.file:
            start_s = max(start_s, (before.end_s + first.start_s) / 2)
        end_s = last.end_s + CONTEXT_S
        if after and after.file == last.file:
            end_s = min(end_s, (after.start_s + last.end_s) / 2)
        text = " ".join(lines[line] for line in match.lines)
        pieces.append(
            Piece(
                number=match.lines[0] + 1,
                text=text,
                file=first.file,
                start_s=max(start_s, 0.0),
                end_s=end_s,
                probability=match.probability,
            )
        )
    return pieces
