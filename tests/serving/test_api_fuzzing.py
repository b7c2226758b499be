"""Whatever is sent to the addresses that the API page lists, the answers are those that it says: by schemathesis."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from front_process import Front, front  # pyright: ignore[reportMissingImports]
from heard_voices import made  # pyright: ignore[reportMissingImports]
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import sampled_from
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from served_voices import voices_in  # pyright: ignore[reportMissingImports]

from clock_train.api.listening_routes import COOKIE
from clock_train.listening.making import MadeTest

pytestmark = [pytest.mark.ring2, pytest.mark.timeout(600)]
SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large, HealthCheck.large_base_example]
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, invited: MadeTest) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("fuzzed")
    voices_in(folder)
    with front(folder / "voices", folder / "issuing", "--listening", str(invited.folder)) as running:
        yield running


@pytest.fixture(scope="module")
def invited(tmp_path_factory: pytest.TempPathFactory) -> MadeTest:
    """A listening test of one listener."""
    return made(tmp_path_factory.mktemp("listening"), listeners=1)


@pytest.fixture(scope="module")
def listener(served: Front, invited: MadeTest) -> dict[str, str]:
    """The cookie of its session."""
    begun = httpx.post(f"{served.http}/v1/listening/{invited.tokens[0]}/session", json={}, timeout=60)
    assert begun.status_code == 200
    return {"cookie": f"{COOKIE}={begun.cookies[COOKIE]}"}


OPERATIONS = (
    "speech", "captioned", "phonemize", "voices", "voice", "audioModels", "ssml", "usage", "models", "model",
    "makeVoice", "eraseVoice", "voiceConsents", "voiceConsent", "makeConsent", "changeConsent", "eraseConsent",
)  # fmt: skip
"""All but the detector, which takes six files a minute of each client."""
LISTENING = ("listeningSession", "beginListening", "listeningSound", "vote")


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_answer_is_one_that_the_page_of_the_api_lists(served: Front, name: str) -> None:
    operation = described(served, name)

    @settings(max_examples=25, deadline=None, suppress_health_check=SLOW, derandomize=True)
    @given(operation.as_strategy())
    def hold(case: Any) -> None:
        case.call_and_validate(checks=CHECKS, timeout=60)

    hold()


@pytest.mark.parametrize("name", LISTENING)
def test_what_a_listeners_page_asks_for_is_answered_as_listed_with_a_session_and_without(
    served: Front, invited: MadeTest, listener: dict[str, str], name: str
) -> None:
    operation = described(served, name)

    @settings(max_examples=25, deadline=None, suppress_health_check=SLOW, derandomize=True)
    @given(operation.as_strategy(), sampled_from(["stranger", "uninvited browser", "listener"]))
    def hold(case: Any, who: str) -> None:
        if who != "stranger":
            case.path_parameters["token"] = invited.tokens[0]
        case.call_and_validate(checks=CHECKS, headers=listener if who == "listener" else {}, timeout=60)

    hold()


def described(served: Front, name: str) -> Any:
    page = schemathesis.openapi.from_url(f"{served.http}/v1/openapi.json")
    return next(found for found in (operation_of(each) for each in page.get_all_operations()) if named(found) == name)


def operation_of(found: Any) -> Any:
    return found.ok()


def named(operation: Any) -> str:
    return operation.definition.raw["operationId"]


def test_the_operations_are_all_there(served: Front) -> None:
    paths = httpx.get(f"{served.http}/v1/openapi.json").json()["paths"]
    assert {call["operationId"] for calls in paths.values() for call in calls.values()} == {
        *OPERATIONS,
        *LISTENING,
        "detect",
    }


def test_the_server_speaks_still(served: Front) -> None:
    body = {"input": "Good morning.", "voice": "duo"}
    assert httpx.post(f"{served.http}/v1/audio/speech", json=body, timeout=60).status_code == 200
    assert "a bug" not in served.log_path.read_text()


def test_the_log_of_a_fuzzed_server_shows_no_trace(served: Front, tmp_path: Path) -> None:
    assert "Traceback" not in served.log_path.read_text()
