"""A corpus of each speaker, cut from the sample recordings, pushed with DVC as a voice team does it."""

from __future__ import annotations

from pathlib import Path

import pytest

from clock_train.data.build import build_corpus
from clock_train.data.manifest import MANIFEST_NAME, read_corpus, write_manifest
from clock_train.data.sample import fetch_sample
from clock_train.orchestration.corpus_versions import push_corpus
from installed.manifests import NAMESPACE, SPEAKERS
from installed.storage import BUCKET, CREDENTIAL

CLIPS = 40
"""Of each speaker: real speech, and few enough that an epoch is a handful of steps."""
LONGEST_S = 4.0


def push_recordings(endpoint: str, folder: Path, clips: int = CLIPS) -> dict[str, str]:
    """Speaker → revision of its corpus in the bucket."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {**CREDENTIAL, "AWS_ENDPOINT_URL_S3": endpoint}.items():
            environment.setenv(name, value)
        return {speaker: _push(folder, speaker, language, clips) for speaker, language in SPEAKERS.items()}


def _push(folder: Path, speaker: str, language: str, clips: int) -> str:
    corpus = _small_corpus(folder, speaker, language, clips)
    pushed = push_corpus(corpus, f"s3://{BUCKET}", speaker, "first", namespace=NAMESPACE, report=lambda text: None)
    return pushed.revision


def _small_corpus(folder: Path, speaker: str, language: str, count: int) -> Path:
    corpus = folder / speaker
    build_corpus(fetch_sample(language), corpus, speaker=speaker)
    clips = [clip for clip in read_corpus(corpus).accepted() if clip.seconds < LONGEST_S][:count]
    kept = {clip.path for clip in clips}
    write_manifest(corpus / MANIFEST_NAME, clips)
    for path in (corpus / "audio").rglob("*.flac"):
        if path.relative_to(corpus).as_posix() not in kept:
            path.unlink()
    return corpus
