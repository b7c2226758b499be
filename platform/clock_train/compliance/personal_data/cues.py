"""Words near a number that say what it is."""

from __future__ import annotations

import re

from clock_train.compliance.personal_data.kinds import Kind

REACH = 40
"""Characters before a number in which a cue counts; half as many after it."""

_CUES = {
    Kind.PHONE: re.compile(
        r"电话|手机|座机|固话|热线|拨打|拨|致电|来电|号码|联系方式|传真|微信|短信|分机|\b(?:phone|telephone|tel|mobile|"
        r"cell(?:phone)?|fax|call|calling|dial|ring|reach|text|whatsapp|contact|landline|voicemail|hotline)\b",
        re.IGNORECASE,
    ),
    Kind.ID_CARD: re.compile(
        r"身份证|证件|身份号|公民身份|\b(?:id|identity|identification|national id|social security|ssn|resident)\b",
        re.IGNORECASE,
    ),
    Kind.BANK_CARD: re.compile(
        r"银行|卡号|信用卡|储蓄卡|借记卡|账号|帐号|账户|尾号|转账|汇款|"
        r"\b(?:card|visa|mastercard|amex|credit|debit|account|iban|bank)\b",
        re.IGNORECASE,
    ),
    Kind.PASSPORT: re.compile(r"护照|通行证|\b(?:passport|travel document)\b", re.IGNORECASE),
}


def has_cue(text: str, kind: Kind, start: int, end: int) -> bool:
    """Whether the words around a stretch of the text name its kind."""
    cue = _CUES[kind]
    return bool(cue.search(text, max(0, start - REACH), start) or cue.search(text, end, end + REACH // 2))
