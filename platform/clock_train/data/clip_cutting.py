"""Every recording of a layout becomes clips: text read, sound cut, trimmed, measured and written, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from clock_train.audio.reading import AudioInfo, channel_difference_db, probe, read_waveform
from clock_train.audio.writing import write_flac
from clock_train.data.consistency import Draft, seconds_per_phone
from clock_train.data.languages import is_readable_as
from clock_train.data.manifest import AUDIO_FOLDER, REJECTED_FOLDER, Clip, Origin, Style
from clock_train.data.quality import MAX_SECONDS, broken_rules, measure
from clock_train.data.recordings_folder import Layout, Recording, Take
from clock_train.data.segmentation import Cutting, Piece, cut_take, cut_waveforms, reading_lines
from clock_train.data.spoken_length import SpokenLength, estimated_length, spoken_length
from clock_train.data.transcripts import has_letters, split_notes
from clock_train.errors import AudioError, ConfigError, CorpusError, TextError, TranscriptTooLong

MAX_FILE_SECONDS = 8 * 3600.0
"""A longer file is not a sitting but a mistake; the article's own script makes half an hour."""


@dataclass(frozen=True, kw_only=True)
class BuildOptions:
    """What a person may choose."""

    speaker: str | None = None
    """Name of the one voice; layouts with many speakers take it as the one to keep."""
    transcripts_path: Path | None = None
    language: str | None = None
    """Found from the texts when absent."""
    sample_rate_hz: int = 16_000

    def __post_init__(self) -> None:
        if self.sample_rate_hz < 16_000:
            raise ConfigError(f"sample_rate_hz is {self.sample_rate_hz}; a voice needs 16000 or more")
        if self.speaker is not None and (not self.speaker.strip() or "/" in self.speaker):
            raise ConfigError(f'the speaker\'s name "{self.speaker}" is empty or holds a slash; give a plain name')


