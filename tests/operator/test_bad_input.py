"""Mistakes in a request that only the run shows: each is a condition with a stable reason and a next step."""

from __future__ import annotations

import copy

import pytest
from operator_world import World

CORPUS = [
    ("CorpusNotFound", "there is no corpus at s3://clocktrain/voices/corpora/anna"),
    ("CorpusTooShort", "the corpus has no accepted clip"),
    ("StorageDenied", "the store refuses to read s3://clocktrain/voices/corpora/anna"),
    ("StorageUnreachable", "http://s3:9000 did not answer in 30 s"),
]


@pytest.mark.parametrize(("code", "said"), CORPUS)
def test_what_the_job_says_of_recordings_is_the_condition(code: str, said: str) -> None:
    world = World()
    world.settle()
    world.write(stage="Prepare", state="failed", error={"code": code, "message": f"{code}: {said}", "exitCode": 2})
    world.end_job("Failed", "FAILED")
    world.settle()
    assert world.condition("DataReady") == ("False", code) and world.condition("Failed") == ("True", code)
    assert said in world.message("Failed")
    world.wait(100_000)
    world.settle()
    assert len(world.made_jobs) == 1, "a mistake is not tried again by itself"
    world.annotate("clocktrain.dev/retry", "1")
    world.settle()
    assert len(world.made_jobs) == 2


def test_a_cost_of_zero_makes_no_job_and_says_what_to_raise() -> None:
    world = World()
    world.edit(budget={"maxCost": "0"})
    world.settle()
    assert world.made_jobs == []
    assert world.condition("Failed") == ("True", "BudgetExceeded")
    assert "`spec.budget` is used up; raise it" in world.message("Failed")
    world.edit(budget={"maxCost": "10"})
    world.settle()
    assert len(world.made_jobs) == 1 and world.condition("Failed") == ("False", "NotFailed")


def test_a_student_is_a_condition_while_it_is_taught_and_when_it_is_done() -> None:
    world = World(distillation={"policy": "Always"})
    world.settle()
    assert world.condition("Distilled")[0] == "Unknown"
    world.write(stage="Distill", percent=10)
    world.settle()
    assert world.condition("Distilled") == ("False", "Distilling")
    assert world.condition("Trained") == ("True", "Trained")
    world.finish()
    world.settle()
    assert world.condition("Distilled") == ("True", "Distilled")


REFUSED = "TrackingDenied: http://mlflow:5000 refused with 403 (Forbidden); check MLFLOW_TRACKING_USERNAME"
FAILING = "TrackingUnreachable: http://mlflow:5000 did not take the entries (error code 500); they are kept"


@pytest.mark.parametrize(("said", "reason"), [(REFUSED, "TrackingDenied"), (FAILING, "TrackingUnreachable")])
def test_a_tracker_that_takes_nothing_is_a_condition_and_keeps_no_voice_back(said: str, reason: str) -> None:
    world = World()
    world.track()
    world.settle()
    assert world.condition("Tracked") == ("Unknown", "NotYet")
    world.write(stage="Pretrain", trackingError=said)
    world.settle()
    assert world.condition("Tracked") == ("False", reason)
    assert said in world.message("Tracked") and "training goes on" in world.message("Tracked")
    world.finish(trackingError=said)
    world.settle()
    assert world.condition("Tracked") == ("False", reason)
    assert world.condition("Ready") == ("True", "Ready")


def test_a_tracker_that_answers_again_and_one_that_there_is_not() -> None:
    world = World()
    world.settle()
    assert world.condition("Tracked") == ("Unknown", "NotTracked")
    world.track()
    world.write(stage="Pretrain", trackingError=FAILING)
    world.settle()
    world.write(stage="Pretrain", trackingError="", trackingRun="ab" * 16)
    world.settle()
    assert world.condition("Tracked") == ("True", "Tracked")
    world.write(stage="Pretrain", trackingError="<script> of a job that was taken over")
    world.settle()
    assert world.condition("Tracked") == ("False", "TrackingError")


def test_a_newer_operators_status_breaks_nothing_and_is_not_tried_again() -> None:
    """Reasons and fields that this operator does not know: an attempt keeps them, and a reason unknown is no loss."""
    world = World()
    world.settle()
    world.end_job("Failed", "FAILED")
    attempt = world.status["attempts"][0]
    attempt |= {"reason": "ReclaimedByTenant", "completionTime": "2026-11-24T12:00:00Z", "zone": "b"}
    world.status["conditions"].append({**world.status["conditions"][0], "type": "Watermarked", "reason": "Later"})
    known = copy.deepcopy(attempt)
    world.settle()
    assert world.status["attempts"] == [known]
    assert world.condition("Failed") == ("True", "ReclaimedByTenant")
    assert len(world.made_jobs) == 1
    before = copy.deepcopy(world.status)
    for _ in range(10):
        world.reconcile()
    assert world.status == before
    world.annotate("clocktrain.dev/retry", "1")
    world.settle()
    assert len(world.made_jobs) == 2
