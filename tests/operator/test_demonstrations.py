"""Voices that nobody consented to: trained anywhere, and served in labelled namespaces only."""

from __future__ import annotations

import copy
import json
from pathlib import Path

from operator_world import CONSENT, World

from clock_train.orchestration.cluster_consents import read_cluster_consents
from voiceclone_operator.children import snapshot

LICENCE = copy.deepcopy(CONSENT)
LICENCE["spec"] |= {
    "basis": "Licence",
    "purposes": ["Demonstration"],
    "licence": {"name": "CC-BY-4.0", "url": "https://creativecommons.org/licenses/by/4.0/", "attribution": "Anna"},
}
del LICENCE["spec"]["statement"]


def published() -> World:
    """A clone of published recordings whose first version is finished."""
    world = World(serving={"policy": "Always"})
    world.consents["anna-2026"] = copy.deepcopy(LICENCE)
    world.settle()
    world.finish()
    world.settle()
    return world


def test_what_nobody_consented_to_is_served_in_a_labelled_namespace_only() -> None:
    world = published()
    assert world.condition("Ready")[0] == "True"
    assert "serving" not in world.status
    assert world.condition("Served") == ("False", "DemonstrationOnly")
    assert "labelled clocktrain.dev/demonstrations=true" in world.message("Served")

    world.has_demonstrations = True
    world.settle()
    assert world.status["serving"] == {"champion": 1}
    assert world.condition("Served") == ("True", "Served")

    world.has_demonstrations = False  # the label is taken away
    world.settle()
    assert "serving" not in world.status
    assert world.condition("Served") == ("False", "DemonstrationOnly")


def test_a_consent_of_the_speaker_needs_no_label() -> None:
    world = World(serving={"policy": "Always"})
    world.settle()
    world.finish()
    world.settle()
    assert world.status["serving"] == {"champion": 1}


def test_an_attempt_takes_the_consents_along_as_they_were_accepted() -> None:
    world = World()
    world.settle()
    (made,) = [each for (kind, name), each in world.children.items() if name.endswith("-attempt-1")]
    (found,) = json.loads(made["data"]["consents.json"])
    assert found["metadata"] == {"name": "anna-2026", "namespace": "voices", "uid": "c1"}
    assert found["spec"]["speaker"] == "anna" and found["spec"]["revoked"] is False
    (job,) = world.jobs.values()
    assert "--consents /etc/clocktrain/consents.json" in job["spec"]["entrypoint"]
    # taking one back makes no other snapshot: what runs is stopped by the condition
    world.consents["anna-2026"]["spec"]["revoked"] = True
    assert snapshot(world.observed(), 1)["data"] == made["data"]


def test_the_job_reads_what_the_operator_wrote(tmp_path: Path) -> None:
    world = World()
    world.consents["anna-2026"] = copy.deepcopy(LICENCE)
    world.settle()
    corpus = tmp_path / "anna"
    corpus.mkdir()
    (corpus / "manifest.jsonl").write_text("")
    (corpus / "quality.json").write_text(json.dumps({"recordings_sha256": "ab" * 32}))
    path = tmp_path / "consents.json"
    path.write_text(snapshot(world.observed(), 1)["data"]["consents.json"])
    (record,) = read_cluster_consents(path, [corpus])
    assert (record.id, record.kind, record.speaker_id) == ("anna-2026-c1", "licence", "anna")
    assert record.purposes == ["demonstration"] and record.licence == "CC-BY-4.0"
    assert record.recordings_sha256 == "ab" * 32
