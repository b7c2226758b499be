"""A voice by its folder, whichever kind it is. A bundle is opened without loading torch."""

from __future__ import annotations

from pathlib import Path

from clock_train.bundle.opening import is_bundle
from clock_train.consent.watch import ConsentWatch
from clock_train.issuing.installation import Installation
from clock_train.models.saying import SayingVoice


def open_voice(folder: Path) -> SayingVoice:
    """What ``clocktrain synthesize --voice`` and ``ClockTrainer.synthesize`` speak with.

    Raises:
        VoiceNotFound: no voice there.
        ExportError: a bundle that may not be loaded, or a voice folder that is not whole.
        ConsentRevoked, ConsentExpired: its speaker does not agree any more.
    """
    voice = _open(folder)
    ConsentWatch(Installation().consents()).check(voice.card.grants(), f'the voice "{voice.card.name}"')
    return voice


def _open(folder: Path) -> SayingVoice:
    if is_bundle(folder):
        from clock_train.serving.bundle_voice import BundleVoice

        return BundleVoice.open(folder)
    from clock_train.models.speech import Voice

    return Voice.load(folder)
