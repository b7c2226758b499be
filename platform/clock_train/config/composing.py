"""Values of ``conf/`` put together by Hydra, as plain dicts; no dataclass and no torch is needed for it.

Peculiar here: Hydra sees nothing that a person typed. A group's choice is looked up among the files first, and values
are merged into the composed dict afterwards, so no text is ever read by Hydra's override grammar.
"""

from __future__ import annotations

import copy
import difflib
import threading
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from clock_train.errors import ConfigError, ConfigKeyUnknown, ConfigValueInvalid

GROUPS = ("model", "training", "compute", "distillation")
"""Folders of ``conf/`` that a choice can be made from; ``experiment`` is the argument of its own."""
MOST_TEXT_LETTERS = 1_000
BROKEN_VALUES = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What PyYAML lets through for a value that its tag does not fit, such as ``!!int ""`` or a number of 5000 digits."""
_ONE_AT_A_TIME = threading.Lock()
"""Hydra keeps its state in a global."""

Overrides = Mapping[str, object] | Sequence[str]


def conf_path() -> Path:
    """``conf/`` in the wheel, or in the checkout.

    Raises:
        ConfigError: neither is there.
    """
    package = Path(__file__).parents[1]
    for path in (package / "conf", package.parents[1] / "conf"):
        if (path / "config.yaml").is_file():
            return path
    raise ConfigError(f'"{package / "conf"}" is missing. Install clock-train again')


def choices(group: str) -> list[str]:
    """The names that a group, or ``experiment``, can be given."""
    return sorted(path.stem for path in (conf_path() / group).glob("*.yaml"))


def chosen(group: str, name: object) -> str:
    """The choice of a name, whatever its capitals.

    Raises:
        ConfigValueInvalid: there is no such choice.
    """
    known = choices(group)
    for choice in known:
        if isinstance(name, str) and choice == name.lower():
            return choice
    raise ConfigValueInvalid(
        f"{group} cannot be {name!r}; choose one of {', '.join(known)}{nearest(str(name).lower(), known)}"
    )


def compose(experiment: str, overrides: Overrides = ()) -> dict[str, Any]:
    """The values of an experiment and what is overridden, as a nested dict; keys are not checked against types.

    Args:
        experiment: a file of ``conf/experiment``, whatever its capitals.
        overrides: dotted keys and values, or ``key=value`` texts with the value as YAML. A group's own name, such as
            ``compute``, takes the name of one of its files.
    Raises:
        ConfigValueInvalid: no such experiment or choice, or a text that is no override.
        ConfigKeyUnknown: a key goes below a plain value.
    """
    wanted = as_mapping(overrides)
    picked = {group: chosen(group, wanted.pop(group)) for group in GROUPS if _is_choice(wanted.get(group))}
    values = copy.deepcopy(_composed(chosen("experiment", experiment), tuple(sorted(picked.items()))))
    for key, value in wanted.items():
        _put(values, key, value)
    return values


def as_mapping(overrides: Overrides) -> dict[str, object]:
    """Overrides as dotted keys and values.

    Raises:
        ConfigValueInvalid: a text that is no ``key=value``, or whose value is not YAML.
    """
    if isinstance(overrides, Mapping):
        return dict(overrides)
    if isinstance(overrides, str):
        overrides = [overrides]
    parsed: dict[str, object] = {}
    for text in overrides:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals or not key or len(text) > MOST_TEXT_LETTERS:
            raise ConfigValueInvalid(
                f"{text[:80]!r} is no override; write key=value, such as training.batch_size=32, of at most "
                f"{MOST_TEXT_LETTERS} letters"
            )
        if key in parsed:
            raise ConfigValueInvalid(f"{key} is given twice; give it once")
        parsed[key] = _yaml_value(key, value)
    return parsed


def nearest(name: str, known: Sequence[str]) -> str:
    """``; did you mean ...?`` where a known name is near, or nothing."""
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"; did you mean {found[0]}?" if found else ""


@lru_cache(maxsize=32)
def _composed(experiment: str, picked: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    import hydra
    from omegaconf import OmegaConf

    # names of files that were found above, never a person's text
    texts = [f"experiment={experiment}", *(f"{group}={choice}" for group, choice in picked)]
    with _ONE_AT_A_TIME, hydra.initialize_config_dir(str(conf_path().absolute()), version_base="1.3"):
        composed = OmegaConf.to_container(hydra.compose("config", texts), resolve=False)
    assert isinstance(composed, dict)
    return {str(name): value for name, value in composed.items()}


def _is_choice(value: object) -> bool:
    return value is not None and not isinstance(value, Mapping)


def _put(values: dict[str, Any], key: str, value: object) -> None:
    *parents, last = key.split(".")
    inner = values
    for n, name in enumerate(parents):
        inner = inner.setdefault(name, {})
        if not isinstance(inner, dict):
            raise ConfigKeyUnknown(f"{key}: {'.'.join(parents[: n + 1])} is a value and has nothing below it")
    old = inner.get(last)
    if isinstance(old, dict) and isinstance(value, Mapping):
        for name, deeper in value.items():
            _put(old, str(name), deeper)
    else:
        inner[last] = dict(value) if isinstance(value, Mapping) else value


def _yaml_value(key: str, text: str) -> object:
    import yaml

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, *BROKEN_VALUES) as error:
        raise ConfigValueInvalid(f"{key}={text!r} has a value that is not YAML; quote it, or give a number") from error
