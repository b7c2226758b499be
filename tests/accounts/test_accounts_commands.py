"""``clocktrain apikeys`` and ``clocktrain usage`` as a person calls them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clock_train.accounts.gatekeeper import Gatekeeper
from clock_train.accounts.keys import KeyScope
from clock_train.cli.main import run
from clock_train.errors import ApiKeyInvalid, QuotaExhausted

Call = Callable[..., str]


@pytest.fixture
def call(address: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """What a command prints, on either kind of store."""
    monkeypatch.setenv("CLOCKTRAIN_ACCOUNTS", address)

    def called(*words: str) -> str:
        capsys.readouterr()
        assert run(words) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return called


def test_a_key_that_was_made_is_let_in_with_its_rights(call: Call, address: str) -> None:
    out = call("apikeys", "create", "--tenant", "acme", "--voice", "anna*", "--qps", "7", "--note", "radio")
    gatekeeper = Gatekeeper(address)
    key = gatekeeper.identify(f"Bearer {out.splitlines()[0]}")
    assert (key.tenant, key.voices, key.qps, key.note) == ("acme", ("anna*",), 7, "radio")
    assert key.scopes == {KeyScope.SPEECH_SYNTHESIZE, KeyScope.VOICES_READ}
    assert "shown this once" in out
    gatekeeper.close()


def test_the_list_shows_every_key_and_no_secret(call: Call) -> None:
    made = json.loads(call("apikeys", "create", "--tenant", "acme", "--days", "30", "--json"))
    call("apikeys", "create", "--tenant", "globex", "--scope", "admin:keys")
    listed = call("apikeys", "list")
    assert made["id"] in listed
    assert "globex" in listed
    as_json = call("apikeys", "list", "--tenant", "acme", "--json")
    assert [key["id"] for key in json.loads(as_json)] == [made["id"]]
    secret = made["apiKey"][17:]
    assert secret not in listed + as_json


def test_a_rotated_key_is_told_when_it_ends(call: Call) -> None:
    made = json.loads(call("apikeys", "create", "--tenant", "acme", "--json"))
    told = json.loads(call("apikeys", "rotate", made["id"], "--overlap", "60", "--json"))
    assert told["replaces"]["id"] == made["id"]
    assert told["replaces"]["expires"] is not None
    assert told["id"] != made["id"]
    assert told["apiKey"].startswith(f"ct_live_{told['id']}_")
    assert f"{told['id']} works until" in call("apikeys", "rotate", told["id"])


def test_a_revoked_key_is_not_let_in(call: Call, address: str) -> None:
    made = json.loads(call("apikeys", "create", "--tenant", "acme", "--json"))
    call("apikeys", "revoke", made["id"], "--tenant", "acme")
    gatekeeper = Gatekeeper(address)
    with pytest.raises(ApiKeyInvalid):
        gatekeeper.identify(f"Bearer {made['apiKey']}")
    gatekeeper.close()
    assert "revoked" in call("apikeys", "list")


@pytest.fixture
def spoken(call: Call, address: str) -> dict[str, Any]:
    """A key that has spoken 30 of its 50 characters and was refused once."""
    made = json.loads(call("apikeys", "create", "--tenant", "acme", "--characters-a-day", "50", "--json"))
    gatekeeper = Gatekeeper(address)
    key = gatekeeper.identify(f"bearer {made['apiKey']}")
    assert gatekeeper.take_request(key).limit == 10
    reservation, _ = gatekeeper.reserve(key, "anna@3", 30)
    gatekeeper.settle(reservation, characters=30, audio_seconds=2.5)
    with pytest.raises(QuotaExhausted) as refused:
        gatekeeper.reserve(key, "anna@3", 30)
    gatekeeper.refuse(refused.value.code, key)
    gatekeeper.close()
    return made


def test_usage_is_a_table_with_refusals(call: Call, spoken: dict[str, Any]) -> None:
    table = call("usage")
    assert spoken["id"] in table
    assert "anna@3" in table
    assert "QuotaExhausted" in table
    assert "unsettled: a replica" not in table


def test_usage_is_csv_json_and_prometheus(call: Call, spoken: dict[str, Any]) -> None:
    first = next(csv.DictReader(io.StringIO(call("usage", "--csv"))))
    assert (first["key"], first["characters"], first["audio_seconds"]) == (spoken["id"], "30", "2.500")
    told = json.loads(call("usage", "--json"))
    assert [(row["voice"], row["requests"]) for row in told["usage"]] == [("anna@3", 1)]
    assert [(row["code"], row["times"]) for row in told["refused"]] == [("QuotaExhausted", 1)]
    line = f'clocktrain_speech_characters_total{{tenant="acme",key="{spoken["id"]}",voice="anna@3"}} 30'
    text = call("usage", "--prometheus")
    assert line in text
    assert spoken["apiKey"][17:] not in text


def test_usage_keeps_to_tenant_and_days(call: Call, spoken: dict[str, Any]) -> None:
    assert json.loads(call("usage", "--json", "--tenant", "globex"))["usage"] == []
    assert json.loads(call("usage", "--json", "--until", "2020-01-01"))["usage"] == []
    assert len(json.loads(call("usage", "--json", "--since", "2020-01-01", "--tenant", "acme"))["usage"]) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["apikeys", "list"], "no accounts are named"),
        (["apikeys", "create", "--tenant", "acme", "--scope", "everything"], '--scope "everything" is none'),
        (["apikeys", "create", "--tenant", "acme", "--qps", "101", "--accounts", "a.sqlite"], "qps is 101"),
        (["apikeys", "create", "--tenant", "acme", "--days", "99999", "--accounts", "a.sqlite"], "a hundred years"),
        (["apikeys", "revoke", "zzzzzzzz", "--accounts", "a.sqlite"], "ApiKeyNotFound"),
        (["usage", "--since", "yesterday", "--accounts", "a.sqlite"], '--since "yesterday" is no day'),
        (["usage", "--csv", "--json", "--accounts", "a.sqlite"], "exclude one another"),
        (["usage", "--accounts", "mysql://clerk:pass-phrase@db/x"], "neither a path nor postgresql"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_said_and_ends_with_2(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLOCKTRAIN_ACCOUNTS", raising=False)
    assert run(words) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "pass-phrase" not in said


def test_accounts_that_are_away_end_with_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["usage", "--accounts", "postgresql://clerk:pass-phrase@127.0.0.1:1/accounts"]) == 3
    said = capsys.readouterr().err
    assert said.startswith("AccountsUnavailable: the PostgreSQL database")
    assert "pass-phrase" not in said
