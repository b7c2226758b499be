"""What a voice in training outlives: suspension, a drain, a silent node, no operator, no storage; and its erasure.

Follows `test_voice_clone.py` in the same cluster: a voice is fine-tuned from the base that was trained there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from spoken import is_marked, spoken, voices_of  # pyright: ignore[reportMissingImports]

from installed import manifests
from installed.manifests import NAMESPACE
from installed.platform import Platform

pytestmark = [pytest.mark.ring4, pytest.mark.long, pytest.mark.timeout(2_400)]
BASE_EPOCHS = 10
EPOCHS = 400
"""Of the voice: long enough for every disruption to find it in training."""


@pytest.fixture(scope="module")
def voice(installed: Platform) -> Iterator[Platform]:
    """A voice that waits for its base from the beginning; the tests below follow one run, in their order."""
    if not installed.get("base"):
        installed.plane.apply(manifests.clone("base", installed.revisions, epochs=BASE_EPOCHS, workers=2))
    speaker = {"allison": installed.revisions["allison"]}
    wanted = {"base": {"cloneRef": {"name": "base"}}, "distillation": {"policy": "Always"}, "deletionPolicy": "Delete"}
    installed.plane.apply(manifests.clone("allison", speaker, epochs=EPOCHS, workers=1, **wanted))
    yield installed


def attempts(voice: Platform) -> int:
    return max((attempt["number"] for attempt in voice.status("allison").get("attempts", [])), default=0)


def trains_on(voice: Platform, after: int, seconds: float = 900) -> None:
    voice.wait(lambda: voice.newest_checkpoint("allison") > after, seconds, f"a checkpoint after step {after}")


def test_it_waits_for_its_base_and_then_begins(voice: Platform) -> None:
    if not voice.has_ended("base"):
        voice.wait(
            lambda: voice.condition("allison", "Accepted")[1] == "WaitingForBase", 120, "it says what it waits for"
        )
        voice.wait(lambda: voice.has_ended("base"), 1_800, "the base ends")
    assert voice.condition("base", "Ready") == ("True", "Ready"), voice.story()
    trains_on(voice, 0)


def test_suspending_saves_and_resuming_goes_on_from_there(voice: Platform) -> None:
    voice.plane.kubectl("patch", "vc", "allison", "-n", NAMESPACE, "--type=merge", "-p", '{"spec":{"suspend":true}}')
    voice.wait(lambda: voice.condition("allison", "Suspended")[0] == "True", 600, "suspended")
    voice.wait(lambda: not voice.pods("allison", "worker"), 300, "no pod of it")
    saved, before = voice.newest_checkpoint("allison"), attempts(voice)
    assert saved > 0
    voice.plane.kubectl("patch", "vc", "allison", "-n", NAMESPACE, "--type=merge", "-p", '{"spec":{"suspend":false}}')
    voice.wait(lambda: attempts(voice) == before + 1, 300, "the next attempt")
    trains_on(voice, saved)
    assert f"going on from step {saved}" in voice.log_of("allison")


def test_a_drained_node_gives_its_pods_to_others(voice: Platform) -> None:
    before = voice.newest_checkpoint("allison")
    node = voice.pods("allison", "worker")[0]["spec"]["nodeName"]
    try:
        voice.plane.kubectl("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=420s")
        assert node not in {pod["spec"]["nodeName"] for pod in voice.pods("allison", "worker")}
        trains_on(voice, before, 1_200)
    finally:
        voice.plane.kubectl("uncordon", node)


def test_training_goes_on_without_the_operator_and_its_successor_makes_nothing_anew(voice: Platform) -> None:
    before, number = voice.newest_checkpoint("allison"), attempts(voice)
    jobs = voice.plane.kubectl("get", "rayjobs", "-n", NAMESPACE, "-o", "name")
    voice.plane.kubectl(
        "delete", "pod", "-n", "clocktrain", "-l", "app.kubernetes.io/component=operator", "--grace-period=0", "--force"
    )
    voice.plane.kubectl("rollout", "status", "deployment/clocktrain-operator", "-n", "clocktrain", "--timeout=180s")
    trains_on(voice, before)
    assert voice.plane.kubectl("get", "rayjobs", "-n", NAMESPACE, "-o", "name") == jobs
    assert attempts(voice) == number


def test_lost_storage_costs_no_checkpoint(voice: Platform) -> None:
    before = voice.newest_checkpoint("allison")
    voice.plane.kubectl("delete", "pod", "-n", "storage", "-l", "app=minio", "--grace-period=0", "--force")
    voice.plane.kubectl("rollout", "status", "deployment/minio", "-n", "storage", "--timeout=180s")
    trains_on(voice, before)


def test_a_node_that_falls_silent_costs_at_most_one_checkpoint_interval(voice: Platform) -> None:
    before = voice.newest_checkpoint("allison")
    lost = voice.cluster.node(voice.pods("allison", "worker")[0]["spec"]["nodeName"])
    lost.cut_off()
    try:
        voice.plane.wait(lambda: lost.name not in voice.plane.ready_nodes(), 120, f"{lost.name} not Ready")
        # Kubernetes gives a silent node five minutes before its pods are given up
        trains_on(voice, before, 1_500)
    finally:
        lost.reconnect()
        voice.plane.wait(lambda: lost.name in voice.plane.ready_nodes(), 120, f"{lost.name} Ready again")


def test_it_ends_with_a_voice_like_its_speaker(voice: Platform) -> None:
    voice.wait(lambda: voice.has_ended("allison"), 2_000, "it ends")
    assert voice.condition("allison", "Ready") == ("True", "Ready"), voice.story()
    figures = {metric["name"]: float(metric["value"]) for metric in voice.status("allison")["metrics"]}
    assert figures["speakerSimilarity"] > 0
    shown = voice.plane.kubectl("get", "vc", "-n", NAMESPACE)
    assert "allison" in shown and "True" in shown


def test_its_student_speaks_in_the_clusters_triton(voice: Platform) -> None:
    assert voice.condition("allison", "Distilled") == ("True", "Distilled"), voice.story()
    address = voice.serve("allison")
    key = voice.api_key("triton")
    # the base may be in the table by now, and is served beside it
    assert any("allison" in voice for voice in voices_of(address, key))
    waveform, rate_hz = spoken(address, "allison", "Good morning. Please stay on the line for a moment.", key)
    assert len(waveform) > rate_hz
    assert is_marked(waveform, voice.keys)


def test_deleting_it_erases_what_it_made_and_leaves_the_recordings(voice: Platform) -> None:
    uid = voice.get("allison")["metadata"]["uid"]
    corpora = [item.key for item in voice.bucket.list(f"{NAMESPACE}/corpora")]
    voice.plane.kubectl("delete", "vc", "allison", "-n", NAMESPACE, "--wait=false")
    voice.wait(lambda: not voice.get("allison"), 600, "it is gone")
    assert voice.bucket.list(f"{NAMESPACE}/runs/{uid}") == []
    receipt = json.loads(voice.bucket.get(f"{NAMESPACE}/receipts/{uid}.json"))
    assert receipt["complete"] and receipt["objects"]
    assert [item.key for item in voice.bucket.list(f"{NAMESPACE}/corpora")] == corpora
