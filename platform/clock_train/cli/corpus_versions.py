"""``clocktrain corpus push``, ``pull``, ``log`` and ``diff``: corpora as revisions in a folder or a bucket."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from clock_train.orchestration.corpus_versions import Revision

Remote = Annotated[str, typer.Option("--remote", help="Folder or s3://bucket that keeps the revisions.")]
Name = Annotated[str, typer.Option("--name", help="Of the corpus in the remote.")]
Namespace = Annotated[str, typer.Option("--namespace", help="Whose corpora; one tenant each.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def push(
    corpus: Annotated[Path, typer.Argument(help="The corpus folder.")],
    *,
    remote: Remote,
    name: Name,
    message: Annotated[str, typer.Option("--message", help="What changed, for the log.")] = "",
    namespace: Namespace = "local",
    as_json: AsJson = False,
) -> None:
    """Keep the corpus as it is now, as a revision."""
    from clock_train.orchestration.corpus_versions import push_corpus

    record = push_corpus(corpus, remote, name, message, namespace=namespace, report=_say)
    print(json.dumps(asdict(record), ensure_ascii=False) if as_json else record.revision)


def pull(
    revision: Annotated[str, typer.Argument(help="Its first digits, four at least.")],
    *,
    remote: Remote,
    name: Name,
    out: Annotated[Path, typer.Option("--out", help="Corpus folder; replaced when all is well.")],
    namespace: Namespace = "local",
    as_json: AsJson = False,
) -> None:
    """Write one revision of a corpus to a folder."""
    from clock_train.orchestration.corpus_versions import pull_corpus

    record = pull_corpus(remote, name, revision, out, namespace=namespace, report=_say)
    print(json.dumps(asdict(record), ensure_ascii=False) if as_json else out)


def log(*, remote: Remote, name: Name, namespace: Namespace = "local", as_json: AsJson = False) -> None:
    """List the revisions of a corpus, newest first."""
    from clock_train.orchestration.corpus_versions import corpus_log

    found = corpus_log(remote, name, namespace=namespace)
    if as_json:
        print(json.dumps([asdict(each) for each in found], ensure_ascii=False, indent=2))
        return
    for each in found:
        print(_line(each))


def diff(
    before: Annotated[str, typer.Argument(help="First digits of the older revision.")],
    after: Annotated[str, typer.Argument(help="First digits of the newer revision.")],
    *,
    remote: Remote,
    name: Name,
    namespace: Namespace = "local",
    as_json: AsJson = False,
) -> None:
    """Say which clips one revision has and another has not, or otherwise."""
    from clock_train.orchestration.corpus_versions import corpus_diff

    found = corpus_diff(remote, name, before, after, namespace=namespace)
    if as_json:
        print(json.dumps(asdict(found), ensure_ascii=False, indent=2))
        return
    for clip in found.added:
        print(f"+ {clip}")
    for clip in found.removed:
        print(f"- {clip}")
    for clip, what in found.changed.items():
        print(f"~ {clip}: {', '.join(what)}")
    print(f"accepted speech: {found.seconds_before:.1f} s before, {found.seconds_after:.1f} s after")


def _line(record: Revision) -> str:
    length = f"{record.clips} clips, {record.seconds / 60:.1f} min"
    return f"{record.revision[:12]}  {record.time[:19]}  {length}  {record.message}"


def _say(message: str) -> None:
    print(message, file=sys.stderr)
