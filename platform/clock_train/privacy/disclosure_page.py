"""The first page of an archive, for the person: what is held, what for, who used it, and what can be asked. In Chinese
and English, and without anything from outside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

from clock_train.audit.accesses import AccessLine
from clock_train.evaluation.report_style import STYLE

MOST_LINKS = 200
_WORDS = {
    "speak": "朗读 · spoke with it",
    "load": "载入 · loaded to be spoken with",
    "train": "训练 · trained from the recordings",
    "tune": "微调 · a new voice began from it",
    "teach": "蒸馏 · a student learned from it",
    "export": "导出 · written as a bundle",
    "disclose": "查阅 · handed out to the person",
}


def page_of(about: Mapping[str, Any], uses: Sequence[AccessLine]) -> str:
    """The page as text.

    Args:
        about: what ``about.json`` has.
        uses: of the voice and the recordings.
    """
    facts = {
        "化名 · Pseudonym": about["speaker"],
        "日期 · Made": about["madeAt"],
        "由 · By": about["madeBy"],
        "签名公钥 · Signed by": about["signedBy"],
    }
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in facts.items())
    return (
        '<!doctype html><html lang="zh"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(about['speaker'])}</title><style>{STYLE}</style></head><body>"
        f"<h1>关于您的个人数据 · Your personal data</h1><dl>{rows}</dl>"
        f"<h2>您的同意 · What you agreed to</h2>{_consents(about['consents'])}"
        f"<h2>我们持有的数据 · What is held</h2>{_held(about['held'])}"
        f"<h2>您提供的文件 · What you gave, in this archive</h2>{_links(about['held'])}"
        f"<h2>使用记录 · Who used it</h2>{_uses(uses)}"
        f"<h2>已删除 · Erased before</h2>{_erased(about['erasedBefore'])}"
        "<h2>您的权利 · What you can ask</h2>"
        "<p>您可以随时撤回同意、要求更正、或要求删除以上全部数据；删除后您会得到一份可验证的签名回执。请联系把此文件交给您的组织。</p>"
        "<p>You can take your consent back at any time, have mistakes corrected, or have all of the above erased, for "
        "which you get a signed receipt. Ask the organisation that gave you this file.</p>"
        '<p class="faint">about.json 为同样内容的机器可读形式 · has the same for machines, with every place and sha256.'
        "</p></body></html>\n"
    )


def _consents(consents: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (
            each["id"],
            {"statement": "本人声明 · own statement", "licence": "许可证 · a licence"}.get(each["kind"], each["kind"]),
            ", ".join(each["purposes"]),
            ", ".join(each["territories"]),
            f"{each['given'] or '?'} – {each['until'] or '∞'}",
            each["takenBack"] or "",
        )
        for each in consents
    ]
    heads = ("编号 · id", "类型 · kind", "用途 · purposes", "地域 · territories", "期限 · time", "撤回 · taken back")
    return _table(heads, rows)


def _held(held: Sequence[Mapping[str, Any]]) -> str:
    number, size, copied = Counter[tuple[str, str]](), Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for each in held:
        kind = each["what"], each["place"]
        number[kind] += 1
        size[kind] += each["bytes"] or 0
        copied[kind] += each["file"] is not None
    rows = [(*kind, number[kind], f"{size[kind] / 1e6:.2f}", copied[kind]) for kind in sorted(number)]
    return _table(("内容 · what", "位置 · place", "数量 · number", "MB", "附于本文件 · in here"), rows)


def _links(held: Sequence[Mapping[str, Any]]) -> str:
    names = sorted({each["file"] for each in held if each["file"]})
    if not names:
        return "<p>无 · none</p>"
    more = f"<p>+ {len(names) - MOST_LINKS}</p>" if len(names) > MOST_LINKS else ""
    links = (f'<li><a href="{escape(quote(name))}">{escape(name)}</a></li>' for name in names[:MOST_LINKS])
    return f"<ul>{''.join(links)}</ul>{more}"


def _uses(uses: Sequence[AccessLine]) -> str:
    times: dict[tuple[str, str, str], list[str]] = {}
    for use in uses:
        what = use.voice or "录音 · recordings"
        times.setdefault((what, _WORDS.get(use.access, use.access), use.by), []).append(f"{use.time:%Y-%m-%d}")
    rows = [(*key, len(days), min(days), max(days)) for key, days in sorted(times.items())]
    heads = ("声音 · voice", "用途 · how", "使用者 · by", "次数 · times", "首次 · first", "末次 · last")
    return _table(heads, rows)


def _erased(receipts: Sequence[Mapping[str, Any]]) -> str:
    rows = [(each["asked"], each["scope"], each["objects"], each["receipt"]) for each in receipts]
    return _table(("日期 · day", "范围 · scope", "对象 · objects", "回执 · receipt"), rows)


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    if not body:
        return "<p>无 · none</p>"
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
