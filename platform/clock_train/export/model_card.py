"""``MODEL_CARD.md`` of a bundle: what a person should know before the voice is used, in the form that is usual.

Made from ``voice.json`` alone, so it says no more than what is signed, and "not recorded" where that says nothing.
Names and credits are other people's words: they are written so that neither Markdown nor HTML reads them as its own.
Source: Mitchell et al., Model Cards for Model Reporting (2019).
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clock_train.bundle.card import parse_card, read_card_bytes, read_file
from clock_train.bundle.opening import open_bundle
from clock_train.consent.record import DEMONSTRATION
from clock_train.consent.rules import Grant
from clock_train.errors import ConsentInvalid, ExportError
from clock_train.evaluation.figures import METRICS, Subject

MODEL_CARD = "MODEL_CARD.md"
UNKNOWN = "not recorded"
MOST_SPEAKERS = 20
"""Names of a base of many people; how many more there are is said."""
MOST_CHARACTERS = 500
"""Of one foreign text."""
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|~$])")
_ADDRESS = re.compile(r"://|www\.", re.IGNORECASE)


@dataclass(frozen=True)
class ReadCard:
    """A model card, and why it may not be believed."""

    text: str
    doubt: str = ""
    """Empty where the bundle is whole and signed by a key that is trusted, and the card is its own."""


def card_of(folder: Path, *, trusted_keys: Sequence[str]) -> ReadCard:
    """The model card that a bundle holds; of a voice folder, or an older bundle, one made from its ``voice.json``.

    Raises:
        VoiceNotFound, BundleDamaged, BundleSchemaUnsupported: there is no voice, or its card is not the one it lists.
        BundleFileMissing: the card is listed, and gone.
    """
    values = parse_card(folder, read_card_bytes(folder))
    try:
        open_bundle(folder, trusted_keys=trusted_keys)
        doubt = ""
    except ExportError as error:
        doubt = str(error)
    if MODEL_CARD in values["files"]:
        return ReadCard(read_file(folder, values, MODEL_CARD).decode("utf-8", errors="replace"), doubt)
    return ReadCard(model_card(values), doubt or f'"{folder}" holds no {MODEL_CARD}; this one is made from voice.json')


def model_card(values: Mapping[str, Any]) -> str:
    """The card as Markdown; the same values give the same text, so that an export can be repeated.

    Args:
        values: of ``voice.json``; what is missing in it is said to be not recorded.
    """
    grants = _grants(values.get("consents"))
    parts = {
        "Model details": _details(values),
        "Data": _data(values),
        "Consents": _consents(values, grants),
        "Training": _training(_mapping(values.get("training"))),
        "Evaluation": _evaluation(_mapping(values.get("metrics")), _mapping(values.get("int8"))),
        "Intended use": _intended(values, grants),
        "Out of scope": _out_of_scope(grants),
        "Mark and labels": _marks(values),
        "Limits": _LIMITS,
        "Erasure": _erasure(values),
    }
    lines = [f"# Model card: {plain(values.get('name'))}"]
    for title, content in parts.items():
        lines += ["", f"## {title}", *content]
    return "\n".join(lines) + "\n"


def plain(value: object) -> str:
    """A foreign text in one line that is shown as it is: no Markdown, no HTML, no link, no unseen characters."""
    if value is None or value in ("", []):
        return UNKNOWN
    seen = "".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in str(value))
    line = " ".join(seen.split())
    if len(line) > MOST_CHARACTERS:
        line = f"{line[:MOST_CHARACTERS]}…"
    # a browser that is handed "&#58;" shows a colon, and makes no link of it
    line = _ADDRESS.sub(lambda found: found[0].replace(":", "\0").replace(".", "\1"), line)
    line = _MARKUP.sub(r"\\\1", html.escape(line, quote=False))
    return line.replace("\0", "&#58;").replace("\1", "&#46;") or UNKNOWN


def _details(values: Mapping[str, Any]) -> list[str]:
    counts = _mapping(values.get("parameterCounts"))
    training = _mapping(values.get("training"))
    base = training.get("baseName") or ("a base without a recorded name" if training.get("base") else None)
    return _fields(
        {
            "Kind": values.get("kind"),
            "Version": values.get("version"),
            "Trained on": training.get("trainedOn"),
            "Parameters": f"{_number(counts.get('synthesis'))} to speak, {_number(counts.get('training'))} in training",
            "Sample rate": _with_unit(values.get("sampleRate"), "Hz"),
            "Phone inventory": values.get("phoneInventoryId"),
            "Base": base if base else "none: trained from its own recordings" if training else None,
            "Digest of the base": training.get("baseDigest") if base else "no base" if training else None,
            "Taught by": training.get("teacher") or ("no teacher" if training else None),
            "MLflow run": values.get("trackingRun"),
        }
    )


def _data(values: Mapping[str, Any]) -> list[str]:
    training = _mapping(values.get("training"))
    seconds = training.get("trainedSeconds")
    is_number = isinstance(seconds, int | float)
    lines = _fields(
        {
            "Speakers": _speakers(values.get("speakers")),
            "Languages": _listed(values.get("languages")),
            "Speech trained on": f"{seconds / 60:.1f} minutes" if is_number else None,
            "Clips trained on": training.get("trainedClips"),
            "Clips held out for evaluation": len(held) if (held := _list(training.get("testClips"))) else None,
            "Corpus": values.get("corpusRevision"),
        }
    )
    for licence in map(_mapping, _list(training.get("licences"))):
        lines.append(
            f"- **Licence:** {plain(licence.get('licence'))}, {plain(licence.get('uri'))}; credit: "
            f"{plain(licence.get('attribution'))}"
        )
    return [*lines, "", "Speakers are pseudonyms. The recordings are not in this bundle."]


def _consents(values: Mapping[str, Any], grants: Sequence[Grant]) -> list[str]:
    known = {grant.id for grant in grants}
    lines = [
        f"- {plain(grant.id)}: {_kind(grant)}; for {_listed(grant.purposes)}; in {_listed(grant.territories)}; until "
        f"{plain(grant.expiration_time) if grant.expiration_time else 'no end'}"
        for grant in grants
    ]
    lines += [f"- {plain(each)}: what it covers is {UNKNOWN}" for each in _list(values.get("consentIds"))
              if each not in known]  # fmt: skip
    return lines or [f"Consent: {UNKNOWN}."]


def _training(training: Mapping[str, Any]) -> list[str]:
    return _fields(
        {
            "Preset": training.get("preset"),
            "Steps": training.get("steps"),
            **({"Steps of its bases": before} if (before := training.get("stepsInBase")) else {}),
            "Speaks with the weights of step": training.get("spokenStep"),
            "Last phase": training.get("lastPhase"),
            "Ended": training.get("ending"),
            "CPU time": _with_unit(training.get("cpuSeconds"), "s"),
            "Hardware": training.get("hardware"),
            "Code": f"clock-train {training['code']}" if training.get("code") else None,
        }
    )


def _evaluation(metrics: Mapping[str, Any], int8: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    if metrics:
        lines += ["| figure | of | value | unit | better |", "|---|---|---|---|---|"]
    judged: set[str] = set()
    for name, value in sorted(metrics.items()):
        metric, _, subject = str(name).partition("/")
        speaker, rest = metric, subject.partition("/")
        if metric not in METRICS and rest[0] in METRICS:  # of a base: one figure a speaker
            metric, subject = rest[0], rest[2]
        known = METRICS.get(metric)
        if subject.partition("/")[0] in ("", Subject.SPEECH.value):
            judged.add(metric)
        of = f"{subject or Subject.SPEECH.value}{'' if speaker == metric else f' of {speaker}'}"
        lines.append(
            f"| {plain(known.title if known else metric)} | {plain(of)} "
            f"| {f'{value:.3f}' if isinstance(value, int | float) else plain(value)} "
            f"| {plain(known.unit) if known else UNKNOWN} | {plain(known.better) if known else UNKNOWN} |"
        )
    missing = [metric.title for name, metric in METRICS.items() if name not in judged]
    lines += ["", f"Not judged on its speech: {_listed(missing)}." if missing else "Every judge gave a figure."]
    decoder = "its decoder is in 8 bits" if int8.get("kept") else "its decoder is in float32"
    return [*lines, f"Figures are of held-out sentences, by judges that training never saw; {decoder}."]


def _intended(values: Mapping[str, Any], grants: Sequence[Grant]) -> list[str]:
    if values.get("kind") == "base":
        return ["A base to fine-tune other voices from, under a consent of each of those speakers."]
    if not grants or any(grant.kind == "licence" or set(grant.purposes) == {DEMONSTRATION} for grant in grants):
        return ["Demonstrations of the software only."]
    shared = set.intersection(*(set(grant.purposes) for grant in grants))
    return [f"Speech for {_listed(sorted(shared))}, as its speakers agreed to."]


def _out_of_scope(grants: Sequence[Grant]) -> list[str]:
    ends = sorted(grant.expiration_time for grant in grants if grant.expiration_time)
    return [
        "- Every purpose and territory that the consents above do not name; a server of voices refuses them.",
        f"- Use after {plain(ends[0])}." if ends else "- Use after a consent was taken back.",
        "- Passing the voice off as the person, or as anybody else, and any speech that deceives who hears it.",
        "- Proof of identity: a voice must never open an account.",
    ]


def _marks(values: Mapping[str, Any]) -> list[str]:
    return [
        *_fields({"Watermark key": values.get("watermarkKeyId")}),
        "",
        "ClockTrain marks every sound that it speaks with this voice, and labels files as the installation's profile "
        "says. The graphs by themselves mark nothing: who runs them in another program must mark and label the sound.",
    ]


_LIMITS = [
    "- The figures are of sentences like those that were recorded; other styles, languages, names may come out worse.",
    "- The mark can be destroyed by who sets out to, and proves where a sound came from, not that it is true.",
    "- Who holds the bundle can speak with it outside this installation, without its keys, checks and log.",
]


def _erasure(values: Mapping[str, Any]) -> list[str]:
    speakers = [plain(each) for each in _list(values.get("speakers"))[:1]] or ["PSEUDONYM"]
    return [
        f"`clocktrain erase voice` with the name {plain(values.get('name'))} takes the voice away; `clocktrain erase "
        f"speaker` with a pseudonym, such as {speakers[0]}, takes everything that was made of that person. Both leave "
        "a signed receipt. Copies that were handed out are not reached: delete them by hand.",
    ]


def _grants(consents: object) -> list[Grant]:
    grants = []
    for each in _list(consents):
        try:
            grants.append(Grant.of_wire(each))
        except (ConsentInvalid, AttributeError):
            continue  # its id, if there is one, is listed as not recorded
    return grants


def _kind(grant: Grant) -> str:
    if grant.kind == "licence":
        return "demonstration: a licence, and nobody asked the speaker"
    return f"the speaker's own {plain(grant.kind)}"


def _speakers(value: object) -> str:
    names = _list(value)
    more = len(names) - MOST_SPEAKERS
    return _listed(names[:MOST_SPEAKERS]) + (f" and {more} more" if more > 0 else "")


def _fields(facts: Mapping[str, object]) -> list[str]:
    return [f"- **{title}:** {value if isinstance(value, _Ready) else plain(value)}" for title, value in facts.items()]


class _Ready(str):
    """A text whose foreign parts were made plain already."""


def _listed(value: object) -> str:
    names = value if isinstance(value, Iterable) and not isinstance(value, str | Mapping) else []
    return _Ready(", ".join(plain(each) for each in names) or UNKNOWN)


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else UNKNOWN


def _with_unit(value: object, unit: str) -> str | None:
    return f"{value} {unit}" if isinstance(value, int | float) else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []
