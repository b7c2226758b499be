"""A job's mailbox on a real API server, with the token of the clone's own account."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from clock_train.errors import MailboxUnreachable
from clock_train.orchestration.cluster_mailbox import ConfigMapMailbox
from harness.control_plane import ControlPlane

pytestmark = [pytest.mark.ring3]


@pytest.fixture
def account(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Path:
    """What Kubernetes mounts: a token and a certificate, of an account that may touch one ConfigMap."""
    meta = {"name": "anna-training", "namespace": namespace}
    rule = {
        "apiGroups": [""],
        "resources": ["configmaps"],
        "resourceNames": ["anna-progress"],
        "verbs": ["get", "patch"],
    }
    group = "rbac.authorization.k8s.io"
    subject = {"kind": "ServiceAccount", "name": "anna-training", "namespace": namespace}
    control_plane.apply(
        [
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
            {
                "apiVersion": f"{group}/v1",
                "kind": "Role",
                "metadata": meta,
                "rules": [{**rule, "resourceNames": ["anna-progress"]}],
            },
            {
                "apiVersion": f"{group}/v1",
                "kind": "RoleBinding",
                "metadata": meta,
                "roleRef": {"apiGroup": group, "kind": "Role", "name": "anna-training"},
                "subjects": [subject],
            },
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "anna-progress", "namespace": namespace},
                "data": {"control": "run"},
            },
        ]
    )
    (tmp_path / "token").write_text(control_plane.token(namespace, "anna-training"))
    (tmp_path / "ca.crt").write_bytes(control_plane.authority.certificate_path.read_bytes())
    return tmp_path


@pytest.fixture
def mailbox(control_plane: ControlPlane, namespace: str, account: Path) -> ConfigMapMailbox:
    return ConfigMapMailbox(namespace, "anna-progress", account=account, server=control_plane.api.server)


def data(plane: ControlPlane, namespace: str) -> dict[str, str]:
    text = plane.kubectl("get", "configmap", "anna-progress", "-n", namespace, "-o", "jsonpath={.data}")
    return json.loads(text)


def test_progress_goes_out_and_orders_come_in(
    control_plane: ControlPlane, namespace: str, mailbox: ConfigMapMailbox
) -> None:
    mailbox.post({"attempt": 1, "step": 40, "note": "好"})
    assert json.loads(data(control_plane, namespace)["progress"])["note"] == "好"
    assert data(control_plane, namespace)["control"] == "run" == mailbox.control()
    patch = json.dumps({"data": {"control": "save-and-stop"}})
    control_plane.kubectl("patch", "configmap", "anna-progress", "-n", namespace, "--type=merge", "-p", patch)
    mailbox.post({"attempt": 1, "step": 41})
    assert mailbox.control() == "save-and-stop", "what the operator wrote is the operator's"


def test_another_object_is_refused(control_plane: ControlPlane, namespace: str, account: Path) -> None:
    other = ConfigMapMailbox(namespace, "bert-progress", account=account, server=control_plane.api.server)
    with pytest.raises(MailboxUnreachable, match="answers 403 for the mailbox"):
        other.post({})


def test_a_token_that_was_replaced_is_read_anew(mailbox: ConfigMapMailbox, account: Path) -> None:
    good = (account / "token").read_text()
    (account / "token").write_text("old")
    with pytest.raises(MailboxUnreachable, match="answers 401"):
        mailbox.control()
    (account / "token").write_text(good)
    assert mailbox.control() == "run"


def test_a_frozen_api_server_is_waited_for_within_bounds(
    control_plane: ControlPlane, mailbox: ConfigMapMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clock_train.orchestration.cluster_mailbox.TIMEOUT_S", 1.0)
    control_plane.pause("apiserver")
    resumed = threading.Timer(3.0, lambda: control_plane.resume("apiserver"))
    resumed.start()
    began = time.monotonic()
    with pytest.raises(MailboxUnreachable, match="does not answer"):
        mailbox.control()
    assert time.monotonic() - began < 3.0
    resumed.join()


def test_outside_a_pod_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(MailboxUnreachable, match="there is no Kubernetes API here"):
        ConfigMapMailbox("voices", "anna-progress")
    with pytest.raises(MailboxUnreachable, match="mount the account's token"):
        ConfigMapMailbox("voices", "anna-progress", account=tmp_path, server="https://127.0.0.1:1")
