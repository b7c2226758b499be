"""The page about one clone: what it says of each state, and that every reason of the operator has its next step."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from clock_train.cli.clone_page import clone_page
from clock_train.cli.next_steps import NEXT_STEPS, UNREMARKABLE, next_steps

OPERATOR = Path(__file__).parents[2] / "operators" / "voiceclone_operator"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SOURCES = "\n".join(path.read_text(encoding="utf-8") for path in OPERATOR.glob("*.py"))
REASONS = {
    *re.findall(r'reason="([A-Z]\w+)"', SOURCES),
    *re.findall(r'Seen\(\s*"(?:False|Unknown)",\s*"([A-Z]\w+)"', SOURCES),
    *re.findall(r'return "([A-Z]\w+)", "see the condition', SOURCES),
}


def condition(kind: str, status: str, reason: str, message: str = "") -> dict[str, Any]:
    since = "2026-11-24T11:00:00Z"
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": since}


def clone(*conditions: dict[str, Any], spec: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    speakers = [{"name": "anna", "corpus": {"uri": "s3://b/v/c"}, "consentRef": {"name": "anna-2026"}}]
    return {
        "kind": "VoiceClone",
        "metadata": {"name": "anna", "namespace": "voices", "generation": 2},
        "spec": {"speakers": speakers, "preset": "Demo", **(spec or {})},
        "status": {"conditions": list(conditions), "observedGeneration": 2, **status},
    }


def test_every_reason_of_the_operator_has_a_next_step_or_needs_none() -> None:
    not_ours = {"Created", "NotYet"}
    assert {"QuotaExceeded", "ConsentRevoked", "NoNodeFits", "RetriesExhausted"} < REASONS
    assert {reason for reason in REASONS if reason not in NEXT_STEPS and reason not in UNREMARKABLE} <= not_ours


@pytest.mark.parametrize("reason", sorted(NEXT_STEPS))
def test_every_next_step_belongs_to_a_reason_that_there_is(reason: str) -> None:
    assert f'"{reason}"' in SOURCES


def test_a_failure_of_the_job_leads_to_its_log_and_to_a_retry() -> None:
    failed = clone(condition("Failed", "True", "CorpusNotFound"), attempts=[{"number": 3}])
    (step,) = next_steps(failed)
    assert "clocktrain logs anna -n voices --attempt 3" in step and "clocktrain retry anna -n voices" in step


def test_a_settled_clone_asks_for_nothing() -> None:
    assert next_steps(clone(condition("Ready", "True", "Ready"), condition("Failed", "False", "NotFailed"))) == []


def test_the_page_of_a_clone_that_waits_names_why_and_what_is_not_configured() -> None:
    waits = clone(
        condition("Ready", "False", "Waiting"), condition("Admitted", "False", "QuotaExceeded", "no room"), version=None
    )
    page = "\n".join(clone_page(waits, NOW))
    assert page.startswith("anna in voices: waiting: QuotaExceeded")
    assert page.count("not configured") >= 4 and "Attempts:   none yet" in page and "Checkpoint: none yet" in page
    assert page.endswith("Next: ask for a larger quota: kubectl describe resourcequota -n voices")


def test_attempts_before_the_last_three_are_counted_and_shown_when_asked_for() -> None:
    ended = {"completionTime": "2026-11-24T11:30:00Z", "reason": "CapacityLost", "message": "a node went away"}
    attempts = [
        {"number": n, "version": 1, "workers": 2, "createTime": "2026-11-24T11:00:00Z", **ended} for n in range(1, 6)
    ]
    short = "\n".join(clone_page(clone(attempts=attempts), NOW))
    assert "2 before (-v shows them)" in short and "3: CapacityLost after 30 min, 2 workers; a node went away" in short
    assert "1: CapacityLost" in "\n".join(clone_page(clone(attempts=attempts), NOW, is_verbose=True))


def test_what_is_served_is_shown_beside_what_is_asked_for() -> None:
    asked = {"serving": {"policy": "IfGatePasses", "championVersion": 2, "canaryPercent": 10}}
    assert "Serving:    not served; policy IfGatePasses" in "\n".join(clone_page(clone(spec=asked), NOW))
    serving = {"champion": 2, "previous": 1, "candidate": 3, "canaryPercent": 10}
    page = "\n".join(clone_page(clone(spec=asked, serving=serving), NOW))
    assert "Serving:    version 2, 10 % of the requests to version 3, version 1 before; policy" in page


def test_cost_with_and_without_prices() -> None:
    priced = {"acceleratorSeconds": 7200, "amount": "4.00", "currency": "EUR"}
    assert "Cost:       4.00 EUR (2.00 accelerator hours" in "\n".join(clone_page(clone(cost=priced), NOW))
    assert "prices: not configured" in "\n".join(clone_page(clone(cost={"acceleratorSeconds": 7200}), NOW))


def test_a_consent_that_was_revoked_or_has_ended_is_marked() -> None:
    over = {"anna-2026": {"spec": {"expirationTime": "2026-01-01T00:00:00Z", "revoked": True}}}
    page = "\n".join(clone_page(clone(), NOW, consents=over))
    assert "anna: anna-2026 (not accepted yet, REVOKED, ENDED 2026-01-01)" in page
    assert "there is no such VoiceConsent" in "\n".join(clone_page(clone(), NOW, consents={}))


def test_without_an_operator_the_page_says_so() -> None:
    bare = clone()
    del bare["status"]
    page = "\n".join(clone_page(bare, NOW))
    assert "The operator has not looked at it yet" in page


def test_an_edit_that_was_not_looked_at_is_said() -> None:
    assert "newest edit has not been looked at" in "\n".join(clone_page(clone(observedGeneration=1), NOW))
