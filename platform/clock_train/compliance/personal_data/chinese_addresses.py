"""Chinese addresses by their grammar: province, city, district, town, road, number, estate, building, unit, room.

A city or a district alone is no personal data. It takes a place where a letter can be left: a road with a number, an
estate with a building, or a village below a county.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from clock_train.compliance.personal_data.kinds import Finding, Kind

_NOT_NAME = '的是在住到了请把与寄送给从往至于我你他她它们这那址去说,，。、；;：:！!？?（）()“”"\\s'
_NAME = '的是在住到了请把和与寄送给从往至为于就有及我你他她它们这那个家位址也都去来叫说,，。、；;：:！!？?（）()“”"\\s'
_NAME = rf"[^{_NOT_NAME}0-9０-９]"
_NUMBER = r"(?:[0-9０-９]{1,5}|[零〇一二两三四五六七八九十百千幺]{1,7}|[A-Za-zＡ-Ｚ甲乙丙丁戊东西南北中])"
_NUMBERS = rf"{_NUMBER}(?:\s*(?:[-－—之、至/杠]|号?附)\s*{_NUMBER})?"
_PROVINCE = (
    r"(?:北京|天津|上海|重庆|河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|"
    r"海南|四川|贵州|云南|陕西|甘肃|青海|台湾|"
    r"内蒙古|广西|西藏|宁夏|新疆|香港|澳门)(?:省|市|(?:壮族|回族|维吾尔)?自治区|特别行政区)?"
)
_CITY = rf"{_NAME}{{1,6}}?(?:市|自治州|州|盟|地区)"
_DISTRICT = rf"{_NAME}{{1,7}}?(?:新区|开发区|高新区|自治县|矿区|林区|区|县|旗|市)"
_TOWN = rf"{_NAME}{{1,6}}?(?:街道办事处|街道办|街道|镇|乡|苏木)"
_ROAD = (
    rf"{_NAME}{{1,8}}?(?:大街|大道|街|路|巷|弄|胡同|里弄|道|里|坊|公路|环路|条)(?:东段|西段|南段|北段|中段|"
    rf"[东西南北中]|{_NUMBER}段)?"
)
_VILLAGE = rf"{_NAME}{{1,6}}?(?:社区|村民委员会|居委会|自然村|村|屯|寨|庄|组|大队)(?:{_NUMBER}(?:组|队|社))?"
_PLACE_NUMBER = rf"\s*第?{_NUMBERS}\s*(?:号院|号楼|号|#)"
_ESTATE = (
    rf"{_NAME}{{1,9}}(?:小区|花园|花苑|家园|公寓|大厦|广场|新村|新城|苑|园|庭|府|湾|城|阁|轩|居|楼|里|宿舍|"
    rf"家属院|大院|中心|国际|公馆|别墅|世家|名邸|山庄)(?:{_NUMBER}期|[东西南北]区|{_NUMBER}区)?"
)
_BUILDING = rf"\s*第?{_NUMBERS}\s*(?:号楼|栋|幢|座|楼栋|号)"
_UNIT = rf"\s*第?{_NUMBERS}\s*(?:单元|门|梯)"
_ROOM = rf"\s*第?{_NUMBERS}\s*(?:层|楼)?\s*(?:{_NUMBERS})?\s*(?:室|房间|房|号房|户|铺|号)"
_FLOOR = rf"\s*第?{_NUMBERS}\s*(?:层|楼)"
_SEPARATOR = r"[\s,，]{0,2}"
_WHERE_IN = (
    rf"(?:{_SEPARATOR}(?:{_BUILDING}|{_UNIT}|{_FLOOR}|{_ROOM})){{1,4}}(?:{_SEPARATOR}{_NUMBERS}(?![0-9年月日点元块%]))?"
)
_ABOVE = (
    rf"(?:{_PROVINCE}{_SEPARATOR})?(?:{_CITY}{_SEPARATOR})?(?:{_DISTRICT}{_SEPARATOR}){{0,2}}(?:{_TOWN}{_SEPARATOR})?"
)
_POST_CODE = r"(?:[\s,，]*(?:邮编|邮政编码)[是为:：]?\s*\d{6}|\s\d{6}(?!\d))?"
_FORMS = (
    (rf"{_ABOVE}{_ROAD}{_PLACE_NUMBER}(?:{_SEPARATOR}{_ESTATE})?(?:{_WHERE_IN})?{_POST_CODE}", 0.92),
    (rf"{_ABOVE}(?:{_ROAD}{_SEPARATOR})?{_ESTATE}{_WHERE_IN}{_POST_CODE}", 0.88),
    (rf"{_ABOVE}{_ROAD}(?:{_SEPARATOR}{_BUILDING}|{_SEPARATOR}{_NUMBERS}座)(?:{_WHERE_IN})?{_POST_CODE}", 0.85),
    (
        rf"(?:{_PROVINCE}{_SEPARATOR})?(?:{_CITY}{_SEPARATOR})?{_DISTRICT}{_SEPARATOR}(?:{_TOWN}{_SEPARATOR})"
        rf"?{_VILLAGE}"
        rf"(?:{_SEPARATOR}{_PLACE_NUMBER})?(?:{_WHERE_IN})?{_POST_CODE}",
        0.85,
    ),
    (rf"{_TOWN}{_SEPARATOR}{_VILLAGE}(?:{_SEPARATOR}{_PLACE_NUMBER})?{_POST_CODE}", 0.75),
    (
        rf"(?:{_PROVINCE}{_SEPARATOR}|{_CITY}{_SEPARATOR})(?:{_DISTRICT}{_SEPARATOR}){{1,2}}(?:{_TOWN}"
        rf"{_SEPARATOR})?{_ROAD}",
        0.7,
    ),
)
_CHINESE_FORMS = tuple((re.compile(form), confidence) for form, confidence in _FORMS)
_LEAD = re.compile(r"^(?:家庭|通讯|收货|收件|邮寄|联系|居住|户籍|办公|公司|现|新|老|家)?(?:地址|住址|住所|住处)")


def find_chinese_addresses(text: str) -> Iterator[Finding]:
    """Findings, which may overlap."""
    if not re.search(r"[号栋幢座室村屯路街镇乡]", text):
        return
    for form, confidence in _CHINESE_FORMS:
        for found in form.finditer(text):
            start = found.start()
            if lead := _LEAD.match(text[start : found.end()]):
                start += lead.end()
            if found.end() - start >= 5:
                yield Finding(kind=Kind.ADDRESS, start=start, end=found.end(), confidence=confidence)
