"""``clocktrain listen``: blind listening tests from what evaluations left."""

from __future__ import annotations

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clock_train.errors import ConfigValueInvalid

if TYPE_CHECKING:
    from clock_train.listening.listening_test import ListeningTest
    from clock_train.listening.results import Results

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Let people judge voices blindly, and say what they found.",
)

TestDir = Annotated[Path, typer.Argument(metavar="TEST_DIR", help='Folder that "clocktrain listen make" wrote.')]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


class Kind(StrEnum):
    """What is asked; the values of ``ListeningKind``, which is not loaded for a help page."""

    MOS = "mos"
    AB = "ab"


@app.command()
def make(
    *,
    evaluation: Annotated[
        list[str],
        typer.Option(
            metavar="[NAME=]DIR", help='Output of "clocktrain evaluate", and what its voice is called; repeatable.'
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="TEST_DIR", help="New folder of the test.")],
    kind: Annotated[Kind, typer.Option(help="How good each is (mos), or which of two is better (ab).")] = Kind.MOS,
    system: Annotated[
        list[str] | None,
        typer.Option(
            help="What is compared: natural, NAME or NAME-resynthesis; repeatable, by default all, of ab two."
        ),
    ] = None,
    listeners: Annotated[int, typer.Option(min=1, max=10_000, help="How many are invited.")] = 8,
    trials: Annotated[int, typer.Option(min=1, max=200, help="Rated ones of a session, at most.")] = 24,
    days: Annotated[int, typer.Option(min=1, max=366, help="For which a session may be begun.")] = 30,
    run: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID|DIR",
            help="MLflow run of the voice, or its bundle or output; repeatable, by default looked for beside.",
        ),
    ] = None,
    url: Annotated[str, typer.Option(help="Of the server, as listeners reach it.")] = "http://127.0.0.1:8880",
    as_json: AsJson = False,
) -> None:
    """Make a blind test of sounds, and a link for each listener."""
    from clock_train.listening.listening_test import ListeningKind
    from clock_train.listening.making import MakingRequest, make_test

    made = make_test(
        MakingRequest(
            evaluations=_named(evaluation), output=out, kind=ListeningKind(kind.value), systems=system or (),
            listeners=listeners, trials=trials, days=days, runs=run or (),
        )
    )  # fmt: skip
    links = [f"{url.rstrip('/')}/listen/{token}" for token in made.tokens]
    if as_json:
        told = {
            "test": made.test.id, "folder": str(made.folder), "kind": made.test.kind.value,
            "systems": list(made.test.systems), "sentences": made.sentences, "runs": list(made.test.run_ids),
            "loudnessLufs": made.test.loudness_lufs, "links": links,
        }  # fmt: skip
        print(json.dumps(told, indent=1, ensure_ascii=False))
        return
    where = f"MLflow run {', '.join(made.test.run_ids)}" if made.test.run_ids else "a run of their own in MLflow"
    print(
        f"test {made.test.id}: {', '.join(made.test.systems)}; {made.sentences} sentences at "
        f"{made.test.loudness_lufs:.0f} LUFS; results go to {where}"
    )
    print(f"serve it: clocktrain serve … --listening {made.folder}; one link for one listener, shown this once:")
    print("\n".join(links))


@app.command()
def results(
    test_dir: TestDir,
    *,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print every vote as CSV.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what listeners found so far."""
    from clock_train.listening import results as counting
    from clock_train.listening.rooms import ListeningRoom

    room = ListeningRoom(test_dir)
    votes = room.votes.all()
    if as_csv:
        print(counting.as_csv(room.test, votes), end="")
        return
    found = counting.results_of(room.test, votes)
    if as_json:
        print(json.dumps(found.as_plain(room.test), indent=1, ensure_ascii=False))
        return
    _print(room.test, found)


@app.command()
def send(
    test_dir: TestDir,
    *,
    as_json: AsJson = False,
) -> None:
    """Send the results to MLflow now."""
    from clock_train.listening.mlflow_rest import MlflowRest
    from clock_train.listening.rooms import ListeningRoom
    from clock_train.listening.sending import send_results

    uri = os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        raise ConfigValueInvalid("MLFLOW_TRACKING_URI names no MLflow; set it to the address of the server")
    sent = send_results(ListeningRoom(test_dir), MlflowRest(uri), is_forced=True)
    if as_json:
        told = {"votes": sent.num_votes, "runs": list(sent.run_ids), "files": sent.is_with_files}
        print(json.dumps(told, indent=1, ensure_ascii=False))
        return
    if not sent.num_votes:
        print("there are no votes yet")
        return
    print(f"{sent.num_votes} votes (with training) are in {', '.join(sent.run_ids)}")
    if not sent.is_with_files:
        print('the server does not take files itself: keep the votes with "clocktrain listen results --csv"')


def _named(evaluations: list[str]) -> dict[str, Path]:
    named: dict[str, Path] = {}
    for text in evaluations:
        name, equals, folder = text.partition("=")
        path = Path(folder if equals else text)
        name = name if equals else path.absolute().name
        if name in named:
            raise ConfigValueInvalid(f'two evaluations are called "{name}"; call them --evaluation NAME=DIR')
        named[name] = path
    return named


def _print(test: ListeningTest, found: Results) -> None:
    print(
        f"test {test.id}: {found.num_votes} votes of {found.num_sessions} listeners ({found.num_finished} finished, "
        f"{test.listeners} invited); {found.num_counted} counted, {found.num_rejected} rejected, "
        f"{found.num_pending} pending"
    )
    for system, each in sorted(found.opinions.items(), key=lambda item: -item[1].mos):
        interval = "no interval of one listener" if each.ci95 is None else f"± {each.ci95:.2f}"
        print(f"{system:32} {each.mos:.2f} {interval} ({each.num_votes} votes, {each.num_listeners} listeners)")
    given = found.preference
    if given is not None and given.share is not None:
        print(
            f"{test.systems[0]} over {test.systems[1]}: {given.first} to {given.second}, {given.neither} undecided "
            f"({given.share:.0%}); p = {given.p_value:.3g} by votes, {given.listeners_p_value:.3g} by listeners "
            f"({given.listeners_first} to {given.listeners_second})"
        )
    if found.gold_missed:
        print(f"listeners who missed a gold trial: {', '.join(map(str, found.gold_missed))}")
