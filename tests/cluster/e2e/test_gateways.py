"""Two gateways in pods of two nodes, on one PostgreSQL: what they share, and what losing or replacing one costs."""

from __future__ import annotations

import collections
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from spoken import answer_to  # pyright: ignore[reportMissingImports]

from installed import database, manifests
from installed.images import image_name
from installed.manifests import NAMESPACE
from installed.platform import Platform

pytestmark = [pytest.mark.ring4, pytest.mark.timeout(1800)]
DOORS = "http://clocktrain-gateway.clocktrain.svc.cluster.local:8880/v1/audio/speech"
ASKER = """\
import json, os, time, urllib.error, urllib.request
body = json.dumps({"model": "clocktrain", "voice": "duo/anna", "input": "Good morning.", "response_format": "wav"})
headers = {"content-type": "application/json", "authorization": "Bearer " + os.environ["KEY"]}
while True:
    asked = urllib.request.Request(os.environ["DOORS"], body.encode(), headers)
    try:
        with urllib.request.urlopen(asked, timeout=30) as reply:
            said = str(reply.status) if len(reply.read()) > 1_000 else "empty"
    except urllib.error.HTTPError as error:
        said = json.load(error)["error"]["code"]
    except OSError as error:
        said = type(getattr(error, "reason", error)).__name__
    print(said, flush=True)
    time.sleep(0.1)
"""


@pytest.fixture(scope="module")
def doors(installed: Platform, tiny: str) -> Platform:
    database.start_database(installed.cluster)
    password = manifests.secret("accounts", "clocktrain", {"PGPASSWORD": database.PASSWORD})
    installed.plane.apply([password])
    accounts = {"url": database.URL, "existingSecret": "accounts"}
    installed.serve_bundles(tiny, by_gateway=True, replicas=2, accounts=accounts)
    return installed


def gateways(doors: Platform) -> dict[str, str]:
    """Pod → its node, of those that are Ready and not about to go."""
    found = doors.plane.pods("clocktrain", "app.kubernetes.io/component=gateway")
    return {
        pod["metadata"]["name"]: pod["spec"]["nodeName"]
        for pod in found
        if "deletionTimestamp" not in pod["metadata"]
        and any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))
    }


def chains(doors: Platform) -> int:
    """How many chains of the log there are; all of them were verified."""
    words = ("exec", "-n", "clocktrain", "deploy/clocktrain-gateway", "--", "clocktrain", "audit", "verify")
    said = doors.plane.kubectl(*words)
    found = re.search(r"(\d+) chains? fits?", said)
    assert found, said
    return int(found[1])


@contextmanager
def asking(doors: Platform, name: str) -> Iterator[collections.Counter[str]]:
    """A pod of the voice team that asks all the time; what it was answered is known afterwards."""
    key = doors.api_key("gateway", "--qps", "100")
    container = {
        "name": "asker",
        "image": image_name("gateway"),
        "imagePullPolicy": "Never",
        "command": ["python", "-c", ASKER],
        "env": [{"name": "KEY", "value": key}, {"name": "DOORS", "value": DOORS}],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    spec = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    head = {"name": name, "namespace": NAMESPACE}
    doors.plane.apply([{"apiVersion": "v1", "kind": "Pod", "metadata": head, "spec": spec}])

    def said() -> list[str]:
        return doors.plane.kubectl("logs", "-n", NAMESPACE, name, check=False).split()

    answers = collections.Counter[str]()
    try:
        doors.wait(lambda: "200" in said(), 120, "it is answered")
        yield answers
        before = len(said())
        doors.wait(lambda: len(said()) > before + 20, 120, "it asks on")
        answers.update(said())
    finally:
        doors.plane.kubectl("delete", "pod", "-n", NAMESPACE, name, "--wait=false", check=False)


def test_a_key_made_in_either_is_known_to_both_on_two_nodes(doors: Platform) -> None:
    pods = gateways(doors)
    assert len(pods) == 2 and len(set(pods.values())) == 2, pods
    key = doors.api_key("gateway")
    for name in pods:
        address = doors.way_to(f"pod/{name}")
        assert answer_to(address, "duo/anna", "Good morning.") == 401
        assert answer_to(address, "duo/anna", "Good morning.", key) == 200
    assert chains(doors) == 2, "each writes its own"


def test_a_days_characters_hold_over_both(doors: Platform) -> None:
    text = "Good morning, and thank you for calling us."
    key = doors.api_key("gateway", "--characters-a-day", str(2 * len(text)))
    one, two = (doors.way_to(f"pod/{name}") for name in gateways(doors))
    said = [answer_to(address, "duo/anna", text, key) for address in (one, two, one, two)]
    assert said == [200, 200, 429, 429]


def test_a_gateway_that_is_lost_is_replaced_while_the_other_speaks(doors: Platform) -> None:
    before = gateways(doors)
    lost, other = before
    address = doors.way_to(f"pod/{other}")
    key, known = doors.api_key("gateway"), chains(doors)
    with asking(doors, "while-lost") as answers:
        doors.plane.kubectl("delete", "pod", lost, "-n", "clocktrain", "--grace-period=0", "--force")
        assert answer_to(address, "duo/anna", "Good morning.", key) == 200
        doors.wait(lambda: len(gateways(doors)) == 2 and lost not in gateways(doors), 120, "another one is ready")
    print(f"answers while one of two was lost: {dict(answers)}")
    failed = sum(answers.values()) - answers["200"]
    assert failed <= 2, "what it spoke just then, and nothing after it"
    (new,) = set(gateways(doors)) - set(before)
    assert answer_to(doors.way_to(f"pod/{new}"), "duo/anna", "Good morning.", key) == 200, "the key is known there"
    assert chains(doors) == known + 1


def test_replacing_both_costs_nobody_an_answer(doors: Platform) -> None:
    before = gateways(doors)
    with asking(doors, "while-rolled") as answers:
        began = time.monotonic()
        doors.plane.kubectl("rollout", "restart", "deploy/clocktrain-gateway", "-n", "clocktrain")
        doors.plane.kubectl("rollout", "status", "deploy/clocktrain-gateway", "-n", "clocktrain", "--timeout=240s")
        doors.wait(lambda: not set(before) & set(pods_of_gateways(doors)), 120, "the old ones are gone")
        took_s = time.monotonic() - began
    print(f"answers while both were replaced, {took_s:.0f} s: {dict(answers)}")
    assert set(answers) == {"200"}, answers


def pods_of_gateways(doors: Platform) -> list[str]:
    found = doors.plane.pods("clocktrain", "app.kubernetes.io/component=gateway")
    return [pod["metadata"]["name"] for pod in found]
