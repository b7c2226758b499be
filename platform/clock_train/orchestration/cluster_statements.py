"""The statements of a cluster's VoiceConsents, heard before anything is trained: each must be in its corpus' voice.

An officer writes a VoiceConsent by hand, so that the recording it names is the only thing that ties it to a person.
Which words were to be said is known on the machine that asked them (`compliance.statement`), and not here.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from clock_train.audio.reading import read_waveform
from clock_train.compliance.speaker_match import check_match, corpus_voiceprints
from clock_train.compliance.statement import MAX_STATEMENT_S
from clock_train.crd.v1alpha1.consent import Statement
from clock_train.data.manifest import read_corpus
from clock_train.errors import ConsentForged, ConsentMissing, StatementSynthetic
from clock_train.evaluation.judged_waveform import JUDGE_RATE_HZ
from clock_train.issuing.installation import Installation
from clock_train.orchestration.cluster_consents import read_cluster_specs
from clock_train.orchestration.listener import Listener
from clock_train.storage.opening import open_object
from clock_train.watermark.files import detect_file


def hear_statements(consents: Path, corpora: Sequence[Path], installation: Installation, listener: Listener) -> None:
    """Pass where every statement is the recording that was agreed to, by a person, in the voice of the corpus.

    Args:
        consents: the JSON that the operator wrote; those of the basis Licence have no statement.
        corpora: the speakers' folders, in the order of the consents.
        installation: whose marks of cloned voices are looked for.
        listener: hears how alike each voice is.
    Raises:
        ConsentMissing: there is no such recording.
        ConsentForged: it is another one than the VoiceConsent names.
        StatementSynthetic, StatementMismatch: it carries our mark, or is in another voice, or too short to tell.
        AudioError: it is no sound, or longer than two minutes.
        StorageError: the store does not answer.
    """
    today = datetime.now(UTC).date()
    keys = installation.keys(today).detection_keys(today)
    for (name, spec), corpus in zip(read_cluster_specs(consents), corpora, strict=False):
        if spec.statement is None:
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = _brought(name, spec.statement, Path(folder))
            waveform = read_waveform(path, sample_rate_hz=JUDGE_RATE_HZ, max_seconds=MAX_STATEMENT_S)
            if detect_file(path, keys).is_detected:
                raise StatementSynthetic(
                    f"the statement of the VoiceConsent {name} carries the mark of a cloned voice: a statement must be "
                    "spoken by the person. Record the person, and make another VoiceConsent"
                )
            recordings = read_corpus(corpus)
            speakers = recordings.speakers()
            # a corpus of one may have been built under another pseudonym than the clone's
            speaker = speakers[0] if len(speakers) == 1 else spec.speaker
            found = check_match(waveform, corpus_voiceprints(recordings, speaker))
        listener.note(f"{spec.speaker}: the statement is in the voice of the recordings ({found.judged:.2f})")


def _brought(name: str, statement: Statement, folder: Path) -> Path:
    """A copy of the recording, or the file itself where it is one of this machine."""
    uri = statement.recording_uri
    if uri.startswith("s3://"):
        storage, key = open_object(uri)
        path = folder / f"statement{Path(key).suffix}"
        if not storage.exists(key):
            raise _missing(name, uri)
        storage.get_to_file(key, path)
    else:
        path = Path(unquote(urlsplit(uri).path)) if uri.startswith("file://") else Path(uri)
        if not path.is_file():
            raise _missing(name, uri)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != statement.sha256:
        raise ConsentForged(
            f'"{uri}" is not the recording that the VoiceConsent {name} names: its sha256 is {digest}, not '
            f"{statement.sha256}. Restore it, or make another VoiceConsent for the new one"
        )
    return path


def _missing(name: str, uri: str) -> ConsentMissing:
    return ConsentMissing(
        f'there is no "{uri}", in which the speaker of the VoiceConsent {name} agrees; put the recording there, or '
        "make another VoiceConsent that names its place"
    )
