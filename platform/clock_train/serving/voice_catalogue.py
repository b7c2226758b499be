"""Voices that are served, by the names that people use.

``anna`` is the champion that the serving table names, or else the newest version; ``anna@champion`` any alias of the
table, ``anna@3`` one version, ``anna/mia`` one of its speakers. A bundle that may not be served keeps none of the
others from it.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from clock_train.bundle.card import CARD, VoiceCard
from clock_train.bundle.opening import Bundle, is_bundle
from clock_train.errors import ClockTrainError, VoiceNotFound
from clock_train.serving.serving_table import CHAMPION, ServingTable, Share, share_for
from clock_train.serving.voice_model import model_name

MOST_NAMED = 20
"""Voices that an error lists; gRPC refuses one of several kilobytes."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ServedVoice:
    """One version of a voice."""

    card: VoiceCard
    digest: str
    sample_rate_hz: int
    hop_samples: int
    """Of a frame, in which durations are counted."""

    @property
    def model(self) -> str:
        """Triton's name of it."""
        return model_name(self.card)

    @property
    def label(self) -> str:
        """Name and version, ``anna@3``."""
        return f"{self.card.name}@{self.card.version}"


class VoiceCatalogue:
    """Voices by name; of one thread, as whoever asks for speech is."""

    def __init__(self, voices: Iterable[ServedVoice]) -> None:
        self.voices: list[ServedVoice] = []
        self._known: dict[str, ServedVoice] = {}
        self._shares: dict[str, list[tuple[ServedVoice, Share]]] = {}
        self.add(voices)

    def add(self, voices: Iterable[ServedVoice]) -> None:
        """Know these as well."""
        self.voices = sorted([*self.voices, *voices], key=lambda voice: (voice.card.name, voice.card.version))
        self._known = {voice.card.name: voice for voice in self.voices}  # the newest comes last
        self._known |= {voice.label: voice for voice in self.voices}

    def forget(self, digests: Collection[str]) -> None:
        """Know these no more, from the next request on; one that speaks with them speaks to its end."""
        if digests:
            left = [voice for voice in self.voices if voice.digest not in digests]
            self.voices, self._known = [], {}
            self.add(left)

    def holds(self, digest: str) -> bool:
        """Whether a bundle is among them."""
        return any(voice.digest == digest for voice in self.voices)

    def follow(self, table: ServingTable) -> None:
        """Understand the aliases of a table, from the next request on; those of bundles that are not known are not."""
        by_digest = {voice.digest: voice for voice in self.voices}
        shares: dict[str, list[tuple[ServedVoice, Share]]] = {}
        for name, aliases in table.voices.items():
            for alias, asked in aliases.items():
                found = [(by_digest[share.digest], share) for share in asked if share.digest in by_digest]
                if len(found) < len(asked):
                    continue
                shares[f"{name}@{alias}"] = found
                if alias == CHAMPION:
                    shares[name] = found
        self._shares = shares

    def aliases_of(self, voice: ServedVoice) -> list[str]:
        """Names beside its version that can mean a voice."""
        names = (name for name, shares in self._shares.items() if any(each is voice for each, _ in shares))
        return sorted(name.rpartition("@")[2] for name in names if "@" in name)

    def find(
        self, asked: str, request_id: str = "", *, may_hear: Callable[[str], bool] = lambda name: True
    ) -> tuple[ServedVoice, str | None]:
        """A voice, and the speaker of it where one is named.

        Args:
            asked: name, alias or version.
            request_id: decides between the versions that share an alias: the same id, the same version.
            may_hear: whether a voice of a name is there for who asks.

        Raises:
            VoiceNotFound: no such voice, or no such speaker of it, or none for who asks: which is not told.
        """
        voice = self._meant(asked, request_id)
        if voice is not None and may_hear(voice.card.name):
            return voice, None
        name, _, speaker = asked.rpartition("/")
        voice = self._meant(name, request_id)
        if voice is not None and may_hear(voice.card.name):
            voice.card.speaker_index(speaker)
            return voice, speaker
        raise self._unknown(asked[:80], may_hear)

    def _meant(self, name: str, request_id: str) -> ServedVoice | None:
        shares = self._shares.get(name)
        if shares is None:
            return self._known.get(name)
        chosen = share_for([share for _, share in shares], request_id)
        return next(voice for voice, share in shares if share is chosen)

    def _unknown(self, asked: str, may_hear: Callable[[str], bool]) -> VoiceNotFound:
        voices = [voice for voice in self.voices if may_hear(voice.card.name)]
        heard = {voice.card.name for voice in voices}
        names = [name for name in (*self._known, *self._shares) if name.partition("@")[0] in heard or name in heard]
        near = difflib.get_close_matches(asked, names, n=1)
        hint = f' (did you mean "{near[0]}"?)' if near else ""
        there = ", ".join(voice.label for voice in voices[:MOST_NAMED]) or "none"
        more = f" and {len(voices) - MOST_NAMED} more" if len(voices) > MOST_NAMED else ""
        return VoiceNotFound(f'no voice "{asked}" is served here{hint}; there are: {there}{more}')


def bundle_folders(folder: Path) -> list[Path]:
    """The bundles of a folder, which may be one itself.

    Raises:
        VoiceNotFound: there is none.
    """
    found = [path for path in (folder, *sorted(folder.glob("*/"))) if is_bundle(path)]
    if found:
        return found
    unexported = [path for path in (folder, *sorted(folder.glob("*/"))) if (path / CARD).is_file()]
    what = f'export one first: "clocktrain bundle export {unexported[0]} --out DIR"' if unexported else (
        'name a folder of bundles; "clocktrain bundle export" writes one'
    )  # fmt: skip
    raise VoiceNotFound(f'there is no bundle in "{folder}"; {what}')


def catalogue_of(
    folders: Sequence[Path], take: Callable[[Path], Bundle]
) -> tuple[VoiceCatalogue, list[ClockTrainError]]:
    """The voices of bundles that hold.

    Args:
        folders: of bundles.
        take: opens one, and raises where it may not be served.

    Returns:
        The voices, and why others are not among them.
    """
    voices, refused = [], []
    for folder in folders:
        try:
            voices.append(served_voice(take(folder)))
        except ClockTrainError as error:
            refused.append(error)
    return VoiceCatalogue(voices), refused


def served_of(folders: Sequence[Path], take: Callable[[Path], Bundle]) -> VoiceCatalogue:
    """As ``catalogue_of``; the voices that may not be served are said.

    Raises:
        ClockTrainError: why the first is not served, where none is.
    """
    catalogue, refused = catalogue_of(folders, take)
    if not catalogue.voices:
        raise refused[0]
    for error in refused:
        _log.warning("not served: %s", error)
    return catalogue


def served_voice(bundle: Bundle) -> ServedVoice:
    """A bundle that is open, as a voice.

    Raises:
        BundleDamaged: its card does not say how it speaks.
    """
    return ServedVoice(
        card=bundle.card,
        digest=bundle.digest,
        sample_rate_hz=bundle.sample_rate_hz,
        hop_samples=bundle.hop_samples,
    )
