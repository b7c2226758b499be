"""What ``clocktrain voices`` asks of a clone in a cluster: a pure function of the clone, and of nothing else."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from clock_train.cli.voices_cluster import canary, is_meant, promotion, rollback
from clock_train.crd.v1alpha1 import Serving
from clock_train.errors import AliasNotFound, ConfigValueInvalid, VoiceNotFound


def clone(versions: int = 3, policy: str | None = "IfGatePasses", **serving: int) -> dict[str, Any]:
    """A clone as the API server gives it."""
    return {
        "metadata": {"name": "anna", "namespace": "voices"},
        "spec": {"serving": {"policy": policy}} if policy else {},
        "status": {
            "versions": [{"version": number} for number in range(1, versions + 1)],
            **({"serving": serving} if serving else {}),
        },
    }


def test_a_promotion_pins_the_version_and_ends_a_canary() -> None:
    assert promotion(clone(champion=3), "2") == {"championVersion": 2, "canaryPercent": 0}


def test_a_clone_that_said_nothing_of_serving_gets_the_careful_policy() -> None:
    asked = promotion(clone(policy=None), "1")
    assert asked == {"policy": "IfGatePasses", "championVersion": 1, "canaryPercent": 0}
    assert Serving.model_validate(asked).policy == "IfGatePasses"


def test_a_rollback_goes_to_the_champion_before_and_first_takes_a_canary_back() -> None:
    assert rollback(clone(champion=3, previous=2))["championVersion"] == 2
    beside = clone(champion=2, previous=1, candidate=3, canaryPercent=10)
    assert rollback(beside) == {"championVersion": 2, "canaryPercent": 0}


def test_a_canary_is_the_newest_version_beside_an_older_champion() -> None:
    assert canary(clone(champion=2), "3", 10) == {"championVersion": 2, "canaryPercent": 10}
    # it was promoted by itself, as the newest that passed
    assert canary(clone(champion=3, previous=2), "3", 10) == {"championVersion": 2, "canaryPercent": 10}
    assert canary(clone(champion=2), "3", 100) == {"championVersion": 3, "canaryPercent": 0}
    assert canary(clone(champion=2, candidate=3, canaryPercent=9), "3", 0)["canaryPercent"] == 0


@pytest.mark.parametrize(
    ("found", "version", "error", "said"),
    [
        (clone(champion=2), "1", VoiceNotFound, "the canary is the newest version"),
        (clone(champion=2), "7", VoiceNotFound, "it has: 1, 2, 3"),
        (clone(champion=2), "voices/anna-3", VoiceNotFound, "a version is a number"),
        (clone(), "3", AliasNotFound, "promote a version first"),
        (clone(champion=3), "3", AliasNotFound, "promote a version first"),
        (clone(policy="Never", champion=2), "3", ConfigValueInvalid, "is Never"),
    ],
)
def test_a_canary_that_cannot_be_is_said(
    found: dict[str, Any], version: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        canary(found, version, 10)


def test_there_must_be_something_to_go_back_to() -> None:
    with pytest.raises(AliasNotFound, match="promote a version instead: 1, 2, 3"):
        rollback(clone(champion=3))
    with pytest.raises(ConfigValueInvalid, match="is Never"):
        rollback(clone(policy="Never", champion=3, previous=2))


def test_a_cluster_is_meant_by_a_namespace_a_context_or_kubectl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/clocktrain", "voices", "list"])
    assert not is_meant(None, None)
    assert is_meant("voices", None) and is_meant(None, "prod")
    monkeypatch.setattr(sys, "argv", ["/usr/bin/kubectl-clocktrain", "voices", "list"])
    assert is_meant(None, None)
