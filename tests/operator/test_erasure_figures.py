"""What Prometheus reads of revoked consents: an erasure that fails is a figure that an alert asks for."""

from __future__ import annotations

import pytest
from operator_world import World

from voiceclone_operator.kinds import CLONES
from voiceclone_operator.metrics import Metrics
from voiceclone_operator.mirror import Mirror


def figures(world: World) -> dict[tuple[str, str], float]:
    """Namespace and reason → clones."""
    mirror = Mirror("clocktrain")
    mirror.put(CLONES, world.clone)
    families = {family.name: family for family in Metrics(mirror, "0").registry.collect()}
    samples = families["clocktrain_clones_erasures"].samples
    return {(each.labels["namespace"], each.labels["reason"]): each.value for each in samples}


@pytest.fixture
def world() -> World:
    """With a voice, and a runtime that erases at once."""
    made = World()
    assert made.runtime is not None
    made.runtime["spec"]["erasureGraceSeconds"] = 0
    made.settle()
    made.finish()
    made.settle()
    return made


def test_a_clone_whose_consents_hold_is_no_figure(world: World) -> None:
    assert figures(world) == {}
    assert figures(World()) == {}, "nor one that was not looked at yet"


def test_an_erasure_is_a_figure_by_its_reason(world: World) -> None:
    world.revoke()
    world.settle()
    assert figures(world) == {("voices", "Erasing"): 1}
    world.end_eraser(fails=True)
    world.settle()
    assert figures(world) == {("voices", "ErasureFailed"): 1}
    world.wait(60)
    world.settle()
    world.end_eraser()
    world.settle()
    assert figures(world) == {("voices", "Erased"): 1}
