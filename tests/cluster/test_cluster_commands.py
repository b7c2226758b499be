"""``clocktrain`` against a real API server with the operator running; stock kubectl is the witness."""

from __future__ import annotations

import json
import os
import secrets
import signal
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "storage"))
from minio_server import MinioServer  # pyright: ignore[reportMissingImports]

from clock_train.cluster.permissions import PERMISSIONS, Permission
from clock_train.crd.names import SERVING_EVERYWHERE, SERVING_KEY, SERVING_TABLE
from clock_train.serving.serving_table import described, table_of
from command_line import CommandLine
from harness.control_plane import ControlPlane
from operator_process import OPERATOR_NAMESPACE, RUNTIME, Clones, Operator, clone, consent, operators

pytestmark = [pytest.mark.ring3, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def operator(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    with operators(plane, tmp_path_factory.mktemp("operator")) as made:
        first = made.start()
        plane.wait(lambda: first.is_ready() and first.leads(), 60, "the operator is ready")
        yield first


@pytest.fixture
def clones(plane: ControlPlane, operator: Operator, namespace: str) -> Clones:
    return Clones(plane, namespace)


@pytest.fixture
def clocktrain(plane: ControlPlane, namespace: str) -> CommandLine:
    return CommandLine(plane.kubeconfig("admin", namespace=namespace))


def written(path: Path, *manifests: dict[str, Any]) -> str:
    path.write_text(yaml.safe_dump_all(manifests), encoding="utf-8")
    return str(path)


def test_what_a_plan_says_is_what_apply_makes(clocktrain: CommandLine, clones: Clones, tmp_path: Path) -> None:
    asked = {"compute": {"acceleratorClassName": "nvidia-t4", "workers": 2}, "budget": {"maxCost": "50"}}
    file = written(tmp_path / "anna.yaml", clone(clones.namespace, **asked))
    planned = clocktrain("plan", "-f", file, "--cluster", "--json").json()
    assert clones.get() == {}, "a plan keeps nothing"
    found = planned["cluster"]
    assert found["changes"] == [
        {"kind": "VoiceClone", "name": "anna", "namespace": clones.namespace, "action": "created"}
    ]
    assert (found["pricePerHour"], found["currency"], found["acceleratorClass"]) == (4.0, "EUR", "nvidia-t4")
    said = clocktrain("apply", "-f", file).out
    assert "voiceclones/anna created" in said
    clones.wait(clones.jobs, 60, "a job")
    uid = clones.get()["metadata"]["uid"].replace("-", "")[:8]
    kinds = "serviceaccounts,roles,rolebindings,networkpolicies,poddisruptionbudgets,configmaps,rayjobs"
    label = f"clocktrain.dev/clone-uid={clones.get()['metadata']['uid']}"

    def made() -> set[str]:
        text = clones.plane.kubectl("get", kinds, "-n", clones.namespace, "-l", label, "-o", "json")
        return {f"{each['kind']} {each['metadata']['name']}" for each in json.loads(text)["items"]}

    expected = {line.replace("<uid>", uid).partition(" (")[0] for line in found["makes"]}
    clones.wait(lambda: made() == expected, 30, f"{expected}; seen {made()}")
    assert "voiceclones/anna unchanged" in clocktrain("apply", "-f", file).out
    again = clocktrain("plan", "-f", file, "--cluster").out
    assert "voiceclones/anna would be unchanged" in again and "attempt 1 of this version is under way" in again
    assert "4.00 EUR an hour" in again and "tracking is not configured" in again


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"training": {"epochs": 0}}, "spec.training.epochs"),
        ({"compute": {"acceleratorClassName": "cpu", "minWorkers": 3}}, "must have `minWorkers` that is not above"),
        ({"trainig": {"epochs": 5}}, "there is no field spec.trainig"),
    ],
)
def test_the_api_servers_words_on_a_field_are_shown_and_nothing_is_kept(
    clocktrain: CommandLine, clones: Clones, tmp_path: Path, spec: dict[str, Any], words: str
) -> None:
    file = written(tmp_path / "two.yaml", clone(clones.namespace, "good"), clone(clones.namespace, "bad", **spec))
    for command in (["plan", "-f", file, "--cluster"], ["apply", "-f", file]):
        said = clocktrain(*command, check=False)
        assert said.code == 2 and said.err.startswith("ClusterObjectInvalid: VoiceClone bad"), said
        assert words in said.err
    assert clones.get("good") == {}, "the document before the bad one is not applied either"


