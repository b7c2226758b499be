"""Transcript files: tables (tsv, csv, psv), Debian's ``name: text`` lines, AISHELL-3's ``content.txt``, plain lines.

Reading only: which recording a row belongs to is the business of `layouts`. Everything must be UTF-8; a file that is
not is refused rather than half read, because a wrong letter would be trained as a wrong sound.
"""

from __future__ import annotations

import csv
import gzip
import re
from dataclasses import dataclass
from pathlib import Path

from clock_train.errors import CorpusUnreadable, TranscriptEncoding, TranscriptMissing, TranscriptUnclear

MAX_TRANSCRIPT_BYTES = 256 * 2**20
"""A text of the largest public corpora is below 100 MB; more is a wrong file."""

COLUMN_NAMES = {
    "name": {
        "name",
        "file",
        "filename",
        "file_name",
        "id",
        "path",
        "audio",
        "audio_path",
        "wav",
        "clip",
        "utterance",
        "utt",
    },
    "text": {"text", "transcript", "transcription", "sentence", "line", "文本"},
    "spoken": {"normalized", "normalised", "normalized_text", "normalized_transcription", "spoken"},
    "speaker": {"speaker", "speaker_id", "speaker_name", "spk", "client_id"},
    "language": {"language", "lang", "locale"},
    "emotion": {"emotion", "mood", "feeling", "情感"},
}
"""Meaning → what tables call the column. ``spoken`` wins over ``text``."""

