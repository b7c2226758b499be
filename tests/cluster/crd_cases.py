"""Bad values made from a schema: one for each bound of each field, and what the API server must say of it."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from clock_train.crd.schema import definitions

Schema = dict[str, Any]
OURS = ("spec", "status", "metadata")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One bound that is broken, at one place."""

    kind: str
    path: tuple[str | int, ...]
    bound: str
    value: Any
    """What is written there; `MISSING` takes the field away."""
    says: str
    """Part of the answer."""

    @property
    def name(self) -> str:
        """For the report."""
        return f"{self.kind}-{self.place}-{self.bound}"

    @property
    def place(self) -> str:
        """As the API server spells it."""
        text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path)
        return text.removeprefix(".")

    def made_of(self, good: dict[str, Any]) -> dict[str, Any]:
        """The good manifest with this one mistake."""
        bad = copy.deepcopy(good)
        at: Any = bad
        steps: list[tuple[Any, Any]] = list(zip(self.path, self.path[1:], strict=False))
        for part, following in steps:
            if isinstance(at, dict) and part not in at:
                at[part] = [] if isinstance(following, int) else {}
            elif isinstance(at, list) and part == len(at):
                at.append({})
            at = at[part]
        last: Any = self.path[-1]
        if self.value is MISSING:
            del at[last]
        elif isinstance(at, list) and last == len(at):
            at.append(self.value)
        else:
            at[last] = self.value
        return bad


MISSING: Any = object()


def schema_of(kind: str) -> Schema:
    """What the API server is given."""
    return definitions()[kind]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def places(schema: Schema, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Schema]]:
    """Every part of a schema with the path of an object that has it; of a list the first item."""
    yield path, schema
    for name, part in schema.get("properties", {}).items():
        yield from places(part, (*path, name))
    if "items" in schema:
        yield from places(schema["items"], (*path, 0))
    if isinstance(schema.get("additionalProperties"), dict):
        yield from places(schema["additionalProperties"], (*path, "any"))


def rules(kind: str) -> set[tuple[str, str]]:
    """Place and message of each CEL rule of a kind."""
    return {
        (".".join(str(part) for part in path), rule["message"])
        for path, part in places(schema_of(kind))
        for rule in part.get("x-kubernetes-validations", [])
    }


def cases(kind: str, good: dict[str, Any]) -> list[Case]:
    """One for each bound below spec, status and the name."""
    found = []
    for path, part in places(schema_of(kind)):
        if path and path[0] in OURS:
            found += [Case(kind=kind, path=p, bound=b, value=v, says=s) for p, b, v, s in _broken(path, part, good)]
    return found


def _broken(
    path: tuple[str | int, ...], part: Schema, good: dict[str, Any]
) -> Iterator[tuple[tuple[str | int, ...], str, Any, str]]:
    """Path, bound, bad value, answer."""
    if "pattern" in part:
        # long enough, since what is too short is said first
        odd = "! !".ljust(part.get("minLength", 0), "!")
        assert not re.search(part["pattern"], odd), f"{path}: the bad value is good"
        yield path, "pattern", odd, "should match"
    if "maxLength" in part:
        yield path, "maxLength", "a" * (part["maxLength"] + 1), "Too long"
    if part.get("minLength"):
        yield path, "minLength", "", f"should be at least {part['minLength']} chars long"
    if "enum" in part:
        yield path, "enum", "Neither", "Unsupported value"
    if "minimum" in part:
        yield path, "minimum", part["minimum"] - 1, f"should be greater than or equal to {part['minimum']}"
    if "maximum" in part:
        yield path, "maximum", part["maximum"] + 1, f"should be less than or equal to {part['maximum']}"
    if "maxProperties" in part:
        many = {f"k{number}": "v" for number in range(part["maxProperties"] + 1)}
        yield path, "maxProperties", many, f"must have at most {part['maxProperties']} items"
    if "items" in part:
        yield from _broken_list(path, part, good)
    for name in part.get("required", []):
        if path and at(good, (*path, name)) is not None:
            yield (*path, name), "required", MISSING, "Required value"


def _broken_list(
    path: tuple[str | int, ...], part: Schema, good: dict[str, Any]
) -> Iterator[tuple[tuple[str | int, ...], str, Any, str]]:
    present = at(good, path)
    assert present, f"the good manifest has nothing at {path}"
    yield path, "maxItems", [present[0]] * (part["maxItems"] + 1), f"must have at most {part['maxItems']} items"
    if "minItems" in part:
        yield path, "minItems", [], f"should have at least {part['minItems']} items"
    if part.get("x-kubernetes-list-type") in ("map", "set"):
        yield (*path, len(present)), "listType", present[0], "Duplicate value"


def at(found: Any, path: tuple[str | int, ...]) -> Any:
    """What lies at a path; None where nothing does."""
    for part in path:
        try:
            found = found[part]
        except (KeyError, IndexError, TypeError):
            return None
    return found
