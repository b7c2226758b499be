"""The definitions that an API server is given: structural, bounded, and small enough."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from clock_train.crd.schema import MOST_BYTES, definitions

KINDS = ("VoiceClone", "VoiceTrainingRuntime", "VoiceConsent")


def parts(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, part in schema.get("properties", {}).items():
        yield from parts(part, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from parts(schema[name], f"{path}[]")


def schema_of(kind: str) -> dict[str, Any]:
    return definitions()[kind]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_definition_is_structural(kind: str) -> None:
    for path, part in parts(schema_of(kind)):
        assert "type" in part, path
        forbidden = {"anyOf", "oneOf", "$ref", "const", "title", "nullable", "exclusiveMinimum", "propertyNames"}
        assert not forbidden & part.keys(), path
        assert part.get("default", 0) is not None, path


@pytest.mark.parametrize("kind", KINDS)
def test_everything_is_bounded(kind: str) -> None:
    """Bounds keep abuse out, and the cost of CEL rules below what the API server allows."""
    for path, part in parts(schema_of(kind)):
        if path in (".apiVersion", ".kind"):
            continue
        if part["type"] == "string":
            assert "maxLength" in part or "enum" in part, path
        if part["type"] == "array":
            assert "maxItems" in part, path
        if part["type"] == "integer":
            assert {"minimum", "maximum", "format"} <= part.keys(), path
        if "additionalProperties" in part:
            assert "maxProperties" in part, path
        assert part["type"] != "number", f"{path}: no float anywhere"


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_described(kind: str) -> None:
    for path, part in parts(schema_of(kind)):
        if path and not path.endswith("[]") and not path.startswith(".metadata"):
            assert part.get("description", "").endswith("."), path


@pytest.mark.parametrize("kind", KINDS)
def test_a_definition_is_small(kind: str) -> None:
    assert len(json.dumps(definitions()[kind])) < MOST_BYTES


@pytest.mark.parametrize("kind", KINDS)
def test_only_optional_fields_have_defaults(kind: str) -> None:
    for path, part in parts(schema_of(kind)):
        required = set(part.get("required", []))
        assert not [n for n in required if "default" in part.get("properties", {}).get(n, {})], path


@pytest.mark.parametrize("kind", KINDS)
def test_lists_of_objects_say_what_their_items_are_known_by(kind: str) -> None:
    for path, part in parts(schema_of(kind)):
        if part["type"] == "array" and part["items"]["type"] == "object" and "tolerations" not in path:
            (key,) = part["x-kubernetes-list-map-keys"]
            assert key in part["items"]["required"], path


def test_a_status_never_has_defaults() -> None:
    """Default lists would be written by the API server, and an empty one is not what was seen."""
    for path, part in parts(schema_of("VoiceClone")["properties"]["status"]):
        assert "default" not in part, path
