"""``clocktrain plan``: what a VoiceClone would do, in less than a second and without doing it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clock_train.cli.cluster_options import ContextOption, NamespaceOption, connected

if TYPE_CHECKING:
    from clock_train.crd.reading import Manifests
    from clock_train.crd.v1alpha1 import VoiceClone
    from clock_train.orchestration.cluster_plan import InCluster
    from clock_train.orchestration.planning import Plan, Verdict

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def plan(
    *,
    file: Annotated[Path, typer.Option("--file", "-f", help="YAML of a VoiceClone, and of its runtime for prices.")],
    out: Annotated[
        Path | None, typer.Option(help="Output folder to look for finished stages; by default its name.")
    ] = None,
    cluster: Annotated[
        bool,
        typer.Option("--cluster", help="Try it at the API server: its own checks, prices, and what would be made."),
    ] = False,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
) -> None:
    """Say what a VoiceClone would do, how long and at what cost.

    Nothing is started or written. Times are estimates; the plan says from which measurement.
    """
    from clock_train.orchestration.planning import plan as make_plan
    from clock_train.orchestration.stage_ledger import FolderLedger

    if cluster or namespace or context:
        made, found = _plan_in_cluster(file, out, namespace, context)
        in_cluster = {"cluster": _cluster_for_scripts(found)}
        lines = [*_cluster_for_people(found), "", *_for_people(made)]
        print(
            json.dumps(_for_scripts(made) | in_cluster, indent=1, ensure_ascii=False) if as_json else "\n".join(lines)
        )
        return
    manifests, clone = _one_clone(file)
    output = out or Path(clone.metadata.name)
    made = make_plan(manifests, clone, folder=file.parent, output=output, ledger=FolderLedger(output))
    print(json.dumps(_for_scripts(made), indent=1, ensure_ascii=False) if as_json else "\n".join(_for_people(made)))


def _one_clone(file: Path) -> tuple[Manifests, VoiceClone]:
    from clock_train.crd.reading import read_manifests
    from clock_train.errors import ManifestInvalid

    manifests = read_manifests(file)
    if len(manifests.clones) != 1:
        names = ", ".join(clone.metadata.name for clone in manifests.clones) or "none"
        raise ManifestInvalid(f'"{file}" must have exactly one VoiceClone; it has {names}')
    return manifests, manifests.clones[0]


def _plan_in_cluster(
    file: Path, out: Path | None, namespace: str | None, context: str | None
) -> tuple[Plan, InCluster]:
    from clock_train.crd.reading import read_objects
    from clock_train.orchestration.cluster_plan import FinishedVersions, apply_objects, look, placed
    from clock_train.orchestration.planning import plan as make_plan

    objects = placed(read_objects(file), namespace)
    with connected(context) as cluster:
        # the server's words on a field come first: its rules are the ones that count
        changes = apply_objects(cluster, objects, dry_run=True)
        manifests, clone = _one_clone(file)
        manifests, found = look(cluster, manifests, clone, changes)
    output = out or Path(clone.metadata.name)
    made = make_plan(manifests, clone, folder=file.parent, output=output, ledger=FinishedVersions(found.clone))
    return made, found


def _cluster_for_scripts(found: InCluster) -> dict[str, Any]:
    return {
        "changes": [change.as_json() for change in found.changes],
        "acceleratorClass": found.accelerator.name if found.accelerator else None,
        "workers": found.workers,
        "pricePerHour": found.price_per_hour,
        "currency": found.currency,
        "makes": found.makes,
        "notes": found.notes,
    }


def _cluster_for_people(found: InCluster) -> list[str]:
    lines = ["The API server takes it (dry run):"]
    lines += [f"  {change.spoken} would be {change.action}" for change in found.changes]
    where = f"{found.workers} x {found.accelerator.name}" if found.accelerator else "unknown"
    price = "not configured" if found.price_per_hour is None else f"{found.price_per_hour:.2f} {found.currency} an hour"
    lines += ["", f"Machines: {where}; price: {price}"]
    lines += ["The operator would make:", *(f"  {made}" for made in found.makes)] if found.makes else []
    return [*lines, *(f"Note:  {note}" for note in found.notes)]


def _for_scripts(plan: Plan) -> dict[str, Any]:
    return {
        "clone": plan.clone,
        "versionDigest": plan.version_digest,
        "experiment": plan.experiment,
        "batchSize": plan.batch_size,
        "trainingClips": plan.training_clips,
        "stages": [
            {
                "name": s.name,
                "action": s.action,
                "why": s.why,
                "steps": s.steps,
                "estimatedSeconds": _rounded(s.seconds),
            }
            for s in plan.stages
        ],
        "steps": plan.steps,
        "estimatedSeconds": _rounded(plan.seconds),
        "stepSource": plan.step_source,
        "estimatedAcceleratorHours": _rounded(plan.accelerator_hours, 3),
        "estimatedCost": _rounded(plan.cost, 2),
        "currency": plan.currency,
        "budget": [
            {"limit": v.limit, "allowed": v.allowed, "estimate": _rounded(v.estimate, 3), "exceeded": v.is_exceeded}
            for v in plan.verdicts
        ],
        "notes": plan.notes,
    }


def _for_people(plan: Plan) -> list[str]:
    clips = "unknown until Prepare" if plan.training_clips is None else str(plan.training_clips)
    lines = [
        f"{plan.clone}: {plan.experiment}, batch {plan.batch_size}, version {plan.version_digest[:12]}",
        f"Training clips: {clips}",
        "",
    ]
    for stage in plan.stages:
        detail = f"; {stage.steps} steps" if stage.steps is not None else ""
        if stage.seconds is not None:
            detail += f", about {_duration(stage.seconds)}"
        lines.append(f"  {stage.name:<9} {stage.action:<6} {stage.why}{detail}")
    time = "unknown" if plan.seconds is None else f"about {_duration(plan.seconds)} (training only)"
    lines += ["", f"Time:  {time}, an estimate; step time: {plan.step_source}"]
    if plan.accelerator_hours is not None:
        lines.append(f"Work:  about {plan.accelerator_hours:.2f} accelerator hours (estimate)")
    cost = "unknown" if plan.cost is None else f"about {plan.cost:.2f} {plan.currency} (estimate)"
    lines.append(f"Cost:  {cost}")
    lines += [_spoken(verdict) for verdict in plan.verdicts]
    return [*lines, *(f"Note:  {note}" for note in plan.notes)]


def _spoken(verdict: Verdict) -> str:
    if verdict.estimate is None:
        return f"Budget: {verdict.limit} {verdict.allowed:g}: cannot be judged yet"
    says = "WOULD EXCEED" if verdict.is_exceeded else "within"
    return f"Budget: {says} {verdict.limit} {verdict.allowed:g} (estimate {verdict.estimate:.2f})"


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def _rounded(value: float | None, digits: int = 1) -> float | None:
    return None if value is None else round(value, digits)
