"""The operator has no verb that it can do without: each is taken away, its log says so, and it goes on once it is back.

The operator is the real one, as the account and with the options that the chart gives it.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from chart_release import Release
from chart_tool import ROOT, S3, pod_templates, render

from harness.api import ApiError
from harness.waiting import eventually

pytestmark = [pytest.mark.ring3, pytest.mark.timeout(300)]

GROUP = "/apis/clocktrain.dev/v1alpha1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLES = (f"{RBAC}/clusterroles/clocktrain-operator", f"{RBAC}/namespaces/clocktrain/roles/clocktrain-operator")
SOON_S = 60.0
WATCHED = (
    "voiceclones", "voicetrainingruntimes", "voiceconsents", "rayjobs", "rayclusters", "pods", "configmaps",
    "serviceaccounts", "roles", "rolebindings", "networkpolicies", "poddisruptionbudgets", "jobs", "namespaces",
)  # fmt: skip
AT_START = {("leases", verb) for verb in ("get", "update", "create")}
FOR_A_NEW_CLONE = {
    ("voiceclones", "patch"),
    ("voiceclones/status", "patch"),
    ("voiceclones/finalizers", "update"),
    ("rayjobs", "create"),
    # a role of a clone grants it, and nobody may grant what they do not hold
    ("configmaps", "get"),
    *(
        (plural, verb)
        for plural in WATCHED[6:12]
        for verb in ("create", "patch")
    ),
}  # fmt: skip
FOR_A_DELETED_CLONE = {("rayjobs", "get"), ("rayjobs", "delete")}
FOR_AN_ERASED_CLONE = {("jobs", "create")}
# a story that cannot be told holds up nothing
SAYS_NOTHING = {("events", "create")}
OTHER_WORDS = {
    ("configmaps", "get"): "attempting to grant RBAC permissions not currently held",
    ("configmaps", "patch"): "attempting to grant RBAC permissions not currently held",
    ("voiceclones/finalizers", "update"): "cannot set blockOwnerDeletion if an ownerReference refers to a resource",
}
"""What the API server says where it is not the verb itself that is refused."""


class Operator:
    """The operator's process beside the API server."""

    def __init__(self, release: Release, folder: Path) -> None:
        self._release, self._folder, self._process = release, folder, None
        container = pod_templates(render(S3))["Deployment/clocktrain-operator"]["containers"][0]
        args = [word for word in container["args"] if not word.startswith("--port")]
        self._words = [sys.executable, *container["command"][1:], *args, "--port=0"]
        self.log = folder / "operator.log"

    def start(self) -> None:
        """Start it with an empty log."""
        kubeconfig = self._release.plane.service_account_kubeconfig("clocktrain", "clocktrain-operator")
        paths = os.pathsep.join([str(ROOT / "operators"), str(ROOT / "platform")])
        environment = {
            **os.environ,
            "KUBECONFIG": str(kubeconfig),
            "POD_NAMESPACE": "clocktrain",
            "PYTHONPATH": paths,
            # the store is not there: whoever asks it is told at once
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
        }
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(self._words, env=environment, stderr=log, stdout=log)

    def stop(self) -> None:
        """In order, so that the lease is free."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)

    def said(self, pattern: str, since: int = 0) -> str:
        """The first line that matches."""
        text = self.log.read_text(encoding="utf-8", errors="replace")[since:]
        return next((line for line in text.splitlines() if re.search(pattern, line)), "")

    def mark(self) -> int:
        """Where its log ends now."""
        return len(self.log.read_text(encoding="utf-8", errors="replace"))


@pytest.fixture(scope="module")
def operator(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    release.plane.apply((ROOT / "docs" / "examples" / "runtime.yaml").read_text(encoding="utf-8"))
    found = Operator(release, tmp_path_factory.mktemp("operator"))
    found.start()
    eventually(lambda: found.said("holds the lease"), timeout_s=SOON_S, what="the lease")
    yield found
    found.stop()
    assert "Traceback" not in found.log.read_text(encoding="utf-8")


def verbs(release: Release) -> set[tuple[str, str]]:
    """Every (resource, verb) that the operator has."""
    rules = [rule for path in ROLES for rule in release.get(path)["rules"]]
    return {(resource, verb) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]}


@contextlib.contextmanager
def without(release: Release, taken: set[tuple[str, str]]) -> Iterator[None]:
    """The operator's roles without some verbs, while the context lasts."""
    before = {path: release.get(path)["rules"] for path in ROLES}
    assert taken <= verbs(release)
    try:
        for path, rules in before.items():
            left = [
                {**rule, "resources": [resource], "verbs": kept}
                for rule in rules
                for resource in rule["resources"]
                if (kept := [verb for verb in rule["verbs"] if (resource, verb) not in taken])
            ]
            release.plane.api.merge(path, {"rules": left})
        yield
    finally:
        for path, rules in before.items():
            release.plane.api.merge(path, {"rules": rules})


def make_clone(release: Release, namespace: str, **spec: Any) -> str:
    """A clone that is trained at once; returns the path of its object."""
    name = f"anna-{secrets.token_hex(3)}"
    consent, *_ = yaml.safe_load_all((ROOT / "docs" / "examples" / "consent.yaml").read_text(encoding="utf-8"))
    consent["metadata"]["namespace"] = namespace
    release.plane.apply(consent)
    anna = yaml.safe_load((ROOT / "docs" / "examples" / "anna.yaml").read_text(encoding="utf-8"))
    anna["metadata"] = {"name": name}
    anna["spec"] = {**anna["spec"], **spec}
    del anna["spec"]["base"]
    release.plane.api.create(f"{GROUP}/namespaces/{namespace}/voiceclones", anna)
    return f"{GROUP}/namespaces/{namespace}/voiceclones/{name}"


