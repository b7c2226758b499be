"""Everything up: three nodes, KubeRay, storage, the chart, recordings, and what a voice team applies first."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from clock_train.issuing.shared_keys import write_shared_keys
from harness.processes import Process
from harness.real_cluster import RealCluster
from installed import chart, manifests
from installed.images import image_archives
from installed.manifests import NAMESPACE
from installed.recordings import CLIPS, push_recordings
from installed.storage import CREDENTIAL, bucket, start_storage

Found = TypeVar("Found")
STORY_CHARACTERS = 14_000
FORWARD_LIMIT_S = 60.0


class Platform:
    """The cluster with ClockTrain on it, as a test looks at it."""

    def __init__(
        self,
        cluster: RealCluster,
        *,
        endpoint: str,
        corpora: Path,
        revisions: dict[str, str],
        tracker: dict[str, str],
        tracker_port: int,
        keys: Path,
    ) -> None:
        self.cluster, self.plane = cluster, cluster.plane
        self.endpoint = endpoint
        self.bucket = bucket(endpoint)
        self.corpora = corpora
        """Folder with each speaker's corpus, as it was pushed."""
        self.revisions = revisions
        """Speaker → revision of its corpus."""
        self.tracker = tracker
        """Sign-in of MLflow."""
        self.tracker_port = tracker_port
        """Of this machine's loopback, where MLflow answers."""
        self.keys = keys
        """Folder of what bundles are signed and sounds marked with."""

    def get(self, name: str) -> dict[str, Any]:
        """A clone; empty where there is none."""
        text = self.plane.kubectl("get", "vc", name, "-n", NAMESPACE, "-o", "json", check=False)
        return json.loads(text) if text.strip().startswith("{") else {}

    def status(self, name: str) -> dict[str, Any]:
        """Of a clone."""
        return self.get(name).get("status") or {}

    def condition(self, name: str, kind: str) -> tuple[str, str]:
        """Status and reason."""
        for each in self.status(name).get("conditions", []):
            if each["type"] == kind:
                return each["status"], each["reason"]
        return "", ""

    def has_ended(self, name: str) -> bool:
        """Whether it is Ready or has failed."""
        return self.condition(name, "Ready")[0] == "True" or self.condition(name, "Failed")[0] == "True"

    def pods(self, name: str, component: str) -> list[dict[str, Any]]:
        """Of a clone: head, worker or submitter."""
        return self.plane.pods(NAMESPACE, f"clocktrain.dev/clone={name},app.kubernetes.io/component={component}")

    def wait(self, predicate: Callable[[], Found], seconds: float, what: str) -> Found:
        """As the control plane waits; a failure tells the whole story."""
        try:
            return self.plane.wait(predicate, seconds, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.story()}") from error

    def story(self) -> str:
        """What a person would look at."""
        conditions = "jsonpath={.items[*].status.conditions}"
        parts = [
            self.plane.kubectl("get", "vc,rayjobs,pods", "-n", NAMESPACE, "-o", "wide", check=False),
            self.plane.kubectl("get", "vc", "-n", NAMESPACE, "-o", conditions, check=False),
            self.plane.kubectl("logs", "-n", chart.NAMESPACE, "deploy/clocktrain-operator", "--tail=30", check=False),
        ]
        for item in self.bucket.list(f"{NAMESPACE}/runs"):
            if "/logs/" in item.key:
                parts.append(f"{item.key}:\n{self.bucket.get(item.key).decode(errors='replace')[-1500:]}")
        return "\n".join(parts)[-STORY_CHARACTERS:]

    def newest_checkpoint(self, name: str) -> int:
        """Step of the newest committed one; 0 without any."""
        uid = self.get(name).get("metadata", {}).get("uid", "none")
        keys = [item.key for item in self.bucket.list(f"{NAMESPACE}/runs/{uid}") if item.key.endswith("/COMMITTED")]
        return max((int(k.split("/step-")[1].split("/")[0]) for k in keys if "/checkpoints/" in k), default=0)

    def serve(self, *clones: str, by_gateway: bool = False) -> str:
        """Have the chart's Triton serve these clones' bundles; returns the address of the HTTP door from here."""
        return self.serve_bundles(
            *(self.status(clone)["voice"]["bundleURI"] for clone in clones), by_gateway=by_gateway
        )

    def serve_bundles(self, *bundles: str, by_gateway: bool = False, **gateway: Any) -> str:
        """As ``serve``, of bundles by their URIs, with other values of the gateway."""
        chart.serve(self.cluster, self.tracker_port, *bundles, by_gateway=by_gateway, **gateway)
        return self.way_to(f"service/clocktrain-{'gateway' if by_gateway else 'triton'}")

    def way_to(self, what: str) -> str:
        """The HTTP door of a service or a pod of the chart, from here."""
        port = self.cluster.run.ports.take()
        lead_to(self.cluster, what, port, chart.DOORS["http"])
        return f"http://127.0.0.1:{port}"

    def api_key(self, component: str, *more: str) -> str:
        """A new key for the doors of a component, made in its pod as the chart's notes say."""
        words = ("exec", "-n", chart.NAMESPACE, f"deploy/clocktrain-{component}", "--")
        make = ("clocktrain", "apikeys", "create", "--tenant", "tests", *more, "--json")
        return json.loads(self.plane.kubectl(*words, *make))["apiKey"]

    def log_of(self, name: str) -> str:
        """Everything that the jobs of a clone wrote into storage."""
        uid = self.get(name)["metadata"]["uid"]
        items = [item.key for item in self.bucket.list(f"{NAMESPACE}/runs/{uid}") if "/logs/" in item.key]
        return "".join(self.bucket.get(key).decode(errors="replace") for key in sorted(items))


