"""A server's text policy: one YAML file that says which judges are asked.

    impersonation: refuse            # or off
    deny: {"*": deny.txt, acme: acme.txt}   # beside this file; * is everybody's
    lookAlikes: {most: 30, windowSeconds: 60}
    plugIn: our_package.policy:judge        # or the name of an entry point of the group clock_train.text_policies

A plug-in is a callable that gets a ``TextRequest`` and returns why the text is refused, or None. One that fails, or
takes longer than two seconds, refuses: a judge that is away must not let everything pass.
"""

from __future__ import annotations

import concurrent.futures
import importlib
import logging
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, cast

import yaml

from clock_train.compliance.text_policy.deny_list import DenyList, read_phrases
from clock_train.compliance.text_policy.impersonation import judge_impersonation
from clock_train.compliance.text_policy.judging import Judge, Refusal, TextRequest
from clock_train.compliance.text_policy.look_alikes import LookAlikes
from clock_train.errors import TextPolicyInvalid, TextRefused

GROUP = "clock_train.text_policies"
PLUG_IN_S = 2.0
_KEYS = {"impersonation", "deny", "lookAlikes", "plugIn"}
_log = logging.getLogger(__name__)


class TextPolicy:
    """Judges that are asked one after the other.

    Args:
        judges: the first that refuses decides.
    """

    def __init__(self, judges: Sequence[Judge]) -> None:
        self._judges = list(judges)

    def check(self, request: TextRequest, request_id: str) -> None:
        """Pass where no judge refuses.

        Raises:
            TextRefused: one does. Neither the message nor the log repeats the text.
        """
        for judge in self._judges:
            refusal = judge(request)
            if refusal is not None:
                _log.info(
                    "request %s of %s: %d characters refused by the text policy (%s)",
                    request_id, request.tenant, len(request.text), refusal.rule,
                )  # fmt: skip
                raise TextRefused(
                    f"the text policy of this server refuses this text ({refusal.rule}): {refusal.why}. Say it "
                    "otherwise, or ask whoever runs the server"
                )


def read_policy(path: Path) -> TextPolicy:
    """The policy of a file.

    Raises:
        TextPolicyInvalid: it cannot be read, or names what there is not.
    """
    values = _values(path)
    judges: list[Judge] = []
    if deny := values.get("deny"):
        judges.append(DenyList(_phrases(deny, path)))
    if values.get("impersonation", "refuse") not in ("refuse", "off", False):
        raise TextPolicyInvalid(f'impersonation in "{path}" is {values["impersonation"]!r}; give refuse or off')
    if values.get("impersonation", "refuse") == "refuse":
        judges.append(judge_impersonation)
    if rate := values.get("lookAlikes"):
        judges.append(_look_alikes(rate, path))
    if plug_in := values.get("plugIn"):
        judges.append(_Guarded(_plug_in(str(plug_in), path)))
    return TextPolicy(judges)


def _values(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise TextPolicyInvalid(f'the text policy "{path}" cannot be read ({error}); give YAML') from error
    unknown = sorted(map(str, set(values) - _KEYS)) if isinstance(values, dict) else ["no mapping"]
    if unknown:
        raise TextPolicyInvalid(f'the text policy "{path}" has {unknown[0]}; it knows {", ".join(sorted(_KEYS))}')
    return values


def _phrases(deny: Any, path: Path) -> dict[str, list[str]]:
    if not isinstance(deny, dict):
        raise TextPolicyInvalid(f'deny in "{path}" is no mapping; give tenant: file, and "*" for everybody')
    return {str(tenant): read_phrases(path.parent / str(file)) for tenant, file in deny.items()}


def _look_alikes(rate: Any, path: Path) -> LookAlikes:
    try:
        most, window_s = int(rate["most"]), float(rate["windowSeconds"])
        if most < 1 or not 0 < window_s <= 86_400:
            raise ValueError("out of range")
    except (KeyError, TypeError, ValueError) as error:
        raise TextPolicyInvalid(
            f'lookAlikes in "{path}" cannot be ({error!r}); give most, 1 or more, and windowSeconds, up to 86400'
        ) from error
    return LookAlikes(most, window_s)


def _plug_in(name: str, path: Path) -> Callable[[TextRequest], str | None]:
    try:
        if ":" in name:
            module, _, attribute = name.partition(":")
            found = getattr(importlib.import_module(module), attribute)
        else:
            (point,) = entry_points(group=GROUP, name=name)
            found = point.load()
    except (ImportError, AttributeError, ValueError) as error:
        raise TextPolicyInvalid(
            f'plugIn in "{path}" names "{name}", which cannot be had ({error}); give module:callable, or an entry '
            f"point of the group {GROUP}"
        ) from error
    if not callable(found):
        raise TextPolicyInvalid(f'plugIn in "{path}" names "{name}", which cannot be called')
    return cast("Callable[[TextRequest], str | None]", found)


class _Guarded:
    """A plug-in that may fail or hang; its threads are few, so that one that hangs blocks no speech but refuses it."""

    def __init__(self, plug_in: Callable[[TextRequest], str | None]) -> None:
        self._plug_in = plug_in
        self._threads = concurrent.futures.ThreadPoolExecutor(4, thread_name_prefix="text-policy")

    def __call__(self, request: TextRequest) -> Refusal | None:
        asked = self._threads.submit(self._plug_in, request)
        try:
            why = asked.result(timeout=PLUG_IN_S)
        except Exception as error:
            asked.cancel()
            _log.warning(
                "the text policy's plug-in did not decide (%s)", type(error).__name__
            )  # its words may hold text
            return Refusal(rule="plug-in", why="the policy's own judge did not decide in time")
        return None if why is None else Refusal(rule="plug-in", why=str(why)[:200])
