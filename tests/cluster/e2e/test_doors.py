"""The chart's gateway and Triton in a real cluster with a tiny voice: keys, marks, metrics, and a drained end."""

from __future__ import annotations

import pytest
from spoken import answer_to, is_marked, spoken, voices_of  # pyright: ignore[reportMissingImports]

from installed.platform import Platform

pytestmark = [pytest.mark.ring4, pytest.mark.timeout(2400)]
TEXT = "Good morning, and thank you for calling us. Please stay on the line, somebody will be with you. " * 6
"""A tiny voice's noise carries a payload less well than speech."""


@pytest.fixture(scope="module")
def address(installed: Platform, tiny: str) -> str:
    """Of the gateway."""
    return installed.serve_bundles(tiny, by_gateway=True)


def test_the_gateway_speaks_to_who_has_a_key_and_marks_it(installed: Platform, address: str) -> None:
    assert answer_to(address, "duo/anna", TEXT) == 401
    assert answer_to(address, "duo/anna", TEXT, "ct_live_nobodyxx_" + "a" * 43) == 401
    key = installed.api_key("gateway")
    assert voices_of(address, key) == ["duo@1"]
    waveform, rate_hz = spoken(address, "duo/anna", TEXT, key)
    assert rate_hz == 16_000 and len(waveform) > 4 * rate_hz and is_marked(waveform, installed.keys)


def test_its_metrics_are_on_a_port_of_their_own(installed: Platform, address: str) -> None:
    script = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9464/metrics', timeout=9).read().decode())"
    words = ("exec", "-n", "clocktrain", "deploy/clocktrain-gateway", "--", "python", "-c", script)
    told = installed.plane.kubectl(*words)
    assert 'clocktrain_speech_ended_total{end="spoken"}' in told and "clocktrain_ready 1.0" in told
    assert answer_to(address.replace("/v1", ""), "duo", TEXT) == 401


def test_a_gateway_that_is_replaced_is_back_with_the_keys_that_it_had(installed: Platform, address: str) -> None:
    key = installed.api_key("gateway")
    installed.plane.kubectl("rollout", "restart", "deploy/clocktrain-gateway", "-n", "clocktrain")
    installed.plane.kubectl("rollout", "status", "deploy/clocktrain-gateway", "-n", "clocktrain", "--timeout=180s")
    script = (
        "import json, urllib.request as u; "
        "q = u.Request('http://127.0.0.1:8880/v1/audio/voices', headers={'authorization': 'Bearer " + key + "'}); "
        "print([v['id'] for v in json.load(u.urlopen(q, timeout=9))['voices']])"
    )
    words = ("exec", "-n", "clocktrain", "deploy/clocktrain-gateway", "--", "python", "-c", script)
    assert "duo@1" in installed.plane.kubectl(*words)
