"""One node of a real cluster: kubelet, containerd, kube-proxy and a bridge for pods, in a network of its own."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from harness import cgroups, dns
from harness.control_plane import ControlPlane
from harness.image_store import ImageStore
from harness.nodes import ACCELERATOR_LABEL
from harness.private_space import Space
from harness.processes import Process
from harness.run import Run

PODS_RANGE = "10.244.0.0/16"
READY_LIMIT_S = 120.0
MAX_PODS = 60
KERNEL_SETTINGS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
"""What kubelet insists on. They are the whole machine's, so each node sees files that already say so."""
PROGRAMS = ("containerd", "containerd-shim-runc-v2", "ctr", "kubelet", "kube-proxy")
CNI_PLUGINS = ("bridge", "host-local", "loopback", "portmap")


class Node:
    """Node number 1, 2, 3 … of a cluster."""

    def __init__(
        self, number: int, *, run: Run, plane: ControlPlane, plane_space: Space, programs: Mapping[str, Path]
    ) -> None:
        self.number = number
        self.name = f"node{number}"
        self.address = f"10.88.0.{10 + number}"
        self.pods = f"10.244.{number}.0/24"
        self.processes: dict[str, Process] = {}
        """By name: containerd, kubelet, kube-proxy."""
        self._run = run
        self._plane = plane
        self._plane_space = plane_space
        self.folder = run.folder.path / self.name
        self.folder.mkdir()
        self._bin = self._link(self.folder / "bin", {name: programs[name] for name in PROGRAMS})
        self._cni_bin = self._link(self.folder / "cni-bin", {name: programs[name] for name in CNI_PLUGINS})
        self.socket = self.folder / "containerd.sock"
        self.space = Space(self.name, run)

    def prepare(self, others: int, images: ImageStore) -> None:
        """Network, view of the mounts, control groups, and containerd with its images.

        Args:
            others: how many nodes the cluster has; routes to all their pods are laid.
            images: what its containerd begins with.
        """
        self._lay_network(others)
        self._lay_mounts()
        self._cgroup_root = cgroups.make(self._run.folder.id, self.name)
        self._write_cni()
        images.clone_to(self.folder / "containerd")
        self._add("containerd", ["-c", self._containerd_config()], is_ready=self._containerd_answers)
        self.processes["containerd"].start()
        self.processes["containerd"].wait_ready(READY_LIMIT_S)

    def join(self, accelerator: str, reserved: Mapping[str, str]) -> None:
        """Start kubelet and kube-proxy, and do not wait; the node registers itself.

        Args:
            accelerator: the class that its label names.
            reserved: what pods may not have of the machine, which every node sees whole.
        """
        certificate, key = self._plane.authority.issue(
            self.name,
            common_name=f"system:node:{self.name}",
            groups=["system:nodes"],
            addresses=[self.address, self.name],
        )
        config = self._kubelet_config(certificate, key, reserved)
        kubeconfig = self._kubeconfig(f"system:node:{self.name}", ["system:nodes"])
        self._add(
            "kubelet",
            [
                f"--config={config}",
                f"--kubeconfig={kubeconfig}",
                f"--hostname-override={self.name}",
                f"--node-ip={self.address}",
                f"--root-dir={self.folder / 'kubelet'}",
                f"--node-labels={ACCELERATOR_LABEL}={accelerator}",
            ],
        )
        self._add("kube-proxy", [f"--config={self._proxy_config()}"])
        for name in ("kubelet", "kube-proxy"):
            self.processes[name].start()

    def ctr(self, *words: str | Path) -> str:
        """What containerd's own client prints.

        Raises:
            RuntimeError: it failed.
        """
        return self.space.do(self._bin / "ctr", "--address", self.socket, "--namespace", "k8s.io", *words)

    def cut_off(self) -> None:
        """Pull its cable: what runs on it runs on, unheard, until ``reconnect``."""
        self._plane_space.do("ip", "link", "set", self.name, "down")

    def reconnect(self) -> None:
        """Plug it in again."""
        self._plane_space.do("ip", "link", "set", self.name, "up")

    def stop(self) -> None:
        """End kubelet, kube-proxy and containerd, without the grace that pods would get; they end with the run."""
        for process in self.processes.values():
            process.kill()

    def _containerd_answers(self) -> bool:
        try:
            return bool(self.ctr("version"))
        except RuntimeError:
            return False

    def _lay_network(self, others: int) -> None:
        """One cable to the bridge in the control plane's network, and a route to each node's pods by its node."""
        cable = ["ip", "link", "add", self.name, "type", "veth", "peer", "name", "eth0", "netns", str(self.space.pid)]
        self._plane_space.do(*cable)
        self._plane_space.do("ip", "link", "set", self.name, "master", "br0", "up")
        self._plane_space.do("ip", "route", "add", self.pods, "via", self.address)
        self.space.do("ip", "address", "add", f"{self.address}/24", "dev", "eth0")
        self.space.do("ip", "link", "set", "eth0", "up")
        self.space.do("ip", "route", "add", "default", "via", "10.88.0.1")
        for number in range(1, others + 1):
            if number != self.number:
                self.space.do("ip", "route", "add", f"10.244.{number}.0/24", "via", f"10.88.0.{10 + number}")
        # Without the second, a service's packets between two pods of one node would pass its rules by.
        self.space.set_kernel({"net/ipv4/ip_forward": 1, "net/bridge/bridge-nf-call-iptables": 1})

    def _lay_mounts(self) -> None:
        """What kubelet, containerd and runc write outside the folders that they are given, led into this run's."""
        logs = self.folder / "var-log"
        logs.mkdir()
        self.space.do("mount", "--make-rshared", "/")  # kubelet and runc hand mounts to each other, in this view only
        self.space.do("mount", "-t", "tmpfs", "tmpfs", "/run")
        self.space.hide(Path("/var/log"), logs)
        settings = self.folder / "kernel-settings"
        settings.mkdir()
        for name, value in KERNEL_SETTINGS.items():
            file = settings / name.replace("/", ".")
            file.write_text(f"{value}\n", encoding="ascii")
            if (target := Path("/proc/sys") / name).exists():
                self.space.hide(target, file)

    def _write_cni(self) -> None:
        folder = self.folder / "cni"
        folder.mkdir()
        bridge = {
            "type": "bridge",
            "bridge": "cni0",
            "isGateway": True,
            "ipMasq": False,
            "hairpinMode": True,
            "ipam": {
                "type": "host-local",
                "dataDir": str(self.folder / "addresses"),
                "ranges": [[{"subnet": self.pods}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        }
        ports = {"type": "portmap", "capabilities": {"portMappings": True}}
        network = {"cniVersion": "1.0.0", "name": "pods", "plugins": [bridge, ports]}
        (folder / "10-pods.conflist").write_text(json.dumps(network), encoding="utf-8")

    def _containerd_config(self) -> Path:
        path = self.folder / "containerd.toml"
        path.write_text(
            f"""\
version = 3
root = "{self.folder / "containerd"}"
state = "/run/containerd-state"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri"]
[grpc]
  address = "{self.socket}"
[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = "localhost/pause:1"
[plugins.'io.containerd.cri.v1.runtime']
  # Root without CAP_SYS_RESOURCE, as in many sandboxes, may not lower a container's score.
  restrict_oom_score_adj = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["{self._cni_bin}"]
    conf_dir = "{self.folder / "cni"}"
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
""",
            encoding="utf-8",
        )
        return path

    def _kubelet_config(self, certificate: Path, key: Path, reserved: Mapping[str, str]) -> Path:
        config = {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": self._cgroup_root,
            "failCgroupV1": False,
            "failSwapOn": False,
            "containerRuntimeEndpoint": f"unix://{self.socket}",
            "authentication": {
                "x509": {"clientCAFile": str(self._plane.authority.certificate_path)},
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
            },
            "authorization": {"mode": "Webhook"},
            "address": self.address,
            "healthzPort": 0,
            "tlsCertFile": str(certificate),
            "tlsPrivateKeyFile": str(key),
            "clusterDNS": [dns.ADDRESS],
            "clusterDomain": "cluster.local",
            "resolvConf": "",
            "podLogsDir": str(self.folder / "pods"),
            "volumePluginDir": str(self.folder / "volume-plugins"),
            "staticPodPath": "",
            "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
            "imageGCHighThresholdPercent": 100,
            "maxPods": MAX_PODS,
            "enforceNodeAllocatable": ["pods"],
            "systemReserved": dict(reserved),
            "nodeStatusUpdateFrequency": "2s",
            "protectKernelDefaults": True,
        }
        return self._write("kubelet.json", config)

    def _proxy_config(self) -> Path:
        config = {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "iptables",
            "clusterCIDR": PODS_RANGE,
            "hostnameOverride": self.name,
            "clientConnection": {"kubeconfig": str(self._kubeconfig("system:kube-proxy", []))},
            "conntrack": {"maxPerCore": 0},
            "healthzBindAddress": "127.0.0.1:10256",
            "metricsBindAddress": "127.0.0.1:10249",
        }
        return self._write("kube-proxy.json", config)

    def _kubeconfig(self, user: str, groups: list[str]) -> Path:
        return self._plane.kubeconfig(user, groups, server=f"https://10.88.0.1:{self._plane.api_port}")

    def _write(self, name: str, config: dict[str, object]) -> Path:
        path = self.folder / name
        path.write_text(json.dumps(config, indent=1), encoding="utf-8")
        return path

    def _add(self, name: str, words: list[str | Path], is_ready=None) -> None:
        environment = self._run.environment()
        self.processes[name] = Process(
            f"{self.name}-{name}",
            [*self.space.enter, self._bin / name, *words],
            log_path=self._run.logs / f"{self.name}-{name}.log",
            environment={**environment, "PATH": f"{self._bin}{os.pathsep}{environment['PATH']}"},
            is_ready=is_ready,
        )

    @staticmethod
    def _link(folder: Path, programs: Mapping[str, Path]) -> Path:
        folder.mkdir()
        for name, path in programs.items():
            (folder / name).symlink_to(path)
        return folder


def missing_tools() -> list[str]:
    """The machine's own programs that nodes need and that are not there."""
    tools = ("runc", "iptables", "ip", "conntrack", "mount", "nsenter", "unshare")
    return [tool for tool in tools if shutil.which(tool) is None]
