"""The serving table: what an alias means, who gets a canary, and the way back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clock_train.errors import AliasNotFound, ServingTableInvalid, VoiceNotFound
from clock_train.serving.serving_table import (
    CHAMPION,
    PREVIOUS,
    ServingTable,
    Share,
    read_table,
    share_for,
    table_of,
    version_of,
    write_table,
)


def share(version: int, percent: int = 100) -> Share:
    return Share(version=version, digest=f"digest-{version}", bundle=f"anna-{version}", percent=percent)


def champions(table: ServingTable) -> list[tuple[int, int]]:
    return [(each.version, each.percent) for each in table.aliases("anna")[CHAMPION]]


def test_a_promotion_keeps_the_one_before_as_previous() -> None:
    table = ServingTable().promoted("anna", share(1)).promoted("anna", share(2))
    assert champions(table) == [(2, 100)]
    assert table.aliases("anna")[PREVIOUS] == (share(1),)


def test_promoting_the_champion_again_changes_nothing() -> None:
    table = ServingTable().promoted("anna", share(1)).promoted("anna", share(2))
    assert table.promoted("anna", share(2)) == table


def test_a_rollback_goes_back_and_a_second_one_forth() -> None:
    table = ServingTable().promoted("anna", share(1)).promoted("anna", share(2))
    assert champions(table.rolled_back("anna")) == [(1, 100)]
    assert champions(table.rolled_back("anna").rolled_back("anna")) == [(2, 100)]


def test_a_rollback_under_a_canary_takes_the_canary_away() -> None:
    table = ServingTable().promoted("anna", share(1)).with_canary("anna", share(2), 30)
    assert champions(table) == [(1, 70), (2, 30)]
    more = table.with_canary("anna", share(2), 80)
    assert champions(more) == [(1, 20), (2, 80)]
    assert champions(table.rolled_back("anna")) == champions(more.rolled_back("anna")) == [(1, 100)]


def test_a_canary_of_everything_is_a_promotion_and_of_nothing_none() -> None:
    table = ServingTable().promoted("anna", share(1))
    assert champions(table.with_canary("anna", share(2), 100)) == [(2, 100)]
    assert champions(table.with_canary("anna", share(2), 0)) == [(1, 100)]


def test_a_canary_that_became_everything_can_be_rolled_back() -> None:
    table = ServingTable().promoted("anna", share(1)).with_canary("anna", share(2), 100)
    assert champions(table.rolled_back("anna")) == [(1, 100)]


@pytest.mark.parametrize("act", ["rolled_back", "with_canary"])
def test_what_has_no_champion_has_nothing_to_go_back_to_or_to_share_with(act: str) -> None:
    with pytest.raises(AliasNotFound, match="promote a version"):
        ServingTable().rolled_back("anna") if act == "rolled_back" else ServingTable().with_canary("anna", share(1), 5)


def test_a_canary_gets_its_percent_and_a_request_always_the_same_version() -> None:
    shares = (share(1, 90), share(2, 10))
    chosen = [share_for(shares, f"request-{number}").version for number in range(10_000)]
    assert 850 < chosen.count(2) < 1_150
    assert chosen[:50] == [share_for(shares, f"request-{number}").version for number in range(50)]


@given(st.lists(st.sampled_from(["promote 1", "promote 2", "promote 3", "canary 2 30", "canary 3 100", "back"])))
def test_whatever_is_done_the_percents_make_100_and_the_table_is_read_as_it_was_written(acts: list[str]) -> None:
    table = ServingTable()
    for act in acts:
        verb, *numbers = act.split()
        try:
            if verb == "promote":
                table = table.promoted("anna", share(int(numbers[0])))
            elif verb == "canary":
                table = table.with_canary("anna", share(int(numbers[0])), int(numbers[1]))
            else:
                table = table.rolled_back("anna")
        except AliasNotFound:
            continue
    assert table_of(table.text(), "here") == table
    assert all(sum(each.percent for each in shares) == 100 for shares in table.aliases("anna").values())


def test_a_table_is_written_whole_and_read_back(tmp_path: Path) -> None:
    table = ServingTable().promoted("安娜", share(1))
    write_table(tmp_path / "serving.json", table)
    assert read_table(tmp_path / "serving.json") == table
    assert read_table(tmp_path / "none.json") == ServingTable()
    assert [path.name for path in tmp_path.iterdir()] == ["serving.json"]


def test_a_version_is_found_by_any_alias() -> None:
    table = ServingTable().promoted("anna", share(1)).promoted("anna", share(2))
    assert version_of(table, "anna", 1) == share(1)
    with pytest.raises(VoiceNotFound, match="version 9"):
        version_of(table, "anna", 9)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "Invalid JSON"),
        ("[]", "the file"),
        ('{"schemaVersion": 2, "voices": {}}', "schemaVersion"),
        ('{"schemaVersion": 1, "voices": {"anna": {"champion": [{"version": 1}]}}}', "voices.anna.champion.0.digest"),
        ('{"schemaVersion": 1, "voices": {"anna": {"champion": []}}}', "do not make 100"),
        ('{"schemaVersion": 1, "voices": {"anna": {"../x": []}}}', "an alias is small letters"),
        (json.dumps({"schemaVersion": 1, "voices": {}, "more": 1}), "more"),
        ("1" * 2_000_000, "no table is so long"),
    ],
)
def test_what_is_no_table_is_refused_with_its_place(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "serving.json").write_text(content)
    with pytest.raises(ServingTableInvalid, match=r"serving\.json") as raised:
        read_table(tmp_path / "serving.json")
    assert told in str(raised.value)
