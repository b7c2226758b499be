"""What the chart renders: names that fit, pods that pass the restricted level, switches that switch."""

from __future__ import annotations

import re

import pytest
from chart_tool import CHART, EVERYTHING, S3, Object, notes, one, pod_templates, render

LONG = "a-release-name-of-fifty-three-characters-as-helm-take"


def labels_of(objects: list[Object]) -> list[str]:
    metadata = [each["metadata"] for each in objects]
    metadata += [each["spec"]["template"]["metadata"] for each in objects if each["kind"] in ("Deployment", "Job")]
    return [value for each in metadata for value in (each.get("labels") or {}).values()]


@pytest.mark.parametrize(
    ("release", "override"), [("clocktrain", ""), (LONG, ""), ("short", "x" * 80), (LONG, "-".join(["name"] * 16))]
)
def test_every_name_and_label_fits_in_63_characters(release: str, override: str) -> None:
    objects = render({**EVERYTHING, "fullnameOverride": override}, release=release)
    ours = [each for each in objects if each["kind"] != "CustomResourceDefinition"]
    names = [each["metadata"]["name"] for each in ours]
    assert [name for name in names if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name)] == []
    assert [value for value in labels_of(objects) if not re.fullmatch(r"[A-Za-z0-9]([-\w.]{0,61}\w)?", value)] == []
    keys = [(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in objects]
    assert len(keys) == len(set(keys)), "two objects of one name"


def test_every_pod_passes_the_restricted_level() -> None:
    pods = pod_templates(render(EVERYTHING))
    assert len(pods) == 5
    for name, spec in pods.items():
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] > 0, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not any(spec.get(host) for host in ("hostNetwork", "hostPID", "hostIPC")), name
        assert {kind for volume in spec.get("volumes", []) for kind in volume if kind != "name"} <= {
            "emptyDir", "configMap", "persistentVolumeClaim",
        }, name  # fmt: skip
        for container in [*spec.get("initContainers", []), *spec["containers"]]:
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False, name
            assert security["readOnlyRootFilesystem"] is True, name
            assert security["capabilities"] == {"drop": ["ALL"]}, name
            assert "memory" in container["resources"]["limits"], name


def test_only_the_operator_and_the_test_hold_a_token() -> None:
    for name, spec in pod_templates(render(EVERYTHING)).items():
        has_token = spec.get("automountServiceAccountToken", True)
        assert has_token == (name.endswith("-operator") or name.endswith("-test")), name


def test_a_disruption_budget_comes_with_the_second_replica_only() -> None:
    assert "PodDisruptionBudget" not in {each["kind"] for each in render()}
    budget = one(render({"operator": {"replicas": 2}}), "PodDisruptionBudget")
    assert budget["spec"]["maxUnavailable"] == 1


def test_the_operator_is_told_where_things_are() -> None:
    container = pod_templates(render(S3))["Deployment/clocktrain-operator"]["containers"][0]
    assert "--kuberay-namespace=kuberay" in container["args"]
    assert "--cleanup-secret=clocktrain-storage" in container["args"]
    assert container["envFrom"] == [{"secretRef": {"name": "clocktrain-storage"}}]


def test_the_operators_options_are_those_that_it_takes() -> None:
    source = (CHART.parents[1] / "operators" / "voiceclone_operator" / "__main__.py").read_text(encoding="utf-8")
    known = set(re.findall(r'add_argument\("(--[a-z-]+)"', source))
    args = pod_templates(render(EVERYTHING))["Deployment/clocktrain-operator"]["containers"][0]["args"]
    assert {word.partition("=")[0] for word in args} <= known


def test_without_a_store_the_operator_has_no_credential_and_the_notes_say_so() -> None:
    container = pod_templates(render())["Deployment/clocktrain-operator"]["containers"][0]
    assert "envFrom" not in container
    assert "erases nothing" in notes()


def test_mlflow_is_signed_in_to_held_to_its_names_and_silent() -> None:
    container = pod_templates(render())["Deployment/clocktrain-mlflow"]["containers"][0]
    hosts = next(word for word in container["args"] if word.startswith("--allowed-hosts=")).partition("=")[2].split(",")
    assert "*" not in "".join(hosts)
    assert {"clocktrain-mlflow.clocktrain.svc", "clocktrain-mlflow.clocktrain.svc:5000"} <= set(hosts)
    assert "--app-name=basic-auth" in container["args"]
    environment = {each["name"]: each for each in container["env"]}
    assert environment["MLFLOW_DISABLE_TELEMETRY"]["value"] == "true"
    assert "valueFrom" in environment["MLFLOW_AUTH_ADMIN_PASSWORD"]
    assert "NO_PERMISSIONS" in one(render(), "ConfigMap", "mlflow")["data"]["auth.ini"]


