"""Progress, figures and cost as the status shows them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from voiceclone_operator.acceptance import Accepted
from voiceclone_operator.observed import Letter, time_of, whole

MOST_METRICS = 64
METRIC_NAMES = {
    "mel_cepstral_distortion": "melCepstralDistortion",
    "f0_rmse": "logF0RMSE",
}


def progress_of(letter: Letter) -> dict[str, Any] | None:
    """Steps, percent and time left; None before training."""
    step, total = letter.whole("step"), letter.whole("totalSteps")
    if step is None or not total:
        return None
    percent = letter.whole("percent")
    found: dict[str, Any] = {
        "step": step,
        "totalSteps": total,
        "percent": min(100, percent if percent is not None else 100 * step // total),
    }
    eta = letter.whole("etaSeconds")
    if eta is not None:
        found["etaSeconds"] = eta
    return found


def metrics_of(letter: Letter) -> list[dict[str, str]]:
    """Figures by name, as texts: ``speaker_similarity/speech`` is ``speakerSimilarity``."""
    found: dict[str, str] = {}
    for name, value in sorted(letter.metrics.items()):
        spelled = _metric_name(name)
        if spelled is not None and abs(value) < 1e12:
            found[spelled] = f"{value:.4f}"
    return [{"name": name, "value": value} for name, value in list(sorted(found.items()))[:MOST_METRICS]]


def accelerator_seconds(attempt: Mapping[str, Any], now: datetime) -> int:
    """Workers times seconds of one attempt so far, from its first word to its end."""
    began, ended = time_of(attempt.get("startTime")), time_of(attempt.get("completionTime"))
    if began is None:
        return 0
    return max(0, int(((ended or now) - began).total_seconds())) * int(attempt["workers"])


def cost_of(seconds: int, accepted: Accepted | None, before: Mapping[str, Any] | None) -> dict[str, Any]:
    """What was used, and at the runtime's price what it cost."""
    found: dict[str, Any] = {"acceleratorSeconds": seconds}
    price = accepted.accelerator.price_per_hour if accepted is not None else None
    if price is not None and accepted is not None and accepted.runtime.currency:
        found["amount"] = str(amount(seconds, price))
        found["currency"] = accepted.runtime.currency
    elif before and "amount" in before:
        found |= {"amount": before["amount"], "currency": before["currency"]}
    return found


def amount(seconds: int, price_per_hour: str) -> Decimal:
    """Seconds at a price, to the hundredth."""
    return (Decimal(seconds) * Decimal(price_per_hour) / 3_600).quantize(Decimal("0.01"), ROUND_HALF_UP)


def corpus_of(letter: Letter) -> dict[str, Any] | None:
    """What was trained on, where the job said it in the right shape."""
    found = letter.values.get("corpus")
    if not isinstance(found, dict):
        return None
    revision, seconds = found.get("revision"), whole(found.get("seconds"))
    if (
        not isinstance(revision, str)
        or not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z._-]{0,127}", revision)
        or seconds is None
    ):
        return None
    return {"revision": revision, "seconds": seconds}


def tracking_of(letter: Letter, accepted: Accepted | None) -> dict[str, Any] | None:
    """The tracked run and its page."""
    run = letter.values.get("trackingRun")
    if not isinstance(run, str) or not re.fullmatch(r"[0-9a-f]{32}", run):
        return None
    found: dict[str, Any] = {"runID": run}
    experiment = letter.values.get("trackingExperiment")
    tracking = accepted.runtime.tracking if accepted is not None else None
    if tracking is not None and isinstance(experiment, str) and re.fullmatch(r"\d{1,20}", experiment):
        found["url"] = f"{tracking.url.rstrip('/')}/#/experiments/{experiment}/runs/{run}"
    return found


def _metric_name(name: str) -> str | None:
    metric, _, subject = name.partition("/")
    first, *rest = METRIC_NAMES.get(metric, metric).split("_")
    spelled = first + "".join(word.capitalize() for word in rest)
    if subject not in ("", "speech"):
        spelled += "".join(word.capitalize() for word in re.split(r"[^A-Za-z0-9]+", subject))
    return spelled if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,62}", spelled) else None
