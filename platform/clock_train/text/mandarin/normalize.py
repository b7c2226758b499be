"""Numbers, dates, money, units and signs of a Mandarin text written out in characters.

Rules run from the most specific form (a date) to the least (bare digits), each replacing what it matched, so that a
later rule never sees what an earlier one has read.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from clock_train.text.mandarin.numbers import cardinal, counted, decimal, digits
from clock_train.text.mandarin.units import CURRENCIES, SIGNS, UNITS

# only from a first digit on: trying each digit of a long run would take quadratic time
_NUMBER = r"(?<!\d)\d+(?:\.\d+)?"
_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d])")

_LIANG_MEASURES = (
    "个個只隻条條张張本名位件头頭匹间間座家台辆輛架艘颗顆粒块塊片支枝根杯瓶碗盘盒箱包袋双雙对對副套份种種类類样樣"
    "次回遍趟场場声聲步岁歲天周点點斤吨噸升米里元角毛层層句段篇章首册项項届门門节節堂页頁把朵棵株滴顿班群批组組队隊扇幅面期秒分"
)
_LIANG_WORDS = (
    "小时|分钟|公里|公斤|千克|厘米|毫米|星期|礼拜|美元|欧元|英镑|平方|立方|"
    rf"年(?!级|代)|人|倍|千|万|亿|克|度|[{_LIANG_MEASURES}]"
)


def normalize(text: str) -> str:
    """The text as it is spoken; characters, Latin words and punctuation only.

    Args:
        text: cleaned text (``cleaning.clean``); Latin letters may stand in it and stay.
    """
    text = _GROUPED.sub(lambda match: match[0].replace(",", ""), text)
    for pattern, speak in _RULES:
        text = pattern.sub(speak, text)
    return text


def _year(number: str) -> str:
    return digits(number)


def _date(match: re.Match[str]) -> str:
    year, month, day = match["year"], match["month"], match["day"]
    spoken = f"{_year(year)}年{cardinal(month)}月" if year else f"{cardinal(month)}月"
    return spoken + (f"{cardinal(day)}日" if day else "")


def _clock(match: re.Match[str]) -> str:
    hour, minute, second = match["hour"], match["minute"], match["second"]
    half = (match["half"] or "").lower().replace(".", "")
    hour_number = int(hour)
    prefix = ""
    if half:
        prefix = "上午" if half == "am" else "下午" if hour_number < 6 or hour_number == 12 else "晚上"
    spoken = prefix + counted(hour) + "点"
    if int(minute) or second:
        spoken += (
            "零" + cardinal(minute) + "分"
            if 0 < int(minute) < 10
            else "零分"
            if not int(minute)
            else cardinal(minute) + "分"
        )
    else:
        spoken += "整" if not half else ""
    if second:
        spoken += ("零" if 0 < int(second) < 10 else "") + cardinal(second) + "秒"
    return spoken


def _money(match: re.Match[str]) -> str:
    amount, scale = match["amount"], match["scale"] or ""
    currency = CURRENCIES[match["sign"]]
    whole, _, cents = amount.partition(".")
    if currency == "元" and len(cents) in (1, 2) and not scale:
        jiao, fen = cents[0], cents[1:]
        spoken = "" if int(whole) == 0 and int(cents) else counted(whole) + "元"
        spoken += digits(jiao) + "角" if jiao != "0" else "零" if fen and fen != "0" and spoken else ""
        return spoken + (digits(fen) + "分" if fen and fen != "0" else "")
    return (counted(amount) if not scale else counted(amount) + scale) + currency


def _percent(match: re.Match[str]) -> str:
    sign = "负" if match["minus"] else ""
    out_of = "千分之" if match["sign"] == "‰" else "百分之"
    upto = f"到{out_of}{decimal(match['upto'])}" if match["upto"] else ""
    return sign + out_of + decimal(match["number"]) + upto


def _unit(match: re.Match[str]) -> str:
    sign = "负" if match["minus"] else ""
    unit = UNITS[match["unit"]]
    if match["upto"]:
        below = "零下" if sign and unit.endswith("氏度") else sign
        return f"{below}{decimal(match['number'])}到{decimal(match['upto'])}{unit}"
    if unit in ("摄氏度", "华氏度"):
        return f"{'零下' if sign else ''}{decimal(match['number'])}{unit}"
    return sign + counted(match["number"]) + unit


def _telephone(match: re.Match[str]) -> str:
    return ",".join(digits(part, one="幺") for part in re.findall(r"\d+", match[0]))


def _range(match: re.Match[str]) -> str:
    return f"{decimal(match['low'])}到{decimal(match['high'])}"


def _mixed_id(match: re.Match[str]) -> str:
    """Letters stay, short numbers behind them are quantities (``iPhone15``), codes are read digit by digit."""
    return re.sub(
        r"\d+", lambda found: digits(found[0]) if len(found[0]) > 2 else cardinal(found[0]), match[0]
    ).replace(".", "点")


def _bare(match: re.Match[str]) -> str:
    number = match["number"]
    sign = "负" if match["minus"] else ""
    whole = number.partition(".")[0]
    if (len(whole) > 1 and whole.startswith("0")) or len(whole) > 12:
        return digits(whole) + ("点" + digits(number.partition(".")[2]) if "." in number else "")
    return sign + decimal(number)


_BEFORE = r"(?<![\d.A-Za-z])"
_MINUS = r"(?P<minus>(?<![\d\w一-鿿])-)?"
_UNIT_NAMES = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
_CURRENCY_NAMES = "|".join(sorted(map(re.escape, CURRENCIES), key=len, reverse=True))
_CLOCK = (
    r"(?P<hour>[01]?\d|2[0-4])\s*:\s*(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?"
    r"(?:\s*(?P<half>[aApP]\.?[mM]\.?))?(?![\d:])"
)

_Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]
_RULES: tuple[_Rule, ...] = (
    (re.compile(r"https?://(?=\S)"), lambda _: ""),
    (re.compile(r"(?<=[A-Za-z])\.(?=[a-z])"), lambda _: "点"),
    # ranges of times and of years, before their halves are read
    (re.compile(r"(?<=:\d\d)\s?[-~–—]\s?(?=\d{1,2}:\d\d)|(?<=\d{4})\s?[-~–—]\s?(?=\d{4}年)"), lambda _: "到"),
    (re.compile(r"(?<!\d)\d{4}(?=到\d{4}年)"), lambda match: _year(match[0])),
    # brackets of markup are silent; only between numbers are they comparisons
    (re.compile(r"(?<!\d)(?<!\d )[<>](?!=?\s?-?\d)|->|=>"), lambda _: " "),
    (re.compile(r"[<>]="), lambda match: "≤" if match[0] == "<=" else "≥"),
    (
        re.compile(
            _BEFORE
            + r"(?P<year>\d{4})\s*([-/.])\s*(?P<month>0?[1-9]|1[0-2])\s*\2\s*(?P<day>0?[1-9]|[12]\d|3[01])(?!\d)[日号]?"
        ),
        _date,
    ),
    (re.compile(_BEFORE + r"(?P<year>\d{4})[-/](?P<month>0[1-9]|1[0-2])(?P<day>)(?![\d/-])月?"), _date),
    (
        re.compile(r"(?<!\d)(?P<year>\d{4}|\d{2})(?=\s?年(?![以来内之间级])|后(?=[^\d]|$))"),
        lambda match: _year(match["year"]),
    ),
    (re.compile(_BEFORE + _CLOCK), _clock),
    (re.compile(rf"(?P<sign>{_CURRENCY_NAMES})\s*(?P<amount>{_NUMBER})(?P<scale>[百千]?[万亿])?"), _money),
    (re.compile(rf"(?P<amount>{_NUMBER})(?P<scale>[百千]?[万亿])?\s*(?P<sign>{_CURRENCY_NAMES})(?![A-Za-z])"), _money),
    (re.compile(rf"{_MINUS}(?P<number>{_NUMBER})%?(?:\s*[-~～至到]\s*(?P<upto>{_NUMBER}))?(?P<sign>[%‰])"), _percent),
    (re.compile(_BEFORE + r"(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)"), _telephone),
    (re.compile(_BEFORE + r"\(?0\d{2,3}\)?[- ]\d{7,8}(?!\d)"), _telephone),
    (re.compile(_BEFORE + r"[48]00[- ]\d{3}[- ]?\d{4}(?!\d)|" + _BEFORE + r"\d{3}-\d{4}(?!\d)"), _telephone),
    (
        re.compile(r"(?:(?<=[号码证卡线])|(?<=电话)|(?<=拨打)|(?<=致电)|(?<=呼叫))(?:[是为:]\s*)?\d{3,}(?!\d)"),
        lambda match: re.sub(r"\d+", _telephone, match[0]),
    ),
    (
        re.compile(
            r"(?<!\d)(?:110|119|120|122|114|12306|12315|12345|10086|10010|10000)(?![\d.多个元块年万米人号楼室页天分名位度])"
        ),
        _telephone,
    ),
    (re.compile(r"(?<=[元块角分次个位人天])/(?=[张本个位人天次份件小斤])"), lambda _: "每"),
    (
        re.compile(
            r"(?P<minus>(?<![\dA-Za-z])-)?"
            rf"(?P<number>{_NUMBER})(?:\s*[-~—到至]\s*(?P<upto>{_NUMBER}))?\s*(?P<unit>{_UNIT_NAMES})(?![A-Za-z])"
        ),
        _unit,
    ),
    (
        re.compile(r"(?<![\d/.])(?P<low>\d{1,4})/(?P<high>\d{1,4})(?![\d/])"),
        lambda m: f"{cardinal(m['high'])}分之{cardinal(m['low'])}",
    ),
    (re.compile(rf"(?<![\d.-])(?P<low>{_NUMBER})\s*[-~～—]\s*(?P<high>{_NUMBER})(?![\d.-])"), _range),
    (
        re.compile(r"(?<![\d:])(?P<low>\d{1,3}):(?P<high>\d{1,3})(?![\d:])"),
        lambda m: f"{cardinal(m['low'])}比{cardinal(m['high'])}",
    ),
    (re.compile(r"[A-Za-z]+-?\d[\dA-Za-z]*(?:\.\d+)*"), _mixed_id),
    (re.compile(r"(?<![\d.第零十])2(?=(?:多|来)?(?:" + _LIANG_WORDS + "))"), lambda _: "两"),
    (re.compile(r"(?<=\d)\.(?=\d+(?:\.\d+)+)|(?<=\d\.\d)\.(?=\d)"), lambda _: "点"),
    (re.compile(rf"{_MINUS}(?P<number>{_NUMBER})"), _bare),
    (re.compile("(?<=[零一二三四五六七八九十百千万亿])[*xX](?=[零一二三四五六七八九十百千万亿])"), lambda _: "乘"),
    (re.compile("[" + "".join(map(re.escape, SIGNS)) + "]"), lambda match: SIGNS[match[0]]),
)