class ClipCutter:
    """Works through a layout clip by clip; holds one waveform at a time."""

    def __init__(
        self, folder: Path, options: BuildOptions, layout: Layout, report: Callable[[int, int, str], None]
    ) -> None:
        self._folder, self._options, self._layout, self._report = folder, options, layout, report
        self._lengths: dict[tuple[str, str], SpokenLength] = {}
        self.findings: list[dict[str, Any]] = []
        """What takes left over: lines and stretches that found no partner."""
        for name in (AUDIO_FOLDER, REJECTED_FOLDER):
            (folder / name).mkdir()

    def drafts(self) -> list[Draft]:
        """All clips of the layout, sound written, each judged by itself."""
        total = len(self._layout.recordings) + sum(len(take.lines) for take in self._layout.takes)
        done: list[Draft] = []
        long: list[tuple[Recording, AudioInfo]] = []
        for recording in self._layout.recordings:
            info = _length_of(recording)
            if info and info.seconds > MAX_SECONDS:
                long.append((recording, info))
                continue
            done += self._recording(recording)
            self._report(len(done), total, recording.file)
        # Short clips show each speaker's pace, which says where the sentences of long ones lie.
        for recording, _ in long:
            done += self._recording(recording, done)
            self._report(min(len(done), total), total, recording.file)
        for take in self._layout.takes:
            done += self._take(take, len(done), total)
        return done

    def _recording(self, recording: Recording, known: Sequence[Draft] = ()) -> list[Draft]:
        text, reasons = self._read_text(recording)
        try:
            info = probe(recording.path)
            if info.seconds > MAX_FILE_SECONDS:
                return [self._silent_draft(recording, text, [*reasons, "AudioTooLong"])]
            difference_db = channel_difference_db(recording.path) if info.channels > 1 else None
            if info.seconds > MAX_SECONDS and not reasons and len(lines := reading_lines(text)) > 1:
                own = [draft for draft in known if draft.clip.speaker == self._speaker(recording)]
                return self._long_recording(recording, lines, info, difference_db, seconds_per_phone(own))
            waveform = read_waveform(recording.path, sample_rate_hz=self._options.sample_rate_hz)
        except AudioError as error:
            return [self._silent_draft(recording, text, [*reasons, error.code])]
        origin = Origin(file=recording.file, start_s=0.0, end_s=round(info.seconds, 3))
        return [
            self._draft(
                recording, text, reasons, waveform=waveform, info=info, origin=origin, difference_db=difference_db
            )
        ]

    def _long_recording(
        self,
        recording: Recording,
        lines: list[str],
        info: AudioInfo,
        difference_db: float | None,
        pace: float | None,
    ) -> list[Draft]:
        """One recording of several sentences, cut at pauses so that it can be trained on."""
        try:
            lengths = [self._length(line, recording.language) for line in lines]
            cutting = cut_take(
                [recording.path],
                lines,
                lengths,
                sample_rate_hz=self._options.sample_rate_hz,
                is_complete=True,
                seconds_per_phone=pace,
            )
        except (TextError, TranscriptTooLong) as error:
            return [self._silent_draft(recording, " ".join(lines), [error.code], info.seconds)]
        sources = [(replace(recording, id=f"{recording.id}-{piece.number:02d}"), piece) for piece in cutting.pieces]
        drafts = self._pieces(recording.path, sources, info, difference_db)
        for code, numbers in (("LineDoubtful", cutting.doubtful), ("LineNotFound", cutting.missing)):
            for number in numbers:
                lost = replace(recording, id=f"{recording.id}-{number + 1:02d}")
                drafts.append(self._silent_draft(lost, lines[number], [code]))
        return drafts

    def _take(self, take: Take, done: int, total: int) -> list[Draft]:
        infos = [probe(path) for path in take.paths]
        for info in infos:
            if info.seconds > MAX_FILE_SECONDS:
                raise CorpusError(f'"{info.path}" is longer than {MAX_FILE_SECONDS / 3600:.0f} hours. Split it')
        differences = [channel_difference_db(info.path) if info.channels > 1 else None for info in infos]
        texts = [split_notes(line)[0] if has_letters(split_notes(line)[0]) else line for line in take.lines]
        lengths = [self._lenient_length(text) for text in texts]
        self._report(done, total, f"finding the lines of {', '.join(take.files)}")
        cutting = cut_take(take.paths, texts, lengths, sample_rate_hz=self._options.sample_rate_hz)
        self.findings.append(_finding(take, texts, cutting))
        drafts: list[Draft] = []
        for index, path in enumerate(take.paths):
            stem = Path(take.files[index]).stem
            sources = [
                (
                    Recording(id=f"{stem}-{piece.number:04d}", path=path, file=take.files[index], text=piece.text),
                    piece,
                )
                for piece in cutting.pieces
                if piece.file == index
            ]
            drafts += self._pieces(path, sources, infos[index], differences[index])
            self._report(done + len(drafts), total, take.files[index])
        for code, numbers in (("LineDoubtful", cutting.doubtful), ("LineNotFound", cutting.missing)):
            for number in numbers:
                lost = Recording(
                    id=f"{Path(take.files[0]).stem}-{number + 1:04d}", path=take.paths[0], file=take.files[0]
                )
                drafts.append(self._silent_draft(lost, texts[number], [code]))
        return drafts

    def _pieces(
        self, path: Path, sources: list[tuple[Recording, Piece]], info: AudioInfo, difference_db: float | None
    ) -> list[Draft]:
        drafts = []
        waveforms = cut_waveforms(path, [piece for _, piece in sources], sample_rate_hz=self._options.sample_rate_hz)
        for (recording, piece), waveform in zip(sources, waveforms, strict=True):
            text, reasons = self._read_text(replace(recording, text=piece.text))
            origin = Origin(file=recording.file, start_s=round(piece.start_s, 3), end_s=round(piece.end_s, 3))
            drafts.append(
                self._draft(
                    recording, text, reasons, waveform=waveform, info=info, origin=origin, difference_db=difference_db
                )
            )
        return drafts

    def _read_text(self, recording: Recording) -> tuple[str, list[str]]:
        """The text as it is spoken, and what is wrong with it."""
        reasons = list(recording.reasons)
        text, has_note = split_notes(recording.text)
        if recording.text and not has_letters(text) and has_letters(recording.text):
            return recording.text, [*reasons, "NotSpeech"]
        if has_note:
            reasons.append("TextHasNote")
        if recording.text and not is_readable_as(text, self._language(recording)):
            reasons.append("TranscriptLanguageMismatch")
        if not reasons:
            try:
                self._length(text, recording.language)
            except TextError as error:
                reasons.append(error.code)
        return text, reasons

    def _speaker(self, recording: Recording) -> str:
        return recording.speaker or self._options.speaker or ""

    def _language(self, recording: Recording) -> str:
        return recording.language or self._options.language or "auto"

    def _length(self, text: str, language: str | None) -> SpokenLength:
        key = (text, language or self._options.language or "auto")
        if key not in self._lengths:
            self._lengths[key] = spoken_length(*key)
        return self._lengths[key]

    def _lenient_length(self, text: str) -> SpokenLength:
        """For finding a line's place, a line that cannot be spoken still has a length."""
        try:
            return self._length(text, None)
        except TextError:
            return estimated_length(text)

    def _draft(
        self,
        recording: Recording,
        text: str,
        reasons: list[str],
        *,
        waveform: np.ndarray,
        info: AudioInfo,
        origin: Origin,
        difference_db: float | None,
    ) -> Draft:
        """Measure one clip and write its sound."""
        length = self._lenient_length(text)
        rate_hz = self._options.sample_rate_hz
        measured = measure(waveform, rate_hz, info=info, num_phones=length.num_phones, difference_db=difference_db)
        reasons = [*reasons, *broken_rules(measured)]
        path = f"{REJECTED_FOLDER if reasons else AUDIO_FOLDER}/{recording.id}.flac"
        write_flac(self._folder / path, measured.waveform, rate_hz)
        clip = replace(
            self._clip(recording, text, reasons, origin),
            path=path,
            seconds=round(len(measured.waveform) / rate_hz, 3),
            quality=measured.quality,
            origin=replace(
                origin,
                start_s=round(origin.start_s + measured.start_s, 3),
                end_s=round(origin.start_s + measured.end_s, 3),
            ),
        )
        return Draft(
            clip=clip,
            num_phones=length.num_phones,
            is_estimated=length.is_estimated,
            speech_s=measured.speech_s,
            print=measured.print,
            timbre=measured.timbre,
        )

    def _silent_draft(self, recording: Recording, text: str, reasons: list[str], seconds: float = 0.0) -> Draft:
        """A clip without sound in the corpus: it only says why."""
        origin = Origin(file=recording.file, start_s=0.0, end_s=round(seconds, 3))
        return Draft(clip=self._clip(recording, text, reasons, origin))

    def _clip(self, recording: Recording, text: str, reasons: list[str], origin: Origin) -> Clip:
        return Clip(
            id=recording.id,
            speaker=self._speaker(recording),
            text=text,
            language=self._language(recording),
            path="",
            seconds=0.0,
            verdict="rejected" if reasons else "accepted",
            reasons=list(dict.fromkeys(reasons)),
            style=style_of(text),
            emotion=recording.emotion,
            origin=origin,
        )


def style_of(text: str) -> Style:
    """Statement, question or exclamation, by the last sign of the text."""
    last = text.rstrip(" \"'”’」』)）").removesuffix("…")[-1:]
    return "question" if last in ("?", "？") else "exclamation" if last in ("!", "！") else "statement"


def _finding(take: Take, lines: list[str], cutting: Cutting) -> dict[str, Any]:
    return {
        "files": take.files,
        "seconds": round(cutting.seconds, 1),
        "lines": len(lines),
        "matched": len(cutting.pieces),
        "doubtful_lines": [{"line": number + 1, "text": lines[number]} for number in cutting.doubtful],
        "missing_lines": [{"line": number + 1, "text": lines[number]} for number in cutting.missing],
        "unused_stretches": [
            {"file": take.files[each.file], "start_s": round(each.start_s, 2), "end_s": round(each.end_s, 2)}
            for each in cutting.unused
        ],
    }


def _length_of(recording: Recording) -> AudioInfo | None:
    try:
        return probe(recording.path)
    except AudioError:
        return None  # The clip's own turn says what is wrong with it.
