"""docs/resources.md from the definitions that the API server gets: fields, bounds, rules, conditions and columns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, get_args

from clock_train.crd import wire
from clock_train.crd.schema import COLUMNS, PLURALS, SHORT_NAMES, definitions
from clock_train.crd.v1alpha1 import CONDITIONS

HEAD = """\
# Resources

Written by `charts/generate.py` from the models in `clock_train/crd/v1alpha1/`; `kubectl explain` says the same. What
each condition means and what to do about it is in [operations.md](operations.md); manifests to begin with are in
[examples/](examples/). A field is optional unless it is required; one that overrides a preset
has no default here, since absent means the preset's value.
"""
BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "minLength": "{} characters or more",
    "maxLength": "up to {} characters",
    "minItems": "{} items or more",
    "maxItems": "up to {} items",
    "maxProperties": "up to {} names",
}


def _pattern(kind: Any) -> str:
    return next(limit.pattern for limit in get_args(kind)[1:] if getattr(limit, "pattern", None))


SPELLED = {
    _pattern(wire.Name): "lower-case letters, digits and dashes",
    _pattern(wire.Decimal): 'a decimal as a text, such as "0.80"',
    _pattern(wire.Fraction): "a decimal from 0 to 1 as a text",
    _pattern(wire.Rate): "a decimal above 0 and below 1 as a text, also as 1e-4",
    _pattern(wire.URI): "`s3://bucket/key`, or a path of this machine",
    _pattern(wire.URL): "`http://…` or `https://…`",
    _pattern(wire.Sha256): "64 hexadecimal digits",
    _pattern(wire.Time): "a time of RFC 3339",
    _pattern(wire.Currency): "three capitals of ISO 4217",
    _pattern(wire.Territory): "two capitals of ISO 3166, or `worldwide`",
    _pattern(wire.Quantity): "an amount, such as `500m`, `8` or `16Gi`",
}
"""Pattern → what it means, which reads better; another one is shown as it is."""


def reference() -> str:
    """The page."""
    return HEAD + "".join(_kind(kind, definition) for kind, definition in definitions().items())


def _kind(kind: str, definition: dict[str, Any]) -> str:
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    fields = list(_fields(schema, ""))
    scope = "of the whole cluster" if definition["spec"]["scope"] == "Cluster" else "of a namespace"
    lines = [
        "",
        f"## {kind}",
        f"{schema['description']} One is {scope}; `kubectl get {PLURALS[kind]}`, for short {SHORT_NAMES[kind][0]}.",
        "",
        "| field | type | bounds | default | meaning |",
        "|---|---|---|---|---|",
        *fields,
        "",
        "Rules beyond bounds, as the API server words them:",
        "",
        *[f"- `{path or kind}` {message}" for path, message in _rules(schema, "")],
    ]
    if lines[-1] == "":
        lines[-2:] = ["There are no rules beyond bounds."]
    lines += ["", f"Columns of `kubectl get`: {', '.join(name for name, _, _ in COLUMNS[kind])}."]
    if kind == "VoiceClone":
        lines += ["", f"Conditions, all present from the first visit: {', '.join(CONDITIONS)}."]
    return "\n".join(lines) + "\n"


def _fields(schema: dict[str, Any], path: str) -> Iterator[str]:
    required = schema.get("required", [])
    for name, part in schema.get("properties", {}).items():
        here = f"{path}.{name}".lstrip(".")
        if here in ("apiVersion", "kind", "metadata"):
            continue
        is_list = part["type"] == "array"
        inner = part["items"] if is_list else part
        kind = f"list of {inner['type']}" if is_list else part["type"]
        default = "required" if name in required else f"`{json.dumps(part['default'])}`" if _is_shown(part) else ""
        meaning = _cell(part.get("description") or inner.get("description", ""))
        yield f"| `{here}` | {kind} | {_cell(_bounds(part, inner if is_list else {}))} | {default} | {meaning} |"
        yield from _fields(inner, f"{here}[]" if is_list else here)


def _is_shown(part: dict[str, Any]) -> bool:
    return "default" in part and not isinstance(part["default"], dict | list)


def _bounds(part: dict[str, Any], items: dict[str, Any]) -> str:
    words = list(_limits(part)) + [f"each {text}" for text in _limits(items)]
    for schema in (part, items):
        if "enum" in schema:
            words.append(" or ".join(f"`{value}`" for value in schema["enum"]))
        if "pattern" in schema:
            words.append(SPELLED.get(schema["pattern"], f"`{schema['pattern']}`"))
    if part.get("x-kubernetes-list-type") == "map":
        words.append(f"known by `{part['x-kubernetes-list-map-keys'][0]}`")
    return ", ".join(words)


def _limits(part: dict[str, Any]) -> Iterator[str]:
    for name, text in BOUNDS.items():
        if name in part:
            is_one = name in ("minLength", "minItems") and part[name] == 1
            yield "not empty" if is_one else text.format(part[name])


def _rules(schema: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for rule in schema.get("x-kubernetes-validations", []):
        yield path, rule["message"]
    for name, part in schema.get("properties", {}).items():
        yield from _rules(part, f"{path}.{name}".lstrip("."))
    if "items" in schema:
        yield from _rules(schema["items"], f"{path}[]")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
