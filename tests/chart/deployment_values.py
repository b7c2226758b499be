"""The values that docs/deployments.md tells people to give, as they stand there."""

from __future__ import annotations

import re

import yaml
from chart_tool import ROOT, Object

PAGE = (ROOT / "docs" / "deployments.md").read_text(encoding="utf-8")


def merged(first: Object, second: Object) -> Object:
    """As Helm lays one file of values over another."""
    both = {**first, **second}
    return {
        key: merged(first[key], second[key])
        if isinstance(first.get(key), dict) and isinstance(second.get(key), dict)
        else value
        for key, value in both.items()
    }


PRIVATE_CLOUD, _beside = map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL))
SERVICE = merged(PRIVATE_CLOUD, _beside)
