"""Voices of other people that were made from a base with an erased speaker, and fine-tunes that would be."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from operator_world import CONSENT, DIGEST, NAMESPACE, World

from clock_train.crd.v1alpha1 import VoiceClone
from voiceclone_operator.kinds import CLEANUPS, CLONES, CONSENTS
from voiceclone_operator.mirror import Mirror
from voiceclone_operator.observed import spelled

DAY_S = 86_400
RETRAIN_BY_S = 30 * DAY_S
BASE = "ef" * 32
BASE_URI = f"s3://clocktrain/{NAMESPACE}/bundles/{BASE}"
FROM_CLONE, FROM_BUNDLE = {"cloneRef": {"name": "base-en"}}, {"bundleURI": BASE_URI}


def base_clone(digest: str = BASE, **status: Any) -> dict[str, Any]:
    """The clone of many speakers that made the base."""
    uri = f"s3://clocktrain/{NAMESPACE}/bundles/{digest}"
    voice = {"version": 1, "digest": digest, "bundleURI": uri}
    pins = [{"name": "ben-2026", "uid": "c9"}]
    finished = {**voice, "finishTime": "2026-11-01T00:00:00Z", "consents": pins}
    return {
        "apiVersion": "clocktrain.dev/v1alpha1",
        "kind": "VoiceClone",
        "metadata": {"name": "base-en", "namespace": NAMESPACE, "uid": "b1", "resourceVersion": "1"},
        "spec": {"speakers": [{"name": "ben", "consentRef": {"name": "ben-2026"}}]},
        "status": {"voice": voice, "versions": [finished], **status},
    }


def erasure(**more: Any) -> dict[str, Any]:
    return {"consent": "ben-2026", "uid": "c9", "speaker": "ben", "noticeTime": "2026-11-10T00:00:00Z", **more}


def world_from(base: dict[str, Any], **spec: Any) -> World:
    world = World(base=base, serving={"policy": "Always"}, **spec)
    world.base = base_clone()
    world.settle()
    return world


def finished(base: dict[str, Any] | None = None) -> World:
    """Anna's voice, made from the base, and served."""
    world = world_from(base or FROM_CLONE)
    world.finish()
    world.settle()
    assert world.condition("Served") == ("True", "Served")
    return world


def retire(world: World) -> None:
    world.retired_bases = {BASE: spelled(world.now)}
    world.settle()


@pytest.mark.parametrize("base", [FROM_CLONE, FROM_BUNDLE], ids=["cloneRef", "bundleURI"])
def test_a_version_remembers_the_base_that_it_was_made_from(base: dict[str, Any]) -> None:
    world = finished(base)
    assert world.status["attempts"][0]["baseURI"] == BASE_URI
    assert world.status["versions"][0]["baseURI"] == BASE_URI and "baseRetireTime" not in world.status["versions"][0]
    VoiceClone.model_validate(world.clone)


@pytest.mark.parametrize("base", [FROM_CLONE, FROM_BUNDLE], ids=["cloneRef", "bundleURI"])
def test_a_voice_of_a_retired_base_is_served_until_a_date_that_is_said(base: dict[str, Any]) -> None:
    world = finished(base)
    retire(world)
    retired = spelled(world.now)
    assert world.status["serving"] == {"champion": 1} and world.condition("Served") == ("True", "RetrainBy")
    said = "is served until 2026-12-24T12:00:00Z; before that, name another base in `spec.base`"
    assert said in world.message("Served")
    assert [e.type for e in world.events if e.reason == "RetrainBy"] == ["Warning"]
    assert world.status["versions"][0]["baseRetireTime"] == retired
    assert world.condition("Ready") == ("True", "Ready") and world.condition("Accepted") == ("True", "Accepted")
    VoiceClone.model_validate(world.clone)
    world.wait(RETRAIN_BY_S - 1)
    assert world.reconcile().actions == []
    assert world.plan().look_again_s == pytest.approx(1.0)
    world.wait(1)
    world.settle()
    assert "serving" not in world.status and world.condition("Served") == ("False", "BaseRetired")
    assert "name another base in `spec.base`" in world.message("Served")
    VoiceClone.model_validate(world.clone)


