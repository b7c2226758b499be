"""Votes: taken once, in turn, from who was invited; and none is lost when the server is killed."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from heard_voices import made, right_answer, served  # pyright: ignore[reportMissingImports]

from clock_train.errors import (
    InvitationExpired,
    InvitationInvalid,
    InvitationUsed,
    ListeningTestInvalid,
    VoteInvalid,
    VotesUnwritable,
)
from clock_train.listening.invitations import Invitation, opened, signed
from clock_train.listening.listening_test import Role, trials_of
from clock_train.listening.rooms import Ballot, ListeningRoom, ListeningRooms
from clock_train.listening.votes import Vote, VoteStore

KEY = b"k" * 32
INVITATION = Invitation(test_id="abcdefgh", listener=7, expires_s=2_000_000_000)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def vote(trial: int, answer: str = "3") -> Vote:
    return Vote(
        session="", listener=7, trial=trial, role=Role.RATED, stimuli=("x",), answer=answer, ms=900, plays=(1,),
        heard=True, gold_ok=None, time_ms=1,
    )  # fmt: skip


def ballot(trial: int, answer: str = "3", sounds: int = 1) -> Ballot:
    return Ballot(trial=trial, answer=answer, ms=60_000, plays=(1,) * sounds, ended=(True,) * sounds)


def test_a_token_says_what_was_signed() -> None:
    assert opened(signed(INVITATION, KEY), KEY) == INVITATION


@pytest.mark.parametrize("at", range(60))
def test_a_token_with_one_letter_changed_opens_nothing(at: int) -> None:
    token = signed(INVITATION, KEY)
    if at >= len(token):
        return
    for letter in "b3":
        if token[at] == letter:
            continue
        with pytest.raises(InvitationInvalid):
            opened(token[:at] + letter + token[at + 1 :], KEY)


@pytest.mark.parametrize("token", ["", "x", "abcdefgh.7.77359400.", "é.7.1.x", "abcdefgh.7.1." + "a" * 24, "../../etc"])
def test_what_is_no_token_opens_nothing(token: str) -> None:
    with pytest.raises(InvitationInvalid):
        opened(token, KEY)


def test_another_tests_key_opens_nothing(tmp_path: Path) -> None:
    one, two = made(tmp_path / "a"), made(tmp_path / "b")
    with pytest.raises(InvitationInvalid):
        ListeningRoom(one.folder).invitation(two.tokens[0])
    mine = ListeningRoom(one.folder)
    with pytest.raises(InvitationInvalid):  # its own key, another's name
        mine.invitation(signed(replace(INVITATION, test_id=two.test.id), mine.key))


def test_an_invitation_that_ended_begins_nothing_and_a_session_that_began_goes_on(tmp_path: Path) -> None:
    done, now = made(tmp_path, days=1), time.time()
    clock = [now]
    room = ListeningRoom(done.folder, clock=lambda: clock[0])
    begun, late = (room.invitation(token) for token in done.tokens[:2])
    secret = room.begin(begun)
    clock[0] += 86_401
    with pytest.raises(InvitationExpired):
        room.session(late, None)
    with pytest.raises(InvitationExpired):
        room.begin(late)
    assert not room.vote(begun, ballot(0), secret) and room.session(begun, secret)["done"] == 1


def test_a_session_belongs_to_the_browser_that_began_it(tmp_path: Path) -> None:
    done = made(tmp_path)
    room = ListeningRoom(done.folder)
    invitation = room.invitation(done.tokens[0])
    secret = room.begin(invitation)
    sound = room.session(invitation, secret)["trials"][0]["sounds"][0]
    with pytest.raises(InvitationUsed):
        room.begin(invitation)
    for other in (None, "", "guessed", secret[:-1]):
        with pytest.raises(InvitationUsed):
            room.session(invitation, other)
        with pytest.raises(InvitationUsed):
            room.vote(invitation, ballot(0), other)
        with pytest.raises(InvitationUsed):
            room.sound(invitation, sound, other)
    assert room.sound(invitation, sound, secret)[:4] == b"RIFF"


def test_nothing_is_heard_or_said_before_the_session_begins(tmp_path: Path) -> None:
    done = made(tmp_path)
    room = ListeningRoom(done.folder)
    invitation = room.invitation(done.tokens[0])
    name = room.session(invitation, None)["check"]
    with pytest.raises(InvitationInvalid, match="not begun"):
        room.sound(invitation, name, None)
    with pytest.raises(InvitationUsed):
        room.vote(invitation, ballot(0), "x")


def test_a_sound_of_another_listener_and_a_files_own_name_are_not_there(tmp_path: Path) -> None:
    done = made(tmp_path)
    room = ListeningRoom(done.folder)
    mine, other = (room.invitation(token) for token in done.tokens[:2])
    secret = room.begin(mine)
    for name in (room.session(other, None)["check"], done.test.stimuli[0].id, "../invitations.key", ""):
        with pytest.raises(InvitationInvalid, match="no such sound"):
            room.sound(mine, name, secret)


def test_what_the_page_is_told_says_nothing_of_systems_and_no_sound_has_the_same_name_twice(tmp_path: Path) -> None:
    done = made(tmp_path)
    room = ListeningRoom(done.folder)
    told = room.session(room.invitation(done.tokens[0]), None)
    names = [name for trial in told["trials"] for name in trial["sounds"]]
    assert len(set(names)) == len(names) == len(trials_of(done.test, 1))
    words = {"anna", "boris", "natural", "gold", "repeat", "north", *(each.id for each in done.test.stimuli)}
    assert not any(word in str(told) for word in words)


def test_votes_come_in_turn_once_and_stand(tmp_path: Path) -> None:
    store = VoteStore(tmp_path / "votes.sqlite")
    secret = store.begin(7, now_ms=0)
    store.add(vote(0), secret)
    store.add(vote(0), secret)  # its answer was lost on the way
    with pytest.raises(VoteInvalid, match="answered already"):
        store.add(vote(0, "5"), secret)
    with pytest.raises(VoteInvalid, match="trial 1 comes next"):
        store.add(vote(2), secret)
    assert [each.answer for each in VoteStore(tmp_path / "votes.sqlite").all()] == ["3"]


@pytest.mark.parametrize(
    "wrong",
    [
        ballot(99), ballot(-1), ballot(0, "6"), ballot(0, "a"), ballot(0, sounds=2), replace(ballot(0), ms=-1),
        replace(ballot(0), ms=10**9), replace(ballot(0), plays=(-1,)), replace(ballot(0), ended=()),
    ],
)  # fmt: skip
def test_a_vote_that_does_not_fit_its_trial_is_refused(tmp_path: Path, wrong: Ballot) -> None:
    done = made(tmp_path)
    room = ListeningRoom(done.folder)
    invitation = room.invitation(done.tokens[0])
    secret = room.begin(invitation)
    with pytest.raises(VoteInvalid):
        room.vote(invitation, wrong, secret)
    assert room.votes.all() == []


def test_a_vote_faster_than_its_sound_or_without_its_end_is_kept_as_not_heard(tmp_path: Path) -> None:
    done = made(tmp_path)
    room = ListeningRoom(done.folder)
    invitation = room.invitation(done.tokens[0])
    secret = room.begin(invitation)
    for trial, changes in enumerate(({"ms": 100}, {"ended": (False,)}, {"plays": (0,)}, {})):
        room.vote(invitation, replace(ballot(trial), **changes), secret)
    assert [each.heard for each in room.votes.all()] == [False, False, False, True]


def test_of_the_same_vote_sent_at_once_by_many_one_is_kept(tmp_path: Path) -> None:
    store = VoteStore(tmp_path / "votes.sqlite")
    secret = store.begin(7, now_ms=0)
    threads = [threading.Thread(target=store.add, args=(vote(0), secret)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.all()) == 1


def test_a_file_of_votes_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "votes.sqlite").write_bytes(b"no database, for sure" * 100)
    with pytest.raises(VotesUnwritable, match=r"votes\.sqlite"):
        VoteStore(tmp_path / "votes.sqlite")


def test_a_test_that_is_made_while_the_server_runs_is_found(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    rooms = ListeningRooms(tmp_path / "tests")
    done = made(tmp_path)
    with pytest.raises(InvitationInvalid):
        rooms.of_token(done.tokens[0])
    done.folder.rename(tmp_path / "tests" / "first")
    assert rooms.of_token(done.tokens[0])[1].listener == 1


def test_a_broken_test_keeps_no_other_from_being_held_and_an_only_one_from_starting(tmp_path: Path) -> None:
    done = made(tmp_path / "tests")
    broken = made(tmp_path / "other").folder.rename(tmp_path / "tests" / "broken")
    (broken / "invitations.key").write_text("no key")
    assert ListeningRooms(tmp_path / "tests").of_token(done.tokens[1])[1].listener == 2
    with pytest.raises(ListeningTestInvalid, match="broken"):
        ListeningRooms(broken).rooms()
    with pytest.raises(ListeningTestInvalid, match="no folder"):
        ListeningRooms(tmp_path / "nowhere")


def test_a_sound_that_is_gone_is_said_without_its_name(tmp_path: Path) -> None:
    done = made(tmp_path)
    room = ListeningRoom(done.folder)
    invitation = room.invitation(done.tokens[0])
    secret = room.begin(invitation)
    for path in (done.folder / "sounds").iterdir():
        path.unlink()
    with pytest.raises(ListeningTestInvalid, match="server's log") as said:
        room.sound(invitation, room.session(invitation, secret)["check"], secret)
    assert str(tmp_path) not in str(said.value)


def test_a_killed_server_loses_no_vote_that_it_took(tmp_path: Path) -> None:
    done = made(tmp_path, trials=9)
    plan, port = trials_of(done.test, 1), free_port()
    path = f"/v1/listening/{done.tokens[0]}"
    taken = 0
    cookies = httpx.Cookies()
    while taken < len(plan):
        with served(done.folder, port) as (address, process), httpx.Client(base_url=address, cookies=cookies) as client:
            told = client.post(f"{path}/session", json={}).raise_for_status().json()
            assert told["done"] == taken
            cookies = client.cookies
            for trial in plan[taken : taken + 5]:
                said = {"trial": trial.number, "answer": right_answer(done.test, trial), "ms": 9_000}
                client.post(f"{path}/votes", json=said | {"plays": [1], "ended": [True]}).raise_for_status()
                taken += 1
            os.kill(process.pid, signal.SIGKILL)
    kept = ListeningRoom(done.folder).votes.all()
    assert [each.answer for each in kept] == [right_answer(done.test, trial) for trial in plan]


def test_the_addresses_say_as_openais_clients_read_it_why_not(tmp_path: Path) -> None:
    done = made(tmp_path)
    port = free_port()
    with served(tmp_path, port) as (address, _), httpx.Client(base_url=address) as client:
        path = f"/v1/listening/{done.tokens[0]}"
        assert client.get(path).json()["isBegun"] is False
        assert client.post(f"{path}/session", content="x=1").status_code == 400
        begun = client.post(f"{path}/session", json={})
        cookie = begun.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=strict" in cookie and "path=" not in cookie
        sound = client.get(f"{path}/stimuli/{begun.json()['check']}")
        assert sound.headers["content-type"] == "audio/wav" and sound.headers["cache-control"] == "no-store"
        assert not {"last-modified", "etag", "content-disposition"} & set(sound.headers)
        forged = done.tokens[0][:-1] + ("A" if done.tokens[0][-1] != "A" else "B")
        answers = {
            "invitation_invalid": (404, client.get(f"/v1/listening/{forged}")),
            "invitation_used": (409, httpx.get(address + path)),
            "vote_invalid": (409, client.post(f"{path}/votes", json=_said(5))),
            "request_invalid": (400, client.post(f"{path}/votes", json=_said("x"))),
        }
        for code, (status, answer) in answers.items():
            assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def _said(trial: object) -> dict[str, object]:
    return {"trial": trial, "answer": "3", "ms": 9_000, "plays": [1], "ended": [True]}
