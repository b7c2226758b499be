"""What a door says when something cannot be done: one table of statuses for both doors, codes from ``errors``.

A code is spelled by rule: ``VoiceNotFound`` in the message, ``voice_not_found`` in HTTP, ``VOICE_NOT_FOUND`` in gRPC.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from traceback import format_tb

import grpc

from clock_train.errors import (
    AccountsUnavailable,
    AliasNotFound,
    ApiKeyExpired,
    ApiKeyInvalid,
    AudioError,
    AuditError,
    ClockTrainError,
    ConfigError,
    ConsentError,
    ConsentMissing,
    DetectorRefused,
    InvitationExpired,
    InvitationInvalid,
    InvitationUsed,
    LexiconNotFound,
    ModelNotFound,
    QuotaExhausted,
    RateLimitExceeded,
    RequestInvalid,
    RequestTooLarge,
    ScopeMissing,
    ServerBusy,
    ServerUnavailable,
    SpeechInputInvalid,
    SpeechTooLong,
    TextError,
    TextRefused,
    VoiceErasureByCommand,
    VoiceMadeByClone,
    VoiceNotFound,
    VoiceProcessEnded,
    VoteInvalid,
    VotesUnwritable,
    snake_code,
)

INTERNAL_ERROR = "InternalError"
RETRY_AFTER_S = 1
DETECT_AGAIN_S = 60
Code = grpc.StatusCode
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One error, as both doors tell it."""

    code: str
    """As ``errors`` spells it."""
    message: str
    http_status: int
    grpc_status: grpc.StatusCode
    retry_after_s: float | None = None
    """None: asking again does not help."""
    limit: RateLimitExceeded | QuotaExhausted | None = None
    """Of the key, where it is used up."""
    field: str | None = None
    """Of the request, as HTTP calls it."""

    @property
    def rest_code(self) -> str:
        """``voice_not_found``."""
        return snake_code(self.code)

    @property
    def reason(self) -> str:
        """``VOICE_NOT_FOUND``."""
        return self.rest_code.upper()

    @property
    def kind(self) -> str:
        """The coarse type that OpenAI's clients know."""
        if isinstance(self.limit, QuotaExhausted):
            return "insufficient_quota"
        return KINDS.get(self.http_status, "invalid_request_error" if self.http_status < 500 else "server_error")


KINDS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
# the first class that fits counts
STATUSES: tuple[tuple[type[ClockTrainError], int, grpc.StatusCode, int | None], ...] = (
    (ApiKeyInvalid, 401, Code.UNAUTHENTICATED, None),
    (ApiKeyExpired, 401, Code.UNAUTHENTICATED, None),
    (ScopeMissing, 403, Code.PERMISSION_DENIED, None),
    (ConsentMissing, 404, Code.NOT_FOUND, None),
    (VoiceMadeByClone, 403, Code.PERMISSION_DENIED, None),
    (VoiceErasureByCommand, 403, Code.PERMISSION_DENIED, None),
    (ConsentError, 403, Code.PERMISSION_DENIED, None),
    (TextRefused, 403, Code.PERMISSION_DENIED, None),
    (RateLimitExceeded, 429, Code.RESOURCE_EXHAUSTED, None),
    (QuotaExhausted, 429, Code.RESOURCE_EXHAUSTED, None),
    (AccountsUnavailable, 503, Code.UNAVAILABLE, RETRY_AFTER_S),
    (VoiceNotFound, 404, Code.NOT_FOUND, None),
    (ModelNotFound, 404, Code.NOT_FOUND, None),
    (AliasNotFound, 404, Code.NOT_FOUND, None),
    (LexiconNotFound, 404, Code.NOT_FOUND, None),
    (InvitationInvalid, 404, Code.NOT_FOUND, None),
    (InvitationExpired, 410, Code.FAILED_PRECONDITION, None),
    (InvitationUsed, 409, Code.ALREADY_EXISTS, None),
    (VoteInvalid, 409, Code.ABORTED, None),
    (VotesUnwritable, 503, Code.UNAVAILABLE, RETRY_AFTER_S),
    (RequestTooLarge, 413, Code.INVALID_ARGUMENT, None),
    (RequestInvalid, 400, Code.INVALID_ARGUMENT, None),
    (SpeechInputInvalid, 400, Code.INVALID_ARGUMENT, None),
    (SpeechTooLong, 400, Code.OUT_OF_RANGE, None),
    (TextError, 400, Code.INVALID_ARGUMENT, None),
    (ConfigError, 400, Code.INVALID_ARGUMENT, None),
    (DetectorRefused, 429, Code.RESOURCE_EXHAUSTED, DETECT_AGAIN_S),
    (AudioError, 422, Code.INVALID_ARGUMENT, None),
    (ServerBusy, 503, Code.UNAVAILABLE, RETRY_AFTER_S),
    (VoiceProcessEnded, 503, Code.UNAVAILABLE, RETRY_AFTER_S),
    (ServerUnavailable, 503, Code.UNAVAILABLE, RETRY_AFTER_S),
    (AuditError, 503, Code.UNAVAILABLE, RETRY_AFTER_S),
    # a voice or an installation that cannot be used: others may, and asking again changes nothing
    (ClockTrainError, 503, Code.FAILED_PRECONDITION, None),
)


def problem_of(error: Exception) -> Problem:
    """How an error is told; one that is none of ours is a bug: where it happened is logged, and nothing is told."""
    if not isinstance(error, ClockTrainError):
        # not what it says: that may hold the text
        where = "".join(format_tb(error.__traceback__))
        _log.error("a request failed with %s, a bug:\n%s", type(error).__name__, where)
        message = f"{INTERNAL_ERROR}: this is a bug of the server's; its log says where"
        return Problem(code=INTERNAL_ERROR, message=message, http_status=500, grpc_status=Code.INTERNAL)
    for kind, http_status, grpc_status, retry_after_s in STATUSES:
        if isinstance(error, kind):
            limit = error if isinstance(error, RateLimitExceeded | QuotaExhausted) else None
            return Problem(
                code=error.code,
                message=str(error),
                http_status=http_status,
                grpc_status=grpc_status,
                retry_after_s=retry_after_s if limit is None else limit.retry_after_s,
                limit=limit,
                field=error.field if isinstance(error, RequestInvalid) else None,
            )
    raise AssertionError("the last row fits every error")
