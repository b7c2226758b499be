"""The folder that a recording session fills: one WAV a line and ``transcripts.tsv``, whole after every take.

``clocktrain corpus build`` reads it as "one table". The table is written after the sound, so a line in it always has
its recording, and a session that is cut off goes on where it stopped.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np

from clock_train.audio.writing import write_wav
from clock_train.errors import AudioUnwritable, CorpusDamaged, CorpusDiskFull, CorpusUnwritable

TABLE_NAME = "transcripts.tsv"
HEADER = "name\ttext"


class RecordedLines:
    """What has been recorded so far.

    Raises:
        CorpusUnwritable: the folder cannot be made.
        CorpusDamaged: its table is of another kind, and would be overwritten.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(folder, error) from error
        self._texts = self._read_table()

    def __len__(self) -> int:
        return len(self._texts)

    def __contains__(self, name: str) -> bool:
        return name in self._texts

    def path(self, name: str) -> Path:
        """Where a line's recording is or will be."""
        return self.folder / f"{name}.wav"

    def save(self, name: str, text: str, waveform: np.ndarray, sample_rate_hz: int) -> None:
        """Keep a take; an earlier take of the same line is replaced.

        Raises:
            CorpusDiskFull, CorpusUnwritable: nothing of this take was kept; all earlier ones are.
        """
        try:
            write_wav(self.path(name), waveform, sample_rate_hz)
            self._write_table({**self._texts, name: " ".join(text.split())})
        except AudioUnwritable as error:
            cause = error.__cause__
            raise _unwritable(self.path(name), cause if isinstance(cause, OSError) else OSError(str(error))) from error
        except OSError as error:
            raise _unwritable(self.folder / TABLE_NAME, error) from error
        self._texts[name] = " ".join(text.split())

    def _read_table(self) -> dict[str, str]:
        path = self.folder / TABLE_NAME
        if not path.exists():
            return {}
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        rows = [line.split("\t") for line in lines[1:] if line]
        if lines[:1] != [HEADER] or any(len(row) != 2 for row in rows):
            raise CorpusDamaged(
                f'"{path}" was not made by "clocktrain corpus record" and would be overwritten. Give another folder.'
            )
        # A recording that was deleted is to be read again.
        return {name: text for name, text in rows if self.path(name).is_file()}

    def _write_table(self, texts: dict[str, str]) -> None:
        temporary = self.folder / f".{TABLE_NAME}.part"
        with open(temporary, "w", encoding="utf-8") as stream:
            stream.write(HEADER + "\n" + "".join(f"{name}\t{text}\n" for name, text in sorted(texts.items())))
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, self.folder / TABLE_NAME)


def _unwritable(path: Path, error: OSError) -> CorpusUnwritable | CorpusDiskFull:
    if error.errno == errno.ENOSPC:
        return CorpusDiskFull(f'"{path}": the disk is full; what was recorded before is kept. Make room and go on.')
    return CorpusUnwritable(
        f'"{path}" cannot be written ({error.strerror or error}). Choose a folder that you may write.'
    )