def test_status_tells_stage_checkpoint_consent_and_what_is_not_configured(
    clocktrain: CommandLine, clones: Clones
) -> None:
    clones.apply()
    clones.wait(clones.jobs, 60)
    clones.saved(1, 40)
    clones.wait(lambda: clones.get()["status"].get("progress", {}).get("percent") == 40, 30)
    page = clocktrain("status", "anna").out
    assert f"anna in {clones.namespace}: Pretrain 40 %" in page
    assert "✓ Prepare  ▶ Pretrain  – Distill  · Evaluate  · Export" in page
    assert "step 40, saved" in page and "anna: anna-2026 (accepted, ends 2030-01-01)" in page
    for line in ("Budget:     not configured", "Gate:       not configured", "Serving:    not configured"):
        assert line in page
    found = clocktrain("status", "anna", "--json").json()
    assert found["status"]["checkpoint"]["step"] == 40 and found["next"] == []
    assert "/attempt-1/checkpoints/step-40" in clocktrain("status", "anna", "-v").out


def test_status_follows_changes_until_it_is_interrupted(clones: Clones, clocktrain: CommandLine) -> None:
    clones.apply()
    clones.wait(clones.jobs, 60)
    environment = {**os.environ, "KUBECONFIG": str(clocktrain.kubeconfig)}
    command = [sys.executable, "-m", "clock_train.cli.main", "status", "anna", "-w", "--json"]
    command[1:3] = ["-c", "from clock_train.cli.main import main; main()"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            first = json.loads(process.stdout.readline())
            assert first["clone"] == "anna"
            clones.saved(1, 70)
            while json.loads(process.stdout.readline())["status"].get("progress", {}).get("percent") != 70:
                pass
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 130
        finally:
            process.kill()


def test_suspend_and_resume_set_the_field_and_say_how_to_follow(clocktrain: CommandLine, clones: Clones) -> None:
    clones.apply()
    clones.wait(clones.jobs, 60)
    assert "clocktrain status anna" in clocktrain("suspend", "anna").out
    clones.wait_for("Suspended", "True", "Suspended", seconds=90)
    page = clocktrain("status", "anna").out
    assert "Suspended" in page and f"Next: clocktrain resume anna -n {clones.namespace}" in page
    clocktrain("resume", "anna")
    assert clones.get()["spec"]["suspend"] is False
    clones.wait(lambda: len(clones.get()["status"]["attempts"]) == 2, 90, "the next attempt")


def test_events_are_those_that_kubectl_shows(clocktrain: CommandLine, clones: Clones) -> None:
    clones.apply()
    clones.wait(clones.jobs, 60)

    def reasons() -> list[str]:
        text = clones.plane.kubectl(
            "events", "--for", "voiceclone.clocktrain.dev/anna", "-n", clones.namespace, "-o", "json"
        )
        return sorted(each["reason"] for each in json.loads(text)["items"])

    clones.wait(lambda: "Accepted" in reasons(), 30)
    rows = clocktrain("events", "anna", "--json").json()
    assert sorted(row["reason"] for row in rows) == reasons()
    assert "Accepted" in clocktrain("events", "anna").out


def test_a_paused_clone_is_left_alone_until_it_is_unpaused(clocktrain: CommandLine, clones: Clones) -> None:
    clones.apply(runtimeRef={"name": "none"})
    clones.wait_for("Accepted", "False", "RuntimeNotFound")
    clocktrain("pause", "anna")
    clones.apply()
    time.sleep(3)
    assert clones.jobs() == [] and "paused" in clocktrain("status", "anna").out
    clocktrain("unpause", "anna")
    assert "clocktrain.dev/paused" not in (clones.get()["metadata"].get("annotations") or {})
    clones.wait(clones.jobs, 60, "the operator looks after it again")


def test_retry_lets_a_failed_clone_try_once_more(clocktrain: CommandLine, clones: Clones) -> None:
    clones.apply()
    clones.wait(clones.jobs, 60)
    error = {"code": "TrainingDiverged", "message": "a loss became NaN", "exitCode": 2}
    clones.write(1, state="failed", stage="Pretrain", error=error)
    clones.end_job(1, "FAILED")
    clones.wait_for("Failed", "True", "TrainingDiverged", seconds=90)
    page = clocktrain("status", "anna").out
    assert "Failed: TrainingDiverged" in page and "--attempt 1" in page and "clocktrain retry anna" in page
    assert "one more attempt was asked for" in clocktrain("retry", "anna").out
    clones.wait(lambda: len(clones.get()["status"]["attempts"]) == 2, 90, "the second attempt")


def serving_table(clones: Clones, name: str = SERVING_TABLE, namespace: str = "") -> dict[str, Any]:
    """Alias → versions with their percents, as the servers read the ConfigMap."""
    words = ["get", "configmap", name, "-n", namespace or clones.namespace, "-o", "json"]
    text = clones.plane.kubectl(*words, check=False)
    data = json.loads(text)["data"] if text.strip().startswith("{") else {}
    return described(table_of(data[SERVING_KEY], name)) if data else {}


def test_voices_are_promoted_and_rolled_back_and_servers_read_the_table(
    clocktrain: CommandLine, clones: Clones, plane: ControlPlane
) -> None:
    name = f"voice-{secrets.token_hex(3)}"  # the table of all namespaces has each name once
    served = {"serving": {"policy": "IfGatePasses"}}
    for version in (1, 2):
        clones.apply(name, training={"seed": version}, **served)
        clones.wait(lambda version=version: len(clones.get(name).get("status", {}).get("attempts", [])) == version, 90)
        clones.finished(version, name, digest=f"{version:02x}" * 32)
        clones.wait(lambda version=version: clones.get(name)["status"].get("voice", {}).get("version") == version, 90)
    first = {"champion": [[2, 100]], "previous": [[1, 100]]}
    clones.wait(lambda: serving_table(clones) == {name: first}, 30, "the newest is the champion")
    everywhere = {"name": SERVING_EVERYWHERE, "namespace": OPERATOR_NAMESPACE}
    assert serving_table(clones, **everywhere)[name] == first
    listed = clocktrain("voices", "list", "-n", clones.namespace, "--json").json()
    assert listed == {name: first}
    assert "clocktrain status" in clocktrain("voices", "rollback", name, "-n", clones.namespace).out
    back = {"champion": [[1, 100]], "previous": [[2, 100]]}
    clones.wait(lambda: serving_table(clones) == {name: back}, 30, "it is rolled back")
    asked = clocktrain("voices", "canary", name, "2", "25", "-n", clones.namespace, "--json").json()
    assert asked == {"championVersion": 1, "canaryPercent": 25}
    clones.wait(lambda: serving_table(clones)[name]["champion"] == [[1, 75], [2, 25]], 30, "a canary")
    clocktrain("voices", "promote", name, "2", "-n", clones.namespace)
    clones.wait(lambda: serving_table(clones)[name]["champion"] == [[2, 100]], 30, "it is promoted")
    assert clones.condition("Served", name) == ("True", "Served")
    unknown = clocktrain("voices", "promote", name, "7", "-n", clones.namespace, check=False)
    assert unknown.code == 2 and "it has: 1, 2" in unknown.err
    plane.kubectl(
        "patch", "vco", "anna-2026", "-n", clones.namespace, "--type=merge", "-p", '{"spec":{"revoked":true}}'
    )
    clones.wait(lambda: serving_table(clones) == {}, 30, "nobody hears it any more")
    assert name not in serving_table(clones, **everywhere)
    assert clones.condition("Served", name) == ("False", "ConsentRevoked")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinioServer]:
    with MinioServer(tmp_path_factory.mktemp("minio")) as server:
        yield server


