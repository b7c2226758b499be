"""``clocktrain gateway``: the two doors, before a Triton on another machine or in another pod."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from clock_train.api.bundle_places import CARDS, VoicePlaces, bundles_at, place_of
from clock_train.api.doors import Doors, DoorsConfig, FollowedTable, keep_open
from clock_train.api.table_following import refuse_other
from clock_train.bundle.opening import open_bundle
from clock_train.issuing.installation import Installation
from clock_train.serving.freed_memory import keep_few_arenas
from clock_train.serving.remote_triton import RemoteTriton
from clock_train.serving.serving_table import Share
from clock_train.serving.voice_catalogue import ServedVoice, VoiceCatalogue, served_of, served_voice

MOST_VOICES = 10_000
"""That are in use at once: what is in memory is Triton's to decide."""


@dataclass(frozen=True, kw_only=True)
class GatewayConfig:
    """Where to listen, and whom to ask."""

    doors: DoorsConfig
    triton: str
    """Host and port of its gRPC."""
    places: VoicePlaces
    """What Triton was given; of each bundle the signed card is read, and not the graphs."""


def serve_before(config: GatewayConfig, *, on_ready: Callable[[Doors], None]) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        config: where and what.
        on_ready: called once, when speech can be asked for.

    Raises:
        VoiceNotFound: no bundle in one of the places.
        StorageError: a card cannot be fetched.
        AccountsMissing: others could speak without a key.
        AccountsUnavailable: the store of keys does not answer.
        ServerPortTaken: another program listens on a port that was asked for.
        ServerUnavailable: Triton does not answer.
        VoiceLoadFailed: it has none of the voices.
    """
    keep_few_arenas()
    config.doors.refuse()
    installation = Installation()
    keys = installation.trusted_keys()
    with tempfile.TemporaryDirectory(prefix="clocktrain-voices-") as fetched:
        folders = config.places.bundles(Path(fetched), only=CARDS)
        catalogue = VoiceCatalogue([])  # a table may come to name some
        if folders:
            catalogue = served_of(folders, lambda folder: open_bundle(folder, trusted_keys=keys))
    path = config.places.followed
    with contextlib.closing(RemoteTriton(config.triton)) as triton:
        keep_open(
            config.doors,
            triton,
            catalogue,
            resident=MOST_VOICES,
            installation=installation,
            table=path and FollowedTable(path=path, bring=partial(_card_of, path, keys)),
            on_ready=on_ready,
            is_replica=True,
        )


def _card_of(table: Path, keys: Sequence[str], name: str, share: Share) -> ServedVoice:
    """The card of a version that the serving table names."""
    with tempfile.TemporaryDirectory(prefix="clocktrain-voices-") as fetched:
        for folder in bundles_at(place_of(share, table), Path(fetched), only=CARDS):
            voice = served_voice(open_bundle(folder, trusted_keys=keys))
            refuse_other(name, share, voice)
            return voice
    raise AssertionError("bundles_at gives one or raises")