def test_the_runtime_says_how_long_it_is_served() -> None:
    world = finished()
    assert world.runtime is not None
    world.runtime["spec"]["retrainBySeconds"] = 0
    retire(world)
    assert "serving" not in world.status and world.condition("Served") == ("False", "BaseRetired")


def test_it_is_known_once_the_clone_of_the_base_is_gone() -> None:
    world = finished()
    retire(world)
    world.retired_bases, world.base = {}, None
    world.wait(RETRAIN_BY_S)
    world.settle()
    assert world.condition("Served") == ("False", "BaseRetired")


def test_a_paused_clone_is_taken_out_as_well() -> None:
    world = finished()
    retire(world)
    world.annotate("clocktrain.dev/paused", "true")
    world.wait(RETRAIN_BY_S)
    world.settle()
    assert "serving" not in world.status


def test_a_version_from_another_base_takes_its_place() -> None:
    world = finished()
    retire(world)
    other = "aa" * 32
    world.base = base_clone(other)
    world.settle()
    world.edit(training={"seed": 2})
    world.settle()
    world.finish("bb" * 32)
    world.settle()
    assert world.status["serving"]["champion"] == 2
    assert world.status["serving"]["previous"] == 1, "it can be gone back to until the same day"
    assert world.condition("Served") == ("True", "Served")
    world.wait(RETRAIN_BY_S)
    world.settle()
    assert world.status["serving"] == {"champion": 2} and world.condition("Served") == ("True", "Served")


@pytest.mark.parametrize("base", [FROM_CLONE, FROM_BUNDLE], ids=["cloneRef", "bundleURI"])
def test_nothing_new_is_made_from_a_retired_base(base: dict[str, Any]) -> None:
    world = World(base=base)
    world.base = base_clone()
    world.retired_bases = {BASE: spelled(world.now)}
    world.settle()
    assert world.made_jobs == [] and world.condition("Accepted") == ("False", "BaseRetired")
    assert "contains a speaker who was erased on 2026-11-24" in world.message("Accepted")
    assert "name another in `spec.base`" in world.message("Accepted")


def test_a_next_version_of_a_retired_base_is_refused_and_the_one_before_served() -> None:
    world = finished()
    retire(world)
    world.edit(training={"seed": 2})
    world.settle()
    assert len(world.made_jobs) == 1 and world.condition("Accepted") == ("False", "BaseRetired")
    assert world.status["serving"] == {"champion": 1}


def test_what_trains_when_its_base_is_retired_may_finish() -> None:
    world = world_from(FROM_CLONE)
    world.checkpoint(40)
    world.settle()
    retire(world)
    assert len(world.live_jobs()) == 1 and world.condition("Accepted") == ("True", "Accepted")
    world.finish()
    world.settle()
    assert world.condition("Served") == ("True", "RetrainBy")


class Seeing:
    """A mirror with the clone of the base and one that is made from it."""

    def __init__(self) -> None:
        self.mirror = Mirror("clocktrain")
        self.clone = {**World(base=FROM_BUNDLE).clone}
        self.clone["metadata"] |= {"resourceVersion": "1"}
        self.mirror.put(CLONES, self.clone)
        self.mirror.put(CLONES, base_clone())

    def retired(self) -> dict[str, str]:
        found = self.mirror.observed((NAMESPACE, "anna"), {})
        assert found is not None
        return dict(found.retired_bases)


