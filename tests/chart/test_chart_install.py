"""Install, upgrade, rollback and uninstall on a real API server; kwok plays the pods, so that no program starts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from chart_release import Release
from chart_tool import CHART, ROOT, S3, render

from harness.api import ApiError
from harness.waiting import eventually

pytestmark = [pytest.mark.ring3, pytest.mark.timeout(600)]

GROUP = "/apis/clocktrain.dev/v1alpha1"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.yaml"))


def clone(name: str, **training: Any) -> dict[str, Any]:
    speaker = {"name": "anna", "corpus": {"uri": "s3://clocktrain/voices/corpora/anna"}}
    return {
        "apiVersion": "clocktrain.dev/v1alpha1",
        "kind": "VoiceClone",
        "metadata": {"name": name},
        "spec": {"speakers": [speaker], "preset": "Demo", **({"training": training} if training else {})},
    }


def test_an_install_is_ready_and_serves_the_kinds(release: Release) -> None:
    for name in ("clocktrain-operator", "clocktrain-mlflow", "clocktrain-storage"):
        assert release.mine("deployments", name, "apis/apps/v1")["status"]["availableReplicas"] == 1
    for plural in ("voiceclones", "voicetrainingruntimes", "voiceconsents"):
        found = release.get(f"{CRDS}/{plural}.clocktrain.dev")
        conditions = {each["type"]: each["status"] for each in found["status"]["conditions"]}
        assert conditions["Established"] == "True"
    said = release.helm("status", "clocktrain", "--namespace", "clocktrain")
    assert "kubectl apply -f docs/examples/consent.yaml" in said


def test_the_api_server_takes_no_issue_with_the_policies(release: Release) -> None:
    path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
    for name in ("clocktrain-consent-deletion", "clocktrain-namespaces"):
        eventually(
            lambda name=name: _warnings(release.get(f"{path}/{name}")) is not None, timeout_s=60, what=f"{name} checked"
        )
        assert _warnings(release.get(f"{path}/{name}")) == [], name


def test_the_examples_are_taken(release: Release, voices: str) -> None:
    assert [path.name for path in EXAMPLES] == ["anna.yaml", "base-clone.yaml", "consent.yaml", "runtime.yaml"]
    for path in EXAMPLES:
        text = path.read_text(encoding="utf-8").replace("namespace: voices", f"namespace: {voices}")
        release.plane.apply(text)
    names = {each["metadata"]["name"] for each in release.get(f"{GROUP}/namespaces/{voices}/voiceclones")["items"]}
    assert names == {"anna", "base-zh-en"}


def test_what_the_examples_name_is_there() -> None:
    objects = [each for path in EXAMPLES for each in yaml.safe_load_all(path.read_text(encoding="utf-8"))]
    by_name = {(each["kind"], each["metadata"]["name"]): each for each in objects}
    classes = {each["name"] for each in by_name["VoiceTrainingRuntime", "standard"]["spec"]["acceleratorClasses"]}
    for each in objects:
        if each["kind"] != "VoiceClone":
            continue
        assert ("VoiceTrainingRuntime", each["spec"]["runtimeRef"]["name"]) in by_name
        assert each["spec"]["compute"]["acceleratorClassName"] in classes
        for speaker in each["spec"]["speakers"]:
            assert by_name["VoiceConsent", speaker["consentRef"]["name"]]["spec"]["speaker"] == speaker["name"]
    service = next(each for each in render(S3) if each["metadata"]["name"] == "clocktrain-storage")
    endpoint = by_name["VoiceTrainingRuntime", "standard"]["spec"]["storage"]["endpointURL"]
    assert endpoint == f"http://{service['metadata']['name']}.clocktrain.svc:9000"


def test_the_test_of_the_chart_passes_as_its_own_account(release: Release) -> None:
    hooks = [each for each in render(S3) if "test" in (each["metadata"].get("annotations") or {}).values()]
    for each in hooks:
        if each["kind"] != "Pod":
            each["metadata"]["annotations"] = {}
            release.plane.apply(each)
    kubeconfig = release.plane.service_account_kubeconfig("clocktrain", "clocktrain-test")
    pod = next(each for each in hooks if each["kind"] == "Pod")
    script = pod["spec"]["containers"][0]["args"][0]
    environment = {
        **os.environ,
        "KUBECONFIG": str(kubeconfig),
        "POD_NAMESPACE": "clocktrain",
        "NAMESPACE_POLICY": "true",
    }
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == [
        "ok    VoiceClone, VoiceConsent and VoiceTrainingRuntime are served",
        "ok    a clone with two bases is refused",
        "ok    a namespace without label is refused",
    ]


def test_the_test_of_the_chart_fails_where_something_is_not_as_it_says(release: Release) -> None:
    release.plane.kubectl("delete", "crd", "voicetrainingruntimes.clocktrain.dev")
    try:
        kubeconfig = release.plane.kubeconfig("admin")
        environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "POD_NAMESPACE": "clocktrain"}
        script = str(CHART / "files" / "check_install.py")
        done = subprocess.run(
            [sys.executable, script], env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 1
        assert done.stdout.startswith("wrong ")
        assert "wrong a good clone was refused: " in done.stdout, (
            "the policy is on, and the pod was told that it is off"
        )
    finally:
        release.upgrade()


def test_an_upgrade_keeps_passwords_and_changes_what_was_asked(release: Release) -> None:
    before = release.passwords()
    release.upgrade({"operator": {"replicas": 2, "logLevel": "debug"}})
    assert release.passwords() == before
    assert release.log_level() == "debug"
    assert release.mine("poddisruptionbudgets", "clocktrain-operator", "apis/policy/v1")
    release.upgrade()
    assert release.passwords() == before
    assert release.log_level() == "info"


def test_a_rollback_brings_back_what_was_and_keeps_passwords(release: Release) -> None:
    release.upgrade()
    before = release.passwords()
    release.upgrade({"operator": {"logLevel": "warning"}})
    assert release.log_level() == "warning"
    release.helm("rollback", "clocktrain", "--namespace", "clocktrain", "--wait", "--timeout", "120s")
    assert release.log_level() == "info"
    assert release.passwords() == before


def test_a_tighter_kind_keeps_what_is_stored(release: Release, voices: str, tmp_path: Path) -> None:
    loose = tmp_path / "clocktrain"
    shutil.copytree(CHART, loose)
    kind = loose / "templates" / "crds" / "voiceclone.yaml"
    text = kind.read_text(encoding="utf-8")
    assert text.count("maximum: 100000\n") > 1
    kind.write_text(text.replace("maximum: 100000\n", "maximum: 900000\n"), encoding="utf-8")
    release.upgrade(chart=loose)
    path = f"{GROUP}/namespaces/{voices}/voiceclones"
    eventually(lambda: _takes(release, path, clone("wide", epochs=500_000)), timeout_s=30, what="a looser kind")
    release.upgrade()
    eventually(lambda: not _takes(release, path, clone("later", epochs=500_000)), timeout_s=30, what="a tighter kind")
    release.plane.api.merge(f"{path}/wide", {"metadata": {"labels": {"still": "editable"}}})
    release.plane.api.merge(f"{path}/wide", {"spec": {"suspend": True}})
    with pytest.raises(ApiError, match="should be less than or equal to 100000"):
        release.plane.api.merge(f"{path}/wide", {"spec": {"training": {"epochs": 400_000}}})
    release.plane.api.delete(f"{path}/wide")


def test_uninstalling_keeps_kinds_objects_and_passwords_and_an_install_takes_them_over(
    release: Release, voices: str
) -> None:
    release.upgrade()
    path = f"{GROUP}/namespaces/{voices}/voiceclones"
    uid = release.plane.api.create(path, clone("kept"))["metadata"]["uid"]
    before = release.passwords()
    release.helm("uninstall", "clocktrain", "--namespace", "clocktrain", "--wait", "--timeout", "120s")
    try:
        assert release.get(f"{path}/kept")["metadata"]["uid"] == uid
        assert release.passwords() == before
        with pytest.raises(ApiError, match="404"):
            release.mine("deployments", "clocktrain-operator", "apis/apps/v1")
        with pytest.raises(ApiError, match="404"):
            release.get("/apis/rbac.authorization.k8s.io/v1/clusterroles/clocktrain-operator")
        assert release.mine("persistentvolumeclaims", "clocktrain-mlflow")["status"]["phase"] == "Bound"
    finally:
        release.upgrade()
    assert release.get(f"{path}/kept")["metadata"]["uid"] == uid
    assert release.passwords() == before


def _warnings(policy: dict[str, Any]) -> list[dict[str, Any]] | None:
    """None until the API server has looked."""
    checked = policy.get("status", {}).get("typeChecking")
    return None if checked is None else checked.get("expressionWarnings", [])


def _takes(release: Release, path: str, manifest: dict[str, Any]) -> bool:
    try:
        release.plane.api.create(f"{path}", manifest)
    except ApiError as error:
        return error.status == 409
    return True
