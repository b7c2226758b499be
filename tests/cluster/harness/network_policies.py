"""NetworkPolicies in force on a real cluster: our own small enforcer, since no published one builds from Go modules.

It shows on live traffic that a policy selects what it means to. It does not show how Calico or Cilium behave: it knows
IPv4 only, and a pod is open until the round after it has got its address. Kubelet's probes come from the node itself
and stay allowed, as they do elsewhere.
"""

from __future__ import annotations

import hashlib
import ipaddress
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from harness.private_space import Space
from harness.waiting import eventually

PERIOD_S = 0.5
COMMAND_LIMIT_S = 30.0
TOP = "CLOCKTRAIN-POLICIES"
Object = Mapping[str, Any]


class PolicedNode(Protocol):
    """A node whose pods are policed."""

    name: str
    space: Space


class Enforcer:
    """A thread that keeps each node's firewall at what the policies say, until `stop`."""

    def __init__(self, get: Callable[[str], dict[str, Any]], nodes: Sequence[PolicedNode]) -> None:
        self._get = get
        self._nodes = nodes
        self._applied: dict[str, str] = {}
        self._chains: dict[str, set[str]] = {}
        self._ended = threading.Event()
        self._rounds = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.last_error = ""
        """Why the last round failed; an API server that is down is tried again."""
        self._thread.start()

    def settle(self, timeout_s: float = 30.0) -> None:
        """Wait until what was applied before this call is in force.

        Raises:
            AssertionError: no whole round was made in time; with why the last one failed.
        """
        begun = self._rounds  # the round that runs now may have looked before this call; the one after it has not
        eventually(lambda: self._rounds >= begun + 2, timeout_s=timeout_s, what=lambda: f"a round ({self.last_error})")

    def stop(self) -> None:
        """End the thread; the rules go with the nodes' networks."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(PERIOD_S):
            try:
                self._round()
                self._rounds += 1
                self.last_error = ""
            except Exception as error:
                self.last_error = str(error)

    def _round(self) -> None:
        pods = [pod for pod in self._get("/api/v1/pods")["items"] if _has_network(pod)]
        namespaces = {
            namespace["metadata"]["name"]: namespace["metadata"].get("labels", {})
            for namespace in self._get("/api/v1/namespaces")["items"]
        }
        policies = self._get("/apis/networking.k8s.io/v1/networkpolicies")["items"]
        for node in self._nodes:
            chains = node_chains(node.name, pods, namespaces, policies)
            text = _restore_text(chains, self._chains.get(node.name, set()))
            if self._applied.get(node.name) != text:
                _load(node.space, text)
                self._chains[node.name] = set(chains)
                self._applied[node.name] = _restore_text(chains, set(chains))


def node_chains(
    node: str, pods: Sequence[Object], namespaces: Mapping[str, Mapping[str, str]], policies: Sequence[Object]
) -> dict[str, list[str]]:
    """The firewall of one node: chain → its rules, as words after ``-A CHAIN``.

    A packet passes one chain for the pod that it comes from and one for the pod that it goes to; each returns what some
    policy allows and drops the rest. A pod that no policy selects has none.
    """
    chains: dict[str, list[str]] = {TOP: ["-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"]}
    for pod in pods:
        if pod["spec"].get("nodeName") != node:
            continue
        for direction, flag in (("Ingress", "-d"), ("Egress", "-s")):
            rules = _pod_rules(pod, direction, pods, namespaces, policies)
            if rules is not None:
                digest = hashlib.sha256(pod["metadata"]["uid"].encode()).hexdigest()[:14]
                chain = f"CT-{direction[0]}-{digest}"
                chains[chain] = [*rules, "-j DROP"]
                chains[TOP].append(f"{flag} {pod['status']['podIP']}/32 -j {chain}")
    return chains


def _pod_rules(
    pod: Object,
    direction: str,
    pods: Sequence[Object],
    namespaces: Mapping[str, Mapping[str, str]],
    policies: Sequence[Object],
) -> list[str] | None:
    """What may pass, or None where no policy selects the pod in this direction."""
    selected, rules = False, []
    for policy in policies:
        spec = policy["spec"]
        types = spec.get("policyTypes") or ["Ingress", *(["Egress"] if "egress" in spec else [])]
        same_namespace = policy["metadata"]["namespace"] == pod["metadata"]["namespace"]
        if not same_namespace or direction not in types or not matches(spec.get("podSelector", {}), _labels(pod)):
            continue
        selected = True
        for rule in spec.get(direction.lower()) or []:
            peers = rule.get("from" if direction == "Ingress" else "to")
            for network, peer in _peers(peers, policy["metadata"]["namespace"], pods, namespaces):
                address = f"{'-s' if direction == 'Ingress' else '-d'} {network}"
                target = pod if direction == "Ingress" else peer
                rules += [f"{address}{words} -j RETURN" for words in _ports(rule.get("ports"), target)]
    return list(dict.fromkeys(rules)) if selected else None


def _peers(
    peers: Sequence[Object] | None,
    own_namespace: str,
    pods: Sequence[Object],
    namespaces: Mapping[str, Mapping[str, str]],
) -> Iterable[tuple[str, Object | None]]:
    if not peers:
        yield "0.0.0.0/0", None
    for peer in peers or []:
        if "ipBlock" in peer:
            for network in _without(peer["ipBlock"]["cidr"], peer["ipBlock"].get("except", [])):
                yield network, None
            continue
        for pod in pods:
            namespace = pod["metadata"]["namespace"]
            if "namespaceSelector" in peer:
                in_namespace = matches(peer["namespaceSelector"], namespaces.get(namespace, {}))
            else:
                in_namespace = namespace == own_namespace
            if in_namespace and matches(peer.get("podSelector", {}), _labels(pod)):
                yield f"{pod['status']['podIP']}/32", pod


def _ports(ports: Sequence[Object] | None, target: Object | None) -> Iterable[str]:
    if not ports:
        yield ""
    for port in ports or []:
        words = f" -p {port.get('protocol', 'TCP').lower()}"
        if "port" in port:
            number = _port_number(port["port"], target)
            if number is None:
                continue  # a name that the target does not have: nothing of it is allowed
            words += f" --dport {number}" + (f":{port['endPort']}" if "endPort" in port else "")
        yield words


def _port_number(port: int | str, target: Object | None) -> int | None:
    if isinstance(port, int):
        return port
    for container in target["spec"]["containers"] if target else []:
        for named in container.get("ports", []):
            if named.get("name") == port:
                return named["containerPort"]
    return None


def matches(selector: Object | None, labels: Mapping[str, str]) -> bool:
    """Whether a label selector selects; an empty one selects everything, none selects nothing."""
    if selector is None:
        return False
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    for expression in selector.get("matchExpressions") or []:
        value, values = labels.get(expression["key"]), expression.get("values", [])
        holds = {
            "In": value in values,
            "NotIn": value not in values,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }
        if not holds[expression["operator"]]:
            return False
    return True


def _without(cidr: str, excepted: Iterable[str]) -> list[str]:
    """The networks that make up `cidr` less the excepted ones."""
    networks = [ipaddress.IPv4Network(cidr)]
    for exception in map(ipaddress.IPv4Network, excepted):
        parts: list[ipaddress.IPv4Network] = []
        for network in networks:
            if exception.supernet_of(network):
                continue
            parts += network.address_exclude(exception) if network.supernet_of(exception) else [network]
        networks = parts
    return [str(network) for network in sorted(networks)]


def _has_network(pod: Object) -> bool:
    status = pod["status"]
    is_live = status["phase"] in ("Pending", "Running")
    return bool(status.get("podIP")) and is_live and not pod["spec"].get("hostNetwork")


def _labels(pod: Object) -> Mapping[str, str]:
    return pod["metadata"].get("labels", {})


def _restore_text(chains: Mapping[str, Sequence[str]], before: set[str]) -> str:
    """What iptables-restore takes: all chains at once, and the ones of pods that are gone removed."""
    gone = sorted(before - set(chains))
    lines = ["*filter", *(f":{chain} - [0:0]" for chain in [*chains, *gone])]
    lines += [f"-A {chain} {rule}" for chain, rules in chains.items() for rule in rules]
    lines += [f"-X {chain}" for chain in gone]
    return "\n".join([*lines, "COMMIT", ""])


def _load(space: Space, text: str) -> None:
    _iptables(space, ["iptables-restore", "--noflush", "--wait"], text)
    if _iptables(space, ["iptables", "--wait", "-C", "FORWARD", "-j", TOP], check=False):
        _iptables(space, ["iptables", "--wait", "-I", "FORWARD", "1", "-j", TOP])


def _iptables(space: Space, words: Sequence[str], given: str = "", *, check: bool = True) -> int:
    run = subprocess.run(
        [*space.enter, *words], input=given, capture_output=True, text=True, timeout=COMMAND_LIMIT_S, check=False
    )
    if check and run.returncode:
        raise RuntimeError(f"{' '.join(words)} failed: {run.stderr.strip()[-500:]}")
    return run.returncode
