"""What a person looked at and found to be nobody's: ``compliance-accepted.json`` beside a corpus, a clip an entry.

An entry holds for the text that was looked at, by its sha256: a clip whose text changed is looked at again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from clock_train.data.manifest import Corpus
from clock_train.errors import ComplianceReportInvalid, CorpusDamaged

ACCEPTED_NAME = "compliance-accepted.json"


def accepted_clips(corpus: Corpus) -> dict[str, str]:
    """Clip id → why its text may stay, for clips whose text is the one that was looked at.

    Raises:
        ComplianceReportInvalid: the file cannot be read.
    """
    return accepted_texts(corpus.path, {clip.id: clip.text for clip in corpus.clips})


def accepted_texts(folder: Path, texts: Mapping[str, str]) -> dict[str, str]:
    """Clip id → why its text may stay, by the file in a folder.

    Raises:
        ComplianceReportInvalid: the file cannot be read.
    """
    return {
        clip_id: entry["reason"]
        for clip_id, entry in _entries(folder / ACCEPTED_NAME).items()
        if clip_id in texts and entry["textSha256"] == _digest(texts[clip_id])
    }


def keep_accepted(corpora: Sequence[Corpus], folder: Path) -> None:
    """Carry what was accepted of corpora to where their texts are kept, so that a student of theirs may hear them.

    Raises:
        ComplianceReportInvalid: a file cannot be read or written.
    """
    entries = {clip_id: entry for corpus in corpora for clip_id, entry in _entries(corpus.path / ACCEPTED_NAME).items()}
    if entries or (folder / ACCEPTED_NAME).exists():
        _write(folder / ACCEPTED_NAME, entries)


def accept(corpus: Corpus, clip_ids: Sequence[str], *, reason: str, by: str, now: datetime) -> Path:
    """Say of clips that what was found in their texts may stay.

    Raises:
        CorpusDamaged: the corpus has no such clip.
        ComplianceReportInvalid: the file cannot be read or written.
    """
    clips = {clip.id: clip for clip in corpus.clips}
    path = corpus.path / ACCEPTED_NAME
    entries = _entries(path)
    for clip_id in clip_ids:
        if clip_id not in clips:
            raise CorpusDamaged(f'"{corpus.path}" has no clip "{clip_id}"; take an id from the report')
        digest = _digest(clips[clip_id].text)
        entries[clip_id] = {
            "textSha256": digest, "reason": reason, "by": by, "time": now.isoformat(timespec="seconds")
        }  # fmt: skip
    _write(path, entries)
    return path


def _write(path: Path, entries: Mapping[str, Mapping[str, str]]) -> None:
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        temporary.write_text(json.dumps(entries, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        raise ComplianceReportInvalid(f'"{path}" cannot be written ({error.strerror}); mend the permissions') from error


def _entries(path: Path) -> dict[str, dict[str, str]]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        if not all(isinstance(one["textSha256"], str) and isinstance(one["reason"], str) for one in entries.values()):
            raise ValueError("an entry without text or reason")
        return entries
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ComplianceReportInvalid(f'"{path}" cannot be read ({error}); restore or remove the file') from error


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
