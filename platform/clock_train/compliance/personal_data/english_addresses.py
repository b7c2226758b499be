"""English addresses by their grammar: a house number, a street, then unit, town, region and post code, if given.

The kinds of streets are those of the postal services (USPS Publication 28, Royal Mail). A street without a number is
no personal data; a number with two capitalised words and a town with its code is one without a kind of street.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from clock_train.compliance.personal_data.kinds import Finding, Kind

_KIND = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Place|Pl|Square|Sq|Terrace|"
    r"Ter|Way|Crescent|"
    r"Cres|Close|Highway|Hwy|Parkway|Pkwy|Circle|Cir|Trail|Trl|Alley|Walk|Row|Mews|Grove|Gardens|Green|Hill|"
    r"Loop|Pike|Plaza|"
    r"Path|Run|Ridge|Rise|Route|Turnpike|Vale|View|Wharf|Yard|Quay|Bypass|Causeway|Parade|Esplanade|Crossing|"
    r"Bend|Point|"
    r"Park|Heights|Landing|Meadows?|Valley|Village|Glen|Creek|Canyon|Shores?|Springs?|Summit|Oval|Common|Corners?|Cove|"
    r"Harbors?|Junction|Knolls?|Manor|Mill|Mills|Orchard|Pass|Pine|Pines|Plain|Plains|Port|Ranch|River|Shoal|"
    r"Spur|Station|"
    r"Stream|Throughway|Track|Tunnel|Underpass|Union|Viaduct|Ville|Vista|Expressway|Freeway|Extension|Estates?|Falls?|"
    r"Ferry|Fields?|Flats?|Fords?|Forest|Forge|Forks?|Fort|Gateway|Haven|Hollow|Inlet|Islands?|Isle|Keys?|Lakes?|Light|"
    r"Locks?|Lodge|Mall|Mission|Motorway|Mountain|Neck|Passage|Prairie|Radial|Rapid|Rest|Shoals|Skyway|Streets|Trace|"
    r"Trafficway|Unions|Villages|Wall|Walks|Ways|Well|Wells|Arcade|Bayou|Beach|Bluff|Bottom|Branch|Bridge|"
    r"Brook|Burg|Camp|"
    r"Cape|Center|Centers|Centre|Cliff|Club|Course|Crest|Crossroad|Curve|Dale|Dam|Divide)"
)
_PLAIN_KIND = (
    r"(?:street|avenue|road|lane|drive|boulevard|court|place|square|terrace|way|crescent|close|highway|"
    r"parkway|circle|trail|"
    r"alley|mews|grove|gardens)"
)
_ONES = (
    r"(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|"
    r"sixteen|seventeen|eighteen|nineteen)"
)
_TENS = r"(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)"
_SPOKEN = rf"(?:(?:{_TENS}(?:[ -]{_ONES})?|{_ONES})(?:[ -](?:hundred|thousand|and|{_TENS}|{_ONES})){{0,6}})"
_NUMBER = rf"(?:\d{{1,6}}[A-Za-z]?(?:-\d{{1,4}})?|{_SPOKEN})"
_CAP = r"(?:[A-Z][A-Za-zÀ-ÿ'’\-]+|[A-Z]\.?|\d{1,3}(?:st|nd|rd|th))"
_ORDINAL = r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth)"
_UNIT = (
    r"(?:[,.]?\s+(?:[Aa]pt|[Aa]partment|[Ss]uite|[Ss]te|[Uu]nit|[Ff]lat|[Rr]oom|[Rr]m|[Ff]loor|[Bb]uilding|"
    r"[Bb]ldg|#)\.?\s*#?\s*"
    rf"(?:[A-Z]?\d{{1,5}}[A-Za-z]?|{_SPOKEN}|[A-Z]\b))"
)
_REGION = (
    r"(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEHINOPST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]|"
    r"T[NX]|UT|V[AIT]|W[AIVY]|"
    r"A[AEP]|[A-Z][a-z]+(?:\s[A-Z][a-z]+)?)"
)
_ZIP = rf"(?:\d{{5}}(?:-\d{{4}})?|(?:{_ONES}[ -]?){{5}})"
_POST_CODE = r"[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}"
_TOWN = rf"{_CAP}(?:\s+{_CAP}){{0,2}}"
_TAIL = rf"(?:,?\s+(?:in\s+)?{_TOWN}(?:,?\s+{_REGION})?(?:,?\s+{_ZIP}\b)?(?:,?\s+{_POST_CODE}\b)?)?"
_CODED_TAIL = rf",?\s+{_TOWN},?\s+(?:{_REGION}\s+{_ZIP}|{_POST_CODE})\b"
_DIRECTION = r"(?:(?:North|South|East|West|N|S|E|W|NE|NW|SE|SW)\.?\s+)?"
_FORMS = (
    (
        rf"(?:{_UNIT[:-1]})?,?\s+)?\b{_NUMBER}\s+{_DIRECTION}(?:{_CAP}\s+){{1,4}}?{_KIND}\b\.?(?:\s+(?:North|"
        rf"South|East|West)\b)?(?:{_UNIT}){{0,2}}{_TAIL}",
        0.92,
    ),
    (rf"\b{_NUMBER}\s+{_DIRECTION}(?:{_CAP}\s*){{1,3}}(?:{_UNIT})?{_CODED_TAIL}", 0.88),
    (rf"\b{_NUMBER}\s+{_DIRECTION}(?:{_CAP}\s+){{0,2}}{_CAP}{_UNIT}{_TAIL}", 0.85),
    (rf"\bP\.?\s?O\.?\s?[Bb]ox\s+(?:\d{{1,6}}|{_SPOKEN}){_TAIL}", 0.88),
    (r"\b(?:PSC|Unit|CMR)\s+\d{1,5},?\s+[Bb]ox\s+\d{1,5}.{0,20}?\b[AFD]PO,?\s+A[AEP]\s+\d{5}", 0.88),
    (rf"\b{_CAP}{{1,2}}\s+House,\s+{_NUMBER}\s+(?:{_CAP}\s+){{1,3}}?{_KIND}\b{_TAIL}", 0.9),
)
_ENGLISH_FORMS = tuple((re.compile(form), confidence) for form, confidence in _FORMS[1:])
_MAIN = re.compile(
    rf"(?:\b(?:[Aa]pt|[Aa]partment|[Ss]uite|[Uu]nit|[Ff]lat|[Rr]oom)\.?\s+(?:\w{{1,6}}),?\s+)?\b{_NUMBER}"
    rf"\s+{_DIRECTION}"
    rf"(?:{_CAP}\s+){{1,4}}?{_KIND}\b\.?(?:\s+(?:North|South|East|West)\b)?(?:{_UNIT}){{0,2}}{_TAIL}"
)
_PLAIN = re.compile(
    rf"(?:\b(?:apartment|suite|unit|flat|room)\s+\w{{1,6}},?\s+)?\b{_NUMBER}\s+(?:(?!at\b|the\b|of\b|to\b|"
    rf"in\b|on\b|and\b|{_ONES}\b)[a-z]+\s+|{_ORDINAL}\s+){{1,3}}?"
    rf"{_PLAIN_KIND}\b(?:,?\s+(?:apartment|suite|unit|flat|room)\s+(?:\d{{1,5}}|{_SPOKEN}|[a-z]\b))?"
    rf"(?:,?\s+(?:in\s+)?[A-Z][a-z]+(?:\s[A-Z][a-z]+)?)?"
)


def find_english_addresses(text: str) -> Iterator[Finding]:
    """Findings, which may overlap."""
    for found in _MAIN.finditer(text):
        yield _found(found, 0.92)
    for form, confidence in _ENGLISH_FORMS:
        for found in form.finditer(text):
            yield _found(found, confidence)
    for found in _PLAIN.finditer(text):
        yield _found(found, 0.75)


def _found(found: re.Match[str], confidence: float) -> Finding:
    return Finding(kind=Kind.ADDRESS, start=found.start(), end=found.end(), confidence=confidence)
