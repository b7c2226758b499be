"""A voice trained in pods: two workers on two nodes, real recordings, and what is lost when pods are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from clock_train.audio.reading import read_waveform
from clock_train.data.manifest import read_corpus
from clock_train.evaluation.speaker_similarity import embedding, embedding_similarity
from harness.network_policies import Enforcer
from installed import manifests
from installed.chart import SIGN_IN, upgrade_chart
from installed.manifests import NAMESPACE
from installed.platform import Platform

pytestmark = [pytest.mark.ring4, pytest.mark.timeout(2_400)]
EPOCHS = 150
"""Long enough for every loss below to find it in training: a step takes a quarter of a second on two quiet cores."""


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


def clip_names(base: Platform, speaker: str) -> list[str]:
    return [clip.id.replace("/", "_") for clip in read_corpus(base.corpora / speaker).accepted()]


def recordings(base: Platform, speaker: str) -> list[np.ndarray]:
    clips = read_corpus(base.corpora / speaker).accepted()[:10]
    return [read_waveform(base.corpora / speaker / clip.path) for clip in clips]
