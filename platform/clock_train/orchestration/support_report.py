"""One zip about a clone for whoever helps: resources, events, conditions, the operator's log, and no secret.

What the person may not read is named in ``warnings.txt`` and left out; a Secret is never asked for.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from clock_train.cluster.kinds import CHILDREN, CLONES, CONSENTS, PODS, RUNTIMES, Kind
from clock_train.crd.names import CLONE_UID
from clock_train.errors import ClusterError, ReportUnwritable
from clock_train.orchestration.redaction import redacted, redacted_text

if TYPE_CHECKING:
    from clock_train.cluster.client import Cluster, Object

OPERATOR_LABELS = {"app.kubernetes.io/part-of": "clocktrain", "app.kubernetes.io/component": "operator"}
README = """What this is: a report about one VoiceClone, for whoever helps.

clone.yaml, runtime.yaml, consents/, children/   resources as the cluster has them
events.yaml                                      what happened, oldest first
conditions.txt                                   where it stands
operator-log/                                    the last lines of the operator's pods
warnings.txt                                     what could not be read, and why
about.yaml                                       versions and time

Passwords, keys, tokens and the like are replaced by REDACTED, by the names of fields and by their look; no Secret was
read. Look through it before you give it away: what a person wrote into a free text is not known to be secret.
"""


def write_report(
    cluster: Cluster,
    name: str,
    namespace: str | None,
    out: Path,
    *,
    page: Callable[[Object], str],
    operator_namespace: str,
    version: str,
) -> list[str]:
    """Collect and write.

    Args:
        cluster: where the clone is.
        name: of the clone.
        namespace: by default the kubeconfig's.
        out: the zip; one that is there is replaced.
        page: says where a clone stands.
        operator_namespace: where the operator runs.
        version: of ClockTrain here.

    Returns:
        What could not be read, and why.

    Raises:
        ClusterError: the clone itself cannot be read.
        ReportUnwritable: the file cannot be written.
    """
    clone = cluster.get(CLONES, name, namespace)
    files, warnings = _collect(cluster, clone, operator_namespace)
    files["conditions.txt"] = redacted_text(page(clone))
    files["README.txt"] = README
    files["warnings.txt"] = "\n".join(warnings or ["none"]) + "\n"
    about = {
        "clocktrain": version,
        "server": cluster.server,
        "context": cluster.context,
        "time": datetime.now(UTC).isoformat(),
    }
    files["about.yaml"] = _yaml(about)
    _write(out, files)
    return warnings


def _collect(cluster: Cluster, clone: Object, operator_namespace: str) -> tuple[dict[str, str], list[str]]:
    files, warnings = {"clone.yaml": _yaml(clone)}, []
    spec, metadata = clone["spec"], clone["metadata"]
    place, own = metadata["namespace"], {CLONE_UID: metadata["uid"]}

    @contextlib.contextmanager
    def tolerating(what: str):
        try:
            yield
        except ClusterError as error:
            warnings.append(f"{what}: {error}")

    runtime = (spec.get("runtimeRef") or {}).get("name")
    if runtime:
        with tolerating("runtime"):
            files["runtime.yaml"] = _yaml(cluster.get(RUNTIMES, runtime))
    for consent in sorted({(each.get("consentRef") or {}).get("name") or "" for each in spec["speakers"]} - {""}):
        with tolerating(f"consent {consent}"):
            files[f"consents/{consent}.yaml"] = _yaml(cluster.get(CONSENTS, consent, place))
    for kind in CHILDREN:
        with tolerating(kind.plural):
            for child in cluster.list(kind, place, labels=own):
                files[_file_of(kind, child)] = _yaml(child)
    with tolerating("events"):
        files["events.yaml"] = _yaml(cluster.events(clone))
    with tolerating("operator's log"):
        pods = cluster.list(PODS, operator_namespace, labels=OPERATOR_LABELS)
        if not pods:
            warnings.append(f"operator's log: no pod of the operator in {operator_namespace}; see --operator-namespace")
        for pod in pods:
            pod_name = pod["metadata"]["name"]
            with tolerating(f"log of {pod_name}"):
                files[f"operator-log/{pod_name}.log"] = redacted_text(cluster.pod_log(pod_name, operator_namespace))
    return files, warnings


def _file_of(kind: Kind, child: Object) -> str:
    return f"children/{kind.plural}/{child['metadata']['name']}.yaml"


def _yaml(value: Any) -> str:
    return yaml.safe_dump(redacted(value), allow_unicode=True, sort_keys=False)


def _write(out: Path, files: dict[str, str]) -> None:
    part = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in sorted(files.items()):
                archive.writestr(name, text)
        os.replace(part, out)
    except OSError as cause:
        raise ReportUnwritable(f'"{out}" cannot be written ({cause.strerror or cause}); name another file') from cause
    finally:
        with contextlib.suppress(OSError):
            os.unlink(part)
