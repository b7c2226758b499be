"""What goes wrong around the operator, or in it, one thing a test: nothing is doubled, nothing lost, nothing hangs.

Those that need a wrong word at an exact moment are built into the operator's own process (`fault=`), at its only way
to the API server or at its clock; the others come over a wire that the test holds, or from the control plane itself.
The table is docs/operator-faults.md.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.audit import WRITES
from harness.control_plane import ControlPlane
from harness.wire import Wire
from operator_process import OPERATOR_USER, RUNTIME, Clones, Operators, consistently, install, operators

pytestmark = [pytest.mark.ring3, pytest.mark.timeout(400)]

DIES_AFTER_A_STEP = """
import os, signal
from voiceclone_operator.controller import Controller
obey = Controller._obey
async def once(self, key, observed, action):
    await obey(self, key, observed, action)
    os.kill(os.getpid(), signal.SIGKILL)
Controller._obey = once
"""
LOSES_ANSWERS = """
import httpx2
from voiceclone_operator.api import Api
def deaf(real):
    heard = []
    async def call(self, *words, **named):
        found = await real(self, *words, **named)
        if not heard:
            heard.append(1)
            raise httpx2.ReadTimeout("the answer was lost")
        return found
    return call
for name in ("apply", "create_job", "write_status", "set_finalizer", "post_event"):
    setattr(Api, name, deaf(getattr(Api, name)))
"""
SOMEBODY_IS_FASTER = """
from voiceclone_operator.api import Api
from lightkube.types import PatchType
from voiceclone_operator.kinds import CLONES
real, raced = Api.write_status, []
async def late(self, clone, status):
    if len(raced) < 3:
        raced.append(1)
        patch = {"metadata": {"annotations": {"example.com/faster": str(len(raced))}}}
        await self._client.patch(CLONES.resource, clone["metadata"]["name"], patch,
                                 namespace=clone["metadata"]["namespace"], patch_type=PatchType.MERGE)
    return await real(self, clone, status)
Api.write_status = late
"""
SHORT_SILENCE = "import voiceclone_operator.api as api; api.SILENCE_S = 5.0"
CLOCK = """
import datetime as real, pathlib
import voiceclone_operator.controller as controller
class Jumping(real.datetime):
    @classmethod
    def now(cls, tz=None):
        return real.datetime.now(tz) + real.timedelta(hours=float(pathlib.Path({path!r}).read_text()))
controller.datetime = Jumping
"""


@pytest.fixture
def wire(plane: ControlPlane) -> Iterator[Wire]:
    with Wire(plane.api_port) as running:
        yield running


def made_jobs(plane: ControlPlane, clones: Clones) -> int:
    """RayJobs that were ever made in the namespace, by the audit log."""
    asked = plane.audit_events(verbs=["create"], resource="rayjobs", namespace=clones.namespace)
    return len([event for event in asked if event.status == 201])


def has_one_attempt(clones: Clones, name: str = "anna") -> bool:
    return len((clones.get(name).get("status") or {}).get("attempts", [])) == 1


def runs(clones: Clones, step: int = 10) -> None:
    """The clone's job works, and the status says so."""
    clones.wait(clones.jobs, 90, "a RayJob")
    clones.saved(1, step)
    clones.wait_for("Admitted", "True", "Running", seconds=90)


def test_killed_after_each_step_it_goes_on_where_it_was(plane: ControlPlane, run: Operators, clones: Clones) -> None:
    clones.apply()
    lives = 0
    while not has_one_attempt(clones):
        lives += 1
        assert lives < 20, "it does not come forward"
        mortal = run.start(fault=DIES_AFTER_A_STEP)
        plane.wait(lambda m=mortal: m.process.poll() is not None, 60, "it writes and dies")
        run.lose(mortal)
    assert lives > 2
    last = run.start()
    plane.wait(last.leads, 60)
    runs(clones)
    consistently(lambda: made_jobs(plane, clones) == 1, 3, "one RayJob was ever made")
    consistently(lambda: has_one_attempt(clones), 3, "one attempt")


def test_a_lost_answer_is_asked_for_again_and_doubles_nothing(
    plane: ControlPlane, run: Operators, clones: Clones
) -> None:
    made = run.start(fault=LOSES_ANSWERS)
    plane.wait(made.leads, 60)
    clones.apply()
    runs(clones)
    assert "the answer was lost" in made.log()
    consistently(lambda: made_jobs(plane, clones) == 1, 3, "one RayJob was ever made")
    consistently(lambda: has_one_attempt(clones), 3, "one attempt")