_NAME_AND_TEXT = re.compile(r"^(?P<name>[^\s:][^:\t]*?)\s*:\s+(?P<text>\S.*)$")
_NOTE = re.compile(r"\[[^\]]*\]|\([^)]*\)|<[^|<>]*>|（[^）]*）|【[^】]*】")
_LETTER = re.compile(r"[^\W_]")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One transcript and what it calls its recording."""

    name: str
    text: str
    line: int
    speaker: str | None = None
    language: str | None = None
    emotion: str | None = None


def read_text(path: Path) -> str:
    """The text of a transcript file (``.gz`` too), without a byte order mark.

    Raises:
        TranscriptMissing: the file is not there.
        TranscriptEncoding: it is not UTF-8.
        CorpusUnreadable: permissions, the disk or its size refuse it.
    """
    try:
        if path.stat().st_size > MAX_TRANSCRIPT_BYTES:
            raise CorpusUnreadable(
                f'"{path}" is larger than {MAX_TRANSCRIPT_BYTES >> 20} MB; no transcript is. Split it'
            )
        if path.suffix == ".gz":
            with gzip.open(path) as packed:
                data = packed.read(MAX_TRANSCRIPT_BYTES)
        else:
            data = path.read_bytes()
    except FileNotFoundError as error:
        raise TranscriptMissing(f'"{path}" is not there. Give the file with --transcripts') from error
    except (OSError, EOFError) as error:
        raise CorpusUnreadable(f'"{path}" cannot be read ({error}). Check the file and its permissions') from error
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise TranscriptEncoding(f'"{path}" is UTF-16. Convert it: iconv -f UTF-16 -t UTF-8 "{path}" > new.txt')
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TranscriptEncoding(
            f'"{path}" is not UTF-8 (line {line}, byte 0x{data[error.start]:02x}). '
            f'Convert it, for Chinese often: iconv -f GB18030 -t UTF-8 "{path}" > new.txt'
        ) from error


def plain_lines(text: str) -> list[str]:
    """The lines that are read aloud: not blank, not a comment (``;`` or ``#``)."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith((";", "#"))]


def named_rows(text: str) -> list[Row] | None:
    """Rows of Debian's ``name: text`` format, or None if most lines are no such thing."""
    rows, others = [], 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith((";", "#")):
            continue
        match = _NAME_AND_TEXT.match(line.strip())
        if match:
            # Debian's Russian file repeats some names: "conf-adminmenu: conf-adminmenu: …".
            spoken = match["text"].removeprefix(f"{match['name']}: ")
            rows.append(Row(name=match["name"], text=spoken.strip(), line=number))
        else:
            others += 1
    return rows if rows and others <= len(rows) // 10 else None


def table_rows(text: str, *, path: Path) -> list[Row] | None:
    """Rows of a table with or without a header; None if the text is no table.

    Raises:
        TranscriptUnclear: more columns than can be told apart without a header, or a header without a text column.
    """
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    delimiter = _delimiter(path, [line for _, line in lines[:200]])
    if delimiter is None:
        return None
    # Only CSV quotes: in the others a quotation mark is part of the sentence.
    quoting = csv.QUOTE_MINIMAL if delimiter == "," else csv.QUOTE_NONE
    cells = [next(csv.reader([line], delimiter=delimiter, quoting=quoting)) for _, line in lines]
    columns = _header_columns(cells[0])
    if columns is None:
        columns = _guess_columns(cells, path)
    else:
        lines, cells = lines[1:], cells[1:]
        if "name" not in columns or not {"text", "spoken"} & set(columns):
            raise TranscriptUnclear(
                f'the header of "{path}" has no column for the file or for the text. Call them "name" and "text"'
            )

    def cell(row: list[str], meaning: str) -> str:
        index = columns.get(meaning)
        return row[index].strip() if index is not None and index < len(row) else ""

    return [
        Row(
            name=cell(row, "name"),
            text=cell(row, "spoken") or cell(row, "text"),
            line=number,
            speaker=cell(row, "speaker") or None,
            language=cell(row, "language") or None,
            emotion=cell(row, "emotion").lower() or None,
        )
        for (number, _), row in zip(lines, cells, strict=True)
        if cell(row, "name")
    ]


def aishell_rows(text: str) -> list[Row]:
    """Rows of AISHELL-3's ``content.txt``: file, tab, then each character followed by its pinyin."""
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        name, _, content = line.partition("\t")
        if content.strip():
            rows.append(Row(name=name.strip(), text="".join(content.split()[::2]), line=number, language="zh"))
    return rows


def split_notes(text: str) -> tuple[str, bool]:
    """What is left of a text without bracketed notes, and whether a note held words.

    ``at [@]`` gives ``("at", False)``: the note is only a sign. ``IAX (does not say 2)`` gives ``("IAX", True)``:
    whether those words are spoken is anybody's guess.
    """
    notes = _NOTE.findall(text)
    spoken = " ".join(_NOTE.sub(" ", text).split())
    return spoken, any(_LETTER.search(note) for note in notes)


def has_letters(text: str) -> bool:
    """Whether anything in the text is a letter or a digit of any script."""
    return bool(_LETTER.search(text))


def _delimiter(path: Path, lines: list[str]) -> str | None:
    names = path.name.lower().removesuffix(".gz")
    by_name = "\t" if names.endswith(".tsv") else "|" if names.endswith(".psv") else None
    for delimiter in (by_name,) if by_name else ("\t", "|", ","):
        having = sum(delimiter in line for line in lines)
        # A comma is also plain punctuation: it counts only in a file that says it is CSV.
        if having >= 0.9 * len(lines) and (delimiter != "," or names.endswith(".csv")):
            return delimiter
    return None


def _header_columns(first: list[str]) -> dict[str, int] | None:
    columns: dict[str, int] = {}
    for index, title in enumerate(first):
        for meaning, names in COLUMN_NAMES.items():
            if title.strip().lower() in names and meaning not in columns:
                columns[meaning] = index
    return columns if len(columns) >= 2 or set(columns) & {"text", "spoken"} else None


def _guess_columns(cells: list[list[str]], path: Path) -> dict[str, int]:
    width = max(len(row) for row in cells)
    if width == 2:
        return {"name": 0, "text": 1}
    if width == 3 and _column_length(cells, 2) > 0.8 * _column_length(cells, 1):
        return {"name": 0, "text": 1, "spoken": 2}  # LJSpeech: name, as written, as spoken
    raise TranscriptUnclear(
        f'"{path}" has {width} columns and no header. Add a first line that names them: name, text, speaker, emotion'
    )


def _column_length(cells: list[list[str]], index: int) -> int:
    return sum(len(row[index]) for row in cells if index < len(row))
