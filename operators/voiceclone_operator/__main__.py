"""``python -m voiceclone_operator``: the operator of one cluster."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import socket
import sys
import uuid
from importlib.metadata import version

from lightkube import KubeConfig

from clock_train.storage.s3 import S3Storage
from clock_train.storage.s3_requests import S3Limits
from voiceclone_operator.api import Api
from voiceclone_operator.controller import Controller
from voiceclone_operator.facts import Settings
from voiceclone_operator.lease import Lease
from voiceclone_operator.metrics import Metrics
from voiceclone_operator.mirror import Mirror
from voiceclone_operator.observed import Observed, StoredFacts
from voiceclone_operator.probes import Probes
from voiceclone_operator.stored import stored_facts

LEASE_LOST = 3
LOOK_LIMITS = S3Limits(connect_s=3.0, read_s=5.0, attempts=2, operation_s=10.0)
"""A store that hangs is given up well within a visit: it must not keep an attempt from ending."""

log = logging.getLogger("voiceclone_operator")


def main() -> int:
    """Run until a signal, or until the lease is lost: then end, so that nothing is done by two."""
    asked = _arguments()
    logging.basicConfig(
        level=asked.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    settings = Settings(
        kuberay_namespace=asked.kuberay_namespace,
        operator_namespace=asked.namespace,
        cleanup_image=asked.cleanup_image,
        cleanup_secret=asked.cleanup_secret,
        deletion_deadline_s=asked.deletion_deadline,
    )
    return asyncio.run(_run(settings, asked))


async def _run(settings: Settings, asked: argparse.Namespace) -> int:
    holder = f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"
    api = Api(KubeConfig.from_env(), instance=holder, operator_namespace=settings.operator_namespace)
    mirror = Mirror(settings.operator_namespace)
    metrics = Metrics(mirror, version("clock-train"))
    controller = Controller(api, mirror, metrics, settings, _look_up)
    lease = Lease(api.client, namespace=settings.operator_namespace, name=asked.lease, holder=holder)
    # one that waits for the lease is as ready as it has to be
    probes = Probes(asked.port, metrics.registry, is_ready=lambda: not lease.is_held or controller.is_ready.is_set())
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    waiting = asyncio.create_task(stopped.wait())
    try:
        acquiring = asyncio.create_task(lease.acquire())
        await asyncio.wait({acquiring, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if stopped.is_set():
            acquiring.cancel()
            return 0
        log.info("%s holds the lease", holder)
        metrics.is_leader.set(1)
        running, holding = asyncio.create_task(controller.run()), asyncio.create_task(lease.hold())
        await asyncio.wait({running, holding, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if holding.done() and not stopped.is_set():
            # at once, and without tidying up: another replica acts from now on
            log.error("ending: the lease is lost")
            os._exit(LEASE_LOST)
        running.cancel()
        holding.cancel()
        await asyncio.gather(running, holding, return_exceptions=True)
        await lease.release()
        if running.done() and not running.cancelled() and running.exception() is not None:
            log.error("ending: %s", running.exception())
            return 70
        return 0
    finally:
        probes.close()
        await api.close()


def _look_up(observed: Observed, attempt: int) -> StoredFacts:
    """In the bucket of the clone's runtime, with the credential of the operator's own environment."""
    storage = ((observed.runtime or {}).get("spec") or {}).get("storage")
    if not storage:
        return StoredFacts()
    place = S3Storage(storage["bucket"], endpoint=storage["endpointURL"], limits=LOOK_LIMITS)
    return stored_facts(place, observed.namespace, observed.uid, attempt)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="voiceclone-operator", description=__doc__)
    parser.add_argument("--namespace", default=os.environ.get("POD_NAMESPACE", "clocktrain"), help="its own namespace")
    parser.add_argument("--kuberay-namespace", default="kuberay", help="where KubeRay's operator runs")
    parser.add_argument("--lease", default="voiceclone-operator", help="name of the Lease")
    parser.add_argument("--cleanup-image", default="", help="image that erases; by default the runtime's trainer")
    parser.add_argument("--cleanup-secret", default="", help="secret with the platform's credential for erasing")
    parser.add_argument("--deletion-deadline", type=int, default=900, help="seconds that a deletion waits for erasing")
    parser.add_argument("--port", type=int, default=8080, help="of /metrics, /healthz and /readyz; 0 chooses one")
    parser.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
