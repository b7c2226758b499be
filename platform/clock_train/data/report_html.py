"""The corpus page: what was taken, what was left out and why, what to record more of; one file beside the sound.

It needs nothing but itself and the clips next to it: plots are inline SVG, players point at relative paths.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from clock_train.audio.reading import read_waveform
from clock_train.data.coverage import BASIC_SECONDS, PROFESSIONAL_SECONDS
from clock_train.data.manifest import REPORT_NAME, Clip, Corpus
from clock_train.data.quality import MIN_SNR_DB
from clock_train.data.reasons import REASONS
from clock_train.data.report_plots import histogram, waveform_thumbnail
from clock_train.errors import AudioError

MAX_ROWS = 150
"""Of each table; a page of thousands of players helps nobody. The manifest has all."""

_CSS = """
:root{color-scheme:light dark;--page:#fbfbf9;--card:#fff;--ink:#1c1f23;--quiet:#62686f;--rule:#dfe1dd;--bar:#3b6ea8;
--limit:#b4412f;--good:#2f7d4f;--warn:#8f5f00}
@media(prefers-color-scheme:dark){:root{--page:#15171a;--card:#1d2024;--ink:#e7e8e6;--quiet:#9ba2a9;--rule:#33373c;
--bar:#7fb0e6;--limit:#f08a76;--good:#74c795;--warn:#e3b04b}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,"Noto Sans","Noto Sans CJK SC",sans-serif}
main{max-width:1080px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:24px;margin:0 0 4px}h2{font-size:17px;margin:36px 0 10px}
.quiet,figcaption span,td.quiet{color:var(--quiet)}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:20px 0}
.figures>div,figure{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:12px 14px;margin:0}
.figures b{display:block;font-size:22px;font-variant-numeric:tabular-nums}
.meter{height:8px;border-radius:4px;background:var(--rule);overflow:hidden;margin-top:6px}
.meter i{display:block;height:100%;background:var(--bar)}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(290px,1fr));gap:12px}
figcaption{font-weight:600;font-size:13px}figcaption span{font-weight:400;float:right}
svg{display:block;width:100%;height:auto}svg text{font:10px system-ui,sans-serif;fill:var(--quiet)}
.bar{fill:var(--bar)}.axis{stroke:var(--rule)}.limit{stroke:var(--limit);stroke-width:1.5;stroke-dasharray:4 3}
svg.thumb{width:160px;height:36px}
ul{padding-left:20px;margin:6px 0}li{margin:3px 0}
.note{border-left:4px solid var(--warn);background:var(--card);padding:10px 14px;margin:10px 0;
border-radius:0 8px 8px 0}
.scroll{overflow-x:auto;background:var(--card);border:1px solid var(--rule);border-radius:8px}
table{border-collapse:collapse;width:100%;font-size:13px}
th{text-align:left;font-weight:600;color:var(--quiet)}th,td{padding:7px 10px;border-bottom:1px solid var(--rule);
vertical-align:middle}tr:last-child td{border-bottom:0}td.num{text-align:right;font-variant-numeric:tabular-nums;
white-space:nowrap}td.text{min-width:220px;overflow-wrap:anywhere}audio{height:32px;width:210px;display:block}
code{font:12px ui-monospace,monospace;overflow-wrap:anywhere;display:inline-block;min-width:120px}
.code{color:var(--limit);font-weight:600;white-space:nowrap}
.tier{color:var(--good)}.tier.low{color:var(--limit)}pre{white-space:pre-wrap;font:12px/1.45 ui-monospace,monospace;
color:var(--quiet);max-height:260px;overflow:auto}details summary{cursor:pointer;color:var(--quiet)}
"""


def write_report(corpus: Corpus) -> Path:
    """Write the page into the corpus folder and return its path."""
    quality = corpus.quality
    rejected = [clip for clip in corpus.clips if not clip.is_accepted]
    speakers = quality["speakers"]
    title = ", ".join(list(speakers)[:3]) + (f" and {len(speakers) - 3} more" if len(speakers) > 3 else "")
    parts = [
        f"<h1>Corpus of {escape(title or 'nobody')}</h1>",
        f'<p class="quiet">{escape(str(quality.get("layout")))} · language {escape(str(quality.get("language")))} · '
        f"{quality.get('sample_rate_hz')} Hz</p>",
        _headline(quality),
        _plots(corpus.accepted()),
        _advice(speakers),
        _warnings(quality, corpus),
        _takes(quality.get("takes", [])),
        _reasons(quality["reasons"]),
        _rejected(corpus, rejected),
        _accepted(corpus),
        _attribution(corpus.path),
    ]
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Corpus: {escape(title)}</title><style>{_CSS}</style></head><body><main>{''.join(parts)}</main></body>"
        "</html>\n"
    )
    path = corpus.path / REPORT_NAME
    path.write_text(page, encoding="utf-8")
    return path


def _headline(quality: dict[str, Any]) -> str:
    seconds = quality["seconds_accepted"]
    is_low = quality["tier"] == "below basic"
    goal = PROFESSIONAL_SECONDS if seconds >= BASIC_SECONDS else BASIC_SECONDS
    share = min(100.0, 100.0 * seconds / goal)
    return (
        '<div class="figures">'
        f'<div><b class="tier{" low" if is_low else ""}">{escape(quality["tier"])}</b>tier</div>'
        f"<div><b>{seconds / 60:.1f} min</b>usable speech"
        f'<div class="meter" title="of {goal / 60:.0f} minutes"><i style="width:{share:.0f}%"></i></div>'
        f'<span class="quiet">{share:.0f} % of {goal / 60:.0f} min</span></div>'
        f"<div><b>{quality['clips_accepted']}</b>clips taken</div>"
        f"<div><b>{quality['clips_rejected']}</b>clips left out</div></div>"
    )


def _plots(accepted: Sequence[Clip]) -> str:
    def of(name: str) -> list[float]:
        return [value for clip in accepted if (value := getattr(clip.quality, name)) is not None]

    return (
        '<h2>What the usable clips are like</h2><div class="plots">'
        + histogram([clip.seconds for clip in accepted], title="Length", unit="s")
        + histogram(of("snr_db"), title="Voice over background", unit="dB", limit=MIN_SNR_DB)
        + histogram(of("rate_phones_per_s"), title="Speaking rate", unit="phones/s")
        + histogram(of("f0_median_hz"), title="Pitch", unit="Hz")
        + histogram(of("f0_spread_semitones"), title="Melody within a clip", unit="semitones")
        + histogram(of("loudness_lufs"), title="Loudness", unit="LUFS")
        + "</div>"
    )


def _advice(speakers: dict[str, Any]) -> str:
    blocks = []
    for name, figures in list(speakers.items())[:MAX_ROWS]:
        styles = ", ".join(f"{count} {style}s" for style, count in sorted(figures["styles"].items()))
        emotions = ", ".join(f"{count} {emotion}" for emotion, count in sorted(figures["emotions"].items()))
        held = "; ".join(part for part in (styles, emotions) if part)
        points = "".join(f"<li>{escape(sentence)}</li>" for sentence in figures["advice"])
        minutes = figures["seconds_accepted"] / 60
        blocks.append(
            f'<p><b>{escape(name)}</b> <span class="quiet">{minutes:.1f} min, {escape(held)}</span></p>'
            f"<ul>{points}</ul>"
        )
    return f"<h2>What to record more of</h2>{''.join(blocks)}"


def _warnings(quality: dict[str, Any], corpus: Corpus) -> str:
    by_id = {clip.id: clip for clip in corpus.clips}
    blocks = []
    for warning in quality.get("warnings", []):
        players = "".join(
            f"<tr><td><code>{escape(name)}</code></td><td>{_player(by_id[name])}</td></tr>"
            for name in warning.get("clips", [])[:8]
            if name in by_id
        )
        blocks.append(
            f'<div class="note"><b>{escape(warning["code"])}</b> {escape(warning["message"])}'
            + (f"<details><summary>some of them</summary><table>{players}</table></details>" if players else "")
            + "</div>"
        )
    blocks += [f'<div class="note">{escape(note)}</div>' for note in quality.get("notes", [])]
    return f"<h2>To be looked at</h2>{''.join(blocks)}" if blocks else ""


def _takes(takes: Sequence[dict[str, Any]]) -> str:
    if not takes:
        return ""
    rows = []
    for take in takes:
        lost = [("doubtful", line) for line in take["doubtful_lines"]] + [
            ("not found", x) for x in take["missing_lines"]
        ]
        lines = "".join(
            f"<li>line {each['line']}, {what}: {escape(each['text'])}</li>" for what, each in lost[:MAX_ROWS]
        )
        rows.append(
            f"<p><b>{escape(', '.join(take['files']))}</b> {take['seconds'] / 60:.1f} min, {take['lines']} lines: "
            f"{take['matched']} pieces found, {len(take['doubtful_lines'])} lines doubtful, "
            f"{len(take['missing_lines'])} not found, {len(take['unused_stretches'])} stretches without a line.</p>"
            + (f"<details><summary>lines to record again</summary><ul>{lines}</ul></details>" if lines else "")
        )
    return f"<h2>Long takes</h2>{''.join(rows)}"


def _reasons(reasons: dict[str, Any]) -> str:
    if not reasons:
        return ""
    rows = "".join(
        f'<tr><td class="num">{each["clips"]}</td><td class="code">{escape(code)}</td>'
        f"<td>{escape(each['what'])}</td></tr>"
        for code, each in reasons.items()
    )
    return f'<h2>Why clips were left out</h2><div class="scroll"><table>{rows}</table></div>'


def _rejected(corpus: Corpus, clips: Sequence[Clip]) -> str:
    if not clips:
        return ""
    # Those that can be heard come first.
    shown = sorted(clips, key=lambda clip: (not clip.path, clip.id))[:MAX_ROWS]
    rows = "".join(
        f"<tr><td><code>{escape(clip.id)}</code></td><td>{_thumbnail(corpus, clip)}</td><td>{_player(clip)}</td>"
        f'<td class="text">{escape(clip.text[:160])}</td><td>{_codes(clip)}</td></tr>'
        for clip in shown
    )
    head = "<tr><th>clip</th><th>waveform</th><th>listen</th><th>text</th><th>reason</th></tr>"
    return f'<h2>Clips left out{_of(shown, clips)}</h2><div class="scroll"><table>{head}{rows}</table></div>'


def _accepted(corpus: Corpus) -> str:
    clips = corpus.accepted()
    if not clips:
        return ""
    step = max(1, len(clips) // MAX_ROWS)
    shown = clips[::step][:MAX_ROWS]
    rows = "".join(
        f'<tr><td><code>{escape(clip.id)}</code></td><td>{_player(clip)}</td><td class="text">{escape(clip.text)}</td>'
        f'<td class="num">{clip.seconds:.1f} s</td><td class="num">{_number(clip.quality.snr_db)} dB</td>'
        f'<td class="num">{_number(clip.quality.rate_phones_per_s)}</td>'
        f'<td class="num">{_number(clip.quality.f0_median_hz)} Hz</td>'
        f'<td class="quiet">{escape(_label(clip))}</td></tr>'
        for clip in shown
    )
    head = (
        "<tr><th>clip</th><th>listen</th><th>text</th><th>length</th><th>SNR</th><th>phones/s</th><th>pitch</th>"
        "<th>style</th></tr>"
    )
    return (
        f"<h2>Clips taken{_of(shown, clips)}</h2><details open><summary>show or hide</summary>"
        f'<div class="scroll"><table>{head}{rows}</table></div></details>'
    )


def _attribution(folder: Path) -> str:
    try:
        text = (folder / "ATTRIBUTION").read_text(encoding="utf-8")
    except OSError:
        return ""
    return f"<h2>Attribution</h2><details><summary>credits and licence</summary><pre>{escape(text)}</pre></details>"


def _thumbnail(corpus: Corpus, clip: Clip) -> str:
    if not clip.path:
        return '<span class="quiet">no sound</span>'
    try:
        return waveform_thumbnail(read_waveform(corpus.audio_path(clip)))
    except AudioError:
        return '<span class="quiet">no sound</span>'


def _player(clip: Clip) -> str:
    if not clip.path:
        return f'<span class="quiet">{escape(clip.origin.file)}</span>'
    return f'<audio controls preload="none" src="{escape(quote(clip.path))}"></audio>'


def _codes(clip: Clip) -> str:
    return "<br>".join(
        f'<span class="code" title="{escape(REASONS.get(code, ""))}">{escape(code)}</span>' for code in clip.reasons
    )


def _label(clip: Clip) -> str:
    return f"{clip.style}, {clip.emotion}" if clip.emotion else clip.style


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}" if value >= 20 else f"{value:.1f}"


def _of(shown: Sequence[Clip], all_clips: Sequence[Clip]) -> str:
    return f": {len(shown)} of {len(all_clips)}" if len(shown) < len(all_clips) else f": {len(all_clips)}"
