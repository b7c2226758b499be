"""Where a server's voices come from: folders of this machine, bundles that a training committed, the serving table."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from clock_train.bundle.card import CARD, VoiceCard
from clock_train.bundle.opening import SIGNATURE, open_bundle
from clock_train.compliance.report_store import refuse_blocked
from clock_train.errors import StorageNotFound, VoiceNotFound
from clock_train.issuing.installation import Installation
from clock_train.serving.serving_table import TABLE, Share
from clock_train.serving.voice_catalogue import bundle_folders
from clock_train.storage.opening import open_storage
from clock_train.storage.stored_folders import bring_folder

CARDS = (CARD, SIGNATURE)
"""What is fetched of a bundle where its graphs are not run."""


def bundles_at(place: str, fetched: Path, *, only: Collection[str] = ()) -> list[Path]:
    """The bundles of a place.

    Args:
        place: a folder of bundles, a bundle, or ``s3://bucket/prefix`` of a committed one, as a clone's
            ``status.voice.bundleURI`` has it.
        fetched: folder for what is fetched, a folder a place.
        only: names of the files that are fetched; none means all.

    Raises:
        VoiceNotFound: there is none.
        StorageError: it cannot be fetched, or is not what was committed.
    """
    if not place.startswith("s3://"):
        return bundle_folders(Path(place))
    parts = urlsplit(place)
    storage, prefix = open_storage(f"s3://{parts.netloc}"), parts.path.strip("/")
    folder = fetched / hashlib.sha256(place.encode()).hexdigest()[:16]
    try:
        bring_folder(storage, prefix, folder, only=only)
    except StorageNotFound as error:
        raise VoiceNotFound(
            f'no bundle was committed at "{place}"; take the clone\'s status.voice.bundleURI as it is'
        ) from error
    if not (folder / CARD).is_file():
        raise VoiceNotFound(f'what was committed at "{place}" is no bundle: it has no {CARD}')
    return bundle_folders(folder)


@dataclass(frozen=True, kw_only=True)
class VoicePlaces:
    """Everything that a server is told about its voices."""

    voices: Sequence[str]
    """Places of bundles."""
    table: Path | None = None
    """The serving table; None: that of the one folder of bundles, where it has one."""

    @property
    def followed(self) -> Path | None:
        """The table that is followed, if any."""
        if self.table is not None:
            return self.table
        beside = [Path(place) / TABLE for place in self.voices if "://" not in place]
        return next((path for path in beside if path.is_file()), None)

    def bundles(self, fetched: Path, *, only: Collection[str] = ()) -> list[Path]:
        """The bundles of all places, each once; those of the table come with whoever follows it. See ``bundles_at``.

        Raises:
            VoiceNotFound, StorageError: see ``bundles_at``; or no place is named, nor a table.
        """
        if not self.voices and self.table is None:
            raise VoiceNotFound("no place of voices is named; give --voices DIR, or --serving with a table of them")
        found = [bundle for place in self.voices for bundle in bundles_at(place, fetched, only=only)]
        return list({bundle.resolve(): bundle for bundle in found}.values())


def place_of(share: Share, table: Path) -> str:
    """Where a share's bundle is: a folder beside the table, or a URI."""
    return share.bundle if "://" in share.bundle else str(table.parent / share.bundle)


def share_at(place: str, table: Path, voice: str) -> Share:
    """The version of a voice that lies in a bundle, for the serving table.

    Args:
        place: of the bundle, as the table will have it.
        table: the file, which a folder is relative to.
        voice: what it must be called.

    Raises:
        VoiceNotFound: no bundle there, several, or one of another voice.
        StorageError, ExportError: it cannot be had, or may not be served.
        ComplianceBlocked: its compliance check found what blocks it.
    """
    where = place if "://" in place else str(table.parent / place)
    with tempfile.TemporaryDirectory(prefix="clocktrain-voices-") as fetched:
        folders = bundles_at(where, Path(fetched), only=CARDS)
        if len(folders) > 1:
            raise VoiceNotFound(f'there are {len(folders)} bundles in "{where}"; name one of them')
        installation = Installation()
        bundle = open_bundle(folders[0], trusted_keys=installation.trusted_keys())
    if bundle.card.name != voice:
        raise VoiceNotFound(f'the bundle in "{where}" is of the voice "{bundle.card.name}", not of "{voice}"')
    refuse_blocked(bundle.digest, installation)
    return Share(version=bundle.card.version, digest=bundle.digest, bundle=place, percent=100)


def card_at(share: Share, table: Path) -> VoiceCard:
    """What the bundle of a share says of itself.

    Raises:
        VoiceNotFound, StorageError, ExportError: it cannot be had, or may not be served.
    """
    with tempfile.TemporaryDirectory(prefix="clocktrain-voices-") as fetched:
        (folder, *_) = bundles_at(place_of(share, table), Path(fetched), only=CARDS)
        return open_bundle(folder, trusted_keys=Installation().trusted_keys()).card