@contextmanager
def platform(folder: Path, *, clips: int = CLIPS, say: Callable[[str], None] = print) -> Iterator[Platform]:
    """Bring everything up, and take it down again.

    Args:
        folder: of this caller's own, for the corpora.
        clips: of each speaker.
        say: hears what is being done.
    """
    say("the images of operator, trainer, gateway and Triton (built once: minutes)")
    archives = image_archives()
    say("three nodes and KubeRay")
    # the first node has the storage: a test that takes a worker's node away leaves it
    with RealCluster(["none", "cpu", "cpu"], images=archives, kuberay=True) as cluster:
        say("an S3 server, and the recordings in it")
        endpoint = start_storage(cluster)
        revisions = push_recordings(endpoint, folder, clips)
        say("helm install charts/clocktrain")
        tracker = chart.sign_in()
        port = cluster.run.ports.take()
        keys = cluster.run.folder.path / "keys"
        write_shared_keys(keys, "tests", datetime.now(UTC).date())
        chart.install_chart(cluster, tracker, port, keys)
        cluster.plane.new_namespace(NAMESPACE, labels=manifests.VOICES_LABELS)
        secrets = [
            manifests.secret("storage", NAMESPACE, CREDENTIAL),
            manifests.secret("tracking", NAMESPACE, {name: tracker[name] for name in chart.SIGN_IN}),
            manifests.file_secret(manifests.KEYS, NAMESPACE, keys),
        ]
        consents = [manifests.consent(name) for name in manifests.SPEAKERS]
        cluster.plane.apply([*secrets, manifests.runtime(), *consents])
        lead_to(cluster, "service/clocktrain-mlflow", port, 5000)
        yield Platform(
            cluster,
            endpoint=endpoint,
            corpora=folder,
            revisions=revisions,
            tracker=tracker,
            tracker_port=port,
            keys=keys,
        )


def lead_to(cluster: RealCluster, what: str, port: int, target: int) -> None:
    """As a person does it: the chart's NetworkPolicy lets voices' pods in, and nobody from outside."""
    log = cluster.run.logs / f"forward-{port}.log"
    way = Process(
        f"forward-{port}",
        [
            *(cluster.run.folder.path / "bin" / "kubectl", "port-forward", "--address=127.0.0.1"),
            *("--namespace", chart.NAMESPACE, what, f"{port}:{target}"),
        ],
        log_path=log,
        environment={**cluster.run.environment(), "KUBECONFIG": str(cluster.plane.kubeconfig("admin"))},
        is_ready=lambda: "Forwarding from" in log.read_text(encoding="utf-8"),
    )
    way.start()
    way.wait_ready(FORWARD_LIMIT_S)
