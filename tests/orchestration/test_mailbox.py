"""The mailbox: what a watcher reads, how an order arrives, and that its trouble stops nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from small_voice import Notes

from clock_train.orchestration import mailbox
from clock_train.orchestration.mailbox import SAVE_AND_STOP, Correspondence, FolderMailbox, Mailbox
from clock_train.orchestration.observer import RunFacts
from clock_train.storage.places import RunPlace
from clock_train.training.loop import FitResult

PLACE = RunPlace(uid="u1", namespace="voices", attempt=2)


class Follower:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def begin(self, facts: RunFacts) -> None:
        self.heard.append("begin")

    def progress(self, row: dict[str, Any]) -> None:
        self.heard.append(f"row {row['step']}")

    def end(self, result: FitResult, voice_path: Path | None) -> None:
        self.heard.append("end")

    def failed(self, error: BaseException) -> None:
        self.heard.append("failed")


class Broken:
    def __init__(self) -> None:
        self.tries = 0

    def post(self, progress: Mapping[str, Any]) -> None:
        self.tries += 1
        raise ConnectionError("the API server is away")

    def control(self) -> str:
        raise ConnectionError("the API server is away")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "POST_EVERY_S", 0.05)
    monkeypatch.setattr(mailbox, "LOOK_EVERY_S", 0.02)


def letter(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "progress.json").read_text(encoding="utf-8"))


def eventually(condition: Any, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def correspondence(box: Mailbox, notes: Notes | None = None) -> tuple[Correspondence, Follower]:
    follower = Follower()
    return Correspondence(box, PLACE, notes or Notes(), follower), follower


def test_steps_checkpoints_and_time_left_are_posted(tmp_path: Path) -> None:
    post, follower = correspondence(FolderMailbox(tmp_path))
    with post:
        assert letter(tmp_path)["state"] == "running"
        post.say(stage="Finetune")
        post.advance(0.5, "", 61.6)
        post.progress({"step": 40, "saved_seconds": 0.2})
        post.progress({"step": 50, "saved_seconds": 0.0})
        eventually(lambda: letter(tmp_path).get("step") == 50)
        now = letter(tmp_path)
    assert (now["attempt"], now["stage"], now["percent"], now["etaSeconds"]) == (2, "Finetune", 50, 62)
    assert now["checkpoint"]["key"] == "voices/runs/u1/attempt-2/checkpoints/step-40"
    assert now["updatedAt"].endswith("+00:00")
    assert follower.heard == ["row 40", "row 50"]


def test_what_does_not_change_is_not_posted_again(tmp_path: Path) -> None:
    class Counting(FolderMailbox):
        posts = 0

        def post(self, progress: Mapping[str, Any]) -> None:
            Counting.posts += 1
            super().post(progress)

    post, _ = correspondence(Counting(tmp_path))
    with post:
        post.say(step=1)
        time.sleep(0.4)
        post.say(step=1)
        time.sleep(0.2)
    assert Counting.posts == 2


def test_an_order_to_save_and_stop_is_found_and_stays(tmp_path: Path) -> None:
    post, _ = correspondence(FolderMailbox(tmp_path))
    with post:
        assert not post.is_asked_to_stop()
        (tmp_path / "control").write_text(SAVE_AND_STOP + "\n")
        eventually(post.is_asked_to_stop)
        (tmp_path / "control").write_text("run")
        time.sleep(0.1)
        assert post.is_asked_to_stop()


def test_an_order_that_was_there_before_is_found_at_once(tmp_path: Path) -> None:
    (tmp_path / "control").write_text(SAVE_AND_STOP)
    post, _ = correspondence(FolderMailbox(tmp_path))
    with post:
        assert post.is_asked_to_stop()


def test_a_mailbox_that_is_away_is_told_once_and_stops_nothing(tmp_path: Path) -> None:
    notes, box = Notes(), Broken()
    post, _ = correspondence(box, notes)
    with post:
        for step in range(10):
            post.say(step=step)
            time.sleep(0.05)
    assert box.tries > 2
    assert len(notes.warnings) == 1
    assert "the mailbox cannot be used at present (the API server is away)" in notes.warnings[0]


def test_the_last_word_is_posted_before_it_ends(tmp_path: Path) -> None:
    post, _ = correspondence(FolderMailbox(tmp_path))
    with post:
        post.say(state="finished")
    assert letter(tmp_path)["state"] == "finished"