def has_begun(release: Release, path: str) -> bool:
    """Its job is made, and its status says so."""
    return bool(release.get(path).get("status", {}).get("attempts"))


def is_gone(release: Release, path: str) -> bool:
    try:
        release.get(path)
    except ApiError as error:
        return error.status == 404
    return False


def refused(verb: str, resource: str) -> str:
    """How the log says it."""
    if verb == "watch":
        return rf"watching \w+: .*403 Forbidden.*/{resource}\?"
    return OTHER_WORDS.get((resource, verb), rf'cannot {verb} resource "{re.escape(resource)}"')


def test_no_verb_is_forgotten_here_and_none_is_a_star(release: Release) -> None:
    reads = {(plural, verb) for plural in WATCHED for verb in ("list", "watch")}
    known = reads | AT_START | FOR_A_NEW_CLONE | FOR_A_DELETED_CLONE | FOR_AN_ERASED_CLONE | SAYS_NOTHING
    assert verbs(release) == known
    assert "*" not in str([release.get(path)["rules"] for path in ROLES])


@pytest.mark.parametrize("verb", ["list", "watch"])
def test_a_kind_that_may_not_be_read_is_named_and_read_later(
    release: Release, operator: Operator, voices: str, verb: str
) -> None:
    operator.stop()
    with without(release, {(plural, verb) for plural in WATCHED}):
        operator.start()
        for plural in WATCHED:
            line = eventually(
                lambda p=plural: operator.said(refused(verb, p)), timeout_s=SOON_S, what=f"{verb} {plural}"
            )
            assert "WARNING" in line
    path = make_clone(release, voices)
    eventually(lambda: has_begun(release, path), timeout_s=2 * SOON_S, what="the clone begun")


@pytest.mark.parametrize(("resource", "verb"), sorted(AT_START))
def test_a_lease_that_cannot_be_had_is_asked_for_again(
    release: Release, operator: Operator, resource: str, verb: str
) -> None:
    operator.stop()
    if verb == "create":
        release.plane.kubectl("delete", "lease", "clocktrain-operator", "--namespace", "clocktrain")
    with without(release, {(resource, verb)}):
        operator.start()
        line = eventually(lambda: operator.said(refused(verb, resource)), timeout_s=SOON_S, what="a refused lease")
        assert "the lease cannot be had at present" in line
        assert not operator.said("holds the lease")
    eventually(lambda: operator.said("holds the lease"), timeout_s=SOON_S, what="the lease")


@pytest.mark.parametrize(("resource", "verb"), sorted(FOR_A_NEW_CLONE))
def test_a_clone_waits_for_a_verb_that_is_missing(
    release: Release, operator: Operator, voices: str, resource: str, verb: str
) -> None:
    with without(release, {(resource, verb)}):
        path = make_clone(release, voices)
        pattern = rf"visit to {voices}/{path.rpartition('/')[2]}: .*{refused(verb, resource)}"
        line = eventually(lambda: operator.said(pattern), timeout_s=SOON_S, what=f"{verb} {resource} refused")
        assert "WARNING" in line
    eventually(lambda: has_begun(release, path), timeout_s=SOON_S, what="the clone begun")


@pytest.mark.parametrize(("resource", "verb"), sorted(FOR_A_DELETED_CLONE))
def test_a_deletion_waits_for_a_verb_that_is_missing(
    release: Release, operator: Operator, voices: str, resource: str, verb: str
) -> None:
    path = make_clone(release, voices)
    eventually(lambda: has_begun(release, path), timeout_s=SOON_S, what="the clone begun")
    since = operator.mark()
    with without(release, {(resource, verb)}):
        release.plane.api.delete(path)
        pattern = refused(verb, resource)
        eventually(lambda: operator.said(pattern, since), timeout_s=SOON_S, what=f"{verb} {resource} refused")
        assert not is_gone(release, path)
    eventually(lambda: is_gone(release, path), timeout_s=2 * SOON_S, what="the clone gone")


def test_erasing_waits_for_the_verb_that_makes_its_job(release: Release, operator: Operator, voices: str) -> None:
    path = make_clone(release, voices, deletionPolicy="Delete")
    eventually(lambda: has_begun(release, path), timeout_s=SOON_S, what="the clone begun")
    uid = release.get(path)["metadata"]["uid"]
    with without(release, FOR_AN_ERASED_CLONE):
        release.plane.api.delete(path)
        eventually(lambda: operator.said(refused("create", "jobs")), timeout_s=SOON_S, what="the Job refused")
        assert not is_gone(release, path)
    jobs = "/apis/batch/v1/namespaces/clocktrain/jobs"
    eventually(lambda: not is_gone(release, f"{jobs}/erase-{uid}"), timeout_s=SOON_S, what="the Job that erases")


def test_a_story_that_cannot_be_told_holds_up_nothing(release: Release, operator: Operator, voices: str) -> None:
    with without(release, {("events", "create")}):
        path = make_clone(release, voices)
        eventually(lambda: has_begun(release, path), timeout_s=SOON_S, what="the clone begun")
    assert (
        release.get(f"/apis/events.k8s.io/v1/namespaces/{voices}/events?fieldSelector=reason=Accepted")["items"] == []
    )
