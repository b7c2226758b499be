"""Writes what the models decide: the chart's kinds, values and their schema, and the reference of the resources.

    python charts/generate.py            # writes
    python charts/generate.py --check    # says what would change, and fails

``make generate`` runs it; a test holds that nothing has drifted.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import yaml

from clock_train.crd.schema import definitions
from resource_reference import reference
from values_files import values_schema, values_yaml

ROOT = Path(__file__).parents[1]
CHART = ROOT / "charts" / "clocktrain"
CRD_HEAD = """\
{{- /* Written by charts/generate.py from clock_train.crd.v1alpha1: change it there, then run `make generate`. */ -}}
{{- if .Values.crds.enabled }}
"""
KEEP = """\
  {{- if .Values.crds.keep }}
  annotations:
    helm.sh/resource-policy: keep
  {{- end }}
  labels:
    {{- include "clocktrain.labels" . | nindent 4 }}
"""


def generated() -> dict[Path, str]:
    """Path → text of every generated file."""
    files = {
        CHART / "values.yaml": values_yaml(),
        CHART / "values.schema.json": values_schema(),
        ROOT / "docs" / "resources.md": reference(),
    }
    for kind, definition in definitions().items():
        files[CHART / "templates" / "crds" / f"{kind.lower()}.yaml"] = crd_template(definition)
    return files


def crd_template(definition: dict[str, object]) -> str:
    """A CustomResourceDefinition as a template: upgraded with the chart, which Helm's own crds/ folder never is."""
    text = yaml.safe_dump(definition, sort_keys=False, allow_unicode=True, width=10_000)
    assert "{{" not in text, "a description that a template would take for its own"
    before, metadata, after = text.partition("metadata:\n")
    return CRD_HEAD + before + metadata + KEEP + after + "{{- end }}\n"


def main() -> int:
    """Write, or say what differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file is not as generated")
    only_check = parser.parse_args().check
    stale = [path for path, text in generated().items() if not path.exists() or path.read_text("utf-8") != text]
    for path in stale:
        if only_check:
            print(f"{path.relative_to(ROOT)} is not as generated; run `make generate`", file=sys.stderr)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(generated()[path], encoding="utf-8")
            print(path.relative_to(ROOT))
    return 1 if only_check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
