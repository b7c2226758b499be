"""The parts that the doctor knows are the extras that the package has."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from clock_train.cli.parts import PARTS

EXTRAS = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["optional-dependencies"]
MODULES = {
    "googleapis-common-protos": "google",
    "grpcio": "grpc",
    "grpcio-health-checking": "grpc_health",
    "grpcio-reflection": "grpc_reflection",
    "grpcio-status": "grpc_status",
    "hydra-core": "hydra",
    "nvidia-pytriton": "pytriton",
    "opentelemetry-exporter-otlp-proto-http": "opentelemetry",
    "opentelemetry-sdk": "opentelemetry",
    "prometheus-client": "prometheus_client",
    "protobuf": "google",
    "webrtcvad-wheels": "webrtcvad",
}
"""Distributions whose module has another name."""
NO_MODULES_OF_OURS = {"clock-train", "setuptools"}


@pytest.mark.parametrize("part", sorted(EXTRAS))
def test_a_part_has_the_modules_of_its_extra(part: str) -> None:
    names = {re.split(r"[\[<>=; ]", requirement, maxsplit=1)[0] for requirement in EXTRAS[part]}
    assert set(PARTS[part]) == {MODULES.get(name, name) for name in names - NO_MODULES_OF_OURS}
