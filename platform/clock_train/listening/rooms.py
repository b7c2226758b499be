"""Tests that are open to listeners: what a token's page is told, its sounds, and its votes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clock_train.errors import InvitationInvalid, ListeningError, ListeningTestInvalid, VoteInvalid
from clock_train.listening.invitations import Invitation, alias, claimed_test, opened
from clock_train.listening.listening_test import ListeningTest, Role, Trial, read_test, trials_of
from clock_train.listening.votes import VOTES_NAME, Vote, VoteStore

TEST_NAME, KEY_NAME, SOUNDS_FOLDER = "test.json", "invitations.key", "sounds"
LEAST_HEARD = 0.9
"""Of a sound's length has to have passed before a vote; players round."""
MOST_MS = 24 * 3_600_000
MOST_PLAYS = 10_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Ballot:
    """A vote as the page sends it."""

    trial: int
    answer: str
    ms: int
    plays: tuple[int, ...]
    ended: tuple[bool, ...]
    """Whether each sound was played to its end, at least once."""


class ListeningRoom:
    """One test's folder.

    Args:
        folder: that ``clocktrain listen make`` wrote.
        clock: seconds since 1970.

    Raises:
        ListeningTestInvalid: it is none.
        VotesUnwritable: its votes cannot be kept.
    """

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.folder, self._clock = folder, clock
        try:
            text = (folder / TEST_NAME).read_text(encoding="utf-8")
            self.key = bytes.fromhex((folder / KEY_NAME).read_text(encoding="ascii"))
        except (OSError, ValueError) as error:
            raise ListeningTestInvalid(
                f'"{folder}" is no listening test that can be read ({error}); name a folder that '
                '"clocktrain listen make" wrote'
            ) from error
        self.test: ListeningTest = read_test(text, str(folder / TEST_NAME))
        self.votes = VoteStore(folder / VOTES_NAME)

    def invitation(self, token: str) -> Invitation:
        """Whose a token is.

        Raises:
            InvitationInvalid: this test did not sign it.
        """
        invitation = opened(token, self.key)
        if invitation.test_id != self.test.id:
            raise InvitationInvalid("there is no such invitation; copy the whole link from the message that it came in")
        return invitation

    def begin(self, invitation: Invitation) -> str:
        """Begin a session; its secret.

        Raises:
            InvitationExpired, InvitationUsed: it cannot be begun any more.
        """
        invitation.refuse_late(self._clock())
        return self.votes.begin(invitation.listener, now_ms=self._now_ms())

    def session(self, invitation: Invitation, secret: str | None) -> dict[str, Any]:
        """What the page is told: no system, no sentence, no gold trial, and no sound's own id.

        Raises:
            InvitationExpired: it is over and nobody began it.
            InvitationUsed: another browser began it.
        """
        session = self.votes.session(invitation.listener, secret)
        if session is None:
            invitation.refuse_late(self._clock())
        trials = trials_of(self.test, invitation.listener)
        practice = [trial for trial in trials if trial.role is Role.TRAINING]
        done = 0 if session is None else session.num_votes
        return {
            "kind": self.test.kind.value,
            "isBegun": session is not None,
            "isFinished": done >= len(trials),
            "done": done,
            "answers": list(self.test.answers),
            "check": self._alias(invitation, practice[-1], len(practice[-1].stimuli) - 1),
            "trials": [
                {
                    "trial": trial.number,
                    "isTraining": trial.role is Role.TRAINING,
                    "sounds": [self._alias(invitation, trial, side) for side in range(len(trial.stimuli))],
                }
                for trial in trials
            ],
        }

    def sound(self, invitation: Invitation, name: str, secret: str | None) -> bytes:
        """A sound by what the page calls it.

        Raises:
            InvitationInvalid: the listener has no such sound.
            InvitationUsed: another browser began the session.
            ListeningTestInvalid: its file is gone.
        """
        if self.votes.session(invitation.listener, secret) is None:
            raise InvitationInvalid("this session has not begun; load the page again")
        for trial in trials_of(self.test, invitation.listener):
            for side, stimulus in enumerate(trial.stimuli):
                if name == self._alias(invitation, trial, side):
                    return self._read(stimulus.id)
        raise InvitationInvalid("there is no such sound in this session; load the page again")

    def vote(self, invitation: Invitation, ballot: Ballot, secret: str | None) -> bool:
        """Keep a vote; whether it was the last.

        Raises:
            InvitationUsed: another browser began the session, or none did.
            VoteInvalid: it does not fit its trial, or is not its turn.
            VotesUnwritable: it was not kept.
        """
        trials = trials_of(self.test, invitation.listener)
        if not 0 <= ballot.trial < len(trials):
            raise VoteInvalid(f"there is no trial {ballot.trial}; the last is {len(trials) - 1}")
        trial = trials[ballot.trial]
        if ballot.answer not in self.test.answers:
            raise VoteInvalid(f"the answer is none of {', '.join(self.test.answers)}")
        if len(ballot.plays) != len(trial.stimuli) or len(ballot.ended) != len(trial.stimuli):
            raise VoteInvalid(f"trial {trial.number} has {len(trial.stimuli)} sounds; give plays and ended of each")
        if not 0 <= ballot.ms <= MOST_MS or not all(0 <= plays <= MOST_PLAYS for plays in ballot.plays):
            raise VoteInvalid("ms or plays is no number that a person could reach")
        self.votes.add(_vote(trial, invitation.listener, ballot, self._now_ms()), secret)
        return trial.number == len(trials) - 1

    def _read(self, stimulus_id: str) -> bytes:
        path = self.folder / SOUNDS_FOLDER / f"{stimulus_id}.wav"
        try:
            return path.read_bytes()
        except OSError as error:
            _log.error("%s cannot be read: %s", path, error.strerror)
            # its name is not for listeners
            raise ListeningTestInvalid("a sound of this test cannot be read; the server's log says which") from error

    def _alias(self, invitation: Invitation, trial: Trial, side: int) -> str:
        return alias(self.key, invitation.listener, trial.number, side)

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


