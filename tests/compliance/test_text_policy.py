"""What a server's voices may not be asked to say, and that nothing of it is told or logged."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest

from clock_train.compliance.text_policy import policy as policies
from clock_train.compliance.text_policy.deny_list import DenyList
from clock_train.compliance.text_policy.impersonation import judge_impersonation
from clock_train.compliance.text_policy.judging import TextRequest
from clock_train.compliance.text_policy.look_alikes import LookAlikes
from clock_train.compliance.text_policy.policy import read_policy
from clock_train.errors import TextPolicyInvalid, TextRefused

SCAMS = [
    "妈，我是你儿子，我出车祸了，快给我转账五万块。",
    "您好，我这里是公安局，您的账户涉嫌洗钱，请把钱转到安全账户。",
    "爸是我，我换号了，先别告诉妈妈，借点钱给我。",
    "我是你领导，把验证码发给我。",
    "Grandma, it's me. I've had an accident, please send me some money.",
    "This is the fraud department of your bank. Read me the code that you received.",
    "Mom, this is your son, I'm in jail and I need bail.",
    "We are calling from the tax office, a warrant is out for you; buy gift cards.",
]
ORDINARY = [
    "您好，我是客服小李，您的快递明天送到。",
    "银行提醒您：我们绝不会向您索要验证码，谨防诈骗。",
    "我是你的老师，今天我们学习第三课。",
    "您的账户余额为三百元，请按一号键转账。",
    "妈妈，我今天考试得了第一名！",
    "This is your bank. We will never ask for your security code.",
    "This is your manager speaking; the meeting moves to three.",
    "Press one to transfer money between your own accounts.",
    "The police closed the road after a car accident.",
    "Happy birthday, grandma!",
]


def asks(text: str, tenant: str = "acme") -> TextRequest:
    return TextRequest(text, tenant)


@pytest.mark.parametrize("text", SCAMS)
def test_somebody_who_pretends_and_demands_is_refused(text: str) -> None:
    refusal = judge_impersonation(asks(text))
    assert refusal is not None
    assert refusal.rule == "impersonation"


@pytest.mark.parametrize("text", ORDINARY)
def test_what_firms_say_is_spoken(text: str) -> None:
    assert judge_impersonation(asks(text)) is None


def test_signs_and_unseen_characters_hide_nothing() -> None:
    assert judge_impersonation(asks("我 是-你\u200b儿 子，快 转.账 给我")) is not None
    deny = DenyList({"*": ["secret project"], "acme": ["内部代号"]})
    assert deny(asks("The SECRET\u200b  Ｐroject!")) is not None
    assert deny(asks("内 部·代 号")) is not None
    assert deny(asks("内部代号", "other")) is None
    assert deny(asks("secret projections")) is None


def test_a_flood_of_one_text_is_refused_and_others_are_not() -> None:
    now = [0.0]
    judge = LookAlikes(3, 60.0, clock=lambda: now[0])
    text = "亲爱的{}先生，您的包裹{}因地址不详无法投递，请立即联系我们办理退款手续。"
    answers = [
        judge(asks(text.format(name, number))) for name, number in zip("王李张刘陈", range(100, 105), strict=True)
    ]
    assert [answer is None for answer in answers] == [True, True, True, False, False]
    assert judge(asks(text.format("周", 7), "other")) is None
    assert judge(asks("今天的天气预报：晴，最高气温二十度，适合出门散步。")) is None
    now[0] = 100.0
    assert judge(asks(text.format("赵", 9))) is None


def test_a_policy_is_read_and_its_refusal_tells_nothing_of_the_text(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "acme.txt").write_text("# names of ours\nproject falcon\n", encoding="utf-8")
    (tmp_path / "policy.yaml").write_text("impersonation: off\ndeny: {acme: acme.txt}\n", encoding="utf-8")
    policy = read_policy(tmp_path / "policy.yaml")
    policy.check(asks(SCAMS[0]), "r1")
    with caplog.at_level(logging.INFO), pytest.raises(TextRefused) as refused:
        policy.check(asks("Tell them about Project Falcon."), "r2")
    assert "alcon" not in str(refused.value) + caplog.text
    assert "r2" in caplog.text
    assert "deny-list" in caplog.text


@pytest.mark.parametrize(
    "content",
    [
        "- a list",
        "unknown: 1",
        "impersonation: maybe",
        "deny: {acme: nowhere.txt}",
        "deny: [a]",
        "lookAlikes: {most: 0, windowSeconds: 60}",
        "lookAlikes: 3",
        "plugIn: no.such.module:judge",
        "plugIn: clock_train.errors:BUG",
        "plugIn: nobody-has-this",
        "a: b: c",
    ],
)
def test_a_policy_that_cannot_hold_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "policy.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(TextPolicyInvalid):
        read_policy(tmp_path / "policy.yaml")


def test_a_plug_in_decides_and_one_that_hangs_or_fails_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "firm_policy.py").write_text(
        "import time\n"
        "def judge(request):\n    return 'too loud' if request.text.isupper() else None\n"
        "def hang(request):\n    time.sleep(1)\n"
        "def fail(request):\n    raise RuntimeError(request.text)\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(policies, "PLUG_IN_S", 0.1)
    path = tmp_path / "policy.yaml"
    path.write_text("plugIn: firm_policy:judge", encoding="utf-8")
    policy = read_policy(path)
    policy.check(asks("hello"), "r")
    with pytest.raises(TextRefused, match="too loud"):
        policy.check(asks("HELLO"), "r")
    for name in ("hang", "fail"):
        path.write_text(f"plugIn: firm_policy:{name}", encoding="utf-8")
        begun = time.monotonic()
        with pytest.raises(TextRefused, match="did not decide"):
            read_policy(path).check(asks("hello"), "r")
        assert time.monotonic() - begun < 1


def test_no_text_takes_long_to_judge() -> None:
    judge = LookAlikes(3, 60.0)
    for piece in ("我是", "转", "this is ", "wire a ", "a", "我是你"):
        request = asks((piece * 20_000)[:20_000])
        begun = time.process_time()
        judge_impersonation(request)
        judge(request)
        assert time.process_time() - begun < 3
