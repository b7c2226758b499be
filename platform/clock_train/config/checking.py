"""Plain values to dataclasses and back, with every key and type checked, and errors that name the key in full."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

from clock_train.config.composing import nearest
from clock_train.errors import ConfigError, ConfigKeyUnknown, ConfigValueInvalid

Config = TypeVar("Config")


def typed(kind: type[Config], values: object, where: str = "") -> Config:
    """The dataclass of plain values.

    Raises:
        ConfigKeyUnknown: a key that the dataclass does not have.
        ConfigValueInvalid: a value of another type, or one that the dataclass refuses.
    """
    if not isinstance(values, Mapping):
        raise ConfigValueInvalid(f"{where or 'the configuration'} is {_shown(values)}; give a group of keys")
    hints = typing.get_type_hints(kind)
    for name in values:
        if name not in hints:
            raise ConfigKeyUnknown(_unknown(kind, where, str(name), list(hints)))
    found = {name: _value(hints[name], value, _join(where, name)) for name, value in values.items()}
    try:
        return kind(**found)
    except TypeError as error:
        missing = [_join(where, name) for name in hints if name not in found and _is_required(kind, name)]
        raise ConfigValueInvalid(f"{', '.join(missing)} must be given") from error
    except ConfigError as error:
        if type(error) is not ConfigError:
            raise
        raise ConfigValueInvalid(*error.args) from error


def plain(value: Any) -> Any:
    """A dataclass as dicts, lists, numbers, strings and names of enum members; `typed` takes it back."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def keys_of(kind: type, where: str = "") -> list[tuple[str, str, Any]]:
    """Every key below a dataclass, with its type in words and its default; for the documentation."""
    rows: list[tuple[str, str, Any]] = []
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        key, hint = _join(where, field.name), hints[field.name]
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            rows += keys_of(hint, key)
        else:
            default = field.default_factory() if callable(field.default_factory) else field.default
            rows.append((key, _wanted(hint), None if default is dataclasses.MISSING else plain(default)))
    return rows


def _value(hint: Any, value: object, key: str, whole_hint: Any = None) -> Any:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        kinds = [kind for kind in typing.get_args(hint) if kind is not types.NoneType]
        return None if value is None else _value(kinds[0], value, key, hint)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return typed(hint, value, key)
    if typing.get_origin(hint) is list and isinstance(value, list | tuple):
        (kind,) = typing.get_args(hint)
        return [_value(kind, item, f"{key}[{n}]") for n, item in enumerate(value)]
    if isinstance(hint, type) and issubclass(hint, Enum):
        if isinstance(value, str) and value.upper() in hint.__members__:
            return hint[value.upper()]
    elif hint is float:
        number = _number(value)
        if number is not None:
            return number
    elif hint is int and isinstance(value, float) and value.is_integer():
        return int(value)
    elif isinstance(hint, type) and isinstance(value, hint) and (hint is bool or not isinstance(value, bool)):
        return value
    raise ConfigValueInvalid(f"{key} is {_shown(value)}; give {_wanted(whole_hint or hint)}")


def _number(value: object) -> float | None:
    # YAML reads 1e-4, without a point, as a text
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _wanted(hint: Any) -> str:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        kinds = [kind for kind in typing.get_args(hint) if kind is not types.NoneType]
        return f"{_wanted(kinds[0])}, or null"
    if typing.get_origin(hint) is list:
        return f"a list of {_wanted(typing.get_args(hint)[0]).removeprefix('a ')}s"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return f"one of {', '.join(hint.__members__)}"
    return {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}[hint]


def _unknown(kind: type, where: str, name: str, known: list[str]) -> str:
    near = nearest(name, known)
    if near:
        near = f"; did you mean {_join(where, near.removeprefix('; did you mean '))}"
    else:
        near = f"; {where or 'the configuration'} has {', '.join(known)}"
    return f"there is no {_join(where, name)}{near}"


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _is_required(kind: Any, name: str) -> bool:
    field = {field.name: field for field in dataclasses.fields(kind)}[name]
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
