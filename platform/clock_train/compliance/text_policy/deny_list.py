"""Phrases that a tenant's voices never say: one a line, ``#`` begins a comment.

A phrase is compared without case, signs and spaces that are not seen; English by whole words, Chinese anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from clock_train.compliance.text_policy.judging import Refusal, TextRequest
from clock_train.errors import TextPolicyInvalid

EVERYBODY = "*"
MOST_PHRASES = 20_000
_HAN = re.compile(r"[\u3400-\u9fff]")


class DenyList:
    """Phrases by tenant.

    Args:
        phrases: tenant, or ``*`` for all of them → phrases.
    """

    def __init__(self, phrases: Mapping[str, Sequence[str]]) -> None:
        self._by_tenant = {tenant: _compiled(found) for tenant, found in phrases.items()}

    def __call__(self, request: TextRequest) -> Refusal | None:
        """Whether a phrase of the tenant's, or of everybody's, is in the text."""
        for tenant in (EVERYBODY, request.tenant):
            han, words = self._by_tenant.get(tenant, ((), None))
            if any(phrase in request.run for phrase in han) or (words and words.search(request.words)):
                return Refusal(rule="deny-list", why="it holds a phrase of the deny list")
        return None


def read_phrases(path: Path) -> list[str]:
    """The phrases of a file.

    Raises:
        TextPolicyInvalid: it cannot be read, or has too many.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise TextPolicyInvalid(
            f'the deny list "{path}" cannot be read ({error}); give UTF-8, a phrase a line'
        ) from error
    phrases = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if len(phrases) > MOST_PHRASES:
        raise TextPolicyInvalid(f'the deny list "{path}" has {len(phrases)} phrases; {MOST_PHRASES} are the most')
    return phrases


def _compiled(phrases: Sequence[str]) -> tuple[tuple[str, ...], re.Pattern[str] | None]:
    plain = [TextRequest(phrase, "") for phrase in phrases]
    han = tuple({each.run for each in plain if _HAN.search(each.text) and each.run})
    words = sorted({each.words for each in plain if not _HAN.search(each.text) and each.words}, key=len, reverse=True)
    pattern = rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)" if words else None
    return han, re.compile(pattern) if pattern else None
