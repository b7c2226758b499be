"""What is generated is as the models say, and the models are the only home of defaults."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from chart_tool import CHART, render

from chart_values import Values
from clock_train.crd.schema import MOST_BYTES, definitions
from generate import generated


@pytest.mark.parametrize("path", generated(), ids=lambda path: path.name)
def test_a_generated_file_has_not_drifted(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == generated()[path], "run `make generate`"


def test_values_yaml_says_what_the_models_say() -> None:
    written = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    assert written == Values().model_dump(by_alias=True)


def test_the_kinds_are_rendered_as_they_are_defined() -> None:
    rendered = {each["metadata"]["name"]: each for each in render() if each["kind"] == "CustomResourceDefinition"}
    for wanted in definitions().values():
        found = rendered.pop(wanted["metadata"]["name"])
        assert found["spec"] == wanted["spec"]
        assert found["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
        assert len(str(found)) < MOST_BYTES
    assert not rendered


def test_the_reference_names_every_field_of_every_kind() -> None:
    page = (CHART.parents[1] / "docs" / "resources.md").read_text(encoding="utf-8")

    def names(schema: dict, path: str) -> list[str]:
        found = []
        for name, part in schema.get("properties", {}).items():
            here = f"{path}.{name}".lstrip(".")
            is_list = part["type"] == "array"
            found += [here, *names(part["items"] if is_list else part, here + ("[]" if is_list else ""))]
        return found

    for definition in definitions().values():
        schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        for part in ("spec", "status"):
            for name in names(schema["properties"][part], part):
                assert f"| `{name}` |" in page
