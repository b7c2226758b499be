"""A revoked consent, story by story: the voice goes at once, everything of the speaker after the time of grace."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from operator_world import CONSENT, NAMESPACE, SETTINGS, UID, World

from clock_train.crd.v1alpha1 import VoiceClone
from clock_train.orchestration import erase_speaker
from voiceclone_operator.actions import CreateCleanup, WriteStatus
from voiceclone_operator.facts import Settings
from voiceclone_operator.observed import spelled, time_of
from voiceclone_operator.reconcile import plan

DAY_S = 86_400
GRACE_S = 7 * DAY_S


def made(*, grace_s: int | None = None, **spec: Any) -> World:
    """A clone with a voice that is served."""
    world = World(serving={"policy": "Always"}, **spec)
    if grace_s is not None:
        assert world.runtime is not None
        world.runtime["spec"]["erasureGraceSeconds"] = grace_s
    world.settle()
    world.finish()
    world.settle()
    assert world.status["serving"] == {"champion": 1}
    assert world.condition("Erased") == ("False", "NotRevoked")
    return world


def revoked(**spec: Any) -> World:
    world = made(**spec)
    world.revoke()
    world.settle()
    return world


def erased(world: World) -> dict[str, Any]:
    (entry,) = world.status["erasures"]
    return entry


def argument(job: dict[str, Any], word: str) -> str:
    command = job["spec"]["template"]["spec"]["containers"][0]["command"]
    return command[command.index(word) + 1]


def events(world: World) -> list[str]:
    return [event.reason for event in world.events]


def test_it_waits_for_the_end_of_the_grace_and_says_when_that_is() -> None:
    world = revoked()
    noticed = world.now
    assert "serving" not in world.status, "the voice is gone at once"
    assert world.condition("Erased") == ("False", "WaitingForGrace")
    assert erased(world) == {"consent": "anna-2026", "uid": "c1", "speaker": "anna", "noticeTime": spelled(noticed)}
    assert 'everything of "anna" in this namespace is erased from 2026-12-01T12:00:00Z on' in world.message("Erased")
    world.wait(GRACE_S - 1)
    world.settle()
    assert world.erasers == {}
    assert world.plan().look_again_s == pytest.approx(1.0), "it looks again when it is due"
    VoiceClone.model_validate(world.clone)


def test_waiting_costs_no_write() -> None:
    world = revoked()
    for _ in range(6):
        world.wait(DAY_S)
        assert world.reconcile().actions == []


def test_after_the_grace_one_job_erases_everything_of_the_speaker() -> None:
    world = revoked()
    world.wait(GRACE_S)
    world.settle()
    (job,) = world.erasers.values()
    assert job["metadata"]["namespace"] == SETTINGS.operator_namespace
    assert argument(job, "-m") == erase_speaker.__name__
    assert [argument(job, f"--{word}") for word in ("namespace", "speaker", "consent", "uid", "store")] == [
        NAMESPACE, "anna", "anna-2026", UID, "s3://clocktrain",
    ]  # fmt: skip
    assert world.condition("Erased") == ("False", "Erasing")
    assert f"kubectl get job {job['metadata']['name']} -n clocktrain" in world.message("Erased")
    assert world.reconcile().actions == [], "it is waited for without a write"
    VoiceClone.model_validate(world.clone)


def test_what_is_erased_is_said_with_the_place_of_the_receipt() -> None:
    world = revoked()
    world.wait(GRACE_S)
    world.settle()
    (job,) = world.erasers.values()
    world.end_eraser()
    world.settle()
    receipt = f"s3://clocktrain/{NAMESPACE}/receipts/{argument(job, '--receipt')}.json"
    assert world.condition("Erased") == ("True", "Erased") and receipt in world.message("Erased")
    assert erased(world)["receiptURI"] == receipt and erased(world)["completionTime"] == spelled(world.now)
    assert world.condition("Ready") == ("False", "Erased")
    assert "Erased" in events(world)
    VoiceClone.model_validate(world.clone)
    # the Job is cleared away after a day, and nothing begins anew
    world.erasers.clear()
    world.wait(100 * DAY_S)
    world.settle()
    assert world.erasers == {} and world.condition("Erased") == ("True", "Erased")


def test_a_grace_of_zero_erases_at_once() -> None:
    world = revoked(grace_s=0)
    assert len(world.erasers) == 1 and world.condition("Erased") == ("False", "Erasing")


def test_what_trains_is_stopped_before_anything_is_erased() -> None:
    world = World()
    assert world.runtime is not None
    world.runtime["spec"]["erasureGraceSeconds"] = 0
    world.settle()
    world.checkpoint(40)
    world.settle()
    pods = copy.deepcopy(world.pods)
    world.revoke()
    world.reconcile()
    world.pods = pods  # they take their time
    world.settle()
    assert world.jobs == {} and world.erasers == {}
    assert world.condition("Erased") == ("False", "WaitingForPods")
    world.pods.clear()
    world.settle()
    assert len(world.erasers) == 1


def test_one_that_holds_again_within_the_grace_is_served_again_and_nothing_is_erased() -> None:
    world = revoked()
    world.wait(DAY_S)
    world.revoke(revoked=False)
    world.settle()
    assert world.condition("Erased") == ("False", "NotRevoked") and "erasures" not in world.status
    assert world.status["serving"] == {"champion": 1}
    world.wait(GRACE_S)
    world.settle()
    assert world.erasers == {}
    world.revoke()  # and the grace begins anew
    world.settle()
    assert erased(world)["noticeTime"] == spelled(world.now)


def test_one_that_holds_again_later_calls_nothing_off_and_nothing_trains_under_it() -> None:
    world = revoked(grace_s=0)
    world.revoke(revoked=False)
    world.settle()
    assert world.condition("Erased") == ("False", "Erasing")
    assert world.condition("Accepted") == ("False", "ConsentRevoked")
    world.end_eraser()
    world.edit(training={"seed": 2})
    world.settle()
    assert world.condition("Erased") == ("True", "Erased")
    assert len(world.made_jobs) == 1


def test_a_consent_that_is_deleted_once_it_was_revoked_is_acted_on_all_the_same() -> None:
    world = revoked()
    world.consents.clear()
    world.wait(GRACE_S)
    world.settle()
    (job,) = world.erasers.values()
    assert argument(job, "--speaker") == "anna"


def test_another_consent_of_the_speaker_that_holds_keeps_everything() -> None:
    world = revoked()
    other = {**copy.deepcopy(CONSENT), "metadata": {**CONSENT["metadata"], "name": "anna-2027", "uid": "c2"}}
    world.consents["anna-2027"] = other
    world.wait(GRACE_S)
    world.settle()
    assert world.erasers == {} and world.condition("Erased") == ("False", "ConsentRenewed")
    assert '"anna-2027"' in world.message("Erased")
    world.edit(speakers=[{**world.clone["spec"]["speakers"][0], "consentRef": {"name": "anna-2027"}}])
    world.settle()
    assert len(world.made_jobs) == 2, "and the next version is made under it"
    world.end_job("Failed", "FAILED")
    world.jobs.clear()
    world.pods.clear()
    world.revoke(name="anna-2027")
    world.settle()
    assert [argument(job, "--consent") for job in world.erasers.values()] == ["anna-2026"], "the first is long due"
    assert len(world.status["erasures"]) == 2


def with_ben(world: World) -> None:
    """The clone goes on with another speaker, whose consent holds."""
    ben = {**copy.deepcopy(CONSENT), "metadata": {**CONSENT["metadata"], "name": "ben-2026", "uid": "c9"}}
    ben["spec"]["speaker"] = "ben"
    world.consents["ben-2026"] = ben
    speaker = {**world.clone["spec"]["speakers"][0], "name": "ben", "consentRef": {"name": "ben-2026"}}
    world.edit(speakers=[speaker])
    world.settle()


def test_a_version_of_another_speaker_begins_once_the_erasure_is_done() -> None:
    world = revoked(grace_s=0)
    with_ben(world)
    assert len(world.made_jobs) == 1 and world.condition("Accepted") == ("True", "Accepted")
    assert world.condition("Admitted") == ("False", "WaitingForErasure")
    world.end_eraser()
    world.settle()
    assert len(world.made_jobs) == 2 and world.condition("Erased") == ("True", "Erased")
    world.finish("cd" * 32)
    world.settle()
    assert world.condition("Ready") == ("True", "Ready"), "what was erased was another version"
    assert world.status["serving"] == {"champion": 2}


def test_a_version_of_another_speaker_that_trains_is_waited_for_and_then_goes_on_from_nothing() -> None:
    world = made()
    with_ben(world)
    world.checkpoint(40)
    world.settle()
    world.revoke()
    world.wait(60)
    world.settle()
    world.wait(GRACE_S)
    world.settle()
    assert len(world.live_jobs()) == 1 and world.condition("Erased") == ("False", "WaitingForPods")
    world.edit(suspend=True)
    world.settle()
    world.checkpoint(44, state="stopped")
    world.settle()
    world.settle()
    assert len(world.erasers) == 1 and world.status["checkpoint"]["step"] == 44
    world.end_eraser()
    world.settle()
    assert "checkpoint" not in world.status, "it is gone with the rest"
    world.edit(suspend=False)
    world.settle()
    assert "--resume-from" not in next(iter(world.jobs.values()))["spec"]["entrypoint"]


def test_a_consent_that_was_never_accepted_erases_nothing() -> None:
    world = World()
    world.revoke()
    world.settle()
    world.wait(GRACE_S)
    world.settle()
    assert world.erasers == {} and world.condition("Erased") == ("False", "NotRevoked")


def test_a_consent_that_ends_by_itself_erases_nothing() -> None:
    world = made()
    world.wait(10 * 365 * DAY_S)
    world.settle()
    assert world.condition("Served") == ("False", "ConsentExpired")
    assert world.condition("Erased") == ("False", "NotRevoked") and world.erasers == {}


def test_a_job_that_fails_is_made_anew_after_a_pause_that_grows() -> None:
    world = revoked(grace_s=0)
    pauses = []
    for failures in range(1, 13):
        world.end_eraser(fails=True)
        world.settle()
        assert world.condition("Erased") == ("False", "ErasureFailed")
        assert erased(world)["failures"] == failures and len(world.erasers) == failures
        look = world.plan().look_again_s
        assert look is not None
        pauses.append(look)
        assert f"({failures} times); again at " in world.message("Erased")
        assert f"job-name={list(world.erasers)[-1]}" in world.message("Erased")
        world.wait(look)
        world.settle()
        assert len(world.erasers) == failures + 1
    assert pauses[:4] == [60, 120, 240, 480] and pauses[-1] == 6 * 3_600
    assert len({argument(job, "--receipt") for job in world.erasers.values()}) == 1, "each goes on with the receipt"
    world.end_eraser()
    world.settle()
    assert world.condition("Erased") == ("True", "Erased")
    assert events(world).count("ErasureFailed") == 12
    VoiceClone.model_validate(world.clone)


@pytest.mark.parametrize("dies_after", range(6))
def test_an_operator_that_dies_at_any_step_loses_and_doubles_nothing(dies_after: int) -> None:
    world = made()
    world.revoke()
    noticed = None
    for hour in range(24 * 9):
        world.reconcile(lost_after=dies_after)  # and another one goes on from what is there
        world.reconcile()
        if world.status.get("erasures"):
            noticed = noticed or erased(world)["noticeTime"]
            assert erased(world)["noticeTime"] == noticed, "the grace never begins again"
        if world.erasers:
            assert "startTime" in erased(world), "it is written down before anything is erased"
        if hour == 24 * 8:
            world.end_eraser()
        world.wait(3_600)
    began, seen = time_of(erased(world)["startTime"]), time_of(noticed)
    assert began is not None and seen is not None
    assert GRACE_S <= (began - seen).total_seconds() <= GRACE_S + 3_600
    assert len(world.erasers) == 1 and world.condition("Erased") == ("True", "Erased")


def test_that_it_begins_is_written_down_before_its_job_is_made() -> None:
    world = made(grace_s=0)
    world.revoke()
    first = world.reconcile()
    assert not [each for each in first.actions if isinstance(each, CreateCleanup)]
    assert "startTime" in erased(world) and first.look_again_s == pytest.approx(0.1)
    second = world.reconcile()
    assert [type(each) for each in second.actions] == [CreateCleanup]


def test_a_status_that_was_lost_is_made_out_from_the_attempts() -> None:
    world = revoked()
    world.clone.pop("status")
    world.settle()
    assert world.condition("Erased") == ("False", "WaitingForGrace")


def test_a_status_that_is_lost_while_a_job_erases_knows_that_it_has_begun() -> None:
    world = revoked(grace_s=0)
    world.clone.pop("status")
    world.settle()
    assert "startTime" in erased(world) and len(world.erasers) == 1
    world.revoke(revoked=False)
    world.settle()
    assert world.condition("Erased") == ("False", "Erasing")


@pytest.mark.parametrize("text", ["", "{", "[1]", "{}", '[{"metadata": {}}]', '[{"metadata": {"name": 1, "uid": []}}]'])
def test_a_config_map_of_somebody_else_breaks_nothing(text: str) -> None:
    world = made()
    world.children["ConfigMap", "strange"] = {"data": {"consents.json": text}}
    world.revoke()
    world.settle()
    assert world.condition("Erased") == ("False", "WaitingForGrace")


def test_a_clone_that_is_paused_keeps_the_time_and_erases_nothing() -> None:
    world = made()
    world.annotate("clocktrain.dev/paused", "true")
    world.revoke()
    world.settle()
    noticed = spelled(world.now)
    assert erased(world)["noticeTime"] == noticed and "serving" not in world.status
    world.wait(GRACE_S)
    world.settle()
    assert world.erasers == {}
    world.annotate("clocktrain.dev/paused", "false")
    world.settle()
    assert len(world.erasers) == 1 and erased(world)["noticeTime"] == noticed


def test_without_a_credential_it_says_so() -> None:
    world = revoked(grace_s=0)
    world.erasers.clear()
    written = [a for a in plan(world.observed(), world.now, Settings()).actions if isinstance(a, WriteStatus)]
    (found,) = [c for c in written[0].status["conditions"] if c["type"] == "Erased"]
    assert found["reason"] == "CredentialMissing" and "`operator.cleanupSecretName`" in found["message"]


def test_without_its_runtime_nobody_knows_where_to_erase() -> None:
    world = revoked()
    runtime, world.runtime = world.runtime, None
    world.wait(GRACE_S)
    world.settle()
    assert world.erasers == {} and world.condition("Erased") == ("False", "RuntimeNotFound")
    world.runtime = runtime
    world.settle()
    assert len(world.erasers) == 1


def test_a_run_is_stopped_for_a_revoked_consent_also_without_its_runtime() -> None:
    world = World()
    world.settle()
    world.runtime = None
    world.revoke()
    world.settle()
    assert world.jobs == {} and world.condition("Accepted") == ("False", "ConsentRevoked")


def of_two() -> World:
    """A base of Anna and Ben, and a runtime that erases at once."""
    ben = {**copy.deepcopy(CONSENT), "metadata": {**CONSENT["metadata"], "name": "ben-2026", "uid": "c9"}}
    ben["spec"]["speaker"] = "ben"
    speaker = World().clone["spec"]["speakers"][0]
    world = World(speakers=[speaker, {**speaker, "name": "ben", "consentRef": {"name": "ben-2026"}}])
    assert world.runtime is not None
    world.runtime["spec"]["erasureGraceSeconds"] = 0
    world.consents["ben-2026"] = ben
    world.settle()
    return world


def test_another_speakers_consent_that_cannot_be_read_hides_no_withdrawal() -> None:
    world = of_two()
    world.consents["anna-2026"]["spec"]["purposes"] = "none"
    world.settle()
    assert len(world.live_jobs()) == 1 and world.condition("Accepted") == ("False", "ConsentInvalid")
    world.revoke(name="ben-2026")
    world.settle()
    assert world.jobs == {} and world.condition("Accepted") == ("False", "ConsentRevoked")


def test_of_a_base_of_two_one_is_erased_after_the_other() -> None:
    world = of_two()
    world.finish()
    world.settle()
    world.revoke()
    world.revoke(name="ben-2026")
    world.settle()
    assert [argument(job, "--speaker") for job in world.erasers.values()] == ["anna"]
    assert world.condition("Erased") == ("False", "Erasing")
    assert '"ben" in this namespace is erased after that' in world.message("Erased")
    world.end_eraser()
    world.settle()
    assert [argument(job, "--speaker") for job in world.erasers.values()] == ["anna", "ben"]
    world.end_eraser()
    world.settle()
    assert world.condition("Erased") == ("True", "Erased")
    assert '"anna"' in world.message("Erased") and '"ben"' in world.message("Erased")


def test_a_clone_that_goes_within_the_grace_says_what_nobody_does_now() -> None:
    world = revoked()
    world.delete()
    world.settle()
    assert world.is_gone and world.erasers == {}
    (said,) = [event for event in world.events if event.reason == "ErasureLeft"]
    assert said.type == "Warning" and "clocktrain erase speaker anna --namespace voices" in said.message


def test_a_clone_that_goes_while_its_job_erases_leaves_it_alone() -> None:
    world = revoked(grace_s=0)
    world.delete()
    world.settle()
    assert world.is_gone and len(world.erasers) == 1 and "ErasureLeft" not in events(world)