def test_the_mirror_knows_a_base_as_retired_from_when_a_speaker_of_it_is_erased() -> None:
    seeing = Seeing()
    seeing.mirror.put(CLONES, base_clone(erasures=[erasure()]))
    assert seeing.retired() == {}, "not within the time of grace"
    done = base_clone(erasures=[erasure(startTime="2026-11-17T00:05:00Z")])
    assert (NAMESPACE, "anna") in seeing.mirror.put(CLONES, done), "clones that name its bundle are visited"
    assert seeing.retired() == {BASE: "2026-11-17T00:05:00Z"}
    assert (NAMESPACE, "anna") not in seeing.mirror.put(CLONES, done), "once"
    seeing.mirror.drop(CLONES, done)
    assert seeing.retired() == {}


def test_what_was_made_from_a_retired_base_is_retired_as_a_base_itself() -> None:
    world = finished()
    retire(world)
    assert world.condition("Ready") == ("True", "Ready")
    mirror = Mirror("clocktrain")
    world.clone["metadata"]["resourceVersion"] = "1"
    mirror.put(CLONES, world.clone)
    found = mirror.observed((NAMESPACE, "anna"), {})
    assert found is not None and found.retired_bases == {DIGEST: spelled(world.now)}


def test_a_version_without_the_speaker_is_a_base_as_before() -> None:
    seeing = Seeing()
    done = base_clone(erasures=[erasure(startTime="2026-11-17T00:05:00Z", uid="c8")])
    seeing.mirror.put(CLONES, done)
    assert seeing.retired() == {}


def test_retired_bases_of_another_namespace_are_not_known_here() -> None:
    seeing = Seeing()
    done = base_clone(erasures=[erasure(startTime="2026-11-17T00:05:00Z")])
    done["metadata"]["namespace"] = "others"
    seeing.mirror.put(CLONES, done)
    assert seeing.retired() == {}


def consent(name: str, uid: str, *, speaker: str = "anna", revoked: bool = False) -> dict[str, Any]:
    found = copy.deepcopy(CONSENT)
    found["metadata"] |= {"name": name, "uid": uid}
    found["spec"] |= {"speaker": speaker, "revoked": revoked}
    return found


def names_seen(mirror: Mirror) -> set[str]:
    found = mirror.observed((NAMESPACE, "anna"), {})
    assert found is not None
    return set(found.consents)


def test_the_mirror_shows_the_speakers_other_consents_once_one_is_revoked() -> None:
    mirror = Seeing().mirror
    for each in (consent("anna-2026", "c1"), consent("anna-2027", "c2"), consent("ben-2026", "c3", speaker="ben")):
        mirror.put(CONSENTS, each)
    assert names_seen(mirror) == {"anna-2026"}
    mirror.put(CONSENTS, consent("anna-2026", "c1", revoked=True))
    assert names_seen(mirror) == {"anna-2026", "anna-2027"}


def test_the_mirror_shows_them_also_where_the_revoked_one_was_deleted() -> None:
    seeing = Seeing()
    waiting = {"consent": "anna-2026", "uid": "c1", "speaker": "anna", "noticeTime": "2026-11-10T00:00:00Z"}
    seeing.mirror.put(CLONES, {**seeing.clone, "status": {"erasures": [waiting]}})
    seeing.mirror.put(CONSENTS, consent("anna-2027", "c2"))
    assert names_seen(seeing.mirror) == {"anna-2027"}


def test_the_mirror_shows_a_clone_the_jobs_that_erase_for_it() -> None:
    seeing = Seeing()
    uid = seeing.clone["metadata"]["uid"]
    name = f"erase-{uid}-01234567-1"
    labels = {"clocktrain.dev/clone-uid": uid, "clocktrain.dev/clone": "anna"}
    job = {"kind": "Job", "metadata": {"name": name, "namespace": "clocktrain", "labels": labels}}
    assert seeing.mirror.put(CLEANUPS, job) == {(NAMESPACE, "anna")}
    found = seeing.mirror.observed((NAMESPACE, "anna"), {})
    assert found is not None and list(found.erasers) == [name] and found.cleanup is None
