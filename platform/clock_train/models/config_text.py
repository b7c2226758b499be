"""Model sizes as plain values and back, for ``model.yaml``. Written as JSON, which every YAML reader reads."""

from __future__ import annotations

import dataclasses
import types
import typing
from enum import Enum
from typing import Any, TypeVar

from clock_train.errors import ConfigError

Config = TypeVar("Config")


def to_plain(value: Any) -> Any:
    """A config dataclass as dicts, lists, numbers and strings."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    return value


def from_plain(kind: type[Config], values: dict[str, Any]) -> Config:
    """The config dataclass that ``to_plain`` was given.

    Raises:
        ConfigError: an unknown key, or a value that the config refuses.
    """
    hints = typing.get_type_hints(kind)
    unknown = sorted(set(values) - set(hints))
    if unknown:
        raise ConfigError(f"{kind.__name__} has no field {', '.join(unknown)}; a later clock-train may have written it")
    return kind(**{name: _typed(hints[name], value) for name, value in values.items()})


def _typed(hint: Any, value: Any) -> Any:
    if isinstance(hint, types.UnionType):
        choices = [choice for choice in typing.get_args(hint) if choice is not type(None)]
        return value if value is None or len(choices) != 1 else _typed(choices[0], value)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return from_plain(hint, value)
    if isinstance(hint, type) and issubclass(hint, Enum):
        try:
            return hint(value)
        except ValueError as error:
            known = ", ".join(str(member.value) for member in hint)
            raise ConfigError(f"{hint.__name__} cannot be {value!r}; it is one of {known}") from error
    return value
