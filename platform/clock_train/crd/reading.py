"""Resources from YAML files: plain YAML only, bounded, with errors that name file, document, field and fix."""

from __future__ import annotations

import difflib
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from clock_train.crd.v1alpha1 import API_VERSION, KINDS, Resource, VoiceClone, VoiceConsent, VoiceTrainingRuntime
from clock_train.errors import ManifestInvalid, ManifestUnreadable

MOST_BYTES = 1 << 20
MOST_DOCUMENTS = 100
MOST_DEPTH = 40
"""Far deeper than any resource; a bound on what the reader's recursion can be led into."""
MOST_PROBLEMS = 5
"""Problems of one document that a message lists."""

BROKEN_VALUES = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What PyYAML lets through for a value that its tag does not fit, such as ``!!int ""`` or a number of 5000 digits."""


@dataclass(frozen=True)
class Manifests:
    """What one file holds."""

    clones: list[VoiceClone]
    runtimes: list[VoiceTrainingRuntime]
    consents: list[VoiceConsent]

    def runtime_of(self, clone: VoiceClone) -> VoiceTrainingRuntime | None:
        """The runtime that a clone names, if the file holds it."""
        name = clone.spec.runtime_ref.name if clone.spec.runtime_ref else None
        return next((runtime for runtime in self.runtimes if runtime.metadata.name == name), None)


def read_manifest(path: Path) -> VoiceClone:
    """The one VoiceClone of a file.

    Raises:
        ManifestUnreadable: no such file, too large, or no plain YAML.
        ManifestInvalid: a document is no resource of ours, or the file has none or several VoiceClones.
    """
    clones = read_manifests(path).clones
    if len(clones) != 1:
        found = ", ".join(clone.metadata.name for clone in clones[:5]) or "none"
        raise ManifestInvalid(f'"{path}" must have exactly one VoiceClone; it has {found}')
    return clones[0]


def read_manifests(path: Path) -> Manifests:
    """Every resource of a file; documents are parted by ``---``.

    Raises:
        ManifestUnreadable: no such file, too large, or no plain YAML.
        ManifestInvalid: a document is no resource of ours, or two have the same kind and name.
    """
    resources: list[Resource] = []
    for number, document in enumerate(_documents(path), 1):
        if document is not None:
            resources.append(_resource(document, f'"{path}", document {number}'))
    if not resources:
        raise ManifestInvalid(f'"{path}" holds no resource; write a VoiceClone, see docs/configuration.md')
    seen: set[tuple[str, str | None, str]] = set()
    for resource in resources:
        identity = (resource.kind, resource.metadata.namespace, resource.metadata.name)
        if identity in seen:
            raise ManifestInvalid(f'"{path}" has the {resource.kind} {resource.metadata.name} twice; remove one')
        seen.add(identity)
    return Manifests(
        [one for one in resources if isinstance(one, VoiceClone)],
        [one for one in resources if isinstance(one, VoiceTrainingRuntime)],
        [one for one in resources if isinstance(one, VoiceConsent)],
    )


def read_objects(path: Path) -> list[dict[str, Any]]:
    """Every resource of a file as it is written there, labels too, for an API server that judges the fields itself.

    Returns:
        Runtimes first, then consents, then clones: what is named comes before what names it.

    Raises:
        ManifestUnreadable: no such file, too large, or no plain YAML.
        ManifestInvalid: there is none, or one is of another kind or has no name.
    """
    objects = [
        _headed(document, f'"{path}", document {number}')
        for number, document in enumerate(_documents(path), 1)
        if document is not None
    ]
    if not objects:
        raise ManifestInvalid(f'"{path}" holds no resource; write a VoiceClone, see docs/configuration.md')
    order = ("VoiceTrainingRuntime", "VoiceConsent", "VoiceClone")
    return sorted(objects, key=lambda each: order.index(each["kind"]))


class _PlainLoader(yaml.SafeLoader):
    """No aliases, no key twice, and times stay texts."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.constructor.ConstructorError(None, None, "an alias (*name) is not taken", event.start_mark)
        self.depth = getattr(self, "depth", 0) + 1
        if self.depth > MOST_DEPTH:
            mark = self.peek_event().start_mark
            raise yaml.constructor.ConstructorError(None, None, f"nested deeper than {MOST_DEPTH}", mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
                raise yaml.constructor.ConstructorError(None, None, "a key that is no text", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key.value!r} twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _documents(path: Path) -> list[Any]:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ManifestUnreadable(f'"{path}" cannot be read ({error.strerror}); check path and permissions') from error
    if len(data) > MOST_BYTES:
        raise ManifestUnreadable(f'"{path}" is larger than {MOST_BYTES} bytes; a manifest names corpora, it holds none')
    try:
        documents = []
        for document in yaml.load_all(data.decode("utf-8"), Loader=_PlainLoader):
            documents.append(document)
            if len(documents) > MOST_DOCUMENTS:
                raise ManifestUnreadable(f'"{path}" has more than {MOST_DOCUMENTS} documents; split it')
        return documents
    except UnicodeDecodeError as error:
        raise ManifestUnreadable(f'"{path}" is not UTF-8 at byte {error.start}; save it as UTF-8') from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML"
        raise ManifestUnreadable(f'"{path}"{where}: {problem}; mend it') from error
    except BROKEN_VALUES as error:
        raise ManifestUnreadable(f'"{path}" has a value that is not plain YAML ({error!r:.80}); quote it') from error


def _resource(document: Any, where: str) -> Resource:
    kind = _kind(document, where)
    try:
        return KINDS[kind].model_validate(document)
    except ValidationError as error:
        problems = [_problem(KINDS[kind], dict(found)) for found in error.errors(include_url=False)]
        more = f" (and {len(problems) - MOST_PROBLEMS} more)" if len(problems) > MOST_PROBLEMS else ""
        raise ManifestInvalid(f"{where}: {'; '.join(problems[:MOST_PROBLEMS])}{more}") from error


def _headed(document: Any, where: str) -> dict[str, Any]:
    _kind(document, where)
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(name, str) or not name:
        raise ManifestInvalid(f"{where}: metadata.name must be given: Name of the object")
    return document


def _kind(document: Any, where: str) -> str:
    if not isinstance(document, dict):
        raise ManifestInvalid(f"{where} is no resource; write apiVersion, kind, metadata and spec")
    version, kind = document.get("apiVersion"), document.get("kind")
    if version != API_VERSION:
        raise ManifestInvalid(f"{where}: apiVersion is {_shown(version)}; give {API_VERSION}")
    if not isinstance(kind, str) or kind not in KINDS:
        near = _nearest(str(kind), list(KINDS))
        raise ManifestInvalid(f"{where}: kind is {_shown(kind)}; give one of {', '.join(KINDS)}{near}")
    return kind


def _problem(kind: type[BaseModel], found: dict[str, Any]) -> str:
    place, what = found["loc"], found["type"]
    path, value = _path(place), _shown(found["input"])
    context = found.get("ctx", {})
    if what == "extra_forbidden":
        known = _fields_at(kind, place[:-1])
        near = _nearest(str(place[-1]), known)
        return f"there is no field {path}{near or f'; {_path(place[:-1])} has ' + ', '.join(known)}"
    if what == "missing":
        return f"{path} must be given: {_described(kind, place)}"
    if what == "value_error":
        return f"{path or 'the resource'} {context['error']}"
    if what == "string_type" and isinstance(found["input"], int | float) and not isinstance(found["input"], bool):
        return f'{path} is {value}; must be a text: write it in quotes, "{found["input"]}"'
    if what == "model_type":
        return f"{path} is {value}; must be a group of fields: {', '.join(_fields_at(kind, place))}"
    if what == "string_pattern_mismatch":
        return f"{path} is {value}; must be written as {context['pattern']}: {_described(kind, place)}"
    return f"{path} is {value}; must be {_wanted(found['msg'])}: {_described(kind, place)}"


def _wanted(message: str) -> str:
    # pydantic's words, without their first ones: "Input should be a valid integer"
    return message.removeprefix("Input should be ").removeprefix("List should ").removeprefix("String should ")


def _path(place: tuple[str | int, ...]) -> str:
    path = ""
    for name in place:
        path += f"[{name}]" if isinstance(name, int) else f".{name}" if path else name
    return path


def _described(kind: type[BaseModel], place: tuple[str | int, ...]) -> str:
    """What the schema says about the field."""
    words = "see docs/configuration.md"
    model: Any = kind
    for name in place:
        if isinstance(name, int) or not (isinstance(model, type) and issubclass(model, BaseModel)):
            continue
        field = next((one for one in model.model_fields.values() if one.alias == name), None)
        if field is None:
            break
        words = (field.description or words).rstrip(".")
        model = _model_of(field.annotation)
    return words


def _fields_at(kind: type[BaseModel], place: tuple[str | int, ...]) -> list[str]:
    model: Any = kind
    for name in place:
        if isinstance(name, str) and model is not None:
            field = next((one for one in model.model_fields.values() if one.alias == name), None)
            model = _model_of(field.annotation) if field else None
    return [str(field.alias) for field in model.model_fields.values()] if model is not None else []


def _model_of(hint: Any) -> type[BaseModel] | None:
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return hint
    return next((found for part in typing.get_args(hint) if (found := _model_of(part))), None)


def _nearest(name: str, known: list[str]) -> str:
    found = difflib.get_close_matches(name.lower(), [one.lower() for one in known], n=1, cutoff=0.6)
    return f"; did you mean {next(one for one in known if one.lower() == found[0])}?" if found else ""


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
