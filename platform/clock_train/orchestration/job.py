"""The stages of one VoiceClone, on a laptop and in a pod alike, safe to run twice.

    python -m clock_train.orchestration.job --spec voiceclone.yaml --out FOLDER
        [--store s3://bucket] [--attempt N] [--resume-from URI] [--base URI] [--consents FILE] [--mailbox FOLDER]

Each stage leaves its result in the output folder, and in the store where one is named, and is written down under the
version's digest, so that a second start goes on where the first one was cut off. Exit codes: 2 the user's to mend, 3
capacity was lost and a retry helps, 4 saved and stopped as asked, 70 a bug.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from clock_train.bundle.card import card_digest
from clock_train.config.experiment import load_config, write_params
from clock_train.crd.reading import read_manifest
from clock_train.crd.v1alpha1 import VoiceClone
from clock_train.crd.version import version_digest
from clock_train.data.manifest import MANIFEST_NAME, read_corpus
from clock_train.errors import BUG, ClockTrainError, TrainingStopped
from clock_train.issuing.installation import Installation
from clock_train.orchestration.attempts import count_start, lineage, read_start, resumption_of, with_corpora
from clock_train.orchestration.budget import BudgetWatch
from clock_train.orchestration.bundle_export import packed_beside
from clock_train.orchestration.clone_stages import JobPlace, for_this_machine, pack_clone, prepare, train_clone
from clock_train.orchestration.cluster_mailbox import ConfigMapMailbox
from clock_train.orchestration.cluster_statements import hear_statements
from clock_train.orchestration.gate import GateVerdict, judge
from clock_train.orchestration.job_audit import shipping_lines
from clock_train.orchestration.listener import Listener
from clock_train.orchestration.log_places import remember_place
from clock_train.orchestration.mailbox import Correspondence, FolderMailbox, Mailbox
from clock_train.orchestration.manifest_mapping import experiment_of
from clock_train.orchestration.pipeline_stages import evaluate_voice, export_voice
from clock_train.orchestration.progress import ProgressStyle, listening
from clock_train.orchestration.run_log import logged
from clock_train.orchestration.run_tracking import RunTracking
from clock_train.orchestration.stage_ledger import FolderLedger, StageKeeper, StoredLedger
from clock_train.orchestration.student_stage import StudentCurves, distill_stage, student_facts
from clock_train.orchestration.training_preparation import corpus_revision
from clock_train.storage.opening import Storage, open_storage
from clock_train.storage.places import RunPlace, bundle_prefix
from clock_train.storage.stored_folders import keep_folder
from clock_train.tracking.target import local_target

LOCAL_STORE = "store"
"""Below the output folder, where no other store is named."""


@dataclass
class JobOutcome:
    """What a job left."""

    clone: str
    digest: str
    done: list[str] = field(default_factory=list)
    reused: list[str] = field(default_factory=list)
    bundle: Path | None = None
    bundle_digest: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    gate: list[GateVerdict] = field(default_factory=list)


def job_place(
    spec: Path,
    out: Path,
    *,
    store: str | None = None,
    attempt: int = 1,
    resume_from: str | None = None,
    base: str | None = None,
    consents: Path | None = None,
) -> JobPlace:
    """Where the job of a manifest reads and writes.

    In a cluster a clone's uid names its runs and attempts count its starts; on a laptop the version does.
    """
    clone = read_manifest(spec)
    run = RunPlace(
        uid=clone.metadata.uid or version_digest(clone.spec)[:12],
        namespace=clone.metadata.namespace or "local",
        attempt=attempt,
    )
    return JobPlace(spec=spec, out=out, store=store, run=run, resume_from=resume_from, base=base, consents=consents)


def run_clone(place: JobPlace, listener: Listener, mailbox: Mailbox | None = None) -> JobOutcome:
    """Every stage that is left to do.

    Args:
        place: the manifest, and where results go.
        listener: hears stages and progress.
        mailbox: where progress is posted and orders are found; by default below the output folder.

    Raises:
        ClockTrainError: what a manifest, recordings, the machine or a worker can cause.
    """
    clone = read_manifest(place.spec)
    place.out.mkdir(parents=True, exist_ok=True)
    store = place.store or str((place.out / LOCAL_STORE).absolute())
    storage = open_storage(store)
    resumed = None if place.resume_from is None else resumption_of(place.resume_from, store, place.run)
    start = count_start(storage, place.run, resumed)
    remember_place(place.out, store, place.run)
    with logged(listener, place.out / "logs", storage, f"{place.run.prefix}/logs") as heard:
        tracking = RunTracking(
            place.out,
            local_target(place.out),
            warn=heard.warn,
            found=lambda run, experiment: post.say(trackingRun=run, trackingExperiment=experiment),
            troubled=lambda reason: post.say(trackingError=reason),
        )
        post = Correspondence(mailbox or FolderMailbox(place.out / "mailbox"), place.run, heard, tracking)
        shipping = (
            nullcontext() if place.store is None else shipping_lines(Installation(), storage, place.run, start.starts)
        )
        with post, shipping:
            post.say(starts=start.starts)
            try:
                outcome = _Job(clone, place, storage, post, tracking).run()
            except ClockTrainError as error:
                state = "stopped" if isinstance(error, TrainingStopped) else "failed"
                post.say(state=state, error={"code": error.code, "message": str(error), "exitCode": error.exit_code})
                raise
            except BaseException as error:
                post.say(state="failed", error={"code": type(error).__name__, "message": str(error), "exitCode": BUG})
                raise
        return outcome


class _Job:
    """The stages of one start, in order."""

    def __init__(
        self,
        clone: VoiceClone,
        place: JobPlace,
        storage: Storage,
        post: Correspondence,
        tracking: RunTracking,
    ) -> None:
        self._clone, self._place, self._storage = clone, place, storage
        self._post, self._tracking = post, tracking
        self._ledger: StageKeeper = FolderLedger(place.out) if place.store is None else StoredLedger(storage, place.run)
        self._config = for_this_machine(load_config(*experiment_of(clone.spec)), clone, post)
        self._corpora = [place.out / "corpora" / speaker.name for speaker in clone.spec.speakers]
        self.outcome = JobOutcome(clone.metadata.name, version_digest(clone.spec))

    def run(self) -> JobOutcome:
        """Every stage that is left to do."""
        clone, out, post = self._clone, self._place.out, self._post
        config, corpora = self._config, self._corpora
        write_params(config, out / "params.yaml")
        budget = BudgetWatch(config.budget, config.compute.workers, out)
        voice = out / "voice"
        installation = Installation()
        installation.keys(datetime.now(UTC).date())  # hours before they are needed, what is wrong with them is said
        installation.signer()

        def train() -> None:
            train_clone(clone, config, corpora, self._place, post, post, self._is_stop_wanted(budget))

        try:
            trained = "Finetune" if clone.spec.base else "Pretrain"
            # the recordings themselves are on this machine or fetched again, never kept beside the results
            is_needed = not self._is_finished(trained) and not all((c / MANIFEST_NAME).exists() for c in corpora)
            self._stage("Prepare", self._prepare, {}, again=is_needed)
            self._stage(trained, train, {"voice": voice})
            budget.check()
            if clone.spec.distillation is not None and clone.spec.distillation.policy == "Always":
                student = out / "distill" / "voice"
                self._stage("Distill", lambda: self._distill(voice, budget), {"distill/voice": student})
                post.say(student=student_facts(student))
                voice = student
                budget.check()
            elif (out / "distill").exists():
                shutil.rmtree(out / "distill")  # of a version that asked for a student
        except TrainingStopped:
            budget.check()  # says which limit it was
            raise
        finally:
            budget.write()
            post.say(acceleratorSeconds=round(budget.accelerator_seconds))
        self._stage("Evaluate", lambda: self._evaluate(voice), {"evaluation": out / "evaluation"})
        self._judge()
        self._stage("Export", lambda: self._export(voice), {"bundle": out / "bundle"})
        self._publish()
        self._tracking.evaluated(self.outcome.metrics, {"evaluation": out / "evaluation"})
        self._tracking.finish()
        post.say(state="finished", percent=100, etaSeconds=0)
        return self.outcome

    def _is_stop_wanted(self, budget: BudgetWatch) -> Callable[[], bool]:
        return lambda: self._post.is_asked_to_stop() or budget.spent() is not None

    def _is_finished(self, stage: str) -> bool:
        known = self._ledger.finished().get(stage)
        return known is not None and known.digest == self.outcome.digest

    def _stage(
        self, stage: str, work: Callable[[], object], results: Mapping[str, Path], *, again: bool = False
    ) -> None:
        """Run a stage once a version, keep what it made, and write down that it was."""
        known = self._ledger.finished().get(stage)
        is_finished = known is not None and known.digest == self.outcome.digest and not again
        if known is not None and is_finished and self._ledger.bring(known, self._place.out):
            self._post.note(f"{stage}: finished {known.finished_at}, reused")
            self.outcome.reused.append(stage)
            return
        self._post.say(stage=stage, percent=0, etaSeconds=None)
        self._post.stage(stage.lower())
        work()
        self._ledger.keep(stage, self.outcome.digest, results)
        self.outcome.done.append(stage)

    def _prepare(self) -> None:
        taken: dict[str, str] = {}
        for earlier, _ in lineage(self._storage, self._place.run):
            start = read_start(self._storage, earlier)
            taken = {**(start.corpora if start else {}), **taken}
        revisions = prepare(self._clone, self._place, self._corpora, taken, self._post)
        with_corpora(self._storage, self._place.run, revisions)
        if self._place.consents is not None:
            hear_statements(self._place.consents, self._corpora, Installation(), self._post)
        found = [read_corpus(corpus) for corpus in self._corpora]
        names = [
            revisions.get(speaker.name) or corpus_revision([one])[:12]
            for speaker, one in zip(self._clone.spec.speakers, found, strict=True)
        ]
        revision = names[0] if len(names) == 1 else hashlib.sha256(",".join(names).encode()).hexdigest()[:12]
        seconds = sum(clip.seconds for one in found for clip in one.accepted())
        self._post.say(corpus={"revision": revision, "seconds": round(seconds)})

    def _packed(self) -> Path:
        """The packed recordings; a machine that came new has the voice from storage, and packs them again."""
        packed = packed_beside(self._place.out)
        if packed is None:
            self._prepare()
            packed = pack_clone(self._clone, self._config, self._corpora, self._place, self._post)
        return packed

    def _distill(self, teacher: Path, budget: BudgetWatch) -> None:
        place = self._place
        distill_stage(
            teacher,
            self._packed(),
            place.out / "distill",
            self._config,
            self._post,
            StudentCurves(self._tracking.outbox, self._post.say),
            name=self._clone.metadata.name,
            storage=self._storage,
            store=place.store,
            run=place.run,
            stop_requested=self._is_stop_wanted(budget),
        )

    def _evaluate(self, voice: Path) -> None:
        evaluate_voice(voice, self._place.out / "evaluation", packed=self._packed())

    def _judge(self) -> None:
        metrics = json.loads((self._place.out / "evaluation" / "metrics.json").read_text(encoding="utf-8"))
        self.outcome.metrics = metrics
        self.outcome.gate = judge(self._clone.spec.gate, metrics)
        for verdict in self.outcome.gate:
            (self._post.note if verdict.reason == "Passed" else self._post.warn)(f"gate: {verdict}")
        gate = [{"line": v.line, "reason": v.reason, "message": str(v)} for v in self.outcome.gate]
        self._post.say(metrics=metrics, gate=gate)
        outbox = self._tracking.outbox
        if outbox is not None and outbox.run_id:
            self._post.say(trackingRun=outbox.run_id)

    def _export(self, voice: Path) -> None:
        out, outbox = self._place.out, self._tracking.outbox
        run = (outbox.run_id or "") if outbox is not None else ""
        judged = out / "evaluation" / "metrics.json"
        export_voice(voice, out / "bundle", packed=packed_beside(out), metrics=judged, tracking_run=run)

    def _publish(self) -> None:
        """The bundle under its digest, where a store outlives this machine."""
        bundle = self._place.out / "bundle"
        self.outcome.bundle = bundle
        self.outcome.bundle_digest = card_digest(bundle)
        key = bundle_prefix(self._place.run.namespace, self.outcome.bundle_digest)
        if self._place.store is not None:
            keep_folder(self._storage, key, bundle)
        self._tracking.exported(bundle, self.outcome.bundle_digest)
        self._post.say(bundle={"key": key, "digest": self.outcome.bundle_digest})


def _mailbox(place: str) -> Mailbox:
    if not place.startswith("configmap:"):
        return FolderMailbox(Path(place))
    namespace, _, name = place.removeprefix("configmap:").partition("/")
    return ConfigMapMailbox(namespace, name)


def main() -> int:
    """One start of the job."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", type=Path, required=True, help="manifest of one VoiceClone, YAML or JSON")
    parser.add_argument("--out", type=Path, help="folder on this machine; by default the clone's name")
    parser.add_argument("--store", help="folder or s3://bucket that outlives this machine")
    parser.add_argument("--attempt", type=int, default=1, help="number of this attempt, from 1")
    parser.add_argument("--resume-from", help="checkpoint of an earlier attempt to go on from")
    parser.add_argument("--base", help="bundle of the clone that spec.base.cloneRef names")
    parser.add_argument("--consents", type=Path, help="VoiceConsents of the speakers, which a cluster has checked")
    parser.add_argument("--mailbox", help="folder, or configmap:NAMESPACE/NAME in a pod; by default below --out")
    asked = parser.parse_args()
    try:
        out = asked.out or Path(read_manifest(asked.spec).metadata.name)
        place = job_place(
            asked.spec,
            out,
            store=asked.store,
            attempt=asked.attempt,
            resume_from=asked.resume_from,
            base=asked.base,
            consents=asked.consents,
        )
        mailbox = _mailbox(asked.mailbox) if asked.mailbox else None
        with listening(ProgressStyle.LINES) as listener:
            outcome = run_clone(place, listener, mailbox)
    except ClockTrainError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except Exception as error:
        traceback.print_exc()
        print(f"Internal error ({type(error).__name__}: {error})", file=sys.stderr)
        return BUG
    print(json.dumps({"clone": outcome.clone, "digest": outcome.digest, "metrics": outcome.metrics}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
