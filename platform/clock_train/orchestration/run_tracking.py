"""A run's observer that keeps everything for MLflow: identity, curves, sounds and the voice.

The training process only appends lines to a file. A process of its own (``tracking_process``) sends them and speaks the
samples of each checkpoint, so that neither a slow server nor a picture costs a step.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from clock_train.orchestration.checkpoint_samples import remember_source
from clock_train.orchestration.import_path import import_path
from clock_train.orchestration.observer import RunFacts
from clock_train.orchestration.run_identity import flat
from clock_train.tracking.outbox import Outbox
from clock_train.tracking.target import TRACKING_FOLDER, TrackingTarget
from clock_train.training.loop import Ending, FitResult

PREFIX_TAG = "clocktrain.prefix"
"""Where the attempt lies in its store; known by it, a clone's runs are erased with the clone."""
SENDING_GRACE_S = 30.0
"""How long a command waits at its end for entries that the tracker takes slowly, or not at all."""
PAGE = re.compile(r"/#/experiments/(?P<experiment>\d+)/runs/(?P<run>[0-9a-f]+)$")
"""Of a run on a server."""
SENDER_LOG = "sender.log"
SENT_LATER, SENDER_ENDED = 3, 143
"""Exit codes of ``tracking_process``: not everything was sent; it was asked to end."""


