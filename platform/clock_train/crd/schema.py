"""CustomResourceDefinitions from the pydantic models, in the shape that an API server takes.

A structural schema has no references, no ``anyOf`` with null, no ``const`` and no titles; numbers say their format, and
what is not a field is pruned, so ``additionalProperties: false`` goes. Everything else is kept, descriptions too:
``kubectl explain`` reads them.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from clock_train.crd.names import GROUP
from clock_train.crd.v1alpha1 import KINDS

VERSION = "v1alpha1"
PLURALS = {
    "VoiceClone": "voiceclones",
    "VoiceTrainingRuntime": "voicetrainingruntimes",
    "VoiceConsent": "voiceconsents",
}
SHORT_NAMES = {"VoiceClone": ["vc"], "VoiceTrainingRuntime": ["vtr"], "VoiceConsent": ["vco"]}
CLUSTER_SCOPED = ("VoiceTrainingRuntime",)
INT32_MAX = 2**31 - 1
MOST_BYTES = 200 * 1024
"""Of a definition as JSON: below the 256 KiB that an annotation may have."""

_CONDITION = ".status.conditions[?(@.type=='{}')].status"
COLUMNS: dict[str, list[tuple[str, str, str]]] = {
    "VoiceClone": [
        ("Ready", "string", _CONDITION.format("Ready")),
        ("Stage", "string", ".status.stage"),
        ("Progress", "integer", ".status.progress.percent"),
        ("ETA", "integer", ".status.progress.etaSeconds"),
        ("Similarity", "string", ".status.metrics[?(@.name=='speakerSimilarity')].value"),
        ("Age", "date", ".metadata.creationTimestamp"),
    ],
    "VoiceTrainingRuntime": [
        ("Classes", "string", ".spec.acceleratorClasses[*].name"),
        ("Bucket", "string", ".spec.storage.bucket"),
        ("Age", "date", ".metadata.creationTimestamp"),
    ],
    "VoiceConsent": [
        ("Speaker", "string", ".spec.speaker"),
        ("Revoked", "boolean", ".spec.revoked"),
        ("Expires", "date", ".spec.expirationTime"),
        ("Age", "date", ".metadata.creationTimestamp"),
    ],
}
"""Kind → printer columns: name, type, path."""


def definitions() -> dict[str, dict[str, Any]]:
    """Kind → CustomResourceDefinition."""
    return {kind: definition(kind) for kind in KINDS}


def definition(kind: str) -> dict[str, Any]:
    """The CustomResourceDefinition of one kind."""
    plural = PLURALS[kind]
    columns = [{"name": name, "type": kind_, "jsonPath": path} for name, kind_, path in COLUMNS[kind]]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Cluster" if kind in CLUSTER_SCOPED else "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": SHORT_NAMES[kind],
                "categories": ["clocktrain"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": structural_schema(KINDS[kind])},
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": columns,
                }
            ],
        },
    }


def structural_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a resource."""
    whole = model.model_json_schema(by_alias=True)
    schema = _structural(whole, whole.get("$defs", {}))
    schema["required"] = ["spec"]
    properties = schema["properties"]
    # the API server checks these itself; only the length of a name is ours, since children are named after it
    name = properties["metadata"]["properties"]["name"]
    properties["metadata"] = {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": name["maxLength"], "pattern": name["pattern"]}},
    }
    for field in ("apiVersion", "kind"):
        properties[field] = {"type": "string", "description": properties[field]["description"]}
    return schema


def _structural(schema: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    schema = dict(schema)
    if "$ref" in schema:
        target = defs[schema.pop("$ref").removeprefix("#/$defs/")]
        # what a field says of itself goes before what its type says
        schema = {**target, **schema}
        return _structural(schema, defs)
    if "anyOf" in schema:
        choices = [choice for choice in schema.pop("anyOf") if choice.get("type") != "null"]
        assert len(choices) == 1, "a union has no structural schema"
        return _structural({**choices[0], **schema}, defs)
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    for name in ("title", "$defs"):
        schema.pop(name, None)
    if schema.get("default", ...) is None:
        schema.pop("default")
    if schema.get("additionalProperties") is False:
        schema.pop("additionalProperties")
    if schema.get("type") == "integer":
        schema["format"] = "int64" if schema.get("maximum", 2**63) > INT32_MAX else "int32"
    if "properties" in schema:
        schema["properties"] = {name: _structural(part, defs) for name, part in schema["properties"].items()}
    if "items" in schema:
        schema["items"] = _structural(schema["items"], defs)
    if isinstance(schema.get("additionalProperties"), dict):
        schema["additionalProperties"] = _structural(schema["additionalProperties"], defs)
    names = schema.pop("propertyNames", None)
    if names:
        schema.setdefault("maxProperties", 64)
    return schema
