"""What is served of a clone: from its finished versions, what ``spec.serving`` wants, and the consents as they are now.

A wish that cannot be followed (a version that does not exist, one that missed the gate) takes nothing away from who
listens: the champion before stays, and the condition Served says why. A consent that is gone takes it away at once.
"""

from __future__ import annotations

import json
from typing import Any

from clock_train.crd.names import DEMONSTRATIONS, SERVING_TABLE, snapshot_name
from clock_train.crd.v1alpha1 import Gate, Serving
from voiceclone_operator.acceptance import Refused, consent_end, is_licence, lapse
from voiceclone_operator.bases import served_until, with_retired_bases
from voiceclone_operator.conditions import Seen
from voiceclone_operator.facts import Facts
from voiceclone_operator.gate import has_passed
from voiceclone_operator.observed import spelled

MOST_VERSIONS = 10
MOST_PINS = 1_000
"""Consents of all versions together: a base of a thousand speakers keeps its newest version only."""
Version = dict[str, Any]


def known_versions(facts: Facts) -> list[Version]:
    """Those that have a voice, with the one that has just got it: at most ten, and the served ones among them."""
    status = facts.observed.status
    found: dict[int, Version] = {each["version"]: each for each in status.get("versions") or []}
    voice = facts.voice
    if voice is not None and voice["version"] not in found:
        found[voice["version"]] = _finished(facts, voice)
    served = status.get("serving") or {}
    asked = facts.spec.serving.champion_version if facts.spec is not None and facts.spec.serving is not None else None
    in_use = {asked, *(served.get(alias) for alias in ("champion", "previous", "candidate"))}
    kept: list[Version] = []
    pins = 0
    for each in sorted(found.values(), key=lambda v: (v["version"] in in_use, v["version"]), reverse=True):
        pins += len(each.get("consents") or [])
        if len(kept) < MOST_VERSIONS and (not kept or pins <= MOST_PINS):
            kept.append(each)
    if voice is not None and voice["version"] not in {each["version"] for each in kept}:
        kept = [*kept[: MOST_VERSIONS - 1], found[voice["version"]]]
    return with_retired_bases(sorted(kept, key=lambda v: v["version"]), facts.observed)


def decide(facts: Facts) -> tuple[dict[str, Any] | None, Seen]:
    """The aliases of ``status.serving`` (None: nothing is served), and the condition Served.

    Args:
        facts: with ``versions``; is told when to look again, since a consent ends without an event.
    """
    spec, before = facts.spec, facts.observed.status.get("serving") or {}
    wish = spec.serving if spec is not None else None
    if spec is not None and (wish is None or wish.policy == "Never"):
        what = "`spec.serving` is absent" if wish is None else "`spec.serving.policy` is Never"
        return None, Seen("False", "NotWanted", f"{what}; set its policy to IfGatePasses or Always to serve the voice")
    if not facts.versions:
        return None, Seen("False", "NothingToServe", "no version has finished yet; see status.progress")
    lapsed = {each["version"]: found for each in facts.versions if (found := _lapse(facts, each)) is not None}
    allowed = {each["version"]: each for each in facts.versions if each["version"] not in lapsed}
    if not allowed:
        return None, _without_consent(lapsed)
    passing = sorted(n for n, each in allowed.items() if wish is None or _passes(each, wish, spec and spec.gate))
    champion, problem = _champion(facts, wish, passing, allowed, lapsed)
    if champion is None:
        assert problem is not None
        return None, problem
    percent = (wish.canary_percent or 0) if wish is not None and problem is None else 0
    newer = [number for number in passing if number > champion]
    last, earlier = before.get("champion"), before.get("previous")
    previous = last if last is not None and last != champion else earlier
    serving = {"champion": champion}
    if previous is not None and previous in passing and previous != champion:
        serving["previous"] = previous
    if percent and newer:
        serving |= {"candidate": newer[-1], "canaryPercent": percent}
    in_use = [allowed[number] for number in sorted(set(serving.values()) & set(allowed))]
    _look_at_the_end_of_consents(facts, in_use)
    if problem is not None:
        return serving, problem
    if facts.observed.left_out is not None:
        return serving, Seen("False", *facts.observed.left_out)
    asked_for = [each for each in in_use if each["version"] != serving.get("previous")]
    return serving, _until_retrained(facts, asked_for) or Seen("True", "Served", _told(serving, percent))


