"""What is served of a clone, story by story: champions, canaries, rollbacks, gates, and consents that end."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from operator_world import CONSENT, NAMESPACE, World

from clock_train.crd.v1alpha1 import VoiceClone
from voiceclone_operator.facts import Facts
from voiceclone_operator.observed import spelled
from voiceclone_operator.serving import known_versions

IF_GATE = {"policy": "IfGatePasses"}
GATE = {"minSpeakerSimilarity": "0.8"}
PASSED: list[dict[str, str]] = [{"line": "minSpeakerSimilarity", "reason": "Passed", "message": "held"}]
MISSED = [{"line": "minSpeakerSimilarity", "reason": "Missed", "message": "missed with 0.5"}]


def digest(version: int) -> str:
    return f"{version:02x}" * 32


def finish(world: World, *, gate: list[dict[str, str]] | None = None) -> int:
    """The version that runs gets its voice; its number."""
    number = world.status["version"]["number"]
    world.finish(digest(number), gate=PASSED if gate is None else gate)
    world.settle()
    return number


def train(world: World, *, gate: list[dict[str, str]] | None = None) -> int:
    """One more version, to its end."""
    world.edit(training={"seed": world.status["version"]["number"] + 1})
    world.settle()
    return finish(world, gate=gate)


def served(**serving: Any) -> World:
    """A clone with one version that has its voice."""
    made = World(serving={**IF_GATE, **serving}, gate=GATE)
    made.settle()
    finish(made)
    return made


def serve(world: World, **serving: Any) -> None:
    world.edit(serving={**IF_GATE, **serving})
    world.settle()


def events(world: World) -> list[str]:
    return [event.reason for event in world.events]


def test_the_newest_version_that_passed_is_the_champion_and_the_one_before_stays_at_hand() -> None:
    world = served()
    assert world.status["serving"] == {"champion": 1}
    assert world.condition("Served") == ("True", "Served")
    assert "ConfigMap clocktrain-serving" in world.message("Served")
    train(world)
    assert world.status["serving"] == {"champion": 2, "previous": 1}
    assert [v["version"] for v in world.status["versions"]] == [1, 2]
    assert world.status["versions"][1] == {
        "version": 2,
        "digest": digest(2),
        "bundleURI": f"s3://clocktrain/{NAMESPACE}/bundles/{digest(2)}",
        "gatePassed": True,
        "finishTime": spelled(world.now),
        "consents": [{"name": "anna-2026", "uid": "c1"}],
    }
    assert events(world).count("Promoted") == 2
    VoiceClone.model_validate(world.clone)


def test_while_the_next_version_trains_the_one_before_is_served() -> None:
    world = served()
    world.edit(training={"seed": 2})
    world.settle()
    assert world.condition("Ready") == ("False", "Training")
    assert world.condition("Served") == ("True", "Served")


def test_what_is_served_costs_no_write_at_rest() -> None:
    world = served(canaryPercent=10)
    train(world)
    for _ in range(10):
        world.wait(3_600)
        assert world.reconcile().actions == []


def test_a_pinned_version_stays_while_newer_ones_come_and_one_of_them_gets_the_canary() -> None:
    world = served(championVersion=1, canaryPercent=10)
    assert "waits for a newer version" in world.message("Served")
    train(world)
    assert world.status["serving"] == {"champion": 1, "candidate": 2, "canaryPercent": 10}
    assert "version 2 gets 10 of 100 requests" in world.message("Served")
    assert "Canary" in events(world)
    serve(world, championVersion=2)
    assert world.status["serving"] == {"champion": 2, "previous": 1}


def test_a_rollback_goes_to_the_version_before_and_back_again() -> None:
    world = served()
    train(world)
    serve(world, championVersion=1, canaryPercent=0)
    assert world.status["serving"] == {"champion": 1, "previous": 2}
    serve(world, championVersion=2)
    assert world.status["serving"] == {"champion": 2, "previous": 1}
    assert len(world.made_jobs) == 2, "nothing was trained for it"


def test_a_version_that_missed_the_gate_is_not_served_unless_always_is_asked() -> None:
    world = served()
    train(world, gate=MISSED)
    assert world.status["serving"] == {"champion": 1}, "and it is no candidate either"
    serve(world, championVersion=2)
    assert world.condition("Served") == ("False", "GateMissed")
    assert world.status["serving"] == {"champion": 1}, "nobody who listens loses a voice by it"
    serve(world, policy="Always")
    assert world.status["serving"] == {"champion": 2, "previous": 1}


def test_a_first_version_that_missed_the_gate_is_said() -> None:
    world = World(serving=IF_GATE, gate=GATE)
    world.settle()
    assert world.condition("Served") == ("False", "NothingToServe")
    finish(world, gate=MISSED)
    assert "serving" not in world.status
    assert world.condition("Served") == ("False", "GateMissed")
    assert "`spec.serving.policy` to Always" in world.message("Served")
    assert [e.type for e in world.events if e.reason == "GateMissed" and "train another" in e.message] == ["Warning"]
    world.edit(gate={})
    world.settle()
    assert world.status["serving"] == {"champion": 1}, "a gate without lines is passed by all"


def test_a_version_that_nobody_judged_did_not_pass() -> None:
    world = World(serving=IF_GATE, gate=GATE)
    world.settle()
    world.finish(digest(1), metrics={})
    world.settle()
    assert world.condition("Served") == ("False", "GateMissed")
    assert "was not judged" in world.message("Served")
    assert "gatePassed" not in world.status["versions"][0]


def test_an_unknown_version_is_said_with_those_that_there_are() -> None:
    world = served()
    serve(world, championVersion=7)
    assert world.condition("Served") == ("False", "VersionUnknown")
    assert world.message("Served") == (
        "there is no version 7, which `spec.serving.championVersion` names; version 1 is served as before; "
        "status.versions has 1"
    )
    assert world.status["serving"] == {"champion": 1}


@pytest.mark.parametrize("serving", [None, {"policy": "Never"}])
def test_what_nobody_wants_is_not_served(serving: dict[str, Any] | None) -> None:
    world = served()
    if serving is None:
        del world.clone["spec"]["serving"]
        world.edit()
    else:
        world.edit(serving=serving)
    world.settle()
    assert world.condition("Served") == ("False", "NotWanted")
    assert "serving" not in world.status


@pytest.mark.parametrize(
    ("fate", "reason"),
    [
        ({"revoked": True}, "ConsentRevoked"),
        ({"expirationTime": "2026-11-24T11:00:00Z"}, "ConsentExpired"),
        (None, "ConsentNotFound"),
    ],
)
@pytest.mark.parametrize("paused", [False, True])
def test_a_consent_that_is_gone_takes_the_voice_away_at_once(
    fate: dict[str, Any] | None, reason: str, paused: bool
) -> None:
    world = served()
    if paused:
        world.annotate("clocktrain.dev/paused", "true")
        assert world.reconcile().actions == []
    if fate is None:
        world.consents = {}
    else:
        world.consents["anna-2026"]["spec"] |= fate
    world.settle()
    assert "serving" not in world.status
    assert world.condition("Served") == ("False", reason)
    assert "anna-2026" in world.message("Served")
    VoiceClone.model_validate(world.clone)
    assert world.reconcile().actions == []


def test_a_consent_hides_behind_no_missing_runtime() -> None:
    world = served()
    world.runtime = None
    world.settle()
    assert world.status["serving"] == {"champion": 1}
    world.consents["anna-2026"]["spec"]["revoked"] = True
    world.settle()
    assert "serving" not in world.status


def test_a_version_keeps_the_consents_that_it_was_made_with() -> None:
    world = served()
    world.consents["anna-2027"] = {**CONSENT, "metadata": {**CONSENT["metadata"], "name": "anna-2027", "uid": "c2"}}
    speaker = {**world.clone["spec"]["speakers"][0], "consentRef": {"name": "anna-2027"}}
    world.edit(speakers=[speaker])
    world.settle()
    finish(world)
    assert [v["consents"] for v in world.status["versions"]] == [
        [{"name": "anna-2026", "uid": "c1"}],
        [{"name": "anna-2027", "uid": "c2"}],
    ]
    serve(world, championVersion=1)
    world.consents["anna-2026"]["spec"]["revoked"] = True
    world.settle()
    assert world.condition("Served") == ("False", "ConsentRevoked")
    assert "serving" not in world.status, "neither it nor, by itself, another one than was asked for"
    serve(world, championVersion=0)
    assert world.status["serving"] == {"champion": 2}


@pytest.mark.parametrize("paused", ["true", "false"])
def test_the_end_of_a_consent_is_waited_for(paused: str) -> None:
    world = served()
    world.annotate("clocktrain.dev/paused", paused)
    world.consents["anna-2026"]["spec"]["expirationTime"] = spelled(world.now + timedelta(seconds=90))
    assert world.plan().look_again_s == 90
    world.wait(91)
    world.settle()
    assert world.condition("Served") == ("False", "ConsentExpired")


def test_a_table_without_room_is_said_and_what_is_wanted_is_kept() -> None:
    world = served()
    world.left_out = ("NameTaken", "an older one has the name")
    world.settle()
    assert world.condition("Served") == ("False", "NameTaken")
    assert world.status["serving"] == {"champion": 1}


def test_a_manifest_that_cannot_be_read_takes_nothing_away() -> None:
    world = served()
    world.edit(preset="Other")
    world.settle()
    assert world.status["serving"] == {"champion": 1}
    assert world.condition("Served") == ("False", "ManifestInvalid")


def test_what_an_older_operator_finished_is_served_too() -> None:
    world = served()
    del world.clone["status"]["versions"], world.clone["status"]["serving"]
    world.settle()
    assert world.status["serving"] == {"champion": 1}
    assert world.status["versions"][0]["gatePassed"] is True


def test_ten_versions_are_kept_and_the_served_ones_among_them() -> None:
    world = served(championVersion=1)
    for _ in range(12):
        train(world)
    assert [v["version"] for v in world.status["versions"]] == [1, *range(5, 14)]
    VoiceClone.model_validate(world.clone)


def test_the_snapshot_that_names_the_consents_may_be_gone() -> None:
    world = World(serving=IF_GATE)
    world.settle()
    world.children[("ConfigMap", "anna-attempt-1")]["data"]["voiceclone.json"] = json.dumps([])
    finish(world)
    assert world.status["versions"][0]["consents"] == [{"name": "anna-2026", "uid": "c1"}]


def test_a_voice_of_which_nothing_says_whose_it_is_is_the_clones_speakers() -> None:
    world = World()  # neither status nor snapshot nor attempt is left, and the runtime is gone
    voice = {"version": 1, "digest": digest(1), "bundleURI": "s3://clocktrain/voices/bundles/d"}
    (version,) = known_versions(Facts(world.observed(), world.now, voice=voice, version={"number": 1, "digest": "d"}))
    assert version["consents"] == [{"name": "anna-2026", "uid": ""}]


def test_a_status_that_is_lost_while_the_clone_is_paused_breaks_nothing() -> None:
    world = served()
    world.annotate("clocktrain.dev/paused", "true")
    world.consents["anna-2026"]["spec"]["revoked"] = True
    world.clone.pop("status")
    world.settle()
    assert "serving" not in world.status
