"""The Ray adapter: the same ``work`` on N processes of one machine or a cluster. The only module that imports ray.

Ray starts, watches and restarts the workers; checkpoints, data and figures stay ours. Each worker goes on from the
newest committed checkpoint, so a worker group that Ray restarts, with as many workers or fewer, is a resumed run. A
relay actor carries the first worker's figures to the driver and the driver's wish to stop to the workers.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import ray
import ray.exceptions
import ray.train
import ray.train.torch
import torch
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from clock_train.errors import ClockTrainError, WorkersLost
from clock_train.orchestration.import_path import import_path
from clock_train.orchestration.relay import Relay
from clock_train.orchestration.relay_messages import Began, Message, Warned, decode, encode, is_last
from clock_train.orchestration.run_log import LogShipper, log_name
from clock_train.orchestration.worker import WorkerJob, begin, work
from clock_train.storage.opening import open_storage
from clock_train.training.loop import FitResult, StepReport
from clock_train.training.parallel import ALONE, Parallel, Workers

LOOK_EVERY_S = 0.2
"""How often the driver collects figures and a worker sends them."""
COLLECTIVE_TIMEOUT_S = 600
"""A worker waits this long for the others in one exchange: the first one validates and saves meanwhile."""
START_TIMEOUT_S = 600.0
"""From the start of Ray to the first worker's word, and between two answers of the relay."""
ANSWER_S = 5.0
"""One look for an answer; between two of them a wish to stop is passed on."""
NUM_CPUS_OF_A_WORKER = 1
STARTS = 2
LAST_WAIT_S = 15.0
"""For a broken Ray to let go of this process."""


def fit_on_workers(
    job: WorkerJob,
    *,
    workers: int,
    min_workers: int | None,
    max_failures: int,
    began: Callable[[int | None, int], None],
    report: Callable[[StepReport], None],
    warn: Callable[[str], None],
    stop_requested: Callable[[], bool],
) -> FitResult:
    """Train on workers that Ray starts: on this machine, or on the cluster of ``RAY_ADDRESS``.

    Args:
        job: what is trained.
        workers: processes that share each batch.
        min_workers: go on with so many when some are lost; None needs all.
        max_failures: losses of workers before the run gives up.
        began: told the step gone on from and the number of workers, at the start and after each loss.
        report: hears of every step of the first worker, in this thread.
        warn: hears of damaged checkpoints and of lost workers.
        stop_requested: asked often; True saves and ends.

    Raises:
        WorkersLost: workers were lost more often than ``max_failures``; the newest checkpoint is kept.
        ClockTrainError: what a worker raised.
    """
    with _ray(workers) as head:
        # beside the driver: a relay on a worker's machine would go with it, and the run with the relay
        here: Any = NodeAffinitySchedulingStrategy(node_id=ray.get_runtime_context().get_node_id(), soft=False)
        relay_class: Any = ray.remote(num_cpus=0, scheduling_strategy=here)(Relay)
        relay = relay_class.remote()
        trainer = _trainer(job, relay, workers=workers, min_workers=min_workers, max_failures=max_failures)
        ended: list[BaseException | None] = []
        thread = threading.Thread(target=_fit, args=(trainer, ended), name="ray-train", daemon=True)
        thread.start()
        driver = _Driver(relay, began=began, report=report, warn=warn)
        while thread.is_alive():
            head.check(job)
            if stop_requested():
                relay.stop.remote()
            driver.collect()
            if driver.error is not None or driver.result is not None:
                break
            driver.check_start(started_by=thread)
            thread.join(LOOK_EVERY_S)
        if driver.result is None and driver.error is None:
            driver.collect()
        if driver.error is not None:
            raise driver.error
        if driver.result is None:
            cause = ended[0] if ended else None
            raise WorkersLost(
                f"the workers were lost more than {max_failures} times ({_first_line(cause)}); their newest checkpoint "
                f"is kept in {job.store}: the same command goes on from it, with fewer workers if the machine is too "
                "small"
            ) from cause
        return driver.result


