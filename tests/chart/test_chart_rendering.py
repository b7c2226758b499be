"""What the chart renders: names that fit, pods that pass the restricted level, switches that switch."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from chart_tool import CHART, DATABASE, EVERYTHING, S3, Object, notes, one, pod_templates, render, several

from clock_train.cli.main import load_verb
from clock_train.crd.names import SERVING_EVERYWHERE, SERVING_KEY, SERVING_TABLE

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
    assert len(pods) == 7
    for name, spec in pods.items():
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] > 0, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not any(spec.get(host) for host in ("hostNetwork", "hostPID", "hostIPC")), name
        assert {kind for volume in spec.get("volumes", []) for kind in volume if kind != "name"} <= {
            "emptyDir", "configMap", "persistentVolumeClaim", "secret",
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


def test_mlflow_runs_no_jobs_of_its_own() -> None:
    container = pod_templates(render())["Deployment/clocktrain-mlflow"]["containers"][0]
    assert {"name": "MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "value": "false"} in container["env"]


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


SERVED = {"enabled": True, "voices": ["s3://clocktrain/voices/bundles/d1", "s3://clocktrain/voices/bundles/d2"]}
GATEWAY = "clocktrain-gateway"
PLAIN = {"tls": {"plaintext": True}}
FOLLOWED = "--serving=/etc/clocktrain-serving/serving.json"
DOOR_ARGS = ["--accounts=$(CLOCKTRAIN_ACCOUNTS)", "--plaintext", "--metrics-port=9464", "--drain=5"]


def environment_of(container: Object) -> dict[str, Any]:
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container["env"]}


def mounts_of(container: Object) -> dict[str, str]:
    return {each["name"]: each["mountPath"] for each in container["volumeMounts"]}


def volume(spec: Object, name: str) -> Object:
    (found,) = [each for each in spec["volumes"] if each["name"] == name]
    return {kind: value for kind, value in found.items() if kind != "name"}


def test_triton_gets_its_bundles_the_credential_to_read_them_and_the_keys_they_are_signed_with() -> None:
    objects = render({**S3, "triton": {**SERVED, "keysSecretName": "keys", "resident": 3}, "gateway": PLAIN})
    spec = pod_templates(objects)["Deployment/clocktrain-triton"]
    container = spec["containers"][0]
    voices = [f"--voices={uri}" for uri in SERVED["voices"]]
    assert container["args"] == ["--host=0.0.0.0", "--resident=3", FOLLOWED, *voices, *DOOR_ARGS]
    assert container["envFrom"] == [{"secretRef": {"name": "clocktrain-storage"}}]
    environment, mounts = environment_of(container), mounts_of(container)
    assert environment["AWS_ENDPOINT_URL_S3"] == "http://clocktrain-storage.clocktrain.svc:9000"
    assert mounts["keys"] == environment["CLOCKTRAIN_KEYS"]
    assert environment["CLOCKTRAIN_ISSUING"].startswith(mounts["issuing"])
    assert environment["CLOCKTRAIN_ACCOUNTS"] == f"{mounts['issuing']}/accounts.sqlite", "on the volume"
    assert volume(spec, "keys") == {"secret": {"secretName": "keys", "defaultMode": 0o440}}
    (rule, measured) = one(objects, "NetworkPolicy", "triton")["spec"]["ingress"]
    assert [each["port"] for each in rule["ports"]] == [8880, 8881]
    assert measured == {"from": [{"namespaceSelector": {}}], "ports": [{"port": 9464, "protocol": "TCP"}]}


def test_triton_without_shared_keys_warns_that_it_refuses_what_clones_signed() -> None:
    values = {**S3, "triton": SERVED, "gateway": PLAIN}
    container = pod_templates(render(values))["Deployment/clocktrain-triton"]["containers"][0]
    assert "CLOCKTRAIN_KEYS" not in environment_of(container)
    assert "refuses bundles that clones signed" in notes(values)
    assert "refuses bundles" not in notes({**values, "triton": {**SERVED, "keysSecretName": "keys"}})


def test_a_gateway_has_the_doors_and_triton_answers_it_alone() -> None:
    values = {**S3, "triton": {**SERVED, "keysSecretName": "keys"}, "gateway": {"enabled": True, **PLAIN}}
    objects = render(values)
    pods = pod_templates(objects)
    triton, gateway = (pods[f"Deployment/clocktrain-{name}"]["containers"][0] for name in ("triton", "gateway"))
    voices = [f"--voices={uri}" for uri in SERVED["voices"]]
    assert triton["command"] == ["clocktrain", "triton"]
    assert triton["args"] == ["--host=0.0.0.0", "--port=8001", FOLLOWED, *voices]
    assert "CLOCKTRAIN_ACCOUNTS" not in environment_of(triton), "who reaches it has no key to show"
    assert gateway["args"] == ["--host=0.0.0.0", "--triton=clocktrain-triton:8001", FOLLOWED, *voices, *DOOR_ARGS]
    for container in (triton, gateway):
        assert mounts_of(container)["keys"] == environment_of(container)["CLOCKTRAIN_KEYS"]
    (rule,) = one(objects, "NetworkPolicy", "triton")["spec"]["ingress"]
    (peer,) = rule["from"]
    assert peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "gateway"
    assert rule["ports"] == [{"port": 8001, "protocol": "TCP"}]
    rule, measured = one(objects, "NetworkPolicy", "gateway")["spec"]["ingress"]
    assert [each["port"] for each in rule["ports"]] == [8880, 8881]
    assert [each["port"] for each in measured["ports"]] == [9464]
    assert [each["port"] for each in one(objects, "Service", "triton")["spec"]["ports"]] == [8001]
    said = notes(values)
    assert "Voices speak at clocktrain-gateway.clocktrain.svc" in said
    assert "deploy/clocktrain-gateway -- clocktrain apikeys create --tenant acme" in said
    assert "must speak TLS before them" in said


@pytest.mark.parametrize("has_gateway", [False, True])
def test_servers_follow_the_table_that_the_operator_writes_and_start_before_it_is_there(has_gateway: bool) -> None:
    values = {**S3, "triton": {"enabled": True, "keysSecretName": "keys"}, "gateway": {"enabled": has_gateway, **PLAIN}}
    pods = pod_templates(render(values))
    for component in ("triton", "gateway")[: 1 + has_gateway]:
        spec = pods[f"Deployment/clocktrain-{component}"]
        container = spec["containers"][0]
        assert volume(spec, "serving") == {"configMap": {"name": SERVING_EVERYWHERE, "optional": True}}
        assert f"--serving={mounts_of(container)['serving']}/{SERVING_KEY}" in container["args"]
        assert not [word for word in container["args"] if word.startswith("--voices")]
        assert "/readyz" not in str(container["startupProbe"]), "without a voice it has started, and is not ready"


@pytest.mark.parametrize("has_gateway", [False, True])
def test_doors_have_a_certificate_a_database_and_open_lists_where_they_are(has_gateway: bool) -> None:
    url = "postgresql://ct@db.example:5432/ct?sslrootcert=/etc/clocktrain-accounts/ca.crt"
    gateway = {
        "enabled": has_gateway,
        "openLists": True,
        "tls": {"secretName": "door-tls"},
        "accounts": {"url": url, "existingSecret": "database"},
    }
    values = {**S3, "triton": {"enabled": True, "keysSecretName": "keys"}, "gateway": gateway}
    objects = render(values)
    component = "gateway" if has_gateway else "triton"
    spec = pod_templates(objects)[f"Deployment/clocktrain-{component}"]
    container = spec["containers"][0]
    assert {"--open-lists", "--tls=/etc/clocktrain-tls"} <= set(container["args"])
    assert "--plaintext" not in container["args"]
    environment, mounts = environment_of(container), mounts_of(container)
    assert environment["CLOCKTRAIN_ACCOUNTS"] == url
    assert environment["PGPASSWORD"] == {"secretKeyRef": {"name": "database", "key": "PGPASSWORD"}}
    assert mounts["accounts"] == "/etc/clocktrain-accounts" and mounts["tls"] == "/etc/clocktrain-tls"
    assert volume(spec, "tls")["secret"]["secretName"] == "door-tls"
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["scheme"] == "HTTPS", "a kubelet asks gRPC without TLS only"
    protocols = {port["name"]: port.get("appProtocol") for port in one(objects, "Service", component)["spec"]["ports"]}
    assert protocols["grpc"] == "https"
    said = notes(values)
    assert "curl https://127.0.0.1:8880" in said and "SQLite beside the signed log" not in said


@pytest.mark.parametrize("component", ["triton", "gateway"])
def test_the_doors_options_are_those_that_the_command_takes(component: str) -> None:
    gateway = {"enabled": component == "gateway", "openLists": True}
    for tls in ({"secretName": "door-tls"}, {"plaintext": True}):
        values = {**S3, "triton": {"enabled": True, "keysSecretName": "keys"}, "gateway": {**gateway, "tls": tls}}
        container = pod_templates(render(values))[f"Deployment/clocktrain-{component}"]["containers"][0]
        verb = "serve" if component == "triton" else "gateway"
        load_verb(verb).make_context(verb, list(container["args"]))


def test_who_makes_voices_or_keeps_consents_reads_what_is_served_and_no_other_configmap() -> None:
    roles = {each["metadata"]["name"]: each["rules"] for each in render() if each["kind"] == "ClusterRole"}
    read = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [SERVING_TABLE], "verbs": ["get"]}
    for person in ("viewer", "voice-maker", "compliance-officer"):
        assert [rule for rule in roles[f"clocktrain-{person}"] if "" in rule["apiGroups"]] == [read]


def test_figures_of_the_doors_are_scraped_where_they_are() -> None:
    monitoring = {"serviceMonitor": {"enabled": True}}
    for has_gateway, component in ((False, "triton"), (True, "gateway")):
        values = {**S3, "triton": {"enabled": True, "keysSecretName": "keys"}, "monitoring": monitoring}
        objects = render({**values, "gateway": {"enabled": has_gateway, **PLAIN}})
        monitor = one(objects, "ServiceMonitor", component)["spec"]
        assert monitor["selector"]["matchLabels"]["app.kubernetes.io/component"] == component
        (named,) = {endpoint["port"] for endpoint in monitor["endpoints"]}
        ports = {port["name"]: port["port"] for port in one(objects, "Service", component)["spec"]["ports"]}
        assert ports[named] == 9464


def test_one_gateway_has_neither_an_autoscaler_nor_a_budget_that_would_keep_its_node() -> None:
    objects = render(several(accounts=DATABASE))
    assert not {each["kind"] for each in objects} & {"HorizontalPodAutoscaler", "PodDisruptionBudget"}
    gateway = one(objects, "Deployment", "gateway")["spec"]
    assert gateway["replicas"] == 1 and gateway["strategy"] == {"type": "Recreate"}
    assert volume(gateway["template"]["spec"], "issuing") == {"persistentVolumeClaim": {"claimName": GATEWAY}}
    assert one(objects, "PersistentVolumeClaim", "gateway")


def test_several_gateways_have_no_volume_are_replaced_one_by_one_and_spread_over_nodes() -> None:
    objects = render(several(accounts=DATABASE, replicas=3))
    gateway = one(objects, "Deployment", "gateway")["spec"]
    assert gateway["replicas"] == 3
    assert gateway["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    assert volume(gateway["template"]["spec"], "issuing") == {"emptyDir": {}}
    claims = {each["metadata"]["name"] for each in objects if each["kind"] == "PersistentVolumeClaim"}
    assert GATEWAY not in claims and "clocktrain-triton" in claims
    (spread,) = gateway["template"]["spec"]["topologySpreadConstraints"]
    assert (spread["topologyKey"], spread["whenUnsatisfiable"]) == ("kubernetes.io/hostname", "ScheduleAnyway")
    assert spread["labelSelector"] == gateway["selector"]
    budget = one(objects, "PodDisruptionBudget", "gateway")["spec"]
    assert budget == {"maxUnavailable": 1, "selector": gateway["selector"]}
    assert one(objects, "Deployment", "triton")["spec"]["replicas"] == 1
    own = [{"topologyKey": "topology.kubernetes.io/zone", "maxSkew": 2, "whenUnsatisfiable": "DoNotSchedule"}]
    zoned = render(several(accounts=DATABASE, replicas=3, topologySpreadConstraints=own))
    assert one(zoned, "Deployment", "gateway")["spec"]["template"]["spec"]["topologySpreadConstraints"] == own


def test_an_autoscaler_counts_the_gateways_and_an_upgrade_does_not() -> None:
    scaling = {"enabled": True, "minReplicas": 3, "maxReplicas": 9, "targetCPUUtilizationPercentage": 55}
    objects = render(several(accounts=DATABASE, autoscaling=scaling))
    autoscaler = one(objects, "HorizontalPodAutoscaler", "gateway")
    gateway = one(objects, "Deployment", "gateway")
    assert autoscaler["apiVersion"] == "autoscaling/v2"
    assert autoscaler["spec"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": GATEWAY}
    assert (autoscaler["spec"]["minReplicas"], autoscaler["spec"]["maxReplicas"]) == (3, 9)
    (metric,) = autoscaler["spec"]["metrics"]
    assert metric["resource"] == {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 55}}
    assert gateway["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"]
    assert "replicas" not in gateway["spec"], "an upgrade would set back what the load decided"
    assert one(objects, "PodDisruptionBudget", "gateway")


def test_tritons_node_is_kept_from_being_drained_where_somebody_wants_that() -> None:
    values = several()
    assert not [each for each in render(values) if each["kind"] == "PodDisruptionBudget"]
    kept = render({**values, "triton": {**values["triton"], "disruptionBudget": {"enabled": True}}})
    budget = one(kept, "PodDisruptionBudget", "triton")["spec"]
    assert budget == {"maxUnavailable": 0, "selector": one(kept, "Deployment", "triton")["spec"]["selector"]}


@pytest.mark.parametrize("component", ["triton", "gateway"])
def test_doors_have_lexicons_by_tenant_a_collector_and_listening_tests(component: str) -> None:
    values = several(
        enabled=component == "gateway",
        lexicons={"studio": "lexicons-of-studio", "Acme_1": "words"},
        traces="http://collector.example:4318",
        textPolicy="what-may-be-said",
        listening={"enabled": True, "trackingSecretName": "tracking"},
    )
    objects = render(values)
    spec = pod_templates(objects)[f"Deployment/clocktrain-{component}"]
    container = spec["containers"][0]
    mounts, environment = mounts_of(container), environment_of(container)
    options = dict(word.removeprefix("--").split("=", 1) for word in container["args"] if "=" in word)
    assert options["traces"] == "http://collector.example:4318"
    assert options["text-policy"] == f"{mounts['text-policy']}/policy.yaml"
    assert volume(spec, "text-policy")["configMap"] == {"name": "what-may-be-said"}  # no pod starts without it
    paths = {Path(path).name: name for name, path in mounts.items() if path.startswith(f"{options['lexicons']}/")}
    found = {tenant: volume(spec, name)["configMap"] for tenant, name in paths.items()}
    assert found == {
        "studio": {"name": "lexicons-of-studio", "optional": True},
        "Acme_1": {"name": "words", "optional": True},
    }
    assert mounts["listening"] == options["listening"]
    assert volume(spec, "listening") == {"persistentVolumeClaim": {"claimName": "clocktrain-listening"}}
    assert one(objects, "PersistentVolumeClaim", "listening")
    assert environment["MLFLOW_TRACKING_URI"] == "http://clocktrain-mlflow.clocktrain.svc:5000"
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        assert environment[name] == {"secretKeyRef": {"name": "tracking", "key": name}}
    verb = "serve" if component == "triton" else "gateway"
    load_verb(verb).make_context(verb, list(container["args"]))


def test_triton_before_which_a_gateway_stands_traces_too() -> None:
    (triton,) = pod_templates(render(several(traces="http://c:4318")))["Deployment/clocktrain-triton"]["containers"]
    assert "--traces=http://c:4318" in triton["args"]
    load_verb("triton").make_context("triton", list(triton["args"]))


@pytest.mark.parametrize("is_enabled", [True, False])
def test_each_server_ships_its_log_under_a_name_of_its_own(is_enabled: bool) -> None:
    pods = pod_templates(render(several(enabled=is_enabled, shipLog="s3://clocktrain-log")))
    found = {}
    for component, verb in (("gateway", "gateway"), ("triton", "triton" if is_enabled else "serve")):
        if (pod := pods.get(f"Deployment/clocktrain-{component}")) is not None:
            words = list(pod["containers"][0]["args"])
            load_verb(verb).make_context(verb, list(words))
            assert "--ship-log=s3://clocktrain-log" in words
            found[component] = next(word for word in words if word.startswith("--ship-log-as="))
    assert len(set(found.values())) == len(found) == (2 if is_enabled else 1)


def test_doors_have_none_of_it_by_default() -> None:
    (gateway,) = pod_templates(render(several()))["Deployment/clocktrain-gateway"]["containers"]
    assert not [
        word
        for word in gateway["args"]
        if word.startswith(("--lexicons", "--traces", "--text", "--listening", "--ship"))
    ]
    assert not [name for name in environment_of(gateway) if name.startswith("MLFLOW")]


def test_the_notes_say_that_minio_is_archived_and_name_another() -> None:
    said = notes(S3)
    assert "MinIO's community server is archived" in said
    assert "SeaweedFS" in said
