"""What is in an image as an SBOM in CycloneDX: its Python packages by their metadata, its Debian packages by dpkg.

    python sbom.py clocktrain-operator > sbom.cdx.json

It runs inside the image that it describes and needs nothing but the standard library.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any
from urllib.parse import quote

DPKG = ["dpkg-query", "--show", "--showformat", "${Package}\t${Version}\t${Architecture}\n"]
DPKG_LIMIT_S = 60


def sbom(name: str) -> dict[str, Any]:
    """The document; the same packages give the same bytes."""
    components = sorted([*_python(), *_debian()], key=lambda component: component["bom-ref"])
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": name, "bom-ref": name}},
        "components": components,
    }


def _python() -> list[dict[str, Any]]:
    return [_component(found) for found in distributions() if found.metadata["Name"]]


def _component(found: Distribution) -> dict[str, Any]:
    name = re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower()
    ref = f"pkg:pypi/{name}@{quote(found.version)}"
    return {
        "type": "library",
        "bom-ref": ref,
        "name": name,
        "version": found.version,
        "purl": ref,
        "licenses": _licences(found),
    }


def _licences(found: Distribution) -> list[dict[str, Any]]:
    said = found.metadata.get_all("License-Expression") or []
    if said:
        return [{"expression": said[0]}]
    text = next(iter(found.metadata.get_all("License") or []), "").strip()
    names = [each.rpartition(" :: ")[2] for each in found.metadata.get_all("Classifier") or [] if "License ::" in each]
    # some packages put the whole text where a name belongs
    names = names or [line[:100] for line in text.splitlines()[:1]]
    return [{"license": {"name": each}} for each in names]


def _debian() -> list[dict[str, Any]]:
    if not Path("/var/lib/dpkg/status").exists():
        return []
    said = subprocess.run(DPKG, capture_output=True, text=True, timeout=DPKG_LIMIT_S, check=True).stdout
    packages = [line.split("\t") for line in said.splitlines()]
    return [
        {
            "type": "library",
            "bom-ref": (ref := f"pkg:deb/debian/{name}@{quote(version)}?arch={architecture}"),
            "name": name,
            "version": version,
            "purl": ref,
        }
        for name, version, architecture in packages
    ]


if __name__ == "__main__":
    print(json.dumps(sbom(sys.argv[1]), indent=1, ensure_ascii=False))
