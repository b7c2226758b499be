"""The operator's bench: how it reads the audit log, counts and judges; and all of it, small, on a real API server."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.audit import AuditLog
from operator_bench.__main__ import main
from operator_bench.output import table_lines, write_all
from operator_bench.regimes import Figure, Row, quantile
from operator_bench.witness import operator_writes, seen
from operator_process import OPERATOR_USER

HEX = "0a1b2c3d"


def entry(verb: str, resource: str, name: str, second: float, *, user: str = "admin", code: int = 201) -> str:
    return json.dumps(
        {
            "verb": verb,
            "user": {"username": user},
            "objectRef": {"resource": resource, "namespace": "n", "name": name},
            "responseStatus": {"code": code},
            "stage": "ResponseComplete",
            "requestReceivedTimestamp": f"2026-11-24T12:00:{second:09.6f}Z",
        }
    )


def plane_with(path: Path, *entries: str) -> Any:
    log = AuditLog(path)
    path.write_text("".join(f"{each}\n" for each in entries), encoding="utf-8")
    return SimpleNamespace(audit=log, audit_events=log.events)


def test_the_log_tells_when_each_clone_got_its_job(tmp_path: Path) -> None:
    plane = plane_with(
        tmp_path / "audit.jsonl",
        entry("create", "voiceclones", "c0", 1.0),
        entry("create", "voiceclones", "c1", 2.0),
        entry("create", "voiceclones", "c2", 2.5, code=409),
        entry("patch", "voiceclones", "c0", 1.1, user=OPERATOR_USER, code=200),
        entry("create", "rayjobs", f"c0-{HEX}-1", 1.25, user=OPERATOR_USER),
        entry("create", "rayjobs", f"c1-{HEX}-1", 2.5, user=OPERATOR_USER),
        entry("create", "rayjobs", f"c1-{HEX}-1", 2.6, user=OPERATOR_USER, code=409),
        entry("create", "rayjobs", f"c1-{HEX}-2", 2.75, user=OPERATOR_USER),
        entry("create", "rayclusters", f"c0-{HEX}-1-abcde", 4.0, user="kuberay-operator"),
        entry("update", "leases", "voiceclone-operator", 5.0, user=OPERATOR_USER, code=200),
    )
    found = seen(plane, 0, "n")
    assert sorted(found.job_delays) == pytest.approx([0.25, 0.5]) and found.write_delays == pytest.approx([0.1])
    assert found.num_jobs == 3 and [name for name, times in found.jobs.items() if len(times) > 1] == ["c1"]
    assert found.to_last_cluster_s == pytest.approx(3.0)
    assert len(operator_writes(plane, 0)) == 5 and len(operator_writes(plane, 0, lease=True)) == 1


def test_bare_rayjobs_count_as_asked_for(tmp_path: Path) -> None:
    plane = plane_with(tmp_path / "audit.jsonl", entry("create", "rayjobs", "c0", 1.0))
    found = seen(plane, 0, "n")
    assert set(found.applied) == {"c0"} and found.num_jobs == 0


# torch, where a test before this one loaded it, makes the processor flush subnormal numbers
@given(st.lists(st.floats(0, 1e6, allow_subnormal=False), min_size=1), st.floats(0.01, 1.0, allow_subnormal=False))
def test_a_quantile_is_the_smallest_value_that_covers_its_share(values: list[float], share: float) -> None:
    found = quantile(values, share)
    covered = sum(value <= found for value in values)
    fewer = sum(value < found for value in values)
    assert found in values and covered >= share * len(values) - 1e-6 and fewer < share * len(values)


def figure(**changes: Any) -> Figure:
    known = {"size": 10, "subject": "operator", "regime": "idle", "name": "writes", "value": 0.0, "unit": ""}
    return Figure(**{**known, **changes})


def test_what_was_not_measured_misses_its_target() -> None:
    assert figure(value=math.nan, at_most=2.0).is_met is False and figure(value=math.nan, exactly=0).is_met is False


def test_a_missed_target_is_named_with_its_size() -> None:
    lines = table_lines([figure(exactly=0), figure(size=100, value=3.0, exactly=0), figure(name="CPU", value=0.5)])
    assert lines[2] == "| operator | idle | writes | 0 | 3 | 0 | **missed** at 100 |"
    assert lines[3] == "| operator | idle | CPU | 0.5 | – |  |  |"


def test_table_picture_and_raw_data_are_written(tmp_path: Path) -> None:
    row = Row(size=10, repeat=0, subject="operator", regime="burst", name="c0", applied=1.0, job=1.5)
    write_all(tmp_path, ["head"], [figure()], [row])
    assert (tmp_path / "table.md").read_text(encoding="utf-8").startswith("head\n")
    assert (tmp_path / "delays.png").read_bytes().startswith(b"\x89PNG")
    with (tmp_path / "clones.csv").open(encoding="utf-8") as file:
        assert next(csv.DictReader(file))["job"] == "1.5"


@pytest.mark.ring3
@pytest.mark.long
@pytest.mark.timeout(590)
def test_the_whole_of_it_small_keeps_every_exact_target(tmp_path: Path) -> None:
    assert main(["--sizes", "3", "--steady", "3", "--soak", "12", "--out", str(tmp_path)]) == 0
    with (tmp_path / "figures.csv").open(encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert {row["subject"] for row in found} == {"operator", "bare RayJobs", "kopf"}
    exact = [row for row in found if row["exactly"]]
    assert len(exact) >= 6 and all(row["value"] == row["exactly"] for row in exact), exact
