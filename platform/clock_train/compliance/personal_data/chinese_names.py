"""Chinese names of persons: a surname and one or two characters, where a word before or after says that it is a person,
where the segmenter takes them for one, or where they are characters that names are made of.

A surname before a title (``王经理``) is found too. A name that is also an ordinary word (``高兴``) is none, but after a
word that introduces one (``姓名：安宁``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from clock_train.compliance.personal_data.kinds import Finding, Kind
from clock_train.compliance.personal_data.word_lists import characters, word_lists

_CONJUNCTIONS = "和跟与同找请给"
"""They stand before names, and the segmenter takes them and a surname for a word."""
_NAME_TAGS = ("", "nr", "nz", "x")
_RARE_ROW = 0xD8
"""Where the second level of GB 2312 begins: 3,008 characters by radical, after the 3,755 usual ones by sound."""
_OTHER_TAGS = ("m", "mq", "d", "c", "p", "r")
"""Places, numbers and particles: no given names."""
_BEFORE = re.compile(
    r"(?:我叫|他叫|她叫|叫做?|名叫|本名|真名|艺名|我是|这是|这位是|那位是|姓名(?:是|为|叫|[:：])?|名字(?:是|叫|为|[:：])?|全名(?:是|叫)?|"
    r"联系人(?:是|为|[:：])?|收件人(?:是|为|[:：])?|收货人(?:是|为|[:：])?|寄件人(?:是|为|[:：])?|持卡人(?:是|为|[:：])?|户主(?:是|为|[:：])?|"
    r"负责人(?:是|为|[:：])?|患者|病人|乘客|旅客|客户|用户|业主|住户|房东|租客|嘉宾|主持人|主播|记者|作者|同事|同学|朋友|邻居|室友|学生|老师|"
    r"医生|护士|律师|教授|经理|主任|院长|校长|司机|先生|女士|小姐|代表|董事长|总裁|秘书|助理|工程师|会计|教练|队长|班长|选手|演员|导演|歌手|作家|画家|诗人|科学家|明星|球员|姑娘|小伙子|孩子|大爷|"
    r"爸爸|妈妈|父亲|母亲|爷爷|奶奶|哥哥|姐姐|弟弟|妹妹|儿子|女儿|丈夫|妻子|老公|老婆|舅舅|叔叔|阿姨|表哥|表姐|堂弟|"
    r"找|请|给|是|由|见|看见|见到|遇到|听|听说|说|问过|邀请了|交给了?|认识|跟|和|与|同|向|由|替|被|问|约|陪|让|叫|通知|联系|转告|告诉|感谢|谢谢|欢迎|采访|寻找|拜访|恭喜|祝贺|致电|认识|记得|"
    r"[,，。:：、;；“\"「（(]|^)\s*$"
)
_INTRODUCED = re.compile(
    r"(?:我叫|他叫|她叫|叫做|名叫|姓名(?:是|为|叫|[:：])?|名字(?:是|叫|为|[:：])?|全名(?:是|叫)?|联系人(?:是|为|[:：])?|收件人(?:是|为|[:：])?|"
    r"收货人(?:是|为|[:：])?|寄件人(?:是|为|[:：])?|持卡人(?:是|为|[:：])?|患者|病人|负责人(?:是|为|[:：])?|本人|户名(?:是|为|[:：])?)\s*$"
)
_TITLE = re.compile(
    r"\s*(?:先生|女士|小姐|太太|夫人|同学|同志|老师|医生|大夫|护士|经理|总经理|教授|博士|主任|院长|校长|局长|处长|科长|部长|市长|董事长|总裁|"
    r"师傅|律师|法官|警官|阿姨|叔叔|大爷|大妈|奶奶|爷爷|(?:哥|姐|总|工)(?=[，。！？、：,.!?:\s您你好说的来去在请]|$)|"
    r"助理|秘书|会计|教练|队长|班长|记者|编辑|导演|顾问|老板|店长|组长|站长|主管|工程师|女士们)"
)
_AFTER = re.compile(
    r"\s*(?:先生|女士|小姐|老师|医生|说|问|答|表示|认为|告诉|回答|打(?:来|电话|过)|来电|去世|出生|毕业|住在|住|的(?:电话|手机|号码|身份证|地址|"
    r"家|生日|邮箱|银行|账号|卡号|护照|孩子|父亲|母亲|女儿|儿子|名字|病历|快递|包裹|订单|联系方式|声音|录音|签名|护照号)|"
    r"今年|今天|昨天|明天|上周|下周|刚刚|已经|正在|将|会|在|把|给|和|与|跟|是|想|要|请|来|去|从|于|一起|预留|了|没有|获得|负责|唱|站|告诉|写|来过|出席|先|又|再|拿|走|跑|坐|看|听|提|做|当|成为|担任|回|进|参加|宣布|介绍|代表|接|送|拍|演|画|开|买|卖|帮|陪|教|学|吃|喝|笑|哭|的|登记|本人|带|打|刚|就|也|都|还|曾|没|不|，|。|,|、|！|？|：|:|；|”|」|）|\)|$)"
)


@dataclass(frozen=True, kw_only=True)
class _Place:
    """What stands around a stretch of text that may be a name."""

    is_doubtful: bool
    """Whether the surname is far oftener something else."""
    is_introduced: bool
    """By a word that only names follow."""
    is_cued: bool
    """By a word that names often follow."""
    has_title: bool
    ends_well: bool
    """What follows often follows a name."""
    starts_word: bool
    ends_word: bool
    is_person: bool
    """To the segmenter."""
    begins_with_word: bool
    """Whether the segmenter takes the surname and the next character for a word that is no person."""
    given_tag: str
    """What the segmenter takes the given name alone for, where it stands as a word."""


def find_chinese_names(text: str) -> Iterator[Finding]:
    """Findings, which may overlap."""
    if not re.search(r"[\u4e00-\u9fff]", text):
        return
    words = _words(text)
    ends = {end for end, _ in words.values()}
    for start in range(len(text)):
        surname = _surname_at(text, start)
        if surname:
            yield from _at(text, start, len(surname), words, ends)


def _at(
    text: str, start: int, surname_size: int, words: dict[int, tuple[int, str]], ends: set[int]
) -> Iterator[Finding]:
    before = text[max(0, start - 8) : start]
    first = start + surname_size
    is_doubtful = text[start:first] in characters("chinese_names", "ambiguous surnames")
    if title := _TITLE.match(text, first):
        if start in words and not (is_doubtful and len(title[0]) == 1):
            yield _found(start, first, 0.87)
        return
    is_introduced = bool(_INTRODUCED.search(before))
    is_cued = is_introduced or bool(_BEFORE.search(before))
    if is_doubtful and not re.search(r"[\u4e00-\u9fff]\s*$", before):
        is_cued = is_introduced  # the beginning of a phrase says nothing of 但, 于, 时
    for size in (2, 1):
        end = first + size
        given, name = text[first:end], text[start:end]
        if len(given) < size or not all("\u4e00" <= character <= "\u9fff" for character in given):
            continue
        place = _Place(
            is_doubtful=is_doubtful,
            is_introduced=is_introduced,
            is_cued=is_cued,
            has_title=bool(_TITLE.match(text, end)),
            ends_well=bool(_AFTER.match(text, end)),
            # the segmenter's dictionary has words such as 客户王
            starts_word=start in words or is_cued,
            ends_word=end in ends,
            is_person=words.get(start) == (end, "nr"),
            begins_with_word=surname_size == 1
            and size == 2
            and words.get(start, (0, "nr"))[0] == start + 2
            and words[start][1] != "nr",
            given_tag=words[first][1] if words.get(first, (0, ""))[0] == end and len(given) > 1 else "",
        )
        if confidence := _confidence(name, given, place):
            yield _found(start, end, confidence)
            return  # the longer name is likelier


def _confidence(name: str, given: str, place: _Place) -> float:
    """How sure a surname and what follows it are a name; 0 where they are none."""
    ends = {given[0], given[-1]}
    if ends & characters("chinese_names", "never given"):
        return 0.0
    is_usual = all(each in characters("chinese_names", "usual given") or _is_rare(each) for each in given)
    if place.is_introduced and (place.ends_well or (place.ends_word and is_usual)):
        return 0.93 if place.ends_well else 0.88
    if name in word_lists("chinese_names")["ordinary words"] or (_is_word(name) and not place.is_person):
        return 0.0
    if name[0] == given[0] or not place.starts_word or place.given_tag in _OTHER_TAGS:  # 谢谢
        return 0.0
    if place.begins_with_word or (not _is_double(name) and name[:2] in word_lists("chinese_names")["ordinary words"]):
        return 0.0  # 张开嘴
    is_framed = place.is_cued and place.ends_well
    if place.given_tag == "ns" and not is_framed:  # 于云南
        return 0.0
    if place.is_doubtful and not (is_usual and (place.is_person or (place.is_cued and place.given_tag in _NAME_TAGS))):
        return 0.0
    if ends & characters("chinese_names", "unusual given") and place.given_tag not in _NAME_TAGS:
        return 0.66 if is_framed and place.ends_word and len(given) == 2 else 0.0
    if place.has_title:
        return 0.9
    if place.is_person and (is_usual or is_framed):
        return 0.83
    if not is_usual:
        return 0.62 if is_framed and place.ends_word and len(given) == 2 else 0.0
    if place.is_cued and place.ends_word:
        return 0.75
    if is_framed:
        return 0.68
    if not place.ends_word:
        return 0.0
    if len(given) == 2:
        return 0.66 if place.ends_well or place.given_tag in _NAME_TAGS else 0.0
    return 0.0


def _is_double(name: str) -> bool:
    return name[:2] in word_lists("chinese_names")["double surnames"]


def _is_rare(character: str) -> bool:
    """Whether GB 2312 has it among the rare characters, or not at all: people give such names, few words have them."""
    try:
        return character.encode("gb2312")[0] >= _RARE_ROW
    except UnicodeEncodeError:
        return True


def _is_word(name: str) -> bool:
    """Whether the dictionary knows it as something else than a person."""
    import rjieba

    return rjieba.has_word(name) and rjieba.tag(name) != [(name, "nr")]


def _surname_at(text: str, start: int) -> str:
    if text[start : start + 2] in word_lists("chinese_names")["double surnames"]:
        return text[start : start + 2]
    return text[start] if text[start] in characters("chinese_names", "surnames") else ""


def _words(text: str) -> dict[int, tuple[int, str]]:
    """Where each word begins → where it ends, and its part of speech.

    What the segmenter made up, other than a person, falls into its characters: it often takes a verb to a name.
    """
    import rjieba

    words: dict[int, tuple[int, str]] = {}
    place = 0
    for word, tag in rjieba.tag(text):
        if len(word) > 1 and tag != "nr" and not rjieba.has_word(word):
            words.update({place + index: (place + index + 1, "x") for index in range(len(word))})
        elif len(word) == 2 and word[0] in _CONJUNCTIONS:
            words.update({place: (place + 1, "c"), place + 1: (place + 2, tag)})
        else:
            words[place] = (place + len(word), tag)
        place += len(word)
    return words


def _found(start: int, end: int, confidence: float) -> Finding:
    return Finding(kind=Kind.NAME, start=start, end=end, confidence=confidence)