class _Driver:
    """Hands the relay's messages to whom they concern."""

    def __init__(
        self,
        relay: Any,
        *,
        began: Callable[[int | None, int], None],
        report: Callable[[StepReport], None],
        warn: Callable[[str], None],
    ) -> None:
        self._relay, self._began, self._report, self._warn = relay, began, report, warn
        self.result: FitResult | None = None
        self.error: ClockTrainError | None = None
        self._starts = self._workers = 0
        self._since = self._answered_at = time.monotonic()
        self._asked: Any = None

    def collect(self) -> None:
        for message in self._messages():
            if isinstance(message, Began):
                self._starts += 1
                if self._starts > 1:
                    grew = message.workers > self._workers
                    why = "there is room for more workers" if grew else "a worker was lost"
                    self._warn(f"{why}; {message.workers} go on from step {message.step or 0}")
                self._workers = message.workers
                self._began(message.step, message.workers)
            elif isinstance(message, Warned):
                self._warn(message.text)
            elif isinstance(message, StepReport):
                self._report(message)
            elif isinstance(message, FitResult):
                self.result = message
            else:
                self.error = message

    def _messages(self) -> list[Message]:
        try:
            self._asked = self._asked or self._relay.collect.remote()
            found = ray.get(self._asked, timeout=ANSWER_S)
        except ray.exceptions.GetTimeoutError as error:
            # a busy machine takes minutes to start an actor; the same question stays asked, so nothing is lost
            if time.monotonic() - self._answered_at < START_TIMEOUT_S:
                return []
            raise WorkersLost(
                f"Ray did not answer for {START_TIMEOUT_S:.0f} s; the newest checkpoint is kept: the same command goes "
                "on from it"
            ) from error
        except ray.exceptions.OutOfMemoryError as error:
            raise WorkersLost(
                "the machine ran out of memory, and Ray ended a process of the run; its newest checkpoint is kept. Ask "
                "for fewer workers or a smaller batch, or end what else needs the memory, and start it again"
            ) from error
        except ray.exceptions.RayError as error:
            raise WorkersLost(
                f"Ray lost a process of the run ({_first_line(error)}); the newest checkpoint is kept: the same "
                "command goes on from it"
            ) from error
        self._asked, self._answered_at = None, time.monotonic()
        return [message for sent in found for message in decode(sent)]

    def check_start(self, *, started_by: threading.Thread) -> None:
        """Raises ``WorkersLost`` where no worker ever spoke."""
        if not self._starts and time.monotonic() - self._since > START_TIMEOUT_S and started_by.is_alive():
            raise WorkersLost(
                f"no worker started within {START_TIMEOUT_S:.0f} s: there is no room for them, or they end as they "
                "begin; ask for fewer workers, or look at the nodes and Ray's raylet.out and raylet.err"
            )


