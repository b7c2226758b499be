"""A voice trained in pods: two workers on two nodes, real recordings, and what is lost when pods are."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow import MlflowClient
from spoken import answer_to, is_marked, spoken, voices_of  # pyright: ignore[reportMissingImports]

from clock_train.audio.reading import read_waveform
from clock_train.audit.signing import open_signer
from clock_train.data.manifest import read_corpus
from clock_train.data.packed_file import public_id
from clock_train.erasure.receipt import read_receipt
from clock_train.evaluation.speaker_similarity import embedding, embedding_similarity
from harness.network_policies import Enforcer
from installed import manifests
from installed.chart import SIGN_IN, upgrade_chart
from installed.manifests import NAMESPACE
from installed.platform import Platform

pytestmark = [pytest.mark.ring4, pytest.mark.timeout(2_400)]
EPOCHS = 150
"""Long enough for every loss below to find it in training: a step takes a quarter of a second on two quiet cores."""
VOICE_EPOCHS = 5
"""Of a voice from that base, which has to speak and no more."""


@pytest.fixture(scope="module")
def base(installed: Platform) -> Platform:
    """Two speakers, two workers on two nodes; the tests below follow one run, in their order."""
    installed.plane.apply(manifests.clone("base", installed.revisions, epochs=EPOCHS, workers=2))
    return installed


def test_two_workers_train_on_two_nodes_and_progress_is_seen(base: Platform) -> None:
    base.wait(lambda: base.condition("base", "Admitted") == ("True", "Running"), 600, "the job runs")
    nodes = {pod["spec"]["nodeName"] for pod in base.pods("base", "worker")}
    assert len(nodes) == 2, nodes
    base.wait(lambda: base.status("base").get("progress", {}).get("step", 0) > 0, 600, "steps in the status")
    first = base.status("base")["progress"]
    assert first["totalSteps"] > first["step"] > 0
    base.wait(lambda: base.status("base")["progress"]["step"] > first["step"], 300, "more steps")
    base.wait(lambda: base.status("base")["progress"].get("etaSeconds", 0) > 0, 300, "an ETA")
    base.wait(lambda: "checkpoint" in base.status("base"), 300, "a checkpoint")


def test_its_pods_are_restricted(base: Platform) -> None:
    pods = base.pods("base", "worker") + base.pods("base", "head")
    assert len(pods) == 3
    for pod in pods:
        assert pod["spec"]["securityContext"]["runAsNonRoot"]
        for container in pod["spec"]["containers"]:
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    said = base.plane.kubectl("exec", "-n", NAMESPACE, pods[-1]["metadata"]["name"], "--", "id", "-u")
    assert said.split()[-1] == "10001"


def test_rays_ports_are_closed_to_strangers(base: Platform) -> None:
    head = base.pods("base", "head")[0]["status"]["podIP"]
    assert isinstance(base.cluster.policies, Enforcer)
    base.cluster.policies.settle()
    worker = base.pods("base", "worker")[0]["metadata"]["name"]
    script = f"import socket; socket.create_connection(('{head}', 6379), 5); print('open')"
    assert "open" in base.plane.kubectl("exec", "-n", NAMESPACE, worker, "--", "python", "-c", script)
    operator = "deploy/clocktrain-operator"
    for port in (6379, 8265, 10001):
        script = f"import socket; socket.create_connection(('{head}', {port}), 5); print('open')"
        said = base.plane.kubectl("exec", "-n", "clocktrain", operator, "--", "python", "-c", script, check=False)
        assert "open" not in said, port


def test_an_upgrade_of_the_chart_does_not_disturb_it(base: Platform) -> None:
    before = base.plane.kubectl("get", "rayjobs", "-n", NAMESPACE, "-o", "jsonpath={.items[*].metadata.uid}")
    pods = {pod["metadata"]["uid"] for pod in base.pods("base", "worker") + base.pods("base", "head")}
    step = base.newest_checkpoint("base")
    upgrade_chart(base.cluster, base.tracker_port, logLevel="debug")
    assert base.plane.kubectl("get", "rayjobs", "-n", NAMESPACE, "-o", "jsonpath={.items[*].metadata.uid}") == before
    assert {pod["metadata"]["uid"] for pod in base.pods("base", "worker") + base.pods("base", "head")} == pods
    base.wait(lambda: base.newest_checkpoint("base") > step, 300, "training goes on")


def test_a_killed_worker_costs_at_most_one_checkpoint_interval(base: Platform) -> None:
    before = base.newest_checkpoint("base")
    worker = base.pods("base", "worker")[0]["metadata"]["name"]
    base.plane.kubectl("delete", "pod", worker, "-n", NAMESPACE, "--grace-period=0", "--force")
    base.wait(lambda: "a worker was lost" in base.log_of("base"), 600, "the loss is told")
    base.wait(lambda: base.newest_checkpoint("base") > before, 900, "training goes on")
    went_on = [line for line in base.log_of("base").splitlines() if "go on from step" in line]
    assert any(int(line.rsplit("step", 1)[1]) >= before for line in went_on), went_on


def test_a_lost_head_goes_on_from_the_checkpoint_and_the_status_tells(base: Platform) -> None:
    before = base.newest_checkpoint("base")
    head = base.pods("base", "head")[0]["metadata"]["name"]
    base.plane.kubectl("delete", "pod", head, "-n", NAMESPACE, "--grace-period=0", "--force")

    def is_told() -> bool:
        attempts = base.status("base").get("attempts", [])
        return len(attempts) > 1 or any(attempt.get("starts", 1) > 1 for attempt in attempts)

    base.wait(is_told, 900, "the status tells of another start")
    base.wait(lambda: "going on from step" in base.log_of("base"), 600, "it goes on")
    base.wait(lambda: base.newest_checkpoint("base") > before, 900, "training goes on")


def test_it_ends_with_a_base_in_the_store(base: Platform) -> None:
    base.wait(lambda: base.has_ended("base"), 1_500, "it ends")
    assert base.condition("base", "Ready") == ("True", "Ready"), base.story()
    status = base.status("base")
    assert base.bucket.exists(f"{status['voice']['bundleURI'].removeprefix('s3://clocktrain/')}/COMMITTED")
    print(f"cost: {status['cost']}")
    assert status["cost"]["acceleratorSeconds"] > 0
    base.wait(lambda: not base.pods("base", "worker"), 120, "its pods are gone")


@pytest.fixture
def tracked(base: Platform, monkeypatch: pytest.MonkeyPatch) -> tuple[MlflowClient, str]:
    """Stock MLflow, signed in, and the run that the status names."""
    for name in SIGN_IN:
        monkeypatch.setenv(name, base.tracker[name])
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    return MlflowClient(tracking_uri=f"http://127.0.0.1:{base.tracker_port}"), base.status("base")["tracking"]["runID"]


def test_mlflow_has_its_curves_and_they_fell(base: Platform, tracked: tuple[MlflowClient, str]) -> None:
    client, run = tracked
    assert client.get_run(run).info.status == "FINISHED"
    assert base.status("base")["tracking"]["url"].endswith(f"/runs/{run}")
    curve = sorted(client.get_metric_history(run, "validation/mel"), key=lambda point: point.step)
    assert len({point.step for point in curve}) > 5
    first, last = curve[0].value, curve[-1].value
    print(f"mel distance of held-out sentences: {first:.3f} at step {curve[0].step}, {last:.3f} at {curve[-1].step}")
    assert last < 0.8 * first


def test_its_sounds_in_mlflow_are_its_own_speakers(
    base: Platform, tracked: tuple[MlflowClient, str], tmp_path: Path
) -> None:
    client, run = tracked
    folders = [item.path for item in client.list_artifacts(run, "samples")]
    newest = max(folders, key=lambda path: int(path.rpartition("-")[2]))
    sounds = sorted(Path(client.download_artifacts(run, newest, str(tmp_path))).rglob("generated.wav"))
    assert sounds
    voices = {speaker: [embedding(clip) for clip in recordings(base, speaker)] for speaker in manifests.SPEAKERS}
    owners = {clip: speaker for speaker in voices for clip in clip_names(base, speaker)}
    for sound in sounds:
        heard = embedding(read_waveform(sound))
        likeness = {speaker: embedding_similarity(heard, clips) for speaker, clips in voices.items()}
        print(newest, sound.parent.name, {speaker: round(value, 3) for speaker, value in likeness.items()})
        assert max(likeness, key=lambda speaker: likeness[speaker]) == owners[sound.parent.name]


TEXT = "Good morning, and thank you for calling us. Please stay on the line, somebody will be with you in a moment."


def test_triton_in_the_cluster_speaks_with_its_bundle_and_marks_it_by_the_shared_keys(base: Platform) -> None:
    address = base.serve("base")
    assert answer_to(address, "base/allison", TEXT) == 401, "without a key"
    key, before = base.api_key("triton"), issued(base, "triton")
    assert "base" in voices_of(address, key)[0]
    for speaker in manifests.SPEAKERS:
        waveform, rate_hz = spoken(address, f"base/{speaker}", TEXT, key)
        assert rate_hz == 16_000 and len(waveform) > 2 * rate_hz
        assert is_marked(waveform, base.keys)
    log = issued(base, "triton")
    assert log.count('"issued"') - before.count('"issued"') == len(manifests.SPEAKERS)
    assert "Good morning" not in log


def test_a_gateway_hands_it_out_and_nobody_else_reaches_triton(base: Platform) -> None:
    address = base.serve("base", by_gateway=True)
    assert answer_to(address, "base/allison", TEXT) == 401, "without a key"
    key, before = base.api_key("gateway"), issued(base, "gateway")
    waveform, rate_hz = spoken(address, "base/allison", TEXT, key)
    assert len(waveform) > 2 * rate_hz and is_marked(waveform, base.keys)
    assert issued(base, "gateway").count('"issued"') - before.count('"issued"') == 1
    assert isinstance(base.cluster.policies, Enforcer)
    base.cluster.policies.settle()
    script = "import socket; socket.create_connection(('clocktrain-triton', 8001), 5); print('open')"
    for component, reaches in (("gateway", True), ("operator", False)):
        words = ("exec", "-n", "clocktrain", f"deploy/clocktrain-{component}", "--", "python", "-c", script)
        assert ("open" in base.plane.kubectl(*words, check=False)) == reaches, component

    assert answer_to(address, "base@champion/allison", TEXT, key) == 404, "nobody asked for it to be served"
    pods = gateway_pods(base)
    asked = '{"spec":{"serving":{"policy":"Always"}}}'
    base.plane.kubectl("patch", "vc", "base", "-n", NAMESPACE, "--type=merge", "-p", asked)
    base.wait(lambda: base.condition("base", "Served") == ("True", "Served"), 60, "it is in the table")
    words = ("get", "configmap", "clocktrain-serving", "-n", NAMESPACE, "-o", r"jsonpath={.data.serving\.json}")
    # the operator writes the table of all clones after the status of one
    base.wait(lambda: base.plane.kubectl(*words, check=False).startswith("{"), 60, "the table is written")
    (share,) = json.loads(base.plane.kubectl(*words))["voices"]["base"]["champion"]
    assert share["bundle"] == base.status("base")["voice"]["bundleURI"]
    # a kubelet looks once a minute, and once more for what it holds already
    base.wait(lambda: answer_to(address, "base@champion/allison", TEXT, key) == 200, 240, "the gateway follows")
    assert gateway_pods(base) == pods, "without a restart"


def test_another_persons_voice_is_made_from_it_and_served(base: Platform) -> None:
    base.plane.apply(from_base(base, "carlo", {"cloneRef": {"name": "base"}}))
    base.wait(lambda: base.has_ended("carlo"), 900, "it ends")
    assert base.condition("carlo", "Ready") == ("True", "Ready"), base.story()
    base.wait(lambda: base.condition("carlo", "Served") == ("True", "Served"), 60, "it is in the table")
    address = base.serve("base", "carlo", by_gateway=True)
    key = base.api_key("gateway")
    base.wait(lambda: answer_to(address, "carlo@champion", TEXT, key) == 200, 240, "the gateway follows")


def test_a_consent_that_is_taken_back_silences_the_voice_and_erases_its_speaker(base: Platform) -> None:
    """Near the end: it takes recordings that the others train on."""
    kept = {item.key for item in base.bucket.list(f"{NAMESPACE}/corpora/carlo")}
    assert kept and base.bucket.list(f"{NAMESPACE}/corpora/allison")
    at_once = '{"spec":{"erasureGraceSeconds":0}}'
    base.plane.kubectl("patch", "vtr", "standard", "--type=merge", "-p", at_once)
    began = time.monotonic()
    taken_back = '{"spec":{"revoked":true}}'
    base.plane.kubectl("patch", "vco", "allison-licence", "-n", NAMESPACE, "--type=merge", "-p", taken_back)
    base.wait(lambda: base.condition("base", "Served")[0] == "False", 60, "it is out of the table")
    print(f"out of the serving table after {time.monotonic() - began:.1f} s")
    base.wait(lambda: base.condition("base", "Erased") == ("True", "Erased"), 600, "its speaker is erased")
    print(f"erased after {time.monotonic() - began:.1f} s")

    assert base.bucket.list(f"{NAMESPACE}/corpora/allison") == []
    assert {item.key for item in base.bucket.list(f"{NAMESPACE}/corpora/carlo")} == kept
    uid = base.get("base")["metadata"]["uid"]
    assert [item.key for item in base.bucket.list(f"{NAMESPACE}/runs/{uid}") if "/checkpoints/" in item.key] == []
    trusted = [open_signer(base.keys / "signing.key").public_key]
    receipts = [
        read_receipt(base.bucket.get(item.key), trusted, where=item.key)
        for item in base.bucket.list(f"{NAMESPACE}/receipts")
    ]
    (receipt,) = [each for each in receipts if (each.scope, each.name) == ("speaker", "allison")]
    assert receipt.is_complete and len(receipt.items) > 10
    print(f"receipt: {len(receipt.items)} objects")
    digest = base.status("base")["versions"][-1]["digest"]
    assert digest in {each["digest"] for each in receipt.retired_bases}
    assert "carlo" in {each["name"] for each in receipt.made_from_them}


def test_another_persons_voice_from_the_retired_base_speaks_until_its_day_and_no_longer(base: Platform) -> None:
    base.wait(lambda: base.condition("carlo", "Served") == ("True", "RetrainBy"), 60, "it says until when it speaks")
    uri = base.status("base")["versions"][-1]["bundleURI"]
    base.plane.apply(from_base(base, "late", {"bundleURI": uri}))
    base.wait(lambda: base.condition("late", "Accepted") == ("False", "BaseRetired"), 60, "nothing new is made from it")
    address = base.serve("carlo", by_gateway=True)
    key = base.api_key("gateway")
    base.wait(lambda: answer_to(address, "carlo@champion", TEXT, key) == 200, 240, "it speaks on")

    today = '{"spec":{"retrainBySeconds":0}}'
    base.plane.kubectl("patch", "vtr", "standard", "--type=merge", "-p", today)
    base.wait(lambda: base.condition("carlo", "Served") == ("False", "BaseRetired"), 60, "it is out of the table")
    began = time.monotonic()
    base.wait(lambda: answer_to(address, "carlo@champion", TEXT, key) == 404, 240, "the gateway follows")
    print(f"silent {time.monotonic() - began:.1f} s after it was out of the table")
    assert base.bucket.exists(
        f"{base.status('carlo')['voice']['bundleURI'].removeprefix('s3://clocktrain/')}/COMMITTED"
    )


def from_base(base: Platform, name: str, source: dict[str, Any]) -> manifests.Manifest:
    """A short fine-tune of the man's voice, served whatever its figures are."""
    speaker = {"carlo": base.revisions["carlo"]}
    wanted = {"base": source, "serving": {"policy": "Always"}}
    return manifests.clone(name, speaker, epochs=VOICE_EPOCHS, workers=1, **wanted)


def gateway_pods(base: Platform) -> list[tuple[str, int]]:
    """Uid of each pod, and how often its container was started again."""
    found = base.plane.pods("clocktrain", "app.kubernetes.io/component=gateway")
    return [(pod["metadata"]["uid"], pod["status"]["containerStatuses"][0]["restartCount"]) for pod in found]


def issued(base: Platform, component: str) -> str:
    """The signed log in a pod of the chart."""
    words = ("exec", "-n", "clocktrain", f"deploy/clocktrain-{component}", "--", "sh", "-c")
    return base.plane.kubectl(*words, "find /issuing/files/log -name '*.jsonl' -exec cat {} +", check=False)


def clip_names(base: Platform, speaker: str) -> list[str]:
    return [public_id(clip.id) for clip in read_corpus(base.corpora / speaker).accepted()]


def recordings(base: Platform, speaker: str) -> list[np.ndarray]:
    clips = read_corpus(base.corpora / speaker).accepted()[:10]
    return [read_waveform(base.corpora / speaker / clip.path) for clip in clips]