class ListeningRooms:
    """Every test of a folder; those that are added while a server runs are found too.

    Args:
        folder: of a test, or of several.

    Raises:
        ListeningTestInvalid: it is no folder.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise ListeningTestInvalid(f'there is no folder "{folder}"; make a test with "clocktrain listen make"')
        self._folder = folder
        self._rooms: dict[str, ListeningRoom] = {}
        self._lock = threading.Lock()

    def of_token(self, token: str) -> tuple[ListeningRoom, Invitation]:
        """The test that a token opens.

        Raises:
            InvitationInvalid: none of them.
        """
        test_id = claimed_test(token)
        room = self._rooms.get(test_id)
        if room is None:
            room = {each.test.id: each for each in self.rooms()}.get(test_id)
        if room is None:
            raise InvitationInvalid("there is no such invitation; copy the whole link from the message that it came in")
        return room, room.invitation(token)

    def rooms(self) -> list[ListeningRoom]:
        """All that can be read now; of several, one that cannot is passed over, and the log says why.

        Raises:
            ListeningTestInvalid, VotesUnwritable: the only test cannot be held.
        """
        found = []
        with self._lock:
            known = {room.folder: room for room in self._rooms.values()}
            for folder in (self._folder, *sorted(path for path in self._folder.iterdir() if path.is_dir())):
                if not (folder / TEST_NAME).is_file():
                    continue
                try:
                    room = known.get(folder) or ListeningRoom(folder)
                except ListeningError as error:
                    if folder == self._folder:
                        raise
                    _log.warning("a listening test is passed over: %s", error)  # others go on
                    continue
                self._rooms[room.test.id] = room
                found.append(room)
        return found


def _vote(trial: Trial, listener: int, ballot: Ballot, now_ms: int) -> Vote:
    return Vote(
        session="",  # the store knows it
        listener=listener,
        trial=trial.number,
        role=trial.role,
        stimuli=tuple(stimulus.id for stimulus in trial.stimuli),
        answer=ballot.answer,
        ms=ballot.ms,
        plays=ballot.plays,
        heard=all(ballot.ended) and all(ballot.plays) and ballot.ms >= LEAST_HEARD * 1000 * trial.seconds,
        gold_ok=ballot.answer in trial.accepted if trial.role is Role.GOLD else None,
        time_ms=now_ms,
    )
