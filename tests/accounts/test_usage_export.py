"""Usage as CSV and Prometheus text, read back by others' readers."""

from __future__ import annotations

import csv
import io

import pytest
from prometheus_client.parser import text_string_to_metric_families

from clock_train.accounts.usage import RefusedGroup, UsageGroup, UsageReport, Used
from clock_train.accounts.usage_export import COLUMNS, usage_csv, usage_prometheus

ODD = 'a "quoted", \\ name\nof = two lines'
REPORT = UsageReport(
    used={
        UsageGroup("2027-03-01", "acme", "abcd1234", "anna"): Used(requests=2, characters=30, audio_seconds=3.75),
        UsageGroup("2027-03-01", "acme", "abcd1234", ODD): Used(requests=1, characters=5, audio_seconds=0.5),
        UsageGroup("2027-03-02", "acme", "abcd1234", "anna"): Used(
            requests=1, characters=4, audio_seconds=0.25, unsettled=9
        ),
    },
    refused={
        RefusedGroup("2027-03-01", "", "", "ApiKeyInvalid"): 3,
        RefusedGroup("2027-03-01", "acme", "abcd1234", "QuotaExhausted"): 1,
        RefusedGroup("2027-03-02", "acme", "abcd1234", "QuotaExhausted"): 1,
    },
)


def rows(report: UsageReport) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(usage_csv(report))))


def test_csv_has_a_row_for_each_day_key_and_voice_and_for_each_refusal() -> None:
    found = rows(REPORT)
    assert tuple(found[0]) == COLUMNS
    assert [row["voice"] for row in found] == ["anna", ODD, "anna", "", "", ""]
    assert [row["characters"] for row in found[:3]] == ["30", "5", "4"]
    assert [row["audio_seconds"] for row in found[:3]] == ["3.750", "0.500", "0.250"]
    assert [row["unsettled"] for row in found[:3]] == ["0", "0", "9"]
    assert [(row["refused_code"], row["refused"]) for row in found[3:]] == [
        ("ApiKeyInvalid", "3"), ("QuotaExhausted", "1"), ("QuotaExhausted", "1"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x"])
def test_no_cell_is_a_formula(name: str) -> None:
    report = UsageReport(used={UsageGroup("2027-03-01", name, "abcd1234", name): Used()}, refused={})
    assert (rows(report)[0]["tenant"], rows(report)[0]["voice"]) == (f"'{name}", f"'{name}")


def test_an_empty_report_is_a_line_of_heads() -> None:
    assert usage_csv(UsageReport(used={}, refused={})) == ",".join(COLUMNS) + "\n"


def test_prometheus_reads_back_the_sums_of_all_days() -> None:
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(usage_prometheus(REPORT))
        for sample in family.samples
    }
    assert samples["clocktrain_speech_requests_total", "acme", "abcd1234", "anna"] == 3
    assert samples["clocktrain_speech_characters_total", "acme", "abcd1234", "anna"] == 34
    assert samples["clocktrain_speech_audio_seconds_total", "acme", "abcd1234", "anna"] == 4.0
    assert samples["clocktrain_speech_unsettled_characters_total", "acme", "abcd1234", "anna"] == 9
    assert samples["clocktrain_speech_characters_total", "acme", "abcd1234", ODD] == 5
    assert samples["clocktrain_refused_total", "QuotaExhausted"] == 2
    assert samples["clocktrain_refused_total", "ApiKeyInvalid"] == 3
    assert len(samples) == 10


def test_every_family_says_its_type_once() -> None:
    text = usage_prometheus(REPORT)
    types = [line.split()[2:] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(types) == 5
    assert {kind for _, kind in types} == {"counter"}


def test_large_counts_keep_every_digit() -> None:
    used = {UsageGroup("", "acme", "abcd1234", "anna"): Used(characters=123_456_789_012)}
    assert " 123456789012\n" in usage_prometheus(UsageReport(used=used, refused={}))
