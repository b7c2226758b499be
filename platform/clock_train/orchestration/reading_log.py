"""Lines in the log for what a training, a distillation or an export reads: voices and recordings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from clock_train.bundle.card import VoiceCard, card_digest, parse_card, read_card_bytes
from clock_train.consent.record import ConsentRecord
from clock_train.data.manifest import Corpus
from clock_train.errors import BundleDamaged
from clock_train.issuing.access import Access, record_access
from clock_train.issuing.installation import Installation


def record_voice(folder: Path, access: Access, installation: Installation | None = None) -> None:
    """The line of a voice that is about to be read.

    Raises:
        VoiceNotFound, BundleDamaged, BundleSchemaUnsupported: there is none to read.
        AuditUnwritable: nothing may be read.
    """
    content = read_card_bytes(folder)
    values = parse_card(folder, content)
    try:
        card = VoiceCard.read(values)
    except KeyError as error:
        raise BundleDamaged(f'the voice in "{folder}" says no {error}; copy it again, or train it again') from error
    record_access(
        installation or Installation(),
        access,
        voice=f"{card.name}@{card.version}",
        speakers=card.speakers,
        digest=card_digest(folder),
        consent_ids=card.consent_ids,
    )


def record_recordings(corpora: Sequence[Corpus], consents: Sequence[ConsentRecord], revision: str) -> None:
    """The line of recordings that are about to be trained on.

    Args:
        corpora: of the training.
        consents: that allow it.
        revision: of the corpora together.
    Raises:
        AuditUnwritable: nothing may be read.
    """
    speakers = sorted({clip.speaker for corpus in corpora for clip in corpus.accepted()})
    ids = [record.id for record in consents]
    record_access(Installation(), Access.TRAIN, speakers=speakers, digest=revision, consent_ids=ids)
