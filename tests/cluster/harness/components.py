"""The command lines of a control plane's programs: one function each, from typed values to words."""

from __future__ import annotations

import ipaddress
import ssl
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from harness.pki import Authority

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
ADMISSION = (
    # On by default as well, named because tests lean on them.
    "NamespaceLifecycle",
    "LimitRanger",
    "ServiceAccount",
    "ResourceQuota",
    "PodSecurity",
    "Priority",
    "DefaultTolerationSeconds",
    "RuntimeClass",
    "ValidatingAdmissionPolicy",
    # Off by default, on in several hosted clusters: it refuses blockOwnerDeletion to those who may not set finalizers.
    "OwnerReferencesPermissionEnforcement",
)
CLIENT_RATE = ["--kube-api-qps=500", "--kube-api-burst=1000"]
"""The controllers' own limits (20 to 50 a second) would be what a test with 500 clones measures."""
PROBE_LIMIT_S = 2.0
PROXY = "front-proxy"

Started = tuple[str, list[str]]
"""A component's name and command."""


class PlanePorts(NamedTuple):
    """One port each, on loopback but for the API server's."""

    etcd: int
    etcd_peer: int
    apiserver: int
    controller_manager: int
    scheduler: int


SERVICE_RANGE = "10.96.0.0/16"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a control plane runs: on this machine's loopback, or inside a network of its own."""

    address: str = "127.0.0.1"
    """Where its nodes find the API server; on the machine it is 127.0.0.1 in either place."""
    enter: Sequence[str] = ()
    """Words before each program's own that move it into the network."""
    expose: Callable[[Sequence[int]], None] = lambda ports: None
    """Makes loopback ports of the network reachable as the same ports of the machine's loopback."""


@dataclass(frozen=True, kw_only=True)
class Plane:
    """What the command lines are made from."""

    folder: Path
    programs: Mapping[str, Path]
    ports: PlanePorts
    authority: Authority
    place: Place
    audit_policy: Path
    audit_log: Path


def etcd(plane: Plane) -> Started:
    """One etcd that does not wait for the disk: a crash of the process loses nothing, a power cut may."""
    clients = f"http://127.0.0.1:{plane.ports.etcd}"
    peers = f"http://127.0.0.1:{plane.ports.etcd_peer}"
    return "etcd", [
        str(plane.programs["etcd"]),
        f"--data-dir={plane.folder / 'etcd'}",
        "--unsafe-no-fsync",
        f"--listen-client-urls={clients}",
        f"--advertise-client-urls={clients}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
        "--log-level=warn",
    ]


def apiserver(plane: Plane) -> Started:
    """The API server: certificates and tokens, RBAC, an audit log that is written before an answer is given."""
    address, authority = plane.place.address, plane.authority
    addresses = ["127.0.0.1", address, _first_address(SERVICE_RANGE), "localhost"]
    names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"]
    certificate, key = authority.issue(
        "apiserver", common_name="kube-apiserver", addresses=[*dict.fromkeys(addresses), *names]
    )
    kubelet_certificate, kubelet_key = authority.issue(
        "apiserver-kubelet-client", common_name="apiserver-kubelet-client", groups=["system:masters"]
    )
    proxy_certificate, proxy_key = authority.issue("front-proxy", common_name=PROXY)
    signing_key, public_key = authority.key_pair("service-accounts")
    listen = "127.0.0.1" if address == "127.0.0.1" else "0.0.0.0"
    return "apiserver", [
        str(plane.programs["kube-apiserver"]),
        f"--etcd-servers=http://127.0.0.1:{plane.ports.etcd}",
        f"--secure-port={plane.ports.apiserver}",
        f"--bind-address={listen}",
        f"--advertise-address={address}",
        f"--tls-cert-file={certificate}",
        f"--tls-private-key-file={key}",
        f"--client-ca-file={authority.certificate_path}",
        f"--service-account-key-file={public_key}",
        f"--service-account-signing-key-file={signing_key}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        f"--kubelet-client-certificate={kubelet_certificate}",
        f"--kubelet-client-key={kubelet_key}",
        # by which an API that it hands on knows it, and whom it speaks for
        f"--proxy-client-cert-file={proxy_certificate}",
        f"--proxy-client-key-file={proxy_key}",
        f"--requestheader-client-ca-file={authority.certificate_path}",
        f"--requestheader-allowed-names={PROXY}",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--kubelet-preferred-address-types=InternalIP",
        "--authorization-mode=Node,RBAC",
        f"--enable-admission-plugins={','.join(ADMISSION)}",
        "--allow-privileged=true",
        "--profiling=false",
        f"--audit-policy-file={plane.audit_policy}",
        f"--audit-log-path={plane.audit_log}",
        "--audit-log-mode=blocking",
        "--audit-log-maxsize=100000",  # megabytes: never rotated, so that a place in it stays a place in it
        # An end in order would wait a minute for open watches; with this, two seconds.
        "--shutdown-send-retry-after=true",
    ]


