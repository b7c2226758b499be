"""Every rule and every bound of the three kinds, broken one at a time on a real API server.

The cases are made from the schema and from one manifest that has every list: a bound without a case, and a CEL rule
without a manifest, fails here.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from crd_cases import Case, cases, rules, schema_of
from harness.api import ApiError
from harness.control_plane import ControlPlane
from operator_process import RUNTIME, clone, consent, install

pytestmark = [pytest.mark.ring3, pytest.mark.timeout(400)]
KINDS = ("VoiceClone", "VoiceTrainingRuntime", "VoiceConsent")
TIME, SHA = "2026-11-24T12:00:00Z", "ab" * 32
CONDITION = {
    "type": "Ready",
    "status": "True",
    "reason": "Ready",
    "message": "",
    "observedGeneration": 1,
    "lastTransitionTime": TIME,
}
STATUS = {
    "conditions": [CONDITION],
    "progress": {"step": 1, "totalSteps": 2, "percent": 50},
    "attempts": [{"number": 1, "version": 1, "workers": 1, "createTime": TIME}],
    "checkpoint": {"uri": "s3://clocktrain/a/b", "step": 1, "saveTime": TIME},
    "metrics": [{"name": "speakerSimilarity", "value": "0.8"}],
    "tracking": {"runID": "1"},
    "version": {"number": 1, "digest": SHA},
    "voice": {"version": 1, "bundleURI": "s3://clocktrain/a/b", "digest": SHA},
    "versions": [
        {
            "version": 1,
            "digest": SHA,
            "bundleURI": "s3://clocktrain/a/b",
            "finishTime": TIME,
            "consents": [{"name": "anna-2026", "uid": "1"}],
        }
    ],
    "erasures": [{"consent": "anna-2026", "uid": "1", "speaker": "anna", "noticeTime": TIME}],
    "serving": {"champion": 1},
    "cost": {"acceleratorSeconds": 1},
    "corpus": {"revision": "3f2a", "seconds": 1},
    "consents": [{"name": "anna-2026", "uid": "1"}],
}
CLONE: dict[str, Any] = clone(
    "default",
    base={"cloneRef": {"name": "base"}},
    compute={"acceleratorClassName": "cpu", "workers": 2, "minWorkers": 1},
    training={"augmentation": {"noiseSNRDecibels": {"min": 5, "max": 20}}},
    distillation={"policy": "Never"},
    serving={"policy": "Never"},
)
OFFER: dict[str, Any] = copy.deepcopy(RUNTIME)
OFFER["spec"]["acceleratorClasses"] = OFFER["spec"]["acceleratorClasses"][::-1]
"""The first class has tolerations."""
OFFER["spec"]["tracking"] = {"url": "http://tracker:5000"}
GOOD = {
    "VoiceClone": {**CLONE, "status": STATUS},
    "VoiceTrainingRuntime": {**OFFER, "status": {"conditions": [CONDITION]}},
    "VoiceConsent": {**consent("default"), "status": {"conditions": [CONDITION]}},
}
GROUP = "/apis/clocktrain.dev/v1alpha1"
COLLECTIONS = {
    "VoiceClone": f"{GROUP}/namespaces/default/voiceclones",
    "VoiceTrainingRuntime": f"{GROUP}/voicetrainingruntimes",
    "VoiceConsent": f"{GROUP}/namespaces/default/voiceconsents",
}
BROKEN_RULES: dict[tuple[str, str, str], dict[str, Any]] = {
    ("VoiceClone", "spec.base", "must have exactly one of `cloneRef` and `bundleURI`"): {
        "base": {"cloneRef": {"name": "base"}, "bundleURI": "s3://clocktrain/a/b"}
    },
    ("VoiceClone", "spec.training.augmentation.noiseSNRDecibels", "must have a `min` that is not above `max`"): {
        "training": {"augmentation": {"noiseSNRDecibels": {"min": 21, "max": 20}}}
    },
    (
        "VoiceClone",
        "spec.compute",
        "must have `minWorkers` that is not above `workers` (1 where absent)",
    ): {"compute": {"workers": None, "minWorkers": 2}},
    ("VoiceTrainingRuntime", "spec", "must have a `currency` when a class has a `pricePerHour`"): {"currency": None},
    ("VoiceConsent", "spec", "may not be changed; make another VoiceConsent and name it in the clone"): {
        "territories": ["DE", "FR"]
    },
    ("VoiceConsent", "spec", "may not have `revoked` set back to false; make another VoiceConsent"): {"revoked": False},
    (
        "VoiceConsent",
        "spec",
        "must have a `statement`, or with the basis Licence a `licence` in its place",
    ): {"basis": "Licence"},
    (
        "VoiceConsent",
        "spec",
        "must have the one purpose Demonstration with the basis Licence: nobody was asked",
    ): {"basis": "Licence", "statement": None, "licence": {"name": "CC-BY-4.0", "url": "https://example.org"}},
}
"""Kind, place and message of each rule, with a spec that breaks it."""
ALL = [case for kind in KINDS for case in cases(kind, GOOD[kind])]


@pytest.fixture(scope="module")
def plane(control_plane: ControlPlane) -> ControlPlane:
    install(control_plane)
    return control_plane


@pytest.fixture(scope="module")
def stored(plane: ControlPlane) -> dict[str, str]:
    """Kind → path of a good one that is there, for edits; the consent is revoked."""
    found = {}
    for kind in KINDS:
        manifest = copy.deepcopy(GOOD[kind])
        manifest["metadata"]["name"] = f"rules-{kind[5:].lower()}"
        if kind == "VoiceConsent":
            manifest["spec"]["revoked"] = True
        found[kind] = f"{COLLECTIONS[kind]}/{plane.api.create(COLLECTIONS[kind], manifest)['metadata']['name']}"
    return found


def refused(plane: ControlPlane, case: Case, path: str) -> str:
    """What the API server says of a bad manifest."""
    bad = case.made_of(GOOD[case.kind])
    with pytest.raises(ApiError) as error:
        if case.path[0] == "status":
            plane.api.merge(f"{path}/status?dryRun=All", {"status": bad["status"]})
        else:
            plane.api.create(f"{COLLECTIONS[case.kind]}?dryRun=All", {k: v for k, v in bad.items() if k != "status"})
    assert error.value.status == 422
    return str(error.value)


def test_every_rule_has_a_manifest_that_breaks_it() -> None:
    known = {(kind, *rule) for kind in KINDS for rule in rules(kind)}
    assert known == set(BROKEN_RULES)


@pytest.mark.parametrize("kind", KINDS)
def test_a_good_one_is_taken_with_its_status(plane: ControlPlane, stored: dict[str, str], kind: str) -> None:
    status = GOOD[kind]["status"]
    taken = plane.api.merge(f"{stored[kind]}/status?dryRun=All", {"status": status})
    assert taken["status"] == status


@pytest.mark.parametrize("rule", BROKEN_RULES, ids=lambda rule: f"{rule[0]}-{rule[1]}")
def test_a_broken_rule_is_said_in_its_own_words(
    plane: ControlPlane, stored: dict[str, str], rule: tuple[str, str, str]
) -> None:
    kind, place, message = rule
    with pytest.raises(ApiError) as error:
        plane.api.merge(f"{stored[kind]}?dryRun=All", {"spec": BROKEN_RULES[rule]})
    assert error.value.status == 422
    assert message in str(error.value) and f"{place}: Invalid value" in str(error.value)


@pytest.mark.parametrize("case", ALL, ids=[case.name for case in ALL])
def test_a_broken_bound_is_named_with_its_place(plane: ControlPlane, stored: dict[str, str], case: Case) -> None:
    said = refused(plane, case, stored[case.kind])
    assert case.place in said and case.says in said


def test_an_edit_that_changes_nothing_of_a_consent_is_taken(plane: ControlPlane, stored: dict[str, str]) -> None:
    assert plane.api.merge(f"{stored['VoiceConsent']}?dryRun=All", {"spec": {"revoked": True}})["spec"]["revoked"]


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("voiceclone", "A voice that is wanted, and what became of it."),
        ("voiceclone.spec.suspend", "Save, and stop until it is false again."),
        ("voiceclone.spec.compute.acceleratorClassName", "A class of the runtime, such as nvidia-t4, nvidia-a100"),
        ("voiceclone.status.attempts.resumedFrom", "Checkpoint it went on from."),
        ("voicetrainingruntime.spec.retries.limit", "Attempts after the first."),
        ("voiceconsent.spec.revoked", "Taken back; stops training and serving of every voice made from it; after"),
    ],
)
def test_kubectl_explains_a_field(plane: ControlPlane, place: str, says: str) -> None:
    text = " ".join(plane.kubectl("explain", place).split())
    assert says in text


@pytest.mark.parametrize("kind", KINDS)
def test_kubectl_explains_every_field_of_a_spec(plane: ControlPlane, kind: str) -> None:
    shown = " ".join(plane.kubectl("explain", f"{kind.lower()}.spec").split())
    for name, part in schema_of(kind)["properties"]["spec"]["properties"].items():
        assert name in shown and part["description"] in shown, name
