"""``clocktrain serve``: Triton with voices, and the two doors before it, until somebody ends it.

What is started last ends first, each within a bound: the doors let running calls finish, then Triton goes. A process
that is killed leaves nothing either: the system closes its ports, and Triton's guard ends Triton.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from clock_train.api.doors import Doors, DoorsConfig, FollowedTable, keep_open
from clock_train.api.voice_pool import TritonConfig, brought, triton_with_voices
from clock_train.serving.freed_memory import keep_few_arenas


@dataclass(frozen=True, kw_only=True)
class FrontConfig:
    """Where to listen, and what to hold."""

    doors: DoorsConfig
    triton: TritonConfig
    resident: int = 8
    """Voices in memory at once, about 110 MB each."""


def serve(config: FrontConfig, *, on_ready: Callable[[Doors], None]) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        config: where and what.
        on_ready: called once, when speech can be asked for.

    Raises:
        VoiceNotFound: no bundle in one of the places.
        StorageError: a bundle cannot be fetched.
        AccountsMissing: others could speak without a key.
        AccountsUnavailable: the store of keys does not answer.
        ServerPortTaken: another program listens on a port that was asked for.
        ServerStartFailed, ServerUnavailable: Triton does not start, or ended too often.
        ClockTrainError: why the only voice there is cannot be served.
    """
    keep_few_arenas()
    config.doors.refuse()
    with triton_with_voices(config.triton) as (triton, catalogue):
        path = config.triton.places.followed
        table = path and FollowedTable(path=path, bring=partial(brought, triton, config.triton))
        keep_open(
            config.doors,
            triton,
            catalogue,
            resident=config.resident,
            installation=triton.installation,
            table=table,
            on_ready=on_ready,
        )