def controller_manager(plane: Plane, kubeconfig: Path) -> Started:
    """Every controller that is on by default."""
    authority = plane.authority
    return "controller-manager", [
        str(plane.programs["kube-controller-manager"]),
        f"--kubeconfig={kubeconfig}",
        f"--service-account-private-key-file={authority.folder / 'service-accounts.key'}",
        f"--root-ca-file={authority.certificate_path}",
        f"--cluster-signing-cert-file={authority.certificate_path}",
        f"--cluster-signing-key-file={authority.key_path}",
        "--use-service-account-credentials=true",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        f"--secure-port={plane.ports.controller_manager}",
        "--allocate-node-cidrs=false",  # kwok needs none, and a real cluster's nodes bring their own
        *CLIENT_RATE,
    ]


def scheduler(plane: Plane, kubeconfig: Path) -> Started:
    """The default scheduler."""
    return "scheduler", [
        str(plane.programs["kube-scheduler"]),
        f"--kubeconfig={kubeconfig}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        f"--secure-port={plane.ports.scheduler}",
        *CLIENT_RATE,
    ]


def kwok(plane: Plane, kubeconfig: Path, stages: Path, port: int, *, tells_load: bool = False) -> Started:
    """The player of nodes and pods, by the stages that a file describes.

    Args:
        tells_load: whether its nodes are found where it listens, as a metrics-server wants to find a kubelet.
    """
    where = ["--node-ip=10.0.0.1"]
    if tells_load:
        certificate, key = plane.authority.issue("kwok", common_name="kwok", addresses=["127.0.0.1"])
        where = ["--node-ip=127.0.0.1", f"--node-port={port}"]
        where += [f"--tls-cert-file={certificate}", f"--tls-private-key-file={key}"]
    return "kwok", [
        str(plane.programs["kwok"]),
        f"--kubeconfig={kubeconfig}",
        f"--config={stages}",
        "--manage-all-nodes=true",
        "--node-lease-duration-seconds=40",
        "--cidr=10.0.0.1/24",
        *where,
        f"--server-address=127.0.0.1:{port}",
    ]


def metrics_server(plane: Plane, program: Path, kubeconfig: Path, port: int) -> Started:
    """What knows the load of pods, asking the nodes as often as it may."""
    return "metrics-server", [
        str(program),
        *(f"--{use}kubeconfig={kubeconfig}" for use in ("", "authentication-", "authorization-")),
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={plane.folder / 'metrics-server'}",
        "--kubelet-insecure-tls",
        "--kubelet-use-node-status-port",
        "--kubelet-preferred-address-types=InternalIP",
        "--metric-resolution=10s",
        "--kubelet-request-timeout=5s",
    ]


def kuberay(program: Path, kubeconfig: Path, *, probe_port: int, metrics_port: int) -> Started:
    """KubeRay's operator, outside the cluster; `--kubeconfig` is the flag of its framework."""
    return "kuberay", [
        str(program),
        f"--kubeconfig={kubeconfig}",
        f"--health-probe-bind-address=127.0.0.1:{probe_port}",
        f"--metrics-addr=127.0.0.1:{metrics_port}",
        "--enable-leader-election=false",
        "--qps=500",
        "--burst=1000",
    ]


def answers(url: str) -> Callable[[], bool]:
    """A readiness check: the address answers 200. A component's own certificate, on loopback, is not looked at."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE

    def check() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=PROBE_LIMIT_S, context=context) as answer:
                return answer.status == 200
        except OSError:
            return False

    return check


def _first_address(cidr: str) -> str:
    return str(ipaddress.ip_network(cidr)[1])
