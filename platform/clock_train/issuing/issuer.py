"""Issuing a sound: its line in the log first, then the marked samples. Every path that makes speech goes through."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from clock_train.bundle.card import VoiceCard
from clock_train.issuing.access import local_user
from clock_train.issuing.installation import Installation
from clock_train.issuing.switch import unmarked
from clock_train.labels.claim import Origin
from clock_train.watermark.embed import EmbedReport, Marker
from clock_train.watermark.pattern import derive
from clock_train.watermark.payload import Payload, day_number

_log = logging.getLogger(__name__)


class Issuer:
    """Issues sounds of one installation.

    Args:
        installation: by default the user's own; its files are read at the first sound.
    """

    def __init__(self, installation: Installation | None = None) -> None:
        self.installation = installation or Installation()
        self._is_told = self._is_short_told = False

    def begin(
        self,
        *,
        text: str,
        voice: str,
        consent_ids: Sequence[str],
        sample_rate_hz: int,
        request: Mapping[str, Any] | None = None,
        numbered_as: str | None = None,
        request_id: str | None = None,
        by: str | None = None,
        now: datetime | None = None,
    ) -> Issue:
        """Write the line of a sound that is about to leave.

        Args:
            text: what is said; only its HMAC is logged.
            voice: name of the voice, or of the speaker and voice.
            consent_ids: of the voice; the first goes into the mark, all into the log.
            sample_rate_hz: of the samples that will be marked.
            request: what else decides the samples (seed, speed, ...). The same request on the same day is the same
                sound to the last bit, so its id is made from it where the caller has none.
            numbered_as: the name whose number the mark carries, where that is not the voice's own: a training speaks
                with hundreds of checkpoints, and there are 4,095 numbers.
            request_id: the caller's own, another for every request.
            by: who speaks; by default the local user.
            now: by default the clock.
        Raises:
            AuditUnwritable: the line could not be written: nothing may leave.
            WatermarkSettingInvalid, WatermarkKeyExposed, WatermarkKeyInvalid: what the folder holds is not trusted.
        """
        now = now or datetime.now(UTC)
        keys = self.installation.keys(now.date())
        key = keys.embedding_key(now.date())
        text_digest = hmac.new(derive(key.secret, "text"), text.encode(), hashlib.sha256).hexdigest()
        if request_id is None:
            facts = json.dumps([text, voice, sample_rate_hz, dict(request or {})], sort_keys=True, default=str)
            request_id = derive(key.secret, f"request {facts}").hex()[:24]
        payload = Payload(
            tenant=keys.tenant_number,
            voice=self.installation.voice_number(numbered_as or voice),
            consent=self.installation.consent_number(consent_ids[0] if consent_ids else None),
            day=day_number(now.date()),
        )
        off = unmarked(self.installation)
        log = self.installation.log()
        line: dict[str, Any] = {
            "payload": payload.hex,
            "tenant": keys.tenant,
            "keyId": key.key_id,
            "quarter": key.quarter,
            "voice": voice,
            "by": by or local_user(),
            "consentIds": list(consent_ids),
            "requestId": request_id,
            "textHmac": text_digest,
            "marked": off is None,
        }
        if off is not None:
            line["reason"] = off.reason
            if not self._is_told:
                _log.warning("Sounds leave UNMARKED: %s (by %s, since %s)", off.reason, off.by, off.since)
                self._is_told = True
        log.append("issued", line, now=now)
        marker = None
        if off is None:
            marker = Marker(key, payload, sample_rate_hz=sample_rate_hz, request_id=request_id)
        origin = Origin(payload=payload.hex, request_id=request_id, created=now.isoformat(timespec="seconds"))
        return Issue(marker, origin, self.installation, key_id=key.key_id, tell_short=self._tell_short)

    def _tell_short(self, told: str) -> None:
        """Warn of the first only: a judge has dozens of short sentences spoken, and the log has each."""
        if not self._is_short_told:
            _log.warning("%s. The log says so of every such sound; this is said once", told)
            self._is_short_told = True

    def begin_for(
        self,
        card: VoiceCard,
        speaker: str | None,
        *,
        text: str,
        sample_rate_hz: int,
        request: Mapping[str, Any] | None = None,
        numbered_as: str | None = None,
        request_id: str | None = None,
        by: str | None = None,
    ) -> Issue:
        """As ``begin``, for a speaker of a voice; which one, and of which version, belongs to the request."""
        own = {"speaker": card.speaker_name(speaker), "version": card.version, "corpus": card.corpus_revision}
        return self.begin(
            text=text,
            voice=card.voice_name(speaker),
            consent_ids=card.consent_ids,
            sample_rate_hz=sample_rate_hz,
            request={**(request or {}), **own},
            numbered_as=numbered_as,
            request_id=request_id,
            by=by,
        )


class Issue:
    """One sound on its way out: ``push`` what is spoken as it comes, then ``finish``."""

    def __init__(
        self,
        marker: Marker | None,
        origin: Origin,
        installation: Installation,
        *,
        key_id: str,
        tell_short: Callable[[str], None] = _log.warning,
    ) -> None:
        self._marker, self._tell_short = marker, tell_short
        self.origin, self.installation = origin, installation
        self.key_id = key_id
        """Of the installation's secret that marks it."""
        self.report: EmbedReport | None = None
        """After ``finish``; None where marking is off."""

    @property
    def is_marked(self) -> bool:
        """False only where the administrator switched marking off."""
        return self._marker is not None

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Samples in, marked samples out, 12 to 16 ms later."""
        return np.asarray(samples, dtype=np.float32) if self._marker is None else self._marker.push(samples)

    def finish(self) -> np.ndarray:
        """The last samples. A sound too short for its mark is said and logged."""
        if self._marker is None:
            return np.zeros(0, dtype=np.float32)
        rest = self._marker.finish()
        self.report = self._marker.report()
        if not self.report.payload_fits:
            facts = {"requestId": self.origin.request_id, "soundingSeconds": round(self.report.sounding_seconds, 2)}
            self.installation.log().append("short", facts | {"presenceFits": self.report.fits, "payloadFits": False})
            self._tell_short(f"request {self.origin.request_id}: {self.report.warning}")
        return rest

    def mark(self, samples: np.ndarray) -> np.ndarray:
        """A whole sound at once."""
        return np.concatenate([self.push(samples), self.finish()])
