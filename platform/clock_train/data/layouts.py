"""Which files of a folder are recordings, and which text belongs to each: the layouts that people bring.

A layout is recognised by its own marks (a table, ``wavs/``, ``*.normalized.txt`` …) and gives the same two things:
clips, each one recording with its text, and takes, long recordings with the lines that were read. Nothing is guessed: a
recording without a text stays in the list with the reason, and two candidate tables are an error.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from clock_train.data.recordings_folder import (
    ATTRIBUTION_NAMES,
    Layout,
    LayoutKind,
    Recording,
    RecordingsFolder,
    Take,
    refuse,
    with_ids,
)
from clock_train.data.transcripts import Row, aishell_rows, named_rows, plain_lines, read_text, table_rows
from clock_train.errors import (
    ClockTrainError,
    TranscriptDuplicated,
    TranscriptEncoding,
    TranscriptMissing,
)

TEXT_SUFFIXES = (".normalized.txt", ".txt", ".lab")


def recognise(recordings_path: str | Path, transcripts_path: str | Path | None = None) -> Layout:
    """Find the recordings and their texts.

    Args:
        recordings_path: a folder, or one sound file.
        transcripts_path: a transcript file or a folder of them; found by itself when absent.
    Raises:
        CorpusNotFound: no such folder, or no sound file in it.
        CorpusUnreadable: a folder or transcript that may not be read.
        TranscriptMissing, TranscriptDuplicated, TranscriptEncoding, TranscriptUnclear: see `clock_train.errors`.
    """
    root = Path(recordings_path)
    transcripts = Path(transcripts_path) if transcripts_path else None
    try:
        if transcripts and not transcripts.exists():
            raise TranscriptMissing(f'"{transcripts}" is not there. Give the transcript file with --transcripts')
        is_file = root.is_file()
    except PermissionError as error:
        refuse(error)
    if is_file:
        return _single_take(root, transcripts)
    found = RecordingsFolder(root)
    layout = _given(found, transcripts) if transcripts else _recognised(found)
    return replace(layout, attribution=_attribution(root))


def _single_take(path: Path, transcripts: Path | None) -> Layout:
    text_path = transcripts or next((t for s in TEXT_SUFFIXES if (t := path.with_suffix(s)).is_file()), None)
    if text_path is None:
        raise TranscriptMissing(
            f'"{path}" has no text. Write what is read, one sentence a line, into "{path.with_suffix(".txt")}" '
            "or give the file with --transcripts"
        )
    lines = plain_lines(read_text(text_path))
    if not lines:
        raise TranscriptMissing(f'"{text_path}" has no line of text. Write what is read, one sentence a line')
    return Layout(kind=LayoutKind.TAKE, takes=[Take(paths=[path], files=[path.name], lines=lines)])


def _recognised(found: RecordingsFolder) -> Layout:
    for recogniser in (_aishell, _libritts, _vctk):
        layout = recogniser(found)
        if layout:
            return layout
    # One text beside each recording is decided before any table: a folder of a.wav, a.txt has many text files.
    paired = {path: text for path in found.audio if (text := _text_beside(path, found))}
    candidates = [path for path in found.texts() if path not in paired.values()]
    layouts = [layout for path in candidates if (layout := _whole(found, path, must_match=True))]
    if len(layouts) > 1:
        names = ", ".join(f'"{path.name}"' for path in candidates)
        raise TranscriptDuplicated(
            f'"{found.root}" has more than one transcript ({names}). Name the right one with --transcripts'
        )
    if layouts and paired and set(paired) & {r.path for r in layouts[0].recordings if r.text}:
        raise TranscriptDuplicated(
            f'"{found.root}" has texts beside the recordings and a table ("{candidates[0].name}"). '
            "Name the one to use with --transcripts"
        )
    if layouts:
        return layouts[0]
    if paired:
        return _per_clip(found, paired)
    if len(candidates) == 1 and (lines := plain_lines(read_text(candidates[0]))):
        return _takes(found, found.audio, lines)
    raise TranscriptMissing(
        f'"{found.root}" has {len(found.audio)} recordings and no transcript. Put "name<TAB>text" lines into '
        f'"{found.root / "transcripts.tsv"}", a text beside each recording, or give a file with --transcripts'
    )


def _given(found: RecordingsFolder, transcripts: Path) -> Layout:
    if transcripts.is_dir():
        texts = {path.name: path for path in sorted(transcripts.rglob("*")) if path.name.endswith(TEXT_SUFFIXES)}
        paired = {p: texts[p.stem + s] for p in found.audio for s in reversed(TEXT_SUFFIXES) if p.stem + s in texts}
        if not paired:
            raise TranscriptMissing(f'"{transcripts}" has no text named like a recording of "{found.root}"')
        return _per_clip(found, paired)
    if transcripts.name == "content.txt" and (rows := aishell_rows(read_text(transcripts))):
        return _rows_layout(found, LayoutKind.AISHELL3, [replace(row, speaker=row.name[:7]) for row in rows])
    layout = _whole(found, transcripts, must_match=False)
    if layout:
        return layout
    lines = plain_lines(read_text(transcripts))
    if not lines:
        raise TranscriptMissing(f'"{transcripts}" has no line of text')
    return _takes(found, found.audio, lines)


def _whole(found: RecordingsFolder, path: Path, *, must_match: bool) -> Layout | None:
    """The layout of one file that holds all texts, if its rows name recordings."""
    text = read_text(path)
    for kind, rows in ((LayoutKind.TABLE, table_rows(text, path=path)), (LayoutKind.NAMED_LINES, named_rows(text))):
        if not rows:
            continue
        # "Note: this is read aloud" is a sentence, not a named line: names must be names of recordings.
        matched = sum(found.find(row.name) is not None for row in rows)
        if matched == 0 or (kind is LayoutKind.NAMED_LINES and matched < len(rows) // 2):
            if must_match or kind is LayoutKind.NAMED_LINES:
                continue
            raise TranscriptMissing(
                f'no row of "{path}" names a recording of "{found.root}" (the first says "{rows[0].name}"). '
                "Make the names equal"
            )
        is_ljspeech = path.name == "metadata.csv" and (found.root / "wavs").is_dir()
        return _rows_layout(found, LayoutKind.LJSPEECH if is_ljspeech else kind, rows)
    return None


def _rows_layout(found: RecordingsFolder, kind: LayoutKind, rows: list[Row]) -> Layout:
    by_path: dict[Path, list[Row]] = defaultdict(list)
    absent: list[Row] = []
    for row in rows:
        path = found.find(row.name)
        if path:
            by_path[path].append(row)
        else:
            absent.append(row)
    drafts: list[Recording] = []
    for path in found.audio:
        own = by_path.get(path, [])
        reasons = () if own else ("TranscriptMissing",)
        if len({row.text for row in own}) > 1:
            reasons = ("TranscriptDuplicated",)
        first = own[0] if own else Row(name="", text="", line=0)
        drafts.append(
            Recording(
                id="", path=path, file=found.file(path), text=first.text, speaker=first.speaker,
                language=first.language, emotion=first.emotion, reasons=reasons,
            )
        )  # fmt: skip
    drafts += [
        Recording(
            id="", path=found.root / row.name, file=row.name, text=row.text, speaker=row.speaker,
            language=row.language, reasons=("AudioNotFound",),
        )
        for row in absent
    ]  # fmt: skip
    notes = []
    if absent:
        notes.append(f"texts without a recording: {len(absent)}, the first is {absent[0].name}")
    return Layout(kind=kind, recordings=with_ids(drafts), notes=notes)


def _per_clip(found: RecordingsFolder, paired: dict[Path, Path]) -> Layout:
    texts: dict[Path, str] = {}
    reasons: dict[Path, tuple[str, ...]] = {}
    for path in found.audio:
        try:
            texts[path] = read_text(paired[path]) if path in paired else ""
        except TranscriptEncoding as error:
            texts[path], reasons[path] = "", (error.code,)
        if path not in reasons and not texts[path].strip():
            reasons[path] = ("TranscriptMissing",)
    # A text of many lines beside a recording is a take that was read from a list.
    takes = {path: lines for path, text in texts.items() if len(lines := plain_lines(text)) > 1}
    drafts = [
        Recording(id="", path=path, file=found.file(path), text=" ".join(text.split()), reasons=reasons.get(path, ()))
        for path, text in texts.items()
        if path not in takes
    ]
    return Layout(
        kind=LayoutKind.TAKE if takes and not drafts else LayoutKind.TEXT_PER_CLIP,
        recordings=with_ids(drafts),
        takes=[Take(paths=[path], files=[found.file(path)], lines=lines) for path, lines in takes.items()],
    )


def _text_beside(path: Path, found: RecordingsFolder) -> Path | None:
    for folder in (path.parent, *(found.root / name for name in ("txt", "text", "texts", "transcripts", "lab"))):
        for suffix in TEXT_SUFFIXES:
            text = folder / (path.stem + suffix)
            if text.is_file():
                return text
    return None


def _takes(found: RecordingsFolder, paths: list[Path], lines: list[str]) -> Layout:
    return Layout(
        kind=LayoutKind.TAKE, takes=[Take(paths=paths, files=[found.file(path) for path in paths], lines=lines)]
    )


def _aishell(found: RecordingsFolder) -> Layout | None:
    contents = [path for path in found.others if path.name == "content.txt"]
    if not contents or not any(re.match(r"SSB\d{4}", path.stem) for path in found.audio):
        return None
    rows = [replace(row, speaker=row.name[:7]) for path in contents for row in aishell_rows(read_text(path))]
    return _rows_layout(found, LayoutKind.AISHELL3, rows) if rows else None


def _libritts(found: RecordingsFolder) -> Layout | None:
    texts = {path.with_name(path.name.removesuffix(".normalized.txt")): path for path in found.others
             if path.name.endswith(".normalized.txt")}  # fmt: skip
    paired = {path: text for path in found.audio if (text := texts.get(path.with_suffix("")))}
    if not paired or not all(re.match(r"\d+_\d+_", path.stem) for path in paired):
        return None
    return _with_speakers(_per_clip(found, paired), LayoutKind.LIBRITTS, lambda path: path.stem.split("_")[0])


def _vctk(found: RecordingsFolder) -> Layout | None:
    texts = {path.stem: path for path in found.others if path.suffix == ".txt" and re.match(r"[ps]\d+_\d+$", path.stem)}
    if not texts or not any(part.startswith("wav") for path in found.audio for part in path.parts):
        return None
    # Two microphones recorded each sentence; the first is the one everybody trains on.
    kept = [path for path in found.audio if not path.stem.endswith("_mic2")]
    paired = {path: texts[stem] for path in kept if (stem := path.stem.removesuffix("_mic1")) in texts}
    if not paired:
        return None
    num_left = len(found.audio) - len(kept)
    found.audio = kept
    layout = _with_speakers(_per_clip(found, paired), LayoutKind.VCTK, lambda path: path.stem.split("_")[0])
    return replace(layout, notes=[f"{num_left} files of the second microphone left aside"] if num_left else [])


def _with_speakers(layout: Layout, kind: LayoutKind, speaker_of: Callable[[Path], str]) -> Layout:
    recordings = [replace(each, speaker=speaker_of(each.path)) for each in layout.recordings]
    return replace(layout, kind=kind, recordings=recordings)


def _attribution(root: Path) -> str:
    parts = []
    for name in ATTRIBUTION_NAMES:
        path = root / name
        if path.is_file():
            try:
                parts.append(read_text(path).strip())
            except ClockTrainError:
                continue  # An attribution in another encoding must not stop a corpus; it stays with the recordings.
    return "\n\n".join(parts)
