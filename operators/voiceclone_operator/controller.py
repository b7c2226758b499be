"""From changes to visits: watches fill the mirror and wake clones; workers visit them, each by one worker at a time."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime

from lightkube.core.exceptions import ApiError

from voiceclone_operator.actions import (
    Action,
    AddFinalizer,
    Apply,
    CreateCleanup,
    CreateJob,
    DeleteJob,
    Event,
    LookInStorage,
    RemoveFinalizer,
    WriteStatus,
    side_by_side,
)
from voiceclone_operator.api import Api, NotServed
from voiceclone_operator.facts import Settings
from voiceclone_operator.kinds import BY_KIND, CLONES, JOBS, TABLES, WATCHED, Kind
from voiceclone_operator.metrics import Metrics
from voiceclone_operator.mirror import Key, Mirror
from voiceclone_operator.observed import Observed, StoredFacts
from voiceclone_operator.reconcile import plan
from voiceclone_operator.tables import Tables, aliases_of, plan_tables

WORKERS = 8
VISIT_TIMEOUT_S = 60.0
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 0.5, 60.0
SAFETY_NET_S = 600.0
"""Every clone is visited so often even when nobody says anything."""
MISSING_RETRY_S = 10.0
"""A kind that is not served yet is asked for again."""
TABLES_TOGETHER_S = 0.25
"""Clones that change at once are one change of the tables."""
LookUp = Callable[[Observed, int], StoredFacts]

log = logging.getLogger(__name__)


class Controller:
    """Watches, a queue, and workers."""

    def __init__(self, api: Api, mirror: Mirror, metrics: Metrics, settings: Settings, look_up: LookUp) -> None:
        self._api, self._mirror, self._metrics, self._settings, self._look_up = api, mirror, metrics, settings, look_up
        self._queue: asyncio.Queue[Key] = asyncio.Queue()
        self._queued: set[Key] = set()
        self._busy: set[Key] = set()
        self._again: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._timers: dict[Key, tuple[float, asyncio.TimerHandle]] = {}
        self._stored: dict[Key, dict[int, StoredFacts]] = {}
        self._unanswered = {kind.called for kind in WATCHED}
        """Kinds of which nobody knows yet whether there are any."""
        self._tables_are_old = asyncio.Event()
        self._tables_from: object = None
        """What the tables were made from last; None after a write that failed."""
        self.is_ready = asyncio.Event()

    async def run(self) -> None:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            for kind in WATCHED:
                group.create_task(self._follow(kind), name=f"watch {kind.called}")
            # what a visit does not know it would make twice: nothing is visited before everything is listed
            await self.is_ready.wait()
            self._look_at_tables()  # who has no room is known before the first visit
            self._tables_from = None  # and written by its own task
            group.create_task(self._keep_tables(), name="serving tables")
            for number in range(WORKERS):
                group.create_task(self._work(), name=f"worker {number}")
            group.create_task(self._safety_net(), name="safety net")
            group.create_task(self._measure_lag(), name="lag")

    def wake(self, key: Key) -> None:
        """Visit a clone soon; many wakes are one visit."""
        if key in self._busy:
            self._again.add(key)
        elif key not in self._queued:
            self._queued.add(key)
            self._queue.put_nowait(key)
            self._metrics.queue_depth.set(self._queue.qsize())

    def wake_in(self, key: Key, seconds: float) -> None:
        """Visit a clone after a while, unless it is visited sooner."""
        at = time.monotonic() + seconds
        timer = self._timers.get(key)
        if timer is not None:
            if timer[0] <= at:
                return
            timer[1].cancel()
        handle = asyncio.get_running_loop().call_later(seconds, self._timer_rings, key)
        self._timers[key] = (at, handle)

    def _timer_rings(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.wake(key)

    async def _follow(self, kind: Kind) -> None:
        version = ""
        failures = 0
        while True:
            try:
                if not version:
                    found, version = await self._api.list(kind)
                    self._changed(kind, self._mirror.replace(kind, found))
                    self._set_missing(kind, False)
                self._metrics.watch_starts.labels(kind.called).inc()
                async for change, found in self._api.watch(kind, version):
                    version = found["metadata"].get("resourceVersion", version)
                    act = self._mirror.drop if change == "DELETED" else self._mirror.put
                    if change != "BOOKMARK":
                        self._changed(kind, act(kind, found))
                failures = 0
            except NotServed:
                version = ""
                if kind.is_optional:
                    self._set_missing(kind, True)
                else:
                    log.warning("%s is not served: install the chart's kinds", kind.kind)
                await asyncio.sleep(MISSING_RETRY_S)
            except ApiError as error:
                version = ""
                failures += 0 if error.status.code == 410 else 1
                if failures:
                    log.warning("watching %s: %s", kind.called, error.status.message)
                await asyncio.sleep(_backoff(failures))
            except Exception as error:
                version = ""
                failures += 1
                log.warning("watching %s: %s: %s", kind.called, type(error).__name__, error)
                await asyncio.sleep(_backoff(failures))

    def _changed(self, kind: Kind, concerned: set[Key]) -> None:
        self._metrics.heard(kind.called)
        if kind in (CLONES, TABLES):
            self._tables_are_old.set()
        for key in concerned:
            self.wake(key)

    def _set_missing(self, kind: Kind, is_missing: bool) -> None:
        """The server answered for a kind: it serves it, or its operator is not installed."""
        if is_missing != (kind.kind in self._mirror.missing):
            if is_missing:
                log.warning("%s is not served: its operator is not installed", kind.kind)
                self._mirror.missing.add(kind.kind)
                self._mirror.replace(kind, [])
            else:
                self._mirror.missing.discard(kind.kind)
            self._wake_all()
        self._unanswered.discard(kind.called)
        if not self._unanswered:
            self.is_ready.set()

    def _wake_all(self) -> None:
        for key in list(self._mirror.of(CLONES)):
            self.wake(key)

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            self._queued.discard(key)
            self._busy.add(key)
            self._metrics.queue_depth.set(self._queue.qsize())
            try:
                await asyncio.wait_for(self._visit(key), VISIT_TIMEOUT_S)
                self._failures.pop(key, None)
                self._metrics.reconciles.labels("done").inc()
            except Exception as error:
                self._failed(key, error)
            finally:
                self._busy.discard(key)
                if key in self._again:
                    self._again.discard(key)
                    self.wake(key)

    def _failed(self, key: Key, error: Exception) -> None:
        is_conflict = isinstance(error, ApiError) and error.status.code == 409
        if is_conflict:
            self._metrics.conflicts.inc()
        self._metrics.reconciles.labels("conflict" if is_conflict else "failed").inc()
        count = self._failures[key] = self._failures.get(key, 0) + 1
        wait = _backoff(count)
        if not is_conflict:
            log.warning("visit to %s/%s: %s: %s; again in %.1f s", *key, type(error).__name__, error, wait)
        self.wake_in(key, wait)

    async def _visit(self, key: Key) -> None:
        with self._metrics.reconcile_seconds.time():
            observed = self._mirror.observed(key, self._stored.get(key, {}))
            if observed is None:
                self._stored.pop(key, None)
                return
            made = plan(observed, datetime.now(UTC), self._settings)
            for together in side_by_side(made.actions):
                await self._obey_all(key, observed, together)
        if made.look_again_s is not None:
            self.wake_in(key, max(0.1, made.look_again_s))

    async def _obey_all(self, key: Key, observed: Observed, actions: list[Action]) -> None:
        """All of them, whatever becomes of one; then the first that failed is told."""
        if len(actions) == 1:
            await self._obey(key, observed, actions[0])
            return
        results = await asyncio.gather(
            *(self._obey(key, observed, action) for action in actions), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _obey(self, key: Key, observed: Observed, action: Action) -> None:
        clone = self._mirror.of(CLONES).get(key, observed.clone)
        self._metrics.requests.labels(type(action).__name__).inc()
        if isinstance(action, WriteStatus):
            self._mirror.put(CLONES, await self._api.write_status(clone, action.status))
            self._metrics.ended(key[0], observed.status, action.status)
            self._tables_are_old.set()
        elif isinstance(action, Apply):
            self._mirror.put(BY_KIND[action.manifest["kind"]], await self._api.apply(action.manifest))
        elif isinstance(action, CreateJob):
            self._mirror.put(JOBS, await self._api.create_job(action.manifest))
        elif isinstance(action, DeleteJob):
            await self._api.delete_job(key[0], action.name, action.uid)
        elif isinstance(action, AddFinalizer | RemoveFinalizer):
            found = await self._api.set_finalizer(clone, present=isinstance(action, AddFinalizer))
            if found is not None and isinstance(action, AddFinalizer):
                self._mirror.put(CLONES, found)
        elif isinstance(action, CreateCleanup):
            await self._api.create_cleanup(action.manifest)
        elif isinstance(action, LookInStorage):
            facts = await self._look(observed, action.attempt)
            self._stored.setdefault(key, {})[action.attempt] = facts
        elif isinstance(action, Event):
            await self._api.post_event(clone, action)

    async def _look(self, observed: Observed, attempt: int) -> StoredFacts:
        try:
            return await asyncio.to_thread(self._look_up, observed, attempt)
        except Exception as error:
            # a store that is away must not keep an attempt from ending: it goes on from what the mailbox said
            log.warning("the store does not say how %s/%s fared: %s", observed.namespace, observed.name, error)
            return StoredFacts()

    async def _keep_tables(self) -> None:
        """One writer for what all clones say together."""
        failures = 0
        while True:
            await self._tables_are_old.wait()
            await asyncio.sleep(TABLES_TOGETHER_S)
            self._tables_are_old.clear()
            failed = False
            for manifest in self._look_at_tables().applies:
                self._metrics.requests.labels("ApplyTable").inc()
                try:
                    self._mirror.put(TABLES, await self._api.apply(manifest))
                except Exception as error:
                    # one namespace, which may be ending, keeps no other from its table
                    failed = True
                    where = f"{manifest['metadata']['namespace']}/{manifest['metadata']['name']}"
                    log.warning("the serving table %s: %s: %s", where, type(error).__name__, error)
            failures = failures + 1 if failed else 0
            if failed:
                self._tables_from = None
                asyncio.get_running_loop().call_later(_backoff(failures), self._tables_are_old.set)

    def _look_at_tables(self) -> Tables:
        """What is to be written; a clone that has no room in them is told."""
        clones, found = self._mirror.of(CLONES), self._mirror.of(TABLES)
        # most changes of a clone are progress: the tables of a thousand voices take 0.06 s to make
        made_from = (
            {key: (clone["metadata"]["uid"], aliases_of(clone)) for key, clone in clones.items()},
            {key: each.get("data") for key, each in found.items()},
        )
        if made_from == self._tables_from:
            return Tables(applies=[], left_out=self._mirror.left_out)
        self._tables_from = made_from
        made = plan_tables(clones, found, self._settings.operator_namespace)
        before, self._mirror.left_out = self._mirror.left_out, made.left_out
        for key in {*before, *made.left_out}:
            if before.get(key) != made.left_out.get(key):
                self.wake(key)
        self._metrics.left_out.set(len(made.left_out))
        return made

    async def _safety_net(self) -> None:
        while True:
            await asyncio.sleep(SAFETY_NET_S * random.uniform(0.8, 1.2))
            self._wake_all()

    async def _measure_lag(self) -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(1.0)
            self._metrics.loop_lag.set(max(0.0, time.monotonic() - began - 1.0))


def _backoff(failures: int) -> float:
    return min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** max(0, failures - 1)) * random.uniform(0.5, 1.0)
