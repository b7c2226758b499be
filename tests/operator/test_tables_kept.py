"""The operator's one writer of serving tables: at its start, after a write that failed, and where nothing changed."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator
from typing import Any

import pytest
from operator_world import SETTINGS
from test_tables import clone

from clock_train.serving.serving_table import table_of
from voiceclone_operator import controller as controlling
from voiceclone_operator.controller import Controller
from voiceclone_operator.kinds import CLONES, TABLES, Kind
from voiceclone_operator.metrics import Metrics
from voiceclone_operator.mirror import Mirror
from voiceclone_operator.observed import StoredFacts
from voiceclone_operator.tables import table, table_text

Object = dict[str, Any]


class StillApi:
    """An API server where nothing happens but what the operator does."""

    def __init__(self, *clones: Object, tables: tuple[Object, ...] = (), refuses: int = 0) -> None:
        self.lists = {CLONES.called: list(clones), TABLES.called: list(tables)}
        self.refuses = refuses
        self.applied: list[Object] = []

    async def list(self, kind: Kind) -> tuple[list[Object], str]:
        return copy.deepcopy(self.lists.get(kind.called, [])), "1"

    async def watch(self, kind: Kind, version: str) -> AsyncIterator[tuple[str, Object]]:
        await asyncio.Event().wait()
        yield "BOOKMARK", {}

    async def apply(self, manifest: Object) -> Object:
        if self.refuses:
            self.refuses -= 1
            raise ConnectionError("away")
        self.applied.append(manifest)
        return copy.deepcopy(manifest)


def paused(made: Object) -> Object:
    """Left alone, so that only its table is looked after."""
    made["metadata"] |= {"uid": made["metadata"]["name"], "annotations": {"clocktrain.dev/paused": "true"}}
    return made


async def everybody_has_had_turns() -> None:
    for _ in range(100):
        await asyncio.sleep(0)


def kept(api: StillApi, looks: int = 3) -> dict[str, set[str]]:
    """Table → voices, of what was applied while the operator looked so often."""

    async def run() -> None:
        mirror = Mirror("clocktrain")
        found: Any = api
        made = Controller(found, mirror, Metrics(mirror, "0"), SETTINGS, lambda *_: StoredFacts())
        running = asyncio.create_task(made.run())
        for _ in range(looks):
            await everybody_has_had_turns()
            made._tables_are_old.set()
        await everybody_has_had_turns()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(run())
    return {
        f"{each['metadata']['namespace']}/{each['metadata']['name']}": set(
            table_of(each["data"]["serving.json"], "it").voices
        )
        for each in api.applied
    }


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controlling, "TABLES_TOGETHER_S", 0.0)
    monkeypatch.setattr(controlling, "FIRST_BACKOFF_S", 0.0)


def test_what_happened_while_it_was_away_is_written_at_its_start_and_once() -> None:
    stale = table("b", "clocktrain-serving", table_text({"bert": {}}))
    api = StillApi(paused(clone("a", "anna", champion=1)), tables=(stale,))
    assert kept(api) == {
        "a/clocktrain-serving": {"anna"},
        "b/clocktrain-serving": set(),
        "clocktrain/clocktrain-serving-all": {"anna"},
    }
    assert len(api.applied) == 3


def test_tables_that_are_as_they_should_be_cost_no_write() -> None:
    anna = paused(clone("a", "anna", champion=1))
    first = StillApi(anna)
    kept(first)
    assert kept(StillApi(anna, tables=tuple(first.applied))) == {}


def test_a_write_that_failed_is_made_again_and_holds_up_no_other() -> None:
    api = StillApi(paused(clone("a", "anna", champion=1)), refuses=1)
    assert set(kept(api, looks=6)) == {"a/clocktrain-serving", "clocktrain/clocktrain-serving-all"}
