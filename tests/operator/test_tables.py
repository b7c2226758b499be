"""The serving tables: the same statuses give the same bytes, which servers read as they are meant."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from clock_train.serving.serving_table import CANDIDATE, CHAMPION, MOST_TABLE_BYTES, PREVIOUS, table_of
from voiceclone_operator import tables
from voiceclone_operator.tables import Key, Tables, aliases_of, plan_tables

Object = dict[str, Any]


def clone(namespace: str, name: str, made: int = 0, **serving: int) -> Object:
    numbers = {number for alias, number in serving.items() if alias != "canaryPercent"}
    versions = [
        {"version": n, "digest": f"{n:02x}" * 32, "bundleURI": f"s3://clocktrain/{namespace}/bundles/{name}-{n}"}
        for n in sorted(numbers)
    ]
    return {
        "metadata": {"namespace": namespace, "name": name, "creationTimestamp": f"2026-11-24T12:00:{made:02d}Z"},
        "status": {"versions": versions, **({"serving": serving} if serving else {})},
    }


def planned(clones: list[Object], found: list[Object] | None = None) -> Tables:
    def keyed(objects: list[Object]) -> dict[Key, Object]:
        return {(each["metadata"]["namespace"], each["metadata"]["name"]): each for each in objects}

    return plan_tables(keyed(clones), keyed(found or []), "clocktrain")


def texts(made: Tables) -> dict[str, str]:
    return {f"{m['metadata']['namespace']}/{m['metadata']['name']}": m["data"]["serving.json"] for m in made.applies}


def test_a_namespace_has_a_table_and_the_operators_own_has_one_of_all() -> None:
    made = planned([clone("a", "anna", champion=2, previous=1), clone("b", "bert", champion=1), clone("b", "carl")])
    found = {place: table_of(text, place) for place, text in texts(made).items()}
    assert {place: set(table.voices) for place, table in found.items()} == {
        "a/clocktrain-serving": {"anna"},
        "b/clocktrain-serving": {"bert"},
        "clocktrain/clocktrain-serving-all": {"anna", "bert"},
    }
    anna = found["clocktrain/clocktrain-serving-all"].aliases("anna")
    assert {alias: [(s.version, s.percent) for s in shares] for alias, shares in anna.items()} == {
        CHAMPION: [(2, 100)],
        PREVIOUS: [(1, 100)],
    }
    assert anna[CHAMPION][0].bundle == "s3://clocktrain/a/bundles/anna-2"
    assert anna[CHAMPION][0].digest == "02" * 32


def test_a_canary_shares_the_champions_requests_as_the_command_line_would_write_it() -> None:
    made = planned([clone("a", "anna", champion=1, candidate=2, canaryPercent=10)])
    text = texts(made)["a/clocktrain-serving"]
    read = table_of(text, "it")
    one, two = (read.aliases("anna")[CHAMPION][i].model_copy(update={"percent": 100}) for i in (0, 1))
    assert read == table_of(text, "it").promoted("anna", one).with_canary("anna", two, 10)
    assert read.text() == text, "to the byte"


def test_all_requests_for_the_candidate_are_one_share() -> None:
    aliases = aliases_of(clone("a", "anna", champion=1, candidate=2, canaryPercent=100))
    assert [(s["version"], s["percent"]) for s in aliases["champion"]] == [(2, 100)]
    assert [s["version"] for s in aliases[CANDIDATE]] == [2]


def test_at_rest_nothing_is_written_and_what_is_edited_by_hand_comes_back() -> None:
    clones = [clone("a", "anna", champion=1)]
    first = planned(clones)
    assert planned(clones, first.applies).applies == []
    first.applies[0]["data"]["serving.json"] = "{}"
    assert [m["metadata"]["namespace"] for m in planned(clones, first.applies).applies] == ["a"]


def test_a_clone_that_is_deleted_leaves_an_empty_table_and_an_unserved_namespace_gets_none() -> None:
    anna = clone("a", "anna", champion=1)
    first = planned([anna])
    anna["metadata"]["deletionTimestamp"] = "2026-11-24T13:00:00Z"
    for clones in ([anna], []):
        made = planned(clones, first.applies)
        assert all(table_of(text, "it").voices == {} for text in texts(made).values())
        assert len(made.applies) == 2
    assert planned([clone("c", "carl")]).applies == []


def test_of_two_voices_of_one_name_the_older_has_it_and_the_other_is_told() -> None:
    clones = [clone("a", "anna", 9, champion=1), clone("b", "anna", 3, champion=1)]
    made = planned(clones)
    every = table_of(texts(made)["clocktrain/clocktrain-serving-all"], "it")
    assert every.aliases("anna")[CHAMPION][0].bundle == "s3://clocktrain/b/bundles/anna-1"
    assert set(made.left_out) == {("a", "anna")}
    reason, message = made.left_out["a", "anna"]
    assert reason == "NameTaken" and 'of the namespace "b"' in message
    assert "a/clocktrain-serving" in texts(made), "its own namespace's table has it"


def test_a_table_never_grows_over_what_a_configmap_holds(monkeypatch: Any) -> None:
    monkeypatch.setattr(tables, "MOST_BYTES", 2_000)
    made = planned([clone("a", f"voice-{n}", n, champion=1) for n in range(20)])
    for text in texts(made).values():
        assert len(text.encode()) <= 2_000
        assert 3 < len(table_of(text, "it").voices) < 20
    assert {reason for reason, _ in made.left_out.values()} == {"TableFull"}
    assert ("a", "voice-19") in made.left_out and ("a", "voice-0") not in made.left_out
    assert tables.MOST_BYTES < MOST_TABLE_BYTES


NUMBERS = st.integers(1, 4)
SERVING = st.fixed_dictionaries(
    {"champion": NUMBERS},
    optional={"previous": NUMBERS, "candidate": NUMBERS, "canaryPercent": st.integers(1, 100)},
)


@given(
    servings=st.dictionaries(
        st.tuples(st.sampled_from(["a", "b", "clocktrain"]), st.sampled_from(["anna", "bert", "ann-ä"])), SERVING
    ),
    order=st.randoms(),
)
def test_whatever_is_served_the_tables_are_read_as_written_and_in_any_order_the_same(
    servings: dict[Key, dict[str, int]], order: Any
) -> None:
    clones = [clone(*key, made, **serving) for made, (key, serving) in enumerate(servings.items())]
    made = planned(clones)
    order.shuffle(clones)
    assert texts(planned(clones)) == texts(made)
    assert planned(clones, made.applies).applies == []
    for text in texts(made).values():
        read = table_of(text, "it")
        assert read.text() == text
        assert all(sum(s.percent for s in shares) == 100 for a in read.voices.values() for shares in a.values())