def test_a_status_that_somebody_wrote_before_is_planned_again(
    plane: ControlPlane, run: Operators, clones: Clones
) -> None:
    made = run.start(fault=SOMEBODY_IS_FASTER)
    plane.wait(made.leads, 60)
    mark = plane.audit.mark()
    clones.apply()
    runs(clones)
    refused = plane.audit_events(since=mark, user=OPERATOR_USER, namespace=clones.namespace)
    assert [event for event in refused if event.status == 409 and event.subresource == "status"]
    assert clones.get()["metadata"]["annotations"]["example.com/faster"] == "3", "what others wrote stays"
    consistently(lambda: made_jobs(plane, clones) == 1, 3, "one RayJob was ever made")
    consistently(lambda: has_one_attempt(clones), 3, "one attempt")


def test_cut_off_after_it_was_heard_it_makes_one_job(
    plane: ControlPlane, run: Operators, clones: Clones, wire: Wire
) -> None:
    made = run.start(server=wire.server)
    plane.wait(made.leads, 60)
    mark = plane.audit.mark()
    clones.apply()
    plane.wait(
        lambda: plane.audit_events(since=mark, user=OPERATOR_USER, verbs=WRITES, namespace=clones.namespace),
        60,
        "its first write",
    )
    wire.lose_answers()
    time.sleep(1)
    wire.drop()
    wire.restore()
    runs(clones)
    assert wire.lost_bytes > 0, "nothing was on its way"
    assert made.process.poll() is None, "so short a cut costs no lease"
    consistently(lambda: made_jobs(plane, clones) == 1, 3, "one RayJob was ever made")
    consistently(lambda: has_one_attempt(clones), 3, "one attempt")


def test_watches_that_fall_silent_are_opened_again(
    plane: ControlPlane, run: Operators, clones: Clones, wire: Wire
) -> None:
    made = run.start(server=wire.server, fault=SHORT_SILENCE)
    plane.wait(made.leads, 60)
    clones.apply()
    runs(clones)
    wire.stall_open()
    clones.saved(1, 50)
    clones.wait(lambda: clones.get()["status"].get("progress", {}).get("percent") == 50, 60, "it hears again")
    assert made.process.poll() is None
    consistently(lambda: made_jobs(plane, clones) == 1, 2, "one RayJob")


def test_a_leader_that_is_cut_off_ends_itself_before_the_other_acts(
    plane: ControlPlane, run: Operators, clones: Clones, wire: Wire
) -> None:
    first = run.start(server=wire.server)
    plane.wait(first.leads, 60)
    second = run.start()
    plane.wait(second.is_ready, 60)
    clones.apply()
    clones.wait(clones.jobs, 90, "a RayJob")
    wire.stall()
    plane.wait(lambda: first.process.poll() is not None, 60, "the one that is cut off ends")
    assert first.process.returncode == 3
    assert not second.leads(), "never two"
    wire.restore()
    plane.wait(second.leads, 60)
    runs(clones)
    consistently(lambda: made_jobs(plane, clones) == 1, 3, "one RayJob was ever made")
    consistently(lambda: has_one_attempt(clones), 3, "one attempt")


@pytest.mark.parametrize("hours", [24 * 30, -24 * 30])
def test_a_clock_that_jumps_moves_nothing_that_runs(
    plane: ControlPlane, run: Operators, clones: Clones, tmp_path: Path, hours: int
) -> None:
    clock = tmp_path / "hours"
    clock.write_text("0")
    made = run.start(fault=CLOCK.format(path=str(clock)))
    plane.wait(made.leads, 60)
    clones.apply()
    runs(clones)
    time.sleep(2)
    mark = plane.audit.mark()
    clock.write_text(str(hours))
    for number in range(5):
        plane.kubectl("annotate", "vc", "anna", "-n", clones.namespace, f"example.com/wake={number}", "--overwrite")
        time.sleep(0.5)
    ours = plane.audit_events(since=mark, user=OPERATOR_USER, verbs=WRITES, namespace=clones.namespace)
    assert len(ours) <= 1, "the time itself is no news"
    assert "completionTime" not in clones.get()["status"]["attempts"][0]
    clones.finished(1)
    clones.wait_for("Ready", "True", "Ready", seconds=90)
    assert made_jobs(plane, clones) == 1


def test_without_kuberay_it_waits_and_begins_when_it_comes(tmp_path: Path) -> None:
    with ControlPlane(nodes={"cpu": 2}, kuberay=False) as mine:
        install(mine)
        name = mine.new_namespace("voices")
        with operators(mine, tmp_path) as run:
            made = run.start()
            mine.wait(made.leads, 60)
            clones = Clones(mine, name)
            clones.apply()
            clones.wait_for("Admitted", "False", "KubeRayMissing")
            mine.start_kuberay()
            clones.wait(clones.jobs, 90, "a RayJob")
            consistently(lambda: made_jobs(mine, clones) == 1, 2, "one RayJob")