def test_an_external_database_takes_the_place_of_sqlite() -> None:
    values = {"mlflow": {"backendStore": {"secretName": "database"}}}
    container = pod_templates(render(values))["Deployment/clocktrain-mlflow"]["containers"][0]
    store = next(each for each in container["env"] if each["name"] == "MLFLOW_BACKEND_STORE_URI")
    assert store["valueFrom"]["secretKeyRef"] == {"name": "database", "key": "uri"}


def test_no_password_is_written_down_and_none_is_given_twice() -> None:
    secrets = [each for _ in range(2) for each in render(S3) if each["kind"] == "Secret"]
    passwords = [value for each in secrets for key, value in each["data"].items() if key != "MLFLOW_TRACKING_USERNAME"]
    assert len(passwords) == 8
    assert len(set(passwords)) == 8
    assert all(len(value) >= 28 for value in passwords)


def test_an_existing_secret_is_used_and_none_is_made() -> None:
    values = {"mlflow": {"auth": {"existingSecret": "mine"}}}
    objects = render(values)
    assert "Secret" not in {each["kind"] for each in objects}
    container = pod_templates(objects)["Deployment/clocktrain-mlflow"]["containers"][0]
    named = {each["valueFrom"]["secretKeyRef"]["name"] for each in container["env"] if "valueFrom" in each}
    assert named == {"mine"}


def test_a_registry_goes_before_every_image_of_ours() -> None:
    values = {"global": {"imageRegistry": "registry.example/", "imagePullSecrets": [{"name": "pull"}]}}
    for name, spec in pod_templates(render(values)).items():
        assert spec["containers"][0]["image"].startswith("registry.example/clocktrain-"), name
        assert spec["imagePullSecrets"] == [{"name": "pull"}], name
    digest = f"sha256:{'a' * 64}"
    pinned = pod_templates(render({"operator": {"image": {"digest": digest}}}))["Deployment/clocktrain-operator"]
    assert pinned["containers"][0]["image"] == f"clocktrain-operator@{digest}"


def test_kinds_can_be_left_out_or_let_go() -> None:
    assert "CustomResourceDefinition" not in {each["kind"] for each in render({"crds": {"enabled": False}})}
    loose = [each for each in render({"crds": {"keep": False}}) if each["kind"] == "CustomResourceDefinition"]
    assert len(loose) == 3
    assert all("annotations" not in each["metadata"] for each in loose)
    assert "WARNING: uninstalling this release deletes the kinds" in notes({"crds": {"keep": False}})


def test_every_admission_policy_is_bound() -> None:
    objects = render()
    policies = {each["metadata"]["name"] for each in objects if each["kind"] == "ValidatingAdmissionPolicy"}
    bound = {each["spec"]["policyName"] for each in objects if each["kind"] == "ValidatingAdmissionPolicyBinding"}
    assert policies == bound
    assert len(policies) == 2, "a binding to a policy that is not there silently does nothing"


def test_only_clones_and_this_namespace_reach_our_servers() -> None:
    for ending, port in (("mlflow", 5000), ("storage", 9000)):
        (rule,) = one(render(S3), "NetworkPolicy", ending)["spec"]["ingress"]
        assert rule["ports"] == [{"port": port, "protocol": "TCP"}]
        assert rule["from"] == [
            {"podSelector": {}},
            {"namespaceSelector": {"matchLabels": {"clocktrain.dev/voices": "true"}}},
        ]


def test_what_comes_later_renders_nothing_and_says_so() -> None:
    later = {"gateway": {"enabled": True}, "triton": {"enabled": True}}
    kinds = [(each["kind"], each["metadata"]["name"]) for each in render()]
    assert [(each["kind"], each["metadata"]["name"]) for each in render(later)] == kinds
    said = notes(later)
    assert "gateway.enabled renders nothing in this release" in said
    assert "triton.enabled renders nothing in this release" in said


def test_the_notes_say_that_minio_is_archived_and_name_another() -> None:
    said = notes(S3)
    assert "MinIO's community server is archived" in said
    assert "SeaweedFS" in said