@pytest.fixture
def stored(plane: ControlPlane, store: MinioServer) -> Iterator[str]:
    """A runtime whose bucket is real."""
    name = f"r-{secrets.token_hex(3)}"
    place = {"endpointURL": store.endpoint, "bucket": store.new_bucket(), "secretName": "storage"}
    plane.apply({**RUNTIME, "metadata": {"name": name}, "spec": {**RUNTIME["spec"], "storage": place}})
    yield name
    plane.kubectl("delete", "vtr", name)


def test_logs_come_from_the_store_of_the_runtime_after_the_pods_are_gone(
    clocktrain: CommandLine, clones: Clones, store: MinioServer, stored: str
) -> None:
    clones.apply(runtimeRef={"name": stored})
    clones.wait(clones.jobs, 60)
    bucket = clones.plane.api.get(f"/apis/clocktrain.dev/v1alpha1/voicetrainingruntimes/{stored}")
    storage = store.storage(bucket["spec"]["storage"]["bucket"])
    place = f"{clones.namespace}/runs/{clones.get()['metadata']['uid']}"
    for attempt in (1, 2):
        storage.put(f"{place}/attempt-{attempt}/logs/20261124T120000-driver-7/000000", f"attempt {attempt}\n".encode())
    clocktrain("suspend", "anna")
    clones.wait(lambda: not clones.plane.pods(clones.namespace), 90, "its pods are gone")
    words = {key: value for key, value in store.environment().items() if key != "AWS_ENDPOINT_URL_S3"}
    with_keys = CommandLine(clocktrain.kubeconfig, **words)
    assert with_keys("logs", "anna", "--attempt", "1").out == "attempt 1\n"
    assert with_keys("logs", "anna").out == "attempt 2\n"
    assert "has no attempt 7; it has 1, 2" in with_keys("logs", "anna", "--attempt", "7", check=False).err
    refused = CommandLine(clocktrain.kubeconfig, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    assert "StorageDenied" in refused("logs", "anna", check=False).err


def test_a_report_has_everything_but_secrets(clocktrain: CommandLine, clones: Clones, tmp_path: Path) -> None:
    clones.apply()
    clones.wait(clones.jobs, 60)
    hidden = f"hunter-{secrets.token_hex(8)}"
    clones.plane.kubectl("annotate", "vc", "anna", "-n", clones.namespace, f"example.com/api-token={hidden}")
    clones.write(1, stage="Prepare", note=f"password={hidden} Bearer {hidden}")
    out = tmp_path / "anna.zip"
    said = clocktrain("report", "anna", "--out", str(out))
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    with zipfile.ZipFile(out) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert {"clone.yaml", "runtime.yaml", "consents/anna-2026.yaml", "events.yaml", "conditions.txt"} <= set(texts)
    assert any(name.startswith("children/rayjobs/") for name in texts)
    assert "anna-progress.yaml" in " ".join(texts)
    assert not [name for name, text in texts.items() if hidden in text]
    assert "REDACTED" in texts["children/configmaps/anna-progress.yaml"]
    # here the operator is a process and no pod
    assert "no pod of the operator" in texts["warnings.txt"] and "no pod of the operator" in said.err
    assert "ReportUnwritable" in clocktrain("report", "anna", "--out", "/nowhere/x.zip", check=False).err


def test_kubectl_finds_it_as_a_plugin(plane: ControlPlane, clocktrain: CommandLine, clones: Clones) -> None:
    clones.apply()
    folder = Path(sys.executable).parent
    assert (folder / "kubectl-clocktrain").exists(), "install the package anew: make dev"
    program = plane._kubectl
    run = subprocess.run(
        [program, "clocktrain", "status", "anna", "-n", clones.namespace],
        env={
            "PATH": f"{folder}:{os.environ['PATH']}",
            "KUBECONFIG": str(clocktrain.kubeconfig),
            "HOME": "/nonexistent",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0 and f"anna in {clones.namespace}" in run.stdout, run.stderr


# What each command needs to be allowed


class Person:
    """A user who holds just what a table gives."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self.plane, self.namespace, self.name = plane, namespace, f"u-{secrets.token_hex(4)}"
        self.kubeconfig = plane.kubeconfig(self.name, groups=[], namespace=namespace)

    def hold(self, rules: list[tuple[str, Permission]]) -> None:
        """Just these verbs on these kinds."""
        for is_namespaced in (True, False):
            kind, head = ("Role", {"namespace": self.namespace}) if is_namespaced else ("ClusterRole", {})
            own = [
                {"apiGroups": [each.kind.group], "resources": [each.resource], "verbs": [verb]}
                for verb, each in rules
                if each.kind.is_namespaced == is_namespaced
            ]
            role = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": self.name, **head}}
            subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": self.name}
            reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": self.name}
            self.plane.apply(
                [
                    {**role, "kind": kind, "rules": own},
                    {**role, "kind": f"{kind}Binding", "roleRef": reference, "subjects": [subject]},
                ]
            )

    def may(self, verb: str, permission: Permission) -> bool:
        """As the API server judges."""
        group = f".{permission.kind.group}" if permission.kind.group else ""
        resource = f"{permission.kind.plural}{group}"
        more = [f"--subresource={permission.subresource}"] if permission.subresource else []
        words = ["auth", "can-i", verb, resource, "-n", self.namespace, *more]
        return self.plane.kubectl(*words, kubeconfig=self.kubeconfig, check=False).split()[:1] == ["yes"]


VERSIONS = [
    {"version": n, "digest": "ab" * 32, "bundleURI": "s3://bucket/bundles/d", "finishTime": "2026-11-24T12:00:00Z"}
    for n in (1, 2)
]


def words_of(command: str, file: str, tmp_path: Path) -> list[str]:
    if command in ("plan --cluster", "apply"):
        return [*command.split(), "-f", file]
    if command == "voices list":
        return ["voices", "list", "--context", "test"]
    if command.startswith("voices"):
        more = {"promote": ["1"], "canary": ["2", "10"], "rollback": []}[command.split()[1]]
        return [*command.split(), "anna", *more, "--context", "test"]
    return [command, "anna", *(["--out", str(tmp_path / "r.zip")] if command == "report" else [])]


@pytest.mark.parametrize("command", PERMISSIONS)
def test_a_command_works_with_just_what_the_table_gives_and_names_what_is_missing(
    command: str, plane: ControlPlane, namespace: str, store: MinioServer, stored: str, tmp_path: Path
) -> None:
    """Without the operator: nobody else writes here, and what is judged is the API server's own answer."""
    plane.apply(consent(namespace))
    file = written(tmp_path / "anna.yaml", clone(namespace, runtimeRef={"name": stored}))
    person = Person(plane, namespace)
    clocktrain = CommandLine(
        person.kubeconfig,
        **{key: value for key, value in store.environment().items() if key != "AWS_ENDPOINT_URL_S3"},
    )
    is_new = command in ("plan --cluster", "apply")

    def prepare() -> None:
        if is_new:
            plane.kubectl("delete", "vc", "anna", "-n", namespace, "--ignore-not-found", "--wait=false")
            plane.kubectl(
                "patch",
                "vc",
                "anna",
                "-n",
                namespace,
                "--type=merge",
                "-p",
                '{"metadata":{"finalizers":null}}',
                check=False,
            )
            plane.wait(lambda: not Clones.get(_Only(plane, namespace)), 30)
            return
        plane.apply(clone(namespace, runtimeRef={"name": stored}, serving={"policy": "IfGatePasses"}))
        plane.kubectl(
            *("patch", "vc", "anna", "-n", namespace, "--subresource=status", "--type=merge"),
            *("-p", json.dumps({"status": {"versions": VERSIONS, "serving": {"champion": 1, "previous": 2}}})),
        )
        uid = json.loads(plane.kubectl("get", "vc", "anna", "-n", namespace, "-o", "json"))["metadata"]["uid"]
        place = plane.api.get(f"/apis/clocktrain.dev/v1alpha1/voicetrainingruntimes/{stored}")["spec"]["storage"]
        key = f"{namespace}/runs/{uid}/attempt-1/logs/20261124T120000-driver-7/000000"
        store.storage(place["bucket"]).put(key, b"said\n")

    rules = [(verb, permission) for permission in PERMISSIONS[command] for verb in permission.verbs]
    person.hold(rules)
    plane.wait(lambda: all(person.may(*rule) for rule in rules), 30, "the rights are in force")
    prepare()
    assert clocktrain(*words_of(command, file, tmp_path)).code == 0
    for missing in rules:
        person.hold([rule for rule in rules if rule != missing])
        plane.wait(lambda verb=missing: not person.may(*verb), 30, "the right is gone")
        prepare()
        said = clocktrain(*words_of(command, file, tmp_path), check=False)
        verb, permission = missing
        if permission.is_needed:
            assert said.code == 2 and said.err.startswith("ClusterForbidden"), (missing, said)
            assert f'"{verb}" {permission.resource}' in said.err and "docs/cluster-commands.md" in said.err
        else:
            assert said.code == 0, (missing, said)


class _Only(Clones):
    """The clones of a namespace, without making a consent."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self.plane, self.namespace = plane, namespace


# What can be wrong


def test_each_way_in_that_fails_has_a_code_of_its_own(
    plane: ControlPlane, clocktrain: CommandLine, namespace: str, tmp_path: Path
) -> None:
    nobody = CommandLine(tmp_path / "none.yaml")("status", "anna", check=False)
    assert nobody.code == 2 and nobody.err.startswith("ClusterConfigInvalid: there is no kubeconfig at")
    other = clocktrain("status", "anna", "--context", "prod", check=False)
    assert other.code == 2 and 'has no context "prod"' in other.err
    away = CommandLine(plane.kubeconfig("admin", server="https://127.0.0.1:9"))("status", "anna", check=False)
    assert away.code == 3 and away.err.startswith("ClusterUnreachable: https://127.0.0.1:9")
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [", encoding="utf-8")
    assert CommandLine(broken)("status", "anna", check=False).err.startswith("ClusterConfigInvalid")
    missing = clocktrain("status", "anna", check=False)
    assert missing.code == 2 and missing.err.startswith("ClusterObjectMissing: there is no VoiceClone anna")
    config = yaml.safe_load(Path(plane.kubeconfig("admin")).read_text(encoding="utf-8"))
    config["users"][0]["user"] = {"token": "not-a-token"}
    stranger = tmp_path / "stranger.yaml"
    stranger.write_text(yaml.safe_dump(config), encoding="utf-8")
    refused = CommandLine(stranger)("status", "anna", check=False)
    assert refused.code == 2 and refused.err.startswith("ClusterCredentialRefused")


def test_a_field_of_somebody_else_is_a_conflict_until_it_is_taken_over(
    plane: ControlPlane, clocktrain: CommandLine, namespace: str, tmp_path: Path
) -> None:
    plane.apply(clone(namespace, runtimeRef={"name": "none"}))
    file = written(tmp_path / "anna.yaml", clone(namespace, runtimeRef={"name": "standard"}))
    said = clocktrain("apply", "-f", file, check=False)
    assert said.code == 2 and said.err.startswith("ClusterConflict") and "spec.runtimeRef.name" in said.err
    assert "voiceclones/anna changed" in clocktrain("apply", "-f", file, "--force-conflicts").out


def test_a_cluster_without_the_chart_is_told_from_a_missing_clone(tmp_path: Path) -> None:
    with ControlPlane(nodes={}, kuberay=False) as bare:
        said = CommandLine(bare.kubeconfig("admin"))("status", "anna", check=False)
    assert said.code == 2 and "install ClockTrain's chart" in said.err


def test_an_operator_namespace_of_ones_own_is_looked_in(
    clocktrain: CommandLine, clones: Clones, tmp_path: Path
) -> None:
    clones.apply()
    words = ["report", "anna", "--out", str(tmp_path / "r.zip"), "--operator-namespace", OPERATOR_NAMESPACE]
    assert OPERATOR_NAMESPACE in clocktrain(*words).err
