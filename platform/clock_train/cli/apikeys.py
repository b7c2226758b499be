"""``clocktrain apikeys``: who may ask a gateway for speech."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clock_train.cli.accounts_options import Accounts, AsJson, opened
from clock_train.errors import ConfigValueInvalid

if TYPE_CHECKING:
    from clock_train.accounts.keys import ApiKey

WIDEST = 160

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Make, list, rotate and revoke API keys of a gateway.",
)

KeyId = Annotated[str, typer.Argument(metavar="KEY", help="Its id, the eight letters after ct_live_.")]
OfTenant = Annotated[str | None, typer.Option(help="Only a key of this tenant.")]


@app.command()
def create(
    *,
    tenant: Annotated[str, typer.Option(help="Whose key it is.")],
    accounts: Accounts = None,
    scope: Annotated[
        list[str] | None, typer.Option(help="What it may do; repeatable, by default speech:synthesize and voices:read.")
    ] = None,
    voice: Annotated[
        list[str] | None, typer.Option(help="Pattern of voices it may hear, such as anna*; repeatable, by default all.")
    ] = None,
    qps: Annotated[int, typer.Option(help="Requests in one second, 1 to 100.")] = 10,
    characters_a_day: Annotated[int, typer.Option(help="Of one UTC day; 0: no limit.")] = 0,
    days: Annotated[int, typer.Option(min=0, help="Until it ends; 0: never.")] = 0,
    purpose: Annotated[
        list[str] | None, typer.Option(help="What the speech is for, as consents name it; repeatable.")
    ] = None,
    territory: Annotated[
        list[str] | None, typer.Option(help="Where it is heard, an ISO 3166 code; repeatable, by default worldwide.")
    ] = None,
    note: Annotated[str, typer.Option(help="What it is for.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, this once."""
    from clock_train.accounts.keys import KeyScope

    now = datetime.now(UTC)
    scopes = [_scope(name) for name in scope] if scope else [KeyScope.SPEECH_SYNTHESIZE, KeyScope.VOICES_READ]
    with opened(accounts) as store:
        text, key = store.create_key(
            tenant=tenant, scopes=scopes, voices=voice or ["*"], qps=qps, characters_a_day=characters_a_day,
            expires=now + _days(days) if days else None, note=note, now=now,
            purposes=purpose or [], territories=territory or [],
        )  # fmt: skip
    _print_new(text, key, as_json)


@app.command("list")
def list_keys(
    *,
    accounts: Accounts = None,
    tenant: Annotated[str | None, typer.Option(help="Only the keys of this tenant.")] = None,
    as_json: AsJson = False,
) -> None:
    """List keys with their rights, oldest first."""
    with opened(accounts) as store:
        keys = store.list_keys(tenant)
    if as_json:
        print(json.dumps([_plain(key) for key in keys], indent=1, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    now = datetime.now(UTC)
    table = Table(box=None, pad_edge=False)
    for head in ("key", "tenant", "state", "qps", "characters a day", "voices", "for", "scopes", "note"):
        table.add_column(head, justify="right" if head in ("qps", "characters a day") else "left")
    for key in keys:
        cells = (
            key.id, key.tenant, _state(key, now), str(key.qps), str(key.characters_a_day or "-"),
            " ".join(key.voices), " ".join([*key.purposes, *key.territories]), " ".join(sorted(key.scopes)), key.note,
        )  # fmt: skip
        table.add_row(*map(Text, cells))
    console = Console()
    console.width = max(console.width, WIDEST)
    console.print(table)


@app.command()
def rotate(
    key: KeyId,
    *,
    accounts: Accounts = None,
    overlap: Annotated[int, typer.Option(min=0, help="Seconds for which the old key still works.")] = 86_400,
    tenant: OfTenant = None,
    as_json: AsJson = False,
) -> None:
    """Make a second key of the same rights, and end the first after an overlap."""
    with opened(accounts) as store:
        text, new, old = store.rotate_key(key, overlap=_seconds(overlap), tenant=tenant, now=datetime.now(UTC))
    _print_new(text, new, as_json, old=old)


@app.command()
def revoke(
    key: KeyId,
    *,
    accounts: Accounts = None,
    tenant: OfTenant = None,
    as_json: AsJson = False,
) -> None:
    """End a key on all replicas, within seconds."""
    with opened(accounts) as store:
        revoked = store.revoke_key(key, tenant=tenant, now=datetime.now(UTC))
    if as_json:
        print(json.dumps(_plain(revoked), indent=1, ensure_ascii=False))
        return
    print(f"{revoked.id} of {revoked.tenant}: revoked")


def _scope(name: str) -> Any:
    from clock_train.accounts.keys import KeyScope

    try:
        return KeyScope(name)
    except ValueError:
        raise ConfigValueInvalid(f'--scope "{name}" is none; give one of {", ".join(KeyScope)}') from None


def _days(days: int) -> timedelta:
    return _seconds(days * 86_400)


def _seconds(seconds: int) -> timedelta:
    if seconds > 100 * 366 * 86_400:
        raise ConfigValueInvalid("the time is over a hundred years; give less, or --days 0 for a key that never ends")
    return timedelta(seconds=seconds)


def _print_new(text: str, key: ApiKey, as_json: bool, *, old: ApiKey | None = None) -> None:
    if as_json:
        told = {"apiKey": text, **_plain(key)}
        if old is not None:
            told["replaces"] = _plain(old)
        print(json.dumps(told, indent=1, ensure_ascii=False))
        return
    print(text)
    print(f"the key {key.id} of {key.tenant} is shown this once and kept nowhere: put it in a safe place now")
    if old is not None and old.expires is not None:
        print(f"{old.id} works until {old.expires.isoformat()}")


def _plain(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "tenant": key.tenant,
        "scopes": sorted(key.scopes),
        "voices": list(key.voices),
        "qps": key.qps,
        "charactersADay": key.characters_a_day,
        "created": key.created.isoformat(),
        "expires": key.expires and key.expires.isoformat(),
        "revokedAt": key.revoked_at and key.revoked_at.isoformat(),
        "purposes": list(key.purposes),
        "territories": list(key.territories),
        "note": key.note,
    }


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return f"revoked {key.revoked_at:%Y-%m-%d}"
    if key.expires is None:
        return "live"
    return f"{'ended' if key.expires <= now else 'until'} {key.expires:%Y-%m-%d %H:%M}"
