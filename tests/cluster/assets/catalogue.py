"""Which programs the tests build, from which wrapper module, and which sets of them a command asks for."""

from __future__ import annotations

from dataclasses import dataclass

KUBERNETES_VERSION = "1.36.3"
_VERSION_FLAGS = " ".join(
    f"-X {package}.gitVersion=v{KUBERNETES_VERSION} -X {package}.gitMajor=1 -X {package}.gitMinor=36"
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
)
_HELM_FLAGS = " ".join(
    [
        "-X helm.sh/helm/v3/internal/version.version=v3.22.0",
        # What `helm template` and `helm lint` take for the cluster's version when they ask no cluster.
        *(
            f"-X helm.sh/helm/v3/pkg/{package}.k8sVersion{part}={value}"
            for package in ("chartutil", "lint/rules")
            for part, value in (("Major", "1"), ("Minor", "36"))
        ),
    ]
)
_KUBERNETES = "k8s.io/kubernetes/cmd"
_CONTAINERD = "github.com/containerd/containerd/v2/cmd"
_CNI = "github.com/containernetworking/plugins/plugins"
_NO_FILESYSTEMS = "no_btrfs,no_zfs,no_devmapper"


@dataclass(frozen=True, kw_only=True)
class Program:
    """One executable: a Go package, built inside the wrapper module that pins its version."""

    name: str
    wrapper: str
    """The folder beside this file with ``go.mod`` and ``go.sum``."""
    package: str = "."
    linker_flags: str = ""
    tags: str = ""

    @property
    def inputs(self) -> str:
        """What decides the built file beside the wrapper's own files; nothing for a plain main package."""
        given = [self.package, self.linker_flags, self.tags]
        return "" if given == [".", "", ""] else "\n".join(given)


@dataclass(frozen=True, kw_only=True)
class Folder:
    """Files that a module ships beside its code, such as a controller's CRDs."""

    name: str
    wrapper: str
    module: str
    paths: tuple[str, ...]
    """Folders below the module's root; each is copied whole."""

    @property
    def inputs(self) -> str:
        """What decides the copy beside the wrapper's own files."""
        return "\n".join([self.module, *self.paths])


def _programs(wrapper: str, root: str, names: str, **common: str) -> list[Program]:
    return [
        Program(name=path.rsplit("/", 1)[-1], wrapper=wrapper, package=f"{root}/{path}", **common)
        for path in names.split()
    ]


SETS: dict[str, list[Program | Folder]] = {
    "storage": [Program(name="minio", wrapper="minio")],
    "control-plane": [
        Program(name="etcd", wrapper="etcd"),
        *_programs(
            "kubernetes",
            _KUBERNETES,
            "kube-apiserver kube-controller-manager kube-scheduler kubectl",
            linker_flags=_VERSION_FLAGS,
        ),
        Program(name="helm", wrapper="helm", package="helm.sh/helm/v3/cmd/helm", linker_flags=_HELM_FLAGS),
        Program(name="kube-score", wrapper="kube-score", package="github.com/zegl/kube-score/cmd/kube-score"),
        Program(name="grpcurl", wrapper="grpcurl", package="github.com/fullstorydev/grpcurl/cmd/grpcurl"),
        Program(name="kwok", wrapper="kwok", package="sigs.k8s.io/kwok/cmd/kwok"),
        Folder(
            name="kwok-files", wrapper="kwok", module="sigs.k8s.io/kwok", paths=("kustomize/stage", "kustomize/metrics")
        ),
        Program(
            name="metrics-server", wrapper="metrics-server", package="sigs.k8s.io/metrics-server/cmd/metrics-server"
        ),
        Program(name="ray-operator", wrapper="kuberay", package="github.com/ray-project/kuberay/ray-operator"),
        Folder(
            name="kuberay-files",
            wrapper="kuberay",
            module="github.com/ray-project/kuberay/ray-operator",
            paths=("config/crd/bases", "config/manager", "config/rbac"),
        ),
    ],
    "node": [
        *_programs("kubernetes", _KUBERNETES, "kubelet kube-proxy", linker_flags=_VERSION_FLAGS),
        *_programs("containerd", _CONTAINERD, "containerd containerd-shim-runc-v2 ctr", tags=_NO_FILESYSTEMS),
        *_programs("cni", _CNI, "main/bridge main/loopback meta/portmap ipam/host-local"),
        Program(name="coredns", wrapper="coredns"),
        Program(name="probe", wrapper="probe"),
    ],
}

ASSETS: dict[str, Program | Folder] = {asset.name: asset for assets in SETS.values() for asset in assets}
