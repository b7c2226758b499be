"""A MinIO of one pod, as a company's own object store would be: outside the chart."""

from __future__ import annotations

from minio import Minio
from urllib3.exceptions import HTTPError

from clock_train.storage.s3 import S3Storage
from harness.real_cluster import RealCluster
from harness.waiting import eventually

BUCKET = "clocktrain"
NAMESPACE = "storage"
ENDPOINT = "http://minio.storage.svc.cluster.local:9000"
CREDENTIAL = {"AWS_ACCESS_KEY_ID": "clocktrain", "AWS_SECRET_ACCESS_KEY": "only-in-this-cluster"}
ROLLOUT = "--timeout=120s"


def start_storage(cluster: RealCluster) -> str:
    """Start it with an empty bucket; returns an address of this machine that leads to it."""
    image = cluster.import_program("minio")
    cluster.plane.new_namespace(NAMESPACE)
    labels = {"app": "minio"}
    head = {"name": "minio", "namespace": NAMESPACE}
    template = {"metadata": {"labels": labels}, "spec": _pod(cluster, image)}
    deployment = {"replicas": 1, "strategy": {"type": "Recreate"}, "selector": {"matchLabels": labels}}
    service = {"selector": labels, "ports": [{"port": 9000}]}
    cluster.plane.apply(
        [
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": head,
                "spec": deployment | {"template": template},
            },
            {"apiVersion": "v1", "kind": "Service", "metadata": head, "spec": service},
        ]
    )
    cluster.plane.kubectl("rollout", "status", "deployment/minio", "-n", NAMESPACE, ROLLOUT)
    address = cluster.plane.kubectl("get", "service", "minio", "-n", NAMESPACE, "-o", "jsonpath={.spec.clusterIP}")
    endpoint = f"http://127.0.0.1:{cluster.forward(address.strip(), 9000)}"
    _make_bucket(endpoint)
    return endpoint


def bucket(endpoint: str) -> S3Storage:
    """The bucket as this machine sees it."""
    key, secret = CREDENTIAL.values()
    return S3Storage(BUCKET, endpoint=endpoint, access_key=key, secret_key=secret)


def _pod(cluster: RealCluster, image: str) -> dict[str, object]:
    container = {
        "name": "minio",
        "image": image,
        "imagePullPolicy": "Never",
        "command": ["/bin/minio", "server", "/data", "--address", ":9000"],
        "env": [
            {"name": "MINIO_ROOT_USER", "value": CREDENTIAL["AWS_ACCESS_KEY_ID"]},
            {"name": "MINIO_ROOT_PASSWORD", "value": CREDENTIAL["AWS_SECRET_ACCESS_KEY"]},
        ],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        "readinessProbe": {"tcpSocket": {"port": 9000}, "periodSeconds": 1},
    }
    # its data is a folder of the node: a pod that is killed comes back to it
    data = {"path": str(cluster.run.folder.path / "minio"), "type": "DirectoryOrCreate"}
    return {
        "nodeName": cluster.nodes[0].name,
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
        "volumes": [{"name": "data", "hostPath": data}],
    }


def _make_bucket(endpoint: str) -> None:
    key, secret = CREDENTIAL.values()
    client = Minio(endpoint.removeprefix("http://"), access_key=key, secret_key=secret, secure=False)

    def is_made() -> bool:
        # a node learns of a Ready pod a moment after we do
        try:
            if not client.bucket_exists(BUCKET):
                client.make_bucket(BUCKET)
        except HTTPError:
            return False
        return True

    eventually(is_made, timeout_s=60, what="a bucket")
