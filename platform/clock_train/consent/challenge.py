"""The sentence that a speaker is asked to say: who agrees to what, on which day, and random words against a replay."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta

from clock_train.errors import ConsentInvalid, StatementReplayed

TEXT_VERSION = "statement-1"
NUM_WORDS = 5
VALID = timedelta(days=1)
_EN = """
yellow river window garden monday seven paper silver mountain table orange doctor winter animal letter morning
tiger pocket kitchen summer button engine island camera forest holiday bottle candle dinner elephant football guitar
hammer insect jacket kangaroo lemon market number ocean picnic question rabbit sandwich tomato umbrella vacation water
"""
_ZH = """
黄河 窗户 花园 星期 七月 报纸 银行 高山 桌子 橙子 医生 冬天 动物 信封 早晨 老虎 口袋 厨房 夏天 纽扣 火车 海岛 相机 森林
假期 瓶子 蜡烛 晚饭 大象 足球 吉他 锤子 昆虫 外套 袋鼠 柠檬 市场 数字 海洋 野餐 问题 兔子 面包 番茄 雨伞 飞机 牛奶 白云
"""
WORDS: Mapping[str, Sequence[str]] = {"en": _EN.split(), "zh": _ZH.split()}
"""Common words of two syllables or more that sound unlike each other; five of 48 are 2e8 sequences."""
_SENTENCES = {
    "en": (
        "Today is {date}. I agree that a computer voice is made from recordings of my voice, for {purposes}, "
        "in {territories}, until {until}. My words are: {words}."
    ),
    "zh": (
        "今天是{date}。我同意用我的录音制作合成声音,用途是{purposes},地区是{territories},"
        "到{until}为止。我的词语是:{words}。"
    ),
}
LANGUAGES = tuple(_SENTENCES)


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """One sentence, asked once."""

    id: str
    speaker_id: str
    language: str
    purposes: list[str]
    territories: list[str]
    expiration_time: str
    """Of the consent, RFC 3339."""
    words: list[str]
    asked: str
    """RFC 3339, when."""
    sentence: str
    text_version: str = TEXT_VERSION

    def check_fresh(self, now: datetime) -> None:
        """Raises ``StatementReplayed`` where it was asked too long ago."""
        asked = datetime.fromisoformat(self.asked)
        if not asked <= now < asked + VALID:
            raise StatementReplayed(
                f"the sentence {self.id} was asked on {self.asked} and counts for a day; ask for a new one with "
                '"clocktrain consent prompt"'
            )

    def json(self) -> str:
        """As its file has it."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def of_json(cls, text: str) -> Challenge:
        """Raises ``StatementReplayed`` where the file is none that was written here."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError) as error:
            raise StatementReplayed(
                f'the sentence cannot be read ({error}); ask for a new one with "clocktrain consent prompt"'
            ) from error


def new_challenge(
    *,
    speaker_id: str,
    language: str,
    purposes: Sequence[str],
    territories: Sequence[str],
    until: date,
    now: datetime,
) -> Challenge:
    """A sentence with random words.

    Args:
        speaker_id: pseudonym.
        language: ``en`` or ``zh``, in which it is said.
        purposes: what the voice may be used for.
        territories: ISO 3166 codes, or ``worldwide``.
        until: the last day.
        now: the time, with a zone.
    Raises:
        ConsentInvalid: no sentence in that language, or the end is not to come.
    """
    if language not in _SENTENCES:
        raise ConsentInvalid(
            f'there is no sentence in "{language}" to say; take {" or ".join(LANGUAGES)}. A speaker may agree in '
            "either, whatever the recordings are in"
        )
    if until <= now.date():
        raise ConsentInvalid(f"the consent would end on {until}, which is not to come; name a later day")
    words = secrets.SystemRandom().sample(WORDS[language], NUM_WORDS)
    comma = "、" if language == "zh" else ", "
    sentence = _SENTENCES[language].format(
        date=_said(now.date(), language),
        purposes=comma.join(purpose.replace("-", " ") for purpose in purposes),
        territories=comma.join(territories),
        until=_said(until, language),
        words=comma.join(words),
    )
    return Challenge(
        id=secrets.token_hex(4),
        speaker_id=speaker_id,
        language=language,
        purposes=list(purposes),
        territories=list(territories),
        expiration_time=f"{until.isoformat()}T23:59:59+00:00",
        words=words,
        asked=now.astimezone(UTC).isoformat(timespec="seconds"),
        sentence=sentence,
    )


def _said(day: date, language: str) -> str:
    return f"{day.year}年{day.month}月{day.day}日" if language == "zh" else f"{day.day} {day:%B} {day.year}"