def without_what_lapsed(facts: Facts) -> tuple[dict[str, Any], Seen | None]:
    """For a clone that is left alone: aliases whose consents hold, and why none do. Nobody pauses a withdrawal."""
    before = facts.observed.status.get("serving") or {}
    lapsed = {each["version"]: found for each in facts.versions if (found := _lapse(facts, each)) is not None}
    _look_at_the_end_of_consents(facts, [each for each in facts.versions if each["version"] not in lapsed])
    if before.get("champion") in lapsed:
        return {}, _without_consent(lapsed)
    left = {alias: number for alias, number in before.items() if alias == "canaryPercent" or number not in lapsed}
    if "candidate" not in left:
        left.pop("canaryPercent", None)
    return left, None


def _finished(facts: Facts, voice: dict[str, Any]) -> Version:
    """The entry of a version that has just got its voice, or that an older operator left without one."""
    found: Version = {
        "version": voice["version"],
        "digest": voice["digest"],
        "bundleURI": voice["bundleURI"],
        "finishTime": _finish_time(facts, voice["version"]),
        "consents": _pins(facts, voice["version"]),
    }
    bases = [a["baseURI"] for a in facts.attempts if a["version"] == voice["version"] and "baseURI" in a]
    if bases:
        found["baseURI"] = bases[-1]
    passed = has_passed(facts) if voice["version"] == facts.number else None
    if passed is not None:
        found["gatePassed"] = passed
    return found


def _finish_time(facts: Facts, version: int) -> str:
    ended = [a["completionTime"] for a in facts.attempts if a["version"] == version and "completionTime" in a]
    return ended[-1] if ended else spelled(facts.now)


def _pins(facts: Facts, version: int) -> list[dict[str, str]]:
    """The consents of the manifest that the version was trained from: the clone may name others by now."""
    known = {pin["name"]: pin["uid"] for pin in facts.observed.status.get("consents") or []}
    if facts.accepted is not None:
        known = {**dict(facts.accepted.consents), **known}
    numbers = [attempt["number"] for attempt in facts.attempts if attempt["version"] == version]
    name = snapshot_name(facts.observed.name, numbers[-1]) if numbers else ""
    data = (facts.observed.children.get(("ConfigMap", name)) or {}).get("data") or {}
    try:
        speakers = json.loads(data["voiceclone.json"])["spec"]["speakers"]
        names = {str(speaker["consentRef"]["name"]) for speaker in speakers if speaker.get("consentRef")}
    except (KeyError, TypeError, ValueError, AttributeError):
        names = set(known) or _named(facts)  # a voice of nobody's consent would be heard whatever is revoked
    return [{"name": name, "uid": known.get(name, "")} for name in sorted(names)]


def _named(facts: Facts) -> set[str]:
    """The consents that the clone names now, where nothing is left of what its version was trained from."""
    speakers = (facts.observed.clone.get("spec") or {}).get("speakers") or []
    return {str(speaker["consentRef"]["name"]) for speaker in speakers if speaker.get("consentRef")}


def _lapse(facts: Facts, version: Version) -> Refused | None:
    """Why a version may not be heard any more."""
    for pin in version.get("consents") or []:
        found = lapse(facts.observed.consents.get(pin["name"]), pin["name"], pin["uid"] or None, facts.now)
        if found is not None:
            return found
        if is_licence(facts.observed.consents.get(pin["name"])) and not facts.observed.has_demonstrations:
            return Refused(
                reason="DemonstrationOnly",
                message=f'the VoiceConsent "{pin["name"]}" is a licence, which is nobody\'s consent: its voices are '
                f"served only in a namespace that the platform admin has labelled {DEMONSTRATIONS}=true",
            )
    until = served_until(version, facts.observed)
    if until is not None and until <= facts.now:
        return Refused(
            reason="BaseRetired",
            message=f"its base contains a speaker who was erased, and it was served until {spelled(until)}; name "
            "another base in `spec.base`",
        )
    return None