def test_the_next_attempt_waits_for_a_pod_that_hangs(plane: ControlPlane, run: Operators, clones: Clones) -> None:
    made = run.start()
    plane.wait(made.leads, 60)
    clones.apply()
    runs(clones, 40)
    place = ("-n", clones.namespace)
    pod = clones.wait(lambda: plane.pods(clones.namespace)[0]["metadata"]["name"], 90, "a pod")
    hold = json.dumps({"metadata": {"finalizers": ["example.com/stuck"]}})
    plane.kubectl("patch", "pod", pod, *place, "--type=merge", "-p", hold)
    plane.kubectl("delete", "rayjob", clones.jobs()[0]["metadata"]["name"], *place)
    clones.wait_for("Admitted", "False", "WaitingForPods", seconds=90)
    consistently(lambda: made_jobs(plane, clones) == 1, 4, "no second one beside it")
    plane.kubectl("patch", "pod", pod, *place, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    job = clones.wait(lambda: clones.jobs()[0] if clones.jobs() else None, 120, "the next attempt")
    assert "step-40" in job["spec"]["entrypoint"] and made_jobs(plane, clones) == 2


def test_a_store_that_hangs_keeps_no_attempt_from_ending(plane: ControlPlane, run: Operators, clones: Clones) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes connections, and never answers
        storage = {**RUNTIME["spec"]["storage"], "endpointURL": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        offered = f"hangs-{clones.namespace}"
        plane.apply({**RUNTIME, "metadata": {"name": offered}, "spec": {**RUNTIME["spec"], "storage": storage}})
        made = run.start()
        plane.wait(made.leads, 60)
        clones.apply(runtimeRef={"name": offered})
        runs(clones, 40)
        plane.kubectl("delete", "rayjob", clones.jobs()[0]["metadata"]["name"], "-n", clones.namespace)
        clones.wait(lambda: clones.get()["status"]["attempts"][0].get("reason") == "CapacityLost", 60)
        job = clones.wait(lambda: clones.jobs()[0] if clones.jobs() else None, 90, "the next attempt")
        assert "step-40" in job["spec"]["entrypoint"], "from what the mailbox said"
        assert "the store does not say how" in made.log()
        assert made_jobs(plane, clones) == 2
        plane.kubectl("delete", "vtr", offered)


def test_a_runtime_that_is_edited_under_a_paused_clone_changes_nothing_that_runs(
    plane: ControlPlane, run: Operators, clones: Clones
) -> None:
    offered = f"mine-{clones.namespace}"
    plane.apply({**RUNTIME, "metadata": {"name": offered}})
    made = run.start()
    plane.wait(made.leads, 60)
    clones.apply(runtimeRef={"name": offered})
    runs(clones)
    before = clones.jobs()[0]
    place = ("-n", clones.namespace)
    plane.kubectl("annotate", "vc", "anna", *place, "clocktrain.dev/paused=true")
    mark = plane.audit.mark()
    image = json.dumps({"spec": {"images": {"trainer": "registry.example/trainer:2"}}})
    plane.kubectl("patch", "vtr", offered, "--type=merge", "-p", image)
    consistently(
        lambda: not plane.audit_events(since=mark, user=OPERATOR_USER, verbs=WRITES, namespace=clones.namespace),
        4,
        "it is left alone",
    )
    plane.kubectl("annotate", "vc", "anna", *place, "clocktrain.dev/paused-")
    time.sleep(2)
    (after,) = clones.jobs()
    assert (after["metadata"]["uid"], after["spec"]) == (before["metadata"]["uid"], before["spec"])
    assert made_jobs(plane, clones) == 1
    plane.kubectl("delete", "vtr", offered)


def test_series_go_with_their_clone(plane: ControlPlane, run: Operators, clones: Clones) -> None:
    made = run.start()
    plane.wait(made.leads, 60)
    clones.apply()
    runs(clones)
    gauges = ("clocktrain_clones{", "clocktrain_clones_condition{", "clocktrain_accelerator_seconds{")

    def shown() -> set[str]:
        lines = made.get("/metrics").splitlines()
        return {gauge for gauge in gauges for line in lines if line.startswith(gauge) and clones.namespace in line}

    assert shown() == set(gauges)
    plane.kubectl("delete", "vc", "anna", "-n", clones.namespace, "--timeout=60s")
    plane.wait(lambda: not shown(), 30, "its series are gone")


def test_the_longest_name_runs_and_all_its_children_fit(plane: ControlPlane, run: Operators, clones: Clones) -> None:
    made = run.start()
    plane.wait(made.leads, 60)
    name = "a" * 40
    clones.apply(name=name)
    clones.wait(clones.jobs, 60, "a RayJob")
    clones.wait(lambda: plane.pods(clones.namespace), 90, "pods")
    with pytest.raises(Exception, match="Too long"):
        clones.apply(name="a" * 41)
    assert made_jobs(plane, clones) == 1
