"""Personal data in transcripts: each kind in each way of saying it, what is none, and how the labelled lines go."""

from __future__ import annotations

import time
from collections import Counter

import pytest
from labelled_lines import labelled_lines

from clock_train.compliance.personal_data.checksums import is_bank_card, is_identity_card
from clock_train.compliance.personal_data.finding import LONGEST_TEXT, find_personal_data
from clock_train.compliance.personal_data.masking import masked
from clock_train.compliance.wilson import wilson_interval

SPELLED = {"mobile": "phone", "landline": "phone"}


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("我叫王小明，电话是13800138000。", "我叫[NAME]，电话是[PHONE]。"),
        ("手机号是幺三八，零零幺三，八零零零", "手机号是[PHONE]"),
        ("call me at four one five, double five oh, one two three four", "call me at [PHONE]"),
        ("ring (415) 555-0132 or +44 20 7946 0958", "ring [PHONE] or [PHONE]"),
        ("座机是（010）88665544", "座机是[PHONE]"),
        ("身份证11010519491231002X。", "身份证[ID-CARD]。"),
        ("身份证幺幺零一零五一九四九一二三一零零二叉", "身份证[ID-CARD]"),
        ("the card is 4111 1111 1111 1111 thanks", "the card is [BANK-CARD] thanks"),
        ("卡号六二二二零二一二三四五六七八九零一二八", "卡号[BANK-CARD]"),
        ("passport E12345678 was lost", "passport [PASSPORT] was lost"),
        ("write to anna.lee@example.com", "write to [MAIL]"),
        ("anna dot lee at example dot com", "[MAIL]"),
        ("邮箱是zhangsan艾特163点com", "邮箱是[MAIL]"),
        ("家住北京市海淀区中关村大街27号院3号楼502室，谢谢。", "家住[ADDRESS]，谢谢。"),
        ("She lives at 12 Baker Street, London.", "She lives at [ADDRESS]."),
        ("my name is maria garcia", "my name is [NAME]"),
        ("Dr. Chen met Sarah O'Neill.", "Dr. [NAME] met [NAME]."),
        ("王经理和欧阳娜娜来了", "[NAME]经理和[NAME]来了"),
    ],
)
def test_personal_data_is_masked_by_kind(text: str, without: str) -> None:
    assert masked(text, find_personal_data(text)) == without


@pytest.mark.parametrize(
    "text",
    [
        "",
        "。" * 50,
        "今天天气很好，我们一起去公园吧。",
        "谢谢大家，公司马上开会。",
        "桂花开的时候，整条街都很香。",
        "Please press one for sales, two for support.",
        "The Golden Gate Bridge is red, and New York is large.",
        "订单QZ6809517436共3件，2024年3月15日送到。",
        "In 2024 we sold 15,000 bicycles at $1,299.00 each.",
        "4111 1111 1111 1112",
        "🙂 \x00 \u200b",
    ],
)
def test_what_is_nobodys_stays(text: str) -> None:
    assert find_personal_data(text) == []


def test_checksums_hold() -> None:
    assert is_identity_card("11010519491231002X")
    assert not is_identity_card("110105194912310021")
    assert not is_identity_card("110105194913310024")
    assert is_bank_card("4111111111111111")
    assert not is_bank_card("4111111111111112")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_targets_are_met_on_labelled_lines(language: str) -> None:
    """Half of the lines of docs/compliance.md; the interval's upper end, since half as many vary more."""
    there: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    for line in labelled_lines("labelled", language, 500):
        found = find_personal_data(line.text)
        for label in line.labels:
            of_kind = [one for one in found if one.kind.value == SPELLED.get(label.kind, label.kind)]
            under = sum(max(0, min(one.end, label.end) - max(one.start, label.start)) for one in of_kind)
            there[label.kind] += 1
            hits[label.kind] += under >= 0.8 * (label.end - label.start)
    for kind in ("mobile", "id-card", "bank-card", "passport", "mail"):
        assert hits[kind] >= 0.98 * there[kind], kind
    for kind in ("name", "address"):
        assert wilson_interval(hits[kind], there[kind])[1] >= 0.85, kind
        assert hits[kind] >= 0.8 * there[kind], kind


@pytest.mark.parametrize("piece", ["省市区路号", "三号楼", "1", "a.", "John Smith ", "one two ", "Mr. ", "a at "])
def test_no_text_takes_long(piece: str) -> None:
    text = (piece * LONGEST_TEXT)[: 2 * LONGEST_TEXT]
    begun = time.process_time()
    find_personal_data(text)
    assert time.process_time() - begun < 10


def test_places_hold_in_a_text_that_is_cut_into_parts() -> None:
    text = "今天很好。" * LONGEST_TEXT + "我叫王小明。"
    (found,) = find_personal_data(text)
    assert text[found.start : found.end] == "王小明"
