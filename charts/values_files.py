"""``values.yaml`` and ``values.schema.json`` from the models: every name with what it means beside it."""

from __future__ import annotations

import json
from typing import Any

import yaml
from pydantic import BaseModel

from chart_values import TOP_WORDS, Values

HEAD = "# Written by charts/generate.py from charts/chart_values.py: change it there, then run `make generate`.\n"
WIDTH = 118


def values_yaml() -> str:
    """Every value with its default, each under what it means."""
    return HEAD + "".join(_section(Values(), 0))


def values_schema() -> str:
    """What Helm checks values against, before it renders anything."""
    whole = Values.model_json_schema(by_alias=True)
    schema = _plain(whole, whole["$defs"])
    schema["properties"] |= TOP_WORDS
    head = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Values of the chart clocktrain"}
    return json.dumps({**head, **schema}, indent=1, ensure_ascii=False) + "\n"


def _section(section: BaseModel, depth: int) -> list[str]:
    lines = []
    indent = "  " * depth
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        lines.append("" if depth else "\n")
        lines += [f"{indent}# {line}\n" for line in _wrapped(field.description or "", WIDTH - len(indent) - 2)]
        key = field.alias or name
        if isinstance(value, BaseModel):
            lines.append(f"{indent}{key}:\n")
            lines += _section(value, depth + 1)
        else:
            text = yaml.safe_dump({key: value}, sort_keys=False, allow_unicode=True, width=WIDTH)
            lines += [f"{indent}{line}\n" for line in text.splitlines()]
    return lines


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _plain(schema: Any, definitions: dict[str, Any]) -> Any:
    """Without references, so that an air-gapped Helm has nothing to look up, and without required names or titles."""
    if isinstance(schema, list):
        return [_plain(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        target = definitions[schema["$ref"].removeprefix("#/$defs/")]
        schema = {**target, **{name: part for name, part in schema.items() if name != "$ref"}}
    # Helm merges values over values.yaml, so that nothing is ever missing; an object's default would be a copy
    dropped = ("$defs", "required") + (("default",) if "properties" in schema else ())
    schema = {name: part for name, part in schema.items() if name not in dropped}
    if isinstance(schema.get("title"), str):
        schema.pop("title")
    return {
        name: {key: _plain(part, definitions) for key, part in value.items()}
        if name == "properties"
        else _plain(value, definitions)
        for name, value in schema.items()
    }
