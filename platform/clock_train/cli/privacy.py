"""``clocktrain privacy``: what is held about a person, and for how long."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from clock_train.cli.erase import (
    AsJson,
    Folders,
    Namespace,
    OwnRecordings,
    Stores,
    Tables,
    Trackers,
    named_trackers,
    show_progress,
)
from clock_train.errors import ConfigValueInvalid

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Hand out what is held about a person; expire recordings.",
)


@app.command()
def export(
    speaker: Annotated[str, typer.Argument(metavar="SPEAKER", help="Pseudonym, as in the consent.")],
    *,
    out: Annotated[Path, typer.Option(help="Archive (ZIP) to write.")],
    stores: Stores = None,
    namespace: Namespace = "local",
    folders: Folders = None,
    recordings: OwnRecordings = None,
    trackers: Trackers = None,
    tables: Tables = None,
    as_json: AsJson = False,
) -> None:
    """Everything that is held about a speaker, as one archive for that person."""
    from clock_train.erasure.request import Request
    from clock_train.issuing.installation import Installation
    from clock_train.privacy.disclosure import disclose

    request = Request(
        scope="speaker", name=speaker, stores=stores or [], namespace=namespace, folders=folders or [],
        recordings=recordings or [], trackers=named_trackers(trackers),
        tables=tables or [],
    )  # fmt: skip
    made = disclose(request, Installation(), out, now=datetime.now(UTC), report=show_progress)
    if as_json:
        told = {"archive": str(made.path), "copied": made.num_copied, "listed": made.num_listed}
        print(json.dumps({**told, "consents": made.num_consents, "uses": made.num_uses}))
        return
    print(f"{made.path}: {made.num_copied} files copied, {made.num_listed} more listed with place and sha256,")
    print(f"{made.num_consents} consents, {made.num_uses} uses. It opens with index.html; hand it to that person only.")


@app.command()
def retention(
    *,
    recordings_days: Annotated[
        int | None, typer.Option(help="Keep recordings so many days after the newest consent was given.")
    ] = None,
    after_consent_days: Annotated[
        int | None, typer.Option(help="Keep them so many days after the last consent ended or was taken back.")
    ] = None,
    none: Annotated[bool, typer.Option("--none", help="Take all rules away: recordings are kept for ever.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show how long recordings are kept here, and whose time ends when; with an option, set it."""
    from clock_train.issuing.installation import Installation
    from clock_train.privacy.retention import RetentionRules, due_dates, read_rules, write_rules

    installation = Installation()
    if none and (recordings_days, after_consent_days) != (None, None):
        raise ConfigValueInvalid("--none takes all rules away; leave it out, or the days")
    if none or (recordings_days, after_consent_days) != (None, None):
        rules = RetentionRules(recordings_days=recordings_days, after_consent_days=after_consent_days)
        write_rules(installation.folder, rules)
    rules, consents = read_rules(installation.folder), installation.consents()
    dues = due_dates(consents.records(), consents.revoked(), rules)
    if as_json:
        told = {"recordingsDays": rules.recordings_days, "afterConsentDays": rules.after_consent_days}
        speakers = [{"speaker": due.speaker, "until": due.at.isoformat(), "why": due.why} for due in dues]
        print(json.dumps({**told, "speakers": speakers}, ensure_ascii=False))
        return
    if rules.is_empty:
        print("no rule: recordings are kept until they are erased. Set one with --recordings-days or")
        print("--after-consent-days, and let clocktrain privacy expire run once a day")
    if rules.recordings_days is not None:
        print(f"recordings are kept {rules.recordings_days} days after the newest consent was given")
    if rules.after_consent_days is not None:
        print(f"recordings are kept {rules.after_consent_days} days after the last consent ended")
    for due in dues:
        print(f"  {due.at:%Y-%m-%d}  {due.speaker}  ({due.why})")


@app.command()
def expire(
    *,
    stores: Stores = None,
    namespace: Namespace = "local",
    folders: Folders = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print whose time is over; change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase recordings and corpora whose time is over by the rules of retention, with a receipt a speaker.

    It asks nobody, so that it can run once a day.
    """
    from clock_train.issuing.installation import Installation
    from clock_train.privacy.expiring import Places, expire

    if not stores and not folders:
        raise ConfigValueInvalid("no place is named; say where recordings are, with --folder and --store")
    places = Places(stores=stores or [], namespace=namespace, folders=folders or [])
    done = []
    for each in expire(places, Installation(), now=datetime.now(UTC), is_dry=dry_run, report=show_progress):
        receipt = None if each.receipt is None else str(each.receipt)
        told = {"speaker": each.due.speaker, "since": each.due.at.isoformat(), "why": each.due.why}
        done.append({**told, "objects": each.num_objects, "receipt": receipt})
        if not as_json:
            said = "would be erased" if dry_run else f"erased; receipt: {receipt}"
            print(f"{each.due.speaker}: {each.num_objects} objects {said} ({each.due.why}, {each.due.at:%Y-%m-%d})")
    if as_json:
        print(json.dumps(done, ensure_ascii=False))
    elif not done:
        print("nothing is over")
