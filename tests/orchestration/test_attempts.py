"""Attempts: what each may read of the ones before it, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clock_train.errors import AttemptDamaged, CheckpointDamaged, CheckpointNotFound
from clock_train.orchestration.attempts import (
    Resumption,
    attempts_of,
    read_start,
    resumption_of,
    start_attempt,
    with_corpora,
)
from clock_train.orchestration.checkpoint_store import KEPT, CheckpointStore
from clock_train.storage.folder import FolderStorage
from clock_train.storage.places import RunPlace

FIRST = RunPlace(uid="u1", namespace="voices")
SECOND = RunPlace(uid="u1", namespace="voices", attempt=2)
THIRD = RunPlace(uid="u1", namespace="voices", attempt=3)


def silent(text: str) -> None:
    raise AssertionError(text)


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "store")


def save(storage: FolderStorage, place: RunPlace, *steps: int) -> CheckpointStore:
    store = CheckpointStore(storage, place)
    for step in steps:
        store.save(step, {"state.json": f"{place.attempt}:{step}".encode()})
    return store


def newest(storage: FolderStorage, place: RunPlace) -> bytes | None:
    found = CheckpointStore(storage, place).newest(silent)
    return None if found is None else found[1]["state.json"]


def test_an_attempt_goes_on_from_the_checkpoint_that_it_was_given(storage: FolderStorage) -> None:
    save(storage, FIRST, 10, 20)
    start_attempt(storage, SECOND, Resumption(prefix=FIRST.prefix, step=20))
    assert newest(storage, SECOND) == b"1:20"
    assert CheckpointStore(storage, SECOND).steps() == [10, 20]


def test_what_a_cut_off_worker_commits_later_is_never_read(storage: FolderStorage) -> None:
    save(storage, FIRST, 10)
    start_attempt(storage, SECOND, Resumption(prefix=FIRST.prefix, step=10))
    save(storage, FIRST, 20, 30)
    assert newest(storage, SECOND) == b"1:10"
    save(storage, SECOND, 20)
    assert newest(storage, SECOND) == b"2:20"


def test_a_chain_of_attempts_is_followed_to_its_end(storage: FolderStorage) -> None:
    save(storage, FIRST, 10, 20)
    start_attempt(storage, SECOND, Resumption(prefix=FIRST.prefix, step=10))
    save(storage, SECOND, 30, 40)
    start_attempt(storage, THIRD, Resumption(prefix=SECOND.prefix, step=30))
    store = CheckpointStore(storage, THIRD)
    assert store.steps() == [10, 30]
    assert store.read(10)["state.json"] == b"1:10"
    assert newest(storage, THIRD) == b"2:30"


def test_an_attempt_that_was_given_none_begins_from_nothing(storage: FolderStorage) -> None:
    save(storage, FIRST, 10)
    start_attempt(storage, SECOND)
    assert newest(storage, SECOND) is None


def test_a_second_start_of_an_attempt_keeps_what_the_first_recorded(storage: FolderStorage) -> None:
    save(storage, FIRST, 10, 20)
    first = start_attempt(storage, SECOND, Resumption(prefix=FIRST.prefix, step=10))
    again = start_attempt(storage, SECOND, Resumption(prefix=FIRST.prefix, step=20))
    assert again.resumed_from == first.resumed_from
    assert newest(storage, SECOND) == b"1:10"


def test_a_damaged_checkpoint_falls_back_across_attempts_and_says_so(storage: FolderStorage) -> None:
    save(storage, FIRST, 10)
    start_attempt(storage, SECOND, Resumption(prefix=FIRST.prefix, step=10))
    save(storage, SECOND, 20)
    storage.put(f"{SECOND.checkpoints}/step-20/state.json", b"2:xx")
    heard: list[str] = []
    found = CheckpointStore(storage, SECOND).newest(heard.append)
    assert found is not None and found[0] == 10
    assert "step-20" in heard[0] and "going on from step 10" in heard[0]
    storage.put(f"{FIRST.checkpoints}/step-10/state.json", b"1:xx")
    with pytest.raises(CheckpointDamaged, match="every checkpoint under"):
        CheckpointStore(storage, SECOND).newest(heard.append)


def test_pruning_leaves_other_attempts_alone(storage: FolderStorage) -> None:
    save(storage, FIRST, 10, 20)
    start_attempt(storage, SECOND, Resumption(prefix=FIRST.prefix, step=20))
    store = save(storage, SECOND, 30, 40, 50, 60)
    store.prune(best_step=30)
    assert store.steps() == [10, 20, 30, 50, 60]
    assert len(store.steps()) == 2 + 1 + KEPT


@given(
    saved=st.lists(st.lists(st.integers(1, 99), max_size=5), min_size=1, max_size=5), chosen=st.lists(st.integers(0, 9))
)
@settings(max_examples=60, deadline=None)
def test_no_step_that_lies_after_a_resumption_is_ever_seen(
    tmp_path_factory: pytest.TempPathFactory, saved: list[list[int]], chosen: list[int]
) -> None:
    storage = FolderStorage(tmp_path_factory.mktemp("chain"))
    limits: list[int] = []
    for number, steps in enumerate(saved, start=1):
        place = RunPlace(uid="u", attempt=number)
        before = RunPlace(uid="u", attempt=number - 1)
        own = CheckpointStore(storage, before).steps() if number > 1 else []
        picked = own[chosen[number % len(chosen)] % len(own)] if own and chosen else None
        limits = [min(limit, picked) for limit in limits] + [picked] if picked is not None else []
        prefix = None
        if picked is not None:
            holder = max(
                n
                for n in range(1, number)
                if storage.exists(f"local/runs/u/attempt-{n}/checkpoints/step-{picked}/COMMITTED")
            )
            prefix = RunPlace(uid="u", attempt=holder).prefix
        start_attempt(storage, place, None if picked is None else Resumption(prefix=str(prefix), step=int(picked)))
        for step in steps:
            CheckpointStore(storage, place).save(step + (picked or 0), {"x": b"x"})
        allowed = {step + (picked or 0) for step in steps} | {s for s in own if picked is not None and s <= picked}
        assert set(CheckpointStore(storage, place).steps()) <= allowed


@pytest.mark.parametrize(
    "uri", ["voices/runs/u1/attempt-1/checkpoints/step-10", "s3://bucket/voices/runs/u1/attempt-1/checkpoints/step-10/"]
)
def test_a_checkpoint_is_named_by_its_key_or_its_uri(uri: str) -> None:
    assert resumption_of(uri, "s3://bucket", SECOND) == Resumption(prefix=FIRST.prefix, step=10)


def test_a_checkpoint_in_a_folder_is_named_by_its_path(tmp_path: Path) -> None:
    uri = str(tmp_path / "voices/runs/u1/attempt-1/checkpoints/step-7")
    assert resumption_of(uri, str(tmp_path), SECOND).step == 7
    assert resumption_of(f"file://{uri}", f"file://{tmp_path}", SECOND).step == 7


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("s3://other/voices/runs/u1/attempt-1/checkpoints/step-10", "is no checkpoint of s3://bucket"),
        ("s3://bucket/voices/runs/u1/attempt-1", "is no checkpoint of s3://bucket"),
        ("/elsewhere/voices/runs/u1/attempt-1/checkpoints/step-10", "is no checkpoint of s3://bucket"),
        ("voices/runs/u2/attempt-1/checkpoints/step-10", "is no earlier attempt of voices/runs/u1"),
        ("theirs/runs/u1/attempt-1/checkpoints/step-10", "is no earlier attempt of voices/runs/u1"),
        ("voices/runs/u1/attempt-2/checkpoints/step-10", "is no earlier attempt of voices/runs/u1"),
        ("voices/runs/u1/attempt-3/checkpoints/step-10", "is no earlier attempt of voices/runs/u1"),
    ],
)
def test_a_checkpoint_of_another_place_is_refused(uri: str, why: str) -> None:
    with pytest.raises(CheckpointNotFound, match=why):
        resumption_of(uri, "s3://bucket", SECOND)


def test_a_checkpoint_that_was_never_committed_is_refused(storage: FolderStorage) -> None:
    storage.put(f"{FIRST.checkpoints}/step-10/state.json", b"half")
    with pytest.raises(CheckpointNotFound, match="step-10 holds no committed checkpoint"):
        start_attempt(storage, SECOND, Resumption(prefix=FIRST.prefix, step=10))
    assert read_start(storage, SECOND) is None


@pytest.mark.parametrize("content", [b"", b"[]", b'{"started_at": "x"}', b"\xff"])
def test_a_damaged_record_is_no_beginning_from_nothing(storage: FolderStorage, content: bytes) -> None:
    storage.put(f"{SECOND.prefix}/start.json", content)
    with pytest.raises(AttemptDamaged, match=r"attempt-2/start.json is damaged"):
        CheckpointStore(storage, SECOND).newest(silent)


def test_revisions_are_kept_with_the_attempt(storage: FolderStorage) -> None:
    start_attempt(storage, FIRST)
    with_corpora(storage, FIRST, {"anna": "abc"})
    start = read_start(storage, FIRST)
    assert start is not None and start.corpora == {"anna": "abc"}


def test_attempts_are_listed_by_number(storage: FolderStorage) -> None:
    for number in (10, 2, 1):
        start_attempt(storage, RunPlace(uid="u1", namespace="voices", attempt=number))
    storage.put("voices/runs/u1/attempt-x/start.json", b"{}")
    assert attempts_of(storage, "voices/runs/u1") == [1, 2, 10]
    assert attempts_of(storage, "voices/runs/u2") == []
