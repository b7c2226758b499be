"""What each stage of a clone does: bring the recordings, train, judge, export. The order is the job's."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from clock_train.config.experiment import ExperimentConfig, load_config
from clock_train.crd.v1alpha1 import Speaker, VoiceClone
from clock_train.data.build import build_corpus
from clock_train.data.manifest import MANIFEST_NAME
from clock_train.errors import CorpusNotFound, ManifestInvalid
from clock_train.orchestration.cluster_consents import read_cluster_consents
from clock_train.orchestration.consents import carry_consent
from clock_train.orchestration.corpus_versions import corpus_log, pull_corpus
from clock_train.orchestration.listener import Listener
from clock_train.orchestration.manifest_mapping import experiment_of
from clock_train.orchestration.observer import Observer
from clock_train.orchestration.pipeline_stages import training_request
from clock_train.orchestration.training_preparation import TrainRequest, pack_corpora
from clock_train.orchestration.training_session import TrainOutcome, train
from clock_train.storage.opening import open_object
from clock_train.storage.places import RunPlace
from clock_train.storage.stored_folders import bring_folder


@dataclass(frozen=True, kw_only=True)
class JobPlace:
    """Where a job reads and writes."""

    spec: Path
    """The manifest; corpora that it names by a relative path lie beside it."""
    out: Path
    """Folder of this clone on this machine."""
    store: str | None
    """Folder or bucket that outlives the machine; None keeps everything in ``out``."""
    run: RunPlace
    resume_from: str | None = None
    base: str | None = None
    """Where the clone of ``spec.base.cloneRef`` has its bundle."""
    consents: Path | None = None
    """VoiceConsents of the speakers, which a cluster has checked; None: each corpus has its own beside it."""


def for_this_machine(config: ExperimentConfig, clone: VoiceClone, listener: Listener) -> ExperimentConfig:
    """The same experiment on the CPU where the class that was asked for is not here; said, never silent."""
    if not config.compute.device.startswith("cuda") or torch.cuda.is_available():
        return config
    asked = clone.spec.compute.accelerator_class_name if clone.spec.compute else config.compute.device
    listener.warn(f'"{asked}" is not on this machine: training on its CPU, which takes many times as long')
    experiment, overrides = experiment_of(clone.spec)
    workers = min(config.compute.workers, os.cpu_count() or 1)
    changed = {"compute": "cpu", "compute.workers": workers, "compute.min_workers": min(1, workers) or None}
    return load_config(experiment, {**overrides, **changed})


def prepare(
    clone: VoiceClone, place: JobPlace, corpora: list[Path], taken: Mapping[str, str], listener: Listener
) -> dict[str, str]:
    """Every speaker's corpus below the output folder.

    Args:
        clone: whose speakers.
        place: of the job.
        corpora: the folder of each speaker.
        taken: revisions that an earlier start took; they are taken again, so that a newer one changes no run.
        listener: hears what is reused.

    Returns:
        Speaker → revision, for those that have one.
    """
    revisions: dict[str, str] = dict(taken)
    for speaker, corpus in zip(clone.spec.speakers, corpora, strict=True):
        if (corpus / MANIFEST_NAME).exists():
            listener.note(f"{speaker.name}: the corpus is here already")
            continue
        revision = _bring(speaker, taken.get(speaker.name), place, corpus, listener)
        if revision is not None:
            revisions[speaker.name] = revision
    return revisions


def _bring(speaker: Speaker, taken: str | None, place: JobPlace, corpus: Path, listener: Listener) -> str | None:
    """A revision from a DVC remote, a corpus folder, or recordings that become one."""
    uri, revision = speaker.corpus.uri, speaker.corpus.revision or taken
    if "/corpora/" in uri:
        remote, _, name = uri.rstrip("/").rpartition("/corpora/")
        remote, _, namespace = remote.rpartition("/")
        remote = _path(remote, place.spec.parent) if not remote.startswith("s3://") else remote
        newest = revision or corpus_log(remote, name, namespace=namespace)[0].revision
        pull_corpus(remote, name, newest, corpus, namespace=namespace, report=listener.note)
        return newest
    source = Path(_path(uri, place.spec.parent))
    if not source.exists():
        raise CorpusNotFound(f'there is no "{source}" (spec.speakers, {speaker.name}); name a corpus or recordings')
    if revision is not None:
        raise ManifestInvalid(
            f"spec.speakers ({speaker.name}): a plain folder has no revision {revision}; push it with "
            '"clocktrain corpus push", and name its address as .../NAMESPACE/corpora/NAME'
        )
    if (source / MANIFEST_NAME).exists():
        corpus.parent.mkdir(parents=True, exist_ok=True)
        corpus.symlink_to(source.absolute(), target_is_directory=True)
        return None
    build_corpus(
        source,
        corpus,
        speaker=speaker.name,
        report=lambda done, total, what: listener.advance(done / max(1, total), what),
    )
    if place.consents is None:
        carry_consent(source, corpus)
    return None


def bring_base(clone: VoiceClone, place: JobPlace) -> Path | None:
    """The folder of the base to fine-tune from.

    Raises:
        ManifestInvalid: a clone is named and nobody said where its bundle is.
        StorageNotFound, StorageDamaged: the bundle is not there, or not whole.
    """
    base = clone.spec.base
    if base is None:
        return None
    uri = base.bundle_uri or place.base
    if uri is None:
        raise ManifestInvalid(
            "spec.base.cloneRef names a clone of a cluster; on this machine give spec.base.bundleURI, a base's folder"
        )
    if not uri.startswith("s3://"):
        return Path(_path(uri, place.spec.parent))
    storage, prefix = open_object(uri)
    folder = bring_folder(storage, prefix.rstrip("/"), place.out / "base")
    return folder / "voice" if (folder / "voice" / "voice.json").exists() else folder


def train_clone(
    clone: VoiceClone,
    config: ExperimentConfig,
    corpora: list[Path],
    place: JobPlace,
    listener: Listener,
    observer: Observer,
    stop_requested: Callable[[], bool],
) -> TrainOutcome:
    """The training of the clone, going on where it stopped."""
    request = _request(clone, config, corpora, place)
    return train(request, listener, observer, stop_requested=stop_requested)


def pack_clone(
    clone: VoiceClone, config: ExperimentConfig, corpora: list[Path], place: JobPlace, listener: Listener
) -> Path:
    """The recordings as training and evaluation read them, on a machine where the training itself is finished."""
    return pack_corpora(_request(clone, config, corpora, place), listener)


def _request(clone: VoiceClone, config: ExperimentConfig, corpora: list[Path], place: JobPlace) -> TrainRequest:
    return training_request(
        config,
        corpora,
        place.out,
        kind="voice" if len(corpora) == 1 else "base",
        base=bring_base(clone, place),
        name=clone.metadata.name,
        fork=True,
        store=place.store,
        place=place.run,
        resume_from=place.resume_from,
        consents=None if place.consents is None else read_cluster_consents(place.consents, corpora),
    )


def _path(uri: str, beside: Path) -> str:
    path = Path(uri.removeprefix("file://"))
    return str(path if path.is_absolute() else beside / path)