def _without_consent(lapsed: dict[int, Refused]) -> Seen:
    number = max(lapsed)
    why = lapsed[number]
    return Seen("False", why.reason, f"version {number} is out of the ConfigMap {SERVING_TABLE}: {why.message}")


def _passes(version: Version, wish: Serving, gate: Gate | None) -> bool:
    has_lines = gate is not None and bool(gate.model_dump(exclude_none=True))
    return wish.policy == "Always" or not has_lines or version.get("gatePassed") is True


def _champion(
    facts: Facts, wish: Serving | None, passing: list[int], allowed: dict[int, Version], lapsed: dict[int, Refused]
) -> tuple[int | None, Seen | None]:
    """The version, and what keeps it from being the one that is asked for."""
    last = (facts.observed.status.get("serving") or {}).get("champion")
    stays = last if last in passing else None
    still = f"; version {stays} is served as before" if stays is not None else ""
    if wish is None:
        why = facts.refused.message if facts.refused is not None else "the manifest cannot be read"
        return stays, Seen("False", "ManifestInvalid", f"{why}{still}")
    asked = wish.champion_version or 0
    if asked == 0:
        if passing:
            return passing[-1], None
        newest = max(allowed)
        said = "missed the gate" if allowed[newest].get("gatePassed") is False else "was not judged"
        return None, Seen(
            "False",
            "GateMissed",
            f"version {newest} {said} (see the condition Evaluated); train another, change `spec.gate` or set "
            "`spec.serving.policy` to Always",
        )
    if asked in passing:
        return asked, None
    if asked in lapsed:
        return stays, Seen(
            "False", lapsed[asked].reason, f"version {asked} may not be served: {lapsed[asked].message}{still}"
        )
    if asked in allowed:
        return stays, Seen(
            "False",
            "GateMissed",
            f"version {asked} of `spec.serving.championVersion` did not pass the gate{still}; name another, or set "
            "`spec.serving.policy` to Always",
        )
    known = ", ".join(map(str, sorted({*allowed, *lapsed})))
    return stays, Seen(
        "False",
        "VersionUnknown",
        f"there is no version {asked}, which `spec.serving.championVersion` names{still}; status.versions has {known}",
    )


def _until_retrained(facts: Facts, versions: list[Version]) -> Seen | None:
    """What has to be done about versions that are asked for and whose base is retired, and until when."""
    found = [(until, each["version"]) for each in versions if (until := served_until(each, facts.observed)) is not None]
    if not found:
        return None
    until, number = min(found)
    return Seen(
        "True",
        "RetrainBy",
        f"version {number} was made from a base that contains a speaker who was erased, and is served until "
        f"{spelled(until)}; before that, name another base in `spec.base`, and a version trained from it follows",
    )


def _told(serving: dict[str, int], percent: int) -> str:
    told = f"version {serving['champion']} is the champion"
    if "candidate" in serving:
        told += f"; version {serving['candidate']} gets {serving['canaryPercent']} of 100 requests"
    elif percent:
        told += "; `spec.serving.canaryPercent` waits for a newer version that passes"
    return f"{told}; servers follow the ConfigMap {SERVING_TABLE}"


def _look_at_the_end_of_consents(facts: Facts, versions: list[Version]) -> None:
    names = {pin["name"] for version in versions for pin in version.get("consents") or []}
    ends = [end for name in names if (end := consent_end(facts.observed.consents.get(name))) is not None]
    ends += [until for each in versions if (until := served_until(each, facts.observed)) is not None]
    if ends:
        facts.look_again_at(min(ends))
