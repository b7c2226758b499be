"""A real Kubernetes cluster on one machine: a control plane and nodes in networks of their own. Needs root.

Everything runs: kubelet, containerd, runc, kube-proxy, CoreDNS, pods with addresses that reach each other over
services and names. The machine's own network, mounts and kernel settings stay as they are: the nodes have private ones,
which end with their processes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from assets.build import program
from harness import components, dns, kuberay
from harness.control_plane import ControlPlane
from harness.image_store import ImageStore
from harness.images import scratch_image
from harness.network_policies import Enforcer
from harness.private_space import Space
from harness.processes import Process
from harness.real_node import CNI_PLUGINS, PROGRAMS, READY_LIMIT_S, Node, missing_tools
from harness.relay import Way, relay
from harness.run import Run
from harness.waiting import eventually

SYSTEM_IMAGE = "localhost/system:1"
SYSTEM_PROGRAMS = ("coredns", "probe", "ray-operator")
"""What is in it."""
PAUSE_IMAGE = "localhost/pause:1"
BRIDGE_ADDRESS = "10.88.0.1"


class CannotRunHere(Exception):
    """This machine lacks something that a real cluster needs; the message says what, and how to mend it."""


class RealCluster:
    """A context manager; several may run side by side.

    Args:
        accelerators: one node each, labelled with that class. No node has a GPU, whatever its label.
        images: archives that every node begins with, unpacked once and shared: the way for large ones.
        kuberay: whether KubeRay's operator runs, as a pod; `start_kuberay` brings it later.
    """

    def __init__(
        self, accelerators: Sequence[str] = ("cpu", "cpu", "cpu"), *, images: Sequence[Path] = (), kuberay: bool = False
    ) -> None:
        self._accelerators = list(accelerators)
        self._archives = list(images)
        self._has_kuberay = kuberay
        self.nodes: list[Node] = []
        self.ready_after_s = 0.0
        """How long `start` took."""

    def __enter__(self) -> RealCluster:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything and wait until the nodes are Ready and names resolve.

        Raises:
            CannotRunHere: not root, or a tool or a kernel feature is missing.
            AssertionError, RuntimeError: something is not ready in time; with the end of its log.
        """
        check_machine()
        names = [*PROGRAMS, *CNI_PLUGINS, *components.PROGRAMS, *SYSTEM_PROGRAMS]
        programs = {name: program(name) for name in names}
        started = time.monotonic()
        self.run = Run()
        try:
            self._start(programs)
        except BaseException:
            self.stop()
            raise
        self.ready_after_s = time.monotonic() - started

    def stop(self) -> None:
        """Stop everything and remove what it made; harmless when repeated."""
        if hasattr(self, "policies"):
            self.policies.stop()
        for node in self.nodes:
            node.stop()
        self.nodes.clear()
        if hasattr(self, "plane"):
            self.plane.stop()
        self.run.end()

    def node(self, name: str) -> Node:
        """A node by its name."""
        return next(node for node in self.nodes if node.name == name)

    def import_image(self, archive: Path) -> None:
        """Give every node an image, from an archive as `docker save` or `buildah push oci-archive:` writes it."""
        for node in self.nodes:
            node.ctr("images", "import", archive)

    def import_program(self, name: str) -> str:
        """Give every node an image of one program of the assets, such as ``minio``; returns its name."""
        image = f"localhost/{name}:1"
        archive = self.run.folder.path / "images" / f"{name}.tar"
        self.import_image(scratch_image(archive, image, {name: program(name)}, [f"/bin/{name}"]))
        return image

    def start_kuberay(self) -> None:
        """KubeRay's kinds and its operator as a pod, from its own manifests; returns when it is ready."""
        kuberay.apply_kinds(self.plane.api)
        self.plane.new_namespace(kuberay.NAMESPACE)
        overlay = kuberay.write_overlay(self.run.folder.path / "kuberay", SYSTEM_IMAGE)
        self.plane.apply(self.plane.kubectl("kustomize", str(overlay)))
        self._wait_rolled_out("kuberay-operator", kuberay.NAMESPACE)

    def forward(self, address: str, port: int, node: int = 1) -> int:
        """A port of this machine's loopback that leads to an address as a node sees it: a pod's or a service's."""
        here = self.run.ports.take()
        name = f"forward-{here}"
        self._relays.append(relay(name, self.run, self.nodes[node - 1].space.network, [Way(here, address, port)]))
        return here

    def _start(self, programs: dict[str, Path]) -> None:
        self._relays: list[Process] = []
        self._link_tools()
        self._space = Space("plane", self.run)
        self._space.do("ip", "link", "add", "br0", "type", "bridge")
        self._space.do("ip", "address", "add", f"{BRIDGE_ADDRESS}/24", "dev", "br0")
        self._space.do("ip", "link", "set", "br0", "up")
        self._space.set_kernel({"net/ipv4/ip_forward": 1})
        place = components.Place(address=BRIDGE_ADDRESS, enter=self._space.enter, expose=self._expose)
        self.plane = ControlPlane(nodes={}, kuberay=False, run=self.run, place=place)
        self.plane.start()
        images = ImageStore(self.run, self._space, programs)
        for archive in [*self._own_images(programs), *self._archives]:
            images.add(archive)
        images.close()
        reserved = _reserved(len(self._accelerators))
        for number in range(1, len(self._accelerators) + 1):
            node = Node(number, run=self.run, plane=self.plane, plane_space=self._space, programs=programs)
            self.nodes.append(node)
            node.prepare(len(self._accelerators), images)
        for node, accelerator in zip(self.nodes, self._accelerators, strict=True):
            node.join(accelerator, reserved)
        self.plane.apply(dns.objects(SYSTEM_IMAGE))
        wanted = {node.name for node in self.nodes}
        eventually(lambda: set(self.plane.ready_nodes()) == wanted, timeout_s=READY_LIMIT_S, what=self._why_not_ready)
        self._wait_rolled_out("coredns", "kube-system")
        self.policies = Enforcer(self.plane.api.get, self.nodes)
        if self._has_kuberay:
            self.start_kuberay()

    def _wait_rolled_out(self, deployment: str, namespace: str) -> None:
        limit = f"--timeout={READY_LIMIT_S:.0f}s"
        self.plane.kubectl("rollout", "status", f"deployment/{deployment}", "--namespace", namespace, limit)

    def _link_tools(self) -> None:
        """kubectl and helm by their plain names, for a person and for what runs them."""
        folder = self.run.folder.path / "bin"
        folder.mkdir()
        for name in ("kubectl", "helm"):
            (folder / name).symlink_to(program(name))

    def _expose(self, ports: Sequence[int]) -> None:
        ways = [Way(port, "127.0.0.1", port) for port in ports]
        self._relays.append(relay("relay", self.run, self._space.network, ways))

    def _own_images(self, programs: dict[str, Path]) -> list[Path]:
        folder = self.run.folder.path / "images"
        folder.mkdir()
        probe = {"probe": programs["probe"]}
        system = {name: programs[name] for name in SYSTEM_PROGRAMS}
        return [
            scratch_image(folder / "pause.tar", PAUSE_IMAGE, probe, ["/bin/probe", "pause"]),
            scratch_image(folder / "system.tar", SYSTEM_IMAGE, system, ["/bin/probe"]),
        ]

    def _why_not_ready(self) -> str:
        tails = [f"{process.name}:\n{process.log_tail()}" for node in self.nodes for process in node.processes.values()]
        return "every node Ready; the logs end:\n" + "\n".join(tails)


def _reserved(nodes: int) -> dict[str, str]:
    """Each node sees the whole machine's memory; what belongs to the others is kept from its pods."""
    total_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"memory": str(total_bytes - total_bytes // nodes)}


def check_machine() -> None:
    """Raises ``CannotRunHere`` with what this machine lacks."""
    if os.geteuid() != 0:
        raise CannotRunHere("a real cluster needs root: run make e2e as root, or keep to make test")
    if missing := missing_tools():
        raise CannotRunHere(
            f"a real cluster needs {', '.join(missing)}; on Debian: "
            "apt install --no-install-recommends runc iptables iproute2 conntrack util-linux"
        )
    if "overlay" not in Path("/proc/filesystems").read_text(encoding="ascii"):
        raise CannotRunHere("a real cluster needs the overlay file system: modprobe overlay")
    if not Path("/proc/sys/net/bridge/bridge-nf-call-iptables").exists():
        raise CannotRunHere("a real cluster needs bridges that pass packets to iptables: modprobe br_netfilter")
