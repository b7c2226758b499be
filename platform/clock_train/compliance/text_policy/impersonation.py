"""Texts by which callers pretend to be somebody and want money or a code: the scams that a cloned voice is feared for.

A text is refused where it claims to be a relative, an authority or a superior *and* asks for money, a code or silence,
or holds a phrase that only such scams have. A bank that tells its customers never to give a code away does neither.
"""

from __future__ import annotations

import re

from clock_train.compliance.text_policy.judging import Refusal, TextRequest

_CLAIMS = (
    re.compile(
        r"我是(?:你|您|咱)(?:的)?(?:爸|妈|儿子|女儿|孙子|孙女|哥|姐|弟|妹|老公|老婆|亲戚|领导|老板|朋友|同学|"
        r"战友|房东|老师)"
        r"|(?:爸|妈|爷爷|奶奶|外公|外婆|老公|老婆|哥|姐|叔叔|阿姨)是我"
        r"|猜猜我是谁|听不出我的?声音|我换(?:了)?(?:新)?(?:手机)?号"
        r"|(?:我|这里|我们|这边)(?:是|这里是)[^。]{0,8}?(?:公安|警察|派出所|刑警|检察院|法院|税务|社保|医保|"
        r"海关|银监|银联|银行|客服中心|通信管理)"
    ),
    re.compile(
        r"\b(?:its me|it is me|guess who|this is your (?:son|daughter|grandson|granddaughter|mother|father|"
        r"mom|mum|dad|brother|"
        r"sister|husband|wife|boss|ceo|manager|landlord|friend)|i am your (?:son|daughter|grandson|"
        r"granddaughter|boss|ceo)"
        r"|im your (?:son|daughter|grandson|granddaughter|boss|ceo))\b"
        r"|\b(?:this is|i am|im|we are|calling from|on behalf of)(?: \w+){0,4} (?:police|irs|fbi|tax office|"
        r"revenue service|"
        r"social security|customs|bank|fraud department|microsoft|court|embassy|immigration)\b"
    ),
)
_DEMANDS = (
    re.compile(
        r"(?:转账|转钱|打钱|打款|汇款|汇钱|借(?:我)?(?:点)?钱|垫付|交(?:保证金|罚款|押金|保释金|手续费)|"
        r"转(?:到|入|给)|充值)"
        r"|(?:把|将)?(?:你|您)?(?:的)?(?:短信)?(?:验证码|密码|卡号|身份证号)(?:告诉|发给|报给|念给|给|发|报|输入)"
        r"|(?:告诉|发给|报给|念给)(?:我|我们)[^。]{0,6}(?:验证码|密码|卡号)"
        r"|(?:不要|别|千万别)(?:告诉|跟)(?:任何人|别人|家人|爸|妈|警察)|(?:涉嫌|涉案|洗钱|拘留|逮捕|通缉|冻结)"
        r"|出(?:了)?(?:车祸|事故|事了)|被(?:抓|绑架|扣)|住院急需|下载[^。]{0,6}(?:软件|会议|app)"
    ),
    re.compile(
        r"\b(?:wire|transfer|send|lend|pay|borrow)(?: \w+){0,6} (?:money|dollars|pounds|euros|cash|funds|"
        r"bitcoin|bail|fee|fine)\b"
        r"|\bgift cards?\b|\b(?:verification|security|one time|sms|pin|access) (?:code|pin|password)\b"
        r"|\bread (?:me|out|back)(?: \w+){0,4} (?:code|number|pin)\b|\b(?:dont|do not|never) tell (?:mom|mum|"
        r"dad|anyone|anybody|the police)\b"
        r"|\b(?:arrest(?:ed)?|warrant|in jail|car accident|had an accident|kidnapped|bail)\b"
        r"|\baccount (?:has been|is|was) (?:suspended|frozen|compromised|hacked)\b"
    ),
)
_SCAMS = (
    re.compile(
        r"安全账户|资金清查|(?:转|汇|存)(?:到|入|进)指定账户|(?:配合|协助)(?:调查|办案)[^。]{0,20}(?:保密|转|账户)"
    ),
    re.compile(r"\bsafe account\b|\bgrandma its me\b|\bgrandpa its me\b|\bstay on the line or you will be arrested\b"),
)
_WARNING = (
    re.compile(r"(?:不会|绝不会|从不|切勿|请勿|谨防|警惕|小心|防范|不要轻信)"),
    re.compile(r"\b(?:will never|never ask|do not share|dont share|beware|scam|fraud alert|be careful)\b"),
)
"""What those say who warn of it."""


def judge_impersonation(request: TextRequest) -> Refusal | None:
    """Whether a text pretends to be somebody and wants something for it."""
    chinese, english = request.run, request.words
    if any(each.search(text) for each, text in zip(_WARNING, (chinese, english), strict=True)):
        return None
    is_scam = any(each.search(text) for each, text in zip(_SCAMS, (chinese, english), strict=True))
    claims = any(each.search(text) for each, text in zip(_CLAIMS, (chinese, english), strict=True))
    demands = any(each.search(text) for each, text in zip(_DEMANDS, (chinese, english), strict=True))
    if is_scam or (claims and demands):
        return Refusal(rule="impersonation", why="it pretends to be somebody and asks for money, a code or silence")
    return None