class RunTracking:
    """An ``Observer`` of one run at a time.

    Args:
        output: the run's folder.
        target: the tracker.
        warn: hears of what did not arrive.
        found: hears once, as soon as a server has the run, of its id and its experiment's.
        troubled: hears why the tracker takes nothing, and ``""`` once it does again.
        grace_s: how long a slow tracker is waited for at the end.
        look_every_s: how often the sender's word is read at most.
    """

    def __init__(
        self,
        output: Path,
        target: TrackingTarget,
        *,
        warn: Callable[[str], None],
        found: Callable[[str, str], None] = lambda run, experiment: None,
        troubled: Callable[[str], None] = lambda reason: None,
        grace_s: float = SENDING_GRACE_S,
        look_every_s: float = 2.0,
    ) -> None:
        self._output, self._target, self._warn, self._grace_s = output, target, warn, grace_s
        self._look_every_s = look_every_s
        self._found, self._troubled = found, troubled
        self._is_found, self._trouble, self._looked_at = False, "", 0.0
        self._sender: subprocess.Popen[bytes] | None = None
        self.outbox: Outbox | None = None

    def begin(self, facts: RunFacts) -> None:
        """A run starts, or goes on."""
        self.outbox = Outbox(self._output / TRACKING_FOLDER / facts.uid)
        self._is_found, self._trouble, self._looked_at = False, "", 0.0
        remember_source(self.outbox, facts)
        tags = {
            "clocktrain.uid": facts.uid,
            "clocktrain.version": version("clock-train"),
            "clocktrain.corpusRevision": facts.corpus_revision,
            "clocktrain.dvcRevisions": ",".join(facts.dvc_revisions),
            "clocktrain.preset": facts.preset,
            "clocktrain.speakers": ",".join(facts.speakers),
            "clocktrain.base": facts.base or "none",
            "clocktrain.workers": str(facts.workers),
            "clocktrain.store": facts.store,
            PREFIX_TAG: facts.prefix,
            **_code_tags(),
        }
        params = flat({"model": facts.model, "training": facts.training})
        self.outbox.add("begin", name=facts.name, tags=tags, params=params)
        resolved = json.dumps({"model": facts.model, "training": facts.training}, indent=1, ensure_ascii=False)
        self.outbox.add("text", to="config.json", text=resolved)
        self._start_sender(facts.uid)

    def progress(self, row: dict[str, Any]) -> None:
        """One row of the history."""
        if self.outbox is None:
            return
        values = {f"train/{name}": value for name, value in row["terms"].items()}
        values |= {name: row[name] for name in ("learning_rate", "step_seconds", "data_seconds", "cpu_seconds")}
        values |= {f"validation/{name}": value for name, value in row.get("validation", {}).items()}
        self.outbox.add("metrics", step=row["step"], values=_finite(values))
        self._tell()
        if "validation" in row:
            self.outbox.add("samples", step=row["step"])

    def _tell(self, *, now: bool = False) -> None:
        """How sending goes, to those who want to know; looked at every few seconds only, since it is a file."""
        if self.outbox is None or (not now and time.monotonic() - self._looked_at < self._look_every_s):
            return
        self._looked_at = time.monotonic()
        said = self.outbox.said()
        named = None if self._is_found else PAGE.search(said.url)
        if named:
            self._is_found = True
            self._found(named["run"], named["experiment"])
        if said.error != self._trouble:
            self._trouble = said.error
            self._troubled(said.error)

    def end(self, result: FitResult, voice_path: Path | None) -> None:
        """The run ended."""
        if self.outbox is None:
            return
        if voice_path is None:
            status = "KILLED" if result.ending is Ending.STOPPED else "FAILED"
            self.outbox.add("end", status=status)
            self.close()
            return
        card = json.loads((voice_path / "voice.json").read_text(encoding="utf-8"))
        digest = hashlib.sha256((voice_path / "voice.json").read_bytes()).hexdigest()
        self.outbox.add("tags", tags={"clocktrain.voiceDigest": digest, "clocktrain.ending": result.ending.value})
        self.outbox.add("artifact", path=str(voice_path.absolute()), to="voice")
        self.outbox.add("model", name=card["name"], digest=digest, to="voice")

    def exported(self, bundle: Path, digest: str) -> None:
        """The signed bundle of the run's voice, or of the student that it taught."""
        if self.outbox is not None:
            self.outbox.add("tags", tags={"clocktrain.bundleDigest": digest})
            self.outbox.add("artifact", path=str(bundle.absolute()), to="bundle")

    def evaluated(self, values: Mapping[str, float], files: Mapping[str, Path]) -> None:
        """Judges' figures at the run's end, and their files by the path they get."""
        if self.outbox is None:
            return
        self.outbox.add("metrics", step=0, values=judged_metrics(values))
        for to, path in files.items():
            self.outbox.add("artifact", path=str(path.absolute()), to=to)

    def failed(self, error: BaseException) -> None:
        """The run could not go on."""
        if self.outbox is not None:
            self.outbox.add("tags", tags={"clocktrain.error": str(error)[:500]})
            self.outbox.add("end", status="FAILED")
            self.close()

    def finish(self) -> None:
        """Everything that belongs to the run was said."""
        if self.outbox is not None:
            self.outbox.add("end", status="FINISHED")
            self.close()

    def close(self) -> None:
        """Wait, within bounds, for what was said to arrive; warn of what did not."""
        if self.outbox is None or self._sender is None:
            return
        deadline = time.monotonic() + self._grace_s
        last = -1
        while self._sender.poll() is None and time.monotonic() < deadline:
            sent = self.outbox.sent
            if sent != last:  # it moves: a slow tracker is waited for, a dead one is not
                last, deadline = sent, time.monotonic() + self._grace_s
            time.sleep(0.1)
        if self._sender.poll() is None:
            self._sender.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._sender.wait(5)
        status = self.outbox.status()
        self._tell(now=True)
        if status.waiting:
            reason = status.error or self._why_late()
            self._warn(
                f"{status.waiting} entries wait to be sent ({reason}). Send them: clocktrain runs {self._output} --sync"
            )

    def _why_late(self) -> str:
        """Of entries without an error of the tracker's."""
        assert self._sender is not None and self.outbox is not None
        if self._sender.returncode in (0, SENT_LATER, SENDER_ENDED):
            return "the tracker is slow"
        log = self.outbox.folder / SENDER_LOG
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.exists() else []
        return f"what sends them ended with {self._sender.returncode}: {lines[-1] if lines else 'it said nothing'}"

    def _start_sender(self, uid: str) -> None:
        if self._sender is not None and self._sender.poll() is None:
            return
        command = [sys.executable, "-m", "clock_train.orchestration.tracking_process", str(self._output), uid]
        command += ["--uri", self._target.uri, "--parent", str(os.getpid())]
        if self._target.artifacts is not None:
            command += ["--artifacts", str(self._target.artifacts)]
        assert self.outbox is not None
        with (self.outbox.folder / SENDER_LOG).open("ab") as log:
            self._sender = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **import_path(), "OMP_NUM_THREADS": "1"},
                # a Ctrl-C is for the training, which then says what else is to be sent
                start_new_session=True,
            )


def judged_metrics(values: Mapping[str, float]) -> dict[str, float]:
    """Judges' figures by the names they have in MLflow: one section of its page, which makes one of each path."""
    return _finite({f"evaluation/{name.replace('/', '.')}": value for name, value in values.items()})


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    return {k: float(v) for k, v in values.items() if v is not None and math.isfinite(v)}


def _code_tags() -> dict[str, str]:
    """The commit that runs, and whether files differ from it; nothing outside a checkout."""
    root = Path(__file__).parents[3]
    if not (root / ".git").exists():
        return {}
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        commit = _git(root, "rev-parse", "HEAD")
        changed = bool(_git(root, "status", "--porcelain", "--untracked-files=no"))
        return {"mlflow.source.git.commit": commit, "clocktrain.codeChanged": str(changed).lower()}
    return {}


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()