class _Head:
    """Ray's own processes where this one started them.

    Ray's client ends its process a minute after they are gone, with no word and exit code 1; looking oneself is sooner
    and says what happened. In a cluster the driver runs beside the head and dies with it.
    """

    def __init__(self) -> None:
        mine = psutil.Process().children() if "RAY_ADDRESS" not in os.environ else []
        self._processes = [process for process in mine if process.name() in ("gcs_server", "raylet")]
        self.is_lost = False

    def check(self, job: WorkerJob) -> None:
        """Raises ``WorkersLost`` where one of them is gone."""
        if all(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in self._processes):
            return
        self.is_lost = True
        raise WorkersLost(
            f"Ray itself ended; the newest checkpoint is kept in {job.store}: the same command goes on from it"
        )

    def clear(self) -> None:
        """End what is left of a broken Ray: asking it to shut down would wait for what is gone."""
        for each in [*self._processes, *psutil.Process().children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                if "ray" in " ".join(each.cmdline()):
                    each.kill()
        # in a thread, since it waits for what is gone; left out, the interpreter's own end would crash in Ray's threads
        leaving = threading.Thread(target=ray.shutdown, name="ray-shutdown", daemon=True)
        leaving.start()
        leaving.join(LAST_WAIT_S)
        atexit.unregister(ray.shutdown)


@contextlib.contextmanager
def _ray(workers: int) -> Iterator[_Head]:
    """Ray for the length of a run; one that is there already is used and left."""
    if ray.is_initialized():
        yield _Head()
        return
    _start_patiently(workers)
    head = _Head()
    try:
        yield head
    finally:
        if head.is_lost:
            head.clear()
        else:
            ray.shutdown()


def _start_patiently(workers: int) -> None:
    """Ray's start; a busy machine outruns its own fixed limit of half a minute, of which it says no more than that.

    Raises:
        WorkersLost: it did not start, ``STARTS`` times.
    """
    for left in reversed(range(STARTS)):
        try:
            return _start(workers)
        except Exception as error:
            _clear_start()
            if not left:
                raise WorkersLost(
                    f"Ray did not start, twice ({str(error).strip()}); the same command tries again, and --workers 0 "
                    "does without it"
                ) from error


def _clear_start() -> None:
    """Nothing of a Ray that did not start may be in the next one's way; somebody else's is left alone."""
    if "RAY_ADDRESS" in os.environ:
        ray.shutdown()
    else:
        _Head().clear()


def _start(workers: int) -> None:
    needed = import_path()
    options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    address = os.environ.get("RAY_ADDRESS")
    if address:
        # a runtime environment is written into Ray's logs: a credential comes from the pod that a worker runs in
        threads = os.environ.get("OMP_NUM_THREADS")
        passed = {**needed, **({"OMP_NUM_THREADS": threads} if threads else {})}
        ray.init(address, runtime_env={"env_vars": passed} if passed else None, **options)
    else:
        # on loopback only; a runtime environment would cost every worker a second start
        cpus = max(workers * NUM_CPUS_OF_A_WORKER, os.cpu_count() or 1)
        with _environment({**needed, "RAY_USAGE_STATS_ENABLED": "0"}):
            ray.init(num_cpus=cpus, include_dashboard=False, _node_ip_address="127.0.0.1", **options)


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _trainer(
    job: WorkerJob, relay: Any, *, workers: int, min_workers: int | None, max_failures: int
) -> ray.train.torch.TorchTrainer:
    is_gpu = job.device != "cpu" and (job.device.startswith("cuda") or torch.cuda.is_available())
    count = workers if min_workers is None or min_workers == workers else (min_workers, workers)
    return ray.train.torch.TorchTrainer(
        _train_on_worker,
        train_loop_config={"job": job, "relay": relay},
        scaling_config=ray.train.ScalingConfig(
            num_workers=count,
            use_gpu=is_gpu,
            resources_per_worker={"CPU": NUM_CPUS_OF_A_WORKER, **({"GPU": 1} if is_gpu else {})},
        ),
        torch_config=ray.train.torch.TorchConfig(backend="nccl" if is_gpu else "gloo", timeout_s=COLLECTIVE_TIMEOUT_S),
        run_config=ray.train.RunConfig(
            name=f"clocktrain-{job.uid}",
            # Ray's own records only: checkpoints are ours and never pass through it
            storage_path=str(Path(job.packed_path).parent / "ray"),
            failure_config=ray.train.FailureConfig(max_failures=max_failures),
        ),
    )


def _fit(trainer: ray.train.torch.TorchTrainer, ended: list[BaseException | None]) -> None:
    try:
        trainer.fit()
        ended.append(None)
    except (Exception, SystemExit) as error:
        # SystemExit: Ray was shut down once the driver had the result
        ended.append(error)


def _train_on_worker(config: dict[str, Any]) -> None:
    job, relay = config["job"], config["relay"]
    if ray.get(relay.is_over.remote()):
        return
    context = ray.train.get_context()
    device = ray.train.torch.get_device()
    if device.type == "cpu":
        torch.set_flush_denormal(True)
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    parallel = Workers(device) if context.get_world_size() > 1 else ALONE
    line = _Line(relay)
    with _shipped_output(job, context.get_world_rank()):
        _fit_as_worker(job, line, parallel, device, context.get_world_size())


@contextlib.contextmanager
def _shipped_output(job: WorkerJob, rank: int) -> Iterator[None]:
    """What this process says, Ray's and torch's words too, copied to storage as it grows."""
    with LogShipper(open_storage(job.store), f"{job.place.prefix}/logs", warn=_say) as shipper:
        for source, number in (("", 1), ("-errors", 2)):
            # Ray lets its workers write to files of its session
            path = Path(f"/proc/self/fd/{number}").resolve()
            if path.is_file():
                shipper.follow(log_name(f"worker-{rank}{source}"), path)
        try:
            yield
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            sys.stdout.flush()
            sys.stderr.flush()


def _say(text: str) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    print(f"{now} {text}", flush=True)


def _fit_as_worker(job: WorkerJob, line: _Line, parallel: Parallel, device: torch.device, workers: int) -> None:
    _say(f"one of {workers} workers, on {socket.gethostname()}, {device}")
    try:
        warn = line.warn if parallel.is_first else lambda text: None
        run, resumed_from = begin(job, warn=warn, parallel=parallel, device=device)
        _say("from the start" if resumed_from is None else f"going on from step {resumed_from}")
        if parallel.is_first:
            line.say(Began(resumed_from, workers))
            line.send(wait=True)
        result = work(
            job,
            run,
            report=line.report if parallel.is_first else None,
            stop_requested=line.is_stopping if parallel.is_first else lambda: False,
            resumed_from=resumed_from,
        )
    except ClockTrainError as error:
        line.say(error)
        line.send(wait=True)
        raise
    if parallel.is_first:
        line.say(result)
        line.send(wait=True)
    _say(f"{result.ending.value} at step {result.step}")


class _Line:
    """A worker's side of the relay: sends now and then, waits for nothing."""

    def __init__(self, relay: Any) -> None:
        self._relay = relay
        self._waiting: list[Message] = []
        self._answer: Any = None
        self._sent_at = 0.0
        self._is_stopping = False

    def say(self, message: Message) -> None:
        self._waiting.append(message)

    def warn(self, text: str) -> None:
        self.say(Warned(text))

    def report(self, step: StepReport) -> None:
        self.say(step)
        self.send()

    def is_stopping(self) -> bool:
        return self._is_stopping

    def send(self, *, wait: bool = False) -> None:
        now = time.monotonic()
        if not wait and now - self._sent_at < LOOK_EVERY_S:
            return
        if self._answer is not None:
            ready, _ = ray.wait([self._answer], timeout=30 if wait else 0)
            if not ready:
                return
            self._is_stopping = bool(ray.get(self._answer))
        is_over = any(is_last(message) for message in self._waiting)
        self._answer = self._relay.tell.remote(encode(self._waiting), is_over)
        self._waiting, self._sent_at = [], now
        if wait:
            self._is_stopping = bool(ray.get(self._answer, timeout=30))


def _first_line(error: BaseException | None) -> str:
    return str(error).strip().splitlines()[0][:200] if error is not None and str(error).strip() else "no reason given"
