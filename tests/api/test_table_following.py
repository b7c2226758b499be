"""Following a table: what it names no more is not spoken with, and one voice that cannot be had holds up no other."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from clock_train.api.table_following import TableFollower
from clock_train.errors import StorageNotFound, VoiceNotFound
from clock_train.serving.serving_table import ServingTable, Share, write_table
from clock_train.serving.voice_catalogue import VoiceCatalogue


def share(name: str, version: int) -> Share:
    return Share(version=version, digest=f"{name}-{version}", bundle=f"s3://b/{name}-{version}", percent=100)


def voice(name: str, share: Share) -> Any:
    card = SimpleNamespace(name=name, version=share.version)
    return SimpleNamespace(card=card, digest=share.digest, label=f"{name}@{share.version}", model=share.digest)


class World:
    def __init__(self, path: Path, fixed: list[Any]) -> None:
        self.path, self.away = path, set[str]()
        self.catalogue = VoiceCatalogue(fixed)
        self.follower = TableFollower(path, self.catalogue, bring=self.bring, load=self.load)

    def bring(self, name: str, share: Share) -> Any:
        if name in self.away:
            raise StorageNotFound(f"{name} is away")
        return voice(name, share)

    async def load(self, voice: Any) -> None:
        pass

    def follow(self, table: ServingTable) -> None:
        write_table(self.path, table)
        asyncio.run(self.follower.look())

    def meant(self, name: str) -> int | None:
        try:
            return self.catalogue.find(name)[0].card.version
        except VoiceNotFound:
            return None


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "serving.json", [voice("fixed", share("fixed", 1))])


def test_what_the_table_names_no_more_is_not_spoken_with(world: World) -> None:
    world.follow(ServingTable().promoted("anna", share("anna", 1)))
    assert [world.meant(name) for name in ("anna", "anna@1", "anna@champion")] == [1, 1, 1]
    world.follow(ServingTable())
    assert [world.meant(name) for name in ("anna", "anna@1", "anna@champion")] == [None] * 3
    assert world.meant("fixed") == 1, "what was given by hand stays"


def test_a_voice_that_cannot_be_had_holds_up_no_other(world: World) -> None:
    table = ServingTable().promoted("anna", share("anna", 1)).promoted("bert", share("bert", 1))
    world.follow(table)
    world.away = {"anna"}
    world.follow(
        ServingTable({"anna": table.promoted("anna", share("anna", 2)).voices["anna"]}).promoted(
            "carl", share("carl", 1)
        )
    )
    assert world.meant("bert") is None, "it was taken away"
    assert world.meant("carl") == 1
    assert world.meant("anna") == 1, "as before"
