"""Invitations: what a listener's link ends in. Signed, for one listener of one test, until a day.

A token is ``TEST.LISTENER.EXPIRES.SIGNATURE``; whoever has no key of the test can make none. It opens one session: the
browser that began it holds a secret (``votes.py``), and nobody else can go on with it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass

from clock_train.errors import InvitationExpired, InvitationInvalid

PATTERN = re.compile(r"([a-z0-9]{8})\.([1-9][0-9]{0,5})\.([0-9a-f]{1,12})\.([A-Za-z0-9_-]{24})")
SIGNATURE_BYTES = 18


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """What a token says."""

    test_id: str
    listener: int
    expires_s: int
    """Seconds since 1970."""

    def refuse_late(self, now_s: float) -> None:
        """Raise after its day.

        Raises:
            InvitationExpired: it is over.
        """
        if now_s >= self.expires_s:
            raise InvitationExpired("this invitation has ended; ask whoever sent it for another")


def signed(invitation: Invitation, key: bytes) -> str:
    """The token of an invitation."""
    said = f"{invitation.test_id}.{invitation.listener}.{invitation.expires_s:x}"
    return f"{said}.{_signature(said, key)}"


def claimed_test(token: str) -> str:
    """Which test a token claims to be of; whether it is true ``opened`` says.

    Raises:
        InvitationInvalid: it is no token.
    """
    return _parts(token)[0]


def opened(token: str, key: bytes) -> Invitation:
    """What a token says, where the key signed it.

    Raises:
        InvitationInvalid: it did not.
    """
    test_id, listener, expires, signature = _parts(token)
    if not hmac.compare_digest(signature, _signature(token.rpartition(".")[0], key)):
        raise _unknown()
    return Invitation(test_id=test_id, listener=int(listener), expires_s=int(expires, 16))


def alias(key: bytes, listener: int, trial: int, side: int) -> str:
    """What a listener's page calls a sound: another name in every trial, so that a repeat looks like a new one."""
    return _signature(f"sound/{listener}/{trial}/{side}", key)[:16]


def _parts(token: str) -> tuple[str, ...]:
    found = PATTERN.fullmatch(token)
    if found is None:
        raise _unknown()
    return found.groups()


def _unknown() -> InvitationInvalid:
    return InvitationInvalid("there is no such invitation; copy the whole link from the message that it came in")


def _signature(said: str, key: bytes) -> str:
    digest = hmac.new(key, said.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:SIGNATURE_BYTES]).decode()
