"""``clocktrain run``: the stages of a VoiceClone on this machine, from the file that a cluster takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from clock_train.orchestration.progress import ProgressStyle, listening

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def run(
    *,
    file: Annotated[Path, typer.Option("--file", "-f", help="YAML of a VoiceClone.")],
    out: Annotated[Path | None, typer.Option(help="Output folder; by default the clone's name.")] = None,
    store: Annotated[
        str | None, typer.Option(help="Folder or s3://bucket for checkpoints, logs and bundles; by default --out.")
    ] = None,
    attempt: Annotated[int, typer.Option(min=1, help="Number of this attempt; a new one begins from nothing.")] = 1,
    resume_from: Annotated[
        str | None, typer.Option("--resume-from", help="Checkpoint of an earlier attempt to go on from.")
    ] = None,
    progress: Annotated[
        ProgressStyle, typer.Option(help="How progress is shown on standard error.")
    ] = ProgressStyle.AUTO,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Run a VoiceClone's stages on this machine.

    The same file that a cluster takes. Stages that are finished are reused; interrupting it loses nothing.
    """
    from clock_train.crd.reading import read_manifest
    from clock_train.orchestration.job import job_place, run_clone

    output = out or Path(read_manifest(file).metadata.name)
    place = job_place(file, output, store=store, attempt=attempt, resume_from=resume_from)
    with listening(progress) as listener:
        outcome = run_clone(place, listener)
    if as_json:
        made = {"clone": outcome.clone, "versionDigest": outcome.digest, "done": outcome.done}
        gate = [{"line": v.line, "asked": v.asked, "measured": v.measured, "reason": v.reason} for v in outcome.gate]
        made |= {"gate": gate, "bundleDigest": outcome.bundle_digest}
        more = {"reused": outcome.reused, "bundle": str(outcome.bundle), "metrics": outcome.metrics}
        print(json.dumps({**made, **more}, indent=1, ensure_ascii=False))
        return
    print(f"Version: {outcome.digest[:12]} of {outcome.clone}")
    print(f"Done:    {', '.join(outcome.done) or 'nothing was left to do'}")
    if outcome.reused:
        print(f"Reused:  {', '.join(outcome.reused)}")
    for name in ("speaker_similarity/speech", "word_error_rate/speech", "mel_cepstral_distortion/speech"):
        if name in outcome.metrics:
            print(f"Figure:  {name} {outcome.metrics[name]:.3f}")
    for verdict in outcome.gate:
        print(f"Gate:    {verdict}")
    print(f"Bundle:  {outcome.bundle}")
    print(f"Log:     clocktrain logs {output}")
    print(f"MLflow:  clocktrain ui {output}")
