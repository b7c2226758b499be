"""Where the logs of a clone of a cluster are: in the bucket of its runtime, whatever became of its pods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clock_train.cluster.kinds import CLONES, RUNTIMES
from clock_train.errors import RunNotFound
from clock_train.orchestration.log_places import LogPlace, attempt_logs
from clock_train.storage.places import RunPlace

if TYPE_CHECKING:
    from clock_train.cluster.client import Cluster


def clone_log_place(
    cluster: Cluster, name: str, namespace: str | None, attempt: int | None, *, endpoint: str | None = None
) -> LogPlace:
    """The logs of one attempt of a clone, with the credential of the environment.

    Args:
        cluster: where the clone is.
        name: of the clone.
        namespace: by default the kubeconfig's.
        attempt: None takes the newest that has written.
        endpoint: another way to the store than the runtime's, which may be an address inside the cluster only.

    Raises:
        ClusterObjectMissing: there is no such clone, or not its runtime.
        RunNotFound: no such attempt has written, or the clone names no runtime.
        StorageError: the store refuses or does not answer.
    """
    clone = cluster.get(CLONES, name, namespace)
    runtime_name = (clone["spec"].get("runtimeRef") or {}).get("name")
    if not runtime_name:
        raise RunNotFound(f"{name} names no runtime, so nothing of it ever ran; set spec.runtimeRef")
    from clock_train.storage.s3 import S3Storage  # only those who use a bucket need the part "store"

    place = cluster.get(RUNTIMES, runtime_name)["spec"]["storage"]
    storage = S3Storage(place["bucket"], endpoint=endpoint or place["endpointURL"])
    metadata = clone["metadata"]
    prefix = RunPlace(uid=metadata["uid"], namespace=metadata["namespace"]).run_prefix
    return attempt_logs(storage, prefix, attempt, said=f"s3://{place['bucket']}/{prefix}")
